//! Tables against pandas: small programs, and what pandas 3 said about them when the table was written.
//!
//! With a `python3` that has pandas on the machine the table itself is checked, too.

use crate::lang::budget::Budget;
use crate::lang::raise::Raise;
use crate::lang::table::frame::Labelled;
use crate::lang::table::index::Index;
use crate::lang::table::objects::{Array, Labels, frame_of, labelled_of};
use crate::lang::value::Value;
use crate::lang::vm::{NoHost, Vm};
use crate::syntax::ast::StmtKind;
use crate::syntax::parse_file;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

const CASES: &str = include_str!("cases.txt");
const ORACLE: &str = include_str!("oracle.py");

#[derive(Default)]
struct Cases {
    files: Vec<(String, String)>,
    /// What every program starts with.
    preamble: String,
    list: Vec<Case>,
}

struct Case {
    line: usize,
    source: String,
    /// `= value` or `! Kind`
    pandas: String,
    /// Where Rulefiles differ on purpose.
    ours: Option<String>,
}

/// `@ name` and `| line` make a file, `^ line` the preamble, `> line` a program, `=` or `!` is what pandas says,
/// `~` what we say instead.
fn cases() -> Cases {
    let mut cases = Cases::default();
    let mut source: Vec<&str> = Vec::new();
    for (i, line) in CASES.lines().enumerate() {
        let rest = line.get(2..).unwrap_or("");
        match line.chars().next() {
            Some('@') => cases.files.push((rest.to_string(), String::new())),
            Some('|') => {
                let text = &mut cases.files.last_mut().unwrap().1;
                text.push_str(&rest.replace("\\t", "\t"));
                text.push('\n');
            }
            Some('^') => cases.preamble.push_str(&format!("{rest}\n")),
            Some('>') => source.push(rest),
            Some('=' | '!') => {
                let source = std::mem::take(&mut source).join("\n");
                cases.list.push(Case { line: i + 1, source, pandas: line.to_string(), ours: None });
            }
            Some('~') => cases.list.last_mut().unwrap().ours = Some(rest.to_string()),
            _ => assert!(source.is_empty(), "line {}: a program without a result", i + 1),
        }
    }
    cases
}

fn show_index(index: &Index) -> String {
    let labels: Vec<String> = index.labels().iter().map(show).collect();
    let names = match index.names() {
        [Value::None] => String::new(),
        names => format!(", names=[{}]", names.iter().map(show).collect::<Vec<_>>().join(", ")),
    };
    format!("Index([{}]{names})", labels.join(", "))
}

fn show_series(series: &Labelled) -> String {
    let values: Vec<String> = series.column.cells().iter().map(show).collect();
    format!(
        "Series(name={}, index={}, type={}, values=[{}])",
        show(&series.name),
        show_index(&series.index),
        series.column.dtype().name(),
        values.join(", ")
    )
}

/// The value as `oracle.py` writes it.
fn show(value: &Value) -> String {
    let joined = |items: &[Value]| items.iter().map(show).collect::<Vec<_>>().join(", ");
    if let Some(frame) = frame_of(value) {
        let rows: Vec<String> =
            (0..frame.rows()).map(|row| format!("[{}]", joined(&frame.cells(row)))).collect();
        let types: Vec<&str> = frame.data.iter().map(|column| column.dtype().name()).collect();
        // Rows of no columns are no rows for Python's `zip`.
        let rows = if frame.data.is_empty() { String::new() } else { rows.join(", ") };
        return format!(
            "DataFrame(columns={}, index={}, types=[{}], rows=[{rows}])",
            show_index(&frame.columns),
            show_index(&frame.index),
            types.join(", ")
        );
    }
    if let Some(series) = labelled_of(value) {
        return show_series(&series);
    }
    if let Some(labels) = value.downcast::<Labels>() {
        return show_index(&labels.get());
    }
    if let Some(array) = value.downcast::<Array>() {
        let cells = array.column.cells();
        return match array.width {
            None => format!("array([{}])", joined(cells)),
            Some(width) => {
                let rows: Vec<String> =
                    cells.chunks(width.max(1)).map(|row| format!("[{}]", joined(row))).collect();
                format!("array([{}])", rows.join(", "))
            }
        };
    }
    match value {
        Value::Object(object) if object.type_name() == "dtype" => object.text(),
        Value::List(list) => format!("[{}]", list.0.read(|items| joined(items))),
        Value::Tuple(tuple) => match &tuple.1 {
            Some(record) => {
                let fields =
                    record.fields.iter().zip(&tuple.0).map(|(name, value)| format!("{name}={}", show(value)));
                format!("{}({})", record.name, fields.collect::<Vec<_>>().join(", "))
            }
            None if tuple.0.len() == 1 => format!("({},)", show(&tuple.0[0])),
            None => format!("({})", joined(&tuple.0)),
        },
        Value::Dict(dict) => {
            let entries: Vec<String> = dict
                .0
                .read(|map| map.iter().map(|(k, v)| format!("{}: {}", show(k.get()), show(v))).collect());
            format!("{{{}}}", entries.join(", "))
        }
        other => other.repr().to_string(),
    }
}

fn evaluate(root: &std::path::Path, source: &str) -> Result<Value, Raise> {
    let mut sources = crate::diag::SourceMap::default();
    let id = sources.add("case", source);
    let mut block = parse_file(id, source).unwrap_or_else(|problems| panic!("{source}\n{problems:?}"));
    let mut vm = Vm::new(root, Budget::new(50_000_000, 1 << 30));
    let is_expression = block.last().is_some_and(|stmt| matches!(stmt.kind, StmtKind::Expr(_)));
    let last = if is_expression { block.pop() } else { None };
    vm.exec_block(&block, &mut NoHost)?;
    match last.map(|stmt| stmt.kind) {
        Some(StmtKind::Expr(expr)) => vm.eval(&expr),
        _ => Ok(Value::None),
    }
}

#[test]
fn programs_give_what_pandas_gives() {
    let cases = cases();
    assert!(cases.list.len() >= 250, "{} cases", cases.list.len());
    let folder = tempfile::TempDir::new().unwrap();
    for (name, text) in &cases.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut wrong = Vec::new();
    for case in &cases.list {
        let ours = match evaluate(folder.path(), &format!("{}{}", cases.preamble, case.source)) {
            Ok(value) => format!("= {}", show(&value)),
            Err(raise) => format!("! {}", raise.kind().name()),
        };
        let expected = case.ours.as_ref().unwrap_or(&case.pandas);
        if ours != *expected {
            let line = case.line;
            wrong.push(format!("line {line}: {}\n  expected {expected}\n  ours     {ours}", case.source));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.list.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_what_this_pandas_says() {
    let cases = cases();
    let child = Command::new("python3")
        .args(["-I", "-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    // Without pandas the table stands as it is.
    let Ok(mut child) = child else { return };
    let programs: Vec<String> =
        cases.list.iter().map(|case| format!("{}{}", cases.preamble, case.source)).collect();
    let files: serde_json::Map<String, serde_json::Value> =
        cases.files.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
    let work = json!({ "files": files, "programs": programs }).to_string();
    if child.stdin.take().unwrap().write_all(work.as_bytes()).is_err() {
        return;
    }
    let output = child.wait_with_output().unwrap();
    let Ok(outcomes) = serde_json::from_slice::<Vec<String>>(&output.stdout) else { return };
    let wrong: Vec<String> = cases
        .list
        .iter()
        .zip(&outcomes)
        .filter(|(case, pandas)| case.pandas != **pandas)
        .map(|(case, pandas)| {
            format!("line {}: {}\n  table  {}\n  pandas {pandas}", case.line, case.source, case.pandas)
        })
        .collect();
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
}
