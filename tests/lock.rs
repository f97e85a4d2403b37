//! `Rulefile.lock`: what a project made, for git, and what another machine has of it. Through the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use support::{Case, program};
use tempfile::TempDir;

/// Each result is another one each time it is made, as on another machine. The file in the middle is temporary.
const RULES: &str = "\
rule all:
    input: 'out/a.txt', 'out/b.txt', 'tree'
rule mid:
    input: 'in/{s}.txt'
    output: temp('mid/{s}.txt')
    params: n=config.get('n', 1)
    shell: 'echo mid >> ran; cat {input} > {output}; echo {params.n} >> {output}; date +%s%N >> {output}'
rule out:
    input: 'mid/{s}.txt'
    output: 'out/{s}.txt', touch('out/{s}.done')
    shell: 'echo out >> ran; cat {input} > {output[0]}; date +%s%N >> {output[0]}'
rule tree:
    output: directory('tree')
    shell: 'mkdir -p {output}/sub; date +%s%N > {output}/sub/x; ln -s sub/x {output}/y'
";

const LOCK: &str = "Rulefile.lock";

fn checkout() -> Case {
    Case::new().rulefile(RULES).file("in/a.txt", "a\n").file("in/b.txt", "b\n").file("ran", "")
}

fn place() -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("shared");
    let path = path.display().to_string();
    support::make_shared(&path);
    (dir, path)
}

/// As `git pull`: the other checkout gets the lock file and nothing else.
fn with_lock_of(case: Case, other: &Case) -> Case {
    case.file(LOCK, &other.read(LOCK))
}

#[track_caller]
fn same_results(one: &Case, other: &Case) {
    for file in ["out/a.txt", "out/b.txt", "out/a.done", "tree/sub/x", "tree/y"] {
        assert_eq!(one.read(file), other.read(file), "{file}");
    }
}

/// The promise of the whole: the lock file and the shared cache are enough, though nobody could make these results again, and
/// though somebody else has made others from the same since.
#[test]
fn a_new_checkout_restores_what_is_locked_and_runs_nothing() {
    let (_dir, shared) = place();
    let first = checkout().run(&["--lock", "--cache-shared", &shared, "--cache-push"]);
    let other = checkout().run(&["--cache-shared", &shared, "--cache-push", "--force-all"]);
    assert_ne!(
        first.read("out/a.txt"),
        other.read("out/a.txt"),
        "the test says nothing if they are the same"
    );

    let second = with_lock_of(checkout(), &first).run(&["--cache-shared", &shared]).ran(&[]).has("ran", "");
    same_results(&second, &first);
    let second = second.has_not("mid/a.txt").call(&["lock", "--check"]);
    let second = second.run(&["--cache-shared", &shared, "--lock"]).ran(&[]).restored(&[]).up_to_date(5);
    assert_eq!(second.read(LOCK), first.read(LOCK), "what is restored is locked as it was");

    // Without the lock file it is what was there first; who made another one was told.
    let told = other.warned("has another result of").warned("and keeps it");
    let third = checkout().run(&["--cache-shared", &shared]).ran(&[]);
    same_results(&third, &first);
    let text = with_lock_of(told, &first).call_with_code(&["lock", "--check"], 1).last().stdout.clone();
    assert!(text.contains("mid/a.txt is ") && text.contains("made from the same"), "{text}");
}

/// The same when the lock file is written by itself, and the results are pushed after that.
#[test]
fn what_was_locked_and_pushed_later_is_restored_too() {
    let (_dir, shared) = place();
    let own = TempDir::new().unwrap();
    let cache = own.path().display().to_string();
    let first = checkout().run(&["--cache", &cache]).call(&["--cache", &cache, "lock"]);
    let first = first.call(&["push", "--cache", &cache, "--cache-shared", &shared]);
    checkout().run(&["--cache-shared", &shared, "--cache-push", "--force-all"]);
    let second = with_lock_of(checkout(), &first).call(&["pull", "--cache-shared", &shared]);
    same_results(&second, &first);
    // Whoever locks another one than was there first, and pushes it, did what there is to do about that.
    let other = TempDir::new().unwrap().path().display().to_string();
    let third =
        checkout().run(&["--cache", &other]).call(&["push", "--cache", &other, "--cache-shared", &shared]);
    let third = third.stderr_has("has another result of").stderr_has(" there").call(&["lock"]);
    let third = third.call(&["push", "--cache", &other, "--cache-shared", &shared]).stderr_has("5 results (");
    assert!(!third.last().stderr.contains("another"), "{}", third.last());
    same_results(&with_lock_of(checkout(), &third).call(&["pull", "--cache-shared", &shared]), &third);
    // One result is one result, however many keys it has.
    let usage = first.call(&["cache", "--json", "--cache", &cache]).last().stdout.clone();
    assert!(usage.contains("\"results\": 5") || usage.contains("\"results\":5"), "{usage}");
}

/// A file that holds what is locked is up to date wherever it came from, with no cache at all, and that is put on record.
#[test]
fn results_that_were_copied_are_up_to_date_by_the_lock_file() {
    let first = checkout().run(&["--lock"]);
    let copy = |case: Case| {
        let case =
            case.file("out/a.txt", &first.read("out/a.txt")).file("out/b.txt", &first.read("out/b.txt"));
        let case = case.file("out/a.done", "").file("out/b.done", "");
        let case = case.file("tree/sub/x", &first.read("tree/sub/x"));
        std::os::unix::fs::symlink("sub/x", case.path("tree/y")).unwrap();
        with_lock_of(case, &first)
    };
    let second = copy(checkout());
    assert!(second.plan(&[]).iter().all(|(_, verdict)| verdict == "up-to-date"), "{:?}", second.plan(&[]));
    let second = second.run(&[]).ran(&[]).up_to_date(5).has("ran", "");
    assert_eq!(second.last().of("warning").count(), 0, "{}", second.last());
    // From now on the lock file is not needed for that.
    let second = second.remove(LOCK).run(&[]).ran(&[]).up_to_date(5);
    // And a result that was locked is ours, not somebody's edit: nothing is moved to safety when it is made again.
    second.run(&["--force-all"]).has_not(".rulemake/saved");

    let edited = copy(checkout()).append("out/a.txt", "mine\n");
    let edited = edited.run(&[]).ran(&["mid mid/a.txt", "out out/a.txt"]);
    assert!(edited.path(".rulemake/saved").exists(), "what is not what was locked may be somebody's work");
    let other_source = copy(checkout()).file("in/b.txt", "c\n");
    other_source.run(&[]).ran(&["mid mid/b.txt", "out out/b.txt"]);
    copy(checkout()).run(&["--no-lock"]).ran(&[
        "mid mid/a.txt",
        "mid mid/b.txt",
        "out out/a.txt",
        "out out/b.txt",
        "tree tree",
    ]);
}

/// Promise: a file that would say nothing is not begun; one that is there may come to say nothing.
#[test]
fn nothing_is_locked_where_nothing_is_built() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'touch a'\n");
    let case = case.call_with_code(&["lock"], 1).stderr_has("nothing is built").has_not("Rulefile.lock");
    let case = case.call_with_code(&["lock", "--json"], 1).has_not("Rulefile.lock");
    let case = case.run(&["--lock"]).call(&["lock"]).stderr_has("Rulefile.lock: 1 output, as it was");
    let case = case.edit("Rulefile", "'a'\n    shell: 'touch a'", "'b'\n    shell: 'touch b'");
    let case = case.call_with_code(&["lock"], 1).stderr_has("Rulefile.lock: 0 outputs, 1 removed");
    case.call_with_code(&["lock"], 1).stderr_has("Rulefile.lock: 0 outputs, as it was");
}

/// Sorted, one line for each output, nothing of time, machine or directory in it, and no bytes change without a reason.
#[test]
fn the_file_has_a_line_for_each_output_and_stays_as_it_is() {
    let rules = "\
rule all:
    input: 'b b.txt', 'é.txt', 'a.txt', '#x'
rule one:
    output: 'b b.txt', 'a.txt', 'é.txt', '#x'
    shell: 'for f in {output:q}; do echo x > \"$f\"; done'
";
    let case = Case::new().rulefile(rules).run(&["--lock"]);
    let text = case.read(LOCK);
    let lines: Vec<&str> = text.lines().collect();
    let names: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        names,
        ["#", "", "%23x", "", "a.txt", "", "b%20b.txt", "", "é.txt"],
        "git merges neighbours with something between"
    );
    let digest = blake3_of("x\n");
    assert!(lines[2..].iter().step_by(2).all(|line| line.split(' ').nth(1) == Some(&digest)), "{text}");
    let meta = |case: &Case| fs::metadata(case.path(LOCK)).unwrap().modified().unwrap();
    let before = meta(&case);
    let case = case.run(&["--lock"]).ran(&[]).call(&["lock"]).run(&["--lock", "--force-all"]);
    assert_eq!((case.read(LOCK), meta(&case)), (text.clone(), before), "it is not even written");
    let elsewhere = Case::new().rulefile(rules).run(&["--lock"]);
    assert_eq!(elsewhere.read(LOCK), text, "nothing of the directory is in it");
    assert!(fs::read_dir(elsewhere.root()).unwrap().flatten().all(|entry| {
        let name = entry.file_name().into_string().unwrap();
        !name.contains("new")
    }));
}

fn blake3_of(text: &str) -> String {
    rulemake::Digest::of(text.as_bytes()).to_string()
}

#[test]
fn the_setting_keeps_it_and_a_run_that_has_nothing_to_do_sees_that_it_is_gone() {
    let case = checkout().file("rulemake.toml", "lock = true\n").run(&[]).call(&["lock", "--check"]);
    let text = case.read(LOCK);
    // Twice, so that the second could be recalled from the first.
    let case = case.call(&[]).call(&[]).remove(LOCK).call(&[]);
    assert_eq!(case.read(LOCK), text);
    let case = case.call(&["--no-lock", "--force-all"]);
    assert_eq!(case.read(LOCK), text);
    // Who has another result than the one that is locked does not take it back by running nothing.
    let case = case.call(&[]).call(&[]);
    assert_eq!(case.read(LOCK), text);
    let case = case.call(&["lock"]);
    assert_ne!(case.read(LOCK), text);
    let text = case.read(LOCK);
    let case = case.remove("rulemake.toml").env("RULEMAKE_LOCK", "1").call(&["--force-all"]);
    assert_ne!(case.read(LOCK), text);
}

/// What a run made is locked, and of what it did not make the lines stay.
#[test]
fn a_run_changes_the_lines_of_what_it_made() {
    let case = checkout().run(&["--lock"]);
    let line = |case: &Case, path: &str| {
        let text = case.read(LOCK);
        text.lines().find(|line| line.starts_with(path)).unwrap_or_default().to_string()
    };
    let (a, b) = (line(&case, "out/a.txt"), line(&case, "out/b.txt"));
    let case = case.file("in/a.txt", "new\n").run(&["--lock", "out/a.txt"]);
    assert_ne!(line(&case, "out/a.txt"), a);
    assert_eq!(line(&case, "out/b.txt"), b);
    // A failure leaves what was locked before.
    let a = line(&case, "out/a.txt");
    let case = case.edit("Rulefile", "echo out >>", "false; echo out >>").run_with_code(&["--lock", "-k"], 1);
    assert_eq!((line(&case, "out/a.txt"), line(&case, "out/b.txt")), (a, b));
    let case = case.call_with_code(&["lock"], 1).stdout_has("out/a.txt is not up to date");
    // A rule that is gone takes its lines along, and others go when that is asked for.
    let case = case.edit("Rulefile", "false; ", "").edit("Rulefile", ", 'tree'", "").run(&["--lock"]);
    assert_ne!(line(&case, "tree"), "", "somebody may still ask for it by its name");
    let case = case.call(&["lock", "--prune"]);
    assert_eq!(line(&case, "tree"), "");
    let case = case.edit("Rulefile", "out/{s}.done", "out/{s}.ready").run(&["--lock"]);
    assert_eq!(line(&case, "out/a.done"), "");
}

#[test]
fn the_check_tells_each_output_that_differs() {
    let case = checkout().call_with_code(&["lock", "--check"], 3).stderr_has("there is no Rulefile.lock");
    let case = case.run(&["--lock"]).call(&["lock", "--check"]).stderr_has("Rulefile.lock agrees: 7 outputs");
    let lock = case.read(LOCK);
    let without: String =
        lock.lines().filter(|line| !line.starts_with("tree")).map(|l| format!("{l}\n")).collect();
    let case = case.file(LOCK, &format!("{without}gone.txt {0} {0}\n", blake3_of("x")));
    let case = case.append("out/a.txt", "mine\n").edit("Rulefile", "get('n', 1)", "get('n', 2)");
    let case = case.call_with_code(&["lock", "--check", "--json"], 1);
    let found: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let of = |path: &str| {
        let all = found["differences"].as_array().unwrap();
        all.iter().find(|d| d["path"] == path).map(|d| d["kind"].as_str().unwrap().to_string())
    };
    assert_eq!(of("tree").as_deref(), Some("not-locked"));
    assert_eq!(of("gone.txt").as_deref(), Some("no-rule"));
    assert_eq!(of("out/a.txt").as_deref(), Some("not-up-to-date"));
    assert_eq!(of("mid/a.txt").as_deref(), Some("not-up-to-date"));
    assert_eq!(of("out/b.txt"), None, "it is what is locked, so far as anybody can say");
    let case = case.run(&["--config", "n=2"]);
    let case = case.call_with_code(&["lock", "--check"], 1);
    let case = case.stdout_has("mid/a.txt is locked as made from other inputs or by another rule");
    case.call(&["lock"]).call(&["lock", "--check"]);
}

/// Promise: in a new checkout nothing differs from what is locked, as long as it would be made of just that; what is not so is
/// found without making anything.
#[test]
fn the_check_of_a_new_checkout_raises_no_false_alarm() {
    let (_dir, shared) = place();
    let first = checkout().run(&["--lock", "--cache-shared", &shared, "--cache-push"]);
    let second = with_lock_of(checkout(), &first).call(&["lock", "--check"]);
    let second = second.stderr_has("Rulefile.lock agrees: 7 outputs, 5 of which are not here").has_not("out");
    let second = second.file("in/a.txt", "other\n").call_with_code(&["lock", "--check"], 1);
    let second =
        second.stdout_has("mid/a.txt is locked as made from other inputs").stderr_has("1 output differs");
    let second = second.file("in/a.txt", "a\n").call(&["pull", "--cache-shared", &shared]);
    let second = second.call(&["lock", "--check"]).stderr_has("Rulefile.lock agrees: 7 outputs\n");
    second.remove("tree").call(&["lock", "--check"]).stderr_has("7 outputs, 1 of which is not here");
}

/// Nothing is guessed: a run stops before it begins, and `--no-lock` goes on without the file.
#[test]
fn a_file_that_cannot_be_read_is_told_with_its_line_and_the_way_out() {
    let case = checkout().run(&["--lock"]);
    let lock = case.read(LOCK);
    let second = lock.lines().nth(2).unwrap().to_string();
    let conflict =
        lock.replace(&second, &format!("<<<<<<< HEAD\n{second}\n=======\n{second}\n>>>>>>> other"));
    let case = case.file(LOCK, &conflict);
    for args in [&[][..], &["lock", "--check"], &["-n"], &["why", "out/a.txt"]] {
        let case = case.command(args).output().unwrap();
        let text = String::from_utf8_lossy(&case.stderr).into_owned();
        assert_eq!(case.status.code(), Some(3), "{args:?}: {text}");
        assert!(text.contains("Rulefile.lock:3:1") && text.contains("a merge left a conflict"), "{text}");
        assert!(text.contains("`rulemake lock` settles it"), "{text}");
    }
    let case = case.run(&["--no-lock"]).ran(&[]);
    let case = case.file(LOCK, &lock.replace(&second, "out/a.txt blake3:12"));
    let case = case.call_with_code(&[], 3).stderr_has("Rulefile.lock:3:1").stderr_has("remove the line");
    let case = case.remove(LOCK);
    fs::create_dir(case.path(LOCK)).unwrap();
    let case = case.call_with_code(&[], 7).stderr_has("is not a regular file");
    let case = case.remove(LOCK);
    fs::write(case.path(LOCK), b"\xff\n").unwrap();
    case.call_with_code(&[], 3).stderr_has("is not UTF-8");
}

/// A project in git, with nine files and what is made of each; skipped where there is no git.
fn in_git() -> Option<Case> {
    if program("git").arg("--version").output().is_err() {
        eprintln!("git is not here: skipped");
        return None;
    }
    let rules = "\
rule all:
    input: expand('out/{s}.txt', s=glob_wildcards('in/{s}.txt').s), 'sum'
rule out:
    input: 'in/{s}.txt'
    output: 'out/{s}.txt'
    shell: 'cp {input} {output}'
rule sum:
    input: expand('out/{s}.txt', s=glob_wildcards('in/{s}.txt').s)
    output: 'sum'
    shell: 'cat {input} > {output}; date +%s%N >> {output}'
";
    let case = (0..9).fold(Case::new().rulefile(rules), |case, n| case.file(&format!("in/{n}.txt"), "x\n"));
    assert!(git(&case, &["init", "-q"]));
    Some(case)
}

fn git(case: &Case, args: &[&str]) -> bool {
    let mut git = program("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]).args(args);
    git.current_dir(case.root()).output().unwrap().status.success()
}

/// Changes a source, makes what follows from it, and commits that with the lock file.
#[track_caller]
fn commit(case: &Case, source: &str, text: &str, target: &str) {
    fs::write(case.path(source), text).unwrap();
    assert!(case.command(&["--lock", "-q", target]).status().unwrap().success());
    assert!(git(case, &["add", "Rulefile", "Rulefile.lock", "in"]) && git(case, &["commit", "-qm", text]));
}

/// Two branches that each make another result: git merges the lines by itself, also those of neighbours.
#[test]
fn git_merges_what_two_branches_locked() {
    let Some(case) = in_git() else { return };
    commit(&case, "in/0.txt", "base", "all");
    for (one, two) in [("1", "7"), ("3", "4"), ("6", "5")] {
        let file = |n: &str| (format!("in/{n}.txt"), format!("out/{n}.txt"));
        assert!(git(&case, &["switch", "-qc", &format!("branch{one}")]));
        commit(&case, &file(one).0, "one", &file(one).1);
        assert!(git(&case, &["switch", "-q", "main"]));
        commit(&case, &file(two).0, "two", &file(two).1);
        assert!(git(&case, &["merge", "-q", "--no-edit", &format!("branch{one}")]), "{one} and {two}");
        let merged = case.read(LOCK);
        let lock = case.command(&["--lock", "-q", &file(one).1, &file(two).1]).status().unwrap();
        assert!(lock.success() && case.read(LOCK) == merged, "the merge is what a run writes: {merged}");
    }
}

/// Two branches that each make another `sum`: a conflict, which is one clear error, and `rulemake lock` settles it with what is
/// true of the merged tree. The results of neither branch are lost.
#[test]
fn a_conflict_in_the_lock_file_is_settled_by_lock() {
    let Some(case) = in_git() else { return };
    commit(&case, "in/0.txt", "base", "all");
    assert!(git(&case, &["switch", "-qc", "other"]));
    commit(&case, "in/1.txt", "one", "all");
    assert!(git(&case, &["switch", "-q", "main"]));
    commit(&case, "in/7.txt", "seven", "all");
    assert!(!git(&case, &["merge", "-q", "--no-edit", "other"]), "both changed the line of `sum`");
    let case = case
        .call_with_code(&[], 3)
        .stderr_has("a merge left a conflict")
        .stderr_has("`rulemake lock` settles it");
    // What the other branch made of its source is not here, but its line is true; of `sum` the one stays that is here.
    let case =
        case.call_with_code(&["lock"], 1).stderr_has("the conflict of a merge is settled: of 1 output");
    let case = case.stdout_has("out/1.txt is not up to date");
    let (lock, line) = (case.read(LOCK), format!("\nout/1.txt {} ", blake3_of("one")));
    assert!(!lock.contains("<<<<<<<") && lock.contains(&line) && lock.contains("\nout/7.txt "), "{lock}");
    // A `sum` that is made of neither has no line that is true.
    assert!(git(&case, &["checkout", "-q", "--conflict=merge", "Rulefile.lock"]));
    fs::write(case.path("out/1.txt"), "one").unwrap();
    let case = case.call_with_code(&["lock"], 1).stdout_has("sum is not up to date").stderr_has("settled");
    let lock = case.read(LOCK);
    assert!(!lock.contains("\nsum ") && lock.contains(&line), "{lock}");
    let case =
        case.call(&["--lock"]).call(&["lock", "--check"]).stderr_has("Rulefile.lock agrees: 10 outputs");
    assert!(git(&case, &["add", "Rulefile.lock"]) && git(&case, &["commit", "-qm", "merged"]));

    // The same sources, two results: what is here is what stays, and the other one can be had from a cache.
    assert!(git(&case, &["switch", "-qc", "again"]));
    fs::remove_file(case.path("sum")).unwrap();
    fs::remove_dir_all(case.path(".rulemake")).unwrap();
    commit(&case, "in/8.txt", "eight", "all");
    let theirs = case.read("sum");
    assert!(git(&case, &["switch", "-q", "main"]));
    fs::remove_file(case.path("sum")).unwrap();
    commit(&case, "in/8.txt", "eight", "all");
    assert_ne!(case.read("sum"), theirs, "else the test says nothing");
    let ours = case.read(LOCK);
    assert!(!git(&case, &["merge", "-q", "--no-edit", "again"]));
    let case = case.call(&["lock"]).stderr_has("settled: of 1 output");
    assert_eq!(case.read(LOCK), ours);
    // What is broken is no conflict.
    let broken = format!("{ours}>>>>>>> x\n");
    case.file(LOCK, &broken).call_with_code(&["lock"], 3).stderr_has("this mark of a conflict has no other");
}

/// Whatever a rule can say of its outputs: what is copied with the lock file, without any state, is up to date, and locked
/// as it was.
#[test]
fn outputs_of_all_kinds_are_known_by_the_lock_file_alone() {
    let rules = "\
rule all:
    input: 'piped.txt', 'found.txt', 'prot.txt', 'inner.txt', 'up.done', 'sum.txt'
rule write:
    output: pipe('p')
    shell: 'echo x > {output}'
rule read:
    input: 'p'
    output: 'piped.txt'
    shell: 'cat {input} > {output}; date +%s%N >> {output}'
checkpoint list:
    output: directory('parts')
    shell: 'mkdir {output}; for n in 1 2; do date +%s%N > {output}/$n.txt; done'
rule part:
    input: 'parts/{n}.txt'
    output: 'done/{n}.txt'
    shell: 'cp {input} {output}'
def all_parts(wildcards):
    found = checkpoints.list.get().output[0]
    return expand('done/{n}.txt', n=sorted(glob_wildcards(found + '/{n}.txt').n))
rule found:
    input: all_parts
    output: 'found.txt'
    shell: 'cat {input} > {output}'
rule prot:
    output: protected('prot.txt')
    shell: 'date +%s%N > {output}'
rule tmp:
    output: temp(directory('tmp'))
    shell: 'mkdir {output}; date +%s%N > {output}/x; touch {output}/y'
rule inner:
    input: 'tmp/x'
    output: 'inner.txt'
    shell: 'cp {input} {output}'
rule base:
    output: 'base.txt'
    shell: 'date +%s%N > {output}'
rule up:
    input: ancient('base.txt')
    output: touch('up.done')
    shell: 'true'
rule sum:
    input: 'base.txt'
    output: ensure('sum.txt', non_empty=True)
    log: 'logs/sum.log'
    shell: 'cksum < {input} > {output}; echo x > {log}'
";
    let case = Case::new().rulefile(rules).run(&["--lock"]).call(&["lock", "--check"]);
    let lock = case.read(LOCK);
    assert!(!lock.lines().any(|line| line.starts_with("p ")), "a pipe holds nothing");
    let other = Case::new();
    let mut copy = program("sh");
    copy.args(["-c", "cp -a . \"$1\"; rm -rf \"$1/.rulemake\"", "sh"]).arg(other.root());
    assert!(copy.current_dir(case.root()).status().unwrap().success());
    let plan = other.plan(&[]);
    let (wrong, rest): (Vec<_>, Vec<_>) = plan.iter().partition(|(_, verdict)| verdict != "up-to-date");
    // What lies in a temporary directory that is gone nobody knows.
    assert!(wrong.iter().all(|(job, _)| job.starts_with("tmp ") || job.starts_with("inner ")), "{wrong:?}");
    assert!(rest.len() >= 8, "{rest:?}");
    let other = other.run(&[]).ran(&["tmp tmp", "inner inner.txt"]);
    let other = other.run(&["--lock"]).ran(&[]);
    let now = other.read(LOCK);
    let same = |path: &str| {
        let line = |text: &str| text.lines().find(|line| line.starts_with(path)).map(String::from);
        assert_eq!(line(&now), line(&lock), "{path}");
    };
    let all = ["piped.txt", "found.txt", "prot.txt", "parts", "done/1.txt", "up.done", "sum.txt", "base.txt"];
    all.iter().for_each(|path| same(path));
}

/// Promise: a lock file that is a link stays one, and what it leads to is what is written.
#[cfg(unix)]
#[test]
fn a_lock_file_behind_a_link_is_written_through_it() {
    let case = checkout().file("shared/keep", "");
    std::os::unix::fs::symlink("middle", case.path(LOCK)).unwrap();
    std::os::unix::fs::symlink("shared/lock", case.path("middle")).unwrap();
    for _ in 0..2 {
        let case = case.command(&["--lock"]).output().unwrap();
        assert!(case.status.success(), "{}", String::from_utf8_lossy(&case.stderr));
    }
    for (link, to) in [(LOCK, "middle"), ("middle", "shared/lock")] {
        assert_eq!(fs::read_link(case.path(link)).unwrap().to_str(), Some(to));
    }
    assert!(!fs::symlink_metadata(case.path("shared/lock")).unwrap().is_symlink());
    assert!(case.read("shared/lock").contains("out/a.txt"));
    let mut names: Vec<_> =
        fs::read_dir(case.path("shared")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["keep", "lock"], "nothing is left beside");
    // Changed through the link, and none of the way.
    let case = case.file("in/a.txt", "new\n").run(&["--lock"]).call(&["lock", "--check"]);
    assert!(fs::symlink_metadata(case.path(LOCK)).unwrap().is_symlink());
    let case = case.remove(LOCK).remove("middle");
    std::os::unix::fs::symlink("middle", case.path(LOCK)).unwrap();
    std::os::unix::fs::symlink(LOCK, case.path("middle")).unwrap();
    let output = case.command(&["lock"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Promise: a locked result that no cache holds is made again; that another one came of it is told, once.
#[test]
fn a_lock_that_cannot_be_honoured_is_told() {
    let rules = "rule all:\n    input: 'a', 'b'\nrule one:\n    output: '{n}'\n    shell: 'echo {wildcards.n} > {output}'\n";
    let first = Case::new().rulefile(rules).run(&["--lock"]);
    let lock = first.read("Rulefile.lock");
    let other = Case::new().rulefile(rules).file("Rulefile.lock", &lock);
    // It came to be the same, so there is nothing to tell.
    let other = other.run(&["--cache", "kept"]).ran(&["one a", "one b"]);
    assert_eq!(other.last().of("warning").count(), 0, "{}", other.last());
    let other = Case::new().rulefile(&rules.replace("{wildcards.n}", "{wildcards.n} $$")).run(&["--lock"]);
    let lock = other.read("Rulefile.lock");
    let other = Case::new().rulefile(&other.read("Rulefile")).file("Rulefile.lock", &lock);
    let other = other.run(&[]).ran(&["one a", "one b"]).warned("2 results are not those of Rulefile.lock");
    assert_eq!(other.last().of("warning").count(), 1, "{}", other.last());
}

/// The promise of the whole: who has another result than the one that is locked hears of it, loses nothing, and gets the locked
/// one with `pull` or locks his own with `lock`. No line of the same changes behind his back.
#[test]
fn another_result_than_the_locked_one_is_told_and_pull_takes_the_locked_one() {
    let (_dir, shared) = place();
    let first = checkout().run(&["--lock", "--cache-shared", &shared, "--cache-push"]);
    let second = checkout().file("rulemake.toml", "lock = true\n[cache]\ndir = 'kept'\n").run(&[]);
    assert_ne!(first.read("out/a.txt"), second.read("out/a.txt"), "else the test says nothing");
    let own = (second.read("out/a.txt"), second.read(LOCK));
    // As `git pull`: a colleague's lock file, whose results are not here.
    let second = with_lock_of(second, &first);
    for _ in 0..2 {
        // Twice: what was told is not forgotten because nothing is to do.
        let second = second.command(&[]).output().unwrap();
        let text = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(text.matches("5 results are not those of Rulefile.lock").count(), 1, "{text}");
        assert!(text.contains("`rulemake pull` takes") && text.contains("`rulemake lock` records"), "{text}");
    }
    assert_eq!(second.read(LOCK), first.read(LOCK), "no line of the same changes");
    let second = second
        .call_with_code(&["lock", "--check"], 1)
        .stdout_has("tree is ")
        .stderr_has("`rulemake pull` takes");

    // No cache has them: nothing is taken, and that is told.
    let second =
        second.call(&["pull"]).stderr_has("no cache holds the recorded ones").has("out/a.txt", &own.0);
    let second = second.call(&["pull", "--cache-shared", &shared]);
    same_results(&second, &first);
    assert_eq!(second.read(LOCK), first.read(LOCK));
    let second = second.call(&["lock", "--check"]).has_not(".rulemake/saved").run(&[]).ran(&[]).up_to_date(5);
    assert_eq!(second.last().of("warning").count(), 0, "{}", second.last());
    // What was here is kept, and comes back with its lock file.
    let second = second.file(LOCK, &own.1).call(&["pull"]).has("out/a.txt", &own.0);
    // Or what is here is locked.
    let second = with_lock_of(second, &first).call(&["lock"]);
    assert_eq!(second.read(LOCK), own.1);

    // An edit is nobody's result: it is moved to safety, as ever.
    let second = with_lock_of(second, &first).append("out/a.txt", "mine\n");
    let second = second.call(&["pull", "--cache-shared", &shared]);
    same_results(&second, &first);
    assert!(second.path(".rulemake/saved").exists());
}

/// Promise: what was pulled is in the own cache as any result is: without the shared place, and after something else was made,
/// it comes back.
#[test]
fn what_was_pulled_by_its_lock_is_kept_under_its_own_key_too() {
    let rules = "rule a:\n    output: 'a'\n    params: n=config.get('n', 1)\n    shell: 'echo {params.n} $RANDOM$RANDOM > {output}; seq 3000 >> {output}'\n";
    let (dir, shared) = place();
    let settings = format!("lock = true\n[cache]\nshared = '{shared}'\n");
    let new = || Case::new().rulefile(rules).file("rulemake.toml", &settings);
    let first = new().run(&["--cache-push"]);
    let second = with_lock_of(new(), &first).run(&[]).ran(&[]).restored(&["a a"]);
    let second = second.call(&["cache"]).stdout_has("results    1\n");
    let second = second.call(&["cache", "gc", "--min-age", "0s"]).stderr_has("1 result stays");
    fs::rename(&shared, dir.path().join("gone")).unwrap();
    let second = second.run(&["--config", "n=2"]).ran(&["a a"]).run(&[]).ran(&[]).restored(&["a a"]);
    assert_eq!(second.read("a"), first.read("a"));
}

/// Promise: what a rule keeps out of caches is not told as a fault of `pull`, and nobody is sent to push it.
#[test]
fn what_is_not_for_a_cache_is_no_fault_of_pull() {
    let rules = "rule all:\n    input: 'a', 'b'\nrule a:\n    output: 'a'\n    cache: False\n    shell: 'date > {output}'\n\
                 rule b:\n    output: 'b'\n    shell: 'echo b > {output}'\n";
    let (_dir, shared) = place();
    let first = Case::new().rulefile(rules).run(&["--lock", "--cache-shared", &shared, "--cache-push"]);
    let second = with_lock_of(Case::new().rulefile(rules), &first).call(&["pull", "--cache-shared", &shared]);
    let second = second.stderr_has("1 restored, 1 not for a cache in ").has_not("a").has("b", "b\n");
    let second = second.stderr_has("not for a cache, by `cache: False` of the rule: a a\n");
    assert!(!second.last().stderr.contains("push"), "{}", second.last());
    let pushed =
        first.call(&["push", "--cache-shared", &shared]).stderr_has("1 is not up to date or not for");
    pushed.stderr_has("a a: its rule says `cache: False`\n");
    // What is made of it is another matter.
    let reader =
        format!("{rules}rule c:\n    input: 'a'\n    output: 'c'\n    shell: 'cp {{input}} {{output}}'\n");
    let case = Case::new().rulefile(&reader);
    case.call_with_code(&["pull", "c", "--cache-shared", &shared], 1)
        .stderr_has("1 not for a cache, 1 made from");
}

/// Promise: the end of `lock --check` helps with the kinds of differences that there are, and with no other.
#[test]
fn each_kind_of_difference_has_its_own_help() {
    let rules = "rule all:\n    input: 'a', 'b'\nrule x:\n    input: 'in/{x}'\n    output: '{x,a|b}'\n    shell: 'cp {input} {output}'\n";
    let new = || Case::new().rulefile(rules).file("in/a", "1\n").file("in/b", "1\n");
    let case = new().run(&["--lock"]).file("in/a", "2\n").call_with_code(&["lock", "--check"], 1);
    let case = case
        .stderr_has("1 output is not up to date, so nothing here tells whether")
        .stderr_has("`rulemake` makes");
    assert!(!case.last().stderr.contains("no rule makes"), "{}", case.last());
    let one = rules.replace("a|b", "a").replace("'a', 'b'", "'a'");
    let case = case.run(&["--lock"]).rulefile(&one).call_with_code(&["lock", "--check"], 1);
    let case = case.stdout_has("b is in the lock file, and no rule makes it");
    let case = case.stderr_has("1 output differs").stderr_has("`rulemake lock` removes the lines");
    assert!(
        !case.last().stderr.contains("pull") && !case.last().stderr.contains("up to date"),
        "{}",
        case.last()
    );
    case.call(&["lock"]).stderr_has("1 removed").call(&["lock", "--check"]);
}

/// A command that gives another result each time changes its line when it runs, and says so.
#[test]
fn a_line_of_the_same_does_not_change_in_silence() {
    let case = checkout().run(&["--lock"]);
    let lock = case.read(LOCK);
    let case = case.run(&["--lock", "--force-all"]).warned("5 lines of Rulefile.lock have other results now");
    assert_ne!(case.read(LOCK), lock);
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    let case = case.run(&["--lock", "--config", "n=2"]);
    assert_eq!(
        case.last().of("warning").filter(|w| w.to_string().contains("lock")).count(),
        0,
        "{}",
        case.last()
    );
}
