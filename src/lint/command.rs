//! The words of a shell command, as far as they are the same in every job.
//!
//! A reader, not a shell: it knows quotes, comments, redirections and here-documents. A word that holds a value of the
//! job or of the shell is not given.

use crate::model::template::{Part, Root, Template};
use crate::model::value::Value;

/// A literal word of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    /// The program that it is given to; empty for that program itself.
    pub(super) program: String,
    /// It is written to: the target of `>`, the value of `-o`.
    pub(super) written: bool,
}

/// Words that a program may follow.
const KEYWORDS: [&str; 14] = [
    "!", "do", "elif", "else", "env", "exec", "if", "nice", "nohup", "sudo", "then", "time", "until", "while",
];

/// The words of a command, up to a `cd`: then paths start from somewhere else.
pub(super) fn words(template: &Template) -> Vec<Word> {
    let mut reader = Reader::default();
    for part in &template.parts {
        match part {
            Part::Text(text) => text.chars().for_each(|c| reader.char(c)),
            Part::Field(field) => match (&field.root, &*field.access) {
                // A name of the Rulefile: the text stands in the command as it is.
                (Root::Constant(Value::Str(text)), []) => text.chars().for_each(|c| reader.char(c)),
                _ => {
                    reader.open = true;
                    reader.has_word = true;
                }
            },
        }
    }
    reader.end_command();
    reader.words
}

#[derive(Default)]
struct Reader {
    words: Vec<Word>,
    word: String,
    has_word: bool,
    /// The word holds something that is not known.
    open: bool,
    quote: Option<char>,
    escaped: bool,
    comment: bool,
    program: Option<String>,
    /// The word is the value of a variable.
    assigned: bool,
    /// The next word is the target of a redirection.
    written: bool,
    /// How many `<` stand before this place.
    less: usize,
    heredoc: Heredoc,
    moved: bool,
}

/// `<<END` up to the line `END`.
#[derive(Default)]
enum Heredoc {
    #[default]
    None,
    /// The next word says how it ends.
    Named,
    /// It begins with the next line.
    Pending(String),
    /// The line that is being read.
    Body(String, String),
}

impl Reader {
    fn char(&mut self, c: char) {
        if let Heredoc::Body(end, line) = &mut self.heredoc {
            if c != '\n' {
                line.push(c);
            } else if line.trim_matches(['\t', ' ', '\r']) == end {
                self.heredoc = Heredoc::None;
            } else {
                line.clear();
            }
            return;
        }
        if std::mem::take(&mut self.escaped) {
            match c {
                // The line goes on.
                '\n' if self.quote.is_none() => self.end_word(),
                c => self.push(c),
            }
            return;
        }
        if self.comment {
            if c == '\n' {
                self.comment = false;
                self.end_line();
            }
            return;
        }
        match (self.quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => self.quote = None,
            (Some('\''), c) => self.push(c),
            (_, '\\') => self.escaped = true,
            (_, '$' | '`') => {
                self.open = true;
                self.has_word = true;
            }
            (Some(_), c) => self.push(c),
            (None, '\'' | '"') => {
                self.quote = Some(c);
                self.has_word = true;
            }
            (None, '#') if !self.has_word => self.comment = true,
            (None, c) => self.plain(c),
        }
    }

    fn plain(&mut self, c: char) {
        let less = std::mem::take(&mut self.less);
        match c {
            '\n' => self.end_line(),
            // `NAME=value program`
            '=' if self.program.is_none() && is_name(&self.word) => {
                self.forget();
                self.assigned = true;
            }
            ' ' | '\t' | '\r' | '=' | ',' => self.end_word(),
            '&' if self.written && !self.has_word => {}
            ';' | '|' | '&' | '(' | ')' => self.end_command(),
            '>' => {
                // The `2` of `2>` is no word.
                if self.word.chars().all(|c| c.is_ascii_digit()) {
                    self.forget();
                }
                self.end_word();
                self.written = true;
            }
            '<' => {
                self.end_word();
                self.less = less + 1;
                self.heredoc = if self.less == 2 { Heredoc::Named } else { Heredoc::None };
            }
            '*' | '?' | '[' | ']' | '{' | '}' | '~' | '!' => {
                self.open = true;
                self.push(c);
            }
            c => self.push(c),
        }
    }

    fn push(&mut self, c: char) {
        self.has_word = true;
        self.word.push(c);
    }

    fn forget(&mut self) {
        self.word.clear();
        self.has_word = false;
        self.open = false;
    }

    fn end_word(&mut self) {
        if !self.has_word {
            return;
        }
        let text = std::mem::take(&mut self.word);
        // Alone it is no pattern for names of files.
        let open = std::mem::take(&mut self.open) && !matches!(&*text, "[" | "[[" | "!");
        let written = std::mem::take(&mut self.written);
        self.has_word = false;
        if let Heredoc::Named = self.heredoc {
            self.heredoc = Heredoc::Pending(text);
            return;
        }
        let assigned = std::mem::take(&mut self.assigned);
        let is_program = self.program.is_none() && !written && !assigned && !KEYWORDS.contains(&&*text);
        if is_program {
            self.moved |= matches!(&*text, "cd" | "pushd");
        }
        let program = self.program.clone().unwrap_or_default();
        if !open && !self.moved {
            self.words.push(Word { text: text.clone(), program, written });
        }
        if is_program {
            self.program = Some(text);
        } else if matches!(&*text, "-o" | "--output" | "--out" | "-O") {
            self.written = true;
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.program = None;
        self.written = false;
    }

    fn end_line(&mut self) {
        self.end_command();
        if let Heredoc::Pending(end) = &mut self.heredoc {
            self.heredoc = Heredoc::Body(std::mem::take(end), String::new());
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let words = words(&Template::parse(text).unwrap());
        let shown = words.iter().map(|word| format!("{}{}", if word.written { ">" } else { "" }, word.text));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_those_of_the_shell() {
        assert_eq!(found("cat a.txt 'b c.txt' \"d\".txt e\\ f"), "cat a.txt b c.txt d.txt e f");
        assert_eq!(found("a --ref=b.fa,c.fa;d|e&&f (g)"), "a --ref b.fa c.fa d e f g");
        assert_eq!(found("a b # c d\ne"), "a b e");
        assert_eq!(found("a \\\n  b"), "a b");
        assert_eq!(found("cat <<END\nx y\nEND\nb"), "cat b");
        assert_eq!(found("cat <<< x < y"), "cat x y");
    }

    #[test]
    fn what_is_written_is_told_apart() {
        assert_eq!(found("a b > c 2> d &> e >> f 2>&1 g"), "a b >c >d >e >f >1 g");
        assert_eq!(found("sort -o out.txt in.txt"), "sort -o >out.txt in.txt");
    }

    #[test]
    fn words_with_unknown_parts_are_left_out() {
        assert_eq!(found("a $b.txt c/{input} *.txt ${{x}}/y `z` ~/w 'k'"), "a k");
        assert_eq!(found("a b; cd c && d e.txt"), "a b");
    }

    #[test]
    fn a_word_knows_its_program() {
        let words =
            words(&Template::parse("rm -f a.txt && X=1 awk -f b.awk; if [ -f c ]; then d e; fi").unwrap());
        let of = |text: &str| words.iter().find(|word| word.text == text).unwrap().program.clone();
        assert_eq!((of("a.txt").as_str(), of("rm").as_str(), of("b.awk").as_str()), ("rm", "", "awk"));
        assert_eq!((of("c").as_str(), of("e").as_str()), ("[", "d"));
    }
}
