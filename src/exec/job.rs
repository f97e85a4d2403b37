//! One job with what belongs to it: its directory, its environment, its limits, its repetitions.

#[cfg(target_os = "linux")]
use super::linux::Inherited;
use super::log::Logs;
use super::plain::Plain;
#[cfg(not(target_os = "linux"))]
use super::portable::Inherited;
use super::process::{self, Control, Launch, LogIs, Running, Words, beside};
use super::watch::Watch;
use super::{benchmark, function, interpreted, run, script, software};
use crate::base::clock::monotonic;
use crate::exec::executor::{BenchmarkFile, Extras, JobRequest, Outcome, ServiceUse, SoftwareUse, Work};
use crate::exec::usage::Meter;
use crate::exec::variables::Env;
use crate::files;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One execution of a job.
pub(super) struct Round<'a> {
    pub(super) request: &'a JobRequest,
    pub(super) control: &'a Control,
    /// Where the job works.
    pub(super) dir: &'a Path,
    /// From 0; `None` when the job has no benchmark.
    pub(super) iteration: Option<u32>,
    pub(super) meter: Option<&'a Arc<Meter>>,
    pub(super) around: Around<'a>,
}

/// What all jobs of an executor share.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) watch: &'a Watch,
    pub(super) logs: &'a Logs,
    pub(super) inherited: &'a Inherited,
}

/// Whether a job is a command and nothing else, which can be begun here and ended elsewhere.
pub(super) fn is_command(request: &JobRequest) -> bool {
    request.extras.is_none() && matches!(request.work, Work::Shell { .. })
}

/// Starts a job that [`is_command`]; the error is its end.
pub(super) fn begin(
    request: &JobRequest,
    control: &Arc<Control>,
    around: Around<'_>,
    began: &mut bool,
) -> Result<Running, Outcome> {
    let Work::Shell { shell, command, direct, log } = &request.work else {
        return Err(Outcome::NotStarted("it is no command".into()));
    };
    prepare(request, control, began)?;
    Round::plain(request, control, around).begin_command(shell, command, direct.as_deref(), log)
}

/// Waits for the end of a job that was begun by itself.
pub(super) fn end(
    request: &JobRequest,
    control: &Arc<Control>,
    around: Around<'_>,
    running: Running,
) -> Outcome {
    match &request.work {
        Work::Shell { command, log, .. } => {
            Round::plain(request, control, around).end_command(command, log, running)
        }
        _ => Outcome::NotStarted("it is no command".into()),
    }
}

/// What is to be done when nothing is left but to execute the job; `began` is set when that was done.
fn prepare(request: &JobRequest, control: &Control, began: &mut bool) -> Result<(), Outcome> {
    match (&request.begin, control.asked()) {
        (None, _) => Ok(()),
        (Some(_), Some(signal)) => Err(Outcome::Signal(signal.number())),
        (Some(begin), None) => (begin.0)().map(|()| *began = true).map_err(Outcome::Around),
    }
}

/// Executes a job to its end; `began` is set when nothing was left to do but that.
pub(super) fn execute(
    request: &JobRequest,
    control: &Arc<Control>,
    around: Around<'_>,
    began: &mut bool,
) -> Outcome {
    let Some(extras) = &request.extras else {
        return match prepare(request, control, began) {
            Ok(()) => Round::plain(request, control, around).run(),
            Err(outcome) => outcome,
        };
    };
    for service in &extras.services {
        if let Err(outcome) = wait_for(service, control) {
            return outcome;
        }
    }
    if let Some(software) = &extras.software
        && let Err(outcome) = software::provide(software, request, control, around)
    {
        return outcome;
    }
    if let Err(outcome) = prepare(request, control, began) {
        return outcome;
    }
    if let Some(timeout) = extras.timeout {
        around.watch.limit(control, timeout);
    }
    let outcome = in_own_directory(request, extras, control, around);
    match (outcome, extras.timeout) {
        (Outcome::Success, _) => Outcome::Success,
        (_, Some(timeout)) if control.timed_out() => Outcome::TimedOut(timeout.after.as_secs_f64()),
        (outcome, _) => outcome,
    }
}

/// The longest pause between two looks for a service; the first are shorter.
const SERVICE_PAUSE: Duration = Duration::from_millis(100);

/// Waits until a service is there. How long it takes to start is its own affair, but its end is the end of the waiting.
fn wait_for(service: &ServiceUse, control: &Control) -> Result<(), Outcome> {
    let mut pause = Duration::from_millis(2);
    loop {
        // Asked first: it may be there at the very end.
        let over = service.over.load(Ordering::SeqCst);
        if files::streams::is_there(&service.path) {
            return Ok(());
        }
        if over {
            let message = format!("the job of the service `{}` ended before it was there", service.shown);
            return Err(Outcome::Around(message));
        }
        if let Some(signal) = control.pause(pause) {
            return Err(Outcome::Signal(signal.number()));
        }
        pause = SERVICE_PAUSE.min(pause * 2);
    }
}

/// Makes the job's own directory, if it has one, and moves what it is to keep to the root afterwards.
fn in_own_directory(
    request: &JobRequest,
    extras: &Extras,
    control: &Arc<Control>,
    around: Around<'_>,
) -> Outcome {
    let Some(shadow) = &extras.shadow else {
        return repeated(request, extras, &request.root, control, around);
    };
    let root = &shadow.root;
    let outputs = extras.outputs.iter().map(|path| &**path);
    let made = files::shadow::make(root, shadow.mode, &shadow.dir, &shadow.inputs, outputs, &shadow.logs);
    let outcome = match made {
        Ok(()) => {
            let outcome = repeated(request, extras, &shadow.dir, control, around);
            let outputs: &[Arc<str>] = if outcome == Outcome::Success { &extras.outputs } else { &[] };
            let kept = outputs.iter().chain(&shadow.logs).map(|path| &**path);
            match files::shadow::take_back(root, &shadow.dir, kept) {
                Err(error) if outcome == Outcome::Success => Outcome::Around(error.to_string()),
                _ => outcome,
            }
        }
        Err(error) => Outcome::Around(error.to_string()),
    };
    match files::shadow::remove(&shadow.dir) {
        Err(error) if outcome == Outcome::Success => Outcome::Around(error.to_string()),
        _ => outcome,
    }
}

/// Executes the job as often as its benchmark says, and writes what each time took.
fn repeated(
    request: &JobRequest,
    extras: &Extras,
    dir: &Path,
    control: &Arc<Control>,
    around: Around<'_>,
) -> Outcome {
    let Some(BenchmarkFile { path, repeat }) = &extras.benchmark else {
        return Round { request, control, dir, iteration: None, meter: None, around }.run();
    };
    let mut records = Vec::new();
    for iteration in 0..(*repeat).max(1) {
        if iteration > 0 {
            let outputs = extras.outputs.iter().map(|path| &**path);
            if let Err(error) = files::shadow::clear(dir, outputs) {
                return Outcome::Around(error.to_string());
            }
        }
        let meter = Arc::new(Meter::default());
        around.watch.observe(&meter);
        let start = monotonic();
        let round = Round { request, control, dir, iteration: Some(iteration), meter: Some(&meter), around };
        let outcome = round.run();
        records.push(meter.take(start.elapsed()));
        if outcome != Outcome::Success {
            return outcome;
        }
    }
    match benchmark::write(path, &records) {
        Ok(()) => Outcome::Success,
        Err(error) => Outcome::Around(format!("cannot write the benchmark `{}`: {error}", path.display())),
    }
}

impl<'a> Round<'a> {
    /// Of a job with nothing that belongs to it.
    fn plain(request: &'a JobRequest, control: &'a Control, around: Around<'a>) -> Round<'a> {
        Round { request, control, dir: &request.root, iteration: None, meter: None, around }
    }

    fn run(&self) -> Outcome {
        match &self.request.work {
            Work::Shell { shell, command, log, .. } if self.software().is_some() => {
                let script = beside(log, ".log.sh");
                let outcome = match process::shell_words(shell, command, &script) {
                    Ok(words) => self.program(words, log, &[], process::shell_advice(shell)),
                    Err(message) => Outcome::NotStarted(message),
                };
                process::remove_script(command, &script);
                outcome
            }
            Work::Shell { shell, command, direct, log } => {
                match self.begin_command(shell, command, direct.as_deref(), log) {
                    Ok(running) => self.end_command(command, log, running),
                    Err(outcome) => outcome,
                }
            }
            Work::Script(work) => script::run(work, self),
            Work::Run(work) => run::run(work, self),
            Work::Function { action, context } => {
                self.call(|dir| function::run(dir, context, |job| (action.run)(job)))
            }
            Work::Interpreted(work) => self.call(|dir| interpreted::run(work, dir)),
        }
    }

    /// Calls code of the host. As with programs, one that ends well after it was told to end may have stopped anywhere:
    /// what it made is half of what it was to make.
    fn call(&self, call: impl FnOnce(&Path) -> Outcome) -> Outcome {
        let told = || self.control.asked().map(|signal| Outcome::Signal(signal.number()));
        if let Some(ended) = told() {
            return ended;
        }
        match call(self.dir) {
            Outcome::Success => told().unwrap_or(Outcome::Success),
            outcome => outcome,
        }
    }

    /// Starts a command that no other software is needed for; the error is its end.
    fn begin_command(
        &self,
        shell: &[Arc<str>],
        command: &str,
        direct: Option<&str>,
        log: &Path,
    ) -> Result<Running, Outcome> {
        if let Some(running) = direct.and_then(|dir| self.direct(shell, command, dir, log)) {
            return Ok(running);
        }
        let script = beside(log, ".log.sh");
        let launch = self.launch_command(log, self.env(), process::shell_advice(shell));
        let running = process::shell_words(shell, command, &script)
            .map_err(Outcome::NotStarted)
            .and_then(|words| process::begin(&words, &launch, self.control));
        if running.is_err() {
            process::remove_script(command, &script);
        }
        running
    }

    fn end_command(&self, command: &str, log: &Path, running: Running) -> Outcome {
        let outcome = running.end(&self.launch(log, self.env(), ""), self.control);
        process::remove_script(command, &beside(log, ".log.sh"));
        outcome
    }

    /// Runs a command of plain words without its shell. `None`: the shell has to do it.
    fn direct(&self, shell: &[Arc<str>], command: &str, dir: &str, log: &Path) -> Option<Running> {
        let plain = Plain::parse(shell, command).filter(|_| command.len() <= process::MAX_ARGUMENT)?;
        let streams = plain.open(self.dir)?;
        // As the shell sets it.
        let pwd = [("PWD".to_string(), dir.to_string())];
        let launch = self.launch_command(log, Env::with(&self.request.env, &pwd), "");
        process::begin_direct(&plain.words(), streams, &launch, self.control)
    }

    /// As [`Round::launch`], of a program that is all of its job.
    fn launch_command<'b>(&'b self, log: &'b Path, env: Env<'b>, advice: &'b str) -> Launch<'b> {
        let launch = self.launch(log, env, advice);
        match launch.log_is {
            LogIs::New => Launch { log_is: LogIs::Nameless, ready: Some(self.control.since()), ..launch },
            _ => launch,
        }
    }

    fn env(&self) -> Env<'a> {
        Env::of(&self.request.env)
    }

    fn software(&self) -> Option<&SoftwareUse> {
        self.request.extras.as_ref().and_then(|extras| extras.software.as_ref())
    }

    /// A program of the job; what further iterations print goes behind what the first printed.
    fn launch<'b>(&'b self, log: &'b Path, env: Env<'b>, advice: &'b str) -> Launch<'b> {
        let log_is = if self.iteration.is_some_and(|n| n > 0) { LogIs::GoneOn } else { LogIs::New };
        let (around, meter) = (self.around, self.meter);
        Launch { dir: self.dir, log, around, log_is, env, advice, meter, ready: None }
    }

    /// Runs a program of the job, in the job's environment.
    pub(super) fn program(
        &self,
        words: Words<'_>,
        log: &Path,
        env: &[(String, String)],
        advice: &str,
    ) -> Outcome {
        let env = Env::with(&self.request.env, env);
        let launch = self.launch(log, env, advice);
        match self.software() {
            None => process::run(&words, &launch, self.control),
            Some(software) => software::run(software, &words, &self.request.root, &launch, self.control),
        }
    }
}
