//! Plans of graphs that grow in many rounds. Promise: to follow a round of growth tells what a judgement of the whole tells,
//! which a plan in these tests compares after each round that it follows; and what a plan says of a job, the run after it does.

use crate::cache::Cache;
use crate::engine::event::{Event, EventKind};
use crate::model::build::BoxError;
use crate::model::dynamic::CallContext;
use crate::model::job_context::JobContext;
use crate::model::path_pattern::PathPattern;
use crate::model::rule::Rule;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use crate::plan::plan::Verdict;
use crate::session::{RunOptions, Session};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Numbered steps, each with a checkpoint, a file in between, and a job whose params look at the checkpoint. What a step and a
/// checkpoint need has lower numbers, so there is no cycle.
#[derive(Clone, Debug)]
struct Steps {
    steps: Vec<Step>,
    has_temps: bool,
    has_cache: bool,
}

#[derive(Clone, Debug)]
struct Step {
    /// The checkpoints that it waits for …
    waits: Vec<Index>,
    /// … and the steps that it needs then.
    needs: Vec<Index>,
    between: Option<Index>,
    looks: bool,
    /// What its checkpoint needs.
    ask_needs: Option<Index>,
    ask_between: Option<Index>,
}

#[derive(Clone, Debug)]
enum Change {
    Source(Index),
    Delete(Index),
    Edit(Index),
    Force(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || proptest::option::weighted(0.3, any::<Index>());
    let few = || prop::collection::vec(any::<Index>(), 0..3);
    (few(), few(), some(), any::<bool>(), some(), some()).prop_map(
        |(waits, needs, between, looks, ask_needs, ask_between)| Step {
            waits,
            needs,
            between,
            looks,
            ask_needs,
            ask_between,
        },
    )
}

fn steps() -> impl Strategy<Value = Steps> {
    (prop::collection::vec(step(), 2..9), any::<bool>(), any::<bool>())
        .prop_map(|(steps, has_temps, has_cache)| Steps { steps, has_temps, has_cache })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        any::<Index>().prop_map(Change::Source),
        any::<Index>().prop_map(Change::Delete),
        any::<Index>().prop_map(Change::Edit),
        any::<Index>().prop_map(Change::Force),
    ];
    prop::collection::vec(change, 0..3)
}

fn number(cx: &CallContext<'_>) -> usize {
    cx.wildcards.get("n").and_then(|n| n.parse().ok()).unwrap_or_default()
}

fn list(paths: Vec<String>) -> Value {
    Value::List(paths.into_iter().map(Value::from).collect())
}

/// A name and what all inputs hold.
fn join(job: &JobContext) -> Result<(), BoxError> {
    let texts = job.inputs().iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(fs::write(&job.outputs()[0], texts.concat())?)
}

impl Step {
    fn input(&self, n: usize, cx: &CallContext<'_>) -> Result<Value, BoxError> {
        for wait in &self.waits {
            cx.after_checkpoint("ask", &[("n", &wait.index(n + 1).to_string())])?;
        }
        let mut paths = vec![format!("source/{n}")];
        if n > 0 {
            paths.extend(self.needs.iter().map(|need| format!("step/{}", need.index(n))));
        }
        paths.extend(self.between.iter().map(|between| format!("between/{}", between.index(n + 1))));
        paths.extend(self.looks.then(|| format!("look/{n}")));
        paths.dedup();
        Ok(list(paths))
    }

    fn ask_input(&self, n: usize) -> Value {
        let mut paths = vec![format!("source/{n}")];
        if n > 0 {
            paths.extend(self.ask_needs.iter().map(|need| format!("step/{}", need.index(n))));
        }
        paths.extend(self.ask_between.iter().map(|between| format!("between/{}", between.index(n + 1))));
        list(paths)
    }
}

impl Steps {
    fn workflow(&self) -> Workflow {
        let between = PathPattern::new("between/{n}");
        let between = if self.has_temps { between.temp() } else { between };
        let last = self.steps.len() - 1;
        let steps: Arc<[Step]> = self.steps.clone().into();
        let asked = steps.clone();
        Workflow::builder()
            .rule(Rule::builder("all").inputs([format!("step/{last}"), format!("step/{}", last / 2)]))
            .rule(
                Rule::builder("ask")
                    .checkpoint()
                    .cache(true)
                    .input_fn(move |cx| Ok(asked[number(cx)].ask_input(number(cx))))
                    .output("ask/{n}")
                    .action("1", |job| Ok(fs::write(&job.outputs()[0], "asked")?)),
            )
            .rule(Rule::builder("between").cache(true).input("source/{n}").output(between).action("1", join))
            .rule(
                Rule::builder("look")
                    .input("ask/{n}")
                    .param_fn("seen", |cx| {
                        cx.after_checkpoint("ask", &[("n", &number(cx).to_string())])?;
                        Ok(Value::from("seen"))
                    })
                    .output("look/{n}")
                    .action("1", join),
            )
            .rule(
                Rule::builder("step")
                    .cache(true)
                    .input_fn(move |cx| steps[number(cx)].input(number(cx), cx))
                    .output("step/{n}")
                    .action("1", join),
            )
            .build()
            .expect("it builds")
    }
}

struct Place {
    dir: tempfile::TempDir,
    /// The outputs of jobs that ran or were restored.
    made: Arc<Mutex<BTreeSet<String>>>,
}

impl Place {
    fn new(steps: &Steps) -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("source")).expect("a directory");
        for n in 0..steps.steps.len() {
            fs::write(dir.path().join(format!("source/{n}")), format!("{n} ")).expect("it is written");
        }
        Place { dir, made: Arc::default() }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().to_path_buf()
    }

    fn session(&self, steps: &Steps) -> Session {
        let made = self.made.clone();
        let session = Session::builder(steps.workflow()).root(self.root()).jobs(2);
        let session = match steps.has_cache {
            true => session.cache(Cache::new(self.root().join("cache"))),
            false => session,
        };
        let hear = move |event: &Event| {
            if let EventKind::JobFinished { job, .. } | EventKind::JobRestored { job, .. } = &event.kind {
                made.lock().expect("nobody panicked").insert(job.outputs[0].clone());
            }
        };
        session.observer(hear).open().expect("it opens")
    }

    /// Returns what is forced.
    fn apply(&self, change: &Change, round: usize) -> Option<String> {
        let files = |dirs: &[&str]| -> Vec<String> {
            let names = |dir: &str| {
                let found = fs::read_dir(self.dir.path().join(dir)).into_iter().flatten().flatten();
                let names = found.map(|entry| entry.file_name().to_string_lossy().into_owned());
                names.map(|name| format!("{dir}/{name}")).collect::<Vec<_>>()
            };
            let mut all: Vec<String> = dirs.iter().flat_map(|dir| names(dir)).collect();
            all.sort();
            all
        };
        let made = files(&["ask", "between", "look", "step"]);
        let path = |name: &str| self.dir.path().join(name);
        let edit = |path: &Path| fs::write(path, format!("edited {round} ")).expect("it is written");
        match change {
            Change::Source(index) => {
                let sources = files(&["source"]);
                edit(&path(&index.get(sources.as_slice())[..]));
            }
            Change::Delete(index) if !made.is_empty() => {
                fs::remove_file(path(&index.get(made.as_slice())[..])).expect("it is there");
            }
            Change::Edit(index) if !made.is_empty() => edit(&path(&index.get(made.as_slice())[..])),
            Change::Force(index) => return Some(index.get(&["ask", "between", "look", "step"]).to_string()),
            Change::Delete(_) | Change::Edit(_) => {}
        }
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn plans_that_follow_growth_say_what_runs_do(steps in steps(), rounds in prop::collection::vec(changes(), 1..4)) {
        let place = Place::new(&steps);
        for (round, changes) in std::iter::once(&Vec::new()).chain(&rounds).enumerate() {
            let force: Vec<String> = changes.iter().filter_map(|change| place.apply(change, round)).collect();
            let mut options = RunOptions { force_from: force, ..RunOptions::default() };
            let mut session = place.session(&steps);
            // Of a rule that nobody needs at first nothing can be forced.
            if session.plan::<&str>(&[], &options).is_err() {
                options.force_from.clear();
            }
            let plan = session.plan::<&str>(&[], &options).expect("it plans");
            let said: BTreeMap<String, Verdict> = plan
                .jobs()
                .filter(|job| job.has_action())
                .map(|job| (job.info().outputs[0].clone(), job.verdict().clone()))
                .collect();
            // What lies behind a checkpoint may need temporary files again, also those by which the checkpoint is made.
            let is_partial = plan.counts().after_checkpoint > 0;
            place.made.lock().expect("nobody panicked").clear();
            let report = session.run::<&str>(&[], &options).expect("it runs");
            prop_assert!(report.success());
            let made = place.made.lock().expect("nobody panicked").clone();
            for (output, verdict) in &said {
                match verdict {
                    Verdict::Run { .. } => prop_assert!(made.contains(output), "{output} was to run: {said:?}"),
                    Verdict::UpToDate if steps.has_temps && is_partial => {}
                    Verdict::UpToDate => prop_assert!(!made.contains(output), "{output} was up to date: {said:?}"),
                    _ => {}
                }
            }
            let plan = session.plan::<&str>(&[], &RunOptions::default()).expect("it plans");
            let left: Vec<_> = plan.jobs().filter(|job| !matches!(job.verdict(), Verdict::UpToDate)).collect();
            let left: Vec<_> = left.iter().map(|job| (job.info().title(), job.verdict())).collect();
            prop_assert!(left.is_empty() || steps.has_temps, "after the run: {left:?}, {said:?}, {made:?}, round {round}");
        }
    }
}
