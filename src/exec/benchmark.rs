//! The table of a benchmark: one line per execution, with Snakemake's columns. Memory and I/O are in MB of 2^20 bytes,
//! `mean_load` is in percent of one processor.

use crate::exec::usage::{Io, Memory, Usage};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

const COLUMNS: [&str; 10] =
    ["s", "h:m:s", "max_rss", "max_vms", "max_uss", "max_pss", "io_in", "io_out", "mean_load", "cpu_time"];

/// Writes the table; `.jsonl` as one object per line.
pub(super) fn write(path: &Path, records: &[Usage]) -> io::Result<()> {
    let as_json = path.extension().is_some_and(|end| end == "jsonl");
    fs::write(path, if as_json { json_lines(records) } else { table(records) })
}

enum Cell {
    Number(f64),
    Text(String),
    Unknown,
}

fn table(records: &[Usage]) -> String {
    let mut text = COLUMNS.join("\t");
    text.push('\n');
    for record in records {
        let cells = cells(record).map(|cell| match cell {
            Cell::Number(x) => format!("{x:.2}"),
            Cell::Text(text) => text,
            Cell::Unknown => "NA".into(),
        });
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    text
}

fn json_lines(records: &[Usage]) -> String {
    let mut text = String::new();
    for record in records {
        let mut fields: Vec<(&str, Cell)> = COLUMNS.into_iter().zip(cells(record)).collect();
        fields.sort_by_key(|(name, _)| *name);
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(name, cell)| match cell {
                Cell::Number(x) => format!("\"{name}\": {}", crate::model::value::python_float(x)),
                Cell::Text(text) => format!("\"{name}\": \"{text}\""),
                Cell::Unknown => format!("\"{name}\": \"NA\""),
            })
            .collect();
        let _ = writeln!(text, "{{{}}}", fields.join(", "));
    }
    text
}

fn cells(usage: &Usage) -> [Cell; 10] {
    let seconds = usage.wall.as_secs_f64();
    let cpu = usage.cpu.map(|cpu| cpu.as_secs_f64());
    let number = |value: Option<f64>| value.map_or(Cell::Unknown, Cell::Number);
    let mb = |bytes: Option<u64>| number(bytes.map(|bytes| bytes as f64 / 1_048_576.0));
    let memory = |part: fn(Memory) -> u64| mb(usage.memory.map(part));
    let io = |part: fn(Io) -> u64| mb(usage.io.map(part));
    [
        Cell::Number((seconds * 1e4).round() / 1e4),
        Cell::Text(clock(usage.wall)),
        memory(|m| m.rss),
        memory(|m| m.vms),
        memory(|m| m.uss),
        memory(|m| m.pss),
        io(|io| io.read),
        io(|io| io.written),
        number(cpu.filter(|_| seconds > 0.0).map(|cpu| 100.0 * cpu / seconds)),
        number(cpu),
    ]
}

/// `0:01:05`, with days before it when there are some.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        n => format!("{n} days, {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_columns_that_people_know() {
        let memory = Memory { rss: 1 << 20, vms: 3 << 20, uss: 1 << 19, pss: 1 << 19 };
        let io = Io { read: 0, written: 5 << 20 };
        let full = Usage {
            wall: Duration::from_millis(90_061_250),
            cpu: Some(Duration::from_secs(45)),
            memory: Some(memory),
            io: Some(io),
        };
        let short = Usage { wall: Duration::from_millis(2), ..Usage::default() };
        assert_eq!(
            table(&[full, short]),
            "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n\
             90061.25\t1 day, 1:01:01\t1.00\t3.00\t0.50\t0.50\t0.00\t5.00\t0.05\t45.00\n\
             0.00\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n"
        );
        assert!(json_lines(&[short]).starts_with("{\"cpu_time\": \"NA\", \"h:m:s\": \"0:00:00\", \"io_in\""));
    }
}
