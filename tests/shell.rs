//! What shells and readers of manuals are given: completion of commands, options, rules and files; manual pages.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::Command;
use support::Case;

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
    let output = Command::new(env!("CARGO_BIN_EXE_rulemake"))
        .current_dir(case.path(dir))
        .env("RULEMAKE_COMPLETE", "bash")
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
    assert_eq!(completed(&case, ".", &["rulemake", "--until", "st"]), ["stats"]);
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

/// The script works in the shell it is for.
#[test]
fn the_script_for_bash_completes_in_bash() {
    let case = case();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_rulemake")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env!("PATH"));
    let script = "source <(rulemake completions bash); COMP_WORDS=(rulemake why out/a); COMP_CWORD=2; COMP_TYPE=9; \
                  _clap_complete_rulemake rulemake out/a why; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(case.root())
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "out/a.txt\n");
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
