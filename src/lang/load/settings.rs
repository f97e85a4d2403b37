//! Directives that hold for the rules of a file: path variables, default flags, scatter processes, environments.

use crate::diag::{Problem, Span};
use crate::lang::builtins::flags::{Flagged, Marks};
use crate::lang::load::Loader;
use crate::lang::load::modules::outer_name;
use crate::lang::load::paths::{Level, PathRules, Pathvars};
use crate::lang::load::sections::Item;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, NamedList, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::model::order::RuleOrder;
use crate::model::rule::Rule;
use crate::syntax::ast::{CompareOp, Directive, Expr, ExprKind, Section};
use crate::syntax::words::meant;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What parts of a scatter process are called.
const ITEM_CONSTRAINT: &str = r"\d+-of-\d+";
const MAX_PARTS: i64 = 1_000_000;

impl Loader {
    /// Path variables with valid names and values.
    pub(super) fn pathvar_items(&mut self, items: &[Item]) -> Vec<(Arc<str>, Arc<str>)> {
        let mut pairs = Vec::new();
        for item in items {
            match (&item.name, &item.value) {
                (Some(name), Value::Str(value)) if Pathvars::is_name(name) => {
                    pairs.push((name.clone(), value.clone()));
                }
                (None, Value::Dict(_)) => pairs.extend(self.pathvar_values(&item.value, item.span)),
                _ => {
                    let problem = Problem::error("bad-pathvar", "`pathvars` takes `name=\"path\"` items");
                    self.problems.push(
                        problem
                            .at(item.span, "")
                            .help("a name is of small letters, digits and `_`, a value is a text"),
                    );
                }
            }
        }
        pairs
    }

    /// The entries of a mapping of path variables.
    pub(super) fn pathvar_values(&mut self, value: &Value, span: Span) -> Vec<(Arc<str>, Arc<str>)> {
        let Value::Dict(dict) = value else {
            self.refuse("bad-pathvar", "`pathvars` must be a mapping from names to paths", span);
            return Vec::new();
        };
        let entries = dict.0.read(|map| {
            map.iter()
                .map(|(key, value)| Item { name: Some(key.0.display()), value: value.clone(), span })
                .collect::<Vec<_>>()
        });
        self.pathvar_items(&entries)
    }

    /// Puts the path variables of a rule's own section in place; gives those before, to be put back.
    pub(super) fn own_pathvars(
        &mut self,
        vm: &mut Vm,
        sections: &[Section],
    ) -> Result<Option<Pathvars>, Raise> {
        let Some(section) = sections.iter().find(|section| &*section.name.text == "pathvars") else {
            return Ok(None);
        };
        let items = self.items(vm, &section.args)?;
        let before = self.pathvars.clone();
        let mut own = before.clone();
        for (name, value) in self.pathvar_items(&items) {
            own.set(name, value, Level::Rule);
        }
        self.set_pathvars(own);
        Ok(Some(before))
    }

    pub(super) fn set_pathvars(&mut self, pathvars: Pathvars) {
        self.pathvars = pathvars;
        self.refresh_paths();
    }

    /// `pathvars:` of a file.
    pub(super) fn pathvars_directive(&mut self, items: &[Item]) {
        let mut all = self.pathvars.clone();
        for (name, value) in self.pathvar_items(items) {
            all.set(name, value, Level::Workflow);
        }
        self.set_pathvars(all);
    }

    /// `pathvars` in the config.
    pub(super) fn pathvars_of_config(&mut self, vm: &Vm, span: Span) {
        let Some(Value::Dict(config)) = vm.get_global("config") else { return };
        let Some(own) = config.0.read(|map| map.get(&crate::lang::value::TextKey("pathvars")).cloned())
        else {
            return;
        };
        let mut all = self.pathvars.clone();
        for (name, value) in self.pathvar_values(&own, span) {
            all.set(name, value, Level::Config);
        }
        self.set_pathvars(all);
    }

    pub(super) fn refresh_paths(&mut self) {
        let rules = |flags: &Marks| {
            let (prefixes, pathvars) = (self.prefixes.clone(), self.pathvars.clone());
            Arc::new(PathRules { prefixes, pathvars, flags: flags.clone() })
        };
        let [input, output] = &self.flags;
        let all = (rules(input), rules(output), rules(&Marks::default()));
        (self.input_paths, self.output_paths, self.other_paths) = all;
    }

    /// `inputflags:` and `outputflags:`: functions such as `ancient`, which mark the paths of the rules that follow.
    pub(super) fn default_flags(&mut self, vm: &mut Vm, word: &str, items: &[Item]) -> Result<(), Raise> {
        let mut marks = Marks::default();
        for item in items {
            let probe = Args::positional(vec![Value::from("x")]);
            let marked = item.value.is_callable().then(|| vm.call(&item.value, probe)).transpose()?;
            match marked.as_ref().and_then(|value| value.downcast::<Flagged>()) {
                Some(flagged) => marks = marks.with(&flagged.marks),
                None => {
                    let problem = Problem::error("bad-directive", format!("`{word}:` takes flags"));
                    self.problems
                        .push(problem.at(item.span, "").help("write, for example, `ancient` or `temp`"));
                }
            }
        }
        self.flags[usize::from(word == "outputflags")] = marks;
        self.refresh_paths();
        Ok(())
    }

    /// `scattergather: split=8`
    pub(super) fn scattergather(&mut self, vm: &mut Vm, items: &[Item]) -> Result<(), Raise> {
        for item in items {
            let (Some(name), Value::Int(parts @ 1..=MAX_PARTS)) = (&item.name, &item.value) else {
                let message = format!("`scattergather` takes `name=N` items, with N from 1 to {MAX_PARTS}");
                self.refuse("bad-directive", message, item.span);
                continue;
            };
            let set = self.scatter.iter().rev().find(|(known, _)| **known == **name);
            let parts = set.map_or(*parts, |(_, parts)| i64::from(*parts));
            self.processes.retain(|(known, _)| known != name);
            self.processes.push((name.clone(), parts));
        }
        let constraint = (Arc::from("scatteritem"), Arc::from(ITEM_CONSTRAINT), None);
        self.constraints.retain(|(name, ..)| **name != *"scatteritem");
        self.constraints.push(constraint);
        for builtin in ["scatter", "gather"] {
            let items = self.processes.iter().map(|(name, parts)| (Some(name.clone()), process(*parts)));
            let object = NamedList { type_name: builtin, items: items.collect(), text: None };
            vm.set_builtin(builtin, Value::object(object))?;
        }
        Ok(())
    }

    /// `--set-scatter` names processes that there must be.
    pub(super) fn check_scatter(&mut self) {
        for (name, _) in &self.scatter {
            if !self.processes.iter().any(|(known, _)| **known == **name) {
                let message =
                    format!("`--set-scatter` names a process `{name}`, which no `scattergather` has");
                let known: Vec<&str> = self.processes.iter().map(|(known, _)| &**known).collect();
                let problem = Problem::error("unknown-process", message);
                self.problems.push(match known.is_empty() {
                    true => problem,
                    false => problem.help(format!("there are: {}", known.join(", "))),
                });
            }
        }
    }

    /// `resource_scopes: gpus="local"`
    pub(super) fn resource_scopes(&mut self, items: &[Item]) {
        for item in items {
            let scope = item.value.as_str();
            if item.name.is_none() || !matches!(scope, Some("local" | "global" | "excluded")) {
                let problem = Problem::error(
                    "bad-directive",
                    "`resource_scopes` takes `name=\"local\"` or `name=\"global\"` items",
                );
                self.problems.push(problem.at(item.span, ""));
            }
        }
    }

    /// `ruleorder: a > b > c`
    pub(super) fn ruleorder(&mut self, directive: &Directive) {
        for arg in &directive.args {
            let mut names = Vec::new();
            let operands: Vec<&Expr> = match &arg.value.kind {
                ExprKind::Compare { first, rest } if rest.iter().all(|(op, _)| *op == CompareOp::Gt) => {
                    std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand)).collect()
                }
                _ => vec![&arg.value],
            };
            for operand in operands {
                match &operand.kind {
                    ExprKind::Name(name) => names.push((name.clone(), operand.span)),
                    _ => {
                        let problem = Problem::error("bad-directive", "`ruleorder:` takes names of rules");
                        self.problems.push(problem.at(operand.span, "").help("write `ruleorder: a > b`"));
                        return;
                    }
                }
            }
            self.orders.push(Order { home: self.home, names, outer: self.renames.clone() });
        }
    }

    /// The statements of `ruleorder`, with the numbers that the rules have in the workflow.
    pub(super) fn rule_order(&mut self, rules: &[Rule]) -> RuleOrder {
        let mut statements = Vec::new();
        // Of two rules of one name the first, as it was.
        let mut known: FxHashMap<&str, u32> = FxHashMap::default();
        for (number, rule) in rules.iter().enumerate().rev() {
            known.insert(&rule.name, number as u32);
        }
        // A rule with mistakes is no unknown one, and its mistakes are told.
        let wrong = self.defined.len() != rules.len() && !self.problems.is_empty();
        for order in std::mem::take(&mut self.orders) {
            let mut numbers = Vec::new();
            for (name, span) in order.names {
                let outer = outer_name(&name, &order.outer);
                match known.get(&*outer) {
                    Some(number) => numbers.push(*number),
                    // Not every rule of a module has to be used.
                    None if order.home > 0 || wrong => {}
                    None => {
                        let message = format!("`ruleorder` names a rule `{name}`, which does not exist");
                        let problem = Problem::error("unknown-rule", message).at(span, "");
                        let question = meant(&name, rules.iter().map(|rule| &*rule.name));
                        self.problems.push(match question {
                            Some(question) => problem.help(question),
                            None => problem,
                        });
                    }
                }
            }
            statements.push(numbers);
        }
        RuleOrder::new(statements)
    }

    /// `envvars: "NAME"`: variables of the environment that must be set.
    pub(super) fn envvars(&mut self, vm: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        for item in self.items(vm, &directive.args)? {
            let Value::Str(name) = &item.value else {
                self.refuse("bad-directive", "`envvars:` takes names of environment variables", item.span);
                continue;
            };
            if vm.variable(name).is_none() {
                let message = format!("the environment variable `{name}` is not set");
                let problem =
                    Problem::error("missing-variable", message).at(item.span, "needed by this workflow");
                self.problems.push(problem.help(format!("set it: `export {name}=...`")));
            }
        }
        Ok(())
    }

    /// `workdir:` of the main workflow; `-C` on the command line wins over it.
    pub(super) fn workdir(&mut self, vm: &mut Vm, path: &str) {
        if self.keep_root || self.home > 0 {
            return;
        }
        let root = vm.root().join(path);
        vm.set_root(root);
        self.workdir = Some(self.workdir.take().unwrap_or_default().join(path));
    }

    /// An environment for the rules of the file that name none: `conda:`, `container:` and their like.
    pub(super) fn default_environment(&mut self, directive: &Directive, items: &[Item]) {
        let word = &*directive.name.text;
        if let [Item { name: None, value: Value::None, .. }] = items {
            match word {
                "conda" => self.environment.conda = None,
                _ => self.environment.container = None,
            }
            return;
        }
        let value = match items {
            [Item { name: None, value, span }] => Some((value.display(), value.as_str().is_some(), *span)),
            _ => None,
        };
        let Some((text, true, _)) = value else {
            self.refuse("bad-directive", format!("`{word}:` takes one text"), directive.name.span);
            return;
        };
        let value = model::dynamic::Dynamic::Const(model::value::Value::Str(text));
        match word {
            "conda" => self.environment.conda = Some(value),
            _ => self.environment.container = Some(value),
        }
    }
}

/// One statement of `ruleorder`.
pub(super) struct Order {
    home: usize,
    names: Vec<(Arc<str>, Span)>,
    outer: Vec<Arc<str>>,
}

/// `scatter.split`: the paths of all parts.
fn process(parts: i64) -> Value {
    Value::native("scatter", move |vm, mut args| {
        let items: Vec<Value> = (1..=parts).map(|i| Value::from(format!("{i}-of-{parts}"))).collect();
        vm.budget.allocate_items(items.len() as u64)?;
        args.named.push(("scatteritem".into(), Value::list(items)));
        let expand =
            vm.lookup_builtin("expand").ok_or_else(|| Raise::value_error("`expand` is not there"))?;
        vm.call_value(&expand, args, None)
    })
}
