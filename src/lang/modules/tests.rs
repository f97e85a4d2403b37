//! Promises of the modules that the differential tests cannot see: they always end, they ask before they take
//! memory, what they look at is recorded, and what they lack says what to do instead.

use crate::diag::SourceId;
use crate::lang::budget::Budget;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::Value;
use crate::lang::vm::{NoHost, Vm};
use crate::syntax::{parse_expression, parse_file};
use std::path::Path;
use std::sync::Arc;

fn run(root: &Path, source: &str) -> Result<Vm<'static>, Raise> {
    let block = parse_file(SourceId(0), source).unwrap_or_else(|problems| panic!("{source}\n{problems:?}"));
    let mut vm = Vm::new(root, Budget::new(300_000, 1 << 24));
    let variables = [("HOME", "/home/me"), ("PATH", "bin:/nowhere")];
    vm.set_variables(&variables.map(|(name, value)| (name.to_string(), value.to_string())));
    vm.exec_block(&block, &mut NoHost)?;
    Ok(vm)
}

#[track_caller]
fn raised(source: &str) -> Raise {
    match run(Path::new("/"), source) {
        Ok(_) => panic!("no error: {source}"),
        Err(raise) => raise,
    }
}

fn value(vm: &mut Vm, expr: &str) -> String {
    let expr = parse_expression(SourceId(0), expr).unwrap();
    vm.eval(&expr).map_or_else(|raise| format!("{raise:?}"), |value| value.repr())
}

fn said(raise: &Raise) -> String {
    let problem = raise.to_problem();
    format!("{} | {}", problem.message, problem.help.join("; "))
}

#[test]
fn what_has_no_end_or_is_huge_is_refused() {
    for source in [
        "import itertools\nitertools.product(range(10**5), repeat=3)",
        "import itertools\nitertools.product([1], repeat=10**12)",
        "import itertools\nitertools.permutations(range(100))",
        "import itertools\nitertools.combinations(range(10**4), 5)",
        "import itertools\nitertools.combinations_with_replacement(range(1000), 10)",
        "import itertools\nlist(itertools.count())",
        "import itertools\nset(itertools.cycle([1, 2]))",
        "import itertools\nfor i in itertools.count(): pass",
        "import itertools\nitertools.repeat(0, 10**12)",
        "import itertools\nsum(itertools.repeat(1))",
        "import itertools\nall(itertools.repeat(True))",
        "import itertools\n'a' in itertools.repeat('b')",
        "import itertools\nitertools.tee([0] * 10**5, 10**6)",
        "import itertools\ndict(zip(itertools.count(), itertools.count()))",
        "import itertools\n'x'.join(itertools.repeat('a'))",
        "import itertools\na, *b = itertools.count()",
        "import itertools\n[*itertools.count()]",
        "import itertools\nf = lambda *a: 1\nf(*itertools.count())",
        "import itertools, csv\ncsv.reader(itertools.repeat('a'))",
        "import itertools, functools\nfunctools.reduce(lambda a, b: a, itertools.count())",
        "import functools\nfunctools.reduce(lambda a, b: a + a, range(100), 'xx')",
        "from collections import deque\nimport itertools\ndeque(itertools.count(), maxlen=3)",
        "from collections import Counter\nimport itertools\nCounter(itertools.count())",
        "from collections import Counter\nCounter(a=10**12).elements()",
        "from collections import defaultdict\nd = defaultdict(list)\ni = 0\nwhile True:\n    d[i].append(i)\n    i += 1",
        "import re\nre.sub('', 'b' * 10**5, 'a' * 10**5)",
        "import re\nre.findall('', 'a' * 10**7)",
        "import re\nre.split('b', 'ab' * 10**6)",
        "import textwrap\ntextwrap.indent('a\\n' * 10**5, ' ' * 10**5)",
        "import textwrap\ntextwrap.wrap('a ' * 10**7)",
        "from string import Template\nTemplate('$a' * 10**5).substitute(a='b' * 10**5)",
        "import os\nos.path.join(*['a' * 10**5] * 1000)",
        "import fnmatch\nwhile True: fnmatch.fnmatch('a' * 10**6, '*a' * 60 + 'b')",
        "import json\nx = [0]\nfor i in range(60): x = [x, x]\njson.dumps(x)",
        "import yaml\nx = [0]\nfor i in range(60): x = [x, x]\nyaml.dump(x)",
        "import json\nx = 'a' * 10**6\njson.dumps([x] * 1000)",
        "bytes(10**12)",
        "def f():\n    while True: yield 1\nf()",
        "def f():\n    while True: yield from range(10**6)\nnext(f())",
        "from pathlib import Path\np = Path('a')\nwhile True: p = p / 'b'",
        "import hashlib\nh = hashlib.md5()\nx = ('a' * 10**6).encode()\nwhile True: h.update(x)",
        "import logging\nwhile True: logging.info('x')",
        "import sys\nwhile True: sys.stderr.write('x' * 10**4)",
    ] {
        assert_eq!(raised(source).kind(), Exc::BudgetExceeded, "{source}: {}", said(&raised(source)));
    }
    for (source, kind) in [
        ("import json\njson.loads('[' * 10**5)", Exc::JSONDecodeError),
        ("import yaml\nyaml.safe_load('[' * 10**4)", Exc::YAMLError),
        ("import copy\nx = []\nfor i in range(10**4): x = [x]\ncopy.deepcopy(x)", Exc::RecursionError),
        ("import json\nx = []\nfor i in range(10**4): x = [x]\njson.dumps(x)", Exc::ValueError),
        ("import yaml\nx = []\nfor i in range(10**4): x = [x]\nyaml.dump(x)", Exc::RecursionError),
        ("import re\nre.compile('((a{100}){100}){100}')", Exc::RegexError),
        ("import re\nre.compile('(' * 10**4 + ')' * 10**4)", Exc::RegexError),
        ("import fnmatch\nfnmatch.fnmatch('a', '*a' * 10**4)", Exc::ValueError),
        ("import math\nmath.comb(10**9, 5 * 10**8)", Exc::OverflowError),
        ("import math\nmath.perm(10**12)", Exc::OverflowError),
        ("import math\nmath.factorial(10**12)", Exc::OverflowError),
        ("from functools import lru_cache\n@lru_cache\ndef f(n): return f(n + 1)\nf(0)", Exc::RecursionError),
        ("from functools import partial\nf = lambda x: partial(f, x)()\nf(1)", Exc::RecursionError),
    ] {
        assert_eq!(raised(source).kind(), kind, "{source}: {}", said(&raised(source)));
    }
}

#[test]
fn matching_has_no_bad_cases() {
    let source = "import re\nx = 'a' * 100_000\nfound = [re.match(p, x) for p in ('(a*)*b', '(a|a)*b', '(a+)+$b', 'a*a*a*a*b')]";
    assert_eq!(value(&mut run(Path::new("/"), source).unwrap(), "found"), "[None, None, None, None]");
}

/// Dropping a long chain must not overflow the stack.
#[test]
fn long_chains_of_objects_are_dropped() {
    for wrap in [
        "deque([x])",
        "partial(print, x)",
        "partial(x)",
        "lru_cache(x)",
        "itemgetter(x)",
        "SimpleNamespace(x=x)",
        "namedtuple('P', 'a')(x)",
        "namedtuple('P', 'a', defaults=[x])",
        "namedtuple('P', 'a', defaults=[x])(0)",
        "defaultdict(lambda y=x: y)",
        "cycle([x])",
        "repeat(x)",
        "OrderedDict(a=x)",
        "cmp_to_key(x)",
    ] {
        let source = format!(
            "from collections import *\nfrom functools import *\nfrom operator import *\nfrom itertools import *\nfrom types import SimpleNamespace\nx = len\nfor i in range(30000): x = {wrap}"
        );
        drop(run(Path::new("/"), &source).unwrap_or_else(|raise| panic!("{wrap}: {raise:?}")));
    }
    for expr in ["repr(x)", "x == x", "str(x)", "f'{x}'"] {
        let source =
            format!("from collections import deque\nx = 0\nfor i in range(30000): x = deque([x])\n{expr}");
        if let Err(raise) = run(Path::new("/"), &source) {
            assert_eq!(raise.kind(), Exc::RecursionError, "{expr}");
        }
    }
}

#[test]
fn regular_expressions_say_what_they_lack() {
    for (pattern, wanted) in [
        (
            "a(?=b)",
            "look-ahead at position 1 of the regular expression `a(?=b)` is not supported | match more",
        ),
        ("(?!x)a", "look-ahead at position 0"),
        ("(?<=a)b", "look-behind at position 0"),
        ("(?<!a)b", "two steps"),
        (r"(a)\\1", "a back reference at position 3"),
        (r"(?P<x>a)(?P=x)", "compare them: `m[1] == m[2]`"),
        ("a++", "a possessive quantifier"),
        ("(?>a)", "an atomic group"),
        ("(a)?(?(1)b|c)", "a condition"),
    ] {
        let raise = raised(&format!("import re\nre.search('{pattern}', 'x')"));
        assert_eq!(raise.kind(), Exc::UnsupportedError, "{pattern}");
        assert!(said(&raise).contains(wanted), "{pattern}: {}", said(&raise));
    }
    let raise = raised("import re\nre.compile('a(b')");
    assert!(said(&raise).contains("missing ), unterminated subpattern at position 1"), "{}", said(&raise));
}

#[test]
fn what_modules_lack_says_what_to_do_instead() {
    for (source, wanted) in [
        ("import os\nos.system('x')", "`shell:` of a rule"),
        ("import os\nos.environ['A'] = '1'", "shell.prefix"),
        ("import os\nos.path.getmtime('x')", "decided by the content"),
        ("from os.path import getmtime\ngetmtime('x')", "decided by the content"),
        ("import shutil\nshutil.copy('a', 'b')", "actions of a rule"),
        ("import time\ntime.localtime()", "same workflow every time"),
        ("import random\nrandom.random()", "random.seed"),
        ("import csv\ncsv.writer(1)", "script that a rule runs"),
        ("import yaml\nyaml.dump({}, 5)", "changes no files"),
        ("import hashlib\nhashlib.sha512()", "`sha256`"),
        ("from pathlib import Path\nPath('a').write_text('x')", "`shell:` of a rule"),
        ("import gzip\ngzip.open('x')", "unpack files in a rule"),
        ("from dataclasses import dataclass\n@dataclass\ndef f(): pass", "namedtuple"),
        ("import subprocess as sp\nsp.check_output(['ls'])", "`shell:` of a rule"),
        ("from snakemake.io import no_such_thing\nno_such_thing()", "not available"),
    ] {
        let raise = raised(source);
        assert!(said(&raise).contains(wanted), "{source}: {}", said(&raise));
    }
}

#[test]
fn what_the_host_says_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("bin")).unwrap();
    std::fs::write(dir.path().join("bin/tool"), "x").unwrap();
    let source = "import os, shutil\nfrom pathlib import Path\nfrom glob import glob\na = os.environ.get('HOME')\nb = os.getenv('NOPE', 1)\nc = os.cpu_count() > 0\nd = os.getcwd() == str(Path.cwd())\ne = shutil.which('tool')\nf = os.path.getsize('bin/tool')\ng = os.path.islink('bin')\nh = list(Path('bin').glob('*'))\ni = glob('**/t*', recursive=True)";
    let mut vm = run(dir.path(), source).unwrap();
    assert_eq!(
        value(&mut vm, "[a, b, c, d, e, f, g, h, i]"),
        "['/home/me', 1, True, True, 'bin/tool', 1, False, [PosixPath('bin/tool')], ['bin/tool']]"
    );
    let reads: Vec<String> =
        vm.reads().iter().map(|r| format!("{} {} {}", r.kind, r.what, r.digest.is_some())).collect();
    assert_eq!(
        reads,
        [
            "variable HOME true",
            "variable NOPE false",
            "host processors true",
            "host directory true",
            "variable PATH true",
            "exists bin/tool true",
            "size bin/tool true",
            "link bin true",
            "glob-recursive-hidden bin/* true",
            "glob-recursive **/t* true",
        ]
    );
}

#[test]
fn yaml_is_read_and_written_as_pyyaml_does_it() {
    let mut vm = run(Path::new("/"), "import yaml, io").unwrap();
    for (data, text) in [
        (
            "{'b': 1, 'a': [1, 2], 'c': {'x': None, 'y': []}, 'd': {}}",
            "a:\\n- 1\\n- 2\\nb: 1\\nc:\\n  x: null\\n  y: []\\nd: {}\\n",
        ),
        ("[1, [2, 3], {'a': 1, 'b': [4]}]", "- 1\\n- - 2\\n  - 3\\n- a: 1\\n  b:\\n  - 4\\n"),
        ("'text'", "text\\n...\\n"),
        ("5", "5\\n...\\n"),
        ("[{'a': {'b': [1]}}]", "- a:\\n    b:\\n    - 1\\n"),
        ("{'k': [[]], 'l': [{}]}", "k:\\n- []\\nl:\\n- {}\\n"),
        ("{'a': [{'b': 1}, {'c': 2}]}", "a:\\n- b: 1\\n- c: 2\\n"),
        ("{1: 'a', 2: 'b'}", "1: a\\n2: b\\n"),
        (
            "{'g': 1e20, 'h': 1.5, 'i': True, 'j': '#c', 'k': '@a', 'l': 'a:b', 'm': 'x:'}",
            "g: 1.0e+20\\nh: 1.5\\ni: true\\nj: '#c'\\nk: '@a'\\nl: a:b\\nm: 'x:'\\n",
        ),
        (
            "{'t': '1', 'u': '', 'v': 'a: b', 'x': 'a # b', 'y': '-x', 'z': '- x', 's': 'yes'}",
            "s: 'yes'\\nt: '1'\\nu: ''\\nv: 'a: b'\\nx: 'a # b'\\ny: -x\\nz: '- x'\\n",
        ),
    ] {
        assert_eq!(value(&mut vm, &format!("yaml.safe_dump({data}) == \"{text}\"")), "True", "{data}");
        assert_eq!(value(&mut vm, &format!("yaml.safe_load(\"{text}\") == {data}")), "True", "{data}");
    }
    for (expr, wanted) in [
        ("yaml.dump({'d': '2024-01-31', 'f': 'é'})", "'d: \\'2024-01-31\\'\\nf: \"\\\\xE9\"\\n'"),
        ("yaml.dump({'b': 1, 'a': [1, {'c': 2}]}, default_flow_style=True)", "'{a: [1, {c: 2}], b: 1}\\n'"),
        ("yaml.dump({'b': 1, 'a': 2}, sort_keys=False)", "'b: 1\\na: 2\\n'"),
        ("yaml.load(io.StringIO('a: 1:30'), Loader=yaml.FullLoader)", "{'a': 90}"),
        ("yaml.safe_load('')", "None"),
        ("yaml.safe_load('a: &x [1]\\nb: *x\\n')", "{'a': [1], 'b': [1]}"),
    ] {
        assert_eq!(value(&mut vm, expr), wanted, "{expr}");
    }
    let raise = raised("import yaml\nyaml.safe_load('a: 1\\nb: [')");
    assert_eq!(raise.kind(), Exc::YAMLError);
    assert!(raise.message().contains("line 2"), "{}", raise.message());
}

#[test]
fn what_is_logged_stands_in_the_log() {
    let source = "import logging, warnings, sys\nfrom snakemake.logging import logger\nlogging.info('a %s', 1)\nlogging.getLogger('x').warning('b')\nlogger.error('c')\nlogger.debug('no')\nwarnings.warn('d')\nprint('e', file=sys.stderr)\nsys.stderr.write('f\\n')";
    assert_eq!(
        run(Path::new("/"), source).unwrap().log,
        ["a 1", "warning: b", "error: c", "warning: d", "e", "f"]
    );
}

#[test]
fn snakemakes_modules_give_the_names_of_every_rulefile() {
    let source = "from snakemake.io import expand, glob_wildcards as g\nfrom snakemake.exceptions import WorkflowError\nimport snakemake.io as sio\nx = expand('{a}', a=[1, 2])\ny = sio.expand is expand\ntry:\n    raise WorkflowError('z')\nexcept WorkflowError as e:\n    z = str(e)";
    assert_eq!(value(&mut run(Path::new("/"), source).unwrap(), "[x, y, z]"), "[['1', '2'], True, 'z']");
}

/// After the load many threads share what a cached function remembers.
#[test]
fn a_cached_function_is_shared_and_its_results_are_frozen() {
    let source = "from functools import lru_cache, partial\ncalls = []\n@lru_cache(maxsize=None)\ndef table(name):\n    return {'name': name, 'rows': list(range(1000))}\nbefore = table('a')\ndef get(name, key):\n    return table(name)[key]\ndef spoil(name):\n    table(name)['x'] = 1\ntaken = partial(get, key='name')";
    let vm = run(Path::new("/"), source).unwrap();
    let (get, spoil, taken) = ("get", "spoil", "taken");
    let [get, spoil, taken] = [get, spoil, taken].map(|name| vm.get_global(name).unwrap());
    assert_eq!(taken.parameters(), [Arc::from("name")]);
    let frozen = vm.freeze([&get, &spoil, &taken]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..200 {
                    let name = Value::from(format!("n{}", i % 7));
                    let found = frozen.call(&taken, vec![name.clone()], vec![]).unwrap();
                    assert!(found.is_same(&name));
                }
            });
        }
    });
    for name in ["a", "n1", "new"] {
        let raise = frozen.call(&spoil, vec![name.into()], vec![]).err().unwrap();
        assert_eq!(raise.kind(), Exc::FrozenError, "{name}");
    }
}

#[test]
fn what_changes_while_files_load_cannot_change_later() {
    let source = "from collections import deque, Counter, defaultdict\nfrom types import SimpleNamespace\nd = deque([1])\nc = Counter('ab')\nn = SimpleNamespace(a=1)\ndd = defaultdict(list)\nit = iter([1, 2])\ndef f1(): d.append(2)\ndef f2(): c['a'] += 1\ndef f3(): n.a = 2\ndef f4(): dd['x']\ndef f5(): next(it)\ndef f6(): return [len(d), c['zz'], n.a, dd.get('x')]";
    let vm = run(Path::new("/"), source).unwrap();
    let functions: Vec<Value> = (1..=6).map(|i| vm.get_global(&format!("f{i}")).unwrap()).collect();
    let frozen = vm.freeze(&functions);
    for function in &functions[..5] {
        let raise = frozen.call(function, vec![], vec![]).err().unwrap();
        assert_eq!(raise.kind(), Exc::FrozenError, "{}", function.repr());
    }
    assert_eq!(frozen.call(&functions[5], vec![], vec![]).unwrap().repr(), "[1, 0, 1, None]");
}
