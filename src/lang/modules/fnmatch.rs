//! The module `fnmatch`: shell patterns for names.

use super::ModuleDef;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "fnmatch",
    functions: &[
        Builtin { name: "filter", call: filter },
        Builtin { name: "fnmatch", call: one },
        Builtin { name: "fnmatchcase", call: one },
    ],
    values: super::no_values,
    refused: &[("translate", "use `fnmatch.fnmatch`, or write a regular expression for `re`")],
};

fn one(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [name, pattern] = args.take("fnmatch", ["name", "pat"], 2)?;
    let name = path(&name.unwrap_or(Value::None), "fnmatch")?;
    let pattern = Pattern::new(&path(&pattern.unwrap_or(Value::None), "fnmatch")?)?;
    pattern.matches(vm, &name).map(Value::Bool)
}

fn filter(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [names, pattern] = args.take("filter", ["names", "pat"], 2)?;
    let pattern = Pattern::new(&path(&pattern.unwrap_or(Value::None), "filter")?)?;
    let mut kept = Vec::new();
    for name in vm.collect(&names.unwrap_or(Value::None))? {
        if pattern.matches(vm, &path(&name, "filter")?)? {
            kept.push(name);
        }
    }
    Ok(Value::list(kept))
}

/// `*`, `?`, `[...]`, `[!...]`; everything else stands for itself, an unclosed bracket too.
pub(crate) struct Pattern {
    glob: glob::Pattern,
    /// In characters.
    length: u64,
}

/// The matcher calls itself once per `*`; names are short.
const MOST_STARS: usize = 64;

/// `*` stands for `/` and for a leading dot, too: which names are hidden is for those to know who list them.
const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Pattern, Raise> {
        let spelled = respelled(text)?;
        let glob = glob::Pattern::new(&spelled)
            .map_err(|error| Raise::value_error(format!("`{text}` is not a pattern: {}", error.msg)))?;
        Ok(Pattern { glob, length: spelled.len() as u64 })
    }

    /// Whether the whole name fits. The text of one `*` is only ever extended after the ones before it have
    /// matched for good, so this takes no more than length times length steps.
    pub(crate) fn matches(&self, vm: &mut Vm, name: &str) -> Result<bool, Raise> {
        vm.budget.spend(1 + (name.len() as u64).saturating_mul(self.length) / 64)?;
        Ok(self.glob.matches_with(name, OPTIONS))
    }
}

/// The pattern as the crate `glob` wants it, which refuses what Python allows: `**` within a name, and brackets
/// that are not closed.
fn respelled(text: &str) -> Result<String, Raise> {
    let mut out = String::with_capacity(text.len());
    let mut stars = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut end = c.len_utf8();
        match c {
            '[' => match class_end(rest) {
                Some(closed) => {
                    end = closed;
                    out.push_str(&rest[..end]);
                }
                None => out.push_str("[[]"),
            },
            '*' => {
                end = rest.len() - rest.trim_start_matches('*').len();
                stars += 1;
                out.push('*');
            }
            c => out.push(c),
        }
        rest = &rest[end..];
    }
    if stars > MOST_STARS {
        return Err(Raise::value_error(format!(
            "a pattern holds at most {MOST_STARS} `*`, this one {stars}"
        )));
    }
    Ok(out)
}

/// Where the class ends that the text starts with; a `]` that comes first in it stands for itself.
fn class_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("[!").or_else(|| text.strip_prefix('['))?;
    let first = inside.chars().next()?.len_utf8();
    let close = first + inside[first..].find(']')?;
    Some(text.len() - inside.len() + close + 1)
}
