//! Compares what was recorded with what would be executed now: the list of reasons. Pure; an empty list means
//! that the recorded result is the result.

use crate::base::path::{PathId, PathTable};
use crate::trace::fingerprint::{ANCIENT, Bound, CodeKind, CodePart, Fingerprint, InputState, Trace};
use crate::trace::reason::Reason;

/// Texts that make reasons readable; asked only when something differs.
pub(crate) trait Names {
    /// Text of the definition with this digest.
    fn definition(&self, digest: &crate::base::digest::Digest) -> Option<String>;
    /// Title of the job that makes `path`.
    fn maker(&self, path: PathId) -> Option<String>;
}

/// Every reason why `now` is not what `trace` recorded, the most telling first: command, code, params, wildcards,
/// outputs, inputs.
pub(crate) fn compare(trace: &Trace, now: &Fingerprint, paths: &PathTable, names: &dyn Names) -> Vec<Reason> {
    let then = &trace.fingerprint;
    let mut reasons = Vec::new();
    if then == now {
        return reasons;
    }
    if then.definition != now.definition {
        reasons.push(Reason::CommandChanged {
            old: names.definition(&then.definition),
            new: names.definition(&now.definition).unwrap_or_default(),
        });
    }
    compare_code(&then.code, &now.code, &mut reasons);
    compare_params(&then.params, &now.params, &mut reasons);
    compare_wildcards(&then.wildcards, &now.wildcards, &mut reasons);
    compare_outputs(&then.outputs, &now.outputs, paths, &mut reasons);
    compare_required(&then.required, &now.required, &mut reasons);
    compare_inputs(&then.inputs, &now.inputs, paths, names, &mut reasons);
    reasons
}

fn find<'a>(bound: &'a [Bound], name: &str) -> Option<&'a str> {
    bound.iter().find(|(n, _)| **n == *name).map(|(_, v)| &**v)
}

/// What was used before and is not now is no reason: a run that does not use environments leaves the results of one
/// that did as they are, and a rule without its script has another definition.
fn compare_code(then: &[CodePart], now: &[CodePart], reasons: &mut Vec<Reason>) {
    for part in now {
        let old = then.iter().find(|p| p.kind == part.kind && p.name == part.name).map(|p| p.digest);
        if old == Some(part.digest) {
            continue;
        }
        let (name, new) = (part.name.to_string(), part.digest);
        reasons.push(match part.kind {
            CodeKind::Script => Reason::ScriptChanged { path: name, old, new },
            kind => Reason::EnvironmentChanged { kind: kind.name().to_string(), name, old, new },
        });
    }
}

fn compare_params(then: &[Bound], now: &[Bound], reasons: &mut Vec<Reason>) {
    for (name, new) in now {
        let (name, new) = (name.to_string(), new.to_string());
        match find(then, &name) {
            Some(old) if old == new => {}
            Some(old) => reasons.push(Reason::ParamChanged { name, old: old.to_string(), new }),
            None => reasons.push(Reason::ParamAdded { name, new }),
        }
    }
    for (name, old) in then.iter().filter(|(name, _)| find(now, name).is_none()) {
        reasons.push(Reason::ParamRemoved { name: name.to_string(), old: old.to_string() });
    }
}

fn compare_wildcards(then: &[Bound], now: &[Bound], reasons: &mut Vec<Reason>) {
    let mut push = |name: &str, old: Option<&str>, new: Option<&str>| {
        let (old, new) = (old.map(str::to_string), new.map(str::to_string));
        reasons.push(Reason::WildcardChanged { name: name.to_string(), old, new });
    };
    for (name, new) in now {
        let old = find(then, name);
        if old != Some(new) {
            push(name, old, Some(new));
        }
    }
    for (name, old) in then.iter().filter(|(name, _)| find(now, name).is_none()) {
        push(name, Some(old), None);
    }
}

fn compare_outputs(then: &[PathId], now: &[PathId], paths: &PathTable, reasons: &mut Vec<Reason>) {
    if then == now {
        return;
    }
    let added = now.iter().find(|id| !then.contains(id));
    let removed = then.iter().find(|id| !now.contains(id));
    let path = added.or(removed).or(now.first()).map(|id| paths.text(*id).to_string()).unwrap_or_default();
    reasons.push(Reason::OutputSetChanged { path });
}

fn compare_required(then: &[Bound], now: &[Bound], reasons: &mut Vec<Reason>) {
    // What is no longer asked for did hold.
    for (path, new) in now.iter().filter(|asked| !then.contains(asked)) {
        let kind = |text: &str| text.split(' ').next().map(str::to_string);
        let old = then.iter().find(|(name, old)| name == path && kind(old) == kind(new));
        reasons.push(Reason::RequirementChanged {
            path: path.to_string(),
            old: old.map(|(_, text)| text.to_string()),
            new: new.to_string(),
        });
    }
}

fn compare_inputs(
    then: &[InputState],
    now: &[InputState],
    paths: &PathTable,
    names: &dyn Names,
    reasons: &mut Vec<Reason>,
) {
    if then == now {
        return;
    }
    let old: rustc_hash::FxHashMap<PathId, &InputState> = then.iter().map(|i| (i.path, i)).collect();
    let new: rustc_hash::FxHashMap<PathId, &InputState> = now.iter().map(|i| (i.path, i)).collect();
    let before = reasons.len();
    let mut seen = rustc_hash::FxHashSet::default();
    for input in now.iter().filter(|i| seen.insert(i.path)) {
        let path = || paths.text(input.path).to_string();
        match old.get(&input.path) {
            None => reasons.push(Reason::InputAdded { path: path() }),
            // Whatever it was: it does not count any more.
            Some(_) if input.digest == ANCIENT => {}
            Some(was) if was.digest == ANCIENT => reasons.push(Reason::InputCounts { path: path() }),
            Some(was) if was.digest != input.digest => reasons.push(Reason::InputChanged {
                path: path(),
                old: was.digest,
                new: input.digest,
                by: names.maker(input.path),
            }),
            Some(_) => {}
        }
    }
    let mut seen = rustc_hash::FxHashSet::default();
    for input in then.iter().filter(|i| !new.contains_key(&i.path) && seen.insert(i.path)) {
        reasons.push(Reason::InputRemoved { path: paths.text(input.path).to_string() });
    }
    if order_differs(then, now) || reasons.len() == before && slots_differ(then, now) {
        reasons.push(Reason::InputsReordered);
    }
}

fn slots_differ(then: &[InputState], now: &[InputState]) -> bool {
    !then.iter().map(|i| (i.slot, i.path)).eq(now.iter().map(|i| (i.slot, i.path)))
}

/// Whether the inputs that both have stand in another order or in other slots.
fn order_differs(then: &[InputState], now: &[InputState]) -> bool {
    let common = |a: &[InputState], b: &[InputState]| {
        let in_b: rustc_hash::FxHashSet<PathId> = b.iter().map(|i| i.path).collect();
        a.iter().filter(|i| in_b.contains(&i.path)).map(|i| i.path).collect::<Vec<_>>()
    };
    common(then, now) != common(now, then)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::trace::fingerprint::Origin;

    struct NoNames;
    impl Names for NoNames {
        fn definition(&self, digest: &Digest) -> Option<String> {
            Some(format!("definition {}", digest.short()))
        }
        fn maker(&self, _: PathId) -> Option<String> {
            None
        }
    }

    fn bound(pairs: &[(&str, &str)]) -> Vec<Bound> {
        pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()
    }

    fn base() -> (PathTable, Fingerprint) {
        let mut paths = PathTable::default();
        let inputs = ["a", "b"]
            .iter()
            .enumerate()
            .map(|(i, p)| InputState {
                slot: i as u16,
                path: paths.intern(p),
                digest: Digest::of(p.as_bytes()),
            })
            .collect();
        let outputs = vec![paths.intern("out")];
        let definition = Digest::of(b"cmd");
        let params = bound(&[("x", "1"), ("y", "2")]);
        let wildcards = bound(&[("s", "A")]);
        let script = CodePart { kind: CodeKind::Script, name: "s.py".into(), digest: Digest::of(b"1") };
        let conda = CodePart { kind: CodeKind::Conda, name: "env.yaml".into(), digest: Digest::of(b"2") };
        let code = vec![script, conda];
        (paths, Fingerprint { definition, params, wildcards, code, inputs, outputs, required: Vec::new() })
    }

    fn reasons(change: impl FnOnce(&mut Fingerprint, &mut PathTable)) -> Vec<Reason> {
        let (mut paths, then) = base();
        let mut now = then.clone();
        change(&mut now, &mut paths);
        compare(&trace(then), &now, &paths, &NoNames)
    }

    fn trace(fingerprint: Fingerprint) -> Trace {
        Trace {
            rule: "r".into(),
            fingerprint,
            results: vec![Digest::of(b"out")],
            run: 1,
            job: 0,
            duration_ms: 1,
            origin: Origin::Executed,
            reported: Vec::new(),
        }
    }

    fn tags(reasons: &[Reason]) -> Vec<&'static str> {
        reasons.iter().map(Reason::tag).collect()
    }

    #[test]
    fn equal_fingerprints_give_no_reason() {
        assert_eq!(reasons(|_, _| {}), []);
    }

    #[test]
    fn swapping_two_params_names_both() {
        let found = reasons(|now, _| now.params = bound(&[("x", "2"), ("y", "1")]));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["param x changed: 1 -> 2", "param y changed: 2 -> 1"]
        );
    }

    #[test]
    fn each_component_gives_its_own_reason() {
        assert_eq!(tags(&reasons(|now, _| now.definition = Digest::of(b"other"))), ["command-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.code[0].digest = Digest::of(b"other"))), ["script-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.code[1].name = "b.yaml".into())), ["environment-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.params.truncate(1))), ["param-removed"]);
        assert_eq!(tags(&reasons(|now, _| now.params.push(("z".into(), "1".into())))), ["param-added"]);
        assert_eq!(tags(&reasons(|now, _| now.wildcards = bound(&[("s", "B")]))), ["wildcard-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.wildcards.clear())), ["wildcard-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.inputs[0].digest = Digest::of(b"new"))), ["input-changed"]);
        assert_eq!(tags(&reasons(|now, _| now.inputs.truncate(1))), ["input-removed"]);
        assert_eq!(
            tags(&reasons(|now, paths| now.outputs.push(paths.intern("out2")))),
            ["output-set-changed"]
        );
    }

    #[test]
    fn an_environment_that_the_run_does_not_use_is_no_reason() {
        assert_eq!(reasons(|now, _| now.code.truncate(1)), []);
    }

    #[test]
    fn order_and_slots_of_inputs_count() {
        assert_eq!(tags(&reasons(|now, _| now.inputs.swap(0, 1))), ["inputs-reordered"]);
        assert_eq!(tags(&reasons(|now, _| now.inputs[1].slot = 0)), ["inputs-reordered"]);
        let both = reasons(|now, paths| {
            now.inputs.swap(0, 1);
            now.inputs.push(InputState { slot: 2, path: paths.intern("c"), digest: Digest::of(b"c") });
        });
        assert_eq!(tags(&both), ["input-added", "inputs-reordered"]);
    }

    #[test]
    fn an_input_that_becomes_ancient_is_no_reason_and_the_way_back_is_one() {
        assert_eq!(reasons(|now, _| now.inputs[0].digest = ANCIENT), []);
        let (mut paths, mut then) = base();
        then.inputs[0].digest = ANCIENT;
        let now = base().1;
        let trace = trace(then.clone());
        assert_eq!(tags(&compare(&trace, &now, &paths, &NoNames)), ["input-counts"]);
        let mut other = then;
        other.inputs[1].path = paths.intern("c");
        assert_eq!(tags(&compare(&trace, &other, &paths, &NoNames)), ["input-added", "input-removed"]);
    }

    #[test]
    fn what_is_asked_of_an_output_counts_when_it_is_more_or_other() {
        let asked = |text: &str| bound(&[("out", text)]);
        assert_eq!(tags(&reasons(|now, _| now.required = asked("non-empty"))), ["requirement-changed"]);
        let (paths, mut then) = base();
        then.required = asked("non-empty");
        let trace = trace(then);
        assert_eq!(compare(&trace, &base().1, &paths, &NoNames), [], "asks less");
        let mut now = base().1;
        now.required = asked("sha256 0123");
        assert_eq!(tags(&compare(&trace, &now, &paths, &NoNames)), ["requirement-changed"]);
    }

    #[test]
    fn a_repeated_input_is_reported_once() {
        let found = reasons(|now, paths| {
            let c = paths.intern("c");
            for slot in 2..4 {
                now.inputs.push(InputState { slot, path: c, digest: Digest::of(b"c") });
            }
        });
        assert_eq!(tags(&found), ["input-added"]);
    }
}
