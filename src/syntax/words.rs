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

/// Whether `word` is one of `known`, misspelt.
pub(super) fn is_misspelt<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
    !nearest(word, known).is_empty()
}

/// The question whether the one of `known` is meant that is most like `word`, if any is; of two that are equally like it, which.
pub(crate) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    match *nearest(word, known) {
        [] => None,
        [one] => Some(format!("did you mean `{one}`?")),
        [one, two, ..] => Some(format!("did you mean `{one}` or `{two}`?")),
    }
}

/// Those that are most like `word`, each once and in the order in which they are known.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = if word.chars().count() <= 4 { 1 } else { 2 };
    let scored = known.into_iter().map(|k| (strsim::damerau_levenshtein(word, k), k));
    let mut least = limit + 1;
    let mut found: Vec<&str> = Vec::new();
    for (distance, name) in scored.filter(|(distance, _)| (1..=limit).contains(distance)) {
        if distance < least {
            least = distance;
            found.clear();
        }
        if distance == least && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_typos_but_not_strangers() {
        assert_eq!(nearest("inptu", SECTIONS.iter().copied()), ["input"]);
        assert_eq!(nearest("includ", DIRECTIVES.iter().copied()), ["include"]);
        assert_eq!(nearest("banana", SECTIONS.iter().copied()), [""; 0]);
    }

    #[test]
    fn two_that_are_equally_near_are_both_named() {
        let rules = ["sort_a", "merge", "sort_b", "sort_a"];
        assert_eq!(meant("sort_c", rules).unwrap(), "did you mean `sort_a` or `sort_b`?");
        assert_eq!(meant("mergee", rules).unwrap(), "did you mean `merge`?");
    }
}
