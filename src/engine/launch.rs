//! From a job that must run to what its executor gets. Decides nothing about when.

use crate::diag::SourceId;
use crate::engine::code;
use crate::engine::work::Prepared;
use crate::exec::executor::{
    BenchmarkFile, Extras, InterpretedCode, InterpretedWork, JobRequest, RunWork, ScriptWork, ShadowDir,
    SoftwareUse, Timeout, Work,
};
use crate::exec::function::{JobReports, Told};
use crate::exec::software::Deployment;
use crate::exec::survivors::{self, Mark};
use crate::exec::variables::{Variable, Variables};
use crate::files::shadow;
use crate::graph::job::JobId;
use crate::model::action::{Action, Code, FunctionAction, ScriptLanguage};
use crate::model::job_context::{JobContext, Reports};
use crate::model::rule::{Rule, Shadow};
use crate::plan::code::{script_path, software};
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};
use crate::store::runs::RunPlaces;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Jobs of a run differ little in their variables, unless each has a directory of its own.
const MOST_KNOWN: usize = 8;

/// Variables that were put together.
pub(super) struct Known {
    threads: u32,
    temp_dir: Option<Arc<str>>,
    variables: Arc<[Variable]>,
}

/// What all jobs of a run have in common.
pub(super) struct Launcher {
    pub(super) state_dir: PathBuf,
    pub(super) run: u32,
    pub(super) places: RunPlaces,
    pub(super) mark: Option<Mark>,
    /// Between asking a job to end and killing it.
    pub(super) grace: Duration,
    pub(super) deployment: Arc<Deployment>,
    /// The root, absolute, if commands of plain words may do without a shell.
    pub(super) direct: Option<Arc<str>>,
    /// Variables of all jobs.
    pub(super) variables: Arc<[Variable]>,
    /// What was made of them for jobs, the last first.
    pub(super) known: RefCell<Vec<Known>>,
    /// Hears what jobs say that are executed in this process.
    pub(super) tell: Arc<dyn Fn(u32, Told) + Send + Sync>,
}

/// Whether jobs of the rule have output of their own, whether or not they say anything.
pub(super) fn has_log(cx: &Context, rule: &Rule) -> bool {
    !matches!(rule.action, Action::Touch | Action::None) && !is_called(cx, rule)
}

/// Whether jobs of the rule are calls in this process: they have a log once they say something.
fn is_called(cx: &Context, rule: &Rule) -> bool {
    match &rule.action {
        Action::Function(_) | Action::Interpreted(_) => true,
        Action::Script(script) => cx.interpreters.for_file(&script.path.canonical()).is_some(),
        Action::Shell(_) | Action::Run(_) | Action::Touch | Action::None => false,
    }
}

/// Whether jobs of the rule may have said something.
pub(super) fn may_have_log(rule: &Rule) -> bool {
    !matches!(rule.action, Action::Touch | Action::None)
}

impl Launcher {
    pub(super) fn log(&self, job: u32) -> PathBuf {
        self.places.job_log(job)
    }

    pub(super) fn request(&self, cx: &Context, job: u32, prepared: &Prepared) -> Result<JobRequest, Trouble> {
        let node = cx.job(JobId(job));
        let rule = cx.rule(node);
        let instance = &prepared.instance;
        let extras = self.extras(cx, job, rule, instance)?;
        let context = || Box::new(self.context(cx, job, rule, instance));
        let work = match (&rule.action, &prepared.command) {
            (Action::Touch, _) => {
                let action = FunctionAction { version: "".into(), run: Box::new(|_| Ok(())) };
                Work::Function { action: Arc::new(action), context: context() }
            }
            (Action::Interpreted(action), _) => {
                let Some(interpreter) = cx.interpreters.get(&action.kind) else {
                    return Err(Trouble::new(format!("there is no interpreter of `{}`", action.kind)));
                };
                let code = InterpretedCode::Text(action.code.clone());
                let (interpreter, context) = (interpreter.clone(), context());
                Work::Interpreted(Box::new(InterpretedWork { interpreter, code, context }))
            }
            (Action::Function(action), _) => Work::Function { action: action.clone(), context: context() },
            (Action::Shell(shell), Some(command)) => {
                let direct = self.direct.clone().filter(|_| extras.is_none());
                Work::Shell {
                    shell: shell.shell.clone(),
                    command: command.clone(),
                    direct,
                    log: self.log(job),
                }
            }
            (Action::Script(action), _) => {
                let shown = script_path(cx, node, rule, action)?;
                let path = absolute(&cx.root.join(&*shown));
                match (cx.interpreters.for_file(&shown), ScriptLanguage::of(&shown)) {
                    (Some((_, interpreter)), _) => Work::Interpreted(Box::new(InterpretedWork {
                        interpreter: interpreter.clone(),
                        code: InterpretedCode::File(path),
                        context: context(),
                    })),
                    (None, Some(language)) => Work::Script(Box::new(ScriptWork {
                        path,
                        shown,
                        language,
                        context: context(),
                        log: absolute(&self.log(job)),
                        support: absolute(&self.state_dir.join("support")),
                    })),
                    (None, None) => {
                        return Err(Trouble::new(format!("`{shown}` is in no language that is known")));
                    }
                }
            }
            (Action::Run(code), _) => Work::Run(Box::new(self.run_work(cx, code, context(), &self.log(job)))),
            _ => return Err(Trouble::new("it has nothing to execute")),
        };
        // Programs in other directories than the root must find it, too.
        let root = match (&work, &extras) {
            (Work::Shell { .. } | Work::Function { .. } | Work::Interpreted(_), None) => {
                cx.root.to_path_buf()
            }
            _ => absolute(&cx.root),
        };
        // A call sees the variables of this process.
        let env = match work {
            Work::Function { .. } => Variables::default(),
            _ => self.variables(job, instance),
        };
        Ok(JobRequest { job, root, work, env, extras, begin: None, facts: None })
    }

    /// Code of the Rulefile as work.
    pub(super) fn run_work(
        &self,
        cx: &Context,
        code: &Arc<Code>,
        context: Box<JobContext>,
        log: &Path,
    ) -> RunWork {
        let sources = &cx.workflow.sources;
        let file = sources.file(code.place.source);
        RunWork {
            code: code.clone(),
            context,
            file: absolute(Path::new(&file.name)),
            line: file.line_column(code.place.start).0,
            basedir: code::directory(&sources.file(SourceId(0)).name),
            path: code::directories(sources),
            rules: code::rules(&cx.workflow, code),
            log: absolute(log),
            support: absolute(&self.state_dir.join("support")),
            log_of_run: None,
        }
    }

    fn variables(&self, job: u32, instance: &Instance) -> Variables {
        Variables::new(
            self.common(instance.threads, instance.temp_dir()),
            self.mark(job).into_iter().collect(),
        )
    }

    /// The variables of all jobs with so many threads and this directory for temporary files, put together once.
    fn common(&self, threads: u32, temp_dir: Option<Arc<str>>) -> Arc<[Variable]> {
        let mut known = self.known.borrow_mut();
        if let Some(known) = known.iter().find(|known| known.threads == threads && known.temp_dir == temp_dir)
        {
            return known.variables.clone();
        }
        let mut all = self.variables.to_vec();
        all.extend(thread_limits(threads));
        // Where programs look for a directory for temporary files.
        all.extend(temp_dir.iter().flat_map(|directory| {
            ["TMPDIR", "TMP", "TEMP", "TEMPDIR"].map(|name| (name.to_string(), directory.to_string()))
        }));
        let variables: Arc<[Variable]> = all.into();
        known.truncate(MOST_KNOWN - 1);
        known.insert(0, Known { threads, temp_dir, variables: variables.clone() });
        variables
    }

    /// The variable by which the processes of a job are found when this engine is killed.
    pub(super) fn mark(&self, job: u32) -> Option<(String, String)> {
        self.mark.as_ref().map(|mark| (survivors::VARIABLE.to_string(), mark.job(self.run, job)))
    }

    fn context(&self, cx: &Context, job: u32, rule: &Rule, instance: &Instance) -> JobContext {
        JobContext {
            rule: rule.name.clone(),
            root: cx.root.to_path_buf(),
            wildcards: instance.wildcards.clone(),
            inputs: instance.inputs.clone(),
            outputs: instance.outputs.clone(),
            logs: instance.logs.clone(),
            params: instance.params.clone(),
            threads: instance.threads,
            resources: instance.resources.clone(),
            attempt: instance.attempt,
            config: rule.config.clone(),
            // Its own: a job whose time is over stops no other. The executor raises it.
            cancelled: Arc::default(),
            reports: is_called(cx, rule).then(|| self.reports(job)),
        }
    }

    /// Where what the job says goes: as with the end of a job, a run that is over hears nothing.
    fn reports(&self, job: u32) -> Arc<dyn Reports> {
        let (tell, places) = (self.tell.clone(), self.places.clone());
        let log = Box::new(move || absolute(&places.job_log(job)));
        Arc::new(JobReports::new(log, Box::new(move |told| tell(job, told))))
    }

    /// Whether nothing belongs to the job but what it executes.
    pub(super) fn is_bare(&self, cx: &Context, job: u32, instance: &Instance) -> bool {
        let rule = cx.rule(cx.job(JobId(job)));
        matches!(self.extras(cx, job, rule, instance), Ok(None))
    }

    fn extras(
        &self,
        cx: &Context,
        job: u32,
        rule: &Rule,
        instance: &Instance,
    ) -> Result<Option<Box<Extras>>, Trouble> {
        let (software, _) = software(cx, cx.job(JobId(job)), rule)?;
        if rule.benchmark.is_none()
            && rule.shadow.is_none()
            && instance.timeout.is_none()
            && software.is_empty()
        {
            return Ok(None);
        }
        let root = absolute(&cx.root);
        let timeout = instance.timeout.map(|seconds| Timeout {
            after: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
            grace: self.grace,
        });
        let benchmark = rule.benchmark.as_ref().zip(instance.benchmark.as_ref());
        let benchmark = benchmark
            .map(|(benchmark, path)| BenchmarkFile { path: root.join(&**path), repeat: benchmark.repeat });
        let shadow = rule.shadow.map(|mode| ShadowDir {
            mode: shadow_mode(mode),
            root: root.clone(),
            dir: absolute(&self.state_dir.join("shadow").join(self.run.to_string()).join(job.to_string())),
            inputs: instance.inputs.paths.to_vec(),
            logs: instance.logs.paths.to_vec(),
        });
        let software = (!software.is_empty()).then(|| SoftwareUse {
            software,
            deployment: self.deployment.clone(),
            name: format!("rulemake-{}-{}-{job}", std::process::id(), self.run),
        });
        let outputs = instance.outputs.paths.to_vec();
        Ok(Some(Box::new(Extras { timeout, benchmark, shadow, software, services: Vec::new(), outputs })))
    }
}

fn shadow_mode(mode: Shadow) -> shadow::Mode {
    match mode {
        Shadow::Minimal => shadow::Mode::Inputs,
        Shadow::CopyMinimal => shadow::Mode::Copies,
        Shadow::Shallow => shadow::Mode::TopLevel,
        Shadow::Full => shadow::Mode::Tree,
    }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Keeps libraries that start threads of their own within the job's share.
fn thread_limits(threads: u32) -> Vec<(String, String)> {
    let names = ["OMP", "GOTO", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR"];
    let variable = |name: &str| match name {
        "VECLIB" => "VECLIB_MAXIMUM_THREADS".to_string(),
        other => format!("{other}_NUM_THREADS"),
    };
    // To libraries, 0 is no number or stands for all that there are.
    names.iter().map(|name| (variable(name), threads.max(1).to_string())).collect()
}
