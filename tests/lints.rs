//! The page about lints is made of the table of lints, and each lint finds what its example shows.
//!
//! `tests/reference.rs` runs the examples of the page. After a wanted change
//! `UPDATE_GOLDEN=1 cargo test --test lints` writes the page anew: read the diff.

#![expect(clippy::disallowed_methods, reason = "a test is told by the environment what to do")]

use rulemake::Workflow;
use rulemake::lint::{LINTS, Lint, LintLevel, LintOptions};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const INTRODUCTION: &str = "\
# Lints

`rulemake check` loads the Rulefile, shows all its mistakes, and runs nothing. When there are none, it shows what is
probably one: lints. `--pedantic` adds those that only some people want, `--allow LINT` leaves one out, `--deny LINT`
and `--strict` take the findings of one or of all for mistakes, `--list` prints them all, and `--json` gives the findings
with their places.

With the lints it shows what keeps the first rule from being planned, as `rulemake -n` would: cycles, ambiguous rules,
input functions that fail. It compares no file for that and writes nothing; `--no-plan` leaves it out. Missing inputs are
only warnings, for where checks run the data may not be. Nothing is said of a first rule with wildcards, whose files somebody asks for.

The exit code is 0 if there is nothing or only warnings, 1 if something is denied, is a mistake always, or keeps the first
rule from being planned, and 3 if the Rulefile cannot be loaded.

A comment `# rulemake: allow(lint-name)` silences a finding on its line or on the one below; above a rule, in all of the
rule. Several names stand with commas between them.

```python
# rulemake: allow(unused-param)
rule count:
    output: \"count.txt\"
    params: depth=3
    shell: \"seq 5 | wc -l > {output}\"
# $ rulemake check --strict
```
";

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for (level, heading) in [
        (LintLevel::Error, "Mistakes"),
        (LintLevel::Warn, "Always"),
        (LintLevel::Pedantic, "With `--pedantic`"),
    ] {
        let _ = write!(page, "\n## {heading}\n");
        for lint in LINTS.iter().filter(|lint| lint.level == level) {
            let _ = write!(page, "\n### `{}`\n\n{} {}\n", lint.name, lint.summary, lint.why);
            if !lint.example.is_empty() {
                let Lint { name, example, .. } = lint;
                let _ = write!(
                    page,
                    "\n```python\n{example}# ! rulemake check --deny {name}\n# > error[{name}]\n```\n"
                );
            }
        }
    }
    page
}

#[test]
fn the_page_is_made_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/language/lints.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, page()).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == page(), "UPDATE_GOLDEN=1 writes {}", path.display());
}

/// Promise: names are stable words, each once, pedantic ones last; every sentence is one.
#[test]
fn the_table_is_in_order() {
    let key = |lint: &Lint| (lint.level == LintLevel::Pedantic, lint.name);
    assert!(LINTS.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]) || pair[0].level != pair[1].level));
    for lint in LINTS {
        assert!(lint.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", lint.name);
        assert!(lint.summary.ends_with('.') && lint.why.ends_with('.'), "{}", lint.name);
    }
}

/// Promise: without a root no file is looked at, and options do what they say.
#[test]
fn options_choose_and_weigh_lints() {
    let text = "rule a:\n    output: 'x'\n    params: n=1\n    shell: 'date > {output}'\n";
    let workflow = Workflow::parse("Rulefile", text).unwrap();
    let codes = |change: &dyn Fn(&mut LintOptions)| {
        let mut options = LintOptions::default();
        change(&mut options);
        let found = workflow.lints(&options);
        found
            .iter()
            .map(|found| format!("{:?} {}", found.severity, found.code))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(codes(&|_| ()), "Warning unused-param");
    assert_eq!(codes(&|options| options.strict = true), "Error unused-param");
    assert_eq!(codes(&|options| options.pedantic = true), "Warning no-log, Warning unused-param");
    assert_eq!(codes(&|options| options.deny = vec!["no-log".into()]), "Error no-log, Warning unused-param");
    assert_eq!(codes(&|options| options.allow = vec!["unused-param".into()]), "");
}

/// Promise: a workflow built in Rust has lints, too, without places.
#[test]
fn rules_built_in_rust_are_looked_at() {
    let rule =
        |name: &str| rulemake::Rule::builder(name).output("{x}.txt").shell("echo {wildcards.x} > {output}");
    let workflow = Workflow::builder().rule(rule("a")).rule(rule("b")).build().unwrap();
    let found = workflow.lints(&LintOptions::default());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].labels.len()), ("ambiguous-outputs", 0));
}

/// Promise: what a function of the params reads is used; a stream is not one of many equal files.
#[test]
fn inputs_of_functions_and_streams_are_used() {
    let codes = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Rulefile");
        std::fs::write(&file, text).unwrap();
        let mut options = LintOptions::default();
        options.pedantic = true;
        let workflow = Workflow::load(&file).unwrap();
        workflow.lints(&options).iter().map(|found| found.code.clone()).collect::<Vec<_>>().join(" ")
    };
    let align = |param: &str| {
        format!(
            "rule a:\n    input: reads='r.fq', index='r.idx', more='m'\n    output: 'o'\n    log: 'l'\n    \
             params: idx={param}\n    shell: 'al {{params.idx}} {{input.reads}} {{input.more}} > {{output}} 2> {{log}}'\n"
        )
    };
    for used in
        ["lambda w, input: input.index", "lambda w, input: input[\"index\"]", "lambda w, input: str(input)"]
    {
        assert!(!codes(&align(used)).contains("unused-input"), "{used}");
    }
    for not in ["'x'", "lambda w, input: input.reads", "lambda w: 'input.index'.upper() + w.index"] {
        let found = codes(&align(not));
        assert_eq!(found.contains("unused-input"), !not.contains("index"), "{not}: {found}");
    }
    let stream = "rule p:\n    input: 'i'\n    output: pipe('p/{x}.pipe')\n    shell: 'cat {input} > {output}'\n\
                  rule q:\n    input: 'p/{x}.pipe'\n    output: 'q/{x}'\n    shell: 'cat {input} > {output}'\n";
    assert!(!codes(stream).contains("unused-wildcard"), "{}", codes(stream));
    assert!(codes(&stream.replace("pipe(", "temp(")).contains("unused-wildcard"));
}
