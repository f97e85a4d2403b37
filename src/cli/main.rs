//! The `rulemake` command: arguments in, texts and exit codes out. All work is done by the library.
//!
//! Uses only the public names of `rulemake`: what the command can do, an embedder can do.
#![deny(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::exit)]

mod args;
mod cache;
mod commands;
mod complete;
mod crash;
mod exit;
mod export;
mod git;
mod github;
mod habits;
mod import;
mod init;
#[cfg(unix)]
mod jobserver;
#[cfg(not(unix))]
#[path = "jobserver/none.rs"]
mod jobserver;
mod links;
mod live;
mod lsp;
mod meant;
mod options;
mod output;
mod profile;
mod progress;
mod project;
mod read;
mod secrets;
mod settings;
mod signals;
mod snakemake;
mod svg;
#[cfg(unix)]
mod sys;
mod transfers;
mod values;
mod words;

use exit::Exit;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    crash::prepare();
    let words: Vec<_> = std::env::args_os().collect();
    match complete::answered(&words, here().as_deref()) {
        Ok(true) => return Exit::Success.into(),
        Ok(false) => {}
        Err(error) => {
            let _ = error.print();
            return Exit::Usage.into();
        }
    }
    let settings::Line { words, layers, without_effect } = match with_settings(words) {
        Ok(words) => words,
        Err(failure) => {
            output::Output::new(&options::Common::default()).failure(&failure);
            return failure.exit().into();
        }
    };
    let args = match args::Args::from_line(words.iter().cloned()) {
        Ok(args) => args::Args { without_effect, layers, typed: std::env::args_os().collect(), ..args },
        // Help and version are "errors" of clap with exit code 0. A closed pipe under them is nobody's mistake.
        Err(error) => {
            if error.kind() == clap::error::ErrorKind::InvalidUtf8 {
                return not_utf8().into();
            }
            let error = words::with_tips(error, &words);
            let printed = output::of_clap(&error);
            if let Some(origin) = settings::guilty(&layers).filter(|_| error.use_stderr()) {
                output::say(&format!("  = note: it is set in {origin}"));
            }
            return match printed {
                _ if error.use_stderr() => Exit::Usage.into(),
                Ok(()) => Exit::Success.into(),
                Err(error) => {
                    let failure = exit::Failure::Output(error);
                    output::Output::new(&options::Common::default()).show(&failure);
                    failure.exit().into()
                }
            };
        }
    };
    commands::dispatch(args, started).into()
}

/// The directory where the command was started.
#[expect(
    clippy::disallowed_methods,
    reason = "the command, not the library, learns here where it was started"
)]
fn here() -> Option<std::path::PathBuf> {
    std::env::current_dir().ok()
}

/// The command line with the options that are set elsewhere.
fn with_settings(words: Vec<std::ffi::OsString>) -> Result<settings::Line, exit::Failure> {
    // Without a directory there are no settings; the command itself says so when it needs one.
    let Some(here) = here() else { return Ok(settings::Line { words, ..Default::default() }) };
    settings::expand(words, &here, config_home().as_deref(), &commands::variables())
}

/// Where the user's configuration lies.
#[expect(clippy::disallowed_methods, reason = "the command looks here for its user's settings")]
fn config_home() -> Option<std::path::PathBuf> {
    let home =
        std::env::var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(std::path::PathBuf::from);
    home.or_else(|| std::env::var_os("HOME").map(|home| std::path::Path::new(&home).join(".config")))
}

/// Paths of a workflow are UTF-8; clap says only that some argument is not.
fn not_utf8() -> Exit {
    let argument = std::env::args_os().find(|argument| argument.to_str().is_none()).unwrap_or_default();
    output::say(&format!(
        "error: the argument {argument:?} is not UTF-8\n  = help: rulemake knows only paths that are UTF-8"
    ));
    Exit::Usage
}
