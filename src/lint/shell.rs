//! Commands in commands.

use super::Finder;
use super::scope::{Scope, Site};
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::{InputSource, ParamSource};
use crate::model::template::{Field, Part, Quoting, Root};

/// `nested-shell`: a path or a wildcard in the text that an inner shell reads. Its quoting is for the outer one.
pub(super) fn nested_shell(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for (site, shell) in scope.commands().filter(|(site, _)| !site.is_inherited()) {
        let mut before = String::new();
        for part in &shell.template.parts {
            let field = match part {
                Part::Text(text) => {
                    before.push_str(text);
                    continue;
                }
                Part::Field(field) => field,
            };
            let quote = match field.quoting {
                Quoting::Single | Quoting::Ansi => before.rfind('\''),
                Quoting::Double => before.rfind('"'),
                _ => None,
            };
            if let Some(program) = quote.and_then(|at| inner_shell(before.get(..at)?))
                && may_be_special(site, field)
            {
                let written = field.canonical();
                let message =
                    format!("`{written}` stands in a text that `{program}` reads as a command once more");
                let place = scope.find(site, "shell", &written);
                finder.push(
                    site.warning("nested-shell", message, place)
                        .note("values are quoted for the shell of the rule; the inner one splits a name with a blank")
                        .help(match program {
                            "eval" | "ssh" => format!("quote it once more: \"... $(printf %q {written})\""),
                            program => format!("give it as an argument: {program} -c 'sort \"$1\"' {program} {written}"),
                        }),
                );
                // One tells the reader what to look for.
                break;
            }
            // A place that no quote and no program ends.
            before.push('\u{fffc}');
        }
    }
}

/// The program that takes the quoted text which follows as a command.
fn inner_shell(before: &str) -> Option<&str> {
    // Glued to a word before it, it is a part of that word.
    if !before.ends_with([' ', '\t', '\n']) {
        return None;
    }
    let is_end = |c: char| matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&' | '(' | '`');
    let mut words = before.split(is_end).rev().filter(|word| !word.is_empty());
    let first = words.next()?;
    if first == "eval" {
        return Some(first);
    }
    let is_command = first.starts_with('-') && !first.starts_with("--") && first.ends_with('c');
    if !is_command {
        return words.next().filter(|word| *word == "ssh" && !first.starts_with('-'));
    }
    let option = |word: &&str| word.starts_with(['-', '+']) || *word == "pipefail";
    let program = words.find(|word| !option(word))?;
    let name = program.rsplit('/').next()?;
    matches!(name, "bash" | "sh" | "dash" | "zsh" | "ksh").then_some(name)
}

/// Whether the value can hold characters that a shell takes for its own.
fn may_be_special(site: &Site<'_>, field: &Field) -> bool {
    match field.root {
        Root::Wildcards => true,
        Root::Input => site.rule.inputs.iter().any(|item| match &item.source {
            InputSource::Patterns { patterns, .. } => patterns.iter().any(is_special),
            InputSource::Function(_) => true,
        }),
        Root::Output => site.rule.outputs.iter().any(is_special),
        Root::Log => site.rule.logs.iter().any(is_special),
        Root::Params => site.rule.params.iter().any(|param| match &param.source {
            ParamSource::Const(_) => false,
            ParamSource::Text(_) | ParamSource::List(_) | ParamSource::Function(_) => true,
        }),
        _ => false,
    }
}

fn is_special(pattern: &Pattern) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "@%+=:,./-_".contains(c);
    pattern.segments.iter().any(|segment| match segment {
        Segment::Literal(text) => !text.chars().all(is_plain),
        Segment::Wildcard { .. } => true,
    })
}

#[cfg(test)]
mod tests {
    use super::inner_shell;

    #[test]
    fn inner_shells_are_found_by_what_stands_before_the_quote() {
        for (before, expected) in [
            ("bash -c ", Some("bash")),
            ("a && /bin/sh -ec ", Some("sh")),
            ("bash -euo pipefail -c ", Some("bash")),
            ("find . | xargs -n1 sh -c ", Some("sh")),
            ("x; eval ", Some("eval")),
            ("ssh host ", Some("ssh")),
            ("awk -F, ", None),
            ("bash -c", None),
            ("python -c ", None),
            ("grep -c ", None),
            ("sort ", None),
            ("", None),
        ] {
            assert_eq!(inner_shell(before), expected, "{before}");
        }
    }
}
