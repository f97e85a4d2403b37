//! Graphs that grow when checkpoints end: what is added, what stays, and whose fault a failure is.

use super::*;
use crate::graph::grow::{Changed, Grown, Growth, MOST_NEW_JOBS};

/// Waits for the checkpoint's job unless it is final.
fn wait(cx: &CallContext<'_>, checkpoint: &str, values: &[(&str, &str)]) -> Result<(), CallError> {
    let values: Vec<(Arc<str>, Arc<str>)> = values.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    if cx.checkpoints.is_some_and(|known| known.is_final(checkpoint, &values)) {
        return Ok(());
    }
    Err(CallError::Pending { checkpoint: checkpoint.into(), wildcards: values })
}

fn list(paths: &[&str]) -> Value {
    Value::List(paths.iter().map(|path| Value::from(path.to_string())).collect())
}

fn checkpoint(name: &str, outputs: &[&str], inputs: &[&str]) -> Rule {
    Rule { checkpoint: true, ..rule(name, outputs, inputs) }
}

struct Growing {
    resolved: Resolved,
    index: PatternIndex,
    files: Files,
    done: FxHashSet<JobId>,
    most: usize,
}

impl Growing {
    fn new(rules: Vec<Rule>, present: &[&str], targets: &[&str]) -> Growing {
        let patterns: Vec<Vec<Pattern>> = rules.iter().map(|rule| rule.outputs.to_vec()).collect();
        let outputs = patterns.iter().enumerate().flat_map(|(i, outputs)| {
            outputs.iter().enumerate().map(move |(o, pattern)| (i as u32, o as u16, pattern))
        });
        let index = PatternIndex::new(outputs).unwrap();
        let resolved = ok(rules, present, targets);
        Growing { resolved, index, files: files(present), done: FxHashSet::default(), most: MOST_NEW_JOBS }
    }

    fn job(&self, output: &str) -> JobId {
        let path = self.resolved.paths.find(output).unwrap_or_else(|| panic!("no path {output}"));
        self.resolved.graph.producer(path).unwrap_or_else(|| panic!("no job makes {output}"))
    }

    /// The job that makes this came to a good end; jobs that waited for it alone go on.
    fn end(&mut self, output: &str) -> Grown {
        let job = self.job(output);
        self.done.insert(job);
        let graph = &mut self.resolved.graph;
        let it = &graph.jobs[job.index()];
        graph.finals.add(&self.resolved.workflow.rules[it.rule as usize], it);
        let is_due = |on: &[JobId]| on.contains(&job) && on.iter().all(|job| self.done.contains(job));
        let due: Vec<JobId> =
            graph.open.iter().filter(|(_, open)| is_due(&open.on)).map(|(job, _)| *job).collect();
        let grown = Growth {
            workflow: &self.resolved.workflow,
            index: &self.index,
            paths: &mut self.resolved.paths,
            graph,
            probe: &self.files,
            pool: None,
            is_final: &|job| self.done.contains(&job),
            most: self.most,
        }
        .grow(&due);
        graph.reorder();
        check_links(graph);
        assert_eq!(grown.order.len(), graph.jobs.len() - grown.first as usize);
        grown
    }

    fn inputs(&self, output: &str) -> Vec<&str> {
        let job = &self.resolved.graph.jobs[self.job(output).index()];
        job.inputs.iter().map(|path| self.resolved.paths.text(*path)).collect()
    }

    fn is_open(&self, output: &str) -> bool {
        self.resolved.graph.open.contains_key(&self.job(output))
    }
}

/// `split` decides which parts there are.
fn split(parts: &'static [&'static str]) -> Vec<Rule> {
    let gather = rule_fn("gather", &["all.txt"], move |cx| {
        wait(cx, "split", &[])?;
        Ok(list(parts))
    });
    vec![
        gather,
        checkpoint("split", &["parts"], &["raw"]),
        rule("work", &["work/{n}"], &["part/{n}", "table"]),
        rule("part", &["part/{n}"], &["raw"]),
        rule("table", &["table"], &["raw"]),
    ]
}

#[test]
fn an_open_job_needs_its_checkpoint_and_then_what_its_function_gives() {
    let mut g = Growing::new(split(&["work/1", "work/2", "table"]), &["raw"], &["all.txt"]);
    assert!(g.is_open("all.txt"));
    assert_eq!(jobs(&g.resolved), ["gather(): parts -> all.txt", "split(): raw -> parts"]);
    let grown = g.end("parts");
    assert_eq!((grown.first, grown.failed.len()), (2, 0));
    assert_eq!(
        jobs(&g.resolved),
        [
            "gather(): work/1 work/2 table -> all.txt",
            "part(1): raw -> part/1",
            "part(2): raw -> part/2",
            "split(): raw -> parts",
            "table(): raw -> table",
            "work(1): part/1 table -> work/1",
            "work(2): part/2 table -> work/2",
        ]
    );
    let all = g.job("all.txt");
    let needs = vec![g.job("work/1"), g.job("work/2"), g.job("table")];
    assert_eq!(grown.changed, [Changed { job: all, needs, is_open: false }]);
    assert!(!g.is_open("all.txt"));
    // The checkpoint stays what the job hangs on, also when none of its files is an input.
    assert!(g.resolved.graph.jobs[all.index()].needs.contains(&g.job("parts")));
    assert_eq!(sources(&g.resolved), ["raw"]);
}

#[test]
fn what_other_inputs_a_job_has_is_made_meanwhile() {
    let mut rules = split(&["work/1"]);
    let function = std::mem::take(&mut rules[0].inputs);
    let fixed = rule("x", &["x"], &["table"]).inputs;
    rules[0].inputs = function.into_iter().chain(fixed).collect();
    let mut g = Growing::new(rules, &["raw"], &["all.txt"]);
    assert_eq!(g.inputs("all.txt"), ["table", "parts"]);
    g.end("parts");
    assert_eq!(g.inputs("all.txt"), ["work/1", "table"]);
}

#[test]
fn checkpoints_are_found_one_after_the_other_or_at_once() {
    let both = |cx: &CallContext<'_>| {
        wait(cx, "one", &[])?;
        wait(cx, "two", &[])?;
        Ok(list(&["one", "two"]))
    };
    let ends = vec![checkpoint("one", &["one"], &[]), checkpoint("two", &["two"], &[])];
    let rules = |first: Vec<Rule>| first.into_iter().chain(ends).collect::<Vec<_>>();
    let mut g = Growing::new(rules(vec![rule_fn("a", &["a"], both)]), &[], &["a"]);
    assert_eq!(g.inputs("a"), ["one"]);
    assert!(g.end("one").changed[0].is_open);
    assert_eq!(g.inputs("a"), ["two"]);
    assert!(!g.end("two").changed[0].is_open);
    assert_eq!(g.inputs("a"), ["one", "two"]);

    let waits = |name: &'static str| {
        rule_fn("a", &["a"], move |cx| wait(cx, name, &[]).map(|()| list(&[name]))).inputs
    };
    let inputs = waits("one").into_iter().chain(waits("two")).collect();
    let ends = vec![checkpoint("one", &["one"], &[]), checkpoint("two", &["two"], &[])];
    let both = Rule { inputs, ..rule("a", &["a"], &[]) };
    let mut g = Growing::new([both].into_iter().chain(ends).collect(), &[], &["a"]);
    assert_eq!(g.inputs("a"), ["one", "two"]);
    assert_eq!(g.end("two").changed, []);
    assert!(!g.end("one").changed[0].is_open);
}

/// Each step decides whether there is a next: `step(0) <- step(1) <- step(2)`.
#[test]
fn a_new_job_may_wait_itself() {
    let step = rule_fn("step", &["step/{n}"], |cx| {
        let n = cx.wildcards.get("n").unwrap();
        wait(cx, "ask", &[("n", n)])?;
        let next: u32 = n.parse::<u32>().unwrap() + 1;
        Ok(if next < 4 { list(&[&format!("step/{next}")]) } else { list(&[]) })
    });
    let mut g = Growing::new(vec![step, checkpoint("ask", &["ask/{n}"], &["raw"])], &["raw"], &["step/0"]);
    for n in 0..4 {
        assert!(g.is_open(&format!("step/{n}")));
        assert_eq!(g.resolved.graph.open[&g.job(&format!("step/{n}"))].depth, n + 1);
        g.end(&format!("ask/{n}"));
    }
    assert!(g.resolved.graph.open.is_empty());
    assert_eq!(g.inputs("step/2"), ["step/3"]);
}

#[test]
fn a_failure_is_that_of_the_job_that_asked() {
    let asks = |name: &str, output: &'static str, files: &'static [&'static str]| {
        rule_fn(name, &[output], move |cx| {
            wait(cx, "split", &[])?;
            if files.is_empty() { Err(CallError::Message("no parts".into())) } else { Ok(list(files)) }
        })
    };
    let rules = vec![
        rule("all", &[], &["good", "missing", "broken", "vague"]),
        asks("good", "good", &["work/1"]),
        asks("missing", "missing", &["work/1", "work/2"]),
        asks("broken", "broken", &[]),
        asks("vague", "vague", &["both"]),
        checkpoint("split", &["parts"], &["raw"]),
        rule("work", &["work/{n}"], &["part/{n}"]),
        rule("b1", &["{x}th"], &["raw"]),
        rule("b2", &["bo{x}"], &["raw"]),
    ];
    let mut g = Growing::new(rules, &["raw", "part/1"], &[]);
    let grown = g.end("parts");
    assert_eq!(g.inputs("good"), ["work/1"]);
    assert!(!g.is_open("good"));
    let failed: Vec<(JobId, &str)> = grown.failed.iter().map(|(job, p)| (*job, p[0].code)).collect();
    assert_eq!(
        failed,
        [
            (g.job("missing"), "missing-input"),
            (g.job("broken"), "input-function"),
            (g.job("vague"), "ambiguous-rules")
        ]
    );
    let missing = text(&grown.failed[0].1[0]);
    assert!(
        missing.contains("`part/2`") && missing.contains("`work/2` <- rule missing (target)"),
        "{missing}"
    );
    assert!(text(&grown.failed[1].1[0]).contains("failed: no parts"));
}

#[test]
fn a_job_that_is_needed_to_make_itself_is_refused() {
    // By its own output, by a job downstream of it, and by a job that it gets.
    for (asked, chain) in [
        (vec!["out"], "`out` <- rule out <- `out`"),
        (vec!["after/2"], "`out` <- rule out <- `after/2` <- rule after <- `final` <- rule final <- `out`"),
        (vec!["back"], "`out` <- rule out <- `back` <- rule back <- `final` <- rule final <- `out`"),
    ] {
        let paths = asked.clone();
        let rules = vec![
            rule("all", &[], &["final", "after/2"]),
            rule_fn("out", &["out"], move |cx| wait(cx, "split", &[]).map(|()| list(&paths))),
            rule("final", &["final"], &["out"]),
            rule("after", &["after/{n}"], &["final"]),
            rule("back", &["back"], &["final"]),
            checkpoint("split", &["parts"], &[]),
        ];
        let mut g = Growing::new(rules, &[], &[]);
        let before = jobs(&g.resolved);
        let grown = g.end("parts");
        assert_eq!(grown.failed.len(), 1, "{asked:?}");
        assert_eq!(codes(&grown.failed[0].1), ["cycle"]);
        let message = &grown.failed[0].1[0].message;
        assert!(message.ends_with(chain), "{message}");
        assert_eq!(jobs(&g.resolved), before, "nothing was added");
    }
}

#[test]
fn two_open_jobs_may_need_each_others_results_one_way() {
    let asks = |name: &'static str, gives: &'static [&'static str]| {
        rule_fn(name, &[name], move |cx| wait(cx, "split", &[]).map(|()| list(gives)))
    };
    let rules = vec![
        rule("all", &[], &["a", "b", "c"]),
        asks("a", &["b"]),
        asks("b", &["c"]),
        asks("c", &["a"]),
        checkpoint("split", &["parts"], &[]),
    ];
    let mut g = Growing::new(rules, &[], &[]);
    let grown = g.end("parts");
    // Two of the three edges are fine; the one that closes the circle is not.
    assert_eq!(
        grown.failed.iter().map(|(job, p)| (*job, p[0].code)).collect::<Vec<_>>(),
        [(g.job("c"), "cycle")]
    );
    assert_eq!((g.inputs("a"), g.inputs("b")), (vec!["b"], vec!["c"]));
}

/// A side output of a new job that another job makes already, or that was taken for a source.
#[test]
fn a_new_job_does_not_take_a_file_over() {
    for (present, code) in [(vec!["raw"], "output-conflict"), (vec!["raw", "side.1"], "output-conflict")] {
        let mut rules = vec![
            rule("all", &[], &["out", "side.1"]),
            rule_fn("out", &["out"], |cx| wait(cx, "split", &[]).map(|()| list(&["new.1"]))),
            checkpoint("split", &["parts"], &[]),
            rule("two", &["new.{n}", "side.{n}"], &["parts", "lacking.{n}"]),
        ];
        let mut present = present;
        if present.len() == 1 {
            rules.push(rule("other", &["side.1"], &["raw"]));
        }
        let mut g = Growing::new(rules, &present, &[]);
        // It could not run before.
        present.push("lacking.1");
        g.files = files(&present);
        let grown = g.end("parts");
        assert_eq!(grown.failed.len(), 1);
        assert_eq!(codes(&grown.failed[0].1), [code]);
    }
}

#[test]
fn a_checkpoint_that_does_not_make_the_file_is_told_before_anything_runs() {
    let rules = vec![
        rule_fn("out", &["out"], |cx| wait(cx, "split", &[]).map(|()| list(&[]))),
        checkpoint("split", &["parts"], &["lacking"]),
    ];
    let found = problems(rules, &["parts"], &["out"]);
    assert_eq!(codes(&found), ["checkpoint-not-used"]);
    assert!(text(&found[0]).contains("rule `out` waits for checkpoint `split`"), "{}", text(&found[0]));
}

#[test]
fn a_checkpoint_that_cannot_run_is_missed_with_the_chain_to_the_target() {
    let rules = vec![
        rule_fn("out", &["out"], |cx| wait(cx, "split", &[]).map(|()| list(&[]))),
        checkpoint("split", &["parts"], &["lacking"]),
    ];
    let found = problems(rules, &[], &["out"]);
    assert_eq!(codes(&found), ["missing-input"]);
    assert!(text(&found[0]).contains("`lacking` <- rule split <- `parts` <- rule out (target)"));
}

#[test]
fn one_job_cannot_bring_in_more_than_the_limit() {
    let asks = |name: &'static str, count: u32| {
        rule_fn(name, &[name], move |cx| {
            wait(cx, "split", &[])?;
            let paths: Vec<String> = (0..count).map(|n| format!("{name}/{n}")).collect();
            Ok(list(&paths.iter().map(String::as_str).collect::<Vec<_>>()))
        })
    };
    let rules = vec![
        rule("all", &[], &["few", "many", "more"]),
        asks("few", 10),
        asks("many", 11),
        asks("more", 100),
        checkpoint("split", &["parts"], &[]),
        rule("work", &["{x}/{n}"], &[]),
    ];
    let mut g = Growing::new(rules, &[], &[]);
    g.most = 10;
    let grown = g.end("parts");
    let failed: Vec<JobId> = grown.failed.iter().map(|(job, _)| *job).collect();
    assert_eq!(failed, [g.job("many"), g.job("more")]);
    assert_eq!((codes(&grown.failed[0].1), grown.order.len()), (vec!["too-many-jobs"], 10));
}

/// A world of parts and pairs in which `agg(k)` gets what a table says once `ck(k)` is final: further aggregates, too.
fn world(table: Vec<Vec<String>>, asks: bool) -> Vec<Rule> {
    let agg = rule_fn("agg", &["agg/{k}"], move |cx| {
        let k = cx.wildcards.get("k").unwrap();
        if asks {
            wait(cx, "ck", &[("k", k)])?;
        }
        let mut paths: Vec<&str> = table[k.parse::<usize>().unwrap()].iter().map(String::as_str).collect();
        let own = format!("ck/{k}");
        paths.push(&own);
        Ok(list(&paths))
    });
    vec![
        rule("all", &[], &["agg/0", "agg/1", "agg/2"]),
        agg,
        checkpoint("ck", &["ck/{k}"], &["part/{k}"]),
        rule("part", &["part/{n}"], &["raw/{n}"]),
        rule("pair", &["pair/{a}_{b}", "log/{a}_{b}"], &["part/{a}", "part/{b}"]),
    ]
}

fn asked(k: usize) -> impl Strategy<Value = Vec<String>> {
    let later = k + 1..13;
    let one = prop_oneof![
        (0..6u32).prop_map(|n| format!("part/{n}")),
        (0..6u32, 0..6u32).prop_map(|(a, b)| format!("pair/{a}_{b}")),
        (0..6u32, 0..6u32).prop_map(|(a, b)| format!("log/{a}_{b}")),
        later.prop_map(|k| if k < 12 { format!("agg/{k}") } else { "part/0".into() }),
    ];
    prop::collection::vec(one, 0..5)
}

proptest! {
    /// However the checkpoints end one after the other, the graph is the one of a world that knew all from the start.
    #[test]
    fn growing_ends_where_knowing_all_begins(
        table in (0..12usize).map(asked).collect::<Vec<_>>(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let raw: Vec<String> = (0..12).map(|n| format!("raw/{n}")).collect();
        let raw: Vec<&str> = raw.iter().map(String::as_str).collect();
        let known = ok(world(table.clone(), false), &raw, &[]);
        let mut g = Growing::new(world(table, true), &raw, &[]);
        for index in order {
            let waiting: FxHashSet<JobId> =
                g.resolved.graph.open.values().flat_map(|open| open.on.iter().copied()).collect();
            let mut waiting: Vec<JobId> = waiting.into_iter().collect();
            waiting.sort_unstable();
            if waiting.is_empty() {
                break;
            }
            let job = &g.resolved.graph.jobs[index.get(&waiting).index()];
            let output = g.resolved.paths.text(job.outputs[0]).to_string();
            prop_assert!(g.end(&output).failed.is_empty());
        }
        prop_assert!(g.resolved.graph.open.is_empty());
        prop_assert_eq!(jobs(&g.resolved), jobs(&known));
        let mut grown = sources(&g.resolved);
        let mut expected = sources(&known);
        grown.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(grown, expected);
    }
}

/// Ten thousand checkpoints with a consumer each, one after the other, over a big graph.
#[test]
fn a_step_of_growth_does_not_look_at_the_whole_graph() {
    let count = 10_000usize;
    let targets: Vec<String> = (0..count).map(|k| format!("agg/{k}")).collect();
    let all = rule("all", &[], &targets.iter().map(String::as_str).collect::<Vec<_>>());
    let agg = rule_fn("agg", &["agg/{k}"], |cx| {
        let k = cx.wildcards.get("k").unwrap();
        wait(cx, "ck", &[("k", k)]).map(|()| list(&[&format!("part/{k}")]))
    });
    let rules =
        vec![all, agg, checkpoint("ck", &["ck/{k}"], &["raw"]), rule("part", &["part/{n}"], &["raw"])];
    let mut g = Growing::new(rules, &["raw"], &[]);
    let open: Vec<(JobId, JobId)> = g.resolved.graph.open.iter().map(|(job, o)| (*job, o.on[0])).collect();
    assert_eq!(open.len(), count);
    for (job, checkpoint) in open {
        g.done.insert(checkpoint);
        let graph = &mut g.resolved.graph;
        let it = &graph.jobs[checkpoint.index()];
        graph.finals.add(&g.resolved.workflow.rules[it.rule as usize], it);
        let mut growth = Growth {
            workflow: &g.resolved.workflow,
            index: &g.index,
            paths: &mut g.resolved.paths,
            graph,
            probe: &g.files,
            pool: None,
            is_final: &|job| g.done.contains(&job),
            most: MOST_NEW_JOBS,
        };
        assert_eq!(growth.grow(&[job]).order.len(), 1);
    }
    g.resolved.graph.reorder();
    check_links(&g.resolved.graph);
    assert_eq!(g.resolved.graph.jobs.len(), 3 * count + 1);
}
