//! L0: diagnostics as text, in rustc's look. Pure; knows no terminal and no file.
//!
//! Invariant: carets stand under the characters they mean, whatever tabs, wide or control characters precede.

use super::style::{Role, TextStyle, printable_lines, push_printable};
use super::{Diagnostic, Label, Severity};
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// Widest excerpt of a source line. With the frame it fits a terminal of 80 columns: where the terminal wraps,
/// carets point nowhere.
const EXCERPT_COLUMNS: usize = 72;
const CUT: &str = "...";

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    fn role(self) -> Role {
        match self {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Warning,
        }
    }
}

impl Diagnostic {
    /// The diagnostic as text for people, with excerpts of the source. Ends with a line end.
    ///
    /// ```
    /// use rulemake::{TextStyle, Workflow};
    /// let error = Workflow::parse("Rulefile", "rule a\n    output: 'x'\n").unwrap_err();
    /// let text = error.diagnostics()[0].render(TextStyle::Plain);
    /// assert!(text.contains(" --> Rulefile:1:7\n"), "{text}");
    /// ```
    #[must_use]
    pub fn render(&self, style: TextStyle) -> String {
        let mut out = String::new();
        let code = if self.code.is_empty() { String::new() } else { format!("[{}]", self.code) };
        let head = format!("{}{code}", self.severity.word());
        push_headline(&mut out, &head, self.severity.role(), &self.message, style);
        let margin = self.labels.iter().map(|l| digits(l.line)).max().unwrap_or(1);
        for (nth, labels) in by_file(&self.labels).iter().enumerate() {
            push_file(&mut out, labels, nth == 0, self.severity, margin, style);
        }
        let remarked = !self.notes.is_empty() || !self.help.is_empty();
        if remarked && !self.labels.is_empty() {
            push_frame(&mut out, margin, style, "");
        }
        let remarks = self.notes.iter().map(|n| ("note", n)).chain(self.help.iter().map(|h| ("help", h)));
        for (word, text) in remarks {
            push_remark(&mut out, margin, word, text, style);
        }
        out
    }
}

/// `error[code]: message`; further lines of the message are indented.
pub(crate) fn push_headline(out: &mut String, head: &str, role: Role, message: &str, style: TextStyle) {
    let _ = write!(out, "{}", style.paint(role, head));
    for (i, line) in printable_lines(message).enumerate() {
        match i {
            0 => out.push_str(&style.paint(Role::Strong, &format!(": {line}"))),
            _ => {
                let _ = write!(out, "\n  {line}");
            }
        }
    }
    out.push('\n');
}

/// ` = help: text`; further lines of the text are aligned under the first.
pub(crate) fn push_remark(out: &mut String, margin: usize, word: &str, text: &str, style: TextStyle) {
    let equals = style.paint(Role::Frame, "=");
    let word_column = format!("{word}:");
    let mut lines = printable_lines(text);
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(out, "{:margin$} {equals} {} {first}", "", style.paint(Role::Strong, &word_column));
    let indent = margin + 4 + word_column.len();
    for line in lines {
        let _ = writeln!(out, "{}", format!("{:indent$}{line}", "").trim_end());
    }
}

/// Labels grouped by file, the file of the first label first; `true` marks the first label of all.
fn by_file(labels: &[Label]) -> Vec<Vec<(&Label, bool)>> {
    let mut files: Vec<Vec<(&Label, bool)>> = Vec::new();
    for (i, label) in labels.iter().enumerate() {
        match files.iter_mut().find(|group| group[0].0.file == label.file) {
            Some(group) => group.push((label, i == 0)),
            None => files.push(vec![(label, i == 0)]),
        }
    }
    files
}

fn push_file(
    out: &mut String,
    labels: &[(&Label, bool)],
    first: bool,
    severity: Severity,
    margin: usize,
    style: TextStyle,
) {
    let Some((lead, _)) = labels.first() else { return };
    if !first {
        push_frame(out, margin, style, "");
    }
    let arrow = style.paint(Role::Frame, if first { "-->" } else { ":::" });
    let file = super::style::printable(&lead.file);
    let _ = writeln!(out, "{:margin$}{arrow} {file}:{}:{}", "", lead.line, lead.column);
    push_frame(out, margin, style, "");
    let mut sorted: Vec<_> = labels.to_vec();
    sorted.sort_by_key(|(label, _)| (label.line, label.column));
    let mut previous: Option<u32> = None;
    for group in sorted.chunk_by(|a, b| a.0.line == b.0.line) {
        let (label, _) = group[0];
        if previous.is_some_and(|line| line + 1 < label.line) {
            out.push_str(CUT);
            out.push('\n');
        }
        previous = Some(label.line);
        push_line(out, group, severity, margin, style);
    }
}

/// One source line with a row of carets for each label on it.
fn push_line(
    out: &mut String,
    group: &[(&Label, bool)],
    severity: Severity,
    margin: usize,
    style: TextStyle,
) {
    let (label, _) = group.iter().find(|(_, main)| *main).unwrap_or(&group[0]);
    let excerpt = Excerpt::of(label);
    let number = style.paint(Role::Frame, &format!("{:>margin$} |", label.line)).into_owned();
    let _ = writeln!(out, "{}", format!("{number} {}", excerpt.text).trim_end());
    for (label, main) in group {
        let (start, width) = excerpt.columns(label.column, end_column(label));
        let (mark, role) = if *main { ("^", severity.role()) } else { ("-", Role::Frame) };
        let mut words = printable_lines(&label.text);
        let underline = format!("{} {}", mark.repeat(width), words.next().unwrap_or_default());
        let painted = style.paint(role, underline.trim_end()).into_owned();
        push_frame(out, margin, style, &format!("{:start$}{painted}", ""));
        for line in words {
            let painted = style.paint(role, &line).into_owned();
            push_frame(out, margin, style, &format!("{:indent$}{painted}", "", indent = start + width + 1));
        }
    }
}

fn push_frame(out: &mut String, margin: usize, style: TextStyle, text: &str) {
    let bar = style.paint(Role::Frame, "|");
    let _ = writeln!(out, "{}", format!("{:margin$} {bar} {text}", "").trim_end());
}

/// The end of a label on its first line; a label over several lines reaches to the line's end.
fn end_column(label: &Label) -> u32 {
    if label.end_line > label.line { u32::MAX } else { label.end_column }
}

fn digits(line: u32) -> usize {
    line.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The part of a source line that is shown, with the display columns of its characters.
struct Excerpt {
    text: String,
    /// Display column of each character of the source line, and of its end; clamped to the shown part.
    starts: Vec<usize>,
    /// Characters of the line before the part that the label holds.
    skipped: u32,
}

impl Excerpt {
    fn of(label: &Label) -> Excerpt {
        let skipped = label.source_column.saturating_sub(1);
        let end = end_column(label).saturating_sub(skipped);
        Excerpt { skipped, ..Excerpt::new(&label.source_line, label.column - skipped.min(label.column), end) }
    }

    /// `column` and `end` count characters from 1 and are what must be seen.
    fn new(line: &str, column: u32, end: u32) -> Excerpt {
        let cells: Vec<(String, usize)> = line.chars().map(cell).collect();
        let mut ends = Vec::with_capacity(cells.len() + 1);
        ends.push(0);
        for (_, width) in &cells {
            ends.push(ends.last().copied().unwrap_or(0) + width);
        }
        let total = *ends.last().unwrap_or(&0);
        let shown = window(&ends, total, index(column, cells.len()), index(end, cells.len()));
        let lead = if shown.start > 0 { CUT.len() } else { 0 };
        let mut text = CUT[..lead].to_string();
        cells[shown.clone()].iter().for_each(|(cell, _)| text.push_str(cell));
        if shown.end < cells.len() {
            text.push_str(CUT);
        }
        let (low, high) = (ends[shown.start], ends[shown.end]);
        let starts = ends.iter().map(|&e| lead + e.clamp(low, high) - low).collect();
        Excerpt { text, starts, skipped: 0 }
    }

    /// Display column and width of the characters `column..end`, counted from 1.
    fn columns(&self, column: u32, end: u32) -> (usize, usize) {
        let last = self.starts.len() - 1;
        let index = |column: u32| index(column.saturating_sub(self.skipped), last);
        let start = self.starts[index(column)];
        (start, self.starts[index(end)].saturating_sub(start).max(1))
    }
}

fn index(column: u32, last: usize) -> usize {
    (column.saturating_sub(1) as usize).min(last)
}

fn cell(c: char) -> (String, usize) {
    if c == '\t' {
        return ("    ".into(), 4);
    }
    let mut text = String::new();
    push_printable(c, &mut text);
    let width = text.chars().map(|c| c.width().unwrap_or(0)).sum();
    (text, width)
}

/// Which characters to show: all when they fit, else those around `start..end` with a third of the room before.
fn window(ends: &[usize], total: usize, start: usize, end: usize) -> std::ops::Range<usize> {
    let count = ends.len() - 1;
    if total <= EXCERPT_COLUMNS {
        return 0..count;
    }
    let room = EXCERPT_COLUMNS - 2 * CUT.len();
    let needed = (ends[end.max(start)] - ends[start]).min(room);
    let before = ((room - needed) / 2).min(room / 3);
    // Near the end of the line the room that is left over goes to the text before.
    let low = ends[start].saturating_sub(before).min(total.saturating_sub(room));
    let from = ends.partition_point(|&e| e < low).min(count);
    let to = ends.partition_point(|&e| e <= ends[from] + room).saturating_sub(1);
    from..to.max(from)
}

#[cfg(test)]
mod tests;
