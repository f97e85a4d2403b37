//! The framing of `state.log`: header, length, checksum, sequence number. Knows no record type.
//!
//! All numbers little-endian.
//!
//! | Header | Bytes | |
//! |---|---|---|
//! | magic | 8 | `rmstate\n` |
//! | major | 2 | a reader of another major version cannot read the log |
//! | minor | 2 | raised for additions that an older reader may skip |
//! | store id | 16 | random, made with the log |
//! | digest algorithm | 4 | 1 = BLAKE3-256 |
//! | crc | 4 | CRC-32 of the 32 bytes before |
//!
//! | Frame | Bytes | |
//! |---|---|---|
//! | len | 4 | bytes of the body |
//! | crc | 4 | CRC-32 of sequence number, type and body |
//! | seq | 4 | number of the frame in this log from 0, wrapping: frames of a second writer or of a spliced file do not fit |
//! | type | 1 | see `record` |
//! | body | len | |

pub(super) const MAGIC: [u8; 8] = *b"rmstate\n";
pub(super) const MAJOR: u16 = 1;
pub(super) const MINOR: u16 = 1;
const BLAKE3: u32 = 1;

pub(super) const HEADER_LEN: usize = 36;
pub(super) const HEAD_LEN: usize = 13;

/// A job that gathers a million files makes a record of 36 MiB, so the limit is well above that; it only keeps
/// a broken length from being believed.
pub(super) const MAX_BODY: usize = 256 << 20;

/// What is wrong with a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderFault {
    Damaged,
    /// Another major version than ours.
    Version(u16),
}

pub(super) fn header(store_id: [u8; 16]) -> [u8; HEADER_LEN] {
    let mut out = [0; HEADER_LEN];
    out[..8].copy_from_slice(&MAGIC);
    out[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    out[10..12].copy_from_slice(&MINOR.to_le_bytes());
    out[12..28].copy_from_slice(&store_id);
    out[28..32].copy_from_slice(&BLAKE3.to_le_bytes());
    let crc = crc32fast::hash(&out[..32]);
    out[32..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Checks the header and returns the store id.
pub(super) fn read_header(log: &[u8]) -> Result<[u8; 16], HeaderFault> {
    let header: &[u8; HEADER_LEN] = log.first_chunk().ok_or(HeaderFault::Damaged)?;
    let crc = u32::from_le_bytes([header[32], header[33], header[34], header[35]]);
    if header[..8] != MAGIC || crc32fast::hash(&header[..32]) != crc {
        return Err(HeaderFault::Damaged);
    }
    let major = u16::from_le_bytes([header[8], header[9]]);
    if major != MAJOR {
        return Err(HeaderFault::Version(major));
    }
    if header[28..32] != BLAKE3.to_le_bytes() {
        return Err(HeaderFault::Damaged);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&header[12..28]);
    Ok(id)
}

/// Appends one frame whose body is written by `body`. On a body over `limit` nothing is appended.
pub(super) fn put(
    out: &mut Vec<u8>,
    seq: u32,
    kind: u8,
    limit: usize,
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), usize> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.push(kind);
    body(out);
    let len = out.len() - start - HEAD_LEN;
    if len > limit.min(MAX_BODY) {
        out.truncate(start);
        return Err(len);
    }
    let crc = crc32fast::hash(&out[start + 8..]);
    out[start..start + 4].copy_from_slice(&(len as u32).to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

/// One frame whose checksum and sequence number are right.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Offset of the frame in the log.
    pub(super) at: usize,
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
}

/// Goes through the frames of a log and stops before the first bad one.
pub(super) struct Frames<'a> {
    log: &'a [u8],
    /// Where the next frame starts: all before is good.
    pub(super) at: usize,
    /// Sequence number of the next frame: the number of good ones, wrapping.
    pub(super) seq: u32,
}

impl<'a> Frames<'a> {
    /// `log` starts with a good header.
    pub(super) fn new(log: &'a [u8]) -> Frames<'a> {
        Frames { log, at: HEADER_LEN, seq: 0 }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (seq, frame) = frame_at(self.log, self.at)?;
        if seq != self.seq || !checksum_fits(self.log, &frame) {
            return None;
        }
        self.at = frame.at + HEAD_LEN + frame.body.len();
        self.seq = self.seq.wrapping_add(1);
        Some(frame)
    }
}

/// What the bytes at `at` say if they are a frame: no checksum is looked at.
pub(super) fn frame_at(log: &[u8], at: usize) -> Option<(u32, Frame<'_>)> {
    let rest = log.get(at..)?;
    let (head, rest) = rest.split_first_chunk::<HEAD_LEN>()?;
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let seq = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if len > MAX_BODY {
        return None;
    }
    Some((seq, Frame { at, kind: head[12], body: rest.get(..len)? }))
}

fn checksum_fits(log: &[u8], frame: &Frame<'_>) -> bool {
    let end = frame.at + HEAD_LEN + frame.body.len();
    match (log.get(frame.at + 4..frame.at + 8), log.get(frame.at + 8..end)) {
        (Some(crc), Some(covered)) => crc == crc32fast::hash(covered).to_le_bytes(),
        _ => false,
    }
}

/// Whether a good frame with a later number stands somewhere behind a bad one. A write that was cut short leaves
/// none, so this tells damage from a tear. Gives up after 64 MiB of checksums: it only serves a message.
pub(super) fn good_frame_after(log: &[u8], bad: usize, seq: u32) -> bool {
    let mut budget = 64usize << 20;
    for at in bad + 1..log.len().saturating_sub(HEAD_LEN - 1) {
        let Some((found, frame)) = frame_at(log, at) else { continue };
        let ahead = found.wrapping_sub(seq) as usize;
        if ahead == 0 || ahead > (log.len() - bad) / HEAD_LEN {
            continue;
        }
        let cost = frame.body.len() + HEAD_LEN;
        if cost > budget {
            return false;
        }
        budget -= cost;
        if checksum_fits(log, &frame) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_and_a_wrong_number_ends_them() {
        let mut log = header([7; 16]).to_vec();
        put(&mut log, 0, 3, MAX_BODY, |out| out.extend_from_slice(b"one")).unwrap();
        put(&mut log, 1, 4, MAX_BODY, |_| {}).unwrap();
        let good = log.len();
        put(&mut log, 1, 5, MAX_BODY, |out| out.push(1)).unwrap();
        assert_eq!(read_header(&log), Ok([7; 16]));
        let mut frames = Frames::new(&log);
        let seen: Vec<(u8, Vec<u8>)> = frames.by_ref().map(|f| (f.kind, f.body.to_vec())).collect();
        assert_eq!(seen, [(3, b"one".to_vec()), (4, Vec::new())]);
        assert_eq!((frames.at, frames.seq), (good, 2), "the repeated number is a second writer");
    }

    #[test]
    fn a_body_over_the_limit_leaves_nothing() {
        let mut log = vec![1];
        assert_eq!(put(&mut log, 0, 1, 3, |out| out.extend_from_slice(b"four")), Err(4));
        assert_eq!(log, [1]);
    }

    #[test]
    fn another_major_version_is_told_from_damage() {
        let mut bytes = header([0; 16]);
        bytes[8] = 9;
        assert_eq!(read_header(&bytes), Err(HeaderFault::Damaged));
        let crc = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&bytes), Err(HeaderFault::Version(9)));
        assert_eq!(read_header(&bytes[..20]), Err(HeaderFault::Damaged));
    }

    #[test]
    fn zeros_are_never_a_frame() {
        let mut log = header([0; 16]).to_vec();
        log.extend_from_slice(&[0; 100]);
        assert!(Frames::new(&log).next().is_none(), "a tail lost by power failure reads as zeros");
    }

    #[test]
    fn damage_is_told_from_a_tear() {
        let mut log = header([0; 16]).to_vec();
        for seq in 0..3 {
            put(&mut log, seq, 1, MAX_BODY, |out| out.extend_from_slice(b"abcdef")).unwrap();
        }
        let second = HEADER_LEN + HEAD_LEN + 6;
        assert!(good_frame_after(&log, second, 1));
        assert!(!good_frame_after(&log[..second + HEAD_LEN + 2], second, 1));
    }
}
