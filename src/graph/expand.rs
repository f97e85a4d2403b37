//! From the targets upstream: every job that could take part, in waves of new paths.
//!
//! Decides nothing: where several rules match, all their jobs are kept as candidates, except that a wildcard
//! pattern waits while a concrete one matches too, and a directory above the path while either does. Opens no file; a path without candidates is simply a leaf.
//! Big waves match and render in parallel and are merged in order, so the ids never depend on threads.

use crate::base::few::Few;
use crate::base::ids::IdTable;
use crate::base::path::{PathId, PathTable};
use crate::graph::checkpoints::Wait;
use crate::graph::dag::Beside;
use crate::graph::hits::{Hit, Matches, Role, Take, cuts, job_hash, match_chunk};
use crate::graph::job::{Job, JobId, Layout};
use crate::graph::render::{
    Drafts, Failure, OwnLayout, Piece, Pin, Rendering, fixed_layout, fixed_pins, render_chunk,
};
use crate::matching::index::{PatternIndex, Scratch};
use crate::model::dynamic::Checkpoints;
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use indexmap::IndexMap;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// No job, or no path.
pub(crate) const NONE: u32 = u32::MAX;

/// Waves below this are not worth a hand-over to other threads; it is also the size of one piece of work.
const CHUNK: usize = 256;

/// Errors of input functions that are kept word for word; a million equal ones would fill the memory.
const KEPT_ERRORS: usize = 1000;

/// So many jobs may have come half the way to [`Limits::growth`].
const MOST_DOUBTFUL: u32 = 10_000;

// States of a path above all job numbers; with `MULTI` set, the rest is an index into `multi`.
const UNSEEN: u32 = u32::MAX;
const QUEUED: u32 = u32::MAX - 1;
const LEAF: u32 = u32::MAX - 2;
const MULTI: u32 = 1 << 31;

/// Where an expansion that never ends is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes in a path.
    pub(crate) path_length: usize,
    /// Jobs on one chain.
    pub(crate) depth: u32,
    /// How often one rule may make the path longer on one chain.
    pub(crate) growth: u16,
    /// Jobs in all.
    pub(crate) jobs: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { path_length: 4096, depth: 4_000_000, growth: 20, jobs: usize::MAX }
    }
}

/// What an expansion that adds to a graph takes from it.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// Whether it is settled already where a path comes from.
    pub(crate) is_settled: &'a (dyn Fn(&str) -> bool + Sync),
    pub(crate) checkpoints: &'a dyn Checkpoints,
}

/// All candidates of all paths that the targets may need.
pub(crate) struct Expansion<'a> {
    pub(crate) workflow: &'a Workflow,
    root: &'a Path,
    pub(crate) index: &'a PatternIndex,
    pub(crate) paths: &'a mut PathTable,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
    limits: Limits,
    /// Candidates; `needs` is not set yet.
    pub(crate) jobs: Vec<Job>,
    pub(crate) failures: FxHashMap<u32, Failure>,
    /// Candidates whose input functions wait for checkpoints: outputs of those are their last inputs.
    pub(crate) open: FxHashMap<u32, Vec<Wait>>,
    ground: Option<Ground<'a>>,
    /// Paths that were matched, in order.
    pub(crate) explored: Vec<PathId>,
    /// By job: the path that was asked for first, or `NONE` for a target rule.
    asked: Vec<u32>,
    /// By path.
    found: Vec<Found>,
    multi: Vec<Vec<u32>>,
    /// Paths of which not all candidates were looked at.
    deferred: Vec<PathId>,
    known: IdTable,
    /// By job: what is wanted of it beside its outputs.
    pub(crate) beside: Beside,
    /// Files that candidates want as they are before a job changes them.
    pub(crate) before: Vec<(u32, PathId)>,
    /// Paths whose maker an input names, and that rule; `NONE` where inputs disagree.
    pins: IndexMap<PathId, u32, FxBuildHasher>,
    /// By rule, of those that have jobs.
    rules: Vec<Option<OfRule>>,
    /// Of jobs that have no inputs yet.
    no_layout: Arc<Layout>,
    frontier: Vec<PathId>,
    depth: u32,
    /// Jobs so far that would go on for ever if they went on so once more.
    doubtful: AtomicU32,
    /// Jobs from here on have no inputs and outputs yet.
    fresh: usize,
    scratch: Scratch,
    matches: Matches,
    drafts: Drafts,
}

/// What is known of a path: together, for all of it is looked at when a path is met.
#[derive(Clone, Copy)]
struct Found {
    /// A job number, or one of the states above.
    state: u32,
    /// The candidate that needed it first, or `NONE` for a target.
    via: u32,
    /// The last path on the way from the target that was longer than all before it …
    record: u32,
    /// … and how often that happened.
    grown: u16,
    /// The last rank of matches that became candidates.
    rank: u8,
}

const UNKNOWN: Found = Found { state: UNSEEN, via: NONE, record: NONE, grown: 0, rank: 0 };

/// What the jobs of a rule have in common.
#[derive(Clone)]
struct OfRule {
    /// The layout of its last job, to be shared.
    layout: Arc<Layout>,
    /// Which of its inputs name their maker, where no function decides.
    pins: Arc<[Pin]>,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(
        workflow: &'a Workflow,
        root: &'a Path,
        index: &'a PatternIndex,
        paths: &'a mut PathTable,
        pool: Option<&'a rayon::ThreadPool>,
        limits: Limits,
    ) -> Expansion<'a> {
        let mut expansion = Expansion {
            workflow,
            root,
            index,
            paths,
            pool,
            limits,
            jobs: Vec::new(),
            failures: FxHashMap::default(),
            open: FxHashMap::default(),
            ground: None,
            explored: Vec::new(),
            asked: Vec::new(),
            found: Vec::new(),
            multi: Vec::new(),
            deferred: Vec::new(),
            known: IdTable::default(),
            beside: Beside::default(),
            before: Vec::new(),
            pins: IndexMap::default(),
            rules: vec![None; workflow.rules.len()],
            no_layout: Arc::default(),
            frontier: Vec::new(),
            depth: 0,
            doubtful: AtomicU32::new(0),
            fresh: 0,
            scratch: Scratch::default(),
            matches: Matches::default(),
            drafts: Drafts::default(),
        };
        expansion.make_room();
        expansion
    }

    /// Adds to a graph that is there.
    pub(crate) fn on(mut self, ground: Ground<'a>) -> Expansion<'a> {
        self.ground = Some(ground);
        self
    }

    /// Wants a path.
    pub(crate) fn add_path(&mut self, path: PathId) {
        self.make_room();
        self.discover(path, NONE);
    }

    /// Wants the job of a rule without wildcards; returns its number.
    pub(crate) fn add_rule(&mut self, rule: u32) -> u32 {
        self.candidate(None, rule, &[], job_hash(rule, std::iter::empty()))
    }

    /// Wants the inputs of a job of the graph that is there; returns its number here.
    pub(crate) fn add_job(&mut self, rule: u32, wildcards: &Arc<[Arc<str>]>) -> u32 {
        let hash = job_hash(rule, wildcards.iter().map(|value| &**value));
        self.new_candidate(rule, wildcards.clone(), hash, NONE)
    }

    /// Expands until nothing new appears.
    pub(crate) fn run(&mut self) {
        self.render_fresh();
        let mut wave = Vec::new();
        while !self.frontier.is_empty() {
            wave.clear();
            std::mem::swap(&mut wave, &mut self.frontier);
            self.depth += 1;
            self.match_wave(&wave, Take::First);
            self.render_fresh();
        }
    }

    /// Adds the next best candidates of paths from [`Expansion::deferred`], and all that follows.
    pub(crate) fn run_deferred(&mut self, paths: &[PathId]) {
        let taken: FxHashSet<PathId> = paths.iter().copied().collect();
        self.deferred.retain(|path| !taken.contains(path));
        self.match_wave(paths, Take::Next);
        self.run();
    }

    /// Leaves only the jobs of the rule that inputs name as the maker of a path, wherever they name one. Returns
    /// whether candidates of paths were taken away.
    pub(crate) fn keep_named_makers(&mut self) -> bool {
        loop {
            let deferred = self.deferred.iter().copied();
            let wanting: Vec<PathId> = deferred
                .filter(|path| self.named_maker(*path).is_some_and(|r| !self.is_made_by(*path, r)))
                .collect();
            if wanting.is_empty() {
                break;
            }
            self.run_deferred(&wanting);
        }
        let mut taken = false;
        for (&path, &rule) in &self.pins {
            let state = self.found[path.index()].state;
            if rule == NONE || state >= LEAF || state & MULTI == 0 {
                continue;
            }
            let (all, jobs) = (&mut self.multi[(state & !MULTI) as usize], &self.jobs);
            let is_named = |job: &u32| jobs[*job as usize].rule == rule;
            if all.iter().any(is_named) {
                let before = all.len();
                all.retain(is_named);
                taken |= all.len() < before;
            }
        }
        taken
    }

    fn named_maker(&self, path: PathId) -> Option<u32> {
        self.pins.get(&path).copied().filter(|rule| *rule != NONE)
    }

    fn is_made_by(&self, path: PathId, rule: u32) -> bool {
        self.candidates(path).iter().any(|job| self.jobs[*job as usize].rule == rule)
    }

    /// Whether job `a` is to make a file that `b` could make too: by the order of their rules, else because its
    /// rule has no wildcards.
    pub(crate) fn is_preferred(&self, a: u32, b: u32) -> bool {
        let (a, b) = (&self.jobs[a as usize], &self.jobs[b as usize]);
        let ordered = self.workflow.order.prefers(a.rule, b.rule);
        ordered.unwrap_or(a.wildcards.is_empty() && !b.wildcards.is_empty())
    }

    /// Puts preferred candidates first; others keep their order.
    fn sort_by_preference(&self, candidates: &mut [u32]) {
        if self.workflow.order.is_empty() {
            return;
        }
        for at in 0..candidates.len() {
            let rest = &candidates[at..];
            let is_first = |job: &u32| !rest.iter().any(|other| self.is_preferred(*other, *job));
            let first = rest.iter().position(is_first).unwrap_or(0);
            candidates[at..=at + first].rotate_right(1);
        }
    }

    /// The paths of which not all candidates were looked at, because better ones match.
    pub(crate) fn deferred(&self) -> &[PathId] {
        &self.deferred
    }

    /// The jobs that could make `path`, concrete patterns first, then in order of the rules.
    pub(crate) fn candidates(&self, path: PathId) -> &[u32] {
        match self.found.get(path.index()) {
            None => &[],
            Some(found) if found.state >= LEAF => &[],
            Some(found) if found.state & MULTI != 0 => &self.multi[(found.state & !MULTI) as usize],
            Some(found) => std::slice::from_ref(&found.state),
        }
    }

    /// There is nothing to choose and nothing has failed.
    pub(crate) fn is_plain(&self) -> bool {
        self.multi.is_empty() && self.failures.is_empty()
    }

    /// Whether the job has no inputs because a function failed to give them.
    pub(crate) fn function_failed(&self, job: u32) -> bool {
        let failure = self.failures.get(&job);
        matches!(failure, Some(Failure::Call { .. } | Failure::NotAPath { .. } | Failure::Unreported))
    }

    pub(crate) fn rule_of(&self, job: u32) -> &'a Rule {
        &self.workflow.rules[self.jobs[job as usize].rule as usize]
    }

    fn make_room(&mut self) {
        self.found.resize(self.paths.len(), UNKNOWN);
    }

    /// Notes that `by` needs `path`, and queues it when it is new.
    fn discover(&mut self, path: PathId, by: u32) {
        if self.found[path.index()].state != UNSEEN {
            return;
        }
        if self.ground.is_some_and(|ground| (ground.is_settled)(self.paths.text(path))) {
            self.found[path.index()].state = LEAF;
            self.explored.push(path);
            return;
        }
        let (mut record, mut grown) = (path.0, 0);
        let from = if by == NONE { NONE } else { self.asked[by as usize] };
        if from != NONE {
            let before = self.found[from as usize];
            let is_longer = self.paths.length(path) > self.paths.length(PathId(before.record));
            grown = before.grown.saturating_add(u16::from(is_longer));
            if !is_longer {
                record = before.record;
            }
        }
        self.found[path.index()] = Found { state: QUEUED, via: by, record, grown, rank: 0 };
        self.frontier.push(path);
    }

    fn match_wave(&mut self, wave: &[PathId], take: Take) {
        let (paths, index, workflow) = (&*self.paths, self.index, self.workflow);
        match self.pool.filter(|_| wave.len() >= CHUNK) {
            Some(pool) => {
                let found: Vec<Matches> = pool.install(|| {
                    wave.par_chunks(CHUNK)
                        .map_init(Scratch::default, |scratch, chunk| {
                            let mut matches = Matches::default();
                            match_chunk(paths, index, workflow, chunk, take, scratch, &mut matches);
                            matches
                        })
                        .collect()
                });
                for (chunk, matches) in wave.chunks(CHUNK).zip(found) {
                    self.adopt_all(chunk, &matches, take);
                }
            }
            None => {
                for chunk in wave.chunks(CHUNK) {
                    let mut matches = std::mem::take(&mut self.matches);
                    match_chunk(self.paths, index, workflow, chunk, take, &mut self.scratch, &mut matches);
                    self.adopt_all(chunk, &matches, take);
                    self.matches = matches;
                }
            }
        }
    }

    fn adopt_all(&mut self, chunk: &[PathId], matches: &Matches, take: Take) {
        let mut hits = &matches.hits[..];
        for &path in chunk {
            let own = hits.iter().take_while(|hit| hit.path == path).count();
            let (own, rest) = hits.split_at(own);
            hits = rest;
            self.adopt(path, own, &matches.ranges, take);
        }
    }

    /// Makes the best matches of one path its candidates: concrete patterns before wildcards, and both before
    /// directories in which the path lies. The others wait until those cannot run.
    fn adopt(&mut self, path: PathId, hits: &[Hit], ranges: &[(u32, u32)], take: Take) {
        let values = |hit: &Hit| &ranges[hit.first as usize..(hit.first + hit.len) as usize];
        let is_ordered = self.is_ordered(hits);
        let rank = |hit: &Hit| match hit.role {
            Role::Inside => 3,
            Role::Output | Role::Record if hit.is_concrete() || is_ordered => 1,
            Role::Output | Role::Record => 2,
        };
        if take == Take::First {
            self.explored.push(path);
        }
        let taken = self.found[path.index()].rank;
        let Some(next) = hits.iter().map(rank).filter(|rank| *rank > taken).min() else {
            if take == Take::First {
                self.found[path.index()].state = LEAF;
            }
            return;
        };
        self.found[path.index()].rank = next;
        // Directories are looked for when they are needed.
        let may_be_inside = take == Take::First && next < 3 && self.index.is_below_any(self.paths.text(path));
        if may_be_inside || hits.iter().any(|hit| rank(hit) > next) {
            self.deferred.push(path);
        }
        let mut wanted = hits.iter().filter(|hit| rank(hit) == next);
        let (first, more) = (wanted.next(), wanted.next().is_some());
        self.found[path.index()].state = match first.filter(|_| take == Take::First && !more) {
            Some(only) => self.maker(path, only, values(only)),
            None => {
                let wanted = hits.iter().filter(|hit| rank(hit) == next);
                let mut all = self.candidates(path).to_vec();
                all.extend(wanted.map(|hit| self.maker(path, hit, values(hit))));
                self.sort_by_preference(&mut all);
                self.multi.push(all);
                MULTI | (self.multi.len() as u32 - 1)
            }
        };
    }

    /// Whether a wildcard pattern goes before a concrete one.
    fn is_ordered(&self, hits: &[Hit]) -> bool {
        let order = &self.workflow.order;
        let (concrete, others): (Vec<&Hit>, Vec<&Hit>) = match order.is_empty() {
            true => return false,
            false => hits.iter().partition(|hit| hit.is_concrete()),
        };
        others.iter().any(|a| concrete.iter().any(|b| order.prefers(a.rule, b.rule) == Some(true)))
    }

    /// The job that a match stands for.
    fn maker(&mut self, path: PathId, hit: &Hit, values: &[(u32, u32)]) -> u32 {
        let job = self.candidate(Some(path), hit.rule, values, hit.job);
        if hit.role != Role::Output {
            self.beside.entry(job).or_default().push(path);
        }
        job
    }

    /// The job of `rule` with these values, which are ranges of the path; new or known.
    fn candidate(&mut self, path: Option<PathId>, rule: u32, values: &[(u32, u32)], hash: u64) -> u32 {
        let text = path.map_or("", |path| self.paths.text(path));
        let values = cuts(text, values);
        let jobs = &self.jobs;
        let is_it = |id: u32| {
            let job = &jobs[id as usize];
            job.rule == rule && job.wildcards.iter().map(|v| &**v).eq(values.clone())
        };
        if let Some(id) = self.known.find(hash, is_it) {
            return id;
        }
        let failure = path.and_then(|path| self.guard(path, rule, values.clone()));
        // Mostly those of the job that needs it.
        let via = path.map_or(NONE, |path| self.found[path.index()].via);
        let needing = self.jobs.get(via as usize).map(|job| &job.wildcards);
        let same = needing.filter(|needing| needing.iter().map(|v| &**v).eq(values.clone()));
        let wildcards = same.cloned().unwrap_or_else(|| values.map(Arc::from).collect());
        let id = self.new_candidate(rule, wildcards, hash, path.map_or(NONE, |path| path.0));
        if let Some(failure) = failure {
            self.failures.insert(id, failure);
        }
        id
    }

    fn new_candidate(&mut self, rule: u32, wildcards: Arc<[Arc<str>]>, hash: u64, asked: u32) -> u32 {
        let id = u32::try_from(self.jobs.len()).ok().filter(|id| *id < MULTI).expect("fewer than 2^31 jobs");
        self.jobs.push(Job {
            id: JobId(id),
            rule,
            wildcards,
            inputs: Few::default(),
            layout: self.no_layout.clone(),
            outputs: Few::default(),
            needs: Few::default(),
        });
        self.asked.push(asked);
        self.known.insert(hash, id);
        id
    }

    /// Whether a new job of `rule` for `path` would go on for ever. A long chain is fine as long as its paths
    /// do not grow: a million steps `c999999 <- c999998 <- …` are somebody's workflow.
    fn guard<'v>(
        &self,
        path: PathId,
        rule: u32,
        mut values: impl Iterator<Item = &'v str>,
    ) -> Option<Failure> {
        if self.depth > self.limits.depth {
            return Some(Failure::TooDeep);
        }
        if self.jobs.len() >= self.limits.jobs {
            return Some(Failure::TooMany(self.limits.jobs));
        }
        // A rule that matches two inputs of its own doubles the paths with every step: 2^20 at the limit.
        let doubtful = self.limits.growth / 2;
        if self.found[path.index()].grown > doubtful
            && self.growths_by(rule, path) > doubtful
            && self.doubtful.fetch_add(1, Ordering::Relaxed) > MOST_DOUBTFUL
        {
            return Some(Failure::Endless);
        }
        if self.found[path.index()].grown <= self.limits.growth {
            return None;
        }
        let period = self.limits.growth as usize;
        (self.growths_by(rule, path) > self.limits.growth
            || values.any(|value| repeats_its_end(value, period)))
        .then_some(Failure::Endless)
    }

    /// How many of the growths on the way from the target to `path` were the work of `rule`.
    fn growths_by(&self, rule: u32, path: PathId) -> u16 {
        let mut count = 0;
        let mut record = self.found[path.index()].record as usize;
        loop {
            let by = self.found[record].via;
            if by == NONE || self.asked[by as usize] == NONE {
                return count;
            }
            count += u16::from(self.jobs[by as usize].rule == rule);
            record = self.found[self.asked[by as usize] as usize].record as usize;
        }
    }

    /// Gives new jobs their paths.
    fn render_fresh(&mut self) {
        let first = self.fresh;
        let rendering = Rendering {
            workflow: self.workflow,
            root: self.root,
            path_length: self.limits.path_length,
            checkpoints: self.ground.map(|ground| ground.checkpoints),
        };
        let count = self.jobs.len() - first;
        self.fresh = self.jobs.len();
        match self.pool.filter(|_| count >= CHUNK) {
            Some(pool) => {
                let (jobs, failures) = (&self.jobs[first..], &self.failures);
                let drafts: Vec<Drafts> = pool.install(|| {
                    jobs.par_chunks(CHUNK)
                        .enumerate()
                        .map(|(i, chunk)| {
                            let mut drafts = Drafts::default();
                            let first = (first + i * CHUNK) as u32;
                            render_chunk(rendering, chunk, first, failures, &mut drafts);
                            drafts
                        })
                        .collect()
                });
                let mut at = first;
                for mut drafts in drafts {
                    self.merge(at, &mut drafts);
                    at += CHUNK;
                }
            }
            None => {
                for at in (first..first + count).step_by(CHUNK) {
                    let end = (at + CHUNK).min(first + count);
                    let mut drafts = std::mem::take(&mut self.drafts);
                    render_chunk(rendering, &self.jobs[at..end], at as u32, &self.failures, &mut drafts);
                    self.merge(at, &mut drafts);
                    self.drafts = drafts;
                }
            }
        }
    }

    /// Interns the paths of the jobs from `first` on and queues those that are new.
    fn merge(&mut self, first: usize, drafts: &mut Drafts) {
        let (mut piece, mut start, mut pin) = (0, 0, 0);
        for (id, draft) in (first..).zip(drafts.jobs.drain(..)) {
            let mut next = |paths: &mut PathTable, guess: Option<PathId>| {
                let Piece { end, hash } = drafts.pieces[piece];
                let text = &drafts.text[start..end];
                (piece, start) = (piece + 1, end);
                let guess = guess.filter(|guess| paths.text(*guess) == text);
                guess.unwrap_or_else(|| paths.intern_hashed(text, hash))
            };
            // Mostly the job is there for the sake of its one output.
            let asked = Some(self.asked[id]).filter(|path| *path != NONE).map(PathId);
            let inputs: Few<PathId> = (0..draft.inputs).map(|_| next(self.paths, None)).collect();
            let outputs: Few<PathId> = (0..draft.outputs).map(|_| next(self.paths, asked)).collect();
            self.make_room();
            let of_rule = self.of_rule(self.jobs[id].rule, draft.layout);
            let own = drafts.pins.get(pin..pin + draft.pins).unwrap_or_default();
            pin += draft.pins;
            // A job that failed has no inputs.
            for &(input, maker) in own.iter().chain(&*of_rule.pins) {
                if let Some(path) = inputs.get(input as usize) {
                    let known = self.pins.entry(*path).or_insert(maker);
                    if *known != maker {
                        *known = NONE;
                    }
                }
            }
            if !draft.waits.is_empty() {
                let paths = &inputs[inputs.len() - draft.waits.len()..];
                let waits = draft.waits.into_iter().zip(paths).map(|(job, path)| Wait { job, path: *path });
                self.open.insert(id as u32, waits.collect());
            }
            let job = &mut self.jobs[id];
            job.inputs = inputs;
            job.outputs = outputs;
            job.layout = of_rule.layout;
            for index in 0..self.jobs[id].inputs.len() {
                let job = &self.jobs[id];
                let path = job.inputs[index];
                match job.is_before_update(index) {
                    true => self.before.push((id as u32, path)),
                    false => self.discover(path, id as u32),
                }
            }
            if let Some(failure) = draft.failure {
                let keep = self.failures.len() < KEPT_ERRORS;
                self.failures.insert(id as u32, if keep { failure } else { Failure::Unreported });
            }
        }
    }
}

impl Expansion<'_> {
    /// What a job of the rule has in common with others; `own` is the layout of one whose functions gave it.
    fn of_rule(&mut self, rule: u32, own: Option<OwnLayout>) -> OfRule {
        let known = self.rules[rule as usize].get_or_insert_with(|| {
            let it = &self.workflow.rules[rule as usize];
            OfRule {
                layout: fixed_layout(it).unwrap_or_default(),
                pins: fixed_pins(it, self.workflow).into(),
            }
        });
        if let Some(own) = own.filter(|own| !own.is(&known.layout)) {
            known.layout = own.shared();
        }
        known.clone()
    }
}

/// Whether the value ends in `times` or more copies of something, as Snakemake's periodicity check has it.
fn repeats_its_end(value: &str, times: usize) -> bool {
    let bytes = value.as_bytes();
    (1..=bytes.len() / times.max(1)).any(|period| {
        let tail = &bytes[bytes.len() - period * times..];
        tail[period..].iter().eq(&tail[..tail.len() - period])
    })
}
