//! What happens to a path between its text in a section and the rule: the prefix of a module, path variables, and the
//! flags that hold for all paths of a file.

use crate::diag::{Problem, Span};
use crate::lang::builtins::flags::{Flagged, Marks};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use crate::model::flags::Flag;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// Variables inside one another, and characters of one path: what is beyond refers to itself.
const MAX_ROUNDS: usize = 20;
const MAX_LENGTH: usize = 64 << 10;

/// Where a path variable was said; the lower one wins, and of two of one level the later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    Rule,
    Module,
    Config,
    Workflow,
    Default,
}

/// `<name>` in paths.
#[derive(Clone, Debug)]
pub(super) struct Pathvars(IndexMap<Arc<str>, (Arc<str>, Level), FxBuildHasher>);

impl Default for Pathvars {
    fn default() -> Pathvars {
        let names = ["results", "stats", "reports", "temp", "resources", "logs", "benchmarks"];
        Pathvars(names.into_iter().map(|name| (name.into(), (name.into(), Level::Default))).collect())
    }
}

impl Pathvars {
    pub(super) fn set(&mut self, name: Arc<str>, value: Arc<str>, level: Level) {
        let known = self.0.get(&name).map(|(_, known)| *known);
        if known.is_none_or(|known| level <= known) {
            self.0.insert(name, (value, level));
        }
    }

    pub(super) fn is_name(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    /// The path with its variables replaced; what is wrong with it, as an error.
    pub(super) fn apply(&self, path: &Arc<str>) -> Result<Arc<str>, String> {
        let mut text = path.clone();
        for _ in 0..MAX_ROUNDS {
            let Some(next) = self.round(&text)? else { return Ok(text) };
            if next.len() > MAX_LENGTH {
                break;
            }
            text = next.into();
        }
        Err(format!("the path variables in `{path}` refer to themselves"))
    }

    /// One replacement of all variables; `None` when there are none.
    fn round(&self, text: &str) -> Result<Option<String>, String> {
        if !text.as_bytes().contains(&b'<') {
            return Ok(None);
        }
        let (mut out, mut rest, mut found) = (String::new(), text, false);
        while let Some(start) = rest.find('<') {
            let (before, after) = (&rest[..start], &rest[start + 1..]);
            out.push_str(before);
            match after.find('>').map(|end| (&after[..end], &after[end + 1..])) {
                Some((name, behind)) if Pathvars::is_name(name) => {
                    let Some((value, _)) = self.0.get(name) else { return Err(self.unknown(name, text)) };
                    out.push_str(value);
                    (rest, found) = (behind, true);
                }
                _ => {
                    out.push('<');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Ok(found.then_some(out))
    }

    fn unknown(&self, name: &str, path: &str) -> String {
        let known: Vec<String> = self.0.keys().map(|name| format!("<{name}>")).collect();
        let place = match path.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) == Some(name) {
            true => String::new(),
            false => format!(" for `{path}`"),
        };
        format!("there is no path variable `<{name}>`{place}; there are {}", known.join(", "))
    }
}

/// What a module does to the paths of its rules.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Prefix {
    /// Ends in a slash.
    Put(Arc<str>),
    /// The prefix that matches is replaced.
    Replace(Vec<(Arc<str>, Arc<str>)>),
}

impl Prefix {
    fn apply(&self, path: &str) -> Result<Option<String>, String> {
        if path.starts_with('/') || path.starts_with("..") {
            return Ok(None);
        }
        match self {
            Prefix::Put(prefix) => Ok(Some(format!("{prefix}{path}"))),
            Prefix::Replace(pairs) => {
                let mut found = pairs.iter().filter_map(|(old, new)| Some((new, path.strip_prefix(&**old)?)));
                match (found.next(), found.next()) {
                    (None, _) => Ok(None),
                    (Some((new, rest)), None) => Ok(Some(format!("{new}{rest}"))),
                    (Some(_), Some(_)) => {
                        Err(format!("several entries of `replace_prefix` match the path `{path}`"))
                    }
                }
            }
        }
    }
}

/// All of it, for the paths of one section.
#[derive(Clone, Debug, Default)]
pub(super) struct PathRules {
    /// Of the module and of those around it, the inner one first.
    pub(super) prefixes: Vec<Prefix>,
    pub(super) pathvars: Pathvars,
    /// Flags of `inputflags:` or `outputflags:`.
    pub(super) flags: Marks,
}

impl PathRules {
    /// Nothing is to be done to this text.
    pub(super) fn leave(&self, text: &str) -> bool {
        self.prefixes.is_empty() && self.flags.is_empty() && !text.contains('<')
    }

    /// The path as it is in the rule: a text, or a marked one when it has flags or got a prefix.
    pub(super) fn apply(&self, value: &Value) -> Result<Value, String> {
        let (path, mut marks) = match value.downcast::<Flagged>() {
            Some(flagged) => (flagged.path.display(), flagged.marks.clone()),
            None => (value.display(), Marks::default()),
        };
        let mut text = path;
        if !marks.prefixed && !marks.flags.has(Flag::Local) {
            for prefix in &self.prefixes {
                if let Some(changed) = prefix.apply(&text)? {
                    text = changed.into();
                    marks.prefixed = true;
                }
            }
        }
        text = self.pathvars.apply(&text)?;
        marks.add_defaults(&self.flags);
        match marks.is_empty() {
            true => Ok(Value::Str(text)),
            false => Ok(Value::object(Flagged { path: Value::Str(text), marks })),
        }
    }
}

/// An input function of a module as other workflows see it: its paths have the module's prefix.
#[derive(Debug)]
pub(super) struct Prefixed {
    pub(super) function: Value,
    pub(super) rules: Arc<PathRules>,
}

/// Lists inside one another.
const MAX_DEPTH: usize = 100;

impl Prefixed {
    fn change(&self, value: Value, depth: usize) -> Result<Value, Raise> {
        let items = match &value {
            Value::Str(_) => None,
            Value::Object(object) if object.stand_in().is_some() => None,
            Value::Object(object) => object.items(),
            Value::Dict(_) => return Ok(value),
            other => other.snapshot(),
        };
        match items {
            Some(items) if depth < MAX_DEPTH => {
                let changed = items.into_iter().map(|item| self.change(item, depth + 1));
                changed.collect::<Result<_, Raise>>().map(Value::list)
            }
            Some(_) => Err(Raise::value_error("lists of paths are nested too deeply")),
            None if value.display().is_empty() => Ok(value),
            None => self.rules.apply(&value).map_err(Raise::value_error),
        }
    }
}

impl Object for Prefixed {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.function.parameters()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let value = vm.call_value(&self.function, args, None)?;
        self.change(value, 0)
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.function.clone()]
    }
}

/// The prefix that a module's sections say.
pub(super) fn prefix_of(prefix: &str) -> Prefix {
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    Prefix::Put(format!("{prefix}{slash}").into())
}

pub(super) fn bad_path(message: String, span: Span) -> Problem {
    Problem::error("bad-path", message).at(span, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str, Level)]) -> Pathvars {
        let mut vars = Pathvars::default();
        pairs.iter().for_each(|(name, value, level)| vars.set((*name).into(), (*value).into(), *level));
        vars
    }

    fn applied(vars: &Pathvars, path: &str) -> String {
        vars.apply(&path.into()).map_or_else(|e| e, |p| p.to_string())
    }

    #[test]
    fn path_variables_nest_and_the_closest_one_wins() {
        let known = vars(&[
            ("results", "out/<who>", Level::Workflow),
            ("who", "me", Level::Rule),
            ("who", "you", Level::Config),
        ]);
        assert_eq!(applied(&known, "<results>/a.txt"), "out/me/a.txt");
        assert_eq!(applied(&known, "<logs>/<A>/<b"), "logs/<A>/<b");
        assert!(applied(&known, "<nothing>").starts_with("there is no path variable `<nothing>`; "));
        // The name may come from a file.
        assert!(
            applied(&known, "out/a<b>.txt")
                .starts_with("there is no path variable `<b>` for `out/a<b>.txt`; ")
        );
        let own = vars(&[("a", "<b>", Level::Rule), ("b", "<a>x", Level::Rule)]);
        assert_eq!(applied(&own, "<a>"), "the path variables in `<a>` refer to themselves");
    }

    #[test]
    fn prefixes_leave_absolute_and_outer_paths_alone() {
        let put = prefix_of("p");
        assert_eq!(put.apply("a/b").unwrap().as_deref(), Some("p/a/b"));
        assert_eq!(put.apply("/a").unwrap(), None);
        assert_eq!(put.apply("../a").unwrap(), None);
        let replace = Prefix::Replace(vec![("a/".into(), "b/".into()), ("a/c".into(), "d".into())]);
        assert_eq!(replace.apply("a/x").unwrap().as_deref(), Some("b/x"));
        assert_eq!(replace.apply("x").unwrap(), None);
        assert!(replace.apply("a/c").is_err());
    }
}
