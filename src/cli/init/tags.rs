//! The tag `{% now 'utc', '%Y' %}` of Cookiecutter, which the template engine does not know: it becomes a call.

/// What opens and closes tags and variables in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delimiters {
    pub(super) block: (String, String),
    pub(super) variable: (String, String),
    pub(super) comment: (String, String),
}

impl Default for Delimiters {
    fn default() -> Delimiters {
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        Delimiters { block: pair("{%", "%}"), variable: pair("{{", "}}"), comment: pair("{#", "#}") }
    }
}

/// `source` with calls of `NOW` in place of the tags. Lines keep their numbers.
pub(super) fn with_calls(source: &str, delimiters: &Delimiters) -> String {
    let (open, close) = (&delimiters.block.0, &delimiters.block.1);
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(open.as_str()) {
        let after = &rest[at + open.len()..];
        let Some(end) = end_of_tag(after, close) else { break };
        let inside = &after[..end];
        let trimmed = inside.trim_start_matches(['-', '+']);
        let word = trimmed.trim_start();
        let next = &after[end + close.len()..];
        if is_word(word, "raw") {
            let whole = rest.len() - next.len() + end_of_raw(next, open, close);
            out.push_str(&rest[..whole]);
            rest = &rest[whole..];
            continue;
        }
        out.push_str(&rest[..at]);
        if is_word(word, "now") {
            let start = &inside[..inside.len() - trimmed.len()];
            let arguments = &word[3..];
            let body = arguments.trim_end_matches(['-', '+']);
            let finish = if arguments.ends_with('-') { "-" } else { "" };
            let (variable, end) = (&delimiters.variable.0, &delimiters.variable.1);
            let start = if start.contains('-') { "-" } else { "" };
            out.push_str(&format!("{variable}{start} {NOW}({}) {finish}{end}", call_arguments(body)));
        } else {
            out.push_str(&rest[at..rest.len() - next.len()]);
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// The name of the function that stands for the tag.
pub(super) const NOW: &str = "__now";

fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Where `close` stands outside of quotes.
fn end_of_tag(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(close) => return Some(at),
            None if c == '\'' || c == '"' => quote = Some(c),
            None => {}
        }
    }
    None
}

/// How far it is behind the next `endraw`.
fn end_of_raw(text: &str, open: &str, close: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find(open).map(|at| from + at + open.len()) {
        let word = text[at..].trim_start_matches(['-', '+']).trim_start();
        if is_word(word, "endraw") {
            return text[at..].find(close).map_or(text.len(), |end| at + end + close.len());
        }
        from = at;
    }
    text.len()
}

/// `'utc' + 'days=1', '%Y'` as `'utc', '+', 'days=1', '%Y'`; without a shift as it is, with two empty ones.
fn call_arguments(text: &str) -> String {
    let mut quote = None;
    let mut shift = None;
    let mut comma = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ',' => {
                comma = Some(at);
                break;
            }
            None if (c == '+' || c == '-') && shift.is_none() => shift = Some(at),
            None => {}
        }
    }
    let (zone, format) = match comma {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    match shift {
        Some(at) => format!("{}, '{}', {}{format}", &zone[..at], &zone[at..=at], &zone[at + 1..]),
        None => format!("{zone}, '', ''{format}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> String {
        with_calls(source, &Delimiters::default())
    }

    #[test]
    fn the_tag_becomes_a_call() {
        assert_eq!(rewritten("a {% now 'utc', '%Y %}' -%} b"), "a {{ __now( 'utc', '', '', '%Y %}' ) -}} b");
        assert_eq!(rewritten("{%- now 'utc' - 'days=1' %}"), "{{- __now( 'utc' , '-',  'days=1' ) }}");
        assert_eq!(rewritten("{% now zone %}"), "{{ __now( zone , '', '') }}");
    }

    #[test]
    fn all_else_stays() {
        for text in [
            "{% if now %}{% endif %}",
            "{% nowadays %}",
            "{% raw %}{% now 'utc' %}{% endraw %} x",
            "{% raw %}{% now 'utc' %}",
            "{% now 'utc",
            "{%",
            "é{% if 'ü' %}ß",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }
}
