//! The command that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The one that the variable `RULEMAKE` names, or else the one that cargo built.
///
/// # Panics
/// When there is none.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "a bench is asked by its environment")]
        let named = std::env::var_os("RULEMAKE").filter(|name| !name.is_empty());
        let path = named.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rulemake")), PathBuf::from);
        assert!(path.is_file(), "RULEMAKE: there is no {}", path.display());
        // It is started in other directories.
        std::path::absolute(path).expect("a path")
    })
}

/// Which one it is: what a heading says of it.
pub(crate) fn describe() -> String {
    let bytes = fs::metadata(path()).map_or(0, |meta| meta.len());
    format!("{} ({:.2} MB)", path().display(), bytes as f64 / 1e6)
}

/// It, in `root`.
pub(crate) fn rulemake(root: &Path) -> Command {
    let mut command = Command::new(path());
    command.current_dir(root).env_remove("MAKEFLAGS");
    command
}
