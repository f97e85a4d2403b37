//! Methods of `int` and `float`.

use crate::lang::ops::{self, Number};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Method, Value};
use crate::lang::vm::Vm;

pub(super) const INT: &[Method] = &[
    Method { name: "bit_count", call: |_, me, args| bits(me, args, |n| i64::from(n.count_ones())) },
    Method { name: "bit_length", call: |_, me, args| bits(me, args, |n| i64::from(64 - n.leading_zeros())) },
    Method { name: "conjugate", call: conjugate },
];

pub(super) const FLOAT: &[Method] =
    &[Method { name: "conjugate", call: conjugate }, Method { name: "is_integer", call: is_integer }];

fn bits(me: &Value, args: Args, count: fn(u64) -> i64) -> Result<Value, Raise> {
    args.none("bit_length")?;
    Ok(Value::Int(count(ops::as_int(me).unwrap_or(0).unsigned_abs())))
}

fn conjugate(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("conjugate")?;
    Ok(match me {
        Value::Bool(b) => Value::Int(i64::from(*b)),
        other => other.clone(),
    })
}

fn is_integer(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("is_integer")?;
    let x = Number::of(me).map_or(0.0, Number::float);
    Ok(Value::Bool(x.is_finite() && x.fract() == 0.0))
}
