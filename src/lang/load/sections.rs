//! Sections of rules to drafts.

use crate::diag::{Problem, Span};
use crate::lang::builtins::expand::Unpack;
use crate::lang::builtins::flags::{Flagged, Marks};
use crate::lang::load::Loader;
use crate::lang::load::actions::{self, beside};
use crate::lang::load::function::RuleFunction;
use crate::lang::load::keywords;
use crate::lang::load::modules::Defined;
use crate::lang::load::objects::{Named, RuleView, is_reported};
use crate::lang::load::paths::{PathRules, Prefixed, bad_path};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, NamedList, Object, Value};
use crate::lang::vm::Vm;
use crate::model::draft::{
    DraftAction, DraftInput, DraftParam, DraftPaths, DraftText, RuleDraft, default_shell,
};
use crate::model::dynamic::{Dynamic, JobFunction};
use crate::model::flags::{Ensure, Flags, ReportEntry, Said};
use crate::model::pattern::Pattern;
use crate::model::units;
use crate::model::value::Value as PlainValue;
use crate::syntax::ast::{Arg, ArgKind, RuleDef, Section};
use crate::syntax::words::nearest;
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
        for (part, value) in &mut view {
            if let ("output", Some(outputs)) = (*part, value.downcast::<Named>()) {
                *value = Value::object(outputs.made_by(&draft.name));
            }
        }
        let rule = Value::object(RuleView { name: draft.name.clone(), parts: view.clone(), broken });
        if draft.checkpoint {
            self.checkpoints.add(local.clone(), rule.clone());
        }
        self.names.add(local.clone(), rule);
        self.defined.push(Defined { local, view, home: self.home, star: None });
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
        let mut items = self.items(vm, &section.args)?;
        if matches!(word, "input" | "output" | "log") {
            items = spread(items);
        }
        let name = parts.draft.name.clone();
        match word {
            "input" => {
                parts.draft.inputs = self.inputs(&items);
                parts.view.push(("input", self.view_of("InputFiles", "input", &name, &items)));
            }
            "output" => {
                parts.draft.outputs = self.paths_only(&items, "output");
                parts.view.push(("output", self.view_of("OutputFiles", "output", &name, &items)));
            }
            "log" => {
                parts.draft.logs = self.paths_only(&items, "log");
                parts.view.push(("log", self.view_of("Log", "log", &name, &items)));
            }
            "params" => {
                parts.draft.params = self.params(&items);
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
            ("threads", Value::Int(n)) if *n < 1 => {
                self.refuse("bad-threads", "`threads` must be a whole number from 1".to_string(), item.span);
            }
            ("threads", Value::Int(_)) => draft.threads = Dynamic::Const(int_model(&item.value)),
            ("threads", Value::Float(x)) if x.is_finite() && *x >= 1.0 => {
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
        let mut items: Vec<Item> = Vec::with_capacity(args.len());
        let mut named: Option<Span> = None;
        for arg in args {
            let span = arg.value.span;
            let value = match vm.eval(&arg.value) {
                Ok(value) => value,
                Err(raise) if raise.kind().is_fatal() => return Err(raise.at(span)),
                Err(raise) => {
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

    fn inputs(&mut self, items: &[Item]) -> Vec<DraftInput> {
        let mut inputs = Vec::with_capacity(items.len());
        for item in items {
            if let (Some(name), Some(_)) = (&item.name, item.value.downcast::<Unpack>()) {
                let message = format!("`unpack` gives items their names, so it cannot be called `{name}`");
                self.refuse("bad-unpack", message, item.span);
            } else if item.value.is_callable() || holds_function(&item.value) {
                let item = &Item {
                    name: item.name.clone(),
                    value: match item.value.is_callable() {
                        true => item.value.clone(),
                        false => Value::object(Together(item.value.clone())),
                    },
                    span: item.span,
                };
                let function = self.function(item, "input");
                inputs.extend(
                    function.map(|function| DraftInput::Function { name: item.name.clone(), function }),
                );
            } else {
                inputs.extend(self.paths(item, "input").map(DraftInput::Paths));
            }
        }
        inputs
    }

    fn paths_only(&mut self, items: &[Item], section: &'static str) -> Vec<DraftPaths> {
        let mut paths = Vec::with_capacity(items.len());
        for item in items {
            if item.value.is_callable() {
                self.problems.push(
                    Problem::error("function-not-allowed", format!("`{section}` cannot hold a function"))
                        .at(item.span, "")
                        .help("its paths name the job: write them with wildcards, like `\"{sample}.txt\"`"),
                );
            } else {
                paths.extend(self.paths(item, section));
            }
        }
        paths
    }

    /// The paths of one item; lists in lists are flattened. `None` for an unnamed item without paths.
    fn paths(&mut self, item: &Item, section: &'static str) -> Option<DraftPaths> {
        let single = as_path(&item.value).is_some();
        let mut paths = Vec::new();
        let mut queue = vec![item.value.clone()];
        let mut seen = 0_usize;
        while let Some(value) = queue.pop() {
            seen += 1;
            if as_path(&value).is_some() {
                let value = self.changed_path(&value, section, item.span);
                let flags = self.flags_of(&value, section, item);
                paths.push(DraftText { text: value.display(), span: Some(item.span), flags });
            } else if let (Some(mut values), true) = (elements(&value), seen < MAX_PATHS) {
                values.reverse();
                queue.append(&mut values);
            } else {
                self.problems.push(not_a_path(&value, section, item.span));
                return None;
            }
        }
        (item.name.is_some() || !paths.is_empty()).then(|| DraftPaths {
            name: item.name.clone(),
            list: !single,
            paths,
        })
    }

    /// The flags of a path; functions in them become the rule's.
    fn flags_of(&mut self, value: &Value, section: &'static str, item: &Item) -> Flags {
        let Some(flagged) = value.downcast::<Flagged>() else { return Flags::default() };
        let mut flags = flagged.marks.flags.clone();
        if let Some(mark) = &flagged.marks.ensure {
            let checksum = mark.checksum.as_ref().and_then(|(algorithm, value)| {
                let item = Item { name: None, value: value.clone(), span: item.span };
                let value = match value.is_callable() {
                    true => self.function(&item, section).map(Dynamic::Function),
                    false => self.constant(&item),
                };
                Some((*algorithm, value?))
            });
            flags.ensure = Some(Arc::new(Ensure { non_empty: mark.non_empty, checksum }));
        }
        if let Some(said) = &flagged.marks.report {
            flags.report = Some(Arc::new(self.report_entry(said, item)));
        }
        flags
    }

    /// What `report(...)` says; functions in it become the rule's, and the caption lies beside the file that names it.
    fn report_entry(&mut self, said: &[(&'static str, Value)], item: &Item) -> ReportEntry {
        let mut fields = Vec::new();
        for (name, value) in said {
            let said = match value {
                Value::Dict(entries) if *name == "labels" => {
                    let entries: Vec<_> =
                        entries.0.read(|map| map.iter().map(|(k, v)| (k.0.display(), v.clone())).collect());
                    let said = entries
                        .into_iter()
                        .filter_map(|(key, value)| Some((key, self.said(name, &value, item)?)));
                    Some(Said::Entries(said.collect()))
                }
                value if *name == "caption" && as_path(value).is_some() => {
                    let path = beside(&self.home(), &value.display());
                    Some(Said::One(Dynamic::Const(PlainValue::Str(path))))
                }
                value => self.said(name, value, item).map(Said::One),
            };
            fields.extend(said.map(|said| ((*name).into(), said)));
        }
        ReportEntry { fields: fields.into() }
    }

    fn said(&mut self, name: &str, value: &Value, item: &Item) -> Option<Dynamic> {
        let item = Item { name: None, value: value.clone(), span: item.span };
        if value.is_callable() {
            return self.function(&item, "report").map(Dynamic::Function);
        }
        match value.to_model() {
            Ok(value) => Some(Dynamic::Const(value)),
            Err(_) => {
                let message = format!("`{name}` of `report` takes plain values, not `{}`", value.type_name());
                self.refuse("bad-section-value", message, item.span);
                None
            }
        }
    }

    /// `rules.a.output`: flat by number; a named item written as a list is a group.
    fn view_of(&self, type_name: &'static str, part: &'static str, rule: &str, items: &[Item]) -> Value {
        let rules = self.path_rules(part);
        let mut flat = Vec::new();
        let mut named = Vec::new();
        for item in items {
            let start = flat.len();
            let mut queue = vec![item.value.clone()];
            while let Some(value) = queue.pop() {
                match as_path(&value) {
                    // A mistake in a path is told where the section is read.
                    Some(text) => flat.push(match rules.apply(&value) {
                        // What was prefixed once is not prefixed again where it is used.
                        Ok(value) if value.downcast::<Flagged>().is_some_and(|f| f.marks.prefixed) => {
                            let marks = Marks { prefixed: true, ..Marks::default() };
                            Value::object(Flagged { path: unconstrained(&value.display()), marks })
                        }
                        Ok(value) => unconstrained(&value.display()),
                        Err(_) => Value::Str(text),
                    }),
                    None => match elements(&value) {
                        Some(mut values) if flat.len() + values.len() < MAX_PATHS => {
                            values.reverse();
                            queue.append(&mut values);
                        }
                        _ if value.is_callable() && !rules.prefixes.is_empty() => {
                            flat.push(Value::object(Prefixed { function: value, rules: rules.clone() }));
                        }
                        _ => flat.push(value),
                    },
                }
            }
            if let Some(name) = &item.name {
                let value = match (as_path(&item.value), flat.get(start)) {
                    (Some(_), Some(only)) => only.clone(),
                    (_, Some(only)) if item.value.is_callable() => only.clone(),
                    _ => Value::list(flat[start..].to_vec()),
                };
                named.push((name.clone(), value));
            }
        }
        Value::object(Named {
            type_name,
            what: format!("{part} of rule `{rule}`").into(),
            flat,
            named,
            files: None,
        })
    }

    /// What happens to the paths of a section in the present file.
    fn path_rules(&self, section: &str) -> Arc<PathRules> {
        match section {
            "input" => self.input_paths.clone(),
            "output" => self.output_paths.clone(),
            _ => self.other_paths.clone(),
        }
    }

    /// A path with its prefix, path variables and default flags.
    pub(super) fn changed_path(&mut self, value: &Value, section: &'static str, span: Span) -> Value {
        match self.path_rules(section).apply(value) {
            Ok(value) => value,
            Err(message) => {
                self.problems.push(bad_path(message, span));
                value.clone()
            }
        }
    }

    fn params(&mut self, items: &[Item]) -> Vec<DraftParam> {
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

/// Paths in one item; a bound for lists that contain themselves.
const MAX_PATHS: usize = 10_000_000;

/// The text of a path: a text, or an object that stands for a file.
pub(super) fn as_path(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Object(object) if object.items().is_none() && !object.is_callable() => {
            match value.to_model() {
                Ok(crate::model::value::Value::Str(text)) => Some(text),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a list holds functions, as `rules.a.input` does when the input of `a` is one.
fn holds_function(value: &Value) -> bool {
    elements(value).is_some_and(|items| items.iter().any(|item| item.is_callable() || holds_function(item)))
}

/// A list with functions in it, as one function.
#[derive(Debug)]
struct Together(Value);

impl Object for Together {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        let mut all: Vec<Arc<str>> = vec!["wildcards".into()];
        for item in elements(&self.0).unwrap_or_default().iter().filter(|item| item.is_callable()) {
            all.extend(item.parameters().into_iter().skip(1));
        }
        all
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let mut values = Vec::new();
        for item in elements(&self.0).unwrap_or_default() {
            let item = if holds_function(&item) { Value::object(Together(item)) } else { item };
            values.push(match item.is_callable() {
                true => {
                    let wanted = item.parameters();
                    let mut own = args.clone();
                    own.named.retain(|(name, _)| wanted.contains(name));
                    vm.call_value(&item, own, None)?
                }
                false => item,
            });
        }
        Ok(Value::list(values))
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.0.clone()]
    }
}

/// The elements of a list of paths; a dict is none.
fn elements(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Dict(_) | Value::Range(_) => None,
        Value::Object(object) => object.items(),
        other => other.snapshot(),
    }
}

fn not_a_path(value: &Value, section: &str, span: Span) -> Problem {
    let message = format!("`{section}` takes paths, not `{}`", value.type_name());
    let problem = Problem::error("not-a-path", message).at(span, "");
    match value {
        Value::None => problem.help("use `[]` for no file"),
        Value::Dict(_) => problem.help("write `**` before it to give each entry its name"),
        Value::Function(_) | Value::Builtin(_) => {
            problem.help("a function cannot stand in a list; make it an item of its own")
        }
        Value::Int(_) | Value::Float(_) => problem.help("make a text of it with `str(...)` or an f-string"),
        _ => problem,
    }
}

/// `multiext` with names stands for as many items.
fn spread(items: Vec<Item>) -> Vec<Item> {
    let parts = |item: Item| match item.value.downcast::<NamedList>() {
        Some(list) if item.name.is_none() && list.type_name == "multiext" => {
            let item = |(name, value): &(_, Value)| Item {
                name: Option::clone(name),
                value: value.clone(),
                span: item.span,
            };
            list.items.iter().map(item).collect()
        }
        _ => vec![item],
    };
    items.into_iter().flat_map(parts).collect()
}

/// A pattern as other rules see it: what constrains its wildcards is its own affair.
fn unconstrained(path: &Arc<str>) -> Value {
    match Pattern::parse(path) {
        Ok(pattern) if path.contains(',') => Value::from(pattern.bare_text()),
        _ => Value::Str(path.clone()),
    }
}

fn int_model(value: &Value) -> crate::model::value::Value {
    value.to_model().unwrap_or(crate::model::value::Value::Int(1))
}

fn is_rule_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
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
    match nearest(word, supported.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("the sections of a rule are: {}", supported.join(", "))),
    }
}
