//! `rulemake import`: the Rulefile makes the same files, with the same content, as the tool whose file it was made of.
//!
//! Each directory of `tests/import` holds a `project`, the `Rulefile` that comes of it, and the `report` that is shown;
//! `UPDATE_GOLDEN=1` writes the two anew. With make installed the projects with a Makefile are made by both. What DVC makes
//! of its project is in `made`, written by DVC 3.67.

#![cfg(all(unix, feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "UPDATE_GOLDEN is a variable")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Case, program};

fn has(program: &str) -> bool {
    let call = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    call.is_ok_and(|status| status.success())
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

/// All files below a directory but those that only rulemake has.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_string();
            if [".rulemake", ".stamps", "Rulefile"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A file of the fixture that must be this text.
fn golden(name: &str, file: &str, text: &str) {
    let path = fixture(name).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} (UPDATE_GOLDEN=1 writes it anew)", path.display());
}

/// Imports the project and holds Rulefile and report against what is expected of them.
fn imported(name: &str) -> Case {
    let case = Case::new().copy_of(&format!("tests/import/{name}/project")).env("CC", "cc");
    let case = case.call(&["import"]);
    golden(name, "Rulefile", &case.read("Rulefile"));
    golden(name, "report", &case.last().stderr);
    let case = case.call(&["check", "--no-plan"]);
    case.call(&["fmt", "--check"])
}

/// Promise: what make makes, the Rulefile makes, and then nothing is to do.
fn as_make(name: &str, targets: &[&str]) -> Case {
    let mut case = imported(name);
    for target in targets {
        case = case.run(&[target]);
    }
    for target in targets {
        case = case.run(&[target]).ran(&[]);
    }
    if has("make") {
        let other = Case::new().copy_of(&format!("tests/import/{name}/project"));
        let status = program("make")
            .args(["-s", "--no-print-directory"])
            .args(targets)
            .current_dir(other.path("."))
            .env("CC", "cc")
            .env_remove("MAKEFLAGS")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "make itself fails in {name}");
        let (ours, theirs) = (tree(&case.path(".")), tree(&other.path(".")));
        let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "{name}");
        for (file, bytes) in &ours {
            // Programs may hold times and paths.
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
            if let (Ok(a), Ok(b)) = (text(bytes), text(&theirs[file])) {
                assert_eq!(a, b, "{name}: {file}");
            }
        }
    }
    case
}

#[test]
fn a_project_in_c() {
    if has("cc") {
        let case = as_make("c", &["all"]);
        // What the Makefile says of headers holds.
        case.append("src/hello.h", "/* more */\n")
            .run(&["all"])
            .ran(&["build_o build/hello.o", "build_o build/main.o"]);
    }
}

#[test]
fn words_and_recipes() {
    as_make("words", &["report.txt", "one", "two", "x.tar"]);
}

#[test]
fn functions_and_conditions() {
    as_make("functions", &["everything"]);
}

#[test]
fn rules_that_make_has_built_in() {
    if has("cc") {
        as_make("own-rules", &["prog"]);
    }
}

#[test]
fn one_shell_for_all_lines() {
    as_make("one-shell", &["a.txt"]);
}

/// Promise: a directory that a command needs is there also where none of its outputs lies in it.
#[test]
fn a_directory_that_only_a_command_uses_is_made() {
    let makefile = "report.txt: data.csv | out log\n\tsort $< > $@\n\tcp $@ out/\n\
                    out/%.x: data.csv | out\n\tcp $< $@\nout log:\n\tmkdir -p $@\n";
    let case = Case::new().file("Makefile", makefile).file("data.csv", "b\na\n").call(&["import"]);
    let case = case.stderr_has("its command makes `log out` first").run(&["report.txt", "out/1.x"]);
    assert_eq!((case.read("out/report.txt"), case.read("out/1.x")), ("a\nb\n".into(), "b\na\n".into()));
    assert!(case.path("log").is_dir());
    // Where an output lies in it nothing is added.
    assert_eq!(case.read("Rulefile").matches("mkdir").count(), 1, "{}", case.read("Rulefile"));
    case.run(&["report.txt", "out/1.x"]).ran(&[]);
}

/// Promise: commands stop where the Makefile says that its shells do, so none goes on after a failure at which make's ended.
#[test]
fn shells_stop_where_the_makefile_says() {
    as_make("strict", &["sum.txt", "each.txt"])
        .run_with_code(&["broken.txt"], 1)
        .failed(&["broken_txt broken.txt"]);
    for (flags, prefix) in [
        (".SHELLFLAGS = -euo pipefail -c", None),
        (".SHELLFLAGS = -ec", Some("set +uo pipefail; ")),
        (".SHELLFLAGS = -o pipefail -c", Some("set +u; ")),
        (".SHELLFLAGS = -o nounset -o errexit -c", Some("set +o pipefail; ")),
        (".POSIX:", Some("set +uo pipefail; ")),
    ] {
        let makefile = format!("{flags}\na:\n\ttrue; true > a\n");
        let text = Case::new().file("Makefile", &makefile).call(&["import"]).read("Rulefile");
        let found = text.split("shell.prefix(\"").nth(1).and_then(|rest| rest.split('"').next());
        assert_eq!(found, prefix, "{flags}: {text}");
        assert_eq!(text.contains("set +e"), flags == ".SHELLFLAGS = -o pipefail -c", "{flags}: {text}");
    }
}

/// Promise: what is not understood is told with its line, kept in the Rulefile, and stops the command it belongs to.
#[test]
fn what_is_not_understood_is_told() {
    let case = imported("not-understood").run_with_code(&["dbg"], 1);
    assert!(case.read("Rulefile").contains("# line 1: include other.mk\n"));
}

/// Promise: what DVC makes, the Rulefile makes; a param runs what names it and nothing else.
#[test]
fn stages_of_dvc() {
    let case = imported("dvc").run(&[]).run(&[]).ran(&[]);
    assert_eq!(tree(&case.path(".")), tree(&fixture("dvc/made")));
    let case = case.edit("params.yaml", "lr: 0.1", "lr: 0.2").run(&[]);
    assert!(case.read("model-small.txt").contains("lr=0.2"));
    assert!(case.read("report.md").contains("lr=0.2"));
    let case = case.edit("params.yaml", "seed: 7", "seed: 7\nunused: 1").run(&[]).ran(&[]);
    // A param that no command names runs the stages that track it, and no others.
    let other = case.read("other.json");
    let case = case.file("other.json", &other.replacen('{', "{\"unused\": 1, ", 1)).run(&[]).ran(&[]);
    let value = serde_json::from_str::<serde_json::Value>(&other).unwrap()["k"]["v"].to_string();
    let case = case.file("other.json", &other.replace(&value, "99")).run(&[]);
    let ran = case.last().jobs("job-started", |_| true);
    assert!(ran.iter().all(|job| job.starts_with("grid") || job.starts_with("evaluate")), "{ran:?}");
    assert_eq!(ran.len(), 6, "{ran:?}");
    case.run(&[]).ran(&[]);
}

/// What DVC itself makes of a project beside ours, where it is installed: its stages run, and its files are as ours.
struct Dvc(Option<Case>);

impl Dvc {
    fn new(project: &str) -> Dvc {
        if !has("dvc") {
            println!("dvc is not installed: what the Rulefile makes is not held against what it makes");
            return Dvc(None);
        }
        let dvc = Dvc(Some(Case::new().copy_of(project)));
        dvc.call(&["init", "--no-scm", "-q"]);
        dvc
    }

    fn call(&self, args: &[&str]) -> String {
        let Some(case) = &self.0 else { return String::new() };
        let output = program("dvc")
            .args(args)
            .current_dir(case.path("."))
            // It wants a directory for settings, even if there are none.
            .env_remove("XDG_CONFIG_HOME")
            .env("DVC_NO_ANALYTICS", "1")
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Both have run; what they made, and how much of it they made now, is the same.
    fn agrees(&self, ours: &Case) {
        let Some(case) = &self.0 else { return };
        fs::copy(ours.path("params.yaml"), case.path("params.yaml")).unwrap();
        let said = self.call(&["repro"]);
        let stages = said.lines().filter(|line| line.starts_with("Running stage")).count();
        let jobs = ours.last().jobs("job-started", |_| true);
        assert_eq!(stages, jobs.len(), "{said}\n{jobs:?}");
        let mut theirs = tree(&case.path("."));
        theirs.retain(|name, _| {
            !name.starts_with(".dvc") && !name.ends_with(".gitignore") && name != "dvc.lock"
        });
        let mut made = tree(&ours.path("."));
        made.retain(|name, _| !name.starts_with(".stamps"));
        assert_eq!(made, theirs);
    }
}

/// Promise: after an import the values of params stay live: each edit of params.yaml runs what `dvc repro` runs, with the
/// values of then; instances come with the list, the mapping or the axis that they are made of.
#[test]
fn instances_of_dvc_follow_their_params() {
    let dvc = Dvc::new("tests/import/dvc-each/project");
    let case = imported("dvc-each").run(&[]);
    let made = case.last().jobs("job-started", |_| true);
    assert_eq!(made.len(), 29, "{made:?}");
    dvc.agrees(&case);
    let case = case.run(&[]).ran(&[]);
    let step = |case: Case, from: &str, to: &str, ran: &[&str]| {
        let case = case.edit("params.yaml", from, to).run(&[]).ran(ran);
        dvc.agrees(&case);
        case
    };
    // A value of one item, which its command names.
    let case = step(case, "second: 4", "second: 5", &["year year-2020.csv"]);
    assert_eq!(case.read("year-2020.csv").lines().count(), 5);
    let case = step(case, "depth: 3", "depth: 9", &["fit fit/tree"]);
    assert!(
        case.read("fit/tree/model.txt")
            .starts_with("tree --depth 9 --fast --names x 'y z' --deep.n 0.001 it's me\n")
            || case
                .read("fit/tree/model.txt")
                .starts_with("tree --depth 9 --fast --names x y z --deep.n 0.001 it's me\n")
    );
    let case = step(case, "fast: false, names: []", "fast: true, names: [q]", &["fit fit/forest"]);
    // Which file an item needs.
    let case = step(case, "file: b", "file: a", &["fit fit/forest"]);
    let case = step(case, "n: 2}", "n: 3}", &["run_1 run-second.txt"]);
    // A value that several stages name.
    let case = step(
        case,
        "lr: 0.1",
        "lr: 0.2",
        &[
            "size size-small.txt",
            "size size-large.txt",
            "fit fit/tree",
            "fit fit/forest",
            "own own-one.json",
            "own own-two.json",
            "grid grid-1-small.out",
            "grid grid-2-small.out",
            "grid grid-1-large.out",
            "grid grid-2-large.out",
            "checked .stamps/checked@small",
            "checked .stamps/checked@large",
            "inside sub/here.out",
        ],
    );
    assert_eq!(case.read("own-two.json"), "two 2 c x-0.2\n");
    // Yes and no are written as DVC writes them.
    let case = step(case, "flags: [true, false]", "flags: [true]", &[]);
    // New instances.
    let case = step(case, "n: 3}\n", "n: 3}\n  - {name: third, n: 4}\n", &["run_2 run-third.txt"]);
    let case = step(
        case,
        "sizes: [small, large]",
        "sizes: [small, large, a.b-c]",
        &[
            "size size-a.b-c.txt",
            "grid grid-1-a.b-c.out",
            "grid grid-2-a.b-c.out",
            "cross_model0_a_b_c cross-a-a.b-c.out",
            "cross_model1_a_b_c cross-b-a.b-c.out",
            "bykey bykey-x-a.b-c.out",
            "bykey bykey-y-a.b-c.out",
            "checked .stamps/checked@a.b-c",
        ],
    );
    // No rule makes the file of an instance that is not there any more.
    case.call(&["flag-false.txt"]).stderr_has("no rule makes it now");
}

/// Promise: keys that are numbers in their file are the texts that they are in paths. (DVC makes no stage of them.)
#[test]
fn keys_of_instances_may_be_numbers() {
    let yaml = "stages:\n  a:\n    foreach: ${years}\n    do:\n      cmd: echo ${item.n} > ${key}.txt\n      outs: ['${key}.txt']\n";
    let case = Case::new().file("dvc.yaml", yaml).file("params.yaml", "years:\n  2019: {n: 3}\n");
    let case = case.call(&["import"]).run(&[]).ran(&["a 2019.txt"]);
    let case = case.append("params.yaml", "  2020: {n: 4}\n").run(&[]).ran(&["a 2020.txt"]);
    assert_eq!(case.read("2020.txt"), "4\n");
}

/// Promise: a trailing slash, or a directory that is there, tells that an output is a directory.
#[test]
fn outputs_that_are_directories() {
    let yaml = "stages:\n  a:\n    cmd: mkdir -p od && echo x > od/x\n    outs: [od/]\n  b:\n    cmd: mkdir -p pd && echo x > pd/x\n    outs: [pd]\n";
    let case = Case::new().file("dvc.yaml", yaml).file("pd/old", "").call(&["import"]);
    assert!(!case.last().stderr.contains("is taken for a file"), "{}", case.last());
    case.run(&[]).run(&[]).ran(&[]);
}

/// A remark on what a stage makes stands at that, or at its stage, and not at what another one calls the same.
#[test]
fn remarks_on_outputs_stand_at_their_stage() {
    let yaml = "stages:\n  a:\n    cmd: x\n    outs: [plain]\n  b:\n    cmd: x\n    deps:\n    - plain\n    outs:\n    - 'quoted':\n        cache: false\n";
    let case = Case::new().file("dvc.yaml", yaml).call(&["import"]);
    case.stderr_has("line  2  `plain` is taken for a file")
        .stderr_has("line 10  `quoted` is taken for a file");
}

/// Promise: params in Python, which nobody reads, cost a stage nothing but that any change of their file counts; that is told.
#[test]
fn params_in_python_leave_the_rest_of_a_stage() {
    let yaml = "stages:\n  train:\n    cmd: cp data.csv model\n    deps: [data.csv]\n    params:\n      - lr\n      - params.py:\n          - EPOCHS\n          - Net.layers\n    outs: [model]\n";
    let case = Case::new()
        .file("dvc.yaml", yaml)
        .file("params.yaml", "lr: 1\n")
        .file("params.py", "EPOCHS = 3\n")
        .file("data.csv", "1\n")
        .call(&["import"]);
    let report = &case.last().stderr;
    assert!(report.contains("line 2  `EPOCHS`, `Net.layers` in `params.py` are Python, which is not read: any change of that file counts; move them to a YAML file"), "{report}");
    let case = case.run(&[]).ran(&["train model"]).run(&[]).ran(&[]);
    let case = case.file("params.py", "EPOCHS = 4\n").run(&[]).ran(&["train model"]);
    case.file("params.yaml", "lr: 2\n").run(&[]).ran(&["train model"]);
}

/// Promise: stages that cannot be said are left out with the reason, and the others stay.
#[test]
fn stages_that_are_not_understood() {
    let case = Case::new().file(
        "dvc.yaml",
        "stages:\n  a:\n    cmd: echo ${nope} > a\n    outs: [a]\n  b:\n    cmd: echo > b\n    deps: [../x]\n    \
         outs: [b]\n  c:\n    cmd: echo > c\n    frozen: true\n    deps: ['s3://bucket/x']\n    outs:\n      - c:\n          \
         persist: true\n  d:\n    foreach: 3\n    do: {cmd: x}\n  e:\n    cmd: x\n    params: [lr]\nplots: []\n",
    );
    let case = case.call(&["import"]);
    for words in [
        "line  2  the stage `a` is left out: `${nope}` is set nowhere",
        "line  5  the stage `b` is left out: `../x` leads out of the project",
        "line  9  `c` is frozen: DVC does not run it until it is unfrozen",
        "line  9  `s3://bucket/x` is not on this machine",
        "line  9  `c` is kept between runs (persist)",
        "line 16  the stage `d` is left out: its `foreach` is neither a list nor a mapping",
        "line 19  the stage `e` is left out: params.yaml cannot be read",
        "line 22  `plots` is for DVC's own displays: left out",
    ] {
        assert!(case.last().stderr.contains(words), "{words}\n{}", case.last());
    }
    case.run(&[]).ran(&["c c"]);
}

/// Promise: nothing is overwritten, and what cannot be imported is refused with a way out.
#[test]
fn refusals_have_a_way_out() {
    let make = "a.txt:\n\techo > $@\n";
    let case = Case::new().call_with_code(&["import"], 2);
    let case = case.stderr_has("looked for a Makefile, a dvc.yaml and a Snakefile");
    let case = case.file("Makefile", make).file("Rulefile", "mine\n").call_with_code(&["import"], 2);
    assert_eq!(
        case.last().stderr,
        "error: `Rulefile` is there already, and nothing is overwritten\n  \
         = help: `-o FILE` writes to another file, `-o -` prints it\n"
    );
    assert_eq!(case.read("Rulefile"), "mine\n");
    let case = case.call(&["import", "-o", "-"]);
    assert!(case.last().stdout.contains("rule a_txt:"), "{}", case.last());
    let case = case.call(&["import", "-o", "other.rules"]).stderr_has("rulemake -f other.rules check");
    let case = case.call(&["-f", "other.rules"]).file("dvc.yaml", "stages: {}\n");
    let case = case
        .call_with_code(&["import"], 2)
        .stderr_has("there are `Makefile` and `dvc.yaml`\n  = help: name the one to import")
        .call_with_code(&["import", "none.mk"], 2)
        .stderr_has("there is no file `none.mk`")
        .file("strange", make)
        .call_with_code(&["import", "strange"], 2)
        .stderr_has("`--from make`, `dvc` or `snakemake`")
        .call(&["import", "strange", "--from", "make", "-o", "-"])
        .file("bad/dvc.yaml", "stages: [\n")
        .call_with_code(&["import", "bad/dvc.yaml"], 2)
        .file("sub/Makefile", make)
        .call(&["import", "sub/Makefile"])
        .stderr_has("sub/Rulefile has 1 rule, from sub/Makefile\nnext:\n  rulemake -C sub check ");
    case.call(&["-C", "sub"]);
}

/// Promise: `--json` gives the report and nothing else.
#[test]
fn json_is_the_report() {
    let case = Case::new().file("Makefile", "include x\na.txt:\n\techo > $@\n").call(&["import", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(report["rules"], serde_json::json!(["a_txt"]));
    assert_eq!((&report["to"], &report["from"]), (&"Rulefile".into(), &"Makefile".into()));
    assert_eq!((&report["notes"][0]["line"], &report["notes"][0]["missing"]), (&1.into(), &true.into()));
}

/// Promise: a Snakefile is used as it is; what stands in the way is told with its place, and nothing is written.
#[test]
fn a_snakefile_is_reported_on() {
    let case =
        Case::new().file("Snakefile", "rule a:\n    output: \"a.txt\"\n    shell: \"echo > {output}\"\n");
    let case = case.call(&["import"]);
    assert_eq!(
        case.last().stderr,
        "Snakefile is used as it is: its 1 rule loads\nnext:\n  rulemake -f Snakefile -n\n"
    );
    assert!(!case.path("Rulefile").exists());
    let case = case.append("Snakefile", "\nimport subprocess\nX = subprocess.check_output(['date'])\n");
    let case = case
        .call_with_code(&["import"], 1)
        .stderr_has("Snakefile:6")
        .stderr_has("Snakefile does not load yet");
    let case = case.call_with_code(&["import", "--json"], 1);
    let report: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(report["loads"], false);
    case.call_with_code(&["import", "Snakefile", "-o", "x"], 2).stderr_has("`rulemake -f Snakefile`");
}

/// Promise: all that has to be changed in a Snakefile is told at once: a missing file of settings hides nothing, and neither
/// does a rule that loads but cannot run.
#[test]
fn a_snakefile_is_told_all_that_is_wrong_with_it() {
    let text = "configfile: 'none.yaml'\nimport subprocess\nX = subprocess.check_output(['date'])\n\
                rule all:\n    input: expand('o/{s}', s=config['samples'])\n\
                rule a:\n    output: 'o/{s}'\n    wrapper: 'v1/bio/bwa'\n\
                rule b:\n    output: 'x{s}'\n    shell: 'cat {wildcards.z}'\n";
    let case = Case::new().file("Snakefile", text).call_with_code(&["import"], 1);
    for found in
        ["`none.yaml`", "Snakefile:3:", "Snakefile:8:", "Snakefile:11:", "does not load yet: 4 things"]
    {
        assert!(case.last().stderr.contains(found), "{found}: {}", case.last());
    }
    assert!(!case.last().stderr.contains("-error]"), "what follows from a mistake is none: {}", case.last());
    let text = "rule a:\n    output: 'o'\n    wrapper: 'v1/bio/bwa'\n";
    let case = Case::new().file("Snakefile", text).call_with_code(&["import"], 1).stderr_has("has 1 mistake");
    assert!(!case.last().stderr.contains("next:"), "{}", case.last());
}

/// Promise: no Makefile, however broken, makes the import panic.
#[test]
fn strange_makefiles_are_survived() {
    for text in [
        "",
        "\t",
        ":",
        "=",
        "a:",
        "$(",
        "a: $(X",
        "X = $(X)\na: $(X)\n\techo $(X)\n",
        "%: %\n\tx\n",
        "a: a\n",
        "a: b\nb: a\n",
        "endif\nelse\nifdef\n",
        "define\n",
        "define X",
        "$",
        "$$",
        "a:;",
        "é: ü\n\tß $@\n",
        ".PHONY",
        ".PHONY: $(",
        "\\",
        "a \\",
        "A := $(A)\nB = $(C)\nC = $(B)\nx: $(B)\n\t$(B) ${C:%=%}\n",
        "A = $(A) $@\nx: $(A)\n\techo $(notdir $(A)) $(A)\n",
        "A = 1\nA = $(A) $(A)\nx: $(A)\n\techo $(dir $(A))\n",
        "{a}: {b}\n\techo {c} ${} $()\n",
        "a b&: c\n",
        ".c.o:\n\t$(CC) $<\n",
        "AR += x\nB = $(B) y\nC := $(D)$(E)\na{b}: $(D)$(E)\n\t$(AR) $(B)\nc: $(D)$(E)\n\t$(AR) $(B)\n",
        ".é.o:\n\tx\n",
        "$(foreach x,a,$(x)): y\n\tz\n",
        "x: | y\n\t$(word 0,$@)\n",
    ] {
        strange(text);
    }
    // Twice as much with each line.
    let mut text = String::from("a: $(A0)\n\techo $(dir $(A0)) > $@\n");
    for n in 0..60 {
        text.push_str(&format!("A{n} = $(A{m}) $(A{m})$(@D)\nB{n} := $(B{m})$(B{m})\n", m = n + 1));
    }
    strange(&text);
}

fn strange(text: &str) {
    let case = Case::new().file("Makefile", text);
    let output = case.command(&["import", "-o", "-"]).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 8), "{text:?}: {output:?}");
}

/// Promise: a stage whose `wdir` is the project itself is imported as one without, and a directory that its own command makes is one,
/// though it is not built yet.
#[test]
fn a_stage_in_the_directory_itself_and_a_directory_that_is_not_built() {
    let stages = "stages:\n  plots:\n    wdir: ./.\n    cmd: mkdir -p results/plots/sub && cp in.csv results/plots/sub/x\n    deps: [in.csv]\n    outs: [results/plots]\n\
                  \x20 next:\n    wdir: .\n    cmd: cat results/plots/sub/x > sum\n    deps: [results/plots]\n    outs: [sum]\nplots:\n  - sum\n";
    let case = Case::new().file("dvc.yaml", stages).file("in.csv", "1\n").call(&["import"]);
    let case = case.stderr_has("line 12  `plots` is for DVC's own displays");
    assert!(!case.last().stderr.contains("`results/plots` is taken for a file"), "{}", case.last());
    case.run(&["sum"]).ran(&["next sum", "plots results/plots"]).has("sum", "1\n").run(&["sum"]).ran(&[]);
}
