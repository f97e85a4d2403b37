//! Schemas against what the package `jsonschema` makes of them, with defaults filled in as Snakemake does it:
//! a line of `cases.jsonl` is a schema, a value, whether it fits, and what it is afterwards or where it does not fit.

use crate::lang::budget::Budget;
use crate::lang::config::{self, Format};
use crate::lang::raise::Raise;
use crate::lang::schema::Schema;
use crate::lang::value::{Dict, TextKey, Value};
use crate::lang::vm::Vm;
use serde::Deserialize;
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;

const CASES: &str = include_str!("cases.jsonl");

#[derive(Deserialize)]
struct Case {
    schema: serde_json::Value,
    value: serde_json::Value,
    fits: bool,
    #[serde(default)]
    after: serde_json::Value,
    #[serde(default)]
    at: Vec<String>,
}

/// `{"x": value}` as the config reads it.
fn config_of(value: &serde_json::Value) -> Arc<Dict> {
    let text = serde_json::json!({ "x": value }).to_string();
    config::parse(crate::diag::SourceId(0), &text, Format::Json).unwrap()
}

fn value_of(json: &serde_json::Value) -> Value {
    config_of(json).0.read(|map| map.get(&TextKey("x")).cloned()).unwrap()
}

fn check_in(folder: &TempDir, name: &str, value: &Value) -> Result<(), Raise> {
    let mut vm = Vm::new(folder.path(), Budget::new(1_000_000, 1 << 26));
    vm.folder = folder.path().to_path_buf();
    vm.budget.enter_stack();
    let mut schema = Schema::read(&mut vm, name)?;
    schema.check(&mut vm, value, "the config", true)
}

#[test]
fn schemas_say_what_jsonschema_says() {
    let folder = TempDir::new().unwrap();
    let mut wrong = Vec::new();
    for (i, line) in CASES.lines().enumerate() {
        let case: Case = serde_json::from_str(line).unwrap();
        // A file holds a mapping: other schemas are put inside of one.
        let schema = match &case.schema {
            serde_json::Value::Object(_) => case.schema.clone(),
            other => serde_json::json!({ "allOf": [other] }),
        };
        fs::write(folder.path().join("schema.json"), schema.to_string()).unwrap();
        let value = value_of(&case.value);
        let result = check_in(&folder, "schema.json", &value);
        let held = match (&result, case.fits) {
            (Ok(()), true) => value.repr() == value_of(&case.after).repr(),
            (Err(_), false) => true,
            _ => false,
        };
        if !held {
            wrong.push(format!("line {}: {line}\n  ours {result:?}, then {}", i + 1, value.repr()));
        }
        // The place that is told is one that the reference tells, too.
        if let (Err(raise), false) = (&result, case.at.iter().all(String::is_empty)) {
            let message = raise.message();
            let told = message.split(": ").nth(1).unwrap_or("").trim_matches('`');
            let told = told.replace('[', "/").replace(']', "").replace('.', "/");
            let told = told.trim_start_matches('/');
            if !case.at.iter().any(|at| at == told || at.is_empty()) {
                wrong.push(format!("line {}: {line}\n  ours tells `{told}`: {message}", i + 1));
            }
        }
    }
    assert!(CASES.lines().count() >= 150);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_rule_of_the_schema() {
    let folder = TempDir::new().unwrap();
    let schema = r#"
type: object
properties:
  samples: {type: array, items: {$ref: "parts.yaml#/$defs/sample"}}
  mode: {enum: [fast, slow]}
additionalProperties: false
"#;
    fs::write(folder.path().join("schema.yaml"), schema).unwrap();
    let parts = "$defs:\n  sample: {type: string, pattern: '^[a-z]+$'}\n";
    fs::write(folder.path().join("parts.yaml"), parts).unwrap();
    let told = |value: serde_json::Value| {
        let raise = check_in(&folder, "schema.yaml", &value_of(&value)).unwrap_err();
        format!("{}\n{}", raise.message(), raise.to_problem().help.join("\n"))
    };
    assert_eq!(
        told(serde_json::json!({"samples": ["a", "B"], "mode": 1, "mod": 2})),
        "the config does not fit the schema `schema.yaml`: `samples[1]`: 'B' does not match `^[a-z]+$`\n\
         the schema says so at `properties.samples.items.$ref.$defs.sample.pattern`\n\
         also `mode`: 1 is not one of: 'fast', 'slow' (at `properties.mode.enum`)\n\
         also `mod` is not known here, did you mean `mode`? (at `additionalProperties`)"
    );
}

/// Mistakes of the schema itself are told, and no schema makes the check run for ever.
#[test]
fn bad_schemas_are_refused() {
    let folder = TempDir::new().unwrap();
    for (schema, wanted) in [
        ("$ref: '#'\n", "without end"),
        ("$ref: '#/nowhere'\n", "is not there"),
        ("$ref: 'absent.yaml'\n", "absent.yaml"),
        ("$ref: 'https://x.org/schema.json'\n", "network"),
        ("properties: 5\n", "properties"),
        ("unevaluatedProperties: false\n", "unevaluatedProperties"),
        ("pattern: '(?=x)'\n", "not supported"),
        ("a: [\n", "line 1"),
        ("- 1\n", "mapping"),
    ] {
        fs::write(folder.path().join("s.yaml"), schema).unwrap();
        let value =
            if schema.starts_with("properties") { value_of(&serde_json::json!({})) } else { "x".into() };
        let raise = check_in(&folder, "s.yaml", &value).unwrap_err();
        let told = format!("{}\n{}", raise.message(), raise.to_problem().help.join("\n"));
        assert!(told.contains(wanted), "{schema}: {told}");
    }
    let raise = check_in(&folder, "absent.yaml", &Value::None).unwrap_err();
    assert!(raise.message().contains("absent.yaml"), "{raise:?}");
}
