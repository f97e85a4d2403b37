//! Where programs are, as a shell would find them. The list of directories comes from outside: the library reads no
//! environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The directories in which programs are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    /// As in the variable `PATH`.
    search: OsString,
}

impl Programs {
    pub(crate) fn new(search: OsString) -> Programs {
        Programs { search }
    }

    /// The program called `name`, in the first directory that has it.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.search)
            .filter(|dir| !dir.as_os_str().is_empty())
            .map(|dir| dir.join(OsStr::new(name)))
            .find(|path| is_program(path))
    }

    /// The first of these programs that is there.
    pub(crate) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.find(name).is_some())
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}
