//! `run:` in this process and by Python: both do the same. The one is seen where there is no Python, the other where the
//! body uses what only Python has.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use support::{Case, program};

/// A case in which only these programs are found.
fn without_python(case: Case) -> Case {
    fs::create_dir_all(case.path(".bin")).unwrap();
    for name in
        ["bash", "cat", "cp", "echo", "head", "rm", "sed", "seq", "sleep", "sort", "touch", "tr", "wc", "env"]
    {
        let found = ["/bin", "/usr/bin"].iter().map(|dir| format!("{dir}/{name}"));
        let path = found.into_iter().find(|path| fs::metadata(path).is_ok()).unwrap();
        symlink(path, case.path(&format!(".bin/{name}"))).unwrap();
    }
    let path = case.path(".bin").to_string_lossy().into_owned();
    case.env("PATH", &path)
}

const AROUND: &str = r#"
import os, json, re, shutil, math
import os.path as osp
from os.path import join, basename
from pathlib import Path
from collections import Counter, defaultdict

configfile: "config.yaml"
SAMPLES = ["s1", "s2"]
DEPTHS = {"s1": 10, "s2": [1, 2]}
NAME = "global"
FACTOR = 2.5

def double(x):
    return x * 2

def describe(name, width=8):
    return f"{name:>{width}}|{double(3)}|{SAMPLES[0]}"

def write_all(path, lines):
    with open(path, "w") as out:
        for line in lines:
            print(line, file=out)

"#;

const RULE: &str = r#"
rule one:
    input: "in1.txt", x="in2.txt", l=["in1.txt", "in2.txt"]
    output: "out/{s}.txt", named="out/{s}.named.txt"
    params: "pos", a=1, b=2.5, c=True, d=None, e=["x", "y z"], f={"k": [1, 2]}, g=lambda wc: wc.s * 2
    threads: 3
    resources: mem_mb=100, foo="bar"
    log: "logs/{s}.log"
    run:
"#;

fn rulefile(body: &str, python: bool) -> String {
    let mut lines: Vec<String> = body.lines().map(|line| format!("        {line}")).collect();
    if python {
        lines.insert(0, "        import subprocess".into());
    }
    format!("{AROUND}{RULE}{}\n", lines.join("\n"))
}

fn case(body: &str, python: bool) -> Case {
    Case::new()
        .rulefile(&rulefile(body, python))
        .file("config.yaml", "key: value\nlist: [1, 2, 3]\nmap: {a: 1}\n")
        .file("in1.txt", "one\ntwo\n\nthree")
        .file("in2.txt", "a\tb\r\nc\td\r\n")
        .file("dir/deep/x.txt", "x\n")
        .file("dir/y.txt", "y\n")
}

/// All files that a run left, with their texts; and what the job printed.
fn left(case: &Case) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = case
        .files("")
        .into_iter()
        .filter(|path| !path.starts_with(".bin/") && path != "Rulefile")
        .map(|path| (path.clone(), fs::read_to_string(case.path(&path)).unwrap_or_default()))
        .collect();
    let log = fs::read_to_string(case.path(".rulemake/runs/1/jobs/0.log")).unwrap_or_default();
    found.insert("the log".into(), log);
    found
}

const END: &str = "\nfor path in output:\n    Path(path).touch()\n";

/// Runs the body both ways, to a good end.
#[track_caller]
fn same(body: &str) {
    let body = format!("{body}{END}");
    let args = ["out/s1.txt", "-j4"];
    let here = without_python(case(&body, false)).call(&args);
    let python = case(&body, true).call(&args);
    let (here, python) = (left(&here), left(&python));
    assert_eq!(here, python, "\nhere and in Python, for\n{body}");
}

#[test]
fn what_a_body_sees_of_its_job_is_the_same() {
    let expressions = [
        "input",
        "output",
        "params",
        "wildcards",
        "log",
        "threads",
        "rule",
        "input[0]",
        "input.x",
        "input['x']",
        "input.l",
        "f'{input.l}|{input}'",
        "'{}'.format(input.l)",
        "list(input)",
        "len(input)",
        "input[1:]",
        "input[-1]",
        "sorted(input)",
        "[p for p in input]",
        "'in1.txt' in input",
        "input + ['more']",
        "', '.join(input)",
        "' '.join(input.l)",
        "output.named",
        "output[1]",
        "wildcards.s",
        "wildcards['s']",
        "params.a + 1",
        "params.b",
        "params.c",
        "params.d",
        "params.e",
        "params.f['k']",
        "params.g",
        "params[0]",
        "params.get('nothing', 'else')",
        "params.get('a')",
        "resources.mem_mb",
        "resources.foo",
        "log[0]",
        "str(log)",
        "config",
        "config['map']['a']",
        "config.get('none', 5)",
        "NAME",
        "SAMPLES",
        "DEPTHS['s1'] / 4",
        "FACTOR ** 2",
        "describe(wildcards.s)",
        "describe('x', width=3)",
        "bool(input)",
        "bool(log)",
        "[basename(p) for p in input]",
        "join('a', 'b')",
        "osp.exists(input[0])",
        "os.path.getsize(input.x)",
        "json.dumps(params.f, indent=1)",
        "Path(input[0]).stem",
        "re.sub('[aeiou]', '', wildcards.s + NAME)",
        "math.sqrt(16)",
        "Counter('abca')['a']",
        "expand('{a}-{b}', a=[1, 2], b='x')",
        "max(len(p) for p in input)",
        "{p: len(p) for p in input}",
        "sorted(os.listdir('dir'))",
        "threads * 2",
        "repr(wildcards.s)",
        "input.get('x')",
        "list(input.keys())",
        "dict(wildcards.items())",
        "not input",
    ];
    let prints: Vec<String> = expressions.iter().map(|expression| format!("print({expression})")).collect();
    same(&prints.join("\n"));
}

#[test]
fn files_are_read_and_written_alike() {
    same(
        "with open(output[0], 'w') as out:\n    for path in input:\n        with open(path) as lines:\n            for line in lines:\n                out.write(line.strip() + '|')",
    );
    same(
        "write_all(output[0], [1, 'two', 3.0])\nwith open(output[0], 'a') as f:\n    f.writelines(['x\\n', 'y\\n'])",
    );
    same(
        "f = open('t.txt', 'w')\nf.write('never closed')\ng = open('u.txt', 'w'); print(g.write('four'), g.name, g.closed); g.close(); print(g.closed)",
    );
    same(
        "print(open(input.x).read().split('\\t'))\nprint(open(input[0]).readlines(), open(input[0]).readline())",
    );
    same("f = open(input[0])\nprint(next(f)); print(f.read(2)); print(f.read()); f.close()");
    same(
        "json.dump({'a': [1, None, 2.5]}, open('x.json', 'w'), indent=2, sort_keys=True)\nprint(json.load(open('x.json')))",
    );
    same(
        "Path('p/q').mkdir(parents=True)\nPath('p/q/r.txt').write_text('text')\nprint(Path('p/q/r.txt').read_text(), Path('p').is_dir())",
    );
    same(
        "try:\n    open('x.txt', 'x').close()\n    open('x.txt', 'x')\nexcept FileExistsError:\n    print('there')\nfinally:\n    print('end')",
    );
    same("try:\n    open('nowhere')\nexcept OSError:\n    print('none')");
}

#[test]
fn files_are_moved_and_removed_alike() {
    same(
        "shutil.copy(input[0], output[0])\nshutil.copyfile(input.x, output.named)\nprint(shutil.copy('dir/y.txt', 'dir/deep'))",
    );
    same(
        "shutil.copytree('dir', 'tree')\nshutil.rmtree('dir')\nshutil.move('tree/y.txt', 'tree/deep')\nprint(sorted(os.listdir('tree/deep')))",
    );
    same(
        "shutil.copytree('dir', 'dir2', dirs_exist_ok=True)\nos.rename('dir2/y.txt', 'z.txt')\nos.remove('z.txt')\nos.makedirs('a/b/c', exist_ok=True)\nos.rmdir('a/b/c')\nprint(os.path.isdir('a/b'))",
    );
    same(
        "os.symlink('in1.txt', 'link')\nprint(os.path.islink('link'), open('link').read())\nos.unlink('link')\nprint(os.path.exists('link'))",
    );
    same(
        "Path('t').touch()\nprint(Path('t').rename('u').name)\nPath('u').unlink()\nPath('u').unlink(missing_ok=True)",
    );
    same(
        "shutil.rmtree('nowhere', ignore_errors=True)\ntry:\n    os.makedirs('dir')\nexcept FileExistsError:\n    print('there')",
    );
    same(
        "for name in ('a', 'b'):\n    os.makedirs(name)\n    shutil.move(name, 'moved_' + name)\nprint(sorted(p for p in os.listdir('.') if p.startswith('moved')))",
    );
}

#[test]
fn commands_run_alike() {
    same(
        "shell('cat {input} > {output[0]}; echo {params.e} {params.b:.2f} {wildcards.s} {threads} {rule} > {output.named}')",
    );
    same(
        "n = 5\nshell('seq {n} | wc -l')\nshell('echo {SAMPLES} {NAME} {config[key]} {more}', more='given')\nshell('echo {} {}', 1, 2)",
    );
    same(
        "print(shell('echo a; echo b', read=True).split())\nfor line in shell('seq 3', iterable=True):\n    print(int(line) * 2)",
    );
    same(
        "name = 'it is'\nshell('echo {name:q} {params.e:q} {input:q} {{braces}}')\nfor x in [1, 2]:\n    shell(f'echo {x} {{x}}')",
    );
    same("shell('''\n    echo one\n    echo two >&2\n    ''')\nshell('echo $OMP_NUM_THREADS')");
    same(
        "def run_it(what):\n    shell('echo {what} {NAME}')\nrun_it('inner')\n[shell('echo {i}') for i in range(2)]",
    );
}

#[test]
fn a_body_has_the_globals_for_itself() {
    // Each of the two jobs starts from what the Rulefile says, as in a process of its own.
    let body = "SAMPLES.append(wildcards.s)\nDEPTHS['s2'].append(3)\nconfig['new'] = 1\nx = config\nx['key'] += '!'\n\
                print(SAMPLES, DEPTHS, sorted(config.items()), describe('n'), file=open(output[0], 'w'))";
    same(body);
    let body = format!("{body}{END}");
    let case = without_python(case(&body, false)).call(&["-j2", "out/s1.txt", "out/s2.txt"]);
    let wanted = |s: &str| {
        format!(
            "['s1', 's2', '{s}'] {{'s1': 10, 's2': [1, 2, 3]}} [('key', 'value!'), ('list', [1, 2, 3]), ('map', {{'a': 1}}), \
             ('new', 1)]        n|6|s1\n"
        )
    };
    case.has("out/s1.txt", &wanted("s1")).has("out/s2.txt", &wanted("s2"));
}

#[test]
fn programs_of_many_steps_are_alike() {
    same(
        "total = defaultdict(int)\nfor path in input:\n    for i, line in enumerate(open(path)):\n        words = line.split()\n\
         \x20       if not words:\n            continue\n        for word in words:\n            total[word] += i\n\
         print(dict(total))\nwhile len(total) > 2:\n    total.pop(sorted(total)[0])\nelse:\n    print(sorted(total, key=lambda w: (-total[w], w)))",
    );
    same(
        "a, *b = range(5)\nassert b == [1, 2, 3, 4], 'no'\ndel b[0]\nb[1:] = [9]\nprint(a, b, b[::-1], a if b else 'x')\nprint('%s-%05.1f' % ('x', 2.25), f'{a=} {b!r:>10}')",
    );
    same(
        "def inner(n):\n    return 1 if n < 2 else n * inner(n - 1)\nprint([inner(n) for n in range(8)], list(map(str, range(3))))\nif True:\n    pass\nprint(sum(x for x in range(100000)))",
    );
    same(
        "import os\nfrom shutil import copy\ncopy(input[0], output[0])\nprint(os.path.dirname(output[0]))\nprint('one', 'two', sep='-', end='.')\nprint(flush=True)",
    );
}

#[test]
fn the_directory_of_a_shadow_job_is_where_paths_start() {
    let body = "Path('beside.txt').write_text('x')\nshell('cat beside.txt {input[0]} > {output[0]}')\nprint(sorted(os.listdir('.')) == ['beside.txt', 'in1.txt', 'in2.txt', 'logs', 'out'])\nopen(output.named, 'w').write(os.getcwd().split('/')[-3])";
    for python in [false, true] {
        let text = rulefile(body, python).replace("    run:\n", "    shadow: 'minimal'\n    run:\n");
        let case = case(body, python).rulefile(&text);
        let case = if python { case } else { without_python(case) };
        case.call(&["out/s1.txt"])
            .has("out/s1.txt", "xone\ntwo\n\nthree")
            .has("out/s1.named.txt", "shadow")
            .has_not("beside.txt")
            .has(".rulemake/runs/1/jobs/0.log", "True\n");
    }
}

#[test]
fn a_failure_is_one_both_ways() {
    for (body, message) in [
        ("raise ValueError('the reason')", "ValueError: the reason"),
        ("assert 1 == 2, 'no luck'", "no luck"),
        ("open('x.txt', 'w').write('y')\nshell('exit 7')", "exit"),
        ("open('nowhere/x', 'w')", "nowhere/x"),
        ("{}['key']", "key"),
        ("open('x', 'w').write('y')\nprint(int('x'))", "int"),
        ("shell('echo {nothing}')", "nothing"),
    ] {
        for python in [false, true] {
            let case = case(body, python);
            let case = if python { case } else { without_python(case) };
            case.call_with_code(&["out/s1.txt"], 1).stderr_has(message).has_not("out/s1.txt");
        }
    }
}

#[test]
fn what_only_python_has_is_left_to_it_and_said_where_it_lacks() {
    for (body, because) in [
        ("import subprocess", "subprocess"),
        ("print(b'x')", "bytes"),
        ("def g():\n    yield 1\nprint(list(g()))", "generator"),
        ("print(any(print(x) for x in [1]))", "generator"),
        ("try:\n    pass\nexcept Exception as e:\n    print(e)", "exceptions"),
        ("open(input[0], 'rb')", "open"),
        ("class K: pass", "class"),
        ("global NAME\nNAME = 1", "global"),
        ("print(10 ** len(input))", "64 bits"),
        ("print(1 << len(input))", "64 bits"),
        ("n = len(input)\nn **= 50", "64 bits"),
        ("print(2 ** 64)", "64 bits"),
        ("print(pow(len(input), 50))", "pow"),
        ("print(os.environ['HOME'])", "environ"),
        ("print(isinstance(input, list))", "type"),
        ("print(input == ['a'])", "compares"),
        ("print(rules.one.output)", "rules"),
    ] {
        without_python(case(body, false))
            .call_with_code(&["out/s1.txt"], 1)
            .stderr_has("python3")
            .stderr_has(because);
        let body = format!("{body}{END}");
        case(&body, false).call(&["out/s1.txt"]);
    }
}

#[test]
fn what_turns_out_to_be_missing_while_it_runs_is_left_to_python_when_nothing_was_done() {
    // More than 64 bits, which only Python has; it is not seen before.
    let body = "x = 2 ** 40\nprint(x * x)";
    case(&format!("{body}{END}"), false)
        .call(&["out/s1.txt"])
        .has(".rulemake/runs/1/jobs/0.log", "1208925819614629174706176\n");
    // Something was done: it cannot begin again.
    let body = "Path('log.txt').write_text('x')\nx = 2 ** 40\nprint(x * x)";
    case(body, false).call_with_code(&["out/s1.txt"], 1).stderr_has("Rulefile:");
}

/// What Snakemake has imported is there in Rulefiles and in both kinds of bodies; what a Rulefile defines wins.
#[test]
fn what_snakemake_imports_needs_no_import() {
    let rulefile = |python: &str| {
        format!(
            r#"
copy = "mine"
rule a:
    input: os.path.join("in", Path("x.txt").name)
    output: "a.txt"
    params: n=lambda wildcards: re.sub("a", "b", "aa") + copy, m=partial(int, "3")(), c=list(chain([1], [2]))
    run:
        {python}
        os.makedirs("made", exist_ok=True)
        text = os.path.join(copy, params.n, re.sub("x", "y", "x"), str(params.m), str(params.c))
        Path(output[0]).write_text(text + str(list(chain([3], [4]))))
"#
        )
    };
    let case = |python: &str| Case::new().rulefile(&rulefile(python)).file("in/x.txt", "");
    let expected = "mine/bbmine/y/3/[1, 2][3, 4]";
    without_python(case("pass")).run(&[]).has("a.txt", expected);
    let python = "assert tempfile.gettempdir() and subprocess.call(['true']) == 0 and namedtuple('P', 'a')(1).a\n        \
                  logger.debug(f'{platform.system()} {datetime.now()} {partial(int, 1)()} {WorkflowError}')";
    case(python).run(&[]).has("a.txt", expected);
}

/// What Snakemake has imported is there in a body, whoever runs it, and for Python only what the body names.
#[test]
fn names_without_an_import_are_there_for_python_too() {
    let case = Case::new().rulefile(
        "rule a:\n    output: 'a'\n    run:\n        class Own:\n            pass\n        \
         text = os.path.basename('d/x') + Path('d/y').name + str(partial(max, 2)(3)) + WorkflowError.__name__\n        \
         open(output[0], 'w').write(text + re.sub('a', 'b', 'a') + str(list(chain([1], [2]))))\n",
    );
    case.run(&["a"]).has("a", "xy3WorkflowErrorb[1, 2]");
}

/// The order of a set is Python's own: a body in which it could be seen is Python's to run, another is not.
#[test]
fn sets_are_ours_only_where_their_order_cannot_be_seen() {
    let rules = "NUMS = {5, 3, 1, 10, -1}\n\
                 rule seen:\n    output: 'seen'\n    run:\n        open(output[0], 'w').write(str(list({5, 3, 1, 10, -1})))\n\
                 rule known:\n    output: 'known'\n    run:\n        open(output[0], 'w').write(str(list(NUMS)))\n\
                 rule sorted_:\n    output: 'sorted'\n    run:\n        \
                 text = str(sorted(set([3, 1, 3]))) + str(len({1, 1})) + str(2 in {1, 2})\n        \
                 open(output[0], 'w').write(text)\n";
    let case = Case::new().rulefile(rules).run(&["seen", "known", "sorted"]);
    let mut python = program("python3");
    let printed = python.args(["-c", "print(list({5, 3, 1, 10, -1}), end='')"]).output().unwrap();
    let order = String::from_utf8_lossy(&printed.stdout).into_owned();
    let case = case.has("seen", &order).has("known", &order).has("sorted", "[1, 3]1True");
    // The last one needs no Python.
    case.remove("sorted").env("PATH", "/nowhere").run(&["sorted"]).ran(&["sorted_ sorted"]);
}
