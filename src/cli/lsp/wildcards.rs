//! The wildcards of a rule: all places that name one, as far as the rule itself says it, and what stands in the way of
//! another name.

use super::cursor::{Cursor, Inside, is_word};
use super::files::beside;
use super::navigate::{View, is_rule};
use super::text::Text;
use rulemake::source::{OutlineItem, OutlineKind};
use std::ops::Range;

/// Sections whose texts are patterns of paths.
const PATTERNS: [&str; 6] = ["input", "output", "log", "benchmark", "params", "conda"];
/// Functions whose patterns have wildcards of their own, unless these are in double braces.
const EXPANDING: [&str; 3] = ["expand", "collect", "multiext"];
/// Sections that name a file of code.
const CODE: [&str; 2] = ["script", "notebook"];

/// A wildcard of the rule that a place is in.
pub(super) struct Wildcard {
    pub(super) name: String,
    /// The word at the place.
    pub(super) range: Range<usize>,
    rule: OutlineItem,
}

/// The wildcard that stands at `offset`.
pub(super) fn at(text: &Text, offset: usize) -> Option<Wildcard> {
    let cursor = Cursor::new(&text.content, offset);
    let (range, name) = cursor.word()?;
    let rule = cursor.rule(text.outline(), None).filter(|rule| rule.range.contains(&range.start))?;
    let is_one =
        rule.wildcards.iter().any(|known| known == name) && names(text, &rule, name).contains(&range);
    is_one.then(|| Wildcard { name: name.to_string(), range, rule })
}

impl Wildcard {
    /// All places of the rule that name it.
    pub(super) fn places(&self, text: &Text) -> Vec<Range<usize>> {
        names(text, &self.rule, &self.name)
    }

    /// Why it cannot have another name here, for people.
    pub(super) fn is_held(&self, view: &View<'_>) -> Option<String> {
        let name = &self.name;
        if !view.text.outline().is_complete {
            return Some("correct the mistakes in this file first: some uses may not be seen".into());
        }
        let own = &view.text.content[self.rule.range.clone()];
        if let Some(why) = self.is_held_by_own(view.text, own) {
            return Some(why);
        }
        if let Some(section) = self.rule.sections.iter().find(|section| CODE.contains(&section.name.as_str()))
        {
            let files =
                view.text.outline().files.iter().filter(|file| self.rule.range.contains(&file.range.start));
            let mut files = files.filter(|file| file.word == section.name);
            let text = files
                .next()
                .zip(view.path)
                .and_then(|(file, path)| view.files.text(&beside(path, &file.path)));
            if text.is_none_or(|text| has_word(&text.content, name)) {
                return Some(format!(
                    "the {} of the rule may name `{name}`: rename it by hand",
                    section.name
                ));
            }
        }
        let mut held = None;
        view.each(|_, text| {
            for item in &text.outline().items {
                let body = text.content.get(item.range.clone()).unwrap_or_default();
                let why = match item.kind {
                    OutlineKind::Function
                        if has_word(own, &item.name)
                            && (body.contains(&format!(".{name}")) || has_quoted(body, name)) =>
                    {
                        format!("the function `{}` names `{name}`, too: rename it by hand", item.name)
                    }
                    OutlineKind::Directive if item.name == "wildcard_constraints" && has_word(body, name) => {
                        format!("`wildcard_constraints:` of all rules names `{name}`: rename it by hand")
                    }
                    _ if is_rule(item) && item.base.as_deref() == Some(&*self.rule.name) => {
                        format!("rule `{}` is made of this one: rename it by hand", item.name)
                    }
                    _ => continue,
                };
                held.get_or_insert(why);
            }
            let expands = |line: &str| {
                EXPANDING.iter().any(|word| line.contains(word))
                    && line.contains(&format!("rules.{}.", self.rule.name))
            };
            if let Some(line) = text.content.lines().find(|line| expands(line) && has_word(line, name)) {
                held.get_or_insert(format!("`{}` names it, too: rename it by hand", line.trim()));
            }
        });
        held
    }

    /// Code of the rule that hands its wildcards on, or may ask for them by name in other ways than those known here.
    fn is_held_by_own(&self, text: &Text, own: &str) -> Option<String> {
        let name = &self.name;
        let places = self.places(text);
        let is_unseen = |word: &Range<usize>| !places.contains(word) && is_quoted(&text.content, word);
        let has_unseen = words(&text.content, &self.rule.range, name).any(|word| is_unseen(&word));
        let owners = owners(own);
        let hands_on = |owner: &String| {
            words(own, &(0..own.len()), owner).any(|word| {
                let (before, after) = (own[..word.start].trim_end(), own[word.end..].trim_start());
                before.ends_with("**")
                    || has_unseen && !before.ends_with("lambda") && !after.starts_with(['.', '['])
            })
        };
        owners.iter().any(hands_on).then(|| format!("code of the rule may name `{name}`: rename it by hand"))
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.rule.wildcards.iter().any(|known| known == name)
    }
}

/// Places in the rule that name its wildcard: `{name}` in patterns, `wildcards.name`, `wildcards["name"]` and
/// `wildcards.get("name")` anywhere, `name=` among constraints.
fn names(text: &Text, rule: &OutlineItem, name: &str) -> Vec<Range<usize>> {
    let content = &*text.content;
    let owners = owners(&content[rule.range.clone()]);
    let words = words(content, &rule.range, name);
    words.filter(|word| is_wildcard(content, rule, &owners, word)).collect()
}

fn is_wildcard(content: &str, rule: &OutlineItem, owners: &[String], word: &Range<usize>) -> bool {
    let before = &content[..word.start];
    let after = &content[word.end..];
    let is_owner = |before: &str| {
        let owner = &before[before.rfind(|c| !is_word(c)).map_or(0, |at| at + 1)..];
        owners.iter().any(|known| known == owner)
    };
    if before.strip_suffix('.').is_some_and(is_owner) {
        return true;
    }
    if is_quoted(content, word) {
        let call = before[..before.len() - 1].trim_end();
        let asked = call.strip_suffix('[').or_else(|| {
            let get = call.strip_suffix('(')?.trim_end().strip_suffix("get")?;
            get.trim_end().strip_suffix('.')
        });
        if asked.is_some_and(|owner| is_owner(owner.trim_end())) {
            return true;
        }
    }
    let cursor = Cursor::new(content, word.start);
    let section = rule.sections.iter().rev().find(|section| section.name_range.start <= word.start);
    let section = section.map_or("", |section| section.name.as_str());
    match cursor.inside {
        Inside::Code => section == "wildcard_constraints" && after.trim_start().starts_with('='),
        Inside::Comment => false,
        Inside::String { start, is_fstring } => {
            // `{wildcards[name]}`, as commands and `format` write it.
            if !is_fstring && after.starts_with("]}") && before.strip_suffix('[').is_some_and(is_owner) {
                return true;
            }
            let braces = before.len() - before.trim_end_matches('{').len();
            let ends = after.trim_start().starts_with(['}', ',']);
            if !PATTERNS.contains(&section) || braces == 0 || !ends {
                return false;
            }
            let call = call_around(&content[rule.range.start..start]);
            let own = if is_fstring { 2 } else { 1 };
            match call {
                Some((function, rest)) if EXPANDING.contains(&function) => {
                    let word = &content[word.clone()];
                    let call = format!("{rest}{}", after.split('\n').take(20).collect::<Vec<_>>().join("\n"));
                    braces == 2 * own || braces == own && !has_argument(&call, word)
                }
                _ => braces == own,
            }
        }
    }
}

/// What the wildcards of the rule are called in its code: by its functions, too.
fn owners(rule: &str) -> Vec<String> {
    let lambdas = rule.match_indices("lambda ").map(|(at, word)| &rule[at + word.len()..]);
    let first = |rest: &str| rest.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let named = lambdas.map(first).filter(|name| !name.is_empty());
    std::iter::once("wildcards".to_string()).chain(named).collect()
}

/// The function in whose call the end of `text` is, with what stands in it so far.
fn call_around(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth > 0 => depth -= 1,
            '(' => {
                let start = text[..at].rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
                return Some((&text[start..at], &text[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// Whether `name=` stands in the call, behind a comma.
fn has_argument(call: &str, name: &str) -> bool {
    words(call, &(0..call.len()), name).any(|word| {
        let rest = call[word.end..].trim_start();
        call[..word.start].trim_end().ends_with(',') && rest.starts_with('=') && !rest.starts_with("==")
    })
}

/// Whether the word is all that stands between quotes.
fn is_quoted(text: &str, word: &Range<usize>) -> bool {
    let is_between = |quote| text[..word.start].ends_with(quote) && text[word.end..].starts_with(quote);
    is_between('"') || is_between('\'')
}

fn has_quoted(text: &str, name: &str) -> bool {
    words(text, &(0..text.len()), name).any(|word| is_quoted(text, &word))
}

fn has_word(text: &str, word: &str) -> bool {
    words(text, &(0..text.len()), word).next().is_some()
}

fn words<'t>(text: &'t str, range: &Range<usize>, word: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    let start = range.start;
    let found = text.get(range.clone()).unwrap_or_default().match_indices(word);
    found.map(move |(at, word)| start + at..start + at + word.len()).filter(move |place| {
        !text[..place.start].ends_with(is_word) && !text[place.end..].starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: what is renamed is the wildcard, and not what is called like it.
    #[test]
    fn places_of_a_wildcard_are_told_from_its_namesakes() {
        let rule = "s = 1\nrule a:\n    input: 'raw/{<s>}', expand('{s}/{{<s>}}/{t}', s=s, t=1), expand('{<s>}{t}', t=1, allow_missing=True)\n\
                    \x20   output: 'out/{<s>,[a-z]+}/s'\n    log: f'{s}/{{<s>}}'\n\
                    \x20   wildcard_constraints: <s>='x'\n    params: lambda w: w.<s>, lambda _: s, lambda w: w['<s>'] + w.get(\"<s>\", 's') + d['s'] + w[s]\n\
                    \x20   shell: 'echo {s} {wildcards.<s>} {wildcards[<s>]} $s # s'\n";
        let text = Text::new(rule.replace(['<', '>'], ""));
        let offset = text.content.find("{s,[a").unwrap() + 1;
        let wildcard = at(&text, offset).unwrap();
        let mut marked = text.content.to_string();
        for place in wildcard.places(&text).into_iter().rev() {
            marked.replace_range(place, "<s>");
        }
        assert_eq!(marked, rule);
        assert!(at(&text, 0).is_none() && at(&text, text.content.find("{s} {w").unwrap() + 1).is_none());
    }
}
