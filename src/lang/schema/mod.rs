//! JSON Schema, as `snakemake.utils.validate` uses it: the config or the rows of a table against a file, and the
//! defaults of the schema put in place of what is missing.
//!
//! The words of the 2020-12 draft that speak about values; what describes ("title", "format") means nothing. Words
//! that would make a check weaker if they were passed over are refused.

mod keywords;
mod refs;
#[cfg(test)]
mod tests;

use crate::lang::raise::{Exc, Raise};
use crate::lang::schema::refs::Documents;
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use std::path::{Path, PathBuf};

/// A way into a value: keys and places.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Place(usize),
}

/// One thing that does not fit.
#[derive(Clone, Debug)]
struct Fault {
    at: Vec<Step>,
    message: String,
    /// Where the schema says so, as keys from its top.
    rule: String,
}

impl Fault {
    /// ``"`samples[0].name`: 'B' does not match `^[a-z]+$`"``
    fn text(&self) -> String {
        match self.place().as_str() {
            "" => self.message.clone(),
            place => format!("`{place}`: {}", self.message),
        }
    }

    fn place(&self) -> String {
        let mut text = String::new();
        for step in &self.at {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.push_str(&format!(".{key}")),
                Step::Place(place) => text.push_str(&format!("[{place}]")),
            }
        }
        text
    }
}

/// A schema that was read, and the files that it refers to.
pub(crate) struct Schema {
    /// As the Rulefile names it.
    name: String,
    documents: Documents,
    top: PathBuf,
}

/// Faults that are told at once.
const MAX_SHOWN: usize = 8;

impl Schema {
    /// Reads a schema; a relative path starts from the folder of the file that asks for it.
    pub(crate) fn read(vm: &mut Vm, name: &str) -> Result<Schema, Raise> {
        let top = vm.folder.join(name);
        let mut documents = Documents::default();
        documents.load(vm, &top, name)?;
        Ok(Schema { name: name.to_string(), documents, top })
    }

    /// Checks a value, and fills defaults in when `fills`. `what` names it in messages: "the config".
    pub(crate) fn check(&mut self, vm: &mut Vm, value: &Value, what: &str, fills: bool) -> Result<(), Raise> {
        let schema = self.documents.get(&self.top);
        let mut faults = Vec::new();
        let mut check = keywords::Check { documents: &mut self.documents, fills };
        let mut place = keywords::Place { file: self.top.clone(), at: Vec::new(), rule: Vec::new() };
        check.schema(vm, &schema, value, &mut place, &mut faults)?;
        if faults.is_empty() { Ok(()) } else { Err(self.failure(what, &faults)) }
    }

    fn failure(&self, what: &str, faults: &[Fault]) -> Raise {
        let Some(first) = faults.first() else { return Raise::value_error("nothing is wrong") };
        let message = format!("{what} does not fit the schema `{}`: {}", self.name, first.text());
        let mut help = format!("the schema says so at `{}`", first.rule);
        for fault in faults.iter().skip(1).take(MAX_SHOWN) {
            help.push_str(&format!("\nalso {} (at `{}`)", fault.text(), fault.rule));
        }
        if faults.len() > MAX_SHOWN + 1 {
            help.push_str(&format!("\nand {} more", faults.len() - MAX_SHOWN - 1));
        }
        Raise::new(Exc::WorkflowError, message).help(help)
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_path_buf()
}
