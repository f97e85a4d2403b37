//! Beside the random jobs: a checkpoint that lists the lines of a source, a job for each line, and one that gathers them.
//! Its oracle knows contents alone.

use super::support::{Case, title};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use rulemake::{PathPattern, Rule, Value, WorkflowBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the jobs made when they last ran, and from what.
#[derive(Default)]
pub(crate) struct Growing {
    /// The jobs of single lines make temporary files.
    pub(crate) temp: bool,
    list: Option<(String, String)>,
    parts: BTreeMap<String, (String, String)>,
    /// Parts of which it is not known whether they are on record.
    unknown: BTreeSet<String>,
    gathered: Option<(Vec<String>, String)>,
}

#[derive(Clone, Debug)]
pub(crate) enum GrowingChange {
    Delete(Index),
    Edit(Index),
    Temp(bool),
}

pub(crate) fn change() -> impl Strategy<Value = GrowingChange> {
    prop_oneof![
        any::<Index>().prop_map(GrowingChange::Delete),
        any::<Index>().prop_map(GrowingChange::Edit),
        any::<bool>().prop_map(GrowingChange::Temp),
    ]
}

/// What the next run must do, and what must be there after it.
pub(crate) struct Expected {
    ran: BTreeSet<String>,
    /// Of these it is not known whether they have to run.
    may: BTreeSet<String>,
    files: BTreeMap<String, Option<String>>,
}

impl Growing {
    /// Nothing is known of what was made.
    pub(crate) fn forget(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        self.unknown.extend(parts.into_keys());
        (self.list, self.gathered) = (None, None);
    }

    pub(crate) fn rules(&self) -> String {
        let part = if self.temp { "temp('g/{n}')" } else { "'g/{n}'" };
        let mut text = String::new();
        let _ = write!(
            text,
            "
checkpoint ck:
    input: 's0'
    output: 'list'
    shell: 'sort -u {{input}} | sed /^$/d > {{output}}'

rule g:
    input: 's1'
    output: {part}
    wildcard_constraints: n='[0-9a-z]+'
    shell: 'echo {{wildcards.n}} > {{output}}; cat {{input}} >> {{output}}'

rule gather:
    input: lambda wildcards: ['g/' + n for n in open(checkpoints.ck.get().output[0]).read().split()]
    output: 'o/grown'
    shell: 'cat /dev/null {{input}} > {{output}}'
"
        );
        text
    }

    /// The same rules with closures.
    pub(crate) fn build(&self, builder: WorkflowBuilder, root: &Path) -> rulemake::Workflow {
        let part = PathPattern::new("g/{n}");
        let part = if self.temp { part.temp() } else { part };
        let read = |path: &Path| fs::read_to_string(path);
        let list = root.join("list");
        builder
            .rule(Rule::builder("ck").checkpoint().input("s0").output("list").action("1", move |job| {
                let text = read(&job.inputs()[0])?;
                let lines: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
                let list: String = lines.iter().map(|line| format!("{line}\n")).collect();
                Ok(fs::write(&job.outputs()[0], list)?)
            }))
            .rule(Rule::builder("g").input("s1").output(part).constraint("n", "[0-9a-z]+").action(
                "1",
                move |job| {
                    let name = job.wildcards().get("n").unwrap_or_default();
                    Ok(fs::write(&job.outputs()[0], format!("{name}\n{}", read(&job.inputs()[0])?))?)
                },
            ))
            .rule(
                Rule::builder("gather")
                    .input_fn(move |cx| {
                        cx.after_checkpoint("ck", &[])?;
                        let list = read(&list)?;
                        Ok(Value::List(list.lines().map(|n| Value::from(format!("g/{n}"))).collect()))
                    })
                    .output("o/grown")
                    .action("1", move |job| {
                        let texts =
                            job.inputs().iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
                        Ok(fs::write(&job.outputs()[0], texts.concat())?)
                    }),
            )
            .build()
            .unwrap()
    }

    pub(crate) fn apply(&mut self, case: &Case, change: &GrowingChange) {
        let mut files = vec!["list".to_string(), "o/grown".to_string()];
        files.extend(case.files("g"));
        match change {
            GrowingChange::Delete(index) => {
                let _ = fs::remove_file(case.path(&files[index.index(files.len())]));
            }
            GrowingChange::Edit(index) => {
                let path = case.path(&files[index.index(files.len())]);
                if path.exists() {
                    fs::write(path, "edited\n").unwrap();
                }
            }
            GrowingChange::Temp(temp) => self.temp = *temp,
        }
    }

    /// What a run for `o/grown` must do from here.
    pub(crate) fn expect(&mut self, case: &Case) -> Expected {
        let read = |path: &str| fs::read_to_string(case.path(path)).ok();
        let (s0, s1) = (read("s0").unwrap(), read("s1").unwrap());
        let names: BTreeSet<&str> = s0.lines().filter(|line| !line.is_empty()).collect();
        let mut expected = Expected { ran: BTreeSet::new(), may: BTreeSet::new(), files: BTreeMap::new() };

        let list: String = names.iter().map(|name| format!("{name}\n")).collect();
        let now = Some((s0.clone(), list.clone()));
        if self.list != now || read("list").as_ref() != Some(&list) {
            expected.ran.insert("ck list".into());
        }
        self.list = now;
        expected.files.insert("list".into(), Some(list.clone()));

        let parts: Vec<(String, String)> =
            names.iter().map(|name| (name.to_string(), format!("{name}\n{s1}"))).collect();
        let gathered: String = parts.iter().map(|(_, text)| text.as_str()).collect();
        let now = Some((parts.iter().map(|(name, _)| name.clone()).collect(), gathered.clone()));
        let gathers = self.gathered != now || read("o/grown").as_ref() != Some(&gathered);
        for (name, text) in &parts {
            let now = (s1.clone(), text.clone());
            let on_disk = read(&format!("g/{name}"));
            let is_there = on_disk.as_ref().map_or(self.temp && !gathers, |found| found == text);
            if self.unknown.remove(name) {
                expected.may.insert(format!("g g/{name}"));
            } else if self.parts.get(name) != Some(&now) || !is_there {
                expected.ran.insert(format!("g g/{name}"));
            }
            self.parts.insert(name.clone(), now);
            expected.files.insert(format!("g/{name}"), Some(text.clone()).filter(|_| !self.temp));
        }
        if gathers {
            expected.ran.insert("gather o/grown".into());
        }
        self.gathered = now;
        expected.files.insert("o/grown".into(), Some(gathered));
        expected
    }
}

impl Expected {
    pub(crate) fn check_files(&self, case: &Case, told: &str) -> Result<(), TestCaseError> {
        for (path, text) in &self.files {
            let found = fs::read_to_string(case.path(path)).ok();
            prop_assert_eq!(&found, text, "content of {}\n{}", path, told);
        }
        Ok(())
    }

    pub(crate) fn check(
        &self,
        case: &Case,
        events: &[serde_json::Value],
        plan: &[(String, String)],
        told: &str,
    ) -> Result<(), TestCaseError> {
        let finished = events.iter().filter(|e| e["event"] == "job-finished" && is_grown(&e["job"]));
        let ran: BTreeSet<String> = finished.map(|e| title(&e["job"])).collect();
        let known: BTreeSet<String> = ran.difference(&self.may).cloned().collect();
        prop_assert_eq!(&known, &self.ran, "what the checkpoint leads to\n{}", told);
        self.check_files(case, told)?;
        for (job, verdict) in plan {
            let kept = match verdict.as_str() {
                "run" => ran.contains(job),
                "up-to-date" => !ran.contains(job),
                _ => true,
            };
            prop_assert!(kept, "the plan said {} for {}\n{}", verdict, job, told);
        }
        Ok(())
    }
}

/// Whether the job is one of those beside the random ones.
pub(crate) fn is_grown(job: &serde_json::Value) -> bool {
    ["ck", "g", "gather"].contains(&job["rule"].as_str().unwrap())
}
