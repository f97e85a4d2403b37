//! Completion in the shell: which values an argument can have is told here for each that has some, and the protocol between
//! the shell and us.
//!
//! The shell calls this very command with [`VARIABLE`] set; the line so far follows the arguments.

mod bash;
mod project;
mod settings;

use crate::args::Args;
use crate::init::builtin;
use clap::{Arg, CommandFactory, ValueHint};
use clap_complete::engine::{PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, EnvCompleter, Shells};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use rulemake::lint::LINTS;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

/// Says that the shell asks, and which one.
const VARIABLE: &str = "RULEMAKE_COMPLETE";
/// The index of the word that is completed. Shells that do not tell it complete the last one.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// Answers the shell if it asked.
///
/// # Errors
/// An unknown shell, or standard output that cannot be written.
pub(crate) fn answered(words: &[OsString], here: Option<&Path>) -> Result<bool, clap::Error> {
    let begun = word_begun(words);
    // Where anything may follow, options are offered to who asks for one by its dash, or when there is nothing else.
    let hides = begun.is_empty();
    CompleteEnv::with_factory(|| definitions(hides)).var(VARIABLE).try_complete(words.iter().cloned(), here)
}

/// The script that a shell reads at its start.
pub(crate) fn script(shell: &dyn EnvCompleter) -> io::Result<String> {
    if shell.is("bash") {
        return Ok(bash::script(VARIABLE, INDEX));
    }
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "rulemake", "rulemake", "rulemake", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// A shell by its name.
pub(crate) fn shell(name: &str) -> Result<&'static dyn EnvCompleter, String> {
    SHELLS.0.iter().copied().find(|shell| shell.is(name)).ok_or_else(|| {
        let names: Vec<&str> = SHELLS.names().collect();
        format!("no completion for `{name}`; there is {}", names.join(", "))
    })
}

const SHELLS: Shells = Shells::builtins();

/// What was typed of the word that is completed.
fn word_begun(words: &[OsString]) -> &OsStr {
    #[expect(clippy::disallowed_methods, reason = "the shell tells it there")]
    let index = std::env::var(INDEX).ok().and_then(|index| index.parse::<usize>().ok());
    let mut line = words.iter().skip_while(|word| *word != "--").skip(1);
    let word = index.map_or_else(|| words.last(), |index| line.nth(index));
    word.map_or(OsStr::new(""), |word| word)
}

type Complete = fn(&OsStr) -> Vec<CompletionCandidate>;

/// Arguments by their ids, with what completes them. Those with a fixed set of values are known to clap, and paths it knows
/// by their type.
const VALUES: [(&str, Complete); 16] = [
    ("targets", project::targets),
    ("paths", project::targets),
    ("path", project::targets),
    ("names", project::metrics),
    ("until", project::rules_and_files),
    ("omit_from", project::rules_and_files),
    ("force_from", project::rules_and_files),
    ("assume_inputs", project::sources),
    ("set_threads", project::rules_with_equals),
    ("set_resources", project::rules_with_colon),
    ("batch", project::rules_with_equals),
    ("profile", settings::profiles),
    ("template", templates),
    ("shell", shells),
    ("deny", lints),
    ("allow", lints),
];

const DIRECTORIES: [&str; 5] = ["directory", "cache", "cache_shared", "workflow_profile", "words"];

/// The arguments, with what completes them.
fn definitions(hides_options: bool) -> clap::Command {
    let valued = |mut command: clap::Command| {
        let has =
            |command: &clap::Command, id| command.get_arguments().any(|argument| argument.get_id() == id);
        for (id, complete) in VALUES {
            if has(&command, id) {
                command = command.mut_arg(id, |argument| argument.add(ArgValueCompleter::new(complete)));
            }
        }
        for id in DIRECTORIES {
            if has(&command, id) {
                command = command.mut_arg(id, |argument| argument.value_hint(ValueHint::DirPath));
            }
        }
        let command = command.mut_args(paths_that_can_be_shown);
        if !hides_options {
            return command;
        }
        let command = command.disable_help_flag(true).disable_version_flag(true);
        command.mut_args(|argument| match argument.is_positional() {
            true => argument,
            false => argument.hide(true),
        })
    };
    let all = valued(Args::command());
    let names: Vec<String> = all.get_subcommands().map(|command| command.get_name().to_string()).collect();
    let all = names.into_iter().fold(all, |all, name| all.mut_subcommand(name, valued));
    // The argument of `man` is one of its neighbours.
    all.mut_subcommand("man", |man| {
        man.mut_arg("command", |argument| argument.add(ArgValueCompleter::new(commands)))
    })
}

/// The completer of clap hands out every name, and shells take candidates line by line and show them as they are.
fn paths_that_can_be_shown(argument: Arg) -> Arg {
    let is_completed = argument.get::<ArgValueCompleter>().is_some();
    let all = match argument.get_value_hint() {
        _ if is_completed => return argument,
        ValueHint::AnyPath => PathCompleter::any(),
        ValueHint::FilePath => PathCompleter::file(),
        ValueHint::DirPath => PathCompleter::dir(),
        _ => return argument,
    };
    argument.add(ArgValueCompleter::new(move |start: &OsStr| shown(all.complete(start))))
}

fn shown(paths: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let has_control =
        |path: &CompletionCandidate| path.get_value().to_string_lossy().contains(char::is_control);
    paths.into_iter().filter(|path| !has_control(path)).collect()
}

/// Those of `names` that begin as typed, each with a line about it.
fn begun<'n>(names: impl IntoIterator<Item = (&'n str, &'n str)>, start: &OsStr) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else { return Vec::new() };
    let found = names.into_iter().filter(|(name, _)| name.starts_with(start));
    found
        .map(|(name, about)| {
            CompletionCandidate::new(name).help((!about.is_empty()).then(|| about.to_string().into()))
        })
        .collect()
}

fn templates(start: &OsStr) -> Vec<CompletionCandidate> {
    let built_in = builtin::ALL.iter().map(|template| (template.name, template.summary));
    begun(built_in, start).into_iter().chain(shown(PathCompleter::any().complete(start))).collect()
}

fn shells(start: &OsStr) -> Vec<CompletionCandidate> {
    begun(SHELLS.names().map(|name| (name, "")), start)
}

fn lints(start: &OsStr) -> Vec<CompletionCandidate> {
    begun(LINTS.iter().map(|lint| (lint.name, lint.summary)), start)
}

fn commands(start: &OsStr) -> Vec<CompletionCandidate> {
    let all = Args::command();
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    let all: Vec<(&str, String)> = all.get_subcommands().map(|one| (one.get_name(), about(one))).collect();
    begun(all.iter().map(|(name, about)| (*name, about.as_str())), start)
}
