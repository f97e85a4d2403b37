//! Rulefiles out of decisions: right ones, written in the oddest ways, and soups of their tokens.

use super::Source;

/// So deep do expressions and blocks nest.
const DEPTH: usize = 5;
/// A program is not longer than this by much.
const LENGTH: usize = 6000;

/// Tokens in any order.
pub(super) fn soup(source: &mut Source<'_>) -> String {
    const TOKENS: &[&str] = &[
        "rule a:",
        "rule",
        "input:",
        "output: ",
        "shell:",
        "run:",
        "if x:",
        "else:",
        "elif",
        "def f(a):",
        "for x in y:",
        "try:",
        "except",
        "include:",
        "x = 1",
        "'a'",
        "\"\"\"",
        "'''",
        "f'",
        "f\"{",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        ",",
        "=",
        "==",
        "+",
        "**",
        "lambda x:",
        "not ",
        "in",
        "\\",
        "#c",
        "\n",
        "\n    ",
        "\n        ",
        "\n\t",
        "\r\n",
        "\r",
        " ",
        "\x0c",
        "é",
        "x",
        ".",
        "1",
        "'",
        "\"",
        "!r",
        "yield",
        "class A:",
        "match x:",
        "@",
        "@a\n",
        "onstart:",
        "module m:",
        "use rule ",
        " from m ",
        " as b_*",
        " with:",
        "storage s:",
        "async def f():",
        ";",
        "\u{feff}",
        "\\N{",
        "0x",
        "*",
        "-",
        "%",
        ":=",
        "->",
        "...",
        "# fmt: off\n",
        "# fmt: skip",
        "await",
        "~",
        "@",
    ];
    let mut text = String::new();
    while !source.is_empty() && text.len() < LENGTH {
        text.push_str(source.pick(TOKENS));
    }
    text
}

/// Cuts or doubles a piece.
pub(super) fn damage(text: &mut String, at: usize, how: usize) {
    let place = |share: usize| {
        let mut at = text.len() * share / 256;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (place(at), place((at + how % 8).min(255)));
    match how / 8 % 4 {
        0 => text.replace_range(start..end, ""),
        1 => {
            let piece = text[start..end].to_string();
            text.insert_str(start, &piece);
        }
        2 => text.insert(start, ['(', '"', '\n', '\t', ':', ',', '\'', '}'][how / 32]),
        _ => text.truncate(start),
    }
}

/// A program without mistakes, as far as this knows.
pub(super) fn program(source: &mut Source<'_>) -> String {
    let mut writer = Writer { source, lines: Vec::new(), length: 0 };
    let ends = writer.source.below(4);
    while !writer.source.is_empty() && writer.length < LENGTH {
        writer.top(0);
    }
    match ends {
        0 => writer.lines.join("\r\n"),
        1 => writer.lines.join("\n") + "\n\n",
        2 => writer.lines.join("\n"),
        _ => writer.lines.join("\n") + "\n",
    }
}

struct Writer<'s, 'b> {
    source: &'s mut Source<'b>,
    lines: Vec<String>,
    length: usize,
}

impl Writer<'_, '_> {
    fn line(&mut self, indent: &str, text: &str) {
        self.length += indent.len() + text.len() + 1;
        // What an expression holds is in brackets, where any indentation will do.
        self.lines.push(format!("{indent}{text}"));
    }

    /// A statement at the top or in a compound statement.
    fn top(&mut self, depth: usize) {
        let indent = " ".repeat(3 * depth);
        match self.source.below(12) {
            0..=4 => self.statement(&indent, depth),
            5..=8 => self.rule(&indent),
            9 if depth < 3 => {
                let test = self.expression(2);
                let head = match self.source.below(4) {
                    0 => format!("for x, y in {test}:"),
                    1 => format!("with {test} as f, g:  # h"),
                    2 => format!("while {test} or {test}:"),
                    _ => format!("if {test}:"),
                };
                self.line(&indent, &head);
                self.line(&format!("{indent}   "), "pass");
                for _ in 0..self.source.below(4) {
                    self.top(depth + 1);
                }
                if head.starts_with("if") && self.source.once_in(2) {
                    self.comments(&indent);
                    self.line(&indent, "else:  # e");
                    self.line(&format!("{indent}    "), "pass");
                    self.top(depth + 1);
                    // The block of `else` was four deep, not three.
                    let last = self.lines.len() - 1;
                    self.lines.truncate(last.max(1));
                    self.repair(&indent);
                }
            }
            _ => self.directive(&indent),
        }
    }

    /// After `else` stands one `pass`, whatever was made for it.
    fn repair(&mut self, indent: &str) {
        while self.lines.last().is_some_and(|line| *line != format!("{indent}    pass")) {
            self.lines.pop();
        }
    }

    fn comments(&mut self, indent: &str) {
        for _ in 0..self.source.below(4) {
            let text = self.source.pick(&[
                "# c",
                "#no blank",
                "",
                "    # deeper",
                "# fmt: off",
                "# fmt: on",
                "\t",
                "",
            ]);
            self.line(indent, text);
        }
    }

    fn directive(&mut self, indent: &str) {
        let value = self.expression(1);
        match self.source.below(10) {
            0 => self.line(indent, "include: 'a'"),
            1 => self.line(indent, &format!("include:  # c\n{indent}    {value}")),
            2 => self.line(indent, &format!("configfile: {value}  # t")),
            3 => self.line(indent, "localrules: a, b,"),
            4 => self.line(indent, "ruleorder: a>b > c"),
            5 => self.line(indent, "use rule * from m exclude a,b as  m_*"),
            6 => self.line(indent, &format!("onstart:\n{indent}  x = {{  }}\n{indent}  # t")),
            7 => self.line(indent, &format!("wildcard_constraints:\n{indent} a={value},\n{indent}   # d")),
            8 => self.line(indent, &format!("storage s:  provider={value}")),
            _ => self.comments(indent),
        }
    }

    fn rule(&mut self, indent: &str) {
        let heads = ["rule a:", "rule:", "checkpoint c:  # h", "use rule a from m as b_* with:", "module m:"];
        let head = self.source.pick(&heads);
        self.line(indent, head);
        let inner = format!("{indent}  ");
        self.line(&inner, "log: 'x'");
        for _ in 0..self.source.below(6) {
            self.section(&inner);
        }
    }

    fn section(&mut self, indent: &str) {
        match self.source.below(10) {
            0 => self.comments(indent),
            1 => self.line(indent, "'''doc\n s'''"),
            2 => {
                self.line(indent, "run:");
                self.line(&format!("{indent}   "), "pass");
                for _ in 0..self.source.below(3) {
                    self.statement(&format!("{indent}   "), 9);
                }
            }
            3 => {
                let value = self.expression(3);
                self.line(indent, &format!("threads: {value}"));
            }
            4 => self.line(indent, "shell: 'a {input} '\n                 'b'\n\n          \"c\""),
            _ => {
                let words = ["input", "output", "params", "resources", "shell", "name", "priority"];
                let word = self.source.pick(&words);
                let comment = if self.source.once_in(4) { "  # on the line" } else { "" };
                self.line(indent, &format!("{word}:{comment}"));
                self.items(&format!("{indent}    "));
            }
        }
    }

    fn items(&mut self, indent: &str) {
        let count = self.source.below(4);
        for index in 0..count {
            let item = self.expression(DEPTH);
            let odd = self.source.below(6);
            let comma = if index + 1 < count || odd == 0 { "," } else { "" };
            match odd {
                1 => self.line(indent, &format!("key{index}={item}{comma}  # c")),
                2 => self.line(indent, &format!("# above\n{indent}{item}\n\n{indent}{comma}")),
                3 => self.line(indent, &format!("{item}  # before\n{indent}  # own\n{indent}{comma}")),
                4 => self.line(indent, &format!("*{item}{comma}")),
                _ => self.line(indent, &format!("{item}{comma}")),
            }
        }
    }

    fn statement(&mut self, indent: &str, depth: usize) {
        let value = self.expression(DEPTH);
        let other = self.expression(2);
        let name = self.name();
        let text = match self.source.below(18) {
            0 => value,
            1 => format!("{name}={value}"),
            2 => format!("{name} = {value} + {other}"),
            3 => format!("{name} = {value} and {other} or {name}  # t"),
            4 => format!("{name}: int = {value}; {name} += 1"),
            5 => format!("{name} = {value}, {other}"),
            6 => format!("assert {value}, {other}"),
            7 => format!("from {name} import {name}, c as d"),
            8 => format!("from .. {name} import(a ,  # why\n b)"),
            9 => "import os, sys; x = 1".to_string(),
            10 => format!("{name}[{other}] = {name} = {value}"),
            11 => format!("del {name}[{other}], {name}"),
            12 => return self.comments(indent),
            13 => format!("raise {value} from {other}"),
            14 => format!("{name} = \\\n  {value} if {other} else lambda: {name}"),
            15 if depth < 3 => return self.function(indent, depth, &other),
            16 => format!("{name} |= {value} . real"),
            _ => format!("class A ( B ) :\n{indent}   x={{  }}\n{indent}     # t"),
        };
        self.line(indent, &text);
    }

    fn function(&mut self, indent: &str, depth: usize, default: &str) {
        if self.source.once_in(3) {
            self.line(indent, &format!("@cache\n{indent}@f( {default} )  # d"));
        }
        let heads =
            ["def f(a, b=1):", "def f( ) :", "def f(a, /, b, *, c, **d)->int:  # h", "def f(*args,): "];
        let head = self.source.pick(&heads);
        let head = if self.source.once_in(3) {
            format!("def f(a: int={default}, *b, c=None):")
        } else {
            head.into()
        };
        self.line(indent, &head);
        let inner = format!("{indent}  ");
        self.line(&inner, "'''Doc.'''");
        for _ in 0..self.source.below(4) {
            self.statement(&inner, depth + 1);
        }
        let last = self.source.pick(&[
            "return",
            "return a",
            "yield a, b",
            "x = yield",
            "x: int",
            "input: str = 'a'",
        ]);
        self.line(&inner, last);
    }

    fn name(&mut self) -> String {
        self.source
            .pick(&["a", "x_1", "config", "a_long_name_of_a_thing", "größe", "rules.a.output", "not_"])
            .to_string()
    }

    /// White space that may stand in brackets.
    fn gap(&mut self) -> &'static str {
        let gaps =
            ["", "", "", "", "", "", "", " ", " ", " ", "\n ", "\n      ", "  # c\n", "\n# own\n\n # two\n"];
        self.source.pick(&gaps)
    }

    fn list(&mut self, depth: usize) -> String {
        let mut text = String::new();
        let count = self.source.below(5);
        for index in 0..count {
            let comma = if index + 1 < count || self.source.once_in(3) { "," } else { "" };
            let (before, item, after) = (self.gap(), self.expression(depth), self.gap());
            text.push_str(&format!("{before}{item}{after}{comma}"));
        }
        text + self.gap()
    }

    fn atom(&mut self) -> String {
        let atoms = [
            "a",
            "config",
            "'a text'",
            "'it\\'s'",
            "\"it's\"",
            "f'{x!r:>{w}}'",
            "'''a\n  b'''",
            "1.5e-3",
            "42",
            "...",
            "r'\\d'",
            "'a long text that takes a good part of a line'",
            "None",
            "a_long_name_of_a_thing",
            "''",
            "F\"{d['k']}\"",
        ];
        self.source.pick(&atoms).to_string()
    }

    /// An expression that may stand anywhere: lines end in its brackets only.
    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 || self.length > LENGTH {
            return self.atom();
        }
        let next = depth - 1;
        match self.source.below(20) {
            0..=3 => self.atom(),
            4 | 5 => {
                let operators = [
                    "+",
                    "-",
                    "*",
                    "**",
                    "|",
                    "<<",
                    "and",
                    "or",
                    "==",
                    "not in",
                    "is not",
                    "in",
                    "%",
                    "if x else",
                    "//",
                ];
                let operator = self.source.pick(&operators);
                let (a, x, y, b) = (self.expression(next), self.gap(), self.gap(), self.expression(next));
                format!("({a}{x} {operator} {y}{b})")
            }
            6 => {
                let (before, inner, after) = (self.gap(), self.expression(next), self.gap());
                format!("({before}{inner}{after})")
            }
            7 | 8 => format!("{}({})", self.name(), self.list(next)),
            9 => format!("{}(key{}={})", self.name(), self.gap(), self.expression(next)),
            10 => {
                let (a, x, y) = (self.atom(), self.list(next), self.list(next));
                format!("({a}).first({x}).second({y}).third()")
            }
            11 => format!("[{}]", self.list(next)),
            12 => {
                let (k, x, v, y) = (self.expression(1), self.gap(), self.expression(next), self.gap());
                format!("{{{k}{x}:{v}{y}, **d}}")
            }
            13 => {
                let (n, a, x, b) = (self.name(), self.expression(1), self.gap(), self.expression(1));
                format!("{n}[{a}:{x}{b}]")
            }
            14 => {
                let (e, x, i, y) = (self.expression(next), self.gap(), self.expression(1), self.gap());
                format!("[{e}{x} for z, y in {i}{y} if z if not y]")
            }
            15 => format!("(lambda x, *y:{}{})", self.gap(), self.expression(next)),
            16 => {
                let (x, y, a, b) = (self.gap(), self.gap(), self.expression(1), self.expression(1));
                format!("('a'{x} 'b' f'{{c}}'{y}, not {a}, -{b})")
            }
            17 => {
                let (a, x, b) = (self.expression(next), self.gap(), self.expression(1));
                format!("f({a}{x} if {b} else c, **d)")
            }
            18 => {
                let (a, x) = (self.expression(next), self.gap());
                format!("f(*{a}{x}, key={a} or b, other=lambda wc: wc.a if {x}b else c)")
            }
            _ => {
                let (a, x) = (self.expression(next), self.gap());
                format!("{}[{a}{x}][..., ::2, {a}]", self.name())
            }
        }
    }
}
