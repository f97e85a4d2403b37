//! What git has of a project at a revision. Reads only.

use crate::exit::{Exit, Failure};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// A larger object is not wanted by anybody here.
const MAX_BYTES: u64 = 64 << 20;

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(Exit::Environment, "`git` was not found")
            .help("install git, or compare with a run by its number"),
        _ => Failure::new(Exit::Environment, format!("git cannot be asked: {error}")),
    }
}

/// The commit that a revision stands for; `None` when git knows none of this name, or the directory is no repository.
pub(crate) fn commit(root: &Path, revision: &str) -> Result<Option<String>, Failure> {
    let call = git(root)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{revision}^{{commit}}"))
        .output()
        .map_err(|error| failed(&error))?;
    let name = String::from_utf8_lossy(&call.stdout).trim().to_string();
    Ok((call.status.success() && !name.is_empty()).then_some(name))
}

/// Whether the directory belongs to a repository.
pub(crate) fn is_repository(root: &Path) -> Result<bool, Failure> {
    let call = git(root).args(["rev-parse", "--git-dir"]).output().map_err(|error| failed(&error))?;
    Ok(call.status.success())
}

/// The content of files at a commit; `None` for those that were not in it. Paths start from `root`.
pub(crate) fn files_at(root: &Path, commit: &str, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut child = git(root)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // A line for each: a name that breaks it cannot be asked for.
    let asked = |path: &String| !path.contains('\n') && !path.starts_with('/');
    let questions: String =
        paths.iter().filter(|path| asked(path)).map(|path| format!("{commit}:./{path}\n")).collect();
    // git answers while it is asked: one who only writes would wait for ever.
    let asking = std::thread::Builder::new().name("git".into()).spawn(move || {
        if let Some(stdin) = &mut stdin {
            // When git gives up, the answers end early, which is seen.
            let _ = stdin.write_all(questions.as_bytes());
        }
    });
    let asking = asking.map_err(|error| failed(&error))?;
    let mut answers = io::BufReader::new(stdout.ok_or_else(|| failed(&io::ErrorKind::BrokenPipe.into()))?);
    let read: io::Result<Vec<Option<Vec<u8>>>> =
        paths.iter().map(|path| if asked(path) { answer(&mut answers) } else { Ok(None) }).collect();
    drop(answers);
    let _ = asking.join();
    let _ = child.wait();
    read.map_err(|error| failed(&error))
}

/// Those of `paths` that git leaves alone.
pub(crate) fn ignored(root: &Path, paths: &[&str]) -> Result<Vec<String>, Failure> {
    let mut child = git(root)
        .args(["check-ignore", "-z", "--stdin"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let stdin = child.stdin.take();
    let asked = paths.join("\0");
    let asking = std::thread::Builder::new()
        .name("git".into())
        .spawn(move || stdin.map(|mut stdin| stdin.write_all(asked.as_bytes())));
    let asking = asking.map_err(|error| failed(&error))?;
    let answer = child.wait_with_output().map_err(|error| failed(&error))?;
    let _ = asking.join();
    Ok(in_list(&answer.stdout))
}

/// Those of `paths` that git tracks, or something in them.
pub(crate) fn tracked(root: &Path, paths: &[&str]) -> Result<Vec<String>, Failure> {
    /// A command line has no room for all.
    const AT_ONCE: usize = 200;
    let mut found = Vec::new();
    for some in paths.chunks(AT_ONCE) {
        let call = git(root).args(["--literal-pathspecs", "ls-files", "-z", "--"]).args(some).output();
        let files = in_list(&call.map_err(|error| failed(&error))?.stdout);
        let is_in = |path: &&&str| {
            files.iter().any(|file| {
                file.strip_prefix(**path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        found.extend(some.iter().filter(is_in).map(|path| (*path).to_string()));
    }
    Ok(found)
}

fn in_list(bytes: &[u8]) -> Vec<String> {
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// `<object> <type> <size>`, the content and a line end; or `<question> missing`.
fn answer(answers: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it gave no answer"));
    }
    let mut words = line.trim_end().rsplit(' ');
    let (Some(size), Some(kind)) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next())
    else {
        return Ok(None);
    };
    if size > MAX_BYTES {
        return Err(io::Error::other("an object is larger than 64 MiB"));
    }
    let mut content = Vec::new();
    answers.take(size + 1).read_to_end(&mut content)?;
    if content.len() as u64 != size + 1 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its answer is cut off"));
    }
    content.pop();
    // A directory or a submodule is no file.
    Ok((kind == "blob").then_some(content))
}
