//! Ways to run a random workflow: through the command with shell jobs, or in process with closures.

use super::growing::Growing;
use super::model::{File, Job, Shape, Workflow};
use super::support::{self, Case, title};
use rulemake::cache::{Cache, CacheLink};
use rulemake::{BoxError, JobContext, PathPattern, Rule, RunOptions, Session};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Driver {
    Command,
    Library,
    /// In process, with a cache beside the root, from which files come as copies, or as links.
    Cached {
        linked: bool,
    },
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// 0: all that there are.
    pub(crate) processors: u8,
    pub(crate) force: bool,
    pub(crate) force_all: bool,
    pub(crate) only_needed: bool,
    pub(crate) keep_edited: bool,
    pub(crate) force_from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) omit_from: Option<String>,
}

impl Choice {
    pub(crate) fn processors(processors: u8) -> Choice {
        Choice { processors, ..Choice::default() }
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec![format!("-j{}", self.processors)];
        let switches = [
            (self.force, "--force"),
            (self.force_all, "--force-all"),
            (self.only_needed, "--only-needed"),
            (self.keep_edited, "--keep-edited"),
        ];
        words.extend(switches.iter().filter(|(on, _)| *on).map(|(_, word)| word.to_string()));
        let named =
            [("--force-from", &self.force_from), ("--until", &self.until), ("--omit-from", &self.omit_from)];
        for (option, name) in named {
            words.extend(name.iter().flat_map(|name| [option.to_string(), name.clone()]));
        }
        words
    }

    fn options(&self) -> RunOptions {
        let mut options = RunOptions::default();
        options.force = self.force;
        options.force_all = self.force_all;
        options.only_needed = self.only_needed;
        options.keep_edited = self.keep_edited;
        options.force_from = self.force_from.clone().into_iter().collect();
        options.until = self.until.clone().into_iter().collect();
        options.omit_from = self.omit_from.clone().into_iter().collect();
        options
    }
}

/// What a run did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    /// All there is to be told when something is wrong.
    pub(crate) told: String,
}

/// Keeps the directory as it is at a moment of a run: to go back to it is to have killed the run there.
struct Kill {
    left: AtomicI64,
    root: PathBuf,
    kept: Mutex<Option<TempDir>>,
}

impl Kill {
    fn moment(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let copy = TempDir::new_in(self.root.parent().unwrap()).unwrap();
            // The state first: it never knows of what is not there yet.
            copy_all(&self.root.join(".rulemake"), &copy.path().join(".rulemake"));
            copy_all(&self.root, copy.path());
            *self.kept.lock().unwrap() = Some(copy);
        }
    }

    fn go_back(&self) {
        let Some(kept) = self.kept.lock().unwrap().take() else { return };
        for entry in fs::read_dir(&self.root).unwrap() {
            let path = entry.unwrap().path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        copy_all(kept.path(), &self.root);
    }
}

/// Copies what is there, with its times; what is there already stays. Files may go meanwhile.
fn copy_all(from: &Path, to: &Path) {
    let _ = fs::create_dir_all(to);
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_all(&from, &to);
        } else if !to.exists()
            && let Ok(metadata) = from.metadata()
            && fs::copy(&from, &to).is_ok()
        {
            let time = filetime::FileTime::from_last_modification_time(&metadata);
            filetime::set_file_mtime(&to, time).unwrap();
        }
    }
}

impl Driver {
    /// What a job executes: with a closure the rule's name is a part of it, for it says which closure it is.
    pub(crate) fn identity(self, job: &Job, number: usize) -> String {
        match self {
            Driver::Command => job.command(number),
            Driver::Library | Driver::Cached { .. } => format!("{} {}", job.rule(number), job.variant),
        }
    }

    fn session(self, workflow: rulemake::Workflow, case: &Case) -> rulemake::SessionBuilder {
        let builder = Session::builder(workflow).root(case.root());
        match self {
            Driver::Cached { linked } => {
                let link = if linked { CacheLink::Hardlink } else { CacheLink::Auto };
                builder.cache(Cache::new(cache_of(case)).link(link))
            }
            Driver::Command | Driver::Library => builder,
        }
    }

    /// The verdict for each job.
    pub(crate) fn plan(
        self,
        case: &Case,
        workflow: &Workflow,
        growing: &Growing,
        target: Option<File>,
        choice: &Choice,
    ) -> Vec<(String, String)> {
        let path = target.map(File::path);
        let targets: Vec<&str> = path.iter().map(String::as_str).collect();
        if self == Driver::Command {
            let words = choice.words();
            let all: Vec<&str> = words.iter().map(String::as_str).chain(targets).collect();
            return case.plan(&all);
        }
        let session = self.session(built(workflow, growing, case.root(), None), case).open().unwrap();
        let plan = session.plan(&targets, &choice.options()).unwrap();
        let plan = serde_json::to_value(&plan).unwrap();
        let active = plan["jobs"].as_array().unwrap().iter().filter(|job| job["has_action"] == true);
        active.map(|job| (title(&job["job"]), job["verdict"].as_str().unwrap().to_string())).collect()
    }

    /// Runs; with `kill` the directory is afterwards as it was after so many moments of the run.
    pub(crate) fn run(
        self,
        case: &Case,
        workflow: &Workflow,
        growing: &Growing,
        target: Option<File>,
        choice: &Choice,
        kill: Option<u16>,
    ) -> Ran {
        let path = target.map(File::path);
        let mut targets: Vec<&str> = path.iter().map(String::as_str).collect();
        let rulefile = case.read("Rulefile");
        if self == Driver::Command {
            let words = choice.words();
            targets.extend(words.iter().map(String::as_str));
            targets.extend(["-k", "--json"]);
            let output = case.command(&targets).output().unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            let told = format!("{rulefile}\n{stdout}{}", String::from_utf8_lossy(&output.stderr));
            return Ran { code: output.status.code(), events: support::parse_events(&stdout).unwrap(), told };
        }
        let kill = kill.map(|moments| {
            let (left, root) = (AtomicI64::new(moments.into()), case.root().to_path_buf());
            Arc::new(Kill { left, root, kept: Mutex::default() })
        });
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (seen, watcher) = (events.clone(), kill.clone());
        let session = self
            .session(built(workflow, growing, case.root(), kill.clone()), case)
            .jobs(choice.processors.into())
            .observer(move |event| {
                if let Some(kill) = &watcher {
                    kill.moment();
                }
                seen.lock().unwrap().push(serde_json::to_value(event).unwrap());
            });
        let mut options = choice.options();
        options.keep_going = true;
        let result = session.open().unwrap().run(&targets, &options);
        if let Some(kill) = kill {
            kill.go_back();
        }
        let events = std::mem::take(&mut *events.lock().unwrap());
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        let told = format!("{rulefile}\n{lines}{result:?}");
        Ran { code: result.ok().map(|report| i32::from(!report.success())), events, told }
    }
}

/// Beside the root: what is killed there takes nothing of it back.
pub(crate) fn cache_of(case: &Case) -> PathBuf {
    let name = case.root().file_name().unwrap().to_string_lossy().into_owned();
    case.root().parent().unwrap().join(format!("{name}-cache"))
}

/// The workflow with closures for jobs.
fn built(workflow: &Workflow, growing: &Growing, root: &Path, kill: Option<Arc<Kill>>) -> rulemake::Workflow {
    let kept = workflow.kept();
    let wanted = kept.iter().map(|file| file.output());
    let mut builder =
        rulemake::Workflow::builder().rule(Rule::builder("all").inputs(["s0", "o/grown"]).inputs(wanted));
    for (number, job) in workflow.jobs.iter().enumerate() {
        let mut rule = Rule::builder(job.rule(number));
        rule = rule.inputs(job.inputs.iter().map(|file| file.as_input(number)));
        for file in (0..job.outputs()).map(|k| File::Output(number, k)) {
            let mut pattern = PathPattern::new(file.output());
            pattern = match (file, Shape::of(number)) {
                (File::Output(_, 0), Shape::Directory) => pattern.directory(),
                (File::Output(_, 0), Shape::Marker) => pattern.touch(),
                _ => pattern,
            };
            rule = rule.output(if workflow.is_temp(file) { pattern.temp() } else { pattern });
        }
        if job.uses_params {
            rule = rule.param("p", i64::from(job.params.0)).param("q", i64::from(job.params.1));
        }
        let (own, kill) = (job.clone(), kill.clone());
        let action = move |context: &JobContext| make(&own, number, context, kill.as_deref());
        builder = builder.rule(rule.action(&job.variant.to_string(), action));
    }
    growing.build(builder, root)
}

fn make(job: &Job, number: usize, context: &JobContext, kill: Option<&Kill>) -> Result<(), BoxError> {
    let moment = || {
        if let Some(kill) = kill {
            kill.moment();
        }
    };
    let text = |path: &PathBuf| match path.is_dir() {
        true => fs::read_to_string(path.join("x")),
        false => fs::read_to_string(path),
    };
    let inputs = context.inputs().iter().map(text).collect::<Result<Vec<String>, _>>()?;
    moment();
    let made = job.make(number, &inputs);
    for (k, (path, text)) in context.outputs().iter().zip(&made).enumerate() {
        let path = match (k, Shape::of(number)) {
            (0, Shape::Marker) => continue,
            (0, Shape::Directory) => {
                fs::create_dir(path)?;
                path.join("x")
            }
            _ => path.clone(),
        };
        // In two steps: a job that is killed leaves half of it.
        let half = text.len() / 2;
        fs::write(&path, &text[..half])?;
        moment();
        fs::write(&path, text)?;
    }
    if job.fails { Err("it is to fail".into()) } else { Ok(()) }
}
