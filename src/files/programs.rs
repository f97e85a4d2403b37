//! Where programs are, as a shell would find them. The list of directories comes from outside: the library reads no
//! environment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Where programs are looked for by who was told no other place.
const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// The directories in which programs are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    /// As in the variable `PATH`.
    search: Option<OsString>,
}

impl Programs {
    pub(crate) fn new(search: Option<OsString>) -> Programs {
        Programs { search }
    }

    /// The program called `name`, in the first directory that has it.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(self.search.as_deref().unwrap_or(OsStr::new(SYSTEM)))
            .filter(|dir| !dir.as_os_str().is_empty())
            .map(|dir| dir.join(name))
            .find(|path| is_program(path))
    }

    /// The first of these programs that is there.
    pub(crate) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.find(name).is_some())
    }

    /// Whether jobs cannot start `name`. Nothing is said for sure without knowing what their `PATH` is.
    pub(crate) fn lack(&self, name: &str) -> bool {
        self.search.is_some() && self.find(name).is_none()
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.is_file());
    is_file(path) || is_file(&path.with_extension("exe"))
}
