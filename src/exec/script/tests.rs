//! What each language gets of a job, as text.

use super::describe::{Description, Section};
use super::{bash, julia, python, r, rust};
use crate::model::value::Value;
use std::sync::Arc;

fn section(items: &[(Option<&str>, Value)]) -> Section {
    let names: Vec<Option<Arc<str>>> = items.iter().map(|(name, _)| name.map(Arc::from)).collect();
    Section::of_values(names.iter().map(Option::as_ref).zip(items.iter().map(|(_, value)| value.clone())))
}

fn odd() -> Value {
    Value::from("a \"b\" 'c' $d `e` \\f\n{g} ü\u{1}")
}

fn job() -> Description {
    let map = Value::Map([("k".into(), Value::from([1, 2])), ("".into(), Value::None)].into());
    let input = Section {
        flat: ["a.txt", "b.txt", "c.txt"].map(Value::from).into(),
        names: vec![("x".into(), 1, Some(3))],
    };
    Description {
        input,
        output: section(&[(None, Value::from("out.txt"))]),
        params: section(&[
            (None, odd()),
            (Some("n"), Value::None),
            (Some("b"), Value::from(true)),
            (Some("f"), Value::from(1e-7)),
            (Some("big"), Value::Int(5_000_000_000)),
            (Some("nan"), Value::from(f64::NAN)),
            (Some("mixed"), Value::List([Value::from(1), Value::from("x")].into())),
            (Some("tuple"), Value::Tuple([Value::from(1), Value::from(2)].into())),
            (Some("set"), Value::Set([Value::from("x")].into())),
            (Some("empty"), Value::List([].into())),
            (Some("map"), map.clone()),
            (Some("row"), Value::Record([("id".into(), Value::from("x"))].into())),
        ]),
        wildcards: section(&[(Some("s"), Value::from("w"))]),
        threads: 3,
        resources: section(&[(Some("mem_mb"), Value::from(100))]),
        log: Section::default(),
        config: Arc::new(map),
        rule: "r".into(),
        iteration: None,
    }
}

#[test]
fn groups_are_lists_by_name_and_flat_by_number() {
    let input = job().input;
    let items: Vec<String> = input.items().iter().map(|(name, v)| format!("{name:?} {v}")).collect();
    assert_eq!(items, ["None a.txt", "Some(\"x\") ['b.txt', 'c.txt']"]);
}

#[test]
fn python_reads_the_values_as_they_are() {
    let text = format!("{{{}}}", python::job_fields(&job()));
    assert!(
        text.contains(r#"{"rulemake:record": [["id"], ["x"]]}"#)
            && text.contains("NaN, [1, \"x\"], {\"rulemake:tuple\": [1, 2]}, {\"rulemake:set\": [\"x\"]}, [], {\"k\": [1, 2], \"\": null}"),
        "{text}"
    );
    assert!(
        text.contains(r#""input": {"flat": ["a.txt", "b.txt", "c.txt"], "names": [["x", 1, 3]]}"#),
        "{text}"
    );
    assert!(text.contains(r#"a \"b\" 'c' $d `e` \\f\n{g} ü\u0001"#), "{text}");
}

#[test]
fn r_gets_vectors_where_elements_are_alike_and_lists_elsewhere() {
    let text = r::preamble(&job(), "/s");
    for part in [
        r#"input = list("a.txt", "b.txt", "c.txt", "x" = c("b.txt", "c.txt"))"#,
        r#""n" = NULL, "b" = TRUE, "f" = 1e-07, "big" = 5000000000, "nan" = NaN, "mixed" = list(1L, "x"), "tuple" = c(1L, 2L), "set" = c("x"), "empty" = c(), "map" = list("k" = c(1L, 2L), NULL), "row" = list("id" = "x"))"#,
        r#"resources = list("mem_mb" = 100L)"#,
        r#""a \"b\" 'c' $d `e` \\f\n{g} ü\x01""#,
        "bench_iteration = as.numeric(NA)",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn julia_counts_from_one_and_inserts_nothing() {
    let text = julia::preamble(&job(), "/s");
    for part in [
        r#"Dict(1 => "a.txt", 2 => "b.txt", 3 => "c.txt", "x" => ["b.txt", "c.txt"]), # input"#,
        r#""a \"b\" 'c' \$d `e` \\f\n{g} ü\x01""#,
        r#"3, Dict("k" => [1, 2], "" => nothing), "r", nothing, "/s")"#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn bash_gets_one_line_and_keeps_the_numbers_of_the_others() {
    let text = bash::preamble(&job(), "/s");
    assert!(!text.contains('\n'), "{text}");
    for part in [
        "declare -A snakemake_input=( [0]=a.txt [x]='b.txt c.txt' [1]='b.txt c.txt' )",
        r#"[0]=$'a "b" \'c\' $d `e` \\f\n{g} ü"#,
        "[n]=None [1]=None [b]=True [2]=True",
        "[tuple]='1 2' [7]='1 2' [set]=x [8]=x",
        "[map]='k ' [10]='k ' [row]=x [11]=x",
        "declare -A snakemake_config=( [k]='1 2' )",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(bash::combined("P", b"#!/bin/bash\necho 2\n"), b"P\necho 2\n");
    assert_eq!(bash::combined("P", b"echo 1\n"), b"P\necho 1\n");
    assert_eq!(bash::combined("P", b"#!/bin/bash"), b"P\n");
}

#[test]
fn rust_gets_types_of_its_own_behind_the_dependencies() {
    let text = rust::preamble(&job(), "/s");
    for part in [
        "pub struct Input {\n    pub positional: Vec<String>,\n    pub x: Vec<String>,\n}",
        "pub struct ParamsMap {\n    pub k: Vec<i64>,\n    pub __: Option<serde_json::Value>,\n}",
        "pub mixed: Vec<serde_json::Value>",
        "nan: f64::NAN",
        "big: 5000000000i64",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for (source, expected) in [
        (
            "#!/usr/bin/env rust-script\n// cargo-deps: a=\"1\"\nfn main() {}\n",
            "// cargo-deps: a=\"1\"\nPfn main() {}\n",
        ),
        ("//! ```cargo\n//! ```\nfn main() {}", "//! ```cargo\n//! ```\nPfn main() {}"),
        ("/*!\n```cargo\n```\n*/\nfn main() {}", "/*!\n```cargo\n```\n*/\nPfn main() {}"),
        ("fn main() {}", "Pfn main() {}"),
    ] {
        assert_eq!(rust::combined("P", source), expected);
    }
}
