//! Promise: what a run tells is as the published schema says, whoever makes it, and comes back from JSON as it was. The
//! schema is part of the interface: an event or a field that is not in it fails here, and so does one that is gone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use rulemake::{Event, EventKind, JobInfo, Reason, Rule, RunOptions, Session, SkipCause, Workflow, event};
use serde_json::{Value, json, to_value};
use std::collections::BTreeSet;
use support::{Case, schema};

const RULEFILE: &str = "
def parts(wildcards):
    print('looking for parts')
    return [name + '.part' for name in open(checkpoints.split.get().output[0]).read().split()]

onstart:
    shell('echo started')

onerror:
    shell('echo failed')

rule all:
    input: 'joined', 'kept', 'last'

checkpoint split:
    output: 'list'
    shell: 'echo a b > {output}'

rule part:
    input: 'source'
    output: temp('{x}.part')
    message: 'a part'
    shell: 'cat {input} > {output}; echo {wildcards.x} >> {output}'

rule joined:
    input: parts
    output: 'joined'
    shell: 'cat {input} > {output}'

rule kept:
    input: 'source'
    output: 'kept'
    shell: 'cp {input} {output}'

rule bad:
    output: 'bad'
    retries: 1
    shell: 'echo no; exit 3'

rule last:
    input: 'bad'
    output: 'last'
    shell: 'cp {input} {output}'
";

/// The events of a real run of the command, each checked by `support` when it is read.
#[test]
fn the_command_writes_what_the_schema_says() {
    let case = Case::new().rulefile(RULEFILE).file("source", "1\n").file("kept", "old\n");
    let case = case.run_with_code(&["all", "--keep-going"], 1);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut collect = |events: &[Value]| {
        for event in events {
            seen.insert(event["event"].as_str().unwrap().to_string());
            let read: Event = serde_json::from_value(event.clone()).unwrap();
            assert_eq!(&to_value(&read).unwrap(), event, "it comes back as it was");
        }
    };
    collect(&case.last().events);
    let case = case.run(&["joined", "kept", "--cache", "results", "--force"]);
    collect(&case.last().events);
    let case = case.remove("kept").run(&["kept", "--cache", "results"]);
    collect(&case.last().events);
    for (name, rule) in [("job-output", "talk"), ("job-progress", "talk")] {
        let told = closure_events();
        assert!(told.iter().any(|event| event["event"] == name && event["job"]["rule"] == rule), "{told:?}");
        collect(&told);
    }
    seen.insert("job-reopened".into());
    assert_eq!(seen, schema::titles(None).into_iter().collect(), "each event of the schema was seen");
}

fn closure_events() -> Vec<Value> {
    let root = tempfile::tempdir().unwrap();
    let (observer, events) = event::channel();
    let rule = Rule::builder("talk").output("out").action("1", |job| {
        job.log("hello");
        job.progress(1, 2);
        Ok(job.write(&job.outputs()[0], "")?)
    });
    let workflow = Workflow::builder().rule(rule).build().unwrap();
    let mut session = Session::builder(workflow).root(root.path()).observer(observer).open().unwrap();
    assert!(session.run::<&str>(&[], &RunOptions::default()).unwrap().success());
    drop(session);
    events
        .iter()
        .map(|event| to_value(&event).unwrap())
        .inspect(|event| schema::check_event(event).unwrap())
        .collect()
}

/// What no short scenario brings about, in the form in which it is written.
#[test]
fn every_reason_and_cause_is_in_the_schema() {
    let digest = rulemake::Digest::of(b"x");
    let (path, name, text) = (|| "p".to_string(), || "n".to_string(), || "t".to_string());
    let all = [
        Reason::Forced,
        Reason::NoOutputs,
        Reason::Interrupted { run: 1 },
        Reason::RunningNow { run: 1, by: text() },
        Reason::OutputSetChanged { path: path() },
        Reason::NoRecord,
        Reason::NeverBuilt,
        Reason::FailedBefore { run: 1, outcome: text() },
        Reason::CommandChanged { old: None, new: text() },
        Reason::ScriptChanged { path: path(), old: Some(digest), new: digest },
        Reason::EnvironmentChanged { kind: text(), name: name(), old: None, new: digest },
        Reason::ParamChanged { name: name(), old: text(), new: text() },
        Reason::ParamAdded { name: name(), new: text() },
        Reason::ParamRemoved { name: name(), old: text() },
        Reason::WildcardChanged { name: name(), old: Some(text()), new: None },
        Reason::InputAdded { path: path() },
        Reason::InputRemoved { path: path() },
        Reason::InputsReordered,
        Reason::InputChanged { path: path(), old: digest, new: digest, by: None },
        Reason::InputCounts { path: path() },
        Reason::RequirementChanged { path: path(), old: None, new: text() },
        Reason::OutputMissing { path: path() },
        Reason::OutputModified { path: path(), old: digest, new: digest },
        Reason::OutputKindChanged { path: path(), expected: text() },
        Reason::OtherLocked { path: path(), locked: digest, here: digest },
        Reason::NeededBy { path: path(), job: text() },
        Reason::Together { job: text() },
    ];
    let tags: BTreeSet<String> = all.iter().map(|reason| reason.tag().to_string()).collect();
    assert_eq!(tags, schema::titles(Some("reason")).into_iter().collect());
    for reason in &all {
        let json = to_value(reason).unwrap();
        schema::check_definition("reason", &json).unwrap();
        assert_eq!(&serde_json::from_value::<Reason>(json).unwrap(), reason);
    }
    let causes = [
        SkipCause::UpstreamFailed { job: text() },
        SkipCause::PartnerFailed { job: text() },
        SkipCause::Drained,
        SkipCause::Cancelled,
    ];
    for cause in causes {
        schema::check_definition("skip-cause", &to_value(cause).unwrap()).unwrap();
    }
    let job: JobInfo =
        serde_json::from_value(json!({"id": 1, "rule": "r", "outputs": [], "wildcards": []})).unwrap();
    let kind = EventKind::JobReopened { job, was_up_to_date: true, reason: Reason::Forced };
    let mut event = to_value(kind).unwrap();
    for (name, value) in [("v", json!(event::FORMAT)), ("seq", json!(0)), ("time_ms", json!(0))] {
        event[name] = value;
    }
    schema::check_event(&event).unwrap();
}

/// A schema that lets everything through would guard nothing.
#[test]
fn what_is_not_in_the_schema_is_found() {
    let event = |more: &[(&str, Value)]| {
        let mut event = json!({"v": 1, "seq": 0, "time_ms": 0, "event": "temp-removed", "path": "a"});
        more.iter().for_each(|(name, value)| event[*name] = value.clone());
        schema::check_event(&event)
    };
    assert_eq!(event(&[]), Ok(()));
    assert!(event(&[("more", json!(1))]).unwrap_err().contains("event.more is not in the schema"));
    assert!(event(&[("path", json!(1))]).is_err());
    assert!(event(&[("v", json!(2))]).is_err());
    assert!(event(&[("event", json!("temp-lost"))]).is_err());
    let lacks = json!({"v": 1, "seq": 0, "time_ms": 0, "event": "temp-removed"});
    assert!(schema::check_event(&lacks).unwrap_err().contains("lacks \"path\""));
}
