//! Targets by pattern: the files that `results/*.tsv` stands for.

use super::{Session, plan_error};
use crate::base::path::{PathTable, normalise};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::resolve::{Request, resolve};
use crate::matching::index::Scratch;
use crate::plan::context::Sources;
use crate::plan::instance::Trouble;
use crate::plan::trust::Trust;
use crate::store::Loaded;
use glob::{MatchOptions, Pattern};
use std::collections::BTreeSet;

const MAGIC: [char; 3] = ['*', '?', '['];

/// As in a shell, `*` and `?` stay within a directory and `**` does not.
pub(super) const GLOB: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The pattern that a user wrote.
///
/// # Errors
/// It is none, such as an unclosed `[`.
pub(super) fn target_pattern(text: &str) -> std::result::Result<Pattern, Trouble> {
    Pattern::new(&normalise(text)).map_err(|error| Trouble {
        message: format!("`{text}` is no pattern of files: {} (character {})", error.msg, error.pos + 1),
        help: Some("write `[[]` for the character `[` itself".into()),
    })
}

/// Whether it can be nothing but a name.
pub(super) fn is_plain(target: &str) -> bool {
    !target.contains(MAGIC)
}

/// The target that stands for just this name, even if that holds characters of patterns: `a[[]1]` for `a[1]`.
pub(super) fn as_target(name: &str) -> String {
    let mut target = String::with_capacity(name.len());
    for c in name.chars() {
        match MAGIC.contains(&c) {
            true => target.extend(['[', c, ']']),
            false => target.push(c),
        }
    }
    target
}

/// The one name that a pattern stands for, if it was made so.
fn name_meant(target: &str) -> Option<String> {
    let (mut name, mut rest) = (String::with_capacity(target.len()), target);
    while let Some(at) = rest.find(MAGIC) {
        name.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        let ('[', Some(c), Some(']')) = (chars.next()?, chars.next(), chars.next()) else { return None };
        if !MAGIC.contains(&c) {
            return None;
        }
        name.push(c);
        rest = chars.as_str();
    }
    name.push_str(rest);
    Some(name)
}

impl Session {
    /// The targets, with files in place of patterns: those that the default target needs, that rules without wildcards
    /// make, and that jobs on record made. A name that a file has is that file's.
    ///
    /// # Errors
    /// A pattern that is none, or that fits nothing.
    pub(super) fn targets<T: AsRef<str>>(&self, targets: &[T], loaded: &Loaded) -> Result<Vec<String>> {
        let mut expanded = Vec::with_capacity(targets.len());
        let mut makeable = None;
        for target in targets.iter().map(AsRef::as_ref) {
            if !target.contains(MAGIC) || self.is_name(target, loaded) {
                expanded.push(target.to_string());
                continue;
            }
            if let Some(name) = name_meant(target) {
                expanded.push(name);
                continue;
            }
            let (files, trouble) = makeable.get_or_insert_with(|| self.makeable(loaded));
            // What the default target needs by just this name is meant by it.
            if files.contains(&*normalise(target)) {
                expanded.push(target.to_string());
                continue;
            }
            let pattern = target_pattern(target).map_err(plan_error)?;
            let before = expanded.len();
            expanded.extend(files.iter().filter(|file| pattern.matches_with(file, GLOB)).cloned());
            // A name may hold such characters all the same.
            let mut has_rule = false;
            self.index.candidates(&normalise(target), &mut Scratch::default(), |_| has_rule = true);
            if expanded.len() == before && has_rule {
                expanded.push(target.to_string());
            } else if expanded.len() == before {
                let help = match trouble.take() {
                    Some(trouble) => {
                        format!("what the default target needs is not known: {trouble}")
                    }
                    None => "`rulemake list --outputs` shows what the default target needs".to_string(),
                };
                let message = format!("no file that a rule makes fits `{target}`");
                return Err(Error::new(ErrorKind::Plan, message).with_help(help));
            }
        }
        Ok(expanded)
    }

    /// Whether a text with `*` or the like is the name of a file after all.
    fn is_name(&self, text: &str, loaded: &Loaded) -> bool {
        let name = normalise(text);
        // What stands so in a rule is meant so; a wildcard would take anything.
        let mut is_written = false;
        self.index.candidates(&name, &mut Scratch::default(), |candidate| {
            let mut values = candidate.values.iter().map(|&(start, end)| &name[start as usize..end as usize]);
            is_written |= values.all(|value| !value.contains(MAGIC));
        });
        is_written
            || self.workflow.rules().any(|rule| rule.outputs().any(|output| output == name))
            || loaded.paths.find(&name).is_some_and(|id| loaded.view.is_made(id))
            || crate::files::stat::stat(&self.root.join(&*name)).is_ok_and(|found| found.is_some())
    }

    /// The files that patterns choose from, and what is wrong with the default target if it has no plan.
    fn makeable(&self, loaded: &Loaded) -> (BTreeSet<String>, Option<Error>) {
        let mut paths: PathTable = loaded.paths.clone();
        let resolved = resolve(Request {
            workflow: &self.workflow,
            index: &self.index,
            paths: &mut paths,
            targets: &[],
            probe: &Sources {
                root: &self.root,
                trust: &Trust::default(),
                view: &loaded.view,
                gone: &rustc_hash::FxHashSet::default(),
                files: None,
            },
            pool: Some(&self.pool),
        });
        let fixed = self.workflow.rules().flat_map(|rule| rule.outputs());
        let mut files: BTreeSet<String> =
            fixed.filter(|output| !output.contains('{')).map(str::to_string).collect();
        for id in loaded.view.made() {
            let mut has_rule = false;
            self.index.candidates(paths.text(id), &mut Scratch::default(), |_| has_rule = true);
            if has_rule {
                files.insert(paths.text(id).to_string());
            }
        }
        match resolved {
            Ok(graph) => {
                let outputs = graph.jobs.iter().flat_map(|job| job.outputs.iter());
                files.extend(outputs.map(|id| paths.text(*id).to_string()));
                (files, None)
            }
            Err(problems) => {
                (files, Some(Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_again_in_its_target() {
        for (name, target) in [("a[1].txt", "a[[]1].txt"), ("*?[", "[*][?][[]"), ("plain", "plain")] {
            assert_eq!(as_target(name), target);
            assert_eq!(name_meant(target).as_deref(), Some(name));
        }
        for pattern in ["a*", "[ab]", "[[]*", "a[", "[[", "[*]?"] {
            assert_eq!(name_meant(pattern), None, "{pattern}");
        }
    }
}
