//! Times as texts: `strftime`, `strptime`, ISO 8601. Pure.

use super::calendar::{self, MONTHS, WEEKDAYS};
use super::moment::{DAY, Moment, SECOND};
use regex::Regex;
use std::fmt::Write as _;

/// `strftime`; codes that are none stay as they are, as in the C library.
pub(super) fn strftime(moment: Moment, format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('%', Some(code)) => {
                chars.next();
                if !put_code(&mut out, moment, code) {
                    out.extend(['%', code]);
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// Writing into a text cannot fail.
fn put_code(out: &mut String, moment: Moment, code: char) -> bool {
    let (year, month, day) = moment.date();
    let [hour, minute, second, micro] = moment.clock();
    let ordinal = moment.ordinal();
    let (weekday, day_of_year) = (calendar::weekday(ordinal), calendar::day_of_year(ordinal));
    let named =
        |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at).copied());
    let twelve = (hour + 11) % 12 + 1;
    let _ = match code {
        'Y' => write!(out, "{year}"),
        'C' => write!(out, "{:02}", year / 100),
        'y' => write!(out, "{:02}", year % 100),
        'm' => write!(out, "{month:02}"),
        'd' => write!(out, "{day:02}"),
        'e' => write!(out, "{day:2}"),
        'H' => write!(out, "{hour:02}"),
        'I' => write!(out, "{twelve:02}"),
        'M' => write!(out, "{minute:02}"),
        'S' => write!(out, "{second:02}"),
        'f' => write!(out, "{micro:06}"),
        'j' => write!(out, "{day_of_year:03}"),
        'p' => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
        'A' => write!(out, "{}", named(&WEEKDAYS, weekday).unwrap_or("")),
        'a' => write!(out, "{:.3}", named(&WEEKDAYS, weekday).unwrap_or("")),
        'B' => write!(out, "{}", named(&MONTHS, month - 1).unwrap_or("")),
        'b' | 'h' => write!(out, "{:.3}", named(&MONTHS, month - 1).unwrap_or("")),
        'u' => write!(out, "{}", weekday + 1),
        'w' => write!(out, "{}", (weekday + 1) % 7),
        'U' => write!(out, "{:02}", (day_of_year + 6 - (weekday + 1) % 7) / 7),
        'W' => write!(out, "{:02}", (day_of_year + 6 - weekday) / 7),
        'G' => write!(out, "{}", calendar::iso_week(ordinal).0),
        'V' => write!(out, "{:02}", calendar::iso_week(ordinal).1),
        's' => write!(out, "{}", moment.since_epoch().div_euclid(SECOND)),
        'z' => write!(out, "{}", if moment.utc { "+0000" } else { "" }),
        'Z' => write!(out, "{}", if moment.utc { "UTC" } else { "" }),
        'n' => writeln!(out),
        't' => write!(out, "\t"),
        '%' => write!(out, "%"),
        'F' | 'D' | 'x' | 'T' | 'X' | 'R' | 'r' | 'c' => {
            let longer = match code {
                'F' => "%Y-%m-%d",
                'D' | 'x' => "%m/%d/%y",
                'T' | 'X' => "%H:%M:%S",
                'R' => "%H:%M",
                'r' => "%I:%M:%S %p",
                _ => "%a %b %e %H:%M:%S %Y",
            };
            out.push_str(&strftime(moment, longer));
            Ok(())
        }
        _ => return false,
    };
    true
}

/// The time of the day; `parts` as `timespec` of `isoformat`. `None` for a word that is none of them.
pub(super) fn iso_clock(moment: Moment, parts: &str) -> Option<String> {
    let [hour, minute, second, micro] = moment.clock();
    let parts = match (parts, micro) {
        ("auto", 0) => "seconds",
        ("auto", _) => "microseconds",
        (parts, _) => parts,
    };
    let mut out = match parts {
        "hours" => format!("{hour:02}"),
        "minutes" => format!("{hour:02}:{minute:02}"),
        "seconds" => format!("{hour:02}:{minute:02}:{second:02}"),
        "milliseconds" => format!("{hour:02}:{minute:02}:{second:02}.{:03}", micro / 1000),
        "microseconds" => format!("{hour:02}:{minute:02}:{second:02}.{micro:06}"),
        _ => return None,
    };
    out.push_str(if moment.utc { "+00:00" } else { "" });
    Some(out)
}

pub(super) fn iso_date(moment: Moment) -> String {
    let (year, month, day) = moment.date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads what `isoformat` writes, and what is as clear.
pub(super) fn from_iso(text: &str) -> Option<Moment> {
    let date = text.get(..10)?;
    let date = from_iso_date(date)?;
    let Some(separator) = text[10..].chars().next() else { return Some(date) };
    let rest = text.get(10 + separator.len_utf8()..)?;
    let (clock, utc) = match ["Z", "+00:00", "-00:00"].iter().find_map(|zone| rest.strip_suffix(zone)) {
        Some(clock) => (clock, true),
        None => (rest, false),
    };
    let (whole, fraction) = clock.split_once(['.', ',']).map_or((clock, None), |(w, f)| (w, Some(f)));
    let mut numbers = [0; 3];
    let parts: Vec<&str> = whole.split(':').collect();
    if parts.len() > 3 || (fraction.is_some() && parts.len() < 3) {
        return None;
    }
    for (slot, part) in numbers.iter_mut().zip(&parts) {
        *slot = digits(part, 2)?;
    }
    let micro = match fraction {
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{text:0<6.6}").parse().ok()?
        }
        Some(_) => return None,
        None => 0,
    };
    let [hour, minute, second] = numbers;
    date.zoned(utc).at(hour, minute, second, micro)
}

pub(super) fn from_iso_date(text: &str) -> Option<Moment> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Moment::on(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `strptime`, or what does not fit.
pub(super) fn strptime(text: &str, format: &str) -> Result<Moment, String> {
    let (source, codes) = expression(format)?;
    let regex = Regex::new(&source).map_err(|_| format!("the format `{format}` is too long"))?;
    let Some(found) = regex.captures(text) else {
        return Err(format!("time data `{text}` does not match the format `{format}`"));
    };
    let rest = found.get(0).and_then(|whole| text.get(whole.end()..)).unwrap_or("");
    if !rest.is_empty() {
        return Err(format!("`{rest}` remains when `{text}` is read as `{format}`"));
    }
    let mut parsed = Parsed::default();
    for (code, group) in codes.iter().zip(found.iter().skip(1)) {
        parsed.take(*code, group.map_or("", |group| group.as_str()));
    }
    parsed.moment().ok_or_else(|| format!("`{text}` is no time that there is"))
}

/// A regular expression with one group per code. A number has fewer digits when what follows would not fit otherwise.
fn expression(format: &str) -> Result<(String, Vec<char>), String> {
    let (mut source, mut codes) = (String::from("(?i)^"), Vec::new());
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            while chars.next_if(|next| next.is_whitespace()).is_some() {}
            source.push_str(r"\s+");
            continue;
        }
        if c != '%' {
            source.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            continue;
        }
        let code = chars.next().ok_or_else(|| format!("a `%` ends the format `{format}`"))?;
        let short =
            |names: &[&str]| names.iter().map(|name| format!("{name:.3}")).collect::<Vec<_>>().join("|");
        let pattern: std::borrow::Cow<'_, str> = match code {
            'Y' => "[0-9]{4}".into(),
            'y' => "[0-9]{2}".into(),
            'm' | 'I' => "1[0-2]|0[1-9]|[1-9]".into(),
            'd' => "3[01]|[12][0-9]|0[1-9]|[1-9]| [1-9]".into(),
            'H' => "2[0-3]|[01][0-9]|[0-9]".into(),
            'M' => "[0-5][0-9]|[0-9]".into(),
            'S' => "6[01]|[0-5][0-9]|[0-9]".into(),
            'f' => "[0-9]{1,6}".into(),
            'j' => "36[0-6]|3[0-5][0-9]|[12][0-9][0-9]|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9]".into(),
            'w' => "[0-6]".into(),
            'B' => MONTHS.join("|").into(),
            'b' => short(&MONTHS).into(),
            'A' => WEEKDAYS.join("|").into(),
            'a' => short(&WEEKDAYS).into(),
            'p' => "am|pm".into(),
            'z' => "Z|[+-]00:?00".into(),
            'Z' => "utc|gmt".into(),
            '%' => "%".into(),
            _ => return Err(format!("`%{code}` in the format `{format}` is not supported by `strptime`")),
        };
        source.extend(["(", &pattern, ")"]);
        codes.push(code);
    }
    Ok((source, codes))
}

struct Parsed {
    year: i64,
    month: i64,
    day: i64,
    /// Stands for month and day.
    day_of_year: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micro: i64,
    utc: bool,
}

impl Default for Parsed {
    fn default() -> Parsed {
        Parsed {
            year: 1900,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            afternoon: None,
            minute: 0,
            second: 0,
            micro: 0,
            utc: false,
        }
    }
}

impl Parsed {
    /// `text` fits the code. Weekdays and names of zones say nothing that counts, as in Python.
    fn take(&mut self, code: char, text: &str) {
        // Few digits: they are numbers.
        let number = || text.trim().parse().unwrap_or(0);
        let month = || {
            let starts = |name: &&str| {
                name.get(..3).zip(text.get(..3)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
            };
            MONTHS.iter().position(starts).map_or(1, |at| at as i64 + 1)
        };
        match code {
            'Y' => self.year = number(),
            'y' => self.year = number() + if number() < 69 { 2000 } else { 1900 },
            'm' => self.month = number(),
            'b' | 'B' => self.month = month(),
            'd' => self.day = number(),
            'j' => self.day_of_year = Some(number()),
            'H' | 'I' => self.hour = number(),
            'p' => self.afternoon = Some(text.eq_ignore_ascii_case("pm")),
            'M' => self.minute = number(),
            'S' => self.second = number(),
            'f' => self.micro = format!("{text:0<6}").parse().unwrap_or(0),
            'z' => self.utc = true,
            _ => {}
        }
    }

    fn moment(&self) -> Option<Moment> {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let date = match self.day_of_year {
            Some(day) => Moment::on(self.year, 1, 1)?.later(i128::from(day - 1) * DAY)?,
            None => Moment::on(self.year, self.month, self.day)?,
        };
        date.zoned(self.utc).at(hour, self.minute, self.second, self.micro)
    }
}
