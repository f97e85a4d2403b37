//! Rulefiles from what other tools read: a Makefile, a `dvc.yaml`. What is not understood is kept as a comment and told of.
//!
//! Each tool has a module that makes `Draft`s of rules; how a rule is written down is decided here, once.

pub(crate) mod dvc;
mod interpolate;
pub(crate) mod make;
pub(crate) mod snake;

use crate::args::is_command;
use std::collections::BTreeSet;

/// Something that its user should know, with the line it is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Note {
    pub(crate) line: usize,
    pub(crate) message: String,
    /// Whether something of the original is missing in the Rulefile.
    pub(crate) missing: bool,
}

impl Note {
    /// Something is different, but it works.
    pub(crate) fn changed(line: usize, message: impl Into<String>) -> Note {
        Note { line, message: message.into(), missing: false }
    }

    /// For a rule that is called like a command, which is then what `rulemake NAME` means.
    pub(crate) fn of_name(line: usize, rule: &str) -> Option<Note> {
        is_command(rule).then(|| {
            Note::changed(line, format!("`rulemake {rule}` is a command: `rulemake -- {rule}` runs the rule"))
        })
    }

    /// Something has to be done by hand.
    pub(crate) fn missing(line: usize, message: impl Into<String>) -> Note {
        Note { line, message: message.into(), missing: true }
    }
}

/// A Rulefile, not yet written.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) text: String,
    /// The names of its rules.
    pub(crate) rules: Vec<String>,
    pub(crate) notes: Vec<Note>,
}

/// One rule; its items are Python expressions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) comments: Vec<String>,
    pub(crate) doc: Option<String>,
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) metrics: Vec<String>,
    pub(crate) params: Vec<(String, String)>,
    /// What its wildcards may be.
    pub(crate) constraints: Vec<(String, String)>,
    /// A mapping: there is such a rule for each `key` and `item` of it.
    pub(crate) each: Option<String>,
    /// The command, with its `{...}`.
    pub(crate) shell: Option<String>,
}

impl Draft {
    fn write(&self, out: &mut String) {
        let Some(each) = &self.each else {
            return self.write_rule(out);
        };
        let mut rule = String::new();
        self.write_rule(&mut rule);
        out.push_str(&format!("for key, item in {each}.items():\n\n"));
        let indented = |line: &str| if line.is_empty() { "\n".into() } else { format!("    {line}\n") };
        out.push_str(&rule.lines().map(indented).collect::<String>());
    }

    fn write_rule(&self, out: &mut String) {
        for comment in &self.comments {
            out.push_str(&format!("# {comment}\n"));
        }
        match self.each {
            Some(_) => out.push_str("rule:\n"),
            None => out.push_str(&format!("rule {}:\n", self.name)),
        }
        if let Some(doc) = &self.doc {
            out.push_str(&format!("    \"\"\"{}\"\"\"\n", doc.replace('\\', "\\\\").replace('"', "'")));
        }
        let mut section = |name: &str, items: &[String]| {
            if !items.is_empty() {
                let items: String = items.iter().map(|item| format!("        {item},\n")).collect();
                out.push_str(&format!("    {name}:\n{items}"));
            }
        };
        if self.each.is_some() {
            section(
                "name",
                &[format!("{} + re.sub(r\"\\W\", \"_\", key)", quoted(&format!("{}_", self.name)))],
            );
        }
        section("input", &self.input);
        section("output", &self.output);
        section("metrics", &self.metrics);
        let named = |all: &[(String, String)]| -> Vec<String> {
            all.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        section("wildcard_constraints", &named(&self.constraints));
        section("params", &named(&self.params));
        if let Some(shell) = &self.shell {
            section("shell", &[shell_literal(shell)]);
        } else if self.input.is_empty() && self.output.is_empty() && self.metrics.is_empty() {
            out.push_str("    input:\n        [],\n");
        }
        out.push('\n');
    }
}

/// A command as a literal: one line in quotes, more as a block.
fn shell_literal(command: &str) -> String {
    if !command.contains('\n') {
        return quoted(command);
    }
    let escaped = command.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    let lines: Vec<String> = escaped
        .lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("        {line}") })
        .collect();
    format!("\"\"\"\n{}\n        \"\"\"", lines.join("\n"))
}

/// A string of Python, in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Names that Python or a Rulefile has taken.
const TAKEN: [&str; 62] = [
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "False",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "None",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "True",
    "try",
    "while",
    "with",
    "yield",
    "rule",
    "rules",
    "checkpoint",
    "checkpoints",
    "config",
    "input",
    "output",
    "params",
    "wildcards",
    "threads",
    "resources",
    "log",
    "workflow",
    "expand",
    "glob",
    "os",
    "temp",
    "directory",
    "touch",
    "ancient",
    "protected",
    "module",
    "use",
    "shell",
    "sorted",
    "list",
    "str",
];

/// Names that are unique, and names in Python.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    pub(crate) fn unique(&mut self, wanted: &str) -> String {
        let mut name: String =
            wanted.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        while name.contains("__") {
            name = name.replace("__", "_");
        }
        let name = name.trim_matches('_');
        let mut name = if name.is_empty() { "unnamed".to_string() } else { name.to_string() };
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        if TAKEN.contains(&name.as_str()) {
            name.push('_');
        }
        let mut free = name.clone();
        let mut number = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{name}_{number}");
            number += 1;
        }
        free
    }
}

/// The parts of a Rulefile as one text, in style.
pub(crate) fn assembled(head: &str, rules: &[Draft], tail: &str) -> String {
    let mut text = head.trim_end().to_string();
    text.push_str("\n\n");
    for rule in rules {
        rule.write(&mut text);
    }
    text.push_str(tail);
    let text = format!("{}\n", text.trim_end());
    // What the formatter does not take is written as it is: the load will tell what is wrong with it.
    rulemake::source::format_source(&text, &rulemake::source::FormatOptions::default()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_python_and_unique() {
        let mut names = Names::default();
        for (wanted, name) in [
            ("build/x.o", "build_x_o"),
            ("build-x.o", "build_x_o_2"),
            ("2", "_2"),
            ("%", "unnamed"),
            ("input", "input_"),
        ] {
            assert_eq!(names.unique(wanted), name);
        }
    }

    #[test]
    fn texts_are_quoted_for_python() {
        assert_eq!(quoted("a\"b\\n\t\u{1}"), "\"a\\\"b\\\\n\\t\\x01\"");
        assert_eq!(
            shell_literal("a \\\nb \"\"\""),
            "\"\"\"\n        a \\\\\n        b \\\"\\\"\\\"\n        \"\"\""
        );
    }
}
