//! A place that is reached by HTTP, as Bazel's clients and servers do it: `GET` and `PUT` of `/ac/KEY` and `/cas/SHA256`.
//! So bazel-remote, nginx with WebDAV, and what else serves that protocol will do.
//!
//! There bytes are known by their SHA-256, and an entry is an `ActionResult`. Ours names, for each object, the path
//! `<blake3>` or, of one that was compressed, `<blake3>.<size>.zst`; its standard output is the entry itself.
//!
//! What comes is not trusted: an `ActionResult` is read strictly and within bounds, and whoever takes the bytes of an object
//! checks their digest.

use super::backend::CacheBackend;
use super::wire::{Blob, Failure, Wire, compressed, sha256_of};
use crate::base::digest::Digest;
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io::{self, Cursor, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A shared place behind `http://` or `https://`, in the form of Bazel's HTTP cache.
///
/// ```no_run
/// use rulemake::cache::{Cache, HttpCache};
/// use std::sync::Arc;
///
/// let place = HttpCache::new("https://cache.example.org/team")?.bearer("token");
/// let cache = Cache::new(".rulemake/cache").shared(Arc::new(place), true);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HttpCache {
    base: String,
    wire: Wire,
    /// Where objects are, by what entries said that were read or put: not that they are there.
    known: Mutex<FxHashMap<Digest, Blob>>,
}

impl HttpCache {
    /// The place at `url`. A name and a password may stand in it, though others may see them there.
    ///
    /// ```
    /// # use rulemake::cache::HttpCache;
    /// assert!(HttpCache::new("https://cache.example.org/team").is_ok());
    /// assert!(HttpCache::new("ftp://cache.example.org").is_err());
    /// ```
    ///
    /// # Errors
    /// It is no address of this kind.
    pub fn new(url: &str) -> io::Result<HttpCache> {
        // What it says may let somebody in.
        let invalid =
            |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("the shared cache {why}"));
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| invalid("is no address such as https://host/path"))?;
        if !matches!(scheme, "http" | "https") {
            return Err(invalid("is neither http:// nor https://"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty()
            || [host, path].iter().any(|part| part.contains(['?', '#']))
            || rest.contains(char::is_whitespace)
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the address of the shared cache has no host, or more than a path",
            ));
        }
        let base = format!("{scheme}://{host}/{path}");
        let base = base.trim_end_matches('/').to_string();
        let cache = HttpCache { base, wire: Wire::new(), known: Mutex::default() };
        Ok(match user {
            Some(user) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                cache.basic(name, password)
            }
            None => cache,
        })
    }

    /// Sets the token that is sent with each request.
    ///
    /// ```
    /// # use rulemake::cache::HttpCache;
    /// let cache = HttpCache::new("https://cache.example.org/team")?.bearer("a token");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn bearer(mut self, token: &str) -> HttpCache {
        self.wire.authorization = Some(format!("Bearer {token}"));
        self
    }

    /// Sets the name and the password that are sent with each request.
    ///
    /// ```
    /// # use rulemake::cache::HttpCache;
    /// let cache = HttpCache::new("https://cache.example.org/team")?.basic("reader", "a password");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn basic(mut self, name: &str, password: &str) -> HttpCache {
        self.wire.authorization = Some(format!("Basic {}", base64(format!("{name}:{password}").as_bytes())));
        self
    }

    /// Sets how long the server may take to answer, 5 seconds unless said; one that takes longer is left alone for the rest of
    /// the run. What is sent and received has time by its size beyond that.
    ///
    /// ```
    /// # use rulemake::cache::HttpCache;
    /// let cache = HttpCache::new("https://cache.example.org/team")?.timeout(std::time::Duration::from_secs(30));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, answer: Duration) -> HttpCache {
        let mut wire = Wire::with_patience(answer);
        wire.authorization = self.wire.authorization.take();
        self.wire = wire;
        self
    }

    fn known(&self, object: &Digest) -> Option<Blob> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(object).cloned()
    }

    fn remember(&self, object: Digest, blob: Blob) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(object, blob);
    }

    fn blob(&self, sha256: &str) -> String {
        format!("{}/cas/{sha256}", self.base)
    }
}

impl CacheBackend for HttpCache {
    fn name(&self) -> String {
        self.base.clone()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>> {
        let url = format!("{}/ac/{}", self.base, key.hex());
        let Some(bytes) = self.wire.get_small(&url)? else { return Ok(None) };
        let result = ActionResult::from_bytes(&bytes).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "an entry that is no ActionResult of ours")
        })?;
        for (object, blob) in result.objects {
            self.remember(object, blob);
        }
        Ok(Some(result.entry))
    }

    fn put_entry(&self, key: &Digest, entry: &[u8], objects: &[Digest]) -> io::Result<()> {
        let known = |object: &Digest| Some((*object, self.known(object)?));
        let objects: Option<Vec<(Digest, Blob)>> = objects.iter().map(known).collect();
        let objects = objects.ok_or_else(|| io::Error::other("an entry before its objects"))?;
        let bytes = ActionResult { objects, entry: entry.to_vec() }.to_bytes();
        self.wire.put(
            &format!("{}/ac/{}", self.base, key.hex()),
            &mut Cursor::new(&bytes),
            bytes.len() as u64,
        )
    }

    fn get(&self, object: &Digest, _: Option<u64>, to: &mut dyn Write) -> io::Result<bool> {
        let Some(blob) = self.known(object) else { return Ok(false) };
        self.wire.get(&self.blob(&blob.sha256), &blob, to)
    }

    fn put(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        if let Some(blob) = self.known(object)
            && self.wire.has(&self.blob(&blob.sha256), Some(blob.size))?
        {
            return Ok(());
        }
        self.put_blob(object, content, false)
    }

    fn replace(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        self.put_blob(object, content, true)
    }
}

impl HttpCache {
    fn put_blob(&self, object: &Digest, content: &mut File, over: bool) -> io::Result<()> {
        let size = content.metadata()?.len();
        let small = compressed(content, size)?;
        let blob = match &small {
            Some(bytes) => {
                let sha256 = sha256_of(&mut &bytes[..])?;
                Blob { sha256, size: bytes.len() as u64, plain_size: Some(size) }
            }
            None => {
                let sha256 = sha256_of(content)?;
                io::Seek::rewind(content)?;
                Blob { sha256, size, plain_size: None }
            }
        };
        let url = self.blob(&blob.sha256);
        if over || !self.wire.has(&url, Some(blob.size))? {
            match small {
                Some(bytes) => self.wire.put(&url, &mut Cursor::new(bytes), blob.size)?,
                None => self.wire.put(&url, content, blob.size)?,
            }
        }
        self.remember(*object, blob);
        Ok(())
    }
}

impl std::fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not what it sends to be let in.
        f.debug_struct("HttpCache").field("base", &self.base).finish_non_exhaustive()
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        io::Error::other(failure.to_string())
    }
}

/// What we put into and read from an `ActionResult`, which is a message of protocol buffers:
///
/// ```text
/// ActionResult { repeated OutputFile output_files = 2; int32 exit_code = 4; bytes stdout_raw = 5; }
/// OutputFile { string path = 1; Digest digest = 2; }
/// Digest { string hash = 1; int64 size_bytes = 2; }
/// ```
struct ActionResult {
    objects: Vec<(Digest, Blob)>,
    entry: Vec<u8>,
}

impl ActionResult {
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (object, blob) in &self.objects {
            let path = match blob.plain_size {
                Some(size) => format!("{}.{size}.zst", object.hex()),
                None => object.hex(),
            };
            let mut digest = Vec::new();
            put_bytes(&mut digest, 1, blob.sha256.as_bytes());
            put_varint(&mut digest, 2 << 3);
            put_varint(&mut digest, blob.size);
            let mut file = Vec::new();
            put_bytes(&mut file, 1, path.as_bytes());
            put_bytes(&mut file, 2, &digest);
            put_bytes(&mut out, 2, &file);
        }
        put_bytes(&mut out, 5, &self.entry);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<ActionResult> {
        let mut result = ActionResult { objects: Vec::new(), entry: Vec::new() };
        let mut rest = bytes;
        while !rest.is_empty() {
            match field(&mut rest)? {
                (2, Field::Bytes(file)) => result.objects.push(output_file(file)?),
                (5, Field::Bytes(entry)) => result.entry = entry.to_vec(),
                _ => {}
            }
        }
        Some(result)
    }
}

fn output_file(mut bytes: &[u8]) -> Option<(Digest, Blob)> {
    let (mut path, mut sha256, mut size) = ("", "", 0);
    while !bytes.is_empty() {
        match field(&mut bytes)? {
            (1, Field::Bytes(text)) => path = std::str::from_utf8(text).ok()?,
            (2, Field::Bytes(mut digest)) => {
                while !digest.is_empty() {
                    match field(&mut digest)? {
                        (1, Field::Bytes(text)) => sha256 = std::str::from_utf8(text).ok()?,
                        (2, Field::Number(n)) => size = n,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    // It becomes a part of an address.
    let is_sha256 = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let (hex, plain_size) = match path.strip_suffix(".zst") {
        Some(path) => {
            let (hex, size) = path.split_once('.')?;
            (hex, Some(size.parse().ok()?))
        }
        None => (path, None),
    };
    let object = Digest::parse(&format!("blake3:{hex}"))?;
    is_sha256.then(|| (object, Blob { sha256: sha256.to_string(), size, plain_size }))
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Field::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Field::Other)?,
        2 => {
            let len = usize::try_from(varint(rest)?).ok()?;
            Field::Bytes(take(rest, len)?)
        }
        5 => take(rest, 4).map(|_| Field::Other)?,
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let letter = LETTERS.get((group >> (18 - 6 * n)) as usize & 63).copied().unwrap_or(b'=');
            text.push(if n <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ActionResult {
        let blob = |plain_size| Blob { sha256: "0f".repeat(32), size: 300, plain_size };
        let objects = vec![(Digest::of(b"a"), blob(None)), (Digest::of(b"b"), blob(Some(70_000)))];
        ActionResult { objects, entry: b"text of an entry".to_vec() }
    }

    #[test]
    fn an_action_result_comes_back_as_it_was() {
        let read = ActionResult::from_bytes(&sample().to_bytes()).unwrap();
        assert_eq!((read.objects, read.entry), (sample().objects, sample().entry));
    }

    #[test]
    fn what_others_send_does_not_panic_and_reaches_no_other_address() {
        let bytes = sample().to_bytes();
        for at in 0..bytes.len() {
            let _ = ActionResult::from_bytes(&bytes[..at]);
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            if let Some(read) = ActionResult::from_bytes(&changed) {
                assert!(read.objects.iter().all(|(_, blob)| !blob.sha256.contains(['/', '.', '?'])));
            }
        }
        let mut evil = Vec::new();
        put_bytes(&mut evil, 2, &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(ActionResult::from_bytes(&evil).is_none());
    }

    #[test]
    fn what_lets_us_in_is_shown_nowhere() {
        let cache = HttpCache::new("https://me:secret@host:8080/a/").unwrap();
        assert_eq!(
            (cache.name().as_str(), cache.base.as_str()),
            ("https://host:8080/a", "https://host:8080/a")
        );
        assert!(!format!("{cache:?}").contains("secret"));
        assert_eq!(cache.wire.authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
        for bad in ["ftp://x", "host", "https://", "https://u:p@/x", "http://h/?a"] {
            let error = HttpCache::new(bad).unwrap_err().to_string();
            assert!(!error.contains("u:p"), "{error}");
        }
    }
}
