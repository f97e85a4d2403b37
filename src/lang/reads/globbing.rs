//! File patterns: `glob.glob` and `Path.glob`, component by component from left to right.

use super::{Entry, digest_of, enter_once, entries, file_id, is_own_state, join_path, not_utf8};
use crate::lang::modules::fnmatch::Pattern;
use crate::lang::raise::Raise;
use crate::lang::vm::Vm;
use crate::model::workflow::How;
use std::fs;
use std::path::{Path, PathBuf};

/// How patterns are read.
#[derive(Clone, Copy)]
pub(crate) struct GlobRules {
    /// `**` stands for any number of directories; otherwise it is `*`.
    pub(crate) recursive: bool,
    /// `*` and `?` match a leading dot, too.
    pub(crate) hidden: bool,
    /// A `**` at the end gives directories only, as pathlib has it.
    pub(crate) directories: bool,
}

fn has_magic(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

impl Vm<'_> {
    /// Paths below `base` that match the pattern, sorted and relative to it.
    pub(crate) fn glob(&mut self, base: &str, pattern: &str, rules: GlobRules) -> Result<Vec<String>, Raise> {
        let start = self.root().join(base);
        let mut found = Globber { base: &start, rules }.run(self, pattern)?;
        found.retain(|path| !path.is_empty() && !is_own_state(path));
        found.sort_unstable();
        found.dedup();
        let kind = match (rules.recursive, rules.hidden) {
            (false, false) => "glob",
            (true, false) => "glob-recursive",
            (false, true) => "glob-hidden",
            (true, true) => "glob-recursive-hidden",
        };
        let what = if base.is_empty() { pattern.to_string() } else { join_path(base, pattern) };
        let GlobRules { recursive, hidden, directories } = rules;
        let how = How::Pattern { base: base.into(), pattern: pattern.into(), recursive, hidden, directories };
        self.reads.record_as(kind, &what, how, Some(digest_of(&found)));
        Ok(found)
    }
}

struct Globber<'b> {
    base: &'b Path,
    rules: GlobRules,
}

impl Globber<'_> {
    fn full(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.base.to_path_buf() } else { self.base.join(path) }
    }

    fn run(&self, vm: &mut Vm, pattern: &str) -> Result<Vec<String>, Raise> {
        // What comes before the first component with a wildcard is taken as it is written.
        let magic = pattern.split_inclusive('/').take_while(|part| !has_magic(part));
        let fixed: usize = magic.map(str::len).sum();
        let (fixed, rest) = pattern.split_at(fixed);
        if rest.is_empty() {
            let there = match fixed.strip_suffix('/') {
                Some(_) => self.full(fixed).is_dir(),
                None => fs::symlink_metadata(self.full(fixed)).is_ok(),
            };
            return Ok(if there { vec![fixed.to_string()] } else { Vec::new() });
        }
        let folder = fixed.trim_end_matches('/');
        let mut paths = vec![if folder.is_empty() { fixed } else { folder }.to_string()];
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let mut next = Vec::new();
            for folder in &paths {
                vm.budget.spend(1)?;
                if part == "**" && self.rules.recursive {
                    self.all_below(vm, folder, last, &mut next)?;
                } else if has_magic(part) {
                    self.matching(vm, folder, part, last, &mut next)?;
                } else if part.is_empty() && !last {
                    next.push(folder.clone());
                } else {
                    let path = inside(folder, part);
                    let there = match part {
                        "" => self.full(folder).is_dir(),
                        _ => fs::symlink_metadata(self.full(&path)).is_ok(),
                    };
                    next.extend(there.then_some(path));
                }
            }
            paths = next;
        }
        Ok(paths)
    }

    /// The entries of a folder whose names match.
    fn matching(
        &self,
        vm: &mut Vm,
        folder: &str,
        part: &str,
        last: bool,
        out: &mut Vec<String>,
    ) -> Result<(), Raise> {
        let pattern = Pattern::new(part)?;
        // A folder that cannot be listed has no matches.
        for entry in entries(&self.full(folder)).unwrap_or_default() {
            vm.budget.spend(1)?;
            let shown = self.rules.hidden || part.starts_with('.') || !entry.name.starts_with('.');
            if !shown || !pattern.matches(vm, &entry.name)? {
                continue;
            }
            let path = named(&entry, folder)?;
            if last || self.is_folder(&entry, &path) {
                vm.budget.allocate(path.len() as u64)?;
                out.push(path);
            }
        }
        Ok(())
    }

    fn is_folder(&self, entry: &Entry, path: &str) -> bool {
        entry.is_dir || (entry.is_link && self.full(path).is_dir())
    }

    /// The folder itself and all below it; no folder twice on one branch, whatever symlinks say.
    fn all_below(&self, vm: &mut Vm, folder: &str, last: bool, out: &mut Vec<String>) -> Result<(), Raise> {
        let top = self.full(folder);
        if !top.is_dir() {
            return Ok(());
        }
        out.push(if last && !folder.is_empty() && !self.rules.directories {
            inside(folder, "")
        } else {
            folder.into()
        });
        let mut todo = vec![(folder.to_string(), file_id(&top).into_iter().collect::<Vec<_>>())];
        while let Some((folder, ancestors)) = todo.pop() {
            for entry in entries(&self.full(&folder)).unwrap_or_default() {
                vm.budget.spend(1)?;
                if entry.name.starts_with('.') && !self.rules.hidden {
                    continue;
                }
                let path = named(&entry, &folder)?;
                let is_folder = self.is_folder(&entry, &path);
                if is_own_state(&path) {
                    continue;
                }
                vm.budget.allocate(path.len() as u64)?;
                if is_folder || (last && !self.rules.directories) {
                    out.push(path.clone());
                }
                let mut branch = ancestors.clone();
                if is_folder && enter_once(&self.full(&path), &mut branch) {
                    todo.push((path, branch));
                }
            }
        }
        Ok(())
    }
}

fn inside(folder: &str, name: &str) -> String {
    join_path(folder, name)
}

fn named(entry: &Entry, folder: &str) -> Result<String, Raise> {
    let path = inside(folder, &entry.name);
    if entry.is_utf8 { Ok(path) } else { Err(not_utf8(Path::new(&path))) }
}
