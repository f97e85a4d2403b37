//! Texts of files with metrics to values. Opens nothing.

use super::{MAX_BYTES, Metrics};
use crate::lang::builtins::from_file::written;
use crate::lang::config::{Format, document, format_of, inexact_integer};
use crate::model::value::Value;
use std::path::Path;

/// Metrics are few: what has more of them is data.
const MAX_VALUES: usize = 1000;

type Values = Vec<(String, Value)>;

/// What a file says, in the format that its name tells.
pub(super) fn values(path: &str, content: &[u8]) -> Result<Values, String> {
    if content.len() as u64 > MAX_BYTES {
        return Err("it is larger than 1 MiB: metrics are few".into());
    }
    let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = match path.rsplit('.').next() {
        Some("csv") => Some(','),
        Some("tsv") => Some('\t'),
        _ => None,
    };
    let values = match (separator, format_of(Path::new(path))) {
        (Some(separator), _) => table(text, separator)?,
        (None, Some(Format::Json)) => flat(&parsed(&with_large_as_text(text), Format::Json)?),
        (None, Some(format)) => flat(&parsed(text, format)?),
        (None, None) => return Err("metrics are read from .json, .yaml, .toml, .csv and .tsv".into()),
    };
    match values.len() {
        0 => Err("it holds no number, text or truth value".into()),
        n if n > MAX_VALUES => Err(format!("it holds {n} values: metrics are few")),
        _ => Ok(values),
    }
}

fn parsed(text: &str, format: Format) -> Result<Value, String> {
    document(text, format)?.to_model().map_err(|raise| raise.message())
}

/// JSON in which whole numbers that are too large for ours are texts, as they are in YAML: they are shown as they stand.
fn with_large_as_text(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, number)) = inexact_integer(rest).and_then(|at| rest.split_at_checked(at)) {
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        let (before, sign) = before.strip_suffix('-').map_or((before, ""), |before| (before, "-"));
        out.extend([before, "\"", sign, digits, "\""]);
        rest = after;
    }
    out + rest
}

/// Single values by name; what is nested has dots between its names.
fn flat(value: &Value) -> Values {
    let mut out = Vec::new();
    // The parsers limit the depth.
    let mut todo = vec![(String::new(), value)];
    while let Some((name, value)) = todo.pop() {
        match value {
            Value::Map(entries) => todo.extend(entries.iter().rev().map(|(key, value)| {
                let key = written(key);
                (if name.is_empty() { key } else { format!("{name}.{key}") }, value)
            })),
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::List(_) => {
                // A file that is one number.
                out.push((if name.is_empty() { "value".into() } else { name }, value.clone()));
            }
            _ => {}
        }
    }
    out
}

/// A row of names with a row of values, or several rows that each begin with a name.
fn table(text: &str, separator: char) -> Result<Values, String> {
    let mut rows = rows(text, separator)?.into_iter();
    let (_, head) = rows.next().ok_or("it is empty")?;
    let rows: Vec<(usize, Vec<String>)> = rows.collect();
    let mut out = Vec::new();
    for (line, row) in &rows {
        if row.len() != head.len() {
            return Err(format!("it has {} names and {} values (line {line})", head.len(), row.len()));
        }
        let cells = head.iter().zip(row);
        match (rows.len(), row.split_first()) {
            (1, _) | (_, None) => out.extend(cells.map(|(name, cell)| (written(name), value_of(cell)))),
            (_, Some((first, _))) => {
                let first = written(first);
                out.extend(cells.skip(1).map(|(name, cell)| {
                    let name =
                        if head.len() == 2 { first.clone() } else { format!("{first}.{}", written(name)) };
                    (name, value_of(cell))
                }));
            }
        }
    }
    Ok(out)
}

fn value_of(cell: &str) -> Value {
    let cell = cell.trim();
    if let Ok(n) = cell.parse::<i64>() {
        return Value::Int(n);
    }
    // As a number with a fraction it would be another one.
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return cell.into();
    }
    cell.parse::<f64>().map_or_else(|_| cell.into(), Value::Float)
}

/// The fields of each line that is not blank, with its number.
fn rows(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
                '"' if quoted || field.is_empty() => quoted = !quoted,
                c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        if quoted {
            return Err(format!("a quote is not closed (line {number})"));
        }
        fields.push(field);
        rows.push((number, fields));
    }
    Ok(rows)
}

/// The note of a run. JSON has no `NaN`: a list with its text stands for it, and what is a list or a map itself stands in a map by
/// its kind, which no metric is.
pub(super) fn note(metrics: &Metrics) -> Vec<u8> {
    let mut metrics = metrics.clone();
    for (_, value) in metrics.files.values_mut().flatten() {
        *value = to_note(value);
    }
    serde_json::to_vec(&metrics).unwrap_or_default()
}

/// The parsers limit the depth.
fn to_note(value: &Value) -> Value {
    let of_kind = |kind: &str, value: Value| Value::Map([(kind.into(), value)].into());
    match value {
        Value::Float(x) if !x.is_finite() => Value::List([Value::from(x.to_string())].into()),
        Value::List(items) => of_kind("list", Value::List(items.iter().map(to_note).collect())),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), to_note(value)));
            of_kind("map", Value::Map(entries.collect()))
        }
        other => other.clone(),
    }
}

/// The value that [`note`] wrote down.
fn noted_value(value: &Value) -> Value {
    let of_kind = |entries: &[(std::sync::Arc<str>, Value)]| match entries {
        [(kind, Value::List(items))] if &**kind == "list" => {
            Some(Value::List(items.iter().map(noted_value).collect()))
        }
        [(kind, Value::Map(entries))] if &**kind == "map" => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), noted_value(value)));
            Some(Value::Map(entries.collect()))
        }
        _ => None,
    };
    let found = match value {
        Value::List(items) => {
            items.first().and_then(Value::as_str).and_then(|text| text.parse().ok()).map(Value::Float)
        }
        Value::Map(entries) => of_kind(entries),
        _ => None,
    };
    found.unwrap_or_else(|| value.clone())
}

/// What a run noted; `None` when it noted nothing that is whole.
pub(super) fn noted(text: &str) -> Option<Metrics> {
    let value = parsed(text, Format::Json).ok()?;
    let entries = |name: &str| match value.get(name) {
        Some(Value::Map(entries)) => Some(entries.clone()),
        _ => None,
    };
    let mut metrics = Metrics::default();
    for (path, values) in entries("files")?.iter() {
        let Value::Map(values) = values else { return None };
        let values = values.iter().map(|(name, value)| (name.to_string(), noted_value(value))).collect();
        metrics.files.insert(path.to_string(), values);
    }
    for (path, why) in entries("unreadable")?.iter() {
        metrics.unreadable.insert(path.to_string(), why.as_str()?.to_string());
    }
    Some(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::MetricsDiff;

    fn shown(path: &str, text: &str) -> String {
        match values(path, text.as_bytes()) {
            Ok(values) => {
                values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Err(why) => format!("! {why}"),
        }
    }

    #[test]
    fn each_format_is_read() {
        let json = r#"{"auc": 0.93, "n": 10, "by": {"cat": 1, "v1.2": {"x": "good"}}, "curve": [1, 2], "ok": true, "no": null}"#;
        assert_eq!(
            shown("m.json", json),
            "auc=0.93 n=10 by.cat=1 by.\"v1.2\".x=good curve=[1, 2] ok=True no=None"
        );
        assert_eq!(shown("m.yaml", "a: 1\nb:\n  c: 2.5\n"), "a=1 b.c=2.5");
        assert_eq!(shown("m.toml", "a = 1\n[b]\nc = 2.5\n"), "a=1 b.c=2.5");
        assert_eq!(shown("m.json", "0.5"), "value=0.5");
        // As Python's `json.dump` writes them, and only where a value stands.
        let python =
            r#"{"a": NaN, "NaN": [[], -Infinity], "b": {"c": -Infinity, "d": Infinity}, "e": "\"NaN"}"#;
        assert_eq!(shown("m.json", python), "a=nan NaN=[[], -inf] b.c=-inf b.d=inf e=\"NaN");
        assert_eq!(shown("m.json", "NaN"), "value=nan");
        assert_eq!(shown("m.yaml", "a: 1e-3\nb: yes\nc: .nan\n"), "a=0.001 b=yes c=nan");
        assert_eq!(shown("m.csv", "auc,\"n, all\"\r\n0.5,10\r\n"), "auc=0.5 n, all=10");
        assert_eq!(shown("m.csv", "name,value\nauc,0.5\n\"a \"\"b\"\"\",x\n"), "auc=0.5 'a \"b\"'=x");
        assert_eq!(
            shown("m.tsv", "class\tp\tr\ncat\t1\t2\ndog\t3\t4e-1\n"),
            "cat.p=1 cat.r=2 dog.p=3 dog.r=0.4"
        );
    }

    /// Promise: a whole number is shown as it stands, however long it is, and two that differ are never taken for one.
    #[test]
    fn large_whole_numbers_stay_what_they_are() {
        let long = "123456789012345678901234567890";
        let shown_so = format!("a={long} b=-{long} c=9007199254740993");
        assert_eq!(shown("m.csv", &format!("a,b,c\n{long},-{long},9007199254740993\n")), shown_so);
        assert_eq!(shown("m.yaml", &format!("a: {long}\nb: -{long}\nc: 9007199254740993\n")), shown_so);
        let json = format!("{{\"a\": {long}, \"b\":-{long},\"c\":9007199254740993}}");
        assert_eq!(shown("m.json", &json), shown_so);
        assert_eq!(shown("m.json", "18446744073709551615"), "value=18446744073709551615");
        assert_eq!(shown("m.json", long), format!("value={long}"));
    }

    #[test]
    fn what_is_no_file_of_metrics_says_why() {
        for (path, text, why) in [
            ("m.json", "{", "not JSON"),
            ("m.json", "{}", "holds no number"),
            ("m.json", "{\"a\": {}}", "holds no number"),
            ("m.json", "{\"a\": -NaN}", "not JSON"),
            ("m.json", "{\"a\": NaNs}", "not JSON"),
            ("m.json", "{\n\"a\": NaN, x}", "(line 2)"),
            ("m.txt", "1", ".json, .yaml"),
            ("m.csv", "", "it is empty"),
            ("m.csv", "a,b\n1\n", "2 names and 1 values (line 2)"),
            ("m.csv", "a,\"b\n", "quote is not closed (line 1)"),
        ] {
            assert!(shown(path, text).contains(why), "{path} {text}: {}", shown(path, text));
        }
        let many: String = (0..1001).map(|n| format!("m{n}: 1\n")).collect();
        assert!(shown("m.yaml", &many).contains("1001 values"));
        assert!(values("m.json", &[0xff, 0xfe]).is_err());
    }

    #[test]
    fn what_is_noted_comes_back() {
        let mut metrics = Metrics::default();
        metrics.add("a.json", br#"{"x": 1, "y": 0.1, "z": "t", "w": true, "no": null, "l": [1, [NaN, "nan"], {"list": [null]}, ["nan"]], "e": [], "nan": NaN}"#);
        metrics.add("b.json", b"{");
        let text = String::from_utf8(note(&metrics)).unwrap();
        assert_eq!(format!("{:?}", noted(&text).unwrap()), format!("{metrics:?}"));
        assert!(
            MetricsDiff::between(("a", &metrics), ("b", &noted(&text).unwrap()))
                .only_changes()
                .metrics
                .is_empty()
        );
        for cut in 0..text.len() {
            assert_eq!(noted(text.get(..cut).unwrap_or("")), None, "{cut}");
        }
    }
}
