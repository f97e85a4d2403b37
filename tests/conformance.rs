//! The Rulefile language against Snakemake: small workflows with the files that Snakemake 9.27 made from them.
//!
//! `tests/conformance/*.cases` hold them, some per row of the language. A case is a text of parts in order:
//!
//! ```text
//! ===== id: title                     begins a case; a remark may follow
//! differs: reason                     the answer is another one on purpose
//! needs: program                      left out where this program is missing
//! --- path                            writes a file
//! $ rulemake a.txt --force            a line of bash; `rulemake` stands for `rulemake -f Snakefile -j1`,
//!                                     `later` waits until the clock of Snakemake has moved on
//! snakemake: snakemake -s Snakefile … what is called instead when it is not the same, of Snakemake
//! fails: text                         … must fail and say this
//! says: text                          … must succeed and say this
//! snakemake fails: text               … Snakemake must fail, with this
//! === path                            the file now holds this
//! === path absent                     there is no such file
//! === path (snakemake)                what Snakemake has made there instead, where we differ
//! ```
//!
//! `pending.txt` names the cases that do not pass yet; a case that passes must not stand there.
//! `ONLY=text` plays the cases whose id contains the text, `EVERY=n` each n-th.
//! `UPDATE_CONFORMANCE=path/to/snakemake cargo test --test conformance -- --ignored` plays all cases with the real
//! Snakemake and writes what it made into the files: no difference afterwards means that all expectations are true.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when it cannot go on, and is told by the environment what to do"
)]

#[path = "support/surroundings.rs"]
mod surroundings;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use surroundings::program;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");

/// `rulemake` as the cases call it.
const OURS: &str = r#"
later() { :; }
rulemake() {
    case " $* " in *' -f '*) ;; *) set -- -f Snakefile "$@" ;; esac
    case " $* " in *' -j'*) ;; *) set -- -j1 "$@" ;; esac
    timeout --foreground 120 rulemake "$@"
}
"#;

/// The same call of the real Snakemake.
const REAL: &str = r#"
later() { sleep 1.1; }
snakemake() { "$SNAKEMAKE" "$@"; }
rulemake() {
    local args=() arg
    for arg in "$@"; do
        case "$arg" in
            -f) args+=(-s) ;;
            -C) args+=(-d) ;;
            -j*) args+=("-c${arg#-j}") ;;
            --force) args+=(-f) ;;
            --force-all) args+=(-F) ;;
            *) args+=("$arg") ;;
        esac
    done
    case " ${args[*]} " in *' -c'*) ;; *) args=(-c1 "${args[@]}") ;; esac
    snakemake --latency-wait 0 "${args[@]}"
}
"#;

/// Who plays a case.
#[derive(Clone, Copy)]
enum Player<'p> {
    Ours,
    Snakemake(&'p Path),
}

struct Case<'t> {
    /// `file/id`.
    name: String,
    differs: bool,
    needs: Vec<&'t str>,
    parts: Vec<Part<'t>>,
}

enum Part<'t> {
    Given { path: &'t str, body: &'t str },
    Step(Step<'t>),
    Expected(Expected<'t>),
}

#[derive(Default)]
struct Step<'t> {
    script: &'t str,
    fails: Vec<&'t str>,
    says: Vec<&'t str>,
    /// What is said of Snakemake alone.
    real_script: Option<&'t str>,
    real_fails: Vec<&'t str>,
    real_says: Vec<&'t str>,
}

struct Expected<'t> {
    path: &'t str,
    of_snakemake: bool,
    /// `None`: absent.
    body: Option<&'t str>,
    /// Where the part stands in the text of the file, for updates.
    range: Range<usize>,
}

/// What playing a case has shown.
struct Answer {
    /// What does not hold, with all that was printed; empty when all does.
    wrong: String,
    /// The parts of the file that say something else than what was found, and what they should say.
    updates: Vec<(Range<usize>, String)>,
}

impl Case<'_> {
    fn file(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(file, _)| file)
    }
}

impl Part<'_> {
    /// Whether the answer of Snakemake is another one.
    fn differs(&self) -> bool {
        match self {
            Part::Given { .. } => false,
            Part::Step(step) => step.fails.is_empty() != step.real_fails.is_empty(),
            Part::Expected(expected) => expected.of_snakemake,
        }
    }
}

fn parse<'t>(file: &str, text: &'t str) -> Vec<Case<'t>> {
    let chunks = pieces(text, 0, |line| line.starts_with("===== "));
    // What stands before the first case is a remark.
    chunks
        .into_iter()
        .filter(|(_, chunk)| chunk.starts_with("===== "))
        .map(|(at, c)| parse_case(file, at, c))
        .collect()
}

fn parse_case<'t>(file: &str, at: usize, text: &'t str) -> Case<'t> {
    // Blank lines before the next case belong to nobody.
    let text = &text[..(text.trim_end_matches(['\n', '\r']).len() + 1).min(text.len())];
    let marks = ["--- ", "$ ", "=== "];
    let mut parts = pieces(text, at, |line| marks.iter().any(|mark| line.starts_with(mark))).into_iter();
    let (_, head) = parts.next().unwrap_or_default();
    let title = head.lines().next().unwrap_or_default().trim_start_matches("===== ");
    let Some((id, _)) = title.split_once(": ") else { panic!("{file}: `{title}` is not `id: title`") };
    let said = |key: &'static str| head.lines().filter_map(move |line| line.strip_prefix(key));
    Case {
        name: format!("{file}/{id}"),
        differs: said("differs: ").next().is_some(),
        needs: said("needs: ").collect(),
        parts: parts.map(|(at, part)| parse_part(file, at, part)).collect(),
    }
}

fn parse_part<'t>(file: &str, at: usize, text: &'t str) -> Part<'t> {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(path) = head.strip_prefix("--- ") {
        return Part::Given { path, body };
    }
    if let Some(path) = head.strip_prefix("=== ") {
        let cut = |path: &'t str, end| path.strip_suffix(end).map_or((path, false), |path| (path, true));
        let (path, absent) = cut(path, " absent");
        let (path, of_snakemake) = cut(path, " (snakemake)");
        let range = at..at + text.len();
        return Part::Expected(Expected { path, of_snakemake, body: (!absent).then_some(body), range });
    }
    let mut step = Step { script: head.trim_start_matches("$ "), ..Step::default() };
    for line in body.lines() {
        match line.split_once(": ") {
            Some(("fails", text)) => step.fails.push(text),
            Some(("says", text)) => step.says.push(text),
            Some(("snakemake", script)) => step.real_script = Some(script),
            Some(("snakemake fails", text)) => step.real_fails.push(text),
            Some(("snakemake says", text)) => step.real_says.push(text),
            _ => panic!("{file}: `{line}` says nothing about a step"),
        }
    }
    Part::Step(step)
}

/// The text cut before each line that begins a piece, with the places where the pieces start.
fn pieces(text: &str, base: usize, begins: impl Fn(&str) -> bool) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if begins(line) && at > start {
            pieces.push((base + start, &text[start..at]));
            start = at;
        }
        at += line.len();
    }
    pieces.push((base + start, &text[start..]));
    pieces
}

/// What a case is played in: a directory, and a home that is as empty.
struct Place<'p> {
    player: Player<'p>,
    dir: tempfile::TempDir,
}

impl Place<'_> {
    fn root(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Exit code and all that was printed.
    fn bash(&self, script: &str) -> (bool, String) {
        let binary = Path::new(env!("CARGO_BIN_EXE_rulemake")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let home = self.dir.path().join("home");
        let mut command = program("bash");
        let script = match self.player {
            Player::Ours => format!("exec 2>&1\n{OURS}\n{script}"),
            Player::Snakemake(snakemake) => {
                command.env("SNAKEMAKE", snakemake);
                format!("exec 2>&1\n{REAL}\n{script}")
            }
        };
        let output = command
            .args(["-c", &script])
            .current_dir(self.root())
            .env("PATH", format!("{}:{path}", binary.display()))
            .env("HOME", &home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env_remove("XDG_CONFIG_HOME")
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn read(&self, path: &str) -> Option<String> {
        let path = self.root().join(path);
        fs::symlink_metadata(&path).ok()?;
        Some(fs::read(&path).map_or_else(
            |error| format!("not readable: {error}\n"),
            |bytes| {
                // Where the directory is named, its name does not matter.
                let text = String::from_utf8_lossy(&bytes).replace(&*self.root().to_string_lossy(), "[DIR]");
                // Nor does it whether the last line has an end: the parts of a case always have one.
                if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
            },
        ))
    }
}

fn play(case: &Case, player: Player) -> Answer {
    let place = Place { player, dir: tempfile::tempdir().unwrap() };
    fs::create_dir_all(place.root()).unwrap();
    fs::create_dir_all(place.dir.path().join("home")).unwrap();
    let real = matches!(player, Player::Snakemake(_));
    let (mut wrong, mut updates, mut log) = (String::new(), Vec::new(), String::new());
    let twins: BTreeSet<&str> = case
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Expected(expected) if expected.of_snakemake => Some(expected.path),
            _ => None,
        })
        .collect();
    for part in &case.parts {
        match part {
            Part::Given { path, body } => {
                let path = place.root().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, body).unwrap();
            }
            Part::Step(step) => {
                let script = step.real_script.filter(|_| real).unwrap_or(step.script);
                let (success, said) = place.bash(script);
                let _ = write!(log, "$ {script}\n{said}");
                step.judge(real, success, &said, &mut wrong);
            }
            // Where we differ, each has a part of its own.
            Part::Expected(expected) if real != expected.of_snakemake && twins.contains(expected.path) => {}
            Part::Expected(expected) if expected.of_snakemake && !real => {}
            Part::Expected(expected) => {
                let found = place.read(expected.path);
                if found.as_deref() != expected.body {
                    let [mine, theirs] = [expected.body.map(str::to_string), found.clone()].map(told);
                    let _ = writeln!(wrong, "{}: expected {mine}\nfound {theirs}", expected.path);
                    let mark = if expected.of_snakemake { " (snakemake)" } else { "" };
                    let new = match found {
                        Some(body) => format!("=== {}{mark}\n{body}", expected.path),
                        None => format!("=== {}{mark} absent\n", expected.path),
                    };
                    updates.push((expected.range.clone(), new));
                }
            }
        }
    }
    if !wrong.is_empty() {
        wrong = format!("===== {}\n{wrong}--- printed\n{}\n", case.name, log.trim_end());
    }
    Answer { wrong, updates }
}

fn told(body: Option<String>) -> String {
    body.map_or("no file".into(), |body| format!("|\n{}", body.trim_end_matches('\n')))
}

impl Step<'_> {
    fn judge(&self, real: bool, success: bool, said: &str, wrong: &mut String) {
        let (fails, says) = match real {
            false => (!self.fails.is_empty(), self.fails.iter().chain(&self.says)),
            true => (!self.real_fails.is_empty(), self.real_fails.iter().chain(&self.real_says)),
        };
        if success == fails {
            let _ = writeln!(wrong, "`{}` {}", self.script, if success { "succeeds" } else { "fails" });
        }
        for text in says.filter(|text| !said.contains(**text)) {
            let _ = writeln!(wrong, "`{}` does not say: {text}", self.script);
        }
    }
}

fn files() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(ROOT).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "cases"));
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Plays the cases that are asked for on some threads, in any order; the answers come in the order of the cases.
fn play_all(cases: &[Case], player: Player) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(index) else { return answers };
            answers.push((index, play(case, player)));
        }
    };
    let mut answers: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The cases that are asked for and can be played.
fn wanted(files: &[(String, String)]) -> Vec<Case<'_>> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut cases: Vec<Case> = files.iter().flat_map(|(name, text)| parse(name, text)).collect();
    let mut names = BTreeSet::new();
    for case in &cases {
        assert!(names.insert(case.name.clone()), "two cases are called {}", case.name);
        let differs = case.parts.iter().any(Part::differs);
        // Both may fail, for other reasons.
        let fails = case.parts.iter().any(|part| matches!(part, Part::Step(step) if !step.fails.is_empty()));
        assert!(case.differs || !differs, "{}: `differs:` must say why it differs", case.name);
        assert!(!case.differs || differs || fails, "{}: nothing differs", case.name);
    }
    let every = std::env::var("EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(1_usize).max(1);
    let mut number = 0;
    cases.retain(|_| {
        number += 1;
        number % every == 0
    });
    cases.retain(|case| case.name.contains(&only) && case.needs.iter().all(|program| is_installed(program)));
    cases
}

#[test]
fn cases_hold() {
    let files = files();
    let cases = wanted(&files);
    let pending = fs::read_to_string(Path::new(ROOT).join("pending.txt")).unwrap_or_default();
    let pending: BTreeSet<&str> = pending.lines().filter(|line| !line.starts_with('#')).collect();
    let names: BTreeSet<String> =
        files.iter().flat_map(|(name, text)| parse(name, text)).map(|c| c.name).collect();
    let unknown: Vec<_> = pending.iter().filter(|name| !names.contains(**name)).collect();
    assert!(unknown.is_empty(), "pending.txt names no cases: {unknown:?}");
    let mut differences = Vec::new();
    let mut passing = Vec::new();
    for (case, Answer { wrong, .. }) in cases.iter().zip(play_all(&cases, Player::Ours)) {
        match (wrong.is_empty(), pending.contains(&*case.name)) {
            (false, false) => differences.push(wrong),
            (true, true) => passing.push(&*case.name),
            _ => {}
        }
    }
    assert!(
        differences.is_empty() && passing.is_empty(),
        "{} of {} cases do not hold\n{}\npassing, to be taken out of pending.txt: {passing:#?}",
        differences.len(),
        cases.len(),
        differences.join("\n"),
    );
}

#[test]
#[ignore = "needs Snakemake; .ci/run installs it and plays a sample"]
fn snakemake_agrees() {
    let program = PathBuf::from(
        std::env::var_os("UPDATE_CONFORMANCE").expect("UPDATE_CONFORMANCE is the path of snakemake"),
    );
    let files = files();
    let cases = wanted(&files);
    let answers = play_all(&cases, Player::Snakemake(&program));
    for (name, text) in &mut files.clone() {
        let of_file = cases.iter().zip(&answers).filter(|(case, _)| case.file() == name);
        // From the end, so that the places before stay where they are.
        let updates: Vec<_> = of_file.flat_map(|(_, answer)| &answer.updates).collect();
        for (range, new) in updates.iter().rev() {
            text.replace_range(range.clone(), new);
        }
        if !updates.is_empty() {
            fs::write(Path::new(ROOT).join(name).with_extension("cases"), text).unwrap();
        }
    }
    let wrong: String = answers.into_iter().map(|answer| answer.wrong).collect();
    assert!(wrong.is_empty(), "Snakemake does something else; the files are changed\n{wrong}");
}
