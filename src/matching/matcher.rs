//! One pattern against one path.
//!
//! Knows nothing of rules or files. The result is that of Snakemake's regex, in which a wildcard is `.+`
//! (greedy, `/` included, never empty), its constraint replaces the `.+`, and a second occurrence of a name
//! repeats the value. Three ways lead there: a scan from the right where nothing is constrained, one regex
//! where nothing repeats, and own backtracking (over `ends`) for repeats, which the regex crate cannot express.
//! Invariant: a wildcard never covers a part of the path that leads out of the root or into `.rulemake/`.

use crate::matching::ends::{Ends, Walk};
use crate::model::pattern::{Pattern, Segment};
use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Bound on the compiled size of a regex, in bytes.
const REGEX_SIZE: usize = 4 << 20;

/// Directory of rulemake's own state, which no wildcard reaches into.
const STATE_DIRECTORY: &str = ".rulemake";

/// A constraint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConstraintError {
    /// Name of the wildcard.
    pub(crate) name: Arc<str>,
    pub(crate) constraint: Arc<str>,
    pub(crate) message: String,
}

impl fmt::Display for ConstraintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the constraint `{}` of wildcard `{}` cannot be used: {}",
            self.constraint, self.name, self.message
        )
    }
}

/// Values of the wildcards as byte ranges of the matched path, and the working memory of matching.
#[derive(Default, Debug)]
pub(crate) struct Values {
    ranges: Vec<(u32, u32)>,
    memo: Vec<u32>,
    frames: Vec<Frame>,
    /// The ends still to be tried of all frames, most preferred first.
    ends: Vec<usize>,
    walk: Walk,
}

impl Values {
    /// Ranges in the order of the pattern's names.
    pub(crate) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// The value of wildcard `index` in the path that was matched.
    pub(crate) fn get<'p>(&self, index: usize, path: &'p str) -> &'p str {
        let (start, end) = self.ranges[index];
        &path[start as usize..end as usize]
    }

    fn reset(&mut self, names: usize) {
        self.ranges.clear();
        self.ranges.resize(names, (0, 0));
    }

    fn set(&mut self, name: u16, start: usize, end: usize) {
        self.ranges[name as usize] = (start as u32, end as u32);
    }
}

/// Why a pattern does not match a path, as far as people want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NearMiss {
    /// It does match.
    Matches,
    /// Another shape altogether.
    Far,
    /// It would match without its constraints: name, constraint, and the value that was refused. Empty when
    /// the constraints hold one by one and fail only together.
    Refused(Vec<(Arc<str>, Arc<str>, String)>),
    /// It would match with a value that leaves the root or reaches into `.rulemake/`.
    Forbidden,
}

/// Constraints compiled so far: many rules share a few.
#[derive(Default, Debug)]
pub(crate) struct ConstraintCache(FxHashMap<Arc<str>, Constraint>);

/// What a value must be.
#[derive(Clone, Debug)]
struct Constraint {
    text: Arc<str>,
    /// For a whole value.
    regex: Regex,
    ends: Ends,
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// `literals[0] hole[0] literals[1] hole[1] … literals[n]`; empty text where two holes touch.
    literals: Box<[Arc<str>]>,
    holes: Box<[Hole]>,
    names: Arc<[Arc<str>]>,
    way: Way,
}

#[derive(Debug)]
struct Hole {
    name: u16,
    constraint: Option<Constraint>,
    /// The name occurs further left.
    repeats: bool,
    /// The name occurs further right.
    repeated_later: bool,
    /// A name bound further left occurs here or further right: failures from here on hold for its value only.
    depends: bool,
}

#[derive(Debug)]
enum Way {
    /// No constraint, no repeat.
    Scan,
    /// Compiled at first use: most patterns of a big workflow are never tried. `None` inside when the whole is
    /// too big for the regex crate although its parts are not; then backtracking does it.
    Regex(OnceLock<Option<Whole>>),
    Backtrack,
}

#[derive(Debug)]
struct Whole {
    regex: Regex,
    /// Number of the capture group of each hole.
    groups: Box<[usize]>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    start: usize,
    /// Where this frame's ends begin in [`Values::ends`], and the next of them to try.
    ends: usize,
    next: usize,
    /// Identity of the bindings under which this frame was entered.
    bindings: u32,
}

/// Compiles one pattern on its own; see [`compile_with`] for many.
#[cfg(test)]
pub(crate) fn compile(pattern: &Pattern) -> Result<Matcher, ConstraintError> {
    compile_with(pattern, &mut ConstraintCache::default())
}

/// Compiles a pattern; equal constraints are compiled once.
pub(crate) fn compile_with(
    pattern: &Pattern,
    cache: &mut ConstraintCache,
) -> Result<Matcher, ConstraintError> {
    let mut literals: Vec<Arc<str>> = Vec::new();
    let mut holes: Vec<Hole> = Vec::new();
    let mut literal: Option<Arc<str>> = None;
    for segment in &pattern.segments {
        match segment {
            Segment::Literal(text) => {
                literal =
                    Some(literal.map_or_else(|| text.clone(), |before| format!("{before}{text}").into()));
            }
            Segment::Wildcard { name, constraint } => {
                literals.push(literal.take().unwrap_or_else(|| "".into()));
                let repeats = holes.iter().any(|h| h.name == *name);
                let constraint = match constraint {
                    Some(text) if !repeats => Some(compile_constraint(pattern, *name, text, cache)?),
                    _ => None,
                };
                let hole = Hole { name: *name, constraint, repeats, repeated_later: false, depends: false };
                holes.push(hole);
            }
        }
    }
    literals.push(literal.unwrap_or_else(|| "".into()));
    mark_repeats(&mut holes);
    let way = if holes.iter().any(|h| h.repeats) {
        Way::Backtrack
    } else if holes.iter().any(|h| h.constraint.is_some()) {
        Way::Regex(OnceLock::new())
    } else {
        Way::Scan
    };
    Ok(Matcher { literals: literals.into(), holes: holes.into(), names: pattern.names.clone(), way })
}

fn mark_repeats(holes: &mut [Hole]) {
    for i in 0..holes.len() {
        if !holes[i].repeats {
            continue;
        }
        let first = holes.iter().position(|h| h.name == holes[i].name).unwrap_or(i);
        holes[first].repeated_later = true;
        for hole in &mut holes[first + 1..=i] {
            hole.depends = true;
        }
    }
}

fn compile_constraint(
    pattern: &Pattern,
    name: u16,
    text: &Arc<str>,
    cache: &mut ConstraintCache,
) -> Result<Constraint, ConstraintError> {
    if let Some(constraint) = cache.0.get(text) {
        return Ok(constraint.clone());
    }
    let error = |message: String| ConstraintError {
        name: pattern.names[name as usize].clone(),
        constraint: text.clone(),
        message,
    };
    // First as it stands: wrapped, `a)|(b` would pass.
    let regex = build(&format!("(?s){text}"))
        .and_then(|_| build(&format!(r"(?s)\A(?:{text})\z")))
        .map_err(|e| error(constraint_message(&e)))?;
    let ends = Ends::new(text, REGEX_SIZE).ok_or_else(|| error(TOO_BIG.into()))?;
    let constraint = Constraint { text: text.clone(), regex, ends };
    cache.0.insert(text.clone(), constraint.clone());
    Ok(constraint)
}

fn build(regex: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).size_limit(REGEX_SIZE).build()
}

const TOO_BIG: &str = "the regex is too big: use smaller repetition counts";

fn constraint_message(error: &regex::Error) -> String {
    let text = error.to_string();
    if text.contains("look-around") {
        return "look-around (`(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`) is not supported: \
                rewrite it, for example by naming the characters that are allowed (`[^/_]+`)"
            .into();
    }
    if text.contains("backreference") {
        return "back references are not supported in a constraint: \
                use the wildcard twice in the pattern instead"
            .into();
    }
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return TOO_BIG.into();
    }
    // The crate's message shows the wrapped regex over several lines; its last line says what is wrong.
    let last = text.lines().last().unwrap_or("it cannot be parsed");
    last.trim().trim_start_matches("error: ").to_string()
}

impl Matcher {
    /// Literal text that every match starts with.
    pub(crate) fn prefix(&self) -> &str {
        &self.literals[0]
    }

    /// Literal text that every match ends with.
    pub(crate) fn suffix(&self) -> &str {
        &self.literals[self.literals.len() - 1]
    }

    /// Whether `path` (normalised) matches; then `out` holds the values, else its content is undefined.
    /// Allocates nothing when it does not match, once `out` has warmed up.
    pub(crate) fn matches(&self, path: &str, out: &mut Values) -> bool {
        if self.holes.is_empty() {
            out.reset(self.names.len());
            return path == &*self.literals[0];
        }
        self.fits_around(path) && !self.is_forbidden(path) && self.fill(path, out) && !climbs(path, out)
    }

    /// Prefix and suffix are there and do not overlap.
    fn fits_around(&self, path: &str) -> bool {
        path.len() >= self.prefix().len() + self.suffix().len()
            && path.starts_with(self.prefix())
            && path.ends_with(self.suffix())
    }

    /// Whether the first wildcard would cover what leads out of the root, or the path lies in `.rulemake/`.
    fn is_forbidden(&self, path: &str) -> bool {
        match path.as_bytes().first() {
            Some(b'/') => self.prefix().is_empty(),
            Some(b'.') => is_in_state_directory(path) || self.prefix().len() < climb_length(path),
            _ => false,
        }
    }

    fn fill(&self, path: &str, out: &mut Values) -> bool {
        out.reset(self.names.len());
        match &self.way {
            Way::Scan => self.scan(path, out),
            Way::Regex(whole) => match whole.get_or_init(|| self.compile_whole()) {
                Some(whole) => self.capture(whole, path, out),
                None => self.backtrack(path, out),
            },
            Way::Backtrack => self.backtrack(path, out),
        }
    }

    /// From the right, each literal as far right as it goes. All literals reach their rightmost place at once,
    /// so this is what makes the first wildcard longest, then the second, and so on: the greedy match.
    fn scan(&self, path: &str, out: &mut Values) -> bool {
        let start = self.prefix().len();
        let mut end = path.len() - self.suffix().len();
        for (hole, literal) in self.holes.iter().zip(&self.literals).skip(1).rev() {
            let Some((last, _)) = path[start..end].char_indices().next_back() else { return false };
            let limit = start + last;
            let at = match path[start..limit].rfind(&**literal) {
                Some(offset) => start + offset,
                None => return false,
            };
            out.set(hole.name, at + literal.len(), end);
            end = at;
        }
        out.set(self.holes[0].name, start, end);
        start < end
    }

    fn compile_whole(&self) -> Option<Whole> {
        let mut text = String::from(r"(?s)\A");
        for (i, literal) in self.literals.iter().enumerate() {
            text.push_str(&regex::escape(literal));
            if let Some(hole) = self.holes.get(i) {
                let constraint = hole.constraint.as_ref().map_or(".+", |constraint| &*constraint.text);
                text.push_str(&format!("(?P<rulemake_{i}>(?:{constraint}))"));
            }
        }
        text.push_str(r"\z");
        let regex = build(&text).ok()?;
        // A constraint may have groups of its own, so the numbers are looked up.
        let group = |i| regex.capture_names().position(|n| n == Some(&*format!("rulemake_{i}")));
        let groups = (0..self.holes.len()).map(group).collect::<Option<_>>()?;
        Some(Whole { regex, groups })
    }

    fn capture(&self, whole: &Whole, path: &str, out: &mut Values) -> bool {
        // Captures allocate, a plain test does not.
        if !whole.regex.is_match(path) {
            return false;
        }
        let Some(captures) = whole.regex.captures(path) else { return false };
        for (hole, group) in self.holes.iter().zip(&whole.groups) {
            let Some(found) = captures.get(*group) else { return false };
            out.set(hole.name, found.start(), found.end());
        }
        true
    }

    /// Hole by hole from the left, for each the value that the regex would try first. Failures are remembered by hole
    /// and position, for as long as the values that later holes repeat stay the same.
    fn backtrack(&self, path: &str, out: &mut Values) -> bool {
        let stride = path.len() + 1;
        let mut memo = std::mem::take(&mut out.memo);
        let mut frames = std::mem::take(&mut out.frames);
        memo.clear();
        memo.resize(stride * self.holes.len(), 0);
        frames.clear();
        out.ends.clear();
        frames.push(self.enter(0, self.prefix().len(), 1, path, out));
        let mut last_binding = 1;
        let matched = loop {
            let depth = frames.len().wrapping_sub(1);
            let Some(frame) = frames.last_mut() else { break false };
            let hole = &self.holes[depth];
            let Some(&end) = out.ends.get(frame.next) else {
                memo[depth * stride + frame.start] = if hole.depends { frame.bindings } else { u32::MAX };
                out.ends.truncate(frame.ends);
                frames.pop();
                continue;
            };
            frame.next += 1;
            let (start, mut bindings) = (frame.start, frame.bindings);
            if !hole.repeats {
                out.set(hole.name, start, end);
            }
            if depth + 1 == self.holes.len() {
                break true;
            }
            if hole.repeated_later && !hole.repeats {
                last_binding += 1;
                bindings = last_binding;
            }
            let start_of_rest = end + self.literals[depth + 1].len();
            let failed = memo[(depth + 1) * stride + start_of_rest];
            let holds = if self.holes[depth + 1].depends { bindings } else { u32::MAX };
            if failed != holds {
                frames.push(self.enter(depth + 1, start_of_rest, bindings, path, out));
            }
        };
        out.memo = memo;
        out.frames = frames;
        matched
    }

    /// A frame for hole `depth` at `start`, with the ends of its value after which its literal stands.
    fn enter(&self, depth: usize, start: usize, bindings: u32, path: &str, out: &mut Values) -> Frame {
        let hole = &self.holes[depth];
        let literal = self.literals[depth + 1].as_bytes();
        let is_last = depth + 1 == self.holes.len();
        let first = out.ends.len();
        // Where a value must end if it is the last, and may end at the latest otherwise.
        let limit = path.len() - self.suffix().len();
        let fits = |end: usize| {
            path.as_bytes()[end..].starts_with(literal) && (!is_last || end + literal.len() == path.len())
        };
        if start > limit {
            return Frame { start, ends: first, next: first, bindings };
        }
        match &hole.constraint {
            _ if hole.repeats => {
                let value = out.get(hole.name as usize, path);
                let end = start + value.len();
                if path.as_bytes()[start..].starts_with(value.as_bytes()) && fits(end) {
                    out.ends.push(end);
                }
            }
            Some(constraint) => {
                constraint.ends.find(path, start, limit, &mut out.walk, &mut out.ends);
                let mut kept = first;
                for index in first..out.ends.len() {
                    if fits(out.ends[index]) {
                        out.ends[kept] = out.ends[index];
                        kept += 1;
                    }
                }
                out.ends.truncate(kept);
            }
            None => {
                let lowest = if is_last { limit.max(start + 1) } else { start + 1 };
                let ends = (lowest..=limit).rev().filter(|end| path.is_char_boundary(*end) && fits(*end));
                out.ends.extend(ends);
            }
        }
        Frame { start, ends: first, next: first, bindings }
    }

    /// Why `path` does not match: for "rules that almost matched".
    pub(crate) fn explain(&self, path: &str) -> NearMiss {
        let mut values = Values::default();
        if self.matches(path, &mut values) {
            return NearMiss::Matches;
        }
        if self.holes.is_empty() || !self.fits_around(path) {
            return NearMiss::Far;
        }
        let free = self.without_constraints();
        if !free.fill(path, &mut values) {
            return NearMiss::Far;
        }
        if self.is_forbidden(path) || climbs(path, &values) {
            return NearMiss::Forbidden;
        }
        let refused = self.holes.iter().filter_map(|hole| {
            let constraint = hole.constraint.as_ref()?;
            let value = values.get(hole.name as usize, path);
            let name = self.names[hole.name as usize].clone();
            (!constraint.regex.is_match(value)).then(|| (name, constraint.text.clone(), value.to_string()))
        });
        NearMiss::Refused(refused.collect())
    }

    fn without_constraints(&self) -> Matcher {
        let free = |h: &Hole| Hole { constraint: None, ..*h };
        let way = if self.holes.iter().any(|h| h.repeats) { Way::Backtrack } else { Way::Scan };
        Matcher {
            literals: self.literals.clone(),
            holes: self.holes.iter().map(free).collect(),
            names: self.names.clone(),
            way,
        }
    }
}

fn is_in_state_directory(path: &str) -> bool {
    path.strip_prefix(STATE_DIRECTORY).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Length of the leading `../../` of a normalised path.
fn climb_length(path: &str) -> usize {
    let mut length = 0;
    while path[length..].starts_with("../") {
        length += 3;
    }
    if &path[length..] == ".." { length + 2 } else { length }
}

/// Whether a value has a component `..`: put into an input it would climb.
fn climbs(path: &str, values: &Values) -> bool {
    path.contains("..")
        && (0..values.ranges.len()).any(|i| values.get(i, path).split('/').any(|part| part == ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher(pattern: &str) -> Matcher {
        compile(&Pattern::parse(pattern).unwrap()).unwrap()
    }

    fn values(pattern: &str, path: &str) -> Option<Vec<String>> {
        let m = matcher(pattern);
        let mut out = Values::default();
        m.matches(path, &mut out)
            .then(|| (0..out.ranges().len()).map(|i| out.get(i, path).to_string()).collect())
    }

    fn some(values: &[&str]) -> Option<Vec<String>> {
        Some(values.iter().map(|v| v.to_string()).collect())
    }

    #[test]
    fn wildcards_are_greedy_match_slashes_and_are_never_empty() {
        assert_eq!(values("a/{x}_{y}.txt", "a/1_2_3.txt"), some(&["1_2", "3"]));
        assert_eq!(values("a/{x}.txt", "a/b/c.txt"), some(&["b/c"]));
        assert_eq!(values("a/{x}.txt", "a/.txt"), None);
        assert_eq!(values("{x}{y}", "abc"), some(&["ab", "c"]));
        assert_eq!(values("{x}{y}", "aé"), some(&["a", "é"]));
        assert_eq!(values("{x}{y}", "é"), None);
    }

    #[test]
    fn the_whole_path_is_anchored() {
        assert_eq!(values("a/{x,[0-9]+}.txt", "b/a/1.txt"), None);
        assert_eq!(values("a/{x,[0-9]+}.txt", "a/1.txt.gz"), None);
        assert_eq!(values("a/{x}.txt", "b/a/1.txt"), None);
        assert_eq!(values("ab{x}ba", "aba"), None);
    }

    #[test]
    fn a_constraint_narrows_and_may_have_groups_alternatives_and_emptiness() {
        assert_eq!(values(r"{x,\d+}_{y}.txt", "1_2_3.txt"), some(&["1", "2_3"]));
        assert_eq!(values("{x,(a|b)(c)?}-{y,d|e}", "ac-e"), some(&["ac", "e"]));
        assert_eq!(values("a{x,.*}.txt", "a.txt"), some(&[""]));
        assert_eq!(values(r"{x,\w+}/{x}{y,.*}", "ab/ab"), some(&["ab", ""]));
        assert_eq!(values("a/{x,[^/]+}.txt", "a/b/c.txt"), None);
    }

    #[test]
    fn a_repeated_wildcard_repeats_its_value() {
        assert_eq!(values("{x}/{x}.txt", "a/a.txt"), some(&["a"]));
        assert_eq!(values("{x}/{x}.txt", "a/b.txt"), None);
        assert_eq!(values("{x}/{x}.txt", "a/b/a/b.txt"), some(&["a/b"]));
        assert_eq!(values("{x}{x}{y}", "ababab"), some(&["ab", "ab"]));
        assert_eq!(values("{x}{x}{y}", "aaaaa"), some(&["aa", "a"]));
        assert_eq!(values("{x,a}{x}{y}", "aaaaa"), some(&["a", "aaa"]));
    }

    /// The order of alternatives and the laziness of a constraint count, repeated or not: Python's `re` says the same.
    #[test]
    fn of_several_values_the_one_that_the_regex_prefers_is_taken() {
        assert_eq!(values("{x,a|ab}{y}", "abab"), some(&["a", "bab"]));
        assert_eq!(values("{x,a|ab}{y}/{y}", "abab/bab"), some(&["a", "bab"]));
        assert_eq!(values("{x,ab|a}{y}/{x}", "abab/ab"), some(&["ab", "ab"]));
        assert_eq!(values("{x,a|ab}{y}/{x}", "abab/ab"), some(&["ab", "ab"]));
        assert_eq!(values("{x,.+?}{y}/{x}{z}", "aab/aab"), some(&["a", "ab", "ab"]));
        assert_eq!(values("{x,.+}{y}/{x}{z}", "aab/aab"), some(&["aa", "b", "b"]));
    }

    #[test]
    fn a_wildcard_does_not_leave_the_root_or_reach_into_the_state_directory() {
        assert_eq!(values("{x}.txt", "/etc/a.txt"), None);
        assert_eq!(values("{x}.txt", "../a.txt"), None);
        assert_eq!(values("../{x}.txt", "../../a.txt"), None);
        assert_eq!(values("a{x}", "a../b"), None);
        assert_eq!(values(".{x}", "../b"), None);
        assert_eq!(values("{x}", ".rulemake/runs/1"), None);
        assert_eq!(values(".rulemake/{x}", ".rulemake/log"), None);
        assert_eq!(values("../{x}.txt", "../a.txt"), some(&["a"]));
        assert_eq!(values("/data/{x}.txt", "/data/a.txt"), some(&["a"]));
        assert_eq!(values("{x}", ".rulemaker"), some(&[".rulemaker"]));
        assert_eq!(values("{x}", "a..b"), some(&["a..b"]));
    }

    #[test]
    fn an_unusable_constraint_says_what_to_do() {
        let error = |pattern: &str| compile(&Pattern::parse(pattern).unwrap()).unwrap_err();
        let e = error("{x,(?!tmp).+}.txt");
        assert_eq!((&*e.name, &*e.constraint), ("x", "(?!tmp).+"));
        assert!(e.message.contains("look-around") && e.message.contains("rewrite"), "{}", e.message);
        assert!(error(r"{x,(a)\1}").message.contains("back references"));
        assert_eq!(error("{x,a)|(b}").message, "unopened group");
        assert_eq!(error("{x,[a}").message, "unclosed character class");
        assert!(error("{x,(a{999}){999}}").message.contains("too big"));
    }

    #[test]
    fn a_near_miss_names_the_constraint_and_the_value() {
        let miss = matcher(r"out/{s,\d+}_{t}.txt").explain("out/a_b.txt");
        assert_eq!(miss, NearMiss::Refused(vec![("s".into(), r"\d+".into(), "a".into())]));
        assert_eq!(matcher(r"out/{s,\d+}.txt").explain("in/a.txt"), NearMiss::Far);
        assert_eq!(matcher(r"{s}.txt").explain("../a.txt"), NearMiss::Forbidden);
        assert_eq!(matcher(r"{s}.txt").explain("a.txt"), NearMiss::Matches);
    }

    #[test]
    fn many_repeats_on_a_long_path_stay_polynomial() {
        let path = "a".repeat(400);
        assert_eq!(values("{x}b{x}{y}{z}{w}", &path), None);
        assert_eq!(values("{x}{y}{z}{w}{x}b", &path), None);
        assert_eq!(values("{x,a+}{y,a+}{z,a+}{x}", &path).map(|v| v[0].len()), Some(199));
    }

    /// Backtracking as it stands in the book: the oracle.
    fn oracle(segments: &[Segment], path: &str, bound: &mut Vec<Option<String>>) -> bool {
        let Some((segment, rest)) = segments.split_first() else { return path.is_empty() };
        match segment {
            Segment::Literal(text) => path.strip_prefix(&**text).is_some_and(|p| oracle(rest, p, bound)),
            Segment::Wildcard { name, constraint } => {
                if let Some(value) = bound[*name as usize].clone() {
                    return path.strip_prefix(&*value).is_some_and(|p| oracle(rest, p, bound));
                }
                let regex = Regex::new(&format!("^(?s:{})$", constraint.as_deref().unwrap_or(".+"))).unwrap();
                for end in (0..=path.len()).rev().filter(|e| path.is_char_boundary(*e)) {
                    if regex.is_match(&path[..end]) {
                        bound[*name as usize] = Some(path[..end].to_string());
                        if oracle(rest, &path[end..], bound) {
                            return true;
                        }
                        bound[*name as usize] = None;
                    }
                }
                false
            }
        }
    }

    fn pattern_text() -> impl Strategy<Value = String> {
        let hole = prop_oneof![
            Just("{x}".to_string()),
            Just("{y}".to_string()),
            Just("{z}".to_string()),
            Just("{x,[ab]+}".to_string()),
            Just("{y,a.*}".to_string()),
            Just("{z,(a|b)*}".to_string()),
        ];
        let literal = prop::sample::select(vec!["a", "b", "ab", "_", "é"]).prop_map(str::to_string);
        prop::collection::vec(prop_oneof![hole, literal], 1..7).prop_map(|v| v.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn matching_equals_the_backtracking_oracle(text in pattern_text(), path in "[ab_é]{1,9}") {
            let pattern = Pattern::parse_text(&text).unwrap();
            let m = compile(&pattern).unwrap();
            let mut bound = vec![None; pattern.names.len()];
            let expected = oracle(&pattern.segments, &path, &mut bound);
            let mut out = Values::default();
            prop_assert_eq!(m.matches(&path, &mut out), expected);
            if expected {
                for (i, value) in bound.iter().enumerate() {
                    prop_assert_eq!(Some(out.get(i, &path)), value.as_deref());
                }
            }
        }

        #[test]
        fn without_repeats_the_result_is_that_of_the_greedy_regex(
            parts in prop::collection::vec("[ab_é]{0,2}", 1..5), path in "[ab_é]{1,12}"
        ) {
            let last = parts.len() - 1;
            let text: String =
                parts.iter().enumerate().map(|(i, p)| if i < last { format!("{p}{{w{i}}}") } else { p.clone() }).collect();
            prop_assume!(!text.is_empty());
            let regex: String =
                parts.iter().enumerate().map(|(i, p)| if i < last { format!("{p}(.+)") } else { p.clone() }).collect();
            let regex = Regex::new(&format!("(?s)^{regex}$")).unwrap();
            let m = compile(&Pattern::parse_text(&text).unwrap()).unwrap();
            let mut out = Values::default();
            let found = regex.captures(&path);
            prop_assert_eq!(m.matches(&path, &mut out), found.is_some());
            if let Some(found) = found {
                for i in 0..last {
                    prop_assert_eq!(out.get(i, &path), &found[i + 1]);
                }
            }
        }
    }
}
