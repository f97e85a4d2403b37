//! All patterns of what the rules of a workflow make: which of them match a path, and which name a directory above it.
//!
//! Knows patterns by rule number and nothing else of rules. Concrete patterns stand in a hash map; the others
//! are found by the literal text they start with, then by the literal text they end with, so that only
//! patterns with both are tried.

use crate::matching::matcher::{ConstraintCache, ConstraintError, Matcher, NearMiss, Values, compile_with};
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::Rule;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::sync::Arc;

/// Finds the rules that make a path.
#[derive(Debug, Default)]
pub(crate) struct PatternIndex {
    concrete: FxHashMap<Arc<str>, Vec<(u32, u16)>>,
    entries: Vec<Entry>,
    by_prefix: AffixTable<AffixTable<Vec<u32>>>,
    /// Only the patterns of directories, if there are any.
    directories: Option<Box<PatternIndex>>,
}

#[derive(Debug)]
struct Entry {
    rule: u32,
    output: u16,
    matcher: Matcher,
}

/// A rule that makes the path, with the number of the pattern that matched and the ranges of the path that are its
/// wildcards' values (in the order of the pattern's names; empty for a concrete pattern).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) rule: u32,
    pub(crate) output: u16,
    pub(crate) values: &'a [(u32, u32)],
}

/// Working memory of [`PatternIndex::candidates`], to be kept between calls.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Values,
    ranges: Vec<(u32, u32)>,
    hits: Vec<Hit>,
}

#[derive(Clone, Copy, Debug)]
struct Hit {
    rule: u32,
    output: u16,
    first: u32,
    len: u32,
}

impl PatternIndex {
    /// The index of all that the rules make.
    pub(crate) fn of(rules: &[Arc<Rule>]) -> Result<PatternIndex, ConstraintError> {
        let numbered = || (0..).zip(rules);
        let products =
            numbered().flat_map(|(rule, r)| r.products().map(move |(number, p)| (rule, number, p)));
        let directories =
            numbered().flat_map(|(rule, r)| r.directories().map(move |(number, p)| (rule, number, p)));
        PatternIndex::new(products)?.with_directories(directories)
    }

    /// Builds the index; the patterns of a rule must be bound to one list of names.
    pub(crate) fn new<'p>(
        patterns: impl Iterator<Item = (u32, u16, &'p Pattern)>,
    ) -> Result<PatternIndex, ConstraintError> {
        let mut index = PatternIndex::default();
        let mut cache = ConstraintCache::default();
        for (rule, output, pattern) in patterns {
            if pattern.segments.iter().all(|s| matches!(s, Segment::Literal(_))) {
                index.concrete.entry(pattern.text.clone()).or_default().push((rule, output));
            } else {
                index.entries.push(Entry { rule, output, matcher: compile_with(pattern, &mut cache)? });
            }
        }
        index.by_prefix = index.tables();
        Ok(index)
    }

    /// Adds patterns of directories: what is in them is found by [`PatternIndex::above`].
    pub(crate) fn with_directories<'p>(
        mut self,
        patterns: impl Iterator<Item = (u32, u16, &'p Pattern)>,
    ) -> Result<PatternIndex, ConstraintError> {
        let mut patterns = patterns.peekable();
        if patterns.peek().is_some() {
            self.directories = Some(Box::new(PatternIndex::new(patterns)?));
        }
        Ok(self)
    }

    fn tables(&self) -> AffixTable<AffixTable<Vec<u32>>> {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        let key = |i: u32| {
            let matcher = &self.entries[i as usize].matcher;
            (matcher.prefix().as_bytes(), reversed(matcher.suffix()))
        };
        order.sort_by_cached_key(|&i| {
            let (prefix, suffix) = key(i);
            (prefix.to_vec(), suffix, i)
        });
        let mut table: AffixTable<AffixTable<Vec<u32>>> = AffixTable::default();
        for i in order {
            let (prefix, suffix) = key(i);
            table.entry(prefix).entry(&suffix).push(i);
        }
        table
    }

    /// Calls `visit` for every rule that makes `path` (normalised), in order of the rules. Where several
    /// outputs of a rule match, it is the one with the shortest values, as in Snakemake.
    pub(crate) fn candidates(&self, path: &str, scratch: &mut Scratch, mut visit: impl FnMut(Candidate<'_>)) {
        let Scratch { values, ranges, hits } = scratch;
        ranges.clear();
        hits.clear();
        for &(rule, output) in self.concrete.get(path).into_iter().flatten() {
            hits.push(Hit { rule, output, first: 0, len: 0 });
        }
        let bytes = path.as_bytes();
        self.by_prefix.visit(
            |key| key.cmp(bytes),
            |key| bytes.starts_with(key),
            |by_suffix| {
                let compare = |key: &[u8]| key.iter().cmp(bytes.iter().rev());
                let fits = |key: &[u8]| {
                    key.len() <= bytes.len() && key.iter().eq(bytes.iter().rev().take(key.len()))
                };
                by_suffix.visit(compare, fits, |entries| {
                    for &entry in entries {
                        let entry = &self.entries[entry as usize];
                        if entry.matcher.matches(path, values) {
                            let (first, len) = (ranges.len() as u32, values.ranges().len() as u32);
                            ranges.extend_from_slice(values.ranges());
                            hits.push(Hit { rule: entry.rule, output: entry.output, first, len });
                        }
                    }
                });
            },
        );
        let of = |hit: &Hit| &ranges[hit.first as usize..(hit.first + hit.len) as usize];
        if hits.len() > 1 {
            hits.sort_by_key(|hit| (hit.rule, characters(path, of(hit)), hit.output));
            hits.dedup_by_key(|hit| hit.rule);
        }
        for hit in hits.iter() {
            visit(Candidate { rule: hit.rule, output: hit.output, values: of(hit) });
        }
    }

    /// Whether `path` may lie in a directory that a rule makes.
    pub(crate) fn is_below_any(&self, path: &str) -> bool {
        self.directories.is_some() && path.contains('/')
    }

    /// Calls `visit` for every rule that makes a directory in which `path` lies: the nearest above it, if there are
    /// several.
    pub(crate) fn above(&self, path: &str, scratch: &mut Scratch, mut visit: impl FnMut(Candidate<'_>)) {
        let Some(directories) = &self.directories else { return };
        let mut dir = path;
        while let Some((above, _)) = dir.rsplit_once('/') {
            let mut is_found = false;
            directories.candidates(above, scratch, |candidate| {
                is_found = true;
                visit(candidate);
            });
            if is_found {
                return;
            }
            dir = above;
        }
    }

    /// Rules (with the number of the pattern) that would make `path` but for their constraints. Tries every pattern: for messages.
    pub(crate) fn near_misses<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (u32, u16, NearMiss)> + 'a {
        self.entries.iter().filter_map(move |entry| match entry.matcher.explain(path) {
            NearMiss::Far | NearMiss::Matches => None,
            miss => Some((entry.rule, entry.output, miss)),
        })
    }

    /// The outputs that are one path each, in no order.
    pub(crate) fn concrete_paths(&self) -> impl Iterator<Item = &str> {
        self.concrete.keys().map(|path| &**path)
    }
}

fn characters(path: &str, values: &[(u32, u32)]) -> usize {
    values.iter().map(|&(start, end)| path[start as usize..end as usize].chars().count()).sum()
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

/// Sorted keys, each knowing the longest other key that it starts with. All keys that a text starts with lie
/// on one such chain, and the chain begins at the last key that is not greater than the text.
#[derive(Debug)]
struct AffixTable<T> {
    keys: Vec<Box<[u8]>>,
    parents: Vec<Option<u32>>,
    values: Vec<T>,
}

impl<T> Default for AffixTable<T> {
    fn default() -> AffixTable<T> {
        AffixTable { keys: Vec::new(), parents: Vec::new(), values: Vec::new() }
    }
}

impl<T: Default> AffixTable<T> {
    /// The value of `key`, which must not be less than any key before.
    fn entry(&mut self, key: &[u8]) -> &mut T {
        if self.keys.last().is_none_or(|last| **last != *key) {
            let mut parent = self.keys.len().checked_sub(1).map(|i| i as u32);
            while let Some(i) = parent.filter(|&i| !key.starts_with(&self.keys[i as usize])) {
                parent = self.parents[i as usize];
            }
            self.keys.push(key.into());
            self.parents.push(parent);
            self.values.push(T::default());
        }
        let last = self.values.len() - 1;
        &mut self.values[last]
    }
}

impl<T> AffixTable<T> {
    /// Visits the values of all keys that `fits` accepts; `compare` orders a key against the text.
    fn visit(
        &self,
        compare: impl Fn(&[u8]) -> Ordering,
        fits: impl Fn(&[u8]) -> bool,
        mut visit: impl FnMut(&T),
    ) {
        let after = self.keys.partition_point(|key| compare(key) != Ordering::Greater);
        let mut at = after.checked_sub(1).map(|i| i as u32);
        let mut fitting = false;
        while let Some(i) = at {
            // What a fitting key starts with fits as well.
            fitting = fitting || fits(&self.keys[i as usize]);
            if fitting {
                visit(&self.values[i as usize]);
            }
            at = self.parents[i as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(patterns: &[(u32, u16, Pattern)]) -> PatternIndex {
        PatternIndex::new(patterns.iter().map(|(r, o, p)| (*r, *o, p))).unwrap()
    }

    fn parsed(patterns: &[(u32, u16, &str)]) -> Vec<(u32, u16, Pattern)> {
        patterns.iter().map(|(r, o, p)| (*r, *o, Pattern::parse(p).unwrap())).collect()
    }

    fn found(index: &PatternIndex, path: &str) -> Vec<(u32, u16, Vec<String>)> {
        let mut all = Vec::new();
        index.candidates(path, &mut Scratch::default(), |c| {
            let values = c.values.iter().map(|&(a, b)| path[a as usize..b as usize].to_string()).collect();
            all.push((c.rule, c.output, values));
        });
        all
    }

    #[test]
    fn concrete_and_wildcard_patterns_are_all_found_in_order_of_rules() {
        let patterns =
            parsed(&[(2, 0, "a/{x}.txt"), (0, 0, "a/1.txt"), (1, 1, "{d}/1.txt"), (3, 0, "b/{x}")]);
        let rules: Vec<u32> = found(&index(&patterns), "a/1.txt").into_iter().map(|c| c.0).collect();
        assert_eq!(rules, [0, 1, 2]);
        assert!(found(&index(&patterns), "c/2.txt").is_empty());
    }

    #[test]
    fn of_several_outputs_of_a_rule_the_shortest_values_win() {
        let patterns = parsed(&[(0, 0, "{x}.gz"), (0, 1, "a/{x}.tar.gz"), (0, 2, "a/{x}.gz")]);
        assert_eq!(found(&index(&patterns), "a/b.tar.gz"), [(0, 1, vec!["b".to_string()])]);
    }

    #[test]
    fn the_nearest_directory_above_a_path_is_found_with_its_values() {
        let patterns = parsed(&[(0, 0, "a/{x}"), (1, 0, "a/{x,[^/]+}/deep"), (2, 0, "a/1"), (3, 0, "{x}.d")]);
        let index =
            PatternIndex::default().with_directories(patterns.iter().map(|(r, o, p)| (*r, *o, p))).unwrap();
        let above = |path: &str| {
            let mut found = Vec::new();
            index.above(path, &mut Scratch::default(), |c| {
                let values = c.values.iter().map(|&(a, b)| path[a as usize..b as usize].to_string());
                found.push((c.rule, values.collect::<Vec<_>>()));
            });
            found
        };
        let values = |values: &[&str]| values.iter().map(|v| (*v).to_string()).collect::<Vec<_>>();
        assert_eq!(above("a/s/deep/x/y"), [(0, values(&["s/deep/x"]))], "the longest is the nearest");
        assert_eq!(above("a/s/deep/x"), [(0, values(&["s/deep"])), (1, values(&["s"]))]);
        assert_eq!(above("a/1/x"), [(0, values(&["1"])), (2, values(&[]))]);
        assert_eq!(above("b/c.d/x/y"), [(3, values(&["b/c"]))]);
        assert_eq!(above("a/x"), [], "the path itself is not above it");
        assert_eq!(above("x"), []);
        let none = PatternIndex::default().with_directories(std::iter::empty()).unwrap();
        none.above("a/b", &mut Scratch::default(), |_| panic!("there are no directories"));
    }

    #[test]
    fn near_misses_come_from_constraints() {
        let patterns = parsed(&[(0, 0, r"a/{x,\d+}.txt"), (1, 0, "b/{x}.txt")]);
        let index = index(&patterns);
        let misses: Vec<_> = index.near_misses("a/q.txt").collect();
        assert_eq!(misses.len(), 1);
        assert!(matches!(&misses[0].2, NearMiss::Refused(r) if r[0].2 == "q"));
    }

    #[test]
    fn a_thousand_patterns_and_a_hundred_thousand_paths_find_their_rule() {
        // By prefix, by suffix, and both from one end empty: none may degrade to trying every pattern.
        let texts: Vec<String> = (0..1000)
            .map(|i| if i % 2 == 0 { format!("out{i}/{{x}}.txt") } else { format!("{{x}}.kind{i}") })
            .collect();
        let patterns: Vec<_> =
            texts.iter().enumerate().map(|(i, t)| (i as u32, 0, Pattern::parse(t).unwrap())).collect();
        let index = index(&patterns);
        let mut scratch = Scratch::default();
        for n in 0..100_000u32 {
            let rule = n % 1000;
            let path = if rule % 2 == 0 { format!("out{rule}/{n}.txt") } else { format!("d/{n}.kind{rule}") };
            let mut hits = 0;
            index.candidates(&path, &mut scratch, |c| {
                assert_eq!(c.rule, rule);
                hits += 1;
            });
            assert_eq!(hits, 1, "{path}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_index_finds_what_trying_every_pattern_finds(
            texts in prop::collection::vec("[ab]{0,3}(\\{x\\}[ab]{0,2}(\\{y\\})?|\\{x,a+\\})?[ab]{0,3}", 1..30),
            paths in prop::collection::vec("[ab]{1,8}", 1..20),
        ) {
            let patterns: Vec<(u32, u16, Pattern)> = texts.iter().filter(|t| !t.is_empty()).enumerate()
                .map(|(i, t)| (i as u32, 0, Pattern::parse(t).unwrap())).collect();
            let index = index(&patterns);
            for path in &paths {
                let mut expected = Vec::new();
                for (rule, output, pattern) in &patterns {
                    let mut values = Values::default();
                    let m = crate::matching::matcher::compile(pattern).unwrap();
                    if m.matches(path, &mut values) {
                        let values = (0..pattern.names.len()).map(|i| values.get(i, path).to_string()).collect();
                        expected.push((*rule, *output, values));
                    }
                }
                prop_assert_eq!(found(&index, path), expected);
            }
        }
    }
}
