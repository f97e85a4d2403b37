//! Templates of commands and messages: any text is a template or is refused, and doubled braces are single ones.

use super::{Source, literal, load, soup};
use rulemake::{ErrorKind, RunOptions, Session};
use std::fs;
use std::path::Path;

const WORDS: &[&str] = &[
    "{",
    "}",
    "{{",
    "}}",
    "{input}",
    "{output}",
    "{wildcards.x}",
    "{params.a}",
    "input",
    "output",
    "params",
    "wildcards",
    "threads",
    "resources",
    "log",
    "rule",
    "config",
    "config[k]",
    ".",
    ".b",
    ".x",
    ".n",
    "[0]",
    "[k]",
    "[-1]",
    "[",
    "]",
    "!r",
    "!s",
    "!q",
    ":",
    ":q",
    ":u",
    ":>9",
    ":.3f",
    ":{threads}",
    "'",
    "\"",
    " ",
    "$",
    "\\",
    "\n",
    "a",
    "#",
    "`",
    "&&",
    "é",
    "\0",
    "{input:q}",
    "{params.b[0]}",
    "{params.f}",
    "{params.b!r:>5}",
    "{resources.mem_mb}",
    "{SAMPLES}",
    "{SAMPLES[1]}",
];

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let template = match source.below(4) {
        0 => String::from_utf8_lossy(source.rest()).into_owned(),
        _ => soup(&mut source, WORDS, 60),
    };
    for name in ["in a", "in'b"] {
        fs::write(root.join(name), "").unwrap_or_else(|error| panic!("{error}"));
    }
    let text = format!(
        "SAMPLES = ['a', 'b c']\nrule all:\n    input: \"in a\", n=\"in'b\"\n    output: 'o/{{x}}.{{y}}', b='p/{{x}}.{{y}}'\n    \
         params: 1, a=2.5, b=['x', 'y z'], f=lambda wildcards: wildcards.x, k={{'k': None}}\n    threads: 3\n    \
         message: {0}\n    shell: {0}\n",
        literal(&template)
    );
    let Some(workflow) = load(root, &text) else { return };
    let session = Session::builder(workflow).root(root).open().unwrap_or_else(|error| panic!("{error}"));
    let plan = match session.plan(&["o/v w.z"], &RunOptions::default()) {
        Ok(plan) => plan,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Plan, "{error}\n{template}"),
    };
    // Lines of a command lose the indentation that they have in common.
    let single = template.replace("{{", "").replace("}}", "").contains(['{', '}']);
    let plain = template.replace("{{", "{").replace("}}", "}");
    if !single
        && !template.contains(['\n', '\r'])
        && let Some(command) = plan.job(0).and_then(|job| job.command())
    {
        assert_eq!(command.trim(), plain.trim(), "{template:?}");
    }
}
