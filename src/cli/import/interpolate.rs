//! `${...}` of a `dvc.yaml`: values of vars, of `foreach` and of `matrix`.

use super::quoted;
use serde_json::{Map, Value as Json};

/// Names that `${...}` may have; later scopes come first.
#[derive(Debug, Clone, Default)]
pub(super) struct Scopes(Vec<Scope>);

#[derive(Debug, Clone)]
struct Scope {
    values: Map<String, Json>,
    /// What the Rulefile calls them, when it reads them itself.
    python: Option<String>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// A value that the Rulefile reads: its name and keys, and what it is now.
    Live {
        name: String,
        keys: Vec<String>,
        now: String,
    },
}

/// What the Rulefile calls a value that it reads: a name, and the keys that lead to it.
type Live = (String, Vec<String>);

impl Scopes {
    pub(super) fn push(&mut self, values: Map<String, Json>, python: Option<&str>) {
        self.0.push(Scope { values, python: python.map(String::from) });
    }

    fn find(&self, expression: &str) -> Result<(Json, Option<Live>), String> {
        let keys = keys(expression).ok_or_else(|| format!("`${{{expression}}}` is not understood"))?;
        for scope in self.0.iter().rev() {
            let Some(mut value) = keys.first().and_then(|key| scope.values.get(key)) else { continue };
            for key in &keys[1..] {
                let inner = match value {
                    Json::Object(map) => map.get(key),
                    Json::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
                    _ => None,
                };
                value = inner.ok_or_else(|| format!("`${{{expression}}}` is set nowhere"))?;
            }
            let live = scope.python.as_ref().map(|name| (name.clone(), keys.clone()));
            return Ok((value.clone(), live));
        }
        Err(format!("`${{{expression}}}` is set nowhere"))
    }

    /// The pieces of a text. Mappings and lists become options, as a command wants them.
    pub(super) fn pieces(&self, text: &str, in_command: bool) -> Result<Vec<Piece>, String> {
        let mut out: Vec<Piece> = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('\\') {
                plain.push_str(&rest[..at - 1]);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = inside.find('}').ok_or_else(|| format!("`{text}` has a `${{` without an end"))?;
            let expression = inside[..end].trim();
            let (value, live) = self.find(expression)?;
            let now = match &value {
                Json::Object(_) | Json::Array(_) if in_command => options(&value),
                Json::Object(_) | Json::Array(_) => {
                    return Err(format!("`${{{expression}}}` is no single value"));
                }
                value => shown(value),
            };
            match live {
                Some((name, keys)) if matches!(value, Json::String(_) | Json::Number(_)) => {
                    if !plain.is_empty() {
                        out.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    out.push(Piece::Live { name, keys, now });
                }
                _ => plain.push_str(&now),
            }
            rest = &inside[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            out.push(Piece::Text(plain));
        }
        Ok(out)
    }

    /// What of a file is put into a command as it is now, for a mapping or list is no one value.
    pub(super) fn fixed(&self, text: &str) -> Vec<String> {
        let expressions = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.trim()));
        let fixed = expressions.filter(|expression| {
            let found = self.find(expression);
            found.is_ok_and(|(value, live)| live.is_some() && (value.is_object() || value.is_array()))
        });
        fixed.map(String::from).collect()
    }

    /// The text as it is now.
    pub(super) fn now(&self, text: &str) -> Result<String, String> {
        Ok(together(self.pieces(text, false)?))
    }

    /// The text of a command as it is now.
    pub(super) fn in_command(&self, text: &str) -> Result<String, String> {
        Ok(together(self.pieces(text, true)?))
    }

    /// A whole value: what is one `${...}` alone keeps its kind.
    pub(super) fn value(&self, value: &Json) -> Result<Json, String> {
        Ok(match value {
            Json::String(text) => {
                let inner = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                match inner.filter(|inner| !inner.contains('}')) {
                    Some(expression) => self.find(expression.trim())?.0,
                    None => Json::String(self.now(text)?),
                }
            }
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(map) => {
                let pairs = map.iter().map(|(key, item)| Ok((key.clone(), self.value(item)?)));
                Json::Object(pairs.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }
}

fn together(pieces: Vec<Piece>) -> String {
    let text = |piece: Piece| match piece {
        Piece::Text(text) | Piece::Live { now: text, .. } => text,
    };
    pieces.into_iter().map(text).collect()
}

/// A path as an expression of Python.
pub(super) fn path_expression(pieces: &[Piece]) -> String {
    let live = pieces.iter().any(|piece| matches!(piece, Piece::Live { .. }));
    let doubled = |text: &str| text.replace('{', "{{").replace('}', "}}");
    let all: String = pieces
        .iter()
        .map(|piece| match piece {
            // Braces are doubled for the pattern, and once more within an f-string.
            Piece::Text(text) if live => doubled(&doubled(text)),
            Piece::Text(text) => doubled(text),
            Piece::Live { name, keys, .. } => {
                let keys = keys.iter().map(|key| match key.parse::<usize>() {
                    Ok(at) => format!("[{at}]"),
                    Err(_) => format!("['{}']", key.replace(['\'', '\\'], "")),
                });
                format!("{{{name}{}}}", keys.collect::<String>())
            }
        })
        .collect();
    if live { format!("f{}", quoted(&all)) } else { quoted(&all) }
}

/// A text in a command, with the fields of values that the Rulefile reads.
pub(super) fn command_text(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
        Piece::Live { name, keys, .. } => {
            format!("{{{name}{}}}", keys.iter().map(|key| format!("[{key}]")).collect::<String>())
        }
    };
    pieces.iter().map(text).collect()
}

/// `a.b[0].c` as its keys.
pub(super) fn keys(expression: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for part in expression.split('.') {
        let (name, indices) = part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
        let plain = |c: char| c.is_alphanumeric() || "_-".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        out.push(name.to_string());
        for index in indices.into_iter().flat_map(|rest| rest.split('[')) {
            let index = index.strip_suffix(']')?.trim_matches(['"', '\'']);
            if index.is_empty() || !index.chars().all(plain) {
                return None;
            }
            out.push(index.to_string());
        }
    }
    Some(out)
}

/// A single value in a text.
pub(super) fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(yes) => yes.to_string(),
        Json::Null => "None".into(),
        Json::Number(number) if number.is_f64() => {
            rulemake::Value::Float(number.as_f64().unwrap_or_default()).canonical()
        }
        other => other.to_string(),
    }
}

/// A mapping as the options of a command, as DVC does it unless it is told otherwise.
fn options(value: &Json) -> String {
    let word = |value: &Json| match value {
        Json::String(text)
            if text.is_empty()
                || text.contains(|c: char| !c.is_alphanumeric() && !"_-./:=@%+,".contains(c)) =>
        {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        value => shown(value),
    };
    let list = |items: &[Json]| items.iter().map(word).collect::<Vec<_>>().join(" ");
    match value {
        Json::Array(items) => list(items),
        Json::Object(map) => {
            let mut out = Vec::new();
            flat(map, "", &mut out);
            let option = |(name, value): &(String, Json)| match value {
                Json::Bool(true) => Some(format!("--{name}")),
                Json::Bool(false) => None,
                Json::Array(items) => Some(format!("--{name} {}", list(items))),
                value => Some(format!("--{name} {}", word(value))),
            };
            out.iter().filter_map(option).collect::<Vec<_>>().join(" ")
        }
        value => word(value),
    }
}

fn flat(map: &Map<String, Json>, prefix: &str, out: &mut Vec<(String, Json)>) {
    for (key, value) in map {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Json::Object(inner) => flat(inner, &name, out),
            value => out.push((name, value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes() -> Scopes {
        let map = |json: Json| json.as_object().unwrap().clone();
        let mut scopes = Scopes::default();
        scopes.push(
            map(serde_json::json!({"lr": 0.1, "a": {"b": [1, {"c": "x y"}]}, "yes": true})),
            Some("PARAMS"),
        );
        scopes.push(
            map(serde_json::json!({"item": {"n": 3, "flag": true, "off": false, "l": [1, "a b"]}})),
            None,
        );
        scopes
    }

    #[test]
    fn values_are_put_in() {
        let scopes = scopes();
        assert_eq!(scopes.now("m-${item.n}-${a.b[0]}-${yes}-\\${x}").unwrap(), "m-3-1-true-${x}");
        assert_eq!(scopes.value(&"${a.b}".into()).unwrap(), serde_json::json!([1, {"c": "x y"}]));
        let pieces = scopes.pieces("run ${lr} ${item} {}", true).unwrap();
        assert_eq!(command_text(&pieces), "run {PARAMS[lr]} --n 3 --flag --l 1 'a b' {{}}");
        assert_eq!(
            path_expression(&scopes.pieces("m/${a.b[1].c}.{x}", false).unwrap()),
            "f\"m/{PARAMS['a']['b'][1]['c']}.{{{{x}}}}\""
        );
        assert!(scopes.now("${nope}").unwrap_err().contains("set nowhere"));
        assert!(scopes.now("${a").is_err() && scopes.now("${}").is_err() && scopes.now("${item}").is_err());
    }
}
