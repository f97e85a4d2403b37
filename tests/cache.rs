//! Results that come out of a cache: through the real binary, in directories that are changed between the runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use rulemake::Digest;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use support::{Case, program};
use tempfile::TempDir;

/// A chain with a temporary file in its middle; each command tells in `ran` that it ran.
const CHAIN: &str = "\
rule all:
    input: 'out/a.txt', 'out/b.txt'
rule mid:
    input: 'in/{s}.txt'
    output: temp('mid/{s}.txt')
    params: n=config.get('n', 1)
    shell: 'echo mid >> ran; echo {params.n} > {output}; cat {input} >> {output}'
rule out:
    input: 'mid/{s}.txt'
    output: 'out/{s}.txt'
    shell: 'echo out >> ran; tr a-z A-Z < {input} > {output}'
";

fn chain() -> Case {
    Case::new().rulefile(CHAIN).file("in/a.txt", "a\n").file("in/b.txt", "b\n").file("ran", "")
}

fn cache() -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cache").display().to_string();
    (dir, path)
}

/// All objects of a cache.
fn objects(cache: &str) -> Vec<PathBuf> {
    files(&Path::new(cache).join("v1/cas"))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// Promise: what somebody puts in the place of an output while that is restored is not lost, by a run or by `pull`.
#[test]
fn what_appears_in_the_place_of_an_output_meanwhile_stays() {
    let rule = "rule big:\n    output: directory('out')\n    shell: 'mkdir {output}; for i in $(seq 300); do head -c 1000000 /dev/zero > {output}/$i; done'\n";
    for _ in 0..10 {
        let (_dir, cache) = cache();
        let case = Case::new().rulefile(rule).file("rulemake.toml", "[cache]\nlink = \"copy\"\n");
        let case = case.run(&["--cache", &cache]).ran(&["big out"]);
        fs::remove_dir_all(case.path("out")).unwrap();
        let mut pull = case.command(&["pull", "--cache", &cache]).spawn().unwrap();
        let mine = case.path("out/mine");
        while pull.try_wait().unwrap().is_none() {
            let is_filling =
                fs::read_dir(case.path(".rulemake/restoring")).is_ok_and(|mut all| all.next().is_some());
            if is_filling && fs::create_dir(case.path("out")).is_ok() {
                fs::write(&mine, "precious").unwrap();
                break;
            }
        }
        pull.wait().unwrap();
        if mine.exists() {
            assert_eq!(fs::read_to_string(&mine).unwrap(), "precious");
            // The job runs, and clears its place.
            let case = case.run(&[]).ran(&["big out"]);
            let saved = case.files(".rulemake/saved");
            assert!(saved.iter().any(|path| path.ends_with("out/mine")), "{saved:?}");
            return;
        }
        assert!(!case.path("out").exists() || case.path("out/300").exists(), "it is gone");
    }
    panic!("the restore was never seen on its way");
}

/// Promise: a check of a cache that is nowhere is no success.
#[test]
fn a_cache_that_is_nowhere_is_not_right() {
    let case = Case::new().rulefile(CHAIN).call_with_code(&["cache", "verify", "--cache", "nowhere"], 7);
    case.stderr_has("does not exist: nothing was verified");
}

/// Promise: `pull` takes away no result before it has what it puts in its place.
#[test]
fn pull_leaves_what_is_there_when_nothing_comes() {
    let (dir, place) = cache();
    support::make_shared(&place);
    let rule = "rule d:\n    input: 'in'\n    output: 'f', directory('o')\n    shell: 'head -c 200000 /dev/zero > f; cat in >> f; mkdir o; cp f o'\n";
    let case = Case::new().rulefile(rule).file("in", "B\n");
    let case = case.run(&["--cache-shared", &place, "--cache-push"]).ran(&["d f"]);
    for left in ["f", "o", ".rulemake"] {
        let _ = fs::remove_file(case.path(left)).or_else(|_| fs::remove_dir_all(case.path(left)));
    }
    let case = case.file("in", "A\n").run(&[]).ran(&["d f"]);
    files(&dir.path().join("cache/v1/cas")).iter().for_each(|object| fs::remove_file(object).unwrap());
    let case = case.file("in", "B\n").call_with_code(&["pull", "--cache-shared", &place], 1);
    assert!(case.read("f").ends_with("A\n") && case.read("o/f").ends_with("A\n"));
    case.file("in", "A\n").run(&[]).ran(&[]);
}

/// Promise: a log in a directory that the same rule makes does not keep that from being restored.
#[test]
fn a_directory_with_the_log_of_its_own_job_is_restored() {
    let (_dir, cache) = cache();
    let rule = "rule n:\n    output: directory('out')\n    log: 'out/logs/n.txt'\n    shell: 'echo x > {output}/x; echo l > {log}'\n";
    let case = Case::new().rulefile(rule).run(&["--cache", &cache]).ran(&["n out"]);
    fs::remove_dir_all(case.path("out")).unwrap();
    let case = case.run(&["--cache", &cache]).ran(&[]).restored(&["n out"]).has("out/x", "x\n");
    case.has("out/logs/n.txt", "l\n").run(&["--cache", &cache]).ran(&[]).restored(&[]);
}

/// Promise: what a rule makes in a directory that it makes, too, be it an output or a log that somebody reads, does not keep
/// that from being restored.
#[test]
fn a_directory_with_another_output_in_it_is_restored() {
    let rules = "rule all:\n    input: 'o/b', 'log'\nrule n:\n    output: directory('o'), 'o/b', directory('o/sub'), protected('o/sub/p')\n    log: 'o/l'\n    \
                 shell: 'mkdir -p o/sub; echo a > o/a; seq 50000 > o/b; echo p > o/sub/p; echo l > {log}'\n\
                 rule log:\n    input: 'o/l'\n    output: 'log'\n    shell: 'cp {input} {output}'\n";
    for link in ["auto", "hardlink", "copy"] {
        let (_dir, cache) = cache();
        let args = ["--cache", &cache, "--cache-link", link];
        let case = Case::new().rulefile(rules).run(&args).ran(&["n o", "log log"]);
        let before = case.read("o/b");
        for left in ["o", "log", ".rulemake"] {
            let _ = fs::remove_file(case.path(left)).or_else(|_| fs::remove_dir_all(case.path(left)));
        }
        let case = case.run(&args).ran(&[]).restored(&["n o", "log log"]);
        assert_eq!(
            (case.read("o/b"), case.read("o/l"), case.read("o/a")),
            (before, "l\n".into(), "a\n".into())
        );
        assert_eq!(fs::metadata(case.path("o/sub/p")).unwrap().permissions().mode() & 0o222, 0, "{link}");
        let case = case.run(&args).ran(&[]).restored(&[]);
        fs::set_permissions(case.path("o/sub/p"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::remove_file(case.path("o/b")).unwrap();
        case.run(&args).ran(&[]).restored(&["n o"]);
    }
}

/// What the promise of the whole is: a result that was made is not made again, whatever was in between.
#[test]
fn switching_a_param_forth_and_back_runs_nothing_and_gives_the_same_bytes() {
    let (_dir, cache) = cache();
    let run = |case: Case, n: &str| case.run(&["--cache", &cache, "--config", &format!("n={n}")]);
    let case = run(chain(), "1").ran(&["mid mid/a.txt", "mid mid/b.txt", "out out/a.txt", "out out/b.txt"]);
    let case = case.has("out/a.txt", "1\nA\n").has_not("mid/a.txt");
    let case = run(case, "2").has("out/a.txt", "2\nA\n");
    let before = case.read("ran");
    let case = case.file("x", "");
    let plan = case.plan(&["--cache", &cache, "--config", "n=1"]);
    assert!(plan.iter().all(|(_, verdict)| verdict == "restore"), "{plan:?}");
    let case = run(case, "1").ran(&[]).restored(&[
        "mid mid/a.txt",
        "mid mid/b.txt",
        "out out/a.txt",
        "out out/b.txt",
    ]);
    let case =
        case.has("out/a.txt", "1\nA\n").has("out/b.txt", "1\nB\n").has_not("mid/a.txt").has("ran", &before);
    // It is on record as any result is.
    run(case, "1").ran(&[]).restored(&[]).up_to_date(4);
}

#[test]
fn a_deleted_folder_of_results_comes_back_without_its_temporary_files_being_made() {
    let (_dir, cache) = cache();
    let case = chain().run(&["--cache", &cache]).remove("out").run(&["--cache", &cache]);
    let case = case.ran(&[]).restored(&["out out/a.txt", "out out/b.txt"]).has("out/b.txt", "1\nB\n");
    // Also where nothing is on record any more.
    let case = case.remove("out").remove(".rulemake").run(&["--cache", &cache]).ran(&[]);
    case.has("out/a.txt", "1\nA\n").has_not("mid/a.txt");
}

#[test]
fn two_checkouts_share_a_cache_and_the_second_one_runs_nothing() {
    let (_dir, cache) = cache();
    chain().run(&["--cache", &cache]);
    let other = chain();
    let plan = other.plan(&["--cache", &cache]);
    assert!(plan.len() == 4 && plan.iter().all(|(_, verdict)| verdict == "restore"), "{plan:?}");
    let other = other.run(&["--cache", &cache]).ran(&[]).has("out/a.txt", "1\nA\n").has("ran", "");
    // An input that is another is another result.
    other.file("in/a.txt", "c\n").run(&["--cache", &cache]).ran(&["mid mid/a.txt", "out out/a.txt"]);
}

/// A temporary file that somebody needs after all is made again, by its job.
#[test]
fn a_job_that_the_cache_does_not_know_gets_the_temporary_files_that_it_reads() {
    let (_dir, cache) = cache();
    chain().run(&["--cache", &cache]);
    let other = chain().edit("Rulefile", "tr a-z A-Z", "tr a-z B-Z");
    let verdict = |case: &Case, job: &str| {
        let plan = case.plan(&["--cache", &cache]);
        plan.iter().find(|(title, _)| title == job).unwrap().1.clone()
    };
    assert_eq!(verdict(&other, "out out/a.txt"), "run");
    assert_eq!(verdict(&other, "mid mid/a.txt"), "run", "its bytes are not kept");
    let other = other.run(&["--cache", &cache, "out/a.txt"]);
    other.ran(&["mid mid/a.txt", "out out/a.txt"]).has("out/a.txt", "1\nB\n").has_not("mid/a.txt");
}

#[test]
fn directories_with_all_that_is_in_them_come_back() {
    let (_dir, cache) = cache();
    let rulefile = "\
rule tree:
    output: directory('d')
    shell: 'mkdir -p {output}/sub/empty; echo x > {output}/sub/x; echo run > {output}/run; chmod +x {output}/run; \
            ln -s sub/x {output}/link; ln -s sub {output}/dir; touch \"{output}/a b\"'
";
    let case = Case::new().rulefile(rulefile).run(&["--cache", &cache]).ran(&["tree d"]);
    let listing = |case: &Case| {
        let find = "find d -printf '%p %y %l %m\\n' | sort";
        let output = program("sh").args(["-c", find]).current_dir(case.root()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let before = listing(&case);
    let case = case.remove("d").run(&["--cache", &cache]).ran(&[]).restored(&["tree d"]);
    assert_eq!(listing(&case), before);
    case.run(&["--cache", &cache]).up_to_date(1);
}

#[test]
fn programs_stay_programs_and_logs_are_replayed_with_a_mark() {
    let (_dir, cache) = cache();
    let rulefile = "\
rule program:
    output: 'p'
    log: 'p.log'
    shell: 'echo said; echo logged > {log}; echo \"#!/bin/sh\" > {output}; chmod +x {output}'
";
    let case = Case::new().rulefile(rulefile).run(&["--cache", &cache]).remove("p").remove("p.log");
    let case = case.run(&["--cache", &cache]).ran(&[]).restored(&["program p"]).has("p.log", "logged\n");
    let mode = fs::metadata(case.path("p")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "{mode:o}");
    let case = case.call(&["log", "p"]).stdout_has("said\n").stdout_has("restored");
    case.call(&["why", "p"]).stdout_has("restored from the cache in run 2");
}

#[test]
fn a_rule_opts_out_and_a_forced_job_runs() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    output: 'a'\n    cache: False\n    shell: 'date +%N > {output}'\n";
    let case = Case::new().rulefile(text).run(&["--cache", &cache]).remove("a");
    let case = case.run(&["--cache", &cache]).ran(&["a a"]).edit("Rulefile", "    cache: False\n", "");
    let case = case.remove("a").run(&["--cache", &cache]).ran(&["a a"]).remove("a");
    let case = case.run(&["--cache", &cache, "--force"]).ran(&["a a"]).remove("a");
    case.run(&["--cache", &cache]).ran(&[]).remove("a").run(&["--cache", &cache, "--no-cache"]).ran(&["a a"]);
}

#[test]
fn a_damaged_object_is_a_miss_and_is_repaired() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    output: 'a'\n    shell: 'seq 100000 > {output}'\n";
    for link in ["copy", "hardlink", "auto"] {
        let args = ["--cache", &cache, "--cache-link", link];
        let case = Case::new().rulefile(text).run(&args);
        let expected = case.read("a");
        let case = case.remove("a");
        for object in objects(&cache) {
            let mut bytes = fs::read(&object).unwrap();
            bytes[0] ^= 1;
            fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&object, bytes).unwrap();
        }
        let case = case.run(&args).ran(&["a a"]).warned("damaged");
        let case = case.has("a", &expected).remove("a").run(&args).ran(&[]).restored(&["a a"]);
        case.has("a", &expected);
        fs::remove_dir_all(&cache).unwrap();
    }
}

/// Promise: a large object that is linked is read once, and not each time that a folder with its other name was removed; who
/// writes into it is found out all the same, whatever time he gives it.
#[test]
fn a_linked_object_is_believed_while_nobody_writes_into_it() {
    let (_dir, cache) = cache();
    let args = ["--cache", &cache, "--cache-link", "hardlink"];
    let text = "rule a:\n    output: 'a'\n    shell: 'seq 60000 > {output}'\n";
    let case = Case::new().rulefile(text).run(&args);
    let expected = case.read("a");
    let object = objects(&cache).remove(0);
    // Not to be noticed where nobody reads it; with the time of before, and no name more or less.
    let damage = |keeps_time: bool| {
        let time = filetime::FileTime::from_last_modification_time(&fs::metadata(&object).unwrap());
        fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
        let mut bytes = fs::read(&object).unwrap();
        bytes[7] ^= 1;
        fs::write(&object, bytes).unwrap();
        if keeps_time {
            filetime::set_file_mtime(&object, time).unwrap();
        }
    };
    let note = files(&Path::new(&cache).join("v1/seen")).remove(0);
    let noted = || fs::metadata(&note).unwrap().ino();
    let before = noted();
    let case = case.remove("a").run(&args).ran(&[]).has("a", &expected);
    // One note, after it was linked: none after it was read.
    assert_ne!(noted(), before);
    let other = Case::new().rulefile(text).run(&args).ran(&[]).has("a", &expected);
    let case = case.remove("a");
    drop(other);
    let case = case.run(&args).ran(&[]).has("a", &expected);
    for keeps_time in [false, true] {
        let held = Case::new().rulefile(text).run(&args).ran(&[]).has("a", &expected);
        damage(keeps_time);
        let other = Case::new().rulefile(text).run(&args).ran(&["a a"]).warned("damaged").has("a", &expected);
        Case::new().rulefile(text).run(&args).ran(&[]).has("a", &expected);
        drop((held, other));
    }
    drop(case);
}

/// A file that shares its bytes with the cache may not be written to, and making it again does not change the cache.
#[test]
fn a_linked_file_is_read_only_and_the_next_result_does_not_go_through_it() {
    let (_dir, cache) = cache();
    let args = ["--cache", &cache, "--cache-link", "hardlink"];
    let text = "rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cat {input} > {output}'\n";
    let case = Case::new().rulefile(text).file("in", "1\n").run(&args);
    let meta = fs::metadata(case.path("a")).unwrap();
    assert!(meta.nlink() == 2 && meta.permissions().readonly(), "{meta:?}");
    let case = case.run(&args).up_to_date(1);
    let case = case.file("in", "2\n").run(&args).ran(&["a a"]).has("a", "2\n");
    let case = case.file("in", "1\n").run(&args).ran(&[]).has("a", "1\n");
    // Whoever writes all the same is found out, and that is why it is made again.
    fs::set_permissions(case.path("a"), fs::Permissions::from_mode(0o644)).unwrap();
    let case = case.file("a", "edited\n").run(&args).ran(&["a a"]).warned("kept").has("a", "1\n");
    let reasons = format!("{}", case.last());
    assert!(reasons.contains("output-modified") && !reasons.contains("output-missing"), "{reasons}");
    let saved = files(&case.path(".rulemake/saved"));
    assert!(saved.iter().any(|path| fs::read_to_string(path).unwrap() == "edited\n"), "{saved:?}");
}

#[test]
fn a_cache_that_cannot_be_used_is_told_and_fails_no_job() {
    let text = "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n";
    let case = Case::new().rulefile(text).file("no-directory", "");
    let case = case.run(&["--cache", "no-directory"]).ran(&["a a"]).warned("/no-directory takes no results");
    case.has("a", "1\n").run(&["--cache", "no-directory"]).up_to_date(1);
}

#[test]
fn the_settings_of_a_project_name_its_cache() {
    let text = "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n";
    let case = Case::new().rulefile(text).file("rulemake.toml", "[cache]\ndir = 'kept'\nlink = 'copy'\n");
    let case = case.run(&[]).remove("a").run(&[]).ran(&[]).restored(&["a a"]);
    assert!(case.path("kept/CACHEDIR.TAG").exists());
    let case = case.file("rulemake.toml", "[cache]\nplace = 'kept'\n");
    case.call_with_code(&[], 2).stderr_has("`place`");
    let (_dir, cache) = cache();
    let case = Case::new().rulefile(text).env("RULEMAKE_CACHE", &cache).run(&[]).remove("a");
    case.run(&[]).ran(&[]).restored(&["a a"]);
}

/// What only the existence of an input counts for is not what the result is kept under.
#[test]
fn an_ancient_input_with_other_content_is_another_result() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    input: ancient('in')\n    output: 'a'\n    shell: 'cat {input} > {output}'\n";
    Case::new().rulefile(text).file("in", "1\n").run(&["--cache", &cache]);
    let other = Case::new().rulefile(text).file("in", "2\n").run(&["--cache", &cache]).ran(&["a a"]);
    other.has("a", "2\n").file("in", "1\n").run(&["--cache", &cache]).up_to_date(1);
}

#[test]
fn flags_of_outputs_hold_for_what_is_restored() {
    let (_dir, cache) = cache();
    let text = "\
rule all:
    input: 'after', 'guarded', 'full'
rule mark:
    input: 'in'
    output: touch('done')
    shell: 'true'
rule after:
    input: 'done'
    output: 'after'
    shell: 'echo after > {output}'
rule guarded:
    output: protected('guarded')
    shell: 'echo guarded > {output}'
rule full:
    output: ensure('full', non_empty=True)
    shell: 'echo full > {output}'
rule changing:
    output: update('journal')
    shell: 'echo line >> {output}'
";
    let fresh = || Case::new().rulefile(text).file("in", "1\n");
    fresh().run(&["--cache", &cache]);
    let other = fresh().run(&["--cache", &cache]).ran(&[]);
    let other = other.restored(&["mark done", "after after", "guarded guarded", "full full"]);
    assert!(fs::metadata(other.path("guarded")).unwrap().permissions().readonly());
    let other = other.run(&["--cache", &cache]).up_to_date(4);
    let other = other.file("in", "2\n").run(&["--cache", &cache, "after"]).ran(&["mark done", "after after"]);
    // What a job changes in place follows from what was there: never from a cache.
    let other = other.run(&["--cache", &cache, "journal"]).ran(&["changing journal"]).remove("journal");
    other.run(&["--cache", &cache, "journal"]).ran(&["changing journal"]);
}

#[test]
fn room_is_made_only_when_that_is_asked_for_and_in_the_order_of_use() {
    let (_dir, cache) = cache();
    let text =
        "rule a:\n    output: 'a'\n    params: n=config['n']\n    shell: 'seq {params.n} 20000 > {output}'\n";
    let mut case = Case::new().rulefile(text);
    for n in 1..=3 {
        case = case.run(&["--cache", &cache, "--config", &format!("n={n}")]).ran(&["a a"]);
        // The first is the one that was of no use for longest.
        for entry in files(&Path::new(&cache).join("v1/ac")) {
            let old = filetime::FileTime::from_last_modification_time(&fs::metadata(&entry).unwrap());
            let older = filetime::FileTime::from_unix_time(old.unix_seconds() - 86_400, 0);
            filetime::set_file_mtime(&entry, older).unwrap();
        }
    }
    let case = case.call(&["cache", "--cache", &cache]).stdout_has("results    3").stdout_has("  a  ");
    let case = case
        .call(&["cache", "gc", "--cache", &cache, "--max-age", "36h", "--min-age", "0s"])
        .stderr_has("would remove 2 results");
    let case = case.call(&["cache", "--cache", &cache]).stdout_has("results    3");
    let gc = |case: Case, limits: &[&str]| {
        let args = ["cache", "gc", "--cache", &cache, "--min-age", "0s", "--yes"];
        case.call(&[&args[..], limits].concat())
    };
    let case = gc(case, &["--max-age", "36h", "--keep-last", "2"]).stderr_has("removed 1 result ");
    let run = |case: Case, n: &str| case.run(&["--cache", &cache, "--config", n, "--no-cache"]);
    let case = run(case, "n=9").remove("a").run(&["--cache", &cache, "--config", "n=2"]).ran(&[]);
    let case = case.run(&["--cache", &cache, "--config", "n=1"]).ran(&["a a"]);
    let case = gc(case, &["--max-size", "0"]).stderr_has("0 stay");
    let case = case.call(&["cache", "--cache", &cache]).stdout_has("results    0");
    let case = case.call_with_code(&["cache", "info"], 2).stderr_has("there is no cache");
    case.call_with_code(&["cache", "gc", "--cache", &cache, "--max-age", "5"], 2).stderr_has("12h");
}

/// What others may still be at stays, and with it the results that need it: an entry takes no room worth a result.
#[test]
fn what_is_too_young_to_go_stays_as_a_whole_and_is_told() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    output: 'a'\n    shell: 'seq 20000 > {output}'\n";
    let case = Case::new().rulefile(text).run(&["--cache", &cache]);
    let leftover = Path::new(&cache).join("v1/tmp/1-dead-0");
    fs::write(&leftover, "half").unwrap();
    let gc = ["cache", "gc", "--cache", &cache, "--max-size", "0", "--yes"];
    let case = case.call(&gc).stderr_has("nothing to remove; 1 result stays");
    let case = case
        .stderr_has("1 object and 1 unfinished file (")
        .stderr_has("are younger than an hour and go later");
    assert!(leftover.exists());
    let case = case.remove("a").run(&["--cache", &cache]).ran(&[]).restored(&["a a"]);
    let case = case.call(&[&gc[..], &["--min-age", "0s"]].concat());
    let case = case.stderr_has("removed 1 result and 1 object").stderr_has("1 leftover of broken-off writes");
    assert!(!leftover.exists() && objects(&cache).is_empty());
    assert!(!case.last().stderr.contains("later"), "{}", case.last());
    case.remove("a").run(&["--cache", &cache]).ran(&["a a"]);
}

#[test]
fn the_place_of_the_cache_is_shown_as_people_write_it() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'echo > a'\n").file("below/x", "");
    let case = case.call(&["cache", "--cache", "below/../kept"]).stdout_has("/kept\n");
    case.stdout_lacks("..");
}

#[test]
fn verify_finds_each_changed_bit() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    output: 'small', 'large'\n    shell: 'echo > small; seq 3000 > large'\n";
    let case = Case::new().rulefile(text).run(&["--cache", &cache]);
    let mut case = case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right: 2 objects");
    let entry = files(&Path::new(&cache).join("v1/ac")).remove(0);
    for (file, found) in [(entry, "1 result"), (objects(&cache).remove(0), "damaged: blake3:")] {
        let mut bytes = fs::read(&file).unwrap();
        // What is small stands at the end of its entry.
        *bytes.last_mut().unwrap() ^= 0x80;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&file, bytes).unwrap();
        case = case.call_with_code(&["cache", "verify", "--cache", &cache], 1);
        let said = format!("{}{}", case.last().stdout, case.last().stderr);
        assert!(said.contains(found), "{said}");
        case = case.call(&["cache", "verify", "--cache", &cache, "--yes"]).stderr_has("removed");
        case = case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right");
        case = case.run(&["--cache", &cache, "--force-all"]);
    }
}

/// Results of small files are one file each in the cache, and nothing else: that is what makes keeping them cheap.
#[test]
fn small_files_stand_in_their_entries_and_come_back_as_files_of_their_own() {
    let text = "rule a:\n    output: 'a', 'program', 'none'\n    log: 'a.log'\n    \
                shell: 'echo 1 > a; echo \"#!/bin/sh\" > program; chmod +x program; touch none; echo said; echo x > {log}'\n";
    for link in ["auto", "copy", "reflink"] {
        let (_dir, cache) = cache();
        let args = ["--cache", &cache, "--cache-link", link];
        let case = Case::new().rulefile(text).run(&args);
        assert_eq!((objects(&cache).len(), files(&Path::new(&cache).join("v1/ac")).len()), (0, 1));
        let case = case.call(&["cache", "--cache", &cache]).stdout_has("objects    5, ");
        let other = Case::new().rulefile(text).run(&args).ran(&[]).restored(&["a a"]).has("a.log", "x\n");
        let other = other.has("a", "1\n").has("none", "").call(&["log", "a"]).stdout_has("said\n");
        let mode = |path: &str| fs::metadata(other.path(path)).unwrap().permissions().mode();
        assert!(mode("program") & 0o111 == 0o111 && mode("a") & 0o133 == 0, "{:o}", mode("a"));
        let other = other.file("a", "edited\n").run(&args).ran(&[]).has("a", "1\n");
        // It goes with its entry, and only when it is old enough, as any other.
        let gc = ["cache", "gc", "--cache", &cache, "--max-size", "0", "--yes"];
        let other = other.call(&gc).stderr_has("nothing to remove").stderr_has("5 objects (");
        let other = other.call(&[&gc[..], &["--min-age", "0s"]].concat());
        other.stderr_has("removed 1 result and 5 objects").remove("a").run(&args).ran(&["a a"]);
        drop(case);
    }
    // Who wants links gets them of all.
    let (_dir, cache) = cache();
    let args = ["--cache", &cache, "--cache-link", "hardlink"];
    let case = Case::new().rulefile(text).run(&args);
    assert!(!objects(&cache).is_empty() && fs::metadata(case.path("a")).unwrap().nlink() == 2);
    // And what stands in an entry that another one wrote is a file all the same.
    let (_dir, cache) = self::cache();
    Case::new().rulefile(text).run(&["--cache", &cache]);
    let other = Case::new().rulefile(text).run(&["--cache", &cache, "--cache-link", "hardlink"]).ran(&[]);
    other.has("a", "1\n").has("none", "");
}

/// Promise of entries that are written in their places: the beginning of one is a miss and no trouble, for whoever finds it, and
/// whoever makes the result completes it. Nobody takes it away from who may be at writing it.
#[test]
fn the_beginning_of_an_entry_is_a_miss_that_the_next_result_replaces() {
    let (_dir, cache) = cache();
    let args = ["--cache", &cache];
    let text = "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}; echo said'\n";
    let mut case = Case::new().rulefile(text).run(&args);
    let entry = files(&Path::new(&cache).join("v1/ac")).remove(0);
    let whole = fs::read(&entry).unwrap();
    for length in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        fs::write(&entry, &whole[..length]).unwrap();
        case = case.remove("a").call_with_code(&[&["pull"], &args[..]].concat(), 1);
        assert_eq!(fs::read(&entry).unwrap().len(), length, "it is left alone");
        case = case.call(&["cache", "gc", "--cache", &cache, "--yes"]);
        assert!(entry.exists(), "it is young");
        case = case.run(&args).ran(&["a a"]).has("a", "1\n");
        assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
        case = case.remove("a").run(&args).ran(&[]).has("a", "1\n");
    }
    fs::write(&entry, &whole[..9]).unwrap();
    case.call(&["cache", "gc", "--cache", &cache, "--yes", "--min-age", "0s"]).stderr_has("removed 1 result");
    assert!(!entry.exists());
}

/// What others may put into a directory that is shared: nothing is waited for, and what should be there is made again.
#[test]
fn a_pipe_in_the_place_of_a_file_of_the_cache_is_a_miss_and_no_hang() {
    let text =
        "rule a:\n    output: 'a', directory('d')\n    shell: 'seq 60000 > a; mkdir d; echo y > d/y'\n";
    let pipes_for = |dir: PathBuf| {
        let files = files(&dir);
        assert!(!files.is_empty(), "nothing in {}", dir.display());
        for file in files {
            fs::remove_file(&file).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        }
    };
    let made: String = (1..=60000).map(|n| format!("{n}\n")).collect();
    for (part, is_shared, runs) in [
        ("ac", false, true),
        ("seen", false, false),
        ("cas", false, true),
        ("ac", true, true),
        ("cas", true, true),
    ] {
        let dir = TempDir::new().unwrap();
        let [own, shared] = ["own", "shared"].map(|name| dir.path().join(name).display().to_string());
        support::make_shared(&shared);
        let args: &[&str] = match is_shared {
            true => &["--cache", &own, "--cache-shared", &shared, "--cache-push"],
            false => &["--cache", &own],
        };
        let case = Case::new().rulefile(text).run(args).remove("a").remove("d");
        if is_shared {
            fs::remove_dir_all(&own).unwrap();
        }
        pipes_for(Path::new(if is_shared { &shared } else { &own }).join("v1").join(part));
        let ran = case.start(args).end();
        assert_eq!(ran.code, Some(0), "{part} {is_shared}\n{ran}");
        assert_eq!(ran.jobs("job-finished", |_| true).len(), usize::from(runs), "{part} {is_shared}\n{ran}");
        let case = case.has("a", &made).has("d/y", "y\n");
        // The result has taken its place again.
        let case = case.remove("a").remove("d");
        if is_shared {
            fs::remove_dir_all(&own).unwrap();
        }
        let case = case.run(args).ran(&[]).has("a", &made).has("d/y", "y\n");
        if !is_shared {
            pipes_for(Path::new(&own).join("v1/ac"));
            pipes_for(Path::new(&own).join("v1/cas"));
            for command in [&["cache", "verify"][..], &["cache", "verify", "--yes"], &["cache", "info"]] {
                case.start(&[command, args].concat()).end();
            }
            assert_eq!(files(&Path::new(&own).join("v1/ac")).len() + objects(&own).len(), 0);
        }
    }
}

/// Entries and objects with a bit flipped in each of their bytes: a miss, or the same result; never another one.
#[test]
fn a_flipped_bit_anywhere_gives_no_wrong_result() {
    let (_dir, cache) = cache();
    let text = "rule a:\n    input: 'in'\n    output: 'a', 'large', directory('d')\n    \
                shell: 'echo x > a; seq 3000 > large; mkdir d; echo y > d/y'\n";
    let args = ["--cache", &cache];
    let large: String = (1..=3000).map(|n| format!("{n}\n")).collect();
    let is_right = |case: Case| case.has("a", "x\n").has("large", &large).has("d/y", "y\n");
    let mut case = Case::in_memory().rulefile(text).file("in", "1\n").run(&args);
    let all = files(&Path::new(&cache).join("v1"));
    assert!(all.len() >= 4, "{all:?}");
    for file in all {
        let good = fs::read(&file).unwrap();
        // Each of a few: an entry is some hundred bytes.
        for at in (0..good.len()).step_by(1 + good.len() / 12) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::remove_file(&file).unwrap();
            fs::write(&file, &bad).unwrap();
            case = is_right(case.remove("a").remove("large").remove("d").run(&args));
            assert_eq!(case.files("d"), ["d/y"]);
            case = is_right(case.remove("a").remove("large").remove("d").run(&args).ran(&[]));
        }
    }
}

/// A small file system for the cache alone: what does not fit is not kept, and everything is made all the same.
#[test]
fn a_cache_on_a_full_disk_costs_no_result() {
    let text = "\
rule all:
    input: expand('big/{i}', i=range(6))
rule big:
    output: 'big/{i}'
    shell: 'head -c 40000 /dev/urandom > {output}'
";
    let case = Case::new().rulefile(text);
    let script = r#"
        mnt=$1 bin=$2
        mount -t tmpfs -o size=100k,nr_inodes=200 tmpfs "$mnt" || exit 77
        for i in 1 2 3; do
            "$bin" --json --cache "$mnt/c" || exit 1
            for n in 0 1 2 3 4 5; do [ "$(wc -c < big/$n)" = 40000 ] || exit 2; done
            rm -rf big
        done
    "#;
    let mnt = TempDir::new().unwrap();
    let mut command = program("unshare");
    command.args(["-Urm", "sh", "-c", script, "sh"]).arg(mnt.path()).arg(env!("CARGO_BIN_EXE_rulemake"));
    let output = command.current_dir(case.root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) || said.is_empty() {
        eprintln!("nothing can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert!(output.status.success(), "{:?}\n{said}", output.status);
    assert!(said.contains("takes no results") && said.contains("job-restored"), "{said}");
}

/// Promise: a cache that may only be read gives what it holds; that it takes nothing new is told once, and no job fails for it.
/// So it is with a place that is shared.
#[test]
fn a_read_only_cache_gives_what_it_holds() {
    let text = "rule all:\n    input: expand('out/{n}', n=range(4)), 'tree'\nrule one:\n    output: 'out/{n}'\n    params: config['n']\n    \
                shell: 'seq {wildcards.n} {params[0]} > {output}'\nrule tree:\n    output: directory('tree')\n    \
                shell: 'mkdir {output}; seq 100000 > {output}/large; echo x > {output}/small'\n";
    let script = r#"
        dir=$1 bin=$2 link=$3; shift 3
        mount --bind "$dir" "$dir" && mount -o remount,ro,bind "$dir" || exit 77
        ! touch "$dir/x" 2> /dev/null || exit 77
        "$bin" --json --cache-link "$link" --config n=60000 "$@" > first || exit 1
        rm -rf out tree
        "$bin" --json --cache-link "$link" --config n=60000 "$@" > second || exit 2
        "$bin" --json --cache-link "$link" --config n=70000 "$@" > third || exit 3
    "#;
    for (link, is_shared) in
        [("auto", false), ("hardlink", false), ("copy", false), ("reflink", false), ("auto", true)]
    {
        let (_dir, cache) = cache();
        support::make_shared(&cache);
        let filling: &[&str] =
            if is_shared { &["--cache-shared", &cache, "--cache-push"] } else { &["--cache", &cache] };
        Case::new().rulefile(text).run(&[filling, &["--config", "n=60000", "--cache-link", link]].concat());
        let case = Case::new().rulefile(text);
        let mut command = program("unshare");
        command
            .args(["-Urm", "sh", "-c", script, "sh", &cache])
            .arg(env!("CARGO_BIN_EXE_rulemake"))
            .arg(link);
        let output = command.args(filling).current_dir(case.root()).output().unwrap();
        if output.status.code() == Some(77) || !case.path("first").exists() {
            eprintln!("nothing can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        assert!(
            output.status.success(),
            "{link}: {:?}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        for run in ["first", "second"] {
            let said = case.read(run);
            assert!(
                !said.contains("job-started") && said.contains("job-restored"),
                "{link} {is_shared}: {said}"
            );
        }
        let said = case.read("third");
        assert_eq!(said.matches("job-started").count(), 4, "{link} {is_shared}: {said}");
        let warnings = said.matches("\"event\":\"warning\"").count();
        assert_eq!(warnings, 1, "{link} {is_shared}: {said}");
        let told = if is_shared { "what is in it is restored all the same" } else { "takes no results" };
        assert!(said.contains(told), "{link} {is_shared}: {said}");
        for n in 0..4 {
            let expected: String = (n..=70000).map(|n| format!("{n}\n")).collect();
            assert!(case.read(&format!("out/{n}")) == expected, "{link} {is_shared} {n}");
        }
        assert_eq!(case.read("tree/small"), "x\n");
    }
}

#[test]
fn a_cache_that_takes_nothing_is_told_once() {
    let text =
        "rule all:\n    input: 'a', 'b'\nrule one:\n    output: '{n}'\n    shell: 'echo 1 > {output}'\n";
    let case = Case::new().rulefile(text).run(&["--cache", "/proc/no-cache"]).ran(&["one a", "one b"]);
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
}

/// Processes that keep and restore the same results at the same time meet whole files only.
#[test]
fn several_projects_use_one_cache_at_the_same_time() {
    let (_dir, cache) = cache();
    let text = "\
rule all:
    input: expand('out/{i}', i=range(40)), 'tree'
rule one:
    output: 'out/{i}'
    shell: 'seq {wildcards.i} 3000 > {output}'
rule tree:
    output: directory('tree')
    shell: 'mkdir {output}; for i in $(seq 30); do seq $i > {output}/$i; done'
";
    for link in ["auto", "hardlink"] {
        let cases: Vec<Case> = (0..4).map(|_| Case::new().rulefile(text)).collect();
        let args = ["--cache", &cache, "--cache-link", link, "-j2"];
        let running: Vec<_> = cases.iter().map(|case| case.start(&args)).collect();
        for running in running {
            let ran = running.end();
            assert_eq!(ran.code, Some(0), "{ran}");
            assert_eq!(ran.of("warning").count(), 0, "{ran}");
        }
        for case in cases {
            for i in 0..40 {
                let expected: String = (i..=3000).map(|n| format!("{n}\n")).collect();
                assert_eq!(case.read(&format!("out/{i}")), expected);
            }
            assert_eq!(case.files("tree").len(), 30);
        }
        let case = Case::new().rulefile(text).run(&args).ran(&[]);
        case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right");
    }
}

/// Promise: what the cache has put in its place is made, not protected: `clean` takes it, and keeps what the rule protects. Who may
/// not write to an input because of that is told the way out.
#[test]
fn linked_outputs_are_cleaned_and_a_copy_of_one_is_explained() {
    let text = "rule all:\n    input: 'a', 'b', 'c'\n\
                rule a:\n    output: 'a'\n    shell: 'seq 3000 > a'\n\
                rule b:\n    output: protected('b')\n    shell: 'seq 4000 > b'\n\
                rule c:\n    input: 'a'\n    output: 'c'\n    \
                    shell: \"cp a c; if [ -w c ]; then echo x >> c; else echo 'c: Permission denied'; exit 1; fi\"\n";
    let (_dir, cache) = cache();
    let args = ["--cache", &cache, "--cache-link", "hardlink"];
    let case = Case::new().rulefile(text).file("probe", "");
    fs::set_permissions(case.path("probe"), fs::Permissions::from_mode(0o444)).unwrap();
    // Who may write everything, as root may, is not told otherwise by `-w`, and then there is nothing to explain.
    let may_write = fs::File::options().append(true).open(case.path("probe")).is_ok();
    let failed = case.run_with_code(&[&args[..], &["-k"]].concat(), if may_write { 0 } else { 1 });
    let failed = if may_write {
        failed
    } else {
        failed.failed(&["c c"]).stderr_has("c: Permission denied").stderr_has("--cache-link copy")
    };
    let cleaned = failed.call(&["clean", "--yes"]);
    assert!(!cleaned.path("a").exists() && cleaned.path("b").exists(), "{}", cleaned.last());
}

/// Promise: a project that is built already comes into a cache as it is, with nothing run, and no file is believed: what is kept is
/// what is on record.
#[test]
fn what_is_built_already_is_added() {
    let (_dir, cache) = cache();
    let rules = format!(
        "{CHAIN}rule large:\n    output: 'large', directory('d')\n    log: 'l.log'\n    shell: 'echo said; echo log > {{log}}; seq 60000 > {{output[0]}}; mkdir {{output[1]}}; echo x > d/x'\n"
    );
    let rules = rules.replace("'out/b.txt'", "'out/b.txt', 'large'");
    let fresh =
        || Case::new().rulefile(&rules).file("in/a.txt", "a\n").file("in/b.txt", "b\n").file("ran", "");
    let built = fresh().run(&[]);
    let built = built.append("out/b.txt", "edited\n");
    let add = ["cache", "add", "--cache", &cache];
    let built = built
        .call(&add)
        .stderr_has("4 results added to the cache; 1 is not up to date or not for the cache\n");
    let built = built.call(&add).stderr_has("0 results added to the cache, 4 were in it; 1 is not");
    let ran = built.read("ran");
    let other = fresh().run(&["--cache", &cache]).ran(&["mid mid/b.txt", "out out/b.txt"]);
    let other = other.has("large", &built.read("large")).has("d/x", "x\n").has("l.log", "log\n");
    other.call(&["log", "large"]).stdout_has("said").stdout_has("restored");
    let built = built.has("ran", &ran).run(&[]).ran(&["mid mid/b.txt", "out out/b.txt"]);
    // With the cache on `accept` keeps what it takes, too, but never over what the job itself made.
    let genuine = built.read("out/a.txt");
    let built = built.append("out/a.txt", "mine\n").call(&["accept", "out/a.txt", "--cache", &cache]);
    let built = built.call(&add).stderr_has("out out/a.txt: it was accepted as it is, and not made");
    fresh().run(&["--cache", &cache]).ran(&[]).has("out/a.txt", &genuine);
    let (_dir, empty) = self::cache();
    let other =
        fresh().run(&[]).append("out/a.txt", "mine\n").call(&["accept", "out/a.txt", "--cache", &empty]);
    fresh()
        .run(&["out/a.txt", "--cache", &empty])
        .ran(&["mid mid/a.txt"])
        .has("out/a.txt", &other.read("out/a.txt"));
    built.call_with_code(&["cache", "info", "out/a.txt", "--cache", &cache], 2).stderr_has("targets are for");
    let ancient = "rule a:\n    input: ancient('in')\n    output: 'a'\n    shell: 'cat {input} > {output}'\n";
    let ancient = Case::new().rulefile(ancient).file("in", "1\n").run(&[]).file("in", "2\n");
    ancient.call_with_code(&add, 7).stderr_has("ancient").stderr_has("0 results added");
}

/// A file that is not what is on record, though it looks so, is not kept.
#[test]
fn what_only_looks_as_it_was_is_not_added() {
    let (_dir, cache) = cache();
    let text =
        "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}; sleep 0.1; touch -d 2020-01-01 {output}'\n";
    let case = Case::new().rulefile(text).run(&[]);
    let path = case.path("a");
    let meta = fs::metadata(&path).unwrap();
    fs::write(&path, "2\n").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(meta.modified().unwrap()).unwrap();
    let case = case.call(&["cache", "add", "--cache", &cache]);
    case.stderr_has("0 results added").remove("a").run(&["--cache", &cache]).ran(&["a a"]);
}

/// What a result brings along beside its outputs is known by its name, and goes with them.
#[test]
fn restored_logs_and_benchmarks_are_known() {
    let (_dir, cache) = cache();
    let text = "\
rule a:
    output: 'a'
    log: 'logs/a.log'
    benchmark: 'bench/a.tsv'
    shell: 'echo said; echo logged > {log}; echo > {output}'
";
    let case =
        Case::new().rulefile(text).run(&["--cache", &cache]).call(&["log", "logs/a.log"]).stdout_has("said");
    let case = case.remove("a").remove("logs").remove("bench").run(&["--cache", &cache]).ran(&[]);
    let case = case.call(&["log", "logs/a.log"]).stdout_has("said").stdout_has("restored");
    let case = case.call(&["log", "bench/a.tsv"]).stdout_has("said");
    let case =
        case.call(&["clean"]).stdout_has("a\nbench/a.tsv\nlogs/a.log\n").stderr_has("would remove 3 files");
    // What stays keeps its log.
    let case = case.append("a", "mine\n").call(&["clean", "--yes"]).stderr_has("nothing to remove; 1 kept");
    let case = case.file("a", "\n").call(&["clean", "--yes", "a"]).stderr_has("removed 3 files");
    case.has_not("a").has_not("logs").has_not("bench").call_with_code(&["log", "other.log"], 4);
}

/// Paths in settings have seen no shell: what is meant is done, and what is not understood is said.
#[test]
fn variables_in_the_path_of_a_cache_are_understood() {
    let text = "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n";
    let home = TempDir::new().unwrap();
    let case = Case::new().rulefile(text).env("HOME", &home.path().display().to_string()).env("MINE", "x");
    let settings = |dir: &str| format!("[cache]\ndir = '{dir}'\n");
    let case = case.file("rulemake.toml", &settings("$HOME/one")).run(&[]).remove("a");
    let case = case.file("rulemake.toml", &settings("~/two/${MINE}y")).run(&[]).ran(&["a a"]);
    assert!(home.path().join("one/v1").is_dir() && home.path().join("two/xy/v1").is_dir());
    for (dir, told) in
        [("$NOT_SET/x", "NOT_SET is not set"), ("~other/x", "other users"), ("$/x", "no variable follows")]
    {
        let path = format!("--cache={dir}");
        let output = Case::new().rulefile(text).command(&[&path]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(2) && said.contains(told) && said.contains("help:"),
            "{dir}: {said}"
        );
    }
    assert!(!case.path("$HOME").exists());
}

/// What runs leave by themselves is found without naming it.
#[test]
fn the_cache_beside_a_shared_place_is_found() {
    let (_dir, shared) = cache();
    support::make_shared(&shared);
    let case = chain().call_with_code(&["cache"], 2).stderr_has("there is no cache");
    let case = case.run(&["--cache-shared", &shared]).call(&["cache"]).stdout_has("results    4");
    case.call_with_code(&["cache", "add"], 2).stderr_has("there is no cache");
}

const TREE: &str = "\
rule all:
    input: 'big', 'tree'
rule big:
    output: 'big'
    shell: 'seq 60000 > {output}'
rule tree:
    output: directory('tree')
    shell: 'mkdir {output}; for n in 1 2 3 4 5 6; do seq $n 3000 > {output}/$n; done'
";

/// Writes into each of the objects, as a bad disk does: their sizes stay.
fn damage(objects: &[PathBuf]) {
    assert!(objects.len() > 6, "{objects:?}");
    for object in objects {
        let mut bytes = fs::read(object).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(object).unwrap();
        fs::write(object, bytes).unwrap();
    }
}

/// Promise: who makes a result anew mends all of it in the cache at once, also where nobody had found out yet what is damaged.
#[test]
fn a_result_that_is_made_again_mends_all_that_is_damaged_of_it() {
    for again in [&["--force-all"][..], &[]] {
        let (_dir, cache) = cache();
        let args = ["--cache", &cache, "--cache-link", "copy"];
        let case = Case::new().rulefile(TREE).run(&args);
        damage(&objects(&cache));
        let case = if again.is_empty() { case.remove("tree").remove("big") } else { case };
        let case = case.run(&[&args, again].concat()).ran(&["big big", "tree tree"]);
        let case = case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right");
        let case = case.remove("tree").remove("big").run(&args).ran(&[]);
        assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
    }
}

/// Promise: where a result cannot be put back, nothing that the attempt left is taken for somebody's work.
#[test]
fn what_a_failed_restore_left_is_nobodys_work() {
    let rule = "rule d:\n    output: directory('d'), 'd/x'\n    params: p=config.get('p', 1)\n    \
                shell: 'mkdir -p d; echo {params.p} > d/x; for n in 1 2 3 4 5 6 7; do seq {params.p}$n 3000 > d/$n; done'\n";
    let (_dir, cache) = cache();
    let with = |p: &'static str| ["--cache", &cache, "--cache-link", "copy", "--config", p].map(String::from);
    let case = Case::new().rulefile(rule);
    let run = |case: Case, p| case.run(&with(p).iter().map(String::as_str).collect::<Vec<_>>());
    let case = run(run(case, "p=1"), "p=2");
    let large = objects(&cache).into_iter().filter(|object| fs::metadata(object).unwrap().len() > 1000);
    damage(&large.collect::<Vec<_>>());
    let case = run(case, "p=1").ran(&["d d"]).warned("was damaged in the cache");
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    assert_eq!(case.read("d/x"), "1\n");
    assert!(!case.path(".rulemake/saved").exists());
}

/// Promise: what is damaged in the own cache comes anew from the shared one, and the job does not run.
#[test]
fn what_is_damaged_here_comes_from_the_shared_place() {
    let (dir, cache) = cache();
    let shared = dir.path().join("shared").display().to_string();
    support::make_shared(&shared);
    let args = ["--cache", &cache, "--cache-link", "copy", "--cache-shared", &shared];
    let case = Case::new().rulefile(TREE).run(&[&args[..], &["--cache-push"]].concat());
    damage(&objects(&cache));
    let case = case.remove("tree").remove("big").run(&args).ran(&[]).restored(&["big big", "tree tree"]);
    let case = case.warned("came anew from the shared cache");
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    assert!(case.read("tree/6").ends_with("2999\n3000\n"));
    case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right");
}

/// Promise: an entry that is damaged is a miss that is told, once, and the result that follows takes its place.
#[test]
fn a_damaged_entry_is_told_and_replaced() {
    let (_dir, cache) = cache();
    let args = ["--cache", &cache];
    let case = chain().run(&args);
    for entry in files(&Path::new(&cache).join("v1/ac")) {
        let mut bytes = fs::read(&entry).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&entry, bytes).unwrap();
    }
    let case = case.remove("out").run(&args).warned("is damaged and counts as if it were not there");
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    let case = case.remove("out").run(&args).ran(&[]);
    assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
    // The beginning of one may be somebody's who is at writing it; after a while it is not.
    for (age, is_told) in [(0, false), (120, true)] {
        for entry in files(&Path::new(&cache).join("v1/ac")) {
            let bytes = fs::read(&entry).unwrap();
            fs::write(&entry, &bytes[..bytes.len() / 2]).unwrap();
            let time = filetime::FileTime::from_unix_time(filetime::FileTime::now().unix_seconds() - age, 0);
            filetime::set_file_mtime(&entry, time).unwrap();
        }
        let told = chain().run(&args);
        assert_eq!(told.last().of("warning").count(), usize::from(is_told), "{age}: {}", told.last());
    }
}

/// Runs it with a limit for files: the system ends a process at the byte that is beyond.
fn killed_at_a_large_file(case: &Case, args: &[&str]) {
    let script = "ulimit -c 0; ulimit -f 4000; exec \"$0\" \"$@\"";
    let mut command = program("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_rulemake")]).args(args).current_dir(case.root());
    let ended = command.output().unwrap();
    assert_eq!(ended.status.signal(), Some(25), "SIGXFSZ: {}", String::from_utf8_lossy(&ended.stderr));
}

/// Promise: who is killed while a large file comes out leaves no half of it in its place, and none is kept as somebody's.
#[test]
fn a_kill_in_the_middle_of_a_copy_leaves_nothing_in_its_place() {
    let (_dir, cache) = cache();
    let rules = "rule big:\n    output: 'out/big'\n    shell: 'head -c 9000000 /dev/zero > {output}'\n";
    let args = ["--cache", &cache, "--cache-link", "copy"];
    let case = Case::new().rulefile(rules).run(&args).remove("out/big");
    killed_at_a_large_file(&case, &args);
    assert!(!case.path("out/big").exists(), "half of a file is in its place");
    let case = case.run(&args).ran(&[]).restored(&["big out/big"]).has_not(".rulemake/saved");
    assert_eq!(fs::metadata(case.path("out/big")).unwrap().len(), 9_000_000);
    assert!(files(&case.path(".rulemake/restoring")).is_empty());
}

/// Promise: the same of a directory: it is in its place as a whole or not at all, with the group that what is made there has.
#[test]
fn a_kill_while_a_directory_comes_out_leaves_nothing_in_its_place() {
    let (_dir, cache) = cache();
    let rules = "rule d:\n    output: directory('out/d')\n    shell: 'mkdir -p {output}/s; echo a > {output}/a; ln -s a \
                 {output}/l; head -c 9000000 /dev/zero > {output}/s/big'\n";
    let args = ["--cache", &cache, "--cache-link", "copy"];
    let case = Case::new().rulefile(rules).run(&args).remove("out/d");
    fs::set_permissions(case.path("out"), fs::Permissions::from_mode(0o2775)).unwrap();
    killed_at_a_large_file(&case, &args);
    assert!(!files(&case.path(".rulemake/restoring")).is_empty(), "it was not at it");
    assert!(!case.path("out/d").exists(), "half of a directory is in its place");
    let case = case.run(&args).ran(&[]).restored(&["d out/d"]).has_not(".rulemake/saved");
    assert_eq!(case.files("out/d"), ["out/d/a", "out/d/l", "out/d/s/big"]);
    assert_eq!(fs::metadata(case.path("out/d/s/big")).unwrap().len(), 9_000_000);
    assert!(fs::read_dir(case.path(".rulemake/restoring")).unwrap().next().is_none());
    for made in ["out/d", "out/d/s"] {
        let mode = fs::metadata(case.path(made)).unwrap().permissions().mode();
        assert_eq!(mode & 0o2000, 0o2000, "{made} {mode:o}");
    }
    let case = case.run(&args).up_to_date(1);
    // What somebody made of it is kept, as ever.
    case.edit("out/d/a", "a", "edited").run(&args).restored(&["d out/d"]).has("out/d/a", "a\n");
}

/// Promise: `rulemake cache init` turns no directory with other things into a cache, and a cache in such a one marks only its
/// own part for backups and git.
#[test]
fn a_directory_with_other_things_is_no_cache() {
    let case =
        chain().call_with_code(&["cache", "init", "."], 2).stderr_has("it holds other things, such as");
    let case = case.stderr_has("rulemake cache init ").has_not("CACHEDIR.TAG").has_not("v1");
    let case = case.run(&["--cache", "."]).has_not("CACHEDIR.TAG").has("v1/.gitignore", "*\n");
    assert!(case.path("v1/CACHEDIR.TAG").exists());
    let case = case.call(&["cache", "init", "own"]).has("own/.gitignore", "*\n");
    assert!(case.path("own/CACHEDIR.TAG").exists());
    case.call(&["cache", "init", "own"]).stderr_has("own is there");
}

/// Promise: a cache that is none is told as such.
#[test]
fn a_file_is_no_cache_and_what_is_not_there_is_said_not_to_be() {
    let case = chain().file("x", "").call_with_code(&["cache", "--cache", "x"], 7);
    let case = case.stderr_has("x is a file, not a directory");
    case.call(&["cache", "--cache", "nowhere"]).stdout_has("nowhere\n           does not exist yet\n");
    let case = chain().file("rulemake.toml", "[cache]\ndir = 5\n").call_with_code(&["cache"], 2);
    case.stderr_has("`dir` in the table [cache]").stderr_has("has to be a text");
    let case = chain().run(&["--cache", "kept"]);
    let case = case.call(&["cache", "gc", "-n", "--max-size", "1k", "--cache", "kept"]);
    case.call(&["cache", "prune", "--max-size", "10G", "--cache", "kept"]).stderr_has("nothing to remove");
}

/// Promise: what somebody edited and kept is nobody else's: neither `cache add` nor `push` give it to others as what the rule
/// makes, and not by way of who got it by its lock file. By that alone it is had.
#[test]
fn an_edit_is_shared_by_its_lock_file_only() {
    let rules = "rule a:\n    output: 'o'\n    shell: 'echo right > {output}'\nrule b:\n    input: 'o'\n    output: 'p'\n    shell: 'cp {input} {output}'\n";
    let new = || Case::new().rulefile(rules);
    for keep in [&["p", "--keep-edited"][..], &["accept", "o"]] {
        let (dir, own) = cache();
        let shared = dir.path().join("shared").display().to_string();
        support::make_shared(&shared);
        let args = ["--cache", own.as_str(), "--cache-shared", shared.as_str()];
        let case = new().call(&["p"]).file("o", "edited\n").call(keep).call(&["p"]).has("p", "edited\n");
        let case = case.call(&["cache", "add", "p", "--cache", &own]);
        let case = case.call(&[&["push", "p"], &args[..]].concat());
        let case =
            case.stderr_has("a o: it was accepted as it is, and not made: once `rulemake lock` records it");
        new().call(&["p", "--cache", &own]).has("o", "right\n");
        new().call(&["p", "--cache-shared", &shared]).has("o", "right\n");
        let case = case.call(&["lock", "p"]).call(&[&["push", "p"], &args[..]].concat());
        let lock = case.read("Rulefile.lock");
        let second = new().file("Rulefile.lock", &lock).call(&["pull", "p", "--cache-shared", &shared]);
        let second = second.has("o", "edited\n").call(&["push", "p", "--cache-shared", &shared]);
        new().call(&["p", "--cache-shared", &shared]).has("o", "right\n");
        // It is somebody's work wherever it is.
        second.call(&["log", "o"]).stderr_has("accepted as it was");
    }
}

/// Promise: a directory in the place of an object or an entry is nothing, and the next result takes its place.
#[test]
fn a_directory_in_the_place_of_a_file_goes() {
    let (_dir, cache) = cache();
    let args = ["--cache", &cache, "--cache-link", "copy"];
    let case = Case::new().rulefile(TREE).run(&args);
    let spoil = || {
        for file in [objects(&cache), files(&Path::new(&cache).join("v1/ac"))].concat() {
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
        }
    };
    spoil();
    let case = case.remove("big").remove("tree").run(&args).ran(&["big big", "tree tree"]);
    let case = case.remove("big").remove("tree").run(&args).ran(&[]);
    spoil();
    let case = case.call_with_code(&["cache", "verify", "--cache", &cache], 1);
    let case = case.call(&["cache", "verify", "--yes", "--cache", &cache]).stderr_has(" removed; read");
    case.call(&["cache", "verify", "--cache", &cache]).stderr_has("all is right: 0 objects");
}

/// Promise: a password in an address is shown nowhere, and goes nowhere by itself.
#[test]
fn a_password_in_an_address_is_not_told_and_not_archived() {
    let case = chain();
    for bad in
        ["https://me:SEKRET@host/team", "https:/me:SEKRET@host/x", "me:SEKRET@host/x", "http:me:SEKRET@h"]
    {
        for args in [&["cache", "init"][..], &["push"], &[]] {
            let all = [args, &["--cache-shared", bad]].concat();
            let said = case.command(&all).output().unwrap();
            let text =
                format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
            assert!(!text.contains("SEKRET"), "{all:?}: {text}");
            let is_right_address = bad.contains("://") && args != ["cache", "init"];
            assert_eq!(said.status.code() == Some(2), !is_right_address, "{all:?}: {text}");
        }
    }
    let settings = "[cache]\nshared = \"https://me:SEKRET@host/team\"\n";
    let case = case.file("rulemake.toml", settings).call(&["--no-cache"]);
    let case = case.call(&["--no-cache", "archive", "-o", "x.tar.zst"]);
    let case = case.stderr_has("rulemake.toml is left out, for an address in it holds a password");
    let case = case.call(&["unpack", "x.tar.zst", "copy"]).has_not("copy/rulemake.toml");
    let case = case.file("rulemake.toml", "[cache]\nshared = \"https://host/a@b:c\"\n");
    case.call(&["--no-cache", "archive", "-o", "y.tar.zst"])
        .call(&["unpack", "y.tar.zst"])
        .has("y/rulemake.toml", "[cache]\nshared = \"https://host/a@b:c\"\n");
}

/// Promise: what only its owner may read stays so in the cache, and where it comes out, in every way that files come out.
#[test]
fn what_is_private_stays_private() {
    let rules = "rule all:\n    input: 'small', 'large', 'open', 'd', 'f'\n\
                 rule small:\n    output: 'small'\n    shell: 'echo x > {output}; chmod 600 {output}'\n\
                 rule large:\n    output: 'large'\n    shell: 'seq 60000 > {output}; chmod 700 {output}'\n\
                 rule open:\n    output: 'open'\n    shell: 'seq 60001 > {output}; chmod 644 {output}'\n\
                 rule d:\n    output: directory('d')\n    shell: 'mkdir -m 700 {output}; echo x > {output}/x'\n\
                 rule f:\n    output: directory('f')\n    shell: 'mkdir {output}; seq 60002 > {output}/key; chmod 600 \
                 {output}/key; echo x > {output}/run; chmod 700 {output}/run; mkdir {output}/all; mkdir -m 700 {output}/own; echo x > \
                 {output}/own/x'\n";
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for link in ["auto", "reflink", "hardlink", "copy"] {
        let (_dir, cache) = cache();
        let args = ["--cache", &cache, "--cache-link", link];
        let case = Case::new().rulefile(rules).run(&args);
        assert_eq!(mode(Path::new(&cache)), 0o700, "it was not made to be shared");
        let secret = fs::read(case.path("large")).unwrap();
        let kept = [objects(&cache), files(&Path::new(&cache).join("v1/ac"))].concat();
        let is_open = |path: &&PathBuf| mode(path) & 0o077 != 0;
        for path in kept.iter().filter(is_open) {
            let bytes = fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(bytes != secret && !text.contains("\"rule\":\"small\""), "{link}: {}", path.display());
        }
        let case = case.remove("small").remove("large").remove("open").remove("d").remove("f");
        let case = case.run(&args).ran(&[]);
        let wanted = [
            ("small", 0o600),
            ("large", 0o700),
            ("d", 0o700),
            ("f/key", 0o600),
            ("f/run", 0o700),
            ("f/own", 0o700),
        ];
        for (path, wanted) in wanted {
            assert_eq!(mode(&case.path(path)), wanted, "{link} {path}");
        }
        assert_eq!(mode(&case.path("open")) & 0o444, 0o444, "{link}");
        assert_eq!(mode(&case.path("f/all")) & 0o555, 0o555, "{link}");
    }
}

/// What a newer version would have kept of the same: a list with a line of a kind that there is not yet.
fn make_newer(cache: &str) -> PathBuf {
    let cas = Path::new(cache).join("v1/cas");
    let is_list = |path: &PathBuf| fs::read(path).unwrap().starts_with(b"rulemake directory 1\n");
    let list = files(&cas).into_iter().find(is_list).unwrap();
    let hex = |path: &Path| path.strip_prefix(&cas).unwrap().display().to_string().replace('/', "");
    let place = |digest: &str| {
        let hex = digest.strip_prefix("blake3:").unwrap();
        cas.join(&hex[..2]).join(&hex[2..])
    };
    let text = fs::read_to_string(&list).unwrap().replace("\nf- ", "\nfz now ");
    let newer = place(&Digest::of(text.as_bytes()).to_string());
    fs::create_dir_all(newer.parent().unwrap()).unwrap();
    fs::write(&newer, text).unwrap();
    let (old, new) = (hex(&list), hex(&newer));
    for entry in files(&Path::new(cache).join("v1/ac")) {
        let text = fs::read_to_string(&entry).unwrap().replace(&old, &new);
        let (head, body) = text.split_once('\n').unwrap();
        let (words, _) = head.rsplit_once(' ').unwrap();
        fs::write(&entry, format!("{words} {}\n{body}", Digest::of(body.as_bytes()))).unwrap();
    }
    fs::remove_file(&list).unwrap();
    newer
}

/// Promise: what a newer version keeps in a form that this one does not know is no damage. It is made again, without a word, and
/// neither that nor the upkeep takes it away from who can read it.
#[test]
fn what_a_newer_version_keeps_is_passed_over_and_stays() {
    let rule = "rule d:\n    output: directory('d')\n    shell: 'mkdir d; seq 9000 > d/x; seq 90000 > d/y'\n";
    let (_dir, cache) = cache();
    Case::new().rulefile(rule).run(&["--cache", &cache]);
    let newer = make_newer(&cache);
    let kept = objects(&cache);
    assert_eq!(kept.len(), 3);
    let all = ["cache", "gc", "--min-age", "0s", "--yes", "--cache", &cache];
    Case::new().call(&all).stderr_has("nothing to remove; 1 result stays");
    Case::new().call(&["cache", "verify", "--yes", "--cache", &cache]).stderr_has("all is right: 3 objects");
    // As a place that is shared: what is put there does not replace it.
    let entry = files(&Path::new(&cache).join("v1/ac")).pop().unwrap();
    let before = fs::read(&entry).unwrap();
    let args = ["--cache-shared", &cache, "--cache-push"];
    let case = Case::new().rulefile(rule).run(&args).ran(&["d d"]);
    assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
    assert_eq!(fs::read(&entry).unwrap(), before);
    // As one's own.
    let case = Case::new().rulefile(rule).run(&["--cache", &cache]).ran(&["d d"]);
    assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
    assert!(kept.iter().all(|object| object.exists()) && newer.exists());
    Case::new().rulefile(rule).run(&["--cache", &cache]).ran(&[]).restored(&["d d"]);
}

/// Promise: what goes wrong in one's own cache is not said to be a fault of the shared place.
#[test]
fn a_fault_of_the_own_cache_is_told_as_that() {
    let (_dir, shared) = cache();
    support::make_shared(&shared);
    let rule = "rule d:\n    output: 'd'\n    shell: 'seq 90000 > d'\n";
    let new = || Case::new().rulefile(rule);
    new().run(&["--cache-shared", &shared, "--cache-push"]);
    let case = new().file("own/v1/tmp", "").run(&["--cache", "own", "--cache-shared", &shared]).ran(&["d d"]);
    let said: Vec<String> = case.last().of("warning").map(|warning| warning["message"].to_string()).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("/own takes no results: "), "{said:?}");
}

/// Promise: who names the shared place for the upkeep of a cache is not told of another one.
#[test]
fn upkeep_that_names_the_shared_place_is_refused() {
    let case = Case::new().rulefile(CHAIN).file("rulemake.toml", "[cache]\nshared = \"team\"\n");
    support::make_shared(&case.path("team").display().to_string());
    for what in ["gc", "verify"] {
        let refused = Case::new().call_with_code(&["cache", what, "--cache-shared", "my team"], 2);
        refused.stderr_has(&format!("of the shared one: `rulemake cache {what} --cache 'my team'`"));
        let refused =
            Case::new().call_with_code(&["cache", what, "--cache-shared=https://host/x?token=secret"], 2);
        assert!(!refused.last().stderr.contains("secret"), "{}", refused.last());
        refused.stderr_has("a server looks after https://host/x?... itself");
    }
    // What settings say is not said of this line.
    case.call(&["cache", "gc", "--cache", "team"]).stderr_has("nothing to remove");
}

/// Promise: a token behind the `?` of an address is shown nowhere, and is not archived.
#[test]
fn a_token_in_an_address_is_not_told_and_not_archived() {
    let rule = "rule a:\n    output: 'a'\n    shell: 'touch a'\n";
    for address in
        ["https://host/a?token=secret", "https://host?sig=secret", "s3://bucket/a?X-Amz-Signature=secret"]
    {
        let settings = format!("[cache]\nshared = \"{address}\"\n");
        let case = Case::new().rulefile(rule).file("rulemake.toml", &settings);
        let lacks = |case: Case| {
            let said = format!("{}{}", case.last().stdout, case.last().stderr);
            assert!(!said.contains("secret"), "{said}");
            case
        };
        let case = lacks(case.call(&["config", "--show-origin"])).stdout_has("?...");
        let case = lacks(case.call_with_code(&["cache", "init"], 2));
        let case = lacks(case.call_with_code(&["cache", "init", address], 2));
        let case = lacks(case.call_with_code(&[], 2));
        let case = case.call(&["--no-cache"]).call(&["archive", "--no-cache", "-o", "x.tar.zst"]);
        let case = case.stderr_has("rulemake.toml is left out").call(&["unpack", "x.tar.zst"]);
        case.has_not("x/rulemake.toml");
    }
}
