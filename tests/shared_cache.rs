//! Results that machines share: a directory, a server of Bazel's HTTP cache, nginx, and storage that speaks S3.

#![cfg(feature = "cache-http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::Case;
use tempfile::TempDir;

const RULES: &str = "\
rule all:
    input: 'out/a.txt', 'out/b.txt', 'tree'
rule mid:
    input: 'in/{s}.txt'
    output: temp('mid/{s}.txt')
    shell: 'cp {input} {output}'
rule out:
    input: 'mid/{s}.txt'
    output: 'out/{s}.txt'
    shell: 'echo said; cat {input} > {output}; seq 3000 >> {output}'
rule tree:
    output: directory('tree')
    shell: 'mkdir -p {output}/sub; echo x > {output}/sub/x; echo y > {output}/y; ln -s y {output}/z'
";

fn checkout() -> Case {
    Case::new().rulefile(RULES).file("in/a.txt", "a\n").file("in/b.txt", "b\n")
}

/// What a second checkout gets of the first one's work: all of it, and nothing runs.
#[track_caller]
fn second_checkout_runs_nothing(shared: &str, env: &[(&str, &str)]) {
    let with = |case: Case| env.iter().fold(case, |case, (name, value)| case.env(name, value));
    let first = with(checkout()).run(&["--cache-shared", shared, "--cache-push"]);
    assert_eq!(first.last().jobs("job-finished", |_| true).len(), 5);
    assert_eq!(first.last().of("warning").count(), 0, "{}", first.last());
    let other = with(checkout()).run(&["--cache-shared", shared]).ran(&[]);
    assert_eq!(other.last().of("warning").count(), 0, "{}", other.last());
    for file in ["out/a.txt", "out/b.txt", "tree/sub/x", "tree/z"] {
        assert_eq!(other.read(file), first.read(file), "{file}");
    }
    let other = other.has_not("mid/a.txt").run(&["--cache-shared", shared]).ran(&[]).up_to_date(5);
    other.call(&["log", "out/a.txt"]).stdout_has("said");
}

/// A server that knows as much as one for Bazel has to: it stores what it gets, and checks objects as bazel-remote does.
#[derive(Default)]
struct Store {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: AtomicUsize,
    fault: Mutex<Fault>,
    seen: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Fault {
    #[default]
    None,
    /// Answers with 500.
    Broken,
    /// Breaks off in the middle of what it sends of objects.
    Truncates,
    /// Sends objects with a byte changed.
    Poisons,
    /// Sends entries that are none.
    Rubbish,
    /// Takes nothing.
    Full,
    /// The first try of each request is answered with 503.
    Flaky,
}

struct Server {
    url: String,
    store: Arc<Store>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/cache", listener.local_addr().unwrap().port());
        let store: Arc<Store> = Arc::default();
        let shared = store.clone();
        std::thread::Builder::new()
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let store = shared.clone();
                    std::thread::Builder::new().spawn(move || serve(stream, &store)).unwrap();
                }
            })
            .unwrap();
        Server { url, store }
    }

    fn set(&self, fault: Fault) {
        *self.store.fault.lock().unwrap() = fault;
    }
}

fn serve(stream: TcpStream, store: &Store) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(()) = answer(&mut reader, &stream, store) {}
}

fn answer(reader: &mut BufReader<TcpStream>, mut stream: &TcpStream, store: &Store) -> Option<()> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        assert!(!header.starts_with("transfer-encoding"), "servers of this kind want to know the length");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let nth = store.requests.fetch_add(1, Ordering::SeqCst);
    let fault = *store.fault.lock().unwrap();
    let name = format!("{method} {path}");
    let is_first = !store.seen.lock().unwrap().contains(&name);
    store.seen.lock().unwrap().push(name);
    let _ = nth;
    let mut send = |status: &str, body: &[u8], promised: usize| {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {promised}\r\n\r\n");
        let body: &[u8] = if method == "HEAD" { &[] } else { body };
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()
    };
    match (fault, method.as_str()) {
        (Fault::Broken, _) => return send("500 Broken", b"", 0),
        (Fault::Flaky, "GET" | "HEAD") if is_first => return send("503 Busy", b"", 0),
        (Fault::Full, "PUT") => return send("507 Full", b"", 0),
        _ => {}
    }
    if method == "PUT" {
        if let Some(sha256) = path.strip_prefix("/cache/cas/") {
            assert_eq!(sha256_of(&body), sha256, "an object by another name");
        }
        store.files.lock().unwrap().insert(path, body);
        return send("200 OK", b"", 0);
    }
    let found = store.files.lock().unwrap().get(&path).cloned();
    let Some(mut bytes) = found else { return send("404 Not Found", b"", 0) };
    let is_object = path.contains("/cas/");
    match fault {
        Fault::Truncates if is_object && method == "GET" => {
            let promised = bytes.len();
            bytes.truncate(promised / 2);
            send("200 OK", &bytes, promised);
            let _ = stream.shutdown(std::net::Shutdown::Both);
            None
        }
        Fault::Poisons if is_object => {
            let at = bytes.len() / 2;
            bytes[at] ^= 0x20;
            send("200 OK", &bytes, bytes.len())
        }
        Fault::Rubbish if !is_object => send("200 OK", b"<html>log in first</html>", 25),
        _ => send("200 OK", &bytes, bytes.len()),
    }
}

fn sha256_of(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_string()
}

#[test]
fn a_directory_is_shared() {
    let dir = TempDir::new().unwrap();
    second_checkout_runs_nothing(&dir.path().join("shared").display().to_string(), &[]);
}

#[test]
fn a_server_of_bazels_protocol_is_shared() {
    let server = Server::start();
    second_checkout_runs_nothing(&server.url, &[]);
    let files = server.store.files.lock().unwrap();
    let entries = files.keys().filter(|path| path.starts_with("/cache/ac/")).count();
    assert_eq!(entries, 5, "{:?}", files.keys());
    let largest = files.iter().filter(|(path, _)| path.contains("/cas/")).map(|(_, bytes)| bytes.len()).max();
    assert!(largest.unwrap() < 8_000, "what can be compressed is: seq 3000 has 13,893 bytes");
}

/// What comes is checked, and what does not come is made: the result is right whatever the server does.
#[test]
fn a_server_with_faults_costs_time_and_nothing_else() {
    let server = Server::start();
    let args = ["--cache-shared", &server.url];
    let good = checkout().run(&["--cache-shared", &server.url, "--cache-push"]);
    let all = ["mid mid/a.txt", "mid mid/b.txt", "out out/a.txt", "out out/b.txt", "tree tree"];
    for (fault, ran, warning) in [
        (Fault::Poisons, &all[..], "refused"),
        (Fault::Truncates, &all[..], "shared cache"),
        (Fault::Rubbish, &all[..], "shared cache"),
        (Fault::Broken, &all[..], "500"),
        (Fault::Flaky, &[], ""),
    ] {
        server.set(fault);
        let other = checkout().run(&args);
        let other = other.ran(ran);
        let other = if warning.is_empty() { other } else { other.warned(warning) };
        for file in ["out/a.txt", "out/b.txt", "tree/sub/x"] {
            assert_eq!(other.read(file), good.read(file), "{fault:?} {file}");
        }
        // What was refused is nowhere.
        other.run(&args).ran(&[]).up_to_date(5).call(&["cache", "verify", "--cache-shared", &server.url]);
    }
    server.set(Fault::Full);
    checkout().run(&["--cache-shared", &server.url, "--cache-push"]).ran(&[]);
    let changed = checkout().file("in/a.txt", "new\n").run(&["--cache-shared", &server.url, "--cache-push"]);
    changed.ran(&["mid mid/a.txt", "out out/a.txt"]).warned("full");
}

#[test]
fn a_server_that_is_not_there_is_given_up_soon() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    let start = Instant::now();
    let case = checkout().run(&["--cache-shared", &url, "--cache-push"]).warned("not asked any more");
    assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn push_and_pull_run_nothing() {
    let server = Server::start();
    let args = |what| [what, "--cache-shared", server.url.as_str()];
    // Made without the shared place, but kept.
    let first = checkout().run(&["--cache", ".rulemake/cache"]);
    let first = first.call(&args("push")).stderr_has("5 results");
    let first = first.file("in/a.txt", "other\n").call(&args("push")).stderr_has("1 is not up to date");
    let expected = first.read("tree/y");
    let other =
        checkout().call(&args("pull")).has("out/a.txt", &first.read("out/a.txt")).has("tree/y", &expected);
    let other = other.has_not("mid/a.txt").run(&[]).up_to_date(5);
    // What is nowhere is told, and what does not need it is there all the same.
    let other = other.file("in/a.txt", "third\n").remove("out/b.txt").call_with_code(&args("pull"), 1);
    other.stderr_has("no cache holds its result").has("out/b.txt", &first.read("out/b.txt"));
    checkout().call_with_code(&["push"], 2).stderr_has("no shared cache");
    checkout().call_with_code(&["pull"], 2).stderr_has("there is no cache");
    // Made before any cache was on: that is no matter of what is up to date, and there is a way out.
    let case = checkout().run(&[]).call(&args("push")).stderr_has("; 5 were made while no cache was on\n");
    let case = case.stderr_has("--force-all").run(&["--cache", ".rulemake/cache", "--force-all"]);
    case.call(&args("push")).stderr_has("5 results (").stderr_has("in the shared cache\n");
}

#[test]
fn what_lets_us_in_is_never_told() {
    let server = Server::start();
    server.set(Fault::Broken);
    let url = server.url.replace("http://", "http://me:hunter2@");
    let case = checkout().run(&["--cache-shared", &url, "--cache-push", "-v"]).warned("shared cache");
    let logs = fs::read_to_string(case.path(".rulemake/runs/1/run.log")).unwrap();
    for text in [&case.last().stdout, &case.last().stderr, &logs] {
        assert!(!text.contains("hunter2") && !text.contains("bWU6aHVudGVyMg"), "{text}");
    }
    let token = checkout().env("RULEMAKE_CACHE_TOKEN", "s3cr3t-t0ken").run(&["--cache-shared", &server.url]);
    assert!(!token.last().stdout.contains("s3cr3t-t0ken"));
    token.call_with_code(&["--cache-shared", "gopher://x"], 2).stderr_has("gopher");
}

/// A process that ends with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for_port(port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// The real one, as its manual sets it up for files that are put.
#[test]
fn nginx_with_webdav_is_shared() {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: nginx is not installed");
        return;
    }
    let dir = TempDir::new().unwrap();
    let (root, port) = (dir.path().display(), free_port());
    fs::create_dir(dir.path().join("files")).unwrap();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_max_body_size 0; client_body_temp_path {root}/tmp; proxy_temp_path {root}/p; \
         fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         server {{ listen 127.0.0.1:{port}; root {root}/files; \
         location / {{ dav_methods PUT; create_full_put_path on; }} }} }}\n"
    );
    fs::write(dir.path().join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(dir.path()).arg("-c").arg(dir.path().join("nginx.conf"));
    let guard = Guard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    assert!(wait_for_port(port), "{}", fs::read_to_string(dir.path().join("error.log")).unwrap_or_default());
    second_checkout_runs_nothing(&format!("http://127.0.0.1:{port}/team"), &[]);
    drop(guard);
}

#[cfg(feature = "cache-s3")]
#[test]
fn storage_that_speaks_s3_is_shared() {
    let port = free_port();
    let server = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(server) = server else {
        eprintln!("skipped: moto_server is not installed (pip install 'moto[server]')");
        return;
    };
    let guard = Guard(server);
    assert!(wait_for_port(port));
    let endpoint = format!("http://127.0.0.1:{port}");
    let created = Command::new("curl").args(["-sf", "-X", "PUT", &format!("{endpoint}/bucket")]).status();
    assert!(created.unwrap().success());
    let env = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    second_checkout_runs_nothing("s3://bucket/team/results", &env);
    drop(guard);
}
