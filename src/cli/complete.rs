//! Completion in the shell: of commands and options, and of the rules and files of the project at hand.
//!
//! The shell calls this very command with [`VARIABLE`] set; the line so far follows the arguments.

use crate::args::Args;
use crate::commands::Place;
use crate::options::Common;
use crate::output::Output;
use clap::CommandFactory;
use clap_complete::env::{CompleteEnv, EnvCompleter, Shells};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use rulemake::{RunOptions, Workflow};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

/// Says that the shell asks, and which one.
const VARIABLE: &str = "RULEMAKE_COMPLETE";
/// More files than these are shown by the directories that hold them.
const FILES_SHOWN: usize = 60;

/// Answers the shell if it asked.
///
/// # Errors
/// An unknown shell, or standard output that cannot be written.
pub(crate) fn answered(words: &[OsString], here: Option<&Path>) -> Result<bool, clap::Error> {
    CompleteEnv::with_factory(definitions).var(VARIABLE).try_complete(words.iter().cloned(), here)
}

/// The script that a shell reads at its start.
pub(crate) fn script(shell: &dyn EnvCompleter) -> io::Result<String> {
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "rulemake", "rulemake", "rulemake", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// A shell by its name.
pub(crate) fn shell(name: &str) -> Result<&'static dyn EnvCompleter, String> {
    const SHELLS: Shells = Shells::builtins();
    SHELLS.0.iter().copied().find(|shell| shell.is(name)).ok_or_else(|| {
        let names: Vec<&str> = SHELLS.names().collect();
        format!("no completion for `{name}`; there is {}", names.join(", "))
    })
}

/// The arguments, with those that name rules or files of the project.
fn definitions() -> clap::Command {
    let named = |mut command: clap::Command| {
        for (id, complete) in [
            ("targets", rules_and_files as fn(&OsStr) -> Vec<CompletionCandidate>),
            ("until", rules_and_files),
            ("omit_from", rules_and_files),
            ("force_from", rules_and_files),
            ("path", files),
            ("names", states_of_metrics),
        ] {
            if command.get_arguments().any(|argument| argument.get_id() == id) {
                command = command.mut_arg(id, |argument| argument.add(ArgValueCompleter::new(complete)));
            }
        }
        command
    };
    let all = named(Args::command());
    let names: Vec<String> = all.get_subcommands().map(|command| command.get_name().to_string()).collect();
    names.into_iter().fold(all, |all, name| all.mut_subcommand(name, named))
}

fn rules_and_files(start: &OsStr) -> Vec<CompletionCandidate> {
    candidates(start, true)
}

fn files(start: &OsStr) -> Vec<CompletionCandidate> {
    candidates(start, false)
}

/// Files with metrics, and the runs that they can be compared with.
fn states_of_metrics(start: &OsStr) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else { return Vec::new() };
    let output = Output::new(&Common { quiet: true, ..Common::default() });
    let Ok(place) = Place::find(options_of_the_line(), output) else { return Vec::new() };
    let Ok(workflow) = place.load_for_completion() else { return Vec::new() };
    let Ok(session) = place.session(workflow, &Default::default()).open() else { return Vec::new() };
    let files =
        session.metric_files().unwrap_or_default().into_iter().map(|path| place.project.for_user(&path));
    let runs = session.metric_runs().unwrap_or_default().into_iter().map(|run| run.to_string());
    runs.chain(files).filter(|name| name.starts_with(start)).map(CompletionCandidate::new).collect()
}

/// What may stand where `start` stands; nothing when the project cannot be read, for a shell has no place for errors.
fn candidates(start: &OsStr, with_rules: bool) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else { return Vec::new() };
    let common = options_of_the_line();
    let output = Output::new(&Common { quiet: true, ..Common::default() });
    let Ok(place) = Place::find(common, output) else { return Vec::new() };
    let Ok(workflow) = place.load_for_completion() else { return Vec::new() };
    let mut all = if with_rules { rules(&workflow, start) } else { Vec::new() };
    let Ok(session) = place.session(workflow, &Default::default()).open() else { return all };
    let no_targets: [&str; 0] = [];
    if let Ok(plan) = session.plan(&no_targets, &RunOptions::default()) {
        let outputs = plan.jobs().flat_map(|job| job.info().outputs);
        let files: BTreeSet<String> = outputs.map(|path| place.project.for_user(&path)).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).filter(|f| f.starts_with(start)).collect();
        all.extend(in_steps(&files, start.len()).into_iter().map(CompletionCandidate::new));
    }
    all
}

/// Rules that can be asked for by name, with the first line of what is written about them.
fn rules(workflow: &Workflow, start: &str) -> Vec<CompletionCandidate> {
    let by_name = workflow.rules().filter(|rule| rule.wildcards().next().is_none());
    by_name
        .filter(|rule| rule.name().starts_with(start))
        .map(|rule| {
            let line = rule.doc().and_then(|doc| doc.trim().lines().next()).unwrap_or("a rule").to_string();
            CompletionCandidate::new(rule.name()).help(Some(line.into()))
        })
        .collect()
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

/// The options of the line that say which project is meant; what is not yet complete of it does not count.
fn options_of_the_line() -> Common {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let line = Args::command().ignore_errors(true).try_get_matches_from(words);
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
