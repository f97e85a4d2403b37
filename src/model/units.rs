//! Sizes and times as people write them, and what follows from one resource for others.
//!
//! Memory and disk are counted in megabytes of 10^6 bytes, `runtime` in minutes, as Snakemake does. Pure arithmetic,
//! used for sections of rules, for what functions give, and for settings of the command line.

use crate::model::value::Value;
use std::sync::Arc;

/// Resources that are sizes: `mem` is kept as `mem_mb`, and `mem_mib` follows from it.
const SIZED: [(&str, [&str; 3]); 2] =
    [("mem", ["mem", "mem_mb", "mem_mib"]), ("disk", ["disk", "disk_mb", "disk_mib"])];

const BYTES_PER_MB: f64 = 1e6;
const MB_PER_MIB: f64 = 1.048_576;

/// The name under which a resource is counted: `mem`, `mem_mb` and `mem_mib` are one.
///
/// ```text
/// mem_mib -> mem_mb, runtime -> runtime
/// ```
pub(crate) fn standard_name(name: &str) -> &str {
    SIZED.iter().find(|(_, names)| names.contains(&name)).map_or(name, |(_, [_, in_mb, _])| in_mb)
}

/// A resource under its standard name and in its standard unit.
///
/// # Errors
/// What is wrong with the value, as a sentence without the place.
pub(crate) fn standard(name: &Arc<str>, value: Value) -> Result<(Arc<str>, Value), String> {
    let value = match value {
        Value::Float(x) if x.is_finite() && x.abs() < i64::MAX as f64 => {
            Value::Int(x.round_ties_even() as i64)
        }
        Value::Bool(b) => Value::Int(i64::from(b)),
        other => other,
    };
    if let Value::Int(n) = &value
        && *n < 0
    {
        return Err(format!("resource `{name}` must be a whole number from 0, not {n}"));
    }
    if !matches!(value, Value::Int(_) | Value::Str(_)) {
        let shown = value.canonical();
        return Err(format!("resource `{name}` must be a number or a text, not {shown}"));
    }
    let refused = |message: String| format!("resource `{name}`: {message}");
    if &**name == "runtime" {
        let value = match &value {
            Value::Str(text) => Value::Int(minutes(text).map_err(refused)?),
            _ => value,
        };
        return Ok((name.clone(), value));
    }
    let Some((_, names)) = SIZED.iter().find(|(_, names)| names.contains(&&**name)) else {
        return Ok((name.clone(), value));
    };
    let value = match (value, &**name == names[0]) {
        (Value::Str(text), true) => megabytes(&text).map_err(refused)?,
        (Value::Str(text), false) => {
            return Err(format!(
                "resource `{name}` is a number, not the text `{text}`: write `{}=\"{text}\"`",
                names[0]
            ));
        }
        (Value::Int(n), _) if &**name == names[2] => mib_to_mb(n),
        (Value::Int(n), _) => n,
        _ => 0,
    };
    Ok((names[1].into(), Value::Int(value)))
}

/// Reads the limit of a resource as people write it: `16000`, or a size or a time with its unit.
///
/// Gives the name under which the resource is counted (`mem` as `mem_mb`) and the amount.
///
/// ```
/// assert_eq!(rulemake::source::resource_amount("mem", "16GB"), Ok(("mem_mb".to_string(), 16_000)));
/// assert_eq!(rulemake::source::resource_amount("slots", "3"), Ok(("slots".to_string(), 3)));
/// assert!(rulemake::source::resource_amount("slots", "many").is_err());
/// ```
///
/// # Errors
/// A sentence that says what is wrong with the amount.
pub fn resource_amount(name: &str, amount: &str) -> Result<(String, u64), String> {
    let amount = amount.trim();
    let value = amount.parse().map_or_else(|_| Value::from(amount), Value::Int);
    let (name, value) = standard(&name.into(), value)?;
    match value {
        Value::Int(n) => {
            u64::try_from(n).map(|n| (name.to_string(), n)).map_err(|_| format!("`{n}` is below 0"))
        }
        _ => Err(format!("`{amount}` is not a whole number")),
    }
}

/// What a job sees besides a resource under its standard name: `mem="2 GB"` and `mem_mib` besides `mem_mb`.
pub(crate) fn derived(name: &str, value: &Value) -> Option<[(Arc<str>, Value); 2]> {
    let (_, [plain, _, in_mib]) = SIZED.iter().find(|(_, names)| names[1] == name)?;
    let Value::Int(mb) = value else { return None };
    Some([((*plain).into(), Value::from(size_text(*mb))), ((*in_mib).into(), Value::Int(mb_to_mib(*mb)))])
}

/// The names of [`derived`].
pub(crate) fn derived_names(name: &str) -> Option<[&'static str; 2]> {
    SIZED.iter().find(|(_, names)| names[1] == name).map(|(_, [plain, _, in_mib])| [*plain, *in_mib])
}

/// Megabytes in `2GB`, `1.5 GiB`, `500` (megabytes); rounded up, at least 1.
pub(crate) fn megabytes(text: &str) -> Result<i64, String> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if is_digits(text) {
        return text.parse().map_err(|_| format!("`{text}` is too large"));
    }
    let bytes = bytes(text).ok_or_else(|| {
        format!("`{text}` is not a size: write for example `2GB`, `500 MB`, `1.5GiB`, or a number of MB")
    })?;
    whole((bytes.floor() / BYTES_PER_MB).ceil())
        .map(|mb| mb.max(1))
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Minutes in `1h`, `90 min`, `1h30m`, `30` (minutes); rounded down, at least 1.
pub(crate) fn minutes(text: &str) -> Result<i64, String> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if is_digits(text) {
        return text.parse().map_err(|_| format!("`{text}` is too large"));
    }
    let seconds = timespan(text).ok_or_else(|| {
        format!(
            "`{text}` is not a time: write for example `90min`, `2h`, `1h30m`, `1d`, or a number of minutes"
        )
    })?;
    whole((seconds.round_ties_even() / 60.0).floor())
        .map(|minutes| minutes.max(1))
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Seconds in `90s`, `10m`, `1h30m`, `1.5` (seconds); above 0.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let seconds = text.parse().ok().or_else(|| timespan(text));
    seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0).ok_or_else(|| {
        format!("`{text}` is not a time: write for example `90s`, `10m`, `1h30m`, or a number of seconds")
    })
}

/// A size in megabytes for people: `1.5 GB`.
pub(crate) fn size_text(mb: i64) -> String {
    let bytes = mb as f64 * BYTES_PER_MB;
    let units = ["KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let found = units.iter().enumerate().rev().find(|(power, _)| bytes >= 1000f64.powi(*power as i32 + 1));
    let Some((power, unit)) = found else { return format!("{bytes} bytes") };
    let number = format!("{:.2}", bytes / 1000f64.powi(power as i32 + 1));
    format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

fn mb_to_mib(mb: i64) -> i64 {
    whole((mb as f64 / MB_PER_MIB).ceil()).unwrap_or(mb)
}

fn mib_to_mb(mib: i64) -> i64 {
    whole((mib as f64 * MB_PER_MIB).floor()).unwrap_or(mib)
}

fn whole(x: f64) -> Option<i64> {
    (x.is_finite() && x.abs() < 9e15).then_some(x as i64)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The number at the start of a text, and the rest without blanks around it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest.trim_start()))
}

fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = number(text)?;
    let unit = unit.trim_end().to_ascii_lowercase();
    let unit = unit.strip_suffix('s').unwrap_or(&unit);
    if matches!(unit, "" | "b" | "byte") {
        return Some(number);
    }
    let first = unit.chars().next()?;
    let power = "kmgtpezy".find(first)? as i32 + 1;
    let decimal =
        ["kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte", "exabyte", "zettabyte", "yottabyte"];
    let binary =
        ["kibibyte", "mebibyte", "gibibyte", "tebibyte", "pebibyte", "exbibyte", "zebibyte", "yobibyte"];
    let base: f64 = match &unit[1..] {
        "" | "b" => 1000.0,
        "i" | "ib" => 1024.0,
        _ if decimal.contains(&unit) => 1000.0,
        _ if binary.contains(&unit) => 1024.0,
        _ => return None,
    };
    Some(number * base.powi(power))
}

/// Seconds in one or more numbers with units: `1h`, `1h 30m`.
fn timespan(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (amount, after) = number(rest)?;
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        total += amount * unit_seconds(unit)?;
        rest = after.trim_start();
    }
    Some(total)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ns" | "nanosecond" | "nanoseconds" => 1e-9,
        "us" | "microsecond" | "microseconds" => 1e-6,
        "ms" | "millisecond" | "milliseconds" => 1e-3,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        "y" | "year" | "years" => 31_536_000.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of Snakemake 9.27.
    #[test]
    fn sizes_are_megabytes() {
        let known = [
            ("2GB", 2000),
            ("1 GB", 1000),
            ("1.5g", 1500),
            ("1GiB", 1074),
            ("2 gibibytes", 2148),
            ("500 MB", 500),
            ("500", 500),
            ("'3G'", 3000),
            ("1 kB", 1),
            ("10 B", 1),
            ("2000001 bytes", 3),
            ("1TB", 1_000_000),
            ("0.1 megabytes", 1),
        ];
        for (text, mb) in known {
            assert_eq!(megabytes(text), Ok(mb), "{text}");
        }
        // Snakemake takes `2Gi` for 2 GB.
        assert_eq!(megabytes("2Gi"), Ok(2148));
        for text in ["", "GB", "1 GX", "x", "1..5GB", "1 GB 2", "-1GB", "9999999999999999999", "1e3"] {
            assert!(megabytes(text).is_err(), "{text}");
        }
    }

    /// The numbers are those of Snakemake 9.27, but for times of several units, which it refuses.
    #[test]
    fn times_are_minutes() {
        let known = [
            ("1h", 60),
            ("90s", 1),
            ("1.5 hours", 90),
            ("30", 30),
            ("2d", 2880),
            ("1 week", 10080),
            ("5 sec", 1),
        ];
        for (text, wanted) in known {
            assert_eq!(minutes(text), Ok(wanted), "{text}");
        }
        assert_eq!(minutes("1h30m"), Ok(90));
        assert_eq!(minutes("1d 2h 5min"), Ok(1565));
        for text in ["", "h", "1 fortnight", "1h30x", "soon"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_seconds() {
        for (text, wanted) in
            [("90s", 90.0), ("10m", 600.0), ("1h30m", 5400.0), ("1.5", 1.5), (" 2 min ", 120.0)]
        {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
        }
        for text in ["", "0", "-1", "soon", "nan", "inf", "0s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_resource_has_one_standard_form() {
        let of = |name: &str, value: Value| {
            standard(&name.into(), value).map(|(name, value)| format!("{name}={}", value.canonical()))
        };
        assert_eq!(of("mem", "2GB".into()).unwrap(), "mem_mb=2000");
        assert_eq!(of("mem", Value::Int(300)).unwrap(), "mem_mb=300");
        assert_eq!(of("mem_mib", Value::Int(1024)).unwrap(), "mem_mb=1073");
        assert_eq!(of("disk_mb", Value::Float(2.5)).unwrap(), "disk_mb=2");
        assert_eq!(of("runtime", "2h".into()).unwrap(), "runtime=120");
        assert_eq!(of("runtime", Value::Int(7)).unwrap(), "runtime=7");
        assert_eq!(of("queue", "2GB".into()).unwrap(), "queue='2GB'");
        assert!(of("mem_mb", "2GB".into()).unwrap_err().contains("mem=\"2GB\""));
        assert!(of("gpu", Value::Int(-1)).is_err() && of("gpu", Value::None).is_err());
    }

    #[test]
    fn forms_for_people_and_for_executors_follow() {
        let [(plain, text), (mib, number)] = derived("mem_mb", &Value::Int(2000)).unwrap();
        assert_eq!((&*plain, text, &*mib, number), ("mem", Value::from("2 GB"), "mem_mib", Value::Int(1908)));
        assert_eq!(size_text(1), "1 MB");
        assert_eq!(size_text(1536), "1.54 GB");
        assert_eq!(size_text(0), "0 bytes");
        assert!(derived("gpu", &Value::Int(1)).is_none());
    }
}
