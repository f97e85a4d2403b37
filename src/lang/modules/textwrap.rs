//! The module `textwrap`.

use super::ModuleDef;
use crate::lang::builtins::args::{int, text};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "textwrap",
    functions: &[
        Builtin { name: "dedent", call: dedent },
        Builtin { name: "fill", call: |vm, args| Ok(wrapped(vm, args, "fill")?.join("\n").into()) },
        Builtin { name: "indent", call: indent },
        Builtin { name: "shorten", call: shorten },
        Builtin {
            name: "wrap",
            call: |vm, args| {
                Ok(Value::list(wrapped(vm, args, "wrap")?.into_iter().map(Value::from).collect()))
            },
        },
    ],
    values: super::no_values,
    refused: &[("TextWrapper", "use `textwrap.wrap(text, width=...)`")],
};

/// Without the white space that all lines have in front; lines of white space only become empty.
fn dedent(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let whole = text(&args.one("dedent")?, "dedent")?;
    vm.budget.allocate(whole.len() as u64)?;
    let margin_of = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut margin: Option<&str> = None;
    for line in whole.split('\n').filter(|line| line.chars().any(|c| c != ' ' && c != '\t')) {
        let own = &line[..margin_of(line)];
        margin = Some(match margin {
            None => own,
            Some(margin) => {
                let common = margin.bytes().zip(own.bytes()).take_while(|(a, b)| a == b).count();
                &own[..common]
            }
        });
    }
    let margin = margin.unwrap_or("");
    let lines = whole.split('\n').map(|line| match line.chars().all(|c| c == ' ' || c == '\t') {
        true => "",
        false => line.strip_prefix(margin).unwrap_or(line),
    });
    Ok(lines.collect::<Vec<_>>().join("\n").into())
}

fn indent(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [whole, prefix, predicate] = args.take("indent", ["text", "prefix", "predicate"], 2)?;
    let whole = text(&whole.unwrap_or(Value::None), "indent")?;
    let prefix = text(&prefix.unwrap_or(Value::None), "indent")?;
    let mut out = String::new();
    for line in whole.split_inclusive('\n') {
        vm.budget.allocate((line.len() + prefix.len()) as u64)?;
        let wanted = match &predicate {
            None | Some(Value::None) => !line.trim().is_empty(),
            Some(predicate) => vm.call_value(predicate, Args::positional(vec![line.into()]), None)?.truth(),
        };
        if wanted {
            out.push_str(&prefix);
        }
        out.push_str(line);
    }
    Ok(out.into())
}

/// How lines are broken.
struct Style {
    width: usize,
    initial: String,
    subsequent: String,
    break_words: bool,
    break_hyphens: bool,
}

fn wrapped(vm: &mut Vm, args: Args, name: &str) -> Result<Vec<String>, Raise> {
    let names = [
        "/text",
        "width",
        "*initial_indent",
        "*subsequent_indent",
        "*break_long_words",
        "*break_on_hyphens",
        "*expand_tabs",
        "*replace_whitespace",
        "*drop_whitespace",
    ];
    let [whole, width, initial, subsequent, words, hyphens, tabs, replace, dropped] =
        args.take(name, names, 1)?;
    if [tabs, replace, dropped].into_iter().flatten().any(|value| !value.truth()) {
        return Err(Raise::unsupported(
            "this way of wrapping is not supported",
            "leave the white space to `textwrap`",
        ));
    }
    let whole = text(&whole.unwrap_or(Value::None), name)?;
    let width = width.map_or(Ok(70), |width| int(&width, name))?;
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(Raise::value_error(format!("invalid width {width} (must be > 0)")));
    };
    let prefix =
        |value: Option<Value>| value.map_or(Ok(String::new()), |v| text(&v, name).map(|t| t.to_string()));
    let yes = |value: Option<Value>| value.is_none_or(|value| value.truth());
    let style = Style {
        width,
        initial: prefix(initial)?,
        subsequent: prefix(subsequent)?,
        break_words: yes(words),
        break_hyphens: yes(hyphens),
    };
    let indent = (style.initial.len() + style.subsequent.len()) as u64;
    vm.budget.allocate((whole.len() as u64).saturating_mul(8 + indent))?;
    vm.budget.spend(whole.len() as u64 / 4)?;
    Ok(style.wrap(&whole))
}

impl Style {
    fn wrap(&self, whole: &str) -> Vec<String> {
        let clean = expand_tabs(whole);
        let mut chunks: Vec<String> = self.chunks(&clean);
        chunks.reverse();
        let mut lines: Vec<String> = Vec::new();
        while !chunks.is_empty() {
            let indent = if lines.is_empty() { &self.initial } else { &self.subsequent };
            let width = self.width.saturating_sub(indent.chars().count());
            // White space at the start of a line falls away, except at the start of the text.
            if !lines.is_empty() && chunks.last().is_some_and(|chunk| chunk.trim().is_empty()) {
                chunks.pop();
            }
            let mut line: Vec<String> = Vec::new();
            let mut length = 0;
            while let Some(chunk) = chunks.last() {
                let size = chunk.chars().count();
                if length + size > width {
                    break;
                }
                length += size;
                line.extend(chunks.pop());
            }
            if let Some(chunk) = chunks.last().filter(|chunk| chunk.chars().count() > width).cloned() {
                if self.break_words {
                    let room = if width < 1 { 1 } else { width - length };
                    let at = chunk.char_indices().nth(room).map_or(chunk.len(), |(at, _)| at);
                    // Long words with hyphens are broken after one of them, if it fits.
                    let hyphen = chunk[..at].rfind('-').filter(|hyphen| {
                        self.break_hyphens
                            && *hyphen > 0
                            && size_of(&chunk) > room
                            && chunk[..*hyphen].chars().any(|c| c != '-')
                    });
                    let at = hyphen.map_or(at, |hyphen| hyphen + 1);
                    line.push(chunk[..at].to_string());
                    chunks.pop();
                    chunks.push(chunk[at..].to_string());
                } else if line.is_empty() {
                    line.extend(chunks.pop());
                }
            }
            if line.last().is_some_and(|chunk| chunk.trim().is_empty()) {
                line.pop();
            }
            if !line.is_empty() {
                lines.push(format!("{indent}{}", line.concat()));
            }
        }
        lines
    }

    /// Words and the white space between them; words are cut after hyphens between letters.
    fn chunks(&self, text: &str) -> Vec<String> {
        let mut chunks = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let space = rest.len() - rest.trim_start_matches(' ').len();
            if space > 0 {
                chunks.push(rest[..space].to_string());
                rest = &rest[space..];
                continue;
            }
            let end = rest.find(' ').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if self.break_hyphens {
                chunks.extend(parts(word));
            } else {
                chunks.push(word.to_string());
            }
            rest = after;
        }
        chunks
    }
}

fn size_of(text: &str) -> usize {
    text.chars().count()
}

/// Tabs as spaces up to columns of eight, all other white space as single spaces.
fn expand_tabs(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\n' | '\r' => {
                out.push(' ');
                column = 0;
            }
            '\x0b' | '\x0c' => {
                out.push(' ');
                column += 1;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

/// A word in the parts between which a line may end: after a hyphen between letters, around dashes of two or more.
fn parts(word: &str) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    let letter =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic() || *c == '_');
    let word_char =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let punctuated = |at: Option<usize>| {
        at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric() || "_!\"'&.,?".contains(*c))
    };
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '-' {
            at += 1;
            continue;
        }
        let dashes = chars[at..].iter().take_while(|c| **c == '-').count();
        if dashes >= 2 && punctuated(at.checked_sub(1)) && word_char(Some(at + dashes)) {
            parts.push(chars[start..at].iter().collect());
            parts.push(chars[at..at + dashes].iter().collect());
            start = at + dashes;
            at = start;
            continue;
        }
        let before = letter(at.checked_sub(1))
            && (letter(at.checked_sub(2)) || (at >= 3 && chars[at - 2] == '-' && letter(at.checked_sub(3))));
        let behind = letter(at.checked_sub(1)) && at >= 2 && letter(at.checked_sub(2));
        let after = letter(Some(at + 1))
            && (letter(Some(at + 2)) || (chars.get(at + 2) == Some(&'-') && letter(Some(at + 3))));
        if dashes == 1 && (before || behind) && after {
            parts.push(chars[start..=at].iter().collect());
            start = at + 1;
        }
        at += dashes.max(1);
    }
    parts.push(chars[start..].iter().collect());
    parts.retain(|part: &String| !part.is_empty());
    parts
}

fn shorten(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [whole, width, placeholder] = args.take("shorten", ["/text", "width", "*placeholder"], 2)?;
    let whole = text(&whole.unwrap_or(Value::None), "shorten")?;
    let width = int(&width.unwrap_or(Value::None), "shorten")?;
    let placeholder = placeholder.map_or(Ok(" [...]".into()), |value| text(&value, "shorten"))?;
    vm.budget.allocate(2 * whole.len() as u64)?;
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(Raise::value_error(format!("invalid width {width} (must be > 0)")));
    };
    if placeholder.trim_start().chars().count() > width {
        return Err(Raise::value_error("placeholder too large for max width"));
    }
    let words: Vec<&str> = whole.split_whitespace().collect();
    let joined = words.join(" ");
    if joined.chars().count() <= width {
        return Ok(joined.into());
    }
    let style = Style {
        width,
        initial: String::new(),
        subsequent: String::new(),
        break_words: true,
        break_hyphens: true,
    };
    let chunks = style.chunks(&joined);
    // As many pieces as leave room for the placeholder.
    let room = placeholder.chars().count();
    let mut kept = String::new();
    let mut line: Vec<&String> = Vec::new();
    let mut length = 0;
    for chunk in &chunks {
        if length + chunk.chars().count() > width {
            break;
        }
        length += chunk.chars().count();
        line.push(chunk);
    }
    while let Some(last) = line.last() {
        if !last.trim().is_empty() && length + room <= width {
            kept = line.iter().map(|chunk| chunk.as_str()).collect();
            break;
        }
        length -= last.chars().count();
        line.pop();
    }
    Ok(if kept.is_empty() { placeholder.trim_start().to_string() } else { format!("{kept}{placeholder}") }
        .into())
}
