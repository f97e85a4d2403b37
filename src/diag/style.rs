//! L0: how text for people looks: colours, and names that cannot do anything to a terminal.
//!
//! Knows no terminal: whoever prints decides whether colours are wanted.

use std::borrow::Cow;

/// Whether text for people carries colours.
///
/// ```
/// use rulemake::{TextStyle, Workflow};
/// let error = Workflow::load("no/such/Rulefile").unwrap_err();
/// assert!(error.render(TextStyle::Plain).starts_with("error: "));
/// assert!(error.render(TextStyle::Ansi).starts_with("\u{1b}[1;31merror"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum TextStyle {
    /// Text alone.
    #[default]
    Plain,
    /// With ANSI escape sequences.
    Ansi,
}

/// What a piece of text is; each has one colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Error,
    Warning,
    /// The frame around source excerpts, and related places.
    Frame,
    Strong,
    Faint,
    Good,
}

impl TextStyle {
    pub(crate) fn paint(self, role: Role, text: &str) -> Cow<'_, str> {
        if self == TextStyle::Plain || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let code = match role {
            Role::Error => "1;31",
            Role::Warning => "1;33",
            Role::Frame => "1;34",
            Role::Strong => "1",
            Role::Faint => "2",
            Role::Good => "32",
        };
        Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }
}

/// Makes a name safe to print on one line: control characters and those that reorder text are shown as escapes.
///
/// ```
/// assert_eq!(rulemake::report::printable("a\u{1b}[2J\nb"), r"a\u{1b}[2J\nb");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push_printable(c, &mut out));
    Cow::Owned(out)
}

pub(crate) fn push_printable(c: char, out: &mut String) {
    if is_unsafe(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Text of several lines, each safe to print, tabs as four blanks.
pub(crate) fn printable_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| printable(&line.replace('\t', "    ")).trim_end().to_string())
}

/// A command, line by line, each safe to print: with its tabs, so that it can be pasted.
pub(crate) fn command_lines(command: &str) -> impl Iterator<Item = String> {
    command.lines().map(|line| {
        let parts: Vec<Cow<'_, str>> = line.split('\t').map(printable).collect();
        parts.join("\t").trim_end().to_string()
    })
}

/// Control characters, line and paragraph separators, and those that change the direction of text, by which
/// a file name could make one thing look like another.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_send_escapes_to_the_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}"), r"a\u{1b}]0;x\u{7}");
        assert_eq!(printable("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(printable("Größe 日本.tsv"), "Größe 日本.tsv");
    }

    #[test]
    fn a_command_keeps_its_tabs_and_sends_no_escapes() {
        let lines: Vec<String> = command_lines("cut -d'\t' a\u{1b}[2J\n\tb \n").collect();
        assert_eq!(lines, ["cut -d'\t' a\\u{1b}[2J", "\tb"]);
    }

    #[test]
    fn plain_style_adds_nothing() {
        assert_eq!(TextStyle::Plain.paint(Role::Error, "x"), "x");
        assert_eq!(TextStyle::Ansi.paint(Role::Error, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(TextStyle::Ansi.paint(Role::Error, ""), "");
    }
}
