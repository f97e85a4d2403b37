//! The module `datetime`: `date`, `datetime`, `timedelta` and `timezone.utc`.
//!
//! The present time is UTC, so that two machines say the same; who asks for it makes an evaluation that is different
//! every time, which is on record as a read of the clock.

mod calendar;
mod delta;
mod format;
mod moment;

use self::delta::{Delta, TIMEDELTA, micros_of};
use self::moment::Moment;
use super::{HostType, ModuleDef, collections::record};
use crate::base::clock;
use crate::base::digest::Digest;
use crate::lang::builtins::args::{int, text, wrong};
use crate::lang::object::Object;
use crate::lang::ops::Number;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::syntax::ast::BinaryOp;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "datetime",
    functions: &[],
    values: || {
        vec![
            ("MAXYEAR", Value::Int(9999)),
            ("MINYEAR", Value::Int(1)),
            ("UTC", Value::object(Utc)),
            ("date", Value::Type(Type::Host(&DATE))),
            ("datetime", Value::Type(Type::Host(&DATETIME))),
            ("timedelta", Value::Type(Type::Host(&TIMEDELTA))),
            ("timezone", Value::object(Timezone)),
        ]
    },
    refused: &[
        ("time", "use `datetime.datetime`, which has a day, too"),
        ("tzinfo", "times are UTC or say nothing about their zone: `datetime.timezone.utc`"),
    ],
};

/// The present time; whoever asks is on record.
fn now(vm: &mut Vm) -> Result<Moment, Raise> {
    let micros = i128::from(clock::wall_ms()) * 1000;
    vm.reads.record("host", "clock", Some(Digest::of(&micros.to_le_bytes())));
    Moment::of_epoch(micros).ok_or_else(out_of_range)
}

/// `time.time()`
pub(super) fn seconds_now(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("time")?;
    Ok(Value::Float(seconds(now(vm)?)))
}

/// `time.strftime(format)`
pub(super) fn strftime_now(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let format = text(&args.one("strftime")?, "strftime")?;
    vm.budget.allocate(32 * format.len() as u64)?;
    Ok(format::strftime(now(vm)?, &format).into())
}

fn seconds(moment: Moment) -> f64 {
    moment.since_epoch() as f64 / 1e6
}

fn out_of_range() -> Raise {
    Raise::new(Exc::OverflowError, "the date lies outside of the years 1 to 9999")
}

fn not_there(what: &str) -> Raise {
    Raise::value_error(format!("there is no such {what}"))
}

// ---- zones

/// `timezone.utc`
#[derive(Debug)]
struct Utc;

impl Object for Utc {
    fn type_name(&self) -> &'static str {
        "datetime.timezone"
    }

    fn repr(&self) -> String {
        "datetime.timezone.utc".into()
    }

    fn text(&self) -> String {
        "UTC".into()
    }

    fn stand_in(&self) -> Option<Value> {
        Some(Value::None)
    }
}

/// `timezone`, as far as it has `utc`.
#[derive(Debug)]
struct Timezone;

impl Object for Timezone {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn repr(&self) -> String {
        "<class 'datetime.timezone'>".into()
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok((name == "utc").then(|| Value::object(Utc)))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Vm, _: Args) -> Result<Value, Raise> {
        Err(Raise::unsupported("there are no zones but UTC in Rulefiles", "use `datetime.timezone.utc`"))
    }
}

fn is_utc(zone: Option<Value>) -> Result<bool, Raise> {
    match zone {
        None | Some(Value::None) => Ok(false),
        Some(zone) if zone.downcast::<Utc>().is_some() => Ok(true),
        Some(zone) => Err(wrong(&zone, "datetime", "`datetime.timezone.utc`")),
    }
}

// ---- dates and times

static DATE: HostType = HostType {
    name: "datetime.date",
    construct: |_, args| {
        let [year, month, day] = args.take("date", ["year", "month", "day"], 3)?;
        let [year, month, day] = [number(year, 0)?, number(month, 0)?, number(day, 0)?];
        Moment::on(year, month, day).map(date).ok_or_else(|| not_there("day"))
    },
    statics: &[
        Builtin {
            name: "fromisoformat",
            call: |_, args| {
                let given = text(&args.one("fromisoformat")?, "fromisoformat")?;
                let found = format::from_iso_date(&given);
                found.map(date).ok_or_else(|| Raise::value_error(format!("`{given}` is no ISO date")))
            },
        },
        Builtin {
            name: "fromordinal",
            call: |_, args| {
                let day = int(&args.one("fromordinal")?, "fromordinal")?;
                Moment::of_ordinal(day).map(date).ok_or_else(|| not_there("day"))
            },
        },
        Builtin {
            name: "fromtimestamp",
            call: |_, args| Ok(date(of_seconds(&args.one("fromtimestamp")?)?.midnight())),
        },
        Builtin {
            name: "today",
            call: |vm, args| args.none("today").and_then(|()| Ok(date(now(vm)?.midnight()))),
        },
    ],
    methods: &[
        Method { name: "ctime", call: |_, me, args| written(me, args, "ctime", "%a %b %e %H:%M:%S %Y") },
        Method { name: "isocalendar", call: isocalendar },
        Method {
            name: "isoformat",
            call: |_, me, args| {
                args.none("isoformat")?;
                Ok(format::iso_date(this(me)?).into())
            },
        },
        Method {
            name: "isoweekday",
            call: |_, me, args| {
                args.none("isoweekday")?;
                Ok(Value::Int(calendar::weekday(this(me)?.ordinal()) + 1))
            },
        },
        Method { name: "replace", call: replace },
        Method { name: "strftime", call: strftime },
        Method {
            name: "toordinal",
            call: |_, me, args| args.none("toordinal").and_then(|()| Ok(Value::Int(this(me)?.ordinal()))),
        },
        Method {
            name: "weekday",
            call: |_, me, args| {
                args.none("weekday")?;
                Ok(Value::Int(calendar::weekday(this(me)?.ordinal())))
            },
        },
    ],
    ..HostType::PLAIN
};

static DATETIME: HostType = HostType {
    name: "datetime.datetime",
    parent: Some(Type::Host(&DATE)),
    construct: |_, args| {
        let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"];
        let [year, month, day, hour, minute, second, micro, zone] = args.take("datetime", names, 3)?;
        let utc = is_utc(zone)?;
        let date = Moment::on(number(year, 0)?, number(month, 0)?, number(day, 0)?);
        let [hour, minute, second, micro] =
            [number(hour, 0)?, number(minute, 0)?, number(second, 0)?, number(micro, 0)?];
        let there = date.and_then(|date| date.zoned(utc).at(hour, minute, second, micro));
        there.map(datetime).ok_or_else(|| not_there("time"))
    },
    statics: &[
        Builtin {
            name: "fromisoformat",
            call: |_, args| {
                let given = text(&args.one("fromisoformat")?, "fromisoformat")?;
                let found = format::from_iso(&given);
                found.map(datetime).ok_or_else(|| Raise::value_error(format!("`{given}` is no ISO time")))
            },
        },
        Builtin {
            name: "fromtimestamp",
            call: |_, args| {
                let [seconds, zone] = args.take("fromtimestamp", ["timestamp", "tz"], 1)?;
                let moment = of_seconds(&seconds.unwrap_or(Value::None))?;
                Ok(datetime(moment.zoned(is_utc(zone)?)))
            },
        },
        Builtin {
            name: "now",
            call: |vm, args| {
                let [zone] = args.take("now", ["tz"], 0)?;
                Ok(datetime(now(vm)?.zoned(is_utc(zone)?)))
            },
        },
        Builtin {
            name: "strptime",
            call: |vm, args| {
                let [given, format] = args.take("strptime", ["/date_string", "/format"], 2)?;
                let given = text(&given.unwrap_or(Value::None), "strptime")?;
                let format = text(&format.unwrap_or(Value::None), "strptime")?;
                // A regular expression is made of the format.
                vm.budget.spend(200 + (given.len() + 20 * format.len()) as u64)?;
                format::strptime(&given, &format).map(datetime).map_err(Raise::value_error)
            },
        },
        Builtin { name: "today", call: |vm, args| args.none("today").and_then(|()| Ok(datetime(now(vm)?))) },
        Builtin {
            name: "utcnow",
            call: |vm, args| args.none("utcnow").and_then(|()| Ok(datetime(now(vm)?))),
        },
    ],
    methods: &[
        Method {
            name: "date",
            call: |_, me, args| args.none("date").and_then(|()| Ok(date(this(me)?.midnight()))),
        },
        Method {
            name: "isoformat",
            call: |_, me, args| {
                let [separator, parts] = args.take("isoformat", ["sep", "timespec"], 0)?;
                let separator = separator.map_or(Ok("T".into()), |value| text(&value, "isoformat"))?;
                let parts = parts.map_or(Ok("auto".into()), |value| text(&value, "isoformat"))?;
                if separator.chars().count() != 1 {
                    return Err(Raise::type_error("`sep` of `isoformat` is one character"));
                }
                let moment = this(me)?;
                let clock = format::iso_clock(moment, &parts)
                    .ok_or_else(|| Raise::value_error(format!("`timespec` cannot be `{parts}`")))?;
                Ok(format!("{}{separator}{clock}", format::iso_date(moment)).into())
            },
        },
        Method { name: "replace", call: replace },
        Method {
            name: "timestamp",
            call: |_, me, args| args.none("timestamp").and_then(|()| Ok(Value::Float(seconds(this(me)?)))),
        },
    ],
    ..HostType::PLAIN
};

/// A `date`, or a `datetime`.
#[derive(Debug)]
struct Time {
    moment: Moment,
    has_clock: bool,
}

fn date(moment: Moment) -> Value {
    Value::object(Time { moment, has_clock: false })
}

fn datetime(moment: Moment) -> Value {
    Value::object(Time { moment, has_clock: true })
}

fn this(me: &Value) -> Result<Moment, Raise> {
    me.downcast::<Time>().map(|time| time.moment).ok_or_else(|| wrong(me, "datetime", "a date"))
}

fn number(value: Option<Value>, default: i64) -> Result<i64, Raise> {
    value.map_or(Ok(default), |value| int(&value, "datetime"))
}

fn of_seconds(value: &Value) -> Result<Moment, Raise> {
    if Number::of(value).is_none() {
        return Err(wrong(value, "fromtimestamp", "a number of seconds"));
    }
    Moment::of_epoch(micros_of(value, 1e6, 1_000_000)?).ok_or_else(out_of_range)
}

fn written(me: &Value, args: Args, name: &str, format: &str) -> Result<Value, Raise> {
    args.none(name)?;
    Ok(format::strftime(this(me)?, format).into())
}

fn strftime(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [format] = args.take("strftime", ["format"], 1)?;
    let format = text(&format.unwrap_or(Value::None), "strftime")?;
    vm.budget.allocate(32 * format.len() as u64)?;
    Ok(format::strftime(this(me)?, &format).into())
}

fn isocalendar(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("isocalendar")?;
    let ordinal = this(me)?.ordinal();
    let (year, week) = calendar::iso_week(ordinal);
    let weekday = calendar::weekday(ordinal) + 1;
    let fields = vec![("year", year), ("week", week), ("weekday", weekday)];
    let fields = fields.into_iter().map(|(name, value)| (name, Value::Int(value))).collect();
    Ok(record::with_more("datetime.IsoCalendarDate", fields, Vec::new()))
}

fn replace(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let Some(time) = me.downcast::<Time>() else { return Err(wrong(me, "replace", "a date")) };
    let (year, month, day) = time.moment.date();
    if !time.has_clock {
        let [y, m, d] = args.take("replace", ["year", "month", "day"], 0)?;
        let there = Moment::on(number(y, year)?, number(m, month)?, number(d, day)?);
        return there.map(date).ok_or_else(|| not_there("day"));
    }
    let [hour, minute, second, micro] = time.moment.clock();
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"];
    let [y, m, d, h, min, s, us, zone] = args.take("replace", names, 0)?;
    let utc = zone.map_or(Ok(time.moment.utc), |zone| is_utc(Some(zone)))?;
    let there = Moment::on(number(y, year)?, number(m, month)?, number(d, day)?);
    let [h, min, s, us] = [number(h, hour)?, number(min, minute)?, number(s, second)?, number(us, micro)?];
    there.and_then(|m| m.zoned(utc).at(h, min, s, us)).map(datetime).ok_or_else(|| not_there("time"))
}

impl Time {
    fn same_kind(&self, moment: Moment) -> Value {
        Value::object(Time { moment, has_clock: self.has_clock })
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        if self.has_clock { DATETIME.name } else { DATE.name }
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(if self.has_clock { &DATETIME } else { &DATE })
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let (year, month, day) = self.moment.date();
        let [hour, minute, second, micro] = self.moment.clock();
        let number = match (name, self.has_clock) {
            ("year", _) => year,
            ("month", _) => month,
            ("day", _) => day,
            ("hour", true) => hour,
            ("minute", true) => minute,
            ("second", true) => second,
            ("microsecond", true) => micro,
            ("tzinfo", true) => {
                return Ok(Some(if self.moment.utc { Value::object(Utc) } else { Value::None }));
            }
            _ => return Ok(None),
        };
        Ok(Some(Value::Int(number)))
    }

    fn text(&self) -> String {
        let date = format::iso_date(self.moment);
        match format::iso_clock(self.moment, "auto").filter(|_| self.has_clock) {
            Some(clock) => format!("{date} {clock}"),
            None => date,
        }
    }

    fn repr(&self) -> String {
        let (year, month, day) = self.moment.date();
        let mut parts = vec![year, month, day];
        if self.has_clock {
            let [hour, minute, second, micro] = self.moment.clock();
            parts.extend([hour, minute]);
            match (second, micro) {
                (0, 0) => {}
                (second, 0) => parts.push(second),
                (second, micro) => parts.extend([second, micro]),
            }
        }
        let parts: Vec<String> = parts.iter().map(i64::to_string).collect();
        let zone = if self.moment.utc { ", tzinfo=datetime.timezone.utc" } else { "" };
        format!("{}({}{zone})", self.type_name(), parts.join(", "))
    }

    /// Kinds that cannot be compared begin with values that cannot be.
    fn stand_in(&self) -> Option<Value> {
        let micros = self.moment.since_epoch();
        // Both fit: the years 1 to 9999 have fewer microseconds than an `i64`.
        let (days, rest) = (self.moment.ordinal(), Value::Int(micros as i64));
        Some(Value::tuple(match (self.has_clock, self.moment.utc) {
            (false, _) => vec![Value::Int(days)],
            (true, false) => vec!["".into(), rest],
            (true, true) => vec![Value::tuple(Vec::new()), rest],
        }))
    }

    fn format(&self, spec: &str) -> Option<String> {
        Some(format::strftime(self.moment, spec))
    }

    fn to_model(&self) -> Option<model::value::Value> {
        Some(model::value::Value::Str(self.text().into()))
    }

    fn binary(
        &self,
        _: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        if let Some(Delta(micros)) = other.downcast::<Delta>() {
            // A date has no clock that could be moved: only whole days count.
            let micros = if self.has_clock { *micros } else { micros.div_euclid(moment::DAY) * moment::DAY };
            let micros = match (op, reflected) {
                (BinaryOp::Add, _) => micros,
                (BinaryOp::Sub, false) => -micros,
                _ => return None,
            };
            let moved = self.moment.later(micros).map(|moment| self.same_kind(moment));
            return Some(moved.ok_or_else(out_of_range));
        }
        let other = other.downcast::<Time>().filter(|_| op == BinaryOp::Sub && !reflected)?;
        if other.has_clock != self.has_clock {
            return None;
        }
        if other.moment.utc != self.moment.utc {
            let message = "a time in UTC and one without a zone have no difference";
            return Some(Err(
                Raise::type_error(message).help("give both the zone: `.replace(tzinfo=timezone.utc)`")
            ));
        }
        Some(Ok(Delta::value(self.moment.since(other.moment))))
    }
}
