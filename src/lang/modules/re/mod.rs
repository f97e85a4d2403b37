//! The module `re`, on the crate `regex`.

mod compiled;
mod expression;
mod found;
mod replace;
mod translate;

pub(crate) use compiled::RegexStore;
pub(crate) use expression::{Expression, Reach, Template};

use self::compiled::{Anchor, Compiled, Spans};
use self::found::Match;
use self::replace::Replacement;
use super::{HostType, ModuleDef};
use crate::lang::builtins::args::{int, optional_int, text, wrong};
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, DictMap, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "re",
    functions: &[
        Builtin {
            name: "compile",
            call: |vm, args| {
                let [pattern, flags] = args.take("compile", ["pattern", "flags"], 1)?;
                Ok(Value::object(Pattern(compiled(vm, pattern, flags)?)))
            },
        },
        Builtin { name: "escape", call: escape },
        Builtin { name: "findall", call: |vm, args| with_flags(vm, args, "findall", &["string"], findall) },
        Builtin {
            name: "finditer",
            call: |vm, args| with_flags(vm, args, "finditer", &["string"], finditer),
        },
        Builtin {
            name: "fullmatch",
            call: |vm, args| {
                with_flags(vm, args, "fullmatch", &["string"], |vm, p, a| search(vm, p, a, Anchor::Both))
            },
        },
        Builtin {
            name: "match",
            call: |vm, args| {
                with_flags(vm, args, "match", &["string"], |vm, p, a| search(vm, p, a, Anchor::Start))
            },
        },
        Builtin { name: "purge", call: |_, args| args.none("purge").map(|()| Value::None) },
        Builtin {
            name: "search",
            call: |vm, args| {
                with_flags(vm, args, "search", &["string"], |vm, p, a| search(vm, p, a, Anchor::None))
            },
        },
        Builtin {
            name: "split",
            call: |vm, args| with_flags(vm, args, "split", &["string", "maxsplit"], split),
        },
        Builtin {
            name: "sub",
            call: |vm, args| {
                with_flags(vm, args, "sub", &["repl", "string", "count"], |vm, p, a| sub(vm, p, a, false))
            },
        },
        Builtin {
            name: "subn",
            call: |vm, args| {
                with_flags(vm, args, "subn", &["repl", "string", "count"], |vm, p, a| sub(vm, p, a, true))
            },
        },
    ],
    values: || {
        let flags = [
            (["I", "IGNORECASE"], translate::IGNORECASE),
            (["M", "MULTILINE"], translate::MULTILINE),
            (["S", "DOTALL"], translate::DOTALL),
            (["U", "UNICODE"], translate::UNICODE),
            (["X", "VERBOSE"], translate::VERBOSE),
            (["A", "ASCII"], translate::ASCII),
        ];
        let flags = flags.into_iter().flat_map(|(names, flag)| names.map(|name| (name, Value::Int(flag))));
        let types = [
            ("Match", Value::Type(Type::Host(&found::MATCH))),
            ("NOFLAG", Value::Int(0)),
            ("Pattern", Value::Type(Type::Host(&PATTERN))),
            ("error", Value::Type(Type::Exception(Exc::RegexError))),
        ];
        flags.chain(types).collect()
    },
    refused: &[
        ("LOCALE", "patterns know all letters: leave it out"),
        ("L", "patterns know all letters: leave it out"),
    ],
};

static PATTERN: HostType = HostType {
    name: "re.Pattern",
    methods: &[
        Method { name: "findall", call: |vm, me, args| findall(vm, this(me)?, args) },
        Method { name: "finditer", call: |vm, me, args| finditer(vm, this(me)?, args) },
        Method { name: "fullmatch", call: |vm, me, args| search(vm, this(me)?, args, Anchor::Both) },
        Method { name: "match", call: |vm, me, args| search(vm, this(me)?, args, Anchor::Start) },
        Method { name: "search", call: |vm, me, args| search(vm, this(me)?, args, Anchor::None) },
        Method { name: "split", call: |vm, me, args| split(vm, this(me)?, args) },
        Method { name: "sub", call: |vm, me, args| sub(vm, this(me)?, args, false) },
        Method { name: "subn", call: |vm, me, args| sub(vm, this(me)?, args, true) },
    ],
    ..HostType::PLAIN
};

/// `re.compile(...)`
#[derive(Debug)]
struct Pattern(Arc<Compiled>);

impl Object for Pattern {
    fn type_name(&self) -> &'static str {
        PATTERN.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&PATTERN)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "flags" => Some(Value::Int(self.0.flags | translate::UNICODE)),
            "groupindex" => {
                let pairs = self
                    .0
                    .names()
                    .iter()
                    .map(|(name, group)| (Key::text(name.clone()), Value::Int(*group as i64)));
                Some(Value::dict(pairs.collect::<DictMap>()))
            }
            "groups" => Some(Value::Int(self.0.groups() as i64)),
            "pattern" => Some(Value::Str(self.0.pattern.clone())),
            _ => None,
        })
    }

    fn repr(&self) -> String {
        format!("re.compile({})", Value::Str(self.0.pattern.clone()).repr())
    }

    fn stand_in(&self) -> Option<Value> {
        Some(Value::tuple(vec![Value::Str(self.0.pattern.clone()), Value::Int(self.0.flags)]))
    }
}

fn this(me: &Value) -> Result<&Arc<Compiled>, Raise> {
    me.downcast::<Pattern>().map(|pattern| &pattern.0).ok_or_else(|| wrong(me, "re", "a pattern"))
}

/// The pattern of an argument: a text or a compiled one.
fn compiled(vm: &mut Vm, pattern: Option<Value>, flags: Option<Value>) -> Result<Arc<Compiled>, Raise> {
    let pattern = pattern.unwrap_or(Value::None);
    let flags = flags.map_or(Ok(0), |flags| int(&flags, "flags"))?;
    if let Some(known) = pattern.downcast::<Pattern>() {
        return match flags {
            0 => Ok(known.0.clone()),
            _ => Err(Raise::value_error("cannot process flags argument with a compiled pattern")),
        };
    }
    let source = text(&pattern, "re")?;
    vm.budget.spend(source.len() as u64 / 4)?;
    vm.regexes().get(&source, flags)
}

type Work = fn(&mut Vm, &Arc<Compiled>, Args) -> Result<Value, Raise>;

/// `re.work(pattern, ..., flags)`
fn with_flags(vm: &mut Vm, args: Args, name: &str, rest: &[&str], work: Work) -> Result<Value, Raise> {
    let Args { positional, named } = args;
    let mut positional = positional.into_iter();
    let mut pattern = positional.next();
    let inner: Vec<Value> = positional.by_ref().take(rest.len()).collect();
    let mut flags = positional.next();
    if positional.next().is_some() {
        return Err(Raise::type_error(format!("`{name}` takes at most {} arguments", rest.len() + 2)));
    }
    let mut others = Vec::new();
    for (key, value) in named {
        match &*key {
            "pattern" if pattern.is_none() => pattern = Some(value),
            "flags" if flags.is_none() => flags = Some(value),
            _ => others.push((key, value)),
        }
    }
    if pattern.is_none() {
        return Err(Raise::type_error(format!("`{name}` needs a pattern")));
    }
    let compiled = compiled(vm, pattern, flags)?;
    work(vm, &compiled, Args { positional: inner, named: others })
}

/// Byte offset of a character position, as `pos` and `endpos` have it.
fn offset(text: &str, at: Option<i64>, default: usize) -> usize {
    match at {
        None => default,
        Some(at) => {
            let at = usize::try_from(at).unwrap_or(0);
            if text.is_ascii() {
                at.min(text.len())
            } else {
                text.char_indices().nth(at).map_or(text.len(), |(at, _)| at)
            }
        }
    }
}

fn search(vm: &mut Vm, pattern: &Arc<Compiled>, args: Args, anchor: Anchor) -> Result<Value, Raise> {
    let [string, from, to] = args.take("search", ["string", "pos", "endpos"], 1)?;
    let string = subject(&string.unwrap_or(Value::None))?;
    vm.budget.spend(1 + string.len() as u64 / 64)?;
    let from = offset(&string, optional_int(from.as_ref(), "search")?, 0);
    let to = offset(&string, optional_int(to.as_ref(), "search")?, string.len());
    if from > to {
        return Ok(Value::None);
    }
    Ok(match pattern.find(&string[..to], from, anchor) {
        Some(spans) => Value::object(Match::new(pattern, &string, spans)),
        None => Value::None,
    })
}

/// The text that is searched.
fn subject(value: &Value) -> Result<Arc<str>, Raise> {
    text(value, "re").map_err(|raise| match value {
        Value::None => raise.help("is the value missing? Test it before: `if x is not None`"),
        _ => raise.help("make a text of it: `str(x)`"),
    })
}

fn only_string(args: Args, name: &str) -> Result<Arc<str>, Raise> {
    let [string] = args.take(name, ["string"], 1)?;
    subject(&string.unwrap_or(Value::None))
}

fn part(text: &str, span: Option<(usize, usize)>) -> Option<Value> {
    span.and_then(|(start, end)| text.get(start..end)).map(Value::from)
}

fn findall(vm: &mut Vm, pattern: &Arc<Compiled>, args: Args) -> Result<Value, Raise> {
    let string = only_string(args, "findall")?;
    all_found(vm, pattern, &string).map(Value::list)
}

/// What `findall` gives: matches, their only group, or their groups.
fn all_found(vm: &mut Vm, pattern: &Compiled, string: &str) -> Result<Vec<Value>, Raise> {
    let mut items = Vec::new();
    pattern.each(vm, string, |vm, spans| {
        vm.budget.allocate(64 * spans.len() as u64)?;
        let text = |span: &Option<(usize, usize)>| part(string, *span).unwrap_or_else(|| "".into());
        items.push(match spans.as_slice() {
            [one] | [_, one] => text(one),
            [_, groups @ ..] => Value::tuple(groups.iter().map(text).collect()),
            [] => Value::None,
        });
        Ok(true)
    })?;
    Ok(items)
}

fn finditer(vm: &mut Vm, pattern: &Arc<Compiled>, args: Args) -> Result<Value, Raise> {
    let string = only_string(args, "finditer")?;
    let mut items = Vec::new();
    pattern.each(vm, &string, |vm, spans| {
        vm.budget.allocate(64)?;
        items.push(Value::object(Match::new(pattern, &string, spans)));
        Ok(true)
    })?;
    Ok(Value::iterator("callable_iterator", items))
}

fn split(vm: &mut Vm, pattern: &Arc<Compiled>, args: Args) -> Result<Value, Raise> {
    let [string, most] = args.take("split", ["string", "maxsplit"], 1)?;
    let string = subject(&string.unwrap_or(Value::None))?;
    let most = optional_int(most.as_ref(), "split")?.unwrap_or(0);
    split_text(vm, pattern, &string, most).map(Value::list)
}

fn split_text(vm: &mut Vm, pattern: &Compiled, string: &str, most: i64) -> Result<Vec<Value>, Raise> {
    let mut items = Vec::new();
    let (mut at, mut count) = (0, 0);
    if most >= 0 {
        pattern.each(vm, string, |vm, spans| {
            let Some((start, end)) = spans.first().copied().flatten() else { return Ok(false) };
            vm.budget.allocate(64 * spans.len() as u64)?;
            items.push(Value::from(&string[at..start]));
            items.extend(spans[1..].iter().map(|span| part(string, *span).unwrap_or(Value::None)));
            at = end;
            count += 1;
            Ok(most == 0 || count < most)
        })?;
    }
    items.push(Value::from(&string[at..]));
    Ok(items)
}

fn sub(vm: &mut Vm, pattern: &Arc<Compiled>, args: Args, counted: bool) -> Result<Value, Raise> {
    let [by, string, most] = args.take("sub", ["repl", "string", "count"], 2)?;
    let by = by.unwrap_or(Value::None);
    let string = subject(&string.unwrap_or(Value::None))?;
    let most = optional_int(most.as_ref(), "sub")?.unwrap_or(0);
    let (out, count) = if by.is_callable() {
        substituted(vm, pattern, &string, most, |vm, spans, out| {
            let found = Value::object(Match::new(pattern, &string, spans.clone()));
            let value = vm.call_value(&by, Args::positional(vec![found]), None)?;
            out.push_str(&text(&value, "sub")?);
            Ok(())
        })?
    } else {
        let template = Replacement::parse(&text(&by, "sub")?, pattern)?;
        substituted(vm, pattern, &string, most, |vm, spans, out| template.apply(vm, &string, spans, out))?
    };
    let text = Value::from(out);
    Ok(if counted { Value::tuple(vec![text, Value::Int(count)]) } else { text })
}

/// The text with something else in place of the matches, and how many there were.
fn substituted(
    vm: &mut Vm,
    pattern: &Compiled,
    string: &str,
    most: i64,
    mut put: impl FnMut(&mut Vm, &Spans, &mut String) -> Result<(), Raise>,
) -> Result<(String, i64), Raise> {
    let mut out = String::new();
    let (mut at, mut count) = (0, 0);
    if most >= 0 {
        pattern.each(vm, string, |vm, spans| {
            let Some((start, end)) = spans.first().copied().flatten() else { return Ok(false) };
            let before = out.len();
            out.push_str(&string[at..start]);
            put(vm, &spans, &mut out)?;
            vm.budget.allocate((out.len() - before) as u64)?;
            at = end;
            count += 1;
            Ok(most == 0 || count < most)
        })?;
    }
    out.push_str(&string[at..]);
    vm.budget.allocate(out.len() as u64)?;
    Ok((out, count))
}

fn escape(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [pattern] = args.take("escape", ["pattern"], 1)?;
    let whole = text(&pattern.unwrap_or(Value::None), "escape")?;
    vm.budget.allocate(2 * whole.len() as u64)?;
    Ok(escaped(&whole).into())
}

/// The text as an expression that stands for it.
fn escaped(whole: &str) -> String {
    let mut out = String::with_capacity(whole.len());
    for c in whole.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
