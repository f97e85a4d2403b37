//! Text to template: dedent, fields, and where each field stands in the shell text.

use super::shell::{self, Token};
use super::spec::{self, FormatSpec};
use super::{Access, Field, Part, Quoting, Root, Template, TemplateError};
use unicode_ident::{is_xid_continue, is_xid_start};

pub(super) fn parse(text: &str) -> Result<Template, Vec<TemplateError>> {
    let dedented = dedent(text);
    let mut reader = Reader::new(&dedented.text);
    reader.read();
    let Reader { mut tokens, mut fields, mut errors, .. } = reader;
    for at in fields.iter_mut().map(|f| &mut f.at).chain(errors.iter_mut().map(|e| &mut e.at)) {
        *at = dedented.origin(*at);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let scan = shell::scan(&tokens);
    for (field, place) in fields.iter_mut().zip(scan.places) {
        (field.quoting, field.backticks) = place;
    }
    tokens = without_trailing_blanks(&tokens, &scan.line_ends);
    Ok(Template { text: dedented.text.into(), parts: parts(&tokens, fields) })
}

/// Parses a text that is in its final form, as [`Template::canonical`] writes it.
#[cfg(test)]
pub(super) fn parse_exact(text: &str) -> Result<Template, Vec<TemplateError>> {
    let mut reader = Reader::new(text);
    reader.read();
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    let parts = parts(&reader.tokens, reader.fields);
    let mut template = Template { text: text.into(), parts };
    template.place_fields();
    Ok(template)
}

/// A text without its common indentation and the blank lines around it.
struct Dedented {
    text: String,
    /// Where each line begins, in `text` and in the original.
    lines: Vec<(u32, u32)>,
}

impl Dedented {
    fn origin(&self, (start, end): (u32, u32)) -> (u32, u32) {
        let of = |at: u32| {
            let line = self.lines.partition_point(|(start, _)| *start <= at).saturating_sub(1);
            self.lines.get(line).map_or(at, |(new, old)| old + (at - new))
        };
        (of(start), of(end.max(start + 1) - 1) + 1)
    }
}

/// The first line counts as every other: a text that begins right after the quotes keeps its indentation,
/// because what follows may be a program for which indentation has a meaning.
fn dedent(text: &str) -> Dedented {
    let is_blank = |line: &str| line.trim_matches([' ', '\t', '\n', '\r']).is_empty();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = lines.iter().position(|l| !is_blank(l)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|l| !is_blank(l)).map_or(first, |i| i + 1);
    let mut margin: Option<&str> = None;
    for line in lines[first..last].iter().filter(|l| !is_blank(l)) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        margin = Some(margin.map_or(indent, |m| common_prefix(m, indent)));
    }
    let margin = margin.unwrap_or("");
    let mut dedented = Dedented { text: String::with_capacity(text.len()), lines: Vec::new() };
    let mut at: usize = lines[..first].iter().map(|l| l.len()).sum();
    for line in &lines[first..last] {
        let kept = match line.strip_prefix(margin) {
            Some(kept) => kept,
            None => line.trim_start_matches([' ', '\t']),
        };
        let removed = line.len() - kept.len();
        dedented.lines.push((dedented.text.len() as u32, (at + removed) as u32));
        dedented.text.push_str(kept);
        at += line.len();
    }
    if dedented.text.ends_with('\n') {
        dedented.text.pop();
    }
    dedented
}

fn common_prefix<'a>(a: &'a str, b: &str) -> &'a str {
    let length = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    &a[..length]
}

/// More mistakes than this help nobody; it also bounds the search for braces that are never closed.
const MAX_ERRORS: usize = 20;

/// Splits a text into characters and fields.
struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    fields: Vec<Field>,
    errors: Vec<TemplateError>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader { text, tokens: Vec::with_capacity(text.len()), fields: Vec::new(), errors: Vec::new() }
    }

    fn read(&mut self) {
        let mut rest = self.text;
        while let Some(brace) = rest.find(['{', '}']).filter(|_| self.errors.len() < MAX_ERRORS) {
            self.tokens.extend(rest[..brace].chars().map(Token::Char));
            rest = &rest[brace..];
            let at = self.text.len() - rest.len();
            if let Some(after) = rest.strip_prefix("{{") {
                self.tokens.push(Token::Char('{'));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                self.tokens.push(Token::Char('}'));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('}') {
                let help = "write `}}` for a literal brace".into();
                self.error(at, at + 1, "this `}` closes nothing", Some(help));
                rest = after;
            } else {
                let end = self.braces(at, rest);
                rest = &self.text[end..];
            }
        }
        self.tokens.extend(rest.chars().map(Token::Char));
    }

    /// Reads the field at `rest`, which begins with `{`; gives the place after it.
    fn braces(&mut self, at: usize, rest: &str) -> usize {
        let Some(length) = balanced(rest) else {
            let help = "write `{{` for a literal brace".into();
            self.error(at, at + 1, "this `{` is never closed", Some(help));
            return at + 1;
        };
        let content = &rest[1..length - 1];
        match field(content) {
            Ok(mut field) => {
                field.at = (at as u32, (at + length) as u32);
                field.after_dollar = self.tokens.last() == Some(&Token::Char('$'));
                self.fields.push(field);
                self.tokens.push(Token::Field);
            }
            Err((message, help)) => {
                // A whole awk program is not a useful thing to underline.
                let first_line = rest[..length].find('\n').unwrap_or(length);
                self.error(at, at + first_line, message, help);
            }
        }
        at + length
    }

    fn error(&mut self, start: usize, end: usize, message: impl Into<String>, help: Option<String>) {
        self.errors.push(TemplateError { at: (start as u32, end as u32), message: message.into(), help });
    }
}

/// The length of the text from its first `{` through the `}` that closes it.
fn balanced(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(i + 1);
        }
    }
    None
}

type FieldError = (String, Option<String>);

fn field(content: &str) -> Result<Field, FieldError> {
    let (name, mut rest) = identifier(content).ok_or_else(|| not_a_field(content))?;
    let mut access = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = identifier(after).ok_or_else(|| not_a_field(content))?;
            access.push(Access::Attribute(name.into()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (key, after) = after.split_once(']').ok_or_else(|| not_a_field(content))?;
            access.push(index(content, key)?);
            rest = after;
        } else {
            break;
        }
    }
    let (conversion, rest) = conversion(content, rest)?;
    let spec = match rest.strip_prefix(':') {
        Some(spec) => spec,
        None if rest.is_empty() => "",
        None => return Err(not_a_field(content)),
    };
    let root = Root::of(name);
    check_spec(content, &root, conversion, spec)?;
    Ok(Field {
        root,
        access: access.into(),
        conversion,
        spec: spec.into(),
        quoting: Quoting::Bare,
        backticks: false,
        after_dollar: false,
        at: (0, 0),
    })
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    if !(first == '_' || is_xid_start(first)) {
        return None;
    }
    let end = chars.find(|(_, c)| !is_xid_continue(*c)).map_or(text.len(), |(i, _)| i);
    Some(text.split_at(end))
}

pub(super) fn is_identifier(text: &str) -> bool {
    identifier(text).is_some_and(|(_, rest)| rest.is_empty())
}

fn index(content: &str, key: &str) -> Result<Access, FieldError> {
    if key.is_empty() {
        return Err((format!("`{{{}}}` has an empty index", shown(content)), None));
    }
    let unquoted = key.trim_matches(['"', '\'']);
    if unquoted != key {
        let right = content.replace(&format!("[{key}]"), &format!("[{unquoted}]"));
        let help = format!("in a field a key stands without quotes: `{{{}}}`", shown(&right));
        return Err((format!("the key `{key}` is in quotes"), Some(help)));
    }
    if key.strip_prefix('-').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
        let help = "in a field count from the front, or prepare the value in `params:`".into();
        return Err((format!("`[{key}]` counts from the end"), Some(help)));
    }
    Ok(Access::Index(key.into()))
}

fn conversion<'a>(content: &str, rest: &'a str) -> Result<(Option<char>, &'a str), FieldError> {
    let Some(after) = rest.strip_prefix('!') else { return Ok((None, rest)) };
    match after.chars().next() {
        Some(c @ ('r' | 's')) => Ok((Some(c), &after[1..])),
        _ => {
            let help = "use `!r` (as Python would write it) or `!s` (as text)".into();
            Err((format!("unknown conversion in `{{{}}}`", shown(content)), Some(help)))
        }
    }
}

fn check_spec(content: &str, root: &Root, conversion: Option<char>, spec: &str) -> Result<(), FieldError> {
    let (_, format) = spec::split(spec);
    let parsed = FormatSpec::parse(format)
        .and_then(|parsed| if root.is_text() || conversion.is_some() { parsed.check_text() } else { Ok(()) });
    parsed.map_err(|why| {
        let help = "formats are `q` (always quote), `u` (never quote), and Python's, as in `{x:>10}`";
        (format!("wrong format in `{{{}}}`: {why}", shown(content)), Some(help.into()))
    })
}

/// Braces that hold no field: mostly a program for awk, a JSON text or a shell block, whose braces must be doubled.
fn not_a_field(content: &str) -> FieldError {
    let trimmed = content.trim();
    if trimmed.is_empty() {
        let help = "name what is meant, as in `{input}`, or write `{{}}` for literal braces".into();
        return ("`{}` names nothing".into(), Some(help));
    }
    if trimmed != content && !content.contains('\n') && field(trimmed).is_ok() {
        let help = format!("write `{{{trimmed}}}`, or `{{{{{content}}}}}` for literal braces");
        return (format!("`{{{content}}}` has blanks around its name"), Some(help));
    }
    if trimmed.bytes().all(|b| b.is_ascii_digit()) {
        let help =
            format!("write `{{input[{trimmed}]}}` for an input, or `{{{{{trimmed}}}}}` for literal braces");
        return (format!("`{{{trimmed}}}` is a number, not a name"), Some(help));
    }
    let doubled = content.replace("{{", "{").replace("}}", "}").replace('{', "{{").replace('}', "}}");
    let help = if content.contains('\n') {
        "in a command every literal brace is doubled: write `{{` and `}}`".into()
    } else {
        format!("in a command every literal brace is doubled: `{{{{{}}}}}`", shown(&doubled))
    };
    (format!("`{{{}}}` is not a field", shown(content)), Some(help))
}

/// A text for a message: one line, not too long.
fn shown(text: &str) -> String {
    const LENGTH: usize = 50;
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= LENGTH && line.len() == text.len() {
        return line.to_string();
    }
    line.chars().take(LENGTH).collect::<String>().trim_end().to_string() + "…"
}

/// Drops blanks before the ends of command lines, except where a backslash takes one of them as a character.
fn without_trailing_blanks(tokens: &[Token], line_ends: &[usize]) -> Vec<Token> {
    let is_blank = |t: &Token| matches!(t, Token::Char(' ' | '\t'));
    let mut kept = Vec::with_capacity(tokens.len());
    let mut from = 0;
    for &end in line_ends {
        kept.extend_from_slice(tokens.get(from..end).unwrap_or_default());
        from = end;
        let length = kept.iter().rposition(|t| !is_blank(t)).map_or(0, |i| i + 1);
        if length == 0 || kept.get(length - 1) != Some(&Token::Char('\\')) {
            kept.truncate(length);
        }
    }
    kept.extend_from_slice(tokens.get(from..).unwrap_or_default());
    kept
}

fn parts(tokens: &[Token], fields: Vec<Field>) -> Box<[Part]> {
    let mut parts = Vec::new();
    let mut fields = fields.into_iter();
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Char(c) => text.push(*c),
            Token::Field => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.extend(fields.next().map(Part::Field));
            }
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    parts.into()
}
