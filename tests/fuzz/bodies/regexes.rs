//! Regexes of Python: each is translated or refused, what is found lies in the text, and a constraint of a wildcard never
//! takes the engine down.

use super::{Source, literal, load, soup};
use rulemake::{ErrorKind, RunOptions, Session};
use std::path::Path;

const WORDS: &[&str] = &[
    "a",
    "b",
    "1",
    "_",
    ".",
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "{2}",
    "{1,}",
    "{,3}",
    "{2,1}",
    "{",
    "}",
    "(",
    ")",
    "(?:",
    "(?P<n>",
    "(?P=n)",
    "(?P<m>",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?i)",
    "(?s)",
    "(?x)",
    "(?i:",
    "(?#c)",
    "(?(1)a|b)",
    "|",
    "[",
    "]",
    "[^",
    "[a-",
    "[]",
    "[^]",
    "-",
    "^",
    "$",
    "\\",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\b",
    "\\B",
    "\\A",
    "\\Z",
    "\\z",
    "\\1",
    "\\07",
    "\\x41",
    "\\u00e9",
    "\\N",
    "\\p{L}",
    "\\n",
    "&&",
    "--",
    "~~",
    "[[:alpha:]]",
    "é",
    "#",
    " ",
    "\n",
    "a{1000}",
    "(a|b)",
    "(a*)*",
    "[a-z&&b]",
];
const REPLACEMENT: &[&str] =
    &["\\1", "\\g<0>", "\\g<n>", "\\g<", "\\", "\\n", "x", "$1", "\\9", "\\0", "{", "é"];

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let length = 1 + source.below(20);
    let pattern = soup(&mut source, WORDS, length);
    let replacement = soup(&mut source, REPLACEMENT, 3);
    let subject = soup(&mut source, &["a", "b", "1", "_", " ", "\n", "é", "aaaa", "ab"], 12);
    let text = format!(
        "import re\np, r, t = {}, {}, {}\n\
         for flags in [0, re.I | re.M, re.S | re.X]:\n    \
         try:\n        c = re.compile(p, flags)\n    except re.error as e:\n        print('no', str(e))\n        continue\n    \
         m, f = c.match(t), c.fullmatch(t)\n    assert f is None or m is not None\n    \
         for x in list(c.finditer(t))[:50]:\n        assert t[x.start():x.end()] == x.group(), x\n        x.groups(), x.groupdict(), repr(x)\n    \
         c.split(t), c.findall(t), c.search(t, 1), c.sub(lambda x: x.group(), t)\n    \
         assert c.sub(lambda x: x.group(), t) == t\n    \
         try:\n        c.sub(r, t)\n    except (re.error, IndexError) as e: str(e)\n\
         rule all:\n    output: 'o'\n    shell: 'true'\n",
        literal(&pattern),
        literal(&replacement),
        literal(&subject)
    );
    if load(root, &text).is_none() {
        // What needs backtracking is refused where it stands, and that cannot be caught.
        let refused = ["(?=", "(?!", "(?<", "(?P=", "(?(", "\\", "*+", "++", "?+", "}+"]
            .iter()
            .any(|part| pattern.contains(part));
        assert!(refused, "{pattern:?} {replacement:?} {subject:?}");
    }
    let rule =
        format!("rule all:\n    output: {}\n    shell: 'true'\n", literal(&format!("o/{{x,{pattern}}}")));
    let Some(workflow) = load(root, &rule) else { return };
    let session = Session::builder(workflow).root(root).open().unwrap_or_else(|error| panic!("{error}"));
    let path: String = format!("o/{}", subject.replace(['\n', ' '], "/"));
    if let Err(error) = session.plan(&[&path], &RunOptions::default()) {
        assert_eq!(error.kind(), ErrorKind::Plan, "{error}\n{pattern:?} {path:?}");
    }
}
