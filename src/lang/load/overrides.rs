//! What the caller says over the Rulefile: threads and resources of rules (`--set-threads`, `--set-resources`,
//! `--default-resources`).

use crate::diag::{Problem, Span};
use crate::lang::load::sections::Item;
use crate::lang::load::{Loader, Settings};
use crate::lang::vm::Vm;
use crate::model::draft::RuleDraft;
use crate::model::dynamic::Dynamic;
use crate::model::units;
use crate::model::value::Value;
use crate::syntax::parse_expression;
use crate::syntax::words::meant;
use std::sync::Arc;

/// Whether two names are one resource: `mem` and `mem_mb` are.
fn is_same(a: &str, b: &str) -> bool {
    units::standard_name(a) == units::standard_name(b)
}

impl Loader {
    /// Puts the overrides into the drafts of the rules.
    pub(super) fn apply_overrides(&mut self, vm: &mut Vm, settings: &Settings) {
        for (rule, threads) in &settings.threads {
            if let Some(draft) = self.overridden(rule, "--set-threads") {
                draft.threads = Dynamic::Const(Value::Int((*threads).into()));
            }
        }
        for (rule, name, text) in &settings.resources {
            let Some(value) = self.given(vm, text, "--set-resources") else { continue };
            let Some(draft) = self.overridden(rule, "--set-resources") else { continue };
            // Under whatever name the rule has it.
            draft.resources.retain(|(known, _)| !is_same(known, name));
            draft.resources.push((name.as_str().into(), value));
        }
        for (name, text) in &settings.default_resources {
            let Some(value) = self.given(vm, text, "--default-resources") else { continue };
            for draft in self.rules.iter_mut().flatten() {
                if !draft.resources.iter().any(|(known, _)| is_same(known, name)) {
                    draft.resources.push((name.as_str().into(), value.clone()));
                }
            }
        }
    }

    /// The rule that an override names.
    fn overridden(&mut self, rule: &str, option: &str) -> Option<&mut RuleDraft> {
        let found = self.rules.iter().position(|draft| draft.as_ref().is_some_and(|d| *d.name == *rule));
        if found.is_none() {
            let problem = Problem::error(
                "unknown-rule",
                format!("`{option}` names a rule `{rule}`, which does not exist"),
            );
            let names = self.rules.iter().flatten().map(|draft| &*draft.name);
            let problem = match meant(rule, names) {
                Some(question) => problem.help(question),
                None => problem.help("`rulemake list` shows the rules"),
            };
            self.problems.push(problem);
        }
        self.rules[found?].as_mut()
    }

    /// A value from outside: a number, an expression over the job, or a plain text.
    fn given(&mut self, vm: &mut Vm, text: &str, option: &'static str) -> Option<Dynamic> {
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            return Some(Dynamic::Const(Value::Int(number)));
        }
        let plain = || Some(Dynamic::Const(Value::Str(Arc::from(text))));
        let is_word = |c: char| c.is_alphanumeric() || "_-./: ".contains(c);
        if text.chars().all(is_word) && !text.contains("input.") {
            return plain();
        }
        let lambda = format!("lambda wildcards, input, threads, attempt: ({text})");
        let source = self.sources.add(option, lambda.as_str());
        // What is no expression is a text, as Snakemake has it.
        let Ok(expression) = parse_expression(source, &lambda) else { return plain() };
        let span = Span::new(source, 0, lambda.len());
        match vm.eval(&expression) {
            Ok(value) => self.function(&Item { name: None, value, span }, "resources").map(Dynamic::Function),
            Err(raise) => {
                self.report(&raise.at(span));
                None
            }
        }
    }
}
