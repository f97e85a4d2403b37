//! The published schema of events, as far as JSON Schema is used in it: every event of every scenario is held against it.

use serde_json::{Map, Value};
use std::sync::OnceLock;

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| serde_json::from_str(rulemake::event::SCHEMA).unwrap())
}

/// Why an event is not as the schema says.
pub(crate) fn check_event(event: &Value) -> Result<(), String> {
    let mut known = Vec::new();
    check(schema(), event, "event", &mut known)?;
    // `unevaluatedProperties`: the fields of the object itself and of the branch that fits.
    let unknown = event.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |(name, _)| Err(format!("event.{name} is not in the schema: {event}")))
}

/// What the schema calls the values of a tagged object: `oneOf` of the root, or of a definition.
pub(crate) fn titles(definition: Option<&str>) -> Vec<String> {
    let of = definition.map_or(schema(), |name| &schema()["$defs"][name]);
    let list = of["oneOf"].as_array().unwrap();
    list.iter().map(|one| one["title"].as_str().unwrap().to_string()).collect()
}

/// Holds a value against a definition of the schema.
pub(crate) fn check_definition(name: &str, value: &Value) -> Result<(), String> {
    check(&schema()["$defs"][name], value, name, &mut Vec::new())
}

fn check<'s>(rule: &'s Value, value: &Value, at: &str, known: &mut Vec<&'s str>) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{at}: {what}: {value}"));
    for (keyword, asked) in rule.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "unevaluatedProperties" => {}
            "$ref" => {
                let name = asked.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(&schema()["$defs"][name], value, at, &mut Vec::new())?;
            }
            "const" if value != asked => return wrong(&format!("is not {asked}")),
            "enum" if !asked.as_array().unwrap().contains(value) => return wrong("is none of the values"),
            "const" | "enum" => {}
            "type" if !has_type(asked, value) => return wrong(&format!("has not the type {asked}")),
            "type" => {}
            "minimum" if value.is_number() && value.as_f64() < asked.as_f64() => {
                return wrong("is too small");
            }
            "minItems"
                if value.as_array().is_some_and(|all| (all.len() as u64) < asked.as_u64().unwrap()) =>
            {
                return wrong("is too short");
            }
            "maxItems"
                if value.as_array().is_some_and(|all| (all.len() as u64) > asked.as_u64().unwrap()) =>
            {
                return wrong("is too long");
            }
            "pattern" if !regex_of_digests(asked, value) => return wrong("does not fit"),
            "minimum" | "minItems" | "maxItems" | "pattern" => {}
            "properties" => {
                for (name, rule) in asked.as_object().unwrap() {
                    known.push(name);
                    if let Some(value) = value.get(name) {
                        check(rule, value, &format!("{at}.{name}"), &mut Vec::new())?;
                    }
                }
            }
            "required" => {
                let lacks =
                    asked.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                if let Some(name) = lacks {
                    return wrong(&format!("lacks {name}"));
                }
            }
            "additionalProperties" => {
                assert_eq!(asked, &Value::Bool(false));
                let none = Map::new();
                let fields = rule["properties"].as_object().unwrap_or(&none);
                let more = value.as_object().unwrap_or(&none).keys().find(|name| !fields.contains_key(*name));
                if let Some(name) = more {
                    return wrong(&format!("has the unknown field {name}"));
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(asked, item, &format!("{at}[{index}]"), &mut Vec::new())?;
                }
            }
            "oneOf" | "anyOf" => {
                let mut fits = 0;
                let mut last = String::new();
                for one in asked.as_array().unwrap() {
                    let mut fields = Vec::new();
                    match check(one, value, at, &mut fields) {
                        Ok(()) => {
                            fits += 1;
                            known.extend(fields);
                        }
                        // The branch whose tag fits says best what is wrong.
                        Err(why) if !why.contains("is not \"") => last = why,
                        Err(_) => {}
                    }
                }
                if fits == 0 || fits > 1 && keyword == "oneOf" {
                    return wrong(&format!("fits {fits} of the forms ({last})"));
                }
            }
            other => panic!("the test does not know the keyword `{other}` of the schema"),
        }
    }
    Ok(())
}

fn has_type(asked: &Value, value: &Value) -> bool {
    if let Some(list) = asked.as_array() {
        return list.iter().any(|one| has_type(one, value));
    }
    match asked.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the test does not know the type `{other}`"),
    }
}

fn regex_of_digests(pattern: &Value, value: &Value) -> bool {
    assert_eq!(pattern, "^blake3:[0-9a-f]{64}$");
    let digits = value.as_str().and_then(|text| text.strip_prefix("blake3:"));
    digits.is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}
