//! The values of the outputs below `metrics:`, as they are and as runs left them.
//!
//! A run notes them in its own directory, so that a later one can be compared with it although the files are made anew. No
//! decision rests on that note.

mod locked;
mod read;

use super::{RunOptions, Session};
use crate::disk;
use crate::engine::drive::Outcomes;
use crate::error::Result;
use crate::files::read_small;
use crate::matching::index::Scratch;
use crate::model::flags::Flag;
use crate::model::value::Value;
use crate::plan::context::Context;
use crate::store::{read as read_state, runs};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// Metrics are few: a larger file is data.
const MAX_BYTES: u64 = 1 << 20;

/// The values of files with metrics: numbers, texts, truth values, lists and what is nothing (`null`) by name, nested names with dots
/// between them. JSON, YAML and TOML are read, and CSV and TSV: a row of values below a row of
/// names, or several rows that each begin with a name.
///
/// ```
/// let mut metrics = rulemake::inspect::Metrics::default();
/// metrics.add("eval.json", br#"{"auc": 0.93, "by_class": {"cat": 0.9, "dog": 0.95}}"#);
/// assert_eq!(metrics.get("eval.json", "by_class.dog"), Some(&0.95.into()));
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Metrics {
    files: BTreeMap<String, Vec<(String, Value)>>,
    unreadable: BTreeMap<String, String>,
}

impl Metrics {
    /// Adds what a file says, in the format that its name tells; or why it cannot be read: [`Metrics::unreadable`].
    ///
    /// ```
    /// let mut metrics = rulemake::inspect::Metrics::default();
    /// metrics.add("eval.toml", b"auc = ");
    /// let (path, why) = metrics.unreadable().next().expect("it is no TOML");
    /// assert!(path == "eval.toml" && why.contains("line 1"));
    /// ```
    pub fn add(&mut self, path: &str, content: &[u8]) {
        self.take(path, read::values(path, content));
    }

    fn take(&mut self, path: &str, values: std::result::Result<Vec<(String, Value)>, String>) {
        match values {
            Ok(values) => drop(self.files.insert(path.to_string(), values)),
            Err(why) => drop(self.unreadable.insert(path.to_string(), why)),
        }
    }

    /// The files by path, each with its values in the order of the file.
    ///
    /// ```
    /// fn names(metrics: &rulemake::inspect::Metrics) -> Vec<&str> {
    ///     metrics.files().flat_map(|(_, values)| values.iter().map(|(name, _)| name.as_str())).collect()
    /// }
    /// ```
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &[(String, Value)])> {
        self.files.iter().map(|(path, values)| (path.as_str(), values.as_slice()))
    }

    /// Files that say nothing that is understood, each with the reason.
    ///
    /// ```
    /// fn is_right(metrics: &rulemake::inspect::Metrics) -> bool {
    ///     metrics.unreadable().len() == 0
    /// }
    /// ```
    pub fn unreadable(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.unreadable.iter().map(|(path, why)| (path.as_str(), why.as_str()))
    }

    /// One value.
    ///
    /// ```
    /// fn auc(metrics: &rulemake::inspect::Metrics) -> Option<f64> {
    ///     metrics.get("eval.json", "auc")?.as_float()
    /// }
    /// ```
    #[must_use]
    pub fn get(&self, path: &str, name: &str) -> Option<&Value> {
        self.files.get(path)?.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Those whose path is `wanted`.
    ///
    /// ```
    /// fn of_models(metrics: rulemake::inspect::Metrics) -> rulemake::inspect::Metrics {
    ///     metrics.only(|path| path.starts_with("models/"))
    /// }
    /// ```
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(&str) -> bool) -> Metrics {
        self.files.retain(|path, _| wanted(path));
        self.unreadable.retain(|path, _| wanted(path));
        self
    }

    /// Whether there is nothing, readable or not.
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.unreadable.is_empty()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.files).entries(&self.unreadable).finish()
    }
}

/// `{"v": 1, "files": {"eval.json": {"auc": 0.93}}, "unreadable": {}}`
impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        struct Files<'m>(&'m BTreeMap<String, Vec<(String, Value)>>);
        struct Values<'m>(&'m [(String, Value)]);
        impl Serialize for Files<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(path, values)| (path, Values(values))))
            }
        }
        impl Serialize for Values<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
            }
        }
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("v", &1)?;
        map.serialize_entry("files", &Files(&self.files))?;
        map.serialize_entry("unreadable", &self.unreadable)?;
        map.end()
    }
}

/// A metric before and after; the one that it had no value at is `None`.
///
/// ```
/// use rulemake::inspect::MetricChange;
/// fn worse(change: &MetricChange) -> bool {
///     change.change.is_some_and(|change| change < 0.0)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricChange {
    /// The file.
    pub path: String,
    /// The name of the value.
    pub metric: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it is.
    pub after: Option<Value>,
    /// By how much it grew, of numbers.
    pub change: Option<f64>,
}

impl MetricChange {
    /// Whether the two differ at all.
    ///
    /// ```
    /// use rulemake::inspect::MetricChange;
    /// fn count(all: &[MetricChange]) -> usize {
    ///     all.iter().filter(|change| change.is_change()).count()
    /// }
    /// ```
    #[must_use]
    pub fn is_change(&self) -> bool {
        let same = |a: &Value, b: &Value| a == b || a.canonical() == b.canonical();
        !matches!((&self.before, &self.after), (Some(before), Some(after)) if same(before, after))
    }
}

/// All metrics of two states side by side, those that did not change, too.
///
/// ```
/// use rulemake::inspect::{Metrics, MetricsDiff};
/// let (mut before, mut after) = (Metrics::default(), Metrics::default());
/// before.add("eval.json", br#"{"auc": 0.5, "n": 10}"#);
/// after.add("eval.json", br#"{"auc": 0.75, "n": 10}"#);
/// let diff = MetricsDiff::between(("run 1", &before), ("now", &after));
/// assert_eq!((diff.metrics.len(), diff.metrics[0].change), (2, Some(0.25)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricsDiff {
    /// Version of the JSON form.
    pub v: u32,
    /// What the state before is called.
    pub before: String,
    /// What the state after is called.
    pub after: String,
    /// The metrics, by file and in the order of the files.
    pub metrics: Vec<MetricChange>,
    /// Files that cannot be compared, for one of the two cannot be read.
    pub unreadable: BTreeMap<String, String>,
}

impl MetricsDiff {
    /// Compares two states, each with what it is called.
    ///
    /// ```
    /// # use rulemake::{Session, inspect::MetricsDiff};
    /// fn since(session: &Session, run: u32) -> rulemake::Result<MetricsDiff> {
    ///     let (then, now) = (session.metrics_of_run(run)?.unwrap_or_default(), session.metrics()?);
    ///     Ok(MetricsDiff::between(("then", &then), ("now", &now)))
    /// }
    /// ```
    #[must_use]
    pub fn between(before: (&str, &Metrics), after: (&str, &Metrics)) -> MetricsDiff {
        let ((before_name, before), (after_name, after)) = (before, after);
        let mut unreadable = BTreeMap::new();
        for (name, metrics) in [(before_name, before), (after_name, after)] {
            for (path, why) in metrics.unreadable() {
                unreadable.insert(path.to_string(), format!("{name}: {why}"));
            }
        }
        let paths: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
        let mut metrics = Vec::new();
        for path in paths.into_iter().filter(|path| !unreadable.contains_key(*path)) {
            let values = |of: &Metrics| of.files.get(path).cloned().unwrap_or_default();
            let (old, new) = (values(before), values(after));
            let gone = old.iter().filter(|(name, _)| !new.iter().any(|(known, _)| known == name));
            for (name, _) in new.iter().chain(gone) {
                let (old, new) = (before.get(path, name), after.get(path, name));
                metrics.push(MetricChange {
                    path: path.clone(),
                    metric: name.clone(),
                    before: old.cloned(),
                    after: new.cloned(),
                    change: old.zip(new).and_then(|(old, new)| growth(old, new)),
                });
            }
        }
        MetricsDiff { v: 1, before: before_name.into(), after: after_name.into(), metrics, unreadable }
    }

    /// Leaves out what did not change.
    ///
    /// ```
    /// use rulemake::inspect::MetricsDiff;
    /// fn is_as_it_was(diff: MetricsDiff) -> bool {
    ///     diff.only_changes().metrics.is_empty()
    /// }
    /// ```
    #[must_use]
    pub fn only_changes(mut self) -> MetricsDiff {
        self.metrics.retain(MetricChange::is_change);
        self
    }
}

fn growth(old: &Value, new: &Value) -> Option<f64> {
    let number = |value: &Value| match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    };
    match (old, new) {
        (Value::Int(old), Value::Int(new)) => new.checked_sub(*old).map(|n| n as f64),
        // There is no difference between what is no number, or endless.
        _ => Some(number(new)? - number(old)?).filter(|change| !change.is_nan()),
    }
}

impl Session {
    /// The paths below `metrics:` of all jobs that are known: those of the default target, those on record, and those
    /// without wildcards. Whether the files are there is another question.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// let text = "rule a:\n    metrics: 'eval.json'\n    shell: 'echo {{}} > {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// assert_eq!(session.metric_files()?, ["eval.json"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when the state cannot be read.
    pub fn metric_files(&self) -> Result<Vec<String>> {
        let rules = &self.workflow.rules;
        if !rules.iter().any(|rule| rule.output_flags.iter().any(|flags| flags.has(Flag::Metrics))) {
            return Ok(Vec::new());
        }
        let mut loaded = read_state(&self.state_dir())?;
        let mut found = BTreeSet::new();
        let mut scratch = Scratch::default();
        for made in loaded.view.made() {
            let path = loaded.paths.text(made);
            self.index.candidates(path, &mut scratch, |candidate| {
                let flags = rules[candidate.rule as usize].output_flags.get(usize::from(candidate.output));
                if flags.is_some_and(|flags| flags.has(Flag::Metrics)) {
                    found.insert(path.to_string());
                }
            });
        }
        for rule in rules {
            let flagged = rule.outputs.iter().zip(&rule.output_flags);
            let fixed =
                flagged.filter(|(pattern, flags)| flags.has(Flag::Metrics) && pattern.names.is_empty());
            found.extend(fixed.map(|(pattern, _)| pattern.text.to_string()));
        }
        // Where there is no plan, what is known without one has to do.
        if let Ok(cx) = self.context::<&str>(&[], &RunOptions::default(), &mut loaded, false) {
            found.extend(metric_files(&cx).map(str::to_string));
        }
        Ok(found.into_iter().collect())
    }

    /// The metrics as the files say now; those that are not there are left out.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let text = "rule a:\n    metrics: 'no-such.json'\n    shell: 'echo {{}} > {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// for (path, values) in session.metrics()?.files() {
    ///     println!("{path}: {values:?}");
    /// }
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::metric_files`].
    pub fn metrics(&self) -> Result<Metrics> {
        let mut metrics = Metrics::default();
        for path in self.metric_files()? {
            self.add_file(&mut metrics, &path);
        }
        Ok(metrics)
    }

    fn add_file(&self, metrics: &mut Metrics, path: &str) {
        match read_small(&self.root, path, MAX_BYTES) {
            Ok(content) => metrics.add(path, &content),
            Err(error) if is_absent(&error) => {}
            Err(error) => metrics.take(path, Err(error.to_string())),
        }
    }

    /// The metrics as they were at the end of a run; `None` when that is not known (any more).
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let session = Session::builder(Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'x'\n")?).open()?;
    /// let Some(metrics) = session.metrics_of_run(3)? else { return Ok(()) };
    /// println!("{:?}", metrics.get("eval.json", "auc"));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when it cannot be read.
    pub fn metrics_of_run(&self, run: u32) -> Result<Option<Metrics>> {
        let noted = runs::read_log(&runs::metrics(&self.state_dir(), run))?;
        Ok(read::noted(&noted))
    }

    /// The runs whose metrics are known, the newest first.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let session = Session::builder(Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'x'\n")?).open()?;
    /// let oldest = session.metric_runs()?.last().copied();
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when the directory of runs cannot be read.
    pub fn metric_runs(&self) -> Result<Vec<u32>> {
        let state_dir = self.state_dir();
        let mut all = runs::newest_first(&state_dir)?;
        all.retain(|run| disk::exists(&runs::metrics(&state_dir, *run)));
        Ok(all)
    }

    /// Notes what the metrics are at the end of a run. Those that its targets have nothing to do with are as they were.
    pub(super) fn note_metrics(&self, done: &Outcomes) {
        let state_dir = self.state_dir();
        let note = runs::metrics(&state_dir, done.run);
        // A run that began no job leaves no directory, and changed nothing.
        if metric_files(&done.cx).next().is_none() || !note.parent().is_some_and(disk::is_dir) {
            return;
        }
        let mut metrics = Metrics::default();
        let last =
            runs::newest_first(&state_dir).unwrap_or_default().into_iter().filter(|run| *run < done.run);
        let last = last.filter_map(|run| self.metrics_of_run(run).ok().flatten()).next();
        for (path, values) in last.into_iter().flat_map(|last| last.files) {
            if disk::exists(&self.root.join(&path)) {
                metrics.files.insert(path, values);
            }
        }
        for path in metric_files(&done.cx) {
            metrics.files.remove(path);
            self.add_file(&mut metrics, path);
        }
        if !metrics.is_empty() {
            runs::note(&note, &read::note(&metrics));
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The outputs below `metrics:` of the jobs of a plan.
fn metric_files(cx: &Context) -> impl Iterator<Item = &str> {
    cx.graph.jobs.iter().flat_map(|job| {
        let flagged = job.outputs.iter().zip(&cx.rule(job).output_flags);
        flagged.filter(|(_, flags)| flags.has(Flag::Metrics)).map(|(output, _)| cx.paths.text(*output))
    })
}
