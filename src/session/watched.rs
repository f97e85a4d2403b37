//! The files that a watcher looks after: when none of them changes, nothing has to run.

use super::{RunOptions, Session};
use crate::error::Result;
use crate::graph::job::JobId;
use crate::lang::budget::Budget;
use crate::lang::reads::found_now;
use crate::lang::vm::Vm;
use crate::model::workflow::{How, Read};
use crate::plan::code::job_code;
use crate::plan::instance::Instance;
use crate::store::read;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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

    /// Whether what the Rulefile looked at is told by names alone, and jobs make none of it.
    fn is_steady(&self) -> bool {
        let by_name = |read: &Read| matches!(read.how, How::Wildcards { .. } | How::Pattern { .. });
        let places: Vec<PathBuf> = self.directories.iter().map(|path| self.root.join(path)).collect();
        let is_apart = |output: &String| {
            let output = self.root.join(output);
            !places.iter().any(|place| output.starts_with(place) || place.starts_with(&output))
        };
        self.looks.iter().all(by_name) && self.outputs.iter().all(is_apart)
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
        let text = |path| cx.paths.text(path).to_string();
        let mut files: BTreeSet<String> = cx.graph.sources.iter().map(|path| text(*path)).collect();
        let mut unread: FxHashSet<String> = files.iter().cloned().collect();
        let mut outputs: BTreeSet<String> = BTreeSet::new();
        for id in (0..cx.graph.jobs.len() as u32).map(JobId) {
            let job = cx.job(id);
            outputs.extend(Instance::naming(&cx, job).products().map(String::from));
            let code = job_code(&cx, job, cx.rule(job)).unwrap_or_default();
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
                    read_files.insert(self.root.join(&path));
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
        unread.retain(|path| !read_files.contains(&self.root.join(path)));
        let has_checkpoints = cx.workflow.rules.iter().any(|rule| rule.checkpoint);
        let mut watched = Watched {
            files: list(files),
            directories: list(directories),
            trees: list(trees),
            outputs: list(outputs),
            root: self.root.clone(),
            looks,
            unread,
        };
        if has_checkpoints || !watched.is_steady() {
            watched.unread.clear();
        }
        Ok(watched)
    }
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
