//! YAML in blocks, as DVC writes its lock file.

use serde_json::Value as Json;

/// What stands farther to the right is written in one line.
const DEEPEST: usize = 100;

/// A mapping as a document.
pub(super) fn document(value: &Json) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Json, indent: usize, out: &mut String) {
    if indent > DEEPEST {
        return line(&value.to_string(), indent, out);
    }
    match value {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                out.push_str(&" ".repeat(indent));
                out.push_str(&text(key));
                out.push(':');
                match value {
                    Json::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(value, indent + 2, out);
                    }
                    // The dashes stand below the key.
                    Json::Array(items) if !items.is_empty() => {
                        out.push('\n');
                        block(value, indent, out);
                    }
                    single => line(&format!(" {}", scalar(single)), 0, out),
                }
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, indent + 2, &mut inner);
                out.push_str(&" ".repeat(indent));
                out.push_str("- ");
                out.push_str(inner.trim_start_matches(' '));
            }
        }
        single => line(&scalar(single), indent, out),
    }
}

fn line(text: &str, indent: usize, out: &mut String) {
    out.push_str(&" ".repeat(indent));
    out.push_str(text);
    out.push('\n');
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(it) => text(it),
        // As Python writes it, so that what Python reads is the same number.
        Json::Number(number) if number.is_f64() => {
            rulemake::Value::Float(number.as_f64().unwrap_or_default()).canonical()
        }
        other => other.to_string(),
    }
}

/// A text: as it is where nothing else could be meant, else in quotes.
fn text(text: &str) -> String {
    // None of these means anything, whatever stands before and after it.
    let is_tame = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@+=, ()&>|$;'\"".contains(c))
        && !text.ends_with(' ');
    if is_tame && !is_date(text) && is_text(text) {
        return text.to_string();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || c == '\u{feff}' || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether readers of any YAML take it for a text.
fn is_text(text: &str) -> bool {
    let read = [rulemake::Value::from_yaml("", text), rulemake::Value::from_yaml_core("", text)];
    read.iter().all(|read| read.as_ref().is_ok_and(|value| value.as_str() == Some(text)))
}

/// Python makes an object of it.
fn is_date(text: &str) -> bool {
    text.get(..4).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit())) && text.get(4..5) == Some("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_again() {
        let deep = (0..90).fold(json!(1), |inner, _| json!([inner]));
        let value = json!({
            "schema": "2.0", "é: x": {"a": [], "b": {}, "c": null, "d": [[1, [2, {"x": 1e-7, "y": 10.0}]], "no"]},
            "cmd": "a: b # c\n\tα \u{1}\u{2028}\u{7f}", "md5": "12e34567890123456789012345678901", "deep": deep,
            "list": [{"path": "a b", "md5": "d41d8.dir", "size": 1234567890123456789u64}, "- x", "", " ", "&a", "*a", "'q'"],
            "text": "/usr/bin/env python 'x' && echo \"y\" > z", "true": "TRUE", "date": "1979-05-27", "n": "n"
        });
        let read = rulemake::Value::from_yaml_core("x", &document(&value)).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value, "{}", document(&value));
    }

    #[test]
    fn it_looks_as_dvc_writes_it() {
        let value = json!({"outs": [{"path": "out/a.txt", "hash": "md5"}], "params": {"p.yaml": {"a": [1, {"b": true}]}}});
        let text =
            "outs:\n- path: out/a.txt\n  hash: md5\nparams:\n  p.yaml:\n    a:\n    - 1\n    - b: true\n";
        assert_eq!(document(&value), text);
    }
}
