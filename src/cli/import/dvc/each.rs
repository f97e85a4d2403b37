//! `foreach` and `matrix`: the instances of a stage as they are now, and how a Rulefile says them, so that they follow what
//! they are made of. Wildcards where they are in each output; else a loop that makes a rule for each.

use super::super::Names;
use super::super::interpolate::{Reach, Scopes, Symbol, expressions, shown};
use super::{entry, items};
use serde_json::{Map, Value as Json};

/// More instances than anybody wants to read.
const MAX_INSTANCES: usize = 10_000;

/// What a stage is made for.
pub(super) struct Each {
    kind: Kind,
    /// Their keys, as DVC has them behind the `@`, and what `${item}` is.
    pub(super) instances: Vec<(String, Json)>,
}

enum Kind {
    Once,
    /// Single values, each its own key.
    Values {
        code: String,
        has_names: bool,
    },
    /// A list of something else; keys are its numbers.
    List {
        code: String,
    },
    Mapping {
        code: String,
        keys: Vec<String>,
    },
    Matrix(Vec<Axis>),
}

struct Axis {
    name: String,
    code: String,
    values: Vec<Json>,
    has_names: bool,
}

/// How a Rulefile says the instances of a stage.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) symbols: Vec<(Vec<String>, Symbol)>,
    /// Wildcards, and the expression of all that each may be.
    pub(super) wildcards: Vec<(String, String)>,
    /// What is behind the `@` in the name of a stage.
    pub(super) key: String,
    /// A mapping of all instances by their keys, over which a loop goes.
    pub(super) looped: Option<String>,
    /// What has to be defined for it: a name and its expression.
    pub(super) defined: Option<(String, String)>,
}

impl Said {
    /// What an expression is in all instances, as a part of an input.
    pub(super) fn all_of(&self, expression: &str) -> String {
        if let Some(all) = &self.looped {
            return format!("[{expression} for key, item in {all}.items()]");
        }
        if self.wildcards.is_empty() {
            return expression.to_string();
        }
        let values: Vec<String> = self.wildcards.iter().map(|(name, all)| format!("{name}={all}")).collect();
        format!("expand({expression}, {})", values.join(", "))
    }
}

impl Each {
    /// The instances of a stage, and what stands in each.
    pub(super) fn of<'b>(
        scopes: &Scopes,
        body: &'b Map<String, Json>,
    ) -> Result<(Each, std::borrow::Cow<'b, Map<String, Json>>), String> {
        if let Some(each) = body.get("foreach") {
            let inner = body.get("do").and_then(Json::as_object).ok_or("its `foreach` has no `do`")?;
            return Ok((Each::foreach(scopes, each)?, std::borrow::Cow::Borrowed(inner)));
        }
        let Some(matrix) = body.get("matrix") else {
            let instances = vec![(String::new(), Json::Null)];
            return Ok((Each { kind: Kind::Once, instances }, std::borrow::Cow::Borrowed(body)));
        };
        let mut inner = body.clone();
        inner.shift_remove("matrix");
        Ok((Each::matrix(scopes, matrix)?, std::borrow::Cow::Owned(inner)))
    }

    fn foreach(scopes: &Scopes, each: &Json) -> Result<Each, String> {
        let code = scopes.python(each)?;
        let by_value = |item: &Json| !item.is_object() && !item.is_array();
        let (kind, instances): (Kind, Vec<_>) = match scopes.value(each)? {
            Json::Array(items) if items.iter().all(by_value) => {
                let has_names = by_name(each);
                let keyed = items.into_iter().map(|item| (key_of(&item, has_names), item));
                (Kind::Values { code, has_names }, keyed.collect())
            }
            Json::Array(items) => {
                let numbered = items.into_iter().enumerate().map(|(at, item)| (at.to_string(), item));
                (Kind::List { code }, numbered.collect())
            }
            Json::Object(map) => {
                (Kind::Mapping { code, keys: map.keys().cloned().collect() }, map.into_iter().collect())
            }
            _ => return Err("its `foreach` is neither a list nor a mapping".into()),
        };
        if instances.len() > MAX_INSTANCES {
            return Err(format!("it has more than {MAX_INSTANCES} instances"));
        }
        Ok(Each { kind, instances })
    }

    fn matrix(scopes: &Scopes, matrix: &Json) -> Result<Each, String> {
        let Json::Object(now) = scopes.value(matrix)? else {
            return Err("its `matrix` is no mapping".into());
        };
        let mut axes = Vec::new();
        for (name, values) in now {
            let Json::Array(values) = values else {
                return Err(format!("`{name}` of its matrix is no list"));
            };
            let code = match matrix.get(&name) {
                Some(said) => scopes.python(said)?,
                // The matrix as a whole is said elsewhere.
                None => format!("{}[\"{name}\"]", scopes.python(matrix)?),
            };
            let has_names = matrix.get(&name).is_none_or(by_name);
            axes.push(Axis { name, code, values, has_names });
        }
        let mut all: Vec<(Vec<String>, Map<String, Json>)> = vec![(Vec::new(), Map::new())];
        for axis in &axes {
            if all.len().saturating_mul(axis.values.len()) > MAX_INSTANCES {
                return Err(format!("it has more than {MAX_INSTANCES} instances"));
            }
            let with = |(names, item): &(Vec<String>, Map<String, Json>)| {
                let (names, item) = (names.clone(), item.clone());
                axis.values.iter().enumerate().map(move |(at, value)| {
                    let (mut names, mut item) = (names.clone(), item.clone());
                    names.push(match is_composite(value) {
                        true => format!("{}{at}", axis.name),
                        false => key_of(value, axis.has_names),
                    });
                    item.insert(axis.name.clone(), value.clone());
                    (names, item)
                })
            };
            all = all.iter().flat_map(with).collect();
        }
        let instances = all.into_iter().map(|(names, item)| (names.join("-"), Json::Object(item))).collect();
        Ok(Each { kind: Kind::Matrix(axes), instances })
    }

    pub(super) fn is_once(&self) -> bool {
        matches!(self.kind, Kind::Once)
    }

    /// What `key` and `item` are in each instance.
    pub(super) fn values(&self) -> Vec<Map<String, Json>> {
        let of = |(key, item): &(String, Json)| {
            let mut values = Map::new();
            if matches!(self.kind, Kind::Mapping { .. } | Kind::Matrix(_)) {
                values.insert("key".into(), key.clone().into());
            }
            values.insert("item".into(), item.clone());
            values
        };
        if self.is_once() { Vec::new() } else { self.instances.iter().map(of).collect() }
    }

    /// How the Rulefile says them; `name` is free there for what has to be defined.
    pub(super) fn said(&self, body: &Map<String, Json>, name: &str) -> Said {
        if self.is_once() {
            return Said::default();
        }
        self.by_wildcards(body, name).unwrap_or_else(|| self.by_loop(name))
    }

    /// With wildcards; nothing when the outputs do not tell which instance makes them.
    fn by_wildcards(&self, body: &Map<String, Json>, name: &str) -> Option<Said> {
        if self.instances.iter().any(|(key, _)| key.is_empty() || key.contains('\n')) {
            return None;
        }
        let path = |keys: &[&str]| keys.iter().map(|key| key.to_string()).collect::<Vec<_>>();
        let pattern = |name: &str| Symbol::Wildcards(format!("{{{name}}}"));
        let mut said = Said::default();
        match &self.kind {
            Kind::Once | Kind::List { .. } => return None,
            Kind::Values { code, .. } => {
                said.symbols.push((path(&["item"]), pattern("item")));
                said.wildcards
                    .push(("item".into(), texts(code, self.instances.iter().map(|(_, item)| item))));
            }
            Kind::Mapping { code, keys } => {
                let mut all = code.clone();
                // It stands in f-strings, so it has no quotes.
                let is_name = all.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                // Keys that are no texts in their file are looked for as texts.
                let texts = keys.iter().all(|key| is_text_key(key)) || all.starts_with('{');
                if !is_name || !texts {
                    let with = format!("{{text(key): item for key, item in {all}.items()}}");
                    said.defined = Some((name.into(), if texts { all } else { with }));
                    all = name.into();
                }
                said.symbols.push((path(&["key"]), pattern("key")));
                let item = Symbol::Code(format!("{all}[wildcards.key]"), Reach::Job);
                said.symbols.push((path(&["item"]), item));
                said.wildcards.push(("key".into(), format!("list({all})")));
            }
            Kind::Matrix(axes) => {
                if axes.is_empty() || axes.iter().any(|axis| axis.values.iter().any(is_composite)) {
                    return None;
                }
                let mut names = reserved();
                for axis in axes {
                    let wildcard = names.unique(&axis.name);
                    said.symbols.push((path(&["item", &axis.name]), pattern(&wildcard)));
                    said.wildcards.push((wildcard, texts(&axis.code, axis.values.iter())));
                }
                let key: Vec<String> = said.wildcards.iter().map(|(name, _)| format!("{{{name}}}")).collect();
                said.symbols.push((path(&["key"]), Symbol::Wildcards(key.join("-"))));
            }
        }
        let key: Vec<String> = said.wildcards.iter().map(|(name, _)| format!("{{{name}}}")).collect();
        said.key = key.join("-");
        self.fits(body).then_some(said)
    }

    /// Whether each output has all wildcards, and nothing that a wildcard cannot say is where only patterns are.
    fn fits(&self, body: &Map<String, Json>) -> bool {
        let (wanted, key): (Vec<String>, &str) = match &self.kind {
            Kind::Values { .. } => (vec!["item".into()], ""),
            Kind::Matrix(axes) => (axes.iter().map(|axis| format!("item.{}", axis.name)).collect(), "key"),
            _ => (vec!["key".into()], "key"),
        };
        let of_instance =
            |used: &str| used.split(['.', '[']).next().is_some_and(|first| ["key", "item"].contains(&first));
        let is_pattern = |used: &[&str]| {
            let mut used = used.iter().filter(|used| of_instance(used));
            used.all(|used| *used == key || wanted.iter().any(|wanted| wanted == used))
        };
        let outs = ["outs", "metrics", "plots"].into_iter().flat_map(|kind| items(body.get(kind)));
        let each_has_all = outs.map(|out| entry(out).0).all(|out| {
            let used = expressions(out);
            let has_all = used.contains(&key) || wanted.iter().all(|wanted| used.contains(&wanted.as_str()));
            let braces = expressions(out)
                .iter()
                .fold(out.to_string(), |out, _| out.replacen("${", "", 1).replacen('}', "", 1));
            has_all && is_pattern(&used) && !braces.contains(['{', '}'])
        });
        let mut of_patterns = Vec::new();
        texts_in(body.get("params").unwrap_or(&Json::Null), &mut of_patterns);
        let patterns = of_patterns.iter().all(|text| is_pattern(&expressions(text)));
        let wdir = body.get("wdir").and_then(Json::as_str).unwrap_or_default();
        let mut all = Vec::new();
        body.values().for_each(|value| texts_in(value, &mut all));
        // All axes at once are a mapping, which wildcards are not.
        let whole = matches!(self.kind, Kind::Matrix(_))
            && all.iter().any(|text| expressions(text).iter().any(|used| !is_pattern(&[used])));
        // What is yes in a wildcard may be another word in a key.
        let other_key = match &self.kind {
            Kind::Values { has_names, .. } => {
                *has_names && !self.instances.iter().all(|(_, item)| is_plain(item))
            }
            Kind::Matrix(axes) => axes.iter().any(|axis| axis.has_names && !axis.values.iter().all(is_plain)),
            _ => false,
        };
        let has_outs = ["outs", "metrics", "plots"].iter().any(|kind| !items(body.get(*kind)).is_empty());
        let needs_key = !has_outs || all.iter().any(|text| expressions(text).contains(&"key"));
        !(other_key && needs_key)
            && each_has_all
            && patterns
            && !whole
            && !expressions(wdir).iter().any(|used| of_instance(used))
    }

    /// A loop that defines a rule for each.
    fn by_loop(&self, name: &str) -> Said {
        let all = match &self.kind {
            Kind::Once => String::new(),
            Kind::Values { code, has_names: true } => format!("{{str(item): item for item in {code}}}"),
            Kind::Values { code, .. } => format!("{{text(item): item for item in {code}}}"),
            Kind::List { code } => format!("{{str(at): item for at, item in enumerate({code})}}"),
            Kind::Mapping { code, keys }
                if !keys.iter().all(|key| is_text_key(key)) && !code.starts_with('{') =>
            {
                format!("{{text(key): item for key, item in {code}.items()}}")
            }
            Kind::Mapping { code, .. } => code.clone(),
            Kind::Matrix(axes) => product(axes),
        };
        let item = |name: &str| (vec![name.to_string()], Symbol::Code(name.into(), Reach::Loop));
        Said {
            symbols: vec![item("key"), item("item")],
            wildcards: Vec::new(),
            key: "{key}".into(),
            looped: Some(name.into()),
            defined: Some((name.into(), all)),
        }
    }
}

/// All of a matrix by key.
fn product(axes: &[Axis]) -> String {
    let mut names = reserved();
    let (mut keys, mut values, mut loops) = (Vec::new(), Vec::new(), String::new());
    for axis in axes {
        let name = names.unique(&axis.name);
        values.push(format!("{}: {name}", super::quoted(&axis.name)));
        if axis.values.iter().any(is_composite) {
            let at = names.unique(&format!("{}_at", axis.name));
            let number = format!("{}{{{at}}}", axis.name);
            keys.push(match axis.values.iter().all(is_composite) {
                true => number,
                false => format!("{{f'{number}' if isinstance({name}, (dict, list)) else text({name})}}"),
            });
            loops.push_str(&format!(" for {at}, {name} in enumerate({})", axis.code));
        } else {
            keys.push(match axis.has_names || axis.values.iter().all(is_plain) {
                true => format!("{{{name}}}"),
                false => format!("{{text({name})}}"),
            });
            loops.push_str(&format!(" for {name} in {}", axis.code));
        }
    }
    format!("{{f\"{}\": {{{}}}{loops}}}", keys.join("-"), values.join(", "))
}

/// Names that a loop or a wildcard must not take.
fn reserved() -> Names {
    let mut names = Names::default();
    for name in ["key", "item", "text", "options", "one_of", "isinstance", "enumerate", "dict", "re", "shlex"]
    {
        names.unique(name);
    }
    names
}

/// The values of a wildcard, as their texts.
fn texts<'v>(code: &str, mut values: impl Iterator<Item = &'v Json>) -> String {
    match values.all(is_plain) {
        true => code.to_string(),
        false => format!("[text(value) for value in {code}]"),
    }
}

/// Whether values have names elsewhere, of which DVC makes keys as Python writes them.
fn by_name(said: &Json) -> bool {
    match said {
        Json::Array(items) => items.iter().any(by_name),
        Json::String(text) => !expressions(text).is_empty(),
        _ => false,
    }
}

fn key_of(value: &Json, has_names: bool) -> String {
    match value {
        Json::Bool(true) if has_names => "True".into(),
        Json::Bool(false) if has_names => "False".into(),
        value => shown(value),
    }
}

fn is_composite(value: &Json) -> bool {
    value.is_object() || value.is_array()
}

/// Whether Python writes it as DVC does.
fn is_plain(value: &Json) -> bool {
    value.is_string() || value.is_number()
}

/// Whether a key of YAML is a text, and not a number or the like.
fn is_text_key(key: &str) -> bool {
    !matches!(key, "true" | "false" | "null" | "~" | "None" | "True" | "False") && key.parse::<f64>().is_err()
}

fn texts_in<'j>(value: &'j Json, out: &mut Vec<&'j str>) {
    match value {
        Json::String(text) => out.push(text),
        Json::Array(items) => items.iter().for_each(|item| texts_in(item, out)),
        Json::Object(map) => map.iter().for_each(|(key, item)| {
            out.push(key);
            texts_in(item, out);
        }),
        _ => {}
    }
}
