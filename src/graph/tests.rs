//! The promises of the graph: what is chosen, what is refused and in which words, and that size does not matter.

mod grow;
mod order;

use crate::base::path::{PathId, PathTable};
use crate::diag::{Problem, SourceId, SourceMap, Span};
use crate::graph::dag::JobGraph;
use crate::graph::expand::Limits;
use crate::graph::job::JobId;
use crate::graph::resolve::{Probe, Request, resolve_within};
use crate::matching::index::PatternIndex;
use crate::model::dynamic::{CallContext, CallError, JobFunction};
use crate::model::flags::Flags;
use crate::model::order::RuleOrder;
use crate::model::pattern::Pattern;
use crate::model::rule::{InputItem, InputSource, Rule};
use crate::model::slots::Slot;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use proptest::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;
use std::sync::Arc;

type Call = dyn Fn(&CallContext<'_>) -> Result<Value, CallError> + Send + Sync;

struct Closure(Box<Call>);

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closure")
    }
}

impl JobFunction for Closure {
    fn name(&self) -> &str {
        "lambda"
    }

    fn call(&self, cx: &CallContext<'_>) -> Result<Value, CallError> {
        (self.0)(cx)
    }
}

fn patterns(texts: &[&str], names: &Arc<[Arc<str>]>) -> Box<[Pattern]> {
    texts.iter().map(|t| Pattern::parse(t).unwrap().bind(names).unwrap()).collect()
}

/// A rule whose outputs and inputs are single patterns.
fn rule(name: &str, outputs: &[&str], inputs: &[&str]) -> Rule {
    let names = outputs.first().map_or_else(|| [].into(), |o| Pattern::parse(o).unwrap().names);
    let slot = |_: &&str| Slot { name: None, list: false, len: 1 };
    let item = |input: &&str| InputItem {
        name: None,
        source: InputSource::Patterns {
            patterns: patterns(&[input], &names),
            flags: [Flags::default()].into(),
            list: false,
        },
    };
    Rule {
        wildcards: names.clone(),
        inputs: inputs.iter().map(item).collect(),
        outputs: patterns(outputs, &names),
        output_slots: outputs.iter().map(slot).collect(),
        output_flags: outputs.iter().map(|_| Flags::default()).collect(),
        ..Rule::blank(name)
    }
}

/// A rule whose input is a function.
fn rule_fn(
    name: &str,
    outputs: &[&str],
    call: impl Fn(&CallContext<'_>) -> Result<Value, CallError> + Send + Sync + 'static,
) -> Rule {
    let item = InputItem { name: None, source: InputSource::Function(Arc::new(Closure(Box::new(call)))) };
    Rule { inputs: [item].into(), ..rule(name, outputs, &[]) }
}

fn workflow(rules: Vec<Rule>) -> Workflow {
    let by_name = rules.iter().enumerate().map(|(i, r)| (r.name.clone(), i as u32)).collect();
    Workflow {
        default_rule: (!rules.is_empty()).then_some(0),
        rules: rules.into_iter().map(Arc::new).collect(),
        by_name,
        order: RuleOrder::default(),
        home: None,
        workdir: None,
        sources: Arc::new(SourceMap::default()),
        rulefiles: Vec::new(),
        reads: Vec::new(),
        called: None,
        report: None,
        warnings: Vec::new(),
        printed: Vec::new(),
        hooks: Vec::new(),
        request: None,
    }
}

struct Files(FxHashSet<String>);

impl Probe for Files {
    fn exists(&self, _: PathId, path: &str) -> bool {
        self.0.contains(path)
    }
}

fn files(paths: &[&str]) -> Files {
    Files(paths.iter().map(|p| p.to_string()).collect())
}

struct Resolved {
    graph: JobGraph,
    paths: PathTable,
    workflow: Workflow,
}

fn run(
    workflow: Workflow,
    probe: &dyn Probe,
    targets: &[&str],
    limits: Limits,
    pool: Option<&rayon::ThreadPool>,
) -> Result<Resolved, Vec<Problem>> {
    let index = PatternIndex::of(&workflow.rules).unwrap();
    let mut paths = PathTable::default();
    let targets: Vec<String> = targets.iter().map(|t| t.to_string()).collect();
    let request =
        Request { workflow: &workflow, index: &index, paths: &mut paths, targets: &targets, probe, pool };
    let graph = resolve_within(request, limits)?;
    Ok(Resolved { graph, paths, workflow })
}

fn resolve(rules: Vec<Rule>, present: &[&str], targets: &[&str]) -> Result<Resolved, Vec<Problem>> {
    run(workflow(rules), &files(present), targets, Limits::default(), None)
}

/// `rule(values): inputs -> outputs`, sorted.
fn jobs(resolved: &Resolved) -> Vec<String> {
    let text = |ids: &[PathId]| ids.iter().map(|id| resolved.paths.text(*id)).collect::<Vec<_>>().join(" ");
    let mut all: Vec<String> = resolved
        .graph
        .jobs
        .iter()
        .map(|job| {
            let rule = &resolved.workflow.rules[job.rule as usize];
            format!(
                "{}({}): {} -> {}",
                rule.name,
                job.wildcards.join(","),
                text(&job.inputs),
                text(&job.outputs)
            )
        })
        .collect();
    all.sort();
    all
}

fn sources(resolved: &Resolved) -> Vec<&str> {
    resolved.graph.sources.iter().map(|id| resolved.paths.text(*id)).collect()
}

fn ok(rules: Vec<Rule>, present: &[&str], targets: &[&str]) -> Resolved {
    resolve(rules, present, targets).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn problems(rules: Vec<Rule>, present: &[&str], targets: &[&str]) -> Vec<Problem> {
    match resolve(rules, present, targets) {
        Ok(resolved) => panic!("resolved to {:?}", jobs(&resolved)),
        Err(problems) => problems,
    }
}

fn codes(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|p| p.code).collect()
}

fn text(problem: &Problem) -> String {
    format!("{}\n{}\n{}", problem.message, problem.notes.join("\n"), problem.help.join("\n"))
}

/// Producers before consumers, every job once, links in both directions.
fn check_links(graph: &JobGraph) {
    let mut place = vec![usize::MAX; graph.jobs.len()];
    for (i, job) in graph.order.iter().enumerate() {
        place[job.index()] = i;
    }
    assert!(place.iter().all(|p| *p != usize::MAX) && graph.order.len() == graph.jobs.len());
    let mut edges = 0;
    for (id, job) in graph.jobs.iter().enumerate() {
        for need in &job.needs {
            assert!(place[need.index()] < place[id]);
            assert!(graph.consumers(*need).any(|job| job == JobId(id as u32)));
            edges += 1;
        }
        for output in &job.outputs {
            assert_eq!(graph.producer(*output), Some(JobId(id as u32)));
        }
    }
    assert_eq!(edges, (0..graph.jobs.len()).map(|i| graph.consumers(JobId(i as u32)).count()).sum::<usize>());
}

fn pipeline() -> Vec<Rule> {
    vec![
        rule("all", &[], &["out/a.txt", "out/b.txt"]),
        rule("stat", &["out/{s}.txt"], &["clean/{s}.csv", "genes.txt"]),
        rule("clean", &["clean/{s}.csv"], &["raw/{s}.csv"]),
    ]
}

#[test]
fn the_default_rule_is_expanded_down_to_the_sources() {
    let r = ok(pipeline(), &["raw/a.csv", "raw/b.csv", "genes.txt"], &[]);
    assert_eq!(
        jobs(&r),
        [
            "all(): out/a.txt out/b.txt -> ",
            "clean(a): raw/a.csv -> clean/a.csv",
            "clean(b): raw/b.csv -> clean/b.csv",
            "stat(a): clean/a.csv genes.txt -> out/a.txt",
            "stat(b): clean/b.csv genes.txt -> out/b.txt",
        ]
    );
    assert_eq!(sources(&r), ["genes.txt", "raw/a.csv", "raw/b.csv"]);
    assert_eq!(r.graph.targets, [JobId(0)]);
    check_links(&r.graph);
}

#[test]
fn a_target_is_a_rule_or_a_path_in_any_spelling_and_counts_once() {
    let r = ok(
        pipeline(),
        &["raw/a.csv", "genes.txt"],
        &["./out//a.txt", "out/a.txt", "clean/a.csv", "genes.txt"],
    );
    let info = |i: usize| r.graph.info(r.graph.targets[i], &r.workflow, &r.paths);
    assert_eq!(r.graph.targets.len(), 2);
    assert_eq!((info(0).title(), info(1).title()), ("stat out/a.txt".into(), "clean clean/a.csv".into()));
    assert_eq!(info(0).wildcards, [("s".to_string(), "a".to_string())]);
    assert!(sources(&r).contains(&"genes.txt"));
}

#[test]
fn a_target_that_is_a_source_needs_no_job() {
    let r = ok(pipeline(), &["genes.txt"], &["genes.txt"]);
    assert!(r.graph.jobs.is_empty() && r.graph.targets.is_empty());
    assert_eq!(sources(&r), ["genes.txt"]);
}

#[test]
fn a_rule_with_wildcards_is_no_target_and_the_message_shows_one() {
    let p = problems(pipeline(), &[], &["stat"]);
    assert_eq!(codes(&p), ["target-has-wildcards"]);
    assert!(text(&p[0]).contains("`s`") && text(&p[0]).contains("`out/S.txt`"), "{}", text(&p[0]));
    let p = problems(vec![rule("stat", &["out/{s}.txt"], &[])], &[], &[]);
    assert!(p[0].message.contains("default rule `stat`"));
    assert_eq!(codes(&problems(vec![], &[], &[])), ["no-target"]);
}

#[test]
fn outputs_of_one_job_are_one_job() {
    let rules = vec![
        rule("all", &[], &["x/1.a", "x/1.b", "x/2.b"]),
        rule("pair", &["x/{n}.a", "x/{n}.b"], &["in/{n}"]),
    ];
    let r = ok(rules, &["in/1", "in/2"], &[]);
    assert_eq!(r.graph.jobs.len(), 3);
    assert_eq!(r.graph.jobs[0].needs.len(), 2, "two inputs from one job are one need");
    check_links(&r.graph);
}

#[test]
fn a_concrete_pattern_beats_a_wildcard_pattern() {
    let rules = || vec![rule("any", &["d/{x}.fa"], &["web/{x}"]), rule("one", &["d/ref.fa"], &["own"])];
    assert_eq!(jobs(&ok(rules(), &["web/ref", "own"], &["d/ref.fa"])), ["one(): own -> d/ref.fa"]);
    // Unless it cannot run.
    assert_eq!(jobs(&ok(rules(), &["web/ref"], &["d/ref.fa"])), ["any(ref): web/ref -> d/ref.fa"]);
    // A file that exists comes after any rule that can run.
    assert_eq!(
        jobs(&ok(rules(), &["web/ref", "d/ref.fa"], &["d/ref.fa"])),
        ["any(ref): web/ref -> d/ref.fa"]
    );
}

#[test]
fn a_candidate_whose_inputs_cannot_be_had_gives_way() {
    let rules = || {
        vec![
            rule("all", &[], &["out/a.txt", "out/b.txt"]),
            rule("from_csv", &["out/{s}.txt"], &["mid/{s}.csv"]),
            rule("from_tsv", &["out/{s}.txt"], &["{s}.tsv"]),
            rule("mid", &["mid/{s}.csv"], &["{s}.csv"]),
        ]
    };
    let r = ok(rules(), &["a.csv", "b.tsv"], &[]);
    assert_eq!(
        jobs(&r),
        [
            "all(): out/a.txt out/b.txt -> ",
            "from_csv(a): mid/a.csv -> out/a.txt",
            "from_tsv(b): b.tsv -> out/b.txt",
            "mid(a): a.csv -> mid/a.csv"
        ]
    );
    check_links(&r.graph);
}

#[test]
fn a_file_whose_rules_cannot_run_is_a_source() {
    let rules =
        vec![rule("all", &["all.txt"], &["data/x.csv"]), rule("get", &["{d}/{x}.csv"], &["{d}/{x}.url"])];
    let r = ok(rules, &["data/x.csv"], &["all.txt"]);
    assert_eq!(jobs(&r), ["all(): data/x.csv -> all.txt"]);
    assert_eq!(sources(&r), ["data/x.csv"]);
}

#[test]
fn a_rule_that_can_run_beats_the_file_that_exists() {
    let rules = vec![rule("copy", &["b"], &["a"])];
    assert_eq!(jobs(&ok(rules, &["a", "b"], &["b"])), ["copy(): a -> b"]);
}

#[test]
fn two_rules_that_can_run_are_ambiguous_and_the_message_names_both_with_their_places() {
    let mut sources = SourceMap::default();
    let id = sources.add("Rulefile", "rule one:\n\nrule two:\n");
    let mut rules = vec![rule("one", &["{x}.txt"], &["in"]), rule("two", &["a/{y}.txt"], &["in"])];
    rules[0].place = Some(Span::new(id, 0, 8));
    rules[1].place = Some(Span::new(id, 11, 19));
    let p = problems(rules, &["in"], &["a/1.txt", "a/2.txt"]);
    assert_eq!(codes(&p), ["ambiguous-rules"]);
    assert_eq!(p[0].message, "`a/1.txt` can be made by rule `one` and by rule `two`");
    assert_eq!(p[0].labels.len(), 2);
    assert_eq!(p[0].labels[1].0.source, SourceId(0));
    let text = text(&p[0]);
    assert!(text.contains("1 more file"), "{text}");
    assert_eq!((&*p[0].labels[0].1, &*p[0].labels[1].1), ("makes it with x=a/1", "makes it with y=1"));
    assert!(text.contains("constrain") && text.contains("rename"), "{text}");
    let rules = vec![rule("one", &["a"], &[]), rule("two", &["a"], &[])];
    assert_eq!(codes(&problems(rules, &[], &["a"])), ["ambiguous-rules"]);
}

#[test]
fn a_missing_input_names_the_file_and_every_level_up_to_the_target() {
    let p = problems(pipeline(), &["raw/a.csv", "genes.txt"], &[]);
    assert_eq!(codes(&p), ["missing-input"]);
    assert_eq!(p[0].message, "missing input `raw/b.csv`: it does not exist and no rule makes it");
    assert_eq!(
        p[0].notes[0],
        "needed by: `raw/b.csv` <- rule clean <- `clean/b.csv` <- rule stat <- `out/b.txt` <- rule all (target)"
    );
    // Another file of a series is not what was meant.
    assert!(p[0].help.is_empty(), "{}", text(&p[0]));
    let p = problems(vec![rule("all", &[], &["raw/counts.csv", "raw/count.csv"])], &["raw/counts.csv"], &[]);
    assert_eq!(p[0].help, ["did you mean `raw/counts.csv`?"]);
    let p = problems(pipeline(), &["raw/a.csv"], &["out/a.txt"]);
    assert_eq!(p[0].notes[0], "needed by: `genes.txt` <- rule stat <- target `out/a.txt`");
}

#[test]
fn long_chains_in_messages_are_shortened_in_the_middle() {
    let mut rules = vec![rule("r0", &["f0"], &["f1"])];
    rules.extend((1..40).map(|i| rule(&format!("r{i}"), &[&format!("f{i}")], &[&format!("f{}", i + 1)])));
    let p = problems(rules, &[], &["f0"]);
    let note = &p[0].notes[0];
    assert!(note.starts_with("needed by: `f40` <- rule r39 <- `f39` <- "), "{note}");
    assert!(note.contains("... 31 more ...") && note.ends_with("`f1` <- rule r0 <- target `f0`"), "{note}");
}

#[test]
fn three_missing_inputs_are_told_in_full_and_others_named_and_counted() {
    let inputs: Vec<String> = (0..33).map(|i| format!("data/{i:03}")).collect();
    let inputs: Vec<&str> = inputs.iter().map(|s| &**s).collect();
    let p = problems(vec![rule("all", &[], &inputs)], &["data/000"], &[]);
    assert_eq!(codes(&p), ["missing-input"; 4]);
    assert_eq!(p[3].message, "29 more missing inputs");
    assert!(
        p[3].notes[0].starts_with("`data/004`, ") && p[3].notes[0].ends_with("`data/013`, ..."),
        "{:?}",
        p[3].notes
    );
}

#[test]
fn a_rule_that_almost_makes_the_file_is_named_with_its_constraint() {
    let rules = vec![rule("all", &[], &["out/a.txt"]), rule("one", &[r"out/{n,\d+}.txt"], &[])];
    let p = problems(rules, &[], &[]);
    assert!(
        p[0].notes[1].contains("rule `one` almost makes it") && p[0].notes[1].contains(r"`n` would be `a`"),
        "{:?}",
        p[0].notes
    );
}

#[test]
fn an_unknown_target_is_answered_with_similar_names() {
    let rules = || vec![rule("plots", &["out/plot.pdf"], &[]), rule("any", &["x/{y}"], &[])];
    let p = problems(rules(), &[], &["plot", "out/plt.pdf", "x/{y}/"]);
    assert_eq!(codes(&p), ["no-such-target", "no-such-target"]);
    assert_eq!(p[0].help, ["did you mean `plots`?"]);
    assert_eq!(p[1].help, ["did you mean `out/plot.pdf`?"]);
}

#[test]
fn a_cycle_is_printed_whole() {
    let rules = vec![
        rule("all", &[], &["a"]),
        rule("ra", &["a"], &["b"]),
        rule("rb", &["b"], &["c"]),
        rule("rc", &["c"], &["a"]),
    ];
    let p = problems(rules, &[], &[]);
    assert_eq!(codes(&p), ["cycle"]);
    assert_eq!(
        p[0].message,
        "`a` is needed to make itself: `a` <- rule ra <- `b` <- rule rb <- `c` <- rule rc <- `a`"
    );
    let p = problems(vec![rule("self", &["a"], &["a"])], &[], &["a"]);
    assert_eq!(p[0].message, "`a` is needed to make itself: `a` <- rule self <- `a`");
}

#[test]
fn a_candidate_on_the_path_to_the_target_gives_way_to_another() {
    let rules = || {
        vec![
            rule("unpack", &["{x}.csv"], &["{x}.csv.gz"]),
            rule("pack", &["{x}.gz"], &["{x}"]),
            rule("make", &["m.csv"], &["src"]),
        ]
    };
    // `a.csv.gz` exists: unpack is possible, and pack of it would need `a.csv` again.
    let r = ok(rules(), &["a.csv.gz"], &["a.csv"]);
    assert_eq!(jobs(&r), ["unpack(a): a.csv.gz -> a.csv"]);
    // The other way round.
    let r = ok(rules(), &["a.csv"], &["a.csv.gz"]);
    assert_eq!(jobs(&r), ["pack(a.csv): a.csv -> a.csv.gz"]);
    let r = ok(rules(), &["src"], &["m.csv.gz"]);
    assert_eq!(jobs(&r), ["make(): src -> m.csv", "pack(m.csv): m.csv -> m.csv.gz"]);
    // Both exist: what is asked for is made from the other.
    let r = ok(rules(), &["a.csv", "a.csv.gz"], &["a.csv"]);
    assert_eq!(jobs(&r), ["unpack(a): a.csv.gz -> a.csv"]);
    // None exists.
    let p = problems(rules(), &[], &["a.csv"]);
    assert_eq!(codes(&p), ["cycle"]);
}

#[test]
fn a_wildcard_candidate_is_brought_in_when_the_concrete_one_leads_into_a_cycle() {
    let rules = || {
        vec![
            rule("concrete", &["a"], &["b"]),
            rule("back", &["b"], &["a"]),
            rule("other", &["{x,a}"], &["src"]),
        ]
    };
    let r = ok(rules(), &["src"], &["a"]);
    assert_eq!(jobs(&r), ["other(a): src -> a"]);
    let r = ok(rules(), &["src", "a"], &["a"]);
    assert_eq!(jobs(&r), ["other(a): src -> a"]);
}

#[test]
fn what_was_found_under_one_ancestor_does_not_bind_another() {
    // Under `p`, `q` cannot come from `p`; asked for on its own it can, and its other way is gone.
    let rules =
        vec![rule("p1", &["p"], &["q", "never"]), rule("p2", &["p"], &["src"]), rule("q1", &["q"], &["p"])];
    let r = ok(rules, &["src"], &["p", "q"]);
    assert_eq!(jobs(&r), ["p2(): src -> p", "q1(): p -> q"]);
}

#[test]
fn a_rule_that_feeds_itself_with_longer_names_is_stopped() {
    let unpack = || rule("unpack", &["{x}"], &["{x}.gz"]);
    let p = problems(vec![unpack()], &[], &["a.txt"]);
    assert_eq!(codes(&p), ["periodic-wildcards"]);
    assert!(
        p[0].message.contains("`a.txt` is missing") && p[0].message.contains("rule `unpack`"),
        "{}",
        p[0].message
    );
    assert!(p[0].notes[0].contains("`a.txt.gz` <- rule unpack <- target `a.txt`"), "{}", p[0].notes[0]);
    // But the file two levels up is found.
    let r = ok(vec![unpack()], &["a.txt.gz.gz"], &["a.txt"]);
    assert_eq!(r.graph.jobs.len(), 2);
    let p = problems(vec![rule("prefix", &["{x}"], &["pre/{x}"])], &[], &["a.txt"]);
    assert_eq!(codes(&p), ["periodic-wildcards"]);
}

#[test]
fn many_repeated_letters_in_a_name_are_no_period() {
    let name = "A".repeat(100);
    let r = ok(
        vec![rule("copy", &["out/{x}"], &["in/{x}"])],
        &[&format!("in/{name}")],
        &[&format!("out/{name}")],
    );
    assert_eq!(r.graph.jobs.len(), 1);
}

#[test]
fn a_path_longer_than_any_path_ends_the_expansion() {
    let long = "x".repeat(5000);
    let p = problems(vec![rule("r", &["a"], &[&long])], &[], &["a"]);
    assert_eq!(codes(&p), ["path-too-long"]);
    assert_eq!(codes(&problems(vec![rule("r", &["a"], &[])], &[], &[&long])), ["path-too-long"]);
}

#[test]
fn a_chain_without_end_is_stopped() {
    let step = rule_fn("step", &["c{i}"], |cx| {
        let i: i64 = cx.wildcards.get("i").and_then(|i| i.parse().ok()).unwrap_or(0);
        Ok(format!("c{}", i - 1).into())
    });
    let limits = Limits { depth: 1000, ..Limits::default() };
    let result = run(workflow(vec![step]), &files(&[]), &["c5"], limits, None);
    assert_eq!(codes(&result.err().unwrap()), ["endless-chain"]);
}

#[test]
fn input_functions_give_paths_and_nested_lists_with_their_slots() {
    let mut r = rule_fn("r", &["out/{s}"], |cx| {
        let s = cx.wildcards.get("s").unwrap_or("");
        let inner = Value::List([Value::from(format!("{s}/2")), Value::from("./x//3")].into());
        Ok(Value::List([Value::from(format!("{s}/1")), inner].into()))
    });
    let named = InputItem {
        name: Some("one".into()),
        source: InputSource::Function(Arc::new(Closure(Box::new(|_| Ok("single".into()))))),
    };
    let none = InputItem {
        name: Some("no".into()),
        source: InputSource::Function(Arc::new(Closure(Box::new(|_| Ok(Value::List([].into())))))),
    };
    r.inputs = r.inputs.into_vec().into_iter().chain([named, none]).collect();
    let r = ok(vec![r], &["a/1", "a/2", "x/3", "single", "b/1", "b/2"], &["out/a", "out/b"]);
    assert_eq!(jobs(&r)[0], "r(a): a/1 a/2 x/3 single -> out/a");
    let slots: Vec<(Option<&str>, bool, u32)> =
        r.graph.jobs[0].layout.slots.iter().map(|s| (s.name.as_deref(), s.list, s.len)).collect();
    assert_eq!(slots, [(None, true, 3), (Some("one"), false, 1), (Some("no"), true, 0)]);
    assert!(
        Arc::ptr_eq(&r.graph.jobs[0].layout.slots, &r.graph.jobs[1].layout.slots),
        "equal slots are shared"
    );
}

#[test]
fn an_input_function_that_fails_is_told_with_its_rule_and_wildcards() {
    let message = rule_fn("m", &["m/{s}"], |_| Err(CallError::Message("no such sample".into())));
    let p = problems(vec![message], &[], &["m/1"]);
    assert_eq!(p[0].message, "the input function `lambda` of rule `m` with s=1 failed: no such sample");
    let mut sources = SourceMap::default();
    let span = Span::new(sources.add("Rulefile", "lambda wc: 1/0"), 11, 14);
    let placed = rule_fn("m", &["m/{s}"], move |_| {
        Err(CallError::Problem(Box::new(Problem::error("zero-division", "division by zero").at(span, ""))))
    });
    let p = problems(vec![rule("all", &[], &["m/1"]), placed], &[], &[]);
    assert_eq!((p[0].code, p[0].labels[0].0), ("zero-division", span));
    assert!(
        text(&p[0]).contains("rule `m` with s=1") && text(&p[0]).contains("`m/1` <- rule all"),
        "{}",
        text(&p[0])
    );
    for (value, word) in
        [(Value::None, "None"), (Value::Int(3), "`3`"), (Value::from(vec![""]), "empty path")]
    {
        let p = problems(vec![rule_fn("m", &["m"], move |_| Ok(value.clone()))], &[], &["m"]);
        assert_eq!(codes(&p), ["input-function"]);
        assert!(p[0].message.contains(word), "{}", p[0].message);
    }
}

#[test]
fn a_failed_function_gives_way_like_any_candidate() {
    let bad = || rule_fn("bad", &["{x}.txt"], |_| Err(CallError::Message("no".into())));
    let r = ok(vec![bad(), rule("good", &["a/{x}.txt"], &[])], &[], &["a/1.txt"]);
    assert_eq!(jobs(&r), ["good(1):  -> a/1.txt"]);
    let p = problems(vec![bad()], &["b.txt"], &["b.txt"]);
    assert_eq!(codes(&p), ["input-function"], "a file that is there must not hide a mistake in the Rulefile");
}

#[test]
fn two_jobs_with_one_output_are_refused() {
    let rules = vec![
        rule("all", &[], &["p", "q"]),
        rule("one", &["p", "shared"], &[]),
        rule("two", &["q", "shared"], &[]),
    ];
    let p = problems(rules, &[], &[]);
    assert_eq!(codes(&p), ["output-conflict"]);
    assert_eq!(p[0].message, "two jobs make `shared`: rule `one` and rule `two`");
    let rules = vec![rule("r", &["{x}_{y}.t", "{x}/{y}.l"], &[])];
    let p = problems(rules, &[], &["1/2_3.l", "1_2/3.l"]);
    assert_eq!(codes(&p), ["output-conflict"]);
    assert!(p[0].message.contains("x=1, y=2_3") && p[0].message.contains("x=1_2, y=3"), "{}", p[0].message);
}

#[test]
fn wildcards_of_a_source_directory_do_not_leave_the_root() {
    let p = problems(vec![rule("r", &["{x}.txt"], &[])], &[], &["../a.txt"]);
    assert_eq!(codes(&p), ["no-such-target"]);
    assert!(text(&p[0]).contains("cannot leave the root"), "{}", text(&p[0]));
}

#[test]
fn rules_that_make_each_others_files_in_all_ways_end_in_time() {
    let kinds = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut rules = Vec::new();
    for from in kinds {
        for to in kinds.iter().filter(|to| **to != from) {
            let (output, input) = (format!("{{x}}.{to}"), format!("{{x}}.{from}"));
            rules.push(rule(&format!("{from}2{to}"), &[&output], &[&input]));
        }
    }
    let fresh = |rules: &[Rule]| -> Vec<Rule> {
        let name = |p: &Pattern| p.text.to_string();
        let input = |r: &Rule| match &r.inputs[0].source {
            InputSource::Patterns { patterns, .. } => name(&patterns[0]),
            InputSource::Function(_) => String::new(),
        };
        rules.iter().map(|r| rule(&r.name, &[&name(&r.outputs[0])], &[&input(r)])).collect()
    };
    assert!(!problems(fresh(&rules), &[], &["1.a"]).is_empty());
    let p = problems(rules, &["1.j"], &["1.a"]);
    assert!(p.iter().all(|p| p.code == "ambiguous-rules"), "{:?}", codes(&p));
}

fn chain_rule() -> Rule {
    rule_fn("step", &["out/c{i}"], |cx| {
        let i: u64 = cx.wildcards.get("i").and_then(|i| i.parse().ok()).unwrap_or(0);
        Ok(if i == 0 { "seed".into() } else { format!("out/c{}", i - 1).into() })
    })
}

#[test]
fn a_chain_of_many_jobs_neither_overflows_nor_counts_as_periodic() {
    let count = 200_000;
    let target = format!("out/c{}", count - 1);
    let r = ok(vec![chain_rule()], &["seed"], &[&target]);
    assert_eq!((r.graph.jobs.len(), r.graph.order.len()), (count, count));
    assert_eq!(r.graph.order.last(), r.graph.targets.first());
    // The careful way and the messages as well.
    let p = problems(vec![chain_rule()], &[], &[&target]);
    assert_eq!(codes(&p), ["missing-input"]);
    let other = rule("other", &["out/{x}"], &["never/{x}"]);
    assert_eq!(ok(vec![chain_rule(), other], &["seed"], &[&target]).graph.jobs.len(), count);
}

#[test]
fn a_long_cycle_is_found_without_recursion() {
    let count = 100_000u64;
    let ring = rule_fn("ring", &["c{i}"], move |cx| {
        let i: u64 = cx.wildcards.get("i").and_then(|i| i.parse().ok()).unwrap_or(0);
        Ok(format!("c{}", (i + count - 1) % count).into())
    });
    let p = problems(vec![ring], &[], &["c0"]);
    assert_eq!(codes(&p), ["cycle"]);
    assert!(p[0].message.contains("99991 more"), "{}", p[0].message);
}

#[test]
fn the_pool_gives_the_same_graph_as_one_thread() {
    let many: Vec<String> = (0..20_000).map(|i| format!("out/{i}.txt")).collect();
    let build = || {
        let many: Vec<&str> = many.iter().map(|s| &**s).collect();
        let mut rules = pipeline();
        rules[0] = rule("all", &[], &many);
        workflow(rules)
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    struct Raw;
    impl Probe for Raw {
        fn exists(&self, _: PathId, path: &str) -> bool {
            path.starts_with("raw/") || path == "genes.txt"
        }
    }
    let one = run(build(), &Raw, &[], Limits::default(), None).unwrap_or_else(|p| panic!("{p:?}"));
    let four = run(build(), &Raw, &[], Limits::default(), Some(&pool)).unwrap_or_else(|p| panic!("{p:?}"));
    assert_eq!(one.graph.jobs.len(), 40_001);
    assert_eq!(one.graph.order, four.graph.order);
    assert_eq!(one.graph.sources, four.graph.sources);
    let flat = |r: &Resolved| -> Vec<_> {
        r.graph
            .jobs
            .iter()
            .map(|j| (j.rule, j.wildcards.clone(), j.inputs.clone(), j.needs.clone()))
            .collect()
    };
    assert_eq!(flat(&one), flat(&four));
    check_links(&one.graph);
}

type Candidates = Vec<(Vec<usize>, bool)>;

/// A workflow in layers: files `l<layer>_<n>`, each made by rules that need files of the layer below.
#[derive(Clone, Debug)]
struct Layered {
    /// By layer and file: for each candidate its inputs in the layer below, and whether a wildcard pattern makes it.
    layers: Vec<Vec<Candidates>>,
    present: Vec<bool>,
}

fn layered() -> impl Strategy<Value = Layered> {
    let candidate = (prop::collection::vec(0usize..4, 0..3), any::<bool>());
    let file = prop::collection::vec(candidate, 0..3);
    let layer = prop::collection::vec(file, 4);
    (prop::collection::vec(layer, 1..5), prop::collection::vec(prop::bool::weighted(0.4), 24))
        .prop_map(|(layers, present)| Layered { layers, present })
}

impl Layered {
    fn name(layer: usize, file: usize) -> String {
        format!("l{layer}_{file}")
    }

    fn exists(&self, layer: usize, file: usize) -> bool {
        self.present[layer * 4 + file]
    }

    fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (layer, files) in self.layers.iter().enumerate() {
            for (file, candidates) in files.iter().enumerate() {
                for (i, (inputs, is_wild)) in candidates.iter().enumerate() {
                    let inputs: Vec<String> = inputs.iter().map(|f| Self::name(layer, *f)).collect();
                    let inputs: Vec<&str> = inputs.iter().map(|s| &**s).collect();
                    let output = if *is_wild {
                        format!("{{x,l{}_{file}}}", layer + 1)
                    } else {
                        Self::name(layer + 1, file)
                    };
                    rules.push(rule(&format!("r{}_{file}_{i}", layer + 1), &[&output], &inputs));
                }
            }
        }
        rules
    }

    /// The naive answer: whether it can be had, and if so, whether anything on the way is ambiguous.
    fn oracle(&self, layer: usize, file: usize, chosen: &mut FxHashMap<String, String>) -> Option<bool> {
        let candidates = layer.checked_sub(1).map_or(&[][..], |below| &self.layers[below][file]);
        for is_wild in [false, true] {
            let mut winner: Option<String> = None;
            let mut is_ambiguous = false;
            for (i, (inputs, _)) in candidates.iter().enumerate().filter(|(_, c)| c.1 == is_wild) {
                let below: Option<Vec<bool>> =
                    inputs.iter().map(|input| self.oracle(layer - 1, *input, chosen)).collect();
                if let Some(below) = below {
                    is_ambiguous |= below.contains(&true) || winner.is_some();
                    winner.get_or_insert(format!("r{layer}_{file}_{i}"));
                }
            }
            if let Some(winner) = winner {
                chosen.insert(Self::name(layer, file), winner);
                return Some(is_ambiguous);
            }
        }
        self.exists(layer, file).then_some(false)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn layered_workflows_resolve_as_the_naive_recursion_does(w in layered()) {
        let top = w.layers.len();
        let present: Vec<String> = (0..=top).flat_map(|l| (0..4).map(move |f| (l, f)))
            .filter(|(l, f)| w.exists(*l, *f)).map(|(l, f)| Layered::name(l, f)).collect();
        let present: Vec<&str> = present.iter().map(|s| &**s).collect();
        let mut chosen = FxHashMap::default();
        let expected = w.oracle(top, 0, &mut chosen);
        match (resolve(w.rules(), &present, &[&Layered::name(top, 0)]), expected) {
            (Ok(resolved), Some(false)) => {
                check_links(&resolved.graph);
                for job in &resolved.graph.jobs {
                    let name = resolved.paths.text(job.outputs[0]);
                    let rule = &resolved.workflow.rules[job.rule as usize].name;
                    prop_assert_eq!(chosen.get(name).map(|c| &**c), Some(&**rule));
                    for input in &job.inputs {
                        let text = resolved.paths.text(*input);
                        prop_assert!(resolved.graph.producer(*input).is_some() || present.contains(&text));
                        prop_assert_eq!(resolved.graph.producer(*input).is_some(), chosen.contains_key(text));
                    }
                }
            }
            (Err(problems), Some(true)) => {
                prop_assert!(problems.iter().all(|p| p.code == "ambiguous-rules"), "{:?}", problems);
            }
            (Err(problems), None) => {
                let expected = ["missing-input", "no-such-target"];
                prop_assert!(problems.iter().all(|p| expected.contains(&p.code)), "{:?}", problems);
            }
            (Ok(resolved), _) => prop_assert!(false, "resolved to {:?}", jobs(&resolved)),
            (Err(problems), Some(false)) => prop_assert!(false, "refused: {:?}", problems),
        }
    }

    /// Any rules over a few files, cycles included: what comes out is consistent, and nothing panics.
    #[test]
    fn tangled_workflows_give_a_consistent_graph_or_problems(
        rules in prop::collection::vec((0usize..6, prop::collection::vec(0usize..6, 0..3), any::<bool>()), 1..12),
        present in prop::collection::vec(any::<bool>(), 6),
    ) {
        let made: Vec<Rule> = rules.iter().enumerate().map(|(i, (output, inputs, is_wild))| {
            let inputs: Vec<String> = inputs.iter().map(|f| format!("f{f}")).collect();
            let inputs: Vec<&str> = inputs.iter().map(|s| &**s).collect();
            let output = if *is_wild { format!("{{x,f{output}}}") } else { format!("f{output}") };
            rule(&format!("r{i}"), &[&output], &inputs)
        }).collect();
        let files: Vec<String> = (0..6).filter(|i| present[*i]).map(|i| format!("f{i}")).collect();
        let files: Vec<&str> = files.iter().map(|s| &**s).collect();
        // What can be had at all, by going round until nothing changes.
        let mut can = present.clone();
        for _ in 0..12 {
            for (output, inputs, _) in &rules {
                can[*output] |= inputs.iter().all(|i| can[*i]);
            }
        }
        match resolve(made, &files, &["f0"]) {
            Ok(resolved) => {
                check_links(&resolved.graph);
                prop_assert!(can[0]);
                for path in &resolved.graph.sources {
                    prop_assert!(files.contains(&resolved.paths.text(*path)));
                }
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|p| p.code != "tangled-rules"));
                prop_assert!(!can[0] || problems.iter().any(|p| p.code == "ambiguous-rules"), "{:?}", problems);
            }
        }
    }
}
