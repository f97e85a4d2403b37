//! Commands of plain words are started without a shell. Nobody may notice but by the time: each command here is run both
//! ways, with the shell because a variable could change what it does.

#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use support::{Case, program};

struct Seen {
    code: Option<i32>,
    output: Option<String>,
    log: String,
    /// The block about the failure, without what differs by nature.
    told: String,
}

/// What comes of one job with this command; a shell is sure to be asked when `by_shell`.
fn run(command: &str, by_shell: bool) -> Seen {
    let rule = format!(
        "rule r:\n    input: 'in file'\n    output: 'sub/out'\n    params: w='a b'\n    shell: r\"\"\"{command}\"\"\"\n"
    );
    let mut case = Case::new().rulefile(&rule).file("in file", "b\na\nb\n").file("tool", "echo ran $#\n");
    sh(
        &case,
        "chmod +x tool; printf '#!/bin/sh\\nreadlink /proc/$PPID/exe\\npwd; echo $PWD $0 $# \"$@\"\\n' > shebang; chmod +x shebang",
    );
    if by_shell {
        case = case.env("BASH_ENV", "/dev/null");
    }
    let output = case.command(&["-j1"]).output();
    let Ok(output) = output else { panic!("{command}") };
    let root = case.root().to_string_lossy().into_owned();
    let clean = |text: String| text.replace(&root, "ROOT");
    let log =
        case.command(&["log", "sub/out"]).output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    Seen {
        code: output.status.code(),
        output: fs::read_to_string(case.path("sub/out")).ok().map(clean),
        log: clean(log.unwrap_or_default()),
        told: clean(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn sh(case: &Case, command: &str) {
    let status = program("sh").args(["-euc", command]).current_dir(case.root()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
}

/// The lines that do not tell how long something took.
fn lines(text: &str) -> Vec<&str> {
    let takes_time = |line: &&str| line.contains(" s") || line.contains(" ms");
    text.lines().filter(|line| !takes_time(line)).collect()
}

#[test]
fn the_result_is_the_shells() {
    for command in [
        "cp {input} {output}",
        "sort -u < {input} > {output}",
        "sort {input} >> {output}",
        "cat < {input} > {output}",
        "> {output} grep -c b {input}",
        "grep -c nothing {input}",
        "cp {input} sub/elsewhere",
        "cp nowhere {output}",
        "sort < nowhere > {output}",
        "sort {input} > nowhere/{output}",
        "no-such-program {output}",
        "./tool {output}",
        "./shebang {params.w} > {output}",
        "tee {output} < {input}",
        "env -u LC_ALL printenv PWD",
        "ls {input} nowhere",
        "sleep 0",
        "/bin/cp {input:q} \"{output}\"",
        "sh -c 'exit 7'",
    ] {
        let (direct, shell) = (run(command, false), run(command, true));
        assert_eq!(direct.code, shell.code, "{command}\n{}\n{}", direct.told, shell.told);
        let without_exe = |text: &Option<String>| {
            text.as_ref().map(|text| {
                text.lines()
                    .filter(|l| !l.contains("/exe") && !l.starts_with("/usr/") && !l.contains("target"))
                    .collect::<Vec<_>>()
                    .join("\n")
            })
        };
        assert_eq!(without_exe(&direct.output), without_exe(&shell.output), "{command}");
        assert_eq!(direct.log, shell.log, "{command}");
        assert_eq!(lines(&direct.told), lines(&shell.told), "{command}");
    }
}

/// That it is so: the parent of the program is rulemake, and a shell where one may be needed.
#[cfg(target_os = "linux")]
#[test]
fn plain_words_have_no_shell_between() {
    let parent = |rule: &str, by_shell: bool| run(rule, by_shell).output.unwrap_or_default();
    assert!(parent("./shebang > {output}", false).contains("rulemake"));
    let by_shell = parent("./shebang > {output}; true", false);
    assert!(by_shell.starts_with("/usr/bin/bash") || by_shell.starts_with("/bin/bash"), "{by_shell}");
}

/// Promise: a program that a job puts before another one of its name is the one that jobs after it run, however often that
/// other one was found before.
#[test]
#[expect(clippy::disallowed_methods, reason = "programs are found as they are here")]
fn a_program_that_was_made_meanwhile_is_found() {
    let many = "rule early:\n    output: 'early/{n}'\n    shell: 'tool {output}'\n";
    let made = "rule make:\n    input: expand('early/{n}', n=range(40))\n    output: 'bin/tool'\n    \
                shell: 'mkdir -p bin && printf \"#!/bin/sh\\necho new > \\$1\\n\" > {output} && chmod +x {output}'\n";
    let late = "rule late:\n    input: 'bin/tool'\n    output: 'late/{n}'\n    shell: 'tool {output}'\n";
    let all = "rule all:\n    input: expand('late/{n}', n=range(40))\n    default_target: True\n";
    let case = Case::new().rulefile(&format!("{all}{many}{made}{late}"));
    let case = case.file("old/tool", "#!/bin/sh\necho old > $1\n");
    fs::set_permissions(case.path("old/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let here = case.path("").display().to_string();
    let path = format!("{here}/bin:{here}/old:{}", std::env::var("PATH").unwrap());
    let case = case.env("PATH", &path).run(&[]);
    for n in 0..40 {
        assert_eq!(case.read(&format!("early/{n}")), "old\n");
        assert_eq!(case.read(&format!("late/{n}")), "new\n");
    }
}
