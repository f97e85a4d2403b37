//! The fingerprint of a job: everything that counts for its result, as named components.
//!
//! | Component | Content | Not in it |
//! |---|---|---|
//! | definition | action kind, command template in canonical form, shell, names and order of slots, `SEMANTICS` | rule name, place, docstring, other rules |
//! | params | (name, canonical value) of what the command can see | unreferenced values |
//! | wildcards | (name, value) of what the command references | unreferenced ones |
//! | code | (kind, name, digest) of the script, and of the software environment when the run uses it | mtimes |
//! | inputs | ordered (slot, path, content digest); of a directory the digest of its tree, of an `ancient` one none | mtimes, producers |
//! | outputs | ordered paths | |
//! | required | (output, what `ensure` asks of it) | |
//! | never | threads, resources, priority, retries, attempt, log path, host, user, time | |

use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::{PathId, PathTable};
use std::sync::Arc;

/// Enters every definition; raised only when the same text would mean another result.
pub(crate) const SEMANTICS: u32 = 1;

/// Stands for the content of an input of which only the existence counts. No content has this digest.
pub(crate) const ANCIENT: Digest = Digest::from_bytes(*b"ancient: content does not matter");

/// Name and canonical value, in order of writing.
pub(crate) type Bound = (Arc<str>, Arc<str>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InputState {
    pub(crate) slot: u16,
    pub(crate) path: PathId,
    pub(crate) digest: Digest,
}

/// What a [`CodePart`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum CodeKind {
    /// The file of `script:` or `notebook:`.
    Script = 0,
    Conda = 1,
    Container = 2,
    Modules = 3,
}

impl CodeKind {
    pub(crate) const ALL: [CodeKind; 4] =
        [CodeKind::Script, CodeKind::Conda, CodeKind::Container, CodeKind::Modules];

    /// As in JSON and in the sections of a rule.
    pub(crate) fn name(self) -> &'static str {
        match self {
            CodeKind::Script => "script",
            CodeKind::Conda => "conda",
            CodeKind::Container => "container",
            CodeKind::Modules => "envmodules",
        }
    }
}

/// Code of a job that lies outside of the Rulefile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CodePart {
    pub(crate) kind: CodeKind,
    /// Path or name as the rule gives it.
    pub(crate) name: Arc<str>,
    pub(crate) digest: Digest,
}

/// What a job would be executed with now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fingerprint {
    pub(crate) definition: Digest,
    pub(crate) params: Vec<Bound>,
    pub(crate) wildcards: Vec<Bound>,
    pub(crate) code: Vec<CodePart>,
    pub(crate) inputs: Vec<InputState>,
    pub(crate) outputs: Vec<PathId>,
    /// What `ensure` asks of an output, by the output's path.
    pub(crate) required: Vec<Bound>,
}

impl Fingerprint {
    /// The digest of a marker, an output that says only that the job is done: all that the job was executed with is its
    /// content. Otherwise a `touch done` would look the same whatever changed before it.
    pub(crate) fn marker(&self, content: Digest, paths: &PathTable) -> Digest {
        let mut hasher = DigestHasher::new("rulemake marker");
        hasher.bytes(content.as_bytes()).bytes(self.definition.as_bytes());
        for bound in [&self.params, &self.wildcards] {
            hasher.number(bound.len() as u64);
            bound.iter().for_each(|(name, value)| {
                hasher.text(name).text(value);
            });
        }
        for CodePart { kind, name, digest } in &self.code {
            hasher.text(kind.name()).text(name).bytes(digest.as_bytes());
        }
        hasher.number(self.code.len() as u64);
        for CodePart { kind, name, digest } in &self.code {
            hasher.number(*kind as u64).text(name).bytes(digest.as_bytes());
        }
        for InputState { slot, path, digest } in &self.inputs {
            hasher.number((*slot).into()).text(paths.text(*path)).bytes(digest.as_bytes());
        }
        hasher.finish()
    }
}

impl Fingerprint {
    /// What stands for the content of a pipe or a service, `output`, which nobody can look at: all that its job is
    /// executed with.
    pub(crate) fn stream(&self, output: PathId, paths: &PathTable) -> Digest {
        self.marker(Digest::of(paths.text(output).as_bytes()), paths)
    }
}

impl Fingerprint {
    /// The key under which a result is kept for others: all that the job is executed with, on this kind of machine.
    /// `inputs` are the digests of the inputs, those of which only the existence counts for being up to date included:
    /// others may have other files there.
    pub(crate) fn action(&self, inputs: &[Digest], paths: &PathTable) -> Digest {
        let mut hasher = DigestHasher::new("rulemake action");
        hasher.number(ACTION_VERSION).text(std::env::consts::OS).text(std::env::consts::ARCH);
        self.hash_all(&mut hasher, inputs.iter().copied(), paths);
        hasher.finish()
    }

    /// What stands in a lock file for all that the job is executed with: the same on each kind of machine. As for being up
    /// to date, of `ancient` inputs only the existence counts.
    pub(crate) fn locked(&self, paths: &PathTable) -> Digest {
        let mut hasher = DigestHasher::new("rulemake locked");
        hasher.number(ACTION_VERSION);
        self.hash_all(&mut hasher, self.inputs.iter().map(|input| input.digest), paths);
        hasher.finish()
    }

    fn hash_all(
        &self,
        hasher: &mut DigestHasher,
        inputs: impl ExactSizeIterator<Item = Digest>,
        paths: &PathTable,
    ) {
        hasher.bytes(self.definition.as_bytes());
        for bound in [&self.params, &self.wildcards, &self.required] {
            hasher.number(bound.len() as u64);
            bound.iter().for_each(|(name, value)| {
                hasher.text(name).text(value);
            });
        }
        hasher.number(self.code.len() as u64);
        for CodePart { kind, name, digest } in &self.code {
            hasher.text(kind.name()).text(name).bytes(digest.as_bytes());
        }
        hasher.number(self.inputs.len() as u64);
        for (InputState { slot, path, .. }, digest) in self.inputs.iter().zip(inputs) {
            hasher.number((*slot).into()).text(paths.text(*path)).bytes(digest.as_bytes());
        }
        hasher.number(self.outputs.len() as u64);
        self.outputs.iter().for_each(|path| {
            hasher.text(paths.text(*path));
        });
    }
}

/// The key under which a result is kept that a lock file names: what was executed, and what came of it. So it is found
/// again whatever other executions of the same have made since.
pub(crate) fn pin(fingerprint: &Digest, results: &[Digest]) -> Digest {
    let mut hasher = DigestHasher::new("rulemake pinned");
    hasher.bytes(fingerprint.as_bytes()).number(results.len() as u64);
    results.iter().for_each(|result| {
        hasher.bytes(result.as_bytes());
    });
    hasher.finish()
}

/// Raised when what is kept under a key means something else than before.
const ACTION_VERSION: u64 = 1;

/// How a result came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Origin {
    Executed = 0,
    /// The user took what was on disk as current.
    Accepted = 1,
    /// It was made before, by an execution with the same fingerprint, and kept.
    Restored = 2,
}

/// What was remembered of a successful execution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trace {
    /// For people; a renamed rule is the same rule.
    pub(crate) rule: Arc<str>,
    pub(crate) fingerprint: Fingerprint,
    /// Content of each output, in the order of `fingerprint.outputs`.
    pub(crate) results: Vec<Digest>,
    pub(crate) run: u32,
    /// The job's number in that run: names its log.
    pub(crate) job: u32,
    pub(crate) duration_ms: u32,
    pub(crate) origin: Origin,
    /// What `report` said of an output, as JSON, by the output's path.
    pub(crate) reported: Vec<Bound>,
}

impl Trace {
    /// What was recorded of an output.
    pub(crate) fn result(&self, output: PathId) -> Option<Digest> {
        let index = self.fingerprint.outputs.iter().position(|o| *o == output)?;
        self.results.get(index).copied()
    }

    /// Whether `content` is what the job made in the place of `output`, as a marker or as it is.
    pub(crate) fn made(&self, output: PathId, content: Digest, paths: &PathTable) -> bool {
        let is_marker = |then| self.fingerprint.marker(content, paths) == then;
        self.result(output).is_some_and(|then| content == then || is_marker(then))
    }
}
