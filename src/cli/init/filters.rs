//! The template engine as Cookiecutter sets it up: Jinja with strict names, Python's texts of values, and the filters and
//! functions of the extensions that are always there.

use super::slug::{SlugOptions, slugify};
use super::tags::NOW;
use super::text::{json, shown};
use jiff::{SignedDuration, Span, ZonedDateTime};
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;

/// Steps that one template may take: foreign templates must come to an end.
const FUEL: u64 = 20_000_000;

pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    minijinja_contrib::add_to_environment(&mut env);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_unknown_method_callback(|state, value, method, args| match method_of_str(value, method, args) {
        Some(result) => result,
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    });
    env.set_formatter(|out, _, value| out.write_str(&shown(value)).map_err(Error::from));
    for (name, function) in [
        ("string", shown as fn(&Value) -> String),
        ("lower", |value| shown(value).to_lowercase()),
        ("upper", |value| shown(value).to_uppercase()),
        ("pprint", |value| match value.as_str() {
            Some(text) => rulemake::Value::Str(text.into()).canonical(),
            None => shown(value),
        }),
        ("wordcount", |value| shown(value).split_whitespace().count().to_string()),
    ] {
        env.add_filter(name, move |value: Value| defined(&value).map(|()| function(&value)));
    }
    env.add_filter("join", |value: Value, separator: Option<String>| {
        let items: Vec<String> = value.try_iter()?.map(|item| shown(&item)).collect();
        Ok::<_, Error>(items.join(&separator.unwrap_or_default()))
    });
    env.add_filter("center", |value: Value, width: Option<usize>| {
        centered(&shown(&value), width.unwrap_or(80), " ")
    });
    env.add_filter("jsonify", |value: Value, indent: Option<usize>, more: Kwargs| {
        let indent = indent.or(more.get("indent")?).unwrap_or(4);
        more.assert_all_used()?;
        Ok::<_, Error>(json(&data(&value)?, Some(indent.min(100))))
    });
    env.add_filter("tojson", |value: Value, indent: Option<usize>, more: Kwargs| {
        let indent = indent.or(more.get("indent")?);
        more.assert_all_used()?;
        let text = json(&data(&value)?, indent.map(|indent| indent.min(100)));
        // As Jinja makes it safe for HTML.
        let safe = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")];
        Ok::<_, Error>(safe.iter().fold(text, |text, (from, to)| text.replace(from, to)))
    });
    env.add_filter("slugify", slugified);
    env.add_filter("truncate", truncated);
    env.add_filter("random", |value: Value| {
        let items: Vec<Value> = value.try_iter()?.collect();
        let at = random_below(items.len() as u64)?;
        Ok::<_, Error>(items.get(at as usize).cloned().unwrap_or_default())
    });
    env.add_function("random_ascii_string", |length: usize, punctuation: Option<bool>, more: Kwargs| {
        let punctuation = punctuation.or(more.get("punctuation")?).unwrap_or(false);
        more.assert_all_used()?;
        random_text(length, punctuation)
    });
    env.add_function("uuid4", uuid4);
    env.add_function(NOW, now);
    env
}

fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(()) }
}

fn data(value: &Value) -> Result<serde_json::Value, Error> {
    defined(value)?;
    serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "this cannot be JSON").with_source(error))
}

/// Methods of Python's strings that the engine's own list does not have.
fn method_of_str(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let text = value.as_str()?;
    let first = args.first().and_then(Value::as_str);
    let result = match (method, first) {
        ("removeprefix", Some(prefix)) => text.strip_prefix(prefix).unwrap_or(text).to_string(),
        ("removesuffix", Some(suffix)) => text.strip_suffix(suffix).unwrap_or(text).to_string(),
        ("casefold", None) => text.to_lowercase(),
        ("swapcase", None) => {
            let swap = |c: char| -> String {
                if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
            };
            text.chars().map(swap).collect()
        }
        ("zfill", None) => {
            let width = args.first().and_then(Value::as_usize)?.min(10_000);
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => (&text[..1], digits),
                None => ("", text),
            };
            format!("{sign}{}{digits}", "0".repeat(width.saturating_sub(text.chars().count())))
        }
        ("ljust" | "rjust", None) => {
            let width = args.first().and_then(Value::as_usize)?.min(10_000);
            let fill = args.get(1).and_then(Value::as_str).unwrap_or(" ");
            let fill = fill.repeat(width.saturating_sub(text.chars().count()));
            if method == "ljust" { format!("{text}{fill}") } else { format!("{fill}{text}") }
        }
        ("center", None) => {
            let width = args.first().and_then(Value::as_usize)?;
            centered(text, width, args.get(1).and_then(Value::as_str).unwrap_or(" "))
        }
        ("isidentifier", None) => {
            let mut chars = text.chars();
            let start = |c: char| c == '_' || unicode_ident::is_xid_start(c);
            let yes = chars.next().is_some_and(start) && chars.all(unicode_ident::is_xid_continue);
            return Some(Ok(yes.into()));
        }
        ("partition" | "rpartition", Some(separator)) => {
            let cut =
                if method == "partition" { text.split_once(separator) } else { text.rsplit_once(separator) };
            let parts = match cut {
                Some((before, after)) => [before, separator, after],
                None if method == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            return Some(Ok(Value::from(parts.map(Value::from).to_vec())));
        }
        _ => return None,
    };
    Some(Ok(result.into()))
}

fn centered(text: &str, width: usize, fill: &str) -> String {
    let width = width.min(10_000);
    let missing = width.saturating_sub(text.chars().count());
    // Python puts the odd blank to the left when the width is odd.
    let left = missing / 2 + (missing & width & 1);
    format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
}

/// Jinja's `truncate(length, killwords, end, leeway=5)`.
fn truncated(
    value: Value,
    length: Option<usize>,
    kill_words: Option<bool>,
    end: Option<String>,
    more: Kwargs,
) -> Result<String, Error> {
    let length = length.or(more.get("length")?).unwrap_or(255);
    let kill_words = kill_words.or(more.get("killwords")?).unwrap_or(false);
    let end = end.or(more.get("end")?).unwrap_or_else(|| "...".into());
    let leeway = more.get::<Option<usize>>("leeway")?.unwrap_or(5);
    more.assert_all_used()?;
    let text = shown(&value);
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let cut: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let whole = if kill_words { &cut } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words) };
    Ok(format!("{whole}{end}"))
}

fn slugified(value: Value, more: Kwargs) -> Result<String, Error> {
    let mut options = SlugOptions::default();
    let list = |name: &str| -> Result<Vec<Value>, Error> {
        more.get::<Option<Value>>(name)?.map_or(Ok(Vec::new()), |value| Ok(value.try_iter()?.collect()))
    };
    options.max_length = more.get::<Option<usize>>("max_length")?.unwrap_or(0);
    options.word_boundary = more.get::<Option<bool>>("word_boundary")?.unwrap_or(false);
    options.save_order = more.get::<Option<bool>>("save_order")?.unwrap_or(false);
    options.lowercase = more.get::<Option<bool>>("lowercase")?.unwrap_or(true);
    options.allow_unicode = more.get::<Option<bool>>("allow_unicode")?.unwrap_or(false);
    options.separator = more.get::<Option<String>>("separator")?.unwrap_or_else(|| "-".into());
    options.stopwords = list("stopwords")?.iter().map(shown).collect();
    for pair in list("replacements")? {
        let pair: Vec<String> = pair.try_iter()?.map(|item| shown(&item)).collect();
        if let [from, to] = pair.as_slice() {
            options.replacements.push((from.clone(), to.clone()));
        }
    }
    more.assert_all_used()?;
    Ok(slugify(&shown(&value), &options))
}

/// The time of `{% now %}`; `operator` is empty or the sign of `shift`, such as `days=1,hours=2`.
fn now(zone: String, operator: String, shift: String, format: Option<String>) -> Result<String, Error> {
    let invalid = |text: String| Error::new(ErrorKind::InvalidOperation, text);
    let time = ZonedDateTime::now();
    let mut time = match zone.to_lowercase().as_str() {
        "local" => time,
        "utc" => time.with_time_zone(jiff::tz::TimeZone::UTC),
        _ => time.in_tz(&zone).map_err(|error| invalid(error.to_string()))?,
    };
    for part in shift.split(',').filter(|part| !operator.is_empty() && !part.trim().is_empty()) {
        let wrong = || invalid(format!("`{part}` is no shift of a time, such as `days=1`"));
        let (unit, value) = part.split_once('=').ok_or_else(wrong)?;
        let amount: f64 = format!("{operator}{}", value.trim()).parse().map_err(|_| wrong())?;
        time = shifted(&time, unit.trim(), amount).ok_or_else(wrong)?;
    }
    let format = format.unwrap_or_else(|| "%Y-%m-%d".into());
    jiff::fmt::strtime::format(&format, &time).map_err(|error| invalid(error.to_string()))
}

fn shifted(time: &ZonedDateTime, unit: &str, amount: f64) -> Option<ZonedDateTime> {
    let span = Span::new();
    // Days of a calendar, not 24 hours, when they are whole.
    let whole = amount.fract() == 0.0;
    let seconds = match unit {
        "years" if whole => return time.checked_add(span.try_years(amount as i64).ok()?).ok(),
        "months" if whole => return time.checked_add(span.try_months(amount as i64).ok()?).ok(),
        "weeks" if whole => return time.checked_add(span.try_weeks(amount as i64).ok()?).ok(),
        "days" if whole => return time.checked_add(span.try_days(amount as i64).ok()?).ok(),
        "weeks" => 604_800.0,
        "days" => 86_400.0,
        "hours" => 3_600.0,
        "minutes" => 60.0,
        "seconds" => 1.0,
        _ => return None,
    };
    time.checked_add(SignedDuration::try_from_secs_f64(amount * seconds).ok()?).ok()
}

/// Random bytes of the system: templates make keys of them.
fn random_bytes(length: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_ok() || cfg!(unix) {
        let told = |error| Error::new(ErrorKind::InvalidOperation, "no random numbers").with_source(error);
        return read.map(|()| bytes).map_err(told);
    }
    // Elsewhere the seeds of the standard library's hashers, which are the system's, through a hash.
    let mut hasher = blake3::Hasher::new();
    for _ in 0..4 {
        hasher.update(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    hasher.finalize_xof().fill(&mut bytes);
    Ok(bytes)
}

/// Each number with the same chance.
fn random_below(limit: u64) -> Result<u64, Error> {
    if limit == 0 {
        return Ok(0);
    }
    let bytes: [u8; 16] = random_bytes(16)?.try_into().unwrap_or_default();
    // 128 bits: what the remainder prefers is less than anybody could see.
    Ok((u128::from_le_bytes(bytes) % u128::from(limit)) as u64)
}

fn random_text(length: usize, punctuation: bool) -> Result<String, Error> {
    if length > 100_000 {
        return Err(Error::new(ErrorKind::InvalidOperation, "more than 100000 random characters"));
    }
    let taken = |c: &char| {
        if punctuation { c.is_ascii_graphic() && !c.is_ascii_digit() } else { c.is_ascii_alphabetic() }
    };
    let all: Vec<char> = ('!'..='~').filter(taken).collect();
    // Bytes that would prefer the first characters are thrown away.
    let fair = 256 - 256 % all.len();
    let mut out = String::new();
    while out.len() < length {
        let bytes = random_bytes(length * 2 + 16)?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        out.extend(fair.map(|byte| all[byte % all.len()]).take(length - out.len()));
    }
    Ok(out)
}

fn uuid4() -> Result<String, Error> {
    let mut bytes: [u8; 16] = random_bytes(16)?.try_into().unwrap_or_default();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> String {
        let context = minijinja::context! { yes => true, n => 1.0, none => (), list => vec![true, false] };
        let mut env = environment();
        let mut syntax = minijinja::syntax::SyntaxConfig::builder();
        env.set_syntax(syntax.keep_trailing_newline(true).build().unwrap());
        env.render_str(source, context).unwrap_or_else(|error| format!("{error:#}"))
    }

    #[test]
    fn values_are_shown_as_in_python() {
        for (source, expected) in [
            ("{{ yes }} {{ n }} {{ none }} {{ list }}", "True 1.0 None [True, False]"),
            ("{{ yes|lower }} {{ list|join('-') }}", "true True-False"),
            (
                "{{ list|tojson }} {{ {'b': 1, 'a': \"<'\"}|tojson }}",
                r#"[true, false] {"a": "\u003c\u0027", "b": 1}"#,
            ),
            ("{{ 'a-b'.replace('-', '_').upper() }}", "A_B"),
            ("{{ 'xy'.removeprefix('x') }}{{ '7'.zfill(3) }}", "y007"),
            ("{{ 'a.b'.partition('.')[2] }}", "b"),
            ("{{ 'Ä b'|slugify(separator='_') }}", "a_b"),
            ("a\n", "a\n"),
        ] {
            assert_eq!(rendered(source), expected, "{source}");
        }
    }

    #[test]
    fn random_texts_have_their_length_and_letters() {
        let text = rendered("{{ random_ascii_string(40) }}");
        assert!(text.len() == 40 && text.chars().all(|c| c.is_ascii_alphabetic()), "{text}");
        assert_ne!(text, rendered("{{ random_ascii_string(40) }}"));
        let text = rendered("{{ random_ascii_string(400, punctuation=True) }}");
        assert!(text.len() == 400 && text.chars().any(|c| c.is_ascii_punctuation()), "{text}");
        let id = rendered("{{ uuid4() }}");
        assert!(id.len() == 36 && &id[14..15] == "4", "{id}");
    }

    #[test]
    fn endless_templates_are_given_up() {
        let text =
            rendered("{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}");
        assert!(text.contains("fuel"), "{text}");
    }
}
