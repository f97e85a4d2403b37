//! What earlier runs left: logs, and the files that jobs made.

use super::{JobLog, MadeFiles, RunOptions, Session, holder};
use crate::base::path::{PathId, PathTable, is_outside, normalise};
use crate::error::Result;
use crate::files::observe::{Observer, Seen};
use crate::files::outputs::remove_made;
use crate::files::results::{has_names, is_protected};
use crate::model::flags::{Flag, Flags};
use crate::plan::cached::beside;
use crate::plan::context::Context;
use crate::plan::instance::Instance;
use crate::store::{Loaded, Record, View, read, runs};
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::identity::FileKind;
use rustc_hash::FxHashSet;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::sync::Arc;

impl Session {
    /// The log of the last execution of the job that makes `path`, or of the rule of this name, if that makes no file.
    /// `None` when nothing is on record.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-log-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let text = "rule a:\n    output: 'a.txt'\n    shell: 'echo done; touch {output}'\n";
    /// let mut session = Session::builder(Workflow::parse("Rulefile", text)?).root(&root).open()?;
    /// assert!(session.log("a.txt")?.is_none(), "nothing has run yet");
    /// assert!(session.run(&["a.txt"], &RunOptions::default())?.success());
    /// assert_eq!(session.log("a.txt")?.unwrap().text, "done\n");
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when it cannot be read.
    pub fn log(&self, path: &str) -> Result<Option<JobLog>> {
        let loaded = read(&self.state_dir())?;
        let (log, origin) = if self.workflow.rule(path).is_some_and(|rule| rule.outputs.is_empty()) {
            let Some(log) = self.last_log_of_rule(path)? else { return Ok(None) };
            (log, None)
        } else {
            let known = loaded.paths.find(path).filter(|id| loaded.view.last_job(*id).is_some());
            let id = match known {
                Some(id) => Some(id),
                None => self.beside_of(path, &loaded)?,
            };
            let Some((run, job)) = id.and_then(|id| loaded.view.last_job(id)) else { return Ok(None) };
            let trace = id.and_then(|id| loaded.view.trace(id));
            let origin = trace.filter(|trace| (trace.run, trace.job) == (run, job)).map(|t| (t.origin, run));
            (runs::job_log(&self.state_dir(), run, job), origin)
        };
        let not_executed = match origin {
            Some((Origin::Accepted, run)) => Some(format!("accepted as it was, in run {run}")),
            Some((Origin::Restored, run)) => Some(format!("restored from an earlier result, in run {run}")),
            Some((Origin::Executed, _)) | None => None,
        };
        // What is restored brings its log along, if its job printed anything.
        if not_executed.is_some() && !crate::disk::exists(&log) {
            return Ok(Some(JobLog { log, text: String::new(), own: Vec::new(), not_executed }));
        }
        let not_executed = None;
        let text = runs::read_log(&log)?;
        let own = if text.is_empty() { self.own_logs(path, loaded)? } else { Vec::new() };
        Ok(Some(JobLog { log, text, own, not_executed }))
    }

    /// An output of the job that writes a log or a benchmark, which is on no record itself.
    fn beside_of(&self, path: &str, loaded: &Loaded) -> Result<Option<PathId>> {
        let mut copy = Loaded { paths: loaded.paths.clone(), view: loaded.view.clone(), lost: None };
        // What cannot be planned nobody wrote.
        let Ok(cx) = self.context(&[path], &RunOptions::default(), &mut copy, false) else { return Ok(None) };
        let job = cx.paths.find(&normalise(path)).and_then(|id| cx.graph.producer(id));
        let output =
            job.or(cx.graph.targets.first().copied()).and_then(|job| cx.job(job).outputs.first().copied());
        Ok(output.and_then(|output| loaded.paths.find(cx.paths.text(output))))
    }

    /// Logs and benchmarks beside the outputs that may go: they are on no record, and go with what their jobs made.
    fn beside_made(&self, cx: &Context, may_go: &[String]) -> Vec<String> {
        let may_go: FxHashSet<&str> = may_go.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for job in &cx.graph.jobs {
            let mut outputs =
                job.outputs.iter().filter(|output| cx.view.trace(**output).is_some()).peekable();
            let is_made = outputs.peek().is_some();
            let is_there =
                |output: &PathId| !matches!(cx.files.stat(*output, cx.paths.text(*output)), Ok(None));
            // What stays is still told of by its log.
            if !is_made || outputs.any(|output| is_there(output) && !may_go.contains(cx.paths.text(*output)))
            {
                continue;
            }
            let names = Instance::naming(cx, job);
            let is_file = |path: &&str| {
                let sig = cx.files.restat(path).ok().flatten();
                sig.is_some_and(|sig| sig.kind == FileKind::File) && !is_outside(path)
            };
            found.extend(beside(&names).filter(is_file).map(String::from));
        }
        found
    }

    /// The first output, or the rule, of each job that failed in the last run, in order: [`Session::log`] takes it.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-failed-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// assert!(Session::builder(workflow).root(&root).open()?.failed_last()?.is_empty());
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when the state cannot be read.
    pub fn failed_last(&self) -> Result<Vec<String>> {
        let state_dir = self.state_dir();
        let Some(run) = runs::newest_first(&state_dir)?.into_iter().find(|run| *run > 0) else {
            return Ok(Vec::new());
        };
        let events = runs::read_log(&runs::event_log(&state_dir, run))?;
        let failed = |line: &str| {
            let event: Json = serde_json::from_str(line).ok()?;
            let is_it = event["event"] == "job-failed" && event["retry"] != true;
            let job = &event["failure"]["job"];
            let name = job["outputs"][0].as_str().or_else(|| job["rule"].as_str());
            name.filter(|_| is_it).map(str::to_string)
        };
        Ok(events.lines().filter(|line| line.contains("job-failed")).filter_map(failed).collect())
    }

    /// The state knows jobs by what they make; of those that make nothing only the events of runs tell.
    fn last_log_of_rule(&self, rule: &str) -> Result<Option<PathBuf>> {
        for run in runs::newest_first(&self.state_dir())? {
            let events = runs::read_log(&runs::event_log(&self.state_dir(), run))?;
            let is_about = |line: &&str| line.contains("job-started") && line.contains(rule);
            let started = events.lines().rev().filter(is_about).find_map(|line| {
                let event: Json = serde_json::from_str(line).ok()?;
                let is_it = event["event"] == "job-started" && event["job"]["rule"] == rule;
                event["log"].as_str().filter(|_| is_it).map(|log| self.root.join(log))
            });
            if started.is_some() {
                return Ok(started);
            }
        }
        Ok(None)
    }

    /// The texts of the `log:` files of the job that makes `path`, or of the rule of this name. None when there is no plan
    /// for it any more.
    fn own_logs(&self, path: &str, mut loaded: Loaded) -> Result<Vec<(String, String)>> {
        let Ok(cx) = self.context(&[path], &RunOptions::default(), &mut loaded, false) else {
            return Ok(Vec::new());
        };
        let made_by = cx.paths.find(path).and_then(|id| cx.graph.producer(id));
        let Some(job) = made_by.or_else(|| cx.graph.targets.first().copied()) else {
            return Ok(Vec::new());
        };
        let job = cx.job(job);
        let mut texts = Vec::new();
        for pattern in &cx.rule(job).logs {
            let mut name = String::new();
            pattern.render(&job.wildcards, &mut name);
            let text = runs::read_log(&self.root.join(&name))?;
            if !text.is_empty() {
                texts.push((name, text));
            }
        }
        Ok(texts)
    }

    /// The existing files that jobs on record made, for `targets` and all that they need or, when empty, all of them, with the
    /// logs and benchmarks that they wrote beside them.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n")?;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-made-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let session = Session::builder(workflow).root(&root).open()?;
    /// assert!(session.made_files(&[] as &[&str])?.files.is_empty(), "nothing has run");
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn made_files<T: AsRef<str>>(&self, targets: &[T]) -> Result<MadeFiles> {
        let mut loaded = read(&self.state_dir())?;
        let made: Vec<_> = loaded.view.made().collect();
        let mut copy = Loaded { paths: loaded.paths.clone(), view: loaded.view.clone(), lost: None };
        let mut plan = match self.context(targets, &RunOptions::default(), &mut copy, false) {
            Ok(cx) => Some(cx),
            // Whatever its default rule is, a project has files that jobs made.
            Err(_) if targets.is_empty() => None,
            Err(error) => return Err(error),
        };
        if let Some(cx) = plan.as_mut().filter(|cx| !cx.graph.open.is_empty()) {
            // What it finds wrong is of no interest here: then some jobs stay as they are.
            let _ = self.verdicts(cx, false);
        }
        let wanted = plan.as_ref().filter(|_| !targets.is_empty()).map(outputs_of);
        let sources = if targets.is_empty() { self.default_sources() } else { FxHashSet::default() };
        let files = Observer::new(self.root.clone(), None);
        let paths: PathTable = std::mem::take(&mut loaded.paths);
        let view = ViewHashes(&loaded.view);
        let mut found = MadeFiles::default();
        for id in made {
            let text = paths.text(id);
            if sources.contains(text) || wanted.as_ref().is_some_and(|wanted| !wanted.contains(text)) {
                continue;
            }
            let content = match files.look(id, text, &view)? {
                Seen::File(digest) => Some(digest),
                // Only a directory that was an output has its content on record.
                Seen::Directory if loaded.view.tree(id).is_some() => {
                    files.tree(id, text, &view)?.map(|tree| tree.digest())
                }
                Seen::Directory | Seen::Special | Seen::Missing => None,
            };
            if let (Some(trace), Some(now)) = (loaded.view.trace(id), content) {
                let is_made = trace.made(id, now, &paths) && !self.is_somebodys(&trace, id);
                let list = match is_made {
                    false => &mut found.changed,
                    true if self.is_kept(&trace, id, text)? => &mut found.protected,
                    true => &mut found.files,
                };
                list.push(text.to_string());
            }
        }
        if let Some(cx) = &plan {
            let beside = self.beside_made(cx, &found.files);
            found.files.extend(beside.into_iter().filter(|path| !sources.contains(path)));
        }
        found.files.sort_unstable();
        found.files.dedup();
        found.changed.sort_unstable();
        found.protected.sort_unstable();
        Ok(found)
    }

    /// Whether nobody may write to a file because it is to stay: what a cache has put in its place is written by nobody, too.
    fn is_kept(&self, trace: &Trace, output: PathId, path: &str) -> Result<bool> {
        let is_of_rule = self.flags(trace, output).is_some_and(|flags| flags.has(Flag::Protected));
        Ok(is_protected(&self.root, path)? && (is_of_rule || !has_names(&self.root, path)?))
    }

    /// What the rule of a file says of it, if there is such a rule.
    fn flags(&self, trace: &Trace, output: PathId) -> Option<&Flags> {
        let index = trace.fingerprint.outputs.iter().position(|path| *path == output)?;
        let rule = self.workflow.by_name.get(&trace.rule).map(|rule| &self.workflow.rules[*rule as usize])?;
        rule.output_flags.get(index)
    }

    /// Whether the content of a file is not a job's alone: it was accepted, or is changed in place.
    fn is_somebodys(&self, trace: &Trace, output: PathId) -> bool {
        let is_updated = self.flags(trace, output).is_some_and(|flags| flags.has(Flag::Update));
        trace.origin == Origin::Accepted || is_updated
    }

    /// What the default rule needs and no rule makes: nobody could make it again, even if a job once did. Empty when
    /// there is no plan for the default rule.
    fn default_sources(&self) -> FxHashSet<String> {
        let mut nothing = Loaded { paths: PathTable::default(), view: Arc::default(), lost: None };
        let Ok(cx) = self.context::<&str>(&[], &RunOptions::default(), &mut nothing, false) else {
            return FxHashSet::default();
        };
        let inputs = cx.graph.jobs.iter().flat_map(|job| job.inputs.iter());
        let sources = inputs.filter(|id| cx.graph.producer(**id).is_none());
        sources.map(|id| cx.paths.text(*id).to_string()).collect()
    }

    /// Removes these files ([`MadeFiles::files`]) and directories that become empty; returns how
    /// many files are gone. Takes the lock.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-remove-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let mut session = Session::builder(workflow).root(&root).open()?;
    /// assert!(session.run(&["no-such.txt"], &RunOptions::default())?.success());
    /// let made = session.made_files(&["no-such.txt"])?;
    /// assert_eq!(session.remove(&made.files)?, 1);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked), [`Environment`](crate::ErrorKind::Environment).
    pub fn remove(&mut self, paths: &[String]) -> Result<usize> {
        let (loaded, mut writer) = self.open_store(false, &holder("clean", paths))?;
        let files = Observer::new(self.root.clone(), None);
        let view = ViewHashes(&loaded.view);
        let is_made = |path: &str| {
            let Some(id) = loaded.paths.find(path) else { return Ok(false) };
            let tree = files.tree(id, path, &view)?;
            let trace = loaded.view.trace(id);
            Ok(tree.zip(trace).is_some_and(|(tree, trace)| trace.made(id, tree.digest(), &loaded.paths)))
        };
        let removed = remove_made(&self.root, paths, is_made)?;
        let gone = paths.iter().filter(|path| !removed.skipped.contains(path));
        let forgotten = gone.filter_map(|path| loaded.paths.find(path));
        let records: Vec<Record<'_>> = forgotten.map(|path| Record::Forget { path }).collect();
        writer.append(&loaded.paths, &records)?;
        writer.sync()?;
        Ok(removed.files)
    }
}

/// What the jobs of the graph make, and what jobs made that those needed last time which now wait for checkpoints.
fn outputs_of(cx: &Context) -> FxHashSet<String> {
    let mut outputs: FxHashSet<PathId> = cx.graph.jobs.iter().flat_map(|job| job.outputs.to_vec()).collect();
    let mut pending: Vec<PathId> =
        cx.graph.open.keys().flat_map(|job| cx.job(*job).outputs.to_vec()).collect();
    while let Some(trace) = pending.pop().map(|output| cx.view.trace(output)) {
        let Some(trace) = trace else { continue };
        let inputs = trace.fingerprint.inputs.iter().map(|input| input.path);
        for input in inputs.chain(trace.fingerprint.outputs.iter().copied()) {
            if cx.view.is_made(input) && outputs.insert(input) {
                pending.push(input);
            }
        }
    }
    outputs.into_iter().map(|id| cx.paths.text(id).to_string()).collect()
}

struct ViewHashes<'a>(&'a View);

impl crate::files::observe::HashCache for ViewHashes<'_> {
    fn file_hash(&self, path: crate::base::path::PathId) -> Option<crate::trace::identity::FileHash> {
        self.0.file_hash(path)
    }

    fn tree(&self, path: crate::base::path::PathId) -> Option<crate::trace::tree::Tree> {
        self.0.tree(path)
    }
}
