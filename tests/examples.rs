//! The examples do what they say, as their readers run them. Each is short enough to be read.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program of an example, built if it is not.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples").join(name);
    if !built.exists() {
        let cargo =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--locked", "--example", name]).status();
        assert!(cargo.unwrap().success());
    }
    built
}

fn run(name: &str, args: &[&str]) -> (bool, String, String) {
    run_with(name, args, &[])
}

fn run_with(name: &str, args: &[&str], variables: &[(&str, &Path)]) -> (bool, String, String) {
    let output = Command::new(program(name)).args(args).envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn each_is_short() {
    let mut found = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "rs") {
            found += 1;
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines < 80, "{} has {lines} lines", path.display());
        }
    }
    assert_eq!(found, 6, "and each has a test here");
}

#[test]
fn minimal() {
    let (good, first, _) = run("embed_minimal", &[]);
    assert!(good && first.ends_with("3 different words\n"), "{first}");
    let (good, second, _) = run("embed_minimal", &[]);
    assert!(good && second.contains("0 ran, 2 up to date"), "{second}");
}

#[test]
fn closures_over_real_data() {
    let (good, out, err) = run("embed_functions", &[]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(good, "{out}{err}");
    assert_eq!((lines[0], lines.len()), ("5 jobs ran", 5), "{out}");
    assert!(lines[1].starts_with("2012") && lines[4].starts_with("2015"), "{out}");
}

#[test]
fn a_progress_display() {
    let (good, out, err) = run("progress", &[]);
    assert!(good, "{err}");
    assert!(out.starts_with("[0/4]") && out.contains("slow a.slow 50 %"), "{out}");
    assert!(out.contains("\nonce more: slow b.slow\n") && !out.contains("FAILED"), "{out}");
    assert!(out.contains("[3/4]") && out.lines().last().unwrap().starts_with("done: 4 ran in "), "{out}");
}

#[test]
fn a_progress_display_of_a_run_that_fails() {
    let (good, out, _) = run("progress", &["broken"]);
    assert!(!good);
    let (_, rest) = out.split_once("FAILED slow b.slow\n").unwrap();
    assert!(!rest.contains("b.slow"), "what failed does not run any more: {out}");
}

#[test]
fn an_executor_of_its_own() {
    let (good, out, err) = run("worker_pool", &[]);
    assert!(good && out == "20 ran, 0 failed\n", "{out}{err}");
}

#[test]
fn a_web_server_that_builds() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("site");
    let mut server = Command::new(program("web_server")).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().strip_suffix("/hello").unwrap().to_string();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/hello").contains("<h1>Hello</h1>"));
    assert!(get("/hello").starts_with("HTTP/1.1 200 OK"));
    fs::write(path.join("text/hello.txt"), "Hello again\nIt is another text.\n").unwrap();
    assert!(get("/hello").contains("<h1>Hello again</h1>"), "it is made anew on request");
    assert!(get("/nothing").starts_with("HTTP/1.1 404 Not Found"));
    get("/quit");
    assert!(server.wait().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "/hello: 1 made\n/hello: 0 made\n/hello: 1 made\n");
}

#[test]
fn a_step_of_another_build() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let sources = root.path().join("sources").display().to_string();
    let option = format!("--sources={sources}");
    let step = || run_with("build_step", &[&option], &[("OUT_DIR", &out)]);
    let (good, told, err) = step();
    assert!(good, "{err}");
    assert!(told.contains(&format!("cargo::rerun-if-changed={sources}/limits.txt\n")), "{told}");
    assert!(told.ends_with("cargo::warning=1 generated, 0 as they were\n"), "{told}");
    let code = fs::read_to_string(root.path().join("out/limits.rs")).unwrap();
    assert!(code.contains("pub const DEPTH: &str = \"12\";"), "{code}");
    assert!(step().1.ends_with("cargo::warning=0 generated, 1 as they were\n"));
    fs::write(root.path().join("sources/limits.txt"), "no value\n").unwrap();
    let (good, _, err) = step();
    assert!(!good && err.contains("line 1 has no `=`: no value"), "{err}");
    let (good, told, err) = run_with("build_step", &[], &[("OUT_DIR", &out.join("alone"))]);
    assert!(good && told.contains("alone/sources/limits.txt\n"), "{told}{err}");
}
