//! L3: a project as one file: a tar of plain entries behind zstd. Knows paths and bytes; no rules, no state, no record.
//!
//! Invariants:
//!
//! - The same content gives the same bytes: entries are sorted, and have neither times nor owners.
//! - What is unpacked lies in the directory that was named, whoever made the archive: each entry goes through [`gate`]
//!   before anything is written, and nothing is ever written through a link.
//! - Nothing that is there is overwritten unless that is asked for, and an archive that is refused leaves nothing behind.

mod gate;
mod list;
mod pack;
mod unpack;

pub(crate) use list::List;
pub use list::{ArchiveLeft, Archived};
pub use unpack::{UnpackOptions, Unpacked, unpack};

#[cfg(test)]
mod tests;
