//! A bug of ours ends the process, in whatever thread it comes to light: told with what people need to report it, with an exit
//! code of its own, and with its jobs asked to end. What is on disk then is what a kill -9 leaves.
//!
//! Nothing is caught: the release is built without what that takes, and a run that went on after a bug would be trusted.

use crate::exit::Exit;
use std::io::Write as _;

/// From now on a panic ends the process.
#[expect(clippy::exit, reason = "there is nobody to return to")]
pub(crate) fn prepare() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        let text = "\nthis is a bug in rulemake: please report it with the lines above\n";
        let _ = std::io::stderr().write_all(text.as_bytes());
        #[cfg(target_os = "linux")]
        crate::sys::end_children();
        std::process::exit(Exit::Bug.code().into());
    }));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// What the test below runs in a process of its own.
    #[test]
    #[ignore = "run by the test below, in a process of its own, which it ends"]
    fn ends() {
        super::prepare();
        let mut job = Command::new("sleep");
        std::os::unix::process::CommandExt::process_group(&mut job, 0);
        let mut job =
            job.arg("1000").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sleep starts");
        std::fs::write("pid", job.id().to_string()).expect("written");
        let wrong = || unreachable!("what went wrong");
        let _: Result<(), _> = std::thread::Builder::new().spawn(wrong).expect("a thread").join();
        // Nobody gets here.
        job.kill().and_then(|()| job.wait()).expect("it ends");
    }

    /// Promise: a bug in any thread is told as one, has exit code 70, and leaves no job behind.
    #[test]
    fn a_bug_ends_the_process_and_its_jobs() {
        let dir = tempfile::tempdir().expect("a directory");
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "crash::tests::ends", "--nocapture"])
            .current_dir(dir.path())
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(70), "{told}");
        assert!(told.contains("what went wrong") && told.contains("please report it"), "{told}");
        let job = std::fs::read_to_string(dir.path().join("pid")).expect("it began");
        let begin = Instant::now();
        // Gone, or dead and not reaped yet.
        let is_there =
            || std::fs::read_to_string(format!("/proc/{job}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while is_there() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{job} goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
