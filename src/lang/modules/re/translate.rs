//! Regular expressions of Python as those of the crate `regex`. Knows no values.
//!
//! The crate has no backtracking, which is why matching always ends in linear time; what only backtracking can
//! do (look-around, back references) is refused with its place in the pattern.

use crate::lang::raise::{Exc, Raise};
use std::sync::Arc;

pub(super) const IGNORECASE: i64 = 2;
pub(super) const MULTILINE: i64 = 8;
pub(super) const DOTALL: i64 = 16;
pub(super) const UNICODE: i64 = 32;
pub(super) const VERBOSE: i64 = 64;
pub(super) const ASCII: i64 = 256;

/// A pattern in the words of the crate.
pub(super) struct Translated {
    pub(super) source: String,
    /// All flags, those inside the pattern included.
    pub(super) flags: i64,
    /// The crate's number of each group of the author, the whole match first.
    pub(super) groups: Vec<usize>,
    pub(super) names: Vec<(Arc<str>, usize)>,
    /// Groups of ours: line ends that `$` looks past. A match ends before them.
    pub(super) line_ends: Vec<usize>,
}

pub(super) fn translate(pattern: &str, flags: i64) -> Result<Translated, Raise> {
    let chars: Vec<char> = pattern.chars().collect();
    let flags = flags | global_flags(&chars);
    let mut translator = Translator {
        chars: &chars,
        at: 0,
        out: String::new(),
        flags,
        open: Vec::new(),
        captures: 0,
        groups: vec![0],
        names: Vec::new(),
        line_ends: Vec::new(),
        repeatable: Repeatable::Nothing,
    };
    translator.run()?;
    let Translator { out, groups, names, line_ends, .. } = translator;
    let ignore = if flags & IGNORECASE != 0 { "(?i)" } else { "" };
    Ok(Translated { source: format!("{ignore}{out}"), flags, groups, names, line_ends })
}

/// `(?im)` at the start holds for the whole pattern.
fn global_flags(chars: &[char]) -> i64 {
    let mut flags = 0;
    if let ['(', '?', rest @ ..] = chars {
        for c in rest {
            match flag_of(*c) {
                Some(flag) => flags |= flag,
                None if *c == ')' => return flags,
                None => return 0,
            }
        }
    }
    0
}

fn flag_of(c: char) -> Option<i64> {
    Some(match c {
        'i' => IGNORECASE,
        'm' => MULTILINE,
        's' => DOTALL,
        'u' => UNICODE,
        'x' => VERBOSE,
        'a' => ASCII,
        _ => return None,
    })
}

#[derive(PartialEq)]
enum Repeatable {
    /// At the start of a group or alternative.
    Nothing,
    Item,
    /// After `*` and its like.
    Repeat,
}

struct Translator<'p> {
    chars: &'p [char],
    at: usize,
    out: String,
    flags: i64,
    /// The flags around each open group, and where it starts.
    open: Vec<(i64, usize)>,
    /// Groups of the crate so far.
    captures: usize,
    groups: Vec<usize>,
    names: Vec<(Arc<str>, usize)>,
    line_ends: Vec<usize>,
    repeatable: Repeatable,
}

impl Translator<'_> {
    fn bad(&self, message: &str, at: usize) -> Raise {
        let pattern: String = self.chars.iter().collect();
        Raise::new(
            Exc::RegexError,
            format!("{message} at position {at} of the regular expression `{pattern}`"),
        )
    }

    fn unsupported(&self, what: &str, at: usize, help: &str) -> Raise {
        let pattern: String = self.chars.iter().collect();
        let message =
            format!("{what} at position {at} of the regular expression `{pattern}` is not supported");
        Raise::unsupported(message, help)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn eat(&mut self, text: &str) -> bool {
        let fits = text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if fits {
            self.at += text.chars().count();
        }
        fits
    }

    fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    fn run(&mut self) -> Result<(), Raise> {
        while let Some(c) = self.next() {
            let start = self.at - 1;
            match c {
                c if self.has(VERBOSE) && " \t\n\r\x0b\x0c".contains(c) => continue,
                '#' if self.has(VERBOSE) => {
                    while self.next().is_some_and(|c| c != '\n') {}
                    continue;
                }
                '\\' => self.escape(start)?,
                '[' => self.class(start)?,
                '(' => {
                    self.group(start)?;
                    continue;
                }
                ')' => match self.open.pop() {
                    Some((flags, _)) => {
                        self.flags = flags;
                        self.out.push(')');
                    }
                    None => return Err(self.bad("unbalanced parenthesis", start)),
                },
                '|' => {
                    self.out.push('|');
                    self.repeatable = Repeatable::Nothing;
                    continue;
                }
                '*' | '+' | '?' => {
                    self.repeat(&c.to_string(), start)?;
                    continue;
                }
                '{' => match self.counts()? {
                    Some(counts) => {
                        self.repeat(&counts, start)?;
                        continue;
                    }
                    None => self.out.push_str("\\{"),
                },
                '^' if self.has(MULTILINE) => self.out.push_str("(?m:^)"),
                '^' => self.out.push_str("\\A"),
                '$' if self.has(MULTILINE) => self.out.push_str("(?m:$)"),
                '$' => {
                    // Also before a line end that is the last character.
                    self.captures += 1;
                    self.line_ends.push(self.captures);
                    self.out.push_str("(?:\\z|(\\n)\\z)");
                }
                '.' => self.out.push_str(if self.has(DOTALL) { "(?s:.)" } else { "." }),
                c => self.literal(c),
            }
            self.repeatable = Repeatable::Item;
        }
        match self.open.last() {
            Some((_, start)) => Err(self.bad("missing ), unterminated subpattern", *start)),
            None => Ok(()),
        }
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// `*`, `{2,3}` and their like, with `?` after them.
    fn repeat(&mut self, sign: &str, start: usize) -> Result<(), Raise> {
        match self.repeatable {
            Repeatable::Nothing => return Err(self.bad("nothing to repeat", start)),
            Repeatable::Repeat => return Err(self.bad("multiple repeat", start)),
            Repeatable::Item => {}
        }
        self.out.push_str(sign);
        match self.peek() {
            Some('?') => {
                self.at += 1;
                self.out.push('?');
            }
            Some('+') => {
                return Err(self.unsupported("a possessive quantifier", start, "leave out the second `+`"));
            }
            _ => {}
        }
        self.repeatable = Repeatable::Repeat;
        Ok(())
    }

    /// What follows a `{` when it is a number of repetitions; everything else stands for itself.
    fn counts(&mut self) -> Result<Option<String>, Raise> {
        let start = self.at;
        let number = |me: &mut Self| {
            let mut digits = String::new();
            while let Some(c) = me.peek().filter(char::is_ascii_digit) {
                digits.push(c);
                me.at += 1;
            }
            digits
        };
        let low = number(self);
        let high = if self.eat(",") { Some(number(self)) } else { None };
        if !self.eat("}") || (low.is_empty() && high.is_none()) {
            self.at = start;
            return Ok(None);
        }
        let low_text = if low.is_empty() { "0" } else { &low };
        let count = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        if let Some(high) = high.as_ref().filter(|high| !high.is_empty())
            && count(high) < count(low_text)
        {
            return Err(self.bad("min repeat greater than max repeat", start - 1));
        }
        Ok(Some(match high {
            None => format!("{{{low_text}}}"),
            Some(high) => format!("{{{low_text},{high}}}"),
        }))
    }

    /// What follows a `(`.
    fn group(&mut self, start: usize) -> Result<(), Raise> {
        self.repeatable = Repeatable::Nothing;
        if !self.eat("?") {
            self.open.push((self.flags, start));
            self.capture(None);
            return Ok(());
        }
        const LOOK: &str = "match more and take a group of it, or test in two steps: `re.search(a, x) and not re.search(b, x)`";
        match self.next() {
            Some(':') => {
                self.open.push((self.flags, start));
                self.out.push_str("(?:");
                Ok(())
            }
            Some('P') if self.eat("<") => {
                let name = self.name('>', start)?;
                self.open.push((self.flags, start));
                self.capture(Some(name));
                Ok(())
            }
            Some('P') if self.eat("=") => Err(self.back_reference(start)),
            Some('#') => {
                while let Some(c) = self.next() {
                    if c == ')' {
                        self.repeatable = Repeatable::Item;
                        return Ok(());
                    }
                }
                Err(self.bad("missing ), unterminated comment", start))
            }
            Some('=' | '!') => Err(self.unsupported("look-ahead", start, LOOK)),
            Some('<') if self.eat("=") || self.eat("!") => Err(self.unsupported("look-behind", start, LOOK)),
            Some('(') => Err(self.unsupported("a condition", start, "write the alternatives out: `a|b`")),
            Some('>') => Err(self.unsupported("an atomic group", start, "write `(?:` in place of `(?>`")),
            Some(c) if flag_of(c).is_some() || c == '-' || c == 'L' => {
                self.at -= 1;
                self.inline_flags(start)
            }
            _ => Err(self.bad("unknown extension", start)),
        }
    }

    fn back_reference(&self, start: usize) -> Raise {
        let help = "match both parts with groups and compare them: `m[1] == m[2]`";
        self.unsupported("a back reference", start, help)
    }

    fn capture(&mut self, name: Option<Arc<str>>) {
        self.captures += 1;
        self.groups.push(self.captures);
        self.names.extend(name.map(|name| (name, self.groups.len() - 1)));
        self.out.push('(');
    }

    fn name(&mut self, end: char, start: usize) -> Result<Arc<str>, Raise> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some(c) if c == end => break,
                Some(c) => name.push(c),
                None => return Err(self.bad("missing >, unterminated name", start)),
            }
        }
        let mut chars = name.chars();
        let first = chars.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c));
        if !first || !chars.all(unicode_ident::is_xid_continue) {
            return Err(self.bad(&format!("bad character in group name `{name}`"), start));
        }
        let name: Arc<str> = name.into();
        if self.names.iter().any(|(known, _)| *known == name) {
            return Err(self.bad(&format!("redefinition of group name `{name}`"), start));
        }
        Ok(name)
    }

    /// `(?i)` or `(?i-s:`, from the first flag.
    fn inline_flags(&mut self, start: usize) -> Result<(), Raise> {
        let (mut on, mut off, mut minus) = (0, 0, false);
        loop {
            match self.next() {
                Some(')') if !minus && start == 0 => {
                    // Taken into account for the whole pattern.
                    self.repeatable = Repeatable::Nothing;
                    return Ok(());
                }
                Some(')') => return Err(self.bad("global flags not at the start of the expression", start)),
                Some(':') => break,
                Some('-') if !minus => minus = true,
                Some(c) => match flag_of(c) {
                    Some(flag) if minus => off |= flag,
                    Some(flag) => on |= flag,
                    None => return Err(self.bad("unknown flag", start)),
                },
                None => return Err(self.bad("missing -, : or )", start)),
            }
        }
        self.open.push((self.flags, start));
        self.flags = (self.flags | on) & !off;
        self.out.push_str(match (on & IGNORECASE != 0, off & IGNORECASE != 0) {
            (_, true) => "(?-i:",
            (true, _) => "(?i:",
            _ => "(?:",
        });
        Ok(())
    }

    /// `\d`, `\w` and their like inside and outside of a class; `None` when it is no class.
    fn shorthand(&self, c: char, inside: bool) -> Option<String> {
        let (positive, ranges) = match c.to_ascii_lowercase() {
            'd' if self.has(ASCII) => (c == 'd', "0-9"),
            's' if self.has(ASCII) => (c == 's', " \\t\\n\\r\\x0b\\x0c"),
            'w' if self.has(ASCII) => (c == 'w', "a-zA-Z0-9_"),
            'd' => (c == 'd', "\\p{Nd}"),
            's' => (c == 's', "\\s\\x1c-\\x1f"),
            'w' => (c == 'w', "\\p{L}\\p{N}_"),
            _ => return None,
        };
        Some(match (positive, inside) {
            (true, true) => ranges.to_string(),
            (true, false) => format!("[{ranges}]"),
            (false, _) => format!("[^{ranges}]"),
        })
    }

    /// What follows a `\`, outside of a class.
    fn escape(&mut self, start: usize) -> Result<(), Raise> {
        let Some(c) = self.next() else { return Err(self.bad("bad escape (end of pattern)", start)) };
        if let Some(class) = self.shorthand(c, false) {
            self.out.push_str(&class);
            return Ok(());
        }
        match c {
            'A' => self.out.push_str("\\A"),
            'Z' => self.out.push_str("\\z"),
            'b' if self.has(ASCII) => self.out.push_str("(?-u:\\b)"),
            'B' if self.has(ASCII) => self.out.push_str("(?-u:\\B)"),
            'b' => self.out.push_str("\\b"),
            'B' => self.out.push_str("\\B"),
            '1'..='9' => {
                let digits: Vec<char> = self.chars[self.at - 1..].iter().take(3).copied().collect();
                let octal =
                    digits.len() == 3 && digits[0] <= '3' && digits.iter().all(|d| ('0'..='7').contains(d));
                if !octal {
                    return Err(self.back_reference(start));
                }
                self.at -= 1;
                let c = self.octal();
                self.literal(c);
            }
            c => {
                let c = self.character(c, start)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    fn octal(&mut self) -> char {
        let mut code = 0;
        for _ in 0..3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.at += 1;
        }
        char::from_u32(code).unwrap_or('\0')
    }

    /// The character that an escape means, inside and outside of a class.
    fn character(&mut self, c: char, start: usize) -> Result<char, Raise> {
        let digits = match c {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'f' => return Ok('\x0c'),
            'v' => return Ok('\x0b'),
            'a' => return Ok('\x07'),
            '0' => {
                self.at -= 1;
                return Ok(self.octal());
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c if c.is_ascii_alphanumeric() => return Err(self.bad(&format!("bad escape \\{c}"), start)),
            c => return Ok(c),
        };
        let text: String = self.chars[self.at.min(self.chars.len())..].iter().take(digits).collect();
        let plain = text.len() == digits && text.chars().all(|c| c.is_ascii_hexdigit());
        let code = if plain { u32::from_str_radix(&text, 16).ok() } else { None };
        let Some(found) = code.and_then(char::from_u32) else {
            return Err(self.bad(&format!("incomplete escape \\{c}{text}"), start));
        };
        self.at += digits;
        Ok(found)
    }

    /// What follows a `[`.
    fn class(&mut self, start: usize) -> Result<(), Raise> {
        let mut inside = String::new();
        let negated = self.eat("^");
        let mut first = true;
        loop {
            let Some(c) = self.next() else { return Err(self.bad("unterminated character set", start)) };
            if c == ']' && !first {
                break;
            }
            first = false;
            let low = self.class_item(c)?;
            let range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
            if !range {
                inside.push_str(&low.text());
                continue;
            }
            let dash = self.at;
            self.at += 1;
            let high = match self.next() {
                Some(c) => self.class_item(c)?,
                None => return Err(self.bad("unterminated character set", start)),
            };
            match (&low, &high) {
                (ClassItem::Char(a), ClassItem::Char(b)) if a <= b => {
                    inside.push_str(&format!("{}-{}", low.text(), high.text()));
                }
                _ => return Err(self.bad("bad character range", dash - 1)),
            }
        }
        self.out.push_str(&format!("[{}{inside}]", if negated { "^" } else { "" }));
        Ok(())
    }

    fn class_item(&mut self, c: char) -> Result<ClassItem, Raise> {
        if c != '\\' {
            return Ok(ClassItem::Char(c));
        }
        let start = self.at - 1;
        let Some(c) = self.next() else { return Err(self.bad("bad escape (end of pattern)", start)) };
        if let Some(class) = self.shorthand(c, true) {
            return Ok(ClassItem::Class(class));
        }
        match c {
            'b' => Ok(ClassItem::Char('\x08')),
            '0'..='7' => {
                self.at -= 1;
                Ok(ClassItem::Char(self.octal()))
            }
            c => self.character(c, start).map(ClassItem::Char),
        }
    }
}

enum ClassItem {
    Char(char),
    Class(String),
}

impl ClassItem {
    fn text(&self) -> String {
        match self {
            ClassItem::Char(c) if c.is_alphanumeric() || *c == '_' => c.to_string(),
            ClassItem::Char(c) => format!("\\x{{{:x}}}", u32::from(*c)),
            ClassItem::Class(class) => class.clone(),
        }
    }
}
