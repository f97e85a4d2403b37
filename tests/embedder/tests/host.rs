//! The embedder in a program with an async runtime.

use embedder::{sum, workflow};
use rulemake::{CancelLevel, CancelToken, EventKind, Rule, RunOptions, Session, Workflow};
use std::fs;
use std::time::Duration;

fn texts() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("texts")).unwrap();
    fs::write(root.path().join("texts/a.txt"), "one two").unwrap();
    fs::write(root.path().join("texts/b.txt"), "three").unwrap();
    root
}

/// Many runs at once on few threads, while the runtime goes on with its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn runs_in_blocking_threads_of_a_runtime() {
    let runs: Vec<_> = (0..8)
        .map(|_| {
            tokio::task::spawn_blocking(|| {
                let root = texts();
                sum(Session::builder(workflow(&["a", "b"]).unwrap()).root(root.path())).unwrap()
            })
        })
        .collect();
    let mut beats = 0;
    for run in runs {
        let mut run = std::pin::pin!(run);
        let result = loop {
            tokio::select! {
                result = &mut run => break result,
                () = tokio::time::sleep(Duration::from_millis(1)) => beats += 1,
            }
        };
        assert_eq!(result.unwrap(), 3);
    }
    println!("the runtime did {beats} other things meanwhile");
}

/// A task that is aborted drops its guard; the thread that runs hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_aborted_task_ends_its_run() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_path_buf();
    let (ended, report) = std::sync::mpsc::channel();
    let (started, runs) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let token = CancelToken::new();
        let _guard = token.guard(CancelLevel::Kill);
        let run = tokio::task::spawn_blocking(move || {
            let rule = Rule::builder("slow").output("slow").shell("sleep 60; touch {output}");
            let workflow = Workflow::builder().rule(rule).build().unwrap();
            let mut started = Some(started);
            let builder = Session::builder(workflow).root(path).cancel(token).observer(move |event| {
                if let EventKind::JobStarted { .. } = &event.kind
                    && let Some(started) = started.take()
                {
                    let _ = started.send(());
                }
            });
            let report = builder.open().unwrap().run::<&str>(&[], &RunOptions::default()).unwrap();
            ended.send(report.cancelled).unwrap();
        });
        run.await.unwrap();
    });
    runs.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let cancelled = tokio::task::spawn_blocking(move || report.recv_timeout(Duration::from_secs(30)));
    assert!(cancelled.await.unwrap().unwrap());
}
