//! A place in S3-compatible storage: `ac/KEY` and `cas/BLAKE3` below a prefix of a bucket. Compressed objects are called
//! `cas/BLAKE3.zst`.

use super::backend::CacheBackend;
use super::wire::{Blob, Wire, compressed};
use crate::base::digest::Digest;
use rusty_s3::actions::{GetObject, HeadObject, PutObject};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use std::fs::File;
use std::io::{self, Cursor, Write};
use std::time::Duration;

/// A shared place in S3-compatible storage.
///
/// ```no_run
/// use rulemake::cache::{Cache, S3Cache};
/// use std::sync::Arc;
///
/// let place = S3Cache::new("s3://bucket/prefix", None, "eu-central-1")?.credentials("key", "secret", None);
/// let cache = Cache::new(".rulemake/cache").shared(Arc::new(place), true);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct S3Cache {
    bucket: Bucket,
    prefix: String,
    credentials: Option<Credentials>,
    wire: Wire,
}

/// A signed address holds for so long.
const SIGNED: Duration = Duration::from_secs(3600);
/// As many bytes at most has a list of what lies in a directory.
const UNKNOWN: u64 = 256 << 20;
/// More has to be put in parts, which is not done.
const MOST: u64 = 5 << 30;

impl S3Cache {
    /// The place `s3://bucket/prefix`, at an endpoint other than Amazon's if one is given.
    ///
    /// ```
    /// # use rulemake::cache::S3Cache;
    /// assert!(S3Cache::new("s3://bucket/results", Some("https://minio.example.org"), "us-east-1").is_ok());
    /// assert!(S3Cache::new("https://bucket", None, "us-east-1").is_err());
    /// ```
    ///
    /// # Errors
    /// It is no address of this kind.
    pub fn new(address: &str, endpoint: Option<&str>, region: &str) -> io::Result<S3Cache> {
        // What stands behind a `?` is perhaps a token.
        let (shown, more) = address.split_once('?').map_or((address, ""), |(shown, _)| (shown, "?..."));
        let invalid =
            |why: String| io::Error::new(io::ErrorKind::InvalidInput, format!("`{shown}{more}`: {why}"));
        let rest = address
            .strip_prefix("s3://")
            .ok_or_else(|| invalid("no address such as s3://bucket/prefix".into()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            // Perhaps a key, which is shown nowhere.
            let message = "an address of S3 storage holds no key: it is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if !more.is_empty() {
            return Err(invalid("it has more than a bucket and a prefix".into()));
        }
        if bucket.is_empty() {
            return Err(invalid("it names no bucket".into()));
        }
        let amazon = format!("https://s3.{region}.amazonaws.com");
        let endpoint =
            endpoint.unwrap_or(&amazon).parse().map_err(|error| invalid(format!("its endpoint: {error}")))?;
        let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket.to_string(), region.to_string())
            .map_err(|error| invalid(error.to_string()))?;
        let prefix = prefix.trim_matches('/').to_string();
        Ok(S3Cache { bucket, prefix, credentials: None, wire: Wire::new() })
    }

    /// Sets the key that requests are signed with.
    ///
    /// ```
    /// # use rulemake::cache::S3Cache;
    /// let cache = S3Cache::new("s3://bucket/results", None, "eu-west-1")?.credentials("a key", "a secret", None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, key: &str, secret: &str, token: Option<&str>) -> S3Cache {
        self.credentials = Some(match token {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        });
        self
    }

    /// Sets how long the storage may take to answer, as [`HttpCache::timeout`](super::HttpCache::timeout) does.
    ///
    /// ```
    /// # use rulemake::cache::S3Cache;
    /// let cache = S3Cache::new("s3://bucket/results", None, "eu-west-1")?.timeout(std::time::Duration::from_secs(30));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, answer: Duration) -> S3Cache {
        self.wire = Wire::with_patience(answer);
        self
    }

    fn path(&self, part: &str, name: &str) -> String {
        match self.prefix.as_str() {
            "" => format!("{part}/{name}"),
            prefix => format!("{prefix}/{part}/{name}"),
        }
    }

    /// Where an object is: compressed, and as it is.
    fn names(&self, object: &Digest) -> [String; 2] {
        let name = object.hex();
        [self.path("cas", &format!("{name}.zst")), self.path("cas", &name)]
    }

    fn get_url(&self, path: &str) -> String {
        GetObject::new(&self.bucket, self.credentials.as_ref(), path).sign(SIGNED).to_string()
    }

    fn put_url(&self, path: &str) -> String {
        PutObject::new(&self.bucket, self.credentials.as_ref(), path).sign(SIGNED).to_string()
    }

    fn has(&self, path: &str) -> io::Result<bool> {
        let url = HeadObject::new(&self.bucket, self.credentials.as_ref(), path).sign(SIGNED);
        self.wire.has(url.as_str(), None)
    }
}

impl CacheBackend for S3Cache {
    fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket.name(), self.prefix)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>> {
        self.wire.get_small(&self.get_url(&self.path("ac", &key.hex())))
    }

    fn put_entry(&self, key: &Digest, entry: &[u8], _: &[Digest]) -> io::Result<()> {
        let url = self.put_url(&self.path("ac", &key.hex()));
        self.wire.put(&url, &mut Cursor::new(entry), entry.len() as u64)
    }

    fn get(&self, object: &Digest, size: Option<u64>, to: &mut dyn Write) -> io::Result<bool> {
        let size = size.unwrap_or(UNKNOWN);
        let plain = Blob { sha256: String::new(), size, plain_size: None };
        let name = object.hex();
        let small = Blob { plain_size: Some(size), ..plain.clone() };
        let packed = self.get_url(&self.path("cas", &format!("{name}.zst")));
        if self.wire.get(&packed, &small, to)? {
            return Ok(true);
        }
        self.wire.get(&self.get_url(&self.path("cas", &name)), &plain, to)
    }

    fn put(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        let [packed, plain] = self.names(object);
        if self.has(&packed)? || self.has(&plain)? {
            return Ok(());
        }
        self.replace(object, content)
    }

    fn replace(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        let size = content.metadata()?.len();
        if size > MOST {
            return Err(io::Error::other(format!(
                "{object} has more than 5 GiB, which is put in parts only"
            )));
        }
        let [packed, plain] = self.names(object);
        match compressed(content, size)? {
            Some(bytes) => {
                let size = bytes.len() as u64;
                self.wire.put(&self.put_url(&packed), &mut Cursor::new(bytes), size)
            }
            None => self.wire.put(&self.put_url(&plain), content, size),
        }
    }
}

impl std::fmt::Debug for S3Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Cache").field("name", &self.name()).finish_non_exhaustive()
    }
}
