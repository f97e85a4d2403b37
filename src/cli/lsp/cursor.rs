//! Where in a Rulefile a place is, by the text before it: what is being typed is seldom a whole statement.

use rulemake::source::{Outline, OutlineItem};

/// What kind of text a place is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inside {
    Code,
    Comment,
    /// A string, with the start of its content.
    String {
        start: usize,
        is_fstring: bool,
    },
}

/// The statement that a place is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Head<'t> {
    #[default]
    None,
    /// With its name, or nothing.
    Rule(&'t str),
    Module,
    /// A function or a hook.
    Code,
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) offset: usize,
    pub(super) inside: Inside,
    pub(super) head: Head<'t>,
    /// The section of the rule or module, or the directive, that the place belongs to.
    pub(super) section: Option<&'t str>,
}

impl<'t> Cursor<'t> {
    /// `offset` is a boundary of a character in `text`.
    pub(super) fn new(text: &'t str, offset: usize) -> Cursor<'t> {
        let before = text.get(..offset).unwrap_or(text);
        let (head, section) = around(before);
        Cursor { text, offset: before.len(), inside: inside(before), head, section }
    }

    fn before(&self) -> &'t str {
        &self.text[..self.offset]
    }

    /// The line up to the place.
    pub(super) fn line(&self) -> &'t str {
        let before = self.before();
        &before[before.rfind(['\n', '\r']).map_or(0, |at| at + 1)..]
    }

    /// The names before the place that dots connect: `rules.sort.` is `["rules", "sort", ""]`.
    pub(super) fn path(&self) -> Vec<&'t str> {
        let before = self.before();
        let start = before
            .rfind(|c: char| !is_word(c) && c != '.')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        before[start..].split('.').collect()
    }

    /// The word around the place, with its range.
    pub(super) fn word(&self) -> Option<(std::ops::Range<usize>, &'t str)> {
        let (before, after) = (self.before(), &self.text[self.offset..]);
        let start =
            self.offset - before.chars().rev().take_while(|c| is_word(*c)).map(char::len_utf8).sum::<usize>();
        let end = self.offset + after.chars().take_while(|c| is_word(*c)).map(char::len_utf8).sum::<usize>();
        (start < end).then(|| (start..end, &self.text[start..end]))
    }

    /// For a place in an open field of a text, `"{wild`: what stands in it before the place.
    pub(super) fn field(&self) -> Option<&'t str> {
        let Inside::String { start, is_fstring } = self.inside else { return None };
        let content = self.text.get(start..self.offset)?;
        let open = content.rfind('{')?;
        let field = &content[open + 1..];
        let braces = content[..=open].len() - content[..=open].trim_end_matches('{').len();
        let is_open = !field.contains(['}', '\n']) && (braces % 2 == 1) != is_fstring;
        is_open.then_some(field)
    }

    /// Whether nothing but a word stands before the place in its line.
    pub(super) fn starts_line(&self) -> bool {
        self.line().trim_start().chars().all(is_word)
    }

    pub(super) fn is_indented(&self) -> bool {
        self.line().starts_with([' ', '\t'])
    }

    /// The rule that the place is in, from the best outline that there is of it: of this text, of this text without the
    /// line that is being typed, or of the last one without mistakes.
    pub(super) fn rule(&self, now: &Outline, last: Option<&Outline>) -> Option<OutlineItem> {
        let Head::Rule(name) = self.head else { return None };
        let find = |outline: &Outline| {
            let at = outline.rule_at(self.offset);
            let by_name = || outline.items.iter().rev().find(|item| !name.is_empty() && item.name == name);
            at.or_else(by_name).filter(|item| !item.sections.is_empty()).cloned()
        };
        if let Some(found) = find(now) {
            return Some(found);
        }
        let line = self.line();
        let rest = self.text[self.offset..].find(['\n', '\r']).map_or(self.text.len(), |at| self.offset + at);
        let with = |line: &str| {
            find(&Outline::of(
                &[&self.text[..self.offset - self.line().len()], line, &self.text[rest..]].concat(),
            ))
        };
        // A rule must have a section; this one nobody asks for.
        let depth = line.len() - line.trim_start().len();
        let section = format!("{}template_engine: ''", &line[..depth]);
        with(&" ".repeat(line.len())).or_else(|| with(&section)).or_else(|| find(last?))
    }
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What the end of a text is in.
fn inside(text: &str) -> Inside {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => match text[at..].find(['\n', '\r']) {
                Some(end) => at += end,
                None => return Inside::Comment,
            },
            quote @ (b'"' | b'\'') => {
                let prefix = text[..at].bytes().rev().take_while(u8::is_ascii_alphabetic);
                let is_fstring = prefix.take(2).any(|byte| byte.eq_ignore_ascii_case(&b'f'));
                let triple = bytes[at..].starts_with(&[quote; 3]);
                let start = at + if triple { 3 } else { 1 };
                match end_of_string(bytes, start, quote, triple) {
                    Some(end) => at = end,
                    None => return Inside::String { start, is_fstring },
                }
            }
            _ => at += 1,
        }
    }
    Inside::Code
}

/// Where a string ends that begins at `start`; one in single quotes also ends with its line.
fn end_of_string(bytes: &[u8], start: usize, quote: u8, triple: bool) -> Option<usize> {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == quote && !triple => return Some(at + 1),
            byte if byte == quote && bytes[at..].starts_with(&[quote; 3]) => return Some(at + 3),
            b'\n' | b'\r' if !triple => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The statement and section around the end of a text, by the lines above that are indented less.
fn around(text: &str) -> (Head<'_>, Option<&str>) {
    let mut section = None;
    let mut indent: Option<usize> = None;
    for line in text.rsplit(['\n', '\r']).map(Line::of) {
        // The line itself counts as what it is once its colon is there.
        let is_first = indent.is_none();
        if indent.is_some_and(|indent| line.is_blank || line.depth >= indent) {
            continue;
        }
        match line.head() {
            Some((head, true)) => return (head, section),
            Some((_, false)) if is_first => return (Head::None, None),
            _ => {}
        }
        match line.label() {
            Some(word) => section = section.or(Some(word)),
            None if is_first || line.opens_block() => {}
            // The rest of a text over several lines.
            None => continue,
        }
        if line.depth == 0 {
            break;
        }
        indent = Some(line.depth);
    }
    (Head::None, section)
}

/// A line, or the part of it before the cursor.
struct Line<'t> {
    /// Characters of its indentation.
    depth: usize,
    is_blank: bool,
    /// The word that it begins with.
    word: &'t str,
    /// What follows that.
    after: &'t str,
}

impl<'t> Line<'t> {
    fn of(line: &'t str) -> Line<'t> {
        let body = line.trim_start_matches([' ', '\t']);
        let (word, after) = split_word(body);
        Line { depth: line.len() - body.len(), is_blank: body.trim().is_empty(), word, after }
    }

    /// The statement that it starts, and whether its colon is there.
    fn head(&self) -> Option<(Head<'t>, bool)> {
        let has_colon = self.after.contains(':');
        match self.word {
            "rule" | "checkpoint" => {
                let (name, rest) = split_word(self.after);
                Some((Head::Rule(name), rest.trim_start().starts_with(':')))
            }
            "use" => {
                let renamed =
                    self.after.trim_end().strip_suffix("with:").and_then(|rest| rest.split_once(" as "));
                Some((Head::Rule(renamed.map_or("", |(_, name)| name.trim())), has_colon))
            }
            "module" => Some((Head::Module, has_colon)),
            "def" | "class" | "onstart" | "onsuccess" | "onerror" => Some((Head::Code, has_colon)),
            _ => None,
        }
    }

    /// The word before its colon.
    fn label(&self) -> Option<&'t str> {
        let is_label = self.after.starts_with(':') && !self.after.starts_with(":=");
        (is_label && !self.word.is_empty()).then_some(self.word)
    }

    fn opens_block(&self) -> bool {
        matches!(self.word, "if" | "elif" | "else" | "for" | "while" | "with" | "try")
    }
}

/// The word that a text begins with, and what follows it after blanks.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_at(text.find(|c: char| !is_word(c)).unwrap_or(text.len()));
    (word, rest.trim_start_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cursor at `|`.
    fn at(text: &str) -> (String, usize) {
        let offset = text.find('|').unwrap();
        (text.replacen('|', "", 1), offset)
    }

    #[test]
    fn a_place_knows_its_rule_and_section() {
        for (text, head, section) in [
            ("rule a:\n    |", Head::Rule("a"), None),
            ("rule a:\n    inp|", Head::Rule("a"), None),
            ("rule a:\n    input: |", Head::Rule("a"), Some("input")),
            ("rule a:\n    input:\n        'x',\n        |", Head::Rule("a"), Some("input")),
            ("rule a:\n    shell:\n        \"\"\"\n  x: {|", Head::Rule("a"), None),
            ("rule a:\n    input: 'x'\n|", Head::None, None),
            ("rule a:\n    input: 'x'\n    |", Head::Rule("a"), None),
            ("if x:\n    rule a:\n        output: '|", Head::Rule("a"), Some("output")),
            ("use rule a as b with:\n    output: '|", Head::Rule("b"), Some("output")),
            ("module m:\n    |", Head::Module, None),
            ("ruleorder: a > |", Head::None, Some("ruleorder")),
            ("def f(w):\n    return |", Head::Code, None),
            ("rule |", Head::None, None),
        ] {
            let (text, offset) = at(text);
            let cursor = Cursor::new(&text, offset);
            if head == Head::Rule("a") && section.is_none() && text.contains("\"\"\"") {
                assert_eq!(cursor.head, head, "{text}");
                continue;
            }
            assert_eq!((cursor.head, cursor.section), (head, section), "{text}");
        }
    }

    #[test]
    fn fields_of_texts_are_found() {
        for (text, field) in [
            ("shell: 'cat {in|", Some("in")),
            ("shell: 'cat {{in|", None),
            ("shell: 'cat {input} |", None),
            ("shell: 'cat {input} {wildcards.|", Some("wildcards.")),
            ("x = f'{{in|", Some("in")),
            ("x = {a|", None),
            ("# '{in|", None),
            ("shell: \"\"\"\n it's {in|", Some("in")),
            ("a = 'x\nshell: '{in|", Some("in")),
        ] {
            let (text, offset) = at(text);
            assert_eq!(Cursor::new(&text, offset).field(), field, "{text}");
        }
        let (text, offset) = at("input: rules.sort.|");
        assert_eq!(Cursor::new(&text, offset).path(), ["rules", "sort", ""]);
    }
}
