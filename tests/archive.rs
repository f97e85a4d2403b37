//! `rulemake archive` and `rulemake unpack`: a project with its results goes elsewhere, and nothing is made again there.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use support::{Case, program};

const RULES: &str = "\
configfile: 'config/c.yaml'
include: 'rules/more.smk'
rule all:
    input: 'out/a.txt', 'out/b.txt', 'tree', 'out/total.txt'
rule total:
    input: 'out/a.txt', 'out/b.txt'
    output: touch('out/total.txt')
    script: 'scripts/total.sh'
rule tree:
    input: 'raw'
    output: directory('tree')
    shell: 'mkdir -p {output}/sub/empty; date +%s%N > {output}/sub/x; ln -s sub/x {output}/y; echo run > {output}/run; chmod +x {output}/run'
";
const MORE: &str = "\
rule mid:
    input: 'in/{s}.txt'
    output: temp('mid/{s}.txt')
    shell: 'cat {input} > {output}; date +%s%N >> {output}'
rule out:
    input: 'mid/{s}.txt'
    output: 'out/{s}.txt'
    log: 'logs/{s}.log'
    params: n=config['n']
    shell: 'echo {params.n} | cat - {input} > {output}; echo logged > {log}'
";

fn project() -> Case {
    Case::new()
        .rulefile(RULES)
        .file("rules/more.smk", MORE)
        .file("config/c.yaml", "n: 3\n")
        .file("scripts/total.sh", "cat ${snakemake_input[@]} > ${snakemake_output[0]}\n")
        .file("in/a.txt", "a\n")
        .file("in/b.txt", "b\n")
        .file("raw/x y.txt", "x\n")
        .file("raw/sub/é", "")
        .file("README.md", "read me\n")
        .file("private.txt", "not of the project\n")
}

/// Unpacks the archive of a project into a directory of another case.
fn unpacked(case: &Case, args: &[&str]) -> Case {
    let other = Case::new();
    let archive = case.path("p.tar.zst").display().to_string();
    let words: Vec<&str> = ["unpack", &archive, "."].iter().chain(args).copied().collect();
    other.call(&words)
}

fn listing(root: &Path, dir: &str) -> String {
    let find = format!("find {dir} -printf '%p %y %l %m\\n' | sort");
    let output = program("sh").args(["-c", &find]).current_dir(root).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The promise of the whole, with results that nobody could make again.
#[test]
fn what_is_unpacked_is_up_to_date_and_complete() {
    let case = project().run(&[]).call(&["archive", "-o", "p.tar.zst", "--with", "README.md"]);
    let case = case.stderr_has("p.tar.zst has 16 files");
    let other = unpacked(&case, &[]);
    for file in
        ["Rulefile", "rules/more.smk", "config/c.yaml", "out/a.txt", "tree/sub/x", "raw/x y.txt", "README.md"]
    {
        assert_eq!(other.read(file), case.read(file), "{file}");
    }
    assert_eq!(listing(other.root(), "tree"), listing(case.root(), "tree"));
    let other = other.has_not("private.txt").has_not("p.tar.zst").has_not(".rulemake").has_not("mid");
    assert!(other.plan(&[]).iter().all(|(_, verdict)| verdict == "up-to-date"), "{:?}", other.plan(&[]));
    let other = other.run(&[]).ran(&[]).up_to_date(6);
    assert_eq!(other.last().of("warning").count(), 0, "{}", other.last());
    let other = other.call(&["lock", "--check"]);
    // And it goes on from there.
    other.file("in/a.txt", "new\n").run(&["out/a.txt"]).ran(&["mid mid/a.txt", "out out/a.txt"]);
}

#[test]
fn the_same_content_is_the_same_bytes() {
    let case = project().run(&[]).call(&["archive", "-o", "p.tar.zst"]);
    let first = fs::read(case.path("p.tar.zst")).unwrap();
    let case = case.touch("in/a.txt", 1_000_000).touch("out/a.txt", 2_000_000);
    let case = case.call(&["archive", "-o", "p.tar.zst", "--overwrite"]);
    assert!(fs::read(case.path("p.tar.zst")).unwrap() == first);
    // Of what was unpacked, too, and on standard output.
    let other = unpacked(&case, &[]);
    let output = other.command(&["archive", "-o", "-"]).output().unwrap();
    assert!(output.status.success() && output.stdout == first, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn results_are_chosen() {
    let case = project().run(&[]);
    let case = case.call(&["archive", "-o", "p.tar.zst", "--results", "targets", "out/total.txt"]);
    let other = unpacked(&case, &[]).has_not("out/a.txt").has_not("tree");
    assert_eq!(other.read("out/total.txt"), case.read("out/total.txt"));
    let other = other.run(&["--only-needed", "out/total.txt"]).ran(&[]);
    other.run(&["--only-needed", "out/a.txt"]).ran(&["mid mid/a.txt", "out out/a.txt"]);

    let case = case.call(&["archive", "-o", "p.tar.zst", "--results", "none", "--overwrite"]);
    let other = unpacked(&case, &[]).has_not("out").has_not("tree");
    assert_eq!(other.read("Rulefile.lock"), case.call(&["lock"]).read("Rulefile.lock"));
}

/// With a cache that is shared the results need not be in the archive.
#[test]
fn without_results_they_come_out_of_the_cache() {
    let shared = tempfile::TempDir::new().unwrap();
    let shared = shared.path().display().to_string();
    support::make_shared(&shared);
    let case = project().run(&["--lock", "--cache-shared", &shared, "--cache-push"]);
    let case = case.call(&["archive", "-o", "p.tar.zst", "--results", "none"]);
    let other = unpacked(&case, &[]).run(&["--cache-shared", &shared]).ran(&[]);
    assert_eq!(other.read("out/a.txt"), case.read("out/a.txt"));
    assert_eq!(other.read("tree/y"), case.read("tree/y"));
}

#[test]
fn what_cannot_go_along_is_told() {
    let outside = tempfile::TempDir::new().unwrap();
    let far = outside.path().join("far.txt");
    fs::write(&far, "far\n").unwrap();
    let rules = format!(
        "rule a:\n    input: '{}', 'in.txt'\n    output: 'a.txt'\n    shell: 'cat {{input}} > {{output}}'\n",
        far.display()
    );
    let case = Case::new().rulefile(&rules).file("in.txt", "x\n").run(&[]);
    let case = case
        .call_with_code(&["archive", "-o", "p.tar.zst"], 1)
        .stderr_has("far.txt: it lies outside of the project");
    // Stale results are no results.
    let case = case.append("in.txt", "y\n").call_with_code(&["archive", "-o", "q.tar.zst", "--json"], 1);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(json["results"], 0);
    assert_eq!(json["left"][1]["path"], "a.txt");
    let case =
        case.call_with_code(&["archive", "-o", "q.tar.zst"], 2).stderr_has("`q.tar.zst` is there already");
    let case = case.call_with_code(&["archive", "--with", "none.txt", "-o", "r.tar.zst"], 1);
    case.stderr_has("left none.txt: it cannot be read");
}

/// Links in results: within they stay, and what leads out is taken along as what it is.
#[test]
fn links_stay_links_where_they_lead_nowhere_else() {
    let outside = tempfile::TempDir::new().unwrap();
    let far = outside.path().join("far.txt");
    fs::write(&far, "far\n").unwrap();
    let rules = "rule a:\n    input: 'd'\n    output: 'a.txt'\n    shell: 'cat {input}/* > {output}'\n";
    let case = Case::new().rulefile(rules).file("d/x", "x\n");
    symlink("x", case.path("d/near")).unwrap();
    symlink(&far, case.path("d/far")).unwrap();
    let case = case.run(&[]).call(&["archive", "-o", "p.tar.zst"]);
    let other = unpacked(&case, &[]);
    assert_eq!(fs::read_link(other.path("d/near")).unwrap().to_str(), Some("x"));
    assert!(!fs::symlink_metadata(other.path("d/far")).unwrap().is_symlink());
    let other = other.has("d/far", "far\n");
    other.run(&[]).ran(&[]).up_to_date(1);
}

#[test]
fn a_workdir_and_a_name_of_its_own_go_along() {
    let rules = "workdir: 'work'\nrule a:\n    input: 'in.txt'\n    output: 'a.txt'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new()
        .file("flow/Snakefile", rules)
        .file("work/in.txt", "x\n")
        .file("rulemake.toml", "jobs = 1\n");
    let case =
        case.run(&["-f", "flow/Snakefile"]).call(&["-f", "flow/Snakefile", "archive", "-o", "p.tar.zst"]);
    let other = unpacked(&case, &[]).has("rulemake.toml", "jobs = 1\n");
    assert!(other.path("work/Rulefile.lock").exists());
    other.run(&["-f", "flow/Snakefile"]).ran(&[]).up_to_date(1);
}

#[test]
fn it_is_unpacked_into_a_directory_of_its_name_and_over_nothing() {
    let case = project().run(&[]).call(&["archive", "-o", "study.tar.zst"]);
    let case = case
        .call(&["unpack", "study.tar.zst"])
        .stderr_has("study has 15 files")
        .stderr_has("rulemake -C study -n");
    let case = case.call(&["-C", "study", "-n"]);
    let case =
        case.call_with_code(&["unpack", "study.tar.zst"], 2).stderr_has("is there already, and 14 more");
    let case = case.append("study/in/a.txt", "edited\n").call(&["unpack", "study.tar.zst", "--overwrite"]);
    assert_eq!(case.read("study/in/a.txt"), "a\n");
    let case = case
        .call_with_code(&["unpack", "Rulefile"], 2)
        .stderr_has("does not say what its directory is called");
    // A file is called as it was written, wherever that is from here.
    let elsewhere = tempfile::TempDir::new().unwrap();
    let (study, copy) = (elsewhere.path().join("paper.zst"), elsewhere.path().join("copy"));
    let (study, copy) = (study.to_str().unwrap(), copy.to_str().unwrap());
    let case = case.call(&["archive", "-o", study]).stderr_has(&format!("{study} has "));
    let case = case.call(&["unpack", study]).stderr_has("paper has ");
    let case = case.call(&["unpack", study, copy]).stderr_has(&format!("{copy} has "));
    let case =
        case.call_with_code(&["unpack", "Rulefile", "x"], 2).stderr_has("Rulefile is no archive, or damaged");
    let case = case.call_with_code(&["unpack", "study.tar.zst", "y", "--max-size", "10"], 2);
    let case = case.stderr_has("more than 10 bytes").has_not("y").has_not("x");
    // Where nothing can be written it says so, and leaves nothing.
    fs::create_dir(case.path("locked")).unwrap();
    fs::set_permissions(case.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    let writes = fs::write(case.path("locked/probe"), "").is_ok();
    if !writes {
        let case = case.call_with_code(&["unpack", "study.tar.zst", "locked/z"], 7);
        case.stderr_has("cannot create");
    }
}

/// Calls the command; one that waits for ever is ended.
fn ended(case: &Case, args: &[&str]) -> (Option<i32>, String) {
    let mut command = program("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_rulemake")]).args(args).current_dir(case.root());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Promise: a pipe in the place of a file is refused, and not waited for.
#[test]
fn nobody_waits_for_a_pipe() {
    let case = Case::new();
    for pipe in ["pipe", "Makefile", "dvc.yaml"] {
        assert!(Command::new("mkfifo").arg(case.path(pipe)).status().unwrap().success());
    }
    let (code, stderr) = ended(&case, &["unpack", "pipe", "x"]);
    assert!(code == Some(2) && stderr.contains("pipe is not a regular file"), "{code:?}: {stderr}");
    for file in ["Makefile", "dvc.yaml"] {
        let (code, stderr) = ended(&case, &["import", file]);
        assert!(code == Some(7) && stderr.contains("it is not a regular file"), "{code:?}: {stderr}");
    }
    case.has_not("x").has_not("Rulefile");
}

/// Promise: an archive replaces no file of the project that it is made of, whatever that is called on the way.
#[test]
fn an_archive_replaces_no_file_of_the_project() {
    let case = project().run(&[]).call(&["lock"]).file("rulemake.toml", "jobs = 1\n");
    symlink("in/a.txt", case.path("link")).unwrap();
    symlink("in", case.path("inputs")).unwrap();
    symlink(".", case.path("here")).unwrap();
    let places = [
        "Rulefile",
        "rules/more.smk",
        "config/c.yaml",
        "in/a.txt",
        "link",
        "inputs/b.txt",
        "here/Rulefile",
        "raw/sub/é",
        "tree/y",
        "out/a.txt",
        "scripts/total.sh",
        "Rulefile.lock",
        "rulemake.toml",
    ];
    for place in places {
        let before = (fs::read(case.path(place)).unwrap(), fs::read_link(case.path(place)).ok());
        let output = case.command(&["archive", "-o", place, "--overwrite"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2), "{place}: {stderr}");
        assert!(stderr.contains("is a file of the project, and would be lost"), "{place}: {stderr}");
        let after = (fs::read(case.path(place)).unwrap(), fs::read_link(case.path(place)).ok());
        assert!(before == after, "{place}");
    }
    // One that is no result of now is one all the same.
    let case = case.append("in/a.txt", "more\n");
    let case = case.call_with_code(&["archive", "-o", "out/a.txt", "--overwrite"], 2);
    let case =
        case.call_with_code(&["archive", "-o", "out/total.txt", "--results", "none", "--overwrite"], 2);
    // An archive that is none of them is replaced.
    let case = case.run(&[]).call(&["archive", "-o", "p.tar.zst"]);
    case.call(&["archive", "-o", "p.tar.zst", "--overwrite"]).run(&[]).ran(&[]);
}

/// Promise: nothing at all is overwritten where one of the places cannot be written to.
#[test]
fn what_cannot_be_unpacked_everywhere_is_unpacked_nowhere() {
    /// As whom nobody works.
    const NOBODY: u32 = 65534;
    let case =
        project().run(&[]).call(&["archive", "-o", "study.tar.zst"]).call(&["unpack", "study.tar.zst"]);
    let case = case.append("study/Rulefile", "# mine\n").append("study/in/a.txt", "mine\n");
    let before = (case.read("study/Rulefile"), case.read("study/in/a.txt"));
    // The rights of directories mean nothing to root.
    let chown = Command::new("chown").args(["-R", "65534:65534", "."]).current_dir(case.root()).output();
    let is_root = chown.is_ok_and(|output| output.status.success());
    let unpack = || {
        let mut command = case.command(&["unpack", "study.tar.zst", "--overwrite"]);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mode = |mode| {
        fs::set_permissions(case.path("study/out"), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (rights, what) in [
        (0o555, "cannot unpack into study/out: permission denied"),
        (0o600, "cannot look at study/out/a.txt"),
    ] {
        mode(rights);
        let (code, stderr) = unpack();
        assert!(code == Some(7) && stderr.contains(what), "{code:?}: {stderr}");
        assert_eq!((case.read("study/Rulefile"), case.read("study/in/a.txt")), before);
    }
    mode(0o755);
    let (code, stderr) = unpack();
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(case.read("study/in/a.txt"), "a\n");
}

#[test]
fn a_directory_is_no_archive() {
    let case = project().call_with_code(&["unpack", "."], 2).stderr_has("`.` is a directory, not an archive");
    case.call_with_code(&["unpack", "in", "out"], 2).stderr_has("`in` is a directory");
}

/// Promise: a result behind one that is not up to date is not archived as if it were good.
#[test]
fn a_target_behind_a_stale_file_is_left() {
    let rules = "\
rule all:
    input: 'c'
rule b:
    input: 'a'
    output: 'b'
    shell: 'cp {input} {output}'
rule c:
    input: 'b'
    output: 'c'
    shell: 'cp {input} {output}'
";
    let case = Case::new().rulefile(rules).file("a", "1\n").run(&[]).file("a", "2\n");
    for which in ["targets", "all"] {
        let to = format!("{which}.tar.zst");
        let case = case.command(&["archive", "--results", which, "-o", &to]).output().unwrap();
        let text = String::from_utf8_lossy(&case.stderr).into_owned();
        assert_eq!(case.status.code(), Some(1), "{text}");
        assert!(
            text.contains("left c: it is not up to date: b b is not, and it is made from that"),
            "{text}"
        );
        assert!(text.contains("0 of them results"), "{text}");
    }
    case.run(&[])
        .call(&["archive", "--results", "targets", "-o", "good.tar.zst"])
        .stderr_has("1 of them result\n");
}

/// Promise: an archive never goes into itself, neither the new one nor the one that it replaces.
#[test]
fn an_archive_in_a_directory_that_is_archived_is_left_out() {
    let text = "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n";
    let case = Case::new().rulefile(text).file("docs/x", "x\n").run(&[]);
    let args = ["archive", "--with", "docs", "-o", "docs/study.tar.zst", "--overwrite"];
    let case = case.call(&args).stderr_has("4 files");
    let first = fs::read(case.path("docs/study.tar.zst")).unwrap();
    let case = case.call(&args).stderr_has("4 files");
    assert_eq!(fs::read(case.path("docs/study.tar.zst")).unwrap(), first);
    let mut names = case.files("docs");
    names.sort();
    assert_eq!(names, ["docs/study.tar.zst", "docs/x"]);
}

/// Promise: an archive that is to be written to a directory is told how it can be.
#[test]
fn a_directory_is_no_place_for_an_archive() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'touch a'\n").file("d/x", "");
    let name = case.root().file_name().unwrap().to_string_lossy().into_owned();
    let case = case.call_with_code(&["archive", "-o", "."], 2).stderr_has("`.` is a directory");
    let case = case.stderr_has(&format!("such as `-o ./{name}.tar.zst`"));
    case.call_with_code(&["archive", "-o", "d/", "--overwrite"], 2).stderr_has("`d/` is a directory");
}
