//! An explanation as text: old and new of each reason, then upstream to the root cause.

use super::diff::{self, Change};
use super::text::{duration, title};
use crate::diag::style::{Role, TextStyle, command_lines, printable};
use crate::plan::plan::Verdict;
use crate::session::{Why, WhyStep};
use crate::trace::reason::Reason;
use std::fmt::Write;

/// Inputs that are named of those that may change; one is enough to decide.
const INPUTS_SHOWN: usize = 5;
/// Jobs upstream that are shown of a long chain: those next to the file, and those at the root cause.
const STEPS_NEAR: usize = 8;
const STEPS_FAR: usize = 3;

/// The explanation as text for people. Ends with a line end.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, TextStyle, report};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let why = session.why("no-such.txt")?;
/// let text = report::why_text(&why, TextStyle::Plain);
/// assert!(text.starts_with("no-such.txt will be made by rule a:\n"), "{text}");
/// # Ok::<(), rulemake::Error>(())
/// ```
#[must_use]
pub fn why_text(why: &Why, style: TextStyle) -> String {
    let mut out = String::new();
    let path = printable(&why.path);
    let path = style.paint(Role::Strong, &path).into_owned();
    let Some((first, upstream)) = why.chain.split_first() else {
        let _ = match (&why.orphan, why.source) {
            (Some(orphan), _) => writeln!(out, "{}", printable(&orphan.to_string())),
            (None, true) => {
                writeln!(out, "{path} is a source: no rule makes it, so it changes only when you change it")
            }
            (None, false) => writeln!(out, "nothing is known about {path}"),
        };
        push_passed_over(&mut out, why);
        return out;
    };
    let rule = printable(&first.job.rule);
    let _ = match &first.verdict {
        running if running.running_now().is_some() => {
            writeln!(out, "{path} is being made by rule {rule}:")
        }
        Verdict::Run { .. } => writeln!(out, "{path} will be made by rule {rule}:"),
        Verdict::Restore { .. } => {
            writeln!(out, "{path} will be restored from the cache, not made by rule {rule} again:")
        }
        Verdict::May { .. } => {
            writeln!(out, "{path} may be made by rule {rule}, if an input turns out different:")
        }
        Verdict::AfterCheckpoint { .. } => {
            writeln!(out, "{path} is made by rule {rule}, and what that needs is not known yet:")
        }
        Verdict::UpToDate => writeln!(out, "{path} is up to date:"),
    };
    push_step(&mut out, first, style);
    if upstream.is_empty() {
        push_way_out(&mut out, why, first, style);
    }
    push_passed_over(&mut out, why);
    let hidden = STEPS_NEAR..upstream.len().saturating_sub(STEPS_FAR);
    for (i, step) in upstream.iter().enumerate() {
        if hidden.contains(&i) && hidden.len() > 1 {
            if i == hidden.start {
                let _ = writeln!(out, "\n... {} more jobs in between", hidden.len());
            }
            continue;
        }
        let lead = if i + 1 == upstream.len() { "root cause" } else { "because" };
        let words = match &step.verdict {
            running if running.running_now().is_some() => "runs now",
            Verdict::Run { .. } => "will run",
            Verdict::Restore { .. } => "is restored from the cache",
            Verdict::May { .. } => "may run",
            Verdict::AfterCheckpoint { .. } => "waits",
            Verdict::UpToDate => "is up to date",
        };
        let _ = writeln!(out, "\n{}: {} {words}:", style.paint(Role::Strong, lead), title(&step.job));
        push_step(&mut out, step, style);
        if i + 1 == upstream.len() {
            push_way_out(&mut out, why, step, style);
        }
    }
    out
}

/// What the root cause would have to be for the job not to run, and how its files can be taken as they are.
fn push_way_out(out: &mut String, why: &Why, step: &WhyStep, style: TextStyle) {
    let Verdict::Run { reasons } = &step.verdict else { return };
    if let Some((last, others)) = step.unless.split_last() {
        let others = others.join(", ");
        let all = if others.is_empty() { last.clone() } else { format!("{others} and {last}") };
        let _ = writeln!(out, "  {} {}", style.paint(Role::Faint, "it would not run if"), printable(&all));
    }
    let file = step.job.outputs.first().unwrap_or(&why.path);
    let is_word = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@:,".contains(&byte));
    // What is not there cannot be taken for anything.
    if step.exists && reasons.iter().all(Reason::may_be_accepted) {
        let file = if is_word { file.as_str() } else { "FILE" };
        let _ = writeln!(out, "  `rulemake accept {file}` takes it as it is");
    }
}

/// A rule that the user may have expected to be taken.
fn push_passed_over(out: &mut String, why: &Why) {
    for passed in &why.passed_over {
        let rule = printable(&passed.rule);
        let _ = match &passed.lacks {
            Some(input) => writeln!(
                out,
                "  rule {rule} could make it too, but its input {} does not exist and cannot be made",
                printable(input)
            ),
            None => match &passed.because {
                Some(because) => writeln!(out, "  {}", printable(because)),
                None => {
                    writeln!(out, "  rule {rule} could make it too, but its inputs could not be found out")
                }
            },
        };
    }
}

fn push_step(out: &mut String, step: &WhyStep, style: TextStyle) {
    match &step.verdict {
        Verdict::Run { reasons } | Verdict::Restore { reasons } => {
            reasons.iter().for_each(|reason| push_reason(out, reason, style));
            if let Some(last) = &step.last {
                let _ = match last.accepted {
                    true => writeln!(out, "  taken as it was in run {}", last.run),
                    false => {
                        let how = if last.restored { "restored from the cache" } else { "made" };
                        writeln!(out, "  last {how} in run {} ({})", last.run, duration(last.duration_ms))
                    }
                };
            }
        }
        Verdict::May { inputs } => {
            for input in inputs.iter().take(INPUTS_SHOWN) {
                let _ = writeln!(out, "  {} {} will or may be made first", bullet(style), printable(input));
            }
            if let Some(more @ 1..) = inputs.len().checked_sub(INPUTS_SHOWN) {
                let _ = writeln!(out, "  ... and {more} more");
            }
        }
        Verdict::AfterCheckpoint { checkpoints } => {
            for checkpoint in checkpoints.iter().take(INPUTS_SHOWN) {
                let _ = writeln!(
                    out,
                    "  {} checkpoint {} has to run first",
                    bullet(style),
                    printable(checkpoint)
                );
            }
            if let Some(more @ 1..) = checkpoints.len().checked_sub(INPUTS_SHOWN) {
                let _ = writeln!(out, "  ... and {more} more");
            }
        }
        Verdict::UpToDate => push_fresh(out, step),
    }
}

fn push_fresh(out: &mut String, step: &WhyStep) {
    let rule = printable(&step.job.rule);
    match &step.last {
        Some(last) if last.accepted => {
            let _ = writeln!(out, "  taken as it was in run {}, not made by rule {rule}", last.run);
            out.push_str("  since then its rule and the content of its inputs and outputs are the same\n");
        }
        Some(last) => {
            let took = duration(last.duration_ms);
            let _ = match last.restored {
                true => writeln!(
                    out,
                    "  restored from the cache in run {}; rule {rule} had made it before ({took})",
                    last.run
                ),
                false => writeln!(out, "  made in run {} by rule {rule} ({took})", last.run),
            };
            out.push_str("  since then its command, its params and the content of its inputs and outputs are the same\n");
        }
        None => {
            let _ = writeln!(out, "  rule {rule} runs nothing, and all that it needs is up to date");
        }
    }
}

/// The reason as a sentence; what has an old and a new state shows both.
fn push_reason(out: &mut String, reason: &Reason, style: TextStyle) {
    let sentence = match reason {
        Reason::InputChanged { path, old, new, by } => {
            let by = by.as_ref().map(|job| format!(" (made by {job})")).unwrap_or_default();
            format!("input {path} changed: {} -> {}{by}", old.short(), new.short())
        }
        Reason::ScriptChanged { old: Some(old), new, .. }
        | Reason::EnvironmentChanged { old: Some(old), new, .. }
        | Reason::OutputModified { old, new, .. } => format!("{reason}: {} -> {}", old.short(), new.short()),
        Reason::CommandChanged { old: None, .. } => {
            "command changed; the old one is not on record, the new one is:".to_string()
        }
        Reason::CommandChanged { .. } => "command changed:".to_string(),
        other => other.to_string(),
    };
    let _ = writeln!(out, "  {} {}", bullet(style), printable(&sentence));
    if let Reason::CommandChanged { old, new } = reason {
        push_command_change(out, old.as_deref(), new, style);
    }
}

pub(super) fn push_command_change(out: &mut String, old: Option<&str>, new: &str, style: TextStyle) {
    let lines = match old {
        Some(old) => diff::lines(old, new),
        None => new.lines().map(|line| (Change::Same, line)).collect(),
    };
    for (change, line) in lines {
        let text = command_lines(line).next().unwrap_or_default();
        let (sign, role) = match change {
            Change::Same => (" ", Role::Faint),
            Change::Removed => ("-", Role::Error),
            Change::Added => ("+", Role::Good),
            Change::Gap => ("...", Role::Faint),
        };
        let line = format!("{sign} {text}");
        let _ = writeln!(out, "{}", format!("      {}", style.paint(role, line.trim_end())).trim_end());
    }
}

fn bullet(style: TextStyle) -> String {
    style.paint(Role::Faint, "-").into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{job, run};
    use super::*;
    use crate::base::digest::Digest;
    use crate::session::LastRun;

    fn step(rule: &str, output: &str, verdict: Verdict, last: Option<(u32, u64)>) -> WhyStep {
        let last = last.map(|(run, duration_ms)| LastRun {
            run,
            duration_ms,
            accepted: false,
            restored: false,
            reported: Vec::new(),
        });
        let unless = match &verdict {
            Verdict::Run { reasons } => reasons.iter().map(Reason::unless).collect::<Option<_>>(),
            _ => None,
        };
        WhyStep { job: job(0, rule, output), unless: unless.unwrap_or_default(), verdict, last, exists: true }
    }

    fn text(source: bool, chain: Vec<WhyStep>) -> String {
        let why = Why {
            v: 1,
            path: "out/s.tsv".into(),
            source,
            chain,
            passed_over: vec![],
            orphan: None,
            reads: vec![],
        };
        why_text(&why, TextStyle::Plain)
    }

    #[test]
    fn a_long_chain_is_cut_in_the_middle() {
        let steps =
            |n| (0..n).map(|i| step("r", &format!("o{i}"), run(&[Reason::NeverBuilt]), None)).collect();
        let all = text(false, steps(13));
        assert!(!all.contains("more jobs") && all.contains("because: r o9 will run"), "{all}");
        let cut = text(false, steps(100));
        assert!(cut.contains(
            "because: r o8 will run:\n  - never built\n\n... 88 more jobs in between\n\nbecause: r o97"
        ));
        assert!(cut.contains("root cause: r o99"), "{cut}");
    }

    #[test]
    fn reasons_show_old_and_new_and_lead_to_the_root_cause() {
        let changed = Reason::InputChanged {
            path: "mid/s.tsv".into(),
            old: Digest::from_bytes([0x12; 32]),
            new: Digest::from_bytes([0xab; 32]),
            by: Some("mid mid/s.tsv".into()),
        };
        let param = Reason::ParamChanged { name: "min".into(), old: "5".into(), new: "6".into() };
        let command = Reason::CommandChanged {
            old: Some("set -e\ncut -f1 {input} > {output}".into()),
            new: "set -e\ncut -f2 {input} > {output}".into(),
        };
        let chain = vec![
            step("out", "out/s.tsv", run(&[changed, param]), Some((4, 1200))),
            step("mid", "mid/s.tsv", run(&[command]), None),
        ];
        assert_eq!(
            text(false, chain),
            "\
out/s.tsv will be made by rule out:
  - input mid/s.tsv changed: 12121212 -> abababab (made by mid mid/s.tsv)
  - param min changed: 5 -> 6
  last made in run 4 (1.2 s)

root cause: mid mid/s.tsv will run:
  - command changed:
        set -e
      - cut -f1 {input} > {output}
      + cut -f2 {input} > {output}
  it would not run if its command were as before
  `rulemake accept mid/s.tsv` takes it as it is
"
        );
    }

    #[test]
    fn what_is_not_there_cannot_be_accepted() {
        let failed = Reason::FailedBefore { run: 1, outcome: "exit 1".into() };
        let step = WhyStep { exists: false, ..step("out", "out/s.tsv", run(&[failed]), None) };
        assert!(!text(false, vec![step]).contains("accept"));
    }

    #[test]
    fn a_source_and_a_fresh_file_are_told_apart() {
        assert_eq!(
            text(true, vec![]),
            "out/s.tsv is a source: no rule makes it, so it changes only when you change it\n"
        );
        assert_eq!(
            text(false, vec![step("out", "out/s.tsv", Verdict::UpToDate, Some((3, 40)))]),
            "\
out/s.tsv is up to date:
  made in run 3 by rule out (0.04 s)
  since then its command, its params and the content of its inputs and outputs are the same
"
        );
    }

    #[test]
    fn of_many_inputs_that_may_change_a_few_are_named() {
        let may = Verdict::May { inputs: (0..9).map(|i| format!("mid/{i}")).collect() };
        let text = text(false, vec![step("out", "out/s.tsv", may, None)]);
        assert!(text.ends_with("  - mid/4 will or may be made first\n  ... and 4 more\n"), "{text}");
    }

    #[test]
    fn what_is_open_until_the_run_says_what_decides() {
        let may = Verdict::May { inputs: vec!["mid/s.tsv".into()] };
        let chain = vec![
            step("out", "out/s.tsv", may, None),
            step("mid", "mid/s.tsv", run(&[Reason::NeverBuilt]), None),
        ];
        assert_eq!(
            text(false, chain),
            "\
out/s.tsv may be made by rule out, if an input turns out different:
  - mid/s.tsv will or may be made first

root cause: mid mid/s.tsv will run:
  - never built
"
        );
    }
}
