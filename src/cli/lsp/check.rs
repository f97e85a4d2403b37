//! What takes long, on a thread of its own: loads of the workflow for mistakes, and plans for what would run.
//!
//! Of several requests for a check only the last one counts; nothing that happens here can end the server.

use super::files::Files;
use super::place::{Main, path_of};
use super::text::{Encoding, Text};
use lsp_types::{
    Diagnostic as Shown, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
    NumberOrString, Uri,
};
use rulemake::lint::LintOptions;
use rulemake::report::printable;
use rulemake::source::included_files;
use rulemake::{Diagnostic, Label, LoadOptions, Plan, RunOptions, Session, Severity, Verdict, Workflow};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

/// A document as it was when the check was asked for.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: Arc<Text>,
    pub(super) is_rulefile: bool,
}

/// All that a check needs to know.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) open: Vec<Open>,
    pub(super) encoding: Encoding,
    /// From the command line.
    pub(super) options: LoadOptions,
    /// The one Rulefile, when the command line names it.
    pub(super) main: Option<Main>,
    /// Also the lints that only some want.
    pub(super) pedantic: bool,
    /// The process's directory: names are shown from there.
    pub(super) here: PathBuf,
    /// Where programs are looked for.
    pub(super) search_path: Option<OsString>,
}

pub(super) enum Job {
    Check(Snapshot),
    /// What would run for a rule; the number says which question is answered, `until` how long anybody waits.
    Plan {
        number: u64,
        until: Instant,
        main: Main,
        rule: String,
        snapshot: Snapshot,
    },
}

pub(super) enum Done {
    Checked(Found),
    Planned { number: u64, text: Option<String> },
}

/// What a check found.
pub(super) struct Found {
    /// For each document that was looked at, with its version if it is open.
    pub(super) all: Vec<(Uri, Option<i32>, Vec<Shown>)>,
    /// For each workflow; nothing when it has mistakes.
    pub(super) loads: BTreeMap<Main, Option<Loaded>>,
}

/// What a load knows beyond the texts.
#[derive(Default)]
pub(super) struct Loaded {
    /// The Rulefiles that it read.
    pub(super) files: Vec<PathBuf>,
    pub(super) rules: Vec<Known>,
}

/// A rule of a workflow.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) outputs: Vec<String>,
    pub(super) wildcards: Vec<String>,
    /// Where it is defined.
    pub(super) place: Option<(PathBuf, Label)>,
}

/// Does what is asked for until nobody asks any more.
pub(super) fn work(jobs: &Receiver<Job>, done: impl Fn(Done) -> bool) {
    while let Ok(first) = jobs.recv() {
        let mut todo = vec![first];
        todo.extend(jobs.try_iter());
        let last_check = todo.iter().rposition(|job| matches!(job, Job::Check(_)));
        for (number, job) in todo.into_iter().enumerate() {
            let result = match job {
                Job::Check(_) if Some(number) != last_check => continue,
                Job::Check(snapshot) => Done::Checked(check(&snapshot)),
                Job::Plan { until, .. } if until <= Instant::now() => continue,
                Job::Plan { number, main, rule, snapshot, .. } => {
                    Done::Planned { number, text: would_run(&snapshot, &main, &rule) }
                }
            };
            if !done(result) {
                return;
            }
        }
    }
}

/// A thread that works; it ends with the sender.
///
/// # Errors
/// No thread can be started.
pub(super) fn start(jobs: Receiver<Job>, events: Sender<super::Event>) -> std::io::Result<()> {
    let work = move || work(&jobs, |done| events.send(super::Event::Done(done)).is_ok());
    std::thread::Builder::new().name("rulemake-lsp-check".into()).spawn(work).map(drop)
}

impl Snapshot {
    pub(super) fn files(&self) -> Files {
        let mut files = Files::default();
        files.open =
            self.open.iter().filter_map(|doc| Some((path_of(&doc.uri)?, doc.text.clone()))).collect();
        files
    }

    pub(super) fn main_of(&self, file: &Path, files: &Files) -> Option<Main> {
        self.main.clone().or_else(|| Main::of(file, &|path| files.is_there(path)))
    }

    fn load(&self, main: &Main, files: &Files) -> rulemake::Result<Workflow> {
        let mut options = self.options.clone();
        options.root = Some(main.root.clone());
        options.texts =
            files.open.iter().map(|(path, text)| (path.clone(), text.content.to_string())).collect();
        Workflow::load_with(crate::project::shown(&self.here, &main.file), &options)
    }

    /// The file that a message names.
    fn named(&self, name: &str, main: &Main, files: &Files) -> PathBuf {
        let above = main.file.parent().unwrap_or(&main.root);
        let candidates =
            [&*self.here, &*main.root, above].map(|dir| crate::project::lexical(&dir.join(name)));
        candidates.iter().find(|path| files.is_there(path)).unwrap_or(&candidates[0]).clone()
    }
}

fn check(snapshot: &Snapshot) -> Found {
    let files = snapshot.files();
    let mut found: BTreeMap<PathBuf, Vec<Shown>> = BTreeMap::new();
    let mut loads: BTreeMap<Main, Option<Loaded>> = BTreeMap::new();
    let rulefiles = || snapshot.open.iter().filter(|doc| doc.is_rulefile);
    let mains: BTreeSet<Main> =
        rulefiles().filter_map(|doc| snapshot.main_of(&path_of(&doc.uri)?, &files)).collect();
    for main in mains {
        let (diagnostics, loaded) = check_workflow(snapshot, &main, &files);
        let told = diagnostics.iter().filter_map(|diagnostic| show(snapshot, diagnostic, &main, &files));
        for (path, shown) in told {
            found.entry(path).or_default().push(shown);
        }
        loads.insert(main, loaded);
    }
    let mut all = Vec::new();
    for doc in &snapshot.open {
        let path = path_of(&doc.uri);
        let mut own = path.as_ref().and_then(|path| found.remove(path)).unwrap_or_default();
        if doc.is_rulefile {
            // Here it costs nobody's time: the answers need it.
            doc.text.outline();
            // A load that stopped before this file, or that does not get to it, says nothing about its text.
            let syntax = included_files(&doc.text.content).err();
            for diagnostic in syntax.iter().flat_map(|error| error.diagnostics()) {
                let shown = convert(snapshot, diagnostic, None, &files, &doc.text, &doc.uri);
                let known = |other: &Shown| (other.range, &other.code) == (shown.range, &shown.code);
                if !own.iter().any(known) {
                    own.push(shown);
                }
            }
        }
        if doc.is_rulefile || !own.is_empty() {
            all.push((doc.uri.clone(), Some(doc.version), own));
        }
    }
    for (path, shown) in found {
        all.extend(super::place::uri_of(&path).map(|uri| (uri, None, shown)));
    }
    for (_, _, shown) in &mut all {
        shown.sort_by_key(|shown| (shown.range.start.line, shown.range.start.character));
    }
    Found { all, loads }
}

fn check_workflow(snapshot: &Snapshot, main: &Main, files: &Files) -> (Vec<Diagnostic>, Option<Loaded>) {
    match snapshot.load(main, files) {
        Ok(workflow) => {
            let mut options = LintOptions::default();
            options.root = Some(main.root.clone());
            options.pedantic = snapshot.pedantic;
            let named = |name: &str| snapshot.named(name, main, files);
            let rules = workflow.rules().map(|rule| Known {
                name: rule.name().to_string(),
                doc: rule.doc().map(String::from),
                outputs: rule.outputs().map(String::from).collect(),
                wildcards: rule.wildcards().map(String::from).collect(),
                place: workflow.place_of(rule.name()).map(|place| (named(&place.file), place)),
            });
            let loaded = Loaded { rules: rules.collect(), files: workflow.rulefiles().map(named).collect() };
            (workflow.lints(&options), Some(loaded))
        }
        Err(error) => (error.diagnostics().to_vec(), None),
    }
}

/// A finding as the protocol has it, with its file. Without a place it is told at the start of the Rulefile.
fn show(
    snapshot: &Snapshot,
    diagnostic: &Diagnostic,
    main: &Main,
    files: &Files,
) -> Option<(PathBuf, Shown)> {
    let path = diagnostic.labels.first().map(|label| snapshot.named(&label.file, main, files));
    let read = path.and_then(|path| Some((files.text(&path)?, path)));
    // What is said of a text that cannot be read has no place, either.
    let (text, path) = match read {
        Some(read) => read,
        None => (files.text(&main.file)?, main.file.clone()),
    };
    let uri = super::place::uri_of(&path)?;
    Some((path, convert(snapshot, diagnostic, Some(main), files, &text, &uri)))
}

/// `text` and `uri` are those of the first place. Without a Rulefile all places are in one text.
fn convert(
    snapshot: &Snapshot,
    diagnostic: &Diagnostic,
    main: Option<&Main>,
    files: &Files,
    text: &Text,
    uri: &Uri,
) -> Shown {
    let encoding = snapshot.encoding;
    let range = diagnostic.labels.first().map(|label| range_of(label, text, encoding)).unwrap_or_default();
    let mut message = diagnostic.message.clone();
    let first = diagnostic.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
    let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
    for more in first.map(String::from).into_iter().chain(notes).chain(help) {
        message.push('\n');
        message.push_str(&more);
    }
    let related = diagnostic.labels.iter().skip(1).filter_map(|label| {
        let (uri, range) = match main {
            Some(main) => {
                let path = snapshot.named(&label.file, main, files);
                let range = range_of(label, &*files.text(&path)?, encoding);
                (super::place::uri_of(&path)?, range)
            }
            None => (uri.clone(), range_of(label, text, encoding)),
        };
        let message = if label.text.is_empty() { "here".to_string() } else { label.text.clone() };
        Some(DiagnosticRelatedInformation { location: Location::new(uri, range), message })
    });
    let related: Vec<_> = related.collect();
    let is_unused = diagnostic.code.starts_with("unused-");
    Shown {
        range,
        severity: Some(match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            _ => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(diagnostic.code.clone())),
        source: Some("rulemake".into()),
        message: printable_lines(&message),
        related_information: (!related.is_empty()).then_some(related),
        tags: is_unused.then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..Shown::default()
    }
}

pub(super) fn range_of(label: &Label, text: &Text, encoding: Encoding) -> lsp_types::Range {
    let start = text.place(label.line, label.column, encoding);
    let end = text.place(label.end_line, label.end_column, encoding);
    lsp_types::Range::new(start, end.max(start))
}

/// A text without characters that would do something to who shows it.
fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Jobs of a rule that are named.
const JOBS_SHOWN: usize = 5;

/// What would run for a rule, as Markdown; nothing when the workflow cannot be loaded.
fn would_run(snapshot: &Snapshot, main: &Main, rule: &str) -> Option<String> {
    let files = snapshot.files();
    let workflow = snapshot.load(main, &files).ok()?;
    // A rule with wildcards makes what others ask for.
    let is_target = workflow.rule(rule)?.wildcards().next().is_none();
    let session = Session::builder(workflow)
        .root(&main.root)
        .search_path(snapshot.search_path.clone().unwrap_or_default())
        .temp_dir(std::env::temp_dir().to_string_lossy())
        .open()
        .ok()?;
    let targets: &[&str] = if is_target { &[rule] } else { &[] };
    Some(match session.plan(targets, &RunOptions::default()) {
        Ok(plan) => jobs_of(&plan, rule),
        Err(error) => {
            let found = error.diagnostics().first().map(|found| found.message.clone());
            format!("Cannot be planned: {}", printable_lines(&found.unwrap_or_else(|| error.to_string())))
        }
    })
}

fn jobs_of(plan: &Plan, rule: &str) -> String {
    let jobs: Vec<_> = plan.jobs().filter(|job| job.rule() == rule).collect();
    if jobs.is_empty() {
        return "The default target needs no job of it.".into();
    }
    let to_run: Vec<(String, String)> = jobs
        .iter()
        .filter_map(|job| {
            let name = job.info().outputs.into_iter().next().unwrap_or_else(|| rule.to_string());
            let why = match job.verdict() {
                Verdict::Run { reasons } => reasons.first()?.to_string(),
                Verdict::May { inputs } => format!("if {} comes out different", inputs.first()?),
                Verdict::AfterCheckpoint { checkpoints } => format!("after {}", checkpoints.first()?),
                _ => return None,
            };
            Some((name, why))
        })
        .collect();
    let mut text = match (to_run.len(), jobs.len()) {
        (0, 1) => return "Its job is up to date.".into(),
        (0, all) => return format!("All {all} jobs are up to date."),
        (1, 1) => "Would run:\n".to_string(),
        (some, all) => format!("Would run, {some} of {all} jobs:\n"),
    };
    for (name, why) in to_run.iter().take(JOBS_SHOWN) {
        text.push_str(&format!("\n- `{}`: {}", printable(name), printable(why)));
    }
    if to_run.len() > JOBS_SHOWN {
        text.push_str(&format!("\n- and {} more", to_run.len() - JOBS_SHOWN));
    }
    text
}
