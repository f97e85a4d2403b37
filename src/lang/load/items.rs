//! Items of `input:`, `output:` and `log:` to paths with their flags, for the draft and for `rules.a.output`.

use crate::diag::{Problem, Span};
use crate::lang::builtins::expand::Unpack;
use crate::lang::builtins::flags::{Flagged, Marks};
use crate::lang::load::Loader;
use crate::lang::load::actions::beside;
use crate::lang::load::objects::Named;
use crate::lang::load::paths::{PathRules, Prefixed, bad_path};
use crate::lang::load::sections::Item;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, NamedList, Object, Value};
use crate::lang::vm::Vm;
use crate::model::draft::{DraftInput, DraftPaths, DraftText, METRICS};
use crate::model::dynamic::Dynamic;
use crate::model::flags::{Ensure, Flags, ReportEntry, Said};
use crate::model::pattern::Pattern;
use crate::model::value::Value as PlainValue;
use std::sync::Arc;

impl Loader {
    pub(super) fn inputs(&mut self, items: &[Item]) -> Vec<DraftInput> {
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

    pub(super) fn paths_only(&mut self, items: &[Item], section: &'static str) -> Vec<DraftPaths> {
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
    pub(super) fn view_of(
        &self,
        type_name: &'static str,
        part: &'static str,
        rule: &str,
        items: &[Item],
    ) -> Value {
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
    pub(super) fn path_rules(&self, section: &str) -> Arc<PathRules> {
        match section {
            "input" => self.input_paths.clone(),
            "output" | METRICS => self.output_paths.clone(),
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
pub(super) fn spread(items: Vec<Item>) -> Vec<Item> {
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
    let has_constraint = path.contains(',') && path.contains('{');
    match has_constraint.then(|| Pattern::parse(path)) {
        Some(Ok(pattern)) => Value::from(pattern.bare_text()),
        _ => Value::Str(path.clone()),
    }
}
