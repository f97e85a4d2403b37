//! Temporary files during a run: removed on the pool when the core says that nobody needs them, made again when a job
//! does after all.

use super::{Inbox, Run};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::engine::event::EventKind;
use crate::engine::work::{Recall, Removal, ToCheck};
use crate::files::observe::Seen;
use crate::graph::job::JobId;
use crate::plan::check::has_action;
use crate::plan::context::Context;
use crate::plan::forecast::needed_by;
use crate::plan::inputs::look;
use crate::plan::temp::has_temp;
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::reason::Reason;
use rustc_hash::{FxHashMap, FxHashSet};

/// What a run remembers of its temporary files and reopened jobs.
#[derive(Default)]
pub(super) struct TempState {
    /// Files that are removed, by their number in the core.
    files: Vec<PathId>,
    numbers: FxHashMap<PathId, u32>,
    /// What open jobs hold so far: the others of their inputs are known later.
    held_open: FxHashSet<(u32, u32)>,
    /// Whether a job can be reopened.
    any: bool,
    /// Files that nobody needs but for a job that may have to make its own temporary files again: they go at the end.
    late: FxHashSet<u32>,
    /// Units of which a file is being removed; how many.
    removing: FxHashMap<u32, usize>,
    /// Units whose start waits for that: a removal that comes late must not meet what they make.
    held_starts: FxHashMap<u32, u32>,
    /// Why a reopened job is checked again.
    recalls: FxHashMap<u32, Recall>,
    /// What the outputs of a reopened job were when others were decided by them.
    before: FxHashMap<u32, Vec<Option<Digest>>>,
    /// The same of its logs and what else is read that lies beside its outputs.
    beside_before: FxHashMap<u32, Vec<Option<Digest>>>,
    /// Jobs that ran in this run and can be reopened; of others the trace on record is that of their last execution.
    pub(super) ran: FxHashSet<u32>,
    /// Jobs whose results the cache had and lost, with why they had to be made.
    pub(super) not_restored: FxHashMap<u32, Vec<Reason>>,
    /// Jobs whose edited outputs were taken as they are.
    pub(super) adopted: FxHashSet<u32>,
    /// Rules that were said to make something else each time.
    told: FxHashSet<u32>,
}

impl TempState {
    pub(super) fn of(cx: &Context, keep: bool) -> TempState {
        let any = cx.workflow.rules.iter().any(|rule| has_temp(rule));
        let mut state = TempState { any, ..TempState::default() };
        let ids = (0..cx.graph.jobs.len() as u32).map(JobId).filter(|_| any && !keep);
        for path in ids.flat_map(|id| cx.temps_of(id)) {
            state.add(path);
        }
        state
    }

    /// Takes note of a file that is to be removed; returns its number.
    pub(super) fn add(&mut self, path: PathId) -> u32 {
        let number = self.files.len() as u32;
        self.files.push(path);
        self.numbers.insert(path, number);
        number
    }

    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// Which job holds which file: its maker, and each job that reads it.
    pub(super) fn holds(&mut self, cx: &Context) -> Vec<(u32, u32)> {
        let maker = |(path, number): (&PathId, u32)| Some((cx.graph.producer(*path)?.0, number));
        let mut holds: Vec<(u32, u32)> = self.files.iter().zip(0..).filter_map(maker).collect();
        if !holds.is_empty() {
            let jobs = (0..cx.graph.jobs.len() as u32).map(JobId);
            jobs.for_each(|job| holds.extend(self.read_by(cx, job)));
        }
        holds
    }

    /// The files that a job reads and did not hold before, each once.
    pub(super) fn read_by(&mut self, cx: &Context, job: JobId) -> Vec<(u32, u32)> {
        let inputs = cx.job(job).inputs.iter().map(|path| cx.output_of(*path));
        let mut read: Vec<u32> = inputs.filter_map(|path| self.numbers.get(&path).copied()).collect();
        read.sort_unstable();
        read.dedup();
        let held = &mut self.held_open;
        let is_open = cx.graph.open.contains_key(&job);
        let is_new = |temp: &u32| match is_open {
            true => held.insert((job.0, *temp)),
            false => !held.remove(&(job.0, *temp)),
        };
        read.into_iter().filter(is_new).map(|temp| (job.0, temp)).collect()
    }

    /// The unit, and why its jobs are checked again if they are.
    pub(super) fn to_check(&self, cx: &Context, unit: u32) -> ToCheck {
        let alone = [JobId(unit)];
        let jobs = cx.units.members(JobId(unit)).map_or(&alone[..], |members| members);
        let recalls = jobs.iter().filter_map(|job| Some((job.0, self.recall(job.0)?)));
        ToCheck { unit, recalls: recalls.collect(), may_restore: !self.not_restored.contains_key(&unit) }
    }

    fn recall(&self, job: u32) -> Option<Recall> {
        self.recalls.get(&job).cloned()
    }

    pub(super) fn is_recalled(&self, job: u32) -> bool {
        self.recalls.contains_key(&job)
    }

    /// A job is checked again with others, for this reason if it has none of its own.
    pub(super) fn recall_with(&mut self, job: u32, reason: Reason) {
        let ran = self.ran.contains(&job);
        self.recalls.entry(job).or_insert(Recall { reason, ran });
    }

    /// The job is final: what it was reopened for is dealt with.
    pub(super) fn settle(&mut self, job: u32) {
        self.recalls.remove(&job);
    }

    /// Whether there are temporary files at all.
    pub(super) fn is_any(&self) -> bool {
        self.any
    }

    pub(super) fn is_removing(&self) -> bool {
        !self.removing.is_empty()
    }

    /// Whether a unit that is to start has to wait for a removal.
    pub(super) fn hold_start(&mut self, unit: u32, attempt: u32) -> bool {
        let is_held = self.removing.contains_key(&unit);
        if is_held {
            self.held_starts.insert(unit, attempt);
        }
        is_held
    }
}

impl Run<'_> {
    /// A unit must run but lacks these temporary files; the units that make them will be reopened for it.
    pub(super) fn note_lack(&mut self, unit: u32, absent: &[(u32, PathId)]) {
        for (maker, path) in absent {
            let cx = &self.cx;
            let producer = cx.graph.producer(*path).map_or(*maker, |producer| producer.0);
            let members = cx.units.members(JobId(unit)).map(|members| &members[..]).unwrap_or_default();
            let reader = members.iter().copied().find(|member| cx.reads(*member, *path));
            let reason = needed_by(cx, *path, reader.unwrap_or(JobId(unit)));
            let ran = self.temps.ran.contains(&producer);
            self.temps.recalls.entry(producer).or_insert(Recall { reason, ran });
        }
    }

    pub(super) fn reopened(&mut self, job: u32) {
        self.note_reopened(job);
        if !has_action(&self.cx, JobId(job)) {
            return;
        }
        let cx = self.cx.clone();
        let known = |path: &PathId| {
            cx.marker(*path).or_else(|| cx.files.remembered(*path)).or_else(|| cx.held(*path))
        };
        self.temps.before.insert(job, cx.job(JobId(job)).outputs.iter().map(known).collect());
        let beside = cx.graph.beside(JobId(job));
        if !beside.is_empty() {
            self.temps.beside_before.insert(job, beside.iter().map(|path| content(&cx, *path)).collect());
        }
        let was_up_to_date = !self.temps.ran.contains(&job);
        self.summary.up_to_date -= usize::from(was_up_to_date);
        if let Some(Recall { reason, .. }) = self.temps.recall(job) {
            self.emit(EventKind::JobReopened { job: self.info(job), was_up_to_date, reason });
        }
    }

    /// A job was made. If it was final before, the units of the consumers that were decided by an output that is now
    /// another.
    pub(super) fn affected(&mut self, job: u32, results: &[(PathId, Digest)]) -> Vec<u32> {
        let before = self.temps.before.remove(&job);
        let cx = self.cx.clone();
        for path in cx.temps_of(JobId(job)) {
            if let Some((_, digest)) = results.iter().find(|(made, _)| *made == path) {
                cx.temps.publish(path, *digest);
            }
        }
        if self.temps.any {
            self.temps.ran.insert(job);
        }
        let Some(before) = before else { return Vec::new() };
        if cx.rule(cx.job(JobId(job))).checkpoint
            && results.iter().map(|(_, new)| Some(*new)).ne(before.iter().copied())
        {
            let message = format!(
                "{} ended twice, each time with another result: what was added for the first stays until the next run",
                self.info(job).title()
            );
            self.emit(EventKind::Warning { message });
        }
        let beside = cx.graph.beside(JobId(job));
        let beside_before = self.temps.beside_before.remove(&job).unwrap_or_default();
        let beside_now = beside.iter().map(|path| (*path, content(&cx, *path)));
        let changed = results.iter().zip(before).map(|((path, new), old)| (*path, Some(*new), old));
        let changed = changed.chain(beside_now.zip(beside_before).map(|((path, new), old)| (path, new, old)));
        let mut affected = Vec::new();
        let mut seen = FxHashSet::default();
        for (path, new, old) in changed.filter(|(_, new, old)| new != old) {
            // Of a single output every consumer is a reader.
            let unit = cx.units.leader(JobId(job));
            let all = results.len() == 1 && beside.is_empty();
            let reads = |reader: &JobId| (all || cx.reads(*reader, path)) && cx.units.leader(*reader) != unit;
            let nothing = Digest::of(&[]);
            let (old, new) = (old.or(new).unwrap_or(nothing), new.unwrap_or(nothing));
            for reader in cx.graph.consumers(JobId(job)).filter(reads) {
                if !seen.insert(reader.0) {
                    continue;
                }
                affected.push(cx.units.leader(reader).0);
                let reason = Reason::InputChanged {
                    path: cx.paths.text(path).to_string(),
                    old,
                    new,
                    by: Some(self.info(job).title()),
                };
                let ran = self.temps.ran.contains(&reader.0);
                self.temps.recalls.insert(reader.0, Recall { reason, ran });
            }
        }
        affected
    }

    /// Says once per rule that it makes something else each time. Where it was an edit that others were decided by, that was
    /// told.
    pub(super) fn tell_nondeterministic(&mut self, job: u32, affected: usize) {
        let rule = self.cx.job(JobId(job)).rule;
        if affected == 0 || self.temps.adopted.contains(&job) || !self.temps.told.insert(rule) {
            return;
        }
        let title = self.info(job).title();
        let message = format!(
            "{title} was made again and is not what it was before: what depends on it is checked again \
             (a rule that makes something else each time should not be temporary)"
        );
        self.emit(EventKind::Warning { message });
    }

    /// Nobody needs these files any more. Those that are there as their job left them go.
    pub(super) fn remove_temps(&mut self, temps: &[u32]) {
        if self.growth.is_due() {
            return self.growth.held.removals.extend(temps);
        }
        let (late, now): (Vec<u32>, Vec<u32>) = temps.iter().partition(|temp| self.may_be_read_again(**temp));
        self.temps.late.extend(late);
        self.remove_now(&now);
    }

    /// What was kept until no job can be reopened any more.
    pub(super) fn remove_late_temps(&mut self) {
        let mut late: Vec<u32> = std::mem::take(&mut self.temps.late).into_iter().collect();
        late.sort_unstable();
        self.remove_now(&late);
    }

    /// Whether a job that reads the file was up to date without it, but not for good: its own temporary files may be
    /// gone, and then it runs when somebody needs those. To make this file again for it would be work for nothing.
    fn may_be_read_again(&self, temp: u32) -> bool {
        let path = self.temps.files[temp as usize];
        let Some(producer) = self.cx.graph.producer(path) else { return false };
        let is_for_good = |reader: &JobId| {
            self.temps.ran.contains(&reader.0) || !has_temp(self.cx.rule(self.cx.job(*reader)))
        };
        self.cx.graph.consumers(producer).any(|reader| !is_for_good(&reader))
    }

    fn remove_now(&mut self, temps: &[u32]) {
        let mut removals = Vec::new();
        for temp in temps {
            self.temps.late.remove(temp);
            let path = self.temps.files[*temp as usize];
            let (Some(producer), Some(sig)) = (self.cx.graph.producer(path), self.cx.files.signature(path))
            else {
                continue;
            };
            if self.is_accepted(producer, path) {
                continue;
            }
            let is_changed = self.is_changed(path);
            // From now on it counts as gone: a check that follows must not find it half removed.
            self.cx.files.set_missing(path);
            let inside = self.cx.graph.beside(producer).iter();
            for path in inside.filter(|inside| self.cx.inside(path, **inside).is_some()) {
                self.cx.files.set_missing(*path);
            }
            let unit = self.cx.units.leader(producer).0;
            *self.temps.removing.entry(unit).or_default() += 1;
            removals.push(Removal { unit, path, sig, is_changed });
        }
        if removals.is_empty() {
            return;
        }
        let (cx, sender) = (self.cx.clone(), self.sender.clone());
        self.in_pool += 1;
        self.pool.spawn(move || {
            let removed = removals.into_iter().map(|removal| removal.perform(&cx)).collect();
            drop(cx);
            let _ = sender.send(Inbox::Removed(removed));
        });
    }

    /// Whether somebody made the file, and no job since: it is nobody's to remove.
    fn is_accepted(&self, maker: JobId, path: PathId) -> bool {
        let is_accepted = |trace: Trace| trace.origin == Origin::Accepted;
        let before = || self.cx.view.trace(path).is_some_and(is_accepted);
        !self.temps.ran.contains(&maker.0) && (self.temps.adopted.contains(&maker.0) || before())
    }

    /// Whether what was last seen of a file is not what its job made.
    fn is_changed(&self, path: PathId) -> bool {
        let (made, seen) = (self.cx.held(path), self.cx.files.remembered(path));
        self.cx.marker(path).is_none() && made.zip(seen).is_some_and(|(made, seen)| made != seen)
    }

    pub(super) fn removed(&mut self, unit: u32, path: PathId, result: Result<(), String>) {
        let text = self.cx.paths.text(path).to_string();
        match result {
            Ok(()) => {
                self.summary.temp_removed += 1;
                self.emit(EventKind::TempRemoved { path: text });
            }
            Err(why) => {
                self.cx.files.forget(path);
                let message = format!("temporary file {text} was not removed: {why}");
                self.emit(EventKind::Warning { message });
            }
        }
        if let Some(left) = self.temps.removing.get_mut(&unit) {
            *left -= 1;
            if *left == 0 {
                self.temps.removing.remove(&unit);
                if let Some(attempt) = self.temps.held_starts.remove(&unit) {
                    self.start(unit, attempt);
                }
            }
        }
    }
}

/// The content of a file that is no output. What cannot be read is as good as not there: who reads it says so.
fn content(cx: &Context, path: PathId) -> Option<Digest> {
    match look(cx, path) {
        Ok(Seen::File(digest)) => Some(digest),
        _ => None,
    }
}
