//! Metrics and what changed of them, as tables for people and for Markdown.

use super::text::padded;
use crate::diag::style::{Role, TextStyle, printable};
use crate::model::value::Value;
use crate::session::{Metrics, MetricsDiff};
use unicode_width::UnicodeWidthStr;

/// Metrics beside each other; more of them stand below each other.
const MAX_COLUMNS: usize = 8;

/// A list takes about so much room.
const MAX_LIST: usize = 40;

/// In the place of values: who only sees the table must not take what is missing for what did not change.
const UNREADABLE: &str = "unreadable";

/// The metrics as a table: a line for each file when several have the same few, else a line for each metric.
///
/// ```
/// let mut metrics = rulemake::inspect::Metrics::default();
/// metrics.add("eval.json", br#"{"auc": 0.93, "n": 10}"#);
/// let text = rulemake::report::metrics_text(&metrics, rulemake::TextStyle::Plain);
/// assert_eq!(text, "FILE       METRIC  VALUE\neval.json  auc      0.93\neval.json  n          10\n");
/// ```
#[must_use]
pub fn metrics_text(metrics: &Metrics, style: TextStyle) -> String {
    Table::of(metrics).text(style)
}

/// As [`metrics_text`], in Markdown.
///
/// ```
/// let mut metrics = rulemake::inspect::Metrics::default();
/// metrics.add("eval.json", br#"{"auc": 0.93}"#);
/// let text = rulemake::report::metrics_markdown(&metrics);
/// assert_eq!(text, "| file | metric | value |\n| --- | --- | ---: |\n| eval.json | auc | 0.93 |\n");
/// ```
#[must_use]
pub fn metrics_markdown(metrics: &Metrics) -> String {
    Table::of(metrics).markdown()
}

/// What changed, a line for each metric, with the difference of numbers.
///
/// ```
/// use rulemake::inspect::{Metrics, MetricsDiff};
/// let (mut before, mut after) = (Metrics::default(), Metrics::default());
/// before.add("eval.json", br#"{"auc": 0.93}"#);
/// after.add("eval.json", br#"{"auc": 0.95}"#);
/// let diff = MetricsDiff::between(("run 3", &before), ("now", &after));
/// let text = rulemake::report::metrics_diff_text(&diff, rulemake::TextStyle::Plain);
/// assert_eq!(text, "FILE       METRIC  RUN 3   NOW  CHANGE\neval.json  auc      0.93  0.95   +0.02\n");
/// ```
#[must_use]
pub fn metrics_diff_text(diff: &MetricsDiff, style: TextStyle) -> String {
    Table::of_diff(diff).text(style)
}

/// As [`metrics_diff_text`], in Markdown, for a comment on a change.
///
/// ```
/// use rulemake::inspect::{Metrics, MetricsDiff};
/// let (mut before, mut after) = (Metrics::default(), Metrics::default());
/// before.add("eval.json", br#"{"auc": 0.93}"#);
/// after.add("eval.json", br#"{"auc": 0.95}"#);
/// let diff = MetricsDiff::between(("main", &before), ("now", &after));
/// assert!(rulemake::report::metrics_diff_markdown(&diff).ends_with("| eval.json | auc | 0.93 | 0.95 | +0.02 |\n"));
/// ```
#[must_use]
pub fn metrics_diff_markdown(diff: &MetricsDiff) -> String {
    Table::of_diff(diff).markdown()
}

/// What stands above a column.
enum Head {
    /// A word of ours.
    Word(String),
    /// What others called so: a metric, a revision.
    Name(String),
}

impl Head {
    fn words(all: &[&str]) -> Vec<Head> {
        all.iter().map(|word| Head::Word((*word).to_string())).collect()
    }

    /// A state that is compared: `now` and `run 7` are words of ours.
    fn state(name: &str) -> Head {
        let is_run = name.strip_prefix("run ").is_some_and(|run| run.parse::<u32>().is_ok());
        if is_run || name == "now" { Head::Word(name.into()) } else { Head::Name(name.into()) }
    }

    fn text(&self) -> &str {
        match self {
            Head::Word(text) | Head::Name(text) => text,
        }
    }
}

struct Table {
    head: Vec<Head>,
    /// Columns before this one are names, the others are values and stand on the right.
    names: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(metrics: &Metrics) -> Table {
        let mut columns: Vec<&str> = Vec::new();
        for (name, _) in metrics.files().flat_map(|(_, values)| values) {
            if !columns.contains(&name.as_str()) && columns.len() <= MAX_COLUMNS {
                columns.push(name);
            }
        }
        let has_all = |path: &str| columns.iter().all(|name| metrics.get(path, name).is_some());
        if metrics.files().len() > 1
            && columns.len() <= MAX_COLUMNS
            && metrics.files().all(|(path, _)| has_all(path))
        {
            let cell = |path: &str, name: &str| metrics.get(path, name).map(shown).unwrap_or_default();
            let row = |path: &str| {
                std::iter::once(path.to_string()).chain(columns.iter().map(|name| cell(path, name))).collect()
            };
            let mut head = Head::words(&["file"]);
            head.extend(columns.iter().map(|name| Head::Name((*name).to_string())));
            let mut rows: Vec<Vec<String>> = metrics.files().map(|(path, _)| row(path)).collect();
            rows.extend(metrics.unreadable().map(|(path, _)| {
                let rest = columns.iter().map(|_| "-".to_string()).skip(1);
                [path.to_string(), UNREADABLE.to_string()].into_iter().chain(rest).collect()
            }));
            return Table { head, names: 1, rows };
        }
        let rows = metrics.files().flat_map(|(path, values)| {
            values.iter().map(move |(name, value)| vec![path.to_string(), name.clone(), shown(value)])
        });
        let unreadable =
            metrics.unreadable().map(|(path, _)| vec![path.to_string(), "-".into(), UNREADABLE.into()]);
        let rows = rows.chain(unreadable).collect();
        Table { head: Head::words(&["file", "metric", "value"]), names: 2, rows }
    }

    fn of_diff(diff: &MetricsDiff) -> Table {
        let cell = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_string(), shown);
        let rows = diff.metrics.iter().map(|metric| {
            let change = match (&metric.before, &metric.after, metric.change) {
                (_, _, Some(0.0)) => String::new(),
                (_, _, Some(change)) if change > 0.0 => format!("+{}", number(change)),
                (_, _, Some(change)) => number(change),
                (None, _, _) => "new".into(),
                (_, None, _) => "gone".into(),
                _ if metric.is_change() => "other".into(),
                _ => String::new(),
            };
            vec![
                metric.path.clone(),
                metric.metric.clone(),
                cell(&metric.before),
                cell(&metric.after),
                change,
            ]
        });
        let mut head = Head::words(&["file", "metric"]);
        head.extend([Head::state(&diff.before), Head::state(&diff.after)]);
        head.extend(Head::words(&["change"]));
        let unreadable = diff.unreadable.keys().map(|path| {
            let none = || "-".to_string();
            vec![path.clone(), none(), none(), none(), UNREADABLE.to_string()]
        });
        Table { head, names: 2, rows: rows.chain(unreadable).collect() }
    }

    fn text(&self, style: TextStyle) -> String {
        let above = |head: &Head| match head {
            Head::Word(word) => word.to_uppercase(),
            Head::Name(name) => printable(name).into_owned(),
        };
        let head: Vec<String> = self.head.iter().map(above).collect();
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| printable(cell).into_owned()).collect())
            .collect();
        let mut widths: Vec<usize> = head.iter().map(|name| name.width()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let line = |cells: &[String]| {
            let cells =
                cells.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at < self.names {
                    true => padded(cell, *width),
                    false => format!("{}{cell}", " ".repeat(width.saturating_sub(cell.width()))),
                });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        };
        let mut out = format!("{}\n", style.paint(Role::Frame, &line(&head)));
        for row in &rows {
            out.push_str(&line(row));
            out.push('\n');
        }
        out
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            // Renderers of Markdown take HTML, too.
            let escaped = |cell: &String| {
                printable(cell).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
            };
            let cells = cells.iter().map(escaped);
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let marks = (0..self.head.len()).map(|at| if at < self.names { "---" } else { "---:" });
        let head: Vec<String> = self.head.iter().map(|head| head.text().to_string()).collect();
        let mut out = line(&head);
        out.push_str(&line(&marks.map(String::from).collect::<Vec<_>>()));
        self.rows.iter().for_each(|row| out.push_str(&line(row)));
        out
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Float(x) => number(*x),
        Value::Bool(yes) => yes.to_string(),
        Value::None => "null".into(),
        Value::List(items) => list(items),
        other => other.to_string(),
    }
}

/// A list as JSON would have it, of a long one the beginning and how many there are.
fn list(items: &[Value]) -> String {
    let mut out = "[".to_string();
    for (at, item) in items.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let item = match item {
            Value::Str(text) => serde_json::Value::from(&**text).to_string(),
            Value::Map(_) => serde_json::to_string(item).unwrap_or_default(),
            other => shown(other),
        };
        if out.width() + item.width() > MAX_LIST {
            return format!("{out}{separator}... {} in all]", items.len());
        }
        out += separator;
        out += &item;
    }
    out + "]"
}

/// As many digits as tell something; JSON has all of them.
fn number(x: f64) -> String {
    let exact = Value::Float(x).to_string();
    // A difference of whole numbers is one.
    let exact = exact.strip_suffix(".0").unwrap_or(&exact);
    if exact.len() <= 8 || !x.is_finite() {
        return exact.to_string();
    }
    let rounded: f64 = format!("{x:.4e}").parse().unwrap_or(x);
    let rounded = Value::Float(rounded).to_string();
    rounded.strip_suffix(".0").unwrap_or(&rounded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_tell_something() {
        for (x, text) in [
            (0.1 + 0.2, "0.3"),
            (0.93, "0.93"),
            (2.0, "2"),
            (-0.123_456_789, "-0.12346"),
            (1234567.891, "1234600"),
            (1e-12, "1e-12"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn lists_are_shown_by_their_beginning() {
        let mut metrics = Metrics::default();
        let long: Vec<String> = (0..500).map(|n| format!("{}.5", n * 100)).collect();
        let text = format!(
            r#"{{"l": [0.123456789, "a b", true, null, []], "n": null, "m": [{{"a": 1}}], "c": [{}]}}"#,
            long.join(",")
        );
        metrics.add("m.json", text.as_bytes());
        let shown = metrics_text(&metrics, TextStyle::Plain);
        let values: Vec<&str> = shown.lines().skip(1).map(|line| line[16..].trim()).collect();
        let long = "[0.5, 100.5, 200.5, 300.5, 400.5, 500.5, ... 500 in all]";
        assert_eq!(values, ["[0.12346, \"a b\", true, null, []]", "null", "[{\"a\":1}]", long]);
    }

    #[test]
    fn files_with_the_same_few_metrics_stand_in_one_line_each() {
        let mut metrics = Metrics::default();
        metrics.add("a.json", br#"{"auc": 0.5, "n": 10}"#);
        metrics.add("long/b.json", br#"{"auc": 0.25, "n": 7}"#);
        let text = "FILE          auc   n\na.json        0.5  10\nlong/b.json  0.25   7\n";
        assert_eq!(metrics_text(&metrics, TextStyle::Plain), text);
        metrics.add("c.json", br#"{"x|y": "a\nb"}"#);
        assert!(metrics_text(&metrics, TextStyle::Plain).starts_with("FILE         METRIC  VALUE\n"));
        assert!(metrics_markdown(&metrics).contains("| c.json | x\\|y |"), "{}", metrics_markdown(&metrics));
        assert_eq!(metrics_markdown(&metrics).lines().count(), 7);
    }
}
