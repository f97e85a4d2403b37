//! The files that a watcher looks after: when none of them changes, nothing has to run.

use super::{RunOptions, Session};
use crate::error::Result;
use crate::graph::job::JobId;
use crate::plan::code::job_code;
use crate::store::read;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::path::PathBuf;

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
    /// What jobs of the plan make: they change it while they run. Sorted.
    pub outputs: Vec<String>,
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
        let mut outputs: BTreeSet<String> = BTreeSet::new();
        for id in (0..cx.graph.jobs.len() as u32).map(JobId) {
            let job = cx.job(id);
            outputs.extend(job.outputs.iter().map(|path| text(*path)));
            let code = job_code(&cx, job, cx.rule(job)).unwrap_or_default();
            files.extend(code.parts.iter().map(|part| part.name.to_string()));
        }
        let mut directories = BTreeSet::new();
        let called = cx.workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
        let read = cx.workflow.reads.iter().chain(called.iter().map(|(_, read)| read));
        let mut seen = FxHashSet::default();
        for read in read.filter(|read| seen.insert((read.kind, read.what.clone()))) {
            match read.kind {
                "variable" | "host" => {}
                "file" => drop(files.insert(read.what.clone())),
                // The part before the first special character says where to look.
                _ => {
                    let fixed =
                        read.what.find(['*', '?', '[', '{']).map_or(&*read.what, |at| &read.what[..at]);
                    let directory = match fixed.len() == read.what.len() && self.root.join(fixed).is_dir() {
                        true => PathBuf::from(fixed),
                        false => {
                            PathBuf::from(fixed.rsplit_once('/').map_or(".", |(directory, _)| directory))
                        }
                    };
                    directories.insert(directory.to_string_lossy().into_owned());
                }
            }
        }
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        Ok(Watched { files: list(files), directories: list(directories), outputs: list(outputs) })
    }
}
