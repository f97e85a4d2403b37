//! `${...}` of a `dvc.yaml`: values of vars, of `foreach` and of `matrix`, as they are now, and what a Rulefile calls them, so
//! that what it makes follows them.

use super::{Names, quoted};
use serde_json::{Map, Value as Json};

/// Names that `${...}` may have; later scopes come first.
#[derive(Debug, Clone, Default)]
pub(super) struct Scopes(Vec<Scope>);

#[derive(Debug, Clone)]
struct Scope {
    /// For each instance of a stage; one where they do not differ.
    values: Vec<Map<String, Json>>,
    /// What keys lead to is called, by the keys that lead there: the longest that fits.
    symbols: Vec<(Vec<String>, Symbol)>,
}

/// What the Rulefile calls a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Symbol {
    Code(String, Reach),
    /// A text of wildcards, as a pattern has them: `{m}-{f}`.
    Wildcards(String),
}

/// Where an expression has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everywhere.
    Global,
    /// Where the rule is defined, in a loop over its instances.
    Loop,
    /// When there is a job, for it is by its wildcards.
    Job,
}

/// An expression of Python.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Code {
    base: String,
    keys: Vec<Key>,
    pub(super) reach: Reach,
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    At(usize),
    Name(String),
}

impl Code {
    /// With `quote` around its keys.
    fn quoted_by(&self, quote: char) -> String {
        let keys = self.keys.iter().map(|key| match key {
            Key::At(at) => format!("[{at}]"),
            Key::Name(name) => format!("[{quote}{name}{quote}]"),
        });
        format!("{}{}", self.base, keys.collect::<String>())
    }

    pub(super) fn text(&self) -> String {
        self.quoted_by('"')
    }

    /// As a field of a command, if it can be one.
    fn field(&self) -> Option<String> {
        let mut field = self.base.clone();
        for key in &self.keys {
            match key {
                Key::At(at) => field.push_str(&format!("[{at}]")),
                // Fields have numbers only for places in lists.
                Key::Name(name) if name.chars().all(|c| c.is_ascii_digit()) => return None,
                Key::Name(name) => field.push_str(&format!("[{name}]")),
            }
        }
        (self.reach == Reach::Global).then(|| format!("{{{field}}}"))
    }
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Wildcards(String),
    Value { code: Code, kind: Kind, expression: String },
}

/// What has to be done with a value to make it a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: Python writes it as DVC does.
    Plain,
    /// It is yes or no, or nobody knows.
    Text,
    /// It is a mapping, or may be one.
    Options,
    Mixed,
}

impl Kind {
    fn of(values: &[Json]) -> Kind {
        let mappings = values.iter().filter(|value| value.is_object()).count();
        if mappings > 0 {
            return if mappings == values.len() { Kind::Options } else { Kind::Mixed };
        }
        let plain = |value: &Json| value.is_string() || value.is_number() || value.is_null();
        if !values.is_empty() && values.iter().all(plain) { Kind::Plain } else { Kind::Text }
    }

    fn applied(self, code: &str) -> String {
        match self {
            Kind::Plain => code.to_string(),
            Kind::Text => format!("text({code})"),
            Kind::Options => format!("options({code})"),
            Kind::Mixed => format!("options({code}) if isinstance({code}, dict) else text({code})"),
        }
    }
}

/// The functions of a Rulefile that write values as DVC does.
pub(super) const TEXT: &str = r#"def text(value):
    """A value as DVC writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
"#;
pub(super) const OPTIONS: &str = r#"def options(values, prefix=""):
    """A mapping as the options of a command, as DVC writes it."""
    words = []
    for key, value in values.items():
        if isinstance(value, dict):
            words.append(options(value, f"{prefix}{key}."))
        elif isinstance(value, list):
            items = " ".join(shlex.quote(str(item)) for item in value)
            words.append(f"--{prefix}{key} {items}" if value else "")
        elif isinstance(value, bool):
            words.append(f"--{prefix}{key}" if value else "")
        else:
            words.append(f"--{prefix}{key} {shlex.quote(str(value))}")
    return " ".join(word for word in words if word)
"#;

/// What an expression means.
struct Found {
    /// In each instance.
    values: Vec<Json>,
    /// What the Rulefile calls it; nothing where it only stands in `dvc.yaml`.
    symbol: Option<Symbol>,
    keys: Vec<Key>,
}

/// A text, cut at its `${...}`.
enum Part<'t> {
    Text(String),
    Expression(&'t str),
}

impl Scopes {
    pub(super) fn push(&mut self, values: Map<String, Json>, python: Option<&str>) {
        let symbol = python.map(|name| (Vec::new(), Symbol::Code(name.into(), Reach::Global)));
        self.0.push(Scope { values: vec![values], symbols: symbol.into_iter().collect() });
    }

    /// What is another thing in each instance of a stage.
    pub(super) fn push_each(&mut self, values: Vec<Map<String, Json>>, symbols: Vec<(Vec<String>, Symbol)>) {
        self.0.push(Scope { values, symbols });
    }

    fn find(&self, expression: &str) -> Result<Found, String> {
        let keys = keys(expression).ok_or_else(|| format!("`${{{expression}}}` is not understood"))?;
        let unset = || format!("`${{{expression}}}` is set nowhere");
        let mut found: Option<Found> = None;
        for scope in self.0.iter().rev() {
            if !scope.has(&keys) {
                continue;
            }
            let Some(values) = scope.values.iter().map(|all| inside(all, &keys)).collect::<Option<Vec<_>>>()
            else {
                // A later scope may have set other keys of the same mapping.
                continue;
            };
            if let Some(found) = &mut found {
                if let ([Json::Object(inner)], [Json::Object(outer)]) =
                    (found.values.as_mut_slice(), values.as_slice())
                {
                    merge(inner, outer);
                    found.symbol = None;
                }
                continue;
            }
            let symbol = scope.symbols.iter().filter(|(prefix, _)| keys.starts_with(prefix));
            let symbol = symbol.max_by_key(|(prefix, _)| prefix.len());
            let from = symbol.map_or(0, |(prefix, _)| prefix.len());
            let is_whole = symbol.is_none_or(|(prefix, symbol)| {
                prefix.len() == keys.len() || matches!(symbol, Symbol::Code(..))
            });
            let first = scope.values.first();
            found = Some(Found {
                values: values.into_iter().cloned().collect(),
                symbol: symbol.map(|(_, symbol)| symbol.clone()).filter(|_| is_whole),
                keys: (from..keys.len()).map(|at| key(first, &keys, at)).collect(),
            });
            let is_mapping = found.as_ref().is_some_and(|found| found.values.iter().all(Json::is_object));
            if !is_mapping || scope.values.len() != 1 {
                break;
            }
        }
        found.ok_or_else(unset)
    }

    /// The pieces of a text. Mappings become options, as a command wants them.
    pub(super) fn pieces(&self, text: &str, in_command: bool) -> Result<Vec<Piece>, String> {
        let mut out: Vec<Piece> = Vec::new();
        for part in parts(text)? {
            let expression = match part {
                Part::Text(text) => {
                    out.push(Piece::Text(text));
                    continue;
                }
                Part::Expression(expression) => expression,
            };
            let found = self.find(expression)?;
            if let Some(value) = found.values.iter().find(|value| !is_text(value, in_command)) {
                return Err(no_text(expression, value));
            }
            out.push(match found.symbol {
                Some(Symbol::Wildcards(text)) => Piece::Wildcards(text),
                Some(Symbol::Code(base, reach)) => Piece::Value {
                    code: Code { base, keys: found.keys, reach },
                    kind: Kind::of(&found.values),
                    expression: expression.into(),
                },
                None => Piece::Text(found.values.first().map(options).unwrap_or_default()),
            });
        }
        // What stands beside each other is one text.
        let mut joined: Vec<Piece> = Vec::new();
        for piece in out {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (_, piece) => joined.push(piece),
            }
        }
        Ok(joined)
    }

    /// What of files is put into a text as it is now, for it is put together of several of them.
    pub(super) fn fixed(&self, text: &str) -> Vec<String> {
        let fixed = |expression: &&str| {
            let found = self.find(expression);
            found.is_ok_and(|found| found.symbol.is_none() && found.values.iter().any(Json::is_object))
        };
        expressions(text).into_iter().filter(fixed).map(String::from).collect()
    }

    /// The text as it is now.
    pub(super) fn now(&self, text: &str) -> Result<String, String> {
        self.put_in(text, false)
    }

    /// The text of a command as it is now.
    pub(super) fn in_command(&self, text: &str) -> Result<String, String> {
        self.put_in(text, true)
    }

    fn put_in(&self, text: &str, in_command: bool) -> Result<String, String> {
        let mut out = String::new();
        for part in parts(text)? {
            match part {
                Part::Text(text) => out.push_str(&text),
                Part::Expression(expression) => {
                    let value = self.value_of(expression)?;
                    if !is_text(&value, in_command) {
                        return Err(no_text(expression, &value));
                    }
                    out.push_str(&options(&value));
                }
            }
        }
        Ok(out)
    }

    fn value_of(&self, expression: &str) -> Result<Json, String> {
        let found = self.find(expression)?;
        found.values.into_iter().next().ok_or_else(|| format!("`${{{expression}}}` is set nowhere"))
    }

    /// A whole value: what is one `${...}` alone keeps its kind.
    pub(super) fn value(&self, value: &Json) -> Result<Json, String> {
        Ok(match value {
            Json::String(text) => match alone(text) {
                Some(expression) => self.value_of(expression)?,
                None => Json::String(self.now(text)?),
            },
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

    /// A whole value as an expression of Python, which follows what it is made of.
    pub(super) fn python(&self, value: &Json) -> Result<String, String> {
        let text = match value {
            Json::String(text) => text,
            Json::Array(items) => {
                let items: Vec<String> =
                    items.iter().map(|item| self.python(item)).collect::<Result<_, _>>()?;
                return Ok(format!("[{}]", items.join(", ")));
            }
            Json::Object(map) => {
                let pair = |(key, item): (&String, &Json)| {
                    Ok::<_, String>(format!("{}: {}", quoted(key), self.python(item)?))
                };
                let pairs: Vec<String> = map.iter().map(pair).collect::<Result<_, _>>()?;
                return Ok(format!("{{{}}}", pairs.join(", ")));
            }
            Json::Bool(true) => return Ok("True".into()),
            Json::Bool(false) => return Ok("False".into()),
            other => return Ok(shown(other)),
        };
        if let Some(expression) = alone(text) {
            let found = self.find(expression)?;
            return match (found.symbol, found.values.into_iter().next()) {
                (Some(Symbol::Code(base, reach)), _) => Ok(Code { base, keys: found.keys, reach }.text()),
                // Without a name it is said as it is; nothing in it is to be put in once more.
                (_, Some(value)) => Scopes::default().python(&escaped(&value)),
                (_, None) => Err(format!("`${{{expression}}}` is set nowhere")),
            };
        }
        let pieces = self.pieces(text, false)?;
        Ok(match pieces.as_slice() {
            [] => quoted(""),
            [Piece::Text(text)] => quoted(text),
            pieces => f_string(pieces, &|text| doubled(text)),
        })
    }
}

impl Scope {
    /// Whether its first key leads somewhere, or would.
    fn has(&self, keys: &[String]) -> bool {
        let Some(first) = keys.first() else { return false };
        match self.values.first() {
            Some(values) => values.contains_key(first),
            None => self.symbols.iter().any(|(prefix, _)| prefix.first() == Some(first)),
        }
    }
}

fn inside<'j>(values: &'j Map<String, Json>, keys: &[String]) -> Option<&'j Json> {
    let (first, rest) = keys.split_first()?;
    super::dvc::inside(values.get(first)?, rest)
}

/// The key at `at`, by what it is a key of.
fn key(values: Option<&Map<String, Json>>, keys: &[String], at: usize) -> Key {
    let holder = values.and_then(|values| inside(values, keys.get(..at)?));
    let name = keys.get(at).cloned().unwrap_or_default();
    match (holder, name.parse()) {
        (Some(Json::Array(_)), Ok(at)) => Key::At(at),
        _ => Key::Name(name),
    }
}

fn merge(inner: &mut Map<String, Json>, outer: &Map<String, Json>) {
    for (key, value) in outer {
        match (inner.get_mut(key), value) {
            (Some(Json::Object(inner)), Json::Object(outer)) => merge(inner, outer),
            (Some(_), _) => {}
            (None, value) => drop(inner.insert(key.clone(), value.clone())),
        }
    }
}

/// With `${` as a text has it that means the two characters.
fn escaped(value: &Json) -> Json {
    match value {
        Json::String(text) => text.replace("${", "\\${").into(),
        Json::Array(items) => items.iter().map(escaped).collect(),
        Json::Object(map) => {
            Json::Object(map.iter().map(|(key, value)| (key.clone(), escaped(value))).collect())
        }
        other => other.clone(),
    }
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, inside) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('\\') {
            plain.push_str(before);
            plain.push_str("${");
            rest = inside;
            continue;
        }
        plain.push_str(before);
        let (expression, after) =
            inside.split_once('}').ok_or_else(|| format!("`{text}` has a `${{` without an end"))?;
        if !plain.is_empty() {
            out.push(Part::Text(std::mem::take(&mut plain)));
        }
        out.push(Part::Expression(expression.trim()));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        out.push(Part::Text(plain));
    }
    Ok(out)
}

/// What stands in the `${...}` of a text.
pub(super) fn expressions(text: &str) -> Vec<&str> {
    let expression = |part| match part {
        Part::Expression(expression) => Some(expression),
        Part::Text(_) => None,
    };
    parts(text).unwrap_or_default().into_iter().filter_map(expression).collect()
}

/// The expression of a text that is one `${...}` and nothing else.
fn alone(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    (!inner.contains('}')).then_some(inner.trim())
}

fn is_text(value: &Json, in_command: bool) -> bool {
    !value.is_array() && (in_command || !value.is_object())
}

fn no_text(expression: &str, value: &Json) -> String {
    let what = if value.is_array() { "a list" } else { "a mapping" };
    format!("`${{{expression}}}` is no single value but {what}")
}

fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// An f-string of pieces; `text` writes what stands between them.
fn f_string(pieces: &[Piece], text: &dyn Fn(&str) -> String) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(plain) => text(plain),
        Piece::Wildcards(all) => all.replace('{', "{wildcards."),
        Piece::Value { code, kind, .. } => format!("{{{}}}", kind.applied(&code.quoted_by('\''))),
    };
    format!("f{}", quoted(&pieces.iter().map(piece).collect::<String>()))
}

/// A path as an expression of Python: a pattern, or a function where it takes more than the text of wildcards.
pub(super) fn path_expression(pieces: &[Piece]) -> String {
    let value = |reach: Reach| {
        pieces.iter().any(|piece| matches!(piece, Piece::Value { code, .. } if code.reach == reach))
    };
    if value(Reach::Job) {
        // What a function returns is no pattern.
        return format!("lambda wildcards: {}", f_string(pieces, &doubled));
    }
    if value(Reach::Global) || value(Reach::Loop) {
        // Braces are doubled for the pattern, and once more within an f-string.
        let pattern = |piece: &Piece| match piece {
            Piece::Wildcards(all) => Piece::Text(all.clone()),
            Piece::Text(text) => Piece::Text(doubled(text)),
            value => value.clone(),
        };
        return f_string(&pieces.iter().map(pattern).collect::<Vec<_>>(), &doubled);
    }
    let text = |piece: &Piece| match piece {
        Piece::Wildcards(all) => all.clone(),
        Piece::Text(text) => doubled(text),
        Piece::Value { .. } => String::new(),
    };
    quoted(&pieces.iter().map(text).collect::<String>())
}

/// Params of a rule that a command needs, by the expressions that they are.
#[derive(Default)]
pub(super) struct Params {
    pub(super) names: Names,
    pub(super) all: Vec<(String, String)>,
}

impl Params {
    pub(super) fn add(&mut self, wanted: &str, expression: String) {
        self.named(&wanted.replace("${", ""), expression);
    }

    fn named(&mut self, wanted: &str, expression: String) -> String {
        if let Some((name, _)) = self.all.iter().find(|(_, known)| *known == expression) {
            return name.clone();
        }
        let name = self.names.unique(wanted);
        self.all.push((name.clone(), expression));
        name
    }
}

/// A text in a command, with the fields of values that the Rulefile reads; what is no field is made a param.
pub(super) fn command_text(pieces: &[Piece], params: &mut Params) -> String {
    let mut text = |piece: &Piece| match piece {
        Piece::Text(text) => doubled(text),
        Piece::Wildcards(all) => all.replace('{', "{wildcards."),
        Piece::Value { code, kind, expression } => {
            if let (Kind::Plain, Some(field)) = (kind, code.field()) {
                return field;
            }
            let value = kind.applied(&code.text());
            let value = if code.reach == Reach::Job { format!("lambda wildcards: {value}") } else { value };
            let wanted = match kind {
                Kind::Options | Kind::Mixed => format!("{expression}_options"),
                _ => expression.clone(),
            };
            format!("{{params.{}}}", params.named(&wanted, value))
        }
    };
    pieces.iter().map(&mut text).collect()
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

/// A value in a command: a mapping becomes options, as DVC does it unless it is told otherwise.
fn options(value: &Json) -> String {
    // As `shlex.quote` has it.
    let word = |value: &Json| match value {
        Json::String(text)
            if text.is_empty()
                || text.contains(|c: char| !c.is_ascii_alphanumeric() && !"_-./:=@%+,".contains(c)) =>
        {
            format!("'{}'", text.replace('\'', "'\"'\"'"))
        }
        Json::Bool(true) => "True".into(),
        Json::Bool(false) => "False".into(),
        value => shown(value),
    };
    let Json::Object(map) = value else { return shown(value) };
    let mut out = Vec::new();
    flat(map, "", &mut out);
    let option = |(name, value): &(String, Json)| match value {
        Json::Bool(true) => Some(format!("--{name}")),
        Json::Bool(false) => None,
        Json::Array(items) if items.is_empty() => None,
        Json::Array(items) => {
            Some(format!("--{name} {}", items.iter().map(word).collect::<Vec<_>>().join(" ")))
        }
        value => Some(format!("--{name} {}", word(value))),
    };
    out.iter().filter_map(option).collect::<Vec<_>>().join(" ")
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

    fn map(json: Json) -> Map<String, Json> {
        json.as_object().unwrap().clone()
    }

    fn scopes() -> Scopes {
        let mut scopes = Scopes::default();
        let params = serde_json::json!({"lr": 0.1, "a": {"b": [1, {"c": "x y"}], "0": 1}, "yes": true});
        scopes.push(map(params), Some("PARAMS"));
        let more =
            serde_json::json!({"item": {"n": 3, "flag": true, "off": false, "l": [1, "a b"]}, "a": {"d": 2}});
        scopes.push(map(more), None);
        scopes
    }

    #[test]
    fn values_are_put_in() {
        let scopes = scopes();
        assert_eq!(scopes.now("m-${item.n}-${a.b[0]}-${yes}-\\${x}").unwrap(), "m-3-1-true-${x}");
        assert_eq!(scopes.value(&"${a.b}".into()).unwrap(), serde_json::json!([1, {"c": "x y"}]));
        let mut params = Params::default();
        let pieces = scopes.pieces("run ${lr} ${item} {} ${yes} ${yes} ${a.0}", true).unwrap();
        assert_eq!(
            command_text(&pieces, &mut params),
            "run {PARAMS[lr]} --n 3 --flag --l 1 'a b' {{}} {params.yes} {params.yes} {params.a_0}"
        );
        assert_eq!(params.all[0], ("yes".into(), "text(PARAMS[\"yes\"])".into()));
        assert_eq!(
            path_expression(&scopes.pieces("m/${a.b[1].c}.{x}", false).unwrap()),
            "f\"m/{PARAMS['a']['b'][1]['c']}.{{{{x}}}}\""
        );
        assert!(scopes.now("${nope}").unwrap_err().contains("set nowhere"));
        assert!(scopes.now("${a").is_err() && scopes.now("${}").is_err() && scopes.now("${item}").is_err());
        // Two files may each have a part of a mapping.
        assert_eq!(
            (scopes.now("${a.d}"), scopes.fixed("${a.d} ${a}")),
            (Ok("2".into()), vec!["a".to_string()])
        );
        assert_eq!(
            scopes.python(&serde_json::json!(["${a.b}", "x-${lr}", {"k": true}])).unwrap(),
            "[PARAMS[\"a\"][\"b\"], f\"x-{PARAMS['lr']}\", {\"k\": True}]"
        );
    }

    #[test]
    fn what_is_by_wildcards_is_asked_for_by_job() {
        let mut scopes = scopes();
        let each = |n: i32| map(serde_json::json!({"key": n.to_string(), "item": {"n": n, "b": true}}));
        let symbols = vec![
            (vec!["key".to_string()], Symbol::Wildcards("{key}".into())),
            (vec!["item".to_string()], Symbol::Code("ALL[wildcards.key]".into(), Reach::Job)),
        ];
        scopes.push_each(vec![each(1), each(2)], symbols);
        let path = |text: &str| path_expression(&scopes.pieces(text, false).unwrap());
        assert_eq!(path("m-${key}.txt"), "\"m-{key}.txt\"");
        assert_eq!(path("${lr}-${key}"), "f\"{PARAMS['lr']}-{{key}}\"");
        assert_eq!(
            path("${key}-${item.n}{"),
            "lambda wildcards: f\"{wildcards.key}-{ALL[wildcards.key]['n']}{{\""
        );
        let mut params = Params::default();
        let pieces = scopes.pieces("${key} ${item.b} ${item}", true).unwrap();
        assert_eq!(
            command_text(&pieces, &mut params),
            "{wildcards.key} {params.item_b} {params.item_options}"
        );
        assert_eq!(params.all[0].1, "lambda wildcards: text(ALL[wildcards.key][\"b\"])");
        assert!(scopes.pieces("${item.none}", true).is_err());
    }
}
