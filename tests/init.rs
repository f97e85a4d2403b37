//! `rulemake init`: templates that are built in run at once, Cookiecutter's come out as from Cookiecutter, and nothing
//! that is there is lost.

#![cfg(all(unix, feature = "cli"))]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
#[cfg(target_os = "linux")]
use support::terminal::OnTerminal;
use support::{Case, program};

fn has(program: &str) -> bool {
    let call = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    call.is_ok_and(|status| status.success())
}

/// All files below a directory with their contents and whether they can be executed.
fn tree(dir: &Path) -> BTreeMap<String, (bool, String)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_string();
            let executable = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.insert(name, (executable, text));
        }
    }
    found
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cookiecutter").join(name)
}

/// A template with one variable, `name`, and these files.
fn template(files: &[(&str, &str)]) -> Case {
    let case =
        Case::new().file("t/cookiecutter.json", r#"{"name": "Demo", "kind": ["x", "y"], "yes": true}"#);
    files.iter().fold(case, |case, (path, text)| case.file(&format!("t/{path}"), text))
}

const TOP: &str = "{{cookiecutter.name}}";

/// Promise: a project from a built-in template runs at once, has then nothing to do, and its Rulefile is beyond reproach.
fn runs_at_once(name: &str, jobs: usize) -> Case {
    let case = Case::new().call(&["init", "demo", "-t", name]);
    let case = case
        .run(&["-C", "demo"])
        .run(&["-C", "demo"])
        .up_to_date(jobs)
        .call(&["-C", "demo", "check", "--strict"])
        .stderr_has("nothing to object to")
        .call(&["-C", "demo", "fmt", "--check"]);
    // What is made is not for git.
    let ignored = case.read("demo/.gitignore");
    assert!(ignored.contains(".rulemake/"), "{ignored}");
    case
}

#[test]
fn minimal_runs_at_once() {
    let case = runs_at_once("minimal", 3);
    assert_eq!(case.read("demo/results/total.txt"), "17\n");
    assert!(case.call(&["init", "--list"]).last().stdout.starts_with("minimal       a Rulefile"));
}

#[test]
fn make_style_runs_at_once() {
    if !has("cc") {
        return;
    }
    runs_at_once("make-style", 4)
        .edit("demo/src/greet.c", "Hello", "Goodbye")
        .run_with_code(&["-C", "demo"], 1)
        .call_with_code(&["-C", "demo"], 1)
        .stderr_has("+Goodbye, world!");
}

#[test]
fn data_science_runs_at_once() {
    if !has("python3") {
        return;
    }
    let case = runs_at_once("data-science", 5);
    assert!(case.read("demo/reports/score.json").contains("\"years\": 3"));
    let case = case.call(&["-C", "demo", "metrics"]).stdout_has("mean_error");
    // Metrics stay in git, so that a revision can be compared with.
    let git = |args: &[&str]| {
        let mut git = program("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        let output = git.current_dir(case.path("demo")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let with_git = has("git");
    if with_git {
        git(&["init", "-q"]);
        git(&["add", "-A"]);
        git(&["commit", "-qm", "one"]);
        let tracked = git(&["ls-files"]);
        assert!(tracked.contains("reports/score.json") && !tracked.contains("models/line.json"), "{tracked}");
    }
    let case = case.edit("demo/params.yaml", "holdout: 3", "holdout: 4").run(&["-C", "demo"]);
    let case = match with_git {
        true => case.call(&["-C", "demo", "metrics", "diff", "HEAD"]).stdout_has("years            3      4"),
        false => case,
    };
    let case = case.call(&["-C", "demo", "metrics", "diff"]).stdout_has("years            3      4       +1");
    for dir in ["data/external", "notebooks", "references", "docs"] {
        assert!(case.path(&format!("demo/{dir}")).is_dir(), "{dir}");
    }
    // A name that is no Python name, and quotes where they hurt.
    let case =
        case.call(&["init", "other", "-t", "data-science", "project_name=Über 2", r#"author=A "B" C"#]);
    let case = case.run(&["-C", "other"]);
    assert!(case.path("other/uber_2/plots.py").is_file());
    assert!(case.read("other/pyproject.toml").contains(r#"authors = [{ name = "A \"B\" C" }]"#));
}

/// Promise: `init` alone makes a project here and says what comes next; in an empty folder the command points to it.
#[test]
fn a_newcomer_is_led_on() {
    let case = Case::new();
    let case = case.call_with_code(&[], 3).stderr_has("`rulemake init` begins a project that runs at once");
    let case = case.call(&["init"]);
    assert_eq!(
        case.last().stderr,
        "4 files made here, from the template `minimal`\n\
         next:\n  rulemake -n  what would run, and why\n  rulemake     make it\n"
    );
    case.run(&[]).up_to_date(0);
}

/// Promise: what is there stays as it is, all of it is named, and nothing else is written.
#[test]
fn nothing_is_overwritten() {
    let case = Case::new().file("Rulefile", "mine\n").call_with_code(&["init"], 2);
    assert_eq!(
        case.last().stderr,
        "error: `Rulefile` is there already, and nothing is overwritten\n  \
         = help: nothing was written; name another directory, or move them away\n"
    );
    let case = case.file("texts", "a file\n").call_with_code(&["init"], 2);
    let case = case.stderr_has(":\n          Rulefile\n          texts\n");
    assert_eq!((case.read("Rulefile"), case.read("texts")), ("mine\n".into(), "a file\n".into()));
    assert_eq!(fs::read_dir(case.path(".")).unwrap().count(), 2);
    // Beside other files there is room.
    let case = Case::new().file("notes.txt", "mine\n").call(&["init"]);
    assert_eq!(case.read("notes.txt"), "mine\n");
    case.file("file", "").call_with_code(&["init", "file"], 2).stderr_has("is there already");
}

/// Promise: nothing is written through a link that lies in the project's directory.
#[test]
fn links_in_the_target_lead_nowhere() {
    let case = Case::new().file("elsewhere/keep", "").file("demo/keep", "");
    symlink("../elsewhere", case.path("demo/texts")).unwrap();
    let case = case.call_with_code(&["init", "demo"], 2).stderr_has("`texts` is there already");
    assert_eq!(fs::read_dir(case.path("elsewhere")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(case.path("demo")).unwrap().count(), 2);
}

/// Promise: templates come out as from Cookiecutter. The expected files were made by Cookiecutter 2.7.1, and are made by the
/// one that is installed, if there is one.
#[test]
fn templates_come_out_as_from_cookiecutter() {
    for name in ["full", "syntax", "several", "several-old"] {
        let from = fixture(&format!("{name}/template"));
        let case = Case::new().call(&["-C", ".", "init", "--no-input", "-t", from.to_str().unwrap()]);
        assert_eq!(tree(&case.path(".")), tree(&fixture(&format!("{name}/expected"))), "{name}");
        if has("cookiecutter") {
            let case = Case::new();
            let args = ["--no-input", from.to_str().unwrap()];
            let status = program("cookiecutter").args(args).current_dir(case.path(".")).status().unwrap();
            assert!(status.success());
            assert_eq!(tree(&case.path(".")), tree(&fixture(&format!("{name}/expected"))), "{name}");
        }
    }
}

/// Promise: values of the command line count, and what does not fit is refused with a way out.
#[test]
fn values_can_be_set() {
    let case = template(&[(
        &format!("{TOP}/f"),
        "{{cookiecutter.name}} {{cookiecutter.kind}} {{cookiecutter.yes}}",
    )]);
    let case = case.call(&["init", "-t", "t", "name=My Own", "kind=y", "yes=no"]);
    assert_eq!(case.read("My Own/f"), "My Own y False");
    let case = case.stderr_has("  cd 'My Own'\n").call(&["init", "here", "-t", "t"]);
    assert_eq!(case.read("here/f"), "Demo x True");
    let case = case
        .call_with_code(&["init", "-t", "t", "nam=x"], 2)
        .stderr_has("the template has no variable `nam`\n  = help: did you mean `name`?")
        .call_with_code(&["init", "-t", "t", "kind=z"], 2)
        .stderr_has("`kind` cannot be `z`\n  = help: it is one of `x`, `y`")
        .call_with_code(&["init", "-t", "minimun"], 2)
        .stderr_has("there is no template `minimun`, and no directory of that name\n  = help: did you mean `minimal`?")
        .call_with_code(&["init", "a", "b"], 2)
        .stderr_has("`a` and `b`: a project has one directory")
        .call_with_code(&["init", "-t", "."], 2)
        .stderr_has("it has no cookiecutter.json\n  = help: did you mean `--subdirectory t`?");
    case.call(&["init", "sub", "-t", ".", "--subdirectory", "t"])
        .call_with_code(&["init", "-t", ".", "--subdirectory", "../t"], 2)
        .stderr_has("leads out of the template");
}

/// Promise: what a user of Cookiecutter has set up holds here, too: own defaults, answers of an earlier call, zip files.
#[test]
fn what_was_said_to_cookiecutter_holds() {
    let text = "{{cookiecutter.name}} {{cookiecutter.kind}} {{cookiecutter.yes}}";
    let case = template(&[(&format!("{TOP}/f"), text)])
        .file("rc", "default_context:\n  name: Mine\n  kind: y\n  author: me\nreplay_dir: x\n")
        .file("bad", "default_context: {kind: z, \"yes\": false}\n")
        .file(
            "answers.json",
            r#"{"cookiecutter": {"name": "Again", "kind": "y", "yes": false, "_template": "t"}}"#,
        )
        .file("none.json", "[1]");
    let rc = case.path("rc").to_string_lossy().into_owned();
    let bad = case.path("bad").to_string_lossy().into_owned();
    let case = case.env("COOKIECUTTER_CONFIG", &rc).call(&["init", "-t", "t"]);
    assert_eq!(case.read("Mine/f"), "Mine y True");
    let case = case.call(&["init", "-t", "t", "name=Other"]);
    assert_eq!(case.read("Other/f"), "Other y True", "the command line wins");
    let case = case.call(&["init", "-t", "t", "--replay-file", "answers.json", "kind=x"]);
    assert_eq!(case.read("Again/f"), "Again x False");
    let case = case
        .call_with_code(&["init", "-t", "t", "--replay-file", "none.json"], 2)
        .stderr_has("`none.json` holds no answers: it is no JSON object")
        .env("COOKIECUTTER_CONFIG", &bad)
        .call(&["init", "fits", "-t", "t"])
        .stderr_has("note: ")
        .stderr_has("`kind` cannot be `z`");
    assert_eq!(case.read("fits/f"), "Demo x False");
    if !has("zip") && !has("python3") {
        return;
    }
    let zipped =
        program("python3").args(["-m", "zipfile", "-c", "t.zip", "t"]).current_dir(case.root()).status();
    if !zipped.is_ok_and(|status| status.success()) || program("unzip").arg("-v").output().is_err() {
        return;
    }
    let case = case.remove("t").call(&["init", "zipped", "-t", "t.zip"]);
    assert_eq!(case.read("zipped/f"), "Demo x False");
    case.call_with_code(&["init", "-t", "other.zip"], 2)
        .stderr_has("there is no file `")
        .call_with_code(&["init", "-t", "https://example.org/t.zip"], 2)
        .stderr_has("an archive is not downloaded: get it, and name the file")
        .file("broken.zip", "no archive")
        .call_with_code(&["init", "-t", "broken.zip"], 7)
        .stderr_has("unzip says: ");
}

/// Promise: on a terminal variables are asked for, with their defaults, until the answers hold.
#[test]
#[cfg(target_os = "linux")]
fn questions_are_asked_on_a_terminal() {
    let case = template(&[(
        &format!("{TOP}/f"),
        "{{cookiecutter.name}} {{cookiecutter.kind}} {{cookiecutter.yes}}",
    )]);
    let mut asked = OnTerminal::start(case.command(&["init", "-t", "t"]));
    for (words, answer) in [
        ("[1/3] name (Demo): ", "Typed\n"),
        ("[2/3] Select kind\n  1 - x\n  2 - y\nChoose from 1 to 2 (1): ", "3\n"),
        ("please answer 1 to 2\n", "2\n"),
        ("[3/3] yes (y): ", "\n"),
    ] {
        asked.until(words);
        asked.type_in(answer);
    }
    let (status, screen) = asked.end();
    assert!(status.success(), "{screen}");
    assert_eq!(case.read("Typed/f"), "Typed y True", "{screen}");
    // End of input: nothing is made.
    let mut asked = OnTerminal::start(case.command(&["init", "-t", "t"]));
    asked.until("[1/3] name (Demo): ");
    asked.type_in("Half\n");
    asked.until("[2/3] Select kind");
    asked.type_in("\u{4}");
    let (status, screen) = asked.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("were not answered to the end"), "{screen}");
    assert!(!case.path("Half").exists());
}

/// Promise: programs of a template are named, and run only with consent; one that fails leaves nothing behind.
#[test]
fn hooks_run_only_with_consent() {
    let post = "#!/bin/sh\necho {{ cookiecutter.name }} > made-by-hook\necho said\ntest -e f\n";
    let case = template(&[(&format!("{TOP}/f"), "f"), ("hooks/post_gen_project.sh", post)])
        .file("t/hooks/pre_gen_project.sh", "#!/bin/sh\ntest ! -e f && pwd > pre\n")
        .file("t/hooks/pre_prompt.sh", "#!/bin/sh\nsed -i s/Demo/Changed/ cookiecutter.json\n")
        .file("t/hooks/post_gen_project.sh~", "exit 1");
    let case = case.call(&["init", "plain", "-t", "t"]);
    assert!(case.last().stderr.contains(
        "the template has hooks, programs that were not run:\n  hooks/pre_prompt.sh, before the questions\n  \
         hooks/pre_gen_project.sh, before the files are made\n  \
         hooks/post_gen_project.sh, after the files are made\nlook at them; `--allow-hooks` runs them\n"
    ), "{}", case.last());
    assert!(!case.path("plain/made-by-hook").exists() && !case.path("plain/pre").exists());
    let case = case.call(&["init", "-t", "t", "--allow-hooks", "--json"]).stderr_has("said\n");
    assert!(case.last().stdout.starts_with('{'), "{}", case.last());
    assert_eq!(case.read("Changed/made-by-hook"), "Changed\n");
    assert!(case.read("Changed/pre").ends_with("/Changed\n"));
    assert!(case.read("t/cookiecutter.json").contains("Demo"), "the template itself is not changed");
    let case = case.append("t/hooks/post_gen_project.sh", "exit 3\n");
    let case = case.call_with_code(&["init", "new/place", "-t", "t", "--allow-hooks"], 1);
    let case = case.stderr_has("the hook hooks/post_gen_project.sh of the template failed (exit status: 3)");
    assert!(!case.path("new").exists());
}

/// Promise: a template writes nothing outside of the project, by whatever name or link.
#[test]
fn a_template_stays_in_its_project() {
    let name = format!("{TOP}/{{{{cookiecutter.kind}}}}");
    let case = template(&[(&name, "x")]);
    for evil in ["../../evil", "/tmp/evil", "a/../../b"] {
        let case = Case::new()
            .file("t/cookiecutter.json", &serde_json::json!({"name": "n", "kind": evil}).to_string())
            .file(&format!("t/{name}"), "x");
        let case =
            case.call_with_code(&["init", "-t", "t"], 3).stderr_has("would be made outside of the project");
        assert_eq!(fs::read_dir(case.path(".")).unwrap().count(), 1);
    }
    symlink("/etc/passwd", case.path(&format!("t/{TOP}/link"))).unwrap();
    let case = case
        .call_with_code(&["init", "-t", "t"], 3)
        .stderr_has("it is a link that leads out of the template");
    let case = case.remove(&format!("t/{TOP}/link")).file("t/real", "{{cookiecutter.name}}");
    symlink("../real", case.path(&format!("t/{TOP}/link"))).unwrap();
    let case = case.call(&["init", "-t", "t"]);
    assert_eq!(case.read("Demo/link"), "Demo");
    assert!(!fs::symlink_metadata(case.path("Demo/link")).unwrap().is_symlink());
}

/// Promise: a template that cannot be rendered is told of with its place, and nothing is made.
#[test]
fn broken_templates_make_nothing() {
    let case =
        template(&[(&format!("{TOP}/a"), "ok"), (&format!("{TOP}/b"), "1\n{{ cookiecutter.nope }}\n")]);
    let case = case.call_with_code(&["init", "-t", "t"], 3);
    assert_eq!(
        case.last().stderr,
        "error: the template cannot be rendered: b line 2: undefined value\n  \
         = help: it names a variable that cookiecutter.json does not have\n"
    );
    assert!(!case.path("Demo").exists());
    let case = case.file("t/cookiecutter.json", "{\"name\": 1,}").call_with_code(&["init", "-t", "t"], 3);
    let case = case.stderr_has("it is not JSON: ").file(
        "t/cookiecutter.json",
        r#"{"name": "n", "_extensions": ["cookiecutter.extensions.SlugifyExtension", "local_extensions.X"]}"#,
    );
    let case = case.call_with_code(&["init", "-t", "t"], 3);
    let case = case
        .stderr_has("the template needs the extension `local_extensions.X` of Jinja, which is Python code");
    case.file("t/cookiecutter.json", r#"{"name": "{{ cookiecutter.later }}", "later": "x"}"#)
        .call_with_code(&["init", "-t", "t"], 3)
        .stderr_has("variable `name` of cookiecutter.json");
}

/// Promise: a template comes from any repository that git can clone, of any revision, and nothing of it stays about.
#[test]
fn templates_come_from_repositories() {
    if !has("git") {
        return;
    }
    let case = template(&[(&format!("{TOP}/f"), "old")]).file("tmp/keep", "");
    let case = case.rename("t", "repo/deep/t");
    let temp = case.path("tmp").to_str().unwrap().to_string();
    let case = case.env("TMPDIR", &temp);
    let git = |case: &Case, args: &[&str]| {
        let mut command = program("git");
        command.args(["-c", "user.name=n", "-c", "user.email=e@example.org"]).args(args);
        let output = command.current_dir(case.path("repo")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    for args in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-qm", "1"], &["tag", "v1"]] {
        git(&case, args);
    }
    let first = git(&case, &["rev-parse", "HEAD"]);
    let case = case.file(&format!("repo/deep/t/{TOP}/f"), "new {{ cookiecutter._checkout }}");
    git(&case, &["commit", "-qam", "2"]);
    let address = format!("file://{}", case.path("repo").display());
    let address = address.as_str();
    let case = case.call(&["init", "a", "-t", address, "--subdirectory", "deep/t"]);
    assert_eq!(case.read("a/f"), "new None");
    let mut case = case;
    for (dir, revision, text) in [("b", "v1", "old"), ("c", first.as_str(), "old"), ("d", "main", "new main")]
    {
        case = case.call(&["init", dir, "-t", address, "--checkout", revision, "--subdirectory", "deep/t"]);
        assert_eq!(case.read(&format!("{dir}/f")), text);
    }
    let case = case
        .call_with_code(&["init", "e", "-t", address, "--checkout", "v9"], 2)
        .stderr_has("has no `v9`\n  = note: git says: ")
        .call_with_code(&["init", "e", "-t", address, "--checkout", "--help"], 2)
        .call_with_code(&["init", "e", "-t", "file:///nowhere/at/all"], 7)
        .stderr_has("cannot clone file:///nowhere/at/all\n  = note: git says: ")
        .call_with_code(&["init", "e", "-t", address], 2)
        .stderr_has("it has no cookiecutter.json");
    assert_eq!(fs::read_dir(case.path("tmp")).unwrap().count(), 1, "clones are removed");
}

/// Promise: `--json` prints what was made and nothing else, and asks nothing.
#[test]
fn json_tells_what_was_made() {
    let case = Case::new().call(&["init", "demo", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(told["v"], 1);
    assert_eq!(told["directory"], "demo");
    let files = [".gitignore", "Rulefile", "texts/autumn.txt", "texts/spring.txt"];
    assert_eq!(told["files"], serde_json::json!(files));
    let case = case.call_with_code(&["init", "demo", "--json"], 2);
    let told: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!((&told["event"], &told["kind"]), (&"error".into(), &"usage".into()));
}

/// Promise: a template can neither lose a file of its own nor write what git would execute.
#[test]
fn a_template_that_does_harm_is_refused() {
    let two = template(&[(&format!("{TOP}/a"), "1"), (&format!("{TOP}/{{{{'a'}}}}"), "2")]);
    two.call_with_code(&["init", "-t", "t", "--no-input"], 3)
        .stderr_has("two of its files would be this one");
    for place in [".git/config", "sub/{{'.GIT'}}/hooks/x", ".rulemake/x"] {
        let case = template(&[(&format!("{TOP}/{place}"), "x"), (&format!("{TOP}/Rulefile"), "")]);
        let case = case.call_with_code(&["init", "-t", "t", "--no-input"], 3);
        let case = case.stderr_has("a template may not write there");
        assert!(!case.path("Demo").exists());
    }
}

/// Promise: an archive that comes out as far more than it is does not fill the disk.
#[test]
fn an_archive_that_swells_is_given_up() {
    if !has("zip") && program("python3").arg("--version").status().is_err() {
        return;
    }
    let case = Case::new().file("t/cookiecutter.json", r#"{"name": "Demo"}"#);
    let script = "import zipfile\nwith zipfile.ZipFile('t.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n\
                  \x20   z.writestr('t/cookiecutter.json', '{}')\n    z.writestr('t/{{cookiecutter.name}}/zeros', bytes(400 << 20))\n";
    let made = program("python3").args(["-c", script]).current_dir(case.path("")).status().unwrap();
    assert!(made.success());
    case.call_with_code(&["init", "-t", "t.zip", "--no-input"], 2)
        .stderr_has("unpacked it has more than 256 MB");
}

/// Promise: `-t` alone tells which templates there are, and an incomplete address what is missing.
#[test]
fn a_template_that_is_not_named_is_helped_with() {
    let case = Case::new().call(&["init", "-t"]).stdout_has("data-science");
    let case = case.call_with_code(&["init", "-t", "gh:foo"], 2).stderr_has("write `gh:USER/REPO`");
    assert!(!case.path("Rulefile").exists());
}
