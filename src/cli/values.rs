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
