//! Recipes: lines for a shell each, as one command with the same end.

use super::parse::{DOLLAR, Part, RecipeLine, parts};
use super::values::{Values, automatic, dollars};
use crate::import::Note;

/// Where the shells of a Makefile stop. rulemake's bash does so at each of these, make's at none unless it is told to.
#[derive(Default, Clone, Copy)]
pub(super) struct Stops {
    pub(super) at_failures: bool,
    at_unset: bool,
    at_failures_in_pipes: bool,
}

impl Stops {
    /// As `.SHELLFLAGS` says it.
    pub(super) fn of_flags(flags: &str) -> Stops {
        let mut stops = Stops::default();
        let mut words = flags.split_whitespace();
        while let Some(word) = words.next() {
            let letters = word.strip_prefix('-').unwrap_or_default();
            let options = letters.matches('o').filter_map(|_| words.next()).collect::<Vec<_>>();
            let has = |letter, name| letters.contains(letter) || options.contains(&name);
            stops.at_failures |= has('e', "errexit");
            stops.at_unset |= has('u', "nounset");
            stops.at_failures_in_pipes |= options.contains(&"pipefail");
        }
        stops
    }

    /// What is put before each command, once for the whole file, with the reason.
    pub(super) fn prefix(self) -> Option<String> {
        let (flags, events) = match (self.at_unset, self.at_failures_in_pipes) {
            (false, false) => ("+uo pipefail", "an unset variable and a failure in a pipe"),
            (false, true) => ("+u", "an unset variable"),
            (true, false) => ("+o pipefail", "a failure in a pipe"),
            (true, true) => return None,
        };
        let reason = format!("# In a Makefile a command goes on after {events}.");
        Some(format!("{reason}\nshell.prefix(\"set {flags}; \")"))
    }

    /// What is put before a command of several that go on after a failure.
    fn before_several(self) -> &'static str {
        if self.at_failures { "" } else { "set +e\n" }
    }
}

/// What a recipe may name, and what is found of it.
pub(super) struct Recipe<'a> {
    pub(super) values: &'a mut Values,
    /// What `$^` and `$<` are called in the command.
    pub(super) inputs: &'static str,
    pub(super) has_inputs: bool,
    /// `$*`, when it is known.
    pub(super) stem: Option<String>,
    pub(super) has_outputs: bool,
    /// What `$@` is when the rule makes no file.
    pub(super) target: &'a str,
    pub(super) outputs: usize,
    pub(super) params: Vec<(String, String)>,
    pub(super) notes: Vec<Note>,
}

impl Recipe<'_> {
    /// The whole command; nothing when it has no line.
    pub(super) fn command(&mut self, lines: &[RecipeLine], one_shell: bool, stops: Stops) -> Option<String> {
        let mut commands: Vec<(String, bool)> = Vec::new();
        for line in lines {
            let trimmed = line.text.trim_start();
            let text = trimmed.trim_start_matches(['@', '-', '+', ' ', '\t']);
            let forgiving = trimmed[..trimmed.len() - text.len()].contains('-');
            if text.is_empty() {
                continue;
            }
            let before = self.params.len();
            match self.line(line.line, text) {
                Ok(text) => {
                    if text.contains("echo") && text.contains('\\') && !text.contains("\\\n") {
                        let message = "bash's `echo` leaves backslashes as they are, where `sh` may not: `printf` does the same in both";
                        self.notes.push(Note::changed(line.line, message));
                    }
                    commands.push((text, forgiving));
                }
                Err(what) => {
                    self.params.truncate(before);
                    let message = format!("{what} is not understood: the command stops there");
                    self.notes.push(Note::missing(line.line, message));
                    let kept = line.text.replace('\n', " ").replace('{', "{{").replace('}', "}}");
                    commands.push((format!("# not understood: {}\nfalse", kept.trim()), false));
                }
            }
        }
        if commands.is_empty() {
            return None;
        }
        let before = stops.before_several();
        if one_shell {
            let all: Vec<String> = commands.into_iter().map(|(text, _)| text).collect();
            return Some(format!("{before}{}", all.join("\n")));
        }
        if let [(text, forgiving)] = commands.as_slice() {
            return Some(match (*forgiving, several(text)) {
                (true, _) => format!("set +e\n{text}\ntrue"),
                (false, true) => format!("{before}{text}"),
                (false, false) => text.clone(),
            });
        }
        let last = commands.len() - 1;
        let with_shell = |(at, (text, forgiving)): (usize, &(String, bool))| {
            let own = several(text) || changes_its_shell(text);
            match (forgiving, own) {
                (true, _) => format!("(\nset +e\n{text}\n) || true"),
                (false, true) if at == last => format!("{before}{text}"),
                (false, true) => format!("(\n{before}{text}\n)"),
                (false, false) => text.clone(),
            }
        };
        let all: Vec<String> = commands.iter().enumerate().map(with_shell).collect();
        Some(all.join("\n"))
    }

    fn line(&mut self, line: usize, text: &str) -> Result<String, String> {
        let parts = parts(text).ok_or("an open bracket")?;
        self.pieces(line, &parts, 0)
    }

    fn pieces(&mut self, line: usize, parts: &[Part], depth: usize) -> Result<String, String> {
        if depth > 20 || !self.values.goes_on() {
            return Err("a variable that names itself".into());
        }
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(&dollars(text).replace('{', "{{").replace('}', "}}")),
                Part::Variable(name) if self.values.is_inline(name) => {
                    let value = self.values.variables.get(name).map(|variable| variable.value.clone());
                    out.push_str(&self.pieces(line, &value.unwrap_or_default(), depth + 1)?);
                }
                Part::Variable(name) => {
                    if name == "MAKE" {
                        let message = "it calls make again: import that Makefile, too, or leave it to make";
                        self.notes.push(Note::changed(line, message));
                    }
                    out.push_str(&format!("{{{}}}", self.values.reference(name)));
                }
                Part::Automatic(c, None) => out.push_str(&self.automatic(line, *c)?),
                Part::Call(name, arguments) if name == "shell" => {
                    // In a recipe the shell can do it itself.
                    let [command] = arguments.as_slice() else { return Err("`$(shell ...)`".into()) };
                    out.push_str(&format!("$({})", self.pieces(line, command, depth + 1)?));
                }
                other => out.push_str(&self.param(other)?),
            }
        }
        Ok(out)
    }

    fn automatic(&mut self, line: usize, c: char) -> Result<String, String> {
        Ok(match c {
            '@' if !self.has_outputs => self.target.replace('{', "{{").replace('}', "}}"),
            '@' if self.outputs > 1 => "{output[0]}".into(),
            '@' => "{output}".into(),
            '<' | '^' | '+' | '?' if !self.has_inputs => String::new(),
            '<' => format!("{{{}[0]}}", self.inputs),
            '?' => {
                let message =
                    "`$?` is all prerequisites here, not only the newer ones: rulemake does not go by dates";
                self.notes.push(Note::changed(line, message));
                format!("{{{}}}", self.inputs)
            }
            '^' | '+' => format!("{{{}}}", self.inputs),
            '*' => match &self.stem {
                Some(stem) if stem == WILDCARD => "{wildcards.stem}".into(),
                Some(stem) => stem.replace('{', "{{").replace('}', "}}"),
                None => return Err("`$*` without a pattern".into()),
            },
            c => return Err(format!("`${c}`")),
        })
    }

    /// What only Python can say becomes a param.
    fn param(&mut self, part: &Part) -> Result<String, String> {
        let parts = std::slice::from_ref(part);
        let uses = |wanted: &'static str| {
            self.values.any(parts, 0, &|part| matches!(part, Part::Automatic(c, _) if wanted.contains(*c)))
        };
        let refused = (uses("@") && !self.has_outputs)
            || (uses("<^+?") && !self.has_inputs)
            || (uses("*") && self.stem.as_deref() != Some(WILDCARD));
        if refused {
            return Err("a function of `$@`, `$<` or `$*` in this rule".into());
        }
        let uses = uses("@<^+?*");
        let text = match part {
            Part::Automatic(..) => automatic(part)?,
            // The usual ones shortly.
            Part::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("dir" | "notdir" | "basename", [argument]) => match argument.as_slice() {
                    [path @ Part::Automatic('@' | '<', None)] => {
                        let path = automatic(path)?;
                        match name.as_str() {
                            "dir" => format!("os.path.join(os.path.dirname({path}) or \".\", \"\")"),
                            "notdir" => format!("os.path.basename({path})"),
                            _ => format!("os.path.splitext({path})[0]"),
                        }
                    }
                    _ => self.values.text(parts)?,
                },
                _ => self.values.text(parts)?,
            },
            _ => self.values.text(parts)?,
        };
        let text = if uses && self.inputs != "input" {
            let inputs = self.inputs;
            text.replace("input[0]", &format!("{inputs}[0]"))
                .replace("list(input)", &format!("list({inputs})"))
        } else {
            text
        };
        if text.contains("os.path") {
            self.values.imports.insert("import os");
        }
        let value = if uses { format!("lambda wildcards, input, output: {text}") } else { text };
        if let Some((name, _)) = self.params.iter().find(|(_, known)| *known == value) {
            return Ok(format!("{{params.{name}}}"));
        }
        let name = format!("part{}", self.params.len() + 1);
        self.params.push((name.clone(), value));
        Ok(format!("{{params.{name}}}"))
    }
}

/// Stands for the stem of a pattern rule, which is a wildcard.
pub(super) const WILDCARD: &str = "\u{2}";

/// Whether it is more than one command, so that it matters if the shell goes on after a failure.
pub(crate) fn several(text: &str) -> bool {
    let plain = text.replace("\\\n", " ");
    let starts = |word: &str| plain.split_whitespace().next() == Some(word);
    plain.contains([';', '\n', '&'])
        || plain.contains("||")
        || ["if", "for", "while", "case", "!"].iter().any(|w| starts(w))
}

/// Whether what it does to its shell must not be seen by the next line.
fn changes_its_shell(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let assigns = first.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    assigns
        || ["cd", "export", "set", "exit", ".", "source", "exec", "umask", "unset", "trap", "ulimit", "alias"]
            .contains(&first)
        || text.contains(DOLLAR)
}
