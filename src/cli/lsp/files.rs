//! The texts of files: what the client has open counts, then the disk.

use super::place::Main;
use super::text::Text;
use crate::project::lexical;
use rulemake::source::{FileMention, OutlineKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A Rulefile is smaller.
const LARGEST: u64 = 32 << 20;

/// Texts by their paths.
#[derive(Default)]
pub(super) struct Files {
    pub(super) open: BTreeMap<PathBuf, Arc<Text>>,
    read: RefCell<BTreeMap<PathBuf, Read>>,
}

/// A text from the disk, with the time and size that the file had.
struct Read {
    seen: (Option<SystemTime>, u64),
    text: Arc<Text>,
}

impl Files {
    /// The text of a file; nothing when it is no regular file, or not UTF-8.
    pub(super) fn text(&self, path: &Path) -> Option<Arc<Text>> {
        if let Some(text) = self.open.get(path) {
            return Some(text.clone());
        }
        let meta = std::fs::metadata(path).ok().filter(|meta| meta.is_file() && meta.len() <= LARGEST)?;
        let seen = (meta.modified().ok(), meta.len());
        if let Some(read) = self.read.borrow().get(path).filter(|read| read.seen == seen) {
            return Some(read.text.clone());
        }
        let text = Arc::new(Text::new(std::fs::read_to_string(path).ok()?));
        self.read.borrow_mut().insert(path.to_path_buf(), Read { seen, text: text.clone() });
        Some(text)
    }

    pub(super) fn is_there(&self, path: &Path) -> bool {
        self.open.contains_key(path) || path.is_file()
    }

    /// `start` and all that it includes, as far as the texts say it.
    pub(super) fn with_includes(&self, start: &Path) -> BTreeSet<PathBuf> {
        self.closure(start, "include")
    }

    fn closure(&self, start: &Path, word: &str) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut todo = vec![start.to_path_buf()];
        while let Some(file) = todo.pop() {
            let Some(text) = self.text(&file).filter(|_| !found.contains(&file)) else { continue };
            let named =
                text.outline().files.iter().filter(|named| named.word == word || named.word == "include");
            todo.extend(named.map(|named| beside(&file, &named.path)));
            found.insert(file);
        }
        found
    }

    /// The files that share one namespace with `file`: those of `main` if it is one of them. `loaded` is what a load
    /// of `main` has read, which knows includes that are computed.
    pub(super) fn namespace(
        &self,
        file: &Path,
        main: Option<&Main>,
        loaded: &[PathBuf],
    ) -> BTreeSet<PathBuf> {
        let Some(main) = main else { return self.with_includes(file) };
        let mut all = self.with_includes(&main.file);
        // What modules are made of has names of its own.
        let modules: BTreeSet<PathBuf> =
            self.modules(&all).iter().flat_map(|module| self.closure(module, "snakefile")).collect();
        all.extend(loaded.iter().filter(|file| !modules.contains(*file)).cloned());
        if all.contains(file) { all } else { self.with_includes(file) }
    }

    fn modules(&self, files: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for file in files {
            let Some(text) = self.text(file) else { continue };
            let named = text.outline().files.iter().filter(|named| named.word == "snakefile");
            found.extend(named.map(|named| beside(file, &named.path)));
        }
        found
    }

    /// The file of a module, by the texts.
    pub(super) fn module(&self, files: &BTreeSet<PathBuf>, name: &str) -> Option<PathBuf> {
        files.iter().find_map(|file| {
            let text = self.text(file)?;
            let outline = text.outline();
            let module =
                outline.items.iter().find(|item| item.kind == OutlineKind::Module && item.name == name)?;
            let is_in =
                |named: &&FileMention| named.word == "snakefile" && module.range.contains(&named.range.start);
            Some(beside(file, &outline.files.iter().find(is_in)?.path))
        })
    }
}

/// A path that starts from the directory of `file`.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    lexical(&file.parent().unwrap_or(Path::new("/")).join(path))
}
