//! "Nothing to do", remembered like the result of a job: with all that the answer rested on.
//!
//! An evaluation is a function of what it reads, and a plan one of that, of the state log and of what the files look
//! like. So when a run ended with nothing to do, all of these are kept (`store::proof`), and the next run that is asked
//! the same looks only whether they are as they were. What cannot be looked at again (a clock), what says something to
//! the user each time (warnings, `print`), and what looks at more than single files (checkpoints, directories) is not
//! kept: such a run goes the whole way.

use super::{LoadOptions, LockUse, RunOptions, RunReport, Session};
use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::PathId;
use crate::engine::drive::Outcomes;
use crate::engine::event::Summary;
use crate::files::links::{RealNames, split};
use crate::files::lockfile;
use crate::files::stat::{Root, stat};
use crate::lang::budget::Budget;
use crate::lang::reads::again;
use crate::lang::vm::Vm;
use crate::model::environment::Environments;
use crate::model::workflow::{How, Read, Workflow};
use crate::plan::context::Context;
use crate::store::boot_id;
use crate::store::proof::{self, Answer, Basis, Group, Look};
use crate::trace::identity::StatSig;
use crate::trace::lock;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// Fewer groups of files are looked at by the thread that asks alone.
const SHARED_FROM: usize = 4;

impl Session {
    /// The report of a run that would find nothing to do, if that is already known: the last run that was asked the same
    /// found so, and all that it looked at is as it was. The Rulefile is not even loaded, so this takes little more time
    /// than to look at each file once. `None` says nothing: load the workflow and run it.
    ///
    /// `rulefile` and `load` are those of [`Workflow::load_with`], and `targets` and `options` those of [`Session::run`].
    /// Sessions with interpreters of their own leave nothing to recall; do not ask where one of them is to run.
    ///
    /// ```
    /// # use rulemake::{LoadOptions, RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-recall-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # let rulefile = root.join("Rulefile");
    /// # std::fs::write(&rulefile, "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")?;
    /// let (load, options) = (LoadOptions::default(), RunOptions::default());
    /// let report = match Session::recall(&rulefile, &load, &["a.txt"], &options) {
    ///     Some(report) => report,
    ///     None => {
    ///         let workflow = Workflow::load_with(&rulefile, &load)?;
    ///         Session::builder(workflow).root(&root).open()?.run(&["a.txt"], &options)?
    ///     }
    /// };
    /// assert!(report.success());
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    pub fn recall<T: AsRef<str>>(
        rulefile: impl AsRef<Path>,
        load: &LoadOptions,
        targets: &[T],
        options: &RunOptions,
    ) -> Option<RunReport> {
        let started = crate::base::clock::monotonic();
        let rulefile = rulefile.as_ref();
        let root = load.root.as_deref().or(rulefile.parent()).unwrap_or(Path::new(""));
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let key = key(&request(rulefile, load)?, targets, options)?;
        let state_dir = root.join(".rulemake");
        let proof = proof::read(&state_dir, &key)?;
        let groups = proof.groups()?;
        let basis = &proof.basis;
        let log = || stat(&proof::log_path(&state_dir)).ok().flatten().map(|found| found.sig);
        let holds = log() == Some(basis.log)
            && basis.boot == boot_id()
            && evaluation_holds(root, load, &basis.looks)
            && names_hold(root, &basis.directories)
            && files_hold(root, &groups)
            // Whatever ran meanwhile has put that on record first.
            && log() == Some(basis.log);
        holds.then(|| report(proof.answer, started))
    }

    /// Keeps what `done` rested on, if it found nothing to do and that can be found to hold again.
    pub(super) fn prove<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions, done: &Outcomes) {
        // What interpreters of the host are now is not known to who recalls.
        let is_known = done.is_quiet && self.interpreters.is_empty() && is_repeatable(&self.workflow);
        let request = self.workflow.request.filter(|_| is_known);
        let Some(key) = request.and_then(|request| key(&request, targets, options)) else { return };
        let state_dir = self.state_dir();
        let log = stat(&proof::log_path(&state_dir)).ok().flatten().map(|found| found.sig);
        // What another run has put on record since, this one knew nothing of.
        let Some(log) = log.filter(|log| log.size == done.log_len) else { return };
        let cx = &done.cx;
        let (Some(mut looks), Some(files)) = (looks(cx), cx.files.looked()) else { return };
        if options.lock != LockUse::Ignore {
            // It says what this run said of it, or the next one has to; and another one may be known to nobody yet.
            looks.extend(look_of(lock_as_it_is(&self.root)));
        }
        let files = in_directories(cx, &files);
        let basis = Basis { boot: boot_id(), log, looks, directories: cx.aliases.looked() };
        let answer = Answer { run: done.run, up_to_date: done.summary.up_to_date };
        proof::keep(&state_dir, &key, &proof::encode(&key, answer, &basis, files));
    }
}

/// Files by directory and name, those of one directory together.
fn in_directories<'c>(
    cx: &'c Context,
    files: &[(PathId, Option<StatSig>)],
) -> impl Iterator<Item = (&'c str, &'c str, Option<StatSig>)> {
    let mut directories: IndexMap<&str, Vec<(&str, Option<StatSig>)>, FxBuildHasher> = IndexMap::default();
    for (path, sig) in files {
        let (directory, name) = split(cx.paths.text(*path));
        directories.entry(directory).or_default().push((name, *sig));
    }
    let all = directories.into_iter();
    all.flat_map(|(directory, files)| files.into_iter().map(move |(name, sig)| (directory, name, sig)))
}

fn report(answer: Answer, started: Instant) -> RunReport {
    let summary = Summary {
        up_to_date: answer.up_to_date,
        wall_ms: started.elapsed().as_millis() as u64,
        ..Summary::default()
    };
    let (failures, jobs) = Default::default();
    RunReport { run: answer.run, summary, failures, cancelled: false, partial: None, jobs }
}

/// Stands for a Rulefile and how it is loaded; `None` when texts count that are in no file.
pub(super) fn request(rulefile: &Path, options: &LoadOptions) -> Option<Digest> {
    let LoadOptions {
        root,
        config_files,
        config,
        replace_config,
        threads,
        resources,
        default_resources,
        scatter,
        // Those that are asked for are on record with their values.
        variables: _,
        cores,
        keep_root,
        texts,
        steps,
    } = options;
    let mut hasher = DigestHasher::new("rulemake load");
    let root = root.as_deref().or(rulefile.parent()).unwrap_or(Path::new(""));
    for path in [rulefile, root].into_iter().chain(config_files.iter().map(PathBuf::as_path)) {
        hasher.bytes(absolute(path)?.as_os_str().as_encoded_bytes());
    }
    let rest =
        (config, replace_config, threads, resources, default_resources, scatter, cores, keep_root, steps);
    hasher.number(config_files.len() as u64).text(&format!("{rest:?}"));
    texts.is_empty().then(|| hasher.finish())
}

/// Stands for all that a run is asked for; `None` when it is asked to do more than what is stale, or to take something
/// for granted.
fn key<T: AsRef<str>>(request: &Digest, targets: &[T], options: &RunOptions) -> Option<Digest> {
    let RunOptions {
        keep_going: _,
        force,
        force_from,
        force_all,
        retries: _,
        wait: _,
        environments,
        keep_temps,
        until,
        omit_from,
        batch,
        only_needed,
        keep_edited,
        assume_inputs,
        only_restore,
        lock,
    } = options;
    let forced = *force || *force_all || !force_from.is_empty();
    let part = !until.is_empty() || !omit_from.is_empty() || batch.is_some();
    let trusting = *only_restore || *only_needed || *keep_edited || !assume_inputs.is_empty();
    if forced || part || trusting || *environments != Environments::default() {
        return None;
    }
    let mut hasher = DigestHasher::new("rulemake request");
    let use_of_lock = match lock {
        LockUse::Read => 0,
        LockUse::Keep => 1,
        LockUse::Ignore => 2,
    };
    hasher.bytes(request.as_bytes()).number((*keep_temps).into()).number(use_of_lock);
    hasher.number(targets.len() as u64);
    for target in targets {
        hasher.text(target.as_ref());
    }
    Some(hasher.finish())
}

/// Whether a run of the workflow says nothing, and looks at nothing that is not on record.
fn is_repeatable(workflow: &Workflow) -> bool {
    let says_nothing = workflow.warnings.is_empty() && workflow.printed.is_empty();
    says_nothing && workflow.workdir.is_none() && workflow.rules.iter().all(|rule| !rule.checkpoint)
}

/// What the evaluation looked at: the Rulefile, what it read, what functions of rules read, scripts.
fn looks(cx: &Context) -> Option<Vec<Look>> {
    let workflow = &cx.workflow;
    let main = workflow.sources.file(*workflow.rulefiles.first()?);
    let main = Read {
        kind: "file",
        what: main.name.clone(),
        how: How::At(PathBuf::from(&main.name)),
        digest: Some(Digest::of(main.text.as_bytes())),
    };
    let called = workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
    let called = called.into_iter().map(|(_, read)| read);
    let code = cx.code.looked().into_iter().map(|(path, digest)| Read {
        kind: "file",
        what: path.to_string(),
        how: How::Named,
        digest,
    });
    std::iter::once(main)
        .chain(workflow.reads.iter().cloned())
        .chain(called)
        .chain(code)
        .map(look_of)
        .collect()
}

fn lock_as_it_is(root: &Path) -> Read {
    let text = lockfile::read(root).ok().flatten();
    let digest = text.map(|text| Digest::of(text.as_bytes()));
    Read { kind: "file", what: lock::NAME.to_string(), how: How::Named, digest }
}

/// Kinds of reads by name; those of no use here are left out.
const KINDS: [&str; 14] = [
    "file",
    "exists",
    "link",
    "size",
    "rights",
    "links",
    "list",
    "list-kinds",
    "variable",
    "host",
    "glob",
    "glob-recursive",
    "glob-hidden",
    "glob-recursive-hidden",
];

fn look_of(read: Read) -> Option<Look> {
    let (how, more) = match read.how {
        How::Named => (0, Vec::new()),
        How::At(path) => (1, vec![absolute(&path)?.into_os_string().into_encoded_bytes()]),
        How::Wildcards { follow } => (2 + u8::from(follow), Vec::new()),
        How::Pattern { base, pattern, recursive, hidden, directories } => {
            let bits = u8::from(recursive) | u8::from(hidden) << 1 | u8::from(directories) << 2;
            (4 + bits, vec![base.into_bytes(), pattern.into_bytes()])
        }
        How::Unsteady => return None,
    };
    // The time of the clock does not come again.
    let comes_again = read.kind != "host" || matches!(&*read.what, "directory" | "processors");
    (KINDS.contains(&read.kind) && comes_again).then(|| Look {
        kind: read.kind.to_string(),
        what: read.what,
        how,
        more,
        digest: read.digest,
    })
}

fn read_of(look: &Look) -> Option<Read> {
    let kind = *KINDS.iter().find(|kind| **kind == look.kind)?;
    let text = |at: usize| String::from_utf8(look.more.get(at)?.clone()).ok();
    let how = match look.how {
        0 => How::Named,
        1 => How::At(path_of_bytes(look.more.first()?)?),
        bits @ 2..4 => How::Wildcards { follow: bits == 3 },
        bits @ 4..12 => {
            let bit = |n: u8| (bits - 4) >> n & 1 == 1;
            How::Pattern {
                base: text(0)?,
                pattern: text(1)?,
                recursive: bit(0),
                hidden: bit(1),
                directories: bit(2),
            }
        }
        _ => return None,
    };
    Some(Read { kind, what: look.what.clone(), how, digest: look.digest })
}

fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    let path =
        Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes)).map(|text: &std::ffi::OsStr| text.into());
    #[cfg(not(unix))]
    let path = std::str::from_utf8(bytes).ok().map(PathBuf::from);
    path
}

fn absolute(path: &Path) -> Option<PathBuf> {
    std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok()
}

/// Whether an evaluation would see again what it saw.
fn evaluation_holds(root: &Path, load: &LoadOptions, looks: &[Look]) -> bool {
    let mut vm = Vm::bare(root, Budget::load(load.steps));
    vm.set_variables(&load.variables);
    looks.iter().all(|look| {
        let read = read_of(look);
        read.is_some_and(|read| again(&mut vm, &read) == Some(read.digest))
    })
}

fn names_hold(root: &Path, directories: &[(String, String)]) -> bool {
    let mut names = RealNames::new(root);
    directories.iter().all(|(name, real)| *names.of(name) == **real)
}

fn files_hold(root: &Path, groups: &[Group<'_>]) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || groups.len() < SHARED_FROM {
        return groups.iter().all(|group| group_holds(root, group));
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if !group_holds(root, group) {
                failed.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(groups.len()) {
            // Where no thread is to be had, this one does it all.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    !failed.into_inner()
}

fn group_holds(root: &Path, group: &Group<'_>) -> bool {
    let directory = Root::new(root.join(group.directory));
    group.all(|name, then| {
        let now = directory.stat(name).ok().map(|found| found.map(|found| found.sig));
        now == Some(then)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project of which "nothing to do" is known, with the bytes of its proof.
    fn known() -> (tempfile::TempDir, LoadOptions, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let rulefile = dir.path().join("Rulefile");
        let text = "rule a:\n    input: 'i'\n    output: 'a'\n    shell: 'cp {input} {output}'\n";
        crate::disk::write(&rulefile, text).unwrap();
        crate::disk::write(dir.path().join("i"), "1").unwrap();
        let load = LoadOptions { root: Some(dir.path().to_path_buf()), ..LoadOptions::default() };
        for _ in 0..3 {
            // What was written just now is not believed yet.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let workflow = Workflow::load_with(&rulefile, &load).unwrap();
            let mut session = Session::builder(workflow).root(dir.path()).open().unwrap();
            assert!(session.run(&["a"], &RunOptions::default()).unwrap().success());
        }
        (dir, load, rulefile)
    }

    fn recall(rulefile: &Path, load: &LoadOptions) -> Option<RunReport> {
        Session::recall(rulefile, load, &["a"], &RunOptions::default())
    }

    /// Writes the proof anew, with something of it changed.
    fn rewrite(dir: &Path, load: &LoadOptions, rulefile: &Path, change: impl FnOnce(&mut Basis)) {
        let state_dir = dir.join(".rulemake");
        let key = key(&request(rulefile, load).unwrap(), &["a"], &RunOptions::default()).unwrap();
        let proof = proof::read(&state_dir, &key).unwrap();
        let (answer, mut basis) = (proof.answer, proof.basis.clone());
        let mut files = Vec::new();
        for group in proof.groups().unwrap() {
            let directory = group.directory;
            group.all(|name, sig| {
                files.push((directory, name, sig));
                true
            });
        }
        change(&mut basis);
        proof::keep(&state_dir, &key, &proof::encode(&key, answer, &basis, files.into_iter()));
    }

    /// Promise: what was true before the machine went down is looked at again, for a signature says less then.
    #[test]
    fn nothing_is_recalled_of_before_the_machine_was_started() {
        let (dir, load, rulefile) = known();
        assert_eq!(recall(&rulefile, &load).unwrap().summary.up_to_date, 1);
        rewrite(dir.path(), &load, &rulefile, |_| {});
        assert!(recall(&rulefile, &load).is_some(), "written as it was");
        rewrite(dir.path(), &load, &rulefile, |basis| basis.boot = "another".into());
        assert!(recall(&rulefile, &load).is_none());
    }

    /// Promise: what somebody put on record since counts, whatever the files look like.
    #[test]
    fn nothing_is_recalled_when_the_state_log_is_another() {
        let (dir, load, rulefile) = known();
        rewrite(dir.path(), &load, &rulefile, |basis| basis.log.ctime_ns += 1);
        assert!(recall(&rulefile, &load).is_none());
    }

    #[test]
    fn what_was_read_is_looked_at_again_in_the_same_way() {
        let pattern = |recursive, hidden, directories| How::Pattern {
            base: "b".into(),
            pattern: "*.x".into(),
            recursive,
            hidden,
            directories,
        };
        let mut hows: Vec<How> =
            (0..8).map(|bits| pattern(bits & 1 == 1, bits >> 1 & 1 == 1, bits >> 2 == 1)).collect();
        hows.extend([How::Named, How::At("/x/y".into())]);
        hows.extend([false, true].map(|follow| How::Wildcards { follow }));
        for how in hows {
            let read = Read { kind: "glob", what: "w".into(), how, digest: Some(Digest::of(b"d")) };
            assert_eq!(read_of(&look_of(read.clone()).unwrap()), Some(read));
        }
        let clock = Read { kind: "host", what: "clock".into(), how: How::Named, digest: None };
        assert_eq!(look_of(clock), None);
        let unsteady = Read { kind: "file", what: "w".into(), how: How::Unsteady, digest: None };
        assert_eq!(look_of(unsteady), None);
    }

    /// Promise: whoever asks for more than what is stale, or takes something for granted, gets a run.
    #[test]
    fn only_plain_requests_are_recalled() {
        let request = Digest::of(b"request");
        let plain = RunOptions::default();
        let with = |change: fn(&mut RunOptions)| {
            let mut options = RunOptions::default();
            change(&mut options);
            key(&request, &["a"], &options)
        };
        assert_eq!(with(|o| o.keep_going = true), key(&request, &["a"], &plain));
        assert_ne!(key(&request, &["a", "b"], &plain), key(&request, &["ab"], &plain));
        let changes: [fn(&mut RunOptions); 9] = [
            |o| o.force = true,
            |o| o.force_all = true,
            |o| o.force_from = vec!["a".into()],
            |o| o.until = vec!["a".into()],
            |o| o.omit_from = vec!["a".into()],
            |o| o.only_needed = true,
            |o| o.keep_edited = true,
            |o| o.assume_inputs = vec!["i".into()],
            |o| o.environments.conda = true,
        ];
        assert!(changes.into_iter().all(|change| with(change).is_none()));
    }
}
