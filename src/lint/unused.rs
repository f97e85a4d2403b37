//! What is written and has no effect: params, inputs, wildcards and constraints.

use super::Finder;
use super::command::{Word, words};
use super::scope::{Scope, Site, Written};
use crate::diag::{Problem, Span};
use crate::model::action::ShellAction;
use crate::model::dynamic::Dynamic;
use crate::model::flags::Flag;
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::{InputSource, ParamSource, Rule};
use crate::model::template::{Access, Root, Template, Used};
use crate::model::value::Value;
use crate::syntax::ast::{Arg, ArgKind, ExprKind, StmtKind};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// `unused-param`: a named param that the command does not use. Scripts see all params, so only commands are looked at.
pub(super) fn unused_param(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for (site, shell) in scope.commands() {
        let uses = shell.template.uses().params;
        let message_uses = site.rule.message.as_ref().map(|message| message.uses().params);
        for (position, param) in site.rule.params.iter().enumerate() {
            let Some(name) = &param.name else { continue };
            let is_used = |used: &Used| used.has(position, Some(name));
            if param.counts || is_used(&uses) || message_uses.as_ref().is_some_and(is_used) {
                continue;
            }
            let place = site.named_item("params", name);
            // What a rule inherits, or spreads from a dict, is not its own.
            let is_own = place.is_some() || matches!(site.written, Written::Nowhere);
            if !is_own || is_read_elsewhere(scope, site) {
                continue;
            }
            let message = format!("param `{name}` is used by nothing in rule `{}`", site.rule.name);
            finder.push(
                site.warning("unused-param", message, place)
                    .note("what the command does not use cannot change its result: another value is no reason to run")
                    .help(format!("write `{{params.{name}}}` in the command, or remove it")),
            );
        }
    }
}

/// Whether other places may look at the params of the rule: `rules.a.params.x`.
fn is_read_elsewhere(scope: &Scope<'_>, site: &Site<'_>) -> bool {
    // A rule of a module is called otherwise inside it.
    let is_read = |text: &str| text.match_indices(".params").any(|(at, _)| is_of_rule(&text[..at]));
    scope.files.iter().any(|file| is_read(&file.text)) || site.rule.checkpoint
}

/// Whether a text ends with `rules.NAME` or `checkpoints.NAME`.
fn is_of_rule(before: &str) -> bool {
    let name = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ']');
    let name = name.trim_end_matches(['.', '[', '"', '\'']);
    name.ends_with("rules") || name.ends_with("checkpoints") || before.ends_with(')')
}

/// `unused-input`: an input that the command does not name.
pub(super) fn unused_input(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    if !finder.wants("unused-input") {
        return;
    }
    for (site, shell) in scope.commands() {
        if site.is_inherited() && site.section("input").is_none() {
            continue;
        }
        let Some((mut names, mut positions)) = named_inputs(&shell.template) else { continue };
        // What functions are given may be all.
        let Some((read_names, read_positions)) = inputs_of_functions(scope, site) else { continue };
        names.extend(read_names);
        positions.extend(read_positions);
        let is_countable = !site.has_input_functions();
        let mut start = 0;
        for item in &site.rule.inputs {
            let (len, is_order_only) = match &item.source {
                InputSource::Patterns { patterns, flags, .. } => {
                    (patterns.len(), flags.iter().all(|flags| flags.has(Flag::Ancient)))
                }
                InputSource::Function(_) => (0, false),
            };
            let range = start..start + len;
            start += len;
            let by_name = item.name.as_ref().is_some_and(|name| names.contains(name));
            let by_position = positions.iter().any(|at| !is_countable || range.contains(at));
            if by_name || by_position || is_order_only {
                continue;
            }
            let (shown, place) = match (&item.name, &item.source) {
                (Some(name), _) => (format!("`{name}`"), site.named_item("input", name)),
                (None, InputSource::Patterns { patterns, .. }) => {
                    let Some(first) = patterns.first() else { continue };
                    (format!("`{}`", first.text), scope.find(site, "input", &first.text))
                }
                (None, InputSource::Function(function)) => (format!("of `{}`", function.name()), None),
            };
            let message = format!("the command of rule `{}` does not name the input {shown}", site.rule.name);
            finder.push(site.warning("unused-input", message, place).help(
                "name it in the command, remove it, or write `ancient(...)` if it only has to be there",
            ));
        }
    }
}

/// Names and positions of inputs.
type Named = (FxHashSet<Arc<str>>, Vec<usize>);

/// The inputs that the functions of a rule look at, for its params and resources; `None` when it may be all.
fn inputs_of_functions(scope: &Scope<'_>, site: &Site<'_>) -> Option<Named> {
    let mut named = Named::default();
    if !has_functions_of_inputs(site.rule) {
        return Some(named);
    }
    // Of what is inherited, or made in Rust, nothing can be read here.
    if site.is_inherited() || matches!(site.written, Written::Nowhere) {
        return None;
    }
    let sections = ["params", "resources", "threads"].into_iter().filter_map(|name| site.section(name));
    for arg in sections.flat_map(|section| &section.args) {
        match &arg.value.kind {
            ExprKind::Lambda(_) => {
                add_read(scope.workflow.sources.snippet(arg.value.span), site.rule, &mut named)?
            }
            ExprKind::Str(_)
            | ExprKind::FString(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_) => {}
            _ => return None,
        }
    }
    Some(named)
}

/// Adds the inputs that the text of a lambda names: `input.x`, `input["x"]`, `input[0]`.
fn add_read(lambda: &str, rule: &Rule, named: &mut Named) -> Option<()> {
    let (_, body) = lambda.split_once(':')?;
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    for (at, word) in body.match_indices("input") {
        let rest = &body[at + word.len()..];
        if body[..at].ends_with(|c| is_of_word(c) || c == '.') || rest.starts_with(is_of_word) {
            continue;
        }
        let key = match rest.strip_prefix('.') {
            Some(rest) => rest.split(|c| !is_of_word(c)).next()?,
            None => rest.strip_prefix('[')?.split(']').next()?.trim().trim_matches(['"', '\'']),
        };
        match key.parse() {
            Ok(position) => named.1.push(position),
            // `input.size_mb` and `input.values()` are of all.
            Err(_) => {
                let name =
                    rule.inputs.iter().filter_map(|item| item.name.clone()).find(|name| **name == *key)?;
                named.0.insert(name);
            }
        };
    }
    Some(())
}

/// Names and positions of the inputs that a command names; `None` when it names all.
fn named_inputs(template: &Template) -> Option<Named> {
    let (mut names, mut positions) = (FxHashSet::default(), Vec::new());
    for field in template.fields().filter(|field| field.root == Root::Input) {
        match field.access.first()? {
            Access::Index(key) if key.parse::<usize>().is_ok() => positions.extend(key.parse::<usize>()),
            Access::Attribute(key) | Access::Index(key) => {
                names.insert(key.clone());
            }
        }
    }
    Some((names, positions))
}

/// Programs that make files without content, or none.
const MARKERS: [&str; 7] = [":", "echo", "mkdir", "set", "sleep", "touch", "true"];

/// `unused-wildcard`: a wildcard of the outputs that nothing else of the rule depends on: all its files are equal.
pub(super) fn unused_wildcard(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for (site, shell) in scope.commands() {
        let is_looked_at = !site.is_inherited() || site.section("output").is_some();
        // A stream is made anew for each that reads it.
        let is_stream = site.rule.output_flags.iter().any(|flags| flags.stream().is_some());
        if !is_looked_at || is_stream || site.rule.outputs.is_empty() || has_functions(site) {
            continue;
        }
        let used = used_wildcards(site, shell);
        let is_unused = |name: &&str| !used.iter().any(|known| known == *name);
        let all: Vec<&str> = site.rule.wildcards().collect();
        let unused: Vec<&str> = all.iter().copied().filter(is_unused).collect();
        // Markers are equal on purpose.
        if unused.is_empty() || is_marker(site, &shell.template) {
            continue;
        }
        for name in unused {
            let message = format!(
                "wildcard `{name}` of rule `{}` is used by neither inputs, params nor the command",
                site.rule.name
            );
            let place = scope.find(site, "output", &format!("{{{name}"));
            finder.push(
                site.warning("unused-wildcard", message, place)
                    .note("its files would all have the same content, whatever the value is")
                    .help(format!("write `{{wildcards.{name}}}` in the command, or use it in an input")),
            );
        }
    }
}

/// Whether the rule makes files without content.
fn is_marker(site: &Site<'_>, command: &Template) -> bool {
    let is_of_marker = |word: &Word| {
        let program = if word.program.is_empty() { &word.text } else { &word.program };
        MARKERS.contains(&&**program)
    };
    site.rule.output_flags.iter().all(|flags| flags.has(Flag::Touch))
        || (!command.text.contains('>') && words(command).iter().all(is_of_marker))
}

fn is_function(value: &Dynamic) -> bool {
    matches!(value, Dynamic::Function(_))
}

/// Whether functions of the rule are given its inputs.
fn has_functions_of_inputs(rule: &Rule) -> bool {
    rule.params.iter().any(|param| matches!(param.source, ParamSource::Function(_)))
        || rule.resources.iter().any(|(_, value)| is_function(value))
        || is_function(&rule.threads)
}

/// Functions see all wildcards.
fn has_functions(site: &Site<'_>) -> bool {
    let rule = site.rule;
    site.has_input_functions()
        || has_functions_of_inputs(rule)
        || is_function(&rule.priority)
        || rule.environment.conda.as_ref().is_some_and(is_function)
        || rule.environment.container.as_ref().is_some_and(is_function)
}

fn used_wildcards(site: &Site<'_>, shell: &ShellAction) -> FxHashSet<String> {
    let mut used: FxHashSet<String> = FxHashSet::default();
    let mut add = |pattern: &Pattern| {
        let holes = pattern.segments.iter().filter_map(|segment| match segment {
            Segment::Wildcard { name, .. } => Some(pattern.names[*name as usize].to_string()),
            Segment::Literal(_) => None,
        });
        used.extend(holes);
    };
    for item in &site.rule.inputs {
        if let InputSource::Patterns { patterns, .. } = &item.source {
            patterns.iter().for_each(&mut add);
        }
    }
    for param in &site.rule.params {
        match &param.source {
            ParamSource::Text(pattern) => add(pattern),
            ParamSource::List(items) => items.iter().for_each(|item| {
                if let ParamSource::Text(pattern) = item {
                    add(pattern);
                }
            }),
            ParamSource::Const(_) | ParamSource::Function(_) => {}
        }
    }
    let software = [&site.rule.environment.conda, &site.rule.environment.container];
    for value in software.into_iter().flatten() {
        if let Dynamic::Const(Value::Str(text)) = value {
            add(&Pattern::find_in(text));
        }
    }
    match shell.template.uses().wildcards {
        Used::None => {}
        Used::All => used.extend(site.rule.wildcards().map(String::from)),
        Used::Some(names) => used.extend(names.iter().map(ToString::to_string)),
    }
    used
}

/// `unused-constraint`: a constraint for a wildcard that no rule has.
pub(super) fn unused_constraint(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    let warning = |name: &str, owner: &str, place: Span| {
        let message = format!("{owner} no wildcard `{name}`: its constraint says nothing");
        Problem::warning("unused-constraint", message).at(place, "").help("remove it, or correct the name")
    };
    for site in &scope.sites {
        let Some(section) = site.section("wildcard_constraints") else { continue };
        for (name, place) in constrained(&section.args) {
            if !site.rule.wildcards().any(|known| known == name) {
                finder.push(warning(name, &format!("rule `{}` has", site.rule.name), place));
            }
        }
    }
    // A rule that is not there with these settings may have it.
    let is_written = |name: &str| {
        let holes = [format!("{{{name}}}"), format!("{{{name},"), format!("{{wildcards.{name}")];
        scope.files.iter().any(|file| holes.iter().any(|hole| file.text.contains(hole)))
            || scope.sites.iter().any(|site| site.rule.wildcards().any(|known| known == name))
    };
    super::scope::each_stmt(scope.files, |stmt| {
        let StmtKind::Directive(directive) = &stmt.kind else { return };
        if &*directive.name.text != "wildcard_constraints" {
            return;
        }
        for (name, place) in constrained(&directive.args) {
            if !is_written(name) {
                finder.push(warning(name, "the workflow has", place));
            }
        }
    });
}

/// The names that a section of constraints speaks of.
fn constrained(args: &[Arg]) -> impl Iterator<Item = (&str, Span)> {
    args.iter().filter_map(|arg| match &arg.kind {
        ArgKind::Keyword(name) => Some((&*name.text, name.span)),
        _ => None,
    })
}
