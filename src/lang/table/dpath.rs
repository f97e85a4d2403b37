//! Paths into nested dicts and lists: `lookup(dpath="samples/a/fq", within=config)`.

use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{MAX_NESTING, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// What a path finds.
pub(crate) enum Found {
    None,
    One(Value),
    Many(Vec<Value>),
}

/// All values that a path matches: `*` is any key, or a part of one, `**` any number of keys.
pub(crate) fn find(vm: &mut Vm, within: &Value, path: &str) -> Result<Found, Raise> {
    if path.is_empty() || path == "/" {
        return Ok(Found::One(within.clone()));
    }
    let glob: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let stars = glob.iter().filter(|part| **part == "**").count();
    if stars > 1 {
        return Err(Raise::value_error(format!("the path `{path}` has `**` more than once")));
    }
    let mut found = Vec::new();
    let walk = Walk { glob: &glob, any_depth: stars > 0 };
    walk.level(vm, within, &mut Vec::new(), &mut found)?;
    let mut found = found.into_iter();
    Ok(match (found.next(), found.next()) {
        (None, _) => Found::None,
        (Some(only), None) => Found::One(only),
        (Some(first), Some(second)) => Found::Many([first, second].into_iter().chain(found).collect()),
    })
}

struct Walk<'g> {
    glob: &'g [&'g str],
    any_depth: bool,
}

impl Walk<'_> {
    /// Entries of one value, then those below: the order in which dpath finds them.
    fn level(
        &self,
        vm: &mut Vm,
        value: &Value,
        path: &mut Vec<Arc<str>>,
        found: &mut Vec<Value>,
    ) -> Result<(), Raise> {
        vm.budget.check_stack()?;
        if path.len() > MAX_NESTING {
            return Err(Raise::new(Exc::RecursionError, "the value is nested too deeply for a path"));
        }
        if !self.any_depth && path.len() >= self.glob.len() {
            return Ok(());
        }
        let entries = entries(vm, value)?;
        for (key, value) in &entries {
            path.push(key.clone());
            if self.matches(path) {
                found.push(value.clone());
            }
            path.pop();
        }
        for (key, value) in &entries {
            // Without `**` the keys so far decide whether anything below can match.
            if !self.any_depth && !self.glob.get(path.len()).is_some_and(|glob| part_matches(glob, key)) {
                continue;
            }
            path.push(key.clone());
            self.level(vm, value, path, found)?;
            path.pop();
        }
        Ok(())
    }

    fn matches(&self, path: &[Arc<str>]) -> bool {
        let Some(stars) = self.glob.iter().position(|part| *part == "**") else {
            return path.len() == self.glob.len() && all_match(self.glob, path);
        };
        let (before, after) = (&self.glob[..stars], &self.glob[stars + 1..]);
        path.len() >= before.len() + after.len()
            && all_match(before, &path[..before.len()])
            && all_match(after, &path[path.len() - after.len()..])
    }
}

fn all_match(glob: &[&str], path: &[Arc<str>]) -> bool {
    glob.iter().zip(path).all(|(glob, key)| part_matches(glob, key))
}

/// `fnmatch` of one key: `*`, `?` and `[...]`.
fn part_matches(glob: &str, key: &str) -> bool {
    if !glob.contains(['*', '?', '[']) {
        return glob == key;
    }
    glob::Pattern::new(glob).is_ok_and(|pattern| pattern.matches(key))
}

fn entries(vm: &mut Vm, value: &Value) -> Result<Vec<(Arc<str>, Value)>, Raise> {
    let entries: Vec<(Arc<str>, Value)> = match value {
        Value::Dict(_) => {
            vm.pairs(value)?.into_iter().map(|(key, value)| (key.get().display(), value)).collect()
        }
        Value::List(_) | Value::Tuple(_) => {
            let items = vm.collect(value)?;
            items.into_iter().enumerate().map(|(at, item)| (at.to_string().into(), item)).collect()
        }
        _ => Vec::new(),
    };
    vm.budget.allocate_items(3 * entries.len() as u64)?;
    Ok(entries)
}
