//! Starts a program as `posix_spawn` of the C library does, without what a job does not need: that one asks for the handler
//! of every signal in the child, maps a stack and unmaps it, which makes all processors forget their tables, and tries to
//! execute in one directory after the other.
//!
//! The child has our memory until it executes, while this thread sleeps (`vfork` of clone(2)). Invariants of what runs
//! in it: it allocates nothing, takes no lock, cannot panic, and calls only what signal-safety(7) allows.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr;

/// A program that is to be started, in a process group of its own.
pub(crate) struct Program<'a> {
    /// The file, from where it will work.
    pub(crate) file: &'a CStr,
    /// Its name first.
    pub(crate) words: &'a [&'a CStr],
    /// `NAME=value`.
    pub(crate) variables: &'a [&'a CStr],
    pub(crate) dir: &'a CStr,
    /// Standard input, output and errors.
    pub(crate) streams: [BorrowedFd<'a>; 3],
}

/// What the child sees, in the memory of the parent.
struct Child {
    file: *const c_char,
    words: *const *const c_char,
    variables: *const *const c_char,
    dir: *const c_char,
    streams: [c_int; 3],
    /// Why it could not execute; it is this thread that reads it, after the child is gone.
    error: c_int,
}

/// Enough for what runs before the program, many times over. The allocator tidies up all that it has whenever 64 KiB at once
/// come back.
const STACK: usize = 16 << 10;

/// Starts a program and returns its number once it executes. Its signals are all as by default, but those that this process
/// ignores besides SIGPIPE.
#[expect(unsafe_code, reason = "std starts programs by the C library only")]
pub(crate) fn start(program: &Program<'_>) -> io::Result<u32> {
    let pointers = |texts: &[&CStr]| -> Vec<*const c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (words, variables) = (pointers(program.words), pointers(program.variables));
    let streams = Streams::of(program.streams)?;
    let mut child = Child {
        file: program.file.as_ptr(),
        words: words.as_ptr(),
        variables: variables.as_ptr(),
        dir: program.dir.as_ptr(),
        streams: streams.numbers,
        error: 0,
    };
    let mut stack: Vec<u8> = Vec::with_capacity(STACK);
    // Stacks grow down, from a place of 16 bytes; that is so everywhere that Linux runs Rust.
    let top = stack.as_mut_ptr().wrapping_add(STACK);
    let top = top.wrapping_sub(top.addr() % 16);
    // SAFETY: sets of signals are plain data, for which zeros are valid, and outlive the calls that fill them.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: as above. A handler of ours must not run in the child, which would run it on our memory.
    unsafe {
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack, `child` and all that it points to outlive the call, which returns when the child has executed
    // another program or ended; until then this thread does not run, so nothing is used by two at once.
    let pid = unsafe { libc::clone(run, top.cast::<c_void>(), flags, (&raw mut child).cast::<c_void>()) };
    let failed = io::Error::last_os_error();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    let number = u32::try_from(pid).map_err(|_| failed)?;
    // SAFETY: the child wrote it before it ended, in the memory that we share; the compiler does not know of that.
    match unsafe { ptr::read_volatile(&raw const child.error) } {
        0 => Ok(number),
        error => {
            // It is gone; nobody else is to see it.
            let _ = super::reap_with_usage(number);
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// What runs in the child, on its own stack.
#[expect(unsafe_code, reason = "runs between clone and exec")]
extern "C" fn run(child: *mut c_void) -> c_int {
    let child = child.cast::<Child>();
    // SAFETY: `start` passes a `Child` that outlives this, and does not run meanwhile; every call is one that
    // signal-safety(7) lists, on memory that `start` keeps.
    unsafe {
        if libc::setpgid(0, 0) == 0 {
            let mut pending: libc::sigset_t = std::mem::zeroed();
            // From now on nobody knows of this process or its group: what is to come has come.
            let is_any = libc::sigpending(&raw mut pending) != 0
                || (1..=31).any(|signal| libc::sigismember(&raw const pending, signal) == 1);
            reset_handlers(if is_any { 1..=31 } else { libc::SIGPIPE..=libc::SIGPIPE });
            let streams = (*child).streams;
            let are_set = (0..3).all(|number| libc::dup2(streams[number as usize], number) >= 0);
            if are_set && libc::chdir((*child).dir) == 0 {
                let mut none: libc::sigset_t = std::mem::zeroed();
                libc::sigemptyset(&raw mut none);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
                libc::execve((*child).file, (*child).words, (*child).variables);
            }
        }
        ptr::write_volatile(&raw mut (*child).error, errno());
        libc::_exit(127)
    }
}

/// What a terminal sends to all in its foreground, where the child was until it had a group of its own. It is for the one who
/// started it, which tells its jobs to end or to wait: nobody would know why a program ended that had not begun, and one
/// that is stopped keeps its parent from going on.
const OF_TERMINAL: [c_int; 3] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP];

/// A signal that comes before the program executes must do what it does by default: its handler would tell this process
/// that it was sent the signal itself. Those from 32 on are sent by nobody but programs to themselves.
#[expect(unsafe_code, reason = "runs between clone and exec")]
unsafe fn reset_handlers(signals: std::ops::RangeInclusive<c_int>) {
    for signal in signals {
        // SAFETY: sigaction is plain data, for which zeros are valid; both outlive the calls.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let known = libc::sigaction(signal, ptr::null(), &raw mut action) == 0;
            let is_ignored = action.sa_sigaction == libc::SIG_IGN;
            let is_handled = action.sa_sigaction != libc::SIG_DFL && !is_ignored;
            // By default, as zeros say.
            let mut change: libc::sigaction = std::mem::zeroed();
            if known && !is_ignored && OF_TERMINAL.contains(&signal) {
                // What waits to be delivered is forgotten with this.
                change.sa_sigaction = libc::SIG_IGN;
                libc::sigaction(signal, &raw const change, ptr::null_mut());
                change.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const change, ptr::null_mut());
            } else if known && (is_handled || signal == libc::SIGPIPE) {
                // Rust's programs ignore that one, and others are not to inherit that.
                libc::sigaction(signal, &raw const change, ptr::null_mut());
            }
        }
    }
}

#[expect(unsafe_code, reason = "std reads it into an error, which is more than a child may do")]
fn errno() -> c_int {
    // SAFETY: points to a number of this thread, which is the parent's as well and not used there meanwhile.
    match unsafe { *libc::__errno_location() } {
        0 => libc::EIO,
        number => number,
    }
}

/// Descriptors that are none of the three places where the child has them: it would overwrite one before it is used.
struct Streams {
    numbers: [c_int; 3],
    _copies: [Option<OwnedFd>; 3],
}

impl Streams {
    fn of(streams: [BorrowedFd<'_>; 3]) -> io::Result<Streams> {
        let mut numbers = streams.map(|stream| stream.as_raw_fd());
        let mut copies = [None, None, None];
        for (number, copy) in numbers.iter_mut().zip(&mut copies) {
            if *number <= libc::STDERR_FILENO {
                let owned = above(*number)?;
                *number = owned.as_raw_fd();
                *copy = Some(owned);
            }
        }
        Ok(Streams { numbers, _copies: copies })
    }
}

#[expect(unsafe_code, reason = "std does not say which number a copy has")]
fn above(number: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers, and touches no memory of ours.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: just made, and nobody else knows it.
        copy => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    fn started(file: &str, words: &[&str], variables: &[&str], dir: &str, output: &File) -> io::Result<u32> {
        let own =
            |texts: &[&str]| -> Vec<CString> { texts.iter().map(|t| CString::new(*t).unwrap()).collect() };
        let (words, variables) = (own(words), own(variables));
        let null = File::open("/dev/null").unwrap();
        start(&Program {
            file: &CString::new(file).unwrap(),
            words: &words.iter().map(|w| &**w).collect::<Vec<_>>(),
            variables: &variables.iter().map(|v| &**v).collect::<Vec<_>>(),
            dir: &CString::new(dir).unwrap(),
            streams: [null.as_fd(), output.as_fd(), output.as_fd()],
        })
    }

    fn said(script: &str, variables: &[&str], dir: &str) -> (ExitStatus, String) {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let writer = File::from(OwnedFd::from(writer));
        let pid = started("/bin/sh", &["sh", "-c", script], variables, dir, &writer).unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        (ExitStatus::from_raw(super::super::reap_with_usage(pid).unwrap().0), text)
    }

    #[test]
    fn a_program_gets_its_directory_its_variables_and_nothing_else() {
        let (status, text) = said("pwd; echo $A; echo ${HOME-none}; exit 3", &["A=b c"], "/usr");
        assert_eq!((status.code(), &*text), (Some(3), "/usr\nb c\nnone\n"));
    }

    #[test]
    fn no_signal_is_blocked_and_a_broken_pipe_ends_it() {
        let (_, text) = said("grep -E 'SigBlk|SigIgn' /proc/self/status", &["PATH=/usr/bin:/bin"], "/");
        let masks: Vec<u64> =
            text.lines().map(|line| u64::from_str_radix(line[7..].trim(), 16).unwrap()).collect();
        assert_eq!(masks[0], 0, "{text}");
        assert_eq!(masks[1] & (1 << (libc::SIGPIPE - 1)), 0, "{text}");
    }

    #[test]
    fn it_leads_a_group_of_its_own() {
        let (status, text) =
            said("ps -o pgid= -p $$ || true; kill -TERM -$$; sleep 9", &["PATH=/usr/bin:/bin"], "/");
        assert_eq!(status.signal(), Some(libc::SIGTERM), "{text}");
    }

    #[test]
    fn what_cannot_be_executed_says_why_and_leaves_no_child() {
        let null = File::create("/dev/null").unwrap();
        let error = |file, dir| started(file, &["x"], &[], dir, &null).unwrap_err().raw_os_error();
        assert_eq!(error("/no/such/program", "/"), Some(libc::ENOENT));
        assert_eq!(error("/bin/sh", "/no/such/dir"), Some(libc::ENOENT));
        assert_eq!(error("/etc", "/"), Some(libc::EACCES));
    }
}
