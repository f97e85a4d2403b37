//! Commands that need no shell: plain words, perhaps with `< file` and `> file`. Started directly they do the same, and
//! a third of the time of a short job is saved.
//!
//! Invariant: what is not surely the same is the shell's: unknown characters, its own commands, assignments, and
//! whatever goes wrong before the program has started, so that even the messages are the shell's.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;

/// The shell whose commands are understood.
const SHELL: [&str; 4] = ["bash", "-euo", "pipefail", "-c"];

/// Words that bash takes for its own as the name of a program, sorted.
const OWN: [&str; 75] = [
    "!",
    ".",
    ":",
    "[",
    "[[",
    "]]",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
];
const OWN_MORE: [&str; 7] = ["umask", "unalias", "unset", "until", "wait", "while", "{"];

/// A command of plain words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    words: Vec<Cow<'a, str>>,
    /// In the order in which they are written.
    redirects: Vec<(Direction, Cow<'a, str>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Direction {
    In,
    Out,
    Append,
}

/// The files of a command, open.
pub(super) struct Streams {
    pub(super) input: Option<File>,
    pub(super) output: Option<File>,
}

impl<'a> Plain<'a> {
    /// Understands `command` if it is plain.
    pub(super) fn parse(shell: &[Arc<str>], command: &'a str) -> Option<Plain<'a>> {
        if !shell.iter().map(|word| &**word).eq(SHELL) {
            return None;
        }
        let mut plain = Plain { words: Vec::new(), redirects: Vec::new() };
        let mut rest = command.trim_matches([' ', '\t', '\n']);
        while !rest.is_empty() {
            let direction = match rest.as_bytes() {
                [b'>', b'>', ..] => Some((Direction::Append, 2)),
                [b'>', ..] => Some((Direction::Out, 1)),
                [b'<', ..] => Some((Direction::In, 1)),
                _ => None,
            };
            if let Some((_, length)) = direction {
                rest = rest[length..].trim_start_matches([' ', '\t']);
            }
            let (word, after) = next_word(rest)?;
            match direction {
                Some((direction, _)) => plain.redirect(direction, word)?,
                None => plain.words.push(word),
            }
            // A redirection at once behind a word could be one of a number: `2>`.
            if after.starts_with(['<', '>']) {
                return None;
            }
            rest = after.trim_start_matches([' ', '\t']);
        }
        let program = plain.words.first()?;
        let is_own = OWN.binary_search(&&**program).is_ok() || OWN_MORE.contains(&&**program);
        (!program.is_empty() && !program.contains('=') && !is_own).then_some(plain)
    }

    fn redirect(&mut self, direction: Direction, file: Cow<'a, str>) -> Option<()> {
        let is_in = |direction| direction == Direction::In;
        let is_second = self.redirects.iter().any(|(known, _)| is_in(*known) == is_in(direction));
        self.redirects.push((direction, file));
        (!is_second).then_some(())
    }

    /// Opens the files as the shell would. `None`: it shall do that itself, and say what is wrong.
    pub(super) fn open(&self, dir: &Path) -> Option<Streams> {
        let mut streams = Streams { input: None, output: None };
        for (direction, file) in &self.redirects {
            let path = dir.join(&**file);
            // To open a pipe can take for ever.
            if path.metadata().is_ok_and(|found| !found.is_file()) {
                return None;
            }
            let mut options = OpenOptions::new();
            match direction {
                Direction::In => streams.input = Some(options.read(true).open(path).ok()?),
                Direction::Out => {
                    options.write(true).create(true).truncate(true);
                    streams.output = Some(options.open(path).ok()?);
                }
                Direction::Append => {
                    streams.output = Some(options.append(true).create(true).open(path).ok()?)
                }
            }
        }
        Some(streams)
    }

    pub(super) fn words(&self) -> Vec<Cow<'_, OsStr>> {
        self.words.iter().map(|word| Cow::Borrowed(OsStr::new(&**word))).collect()
    }
}

/// The word at the start of `text`, and what comes after it.
fn next_word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut word: Cow<'_, str> = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let plain = rest.find(|c: char| !is_plain(c)).unwrap_or(rest.len());
        append(&mut word, &rest[..plain]);
        rest = &rest[plain..];
        let quote = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quote,
            None | Some(' ' | '\t' | '<' | '>') if rest.len() < text.len() => return Some((word, rest)),
            _ => return None,
        };
        let inner = &rest[1..];
        let (quoted, after) = inner.split_once(quote)?;
        if quote == '"' && quoted.contains(['$', '`', '\\', '!']) {
            return None;
        }
        append(&mut word, quoted);
        rest = after;
    }
}

fn append<'a>(word: &mut Cow<'a, str>, more: &'a str) {
    if word.is_empty() {
        *word = Cow::Borrowed(more);
    } else if !more.is_empty() {
        word.to_mut().push_str(more);
    }
}

/// Whether the shell takes the character for itself anywhere in a word.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./:=+,@%-".contains(c) || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parsed = (Vec<String>, Vec<(Direction, String)>);

    fn parse(command: &str) -> Option<Parsed> {
        let shell: Vec<Arc<str>> = SHELL.map(Arc::from).to_vec();
        let plain = Plain::parse(&shell, command)?;
        let redirects = plain.redirects.into_iter().map(|(direction, file)| (direction, file.into_owned()));
        Some((plain.words.into_iter().map(Cow::into_owned).collect(), redirects.collect()))
    }

    fn words(command: &str) -> Option<Vec<String>> {
        parse(command).map(|(words, _)| words)
    }

    #[test]
    fn the_shells_own_words_are_sorted() {
        assert!(OWN.is_sorted());
    }

    #[test]
    fn plain_words_and_quotes_are_understood() {
        assert_eq!(words(" cp a/b.txt\t'x y'  \n").unwrap(), ["cp", "a/b.txt", "x y"]);
        assert_eq!(words("grep -c \"it's\" 'a'b\"c\" ''").unwrap(), ["grep", "-c", "it's", "abc", ""]);
        assert_eq!(words("./tool --k=v,w é 50%").unwrap(), ["./tool", "--k=v,w", "é", "50%"]);
    }

    #[test]
    fn files_are_taken_in_their_order() {
        let (words, files) = parse("sort -u < in.txt >'o ut'").unwrap();
        assert_eq!(words, ["sort", "-u"]);
        assert_eq!(files, [(Direction::In, "in.txt".into()), (Direction::Out, "o ut".into())]);
        assert_eq!(parse(">> log cat a").unwrap().1, [(Direction::Append, "log".into())]);
    }

    #[test]
    fn all_else_is_left_to_the_shell() {
        for command in [
            "",
            "a; b",
            "a\nb",
            "a | b",
            "a && b",
            "a &",
            "(a)",
            "a $X",
            "a \"$X\"",
            "a `b`",
            "a *.txt",
            "a ?",
            "a [b]",
            "a {b,c}",
            "a ~",
            "a ~/b",
            "a:~",
            "a # b",
            "a\\ b",
            "X=1 a",
            "X=1",
            "cd a",
            "test -e a",
            "[ a ]",
            "time a",
            "exit 3",
            ". a",
            "! a",
            "a 2> b",
            "a 2>&1",
            "a >& b",
            "a &> b",
            "a >| b",
            "a << b",
            "a <<< b",
            "a <(b)",
            "a > b > c",
            "a >",
            "a > $X",
            "'a",
            "a \"b",
            "a \"b!\"",
            "printf x > y",
            "echo a",
            "a <> b",
            "a> b",
            "\"\" a",
            "if a",
            "{ a",
            "a ^b",
            "export A=b",
            "a\rb",
            "a!b",
        ] {
            assert_eq!(parse(command), None, "{command}");
        }
        let shell: Vec<Arc<str>> = ["sh", "-c"].map(Arc::from).to_vec();
        assert_eq!(Plain::parse(&shell, "cp a b"), None);
    }

    /// What bash itself makes of plain commands, as far as it is there.
    #[test]
    fn bash_agrees_about_words() {
        let shell: Vec<Arc<str>> = SHELL.map(Arc::from).to_vec();
        let show = "printf '<%s>' \"$@\"";
        for arguments in
            ["a 'b c' \"d\"e'f'", "'' a=b x:y 50% +1 -- @f", "é\"ü ö\"", "a,b ./c ../d _e", "'$X' '`' '\\'"]
        {
            let command = format!("program {arguments}");
            let mut found = String::new();
            for word in &Plain::parse(&shell, &command).unwrap().words[1..] {
                found.push_str(&format!("<{word}>"));
            }
            let text = format!("f() {{ {show}; }}; f {arguments}");
            let Ok(bash) = std::process::Command::new("bash").args(["-c", &text]).output() else { return };
            assert_eq!(found, String::from_utf8(bash.stdout).unwrap(), "{arguments}");
        }
    }
}
