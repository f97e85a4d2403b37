//! The text of a Makefile as statements, and `$(...)` as parts. Knows make's syntax and nothing of rules.

/// A piece of a text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// `$(NAME)`.
    Variable(String),
    /// `$@`, `$(<D)`: the character, and `D` or `F` or nothing.
    Automatic(char, Option<char>),
    /// `$(NAME:from=to)`.
    Substitution(String, Vec<Part>, Vec<Part>),
    /// `$(function argument,argument)`.
    Call(String, Vec<Vec<Part>>),
}

pub(super) type Parts = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecipeLine {
    pub(super) line: usize,
    /// With its continuation lines; without the tab.
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Assign {
        line: usize,
        name: String,
        operator: String,
        value: String,
        is_exported: bool,
    },
    Rule(RuleText),
    /// A line with a tab, which belongs to the rule before it.
    Recipe(RecipeLine),
    Condition {
        line: usize,
        word: String,
        rest: String,
    },
    /// Anything else, as it stands.
    Other {
        line: usize,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleText {
    pub(super) line: usize,
    pub(super) targets: String,
    /// `:`, `::` or `&:`.
    pub(super) separator: String,
    /// Between two colons, in a static pattern rule.
    pub(super) pattern: Option<String>,
    pub(super) needs: String,
    pub(super) beside: String,
    pub(super) recipe: Vec<RecipeLine>,
    /// The comment above it.
    pub(super) comment: Option<String>,
}

/// Deeper than anybody nests by hand.
const DEPTH: usize = 50;

pub(super) fn statements(text: &str) -> Vec<Statement> {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut comment: Option<String> = None;
    // Whether a line with a tab belongs to a rule.
    let mut in_rule = false;
    while at < lines.len() {
        let line = at + 1;
        if lines[at].starts_with('\t') && in_rule {
            let text = recipe_line(&lines, &mut at);
            if !text.trim().is_empty() {
                found.push(Statement::Recipe(RecipeLine { line, text }));
            }
            continue;
        }
        let logical = logical_line(&lines, &mut at);
        let trimmed = logical.trim();
        if let Some(text) = trimmed.strip_prefix('#') {
            comment = Some(text.trim_start_matches('#').trim().to_string());
            continue;
        }
        if trimmed.is_empty() {
            // A blank line within a recipe does not end it.
            comment = None;
            continue;
        }
        let statement = if trimmed.starts_with("define ") || trimmed == "define" {
            let mut whole = logical.clone();
            while at < lines.len() {
                let ends = lines[at].trim() == "endef";
                whole.push('\n');
                whole.push_str(lines[at]);
                at += 1;
                if ends {
                    break;
                }
            }
            Statement::Other { line, text: whole }
        } else {
            let above = comment.take();
            statement(line, &without_comment(trimmed), above)
        };
        in_rule = match statement {
            Statement::Rule(_) => true,
            // A condition may stand in a recipe.
            Statement::Condition { .. } => in_rule,
            _ => false,
        };
        comment = None;
        found.push(statement);
    }
    found
}

/// Joined with those after it that it continues in, by one blank.
fn logical_line(lines: &[&str], at: &mut usize) -> String {
    let mut out = String::new();
    while let Some(line) = lines.get(*at) {
        *at += 1;
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            out.push_str(line[..line.len() - 1].trim_end());
            out.push(' ');
            if let Some(next) = lines.get(*at) {
                let next = next.trim_start();
                // What follows is joined to it on the next turn.
                if next.is_empty() {
                    *at += 1;
                    break;
                }
            }
            continue;
        }
        let line = if out.is_empty() { line } else { line.trim_start() };
        out.push_str(line);
        break;
    }
    out
}

/// With its continuation lines as they are, for the shell reads them; their first tab goes.
fn recipe_line(lines: &[&str], at: &mut usize) -> String {
    let mut out = String::new();
    while let Some(line) = lines.get(*at) {
        *at += 1;
        let line = line.strip_prefix('\t').unwrap_or(line);
        out.push_str(line);
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 0 {
            break;
        }
        out.push('\n');
    }
    out.trim_end_matches('\n').to_string()
}

fn without_comment(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in text.chars() {
        if c == '#' {
            if before != '\\' {
                break;
            }
            out.pop();
        }
        out.push(c);
        before = c;
    }
    out.trim_end().to_string()
}

fn statement(line: usize, text: &str, comment: Option<String>) -> Statement {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if ["ifeq", "ifneq", "ifdef", "ifndef", "else", "endif"].contains(&word.split('(').next().unwrap_or(word))
    {
        let word = word.split('(').next().unwrap_or(word);
        return Statement::Condition { line, word: word.into(), rest: text[word.len()..].trim().into() };
    }
    let other = || Statement::Other { line, text: text.into() };
    if ["include", "-include", "sinclude", "unexport", "vpath", "load", "undefine"].contains(&word) {
        return other();
    }
    let text = match word {
        "export" | "override" | "private" if rest.contains('=') => rest.trim(),
        "export" | "override" | "private" => return other(),
        _ => text,
    };
    let assigned = |equal| assignment(line, text, equal, word == "export");
    // The first `=` or `:` outside of `$(...)` says what it is.
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            '=' if depth == 0 => return assigned(at).unwrap_or_else(other),
            ':' if depth == 0 => {
                let after = &text[at..];
                if after.starts_with(":=") || after.starts_with("::=") || after.starts_with(":::=") {
                    let equal = at + after.find('=').unwrap_or(1);
                    return assigned(equal).unwrap_or_else(other);
                }
                return rule(line, text, at, comment).unwrap_or_else(other);
            }
            _ => {}
        }
    }
    other()
}

fn assignment(line: usize, text: &str, equal: usize, is_exported: bool) -> Option<Statement> {
    let before = &text[..equal];
    let name = before.trim_end_matches([':', '?', '+', '!']);
    let operator = format!("{}=", &before[name.len()..]);
    let name = name.trim();
    let fits = !name.is_empty() && !name.contains(char::is_whitespace) && !name.contains('$');
    fits.then(|| Statement::Assign {
        line,
        name: name.into(),
        operator,
        value: text[equal + 1..].trim().into(),
        is_exported,
    })
}

fn rule(line: usize, text: &str, colon: usize, comment: Option<String>) -> Option<Statement> {
    let (targets, rest) = (&text[..colon], &text[colon..]);
    let colons = if rest.starts_with("::") { 2 } else { 1 };
    let grouped = targets.ends_with('&');
    let rest = &rest[colons..];
    let (rest, recipe) = match top_level(rest, ';') {
        Some(at) => (&rest[..at], Some(rest[at + 1..].trim().to_string())),
        None => (rest, None),
    };
    // A variable for one target.
    if top_level(rest, '=').is_some() {
        return None;
    }
    let (pattern, rest) = match top_level(rest, ':') {
        Some(at) => (Some(rest[..at].trim().to_string()), &rest[at + 1..]),
        None => (None, rest),
    };
    let (needs, beside) = match top_level(rest, '|') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    let recipe = recipe.filter(|text| !text.is_empty());
    Some(Statement::Rule(RuleText {
        line,
        targets: targets.trim_end_matches('&').trim().into(),
        separator: if grouped { "&:".into() } else { ":".repeat(colons) },
        pattern,
        needs: needs.trim().into(),
        beside: beside.trim().into(),
        recipe: recipe.map(|text| RecipeLine { line, text }).into_iter().collect(),
        comment,
    }))
}

fn top_level(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            c if c == wanted && depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// `text` as parts; nothing when brackets do not match.
pub(super) fn parts(text: &str) -> Option<Parts> {
    parts_within(text, 0)
}

fn parts_within(text: &str, depth: usize) -> Option<Parts> {
    if depth > DEPTH {
        return None;
    }
    let mut out: Parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(c) = after.chars().next() else {
            // One at the end means nothing.
            rest = "";
            break;
        };
        let (part, used) = match c {
            '$' => {
                // Two mean one, for the shell; it is told from make's own by this mark.
                plain.push(DOLLAR);
                rest = &after[1..];
                continue;
            }
            '(' | '{' => {
                let end = closing(after)?;
                (reference(&after[1..end], depth)?, end + 1)
            }
            '@' | '<' | '^' | '+' | '*' | '?' | '%' | '|' => (Part::Automatic(c, None), 1),
            c => (Part::Variable(c.to_string()), c.len_utf8()),
        };
        if !plain.is_empty() {
            out.push(Part::Text(std::mem::take(&mut plain)));
        }
        out.push(part);
        rest = &after[used..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        out.push(Part::Text(plain));
    }
    Some(out)
}

/// A dollar that is the shell's: no text of a Makefile holds this character.
pub(super) const DOLLAR: char = '\u{1}';

/// Where the bracket that `text` begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

const FUNCTIONS: [&str; 36] = [
    "subst",
    "patsubst",
    "strip",
    "findstring",
    "filter",
    "filter-out",
    "sort",
    "word",
    "wordlist",
    "words",
    "firstword",
    "lastword",
    "dir",
    "notdir",
    "suffix",
    "basename",
    "addsuffix",
    "addprefix",
    "join",
    "wildcard",
    "realpath",
    "abspath",
    "if",
    "or",
    "and",
    "foreach",
    "file",
    "call",
    "value",
    "eval",
    "origin",
    "flavor",
    "shell",
    "error",
    "warning",
    "info",
];

fn reference(inside: &str, depth: usize) -> Option<Part> {
    let mut chars = inside.chars();
    if let (Some(c), end, None) = (chars.next(), chars.next(), chars.next())
        && "@<^+*?%|".contains(c)
        && matches!(end, None | Some('D' | 'F'))
    {
        return Some(Part::Automatic(c, end));
    }
    if let Some((name, arguments)) = inside.split_once([' ', '\t'])
        && FUNCTIONS.contains(&name)
    {
        let arguments = arguments.trim_start();
        let split: Option<Vec<Parts>> =
            split_top(arguments, ',').into_iter().map(|argument| parts_within(argument, depth + 1)).collect();
        return Some(Part::Call(name.into(), split?));
    }
    if let Some(at) = top_level(inside, ':')
        && let Some(equal) = top_level(&inside[at + 1..], '=')
    {
        let from = parts_within(&inside[at + 1..at + 1 + equal], depth + 1)?;
        let to = parts_within(&inside[at + 2 + equal..], depth + 1)?;
        return Some(Part::Substitution(inside[..at].into(), from, to));
    }
    (!inside.contains('$')).then(|| Part::Variable(inside.trim().into()))
}

fn split_top(text: &str, separator: char) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = top_level(rest, separator) {
        out.push(&rest[..at]);
        rest = &rest[at + separator.len_utf8()..];
    }
    out.push(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_statements() {
        let found = statements(
            "A := x \\\n  y # note\n# Makes it.\nt: a \\\n  b | d ; first\n\techo $@ \\\n\t  more\n\n\tlast\n\
             ifdef A\nB ?= 1\nendif\nx y &: z\no: %.o: %.c\ninclude z.mk\ndefine F\na: b\nendef\nt: CFLAGS=-g\n",
        );
        let Statement::Rule(rule) = &found[1] else { panic!("{found:?}") };
        assert_eq!((rule.targets.as_str(), rule.needs.as_str(), rule.beside.as_str()), ("t", "a b", "d"));
        assert_eq!(rule.comment.as_deref(), Some("Makes it."));
        assert_eq!(rule.recipe[0].text, "first");
        let line = |at: usize, line: usize, text: &str| {
            assert_eq!(found[at], Statement::Recipe(RecipeLine { line, text: text.into() }));
        };
        line(2, 6, "echo $@ \\\n  more");
        line(3, 9, "last");
        assert!(matches!(&found[0], Statement::Assign { name, operator, value, .. }
            if name == "A" && operator == ":=" && value == "x y"));
        assert!(
            matches!(&found[4], Statement::Condition { word, rest, .. } if word == "ifdef" && rest == "A")
        );
        assert!(
            matches!(&found[7], Statement::Rule(rule) if rule.separator == "&:" && rule.targets == "x y")
        );
        assert!(matches!(&found[8], Statement::Rule(rule) if rule.pattern.as_deref() == Some("%.o")));
        assert!(matches!(&found[9], Statement::Other { text, .. } if text == "include z.mk"));
        assert!(matches!(&found[10], Statement::Other { text, .. } if text.ends_with("a: b\nendef")));
        assert!(matches!(&found[11], Statement::Other { text, .. } if text.contains("CFLAGS")));
    }

    #[test]
    fn references_become_parts() {
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(
            parts("a$(X)b${Y}$@$(@D)$$z").unwrap(),
            [
                text("a"),
                Part::Variable("X".into()),
                text("b"),
                Part::Variable("Y".into()),
                Part::Automatic('@', None),
                Part::Automatic('@', Some('D')),
                text("\u{1}z"),
            ]
        );
        assert_eq!(
            parts("$(S:.c=.o) $(patsubst %.c,o/%.o,$(S))").unwrap(),
            [
                Part::Substitution("S".into(), vec![text(".c")], vec![text(".o")]),
                text(" "),
                Part::Call(
                    "patsubst".into(),
                    vec![vec![text("%.c")], vec![text("o/%.o")], vec![Part::Variable("S".into())]]
                ),
            ]
        );
        assert_eq!(parts("$(X"), None);
        assert_eq!(parts("ends with $").unwrap(), [text("ends with ")]);
        assert_eq!(parts(&"$(strip ".repeat(200)), None);
    }
}
