//! L3: the `.rulemake/` directory. Does not know the user's files.

mod codec;
mod compact;
mod frame;
mod index;
mod lock;
pub(crate) mod proof;
pub(crate) mod record;
pub(crate) mod runs;
#[expect(clippy::module_inception, reason = "the file that holds the store itself")]
pub(crate) mod store;

pub(crate) use index::View;
pub(crate) use lock::{is_suspended, lock_holder};
pub(crate) use record::Record;
pub(crate) use store::{Loaded, LockWait, Writer, boot_id, open, read};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_writer;
