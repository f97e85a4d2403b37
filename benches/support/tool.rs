//! Programs that build, and how each is asked.

use super::binary;
use super::child::cost;
use super::graph::Graph;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Rulemake,
    Ninja,
    Samurai,
    N2,
    Make,
    Snakemake,
}

impl Tool {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Rulemake => "rulemake",
            Tool::Ninja => "ninja",
            Tool::Samurai => "samu",
            Tool::N2 => "n2",
            Tool::Make => "make",
            Tool::Snakemake => "snakemake",
        }
    }

    pub(crate) fn is_installed(self) -> bool {
        self == Tool::Rulemake || is_installed(self.name())
    }

    /// Files that it did not make itself are up to date for it, by their times or because it can be told so.
    pub(crate) fn takes_files_over(self) -> bool {
        matches!(self, Tool::Rulemake | Tool::Make | Tool::Snakemake)
    }

    pub(crate) fn describe(self, graph: &Graph, root: &Path) {
        let (name, text) = match self {
            Tool::Rulemake => ("Rulefile", graph.rulefile()),
            Tool::Snakemake => ("Snakefile", graph.rulefile()),
            Tool::Make => ("Makefile", graph.makefile()),
            Tool::Ninja | Tool::Samurai | Tool::N2 => ("build.ninja", graph.ninja()),
        };
        fs::write(root.join(name), text).expect("a description");
    }

    /// `None`: it has no such thing.
    pub(crate) fn command(self, is_dry: bool, root: &Path) -> Option<Command> {
        let words: &[&str] = match (self, is_dry) {
            (Tool::Rulemake, false) => &["-j2", "-q"],
            (Tool::Rulemake, true) => &["-j2", "-q", "-n"],
            (Tool::Ninja, false) => &["-j2", "--quiet"],
            (Tool::Ninja, true) => &["-n", "--quiet"],
            (Tool::Samurai | Tool::N2, false) => &["-j2"],
            (Tool::Samurai, true) => &["-n"],
            (Tool::N2, true) => return None,
            (Tool::Make, false) => &["-rR", "-s", "-j2"],
            (Tool::Make, true) => &["-rR", "-n"],
            (Tool::Snakemake, false) => &["-c2", "-q"],
            (Tool::Snakemake, true) => &["-n", "-q"],
        };
        Some(self.start(words, root))
    }

    /// Has it take what is there for what it would make.
    pub(crate) fn take_over(self, root: &Path) {
        if self == Tool::Rulemake {
            cost(&mut self.start(&["accept", "-q"], root));
        }
    }

    fn start(self, words: &[&str], root: &Path) -> Command {
        let program = if self == Tool::Rulemake { binary::path() } else { Path::new(self.name()) };
        let mut command = Command::new(program);
        command.args(words).current_dir(root).env_remove("MAKEFLAGS");
        command
    }

    pub(crate) fn clean(self, graph: &Graph, root: &Path) {
        let state: &[&str] = match self {
            Tool::Rulemake => &[".rulemake"],
            Tool::Ninja | Tool::Samurai => &[".ninja_log", ".ninja_deps"],
            Tool::N2 => &[".n2_db"],
            Tool::Make => &[],
            Tool::Snakemake => &[".snakemake"],
        };
        graph.clean(root);
        for path in state.iter().map(|name| root.join(name)) {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

pub(crate) fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
