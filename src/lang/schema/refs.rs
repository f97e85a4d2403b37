//! Files of schemas, and `$ref` into them.

use crate::diag::SourceId;
use crate::lang::config::{self, Format};
use crate::lang::raise::{Exc, Raise};
use crate::lang::schema::folder_of;
use crate::lang::value::{TextKey, Value};
use crate::lang::vm::Vm;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};

/// The schemas that were read, by file.
#[derive(Default)]
pub(super) struct Documents(FxHashMap<PathBuf, Value>);

impl Documents {
    pub(super) fn load(&mut self, vm: &mut Vm, path: &Path, shown: &str) -> Result<(), Raise> {
        if self.0.contains_key(path) {
            return Ok(());
        }
        let text = vm.read_source(path, shown)?;
        vm.budget.allocate(8 * text.len() as u64)?;
        let format = match config::format_of(Path::new(shown)) {
            Some(Format::Json) => Format::Json,
            _ => Format::Yaml,
        };
        let document = config::parse(SourceId(0), &text, format).map_err(|problem| {
            let start = problem.labels.first().map_or(0, |(span, _)| span.start as usize);
            let line = text.get(..start.min(text.len())).unwrap_or("").matches('\n').count() + 1;
            let message = format!("the schema `{shown}` cannot be read, line {line}: {}", problem.message);
            Raise::new(Exc::WorkflowError, message)
        })?;
        self.0.insert(path.to_path_buf(), Value::Dict(document));
        Ok(())
    }

    pub(super) fn get(&self, path: &Path) -> Value {
        self.0.get(path).cloned().unwrap_or(Value::Bool(true))
    }

    /// The schema that a `$ref` in `file` means, the file it is in, and where.
    pub(super) fn resolve(
        &mut self,
        vm: &mut Vm,
        file: &Path,
        reference: &str,
    ) -> Result<(Value, PathBuf, Vec<String>), Raise> {
        let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let target = match name {
            "" => file.to_path_buf(),
            name if name.contains("://") => {
                return Err(Raise::unsupported(
                    format!("the schema refers to `{reference}`: evaluating a Rulefile uses no network"),
                    "keep the schema in a file beside this one, and refer to that",
                ));
            }
            name => {
                let target = folder_of(file).join(name);
                self.load(vm, &target, name)?;
                target
            }
        };
        let unknown = || {
            Raise::new(Exc::WorkflowError, format!("the schema refers to `{reference}`, which is not there"))
                .help("a reference looks like `#/definitions/name` or `#/$defs/name`")
        };
        let mut value = self.get(&target);
        let mut keys = Vec::new();
        for part in pointer.split('/').skip(1) {
            let key = part.replace("~1", "/").replace("~0", "~");
            value = match &value {
                Value::Dict(dict) => dict.0.read(|map| map.get(&TextKey(&key)).cloned()),
                Value::List(list) => {
                    key.parse().ok().and_then(|at: usize| list.0.read(|l| l.get(at).cloned()))
                }
                _ => None,
            }
            .ok_or_else(unknown)?;
            keys.push(key);
        }
        // `#name` would be an anchor.
        if keys.is_empty() && !pointer.is_empty() && pointer != "/" {
            return Err(unknown());
        }
        Ok((value, target, keys))
    }
}
