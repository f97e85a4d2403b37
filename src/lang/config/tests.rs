//! The rules of each format, merging, limits.

use super::yaml::plain_scalar;
use super::*;
use crate::diag::SourceMap;

fn yaml(text: &str) -> String {
    parsed(text, Format::Yaml)
}

fn parsed(text: &str, format: Format) -> String {
    match parse(SourceId(0), text, format) {
        Ok(dict) => Value::Dict(dict).to_model().unwrap().canonical(),
        Err(p) => {
            let mut sources = SourceMap::default();
            sources.add("c", text);
            let (line, column) = sources.file(SourceId(0)).line_column(p.labels[0].0.start);
            format!("{line}:{column} {} {}", p.code, p.message)
        }
    }
}

fn scalar(text: &str) -> String {
    plain_scalar(text).to_model().unwrap().canonical()
}

/// As ruamel.yaml 0.18 reads them, which is what DVC reads its files with.
#[test]
fn plain_scalars_of_yaml_1_2() {
    for (text, value) in [
        ("1e-7", "1e-07"),
        ("1E3", "1000.0"),
        ("-1.5e+3", "-1500.0"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("010", "10"),
        ("0o10", "8"),
        ("0x1F", "31"),
        ("1_000", "1000"),
        ("-3", "-3"),
        ("yes", "'yes'"),
        ("off", "'off'"),
        ("True", "True"),
        ("1:30", "'1:30'"),
        ("1.2.3", "'1.2.3'"),
        ("e5", "'e5'"),
        ("inf", "'inf'"),
        ("-.inf", "-inf"),
        ("+", "'+'"),
        ("0x", "'0x'"),
        ("0x-5", "'0x-5'"),
        ("--5", "'--5'"),
        ("12e34567890123456789012345678901", "inf"),
        ("99999999999999999999", "'99999999999999999999'"),
        ("~", "None"),
    ] {
        let read = crate::Value::from_yaml_core("x", &format!("[{text}]")).unwrap();
        assert_eq!(read.canonical(), format!("[{value}]"), "{text}");
    }
}

#[test]
fn plain_scalars_are_those_of_pyyaml() {
    for (text, value) in [
        ("yes", "True"),
        ("Off", "False"),
        ("y", "'y'"),
        ("~", "None"),
        ("Null", "None"),
        ("12", "12"),
        ("-1_000", "-1000"),
        ("+5", "5"),
        ("0o14", "'0o14'"),
        ("014", "12"),
        ("09", "'09'"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("1:30", "90"),
        ("1:75", "'1:75'"),
        ("190:20:30", "685230"),
        ("1.5", "1.5"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("-.5", "'-.5'"),
        ("1e3", "'1e3'"),
        ("1.5e3", "'1.5e3'"),
        ("1.5e+3", "1500.0"),
        ("-.inf", "-inf"),
        (".nan", "nan"),
        ("1:30.5", "90.5"),
        ("1.2.3", "'1.2.3'"),
        ("2001-01-01", "'2001-01-01'"),
        ("9223372036854775808", "'9223372036854775808'"),
        ("hg38", "'hg38'"),
        ("-", "'-'"),
        (".", "'.'"),
    ] {
        assert_eq!(scalar(text), value, "{text}");
    }
}

#[test]
fn collections_anchors_and_merge_keys() {
    assert_eq!(yaml("a: 1\nb:\n  - x\n  - {c: [yes, 'no']}\n"), "{'a': 1, 'b': ['x', {'c': [True, 'no']}]}");
    assert_eq!(
        yaml("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\nc: *x\n"),
        "{'a': {'k': 1, 'l': 2}, 'b': {'k': 3, 'l': 2}, 'c': {'k': 1, 'l': 2}}"
    );
    assert_eq!(
        yaml("a: &x {k: 1}\nd: &y {k: 2, m: 3}\nb:\n  <<: [*x, *y]\n"),
        "{'a': {'k': 1}, 'd': {'k': 2, 'm': 3}, 'b': {'k': 1, 'm': 3}}"
    );
    assert_eq!(yaml("2: a\nyes: b\n"), "{'2': 'a', 'True': 'b'}");
    assert_eq!(yaml("a: |\n  x\n  y\nb: >\n  x\n  y\n"), "{'a': 'x\\ny\\n', 'b': 'x y\\n'}");
    assert_eq!(yaml("a: !!str 1\nb: !!float 1\nc: !!int '3'\n"), "{'a': '1', 'b': 1.0, 'c': 3}");
    assert_eq!(yaml(""), "{}");
    assert_eq!(yaml("# nothing\n---\n"), "{}");
    assert_eq!(yaml("\u{feff}a: ü # c\n"), "{'a': 'ü'}");
}

#[test]
fn mistakes_have_their_place() {
    assert_eq!(yaml("a: 1\nb: 2\na: 3\n"), "3:1 duplicate-key key `a` is there twice");
    assert!(yaml("a: [1, 2\nb: 3\n").contains("bad-config not YAML"), "{}", yaml("a: [1, 2\nb: 3\n"));
    assert!(yaml("a:\n\tb: 1\n").contains("bad-config not YAML"), "{}", yaml("a:\n\tb: 1\n"));
    assert_eq!(yaml("- a\n"), "1:1 bad-config a config file must be a mapping at its top, not a `list`");
    assert_eq!(yaml("a: !py x\n"), "1:8 bad-config the YAML tag `!py` isn't supported");
    assert_eq!(yaml("a: 1\n---\nb: 2\n"), "2:1 bad-config a config file can only hold one document");
    assert!(yaml("ä: 1\nü: *x\n").starts_with("2:4 "), "{}", yaml("ä: 1\nü: *x\n"));
    assert_eq!(parsed("{\"a\": 1,}", Format::Json), "1:9 bad-config not JSON: trailing comma");
    assert!(parsed("a = \n", Format::Toml).starts_with("1:"), "{}", parsed("a = \n", Format::Toml));
}

#[test]
fn a_file_that_multiplies_itself_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
    for i in 1..10 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("a{i}: &a{i} [{items}]\n");
    }
    assert!(yaml(&text).contains("more than 2000000 values"));
    assert!(yaml(&format!("a: {}{}", "[".repeat(150), "]".repeat(150))).contains("too deeply"));
    assert!(yaml("a: &a [*a]\n").contains("inside what it names"));
}

#[test]
fn json_and_toml_have_their_own_scalars() {
    assert_eq!(
        parsed("{\"a\": [1, -2.5, 1e3, true, null, \"yes\"], \"b\": {}}", Format::Json),
        "{'a': [1, -2.5, 1000.0, True, None, 'yes'], 'b': {}}"
    );
    assert_eq!(
        parsed("{\"a\": 1, \"a\": 2}", Format::Json),
        "1:12 bad-config not JSON: key `a` is there twice"
    );
    assert_eq!(
        parsed("a = 1\n[b]\nc = [true, 1.5, 'x']\nd = 2001-01-01\n", Format::Toml),
        "{'a': 1, 'b': {'c': [True, 1.5, 'x'], 'd': '2001-01-01'}}"
    );
}

#[test]
fn settings_are_scalars_or_flow_collections() {
    for (setting, value) in [
        ("n=5", "{'n': 5}"),
        ("a.b=yes", "{'a': {'b': True}}"),
        ("a=[1, x]", "{'a': [1, 'x']}"),
        ("a={b: 1}", "{'a': {'b': 1}}"),
        ("a=", "{'a': None}"),
        ("a='5'", "{'a': '5'}"),
        ("a=b: c", "{'a': 'b: c'}"),
        ("a=x=y", "{'a': 'x=y'}"),
        ("a=null", "{'a': None}"),
    ] {
        let dict = parse_setting(setting).unwrap();
        assert_eq!(Value::Dict(dict).to_model().unwrap().canonical(), value, "{setting}");
    }
    assert!(parse_setting("abc").is_err());
    assert!(parse_setting("=1").is_err());
    assert!(parse_setting("a=[1").is_err());
}

#[test]
fn merging_is_deep_for_mappings_only() {
    let dict = |text: &str| parse(SourceId(0), text, Format::Yaml).unwrap();
    let base = dict("a: {x: 1, y: [1, 2]}\nb: 1\n");
    merge(&base, &dict("a: {y: [3], z: {k: 1}}\nc: 2\n")).unwrap();
    assert_eq!(
        Value::Dict(base).to_model().unwrap().canonical(),
        "{'a': {'x': 1, 'y': [3], 'z': {'k': 1}}, 'b': 1, 'c': 2}"
    );
}
