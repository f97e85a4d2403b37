//! `timedelta`: a length of time, to the microsecond.

use super::moment::{DAY, SECOND};
use crate::lang::builtins::args::wrong;
use crate::lang::object::{HostType, Object};
use crate::lang::ops::Number;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Method, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// As in Python.
const MOST_DAYS: i128 = 999_999_999;

pub(super) static TIMEDELTA: HostType = HostType {
    name: "datetime.timedelta",
    construct,
    methods: &[Method {
        name: "total_seconds",
        call: |_, me, args| {
            args.none("total_seconds")?;
            match me.downcast::<Delta>() {
                Some(Delta(micros)) => Ok(Value::Float(*micros as f64 / 1e6)),
                None => Err(wrong(me, "total_seconds", "a timedelta")),
            }
        },
    }],
    ..HostType::PLAIN
};

/// In microseconds.
#[derive(Debug)]
pub(super) struct Delta(pub(super) i128);

fn construct(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
    let units = [DAY, SECOND, 1, 1000, 60 * SECOND, 3600 * SECOND, 7 * DAY];
    let given = args.take("timedelta", names, 0)?;
    let mut micros = 0i128;
    for (value, unit) in given.into_iter().zip(units) {
        let Some(value) = value else { continue };
        if Number::of(&value).is_none() {
            return Err(wrong(&value, "timedelta", "numbers"));
        }
        micros = micros.checked_add(micros_of(&value, unit as f64, unit)?).ok_or_else(too_long)?;
    }
    Delta::checked(micros)
}

/// A number of units in microseconds; fractions are rounded to the nearest.
pub(super) fn micros_of(value: &Value, unit: f64, exact: i128) -> Result<i128, Raise> {
    match Number::of(value) {
        Some(Number::Int(n)) => i128::from(n).checked_mul(exact).ok_or_else(too_long),
        // The whole part is exact: only the fraction is rounded.
        Some(Number::Float(x)) if x.is_finite() && x.abs() < 1e18 => {
            let whole = if exact == 1 { x.round_ties_even() } else { x.trunc() };
            let fraction = ((x - whole) * unit).round_ties_even();
            (whole as i128).checked_mul(exact).map(|micros| micros + fraction as i128).ok_or_else(too_long)
        }
        Some(Number::Float(x)) if x.is_nan() => Err(Raise::value_error("`nan` is no length of time")),
        _ => Err(too_long()),
    }
}

fn too_long() -> Raise {
    Raise::new(Exc::OverflowError, "a timedelta has at most 999999999 days")
}

fn division_by_zero() -> Raise {
    Raise::new(Exc::ZeroDivisionError, "a timedelta was divided by zero")
}

impl Delta {
    pub(super) fn value(micros: i128) -> Value {
        Value::object(Delta(micros))
    }

    fn checked(micros: i128) -> Result<Value, Raise> {
        let there = (-MOST_DAYS * DAY..(MOST_DAYS + 1) * DAY).contains(&micros);
        if there { Ok(Delta::value(micros)) } else { Err(too_long()) }
    }

    /// Days, seconds, microseconds: only the days may be negative. All of them fit.
    fn parts(&self) -> [i64; 3] {
        let rest = self.0.rem_euclid(DAY);
        [self.0.div_euclid(DAY) as i64, (rest / SECOND) as i64, (rest % SECOND) as i64]
    }

    fn with_number(&self, op: BinaryOp, number: Number) -> Option<Result<Value, Raise>> {
        let scaled = |factor: f64| {
            let micros = self.0 as f64 * factor;
            if micros.abs() < 1e30 {
                Delta::checked(micros.round_ties_even() as i128)
            } else {
                Err(too_long())
            }
        };
        Some(match (op, number) {
            (BinaryOp::Mul, Number::Int(n)) => {
                self.0.checked_mul(n.into()).map_or_else(|| Err(too_long()), Delta::checked)
            }
            (BinaryOp::Mul, Number::Float(x)) => scaled(x),
            (BinaryOp::Div | BinaryOp::FloorDiv, Number::Int(0)) => Err(division_by_zero()),
            (BinaryOp::Div, Number::Int(n)) => Delta::checked(divided_to_nearest(self.0, n.into())),
            (BinaryOp::Div, Number::Float(0.0)) => Err(division_by_zero()),
            (BinaryOp::Div, Number::Float(x)) => scaled(1.0 / x),
            (BinaryOp::FloorDiv, Number::Int(n)) => Delta::checked(floor_divided(self.0, n.into())),
            _ => return None,
        })
    }

    fn with_delta(&self, op: BinaryOp, other: i128) -> Option<Result<Value, Raise>> {
        Some(match op {
            BinaryOp::Add => Delta::checked(self.0 + other),
            BinaryOp::Sub => Delta::checked(self.0 - other),
            BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if other == 0 => Err(division_by_zero()),
            BinaryOp::Div => Ok(Value::Float(self.0 as f64 / other as f64)),
            BinaryOp::FloorDiv => i64::try_from(floor_divided(self.0, other))
                .map(Value::Int)
                .map_err(|_| crate::lang::ops::overflow()),
            BinaryOp::Mod => Delta::checked(self.0 - floor_divided(self.0, other) * other),
            _ => return None,
        })
    }
}

fn floor_divided(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    if rest != 0 && (rest < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// To the nearest whole number, to the even one between two.
fn divided_to_nearest(a: i128, b: i128) -> i128 {
    let floor = floor_divided(a, b);
    let twice = (2 * (a - floor * b)).abs();
    match twice.cmp(&b.abs()) {
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + (floor & 1),
        std::cmp::Ordering::Less => floor,
    }
}

impl Object for Delta {
    fn type_name(&self) -> &'static str {
        TIMEDELTA.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&TIMEDELTA)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let [days, seconds, micros] = self.parts();
        Ok(match name {
            "days" => Some(Value::Int(days)),
            "seconds" => Some(Value::Int(seconds)),
            "microseconds" => Some(Value::Int(micros)),
            _ => None,
        })
    }

    fn truth(&self) -> bool {
        self.0 != 0
    }

    fn text(&self) -> String {
        let [days, seconds, micros] = self.parts();
        let mut out = match days {
            0 => String::new(),
            1 | -1 => format!("{days} day, "),
            days => format!("{days} days, "),
        };
        out.push_str(&format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        if micros != 0 {
            out.push_str(&format!(".{micros:06}"));
        }
        out
    }

    fn repr(&self) -> String {
        let parts = ["days", "seconds", "microseconds"].into_iter().zip(self.parts());
        let parts: Vec<String> =
            parts.filter(|(_, n)| *n != 0).map(|(name, n)| format!("{name}={n}")).collect();
        let parts = if parts.is_empty() { "0".to_string() } else { parts.join(", ") };
        format!("datetime.timedelta({parts})")
    }

    /// Begins with what nothing else can be compared with.
    fn stand_in(&self) -> Option<Value> {
        let parts = self.parts().map(Value::Int);
        Some(Value::tuple([Value::None].into_iter().chain(parts).collect()))
    }

    fn to_model(&self) -> Option<model::value::Value> {
        Some(model::value::Value::Str(self.text().into()))
    }

    fn unary(&self, _: &mut Vm, op: UnaryOp) -> Option<Result<Value, Raise>> {
        match op {
            UnaryOp::Neg => Some(Delta::checked(-self.0)),
            UnaryOp::Pos => Some(Ok(Delta::value(self.0))),
            _ => None,
        }
    }

    fn binary(
        &self,
        _: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        match (other.downcast::<Delta>(), Number::of(other)) {
            (Some(Delta(other)), _) if !reflected => self.with_delta(op, *other),
            (None, Some(number)) if !reflected || op == BinaryOp::Mul => self.with_number(op, number),
            _ => None,
        }
    }
}
