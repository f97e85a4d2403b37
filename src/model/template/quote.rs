//! Writes a value so that the shell reads it as the value, for each place where it can stand.

use super::Quoting;

/// Whether the shell would not take the text as it is, outside of quotes.
pub(super) fn has_special(text: &str) -> bool {
    text.chars().any(is_special)
}

fn is_special(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || "_@%+=:,./-^".contains(c));
    }
    c.is_whitespace() || c.is_control()
}

/// Python's `shlex.quote`: one word, whatever the text.
pub(super) fn word(text: &str) -> String {
    if text.is_empty() || has_special(text) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    text.to_string()
}

/// Writes `text` at a place so that it stands there for itself. Text without special characters is unchanged.
///
/// Known limit: in `` "`a {x}`" `` bash expands `{a,b}` before it sees the backticks, and no quotes prevent that
/// in every case; the value then becomes several words, but is never executed.
pub(super) fn write(text: &str, place: Quoting, backticks: bool, out: &mut String) {
    let start = out.len();
    match place {
        Quoting::Bare if has_special(text) => out.push_str(&word(text)),
        Quoting::Single => out.push_str(&text.replace('\'', r"'\''")),
        Quoting::Double => escape(text, &['$', '`', '"', '\\'], out),
        Quoting::Heredoc => escape(text, &['$', '`', '\\'], out),
        // Leaves the quotes, so that neither escapes nor newlines in the value can be misread.
        Quoting::Ansi if text.contains(['\'', '\\']) => {
            out.push('\'');
            out.push_str(&word(text));
            out.push_str("$'");
        }
        Quoting::Comment => out.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c })),
        Quoting::Bare | Quoting::Ansi | Quoting::Verbatim => out.push_str(text),
    }
    if backticks && out[start..].contains(['\\', '`']) {
        let inner = out.split_off(start);
        escape(&inner, &['\\', '`'], out);
    }
}

fn escape(text: &str, special: &[char], out: &mut String) {
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}
