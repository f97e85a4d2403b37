//! L3: results that were made before, kept by what they were made of, so that they are restored instead of made again.
//!
//! Knows digests, paths and bytes; not rules, jobs or the state log. Invariants:
//!
//! - What leaves the cache has the digest that was asked for, or it does not leave it.
//! - Nothing that goes wrong here fails a job: what cannot be read is a miss, what cannot be written is not kept, and
//!   both are told once ([`Cache::take_notices`]).
//! - An object or an entry is whole or not there: it is written under another name and renamed. So readers need no lock,
//!   and processes, projects and machines may share a directory.

mod backend;
mod directory;
mod entry;
#[cfg(feature = "cache-http")]
mod http;
mod link;
mod manifest;
mod place;
mod room;
#[cfg(feature = "cache-s3")]
mod s3;
mod traffic;
mod upkeep;
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
pub(crate) use place::Lost;
pub(crate) use room::NewResult;

#[cfg(test)]
mod tests;
