//! What a job uses: time, memory, I/O of its processes. The kernel counts time, the largest process and the I/O of
//! all processes that were waited for exactly; what all processes hold at once is looked at now and then.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a job used. `None` is not known: the job was too short, or the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    pub(crate) cpu: Option<Duration>,
    pub(crate) memory: Option<Memory>,
    pub(crate) io: Option<Io>,
}

/// Peaks in bytes, over all processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) rss: u64,
    pub(crate) vms: u64,
    pub(crate) uss: u64,
    pub(crate) pss: u64,
}

/// Bytes that were read from and written to disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Io {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// Collects what the processes of one job use, one process tree after the other.
#[derive(Debug, Default)]
pub(super) struct Meter {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The process that runs; its number is ours as long as it is set.
    leader: Option<u32>,
    usage: Usage,
}

impl Meter {
    /// A process was started.
    pub(super) fn begin(&self, leader: u32) {
        self.lock().leader = Some(leader);
    }

    /// It has ended and is not reaped yet.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        let leader = state.leader.take();
        if let Some(io) = leader.and_then(proc::io) {
            state.usage.add_io(io);
        }
    }

    /// What the kernel counted for it and its descendants.
    pub(super) fn used(&self, cpu: Duration, max_rss: u64) {
        let mut state = self.lock();
        *state.usage.cpu.get_or_insert_default() += cpu;
        if let Some(memory) = &mut state.usage.memory {
            memory.rss = memory.rss.max(max_rss);
        }
    }

    /// Time of a processor that the job took on a thread of ours.
    pub(super) fn own_cpu(&self, cpu: Duration) {
        *self.lock().usage.cpu.get_or_insert_default() += cpu;
    }

    /// Looks at the memory of its processes.
    pub(super) fn sample(&self, processes: &Processes) {
        let mut state = self.lock();
        let Some(leader) = state.leader else { return };
        if let Some(now) = processes.memory(leader) {
            let most = state.usage.memory.get_or_insert_default();
            most.rss = most.rss.max(now.rss);
            most.vms = most.vms.max(now.vms);
            most.uss = most.uss.max(now.uss);
            most.pss = most.pss.max(now.pss);
        }
    }

    /// What was used since the last call of this.
    pub(super) fn take(&self, wall: Duration) -> Usage {
        Usage { wall, ..std::mem::take(&mut self.lock().usage) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    fn add_io(&mut self, io: Io) {
        let all = self.io.get_or_insert_default();
        all.read += io.read;
        all.written += io.written;
    }
}

/// The processes of the machine at one moment.
#[derive(Debug, Default)]
pub(super) struct Processes(Vec<Process>);

#[derive(Debug)]
struct Process {
    pid: u32,
    parent: u32,
    group: u32,
}

impl Processes {
    /// The processes that run now; none where there is no `/proc`.
    pub(super) fn now() -> Processes {
        Processes(proc::list())
    }

    /// What the processes of a job hold together: those of its group, and their descendants wherever they are.
    fn memory(&self, leader: u32) -> Option<Memory> {
        let mut members: Vec<u32> = self.0.iter().filter(|p| p.group == leader).map(|p| p.pid).collect();
        let mut at = 0;
        while let Some(parent) = members.get(at).copied() {
            let children = self.0.iter().filter(|p| p.parent == parent).map(|p| p.pid);
            let new: Vec<u32> = children.filter(|pid| !members.contains(pid)).collect();
            members.extend(new);
            at += 1;
        }
        let mut all: Option<Memory> = None;
        for memory in members.into_iter().filter_map(proc::memory) {
            let sum = all.get_or_insert_default();
            sum.rss += memory.rss;
            sum.vms += memory.vms;
            sum.uss += memory.uss;
            sum.pss += memory.pss;
        }
        all
    }
}

#[cfg(target_os = "linux")]
mod proc {
    use super::{Io, Memory, Process};
    use std::fs;

    pub(super) fn list() -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter_map(process).collect()
    }

    fn process(pid: u32) -> Option<Process> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // `pid (name) state parent group …`, and the name may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        Some(Process { pid, parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    }

    pub(super) fn memory(pid: u32) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let vms = kilobytes(&status, "VmSize:")?;
        let mut memory = Memory { vms, rss: kilobytes(&status, "VmRSS:")?, ..Memory::default() };
        // Of another user's process only the rest is told.
        if let Ok(map) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            let sum = |names: &[&str]| names.iter().filter_map(|name| kilobytes(&map, name)).sum();
            memory.pss = sum(&["Pss:"]);
            memory.uss = sum(&["Private_Clean:", "Private_Dirty:", "Private_Hugetlb:"]);
        }
        Some(memory)
    }

    /// What a process and its descendants that ended read and wrote.
    pub(super) fn io(pid: u32) -> Option<Io> {
        let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
        Some(Io { read: number(&text, "read_bytes:")?, written: number(&text, "write_bytes:")? })
    }

    fn number(text: &str, name: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn kilobytes(text: &str, name: &str) -> Option<u64> {
        number(text, name).map(|n| n * 1024)
    }
}

#[cfg(not(target_os = "linux"))]
mod proc {
    use super::{Io, Memory, Process};

    pub(super) fn list() -> Vec<Process> {
        Vec::new()
    }

    pub(super) fn memory(_: u32) -> Option<Memory> {
        None
    }

    pub(super) fn io(_: u32) -> Option<Io> {
        None
    }
}
