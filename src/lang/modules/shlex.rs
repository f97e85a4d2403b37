//! The module `shlex`: texts as a shell takes them apart.

use super::ModuleDef;
use crate::lang::builtins::args::text;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "shlex",
    functions: &[
        Builtin { name: "join", call: join },
        Builtin { name: "quote", call: quote },
        Builtin { name: "split", call: split },
    ],
    values: super::no_values,
    refused: &[("shlex", "use `shlex.split(text)`")],
};

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match word {
        "" => "''".into(),
        word if word.chars().all(plain) => word.into(),
        word => format!("'{}'", word.replace('\'', "'\"'\"'")),
    }
}

fn quote(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let word = text(&args.one("quote")?, "quote")?;
    vm.budget.allocate(5 * word.len() as u64)?;
    Ok(quoted(&word).into())
}

fn join(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut words = Vec::new();
    for word in vm.collect(&args.one("join")?)? {
        let word = text(&word, "join")?;
        vm.budget.allocate(5 * word.len() as u64)?;
        words.push(quoted(&word));
    }
    Ok(words.join(" ").into())
}

fn split(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [line, comments, _] = args.take("split", ["s", "comments", "posix"], 1)?;
    let line = text(&line.unwrap_or(Value::None), "split")?;
    let comments = comments.is_some_and(|value| value.truth());
    vm.budget.allocate(16 * line.len() as u64)?;
    let mut words: Vec<Value> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') | (None, '\\') => {
                let next = chars.next().ok_or_else(|| Raise::value_error("No escaped character"))?;
                let word = word.get_or_insert_default();
                if quote.is_some() && next != '"' && next != '\\' {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take().map(Value::from)),
            (None, '#') if comments => {
                words.extend(word.take().map(Value::from));
                while chars.next().is_some_and(|c| c != '\n') {}
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Raise::value_error("No closing quotation"));
    }
    words.extend(word.map(Value::from));
    Ok(Value::list(words))
}
