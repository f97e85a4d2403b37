//! What a text with variables comes to: as make would have it now, and as an expression of Python that stays true later.

use super::parse::{DOLLAR, Part, Parts, parts};
use crate::import::quoted;
use indexmap::IndexMap;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Variables that name each other in a circle end here.
const DEPTH: usize = 40;

/// What make sets itself. All others that nobody sets come from the environment, or are empty.
const BUILT_IN: [(&str, &str); 10] = [
    ("CC", "cc"),
    ("CXX", "g++"),
    ("CPP", "cc -E"),
    ("FC", "f77"),
    ("AR", "ar"),
    ("ARFLAGS", "-rv"),
    ("AS", "as"),
    ("LD", "ld"),
    ("RM", "rm -f"),
    ("MAKE", "make"),
];

#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) value: Parts,
    /// `?=`: the environment comes first.
    pub(super) optional: bool,
    /// Set anew further down: it has no one value, and is put in wherever it is used.
    pub(super) inline: bool,
    pub(super) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    List,
}

/// Variables by their names, with what a Rulefile needs for those that it uses.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) variables: IndexMap<String, Variable>,
    pub(super) dir: PathBuf,
    /// Those that come from the environment or from make.
    pub(super) outside: BTreeSet<String>,
    pub(super) helpers: BTreeSet<&'static str>,
    pub(super) imports: BTreeSet<&'static str>,
    locals: Vec<String>,
    depth: usize,
    /// Steps that were taken: a text that doubles with each variable must come to an end.
    steps: Cell<u32>,
}

/// Far more than any Makefile that people write takes.
const MAX_STEPS: u32 = 300_000;

pub(super) fn helper(name: &str) -> &'static str {
    match name {
        "patsubst" => {
            "def patsubst(pattern, replacement, words):\n    \"\"\"As in make: `%` is any text, the same in both.\"\"\"\n    \
             if \"%\" not in pattern:\n        return [replacement if word == pattern else word for word in words]\n    \
             start, end = pattern.split(\"%\", 1)\n    size = len(start) + len(end)\n    fits = lambda word: len(word) >= size \
             and word.startswith(start) and word.endswith(end)\n    change = lambda word: replacement.replace(\"%\", \
             word[len(start) : len(word) - len(end)], 1)\n    return [change(word) if fits(word) else word for word in words]\n"
        }
        "fits" => {
            "def fits(word, patterns):\n    \"\"\"Whether a word is like one of the patterns, in which `%` is any text.\"\"\"\n    \
             for pattern in patterns:\n        start, _, end = pattern.partition(\"%\")\n        if word == pattern or (\n            \
             \"%\" in pattern\n            and len(word) >= len(start) + len(end)\n            and word.startswith(start)\n            \
             and word.endswith(end)\n        ):\n            return True\n    return False\n"
        }
        _ => "",
    }
}

impl Values {
    /// A name in Python.
    pub(super) fn python(name: &str) -> String {
        let name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let taken = name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty();
        // Names of make are mostly in capitals; those that are not could be Python's.
        if taken || name.chars().any(|c| c.is_ascii_lowercase()) { format!("var_{name}") } else { name }
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    pub(super) fn has_automatic(&self, parts: &[Part]) -> bool {
        self.any(parts, 0, &|part| matches!(part, Part::Automatic(..)))
    }

    pub(super) fn goes_on(&self) -> bool {
        self.steps.set(self.steps.get().saturating_add(1));
        self.steps.get() < MAX_STEPS
    }

    /// Whether `found` holds of a part, also within variables.
    pub(super) fn any(&self, parts: &[Part], depth: usize, found: &dyn Fn(&Part) -> bool) -> bool {
        depth < DEPTH
            && self.goes_on()
            && parts.iter().any(|part| {
                found(part)
                    || match part {
                        Part::Variable(name) | Part::Substitution(name, ..) => self
                            .variable(name)
                            .is_some_and(|variable| self.any(&variable.value, depth + 1, found)),
                        Part::Call(_, arguments) => {
                            arguments.iter().any(|argument| self.any(argument, depth + 1, found))
                        }
                        _ => false,
                    }
            })
    }

    /// Whether a variable is put in where it is used, instead of standing in the Rulefile.
    pub(super) fn is_inline(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|variable| variable.inline || self.has_automatic(&variable.value))
    }

    // As make would have it, now.

    pub(super) fn now(&self, parts: &[Part]) -> Option<String> {
        self.now_within(parts, 0, &[])
    }

    pub(super) fn words_now(&self, text: &str) -> Option<Vec<String>> {
        let text = self.now(&parts(text)?)?;
        Some(text.split_whitespace().map(String::from).collect())
    }

    fn now_within(&self, parts: &[Part], depth: usize, locals: &[(String, String)]) -> Option<String> {
        if depth > DEPTH || !self.goes_on() {
            return None;
        }
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&self.value_now(name, depth, locals)?),
                Part::Automatic(..) => return None,
                Part::Substitution(name, from, to) => {
                    let value = self.value_now(name, depth, locals)?;
                    let (from, to) =
                        (self.now_within(from, depth + 1, locals)?, self.now_within(to, depth + 1, locals)?);
                    let (from, to) =
                        if from.contains('%') { (from, to) } else { (format!("%{from}"), format!("%{to}")) };
                    out.push_str(&each(&value, |word| substituted(word, &from, &to)));
                }
                Part::Call(name, arguments) => out.push_str(&self.call_now(name, arguments, depth, locals)?),
            }
        }
        Some(out)
    }

    fn value_now(&self, name: &str, depth: usize, locals: &[(String, String)]) -> Option<String> {
        if let Some((_, value)) = locals.iter().rev().find(|(local, _)| local == name) {
            return Some(value.clone());
        }
        match self.variable(name) {
            Some(variable) => self.now_within(&variable.value, depth + 1, locals),
            None => {
                let known = BUILT_IN.iter().find(|(known, _)| *known == name);
                Some(known.map(|(_, value)| (*value).to_string()).unwrap_or_default())
            }
        }
    }

    fn call_now(
        &self,
        name: &str,
        arguments: &[Parts],
        depth: usize,
        locals: &[(String, String)],
    ) -> Option<String> {
        if name == "foreach" {
            let [variable, list, text] = arguments else { return None };
            let variable = self.now_within(variable, depth + 1, locals)?;
            let list = self.now_within(list, depth + 1, locals)?;
            let mut out = Vec::new();
            for word in list.split_whitespace().take(10_000) {
                let mut inner = locals.to_vec();
                inner.push((variable.trim().to_string(), word.to_string()));
                out.push(self.now_within(text, depth + 1, &inner)?);
            }
            return Some(out.join(" "));
        }
        let all: Option<Vec<String>> =
            arguments.iter().map(|argument| self.now_within(argument, depth + 1, locals)).collect();
        let all = all?;
        let argument = |at: usize| all.get(at).map(String::as_str);
        let last = all.last().map(String::as_str).unwrap_or_default();
        let words: Vec<&str> = last.split_whitespace().collect();
        let number = |at: usize| argument(at).and_then(|text| text.trim().parse::<usize>().ok());
        Some(match (name, all.len()) {
            ("patsubst", 3) => each(last, |word| substituted(word, all[0].trim(), all[1].trim())),
            ("subst", 3) => last.replace(all[0].as_str(), &all[1]),
            ("strip", 1) => words.join(" "),
            ("findstring", 2) => {
                if last.contains(all[0].as_str()) {
                    all[0].clone()
                } else {
                    String::new()
                }
            }
            ("filter" | "filter-out", 2) => {
                let patterns: Vec<&str> = all[0].split_whitespace().collect();
                let kept =
                    |word: &&&str| patterns.iter().any(|p| stem(p, word).is_some()) == (name == "filter");
                words.iter().filter(kept).copied().collect::<Vec<_>>().join(" ")
            }
            ("sort", 1) => BTreeSet::from_iter(words).into_iter().collect::<Vec<_>>().join(" "),
            ("dir", 1) => each(last, |word| word.rfind('/').map_or("./".into(), |at| word[..=at].into())),
            ("notdir", 1) => each(last, |word| word.rsplit('/').next().unwrap_or_default().into()),
            ("basename", 1) => each(last, |word| word[..word.len() - suffix(word).len()].into()),
            ("suffix", 1) => each(last, |word| suffix(word).into()),
            ("addprefix", 2) => each(last, |word| format!("{}{word}", all[0])),
            ("addsuffix", 2) => each(last, |word| format!("{word}{}", all[0])),
            ("words", 1) => words.len().to_string(),
            ("word", 2) => words.get(number(0)?.checked_sub(1)?).copied().unwrap_or_default().into(),
            ("firstword", 1) => words.first().copied().unwrap_or_default().into(),
            ("lastword", 1) => words.last().copied().unwrap_or_default().into(),
            ("wildcard", 1) => {
                words.iter().flat_map(|pattern| on_disk(&self.dir, pattern)).collect::<Vec<_>>().join(" ")
            }
            _ => return None,
        })
    }

    // As Python, for later. What cannot be said is an error, which names it.

    /// The kind of a variable: of what it is made.
    pub(super) fn kind(&self, parts: &[Part], depth: usize) -> Kind {
        let list = |part: &Part| match part {
            Part::Call(name, _) => !["words", "shell", "findstring"].contains(&name.as_str()),
            Part::Substitution(..) => true,
            Part::Variable(name) => {
                depth < DEPTH
                    && self.goes_on()
                    && self
                        .variable(name)
                        .is_some_and(|variable| self.kind(&variable.value, depth + 1) == Kind::List)
            }
            _ => false,
        };
        let words = words(parts);
        let any = words.iter().any(|word| matches!(word.as_slice(), [part] if list(part)));
        if any { Kind::List } else { Kind::Text }
    }

    /// The value of a variable that is put in where it is used; the caller counts `depth` down again.
    fn inlined(&mut self, name: &str) -> Result<Parts, String> {
        if self.depth >= DEPTH || !self.goes_on() {
            return Err(format!("`$({name})`, which names itself"));
        }
        self.depth += 1;
        Ok(self.variable(name).map(|variable| variable.value.clone()).unwrap_or_default())
    }

    /// An expression for a string.
    pub(super) fn text(&mut self, parts: &[Part]) -> Result<String, String> {
        let plain = parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Variable(name) => !self.is_inline(name) && self.kind_of(name) == Kind::Text,
            _ => false,
        });
        if let [Part::Variable(name)] = parts
            && plain
        {
            return Ok(self.reference(name));
        }
        if plain && !parts.iter().any(|part| matches!(part, Part::Variable(_))) {
            return Ok(quoted(&dollars(&joined(parts))));
        }
        if plain {
            let mut out = String::new();
            for part in parts {
                match part {
                    Part::Variable(name) => out.push_str(&format!("{{{}}}", self.reference(name))),
                    Part::Text(text) => out.push_str(&dollars(text).replace('{', "{{").replace('}', "}}")),
                    _ => {}
                }
            }
            return Ok(format!("f{}", quoted(&out)));
        }
        let mut pieces = Vec::new();
        for part in parts {
            pieces.push(match part {
                Part::Text(text) => quoted(&dollars(text)),
                Part::Variable(name) if self.is_inline(name) => {
                    let value = self.inlined(name)?;
                    let text = self.text(&value);
                    self.depth -= 1;
                    text?
                }
                Part::Variable(name) if self.kind_of(name) == Kind::Text => self.reference(name),
                other => match self.word(std::slice::from_ref(other))? {
                    (Kind::Text, text) => text,
                    (Kind::List, list) => format!("\" \".join({list})"),
                },
            });
        }
        Ok(if pieces.is_empty() { "\"\"".into() } else { pieces.join(" + ") })
    }

    /// An expression for a list of words.
    pub(super) fn list(&mut self, parts: &[Part]) -> Result<String, String> {
        let mut out: Vec<String> = Vec::new();
        let mut plain: Vec<String> = Vec::new();
        for word in words(parts) {
            match self.word(&word)? {
                (Kind::Text, text) => plain.push(text),
                (Kind::List, list) => {
                    if !plain.is_empty() {
                        out.push(format!("[{}]", plain.join(", ")));
                        plain.clear();
                    }
                    out.push(list);
                }
            }
        }
        if !plain.is_empty() || out.is_empty() {
            out.push(format!("[{}]", plain.join(", ")));
        }
        Ok(out.join(" + "))
    }

    /// One expression for each word: a string, or a list of several.
    pub(super) fn items(&mut self, parts: &[Part]) -> Result<Vec<String>, String> {
        words(parts).iter().map(|word| self.word(word).map(|(_, text)| text)).collect()
    }

    fn word(&mut self, word: &[Part]) -> Result<(Kind, String), String> {
        let [part] = word else {
            let text = self.text(word)?;
            // Of variables alone: it may be empty.
            let has_text = word.iter().any(|part| matches!(part, Part::Text(_)));
            return Ok(if has_text { (Kind::Text, text) } else { (Kind::List, format!("({text}).split()")) });
        };
        Ok(match part {
            Part::Text(_) => (Kind::Text, self.text(word)?),
            Part::Automatic('^' | '+', None) => (Kind::List, "list(input)".into()),
            Part::Automatic(..) => (Kind::Text, automatic(part)?),
            Part::Variable(name) if self.is_inline(name) => {
                let value = self.inlined(name)?;
                let list = self.list(&value);
                self.depth -= 1;
                (Kind::List, list?)
            }
            Part::Variable(name) if self.locals.contains(name) => (Kind::Text, Values::python(name)),
            Part::Variable(name) => match self.kind_of(name) {
                Kind::List => (Kind::List, self.reference(name)),
                // One word may stand as it is.
                Kind::Text if self.is_one_word(name) => (Kind::Text, self.reference(name)),
                Kind::Text => (Kind::List, format!("{}.split()", self.reference(name))),
            },
            Part::Substitution(name, from, to) => {
                let mut both = [from.clone(), to.clone()];
                if !matches!(from.as_slice(), [Part::Text(text)] if text.contains('%')) {
                    both.iter_mut().for_each(|parts| parts.insert(0, Part::Text("%".into())));
                }
                let [from, to] = both.map(|parts| merged(&parts));
                let of = vec![Part::Variable(name.clone())];
                (Kind::List, self.call("patsubst", &[from, to, of])?)
            }
            Part::Call(name, arguments) => {
                let kind = if name == "words" { Kind::Text } else { Kind::List };
                (kind, self.call(name, arguments)?)
            }
        })
    }

    fn is_one_word(&self, name: &str) -> bool {
        let value = vec![Part::Variable(name.into())];
        let optional = self.variable(name).is_none_or(|variable| variable.optional);
        !optional && self.now(&value).is_some_and(|text| text.split_whitespace().count() == 1)
    }

    fn kind_of(&self, name: &str) -> Kind {
        self.variable(name).map_or(Kind::Text, |variable| self.kind(&variable.value, 0))
    }

    /// The name of a variable in Python; one that nobody sets is the environment's.
    pub(super) fn reference(&mut self, name: &str) -> String {
        if self.variable(name).is_none() && !self.locals.iter().any(|local| local == name) {
            self.outside.insert(name.into());
        }
        Values::python(name)
    }

    /// What make or the environment has for a variable that the Makefile does not set.
    pub(super) fn from_outside(name: &str, default: Option<&str>) -> String {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        match default {
            Some(default) => format!("os.environ.get({}, {default})", quoted(name)),
            None => format!("os.environ.get({}, {})", quoted(name), quoted(built_in)),
        }
    }

    fn call(&mut self, name: &str, arguments: &[Parts]) -> Result<String, String> {
        let unknown = || format!("the function `$({name} ...)`");
        if name == "foreach" {
            let [variable, list, text] = arguments else { return Err(unknown()) };
            let [Part::Text(variable)] = variable.as_slice() else { return Err(unknown()) };
            let list = self.list(list)?;
            self.locals.push(variable.trim().to_string());
            let body = self.list(text);
            self.locals.pop();
            let name = Values::python(variable.trim());
            return Ok(format!("[item for {name} in {list} for item in {}]", body?));
        }
        let Some((last, first)) = arguments.split_last() else { return Err(unknown()) };
        let path = |of: &str, list: &str| format!("[os.path.{of} for word in {list}]");
        Ok(match (name, first) {
            ("wildcard", []) => {
                self.imports.insert("from glob import glob");
                let all: Result<Vec<String>, String> = words(last)
                    .iter()
                    .map(|word| self.word(word))
                    .map(|word| match word? {
                        (Kind::Text, text) => Ok(format!("sorted(glob({text}))")),
                        (Kind::List, list) => {
                            Ok(format!("[file for word in {list} for file in sorted(glob(word))]"))
                        }
                    })
                    .collect();
                all?.join(" + ")
            }
            ("patsubst", [from, to]) => {
                self.helpers.insert("patsubst");
                let (from, to) = (self.text(&trimmed(from))?, self.text(&trimmed(to))?);
                format!("patsubst({from}, {to}, {})", self.list(last)?)
            }
            ("subst", [from, to]) => {
                let (from, to) = (self.text(from)?, self.text(to)?);
                format!("[word.replace({from}, {to}) for word in {}]", self.list(last)?)
            }
            ("filter" | "filter-out", [patterns]) => {
                self.helpers.insert("fits");
                let not = if name == "filter" { "" } else { "not " };
                let patterns = self.list(patterns)?;
                format!("[word for word in {} if {not}fits(word, {patterns})]", self.list(last)?)
            }
            ("strip", []) => self.list(last)?,
            ("sort", []) => format!("sorted(set({}))", self.list(last)?),
            ("dir" | "notdir" | "basename" | "suffix", []) => {
                self.imports.insert("import os");
                let list = self.list(last)?;
                match name {
                    "dir" => path("join(os.path.dirname(word) or \".\", \"\")", &list),
                    "notdir" => path("basename(word)", &list),
                    "basename" => path("splitext(word)[0]", &list),
                    _ => {
                        format!("[os.path.splitext(word)[1] for word in {list} if os.path.splitext(word)[1]]")
                    }
                }
            }
            ("addprefix", [prefix]) => {
                format!("[{} + word for word in {}]", self.text(prefix)?, self.list(last)?)
            }
            ("addsuffix", [suffix]) => {
                format!("[word + {} for word in {}]", self.text(suffix)?, self.list(last)?)
            }
            ("words", []) => format!("str(len({}))", self.list(last)?),
            ("firstword", []) => format!("({})[:1]", self.list(last)?),
            ("lastword", []) => format!("({})[-1:]", self.list(last)?),
            ("word", [at]) => match self.now(at).and_then(|at| at.trim().parse::<usize>().ok()) {
                Some(at) if at > 0 => format!("({})[{}:{at}]", self.list(last)?, at - 1),
                _ => return Err(unknown()),
            },
            _ => return Err(unknown()),
        })
    }
}

/// An automatic variable as an expression of a function of `wildcards`, `input` and `output`.
pub(super) fn automatic(part: &Part) -> Result<String, String> {
    let Part::Automatic(c, of) = part else { return Err("this".into()) };
    let whole = match c {
        '@' => "output[0]",
        '<' => "input[0]",
        '*' => "wildcards.stem",
        _ => return Err(format!("`$({c}{})`", of.map(String::from).unwrap_or_default())),
    };
    Ok(match of {
        None => whole.into(),
        Some('D') => format!("os.path.dirname({whole}) or \".\""),
        Some(_) => format!("os.path.basename({whole})"),
    })
}

/// The stem of a word that a pattern with `%` fits; nothing of it for a pattern without.
pub(super) fn stem<'w>(pattern: &str, word: &'w str) -> Option<&'w str> {
    match pattern.split_once('%') {
        None => (pattern == word).then_some(""),
        Some((start, end)) => {
            let long = word.len() >= start.len() + end.len();
            word.strip_prefix(start).filter(|_| long)?.strip_suffix(end)
        }
    }
}

fn substituted(word: &str, from: &str, to: &str) -> String {
    match stem(from, word) {
        Some(stem) => to.replacen('%', stem, 1),
        None => word.into(),
    }
}

fn each(text: &str, change: impl Fn(&str) -> String) -> String {
    let all: Vec<String> = text.split_whitespace().map(change).filter(|word| !word.is_empty()).collect();
    all.join(" ")
}

fn suffix(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or_default();
    name.rfind('.').map_or("", |at| &name[at..])
}

fn on_disk(dir: &Path, pattern: &str) -> Vec<String> {
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&dir.to_string_lossy()));
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let found = glob::glob_with(&whole, options).into_iter().flatten().flatten();
    let inside = found.filter_map(|path| Some(path.strip_prefix(dir).ok()?.to_str()?.to_string()));
    let mut all: Vec<String> = inside.collect();
    all.sort_unstable();
    all
}

/// The words of a text: each a sequence of parts without blanks between them.
pub(super) fn words(parts: &[Part]) -> Vec<Parts> {
    let mut out: Vec<Parts> = Vec::new();
    let mut current: Parts = Vec::new();
    for part in parts {
        let Part::Text(text) = part else {
            current.push(part.clone());
            continue;
        };
        for (at, piece) in text.split(char::is_whitespace).enumerate() {
            if at > 0 && !current.is_empty() {
                out.push(std::mem::take(&mut current));
            }
            if !piece.is_empty() {
                current.push(Part::Text(piece.into()));
            }
        }
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}

fn joined(parts: &[Part]) -> String {
    parts
        .iter()
        .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect()
}

/// Neighbouring texts as one.
fn merged(parts: &[Part]) -> Parts {
    let mut out: Parts = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(text),
            _ => out.push(part.clone()),
        }
    }
    out
}

fn trimmed(parts: &[Part]) -> Parts {
    let words = words(parts);
    words.into_iter().next().map(|word| merged(&word)).unwrap_or_default()
}

/// With the shell's dollars.
pub(super) fn dollars(text: &str) -> String {
    text.replace(DOLLAR, "$")
}
