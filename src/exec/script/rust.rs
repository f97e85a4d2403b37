//! Rust, by `rust-script`: the job stands before the script as a static `snakemake` whose types are made for it.

use super::describe::{Description, Section};
use crate::model::value::{Value, python_float};
use std::fmt::Write as _;

/// Crates that scripts may use without naming them.
pub(crate) const DEPENDENCIES: [&str; 6] =
    ["anyhow=1", "gag=1", "lazy_static=1.4", "serde=1", "serde_derive=1", "serde_json=1"];

const METHODS: &str = "
impl Snakemake {
    #[allow(dead_code)]
    fn open_for_writing<P: AsRef<std::path::Path>>(path: P) -> anyhow::Result<std::fs::File> {
        Ok(std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?)
    }

    #[allow(dead_code)]
    fn redirect_stderr<P: AsRef<std::path::Path>>(
        &self,
        path: P,
    ) -> anyhow::Result<gag::Redirect<std::fs::File>> {
        Ok(gag::Redirect::stderr(Self::open_for_writing(path)?)?)
    }

    #[allow(dead_code)]
    fn redirect_stdout<P: AsRef<std::path::Path>>(
        &self,
        path: P,
    ) -> anyhow::Result<gag::Redirect<std::fs::File>> {
        Ok(gag::Redirect::stdout(Self::open_for_writing(path)?)?)
    }
}
";

/// The Rust code that defines `snakemake`.
pub(crate) fn preamble(job: &Description, scriptdir: &str) -> String {
    let mut code = Code::default();
    let mut fields: Vec<(String, String, String)> = Vec::new();
    for (name, section) in job.sections() {
        let name_of_type = camel(name);
        let is_text = matches!(name, "input" | "output" | "log" | "wildcards");
        let literal = code.section(&name_of_type, section, is_text);
        fields.push((name.to_string(), name_of_type, literal));
    }
    let (of_config, config) = match &*job.config {
        Value::Map(items) => code.structure("Config", items),
        _ => code.structure("Config", &[]),
    };
    let iteration = job.iteration.map_or("None".into(), |n| format!("Some({n})"));
    let text = |t: &str| format!("String::from({t:?})");
    fields.extend([
        ("threads".to_string(), "i64".to_string(), job.threads.to_string()),
        ("config".into(), of_config, config),
        ("rulename".into(), "String".into(), text(&job.rule)),
        ("bench_iteration".into(), "Option<usize>".into(), iteration),
        ("scriptdir".into(), "String".into(), text(scriptdir)),
    ]);
    code.define("Snakemake", &fields);
    let values: Vec<String> = fields.iter().map(|(name, _, value)| format!("{name}: {value}")).collect();
    format!(
        "{}{METHODS}
#[allow(non_upper_case_globals)]
static snakemake: std::sync::LazyLock<Snakemake> = std::sync::LazyLock::new(|| Snakemake {{ {} }});
",
        code.types,
        values.join(", ")
    )
}

/// The definitions of types so far.
#[derive(Default)]
struct Code {
    types: String,
}

impl Code {
    fn define(&mut self, name: &str, fields: &[(String, String, String)]) {
        let fields: Vec<String> =
            fields.iter().map(|(field, kind, _)| format!("    pub {field}: {kind},\n")).collect();
        let _ = writeln!(
            self.types,
            "#[allow(dead_code, non_snake_case)]\n#[derive(Clone, Debug)]\npub struct {name} {{\n{}}}",
            fields.concat()
        );
    }

    /// A section: what has no name under `positional`. The value as Rust code.
    fn section(&mut self, name: &str, section: &Section, is_text: bool) -> String {
        let mut positional = Vec::new();
        let mut fields = Vec::new();
        for (item, value) in section.items() {
            match item {
                None => positional.push(value),
                Some(item) => {
                    let (kind, literal) = self.value(&format!("{name}{}", camel(item)), &value);
                    fields.push((field(item), kind, literal));
                }
            }
        }
        let (mut kind, literal) = self.value(name, &Value::List(positional.into()));
        if is_text {
            kind = "Vec<String>".into();
            let _ = writeln!(
                self.types,
                "impl std::ops::Index<usize> for {name} {{
    type Output = String;
    fn index(&self, index: usize) -> &String {{
        &self.positional[index]
    }}
}}
impl<'a> IntoIterator for &'a {name} {{
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;
    fn into_iter(self) -> Self::IntoIter {{
        self.positional.iter()
    }}
}}
impl IntoIterator for {name} {{
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;
    fn into_iter(self) -> Self::IntoIter {{
        self.positional.into_iter()
    }}
}}"
            );
        }
        fields.insert(0, ("positional".into(), kind, literal));
        self.define(name, &fields);
        let values: Vec<String> =
            fields.iter().map(|(field, _, value)| format!("{field}: {value}")).collect();
        format!("{name} {{ {} }}", values.join(", "))
    }

    /// Type and value of a mapping, as a structure of its own.
    fn structure(&mut self, name: &str, items: &[(std::sync::Arc<str>, Value)]) -> (String, String) {
        let mut fields: Vec<(String, String, String)> = Vec::new();
        for (key, value) in items {
            let (kind, literal) = self.value(&format!("{name}{}", camel(key)), value);
            let mut field = field(key);
            while fields.iter().any(|(known, ..)| *known == field) {
                field.push('_');
            }
            fields.push((field, kind, literal));
        }
        self.define(name, &fields);
        let values: Vec<String> =
            fields.iter().map(|(field, _, value)| format!("{field}: {value}")).collect();
        (name.to_string(), format!("{name} {{ {} }}", values.join(", ")))
    }

    /// Type and value; `name` is for structures in it.
    fn value(&mut self, name: &str, value: &Value) -> (String, String) {
        match value {
            Value::None => ("Option<serde_json::Value>".into(), "None".into()),
            Value::Bool(b) => ("bool".into(), b.to_string()),
            Value::Int(n) => ("i64".into(), format!("{n}i64")),
            Value::Float(x) => ("f64".into(), float(*x)),
            Value::Str(s) => ("String".into(), format!("String::from({s:?})")),
            Value::Map(items) | Value::Record(items) => self.structure(name, items),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                let same = |test: fn(&Value) -> bool| !items.is_empty() && items.iter().all(test);
                let is_plain = same(|v| matches!(v, Value::Str(_)))
                    || same(|v| matches!(v, Value::Int(_)))
                    || same(|v| matches!(v, Value::Float(_)))
                    || same(|v| matches!(v, Value::Bool(_)));
                if is_plain {
                    let parts: Vec<(String, String)> =
                        items.iter().map(|item| self.value(name, item)).collect();
                    let kind = parts.first().map_or("String", |(kind, _)| kind);
                    let values: Vec<&str> = parts.iter().map(|(_, value)| &**value).collect();
                    return (format!("Vec<{kind}>"), format!("vec![{}]", values.join(", ")));
                }
                let parts: Vec<String> = items.iter().map(any).collect();
                ("Vec<serde_json::Value>".into(), format!("vec![{}]", parts.join(", ")))
            }
        }
    }
}

/// A value of any type.
fn any(value: &Value) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    format!("serde_json::from_str::<serde_json::Value>({json:?}).unwrap_or_default()")
}

fn float(x: f64) -> String {
    if x.is_nan() {
        return "f64::NAN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "f64::INFINITY" } else { "f64::NEG_INFINITY" }.into();
    }
    format!("{}f64", python_float(x))
}

/// A name as one of a type: `my_name` becomes `MyName`.
fn camel(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut chars = part.chars();
            chars
                .next()
                .map(|first| first.to_uppercase().chain(chars).collect::<String>())
                .unwrap_or_default()
        })
        .collect()
}

/// Words that Rust keeps for itself and that cannot be written with `r#` either, among all others.
const RESERVED: [&str; 40] = [
    "as",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "pub",
    "ref",
    "return",
    "self",
    "Self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "type",
    "unsafe",
    "use",
    "where",
    "while",
    "async",
    "await",
    "positional",
];

/// A name as one of a field.
fn field(name: &str) -> String {
    let mut field: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if matches!(&*field, "" | "_") {
        return "__".into();
    }
    if RESERVED.contains(&&*field) {
        field.push('_');
    }
    if field.starts_with(|c: char| c.is_numeric()) {
        field.insert(0, '_');
    }
    field
}

/// The script with the definitions behind what names its dependencies, which must come first.
pub(crate) fn combined(preamble: &str, source: &str) -> String {
    let source = match source.strip_prefix("#!") {
        Some(rest) if !rest.starts_with('[') => rest.split_once('\n').map_or("", |(_, rest)| rest),
        _ => source,
    };
    let end = manifest_end(source);
    format!("{}{preamble}{}", &source[..end], &source[end..])
}

/// Where the leading `// cargo-deps:` line or documentation comment ends.
fn manifest_end(source: &str) -> usize {
    let start = source.len() - source.trim_start().len();
    let line = source[start..].lines().next().unwrap_or("");
    let after = |text: &str| {
        let end = start + text.len();
        end + source[end..].starts_with('\n') as usize
    };
    if line.trim_start_matches('/').trim_start().to_ascii_lowercase().starts_with("cargo-deps") {
        return after(line);
    }
    if line.starts_with("/*!") {
        let comment = source[start..].find("*/").map_or("", |end| &source[start..start + end + 2]);
        return if comment.is_empty() { 0 } else { after(comment) };
    }
    let mut end = 0;
    for line in source.split_inclusive('\n') {
        let text = line.trim_start();
        let is_comment = text.starts_with("//!") || (end == 0 && text.trim_end().is_empty());
        if !is_comment {
            break;
        }
        end += line.len();
    }
    end
}
