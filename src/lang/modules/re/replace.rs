//! What `re.sub` puts in place of a match: `\1`, `\g<name>`, `\n`.

use super::compiled::{Compiled, Spans};
use crate::lang::raise::{Exc, Raise};
use crate::lang::vm::Vm;

enum Piece {
    Text(String),
    Group(usize),
}

pub(super) struct Replacement(Vec<Piece>);

impl Replacement {
    pub(super) fn parse(template: &str, pattern: &Compiled) -> Result<Replacement, Raise> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template.chars().peekable();
        while let Some(c) = rest.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            let bad =
                |what: String| Raise::new(Exc::RegexError, format!("{what} in the replacement `{template}`"));
            let group = match rest.next() {
                Some('g') => {
                    if rest.next() != Some('<') {
                        return Err(bad("missing < after \\g".into()));
                    }
                    let name: String = rest.by_ref().take_while(|c| *c != '>').collect();
                    Some(name)
                }
                Some('0') => {
                    let mut code = 0;
                    for _ in 0..2 {
                        let Some(digit) = rest.peek().and_then(|c| c.to_digit(8)) else { break };
                        code = code * 8 + digit;
                        rest.next();
                    }
                    text.extend(char::from_u32(code));
                    None
                }
                Some(digit @ '1'..='9') => {
                    let mut number = digit.to_string();
                    number.extend(rest.next_if(char::is_ascii_digit));
                    Some(number)
                }
                Some('n') => {
                    text.push('\n');
                    None
                }
                Some('t') => {
                    text.push('\t');
                    None
                }
                Some('r') => {
                    text.push('\r');
                    None
                }
                Some('f') => {
                    text.push('\x0c');
                    None
                }
                Some('v') => {
                    text.push('\x0b');
                    None
                }
                Some('a') => {
                    text.push('\x07');
                    None
                }
                Some('\\') => {
                    text.push('\\');
                    None
                }
                Some(c) if c.is_ascii_alphabetic() => return Err(bad(format!("bad escape \\{c}"))),
                Some(c) => {
                    text.extend(['\\', c]);
                    None
                }
                None => return Err(bad("bad escape (end of pattern)".into())),
            };
            let Some(name) = group else { continue };
            let number = match name.parse::<usize>() {
                Ok(number) if number <= pattern.groups() => number,
                Ok(number) => return Err(bad(format!("invalid group reference {number}"))),
                Err(_) => match pattern.names().iter().find(|(known, _)| **known == *name) {
                    Some((_, number)) => *number,
                    None => {
                        let raise = Raise::new(Exc::IndexError, format!("unknown group name `{name}`"));
                        return Err(raise.did_you_mean(&name, pattern.names().iter().map(|(n, _)| &**n)));
                    }
                },
            };
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Group(number));
        }
        pieces.push(Piece::Text(text));
        Ok(Replacement(pieces))
    }

    pub(super) fn apply(
        &self,
        vm: &mut Vm,
        string: &str,
        spans: &Spans,
        out: &mut String,
    ) -> Result<(), Raise> {
        vm.budget.spend(1 + self.0.len() as u64 / 8)?;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(number) => {
                    let span = spans.get(*number).copied().flatten();
                    out.push_str(span.and_then(|(start, end)| string.get(start..end)).unwrap_or(""));
                }
            }
        }
        Ok(())
    }
}
