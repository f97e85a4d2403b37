//! Template and bindings to text.

use super::quote;
use super::spec::{self, FormatSpec, Request};
use super::{Access, Bindings, Field, Part, Quoting, RenderMode, Root, Template, TemplateError};
use crate::model::slots::NamedPaths;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use std::borrow::Cow;
use std::sync::Arc;

/// Where a value comes from decides whether it is data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Always data, and it may look like an option.
    Path,
    /// Always data.
    Wildcard,
    /// Mostly written by the author, as a piece of the command (`extra="-a -b"`), so it stands as it is. It is
    /// data if it holds a wildcard's value that the shell would misread.
    Param,
    /// Written by the author or made here: stands as it is.
    Author,
}

/// What a field refers to.
struct Found<'a> {
    kind: Kind,
    items: Vec<Item<'a>>,
    /// Not one value: a list, even with one element.
    list: bool,
    /// The value that the items belong to, if that is one.
    whole: Option<&'a Value>,
}

enum Item<'a> {
    Text(Cow<'a, str>),
    /// A number of the job itself.
    Number(Value),
    Value(&'a Value),
}

impl Template {
    /// Writes the text for one job.
    pub(crate) fn render(&self, b: &Bindings<'_>, mode: RenderMode) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(self.text.len() * 2);
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(field) => {
                    let found = find(field, b)?;
                    write_found(field, &found, b.wildcards, mode, &mut out)?;
                }
            }
        }
        Ok(out)
    }

    /// A stable text that says what the command is: constants stand with their value, everything that differs
    /// between jobs as a field in its shortest spelling. Part of the on-disk format: it enters fingerprints.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => push_escaped(text, &mut out),
                Part::Field(field) => match field.root.name() {
                    Some(name) => field.push_canonical(name, &mut out),
                    None => {
                        push_escaped(&field.constant_text(RenderMode::Shell).unwrap_or_default(), &mut out)
                    }
                },
            }
        }
        out
    }
}

impl Field {
    /// The text of a constant that stands as it is, so that it can change the quoting of what follows.
    pub(super) fn raw_constant(&self) -> Option<String> {
        let raw = matches!(self.root, Root::Constant(_)) && spec::split(&self.spec).0 != Request::Quoted;
        raw.then(|| self.constant_text(RenderMode::Shell).unwrap_or_default())
    }

    /// The text of a constant; empty for any other field.
    pub(super) fn constant_text(&self, mode: RenderMode) -> Result<String, TemplateError> {
        let mut out = String::new();
        let found = match &self.root {
            Root::Constant(value) => Some(of_value(value, Kind::Author)),
            Root::Paths(value) => Some(of_value(value, Kind::Path)),
            _ => None,
        };
        if let Some(found) = found {
            write_found(self, &found, &Wildcards::default(), mode, &mut out)?;
        }
        Ok(out)
    }

    /// The field as it is written; empty for a constant, which has lost its name.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::new();
        if let Some(name) = self.root.name() {
            self.push_canonical(name, &mut out);
        }
        out
    }

    fn push_canonical(&self, name: &str, out: &mut String) {
        out.push('{');
        out.push_str(name);
        let named = !matches!(self.root, Root::Name(_));
        for (i, access) in self.access.iter().enumerate() {
            match access {
                // `{input[bam]}` is `{input.bam}`.
                Access::Index(key) if i == 0 && named && super::parse::is_identifier(key) => {
                    out.push('.');
                    out.push_str(key);
                }
                Access::Attribute(key) => {
                    out.push('.');
                    out.push_str(key);
                }
                Access::Index(key) => {
                    out.push('[');
                    out.push_str(key);
                    out.push(']');
                }
            }
        }
        if let Some(c) = self.conversion {
            out.push('!');
            out.push(c);
        }
        if !self.spec.is_empty() {
            out.push(':');
            out.push_str(&self.spec);
        }
        out.push('}');
    }
}

fn push_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        if matches!(c, '{' | '}') {
            out.push(c);
        }
        out.push(c);
    }
}

/// Formats the value of a field and writes it for its place.
fn write_found(
    field: &Field,
    found: &Found<'_>,
    wildcards: &Wildcards,
    mode: RenderMode,
    out: &mut String,
) -> Result<(), TemplateError> {
    let (request, format) = spec::split(&field.spec);
    let format = match format {
        "" => None,
        text => Some(FormatSpec::parse(text).map_err(|why| field.error(why, None))?),
    };
    let whole;
    let items = if field.conversion == Some('r') {
        whole = [Item::Text(canonical_of(found).into())];
        &whole[..]
    } else {
        &found.items[..]
    };
    // `{x!r}` brings its own quotes; around an ordinary name they do what the author wants from them.
    let plain_repr = field.conversion == Some('r')
        && field.quoting == Quoting::Bare
        && !found.items.iter().any(|item| quote::has_special(&item.text()));
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let text = match &format {
            None => item.text(),
            Some(format) => {
                item.formatted(format, field.conversion).map_err(|why| field.error(why, None))?.into()
            }
        };
        if mode == RenderMode::Plain {
            out.push_str(&text);
            continue;
        }
        let protected = match found.kind {
            Kind::Path | Kind::Wildcard => !plain_repr,
            Kind::Param => is_data(&text, wildcards),
            Kind::Author => false,
        };
        write_text(field, text, found.kind, request, protected, out)?;
    }
    Ok(())
}

/// Writes one text into a command.
fn write_text(
    field: &Field,
    text: Cow<'_, str>,
    kind: Kind,
    request: Request,
    protected: bool,
    out: &mut String,
) -> Result<(), TemplateError> {
    if text.contains('\0') {
        return Err(
            field.error("a value for this field has a NUL character, which no command can hold", None)
        );
    }
    let dashed = kind == Kind::Path && request != Request::Raw && text.starts_with('-');
    let text = if dashed { Cow::from(format!("./{text}")) } else { text };
    match request {
        Request::Raw => out.push_str(&text),
        // As in Snakemake, an option that is not given vanishes.
        Request::Quoted if text.is_empty() => {}
        // Inside of quotes the author writes a command for another shell: quoted for that one, then for the place.
        Request::Quoted if field.quoting == Quoting::Bare => {
            if quote::has_special(&text) {
                quote::write(&text, Quoting::Bare, field.backticks, out);
            } else {
                out.push_str(&quote::word(&text));
            }
        }
        Request::Quoted => quote::write(&quote::word(&text), field.quoting, field.backticks, out),
        Request::Automatic if protected => {
            let heredoc = matches!(field.quoting, Quoting::Heredoc | Quoting::Verbatim);
            if heredoc && text.contains('\n') {
                let message = "a value for this field has a line end, which could end the heredoc";
                let help = "pass it as an argument, or write `:u` if it cannot".into();
                return Err(field.error(message, Some(help)));
            }
            quote::write(&text, field.quoting, field.backticks, out);
        }
        Request::Automatic => out.push_str(&text),
    }
    Ok(())
}

fn is_data(text: &str, wildcards: &Wildcards) -> bool {
    wildcards.iter().any(|(_, value)| quote::has_special(value) && text.contains(value))
}

/// `repr()` of what a field refers to.
fn canonical_of(found: &Found<'_>) -> String {
    let value = |item: &Item<'_>| match item {
        Item::Text(text) => Value::from(&**text),
        Item::Number(value) => value.clone(),
        Item::Value(value) => (*value).clone(),
    };
    match (found.list, &found.items[..]) {
        _ if found.whole.is_some() => found.whole.map(Value::canonical).unwrap_or_default(),
        (false, [item]) => value(item).canonical(),
        (_, items) => Value::List(items.iter().map(value).collect()).canonical(),
    }
}

impl Item<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Item::Text(text) => Cow::Borrowed(text),
            Item::Value(Value::Str(text)) => Cow::Borrowed(&**text),
            Item::Number(value) => Cow::Owned(value.to_string()),
            Item::Value(value) => Cow::Owned(value.to_string()),
        }
    }

    fn formatted(&self, format: &FormatSpec, conversion: Option<char>) -> Result<String, String> {
        match (conversion, self) {
            (None, Item::Number(value)) => format.value(value),
            (None, Item::Value(value)) => format.value(value),
            (_, item) => format.text(&item.text()),
        }
    }
}

fn find<'a>(field: &'a Field, b: &Bindings<'a>) -> Result<Found<'a>, TemplateError> {
    match &field.root {
        Root::Input => paths(field, b.input, "input"),
        Root::Output => paths(field, b.output, "output"),
        Root::Log => paths(field, b.log, "log"),
        Root::Params => params(field, b.params),
        Root::Wildcards => wildcard(field, b.wildcards),
        Root::Resources => resources(field, b.resources),
        Root::Threads => scalar(field, Item::Number(Value::Int(b.threads.into()))),
        Root::Attempt => scalar(field, Item::Number(Value::Int(b.attempt.into()))),
        Root::JobId => scalar(field, Item::Number(Value::Int(b.job.into()))),
        Root::Rule => scalar(field, Item::Text(b.rule.into())),
        Root::Paths(value) => Ok(of_value(value, Kind::Path)),
        Root::Constant(value) => Ok(of_value(value, Kind::Author)),
        Root::Name(name) => Err(field.error(format!("`{name}` is not known in this command"), None)),
    }
}

fn paths<'a>(field: &Field, all: NamedPaths<'a>, section: &str) -> Result<Found<'a>, TemplateError> {
    let (mut chosen, mut list) = (all.paths, true);
    let mut spelled = section.to_string();
    for (i, access) in field.access.iter().enumerate() {
        if let Some(position) = access.position().filter(|_| list) {
            chosen = position
                .checked_add(1)
                .and_then(|end| chosen.get(position..end))
                .ok_or_else(|| out_of_range(field, position, chosen.len(), &spelled))?;
            list = false;
        } else if i == 0 {
            let name = access.key();
            (chosen, list) = all
                .named(name)
                .ok_or_else(|| field.error(format!("this job has no {section} called `{name}`"), None))?;
            spelled = format!("{section}.{name}");
        } else if list {
            return Err(field.error(format!("`{spelled}` is a list: it has positions, not names"), None));
        } else {
            let help = format!("write `{{{spelled}}}`");
            return Err(field.error(format!("`{spelled}` is one path, not a list"), Some(help)));
        }
    }
    let items = chosen.iter().map(|path| Item::Text(Cow::Borrowed(&**path))).collect();
    Ok(Found { kind: Kind::Path, items, list, whole: None })
}

pub(super) fn out_of_range(field: &Field, position: usize, length: usize, what: &str) -> TemplateError {
    let has = match length {
        0 => "is empty".to_string(),
        1 => "has 1 element".to_string(),
        n => format!("has {n} elements"),
    };
    let help = "positions begin at 0".to_string();
    field.error(format!("`[{position}]` is out of range: `{what}` {has}"), Some(help))
}

fn params<'a>(field: &Field, all: &'a [(Option<Arc<str>>, Value)]) -> Result<Found<'a>, TemplateError> {
    let Some((first, rest)) = field.access.split_first() else {
        let items = all.iter().flat_map(|(_, value)| of_value(value, Kind::Param).items).collect();
        return Ok(Found { kind: Kind::Param, items, list: true, whole: None });
    };
    let value = match first.position() {
        Some(position) => all.get(position).map(|(_, value)| value),
        None => all.iter().find(|(name, _)| name.as_ref() == Some(first.key())).map(|(_, value)| value),
    };
    let value = value.ok_or_else(|| match first.position() {
        Some(position) => out_of_range(field, position, all.len(), "params"),
        None => field.error(format!("this job has no param called `{}`", first.key()), None),
    })?;
    let spelled = format!("params.{}", first.key());
    descend(field, value, rest, &spelled).map(|found| found.into_found(Kind::Param))
}

fn resources<'a>(field: &Field, all: &'a [(Arc<str>, Value)]) -> Result<Found<'a>, TemplateError> {
    let Some((first, rest)) = field.access.split_first() else {
        let items = all.iter().map(|(_, value)| Item::Value(value)).collect();
        return Ok(Found { kind: Kind::Author, items, list: true, whole: None });
    };
    let (_, value) = all
        .iter()
        .find(|(name, _)| name == first.key())
        .ok_or_else(|| field.error(format!("this job has no resource called `{}`", first.key()), None))?;
    let spelled = format!("resources.{}", first.key());
    descend(field, value, rest, &spelled).map(|found| found.into_found(Kind::Author))
}

fn wildcard<'a>(field: &Field, all: &'a Wildcards) -> Result<Found<'a>, TemplateError> {
    let text = match &*field.access {
        [] => {
            let mut pairs: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.sort_unstable();
            Cow::from(pairs.join(","))
        }
        [access] => {
            let value = match access.position() {
                Some(position) => all.iter().nth(position).map(|(_, value)| value),
                None => all.get(access.key()),
            };
            let missing = || field.error(format!("this job has no wildcard `{}`", access.key()), None);
            Cow::from(value.ok_or_else(missing)?)
        }
        [first, ..] => {
            let help = format!("write `{{wildcards.{}}}`", first.key());
            return Err(field.error("a wildcard is one text, it has no parts", Some(help)));
        }
    };
    Ok(Found { kind: Kind::Wildcard, items: vec![Item::Text(text)], list: false, whole: None })
}

fn scalar<'a>(field: &Field, item: Item<'a>) -> Result<Found<'a>, TemplateError> {
    no_access(field)?;
    Ok(Found { kind: Kind::Author, items: vec![item], list: false, whole: None })
}

pub(super) fn no_access(field: &Field) -> Result<(), TemplateError> {
    match (field.root.name(), field.access.is_empty()) {
        (Some(name), false) => {
            let help = format!("write `{{{name}}}`");
            Err(field.error(format!("`{name}` is one value, it has no parts"), Some(help)))
        }
        _ => Ok(()),
    }
}

/// A list is its elements, anything else stands for itself.
fn of_value(value: &Value, kind: Kind) -> Found<'_> {
    let items = match (value, value.items()) {
        (_, Some(items)) => items.iter().map(Item::Value).collect(),
        (Value::Record(items), _) => items.iter().map(|(_, item)| Item::Value(item)).collect(),
        _ => return Found { kind, items: vec![Item::Value(value)], list: false, whole: Some(value) },
    };
    Found { kind, items, list: true, whole: Some(value) }
}

/// A part of a value: borrowed, or a character of a text.
pub(super) enum Descended<'a> {
    Part(&'a Value),
    Character(char),
}

impl<'a> Descended<'a> {
    fn into_found(self, kind: Kind) -> Found<'a> {
        match self {
            Descended::Part(value) => of_value(value, kind),
            Descended::Character(c) => {
                Found { kind, items: vec![Item::Text(c.to_string().into())], list: false, whole: None }
            }
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Descended::Part(value) => value.clone(),
            Descended::Character(c) => Value::from(c.to_string()),
        }
    }
}

/// Follows `[0]` and `[key]` into a value.
pub(super) fn descend<'a>(
    field: &Field,
    value: &'a Value,
    accesses: &[Access],
    name: &str,
) -> Result<Descended<'a>, TemplateError> {
    let mut value = value;
    let mut spelled = name.to_string();
    for (i, access) in accesses.iter().enumerate() {
        let key = access.key();
        if let (Access::Attribute(_), false) = (access, matches!(value, Value::Record(_))) {
            let help = format!("write `{{{spelled}[{key}]}}`");
            return Err(field.error(format!("`{spelled}` has no attribute `{key}`"), Some(help)));
        }
        value = match (value, access.position()) {
            (Value::Record(items), Some(position)) => match items.get(position) {
                Some((_, item)) => item,
                None => return Err(out_of_range(field, position, items.len(), &spelled)),
            },
            (Value::Map(_) | Value::Record(_), _) => value.get(key).ok_or_else(|| {
                let keys = value_keys(value);
                let help = meant(key, keys, |near| format!("{{{spelled}[{near}]}}"));
                field.error(format!("`{spelled}` has no key `{key}`"), help)
            })?,
            (Value::List(items) | Value::Tuple(items), Some(position)) => {
                items.get(position).ok_or_else(|| out_of_range(field, position, items.len(), &spelled))?
            }
            (Value::Str(text), Some(position)) if i + 1 == accesses.len() => {
                let character = text.chars().nth(position);
                let missing = || out_of_range(field, position, text.chars().count(), &spelled);
                return character.map(Descended::Character).ok_or_else(missing);
            }
            (Value::List(_) | Value::Tuple(_), None) => {
                return Err(field.error(format!("`{spelled}` is a list: it has positions, not keys"), None));
            }
            (Value::Set(_) | Value::FrozenSet(_), _) => {
                return Err(
                    field.error(format!("`{spelled}` is a set: it has neither positions nor keys"), None)
                );
            }
            _ => return Err(field.error(format!("`{spelled}` is one value, it has no parts"), None)),
        };
        spelled = format!("{spelled}[{key}]");
    }
    Ok(Descended::Part(value))
}

fn value_keys(value: &Value) -> impl Iterator<Item = &str> {
    let items: &[(Arc<str>, Value)] = match value {
        Value::Map(items) | Value::Record(items) => items,
        _ => &[],
    };
    items.iter().map(|(key, _)| &**key)
}

/// The question whether the candidate is meant that is most like `name`, if one is like it at all; of two that are equally like
/// it, which. `written` says how one stands in a command.
pub(super) fn meant<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    written: impl Fn(&str) -> String,
) -> Option<String> {
    let scored = candidates.into_iter().map(|c| (strsim::damerau_levenshtein(name, c), c));
    let mut near: Vec<_> = scored.filter(|(distance, _)| *distance <= 1 + name.chars().count() / 4).collect();
    near.sort_by_key(|(distance, _)| *distance);
    let (least, best) = *near.first()?;
    let second = near.iter().find(|(distance, other)| *distance == least && *other != best);
    let second = second.map_or_else(String::new, |(_, other)| format!(" or `{}`", written(other)));
    Some(format!("did you mean `{}`{second}?", written(best)))
}
