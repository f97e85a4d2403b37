//! Sections of rules to drafts.

use crate::diag::{Problem, Span};
use crate::lang::builtins::expand::Unpack;
use crate::lang::builtins::from_file;
use crate::lang::load::Loader;
use crate::lang::load::actions;
use crate::lang::load::function::RuleFunction;
use crate::lang::load::items::spread;
use crate::lang::load::keywords;
use crate::lang::load::modules::Defined;
use crate::lang::load::objects::{Named, RuleView, is_reported};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use crate::model::draft::{
    DraftAction, DraftParam, DraftPaths, DraftText, METRICS, RuleDraft, default_shell,
};
use crate::model::dynamic::{Dynamic, JobFunction};
use crate::model::flags::{Flag, Flags};
use crate::model::units;
use crate::syntax::ast::{Arg, ArgKind, Expr, ExprKind, RuleDef, Section};
use crate::syntax::words::meant;
use std::sync::Arc;

/// An evaluated item of a section.
pub(super) struct Item {
    pub(super) name: Option<Arc<str>>,
    pub(super) value: Value,
    pub(super) span: Span,
}

/// What a rule's sections have given so far.
pub(super) struct Parts {
    pub(super) draft: RuleDraft,
    pub(super) default_target: Option<Span>,
    /// `rules.a.input` and its like.
    pub(super) view: Vec<(&'static str, Value)>,
}

const SUPPORTED: &[&str] = &[
    "default_target",
    "group",
    "input",
    "localrule",
    "log",
    "message",
    "metrics",
    "name",
    "output",
    "params",
    "pathvars",
    "priority",
    "resources",
    "retries",
    "shell",
    "threads",
    "wildcard_constraints",
];

impl Loader {
    /// Evaluates the sections of a rule. Mistakes in it are reported and do not stop the load.
    pub(super) fn define_rule(&mut self, vm: &mut Vm, def: &RuleDef) -> Result<(), Raise> {
        let before = self.problems.len();
        let ordinal = (self.rules.len() + 1).to_string();
        let name = def.name.as_ref().map_or_else(|| ordinal.into(), |n| n.text.clone());
        let mut parts =
            Parts { draft: RuleDraft::new(name, Some(def.head)), default_target: None, view: Vec::new() };
        parts.draft.doc = def.doc.clone();
        parts.draft.checkpoint = def.checkpoint;
        parts.draft.environment = self.environment.clone();
        if let Some(file) = self.files.last() {
            parts.draft.environment.dir = file.home.clone();
        }
        self.apply_sections(vm, &mut parts, &def.sections)?;
        self.add_rule(parts, def.head, before);
        Ok(())
    }

    /// Evaluates sections into `parts`, over what stands there.
    pub(super) fn apply_sections(
        &mut self,
        vm: &mut Vm,
        parts: &mut Parts,
        sections: &[Section],
    ) -> Result<(), Raise> {
        let outer = self.own_pathvars(vm, sections)?;
        let result = self.each_section(vm, parts, sections);
        if let Some(outer) = outer {
            self.set_pathvars(outer);
        }
        result
    }

    fn each_section(&mut self, vm: &mut Vm, parts: &mut Parts, sections: &[Section]) -> Result<(), Raise> {
        for (index, section) in sections.iter().enumerate() {
            if let Some(first) = sections[..index].iter().find(|s| s.name.text == section.name.text) {
                let message = format!("section `{}` stands twice in this rule", section.name.text);
                self.problems.push(
                    Problem::error("duplicate-section", message)
                        .at(section.name.span, "again here")
                        .at(first.name.span, "first here")
                        .help("write all items in one section, with commas between them"),
                );
                continue;
            }
            let is_action = |section: &&Section| ACTIONS.contains(&&*section.name.text);
            if is_action(&section)
                && let Some(first) = sections[..index].iter().find(is_action)
            {
                let message = format!("this rule has both `{}` and `{}`", first.name.text, section.name.text);
                let problem = Problem::error("two-actions", message);
                self.problems.push(
                    problem
                        .at(section.name.span, "the other one")
                        .at(first.name.span, "one way to make its outputs")
                        .help("remove one of them, or make two rules of it"),
                );
                continue;
            }
            match self.section(vm, parts, section) {
                Err(raise) if raise.kind().is_fatal() => return Err(raise.at(section.name.span)),
                Err(raise) => self.report(&raise.at(section.name.span)),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    pub(super) fn add_rule(&mut self, parts: Parts, head: Span, problems_before: usize) {
        let Parts { mut draft, default_target, mut view } = parts;
        let broken = self.problems.len() > problems_before;
        for (part, type_name) in
            [("input", "InputFiles"), ("output", "OutputFiles"), ("params", "Params"), ("log", "Log")]
        {
            if !view.iter().any(|(n, _)| *n == part) {
                let what = format!("{part} of rule `{}`", draft.name).into();
                view.push((
                    part,
                    Value::object(Named {
                        type_name,
                        what,
                        flat: Vec::new(),
                        named: Vec::new(),
                        files: None,
                    }),
                ));
            }
        }
        let local = draft.name.clone();
        draft.name = self.outer_name(&local);
        // What inherits the rule may replace one of the two.
        let own = view.clone();
        with_metrics(&mut view);
        for (part, value) in &mut view {
            if let ("output" | METRICS, Some(outputs)) = (*part, value.downcast::<Named>()) {
                *value = Value::object(outputs.made_by(&draft.name));
            }
        }
        let rule = Value::object(RuleView { name: draft.name.clone(), parts: view, broken });
        if draft.checkpoint {
            self.checkpoints.add(local.clone(), rule.clone());
        }
        self.names.add(local.clone(), rule);
        self.defined.push(Defined { local, view: own, home: self.home, star: None });
        let index = self.rules.len() as u32;
        if default_target.is_some() {
            let known = match self.files.len() {
                1 => &mut self.default_target,
                _ => &mut self.included_default_target,
            };
            // Of several the last one counts, so that a file can include another one and say something else.
            *known = Some((index, head));
        }
        if self.first_rule.is_none() && self.files.len() == 1 {
            self.first_rule = Some(index);
        }
        self.rules.push((!broken).then_some(draft));
    }

    fn section(&mut self, vm: &mut Vm, parts: &mut Parts, section: &Section) -> Result<(), Raise> {
        let word = &*section.name.text;
        if !supported().any(|known| known == word) {
            self.problems.push(unknown_section(word, section.name.span));
            return Ok(());
        }
        if word == "pathvars" {
            // They were read before all others.
            return Ok(());
        }
        if word == "default_target" {
            let items = self.items(vm, &section.args)?;
            match items.as_slice() {
                [Item { name: None, value: Value::Bool(is_target), .. }] => {
                    parts.default_target = is_target.then_some(section.name.span);
                }
                _ => self.refuse(
                    "bad-section-value",
                    "`default_target` is `True` or `False`",
                    section.name.span,
                ),
            }
            return Ok(());
        }
        let mut items = self.items_of(vm, &section.args, word == "params")?;
        if matches!(word, "input" | "output" | "metrics" | "log") {
            items = spread(items);
        }
        let name = parts.draft.name.clone();
        match word {
            "input" => {
                parts.draft.inputs = self.inputs(&items);
                parts.view.push(("input", self.view_of("InputFiles", "input", &name, &items)));
            }
            "output" => {
                let mut outputs = self.paths_only(&items, "output");
                outputs.extend(parts.draft.outputs.drain(..).filter(DraftPaths::is_metrics));
                parts.draft.outputs = outputs;
                parts.view.push(("output", self.view_of("OutputFiles", "output", &name, &items)));
            }
            // Outputs like the others, after them.
            METRICS => {
                let items = called_metrics(items);
                let mut metrics = self.paths_only(&items, METRICS);
                let paths = metrics.iter_mut().flat_map(|item| &mut item.paths);
                paths.for_each(|path| path.flags.set(Flag::Metrics));
                parts.draft.outputs.retain(|item| !item.is_metrics());
                parts.draft.outputs.append(&mut metrics);
                parts.view.push((METRICS, self.view_of("OutputFiles", METRICS, &name, &items)));
            }
            "log" => {
                parts.draft.logs = self.paths_only(&items, "log");
                parts.view.push(("log", self.view_of("Log", "log", &name, &items)));
            }
            "params" => {
                parts.draft.params = self.params(&items, &section.args);
                parts.view.push(("params", view_of_params(&name, &items)));
            }
            "resources" => parts.draft.resources = self.resources(&items),
            "wildcard_constraints" => parts.draft.constraints = self.constraints_of(&items),
            word if actions::SECTIONS.contains(&word) => {
                self.execution(&mut parts.draft, word, &items, section.name.span);
            }
            word if keywords::SECTIONS.contains(&word) => self.keyword(parts, section, &items),
            _ => self.single_value(parts, section, items),
        }
        Ok(())
    }

    /// Sections that take exactly one value.
    fn single_value(&mut self, parts: &mut Parts, section: &Section, items: Vec<Item>) {
        let word = &*section.name.text;
        let given = items.len();
        let Some(item) = items.into_iter().next().filter(|item| given == 1 && item.name.is_none()) else {
            // An item that failed was reported.
            if given > 0 || section.args.is_empty() {
                let message = format!("`{word}` takes exactly one value");
                let problem = Problem::error("bad-section-value", message).at(section.name.span, "");
                self.problems.push(match word {
                    "shell" | "message" => {
                        problem.help("strings that follow each other without a comma are joined")
                    }
                    _ => problem,
                });
            }
            return;
        };
        let draft = &mut parts.draft;
        match (word, &item.value) {
            ("shell", Value::Str(text)) => {
                let command = plain(text, item.span);
                let none: Arc<str> = "".into();
                draft.action = DraftAction::Shell {
                    command,
                    shell: default_shell(),
                    prefix: none.clone(),
                    suffix: none,
                };
            }
            ("message", Value::Str(text)) => {
                draft.message = Some(plain(text, item.span));
            }
            ("name", Value::Str(text)) if is_rule_name(text) => draft.name = text.clone(),
            ("name", Value::Str(text)) => {
                let message = format!("`{text}` cannot be the name of a rule");
                self.refuse("bad-rule-name", message, item.span);
            }
            ("threads", value) if value.is_callable() => {
                if let Some(function) = self.function(&item, "threads") {
                    draft.threads = Dynamic::Function(function);
                }
            }
            // Of jobs that pipes connect, those with 0 take no share of their own.
            ("threads", Value::Int(n)) if *n < 0 => {
                self.refuse("bad-threads", "`threads` must be a whole number from 0".to_string(), item.span);
            }
            ("threads", Value::Int(_)) => draft.threads = Dynamic::Const(int_model(&item.value)),
            ("threads", Value::Float(x)) if x.is_finite() && x.round_ties_even() >= 0.0 => {
                draft.threads = Dynamic::Const(crate::model::value::Value::Int(x.round_ties_even() as i64));
            }
            ("priority", Value::Int(_)) => draft.priority = Dynamic::Const(int_model(&item.value)),
            ("priority", Value::Float(x)) if x.is_finite() => {
                draft.priority = Dynamic::Const(crate::model::value::Value::Int(x.round_ties_even() as i64));
            }
            ("priority", value) if value.is_callable() => {
                if let Some(function) = self.function(&item, "priority") {
                    draft.priority = Dynamic::Function(function);
                }
            }
            // Jobs of a group go to a cluster together, and local ones not at all: on this machine neither means anything.
            ("group", value) if value.is_callable() => drop(self.function(&item, "group")),
            ("group", Value::Str(_)) => drop(self.constant(&item)),
            ("localrule", Value::Bool(_)) => {}
            ("retries", Value::Int(n)) if u32::try_from(*n).is_ok() => draft.retries = u32::try_from(*n).ok(),
            (word, value) => {
                let wanted = match word {
                    "threads" => "a whole number or a function",
                    "priority" => "a whole number",
                    "retries" => "a whole number from 0",
                    _ => "a text",
                };
                let message = format!("`{word}` takes {wanted}, not `{}`", value.type_name());
                self.refuse("bad-section-value", message, item.span);
            }
        }
    }

    /// Evaluates items, each on its own: a mistake in one does not hide those in the others.
    pub(super) fn items(&mut self, vm: &mut Vm, args: &[Arg]) -> Result<Vec<Item>, Raise> {
        self.items_of(vm, args, false)
    }

    /// As [`Loader::items`]. Of params, what is wrong with a file of them is a matter of the jobs that read it.
    fn items_of(&mut self, vm: &mut Vm, args: &[Arg], are_params: bool) -> Result<Vec<Item>, Raise> {
        let mut items: Vec<Item> = Vec::with_capacity(args.len());
        let mut named: Option<Span> = None;
        for arg in args {
            let span = arg.value.span;
            let value = match vm.eval(&arg.value) {
                Ok(value) => value,
                Err(raise) if raise.kind().is_fatal() => return Err(raise.at(span)),
                Err(raise) if are_params && is_from_file(&arg.value) && from_file::is_of_the_file(&raise) => {
                    from_file::mistaken(raise.at(span))
                }
                Err(raise) => {
                    let text = self.sources.snippet(span);
                    let raise = match raise.kind() == Exc::NameError && looks_like_a_path(text) {
                        true => raise.also_help(format!("a path is a text: put it in quotes, `\"{text}\"`")),
                        false => raise,
                    };
                    self.report(&raise.at(span));
                    continue;
                }
            };
            match &arg.kind {
                ArgKind::Positional => {
                    if let Some(first) = named {
                        self.problems.push(
                            Problem::error(
                                "positional-after-named",
                                "an item without a name follows one with a name",
                            )
                            .at(span, "")
                            .at(first, "the one with a name")
                            .help("put items without a name first"),
                        );
                    }
                    items.push(Item { name: None, value, span });
                }
                ArgKind::Keyword(name) => {
                    named = Some(name.span.to(span));
                    items.push(Item { name: Some(name.text.clone()), value, span });
                }
                ArgKind::Star => match vm.collect(&value) {
                    Ok(values) => {
                        items.extend(values.into_iter().map(|value| Item { name: None, value, span }))
                    }
                    Err(raise) => self.report(&raise.at(span)),
                },
                ArgKind::DoubleStar => match vm.pairs(&value) {
                    Ok(pairs) => {
                        for (key, value) in pairs {
                            match key.get() {
                                Value::Str(name) => {
                                    items.push(Item { name: Some(name.clone()), value, span })
                                }
                                other => {
                                    let message =
                                        format!("names of items must be texts, not `{}`", other.type_name());
                                    self.refuse("bad-item-name", message, span);
                                }
                            }
                        }
                    }
                    Err(raise) => self.report(&raise.at(span)),
                },
            }
        }
        Ok(items)
    }

    pub(super) fn function(&mut self, item: &Item, section: &'static str) -> Option<Arc<dyn JobFunction>> {
        self.roots.push(item.value.clone());
        let rules = self.path_rules(section);
        match RuleFunction::new(item.value.clone(), section, item.span, rules, self.evaluator.clone()) {
            Ok(function) => Some(Arc::new(function)),
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    fn params(&mut self, items: &[Item], args: &[Arg]) -> Vec<DraftParam> {
        let mut params = Vec::with_capacity(items.len());
        for item in items {
            let value = if item.value.downcast::<Unpack>().is_some() {
                let problem = Problem::error("bad-unpack", "`unpack` is for inputs, not for params");
                self.problems.push(
                    problem
                        .at(item.span, "")
                        .help("return the dict as it is: `{params.name[key]}` finds its entries"),
                );
                None
            } else if item.value.is_callable() {
                self.function(item, "params").map(Dynamic::Function)
            } else {
                self.constant(item)
            };
            params.extend(value.map(|value| DraftParam {
                name: item.name.clone(),
                value,
                span: Some(item.span),
                counts: args.iter().any(|arg| arg.value.span == item.span && is_from_file(&arg.value)),
            }));
        }
        params
    }

    pub(super) fn constant(&mut self, item: &Item) -> Option<Dynamic> {
        item.value.to_model().map_err(|raise| self.report(&raise.at(item.span))).ok().map(Dynamic::Const)
    }

    fn resources(&mut self, items: &[Item]) -> Vec<(Arc<str>, Dynamic)> {
        let mut resources = Vec::with_capacity(items.len());
        for item in items {
            let Some(name) = &item.name else {
                self.problems.push(
                    Problem::error("bad-section-value", "every item of `resources` needs a name")
                        .at(item.span, "")
                        .help("write `mem_mb=1000`"),
                );
                continue;
            };
            let resource = match &item.value {
                value if value.is_callable() => self
                    .function(item, "resources")
                    .map(|function| (name.clone(), Dynamic::Function(function))),
                // What is switched off in an inherited rule.
                Value::None => None,
                value => {
                    let standard = value.to_model().map_err(|raise| raise.message());
                    match standard.and_then(|value| units::standard(name, value)) {
                        Ok((name, value)) => Some((name, Dynamic::Const(value))),
                        Err(message) => {
                            self.refuse("bad-resource", message, item.span);
                            None
                        }
                    }
                }
            };
            resources.extend(resource);
        }
        resources
    }

    /// `name="regex"` items.
    pub(super) fn constraints_of(&mut self, items: &[Item]) -> Vec<(Arc<str>, Arc<str>, Option<Span>)> {
        let mut constraints = Vec::with_capacity(items.len());
        for item in items {
            match (&item.name, &item.value) {
                (Some(name), Value::Str(regex)) => {
                    constraints.push((name.clone(), regex.clone(), Some(item.span)))
                }
                _ => self.problems.push(
                    Problem::error(
                        "bad-section-value",
                        "`wildcard_constraints` takes `wildcard=\"regex\"` items",
                    )
                    .at(item.span, ""),
                ),
            }
        }
        constraints
    }

    pub(super) fn refuse(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.problems.push(Problem::error(code, message).at(span, ""));
    }

    /// Keeps a raised exception as a problem, unless it only follows from one that was kept.
    pub(super) fn report(&mut self, raise: &Raise) {
        if !is_reported(raise) || self.problems.is_empty() {
            self.problems.push(raise.to_problem());
        }
    }
}

pub(super) fn plain(text: &Arc<str>, span: Span) -> DraftText {
    DraftText { text: text.clone(), span: Some(span), flags: Flags::default() }
}

/// A param that is `from_file(...)` itself counts, for the program may read the file instead of being told.
fn is_from_file(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Call { callee, .. }
        if matches!(&callee.kind, ExprKind::Name(name) if **name == *from_file::NAME))
}

fn int_model(value: &Value) -> crate::model::value::Value {
    value.to_model().unwrap_or(crate::model::value::Value::Int(1))
}

fn is_rule_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Those without a name are called `metrics`.
fn called_metrics(items: Vec<Item>) -> Vec<Item> {
    let (mut unnamed, named): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.name.is_none());
    let Some(span) = unnamed.first().map(|item| item.span) else { return named };
    let value = match unnamed.len() {
        1 => unnamed.remove(0).value,
        _ => Value::list(unnamed.into_iter().map(|item| item.value).collect()),
    };
    std::iter::once(Item { name: Some(METRICS.into()), value, span }).chain(named).collect()
}

/// `rules.a.output` holds what stands below `metrics:`, too.
fn with_metrics(view: &mut [(&'static str, Value)]) {
    let Some(metrics) = view.iter().find(|(part, _)| *part == METRICS).map(|(_, value)| value.clone()) else {
        return;
    };
    let Some((_, value)) = view.iter_mut().find(|(part, _)| *part == "output") else { return };
    let (Some(outputs), Some(metrics)) = (value.downcast::<Named>(), metrics.downcast::<Named>()) else {
        return;
    };
    let mut all = outputs.clone();
    all.flat.extend(metrics.flat.iter().cloned());
    all.named.extend(metrics.named.iter().cloned());
    *value = Value::object(all);
}

fn view_of_params(rule: &str, items: &[Item]) -> Value {
    let flat = items.iter().map(|i| i.value.clone()).collect();
    let named = items.iter().filter_map(|i| Some((i.name.clone()?, i.value.clone()))).collect();
    Value::object(Named {
        type_name: "Params",
        what: format!("params of rule `{rule}`").into(),
        flat,
        named,
        files: None,
    })
}

/// Sections that say what a job executes; a rule has one of them.
const ACTIONS: [&str; 7] = ["cwl", "notebook", "run", "script", "shell", "template_engine", "wrapper"];

/// Every section that a rule can have.
fn supported() -> impl Iterator<Item = &'static str> {
    [SUPPORTED, actions::SECTIONS, keywords::SECTIONS].into_iter().flatten().copied()
}

fn unknown_section(word: &str, span: Span) -> Problem {
    let problem = Problem::error("unknown-section", format!("unknown section `{word}`")).at(span, "");
    let mut supported: Vec<&str> = supported().collect();
    supported.sort_unstable();
    match meant(word, supported.iter().copied()) {
        Some(question) => problem.help(question),
        None => problem.help(format!("the sections of a rule are: {}", supported.join(", "))),
    }
}

/// `raw/a.txt`, `a.tsv`: which Python reads as a division, or as an attribute.
fn looks_like_a_path(text: &str) -> bool {
    text.contains(['/', '.']) && text.chars().all(|c| c.is_alphanumeric() || "/._-{}".contains(c))
}
