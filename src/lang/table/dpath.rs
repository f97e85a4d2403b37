//! Paths into nested dicts and lists: `lookup(dpath="samples/a/fq", within=config)`.

use crate::lang::modules::fnmatch::Pattern;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{MAX_NESTING, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// The value at a path, or a list when the path matches several: `*` is any key, or a part of one, `**` any
/// number of keys.
pub(crate) fn find(vm: &mut Vm, within: &Value, path: &str) -> Result<Option<Value>, Raise> {
    if path.is_empty() || path == "/" {
        return Ok(Some(within.clone()));
    }
    let glob: Vec<Part> = path.trim_start_matches('/').split('/').map(Part::of).collect::<Result<_, _>>()?;
    let stars = glob.iter().filter(|part| matches!(part, Part::AnyDepth)).count();
    if stars > 1 {
        return Err(Raise::value_error(format!("the path `{path}` has `**` more than once")));
    }
    let mut found = Vec::new();
    let walk = Walk { glob: &glob, any_depth: stars > 0 };
    walk.level(vm, within, &mut Vec::new(), &mut found)?;
    Ok(match found.len() {
        0 => None,
        1 => found.pop(),
        _ => Some(Value::list(found)),
    })
}

/// One part of a path.
enum Part {
    Key(String),
    Pattern(Pattern),
    /// `**`
    AnyDepth,
}

impl Part {
    fn of(text: &str) -> Result<Part, Raise> {
        Ok(match text {
            "**" => Part::AnyDepth,
            text if text.contains(['*', '?', '[']) => Part::Pattern(Pattern::new(text)?),
            text => Part::Key(text.to_string()),
        })
    }

    fn matches(&self, vm: &mut Vm, key: &str) -> Result<bool, Raise> {
        match self {
            Part::Key(text) => Ok(text == key),
            Part::Pattern(pattern) => pattern.matches(vm, key),
            Part::AnyDepth => Ok(true),
        }
    }
}

struct Walk<'g> {
    glob: &'g [Part],
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
            if self.matches(vm, path)? {
                found.push(value.clone());
            }
            path.pop();
        }
        for (key, value) in &entries {
            // Without `**` the keys so far decide whether anything below can match.
            if let (false, Some(part)) = (self.any_depth, self.glob.get(path.len()))
                && !part.matches(vm, key)?
            {
                continue;
            }
            path.push(key.clone());
            self.level(vm, value, path, found)?;
            path.pop();
        }
        Ok(())
    }

    fn matches(&self, vm: &mut Vm, path: &[Arc<str>]) -> Result<bool, Raise> {
        let Some(stars) = self.glob.iter().position(|part| matches!(part, Part::AnyDepth)) else {
            return Ok(path.len() == self.glob.len() && all_match(vm, self.glob, path)?);
        };
        let (before, after) = (&self.glob[..stars], &self.glob[stars + 1..]);
        Ok(path.len() >= before.len() + after.len()
            && all_match(vm, before, &path[..before.len()])?
            && all_match(vm, after, &path[path.len() - after.len()..])?)
    }
}

fn all_match(vm: &mut Vm, glob: &[Part], path: &[Arc<str>]) -> Result<bool, Raise> {
    for (part, key) in glob.iter().zip(path) {
        if !part.matches(vm, key)? {
            return Ok(false);
        }
    }
    Ok(true)
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
