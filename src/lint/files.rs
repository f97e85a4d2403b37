//! Files that rulemake does not see: outputs outside of the root, and files that a command uses but its rule does not
//! name.

use super::Finder;
use super::command::{Word, words};
use super::scope::{Scope, Site};
use crate::base::path::{is_outside, normalise};
use crate::matching::index::{Candidate, Scratch};
use crate::matching::matcher::{ConstraintCache, Values, compile_with};
use crate::model::action::Action;
use crate::model::dynamic::Dynamic;
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::InputSource;
use crate::model::template::{Part, Root, Template};
use crate::model::value::Value;
use rustc_hash::FxHashSet;

/// `output-outside-root`: an output that is absolute or climbs out of the root.
pub(super) fn output_outside_root(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    let is_inside = |path: &str| {
        let root = scope.root().and_then(|root| std::path::absolute(root).ok());
        root.is_some_and(|root| std::path::Path::new(path).starts_with(root))
    };
    for site in scope.sites.iter().filter(|site| !site.is_inherited() || site.section("output").is_some()) {
        // One is enough: those beside it lie there for the same reason.
        let outside = |pattern: &&Pattern| {
            matches!(pattern.segments.first(), Some(Segment::Literal(text)) if is_outside(text) || &**text == "..")
                && !is_inside(&pattern.text)
        };
        let Some(pattern) = site.rule.outputs.iter().find(outside) else { continue };
        let message = format!("output `{}` lies outside of the directory of the work", pattern.text);
        let place = scope.find(site, "output", &pattern.text);
        finder.push(
            site.warning("output-outside-root", message, place)
                .note("a copy of the project would write to the same file, and nothing keeps the two apart")
                .help("write it below the root, or start there with `-C` or `workdir:`"),
        );
    }
}

/// `missing-code`: a script, a notebook or a file of conda that is not there.
pub(super) fn missing_code(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for site in scope.sites.iter().filter(|site| site.rule.refused.is_none()) {
        let mut look = |section: &'static str, what: &str, dir: &str, text: &str| {
            let text = text.strip_prefix("file://").unwrap_or(text);
            let path = match text.starts_with('/') || matches!(dir, "" | ".") {
                true => normalise(text).into_owned(),
                false => normalise(&format!("{dir}/{text}")).into_owned(),
            };
            // What is elsewhere, or made by a rule, is not looked for.
            if text.contains("://") || !scope.is_absent(&path) || scope.makes(&path) {
                return;
            }
            let message = format!("the {what} `{path}` of rule `{}` does not exist", site.rule.name);
            finder.push(
                site.warning("missing-code", message, scope.find(site, section, text))
                    .help("its path starts from the directory of the Rulefile that names it"),
            );
        };
        if let Action::Script(script) = &site.rule.action
            && let Some(path) = script.path.literal()
        {
            match script.notebook {
                true => look("notebook", "notebook", &script.dir, &path),
                false => look("script", "script", &script.dir, &path),
            }
        }
        let environment = &site.rule.environment;
        if let Some(Dynamic::Const(Value::Str(text))) = &environment.conda
            && !text.contains('{')
            && (text.ends_with(".yaml") || text.ends_with(".yml"))
        {
            look("conda", "conda environment", &environment.dir, text);
        }
    }
}

/// Programs whose arguments are no content that they read.
const NO_READERS: [&str; 22] = [
    "[", "[[", "chmod", "chown", "echo", "export", "exit", "git", "kill", "ls", "mkdir", "module", "printf",
    "pwd", "return", "rm", "rmdir", "sleep", "tee", "test", "touch", "unset",
];

/// `undeclared-file`: a command names another rule's output, or a file of the project, that is not among the inputs.
pub(super) fn undeclared_file(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    if !finder.wants("undeclared-file") {
        return;
    }
    for (site, shell) in scope.commands() {
        // What a function gives may be the very file.
        if site.has_input_functions() || site.is_inherited() {
            continue;
        }
        let declared = Declared::of(site);
        let mut seen = FxHashSet::default();
        for path in mentioned(&shell.template) {
            if declared.has(&path) || !seen.insert(path.clone()) {
                continue;
            }
            let Some(what) = undeclared(scope, site, &path) else { continue };
            let message = format!("the command of rule `{}` uses `{path}`, {what}", site.rule.name);
            let place = scope.find(site, "shell", &path);
            finder.push(
                site.warning("undeclared-file", message, place)
                    .note(
                        "a file that is not named in `input` is no reason to run, and nothing makes it first",
                    )
                    .help("add it to `input`"),
            );
        }
    }
}

/// Paths that a command names as they are.
fn mentioned(template: &Template) -> Vec<String> {
    let is_path = |word: &Word| {
        let text = &*word.text;
        !word.written
            && !NO_READERS.contains(&&*word.program)
            && text.contains(['.', '/'])
            // The shell looks for programs elsewhere, unless a directory is named.
            && (!word.program.is_empty() || text.contains('/'))
            && !text.starts_with(['-', '/'])
            && !text.ends_with('/')
            && !text.contains(['\n', ':', '\0'])
    };
    let paths = words(template).into_iter().filter(is_path).map(|word| normalise(&word.text).into_owned());
    let mut all: Vec<String> = paths.filter(|path| !is_outside(path)).collect();
    // `{rules.a.output}`
    for part in &template.parts {
        if let Part::Field(field) = part
            && let Root::Paths(value) = &field.root
        {
            let items = value.items().unwrap_or(std::slice::from_ref(value));
            all.extend(items.iter().filter_map(|item| match item {
                Value::Str(path) => Some(normalise(path).into_owned()),
                _ => None,
            }));
        }
    }
    all
}

/// What the file is, if the rule should have named it.
fn undeclared(scope: &Scope<'_>, site: &Site<'_>, path: &str) -> Option<String> {
    let mut scratch = Scratch::default();
    let (mut certain, mut possible) = (None, None);
    let mut visit = |candidate: Candidate<'_>| {
        // Of patterns with wildcards it is not known whether a word that fits is a file at all.
        let found = if candidate.values.is_empty() { &mut certain } else { &mut possible };
        found.get_or_insert(candidate.rule);
    };
    scope.index.candidates(path, &mut scratch, &mut visit);
    scope.index.above(path, &mut scratch, &mut visit);
    let made =
        |of: u32| format!("an output of rule `{}`, without naming it as an input", scope.rule(of).name);
    match (certain, possible) {
        (Some(maker), _) if maker != site.number => Some(made(maker)),
        _ if !scope.is_file(path) => None,
        (_, Some(maker)) => (maker != site.number).then(|| made(maker)),
        (Some(_), None) => None,
        (None, None) => Some("a file of the project, without naming it as an input".into()),
    }
}

fn is_concrete(pattern: &Pattern) -> bool {
    pattern.segments.iter().all(|segment| matches!(segment, Segment::Literal(_)))
}

fn lies_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// What a rule names: its inputs and all that it makes.
struct Declared<'w> {
    patterns: Vec<&'w Pattern>,
}

impl<'w> Declared<'w> {
    fn of(site: &Site<'w>) -> Declared<'w> {
        let inputs = site.rule.inputs.iter().flat_map(|item| match &item.source {
            InputSource::Patterns { patterns, .. } => &**patterns,
            InputSource::Function(_) => &[],
        });
        let products = site.rule.products().map(|(_, pattern)| pattern);
        Declared { patterns: inputs.chain(products).collect() }
    }

    fn has(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| {
            &*pattern.text == path
                || lies_below(path, &pattern.text)
                || (!is_concrete(pattern)
                    && compile_with(pattern, &mut ConstraintCache::default())
                        .is_ok_and(|matcher| matcher.matches(path, &mut Values::default())))
        })
    }
}
