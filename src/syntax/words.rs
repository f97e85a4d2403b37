//! The words of a Rulefile's structure: sections of rules and directives of files. Whether one is supported is
//! for the loader to say.

/// Every section that Snakemake knows in a rule, and `metrics` and `timeout`.
pub(crate) const SECTIONS: &[&str] = &[
    "benchmark",
    "cache",
    "conda",
    "container",
    "containerized",
    "cwl",
    "default_target",
    "envmodules",
    "group",
    "handover",
    "input",
    "localrule",
    "log",
    "message",
    "metrics",
    "name",
    "notebook",
    "output",
    "params",
    "pathvars",
    "priority",
    "resources",
    "retries",
    "run",
    "script",
    "shadow",
    "shell",
    "singularity",
    "template_engine",
    "threads",
    "timeout",
    "wildcard_constraints",
    "wrapper",
];

/// Every directive that Snakemake knows at statement level, besides rules.
pub(crate) const DIRECTIVES: &[&str] = &[
    "conda",
    "configfile",
    "container",
    "containerized",
    "envvars",
    "include",
    "inputflags",
    "localrules",
    "module",
    "onerror",
    "onstart",
    "onsuccess",
    "outputflags",
    "pathvars",
    "pepfile",
    "pepschema",
    "report",
    "resource_scopes",
    "ruleorder",
    "scattergather",
    "singularity",
    "storage",
    "subworkflow",
    "use",
    "wildcard_constraints",
    "workdir",
];

/// Every section that Snakemake knows in a `module`.
pub(crate) const MODULE_SECTIONS: &[&str] = &[
    "config",
    "meta_wrapper",
    "name",
    "pathvars",
    "prefix",
    "replace_prefix",
    "skip_validation",
    "snakefile",
];

/// The known word nearest to a misspelt one.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = if word.chars().count() <= 4 { 1 } else { 2 };
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .filter(|(distance, _)| *distance <= limit && *distance > 0)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_typos_but_not_strangers() {
        assert_eq!(nearest("inptu", SECTIONS.iter().copied()), Some("input"));
        assert_eq!(nearest("includ", DIRECTIVES.iter().copied()), Some("include"));
        assert_eq!(nearest("banana", SECTIONS.iter().copied()), None);
    }
}
