//! A custom executor: a fixed pool of shells that stay and take their commands through pipes.
//!
//! `cargo run --example worker_pool`. A new process costs a millisecond or more where the host is large or the program is
//! slow to start; a worker that is there already pays it once.

use rulemake::executor::{Executor, Task, TaskEnd, TaskId, TaskSignal};
use rulemake::{BoxError, RunOptions, Session, Workflow};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

struct Pool {
    tasks: Sender<Task>,
}

impl Executor for Pool {
    fn submit(&self, task: Task) {
        // What no worker takes any more is dropped, and so has failed.
        let _ = self.tasks.send(task);
    }

    // A command cannot be taken back from the shell that runs it: a cancel waits for what is running.
    fn signal(&self, _: TaskId, _: TaskSignal) {}
}

impl Pool {
    fn new(size: usize) -> std::io::Result<Pool> {
        let (tasks, queue) = channel();
        let queue: Arc<Mutex<Receiver<Task>>> = Arc::new(Mutex::new(queue));
        for number in 0..size {
            let queue = queue.clone();
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
            Builder::new().name(format!("worker-{number}")).spawn(move || work(next))?;
        }
        Ok(Pool { tasks })
    }
}

/// One worker: a shell that reads programs, and a thread that hands them over and waits for their codes.
fn work(next: impl Fn() -> Option<Task>) -> std::io::Result<()> {
    let mut shell = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else { return Ok(()) };
    let mut answers = BufReader::new(answers);
    while let Some(mut task) = next() {
        if task.begin().is_err() {
            continue;
        }
        let Some(command) = task.command() else { continue };
        let words: Vec<String> = command.words.iter().map(|word| quoted(word)).collect();
        let (directory, log) = (quoted(&command.directory.to_string_lossy()), command.log.to_string_lossy());
        writeln!(orders, "(cd {directory} && {}) > {} 2>&1; echo $?", words.join(" "), quoted(&log))?;
        let mut code = String::new();
        answers.read_line(&mut code)?;
        task.finish(match code.trim().parse() {
            Ok(0) => TaskEnd::Success,
            Ok(code) => TaskEnd::Exit(code),
            Err(_) => TaskEnd::Failed("its worker is gone".into()),
        });
    }
    drop(orders);
    shell.wait().map(drop)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn main() -> Result<(), BoxError> {
    let root = std::env::temp_dir().join(format!("rulemake-worker-pool-{}", std::process::id()));
    std::fs::create_dir_all(&root)?;
    let text = "rule all:\n    input: expand('{i}.pid', i=range(20))\nrule one:\n    output: '{i}.pid'\n    shell: 'echo $PPID > {output}'\n";
    let builder = Session::builder(Workflow::parse("Rulefile", text)?).root(&root).jobs(4);
    let report =
        builder.executor(Arc::new(Pool::new(4)?)).open()?.run::<&str>(&[], &RunOptions::default())?;
    println!("{} ran, {} failed", report.summary.ran, report.summary.failed);
    Ok(std::fs::remove_dir_all(&root)?)
}
