//! What may stand at a place, and what a word there means.

use super::cursor::{Cursor, Head, Inside, is_word};
use super::navigate::{View, is_rule};
use lsp_types::{CompletionItem, CompletionItemKind as Kind, Documentation, MarkupContent, MarkupKind};
use rulemake::lint::LINTS;
use rulemake::source::{Outline, OutlineItem, OutlineKind, Word, WordKind};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(rulemake::source::words_of_the_language);

/// What a command may name.
const OF_JOBS: [&str; 8] = ["input", "output", "params", "wildcards", "threads", "resources", "log", "rule"];
/// What a rule tells others.
const OF_RULES: [&str; 4] = ["output", "input", "params", "log"];
/// Sections whose texts are commands and messages: fields in them are values of the job.
const COMMANDS: [&str; 2] = ["shell", "message"];

/// The candidates at a place, each once.
pub(super) fn candidates(view: &View<'_>, offset: usize, last: Option<&Outline>) -> Vec<CompletionItem> {
    let cursor = Cursor::new(&view.text.content, offset);
    let rule = cursor.rule(view.text.outline(), last);
    let mut found = Candidates { view, rule: rule.as_ref(), seen: BTreeSet::new(), items: Vec::new() };
    match cursor.inside {
        Inside::Comment => found.in_comment(&cursor),
        Inside::String { .. } => found.in_text(&cursor),
        Inside::Code => found.in_code(&cursor),
    }
    found.items
}

struct Candidates<'a> {
    view: &'a View<'a>,
    rule: Option<&'a OutlineItem>,
    seen: BTreeSet<String>,
    items: Vec<CompletionItem>,
}

impl Candidates<'_> {
    fn push(&mut self, label: &str, kind: Kind, detail: &str, text: &str) {
        if !self.seen.insert(label.to_string()) {
            return;
        }
        let markup = MarkupContent { kind: MarkupKind::Markdown, value: text.to_string() };
        self.items.push(CompletionItem {
            label: label.to_string(),
            kind: Some(kind),
            detail: (!detail.is_empty()).then(|| detail.to_string()),
            documentation: (!text.is_empty()).then_some(Documentation::MarkupContent(markup)),
            ..CompletionItem::default()
        });
    }

    fn words(&mut self, kind: WordKind) {
        let (shown, detail) = match kind {
            WordKind::Section | WordKind::ModuleSection => (Kind::PROPERTY, "section"),
            WordKind::Flag => (Kind::FUNCTION, "flag"),
            WordKind::Function => (Kind::FUNCTION, ""),
            _ => (Kind::KEYWORD, ""),
        };
        for word in WORDS.iter().filter(|word| word.kind == kind) {
            self.push(&word.name, shown, detail, first_paragraph(&word.text));
        }
    }

    fn rules(&mut self, only_checkpoints: bool) {
        let mut found: Vec<(String, String)> = Vec::new();
        self.view.each_item(|item| {
            if is_rule(item)
                && !item.name.is_empty()
                && (!only_checkpoints || item.kind == OutlineKind::Checkpoint)
            {
                found.push((item.name.clone(), item.doc.clone().unwrap_or_default()));
            }
        });
        if !only_checkpoints {
            found.extend(
                self.view
                    .loaded
                    .rules
                    .iter()
                    .map(|rule| (rule.name.clone(), rule.doc.clone().unwrap_or_default())),
            );
        }
        for (name, doc) in found {
            self.push(&name, Kind::CLASS, "rule", doc.trim());
        }
    }

    /// The names of items in a section of the rule, also of the one that it is made of.
    fn names(&mut self, section: &str) {
        let mut names: Vec<String> = Vec::new();
        let of = |item: &OutlineItem| -> Vec<String> {
            let sections = item.sections.iter().filter(|known| known.name == section);
            sections.flat_map(|section| section.items.clone()).collect()
        };
        if let Some(rule) = self.rule {
            names.extend(of(rule));
            self.view.each_item(|item| {
                if is_rule(item) && rule.base.as_ref() == Some(&item.name) {
                    names.extend(of(item));
                }
            });
        }
        for name in names {
            self.push(&name, Kind::FIELD, section, "");
        }
    }

    fn wildcards(&mut self, before: &str) {
        let mut names = self.rule.map(|rule| rule.wildcards.clone()).unwrap_or_default();
        if let Some(base) = self.rule.and_then(|rule| rule.base.as_ref()).filter(|_| names.is_empty()) {
            self.view.each_item(|item| {
                if is_rule(item) && item.name == *base {
                    names.extend(item.wildcards.iter().cloned());
                }
            });
        }
        for name in names {
            self.push(&format!("{before}{name}"), Kind::VARIABLE, "wildcard", "");
        }
    }

    /// After a dot; says whether that was understood.
    fn after_dot(&mut self, path: &[&str]) -> bool {
        match path {
            [.., root @ ("rules" | "checkpoints"), _] => self.rules(*root == "checkpoints"),
            [.., "rules", _, _] => OF_RULES.iter().for_each(|name| self.push(name, Kind::FIELD, "", "")),
            [.., "checkpoints", _, _] => self.push("get", Kind::METHOD, "", ""),
            [.., "wildcards" | "wc" | "w", _] => self.wildcards(""),
            [.., section @ ("input" | "output" | "params" | "resources" | "log"), _] => self.names(section),
            [_] => return false,
            _ => {}
        }
        true
    }

    fn in_comment(&mut self, cursor: &Cursor<'_>) {
        if cursor.line().rsplit_once("rulemake:").is_some_and(|(_, rest)| rest.contains("allow(")) {
            for lint in LINTS {
                self.push(lint.name, Kind::CONSTANT, "lint", lint.summary);
            }
        }
    }

    fn in_text(&mut self, cursor: &Cursor<'_>) {
        // After a name comes its format, or a constraint.
        let is_name = |field: &&str| field.chars().all(|c| is_word(c) || c == '.');
        let Some(field) = cursor.field().filter(is_name) else { return };
        if self.after_dot(&field.split('.').collect::<Vec<_>>()) {
            return;
        }
        if cursor.section.is_some_and(|section| COMMANDS.contains(&section)) {
            for name in OF_JOBS {
                self.push(name, Kind::VARIABLE, "of the job", "");
            }
            self.wildcards("wildcards.");
            self.push("rules", Kind::VARIABLE, "", "");
            self.push("config", Kind::VARIABLE, "", "");
            self.globals();
        } else {
            self.wildcards("");
        }
    }

    fn globals(&mut self) {
        let mut found: Vec<(String, Kind)> = Vec::new();
        self.view.each_item(|item| match item.kind {
            OutlineKind::Function => found.push((item.name.clone(), Kind::FUNCTION)),
            OutlineKind::Variable => found.push((item.name.clone(), Kind::VARIABLE)),
            _ => {}
        });
        for (name, kind) in found {
            self.push(&name, kind, "", "");
        }
    }

    fn in_code(&mut self, cursor: &Cursor<'_>) {
        if self.after_dot(&cursor.path()) {
            return;
        }
        let line = cursor.line().trim_start();
        let is_rule_list = matches!(cursor.section, Some("ruleorder" | "localrules"));
        if line.starts_with("use rule ") && line.contains(" from ") {
            let mut modules = Vec::new();
            self.view.each_item(|item| {
                if item.kind == OutlineKind::Module {
                    modules.push(item.name.clone());
                }
            });
            modules.iter().for_each(|name| self.push(name, Kind::MODULE, "module", ""));
        } else if line.starts_with("use rule ") || (cursor.head == Head::None && is_rule_list) {
            self.rules(false);
        } else if ["rule ", "checkpoint ", "module "].iter().any(|word| line.starts_with(word)) {
            // A new name.
        } else if cursor.starts_line() && (!cursor.is_indented() || cursor.head == Head::None) {
            self.words(WordKind::Directive);
            self.words(WordKind::Function);
            self.globals();
        } else {
            match (cursor.head, cursor.section) {
                (Head::Rule(_), None) if cursor.starts_line() => self.missing_sections(),
                (Head::Module, None) if cursor.starts_line() => self.words(WordKind::ModuleSection),
                (head, section) => self.in_value(head, section),
            }
        }
    }

    /// The sections that the rule does not have yet.
    fn missing_sections(&mut self) {
        let there = self.rule.map(|rule| rule.sections.iter().map(|section| section.name.clone()));
        let there: BTreeSet<String> = there.into_iter().flatten().collect();
        self.words(WordKind::Section);
        self.items.retain(|item| !there.contains(&item.label));
    }

    fn in_value(&mut self, head: Head<'_>, section: Option<&str>) {
        if matches!((head, section), (Head::Rule(_), Some("input" | "output" | "metrics"))) {
            self.words(WordKind::Flag);
        }
        self.words(WordKind::Function);
        self.push("config", Kind::VARIABLE, "", "");
        self.globals();
        if matches!((head, section), (Head::Rule(_), Some("run"))) {
            for name in OF_JOBS {
                self.push(name, Kind::VARIABLE, "of the job", "");
            }
        }
    }
}

fn first_paragraph(text: &str) -> &str {
    text.split("\n\n").next().unwrap_or(text)
}

/// What the language says of the word at a place, as Markdown.
pub(super) fn word_help(cursor: &Cursor<'_>) -> Option<String> {
    let (range, name) = cursor.word()?;
    if cursor.inside == Inside::Comment {
        // The names of lints have hyphens.
        let line = cursor.text.get(cursor.offset - cursor.line().len()..)?.lines().next()?;
        let lint = LINTS
            .iter()
            .find(|lint| lint.name.split('-').any(|part| part == name) && line.contains(lint.name))?;
        return line.contains("rulemake:").then(|| format!("lint `{}`: {}", lint.name, lint.summary));
    }
    if cursor.inside != Inside::Code {
        return None;
    }
    let before = cursor.text.get(..range.start)?;
    let after = cursor.text.get(range.end..)?.trim_start_matches([' ', '\t']);
    // An attribute is not the word itself.
    if before.ends_with('.') {
        return None;
    }
    let starts = before.rsplit(['\n', '\r']).next().is_some_and(|line| line.trim().is_empty());
    let kinds: &[WordKind] = match (starts, after.starts_with(':'), cursor.head) {
        (true, true, Head::Rule(_)) => &[WordKind::Section, WordKind::Directive],
        (true, true, Head::Module) => &[WordKind::ModuleSection, WordKind::Directive],
        (true, _, _) if !after.starts_with(['=', '(']) => &[WordKind::Directive, WordKind::Function],
        _ if cursor.section == Some("output") || cursor.section == Some("input") => {
            &[WordKind::Flag, WordKind::Function]
        }
        _ => &[WordKind::Function, WordKind::Flag],
    };
    let find = |kind: &WordKind| WORDS.iter().find(|word| word.kind == *kind && word.name == name);
    let word = kinds.iter().find_map(find)?;
    let example = match word.example.trim() {
        "" => String::new(),
        example => format!("\n\n```python\n{example}\n```"),
    };
    Some(format!("**`{}`**\n\n{}{example}", word.name, word.text))
}
