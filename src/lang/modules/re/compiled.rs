//! A compiled pattern: where it matches, and a store of those that were used before.

use super::translate::{Translated, translate};
use crate::lang::raise::{Exc, Raise};
use crate::lang::vm::Vm;
use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes that a compiled pattern may take; what is larger would be slow, too.
const SIZE_LIMIT: usize = 2 << 20;
/// Patterns that are kept.
const MAX_KEPT: usize = 512;

/// How much of the text must match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    /// `search`
    None,
    /// `match`
    Start,
    /// `fullmatch`
    Both,
}

pub(super) struct Compiled {
    pub(super) pattern: Arc<str>,
    pub(super) flags: i64,
    translated: Translated,
    search: Regex,
    start: OnceLock<Option<Regex>>,
    both: OnceLock<Option<Regex>>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.pattern)
    }
}

/// Byte ranges of the groups, the whole match first.
pub(super) type Spans = Vec<Option<(usize, usize)>>;

fn build(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).size_limit(SIZE_LIMIT).build()
}

impl Compiled {
    fn new(pattern: &Arc<str>, flags: i64) -> Result<Compiled, Raise> {
        let translated = translate(pattern, flags)?;
        let search = build(&translated.source).map_err(|error| {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or("").trim_start_matches("error: ").to_string();
            Raise::new(Exc::RegexError, format!("the regular expression `{pattern}` cannot be used: {last}"))
        })?;
        let flags = translated.flags;
        Ok(Compiled {
            pattern: pattern.clone(),
            flags,
            translated,
            search,
            start: OnceLock::new(),
            both: OnceLock::new(),
        })
    }

    /// Number of groups, without the whole match.
    pub(super) fn groups(&self) -> usize {
        self.translated.groups.len() - 1
    }

    pub(super) fn names(&self) -> &[(Arc<str>, usize)] {
        &self.translated.names
    }

    /// Where it matches from `at` on.
    pub(super) fn find(&self, text: &str, at: usize, anchor: Anchor) -> Option<Spans> {
        let anchored = |place: &OnceLock<Option<Regex>>, end: &str| {
            let source = || build(&format!("\\A(?:{}){end}", self.translated.source)).ok();
            let regex = place.get_or_init(source).as_ref()?;
            let captures = regex.captures(text.get(at..)?)?;
            Some(self.spans(&captures, at))
        };
        match anchor {
            Anchor::None => self.search.captures_at(text, at).map(|captures| self.spans(&captures, 0)),
            Anchor::Start => anchored(&self.start, ""),
            Anchor::Both => anchored(&self.both, "\\z"),
        }
    }

    /// Whether it matches anywhere, without looking where.
    fn spans(&self, captures: &regex::Captures<'_>, offset: usize) -> Spans {
        let span = |group: usize| captures.get(group).map(|m| (m.start() + offset, m.end() + offset));
        // `$` has looked past a line end at the end of the text, which is no part of the match.
        let end =
            self.translated.line_ends.iter().filter_map(|group| span(*group)).map(|(start, _)| start).min();
        let cut = |(from, to): (usize, usize)| match end {
            Some(end) => (from.min(end), to.min(end)),
            None => (from, to),
        };
        self.translated.groups.iter().map(|group| span(*group).map(cut)).collect()
    }

    /// All matches in order, as Python takes them: an empty one may follow another, but not another empty one.
    pub(super) fn each(
        &self,
        vm: &mut Vm,
        text: &str,
        mut found: impl FnMut(&mut Vm, Spans) -> Result<bool, Raise>,
    ) -> Result<(), Raise> {
        let mut at = 0;
        let mut after_empty = false;
        while at <= text.len() {
            // A match may have looked at all that follows.
            vm.budget.spend(1 + (text.len() - at) as u64 / 512)?;
            let Some(spans) = self.find(text, at, Anchor::None) else { break };
            let Some((start, end)) = spans.first().copied().flatten() else { break };
            if start == end && start == at && after_empty {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                after_empty = false;
                continue;
            }
            vm.budget.allocate(16 * spans.len() as u64)?;
            if !found(vm, spans)? {
                break;
            }
            after_empty = start == end;
            at = end;
        }
        Ok(())
    }
}

/// Patterns that were used before, by text and flags. Compiling one costs as much as using it a thousand times.
#[derive(Default)]
pub(crate) struct RegexStore(Mutex<Kept>);

type Kept = FxHashMap<(Arc<str>, i64), Arc<Compiled>>;

impl RegexStore {
    pub(super) fn get(&self, pattern: &Arc<str>, flags: i64) -> Result<Arc<Compiled>, Raise> {
        let key = (pattern.clone(), flags);
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let compiled = Arc::new(Compiled::new(pattern, flags)?);
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, compiled.clone());
        Ok(compiled)
    }
}
