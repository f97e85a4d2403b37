//! Built-in functions on numbers.

use super::args::{int, optional_int};
use super::basic::number;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "abs", call: abs },
    Builtin { name: "divmod", call: divmod },
    Builtin { name: "pow", call: pow },
    Builtin { name: "round", call: round },
];

pub(crate) fn abs(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    match number(&args.one("abs")?, "abs")? {
        Number::Int(n) => n.checked_abs().map(Value::Int).ok_or_else(ops::overflow),
        Number::Float(x) => Ok(Value::Float(x.abs())),
    }
}

fn divmod(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [a, b] = args.take("divmod", ["/a", "/b"], 2)?;
    let (a, b) = (a.unwrap_or(Value::None), b.unwrap_or(Value::None));
    number(&a, "divmod")?;
    number(&b, "divmod")?;
    let quotient = ops::binary(vm, BinaryOp::FloorDiv, &a, &b)?;
    let rest = ops::binary(vm, BinaryOp::Mod, &a, &b)?;
    Ok(Value::tuple(vec![quotient, rest]))
}

fn pow(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [base, exponent, modulus] = args.take("pow", ["base", "exp", "mod"], 2)?;
    let (base, exponent) = (base.unwrap_or(Value::None), exponent.unwrap_or(Value::None));
    let Some(modulus) = modulus.filter(|value| !matches!(value, Value::None)) else {
        return ops::binary(vm, BinaryOp::Pow, &base, &exponent);
    };
    let (base, exponent, modulus) = (int(&base, "pow")?, int(&exponent, "pow")?, int(&modulus, "pow")?);
    if modulus == 0 {
        return Err(Raise::value_error("`pow` with modulus 0"));
    }
    if exponent < 0 {
        return Err(Raise::value_error("`pow` with a modulus needs an exponent of 0 or more"));
    }
    let modulus = i128::from(modulus);
    let (mut result, mut power, mut left) = (1i128, i128::from(base).rem_euclid(modulus.abs()), exponent);
    while left > 0 {
        if left % 2 == 1 {
            result = result * power % modulus.abs();
        }
        power = power * power % modulus.abs();
        left /= 2;
    }
    result %= modulus.abs();
    if modulus < 0 && result != 0 {
        result += modulus;
    }
    i64::try_from(result).map(Value::Int).map_err(|_| ops::overflow())
}

fn round(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, digits] = args.take("round", ["number", "ndigits"], 1)?;
    let value = number(&value.unwrap_or(Value::None), "round")?;
    let digits = optional_int(digits.as_ref(), "round")?;
    match (value, digits) {
        (Number::Int(n), None) => Ok(Value::Int(n)),
        (Number::Int(n), Some(digits)) => round_int(n, digits).map(Value::Int),
        (Number::Float(x), None) => {
            if x.is_nan() {
                return Err(Raise::value_error("nan is not a whole number"));
            }
            let whole = x.round_ties_even();
            let too_large = || Raise::new(Exc::OverflowError, "the float is too large for a whole number");
            ops::float_to_int(whole).map(Value::Int).ok_or_else(too_large)
        }
        (Number::Float(x), Some(digits)) => Ok(Value::Float(round_float(x, digits))),
    }
}

/// Half to even, as Python rounds.
fn round_int(n: i64, digits: i64) -> Result<i64, Raise> {
    if digits >= 0 {
        return Ok(n);
    }
    let Some(unit) = u32::try_from(-digits).ok().and_then(|d| 10i128.checked_pow(d)) else { return Ok(0) };
    let n = i128::from(n);
    let (quotient, rest) = (n.div_euclid(unit), n.rem_euclid(unit));
    let up = rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0);
    let rounded = (quotient + i128::from(up)) * unit;
    i64::try_from(rounded).map_err(|_| ops::overflow())
}

/// Correctly rounded by way of the exact decimal digits.
fn round_float(x: f64, digits: i64) -> f64 {
    if !x.is_finite() || digits > 330 {
        return x;
    }
    if digits < -310 {
        return 0.0f64.copysign(x);
    }
    if digits >= 0 {
        return format!("{x:.*}", digits as usize).parse().unwrap_or(x);
    }
    // All digits of the whole part, cut at the wanted one, half to even.
    let exact = format!("{:.*}", 1100, x.abs());
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let cut = usize::try_from(-digits).unwrap_or(0);
    let padded = format!("{}{whole}", "0".repeat((cut + 1).saturating_sub(whole.len())));
    let (kept, dropped) = padded.split_at(padded.len() - cut);
    let half = format!("5{}", "0".repeat(cut.saturating_sub(1)));
    let exactly_half = dropped == half && fraction.bytes().all(|b| b == b'0');
    let odd = kept.bytes().last().is_some_and(|b| b % 2 == 1);
    let up = if exactly_half { odd } else { dropped >= half.as_str() };
    let kept: f64 = kept.parse().unwrap_or(0.0);
    let text = format!("{}e{cut}", kept + f64::from(u8::from(up)));
    text.parse::<f64>().unwrap_or(x.abs()).copysign(x)
}
