//! What is kept of one execution, and its form as bytes: a first line with the digest of the rest, then JSON. Whatever
//! does not have that form is no entry.

use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};

const HEAD: &str = "rulemake result 1 ";

/// What an execution made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// For people, and to count by.
    pub(crate) rule: String,
    pub(crate) duration_ms: u64,
    /// In the order of the rule.
    pub(crate) outputs: Vec<Kept>,
    /// Logs and benchmarks that the rule names, by their place among these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) beside: Vec<(u32, Kept)>,
    /// What the command printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<Kept>,
    /// It is kept once more, as what a lock file names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pinned: bool,
}

/// One thing that an execution made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// From the root, as it was called then.
    pub(crate) path: String,
    /// Of its content: the bytes of a file, all that a directory holds.
    pub(crate) digest: Digest,
    #[serde(flatten)]
    pub(crate) form: Form,
}

/// How its content is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub(crate) enum Form {
    /// Not at all: it was temporary.
    Gone,
    /// Its digest is that of the object.
    File {
        size: u64,
        #[serde(default)]
        executable: bool,
    },
    /// The object `manifest` tells what lies in the directory.
    Directory { manifest: Digest, size: u64 },
}

impl Entry {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{HEAD}{}\n{text}\n", Digest::of(text.as_bytes())).into_bytes()
    }

    /// `None` for bytes that are no entry, or not as they were written.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Entry> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (digest, text) = text.strip_prefix(HEAD)?.split_once('\n')?;
        let text = text.strip_suffix('\n')?;
        if digest != Digest::of(text.as_bytes()).to_string() {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// All that is kept as objects, without what lies in directories.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.outputs.iter().chain(self.beside.iter().map(|(_, kept)| kept)).chain(&self.log)
    }
}

impl Kept {
    /// The object that has to be there, if any: of a directory the one that tells of the others.
    pub(crate) fn object(&self) -> Option<Digest> {
        match &self.form {
            Form::Gone => None,
            Form::File { .. } => Some(self.digest),
            Form::Directory { manifest, .. } => Some(*manifest),
        }
    }

    /// Bytes of its files.
    pub(crate) fn size(&self) -> u64 {
        match self.form {
            Form::Gone => 0,
            Form::File { size, .. } | Form::Directory { size, .. } => size,
        }
    }
}
