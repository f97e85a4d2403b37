//! The one formatter behind `f""`, `.format`, `format()`, `expand` and (through `percent`) `%`: Python's format mini-language.

use crate::lang::index;
use crate::lang::ops::Number;
use crate::lang::raise::{Exc, Raise};
use crate::lang::repr::quote;
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use crate::model::value::python_float;
use std::fmt::Write;

/// `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) fill: char,
    pub(crate) align: Option<char>,
    pub(crate) sign: char,
    pub(crate) no_negative_zero: bool,
    pub(crate) alternate: bool,
    pub(crate) zero: bool,
    pub(crate) width: usize,
    pub(crate) grouping: Option<char>,
    pub(crate) precision: Option<usize>,
    pub(crate) kind: Option<char>,
}

fn is_align(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '^')
}

impl Spec {
    pub(crate) fn plain() -> Spec {
        Spec {
            fill: ' ',
            align: None,
            sign: '-',
            no_negative_zero: false,
            alternate: false,
            zero: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        }
    }

    fn parse(text: &str, value: &Value) -> Result<Spec, Raise> {
        let mut spec = Spec::plain();
        let mut chars = text.chars().peekable();
        let mut ahead = text.chars();
        let (first, second) = (ahead.next(), ahead.next());
        if second.is_some_and(is_align) {
            spec.fill = first.unwrap_or(' ');
            spec.align = second;
            chars.next();
            chars.next();
        } else if first.is_some_and(is_align) {
            spec.align = first;
            chars.next();
        }
        let explicit_fill = spec.align.is_some() && second.is_some_and(is_align);
        if let Some(sign) = chars.next_if(|c| matches!(c, '+' | '-' | ' ')) {
            spec.sign = sign;
        }
        spec.no_negative_zero = chars.next_if_eq(&'z').is_some();
        spec.alternate = chars.next_if_eq(&'#').is_some();
        if !explicit_fill && chars.next_if_eq(&'0').is_some() {
            spec.fill = '0';
            spec.zero = true;
        }
        if spec.zero && spec.align.is_none() && Number::of(value).is_some() {
            spec.align = Some('=');
        }
        spec.width = number(&mut chars)?.unwrap_or(0);
        spec.grouping = chars.next_if(|c| matches!(c, ',' | '_'));
        if spec.grouping.is_some() && chars.peek().is_some_and(|c| matches!(c, ',' | '_')) {
            return Err(Raise::value_error("cannot specify two thousands separators"));
        }
        if chars.next_if_eq(&'.').is_some() {
            let missing = || Raise::value_error("format specifier is missing its precision");
            spec.precision = Some(number(&mut chars)?.ok_or_else(missing)?);
        }
        spec.kind = chars.next();
        if chars.next().is_some() {
            let message = format!("invalid format specifier `{text}` for `{}`", value.type_name());
            return Err(Raise::value_error(message));
        }
        Ok(spec)
    }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars>) -> Result<Option<usize>, Raise> {
    let mut total: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        let next = total.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit as usize));
        let fits = next.filter(|n| *n <= i32::MAX as usize);
        total = Some(fits.ok_or_else(|| Raise::value_error("too many digits in format specifier"))?);
    }
    Ok(total)
}

/// `{value!conversion:spec}` appended to `out`.
pub(crate) fn field(
    vm: &mut Vm,
    value: &Value,
    conversion: Option<char>,
    spec: &str,
    out: &mut String,
) -> Result<(), Raise> {
    let converted = match conversion {
        None => None,
        Some('s') => Some(Value::Str(vm.text(value)?)),
        Some('r') => Some(Value::from(vm.repr(value)?)),
        Some('a') => Some(Value::from(ascii(vm, value)?)),
        Some(other) => {
            return Err(Raise::value_error(format!("unknown conversion `!{other}`: there are s, r and a")));
        }
    };
    let value = converted.as_ref().unwrap_or(value);
    match (value, spec.is_empty()) {
        (Value::Str(text), true) => out.push_str(text),
        (Value::Int(n), true) => {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "{n}");
        }
        (other, true) => out.push_str(&vm.text(other)?),
        (other, false) => out.push_str(&format_value(vm, other, spec)?),
    }
    Ok(())
}

/// `ascii(value)`
pub(crate) fn ascii(vm: &mut Vm, value: &Value) -> Result<String, Raise> {
    if let Value::Str(text) = value {
        let mut out = String::new();
        quote(text, true, &mut out);
        return Ok(out);
    }
    let text = vm.repr(value)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c as u32 {
            0..=0x7f => out.push(c),
            code @ 0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    Ok(out)
}

/// `format(value, spec)`
pub(crate) fn format_value(vm: &mut Vm, value: &Value, spec: &str) -> Result<String, Raise> {
    if spec.is_empty() {
        return vm.text(value).map(|text| text.to_string());
    }
    if let Value::Object(object) = value {
        vm.budget.allocate(32 * spec.len() as u64)?;
        if let Some(text) = object.format(spec) {
            return Ok(text);
        }
    }
    match (value, Number::of(value)) {
        (Value::Str(text), _) => {
            let spec = Spec::parse(spec, value)?;
            pay(vm, &spec)?;
            format_text(text, &spec)
        }
        (_, Some(n)) => {
            let spec = Spec::parse(spec, value)?;
            pay(vm, &spec)?;
            format_number(value, n, &spec)
        }
        _ => Err(Raise::type_error(format!("`{}` takes no format specifier", value.type_name()))
            .help("make a text first: `{x!s:>10}`")),
    }
}

fn pay(vm: &mut Vm, spec: &Spec) -> Result<(), Raise> {
    vm.budget.allocate(4 * (spec.width as u64 + spec.precision.unwrap_or(0) as u64))
}

fn format_text(text: &str, spec: &Spec) -> Result<String, Raise> {
    let refuse = |what: &str| Err(Raise::value_error(format!("{what} is not allowed for a text")));
    match spec {
        Spec { kind: Some(kind), .. } if *kind != 's' => return Err(unknown_code(*kind, "str")),
        Spec { sign: '+' | ' ', .. } => return refuse("a sign"),
        Spec { no_negative_zero: true, .. } => return refuse("`z`"),
        Spec { alternate: true, .. } => return refuse("`#`"),
        Spec { align: Some('='), .. } => return refuse("`=` alignment"),
        Spec { grouping: Some(_), .. } => return refuse("a thousands separator"),
        _ => {}
    }
    let cut: String = match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_string(),
    };
    Ok(pad(&cut, spec.align.unwrap_or('<'), spec.fill, spec.width))
}

fn unknown_code(kind: char, type_name: &str) -> Raise {
    Raise::value_error(format!("unknown format code `{kind}` for `{type_name}`"))
}

pub(crate) fn pad(text: &str, align: char, fill: char, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text.to_string();
    }
    let left = match align {
        '<' => 0,
        '^' => missing / 2,
        _ => missing,
    };
    let fill_of = |n: usize| std::iter::repeat_n(fill, n);
    fill_of(left).chain(text.chars()).chain(fill_of(missing - left)).collect()
}

fn format_number(value: &Value, number: Number, spec: &Spec) -> Result<String, Raise> {
    let as_float = matches!(spec.kind, Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'));
    match number {
        Number::Int(n) if !as_float => format_int(value, n, spec),
        number => format_float(value, number.float(), spec),
    }
}

fn format_int(value: &Value, n: i64, spec: &Spec) -> Result<String, Raise> {
    if spec.precision.is_some() {
        return Err(Raise::value_error("precision is not allowed for a whole number"));
    }
    if spec.no_negative_zero {
        return Err(Raise::value_error("`z` is not allowed for a whole number"));
    }
    let size = n.unsigned_abs();
    let (prefix, digits) = match spec.kind {
        None | Some('d' | 'n') => ("", size.to_string()),
        Some('b') => ("0b", format!("{size:b}")),
        Some('o') => ("0o", format!("{size:o}")),
        Some('x') => ("0x", format!("{size:x}")),
        Some('X') => ("0X", format!("{size:X}")),
        Some('c') => return format_char(n, spec),
        Some(other) => return Err(unknown_code(other, value.type_name())),
    };
    let group = if prefix.is_empty() { 3 } else { 4 };
    if spec.grouping == Some(',') && (group == 4 || spec.kind == Some('n')) {
        let kind = spec.kind.unwrap_or('d');
        return Err(Raise::value_error(format!("`,` is not allowed with `{kind}`")));
    }
    let prefix = if spec.alternate { prefix } else { "" };
    Ok(lay_out(n < 0, prefix, &digits, "", group, spec))
}

fn format_char(n: i64, spec: &Spec) -> Result<String, Raise> {
    if spec.sign != '-' || spec.alternate || spec.grouping.is_some() {
        return Err(Raise::value_error("a sign, `#` or `,` is not allowed with `c`"));
    }
    let c = u32::try_from(n).ok().and_then(char::from_u32);
    let c = c.ok_or_else(|| Raise::new(Exc::OverflowError, "`c` needs the number of a character"))?;
    let align = spec.align.filter(|a| *a != '=').unwrap_or(if spec.zero { '>' } else { '<' });
    Ok(pad(&c.to_string(), align, spec.fill, spec.width))
}

pub(crate) fn format_float(value: &Value, x: f64, spec: &Spec) -> Result<String, Raise> {
    let upper = matches!(spec.kind, Some('E' | 'F' | 'G'));
    let kind = match spec.kind {
        Some('n') => Some('g'),
        other => other.map(|c| c.to_ascii_lowercase()),
    };
    if !matches!(kind, None | Some('e' | 'f' | 'g' | '%')) {
        return Err(unknown_code(spec.kind.unwrap_or(' '), value.type_name()));
    }
    let percent = kind == Some('%');
    let x = if percent { x * 100.0 } else { x };
    let size = x.abs();
    let mut body = match (kind, spec.precision) {
        _ if x.is_nan() => "nan".to_string(),
        _ if x.is_infinite() => "inf".to_string(),
        (None, None) => python_float(size),
        (None, Some(precision)) => general(size, precision, spec.alternate, true),
        (Some('e'), precision) => exponent(size, precision.unwrap_or(6), spec.alternate),
        (Some('g'), precision) => general(size, precision.unwrap_or(6), spec.alternate, false),
        (_, precision) => fixed(size, precision.unwrap_or(6), spec.alternate),
    };
    if upper {
        body = body.to_uppercase();
    }
    let mut negative = x.is_sign_negative() && !x.is_nan();
    if spec.no_negative_zero && negative && body.chars().all(|c| matches!(c, '0' | '.')) {
        negative = false;
    }
    if percent {
        body.push('%');
    }
    let split = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
    let (whole, rest) = body.split_at(split);
    Ok(lay_out(negative, "", whole, rest, 3, spec))
}

/// No float has more digits than this; the standard library's formatter takes no more than 65535.
const MOST_DIGITS: usize = 1100;

fn zeros(n: usize) -> impl Iterator<Item = char> {
    std::iter::repeat_n('0', n)
}

fn fixed(x: f64, precision: usize, alternate: bool) -> String {
    let mut text = format!("{x:.*}", precision.min(MOST_DIGITS));
    text.extend(zeros(precision.saturating_sub(MOST_DIGITS)));
    if precision == 0 && alternate {
        text.push('.');
    }
    text
}

/// Digits without a point, and the exponent of the first.
fn scientific(x: f64, digits_after: usize) -> (String, i32) {
    let text = format!("{x:.*e}", digits_after.min(MOST_DIGITS));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    digits.extend(zeros(digits_after.saturating_sub(MOST_DIGITS)));
    (digits, exponent.parse().unwrap_or(0))
}

fn exponent(x: f64, precision: usize, alternate: bool) -> String {
    let (digits, exponent) = scientific(x, precision);
    with_exponent(&digits, exponent, alternate)
}

fn with_exponent(digits: &str, exponent: i32, alternate: bool) -> String {
    let (first, rest) = digits.split_at(digits.len().min(1));
    let point = if rest.is_empty() && !alternate { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

/// `g`; with `dot_zero` the variant of no type letter, which keeps a digit after the point.
fn general(x: f64, precision: usize, alternate: bool, dot_zero: bool) -> String {
    let precision = precision.max(1);
    let (mut digits, exponent) = scientific(x, precision - 1);
    let limit = i64::try_from(precision).unwrap_or(i64::MAX) - i64::from(dot_zero);
    if exponent < -4 || i64::from(exponent) >= limit {
        if !alternate {
            digits.truncate(digits.trim_end_matches('0').len().max(1));
        }
        return with_exponent(&digits, exponent, alternate);
    }
    let decimals = usize::try_from(precision as i64 - 1 - i64::from(exponent)).unwrap_or(0);
    let mut text = fixed(x, decimals, alternate);
    if !alternate && text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if dot_zero && !text.contains('.') {
        text.push_str(".0");
    }
    text
}

/// Sign, prefix, grouped digits and the rest, padded.
pub(crate) fn lay_out(
    negative: bool,
    prefix: &str,
    digits: &str,
    rest: &str,
    group: usize,
    spec: &Spec,
) -> String {
    let sign = match (negative, spec.sign) {
        (true, _) => "-",
        (false, '+') => "+",
        (false, ' ') => " ",
        _ => "",
    };
    let around = sign.len() + prefix.len() + rest.len();
    let inner_width =
        if spec.fill == '0' && spec.align == Some('=') { spec.width.saturating_sub(around) } else { 0 };
    let is_number = digits.bytes().next().is_some_and(|b| b.is_ascii_digit());
    let grouped = match spec.grouping {
        Some(separator) if is_number => group_digits(digits, separator, group, inner_width),
        _ => digits.to_string(),
    };
    let body = format!("{grouped}{rest}");
    match spec.align.unwrap_or('>') {
        '=' => {
            let width = spec.width.saturating_sub(sign.len() + prefix.len());
            format!("{sign}{prefix}{}", pad(&body, '>', spec.fill, width))
        }
        align => pad(&format!("{sign}{prefix}{body}"), align, spec.fill, spec.width),
    }
}

/// Digits with separators; filled with zeros to `width`, never starting with a separator.
fn group_digits(digits: &str, separator: char, group: usize, width: usize) -> String {
    let mut out: Vec<char> = Vec::with_capacity(digits.len().max(width) + 1);
    let mut count = 0;
    for digit in digits.chars().rev() {
        if count > 0 && count % group == 0 {
            out.push(separator);
        }
        out.push(digit);
        count += 1;
    }
    while out.len() < width {
        if count % group == 0 {
            out.push(separator);
        }
        out.push('0');
        count += 1;
    }
    out.iter().rev().collect()
}

/// The first part of a replacement field's name.
pub(crate) enum First<'a> {
    Index(usize),
    Name(&'a str),
}

pub(crate) type Lookup<'l> = dyn FnMut(&mut Vm, First<'_>) -> Result<Value, Raise> + 'l;

/// `template.format(...)`, with the values from `lookup`.
pub(crate) fn str_format(vm: &mut Vm, template: &str, lookup: &mut Lookup<'_>) -> Result<String, Raise> {
    format_with(vm, template, lookup, field)
}

/// Writes `{value!conversion:spec}`.
pub(crate) type WriteField = fn(&mut Vm, &Value, Option<char>, &str, &mut String) -> Result<(), Raise>;

/// Like [`str_format`], with fields written in another way.
pub(crate) fn format_with(
    vm: &mut Vm,
    template: &str,
    lookup: &mut Lookup<'_>,
    write: WriteField,
) -> Result<String, Raise> {
    let mut out = String::new();
    let mut counter = Counter::Unused;
    format_into(vm, template, lookup, &mut counter, (2, write), &mut out)?;
    Ok(out)
}

/// A field as Snakemake writes it into commands: elements of a list after each other, quoted for `:q`.
pub(crate) fn command_field(
    vm: &mut Vm,
    value: &Value,
    conversion: Option<char>,
    spec: &str,
    out: &mut String,
) -> Result<(), Raise> {
    let elements = match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) if conversion.is_none() => vm.collect(value)?,
        one => vec![one.clone()],
    };
    let (spec, quotes) = match (spec.strip_suffix('q'), spec.strip_suffix('u')) {
        (Some(spec), _) => (spec, true),
        (None, spec_u) => (spec_u.unwrap_or(spec), false),
    };
    for (i, element) in elements.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { " " });
        let mut text = String::new();
        field(vm, element, conversion, spec, &mut text)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
        if quotes && !text.chars().all(plain) {
            text = format!("'{}'", text.replace('\'', "'\"'\"'"));
        }
        vm.budget.allocate(text.len() as u64)?;
        out.push_str(&text);
    }
    Ok(())
}

enum Counter {
    Unused,
    Automatic(usize),
    Manual,
}

fn format_into(
    vm: &mut Vm,
    template: &str,
    lookup: &mut Lookup<'_>,
    counter: &mut Counter,
    (depth, write): (usize, WriteField),
    out: &mut String,
) -> Result<(), Raise> {
    if depth == 0 && !template.is_empty() {
        return Err(Raise::value_error("replacement fields are nested too deeply"));
    }
    let mut rest = template;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'{' | b'}')) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(Raise::value_error("`}` without `{` in a format").help("a literal brace is `}}`"));
        }
        let (field_text, after) = split_field(rest)?;
        rest = after;
        let parts = split_parts(field_text)?;
        let value = field_value(vm, parts.name, lookup, counter)?;
        let mut spec = String::new();
        format_into(vm, parts.spec, lookup, counter, (depth - 1, write), &mut spec)?;
        write(vm, &value, parts.conversion, &spec, out)?;
        vm.budget.allocate(16)?;
    }
    out.push_str(rest);
    vm.budget.allocate(out.len() as u64)
}

/// The text up to the brace that closes the field, and what follows it.
fn split_field(text: &str) -> Result<(&str, &str), Raise> {
    let mut depth = 1;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Ok((&text[..i], &text[i + 1..]));
                }
            }
            _ => {}
        }
    }
    Err(Raise::value_error("`{` is never closed in a format").help("a literal brace is `{{`"))
}

struct FieldParts<'a> {
    name: &'a str,
    conversion: Option<char>,
    spec: &'a str,
}

fn split_parts(text: &str) -> Result<FieldParts<'_>, Raise> {
    let mut in_brackets = false;
    let mut end = text.len();
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'{' => return Err(Raise::value_error("unexpected `{` in a field name")),
            b':' | b'!' if !in_brackets => {
                end = i;
                break;
            }
            _ => {}
        }
    }
    let (name, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix('!') {
        let mut chars = rest.chars();
        let conversion = chars.next().ok_or_else(|| Raise::value_error("`!` without a conversion"))?;
        let rest = chars.as_str();
        return match rest.strip_prefix(':') {
            Some(spec) => Ok(FieldParts { name, conversion: Some(conversion), spec }),
            None if rest.is_empty() => Ok(FieldParts { name, conversion: Some(conversion), spec: "" }),
            None => Err(Raise::value_error("expected `:` after the conversion")),
        };
    }
    Ok(FieldParts { name, conversion: None, spec: rest.strip_prefix(':').unwrap_or("") })
}

fn field_value(
    vm: &mut Vm,
    name: &str,
    lookup: &mut Lookup<'_>,
    counter: &mut Counter,
) -> Result<Value, Raise> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(end);
    let mixed = || Raise::value_error("a format has either `{}` or numbered fields, not both");
    let mut value = if first.is_empty() {
        let index = match counter {
            Counter::Unused => 0,
            Counter::Automatic(next) => *next,
            Counter::Manual => return Err(mixed()),
        };
        *counter = Counter::Automatic(index + 1);
        lookup(vm, First::Index(index))?
    } else if first.bytes().all(|b| b.is_ascii_digit()) {
        if matches!(counter, Counter::Automatic(_)) {
            return Err(mixed());
        }
        *counter = Counter::Manual;
        let index = first.parse().map_err(|_| Raise::value_error("too many digits in a field name"))?;
        lookup(vm, First::Index(index))?
    } else {
        lookup(vm, First::Name(first))?
    };
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return Err(Raise::value_error("empty attribute in a format"));
            }
            value = vm.get_attr(&value, &after[..end])?;
            rest = &after[end..];
        } else {
            let inner = rest
                .strip_prefix('[')
                .ok_or_else(|| Raise::value_error("only `.` or `[` may follow `]` in a field name"))?;
            let end = inner.find(']').ok_or_else(|| Raise::value_error("missing `]` in a format"))?;
            let key = &inner[..end];
            if key.is_empty() {
                return Err(Raise::value_error("empty attribute in a format"));
            }
            let key = key.parse::<i64>().map_or_else(|_| Value::from(key), Value::Int);
            value = index::get_item(vm, &value, &key)?;
            rest = &inner[end + 1..];
        }
    }
    Ok(value)
}
