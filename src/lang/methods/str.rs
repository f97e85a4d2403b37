//! Methods of `str` that give a text, a list of texts or a truth value.

use super::strsearch as search;
use crate::lang::builtins::args::{int, optional_int, text, wrong};
use crate::lang::bytes;
use crate::lang::format::{self, First};
use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::repr::is_printable;
use crate::lang::value::{Args, DictMap, Key, Method, Value};
use crate::lang::vm::Vm;
use regex::Regex;
use std::sync::LazyLock;

pub(super) const METHODS: &[Method] = &[
    Method { name: "capitalize", call: capitalize },
    Method { name: "casefold", call: |vm, me, args| map(vm, me, args, "casefold", casefold) },
    Method { name: "center", call: |vm, me, args| justify(vm, me, args, "center") },
    Method { name: "count", call: search::count },
    Method { name: "encode", call: encode },
    Method { name: "endswith", call: |vm, me, args| search::affix(vm, me, args, "endswith") },
    Method { name: "expandtabs", call: expandtabs },
    Method { name: "find", call: search::find },
    Method { name: "format", call: str_format },
    Method { name: "format_map", call: format_map },
    Method { name: "index", call: search::index },
    Method { name: "isalnum", call: |_, me, args| all(me, args, "isalnum", |c| c.is_alphanumeric()) },
    Method { name: "isalpha", call: |_, me, args| all(me, args, "isalpha", char::is_alphabetic) },
    Method { name: "isascii", call: isascii },
    Method { name: "isdecimal", call: |_, me, args| all(me, args, "isdecimal", is_decimal) },
    Method { name: "isdigit", call: |_, me, args| all(me, args, "isdigit", is_digit) },
    Method { name: "isidentifier", call: isidentifier },
    Method { name: "islower", call: |_, me, args| cased(me, args, "islower", char::is_uppercase) },
    Method { name: "isnumeric", call: |_, me, args| all(me, args, "isnumeric", char::is_numeric) },
    Method { name: "isprintable", call: isprintable },
    Method { name: "isspace", call: |_, me, args| all(me, args, "isspace", is_space) },
    Method { name: "istitle", call: istitle },
    Method { name: "isupper", call: |_, me, args| cased(me, args, "isupper", char::is_lowercase) },
    Method { name: "join", call: join },
    Method { name: "ljust", call: |vm, me, args| justify(vm, me, args, "ljust") },
    Method { name: "lower", call: |vm, me, args| map(vm, me, args, "lower", str::to_lowercase) },
    Method { name: "lstrip", call: |vm, me, args| strip(vm, me, args, "lstrip") },
    Method { name: "maketrans", call: maketrans },
    Method { name: "partition", call: |_, me, args| search::partition(me, args, "partition") },
    Method { name: "removeprefix", call: |_, me, args| remove(me, args, "removeprefix") },
    Method { name: "removesuffix", call: |_, me, args| remove(me, args, "removesuffix") },
    Method { name: "replace", call: replace },
    Method { name: "rfind", call: search::rfind },
    Method { name: "rindex", call: search::rindex },
    Method { name: "rjust", call: |vm, me, args| justify(vm, me, args, "rjust") },
    Method { name: "rpartition", call: |_, me, args| search::partition(me, args, "rpartition") },
    Method { name: "rsplit", call: |vm, me, args| search::split(vm, me, args, "rsplit") },
    Method { name: "rstrip", call: |vm, me, args| strip(vm, me, args, "rstrip") },
    Method { name: "split", call: |vm, me, args| search::split(vm, me, args, "split") },
    Method { name: "splitlines", call: search::splitlines },
    Method { name: "startswith", call: |vm, me, args| search::affix(vm, me, args, "startswith") },
    Method { name: "strip", call: |vm, me, args| strip(vm, me, args, "strip") },
    Method { name: "swapcase", call: |vm, me, args| map(vm, me, args, "swapcase", swapcase) },
    Method { name: "title", call: |vm, me, args| map(vm, me, args, "title", title) },
    Method { name: "translate", call: translate },
    Method { name: "upper", call: |vm, me, args| map(vm, me, args, "upper", str::to_uppercase) },
    Method { name: "zfill", call: zfill },
];

/// The receiver; the table guarantees that it is a text.
pub(super) fn this(me: &Value) -> &str {
    me.as_str().unwrap_or("")
}

/// White space as Python sees it: Unicode's, and the four separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

static DECIMAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").ok());

fn is_decimal(c: char) -> bool {
    let other = || c.is_numeric() && DECIMAL.as_ref().is_some_and(|r| r.is_match(c.encode_utf8(&mut [0; 4])));
    c.is_ascii_digit() || (!c.is_ascii() && other())
}

fn is_digit(c: char) -> bool {
    let raised = matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '①'..='⑨');
    raised || is_decimal(c)
}

fn all(me: &Value, args: Args, name: &str, test: fn(char) -> bool) -> Result<Value, Raise> {
    args.none(name)?;
    let text = this(me);
    Ok(Value::Bool(!text.is_empty() && text.chars().all(test)))
}

/// Some letter has a case, and none has the wrong one.
fn cased(me: &Value, args: Args, name: &str, wrong: fn(char) -> bool) -> Result<Value, Raise> {
    args.none(name)?;
    let text = this(me);
    let some = text.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    Ok(Value::Bool(some && !text.chars().any(wrong)))
}

fn isascii(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("isascii")?;
    Ok(Value::Bool(this(me).is_ascii()))
}

fn isprintable(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("isprintable")?;
    Ok(Value::Bool(this(me).chars().all(is_printable)))
}

fn isidentifier(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("isidentifier")?;
    let mut chars = this(me).chars();
    let start = chars.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c));
    Ok(Value::Bool(start && chars.all(unicode_ident::is_xid_continue)))
}

fn istitle(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("istitle")?;
    let (mut some, mut inside) = (false, false);
    for c in this(me).chars() {
        if (c.is_uppercase() && inside) || (c.is_lowercase() && !inside) {
            return Ok(Value::Bool(false));
        }
        inside = c.is_uppercase() || c.is_lowercase();
        some |= inside;
    }
    Ok(Value::Bool(some))
}

fn map(vm: &mut Vm, me: &Value, args: Args, name: &str, change: fn(&str) -> String) -> Result<Value, Raise> {
    args.none(name)?;
    vm.budget.allocate(3 * this(me).len() as u64)?;
    Ok(Value::from(change(this(me))))
}

fn casefold(text: &str) -> String {
    let fold = |c: char| -> String {
        match c {
            'ı' | 'İ' => c.to_lowercase().collect(),
            c => c.to_uppercase().flat_map(char::to_lowercase).collect(),
        }
    };
    text.chars().map(fold).collect()
}

fn swapcase(text: &str) -> String {
    let swap = |c: char| -> String {
        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
    };
    text.chars().map(swap).collect()
}

/// The first letter in upper case; of a letter that becomes two, only the first.
fn title_case(c: char, out: &mut String) {
    let mut upper = c.to_uppercase();
    out.extend(upper.next());
    out.extend(upper.flat_map(char::to_lowercase));
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            title_case(c, &mut out);
        }
        inside = c.is_uppercase() || c.is_lowercase();
    }
    out
}

fn capitalize(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("capitalize")?;
    vm.budget.allocate(3 * this(me).len() as u64)?;
    let mut out = String::new();
    let mut chars = this(me).chars();
    if let Some(first) = chars.next() {
        title_case(first, &mut out);
    }
    out.push_str(&chars.as_str().to_lowercase());
    Ok(Value::from(out))
}

fn encode(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    bytes::encode(vm, this(me), args)
}

fn justify(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let [width, fill] = args.take(name, ["/width", "/fillchar"], 1)?;
    let width = int(&width.unwrap_or(Value::None), name)?.max(0) as usize;
    let fill = match &fill {
        None => ' ',
        Some(value) => {
            let text = text(value, name)?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => c,
                _ => return Err(Raise::type_error("the fill character must be exactly one character long")),
            }
        }
    };
    vm.budget.allocate((width as u64).saturating_mul(fill.len_utf8() as u64))?;
    let text = this(me);
    Ok(Value::from(match name {
        "ljust" => format::pad(text, '<', fill, width),
        "rjust" => format::pad(text, '>', fill, width),
        _ => {
            let missing = width.saturating_sub(text.chars().count());
            // CPython puts the odd one on the left when the width is odd.
            let left = missing / 2 + (missing & width & 1);
            let fill_of = |n: usize| std::iter::repeat_n(fill, n);
            fill_of(left).chain(text.chars()).chain(fill_of(missing - left)).collect()
        }
    }))
}

fn zfill(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let width = int(&args.one("zfill")?, "zfill")?.max(0) as usize;
    vm.budget.allocate(width as u64)?;
    let text = this(me);
    let missing = width.saturating_sub(text.chars().count());
    let split = usize::from(text.starts_with(['+', '-']));
    let (sign, digits) = text.split_at(split);
    Ok(Value::from(format!("{sign}{}{digits}", "0".repeat(missing))))
}

fn expandtabs(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [size] = args.take("expandtabs", ["tabsize"], 0)?;
    let size = optional_int(size.as_ref(), "expandtabs")?.unwrap_or(8).max(0) as usize;
    let tabs = this(me).matches('\t').count() as u64;
    vm.budget.allocate((this(me).len() as u64).saturating_add(tabs.saturating_mul(size as u64)))?;
    let mut out = String::new();
    let mut column = 0;
    for c in this(me).chars() {
        match c {
            '\t' if size > 0 => {
                let spaces = size - column % size;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\t' => {}
            c => {
                out.push(c);
                column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    Ok(Value::from(out))
}

fn strip(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let [chars] = args.take(name, ["/chars"], 0)?;
    let set: Option<Vec<char>> = match &chars {
        None | Some(Value::None) => None,
        Some(value) => Some(text(value, name)?.chars().collect()),
    };
    let whole = this(me);
    vm.budget
        .spend(set.as_ref().map_or(0, |set| (set.len() as u64).saturating_mul(whole.len() as u64) / 1024))?;
    let doomed = |c: char| set.as_ref().map_or_else(|| is_space(c), |set| set.contains(&c));
    let stripped = match name {
        "lstrip" => whole.trim_start_matches(doomed),
        "rstrip" => whole.trim_end_matches(doomed),
        _ => whole.trim_matches(doomed),
    };
    Ok(if stripped.len() == whole.len() { me.clone() } else { Value::from(stripped) })
}

fn remove(me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let affix = text(&args.one(name)?, name)?;
    let whole = this(me);
    let rest = if name == "removeprefix" { whole.strip_prefix(&*affix) } else { whole.strip_suffix(&*affix) };
    Ok(rest.map_or_else(|| me.clone(), Value::from))
}

fn replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [old, new, count] = args.take("replace", ["/old", "/new", "/count"], 2)?;
    let old = text(&old.unwrap_or(Value::None), "replace")?;
    let new = text(&new.unwrap_or(Value::None), "replace")?;
    let count = optional_int(count.as_ref(), "replace")?.unwrap_or(-1);
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let whole = this(me);
    let hits = whole.matches(&*old).take(most).count() as u64;
    vm.budget.allocate((whole.len() as u64).saturating_add(hits.saturating_mul(new.len() as u64)))?;
    if hits == 0 {
        return Ok(me.clone());
    }
    Ok(Value::from(whole.replacen(&*old, &new, most)))
}

fn join(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("join")?)?;
    let separator = this(me);
    let mut bytes = 0u64;
    for (i, item) in items.iter().enumerate() {
        let Value::Str(text) = item else {
            let message = format!("`join` needs texts, item {i} is `{}`", item.type_name());
            return Err(Raise::type_error(message).help("make texts of them: `map(str, x)`"));
        };
        bytes = bytes.saturating_add((text.len() + separator.len()) as u64);
    }
    vm.budget.allocate(bytes)?;
    let mut out = String::with_capacity(bytes as usize);
    for (i, text) in items.iter().filter_map(Value::as_str).enumerate() {
        out.push_str(if i == 0 { "" } else { separator });
        out.push_str(text);
    }
    Ok(Value::from(out))
}

fn str_format(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let mut lookup =
        |_: &mut Vm, first: First<'_>| match first {
            First::Index(index) => args.positional.get(index).cloned().ok_or_else(|| {
                Raise::new(Exc::IndexError, format!("the format has no argument number {index}"))
            }),
            First::Name(name) => {
                let found = args.named.iter().find(|(n, _)| **n == *name).map(|(_, value)| value.clone());
                let missing = || Raise::key_error(&Value::from(name));
                found.ok_or_else(|| missing().did_you_mean(name, args.named.iter().map(|(n, _)| &**n)))
            }
        };
    format::str_format(vm, this(me), &mut lookup).map(Value::from)
}

fn format_map(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let mapping = args.one("format_map")?;
    let mut lookup = |vm: &mut Vm, first: First<'_>| match first {
        First::Index(_) => Err(Raise::value_error("`format_map` needs named fields")),
        First::Name(name) => index::get_item(vm, &mapping, &Value::from(name)),
    };
    format::str_format(vm, this(me), &mut lookup).map(Value::from)
}

fn maketrans(_: &mut Vm, _: &Value, args: Args) -> Result<Value, Raise> {
    let [from, to, delete] = args.take("maketrans", ["/x", "/y", "/z"], 1)?;
    let code = |c: char| Key::new(Value::Int(i64::from(c as u32)));
    let mut table = DictMap::default();
    match (from, to) {
        (Some(Value::Dict(dict)), None) => {
            for (key, value) in dict.0.read(Clone::clone) {
                let key = match key.get() {
                    Value::Str(text) if text.chars().count() == 1 => {
                        code(text.chars().next().unwrap_or(' '))?
                    }
                    Value::Int(_) => key,
                    _ => return Err(Raise::value_error("keys of a translation are single characters")),
                };
                table.insert(key, value);
            }
        }
        (Some(from), Some(to)) => {
            let (from, to) = (text(&from, "maketrans")?, text(&to, "maketrans")?);
            if from.chars().count() != to.chars().count() {
                return Err(Raise::value_error("both texts of a translation must have the same length"));
            }
            for (a, b) in from.chars().zip(to.chars()) {
                table.insert(code(a)?, Value::Int(i64::from(b as u32)));
            }
        }
        (Some(other), None) => return Err(wrong(&other, "maketrans", "a dict")),
        _ => {}
    }
    if let Some(delete) = delete {
        for c in text(&delete, "maketrans")?.chars() {
            table.insert(code(c)?, Value::None);
        }
    }
    Ok(Value::dict(table))
}

fn translate(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let table = args.one("translate")?;
    let mut out = String::new();
    for c in this(me).chars() {
        vm.budget.allocate(8)?;
        match index::get_item(vm, &table, &Value::Int(i64::from(c as u32))) {
            Ok(Value::Str(text)) => {
                vm.budget.allocate(text.len() as u64)?;
                out.push_str(&text);
            }
            Ok(Value::None) => {}
            Ok(Value::Int(n)) => match u32::try_from(n).ok().and_then(char::from_u32) {
                Some(c) => out.push(c),
                None => return Err(Raise::value_error("a translation gives no character")),
            },
            Ok(other) => return Err(wrong(&other, "translate", "characters")),
            Err(raise) if raise.kind().is_a(Exc::LookupError) => out.push(c),
            Err(raise) => return Err(raise),
        }
    }
    Ok(Value::from(out))
}
