//! What happens on the pool when a job ended. Pure of the run's state: it takes facts and gives results.

use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::{PathId, is_outside};
use crate::disk;
use crate::engine::restore;
use crate::engine::work::{dues, flags, updated};
use crate::error::Error;
use crate::exec::executor::{Completion, Outcome};
use crate::files::backup::{Backups, Restored};
use crate::files::outputs::quarantine;
use crate::files::read_code;
use crate::files::results::{
    Fault, Kind, There, checksum, collect, faults, has_names, is_empty, is_protected, leads_outside, look,
    protect, touch,
};
use crate::files::stat::Stat;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::{Flag, Stream};
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::instance::Trouble;
use crate::plan::required::{Required, Requirement};
use crate::plan::units::streams_of;
use crate::store::runs::{RunPlaces, tail};
use crate::sys;
use crate::trace::fingerprint::{CodeKind, CodePart, Fingerprint};
use crate::trace::identity::{FileKind, Known, StatSig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `conclude` needs to know of a job that ended.
pub(crate) struct AfterFacts {
    pub(crate) inputs: Vec<(PathId, Option<StatSig>)>,
    pub(crate) fingerprint: Arc<Fingerprint>,
    pub(crate) required: Vec<Required>,
    pub(crate) places: RunPlaces,
    /// Under which the result is kept in the cache, if it is.
    pub(crate) key: Option<Digest>,
    /// The logs that the rule names.
    pub(crate) own_logs: Box<[Arc<str>]>,
    pub(crate) has_log: bool,
}

/// A job that ended, with its outputs looked at.
pub(crate) struct Concluded {
    pub(crate) job: u32,
    pub(crate) duration_ms: u64,
    pub(crate) conclusion: Conclusion,
}

/// What changed while a job ran: so nobody knows what it read.
pub(crate) enum Changed {
    Input(PathId),
    Script(Arc<str>),
    /// Of a file of params, as people say it.
    Value(String),
}

impl Changed {
    /// For people.
    pub(crate) fn text(&self, cx: &Context) -> String {
        match self {
            Changed::Input(path) => format!("input {}", cx.paths.text(*path)),
            Changed::Script(name) => format!("script {name}"),
            Changed::Value(text) => text.clone(),
        }
    }

    /// Takes what nobody knows out of what the job was executed with, so that it is nothing that is ever there again.
    pub(crate) fn unknow(&self, fingerprint: &mut Fingerprint) -> bool {
        let unknown = DigestHasher::new("rulemake changed while a job ran").finish();
        match self {
            Changed::Input(path) => {
                let inputs = fingerprint.inputs.iter_mut().filter(|input| input.path == *path);
                inputs.for_each(|input| input.digest = unknown);
            }
            Changed::Script(name) => {
                let parts = fingerprint.code.iter_mut().filter(|part| part.name == *name);
                parts.for_each(|part| part.digest = unknown);
            }
            Changed::Value(_) => return false,
        }
        true
    }
}

pub(crate) enum Conclusion {
    Done {
        outputs: Vec<(PathId, Known)>,
        /// What goes on record of each: its content, or what it stands for.
        results: Vec<Digest>,
        /// Not what it was when the job was checked.
        changed: Option<Changed>,
        /// What the user should hear all the same.
        warnings: Vec<String>,
    },
    Failed {
        outcome: String,
        exit_code: Option<i32>,
        log: Option<PathBuf>,
        log_tail: Vec<String>,
        quarantine: Option<PathBuf>,
        help: Option<String>,
        /// It ended because it was told to.
        cancelled: bool,
        /// It failed before anything of its outputs was touched.
        untouched: bool,
        /// What it was changing could not be put back. Its end must not go on record: the next run tries again.
        stuck: Option<Error>,
    },
    /// Its result came out of the cache.
    Restored(Box<restore::Restored>),
    /// Its result was to come out of the cache and did not.
    Lost {
        /// For people, if that is worth telling.
        why: Option<String>,
        /// What stood in the places of its outputs stands there.
        untouched: bool,
    },
    /// It was ended, or never begun, because a job failed that runs at the same time.
    Ended { stuck: Option<Error> },
    /// The run was given up before it began.
    NotBegun,
}

impl Conclusion {
    /// A failure before anything was executed.
    pub(crate) fn failed(trouble: Trouble) -> Conclusion {
        Conclusion::Failed {
            outcome: trouble.message,
            exit_code: None,
            log: None,
            log_tail: Vec::new(),
            quarantine: None,
            help: trouble.help,
            cancelled: false,
            untouched: true,
            stuck: None,
        }
    }
}

/// What stands where a job had to make something.
pub(crate) struct Left(Vec<There>);

impl Left {
    /// Looks once. `None`: the file system does not say, which [`conclude`] tells, or something is still to be done to it.
    pub(crate) fn of(cx: &Context, id: JobId) -> Option<Left> {
        if flagged(cx, id, Flag::Touch).chain(flagged(cx, id, Flag::Protected)).next().is_some() {
            return None;
        }
        look(&cx.root, &dues(cx, id)).ok().map(Left)
    }

    /// Whether it takes no time to hash it: files only, none of them large.
    pub(crate) fn is_small(&self) -> bool {
        const LITTLE: u64 = 1 << 20;
        let is_little = |found: Stat| found.sig.kind == FileKind::File && found.sig.size < LITTLE;
        self.0.iter().all(|there| there.found.is_none_or(is_little))
    }
}

/// Looks at what a job left, unless somebody did: good outputs are hashed, anything else is moved out of the way.
pub(crate) fn conclude(
    cx: &Context,
    completion: Completion,
    facts: AfterFacts,
    told_to_end: bool,
    left: Option<Left>,
) -> Concluded {
    let job = completion.job;
    let duration_ms = completion.duration.as_millis() as u64;
    let id = JobId(job);
    let conclusion = match &completion.outcome {
        Outcome::Success => match good_outputs(cx, id, &facts.required, left) {
            Ok(Made { outputs: mut made, there }) => {
                let changed = changed(cx, cx.job(id), &facts);
                if changed.is_none() {
                    restore::keep(cx, id, &facts, duration_ms, &mut made);
                }
                Conclusion::Done {
                    results: results(cx, cx.job(id), &made, &facts.fingerprint),
                    changed,
                    warnings: links_outside(cx, id, &there),
                    outputs: made,
                }
            }
            Err(trouble) => after_failure(cx, id, facts, trouble, None, false, true),
        },
        failed => {
            let exit_code = if let Outcome::Exit(code) = failed { Some(*code) } else { None };
            let trouble = Trouble { message: describe(failed), help: hint(failed) };
            after_failure(cx, id, facts, trouble, exit_code, told_to_end, completion.began)
        }
    };
    Concluded { job, duration_ms, conclusion }
}

/// As [`conclude`] for the jobs of a unit: all of them are good, or none. `cause` failed, and the others because of it.
pub(crate) fn conclude_unit(
    cx: &Context,
    ends: Vec<(Completion, AfterFacts)>,
    cause: Option<u32>,
    told_to_end: bool,
) -> Vec<Concluded> {
    if cause.is_some() && told_to_end {
        return ends.into_iter().map(|(end, facts)| conclude_cancelled(cx, &end, facts)).collect();
    }
    let mut concluded = Vec::with_capacity(ends.len());
    let mut others = Vec::new();
    let mut is_good = cause.is_none();
    for (end, facts) in ends {
        let is_cause = cause == Some(end.job);
        if is_good {
            let quarantine = facts.places.partial(end.job);
            let one = conclude(cx, end, facts, false, None);
            is_good = matches!(one.conclusion, Conclusion::Done { .. });
            concluded.push((one, quarantine));
        } else if is_cause {
            let quarantine = facts.places.partial(end.job);
            concluded.push((with_pipe_advice(cx, conclude(cx, end, facts, false, None)), quarantine));
        } else {
            others.push((end, facts));
        }
    }
    if is_good {
        return concluded.into_iter().map(|(one, _)| one).collect();
    }
    // What a job made beside one that failed may lack something.
    let mut all = Vec::with_capacity(concluded.len() + others.len());
    for (mut one, quarantine) in concluded {
        if let Conclusion::Done { .. } = one.conclusion {
            one.conclusion = end_with_others(cx, JobId(one.job), &quarantine);
        }
        all.push(one);
    }
    for (end, facts) in others {
        let duration_ms = end.duration.as_millis() as u64;
        let conclusion = end_with_others(cx, JobId(end.job), &facts.places.partial(end.job));
        all.push(Concluded { job: end.job, duration_ms, conclusion });
    }
    all
}

fn end_with_others(cx: &Context, id: JobId, quarantine: &Path) -> Conclusion {
    // Its record says that it did not end well, so what cannot be moved is not taken for good.
    let taken = take_away(cx, id, quarantine);
    cx.forget(id);
    Conclusion::Ended { stuck: taken.stuck }
}

fn conclude_cancelled(cx: &Context, end: &Completion, facts: AfterFacts) -> Concluded {
    let trouble = Trouble { message: describe(&end.outcome), help: None };
    let conclusion = after_failure(cx, JobId(end.job), facts, trouble, None, true, true);
    Concluded { job: end.job, duration_ms: end.duration.as_millis() as u64, conclusion }
}

/// A writer that lost its reader looks like any other failure.
fn with_pipe_advice(cx: &Context, mut one: Concluded) -> Concluded {
    let pipe = streams_of(cx.rule(cx.job(JobId(one.job))), cx.job(JobId(one.job))).next();
    let Some((path, Stream::Pipe)) = pipe else { return one };
    if let Conclusion::Failed { outcome, help, .. } = &mut one.conclusion
        && matches!(outcome.as_str(), "exit 141" | "killed by signal 13")
    {
        let path = cx.paths.text(path);
        *help = Some(format!(
            "a pipe was broken: perhaps the job that reads `{path}` ended before it had read all; let it read to the \
             end (`cat > /dev/null`), or let the writer go on without it"
        ));
    }
    one
}

pub(super) fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success => "success".into(),
        Outcome::Exit(code) => format!("exit {code}"),
        Outcome::Signal(signal) => format!("killed by signal {signal}"),
        Outcome::TimedOut(seconds) => format!("timed out after {seconds} s"),
        Outcome::FunctionError(message) | Outcome::Around(message) => message.clone(),
        Outcome::NotStarted(message) => format!("could not be started: {message}"),
    }
}

pub(super) fn hint(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Exit(127) => {
            Some("127 means that a program was not found: is it installed, is it on PATH?".into())
        }
        Outcome::Exit(141) => Some(
            "141 means that a program wrote to one that had ended, such as `head`: in strict mode (`pipefail`) that \
             fails the command; let the reader read to its end, or begin with `set +o pipefail;`"
                .into(),
        ),
        Outcome::Exit(126) => Some("126 means that a program was found and could not be run".into()),
        Outcome::Signal(9) => Some("somebody killed it; often the machine ran out of memory".into()),
        _ => None,
    }
}

/// As [`hint`] for exit code 126, by what the shell said of it.
fn hint_of_126(log_tail: &[String]) -> Option<String> {
    let says = |words: &str| log_tail.iter().any(|line| line.contains(words));
    let why = [
        (
            "Argument list too long",
            "the system starts no program with that many words: write the names to a file, or give them with `xargs`",
        ),
        ("Is a directory", "the name of a directory stands where a program is called"),
        (
            "Exec format error",
            "the file is no program of this machine, or its first line does not begin with `#!`",
        ),
        ("bad interpreter", "the program that the `#!` line of the file names cannot be run"),
        ("ermission denied", "the file is not executable: `chmod +x` makes it so"),
    ];
    why.into_iter().find(|(words, _)| says(words)).map(|(_, help)| help.to_string())
}

/// As [`hint`], where only the command tells what its exit code may mean.
fn hint_of_text(exit_code: Option<i32>, text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    (exit_code == Some(1) && words.any(|word| word == "grep")).then(|| {
        "`grep` ends with 1 when it finds nothing, which in strict mode (`-e`, `pipefail`) fails the command; where \
         that is no failure, write `(grep ... || true)`"
            .into()
    })
}

/// As [`hint`], for who may not write to what was copied from a file that a cache has put in its place.
fn hint_of_links(cx: &Context, id: JobId, log_tail: &[String]) -> Option<String> {
    let is_denied = log_tail.iter().any(|line| line.contains("ermission denied"));
    let is_linked = |path: &PathId| {
        let path = cx.paths.text(*path);
        is_protected(&cx.root, path).unwrap_or(false) && has_names(&cx.root, path).unwrap_or(false)
    };
    (is_denied && cx.job(id).inputs.iter().any(is_linked)).then(|| {
        "inputs that a cache has put in their places are read-only, and `cp` copies that: let the command copy with \
         `cp --no-preserve=mode`, or have files copied out of the cache with `--cache-link copy`"
            .into()
    })
}

/// What a job made, and how it stands in the places of its outputs.
struct Made {
    outputs: Vec<(PathId, Known)>,
    there: Vec<There>,
}

/// Completes, checks and hashes what a job made that says it succeeded.
fn good_outputs(cx: &Context, id: JobId, required: &[Required], left: Option<Left>) -> Result<Made, Trouble> {
    let of = |error: Error| Trouble::of(&error);
    let dues = dues(cx, id);
    for path in flagged(cx, id, Flag::Touch) {
        touch(&cx.root, path).map_err(of)?;
    }
    let look = || look(&cx.root, &dues).map_err(of);
    let mut there = left.map_or_else(look, |left| Ok(left.0))?;
    let faults = faults(&cx.root, &dues, &there).map_err(of)?;
    if !faults.is_empty() {
        return Err(faulty(&faults, succeeded(cx, id)));
    }
    for asked in required {
        meet(cx, asked, succeeded(cx, id))?;
    }
    // Before the hashing: it changes signatures.
    for path in flagged(cx, id, Flag::Protected) {
        protect(&cx.root, path).map_err(of)?;
        there = look()?;
    }
    let collected = collect(&cx.root, &dues, &there, cx.files.hasher()).map_err(of)?;
    let collected = collected.ok_or_else(|| Trouble::new("something else removes its outputs"))?;
    Ok(Made { outputs: collected, there })
}

fn flagged(cx: &Context, id: JobId, flag: Flag) -> impl Iterator<Item = &str> {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let outputs = job.outputs.iter().enumerate();
    outputs.filter(move |(output, _)| flags(rule, *output).has(flag)).map(|(_, path)| cx.paths.text(*path))
}

/// Whether an output is as `ensure` asks.
fn meet(cx: &Context, asked: &Required, succeeded: &str) -> Result<(), Trouble> {
    let path = &asked.path;
    match &asked.what {
        Requirement::NonEmpty => match is_empty(&cx.root, path).map_err(|e| Trouble::of(&e))? {
            false => Ok(()),
            true => Err(Trouble {
                message: format!("{succeeded}, but {path} is empty, which `ensure` forbids"),
                help: Some("look whether it failed without saying so".into()),
            }),
        },
        Requirement::Checksum(kind, expected) => {
            let found = checksum(&cx.root, path, *kind).map_err(|e| Trouble::of(&e))?;
            if found == **expected {
                return Ok(());
            }
            let name = kind.name();
            let message =
                format!("{succeeded}, but the {name} of {path} is {found}, and `ensure` asks for {expected}");
            let help = match expected.len() == found.len() && expected.bytes().all(|b| b.is_ascii_hexdigit())
            {
                true => "the file is not the one that was meant, or the checksum in the rule is out of date",
                false => "what the rule asks for has not the form of such a checksum",
            };
            Err(Trouble { message, help: Some(help.into()) })
        }
    }
}

/// The content of a link is looked at where it leads; what lies outside of the root is in other hands.
fn links_outside(cx: &Context, id: JobId, there: &[There]) -> Vec<String> {
    if there.iter().all(|there| !there.is_link) {
        return Vec::new();
    }
    let dues = dues(cx, id);
    let links = dues.iter().zip(there).filter(|(due, there)| there.is_link && due.kind != Kind::Beside);
    let outputs = links.map(|(due, _)| due.path).filter(|path| !is_outside(path));
    let warning = |path: &str| {
        let to = leads_outside(&cx.root, path)?;
        Some(format!("output {path} is a link to {}, outside of the root", to.display()))
    };
    outputs.filter_map(warning).collect()
}

const COMMAND: &str = "the command succeeded";

/// What of a rule came to a good end.
fn succeeded(cx: &Context, id: JobId) -> &'static str {
    match cx.rule(cx.job(id)).action {
        Action::Script(_) => "the script succeeded",
        Action::Run(_) => "the code succeeded",
        Action::Function(_) => "the closure succeeded",
        Action::Interpreted(_) => "the interpreter succeeded",
        Action::None | Action::Touch | Action::Shell(_) => COMMAND,
    }
}

/// All that is missing in one sentence, else what else is wrong.
fn faulty(faults: &[(&str, Fault)], succeeded: &str) -> Trouble {
    let is_missing = |fault: &Fault| matches!(fault, Fault::Missing);
    let missing: Vec<&str> =
        faults.iter().filter(|(_, fault)| is_missing(fault)).map(|(path, _)| *path).collect();
    if !missing.is_empty() {
        return Trouble {
            message: format!("{succeeded} but did not create {}", missing.join(", ")),
            help: Some(match succeeded {
                COMMAND => {
                    "check that the command writes to `{output}`, and that it is run in the root directory"
                        .into()
                }
                _ => "check that it writes to the paths of its outputs".into(),
            }),
        };
    }
    let told = |(path, fault): &(&str, Fault)| match fault {
        Fault::Missing => format!("{path} is missing"),
        Fault::Dangling { to } => format!("{path} is a link to {to}, which does not exist"),
        Fault::Directory => format!("{path} is a directory, where a file is due"),
        Fault::File => format!("{path} is a file, where a directory is due"),
        Fault::Special(what) => format!("{path} is {what}, not a file"),
    };
    let help = faults.iter().find_map(|(path, fault)| match fault {
        Fault::Directory => {
            Some(format!("name a file in it as the output, or write `directory(\"{path}\")`"))
        }
        Fault::File => Some("make a directory, or take `directory(...)` away from the output".to_string()),
        Fault::Dangling { .. } => {
            Some("a link must lead to something that exists, from where the link is".into())
        }
        Fault::Missing | Fault::Special(_) => None,
    });
    let message = faults.iter().map(told).collect::<Vec<_>>().join("; ");
    Trouble { message: format!("{succeeded}, but {message}"), help }
}

/// What goes on record of the outputs.
fn results(cx: &Context, job: &Job, made: &[(PathId, Known)], fingerprint: &Fingerprint) -> Vec<Digest> {
    let rule = cx.rule(job);
    let mut made = made.iter();
    let mut results = Vec::with_capacity(job.outputs.len());
    for (index, path) in job.outputs.iter().enumerate() {
        let flags = flags(rule, index);
        if flags.stream().is_some() {
            results.push(fingerprint.stream(*path, &cx.paths));
        } else if let Some((_, known)) = made.next() {
            let is_marker = flags.has(Flag::Touch);
            results.push(if is_marker {
                fingerprint.marker(known.digest(), &cx.paths)
            } else {
                known.digest()
            });
        }
    }
    results
}

/// The first input or script whose content is not what the fingerprint says.
fn changed(cx: &Context, job: &Job, facts: &AfterFacts) -> Option<Changed> {
    let is_script = |part: &&CodePart| part.kind == CodeKind::Script;
    let script = facts.fingerprint.code.iter().filter(is_script).find(|part| {
        let now = read_code(&cx.root, &part.name).ok().map(|bytes| Digest::of(&bytes));
        now != Some(part.digest)
    });
    if let Some(part) = script {
        return Some(Changed::Script(part.name.clone()));
    }
    let input = changed_input(cx, job, facts).map(Changed::Input);
    // A program may read the file of params itself.
    let reads_params = || cx.rule(job).params.iter().any(|param| param.counts);
    let moved = || cx.workflow.called.as_ref().filter(|_| reads_params()).and_then(|called| called.moved());
    input.or_else(|| moved().map(Changed::Value))
}

/// The first input whose content is not what the fingerprint says.
fn changed_input(cx: &Context, job: &Job, facts: &AfterFacts) -> Option<PathId> {
    let states = facts.inputs.iter().zip(&facts.fingerprint.inputs).enumerate();
    // What it changes itself, and what does not count.
    let is_exempt = |index: usize, path: &PathId| {
        job.is_before_update(index) && job.outputs.contains(path)
            || cx.units.stream(*path).is_some()
            || inputs::flags(job, index).has(Flag::Ancient)
    };
    let moved = states.filter(|(index, ((path, then), _))| {
        if is_exempt(*index, path) {
            return false;
        }
        let now = cx.files.restat(cx.paths.text(*path)).ok().flatten();
        // What is in a directory does not show on the directory.
        now.is_none() || now != *then || now.is_some_and(|now| now.is_directory())
    });
    for (index, ((path, then), state)) in moved {
        // Another file with the same content: what the job read may have stood there between the two, as when a branch is
        // checked out and left again.
        let now = cx.files.restat(cx.paths.text(*path)).ok().flatten();
        let is_another =
            then.zip(now).is_some_and(|(then, now)| !now.is_directory() && then.inode != now.inode);
        if is_another {
            return Some(*path);
        }
        cx.files.forget(*path);
        match inputs::digest(cx, job, index) {
            Ok(Some(digest)) if digest == state.digest => {}
            _ => return Some(*path),
        }
    }
    None
}

fn after_failure(
    cx: &Context,
    id: JobId,
    facts: AfterFacts,
    trouble: Trouble,
    exit_code: Option<i32>,
    cancelled: bool,
    began: bool,
) -> Conclusion {
    let nothing = Taken { moved: Ok(false), put_back: Vec::new(), stuck: None };
    let quarantine = facts.places.partial(id.0);
    let log = facts.places.job_log(id.0);
    let taken = if began { take_away(cx, id, &quarantine) } else { nothing };
    let Taken { moved, put_back, stuck } = taken;
    cx.forget(id);
    let mut log = (facts.has_log && disk::exists(&log)).then_some(log);
    let mut log_tail = log.as_deref().map(|log| tail(log, 20)).unwrap_or_default();
    if log_tail.is_empty() {
        // What the command wrote to the rule's own log, then.
        for own in &facts.own_logs {
            let path = cx.root.join(&**own);
            log_tail = tail(&path, 20);
            if !log_tail.is_empty() {
                log = Some(path);
                break;
            }
        }
    }
    let put_back =
        (!put_back.is_empty()).then(|| format!("put back as it was before the job: {}", put_back.join(", ")));
    // Whoever finds no room often has none to say so.
    let full = sys::is_full(&cx.root).then(|| "the disk is full: make room, then run again".to_string());
    let help = (exit_code == Some(126)).then(|| hint_of_126(&log_tail)).flatten().or(trouble.help);
    // Who has something to say of its failure says it better.
    let meant = || {
        let text = &cx.facts[cx.job(id).rule as usize].text;
        hint_of_text(exit_code, text).filter(|_| log_tail.is_empty())
    };
    let (moved, help) = match moved {
        Ok(moved) => {
            (moved, help.or(full).or(put_back).or_else(|| hint_of_links(cx, id, &log_tail)).or_else(meant))
        }
        // Its record says failed, so what stays is not taken for good; but the user must know.
        Err(error) => (false, Some(format!("partial outputs could not be moved away: {error}"))),
    };
    Conclusion::Failed {
        outcome: trouble.message,
        exit_code,
        log_tail,
        log,
        untouched: !began,
        quarantine: moved.then_some(quarantine),
        help,
        cancelled,
        stuck,
    }
}

/// What became of what a failed job left.
struct Taken {
    /// Whether anything was moved out of the way.
    moved: crate::error::Result<bool>,
    put_back: Vec<String>,
    /// Why something was not put back.
    stuck: Option<Error>,
}

/// Moves what a failed job left out of the way, and puts back what it was changing.
fn take_away(cx: &Context, id: JobId, quarantine_dir: &Path) -> Taken {
    let backups = Backups::new(&cx.root, &cx.root.join(".rulemake"));
    let updated: Vec<&str> = updated(cx, id).collect();
    let (mut any_aside, mut put_back, mut stuck) = (false, Vec::new(), None);
    for path in &updated {
        match backups.restore(path, quarantine_dir) {
            Ok(Some(Restored { aside })) => {
                put_back.push((*path).to_string());
                any_aside |= aside.is_some();
            }
            // It was not begun.
            Ok(None) => {}
            Err(error) => stuck = stuck.or(Some(error)),
        }
    }
    let outputs = dues(cx, id).into_iter().filter(|due| due.kind != Kind::Beside);
    let others: Vec<&str> = outputs.map(|due| due.path).filter(|path| !updated.contains(path)).collect();
    let others = quarantine(&cx.root, quarantine_dir, &others);
    Taken { moved: others.map(|others| any_aside || !others.is_empty()), put_back, stuck }
}
