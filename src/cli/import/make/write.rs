//! From what was read to rules: those for one file are joined, what make adds by itself is added, names that are no files
//! are told apart, and each rule is written down.

use super::parse::{Part, Parts, RecipeLine};
use super::recipe::{Recipe, WILDCARD};
use super::values::{Kind, Values, helper, stem, words};
use super::{Found, Reader, Targets, USUAL_PHONY};
use crate::import::{Draft, Imported, Names, Note, assembled, quoted};
use indexmap::IndexMap;
use std::collections::BTreeSet;

impl Reader {
    pub(super) fn finish(mut self) -> Imported {
        self.join_rules();
        self.leave_out_directories();
        self.built_in_rules();
        let phony = self.phony_rules();
        let mut names = Names::default();
        let names: Vec<String> =
            self.rules.iter().map(|rule| names.unique(&rule.first().replace(['%', '/'], "_"))).collect();
        let lines = self.rules.iter().map(|rule| rule.line);
        self.notes.extend(lines.zip(&names).filter_map(|(line, name)| Note::of_name(line, name)));
        let mut writer = Writer { names, drafts: Vec::new(), orders: Vec::new(), phony };
        let default = self.default_goal();
        for at in 0..self.rules.len() {
            self.write(&mut writer, at);
        }
        if let Some(default) = default
            && let Some(at) = writer.drafts.iter().position(|(target, _)| *target == default)
        {
            let first = writer.drafts.remove(at);
            writer.drafts.insert(0, first);
        }
        let head = self.head();
        let drafts: Vec<Draft> = writer.drafts.into_iter().map(|(_, draft)| draft).collect();
        let mut tail: String = writer.orders.iter().map(|order| format!("ruleorder: {order}\n")).collect();
        if !self.kept.is_empty() {
            tail.push_str("\n# Not understood:\n");
            for (line, text) in &self.kept {
                let lines = text.lines().enumerate().map(|(at, text)| match at {
                    0 => format!("# line {line}: {text}\n"),
                    _ => format!("#     {text}\n"),
                });
                tail.extend(lines);
            }
        }
        self.notes.sort_by_key(|note| note.line);
        self.notes.dedup();
        let rules = drafts.iter().map(|draft| draft.name.clone()).collect();
        Imported { text: assembled(&head, &drafts, &tail), rules, notes: self.notes }
    }

    /// Several rules for one file are one; only one of them may have a recipe.
    fn join_rules(&mut self) {
        let mut joined: Vec<Found> = Vec::new();
        for rule in std::mem::take(&mut self.rules) {
            let same = joined.iter_mut().find(|known| match (&known.targets, &rule.targets) {
                (Targets::Files(a), Targets::Files(b)) => a == b,
                _ => false,
            });
            let Some(known) = same else {
                joined.push(rule);
                continue;
            };
            // The needs of the rule with the recipe come first: one of them is `$<`.
            let (first, second) = if known.recipe.is_empty() && !rule.recipe.is_empty() {
                (rule, known.clone())
            } else {
                (known.clone(), rule)
            };
            if !first.recipe.is_empty() && !second.recipe.is_empty() {
                self.notes
                    .push(Note::changed(second.line, "a second recipe for one file: the last one counts"));
            }
            let blank = || Part::Text(" ".into());
            let both = |a: Parts, b: Parts| a.into_iter().chain([blank()]).chain(b).collect();
            *known = Found {
                recipe: if second.recipe.is_empty() { first.recipe } else { second.recipe },
                needs: both(first.needs, second.needs),
                beside: both(first.beside, second.beside),
                line: first.line,
                comment: first.comment.or(second.comment),
                targets: first.targets,
            };
        }
        self.rules = joined;
    }

    /// Directories of outputs are made by rulemake itself.
    fn leave_out_directories(&mut self) {
        let makes_directory = |rule: &Found| {
            let Targets::Files(files) = &rule.targets else { return false };
            let mkdir = |line: &RecipeLine| {
                let words: Vec<&str> =
                    line.text.trim_start_matches(['@', '-', ' ', '\t']).split_whitespace().collect();
                matches!(words.as_slice(), ["mkdir", rest @ ..] if !rest.is_empty()
                    && rest.iter().all(|word| word.starts_with('-') || *word == "$@" || files.iter().any(|file| file == word)
                        || word.starts_with("$(") || word.starts_with("${")))
            };
            !rule.recipe.is_empty() && rule.recipe.iter().all(mkdir)
        };
        let mut gone: BTreeSet<String> = BTreeSet::new();
        for rule in self.rules.iter().filter(|rule| makes_directory(rule)) {
            let Targets::Files(files) = &rule.targets else { continue };
            if files.iter().any(|file| self.phony.contains(file)) {
                continue;
            }
            gone.extend(files.iter().cloned());
            let message =
                format!("`{}` is a directory: rulemake makes those of outputs itself", files.join(" "));
            self.notes.push(Note::changed(rule.line, message));
        }
        let is_gone = |rule: &Found| matches!(&rule.targets, Targets::Files(files) if files.iter().all(|file| gone.contains(file)));
        self.rules.retain(|rule| !is_gone(rule));
        for at in 0..self.rules.len() {
            self.make_first(at, &gone);
            for list in [self.rules[at].needs.clone(), self.rules[at].beside.clone()].into_iter().enumerate()
            {
                let kept = words(&list.1).into_iter().filter(|word| {
                    let now = self.values.now(word).unwrap_or_default();
                    !gone.contains(now.trim_end_matches('/')) && !gone.contains(&now)
                });
                let kept: Parts =
                    kept.flat_map(|word| word.into_iter().chain([Part::Text(" ".into())])).collect();
                if list.0 == 0 { self.rules[at].needs = kept } else { self.rules[at].beside = kept }
            }
        }
    }

    /// Directories that a command needs and none of its outputs lies in: it makes them itself.
    fn make_first(&mut self, at: usize, directories: &BTreeSet<String>) {
        let rule = &self.rules[at];
        let (Targets::Files(outputs) | Targets::Patterns(outputs)) = &rule.targets;
        let mut wanted = self.needed(rule);
        wanted.extend(self.values.now(&rule.beside).unwrap_or_default().split_whitespace().map(String::from));
        let holds_output = |dir: &str| {
            outputs.iter().any(|output| output.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')))
        };
        let dirs: BTreeSet<&str> = wanted.iter().map(|word| word.trim_end_matches('/')).collect();
        let dirs: Vec<&str> =
            dirs.into_iter().filter(|dir| directories.contains(*dir) && !holds_output(dir)).collect();
        if dirs.is_empty() || rule.recipe.is_empty() {
            return;
        }
        let (line, dirs) = (rule.line, dirs.join(" "));
        self.notes.push(Note::changed(line, format!("its command makes `{dirs}` first")));
        self.rules[at].recipe.insert(0, RecipeLine { line, text: format!("@mkdir -p {dirs}") });
    }

    fn needed(&self, rule: &Found) -> Vec<String> {
        let text = self.values.now(&rule.needs).unwrap_or_default();
        text.split_whitespace().map(String::from).collect()
    }

    fn files(&self) -> BTreeSet<String> {
        let files = self.rules.iter().filter_map(|rule| match &rule.targets {
            Targets::Files(files) => Some(files.clone()),
            Targets::Patterns(_) => None,
        });
        files.flatten().collect()
    }

    fn pattern_for(&self, file: &str) -> Option<Found> {
        let fits = |rule: &&Found| match &rule.targets {
            Targets::Patterns(patterns) => {
                !rule.recipe.is_empty() && patterns.iter().any(|p| stem(p, file).is_some())
            }
            Targets::Files(_) => false,
        };
        // Of several make takes the one with the shortest stem.
        let length = |rule: &Found| match &rule.targets {
            Targets::Patterns(patterns) => {
                patterns.iter().filter_map(|p| stem(p, file)).map(str::len).min().unwrap_or(usize::MAX)
            }
            Targets::Files(_) => usize::MAX,
        };
        self.rules.iter().filter(fits).min_by_key(|rule| length(rule)).cloned()
    }

    /// The rules that make has built in, as far as they are used: objects and programs of C and C++.
    fn built_in_rules(&mut self) {
        const COMPILE: [(&str, &str); 4] = [
            (".c", "$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<"),
            (".cc", "$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<"),
            (".cpp", "$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<"),
            (".C", "$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<"),
        ];
        let files = self.files();
        let bare: BTreeSet<String> = self
            .rules
            .iter()
            .filter(|rule| rule.recipe.is_empty())
            .filter_map(
                |rule| if let Targets::Files(files) = &rule.targets { files.first().cloned() } else { None },
            )
            .collect();
        let mut objects: BTreeSet<String> = self.rules.iter().flat_map(|rule| self.needed(rule)).collect();
        objects.extend(bare.iter().cloned());
        let objects: Vec<String> = objects
            .into_iter()
            .filter(|file| file.ends_with(".o") && (!files.contains(file) || bare.contains(file)))
            .filter(|file| self.pattern_for(file).is_none())
            .collect();
        for (extension, recipe) in COMPILE {
            let source =
                |object: &String| self.values.dir.join(format!("{}{extension}", &object[..object.len() - 2]));
            if objects.iter().any(|object| source(object).is_file()) {
                let line = self.rules.first().map_or(1, |rule| rule.line);
                let message = format!("make's own rule for `.o` from `{extension}` is written down");
                self.notes.push(Note::changed(line, message));
                self.rules.push(Found {
                    line,
                    comment: Some(format!("make's own rule for objects from {extension}")),
                    targets: Targets::Patterns(vec!["%.o".into()]),
                    needs: vec![Part::Text(format!("%{extension}"))],
                    beside: Vec::new(),
                    recipe: vec![RecipeLine { line, text: recipe.into() }],
                });
            }
        }
        for at in 0..self.rules.len() {
            let rule = &self.rules[at];
            let Targets::Files(files) = &rule.targets else { continue };
            let Some(file) =
                files.first().filter(|file| rule.recipe.is_empty() && !self.phony.contains(*file))
            else {
                continue;
            };
            let needed = self.needed(rule);
            let recipe = if needed.contains(&format!("{file}.o")) {
                "$(CC) $(LDFLAGS) $^ $(LOADLIBES) $(LDLIBS) -o $@"
            } else if needed.contains(&format!("{file}.c")) {
                "$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $^ $(LOADLIBES) $(LDLIBS) -o $@"
            } else {
                continue;
            };
            let line = rule.line;
            self.notes.push(Note::changed(
                line,
                format!("make's own rule for the program `{file}` is written down"),
            ));
            self.rules[at].recipe.push(RecipeLine { line, text: recipe.into() });
        }
    }

    /// Which targets are no files. Those with a recipe that others need leave a stamp.
    fn phony_rules(&mut self) -> IndexMap<String, Phony> {
        let mut found = IndexMap::new();
        let needed: BTreeSet<String> = self.rules.iter().flat_map(|rule| self.needed(rule)).collect();
        for rule in &self.rules {
            let Targets::Files(files) = &rule.targets else { continue };
            let [file] = files.as_slice() else { continue };
            let declared = self.phony.contains(file);
            let named = rule.recipe.iter().any(|line| line.text.contains("$@") || line.text.contains("$(@"));
            let by_name = USUAL_PHONY.contains(&file.as_str()) && !named;
            // Without a recipe and a pattern it is a name for others.
            let bare = rule.recipe.is_empty() && self.pattern_for(file).is_none();
            if !declared && !by_name && !bare {
                continue;
            }
            if by_name && !declared && !bare {
                self.notes
                    .push(Note::changed(rule.line, format!("`{file}` is taken for a name, not for a file")));
            }
            let phony = if rule.recipe.is_empty() {
                Phony::Name(rule.needs.clone())
            } else if needed.contains(file) {
                let message = format!(
                    "`{file}` is no file and others need it: it runs when its inputs changed, and leaves `.stamps/{file}`"
                );
                self.notes.push(Note::changed(rule.line, message));
                Phony::Stamp
            } else {
                Phony::Command
            };
            found.insert(file.clone(), phony);
        }
        found
    }

    fn default_goal(&self) -> Option<String> {
        if let Some(default) = &self.default {
            return Some(default.clone());
        }
        let target = self.rules.iter().find_map(|rule| match &rule.targets {
            Targets::Files(files) => {
                files.first().filter(|file| !file.starts_with('.') || file.contains('/'))
            }
            Targets::Patterns(_) => None,
        });
        target.cloned()
    }

    /// Variables, with those that others are made of before them.
    fn head(&mut self) -> String {
        let mut out = String::new();
        let mut done: BTreeSet<String> = BTreeSet::new();
        let names: Vec<String> = self.values.variables.keys().cloned().collect();
        let mut lines: Vec<String> = Vec::new();
        for name in names {
            self.emit(&name, &mut done, &mut lines, 0);
        }
        let outside: Vec<String> = self.values.outside.iter().cloned().collect();
        let from_outside: Vec<String> = outside
            .iter()
            .map(|name| {
                self.values.imports.insert("import os");
                format!("{} = {}", Values::python(name), Values::from_outside(name, None))
            })
            .collect();
        for import in &self.values.imports {
            out.push_str(&format!("{import}\n"));
        }
        if let Some(prefix) = self.stops.prefix() {
            out.push_str(&format!("\n{prefix}\n\n"));
        }
        for name in &self.values.helpers {
            out.push_str(&format!("\n{}\n\n", helper(name)));
        }
        out.push_str(&from_outside.join("\n"));
        out.push('\n');
        out.push_str(&lines.join("\n"));
        out
    }

    fn emit(&mut self, name: &str, done: &mut BTreeSet<String>, lines: &mut Vec<String>, depth: usize) {
        if depth > 40 || self.values.is_inline(name) || !done.insert(name.into()) {
            return;
        }
        let Some(variable) = self.values.variables.get(name).cloned() else { return };
        let mut inner = Vec::new();
        names_in(&variable.value, &mut inner, 0);
        for inner in inner {
            self.emit(&inner, done, lines, depth + 1);
        }
        let value = match self.values.kind(&variable.value, 0) {
            Kind::List => self.values.list(&variable.value),
            Kind::Text => self.values.text(&variable.value),
        };
        let python = Values::python(name);
        match value {
            Ok(value) if variable.optional => {
                self.values.imports.insert("import os");
                lines.push(format!("{python} = {}", Values::from_outside(name, Some(&value))));
            }
            Ok(value) => lines.push(format!("{python} = {value}")),
            Err(what) => {
                let empty = match self.values.kind(&variable.value, 0) {
                    Kind::List => "[]",
                    Kind::Text => "\"\"",
                };
                let message = format!("`{name}` is empty: {what} is not understood; write its value there");
                self.notes.push(Note::missing(variable.line, message));
                lines.push(format!("{python} = {empty}  # not understood: {what}"));
            }
        }
    }

    fn write(&mut self, writer: &mut Writer, at: usize) {
        let rule = self.rules[at].clone();
        let (files, is_pattern) = match &rule.targets {
            Targets::Files(files) => (files.clone(), false),
            Targets::Patterns(patterns) => (patterns.clone(), true),
        };
        let Some(first) = files.first().cloned() else { return };
        if is_pattern && rule.recipe.is_empty() {
            return;
        }
        let phony = writer.phony.get(&first).cloned();
        let mut rule = rule;
        let mut stem_of = is_pattern.then(|| WILDCARD.to_string());
        let mut order = None;
        if phony.is_none() && rule.recipe.is_empty() {
            // More needs of a file that a pattern makes.
            let Some(pattern) = self.pattern_for(&first) else { return };
            let Targets::Patterns(patterns) = &pattern.targets else { return };
            let found = patterns.iter().find_map(|p| stem(p, &first)).unwrap_or_default().to_string();
            let mut needs = with_stem(&pattern.needs, &found);
            needs.push(Part::Text(" ".into()));
            needs.extend(rule.needs);
            rule.needs = needs;
            rule.recipe = pattern.recipe.clone();
            stem_of = Some(found);
            order = patterns.first().cloned();
        }
        let wild = |text: &str| {
            if is_pattern {
                text.replace('{', "{{").replace('}', "}}").replacen('%', "{stem}", 1)
            } else {
                text.replace('{', "{{").replace('}', "}}")
            }
        };
        let needs = writer.without_names(&with_stem_text(&rule.needs, is_pattern), 0);
        let beside = writer.without_names(&with_stem_text(&rule.beside, is_pattern), 0);
        let (inputs, beside) = match (self.values.items(&needs), self.values.items(&beside)) {
            (Ok(inputs), Ok(beside)) => (inputs, beside),
            (Err(what), _) | (_, Err(what)) => {
                let text = format!("{}: ...", files.join(" "));
                return self.missing(rule.line, &text, &format!("its needs are not understood ({what})"));
            }
        };
        let mut draft =
            Draft { name: writer.names[at].clone(), doc: rule.comment.clone(), ..Draft::default() };
        let named = !beside.is_empty();
        if named {
            if !inputs.is_empty() {
                draft.input.push(format!("needs=[{}]", inputs.join(", ")));
            }
            draft.input.push(format!("beside=ancient([{}])", beside.join(", ")));
        } else {
            draft.input = inputs.clone();
        }
        draft.output = match phony {
            None => files.iter().map(|file| quoted(&wild(file))).collect(),
            Some(Phony::Stamp) => vec![format!("touch({})", quoted(&format!(".stamps/{first}")))],
            Some(_) => Vec::new(),
        };
        let mut recipe = Recipe {
            values: &mut self.values,
            inputs: if named { "input.needs" } else { "input" },
            has_inputs: !inputs.is_empty(),
            stem: stem_of,
            has_outputs: phony.is_none(),
            target: &first,
            outputs: draft.output.len(),
            params: Vec::new(),
            notes: Vec::new(),
        };
        draft.shell = recipe.command(&rule.recipe, self.one_shell, self.stops);
        draft.params = std::mem::take(&mut recipe.params);
        let notes = std::mem::take(&mut recipe.notes);
        self.notes.extend(notes);
        if let Some(pattern) = order {
            let of_pattern =
                |rule: &Found| matches!(rule.targets, Targets::Patterns(_)) && rule.first() == pattern;
            if let Some(other) = self.rules.iter().position(of_pattern) {
                writer.orders.push(format!("{} > {}", draft.name, writer.names[other]));
            }
        }
        writer.drafts.push((first, draft));
    }
}

#[derive(Debug, Clone)]
enum Phony {
    /// A name for what it needs.
    Name(Parts),
    Stamp,
    Command,
}

struct Writer {
    /// Of all rules, in their order.
    names: Vec<String>,
    /// With the targets that they are for.
    drafts: Vec<(String, Draft)>,
    orders: Vec<String>,
    phony: IndexMap<String, Phony>,
}

impl Writer {
    /// Needs in which names of other targets are what those stand for.
    fn without_names(&self, needs: &[Part], depth: usize) -> Parts {
        let blank = || Part::Text(" ".into());
        let mut out = Vec::new();
        for word in words(needs) {
            let name = match word.as_slice() {
                [Part::Text(text)] => Some(text),
                _ => None,
            };
            match name.and_then(|name| Some((name, self.phony.get(name)?))) {
                Some((_, Phony::Name(needs))) if depth < 20 => {
                    out.extend(self.without_names(needs, depth + 1))
                }
                Some((name, Phony::Stamp)) => out.push(Part::Text(format!(".stamps/{name}"))),
                _ => out.extend(word),
            }
            out.push(blank());
        }
        out
    }
}

fn names_in(parts: &[Part], out: &mut Vec<String>, depth: usize) {
    for part in parts {
        match part {
            Part::Variable(name) => out.push(name.clone()),
            Part::Substitution(name, from, to) => {
                out.push(name.clone());
                if depth < 40 {
                    names_in(from, out, depth + 1);
                    names_in(to, out, depth + 1);
                }
            }
            Part::Call(_, arguments) if depth < 40 => {
                arguments.iter().for_each(|argument| names_in(argument, out, depth + 1));
            }
            _ => {}
        }
    }
}

/// `%` as a stem that is known.
fn with_stem(needs: &[Part], stem: &str) -> Parts {
    words(needs)
        .into_iter()
        .flat_map(|word| {
            let mut replaced = false;
            let mut word: Parts = word
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) if !replaced && text.contains('%') => {
                        replaced = true;
                        Part::Text(text.replacen('%', stem, 1))
                    }
                    part => part,
                })
                .collect();
            word.push(Part::Text(" ".into()));
            word
        })
        .collect()
}

/// `%` as the wildcard; other braces are doubled, for inputs are patterns.
fn with_stem_text(needs: &[Part], is_pattern: bool) -> Parts {
    let doubled: Parts = needs
        .iter()
        .map(|part| match part {
            Part::Text(text) => Part::Text(text.replace('{', "{{").replace('}', "}}")),
            part => part.clone(),
        })
        .collect();
    if is_pattern { with_stem(&doubled, "{stem}") } else { doubled }
}
