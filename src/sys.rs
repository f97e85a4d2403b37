//! L0: the few calls to the operating system for which std has no safe form, and what it tells of processes. All unsafe code
//! is here.

pub(crate) mod processes;
#[cfg(target_os = "linux")]
pub(crate) mod start;

use std::io;
use std::time::Duration;

/// Sends a signal to a process group.
///
/// The caller makes sure that the group is its own child's and that the child is not reaped, or that the group
/// still had members a moment ago: otherwise the number may belong to somebody else.
#[expect(unsafe_code, reason = "std cannot signal a group")]
pub(crate) fn signal_group(group: u32, signal: i32) -> io::Result<()> {
    // 0 would mean our own group and 1 everybody's.
    let group = i32::try_from(group).ok().filter(|g| *g > 1).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: takes two numbers and touches no memory of ours.
    match unsafe { libc::killpg(group, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits until a child ends and leaves it as a zombie, so that its number stays taken. Tells whether it exited
/// with 0.
#[expect(unsafe_code, reason = "std can only wait and reap in one")]
pub(crate) fn wait_unreaped(pid: u32) -> io::Result<bool> {
    loop {
        // SAFETY: siginfo_t is plain data, for which zeros are valid.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` outlives the call, which writes nothing else.
        let result = unsafe {
            libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if result == 0 {
            // SAFETY: waitid succeeded, so `info` describes a child's end and the field is the one that is set.
            return Ok(info.si_code == libc::CLD_EXITED && unsafe { info.si_status() } == 0);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Waits for so long at most whether a child ends; `false` also where that cannot be asked. It is not reaped.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std can wait for a child only without end")]
pub(crate) fn ends_within(pid: u32, patience: Duration) -> bool {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
    // SAFETY: takes numbers, and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    let Some(fd) = i32::try_from(fd).ok().filter(|fd| *fd >= 0) else { return false };
    // SAFETY: just made, and nobody else knows it.
    let child = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut asked = libc::pollfd { fd: child.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let patience = patience.as_millis().try_into().unwrap_or(i32::MAX);
    // SAFETY: `asked` is one entry and outlives the call. A signal ends the waiting early, which is no harm.
    unsafe { libc::poll(&raw mut asked, 1, patience) == 1 }
}

/// Whether a file of which this is known is still to be found by some name.
pub(crate) fn has_name(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(meta) > 0
}

/// What a process and its descendants used, as far as they were waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessUsage {
    /// Time of processors, for the programs and for the kernel.
    pub(crate) cpu: Duration,
    /// The most memory that one of the processes had at once.
    pub(crate) max_rss_bytes: u64,
}

/// Reaps a child that has ended: its wait status, and what it used.
#[expect(unsafe_code, reason = "std does not tell what a child used")]
pub(crate) fn reap_with_usage(pid: u32) -> io::Result<(i32, ProcessUsage)> {
    loop {
        let mut status = 0;
        // SAFETY: rusage is plain data, for which zeros are valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both outlive the call, which writes nothing else.
        let result = unsafe { libc::wait4(pid as libc::pid_t, &raw mut status, 0, &raw mut usage) };
        if result >= 0 {
            return Ok((status, used(&usage)));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// What the calling thread used of the processors so far; `None` where threads are not counted apart.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std does not tell what a thread used")]
pub(crate) fn thread_cpu() -> Option<Duration> {
    // SAFETY: rusage is plain data, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: it outlives the call, which writes nothing else.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    (result == 0).then(|| used(&usage).cpu)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_cpu() -> Option<Duration> {
    None
}

fn used(usage: &libc::rusage) -> ProcessUsage {
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.try_into().unwrap_or(0))
            + Duration::from_micros(t.tv_usec.try_into().unwrap_or(0))
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    ProcessUsage {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit,
    }
}

/// What `stat` tells of a path that starts from an open directory: the kernel does not walk down to it each time.
#[expect(unsafe_code, reason = "std starts from the process's directory only")]
pub(crate) fn stat_from(dir: &std::fs::File, path: &str) -> io::Result<libc::stat> {
    use std::os::fd::AsRawFd as _;
    let mut short = [0u8; 256];
    let long;
    let path = match short.get_mut(..path.len() + 1) {
        Some(room) => {
            room[..path.len()].copy_from_slice(path.as_bytes());
            std::ffi::CStr::from_bytes_with_nul(room).map_err(|_| io::ErrorKind::InvalidInput)?
        }
        None => {
            long = std::ffi::CString::new(path)?;
            &*long
        }
    };
    // SAFETY: stat is plain data, for which zeros are valid.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the text ends in a NUL, and all three outlive the call.
    match unsafe { libc::fstatat(dir.as_raw_fd(), path.as_ptr(), &raw mut found, 0) } {
        0 => Ok(found),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Who we are: user and group.
#[expect(unsafe_code, reason = "std does not tell")]
pub(crate) fn user() -> (u32, u32) {
    // SAFETY: they take nothing and cannot fail.
    unsafe { (libc::getuid(), libc::getgid()) }
}

/// Makes a named pipe; who may use it follows from the process's mask, as with `mkfifo` of a shell.
#[expect(unsafe_code, reason = "std cannot make one")]
pub(crate) fn make_fifo(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the text ends in a NUL and outlives the call.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o666) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the file system of a directory has no room for another file of any size. `false` where it does not say.
#[expect(unsafe_code, reason = "std does not tell what is free")]
#[allow(clippy::unnecessary_cast, reason = "the fields have another size on other systems")]
pub(crate) fn is_full(dir: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    const LITTLE: u64 = 64 << 10;
    let Ok(dir) = std::ffi::CString::new(dir.as_os_str().as_bytes()) else { return false };
    // SAFETY: statvfs is plain data, for which zeros are valid.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the text ends in a NUL, and both outlive the call.
    if unsafe { libc::statvfs(dir.as_ptr(), &raw mut found) } != 0 {
        return false;
    }
    let room = (found.f_bavail as u64).saturating_mul(found.f_frsize as u64);
    // Some file systems count no files.
    (found.f_blocks > 0 && room < LITTLE) || (found.f_files > 0 && found.f_favail == 0)
}

/// Whether this process may read, write and execute (enter, if it is a directory) what a path names.
#[expect(unsafe_code, reason = "std tells the bits, not what they mean for us")]
pub(crate) fn rights(path: &std::path::Path) -> [bool; 3] {
    use std::os::unix::ffi::OsStrExt as _;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return [false; 3] };
    // SAFETY: the text ends in a NUL and outlives the call.
    [libc::R_OK, libc::W_OK, libc::X_OK].map(|right| unsafe { libc::access(path.as_ptr(), right) } == 0)
}

/// Whether this process could execute a file; if not, why, as the system itself decides: a directory counts as well.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std tells the bits, not what they mean for us")]
pub(crate) fn may_execute(file: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: the text ends in a NUL and outlives the call.
    match unsafe { libc::faccessat(libc::AT_FDCWD, file.as_ptr(), libc::X_OK, libc::AT_EACCESS) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives an empty file the content of another without copying it: both share the blocks until one of them is changed.
/// Fails where the file system cannot, or where the two are not on the same one.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std cannot share blocks")]
pub(crate) fn share_blocks(from: &std::fs::File, to: &std::fs::File) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: takes two descriptors that outlive the call and touches no memory of ours.
    match unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE as _, from.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn share_blocks(_: &std::fs::File, _: &std::fs::File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether this is the only open description of the file there is: no other process has it open, nor this one by another.
/// `None` where the system or the file system cannot tell.
///
/// Asks by taking a lease for a moment. Whoever opens the file in that moment waits for its end, and the one who holds it is
/// sent a signal, which by default would end the process: so it is one that is ignored unless somebody waits for it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std knows no leases")]
pub(crate) fn is_ours_alone(file: &std::fs::File) -> Option<bool> {
    use std::os::fd::AsRawFd as _;
    let control = |command: libc::c_int, value: libc::c_int| {
        // SAFETY: takes a descriptor that outlives the call and numbers, and touches no memory of ours.
        match unsafe { libc::fcntl(file.as_raw_fd(), command, value) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // As the kernel's headers have it; not in every version of libc's bindings.
    const F_SETSIG: libc::c_int = 10;
    control(F_SETSIG, libc::SIGURG).ok()?;
    match control(libc::F_SETLEASE, libc::F_WRLCK) {
        Ok(()) => control(libc::F_SETLEASE, libc::F_UNLCK).ok().map(|()| true),
        Err(error) => (error.kind() == io::ErrorKind::WouldBlock).then_some(false),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_ours_alone(_: &std::fs::File) -> Option<bool> {
    None
}
