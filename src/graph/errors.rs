//! Texts of what can be wrong with a plan. Knows no search; gets the facts.

use crate::base::path::PathId;
use crate::diag::Problem;
use crate::graph::checkpoints::CheckpointJob;
use crate::graph::expand::Expansion;
use crate::graph::job::Job;
use crate::graph::nearby;
use crate::graph::other_names::{OtherNames, made_as};
use crate::graph::render::Failure;
use crate::matching::index::Scratch;
use crate::matching::matcher::NearMiss;
use crate::model::dynamic::CallError;
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use std::sync::Arc;

/// Problems of one kind that are told in full.
const TOLD: usize = 3;
/// Of the others, so many are named.
const NAMED: usize = 10;
/// Files named at the near and at the far end of a long chain.
const NEAR: usize = 6;
const FAR: usize = 3;
/// Names that are compared for "did you mean".
const COMPARED: usize = 20_000;
/// Patterns that are compared, at more cost.
const PATTERNS_COMPARED: usize = 2_000;

/// Collects problems, the first of each kind in full and then their number.
#[derive(Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    counts: Vec<(&'static str, usize)>,
    /// Missing inputs that are not told in full.
    more_missing: Vec<String>,
    /// By number of the problem: how often it came again, for other jobs.
    again: Vec<(usize, usize)>,
}

impl Report {
    /// Whether another problem of this kind would be told, counting it.
    pub(crate) fn wants(&mut self, code: &'static str) -> bool {
        let index = self.counts.iter().position(|(c, _)| *c == code).unwrap_or_else(|| {
            self.counts.push((code, 0));
            self.counts.len() - 1
        });
        self.counts[index].1 += 1;
        self.counts[index].1 <= TOLD
    }

    /// As [`Report::wants`] for a missing input; names it at least.
    pub(crate) fn wants_missing(&mut self, file: &str) -> bool {
        let wanted = self.wants("missing-input");
        if !wanted && self.more_missing.len() < NAMED {
            self.more_missing.push(format!("`{file}`"));
        }
        wanted
    }

    /// Whether the same was told already, at the same place; counts it for one more job.
    pub(crate) fn repeats(&mut self, problem: &Problem) -> bool {
        let place = |p: &Problem| p.labels.first().map(|(span, _)| *span);
        let same = |told: &Problem| {
            told.code == problem.code && place(told) == place(problem) && told.message == problem.message
        };
        let Some(index) = self.problems.iter().position(same) else { return false };
        match self.again.iter_mut().find(|(told, _)| *told == index) {
            Some((_, count)) => *count += 1,
            None => self.again.push((index, 1)),
        }
        true
    }

    /// Adds a problem that was wanted.
    pub(crate) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn finish(mut self) -> Vec<Problem> {
        for (index, count) in self.again {
            let jobs = if count == 1 { "job" } else { "jobs" };
            self.problems[index].notes.push(format!("and for {count} more {jobs}"));
        }
        for (code, count) in self.counts {
            if count > TOLD {
                let more = count - TOLD;
                let what = match code {
                    "missing-input" => "missing inputs",
                    "no-such-target" => "unknown targets",
                    "input-function" => "jobs whose input functions failed",
                    "ambiguous-rules" => "pairs of rules are ambiguous",
                    "output-conflict" => "outputs are made by two jobs",
                    "nested-output" => "files in directories that other jobs make",
                    "cycle" => "cycles",
                    _ => "problems of this kind",
                };
                let mut problem = Problem::error(code, format!("{more} more {what}"));
                if code == "missing-input" {
                    let dots = if more > NAMED { ", ..." } else { "" };
                    problem = problem.note(format!("{}{dots}", self.more_missing.join(", ")));
                }
                self.problems.push(problem);
            }
        }
        self.problems
    }
}

/// One step from a file towards the target: the file, and the rule that needs it.
pub(crate) type Link<'a> = (&'a str, &'a str);

/// `` `a` <- rule x <- `b` <- rule y <- target `c` ``, shortened in the middle. `target` is `None` when the last
/// rule is the target itself.
pub(crate) fn chain<'a>(
    links: impl ExactSizeIterator<Item = Link<'a>> + Clone,
    target: Option<&str>,
) -> String {
    let count = links.len();
    let mut text = String::new();
    let show = |text: &mut String, (file, rule): Link<'_>| {
        text.push_str(&format!("`{file}` <- rule {rule} <- "));
    };
    if count <= NEAR + FAR + 1 {
        links.for_each(|link| show(&mut text, link));
    } else {
        links.clone().take(NEAR).for_each(|link| show(&mut text, link));
        text.push_str(&format!("... {} more ... <- ", count - NEAR - FAR));
        links.skip(count - FAR).for_each(|link| show(&mut text, link));
    }
    match target {
        Some(target) => text.push_str(&format!("target `{target}`")),
        None => {
            text.truncate(text.len().saturating_sub(" <- ".len()));
            text.push_str(" (target)");
        }
    }
    text
}

/// `s=a, t=b`, or nothing.
fn values(rule: &Rule, wildcards: &[Arc<str>]) -> String {
    let pairs: Vec<String> = rule.wildcards.iter().zip(wildcards).map(|(n, v)| format!("{n}={v}")).collect();
    pairs.join(", ")
}

fn with_values(rule: &Rule, wildcards: &[Arc<str>]) -> String {
    if wildcards.is_empty() {
        return format!("rule `{}`", rule.name);
    }
    format!("rule `{}` with {}", rule.name, values(rule, wildcards))
}

trait AtRule {
    /// Points at a rule, if it has a place.
    fn at_rule(self, rule: &Rule, text: &str) -> Self;
}

impl AtRule for Problem {
    fn at_rule(self, rule: &Rule, text: &str) -> Problem {
        match rule.place {
            Some(place) => self.at(place, text),
            None => self,
        }
    }
}

pub(crate) fn no_targets() -> Problem {
    Problem::error("no-target", "no target is given, and the workflow has no rule to start with")
        .help("name a file or a rule")
}

pub(crate) fn target_has_wildcards(rule: &Rule, is_default: bool) -> Problem {
    let names: Vec<String> = rule.wildcards.iter().map(|n| format!("`{n}`")).collect();
    let upper: Vec<Arc<str>> = rule.wildcards.iter().map(|n| n.to_uppercase().into()).collect();
    let (word, names) = (if names.len() == 1 { "wildcard" } else { "wildcards" }, names.join(", "));
    let message = if is_default {
        format!("the default rule `{}` has the {word} {names}, so it does not say what to make", rule.name)
    } else {
        format!("rule `{}` has the {word} {names}, so it cannot be a target by name", rule.name)
    };
    let problem = Problem::error("target-has-wildcards", message).at_rule(rule, "");
    match rule.outputs.first() {
        Some(pattern) => {
            let mut example = String::new();
            pattern.render(&upper, &mut example);
            problem.help(format!("ask for a file: `{example}`, with values in place of {}", upper.join(", ")))
        }
        None => problem.help("ask for a file"),
    }
}

pub(crate) fn target_is_pattern(rule: &Rule, target: &str) -> Problem {
    let message = format!("`{target}` is a pattern of rule `{}`, not a file", rule.name);
    Problem::error("target-has-wildcards", message)
        .at_rule(rule, "")
        .help("a target is a file or a rule name: put values in place of the wildcards")
}

pub(crate) fn empty_target() -> Problem {
    Problem::error("no-such-target", "an empty text names no file and no rule")
}

pub(crate) fn target_too_long(target: &str, limit: usize) -> Problem {
    let start: String = target.chars().take(60).collect();
    let message =
        format!("the target `{start}...` is {} bytes long; paths end at {limit} bytes", target.len());
    Problem::error("path-too-long", message)
}

pub(crate) fn no_such_target(target: &str, others: &OtherNames, expansion: &Expansion<'_>) -> Problem {
    let message = format!("no rule makes `{target}`, and there is no such file or rule");
    let problem = Problem::error("no-such-target", message);
    let problem = match made_as(problem, target, others, expansion) {
        Ok(explained) => return explained,
        Err(problem) => problem,
    };
    if target.contains(['{', '}']) {
        return problem.help("a target is a file or a rule name: put values in place of the wildcards");
    }
    let rules = expansion.workflow.rules.iter().filter(|r| r.wildcards.is_empty()).map(|r| &*r.name);
    let names = rules.chain(expansion.index.concrete_paths());
    let spelled = spelled_by_patterns(target, expansion, |_, _| true);
    let problem = suggest(near_misses(problem, target, expansion), target, names, spelled);
    match rule_meant(target, expansion) {
        Some(rule) if problem.help.is_empty() => {
            let made = rule.outputs.first().map(|output| format!(", such as `{}`", output.text));
            problem.help(format!("rule `{}` makes files{}: name one", rule.name, made.unwrap_or_default()))
        }
        _ => problem,
    }
}

/// A file that is needed and cannot be had. `known` are names that may have been meant.
pub(crate) fn missing_input<'a>(
    (file, others): (&str, &OtherNames),
    needed_by: &Rule,
    chain: String,
    expansion: &'a Expansion<'_>,
    known: impl Iterator<Item = &'a str>,
) -> Problem {
    let message = format!("missing input `{file}`: it does not exist and no rule makes it");
    let problem = Problem::error("missing-input", message)
        .at_rule(needed_by, "needed by this rule")
        .note(format!("needed by: {chain}"));
    let problem = match made_as(problem, file, others, expansion) {
        Ok(explained) => return explained,
        Err(problem) => problem,
    };
    let problem = near_misses(problem, file, expansion);
    // `a.bai` is near `a.bam`, and cannot be meant where it is made from that.
    let is_apart =
        |rule: &Rule, path: &str| rule.name != needed_by.name && !chain.contains(&format!("`{path}`"));
    let spelled = spelled_by_patterns(file, expansion, is_apart);
    if joined_in(expansion.workflow, needed_by, file) {
        return problem.help("two texts side by side are joined: is a `,` missing?");
    }
    suggest(problem, file, known.chain(expansion.index.concrete_paths()), spelled)
}

/// A file that is wanted as it is before an update, and is not there.
pub(crate) fn nothing_before_update(file: &str, needed_by: &Rule, chain: String) -> Problem {
    let message =
        format!("missing input `{file}`: there is nothing yet that could be read before its update");
    Problem::error("missing-input", message)
        .at_rule(needed_by, "needed by this rule")
        .note(format!("needed by: {chain}"))
        .help("`before_update` takes a file as it is: make a first version of it")
}

/// Whether two or more texts that stand side by side in the source of `rule` give the name `file`.
fn joined_in(workflow: &Workflow, rule: &Rule, file: &str) -> bool {
    let Some(place) = rule.place else { return false };
    let mut rest: &str = &workflow.sources.file(place.source).text;
    let mut joined: Vec<&str> = Vec::new();
    while let Some(open) = rest.find(['"', '\'', '#']) {
        if !rest[..open].chars().all(char::is_whitespace) {
            joined.clear();
        }
        let mark = &rest[open..=open];
        let end = if mark == "#" { "\n" } else { mark };
        let body = &rest[open + 1..];
        let Some(close) = body.find(end) else { return false };
        rest = &body[close + 1..];
        if mark == "#" {
            continue;
        }
        joined.push(&body[..close]);
        joined.drain(..joined.len().saturating_sub(MAX_JOINED));
        if (0..joined.len().saturating_sub(1)).any(|first| reads_as(&joined[first..].concat(), file)) {
            return true;
        }
    }
    false
}

/// Texts side by side that are looked at together.
const MAX_JOINED: usize = 8;

/// Whether `text`, with anything in place of its `{fields}`, may be `file`.
fn reads_as(text: &str, file: &str) -> bool {
    let mut fixed = text.split('{').enumerate().map(|(i, part)| match i {
        0 => part,
        _ => part.split_once('}').map_or("", |(_, after)| after),
    });
    let Some(mut rest) = fixed.next().and_then(|head| file.strip_prefix(head)) else { return false };
    if !text.contains('{') {
        return rest.is_empty();
    }
    for part in fixed {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || text.ends_with('}')
}

/// Names the rules that would make `file` but for a constraint.
fn near_misses(mut problem: Problem, file: &str, expansion: &Expansion<'_>) -> Problem {
    for (rule, output, miss) in expansion.index.near_misses(file).take(3) {
        let rule = &expansion.workflow.rules[rule as usize];
        let pattern = rule.products().find(|(number, _)| *number == output).map_or("", |(_, p)| &*p.text);
        let why = match miss {
            NearMiss::Refused(refused) if refused.is_empty() => "its constraints do not fit".to_string(),
            NearMiss::Refused(refused) => {
                let one = |(name, constraint, value): &(Arc<str>, Arc<str>, String)| {
                    format!("`{name}` would be `{value}`, which its constraint `{constraint}` refuses")
                };
                refused.iter().map(one).collect::<Vec<_>>().join(", and ")
            }
            NearMiss::Forbidden => {
                "a wildcard cannot leave the root directory or reach into `.rulemake`".to_string()
            }
            NearMiss::Far | NearMiss::Matches => continue,
        };
        problem = problem
            .note(format!("rule `{}` almost makes it: `{pattern}` matches, but {why}", rule.name))
            .at_rule(rule, "almost makes it");
    }
    problem
}

/// Whether one may be a misspelt other. Files of one series, `raw/a.csv` and `raw/b.csv` or `7.txt` and `8.txt`,
/// are near each other without being meant.
fn is_plausible(wanted: &str, name: &str) -> bool {
    let words = |text: &'_ str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).map(str::to_string).collect()
    };
    let letters = |word: &str| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_string();
    let (a, b) = (words(wanted), words(name));
    let differ = |(a, b): (&String, &String)| {
        a != b && (a.chars().count().max(b.chars().count()) < 3 || letters(a) == letters(b))
    };
    a.len() != b.len() || !a.iter().zip(&b).any(differ)
}

/// A rule with wildcards whose name was misspelt: it is no target itself.
fn rule_meant<'w>(target: &str, expansion: &Expansion<'w>) -> Option<&'w Rule> {
    let limit = (target.chars().count() / 4).clamp(1, 4);
    let rules = expansion.workflow.rules.iter().filter(|rule| !rule.wildcards.is_empty());
    let near = rules.map(|rule| (strsim::osa_distance(&rule.name, target), rule));
    near.filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, rule)| &**rule)
}

/// Files near `wanted` that rules would make by their patterns, each with its distance.
fn spelled_by_patterns(
    wanted: &str,
    expansion: &Expansion<'_>,
    is_meant: impl Fn(&Rule, &str) -> bool,
) -> Vec<(usize, String)> {
    let rules = (0..).zip(&expansion.workflow.rules);
    let patterns =
        rules.flat_map(|(number, rule)| rule.products().map(move |(_, pattern)| (number, rule, pattern)));
    let patterns = patterns.filter(|(_, _, pattern)| !pattern.names.is_empty()).take(PATTERNS_COMPARED);
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    for (number, rule, pattern) in patterns {
        // A misspelt name is nearer than one with another ending behind it.
        let ended = nearby::ended(pattern, wanted).map(|path| (path.len() - wanted.len(), path));
        for (distance, path) in nearby::nearest(pattern, wanted).into_iter().chain(ended) {
            let mut is_made = false;
            expansion.index.candidates(&path, &mut scratch, |candidate| is_made |= candidate.rule == number);
            if is_made && is_meant(rule, &path) {
                found.push((distance, path));
            }
        }
    }
    found
}

/// Adds what was probably meant: the nearest of `names` and of what patterns spell.
fn suggest<'a>(
    problem: Problem,
    wanted: &str,
    names: impl Iterator<Item = &'a str>,
    spelled: Vec<(usize, String)>,
) -> Problem {
    let limit = (wanted.chars().count() / 4).clamp(1, 4);
    let names: Vec<&str> = names.take(COMPARED).filter(|name| *name != wanted).collect();
    // Letters of another size and a missing ending are told as such, however many letters that are.
    let lower = wanted.to_lowercase();
    let is_ending = |rest: &str| rest.strip_prefix('.').is_some_and(|rest| !rest.contains('/'));
    let is_same = |name: &&&str| {
        name.strip_prefix(wanted).is_some_and(is_ending)
            || name.len() == wanted.len() && name.to_lowercase() == lower
    };
    let mut same: Vec<(usize, &str)> = names.iter().filter(is_same).map(|name| (0, *name)).collect();
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .copied()
        .filter(|name| name.len().abs_diff(wanted.len()) <= 4 * limit)
        .map(|name| (strsim::osa_distance(name, wanted), name))
        .filter(|(distance, _)| *distance <= limit)
        .chain(spelled.iter().map(|(distance, path)| (*distance, path.as_str())))
        .filter(|(distance, name)| *distance == 0 || is_plausible(wanted, name))
        .collect();
    close.append(&mut same);
    close.sort_unstable();
    close.dedup();
    let nearest = close.first().map_or(0, |(distance, _)| *distance);
    close.retain(|(distance, _)| *distance == nearest);
    match &close[..] {
        [] => problem,
        [(_, one)] => problem.help(format!("did you mean `{one}`?")),
        [(_, one), (_, two), ..] => problem.help(format!("did you mean `{one}` or `{two}`?")),
    }
}

/// A candidate that failed by itself: its function or its size.
pub(crate) fn failed_job(job: u32, failure: &Failure, chain: String, expansion: &Expansion<'_>) -> Problem {
    let rule = expansion.rule_of(job);
    let wildcards = &expansion.jobs[job as usize].wildcards;
    let context = with_values(rule, wildcards);
    match failure {
        Failure::Call { function, error: CallError::Problem(problem) } => {
            let problem = problem.as_ref().clone();
            let problem = match rule.place {
                Some(_) if wildcards.is_empty() => {
                    problem.at_rule(rule, &format!("`{function}` was called for the input of this rule"))
                }
                Some(_) => {
                    let values = values(rule, wildcards);
                    problem.at_rule(rule, &format!("`{function}` was called for its input, with {values}"))
                }
                None => problem.note(format!("`{function}` was called for the input of {context}")),
            };
            problem.note(format!("needed by: {chain}"))
        }
        Failure::Call { function, error: CallError::Pending { checkpoint, .. } } => Problem::error(
            "input-function",
            format!("the input function `{function}` of {context} waits for checkpoint `{checkpoint}`"),
        )
        .at_rule(rule, "")
        .note(format!("needed by: {chain}")),
        Failure::Call { function, error: CallError::Absent(path) } => Problem::error(
            "input-function",
            format!("the input function `{function}` of {context} looks at `{path}`, which does not exist"),
        )
        .at_rule(rule, "")
        .note(format!("needed by: {chain}")),
        Failure::Call { function, error: CallError::Message(message) } => Problem::error(
            "input-function",
            format!("the input function `{function}` of {context} failed: {message}"),
        )
        .at_rule(rule, "")
        .note(format!("needed by: {chain}")),
        Failure::NotAPath { function, what } => Problem::error(
            "input-function",
            format!("the input function `{function}` of {context} returned {what}"),
        )
        .at_rule(rule, "")
        .note(format!("needed by: {chain}"))
        .help("return a path or a list of paths; `[]` for no input"),
        Failure::PathTooLong => {
            Problem::error("path-too-long", format!("an input of {context} is longer than any path can be"))
                .at_rule(rule, "")
                .note(format!("needed by: {chain}"))
        }
        Failure::TooDeep => Problem::error(
            "endless-chain",
            format!("{context} is the end of a chain that does not seem to end"),
        )
        .at_rule(rule, "")
        .note(format!("needed by: {chain}"))
        .help("an input function that counts down needs a first step without input"),
        Failure::TooMany(limit) => {
            Problem::error("too-many-jobs", format!("more than {limit} jobs would be added at once"))
                .at_rule(rule, "makes one too many")
                .note(format!("needed by: {chain}"))
                .help("does an input function give more files than it should?")
        }
        Failure::Endless | Failure::Unreported => {
            Problem::error("input-function", format!("{context} cannot get its inputs")).at_rule(rule, "")
        }
    }
}

/// A rule that applies to its own input for ever. `first` is the file where that begins.
pub(crate) fn endless(rule: &Rule, first: &str, chain: String) -> Problem {
    let message = format!(
        "`{first}` is missing, and rule `{}` could make it only from ever longer names: it matches its own input",
        rule.name
    );
    Problem::error("periodic-wildcards", message)
        .at_rule(rule, "matches its own input")
        .note(format!("needed by: {chain}"))
        .help("constrain a wildcard of the rule so that its output does not match its input: `{x,[^.]+}`")
}

/// `links`: each file and the rule that makes it; the first rule needs the second file, the last the first.
pub(crate) fn cycle(links: &[(&str, &Rule)]) -> Problem {
    let first = links.first().map_or("", |(file, _)| file);
    let mut text = String::new();
    for (i, (file, rule)) in links.iter().enumerate() {
        if i == NEAR && links.len() > NEAR + FAR + 1 {
            text.push_str(&format!("... {} more ... <- ", links.len() - NEAR - FAR));
        }
        if i < NEAR || i + FAR >= links.len() || links.len() <= NEAR + FAR + 1 {
            text.push_str(&format!("`{file}` <- rule {} <- ", rule.name));
        }
    }
    let mut problem = Problem::error("cycle", format!("`{first}` is needed to make itself: {text}`{first}`"));
    let mut named: Vec<&str> = Vec::new();
    for (_, rule) in links {
        if named.len() < 4 && !named.contains(&&*rule.name) {
            named.push(&rule.name);
            problem =
                problem.at_rule(rule, if links.len() == 1 { "needs its own output" } else { "on the cycle" });
        }
    }
    let help = match (links, links.iter().all(|(_, rule)| rule.wildcards.is_empty())) {
        (&[_], true) => "give the output or the input another name",
        (_, true) => "give one of these files another name",
        (_, false) => {
            "give one of these files another name, or constrain a wildcard so that one of these rules no longer matches"
        }
    };
    problem.help(help)
}

pub(crate) fn read_too_late(file: &str, rule: &Rule) -> Problem {
    let message = format!(
        "rule `{}` reads `{file}` as it is before another rule changes it, and needs what is made of the change",
        rule.name
    );
    Problem::error("cycle", message)
        .at_rule(rule, "reads it with `before_update`")
        .help("read a copy that is made before, or take `before_update` away to read what the change made")
}

pub(crate) fn tangled(file: &str) -> Problem {
    Problem::error(
        "tangled-rules",
        format!("rules can make `{file}` and each other's files in too many ways"),
    )
    .help("constrain wildcards so that fewer rules match each other's outputs")
}

/// Two rules make the file and neither is preferred; `more` other files have the same two.
pub(crate) fn ambiguous(
    path: PathId,
    first: u32,
    second: u32,
    more: usize,
    expansion: &Expansion<'_>,
) -> Problem {
    let file = expansion.paths.text(path);
    let (a, b) = (expansion.rule_of(first), expansion.rule_of(second));
    let message = format!("`{file}` can be made by rule `{}` and by rule `{}`", a.name, b.name);
    let mut problem = Problem::error("ambiguous-rules", message);
    for (rule, job) in [(a, first), (b, second)] {
        let wildcards = &expansion.jobs[job as usize].wildcards;
        problem = match rule.place {
            Some(_) => problem.at_rule(rule, &made_with(rule, wildcards)),
            None => problem.note(format!("{} makes it", with_values(rule, wildcards))),
        };
    }
    if more > 0 {
        let files = if more == 1 { "file" } else { "files" };
        problem = problem.note(format!("the same holds for {more} more {files}"));
    }
    let problem = match a.wildcards.is_empty() && b.wildcards.is_empty() {
        true => problem.help("give one of the outputs another name, or remove one of the rules"),
        false => problem.help(
            "constrain a wildcard (`{name,[^/]+}`) so that only one of them matches, or rename one output",
        ),
    };
    problem.help(format!("or say which goes first: `ruleorder: {} > {}`", a.name, b.name))
}

/// A function waits for the job of a checkpoint, but something else makes the file by which it waits.
pub(crate) fn other_maker(file: &str, wait: &CheckpointJob, job: &Job, workflow: &Workflow) -> Problem {
    let (asking, checkpoint) = (&workflow.rules[job.rule as usize], &workflow.rules[wait.rule as usize]);
    let message = format!(
        "{} waits for checkpoint `{}`, but `{file}` does not come from that checkpoint",
        with_values(asking, &job.wildcards),
        checkpoint.name
    );
    Problem::error("checkpoint-not-used", message)
        .at_rule(asking, "waits for the checkpoint")
        .at_rule(checkpoint, "is not what makes the file")
        .note(format!(
            "`{file}` is made by another rule, or exists while an input of the checkpoint is missing"
        ))
}

fn made_with(rule: &Rule, wildcards: &[Arc<str>]) -> String {
    if wildcards.is_empty() {
        "makes it".into()
    } else {
        format!("makes it with {}", values(rule, wildcards))
    }
}

/// A job works in a directory that another one makes, or reads from one that it makes itself.
pub(crate) fn nested(directory: &str, made_by: &Rule, file: &str, what: &str, rule: &Rule) -> Problem {
    if std::ptr::eq(made_by, rule) && what == "input" {
        let message = format!(
            "rule `{}` reads `{file}` from the directory `{directory}`, which it makes itself",
            rule.name
        );
        return Problem::error("nested-output", message)
            .at_rule(rule, "removes the directory before it runs")
            .help("move the input somewhere else");
    }
    let message = format!(
        "{what} `{file}` of rule `{}` lies in the directory `{directory}`, which rule `{}` makes",
        rule.name, made_by.name
    );
    Problem::error("nested-output", message)
        .at_rule(made_by, "makes the directory as a whole, and removes it before")
        .at_rule(rule, "works in it")
        .help("move one of the two somewhere else")
}

/// A new job would make a file that was taken as a source before.
pub(crate) fn makes_source(file: &str, job: &Job, workflow: &Workflow) -> Problem {
    let rule = &workflow.rules[job.rule as usize];
    let message = format!(
        "{} would make `{file}`, which was taken for a source before",
        with_values(rule, &job.wildcards)
    );
    Problem::error("output-conflict", message)
        .at_rule(rule, "makes it")
        .help("give one of its outputs another name")
}

/// One checkpoint led to the next for ever.
pub(crate) fn too_many_rounds(job: &Job, rounds: u32, workflow: &Workflow) -> Problem {
    let rule = &workflow.rules[job.rule as usize];
    let message = format!(
        "{} came after {rounds} checkpoints, one after the other: that does not seem to end",
        with_values(rule, &job.wildcards)
    );
    Problem::error("endless-checkpoints", message).at_rule(rule, "waits for one more checkpoint")
}

/// Two jobs declare the same output.
pub(crate) fn conflict(file: &str, jobs: [(&Rule, &[Arc<str>]); 2]) -> Problem {
    let [(a, a_values), (b, b_values)] = jobs;
    let message =
        format!("two jobs make `{file}`: {} and {}", with_values(a, a_values), with_values(b, b_values));
    let problem = Problem::error("output-conflict", message).at_rule(a, "makes it");
    if Arc::ptr_eq(&a.name, &b.name) {
        return problem
            .help("separate the wildcards of its outputs so that each file can be read in one way only");
    }
    problem.at_rule(b, "makes it too").help("give one of the outputs another name")
}
