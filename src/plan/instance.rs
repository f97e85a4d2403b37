//! A job's values: wildcards, paths by name, params, threads, resources, and the command with all of them in it.

use crate::error::Error;
use crate::graph::checkpoints::{CheckpointJob, FinalCheckpoints};
use crate::graph::job::Job;
use crate::model::action::Action;
use crate::model::dynamic::{CallContext, CallError, Dynamic};
use crate::model::job_context::OwnedPaths;
use crate::model::pattern::Pattern;
use crate::model::rule::{ParamItem, ParamSource, Rule};
use crate::model::template::{Bindings, RenderMode, Template};
use crate::model::units;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use crate::plan::context::Context;
use std::path::Path;
use std::sync::Arc;

/// Why a job cannot be checked or started. It fails; others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Trouble {
    pub(crate) fn new(message: impl Into<String>) -> Trouble {
        Trouble { message: message.into(), help: None }
    }

    /// What the machine refused.
    pub(crate) fn of(error: &Error) -> Trouble {
        let help = error.diagnostics().first().and_then(|diagnostic| diagnostic.help.first());
        Trouble { message: error.to_string(), help: help.cloned() }
    }
}

/// Everything that a job's command or function can refer to.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) wildcards: Wildcards,
    pub(crate) inputs: OwnedPaths,
    pub(crate) outputs: OwnedPaths,
    pub(crate) logs: OwnedPaths,
    pub(crate) params: Vec<(Option<Arc<str>>, Value)>,
    pub(crate) threads: u32,
    pub(crate) resources: Vec<(Arc<str>, Value)>,
    /// What the rule asked for where the run has less: threads and resources are capped at what there is.
    pub(crate) capped: Vec<(Arc<str>, u64)>,
    pub(crate) benchmark: Option<Arc<str>>,
    pub(crate) attempt: u32,
    /// Number of the job in its graph.
    job: u32,
    /// Seconds after which the job is ended.
    pub(crate) timeout: Option<f64>,
    /// Positions of params that are not known before the run, because a function looks at an input that is still to
    /// be made.
    pub(crate) open_params: Vec<usize>,
    root: Arc<Path>,
    checkpoints: Arc<FinalCheckpoints>,
    /// Checkpoints, with wildcards, that functions looked for before they have ended.
    pub(crate) pending: Vec<Pending>,
}

/// A checkpoint's job, by its rule and its wildcards.
pub(crate) type Pending = (Arc<str>, Vec<(Arc<str>, Arc<str>)>);

impl Instance {
    /// Evaluates everything of `job`, functions included.
    pub(crate) fn of(cx: &Context, job: &Job, attempt: u32) -> Result<Instance, Trouble> {
        Instance::evaluated(cx, job, attempt, cx.slots, false)
    }

    /// As [`Instance::of`], with no more than so many threads.
    pub(crate) fn within(cx: &Context, job: &Job, attempt: u32, threads: u32) -> Result<Instance, Trouble> {
        Instance::evaluated(cx, job, attempt, threads.min(cx.slots), false)
    }

    /// As [`Instance::of`], before the run: what depends on an input that is not there stays open.
    pub(crate) fn foreseen(cx: &Context, job: &Job) -> Result<Instance, Trouble> {
        Instance::evaluated(cx, job, 1, cx.slots, true)
    }

    fn evaluated(
        cx: &Context,
        job: &Job,
        attempt: u32,
        slots: u32,
        may_lack: bool,
    ) -> Result<Instance, Trouble> {
        let rule = cx.rule(job);
        let mut instance = Instance { attempt, ..Instance::naming(cx, job) };
        instance.refuse_log_as_data(rule)?;
        let mut pending = Vec::new();
        let mut known = |result: Result<Value, CallError>, what: &dyn Fn() -> String| match result {
            Err(CallError::Absent(_)) if may_lack => Ok(None),
            Err(CallError::Pending { checkpoint, wildcards })
                if may_lack && CheckpointJob::find(&checkpoint, &wildcards, &cx.workflow).is_ok() =>
            {
                pending.push((checkpoint, wildcards));
                Ok(None)
            }
            result => result.map(Some).map_err(|error| explain(cx, rule, &what(), error)),
        };
        // A pipe has no size: what is asked for by it stays as if nothing were said.
        let sized = |result: Result<Value, CallError>| match result {
            Err(CallError::Absent(path)) if cx.is_stream(&path) => None,
            result => Some(result),
        };
        let threads = match sized(instance.evaluate(&rule.threads, rule)) {
            Some(threads) => known(threads, &|| "`threads`".into())?,
            None => None,
        };
        let threads = threads.map_or(Ok(1), |value| whole_threads(rule, &value))?;
        instance.threads = threads.min(slots);
        if threads > slots {
            instance.capped.push(("threads".into(), threads.into()));
        }
        for (name, resource) in &rule.resources {
            let value = match sized(instance.evaluate(resource, rule)) {
                Some(value) => known(value, &|| format!("resource `{name}`"))?,
                None => None,
            };
            let value = value.unwrap_or(Value::None);
            // A function may ask for nothing.
            if value != Value::None {
                let (name, value) = units::standard(name, value)
                    .map_err(|message| Trouble::new(format!("in rule `{}`: {message}", rule.name)))?;
                let value = instance.cap(cx, &name, value);
                let derived = units::derived(&name, &value);
                instance.resources.push((name, value));
                instance.resources.extend(derived.into_iter().flatten());
            }
        }
        // As in profiles of Snakemake, the word stands for what the host says.
        let is_host = |value: &Value| matches!(value, Value::Str(text) if &**text == "system_tmpdir");
        match instance.resources.iter_mut().find(|(name, _)| &**name == "tmpdir") {
            Some((_, value)) if is_host(value) => *value = Value::Str(cx.temp_dir.clone()),
            Some(_) => {}
            None => instance.resources.push(("tmpdir".into(), Value::Str(cx.temp_dir.clone()))),
        }
        instance.timeout = instance.evaluate_timeout(cx, rule)?;
        for (index, param) in rule.params.iter().enumerate() {
            let value = known(instance.param(param, rule), &|| param_title(param, index))?;
            if value.is_none() {
                instance.open_params.push(index);
            }
            instance.params.push((param.name.clone(), value.unwrap_or(Value::None)));
        }
        instance.pending = pending;
        Ok(instance)
    }

    /// Only what names the job: wildcards and paths.
    pub(crate) fn naming(cx: &Context, job: &Job) -> Instance {
        let rule = cx.rule(job);
        let texts =
            |ids: &[crate::base::path::PathId]| ids.iter().map(|id| Arc::from(cx.paths.text(*id))).collect();
        Instance {
            wildcards: Wildcards::new(rule.wildcards.clone(), job.wildcards.clone()),
            inputs: OwnedPaths { layout: job.layout.slots.clone(), paths: texts(&job.inputs) },
            outputs: OwnedPaths { layout: rule.output_slots.clone(), paths: texts(&job.outputs) },
            logs: OwnedPaths { layout: rule.log_slots.clone(), paths: rendered(&rule.logs, &job.wildcards) },
            params: Vec::new(),
            threads: 1,
            resources: Vec::new(),
            capped: Vec::new(),
            benchmark: rule.benchmark.as_ref().map(|b| rendered_one(&b.path, &job.wildcards)),
            attempt: 1,
            job: job.id.0,
            timeout: None,
            open_params: Vec::new(),
            root: cx.root.clone(),
            checkpoints: cx.graph.finals.clone(),
            pending: Vec::new(),
        }
    }

    /// As much of a resource as the run has, if it has a limit.
    fn cap(&mut self, cx: &Context, name: &Arc<str>, value: Value) -> Value {
        let (Value::Int(asked), Some(limit)) = (&value, cx.limit(name)) else { return value };
        match u64::try_from(*asked) {
            Ok(asked) if asked > limit => {
                self.capped.push((name.clone(), asked));
                // Below `asked`, so it fits.
                i64::try_from(limit).map_or(value, Value::Int)
            }
            _ => value,
        }
    }

    /// All that the job writes: outputs, logs, benchmark.
    pub(crate) fn products(&self) -> impl Iterator<Item = &str> {
        self.outputs.paths.iter().chain(&self.logs.paths).chain(&self.benchmark).map(|path| &**path)
    }

    /// A log is made anew for each execution: an input would be gone before the command could read it.
    fn refuse_log_as_data(&self, rule: &Rule) -> Result<(), Trouble> {
        for log in &self.logs.paths {
            for (what, paths) in [("input", &self.inputs.paths), ("output", &self.outputs.paths)] {
                if paths.contains(log) {
                    return Err(Trouble {
                        message: format!("`{log}` is a log and an {what} of rule `{}`", rule.name),
                        help: Some("give the log a name of its own".into()),
                    });
                }
            }
        }
        Ok(())
    }

    fn evaluate_timeout(&self, cx: &Context, rule: &Rule) -> Result<Option<f64>, Trouble> {
        let Some(timeout) = &rule.timeout else { return Ok(None) };
        match self.evaluate(timeout, rule).map_err(|e| explain(cx, rule, "`timeout`", e))? {
            Value::None => Ok(None),
            Value::Int(n @ 1..) => Ok(Some(n as f64)),
            Value::Float(x) if x > 0.0 && x.is_finite() => Ok(Some(x)),
            Value::Str(text) => units::seconds(&text)
                .map(Some)
                .map_err(|message| Trouble::new(format!("`timeout` of rule `{}`: {message}", rule.name))),
            other => Err(Trouble::new(format!(
                "`timeout` of rule `{}` must be a number of seconds above 0, not {}",
                rule.name,
                other.canonical()
            ))),
        }
    }

    pub(crate) fn evaluate(&self, value: &Dynamic, rule: &Rule) -> Result<Value, CallError> {
        value.evaluate(&self.call_context(rule))
    }

    fn param(&self, param: &ParamItem, rule: &Rule) -> Result<Value, CallError> {
        match &param.source {
            ParamSource::Function(function) => function.call(&self.call_context(rule)),
            fixed => Ok(fixed_param(fixed, self.wildcards.values())),
        }
    }

    fn call_context<'a>(&'a self, rule: &'a Rule) -> CallContext<'a> {
        CallContext {
            wildcards: &self.wildcards,
            attempt: self.attempt,
            rule: &rule.name,
            root: &self.root,
            input: self.inputs.view(),
            output: self.outputs.view(),
            threads: self.threads,
            resources: &self.resources,
            checkpoints: Some(&*self.checkpoints),
        }
    }

    /// The command of a shell job.
    pub(crate) fn command(&self, rule: &Rule) -> Result<Option<String>, Trouble> {
        let Action::Shell(shell) = &rule.action else { return Ok(None) };
        let body = self.render(rule, &shell.template, RenderMode::Shell, "the command")?;
        Ok(Some(format!("{}{body}{}", shell.prefix, shell.suffix)))
    }

    /// The rule's message for this job.
    pub(crate) fn message(&self, rule: &Rule) -> Result<Option<String>, Trouble> {
        rule.message.as_ref().map(|m| self.plain(rule, m, "the message")).transpose()
    }

    /// A text that is no command.
    pub(crate) fn plain(&self, rule: &Rule, template: &Template, what: &str) -> Result<String, Trouble> {
        self.render(rule, template, RenderMode::Plain, what)
    }

    fn render(
        &self,
        rule: &Rule,
        template: &Template,
        mode: RenderMode,
        what: &str,
    ) -> Result<String, Trouble> {
        let bindings = Bindings {
            rule: &rule.name,
            wildcards: &self.wildcards,
            input: self.inputs.view(),
            output: self.outputs.view(),
            log: self.logs.view(),
            params: &self.params,
            threads: self.threads,
            resources: &self.resources,
            attempt: self.attempt,
            job: self.job,
        };
        template.render(&bindings, mode).map_err(|error| Trouble {
            message: format!("in {what} of rule `{}`: {}", rule.name, error.message),
            help: error.help,
        })
    }

    /// The directory for the job's temporary files.
    pub(crate) fn temp_dir(&self) -> Option<Arc<str>> {
        let found = self.resources.iter().find(|(name, _)| &**name == "tmpdir");
        found.map(|(_, value)| Arc::from(value.to_string()))
    }

    /// What the rule asks for, however little there is: the threads and the named resources. Texts are not counted.
    pub(crate) fn asked(&self) -> (u64, Vec<(Arc<str>, u64)>) {
        let amount = |value: &Value| match value {
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Float(x) if *x >= 0.0 => Some(x.ceil() as u64),
            _ => None,
        };
        let more = |name: &str| self.capped.iter().find(|(known, _)| &**known == name).map(|(_, n)| *n);
        let named = self.resources.iter().filter_map(|(name, value)| {
            let amount = amount(value)?;
            Some((name.clone(), more(name).unwrap_or(amount)))
        });
        (more("threads").unwrap_or(self.threads.into()), named.collect())
    }
}

/// What decides between jobs that could start: the greatest goes first.
pub(crate) fn priority(cx: &Context, job: &Job) -> Result<i64, Trouble> {
    let rule = cx.rule(job);
    if let Dynamic::Const(Value::Int(n)) = rule.priority {
        return Ok(n);
    }
    match Instance::naming(cx, job).evaluate(&rule.priority, rule) {
        Ok(Value::Int(n)) => Ok(n),
        Ok(Value::Bool(truth)) => Ok(truth.into()),
        Ok(Value::Float(x)) if x.is_finite() => Ok(x.round_ties_even() as i64),
        Ok(other) => Err(Trouble::new(format!(
            "`priority` of rule `{}` must be a number, not {}",
            rule.name,
            other.canonical()
        ))),
        // An input that is still to be made, or a checkpoint, will be known too late to decide anything.
        Err(CallError::Absent(_) | CallError::Pending { .. }) => Ok(0),
        Err(error) => Err(explain(cx, rule, "`priority`", error)),
    }
}

/// Threads that a job asks for.
fn whole_threads(rule: &Rule, value: &Value) -> Result<u32, Trouble> {
    match value {
        Value::Int(n @ 0..) => Ok(u32::try_from(*n).unwrap_or(u32::MAX)),
        Value::Float(x) if x.round_ties_even() >= 0.0 => Ok(x.round_ties_even() as u32),
        other => Err(Trouble::new(format!(
            "`threads` of rule `{}` must be a whole number from 0, not {}",
            rule.name,
            other.canonical()
        ))),
    }
}

/// A param's name for people and for the fingerprint: its own, or its position.
pub(crate) fn param_name(param: &ParamItem, index: usize) -> Arc<str> {
    param.name.clone().unwrap_or_else(|| index.to_string().into())
}

fn param_title(param: &ParamItem, index: usize) -> String {
    format!("param `{}`", param_name(param, index))
}

/// The value of a param that is no function.
pub(crate) fn fixed_param(source: &ParamSource, wildcards: &[Arc<str>]) -> Value {
    let element = |source: &ParamSource| match source {
        ParamSource::Const(value) => value.clone(),
        ParamSource::Text(pattern) => render_text(pattern, wildcards),
        ParamSource::List(_) | ParamSource::Function(_) => Value::None,
    };
    match source {
        ParamSource::List(items) => Value::List(items.iter().map(element).collect()),
        other => element(other),
    }
}

fn render_text(pattern: &Pattern, values: &[Arc<str>]) -> Value {
    let mut text = String::new();
    pattern.render(values, &mut text);
    Value::from(text)
}

fn rendered(patterns: &[Pattern], values: &[Arc<str>]) -> Box<[Arc<str>]> {
    patterns.iter().map(|pattern| rendered_one(pattern, values)).collect()
}

fn rendered_one(pattern: &Pattern, values: &[Arc<str>]) -> Arc<str> {
    let mut text = String::new();
    pattern.render(values, &mut text);
    Arc::from(crate::base::path::normalise(&text).as_ref())
}

/// What helps a job that looks at a checkpoint too early.
pub(crate) const NAME_AN_OUTPUT: &str =
    "name an output of the checkpoint as an input, so that the job comes after it";

/// The sentence for a function that gave no value.
pub(crate) fn explain(cx: &Context, rule: &Rule, what: &str, error: CallError) -> Trouble {
    match error {
        CallError::Pending { checkpoint, wildcards } => {
            match CheckpointJob::find(&checkpoint, &wildcards, &cx.workflow) {
                Ok(_) => Trouble {
                    message: format!(
                        "{what} of rule `{}` looks at checkpoint `{checkpoint}`, which has not ended",
                        rule.name
                    ),
                    help: Some(NAME_AN_OUTPUT.into()),
                },
                Err(error) => explain(cx, rule, what, error),
            }
        }
        CallError::Absent(path) => Trouble::new(format!(
            "{what} of rule `{}` looks at input `{path}`, which does not exist",
            rule.name
        )),
        CallError::Message(message) => Trouble::new(format!("{what} of rule `{}`: {message}", rule.name)),
        CallError::Problem(problem) => {
            let place =
                problem.labels.first().map(|(span, _)| format!(" ({})", cx.workflow.sources.place(*span)));
            Trouble {
                message: format!(
                    "{what} of rule `{}`: {}{}",
                    rule.name,
                    problem.message,
                    place.unwrap_or_default()
                ),
                help: problem.help.first().cloned(),
            }
        }
    }
}
