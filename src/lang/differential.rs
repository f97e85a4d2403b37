//! Small programs, evaluated here and by CPython: both must say the same.
//!
//! What CPython says stands in the table, so that the test needs no Python; with `python3` on the machine the
//! table itself is checked too.

use crate::lang::budget::Budget;
use crate::lang::vm::{NoHost, Vm};
use crate::syntax::ast::StmtKind;
use crate::syntax::parse_file;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Programs that look at files run in a directory of their own.
const FILES: &str = "differential_files.txt";

const TABLES: [(&str, &str); 3] = [
    ("differential_cases.txt", include_str!("differential_cases.txt")),
    ("differential_modules.txt", include_str!("differential_modules.txt")),
    (FILES, include_str!("differential_files.txt")),
];

struct Case {
    file: &'static str,
    line: usize,
    source: String,
    /// `= repr` or `! Kind`
    python: String,
    /// Where Rulefiles differ on purpose.
    ours: Option<String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut source: Vec<&str> = Vec::new();
    let lines = TABLES.into_iter().flat_map(|(file, text)| text.lines().enumerate().map(move |l| (file, l)));
    for (file, (i, line)) in lines {
        match line.chars().next() {
            Some('>') => source.push(line.get(2..).unwrap_or("")),
            Some('=' | '!') => {
                let python = line.to_string();
                cases.push(Case { file, line: i + 1, source: source.join("\n"), python, ours: None });
                source.clear();
            }
            Some('~') => cases.last_mut().unwrap().ours = Some(line[2..].to_string()),
            _ => assert!(source.is_empty(), "{file}:{}: a case without a result", i + 1),
        }
    }
    cases
}

/// The value of the last expression, or the exception.
pub(super) fn outcome(source: &str) -> String {
    outcome_in(Path::new("/"), source)
}

fn outcome_in(root: &Path, source: &str) -> String {
    let mut sources = crate::diag::SourceMap::default();
    let id = sources.add("case", source);
    let Ok(mut block) = parse_file(id, source) else { return "! SyntaxError".into() };
    let mut vm = Vm::new(root, Budget::new(3_000_000, 1 << 28));
    vm.set_variables(&VARIABLES.map(|(name, value)| (name.to_string(), value.to_string())));
    let last = match block.pop() {
        Some(stmt) if matches!(stmt.kind, StmtKind::Expr(_)) => Some(stmt),
        Some(stmt) => {
            block.push(stmt);
            None
        }
        None => None,
    };
    let result = vm.exec_block(&block, &mut NoHost).and_then(|()| match &last {
        Some(stmt) => match &stmt.kind {
            StmtKind::Expr(expr) => {
                let value = vm.eval(expr)?;
                vm.repr(&value)
            }
            _ => Ok("None".into()),
        },
        None => Ok("None".into()),
    });
    match result {
        Ok(text) => format!("= {text}"),
        Err(raise) => format!("! {}", raise.kind().name()),
    }
}

/// The environment of the programs that look at files.
const VARIABLES: [(&str, &str); 3] = [("HOME", "/home/me"), ("NAME", "value"), ("EMPTY", "")];

/// What the programs of `differential_files.txt` find in their directory.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("data/a_1.csv", "id,x\n1,2\n"),
        ("data/a_2.csv", "id;x\n3;4\n"),
        ("data/b.tsv", "id\tname\tnote\n1\tAnna\t\n2\tBen\t\"a\tb\"\n"),
        ("data/sub/c.csv", ""),
        ("data/sub/deep/d.csv", "d"),
        ("data/.hidden.csv", "h"),
        (".dot/in.txt", "i"),
        ("lines.txt", "one\ntwo\n\nthree"),
        ("crlf.txt", "one\r\ntwo\r\n"),
        ("conf.json", "{\"a\": [1, 2.5, null, true], \"b\": {\"c\": \"d\"}}"),
        ("bad.json", "{"),
        ("conf.yaml", "a: 1\nb: [x, y]\nc:\n  d: yes\n"),
    ] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    #[cfg(unix)]
    for (link, target) in
        [("link.txt", "lines.txt"), ("dirlink", "data/sub"), ("dangling", "nowhere"), ("data/up", "..")]
    {
        std::os::unix::fs::symlink(target, dir.path().join(link)).unwrap();
    }
    dir
}

#[test]
fn programs_give_what_cpython_gives() {
    let cases = cases();
    assert!(cases.len() >= 2099, "{} cases", cases.len());
    let tree = tree();
    let root = std::fs::canonicalize(tree.path()).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let ours = if case.file == FILES { outcome_in(&root, &case.source) } else { outcome(&case.source) };
        let expected = case.ours.as_ref().unwrap_or(&case.python);
        if ours != *expected {
            wrong.push(format!(
                "{}:{}: {}\n  expected {expected}\n  ours     {ours}",
                case.file, case.line, case.source
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Reads a JSON list of programs, writes a JSON list of outcomes.
const ORACLE: &str = r#"
import ast, sys, json, io, contextlib, warnings
warnings.simplefilter("ignore")
def run(source):
    try:
        tree = ast.parse(source)
        env = {"__name__": "case"}
        with contextlib.redirect_stdout(io.StringIO()):
            if tree.body and isinstance(tree.body[-1], ast.Expr):
                last = ast.Expression(tree.body.pop().value)
                exec(compile(tree, "case", "exec"), env)
                return "= " + repr(eval(compile(last, "case", "eval"), env))
            exec(compile(tree, "case", "exec"), env)
            return "= None"
    except BaseException as error:
        return "! " + type(error).__name__
if sys.version_info[:2] < (3, 10):
    print("too old")
else:
    print(json.dumps([run(source) for source in json.load(sys.stdin)]))
"#;

#[test]
fn table_is_what_this_python_says() {
    let cases = cases();
    let tree = tree();
    let child = Command::new("python3")
        .args(["-I", "-c", ORACLE])
        .current_dir(tree.path())
        .envs(VARIABLES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no `python3` on this machine, so the tables stand as they are");
        return;
    };
    let programs: Vec<&str> = cases.iter().map(|case| &*case.source).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(serde_json::to_string(&programs).unwrap().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if output.stdout.starts_with(b"too old") {
        eprintln!("skipped: the `python3` on this machine is older than 3.10");
        return;
    }
    let outcomes: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcomes.len(), cases.len());
    let mut wrong = Vec::new();
    for (case, python) in cases.iter().zip(&outcomes) {
        if *python != case.python {
            wrong.push(format!(
                "{}:{}: {}\n  table  {}\n  python {python}",
                case.file, case.line, case.source, case.python
            ));
        }
    }
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
}
