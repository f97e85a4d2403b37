//! The names that are there without an import.

use super::placeholder;
use crate::lang::value::Value;
use crate::model::imported::IMPORTED;

/// These names with what an import gives: a part of one of `modules`, or what stands for one that is not covered.
pub(crate) fn ambient(modules: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let value = |module: &str, member: Option<&str>| {
        let found = modules.iter().find(|(name, _)| *name == module).map(|(_, module)| module);
        match (found, member) {
            (Some(module), None) => module.clone(),
            (None, None) => placeholder(module),
            (found, Some(member)) => match found {
                Some(Value::Module(found)) => found.members.get(member).cloned(),
                _ => None,
            }
            .unwrap_or_else(|| placeholder(&format!("{module}.{member}"))),
        }
    };
    IMPORTED.iter().map(|(name, module, member)| (*name, value(module, *member))).collect()
}
