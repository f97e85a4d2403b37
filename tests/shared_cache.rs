//! Results that machines share: a directory, a server of Bazel's HTTP cache, nginx, and storage that speaks S3.

#![cfg(feature = "cache-http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
#[cfg(target_os = "linux")]
use support::terminal::OnTerminal;
use support::{Case, PATIENCE, program, until};
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
    /// Does not say what entries it has.
    Mute,
    /// Cannot read objects, but those that were put anew.
    Unreadable,
    /// The same, of all of them.
    Blind,
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
    /// Sends half of an object, and the rest when there is another fault.
    Waits,
    /// Takes nothing of an object that is sent, until there is another fault.
    Stalls,
    /// Sends a byte of an entry now and then.
    Drips,
    /// Sends of objects more than there is, without end.
    Endless,
    /// Answers so many requests, and breaks off the one that follows in the middle; then it is gone.
    Goes(usize),
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

/// Takes connections and never answers.
struct Silent {
    url: String,
    calls: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn start() -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let calls: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let taken = calls.clone();
        let take = move || listener.incoming().flatten().for_each(|call| taken.lock().unwrap().push(call));
        std::thread::Builder::new().spawn(take).unwrap();
        Silent { url, calls }
    }

    fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
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
    let is_stalled = || *store.fault.lock().unwrap() == Fault::Stalls;
    if method == "PUT" && path.contains("/cas/") && is_stalled() {
        store.seen.lock().unwrap().push("stalled".into());
        while is_stalled() {
            std::thread::sleep(Duration::from_millis(10));
        }
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let nth = store.requests.fetch_add(1, Ordering::SeqCst);
    let fault = *store.fault.lock().unwrap();
    let name = format!("{method} {path}");
    let is_first = !store.seen.lock().unwrap().contains(&name);
    store.seen.lock().unwrap().push(name);
    let send = |status: &str, body: &[u8], promised: usize| {
        let mut stream = stream;
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {promised}\r\n\r\n");
        let body: &[u8] = if method == "HEAD" { &[] } else { body };
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()
    };
    match (fault, method.as_str()) {
        (Fault::Goes(left), _) if nth > left => {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return None;
        }
        (Fault::Goes(left), "PUT") if nth == left => {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return None;
        }
        (Fault::Mute, "GET" | "HEAD") if path.contains("/ac/") => return send("500 Broken", b"", 0),
        (Fault::Broken, _) => return send("500 Broken", b"", 0),
        (Fault::Flaky, _) if is_first => return send("503 Busy", b"", 0),
        (Fault::Unreadable, "GET")
            if path.contains("/cas/") && !store.seen.lock().unwrap().contains(&format!("PUT {path}")) =>
        {
            return send("500 Broken", b"", 0);
        }
        (Fault::Blind, "GET") if path.contains("/cas/") => return send("500 Broken", b"", 0),
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
        Fault::Goes(left) if nth == left => {
            let promised = bytes.len();
            bytes.truncate(promised / 2);
            send("200 OK", &bytes, promised);
            let _ = stream.shutdown(std::net::Shutdown::Both);
            None
        }
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
        Fault::Waits if is_object && method == "GET" => {
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            send("200 OK", first, bytes.len())?;
            while *store.fault.lock().unwrap() == Fault::Waits {
                std::thread::sleep(Duration::from_millis(10));
            }
            stream.write_all(rest).ok()
        }
        Fault::Drips if !is_object => {
            send("200 OK", &[], bytes.len())?;
            for byte in bytes {
                stream.write_all(&[byte]).ok()?;
                std::thread::sleep(Duration::from_millis(300));
            }
            None
        }
        Fault::Endless if is_object && method == "GET" => {
            send("200 OK", &[], 1 << 40)?;
            while stream.write_all(&[0; 1 << 16]).is_ok() {}
            None
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
    let shared = dir.path().join("shared").display().to_string();
    checkout().call(&["cache", "init", &shared]).stderr_has("made ").call(&["cache", "init", &shared]);
    second_checkout_runs_nothing(&shared, &[]);
}

/// Promise: what one puts there the others of the group can use and go on with, whatever the mask of each is.
#[test]
fn what_is_made_in_a_shared_directory_has_its_rights() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o775)).unwrap();
    support::make_shared(&dir.path().display().to_string());
    let case = checkout();
    let masked = |args: &[&str]| {
        let mut command = program("sh");
        command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rulemake")]).args(args);
        command.arg("--cache-push").arg("--cache-shared").arg(dir.path()).current_dir(case.root());
        assert!(command.output().unwrap().status.success());
    };
    masked(&[]);
    let (mut pending, mut seen) = (vec![dir.path().join("v1")], 0);
    while let Some(path) = pending.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        if !path.is_dir() {
            assert_eq!(mode & 0o444, 0o444, "{} {mode:o}", path.display());
            continue;
        }
        assert_eq!(mode, 0o2775, "{} {mode:o}", path.display());
        pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        seen += 1;
    }
    assert!(seen > 4);
    // What is nobody else's stays so.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_dir_all(dir.path().join("v1")).unwrap();
    support::make_shared(&dir.path().display().to_string());
    masked(&["--force-all"]);
    let mode = fs::metadata(dir.path().join("v1/ac")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700, "{mode:o}");
}

/// Promise: a place whose disk is not there, or that is mistyped, is told once, with what to do, and is not made.
#[test]
fn a_shared_directory_that_is_nowhere_is_told() {
    let dir = TempDir::new().unwrap();
    let nowhere = dir.path().join("not-mounted/team");
    let place = nowhere.display().to_string();
    for more in [&["--cache-shared", &place][..], &["--cache-shared", &place, "--cache-push"]] {
        let case = checkout().run(more).warned("not-mounted/team is not there");
        assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
        assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
        // Whoever wants to hear little wants to hear that, and whoever only looks.
        for little in [&["-q"][..], &["-n"], &["-n", "-q"]] {
            let case = checkout().call(&[more, little].concat()).stderr_has("not-mounted/team is not there");
            assert_eq!(case.last().stderr.lines().count(), 1, "{}", case.last());
        }
        assert!(!nowhere.parent().unwrap().exists());
    }
    // The last part of a name is mistyped as easily as any other; the way out is one for which one has to ask.
    let new = dir.path().join("new").display().to_string();
    let case = checkout().run(&["--cache-shared", &new, "--cache-push"]).warned("`rulemake cache init ");
    assert!(!dir.path().join("new").exists());
    let case = case.call_with_code(&["push", "--cache-shared", &new], 7).stderr_has("is not there");
    let case = case.stderr_has("0 results (0 B) in the shared cache; 5 were not taken\n");
    let case = case.call(&["cache", "init", "--cache-shared", &new]).call(&["push", "--cache-shared", &new]);
    case.stderr_has("5 results (")
        .call_with_code(&["cache", "init", "https://host/x"], 2)
        .stderr_has("is no directory");
    // One that nobody has put anything into yet is no mistake.
    fs::remove_dir_all(&new).unwrap();
    support::make_shared(&new);
    let case = checkout().run(&["--cache-shared", &new]);
    assert_eq!(case.last().of("warning").count(), 0, "{}", case.last());
    // The place of a disk that is not mounted is an empty directory: it is not filled.
    fs::remove_dir_all(&new).unwrap();
    fs::create_dir(&new).unwrap();
    for more in [&["--cache-shared", &new][..], &["--cache-shared", &new, "--cache-push"]] {
        let case = checkout().run(more).warned("the directory is no cache").warned("`rulemake cache init ");
        assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
        assert_eq!(fs::read_dir(&new).unwrap().count(), 0);
    }
    checkout()
        .call(&["cache", "init", &new])
        .stderr_has("made ")
        .call(&["cache", "init", &new])
        .stderr_has("is there");
    fs::remove_dir_all(&new).unwrap();
    fs::write(&new, "").unwrap();
    let case = checkout().run(&["--cache-shared", &new]).warned("it is a file, not a directory");
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
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
        other.run(&args).ran(&[]).up_to_date(5).call(&["cache", "verify"]);
    }
    server.set(Fault::Full);
    checkout().run(&["--cache-shared", &server.url, "--cache-push"]).ran(&[]);
    let changed = checkout().file("in/a.txt", "new\n").run(&["--cache-shared", &server.url, "--cache-push"]);
    changed.ran(&["mid mid/a.txt", "out out/a.txt"]).warned("full");
}

/// Promise: who only looks, or was cut short, takes nothing from the run that follows: what the shared place has is found whether
/// or not its entry, or a part of its objects, is here already.
#[test]
fn what_is_half_here_comes_whole_from_a_server() {
    let server = Server::start();
    let rules = "rule all:\n    input: 'a', 'tree'\nrule a:\n    output: 'a'\n    shell: 'seq 9000 > {output}; echo $RANDOM$RANDOM >> {output}'\n\
                 rule tree:\n    output: directory('tree')\n    shell: 'mkdir {output}; seq 5000 > {output}/x; echo $RANDOM > {output}/y'\n";
    let shared = ["--cache-shared", server.url.as_str()];
    let first = Case::new().rulefile(rules).run(&[&shared[..], &["--cache-push"]].concat());
    let is_first = |case: Case, what: &str| {
        let case = case.run(&shared).ran(&[]);
        assert_eq!(case.last().of("warning").count(), 0, "{what}: {}", case.last());
        for file in ["a", "tree/x", "tree/y"] {
            assert_eq!(case.read(file), first.read(file), "{what}: {file}");
        }
        case
    };
    let new = || Case::new().rulefile(rules);
    for look in [&["-n"][..], &["why", "a"], &["summary"], &["diff"], &["plan"], &["graph"]] {
        let case = new().call(&[look, &shared[..]].concat());
        // What has only been looked for is no loss of the own cache.
        let case = case.call(&["cache", "verify", "--cache", ".rulemake/cache"]).stderr_has("all is right");
        is_first(case, look[0]);
    }
    let case = is_first(new(), "new");
    for part in ["cas", "ac"] {
        fs::remove_dir_all(case.path(".rulemake/cache/v1").join(part)).unwrap();
        for file in ["a", "tree"] {
            let _ = fs::remove_file(case.path(file)).or_else(|_| fs::remove_dir_all(case.path(file)));
        }
        // `is_first` takes and gives a case; the directory stays.
        let again = case.command(&[&["--json"], &shared[..]].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && !said.contains("job-started"), "{part}: {said}");
        assert_eq!(case.read("a"), first.read("a"), "{part}");
    }
    // A pull that is cut short after any number of requests.
    server.store.requests.store(0, Ordering::SeqCst);
    drop(new().call(&[&["pull"], &shared[..]].concat()));
    let all = server.store.requests.load(Ordering::SeqCst);
    for left in 0..all {
        server.store.requests.store(0, Ordering::SeqCst);
        server.set(Fault::Goes(left));
        let case = new();
        let _ = case.command(&[&["pull"], &shared[..]].concat()).output().unwrap();
        server.set(Fault::None);
        is_first(case.call(&[&["pull"], &shared[..]].concat()), &format!("pull cut after {left} of {all}"));
    }
}

/// Promise: what a shared place lost, or has damaged, is there again when somebody made it anew and shared it, in the same run or
/// later; what was refused is not counted as received.
#[test]
fn a_shared_place_is_mended_by_who_makes_it_again() {
    let rules = "rule a:\n    output: 'a'\n    shell: 'seq 90000 > {output}'\n";
    let new = || Case::new().rulefile(rules);
    let server = Server::start();
    let dir = TempDir::new().unwrap();
    let directory = dir.path().join("shared").display().to_string();
    support::make_shared(&directory);
    let spoil_there = |is_lost: bool| {
        let mut files = server.store.files.lock().unwrap();
        let objects: Vec<String> = files.keys().filter(|path| path.contains("/cas/")).cloned().collect();
        assert!(!objects.is_empty());
        for path in objects {
            match is_lost {
                true => drop(files.remove(&path)),
                false => files.get_mut(&path).unwrap()[99] ^= 1,
            }
        }
    };
    let spoil_here = |is_lost: bool| {
        for shard in fs::read_dir(dir.path().join("shared/v1/cas")).unwrap() {
            for object in fs::read_dir(shard.unwrap().path()).unwrap() {
                let path = object.unwrap().path();
                let mut bytes = fs::read(&path).unwrap();
                bytes[99] ^= 1;
                fs::remove_file(&path).unwrap();
                if !is_lost {
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
    };
    for place in [&server.url, &directory] {
        let shared = ["--cache-shared", place.as_str()];
        let pushing = [&shared[..], &["--cache-push"]].concat();
        new().run(&pushing);
        for (is_lost, is_later) in [(true, false), (false, false), (true, true), (false, true)] {
            match place == &server.url {
                true => spoil_there(is_lost),
                false => spoil_here(is_lost),
            }
            let what = format!("{place} {is_lost} {is_later}");
            match is_later {
                true => {
                    let case = new().call(&shared).stderr_has("warning: the shared cache");
                    assert!(!case.last().stderr.contains("received"), "{what}: {}", case.last());
                    case.call(&[&["push"], &shared[..]].concat()).stderr_has("1 result (");
                }
                false => {
                    let case = new().call(&pushing).stderr_has("shared 1 file");
                    assert!(!case.last().stderr.contains("received"), "{what}: {}", case.last());
                }
            }
            let other = new().run(&shared).ran(&[]).restored(&["a a"]);
            assert_eq!(other.last().of("warning").count(), 0, "{what}: {}", other.last());
        }
    }
    // A push looks whether what it says is there is there, though its entry is.
    let case = new().run(&["--cache", "own"]);
    spoil_there(true);
    let case = case.call(&["push", "--cache", "own", "--cache-shared", &server.url]);
    case.stderr_has("1 result (");
    new().run(&["--cache-shared", &server.url]).ran(&[]);
    // And what is damaged in the own cache is not spread.
    let case = new().run(&["--cache", "own"]);
    for shard in fs::read_dir(case.path("own/v1/cas")).unwrap() {
        for object in fs::read_dir(shard.unwrap().path()).unwrap() {
            let path = object.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, vec![b'x'; bytes.len()]).unwrap();
        }
    }
    server.store.files.lock().unwrap().clear();
    case.call(&["push", "--cache", "own", "--cache-shared", &server.url]);
    new().run(&["--cache-shared", &server.url]).ran(&[]);
}

/// Promise: however many files of a result are damaged in a shared place, one new result mends all of them; that they are damaged
/// is told with what puts it right, and is not taken for a server that fails.
#[test]
fn one_new_result_mends_all_that_is_damaged_in_a_shared_place() {
    let rules = "rule d:\n    output: 'e', directory('d')\n    shell: 'mkdir d; for i in 1 2 3 4 5 6; do seq $i 9000 > d/$i; done; \
                 seq 8000 > e'\n";
    let new = || Case::new().rulefile(rules);
    let server = Server::start();
    let dir = TempDir::new().unwrap();
    let directory = dir.path().join("shared").display().to_string();
    support::make_shared(&directory);
    let spoil = |bytes: &mut Vec<u8>| {
        // The list of a directory is small. The first byte of what is compressed says that it is.
        let is_large = bytes.len() > 1000;
        bytes[0] ^= u8::from(is_large);
        usize::from(is_large)
    };
    let spoil_there = || {
        let mut files = server.store.files.lock().unwrap();
        files.iter_mut().filter(|(path, _)| path.contains("/cas/")).map(|(_, bytes)| spoil(bytes)).sum()
    };
    let spoil_here = || {
        let shards = fs::read_dir(dir.path().join("shared/v1/cas")).unwrap();
        let objects = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
        let one = |path: std::path::PathBuf| {
            let mut bytes = fs::read(&path).unwrap();
            let spoilt = spoil(&mut bytes);
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
            spoilt
        };
        let objects: Vec<_> = objects.map(|object| object.unwrap().path()).collect();
        objects.into_iter().map(one).sum::<usize>()
    };
    for place in [&server.url, &directory] {
        let shared = ["--cache-shared", place.as_str()];
        let pushing = [&shared[..], &["--cache-push"]].concat();
        new().run(&pushing);
        for is_later in [false, true] {
            let spoilt: usize = if place == &server.url { spoil_there() } else { spoil_here() };
            assert_eq!(spoilt, 7, "{place}");
            let case = new().call_with_code(&[&["pull"], &shared[..]].concat(), 1);
            let case = case
                .stderr_has(" damaged: ")
                .stderr_has("`rulemake --cache-push` makes it and puts it right");
            let said = &case.last().stderr;
            assert!(
                !said.contains("did not answer") && !said.contains("not asked any more"),
                "{place}: {said}"
            );
            match is_later {
                true => drop(
                    new().call(&shared).call(&[&["push"], &shared[..]].concat()).stderr_has("1 result ("),
                ),
                false => drop(new().run(&pushing).ran(&["d e"])),
            }
            let other = new().run(&shared).ran(&[]);
            assert_eq!(other.last().of("warning").count(), 0, "{place} {is_later}: {}", other.last());
        }
    }
}

/// Promise: what a shared place holds damaged, though of the right size, is found and mended by who never met the damage, with
/// one command.
#[test]
fn a_push_that_verifies_mends_what_is_damaged_in_a_shared_place() {
    let rules =
        "rule d:\n    output: 'e', directory('d')\n    shell: 'mkdir d; seq 9000 > d/x; seq 90000 > e'\n";
    let new = || Case::new().rulefile(rules);
    let server = Server::start();
    let dir = TempDir::new().unwrap();
    let directory = dir.path().join("shared").display().to_string();
    support::make_shared(&directory);
    let spoil_there = || {
        let mut files = server.store.files.lock().unwrap();
        files.iter_mut().filter(|(path, _)| path.contains("/cas/")).for_each(|(_, bytes)| bytes[9] ^= 1);
    };
    let spoil_here = || {
        let shards = fs::read_dir(dir.path().join("shared/v1/cas")).unwrap();
        for object in shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap()) {
            let path = object.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            bytes[9] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    };
    for place in [&server.url, &directory] {
        let shared = ["--cache-shared", place.as_str()];
        new().run(&[&shared[..], &["--cache-push"]].concat());
        if place == &server.url {
            spoil_there()
        } else {
            spoil_here()
        }
        let own = [&["push", "--cache", "own"], &shared[..]].concat();
        let other = new().run(&["--cache", "own"]).call(&own);
        new().call_with_code(&[&["pull"], &shared[..]].concat(), 1).stderr_has(" damaged: ");
        let verifying = [&own[..], &["--verify"]].concat();
        let other = other.call(&verifying);
        let other = other.stderr_has("in the shared cache; 3 files were damaged there and are replaced");
        let case = new().run(&shared).ran(&[]);
        assert_eq!(case.last().of("warning").count(), 0, "{place}: {}", case.last());
        let other = other.call(&verifying);
        assert!(!other.last().stderr.contains("damaged"), "{place}: {}", other.last());
    }
}

/// Promise: what a shared place has and cannot read is put there anew by a push that verifies, and what cannot be mended is named.
#[test]
fn a_push_that_verifies_mends_what_a_shared_place_cannot_read() {
    let rule = "rule d:\n    output: 'a', 'b'\n    shell: 'seq 9000 > a; seq 90000 > b'\n";
    let server = Server::start();
    let args = ["push", "--verify", "--cache-shared", &server.url];
    let case = Case::new().rulefile(rule).run(&["--cache-shared", &server.url, "--cache-push"]);
    server.store.seen.lock().unwrap().clear();
    server.set(Fault::Unreadable);
    let case = case.call(&args).stderr_has("2 files were damaged there and are replaced");
    let case = case.call(&args).stdout_lacks("warning");
    assert!(!case.last().stderr.contains("damaged"), "{}", case.last());
    server.set(Fault::Blind);
    let case = case
        .call_with_code(&args, 7)
        .stderr_has(" does not give blake3:")
        .stderr_has("though it took it anew");
    let _ = case.stderr_has("0 results");
    // A directory, which root reads unless it gives that away.
    let dir = TempDir::new().unwrap();
    let shared = dir.path().join("shared");
    support::make_shared(&shared.display().to_string());
    let script = r#"
        if [ "$(id -u)" = 0 ]; then set -- setpriv --bounding-set=-dac_override,-dac_read_search "$@"; fi
        "$@" true 2> /dev/null || exit 77
        "$BIN" --cache-shared "$DIR" --cache-push || exit
        chmod 0 $(find "$DIR/v1/cas" -type f)
        "$@" cat $(find "$DIR/v1/cas" -type f) 2> /dev/null && exit 77
        "$@" "$BIN" push --verify --cache-shared "$DIR" && "$@" cat $(find "$DIR/v1/cas" -type f) > /dev/null
    "#;
    let case = Case::new().rulefile(rule);
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", "env"]).env("BIN", env!("CARGO_BIN_EXE_rulemake")).env("DIR", &shared);
    let output = command.current_dir(case.root()).output().unwrap();
    if output.status.code() == Some(77) {
        eprintln!("rights cannot be given away here");
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("2 files were damaged there and are replaced"),
        "{said}"
    );
}

/// Promise: what is here already is not counted among what a pull would fetch, nor is what two results have in common counted
/// twice.
#[test]
fn what_is_here_is_not_counted_as_what_would_come() {
    let rules = "rule all:\n    input: 'd', 'e'\n\
                 rule d:\n    input: 'in'\n    output: directory('d')\n    shell: 'mkdir d; seq 90000 > d/x; seq 40000 > d/y; cat in > d/in'\n\
                 rule e:\n    output: 'e'\n    shell: 'seq 40000 > e'\n";
    let dir = TempDir::new().unwrap();
    let shared = dir.path().join("shared").display().to_string();
    support::make_shared(&shared);
    let new = |text: &str| Case::new().rulefile(rules).file("in", text);
    new("1\n").run(&["--cache-shared", &shared, "--cache-push"]);
    let counted = ["pull", "-n", "--cache", "own", "--cache-shared", &shared];
    // 528,894 bytes of x, 228,894 of y and e together, 2 of in.
    new("1\n").call(&counted).stderr_has("would restore 2 (757.8 kB from the shared cache)\n");
    let other = new("2\n").run(&["--cache", "own"]).remove("d/in").file("in", "1\n");
    let other = other.call(&counted).stderr_has("would restore 1 (2 B from the shared cache)");
    // Its list is here, but not all that is on it.
    let own = ["--cache", "own", "--cache-shared", &shared];
    let other = other.run(&own).restored(&["d d"]);
    let large = |path: &std::path::PathBuf| fs::metadata(path).unwrap().len() == 528_894;
    let shards = fs::read_dir(other.path("own/v1/cas")).unwrap();
    let objects = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    let object = objects.map(|object| object.unwrap().path()).find(large).unwrap();
    fs::remove_file(object).unwrap();
    fs::remove_dir_all(other.path("d")).unwrap();
    other.call(&counted).stderr_has("would restore 1 (528.9 kB from the shared cache)");
}

/// Promise: who is refused because of a pull is told that it is one.
#[test]
fn a_pull_that_holds_the_lock_is_called_so() {
    let server = Server::start();
    checkout().run(&["--cache-shared", &server.url, "--cache-push"]);
    server.set(Fault::Waits);
    let case = checkout();
    let mut pull = case.command(&["pull", "--cache-shared", &server.url]).spawn().unwrap();
    case.wait_for(".rulemake/lock");
    let text = || fs::read_to_string(case.path(".rulemake/lock")).unwrap();
    let start = Instant::now();
    while !text().contains("taken ") {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody took the lock");
        std::thread::sleep(Duration::from_millis(10));
    }
    let case = case.call_with_code(&[], 5).stderr_has(", `rulemake pull`");
    server.set(Fault::None);
    assert!(pull.wait().unwrap().success());
    drop(case);
}

/// Promise: what a push would send and a pull would fetch is told before, with its size, and nothing is sent, fetched or kept
/// for it.
#[test]
fn what_would_be_pushed_and_pulled_is_told() {
    let server = Server::start();
    let shared = ["--cache", "own", "--cache-shared", &server.url];
    let with = |more: &[&'static str]| [more, &shared[..]].concat();
    let case = checkout().run(&[]).call(&with(&["push", "-n"]));
    let case = case.stderr_has("would put 5 results (27.8 kB) into the shared cache\n").has_not("own");
    assert!(server.store.files.lock().unwrap().is_empty());
    let case = case.call(&with(&["push"])).stderr_has("5 results (27.8 kB) in the shared cache\n");
    case.call(&with(&["push", "-n"]))
        .stderr_has("would put 0 results (0 B) into the shared cache; 5 are there\n");
    let case =
        checkout().call(&with(&["pull", "-n"])).stdout_has("out out/a.txt\n").stdout_has("tree tree\n");
    let case = case.stderr_has("would restore 5 (").stderr_has(" kB from the shared cache)\n").has_not("out");
    let case = case.call(&with(&["-n"])).stderr_has(" kB would come from the shared cache\n").has_not("tree");
    let case = case.call(&with(&["pull"])).stderr_has("received ").call(&with(&["pull", "-n"]));
    case.stderr_has("would restore 0, 5 up to date\n")
        .edit("in/a.txt", "a", "b")
        .call(&with(&["pull", "-n"]));
}

/// Promise: a shared directory that one may not look into is not said to be none.
#[test]
fn a_shared_directory_without_rights_is_not_said_to_be_nowhere() {
    let dir = TempDir::new().unwrap();
    let shared = dir.path().join("shared");
    support::make_shared(&shared.display().to_string());
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o0)).unwrap();
    // Root may look into everything, unless it gives that away.
    let script = r#"
        if [ "$(id -u)" = 0 ]; then set -- setpriv --bounding-set=-dac_override,-dac_read_search "$@"; fi
        "$@" true 2> /dev/null || exit 77
        bin=$BIN; "$@" ls "$DIR" 2> /dev/null && exit 77
        "$@" "$bin" --cache-shared "$DIR" && "$@" "$bin" push --cache-shared "$DIR"
    "#;
    let case = checkout();
    let mut command = program("sh");
    command.args(["-c", script, "sh", "env"]).env("BIN", env!("CARGO_BIN_EXE_rulemake")).env("DIR", &shared);
    let output = command.current_dir(case.root()).output().unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    if output.status.code() == Some(77) {
        eprintln!("rights cannot be given away here");
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert!(!said.contains("is not there") && !said.contains("cache init"), "{said}");
}

/// Promise: who stops a run does not wait for a server that does not answer.
#[test]
fn a_run_that_waits_for_a_server_is_stopped_at_once() {
    let silent = Silent::start();
    let silent_in_objects = Server::start();
    checkout().run(&["--cache-shared", &silent_in_objects.url, "--cache-push"]);
    silent_in_objects.set(Fault::Waits);
    let asked_for_objects = || {
        let is_asked = |name: &String| name.starts_with("GET /cache/cas/");
        silent_in_objects.store.seen.lock().unwrap().iter().any(is_asked)
    };
    let places: [(&str, &dyn Fn() -> bool); 2] =
        [(&silent.url, &|| silent.count() > 0), (&silent_in_objects.url, &asked_for_objects)];
    for (place, is_asked) in places {
        for more in [&[][..], &["pull"]] {
            silent.calls.lock().unwrap().clear();
            silent_in_objects.store.seen.lock().unwrap().clear();
            let case = checkout();
            let args = [more, &["--cache-shared", place, "--cache-timeout", "100"]].concat();
            let mut run = case.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            until("the server is asked", is_asked);
            std::thread::sleep(Duration::from_millis(500));
            assert!(run.try_wait().unwrap().is_none(), "it waits");
            let start = Instant::now();
            assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
            assert_eq!(run.wait().unwrap().code(), Some(130), "{place} {more:?}");
            assert!(start.elapsed() < PATIENCE, "{place} {more:?}: {:?}", start.elapsed());
        }
    }
}

/// Promise: Ctrl-C breaks off what is on its way to a shared place, however long that would take: nothing of it is there
/// afterwards, no result claims it, and it goes there the next time.
#[test]
fn what_is_on_its_way_to_a_shared_place_is_broken_off() {
    let stopped_soon = |case: &Case, args: &[&str], is_under_way: &dyn Fn() -> bool| {
        let run = case.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        until("something is on its way", is_under_way);
        let start = Instant::now();
        assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
        let ended = run.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{args:?}");
        // What it would have waited for is 100 seconds, and a gigabyte.
        assert!(start.elapsed() < PATIENCE, "{args:?}: {:?}", start.elapsed());
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!said.contains("warning"), "{said}");
        said
    };
    let rules = "rule a:\n    output: 'a'\n    shell: 'seq 900000 > {output}'\n";
    let server = Server::start();
    let shared = ["--cache", "own", "--cache-timeout", "100", "--cache-shared", &server.url];
    for more in [&["push"][..], &["--cache-push"]] {
        let case = Case::new().rulefile(rules);
        let case = if more == ["push"] { case.run(&["--cache", "own"]) } else { case };
        server.set(Fault::Stalls);
        server.store.seen.lock().unwrap().clear();
        let is_under_way = || server.store.seen.lock().unwrap().iter().any(|name| name == "stalled");
        let said = stopped_soon(&case, &[more, &shared].concat(), &is_under_way);
        assert!(!said.contains("shared 1 file"), "{said}");
        assert!(more != ["push"] || said.contains("0 results (0 B) in the shared cache; stopped"), "{said}");
        server.set(Fault::None);
        assert!(server.store.files.lock().unwrap().is_empty(), "{more:?}");
        case.call(&[&["push"], &shared[..]].concat()).stderr_has("1 result (");
        Case::new().rulefile(rules).run(&shared).ran(&[]);
        server.store.files.lock().unwrap().clear();
    }
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("shared");
    support::make_shared(&place.display().to_string());
    let files = |part: &str| -> usize {
        let Ok(listing) = fs::read_dir(place.join("v1").join(part)) else { return 0 };
        listing.map(|item| item.unwrap().path()).map(|path| path.read_dir().map_or(1, Iterator::count)).sum()
    };
    let large = "rule a:\n    output: 'a'\n    shell: 'truncate -s 1G {output}'\n";
    let case = Case::new().rulefile(large).run(&["--cache", "own"]);
    let shared = ["push", "--cache", "own", "--cache-shared", place.to_str().unwrap()];
    stopped_soon(&case, &shared, &|| files("tmp") > 0);
    assert_eq!([files("tmp"), files("cas"), files("ac")], [0; 3]);
    // And what comes from there: nothing of it is in the own cache, nor in its place.
    let case = case.call(&shared).stderr_has("1 result (");
    drop(case);
    let case = Case::new().rulefile(large);
    let own = |part: &str| -> usize {
        let Ok(listing) = fs::read_dir(case.path("own/v1").join(part)) else { return 0 };
        listing.map(|item| item.unwrap().path()).map(|path| path.read_dir().map_or(1, Iterator::count)).sum()
    };
    let pull = ["pull", "--cache", "own", "--cache-shared", place.to_str().unwrap()];
    stopped_soon(&case, &pull, &|| own("tmp") > 0);
    assert_eq!([own("tmp"), own("cas"), own("ac"), own("lost")], [0; 4]);
    assert!(!case.path("a").exists());
}

/// Promise: a server whose bytes drip costs one wait, and not one for each result; one that sends more than it promised fills
/// no disk.
#[test]
fn a_server_that_drips_or_does_not_end_is_left_alone() {
    let server = Server::start();
    let args = ["--cache-shared", &server.url, "--cache-timeout", "1"];
    checkout().run(&["--cache-shared", &server.url, "--cache-push"]);
    server.set(Fault::Drips);
    server.store.requests.store(0, Ordering::SeqCst);
    let one_by_one = [&args[..], &["-j1"]].concat();
    let case = checkout().run(&one_by_one).warned("does not answer in time and is left alone in this run");
    assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
    let requests = server.store.requests.load(Ordering::SeqCst);
    assert!(requests <= 2, "{requests} were waited for");
    server.set(Fault::Endless);
    let case = checkout().run(&args).warned("what is damaged counts as if it were not there");
    assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
    // And from a directory.
    let dir = TempDir::new().unwrap();
    let shared = dir.path().join("shared").display().to_string();
    support::make_shared(&shared);
    let rules = "rule a:\n    output: 'a'\n    shell: 'seq 90000 > {output}'\n";
    Case::new().rulefile(rules).run(&["--cache-shared", &shared, "--cache-push"]);
    for shard in fs::read_dir(dir.path().join("shared/v1/cas")).unwrap() {
        for object in fs::read_dir(shard.unwrap().path()).unwrap() {
            let path = object.unwrap().path();
            fs::remove_file(&path).unwrap();
            fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        }
    }
    let start = Instant::now();
    Case::new()
        .rulefile(rules)
        .run(&["--cache-shared", &shared])
        .ran(&["a a"])
        .warned("more than was promised");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

/// Promise: the first result in a shared place stays, also when the place does not say for a while that it has one.
#[test]
fn a_server_that_does_not_say_what_it_has_is_given_no_other_result() {
    let server = Server::start();
    let rules = "rule a:\n    output: 'a'\n    shell: 'date +%N > {output}; seq 90000 >> {output}'\n";
    let args = ["--cache-shared", &server.url, "--cache-push"];
    let first = Case::new().rulefile(rules).run(&args);
    server.set(Fault::Mute);
    Case::new().rulefile(rules).run(&args).ran(&["a a"]);
    server.set(Fault::None);
    let third = Case::new().rulefile(rules).run(&args).ran(&[]);
    assert_eq!(third.read("a"), first.read("a"));
}

/// Promise: with a lock file, too, each file that is shared is counted once.
#[test]
fn what_is_shared_is_counted_once() {
    let server = Server::start();
    let rules = "rule a:\n    output: 'a'\n    shell: 'seq 90000 > {output}'\n";
    let case = Case::new().rulefile(rules).call(&["--lock", "--cache-shared", &server.url, "--cache-push"]);
    case.stderr_has("shared 1 file (");
}

/// What is sent is sent again where a server is busy, too, or one hiccup would keep a result from everybody else.
#[test]
fn a_busy_server_gets_what_it_refused_at_first() {
    let server = Server::start();
    server.set(Fault::Flaky);
    checkout().run(&["--cache-shared", &server.url, "--cache-push"]);
    server.set(Fault::None);
    checkout().run(&["--cache-shared", &server.url]).ran(&[]);
}

/// A server that is lost after any number of requests, in the middle of one: what came is right, what did not is made, and
/// what went there before is whole for others.
#[test]
fn a_server_that_goes_away_in_the_middle_costs_no_result() {
    let rules = "rule all:\n    input: 'a', 'tree'\nrule a:\n    output: 'a'\n    shell: 'seq 9000 > {output}; echo said'\n\
                 rule tree:\n    output: directory('tree')\n    shell: 'mkdir {output}; echo x > {output}/x; seq 5000 > {output}/y'\n";
    let new = || Case::new().rulefile(rules);
    let server = Server::start();
    let args = ["--cache-shared", server.url.as_str(), "--cache-push", "-j1"];
    let good = new().run(&args);
    let is_right = |case: &Case, what: &str| {
        for file in ["a", "tree/x", "tree/y"] {
            assert_eq!(case.read(file), good.read(file), "{what}: {file}");
        }
    };
    let put = server.store.requests.swap(0, Ordering::SeqCst);
    new().run(&args).ran(&[]);
    let got = server.store.requests.load(Ordering::SeqCst);
    assert!(put > 8 && got > 5, "{put} {got}");
    for left in 0..got {
        server.store.requests.store(0, Ordering::SeqCst);
        server.set(Fault::Goes(left));
        let case = new().run(&args);
        is_right(&case, &format!("gone after {left} of {got}"));
        assert!(case.last().of("warning").count() > 0, "{left}: {}", case.last());
        server.set(Fault::None);
        is_right(&case.run(&args).ran(&[]).up_to_date(2), &format!("after {left}"));
    }
    for left in 0..put {
        server.store.files.lock().unwrap().clear();
        server.store.requests.store(0, Ordering::SeqCst);
        server.set(Fault::Goes(left));
        is_right(
            &new().run(&args).ran(&["a a", "tree tree"]),
            &format!("sending, gone after {left} of {put}"),
        );
        server.set(Fault::None);
        // What another one gets of it.
        let other = new().run(&args);
        assert_eq!(other.last().of("warning").count(), 0, "{left}: {}", other.last());
        is_right(&other, &format!("what was sent before it went after {left}"));
    }
}

/// Promise: bits that are flipped anywhere in what is shared, in entries and in objects, give no wrong result and stop no run.
#[test]
fn a_flipped_bit_in_anything_shared_gives_no_wrong_result() {
    let rules = "rule all:\n    input: 'a', 'tree'\nrule a:\n    output: 'a'\n    shell: 'seq 9000 > {output}; echo said'\n\
                 rule tree:\n    output: directory('tree')\n    shell: 'mkdir {output}; echo x > {output}/x; seq 5000 > {output}/y'\n";
    let new = || Case::in_memory().rulefile(rules);
    let server = Server::start();
    let dir = TempDir::new().unwrap();
    let shared = dir.path().join("shared").display().to_string();
    support::make_shared(&shared);
    let good = new().run(&["--cache-shared", &server.url, "--cache-push"]);
    new().run(&["--cache-shared", &shared, "--cache-push"]);
    let check = |place: &str, what: &str| {
        let case = new().run(&["--cache-shared", place]);
        for file in ["a", "tree/x", "tree/y"] {
            assert_eq!(case.read(file), good.read(file), "{what}: {file}");
        }
        assert_eq!(case.files("tree"), ["tree/x", "tree/y"], "{what}");
        // What was refused is nowhere; a log that did not come may be missing.
        let verified = case.command(&["cache", "verify"]).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(said.contains("all is right") || said.contains("0 damaged objects"), "{what}: {said}");
    };
    let places = |length: usize| (0..length).step_by(1 + length / 3).map(|at| (at, 1_u8 << (at % 8)));
    let files = server.store.files.lock().unwrap().clone();
    assert!(files.len() > 5, "{:?}", files.keys());
    for (path, bytes) in files {
        for (at, bit) in places(bytes.len()) {
            let mut bad = bytes.clone();
            bad[at] ^= bit;
            server.store.files.lock().unwrap().insert(path.clone(), bad);
            check(&server.url, &format!("{path} at {at}"));
        }
        server.store.files.lock().unwrap().insert(path, bytes);
    }
    let mut todo = vec![dir.path().join("shared")];
    while let Some(next) = todo.pop() {
        if next.is_dir() {
            todo.extend(fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&next).unwrap();
        for (at, bit) in places(bytes.len()) {
            let mut bad = bytes.clone();
            bad[at] ^= bit;
            fs::remove_file(&next).unwrap();
            fs::write(&next, bad).unwrap();
            check(&shared, &format!("{} at {at}", next.display()));
            let _ = fs::remove_file(&next);
            fs::write(&next, &bytes).unwrap();
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_given_up_soon() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let start = Instant::now();
    let case = checkout()
        .run(&["--cache-shared", &url, "--cache-push"])
        .warned("cannot be reached and is left alone");
    assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    // Whether it has them nobody knows.
    let case = checkout().call_with_code(&["pull", "--cache-shared", &url], 1).stderr_has("not found: ");
    assert!(!case.last().stderr.contains("in no cache"), "{}", case.last());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

/// Promise: a server that takes a connection and never answers costs one wait, and not one for each result.
#[test]
fn a_server_that_never_answers_is_waited_for_once() {
    let silent = Silent::start();
    let url = &silent.url;
    let case = checkout().run(&["--cache-shared", url, "--cache-push", "--cache-timeout", "4", "-j1"]);
    assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
    assert!(silent.count() <= 2, "{} calls were waited for", silent.count());
    let case = case
        .warned("does not answer in time and is left alone in this run")
        .warned("`--cache-timeout SECONDS`");
    assert_eq!(case.last().of("warning").count(), 1, "{}", case.last());
    let settings = format!("[cache]\nshared = '{url}'\ntimeout = 1\n");
    let case = case.file("rulemake.toml", &settings).call_with_code(&["push"], 7);
    case.stderr_has("5 were not taken").call_with_code(&["push", "--cache-timeout", "0"], 2);
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
    let other = other.stderr_has("1 restored, 2 up to date, 1 in no cache, 1 made from these in ");
    let other =
        other.stderr_has("in no cache: mid mid/a.txt\n").stderr_has("help: `rulemake` makes what is missing");
    let text = format!("{}{}", other.last().stdout, other.last().stderr);
    assert!(!text.contains("FAILED") && !text.contains("error"), "{text}");
    let other = other.has("out/b.txt", &first.read("out/b.txt")).remove("out/b.txt");
    let mut verbose = args("pull").to_vec();
    verbose.push("-v");
    let other =
        other.call_with_code(&verbose, 1).stderr_has("restored out out/b.txt: output out/b.txt is missing");
    other.stderr_has("in no cache: mid mid/a.txt\n");
    checkout().call_with_code(&["push"], 2).stderr_has("no shared cache");
    checkout().call_with_code(&["pull"], 2).stderr_has("there is no cache");
    // Made before any cache was on: that is no matter.
    let fourth = || checkout().file("in/a.txt", "fourth\n");
    let case = fourth().run(&[]).append("out/b.txt", "edited\n").call(&args("push"));
    let case = case
        .stderr_has("4 results (")
        .stderr_has("in the shared cache; 1 is not up to date or not for the cache\n");
    fourth().run(&["--cache-shared", &server.url]).ran(&[]).has("out/a.txt", &case.read("out/a.txt"));
}

/// Promise: what lets us in is in nothing that is printed or written, however it was told and whatever goes wrong.
#[test]
fn what_lets_us_in_is_never_told() {
    let server = Server::start();
    let host = server.url.trim_start_matches("http://").to_string();
    let secrets = ["hunter2", "bWU6aHVudGVyMg", "s3cr3t-t0ken", "AKIAPUBLIC", "s3-s3cret", "session-t0ken"];
    let is_clean = |case: &Case, what: &str| {
        let mut texts = vec![case.last().stdout.clone(), case.last().stderr.clone()];
        let mut todo = vec![case.path(".rulemake")];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => todo.push(path),
                    path => texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()),
                }
            }
        }
        for (text, secret) in texts.iter().flat_map(|text| secrets.iter().map(move |secret| (text, secret))) {
            assert!(!text.contains(secret), "{what}: {secret} in {text}");
        }
    };
    let url = format!("http://me:hunter2@{host}");
    let s3_endpoint = server.url.replace("/cache", "");
    let netrc = "machine 127.0.0.1 login me password hunter2\n";
    let settings = format!("[cache]\nshared = \"{url}\"\npush = true\n");
    for fault in [Fault::None, Fault::Broken, Fault::Truncates, Fault::Rubbish, Fault::Full] {
        server.set(fault);
        for args in [&["-v"][..], &["--json"], &["-q"], &["push"], &["pull"], &["config", "--show-origin"]] {
            // A server that fails fails all commands alike, and takes its time.
            if fault != Fault::None && args != ["-v"] {
                continue;
            }
            let what = format!("{fault:?} {args:?}");
            let call = |case: Case, more: &[&str]| {
                // How it ends is for other tests.
                let all: Vec<&str> = args.iter().chain(more).copied().collect();
                let output = case.command(&all).output().unwrap();
                let code = output.status.code().unwrap();
                case.call_with_code(&all, if args == ["push"] || args == ["pull"] { code } else { 0 })
            };
            let shared = ["--cache-shared", &url];
            let more = if args[0] == "config" { &[][..] } else { &shared[..] };
            is_clean(&call(checkout().env("RULEMAKE_CACHE_SHARED", &url), more), &what);
            is_clean(&call(checkout().file("rulemake.toml", &settings), &[]), &what);
            let plain = server.url.as_str();
            let case = checkout().file("netrc", netrc).env("RULEMAKE_CACHE_SHARED", plain);
            let path = case.path("netrc").display().to_string();
            is_clean(&call(case.env("NETRC", &path), &[]), &what);
            let case =
                checkout().env("RULEMAKE_CACHE_TOKEN", "s3cr3t-t0ken").env("RULEMAKE_CACHE_SHARED", plain);
            is_clean(&call(case, &[]), &what);
            if cfg!(feature = "cache-s3") {
                let case = checkout().env("RULEMAKE_CACHE_SHARED", "s3://bucket/x");
                let case =
                    case.env("AWS_ACCESS_KEY_ID", "AKIAPUBLIC").env("AWS_SECRET_ACCESS_KEY", "s3-s3cret");
                let case =
                    case.env("AWS_SESSION_TOKEN", "session-t0ken").env("AWS_ENDPOINT_URL", &s3_endpoint);
                is_clean(&call(case, &[]), &what);
            }
        }
    }
    for bad in
        ["gopher://me:hunter2@x", "http://me:hunter2@", "http://me:hunter2@h/?x", "s3://me:hunter2@bucket"]
    {
        let case = checkout().call_with_code(&["--cache-shared", bad], 2);
        assert!(!case.last().stderr.contains("hunter2"), "{bad}: {}", case.last());
    }
}

/// Promise: while a file comes, its bytes are counted where somebody looks, and at the end all that came is told.
#[test]
fn transfers_are_told_in_bytes() {
    let server = Server::start();
    // Bytes that cannot be made fewer.
    let rules = "rule big:\n    output: 'big'\n    shell: 'head -c 1000000 /dev/urandom > {output}'\n";
    let shared = ["--cache-shared", server.url.as_str()];
    let first = Case::new().rulefile(rules).call(&["--cache-shared", &server.url, "--cache-push"]);
    let first = first.stderr_has("shared 1 file (1.0 MB)\n");
    let other = Case::new().rulefile(rules).call(&shared).stderr_has("received 1 file (1.0 MB)\n");
    assert_eq!(fs::read(other.path("big")).unwrap(), fs::read(first.path("big")).unwrap());
    let other = other.call(&shared);
    assert!(!other.last().stderr.contains("received"), "{}", other.last());
    Case::new()
        .rulefile(rules)
        .call(&["pull", "--cache-shared", &server.url])
        .stderr_has("received 1 file (1.0 MB)\n");
}

/// Promise: on a terminal it is told how far a file is while it comes.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_shows_how_far_a_transfer_is() {
    let server = Server::start();
    let rules = "rule big:\n    output: 'big'\n    shell: 'head -c 1000000 /dev/urandom > {output}'\n";
    Case::new().rulefile(rules).call(&["--cache-shared", &server.url, "--cache-push"]);
    server.set(Fault::Waits);
    let case = Case::new().rulefile(rules);
    let mut pull =
        OnTerminal::start(case.command(&["pull", "--cache-timeout", "600", "--cache-shared", &server.url]));
    pull.until("of 1.0 MB");
    server.set(Fault::None);
    let (status, shown) = pull.end();
    assert!(status.success() && shown.contains("received 1 file (1.0 MB)"), "{status}: {shown}");
}

/// A process that ends with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens at: none of those that the system gives to others who ask for any.
fn free_port() -> u16 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = std::process::id() as usize * 8;
    let ports = std::iter::repeat_with(|| 10_000 + (first + NEXT.fetch_add(1, Ordering::SeqCst)) % 20_000);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(20_000).filter_map(|port| u16::try_from(port).ok()).find(is_free).expect("some port is free")
}

fn wait_for_port(port: u16) {
    until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
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
    wait_for_port(port);
    second_checkout_runs_nothing(&format!("http://127.0.0.1:{port}/team"), &[]);
    drop(guard);
}

/// How a server is started in a directory, at a port.
#[cfg(feature = "cache-s3")]
type Start = fn(&std::path::Path, u16) -> Command;

/// Servers of storage that speaks S3.
#[cfg(feature = "cache-s3")]
const STORAGES: [(&str, Start); 2] = [
    // Holds each signature against the secret, and each date.
    ("s3s-fs", |dir, port| {
        let mut command = Command::new("s3s-fs");
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--access-key", "key", "--secret-key", "secret"]).arg(dir);
        command
    }),
    ("moto_server", |_, port| {
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    }),
];

/// Those of the servers that are installed; which of them were tried is said.
#[cfg(feature = "cache-s3")]
#[test]
fn storage_that_speaks_s3_is_shared() {
    let mut tried = Vec::new();
    for (name, start) in STORAGES {
        let (dir, port) = (TempDir::new().unwrap(), free_port());
        let server = start(dir.path(), port).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(server) = server else { continue };
        let guard = Guard(server);
        wait_for_port(port);
        let endpoint = format!("http://127.0.0.1:{port}");
        let signs = name == "s3s-fs";
        match signs {
            // A bucket is a directory.
            true => fs::create_dir(dir.path().join("bucket")).unwrap(),
            false => {
                let created = program("curl")
                    .args(["-sf", "--noproxy", "*", "-X", "PUT", &format!("{endpoint}/bucket")])
                    .status();
                assert!(created.unwrap().success(), "{name}");
            }
        }
        let env = |secret| {
            [
                ("AWS_ACCESS_KEY_ID", "key"),
                ("AWS_SECRET_ACCESS_KEY", secret),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ]
        };
        second_checkout_runs_nothing("s3://bucket/team/results", &env("secret"));
        if signs {
            // Who does not know the secret gets nothing, puts nothing, and is told.
            let case = env("wrong").into_iter().fold(checkout(), |case, (name, value)| case.env(name, value));
            let case = case.run(&["--cache-shared", "s3://bucket/team/results", "--cache-push"]);
            assert_eq!(case.last().jobs("job-finished", |_| true).len(), 5);
            let case = case.warned("403");
            let wrong = format!("{}{}", case.last().stdout, case.last().stderr);
            assert!(!wrong.contains("Signature="), "{wrong}");
        }
        drop(guard);
        tried.push(name);
    }
    match tried.as_slice() {
        [] => eprintln!(
            "skipped: neither s3s-fs (cargo install s3s-fs --features binary) nor moto_server (pip install 'moto[server]') is \
             installed"
        ),
        tried => eprintln!("tried on {}", tried.join(", ")),
    }
}
