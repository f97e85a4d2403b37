//! The module `fnmatch`: shell patterns for names.

use super::ModuleDef;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "fnmatch",
    functions: &[
        Builtin { name: "filter", call: filter },
        Builtin { name: "fnmatch", call: one },
        Builtin { name: "fnmatchcase", call: one },
    ],
    values: super::no_values,
    refused: &[("translate", "use `fnmatch.fnmatch`, or write a regular expression for `re`")],
};

fn one(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [name, pattern] = args.take("fnmatch", ["name", "pat"], 2)?;
    let name = path(&name.unwrap_or(Value::None), "fnmatch")?;
    let pattern = Pattern::new(&path(&pattern.unwrap_or(Value::None), "fnmatch")?);
    pattern.matches(vm, &name).map(Value::Bool)
}

fn filter(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [names, pattern] = args.take("filter", ["names", "pat"], 2)?;
    let pattern = Pattern::new(&path(&pattern.unwrap_or(Value::None), "filter")?);
    let mut kept = Vec::new();
    for name in vm.collect(&names.unwrap_or(Value::None))? {
        if pattern.matches(vm, &path(&name, "filter")?)? {
            kept.push(name);
        }
    }
    Ok(Value::list(kept))
}

enum Token {
    Char(char),
    /// `?`
    Any,
    /// `*`
    Many,
    /// `[a-z]`, `[!a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// `*`, `?`, `[...]`, `[!...]`; everything else stands for itself.
pub(crate) struct Pattern(Vec<Token>);

impl Pattern {
    pub(crate) fn new(text: &str) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let class = if chars[at] == '[' { class(&chars[at + 1..]) } else { None };
            match (chars[at], class) {
                ('[', Some((token, length))) => {
                    tokens.push(token);
                    at += length;
                }
                ('*', _) if matches!(tokens.last(), Some(Token::Many)) => {}
                ('*', _) => tokens.push(Token::Many),
                ('?', _) => tokens.push(Token::Any),
                (c, _) => tokens.push(Token::Char(c)),
            }
            at += 1;
        }
        Pattern(tokens)
    }

    /// Whether the whole name fits: back to the last `*` only, so never more than length times length steps.
    pub(crate) fn matches(&self, vm: &mut Vm, name: &str) -> Result<bool, Raise> {
        let chars: Vec<char> = name.chars().collect();
        vm.budget.spend(1 + (chars.len() as u64 * self.0.len() as u64) / 64)?;
        let (mut at, mut token) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < chars.len() {
            match self.0.get(token) {
                Some(Token::Many) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                Some(fixed) if fixed.fits(chars[at]) => {
                    at += 1;
                    token += 1;
                    continue;
                }
                _ => {}
            }
            let Some((many, from)) = star else { return Ok(false) };
            star = Some((many, from + 1));
            at = from + 1;
            token = many + 1;
        }
        Ok(self.0[token..].iter().all(|token| matches!(token, Token::Many)))
    }
}

impl Token {
    fn fits(&self, c: char) -> bool {
        match self {
            Token::Char(wanted) => c == *wanted,
            Token::Any => true,
            Token::Many => false,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// What follows a `[`, and how many characters it has with the `]`; `None` when it is not closed.
fn class(chars: &[char]) -> Option<(Token, usize)> {
    let negated = chars.first() == Some(&'!');
    let start = usize::from(negated);
    // A `]` that comes first stands for itself.
    let end = start + 1 + chars.get(start + 1..)?.iter().position(|c| *c == ']')?;
    let inside = &chars[start..end];
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < inside.len() {
        match inside[at..] {
            [low, '-', high, ..] => {
                ranges.push((low, high));
                at += 3;
            }
            _ => {
                ranges.push((inside[at], inside[at]));
                at += 1;
            }
        }
    }
    Some((Token::Class { negated, ranges }, end + 1))
}
