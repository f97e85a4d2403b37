//! The dry run: a plan as text. Rules with their counts first, then jobs, then one line of counts.

use super::narrate::Detail;
use super::text::{count, padded, title};
use crate::diag::style::{Role, TextStyle, command_lines, printable};
use crate::graph::info::JobInfo;
use crate::plan::plan::{Plan, PlanCounts, PlannedJob, Verdict};
use crate::trace::reason::Reason;
use indexmap::IndexMap;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// A plan of more jobs is told by its rules, with jobs as examples, unless all are asked for …
const JOBS_SHOWN: usize = 50;
/// … so many as fit a screen with the rules, …
const SCREEN_LINES: usize = 19;
const LEAST_JOBS: usize = 5;
/// … and no more rules than these.
const RULES_SHOWN: usize = 40;
const ORPHANS_SHOWN: usize = 3;
const WARNINGS_SHOWN: usize = 5;
/// Titles are aligned up to this width; a longer one pushes its reason to the right.
const TITLE_COLUMNS: usize = 48;

/// The plan as text for people: what will run and why. Ends with a line end.
///
/// [`Detail::Quiet`] gives the counts alone, [`Detail::Verbose`] all jobs with all their reasons and commands.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, TextStyle, report};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
/// let text = report::plan_text(&plan, report::Detail::Quiet, TextStyle::Plain);
/// assert_eq!(text, "1 will run, 0 up to date\n");
/// # Ok::<(), rulemake::Error>(())
/// ```
#[must_use]
pub fn plan_text(plan: &Plan, detail: Detail, style: TextStyle) -> String {
    let mut out = String::new();
    let is_active = |job: &PlannedJob<'_>| match job.verdict() {
        Verdict::UpToDate => false,
        // Also of a rule that only names what it wants.
        Verdict::AfterCheckpoint { .. } => true,
        Verdict::Run { .. } | Verdict::May { .. } | Verdict::Restore { .. } => job.has_action(),
    };
    let active: Vec<PlannedJob<'_>> = match detail {
        Detail::Quiet => Vec::new(),
        _ => plan.jobs().filter(is_active).collect(),
    };
    if !active.is_empty() {
        let all = detail >= Detail::Verbose;
        let rules = push_rules(&mut out, &active, all, style);
        out.push('\n');
        let most = match active.len() {
            0..=JOBS_SHOWN => JOBS_SHOWN,
            _ => SCREEN_LINES.saturating_sub(rules).max(LEAST_JOBS),
        };
        push_jobs(&mut out, &active, if all { usize::MAX } else { most }, all, style);
        out.push('\n');
    }
    for warning in plan.warnings().iter().take(WARNINGS_SHOWN) {
        let _ = writeln!(out, "{}", warning.render(style).trim_end());
    }
    for orphan in plan.orphans().iter().take(ORPHANS_SHOWN) {
        let text = orphan.to_string();
        let _ = writeln!(out, "{}: {}", style.paint(Role::Warning, "warning"), printable(&text));
    }
    push_counts(&mut out, plan, style);
    if detail > Detail::Quiet && active.iter().any(|planned| is_without_record(planned)) {
        out.push_str(ACCEPT);
    }
    out
}

const ACCEPT: &str =
    "`rulemake accept` takes the files that are there for results, instead of making them again\n";

/// Whether its outputs were made by something else, or by a run whose state directory is gone.
fn is_without_record(planned: &PlannedJob<'_>) -> bool {
    matches!(planned.verdict(), Verdict::Run { reasons } if reasons.contains(&Reason::NoRecord))
}

#[derive(Default)]
struct Tally<'a> {
    now: usize,
    run: usize,
    restored: usize,
    may: usize,
    waits: usize,
    reasons: IndexMap<&'a str, usize>,
}

/// How many lines it took.
fn push_rules(out: &mut String, active: &[PlannedJob<'_>], all: bool, style: TextStyle) -> usize {
    let mut rules: IndexMap<&str, Tally> = IndexMap::new();
    for planned in active {
        let tally = rules.entry(planned.rule()).or_default();
        match planned.verdict() {
            running if running.running_now().is_some() => tally.now += 1,
            Verdict::Run { reasons } => {
                tally.run += 1;
                if let Some(reason) = reasons.first() {
                    *tally.reasons.entry(kind(reason)).or_default() += 1;
                }
            }
            Verdict::Restore { .. } => tally.restored += 1,
            Verdict::AfterCheckpoint { .. } => tally.waits += 1,
            _ => tally.may += 1,
        }
    }
    let most = if all { usize::MAX } else { RULES_SHOWN };
    // Those that have the most to do.
    let is_cut = rules.len() > most;
    if is_cut {
        rules.sort_by_cached_key(|_, tally| std::cmp::Reverse(tally.jobs()));
    }
    let rest = rules.split_off(most.min(rules.len()));
    let names: Vec<String> = rules.keys().map(|name| printable(name).into_owned()).collect();
    let columns = names.iter().map(|n| n.width()).max().unwrap_or(0).min(TITLE_COLUMNS);
    let totals: Vec<String> = rules.values().map(total).collect();
    let total_columns = totals.iter().map(|t| t.width()).max().unwrap_or(0);
    for ((name, total), tally) in names.iter().zip(&totals).zip(rules.values()) {
        let name = style.paint(Role::Strong, &padded(name, columns)).into_owned();
        let line = format!("{name}  {}  {}", padded(total, total_columns), causes(tally));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if !rest.is_empty() {
        let jobs = count(rest.values().map(Tally::jobs).sum(), "job");
        let _ = writeln!(out, "... and {} with {jobs} (-v shows all)", count(rest.len(), "more rule"));
    }
    rules.len() + usize::from(!rest.is_empty())
}

impl Tally<'_> {
    fn jobs(&self) -> usize {
        self.now + self.run + self.restored + self.may + self.waits
    }
}

/// What reasons are counted by: their tags, apart from jobs that did not fail but were stopped.
fn kind(reason: &Reason) -> &'static str {
    match reason {
        Reason::FailedBefore { outcome, .. } if outcome == "cancelled" => "stopped",
        Reason::FailedBefore { outcome, .. } if outcome == "interrupted" => "interrupted",
        other => other.tag(),
    }
}

fn total(tally: &Tally) -> String {
    let parts = [
        ("runs now", tally.now),
        ("will run", tally.run),
        ("restored", tally.restored),
        ("may run", tally.may),
        ("waits", tally.waits),
    ];
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    parts.map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
}

/// `input changed (10), never built (2)`, the most frequent first.
fn causes(tally: &Tally) -> String {
    let mut counted: Vec<(&str, usize)> = tally.reasons.iter().map(|(tag, n)| (*tag, *n)).collect();
    counted.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let alone = counted.len() == 1 && tally.run == 1 && tally.now == 0;
    let words = counted.iter().map(|(tag, n)| {
        let tag = tag.replace('-', " ");
        if alone { tag } else { format!("{tag} ({n})") }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn push_jobs(out: &mut String, active: &[PlannedJob<'_>], most: usize, verbose: bool, style: TextStyle) {
    let shown = &active[..active.len().min(most)];
    let infos: Vec<JobInfo> = shown.iter().map(|planned| planned.info()).collect();
    let titles: Vec<String> = infos.iter().map(title).collect();
    let columns = titles.iter().map(|t| t.width()).filter(|w| *w <= TITLE_COLUMNS).max().unwrap_or(0);
    for ((planned, info), title) in shown.iter().zip(&infos).zip(&titles) {
        let (word, role, causes) = match planned.verdict() {
            running @ Verdict::Run { reasons } => match running.running_now() {
                // What else is to be said of it is about what it has not made yet.
                Some(now) => ("runs now", Role::Good, reason_list(info, std::slice::from_ref(now), verbose)),
                None => ("will run", Role::Warning, reason_list(info, reasons, verbose)),
            },
            Verdict::Restore { reasons } => ("restored", Role::Good, reason_list(info, reasons, verbose)),
            Verdict::May { inputs } => ("may run ", Role::Frame, may_list(inputs, verbose)),
            Verdict::AfterCheckpoint { checkpoints } => {
                ("waits   ", Role::Frame, checkpoint_list(checkpoints, verbose))
            }
            Verdict::UpToDate => continue,
        };
        let first = causes.first().map_or("", String::as_str);
        let word = style.paint(role, word).into_owned();
        let line = format!("{word}  {}  {}", padded(title, columns), style.paint(Role::Faint, first));
        let _ = writeln!(out, "{}", line.trim_end());
        for cause in causes.iter().skip(1) {
            let _ = writeln!(out, "{:10}{:columns$}  {}", "", "", style.paint(Role::Faint, cause));
        }
        if verbose {
            push_command(out, planned, style);
        }
    }
    let hidden = active.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(out, "... and {hidden} more (-v shows all)");
    }
}

fn push_command(out: &mut String, planned: &PlannedJob<'_>, style: TextStyle) {
    for line in planned.command().iter().flat_map(|command| command_lines(command)) {
        let line = style.paint(Role::Good, &line).into_owned();
        let _ = writeln!(out, "{}", format!("{:14}{line}", "").trim_end());
    }
}

fn reason_list(info: &JobInfo, reasons: &[Reason], all: bool) -> Vec<String> {
    // The title names the first output: once is enough for a line.
    let is_first = |path: &String| info.outputs.first() == Some(path);
    let text = |reason: &Reason| match reason {
        Reason::OutputMissing { path } if is_first(path) => "output missing".into(),
        Reason::OutputModified { path, .. } if is_first(path) => "output modified by hand".into(),
        other => printable(&other.to_string()).into_owned(),
    };
    let texts: Vec<String> = reasons.iter().map(text).collect();
    shortened(texts, all, " reason")
}

fn may_list(inputs: &[String], all: bool) -> Vec<String> {
    let texts = inputs.iter().map(|path| format!("if {} turns out different", printable(path)));
    shortened(texts.collect(), all, "")
}

fn checkpoint_list(checkpoints: &[String], all: bool) -> Vec<String> {
    let texts = checkpoints.iter().map(|title| format!("for checkpoint {}", printable(title)));
    shortened(texts.collect(), all, "")
}

/// All texts, or the first with `(+2 more reasons)`.
fn shortened(mut texts: Vec<String>, all: bool, noun: &str) -> Vec<String> {
    let more = texts.len().saturating_sub(1);
    if !all && more > 0 {
        texts.truncate(1);
        let plural = if more > 1 && !noun.is_empty() { "s" } else { "" };
        texts[0].push_str(&format!(" (+{more} more{noun}{plural})"));
    }
    texts
}

fn push_counts(out: &mut String, plan: &Plan, style: TextStyle) {
    let PlanCounts {
        run,
        restore: restored,
        may,
        after_checkpoint: waiting,
        up_to_date,
        running_now: running,
    } = plan.counts();
    if run + may + waiting + restored == 0 {
        let _ = match up_to_date {
            0 => writeln!(out, "nothing to do"),
            n => writeln!(out, "nothing to do: {} up to date", count(n, "job")),
        };
        return;
    }
    let may = if may > 0 { format!(", {may} may run") } else { String::new() };
    let restored = if restored > 0 { format!(", {restored} restored") } else { String::new() };
    let waiting = match waiting {
        0 => String::new(),
        1 => ", 1 waits for a checkpoint".into(),
        n => format!(", {n} wait for checkpoints"),
    };
    let now = match running {
        0 => String::new(),
        1 => "1 runs now, ".into(),
        n => format!("{n} run now, "),
    };
    let run = run - running.min(run);
    let text = format!("{now}{run} will run{restored}{may}{waiting}, {up_to_date} up to date");
    let _ = writeln!(out, "{}", style.paint(Role::Strong, &text));
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{changed, job, plan, planned, run};
    use super::*;

    fn mixed() -> Plan {
        let may = Verdict::May { inputs: vec!["clean/a.tsv".into(), "clean/b.tsv".into()] };
        let mut all = planned(job(4, "all", ""), run(&[Reason::NoOutputs]), &[3]);
        all.has_action = false;
        plan(vec![
            planned(job(0, "clean", "clean/a.tsv"), run(&[changed("raw/a.tsv"), changed("x")]), &[]),
            planned(job(1, "clean", "clean/bb.tsv"), run(&[Reason::NeverBuilt]), &[]),
            planned(job(2, "clean", "clean/c.tsv"), Verdict::UpToDate, &[]),
            planned(job(3, "report", "report.html"), may, &[0, 1, 2]),
            all,
        ])
    }

    #[test]
    fn a_dry_run_counts_by_rule_then_lists_jobs_with_reasons() {
        assert_eq!(
            plan_text(&mixed(), Detail::Normal, TextStyle::Plain),
            "\
clean   will run 2  input changed (1), never built (1)
report  may run 1

will run  clean clean/a.tsv   input raw/a.tsv changed (+1 more reason)
will run  clean clean/bb.tsv  never built
may run   report report.html  if clean/a.tsv turns out different (+1 more)

2 will run, 1 may run, 1 up to date
"
        );
    }

    #[test]
    fn verbose_shows_all_reasons_and_commands() {
        assert_eq!(
            plan_text(&mixed(), Detail::Verbose, TextStyle::Plain),
            "\
clean   will run 2  input changed (1), never built (1)
report  may run 1

will run  clean clean/a.tsv   input raw/a.tsv changed
                              input x changed
              make-clean
will run  clean clean/bb.tsv  never built
              make-clean
may run   report report.html  if clean/a.tsv turns out different
                              if clean/b.tsv turns out different
              make-report

2 will run, 1 may run, 1 up to date
"
        );
    }

    #[test]
    fn what_waits_for_a_checkpoint_says_so_with_or_without_an_action() {
        let waits = |titles: &[&str]| Verdict::AfterCheckpoint {
            checkpoints: titles.iter().map(|t| t.to_string()).collect(),
        };
        let mut all = planned(job(2, "all", ""), waits(&["split parts"]), &[]);
        all.has_action = false;
        let jobs = vec![
            planned(job(0, "split", "parts"), run(&[Reason::NeverBuilt]), &[]),
            planned(job(1, "gather", "all.txt"), waits(&["split parts", "look list"]), &[0]),
            all,
        ];
        assert_eq!(
            plan_text(&plan(jobs), Detail::Normal, TextStyle::Plain),
            "\
split   will run 1  never built
gather  waits 1
all     waits 1

will run  split parts     never built
waits     gather all.txt  for checkpoint split parts (+1 more)
waits     all             for checkpoint split parts

1 will run, 2 wait for checkpoints, 0 up to date
"
        );
    }

    /// A line has the room of a screen; whoever comes from Snakemake learns once how files are taken over.
    #[test]
    fn the_first_output_is_named_once_and_files_without_record_can_be_accepted() {
        let missing = |path: &str| Reason::OutputMissing { path: path.into() };
        let jobs = vec![
            planned(job(0, "r", "a"), run(&[missing("a")]), &[]),
            planned(job(1, "r", "b"), run(&[missing("c")]), &[]),
            planned(job(2, "r", "d"), run(&[Reason::NoRecord]), &[]),
        ];
        let text = plan_text(&plan(jobs), Detail::Normal, TextStyle::Plain);
        assert!(
            text.contains("r a  output missing\n") && text.contains("r b  output c is missing\n"),
            "{text}"
        );
        assert!(text.ends_with(&format!("up to date\n{ACCEPT}")), "{text}");
    }

    #[test]
    fn a_job_that_was_stopped_did_not_fail() {
        let before = |outcome: &str| Reason::FailedBefore { run: 1, outcome: outcome.into() };
        let jobs = vec![
            planned(job(0, "slow", "a"), run(&[before("cancelled")]), &[]),
            planned(job(1, "slow", "b"), run(&[before("cancelled")]), &[]),
            planned(job(2, "slow", "c"), run(&[before("exit 1")]), &[]),
        ];
        let text = plan_text(&plan(jobs), Detail::Normal, TextStyle::Plain);
        assert!(text.starts_with("slow  will run 3  stopped (2), failed before (1)\n"), "{text}");
    }

    #[test]
    fn quiet_gives_the_counts_alone() {
        assert_eq!(
            plan_text(&mixed(), Detail::Quiet, TextStyle::Plain),
            "2 will run, 1 may run, 1 up to date\n"
        );
    }

    #[test]
    fn a_plan_without_work_is_one_line() {
        let fresh = plan(vec![planned(job(0, "a", "a"), Verdict::UpToDate, &[])]);
        for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
            let text = plan_text(&fresh, detail, TextStyle::Plain);
            assert_eq!(text, "nothing to do: 1 job up to date\n");
        }
        assert_eq!(plan_text(&plan(vec![]), Detail::Normal, TextStyle::Plain), "nothing to do\n");
    }

    #[test]
    fn a_big_plan_fits_a_screen_unless_verbose() {
        let jobs = (0..60).map(|i| planned(job(i, "r", &format!("o{i}")), run(&[Reason::NeverBuilt]), &[]));
        let plan = plan(jobs.collect());
        let text = plan_text(&plan, Detail::Normal, TextStyle::Plain);
        assert!(text.contains("r  will run 60  never built (60)\n"), "{text}");
        assert!(text.contains("\n... and 42 more (-v shows all)\n"), "{text}");
        assert_eq!(text.lines().filter(|l| l.starts_with("will run")).count(), 18);
        assert!(text.lines().count() < 24, "{text}");
        let text = plan_text(&plan, Detail::Verbose, TextStyle::Plain);
        assert_eq!(text.lines().filter(|l| l.starts_with("will run")).count(), 60);
    }

    #[test]
    fn thousands_of_rules_do_not_flood_the_screen() {
        let job = |i: u32| planned(job(i, &format!("r{}", i.min(9_999)), &format!("o{i}")), run(&[]), &[]);
        let plan = plan((0..10_002).map(job).collect());
        let text = plan_text(&plan, Detail::Normal, TextStyle::Plain);
        assert!(text.starts_with("r9999  will run 3"), "the largest first: {text}");
        assert!(text.contains("\n... and 9960 more rules with 9960 jobs (-v shows all)\n"), "{text}");
        assert!(text.contains("\n... and 9997 more (-v shows all)\n"), "{text}");
        assert_eq!(text.lines().count(), 40 + 1 + 1 + 5 + 1 + 1 + 1);
    }

    #[test]
    fn names_with_control_characters_are_escaped() {
        let plan = plan(vec![planned(job(0, "r", "a\u{1b}[2J"), run(&[changed("x\ny")]), &[])]);
        let text = plan_text(&plan, Detail::Verbose, TextStyle::Plain);
        assert!(text.contains("r a\\u{1b}[2J  input x\\ny changed"), "{text}");
    }
}
