//! What is public, as text. Promise: the surface of the library changes only on purpose, and each part of it is shown by
//! an example.
//!
//! `unreachable_pub` is denied, so what is written `pub` in `src` is what can be reached; the sources are formatted, so their
//! indentation tells what belongs to what. `UPDATE_GOLDEN=1 cargo test --test surface` writes the list anew.

#![expect(clippy::disallowed_methods, reason = "a test asks whether it is to write its list")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/sources.rs"]
mod sources;

use sources::rust_files;
use std::fs;
use std::path::Path;

/// One public item.
struct Item {
    /// As in the list.
    text: String,
    /// Whether an example is due: of types, traits, functions and constants, and of their methods.
    kind: Kind,
    has_example: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Item,
    Method,
    Part,
}

/// What a file declares, without its tests.
fn items(text: &str) -> Vec<Item> {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    // The public type, trait or `impl` that the lines at depth 1 belong to, and the variant of those at depth 2.
    let mut owner: Option<(Owner, String)> = None;
    let mut variant = String::new();
    let mut docs = Docs::default();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let (depth, word) = (line.len() - line.trim_start().len(), line.trim_start());
        if word.is_empty() || docs.take(word) {
            at += 1;
            continue;
        }
        let (signature, next) = signature(&lines, at);
        match (depth, &owner) {
            (0, _) => {
                owner = opened(word, &signature);
                if let Some(text) = word.starts_with("pub ").then(|| signature.clone()) {
                    let text = format!("{}{}", docs.attributes(), text.strip_prefix("pub ").unwrap());
                    let kind = if text.contains("mod ") { Kind::Part } else { Kind::Item };
                    if !text.contains("use ") {
                        found.push(Item { text, kind, has_example: docs.example });
                    }
                }
            }
            (4, Some((Owner::Struct, name))) if word.starts_with("pub ") => {
                found.push(
                    docs.part(format!("{name}.{}", word.strip_prefix("pub ").unwrap().trim_end_matches(','))),
                );
            }
            (4, Some((Owner::Enum, name))) if word.starts_with(char::is_uppercase) => {
                variant = format!("{name}::{}", signature.trim_end_matches(','));
                found.push(docs.part(variant.clone()));
            }
            (8, Some((Owner::Enum, _))) if word.ends_with(',') && word.contains(": ") => {
                found.push(docs.part(format!("{variant}.{}", word.trim_end_matches(','))));
            }
            (4, Some((Owner::Trait, name))) if word.starts_with("fn ") => {
                found.push(Item {
                    text: format!("{name}::{signature}"),
                    kind: Kind::Part,
                    has_example: true,
                });
            }
            (4, Some((Owner::Impl, name))) if word.starts_with("pub ") => {
                let text = format!("{name}::{}", signature.strip_prefix("pub ").unwrap());
                found.push(Item { text, kind: Kind::Method, has_example: docs.example });
            }
            _ => {}
        }
        docs = Docs::default();
        let is_block = matches!(&owner, Some((Owner::Enum | Owner::Struct, _))) && depth == 4;
        at = if depth <= 4 && !is_block { next } else { at + 1 };
    }
    found
}

/// The doc comment and the attributes before an item.
#[derive(Default)]
struct Docs {
    example: bool,
    kept: Vec<String>,
}

impl Docs {
    /// Whether the line was one of them.
    fn take(&mut self, word: &str) -> bool {
        if word.starts_with("///") {
            self.example |= word.contains("```");
            return true;
        }
        let is_kept = |what: &str| word.starts_with(what);
        if ["#[derive", "#[non_exhaustive", "#[must_use", "#[cfg(feature"].into_iter().any(is_kept) {
            self.kept.push(word.to_string());
        }
        word.starts_with("#[")
    }

    fn attributes(&self) -> String {
        self.kept.iter().map(|attribute| format!("{attribute} ")).collect()
    }

    fn part(&self, text: String) -> Item {
        Item { text, kind: Kind::Part, has_example: true }
    }
}

#[derive(PartialEq, Eq)]
enum Owner {
    Struct,
    Enum,
    Trait,
    Impl,
}

/// What a line at depth 0 opens.
fn opened(word: &str, signature: &str) -> Option<(Owner, String)> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for (start, owner) in
        [("pub struct ", Owner::Struct), ("pub enum ", Owner::Enum), ("pub trait ", Owner::Trait)]
    {
        if let Some(rest) = word.strip_prefix(start) {
            return Some((owner, name(rest)));
        }
    }
    let rest = signature.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.trim_start() };
    (!rest.contains(" for ")).then(|| (Owner::Impl, name(rest)))
}

/// From a line to the end of its signature, on one line, and the number of the line behind it.
fn signature(lines: &[&str], at: usize) -> (String, usize) {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate().skip(at) {
        text.push_str(line.trim());
        text.push(' ');
        let line = line.trim_end();
        if line.ends_with('{') || line.ends_with(';') || line.ends_with('}') || line.is_empty() {
            let text =
                text.trim().trim_end_matches(['{', ';']).trim_end().replace("( ", "(").replace(", )", ")");
            // The body of a function on one line is none of its signature.
            let text = text.split(" { ").next().unwrap_or_default().to_string();
            return (text, number + 1);
        }
        if line.ends_with(',') && !text.contains('(') && !text.contains("where") {
            return (text.trim().to_string(), number + 1);
        }
    }
    (text.trim().to_string(), lines.len())
}

fn surface() -> Vec<Item> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let own = files.iter().filter(|path| !path.starts_with(src.join("cli")) && !path.ends_with("tests.rs"));
    let mut all: Vec<Item> = own.flat_map(|path| items(&fs::read_to_string(path).unwrap())).collect();
    let root = fs::read_to_string(src.join("lib.rs")).unwrap();
    // Modules in files of their own export what is in theirs.
    let modules = root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let of_modules = modules.flat_map(|module| {
        let file = [format!("{module}/mod.rs"), format!("{module}.rs")].map(|file| src.join(file));
        let text = file.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap();
        exported(&text)
            .into_iter()
            .map(move |name| name.replacen("::", &format!("::{module}::"), 1))
            .collect::<Vec<_>>()
    });
    for name in exported(&root).into_iter().chain(of_modules) {
        all.push(Item { text: name, kind: Kind::Part, has_example: true });
    }
    all.sort_by(|a, b| a.text.cmp(&b.text));
    all
}

/// Where names can be found: `rulemake::event::SCHEMA`.
fn exported(root: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut module = String::new();
    let mut pending = String::new();
    for line in root.lines() {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module = format!("{name}::");
        } else if line == "}" {
            module.clear();
        }
        let word = line.trim();
        if word.starts_with("pub use ") || !pending.is_empty() {
            pending.push_str(word);
            pending.push(' ');
            if word.ends_with(';') {
                let list = pending.trim().trim_end_matches(';').rsplit("::").next().unwrap().to_string();
                let names = list.trim_start_matches('{').trim_end_matches('}').split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                found.extend(names.map(|name| format!("rulemake::{module}{name}")));
                pending.clear();
            }
        }
    }
    found
}

#[test]
fn it_changes_only_on_purpose() {
    let list: String = surface().iter().map(|item| format!("{}\n", item.text)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let (now, then): (Vec<&str>, Vec<&str>) = (list.lines().collect(), golden.lines().collect());
    let new: Vec<_> = now.iter().filter(|line| !then.contains(line)).collect();
    let gone: Vec<_> = then.iter().filter(|line| !now.contains(line)).collect();
    assert!(
        new.is_empty() && gone.is_empty() && now.len() == then.len(),
        "the public surface is another one.\nnew: {new:#?}\ngone: {gone:#?}\nIf that is meant: say so in CHANGELOG.md and run \
         this test with UPDATE_GOLDEN=1"
    );
}

#[test]
fn it_is_small_and_names_no_crate_that_it_is_made_of() {
    let root = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let at_root: Vec<String> =
        exported(&root).into_iter().filter(|name| name.matches("::").count() == 1).collect();
    assert!((30..=50).contains(&at_root.len()), "{} names at the root: {at_root:?}", at_root.len());
    for item in surface() {
        for name in
            ["pest::", "petgraph::", "rayon::", "regex::", "blake3::", "indexmap::", "IndexMap", "FxHash"]
        {
            assert!(!item.text.contains(name), "{}", item.text);
        }
    }
}

/// What only has to be there (`Display`, fields, methods that others implement) needs none.
#[test]
fn each_type_trait_function_method_and_constant_has_an_example() {
    let all = surface();
    let lacks = |kind: Kind| -> Vec<&str> {
        all.iter()
            .filter(|item| item.kind == kind && !item.has_example)
            .map(|item| item.text.as_str())
            .collect()
    };
    let due = all.iter().filter(|item| item.kind == Kind::Item).count();
    assert!(due > 60, "{due} are found");
    assert!(lacks(Kind::Item).is_empty(), "without an example: {:#?}", lacks(Kind::Item));
    assert!(lacks(Kind::Method).is_empty(), "without an example: {:#?}", lacks(Kind::Method));
}

#[test]
fn the_page_on_the_format_says_what_the_code_says() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let page = fs::read_to_string(src.join("guide/format.md")).unwrap();
    let mut rows = 0;
    for file in ["store/record.rs", "store/frame.rs"] {
        let text = fs::read_to_string(src.join(file)).unwrap();
        for row in text.lines().filter_map(|line| line.strip_prefix("//! |")) {
            rows += 1;
            assert!(page.contains(row), "src/guide/format.md lacks the row of {file}:\n|{row}");
        }
    }
    assert!(rows > 20, "{rows}");
}
