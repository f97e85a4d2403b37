//! From a name to its definition, to its other places, and to another name.

use super::check::{Known, Loaded, range_of};
use super::cursor::{Cursor, Head, Inside};
use super::files::{Files, beside};
use super::place::{Main, path_of, uri_of};
use super::text::{Encoding, Text};
use super::wildcards::{self, Wildcard};
use lsp_types::{DocumentSymbol, Location, Range, SymbolKind, TextEdit, Uri};
use rulemake::source::{FileMention, OutlineItem, OutlineKind, RuleMention};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A document with the files that share its names.
pub(super) struct View<'a> {
    pub(super) files: &'a Files,
    pub(super) encoding: Encoding,
    /// Where the document is; nothing for one that was never saved.
    pub(super) path: Option<&'a Path>,
    pub(super) uri: &'a Uri,
    pub(super) text: &'a Text,
    pub(super) main: Option<&'a Main>,
    pub(super) loaded: &'a Loaded,
}

impl View<'_> {
    /// Calls `visit` with each file of the namespace; a document without a path is alone.
    pub(super) fn each(&self, mut visit: impl FnMut(&Uri, &Text)) {
        let Some(path) = self.path else { return visit(self.uri, self.text) };
        for file in self.files.namespace(path, self.main, &self.loaded.files) {
            let (Some(text), Some(uri)) = (self.files.text(&file), uri_of(&file)) else { continue };
            visit(if file == path { self.uri } else { &uri }, &text);
        }
    }

    /// Calls `visit` with each item of the namespace.
    pub(super) fn each_item(&self, mut visit: impl FnMut(&OutlineItem)) {
        self.each(|_, text| text.outline().items.iter().for_each(&mut visit));
    }

    fn namespace(&self) -> BTreeSet<PathBuf> {
        self.path.map(|path| self.files.namespace(path, self.main, &self.loaded.files)).unwrap_or_default()
    }

    pub(super) fn mention(&self, offset: usize) -> Option<&RuleMention> {
        let mentions = &self.text.outline().rules;
        mentions.iter().find(|mention| mention.range.start <= offset && offset <= mention.range.end)
    }

    /// Where what stands at `offset` is defined.
    pub(super) fn definition(&self, offset: usize) -> Vec<Location> {
        if let Some(mention) = self.mention(offset) {
            return match &mention.module {
                Some(module) => self.in_module(module, &mention.name),
                None => self.rule(&mention.name),
            };
        }
        let named = &self.text.outline().files;
        if let Some(file) = named.iter().find(|file| file.range.contains(&offset)) {
            return self.file(file).into_iter().collect();
        }
        if let Some(input) = self.input(offset) {
            let rules = self.makers(&input.path).into_iter();
            let mut found: Vec<Location> = rules.flat_map(|rule| self.rule(&rule.name)).collect();
            found.dedup();
            return if found.is_empty() { self.source(&input.path).into_iter().collect() } else { found };
        }
        let Some((_, word)) = Cursor::new(&self.text.content, offset).word() else { return Vec::new() };
        self.items(|item| {
            let kinds = [OutlineKind::Function, OutlineKind::Variable, OutlineKind::Module];
            kinds.contains(&item.kind) && item.name == word
        })
    }

    /// The text below `input:` at `offset`, which is a path or a pattern of one.
    pub(super) fn input(&self, offset: usize) -> Option<Input> {
        let cursor = Cursor::new(&self.text.content, offset);
        let (Inside::String { start, .. }, Head::Rule(_), Some("input")) =
            (cursor.inside, cursor.head, cursor.section)
        else {
            return None;
        };
        let content = &self.text.content;
        let end = content[start..].find(['\'', '"', '\n']).map_or(content.len(), |at| start + at);
        Some(Input { path: content[start..end].to_string(), range: start..end })
    }

    /// The rules whose outputs can be this path, as of the last load.
    pub(super) fn makers(&self, path: &str) -> Vec<&Known> {
        let path = steps(path.strip_prefix("./").unwrap_or(path));
        let makes = |rule: &&Known| rule.outputs.iter().any(|output| covers(&steps(output), &path));
        self.loaded.rules.iter().filter(makes).collect()
    }

    /// A file that no rule makes, if it is there.
    fn source(&self, path: &str) -> Option<Location> {
        let file = crate::project::lexical(&self.main?.root.join(path));
        self.files.is_there(&file).then(|| Some(Location::new(uri_of(&file)?, Range::default())))?
    }

    fn items(&self, wanted: impl Fn(&OutlineItem) -> bool) -> Vec<Location> {
        let mut found = Vec::new();
        self.each(|uri, text| {
            let items = text.outline().items.iter().filter(|item| wanted(item));
            let place = |item: &OutlineItem| text.range(&item.name_range, self.encoding);
            found.extend(items.map(|item| Location::new(uri.clone(), place(item))));
        });
        found
    }

    fn rule(&self, name: &str) -> Vec<Location> {
        let found = self.items(|item| is_rule(item) && item.name == name);
        if !found.is_empty() {
            return found;
        }
        // Its name was made by the code of the Rulefile.
        let known = self.loaded.rules.iter().filter(|rule| rule.name == name);
        let location = |rule: &Known| {
            let (file, label) = rule.place.as_ref()?;
            let text = self.files.text(file)?;
            Some(Location::new(uri_of(file)?, range_of(label, &text, self.encoding)))
        };
        known.filter_map(location).collect()
    }

    fn in_module(&self, module: &str, name: &str) -> Vec<Location> {
        let Some(start) = self.files.module(&self.namespace(), module) else { return Vec::new() };
        let mut found = Vec::new();
        for file in self.files.with_includes(&start) {
            let (Some(text), Some(uri)) = (self.files.text(&file), uri_of(&file)) else { continue };
            let items = text.outline().items.iter().filter(|item| is_rule(item) && item.name == name);
            found.extend(
                items.map(|item| Location::new(uri.clone(), text.range(&item.name_range, self.encoding))),
            );
        }
        found
    }

    /// A file that is there, by the place that names it.
    fn file(&self, named: &FileMention) -> Option<Location> {
        let path = self.path?;
        let root = self.main.map(|main| main.root.join(&named.path)).filter(|_| named.word == "configfile");
        let file = crate::project::lexical(&root.unwrap_or_else(|| beside(path, &named.path)));
        self.files.is_there(&file).then(|| Some(Location::new(uri_of(&file)?, Range::default())))?
    }

    /// All places that name the rule at `offset`.
    pub(super) fn references(&self, offset: usize, with_definition: bool) -> Vec<Location> {
        let Some(mention) = self.mention(offset) else { return Vec::new() };
        let mut found = Vec::new();
        self.each(|uri, text| {
            for other in &text.outline().rules {
                let is_same = other.name == mention.name && other.module == mention.module;
                if is_same && (with_definition || !other.is_definition) {
                    found.push(Location::new(uri.clone(), text.range(&other.range, self.encoding)));
                }
            }
        });
        found
    }

    /// The place and the name of what is at `offset`, if that can have another one.
    ///
    /// # Errors
    /// Why it cannot, for people.
    pub(super) fn renamable(&self, offset: usize) -> Result<(std::ops::Range<usize>, String), String> {
        match self.mention(offset).is_none().then(|| wildcards::at(self.text, offset)).flatten() {
            Some(wildcard) => match wildcard.is_held(self) {
                Some(why) => Err(why),
                None => Ok((wildcard.range, wildcard.name)),
            },
            None => self.renamable_rule(offset).map(|mention| (mention.range.clone(), mention.name.clone())),
        }
    }

    fn renamable_rule(&self, offset: usize) -> Result<&RuleMention, String> {
        let Some(mention) = self.mention(offset) else {
            return Err("only rules and wildcards can be renamed, and here is the name of none".into());
        };
        if let Some(module) = &mention.module {
            return Err(format!("`{}` is a rule of module `{module}`: rename it there", mention.name));
        }
        let (mut is_defined, mut is_used_from, mut broken) = (false, false, None);
        self.each(|uri, text| {
            let outline = text.outline();
            let same = || outline.rules.iter().filter(|other| other.name == mention.name);
            is_defined |= same().any(|other| other.is_definition);
            is_used_from |= same().any(|other| other.module.is_some());
            if !outline.is_complete {
                broken.get_or_insert_with(|| self.called(uri));
            }
        });
        match broken {
            Some(file) => Err(format!("correct the mistakes in {file} first: some uses may not be seen")),
            None if is_defined => Ok(mention),
            None if is_used_from => Err(format!(
                "`{0}` has the name that its module gives it: write `use rule {0} from ... as` another one",
                mention.name
            )),
            None => Err(format!(
                "no Rulefile writes the name `{}` where the rule is defined: it is made of other names",
                mention.name
            )),
        }
    }

    /// A file of the namespace as people call it who look at this document.
    fn called(&self, uri: &Uri) -> String {
        if uri == self.uri {
            return "this file".into();
        }
        let path = path_of(uri);
        let here = self.path.and_then(Path::parent);
        let inside = path.as_deref().zip(here).and_then(|(path, here)| path.strip_prefix(here).ok());
        inside.or(path.as_deref()).map_or_else(|| uri.as_str().into(), |path| path.display().to_string())
    }

    /// What must be written elsewhere so that the rule or wildcard at `offset` has another name.
    ///
    /// # Errors
    /// Why it cannot have it, for people.
    pub(super) fn rename(
        &self,
        offset: usize,
        name: &str,
    ) -> Result<BTreeMap<String, Vec<TextEdit>>, String> {
        self.renamable(offset)?;
        let is_name = name
            .chars()
            .enumerate()
            .all(|(at, c)| c == '_' || c.is_alphabetic() || (at > 0 && c.is_alphanumeric()));
        let is_name = is_name && !name.is_empty() && !KEYWORDS.contains(&name);
        let Some(mention) = self.mention(offset) else {
            return match wildcards::at(self.text, offset) {
                _ if !is_name => Err(format!("`{name}` cannot be the name of a wildcard")),
                Some(wildcard) if wildcard.is_taken(name) && name != wildcard.name => {
                    Err(format!("the rule has a wildcard `{name}` already"))
                }
                found => Ok(self.edits_of_wildcard(found.as_ref(), name)),
            };
        };
        if !is_name {
            return Err(format!("`{name}` cannot be the name of a rule"));
        }
        let mut edits: BTreeMap<String, Vec<TextEdit>> = BTreeMap::new();
        let mut is_taken = self.loaded.rules.iter().any(|rule| rule.name == name);
        self.each(|uri, text| {
            for other in text.outline().rules.iter().filter(|other| other.module.is_none()) {
                is_taken |= other.is_definition && other.name == name;
                if other.name == mention.name {
                    let edit = TextEdit::new(text.range(&other.range, self.encoding), name.into());
                    edits.entry(uri.as_str().into()).or_default().push(edit);
                }
            }
        });
        if is_taken && name != mention.name {
            return Err(format!("there is a rule `{name}` already"));
        }
        Ok(edits)
    }
}

impl View<'_> {
    fn edits_of_wildcard(&self, wildcard: Option<&Wildcard>, name: &str) -> BTreeMap<String, Vec<TextEdit>> {
        let places = wildcard.map(|wildcard| wildcard.places(self.text)).unwrap_or_default();
        let edit = |place| TextEdit::new(self.text.range(&place, self.encoding), name.into());
        [(self.uri.as_str().to_string(), places.into_iter().map(edit).collect())].into()
    }
}

/// A path below `input:`.
pub(super) struct Input {
    pub(super) path: String,
    pub(super) range: std::ops::Range<usize>,
}

/// The characters of a pattern; nothing for a wildcard.
fn steps(pattern: &str) -> Vec<Option<char>> {
    let mut steps = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => steps.push(chars.next()),
            '{' => {
                let mut depth = 1;
                while depth > 0 {
                    match chars.next() {
                        Some('{') => depth += 1,
                        Some('}') => depth -= 1,
                        Some(_) => {}
                        None => break,
                    }
                }
                steps.push(None);
            }
            c => steps.push(Some(c)),
        }
    }
    steps
}

/// Whether the wildcards of `output` can stand for what `path` has in their places. Of what a wildcard of `path` stands for
/// nothing is known, so only another one takes it.
fn covers(output: &[Option<char>], path: &[Option<char>]) -> bool {
    // Whether the output so far covers so much of the path.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for step in output {
        let mut next = vec![false; path.len() + 1];
        for at in 0..path.len() {
            next[at + 1] = match step {
                Some(c) => reached[at] && path[at] == Some(*c),
                None => reached[at] || next[at],
            };
        }
        reached = next;
    }
    reached[path.len()]
}

/// Names that Python keeps for itself.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

pub(super) fn is_rule(item: &OutlineItem) -> bool {
    matches!(item.kind, OutlineKind::Rule | OutlineKind::Checkpoint | OutlineKind::UseRule)
}

/// The structure of a document.
pub(super) fn symbols(text: &Text, encoding: Encoding) -> Vec<DocumentSymbol> {
    let outline = text.outline();
    outline
        .items
        .iter()
        .map(|item| {
            let (kind, word) = match item.kind {
                OutlineKind::Rule => (SymbolKind::CLASS, "rule"),
                OutlineKind::Checkpoint => (SymbolKind::CLASS, "checkpoint"),
                OutlineKind::UseRule => (SymbolKind::CLASS, "use rule"),
                OutlineKind::Module => (SymbolKind::MODULE, "module"),
                OutlineKind::Function => (SymbolKind::FUNCTION, ""),
                OutlineKind::Variable => (SymbolKind::VARIABLE, ""),
                OutlineKind::Hook => (SymbolKind::EVENT, ""),
                _ => (SymbolKind::PROPERTY, ""),
            };
            let files = outline.files.iter().filter(|file| item.range.contains(&file.range.start));
            let detail = match item.kind {
                OutlineKind::Directive => files.map(|file| file.path.as_str()).collect::<Vec<_>>().join(", "),
                _ => word.to_string(),
            };
            let sections = item.sections.iter().map(|section| {
                let range = text.range(&section.name_range, encoding);
                symbol(section.name.clone(), String::new(), SymbolKind::FIELD, range, range)
            });
            let name = if item.name.is_empty() { format!("{word} (no name)") } else { item.name.clone() };
            let (range, head) = (text.range(&item.range, encoding), text.range(&item.name_range, encoding));
            let sections: Vec<_> = sections.collect();
            let children = (!sections.is_empty()).then_some(sections);
            DocumentSymbol { children, ..symbol(name, detail, kind, range, head) }
        })
        .collect()
}

#[expect(deprecated, reason = "the type has a field that nobody may use, and no other way to be made")]
fn symbol(
    name: String,
    detail: String,
    kind: SymbolKind,
    range: Range,
    selection_range: Range,
) -> DocumentSymbol {
    let detail = (!detail.is_empty()).then_some(detail);
    DocumentSymbol {
        name,
        detail,
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_covered_by_the_outputs_that_can_make_them() {
        for (output, path, expected) in [
            ("out/{s}.txt", "out/a.txt", true),
            ("out/{s,[a-z]{2}}.txt", "out/{x}.txt", true),
            ("out/{s}.txt", "out/.txt", false),
            ("out/a.txt", "out/{x}.txt", false),
            ("{a}/{b}", "x/{y}/z", true),
            ("out/{{s}}", "out/{{s}}", true),
            ("out/{s}.txt", "raw/a.txt", false),
        ] {
            assert_eq!(covers(&steps(output), &steps(path)), expected, "{output} {path}");
        }
    }
}
