//! Methods of `str` that search and split.

use super::str::{is_space, this};
use crate::lang::builtins::args::{optional_int, text, wrong};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Byte offset of a character index; the end when it lies behind.
fn offset(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// The bytes between two character indices as in a slice; `None` when the first lies behind the end.
fn window(text: &str, start: Option<i64>, end: Option<i64>) -> Option<(usize, usize)> {
    if start.is_none() && end.is_none() {
        return Some((0, text.len()));
    }
    let len = if text.is_ascii() { text.len() } else { text.chars().count() } as i64;
    let clamp = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
    let start = clamp(start.unwrap_or(0));
    let end = clamp(end.unwrap_or(len)).min(len);
    if start > end {
        return None;
    }
    Some((offset(text, start as usize), offset(text, end as usize)))
}

struct Search {
    what: Arc<str>,
    window: Option<(usize, usize)>,
}

impl Search {
    fn parse(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Search, Raise> {
        let [what, start, end] = args.take(name, ["/sub", "/start", "/end"], 1)?;
        let what = text(&what.unwrap_or(Value::None), name)?;
        let (start, end) = (optional_int(start.as_ref(), name)?, optional_int(end.as_ref(), name)?);
        vm.budget.spend(this(me).len() as u64 / 128)?;
        Ok(Search { what, window: window(this(me), start, end) })
    }

    /// The character index of the first or last occurrence.
    fn position(&self, text: &str, last: bool) -> Option<i64> {
        let (start, end) = self.window?;
        let part = &text[start..end];
        let at = if last { part.rfind(&*self.what)? } else { part.find(&*self.what)? };
        let before = &text[..start + at];
        Some(if before.is_ascii() { before.len() } else { before.chars().count() } as i64)
    }
}

fn position(vm: &mut Vm, me: &Value, args: Args, name: &str, last: bool) -> Result<Option<i64>, Raise> {
    Ok(Search::parse(vm, me, args, name)?.position(this(me), last))
}

fn or_error(found: Option<i64>) -> Result<Value, Raise> {
    found.map(Value::Int).ok_or_else(|| Raise::value_error("substring not found"))
}

pub(super) fn find(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    Ok(Value::Int(position(vm, me, args, "find", false)?.unwrap_or(-1)))
}

pub(super) fn rfind(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    Ok(Value::Int(position(vm, me, args, "rfind", true)?.unwrap_or(-1)))
}

pub(super) fn index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    or_error(position(vm, me, args, "index", false)?)
}

pub(super) fn rindex(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    or_error(position(vm, me, args, "rindex", true)?)
}

pub(super) fn count(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let search = Search::parse(vm, me, args, "count")?;
    let Some((start, end)) = search.window else { return Ok(Value::Int(0)) };
    Ok(Value::Int(this(me)[start..end].matches(&*search.what).count() as i64))
}

/// `startswith` and `endswith`: a text or a tuple of texts.
pub(super) fn affix(_: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let [what, start, end] = args.take(name, ["/prefix", "/start", "/end"], 1)?;
    let what = what.unwrap_or(Value::None);
    let wanted: Vec<Value> = match &what {
        Value::Tuple(tuple) => tuple.0.clone(),
        Value::Str(_) => vec![what.clone()],
        other => return Err(wrong(other, name, "a text or a tuple of texts")),
    };
    let (start, end) = (optional_int(start.as_ref(), name)?, optional_int(end.as_ref(), name)?);
    let part = window(this(me), start, end).map(|(start, end)| &this(me)[start..end]);
    for value in &wanted {
        let affix = text(value, name)?;
        let fits = |part: &str| {
            if name == "startswith" { part.starts_with(&*affix) } else { part.ends_with(&*affix) }
        };
        if part.is_some_and(fits) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn partition(me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let separator = text(&args.one(name)?, name)?;
    if separator.is_empty() {
        return Err(empty_separator());
    }
    let whole = this(me);
    let first = name == "partition";
    let split = if first { whole.split_once(&*separator) } else { whole.rsplit_once(&*separator) };
    let empty = Value::from("");
    Ok(Value::tuple(match split {
        Some((before, after)) => vec![Value::from(before), Value::Str(separator), Value::from(after)],
        None if first => vec![me.clone(), empty.clone(), empty],
        None => vec![empty.clone(), empty, me.clone()],
    }))
}

fn empty_separator() -> Raise {
    Raise::value_error("the separator is empty")
}

fn texts(vm: &mut Vm, pieces: impl Iterator<Item = impl Into<Arc<str>>>) -> Result<Vec<Value>, Raise> {
    let mut items = Vec::new();
    for piece in pieces {
        // Each piece is a value and an allocation of its own.
        vm.budget.allocate(64)?;
        items.push(Value::str(piece));
    }
    Ok(items)
}

/// `split` and `rsplit`
pub(super) fn split(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let [separator, most] = args.take(name, ["sep", "maxsplit"], 0)?;
    let most = optional_int(most.as_ref(), name)?.unwrap_or(-1);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let whole = this(me);
    vm.budget.spend(whole.len() as u64 / 128)?;
    let from_right = name == "rsplit";
    let limit = most.saturating_add(1);
    let items = match &separator {
        None | Some(Value::None) if from_right => {
            let mut items = texts(vm, split_space_right(whole, most))?;
            items.reverse();
            items
        }
        None | Some(Value::None) => texts(vm, split_space(whole, most))?,
        Some(value) => {
            let separator = text(value, name)?;
            if separator.is_empty() {
                return Err(empty_separator());
            }
            if from_right {
                let mut items = texts(vm, whole.rsplitn(limit, &*separator))?;
                items.reverse();
                items
            } else {
                texts(vm, whole.splitn(limit, &*separator))?
            }
        }
    };
    Ok(Value::list(items))
}

fn split_space(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_start_matches(is_space);
    let mut left = most;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if left == 0 { rest.len() } else { rest.find(is_space).unwrap_or(rest.len()) };
        left = left.saturating_sub(1);
        // The last piece keeps its inner white space, but not the trailing one.
        let piece = &rest[..end];
        rest = rest[end..].trim_start_matches(is_space);
        Some(piece)
    })
}

fn split_space_right(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_end_matches(is_space);
    let mut left = most;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let last = rest.char_indices().rev().find(|(_, c)| is_space(*c));
        let start = if left == 0 { 0 } else { last.map_or(0, |(at, c)| at + c.len_utf8()) };
        left = left.saturating_sub(1);
        let piece = &rest[start..];
        rest = rest[..start].trim_end_matches(is_space);
        Some(piece)
    })
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn splitlines(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep] = args.take("splitlines", ["keepends"], 0)?;
    let keep = keep.is_some_and(|value| value.truth());
    let mut rest = this(me);
    vm.budget.spend(rest.len() as u64 / 128)?;
    let lines = std::iter::from_fn(|| {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(is_line_end).unwrap_or(rest.len());
        let after = match &rest[end..] {
            "" => end,
            tail if tail.starts_with("\r\n") => end + 2,
            tail => end + tail.chars().next().map_or(0, char::len_utf8),
        };
        let line = &rest[..if keep { after } else { end }];
        rest = &rest[after..];
        Some(line)
    });
    texts(vm, lines).map(Value::list)
}
