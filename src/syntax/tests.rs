//! Structure tests by a compact printer, error tests by `line:column code`, and properties.

use super::ast::*;
use super::shape::{block, expr};
use super::{parse_expression, parse_file};
use crate::diag::{Problem, SourceId, SourceMap, Span};
use proptest::prelude::*;

fn sources(text: &str) -> SourceMap {
    let mut sources = SourceMap::default();
    sources.add("Rulefile", text);
    sources
}

fn place(sources: &SourceMap, p: &Problem) -> String {
    let span = p.labels[0].0;
    let (line, column) = sources.file(span.source).line_column(span.start);
    format!("{line}:{column} {}", p.code)
}

fn file(text: &str) -> String {
    match parse_file(SourceId(0), text) {
        Ok(tree) => block(&tree),
        Err(problems) => {
            let sources = sources(text);
            problems
                .iter()
                .map(|p| format!("{} {}", place(&sources, p), p.message))
                .collect::<Vec<_>>()
                .join("\n")
        }
    }
}

fn ex(text: &str) -> String {
    match parse_expression(SourceId(0), text) {
        Ok(e) => expr(&e),
        Err(p) => format!("{} {}", place(&sources(text), &p), p.message),
    }
}

/// `line:column code` of every problem.
fn errors(text: &str) -> Vec<String> {
    let sources = sources(text);
    match parse_file(SourceId(0), text) {
        Ok(tree) => vec![format!("accepted: {}", block(&tree))],
        Err(problems) => problems.iter().map(|p| place(&sources, p)).collect(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(file(text), expected, "\n{text}");
}

#[track_caller]
fn check_expr(text: &str, expected: &str) {
    assert_eq!(ex(text), expected, "{text}");
}

#[track_caller]
fn check_errors(text: &str, expected: &[&str]) {
    assert_eq!(errors(text), expected, "\n{text}\n{}", file(text));
}

// ---- expressions

#[test]
fn operators_bind_as_in_python() {
    for (text, tree) in [
        ("1 + 2 * 3", "(Add 1 (Mul 2 3))"),
        ("1 - 2 - 3", "(Sub (Sub 1 2) 3)"),
        ("2 ** 3 ** 2", "(Pow 2 (Pow 3 2))"),
        ("-2 ** 2", "(Neg (Pow 2 2))"),
        ("2 ** -1 * 3", "(Mul (Pow 2 (Neg 1)) 3)"),
        ("- -x", "(Neg (Neg x))"),
        ("a | b ^ c & d << 1", "(BitOr a (BitXor b (BitAnd c (ShiftLeft d 1))))"),
        ("a // b % c @ d", "(MatMul (Mod (FloorDiv a b) c) d)"),
        ("~a + +b", "(Add (Invert a) (Pos b))"),
        ("not a == b", "(Not (cmp a Eq b))"),
        ("a and not b or c and d", "(or (and a (Not b)) (and c d))"),
        ("a < b <= c != d", "(cmp a Lt b Le c Ne d)"),
        ("a in b not in c is d is not e", "(cmp a In b NotIn c Is d IsNot e)"),
        ("a if b else c if d else e", "(if b a (if d c e))"),
        ("(a := 1) + 2", "(Add (a := 1) 2)"),
        ("a.b[1].c(2)(3)", "a.b[1].c(2)(3)"),
        ("inner + notx + iffy", "(Add (Add inner notx) iffy)"),
        ("a\\\n + b # done", "(Add a b)"),
    ] {
        check_expr(text, tree);
    }
}

#[test]
fn literals_and_displays() {
    for (text, tree) in [
        ("(None, True, False, ...)", "(tuple None true false ...)"),
        ("0x_ff + 0b11 + 0o17 + 1_000", "(Add (Add (Add 255 3) 15) 1000)"),
        ("[1.5, .5, 5., 1e3, 1.5E-7, 00]", "[1.5 0.5 5.0 1000.0 1.5e-7 0]"),
        ("()", "(tuple )"),
        ("(1)", "1"),
        ("(1,)", "(tuple 1)"),
        ("1, 2,", "(tuple 1 2)"),
        ("[*a, b]", "[*a b]"),
        ("{}", "{}"),
        ("{'a': 1, **b, 'c': 2,}", "{\"a\":1 **b \"c\":2}"),
        ("{1, 2}", "(set 1 2)"),
        ("[x for x, y in z if x if y for w in x]", "(List x for (tuple x y) in z if x if y for w in x)"),
        ("{k: v for k, v in d.items()}", "(Dict k:v for (tuple k v) in d.items())"),
        ("{x for x in y}", "(Set x for x in y)"),
        ("(x for x in y)", "(Generator x for x in y)"),
        ("f(x for x in y)", "f((Generator x for x in y))"),
        ("f(a, *b, c=1, **d)", "f(a *b c=1 **d)"),
        (
            "a[1:2], a[:], a[::2], a[x:], a[:-1], a[1, 2]",
            "(tuple a[1:2:_] a[_:_:_] a[_:_:2] a[x:_:_] a[_:(Neg 1):_] a[(tuple 1 2)])",
        ),
        ("lambda: 0", "(lambda () 0)"),
        ("lambda a, b=1, *c, d, **e: a", "(lambda (a b=1 *c kw d **e) a)"),
        ("lambda a, /, b, *, c: a", "(lambda (a b kw c) a)"),
        ("lambda x: lambda y: x if y else z", "(lambda (x) (lambda (y) (if y x z)))"),
        ("a if b else lambda: c", "(if b a (lambda () c))"),
        ("{'a': lambda wc: wc.x, 'b': 1}", "{\"a\":(lambda (wc) wc.x) \"b\":1}"),
    ] {
        check_expr(text, tree);
    }
}

#[test]
fn strings_join_and_escape() {
    for (text, tree) in [
        (r#""a" 'b'"#, r#""ab""#),
        ("'''a\n'b''' \"\"\"c\"\"\"", r#""a\n'bc""#),
        (r"r'\d' '\x41\n'", r#""\\dA\n""#),
        (r"R'\''", r#""\\'""#),
        ("u'x'", r#""x""#),
        (r"b'a\x00' B'b'", r#"b"a\x00b""#),
        (r"b'\377\400\u00e9\N'", r#"b"\xff\x00\\u00e9\\N""#),
        (r"rb'\n'", r#"b"\\n""#),
        (r#""a" f"{x}" ".b".format()"#, r#"f["a" <x> ".b"].format()"#),
        ("'a\\\nb'", r#""ab""#),
        ("'''a\r\nb\rc'''", r#""a\nb\nc""#),
        ("''", "\"\""),
        ("'{{}}'", r#""{{}}""#),
    ] {
        check_expr(text, tree);
    }
}

#[test]
fn fstrings_nest_as_in_pep_701() {
    for (text, tree) in [
        ("f'{a}-{b.c[0]}'", r#"f[<a> "-" <b.c[0]>]"#),
        ("f'{{{a}}}'", r#"f["{" <a> "}"]"#),
        (r#"f"{x["a"]}""#, r#"f[<x["a"]>]"#),
        (r#"f"{f"{f"{1}"}"}""#, "f[<f[<f[<1>]>]>]"),
        ("f'{x!r:>{w}.{p}}'", r#"f[<x !r :">" <w> "." <p>>]"#),
        ("f'{x = }{y=!s:5}'", r#"f[<x ="x = "> <y ="y=" !s :"5">]"#),
        ("f'{x!=y}{a==b}'", "f[<(cmp x Ne y)> <(cmp a Eq b)>]"),
        ("f'{x:=5}'", r#"f[<x :"=5">]"#),
        ("f'{(x:=5)}'", "f[<(x := 5)>]"),
        ("f'{ {1: 2}[1] }'", "f[<{1:2}[1]>]"),
        ("f'{a, b}'", "f[<(tuple a b)>]"),
        ("f'{x:%Y-%m-%d}'", r#"f[<x :"%Y-%m-%d">]"#),
        ("f'{x\n + y}'", "f[<(Add x y)>]"),
        ("rf'\\d{x}\\'", "1:1 unclosed-string this string is never closed"),
        ("fr'\\d{x}'", r#"f["\\d" <x>]"#),
        ("F'\\x41\\{x}'", r#"f["A\\" <x>]"#),
        ("f'''a\n{x}\n'b' '''", r#"f["a\n" <x> "\n'b' "]"#),
        ("f'{(lambda: 1)()}'", "f[<(lambda () 1)()>]"),
        ("f''", "f[]"),
        ("f'\\x7b\\x7b'", r#"f["{{"]"#),
    ] {
        check_expr(text, tree);
    }
}

// ---- statements and structure

#[test]
fn simple_statements() {
    for (text, tree) in [
        ("a = b = 1", "a = b = 1"),
        ("a, *b = c", "(tuple a *b) = c"),
        ("[a, (b, c)] = d", "[a (tuple b c)] = d"),
        ("a.b[0] += 1; c **= 2", "a.b[0] Add= 1; c Pow= 2"),
        ("a: int = 3", "a: _ = 3"),
        ("a.b: List[str]", "a.b: _"),
        ("name2: str", "name2: _"),
        ("import os, os.path as p", "import os; import os.path as p"),
        ("from a.b import (c as d,\n  e,)", "from a.b import c as d e"),
        ("from . import x", "from . import x"),
        ("from a import *", "from a import *"),
        ("assert x, 'm'", "assert x, \"m\""),
        ("del a[0], b", "del a[0] b"),
        ("raise ValueError('x') from None", "raise ValueError(\"x\")"),
        ("raise", "raise"),
        ("global a, b", "global a b"),
        ("pass; break; continue;", "pass; break; continue"),
        ("x = 1 if a else \\\n  2", "x = (if a 1 2)"),
        ("passed = 1", "passed = 1"),
        ("rule = input.rule(rule)", "rule = input.rule(rule)"),
        ("include = 1; input, output = 1, 2", "include = 1; (tuple input output) = (tuple 1 2)"),
        ("rule in x", "(cmp rule In x)"),
        ("match = re.match(x)", "match = re.match(x)"),
        ("lambda: 0", "(lambda () 0)"),
    ] {
        check(text, tree);
    }
}

#[test]
fn compound_statements() {
    check("if a:\n  b\nelif c: d\nelse:\n  e\nf\n", "if a {b} if c {d} else {e}; f");
    check(
        "for x, y in z:\n\tif x: continue\n\tbreak\nelse:\n\tpass",
        "for (tuple x y) in z {if x {continue}; break} else {pass}",
    );
    check("while x := f(): pass\n", "while (x := f()) {pass}");
    check("with open(a) as f, g: pass", "with open(a) as f g {pass}");
    check("with (open(a) as f,\n      g): pass", "with open(a) as f g {pass}");
    check(
        "try:\n  a\nexcept (A, B) as e:\n  b\nexcept:\n  c\nelse:\n  d\nfinally:\n  e\n",
        "try {a} except (tuple A B) as e {b} except {c} else {d} finally {e}",
    );
    check(
        "def f(a: int, b: str = 'x', *args, c=1, **kw) -> Dict[str, int]:\n    'doc'\n    def g(): return a\n    return g\n",
        "def f(a b=\"x\" *args kw c=1 **kw) {\"doc\"; def g() {return a}; return g}",
    );
    check("def f(\n  a,\n  # why\n  b,\n): return a,\n", "def f(a b) {return (tuple a)}");
    check("if (a and\nb):\n  if c:\n     d\n  e", "if (and a b) {if c {d}; e}");
    check(
        "if x == {'a': 1}['a'] or (lambda: 1)(): pass",
        "if (or (cmp x Eq {\"a\":1}[\"a\"]) (lambda () 1)()) {pass}",
    );
    check("if lambda x: x: pass", "if (lambda (x) x) {pass}");
    check(
        "def f():\n    output: List[str] = []\n    x: int\n    return output",
        "def f() {output: _ = []; x: _; return output}",
    );
}

#[test]
fn rules_and_directives() {
    check(
        "rule a:\n    input: 'x', y='z'\n    output:\n        'o',\n        *b\n    shell: 'c'\n",
        "rule a {input(\"x\" y=\"z\") output(\"o\" *b) shell(\"c\")}",
    );
    check("rule:\n  output: 'x'\n", "rule _ {output(\"x\")}");
    check("checkpoint c:\n  output: 'x',\n", "checkpoint c {output(\"x\")}");
    check("rule a: input: 'x'\nb", "rule a {input(\"x\")}; b");
    check(
        "rule a:\n    \"\"\"Docs\n    here.\"\"\"\n    params: lambda wc, x={1: 2}: wc.a, k=3\n    run:\n        for x in y:\n            print(x)\n\n        shell('a')\n    threads: 4\n",
        "rule a {\"Docs\\n    here.\" params((lambda (wc x={1:2}) wc.a) k=3) run \"for x in y:\\n    print(x)\\n\\nshell('a')\" {for x in y {print(x)}; shell(\"a\")} threads(4)}",
    );
    check(
        "rule a:\n    input:\n# comment at 0\n        'a',  # why\n\n   # odd\n            'b'\n\n        'c',\n    output: 'o'\n# end\n\nrule b:\n    input: 'd'",
        "rule a {input(\"a\" \"bc\") output(\"o\")}; rule b {input(\"d\")}",
    );
    check(
        "rule a:\n    shell:\n        'a '\n        f'{b} '\n        'c'\n",
        "rule a {shell(f[\"a \" <b> \" c\"])}",
    );
    check("rule a:\n    foo_bar: 1\n    default_target: True", "rule a {foo_bar(1) default_target(true)}");
    check(
        "include: 'a' + b\nconfigfile: 'c.yaml'\nwildcard_constraints:\n    a='x',\n    b='y'\n",
        "@include((Add \"a\" b)); @configfile(\"c.yaml\"); @wildcard_constraints(a=\"x\" b=\"y\")",
    );
    check("localrules: a, b\nruleorder: a > b > c", "@localrules(a b); @ruleorder((cmp a Gt b Gt c))");
    check("includ: 'a'\n", "@includ(\"a\")");
    check(
        "if a:\n    rule b:\n        input: 'x'\n    include: 'y'\nelse:\n    rule b:\n        pass\n",
        "if a {rule b {input(\"x\")}; @include(\"y\")} else {rule b {}}",
    );
    check(
        "for x in y:\n    rule:\n        name: f'a{x}'\n        output: 'o'\n",
        "for x in y {rule _ {name(f[\"a\" <x>]) output(\"o\")}}",
    );
    check("rule a:\n    input:\n    output: 'x'\n", "rule a {input() output(\"x\")}");
    check(
        "rule a:\n    input: expand('a',\nx=[1,\n2])\n    output: 'b'\n",
        "rule a {input(expand(\"a\" x=[1 2])) output(\"b\")}",
    );
}

#[test]
fn modules_and_used_rules() {
    check(
        "module m:\n    snakefile: 'x'\n    config: config\n",
        "module m {snakefile(\"x\") config(config)}",
    );
    check(
        "module:\n    name: f'm{i}'\n    pathvars: a='b'\n",
        "module _ {name(f[\"m\" <i>]) pathvars(a=\"b\")}",
    );
    check(
        "module m: snakefile: 'x'\nmodule = 1\nmodule.a = module\n",
        "module m {snakefile(\"x\")}; module = 1; module.a = module",
    );
    for (text, tree) in [
        (
            "use rule a as b with:\n    'doc'\n    input: 'x'\n    threads: 2\n",
            "use a as b {\"doc\" input(\"x\") threads(2)}",
        ),
        ("use rule * from m\n", "use * from m {}"),
        ("use rule * from m as m_*  # all\n", "use * from m as m_* {}"),
        ("use rule * from m exclude x, y as *_m\n", "use * from m but x y as *_m {}"),
        ("use rule a,b  from m as p_*_s", "use a b from m as p_*_s {}"),
        ("use rule a from m as b with: input: 'x'\n", "use a from m as b {input(\"x\")}"),
        (
            "use rule a from m with:\n    output:\n        'x',\n        y='z'\n",
            "use a from m {output(\"x\" y=\"z\")}",
        ),
        ("if a:\n    use rule a as b\nuse = 1\n", "if a {use a as b {}}; use = 1"),
        ("use rule a as exclude\n", "use a as exclude {}"),
    ] {
        check(text, tree);
    }
    for (text, error) in [
        ("use rule\n", "1:1 bad-use-rule"),
        ("use rule from m\n", "1:1 bad-use-rule"),
        ("use rule a\n", "1:1 bad-use-rule"),
        ("use rule * as b_*\n", "1:10 bad-use-rule"),
        ("use rule * from m with:\n    input: 'x'\n", "1:10 bad-use-rule"),
        ("use rule a from\n", "1:12 bad-use-rule"),
        ("use rule a as\n", "1:12 bad-use-rule"),
        ("use rule a from m exclude\n", "1:19 bad-use-rule"),
        ("use rule a from m b c\n    input: 'x'\n", "1:19 bad-use-rule"),
        ("use rule a as b with\n    input: 'x'\n", "1:21 missing-colon"),
        ("use rule a as b with:\nx = 1\n", "1:21 missing-body"),
        ("use rule a as 1b\n", "1:15 bad-rule-head"),
        ("use rule a as b with:\n    x = 1\n", "2:5 not-a-section"),
        ("module m\n    snakefile: 'x'\n", "1:9 missing-colon"),
        ("module m n:\n    snakefile: 'x'\n", "1:10 bad-rule-head"),
        ("module m:\n    snakefil 'x'\n", "2:13 missing-colon"),
    ] {
        check_errors(text, &[error]);
    }
}

#[test]
fn other_directives() {
    check(
        "storage s3:\n    provider='s3', keep_local=True\nstorage: provider='x'\nstorage = 1\n",
        "@storage s3(provider=\"s3\" keep_local=true); @storage(provider=\"x\"); storage = 1",
    );
    check(
        "scattergather: split=8\npathvars:\n    a='b',\ninputflags: ancient\nresource_scopes:\n    mem='local'\nenvvars:\n    'A',\n    'B'\nworkdir: 'w'\n",
        "@scattergather(split=8); @pathvars(a=\"b\"); @inputflags(ancient); @resource_scopes(mem=\"local\"); @envvars(\"A\" \"B\"); @workdir(\"w\")",
    );
    check(
        "rule a:\n    pathvars: x='y'\n    script: 's.py'\n    notebook: 'n.ipynb'\n",
        "rule a {pathvars(x=\"y\") script(\"s.py\") notebook(\"n.ipynb\")}",
    );
}

#[test]
fn python_that_is_kept_as_text() {
    check(
        "@a.b\nclass A(B):\n    x = 1\n    def f(self):\n        return (yield)\n\ny = 1\n",
        "<Class A>; y = 1",
    );
    check("async def f():\n    await x\nasync with a:\n    pass\n", "<AsyncDef f>; <AsyncBlock _>");
    check("match x:\n    case 1:\n        y\nmatch: int = 2\n", "<Match _>; match: _ = 2");
    check("@f\n@g(1)\n# why\n\ndef h(): pass\n", "@f @g(1) def h() {pass}");
    check(
        "def f():\n    @cache\n    def g(): pass\n    class B: pass\n",
        "def f() {@cache def g() {pass}; <Class B>}",
    );
    check(
        "def f():\n    x = yield\n    yield 1, 2\n    yield from g()\n    (yield x)\n",
        "def f() {x = (yield _); (yield (tuple 1 2)); (yield from g()); (yield x)}",
    );
    check("x = a[1:2, 3, ::2, :]\n", "x = a[(tuple 1:2:_ 3 _:_:2 _:_:_)]");
}

#[test]
fn code_of_another_time_is_tree_and_text() {
    check(
        "onstart:\n    print('x')\n    if y:\n        z\nonsuccess: mail(log); clean()\nonerror:\n    class A: pass\n",
        "onstart \"print('x')\\nif y:\\n    z\" {print(\"x\"); if y {z}}; onsuccess \"mail(log); clean()\" {mail(log); clean()}; onerror \"class A: pass\" unsupported-class",
    );
    check(
        "rule a:\n    output: 'x'\n    run:\n        input: str = 'a'\n        class = 1\n    # end\n\nrule b:\n    run: shell('b')\n",
        "rule a {output(\"x\") run \"input: str = 'a'\\nclass = 1\" unexpected-text}; rule b {run \"shell('b')\" {shell(\"b\")}}",
    );
    check_errors("rule a:\n    run:\n    output: 'x'\n", &["2:8 missing-body"]);
    check_errors("onstart:\nx = 1\n", &["1:8 missing-body"]);
}

/// What Python gets must be what was written: only the indentation of lines goes, none inside of strings.
#[test]
fn the_text_of_code_is_dedented_outside_of_strings() {
    let text = |source: &str| -> (String, u32) {
        let block = parse_file(SourceId(0), source).unwrap();
        let StmtKind::Rule(rule) = &block[0].kind else { panic!("no rule") };
        let code = rule.sections[0].code.clone().unwrap();
        (code.text.to_string(), sources(source).file(SourceId(0)).line_column(code.span.start).0)
    };
    for (body, expected, line) in [
        ("\n        a\n\n        # c\n        if b:\n            c  # d\n", "a\n\n# c\nif b:\n    c  # d", 3),
        ("  # why\n\n        x = '''a\n        b\n  '''\n        y\n", "x = '''a\n        b\n  '''\ny", 4),
        ("\n\t\tx = f'''{\n\t\ta}\n\t\tb''' + (\n\t1)\n", "x = f'''{\n\t\ta}\n\t\tb''' + (\n1)", 3),
        ("\r\n        a\r\n        b\r\n", "a\r\nb", 3),
        (" a; b\n", "a; b", 2),
        (
            "\n        x = 'a\\\n        b'\n        y = 1 + \\\n            2\n",
            "x = 'a\\\n        b'\ny = 1 + \\\n    2",
            3,
        ),
    ] {
        let indent = if body.contains('\t') { "\t" } else { "    " };
        let source = format!("rule a:\n{indent}run:{body}{indent}output: 'x'\n");
        assert_eq!(text(&source), (expected.to_string(), line), "{source}");
    }
}

#[test]
fn line_ends_and_odd_white_space() {
    for end in ["\n", "\r\n", "\r"] {
        let text =
            ["rule a:", "    input: 'x',", "        # c", "", "        'y'", "    output: 'o'", "x = 1"]
                .join(end);
        check(&text, "rule a {input(\"x\" \"y\") output(\"o\")}; x = 1");
        check(&(text + end + "   " + end + "  # c"), "rule a {input(\"x\" \"y\") output(\"o\")}; x = 1");
    }
    check("\u{feff}x = 1\n", "x = 1");
    check("\x0cif a:\n    b\n\x0c\nc", "if a {b}; c");
    check("if a:\n  \x0c    b\n    c", "if a {b; c}");
    check("", "");
    check("\n  \n# only a comment", "");
    check("rule a:\n\tinput: 'x'\n\toutput:\n\t\t'y'\n\t\t'z'\n", "rule a {input(\"x\") output(\"yz\")}");
    check("if a:\n\tb\nif c:\n    d\n", "if a {b}; if c {d}");
    check("größe = 'ü'\nif größe:\n    ñ()", "größe = \"ü\"; if größe {ñ()}");
    check("x = 1  \t\n", "x = 1");
}

// ---- mistakes

#[test]
fn a_missing_colon_is_named() {
    check_errors("rule a\n    output: 'x'\n", &["1:7 missing-colon"]);
    check_errors(
        "rule a\n    output: 'x'\nrule b:\n    output 'y'\n",
        &["1:7 missing-colon", "4:11 missing-colon"],
    );
    check_errors("rule  a  # c\n    output: 'x'\n", &["1:8 missing-colon"]);
    check_errors("if a == 1\n    b\nelse\n    c\n", &["1:10 missing-colon", "3:5 missing-colon"]);
    check_errors("def f(x)\n    return x\n", &["1:9 missing-colon"]);
    check_errors("for x in y\n    z\n", &["1:11 missing-colon"]);
    check_errors("rule a:\n    input = 'x'\n", &["2:11 missing-colon"]);
}

#[test]
fn a_missing_comma_is_named() {
    check_errors("rule a:\n    input:\n        a\n        b,\n        'c'\n", &["3:10 missing-comma"]);
    check_errors(
        "rule a:\n    input:\n        a='x'\n        b='y'\n    output: c 'd'\n",
        &["3:14 missing-comma", "5:14 missing-comma"],
    );
    check_errors("x = [1 2]\n", &["1:7 missing-comma"]);
    check_errors("f(a\n  b)\n", &["1:4 missing-comma"]);
}

#[test]
fn unclosed_brackets_and_strings_point_to_their_opening() {
    check_errors(
        "x = foo(a,\n  [1, 2]\n\nrule b:\n    output: 'x'\nif c\n  d",
        &["1:8 unclosed-bracket", "6:5 missing-colon"],
    );
    check_errors("rule a:\n    input: expand('x', y=[1\n    output: 'z'\n", &["2:26 unclosed-bracket"]);
    check_errors("x = (1, [2)\ny = 'abc\nz = 1", &["1:11 mismatched-bracket", "2:5 unclosed-string"]);
    check_errors("x = 1)\n", &["1:6 unmatched-bracket"]);
    check_errors("x = '''abc\n\nrule b\n", &["1:5 unclosed-string"]);
    check_errors("x = f'{a'\n", &["1:7 unclosed-bracket"]);
    check_errors("x = f'{a:>5'\n", &["1:7 unclosed-bracket"]);
    check_errors("x = f'a}'\n", &["1:8 lone-brace"]);
    check_errors("x = f(rb'abc\n", &["1:7 unclosed-string"]);
}

#[test]
fn indentation_mistakes() {
    check_errors("rule a:\n    input: 'x'\n  output: 'y'\nb c\n", &["3:1 bad-dedent", "4:3 unexpected-text"]);
    check_errors("x = 1\n    y = 2\n", &["2:1 unexpected-indentation"]);
    check_errors("  x = 1\n", &["1:1 unexpected-indentation"]);
    check_errors("if a:\n\tb\n        c\n", &["3:1 mixed-indentation"]);
    check_errors(
        "rule a:\n    input: 'x'\n\toutput: 'y'\nif b\n  c",
        &["3:1 mixed-indentation", "4:5 missing-colon"],
    );
    check_errors("rule a:\n    input: 'x'\n      output: 'y'\n", &["3:7 bad-indentation"]);
    check_errors("if a:\nb\n", &["1:5 missing-body"]);
    check_errors("rule a:\nrule b:\n    output: 'x'", &["1:7 missing-body"]);
    check_errors("def f():\n\nx = 1\n", &["1:8 missing-body"]);
    check_errors("if a:\n    b\n  else:\n    c\n", &["3:1 bad-dedent"]);
}

#[test]
fn misplaced_and_unknown_things() {
    check_errors("input: 'x'\n", &["1:1 section-outside-rule"]);
    check_errors("rule a: xyz\n", &["1:9 not-a-section"]);
    check_errors(
        "rule a:\n    x = 1\n    output: 'x'\n    if y:\n        z\n",
        &["2:5 not-a-section", "4:5 not-a-section"],
    );
    check_errors("rule a b:\n    output: 'x'\n", &["1:8 bad-rule-head"]);
    check_errors("rule a-b:\n    output: 'x'\n", &["1:7 bad-rule-head"]);
    check_errors("rule 1a:\n    output: 'x'\n", &["1:6 bad-rule-head"]);
    check_errors("rul a:\n    output: 'x'\n", &["1:1 unknown-statement"]);
    check_errors("else:\n    x\n", &["1:1 stray-arm"]);
    check_errors("if a:\n    b\nelse if c:\n    d\n", &["3:6 unexpected-text"]);
    check_errors("try:\n    b\nc\n", &["1:1 missing-except"]);
    check_errors("def f:\n    b\ndef (x): y\n", &["1:5 bad-def", "3:1 bad-def"]);
    check_errors("if a: for b in c: d\n", &["1:7 unexpected-text"]);
}

#[test]
fn what_is_not_supported_says_so() {
    for (text, expected) in [
        ("@cache\nx = 1\n", "1:1 stray-decorator"),
        ("x = f(yield y)\n", "1:7 unexpected-text"),
        ("x = (await y)\n", "1:6 unsupported-async"),
        ("x = 1j\n", "1:5 bad-number"),
        ("x = '\\N{DASH}'\n", "1:6 bad-escape"),
    ] {
        check_errors(text, &[expected]);
    }
}

#[test]
fn expression_mistakes_have_places_and_words() {
    for (text, expected) in [
        ("x = ", "1:3 missing-expression"),
        ("x = 1 +\n", "1:7 missing-expression"),
        ("x = (1 + )\n", "1:10 missing-expression"),
        ("x = f(,)\n", "1:7 missing-expression"),
        ("if x = 1: pass\n", "1:6 assignment-in-condition"),
        ("x = a if b\n", "1:11 missing-else"),
        ("f() = 1\n", "1:1 bad-target"),
        ("x + 1 = 2\n", "1:1 bad-target"),
        ("None = 2\n", "1:1 bad-target"),
        ("print x\n", "1:7 unexpected-text"),
        ("x = a && b\n", "1:8 unexpected-text"),
        ("x = !a\n", "1:5 unexpected-text"),
        ("x = a ? b\n", "1:7 unexpected-text"),
        ("for x y in z: pass\n", "1:7 unexpected-text"),
        ("for x of z: pass\n", "1:7 unexpected-text"),
        ("x = 012\n", "1:5 bad-number"),
        ("x = 9223372036854775808\n", "1:5 bad-number"),
        ("x = 1a\n", "1:5 bad-number"),
        ("x = '\\xq'\n", "1:6 bad-escape"),
        ("x = f'{a!z}'\n", "1:9 bad-conversion"),
        ("x = f'{}'\n", "1:8 missing-expression"),
        ("x = *a\n", "1:5 unexpected-text"),
        ("def f(a=1, b): pass\n", "1:12 bad-parameter"),
        ("def f(a, a): pass\n", "1:10 bad-parameter"),
        ("x = {1: 2, 3}\n", "1:12 unexpected-text"),
        ("rule a:\n    input: lambda=1\n", "2:18 keyword-as-name"),
        ("rule a:\n    params: class=1\n", "2:13 keyword-as-name"),
        ("rule a:\n    params: a.b=1\n", "2:16 bad-item-name"),
        ("if : pass\n", "1:1 missing-expression"),
        ("x = a \\ b\n", "1:7 unexpected-text"),
    ] {
        check_errors(text, &[expected]);
    }
}

#[test]
fn no_message_names_a_production_of_the_grammar() {
    for text in
        ["x = 1 2", "f(", "x = )", "rule a: q", "for x y: z", "x = lambda y", "a b: c", "if", "x = [", "def"]
    {
        let message = file(text);
        for word in ["k_", "whole_", "_op", "exprs", "disjunction", "EOI", "bad_item"] {
            assert!(!message.contains(word), "{text}: {message}");
        }
    }
}

#[test]
fn several_mistakes_are_reported_in_one_go() {
    check_errors(
        "x = (1\nrule a:\n    input: 'a' b\n    output: c d\n    shell: 'x\n\nrule b\n    output: 'x'\ny = 'q\nz = 1 1\n",
        &[
            "1:5 unclosed-bracket",
            "5:12 unclosed-string",
            "7:7 missing-colon",
            "9:5 unclosed-string",
            "10:7 unexpected-text",
        ],
    );
    check_errors(
        "rule a:\n    input: 'a' b\n    output: c d\n    shell: 1 +\n",
        &["2:15 missing-comma", "3:14 missing-comma", "4:14 missing-expression"],
    );
}

// ---- limits

#[test]
fn deep_nesting_is_refused_not_overflowed() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(", ")"), ("{1: ", "}"), ("a[", "]"), ("lambda x=", ": 1"), ("f'{", "}'")]
    {
        let deep = format!("x = {}1{}\n", open.repeat(5000), close.repeat(5000));
        assert!(errors(&deep)[0].ends_with(" nested-too-deeply"), "{open}: {:?}", errors(&deep));
        let open_only = format!("x = {}", open.repeat(5000));
        assert!(errors(&open_only)[0].ends_with(" nested-too-deeply"), "{open}");
    }
    for text in
        ["-".repeat(50_000) + "1", "not ".repeat(50_000) + "1", "1".to_string() + &"+1".repeat(50_000)]
    {
        assert!(errors(&text)[0].ends_with(" nested-too-deeply"));
    }
    for part in [".a", "[0]", "()"] {
        assert!(errors(&("a".to_string() + &part.repeat(50_000)))[0].ends_with(" nested-too-deeply"));
    }
    let chain = "1 if 2 else ".repeat(50_000) + "3";
    assert!(errors(&chain)[0].ends_with(" nested-too-deeply"));
    let lambdas = "lambda: ".repeat(50_000) + "3";
    assert!(errors(&lambdas)[0].ends_with(" nested-too-deeply"));
    let blocks: String = (0..5000).map(|i| " ".repeat(i) + "if a:\n").collect();
    assert!(errors(&blocks)[0].ends_with(" nested-too-deeply"));
}

#[test]
fn nesting_up_to_the_limit_is_accepted() {
    for (open, close, n) in [
        ("(", ")", 95),
        ("[", "]", 95),
        ("f(", ")", 48),
        ("{1: ", "}", 95),
        ("a[", "]", 48),
        ("(lambda: ", ")", 48),
        ("f'{", "}'", 30),
    ] {
        let text = format!("x = {}1{}\n", open.repeat(n), close.repeat(n));
        assert!(errors(&text)[0].starts_with("accepted"), "{open}: {:?}", errors(&text));
    }
    let blocks: String =
        (0..90).map(|i| " ".repeat(i) + "if a:\n").collect::<String>() + &" ".repeat(90) + "b";
    assert!(errors(&blocks)[0].starts_with("accepted"));
    assert!(errors(&("x = 1".to_string() + &" or 1".repeat(20_000)))[0].starts_with("accepted"));
    assert!(errors(&("x = [".to_string() + &"'a', ".repeat(20_000) + "]"))[0].starts_with("accepted"));
}

#[test]
fn many_rules_parse_in_linear_time() {
    let rules = |n: usize| -> String {
        (0..n).map(|i| format!("rule r{i}:\n    input: 'a{i}/{{x}}.txt', b=expand('{{y}}', y=[1, 2])\n    output: 'b{i}/{{x}}.txt'\n    shell: 'cp {{input}} {{output}}'\n\n")).collect()
    };
    let time = |text: &str| {
        let start = std::time::Instant::now();
        assert!(parse_file(SourceId(0), text).is_ok());
        start.elapsed()
    };
    let nested = |n: usize| {
        "if x:\n".to_string()
            + &rules(n)
                .replace("rule ", "    rule ")
                .replace("    input", "        input")
                .replace("    output", "        output")
                .replace("    shell", "        shell")
    };
    for (small, large) in [(rules(100), rules(1000)), (nested(100), nested(1000))] {
        let a = time(&small);
        // The best of three: something else may run meanwhile.
        let b = (0..3).map(|_| time(&large)).min().unwrap();
        assert!(b < a * 40 + std::time::Duration::from_millis(200), "{a:?} for 100 rules, {b:?} for 1000");
    }
}

// ---- properties

fn walk(b: &Block, f: &mut impl FnMut(Span)) {
    for s in b {
        f(s.span);
        match &s.kind {
            StmtKind::Expr(e) => walk_expr(e, f),
            StmtKind::Assign { targets, value } => {
                targets.iter().chain([value]).for_each(|e| walk_expr(e, f))
            }
            StmtKind::If { arms, orelse } => {
                for (test, body) in arms {
                    walk_expr(test, f);
                    walk(body, f);
                }
                walk(orelse, f);
            }
            StmtKind::Def(def) => {
                if let FunctionBody::Block(body) = &def.body {
                    walk(body, f);
                }
            }
            StmtKind::Rule(rule) => {
                f(rule.head);
                for section in &rule.sections {
                    f(section.name.span);
                    section.args.iter().for_each(|a| walk_expr(&a.value, f));
                }
            }
            _ => {}
        }
    }
}

fn walk_expr(e: &Expr, f: &mut impl FnMut(Span)) {
    f(e.span);
    match &e.kind {
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|e| walk_expr(e, f)),
        ExprKind::Binary { left, right, .. } => [left, right].into_iter().for_each(|e| walk_expr(e, f)),
        ExprKind::Call { callee, args } => {
            walk_expr(callee, f);
            args.iter().for_each(|a| walk_expr(&a.value, f));
        }
        ExprKind::FString(parts) => parts.iter().for_each(|p| {
            if let FPart::Field { expr, .. } = p {
                walk_expr(expr, f);
            }
        }),
        _ => {}
    }
}

/// Text made of the tokens that matter, so that structure is reached.
fn rulefile_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("rule a:"),
        Just("rule"),
        Just("input:"),
        Just("output: "),
        Just("shell:"),
        Just("run:"),
        Just("if x:"),
        Just("else:"),
        Just("elif"),
        Just("def f(a):"),
        Just("for x in y:"),
        Just("try:"),
        Just("except"),
        Just("include:"),
        Just("x = 1"),
        Just("'a'"),
        Just("\"\"\""),
        Just("'''"),
        Just("f'"),
        Just("f\"{"),
        Just("{"),
        Just("}"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just(":"),
        Just(","),
        Just("="),
        Just("=="),
        Just("+"),
        Just("**"),
        Just("lambda x:"),
        Just("not "),
        Just("in"),
        Just("\\"),
        Just("#c"),
        Just("\n"),
        Just("\n    "),
        Just("\n        "),
        Just("\n\t"),
        Just("\r\n"),
        Just("\r"),
        Just(" "),
        Just("\x0c"),
        Just("é"),
        Just("x"),
        Just("."),
        Just("1"),
        Just("'"),
        Just("\""),
        Just("!r"),
        Just("yield"),
        Just("class A:"),
        Just("match x:"),
        Just("@"),
        Just("@a\n"),
        Just("onstart:"),
        Just("module m:"),
        Just("use rule "),
        Just(" from m "),
        Just(" as b_*"),
        Just(" with:"),
        Just("storage s:"),
        Just("async def f():"),
        Just(";"),
        Just("\u{feff}"),
        Just("\\N{"),
        Just("0x"),
        Just("*"),
        Just("-"),
        Just("%"),
    ];
    prop::collection::vec(token, 0..40).prop_map(|t| t.concat())
}

fn holds(text: &str) {
    let check = |span: Span| {
        assert!(span.start <= span.end && span.end as usize <= text.len(), "{span:?} in {text:?}");
        assert!(text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize));
    };
    match parse_file(SourceId(0), text) {
        Ok(tree) => walk(&tree, &mut |span| check(span)),
        Err(problems) => {
            assert!(!problems.is_empty());
            let sources = sources(text);
            for problem in &problems {
                assert!(!problem.labels.is_empty(), "{problem:?}");
                assert!(problem.message != "this text is not understood", "{problem:?} in {text:?}");
                problem.labels.iter().for_each(|(span, _)| check(*span));
                problem.resolve(&sources);
            }
        }
    }
    let _ = parse_expression(SourceId(0), text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics_and_spans_lie_in_range(text in rulefile_text()) {
        holds(&text);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
        holds(&text);
    }
}
