//! What each word of a schema asks of a value.

use crate::lang::compare;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::schema::refs::Documents;
use crate::lang::schema::{Fault, Step};
use crate::lang::value::{Dict, Key, TextKey, Value};
use crate::lang::vm::Vm;
use regex::Regex;
use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;

/// Schemas inside one another; a reference to itself has no end.
const MAX_DEPTH: usize = 100;

/// Words whose absence would let through what they refuse.
const REFUSED: &[&str] =
    &["$anchor", "$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"];

pub(super) struct Check<'d> {
    pub(super) documents: &'d mut Documents,
    /// Whether defaults are put in place.
    pub(super) fills: bool,
}

/// Where the check stands: in the value, and in the schema.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) at: Vec<Step>,
    pub(super) rule: Vec<String>,
}

impl Place {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { at: self.at.clone(), message: message.into(), rule: self.rule.join(".") }
    }

    fn below(&self, step: Step) -> Place {
        let mut below = self.clone();
        below.at.push(step);
        below
    }

    fn by(&self, word: &str) -> Place {
        let mut inner = self.clone();
        inner.rule.push(word.to_string());
        inner
    }
}

type Faults = Vec<Fault>;

impl Check<'_> {
    /// Checks a value against a schema: all words, in the order in which they are written.
    pub(super) fn schema(
        &mut self,
        vm: &mut Vm,
        schema: &Value,
        value: &Value,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        vm.budget.check_stack()?;
        vm.budget.spend(1)?;
        let words = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => {
                faults.push(place.fault("nothing is allowed here"));
                return Ok(());
            }
            Value::Dict(words) => words,
            other => {
                return Err(bad_schema(
                    place,
                    format!("a schema is a mapping, not a `{}`", other.type_name()),
                ));
            }
        };
        if place.rule.len() > MAX_DEPTH {
            return Err(bad_schema(place, "the schema refers to itself without end"));
        }
        let words: Vec<(Key, Value)> =
            words.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
        for (word, argument) in &words {
            let Some(word) = word.get().as_str() else { continue };
            let mut inner = place.by(word);
            self.word(vm, word, argument, &words, value, &mut inner, faults)?;
        }
        Ok(())
    }

    fn word(
        &mut self,
        vm: &mut Vm,
        word: &str,
        argument: &Value,
        words: &[(Key, Value)],
        value: &Value,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        match (word, value) {
            ("$ref", _) => self.reference(vm, argument, value, place, faults),
            ("allOf" | "anyOf" | "oneOf", _) => self.several(vm, word, argument, value, place, faults),
            ("not", _) => {
                if self.fits(vm, argument, value, place)? {
                    faults.push(place.fault(format!("{} must not fit what `not` describes", shown(value))));
                }
                Ok(())
            }
            ("if", _) => self.condition(vm, argument, words, value, place, faults),
            ("properties", Value::Dict(dict)) => self.properties(vm, argument, dict, place, faults),
            ("patternProperties", Value::Dict(dict)) => {
                self.pattern_properties(vm, argument, dict, place, faults)
            }
            ("additionalProperties", Value::Dict(dict)) => {
                self.additional_properties(vm, argument, words, dict, place, faults)
            }
            ("propertyNames", Value::Dict(dict)) => {
                for (key, _) in entries(dict) {
                    self.schema(vm, argument, key.get(), &mut place.below(step_of(&key)), faults)?;
                }
                Ok(())
            }
            ("dependentSchemas", Value::Dict(dict)) => {
                for (key, schema) in mapping(argument, place)? {
                    if dict.0.read(|map| map.contains_key(&key)) {
                        self.schema(vm, &schema, value, &mut place.by(&key.get().display()), faults)?;
                    }
                }
                Ok(())
            }
            ("items", Value::List(list)) => {
                let items = list.0.read(Clone::clone);
                let skipped = match find(words, "prefixItems") {
                    Some(Value::List(first)) => first.0.read(Vec::len),
                    _ => 0,
                };
                // As drafts before 2020 have it.
                if let Value::List(schemas) = argument {
                    let schemas = schemas.0.read(Clone::clone);
                    return self.each_by_place(vm, &schemas, &items, place, faults);
                }
                for (at, item) in items.iter().enumerate().skip(skipped) {
                    self.schema(vm, argument, item, &mut place.below(Step::Place(at)), faults)?;
                }
                Ok(())
            }
            ("prefixItems", Value::List(list)) => {
                let items = list.0.read(Clone::clone);
                let schemas = argument.snapshot().unwrap_or_default();
                self.each_by_place(vm, &schemas, &items, place, faults)
            }
            ("contains", Value::List(list)) => {
                self.contains(vm, argument, words, &list.0.read(Clone::clone), place, faults)
            }
            (word, _) if REFUSED.contains(&word) => Err(Raise::unsupported(
                format!("schemas with `{word}` are not supported"),
                "say it with `properties`, `additionalProperties` and `$ref`",
            )),
            _ => plain_word(vm, word, argument, value, place, faults),
        }
    }

    /// Whether a value fits a schema.
    fn fits(&mut self, vm: &mut Vm, schema: &Value, value: &Value, place: &Place) -> Result<bool, Raise> {
        let mut faults = Vec::new();
        self.schema(vm, schema, value, &mut place.clone(), &mut faults)?;
        Ok(faults.is_empty())
    }

    fn reference(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        value: &Value,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let Some(reference) = argument.as_str() else { return Err(bad_schema(place, "`$ref` is a text")) };
        let (schema, file, keys) = self.documents.resolve(vm, &place.file, reference)?;
        let mut inner = place.clone();
        inner.file = file;
        inner.rule.extend(keys);
        self.schema(vm, &schema, value, &mut inner, faults)
    }

    fn several(
        &mut self,
        vm: &mut Vm,
        word: &str,
        argument: &Value,
        value: &Value,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let schemas =
            argument.snapshot().ok_or_else(|| bad_schema(place, format!("`{word}` is a list of schemas")))?;
        let mut fitting = 0;
        let mut closest: Option<Fault> = None;
        for (at, schema) in schemas.iter().enumerate() {
            let mut inner = place.by(&at.to_string());
            if word == "allOf" {
                self.schema(vm, schema, value, &mut inner, faults)?;
                continue;
            }
            let mut own = Vec::new();
            self.schema(vm, schema, value, &mut inner, &mut own)?;
            match own.into_iter().next() {
                None => {
                    fitting += 1;
                    if word == "anyOf" {
                        return Ok(());
                    }
                }
                // The alternative that fails deepest inside is the one that was meant.
                Some(fault) if closest.as_ref().is_none_or(|c| c.at.len() < fault.at.len()) => {
                    closest = Some(fault)
                }
                Some(_) => {}
            }
        }
        if word == "allOf" || fitting == 1 {
            return Ok(());
        }
        let count = schemas.len();
        faults.push(match (fitting, closest) {
            (0, Some(fault)) if fault.at.len() > place.at.len() => fault,
            (0, Some(fault)) => {
                place.fault(format!("{} fits none of {count} alternatives; {}", shown(value), fault.message))
            }
            (0, None) => place.fault("there is no alternative to fit"),
            (many, _) => {
                place.fault(format!("{} fits {many} of {count} alternatives, not exactly one", shown(value)))
            }
        });
        Ok(())
    }

    fn condition(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        words: &[(Key, Value)],
        value: &Value,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let word = if self.fits(vm, argument, value, place)? { "then" } else { "else" };
        match find(words, word) {
            Some(schema) => self.schema(vm, schema, value, &mut place.by(word), faults),
            None => Ok(()),
        }
    }

    fn properties(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        dict: &Arc<Dict>,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let schemas = mapping(argument, place)?;
        for (key, schema) in &schemas {
            if let (true, Value::Dict(schema)) = (self.fills, schema)
                && let Some(default) = schema.0.read(|map| map.get(&TextKey("default")).cloned())
                && !dict.0.read(|map| map.contains_key(key))
            {
                let default = crate::lang::config::copy(&default, 0);
                dict.0.write(|map| map.insert(key.clone(), default))?;
            }
        }
        for (key, schema) in &schemas {
            if let Some(value) = dict.0.read(|map| map.get(key).cloned()) {
                let mut inner = place.by(&key.get().display()).below(step_of(key));
                self.schema(vm, schema, &value, &mut inner, faults)?;
            }
        }
        Ok(())
    }

    fn pattern_properties(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        dict: &Arc<Dict>,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        for (pattern, schema) in mapping(argument, place)? {
            let pattern = pattern.get().display();
            let regex = compile(&pattern, place)?;
            for (key, value) in entries(dict) {
                if regex.is_match(&key.get().display()) {
                    let mut inner = place.by(&pattern).below(step_of(&key));
                    self.schema(vm, &schema, &value, &mut inner, faults)?;
                }
            }
        }
        Ok(())
    }

    fn additional_properties(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        words: &[(Key, Value)],
        dict: &Arc<Dict>,
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let known = match find(words, "properties") {
            Some(properties) => mapping(properties, place)?,
            None => Vec::new(),
        };
        let patterns = match find(words, "patternProperties") {
            Some(patterns) => mapping(patterns, place)?,
            None => Vec::new(),
        };
        let patterns: Vec<Regex> = patterns
            .iter()
            .map(|(pattern, _)| compile(&pattern.get().display(), place))
            .collect::<Result<_, _>>()?;
        for (key, value) in entries(dict) {
            let name = key.get().display();
            if known.iter().any(|(k, _)| *k == key) || patterns.iter().any(|regex| regex.is_match(&name)) {
                continue;
            }
            if matches!(argument, Value::Bool(false)) {
                let names: Vec<Arc<str>> = known.iter().map(|(k, _)| k.get().display()).collect();
                let near = crate::lang::raise::closest(&name, names.iter().map(|n| &**n));
                let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                faults.push(place.fault(format!("`{name}` is not known here{near}")));
                continue;
            }
            self.schema(vm, argument, &value, &mut place.below(step_of(&key)), faults)?;
        }
        Ok(())
    }

    fn each_by_place(
        &mut self,
        vm: &mut Vm,
        schemas: &[Value],
        items: &[Value],
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        for (at, (schema, item)) in schemas.iter().zip(items).enumerate() {
            let mut inner = place.by(&at.to_string()).below(Step::Place(at));
            self.schema(vm, schema, item, &mut inner, faults)?;
        }
        Ok(())
    }

    fn contains(
        &mut self,
        vm: &mut Vm,
        argument: &Value,
        words: &[(Key, Value)],
        items: &[Value],
        place: &mut Place,
        faults: &mut Faults,
    ) -> Result<(), Raise> {
        let mut count = 0;
        for item in items {
            count += i64::from(self.fits(vm, argument, item, place)?);
        }
        let bound = |word: &str| find(words, word).and_then(ops::as_int);
        if count < bound("minContains").unwrap_or(1) {
            faults.push(place.fault("no item is as `contains` describes"));
        } else if bound("maxContains").is_some_and(|most| count > most) {
            faults.push(place.fault(format!("{count} items are as `contains` describes, which is too many")));
        }
        Ok(())
    }
}

/// A word that looks at one value alone.
fn plain_word(
    vm: &mut Vm,
    word: &str,
    argument: &Value,
    value: &Value,
    place: &Place,
    faults: &mut Faults,
) -> Result<(), Raise> {
    let message = match (word, value) {
        ("type", _) => wrong_type(argument, value),
        ("enum", _) => {
            let allowed = argument.snapshot().ok_or_else(|| bad_schema(place, "`enum` is a list"))?;
            let found = allowed.iter().any(|allowed| same(allowed, value));
            let names: Vec<String> = allowed.iter().map(shown).collect();
            (!found).then(|| format!("{} is not one of: {}", shown(value), names.join(", ")))
        }
        ("const", _) => {
            (!same(argument, value)).then(|| format!("{} is not {}", shown(value), shown(argument)))
        }
        ("required", Value::Dict(dict)) => {
            let names =
                argument.snapshot().ok_or_else(|| bad_schema(place, "`required` is a list of names"))?;
            for name in names {
                if !dict.0.read(|map| map.contains_key(&Key(name.clone()))) {
                    faults.push(place.fault(format!("`{}` is missing", name.display())));
                }
            }
            None
        }
        ("dependentRequired", Value::Dict(dict)) => {
            for (key, names) in mapping(argument, place)? {
                let has = |key: &Key| dict.0.read(|map| map.contains_key(key));
                for name in names.snapshot().filter(|_| has(&key)).unwrap_or_default() {
                    if !has(&Key(name.clone())) {
                        let (name, key) = (name.display(), key.get().display());
                        faults.push(place.fault(format!("`{name}` is missing, which `{key}` needs")));
                    }
                }
            }
            None
        }
        ("minimum", _) => bound(argument, value, &[Ordering::Less], "smaller than"),
        ("maximum", _) => bound(argument, value, &[Ordering::Greater], "larger than"),
        ("exclusiveMinimum", _) => {
            bound(argument, value, &[Ordering::Less, Ordering::Equal], "not larger than")
        }
        ("exclusiveMaximum", _) => {
            bound(argument, value, &[Ordering::Greater, Ordering::Equal], "not smaller than")
        }
        ("multipleOf", _) => match (number(argument), number(value)) {
            (Some(by), Some(x)) if by.float() != 0.0 => {
                let quotient = x.float() / by.float();
                (quotient.fract() != 0.0)
                    .then(|| format!("{} is no multiple of {}", shown(value), shown(argument)))
            }
            _ => None,
        },
        ("pattern", Value::Str(text)) => {
            let Some(pattern) = argument.as_str() else {
                return Err(bad_schema(place, "`pattern` is a text"));
            };
            vm.budget.spend(text.len() as u64 / 64)?;
            let fits = compile(pattern, place)?.is_match(text);
            (!fits).then(|| format!("{} does not match `{pattern}`", shown(value)))
        }
        ("minLength" | "maxLength", Value::Str(text)) => {
            length(word, argument, text.chars().count(), "characters")
        }
        ("minItems" | "maxItems", Value::List(list)) => {
            length(word, argument, list.0.read(Vec::len), "items")
        }
        ("minProperties" | "maxProperties", Value::Dict(dict)) => {
            length(word, argument, dict.0.read(|map| map.len()), "entries")
        }
        ("uniqueItems", Value::List(list)) if argument.truth() => {
            let items = list.0.read(Clone::clone);
            vm.budget.spend((items.len() as u64).saturating_mul(items.len() as u64) / 16)?;
            let twice = items
                .iter()
                .enumerate()
                .find(|(at, item)| items[..*at].iter().any(|other| same(other, item)));
            twice.map(|(_, item)| format!("{} is there more than once", shown(item)))
        }
        _ => None,
    };
    faults.extend(message.map(|message| place.fault(message)));
    Ok(())
}

fn bad_schema(place: &Place, message: impl std::fmt::Display) -> Raise {
    let rule = place.rule.join(".");
    Raise::new(Exc::WorkflowError, format!("the schema itself is wrong at `{rule}`: {message}"))
}

fn find<'w>(words: &'w [(Key, Value)], name: &str) -> Option<&'w Value> {
    words.iter().find(|(word, _)| word.get().as_str() == Some(name)).map(|(_, argument)| argument)
}

fn entries(dict: &Dict) -> Vec<(Key, Value)> {
    dict.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn mapping(value: &Value, place: &Place) -> Result<Vec<(Key, Value)>, Raise> {
    match value {
        Value::Dict(dict) => Ok(entries(dict)),
        other => Err(bad_schema(place, format!("a mapping belongs here, not a `{}`", other.type_name()))),
    }
}

fn step_of(key: &Key) -> Step {
    Step::Key(key.get().display().to_string())
}

fn compile(pattern: &str, place: &Place) -> Result<Regex, Raise> {
    Regex::new(pattern).map_err(|_| {
        let rule = place.rule.join(".");
        Raise::unsupported(
            format!("the pattern `{pattern}` in the schema (at `{rule}`) is not supported"),
            "look-around and back references are not supported",
        )
    })
}

/// A value for messages, not too long.
fn shown(value: &Value) -> String {
    let text = value.repr();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_string(),
    }
}

/// Equality of JSON: `1` is `1.0`, but not `true`.
fn same(a: &Value, b: &Value) -> bool {
    matches!(a, Value::Bool(_)) == matches!(b, Value::Bool(_)) && compare::equal(a, b).unwrap_or(false)
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Int(_) | Value::Float(_) => Number::of(value),
        _ => None,
    }
}

fn bound(argument: &Value, value: &Value, refused: &[Ordering], words: &str) -> Option<String> {
    let (limit, x) = (number(argument)?, number(value)?);
    let order = compare::compare_numbers(x, limit)?;
    refused.contains(&order).then(|| format!("{} is {words} {}", shown(value), shown(argument)))
}

fn length(word: &str, argument: &Value, length: usize, what: &str) -> Option<String> {
    let limit = match argument {
        Value::Float(x) => ops::float_to_int(*x)?,
        other => ops::as_int(other)?,
    };
    let length = length as i64;
    let (wrong, bound) = match word.starts_with("min") {
        true => (length < limit, "at least"),
        false => (length > limit, "at most"),
    };
    wrong.then(|| format!("it has {length} {what}, {bound} {limit} are allowed"))
}

fn wrong_type(argument: &Value, value: &Value) -> Option<String> {
    let wanted = match argument {
        Value::List(names) => names.0.read(Clone::clone),
        one => vec![one.clone()],
    };
    let is = |name: &Value| match name.as_str() {
        Some("null") => matches!(value, Value::None),
        Some("boolean") => matches!(value, Value::Bool(_)),
        Some("integer") => match value {
            Value::Int(_) => true,
            Value::Float(x) => x.is_finite() && x.fract() == 0.0,
            _ => false,
        },
        Some("number") => matches!(value, Value::Int(_) | Value::Float(_)),
        Some("string") => value.as_str().is_some(),
        Some("array") => matches!(value, Value::List(_)),
        Some("object") => matches!(value, Value::Dict(_)),
        _ => false,
    };
    if wanted.iter().any(is) {
        return None;
    }
    let names: Vec<Arc<str>> = wanted.iter().map(Value::display).collect();
    Some(format!("{} is not of type `{}`", shown(value), names.join("` or `")))
}
