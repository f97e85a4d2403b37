//! The words of the language with what the reference says of them, for editors: the pages are the only source.

use crate::syntax::words::{MODULE_SECTIONS, SECTIONS};

/// Where a [`Word`] stands.
///
/// ```
/// use rulemake::source::{WordKind, words_of_the_language};
/// assert!(words_of_the_language().iter().any(|word| word.kind == WordKind::Flag && word.name == "temp"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum WordKind {
    /// Before the colon of a rule's section: `input`.
    Section,
    /// At the start of a statement: `rule`, `include`, `onstart`.
    Directive,
    /// Before the colon of a module's section: `snakefile`.
    ModuleSection,
    /// Around a path: `temp`.
    Flag,
    /// A function or object that is there without an import: `expand`, `rules`.
    Function,
}

/// A word of the language.
///
/// ```
/// use rulemake::source::{Word, words_of_the_language};
/// let threads: Option<Word> = words_of_the_language().into_iter().find(|word| word.name == "threads");
/// assert!(threads.is_some());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Word {
    /// The word itself.
    pub name: String,
    /// Where it stands.
    pub kind: WordKind,
    /// What the reference says of it, as Markdown: some sentences.
    pub text: String,
    /// An example, as the reference shows it; empty when there is none.
    pub example: String,
}

const PAGES: [(WordKind, &str); 4] = [
    (WordKind::Section, include_str!("../language/keywords.md")),
    (WordKind::Directive, include_str!("../language/directives.md")),
    (WordKind::Flag, include_str!("../language/flags.md")),
    (WordKind::Function, include_str!("../language/functions.md")),
];

/// All words of the language with what they mean, as [`language`](crate::language) describes them.
///
/// ```
/// let words = rulemake::source::words_of_the_language();
/// let threads = words.iter().find(|word| word.name == "threads").unwrap();
/// assert_eq!(threads.kind, rulemake::source::WordKind::Section);
/// assert!(!threads.text.is_empty());
/// ```
#[must_use]
pub fn words_of_the_language() -> Vec<Word> {
    let mut words = Vec::new();
    for (kind, page) in PAGES {
        let mut parts = page.split("\n## ");
        let intro = parts.next().unwrap_or_default();
        if kind == WordKind::Section {
            let (_, body) = intro.split_once('\n').unwrap_or_default();
            words.push(word("rule", WordKind::Directive, body));
        }
        for part in parts {
            let (title, body) = part.split_once('\n').unwrap_or((part, ""));
            // Names in a title are in backticks; the one without is about checkpoints.
            let names: Vec<&str> = match title.contains('`') {
                true => title.split('`').skip(1).step_by(2).collect(),
                false if title == "Checkpoints" => vec!["checkpoint"],
                false => Vec::new(),
            };
            words.extend(names.into_iter().map(|name| word(name, kind, body)));
        }
    }
    let find = |name: &str| words.iter().find(|word| word.name == name).map(|word| word.text.clone());
    let module = find("module").unwrap_or_default();
    let of_modules = MODULE_SECTIONS.iter().map(|name| Word {
        name: (*name).to_string(),
        kind: WordKind::ModuleSection,
        text: module.clone(),
        example: String::new(),
    });
    // What stands in a rule and in commands under one name is a section first.
    words.retain(|word| word.kind != WordKind::Function || !SECTIONS.contains(&&*word.name));
    words.extend(of_modules);
    words
}

fn word(name: &str, kind: WordKind, body: &str) -> Word {
    let (text, rest) = body.split_once("```python\n").unwrap_or((body, ""));
    let example = rest.split_once("\n```").map_or("", |(example, _)| example);
    // What the test of the page reads is no part of the example.
    let shown = example.lines().filter(|line| !line.starts_with("# "));
    Word {
        name: name.to_string(),
        kind,
        text: without_links(text.trim()),
        example: shown.collect::<Vec<_>>().join("\n"),
    }
}

/// Markdown without links, which lead nowhere outside of the pages.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let Some(open) = before.rfind('[') else {
            plain.push_str(before);
            plain.push_str("](");
            rest = after;
            continue;
        };
        plain.push_str(&before[..open]);
        plain.push_str(&before[open + 1..]);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::words::DIRECTIVES;

    /// Promise: no word of the language is without a description, and none has two.
    #[test]
    fn every_word_is_described() {
        let words = words_of_the_language();
        let has = |name: &str, kind| words.iter().filter(|w| w.name == name && w.kind == kind).count() == 1;
        for name in SECTIONS {
            assert!(has(name, WordKind::Section), "{name}");
        }
        for name in DIRECTIVES.iter().chain(&["rule", "checkpoint"]) {
            assert!(has(name, WordKind::Directive), "{name}");
        }
        for word in &words {
            assert!(!word.text.is_empty() && !word.text.contains("]("), "{word:?}");
        }
        let flag = words.iter().find(|word| word.name == "temp").unwrap();
        assert!(flag.kind == WordKind::Flag && flag.example.contains("temp("), "{flag:?}");
    }
}
