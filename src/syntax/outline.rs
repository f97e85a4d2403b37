//! What a file consists of, as far as its text alone says it: for editors. A file with mistakes has an outline, too.

use crate::diag::{SourceId, Span};
use crate::syntax::ast::{
    Arg, ArgKind, Directive, Expr, ExprKind, Ident, OpaqueKind, RuleDef, Section, Stmt, StmtKind, UseRule,
};
use crate::syntax::parse_parts;
use crate::syntax::walk::{Node, walk};
use std::ops::Range;

/// The structure of a Rulefile, from its text alone. All places are ranges of bytes.
///
/// ```
/// let text = "rule sort:\n    output: '{name}.sorted'\n    shell: 'sort {wildcards.name}.txt > {output}'\n\
///             rule all:\n    input: rules.sort.output\n";
/// let outline = rulemake::source::Outline::of(text);
/// assert_eq!((outline.items[0].name.as_str(), &outline.items[0].wildcards[..]), ("sort", &["name".to_string()][..]));
/// let uses = outline.rules.iter().filter(|mention| mention.name == "sort" && !mention.is_definition);
/// assert_eq!(uses.map(|mention| &text[mention.range.clone()]).collect::<Vec<_>>(), ["sort"]);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outline {
    /// Rules, functions and directives, in order, wherever they stand.
    pub items: Vec<OutlineItem>,
    /// All places that name a rule, in order.
    pub rules: Vec<RuleMention>,
    /// All files that are named as plain texts, in order.
    pub files: Vec<FileMention>,
    /// Whether the text has no mistakes. Of a statement with mistakes only what can be told is there.
    pub is_complete: bool,
}

/// One piece of an [`Outline`].
///
/// ```
/// use rulemake::source::OutlineItem;
/// fn entry(item: &OutlineItem) -> String {
///     format!("{} ({:?})", item.name, item.kind)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutlineItem {
    /// What it is.
    pub kind: OutlineKind,
    /// The name that it defines; the word itself for a directive, empty for a rule without a name.
    pub name: String,
    /// The place of the name, or of the word when it has none.
    pub name_range: Range<usize>,
    /// All of it.
    pub range: Range<usize>,
    /// The docstring of a rule.
    pub doc: Option<String>,
    /// For `use rule`: the rule that it is made of, when that is one of the same file.
    pub base: Option<String>,
    /// The names of the wildcards in its outputs.
    pub wildcards: Vec<String>,
    /// The sections of a rule or module.
    pub sections: Vec<OutlineSection>,
}

/// What an [`OutlineItem`] is.
///
/// ```
/// use rulemake::source::{Outline, OutlineKind};
/// fn makes_files(outline: &Outline) -> usize {
///     outline.items.iter().filter(|item| matches!(item.kind, OutlineKind::Rule | OutlineKind::Checkpoint)).count()
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OutlineKind {
    /// `rule NAME:`
    Rule,
    /// `checkpoint NAME:`
    Checkpoint,
    /// `use rule ... as NAME`; one for each name that is known.
    UseRule,
    /// `module NAME:`
    Module,
    /// `def NAME(...)`
    Function,
    /// A global name that gets a value.
    Variable,
    /// `include: ...` and the like.
    Directive,
    /// `onstart:`, `onsuccess:`, `onerror:`
    Hook,
}

/// A section of a rule or module.
///
/// ```
/// use rulemake::source::OutlineSection;
/// fn inputs(sections: &[OutlineSection]) -> Option<&[String]> {
///     sections.iter().find(|section| section.name == "input").map(|section| &section.items[..])
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutlineSection {
    /// Its word: `input`.
    pub name: String,
    /// The place of the word.
    pub name_range: Range<usize>,
    /// The names of its items.
    pub items: Vec<String>,
}

/// A place that names a rule: its definition, `rules.NAME`, `ruleorder: NAME > ...`.
///
/// ```
/// use rulemake::source::RuleMention;
/// fn uses(mentions: &[RuleMention], name: &str) -> usize {
///     mentions.iter().filter(|mention| mention.name == name && !mention.is_definition).count()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleMention {
    /// The rule.
    pub name: String,
    /// The place of its name.
    pub range: Range<usize>,
    /// Whether the rule gets its name here.
    pub is_definition: bool,
    /// The module that the rule is one of: the name means nothing outside of it.
    pub module: Option<String>,
}

/// A place that names a file as a plain text.
///
/// ```
/// use rulemake::source::FileMention;
/// fn link<'t>(text: &'t str, mention: &FileMention) -> &'t str {
///     &text[mention.range.clone()]
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileMention {
    /// The directive or section that names it: `include`, `configfile`, `snakefile`, `script`, `notebook`, `conda`...
    pub word: String,
    /// The path as it is written.
    pub path: String,
    /// The place of the text, quotes included.
    pub range: Range<usize>,
}

/// Directives and sections whose plain texts are files.
const FILES: &[&str] = &["include", "configfile", "snakefile", "script", "notebook", "conda", "report"];

impl Outline {
    /// The outline of a text.
    ///
    /// ```
    /// # use rulemake::source::Outline;
    /// let outline = Outline::of("rule a:\n    output: 'a.txt'\n");
    /// assert_eq!(outline.items[0].name, "a");
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Outline {
        let (block, problems) = parse_parts(SourceId(0), text);
        let mut maker = Maker { text, outline: Outline::default(), depth_of_def: None };
        maker.outline.is_complete = problems.is_empty();
        walk(&block, |node| maker.node(node));
        if !problems.is_empty() {
            let covered: Vec<Range<usize>> = block.iter().map(|stmt| range(stmt.span)).collect();
            maker.heads(&covered);
        }
        let mut outline = maker.outline;
        outline.items.sort_by_key(|item| item.range.start);
        outline.rules.sort_by_key(|mention| mention.range.start);
        outline.rules.dedup();
        outline
    }

    /// The rule whose statement holds this place, or that ends just before it.
    ///
    /// ```
    /// # use rulemake::source::Outline;
    /// let text = "rule a:\n    output: 'a.txt'\n";
    /// let outline = Outline::of(text);
    /// assert_eq!(outline.rule_at(text.len() - 3).unwrap().name, "a");
    /// ```
    #[must_use]
    pub fn rule_at(&self, offset: usize) -> Option<&OutlineItem> {
        let is_rule = |item: &&OutlineItem| {
            matches!(item.kind, OutlineKind::Rule | OutlineKind::Checkpoint | OutlineKind::UseRule)
        };
        self.items.iter().filter(is_rule).find(|item| item.range.start <= offset && offset <= item.range.end)
    }
}

fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

struct Maker<'t> {
    text: &'t str,
    outline: Outline,
    /// Where the function ends that the walk is in: what it assigns is no global name.
    depth_of_def: Option<u32>,
}

impl<'t> Maker<'t> {
    fn node(&mut self, node: Node<'_>) -> bool {
        match node {
            Node::Stmt(stmt) => self.stmt(stmt),
            Node::Expr(expr) => self.expr(expr),
            Node::Section(section) => self.files(&section.name.text, &section.args),
            Node::Code(_) => {}
        }
        true
    }

    fn stmt(&mut self, stmt: &Stmt) {
        let is_local = self.depth_of_def.is_some_and(|end| stmt.span.start < end);
        match &stmt.kind {
            StmtKind::Rule(def) => self.rule(stmt, def),
            StmtKind::UseRule(def) => self.use_rule(stmt, def),
            StmtKind::Module(def) => {
                let named = || plain_text(&def.sections, "name");
                let name = match &def.name {
                    Some(name) => Some((name.text.to_string(), range(name.span))),
                    None => named().and_then(|value| Some((value.0, self.inside(value.1)?))),
                };
                let mut item = item(OutlineKind::Module, stmt, name, range(def.head));
                item.sections = sections(&def.sections);
                self.outline.items.push(item);
            }
            StmtKind::Def(def) if !is_local => {
                let name = Some((def.name.text.to_string(), range(def.name.span)));
                self.outline.items.push(item(OutlineKind::Function, stmt, name, range(def.name.span)));
                self.depth_of_def = Some(stmt.span.end);
            }
            StmtKind::Hook(hook) => {
                let name = Some((hook.name.text.to_string(), range(hook.name.span)));
                self.outline.items.push(item(OutlineKind::Hook, stmt, name, range(hook.name.span)));
                // Its names are its own.
                self.depth_of_def = Some(stmt.span.end);
            }
            StmtKind::Directive(directive) => self.directive(stmt, directive),
            StmtKind::Assign { targets, .. } if !is_local => {
                targets.iter().for_each(|target| self.variable(stmt, target));
            }
            StmtKind::AnnAssign { target, .. } if !is_local => self.variable(stmt, target),
            StmtKind::Opaque(opaque) if opaque.kind != OpaqueKind::Match && !is_local => {
                let name = opaque.name.as_ref().map(|name| (name.text.to_string(), range(name.span)));
                self.outline.items.push(item(OutlineKind::Function, stmt, name, range(opaque.head)));
            }
            _ => {}
        }
    }

    fn variable(&mut self, stmt: &Stmt, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => {
                let known = |item: &OutlineItem| item.kind == OutlineKind::Variable && *item.name == **name;
                if !self.outline.items.iter().rev().take(64).any(known) {
                    let name = Some((name.to_string(), range(target.span)));
                    self.outline.items.push(item(OutlineKind::Variable, stmt, name, range(target.span)));
                }
            }
            ExprKind::Tuple(items) => items.iter().for_each(|target| self.variable(stmt, target)),
            _ => {}
        }
    }

    fn rule(&mut self, stmt: &Stmt, def: &RuleDef) {
        // A body of `run:` has names of its own.
        let named = plain_text(&def.sections, "name").and_then(|(text, span)| {
            let inside = self.inside(span)?;
            Some((text, inside))
        });
        let name = named.or_else(|| def.name.as_ref().map(|name| (name.text.to_string(), range(name.span))));
        if let Some((name, range)) = &name {
            self.mention(name, range.clone(), true, None);
        }
        let kind = if def.checkpoint { OutlineKind::Checkpoint } else { OutlineKind::Rule };
        let mut item = item(kind, stmt, name, range(def.head));
        item.doc = def.doc.as_deref().map(String::from);
        item.wildcards = wildcards(&def.sections);
        item.sections = sections(&def.sections);
        self.outline.items.push(item);
        self.depth_of_def = Some(stmt.span.end);
    }

    fn use_rule(&mut self, stmt: &Stmt, def: &UseRule) {
        let module = def.module.as_ref().map(|module| module.text.to_string());
        for rule in def.rules.iter().flatten().chain(&def.exclude) {
            self.mention(&rule.text, range(rule.span), false, module.clone());
        }
        let star = def.alias.as_ref().filter(|alias| alias.text.contains('*'));
        let mut names: Vec<(String, Range<usize>)> = Vec::new();
        match (&def.alias, star) {
            // The names are made here, but stand nowhere.
            (_, Some(alias)) => names.extend(
                def.rules
                    .iter()
                    .flatten()
                    .map(|rule| (alias.text.replacen('*', &rule.text, 1), range(rule.span))),
            ),
            (Some(alias), None) => names.push((alias.text.to_string(), range(alias.span))),
            (None, None) if module.is_some() => {
                names.extend(def.rules.iter().flatten().map(ident));
            }
            (None, None) => {}
        }
        let base = def.rules.as_ref().filter(|_| module.is_none()).and_then(|rules| rules.first());
        for (name, place) in names {
            if self.text.get(place.clone()) == Some(&name) && (module.is_none() || def.alias.is_some()) {
                self.mention(&name, place.clone(), true, None);
            }
            let mut item = item(OutlineKind::UseRule, stmt, Some((name, place)), range(def.head));
            item.doc = def.doc.as_deref().map(String::from);
            item.base = base.map(|base| base.text.to_string());
            item.wildcards = wildcards(&def.sections);
            item.sections = sections(&def.sections);
            self.outline.items.push(item);
        }
    }

    fn directive(&mut self, stmt: &Stmt, directive: &Directive) {
        let word = &*directive.name.text;
        let name = Some((word.to_string(), range(directive.name.span)));
        self.outline.items.push(item(OutlineKind::Directive, stmt, name, range(directive.name.span)));
        self.files(word, &directive.args);
        if !matches!(word, "ruleorder" | "localrules") {
            return;
        }
        for arg in &directive.args {
            let names: Vec<&Expr> = match &arg.value.kind {
                ExprKind::Compare { first, rest } => {
                    std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand)).collect()
                }
                _ => vec![&arg.value],
            };
            for expr in names {
                if let ExprKind::Name(name) = &expr.kind {
                    self.mention(name, range(expr.span), false, None);
                }
            }
        }
    }

    fn files(&mut self, word: &str, args: &[Arg]) {
        if !FILES.contains(&word) {
            return;
        }
        for arg in args {
            if let ExprKind::Str(path) = &arg.value.kind {
                let (word, path) = (word.to_string(), path.to_string());
                self.outline.files.push(FileMention { word, path, range: range(arg.value.span) });
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Attribute { value, name } => {
                if matches!(&value.kind, ExprKind::Name(root) if is_rules(root)) {
                    self.mention(&name.text, range(name.span), false, None);
                }
            }
            ExprKind::Str(_) => self.fields(expr.span, true),
            ExprKind::FString(_) => self.fields(expr.span, false),
            _ => {}
        }
    }

    /// `{rules.NAME.output}` in the text of a command; in an f-string the braces are doubled.
    fn fields(&mut self, span: Span, is_plain: bool) {
        let (text, start) = (self.text, span.start as usize);
        let Some(literal) = text.get(range(span)) else { return };
        for root in ["rules.", "checkpoints."] {
            for (at, _) in literal.match_indices(root) {
                let before = literal[..at].trim_end_matches(' ');
                let braces = before.len() - before.trim_end_matches('{').len();
                if braces == 0 || (braces % 2 == 1) != is_plain {
                    continue;
                }
                let name = word_at(&literal[at + root.len()..]);
                if !name.is_empty() {
                    let place = start + at + root.len();
                    self.mention(name, place..place + name.len(), false, None);
                }
            }
        }
    }

    /// Notes a mention, if the name really stands there.
    fn mention(&mut self, name: &str, range: Range<usize>, is_definition: bool, module: Option<String>) {
        if self.text.get(range.clone()) == Some(name) {
            self.outline.rules.push(RuleMention { name: name.into(), range, is_definition, module });
        }
    }

    /// The place of a plain literal's content.
    fn inside(&self, span: Span) -> Option<Range<usize>> {
        let literal = self.text.get(range(span))?;
        let content = literal.trim_matches(['"', '\'']);
        let offset = literal.find(content).filter(|_| !content.is_empty())?;
        let start = span.start as usize + offset;
        Some(start..start + content.len())
    }

    /// Heads of rules in what could not be parsed.
    fn heads(&mut self, covered: &[Range<usize>]) {
        let text = self.text;
        let mut start = 0;
        for line in text.split_inclusive(['\n', '\r']) {
            let (begin, body) = (start, line.trim_start_matches([' ', '\t']));
            start += line.len();
            let head = [("rule", OutlineKind::Rule), ("checkpoint", OutlineKind::Checkpoint)];
            let Some((rest, kind)) = head.into_iter().find_map(|(word, kind)| {
                let rest = body.strip_prefix(word)?;
                rest.starts_with([' ', '\t']).then_some((rest.trim_start_matches([' ', '\t']), kind))
            }) else {
                continue;
            };
            let name = word_at(rest);
            let after = rest.get(name.len()..).unwrap_or_default().trim_start_matches([' ', '\t']);
            let after = after.trim_end_matches(['\n', '\r']);
            let at = start - rest.len();
            let known = covered.partition_point(|range| range.end <= at);
            if name.is_empty()
                || !(after.is_empty() || after.starts_with(':'))
                || covered.get(known).is_some_and(|range| range.start <= at)
            {
                continue;
            }
            let name_range = at..at + name.len();
            self.mention(name, name_range.clone(), true, None);
            self.outline.items.push(OutlineItem {
                kind,
                name: name.into(),
                name_range,
                range: begin..begin + line.trim_end().len(),
                doc: None,
                base: None,
                wildcards: Vec::new(),
                sections: Vec::new(),
            });
        }
    }
}

fn is_rules(root: &str) -> bool {
    matches!(root, "rules" | "checkpoints")
}

fn ident(ident: &Ident) -> (String, Range<usize>) {
    (ident.text.to_string(), range(ident.span))
}

/// The word that a text begins with.
fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn item(
    kind: OutlineKind,
    stmt: &Stmt,
    name: Option<(String, Range<usize>)>,
    head: Range<usize>,
) -> OutlineItem {
    let (name, name_range) = name.unwrap_or((String::new(), head));
    OutlineItem {
        kind,
        name,
        name_range,
        range: range(stmt.span),
        doc: None,
        base: None,
        wildcards: Vec::new(),
        sections: Vec::new(),
    }
}

fn sections(sections: &[Section]) -> Vec<OutlineSection> {
    let names = |section: &Section| {
        let keyword = |arg: &Arg| match &arg.kind {
            ArgKind::Keyword(name) => Some(name.text.to_string()),
            _ => None,
        };
        section.args.iter().filter_map(keyword).collect()
    };
    sections
        .iter()
        .map(|section| OutlineSection {
            name: section.name.text.to_string(),
            name_range: range(section.name.span),
            items: names(section),
        })
        .collect()
}

/// The value of a section that is one plain text, and its place.
fn plain_text(sections: &[Section], word: &str) -> Option<(String, Span)> {
    let section = sections.iter().find(|section| &*section.name.text == word)?;
    match &section.args[..] {
        [Arg { kind: ArgKind::Positional, value: Expr { kind: ExprKind::Str(text), span } }] => {
            Some((text.to_string(), *span))
        }
        _ => None,
    }
}

/// The names of wildcards in the texts of `output:` and `metrics:`, in order.
fn wildcards(sections: &[Section]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for section in sections.iter().filter(|section| matches!(&*section.name.text, "output" | "metrics")) {
        for arg in &section.args {
            // Iterative over nested calls such as `temp("{x}")`.
            let mut todo = vec![&arg.value];
            while let Some(expr) = todo.pop() {
                match &expr.kind {
                    ExprKind::Str(text) => wildcards_in(text, &mut names),
                    ExprKind::Call { callee, args } if !matches!(&callee.kind, ExprKind::Name(f) if is_filler(f)) =>
                    {
                        todo.extend(args.iter().rev().map(|arg| &arg.value));
                    }
                    ExprKind::List(items) | ExprKind::Tuple(items) => todo.extend(items.iter().rev()),
                    _ => {}
                }
            }
        }
    }
    names
}

/// Functions that fill names in braces themselves.
fn is_filler(function: &str) -> bool {
    matches!(function, "expand" | "collect" | "glob_wildcards")
}

fn wildcards_in(text: &str, names: &mut Vec<String>) {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        let name = word_at(rest);
        if !name.is_empty()
            && rest[name.len()..].starts_with(['}', ','])
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_string());
        }
        rest = after_field(&rest[name.len()..]);
    }
}

/// What follows the brace that closes a field; braces in its constraint pair up.
fn after_field(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions<'t>(text: &'t str, outline: &Outline, name: &str) -> Vec<(&'t str, bool)> {
        let named = outline.rules.iter().filter(|mention| mention.name == name);
        let line = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
        named
            .map(|m| {
                let start = line(m.range.start);
                (text[start..].lines().next().unwrap_or("").trim(), m.is_definition)
            })
            .collect()
    }

    /// Promise: every place that names a rule is found, and no other.
    #[test]
    fn all_mentions_of_a_rule_are_found() {
        let text = r#"
ruleorder: sort > other
localrules: sort
rule sort:
    output: "{x}.a"
    shell: "touch {output}"
rule all:
    input: rules.sort.output, lambda w: rules.sort.output[0], f"{rules.sort.output}"
    params: sort="sort"
    shell: "cat {rules.sort.output} {{rules.sort.output}} rules.sort"
    # rules.sort
use rule sort as other with:
    output: "{y}.b"
use rule sort from m as m_*
onstart:
    print(rules.sort.output)
if x:
    rule:
        name: "named"
        input: checkpoints.sort.get().output
"#;
        let outline = Outline::of(text);
        assert!(outline.is_complete);
        let found = mentions(text, &outline, "sort");
        let lines: Vec<&str> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(
            lines.iter().map(|line| line.split([':', ' ']).next().unwrap()).collect::<Vec<_>>(),
            [
                "ruleorder",
                "localrules",
                "rule",
                "input",
                "input",
                "input",
                "shell",
                "use",
                "use",
                "print(rules.sort.output)",
                "input"
            ]
        );
        assert_eq!(found.iter().filter(|(_, defines)| *defines).count(), 1);
        assert_eq!(mentions(text, &outline, "named"), [("name: \"named\"", true)]);
        assert_eq!(mentions(text, &outline, "other").len(), 2);
        let module = outline.rules.iter().filter(|mention| mention.module.is_some());
        assert_eq!(module.count(), 1);
    }

    /// Promise: what is being typed does not hide the rest.
    #[test]
    fn a_rule_with_mistakes_keeps_its_name() {
        let text =
            "rule a:\n    output: 'x\nrule b:\n    output: \"y\"\n    shell: \"touch {output}\"\nrule c\n";
        let outline = Outline::of(text);
        assert!(!outline.is_complete);
        let names: Vec<&str> = outline.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(outline.rules.len(), 3);
        assert_eq!(Outline::of("\"\"\"\nrule no:\n\"\"\"\nrule yes:\n    output: [\n").items[0].name, "yes");
    }

    #[test]
    fn wildcards_are_those_of_the_outputs() {
        let text = "rule a:\n    output: temp('{x}/{{no}}/{y,[a-z]{2}}'), expand('{no}', no=1), '{x} {not a name}'\n";
        assert_eq!(Outline::of(text).items[0].wildcards, ["x", "y"]);
    }

    proptest::proptest! {
        /// Promise: any text has an outline, and its places are places of the text.
        #[test]
        fn any_text_has_an_outline(text in "(rule [a-z]{0,2}:?|checkpoint é|use rule a|[\\n\\r\"'{}(),=:. ]|    |output|rules\\.a|name|x|🦀|\\PC){0,40}") {
            let outline = Outline::of(&text);
            for mention in &outline.rules {
                proptest::prop_assert_eq!(text.get(mention.range.clone()), Some(&*mention.name));
            }
            for item in &outline.items {
                proptest::prop_assert!(text.get(item.range.clone()).is_some() && text.get(item.name_range.clone()).is_some());
            }
            for file in &outline.files {
                proptest::prop_assert!(text.get(file.range.clone()).is_some());
            }
        }
    }

    #[test]
    fn files_and_global_names_are_listed() {
        let text = "include: 'a.smk'\nX, Y = 1, 2\ndef f():\n    Z = 1\nrule a:\n    conda: 'e.yaml'\n    run:\n        W = 1\n";
        let outline = Outline::of(text);
        let files: Vec<(&str, &str)> =
            outline.files.iter().map(|file| (file.word.as_str(), file.path.as_str())).collect();
        assert_eq!(files, [("include", "a.smk"), ("conda", "e.yaml")]);
        let names: Vec<&str> = outline.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["include", "X", "Y", "f", "a"]);
    }
}
