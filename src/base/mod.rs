//! L0: ids, paths, digests, time. Knows no other module of the crate and does no I/O.

pub(crate) mod brisk;
pub(crate) mod checksum;
pub(crate) mod clock;
pub(crate) mod digest;
pub(crate) mod few;
pub(crate) mod ids;
pub(crate) mod path;
pub(crate) mod percent;
pub(crate) mod rows;
