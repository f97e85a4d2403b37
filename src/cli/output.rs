//! Where texts go and how they look: answers to standard output, all else to standard error.
//!
//! Invariant: nothing here panics when a pipe is closed; what cannot be said on standard error is lost.

use crate::exit::{Failure, kind_name};
use crate::github;
use crate::options::{Color, Common};
use anstyle::{AnsiColor, Style};
use rulemake::report::{Detail, printable};
use rulemake::{Error, ErrorKind, TextStyle};
use std::io::{self, BufWriter, IsTerminal, Write};

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How this command was asked to talk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    pub(crate) json: bool,
    color: Color,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Output {
        Output {
            quiet: common.quiet,
            verbose: common.verbose,
            json: common.json,
            color: common.color.unwrap_or_default(),
        }
    }

    pub(crate) fn stdout_style(&self) -> TextStyle {
        self.style(choice(&io::stdout()))
    }

    pub(crate) fn stderr_style(&self) -> TextStyle {
        self.style(choice(&io::stderr()))
    }

    fn style(&self, found: anstream::ColorChoice) -> TextStyle {
        match (self.color, found) {
            (Color::Always, _) => TextStyle::Ansi,
            (Color::Never, _) | (Color::Auto, anstream::ColorChoice::Never) => TextStyle::Plain,
            (Color::Auto, _) => TextStyle::Ansi,
        }
    }

    /// How much is told: of a plan, and of a run without live display.
    pub(crate) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, 0) => Detail::Normal,
            (_, 1) => Detail::Verbose,
            _ => Detail::All,
        }
    }

    /// Whether standard error can show a line that changes.
    pub(crate) fn live(&self) -> bool {
        #[expect(
            clippy::disallowed_methods,
            reason = "what the terminal can do is said only by the environment"
        )]
        let variable = |name: &str| std::env::var_os(name);
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        // Some have a terminal, and its lines are kept all the same.
        let in_ci = variable("CI").is_some_and(|ci| !["", "0", "false"].iter().any(|no| ci == *no));
        !self.quiet && !self.json && !dumb && !in_ci && io::stderr().is_terminal()
    }

    /// Whether standard error follows links.
    pub(crate) fn links(&self) -> bool {
        #[expect(
            clippy::disallowed_methods,
            reason = "what the terminal can do is said only by the environment"
        )]
        let variable = |name: &str| std::env::var(name).ok();
        self.stderr_style() == TextStyle::Ansi && crate::links::are_followed(variable)
    }

    /// Prints an answer that people read.
    pub(crate) fn answer(&self, text: &str) -> Result<(), Failure> {
        // A file obeys nobody.
        match stdout_is_file() {
            true => self.answer_as_it_is(text),
            false => self.answer_as_it_is(&github::shown_in_lines(text)),
        }
    }

    /// Prints an answer for programs.
    pub(crate) fn answer_as_it_is(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Prints an answer as one JSON document.
    pub(crate) fn answer_json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let mut out = BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Says something that is not the answer, unless nothing should be said.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Shows why the command failed; with `--json` also as an object on standard output.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.show(failure);
        if self.json && !matches!(failure, Failure::Output(_)) {
            let _ = self.answer_as_it_is(&format!("{}\n", failure_json(failure)));
        }
    }

    /// Shows why something failed.
    pub(crate) fn show(&self, failure: &Failure) {
        match failure {
            Failure::Library(error) => {
                say(error.render(self.stderr_style()).trim_end());
                if let Some(help) = advice(error.kind()) {
                    say(&format!("  = help: {help}"));
                }
            }
            Failure::Noted(error, note) => {
                say(error.render(self.stderr_style()).trim_end());
                say(&format!("  = note: {}", printable(note)));
            }
            Failure::Own { message, notes, help, .. } => say(&self.own(message, notes, help)),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Failure::Output(error) => {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                say(&self.own(&format!("cannot write to standard output: {text}"), &[], &[]));
            }
        }
    }

    fn own(&self, message: &str, notes: &[String], help: &[String]) -> String {
        let mut text = format!("{}: {}", self.painted(ERROR, "error"), printable(message));
        let remarks = notes.iter().map(|n| ("note", n)).chain(help.iter().map(|h| ("help", h)));
        for (word, remark) in remarks {
            let mut lines = remark.lines();
            text.push_str(&format!("\n  = {word}: {}", printable(lines.next().unwrap_or_default())));
            lines.for_each(|line| text.push_str(&format!("\n          {}", printable(line))));
        }
        text
    }

    fn painted(&self, style: Style, text: &str) -> String {
        painted(self.stderr_style(), style, text)
    }
}

/// Whether a stream is coloured by itself. `CLICOLOR_FORCE=0` forces nothing, whatever the crate takes it for.
pub(crate) fn choice(stream: &impl anstream::stream::RawStream) -> anstream::ColorChoice {
    #[expect(
        clippy::disallowed_methods,
        reason = "what the user wants of terminals is said by the environment"
    )]
    let forces_nothing = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value == "0");
    match forces_nothing && !anstream::stream::IsTerminal::is_terminal(stream) {
        true => anstream::ColorChoice::Never,
        false => anstream::AutoStream::choice(stream),
    }
}

#[cfg(unix)]
fn stdout_is_file() -> bool {
    use std::os::fd::AsFd as _;
    let file = io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|meta| meta.is_file())
}

#[cfg(not(unix))]
fn stdout_is_file() -> bool {
    false
}

pub(crate) fn painted(text_style: TextStyle, style: Style, text: &str) -> String {
    match text_style {
        TextStyle::Ansi => format!("{style}{text}{style:#}"),
        _ => text.to_string(),
    }
}

/// An answer as JSON whose version stands first, as in all of them.
pub(crate) fn versioned(answer: impl serde::Serialize) -> serde_json::Value {
    let mut json = serde_json::json!({"v": 1});
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(answer)
        && let Some(all) = json.as_object_mut()
    {
        all.extend(fields);
    }
    json
}

/// Prints what clap has to say: helps and versions to standard output, mistakes to standard error.
pub(crate) fn of_clap(error: &clap::Error) -> io::Result<()> {
    let text = error.render();
    let painted = |choice| match choice {
        anstream::ColorChoice::Never => text.to_string(),
        _ => text.ansi().to_string(),
    };
    if error.use_stderr() {
        return io::stderr().lock().write_all(painted(choice(&io::stderr())).as_bytes());
    }
    let mut out = io::stdout().lock();
    out.write_all(painted(choice(&io::stdout())).as_bytes())?;
    out.flush()
}

/// Writes a line to standard error, to be read by people.
pub(crate) fn say(text: &str) {
    write_line(&github::shown(text));
}

/// Writes a line to standard error as it is. If that is closed there is nobody left to tell.
pub(crate) fn write_line(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Locked => Some("`--wait` waits until the other run has ended"),
        ErrorKind::State => Some("use that newer rulemake here, too"),
        ErrorKind::Bug => Some("this is a bug in rulemake: please report it"),
        _ => None,
    }
}

fn failure_json(failure: &Failure) -> serde_json::Value {
    let (kind, message, diagnostics): (&str, String, &[rulemake::Diagnostic]) = match failure {
        Failure::Library(error) | Failure::Noted(error, _) => {
            (kind_name(error.kind()), Error::to_string(error), error.diagnostics())
        }
        Failure::Own { exit, message, .. } => {
            let kind = match exit {
                crate::exit::Exit::Usage => "usage",
                crate::exit::Exit::Workflow => "workflow",
                crate::exit::Exit::Plan => "plan",
                _ => "environment",
            };
            (kind, message.clone(), &[])
        }
        Failure::Output(error) => ("environment", error.to_string(), &[]),
    };
    serde_json::json!({"v": 1, "event": "error", "kind": kind, "message": message, "diagnostics": diagnostics})
}
