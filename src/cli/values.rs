//! Values of options, as people write them.

pub(crate) fn setting(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_string()),
        _ => Err("expected KEY=VALUE".into()),
    }
}

pub(crate) fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_string(), value.to_string())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

pub(crate) fn rule_number(text: &str) -> Result<(String, u32), String> {
    let (name, number) = name_value(text).map_err(|_| "expected NAME=N")?;
    match number.trim().parse() {
        Ok(number @ 1..) => Ok((name, number)),
        _ => Err(format!("`{number}` is not a whole number from 1")),
    }
}

pub(crate) fn rule_resource(text: &str) -> Result<(String, String, String), String> {
    let expected = || "expected RULE:NAME=VALUE".to_string();
    let (rule, rest) = text.split_once(':').ok_or_else(expected)?;
    let (name, value) = name_value(rest).map_err(|_| expected())?;
    Ok((rule.trim().to_string(), name, value))
}

/// 0 means all processors, as for the library.
pub(crate) fn processors(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(0),
        number => number.parse().map_err(|_| "expected a number, or `all`".into()),
    }
}

pub(crate) fn resource(text: &str) -> Result<(String, u64), String> {
    let (name, amount) = text.split_once('=').ok_or("expected NAME=N")?;
    if name.is_empty() {
        return Err("expected NAME=N".into());
    }
    rulemake::source::resource_amount(name, amount)
}

/// Bytes, in `500 MB` or `10GiB`; of a number alone the bytes themselves.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 13] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("b", 1),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("t", 1_000_000_000_000),
    ];
    amount(text, &UNITS).ok_or_else(|| format!("`{text}` is not a size such as `10GB` or `500MiB`"))
}

/// Seconds, in `12h` or `7d`.
pub(crate) fn age(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 7 * 86_400)];
    let is_number = text.trim().ends_with(|c: char| c.is_ascii_digit());
    let seconds = amount(text, &UNITS).filter(|_| !is_number);
    seconds.ok_or_else(|| format!("`{text}` is not a time such as `12h`, `7d` or `4w`"))
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let unit = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (number, unit) = unit.unwrap_or((&text, 1));
    let number = number.trim();
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match number.parse::<u64>() {
        Ok(number) => number.checked_mul(unit),
        // Far below the numbers that an f64 cannot tell apart.
        Err(_) => number.parse::<f64>().ok().filter(|n| *n < 1e6).map(|n| (n * unit as f64) as u64),
    }
}

pub(crate) fn batch(text: &str) -> Result<(String, u32, u32), String> {
    let parse = || {
        let (rule, rest) = text.split_once('=')?;
        let (part, parts) = rest.split_once('/')?;
        Some((rule.to_string(), part.trim().parse().ok()?, parts.trim().parse().ok()?))
    };
    match parse() {
        Some((rule, part, parts)) if !rule.is_empty() && (1..=parts).contains(&part) => {
            Ok((rule, part, parts))
        }
        _ => Err("expected RULE=I/N with I from 1 to N, such as `all=1/3`".into()),
    }
}
