//! Named and positional groups of paths: what `{input}`, `{input[0]}` and `{input.name}` see.

use std::sync::Arc;

/// One item of an `input:`/`output:`/`log:` section: a name or none, and how many paths it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) name: Option<Arc<str>>,
    /// Written as a list (or returned as one): `{input.name}` is then a list even with one path.
    pub(crate) list: bool,
    pub(crate) len: u32,
}

/// The slots of one section, in order; the paths themselves are kept flat elsewhere.
pub(crate) type SlotLayout = [Slot];

/// The paths of one section of one job, with their names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedPaths<'a> {
    pub(crate) layout: &'a SlotLayout,
    /// All paths, flat, in order of the slots.
    pub(crate) paths: &'a [Arc<str>],
}

impl<'a> NamedPaths<'a> {
    pub(crate) const EMPTY: NamedPaths<'static> = NamedPaths { layout: &[], paths: &[] };

    /// The paths of the slot called `name`, and whether they are a list.
    pub(crate) fn named(&self, name: &str) -> Option<(&'a [Arc<str>], bool)> {
        let mut start = 0;
        for slot in self.layout {
            let end = start + slot.len as usize;
            if slot.name.as_deref() == Some(name) {
                return self.paths.get(start..end).map(|paths| (paths, slot.list));
            }
            start = end;
        }
        None
    }
}
