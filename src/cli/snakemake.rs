//! Options of Snakemake, as people's habits and profiles have them: what stands here for each.
//!
//! What has an equal here is an alias of it in the definitions; here is the rest.

/// Options in profiles that mean nothing here, or that are always so. They change no result, so they are only named.
pub(crate) const WITHOUT_EFFECT: [&str; 37] = [
    "apptainer-prefix",
    "benchmark-extended",
    "conda-cleanup-envs",
    "conda-cleanup-pkgs",
    "conda-frontend",
    "conda-prefix",
    "group-components",
    "groups",
    "ignore-incomplete",
    "jobname",
    "jobscript",
    "keep-incomplete",
    "latency-wait",
    "local-cores",
    "local-groupid",
    "max-inventory-time",
    "max-jobs-per-second",
    "max-jobs-per-timespan",
    "max-status-checks-per-second",
    "mode",
    "nolock",
    "output-wait",
    "printshellcmds",
    "reason",
    "rerun-incomplete",
    "rerun-triggers",
    "ri",
    "scheduler",
    "scheduler-greediness",
    "scheduler-ilp-solver",
    "scheduler-subsample",
    "seconds-between-status-checks",
    "set-resource-scopes",
    "shadow-prefix",
    "show-failed-logs",
    "singularity-prefix",
    "skip-script-cleanup",
];

/// Said wherever a cluster or a cloud is asked for.
pub(crate) const NO_CLUSTER: &str = "running on a cluster is not there yet: jobs run on this machine";

/// Whether an option speaks of running elsewhere.
pub(crate) fn is_of_cluster(name: &str) -> bool {
    name == "cluster"
        || name.starts_with("cluster-")
        || ["drmaa", "drmaa-args", "drmaa-log-dir", "kubernetes", "slurm", "tibanna", "immediate-submit"]
            .contains(&name)
}

/// Names of executors that run jobs on this machine, or of none.
pub(crate) fn executor(name: &str) -> Result<String, String> {
    match name {
        "" | "local" | "none" => Ok(name.to_string()),
        _ => Err(NO_CLUSTER.to_string()),
    }
}

/// One line that names the options without effect here.
pub(crate) fn remark(names: &[String]) -> Option<String> {
    let mut told: Vec<&str> = Vec::new();
    for name in names {
        if !told.contains(&name.as_str()) {
            told.push(name);
        }
    }
    // Variables say what was meant, too.
    let quoted = |name: &&str| if name.starts_with('`') { name.to_string() } else { format!("`{name}`") };
    let all: Vec<String> = told.iter().map(quoted).collect();
    let more = if told.contains(&"printshellcmds") { " (`-vv` shows the commands)" } else { "" };
    (!all.is_empty()).then(|| format!("note: without effect here: {}{more}", all.join(", ")))
}

/// What stands here for an option that is not understood, by its name with dashes.
pub(crate) fn tip(flag: &str) -> Option<&'static str> {
    let name = flag.trim_start_matches('-');
    if flag.starts_with("--") && is_of_cluster(name) {
        return Some(NO_CLUSTER);
    }
    Some(match flag {
        "-R" | "--forcerun" => "`--force-from NAME` runs the jobs of a rule or file, and all that needs it",
        "-e" => NO_CLUSTER,
        "-t" | "--touch" => {
            "not needed: content decides, not times; `rulemake accept` takes files as they are"
        }
        "--rerun-triggers" => "not needed: content decides, not times",
        "--cleanup-metadata" | "--cm" => {
            "not needed: records follow the content; `rulemake accept` takes files as they are"
        }
        "--drop-metadata" => "not needed: records stay small, and tell what is up to date",
        "--keep-incomplete" => {
            "what a failed job left is never in the place of its outputs; `rulemake log FILE` shows its log"
        }
        "--ignore-incomplete" | "--ii" => "not needed: what an interrupted job left is never trusted",
        "--unlock" | "--nolock" => "not needed: the lock dies with its holder",
        "--allow-missing" => "`--assume-inputs FILE` lets a source be absent",
        "--dag" | "--rulegraph" | "--filegraph" => "`rulemake graph` prints it",
        "--d3dag" => "`rulemake graph --format mermaid` prints a graph",
        "--mermaid" => "`rulemake graph --format mermaid` prints it",
        "--debug-dag" => "`rulemake why FILE` explains a file, `rulemake graph --by job` prints all jobs",
        "--summary" | "-S" | "--detailed-summary" | "-D" => {
            "`rulemake summary` shows each output with its state"
        }
        "--list-changes" | "--lc" | "--list-input-changes" | "--li" | "--list-params-changes" | "--lp" => {
            "`rulemake plan` shows what changed"
        }
        "--list" | "-l" | "--list-rules" | "--list-target-rules" | "--lt" => {
            "`rulemake list` lists the rules"
        }
        "--lint" => "`rulemake check` looks for mistakes",
        "--delete-all-output" | "--delete-temp-output" => {
            "`rulemake clean` shows the files that jobs made, and removes them with --yes"
        }
        "--report" => {
            "there are no reports in HTML yet; `rulemake why FILE` and `rulemake log FILE` explain a file"
        }
        "--archive" | "--containerize" | "--generate-unit-tests" | "--export-cwl" => {
            "there is no such command yet"
        }
        "--conda-create-envs-only" => "environments are made when a job needs them",
        "--prioritize" | "-P" => "`priority:` of a rule says what comes first",
        "--nocolor" => "`--color never`",
        "--stats" => "`rulemake --json` prints the events of a run with their times",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_names_each_option_once() {
        assert_eq!(remark(&[]), None);
        let names = ["latency-wait", "latency-wait", "reason"].map(String::from);
        assert_eq!(remark(&names).unwrap(), "note: without effect here: `latency-wait`, `reason`");
    }
}
