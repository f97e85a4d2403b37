//! State logs: whatever stands in the records of a log, under right checksums, it is read, refused or cut, never believed
//! so far that anything breaks.

use super::Source;
use rulemake::{ErrorKind, RunOptions, Session, Workflow};
use std::fs;
use std::path::Path;

const RULEFILE: &str = "rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'cp {input} {output}'\n\
                        rule a:\n    output: 'a'\n    shell: 'touch {output}'\n";

/// CRC-32 as in zip files, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}

fn header() -> Vec<u8> {
    let mut bytes = b"rmstate\n\x01\x00\x01\x00".to_vec();
    bytes.extend([7; 16]);
    bytes.extend(1_u32.to_le_bytes());
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// One frame as the documentation of the log has it.
fn frame(log: &mut Vec<u8>, number: u32, kind: u8, body: &[u8]) {
    let mut summed = number.to_le_bytes().to_vec();
    summed.push(kind);
    summed.extend(body);
    log.extend((body.len() as u32).to_le_bytes());
    log.extend(checksum(&summed).to_le_bytes());
    log.extend(summed);
}

/// The bytes of a body: small numbers, lengths, texts that are names, digests.
fn body(source: &mut Source<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..source.below(24) {
        match source.below(8) {
            0 => body.push(source.byte()),
            1 => body.extend([9; 32]),
            2 => body.extend(b"\x01a"),
            3 => body.extend(b"\x01b"),
            4 => body.extend([0xff; 9]),
            5 => body.extend([1; 8]),
            _ => body.push(source.below(3) as u8),
        }
    }
    body
}

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let raw = source.once_in(8);
    let mut log = if raw { Vec::new() } else { header() };
    if raw {
        log.extend(source.rest());
    } else {
        frame(&mut log, 0, 1, b"a");
        frame(&mut log, 1, 1, b"b");
        for number in 2..20 {
            if source.is_empty() {
                break;
            }
            let kind = if source.once_in(16) {
                source.byte()
            } else {
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x8a][source.below(10)]
            };
            let body = body(&mut source);
            frame(&mut log, number, kind, &body);
        }
    }
    let state = root.join(".rulemake");
    let done = fs::create_dir_all(&state).and_then(|()| fs::write(state.join("state.log"), &log));
    done.unwrap_or_else(|error| panic!("{error}"));
    let workflow = Workflow::parse("Rulefile", RULEFILE).unwrap_or_else(|error| panic!("{error}"));
    let session = match Session::builder(workflow).root(root).open() {
        Ok(session) => session,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::State, "{error}"),
    };
    let fits = |error: rulemake::Error| assert_ne!(error.kind(), ErrorKind::Bug, "{error}");
    drop(session.plan::<&str>(&[], &RunOptions::default()).map_err(fits));
    drop(session.why("b").map_err(fits));
    drop(session.log("b").map_err(fits));
    drop(session.made_files::<&str>(&[]).map_err(fits));
}
