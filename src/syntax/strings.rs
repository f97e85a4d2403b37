//! String literals: prefixes, quotes and escapes to the text that they mean.

use std::ops::Range;

/// A plain literal, taken apart.
pub(super) struct Literal<'t> {
    pub(super) raw: bool,
    pub(super) bytes: bool,
    /// The text between the quotes and its offset in the literal.
    pub(super) body: &'t str,
    pub(super) offset: usize,
}

/// A mistake in a literal: its place in the body, and what is wrong.
#[derive(Debug)]
pub(super) struct EscapeError {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// Takes a literal of the grammar apart.
pub(super) fn split(literal: &str) -> Literal<'_> {
    let quote = literal.find(['"', '\'']).unwrap_or(0);
    let (prefix, rest) = literal.split_at(quote);
    let long = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    let width = if long { 3 } else { 1 };
    let body = rest.get(width..rest.len().saturating_sub(width)).unwrap_or("");
    let has = |c: char| prefix.chars().any(|p| p.eq_ignore_ascii_case(&c));
    Literal { raw: has('r'), bytes: has('b'), body, offset: quote + width }
}

/// What a backslash means in a literal.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Escapes {
    /// Nothing.
    None,
    Text,
    /// As in a text, but for those that name characters.
    Bytes,
}

impl Escapes {
    pub(super) fn of(literal: &Literal<'_>) -> Escapes {
        match (literal.raw, literal.bytes) {
            (true, _) => Escapes::None,
            (false, true) => Escapes::Bytes,
            (false, false) => Escapes::Text,
        }
    }
}

/// Resolves escapes and line ends of a body into `out`.
pub(super) fn unescape(body: &str, escapes: Escapes, out: &mut String) -> Result<(), EscapeError> {
    let mut rest = body;
    while let Some(at) = rest.find(['\\', '\r']) {
        out.push_str(&rest[..at]);
        let start = body.len() - rest.len() + at;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\r') {
            out.push('\n');
            rest = after.strip_prefix('\n').unwrap_or(after);
        } else if escapes == Escapes::None {
            out.push('\\');
            rest = &rest[1..];
        } else {
            let length = escape(&rest[1..], escapes, out).map_err(|(length, message)| {
                let end = (start + 1 + length).min(body.len());
                EscapeError { at: start..end, message }
            })?;
            rest = &rest[1 + length..];
        }
    }
    out.push_str(rest);
    Ok(())
}

/// The escape after a backslash: appends what it means, gives its length.
fn escape(rest: &str, escapes: Escapes, out: &mut String) -> Result<usize, (usize, String)> {
    let Some(first) = rest.chars().next() else {
        out.push('\\');
        return Ok(0);
    };
    let simple = match first {
        '\r' => return Ok(if rest.starts_with("\r\n") { 2 } else { 1 }),
        '\n' => return Ok(1),
        '\\' | '\'' | '"' => first,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => {
            let length = rest.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let code = u32::from_str_radix(&rest[..length], 8).unwrap_or(0);
            out.push(char::from_u32(code).unwrap_or('\0'));
            return Ok(length);
        }
        'x' => return hexadecimal(rest, 2, out),
        'u' | 'U' | 'N' if escapes == Escapes::Bytes => {
            out.extend(['\\', first]);
            return Ok(1);
        }
        'u' => return hexadecimal(rest, 4, out),
        'U' => return hexadecimal(rest, 8, out),
        'N' if rest.starts_with("N{") => {
            let length = rest.find('}').map_or(2, |end| end + 1);
            return Err((length, "`\\N{...}` isn't supported; write the character itself".into()));
        }
        other => {
            out.push('\\');
            out.push(other);
            return Ok(other.len_utf8());
        }
    };
    out.push(simple);
    Ok(1)
}

fn hexadecimal(rest: &str, digits: usize, out: &mut String) -> Result<usize, (usize, String)> {
    let found = rest.bytes().skip(1).take(digits).take_while(u8::is_ascii_hexdigit).count();
    if found < digits {
        let message = format!("`\\{}` needs {digits} hexadecimal digits", &rest[..1]);
        return Err((1 + found, message));
    }
    let code = u32::from_str_radix(&rest[1..=digits], 16).unwrap_or(0);
    let Some(c) = char::from_u32(code) else {
        return Err((1 + digits, format!("`\\{}` is not a character", &rest[..=digits])));
    };
    out.push(c);
    Ok(1 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str, raw: bool) -> String {
        let mut out = String::new();
        unescape(body, if raw { Escapes::None } else { Escapes::Text }, &mut out).unwrap();
        out
    }

    #[test]
    fn escapes_mean_what_python_says() {
        assert_eq!(text(r#"a\n\t\\\'\"\x41\u00e9\U0001F600\101\q"#, false), "a\n\t\\'\"Aé😀A\\q");
        assert_eq!(text("a\\\nb\\\r\nc", false), "abc");
        assert_eq!(text("a\r\nb\rc", false), "a\nb\nc");
        assert_eq!(text(r"a\n\x", true), r"a\n\x");
    }

    #[test]
    fn bad_escapes_name_their_place() {
        for (body, at) in [(r"ab\x4", 2..5), (r"\ud800", 0..6), (r"x\N{DASH}y", 1..9), (r"\u12", 0..4)] {
            let mut out = String::new();
            assert_eq!(unescape(body, Escapes::Text, &mut out).unwrap_err().at, at, "{body}");
        }
    }

    #[test]
    fn prefixes_and_quotes_come_off() {
        let literal = split("Rb'''a'''");
        assert!(literal.raw && literal.bytes);
        assert_eq!((literal.body, literal.offset), ("a", 5));
        assert_eq!(split("\"\"").body, "");
    }
}
