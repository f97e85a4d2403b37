//! The TextMate grammar and what is around it: well-formed, with expressions that compile, and complete.

use fancy_regex::Regex;
use rulemake::source::{Word, WordKind, words_of_the_language};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn editors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/editors")
}

fn json(file: &str) -> Value {
    let text = fs::read_to_string(editors().join(file)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// An expression of the grammar with the scopes that its groups get.
struct Matcher {
    regex: Regex,
    /// Group, scope.
    scopes: Vec<(usize, String)>,
}

fn compiled(text: &str) -> Regex {
    // In `end` a group of `begin` is meant, whose text is put in its place.
    let text = text.replace("(\\2)", "(\")");
    Regex::new(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// All expressions of the grammar, and all that it includes.
fn matchers(grammar: &Value) -> (Vec<Matcher>, BTreeSet<String>) {
    let (mut found, mut included) = (Vec::new(), BTreeSet::new());
    let mut todo = vec![grammar];
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => {
                todo.extend(fields.values());
                included.extend(fields.get("include").and_then(Value::as_str).map(String::from));
                for (key, captures) in
                    [("match", "captures"), ("begin", "beginCaptures"), ("end", "endCaptures")]
                {
                    let Some(Value::String(text)) = fields.get(key) else { continue };
                    let captures = fields.get(captures).and_then(Value::as_object);
                    let scope = |(group, scope): (&String, &Value)| {
                        (group.parse().unwrap(), scope["name"].as_str().unwrap().to_string())
                    };
                    let regex = compiled(text);
                    let scopes: Vec<_> = captures.into_iter().flatten().map(scope).collect();
                    for (group, scope) in &scopes {
                        assert!(*group < regex.captures_len(), "{text} has no group {group} for {scope}");
                    }
                    found.push(Matcher { regex, scopes });
                }
            }
            _ => {}
        }
    }
    (found, included)
}

/// Promise: the grammar is one that an editor can load: its expressions compile, its groups are there, its includes
/// lead somewhere.
#[test]
fn the_grammar_is_well_formed() {
    let grammar = json("rulefile.tmLanguage.json");
    assert_eq!(grammar["scopeName"], "source.rulefile");
    let (matchers, included) = matchers(&grammar);
    assert!(matchers.len() > 20, "{}", matchers.len());
    compiled(grammar["firstLineMatch"].as_str().unwrap());
    for name in &included {
        let is_known = name
            .strip_prefix('#')
            .map_or(name == "source.python", |name| grammar["repository"][name].is_object());
        assert!(is_known, "{name}");
    }
    for name in grammar["repository"].as_object().unwrap().keys() {
        assert!(included.contains(&format!("#{name}")), "nothing includes `{name}`");
    }
}

/// A line in which a word stands as what it is, and what its scope begins with.
fn example(word: &Word) -> (String, &'static str) {
    let name = &word.name;
    match (word.kind, &**name) {
        (WordKind::Directive, "rule" | "checkpoint") => (format!("{name} a:"), "storage.type"),
        (WordKind::Directive, "module") => ("module m:".into(), "storage.type"),
        (WordKind::Directive, "use") => ("use rule a as b with:".into(), "keyword.control"),
        (WordKind::Directive, _) => (format!("{name}: x"), "keyword.other.directive"),
        (WordKind::Section | WordKind::ModuleSection, _) => {
            (format!("    {name}: x"), "keyword.other.section")
        }
        (WordKind::Flag, _) => (format!("    output: {name}('x')"), "support.function"),
        (_, "rules" | "checkpoints" | "wildcards" | "workflow" | "scatter" | "gather") => {
            (format!("x = {name}[0]"), "variable.language")
        }
        _ => (format!("x = {name}('x')"), "support.function"),
    }
}

/// Promise: every word of the language has its colour, where it stands and nowhere else.
#[test]
fn every_word_of_the_language_is_in_the_grammar() {
    let (matchers, _) = matchers(&json("rulefile.tmLanguage.json"));
    let has = |line: &str, name: &str, scope: &str| {
        matchers.iter().any(|matcher| {
            let mut found = matcher.regex.captures_iter(line).map(Result::unwrap);
            found.any(|found| {
                let is_it = |(group, given): &(usize, String)| {
                    given.starts_with(scope) && found.get(*group).is_some_and(|text| text.as_str() == name)
                };
                matcher.scopes.iter().any(is_it)
            })
        })
    };
    let words = words_of_the_language();
    assert!(words.len() > 100, "{}", words.len());
    for word in &words {
        let (line, scope) = example(word);
        assert!(has(&line, &word.name, scope), "`{}` in `{line}` is no {scope}", word.name);
    }
    for (line, name, scope) in [
        ("rule sort:", "sort", "entity.name.function"),
        ("    shell: \"cat {input} {rules.sort.output}\"", "sort", "entity.name.function"),
        ("    output: \"{sample,[0-9]{2}}.txt\"", "[0-9]{2}", "string.regexp"),
        ("# rulemake: allow(no-log)", "no-log", "variable.parameter"),
        ("storage s3:", "s3", "entity.name.tag"),
    ] {
        assert!(has(line, name, scope), "`{name}` in `{line}`");
    }
    for (line, name, scope) in [
        ("x.expand('x')", "expand", "support.function"),
        ("my_temp('x')", "temp", "support.function"),
        ("inputs:", "input", "keyword.other"),
        ("input := 3", "input", "keyword.other"),
        ("f(output=3)", "output", "variable.language"),
    ] {
        assert!(!has(line, name, scope), "`{name}` in `{line}`");
    }
}

/// Promise: the extension of VS Code names files that are there, and its expressions compile.
#[test]
fn the_extension_is_complete() {
    let package = json("package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let language = &package["contributes"]["languages"][0];
    let grammar = &package["contributes"]["grammars"][0];
    assert_eq!(
        (&grammar["language"], &grammar["scopeName"]),
        (&language["id"], &json("rulefile.tmLanguage.json")["scopeName"])
    );
    for file in [&package["main"], &language["configuration"], &grammar["path"]] {
        assert!(editors().join(file.as_str().unwrap()).is_file(), "{file}");
    }
    for rule in json("language-configuration.json")["onEnterRules"].as_array().unwrap() {
        compiled(rule["beforeText"].as_str().unwrap());
    }
}
