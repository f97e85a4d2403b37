//! L0: two calls to the operating system for which std has no safe form. All unsafe code is here.

use std::io;

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
