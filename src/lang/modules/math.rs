//! The module `math`.

use super::ModuleDef;
use crate::lang::builtins::args::{int, optional_int, wrong};
use crate::lang::iter::Walk;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

macro_rules! real_functions {
    ($($name:literal $call:expr, $infinite:ident;)*) => {
        &[
            $(Builtin { name: $name, call: |_, args| real(args, $name, $call, Infinite::$infinite) },)*
            Builtin { name: "atan2", call: |_, args| two(args, "atan2", |y, x| Ok(y.atan2(x))) },
            Builtin { name: "ceil", call: |_, args| whole(args, "ceil", f64::ceil) },
            Builtin { name: "comb", call: comb },
            Builtin { name: "copysign", call: |_, args| two(args, "copysign", |x, y| Ok(x.copysign(y))) },
            Builtin { name: "dist", call: dist },
            Builtin { name: "factorial", call: factorial },
            Builtin { name: "floor", call: |_, args| whole(args, "floor", f64::floor) },
            Builtin { name: "fmod", call: |_, args| two(args, "fmod", fmod) },
            Builtin { name: "frexp", call: frexp },
            Builtin { name: "fsum", call: fsum },
            Builtin { name: "gcd", call: gcd },
            Builtin { name: "hypot", call: hypot },
            Builtin { name: "isclose", call: isclose },
            Builtin { name: "isfinite", call: |_, args| test(args, "isfinite", f64::is_finite) },
            Builtin { name: "isinf", call: |_, args| test(args, "isinf", f64::is_infinite) },
            Builtin { name: "isnan", call: |_, args| test(args, "isnan", f64::is_nan) },
            Builtin { name: "isqrt", call: isqrt },
            Builtin { name: "lcm", call: lcm },
            Builtin { name: "ldexp", call: ldexp },
            Builtin { name: "log", call: log },
            Builtin { name: "modf", call: modf },
            Builtin { name: "perm", call: perm },
            Builtin { name: "pow", call: |_, args| two(args, "pow", pow) },
            Builtin { name: "prod", call: prod },
            Builtin { name: "remainder", call: |_, args| two(args, "remainder", remainder) },
            Builtin { name: "trunc", call: |_, args| whole(args, "trunc", f64::trunc) },
        ]
    };
}

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "math",
    functions: FUNCTIONS,
    values: || {
        vec![
            ("e", Value::Float(std::f64::consts::E)),
            ("inf", Value::Float(f64::INFINITY)),
            ("nan", Value::Float(f64::NAN)),
            ("pi", Value::Float(std::f64::consts::PI)),
            ("tau", Value::Float(std::f64::consts::TAU)),
        ]
    },
    refused: &[
        ("erf", "compute it in a script that a rule runs"),
        ("erfc", "compute it in a script that a rule runs"),
        ("gamma", "compute it in a script that a rule runs"),
        ("lgamma", "compute it in a script that a rule runs"),
    ],
};

/// What an infinite result of a finite number means.
#[derive(Clone, Copy, PartialEq)]
enum Infinite {
    /// The number is outside of what the function is defined for.
    Domain,
    /// The result is too large.
    Range,
}

const FUNCTIONS: &[Builtin] = real_functions! {
    "acos" f64::acos, Domain;
    "acosh" f64::acosh, Domain;
    "asin" f64::asin, Domain;
    "asinh" f64::asinh, Domain;
    "atan" f64::atan, Domain;
    "atanh" f64::atanh, Domain;
    "cbrt" f64::cbrt, Domain;
    "cos" f64::cos, Domain;
    "cosh" f64::cosh, Range;
    "degrees" f64::to_degrees, Range;
    "exp" f64::exp, Range;
    "exp2" f64::exp2, Range;
    "expm1" f64::exp_m1, Range;
    "fabs" f64::abs, Domain;
    "log10" f64::log10, Domain;
    "log1p" f64::ln_1p, Domain;
    "log2" f64::log2, Domain;
    "radians" |x| x * (std::f64::consts::PI / 180.0), Domain;
    "sin" f64::sin, Domain;
    "sinh" f64::sinh, Range;
    "sqrt" f64::sqrt, Domain;
    "tan" f64::tan, Domain;
    "tanh" f64::tanh, Domain;
};

fn domain() -> Raise {
    Raise::value_error("math domain error")
}

fn range() -> Raise {
    Raise::new(Exc::OverflowError, "math range error")
}

fn float(value: &Value, name: &str) -> Result<f64, Raise> {
    Number::of(value).map(Number::float).ok_or_else(|| wrong(value, name, "a number"))
}

fn real(args: Args, name: &str, call: fn(f64) -> f64, infinite: Infinite) -> Result<Value, Raise> {
    let x = float(&args.one(name)?, name)?;
    let y = call(x);
    match y {
        y if y.is_nan() && !x.is_nan() => Err(domain()),
        y if y.is_infinite() && x.is_finite() => {
            Err(if infinite == Infinite::Range { range() } else { domain() })
        }
        y => Ok(Value::Float(y)),
    }
}

fn two(args: Args, name: &str, call: fn(f64, f64) -> Result<f64, Raise>) -> Result<Value, Raise> {
    let [x, y] = args.take(name, ["/x", "/y"], 2)?;
    let (x, y) = (float(&x.unwrap_or(Value::None), name)?, float(&y.unwrap_or(Value::None), name)?);
    call(x, y).map(Value::Float)
}

fn test(args: Args, name: &str, call: fn(f64) -> bool) -> Result<Value, Raise> {
    float(&args.one(name)?, name).map(|x| Value::Bool(call(x)))
}

fn whole(args: Args, name: &str, call: fn(f64) -> f64) -> Result<Value, Raise> {
    let value = args.one(name)?;
    match Number::of(&value) {
        Some(Number::Int(n)) => Ok(Value::Int(n)),
        Some(Number::Float(x)) if x.is_nan() => Err(Raise::value_error("nan is not a whole number")),
        Some(Number::Float(x)) => {
            let too_large = || Raise::new(Exc::OverflowError, "the float is too large for a whole number");
            ops::float_to_int(call(x)).map(Value::Int).ok_or_else(too_large)
        }
        None => Err(wrong(&value, name, "a number")),
    }
}

fn fmod(x: f64, y: f64) -> Result<f64, Raise> {
    let rest = x % y;
    if rest.is_nan() && !x.is_nan() && !y.is_nan() { Err(domain()) } else { Ok(rest) }
}

/// The rest that is nearest to 0; of two that are equally near, the one of an even quotient.
fn remainder(x: f64, y: f64) -> Result<f64, Raise> {
    if x.is_nan() || y.is_nan() {
        return Ok(f64::NAN);
    }
    if x.is_infinite() || y == 0.0 {
        return Err(domain());
    }
    if y.is_infinite() {
        return Ok(x);
    }
    let (whole, y) = (x.abs(), y.abs());
    let low = whole % y;
    let high = y - low;
    let rest = match low.total_cmp(&high) {
        std::cmp::Ordering::Less => low,
        std::cmp::Ordering::Greater => -high,
        std::cmp::Ordering::Equal => low - 2.0 * ((0.5 * (whole - low)) % y),
    };
    Ok(if x.is_sign_negative() { -rest } else { rest })
}

fn pow(x: f64, y: f64) -> Result<f64, Raise> {
    let result = x.powf(y);
    if !x.is_finite() || !y.is_finite() {
        return Ok(result);
    }
    match result {
        r if r.is_nan() => Err(domain()),
        r if r.is_infinite() && x == 0.0 => Err(domain()),
        r if r.is_infinite() => Err(range()),
        r => Ok(r),
    }
}

fn log(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [x, base] = args.take("log", ["/x", "/base"], 1)?;
    let of = |value: &Value| -> Result<f64, Raise> {
        let x = float(value, "log")?;
        if x <= 0.0 { Err(domain()) } else { Ok(x.ln()) }
    };
    let x = of(&x.unwrap_or(Value::None))?;
    let Some(base) = base else { return Ok(Value::Float(x)) };
    let base = of(&base)?;
    if base == 0.0 {
        return Err(Raise::new(Exc::ZeroDivisionError, "division by zero"));
    }
    Ok(Value::Float(x / base))
}

fn not_negative(value: Option<Value>, name: &str) -> Result<i64, Raise> {
    let n = int(&value.unwrap_or(Value::None), name)?;
    if n < 0 { Err(Raise::value_error(format!("`{name}` needs a number from 0"))) } else { Ok(n) }
}

fn factorial(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let n = not_negative(Some(args.one("factorial")?), "factorial")?;
    // 21! has more than 64 bits.
    let product = (1..=n.min(21)).try_fold(1i64, |product, n| product.checked_mul(n));
    product.map(Value::Int).ok_or_else(ops::overflow)
}

fn comb(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [n, k] = args.take("comb", ["/n", "/k"], 2)?;
    let (n, k) = (not_negative(n, "comb")?, not_negative(k, "comb")?);
    if k > n {
        return Ok(Value::Int(0));
    }
    let mut result: i128 = 1;
    for i in 1..=k.min(n - k) {
        vm.budget.spend(1)?;
        // Each partial product is a binomial coefficient itself.
        let next = result.checked_mul(i128::from(n - i + 1)).map(|product| product / i128::from(i));
        result = next.filter(|next| *next <= i128::from(i64::MAX)).ok_or_else(ops::overflow)?;
    }
    i64::try_from(result).map(Value::Int).map_err(|_| ops::overflow())
}

fn perm(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [n, k] = args.take("perm", ["/n", "/k"], 1)?;
    let n = not_negative(n, "perm")?;
    let k = match k {
        None | Some(Value::None) => n,
        given => not_negative(given, "perm")?,
    };
    if k > n {
        return Ok(Value::Int(0));
    }
    let mut result: i64 = 1;
    for i in 0..k {
        vm.budget.spend(1)?;
        result = result.checked_mul(n - i).ok_or_else(ops::overflow)?;
    }
    Ok(Value::Int(result))
}

fn gcd_of(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn gcd(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut result = 0;
    for value in args.all_positional("gcd")? {
        result = gcd_of(result, int(&value, "gcd")?.unsigned_abs());
    }
    i64::try_from(result).map(Value::Int).map_err(|_| ops::overflow())
}

fn lcm(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut result: u64 = 1;
    for value in args.all_positional("lcm")? {
        let n = int(&value, "lcm")?.unsigned_abs();
        if n == 0 || result == 0 {
            result = 0;
            continue;
        }
        result = (result / gcd_of(result, n)).checked_mul(n).ok_or_else(ops::overflow)?;
    }
    i64::try_from(result).map(Value::Int).map_err(|_| ops::overflow())
}

fn isqrt(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    Ok(Value::Int(not_negative(Some(args.one("isqrt")?), "isqrt")?.isqrt()))
}

fn floats(vm: &mut Vm, value: &Value, name: &str) -> Result<Vec<f64>, Raise> {
    let items = vm.collect(value)?;
    items.iter().map(|item| float(item, name)).collect()
}

fn hypot(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let values = args.all_positional("hypot")?;
    let values: Vec<f64> = values.iter().map(|value| float(value, "hypot")).collect::<Result<_, _>>()?;
    Ok(Value::Float(length(&values)))
}

fn length(values: &[f64]) -> f64 {
    match values {
        [x, y] => x.hypot(*y),
        many => many.iter().fold(0.0, |length: f64, x| length.hypot(*x)),
    }
}

fn dist(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [p, q] = args.take("dist", ["/p", "/q"], 2)?;
    let p = floats(vm, &p.unwrap_or(Value::None), "dist")?;
    let q = floats(vm, &q.unwrap_or(Value::None), "dist")?;
    if p.len() != q.len() {
        return Err(Raise::value_error("both points must have the same number of dimensions"));
    }
    let differences: Vec<f64> = p.iter().zip(&q).map(|(p, q)| p - q).collect();
    Ok(Value::Float(length(&differences)))
}

fn isclose(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [a, b, relative, absolute] = args.take("isclose", ["a", "b", "*rel_tol", "*abs_tol"], 2)?;
    let number = |value: Option<Value>, default: f64| match value {
        Some(value) => float(&value, "isclose"),
        None => Ok(default),
    };
    let (a, b) = (number(a, 0.0)?, number(b, 0.0)?);
    let (relative, absolute) = (number(relative, 1e-9)?, number(absolute, 0.0)?);
    if relative < 0.0 || absolute < 0.0 {
        return Err(Raise::value_error("tolerances must be non-negative"));
    }
    if a == b {
        return Ok(Value::Bool(true));
    }
    let difference = (a - b).abs();
    let close = a.is_finite()
        && b.is_finite()
        && (difference <= (relative * b).abs()
            || difference <= (relative * a).abs()
            || difference <= absolute);
    Ok(Value::Bool(close))
}

fn modf(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let x = float(&args.one("modf")?, "modf")?;
    let part = if x.is_infinite() { 0.0f64.copysign(x) } else { x.fract().copysign(x) };
    let whole = if x.is_nan() { x } else { x.trunc() };
    Ok(Value::tuple(vec![Value::Float(if x.is_nan() { x } else { part }), Value::Float(whole)]))
}

fn frexp(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let x = float(&args.one("frexp")?, "frexp")?;
    if x == 0.0 || !x.is_finite() {
        return Ok(Value::tuple(vec![Value::Float(x), Value::Int(0)]));
    }
    // Subnormal numbers are brought into the normal range first.
    let (scaled, shift) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(54), 54) } else { (x, 0) };
    let bits = scaled.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1022;
    let mantissa = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    Ok(Value::tuple(vec![Value::Float(mantissa), Value::Int(exponent - shift)]))
}

fn ldexp(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [x, exponent] = args.take("ldexp", ["/x", "/i"], 2)?;
    let mut x = float(&x.unwrap_or(Value::None), "ldexp")?;
    let mut left = int(&exponent.unwrap_or(Value::None), "ldexp")?.clamp(-4000, 4000);
    if x == 0.0 || !x.is_finite() {
        return Ok(Value::Float(x));
    }
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        x *= 2f64.powi(step as i32);
        left -= step;
    }
    if x.is_infinite() { Err(range()) } else { Ok(Value::Float(x)) }
}

fn prod(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, start] = args.take("prod", ["/iterable", "*start"], 1)?;
    let mut total = start.unwrap_or(Value::Int(1));
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        total = ops::binary(vm, BinaryOp::Mul, &total, &item)?;
    }
    Ok(total)
}

fn fsum(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let values = floats(vm, &args.one("fsum")?, "fsum")?;
    vm.budget.spend(values.len() as u64)?;
    exact_sum(&values).map(Value::Float)
}

/// The sum, rounded once: the partial sums do not overlap, so together they are exact.
pub(super) fn exact_sum(values: &[f64]) -> Result<f64, Raise> {
    let mut partials: Vec<f64> = Vec::new();
    let mut special = 0.0;
    for &value in values {
        if !value.is_finite() {
            special += value;
            continue;
        }
        let mut x = value;
        let mut kept = 0;
        for at in 0..partials.len() {
            let mut y = partials[at];
            if x.abs() < y.abs() {
                (x, y) = (y, x);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                partials[kept] = low;
                kept += 1;
            }
            x = high;
        }
        if !x.is_finite() {
            return Err(Raise::new(Exc::OverflowError, "intermediate overflow in fsum"));
        }
        partials.truncate(kept);
        partials.push(x);
    }
    if special != 0.0 || f64::is_nan(special) {
        return if special.is_nan() && values.iter().all(|x| !x.is_nan()) {
            Err(Raise::value_error("-inf + inf in fsum"))
        } else {
            Ok(special)
        };
    }
    Ok(rounded(&partials))
}

/// The partial sums, smallest first, as one float, half to even.
fn rounded(partials: &[f64]) -> f64 {
    let mut rest = partials.iter().rev().copied();
    let Some(mut high) = rest.next() else { return 0.0 };
    let mut low = 0.0;
    let mut below = None;
    while let Some(y) = rest.next() {
        let x = high;
        high = x + y;
        low = y - (high - x);
        if low != 0.0 {
            below = rest.next();
            break;
        }
    }
    // Exactly between two floats: what is below decides.
    if below.is_some_and(|below| (low < 0.0 && below < 0.0) || (low > 0.0 && below > 0.0)) {
        let y = low * 2.0;
        let x = high + y;
        if y == x - high {
            high = x;
        }
    }
    high
}

/// The number of an optional argument.
pub(super) fn optional_count(value: Option<&Value>, name: &str) -> Result<Option<usize>, Raise> {
    match optional_int(value, name)? {
        None => Ok(None),
        Some(n) => usize::try_from(n)
            .map(Some)
            .map_err(|_| Raise::value_error(format!("`{name}` needs a number from 0"))),
    }
}
