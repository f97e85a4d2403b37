//! Options that say something over the Rulefile: threads, resources, profiles.
//! Promise: what stands on the command line wins over profiles, profiles over the Rulefile; none of it is a reason to run.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

const RULE: &str = "rule all:\n    input: 'o'\nrule a:\n    input: 'i'\n    output: 'o'\n    threads: 1\n    \
                    resources: mem_mb=10\n    shell: 'echo {threads} {resources.mem_mb} > {output}'\n";

fn case() -> Case {
    Case::new().rulefile(RULE).file("i", &"x".repeat(3000))
}

#[test]
fn threads_and_resources_of_a_rule_are_set_from_outside() {
    case()
        .run(&["-j8", "--set-threads", "a=4", "--set-resources", "a:mem_mb=20"])
        .has("o", "4 20\n")
        .run(&["-j8", "--set-threads", "a=2"])
        .ran(&[])
        .run(&["-j8", "--set-resources", "a:mem_mb=threads * 5 + attempt", "--force-all"])
        .has("o", "1 6\n");
}

#[test]
fn an_override_of_an_unknown_rule_says_so() {
    for option in [["--set-threads", "aa=4"], ["--set-resources", "aa:mem_mb=4"]] {
        let case = case().call_with_code(&option, 3);
        let text = &case.last().stderr;
        assert!(text.contains("rule `aa`") && text.contains("did you mean `a`?"), "{text}");
    }
    let case = case().call_with_code(&["--set-resources", "a=4"], 2);
    assert!(case.last().stderr.contains("expected RULE:NAME=VALUE"), "{}", case.last().stderr);
}

#[test]
fn default_resources_are_for_rules_that_say_nothing() {
    let rule = "rule a:\n    output: 'o'\n    shell: 'echo {resources.disk_mb} {resources.part} > {output}'\n\
                rule b:\n    output: 'p'\n    resources: disk_mb=7, part='own'\n    \
                shell: 'echo {resources.disk_mb} {resources.part} > {output}'\n";
    Case::new()
        .rulefile(rule)
        .run(&["o", "p", "--default-resources", "disk_mb=3", "--default-resources", "part=long"])
        .has("o", "3 long\n")
        .has("p", "7 own\n");
}

#[test]
fn a_profile_is_read_and_the_command_line_wins() {
    case()
        .file("prof/config.yaml", "jobs: 8\nset-threads:\n  a: 3\nset-resources:\n  a:\n    mem_mb: 30\n")
        .run(&["--profile", "prof"])
        .has("o", "3 30\n")
        .run(&["--profile", "prof", "--set-threads", "a=2", "--force-all"])
        .has("o", "2 30\n");
}

/// Promise: a misspelt option of a profile is told before somebody needs that profile, and is an error where it is used.
#[test]
fn a_misspelt_option_is_told_in_a_profile_that_is_not_used_too() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'touch {output}'\n")
        .file("rulemake.toml", "[profile.ci]\njob = 4\nexecutor = 'slurm'\n[profile.fine]\njobs = 2\n")
        .call(&["--profile", "fine"]);
    let told = &case.last().stderr;
    assert!(told.contains("note: without effect here: `job` in [profile.ci] of "), "{told}");
    assert!(told.contains("rulemake.toml (did you mean `jobs`?)\n") && !told.contains("slurm"), "{told}");
    let case = case.call_with_code(&["--profile", "ci"], 2);
    assert!(case.last().stderr.contains("has an unknown option `job`"), "{}", case.last().stderr);
}

#[test]
fn the_profile_of_the_workflow_is_used_unless_told_otherwise() {
    case()
        .file("profiles/default/config.yaml", "set-threads: [a=2]\nprintshellcmds: true\njobs: 8\n")
        .file("other/config.yaml", "set-threads: [a=3]\n")
        .run(&[])
        .has("o", "2 10\n")
        .run(&["--force-all", "--workflow-profile", "none"])
        .has("o", "1 10\n")
        .run(&["--force-all", "-j8", "--workflow-profile", "other"])
        .has("o", "3 10\n")
        .run(&["--force-all", "--profile", "other"])
        .has("o", "2 10\n");
}

#[test]
fn mistakes_in_profiles_have_their_place() {
    for (text, message) in [
        ("job: 3\n", "unknown option `job`"),
        ("- a\n", "is no mapping"),
        ("keep-going: 3\n", "must be true or false"),
        ("a: [\n", "prof/config.yaml:"),
    ] {
        let case = case().file("prof/config.yaml", text).call_with_code(&["--profile", "prof"], 2);
        assert!(case.last().stderr.contains(message), "{}", case.last().stderr);
    }
    let case = case().call_with_code(&["--profile", "none"], 2);
    assert!(case.last().stderr.contains("there is no profile `none`"), "{}", case.last().stderr);
}

const CHAIN: &str = "rule all:\n    input: 'c', 'other'\nrule a:\n    output: 'a'\n    shell: 'touch {output}'\n\
                     rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'touch {output}'\n\
                     rule c:\n    input: 'b'\n    output: 'c'\n    shell: 'touch {output}'\n\
                     rule other:\n    output: 'other'\n    shell: 'touch {output}'\n";

/// What a run with these options does, which must be what its plan says.
#[track_caller]
fn selects(rulefile: &str, args: &[&str], jobs: &[&str]) {
    let case = Case::new().rulefile(rulefile);
    let mut planned: Vec<String> = case.plan(args).into_iter().map(|(job, _)| job).collect();
    planned.sort();
    assert_eq!(planned, jobs, "the plan of {args:?}");
    case.run(args).ran(jobs).run(args).ran(&[]);
}

#[test]
fn until_makes_a_rule_and_what_it_needs() {
    selects(CHAIN, &["--until", "b"], &["a a", "b b"]);
    selects(CHAIN, &["--until", "b", "--until", "other"], &["a a", "b b", "other other"]);
    let case = Case::new().rulefile(CHAIN).call_with_code(&["--until", "othr"], 4);
    assert!(case.last().stderr.contains("did you mean `other`?"), "{}", case.last().stderr);
}

#[test]
fn omit_from_leaves_out_a_rule_and_what_needs_it() {
    selects(CHAIN, &["--omit-from", "b"], &["a a", "other other"]);
    selects(CHAIN, &["--omit-from", "c", "--until", "b"], &["a a", "b b"]);
}

#[test]
fn a_batch_is_a_part_of_the_inputs_of_a_rule_and_the_last_is_the_rest() {
    let rules = "rule all:\n    input: expand('{n}.x', n=range(5))\n    output: 'all'\n    shell: 'cat {input} > {output}'\n\
                 rule one:\n    output: '{n}.x'\n    shell: 'touch {output}'\n";
    selects(rules, &["--batch", "all=1/2"], &["one 0.x", "one 1.x", "one 2.x"]);
    selects(
        rules,
        &["--batch", "all=2/2"],
        &["all all", "one 0.x", "one 1.x", "one 2.x", "one 3.x", "one 4.x"],
    );
    let case = Case::new().rulefile(rules).call_with_code(&["--batch", "all=1/9"], 4);
    assert!(case.last().stderr.contains("smaller number of parts"), "{}", case.last().stderr);
    let case = case.call_with_code(&["--batch", "all=3/2"], 2);
    assert!(case.last().stderr.contains("with I from 1 to N"), "{}", case.last().stderr);
}

#[test]
fn limits_of_resources_are_written_with_units() {
    let rule = "rule a:\n    output: 'o'\n    resources: mem='2GB'\n    shell: 'echo {resources.mem_mb} > {output}'\n";
    Case::new().rulefile(rule).run(&["--resources", "mem=3GB"]).has("o", "2000\n");
    let case = Case::new().rulefile(rule).call(&["--resources", "mem=1GB"]).has("o", "1000\n");
    case.stderr_has("rule `a` asks for mem_mb=2000; its jobs get 1000");
}

/// Snakemake 9.27 users have these in profiles and in their fingers. Promise: what changes what is made acts or is an
/// error, the rest is named in one line; nothing is dropped in silence.
#[test]
fn a_profile_of_snakemake_acts_or_says_that_it_does_not() {
    let fails_once =
        "rule a:\n    output: 'o'\n    shell: 'test -e again && touch o || {{ touch again; exit 1; }}'\n";
    let prof = "latency-wait: 60\nrerun-incomplete: True\nrerun-triggers: [mtime]\nprintshellcmds: false\n\
                restart-times: 2\nexecutor: local\nscheduler: greedy\nuse-conda: false\ncluster: null\n";
    let case = Case::new().rulefile(fails_once).file("prof/config.yaml", prof);
    let case = case.call_with_code(&["--profile", "prof"], 0);
    let text = &case.last().stderr;
    let line =
        "note: without effect here: `latency-wait`, `rerun-incomplete`, `rerun-triggers`, `scheduler`\n";
    assert!(text.contains(line) && !text.contains("printshellcmds"), "{text}");
    let case = case.call_with_code(&["--profile", "prof", "list"], 0);
    assert!(!case.last().stderr.contains("without effect"), "{}", case.last().stderr);

    for (text, named) in [
        ("executor: slurm\n", "`executor`"),
        ("cluster: qsub -q long\n", "`cluster`"),
        ("cluster-generic-submit-cmd: qsub\n", "`cluster-generic-submit-cmd`"),
    ] {
        let case = Case::new().rulefile(fails_once).file("prof/config.yaml", text);
        let case = case.call_with_code(&["--profile", "prof"], 2);
        let text = &case.last().stderr;
        assert!(text.contains(named) && text.contains("running on a cluster is not there yet"), "{text}");
    }
}

#[test]
fn the_switches_for_environments_act_by_their_names_in_snakemake() {
    let rule = "rule a:\n    output: 'o'\n    conda: 'none-such.yaml'\n    shell: 'touch o'\n";
    for profile in ["use-conda: true\n", "sdm: conda\n", "software-deployment-method: [conda]\n"] {
        let case = Case::new().rulefile(rule).file("prof/config.yaml", profile);
        let case = case.call_with_code(&["--profile", "prof"], 7);
        assert!(case.last().stderr.contains("none-such.yaml"), "{}", case.last().stderr);
    }
    let case = Case::new().rulefile(rule).call_with_code(&["--use-conda"], 7);
    assert!(case.last().stderr.contains("none-such.yaml"), "{}", case.last().stderr);
    Case::new().rulefile(rule).call_with_code(&["run", "o"], 0);
}

#[test]
fn harmless_options_of_snakemake_are_taken_with_a_remark() {
    let case = case().call_with_code(&["-npr", "--rerun-incomplete", "--latency-wait", "5", "o"], 0);
    let text = &case.last().stderr;
    let line = "note: without effect here: `printshellcmds`, `reason`, `rerun-incomplete`, `latency-wait` \
                (`-vv` shows the commands)\n";
    assert!(text.contains(line), "{text}");
    let case = case.call_with_code(&["-q", "-p", "-w5", "--ri", "--show-failed-logs"], 0).has("o", "1 10\n");
    assert_eq!(case.last().stderr, "");
    let dir = case.root().to_string_lossy().into_owned();
    case.call_with_code(&["-n", "-d", &dir, "-F"], 0).stdout_has("forced");
}

#[test]
fn unknown_options_get_the_words_that_stand_here_all_at_once() {
    let line =
        ["--report", "r.html", "-R", "a", "--lint", "--executor=slurm", "--list", "--touch", "--nonsense"];
    let case = case().call_with_code(&line[..3], 2);
    assert!(case.last().stderr.contains("`--force-from NAME`"), "{}", case.last().stderr);
    let case = case.call_with_code(&["--executor=slurm"], 2);
    assert!(case.last().stderr.contains("running on a cluster is not there yet"), "{}", case.last().stderr);
    let case = case.call_with_code(&["--watch"], 2).stderr_has("`rulemake watch` runs again");
    let case = case.call_with_code(&["--force_all"], 2).stderr_has("did you mean '--force-all'?");
    let line: Vec<&str> = line.into_iter().filter(|word| !word.starts_with("--exec")).collect();
    let case = case.call_with_code(&line, 2);
    let text = &case.last().stderr;
    for words in [
        "'--report'",
        "no reports",
        "`--force-from NAME`",
        "`rulemake check`",
        "`rulemake list`",
        "'--nonsense'",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// From the weakest to the strongest: the project's settings, a named set of them, a variable, the line.
#[test]
fn settings_of_the_project_hold_until_somebody_says_otherwise() {
    let case = || {
        case()
            .file("rulemake.toml", "set-threads = ['a=2']\njobs = 8\n[profile.big]\nset-threads = ['a=3']\n")
    };
    case()
        .run(&[])
        .has("o", "2 10\n")
        .run(&["--profile", "big", "--force-all"])
        .has("o", "3 10\n")
        .env("RULEMAKE_SET_THREADS", "a=4")
        .run(&["--profile", "big", "--force-all"])
        .has("o", "4 10\n")
        .run(&["--set-threads", "a=5", "--force-all"])
        .has("o", "5 10\n");
    case().env("RULEMAKE_DRY_RUN", "1").call(&[]).stdout_has("1 will run").has_not("o");
}

#[test]
fn config_shows_what_is_set_and_where() {
    let case = case()
        .file("rulemake.toml", "jobs = 8\nkeep-going = true\n")
        .env("RULEMAKE_JOBS", "3")
        .call(&["config"]);
    assert_eq!(case.last().stdout, "keep-going = true\njobs = 3\n");
    let case = case.call(&["config", "--show-origin"]);
    let all: Vec<&str> = case.last().stdout.lines().collect();
    assert!(
        all.iter().any(|line| line.starts_with("quiet = false ") && line.ends_with("# default")),
        "{all:?}"
    );
    let lines: Vec<&str> = all.iter().copied().filter(|line| !line.ends_with("# default")).collect();
    assert!(
        lines[0].starts_with("jobs = 8 ") && lines[0].ends_with("rulemake.toml (overridden)"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("keep-going = true  ") && lines[1].ends_with("rulemake.toml"), "{lines:?}");
    assert!(lines[2].starts_with("jobs = 3  ") && lines[2].ends_with("  # RULEMAKE_JOBS"), "{lines:?}");
    let case = case.call(&["-j1", "-v", "config", "--json", "-v"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let settings = json["settings"].as_array().unwrap();
    let value = |name: &str| {
        let found = settings.iter().find(|one| one["name"] == name && one["overridden"] == false).unwrap();
        (found["value"].as_str().unwrap(), found["origin"].as_str().unwrap().rsplit('/').next().unwrap())
    };
    assert_eq!(value("jobs"), ("1", "the command line"));
    assert_eq!(value("verbose"), ("2", "the command line"));
    assert_eq!(value("keep-going"), ("true", "rulemake.toml"));
    let case = case.file("rulemake.toml", "job = 8\n").call_with_code(&["config"], 2);
    assert!(
        case.last().stderr.contains("has an unknown option `job`\n  = help: did you mean `jobs`?"),
        "{}",
        case.last().stderr
    );
}

/// Variables of a file reach the Rulefile and its jobs, on request only; what the environment holds stays.
#[test]
fn variables_of_a_file_reach_the_rulefile_and_its_jobs() {
    let case = || {
        Case::new()
            .rulefile(
                "envvars: 'FROM_FILE'\nrule a:\n    output: 'o'\n    params: x=os.environ['FROM_FILE']\n    \
                 shell: 'echo {params.x} $FROM_FILE $BOTH > {output}'\n",
            )
            .file(".env", "# a remark\nFROM_FILE='two words'\nexport BOTH=file\n")
            .env("BOTH", "outside")
    };
    case().run(&["--dotenv", ".env"]).has("o", "two words two words outside\n");
    case().call_with_code(&[], 3).stderr_has("FROM_FILE");
    case().file("rulemake.toml", "dotenv = '.env'\n").run(&[]).has("o", "two words two words outside\n");
    case()
        .call_with_code(&["--dotenv", "none"], 2)
        .stderr_has("there is no file `")
        .stderr_has("none` with variables");
}

/// In GitHub Actions what failed is shown beside the code, and counted on the page of the run.
#[test]
fn failures_are_annotated_in_github_actions() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'o'\n    shell: 'echo 50 %; echo oops; false'\n")
        .env("GITHUB_ACTIONS", "true");
    let page = case.path("page.md");
    let case = case.env("GITHUB_STEP_SUMMARY", page.to_str().unwrap()).call_with_code(&[], 1);
    let case = case.stderr_has("::error file=Rulefile,line=1,title=a o failed%3A exit 1::50 %25%0Aoops");
    let text = case.read("page.md");
    assert!(text.starts_with("### rulemake: 0 ran, 1 failed in "), "{text}");
    assert!(text.ends_with("| failed | why |\n|---|---|\n| a o | exit 1 |\n"), "{text}");
    // What a rule says of itself is read by people, and is no command to the runner.
    let case = Case::new()
        .rulefile("rule a:\n    output: 'o'\n    message: '::add-mask::x'\n    shell: 'touch o'\n")
        .env("GITHUB_ACTIONS", "true")
        .call(&[]);
    let lines: Vec<&str> = case.last().stderr.lines().collect();
    let at = lines.iter().position(|line| *line == "::add-mask::x").unwrap();
    let token = lines[at - 1].strip_prefix("::stop-commands::").unwrap();
    assert_eq!(lines[at + 1], format!("::{token}::"));
    // Nor is what a Rulefile prints, or a mistake that it tells of.
    let case = Case::new()
        .rulefile("print('::add-mask::x')\nraise ValueError('##[stop-commands]x')\n")
        .env("GITHUB_ACTIONS", "true")
        .call_with_code(&[], 3);
    let lines: Vec<&str> = case.last().stderr.lines().collect();
    let mut token = None;
    for line in &lines {
        if let Some(new) = line.strip_prefix("::stop-commands::") {
            assert!(token.replace(format!("::{new}::")).is_none(), "{lines:#?}");
        } else if token.as_deref() == Some(line) {
            token = None;
        } else if line.starts_with("::add-mask") || line.contains("##[") {
            assert!(token.is_some() || line.starts_with("::error "), "{line} in {lines:#?}");
        }
    }
    assert_eq!(token, None, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("::stop-commands::")).count(), 2, "{lines:#?}");
    // Nor is what is shown of a log, of metrics or of rules; a file has it as it is, and so have programs.
    let case = Case::new()
        .rulefile("rule a:\n    metrics: '::warning::x.json'\n    shell: 'echo ::add-mask::x; echo end; echo 1 > {output}'\n")
        .env("GITHUB_ACTIONS", "true")
        .call(&[]);
    let case = ["log ::warning::x.json", "metrics", "list --outputs"].iter().fold(case, |case, args| {
        let case = case.call(&args.split(' ').collect::<Vec<_>>());
        let stdout = case.last().stdout.clone();
        let lines: Vec<&str> = stdout.lines().collect();
        let token = lines[0].strip_prefix("::stop-commands::").unwrap_or_else(|| panic!("{args}: {stdout}"));
        assert!(lines.len() > 2 && lines[lines.len() - 1] == format!("::{token}::"), "{args}: {stdout}");
        case
    });
    let file = std::fs::File::create(case.path("file")).unwrap();
    assert!(case.command(&["log", "::warning::x.json"]).stdout(file).status().unwrap().success());
    case.has("file", "::add-mask::x\nend\n")
        .call(&["list", "--outputs", "--json"])
        .stdout_lacks("stop-commands");
    Case::new()
        .rulefile("rule a:\n    output: 'o'\n    shel: 'true'\n")
        .env("GITHUB_ACTIONS", "true")
        .call_with_code(&[], 3)
        .stderr_has("::error file=Rulefile,line=3,col=5,title=");
}
