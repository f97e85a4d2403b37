//! Snakefiles: they are run as they are. What is told is how many rules load, and what has to be changed.

use crate::exit::{Exit, Failure};
use rulemake::lint::LintOptions;
use rulemake::{Diagnostic, Error, Workflow};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) path: PathBuf,
    pub(crate) loads: bool,
    pub(crate) rules: usize,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) fn report(path: &Path, loaded: Result<Workflow, Error>) -> Result<Report, Failure> {
    match loaded {
        Ok(workflow) => {
            let mut diagnostics = workflow.warnings();
            diagnostics.extend(workflow.lints(&LintOptions::default()));
            Ok(Report { path: path.into(), loads: true, rules: workflow.rules().len(), diagnostics })
        }
        // Without a place it is not about the file but about this machine.
        Err(error) if Exit::from(error.kind()) != Exit::Workflow => Err(error.into()),
        Err(error) => Ok(Report {
            path: path.into(),
            loads: false,
            rules: 0,
            diagnostics: error.diagnostics().to_vec(),
        }),
    }
}

impl Report {
    pub(crate) fn summary(&self) -> String {
        let path = self.path.display();
        let count =
            |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
        match (self.loads, self.diagnostics.len()) {
            (true, 0) => format!("{path} is used as it is: all of its {} load", count(self.rules, "rule")),
            (true, found) => format!(
                "{path} is used as it is: its {} load; {} above",
                count(self.rules, "rule"),
                count(found, "remark")
            ),
            (false, 1) => {
                format!("{path} does not load yet: what has to be changed is above, with the way out")
            }
            (false, found) => format!("{path} does not load yet: {found} things above have to be changed"),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "v": 1, "from": self.path, "loads": self.loads, "rules": self.rules, "diagnostics": self.diagnostics
        })
    }
}
