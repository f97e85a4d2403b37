//! The rules and files of the project at hand. Nothing when it cannot be read, for a shell has no place for errors.

use crate::args::Args;
use crate::commands::Place;
use crate::options::{Common, RunArgs};
use crate::output::Output;
use clap::CommandFactory;
use clap_complete::CompletionCandidate;
use rulemake::report::printable;
use rulemake::{Plan, Rule, RunOptions, Workflow};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

/// More files than these are shown by the directories that hold them.
const FILES_SHOWN: usize = 60;

/// Rules that can be made, and files.
pub(super) fn targets(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, |asked| asked.rules_and_files(is_target))
}

/// Files with metrics, and the runs that they can be compared with.
pub(super) fn metrics(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, Asked::metrics)
}

/// What a part of the graph begins or ends with: any rule, and files.
pub(super) fn rules_and_files(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, |asked| asked.rules_and_files(|_| true))
}

pub(super) fn sources(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, |asked| asked.read())
}

/// Rules before what is set of them.
pub(super) fn rules_with_equals(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, |asked| asked.rules(|_| true, "="))
}

/// Rules before the name of what is set of them.
pub(super) fn rules_with_colon(start: &OsStr) -> Vec<CompletionCandidate> {
    Asked::of(start).map_or_else(Vec::new, |asked| asked.rules(|_| true, ":"))
}

/// A rule with wildcards cannot be asked for by its name.
fn is_target(rule: &Rule) -> bool {
    rule.wildcards().next().is_none()
}

/// A project, and what was typed of a name in it.
struct Asked<'s> {
    start: &'s str,
    place: Place,
    workflow: Workflow,
}

impl Asked<'_> {
    fn of(start: &OsStr) -> Option<Asked<'_>> {
        let start = start.to_str()?;
        let common = options_of_the_line();
        let output = Output::new(&Common { quiet: true, ..Common::default() });
        let place = Place::find(common, output).ok()?;
        let workflow = place.load_for_completion().ok()?;
        Some(Asked { start, place, workflow })
    }

    /// The names of rules, with the first line of what is written about them.
    fn rules(&self, fits: fn(&Rule) -> bool, end: &str) -> Vec<CompletionCandidate> {
        let rules = self.workflow.rules().filter(|rule| fits(rule) && rule.name().starts_with(self.start));
        rules
            .map(|rule| {
                let line = rule.doc().and_then(|doc| doc.trim().lines().next()).unwrap_or("a rule");
                let line = printable(line).into_owned();
                CompletionCandidate::new(format!("{}{end}", rule.name())).help(Some(line.into()))
            })
            .collect()
    }

    fn metrics(self) -> Vec<CompletionCandidate> {
        let Asked { start, place, workflow } = self;
        let Ok(session) = place.session(workflow, &RunArgs::default()).open() else { return Vec::new() };
        let runs = session.metric_runs().unwrap_or_default().into_iter().map(|run| run.to_string());
        // Two states are compared, and no file is one.
        let compares = words_of_the_line().any(|word| word == "diff");
        let files = if compares { Vec::new() } else { session.metric_files().unwrap_or_default() };
        let files = files.into_iter().map(|path| place.project.for_user(&path));
        runs.chain(files).filter(|name| name.starts_with(start)).map(CompletionCandidate::new).collect()
    }

    fn rules_and_files(self, fits: fn(&Rule) -> bool) -> Vec<CompletionCandidate> {
        let mut all = self.rules(fits, "");
        all.extend(self.made());
        all
    }

    /// The files that the jobs of the first rule make.
    fn made(self) -> Vec<CompletionCandidate> {
        self.files(|plan| plan.jobs().flat_map(|job| job.info().outputs).collect())
    }

    /// The files that they read, and that no job makes.
    fn read(self) -> Vec<CompletionCandidate> {
        self.files(|plan| plan.sources().into_iter().map(str::to_string).collect())
    }

    fn files(self, of: impl Fn(&Plan) -> Vec<String>) -> Vec<CompletionCandidate> {
        let Asked { start, place, workflow } = self;
        let no_targets: [&str; 0] = [];
        let session = place.session(workflow, &RunArgs::default()).open();
        let plan = session.and_then(|session| session.plan(&no_targets, &RunOptions::default()));
        let files = plan.as_ref().map(&of).unwrap_or_default();
        let files: BTreeSet<String> = files.iter().map(|path| place.project.for_user(path)).collect();
        // Shells take candidates line by line, and show them as they are.
        let can_be_shown = |file: &&str| file.starts_with(start) && !file.contains(char::is_control);
        let files: Vec<&str> = files.iter().map(String::as_str).filter(can_be_shown).collect();
        in_steps(&files, start.len()).into_iter().map(CompletionCandidate::new).collect()
    }
}

/// The sorted `files`, or when they are many what they begin with up to the next directory after `typed` bytes.
fn in_steps(files: &[&str], typed: usize) -> Vec<String> {
    if files.len() <= FILES_SHOWN {
        return files.iter().map(|file| file.to_string()).collect();
    }
    let step = |file: &&str| {
        let end = file.get(typed..).and_then(|rest| rest.find('/')).map_or(file.len(), |at| typed + at + 1);
        file.get(..end).unwrap_or(file).to_string()
    };
    let steps: BTreeSet<String> = files.iter().map(step).collect();
    steps.into_iter().collect()
}

fn words_of_the_line() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1)
}

/// The options of the line that say which project is meant; what is not yet complete of it does not count.
pub(super) fn options_of_the_line() -> Common {
    let line = Args::command().ignore_errors(true).try_get_matches_from(words_of_the_line());
    let args = line.ok().and_then(|matches| <Args as clap::FromArgMatches>::from_arg_matches(&matches).ok());
    args.map(|args| args.all_common()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_shown_by_their_directories() {
        let names: Vec<String> = (0..100).map(|n| format!("out/{}/{n}.txt", n % 3)).collect();
        let mut files: Vec<&str> = names.iter().map(String::as_str).collect();
        files.sort_unstable();
        assert_eq!(in_steps(&files, 0), ["out/"]);
        assert_eq!(in_steps(&files, 2), ["out/"]);
        assert_eq!(in_steps(&files, 4), ["out/0/", "out/1/", "out/2/"]);
        assert_eq!(in_steps(&files[..2], 0), files[..2]);
    }
}
