//! Which rule makes a file that several could make, where the author says so: `ruleorder`, and inputs that name
//! their rule.

use super::*;

fn ordered(rules: Vec<Rule>, statements: &[&[u32]], present: &[&str], targets: &[&str]) -> Vec<String> {
    let order = RuleOrder::new(statements.iter().map(|s| s.to_vec()).collect());
    let workflow = Workflow { order, ..workflow(rules) };
    match run(workflow, &files(present), targets, Limits::default(), None) {
        Ok(resolved) => jobs(&resolved),
        Err(problems) => codes(&problems).into_iter().map(String::from).collect(),
    }
}

#[test]
fn an_order_settles_what_is_ambiguous() {
    let rules = || vec![rule("one", &["{x}.txt"], &["in"]), rule("two", &["a/{y}.txt"], &["in"])];
    let made = |statements: &[&[u32]]| ordered(rules(), statements, &["in"], &["a/1.txt"]);
    assert_eq!(made(&[&[1, 0]]), ["two(1): in -> a/1.txt"]);
    assert_eq!(made(&[&[0, 1]]), ["one(a/1): in -> a/1.txt"]);
    // The last statement about a pair counts.
    assert_eq!(made(&[&[0, 1], &[1, 0]]), ["two(1): in -> a/1.txt"]);
}

#[test]
fn an_order_goes_over_the_preference_for_rules_without_wildcards() {
    let rules = || vec![rule("fixed", &["a"], &["in"]), rule("any", &["{x}"], &["in"])];
    assert_eq!(ordered(rules(), &[], &["in"], &["a"]), ["fixed(): in -> a"]);
    assert_eq!(ordered(rules(), &[&[1, 0]], &["in"], &["a"]), ["any(a): in -> a"]);
}

#[test]
fn a_rule_that_cannot_run_gives_way_whatever_the_order() {
    let rules = vec![rule("one", &["{x}.txt"], &["nowhere"]), rule("two", &["a/{y}.txt"], &["in"])];
    assert_eq!(ordered(rules, &[&[0, 1]], &["in"], &["a/1.txt"]), ["two(1): in -> a/1.txt"]);
}

#[test]
fn what_follows_from_two_statements_settles_nothing() {
    let rules =
        vec![rule("a", &["{x}.t"], &["no"]), rule("b", &["{y}.t"], &["in"]), rule("c", &["{z}.t"], &["in"])];
    assert_eq!(ordered(rules, &[&[1, 0], &[0, 2]], &["in"], &["1.t"]), ["ambiguous-rules"]);
    let rules = || vec![rule("a", &["{x}.t"], &[]), rule("b", &["{y}.t"], &[]), rule("c", &["{z}.t"], &[])];
    // Whatever their number, the one that goes before all others is taken …
    assert_eq!(ordered(rules(), &[&[2, 0], &[2, 1]], &[], &["1.t"]), ["c(1):  -> 1.t"]);
    // … and a circle has no first.
    assert_eq!(ordered(rules(), &[&[0, 1], &[1, 2], &[2, 0]], &[], &["1.t"]), ["ambiguous-rules"]);
}

/// A rule whose single input names its maker.
fn pinned(name: &str, output: &str, input: &str, maker: &str) -> Rule {
    let mut rule = rule(name, &[output], &[input]);
    if let InputSource::Patterns { flags, .. } = &mut rule.inputs[0].source {
        flags[0].maker = Some(maker.into());
    }
    rule
}

#[test]
fn an_input_that_names_its_rule_gets_the_file_from_there() {
    let makers = || vec![rule("one", &["{x}.txt"], &["in"]), rule("two", &["a/{y}.txt"], &["in"])];
    for (maker, job) in [("one", "one(a/1): in -> a/1.txt"), ("two", "two(1): in -> a/1.txt")] {
        let mut rules = makers();
        rules.push(pinned("user", "out", "a/1.txt", maker));
        assert_eq!(ordered(rules, &[], &["in"], &["out"]), [job, "user(): a/1.txt -> out"]);
    }
}

#[test]
fn a_named_rule_goes_over_one_without_wildcards() {
    let rules = vec![
        rule("fixed", &["a"], &["in"]),
        rule("any", &["{x}"], &["src"]),
        pinned("user", "out", "a", "any"),
    ];
    assert_eq!(ordered(rules, &[], &["in", "src"], &["out"]), ["any(a): src -> a", "user(): a -> out"]);
}

#[test]
fn inputs_that_name_two_rules_for_one_file_leave_it_ambiguous() {
    let rules = vec![
        rule("one", &["{x}.txt"], &["in"]),
        rule("two", &["a/{y}.txt"], &["in"]),
        pinned("u1", "o1", "a/1.txt", "one"),
        pinned("u2", "o2", "a/1.txt", "two"),
    ];
    assert_eq!(ordered(rules, &[], &["in"], &["o1", "o2"]), ["ambiguous-rules"]);
}
