//! What shells and readers of manuals are given: completion of commands, options, rules and files; manual pages.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::{Case, program};

fn case() -> Case {
    Case::new()
        .rulefile(
            "rule all:\n    input: 'out/a.txt', 'out/b.txt'\n\
             rule one:\n    \"\"\"Sorts\n    slowly.\"\"\"\n    input: 'raw/{s}.txt'\n    output: 'out/{s}.txt'\n    shell: 'sort {input} > {output}'\n\
             rule stats:\n    output: 'stats.txt'\n    shell: 'date > {output}'\n",
        )
        .file("raw/a.txt", "2\n1\n")
        .file("raw/b.txt", "1\n")
}

/// What the shell asks at the end of `line`, and is answered. The last word is what was typed of it.
fn completed(case: &Case, dir: &str, line: &[&str]) -> Vec<String> {
    let index = (line.len() - 1).to_string();
    let output = program(env!("CARGO_BIN_EXE_rulemake"))
        .current_dir(case.path(dir))
        .env("RULEMAKE_COMPLETE", "bash")
        .env("XDG_CONFIG_HOME", case.path("home"))
        .env("_CLAP_COMPLETE_INDEX", index)
        .env("_CLAP_COMPLETE_IFS", "\n")
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .arg("--")
        .args(line)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect()
}

/// Promise: the commands that take a rule for its file offer rules, and what would command the terminal is not offered.
#[test]
fn answers_of_a_rule_are_completed_and_nothing_raw() {
    let rules = "rule all:\n    input: 'stats.txt', 'x\\x1b[31m', 'x\\n2'\n\
                 rule stats:\n    \"\"\"Counts \\x1b[31mall\"\"\"\n    output: 'stats.txt'\n    shell: 'date > {output}'\n\
                 rule x:\n    output: '{x,x.*}'\n    shell: 'date'\n";
    let case = Case::new().rulefile(rules);
    for command in ["why", "log"] {
        let found = completed(&case, "", &["rulemake", command, "sta"]);
        assert_eq!(found, ["stats", "stats.txt"], "{command}");
    }
    let found = completed(&case, "", &["rulemake", ""]).join("|");
    assert!(found.contains("stats") && !found.contains('\u{1b}') && !found.contains("|2"), "{found:?}");
    // Nor are files and directories of the disk, where any may be meant.
    let case = case.file("file\x1b[31m", "").file("file\n2", "").file("dir\x1b[31m/x", "").file("dir/x", "");
    for (line, offered) in [
        (&["rulemake", "fmt", "file"][..], &[""; 0][..]),
        (&["rulemake", "-f", "file"], &[]),
        (&["rulemake", "-f", "di"], &["dir/"]),
        (&["rulemake", "-C", "di"], &["dir/"]),
        (&["rulemake", "init", "-t", "di"], &["dir/"]),
    ] {
        let mut found = completed(&case, "", line);
        // What has the choice to go without a value is completed with the next argument, too.
        found.dedup();
        assert_eq!(found, offered, "{line:?}");
    }
}

/// Targets are rules without wildcards and the files of the default target.
#[test]
fn rules_and_files_are_completed() {
    let case = case();
    let all = completed(&case, ".", &["rulemake", "run", ""]);
    for word in ["all", "stats", "out/a.txt", "out/b.txt"] {
        assert!(all.iter().any(|found| found == word), "{word} in {all:?}");
    }
    assert!(!all.iter().any(|found| found == "one"), "a rule with wildcards cannot be asked for: {all:?}");
    assert_eq!(completed(&case, ".", &["rulemake", "why", "out/b"]), ["out/b.txt"]);
    // A part of the graph may begin at a rule with wildcards, too.
    for option in ["--until", "--omit-from", "--force-from"] {
        assert_eq!(
            completed(&case, ".", &["rulemake", option, ""]),
            ["all", "one", "stats", "out/a.txt", "out/b.txt"]
        );
    }
    assert_eq!(completed(&case, ".", &["rulemake", "--set-threads", "o"]), ["one="]);
    assert_eq!(completed(&case, ".", &["rulemake", "--assume-inputs", ""]), ["raw/a.txt", "raw/b.txt"]);
}

/// Who has typed nothing yet is offered what can follow, and not the forty options, unless nothing else can.
#[test]
fn options_do_not_drown_names() {
    let case = case();
    assert_eq!(completed(&case, ".", &["rulemake", "log", ""]), ["all", "stats", "out/a.txt", "out/b.txt"]);
    assert_eq!(completed(&case, ".", &["rulemake", "why", "out/a.txt", "o"]), ["out/a.txt", "out/b.txt"]);
    let all = completed(&case, ".", &["rulemake", ""]);
    assert!(all.iter().all(|word| !word.starts_with('-')), "{all:?}");
    assert!(completed(&case, ".", &["rulemake", "log", "-"]).contains(&"-q".to_string()));
    assert!(completed(&case, ".", &["rulemake", "status", ""]).contains(&"--json".to_string()));
}

/// Arguments with a few known values offer those, and say nothing of files and rules.
#[test]
fn values_that_are_known_are_completed() {
    let case = case()
        .file("rulemake.toml", "[profile.ci]\njobs = 1\n[profile.big]\njobs = 8\n")
        .file("home/rulemake/night/config.yaml", "jobs: 2\n");
    let first = |line: &[&str]| completed(&case, ".", line);
    assert_eq!(first(&["rulemake", "init", "-t", "m"]), ["minimal", "make-style"]);
    assert_eq!(first(&["rulemake", "man", "pu"]), ["push", "pull"]);
    assert_eq!(first(&["rulemake", "completions", ""]), ["bash", "elvish", "fish", "powershell", "zsh"]);
    assert_eq!(first(&["rulemake", "--profile", "n"]), ["night"]);
    assert_eq!(first(&["rulemake", "--profile", ""])[..3], ["big", "ci", "night"]);
    assert_eq!(first(&["rulemake", "--profile=c"]), ["--profile=ci"]);
    assert_eq!(first(&["rulemake", "check", "--allow", "ambig"]), ["ambiguous-outputs"]);
    assert_eq!(first(&["rulemake", "graph", "--format", ""]), ["dot", "mermaid", "svg"]);
    assert_eq!(first(&["rulemake", "-C", "ra"]), ["raw/"]);
    assert_eq!(first(&["rulemake", "-C", "Ru"]), [""; 0], "a file is no directory");
}

/// The project is that of the options of the line, and files are called as from where the user is.
#[test]
fn completion_knows_the_project_of_the_line_and_the_place_of_the_user() {
    let case = case();
    assert_eq!(completed(&case, "raw", &["rulemake", "why", "../out/a"]), ["../out/a.txt"]);
    std::fs::create_dir(case.path("far")).unwrap();
    std::fs::rename(case.path("Rulefile"), case.path("far/Rulefile")).unwrap();
    std::fs::rename(case.path("raw"), case.path("far/raw")).unwrap();
    assert_eq!(completed(&case, ".", &["rulemake", "-C", "far", "why", "out/a"]), ["out/a.txt"]);
}

/// A Rulefile that is being written does not disturb the line.
#[test]
fn without_a_project_commands_and_options_are_completed() {
    let case = Case::new().rulefile("rule all\n  nonsense");
    assert_eq!(completed(&case, ".", &["rulemake", "pl"]), ["plan"]);
    assert_eq!(completed(&case, ".", &["rulemake", "--keep-g"]), ["--keep-going"]);
    assert!(case.files(".").iter().all(|file| !file.contains(".rulemake")), "completion leaves no trace");
}

/// What `shell` prints that runs `script` in the project, with rulemake on its PATH; nothing if it is not there.
fn in_shell(case: &Case, shell: &str, script: &str) -> Option<String> {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_rulemake")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env!("PATH"));
    let settings = tempfile::tempdir().unwrap();
    let mut command = program(shell);
    command.args(["-c", script]).current_dir(case.root()).env("PATH", path);
    let output = command.env("XDG_CONFIG_HOME", settings.path()).output().ok()?;
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The script works in the shell it is for: bash cuts words at `=` and `:`, and takes an answer for the last piece alone.
#[test]
fn the_script_for_bash_completes_in_bash() {
    let case = case().file("rulemake.toml", "[profile.ci]\njobs = 1\n");
    for (line, pieces, current, expected) in [
        ("rulemake why out/a", "rulemake why out/a", "out/a", "out/a.txt\n"),
        ("rulemake  log ", "rulemake log ''", "", "all\nstats\nout/a.txt\nout/b.txt\n"),
        ("rulemake --profile=c", "rulemake --profile = c", "c", "ci\n"),
        ("rulemake --profile=", "rulemake --profile =", "", "ci\n"),
        ("rulemake --until=st", "rulemake --until = st", "st", "stats\n"),
        ("rulemake --set-threads o", "rulemake --set-threads o", "o", "one=\n"),
        ("rulemake why \"out/b", "rulemake why '\"out/b'", "out/b", "out/b.txt\n"),
        ("rulemake why nothing", "rulemake why nothing", "nothing", ""),
    ] {
        let script = format!(
            "source <(rulemake completions bash); COMP_WORDS=({pieces}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _rulemake_complete rulemake '{current}' x; \
             [[ ${{#COMPREPLY[@]}} -eq 0 ]] || printf '%s\\n' \"${{COMPREPLY[@]}}\" | grep -v '/$\\|^\\.$'; true"
        );
        assert_eq!(in_shell(&case, "bash", &script).unwrap(), expected, "{line}");
    }
}

/// The same in fish and zsh, where these are.
#[test]
fn the_scripts_for_fish_and_zsh_complete_in_them() {
    let case = case();
    let fish =
        "rulemake completions fish | source; complete -C 'rulemake log '; complete -C 'rulemake --until=st'";
    if let Some(found) = in_shell(&case, "fish", fish) {
        assert_eq!(found, "all\ta rule\nstats\ta rule\nout/a.txt\nout/b.txt\n--until=stats\ta rule\n");
    }
    // What stands for the line editor prints what it is given.
    let zsh = "compdef() { function=$1 }; _describe() { print -l -- \"${(@P)3}\" }; \
               source <(rulemake completions zsh); words=(rulemake log ''); CURRENT=3; $function; \
               words=(rulemake --until s); CURRENT=3; $function";
    if let Some(found) = in_shell(&case, "zsh", zsh) {
        assert_eq!(found, "all:a rule\nstats:a rule\nout/a.txt\nout/b.txt\nstats:a rule\n");
    }
}

#[test]
fn there_are_scripts_for_the_shells_that_people_use() {
    for (shell, part) in
        [("bash", "complete -o"), ("zsh", "#compdef rulemake"), ("fish", "complete --keep-order")]
    {
        case().call(&["completions", shell]).stdout_has(part);
    }
    case()
        .call_with_code(&["completions", "tcsh"], 2)
        .stderr_has("no completion for `tcsh`; there is bash, elvish, fish, powershell, zsh");
}

/// Every option is on the page, with what it does.
#[test]
fn there_are_manual_pages() {
    Case::new().call(&["man"]).stdout_has(".TH rulemake").stdout_has("Set the threads of a rule");
    Case::new().call(&["man", "why"]).stdout_has("Explain why a file");
    Case::new().call_with_code(&["man", "wy"], 2).stderr_has("did you mean `why`?");
}
