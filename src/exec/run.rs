//! Code of a Rulefile: run here when all that it uses is known here, else by one Python for the job.

use super::effects::JobEffects;
use super::function::panicked;
use super::job::Round;
use super::process::{Words, beside};
use super::script::describe::Description;
use super::script::{Files, python};
use crate::exec::executor::{Outcome, RunWork, Signal};
use crate::model::action::{BodyError, Effects as _, JobBody, ShellUse, Trace, Way};
use crate::model::imported::IMPORTED;
use crate::sys;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the code of a job.
pub(super) fn run(work: &RunWork, round: &Round<'_>) -> Outcome {
    let has_environment = round.request.extras.as_ref().is_some_and(|extras| extras.software.is_some());
    match &work.code.way {
        // What is in an environment, only its programs see.
        Way::InProcess(body) if !has_environment => here(&**body, work, round),
        Way::InProcess(_) | Way::Python { .. } => in_python(work, round),
    }
}

fn here(body: &dyn JobBody, work: &RunWork, round: &Round<'_>) -> Outcome {
    if let Some(signal) = round.control.asked() {
        return Outcome::Signal(signal.number());
    }
    let effects = JobEffects::new(work, round);
    let before = sys::thread_cpu();
    // Unwind safety: of ours the body has only shared data.
    let ended = catch_unwind(AssertUnwindSafe(|| body.run(&work.context, &effects)));
    if let (Some(meter), Some(before), Some(after)) = (round.meter, before, sys::thread_cpu()) {
        meter.own_cpu(after.saturating_sub(before));
    }
    let ended = match (round.control.asked(), ended) {
        // As a process would end, whatever it was doing.
        (Some(signal), _) => return effects.end(Outcome::Signal(signal.number())),
        (None, Err(panic)) => return effects.end(Outcome::FunctionError(panicked(&*panic))),
        (None, Ok(ended)) => ended,
    };
    match ended {
        Ok(()) => effects.end(Outcome::Success),
        // Python has the last word on what may be our lack, as long as nothing was done.
        Err(BodyError::Unsupported(trace)) if !effects.any() => match in_python(work, round) {
            Outcome::NotStarted(_) => failed(&effects, &trace),
            outcome => outcome,
        },
        Err(BodyError::Unsupported(trace) | BodyError::Failed(trace)) => failed(&effects, &trace),
        Err(BodyError::Cancelled) => effects.end(Outcome::Signal(Signal::Terminate.number())),
    }
}

fn failed(effects: &JobEffects<'_>, trace: &Trace) -> Outcome {
    effects.print(&trace.text);
    effects.end(Outcome::FunctionError(trace.message.clone()))
}

/// What to do when Python is not there.
pub(crate) const ADVICE: &str = "install Python 3, or write a `shell:` command";

fn in_python(work: &RunWork, round: &Round<'_>) -> Outcome {
    let mut files = Files::default();
    let outcome = match description(work, round, &mut files) {
        Ok(words) => {
            let words: Words<'_> = words.iter().map(|word| Cow::Borrowed(OsStr::new(word))).collect();
            round.program(words, &work.log, &[], ADVICE)
        }
        Err(message) => Outcome::NotStarted(message),
    };
    files.remove();
    outcome
}

/// The program that runs the code, with its description in place.
fn description(work: &RunWork, round: &Round<'_>, files: &mut Files) -> Result<Vec<String>, String> {
    let job = Description::of(&work.context, round.iteration);
    let text = python::text;
    let mut out = String::from("{");
    let path: Vec<String> = work.path.iter().map(|dir| text(&dir.to_string_lossy())).collect();
    let because = match &work.code.way {
        Way::Python { because } => because,
        Way::InProcess(_) => "",
    };
    let fields = [
        ("because", text(because)),
        ("file", text(&work.file.to_string_lossy())),
        ("line", work.line.to_string()),
        ("basedir", text(&work.basedir.to_string_lossy())),
        ("path", format!("[{}]", path.join(", "))),
        ("jobid", round.request.job.to_string()),
        ("shell", shell(&work.code.shell)),
        ("around", text(&work.code.around)),
        ("body", text(&work.code.text)),
        ("rules", work.rules.to_string()),
        ("imported", imported()),
    ];
    for (name, value) in fields {
        let _ = writeln!(out, "\"{name}\": {value},");
    }
    if let Some(log) = &work.log_of_run {
        let _ = writeln!(out, "\"log_file\": [{}],", text(&log.to_string_lossy()));
    }
    out.push_str(&python::job_fields(&job));
    out.push_str("}\n");
    let support = python::support_dir(&work.support)
        .map_err(|error| format!("cannot write to `{}`: {error}", work.support.display()))?;
    let file = files.write(beside(&work.log, ".json"), out.as_bytes())?;
    let start = support.join("job.py").to_string_lossy().into_owned();
    // The last word is for people who look at the list of processes.
    Ok(vec!["python3".into(), start, file, format!("run-of-{}", work.context.rule)])
}

/// The names that are there without an import.
fn imported() -> String {
    let item = |(name, module, member): &(&str, &str, Option<&str>)| {
        let member = member.map_or("null".to_string(), python::text);
        format!("[{}, {}, {member}]", python::text(name), python::text(module))
    };
    let all: Vec<String> = IMPORTED.iter().map(item).collect();
    format!("[{}]", all.join(", "))
}

/// Program, prefix and suffix of commands: the flags of a strict shell stand in the prefix.
fn shell(shell: &ShellUse) -> String {
    let program = shell.program.first().map_or("bash", |program| program);
    let strict =
        if shell.program.iter().any(|word| &**word == "pipefail") { "set -euo pipefail; " } else { "" };
    let parts = [program, &format!("{strict}{}", shell.prefix), &shell.suffix];
    format!("[{}]", parts.map(python::text).join(", "))
}
