//! Which candidate makes each path: depth first from the targets, with the path to the root in view.
//!
//! Only candidates that can run are tried, so a candidate can fail here for one reason: it needs a file that is
//! being made further up. That holds only under that ancestor; a result that depends on one is marked with
//! the ancestor's place on the stack, and forgotten when the attempt that led to it is given up. Iterative.
//! Invariant: what is chosen has no cycle, since a job is taken after all its inputs.

use crate::base::path::PathId;
use crate::graph::expand::{Expansion, NONE};
use crate::graph::feasible::{Survey, may_be_source};
use crate::graph::resolve::{Probe, Root};
use rustc_hash::{FxHashMap, FxHashSet};

/// What was chosen.
pub(crate) struct Choice {
    /// By path: the candidate that makes it, or `NONE`.
    pub(crate) producers: Vec<u32>,
    /// Two candidates can make the path, and neither is preferred.
    pub(crate) ambiguous: Vec<(PathId, u32, u32)>,
    /// Paths whose best candidates all led into cycles: the next best should be brought in.
    pub(crate) wanting: Vec<PathId>,
    /// The rules behind this target can make each other's files in so many ways that the search was given up.
    pub(crate) tangled: Option<Root>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// On the stack; its place is in `places`.
    Active,
    Source,
    Made,
    Failed,
}

struct Frame {
    /// `NONE` for a target rule, which has `only` as its candidate.
    path: u32,
    only: u32,
    candidate: usize,
    input: usize,
    winner: u32,
    /// Lowest place on the stack that the result depends on.
    depends: u32,
    /// Length of `log` when the frame, and when its present candidate, was begun.
    begun: usize,
    attempt: usize,
}

enum Step {
    Descend(PathId),
    Survives(u32),
    Dropped,
    Exhausted,
}

struct Search<'s, 'e> {
    expansion: &'s Expansion<'e>,
    survey: &'s Survey,
    probe: &'s dyn Probe,
    deferred: FxHashSet<PathId>,
    states: Vec<State>,
    /// By path: place on the stack while active, then the winner.
    places: Vec<u32>,
    stack: Vec<Frame>,
    /// Finished paths whose result depends on an active one, and on which.
    depends: FxHashMap<PathId, u32>,
    log: Vec<PathId>,
    /// Steps left for undoing and redoing; only tangles of cycles need any.
    budget: usize,
    /// Of the frame that was left last.
    last_winner: u32,
    ambiguous: Vec<(PathId, u32, u32)>,
    wanting: Vec<PathId>,
}

/// Chooses for all `roots`, which can be had.
pub(crate) fn choose(
    expansion: &Expansion<'_>,
    survey: &Survey,
    probe: &dyn Probe,
    roots: impl Iterator<Item = Root>,
) -> Choice {
    let count = expansion.paths.len();
    let mut search = Search {
        expansion,
        survey,
        probe,
        deferred: expansion.deferred().iter().copied().collect(),
        states: vec![State::Unknown; count],
        places: vec![NONE; count],
        stack: Vec::new(),
        depends: FxHashMap::default(),
        log: Vec::new(),
        budget: 1_000_000 + 16 * count,
        last_winner: NONE,
        ambiguous: Vec::new(),
        wanting: Vec::new(),
    };
    let mut tangled = None;
    for root in roots {
        match root {
            Root::Path(path) if search.states[path.index()] == State::Unknown => search.enter(path.0, NONE),
            Root::Path(_) => continue,
            Root::Job(job) => search.enter(NONE, job),
        }
        let is_finished = search.run();
        // A target that can be had is found unless the budget ends, or candidates are still to be brought in.
        if !is_finished || search.last_winner == NONE && !is_source(&search, root) {
            tangled = Some(root).filter(|_| search.wanting.is_empty());
            break;
        }
    }
    let Search { states, mut places, ambiguous, wanting, .. } = search;
    for (place, state) in places.iter_mut().zip(&states) {
        if *state != State::Made {
            *place = NONE;
        }
    }
    Choice { producers: places, ambiguous, wanting, tangled }
}

fn is_source(search: &Search<'_, '_>, root: Root) -> bool {
    matches!(root, Root::Path(path) if search.states[path.index()] == State::Source)
}

impl Search<'_, '_> {
    fn enter(&mut self, path: u32, only: u32) {
        if path != NONE {
            self.states[path as usize] = State::Active;
            self.places[path as usize] = self.stack.len() as u32;
        }
        let at = self.log.len();
        self.stack.push(Frame {
            path,
            only,
            candidate: 0,
            input: 0,
            winner: NONE,
            depends: NONE,
            begun: at,
            attempt: at,
        });
    }

    /// Works until the stack is empty; `false` when the budget is spent.
    fn run(&mut self) -> bool {
        while let Some(top) = self.stack.len().checked_sub(1) {
            match self.step(top) {
                Step::Descend(path) => self.enter(path.0, NONE),
                Step::Survives(job) => {
                    let frame = &mut self.stack[top];
                    if frame.winner == NONE {
                        frame.winner = job;
                    } else if self.ambiguous.last().is_none_or(|(path, ..)| path.0 != frame.path) {
                        self.ambiguous.push((PathId(frame.path), frame.winner, job));
                    }
                    self.next_candidate(top);
                }
                Step::Dropped => {
                    self.forget_attempt(top);
                    self.next_candidate(top);
                }
                Step::Exhausted => self.leave(),
            }
            if self.budget == 0 {
                return false;
            }
        }
        true
    }

    /// Goes on with the present candidate of the top frame.
    fn step(&mut self, top: usize) -> Step {
        let expansion = self.expansion;
        let frame = &mut self.stack[top];
        let candidates = match frame.path {
            NONE => std::slice::from_ref(&frame.only),
            path => expansion.candidates(PathId(path)),
        };
        let is_tried = |job: u32| {
            self.survey.can_run(job) && (frame.winner == NONE || !expansion.is_preferred(frame.winner, job))
        };
        let Some(skipped) = candidates.iter().skip(frame.candidate).position(|&job| is_tried(job)) else {
            return Step::Exhausted;
        };
        frame.candidate += skipped;
        let job = candidates[frame.candidate];
        let this = &expansion.jobs[job as usize];
        while let Some(&input) = this.inputs.get(frame.input) {
            if this.is_before_update(frame.input) {
                frame.input += 1;
                continue;
            }
            let state = &mut self.states[input.index()];
            match *state {
                State::Unknown if expansion.candidates(input).is_empty() => *state = State::Source,
                State::Unknown => return Step::Descend(input),
                State::Active => {
                    frame.depends = frame.depends.min(self.places[input.index()]);
                    return Step::Dropped;
                }
                State::Source | State::Made | State::Failed => {
                    if !self.depends.is_empty() {
                        let depends = self.depends.get(&input).copied().unwrap_or(NONE);
                        frame.depends = frame.depends.min(depends);
                    }
                    if *state == State::Failed {
                        return Step::Dropped;
                    }
                }
            }
            frame.input += 1;
        }
        Step::Survives(job)
    }

    fn next_candidate(&mut self, top: usize) {
        let frame = &mut self.stack[top];
        frame.candidate += 1;
        frame.input = 0;
        frame.attempt = self.log.len();
    }

    fn forget_attempt(&mut self, top: usize) {
        let from = self.stack[top].attempt;
        self.budget = self.budget.saturating_sub(1 + self.log.len() - from);
        for path in self.log.drain(from..) {
            self.states[path.index()] = State::Unknown;
            self.depends.remove(&path);
        }
    }

    fn leave(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        self.last_winner = frame.winner;
        if frame.path == NONE {
            self.settle(frame.begun);
            return;
        }
        let path = PathId(frame.path);
        let state = if frame.winner != NONE {
            State::Made
        } else {
            if self.deferred.contains(&path) {
                self.wanting.push(path);
            }
            let exists = self.survey.exists(path).unwrap_or_else(|| {
                may_be_source(self.expansion, self.probe, path)
                    && self.probe.exists(path, self.expansion.paths.text(path))
            });
            if exists { State::Source } else { State::Failed }
        };
        self.states[path.index()] = state;
        self.places[path.index()] = frame.winner;
        if frame.depends as usize >= self.stack.len() {
            self.settle(frame.begun);
            return;
        }
        // What depended on this path now depends on what this path depends on.
        self.budget = self.budget.saturating_sub(1 + self.log.len() - frame.begun);
        for inner in &self.log[frame.begun..] {
            self.depends.entry(*inner).and_modify(|place| *place = frame.depends.min(*place));
        }
        self.depends.insert(path, frame.depends);
        self.log.push(path);
    }

    /// What was found since `begun` depends on nothing above: it stays.
    fn settle(&mut self, begun: usize) {
        for path in self.log.drain(begun..) {
            self.depends.remove(&path);
        }
    }
}
