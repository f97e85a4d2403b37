//! Values as Python shows them: templates were written for `str()` and `json.dumps()`.

use minijinja::Value;
use minijinja::value::ValueKind;
use std::fmt::Write as _;

/// Python's `str()`.
pub(super) fn shown(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_string(),
        ValueKind::Undefined => String::new(),
        _ => repr(value, 0),
    }
}

/// Deeper than any template's data; a value cannot contain itself, so this only bounds the stack.
const DEPTH: usize = 100;

fn repr(value: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return "...".into();
    }
    let items = |value: &Value| value.try_iter().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "None".into(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.into(),
        ValueKind::String => rulemake::Value::Str(value.as_str().unwrap_or_default().into()).canonical(),
        ValueKind::Number if !value.is_integer() => f64::try_from(value.clone())
            .map_or_else(|_| value.to_string(), |x| rulemake::Value::Float(x).canonical()),
        ValueKind::Seq => {
            let all: Vec<String> = items(value).iter().map(|item| repr(item, depth + 1)).collect();
            match (value.is_tuple(), all.len()) {
                (true, 1) => format!("({},)", all.concat()),
                (true, _) => format!("({})", all.join(", ")),
                (false, _) => format!("[{}]", all.join(", ")),
            }
        }
        ValueKind::Map => {
            let pair = |key: &Value| {
                let item = value.get_item(key).unwrap_or_default();
                format!("{}: {}", repr(key, depth + 1), repr(&item, depth + 1))
            };
            format!("{{{}}}", items(value).iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

/// Python's `json.dumps(value, sort_keys=True, indent=indent)`.
pub(super) fn json(value: &serde_json::Value, indent: Option<usize>) -> String {
    let mut out = String::new();
    write_json(value, indent, 0, &mut out);
    out
}

fn write_json(value: &serde_json::Value, indent: Option<usize>, depth: usize, out: &mut String) {
    use serde_json::Value as Json;
    let break_line = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { comma });
                break_line(out, depth + 1);
                write_json(item, indent, depth + 1, out);
            }
            break_line(out, depth);
            out.push(']');
        }
        Json::Object(map) if !map.is_empty() => {
            let mut sorted: Vec<_> = map.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { comma });
                break_line(out, depth + 1);
                ascii_string(key, out);
                out.push_str(": ");
                write_json(item, indent, depth + 1, out);
            }
            break_line(out, depth);
            out.push('}');
        }
        Json::String(text) => ascii_string(text, out),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(x) => out.push_str(&rulemake::Value::Float(x).canonical()),
            None => out.push_str(&number.to_string()),
        },
        other => out.push_str(&other.to_string()),
    }
}

/// With `\u` for all that is not ASCII.
fn ascii_string(text: &str, out: &mut String) {
    let quoted = serde_json::Value::String(text.into()).to_string();
    for c in quoted.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_in_python() {
        let value = Value::from(minijinja::value::Serde(
            serde_json::json!({"a": [true, null, 1, 1.0, "it's"], "b": {}}),
        ));
        assert_eq!(shown(&value), r#"{'a': [True, None, 1, 1.0, "it's"], 'b': {}}"#);
        assert_eq!(shown(&Value::from("x")), "x");
    }

    #[test]
    fn json_looks_as_from_python() {
        let value = serde_json::json!({"b": [1, {"x": "é😀"}], "a": [], "c": {}});
        assert_eq!(json(&value, None), r#"{"a": [], "b": [1, {"x": "\u00e9\ud83d\ude00"}], "c": {}}"#);
        assert_eq!(
            json(&value, Some(2)),
            "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {\n      \"x\": \"\\u00e9\\ud83d\\ude00\"\n    }\n  ],\n  \"c\": {}\n}"
        );
    }
}
