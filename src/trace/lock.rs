//! The text of `Rulefile.lock`: what each output is, and what it was made from. One line for each, sorted, so that git can
//! merge it; no times, no hosts, nothing of the machine.
//!
//! ```text
//! # rulemake lock 1
//! results/a.tsv blake3:1d2e... blake3:77aa...
//! results/b%20c.tsv blake3:09c4... blake3:51f0...
//! ```

use crate::base::digest::Digest;
use crate::base::path::normalise;
use crate::base::percent;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the file, in the root.
pub(crate) const NAME: &str = "Rulefile.lock";

const HEAD: &str = "# rulemake lock 1";
const HEAD_OF_ANY: &str = "# rulemake lock ";
/// What git writes where two sides changed the same lines.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// What is locked of one output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Locked {
    /// What is on record of it: the digest of its content, of a marker that of all its job was executed with.
    pub(crate) result: Digest,
    /// Of all that its job was executed with ([`Fingerprint::locked`](super::fingerprint::Fingerprint::locked)).
    pub(crate) fingerprint: Digest,
}

/// The lines, by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LockFile {
    pub(crate) lines: BTreeMap<String, Locked>,
}

/// A line that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Damage {
    /// From 0.
    pub(crate) line: usize,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Said at the place.
    pub(crate) here: String,
    pub(crate) help: String,
}

impl LockFile {
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (path, Locked { result, fingerprint }) in &self.lines {
            let _ = writeln!(text, "{} {result} {fingerprint}", escaped(path));
        }
        text
    }

    /// Reads a text; order and empty lines do not matter, as a merge may leave them so.
    ///
    /// # Errors
    /// The first line that is none.
    pub(crate) fn parse(text: &str) -> Result<LockFile, Damage> {
        let mut lines: BTreeMap<String, Locked> = BTreeMap::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (number, line) in text.split('\n').enumerate() {
            let line = line.trim_end_matches('\r');
            if CONFLICT.iter().any(|mark| is_conflict(line, mark)) {
                return Err(Damage {
                    line: number,
                    code: "lock-conflict",
                    message: format!("a merge left a conflict in {NAME}"),
                    here: "from here on two versions stand".into(),
                    help: "take either version of each line and remove the marks; `rulemake lock` then writes what is there".into(),
                });
            }
            if let Some(version) = line.strip_prefix(HEAD_OF_ANY).filter(|_| line != HEAD) {
                return Err(Damage {
                    line: number,
                    code: "lock-version",
                    message: format!("{NAME} is of another version of rulemake"),
                    here: format!("this rulemake knows version 1, not `{}`", version.trim()),
                    help: "use the rulemake that wrote it, or remove the file and write it anew with `rulemake lock`".into(),
                });
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (path, locked) = read(line).map_err(|here| damaged(number, here))?;
            if lines.insert(path.clone(), locked).is_some_and(|before| before != locked) {
                let first = places.get(&path).map_or(1, |place| place + 1);
                return Err(damaged(number, format!("line {first} says something else of this output")));
            }
            places.insert(path, number);
        }
        Ok(LockFile { lines })
    }
}

fn is_conflict(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn damaged(line: usize, here: String) -> Damage {
    Damage {
        line,
        code: "lock-damaged",
        message: format!("{NAME} is damaged"),
        here,
        help: "remove the line: `rulemake lock` writes it anew when its output is up to date".into(),
    }
}

fn read(line: &str) -> Result<(String, Locked), String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [path, result, fingerprint] = words[..] else {
        return Err("a line is a path and two digests, with one blank between them".into());
    };
    let digest = |text: &str, what: &str| {
        Digest::parse(text).ok_or_else(|| format!("the {what} is not `blake3:` and 64 hexadecimal digits"))
    };
    let path = plain(path).filter(|path| *normalise(path) == **path);
    let path = path.ok_or("the path is not as rules name files")?;
    let result = digest(result, "digest of the output")?;
    Ok((path, Locked { result, fingerprint: digest(fingerprint, "fingerprint")? }))
}

/// One word that no tool takes for anything else; letters of any script stay as they are.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for (at, c) in path.char_indices() {
        let is_mark = at == 0 && matches!(c, '#' | '<' | '|' | '=' | '>');
        let is_plain = c.is_ascii_graphic() && c != '%' || !c.is_ascii() && c.is_alphanumeric();
        if is_plain && !is_mark {
            text.push(c);
        } else {
            percent::escape(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
        }
    }
    text
}

fn plain(text: &str) -> Option<String> {
    String::from_utf8(percent::plain(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn locked(text: &str) -> Locked {
        Locked { result: Digest::of(text.as_bytes()), fingerprint: Digest::of(b"made from") }
    }

    fn file(paths: &[&str]) -> LockFile {
        LockFile { lines: paths.iter().map(|path| (path.to_string(), locked(path))).collect() }
    }

    /// One line for each output, whatever its name is: so git merges what two branches made.
    #[test]
    fn any_name_is_one_word_and_comes_back_as_it_was() {
        let paths =
            ["a b", "a\nb", "#x", "<<<<<<<", "=======", "100%", "été/ß", "a\u{202e}b", "/abs", "../out"];
        let text = file(&paths).to_text();
        assert_eq!(text.lines().count(), paths.len() + 1);
        assert!(text.lines().skip(1).all(|line| line.split(' ').count() == 3), "{text}");
        assert!(text.contains("été/ß ") && !text.contains('\u{202e}') && text.contains("\n%23x "), "{text}");
        assert_eq!(LockFile::parse(&text), Ok(file(&paths)));
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(LockFile::parse(&crlf), Ok(file(&paths)), "as git writes it on Windows");
    }

    #[test]
    fn what_a_merge_without_conflict_leaves_can_be_read() {
        let (one, two) = (file(&["a", "b"]).to_text(), file(&["b", "c"]).to_text());
        assert_eq!(LockFile::parse(&format!("{two}\n{one}")), Ok(file(&["a", "b", "c"])));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_way_out() {
        let good = file(&["a"]).to_text();
        let damage = |text: &str| LockFile::parse(text).unwrap_err();
        let conflict = damage(&format!("{good}<<<<<<< HEAD\n=======\n>>>>>>> other\n"));
        assert_eq!((conflict.line, conflict.code), (2, "lock-conflict"));
        assert!(conflict.help.contains("`rulemake lock`"));
        let digest = Digest::of(b"x");
        for (line, wanted) in [
            ("a blake3:12 blake3:34".to_string(), "the digest of the output is not"),
            (format!("a {digest} blake3:34"), "the fingerprint is not"),
            (format!("a {digest}"), "a path and two digests"),
            (format!("a b {digest} {digest}"), "a path and two digests"),
            (format!("a%2 {digest} {digest}"), "not as rules name files"),
            (format!("a%+1 {digest} {digest}"), "not as rules name files"),
            (format!("./b {digest} {digest}"), "not as rules name files"),
            (format!("a {digest} {digest}"), "line 2 says something else of this output"),
        ] {
            let found = damage(&format!("{good}{line}\n"));
            assert_eq!((found.line, found.code), (2, "lock-damaged"), "{line}");
            assert!(found.here.contains(wanted), "{line}: {}", found.here);
        }
        assert_eq!(damage("# rulemake lock 2\n").code, "lock-version");
    }

    proptest! {
        #[test]
        fn every_path_survives(paths in proptest::collection::vec("\\PC{1,12}|[ -~\n\r\t%]{1,12}", 0..8)) {
            let paths: Vec<String> = paths.iter().map(|path| normalise(path).into_owned()).collect();
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            prop_assert_eq!(LockFile::parse(&file(&paths).to_text()), Ok(file(&paths)));
        }

        #[test]
        fn no_text_panics(text in "(\\PC|\n|%|blake3:){0,80}") {
            let _ = LockFile::parse(&text);
        }
    }
}
