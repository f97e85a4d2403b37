//! Text that is eight times as long costs about eight times as much, whatever it is made of: to parse, to format, to load,
//! and to say what is wrong with it. What is quadratic costs sixty-four times as much.

use rulemake::source::{FormatOptions, format_source, included_files};
use rulemake::{TextStyle, Workflow};
use std::time::{Duration, Instant};

const SMALL: usize = 120;
const FACTOR: usize = 8;
/// Between linear and quadratic, with room for a machine that does other things.
const CEILING: u32 = 28;
/// Below this a time says nothing.
const NOISE: Duration = Duration::from_millis(12);
/// What is printed about one text, however long its lines are.
const MOST_SAID: usize = 60_000;

const RULE: &str = "rule all:\n    output: 'o'\n    shell: 'true'\n";

/// A text of a size, by name.
type Shape = (&'static str, fn(usize) -> String);

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(|i| line(i) + "\n").collect()
}

fn joined(n: usize, item: impl Fn(usize) -> String, between: &str) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(between)
}

const SHAPES: &[Shape] = &[
    ("a long string", |n| format!("x = '{}'\n", "a".repeat(20 * n))),
    ("a long comment", |n| format!("x = 1  # {}\n", "é".repeat(20 * n))),
    ("a long name", |n| format!("{} = 1\n", "a".repeat(20 * n))),
    ("a long number", |n| format!("x = {}\n", "1".repeat(20 * n))),
    ("blanks", |n| format!("x = {}1\n", " ".repeat(20 * n))),
    ("a long string that is wrong", |n| format!("x = '{}' $\n", "a".repeat(20 * n))),
    ("empty lines", |n| "\n".repeat(20 * n)),
    ("form feeds", |n| lines(n, |_| "\x0cx = 1".into())),
    ("comments", |n| lines(n, |i| format!("# comment {i}"))),
    ("statements", |n| lines(n, |i| format!("x{i} = {i}"))),
    ("semicolons", |n| format!("{}\n", joined(n, |i| format!("x = {i}"), "; "))),
    ("continuations", |n| format!("x = 1{}\n", joined(n, |_| String::new(), " \\\n"))),
    ("open brackets", |n| "(".repeat(20 * n)),
    ("open brackets on lines", |n| lines(n, |_| "x = (".into())),
    ("closing brackets", |n| format!("x = {}\n", ")".repeat(20 * n))),
    ("closing brackets on lines", |n| lines(n, |_| "x = )".into())),
    ("closed brackets", |n| format!("x = {}{}\n", "[".repeat(20 * n), "]".repeat(20 * n))),
    ("open strings", |n| lines(n, |_| "x = 'a".into())),
    ("open f-strings", |n| lines(n, |_| "x = f'{a".into())),
    ("fields within fields", |n| format!("x = {}", "f'{".repeat(n))),
    ("open long strings", |n| lines(n, |_| "x = \"\"\"a\"\"\" '''".into())),
    ("an open long string", |n| format!("x = '''{}", lines(n, |_| "text".into()))),
    ("fields of an f-string", |n| format!("a = 1\nx = f'{}'\n", joined(n, |_| "{a!r:>3}".into(), "-"))),
    ("braces of an f-string", |n| format!("x = f'{}'\n", "{{}}".repeat(n))),
    ("a list", |n| format!("x = [{}]\n", joined(n, |i| i.to_string(), ", "))),
    ("a list on lines", |n| format!("x = [\n{}]\n", lines(n, |i| format!("    {i},  # comment")))),
    ("a list that is wrong", |n| format!("x = [{}\n", lines(n, |i| format!("    {i},")))),
    ("a list without commas", |n| format!("x = [{}]\n", joined(n, |i| format!("a{i}"), " "))),
    ("a dict", |n| format!("x = {{{}}}\n", joined(n, |i| format!("'k{i}': {i}"), ", "))),
    ("lists in a list", |n| format!("x = [{}]\n", joined(n, |i| format!("[{i}, 'a', (1, 2)]"), ", "))),
    ("strings side by side", |n| format!("x = ({})\n", joined(n, |i| format!("'a{i}'"), " "))),
    ("strings on lines", |n| format!("x = ({})\n", joined(n, |i| format!("'a{i}'"), "\n    "))),
    ("arguments", |n| format!("x = dict({})\n", joined(n, |i| format!("a{i}={i}"), ", "))),
    ("parameters", |n| format!("def f({}): return 1\n", joined(n, |i| format!("a{i}={i}"), ", "))),
    ("parameters of a lambda", |n| format!("f = lambda {}: 1\n", joined(n, |i| format!("a{i}"), ", "))),
    ("a sum", |n| format!("x = {}\n", joined(n, |_| "1".into(), " + "))),
    ("sums", |n| format!("x = [{}]\n", joined(n, |i| format!("{i} + 1 * 2 ** 3"), ", "))),
    ("comparisons", |n| format!("x = {}\n", joined(n, |_| "1".into(), " <= "))),
    ("logic", |n| format!("x = {}\n", joined(n, |_| "True".into(), " and "))),
    ("signs", |n| format!("x = {}1\n", "-".repeat(n))),
    ("nots", |n| format!("x = {}1\n", "not ".repeat(n))),
    ("conditions", |n| format!("x = {}\n", joined(n, |_| "1".into(), " if True else "))),
    ("lambdas", |n| format!("x = {}1\n", "lambda: ".repeat(n))),
    ("attributes", |n| format!("x = a{}\n", ".b".repeat(n))),
    ("calls", |n| format!("x = str{}\n", "()".repeat(n))),
    ("calls of methods", |n| format!("x = 'a'{}\n", ".strip()".repeat(n))),
    ("subscripts", |n| format!("x = a{}\n", "[0]".repeat(n))),
    ("assignments in a row", |n| format!("{} = 1\n", joined(n, |i| format!("x{i}"), " = "))),
    ("targets of an assignment", |n| format!("{} = range({n})\n", joined(n, |i| format!("x{i}"), ", "))),
    ("elif", |n| format!("x = -1\nif x == 0: pass\n{}", lines(n, |i| format!("elif x == {i}: pass")))),
    ("except", |n| format!("try: pass\n{}", lines(n, |_| "except ValueError: pass".into()))),
    ("blocks", |n| lines(n, |i| format!("{}if True:", " ".repeat(i.min(150)))) + &" ".repeat(151) + "pass\n"),
    ("ifs side by side", |n| lines(n, |_| "if True:\n    x = 1".into())),
    ("decorators", |n| format!("{}def f(): pass\n", lines(n, |_| "@f".into()))),
    ("functions", |n| lines(n, |i| format!("def f{i}(a):\n    return a"))),
    ("for and if of a comprehension", |n| format!("x = [1 {}]\n", "for a in b if c ".repeat(n))),
    ("rules", |n| {
        lines(n, |i| {
            format!("rule r{i}:\n    input: 'i{i}'\n    output: 'o{i}'\n    shell: 'cp {{input}} {{output}}'")
        })
    }),
    ("rules of one name", |n| lines(n, |i| format!("rule r:\n    output: 'o{i}'\n    shell: 'true'"))),
    ("rules without a command", |n| lines(n, |i| format!("rule r{i}:\n    output: 'o{i}'"))),
    ("rules that are wrong", |n| lines(n, |i| format!("rule r{i}\n    output: 'o{i}'"))),
    ("inputs", |n| {
        format!(
            "rule r:\n    output: 'p'\n    shell: 'true'\n    input:\n{}",
            lines(n, |i| format!("        'i{i}',"))
        )
    }),
    ("inputs with names", |n| {
        format!(
            "rule r:\n    output: 'p'\n    shell: 'true'\n    input:\n{}",
            lines(n, |i| format!("        n{i}='i{i}',"))
        )
    }),
    ("outputs", |n| {
        format!("rule r:\n    shell: 'true'\n    output:\n{}", lines(n, |i| format!("        'i{i}',")))
    }),
    ("params", |n| {
        format!(
            "rule r:\n    output: 'p'\n    shell: 'true'\n    params:\n{}",
            lines(n, |i| format!("        n{i}={i},"))
        )
    }),
    ("lines of a command", |n| {
        format!(
            "rule r:\n    output: 'p'\n    shell:\n{}",
            lines(n, |_| "        'echo {output} {{}}; '".into())
        )
    }),
    ("a long command", |n| {
        format!("rule r:\n    output: 'p'\n    shell: '''{}'''\n", lines(n, |_| "echo {output} {{}}".into()))
    }),
    ("a command of braces", |n| {
        format!("rule r:\n    output: 'p'\n    shell: '{}'\n", "{".repeat(2 * n + 1))
    }),
    ("wildcards of a pattern", |n| {
        format!("rule r:\n    shell: 'true'\n    output: '{}'\n", joined(n, |i| format!("{{w{i}}}"), "_"))
    }),
    ("an order of rules", |n| {
        let rules = lines(n, |i| format!("rule r{i}:\n    output: 'o{i}'\n    shell: 'true'"));
        format!("{rules}ruleorder: {}\n", joined(n, |i| format!("r{i}"), " > "))
    }),
    ("local rules", |n| {
        let rules = lines(n, |i| format!("rule r{i}:\n    output: 'o{i}'\n    shell: 'true'"));
        format!("{rules}localrules: {}\n", joined(n, |i| format!("r{i}"), ", "))
    }),
    ("sections of one name", |n| {
        format!("rule r:\n    output: 'p'\n    shell: 'true'\n{}", lines(n, |_| "    threads: 1".into()))
    }),
    ("unknown names", |n| lines(n, |i| format!("x = unknown{i}"))),
    ("names that are wrong in rules", |n| {
        lines(n, |i| format!("rule r{i}:\n    output: 'o{i}'\n    shell: 'a {{inptu}}'"))
    }),
    ("odd characters", |n| lines(n, |_| "x = $ ? €".into())),
    ("zeros", |n| "\0".repeat(20 * n)),
    ("imports", |n| format!("from os.path import {}\n", joined(n, |i| format!("join as j{i}"), ", "))),
    ("global names", |n| format!("def f():\n    global {}\n", joined(n, |i| format!("g{i}"), ", "))),
    ("config keys", |n| lines(n, |i| format!("config['k{i}'] = {i}"))),
];

type Work = (&'static str, fn(&str) -> usize);

fn said(error: &rulemake::Error) -> usize {
    error.render(TextStyle::Plain).len()
}

/// What is done with a text; gives the number of bytes that it says about it.
const WORK: &[Work] = &[
    ("parsing", |text| included_files(text).err().map_or(0, |error| said(&error))),
    ("formatting", |text| {
        format_source(text, &FormatOptions::default()).err().map_or(0, |error| said(&error))
    }),
    ("loading", |text| match Workflow::parse("Rulefile", &format!("{text}{RULE}")) {
        Ok(_) => 0,
        Err(error) => said(&error),
    }),
];

fn time(work: fn(&str) -> usize, text: &str) -> (Duration, usize) {
    let start = Instant::now();
    let said = work(text);
    (start.elapsed(), said)
}

#[test]
fn time_grows_with_the_length_of_a_text_and_not_with_its_square() {
    let mut wrong = Vec::new();
    for (name, shape) in SHAPES {
        let (small, large) = (shape(SMALL), shape(SMALL * FACTOR));
        for (what, work) in WORK {
            let (long, said) = time(*work, &large);
            if said > MOST_SAID {
                wrong.push(format!("{what} `{name}` says {said} bytes about it"));
            }
            let (mut short, mut long) = (time(*work, &small).0.max(NOISE), long);
            // Again when it looks bad: something else may have run.
            for _ in 0..5 {
                if long > short * CEILING {
                    short = short.max(time(*work, &small).0);
                    long = long.min(time(*work, &large).0);
                }
            }
            println!("{what:<10} {name:<32} {short:>10.1?} {long:>10.1?} {said:>7}");
            if long > short * CEILING {
                wrong.push(format!(
                    "{what} `{name}` takes {short:?}, and {long:?} when it is {FACTOR} times as long"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
