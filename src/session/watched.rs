//! The files that a watcher looks after: when none of them changes, nothing has to run.

use super::{RunOptions, Session};
use crate::base::path::normalise;
use crate::error::Result;
use crate::graph::job::JobId;
use crate::lang::budget::Budget;
use crate::lang::reads::found_now;
use crate::lang::vm::Vm;
use crate::model::workflow::{How, Read};
use crate::plan::code::{CodeCache, job_code};
use crate::plan::context::Context;
use crate::plan::instance::Instance;
use crate::store::read;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What to look after, and what to overlook. Paths start from the root, or are absolute.
///
/// ```
/// use rulemake::inspect::Watched;
/// fn all(watched: &Watched) -> impl Iterator<Item = &String> {
///     watched.files.iter().chain(&watched.directories)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watched {
    /// Sources of the plan, scripts with what they import, and files that the Rulefile read. Sorted.
    pub files: Vec<String>,
    /// Directories whose entries the Rulefile listed or looked for. Sorted.
    pub directories: Vec<String>,
    /// Those of them that were looked through with all that is below. Sorted.
    pub trees: Vec<String>,
    /// What jobs of the plan make: they change it while they run. Sorted.
    pub outputs: Vec<String>,
    root: PathBuf,
    /// What the Rulefile looked at otherwise than by reading a file.
    looks: Vec<Read>,
    /// Files of whose content the plan does not depend.
    unread: FxHashSet<String>,
    rests_on_outputs: bool,
}

impl Watched {
    /// Where paths start.
    ///
    /// ```
    /// assert_eq!(rulemake::inspect::Watched::default().root(), std::path::Path::new(""));
    /// ```
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether all that is to be looked after stays the same while nothing but the content of this file changes and a run makes
    /// what follows from it.
    ///
    /// ```
    /// assert!(!rulemake::inspect::Watched::default().is_only_content("a.txt"));
    /// ```
    #[must_use]
    pub fn is_only_content(&self, path: &str) -> bool {
        self.unread.contains(path)
    }

    /// Whether the Rulefile or a function of it looked at what jobs make: then a run may bring more to light, which another
    /// plan after it knows.
    ///
    /// ```
    /// assert!(!rulemake::inspect::Watched::default().rests_on_outputs());
    /// ```
    #[must_use]
    pub fn rests_on_outputs(&self) -> bool {
        self.rests_on_outputs
    }

    /// Whether what the Rulefile looked at is told by names alone, and jobs make none of it.
    fn is_steady(&self) -> bool {
        let by_name = |read: &Read| matches!(read.how, How::Wildcards { .. } | How::Pattern { .. });
        self.looks.iter().all(by_name) && !self.rests_on_outputs
    }

    /// Whether one of `outputs` is one of these files, above one, or above or below one of the directories.
    fn are_looked_at(&self, files: &FxHashSet<PathBuf>, outputs: &BTreeSet<PathBuf>) -> bool {
        let is_made = |path: &Path| path.ancestors().any(|above| outputs.contains(above));
        // What is below a path comes right after it.
        let holds_made = |path: &PathBuf| {
            outputs.range::<PathBuf, _>(path..).next().is_some_and(|next| next.starts_with(path))
        };
        let mut places = self.directories.iter().map(|path| self.root.join(&*normalise(path)));
        files.iter().any(|file| is_made(file)) || places.any(|place| is_made(&place) || holds_made(&place))
    }

    /// What the Rulefile would find if it were loaded now, by what it looks for: paths, each with what it would know of it
    /// besides its name. When that is something else than before, it has to be loaded again.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "x = glob_wildcards('Cargo.{kind,toml}')\nrule a:\n    output: 'no-such'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// let found = session.watched(&["a"], &RunOptions::default())?.found_now();
    /// assert!(found.values().flatten().all(|(path, _)| path == "Cargo.toml"));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn found_now(&self) -> BTreeMap<String, BTreeSet<(String, String)>> {
        let name = |read: &Read| format!("{} {} {:?}", read.kind, read.what, read.how);
        let found =
            |read| found_now(&mut Vm::bare(&*self.root, Budget::load(None)), read).unwrap_or_default();
        self.looks.iter().map(|read| (name(read), found(read).into_iter().collect())).collect()
    }
}

impl Session {
    /// What to look after so that a change of `targets` is seen, as of now. The Rulefile itself and what it includes are in
    /// [`Workflow::files`](crate::Workflow::files).
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "rule a:\n    input: 'Cargo.toml'\n    output: 'a.txt'\n    shell: 'sort {input} > {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// let watched = session.watched(&["a.txt"], &RunOptions::default())?;
    /// assert_eq!((&watched.files[..], &watched.outputs[..]), (&["Cargo.toml".to_string()][..], &["a.txt".to_string()][..]));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn watched<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Watched> {
        let mut cx = self.context(targets, options, &mut read(&self.state_dir())?, false)?;
        // Behind checkpoints that have run there is more; what is wrong there is told when it is planned.
        let _ = self.verdicts(&mut cx, false);
        Ok(self.watched_of(&cx))
    }

    /// Tells the watcher what a run rests on that is about to begin.
    pub(super) fn tell_watcher<T: AsRef<str>>(
        &mut self,
        cx: &mut Context,
        targets: &[T],
        options: &RunOptions,
    ) -> Option<Watched> {
        let mut watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner).take()?;
        // The run learns on its way what is behind checkpoints.
        let ahead = has_checkpoints(cx).then(|| self.watched(targets, options).ok()).flatten();
        let watched = ahead.unwrap_or_else(|| self.watched_of(cx));
        // A script that the run makes was read too early.
        cx.code = CodeCache::default();
        watcher(&watched);
        self.watcher = Mutex::new(Some(watcher));
        Some(watched)
    }

    /// Tells the watcher what the run rested on, if that is something else than it `told` before.
    pub(super) fn tell_watcher_again(&mut self, told: Option<Watched>, cx: &Context) {
        let Some(told) = told else { return };
        let watched = self.watched_of(cx);
        if let Some(watcher) = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner)
            && watched != told
        {
            watcher(&watched);
        }
    }

    fn watched_of(&self, cx: &Context) -> Watched {
        let text = |path| cx.paths.text(path).to_string();
        let mut files: BTreeSet<String> = cx.graph.sources.iter().map(|path| text(*path)).collect();
        let mut unread: FxHashSet<String> = files.iter().cloned().collect();
        let mut outputs: BTreeSet<String> = BTreeSet::new();
        for id in (0..cx.graph.jobs.len() as u32).map(JobId) {
            let job = cx.job(id);
            outputs.extend(Instance::naming(cx, job).products().map(String::from));
            let code = job_code(cx, job, cx.rule(job)).unwrap_or_default();
            for part in &*code.parts {
                unread.remove(&*part.name);
                files.insert(part.name.to_string());
            }
        }
        let (mut directories, mut trees) = (BTreeSet::new(), BTreeSet::new());
        let called = cx.workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
        let read = cx.workflow.reads.iter().chain(called.iter().map(|(_, read)| read));
        let (mut seen, mut looks, mut read_files) = (FxHashSet::default(), Vec::new(), FxHashSet::default());
        for read in read.filter(|read| seen.insert((read.kind, read.what.clone(), read.how.clone()))) {
            match (read.kind, &read.how) {
                ("variable" | "host", _) => {}
                ("file", how) => {
                    let path = match how {
                        How::At(path) => path.to_string_lossy().into_owned(),
                        _ => read.what.clone(),
                    };
                    read_files.insert(self.root.join(&*normalise(&path)));
                    files.insert(path);
                }
                _ => {
                    let directory = looked_through(&self.root, &read.what);
                    if matches!(read.how, How::Wildcards { .. } | How::Pattern { .. }) {
                        trees.insert(directory.clone());
                    }
                    directories.insert(directory);
                    looks.push(read.clone());
                }
            }
        }
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        unread.retain(|path| !read_files.contains(&self.root.join(&**path)));
        looks.sort_unstable_by(|a, b| (a.kind, &a.what, &a.how).cmp(&(b.kind, &b.what, &b.how)));
        let mut watched = Watched {
            files: list(files),
            directories: list(directories),
            trees: list(trees),
            outputs: list(outputs),
            root: self.root.clone(),
            looks,
            unread,
            rests_on_outputs: false,
        };
        let made = watched.outputs.iter().map(|path| self.root.join(path)).collect();
        watched.rests_on_outputs = watched.are_looked_at(&read_files, &made);
        if has_checkpoints(cx) || !watched.is_steady() {
            watched.unread.clear();
        }
        watched
    }
}

fn has_checkpoints(cx: &Context) -> bool {
    cx.workflow.rules.iter().any(|rule| rule.checkpoint)
}

/// The part before the first special character says where it was looked.
fn looked_through(root: &Path, what: &str) -> String {
    let fixed = what.find(['*', '?', '[', '{']).map_or(what, |at| &what[..at]);
    if fixed.len() == what.len() && root.join(fixed).is_dir() {
        return fixed.to_string();
    }
    match fixed.rsplit_once('/') {
        Some(("", _)) => "/".into(),
        Some((directory, _)) => directory.to_string(),
        None => ".".into(),
    }
}
