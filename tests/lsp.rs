//! The language server, by a client that speaks the real protocol with the real binary over pipes.

#![cfg(unix)]

mod support;

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::{Case, program};

const PATIENCE: Duration = Duration::from_secs(60);

/// An editor, as far as the server sees it.
struct Editor {
    case: Case,
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<Value>,
    /// What came while something else was waited for.
    kept: Vec<Value>,
    asked: i64,
    versions: i64,
}

/// What the server writes, message by message.
fn listen(output: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut length = None;
                loop {
                    let mut line = String::new();
                    if output.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    match line.trim_end_matches("\r\n") {
                        "" => break,
                        header => {
                            length = header.strip_prefix("Content-Length: ").map(|n| n.parse().unwrap())
                        }
                    }
                }
                let mut body = vec![0; length.expect("a message has a length")];
                output.read_exact(&mut body).unwrap();
                if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        })
        .unwrap();
    receiver
}

impl Editor {
    /// Starts the server in the directory of a case and does nothing more.
    fn silent(case: Case, args: &[&str]) -> Editor {
        let mut command = program(env!("CARGO_BIN_EXE_rulemake"));
        command.arg("lsp").args(args).current_dir(case.root());
        command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = listen(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        Editor { case, child, stdin, said, kept: Vec::new(), asked: 0, versions: 0 }
    }

    fn start_with(case: Case, args: &[&str], capabilities: Value) -> Editor {
        let mut editor = Editor::silent(case, args);
        editor.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": capabilities}));
        editor.notify("initialized", json!({}));
        editor
    }

    fn start(case: Case) -> Editor {
        let nested = json!({"hierarchicalDocumentSymbolSupport": true});
        Editor::start_with(case, &[], json!({"textDocument": {"documentSymbol": nested}}))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).and_then(|()| stdin.flush()).unwrap();
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The first message that is wanted, also of those that came before.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at);
        }
        loop {
            let message = self.said.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|_| panic!("waited for {what}, got {:#?}", self.kept));
            if wanted(&message) {
                return message;
            }
            self.kept.push(message);
        }
    }

    /// The whole answer to a request.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait(method, |message| message["id"] == id)
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn refused(&mut self, method: &str, params: Value) -> (i64, String) {
        let answer = self.answer(method, params);
        let error = answer.get("error").unwrap_or_else(|| panic!("{method}: {answer}"));
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_string())
    }

    fn uri(&self, file: &str) -> String {
        format!("file://{}", self.case.path(file).display())
    }

    fn open_as(&mut self, file: &str, language: &str, text: &str) -> i64 {
        self.versions += 1;
        let (uri, version) = (self.uri(file), self.versions);
        let document = json!({"uri": uri, "languageId": language, "version": version, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
        version
    }

    fn open(&mut self, file: &str, text: &str) -> i64 {
        self.open_as(file, "snakemake", text)
    }

    fn change(&mut self, file: &str, changes: Value) -> i64 {
        self.versions += 1;
        let document = json!({"uri": self.uri(file), "version": self.versions});
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
        self.versions
    }

    /// What is told of a version of a file, one line each.
    fn found(&mut self, file: &str, version: i64) -> String {
        let uri = self.uri(file);
        let message = self.wait(&format!("diagnostics of {file}"), |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
                && message["params"]["version"] == version
        });
        let mut text = String::new();
        for found in message["params"]["diagnostics"].as_array().unwrap() {
            let severity = if found["severity"] == 1 { "error" } else { "warning" };
            let code = found["code"].as_str().unwrap();
            let lines = found["message"].as_str().unwrap().replace('\n', " | ");
            writeln!(text, "{} {severity}[{code}] {lines}", place(&found["range"])).unwrap();
        }
        text
    }

    /// The place of `|` in a text for a request, and the text without it.
    fn at(&self, file: &str, text: &str) -> (String, Value) {
        let (before, after) = text.split_once('|').expect("a cursor");
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
        let position = json!({"line": line, "character": column});
        (format!("{before}{after}"), json!({"textDocument": {"uri": self.uri(file)}, "position": position}))
    }

    /// Opens a text with a cursor and asks about its place.
    fn ask_at(&mut self, method: &str, text: &str) -> Value {
        let (text, params) = self.at("Rulefile", text);
        let version = self.open("Rulefile", &text);
        self.found("Rulefile", version);
        self.ask(method, params)
    }

    /// Locations as `file line:column-line:column`.
    fn places(&self, found: &Value) -> Vec<String> {
        let root = format!("file://{}/", self.case.root().display());
        let shown = |found: &Value| {
            let uri = found["uri"].as_str().unwrap();
            format!("{} {}", uri.strip_prefix(&root).unwrap_or(uri), place(&found["range"]))
        };
        found.as_array().unwrap().iter().map(shown).collect()
    }

    fn end(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.child.wait().unwrap().code()
    }

    fn goodbye(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.notify("exit", Value::Null);
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((self.child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    }
}

fn place(range: &Value) -> String {
    let end = |end: &str| format!("{}:{}", range[end]["line"], range[end]["character"]);
    format!("{}-{}", end("start"), end("end"))
}

const GOOD: &str = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";

/// Promise: mistakes and lints are shown at their places while somebody types, and go when they are corrected.
#[test]
fn mistakes_are_shown_while_typing() {
    let mut editor = Editor::start(Case::new());
    let version = editor
        .open("Rulefile", "rule a:\n    output: 'a.txt'\n    params: depth=3\n    shell: 'touch {outptu}'\n");
    assert_eq!(
        editor.found("Rulefile", version),
        "3:18-3:26 error[bad-command] `outptu` is not known in this command | help: did you mean `{output}`?\n"
    );
    // One letter after the other, as edits: the last state counts.
    let range = |a: [u32; 2], b: [u32; 2]| json!({"start": {"line": a[0], "character": a[1]}, "end": {"line": b[0], "character": b[1]}});
    editor.change("Rulefile", json!([{"range": range([3, 19], [3, 25]), "text": "o"}]));
    let version = editor.change("Rulefile", json!([{"range": range([3, 20], [3, 20]), "text": "utput"}]));
    assert_eq!(
        editor.found("Rulefile", version),
        "2:12-2:17 warning[unused-param] param `depth` is used by nothing in rule `a` | note: what the command does not use cannot change its result: another value is no reason to run | help: write `{params.depth}` in the command, or remove it\n"
    );
    let version = editor.change("Rulefile", json!([{"text": GOOD}]));
    assert_eq!(editor.found("Rulefile", version), "");
    let version = editor.change("Rulefile", json!([{"text": "rule a\n    output: 'x'\nY = 'x\n"}]));
    let found = editor.found("Rulefile", version);
    assert!(found.contains("0:6-") && found.contains("2:4-"), "{found}");
    // Nothing was written.
    assert_eq!(std::fs::read_dir(editor.case.root()).unwrap().count(), 0);
    editor.goodbye();
}

/// Promise: what a finding says was meant can be put there by one key, and a lint can be silenced where it is.
#[test]
fn findings_are_mended() {
    let mut editor = Editor::start(Case::new());
    let text = "rule a:\n    output: 'a.txt'\n    params: depth=3\n    shel: 'touch {outptu}'\n";
    for (text, wanted) in [
        (text, vec![("Replace `shel` by `shell`", "3:4-3:8", "shell")]),
        (
            &*text.replace("shel:", "shell:"),
            vec![("Replace `{outptu}` by `{output}`", "3:18-3:26", "{output}")],
        ),
        (
            &*text.replace("shel:", "shell:").replace("outptu", "output"),
            vec![("Silence `unused-param` here", "2:0-2:0", "    # rulemake: allow(unused-param)\n")],
        ),
        (
            "rule a:\n    output: 'a'\n    # rulemake: allow(unused-param)\n    params: depth=3\n    shell: 'touch {output}'\n",
            vec![],
        ),
    ] {
        let version = editor.open("Rulefile", text);
        let uri = editor.uri("Rulefile");
        let message = editor.wait("diagnostics", |message| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["version"] == version
        });
        let found = message["params"]["diagnostics"].clone();
        let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}});
        let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": found}});
        let actions = editor.ask("textDocument/codeAction", params);
        let shown: Vec<(String, String, String)> = actions
            .as_array()
            .unwrap()
            .iter()
            .map(|action| {
                let edit = &action["edit"]["changes"][&uri][0];
                let text = |value: &Value| value.as_str().unwrap().to_string();
                assert_eq!(action["kind"], "quickfix");
                (text(&action["title"]), place(&edit["range"]), text(&edit["newText"]))
            })
            .collect();
        let wanted: Vec<_> =
            wanted.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())).collect();
        assert_eq!(shown, wanted, "{text}");
    }
    editor.goodbye();
}

/// Promise: places count in UTF-16, or in bytes when the client can do that; lines may end in CRLF.
#[test]
fn places_are_counted_as_agreed() {
    let text = "# 🦀\r\nrule a:\r\n    output: 'é🦀.txt'\r\n    params: e=1, é='🦀', unused=2\r\n    shell: 'touch {output} {params.e} {params.é}'\r\n";
    for (offered, agreed, column) in [
        (json!(["utf-8", "utf-16"]), "utf-8", 28),
        (json!(["utf-16"]), "utf-16", 25),
        (Value::Null, "utf-16", 25),
    ] {
        let mut editor = Editor::silent(Case::new(), &[]);
        let general = json!({"general": {"positionEncodings": offered}});
        let result = editor.ask("initialize", json!({"capabilities": general}));
        assert_eq!(result["capabilities"]["positionEncoding"], agreed);
        let version = editor.open("Rulefile", text);
        let found = editor.found("Rulefile", version);
        let end = column + "unused".len();
        assert!(found.starts_with(&format!("3:{column}-3:{end} warning[unused-param]")), "{agreed}: {found}");
        // The same place the other way: an edit there hits the param.
        let range =
            json!({"start": {"line": 3, "character": column - 2}, "end": {"line": 3, "character": end + 2}});
        let version = editor.change("Rulefile", json!([{"range": range, "text": ""}]));
        assert_eq!(editor.found("Rulefile", version), "", "{agreed}");
        editor.goodbye();
    }
}

/// Promise: what is not saved counts, in included files and config files too; files that are not open are read.
#[test]
fn unsaved_files_count() {
    let case = Case::new()
        .rulefile("configfile: 'config.yaml'\ninclude: 'rules/a.smk'\nrule all:\n    input: rules.a.output\n")
        .file("config.yaml", "name: saved\n")
        .file("rules/a.smk", "rule a:\n    output: config['name']\n    shell: 'touch {output}'\n");
    let mut editor = Editor::start(case);
    let version =
        editor.open("rules/a.smk", "rule a:\n    output: config['nme']\n    shell: 'touch {output}'\n");
    let found = editor.found("rules/a.smk", version);
    assert!(found.starts_with("1:12-1:25 error[key-error]") && found.contains("nme"), "{found}");
    // The key comes to be in a file that is no Rulefile: nothing is said of that file itself.
    editor.open_as("config.yaml", "yaml", "nme: x.txt\n");
    assert_eq!(editor.found("rules/a.smk", version), "");
    // A mistake in a file that is not open is told of that file.
    editor.change(
        "rules/a.smk",
        json!([{"text": "rule b:\n    output: config['nme']\n    shell: 'touch {output}'\n"}]),
    );
    let uri = editor.uri("Rulefile");
    let message = editor.wait("a mistake in the Rulefile", |message| {
        message["params"]["uri"] == uri.as_str() && message["params"]["diagnostics"] != json!([])
    });
    let mistake = &message["params"]["diagnostics"][0];
    assert_eq!(place(&mistake["range"]), "3:11-3:18");
    assert!(
        mistake["message"].as_str().unwrap().starts_with("no rule `a` is defined above\nhelp: "),
        "{mistake}"
    );
    let version = editor.change("rules/a.smk", json!([{"text": GOOD}]));
    assert_eq!(editor.found("rules/a.smk", version), "");
    editor.wait("the end of the mistake", |message| {
        message["params"]["uri"] == uri.as_str() && message["params"]["diagnostics"] == json!([])
    });
    // A file that no Rulefile includes: its text alone is looked at.
    let version = editor.open("alone.smk", "rule x:\n    input: rules.unknown.output\n    output: 'x'\n");
    assert_eq!(editor.found("alone.smk", version), "");
    let version = editor.change("alone.smk", json!([{"text": "rule x:\n    input: (\n"}]));
    let found = editor.found("alone.smk", version);
    assert!(found.contains("1:11-1:12 error"), "{found}");
    editor.goodbye();
}

/// Promise: a document that was never saved has its mistakes and names, and a path may be written as it is.
#[test]
fn strange_uris_are_documents() {
    let mut editor = Editor::start(Case::new().rulefile(GOOD));
    let open = |editor: &mut Editor, uri: &str, text: &str| {
        let document = json!({"uri": uri, "languageId": "rulefile", "version": 1, "text": text});
        editor.notify("textDocument/didOpen", json!({"textDocument": document}));
    };
    open(&mut editor, "untitled:Untitled-1", "rule a:\n    output: (\n");
    let told = |uri: String| {
        move |message: &Value| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str()
        }
    };
    let found = editor.wait("diagnostics", told("untitled:Untitled-1".into()));
    assert_eq!(found["params"]["diagnostics"].as_array().unwrap().len(), 1);
    open(
        &mut editor,
        "untitled:Untitled-2",
        "rule a:\n    output: 'x'\nrule b:\n    input: rules.a.output\n",
    );
    let place = json!({"line": 3, "character": 17});
    let params = json!({"textDocument": {"uri": "untitled:Untitled-2"}, "position": place, "newName": "c"});
    let edits = editor.ask("textDocument/rename", params);
    assert_eq!(edits["changes"]["untitled:Untitled-2"].as_array().unwrap().len(), 2);
    let raw = format!("file://{}/é b.smk", editor.case.root().display());
    open(&mut editor, &raw, GOOD);
    let symbols = editor.ask("textDocument/documentSymbol", json!({"textDocument": {"uri": raw}}));
    assert_eq!(symbols[0]["name"], "a");
    editor.goodbye();
}

const MAIN: &str = "\
ruleorder: sort > other
localrules: all
include: 'rules/sort.smk'
module m:
    snakefile: 'm/Rulefile'
use rule inner from m as m_inner
X = 'x'
rule all:
    input: rules.sort.output[0].format(name=X), rules.m_inner.output
use rule sort as other with:
    output: '{name}.other'
";

fn project() -> Case {
    Case::new()
        .rulefile(MAIN)
        .file("rules/sort.smk", "rule sort:\n    output: '{name}.sorted'\n    script: 'sort.py'\n")
        .file("rules/sort.py", "")
        .file("m/Rulefile", "rule inner:\n    output: 'inner.txt'\n    shell: 'touch {output}'\n")
}

/// The main file with a cursor before the n-th occurrence of a text.
fn cursor(text: &str, before: &str, nth: usize) -> String {
    let (at, _) = text.match_indices(before).nth(nth).unwrap();
    format!("{}|{}", &text[..at], &text[at..])
}

/// Promise: names lead to their definitions, across includes and modules, and paths to their files.
#[test]
fn definitions_are_found() {
    let mut editor = Editor::start(project());
    for (word, nth, expected) in [
        ("sort >", 0, "rules/sort.smk 0:5-0:9"),
        ("other", 0, "Rulefile 9:17-9:22"),
        ("all\n", 0, "Rulefile 7:5-7:8"),
        ("rules/sort.smk", 0, "rules/sort.smk 0:0-0:0"),
        ("m/Rulefile", 0, "m/Rulefile 0:0-0:0"),
        ("inner from", 0, "m/Rulefile 0:5-0:10"),
        ("m as", 0, "Rulefile 3:7-3:8"),
        ("m_inner.output", 0, "Rulefile 5:25-5:32"),
        ("sort.output", 0, "rules/sort.smk 0:5-0:9"),
        ("X)", 0, "Rulefile 6:0-6:1"),
        ("sort as", 0, "rules/sort.smk 0:5-0:9"),
    ] {
        let found = editor.ask_at("textDocument/definition", &cursor(MAIN, word, nth));
        assert_eq!(editor.places(&found), [expected], "{word}");
    }
    let found = editor.ask_at("textDocument/definition", &cursor(MAIN, "'{name}.other'", 0));
    assert_eq!(found, json!([]));
    // From an included file, and to what it runs.
    let text = std::fs::read_to_string(editor.case.path("rules/sort.smk")).unwrap();
    editor.open("rules/sort.smk", &text);
    let (_, params) = editor.at("rules/sort.smk", &cursor(&text, "sort.py", 0));
    let found = editor.ask("textDocument/definition", params);
    assert_eq!(editor.places(&found), ["rules/sort.py 0:0-0:0"]);
    // A name that the Rulefile computes is known once it is loaded.
    let computed = "for x in 'ab':\n    rule:\n        name: f'r_{x}'\n        output: f'{x}.txt'\n        shell: 'touch {output}'\nrule all:\n    input: rules.r_b|.output\n";
    let found = editor.ask_at("textDocument/definition", computed);
    assert_eq!(editor.places(&found), ["Rulefile 1:4-1:8"]);
    editor.goodbye();
}

/// Promise: a rule is renamed wherever its name stands, in all files, and nowhere else; or it is said why not.
#[test]
fn rules_are_renamed_everywhere() {
    let mut editor = Editor::start(project());
    let (text, params) = editor.at("Rulefile", &cursor(MAIN, "sort.output", 0));
    let version = editor.open("Rulefile", &text);
    assert_eq!(editor.found("Rulefile", version), "");
    let prepared = editor.ask("textDocument/prepareRename", params.clone());
    assert_eq!(
        (place(&prepared["range"]).as_str(), prepared["placeholder"].as_str()),
        ("8:17-8:21", Some("sort"))
    );
    let mut renaming = params.clone();
    renaming["newName"] = "ordered".into();
    let edits = editor.ask("textDocument/rename", renaming);
    let edits = |file: &str| {
        let edits = edits["changes"][editor.uri(file)].as_array().unwrap().clone();
        assert!(edits.iter().all(|edit| edit["newText"] == "ordered"));
        edits.iter().map(|edit| place(&edit["range"])).collect::<Vec<_>>()
    };
    assert_eq!(edits("Rulefile"), ["0:11-0:15", "8:17-8:21", "9:9-9:13"]);
    assert_eq!(edits("rules/sort.smk"), ["0:5-0:9"]);
    let mut references = params.clone();
    references["context"] = json!({"includeDeclaration": false});
    let found = editor.ask("textDocument/references", references);
    assert_eq!(editor.places(&found), ["Rulefile 0:11-0:15", "Rulefile 8:17-8:21", "Rulefile 9:9-9:13"]);
    for (name, why) in [
        ("all", "there is a rule `all` already"),
        ("m_inner", "there is a rule `m_inner` already"),
        ("two words", "`two words` cannot be the name of a rule"),
        ("if", "`if` cannot be the name of a rule"),
        ("", "`` cannot be the name of a rule"),
    ] {
        let mut params = params.clone();
        params["newName"] = name.into();
        assert_eq!(editor.refused("textDocument/rename", params), (-32803, why.to_string()));
    }
    for (word, why) in [
        ("inner from", "`inner` is a rule of module `m`: rename it there"),
        ("X = ", "only rules and wildcards can be renamed, and here is the name of none"),
    ] {
        let (_, params) = editor.at("Rulefile", &cursor(MAIN, word, 0));
        assert_eq!(editor.refused("textDocument/prepareRename", params), (-32803, why.to_string()));
    }
    // With mistakes somewhere a use could be overlooked.
    editor.open("rules/sort.smk", "rule sort:\n    output: '{name}.sorted\n");
    let (code, why) = editor.refused("textDocument/prepareRename", params);
    assert!(code == -32803 && why.starts_with("correct the mistakes in rules/sort.smk first"), "{why}");
    editor.goodbye();
}

/// Promise: a path below `input:` leads to the rule that makes it, and tells of it; one that no rule makes leads to the file.
#[test]
fn inputs_lead_to_their_rules() {
    let text = "rule all:\n    input: 'out/a.txt', expand('out/{s}.txt', s='b')\n\
                rule sort:\n    \"\"\"Sorts\"\"\"\n    input: 'raw/{s}'\n    output: 'out/{s}.txt'\n    shell: 'sort {input} > {output}'\n\
                rule of_one:\n    input: 'raw/a'\n    output: 'one'\n    shell: 'sort {input} > {output}'\n";
    let mut editor =
        Editor::start(Case::new().file("raw/a", "1\n").file("raw/b", "1\n").file("Rulefile", text));
    for (before, rule) in [("out/|a.txt", "2:5-2:9"), ("out/{s}.|txt', s", "2:5-2:9")] {
        let marked = text.replace(&before.replace('|', ""), before);
        let found = editor.ask_at("textDocument/definition", &marked);
        assert_eq!(editor.places(&found), [format!("Rulefile {rule}")], "{before}");
        let found = editor.ask_at("textDocument/hover", &marked);
        let shown = found["contents"]["value"].as_str().unwrap();
        assert!(shown.contains("**rule `sort`**") && shown.contains("Sorts"), "{shown}");
    }
    let found = editor.ask_at("textDocument/definition", &text.replace("'raw/a'", "'raw|/a'"));
    assert_eq!(editor.places(&found), ["raw/a 0:0-0:0"]);
    let found = editor.ask_at("textDocument/hover", &text.replace("'raw/a'", "'raw|/a'"));
    assert_eq!(found, Value::Null);
    editor.goodbye();
}

/// Promise: a wildcard is renamed in its rule, wherever that names it, and nowhere else; or it is said why not.
#[test]
fn wildcards_are_renamed_in_their_rule() {
    let text = "rule sort:\n    input: 'raw/{s}'\n    output: 'out/{s}-{t}.txt'\n    shell: 'sort {input} > {output} # {wildcards.s} {t}'\n\
                rule other:\n    output: '{s}'\n    shell: 'touch {output}'\n";
    let text = &text.replace(" {t}'", "'");
    let mut editor = Editor::start(Case::new());
    let (opened, params) = editor.at("Rulefile", &text.replace("out/{s}", "out/{|s}"));
    let version = editor.open("Rulefile", &opened);
    editor.found("Rulefile", version);
    let prepared = editor.ask("textDocument/prepareRename", params.clone());
    assert_eq!(
        (place(&prepared["range"]).as_str(), prepared["placeholder"].as_str()),
        ("2:18-2:19", Some("s"))
    );
    let renamed = |name: &str| {
        let mut params = params.clone();
        params["newName"] = name.into();
        params
    };
    let edits = editor.ask("textDocument/rename", renamed("sample"));
    let edits: Vec<String> = edits["changes"][editor.uri("Rulefile")]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| place(&edit["range"]))
        .collect();
    assert_eq!(edits, ["1:17-1:18", "2:18-2:19", "3:49-3:50"]);
    for (name, why) in
        [("t", "the rule has a wildcard `t` already"), ("a b", "`a b` cannot be the name of a wildcard")]
    {
        assert_eq!(editor.refused("textDocument/rename", renamed(name)), (-32803, why.to_string()));
    }
    // Code asks for it by name, too.
    let asking = "rule sort:\n    input: lambda w: w['s']\n    output: '{|s}'\n\
                  \x20   run:\n        x = wildcards.get('s') + wildcards[\"s\"]\n        open(output[0], 'w').write(x)\n";
    let (with, mut params) = editor.at("Rulefile", asking);
    let version = editor.open("Rulefile", &with);
    editor.found("Rulefile", version);
    params["newName"] = "sample".into();
    let edits = editor.ask("textDocument/rename", params);
    let edits = edits["changes"][editor.uri("Rulefile")].as_array().unwrap().clone();
    let edits: Vec<String> = edits.iter().map(|edit| place(&edit["range"])).collect();
    assert_eq!(edits, ["1:24-1:25", "2:14-2:15", "4:27-4:28", "4:44-4:45"]);
    for code in ["'{s}'.format(**wildcards)", "getattr(wildcards, 's')"] {
        let (with, params) = editor.at("Rulefile", &asking.replace("wildcards.get('s')", code));
        let version = editor.open("Rulefile", &with);
        editor.found("Rulefile", version);
        let why = "code of the rule may name `s`: rename it by hand".to_string();
        assert_eq!(editor.refused("textDocument/prepareRename", params), (-32803, why));
    }
    // What is beside the rule and names it, too, would be left behind.
    for (more, why) in [
        ("def f(w):\n    return w.s\n", "the function `f` names `s`, too: rename it by hand"),
        ("def f(w):\n    return w['s']\n", "the function `f` names `s`, too: rename it by hand"),
        (
            "wildcard_constraints: s='x'\n",
            "`wildcard_constraints:` of all rules names `s`: rename it by hand",
        ),
        (
            "use rule sort as sort2 with:\n    input: 'x'\n",
            "rule `sort2` is made of this one: rename it by hand",
        ),
        (
            "X = expand(rules.sort.output, s=1, t=2)\n",
            "`X = expand(rules.sort.output, s=1, t=2)` names it, too: rename it by hand",
        ),
    ] {
        let with = if more.starts_with("def") { text.replace("'raw/{s}'", "f") } else { text.clone() };
        let (with, params) = editor.at("Rulefile", &format!("{with}{more}").replace("out/{s}", "out/{|s}"));
        let version = editor.open("Rulefile", &with);
        editor.found("Rulefile", version);
        assert_eq!(editor.refused("textDocument/prepareRename", params), (-32803, why.to_string()));
    }
    editor.goodbye();
}

fn labels(found: &Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

/// Promise: what can stand at a place is offered there, and what cannot is not. The texts are as they are while somebody
/// types: most of them are not yet correct.
#[test]
fn completion_knows_its_place() {
    let mut editor = Editor::start(Case::new());
    let rule =
        "rule a:\n    input: raw='{x}.in', more='b'\n    output: '{x}/{y,[0-9]+}.txt'\n    params: depth=3\n";
    let rule = |rest: &str| format!("{rule}{rest}");
    for (text, with, without) in [
        ("ru|".to_string(), "rule checkpoint include use onstart expand", "input temp"),
        (rule("    sh|"), "shell script threads log", "input output params rule temp"),
        (
            rule("    shell: 'cat {|"),
            "input output params wildcards wildcards.x wildcards.y threads rules",
            "x temp",
        ),
        (rule("    shell: 'cat {input.|"), "raw more", "depth x"),
        (rule("    shell: 'cat {params.|}'\n"), "depth", "raw"),
        (rule("    shell: 'cat {wildcards.|}'\n"), "x y", "depth"),
        (rule("    log: 'logs/{|"), "x y", "input depth"),
        (rule("    shell: 'cat {{|"), "", "input x"),
        (rule("rule b:\n    input: rules.|\n"), "a b", "input output"),
        (rule("rule b:\n    input: rules.a.|\n"), "output input params", "a"),
        (rule("rule b:\n    shell: 'cat {rules.|}'\n"), "a b", "output"),
        (rule("rule b:\n    output: te|\n"), "temp protected directory expand", "shell rule"),
        (rule("    run:\n        print(inp|)\n"), "input output params config", "temp"),
        (rule("ruleorder: |\n"), "a", "output"),
        (rule("use rule |\n"), "a", "output rule"),
        (rule("use rule a as b with:\n    shell: 'cat {input.|"), "raw more", ""),
        (rule("use rule a as b with:\n    log: '{|"), "x y", ""),
        ("module m:\n    sn|\n".into(), "snakefile prefix config", "input"),
        ("module m:\n    snakefile: 'x'\nuse rule * from |\n".into(), "m", "rule"),
        ("# rulemake: allow(|".into(), "unused-param no-log", "rule"),
        ("# ru|".into(), "", "rule unused-param"),
        ("checkpoint c:\n    output: 'x'\nrule d:\n    input: checkpoints.|\n".into(), "c", "d"),
        ("SAMPLES = 1\ndef f(): pass\nrule a:\n    input: |\n".into(), "SAMPLES f expand ancient", "rule"),
        ("rule |".into(), "", "rule input"),
        (rule("    shell: 'cat {output:|"), "", "input"),
        (rule("    threads: |"), "config expand", "temp rule"),
    ] {
        let found = editor.ask_at("textDocument/completion", &text);
        let found = labels(&found);
        for word in with.split_whitespace() {
            assert_eq!(
                found.iter().filter(|label| **label == word).count(),
                1,
                "{word} in {text:?}: {found:?}"
            );
        }
        for word in without.split_whitespace() {
            assert!(!found.contains(&word), "{word} not in {text:?}: {found:?}");
        }
        if with.is_empty() && !without.is_empty() {
            assert!(found.is_empty(), "{text:?}: {found:?}");
        }
    }
    let found = editor.ask_at("textDocument/completion", "rule a:\n    thr|\n");
    let threads = found.as_array().unwrap().iter().find(|item| item["label"] == "threads").unwrap();
    assert!(threads["documentation"]["value"].as_str().unwrap().len() > 20, "{threads}");
    editor.goodbye();
}

/// Promise: a rule tells what it is and what would run for it; a word what it means.
#[test]
fn hover_explains() {
    let text = "rule all:\n    input: 'a.sorted', 'b.sorted'\nrule sort:\n    \"Sorts a file.\"\n    input: '{name}.txt'\n    output: temp('{name}.sorted')\n    threads: 1\n    shell: 'sort {input} > {output}'\n";
    let case = Case::new().rulefile(text).file("a.txt", "1\n").file("b.txt", "2\n");
    let mut editor = Editor::start(case);
    let mut hover = |word: &str| {
        let found = editor.ask_at("textDocument/hover", &cursor(text, word, 0));
        found["contents"]["value"].as_str().map(String::from)
    };
    let head = "**rule `sort`**\n\nSorts a file.\n\nMakes `{name}.sorted`\n\nWildcards: `name`";
    assert_eq!(
        hover("sort:").unwrap(),
        format!("{head}\n\nWould run, 2 of 2 jobs:\n\n- `a.sorted`: never built\n- `b.sorted`: never built")
    );
    let threads = hover("threads").unwrap();
    assert!(threads.starts_with("**`threads`**\n\n") && threads.contains("```python\n"), "{threads}");
    assert!(hover("temp").unwrap().starts_with("**`temp`**"));
    assert!(hover("rule sort").unwrap().starts_with("**`rule`**"));
    assert_eq!(hover("Sorts"), None);
    // A plan that fails is told.
    std::fs::remove_file(editor.case.path("b.txt")).unwrap();
    let found = editor.ask_at("textDocument/hover", &cursor(text, "sort:", 0));
    let found = found["contents"]["value"].as_str().unwrap();
    assert!(
        found.starts_with(head) && found.contains("Cannot be planned: ") && found.contains("b.txt"),
        "{found}"
    );
    assert!(!editor.case.path(".rulemake").exists());
    editor.goodbye();
}

/// Promise: formatting is that of `rulemake fmt`, as one edit of the lines that differ; a text with mistakes stays.
#[test]
fn formatting_and_symbols() {
    let mut editor = Editor::start(Case::new());
    let text = "X = 1\nrule  a :\n  output: 'é.txt'\n  shell: 'touch {output}'\ninclude: 'b.smk'\nonstart:\n    print(1)\n";
    editor.open("Rulefile", text);
    let document = json!({"uri": editor.uri("Rulefile")});
    let params = json!({"textDocument": document, "options": {"tabSize": 8, "insertSpaces": true}});
    let edits = editor.ask("textDocument/formatting", params.clone());
    let edit = &edits.as_array().unwrap()[0];
    assert_eq!(place(&edit["range"]), "1:0-5:0");
    assert_eq!(
        edit["newText"],
        "\n\nrule a:\n    output:\n        \"é.txt\",\n    shell:\n        \"touch {output}\"\n\n\ninclude: \"b.smk\"\n\n\n"
    );
    let symbols = editor.ask("textDocument/documentSymbol", json!({"textDocument": document}));
    let shown = symbols.as_array().unwrap().iter().map(|symbol| {
        let children = symbol["children"].as_array().map_or(0, Vec::len);
        let detail = symbol["detail"].as_str().unwrap_or("-");
        format!(
            "{} {detail} {} {children}",
            symbol["name"].as_str().unwrap(),
            place(&symbol["selectionRange"])
        )
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        ["X - 0:0-0:1 0", "a rule 1:6-1:7 2", "include b.smk 4:0-4:7 0", "onstart - 5:0-5:7 0"]
    );
    editor.change("Rulefile", json!([{"text": "rule a:\n    output: (\n"}]));
    assert_eq!(editor.ask("textDocument/formatting", params.clone()), Value::Null);
    editor.change("Rulefile", json!([{"text": GOOD}]));
    assert_ne!(editor.ask("textDocument/formatting", params), json!([]));
    editor.goodbye();
}

/// Promise: requests at the wrong time, unknown ones and nonsense get the error that the protocol has for them, and the
/// next request is answered.
#[test]
fn the_protocol_is_kept() {
    let mut editor = Editor::silent(Case::new(), &["--stdio"]);
    assert_eq!(editor.refused("textDocument/hover", json!({})).0, -32002);
    editor.notify("textDocument/didOpen", json!({}));
    editor.ask("initialize", json!({"capabilities": {"general": "nonsense", "textDocument": 3}}));
    assert_eq!(editor.refused("initialize", json!({})).0, -32600);
    assert_eq!(editor.refused("textDocument/inlayHint", json!({})).0, -32601);
    assert_eq!(editor.refused("textDocument/hover", json!({"textDocument": 1})).0, -32602);
    let nowhere =
        json!({"textDocument": {"uri": "file:///no/such"}, "position": {"line": 0, "character": 0}});
    assert_eq!(editor.refused("textDocument/definition", nowhere.clone()).0, -32602);
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "file:///no", "version": 1}, "contentChanges": []}),
    );
    editor.notify("$/setTrace", json!({"value": "off"}));
    editor.notify("no/such/notification", json!([1]));
    editor.send(&json!({"jsonrpc": "2.0", "id": 5, "result": null}));
    for (body, code) in [("{", -32700), ("[1]", -32600), ("{\"id\": 3}", -32600), ("\"\\ud800\"", -32700)] {
        editor.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        let answer = editor.wait("an error", |message| message.get("error").is_some());
        assert_eq!(answer["error"]["code"], code, "{body}");
    }
    editor.bytes(format!("Content-Length: 400000\r\n\r\n{}", "[".repeat(400_000)).as_bytes());
    assert_eq!(editor.wait("an error", |message| message.get("error").is_some())["error"]["code"], -32700);
    // An id may be a text.
    editor.send(&json!({"jsonrpc": "2.0", "id": "x", "method": "shutdown"}));
    assert_eq!(editor.wait("the answer", |message| message["id"] == "x")["result"], Value::Null);
    assert_eq!(editor.refused("textDocument/definition", nowhere).0, -32600);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.end(), Some(0));
}

/// Promise: the exit code tells whether the client said goodbye, and a stream that cannot be understood is an error.
#[test]
fn the_end_has_its_code() {
    let mut editor = Editor::start(Case::new());
    editor.notify("exit", Value::Null);
    assert_eq!(editor.end(), Some(1));
    let mut editor = Editor::silent(Case::new(), &[]);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.end(), Some(1));
    assert_eq!(Editor::start(Case::new()).end(), Some(1));
    let mut editor = Editor::start(Case::new());
    editor.ask("shutdown", Value::Null);
    assert_eq!(editor.end(), Some(0));
    for text in ["hello\r\n\r\n", "Content-Length: x\r\n\r\n", "\r\n\r\n"] {
        let mut editor = Editor::start(Case::new());
        editor.bytes(text.as_bytes());
        let mut stderr = String::new();
        editor.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(
            stderr.contains("the connection to the editor is broken") && !stderr.contains("panicked"),
            "{stderr}"
        );
        assert_eq!(editor.end(), Some(7), "{text:?}");
    }
}

/// Promise: whatever is in a buffer and wherever the cursor is, each request has one answer, and the server lives.
#[test]
fn no_text_and_no_place_is_too_strange() {
    let mut editor = Editor::start(Case::new());
    let pieces = [
        "rule a:\n",
        "    input: ",
        "'{x}",
        "\"\"\"",
        "{",
        "}",
        "rules.",
        "f'{",
        "🦀",
        "é",
        "\r\n",
        "\r",
        "\0",
        "\t",
        "    output: 'x'\n",
        "use rule a as b with:\n",
        "checkpoint ",
        "module m:\n",
        "# rulemake: allow(",
        "\\",
        "(",
        "include: 'Rulefile'\n",
        "rules.a.output",
        "ruleorder: a > b\n",
        "\u{feff}",
        "lambda w: ",
        "while True: pass\n",
    ];
    // A generator of the simplest kind: the same numbers each time.
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    editor.open("Rulefile", "");
    let methods =
        ["definition", "hover", "completion", "prepareRename", "documentSymbol", "formatting", "rename"];
    for _ in 0..150 {
        let text: String = (0..next(12)).map(|_| pieces[next(pieces.len())]).collect();
        let range = json!({
            "start": {"line": next(4), "character": next(20)}, "end": {"line": next(4), "character": next(20)},
        });
        editor.change(
            "Rulefile",
            json!([{"text": text}, {"range": range, "text": pieces[next(pieces.len())]}]),
        );
        for method in methods {
            let params = json!({
                "textDocument": {"uri": editor.uri("Rulefile")}, "newName": "z", "options": {"tabSize": 4, "insertSpaces": true},
                "position": {"line": next(6), "character": if next(9) == 0 { 4_000_000_000 } else { next(30) }},
            });
            let answer = editor.answer(&format!("textDocument/{method}"), params);
            let code = answer["error"]["code"].as_i64().unwrap_or(0);
            assert!([0, -32803].contains(&code), "{method}: {answer}");
        }
    }
    let version = editor.change("Rulefile", json!([{"text": GOOD}]));
    assert_eq!(editor.found("Rulefile", version), "");
    editor.goodbye();
}

/// Promise: a Rulefile that never ends to load keeps nobody waiting.
#[test]
fn a_load_that_takes_long_stops_no_answer() {
    let mut editor = Editor::start(Case::new());
    editor.open("Rulefile", "while True:\n    pass\nrule a:\n    output: 'x'\n");
    std::thread::sleep(Duration::from_millis(300));
    let started = std::time::Instant::now();
    let (_, params) = editor.at("Rulefile", "while True:\n    pass\nrule a|:\n");
    assert!(editor.ask("textDocument/definition", params.clone()).is_array());
    // A hover that waits for the plan can be taken back.
    editor.send(&json!({"jsonrpc": "2.0", "id": "h", "method": "textDocument/hover", "params": params}));
    editor.notify("$/cancelRequest", json!({"id": "h"}));
    assert_eq!(editor.wait("the end of the hover", |message| message["id"] == "h")["error"]["code"], -32800);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    // Or it is answered with what the text says.
    let found = editor.ask("textDocument/hover", params);
    assert_eq!(found["contents"]["value"], "**rule `a`**");
    editor.goodbye();
}

/// Promise: `-f` names the Rulefile of files that do not tell by their place, and options of a load count.
#[test]
fn the_command_line_can_name_the_rulefile() {
    let case = Case::new()
        .file("pipeline/main.smk", "include: 'part.smk'\nrule all:\n    input: config['target']\n");
    assert!(!Path::new("pipeline").exists());
    let mut editor = Editor::start_with(
        case,
        &["-f", "pipeline/main.smk", "--config", "target=a.txt", "--pedantic"],
        json!({}),
    );
    let version = editor.open("pipeline/part.smk", GOOD);
    let found = editor.found("pipeline/part.smk", version);
    assert!(found.contains("warning[no-log]") && !found.contains("error"), "{found}");
    let symbols = editor.ask(
        "textDocument/documentSymbol",
        json!({"textDocument": {"uri": editor.uri("pipeline/part.smk")}}),
    );
    assert_eq!(symbols[0]["name"], "a");
    assert_eq!(place(&symbols[0]["location"]["range"]), "0:0-2:27");
    editor.goodbye();
}
