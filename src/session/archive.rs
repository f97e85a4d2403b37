//! A project as one file: what its plan is made of, what is made, and what that was made from.

use super::lock::State;
use super::{RunOptions, Session};
use crate::archives::{Archived, List};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::model::action::Action;
use crate::model::flags::Flag;
use crate::model::workflow::{How, Read};
use crate::plan::context::Context;
use crate::trace::lock::{LockFile, NAME};
use rustc_hash::{FxHashMap, FxHashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What goes into an archive.
///
/// ```
/// use rulemake::archive::{ArchiveOptions, ArchiveResults};
/// let mut options = ArchiveOptions::default();
/// options.results = ArchiveResults::Targets;
/// options.also = vec!["README.md".into()];
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ArchiveOptions {
    /// Which results.
    pub results: ArchiveResults,
    /// More files and directories, from the root that was named: that of the session without what `workdir:` adds.
    pub also: Vec<String>,
    /// The file that the archive is going to replace, if there is one: it is refused when it is one of the project.
    pub replaces: Option<PathBuf>,
}

/// Which results go into an archive.
///
/// ```
/// assert_eq!(rulemake::archive::ArchiveResults::default(), rulemake::archive::ArchiveResults::All);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ArchiveResults {
    /// All that the targets need.
    #[default]
    All,
    /// Those that the targets name. What lies between is known by its digests: with
    /// [`RunOptions::only_needed`](crate::RunOptions::only_needed) it is not made again.
    Targets,
    /// None: with a shared cache they can be restored.
    None,
}

impl Session {
    /// Writes the project as an archive, a tar behind zstd: the Rulefile with all that it reads, the sources that `targets`
    /// (none = the default rule) need, results, and a `Rulefile.lock` that says what these were made from. So what is unpacked
    /// with [`unpack`](crate::archive::unpack) is up to date there. The same content gives the same bytes.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// use rulemake::archive::ArchiveOptions;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-archive-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # std::fs::write(root.join("Rulefile"), "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")?;
    /// let mut session = Session::builder(Workflow::load(root.join("Rulefile"))?).root(&root).open()?;
    /// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
    /// let mut bytes = Vec::new();
    /// let done = session.archive::<&str>(&[], &RunOptions::default(), &ArchiveOptions::default(), &mut bytes)?;
    /// assert_eq!((done.files, done.results), (3, 1)); // the Rulefile, its lock file, and a.txt
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Usage`] when [`ArchiveOptions::replaces`] is a file of the project;
    /// [`ErrorKind::Environment`] when a file cannot be read or the archive cannot be written.
    pub fn archive<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        what: &ArchiveOptions,
        to: &mut dyn Write,
    ) -> Result<Archived> {
        let cx = self.looking(targets, options)?;
        let below = self.workflow.workdir.as_deref().unwrap_or(Path::new(""));
        let Some(mut list) = List::new(&self.root, below) else {
            let message = format!("`workdir` leads to {}, out of the project", self.root.display());
            return Err(Error::new(ErrorKind::Workflow, message));
        };
        what.replaces.iter().for_each(|file| list.without(file));
        let lock = self.list_results(&cx, what.results, &mut list)?;
        for path in &cx.graph.sources {
            list.add(cx.paths.text(*path), None, false);
        }
        for read in read_by(&cx) {
            let file = match &read.how {
                How::At(path) => path.clone(),
                _ => self.root.join(&read.what),
            };
            // What is only known to be there may be a program of the machine.
            list.add_file(&file, &read.what, read.kind == "file");
        }
        what.also.iter().for_each(|path| list.add_from_top(path));
        if let Some(report) = &self.workflow.report {
            list.add(report, None, false);
        }
        let outputs = cx.graph.jobs.iter().flat_map(|job| &job.outputs).map(|path| cx.paths.text(*path));
        let others = outputs.chain([NAME]);
        if let Some(file) = what.replaces.as_ref().filter(|file| list.holds(file, others.clone())) {
            let message = format!("{} is a file of the project, and would be lost", file.display());
            let error = Error::new(ErrorKind::Usage, message).with_path(file);
            return Err(error.with_help("write the archive to another file"));
        }
        list.write(NAME, &lock.to_text(), to)
    }

    /// Adds the results that are up to date; gives what is to be said of them.
    fn list_results(&self, cx: &Context, which: ArchiveResults, list: &mut List<'_>) -> Result<LockFile> {
        let named = named(cx);
        let is_wanted = |path: &PathId| match which {
            ArchiveResults::All => true,
            ArchiveResults::Targets => named.contains(path),
            ArchiveResults::None => false,
        };
        let mut lock = LockFile::default();
        let states = self.states(cx, false)?;
        let behind = behind_stale(cx, &states);
        for (id, state) in states {
            let state = match behind.get(&id) {
                Some(before) => {
                    let before = cx.graph.info(*before, &cx.workflow, &cx.paths).title();
                    State::Stale(format!("{before} is not, and it is made from that"))
                }
                None => state,
            };
            let (job, flags) = (cx.job(id), &cx.rule(cx.job(id)).output_flags);
            match state {
                State::Current { outputs, .. } => {
                    for (path, locked) in outputs {
                        let text = cx.paths.text(path);
                        lock.lines.insert(text.to_string(), locked);
                        let index =
                            job.outputs.iter().position(|output| *output == path).unwrap_or(usize::MAX);
                        let has = |flag| flags.get(index).is_some_and(|flags| flags.has(flag));
                        let is_plain = !has(Flag::Touch) && !has(Flag::Directory);
                        if is_wanted(&path) && list.is_there(text) {
                            list.add(text, is_plain.then_some(locked.result), true);
                        }
                    }
                    for path in cx.graph.beside(id) {
                        let text = cx.paths.text(*path);
                        if which == ArchiveResults::All && list.is_there(text) {
                            list.add(text, None, true);
                        }
                    }
                }
                State::Stale(because) => {
                    for path in job.outputs.iter().filter(|path| is_wanted(path)) {
                        let because = format!("it is not up to date: {because}");
                        list.leave(cx.paths.text(*path), because);
                    }
                }
            }
        }
        Ok(lock)
    }
}

/// Jobs that are up to date with what is here, behind one that is not, with that one.
fn behind_stale(cx: &Context, states: &[(JobId, State)]) -> FxHashMap<JobId, JobId> {
    let of_stale = |(id, state): &(JobId, State)| matches!(state, State::Stale(_)).then_some(*id);
    let stale: FxHashSet<JobId> = states.iter().filter_map(of_stale).collect();
    let mut behind: FxHashMap<JobId, JobId> = FxHashMap::default();
    for id in cx.graph.order.iter().copied() {
        let first = cx.job(id).needs.iter().find_map(|need| match stale.contains(need) {
            true => Some(*need),
            false => behind.get(need).copied(),
        });
        if let Some(first) = first.filter(|_| !stale.contains(&id)) {
            behind.insert(id, first);
        }
    }
    behind
}

/// The files that the targets are there for.
fn named(cx: &Context) -> FxHashSet<PathId> {
    let of = |id: &JobId| {
        let job = cx.job(*id);
        let inputs: &[PathId] = match cx.rule(job).action {
            Action::None => &job.inputs,
            _ => &[],
        };
        job.outputs.iter().chain(inputs).copied().collect::<Vec<_>>()
    };
    cx.graph.targets.iter().flat_map(of).collect()
}

/// The files that evaluating the Rulefile read: itself, what it includes, modules, config files, scripts.
fn read_by(cx: &Context) -> Vec<Read> {
    let workflow = &cx.workflow;
    let file = |what: String, how: How| Read { kind: "file", what, how, digest: Some(Digest::of(b"")) };
    let rulefiles = workflow.rulefiles.iter().map(|id| workflow.sources.file(*id).name.clone());
    let rulefiles = rulefiles.map(|name| file(name.clone(), How::At(PathBuf::from(name))));
    let called = workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
    let code = cx.code.looked().into_iter().filter(|(_, digest)| digest.is_some());
    let code = code.map(|(path, _)| file(path.to_string(), How::Named));
    rulefiles
        .chain(workflow.reads.iter().cloned())
        .chain(called.into_iter().map(|(_, read)| read))
        .chain(code)
        .filter(|read| matches!(read.kind, "file" | "exists" | "size" | "rights" | "links"))
        .filter(|read| read.digest.is_some())
        .collect()
}
