//! What was measured on: a table without it says nothing.

use std::fs;
use std::path::Path;

/// Kernel, processors, and the file system of `dir`.
pub(crate) fn describe(dir: &Path) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "?".into());
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let nearest = mounted.filter(|(at, _)| dir.starts_with(at)).max_by_key(|(at, _)| at.len());
    let file_system = nearest.map_or("?", |(_, kind)| kind);
    format!("{} {}, {processors} processors, {file_system}", std::env::consts::OS, kernel.trim())
}
