//! Hears of changes in directories from the system. Where it hears nothing, a change is seen by the next look.

use super::look::is_of_tools;
use crate::output::say;
use notify::event::{EventKind, ModifyKind};
use notify::{RecursiveMode, Watcher as _};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

/// Something changed.
#[derive(Default)]
pub(super) struct Noise {
    /// Directories that may be gone, or others by now.
    pub(super) lost: Vec<PathBuf>,
    pub(super) paths: Vec<PathBuf>,
    /// Whether it is about the content of the paths alone.
    pub(super) is_content: bool,
}

/// Device and number of a directory: another one under the same name has to be listened to anew.
type Id = (u64, u64);

pub(super) struct Ear {
    inner: Option<notify::RecommendedWatcher>,
    held: BTreeMap<PathBuf, Id>,
    has_complained: bool,
}

impl Ear {
    pub(super) fn new(sender: Sender<Noise>) -> Ear {
        let hear = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access()
                || !event.paths.is_empty() && event.paths.iter().all(|path| is_of_tools(path))
            {
                return;
            }
            let moves = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
            let is_content =
                matches!(event.kind, EventKind::Modify(ModifyKind::Data(_))) && !event.paths.is_empty();
            let lost = if moves { event.paths.clone() } else { Vec::new() };
            let _ = sender.send(Noise { lost, paths: event.paths, is_content });
        };
        let inner = match notify::recommended_watcher(hear) {
            Ok(inner) => Some(inner),
            Err(error) => {
                say(&format!(
                    "warning: changes are seen a little later, for the system does not tell of them: {error}"
                ));
                None
            }
        };
        Ear { inner, held: BTreeMap::new(), has_complained: false }
    }

    /// From now on listens to these directories and to no others. The system forgets a directory that is removed, and keeps
    /// one under its old name that is moved: `lost` are those that have to be listened to anew for that. Whether one is heard of that
    /// was not before.
    pub(super) fn listen(&mut self, wanted: &BTreeSet<PathBuf>, lost: &[PathBuf]) -> bool {
        let Some(inner) = &mut self.inner else { return false };
        let mut hears_more = false;
        let mut once = FxHashSet::default();
        let now = wanted.iter().filter_map(|path| Some((path, id(path)?)));
        // Two names of one directory would be one to the system, which then forgets both for one.
        let now: BTreeMap<&PathBuf, Id> = now.filter(|(_, id)| once.insert(*id)).collect();
        let is_lost = |path: &Path| lost.iter().any(|lost| path.starts_with(lost));
        self.held.retain(|path, id| {
            let stays = now.get(path) == Some(id) && !is_lost(path);
            if !stays {
                let _ = inner.unwatch(path);
            }
            stays
        });
        for (path, id) in now {
            if self.held.contains_key(path) {
                continue;
            }
            match inner.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.held.insert(path.clone(), id);
                    hears_more = true;
                }
                Err(_) if !path.is_dir() || self.has_complained => {}
                Err(error) => {
                    self.has_complained = true;
                    let place = path.display();
                    say(&format!("warning: changes in {place} are seen a little later: {error}"));
                }
            }
        }
        hears_more
    }
}

#[cfg(unix)]
fn id(directory: &Path) -> Option<Id> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(directory).ok().filter(fs::Metadata::is_dir).map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn id(directory: &Path) -> Option<Id> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    directory.hash(&mut hasher);
    fs::metadata(directory).ok().filter(fs::Metadata::is_dir).map(|_| (0, hasher.finish()))
}
