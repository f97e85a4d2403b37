//! What people type who come from other tools than Snakemake, and what stands here for it.

/// For an option that is not understood: those of GNU make, ninja and just.
pub(crate) fn option(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "--watch" => "`rulemake watch` runs again when files change",
        "-B" | "--always-make" => {
            "`--force-all` runs all jobs, `--force` those of the targets, `--force-from NAME` a rule and all after it"
        }
        "-W" | "--what-if" | "--new-file" | "--assume-new" => {
            "`--force-from FILE` runs what reads a file; what a change of it would do, `rulemake -n` tells after the change"
        }
        "-o" | "--old-file" | "--assume-old" => "`rulemake accept FILE` takes a file as it is for the result",
        "-i" | "--ignore-errors" => "`-k` goes on with what does not need a job that failed",
        "-S" | "--no-keep-going" | "--stop" => "without `-k` no job is started after a failure",
        "--silent" => "`-q` prints only what went wrong",
        "--just-print" | "--recon" => "`-n` shows what would run, `-n -vv` with its commands",
        "--question" => "`rulemake -n --json` tells a program what would run",
        "-p" | "--print-data-base" => "`rulemake list` shows the rules",
        "-l" | "--load-average" | "--max-load" => "`-j N` and `--resources NAME=N` limit what runs at once",
        "-I" | "--include-dir" => "`include:` in the Rulefile names files by their paths",
        "--trace" | "--explain" => "`rulemake why FILE` explains a file; `-vv` shows the commands of a run",
        "--debug" => "`-vv` shows the commands of a run, `rulemake why FILE` explains a file",
        "-O" | "--output-sync" => {
            "not needed: what jobs print goes to their logs, `rulemake log FILE` shows one"
        }
        "--svg" | "--dot" | "--mermaid" => {
            "`rulemake graph --format svg`, `dot` or `mermaid`, `--by job` for each job"
        }
        _ => return None,
    })
}

/// For a target that is none: commands of DVC, make and others, and what one wants to know of any tool.
pub(crate) fn word(target: &str) -> Option<&'static str> {
    Some(match target {
        "repro" | "reproduce" | "build" | "make" => "`rulemake` alone makes the first rule's files",
        "dag" | "tree" => "`rulemake graph` prints the graph",
        "commit" | "touch" => "`rulemake accept` takes files as they are",
        "checkout" | "restore" | "fetch" => "`rulemake pull` restores what the cache holds",
        "gc" | "prune" => {
            "`rulemake cache gc` makes room in the cache, `rulemake clean` removes what jobs made"
        }
        "rm" | "remove" | "distclean" => "`rulemake clean` removes what jobs made",
        "freeze" => "`rulemake accept FILE` takes a file as it is for the result",
        "stage" | "stages" | "rules" | "targets" | "ls" | "tasks" => "`rulemake list` lists the rules",
        "explain" | "query" => "`rulemake why FILE` explains a file",
        "lint" | "validate" | "verify" => "`rulemake check` looks for mistakes",
        "format" => "`rulemake fmt` lays the Rulefile out",
        "logs" => "`rulemake log FILE` shows what a job printed",
        "ps" | "jobs" => "`rulemake status` shows what a run is doing",
        "dry-run" | "dryrun" | "preview" => "`rulemake -n` shows what would run",
        "new" | "create" => "`rulemake init` begins a project",
        "convert" | "migrate" => "`rulemake import` makes a Rulefile of a Makefile or a dvc.yaml",
        "settings" => "`rulemake config` shows what is set",
        "version" => "`rulemake --version` prints it",
        "completion" => "`rulemake completions SHELL` prints the script",
        "rerun" | "force" => "`--force` runs the jobs of the targets, `--force-all` all jobs",
        _ => return None,
    })
}
