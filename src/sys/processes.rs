//! What the system tells of processes to somebody who looks on from outside. Only Linux does; elsewhere there are none.

use std::fs;

/// Bytes of a command that are told.
const COMMAND_TOLD: usize = 4_000;

/// A process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Its process group.
    pub(crate) group: u32,
    /// The words of its command, with spaces between.
    pub(crate) command: String,
}

/// Processes that have one of `entries` in their environment, each with the place of that entry. What cannot be read is
/// not ours.
pub(crate) fn with_entry(entries: &[String]) -> Vec<(usize, Process)> {
    let Ok(list) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> =
        list.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.retain(|pid| *pid != std::process::id());
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| Some((entry_of(pid, entries)?, process(pid)?))).collect()
}

fn entry_of(pid: u32, entries: &[String]) -> Option<usize> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let known = |entry: &[u8]| entries.iter().position(|wanted| wanted.as_bytes() == entry);
    environment.split(|byte| *byte == 0).find_map(known)
}

/// `None` when it has ended.
fn process(pid: u32) -> Option<Process> {
    let (state, group) = state_and_group(pid)?;
    let mut words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    words.truncate(COMMAND_TOLD);
    let command = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
    (state != 'Z').then_some(Process { pid, group, command })
}

/// The state of a process, a letter, and its group.
pub(crate) fn state_and_group(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; after it come state, parent and process group.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}
