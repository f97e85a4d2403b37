//! Results that were made before, kept by what they were made of, so that they are restored instead of made again: what
//! [`SessionBuilder::cache`](crate::SessionBuilder::cache) is given, and the upkeep of its directory.
//!
//! ```
//! use rulemake::cache::{Cache, CacheDirectory, CacheLimits};
//! # let dir = std::env::temp_dir().join(format!("rulemake-doc-cache-{}", std::process::id()));
//! let cache = Cache::new(&dir);
//! let mut limits = CacheLimits::default();
//! limits.max_bytes = Some(50_000_000_000);
//! assert_eq!(CacheDirectory::new(&dir).make_room(&limits, true)?.results, 0, "nothing is kept yet");
//! # let _ = (cache, std::fs::remove_dir_all(&dir));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What leaves a cache has the digest that was asked for, or it does not leave it. Nothing that goes wrong in one fails a job:
//! what cannot be read is not there, what cannot be written is not kept, and both are told once as a warning. Processes,
//! projects and machines may share a directory.

// L3. Knows digests, paths and bytes; not rules, jobs or the state log. Invariant: an object is whole or not there, for it is
// written under another name and renamed; an entry is whole or seen to be none. So readers need no lock.

mod backend;
mod directory;
mod entry;
#[cfg(feature = "cache-http")]
mod http;
mod link;
mod look;
mod manifest;
mod place;
mod room;
#[cfg(feature = "cache-s3")]
mod s3;
mod traffic;
mod upkeep;
mod waiting;
#[cfg(feature = "cache-http")]
mod wire;

pub use backend::CacheBackend;
pub use directory::CacheDirectory;
#[cfg(feature = "cache-http")]
pub use http::HttpCache;
pub use link::CacheLink;
pub use room::Cache;
#[cfg(feature = "cache-s3")]
pub use s3::S3Cache;
pub use traffic::{CacheTraffic, Transferred};
pub use upkeep::{CacheFaults, CacheLimits, CacheRemoved, CacheUsage, CachedRule};

pub(crate) use entry::{Entry, Form, Kept};
pub(crate) use place::{ASIDE, Lost};
pub(crate) use room::{Giving, Made, NewResult, Sharing, WouldPush};

#[cfg(test)]
mod tests;
