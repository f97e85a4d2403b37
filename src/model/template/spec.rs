//! Python's format specifications (`>10`, `.2f`, `05d`, `,`) for texts and numbers.

use crate::model::value::{Value, python_float};

/// A width or precision above this is a mistake, and would only fill the memory.
const MAX_WIDTH: usize = 10_000;

/// `[[fill]align][sign][#][0][width][,|_][.precision][type]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FormatSpec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// What a field asks for besides its format: `:q`, `:u` or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Automatic,
    Quoted,
    Raw,
}

/// Splits `>10q` into the format and Snakemake's letter at its end.
pub(super) fn split(spec: &str) -> (Request, &str) {
    if let Some(rest) = spec.strip_suffix('q') {
        (Request::Quoted, rest)
    } else if let Some(rest) = spec.strip_suffix('u') {
        (Request::Raw, rest)
    } else {
        (Request::Automatic, spec)
    }
}

impl FormatSpec {
    pub(super) fn parse(spec: &str) -> Result<FormatSpec, String> {
        let mut chars: Vec<char> = spec.chars().collect();
        chars.reverse();
        let mut parsed = FormatSpec::default();
        let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '^' | '='));
        if chars.len() > 1 && is_align(chars.get(chars.len() - 2)) {
            (parsed.fill, parsed.align) = (chars.pop(), chars.pop());
        } else if is_align(chars.last()) {
            parsed.align = chars.pop();
        }
        parsed.sign = chars.pop_if(|c| matches!(c, '+' | '-' | ' '));
        parsed.alternate = chars.pop_if(|c| *c == '#').is_some();
        if chars.pop_if(|c| *c == '0').is_some() && parsed.align.is_none() {
            (parsed.fill, parsed.align) = (Some('0'), Some('='));
        }
        parsed.width = number(&mut chars)?.unwrap_or(0);
        parsed.grouping = chars.pop_if(|c| matches!(c, ',' | '_'));
        if chars.pop_if(|c| *c == '.').is_some() {
            let precision = number(&mut chars)?.ok_or("a number is missing after `.`")?;
            parsed.precision = Some(precision);
        }
        parsed.kind = chars.pop();
        match parsed.kind {
            Some(kind) if !"sdxXobeEfFgGn%".contains(kind) || !chars.is_empty() => {
                Err(format!("`{spec}` is not a format"))
            }
            _ => Ok(parsed),
        }
    }

    /// Whether a text can have this format.
    pub(super) fn check_text(&self) -> Result<(), String> {
        let text_kind = matches!(self.kind, None | Some('s'));
        // `05` on a text pads at its end in Python; nobody means that, but it is no error there either.
        let zero = self.fill == Some('0');
        if !text_kind || self.sign.is_some() || self.grouping.is_some() || (self.align == Some('=') && !zero)
        {
            return Err("this format is for numbers, and the value is text".into());
        }
        Ok(())
    }

    pub(super) fn text(&self, text: &str) -> Result<String, String> {
        self.check_text()?;
        let shown = match self.precision {
            Some(limit) => text.chars().take(limit).collect(),
            None => text.to_string(),
        };
        let align = if self.align == Some('=') { Some('<') } else { self.align };
        Ok(pad("", &shown, self.width, self.fill.unwrap_or(' '), align.unwrap_or('<')))
    }

    pub(super) fn value(&self, value: &Value) -> Result<String, String> {
        if *self == FormatSpec::default() {
            return Ok(value.to_string());
        }
        match value {
            Value::Str(text) => self.text(text),
            Value::Bool(b) => self.int(i64::from(*b)),
            Value::Int(n) => self.int(*n),
            Value::Float(x) => self.float(*x),
            Value::None
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Set(_)
            | Value::FrozenSet(_)
            | Value::Map(_)
            | Value::Record(_) => Err("only texts and numbers can be formatted".into()),
        }
    }

    fn int(&self, n: i64) -> Result<String, String> {
        let magnitude = n.unsigned_abs();
        let (prefix, digits, group) = match self.kind {
            None | Some('d' | 'n') => ("", magnitude.to_string(), 3),
            Some('x') => ("0x", format!("{magnitude:x}"), 4),
            Some('X') => ("0X", format!("{magnitude:X}"), 4),
            Some('o') => ("0o", format!("{magnitude:o}"), 4),
            Some('b') => ("0b", format!("{magnitude:b}"), 4),
            Some('s') => return Err("`s` is for texts, and the value is a number".into()),
            Some(_) => return self.float(n as f64),
        };
        if self.precision.is_some() {
            return Err("a whole number has no precision".into());
        }
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.number(n < 0, prefix, &self.grouped(&digits, group)))
    }

    fn float(&self, x: f64) -> Result<String, String> {
        let magnitude = x.abs();
        let precision = self.precision.unwrap_or(6);
        let body = match self.kind {
            _ if !x.is_finite() => python_float(magnitude),
            None if self.precision.is_none() => python_float(magnitude),
            None => general(magnitude, precision, true),
            Some('f' | 'F') => format!("{magnitude:.precision$}"),
            Some('e' | 'E') => exponential(magnitude, precision),
            Some('g' | 'G' | 'n') => general(magnitude, precision, false),
            Some('%') => format!("{:.precision$}%", magnitude * 100.0),
            Some(kind) => return Err(format!("`{kind}` is not for numbers with a fraction")),
        };
        let body = if matches!(self.kind, Some('E' | 'G' | 'F')) { body.to_uppercase() } else { body };
        Ok(self.number(x.is_sign_negative() && !x.is_nan(), "", &self.grouped(&body, 3)))
    }

    fn number(&self, negative: bool, prefix: &str, digits: &str) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            (false, _) => "",
        };
        let head = format!("{sign}{prefix}");
        pad(&head, digits, self.width, self.fill.unwrap_or(' '), self.align.unwrap_or('>'))
    }

    /// Puts the separator between groups of digits before the point.
    fn grouped(&self, digits: &str, group: usize) -> String {
        let Some(separator) = self.grouping else { return digits.to_string() };
        let whole = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        let (whole, rest) = digits.split_at(whole);
        let mut out = String::new();
        for (i, c) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(group) {
                out.push(separator);
            }
            out.push(c);
        }
        out + rest
    }
}

fn number(chars: &mut Vec<char>) -> Result<Option<usize>, String> {
    let mut found = None;
    while let Some(digit) = chars.last().and_then(|c| c.to_digit(10)) {
        chars.pop();
        let value = found.unwrap_or(0_usize) * 10 + digit as usize;
        if value > MAX_WIDTH {
            return Err(format!("a width above {MAX_WIDTH} is not possible"));
        }
        found = Some(value);
    }
    Ok(found)
}

fn pad(head: &str, body: &str, width: usize, fill: char, align: char) -> String {
    let missing = width.saturating_sub(head.chars().count() + body.chars().count());
    let fill = |n: usize| fill.to_string().repeat(n);
    match align {
        '<' => format!("{head}{body}{}", fill(missing)),
        '^' => format!("{}{head}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{head}{}{body}", fill(missing)),
        _ => format!("{}{head}{body}", fill(missing)),
    }
}

/// C's `%e`: at least two digits in the exponent.
fn exponential(x: f64, precision: usize) -> String {
    let text = format!("{x:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// C's `%g`; Python's format without a type (`plain`) keeps one digit after the point.
fn general(x: f64, precision: usize, plain: bool) -> String {
    let precision = precision.max(1);
    let scientific = exponential(x, precision - 1);
    let exponent: i64 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let limit = precision as i64 - i64::from(plain);
    if exponent < -4 || exponent >= limit {
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
        return format!("{}e{exponent}", trim_zeros(digits));
    }
    let decimals = usize::try_from(precision as i64 - 1 - exponent).unwrap_or(0);
    let fixed = format!("{x:.decimals$}");
    let trimmed = trim_zeros(&fixed);
    if plain && !trimmed.contains('.') { format!("{trimmed}.0") } else { trimmed.to_string() }
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts were made by CPython's `format()`.
    #[test]
    fn numbers_and_texts_format_as_in_python() {
        let cases: &[(Value, &str, &str)] = &[
            (Value::Int(7), "03d", "007"),
            (Value::Int(-7), "04", "-007"),
            (Value::Int(7), ">5", "    7"),
            (Value::Int(7), "<3", "7  "),
            (Value::Int(255), "#x", "0xff"),
            (Value::Int(1_234_567), ",", "1,234,567"),
            (Value::Int(65_535), "_b", "1111_1111_1111_1111"),
            (Value::Int(5), "+", "+5"),
            (Value::Int(3), ".2f", "3.00"),
            (Value::Bool(true), "d", "1"),
            (Value::Bool(true), "", "True"),
            (Value::Float(0.125), ".2f", "0.12"),
            (Value::Float(0.5), "%", "50.000000%"),
            (Value::Float(0.5), ".0%", "50%"),
            (Value::Float(1e-5), "g", "1e-05"),
            (Value::Float(1_234_567.0), "g", "1.23457e+06"),
            (Value::Float(100_000.0), "g", "100000"),
            (Value::Float(1234.5), ".3", "1.23e+03"),
            (Value::Float(1.0), ".3", "1.0"),
            (Value::Float(12.0), ".2", "1.2e+01"),
            (Value::Float(1.5), "e", "1.500000e+00"),
            (Value::Float(-1.5), "08.2f", "-0001.50"),
            (Value::Float(1234.5), ",.1f", "1,234.5"),
            (Value::Float(0.1), "", "0.1"),
            (Value::Float(0.1), "6", "   0.1"),
            (Value::from("ab"), ">4", "  ab"),
            (Value::from("ab"), "*^5", "*ab**"),
            (Value::from("abcdef"), ".3", "abc"),
            (Value::from("ab"), "s", "ab"),
        ];
        for (value, spec, expected) in cases {
            let formatted = FormatSpec::parse(spec).and_then(|s| s.value(value));
            assert_eq!(formatted.as_deref(), Ok(*expected), "format({value:?}, {spec:?})");
        }
    }

    #[test]
    fn wrong_formats_are_errors_and_not_surprises() {
        for spec in ["zz", ">", "10dd", ".f", ">99999999999999999999", "{w}"] {
            let result = FormatSpec::parse(spec);
            assert_eq!(result.is_ok(), spec == ">", "{spec}: {result:?}");
        }
        for (value, spec) in
            [(Value::from("a"), "d"), (Value::Float(1.5), "d"), (Value::Int(1), ".3"), (Value::None, ">3")]
        {
            let result = FormatSpec::parse(spec).and_then(|s| s.value(&value));
            assert!(result.is_err(), "{value:?} {spec}: {result:?}");
        }
    }
}
