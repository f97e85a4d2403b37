//! A body that runs here: what it is given, and how its end is told.

use super::own::copies;
use super::{Acts, OF_HOOKS, Runner, is_ours};
use crate::diag::style::TextStyle;
use crate::lang::action::files::Unsaved;
use crate::lang::load::of_job;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Value};
use crate::lang::vm::SpaceId;
use crate::model::action::{BodyError, Effects, JobBody, ShellUse, Trace};
use crate::model::job_context::JobContext;
use std::fmt;
use std::sync::Arc;

/// What the body belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rule,
    Hook,
}

impl Kind {
    /// What a body here is given; without the number of the job, which no body needs.
    pub(super) fn parameters(self) -> &'static [&'static str] {
        match self {
            Kind::Rule => &["input", "output", "params", "wildcards", "resources", "log", "threads", "rule"],
            Kind::Hook => OF_HOOKS,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Rule => "run",
            Kind::Hook => "hook",
        }
    }
}

/// A body as a function, with what it needs to be called.
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) root: Value,
    pub(super) space: SpaceId,
    /// Globals that it uses and that can be changed: each job has its own, as in a process of its own.
    pub(super) globals: Vec<(SpaceId, Arc<str>)>,
    pub(super) shell: ShellUse,
    pub(super) runner: Runner,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("kind", &self.kind)
            .field("globals", &self.globals)
            .finish_non_exhaustive()
    }
}

impl JobBody for Body {
    fn run(&self, job: &JobContext, effects: &dyn Effects) -> Result<(), BodyError> {
        let (Some(evaluator), Some(sources)) = (self.runner.evaluator.get(), self.runner.sources.get())
        else {
            let message = "the workflow is not loaded completely".to_string();
            return Err(BodyError::Failed(Trace { text: message.clone(), message }));
        };
        let acts = Acts { effects, shell: &self.shell, unsaved: Unsaved::default() };
        let own = copies(evaluator, &self.globals);
        let result = evaluator.act(&acts, self.space, own, |vm| {
            let args = Args::positional(self.arguments(job, effects));
            let result = vm.call(&self.root, args);
            // What is still open is closed by Python, too.
            result.and_then(|_| acts.unsaved.close_all())
        });
        result.map_err(|raise| match raise.kind() {
            Exc::Cancelled => BodyError::Cancelled,
            kind => {
                let problem = raise.to_problem();
                let message = match raise.message() {
                    text if text.is_empty() => kind.name().to_string(),
                    _ if kind == Exc::CalledProcessError => problem.message.clone(),
                    _ => format!("{}: {}", kind.name(), problem.message),
                };
                let trace = Trace { message, text: problem.resolve(sources).render(TextStyle::Plain) };
                if is_ours(kind) { BodyError::Unsupported(trace) } else { BodyError::Failed(trace) }
            }
        })
    }
}

impl Body {
    fn arguments(&self, job: &JobContext, effects: &dyn Effects) -> Vec<Value> {
        if self.kind == Kind::Hook {
            return vec![Value::list(job.logs.paths.iter().map(|path| Value::Str(path.clone())).collect())];
        }
        let params = job.params.iter().map(|(name, value)| (name.clone(), value));
        let resources = job.resources.iter().map(|(name, value)| (Some(name.clone()), value));
        vec![
            of_job::paths("InputFiles", "the input of this job", job.inputs.view(), Some(effects.dir())),
            of_job::paths("OutputFiles", "the output of this job", job.outputs.view(), None),
            of_job::values("Params", "the params of this job", params),
            of_job::wildcards(&job.wildcards),
            of_job::values("Resources", "the resources of this job", resources),
            of_job::paths("Log", "the log of this job", job.logs.view(), None),
            Value::Int(job.threads.into()),
            Value::Str(job.rule.clone()),
        ]
    }
}

/// An error of the system in an effect, as Python raises it.
pub(super) fn io_raise(error: &std::io::Error, what: &str, path: &str) -> Raise {
    use std::io::ErrorKind as Kind;
    let (kind, text) = match error.kind() {
        Kind::NotFound => (Exc::FileNotFoundError, "no such file or directory".to_string()),
        Kind::AlreadyExists => (Exc::FileExistsError, "it exists already".to_string()),
        Kind::PermissionDenied => (Exc::PermissionError, "permission denied".to_string()),
        Kind::IsADirectory => (Exc::IsADirectoryError, "it is a directory".to_string()),
        Kind::NotADirectory => (Exc::NotADirectoryError, "it is not a directory".to_string()),
        Kind::Interrupted => return Raise::new(Exc::Cancelled, "the job was told to end"),
        Kind::Unsupported => (Exc::UnsupportedError, error.to_string()),
        _ => (Exc::OSError, error.to_string()),
    };
    Raise::new(kind, format!("cannot {what} `{path}`: {text}"))
}
