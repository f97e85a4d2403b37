//! Snakefiles: they are run as they are. What is told is how many rules load, and what has to be changed.

use crate::exit::{Exit, Failure};
use rulemake::lint::LintOptions;
use rulemake::source::Outline;
use rulemake::{Diagnostic, LoadOptions, Session, Severity, Workflow};
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) path: PathBuf,
    pub(crate) loads: bool,
    pub(crate) rules: usize,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What `rulemake check` would say of it, and what rulemake does not do in any rule, whether that is needed or not.
pub(crate) fn report(path: &Path, options: &LoadOptions) -> Result<Report, Failure> {
    let workflow = match Workflow::load_with(path, options) {
        Ok(workflow) => workflow,
        // Without a place it is not about the file but about this machine.
        Err(error) if Exit::from(error.kind()) != Exit::Workflow => return Err(error.into()),
        Err(error) => {
            let mut diagnostics = error.diagnostics().to_vec();
            add(&mut diagnostics, one_by_one(path, options));
            return Ok(Report { path: path.into(), loads: false, rules: 0, diagnostics });
        }
    };
    let mut lints = LintOptions::default();
    lints.root = options.root.clone();
    let mut diagnostics = workflow.warnings();
    diagnostics.extend(workflow.lints(&lints));
    diagnostics.extend(workflow.unsupported());
    let rules = workflow.rules().len();
    let checked = Session::builder(workflow).open().and_then(|session| session.check::<&str>(&[]));
    let mut checked = checked?;
    // Where it is imported the data may not be.
    checked
        .iter_mut()
        .filter(|found| found.code == "missing-input")
        .for_each(|found| found.severity = Severity::Warning);
    add(&mut diagnostics, checked);
    Ok(Report { path: path.into(), loads: true, rules, diagnostics })
}

/// Adds what is not told yet.
fn add(told: &mut Vec<Diagnostic>, found: Vec<Diagnostic>) {
    let place =
        |found: &Diagnostic| found.labels.first().map(|label| (label.file.clone(), label.line, label.column));
    for found in found {
        if !told.iter().any(|told| {
            told.code == found.code && told.message == found.message && place(told) == place(&found)
        }) {
            told.push(found);
        }
    }
}

/// Mistakes of a rule or a statement that have nothing to do with the rest of the file.
const OF_ITS_OWN: [&str; 18] = [
    "bad-command",
    "bad-constraint",
    "bad-item-name",
    "bad-resource",
    "bad-threads",
    "duplicate-output",
    "duplicate-section",
    "flags-contradict",
    "keyword-as-name",
    "no-action",
    "two-actions",
    "unavailable-argument",
    "unknown-section",
    "unknown-wildcard",
    "unsupported",
    "unsupported-directive",
    "unsupported-section",
    "wildcards-differ",
];
/// Statements that are looked at one by one.
const STATEMENTS: usize = 500;

/// What is wrong with the statements of a file that cannot be loaded as a whole: each with nothing around it, so that a first
/// mistake hides none of the others.
fn one_by_one(path: &Path, options: &LoadOptions) -> Vec<Diagnostic> {
    let Some(text) =
        std::fs::read_to_string(path).ok().filter(|text| text.is_ascii() || !text.contains('\r'))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in Outline::of(&text).items.iter().take(STATEMENTS) {
        let mut options = options.clone();
        options.texts = vec![(path.to_path_buf(), only(&text, &item.range))];
        let diagnostics = match Workflow::load_with(path, &options) {
            Ok(workflow) => workflow.unsupported(),
            Err(error) => error.diagnostics().to_vec(),
        };
        found.extend(diagnostics.into_iter().filter(|found| OF_ITS_OWN.contains(&&*found.code)));
    }
    found
}

/// The lines of `range` and those that import, in their places.
fn only(text: &str, range: &Range<usize>) -> String {
    let mut at = 0;
    let line = |line: &str| {
        let (start, end) = (at, at + line.len());
        at = end;
        let imports = ["import ", "from "].iter().any(|word| line.starts_with(word));
        let is_inside = start < range.end && range.start < end;
        if imports || is_inside { line.to_string() } else { "\n".to_string() }
    };
    text.split_inclusive('\n').map(line).collect()
}

impl Report {
    /// Whether there is nothing that has to be changed first.
    pub(crate) fn is_used(&self) -> bool {
        self.loads && self.mistakes() == 0
    }

    fn mistakes(&self) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
    }

    pub(crate) fn summary(&self) -> String {
        let path = self.path.display();
        let (all, load) = match self.rules {
            1 => ("its 1 rule".to_string(), "loads"),
            rules => (format!("all of its {rules} rules"), "load"),
        };
        match (self.loads, self.mistakes(), self.diagnostics.len()) {
            (true, 0, 0) => format!("{path} is used as it is: {all} {load}"),
            (true, 0, 1) => format!("{path} is used as it is: {all} {load}; 1 remark above"),
            (true, 0, found) => format!("{path} is used as it is: {all} {load}; {found} remarks above"),
            (true, 1, _) => format!("{path} has 1 mistake, above with the way out; {all} {load}"),
            (true, mistakes, _) => format!("{path} has {mistakes} mistakes, above; {all} {load}"),
            (false, _, 1) => {
                format!("{path} does not load yet: what has to be changed is above, with the way out")
            }
            (false, _, found) => format!("{path} does not load yet: {found} things above have to be changed"),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "v": 1, "from": self.path, "loads": self.loads, "rules": self.rules, "diagnostics": self.diagnostics
        })
    }
}
