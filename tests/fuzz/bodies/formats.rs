//! Format specs in `format`, f-strings, `%` and `str.format`: a text or an error of Python's, for any value.

use super::{Source, literal, load, soup};
use std::path::Path;

const WORDS: &[&str] = &[
    "{",
    "}",
    "{}",
    "{0}",
    "{a}",
    "{a.b}",
    "{0[1]}",
    "{!r}",
    ":",
    "!s",
    "!a",
    "!",
    "<",
    ">",
    "^",
    "=",
    "*",
    "+",
    "-",
    " ",
    "#",
    "0",
    "1",
    "9",
    "20",
    "999",
    "99999999999",
    ",",
    "_",
    ".",
    "2",
    "b",
    "c",
    "d",
    "e",
    "E",
    "f",
    "F",
    "g",
    "G",
    "n",
    "o",
    "s",
    "x",
    "X",
    "%",
    "%s",
    "%d",
    "%(a)s",
    "%5.2f",
    "%*d",
    "%-+ #05x",
    "%%",
    "%c",
    "%r",
    "z",
    "é",
    "a",
];
const VALUES: &[&str] = &[
    "0",
    "-7",
    "10**30",
    "True",
    "3.14159",
    "-0.0",
    "1e-320",
    "1.7976931348623157e308",
    "float('nan')",
    "float('-inf')",
    "''",
    "'é\\U0001f600a'",
    "None",
    "[1, 'a']",
    "{'a': 'b'}",
    "(1, 2)",
    "b'x'",
    "Path('a')",
    "2**63",
    "123456789.125",
    "97",
];

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut text = String::from("from pathlib import Path\n");
    while !source.is_empty() && text.len() < 6000 {
        let (value, length) = (source.pick(VALUES), 1 + source.below(8));
        let spec = soup(&mut source, WORDS, length);
        let spec = literal(&spec);
        let call = match source.below(4) {
            0 => format!("format({value}, {spec})"),
            1 => format!("{spec}.format({value}, 1, a={value})"),
            2 => format!("{spec} % ({value})"),
            _ => format!("f'{{({value})!r:{{s}}}}'"),
        };
        text.push_str(&format!(
            "s = {spec}\ntry:\n    {call}\nexcept (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError) as e: str(e)\n"
        ));
    }
    load(root, &format!("{text}rule all:\n    output: 'o'\n    shell: 'true'\n"));
}
