//! MD5, SHA-1 and SHA-256, for comparing with checksums that other people publish. Our own digests are BLAKE3.
//!
//! Written after RFC 1321, RFC 3174 and FIPS 180-4. They guard against damaged downloads, not against an
//! attacker (MD5 and SHA-1 are broken), and need no crate of their own.

use std::io::{self, Read};

/// A checksum that files are published with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checksum {
    Md5,
    Sha1,
    Sha256,
}

const BLOCK: usize = 64;

impl Checksum {
    pub(crate) const ALL: [Checksum; 3] = [Checksum::Md5, Checksum::Sha1, Checksum::Sha256];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Checksum::Md5 => "md5",
            Checksum::Sha1 => "sha1",
            Checksum::Sha256 => "sha256",
        }
    }

    /// Bytes of a finished checksum.
    pub(crate) fn size(self) -> usize {
        match self {
            Checksum::Md5 => 16,
            Checksum::Sha1 => 20,
            Checksum::Sha256 => 32,
        }
    }

    pub(crate) fn hasher(self) -> ChecksumHasher {
        let state: &[u32] = match self {
            Checksum::Md5 => &[0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            Checksum::Sha1 => &[0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0],
            Checksum::Sha256 => &SHA256_START,
        };
        let mut hasher =
            ChecksumHasher { kind: self, state: [0; 8], block: [0; BLOCK], filled: 0, length: 0 };
        hasher.state[..state.len()].copy_from_slice(state);
        hasher
    }

    /// The checksum of everything that `reader` gives, in hexadecimal digits.
    ///
    /// # Errors
    /// When reading fails.
    pub(crate) fn of_reader(self, mut reader: impl Read) -> io::Result<String> {
        let mut hasher = self.hasher();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish_hex()),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A checksum in the making.
#[derive(Clone)]
pub(crate) struct ChecksumHasher {
    kind: Checksum,
    state: [u32; 8],
    block: [u8; BLOCK],
    filled: usize,
    /// Bytes so far.
    length: u64,
}

impl ChecksumHasher {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled < BLOCK {
                return;
            }
            let block = self.block;
            self.compress(&block);
            self.filled = 0;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            self.compress(block);
        }
        self.block[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// The checksum; what was added may still be added to.
    pub(crate) fn finish(&self) -> Vec<u8> {
        let mut last = self.clone();
        let bits = self.length.wrapping_mul(8);
        last.update(&[0x80]);
        while last.filled != BLOCK - 8 {
            last.update(&[0]);
        }
        let little = self.kind == Checksum::Md5;
        last.update(&if little { bits.to_le_bytes() } else { bits.to_be_bytes() });
        let bytes =
            last.state.iter().flat_map(|word| if little { word.to_le_bytes() } else { word.to_be_bytes() });
        bytes.take(self.kind.size()).collect()
    }

    /// The checksum in lower-case hexadecimal digits.
    pub(crate) fn finish_hex(&self) -> String {
        self.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn compress(&mut self, block: &[u8; BLOCK]) {
        match self.kind {
            Checksum::Md5 => md5(&mut self.state, block),
            Checksum::Sha1 => sha1(&mut self.state, block),
            Checksum::Sha256 => sha256(&mut self.state, block),
        }
    }
}

fn words(block: &[u8; BLOCK], word: fn([u8; 4]) -> u32) -> [u32; 16] {
    let (quads, _) = block.as_chunks::<4>();
    std::array::from_fn(|i| word(quads[i]))
}

const MD5_SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The whole part of `2^32 * |sin(i + 1)|`.
const MD5_CONSTANTS: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

fn md5(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let words = words(block, u32::from_le_bytes);
    let [mut a, mut b, mut c, mut d, ..] = *state;
    for i in 0..64 {
        let (mixed, at) = match i / 16 {
            0 => ((b & c) | (!b & d), i),
            1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
            2 => (b ^ c ^ d, (3 * i + 5) % 16),
            _ => (c ^ (b | !d), (7 * i) % 16),
        };
        let sum = a.wrapping_add(mixed).wrapping_add(MD5_CONSTANTS[i]).wrapping_add(words[at]);
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(MD5_SHIFTS[i / 16][i % 4]));
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(more);
    }
}

fn sha1(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let mut words = words(block, u32::from_be_bytes);
    let [mut a, mut b, mut c, mut d, mut e, ..] = *state;
    for i in 0..80 {
        if i >= 16 {
            let next = words[(i + 13) % 16] ^ words[(i + 8) % 16] ^ words[(i + 2) % 16] ^ words[i % 16];
            words[i % 16] = next.rotate_left(1);
        }
        let (mixed, constant) = match i / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
        let sum = sum.wrapping_add(constant).wrapping_add(words[i % 16]);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e]) {
        *word = word.wrapping_add(more);
    }
}

const SHA256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const SHA256_CONSTANTS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

fn sha256(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let mut words = words(block, u32::from_be_bytes);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for i in 0..64 {
        if i >= 16 {
            let (x, y) = (words[(i + 1) % 16], words[(i + 14) % 16]);
            let low = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
            let high = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
            let more = low.wrapping_add(words[(i + 9) % 16]).wrapping_add(high);
            words[i % 16] = words[i % 16].wrapping_add(more);
        }
        let high = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h.wrapping_add(high).wrapping_add(choice).wrapping_add(SHA256_CONSTANTS[i]);
        let first = first.wrapping_add(words[i % 16]);
        let low = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let second = low.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(kind: Checksum, bytes: &[u8]) -> String {
        kind.of_reader(bytes).unwrap()
    }

    /// The test vectors of the three standards, and lengths around the end of a block.
    #[test]
    fn the_published_test_vectors() {
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (bytes, md5, sha1, sha256) in [
            (
                &b""[..],
                "d41d8cd98f00b204e9800998ecf8427e",
                "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "900150983cd24fb0d6963f7d28e17f72",
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                long,
                "8215ef0796a20bcaaae116d3876c664a",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex(Checksum::Md5, bytes), md5);
            assert_eq!(hex(Checksum::Sha1, bytes), sha1);
            assert_eq!(hex(Checksum::Sha256, bytes), sha256);
        }
        let million = vec![b'a'; 1_000_000];
        assert_eq!(hex(Checksum::Md5, &million), "7707d6ae4e027c70eea2a935c2296f21");
        assert_eq!(hex(Checksum::Sha1, &million), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        assert_eq!(
            hex(Checksum::Sha256, &million),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    /// How the bytes are cut into pieces makes no difference.
    #[test]
    fn pieces_give_what_the_whole_gives() {
        let bytes: Vec<u8> = (0..300u32).map(|n| (n * 7) as u8).collect();
        for kind in Checksum::ALL {
            for size in [1, 3, 55, 56, 63, 64, 65, 128, 200] {
                let mut hasher = kind.hasher();
                bytes.chunks(size).for_each(|piece| hasher.update(piece));
                assert_eq!(hasher.finish_hex(), hex(kind, &bytes), "{} by {size}", kind.name());
                assert_eq!(hasher.finish().len(), kind.size());
            }
        }
    }
}
