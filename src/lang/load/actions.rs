//! Sections that say what a rule executes besides a shell command, and how: scripts, environments, benchmarks,
//! directories of their own.

use crate::base::path::normalise;
use crate::diag::{Problem, Span};
use crate::lang::builtins::flags::Flagged;
use crate::lang::load::Loader;
use crate::lang::load::items::as_path;
use crate::lang::load::sections::{Item, plain};
use crate::lang::reads::join_path;
use crate::lang::value::Value;
use crate::model;
use crate::model::draft::{DraftAction, RuleDraft};
use crate::model::dynamic::Dynamic;
use crate::model::rule::{Benchmark, Shadow};
use std::sync::Arc;

/// The sections of this room.
pub(super) const SECTIONS: &[&str] = &[
    "benchmark",
    "conda",
    "container",
    "envmodules",
    "notebook",
    "script",
    "shadow",
    "singularity",
    "timeout",
];

impl Loader {
    /// Reads a section of [`SECTIONS`].
    pub(super) fn execution(&mut self, draft: &mut RuleDraft, word: &str, items: &[Item], place: Span) {
        if word == "envmodules" {
            draft.environment.envmodules = self.names_of(word, items).into();
            return;
        }
        let [item] = items else {
            self.refuse("bad-section-value", format!("`{word}` takes exactly one value"), place);
            return;
        };
        if let Some(name) = &item.name {
            let message = format!("`{word}` takes a value without a name, not `{name}=...`");
            self.refuse("bad-section-value", message, item.span);
            return;
        }
        match word {
            "script" | "notebook" => self.script(draft, word, item),
            "benchmark" => self.benchmark(draft, item),
            "shadow" => self.shadow(draft, item),
            "timeout" => self.timeout(draft, item),
            _ => {
                let environment = self.environment(word, item);
                match word {
                    "conda" => draft.environment.conda = environment,
                    _ => draft.environment.container = environment,
                }
            }
        }
    }

    fn script(&mut self, draft: &mut RuleDraft, word: &str, item: &Item) {
        match as_path(&item.value) {
            Some(text) if !text.trim().is_empty() => {
                let path = plain(&text, item.span);
                draft.action = DraftAction::Script { path, dir: self.home(), notebook: word == "notebook" };
            }
            _ => self.wrong_value(word, "the path of a program", item),
        }
    }

    fn benchmark(&mut self, draft: &mut RuleDraft, item: &Item) {
        if as_path(&item.value).is_none() {
            return self.wrong_value("benchmark", "the path of a file", item);
        }
        let value = self.changed_path(&item.value, "benchmark", item.span);
        let repeat = value.downcast::<Flagged>().and_then(|flagged| flagged.marks.repeat);
        let path = plain(&value.display(), item.span);
        draft.benchmark = Some(Benchmark { path, repeat: repeat.unwrap_or(1) });
    }

    fn shadow(&mut self, draft: &mut RuleDraft, item: &Item) {
        let mode = match &item.value {
            Value::Str(text) => match &**text {
                "minimal" => Some(Shadow::Minimal),
                "copy-minimal" => Some(Shadow::CopyMinimal),
                "shallow" => Some(Shadow::Shallow),
                "full" => Some(Shadow::Full),
                _ => None,
            },
            Value::Bool(true) => Some(Shadow::Full),
            // Switches off what an inherited rule says.
            Value::Bool(false) | Value::None => return draft.shadow = None,
            _ => None,
        };
        match mode {
            Some(mode) => draft.shadow = Some(mode),
            None => {
                let message = format!("`shadow` cannot be {}", item.value.repr());
                self.problems.push(
                    Problem::error("bad-section-value", message)
                        .at(item.span, "")
                        .help("it is \"minimal\", \"copy-minimal\", \"shallow\" or \"full\""),
                );
            }
        }
    }

    fn timeout(&mut self, draft: &mut RuleDraft, item: &Item) {
        let seconds = match &item.value {
            value if value.is_callable() => {
                draft.timeout = self.function(item, "timeout").map(Dynamic::Function);
                return;
            }
            Value::Int(n) if *n > 0 => model::value::Value::Int(*n),
            Value::Float(x) if x.is_finite() && *x > 0.0 => model::value::Value::Float(*x),
            Value::Str(text) => match model::units::seconds(text) {
                Ok(seconds) => model::value::Value::Float(seconds),
                Err(message) => {
                    return self.refuse("bad-section-value", format!("`timeout`: {message}"), item.span);
                }
            },
            Value::None => return draft.timeout = None,
            _ => {
                return self.wrong_value(
                    "timeout",
                    "a number of seconds above 0, a text such as \"10m\", or a function",
                    item,
                );
            }
        };
        draft.timeout = Some(Dynamic::Const(seconds));
    }

    /// `conda:` and `container:`: a text, perhaps with wildcards, or a function of the job; `None` for none.
    fn environment(&mut self, word: &str, item: &Item) -> Option<Dynamic> {
        if matches!(item.value, Value::None) {
            return None;
        }
        if item.value.is_callable() {
            let section = if word == "conda" { "conda" } else { "container" };
            return self.function(item, section).map(Dynamic::Function);
        }
        match as_path(&item.value) {
            Some(text) if !text.trim().is_empty() => {
                Some(Dynamic::Const(model::value::Value::Str(text.trim().into())))
            }
            _ => {
                self.wrong_value(word, "a text or a function", item);
                None
            }
        }
    }

    fn names_of(&mut self, word: &str, items: &[Item]) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        for item in items {
            match &item.value {
                Value::Str(text) if item.name.is_none() && !text.trim().is_empty() => {
                    names.push(text.trim().into());
                }
                _ => self.wrong_value(word, "names of modules", item),
            }
        }
        names
    }

    /// The directory of the file that is being run, as jobs see it.
    pub(super) fn home(&self) -> Arc<str> {
        self.files.last().map_or_else(|| ".".into(), |file| file.home.clone())
    }

    fn wrong_value(&mut self, word: &str, wanted: &str, item: &Item) {
        let message = format!("`{word}` takes {wanted}, not `{}`", item.value.type_name());
        self.refuse("bad-section-value", message, item.span);
    }
}

/// A path that a file gives, as jobs see it; `home` is the directory of that file.
pub(super) fn beside(home: &str, path: &str) -> Arc<str> {
    if home == "." || path.contains("://") {
        return path.into();
    }
    normalise(&join_path(home, path)).into()
}
