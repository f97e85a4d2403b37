//! Many jobs. Nothing here measures time; a loop that is quadratic by mistake shows as a test that does not end.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fmt::Write as _;
use support::Case;

/// A debug build starts some hundred processes per second on two processors: 10,000 real jobs here, and the numbers
/// beyond in plans, which start none. `RULEMAKE_JOBS` sets another number.
#[expect(clippy::disallowed_methods, reason = "a test may be told how much to try")]
fn many() -> usize {
    std::env::var("RULEMAKE_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

#[test]
fn thousands_of_jobs_run_once_and_one_edit_runs_one() {
    let n = many();
    let rulefile = format!(
        "shell.executable('sh')\n\nrule all:\n    input: expand('out/{{i}}', i=range({n}))\n\n\
         rule copy:\n    input: 'in/{{i}}'\n    output: 'out/{{i}}'\n    shell: 'cp {{input}} {{output}}'\n"
    );
    let mut case = Case::new().rulefile(&rulefile);
    for i in 0..n {
        case = case.file(&format!("in/{i}"), &format!("{i}\n"));
    }
    let case = case.run(&["-j8"]);
    assert_eq!(case.last().of("job-finished").count(), n);
    assert!((0..n).all(|i| case.read(&format!("out/{i}")) == format!("{i}\n")));
    let case = case.run(&["-j8"]).ran(&[]).up_to_date(n).run(&["-j8"]).ran(&[]).up_to_date(n);
    case.file("in/1234", "other\n").run(&["-j8"]).ran(&["copy out/1234"]).has("out/1234", "other\n");
}

#[test]
fn ten_thousand_jobs_are_planned() {
    let mut case = Case::new().rulefile(
        "rule all:\n    input: expand('out/{i}', i=range(10000))\n\nrule copy:\n    input: 'in'\n    \
         output: 'out/{i}'\n    shell: 'cp {input} {output}'\n",
    );
    case = case.file("in", "x\n");
    let verdicts = case.plan(&[]);
    assert_eq!(verdicts.len(), 10_000);
    assert!(verdicts.iter().all(|(_, verdict)| verdict == "run"));
}

#[test]
fn a_chain_of_twenty_thousand_jobs_is_planned_and_explained() {
    let n = 20_000;
    let case = Case::new()
        .rulefile(&format!(
            "rule all:\n    input: 'f{n}'\n\nrule step:\n    input: lambda wc: f'f{{int(wc.i) - 1}}'\n    \
             output: 'f{{i,[1-9][0-9]*}}'\n    shell: 'cp {{input}} {{output}}'\n"
        ))
        .file("f0", "x\n");
    assert_eq!(case.plan(&[]).len(), n);
    let case = case.call(&["-n", "-q"]).stdout_has("20000 will run, 0 up to date").call(&["why", "f20000"]);
    let lines = case.last().stdout.lines().count();
    assert!(lines < 60 && case.last().stdout.contains("root cause: step f1 "), "{lines} lines");
}

#[test]
fn a_chain_of_thousands_of_rules_is_planned() {
    let n = 4_000;
    let mut rulefile = format!("rule all:\n    input: 'f{n}'\n\n");
    for i in 1..=n {
        let from = i - 1;
        let _ = write!(
            rulefile,
            "rule r{i}:\n    input: 'f{from}'\n    output: 'f{i}'\n    shell: 'cp {{input}} {{output}}'\n\n"
        );
    }
    let case = Case::new().rulefile(&rulefile).file("f0", "x\n");
    assert_eq!(case.plan(&[]).len(), n);
}

#[test]
fn a_chain_without_its_source_is_explained_whatever_its_length() {
    let n = 3_000;
    let mut rulefile = String::new();
    for i in (1..=n).rev() {
        let from = i - 1;
        let _ = write!(
            rulefile,
            "rule r{i}:\n    input: 'f{from}'\n    output: 'f{i}'\n    shell: 'cp {{input}} {{output}}'\n\n"
        );
    }
    let case = Case::new().rulefile(&rulefile).call_with_code(&[], 4).stderr_has("f0");
    assert!(case.last().stderr.lines().count() < 30, "{}", case.last());
}
