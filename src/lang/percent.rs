//! `template % args`: the older format language, on the same number formatter.

use crate::lang::format::{Spec, ascii, format_float, lay_out, pad};
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Key, TextKey, Value};
use crate::lang::vm::Vm;

/// `template % args`
pub(crate) fn percent(vm: &mut Vm, template: &str, args: &Value) -> Result<Value, Raise> {
    let mut source = Source::of(args);
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (directive, after) = Directive::parse(&rest[at + 1..], &mut source)?;
        rest = after;
        if directive.kind == '%' {
            out.push('%');
            continue;
        }
        let value = match &directive.key {
            Some(key) => source.by_key(key)?,
            None => source.next()?,
        };
        vm.budget
            .allocate(4 * (directive.spec.width as u64 + directive.spec.precision.unwrap_or(0) as u64))?;
        out.push_str(&percent_one(vm, &directive, &value)?);
    }
    out.push_str(rest);
    source.finish()?;
    vm.budget.allocate(out.len() as u64)?;
    Ok(Value::from(out))
}

/// Where the values of a `%` format come from.
struct Source<'v> {
    args: &'v Value,
    used: usize,
    keyed: bool,
}

impl<'v> Source<'v> {
    fn of(args: &'v Value) -> Source<'v> {
        Source { args, used: 0, keyed: false }
    }

    fn next(&mut self) -> Result<Value, Raise> {
        self.used += 1;
        let value = match self.args {
            Value::Tuple(tuple) => tuple.0.get(self.used - 1).cloned(),
            other if self.used == 1 => Some(other.clone()),
            _ => None,
        };
        value.ok_or_else(|| Raise::type_error("not enough arguments for the `%` format"))
    }

    fn by_key(&mut self, key: &str) -> Result<Value, Raise> {
        self.keyed = true;
        match self.args {
            Value::Dict(dict) => {
                let found = dict.0.read(|map| map.get(&TextKey(key)).cloned());
                found.ok_or_else(|| Raise::missing_key(dict, &Key::text(key).value()))
            }
            Value::Object(object) => object.item(&Value::from(key)),
            _ => Err(Raise::type_error("`%(name)s` needs a mapping")),
        }
    }

    fn finish(&self) -> Result<(), Raise> {
        let left = match self.args {
            Value::Tuple(tuple) => self.used < tuple.0.len(),
            Value::Dict(_) | Value::List(_) | Value::Object(_) | Value::Range(_) => false,
            _ => self.used == 0 && !self.keyed,
        };
        if left {
            return Err(Raise::type_error("not all arguments of the `%` format are used"));
        }
        Ok(())
    }
}

struct Directive {
    key: Option<String>,
    spec: Spec,
    kind: char,
}

impl Directive {
    fn parse<'t>(text: &'t str, source: &mut Source) -> Result<(Directive, &'t str), Raise> {
        let incomplete = || Raise::value_error("incomplete `%` format");
        let mut rest = text;
        let mut key = None;
        if let Some(inner) = rest.strip_prefix('(') {
            let end = closing_paren(inner).ok_or_else(incomplete)?;
            key = Some(inner[..end].to_string());
            rest = &inner[end + 1..];
        }
        let mut spec = Spec::plain();
        while let Some(flag) = rest.chars().next().filter(|c| matches!(c, '#' | '0' | '-' | ' ' | '+')) {
            match flag {
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                '-' => spec.align = Some('<'),
                ' ' if spec.sign != '+' => spec.sign = ' ',
                '+' => spec.sign = '+',
                _ => {}
            }
            rest = &rest[1..];
        }
        let (width, after) = size(rest, source)?;
        rest = after;
        if let Some(width) = width {
            if width < 0 {
                spec.align = Some('<');
            }
            spec.width = checked_size(width.unsigned_abs())?;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = size(after, source)?;
            spec.precision = Some(checked_size(precision.unwrap_or(0).max(0).unsigned_abs())?);
            rest = after;
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let kind = rest.chars().next().ok_or_else(incomplete)?;
        Ok((Directive { key, spec, kind }, &rest[kind.len_utf8()..]))
    }
}

fn closing_paren(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

fn checked_size(n: u64) -> Result<usize, Raise> {
    usize::try_from(n)
        .ok()
        .filter(|n| *n <= i32::MAX as usize)
        .ok_or_else(|| Raise::value_error("width or precision is too large"))
}

/// `12` or `*`
fn size<'t>(text: &'t str, source: &mut Source) -> Result<(Option<i64>, &'t str), Raise> {
    if let Some(rest) = text.strip_prefix('*') {
        let value = source.next()?;
        let n = ops::as_int(&value).ok_or_else(|| Raise::type_error("`*` needs a whole number"))?;
        return Ok((Some(n), rest));
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Ok((None, text));
    }
    let n = text[..end].parse().map_err(|_| Raise::value_error("width or precision is too large"))?;
    Ok((Some(n), &text[end..]))
}

fn percent_one(vm: &mut Vm, directive: &Directive, value: &Value) -> Result<String, Raise> {
    let mut spec = directive.spec.clone();
    let text = match directive.kind {
        's' => vm.text(value)?.to_string(),
        'r' => vm.repr(value)?,
        'a' => ascii(vm, value)?,
        'c' => one_char(value)?,
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => return percent_int(directive.kind, spec, value),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = Number::of(value).ok_or_else(|| needs_number(directive.kind, value))?;
            spec.kind = Some(directive.kind);
            if spec.zero && spec.align.is_none() {
                spec.fill = '0';
                spec.align = Some('=');
            }
            return format_float(value, number.float(), &spec);
        }
        other => return Err(Raise::value_error(format!("unsupported `%` format character `{other}`"))),
    };
    let cut: String = match spec.precision {
        Some(most) if directive.kind != 'c' => text.chars().take(most).collect(),
        _ => text,
    };
    Ok(pad(&cut, spec.align.unwrap_or('>'), ' ', spec.width))
}

fn needs_number(kind: char, value: &Value) -> Raise {
    Raise::type_error(format!("`%{kind}` needs a number, not `{}`", value.type_name()))
}

fn one_char(value: &Value) -> Result<String, Raise> {
    match value {
        Value::Str(text) if text.chars().count() == 1 => Ok(text.to_string()),
        other => {
            let n = ops::as_int(other)
                .ok_or_else(|| Raise::type_error("`%c` needs a whole number or a single character"))?;
            let c = u32::try_from(n).ok().and_then(char::from_u32);
            c.map(String::from).ok_or_else(|| Raise::new(Exc::OverflowError, "`%c` is out of range"))
        }
    }
}

fn percent_int(kind: char, mut spec: Spec, value: &Value) -> Result<String, Raise> {
    let number = match (Number::of(value), kind) {
        (Some(Number::Int(n)), _) => n,
        (Some(Number::Float(x)), 'd' | 'i' | 'u') => {
            if x.is_nan() {
                return Err(Raise::value_error("nan is not a whole number"));
            }
            ops::float_to_int(x.trunc()).ok_or_else(ops::overflow)?
        }
        _ => return Err(needs_number(kind, value)),
    };
    let size = number.unsigned_abs();
    let (prefix, digits) = match kind {
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        'o' => ("0o", format!("{size:o}")),
        _ => ("", size.to_string()),
    };
    let digits = pad(&digits, '>', '0', spec.precision.unwrap_or(0));
    if spec.zero && spec.align.is_none() {
        spec.fill = '0';
        spec.align = Some('=');
    }
    let prefix = if spec.alternate { prefix } else { "" };
    Ok(lay_out(number < 0, prefix, &digits, "", 3, &spec))
}
