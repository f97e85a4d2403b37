//! What was found: a match with its groups.

use super::compiled::{Compiled, Spans};
use super::replace::Replacement;
use super::{HostType, Pattern, part};
use crate::lang::builtins::args::{text, wrong};
use crate::lang::object::Object;
use crate::lang::ops::as_int;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, DictMap, Key, Method, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MATCH: HostType = HostType {
    name: "re.Match",
    methods: &[
        Method { name: "end", call: |_, me, args| edge(me, args, "end", |(_, end)| end) },
        Method { name: "expand", call: expand },
        Method { name: "group", call: group },
        Method { name: "groupdict", call: groupdict },
        Method { name: "groups", call: groups },
        Method { name: "span", call: span },
        Method { name: "start", call: |_, me, args| edge(me, args, "start", |(start, _)| start) },
    ],
    ..HostType::PLAIN
};

#[derive(Debug)]
pub(super) struct Match {
    pattern: Arc<Compiled>,
    string: Arc<str>,
    spans: Spans,
}

impl Match {
    pub(super) fn new(pattern: &Arc<Compiled>, string: &Arc<str>, spans: Spans) -> Match {
        Match { pattern: pattern.clone(), string: string.clone(), spans }
    }

    fn number(&self, group: &Value) -> Result<usize, Raise> {
        let missing = || Raise::new(Exc::IndexError, format!("the match has no group {}", group.repr()));
        match group {
            Value::Str(name) => {
                let found = self.pattern.names().iter().find(|(known, _)| known == name);
                let known = self.pattern.names().iter().map(|(name, _)| &**name);
                found.map(|(_, number)| *number).ok_or_else(|| missing().did_you_mean(name, known))
            }
            other => {
                let number = as_int(other).and_then(|n| usize::try_from(n).ok());
                number.filter(|n| *n < self.spans.len()).ok_or_else(missing)
            }
        }
    }

    fn value(&self, number: usize, default: &Value) -> Value {
        part(&self.string, self.spans.get(number).copied().flatten()).unwrap_or_else(|| default.clone())
    }

    /// A place in characters.
    fn place(&self, at: usize) -> Value {
        let before = self.string.get(..at).unwrap_or(&self.string);
        Value::Int(if before.is_ascii() { before.len() } else { before.chars().count() } as i64)
    }

    fn last(&self) -> Option<usize> {
        (1..self.spans.len())
            .filter(|n| self.spans[*n].is_some())
            .max_by_key(|n| (self.spans[*n].map(|(_, end)| end), std::cmp::Reverse(*n)))
    }
}

impl Object for Match {
    fn type_name(&self) -> &'static str {
        MATCH.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&MATCH)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "endpos" => Some(self.place(self.string.len())),
            "lastgroup" => {
                let name = self.last().and_then(|last| self.pattern.names().iter().find(|(_, n)| *n == last));
                Some(name.map_or(Value::None, |(name, _)| Value::Str(name.clone())))
            }
            "lastindex" => Some(self.last().map_or(Value::None, |last| Value::Int(last as i64))),
            "pos" => Some(Value::Int(0)),
            "re" => Some(Value::object(Pattern(self.pattern.clone()))),
            "string" => Some(Value::Str(self.string.clone())),
            _ => None,
        })
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        Ok(self.value(self.number(key)?, &Value::None))
    }

    fn repr(&self) -> String {
        let (start, end) = self.spans.first().copied().flatten().unwrap_or((0, 0));
        let (from, to) = (self.place(start).repr(), self.place(end).repr());
        format!("<re.Match object; span=({from}, {to}), match={}>", self.value(0, &Value::None).repr())
    }
}

fn this(me: &Value) -> Result<&Match, Raise> {
    me.downcast::<Match>().ok_or_else(|| wrong(me, "Match", "a match"))
}

fn group(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let found = this(me)?;
    let wanted = args.all_positional("group")?;
    match wanted.as_slice() {
        [] => Ok(found.value(0, &Value::None)),
        [one] => found.item(one),
        many => many.iter().map(|one| found.item(one)).collect::<Result<_, _>>().map(Value::tuple),
    }
}

fn groups(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [default] = args.take("groups", ["default"], 0)?;
    let default = default.unwrap_or(Value::None);
    let found = this(me)?;
    Ok(Value::tuple((1..found.spans.len()).map(|number| found.value(number, &default)).collect()))
}

fn groupdict(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [default] = args.take("groupdict", ["default"], 0)?;
    let default = default.unwrap_or(Value::None);
    let found = this(me)?;
    let names = found.pattern.names().iter();
    let pairs = names.map(|(name, number)| (Key::text(name.clone()), found.value(*number, &default)));
    Ok(Value::dict(pairs.collect::<DictMap>()))
}

/// The two ends of a group in characters; -1 when it took no part.
fn edges(me: &Value, args: Args, name: &str) -> Result<(Value, Value), Raise> {
    let [group] = args.take(name, ["/group"], 0)?;
    let found = this(me)?;
    let number = found.number(&group.unwrap_or(Value::Int(0)))?;
    Ok(match found.spans[number] {
        Some((start, end)) => (found.place(start), found.place(end)),
        None => (Value::Int(-1), Value::Int(-1)),
    })
}

fn edge(me: &Value, args: Args, name: &str, which: fn((Value, Value)) -> Value) -> Result<Value, Raise> {
    edges(me, args, name).map(which)
}

fn span(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    edges(me, args, "span").map(|(start, end)| Value::tuple(vec![start, end]))
}

fn expand(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let template = text(&args.one("expand")?, "expand")?;
    let found = this(me)?;
    let mut out = String::new();
    Replacement::parse(&template, &found.pattern)?.apply(vm, &found.string, &found.spans, &mut out)?;
    Ok(out.into())
}
