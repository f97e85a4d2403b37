//! A project's own `.py` files: found like Python finds them, run once by this evaluator, recorded, and their
//! mistakes reported at their places.

use super::*;

/// The param `p` of the rule `a` for wildcard s=1.
#[track_caller]
fn param_of(files: &[(&str, &str)]) -> String {
    let workflow = loaded(files);
    match &workflow.rule("a").unwrap().params[0].source {
        ParamSource::Function(function) => call(&**function, &[("s", "1")]).trim_matches('\'').to_string(),
        ParamSource::Const(value) => value.canonical().trim_matches('\'').to_string(),
        ParamSource::Text(pattern) => pattern.text.to_string(),
        other => format!("{other:?}"),
    }
}

fn rule_with(before: &str, param: &str) -> String {
    format!("{before}\nrule a:\n    output: 'o/{{s}}'\n    params: p={param}\n    shell: 'x'\n")
}

#[test]
fn a_helper_beside_the_rulefile_is_imported() {
    let helper = "import os\nBASE = 'base'\ndef name(s):\n    return os.path.join(BASE, s)\ndef of(wildcards):\n    return name(wildcards.s)\n";
    for (before, param, expected) in [
        ("import helper", "helper.name('x')", "base/x"),
        ("import helper as h", "h.name('x')", "base/x"),
        ("from helper import name", "name('x')", "base/x"),
        ("from helper import name as n, BASE", "n(BASE)", "base/base"),
        ("from helper import *", "name(BASE)", "base/base"),
        ("import helper", "helper.of", "base/1"),
        ("from helper import of", "of", "base/1"),
        ("import helper", "lambda wc: helper.name(wc.s)", "base/1"),
    ] {
        let rulefile = rule_with(before, param);
        assert_eq!(param_of(&[("Rulefile", &rulefile), ("helper.py", helper)]), expected, "{before}");
    }
}

#[test]
fn packages_and_relative_imports_are_pythons() {
    let files = [
        ("scripts/common.py", "from .deep.more import twice\nfrom . import other\nx = twice(other.value)\n"),
        ("scripts/other.py", "value = 21\n"),
        ("scripts/deep/__init__.py", "from ..other import value\nname = __name__\n"),
        ("scripts/deep/more.py", "def twice(n): return 2 * n\n"),
    ];
    for (before, param, expected) in [
        ("from scripts.common import x", "x", "42"),
        ("import scripts.common", "scripts.common.x", "42"),
        ("import scripts.common as c", "c.x", "42"),
        ("from scripts import common", "common.x", "42"),
        ("import scripts.deep\nimport scripts.other", "scripts.deep.value + scripts.other.value", "42"),
        ("from scripts.deep import name", "name", "scripts.deep"),
        ("from scripts.deep.more import twice as t", "t(4)", "8"),
    ] {
        let rulefile = rule_with(before, param);
        let mut all = vec![("Rulefile", rulefile.as_str())];
        all.extend(files);
        assert_eq!(param_of(&all), expected, "{before}");
    }
}

#[test]
fn folders_of_sys_path_are_searched() {
    for before in [
        "import sys\nsys.path.append('lib')\nimport tools",
        "import sys\nsys.path.insert(0, 'lib')\nimport tools",
        "import sys, os\nsys.path.append(os.path.join(workflow.basedir, 'lib'))\nimport tools",
        "import sys\nfrom pathlib import Path\nsys.path.append(str(Path(workflow.basedir) / 'lib'))\nimport tools",
        "import sys\nsys.path += ['lib']\nimport tools",
    ] {
        let rulefile = rule_with(before, "tools.x");
        assert_eq!(param_of(&[("Rulefile", &rulefile), ("lib/tools.py", "x = 5")]), "5", "{before}");
    }
    // The folder of an included file counts, too, and comes first.
    let rulefile = "include: 'rules/a.smk'\n";
    let rules = rule_with("import tools", "tools.x");
    let files =
        [("Rulefile", rulefile), ("rules/a.smk", &rules), ("rules/tools.py", "x = 6"), ("tools.py", "x = 5")];
    assert_eq!(param_of(&files), "6");
}

#[test]
fn a_module_has_a_namespace_of_its_own_and_runs_once() {
    let helper = "print('run', __name__)\nimport os\nhere = os.path.basename(__file__)\ncount = 0\ndef add():\n    global count\n    count += 1\n    return count\nif __name__ == '__main__':\n    print('no')\n";
    let rulefile = rule_with(
        "count = 10\nimport helper\nfrom helper import add\nimport helper as again\nadd()\nhelper.add()",
        "[count, helper.count, again.count, helper.here]",
    );
    let files = [("Rulefile", rulefile.as_str()), ("helper.py", helper)];
    assert_eq!(param_of(&files), "[10, 2, 2, 'helper.py']");
    assert_eq!(loaded(&files).printed(), ["run helper"]);
    assert!(loaded(&files).reads().any(|read| read == "helper.py"));
}

#[test]
fn modules_that_import_each_other_see_what_is_there_so_far() {
    let rulefile = rule_with("import one", "one.x + one.two.y");
    let files = [
        ("Rulefile", rulefile.as_str()),
        ("one.py", "x = 1\nimport two\n"),
        ("two.py", "import one\ny = one.x + 1\n"),
    ];
    assert_eq!(param_of(&files), "3");
    let files = [
        ("Rulefile", rulefile.as_str()),
        ("one.py", "from two import y\nx = 1\n"),
        ("two.py", "from one import x\ny = 2\n"),
    ];
    assert_eq!(failures(&files), ["two.py:1:17 import-error | module `one` has no `x` | "]);
}

#[test]
fn imports_inside_functions_are_there_when_jobs_call_them() {
    let helper = "def f(s): return 'h' + s\n";
    let before = "def of(wildcards):\n    from helper import f\n    import scripts.common as c\n    return f(c.g(wildcards.s))";
    let rulefile = rule_with(before, "of");
    let files = [
        ("Rulefile", rulefile.as_str()),
        ("helper.py", helper),
        ("scripts/common.py", "def g(s): return s + s\n"),
    ];
    assert_eq!(param_of(&files), "h11");
    // Called while the files load.
    let rulefile = rule_with("def now():\n    from helper import f\n    return f('0')\nX = now()", "X");
    assert_eq!(param_of(&[("Rulefile", &rulefile), ("helper.py", helper)]), "h0");
    // A mistake in one that is never imported hurts nobody.
    let rulefile = rule_with("def never():\n    import broken\n    return broken.x", "1");
    assert_eq!(param_of(&[("Rulefile", &rulefile), ("broken.py", "1 / 0")]), "1");
    let rulefile = rule_with("def f(wc):\n    import broken\n    return broken.x", "f");
    assert!(param_of(&[("Rulefile", &rulefile), ("broken.py", "1 / 0")]).contains("division by zero"));
    // Nor does a circle that is one only at the top.
    let rulefile = rule_with("import one", "lambda wc: one.f()");
    let files = [
        ("Rulefile", rulefile.as_str()),
        ("one.py", "def f():\n    from two import y\n    return y\nx = 1\n"),
        ("two.py", "from one import x\ny = x + 1\n"),
    ];
    assert_eq!(param_of(&files), "2");
}

#[test]
fn mistakes_in_a_module_have_their_place_in_it() {
    let rulefile = rule_with("import helper", "helper.f(1)");
    let with = |helper: &str| failures(&[("Rulefile", &rulefile), ("helper.py", helper)]);
    assert_eq!(with("x = 1\ny = 1 / 0\n"), ["helper.py:2:5 zero-division-error | division by zero | "]);
    assert_eq!(
        with("def f(x):\n    return x + 'a'\n"),
        [
            "helper.py:2:12 type-error | `+` cannot combine `int` and `str` | make a text of the number: `str(x)`, or use an f-string"
        ]
    );
    let parsed = with("def f(x)\n    return x\n");
    assert!(parsed[0].starts_with("helper.py:1:9 missing-colon"), "{parsed:?}");
    assert_eq!(
        with("rule b:\n    output: 'x'\n"),
        [
            "helper.py:1:1 unsupported | `rule` cannot stand in an imported module | rules and directives belong into a file that is included: `include:`"
        ]
    );
    let rulefile = rule_with("from helper import g", "g(1)");
    assert_eq!(
        failures(&[("Rulefile", &rulefile), ("helper.py", "def f(x): pass\n")]),
        ["Rulefile:1:20 import-error | module `helper` has no `g` | "]
    );
    let rulefile = rule_with("import scripts.nope", "1");
    let found = failures(&[("Rulefile", &rulefile), ("scripts/common.py", "")]);
    assert_eq!(found, ["Rulefile:1:8 module-not-found-error | there is no module `nope` in `scripts` | "]);
    let rulefile = rule_with("from .helper import f", "1");
    let found = failures(&[("Rulefile", &rulefile), ("helper.py", "")]);
    assert!(found[0].starts_with("Rulefile:1:6 import-error"), "{found:?}");
}

#[test]
fn what_is_not_supported_fails_only_when_it_is_used() {
    let helper = "import requests\nimport pandas.testing\nfrom enum import Enum\nfrom dataclasses import dataclass\n@dataclass\nclass Sample:\n    name: str\n    def full(self):\n        return self.name\nclass Color(Enum):\n    RED = 1\nasync def fetch(): pass\ndef use():\n    return Sample('a')\ndef plain():\n    return 'ok'\ndef match_it(x):\n    match x:\n        case 1:\n            return 1\n";
    let with = |param: &str| {
        let rulefile = rule_with("import helper", param);
        let files = [("Rulefile", rulefile.as_str()), ("helper.py", helper)];
        let found = failures(&files);
        if found == ["loaded"] { param_of(&files) } else { found.join("\n") }
    };
    assert_eq!(with("helper.plain()"), "ok");
    assert!(
        with("helper.use()").starts_with("helper.py:14:12 unsupported | `Sample` is a class"),
        "{}",
        with("helper.use()")
    );
    assert!(with("helper.Color.RED").contains("`Color.RED` is a class"), "{}", with("helper.Color.RED"));
    assert!(with("helper.fetch()").contains("`fetch` is an async function"));
    assert!(with("helper.match_it(1)").starts_with("helper.py:18:5 unsupported | `match`"));
    assert!(with("helper.requests.get('x')").contains("`requests.get` is not available"));
}
