//! Path patterns: text with `{name}` and `{name,constraint}` holes.
//!
//! Grammar of a hole, as in Snakemake: `{ name (, regex)? }` with blanks around the name, the regex may nest
//! one level of braces (`{3,5}`); `{{` and `}}` are not escapes in patterns.

use crate::base::path::normalise;
use std::sync::Arc;

/// A parsed pattern. Literals are normalised as paths; wildcards are numbered by the owner's name list.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: Arc<str>,
    pub(crate) segments: Box<[Segment]>,
    /// Wildcard names; [`Segment::Wildcard`] indexes it. After [`Pattern::bind`] it is the rule's list.
    pub(crate) names: Arc<[Arc<str>]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(Arc<str>),
    Wildcard {
        name: u16,
        /// The regex as written inline, or the rule's or the workflow's, in this precedence. Only the first
        /// occurrence of a name carries it: later ones repeat the value.
        constraint: Option<Arc<str>>,
    },
}

/// Why a pattern cannot be parsed; `at` is a byte offset into its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Pattern {
    /// Parses a path pattern: like [`Pattern::parse_text`], and normalises it as a path.
    pub(crate) fn parse(text: &str) -> Result<Pattern, PatternError> {
        // A merge of a hundred thousand files names them one by one.
        if first_brace(text).is_none() {
            return Ok(Pattern::literal(&normalise(text)));
        }
        // A hole cannot be split by normalisation unless its constraint holds a slash; then it stays as it is.
        let constraint_has_slash = holes(text)?.iter().any(|h| h.constraint.is_some_and(|c| c.contains('/')));
        if constraint_has_slash {
            return Pattern::parse_text(text);
        }
        Pattern::parse_text(&normalise(text))
    }

    /// Parses text with holes that is not a path (a string param), byte for byte.
    pub(crate) fn parse_text(text: &str) -> Result<Pattern, PatternError> {
        Ok(Pattern::of_holes(text, holes(text)?))
    }

    fn literal(text: &str) -> Pattern {
        let text: Arc<str> = text.into();
        let segments = [Segment::Literal(text.clone())];
        let segments = if text.is_empty() { Box::default() } else { segments.into() };
        Pattern { text, segments, names: Arc::default() }
    }

    fn of_holes(text: &str, holes: Vec<Hole<'_>>) -> Pattern {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut segments = Vec::new();
        let mut end = 0;
        for hole in holes {
            if hole.start > end {
                segments.push(Segment::Literal(text[end..hole.start].into()));
            }
            end = hole.end;
            let known = names.iter().position(|n| **n == *hole.name);
            let name = known.unwrap_or_else(|| {
                names.push(hole.name.into());
                names.len() - 1
            });
            let constraint = if known.is_some() { None } else { hole.constraint.map(Arc::from) };
            segments.push(Segment::Wildcard { name: name as u16, constraint });
        }
        if end < text.len() {
            segments.push(Segment::Literal(text[end..].into()));
        }
        Pattern { text: text.into(), segments: segments.into(), names: names.into() }
    }

    /// Parses text in which wildcards are to be replaced wherever they stand, also inside of doubled braces; what is no
    /// wildcard stands for itself.
    pub(crate) fn find_in(text: &str) -> Pattern {
        let bytes = text.as_bytes();
        let starts = text.match_indices('{').map(|(start, _)| start);
        let mut found: Vec<Hole<'_>> = Vec::new();
        for start in starts {
            let before = found.last().map_or(0, |hole| hole.end);
            let Some(end) = closing_brace(bytes, start).filter(|_| start >= before) else { continue };
            found.extend(hole(text, start, end).ok());
        }
        Pattern::of_holes(text, found)
    }

    /// The text without constraints: `{x,[0-9]+}` is `{x}`.
    pub(crate) fn bare_text(&self) -> String {
        let mut text = String::new();
        let names: Vec<Arc<str>> = self.names.iter().map(|name| format!("{{{name}}}").into()).collect();
        self.render(&names, &mut text);
        text
    }

    /// The pattern with its wildcards numbered as in `names`; the name that is missing there, as an error.
    pub(crate) fn bind(&self, names: &Arc<[Arc<str>]>) -> Result<Pattern, Arc<str>> {
        let mut segments = self.segments.clone();
        for segment in &mut segments {
            if let Segment::Wildcard { name, .. } = segment {
                let wanted = &self.names[*name as usize];
                let index = names.iter().position(|n| n == wanted).ok_or_else(|| wanted.clone())?;
                *name = index as u16;
            }
        }
        Ok(Pattern { text: self.text.clone(), segments, names: names.clone() })
    }

    /// Writes the pattern with `values` (by number) in its holes.
    pub(crate) fn render(&self, values: &[Arc<str>], out: &mut String) {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Wildcard { name, .. } => out.push_str(&values[*name as usize]),
            }
        }
    }
}

/// Whether a constraint can be used: a regular expression of the `regex` crate.
///
/// # Errors
/// A sentence for the author.
pub(crate) fn check_constraint(regex: &str) -> Result<(), String> {
    let look_around = ["(?=", "(?!", "(?<=", "(?<!"].iter().find(|l| regex.contains(**l));
    let build = |text: &str| regex::RegexBuilder::new(text).size_limit(1 << 20).build();
    // First as it stands: between brackets, `a)|(b` would pass.
    match build(regex).and_then(|_| build(&format!("^(?:{regex})$"))) {
        Ok(_) => Ok(()),
        Err(_) if look_around.is_some() => Err(format!(
            "look-around (`{}`) is not supported in `{regex}`: list what may stand there instead",
            look_around.unwrap_or(&"")
        )),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!("`{regex}` is too large")),
        Err(error) => {
            // The last line of the message is the reason, those before draw the expression.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ").to_string();
            Err(format!("`{regex}` is not a regular expression: {reason}"))
        }
    }
}

struct Hole<'a> {
    start: usize,
    end: usize,
    name: &'a str,
    constraint: Option<&'a str>,
}

/// Looks at bytes: this runs for every path that a Rulefile names.
fn first_brace(text: &str) -> Option<usize> {
    text.bytes().position(|b| matches!(b, b'{' | b'}'))
}

fn holes(text: &str) -> Result<Vec<Hole<'_>>, PatternError> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = first_brace(&text[at..]) {
        let start = at + offset;
        if bytes[start] == b'}' {
            return Err(PatternError { at: start, message: "`}` without `{`".into() });
        }
        let end = closing_brace(bytes, start)
            .ok_or_else(|| PatternError { at: start, message: "this `{` is never closed".into() })?;
        found.push(hole(text, start, end)?);
        at = end;
    }
    Ok(found)
}

/// The offset after the brace that closes the one at `start`.
fn closing_brace(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, b) in bytes.iter().enumerate().skip(start) {
        match b {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(i + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn hole(text: &str, start: usize, end: usize) -> Result<Hole<'_>, PatternError> {
    let body = &text[start + 1..end - 1];
    let (name, constraint) = match body.split_once(',') {
        Some((name, constraint)) => (name.trim(), Some(constraint.trim())),
        None => (body.trim(), None),
    };
    let valid = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if !valid {
        let message = if name.is_empty() {
            "`{}` has no wildcard name".to_string()
        } else {
            format!("`{name}` is not a wildcard name (letters, digits, `_` and `.`)")
        };
        return Err(PatternError { at: start, message });
    }
    Ok(Hole { start, end, name, constraint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(p: &Pattern) -> Vec<&str> {
        p.names.iter().map(|n| &**n).collect()
    }

    #[test]
    fn holes_constraints_and_repeats() {
        let p = Pattern::parse(r"a/{x,\d{3,5}}_{ y }/{x}.txt").unwrap();
        assert_eq!(names(&p), ["x", "y"]);
        assert!(
            matches!(&p.segments[1], Segment::Wildcard { name: 0, constraint: Some(c) } if &**c == r"\d{3,5}")
        );
        assert!(matches!(&p.segments[5], Segment::Wildcard { name: 0, constraint: None }));
    }

    #[test]
    fn patterns_are_normalised_as_paths() {
        assert_eq!(&*Pattern::parse("./a//{x}.csv").unwrap().text, "a/{x}.csv");
        assert_eq!(&*Pattern::parse("a/{x,[^/]+}/b").unwrap().text, "a/{x,[^/]+}/b");
    }

    #[test]
    fn wildcards_are_found_in_any_text() {
        let found = |text: &str| {
            let pattern = Pattern::find_in(text);
            let mut out = String::new();
            pattern.render(&vec!["V".into(); pattern.names.len()], &mut out);
            out
        };
        assert_eq!(found("{n}/{{n}}"), "V/{V}");
        assert_eq!(found("{{ print $1 }} {x,[0-9]{2}} {"), "{{ print $1 }} V {");
        assert_eq!(found("{{a}} {b c} {}"), "{V} {b c} {}");
    }

    #[test]
    fn mistakes_have_their_place() {
        assert_eq!(Pattern::parse("a/{x").unwrap_err().at, 2);
        assert_eq!(Pattern::parse("a}").unwrap_err().at, 1);
        assert!(Pattern::parse("{}").is_err() && Pattern::parse("{a b}").is_err());
    }

    #[test]
    fn renders_by_the_numbers_it_was_bound_to() {
        let names: Arc<[Arc<str>]> = ["y".into(), "x".into()].into();
        let p = Pattern::parse("{x}/{y}").unwrap().bind(&names).unwrap();
        let mut out = String::new();
        p.render(&["1".into(), "2".into()], &mut out);
        assert_eq!(out, "2/1");
        assert_eq!(&*Pattern::parse("{z}").unwrap().bind(&names).unwrap_err(), "z");
    }
}
