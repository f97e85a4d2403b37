//! The physical limit: the same work, and nothing decided.

use super::child::{Cost, cost, cost_of};
use super::graph::{Graph, Job};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of arguments that a process takes for certain; Linux takes two megabytes with the environment.
const ARGUMENTS: usize = 1_500_000;

pub(crate) enum Bare {
    /// A stat of each file, on so many threads.
    Stat(usize),
    /// Each command, two at a time, through `sh` or, where it is plain words, without.
    Spawn { shell: bool },
    /// The commands that an edit of one source asks for; what they make goes elsewhere.
    Edited,
    /// `b3sum` of all files, as they are.
    Digests,
}

impl Bare {
    pub(crate) fn name(&self) -> String {
        match self {
            Bare::Stat(threads) => format!("bare stat, {threads} thr."),
            Bare::Spawn { shell: true } => "bare commands, sh".into(),
            Bare::Spawn { shell: false } | Bare::Edited => "bare commands".into(),
            Bare::Digests => "b3sum".into(),
        }
    }

    pub(crate) fn measure(&self, graph: &Graph, root: &Path) -> Cost {
        match self {
            Bare::Stat(threads) => {
                let files: Vec<PathBuf> = graph.files().iter().map(|file| root.join(file)).collect();
                cost_of(|| stat_all(&files, *threads))
            }
            Bare::Spawn { shell } => {
                graph.clean(root);
                let levels = graph.levels();
                cost_of(|| levels.iter().for_each(|level| spawn_all(level, *shell, root)))
            }
            Bare::Edited => {
                let mut jobs = graph.of_edited();
                jobs.iter_mut().for_each(|job| job.output = job.output.replace('/', "-"));
                cost_of(|| jobs.iter().for_each(|job| spawn(job, false, root)))
            }
            Bare::Digests => b3sum(&graph.files(), root),
        }
    }
}

fn stat_all(files: &[PathBuf], threads: usize) {
    shared(files, threads, |file| assert!(fs::metadata(file).is_ok(), "{file:?}"));
}

/// Reads and hashes each file whole, on two threads.
pub(crate) fn hash_all(files: &[PathBuf]) {
    shared(files, 2, |file| {
        std::hint::black_box(blake3::hash(&fs::read(file).expect("it is there")));
    });
}

fn shared(files: &[PathBuf], threads: usize, look: impl Fn(&Path) + Sync) {
    std::thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(threads)) {
            scope.spawn(|| part.iter().for_each(|file| look(file)));
        }
    });
}

/// All files by as few processes as command lines are long.
pub(crate) fn b3sum(files: &[String], root: &Path) -> Cost {
    let mut parts: Vec<Vec<&String>> = vec![Vec::new()];
    let mut bytes = 0;
    for file in files {
        // The name, its end, and a pointer to it.
        bytes += file.len() + 9;
        if bytes > ARGUMENTS {
            parts.push(Vec::new());
            bytes = file.len() + 9;
        }
        parts.last_mut().expect("a part").push(file);
    }
    parts.iter().fold(Cost::default(), |sum, part| {
        let one = cost(Command::new("b3sum").arg("--no-names").args(part).current_dir(root));
        Cost { wall: sum.wall + one.wall, cpu: sum.cpu + one.cpu, ..one }
    })
}

/// The two take turns from one list.
fn spawn_all(level: &[Job], shell: bool, root: &Path) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..level.len().min(2) {
            scope.spawn(|| {
                while let Some(job) = level.get(next.fetch_add(1, Ordering::Relaxed)) {
                    spawn(job, shell, root);
                }
            });
        }
    });
}

fn spawn(job: &Job, shell: bool, root: &Path) {
    let mut command = match job.verb {
        verb if !shell && verb != "merge" => {
            let mut command = Command::new(verb);
            command.arg(&job.input);
            if verb == "cp" {
                command.arg(&job.output);
            } else {
                command.stdout(fs::File::create(root.join(&job.output)).expect("an output"));
            }
            command
        }
        _ => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(job.command());
            command
        }
    };
    assert!(command.current_dir(root).status().is_ok_and(|status| status.success()), "{}", job.command());
}
