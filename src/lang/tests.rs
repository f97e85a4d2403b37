//! Promises of the evaluator that the differential test cannot see: it always ends, what is frozen stays as it
//! is, every look at a file is recorded, errors say where and what to do.

use super::budget::Budget;
use super::differential::outcome;
use super::raise::{Exc, Raise};
use super::value::{Args, Value};
use super::vm::{Frozen, Host, NoHost, Vm};
use crate::diag::{SourceId, Span};
use crate::model::dynamic::CallReads as _;
use crate::syntax::ast::{Block, Directive, Hook, ModuleDef, RuleDef, UseRule};
use crate::syntax::{parse_expression, parse_file};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn parse(source: &str) -> Block {
    parse_file(SourceId(0), source).unwrap_or_else(|problems| panic!("{source}\n{problems:?}"))
}

fn loaded_in(root: &Path, source: &str) -> Result<Vm<'static>, Raise> {
    let mut vm = Vm::new(root, Budget::new(1_000_000, 1 << 25));
    vm.exec_block(&parse(source), &mut NoHost)?;
    Ok(vm)
}

fn loaded(source: &str) -> Vm<'static> {
    loaded_in(Path::new("/"), source).unwrap_or_else(|raise| panic!("{source}\n{raise:?}"))
}

fn raised(source: &str) -> Raise {
    match loaded_in(Path::new("/"), source) {
        Ok(_) => panic!("no error: {source}"),
        Err(raise) => raise,
    }
}

fn value(vm: &mut Vm, expr: &str) -> String {
    let expr = parse_expression(SourceId(0), expr).unwrap();
    vm.eval(&expr).map_or_else(|raise| format!("{raise:?}"), |value| value.repr())
}

fn frozen(source: &str, name: &str) -> (Arc<Frozen>, Value) {
    let vm = loaded(source);
    let function = vm.get_global(name).unwrap();
    (vm.freeze([&function]), function)
}

fn help_of(raise: &Raise) -> String {
    raise.to_problem().help.join("\n")
}

#[test]
fn a_call_that_was_left_many_times_is_named_once() {
    let mut raise = Raise::value_error("x").at(Span::new(SourceId(0), 0, 1));
    (0..3).for_each(|_| raise.leave(&"f".into(), Some(Span::new(SourceId(0), 4, 5))));
    let texts: Vec<String> = raise.to_problem().labels.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["", "called `f` here, again and again"]);
}

#[test]
fn what_never_ends_is_stopped() {
    for source in [
        "while True: pass",
        "x = [1]\nfor i in x: x.append(i)",
        "for i in range(10**15): pass",
        "[0 for i in range(10**12)]",
        "def f():\n    while True:\n        try:\n            while True: pass\n        except:\n            pass\nf()",
        "any(x < 0 for x in range(10**12))",
        "sum(range(10**12))",
        "-1.5 in range(10**12)",
    ] {
        assert_eq!(raised(source).kind(), Exc::BudgetExceeded, "{source}");
    }
}

#[test]
fn memory_is_refused_before_it_is_taken() {
    for source in [
        "'a' * 2_000_000_000",
        "[0] * 10**12",
        "(1, 2) * 10**15",
        "list(range(10**12))",
        "x = range(10**12)\na, *b = x",
        "x = 'a' * 10**6\nfor i in range(20): x = x + x",
        "'{:>{}}'.format('a', 2 * 10**9)",
        "'%*d' % (2 * 10**9, 1)",
        "'%.2000000000f' % 1.5",
        "'a'.ljust(10**12)",
        "'a'.zfill(10**12)",
        "'a' .center(10**12, 'x')",
        "('a' * 10**6).replace('a', 'b' * 10**6)",
        "('b' * 10**6).join(['a'] * 10**6)",
        "'\\t'.expandtabs(10**12)",
        "x = [0]\nfor i in range(60): x = [x, x]\nrepr(x)",
        "expand('{a}{b}{c}', a=range(1000), b=range(1000), c=range(1000))",
        "expand('{a}', a=range(10**9))",
        "zip(*[range(10**9)] * 10**6)",
        "x = [0] * 10**6\nx[::1] = x * 1000",
    ] {
        assert_eq!(raised(source).kind(), Exc::BudgetExceeded, "{source}");
    }
}

#[test]
fn values_that_share_their_parts_again_and_again_do_not_hang() {
    let twice = "x = [0]\ny = [0]\nfor i in range(60):\n    x = [x, x]\n    y = [y, y]\n";
    for expr in ["x == y", "x < y", "x in [y]", "[y].index(x)", "str(x)"] {
        let kind = raised(&format!("{twice}{expr}")).kind();
        assert_eq!(kind, Exc::BudgetExceeded, "{expr}");
    }
    let tuples = "x = ()\nfor i in range(60): x = (x, x)\n{x: 1}";
    assert_eq!(raised(tuples).kind(), Exc::RecursionError);
    let vm = loaded("x = [0]\nfor i in range(60): x = [x, x]");
    assert!(vm.get_global("x").unwrap().to_model().is_err());
}

#[test]
fn deep_values_and_calls_do_not_overflow_the_stack() {
    for source in [
        "def f(n): return f(n + 1)\nf(0)",
        "f = lambda x: f([x])\nf(0)",
        "def f(x): return max([x], key=f)\nf(1)",
        "x = []\nfor i in range(100000): x = [x]\nrepr(x)",
        "x = []\ny = []\nfor i in range(100000):\n    x = [x]\n    y = [y]\nx == y",
        "x = ()\nfor i in range(100000): x = (x,)\n{x: 1}",
        "x = lambda w: 1\nfor i in range(100000): x = expand('{a}', a=x)",
    ] {
        assert_eq!(raised(source).kind(), Exc::RecursionError, "{source}");
    }
    // Dropping them is the danger here.
    for wrap in [
        "[x]",
        "(x,)",
        "{1: x}",
        "lambda y=x: y",
        "ValueError(x)",
        "iter([x])",
        "{1: x}.values()",
        "[x].append",
    ] {
        drop(loaded(&format!("x = []\nfor i in range(100000): x = {wrap}")));
    }
    drop(loaded("x = frozenset()\nfor i in range(100000): x = frozenset([x])"));
    drop(loaded("def make(f): return lambda: f\nx = 1\nfor i in range(100000): x = make(x)"));
}

#[test]
fn a_long_sum_is_an_error_and_no_crash() {
    let source = format!("x = {}1", "1 + ".repeat(3000));
    let Ok(block) = parse_file(SourceId(0), &source) else { return };
    let mut vm = Vm::new("/", Budget::load(None));
    match vm.exec_block(&block, &mut NoHost) {
        Ok(()) => assert_eq!(value(&mut vm, "x"), "3001"),
        Err(raise) => assert_eq!(raise.kind(), Exc::RecursionError),
    }
}

#[test]
fn cancelling_stops_an_evaluation_and_cannot_be_caught() {
    let flag = Arc::new(AtomicBool::new(true));
    let mut vm = Vm::new("/", Budget::load(None).with_cancel(flag));
    let block = parse("try:\n    while True: pass\nexcept BaseException:\n    pass");
    assert_eq!(vm.exec_block(&block, &mut NoHost).unwrap_err().kind(), Exc::Cancelled);
}

#[test]
fn frozen_values_cannot_change_and_say_what_to_do() {
    for (body, what) in [
        ("xs.append(1)", "list"),
        ("d['a'] = 1", "dict"),
        ("s.add(1)", "set"),
        ("xs += [1]", "list in place"),
        ("del d['k']", "entry"),
        ("inner['deep'].append(1)", "nested"),
        ("captured.append(1)", "closure"),
        ("default.append(1)", "default"),
    ] {
        let source = format!(
            "xs = []\nd = {{'k': 1}}\ns = set()\ninner = {{'deep': [1]}}\n\
             def make():\n    captured = []\n    def f(default=[]):\n        global xs\n        {body}\n    return f\nf = make()"
        );
        let (vm, f) = frozen(&source, "f");
        let raise = vm.call(&f, vec![], vec![]).unwrap_err();
        assert_eq!(raise.kind(), Exc::FrozenError, "{what}");
        assert!(help_of(&raise).contains("copy"), "{what}");
    }
    let (vm, f) = frozen("n = 0\ndef f():\n    global n\n    n += 1", "f");
    assert_eq!(vm.call(&f, vec![], vec![]).unwrap_err().kind(), Exc::FrozenError);
}

#[test]
fn a_call_can_change_what_it_made_itself() {
    let source = "base = ['a']\ndef f(n):\n    xs = list(base)\n    seen = {}\n    def add(x):\n        nonlocal xs\n        \
                  xs = xs + [x]\n        seen.setdefault(x, []).append(1)\n    for i in range(n): add(i)\n    return (xs, seen)";
    let (vm, f) = frozen(source, "f");
    for _ in 0..2 {
        let result = vm.call(&f, vec![Value::Int(2)], vec![]).unwrap();
        assert_eq!(result.repr(), "(['a', 0, 1], {0: [1], 1: [1]})");
    }
}

#[test]
fn many_threads_call_at_once_and_get_the_same() {
    let source = "config = {'dir': 'data', 'n': [1, 2, 3]}\n\
                  def f(wc, threads=1):\n    xs = []\n    for n in config['n']: xs.append(f\"{config['dir']}/{wc}.{n}\")\n    return xs";
    let (vm, f) = frozen(source, "f");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for i in 0..200 {
                    let args = vec![Value::from(format!("s{i}"))];
                    let result = vm.call(&f, args, vec![("threads".into(), Value::Int(2))]).unwrap();
                    assert_eq!(result.repr(), format!("['data/s{i}.1', 'data/s{i}.2', 'data/s{i}.3']"));
                }
            });
        }
    });
}

#[test]
fn parameter_names_can_be_read() {
    let mut vm = loaded("def f(wildcards, input, *a, threads=1, **k): pass");
    let names = vm.get_global("f").unwrap().parameters();
    let names: Vec<&str> = names.iter().map(|n| &**n).collect();
    assert_eq!(names, ["wildcards", "input", "a", "threads", "k"]);
    assert!(value(&mut vm, "expand('{x}', x=lambda wc: wc)").contains("function"));
}

#[derive(Default)]
struct Recorder(Vec<String>);

impl Host for Recorder {
    fn rule(&mut self, vm: &mut Vm, def: &Arc<RuleDef>) -> Result<(), Raise> {
        let args = vm.eval_args(&def.sections[0].args)?;
        let name = def.name.as_ref().map_or("", |n| &n.text);
        self.0.push(format!("{name} {}", Value::tuple(args.positional).repr()));
        Ok(())
    }

    fn module(&mut self, _: &mut Vm, def: &Arc<ModuleDef>) -> Result<(), Raise> {
        self.0.push(format!("module {}", def.name.as_ref().map_or("", |n| &n.text)));
        Ok(())
    }

    fn use_rule(&mut self, _: &mut Vm, def: &Arc<UseRule>) -> Result<(), Raise> {
        self.0.push(format!("use {}", def.alias.as_ref().map_or("", |n| &n.text)));
        Ok(())
    }

    fn hook(&mut self, _: &mut Vm, hook: &Arc<Hook>) -> Result<(), Raise> {
        self.0.push(format!("{} {:?}", hook.name.text, hook.code.text));
        Ok(())
    }

    fn directive(&mut self, vm: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        let args = vm.eval_args(&directive.args)?;
        vm.set_global("seen", Value::tuple(args.positional))?;
        self.0.push(directive.name.text.to_string());
        Ok(())
    }
}

#[test]
fn rules_and_directives_reach_the_host_wherever_they_stand() {
    let source = "include: 'x'\nif seen == ('x',):\n    for s in ['p', 'q']:\n        rule:\n            output: s + '.txt', [c + s for c in 'ab']\n";
    let mut host = Recorder::default();
    let mut vm = Vm::new("/", Budget::load(None));
    vm.exec_block(&parse(source), &mut host).unwrap();
    assert_eq!(host.0, ["include", " ('p.txt', ['ap', 'bp'])", " ('q.txt', ['aq', 'bq'])"]);

    let source =
        "module m:\n    snakefile: 'x'\nif True:\n    use rule * from m as m_*\nonstart:\n    print('x')\n";
    let mut host = Recorder::default();
    Vm::new("/", Budget::load(None)).exec_block(&parse(source), &mut host).unwrap();
    assert_eq!(host.0, ["module m", "use m_*", "onstart \"print('x')\""]);
}

#[test]
fn decorators_are_called_from_the_inside() {
    let mut vm = loaded(
        "def add(n):\n    return lambda f: lambda x: f(x) + n\ndef twice(f):\n    return lambda x: f(x) * 2\n@twice\n@add(3)\ndef g(x):\n    return x\n",
    );
    assert_eq!(value(&mut vm, "g(1)"), "8");
}

#[test]
fn namespaces_are_separate_and_functions_keep_theirs() {
    let mut vm = loaded("x = 'main'\ndef f(): return x");
    let f = vm.get_global("f").unwrap();
    let other = vm.new_space().unwrap();
    let main = vm.enter_space(other);
    vm.exec_block(&parse("x = 'other'"), &mut NoHost).unwrap();
    assert_eq!(vm.call(&f, Args::default()).unwrap().repr(), "'main'");
    assert_eq!(value(&mut vm, "x"), "'other'");
    assert_eq!(vm.global_names().count(), 1);
    vm.enter_space(main);
    assert_eq!(value(&mut vm, "x"), "'main'");
}

#[test]
fn errors_point_at_the_innermost_place_and_name_the_calls() {
    let source = "def inner(d):\n    return d['b']\ndef outer(d):\n    return inner(d)\nouter({'a': 1})";
    let raise = raised(source);
    let problem = raise.to_problem();
    let snippet = |span: Span| &source[span.start as usize..span.end as usize];
    assert_eq!(problem.code, "key-error");
    assert_eq!(snippet(problem.labels[0].0), "d['b']");
    assert_eq!(problem.labels[1], (problem.labels[1].0, "called `inner` here".to_string()));
    assert_eq!(snippet(problem.labels[2].0), "outer({'a': 1})");
    assert!(problem.help[0].contains("known keys: a"), "{:?}", problem.help);
}

#[test]
fn misspelt_names_keys_attributes_and_parameters_get_a_suggestion() {
    for (source, wanted) in [
        ("samples = []\nsample", "`samples`"),
        ("lenght = 1\nlen(lengt)", "`lenght`"),
        ("d = {'threads': 1}\nd['thread']", "`threads`"),
        ("'a'.uper()", "`upper`"),
        ("[].apend(1)", "`append`"),
        ("def f(sample): pass\nf(sampel=1)", "`sample`"),
        ("sorted([], revers=True)", "`reverse`"),
        ("expand('{sampel}', sample=[1])", "`sample`"),
        ("d = {'a': 1}\nd.a", "[\"a\"]"),
        ("'a' + 1", "f-string"),
        ("x = (1,)\nx[0] = 1", "list"),
    ] {
        let raise = raised(source);
        assert!(help_of(&raise).contains(wanted), "{source}: {:?}", raise.to_problem());
    }
}

#[test]
fn what_rulefiles_lack_fails_on_use_and_names_the_alternative() {
    drop(loaded("import subprocess, pandas as pd\nfrom shutil import copy\nimport urllib.request"));
    for (source, wanted) in [
        ("import subprocess\nsubprocess.run('x')", "shell:"),
        ("import pandas as pd\npd.read_excel('x')", "as text"),
        ("import polars as pl\npl.read_csv('x')", "pandas"),
        ("from shutil import copy\ncopy('a', 'b')", "actions"),
        ("import os\nos.path.nope", "has no attribute"),
        ("open('x', 'w')", "rule"),
        ("eval('1')", "dict"),
        ("import os\nos.environ['A'] = '1'", "shell.prefix"),
        ("import os\ndict(os.environ)", "iterable"),
        ("import os\nos.environ.items()", "by its name"),
    ] {
        let raise = raised(source);
        let text = format!("{}\n{}", raise.message(), help_of(&raise));
        assert!(text.contains(wanted), "{source}: {text}");
    }
}

#[test]
fn prints_are_log_lines() {
    let vm = loaded("print('a', 1, [2])\nprint('x', 'y', sep='-')");
    assert_eq!(vm.log, ["a 1 [2]", "x-y"]);
    let (vm, f) = frozen("def f(): print('later')", "f");
    vm.call(&f, vec![], vec![]).unwrap();
    assert_eq!(vm.take_printed(), ["later"]);
}

#[test]
fn expand_does_what_snakemake_does() {
    let mut vm = loaded(
        "def wc_fn(wc): return [wc + '1', wc + '2']\ndef pairs(a, b): return [[a[0], b[1]], [a[1], b[0]]]",
    );
    for (expr, wanted) in [
        ("expand('{a}.{b}', a=['x', 'y'], b=[1, 2])", "['x.1', 'x.2', 'y.1', 'y.2']"),
        ("expand('{a}.{b}', zip, a=['x', 'y'], b=[1, 2])", "['x.1', 'y.2']"),
        ("expand('{a}.{b}', zip, a=['x', 'y'], b=[1])", "['x.1']"),
        ("expand(['{a}', '{b}'], a='x', b=[1, 2])", "['x', '1', '2']"),
        ("expand('{a}/{{s}}', a=['x'])", "['x/{s}']"),
        ("expand('{a}/{s}', a=['x'], allow_missing=True)", "['x/{s}']"),
        ("expand('plain', a=[1, 2])", "['plain']"),
        ("expand('plain', zip, a=[1, 2])", "[]"),
        ("expand('{a}', a=[])", "[]"),
        ("expand('{a}', a=5)", "['5']"),
        ("expand('{a:03d}', a=[5])", "['005']"),
        ("expand('{a[0]}', a=[['q']])", "['q']"),
        ("expand('{a}', a={'k': 1})", "['k']"),
        ("expand([], a=1)", "[]"),
        ("collect('{a}', a=(x for x in 'ab'))", "['a', 'b']"),
        ("expand('{a}.{b}', pairs, a=['x', 'y'], b=[1, 2])", "['x.2', 'y.1']"),
        ("expand('{a}.{b}', a=wc_fn, b='z')('w')", "['w1.z', 'w2.z']"),
        ("expand(lambda wc: wc + '{a}', a=[1])('w')", "['w1']"),
        ("callable(expand('{a}', a=wc_fn))", "True"),
    ] {
        assert_eq!(value(&mut vm, expr), wanted, "{expr}");
    }
    assert!(value(&mut vm, "expand('{a}{b}', a=1)").starts_with("WildcardError"));
    assert!(value(&mut vm, "expand('{}', a=1)").starts_with("IndexError"));
}

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in [
        "raw/a_1.csv",
        "raw/a_2.csv",
        "raw/b_1.csv",
        "raw/sub/c_3.csv",
        "x/x.txt",
        "x/y.txt",
        ".rulemake/log",
    ] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "one\r\ntwo\nthree").unwrap();
    }
    dir
}

fn read_kinds(vm: &Vm) -> Vec<String> {
    vm.reads().iter().map(|r| format!("{} {} {}", r.kind, r.what, r.digest.is_some())).collect()
}

#[test]
fn files_are_read_as_text_and_recorded() {
    let dir = tree();
    let source = "with open('raw/a_1.csv') as f:\n    lines = [line.strip() for line in f]\n\
                  text = open('raw/a_1.csv').read()\nf = open('raw/a_1.csv')\nfirst = f.readline()\nrest = f.readlines()\n\
                  f.close()\ntry:\n    open('nope')\nexcept FileNotFoundError:\n    missing = True";
    let mut vm = loaded_in(dir.path(), source).unwrap();
    assert_eq!(
        value(&mut vm, "lines, text, first, rest"),
        "(['one', 'two', 'three'], 'one\\ntwo\\nthree', 'one\\n', ['two\\n', 'three'])"
    );
    assert_eq!(read_kinds(&vm), ["file raw/a_1.csv true", "file nope false"]);
    assert!(value(&mut vm, "f.read()").starts_with("ValueError"));
    assert!(value(&mut vm, "open('raw')").starts_with("IsADirectoryError"));
    assert!(value(&mut vm, "open('raw/a_1.csv', 'rb')").starts_with("UnsupportedError"));
    std::fs::write(dir.path().join("latin"), b"\xff").unwrap();
    assert!(value(&mut vm, "open('latin')").starts_with("UnicodeDecodeError"));
}

#[test]
fn the_digest_of_a_read_follows_what_was_seen() {
    let dir = tree();
    let source = "import os, glob\nfrom os.path import exists\nopen('raw/a_1.csv')\nexists('z')\nglob_wildcards('raw/{n}.csv')\nglob.glob('raw/*')\nos.listdir('raw')";
    let before = loaded_in(dir.path(), source).unwrap().reads().to_vec();
    assert_eq!(before, loaded_in(dir.path(), source).unwrap().reads());
    std::fs::write(dir.path().join("raw/a_1.csv"), "other").unwrap();
    std::fs::write(dir.path().join("raw/new.csv"), "").unwrap();
    std::fs::write(dir.path().join("z"), "").unwrap();
    let after = loaded_in(dir.path(), source).unwrap().reads().to_vec();
    assert_eq!(before.len(), 5);
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((old.kind, &old.what), (new.kind, &new.what));
        assert_ne!(old.digest, new.digest, "{}", old.kind);
    }
}

#[test]
fn glob_wildcards_finds_what_snakemake_finds_in_sorted_order() {
    let dir = tree();
    let mut vm = loaded_in(dir.path(), "import glob, os").unwrap();
    for (expr, wanted) in [
        (
            "glob_wildcards('raw/{s}_{n}.csv')",
            "Wildcards(s=['a', 'a', 'b', 'sub/c'], n=['1', '2', '1', '3'])",
        ),
        ("glob_wildcards('raw/{s,[a-z]+}_{n}.csv').s", "['a', 'a', 'b']"),
        ("glob_wildcards('./raw/{s}_2.csv').s", "['a']"),
        ("glob_wildcards('{d}/{d}.txt').d", "['x']"),
        ("glob_wildcards('{d}/y.txt').d", "['x']"),
        ("glob_wildcards('raw/{s}').s", "['a_1.csv', 'a_2.csv', 'b_1.csv', 'sub', 'sub/c_3.csv']"),
        ("glob_wildcards('nowhere/{s}').s", "[]"),
        ("[s for s, in [glob_wildcards('raw/{s}_2.csv')]]", "[['a']]"),
        ("len(glob_wildcards('{any}').any)", "9"),
        ("glob.glob('raw/*.csv')", "['raw/a_1.csv', 'raw/a_2.csv', 'raw/b_1.csv']"),
        (
            "glob.glob('raw/**/*.csv', recursive=True)",
            "['raw/a_1.csv', 'raw/a_2.csv', 'raw/b_1.csv', 'raw/sub/c_3.csv']",
        ),
        ("glob.glob('*')", "['raw', 'x']"),
        ("os.listdir('raw')", "['a_1.csv', 'a_2.csv', 'b_1.csv', 'sub']"),
        ("os.path.isfile('raw'), os.path.isdir('raw'), os.path.isfile('x/x.txt')", "(False, True, True)"),
    ] {
        assert_eq!(value(&mut vm, expr), wanted, "{expr}");
    }
    assert!(value(&mut vm, "glob_wildcards('{a').a").starts_with("ValueError"));
    assert!(value(&mut vm, "glob_wildcards('{a,(}').a").starts_with("ValueError"));
}

#[cfg(unix)]
#[test]
fn glob_wildcards_does_not_follow_loops() {
    let dir = tree();
    std::os::unix::fs::symlink("..", dir.path().join("raw/up")).unwrap();
    let mut vm = loaded_in(dir.path(), "").unwrap();
    assert_eq!(
        value(&mut vm, "glob_wildcards('raw/up/{s}.csv').s"),
        "['raw/a_1', 'raw/a_2', 'raw/b_1', 'raw/sub/c_3']"
    );
    assert_eq!(value(&mut vm, "glob_wildcards('raw/{s}_2.csv').s"), "['a']");
    let followed = value(&mut vm, "glob_wildcards('raw/{s}_2.csv', followlinks=True).s");
    assert!(followed.contains("'up/raw/a'") && followed.len() < 400, "{followed}");
}

#[test]
fn values_reach_jobs_as_plain_data() {
    let vm = loaded("x = {'a': (1, 2.5), 3: {'n': None}, 'g': (i for i in 'ab'), 's': {True}}");
    let plain = vm.get_global("x").unwrap().to_model().unwrap();
    assert_eq!(plain.to_string(), "{'a': (1, 2.5), '3': {'n': None}, 'g': ['a', 'b'], 's': {True}}");
    let back = Value::from_model(&plain);
    assert_eq!(back.to_model().unwrap(), plain);
    assert!(loaded("f = len").get_global("f").unwrap().to_model().is_err());
}

/// Programs from a grammar: mostly senseless, now and then not.
fn program() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "f", "x", "len", "str", "sorted", "expand", "nope"]);
    let atom = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|x| format!("{x:?}").replace("NaN", "float('nan')").replace("inf", "1e999")),
        prop::sample::select(vec![
            "'é{a}'",
            "''",
            "None",
            "True",
            "[]",
            "{}",
            "()",
            "0",
            "-1",
            "'%5.2f|%s'",
            "'{:>{}}'",
            "range(9)",
            "{1: 2}",
            "{1, 'a'}",
            "[3, 1, 2]",
            "'a b,c'",
            "9223372036854775807",
            "float('nan')",
            "'{0:,}'",
        ])
        .prop_map(String::from),
        name.clone().prop_map(String::from),
    ];
    let operator = prop::sample::select(vec![
        "+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>", "==", "<", ">=", "in", "is", "and",
        "or", "not in",
    ]);
    let method = prop::sample::select(vec![
        "split",
        "join",
        "format",
        "append",
        "pop",
        "get",
        "items",
        "update",
        "sort",
        "index",
        "replace",
        "find",
        "center",
        "zfill",
        "strip",
        "rsplit",
        "partition",
        "count",
        "insert",
        "union",
        "nope",
        "splitlines",
        "expandtabs",
        "translate",
        "setdefault",
        "remove",
        "startswith",
        "title",
        "keys",
        "extend",
    ]);
    let expr = atom.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), operator.clone(), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), method.clone(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(a, m, args)| format!("({a}).{m}({})", args.join(", "))),
            (name.clone(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(f, args)| format!("{f}({})", args.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, i)| format!("({a})[{i}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, i, j)| format!("({a})[{i}:{j}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, *{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a} for x in {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{x: {a} for x, *b in {b}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(lambda x, *f: {a})({b})")),
            inner.clone().prop_map(|a| format!("f\"{{{}!r:>9}}\"", a.replace(['"', '\\'], ""))),
            inner.clone().prop_map(|a| format!("(-{a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
        ]
    });
    let simple = prop_oneof![
        expr.clone(),
        expr.clone().prop_map(|e| format!("a = {e}")),
        expr.clone().prop_map(|e| format!("a, *b = {e}")),
        expr.clone().prop_map(|e| format!("a += {e}")),
        (expr.clone(), expr.clone()).prop_map(|(i, e)| format!("a[{i}] = {e}")),
        (expr.clone(), expr.clone()).prop_map(|(i, e)| format!("b[{i}:] = {e}")),
        expr.clone().prop_map(|e| format!("del a[{e}]")),
        expr.clone().prop_map(|e| format!("raise {e}")),
        Just("del a".to_string()),
    ];
    let stmt = simple.prop_recursive(3, 12, 3, move |inner| {
        let body = prop::collection::vec(inner, 1..3).prop_map(|b| {
            b.iter()
                .flat_map(|s| s.lines().map(|l| format!("    {l}\n")).collect::<Vec<_>>())
                .collect::<String>()
        });
        prop_oneof![
            (expr.clone(), body.clone()).prop_map(|(e, b)| format!("if {e}:\n{b}")),
            (expr.clone(), body.clone()).prop_map(|(e, b)| format!("for x in {e}:\n{b}")),
            (expr.clone(), body.clone()).prop_map(|(e, b)| format!("while {e}:\n{b}")),
            (expr.clone(), body.clone()).prop_map(|(e, b)| format!("def f(x, a={e}):\n{b}f(1)")),
            (body.clone(), body).prop_map(|(b, h)| format!("try:\n{b}except Exception as e:\n{h}")),
        ]
    });
    prop::collection::vec(stmt, 1..6).prop_map(|stmts| format!("a = [1]\nb = 'x'\n{}\n", stmts.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_program_panics_and_every_program_ends(source in program()) {
        if let Ok(block) = parse_file(SourceId(0), &source) {
            let mut vm = Vm::new("/nowhere", Budget::new(20_000, 4 << 20));
            if let Err(raise) = vm.exec_block(&block, &mut NoHost) {
                drop(raise.to_problem());
            }
            let result = vm.get_global("a").map(|v| (v.repr(), v.to_model().is_ok()));
            drop(result);
            drop(vm.freeze([]));
        }
    }

    #[test]
    fn arithmetic_of_small_numbers_agrees_with_wide_arithmetic(x in -1000i64..1000, y in -1000i64..1000) {
        prop_assert_eq!(outcome(&format!("({x}) + ({y}), ({x}) * ({y})")), format!("= ({}, {})", x + y, x * y));
        if y != 0 {
            let (q, r) = (x.div_euclid(y), x.rem_euclid(y));
            // Python's rest has the sign of the divisor, Euclid's none.
            let (q, r) = if r != 0 && y < 0 { (q - 1, r + y) } else { (q, r) };
            prop_assert_eq!(outcome(&format!("({x}) // ({y}), ({x}) % ({y})")), format!("= ({q}, {r})"));
        }
    }
}
