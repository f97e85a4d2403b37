//! Threads and resources of rules: units, values that follow from others, functions of the job.
//! Promise: the numbers are Snakemake's, and none of them is a reason to run.

#![cfg(unix)]

mod support;

use support::Case;

/// What a job with these resources sees.
fn seen(resources: &str, shown: &str) -> Case {
    let rule = format!(
        "rule a:\n    input: 'i'\n    output: 'o'\n    resources: {resources}\n    shell: 'echo {shown} > {{output}}'\n"
    );
    Case::new().rulefile(&rule).file("i", &"x".repeat(3 << 20)).run(&["-j4"])
}

#[test]
fn sizes_and_times_have_units() {
    seen(
        "mem='2 GB', disk='1.5GiB', runtime='1h'",
        "{resources.mem_mb} {resources.disk_mb} {resources.runtime}",
    )
    .has("o", "2000 1611 60\n");
    seen("mem=500, runtime=7", "{resources.mem_mb} {resources.runtime}").has("o", "500 7\n");
}

#[test]
fn what_follows_from_a_size_can_be_asked_too() {
    let shown = "{resources.mem_mb} {resources.mem_mib} {resources.mem}";
    seen("mem_mb=2000", shown).has("o", "2000 1908 2 GB\n");
    seen("mem_mib=1024", shown).has("o", "1073 1024 1.07 GB\n");
    seen("mem=lambda wc: '3GB'", shown).has("o", "3000 2862 3 GB\n");
    seen("mem_mib=lambda wc: 1024", shown).has("o", "1073 1024 1.07 GB\n");
}

#[test]
fn functions_see_sizes_of_inputs_threads_and_the_attempt() {
    seen("mem_mb=lambda wc, input: input.size_mb * 100, n=lambda wc, input, threads, attempt: input.size // 1024 + threads + attempt",
        "{resources.mem_mb} {resources.n}")
        .has("o", "300 3074\n");
    seen("runtime=lambda wc, attempt: f'{attempt * 2}h', x=lambda wc: None", "{resources.runtime}")
        .has("o", "120\n");
}

#[test]
fn a_function_that_looks_at_an_input_to_be_made_does_not_stop_a_plan() {
    let rules = "rule all:\n    input: 'o'\nrule make:\n    output: 'i'\n    shell: 'printf abc > {output}'\n\
                 rule a:\n    input: 'i'\n    output: 'o'\n    threads: lambda wc, input: max(1, input.size)\n    \
                 resources: n=lambda wc, input: input.size\n    params: first=lambda wc, input: open(input[0]).read()[0]\n    \
                 shell: 'echo {threads} {resources.n} {params.first} > {output}'\n";
    Case::new()
        .rulefile(rules)
        .call(&["-n", "-j4"])
        .run(&["-j4"])
        .has("o", "3 3 a\n")
        .run(&["-j4"])
        .ran(&[])
        .remove("i")
        .call(&["-n", "-j4"])
        .run(&["-j4"])
        .ran(&["make i"]);
}

/// As in Snakemake a job gets what there is; but its user is told, for it may fail with less.
#[test]
fn what_is_asked_for_above_the_limit_is_capped_and_said_once_for_a_rule() {
    let rules = "rule all:\n    input: 'a.o', 'b.o'\nrule a:\n    output: '{n}.o'\n    resources: mem_mb=1000\n    \
                 shell: 'echo {resources.mem_mb} {resources.mem_mib} > {output}'\n";
    let case = Case::new().rulefile(rules);
    let output = case.command(&["-j2", "--resources", "mem_mb=100"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = "rule `a` asks for mem_mb=1000; its jobs get 100, the limit of this run";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    case.has("a.o", "100 96\n").has("b.o", "100 96\n");
}

#[test]
fn jobs_without_threads_do_not_run_all_at_once() {
    let rules = "rule all:\n    input: expand('{n}.o', n=range(4))\nrule a:\n    output: '{n}.o'\n    threads: 0\n    \
                 shell: 'mkdir busy; sleep 0.05; rmdir busy; echo {threads} $OMP_NUM_THREADS > {output}'\n";
    Case::new().rulefile(rules).run(&["-j1"]).has("3.o", "0 1\n");
}

#[test]
fn temporary_files_have_their_directory() {
    seen("x=1", "$TMPDIR {resources.tmpdir}").has("o", &format!("{0} {0}\n", std::env::temp_dir().display()));
    seen("tmpdir='own/tmp'", "$TMPDIR $TEMP").has("o", "own/tmp own/tmp\n");
}

#[test]
fn mistakes_have_their_place() {
    for (resources, message) in [
        ("mem='much'", "`much` is not a size"),
        ("runtime='soon'", "`soon` is not a time"),
        ("mem_mb='2GB'", "write `mem=\"2GB\"`"),
        ("mem=1, mem_mb=2", "`mem`, `mem_mb` and `mem_mib` are one resource"),
        ("n=[1]", "must be a number or a text"),
        ("n=-1", "must be a whole number from 0, not -1"),
    ] {
        let rule =
            format!("rule a:\n    output: 'o'\n    resources: {resources}\n    shell: 'touch {{output}}'\n");
        let case = Case::new().rulefile(&rule).call_with_code(&[], 3);
        let text = &case.last().stderr;
        assert!(text.contains(message) && text.contains("Rulefile:"), "{resources}: {text}");
    }
}

#[test]
fn limits_have_units_of_their_own_names() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'o'\n    resources: mem='2GB'\n    shell: 'touch {output}'\n")
        .call(&["--resources", "mem_mb=1000"]);
    case.stderr_has("mem_mb=2000; its jobs get 1000");
}
