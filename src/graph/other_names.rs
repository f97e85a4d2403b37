//! Names that one file has besides the one by which it is asked for, for messages only: a graph goes by names.

use crate::base::path::is_outside;
use crate::diag::Problem;
use crate::graph::expand::Expansion;
use crate::graph::resolve::Probe;
use crate::matching::index::Scratch;
use crate::model::rule::Rule;

/// What a file may be called besides its name.
pub(crate) struct OtherNames {
    /// Without links.
    real: Option<String>,
    /// The whole path, and the way out of the root and in again.
    around: Vec<String>,
}

impl OtherNames {
    pub(crate) fn of(file: &str, probe: &dyn Probe) -> OtherNames {
        let root = probe.root();
        let mut around = Vec::new();
        if let (false, Some(whole)) = (is_outside(file), root.to_str()) {
            around.push(format!("{}/{file}", whole.trim_end_matches('/')));
            let name = root.file_name().and_then(|name| name.to_str());
            around.extend(name.map(|name| format!("../{name}/{file}")));
        }
        OtherNames { real: probe.real_name(file), around }
    }
}

/// Tells of the rule that makes the same file by another name; the problem as it was when none does.
pub(crate) fn made_as(
    problem: Problem,
    file: &str,
    others: &OtherNames,
    expansion: &Expansion<'_>,
) -> Result<Problem, Problem> {
    let maker = |name: &String| {
        let mut found = None;
        expansion
            .index
            .candidates(name, &mut Scratch::default(), |candidate| found = found.or(Some(candidate.rule)));
        Some((name.clone(), &expansion.workflow.rules[found? as usize]))
    };
    let why = "who makes a file is known by the name in the rule that makes it";
    if let Some((real, rule)) = others.real.as_ref().and_then(maker) {
        return Ok(problem
            .note(format!("links lead from `{file}` to `{real}`, which rule `{}` makes", rule.name))
            .help(format!("write `{real}`: {why}")));
    }
    // A pattern that begins with a wildcard means no such name.
    let leaves = |rule: &Rule| rule.outputs.iter().any(|output| output.text.starts_with(['.', '/']));
    match others.around.iter().filter_map(maker).find(|(_, rule)| leaves(rule)) {
        Some((other, rule)) => Ok(problem
            .note(format!("rule `{}` makes `{other}`, which is the same file", rule.name))
            .help(format!("write `{file}` in rule `{}`, too: {why}", rule.name))),
        None => Err(problem),
    }
}
