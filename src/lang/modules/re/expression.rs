//! Regular expressions for other rooms, read and used as `re` does it.

use super::compiled::{Anchor, Compiled};
use super::replace::Replacement;
use super::{all_found, split_text, substituted};
use crate::lang::raise::Raise;
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use std::sync::Arc;

/// How much of a text must match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    Anywhere,
    Start,
    Whole,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression(Arc<Compiled>);

impl Expression {
    /// `flags` are those of `re`.
    pub(crate) fn new(vm: &mut Vm, pattern: &Arc<str>, flags: i64) -> Result<Expression, Raise> {
        vm.budget.spend(pattern.len() as u64 / 4)?;
        vm.regexes().get(pattern, flags).map(Expression)
    }

    /// An expression that stands for a text.
    pub(crate) fn literal(vm: &mut Vm, text: &str, flags: i64) -> Result<Expression, Raise> {
        vm.budget.allocate(2 * text.len() as u64)?;
        Expression::new(vm, &super::escaped(text).into(), flags)
    }

    pub(crate) fn fits(&self, vm: &mut Vm, text: &str, reach: Reach) -> Result<bool, Raise> {
        vm.budget.spend(1 + text.len() as u64 / 64)?;
        let anchor = match reach {
            Reach::Anywhere => Anchor::None,
            Reach::Start => Anchor::Start,
            Reach::Whole => Anchor::Both,
        };
        Ok(self.0.find(text, 0, anchor).is_some())
    }

    /// Number of groups, without the whole match.
    pub(crate) fn groups(&self) -> usize {
        self.0.groups()
    }

    /// The name of a group, from 1.
    pub(crate) fn name_of(&self, group: usize) -> Option<Arc<str>> {
        self.0.names().iter().find(|(_, known)| *known == group).map(|(name, _)| name.clone())
    }

    /// The groups of the first match, the whole first; `None` when there is no match.
    pub(crate) fn first<'t>(
        &self,
        vm: &mut Vm,
        text: &'t str,
    ) -> Result<Option<Vec<Option<&'t str>>>, Raise> {
        vm.budget.spend(1 + text.len() as u64 / 64)?;
        let found = self.0.find(text, 0, Anchor::None);
        Ok(found.map(|spans| {
            spans.into_iter().map(|span| span.and_then(|(start, end)| text.get(start..end))).collect()
        }))
    }

    /// `re.findall`
    pub(crate) fn all(&self, vm: &mut Vm, text: &str) -> Result<Vec<Value>, Raise> {
        all_found(vm, &self.0, text)
    }

    /// `re.split`; 0 for `most` is no limit.
    pub(crate) fn split(&self, vm: &mut Vm, text: &str, most: i64) -> Result<Vec<Value>, Raise> {
        split_text(vm, &self.0, text, most)
    }

    /// What `re.sub` makes of `by`.
    pub(crate) fn template(&self, by: &str) -> Result<Template, Raise> {
        Replacement::parse(by, &self.0).map(Template)
    }

    /// `re.sub`; 0 for `most` is no limit.
    pub(crate) fn replaced(
        &self,
        vm: &mut Vm,
        text: &str,
        by: &Template,
        most: i64,
    ) -> Result<String, Raise> {
        let (text, _) =
            substituted(vm, &self.0, text, most, |vm, spans, out| by.0.apply(vm, text, spans, out))?;
        Ok(text)
    }
}

/// What is put in place of a match.
pub(crate) struct Template(Replacement);
