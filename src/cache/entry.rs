//! What is kept of one execution, and its form as bytes: a first line with the digest of the rest, a line of JSON, then the
//! bytes of what is small, one after the other. Whatever does not have that form is no entry: so one that somebody is at
//! writing, or died at, is told from one that is whole.

use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};

const HEAD: &[u8] = b"rulemake result 2 ";
/// Of the time when each content was an object; else they are as they are now.
const FIRST_HEAD: &[u8] = b"rulemake result 1 ";

/// A content of up to so many bytes stands in its entry, as long as all of them there have no more than [`MOST_SMALL`]: an
/// object of its own would cost more than making it again.
pub(super) const SMALL: u64 = 8 << 10;
pub(super) const MOST_SMALL: u64 = 16 << 10;

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
    /// Nobody executed it: somebody took what was there for the result.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) accepted: bool,
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
    /// In the entry itself.
    Small {
        size: u64,
        #[serde(default)]
        executable: bool,
        #[serde(skip)]
        content: Box<[u8]>,
    },
    /// The object `manifest` tells what lies in the directory.
    Directory { manifest: Digest, size: u64 },
}

impl Entry {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut body = serde_json::to_vec(self).unwrap_or_default();
        body.push(b'\n');
        for kept in self.kept() {
            body.extend_from_slice(kept.form.small().unwrap_or_default());
        }
        let digest = Digest::of(&body).to_string();
        [HEAD, digest.as_bytes(), b"\n", &body].concat()
    }

    /// `None` for bytes that are no entry, or not as they were written. What is small in it has the digest that it is known by.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Entry> {
        let rest = bytes.strip_prefix(HEAD).or_else(|| bytes.strip_prefix(FIRST_HEAD))?;
        let (digest, mut rest) = line(rest)?;
        // The body was its text without the end of the line.
        let is_first = bytes.starts_with(FIRST_HEAD);
        let body = if is_first { rest.strip_suffix(b"\n")? } else { rest };
        if digest != Digest::of(body).to_string().as_bytes() {
            return None;
        }
        let (text, more) = line(rest)?;
        rest = more;
        let mut entry: Entry = serde_json::from_slice(text).ok()?;
        for kept in entry.kept_mut() {
            if let Form::Small { size, content, .. } = &mut kept.form {
                let (head, tail) = rest.split_at_checked(usize::try_from(*size).ok()?)?;
                if Digest::of(head) != kept.digest {
                    return None;
                }
                (*content, rest) = (head.into(), tail);
            }
        }
        rest.is_empty().then_some(entry)
    }

    /// Whether these bytes may be the first ones of an entry.
    pub(super) fn is_beginning(bytes: &[u8]) -> bool {
        let Some(rest) = bytes.strip_prefix(HEAD) else { return HEAD.starts_with(bytes) };
        let Some((text, small)) = line(rest).and_then(|(_, rest)| line(rest)) else { return true };
        let Ok(entry) = serde_json::from_slice::<Entry>(text) else { return false };
        let sizes = entry.kept().filter_map(|kept| kept.form.small().map(|_| kept.size()));
        (small.len() as u64) < sizes.fold(0, u64::saturating_add)
    }

    /// What it tells, without what is in it: of those there may be many at once.
    pub(super) fn without_small(mut self) -> Entry {
        for kept in self.kept_mut() {
            if let Form::Small { content, .. } = &mut kept.form {
                *content = Box::default();
            }
        }
        self
    }

    fn kept_mut(&mut self) -> impl Iterator<Item = &mut Kept> {
        self.outputs.iter_mut().chain(self.beside.iter_mut().map(|(_, kept)| kept)).chain(&mut self.log)
    }

    /// What the job wrote, without what it printed.
    pub(super) fn files(&self) -> impl Iterator<Item = &Kept> {
        self.outputs.iter().chain(self.beside.iter().map(|(_, kept)| kept))
    }

    /// All that is kept, without what lies in directories.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.outputs.iter().chain(self.beside.iter().map(|(_, kept)| kept)).chain(&self.log)
    }
}

impl Kept {
    /// The object that has to be there, if any: of a directory the one that tells of the others.
    pub(crate) fn object(&self) -> Option<Digest> {
        match &self.form {
            Form::Gone | Form::Small { .. } => None,
            Form::File { .. } => Some(self.digest),
            Form::Directory { manifest, .. } => Some(*manifest),
        }
    }

    /// Bytes of its files.
    pub(crate) fn size(&self) -> u64 {
        match self.form {
            Form::Gone => 0,
            Form::File { size, .. } | Form::Small { size, .. } | Form::Directory { size, .. } => size,
        }
    }
}

impl Form {
    pub(super) fn of_small(content: Vec<u8>, executable: bool) -> Form {
        Form::Small { size: content.len() as u64, executable, content: content.into() }
    }

    /// What stands in the entry.
    pub(super) fn small(&self) -> Option<&[u8]> {
        match self {
            Form::Small { content, .. } => Some(content),
            Form::Gone | Form::File { .. } | Form::Directory { .. } => None,
        }
    }
}

/// The bytes before and after the first end of a line.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, tail) = bytes.split_at_checked(end)?;
    Some((head, tail.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Entry {
        let kept = |path: &str, form: Form, content: &[u8]| Kept {
            path: path.into(),
            digest: Digest::of(content),
            form,
        };
        let small = |path: &str, content: &[u8]| kept(path, Form::of_small(content.to_vec(), false), content);
        Entry {
            rule: "a\nb".into(),
            duration_ms: 7,
            outputs: vec![
                small("one", b"1\n\xff\n"),
                kept("large", Form::File { size: 70_000, executable: true }, b"large"),
                small("nothing", b""),
                kept("temp", Form::Gone, b"gone"),
            ],
            beside: vec![(1, small("x.log", b"said\n"))],
            log: Some(small("", b"printed")),
            pinned: false,
            accepted: false,
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was_and_so_does_one_of_the_first_form() {
        assert_eq!(Entry::from_bytes(&sample().to_bytes()).unwrap(), sample());
        let text = serde_json::to_string(&Entry {
            outputs: sample().outputs.split_off(3),
            beside: vec![],
            log: None,
            ..sample()
        });
        let text = text.unwrap();
        let first = format!("rulemake result 1 {}\n{text}\n", Digest::of(text.as_bytes()));
        assert_eq!(Entry::from_bytes(first.as_bytes()).unwrap().outputs, sample().outputs[3..]);
    }

    /// The promise of an entry that is written in its place: at no moment is a part of it taken for all of it.
    #[test]
    fn what_is_cut_short_or_changed_is_no_entry() {
        let bytes = sample().to_bytes();
        assert!(!Entry::is_beginning(&bytes), "all of it is more than that");
        for at in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(&bytes[..at]), None, "{at}");
            assert!(Entry::is_beginning(&bytes[..at]), "{at}");
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(Entry::from_bytes(&changed), None, "{at}");
        }
        assert_eq!(Entry::from_bytes(&[&bytes[..], b"x"].concat()), None);
    }

    /// Against who makes an entry up: what it says of a content is not believed.
    #[test]
    fn a_content_that_is_not_what_it_is_known_by_is_none() {
        let mut wrong = sample();
        wrong.outputs[0].digest = Digest::of(b"another");
        assert_eq!(Entry::from_bytes(&wrong.to_bytes()), None);
        let mut short = sample();
        short.outputs[0].form = Form::Small { size: u64::MAX, executable: false, content: Box::default() };
        assert_eq!(Entry::from_bytes(&short.to_bytes()), None);
    }
}
