//! The paths of new jobs: patterns with their values, and the results of input functions.
//!
//! Pure and without ids, so that many jobs can be rendered at once; [`expand`](super::expand) interns the
//! texts in order.

use crate::base::path::{hash_of, normalise};
use crate::graph::checkpoints::CheckpointJob;
use crate::graph::job::{Job, Layout};
use crate::model::dynamic::{CallContext, CallError, Checkpoints, PathTree};
use crate::model::flags::Flags;
use crate::model::pattern::Pattern;
use crate::model::rule::{InputItem, InputSource, Rule};
use crate::model::slots::Slot;
use crate::model::wildcards::Wildcards;
use crate::model::workflow::Workflow;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// Why a candidate can never run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An input function gave no value.
    Call {
        function: String,
        error: CallError,
    },
    /// An input function gave something that is no path.
    NotAPath {
        function: String,
        what: String,
    },
    /// Its inputs would grow for ever.
    Endless,
    TooDeep,
    /// More than so many jobs.
    TooMany(usize),
    PathTooLong,
    /// As many others: not kept word for word.
    Unreported,
}

/// Paths of a piece of new jobs, rendered and normalised: one text, cut into pieces.
#[derive(Default)]
pub(crate) struct Drafts {
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
    /// Of all jobs, one after the other.
    pub(crate) pins: Vec<Pin>,
    pub(crate) jobs: Vec<Draft>,
}

/// A path, from the end of the one before it.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) end: usize,
    pub(crate) hash: u64,
}

impl Drafts {
    /// The path that was written is complete.
    fn end_path(&mut self) {
        let start = self.pieces.last().map_or(0, |piece| piece.end);
        if let Cow::Owned(normal) = normalise(&self.text[start..]) {
            self.text.truncate(start);
            self.text.push_str(&normal);
        }
        let hash = hash_of(&self.text[start..]);
        self.pieces.push(Piece { end: self.text.len(), hash });
    }
}

pub(crate) struct Draft {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// How many of its inputs name their maker because a function said so.
    pub(crate) pins: usize,
    /// Only where an input function decides them.
    pub(crate) layout: Option<OwnLayout>,
    /// What its functions wait for; the last inputs are outputs of these, in the same order.
    pub(crate) waits: Vec<CheckpointJob>,
    pub(crate) failure: Option<Failure>,
}

/// What all jobs are rendered with.
#[derive(Clone, Copy)]
pub(crate) struct Rendering<'a> {
    pub(crate) workflow: &'a Workflow,
    /// Where relative paths start.
    pub(crate) root: &'a Path,
    pub(crate) path_length: usize,
    /// `None`: none of them is final.
    pub(crate) checkpoints: Option<&'a dyn Checkpoints>,
}

/// An input, by its number, and the rule that is named as its maker.
pub(crate) type Pin = (u32, u32);

/// The layout of one job.
#[derive(Default)]
pub(crate) struct OwnLayout {
    pub(crate) slots: Vec<Slot>,
    /// One per input; empty when all are 0.
    pub(crate) flags: Vec<u16>,
}

impl OwnLayout {
    fn push(&mut self, name: Option<Arc<str>>, list: bool, flags: &[Flags]) {
        self.slots.push(Slot { name, list, len: flags.len() as u32 });
        self.flags.extend(flags.iter().map(Flags::bits));
    }

    fn finish(mut self) -> OwnLayout {
        if self.flags.iter().all(|bits| *bits == 0) {
            self.flags = Vec::new();
        }
        self
    }

    pub(crate) fn is(&self, other: &Layout) -> bool {
        *self.slots == *other.slots && *self.flags == *other.flags
    }

    pub(crate) fn shared(self) -> Arc<Layout> {
        Arc::new(Layout { slots: self.slots.into(), flags: self.flags.into() })
    }
}

/// The layout of a rule without input functions.
pub(crate) fn fixed_layout(rule: &Rule) -> Option<Arc<Layout>> {
    let mut layout = OwnLayout::default();
    for item in &rule.inputs {
        match &item.source {
            InputSource::Patterns { flags, list, .. } => {
                layout.push(item.name.clone(), *list, flags);
            }
            InputSource::Function(_) => return None,
        }
    }
    Some(layout.finish().shared())
}

/// The inputs that name their maker, of a rule without input functions.
pub(crate) fn fixed_pins(rule: &Rule, workflow: &Workflow) -> Box<[Pin]> {
    let flags = |item: &InputItem| match &item.source {
        InputSource::Patterns { flags, .. } => Some(flags.to_vec()),
        InputSource::Function(_) => None,
    };
    let Some(flags) = rule.inputs.iter().map(flags).collect::<Option<Vec<_>>>() else {
        return Box::default();
    };
    let makers =
        flags.iter().flatten().zip(0..).filter_map(|(f, input)| maker(f, workflow).map(|m| (input, m)));
    makers.collect()
}

fn maker(flags: &Flags, workflow: &Workflow) -> Option<u32> {
    workflow.by_name.get(flags.maker.as_deref()?).copied()
}

/// Renders `jobs`, numbered from `first` on, into `drafts`; jobs that have failed already get no inputs.
pub(crate) fn render_chunk(
    rendering: Rendering<'_>,
    jobs: &[Job],
    first: u32,
    failures: &FxHashMap<u32, Failure>,
    drafts: &mut Drafts,
) {
    drafts.text.clear();
    drafts.pieces.clear();
    drafts.pins.clear();
    drafts.jobs.clear();
    for (id, job) in (first..).zip(jobs) {
        let rule = &rendering.workflow.rules[job.rule as usize];
        let before = (drafts.text.len(), drafts.pieces.len(), drafts.pins.len());
        let (mut layout, mut waits) = (None, Vec::new());
        // A job that is given up already asks for nothing, but messages want to name what it makes.
        let mut failure = None;
        if !failures.contains_key(&id) {
            failure = render_inputs(rendering, rule, job, drafts, &mut layout, &mut waits).err();
            let mut start = before.0;
            let is_long =
                |piece: &Piece| piece.end - std::mem::replace(&mut start, piece.end) > rendering.path_length;
            if failure.is_none() && drafts.pieces[before.1..].iter().any(is_long) {
                failure = Some(Failure::PathTooLong);
            }
            if failure.is_some() {
                drafts.text.truncate(before.0);
                drafts.pieces.truncate(before.1);
                drafts.pins.truncate(before.2);
                layout = None;
                waits.clear();
            }
        }
        let inputs = drafts.pieces.len() - before.1;
        for pattern in &rule.outputs {
            pattern.render(&job.wildcards, &mut drafts.text);
            drafts.end_path();
        }
        let pins = drafts.pins.len() - before.2;
        drafts.jobs.push(Draft { inputs, outputs: rule.outputs.len(), pins, layout, waits, failure });
    }
}

fn render_inputs(
    rendering: Rendering<'_>,
    rule: &Rule,
    job: &Job,
    drafts: &mut Drafts,
    layout: &mut Option<OwnLayout>,
    waits: &mut Vec<CheckpointJob>,
) -> Result<(), Failure> {
    let Rendering { workflow, root, checkpoints, .. } = rendering;
    let has_function = rule.inputs.iter().any(|item| matches!(item.source, InputSource::Function(_)));
    if !has_function {
        for item in &rule.inputs {
            if let InputSource::Patterns { patterns, .. } = &item.source {
                for pattern in patterns {
                    pattern.render(&job.wildcards, &mut drafts.text);
                    drafts.end_path();
                }
            }
        }
        return Ok(());
    }
    let wildcards = Wildcards::new(rule.wildcards.clone(), job.wildcards.clone());
    let cx = CallContext { root, checkpoints, ..CallContext::naming(&rule.name, &wildcards) };
    let mut own = OwnLayout::default();
    let first = drafts.pieces.len();
    let mut all: Vec<Flags> = Vec::new();
    for item in &rule.inputs {
        let start = all.len();
        match &item.source {
            InputSource::Patterns { patterns, flags, list } => {
                for pattern in patterns {
                    pattern.render(&job.wildcards, &mut drafts.text);
                    drafts.end_path();
                }
                all.extend(flags.iter().cloned());
                own.push(item.name.clone(), *list, &all[start..]);
            }
            InputSource::Function(function) => {
                let name = || function.name().to_string();
                let call = |error| Failure::Call { function: name(), error };
                let tree = match function.paths(&cx) {
                    Ok(tree) => tree,
                    Err(CallError::Pending { checkpoint, wildcards }) => {
                        // The other functions are asked all the same: what they wait for can be made meanwhile.
                        let job = CheckpointJob::find(&checkpoint, &wildcards, workflow).map_err(call)?;
                        if !waits.contains(&job) {
                            waits.push(job);
                        }
                        continue;
                    }
                    Err(error) => return Err(call(error)),
                };
                let not_a_path = |what| Failure::NotAPath { function: name(), what };
                if let (PathTree::Named(entries), None) = (&tree, &item.name) {
                    // What `unpack` is for: every entry is an item with its own name.
                    for (key, tree) in entries {
                        let start = all.len();
                        add_paths(tree, &wildcards, drafts, &mut all).map_err(not_a_path)?;
                        own.push(Some(key.clone()), matches!(tree, PathTree::Many(_)), &all[start..]);
                    }
                    continue;
                }
                add_paths(&tree, &wildcards, drafts, &mut all).map_err(not_a_path)?;
                own.push(item.name.clone(), matches!(tree, PathTree::Many(_)), &all[start..]);
            }
        }
    }
    for wait in waits.iter() {
        wait.render_output(workflow, &mut drafts.text);
        drafts.end_path();
        let mut flags = Flags::default();
        flags.maker = Some(workflow.rules[wait.rule as usize].name.clone());
        all.push(flags);
        own.push(None, false, &all[all.len() - 1..]);
    }
    debug_assert_eq!(drafts.pieces.len() - first, all.len());
    drafts
        .pins
        .extend(all.iter().zip(0..).filter_map(|(flags, i)| maker(flags, workflow).map(|rule| (i, rule))));
    *layout = Some(own.finish());
    Ok(())
}

/// Adds the path or the (nested) list of paths that an input function returned; what it is instead, as an error.
/// Wildcards of the job that stand in them are replaced, as in any other input; other braces are literal.
fn add_paths(
    tree: &PathTree,
    wildcards: &Wildcards,
    drafts: &mut Drafts,
    flags: &mut Vec<Flags>,
) -> Result<(), String> {
    // Lists nest as deep as the workflow likes, so no recursion.
    let mut pending = vec![tree];
    while let Some(tree) = pending.pop() {
        match tree {
            PathTree::One(text, _) if text.is_empty() => return Err("an empty path".into()),
            PathTree::One(text, own) => {
                match bound(text, wildcards) {
                    Some(pattern) => pattern.render(wildcards.values(), &mut drafts.text),
                    None => drafts.text.push_str(text),
                }
                drafts.end_path();
                flags.push(own.clone());
            }
            PathTree::Many(items) => pending.extend(items.iter().rev()),
            PathTree::Named(_) => return Err("a mapping".into()),
            PathTree::NoPath(what) => return Err(what.clone()),
        }
    }
    Ok(())
}

fn bound(text: &str, wildcards: &Wildcards) -> Option<Pattern> {
    let pattern = text.contains('{').then(|| Pattern::parse(text).ok())??;
    pattern.bind(wildcards.names()).ok()
}
