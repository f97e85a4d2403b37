//! The checks that turn a draft into a rule. Every mistake is reported, each at its place; nothing here looks at
//! other rules or at files.

use crate::diag::{Problem, Severity, SourceMap, Span};
use crate::model::action::{Action, ScriptAction, ShellAction};
use crate::model::draft::{
    Constraint, DraftAction, DraftInput, DraftParam, DraftPaths, DraftText, RuleDraft,
};
use crate::model::dynamic::Dynamic;
use crate::model::flags::{CONTRADICTIONS, Flag, Flags, Stream};
use crate::model::pattern::{Pattern, Segment, check_constraint};
use crate::model::rule::{Benchmark, InputItem, InputSource, ParamItem, ParamSource, Rule};
use crate::model::slots::Slot;
use crate::model::template::{Template, TemplateError, TemplateScope};
use crate::model::units;
use crate::model::value::Value;
use std::sync::Arc;

/// Value of a global of the Rulefile at the end of the load, for `{NAME}` in commands.
pub(crate) type Lookup<'a> = dyn FnMut(&str) -> Option<Value> + 'a;

/// The name lists of the sections, for messages and template checks.
struct Scope {
    inputs: Vec<Slot>,
    input_dynamic: bool,
    outputs: Arc<[Slot]>,
    logs: Arc<[Slot]>,
    params: Vec<Option<Arc<str>>>,
    resources: Vec<Arc<str>>,
}

/// Where mistakes go, and how they find their place.
struct Report<'a> {
    rule: Arc<str>,
    place: Option<Span>,
    sources: &'a SourceMap,
    problems: &'a mut Vec<Problem>,
}

impl Report<'_> {
    /// Adds a mistake at `needle` inside `span`, or at the span, or at the rule.
    fn push(&mut self, problem: Problem, span: Option<Span>, needle: &str, label: &str) {
        let found = span.map(|span| locate(self.sources, span, needle)).or(self.place);
        self.problems.push(match found {
            Some(span) => problem.at(span, label),
            None => problem.note(format!("in rule `{}`", self.rule)),
        });
    }
}

/// The exact place of `needle` in the source text under `span`; the whole span when it is not there literally
/// (a computed text).
fn locate(sources: &SourceMap, span: Span, needle: &str) -> Span {
    let text = sources.snippet(span);
    match text.find(needle) {
        Some(offset) if !needle.is_empty() => {
            let start = span.start as usize + offset;
            Span::new(span.source, start, start + needle.len())
        }
        _ => span,
    }
}

impl RuleDraft {
    /// Checks the draft. `globals` are the workflow's constraints, `lookup` gives values for `{NAME}` in commands.
    /// Mistakes are appended to `problems`; the rule is `None` if it cannot be used at all.
    pub(crate) fn finish(
        mut self,
        globals: &[Constraint],
        lookup: &mut Lookup<'_>,
        sources: &SourceMap,
        problems: &mut Vec<Problem>,
    ) -> Option<Rule> {
        let before = problems.len();
        let report = &mut Report { rule: self.name.clone(), place: self.place, sources, problems };
        drop_misplaced_flags(&mut self, report);
        let constraints = merged_constraints(&self.constraints, globals, report);
        let mut outputs = parse_paths(&self.outputs, "output", report);
        let mut logs = parse_paths(&self.logs, "log", report);
        let benchmark_path = self.benchmark.as_ref().and_then(|b| parse_path(&b.path, "benchmark", report));
        check_outputs(&self, &outputs, report);
        check_flags(&self, report);
        check_constraints(&self, &outputs, &logs, report);
        let wildcards = rule_wildcards(&self, &outputs, &logs, benchmark_path.as_ref(), report);
        // Of outputs that cannot be read nothing is known: what they lack is not told.
        let unread = self.outputs.iter().map(|o| o.paths.len()).sum::<usize>() > outputs.len();
        let mut benchmark =
            self.benchmark.as_ref().zip(benchmark_path).map(|(b, path)| Benchmark { path, repeat: b.repeat });
        for pattern in outputs.iter_mut().chain(&mut logs).chain(benchmark.as_mut().map(|b| &mut b.path)) {
            bind(pattern, &wildcards, &constraints);
        }
        check_names(&self, report);
        let inputs =
            self.inputs.iter().filter_map(|i| input_item(i, &wildcards, &self, unread, report)).collect();
        let params = self.params.iter().map(|p| param_item(p, &wildcards, report)).collect();
        let scope = scope_of(&self);
        let message =
            self.message.as_ref().and_then(|text| template(text, &scope, &wildcards, lookup, report));
        let action = action(&self.action, &scope, &wildcards, lookup, report);
        check_action(&self, report);
        check_numbers(&self, report);
        let resources = resources(&self, report);
        let has_mistakes = report.problems[before..].iter().any(|p| p.severity == Severity::Error);
        (!has_mistakes).then(|| Rule {
            name: self.name,
            doc: self.doc,
            place: self.place,
            wildcards,
            inputs,
            outputs: outputs.into(),
            output_slots: slots(&self.outputs),
            output_flags: self.outputs.iter().flat_map(|o| &o.paths).map(|p| p.flags.clone()).collect(),
            logs: logs.into(),
            log_slots: slots(&self.logs),
            params,
            threads: self.threads,
            resources,
            priority: self.priority,
            retries: self.retries,
            cached: self.cached,
            message,
            action: match action.unwrap_or(Action::None) {
                // Its outputs are all to be touched, else it would not have passed.
                Action::None if !self.outputs.is_empty() => Action::Touch,
                action => action,
            },
            checkpoint: self.checkpoint,
            benchmark,
            timeout: self.timeout,
            shadow: self.shadow,
            environment: self.environment,
            config: self.config,
            refused: self.refused,
        })
    }
}

/// A constraint of a wildcard that the rule does not have is of no use; one that is nearly called so is a typo.
fn check_constraints(draft: &RuleDraft, outputs: &[Pattern], logs: &[Pattern], report: &mut Report<'_>) {
    let names = || outputs.iter().chain(logs).flat_map(|p| p.names.iter()).map(|name| &**name);
    for (name, _, span) in &draft.constraints {
        if !names().any(|n| n == &**name)
            && let Some(near) = closest(name, names())
        {
            let message = format!("rule `{}` has no wildcard `{name}` to constrain", report.rule);
            let problem = Problem::error("unknown-wildcard", message);
            report.push(problem.help(format!("did you mean `{near}`?")), *span, "", "");
        }
    }
}

/// The rule's constraints, then the workflow's for other names; mistakes in the rule's are reported.
fn merged_constraints(
    own: &[Constraint],
    globals: &[Constraint],
    report: &mut Report<'_>,
) -> Vec<(Arc<str>, Arc<str>)> {
    for (name, regex, span) in own {
        if let Err(message) = check_constraint(regex) {
            let problem =
                Problem::error("bad-constraint", format!("the constraint of wildcard `{name}`: {message}"));
            report.push(problem, *span, regex, "this regular expression");
        }
    }
    let others = globals.iter().filter(|(name, ..)| !own.iter().any(|(n, ..)| n == name));
    own.iter().chain(others).map(|(name, regex, _)| (name.clone(), regex.clone())).collect()
}

fn parse_paths(items: &[DraftPaths], section: &str, report: &mut Report<'_>) -> Vec<Pattern> {
    let texts = items.iter().flat_map(|item| &item.paths);
    texts.filter_map(|text| parse_path(text, section, report)).collect()
}

/// Whether a text is what stands before `://`.
fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn parse_path(text: &DraftText, section: &str, report: &mut Report<'_>) -> Option<Pattern> {
    let refuse = |code, message: String, help: &str, report: &mut Report<'_>| {
        report.push(Problem::error(code, message).help(help), text.span, &text.text, "");
        None
    };
    if text.text.trim().is_empty() {
        let message = format!("an empty string in `{section}` names no file");
        return refuse("empty-path", message, "remove it, or use `[]` for no file", report);
    }
    if text.text.contains('\0') {
        return refuse("bad-path", format!("a path in `{section}` has a NUL character"), "remove it", report);
    }
    if let Some((scheme, _)) = text.text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        let message =
            format!("`{}` in `{section}` is not on this machine, and rulemake fetches nothing", text.text);
        let help = format!("fetch it in a rule of its own, with a program that knows `{scheme}`");
        return refuse("remote-path", message, &help, report);
    }
    let pattern = match Pattern::parse(&text.text) {
        Ok(pattern) => pattern,
        Err(error) => {
            let message = format!("in the pattern `{}`: {}", text.text, error.message);
            let help = "a wildcard is written `{name}` or `{name,regex}`";
            return refuse("bad-pattern", message, help, report);
        }
    };
    for segment in &pattern.segments {
        if let Segment::Wildcard { name, constraint: Some(regex) } = segment
            && let Err(error) = check_constraint(regex)
        {
            let message = format!("the constraint of wildcard `{}`: {error}", pattern.names[*name as usize]);
            // The pattern is kept: its wildcards are still known to the rest of the rule.
            report.push(
                Problem::error("bad-constraint", message),
                text.span,
                regex,
                "this regular expression",
            );
        }
    }
    Some(pattern)
}

fn check_outputs(draft: &RuleDraft, outputs: &[Pattern], report: &mut Report<'_>) {
    let spans: Vec<Option<Span>> = draft.outputs.iter().flat_map(|o| &o.paths).map(|t| t.span).collect();
    for (i, pattern) in outputs.iter().enumerate() {
        let span = spans.get(i).copied().flatten();
        if outputs[..i].iter().any(|other| other.text == pattern.text) {
            let problem =
                Problem::error("duplicate-output", format!("output `{}` is listed twice", pattern.text));
            report.push(problem.help("remove one of them"), span, &pattern.text, "listed again here");
        }
        if pattern.text.starts_with(".rulemake/") || &*pattern.text == ".rulemake" {
            let message = format!("output `{}` lies in rulemake's own directory", pattern.text);
            let problem = Problem::error("reserved-path", message).help("write it somewhere else");
            report.push(problem, span, &pattern.text, "");
        }
    }
}

/// The wildcards of the first output or log; every other one must have the same.
fn rule_wildcards(
    draft: &RuleDraft,
    outputs: &[Pattern],
    logs: &[Pattern],
    benchmark: Option<&Pattern>,
    report: &mut Report<'_>,
) -> Arc<[Arc<str>]> {
    let Some(first) = outputs.first().or(logs.first()).or(benchmark) else { return Arc::new([]) };
    let texts = draft.outputs.iter().chain(&draft.logs).flat_map(|item| &item.paths);
    let texts = texts.chain(draft.benchmark.as_ref().map(|benchmark| &benchmark.path));
    let spans: Vec<Option<Span>> = texts.map(|t| t.span).collect();
    for (i, pattern) in outputs.iter().chain(logs).chain(benchmark).enumerate().skip(1) {
        let missing = first.names.iter().find(|n| !pattern.names.contains(n));
        let extra = pattern.names.iter().find(|n| !first.names.contains(n));
        let message = match (missing, extra) {
            (Some(name), _) => {
                format!("`{}` lacks wildcard `{name}`, which `{}` has", pattern.text, first.text)
            }
            (None, Some(name)) => {
                format!("`{}` has wildcard `{name}`, which `{}` lacks", pattern.text, first.text)
            }
            (None, None) => continue,
        };
        let problem = Problem::error("wildcards-differ", message)
            .note("the outputs and logs of a rule must have the same wildcards: together they name the job")
            .help("add the wildcard, or move the file to a rule of its own");
        report.push(problem, spans.get(i).copied().flatten(), &pattern.text, "");
    }
    first.names.clone()
}

/// Numbers the wildcards as the rule does and gives each its constraint: inline before rule before workflow.
fn bind(pattern: &mut Pattern, wildcards: &Arc<[Arc<str>]>, constraints: &[(Arc<str>, Arc<str>)]) {
    // Names that differ were reported by `rule_wildcards`; such a pattern keeps its own numbering.
    if let Ok(bound) = pattern.bind(wildcards) {
        *pattern = bound;
    }
    let mut seen = vec![false; pattern.names.len()];
    for segment in &mut pattern.segments {
        if let Segment::Wildcard { name, constraint } = segment {
            let first = !std::mem::replace(&mut seen[*name as usize], true);
            if first && constraint.is_none() {
                let wanted = &pattern.names[*name as usize];
                *constraint = constraints.iter().find(|(n, _)| n == wanted).map(|(_, regex)| regex.clone());
            }
        }
    }
}

/// A name may stand once in a section.
fn check_names(draft: &RuleDraft, report: &mut Report<'_>) {
    let inputs = draft.inputs.iter().map(|i| match i {
        DraftInput::Paths(p) => (p.name.clone(), p.paths.first().and_then(|t| t.span)),
        DraftInput::Function { name, .. } => (name.clone(), None),
    });
    let paths = |items: &[DraftPaths]| -> Vec<(Option<Arc<str>>, Option<Span>)> {
        items.iter().map(|p| (p.name.clone(), p.paths.first().and_then(|t| t.span))).collect()
    };
    let params = draft.params.iter().map(|p| (p.name.clone(), p.span)).collect();
    let resources = draft.resources.iter().map(|(name, _)| (Some(name.clone()), None)).collect();
    let sections: [(&str, Vec<_>); 5] = [
        ("input", inputs.collect()),
        ("output", paths(&draft.outputs)),
        ("log", paths(&draft.logs)),
        ("params", params),
        ("resources", resources),
    ];
    for (section, items) in sections {
        for (i, (name, span)) in items.iter().enumerate() {
            let Some(name) = name else { continue };
            if items[..i].iter().any(|(other, _)| other.as_ref() == Some(name)) {
                let problem =
                    Problem::error("duplicate-name", format!("`{name}` stands twice in `{section}`"));
                let problem = match units::derived_names(name).filter(|_| section == "resources") {
                    Some([plain, in_mib]) => {
                        problem.note(format!("`{plain}`, `{name}` and `{in_mib}` are one resource"))
                    }
                    None => problem,
                };
                report.push(problem.help("use another name"), *span, "", "");
            }
        }
    }
}

fn input_item(
    input: &DraftInput,
    wildcards: &Arc<[Arc<str>]>,
    draft: &RuleDraft,
    outputs_unread: bool,
    report: &mut Report<'_>,
) -> Option<InputItem> {
    match input {
        DraftInput::Function { name, function } => {
            Some(InputItem { name: name.clone(), source: InputSource::Function(function.clone()) })
        }
        DraftInput::Paths(paths) => {
            let mut patterns = Vec::with_capacity(paths.paths.len());
            let flags = paths.paths.iter().map(|text| text.flags.clone()).collect();
            for text in &paths.paths {
                let pattern = parse_path(text, "input", report)?;
                match pattern.bind(wildcards) {
                    Ok(bound) => patterns.push(bound),
                    Err(_) if outputs_unread => return None,
                    Err(name) => {
                        unbound(&name, "input", text.span, wildcards, !draft.outputs.is_empty(), report);
                        return None;
                    }
                }
            }
            let source = InputSource::Patterns { patterns: patterns.into(), flags, list: paths.list };
            Some(InputItem { name: paths.name.clone(), source })
        }
    }
}

/// A wildcard that nothing gives a value to.
fn unbound(
    name: &str,
    section: &str,
    span: Option<Span>,
    wildcards: &[Arc<str>],
    has_output: bool,
    report: &mut Report<'_>,
) {
    let needle = format!("{{{name}");
    if let Some(known) =
        name.strip_prefix("wildcards.").filter(|known| wildcards.iter().any(|w| **w == **known))
    {
        let message = format!("`{section}` of rule `{}` calls a wildcard `{{{name}}}`", report.rule);
        let problem = Problem::error("wildcard-not-in-output", message)
            .note("only commands say `wildcards.`: paths and `params` name their wildcards alone")
            .help(format!("write `{{{known}}}` here"));
        return report.push(problem, span, &needle, "");
    }
    let mut problem = Problem::error(
        "wildcard-not-in-output",
        format!("wildcard `{name}` is used in `{section}` but stands in no output of rule `{}`", report.rule),
    );
    problem = problem
        .note("a job's wildcards get their values from the file that is wanted, that is, from its output");
    problem = match (closest(name, wildcards.iter().map(|w| &**w)), has_output) {
        (Some(known), _) => problem.help(format!("did you mean `{{{known}}}`?")),
        (None, true) => {
            problem.help(format!("add `{{{name}}}` to the outputs, or list the files with `expand(...)`"))
        }
        (None, false) => {
            problem.help("a rule without outputs has no wildcards: list the files with `expand(...)`")
        }
    };
    report.push(problem, span, &needle, "this wildcard has no value");
}

/// The candidate that `name` was probably meant to be.
pub(crate) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *candidate != name)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn param_item(param: &DraftParam, wildcards: &Arc<[Arc<str>]>, report: &mut Report<'_>) -> ParamItem {
    let source = match &param.value {
        Dynamic::Function(function) => ParamSource::Function(function.clone()),
        Dynamic::Const(Value::Str(text)) if text.contains('{') => {
            text_param(text, param.span, wildcards, report)
        }
        Dynamic::Const(Value::List(items)) if items.iter().any(has_brace) => {
            let element = |value: &Value| match value {
                Value::Str(text) if text.contains('{') => text_param(text, param.span, wildcards, report),
                other => ParamSource::Const(other.clone()),
            };
            ParamSource::List(items.iter().map(element).collect())
        }
        Dynamic::Const(value) => ParamSource::Const(value.clone()),
    };
    ParamItem { name: param.name.clone(), source, counts: param.counts }
}

fn has_brace(value: &Value) -> bool {
    matches!(value, Value::Str(text) if text.contains('{'))
}

/// A string param: wildcards in it are replaced; braces that are no wildcards stand for themselves.
fn text_param(
    text: &Arc<str>,
    span: Option<Span>,
    wildcards: &Arc<[Arc<str>]>,
    report: &mut Report<'_>,
) -> ParamSource {
    let as_is = ParamSource::Const(Value::Str(text.clone()));
    let pattern = Pattern::find_in(text);
    if pattern.names.is_empty() {
        return as_is;
    }
    match pattern.bind(wildcards) {
        Ok(bound) => ParamSource::Text(bound),
        Err(name) => {
            unbound(&name, "params", span, wildcards, true, report);
            as_is
        }
    }
}

fn scope_of(draft: &RuleDraft) -> Scope {
    let input = |input: &DraftInput| match input {
        DraftInput::Paths(paths) => slot(paths),
        DraftInput::Function { name, .. } => Slot { name: name.clone(), list: true, len: 1 },
    };
    Scope {
        inputs: draft.inputs.iter().map(input).collect(),
        input_dynamic: draft.inputs.iter().any(|i| matches!(i, DraftInput::Function { .. })),
        outputs: slots(&draft.outputs),
        logs: slots(&draft.logs),
        params: draft.params.iter().map(|p| p.name.clone()).collect(),
        resources: resource_names(draft),
    }
}

fn template(
    text: &DraftText,
    scope: &Scope,
    wildcards: &[Arc<str>],
    lookup: &mut Lookup<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    let mut template = match Template::parse(&text.text) {
        Ok(template) => template,
        Err(errors) => {
            template_errors(&errors, &text.text, text.span, report);
            return None;
        }
    };
    let known = TemplateScope {
        input: &scope.inputs,
        input_dynamic: scope.input_dynamic,
        output: &scope.outputs,
        log: &scope.logs,
        params: &scope.params,
        wildcards,
        resources: &scope.resources,
    };
    let mut errors = template.resolve_names(lookup);
    errors.extend(template.check(&known));
    if errors.is_empty() {
        return Some(template);
    }
    template_errors(&errors, &text.text, text.span, report);
    None
}

/// The errors' byte ranges refer to `text`.
fn template_errors(errors: &[TemplateError], text: &str, span: Option<Span>, report: &mut Report<'_>) {
    for error in errors {
        let mut problem = Problem::error("bad-command", error.message.clone());
        if let Some(help) = &error.help {
            problem = problem.help(help.clone());
        }
        let needle = text.get(error.at.0 as usize..error.at.1 as usize).unwrap_or("");
        report.push(problem, span, needle, "");
    }
}

fn action(
    action: &DraftAction,
    scope: &Scope,
    wildcards: &[Arc<str>],
    lookup: &mut Lookup<'_>,
    report: &mut Report<'_>,
) -> Option<Action> {
    match action {
        DraftAction::None => Some(Action::None),
        DraftAction::Function(function) => Some(Action::Function(function.clone())),
        DraftAction::Interpreted(action) => Some(Action::Interpreted(action.clone())),
        DraftAction::Run(code) => Some(Action::Run(Arc::new(code.clone()))),
        DraftAction::Script { path, dir, notebook } => {
            let path = template(path, scope, wildcards, lookup, report)?;
            Some(Action::Script(Arc::new(ScriptAction { path, dir: dir.clone(), notebook: *notebook })))
        }
        DraftAction::Shell { command, shell, prefix, suffix } => {
            let template = template(command, scope, wildcards, lookup, report)?;
            let (shell, prefix, suffix) = (shell.clone(), prefix.clone(), suffix.clone());
            Some(Action::Shell(Arc::new(ShellAction { template, shell, prefix, suffix })))
        }
    }
}

/// Flags that the section cannot have say nothing there; published workflows have them all the same.
fn drop_misplaced_flags(draft: &mut RuleDraft, report: &mut Report<'_>) {
    let inputs = draft.inputs.iter_mut().filter_map(|input| match input {
        DraftInput::Paths(paths) => Some(("input", paths)),
        DraftInput::Function { .. } => None,
    });
    let outputs = draft.outputs.iter_mut().map(|paths| ("output", paths));
    let logs = draft.logs.iter_mut().map(|paths| ("log", paths));
    for (section, paths) in inputs.chain(outputs).chain(logs) {
        for text in &mut paths.paths {
            let fits =
                |flag: &Flag| if section == "input" { flag.is_for_inputs() } else { flag.is_for_outputs() };
            let misplaced: Vec<Flag> = text.flags.iter().filter(|flag| !fits(flag)).collect();
            for flag in misplaced {
                text.flags.clear(flag);
                let other = if section == "input" { "outputs" } else { "inputs" };
                let message = format!("`{}` says nothing in `{section}`: it is for {other}", flag.name());
                let problem = Problem::warning("flag-misplaced", message).help("remove it");
                report.push(problem, text.span, &text.text, "");
            }
        }
    }
}

/// Flags that contradict each other.
fn check_flags(draft: &RuleDraft, report: &mut Report<'_>) {
    let needed = draft.inputs.iter().filter_map(|input| match input {
        DraftInput::Paths(paths) => Some(paths),
        DraftInput::Function { .. } => None,
    });
    let mut problems = Vec::new();
    for text in draft.outputs.iter().chain(&draft.logs).chain(needed).flat_map(|item| &item.paths) {
        for (one, other) in CONTRADICTIONS.iter().copied() {
            if text.flags.has(one) && text.flags.has(other) {
                let (a, b) = (one.name(), other.name());
                let message = format!("`{}` cannot be `{a}` and `{b}` at once", text.text);
                let help = "remove one of the two";
                problems.push((Problem::error("flags-contradict", message).help(help), text));
            }
        }
    }
    for (problem, text) in problems {
        report.push(problem, text.span, &text.text, "");
    }
}

/// `touch` alone is a reason for a rule to have outputs and no command: it makes them itself.
fn is_made_by_flags(flags: &Flags) -> bool {
    flags.has(Flag::Touch)
}

fn check_action(draft: &RuleDraft, report: &mut Report<'_>) {
    let touched = draft.outputs.iter().flat_map(|o| &o.paths).all(|path| is_made_by_flags(&path.flags));
    let has_action = !matches!(draft.action, DraftAction::None) || draft.refused.is_some();
    if !has_action && !draft.outputs.is_empty() && !touched {
        let message = format!("rule `{}` has outputs but no command that makes them", draft.name);
        let problem =
            Problem::error("no-action", message).help("add a `shell:` section, or name the files as `input`");
        report.push(problem, None, "", "this rule");
    }
    check_streams(draft, report);
}

/// What a rule with pipes and services cannot have.
fn check_streams(draft: &RuleDraft, report: &mut Report<'_>) {
    let outputs = || draft.outputs.iter().flat_map(|item| &item.paths);
    let Some((path, stream)) = outputs().find_map(|path| Some((path, path.flags.stream()?))) else { return };
    let (rule, text) = (&draft.name, &path.text);
    let what = match stream {
        Stream::Pipe => "pipe",
        Stream::Service => "service",
    };
    let mut push = |code, message: String, help: &str| {
        report.push(Problem::error(code, message).help(help), path.span, text, "");
    };
    if let DraftAction::Run(_) = draft.action {
        // Code in this process that waits for a reader could not be ended.
        let message = format!("`{text}` is a {what}, which the `run:` of rule `{rule}` cannot make");
        push("run-with-pipe", message, &format!("write a `shell:` command, or remove `{what}`"));
    }
    if draft.checkpoint {
        let message = format!("`{text}` is a {what}, and rule `{rule}` a checkpoint");
        push(
            "checkpoint-with-pipe",
            message,
            "who needs a checkpoint's output is known when it has ended, and who reads this one runs beside it",
        );
    }
    if draft.shadow.is_some() {
        let message = format!("`{text}` is a {what}, which a job with `shadow:` would make in another place");
        push("shadow-with-pipe", message, &format!("remove `shadow:` or `{what}`"));
    }
    if draft.benchmark.as_ref().is_some_and(|benchmark| benchmark.repeat > 1) {
        let message =
            format!("`{text}` is a {what}, so rule `{rule}` cannot run several times for its benchmark");
        push("repeat-with-pipe", message, "remove `repeat` from `benchmark:`");
    }
    let asked = outputs().find(|path| path.flags.stream().is_some() && path.flags.ensure.is_some());
    if let Some(asked) = asked {
        let message =
            format!("`{}` is a {what}: no file is left of which `ensure` could ask something", asked.text);
        let problem = Problem::error("flags-contradict", message).help("remove one of the two");
        report.push(problem, asked.span, &asked.text, "");
    }
}

fn check_numbers(draft: &RuleDraft, report: &mut Report<'_>) {
    if let Dynamic::Const(value) = &draft.threads
        && !matches!(value, Value::Int(0..))
    {
        let message = format!(
            "`threads` of rule `{}` must be a whole number from 0, not {}",
            draft.name,
            value.canonical()
        );
        report.push(Problem::error("bad-threads", message), None, "", "in this rule");
    }
}

/// The resources under their standard names and in their standard units; functions are asked later.
fn resources(draft: &RuleDraft, report: &mut Report<'_>) -> Box<[(Arc<str>, Dynamic)]> {
    let mut resources: Vec<(Arc<str>, Dynamic)> = Vec::with_capacity(draft.resources.len());
    for (name, value) in &draft.resources {
        let known = resources
            .iter()
            .find(|(known, _)| known != name && units::standard_name(known) == units::standard_name(name));
        if let Some((known, _)) = known {
            let message = format!("`{known}` and `{name}` are the same resource of rule `{}`", draft.name);
            report.push(Problem::error("duplicate-name", message).help("keep one of them"), None, "", "");
        }
        let standard = match value {
            Dynamic::Const(value) => {
                units::standard(name, value.clone()).map(|(n, v)| (n, Dynamic::Const(v)))
            }
            Dynamic::Function(_) => Ok((name.clone(), value.clone())),
        };
        match standard {
            Ok(resource) => resources.push(resource),
            Err(message) => {
                let message = format!("in rule `{}`: {message}", draft.name);
                report.push(Problem::error("bad-resource", message), None, "", "in this rule");
            }
        }
    }
    resources.into()
}

/// Names of resources that a command may hold.
fn resource_names(draft: &RuleDraft) -> Vec<Arc<str>> {
    let standard = draft.resources.iter().map(|(name, _)| units::standard_name(name));
    let all = standard.flat_map(|name| {
        let derived = units::derived_names(name).into_iter().flatten();
        std::iter::once(name.to_string()).chain(derived.map(String::from))
    });
    all.chain([String::from("tmpdir")]).map(Arc::from).collect()
}

fn slots(items: &[DraftPaths]) -> Arc<[Slot]> {
    items.iter().map(slot).collect()
}

fn slot(paths: &DraftPaths) -> Slot {
    Slot { name: paths.name.clone(), list: paths.list, len: paths.paths.len() as u32 }
}
