//! Content digests (BLAKE3-256) and stable hashing of structured values.
//!
//! Every structured hash starts with a domain tag and every field is length-prefixed, so that no two
//! different structures can feed the same bytes to the hasher.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A BLAKE3-256 digest of some content.
///
/// Displays as `blake3:` and 64 hexadecimal digits; [`Digest::short`] gives the first eight digits for people.
///
/// ```
/// let d = rulemake::Digest::of(b"hello");
/// assert!(d.to_string().starts_with("blake3:ea8f163d"));
/// assert_eq!(d.short(), "ea8f163d");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    ///
    /// ```
    /// # use rulemake::Digest;
    /// assert_eq!(Digest::of(b"a"), Digest::of(b"a"));
    /// assert_ne!(Digest::of(b"a"), Digest::of(b"b"));
    /// ```
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the digest with these 32 bytes.
    ///
    /// ```
    /// # use rulemake::Digest;
    /// let digest = Digest::of(b"a");
    /// assert_eq!(Digest::from_bytes(*digest.as_bytes()), digest);
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Returns the 32 bytes.
    ///
    /// ```
    /// assert_eq!(rulemake::Digest::of(b"a").as_bytes().len(), 32);
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest that [`Display`](fmt::Display) gives; `None` for any other text.
    ///
    /// ```
    /// # use rulemake::Digest;
    /// let digest = Digest::of(b"hello");
    /// assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    /// assert_eq!(Digest::parse("blake3:12"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Digest> {
        parse_hex(text)
    }

    /// The 64 hexadecimal digits alone: names of files and addresses have no room for a colon.
    pub(crate) fn hex(&self) -> String {
        self.digits().iter().map(|digit| char::from(*digit)).collect()
    }

    fn digits(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        digits
    }

    /// Returns the first eight hexadecimal digits, enough for a person to tell two digests apart.
    ///
    /// ```
    /// let digest = rulemake::Digest::of(b"a");
    /// assert!(digest.to_string().contains(&digest.short()));
    /// ```
    #[must_use]
    pub fn short(&self) -> String {
        self.0[..4].iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("blake3:")?;
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(d)?;
        parse_hex(&text)
            .ok_or_else(|| serde::de::Error::custom("expected `blake3:` and 64 hexadecimal digits"))
    }
}

fn parse_hex(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("blake3:")?;
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Digest(bytes))
}

/// Hashes a sequence of fields so that equal digests mean equal fields: domain tag first, every field with
/// its length, integers little-endian.
pub(crate) struct DigestHasher(blake3::Hasher);

impl DigestHasher {
    /// Starts a hash in `domain`; digests of different domains never collide by construction.
    pub(crate) fn new(domain: &str) -> DigestHasher {
        let mut hasher = DigestHasher(blake3::Hasher::new());
        hasher.bytes(domain.as_bytes());
        hasher
    }

    /// Adds one field with its length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut DigestHasher {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds one text field.
    pub(crate) fn text(&mut self, text: &str) -> &mut DigestHasher {
        self.bytes(text.as_bytes())
    }

    /// Adds a number, for example the length of a list that follows.
    pub(crate) fn number(&mut self, n: u64) -> &mut DigestHasher {
        self.0.update(&n.to_le_bytes());
        self
    }

    /// Ends the hash.
    pub(crate) fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_boundaries_enter_the_digest() {
        let a = DigestHasher::new("t").text("ab").text("c").finish();
        let b = DigestHasher::new("t").text("a").text("bc").finish();
        assert_ne!(a, b, "moving a byte between two fields must change the digest");
    }

    #[test]
    fn digest_survives_json() {
        let d = Digest::of(b"x");
        let text = serde_json::to_string(&d).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), d);
        assert!(serde_json::from_str::<Digest>("\"blake3:zz\"").is_err());
    }
}
