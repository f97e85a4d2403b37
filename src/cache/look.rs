//! How a file looks, to tell whether somebody wrote into it since it was read.

use std::fs::{self, Metadata};

/// What a file looks like as far as that changes when somebody writes into it.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Look {
    content: String,
    /// How many names it has, and when that or its content changed last.
    names: String,
    changed: String,
}

impl Look {
    /// `None` where that cannot be told.
    #[cfg(unix)]
    pub(super) fn of(meta: &Metadata) -> Option<Look> {
        use std::os::unix::fs::MetadataExt as _;
        // What was not on the disk yet when the machine lost its power is another content behind the same looks.
        let boot = boot().filter(|_| meta.is_file())?;
        Some(Look {
            content: format!(
                "{} {} {}.{:09} {boot}",
                meta.len(),
                meta.ino(),
                meta.mtime(),
                meta.mtime_nsec()
            ),
            names: meta.nlink().to_string(),
            changed: format!("{}.{:09}", meta.ctime(), meta.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Look> {
        None
    }

    pub(super) fn note(&self) -> String {
        let Look { content, names, changed } = self;
        format!("{content}\n{names} {changed}\n")
    }

    /// Whether a note was taken of a file with this content, as far as looks tell.
    pub(super) fn is_that_of(&self, note: &[u8]) -> bool {
        let parts = || {
            let (content, rest) = std::str::from_utf8(note).ok()?.strip_suffix('\n')?.split_once('\n')?;
            let (names, changed) = rest.split_once(' ')?;
            Some((content, names, changed))
        };
        parts().is_some_and(|(content, names, changed)| {
            self.content == content && (self.changed == changed || self.names != names)
        })
    }
}

fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}
