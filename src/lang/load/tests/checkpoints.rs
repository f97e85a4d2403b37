//! What input functions see of checkpoints: nothing while they are not final, their outputs afterwards.

use super::*;
use crate::model::dynamic::{Checkpoints, PathTree};

/// The jobs that are final, as `name key=value ...`.
#[derive(Debug)]
struct Final(&'static [&'static str]);

impl Checkpoints for Final {
    fn is_final(&self, checkpoint: &str, wildcards: &[(Arc<str>, Arc<str>)]) -> bool {
        let named = wildcards.iter().map(|(name, value)| format!(" {name}={value}"));
        let job = format!("{checkpoint}{}", named.collect::<String>());
        self.0.contains(&job.as_str())
    }
}

fn paths(tree: &PathTree) -> String {
    match tree {
        PathTree::One(text, _) => text.to_string(),
        PathTree::Many(items) => items.iter().map(paths).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

/// What the input function of rule `a` gives for `s=1`, `t=2`.
fn asked(text: &str, known: Option<&Final>) -> String {
    let workflow = workflow(text);
    let InputSource::Function(function) = &workflow.rule("a").unwrap().inputs[0].source else { panic!() };
    let wildcards = Wildcards::new(["s".into(), "t".into()].into(), ["1".into(), "2".into()].into());
    let known = known.map(|known| known as &dyn Checkpoints);
    match function.paths(&CallContext { checkpoints: known, ..CallContext::naming("a", &wildcards) }) {
        Ok(tree) => paths(&tree),
        Err(CallError::Pending { checkpoint, wildcards }) => format!("waits for {checkpoint} {wildcards:?}"),
        Err(CallError::Problem(problem)) => format!("{} | {}", problem.message, problem.help.join("; ")),
        Err(CallError::Message(message)) => message,
        Err(CallError::Absent(path)) => format!("`{path}` is absent"),
    }
}

const SPLIT: &str =
    "checkpoint split:\n    output: directory('parts/{s}'), list='{s}.list'\n    shell: 'x'\n";

fn consumer(function: &str) -> String {
    format!("{SPLIT}rule a:\n    input: {function}\n    output: '{{s}}-{{t}}'\n    shell: 'x'\n")
}

#[test]
fn a_function_waits_for_the_job_of_the_checkpoint_and_then_sees_its_outputs() {
    let text = consumer("lambda wc: checkpoints.split.get(**wc).output[0]");
    assert_eq!(asked(&text, None), r#"waits for split [("s", "1")]"#);
    assert_eq!(asked(&text, Some(&Final(&["split s=2"]))), r#"waits for split [("s", "1")]"#);
    assert_eq!(asked(&text, Some(&Final(&["split s=1"]))), "parts/1");
    let named = consumer("lambda wc: checkpoints.split.get(s=7).output.list");
    assert_eq!(asked(&named, Some(&Final(&["split s=7"]))), "7.list");
    let all = consumer("lambda wc: [x for x in checkpoints.split.get(s=wc.t).output]");
    assert_eq!(asked(&all, Some(&Final(&["split s=2"]))), "parts/2 2.list");
}

#[test]
fn no_handler_takes_the_waiting_for_an_error() {
    let text = format!(
        "def f(wc):\n    try:\n        return checkpoints.split.get(**wc).output[0]\n    except Exception:\n        return 'none'\n    except:\n        return 'none'\n{}",
        consumer("f")
    );
    assert_eq!(asked(&text, None), r#"waits for split [("s", "1")]"#);
}

#[test]
fn checkpoints_of_several_functions_are_asked_one_after_the_other() {
    let text = consumer("lambda wc: [checkpoints.split.get(s=s).output[0] for s in (1, 2)]");
    assert_eq!(asked(&text, None), r#"waits for split [("s", "1")]"#);
    assert_eq!(asked(&text, Some(&Final(&["split s=1"]))), r#"waits for split [("s", "2")]"#);
    assert_eq!(asked(&text, Some(&Final(&["split s=1", "split s=2"]))), "parts/1 parts/2");
}

#[test]
fn mistakes_about_checkpoints() {
    let unknown = asked(&consumer("lambda wc: checkpoints.splot.get(**wc).output[0]"), None);
    assert_eq!(unknown, "there is no checkpoint `splot` | did you mean `split`?");
    let missing = asked(&consumer("lambda wc: checkpoints.split.get(t=1).output[0]"), None);
    assert!(missing.starts_with("`checkpoints.split.get` needs a value for wildcard `s`"), "{missing}");
    check(&format!("{SPLIT}x = checkpoints.split.get(s=1).output\n"), &["4:5 workflow-error"]);
}

#[test]
fn a_checkpoint_is_marked() {
    let workflow = workflow(SPLIT);
    assert!(workflow.rule("split").unwrap().checkpoint);
}
