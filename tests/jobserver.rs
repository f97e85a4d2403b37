//! Slots are shared with GNU make and with other rulemakes, in both directions. Promises: never more at once than whoever was
//! called first allows; nobody waits for ever; no slot is lost, however a run ends.
//!
//! Work is counted by a log: `+N` when a piece of work begins that takes N slots, `-N` when it has ended.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;
use support::{Case, program};

const BINARY: &str = env!("CARGO_BIN_EXE_rulemake");

/// Appends to the log of the work, which lies where `$WORK` says.
const WORK: &str = "#!/bin/sh\necho +$1 >> $WORK\n$FULL\nsleep $2\necho -$1 >> $WORK\n";

/// Waits until `$MOST` slots have been in use at once, if that is said: however slowly work begins, all of it that may go on
/// at once does so one time.
const FULL: &str = "#!/bin/sh
[ -n \"$MOST\" ] || exit 0
i=0
while [ ! -e $WORK.full ] && [ $i -lt 1500 ]; do
  now=0
  for change in $(cat $WORK); do now=$((now + change)); done
  if [ $now -ge $MOST ]; then touch $WORK.full; else sleep 0.02; fi
  i=$((i + 1))
done
";

/// Six pieces of work that may go on at once.
const MAKEFILE: &str = "all: a b c d e f\na b c d e f:\n\t@../work 1 0.1\n";

fn has_make() -> bool {
    program("make").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn case() -> Case {
    let case = Case::in_memory().file("work", WORK).file("full", FULL).file("sub/Makefile", MAKEFILE);
    let [log, full, work] =
        ["log", "full", "work"].map(|file| case.path(file).to_string_lossy().into_owned());
    assert!(Command::new("chmod").args(["+x", &work, &full]).status().unwrap().success());
    case.env("WORK", &log).env("FULL", &full).env("RULEMAKE", BINARY)
}

/// The same where so many pieces of work are to be seen at once.
fn case_of(most: i64) -> Case {
    case().env("MOST", &most.to_string())
}

/// The most slots that were in use at once, and how many pieces of work there were.
#[track_caller]
fn at_once(case: &Case) -> (i64, usize) {
    let (mut now, mut most, mut pieces) = (0, 0, 0);
    for line in case.read("log").lines() {
        let change: i64 = line.parse().unwrap();
        now += change;
        most = most.max(now);
        pieces += usize::from(change > 0);
    }
    (most, pieces)
}

/// A Rulefile below a make, with four pieces of work that may go on at once.
fn below_make(line: &str) -> Case {
    let rulefile = "rule all:\n    input: expand('{n}.own', n=range(4))\n\
        rule own:\n    output: '{n}.own'\n    shell: '../work 1 0.2; touch {output}'\n";
    case().file("x/Rulefile", rulefile).file("Makefile", &format!("all:\n\t{line}\n"))
}

/// Calls make in the case's directory, where so many pieces of work are to be seen at once.
fn make(case: &Case, args: &[&str], most: i64) -> (Option<i32>, String) {
    let mut command = program("make");
    let output = command
        .args(args)
        .current_dir(case.root())
        .env("WORK", case.path("log"))
        .env("FULL", case.path("full"))
        .env("MOST", most.to_string())
        .env("RULEMAKE", BINARY)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), said.concat())
}

#[test]
fn makes_in_jobs_take_the_slots_that_are_free() {
    if !has_make() {
        return;
    }
    let case = case_of(3)
        .file("other/Makefile", MAKEFILE)
        .rulefile(
            "rule all:\n    input: 'sub.done', 'other.done', expand('{n}.own', n=range(4))\n\
             rule sub:\n    output: '{dir}.done'\n    shell: 'make -s -C {wildcards.dir} && touch {output}'\n\
             rule own:\n    output: '{n}.own'\n    shell: './work 1 0.1; touch {output}'\n",
        )
        .run(&["-j3"]);
    let (most, pieces) = at_once(&case);
    assert_eq!(pieces, 16);
    assert_eq!(most, 3, "two makes with a slot each, and one that is free");
    let last = case.last();
    assert!(!last.stderr.contains("jobserver"), "{last}");
}

#[test]
fn a_run_below_make_takes_its_slots_and_gives_all_back() {
    if !has_make() {
        return;
    }
    let rulefile = "rule all:\n    input: expand('{n}.own', n=range(6))\n\
        rule own:\n    output: '{n}.own'\n    shell: '../work 1 0.1; touch {output}'\n";
    let case = case().file("x/Rulefile", rulefile).file("y/Rulefile", rulefile).file(
        "Makefile",
        "all: x y own\nx y:\n\t+@$(RULEMAKE) -C $@\nown:\n\t@./work 1 0.1\n.PHONY: x y own\n",
    );
    let (code, said) = make(&case, &["-j3"], 3);
    assert_eq!((code, at_once(&case)), (Some(0), (3, 13)), "{said}");
    // At its end make counts the slots.
    assert!(!said.contains("INTERNAL"), "{said}");
    assert!(said.contains("6 ran"), "{said}");
}

/// Promise: below a make without a pool no more runs at once than make itself would run.
#[test]
fn a_make_without_a_pool_is_heeded_too() {
    if !has_make() {
        return;
    }
    const SERIAL: &str = "one job at a time, as the make above was called without -j\n";
    for (line, args, most, is_told) in [
        ("@$(RULEMAKE) -C x", &["-j1"][..], 1, false),
        ("@RULEMAKE_JOBS=4 $(RULEMAKE) -C x", &["-j1"], 1, false),
        ("@$(RULEMAKE) -C x", &[], 1, true),
        ("@RULEMAKE_JOBS=2 $(RULEMAKE) -C x", &[], 2, false),
        ("@$(RULEMAKE) -C x -j3", &["-j1"], 3, false),
        ("@$(RULEMAKE) -C x -j3", &[], 3, false),
        ("@RULEMAKE_JOBS=2 $(RULEMAKE) -C x", &["-j"], 2, false),
    ] {
        let case = below_make(line);
        let (code, said) = make(&case, args, most);
        assert_eq!((code, at_once(&case)), (Some(0), (most, 4)), "{line} {args:?}: {said}");
        assert_eq!(said.contains(SERIAL), is_told, "{line} {args:?}: {said}");
    }
}

/// GNU make from 4.4 on names its pool by a path. Here somebody else does so, with three slots.
#[test]
fn a_pool_is_reached_by_its_path() {
    let case = case_of(3).rulefile(
        "rule all:\n    input: expand('{n}.own', n=range(8))\n\
         rule own:\n    output: '{n}.own'\n    shell: './work 1 0.1; touch {output}'\n",
    );
    let path = case.path("pool");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut pool = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    pool.write_all(b"ab").unwrap();
    let case = case.env("MAKEFLAGS", &format!(" -j3 --jobserver-auth=fifo:{}", path.display())).run(&[]);
    assert_eq!(at_once(&case), (3, 8));
    let mut left = [0; 2];
    pool.read_exact(&mut left).unwrap();
    left.sort_unstable();
    assert_eq!(&left, b"ab", "the very slots that were taken are given back");
}

#[test]
fn whatever_its_end_a_run_loses_no_slot() {
    if !has_make() {
        return;
    }
    for end in ["false", "kill -s INT $PPID; sleep 5", "kill -s TERM $PPID; sleep 5", "exit 3"] {
        let case = case()
            .file(
                "x/Rulefile",
                &format!(
                    "rule all:\n    input: expand('{{n}}.own', n=range(6)), 'bad'\n\
                     rule own:\n    output: '{{n}}.own'\n    shell: 'sleep 0.3; touch {{output}}'\n\
                     rule bad:\n    output: 'bad'\n    shell: 'sleep 0.1; {end}'\n    priority: 9\n"
                ),
            )
            .file("Makefile", "all:\n\t-+@$(RULEMAKE) -C x\n");
        let (code, said) = make(&case, &["-j4"], 0);
        assert_eq!(code, Some(0), "{end}: {said}");
        assert!(said.contains("bad") || said.contains("stop"), "{end}: {said}");
        assert!(!said.contains("INTERNAL"), "{end}: {said}");
    }
}

#[test]
fn a_rulemake_in_a_rulemake_shares_its_slots() {
    let inner = "rule all:\n    input: expand('{n}.own', n=range(5))\n\
        rule own:\n    output: '{n}.own'\n    shell: '../work 1 0.1; touch {output}'\n";
    let case = case_of(4)
        .file("x/Rulefile", inner)
        .file("y/Rulefile", inner)
        .rulefile(
            "rule all:\n    input: 'x.done', 'y.done', 'z.done'\n\
             rule sub:\n    output: '{dir,[xy]}.done'\n    shell: '$RULEMAKE -C {wildcards.dir} && touch {output}'\n\
             rule own:\n    output: 'z.done'\n    shell: './work 1 0.3; touch {output}'\n",
        )
        // A number that is set elsewhere bounds what is taken, and begins no pool.
        .env("RULEMAKE_JOBS", "8")
        .run(&["-j4"]);
    assert_eq!(at_once(&case), (4, 11));
}

/// Stands before each call of rustc: a crate is a piece of work, and it takes its time.
const RUSTC: &str = "#!/bin/sh\ncase \"$*\" in\n  *'--crate-name piece'*)\n    \
    echo +1 >> $WORK; $FULL; sleep 0.5; \"$@\"; code=$?\n    echo -1 >> $WORK; exit $code ;;\nesac\nexec \"$@\"\n";

/// Cargo is a client as make is: its rustcs and the other jobs together are as many as was said.
#[test]
fn cargo_in_a_job_takes_the_slots_that_are_free() {
    for (jobs, at_most) in [("-j2", 2), ("-j3", 3)] {
        let case = ["a", "b", "c"].iter().fold(case_of(at_most), |case, name| {
            let manifest =
                format!("[package]\nname = \"piece_{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
            case.file(&format!("crates/{name}/Cargo.toml"), &manifest)
                .file(&format!("crates/{name}/src/lib.rs"), "")
        });
        let case = case
            .file("crates/Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\", \"c\"]\nresolver = \"2\"\n");
        // The other job goes on until cargo does all that it may, and a while longer.
        let case = case.file("rustc", RUSTC).rulefile(
            "rule all:\n    input: 'crates.done', 'own'\n\
             rule crates:\n    output: 'crates.done'\n    priority: 1\n    \
                 shell: '$CARGO build -q --offline --manifest-path crates/Cargo.toml && touch {output}'\n\
             rule own:\n    output: 'own'\n    \
                 shell: 'echo +1 >> $WORK; $FULL; sleep 1; echo -1 >> $WORK; touch {output}'\n",
        );
        assert!(Command::new("chmod").arg("+x").arg(case.path("rustc")).status().unwrap().success());
        let (wrapper, target) = (case.path("rustc"), case.path("target"));
        let case = case
            .env("CARGO", env!("CARGO"))
            .env("RUSTC_WRAPPER", &wrapper.to_string_lossy())
            .env("CARGO_TARGET_DIR", &target.to_string_lossy())
            .run(&[jobs]);
        assert_eq!(at_once(&case), (at_most, 4), "{jobs}: {}", case.last());
    }
}

#[test]
fn a_job_of_several_threads_has_its_slots_for_itself() {
    let case = case_of(3)
        .file(
            "x/Rulefile",
            "rule all:\n    input: expand('{n}.own', n=range(4))\n\
             rule own:\n    output: '{n}.own'\n    shell: '../work 1 0.1; touch {output}'\n",
        )
        .rulefile(
            "rule all:\n    input: 'x.done', expand('{n}.own', n=range(6))\n\
             rule sub:\n    output: 'x.done'\n    threads: 2\n    shell: '$RULEMAKE -C x && touch {output}'\n\
             rule own:\n    output: '{n}.own'\n    shell: './work 1 0.1; touch {output}'\n",
        )
        .run(&["-j3"]);
    assert_eq!(at_once(&case), (3, 10));
}

#[test]
fn a_job_that_cannot_have_its_threads_runs_with_fewer() {
    let inner = "rule own:\n    output: 'own'\n    threads: 2\n    \
        shell: '../work {threads} 0.2; echo {threads} > {output}'\n";
    let case = case_of(2)
        .file("x/Rulefile", inner)
        .file("y/Rulefile", inner)
        .rulefile(
            "rule all:\n    input: 'x.done', 'y.done'\n\
             rule sub:\n    output: '{dir}.done'\n    shell: '$RULEMAKE -C {wildcards.dir} && touch {output}'\n",
        )
        .run(&["-j2"]);
    let (most, pieces) = at_once(&case);
    assert_eq!(pieces, 2);
    assert!(most <= 2, "{most} at once");
    let threads = [case.read("x/own"), case.read("y/own")];
    assert!(threads.contains(&"1\n".to_string()), "each has one slot for sure: {threads:?}");
    // The number of threads is no reason to run.
    let case = case.env("RULEMAKE_KEEP_GOING", "1");
    let output = case.command(&["-C", "x", "-n"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("nothing to do"), "{said}");
}

#[test]
fn slots_that_a_killed_make_held_come_back() {
    if !has_make() {
        return;
    }
    let case = case_of(3)
        .file("sub/Makefile", "all: a b c\na b c:\n\t@touch $@.begun; sleep 30\n")
        .rulefile(
            "rule all:\n    input: expand('{n}.own', n=range(6))\n\
             rule own:\n    input: 'killed'\n    output: '{n}.own'\n    shell: './work 1 0.2; touch {output}'\n\
             rule killed:\n    output: 'killed'\n    shell:\n        '''\n        \
                 make -s -C sub & make=$!\n        \
                 while [ ! -e sub/c.begun ]; do sleep 0.02; done\n        \
                 kill -9 $make\n        touch {output}\n        '''\n",
        )
        .run(&["-j3"]);
    assert_eq!(at_once(&case), (3, 6));
}

#[test]
fn a_pool_out_of_reach_is_told_of() {
    let case = case()
        .rulefile(
            "rule all:\n    input: expand('{n}.own', n=range(3))\n\
             rule own:\n    output: '{n}.own'\n    shell: './work 1 0.05; touch {output}'\n",
        )
        .env("MAKEFLAGS", " -j4 --jobserver-auth=-2,-2")
        .call(&[])
        .stderr_has("one job at a time: the jobserver that MAKEFLAGS names is out of reach\n")
        .stderr_has("begin the line that calls rulemake with `+` in the Makefile");
    assert_eq!(at_once(&case), (1, 3));
    let case = case.remove("log").env("MOST", "2").call(&["-j2", "--force-all"]);
    assert!(case.last().stderr.lines().all(|line| !line.contains("jobserver")), "{}", case.last());
    assert_eq!(at_once(&case), (2, 3), "who says how many needs no pool");
}

#[test]
fn jobs_are_told_of_the_pool_beside_what_make_was_told() {
    let case = case()
        .rulefile(
            "rule a:\n    output: 'a'\n    shell: 'echo \"$MAKEFLAGS\" > {output}; test \"$CARGO_MAKEFLAGS\" = \"$MAKEFLAGS\"'\n",
        )
        .env("MAKEFLAGS", "k -j9 -- CFLAGS=-O2")
        .run(&["-j5"]);
    let told = case.read("a");
    assert!(told.starts_with("k -j5 --jobserver-auth=") && told.contains(" -- CFLAGS=-O2"), "{told}");
}

/// What shares slots costs little: a run of many short jobs with few slots free is not held up by waiting for others.
#[test]
fn many_jobs_below_a_pool_of_one_slot_are_not_held_up() {
    let case = case()
        .file("x/Rulefile", "rule all:\n    input: expand('{n}.own', n=range(100))\nrule own:\n    output: '{n}.own'\n    shell: 'touch {output}'\n")
        .rulefile("rule sub:\n    output: 'done'\n    shell: '$RULEMAKE -C x && touch {output}'\n");
    let begin = Instant::now();
    case.run(&["-j1"]).ran(&["sub done"]);
    assert!(begin.elapsed() < support::PATIENCE, "{:?}", begin.elapsed());
}
