//! All lints: the one list from which the command, its help and the language reference speak.

use serde::Serialize;

/// What is looked for.
///
/// ```
/// let lint = rulemake::lint::LINTS.iter().find(|lint| lint.name == "is-literal").unwrap();
/// assert_eq!(lint.level, rulemake::lint::LintLevel::Warn);
/// ```
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Lint {
    /// Stable name, the code of its diagnostics.
    pub name: &'static str,
    /// Whether it counts when nothing is said.
    pub level: LintLevel,
    /// One sentence: what it finds.
    pub summary: &'static str,
    /// Why that is worth a look.
    pub why: &'static str,
    /// A Rulefile in which it finds something. Comments `# path: text` at its start are files beside it.
    pub example: &'static str,
}

/// Whether a lint counts.
///
/// ```
/// use rulemake::lint::{LINTS, LintLevel};
/// assert!(LINTS.iter().any(|lint| lint.level == LintLevel::Pedantic));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LintLevel {
    /// Always, as a mistake: with it something cannot run.
    Error,
    /// Always: most likely a mistake.
    Warn,
    /// When it is asked for: a matter of taste, or often wanted so.
    Pedantic,
}

const fn warn(name: &'static str, summary: &'static str, why: &'static str, example: &'static str) -> Lint {
    Lint { name, level: LintLevel::Warn, summary, why, example }
}

const fn error(name: &'static str, summary: &'static str, why: &'static str, example: &'static str) -> Lint {
    Lint { name, level: LintLevel::Error, summary, why, example }
}

const fn pedantic(
    name: &'static str,
    summary: &'static str,
    why: &'static str,
    example: &'static str,
) -> Lint {
    Lint { name, level: LintLevel::Pedantic, summary, why, example }
}

/// All lints, by level and name.
///
/// ```
/// for lint in rulemake::lint::LINTS {
///     println!("{}: {}", lint.name, lint.summary);
/// }
/// ```
pub const LINTS: &[Lint] = &[
    error(
        "missing-code",
        "A rule names a script, a notebook or a file for conda that is not there.",
        "Its jobs cannot run. Of a path with wildcards or a function nothing is said, nor of what a rule makes.",
        "\
rule plot:
    output: \"plot.svg\"
    script: \"scripts/plto.py\"
",
    ),
    warn(
        "ambiguous-outputs",
        "Two rules make the same file, and nothing says which of them is taken.",
        "A plan that needs the file stops. `ruleorder` chooses one of the rules; constraints keep their files apart.",
        "\
# a.csv: 1
rule all:
    input: \"a.tsv\"

rule by_sed:
    input: \"{name}.csv\"
    output: \"{name}.tsv\"
    shell: \"sed 's/,/\\t/g' {input} > {output}\"

rule by_tr:
    input: \"{table}.csv\"
    output: \"{table}.tsv\"
    shell: \"tr , '\\t' < {input} > {output}\"
",
    ),
    warn(
        "empty-glob",
        "A call of `glob_wildcards` matches no file.",
        "What is expanded with it is empty, so that nothing is to do: most likely the pattern is misspelt.",
        "\
# raw/a.txt: 1
SAMPLES = glob_wildcards(\"rawx/{sample}.txt\").sample

rule all:
    input: expand(\"out/{sample}.txt\", sample=SAMPLES)

rule copy:
    input: \"raw/{sample}.txt\"
    output: \"out/{sample}.txt\"
    shell: \"cp {input} {output}\"
",
    ),
    warn(
        "flag-misplaced",
        "A flag stands where it says nothing: `temp` of an input, `ancient` of an output.",
        "It has no effect there. Snakemake ignores it silently.",
        "\
# a.txt: 1
rule copy:
    input: temp(\"a.txt\")
    output: \"b.txt\"
    shell: \"cp {input} {output}\"
",
    ),
    warn(
        "is-literal",
        "`is` compares with a number, a text or a new list.",
        "`is` asks whether two names stand for one object, which Python promises for `None`, `True` and `False` only.",
        "\
mode = \"fast\"
level = 9 if mode is \"best\" else 1

rule pack:
    output: \"a.gz\"
    shell: \"echo a | gzip -{level} > {output}\"
",
    ),
    warn(
        "joined-paths",
        "Two paths among inputs or outputs stand beside each other without a comma.",
        "Python joins texts that follow each other, so they are one path.",
        "\
# a.txt: 1
# b.txt: 2
rule sum:
    input:
        \"a.txt\"
        \"b.txt\"
    output: \"sum.txt\"
    shell: \"cat {input} > {output}\"
",
    ),
    warn(
        "missing-input",
        "A file that the first rule needs is not there, and no rule makes it.",
        "A run cannot begin. Where the data is not, as in a check of each commit, that is no mistake of the Rulefile.",
        "\
rule sort:
    input: \"data.csv\"
    output: \"sorted.csv\"
    shell: \"sort {input} > {output}\"
",
    ),
    warn(
        "nested-shell",
        "A path or a wildcard stands in a text that an inner shell takes as a command.",
        "Values are quoted for the shell of the rule. The inner one reads the text once more, without these quotes: a \
         blank in a name splits it, and a `;` ends the command. As an argument the value stays whole.",
        "\
# a.txt: 1
rule all:
    input: \"a.sorted\"

rule sort:
    input: \"{name}.txt\"
    output: \"{name}.sorted\"
    shell: \"bash -c 'sort {input}' > {output}\"
",
    ),
    warn(
        "no-directory",
        "A Rulefile makes a directory while it loads.",
        "Nothing is changed then, so the call does nothing. The directories of outputs and logs are made for every job.",
        "\
import os

os.makedirs(\"logs\", exist_ok=True)

rule note:
    output: \"note.txt\"
    log: \"logs/note.log\"
    shell: \"echo done > {output} 2> {log}\"
",
    ),
    warn(
        "output-outside-root",
        "An output is absolute, or climbs out of the root by `..`.",
        "Two copies of the project would write to the same file, and each would find it changed by somebody else.",
        "\
rule note:
    output: \"../note.txt\"
    shell: \"echo done > {output}\"
",
    ),
    warn(
        "undeclared-file",
        "A command names a file of the project, or another rule's output, that is no input of its rule.",
        "When the file changes, the job does not run again; and if a rule makes it, nothing makes it first.",
        "\
# data.txt: 2
# filter.awk: $1 > 1
rule filter:
    input: \"data.txt\"
    output: \"big.txt\"
    shell: \"awk -f filter.awk {input} > {output}\"
",
    ),
    warn(
        "unknown-lint",
        "A comment `# rulemake: allow(...)` names a lint that does not exist.",
        "It silences nothing.",
        "\
# rulemake: allow(no-such-lint)
rule note:
    output: \"note.txt\"
    shell: \"echo done > {output}\"
",
    ),
    warn(
        "unused-constraint",
        "A constraint speaks of a wildcard that no rule has.",
        "It restricts nothing: most likely the wildcard is called otherwise.",
        "\
wildcard_constraints:
    sample=\"[a-z]+\"

rule all:
    input: \"out/a.txt\"

rule make:
    output: \"out/{name}.txt\"
    shell: \"echo {wildcards.name} > {output}\"
",
    ),
    warn(
        "unused-param",
        "A named param is not used by the command of its rule.",
        "What a command does not use cannot change its result, so another value is no reason to run it again. \
         Scripts see all params: rules with `script:`, `run:` or `notebook:` are not looked at.",
        "\
rule count:
    output: \"count.txt\"
    params: depth=3
    shell: \"seq 5 | wc -l > {output}\"
",
    ),
    warn(
        "unused-setting",
        "Nothing mentions a setting of the command line.",
        "`--config` with a misspelt key changes nothing.",
        "",
    ),
    warn(
        "unused-wildcard",
        "A wildcard of the outputs is used by neither inputs, params nor the command.",
        "All files of the rule have the same content then. Commands that only `touch` markers are not looked at.",
        "\
rule all:
    input: \"a.txt\", \"b.txt\"

rule make:
    output: \"{name}.txt\"
    shell: \"date +%Y > {output}\"
",
    ),
    pedantic(
        "no-log",
        "A rule that runs something names no log.",
        "A log of its own stays beside the results; what jobs print is otherwise kept for the last runs only.",
        "\
rule note:
    output: \"note.txt\"
    shell: \"echo done > {output}\"
",
    ),
    pedantic(
        "overlapping-outputs",
        "The output patterns of two rules share a path, though each has others, too.",
        "It is ambiguous only if both rules can get their inputs for it. A constraint such as `[^.]+` makes sure.",
        "\
# a.txt: 1
rule all:
    input: \"a.sorted.tsv\"

rule convert:
    input: \"{name}.txt\"
    output: \"{name}.tsv\"
    shell: \"cp {input} {output}\"

rule sort:
    input: \"{name}.tsv\"
    output: \"{name}.sorted.tsv\"
    shell: \"sort {input} > {output}\"
",
    ),
    pedantic(
        "tabs-and-blanks",
        "A line is indented by tabs, or ends with blanks.",
        "Editors show tabs differently, and blanks at line ends come and go in differences. `rulemake fmt` takes both away.",
        "\
rule note:
\toutput: \"note.txt\"
\tshell: \"echo done > {output}\"
",
    ),
    pedantic(
        "unreachable-rule",
        "No target, and no rule that leads to one, needs an output of a rule.",
        "It may be a leftover, or its outputs are called otherwise than those who need them think. Its files can still \
         be asked for by name.",
        "\
rule all:
    input: \"a.txt\"

rule a:
    output: \"a.txt\"
    shell: \"echo a > {output}\"

rule b:
    output: \"b.txt\"
    shell: \"echo b > {output}\"
",
    ),
    pedantic(
        "unsupported-python",
        "Python that rulemake does not have, though it is never executed.",
        "It would be an error at its place if it was reached, under other settings perhaps.",
        "\
import subprocess

def version():
    return subprocess.check_output(\"date\")

rule note:
    output: \"note.txt\"
    shell: \"echo done > {output}\"
",
    ),
    pedantic(
        "unused-config-key",
        "A key of a config file is mentioned by no Rulefile and no script.",
        "It is a leftover, or misspelt. Where the config is handed on as a whole, nothing is said.",
        "\
# config.yaml: depth: 3\\ndept: 4
configfile: \"config.yaml\"

rule note:
    output: \"note.txt\"
    shell: \"echo {config[depth]} > {output}\"
",
    ),
    pedantic(
        "unused-input",
        "An input is not named by the command of its rule.",
        "A change of it runs the job again, and yet cannot change the result. Index files that a program finds by \
         itself are wanted so; `ancient` says that a file only has to be there.",
        "\
# a.txt: 1
# b.txt: 2
rule sum:
    input: table=\"a.txt\", other=\"b.txt\"
    output: \"sum.txt\"
    shell: \"wc -l {input.table} > {output}\"
",
    ),
];
