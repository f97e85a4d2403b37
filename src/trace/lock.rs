//! The text of `Rulefile.lock`: what each output is, and what it was made from. One line for each, sorted, with an empty line
//! before it: git merges changes of two lines only where a line between them stayed as it was. No times, no hosts, nothing of
//! the machine.
//!
//! ```text
//! # rulemake lock 1
//!
//! results/a.tsv blake3:1d2e... blake3:77aa...
//!
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
/// The code of a [`Damage`] that [`LockFile::sides`] can read.
pub(crate) const CONFLICT: &str = "lock-conflict";

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
            let _ = writeln!(text, "\n{} {result} {fingerprint}", escaped(path));
        }
        text
    }

    /// Reads a text; order and empty lines do not matter, as a merge may leave them so.
    ///
    /// # Errors
    /// The first line that is none.
    pub(crate) fn parse(text: &str) -> Result<LockFile, Damage> {
        let mut file = LockFile::default();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (number, line) in lines(text) {
            if mark(line).is_some() {
                return Err(conflict(number, "from here on two versions stand".into()));
            }
            let Some((path, locked)) = content(number, line)? else { continue };
            if file.lines.insert(path.clone(), locked).is_some_and(|before| before != locked) {
                let first = places.get(&path).map_or(1, |place| place + 1);
                return Err(conflict(number, format!("line {first} says something else of this output")));
            }
            places.insert(path, number);
        }
        Ok(file)
    }

    /// The two files of which a merge made one with conflicts. Of an output with two lines and no mark each side has one.
    ///
    /// # Errors
    /// The first line that is none, or a mark that is not where git writes it.
    pub(crate) fn sides(text: &str) -> Result<[LockFile; 2], Damage> {
        let mut sides = [LockFile::default(), LockFile::default()];
        // Of which sides a line is; of neither what both had before.
        let (both, neither) = ([true, true], [false, false]);
        let mut of = both;
        for (number, line) in lines(text) {
            if let Some(mark) = mark(line) {
                of = match (mark, of) {
                    (Mark::Begin, [true, true]) => [true, false],
                    (Mark::Base, [true, false]) => neither,
                    (Mark::Middle, [true, false] | [false, false]) => [false, true],
                    (Mark::End, [false, true]) => both,
                    _ => {
                        return Err(damaged(
                            number,
                            "this mark of a conflict has no other that it belongs to".into(),
                        ));
                    }
                };
                continue;
            }
            let Some((path, locked)) = content(number, line)? else { continue };
            let [ours, theirs] = &mut sides;
            if of[0] && !(of[1] && ours.lines.contains_key(&path)) {
                ours.lines.insert(path.clone(), locked);
            }
            if of[1] {
                theirs.lines.insert(path, locked);
            }
        }
        match of == both {
            true => Ok(sides),
            false => Err(damaged(text.lines().count().saturating_sub(1), "a conflict has no end".into())),
        }
    }
}

/// The lines by number, however they end.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').map(|line| line.trim_end_matches('\r')).enumerate()
}

/// What a line says, if anything.
fn content(number: usize, line: &str) -> Result<Option<(String, Locked)>, Damage> {
    if let Some(version) = line.strip_prefix(HEAD_OF_ANY).filter(|_| line != HEAD) {
        return Err(Damage {
            line: number,
            code: "lock-version",
            message: format!("{NAME} is of another version of rulemake"),
            here: format!("this rulemake knows version 1, not `{}`", version.trim()),
            help: "use the rulemake that wrote it, or remove the file and write it anew with `rulemake lock`"
                .into(),
        });
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    read(line).map(Some).map_err(|here| damaged(number, here))
}

fn conflict(line: usize, here: String) -> Damage {
    Damage {
        line,
        code: CONFLICT,
        message: format!("a merge left a conflict in {NAME}"),
        here,
        help: "`rulemake lock` settles it: it keeps the lines that are true of what is here".into(),
    }
}

/// What git writes where two sides changed the same lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    Begin,
    Base,
    Middle,
    End,
}

fn mark(line: &str) -> Option<Mark> {
    let marks = [
        ("<<<<<<<", Mark::Begin),
        ("|||||||", Mark::Base),
        ("=======", Mark::Middle),
        (">>>>>>>", Mark::End),
    ];
    marks.into_iter().find(|(text, _)| is_conflict(line, text)).map(|(_, mark)| mark)
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
        assert_eq!(text.lines().count(), 2 * paths.len() + 1);
        let mut lines = text.lines().skip(1).filter(|line| !line.is_empty());
        assert!(lines.all(|line| line.split(' ').count() == 3), "{text}");
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
        assert_eq!((conflict.line, conflict.code), (3, "lock-conflict"));
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
        ] {
            let found = damage(&format!("{good}{line}\n"));
            assert_eq!((found.line, found.code), (3, "lock-damaged"), "{line}");
            assert!(found.here.contains(wanted), "{line}: {}", found.here);
        }
        assert_eq!(damage("# rulemake lock 2\n").code, "lock-version");
        let twice = damage(&format!("{good}a {digest} {digest}\n"));
        assert_eq!((twice.line, twice.code), (3, "lock-conflict"));
        assert!(twice.here.contains("line 3 says something else of this output"), "{}", twice.here);
    }

    #[test]
    fn a_conflict_has_two_sides() {
        let line = |path: &str| format!("{path} {0} {0}\n", Digest::of(path.as_bytes()));
        let names = |file: &LockFile| file.lines.keys().cloned().collect::<Vec<_>>();
        let (a, b, c, d) = (line("a"), line("b"), line("c"), line("d"));
        for base in ["", "||||||| base\nz z z\n"] {
            let base = base.replace("z z z\n", &line("z"));
            let text = format!("{HEAD}\n{a}<<<<<<< HEAD\n\n{b}{base}=======\n{c}>>>>>>> other\n\n{d}");
            let [ours, theirs] = LockFile::sides(&text).unwrap();
            assert_eq!(
                (names(&ours), names(&theirs)),
                (vec!["a".into(), "b".into(), "d".into()], vec!["a".into(), "c".into(), "d".into()])
            );
        }
        // As git leaves it where it is told to take both.
        let other = format!("a {0} {0}\n", Digest::of(b"other"));
        let [ours, theirs] = LockFile::sides(&format!("{a}{other}")).unwrap();
        assert_ne!(ours.lines["a"], theirs.lines["a"]);
        for bad in
            ["<<<<<<< a\n", "=======\n", ">>>>>>> x\n", "<<<<<<< a\n<<<<<<< b\n", "<<<<<<< a\n=======\n"]
        {
            assert_eq!(LockFile::sides(bad).unwrap_err().code, "lock-damaged", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_path_survives(paths in proptest::collection::vec("\\PC{1,12}|[ -~\n\r\t%]{1,12}", 0..8)) {
            let paths: Vec<String> = paths.iter().map(|path| normalise(path).into_owned()).collect();
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            prop_assert_eq!(LockFile::parse(&file(&paths).to_text()), Ok(file(&paths)));
        }

        #[test]
        fn no_text_panics(text in "(\\PC|\n|%|blake3:|<<<<<<<|=======|>>>>>>>){0,80}") {
            let _ = (LockFile::parse(&text), LockFile::sides(&text));
        }
    }
}
