//! What can be said about a template before there are jobs: names, positions, what the command refers to.

use super::render::{descend, meant, no_access, out_of_range};
use super::{Access, Field, Part, RenderMode, Root, Template, TemplateError, TemplateScope, Used, Uses};
use crate::model::pattern::Pattern;
use crate::model::slots::SlotLayout;
use crate::model::value::Value;
use std::sync::Arc;

const ROOTS: [&str; 10] =
    ["input", "output", "params", "wildcards", "log", "threads", "resources", "rule", "attempt", "jobid"];

impl Template {
    /// Puts in the values of the Rulefile's names. Names that `lookup` does not know stay: [`Template::check`]
    /// reports them, because it can say what was meant.
    pub(crate) fn resolve_names(
        &mut self,
        lookup: &mut dyn FnMut(&str) -> Option<Value>,
    ) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        let mut resolved = false;
        for part in &mut self.parts {
            let Part::Field(field) = part else { continue };
            let name = match &field.root {
                Root::Name(name) => name.clone(),
                // Snakemake has no such field, so a Rulefile may well have a name like this.
                Root::Attempt => "attempt".into(),
                _ => continue,
            };
            let Some((value, spelled, taken)) = look_up(&name, field, lookup) else { continue };
            let rest = field.access.get(taken..).unwrap_or_default();
            let found = match foreign_pattern(field, &name, &value) {
                Some(error) => Err(error),
                None => descend(field, &value, rest, &spelled).map(|found| found.into_value()),
            };
            let is_path = is_foreign_path(field, &name);
            field.access = [].into();
            match found {
                Ok(value) if is_path => {
                    field.root = Root::Paths(value);
                    resolved = true;
                }
                Ok(value) => {
                    field.root = Root::Constant(value);
                    resolved = true;
                    errors.extend(field.constant_text(RenderMode::Shell).err());
                }
                Err(error) => {
                    errors.push(error);
                    // Reported here: the check must not say that the name is unknown.
                    field.root = Root::Constant(Value::None);
                }
            }
        }
        if resolved {
            self.place_fields();
        }
        errors
    }

    /// All fields that no job of the rule can fill.
    pub(crate) fn check(&self, scope: &TemplateScope<'_>) -> Vec<TemplateError> {
        self.fields().filter_map(|field| check_field(field, scope).err()).collect()
    }

    /// What the command refers to.
    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        for field in self.fields() {
            match field.root {
                Root::Params => uses.params.add(field),
                Root::Wildcards => uses.wildcards.add(field),
                Root::Resources => uses.resources.add(field),
                Root::Log => uses.log = true,
                Root::Threads => uses.threads = true,
                Root::Attempt => uses.attempt = true,
                Root::Rule => uses.rule = true,
                Root::JobId
                | Root::Input
                | Root::Output
                | Root::Name(_)
                | Root::Paths(_)
                | Root::Constant(_) => {}
            }
        }
        uses
    }
}

/// The value of a name, or of the longest chain of attributes that begins with it: `rules.a.output` is no part of
/// a value. Also how it is spelled and how many accesses it has used up.
fn look_up(
    name: &str,
    field: &Field,
    lookup: &mut dyn FnMut(&str) -> Option<Value>,
) -> Option<(Value, String, usize)> {
    let attributes = field.access.iter().take_while(|access| matches!(access, Access::Attribute(_)));
    let keys: Vec<&str> = attributes.map(|access| &**access.key()).collect();
    (0..=keys.len()).rev().find_map(|taken| {
        let spelled = [&[name], keys.get(..taken).unwrap_or_default()].concat().join(".");
        lookup(&spelled).map(|value| (value, spelled, taken))
    })
}

/// `rules.a.output`, not `rules.a.params`.
fn is_foreign_path(field: &Field, name: &str) -> bool {
    let part = field.access.get(1).map(|access| &**access.key());
    name == "rules" && matches!(part, Some("input" | "output" | "log"))
}

/// A path of another rule that still has wildcards in it: Snakemake writes `{s}` into the command, where no file
/// has that name.
fn foreign_pattern(field: &Field, name: &str, value: &Value) -> Option<TemplateError> {
    let paths = value.items().unwrap_or(std::slice::from_ref(value));
    let wildcard = paths.iter().filter(|_| is_foreign_path(field, name)).find_map(|path| match path {
        Value::Str(text) => Pattern::parse_text(text).ok()?.names.first().cloned(),
        _ => None,
    })?;
    let spelled: Vec<&str> = field.access.iter().take(2).map(|access| &**access.key()).collect();
    let spelled = format!("rules.{}", spelled.join("."));
    let message = format!("`{spelled}` has the wildcard `{wildcard}`, which has no value in this command");
    let help = format!("put `{spelled}` into `input` and write `{{input}}`");
    Some(field.error(message, Some(help)))
}

impl Used {
    fn add(&mut self, field: &Field) {
        let Some(key) = field.access.first().map(Access::key) else {
            *self = Used::All;
            return;
        };
        match self {
            Used::All => {}
            Used::None => *self = Used::Some(vec![key.clone()]),
            Used::Some(names) => {
                if !names.contains(key) {
                    names.push(key.clone());
                }
            }
        }
    }

    /// Whether the value at `position` called `name` is referred to.
    pub(crate) fn has(&self, position: usize, name: Option<&str>) -> bool {
        match self {
            Used::None => false,
            Used::All => true,
            Used::Some(keys) => keys.iter().any(|key| Some(&**key) == name || key.parse() == Ok(position)),
        }
    }
}

fn check_field(field: &Field, scope: &TemplateScope<'_>) -> Result<(), TemplateError> {
    match &field.root {
        Root::Input => check_paths(field, "input", scope.input, scope.input_dynamic),
        Root::Output => check_paths(field, "output", scope.output, false),
        Root::Log => check_paths(field, "log", scope.log, false),
        Root::Params => {
            let names: Vec<&str> = scope.params.iter().flatten().map(|n| &**n).collect();
            check_first(field, "params", "param", &names, scope.params.len())
        }
        Root::Wildcards => {
            let names: Vec<&str> = scope.wildcards.iter().map(|n| &**n).collect();
            check_first(field, "wildcards", "wildcard", &names, names.len())?;
            match &*field.access {
                [first, _, ..] => {
                    let help = format!("write `{{wildcards.{}}}`", first.key());
                    Err(field.error("a wildcard is one text, it has no parts", Some(help)))
                }
                _ => Ok(()),
            }
        }
        Root::Resources => {
            let names: Vec<&str> = scope.resources.iter().map(|n| &**n).collect();
            check_first(field, "resources", "resource", &names, 0)
        }
        Root::Threads | Root::Rule | Root::Attempt | Root::JobId => no_access(field),
        Root::Name(name) => Err(unknown_name(field, name, scope)),
        Root::Paths(_) | Root::Constant(_) => Ok(()),
    }
}

fn check_paths(
    field: &Field,
    section: &str,
    layout: &SlotLayout,
    dynamic: bool,
) -> Result<(), TemplateError> {
    let total: usize = layout.iter().map(|slot| slot.len as usize).sum();
    let Some((first, rest)) = field.access.split_first() else { return Ok(()) };
    if let Some(position) = first.position() {
        if !dynamic && position >= total {
            return Err(out_of_range(field, position, total, section));
        }
        return match rest.is_empty() {
            true => Ok(()),
            false => Err(field.error(format!("`{section}[{position}]` is one path, not a list"), None)),
        };
    }
    let name = &**first.key();
    let slot = layout.iter().find(|slot| slot.name.as_deref() == Some(name));
    let Some(slot) = slot else {
        // An unnamed function may return a mapping, whose names are known only then.
        let open = dynamic && layout.iter().any(|slot| slot.name.is_none());
        let names: Vec<&str> = layout.iter().filter_map(|slot| slot.name.as_deref()).collect();
        return if open { Ok(()) } else { Err(unknown_part(field, section, section, name, &names)) };
    };
    match rest {
        [] => Ok(()),
        _ if dynamic => Ok(()),
        [index] if slot.list => match index.position() {
            Some(position) if position < slot.len as usize => Ok(()),
            Some(position) => {
                Err(out_of_range(field, position, slot.len as usize, &format!("{section}.{name}")))
            }
            None => {
                Err(field.error(format!("`{section}.{name}` is a list: it has positions, not names"), None))
            }
        },
        _ => {
            let help = format!("write `{{{section}.{name}}}`");
            Err(field.error(format!("`{section}.{name}` is one path, not a list"), Some(help)))
        }
    }
}

/// The first access of a section whose values are not known yet.
fn check_first(
    field: &Field,
    section: &str,
    noun: &str,
    names: &[&str],
    positions: usize,
) -> Result<(), TemplateError> {
    let Some(first) = field.access.first() else { return Ok(()) };
    match first.position() {
        Some(position) if position < positions => Ok(()),
        Some(position) if positions > 0 => Err(out_of_range(field, position, positions, section)),
        _ if names.contains(&&**first.key()) => Ok(()),
        _ => Err(unknown_part(field, section, noun, first.key(), names)),
    }
}

fn unknown_part(field: &Field, section: &str, noun: &str, name: &str, names: &[&str]) -> TemplateError {
    let help = match meant(name, names.iter().copied(), |near| format!("{{{section}.{near}}}")) {
        Some(question) => Some(question),
        None if names.is_empty() => None,
        None => {
            let list: Vec<String> = names.iter().take(8).map(|n| format!("`{n}`")).collect();
            Some(format!("this rule has {}", list.join(", ")))
        }
    };
    field.error(format!("this rule has no {noun} called `{name}`"), help)
}

/// The most common mistakes: a wildcard without `wildcards.`, a shell variable, a typing error.
fn unknown_name(field: &Field, name: &str, scope: &TemplateScope<'_>) -> TemplateError {
    if name == "rules" {
        let keys: Vec<&str> = field.access.iter().map(|access| &**access.key()).collect();
        let message = format!("`rules.{}` is not known", keys.join("."));
        let help = "a command can name `input`, `output`, `log` and `params` of a rule, unless a function gives them";
        return field.error(message, Some(help.into()));
    }
    let message = format!("`{name}` is not known in this command");
    let is = |n: &Arc<str>| **n == *name;
    let has = |layout: &SlotLayout| layout.iter().any(|slot| slot.name.as_deref() == Some(name));
    let section = if scope.wildcards.iter().any(is) {
        Some("wildcards")
    } else if scope.params.iter().flatten().any(is) {
        Some("params")
    } else if has(scope.input) {
        Some("input")
    } else if has(scope.output) {
        Some("output")
    } else if scope.resources.iter().any(is) {
        Some("resources")
    } else if has(scope.log) {
        Some("log")
    } else {
        None
    };
    let help = if let Some(section) = section {
        format!("did you mean `{{{section}.{name}}}`?")
    } else if field.after_dollar {
        format!("for the shell's variable write `${{{{{name}}}}}` or `${name}`")
    } else if let Some(question) = meant(name, ROOTS, |near| format!("{{{near}}}")) {
        question
    } else if let Some(question) =
        meant(name, scope.wildcards.iter().map(|n| &**n), |near| format!("{{wildcards.{near}}}"))
    {
        question
    } else {
        format!("define `{name}` in the Rulefile, or write `{{{{{name}}}}}` for literal braces")
    };
    field.error(message, Some(help))
}
