//! The few calls to the operating system for which std has no safe form. All unsafe code of the command is here.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

/// Jobs inherit these numbers, and their scripts use low ones for themselves.
const FIRST_NUMBER: i32 = 200;

/// A copy that children inherit, with a number that nothing else has for long.
#[expect(unsafe_code, reason = "copies of std are closed in children")]
pub(crate) fn inheritable(file: &OwnedFd) -> io::Result<OwnedFd> {
    // A process may be allowed few open files.
    for first in [FIRST_NUMBER, 10] {
        // SAFETY: takes and gives numbers.
        let copy = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD, first) };
        if copy >= 0 {
            // SAFETY: it was made just now, for nobody else.
            return Ok(unsafe { OwnedFd::from_raw_fd(copy) });
        }
    }
    Err(io::Error::last_os_error())
}

/// A copy of an open file of this process that was inherited, by its number.
///
/// # Errors
/// It is not open.
#[expect(unsafe_code, reason = "a number that somebody names may be anything")]
pub(crate) fn inherited(number: i32) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is only copied; if it is not open, the copy fails.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
}

/// From now on reading does not wait, for all who share the opening.
#[expect(unsafe_code, reason = "std does so for sockets only")]
pub(crate) fn never_wait(file: &File) -> io::Result<()> {
    // SAFETY: takes and gives numbers.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    // SAFETY: as above.
    match flags >= 0 && unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) } == 0
    {
        true => Ok(()),
        false => Err(io::Error::last_os_error()),
    }
}

/// Waits until there is something to read; `false` if there was nothing for so long, or will never be.
#[expect(unsafe_code, reason = "std does not wait for files")]
pub(crate) fn wait_readable(file: &File, at_most: Duration) -> bool {
    let mut wanted = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(at_most.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one structure, which outlives the call.
    let found = unsafe { libc::poll(&raw mut wanted, 1, milliseconds) };
    found > 0 && wanted.revents & libc::POLLIN != 0
}

/// Whether this process was told to go on and has not heard of it yet: its threads may be waiting for a processor.
#[expect(unsafe_code, reason = "std knows no signals")]
pub(crate) fn is_told_to_go_on() -> bool {
    // SAFETY: sets of signals, which are numbers and outlive the calls. The mask of this thread is as before afterwards, and what
    // came meanwhile is heard of then.
    unsafe {
        let [mut go_on, mut before, mut waiting]: [libc::sigset_t; 3] = std::mem::zeroed();
        libc::sigemptyset(&raw mut go_on);
        libc::sigaddset(&raw mut go_on, libc::SIGCONT);
        // What is not blocked here is not told to wait.
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const go_on, &raw mut before);
        let is_known = libc::sigpending(&raw mut waiting) == 0;
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        is_known && libc::sigismember(&raw const waiting, libc::SIGCONT) == 1
    }
}

/// Lets all children go on that are stopped.
#[expect(unsafe_code, reason = "std waits for single children, and only for their ends")]
pub(crate) fn continue_stopped_children() {
    loop {
        // SAFETY: a structure of numbers.
        let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WSTOPPED | libc::WNOHANG;
        // SAFETY: one structure, which outlives the call.
        let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut found, options) };
        // SAFETY: it was filled in, or is all zeros.
        let child = if result == 0 { unsafe { found.si_pid() } } else { 0 };
        if child <= 0 {
            return;
        }
        // SAFETY: takes and gives numbers; it is a child that was not reaped, for it is only stopped.
        unsafe { libc::kill(child, libc::SIGCONT) };
    }
}

/// Asks all children to end, and the process groups that they lead.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std signals only children that it holds")]
pub(crate) fn end_children() {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<libc::pid_t> = children
        .flat_map(|all| all.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    for child in children {
        for whom in [child, -child] {
            for signal in [libc::SIGTERM, libc::SIGCONT] {
                // SAFETY: takes and gives numbers. A thread of ours may reap it just now; no other process has its number so soon.
                unsafe { libc::kill(whom, signal) };
            }
        }
    }
}

/// Whether the terminal behind standard error is that of this process at the moment; `true` where there is no job control.
#[expect(unsafe_code, reason = "std knows no process groups of terminals")]
pub(crate) fn is_in_foreground() -> bool {
    // SAFETY: takes and gives numbers.
    let (group, ours) = unsafe { (libc::tcgetpgrp(libc::STDERR_FILENO), libc::getpgrp()) };
    group < 0 || group == ours
}
