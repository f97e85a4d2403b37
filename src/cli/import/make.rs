//! Makefiles. Simple ones come out whole; of the others what is understood, with the rest as comments in its place.

mod parse;
mod recipe;
mod values;
mod write;

use super::{Imported, Note};
use indexmap::IndexMap;
use parse::{Part, Parts, RecipeLine, RuleText, Statement, parts, statements};
use recipe::Stops;
pub(super) use recipe::several;
use std::collections::BTreeSet;
use std::path::Path;
use values::{Values, Variable};

/// Targets that are no files, as everybody calls them.
const USUAL_PHONY: [&str; 16] = [
    "all",
    "clean",
    "distclean",
    "mrproper",
    "install",
    "uninstall",
    "test",
    "tests",
    "check",
    "help",
    "run",
    "lint",
    "format",
    "default",
    "dist",
    "depend",
];

/// Special targets that mean nothing to rulemake: it always does what they ask for, or never.
const NO_MATTER: [&str; 10] = [
    ".SUFFIXES",
    ".DELETE_ON_ERROR",
    ".PRECIOUS",
    ".SECONDARY",
    ".SILENT",
    ".NOTPARALLEL",
    ".INTERMEDIATE",
    ".NOTINTERMEDIATE",
    ".LOW_RESOLUTION_TIME",
    // Who makes use of it is told at its place.
    ".SECONDEXPANSION",
];

/// Those that mean something else than what rulemake does.
const NOT_UNDERSTOOD: [(&str, &str); 3] = [
    (".IGNORE", "a command that fails is a failure: let it end in `|| true` where that is meant"),
    (".DEFAULT", "a rule for all files is not understood"),
    (".EXPORT_ALL_VARIABLES", NOT_EXPORTED),
];

const NOT_EXPORTED: &str = "variables are not exported: say what a command needs in the command";

/// `dir` is where the Makefile lies.
pub(crate) fn import(text: &str, dir: &Path) -> Imported {
    let mut reader = Reader::default();
    reader.values.dir = dir.to_path_buf();
    let statements = statements(text);
    reader.count_assignments(&statements);
    for statement in statements {
        reader.take(statement);
    }
    reader.finish()
}

/// A rule with its recipe, and what its variables were when make would have read it.
#[derive(Debug, Clone)]
struct Found {
    line: usize,
    comment: Option<String>,
    targets: Targets,
    needs: Parts,
    beside: Parts,
    recipe: Vec<RecipeLine>,
}

#[derive(Debug, Clone)]
enum Targets {
    /// One file, or several that are made together.
    Files(Vec<String>),
    Patterns(Vec<String>),
}

impl Found {
    /// The first target: what the rule is called after.
    fn first(&self) -> &str {
        let (Targets::Files(all) | Targets::Patterns(all)) = &self.targets;
        all.first().map(String::as_str).unwrap_or_default()
    }
}

#[derive(Default)]
struct Reader {
    values: Values,
    assigned: IndexMap<String, usize>,
    rules: Vec<Found>,
    phony: BTreeSet<String>,
    /// Rules that the recipe lines that follow belong to.
    current: Vec<usize>,
    /// For each condition that is open: whether its lines count, and whether one branch did.
    conditions: Vec<(bool, bool)>,
    default: Option<String>,
    one_shell: bool,
    stops: Stops,
    notes: Vec<Note>,
    /// What is not understood, kept as it stands.
    kept: Vec<(usize, String)>,
}

impl Reader {
    fn count_assignments(&mut self, statements: &[Statement]) {
        for statement in statements {
            if let Statement::Assign { name, operator, .. } = statement
                && operator != "+="
            {
                *self.assigned.entry(name.clone()).or_insert(0) += 1;
            }
        }
    }

    fn counts(&self) -> bool {
        self.conditions.iter().all(|(taken, _)| *taken)
    }

    fn missing(&mut self, line: usize, text: &str, what: &str) {
        let first = text.lines().next().unwrap_or_default();
        self.notes.push(Note::missing(line, format!("{what}: `{}`", first.trim())));
        self.kept.push((line, text.to_string()));
    }

    fn take(&mut self, statement: Statement) {
        match statement {
            Statement::Condition { line, word, rest } => self.condition(line, &word, &rest),
            _ if !self.counts() => {}
            Statement::Assign { line, name, operator, value, is_exported } => {
                self.assign(line, &name, &operator, &value);
                if is_exported {
                    let text = format!("export {name} {operator} {value}");
                    self.missing(line, &text, NOT_EXPORTED);
                }
            }
            Statement::Rule(rule) => self.rule(rule),
            Statement::Recipe(line) => {
                self.current.iter().for_each(|at| self.rules[*at].recipe.push(line.clone()));
            }
            Statement::Other { line, text } => {
                self.current.clear();
                let word = text.split_whitespace().next().unwrap_or_default();
                let what = match word {
                    "include" | "-include" | "sinclude" => "other Makefiles are not read: import them, too",
                    "export" | "unexport" => NOT_EXPORTED,
                    "vpath" => "files are not searched for elsewhere: write their paths",
                    "define" => "variables of several lines are not understood",
                    _ if text.contains('=') => {
                        "a variable for one target is not understood: write it into its rule"
                    }
                    _ => "not understood",
                };
                self.missing(line, &text, what);
            }
        }
    }

    /// Conditions are decided now: a Rulefile has `if`, but what make asks is mostly about the machine.
    fn condition(&mut self, line: usize, word: &str, rest: &str) {
        match word {
            "endif" => {
                self.conditions.pop();
            }
            "else" => {
                let Some((taken, done)) = self.conditions.pop() else { return };
                let (inner, condition) = rest.split_once([' ', '(']).unwrap_or((rest, ""));
                let next = match inner {
                    "" => !taken && !done,
                    _ => !done && self.decided(inner, rest[inner.len()..].trim()).is_some_and(|yes| yes),
                };
                let _ = condition;
                self.conditions.push((next, done || next));
            }
            _ => {
                let decided = self.decided(word, rest);
                if self.counts() {
                    match decided {
                        Some(yes) => {
                            let outcome = if yes { "holds" } else { "does not hold" };
                            self.notes.push(Note::changed(
                                line,
                                format!("the condition was decided now: `{word} {rest}` {outcome}"),
                            ));
                        }
                        None => self.missing(
                            line,
                            &format!("{word} {rest}"),
                            "a condition that cannot be decided now",
                        ),
                    }
                }
                // Of one that cannot be decided neither branch is taken.
                self.conditions.push((decided.unwrap_or(false), decided.unwrap_or(true)));
            }
        }
    }

    fn decided(&self, word: &str, rest: &str) -> Option<bool> {
        if word == "ifdef" || word == "ifndef" {
            let set = self.values.now(&[Part::Variable(rest.trim().into())])?;
            return Some((word == "ifdef") != set.is_empty());
        }
        let (a, b) = if let Some(inside) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            inside.split_once(',')?
        } else {
            let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
            let (a, after) = rest[1..].split_once(quote)?;
            let after = after.trim().strip_prefix(['"', '\''])?;
            (a, after.strip_suffix(['"', '\''])?)
        };
        let value = |text: &str| self.values.now(&parts(text.trim())?);
        let same = value(a)?.trim() == value(b)?.trim();
        Some((word == "ifeq") == same)
    }

    fn assign(&mut self, line: usize, name: &str, operator: &str, value: &str) {
        self.current.clear();
        if name == ".DEFAULT_GOAL" {
            self.default = Some(value.to_string());
            return;
        }
        if name == "SHELL" && !value.ends_with("bash") && !value.ends_with("/sh") {
            self.missing(
                line,
                &format!("{name} {operator} {value}"),
                "commands are run by bash, not by this shell",
            );
            return;
        }
        if name == "VPATH" {
            self.missing(line, &format!("{name} {operator} {value}"), "files are not searched for elsewhere");
            return;
        }
        if name == ".SHELLFLAGS" {
            self.stops = Stops::of_flags(value);
            return;
        }
        if matches!(name, "SHELL" | "MAKEFLAGS") {
            return;
        }
        let Some(mut new) = parts(value).filter(|_| operator != "!=") else {
            self.missing(
                line,
                &format!("{name} {operator} {value}"),
                "this value is not understood: it is empty",
            );
            let variable = Variable { value: Vec::new(), optional: false, inline: false, line };
            self.values.variables.insert(name.into(), variable);
            return;
        };
        let old = self.values.variables.get(name).cloned();
        if operator == "?=" && old.is_some() {
            return;
        }
        // What it was before, where it names itself: at first what the environment or make has.
        let before = match &old {
            Some(old) => old.value.clone(),
            None => vec![Part::Text(self.values.now(&[Part::Variable(name.into())]).unwrap_or_default())],
        };
        if operator == "+=" && old.is_none() && !before.iter().all(|part| *part == Part::Text(String::new()))
        {
            new.insert(0, Part::Text(" ".into()));
            new.splice(0..0, before.iter().cloned());
        }
        let own = |part: Part| if part == Part::Variable(name.into()) { before.clone() } else { vec![part] };
        new = new.into_iter().flat_map(own).collect();
        let several = self.assigned.get(name).is_some_and(|count| *count > 1);
        // A simple variable has the values that others have at its place.
        if operator == ":=" || operator == "::=" {
            new = self.settled(new);
            if let Some(now) = self.values.now(&new).filter(|_| several) {
                new = vec![Part::Text(now)];
            }
        }
        let variable = match (operator, old) {
            ("+=", Some(mut old)) => {
                if !old.value.is_empty() {
                    old.value.push(Part::Text(" ".into()));
                }
                old.value.extend(new);
                old
            }
            _ => Variable { value: new, optional: operator == "?=", inline: several, line },
        };
        // Whether Python can say it is known when it is written.
        self.values.variables.insert(name.into(), variable);
    }

    fn rule(&mut self, rule: RuleText) {
        self.current.clear();
        let whole = || format!("{}{} {}", rule.targets, rule.separator, rule.needs);
        let first = rule.targets.split_whitespace().next().unwrap_or_default().to_string();
        if first == ".PHONY" {
            match self.values.words_now(&rule.needs) {
                Some(words) => self.phony.extend(words),
                None => self.missing(rule.line, &whole(), "not understood"),
            }
            return;
        }
        if first == ".ONESHELL" {
            self.one_shell = true;
            return;
        }
        if first == ".POSIX" {
            self.stops.at_failures = true;
            return;
        }
        if NO_MATTER.contains(&first.as_str()) {
            return;
        }
        if let Some((_, why)) = NOT_UNDERSTOOD.iter().find(|(name, _)| *name == first) {
            return self.missing(rule.line, &whole(), why);
        }
        if rule.separator == "::" {
            return self.missing(rule.line, &whole(), "rules with two colons are not understood");
        }
        let (Some(needs), Some(beside)) = (parts(&rule.needs), parts(&rule.beside)) else {
            return self.missing(rule.line, &whole(), "an open bracket");
        };
        if self.values.has_automatic(&needs)
            || self.values.has_automatic(&beside)
            || rule.needs.contains("$$")
        {
            return self.missing(rule.line, &whole(), "a second expansion is not understood");
        }
        let (needs, beside) = (self.settled(needs), self.settled(beside));
        if [&rule.targets, &rule.needs, &rule.beside].iter().any(|text| has_braces(text)) {
            return self.missing(rule.line, &whole(), "names with braces cannot be said in a Rulefile");
        }
        let found = |targets: Targets| Found {
            line: rule.line,
            comment: rule.comment.clone(),
            targets,
            needs: needs.clone(),
            beside: beside.clone(),
            recipe: rule.recipe.clone(),
        };
        let mut new = Vec::new();
        if let Some(pattern) = &rule.pattern {
            // A static pattern rule: the list says for which files, and here the pattern alone does.
            new.push(found(Targets::Patterns(vec![pattern.clone()])));
        } else if let Some((from, to)) = suffixes(&first).filter(|_| rule.needs.is_empty()) {
            let mut rule = found(Targets::Patterns(vec![format!("%{to}")]));
            rule.needs = vec![Part::Text(format!("%{from}"))];
            new.push(rule);
        } else {
            let Some(targets) = self.values.words_now(&rule.targets) else {
                return self.missing(rule.line, &whole(), "these targets cannot be said now");
            };
            if targets.iter().any(|target| target.contains('%')) {
                if targets.iter().any(|target| target == "%") {
                    return self.missing(rule.line, &whole(), "a rule for all files is not understood");
                }
                // Without a recipe it takes one away that make has built in.
                new.push(found(Targets::Patterns(targets)));
            } else if rule.separator == "&:" {
                new.push(found(Targets::Files(targets)));
            } else {
                if rule.targets.contains('$') && targets.len() > 1 && !rule.recipe.is_empty() {
                    let message = format!("written out for the {} files that it is for now", targets.len());
                    self.notes.push(Note::changed(rule.line, message));
                }
                new.extend(targets.into_iter().map(|target| found(Targets::Files(vec![target]))));
            }
        }
        self.current = (self.rules.len()..self.rules.len() + new.len()).collect();
        self.rules.extend(new);
    }

    /// With the values of variables that have another one further down.
    fn settled(&self, parts: Parts) -> Parts {
        let settle = |part: Part| match &part {
            Part::Variable(name) if self.values.is_inline(name) => {
                self.values.variables.get(name).map(|variable| variable.value.clone()).unwrap_or_default()
            }
            _ => vec![part],
        };
        parts.into_iter().flat_map(settle).collect()
    }
}

/// Whether a name holds a brace that is not make's own.
fn has_braces(text: &str) -> bool {
    parts(text)
        .into_iter()
        .flatten()
        .any(|part| matches!(&part, Part::Text(text) if text.contains(['{', '}'])))
}

/// `.c.o`: the old way to write a pattern.
fn suffixes(target: &str) -> Option<(&str, &str)> {
    let known = |suffix: &str| {
        [
            ".c", ".cc", ".cpp", ".o", ".s", ".f", ".tex", ".dvi", ".ps", ".pdf", ".md", ".html", ".txt",
            ".csv", ".svg", ".png", ".dot",
        ]
        .contains(&suffix)
    };
    let at = target.strip_prefix('.')?.find('.')? + 1;
    let (from, to) = (&target[..at], &target[at..]);
    (known(from) && known(to)).then_some((from, to))
}
