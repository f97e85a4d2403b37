//! `rulemake watch` and `rulemake status`: what a user sees who leaves a terminal open, and who looks on from another.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::time::Duration;
use support::{Case, until};

const RULES: &str = "\
rule all:
    input: 'out/all'
rule mid:
    input: 'raw/{s}'
    output: 'mid/{s}'
    shell: 'echo mid {wildcards.s} >> runs; sort {input} > {output}'
rule all_of_them:
    input: expand('mid/{s}', s=glob_wildcards('raw/{s,[a-z]+}').s)
    output: 'out/all'
    shell: 'echo all >> runs; cat {input} > {output}'
";

fn case() -> Case {
    Case::new().rulefile(RULES).file("raw/a", "1\n").file("raw/b", "2\n")
}

/// Waits until no run goes on: what a job made is there before the job has ended, and that is before its run has.
#[track_caller]
fn until_rest(case: &Case) {
    until("the run has ended", || {
        let status = case.command(&["status"]).output().unwrap();
        String::from_utf8_lossy(&status.stdout).starts_with("no run is going on")
    });
}

fn text(case: &Case, path: &str) -> String {
    fs::read_to_string(case.path(path)).unwrap_or_default()
}

/// As editors do it: a new file takes the place of the old one.
fn replace(case: &Case, path: &str, text: &str) {
    let beside = case.path("beside");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, case.path(path)).unwrap();
}

/// Edited, replaced, added, renamed and removed sources are seen, and so is the Rulefile; a touch runs nothing.
#[test]
fn a_watcher_makes_again_what_changed() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    fs::write(case.path("raw/a"), "3\n").unwrap();
    until("an edit", || text(&case, "out/all") == "3\n2\n");
    replace(&case, "raw/b", "4\n");
    until("a replaced file", || text(&case, "out/all") == "3\n4\n");
    fs::write(case.path("raw/c"), "5\n").unwrap();
    until("a new file", || text(&case, "out/all") == "3\n4\n5\n");
    fs::rename(case.path("raw/c"), case.path("raw/d")).unwrap();
    until("a renamed file", || text(&case, "runs").contains("mid d"));
    fs::remove_file(case.path("raw/d")).unwrap();
    until("a removed file", || text(&case, "out/all") == "3\n4\n");
    let runs = text(&case, "runs");
    filetime::set_file_mtime(case.path("raw/a"), filetime::FileTime::from_unix_time(1_000_000_000, 0))
        .unwrap();
    replace(&case, "Rulefile", &RULES.replace("cat {input} >", "cat {input} {input} >"));
    until("an edited Rulefile", || text(&case, "out/all") == "3\n4\n3\n4\n");
    assert_eq!(
        text(&case, "runs"),
        format!("{runs}all\n"),
        "a touch runs nothing, nor do jobs wake their own watcher"
    );
    until_rest(&case);
    watcher.signal("INT");
    let ended = watcher.end();
    assert_eq!(ended.code, Some(130));
    assert_eq!(
        ended.stderr.matches("watching ").count(),
        3,
        "once for each number of files: {}",
        ended.stderr
    );
    // While nothing runs there is nobody to ask.
    assert!(ended.stderr.ends_with("stopping\n"), "{}", ended.stderr);
}

/// Promise: a source that is renamed is one change, told once, and one run.
#[test]
fn a_renamed_source_is_one_change() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    for (n, (from, to)) in
        [("raw/b", "raw/c"), ("raw/c", "raw/b"), ("raw/b", "raw/d")].into_iter().enumerate()
    {
        // A look of its own between, as somebody at work leaves it.
        std::thread::sleep(Duration::from_millis(700));
        fs::rename(case.path(from), case.path(to)).unwrap();
        until("a run after it", || text(&case, "runs").matches("all").count() == n + 2);
    }
    until_rest(&case);
    std::thread::sleep(Duration::from_millis(1500));
    watcher.signal("INT");
    let ended = watcher.end().stderr;
    let told: Vec<&str> = ended.lines().filter(|line| line.ends_with(" changed")).collect();
    assert_eq!(
        told,
        ["raw/b and raw/c changed", "raw/b and raw/c changed", "raw/b and raw/d changed"],
        "{ended}"
    );
}

/// Promise: a round loads and plans once: what the Rulefile prints stands once for each.
#[test]
fn a_round_prints_what_a_rulefile_prints_once() {
    let case = case().rulefile(&format!("print('loaded')\n{RULES}"));
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    fs::write(case.path("raw/a"), "3\n").unwrap();
    until("a second run", || text(&case, "out/all") == "3\n2\n");
    fs::write(case.path("raw/c"), "4\n").unwrap();
    until("a third run", || text(&case, "out/all") == "3\n2\n4\n");
    watcher.signal("INT");
    let ended = watcher.end();
    assert_eq!(ended.stderr.matches("loaded").count(), 3, "{}", ended.stderr);
}

/// A mistake is told, and waited for until it is mended.
#[test]
fn a_watcher_outlives_mistakes() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    replace(&case, "Rulefile", &RULES.replace("shell: 'echo all", "shel: 'echo all"));
    until("the mistake is told", || watcher.said().contains("unknown section `shel`"));
    replace(&case, "Rulefile", &RULES.replace("sort {input}", "sort -r {input}; false"));
    until("a failing job", || text(&case, "runs").matches("mid").count() >= 3);
    replace(&case, "Rulefile", &RULES.replace("cat {input} >", "cat {input} {input} >"));
    until("all is well again", || text(&case, "out/all") == "1\n2\n1\n2\n");
    watcher.signal("TERM");
    let ended = watcher.end();
    assert_eq!(ended.code, Some(143));
    assert!(ended.stderr.contains("unknown section `shel`"), "{}", ended.stderr);
}

/// Promise: what jobs make does not end them with --restart, even where the Rulefile lists it, nor do files that editors make.
#[test]
fn a_run_is_not_begun_again_for_what_it_makes() {
    let rules = "import glob\nALL = glob.glob('d/*')\nrule a:\n    input: 'd/i'\n    output: 'd/o'\n    log: 'd/log'\n    \
                 shell: 'echo x >> started; echo > {log}; echo > {output}; sleep 2; cp {input} {output}; echo x >> ended'\n";
    let case = Case::new().rulefile(rules).file("d/i", "1\n");
    let watcher = case.start(&["watch", "--restart"]);
    until("the job runs", || text(&case, "started") == "x\n");
    fs::write(case.path(".Rulefile.swp"), "x").unwrap();
    until("the job has ended", || text(&case, "ended") == "x\n");
    assert_eq!(text(&case, "started"), "x\n");
    watcher.signal("INT");
    let told = watcher.end().stderr;
    assert!(!told.contains("beginning again"), "{told}");
}

/// Promise: what a watcher prints into the project it watches does not wake it, also while nothing can be planned.
#[test]
fn a_watcher_does_not_wake_itself() {
    let case = Case::new().rulefile(COPY);
    let log = fs::File::create(case.path("log")).unwrap();
    let mut command = case.command(&["watch"]);
    let mut watcher = command.stdout(std::process::Stdio::null()).stderr(log).spawn().unwrap();
    until("the mistake is told", || text(&case, "log").contains("missing input"));
    fs::write(case.path("other"), "x").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(text(&case, "log").matches("missing input").count(), 1, "{}", text(&case, "log"));
    fs::create_dir(case.path("raw")).unwrap();
    fs::write(case.path("raw/a"), "1\n").unwrap();
    until("the source is there", || text(&case, "out") == "1\n");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

/// With --restart a change ends the run that goes on; without it the run comes to its end first.
#[test]
fn a_change_during_a_run_is_not_lost() {
    let rules = "rule a:\n    input: 'i'\n    output: 'o'\n    \
                 shell: 'x=$(cat {input}); echo $x >> started; sleep $x; echo $x > {output}; echo $x >> ended'\n";
    for (option, first, ended) in [(vec!["watch"], "3", "3\n0\n"), (vec!["watch", "--restart"], "100", "0\n")]
    {
        let case = Case::new().rulefile(rules).file("i", &format!("{first}\n"));
        let watcher = case.start(&option);
        until("the job runs", || text(&case, "started") == format!("{first}\n"));
        // The file is watched from before the run on.
        replace(&case, "i", "0\n");
        until("the change is taken in", || text(&case, "o") == "0\n");
        until("the job has ended", || text(&case, "ended").ends_with("0\n"));
        assert_eq!(text(&case, "ended"), ended, "{option:?}");
        watcher.signal("INT");
        let told = watcher.end().stderr;
        assert_eq!(told.contains("i changed: beginning again\n"), option.len() == 2, "{told}");
        assert!(told.contains("i changed"), "{told}");
    }
}

const COPY: &str =
    "rule c:\n    input: 'raw/a'\n    output: 'out'\n    shell: 'cp {input} {output}; echo ran >> runs'\n";

/// Promise: a watcher is not deaf to a directory that was removed, moved or replaced, as a checkout does it, nor to one
/// that comes later.
#[test]
fn a_directory_that_comes_again_is_watched() {
    let case = Case::new().rulefile(COPY).file("raw/a", "1\n");
    let watcher = case.start(&["watch"]);
    let out = |wanted: &str| until(&format!("out is {wanted:?}"), || text(&case, "out") == wanted);
    out("1\n");
    fs::remove_dir_all(case.path("raw")).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    fs::create_dir(case.path("raw")).unwrap();
    fs::write(case.path("raw/a"), "2\n").unwrap();
    out("2\n");
    for round in ["3\n", "4\n", "5\n"] {
        fs::write(case.path("raw/a"), round).unwrap();
        out(round);
    }
    fs::create_dir(case.path("new")).unwrap();
    fs::write(case.path("new/a"), "6\n").unwrap();
    fs::rename(case.path("raw"), case.path("raw.old")).unwrap();
    fs::rename(case.path("new"), case.path("raw")).unwrap();
    out("6\n");
    fs::write(case.path("raw.old/a"), "old\n").unwrap();
    fs::write(case.path("raw/a"), "7\n").unwrap();
    out("7\n");
    // At once, so that the directory may have the number of the old one.
    fs::remove_dir_all(case.path("raw")).unwrap();
    fs::create_dir(case.path("raw")).unwrap();
    fs::write(case.path("raw/a"), "8\n").unwrap();
    out("8\n");
    fs::write(case.path("raw/a"), "9\n").unwrap();
    out("9\n");
    watcher.signal("INT");
    watcher.end();

    // Nothing is there yet, not even the directory.
    let case = Case::new().rulefile(COPY);
    let watcher = case.start(&["watch"]);
    std::thread::sleep(Duration::from_millis(600));
    fs::create_dir(case.path("raw")).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    fs::write(case.path("raw/a"), "1\n").unwrap();
    until("a first source", || text(&case, "out") == "1\n");
    watcher.signal("INT");
    watcher.end();
}

/// Promise: what a pattern finds in directories that come later is seen, and so is what changes at any depth of a directory
/// that is an input.
#[test]
fn directories_are_watched_with_all_below() {
    let rules = "\
S = glob_wildcards('raw/{s}/a.txt').s
rule all:
    input: expand('mid/{s}', s=S), 'tree'
rule mid:
    input: 'raw/{s}/a.txt'
    output: 'mid/{s}'
    shell: 'cp {input} {output}'
rule tree:
    input: 'data'
    output: 'tree'
    shell: 'cat $(find {input} -type f | sort) > {output}'
";
    let case = Case::new().rulefile(rules).file("raw/s1/a.txt", "1\n").file("data/x/y/z", "1\n");
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "mid/s1") == "1\n" && text(&case, "tree") == "1\n");
    fs::create_dir(case.path("raw/s3")).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    fs::write(case.path("raw/s3/a.txt"), "3\n").unwrap();
    until("a file in a new directory", || text(&case, "mid/s3") == "3\n");
    fs::write(case.path("data/x/y/z"), "2\n").unwrap();
    until("a change far below", || text(&case, "tree") == "2\n");
    fs::create_dir_all(case.path("data/a/b")).unwrap();
    fs::write(case.path("data/a/b/c"), "0\n").unwrap();
    until("a new file far below", || text(&case, "tree") == "0\n2\n");
    fs::remove_dir_all(case.path("data/a")).unwrap();
    until("a removed directory", || text(&case, "tree") == "2\n");
    watcher.signal("INT");
    watcher.end();
}

/// Promise: a source whose content decides what else is needed, by a checkpoint, a function or a pattern over what jobs make,
/// brings that to light also where the Rulefile stays as it is.
#[test]
fn what_a_changed_source_brings_to_light_is_watched() {
    let checkpoint = "\
checkpoint which:
    input: 'list'
    output: 'made/which'
    shell: 'cp {input} {output}'
def needed(wildcards):
    return open(checkpoints.which.get().output[0]).read().split()
";
    let function = "def needed(wildcards):\n    return open('list').read().split()\n";
    let pattern = "\
rule which:
    input: 'list'
    output: directory('made')
    shell: 'mkdir -p {output}; for x in $(cat {input}); do touch {output}/$(basename $x); done'
def needed(wildcards):
    return ['made'] + expand('raw/{x}', x=glob_wildcards('made/{x,[a-z]}').x)
";
    for before in [checkpoint, function, pattern] {
        let all = "rule all:\n    input: 'list', needed\n    output: 'out'\n    default_target: True\n    shell: 'cat raw/[a-z] > {output}'\n";
        let case = Case::new()
            .rulefile(&format!("{before}{all}"))
            .file("list", "raw/a\n")
            .file("raw/a", "1\n")
            .file("raw/b", "2\n");
        let watcher = case.start(&["watch"]);
        until("the first run", || text(&case, "out") == "1\n2\n");
        fs::write(case.path("raw/a"), "3\n").unwrap();
        until("an edit", || text(&case, "out") == "3\n2\n");
        fs::remove_file(case.path("out")).unwrap();
        fs::write(case.path("list"), "raw/a raw/b\n").unwrap();
        until("another list", || text(&case, "out") == "3\n2\n");
        std::thread::sleep(Duration::from_millis(1500));
        fs::write(case.path("raw/b"), "4\n").unwrap();
        until("an edit of what was not needed before", || text(&case, "out") == "3\n4\n");
        watcher.signal("INT");
        watcher.end();
    }
}

/// Promise: a watcher that runs for the files it was told of still sees what else came at the same time.
#[test]
fn an_edit_beside_other_changes_loses_none() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    for (a, c) in [("3", "5"), ("4", "6"), ("7", "8")] {
        fs::write(case.path("raw/a"), format!("{a}\n")).unwrap();
        replace(&case, "raw/b", &format!("{a}{a}\n"));
        fs::write(case.path("raw/c"), format!("{c}\n")).unwrap();
        until("all three", || text(&case, "out/all") == format!("{a}\n{a}{a}\n{c}\n"));
    }
    fs::write(case.path("raw/c"), "9\n").unwrap();
    until("an edit of the new one", || text(&case, "out/all") == "7\n77\n9\n");
    fs::write(case.path("raw/a"), "0\n").unwrap();
    fs::remove_file(case.path("raw/c")).unwrap();
    until("a removal beside an edit", || text(&case, "out/all") == "0\n77\n");
    watcher.signal("INT");
    watcher.end();
}

/// Promise: where sources and the Rulefile are links, what they lead to is watched, and where they lead.
#[test]
fn links_are_watched_with_what_they_lead_to() {
    use std::os::unix::fs::symlink;
    let case = Case::new().file("far/a", "1\n").file("one/b", "1\n").file("two/b", "2\n");
    let rules = "rule c:\n    input: 'a', 'dir/b'\n    output: 'out'\n    shell: 'cat {input} > {output}'\n";
    fs::write(case.path("far/rules"), rules).unwrap();
    symlink("far/rules", case.path("Rulefile")).unwrap();
    symlink("far/a", case.path("a")).unwrap();
    symlink("one", case.path("dir")).unwrap();
    let watcher = case.start(&["watch"]);
    let out = |wanted: &str| until(&format!("out is {wanted:?}"), || text(&case, "out") == wanted);
    out("1\n1\n");
    fs::write(case.path("far/a"), "2\n").unwrap();
    out("2\n1\n");
    symlink("two", case.path("other")).unwrap();
    fs::rename(case.path("other"), case.path("dir")).unwrap();
    out("2\n2\n");
    fs::write(case.path("two/b"), "3\n").unwrap();
    out("2\n3\n");
    fs::write(case.path("far/rules"), rules.replace("cat {input}", "cat {input} {input}")).unwrap();
    out("2\n3\n2\n3\n");
    watcher.signal("INT");
    watcher.end();
}

/// Promise: a change that comes while another run is at work is made when that has ended.
#[test]
fn a_watcher_waits_for_other_runs() {
    let rules = format!(
        "{COPY}rule slow:\n    output: 'slow'\n    shell: 'touch started; while [ ! -e go ]; do sleep 0.05; done; touch {{output}}'\n"
    );
    let case = Case::new().rulefile(&rules).file("raw/a", "1\n");
    let watcher = case.start(&["watch"]);
    until("the end of the first run", || watcher.said().contains("watching "));
    let other = case.start(&["slow"]);
    case.wait_for("started");
    fs::write(case.path("raw/a"), "2\n").unwrap();
    std::thread::sleep(Duration::from_millis(800));
    fs::write(case.path("go"), "").unwrap();
    until("the change is taken in", || text(&case, "out") == "2\n");
    other.end();
    watcher.signal("INT");
    let ended = watcher.end();
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
}

/// Promise: a project that is removed and made anew is watched on, also from within.
#[test]
fn a_project_that_is_made_anew_is_watched() {
    let case = Case::new().file("p/Rulefile", COPY).file("p/raw/a", "1\n");
    let mut command = case.command(&["watch"]);
    command.current_dir(case.path("p")).stderr(std::process::Stdio::null());
    let mut watcher = command.spawn().unwrap();
    until("the first run", || text(&case, "p/out") == "1\n");
    fs::rename(case.path("p"), case.path("gone")).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    fs::create_dir_all(case.path("p/raw")).unwrap();
    fs::write(case.path("p/raw/a"), "2\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    fs::write(case.path("p/Rulefile"), COPY).unwrap();
    until("the run in the new project", || text(&case, "p/out") == "2\n");
    fs::write(case.path("p/raw/a"), "3\n").unwrap();
    until("the next one", || text(&case, "p/out") == "3\n");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

/// Promise: a watcher says what changed, and is silent about what changes nothing: files that editors make for themselves, and
/// files that were touched.
#[test]
fn a_watcher_says_what_changed_and_nothing_else() {
    let case = Case::new().rulefile(COPY).file("raw/a", "1\n");
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out") == "1\n");
    for other in ["raw/.a.swp", "raw/a~", "4913"] {
        fs::write(case.path(other), "x").unwrap();
        std::thread::sleep(Duration::from_millis(400));
        fs::remove_file(case.path(other)).unwrap();
    }
    let long_ago = filetime::FileTime::from_unix_time(1_000_000_000, 0);
    filetime::set_file_mtime(case.path("raw/a"), long_ago).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    fs::write(case.path("raw/a"), "2\n").unwrap();
    until("the second run", || text(&case, "out") == "2\n");
    until_rest(&case);
    watcher.signal("INT");
    let ended = watcher.end().stderr;
    let lines: Vec<&str> = ended.lines().filter(|line| !line.starts_with("[")).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.starts_with("1 ran")).collect();
    assert_eq!(lines, ["watching 2 files (Ctrl-C ends)", "raw/a changed", "stopping"], "{ended}");
}

#[test]
fn without_a_rulefile_there_is_nothing_to_watch() {
    Case::new().call_with_code(&["watch"], 3).stderr_has("no Rulefile in ");
}

/// From a second terminal: what runs, for how long, how far it is, and how it ended.
#[test]
fn status_tells_what_a_run_is_doing() {
    let rules = "\
rule all:
    input: 'quick', 'slow'
rule quick:
    output: 'quick'
    shell: 'touch {output}'
rule slow:
    input: 'quick'
    output: 'slow'
    shell: 'touch started; while [ ! -e go ]; do sleep 0.05; done; touch {output}'
";
    let case = Case::new().rulefile(rules).call(&["status"]);
    assert_eq!(case.last().stdout, "no run is going on, and there was none\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let seen = || {
        let output = case.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    until("both jobs are told", || seen()["jobs"][0]["title"] == "slow slow" && seen()["done"] == 1);
    let json = seen();
    assert_eq!((&json["running"], &json["run"], &json["total"]), (&true.into(), &1.into(), &2.into()));
    assert_eq!((&json["done"], &json["ran"]), (&1.into(), &1.into()));
    let output = case.command(&["status"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("run 1 is going on for ") && text.contains(": 1 of 2 jobs done (pid "),
        "{text}"
    );
    assert!(text.contains("  slow slow  .rulemake/runs/1/jobs/"), "{text}");
    fs::write(case.path("go"), "").unwrap();
    run.end();
    let case = case.call(&["status"]);
    let text = &case.last().stdout;
    assert!(
        text.starts_with("no run is going on; run 1 ended ") && text.contains(" ago: 2 of 2 jobs done\n"),
        "{text}"
    );
}

/// A killed run is no run that goes on.
#[test]
fn status_tells_that_a_run_was_killed() {
    let case = Case::new().rulefile("rule a:\n    output: 'o'\n    shell: 'touch started; sleep 60'\n");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    case.call(&["status"]).stdout_has("no run is going on; run 1 was killed: 0 of 1 jobs done\n");
}

/// Promise: what is done is what the bar and the JSON form count, those that failed too, and one that failed did run.
#[test]
fn status_counts_failures_apart() {
    let rules = "rule all:\n    input: 'a', 'b', 'c'\nrule bad:\n    output: 'a'\n    shell: 'exit 1'\n\
                 rule good:\n    output: '{x,[bc]}'\n    shell: 'touch {output}'\n";
    let case = Case::new().rulefile(rules).run_with_code(&["-k"], 1).call(&["status"]);
    assert!(case.last().stdout.contains(" ago: 3 of 3 jobs done, 1 of them failed\n"), "{}", case.last());
    let case = case.run_with_code(&["-k"], 1).call(&["status"]);
    assert!(
        case.last().stdout.contains(" ago: 3 of 3 jobs done, 1 of them ran, 1 failed\n"),
        "{}",
        case.last()
    );
    let case = case.remove("b").run_with_code(&["-k"], 1).call(&["status"]);
    assert!(case.last().stdout.contains(" 3 of 3 jobs done, 2 of them ran, 1 failed\n"), "{}", case.last());
}
