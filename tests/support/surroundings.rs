//! Programs that a test starts see nothing of who calls the tests: the shell and the settings of a person, a CI, a make, a git
//! hook. Each of these has changed what the binary shows or does, and with it the outcome of a test.

use std::ffi::OsStr;
use std::process::Command;

/// What the binary, the shell and git heed.
const NAMES: [&str; 27] = [
    "BASH_ENV",
    "CARGO_MAKEFLAGS",
    "CDPATH",
    "CI",
    "COLUMNS",
    "COOKIECUTTER_CONFIG",
    "ENV",
    "FORCE_HYPERLINK",
    "GREP_OPTIONS",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "LANGUAGE",
    "LINES",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "NETRC",
    "NO_COLOR",
    "RUST_BACKTRACE",
    "SNAKEMAKE_PROFILE",
    "STY",
    "TERM_PROGRAM",
    "TMUX",
    "VTE_VERSION",
    "WT_SESSION",
    "XDG_CONFIG_HOME",
    "XTERM_VERSION",
];
const BEGINNINGS: [&str; 7] = ["AWS_", "BASH_FUNC_", "CLICOLOR", "GITHUB_", "GIT_", "LC_", "RULEMAKE_"];

/// A program that inherits nothing of that; what a test sets of it counts.
#[expect(clippy::disallowed_methods, reason = "what is inherited is to be taken away")]
pub(crate) fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if NAMES.contains(&&*text) || BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
    // Nor are there settings of a user, and none can be made there.
    command.env("XDG_CONFIG_HOME", "/dev/null").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("LANG", "C.UTF-8");
    command
}
