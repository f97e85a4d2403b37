//! A terminal of the test's own, for what the binary does only on one. No program stands in between that would have its own
//! idea of when to read and when to stop.

use super::PATIENCE;
use std::fs::{self, File};
use std::io::{Error, Read as _, Result, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program that runs on a terminal.
pub(crate) struct OnTerminal {
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// Ends when nobody has the terminal any more.
    reader: JoinHandle<()>,
    child: Child,
    title: String,
}

impl OnTerminal {
    /// Starts a command on a terminal of 80 columns.
    pub(crate) fn start(mut command: Command) -> OnTerminal {
        let (mut ours, theirs) = open().unwrap();
        let keys = ours.try_clone().unwrap();
        let shown: Arc<Mutex<Vec<u8>>> = Arc::default();
        let shows = shown.clone();
        let read = move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = ours.read(&mut bytes) {
                shows.lock().unwrap().extend(&bytes[..count]);
            }
        };
        let reader = std::thread::Builder::new().spawn(read).unwrap();
        command.env("TERM", "xterm").stdin(theirs.try_clone().unwrap());
        command.stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let (child, title) = (command.spawn().unwrap(), format!("{command:?}"));
        OnTerminal { keys, shown, reader, child, title }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace('\r', "")
    }

    /// Waits until it shows something.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        let start = Instant::now();
        loop {
            let is_over = self.reader.is_finished();
            if self.shown().contains(text) {
                return;
            }
            assert!(!is_over && start.elapsed() < PATIENCE, "{text:?} does not come\n{}", self.state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        loop {
            if let (Some(status), true) = (self.child.try_wait().unwrap(), self.reader.is_finished()) {
                return (status, self.shown());
            }
            assert!(start.elapsed() < PATIENCE, "it does not end\n{}", self.state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What there is to say when it does not do what it should: whether it lives, what its threads wait for, what it showed.
    fn state(&mut self) -> String {
        let what = match self.child.try_wait().unwrap() {
            Some(status) => status.to_string(),
            None => threads(self.child.id()),
        };
        format!("{}: {what}\n--- shown\n{}", self.title, self.shown())
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Name, state and waiting place of each thread of a process.
fn threads(id: u32) -> String {
    let mut lines = String::from("it runs");
    for thread in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State:")).unwrap_or_default();
        lines += &format!("\n  {} {state} {}", read("comm").trim(), read("wchan"));
    }
    lines
}

/// Both ends. Neither is passed on to programs that other tests start meanwhile, or it would not end with its own.
#[expect(unsafe_code, reason = "std opens no terminals")]
fn open() -> Result<(File, File)> {
    let checked = |result: i32| if result == 0 { Ok(()) } else { Err(Error::last_os_error()) };
    // SAFETY: takes a number.
    let ours = unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) };
    if ours < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else has it.
    let ours = unsafe { File::from_raw_fd(ours) };
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let mut name = [0_u8; 64];
    // SAFETY: the terminal is open, and size and name live as long as the calls.
    unsafe {
        checked(libc::grantpt(ours.as_raw_fd()))?;
        checked(libc::unlockpt(ours.as_raw_fd()))?;
        checked(libc::ptsname_r(ours.as_raw_fd(), name.as_mut_ptr().cast(), name.len()))?;
        checked(libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size))?;
    }
    let name = String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let theirs = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name)?;
    Ok((ours, theirs))
}
