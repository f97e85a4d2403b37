//! Programs in other languages: what they see of their job, when they run again, and what is said when they cannot.
//! What Snakemake gives the same scripts was compared when these tests were written.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on ends, and puts programs in front of those of the machine"
)]
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use support::Case;

/// Whether a program is here; a test that needs it says so and ends when it is not.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("skipped: `{program}` is not installed");
    }
    found
}

/// A directory with these programs of the system and nothing else, as the whole PATH.
fn only(case: Case, programs: &[&str]) -> Case {
    fs::create_dir_all(case.path("bin")).unwrap();
    for name in programs {
        let found = ["/bin", "/usr/bin"].iter().map(|dir| format!("{dir}/{name}"));
        let path = found.into_iter().find(|path| fs::metadata(path).is_ok()).unwrap();
        symlink(path, case.path(&format!("bin/{name}"))).unwrap();
    }
    let path = case.path("bin").to_string_lossy().into_owned();
    case.env("PATH", &path)
}

/// A program of this name before all others, in bash.
fn fake(case: Case, name: &str, text: &str) -> Case {
    let file = format!("fake/{name}");
    let case = case.file(&file, &format!("#!/bin/bash\n{text}"));
    fs::set_permissions(case.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", case.path("fake").display(), std::env::var("PATH").unwrap());
    case.env("PATH", &path)
}

const RULE: &str = r#"
configfile: "config.yaml"
rule show:
    input: "in1.txt", x="in2.txt", l=["in1.txt", "in2.txt"]
    output: "out/{s}.txt", named="out/{s}.named.txt"
    params: "pos", a=1, b=2.5, c=True, d=None, e=["x", "y"], f={"k": [1, 2]}, g=lambda wc: wc.s * 2
    threads: 1
    resources: mem_mb=100, foo="bar"
    log: "logs/{s}.log", other="logs/{s}.2.log"
    script: "scripts/SCRIPT"
"#;

fn shown(script: &str, text: &str) -> Case {
    Case::new()
        .rulefile(&RULE.replace("SCRIPT", script))
        .file("config.yaml", "a: 1\nb: {c: [1, 2], d: x}\ne: [p, q]\n")
        .file("in1.txt", "1\n")
        .file("in2.txt", "2\n")
        .file(&format!("scripts/{script}"), text)
}

#[test]
fn a_python_script_sees_its_job() {
    if !has("python3") {
        return;
    }
    let script = r#"
import os
import helper
from snakemake.script import snakemake as imported
with open(snakemake.output[0], "w") as f:
    for part in "input output params wildcards threads log rule bench_iteration".split():
        value = getattr(snakemake, part)
        print(part, repr(value), "|", str(value), file=f)
    print(list(snakemake.input.items()), snakemake.input["x"], snakemake.input.get("no", "default"), file=f)
    print(snakemake.params.f["k"], [p for p in snakemake.params][1], snakemake.params.get("e"), file=f)
    print(snakemake.resources.mem_mb, snakemake.resources["foo"], bool(snakemake.resources.tmpdir), file=f)
    print(snakemake.config["b"]["c"], os.path.basename(snakemake.scriptdir), helper.x, file=f)
    print(__name__, os.path.basename(__file__), imported is snakemake, file=f)
    print(snakemake.log_fmt_shell(), "|", snakemake.log_fmt_shell(stdout=False, append=True), file=f)
    print(os.getcwd() == os.path.dirname(snakemake.scriptdir), os.environ["OMP_NUM_THREADS"], file=f)
    try:
        snakemake.input.nope
    except AttributeError as error:
        print(error, file=f)
open(snakemake.output.named, "w").close()
print("to the log")
"#;
    let case = shown("show.py", script).file("scripts/helper.py", "x = 7\n").run(&["out/ab.txt"]);
    let expected = "\
input ['in1.txt', 'in2.txt', 'in1.txt', 'in2.txt'] | in1.txt in2.txt in1.txt in2.txt
output ['out/ab.txt', 'out/ab.named.txt'] | out/ab.txt out/ab.named.txt
params ['pos', 1, 2.5, True, None, ['x', 'y'], {'k': [1, 2]}, 'abab'] | pos 1 2.5 True None ['x', 'y'] {'k': [1, 2]} abab
wildcards ['ab'] | ab
threads 1 | 1
log ['logs/ab.log', 'logs/ab.2.log'] | logs/ab.log logs/ab.2.log
rule 'show' | show
bench_iteration None | None
[('x', 'in2.txt'), ('l', ['in1.txt', 'in2.txt'])] in2.txt default
[1, 2] 1 ['x', 'y']
100 bar True
[1, 2] scripts 7
__main__ show.py True
 > logs/ab.log logs/ab.2.log 2>&1 |  2>> logs/ab.log logs/ab.2.log
True 1
'InputFiles' has no item 'nope'; its names: x, l
";
    let case = case.has("out/ab.txt", expected).call(&["log", "out/ab.txt"]).stdout_has("to the log");
    // What it needs beside its log is gone afterwards.
    let left = fs::read_dir(case.path(".rulemake/runs/1/jobs")).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["0.log"]);
}

#[test]
fn a_bash_script_sees_its_job() {
    let script = r#"#!/bin/bash
{
echo "${snakemake_input[0]} ${snakemake_input[x]} ${snakemake_input[l]} ${#snakemake_input[@]}"
echo "${snakemake_params[g]} ${snakemake_params[0]} ${snakemake_params[c]} ${snakemake_wildcards[s]}"
echo "${snakemake_resources[mem_mb]} ${snakemake_log[other]} ${snakemake_config[e]} ${snakemake[threads]} ${snakemake[rule]}"
[[ ${BASH_SOURCE[0]} == "$0" ]] && echo "main $LINENO ${0##*.show}"
} > "${snakemake_output[0]}"
touch "${snakemake_output[named]}"
"#;
    shown("show.sh", script).run(&["out/ab.txt"]).has(
        "out/ab.txt",
        "in1.txt in2.txt in1.txt in2.txt 5\nabab pos True ab\n100 logs/ab.2.log p q 1 show\nmain 6 .sh\n",
    );
}

#[test]
fn a_script_is_known_by_its_content() {
    if !has("python3") {
        return;
    }
    let case = Case::new()
        .rulefile("rule a:\n    input: 'in'\n    output: 'out'\n    script: 'scripts/a.py'\n")
        .file("in", "1\n")
        .file(
            "scripts/a.py",
            "import lib.part\nopen(snakemake.output[0], 'w').write(str(lib.part.X) + 'a')\n",
        )
        .file("scripts/lib/__init__.py", "")
        .file("scripts/lib/part.py", "X = 1\n")
        .run(&["out"])
        .ran(&["a out"])
        .has("out", "1a")
        // Snakemake runs again for a touched script and misses one with other content and an older time.
        .touch("scripts/a.py", 2_000_000_000)
        .run(&["out"])
        .ran(&[])
        .touch("scripts/a.py", 1_000_000_000)
        .file_with_old_mtime("scripts/a.py", "import lib.part\nopen(snakemake.output[0], 'w').write('b')\n");
    case.call(&["why", "out"])
        .stdout_has("script scripts/a.py changed")
        .run(&["out"])
        .because("a out", "script-changed")
        .has("out", "b")
        .run(&["out"])
        .ran(&[])
        // So is what it imports from its own directory.
        .file("scripts/lib/part.py", "X = 2\n")
        .run(&["out"])
        .because("a out", "script-changed");
}

#[test]
fn settings_that_a_script_reads_are_part_of_it() {
    if !has("python3") {
        return;
    }
    Case::new()
        .rulefile("rule a:\n    output: 'out'\n    script: 'a.py'\n")
        .file("a.py", "open(snakemake.output[0], 'w').write(str(snakemake.config.get('n')))\n")
        .run(&["out", "--config", "n=1", "--config", "other=1"])
        .has("out", "1")
        .run(&["out", "--config", "n=1", "--config", "other=2"])
        .ran(&[])
        .run(&["out", "--config", "n=2"])
        .because("a out", "param-changed")
        .has("out", "2");
}

/// What is read of it elsewhere cannot be seen, so all settings count.
#[test]
fn a_script_that_passes_its_job_on_counts_with_all_settings() {
    if !has("python3") {
        return;
    }
    Case::new()
        .rulefile("rule a:\n    output: 'out'\n    script: 'a.py'\n")
        .file(
            "a.py",
            "def main(job):\n    open(job.output[0], 'w').write(str(job.config['n']))\nmain(snakemake)\n",
        )
        .run(&["out", "--config", "n=1"])
        .has("out", "1")
        .run(&["out", "--config", "n=2"])
        .has("out", "2");
}

#[test]
fn a_path_starts_from_its_rulefile_and_may_name_wildcards_and_params() {
    Case::new()
        .rulefile("include: 'rules/more.smk'\n")
        .file(
            "rules/more.smk",
            "rule a:\n    output: 'out/{s}.txt'\n    params: d='sub'\n    script: '../{params.d}/{wildcards.s}.sh'\n",
        )
        .file("sub/x.sh", "echo x > ${snakemake_output[0]}\n")
        .file("sub/y.sh", "echo y > ${snakemake_output[0]}\n")
        .run(&["out/x.txt", "out/y.txt"])
        .has("out/x.txt", "x\n")
        .has("out/y.txt", "y\n")
        .file("sub/y.sh", "echo z > ${snakemake_output[0]}\n")
        .run(&["out/x.txt", "out/y.txt"])
        .ran(&["a out/y.txt"]);
}

#[test]
fn a_script_is_found_from_other_directories() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'out'\n    script: 'a.sh'\n")
        .file("a.sh", "echo ${snakemake[scriptdir]} > ${snakemake_output[0]}\n")
        .file("sub/dir/x", "");
    let output = case.command(&["../../out"]).current_dir(case.path("sub/dir")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(case.read("out").trim_end(), case.root().to_string_lossy());
}

#[test]
fn what_cannot_be_run_is_said_before_anything_runs() {
    let rule = |script: &str| format!("rule a:\n    output: 'out'\n    script: '{script}'\n");
    Case::new()
        .rulefile(&rule("none.py"))
        .call_with_code(&["-n", "out"], 4)
        .stderr_has("the script `none.py` of rule `a` does not exist")
        .call_with_code(&["out"], 4)
        .stderr_has("the script `none.py` of rule `a` does not exist")
        .rulefile(&rule("a.pl"))
        .file("a.pl", "")
        .call_with_code(&["-n", "out"], 4)
        .stderr_has("a script ends in .py, .R, .Rmd, .jl, .rs or .sh")
        .rulefile(&rule("https://example.org/a.py"))
        .call_with_code(&["-n", "out"], 4)
        .stderr_has("which is no file")
        .rulefile(&rule("dir.py"))
        .file("dir.py/x", "")
        .call_with_code(&["-n", "out"], 4)
        .stderr_has("is a directory");
}

#[test]
fn a_missing_interpreter_is_named() {
    for (script, program) in [
        ("a.py", "python3"),
        ("a.R", "Rscript"),
        ("a.Rmd", "Rscript"),
        ("a.jl", "julia"),
        ("a.rs", "rust-script"),
    ] {
        let case = only(Case::new(), &["bash"])
            .rulefile(&format!("rule a:\n    output: 'out'\n    script: '{script}'\n"))
            .file(script, "");
        case.call_with_code(&["-n", "out"], 4)
            .stderr_has(&format!("rule `a` needs `{program}`, which was not found: install"))
            .call_with_code(&["out"], 1)
            .stderr_has(&format!("rule `a` needs `{program}`, which was not found: install"));
    }
}

#[test]
fn an_exception_shows_the_script_and_its_line() {
    if !has("python3") {
        return;
    }
    let case = Case::new()
        .rulefile("rule a:\n    output: 'out'\n    script: 'a.py'\n")
        .file("a.py", "open('out', 'w').write('half')\n\ndef f():\n    return 1 / 0\nf()\n")
        .call_with_code(&["out"], 1)
        .stderr_has("ZeroDivisionError")
        .stderr_has("a.py\", line 4, in f")
        .stderr_has("exit 1")
        .has_not("out");
    assert!(!case.last().stderr.contains("rulemake_job"), "{}", case.last());
    // `exit` and non-UTF-8 output.
    case.file("a.py", "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe\\n')\nsys.exit(3)\n")
        .call_with_code(&["out"], 1)
        .stderr_has("exit 3")
        .file("a.py", "print('x'\n")
        .call_with_code(&["out"], 1)
        .stderr_has("SyntaxError");
}

#[test]
fn params_may_be_larger_than_any_argument() {
    if !has("python3") {
        return;
    }
    let rule = |end: &str| {
        format!(
            "rule {end}:\n    output: '{end}.txt'\n    params: p=['x' * 100] * 50000\n    script: 'a.{end}'\n"
        )
    };
    Case::new()
        .rulefile(&(rule("py") + &rule("sh")))
        .file("a.py", "open(snakemake.output[0], 'w').write(str(len(snakemake.params.p)))\n")
        .file("a.sh", "echo ${#snakemake_params[p]} > ${snakemake_output[0]}\n")
        .run(&["py.txt", "sh.txt"])
        .has("py.txt", "50000")
        .has("sh.txt", "5049999\n");
}

/// Promise: an R script sees its job, and its failure is told with what R says.
#[test]
fn an_r_script_sees_its_job() {
    if !has("Rscript") {
        return;
    }
    let script = r#"
source(file.path(snakemake@scriptdir, "helper.R"))
stopifnot(
    identical(snakemake@input[[1]], "in1.txt"), identical(snakemake@input[["x"]], "in2.txt"),
    identical(snakemake@input$l, c("in1.txt", "in2.txt")), length(snakemake@input) >= 4,
    identical(snakemake@params[[1]], "pos"), snakemake@params$a == 1, snakemake@params$b == 2.5,
    isTRUE(snakemake@params$c), is.null(snakemake@params$d), identical(snakemake@params$e, c("x", "y")),
    all(unlist(snakemake@params$f$k) == c(1, 2)), identical(snakemake@params$g, "abab"),
    identical(snakemake@wildcards$s, "ab"), snakemake@threads == 1, snakemake@resources$mem_mb == 100,
    identical(snakemake@resources[["foo"]], "bar"), identical(snakemake@config$b$d, "x"),
    identical(snakemake@rule, "show"), is.na(snakemake@bench_iteration)
)
writeLines(c(helper(), readLines(snakemake@input$x)), snakemake@output[[1]])
file.create(snakemake@output$named)
writeLines("mine", snakemake@log[["other"]])
"#;
    let case = shown("show.R", script).file("scripts/helper.R", "helper <- function() snakemake@rule\n");
    let case = case.run(&["out/ab.txt"]).has("out/ab.txt", "show\n2\n").has("logs/ab.2.log", "mine\n");
    let case = case.append("scripts/show.R", "nowhere()\n").call_with_code(&["out/ab.txt"], 1);
    case.stderr_has("could not find function \"nowhere\"");
}

/// Promise: an R Markdown document sees its job, is rendered to the output in its format, and its failure names its own lines.
#[test]
fn a_document_in_r_markdown_sees_its_job() {
    let ready =
        "quit(status = !(requireNamespace('rmarkdown', quietly = TRUE) && rmarkdown::pandoc_available()))";
    if !has("Rscript") {
        return;
    }
    if !Command::new("Rscript").args(["-e", ready]).status().unwrap().success() {
        eprintln!("skipped: R's package rmarkdown, or pandoc, is not installed");
        return;
    }
    let document = "---\ntitle: \"Über\"\noutput: md_document\n---\n\nTwice: `r snakemake@params$n * 2`\n\n```{r, echo=FALSE}\n\
                    helper <- function() readLines(snakemake@input[[1]])\nhelper()\n```\n";
    let case = Case::new()
        .rulefile(
            "rule a:\n    input: 'in.txt'\n    output: 'out/a.md'\n    params: n=21\n    script: 'a.Rmd'\n",
        )
        .file("in.txt", "from é\n")
        .file("a.Rmd", document)
        .run(&["out/a.md"]);
    assert_eq!(case.read("out/a.md"), "Twice: 42\n\n    ## [1] \"from é\"\n");
    let case = case.run(&["out/a.md"]).ran(&[]).has_not("a.md").has_not("a_files");
    let case = case.edit("a.Rmd", "helper()\n```", "nowhere\n```").call_with_code(&["out/a.md"], 1);
    let case = case.stderr_has("object 'nowhere' not found");
    // The lines of the document as its author sees it; knitr counts those with the marks in its own way.
    let told = &case.last().stderr;
    assert!(["lines 8-1", "lines 9-1", "lines 10-1"].iter().any(|lines| told.contains(lines)), "{told}");
}

/// Promise: a Julia script sees its job.
#[test]
fn a_julia_script_sees_its_job() {
    if !has("julia") {
        return;
    }
    let script = r#"
@assert snakemake.input[1] == "in1.txt" && snakemake.input["x"] == "in2.txt"
@assert snakemake.params["a"] == 1 && snakemake.params["c"] && isnothing(snakemake.params["d"])
@assert snakemake.params["f"]["k"] == [1, 2] && snakemake.wildcards["s"] == "ab"
@assert snakemake.config["b"]["d"] == "x" && snakemake.threads == 1
write(snakemake.output[1], snakemake.rule)
write(snakemake.output["named"], "")
"#;
    shown("show.jl", script).run(&["out/ab.txt"]).has("out/ab.txt", "show");
}

/// The interpreter is a fake that shows what it was given, so that the text is looked at where there is no R.
#[test]
fn r_gets_the_script_behind_the_job() {
    let show = "echo \"$1\" > out/ab.txt; cat \"$2\" >> out/ab.txt; touch out/ab.named.txt";
    let case = fake(shown("show.R", "cat('hello')\n"), "Rscript", show).run(&["out/ab.txt"]);
    let text = case.read("out/ab.txt");
    assert!(text.starts_with("--vanilla\nlibrary(methods)\n"), "{text}");
    assert!(text.contains("\"x\" = \"in2.txt\", \"l\" = c(\"in1.txt\", \"in2.txt\")"), "{text}");
    assert!(text.ends_with("cat('hello')\n"), "{text}");
}

#[test]
fn a_markdown_document_is_rendered_to_the_output() {
    let show = "echo \"$3\" > out; cat .rulemake/runs/1/jobs/0.R .rulemake/runs/1/jobs/0.d/a.Rmd >> out";
    let case = fake(Case::new(), "Rscript", show)
        .rulefile("rule a:\n    output: 'out'\n    script: 'a.Rmd'\n")
        .file("a.Rmd", "---\ntitle: x\n---\ntext\n")
        .run(&["out"]);
    let text = case.read("out");
    assert!(text.starts_with("source(\"/"), "{text}");
    assert!(text.contains("/jobs/0.R\", encoding = \"UTF-8\"); rmarkdown::render(\"/"), "{text}");
    assert!(text.contains("quiet = TRUE, knit_root_dir = \"/"), "{text}");
    assert!(text.contains("snakemake <- new(") && text.ends_with("\n---\ntitle: x\n---\ntext\n"), "{text}");
    case.has_not(".rulemake/runs/1/jobs/0.d").has_not(".rulemake/runs/1/jobs/0.R");
}

#[test]
fn julia_gets_the_script_behind_the_job() {
    let show = "cat \"$1\" > out/ab.txt; touch out/ab.named.txt";
    let case = fake(shown("show.jl", "println(1)\n"), "julia", show).run(&["out/ab.txt"]);
    let text = case.read("out/ab.txt");
    assert!(text.contains("snakemake = Snakemake(\n") && text.ends_with("println(1)\n"), "{text}");
}

#[test]
fn rust_gets_its_dependencies_and_the_job() {
    let show = "echo \"$*\" > out/ab.txt; cat \"${@: -1}\" >> out/ab.txt; touch out/ab.named.txt";
    let case = fake(shown("show.rs", "fn main() {}\n"), "rust-script", show).run(&["out/ab.txt"]);
    let text = case.read("out/ab.txt");
    assert!(text.starts_with("-d anyhow=1 -d gag=1"), "{text}");
    assert!(text.ends_with("fn main() {}\n"), "{text}");
}

const NOTEBOOK: &str = r##"{"cells": [
  {"cell_type": "code", "execution_count": 1, "metadata": {"tags": ["snakemake-job-properties"]}, "outputs": [], "source": "old = 1", "id": "a"},
  {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": "x = 1", "id": "b"}],
 "metadata": {"kernelspec": {"language": "python", "name": "python3"}, "language_info": {"name": "python"}},
 "nbformat": 4, "nbformat_minor": 5}"##;

#[test]
fn a_notebook_is_executed_with_its_job_in_the_first_cell() {
    // The fake executes the cells in Python, as a kernel does, and keeps the notebook where it was told.
    let execute = r#"
[ "$1" = nbconvert ] || exit 9
while [ $# -gt 1 ]; do [ "$1" = --output ] && kept=$2; shift; done
cp "$1" "$kept"
cd "$(dirname "$1")" && exec python3 -c 'import json, sys
for cell in json.load(open(sys.argv[1]))["cells"]: exec(cell["source"])' "$1"
"#;
    let case = Case::new()
        .rulefile(
            "rule a:\n    output: 'out'\n    params: p=5\n    log: notebook='logs/a.ipynb'\n    notebook: 'a.py.ipynb'\n",
        )
        .file("a.py.ipynb", &NOTEBOOK.replace("x = 1", "open(snakemake.output[0], 'w').write(str(snakemake.params.p))"));
    if !has("python3") {
        return;
    }
    let case = fake(case, "jupyter", execute).run(&["out"]).has("out", "5");
    let kept = case.read("logs/a.ipynb");
    assert!(kept.contains("for_notebook") && !kept.contains("old = 1"), "{kept}");
    // A change of the notebook is one of the code.
    case.append("a.py.ipynb", "\n").run(&["out"]).because("a out", "script-changed");
}

#[test]
fn a_notebook_without_jupyter_or_without_a_language_is_refused() {
    let case = only(Case::new(), &["bash"])
        .rulefile("rule a:\n    output: 'out'\n    notebook: 'a.ipynb'\n")
        .file("a.ipynb", NOTEBOOK)
        .call_with_code(&["-n", "out"], 4)
        .stderr_has("rule `a` needs `jupyter`, which was not found");
    let case = fake(case, "jupyter", "exit 0").file("a.ipynb", "{\"cells\": [], \"metadata\": {}}");
    case.call_with_code(&["out"], 1).stderr_has("does not say its language");
}

// What is missing before a job begins

const IN_AN_ENVIRONMENT: &str = "\
rule all:
    input: 'a', 'b'
rule a:
    input: 'in'
    output: 'a'
    conda: 'e.yaml'
    envmodules: 'no-such-module'
    container: 'docker://no/such'
    shell: 'cp {input} {output}'
rule b:
    input: 'a'
    output: 'b'
    shell: 'cp {input} {output}'
";

fn made_without_its_environment() -> Case {
    let case = Case::new().rulefile(IN_AN_ENVIRONMENT).file("e.yaml", "dependencies: []\n").file("in", "1\n");
    case.run(&[]).ran(&["a a", "b b"])
}

/// A program that is not there is said once, before anything runs, and costs no output.
#[test]
fn a_missing_program_for_environments_is_said_before_anything_runs() {
    let mut case = only(made_without_its_environment(), &["bash", "cp"]);
    for (environment, missing) in [("conda", "none of micromamba"), ("container", "none of apptainer")] {
        for more in [&["-k"][..], &["-n"]] {
            let args: Vec<&str> = ["--env", environment].iter().chain(more).copied().collect();
            case = case.call_with_code(&args, 7).stderr_has("a a cannot run").stderr_has(missing);
        }
        case = case.has("a", "1\n").has("b", "1\n");
    }
    case.remove("e.yaml")
        .call_with_code(&["--env", "conda"], 7)
        .stderr_has("`e.yaml` of rule `a` cannot be read")
        .has("a", "1\n")
        .run(&[])
        .ran(&[])
        .up_to_date(2);
}

/// An environment that cannot be made leaves the old outputs and what is on record of them.
#[test]
fn an_environment_that_cannot_be_made_costs_no_output() {
    fake(made_without_its_environment(), "micromamba", "echo no network; exit 1\n")
        .run_with_code(&["--env", "conda", "-k"], 1)
        .failed(&["a a"])
        .has("a", "1\n")
        .run(&[])
        .ran(&[])
        .run_with_code(&["--env", "modules", "-k"], 1)
        .failed(&["a a"])
        .stderr_has("could not load the modules `no-such-module`")
        .has("a", "1\n")
        .run(&[])
        .ran(&[])
        // What was edited is no more trusted than before.
        .file("a", "edited\n")
        .run_with_code(&["--env", "conda", "-k"], 1)
        .has("a", "edited\n")
        .run(&[])
        .ran(&["a a"])
        .because("a a", "output-modified")
        .warned("a was not what rulemake recorded last")
        .has("a", "1\n");
}

/// While its environment is made a job counts as begun: after a kill its outputs are made again.
#[test]
fn a_kill_while_an_environment_is_made_is_survived() {
    let case = fake(made_without_its_environment(), "micromamba", "touch making; exec sleep 60\n");
    let running = case.start(&["--env", "conda"]);
    case.wait_for("making");
    running.signal("KILL");
    running.end();
    case.has("a", "1\n").run(&[]).ran(&["a a"]).because("a a", "interrupted").unchanged(&["a a"]);
}

/// What is done to an output while the environment of its job is made is somebody's work.
#[test]
fn an_output_that_is_edited_while_an_environment_is_made_is_saved() {
    let tool = "if test $1 = create; then mkdir -p \"${@: -1}\"; touch making; while ! test -e go; do sleep 0.02; done
else shift 3; exec \"$@\"; fi\n";
    let case = fake(made_without_its_environment(), "micromamba", tool);
    let running = case.start(&["--env", "conda"]);
    case.wait_for("making");
    let case = case.file("a", "my work\n").file("go", "");
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{ran}");
    let saved = case.files(".rulemake/saved");
    assert!(saved.iter().any(|path| path.ends_with("/a")), "{saved:?}\n{ran}");
    case.has("a", "1\n");
}

/// Modules of the project that a `run:` body imports count like the body; so do those that scripts find through `sys.path`.
#[test]
fn modules_that_bodies_and_scripts_import_count() {
    Case::new()
        .rulefile(
            "rule all:\n    input: 'b.txt', 's.txt'\n\
             rule b:\n    output: 'b.txt'\n    run:\n        import other\n        open(output[0], 'w').write(str(other.V))\n\
             rule s:\n    output: 's.txt'\n    script: 'scripts/s.py'\n",
        )
        .file("other.py", "from another import V\n")
        .file("another.py", "V = 1\n")
        .file("lib/mylib.py", "V = 1\n")
        .file(
            "scripts/s.py",
            "import sys\nsys.path.insert(0, 'lib')\nimport mylib\nopen(snakemake.output[0], 'w').write(str(mylib.V))\n",
        )
        .run(&[])
        .ran(&["b b.txt", "s s.txt"])
        .run(&[])
        .ran(&[])
        .file("another.py", "V = 2\n")
        .run(&[])
        .ran(&["b b.txt"])
        .because("b b.txt", "script-changed")
        .has("b.txt", "2")
        .file("lib/mylib.py", "V = 3\n")
        .run(&[])
        .ran(&["s s.txt"])
        .has("s.txt", "3");
}

/// Promise: a script that is not there is said before anything runs, with its place, in a run as in a plan.
#[test]
fn a_missing_script_is_told_before_anything_runs() {
    let text = "rule all:\n    input: 'b'\nrule a:\n    output: 'a'\n    shell: 'touch {output}'\n\
                rule b:\n    input: 'a'\n    output: 'b'\n    script: 'scripts/none.py'\n";
    let case = Case::new().rulefile(text);
    for args in [&["-n"][..], &[]] {
        let case = Case::new().rulefile(text).call_with_code(args, 4);
        case.stderr_has("Rulefile:6").stderr_has("scripts/none.py").has_not("a").has_not(".rulemake");
    }
    // One that a job makes is not there yet.
    let made = text.replace("rule all:", "rule script:\n    output: 'scripts/none.py'\n    shell: 'echo \"open(snakemake.output[0], chr(119))\" > {output}'\nrule all:").replace("input: 'a'\n    output: 'b'", "input: 'a', 'scripts/none.py'\n    output: 'b'");
    case.rulefile(&made).run(&["all"]);
}
