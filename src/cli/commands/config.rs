//! `rulemake config`: the settings that hold here, and where each comes from.

use crate::exit::{Exit, Failure};
use crate::output::{FAINT, Output, painted};
use crate::settings::Layer;
use rulemake::report::printable;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// One setting.
#[derive(serde::Serialize, PartialEq, Eq, Debug)]
struct Setting<'a> {
    name: &'a str,
    /// `None` of a switch that is on.
    value: Option<Cow<'a, str>>,
    origin: &'a str,
    /// Whether a stronger place says something else.
    overridden: bool,
}

pub(crate) fn config(output: &Output, layers: &[Layer], show_origin: bool) -> Result<Exit, Failure> {
    let all = settings(layers);
    if output.json {
        output.answer_json(&serde_json::json!({"v": 1, "settings": all}))?;
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        output.remark("nothing is set: see rulemake.toml and RULEMAKE_* in `rulemake config --help`");
    }
    let shown: Vec<&Setting> = all.iter().filter(|setting| show_origin || !setting.overridden).collect();
    let texts: Vec<String> = shown.iter().map(|setting| text(setting)).collect();
    let width = texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let mut out = String::new();
    for (setting, text) in shown.iter().zip(&texts) {
        out.push_str(text);
        if show_origin {
            let fill = " ".repeat(width - text.width());
            let more = if setting.overridden { " (overridden)" } else { "" };
            let origin = format!("  # {}{more}", printable(setting.origin));
            out.push_str(&format!("{fill}{}", painted(output.stdout_style(), FAINT, &origin)));
        }
        out.push('\n');
    }
    output.answer(&out)?;
    Ok(Exit::Success)
}

fn text(setting: &Setting) -> String {
    printable(&format!("{} = {}", setting.name, setting.value.as_deref().unwrap_or("true"))).into_owned()
}

/// The value, with nothing of what lets somebody in where it is an address: `https://...@host/path`.
fn without_password(value: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = value.split_once("://") else { return value.into() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://...@{host}{path}").into(),
        None => value.into(),
    }
}

/// All settings, the weakest first.
fn settings(layers: &[Layer]) -> Vec<Setting<'_>> {
    let mut all: Vec<Setting> = Vec::new();
    for layer in layers {
        let before = all.len();
        for word in &layer.words {
            let word = word.trim_start_matches('-');
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(without_password(value))),
                None => (word, None),
            };
            all.push(Setting { name, value, origin: &layer.origin, overridden: false });
        }
        // What may be repeated adds up, by key where it has keys.
        let key = |setting: &Setting| {
            setting.value.as_deref().and_then(|value| value.split_once('=')).map(|(key, _)| key.to_string())
        };
        let (weaker, stronger) = all.split_at_mut(before);
        for weak in weaker {
            let same = |strong: &&mut Setting| strong.name == weak.name && key(strong) == key(weak);
            weak.overridden |=
                !ADDS_UP.contains(&weak.name) && stronger.iter_mut().any(|strong| same(&strong));
        }
    }
    all
}

/// Options that are lists.
const ADDS_UP: [&str; 6] = ["configfile", "until", "omit-from", "force-from", "assume-inputs", "env"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_passwords() {
        for (value, shown) in [
            ("https://me:secret@host:80/a@b", "https://...@host:80/a@b"),
            ("https://token@host", "https://...@host"),
            ("https://host/a@b", "https://host/a@b"),
            ("a@b/c://d", "a@b/c://d"),
        ] {
            assert_eq!(without_password(value), shown);
        }
    }

    #[test]
    fn the_stronger_place_wins_and_maps_add_up() {
        let layer = |origin: &str, words: &[&str]| Layer {
            origin: origin.into(),
            words: words.iter().map(|word| word.to_string()).collect(),
        };
        let layers = [
            layer("a", &["--jobs=1", "--config=x=1", "--config=y=2", "--until=r"]),
            layer("b", &["--jobs=2", "--config=x=3", "--until=s", "--keep-going"]),
        ];
        let found: Vec<(String, bool)> =
            settings(&layers).iter().map(|setting| (text(setting), setting.overridden)).collect();
        let expected = [
            ("jobs = 1", true),
            ("config = x=1", true),
            ("config = y=2", false),
            ("until = r", false),
            ("jobs = 2", false),
            ("config = x=3", false),
            ("until = s", false),
            ("keep-going = true", false),
        ];
        assert_eq!(found, expected.map(|(text, overridden)| (text.to_string(), overridden)));
    }
}
