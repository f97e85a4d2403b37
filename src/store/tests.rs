//! What the state directory promises, checked on whole logs.

use super::frame::{self, Frames, HEADER_LEN};
use super::index::{self, Scan, View};
use super::record::{self, Encoder, Record};
use super::store::{LockWait, boot_id, open, read};
use super::{codec, compact};
use crate::base::digest::Digest;
use crate::base::path::{PathId, PathTable};
use crate::error::ErrorKind;
use crate::trace::fingerprint::{CodeKind, CodePart, Fingerprint, InputState, Origin, Trace};
use crate::trace::identity::{FileHash, FileKind, StatSig};
use crate::trace::tree::{Entry, EntryContent, Tree};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const BOOT: &str = "this-boot";

pub(super) fn trace(inputs: &[PathId], outputs: &[PathId], run: u32, text: &str) -> Trace {
    Trace {
        rule: Arc::from("sort"),
        fingerprint: Fingerprint {
            definition: Digest::of(b"sort {input} > {output}"),
            params: vec![(Arc::from("min"), Arc::from(text))],
            wildcards: vec![(Arc::from("s"), Arc::from("a\nb"))],
            code: Vec::new(),
            inputs: inputs
                .iter()
                .map(|&path| InputState { slot: 1, path, digest: Digest::of(b"in") })
                .collect(),
            outputs: outputs.to_vec(),
            required: Vec::new(),
        },
        results: (0..outputs.len()).map(|n| Digest::of(&n.to_le_bytes())).collect(),
        run,
        job: 3,
        duration_ms: 1234,
        origin: Origin::Executed,
        reported: Vec::new(),
    }
}

pub(super) fn hash(n: u64, settled: bool) -> FileHash {
    let (mtime_ns, ctime_ns) = (-5, i64::MAX - n as i64);
    let sig = StatSig { kind: FileKind::File, size: n, mtime_ns, ctime_ns, inode: u64::MAX };
    FileHash { sig, digest: Digest::of(&n.to_le_bytes()), settled }
}

fn tree() -> Tree {
    let entry = |path: &str, content| Entry { path: path.as_bytes().into(), content };
    let file = |n| EntryContent::File { executable: n == 1, hash: hash(n, true) };
    let link = EntryContent::Link(Digest::of(b"to"));
    Tree::new(vec![
        entry("a", EntryContent::Directory),
        entry("a/1", file(1)),
        entry("a/2", file(2)),
        entry("b", link),
    ])
}

pub(super) fn table(names: &[&str]) -> (PathTable, Vec<PathId>) {
    let mut paths = PathTable::default();
    let ids = names.iter().map(|name| paths.intern(name)).collect();
    (paths, ids)
}

pub(super) fn log_of(paths: &PathTable, records: &[Record<'_>]) -> Vec<u8> {
    let mut encoder = Encoder::new(0, 0);
    records.iter().for_each(|record| encoder.push(paths, record).unwrap());
    let mut log = frame::header([1; 16]).to_vec();
    log.extend(encoder.take());
    log
}

pub(super) fn scan(log: &[u8]) -> Scan {
    index::scan(log.to_vec(), BOOT).ok().expect("no record of the future")
}

/// All that a view says, as text.
fn dump(paths: &PathTable, view: &View) -> String {
    let mut out = format!("next run {}\n", view.next_run());
    for id in (0..view.known() as u32).map(PathId) {
        let facts =
            (view.trace(id), view.interrupted(id), view.failed(id), view.last_job(id), view.file_hash(id));
        out += &format!("{:?} {facts:?} {:?}\n", paths.text(id), view.tree(id));
        if let Some(trace) = view.trace(id) {
            out += &format!("{:?}\n", view.definition(&trace.fingerprint.definition));
        }
    }
    out + &format!("{:?}", view.made().collect::<Vec<_>>())
}

fn dump_of(log: &[u8]) -> String {
    let scan = scan(log);
    dump(&scan.paths, &scan.view)
}

/// A log with every record type, a superseded trace and a failed job.
fn sample() -> (PathTable, Vec<u8>) {
    let (paths, ids) = table(&["in put", "out\nput", "ü/side", "other"]);
    let [input, out, side, other] = ids[..] else { panic!("four") };
    let (first, second, third) = (
        trace(&[input], &[out, side], 1, "5"),
        trace(&[input, side], &[other], 1, "6"),
        trace(&[input], &[out, side], 2, "7"),
    );
    let log = log_of(
        &paths,
        &[
            Record::RunStarted { run: 1, boot_id: BOOT, time_ms: 1 << 40 },
            Record::Definition { digest: first.fingerprint.definition, text: "sort {input} > {output}" },
            Record::JobStarted { run: 1, job: 3, outputs: &[out, side] },
            Record::FileHash { path: input, hash: hash(0, true) },
            Record::Traced(&first),
            Record::Traced(&second),
            Record::RunEnded { run: 1 },
            Record::RunStarted { run: 2, boot_id: "another boot", time_ms: 5 },
            Record::Traced(&third),
            Record::FileHash { path: out, hash: hash(7, true) },
            Record::JobStarted { run: 2, job: 9, outputs: &[other] },
            Record::JobEnded { run: 2, job: 9, outputs: &[other], outcome: "exit 1" },
            Record::JobStarted { run: 2, job: 10, outputs: &[side, other] },
            Record::Tree { path: side, tree: &tree() },
            Record::Forget { path: input },
        ],
    );
    (paths, log)
}

/// Ends of the header and of each frame.
fn boundaries(log: &[u8]) -> Vec<usize> {
    let mut frames = Frames::new(log);
    let mut ends = vec![HEADER_LEN];
    while frames.next().is_some() {
        ends.push(frames.at);
    }
    assert_eq!(frames.at, log.len());
    ends
}

fn good_beginning<'a>(log: &'a [u8], ends: &[usize], upto: usize) -> &'a [u8] {
    &log[..ends.iter().copied().filter(|&end| end <= upto).max().unwrap_or(0)]
}

#[test]
fn everything_recorded_is_found_again() {
    let (paths, log) = sample();
    let Scan { paths: loaded, view, end, .. } = scan(&log);
    assert_eq!(end, log.len());
    let id = |name: &str| loaded.find(name).unwrap();
    let (input, out, side, other) = (id("in put"), id("out\nput"), id("ü/side"), id("other"));
    assert_eq!(paths.len(), loaded.len());
    assert_eq!(view.trace(out), Some(trace(&[input], &[out, side], 2, "7")));
    assert_eq!(view.trace(side), view.trace(out));
    assert_eq!(view.trace(other), Some(trace(&[input, side], &[other], 1, "6")));
    assert_eq!(view.trace(input), None);
    assert_eq!(view.interrupted(other), Some(2), "a start behind a failure");
    assert_eq!((view.interrupted(out), view.failed(out)), (None, None));
    assert_eq!(view.last_job(other), Some((2, 10)));
    assert_eq!(view.last_job(out), Some((2, 3)));
    assert_eq!(view.file_hash(input), None, "forgotten");
    let suspect = |hash: FileHash| FileHash { settled: false, ..hash };
    let found = view.tree(side).unwrap();
    assert_eq!(found.digest(), tree().digest());
    let content = found.find(b"a/1").unwrap().content;
    let expected = EntryContent::File { executable: true, hash: suspect(hash(1, true)) };
    assert_eq!(content, expected, "of a run that another boot cut short");
    assert_eq!((view.tree(out), view.file_hash(side)), (None, None), "a file is no tree");
    assert_eq!(view.definition(&Digest::of(b"sort {input} > {output}")), Some("sort {input} > {output}"));
    assert_eq!(view.made().collect::<Vec<_>>(), [out, side, other], "in the order of the log");
    assert_eq!(view.next_run(), 3);
    assert_eq!(view.trace(PathId(99)), None, "paths of the session that the log does not know");
}

#[test]
fn a_trace_is_live_only_while_it_is_the_newest_of_all_its_outputs() {
    let (paths, ids) = table(&["a", "b", "c"]);
    let (both, one) = (trace(&[ids[2]], &ids[..2], 1, ""), trace(&[ids[2]], &ids[..1], 2, ""));
    let log = log_of(&paths, &[Record::Traced(&both), Record::Traced(&one)]);
    let Scan { view, paths, .. } = scan(&log);
    let id = |name: &str| paths.find(name).unwrap();
    assert!(view.trace(id("a")).is_some_and(|trace| trace.run == 2));
    assert_eq!(view.trace(id("b")), None, "its job no longer makes it together with a");
    assert_eq!(view.made().collect::<Vec<_>>(), [id("a")]);

    let log = log_of(&paths, &[Record::Traced(&both), Record::Forget { path: ids[1] }]);
    let Scan { view, .. } = scan(&log);
    assert_eq!(view.made().count(), 0, "forgetting one output retires the whole trace");
}

#[test]
fn an_output_named_twice_does_not_retire_its_own_trace() {
    let (paths, ids) = table(&["a"]);
    let twice = trace(&[], &[ids[0], ids[0]], 1, "");
    assert!(scan(&log_of(&paths, &[Record::Traced(&twice)])).view.trace(PathId(0)).is_some());
}

#[test]
fn a_failure_is_forgotten_by_the_next_success() {
    let (paths, ids) = table(&["a"]);
    let failed = Record::JobEnded { run: 4, job: 1, outputs: &ids, outcome: "signal 9" };
    let view = scan(&log_of(&paths, &[failed])).view;
    assert_eq!(view.failed(ids[0]), Some((4, "signal 9".into())));
    assert_eq!(view.interrupted(ids[0]), None);
    let good = trace(&[], &ids, 5, "");
    let view = scan(&log_of(&paths, &[failed, Record::Traced(&good)])).view;
    assert_eq!((view.failed(ids[0]), view.last_job(ids[0])), (None, Some((5, 3))));
}

#[test]
fn a_log_cut_anywhere_is_its_good_beginning() {
    let (_, log) = sample();
    let ends = boundaries(&log);
    for cut in HEADER_LEN..log.len() {
        let good = good_beginning(&log, &ends, cut);
        assert_eq!(dump_of(&log[..cut]), dump_of(good), "cut at {cut}");
        assert_eq!(scan(&log[..cut]).end, good.len());
    }
}

#[test]
fn a_log_with_any_byte_flipped_is_its_good_beginning() {
    let (_, log) = sample();
    let ends = boundaries(&log);
    for at in HEADER_LEN..log.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = log.clone();
            bad[at] ^= flip;
            assert_eq!(dump_of(&bad), dump_of(good_beginning(&log, &ends, at)), "byte {at} xor {flip:#x}");
        }
    }
}

/// Writes `log` as the state, opens it for writing, appends, and looks whether a reader finds the good beginning
/// and what was appended.
fn append_behind(log: &[u8], good: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("state.log"), log).unwrap();
    let (mut loaded, mut writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
    let before = index::scan(good.to_vec(), &boot_id()).ok().unwrap();
    assert_eq!(dump(&loaded.paths, &loaded.view), dump(&before.paths, &before.view));
    let (out, input) = (loaded.paths.intern("new/out"), loaded.paths.intern("in put"));
    let new = trace(&[input], &[out], 9, "new");
    writer.append(&loaded.paths, &[Record::Traced(&new)]).unwrap();
    let again = read(dir.path()).unwrap();
    assert_eq!(again.lost, None);
    let (out, input) = (again.paths.find("new/out").unwrap(), again.paths.find("in put").unwrap());
    assert_eq!(again.view.trace(out), Some(trace(&[input], &[out], 9, "new")));
    for id in before.view.made() {
        let id = again.paths.find(before.paths.text(id)).unwrap();
        assert!(again.view.trace(id).is_some(), "what was on record before is still there");
    }
}

#[test]
fn after_a_cut_at_any_byte_the_log_can_be_extended() {
    let (_, log) = sample();
    let ends = boundaries(&log);
    for cut in 0..log.len() {
        let good =
            if cut < HEADER_LEN { &frame::header([0; 16])[..] } else { good_beginning(&log, &ends, cut) };
        append_behind(&log[..cut], good);
    }
}

#[test]
fn after_a_flip_of_any_byte_the_log_can_be_extended() {
    let (_, log) = sample();
    let ends = boundaries(&log);
    for at in (0..log.len()).step_by(3) {
        let mut bad = log.clone();
        bad[at] ^= 0x10;
        let good =
            if at < HEADER_LEN { &frame::header([0; 16])[..] } else { good_beginning(&log, &ends, at) };
        append_behind(&bad, good);
    }
}

#[test]
fn cut_bytes_are_kept_and_the_user_is_told() {
    let (_, log) = sample();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.log");
    fs::write(&path, &log[..log.len() - 1]).unwrap();
    assert_eq!(read(dir.path()).unwrap().lost, None, "a reader may see a record that is being written");
    assert_eq!(fs::read(&path).unwrap(), &log[..log.len() - 1], "a reader changes nothing");
    let (loaded, writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
    assert!(loaded.lost.unwrap().contains("was not written to its end"));
    drop(writer);
    let last = *boundaries(&log).iter().rev().nth(1).unwrap();
    assert_eq!(fs::read(dir.path().join("state.log.bad")).unwrap(), &log[last..log.len() - 1]);
    assert_eq!(fs::read(&path).unwrap(), &log[..last]);

    let mut bad = log.clone();
    bad[boundaries(&log)[3] + 9] ^= 1;
    fs::write(&path, &bad).unwrap();
    assert!(read(dir.path()).unwrap().lost.unwrap().contains("is damaged in the middle"));
    let (loaded, _writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
    assert!(loaded.lost.unwrap().contains("state.log.bad"));
}

#[test]
fn a_log_with_a_bad_header_is_moved_aside_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    for n in 1..=2 {
        fs::write(dir.path().join("state.log"), format!("no log {n}")).unwrap();
        let seen = read(dir.path()).unwrap();
        assert!(seen.lost.is_some() && seen.paths.len() == 0);
        let (loaded, _) = open(dir.path(), LockWait::Fail, "test").unwrap();
        assert!(loaded.lost.unwrap().contains(&format!("state.log.old-{n}")));
        let aside = fs::read_to_string(dir.path().join(format!("state.log.old-{n}"))).unwrap();
        assert_eq!(aside, format!("no log {n}"));
        assert_eq!(read(dir.path()).unwrap().lost, None);
    }
}

#[test]
fn a_log_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = frame::header([0; 16]).to_vec();
    log[8] = 2;
    let crc = crc32fast::hash(&log[..32]).to_le_bytes();
    log[32..].copy_from_slice(&crc);
    let mut unknown = frame::header([0; 16]).to_vec();
    frame::put(&mut unknown, 0, 0x55, 100, |_| {}).unwrap();
    for log in [log, unknown] {
        fs::write(dir.path().join("state.log"), &log).unwrap();
        for error in [read(dir.path()).err().unwrap(), open(dir.path(), LockWait::Fail, "t").err().unwrap()] {
            assert_eq!(error.kind(), ErrorKind::State, "{error}");
            assert!(error.to_string().contains("written by a newer rulemake"), "{error}");
        }
        assert_eq!(fs::read(dir.path().join("state.log")).unwrap(), log);
    }
}

#[test]
fn unknown_records_that_may_be_skipped_are_skipped() {
    let (paths, ids) = table(&["a"]);
    let good = trace(&[], &ids, 1, "");
    let mut log = log_of(&paths, &[Record::Traced(&good)]);
    frame::put(&mut log, 2, record::MAY_SKIP | 0x55, 100, |out| out.push(1)).unwrap();
    frame::put(&mut log, 3, record::FORGET, 100, |out| codec::put_varint(out, 0)).unwrap();
    let scan = scan(&log);
    assert!(scan.skipped && scan.end == log.len());
    assert_eq!(scan.view.made().count(), 0, "the record behind it was read");
}

#[test]
fn frames_of_another_log_do_not_fit_in() {
    let (paths, ids) = table(&["a", "b"]);
    let (one, two) = (trace(&[], &ids[..1], 1, ""), trace(&[], &ids[1..], 1, ""));
    let (first, second) = (log_of(&paths, &[Record::Traced(&one)]), log_of(&paths, &[Record::Traced(&two)]));
    let mut spliced = first.clone();
    spliced.extend_from_slice(&second[HEADER_LEN..]);
    assert_eq!(dump_of(&spliced), dump_of(&first), "numbers start again, so these frames are not ours");
    assert_eq!(scan(&spliced).end, first.len());
}

#[test]
fn records_with_right_checksums_and_wrong_contents_end_the_log() {
    let (paths, ids) = table(&["a"]);
    let good = log_of(&paths, &[Record::Forget { path: ids[0] }]);
    for (kind, body) in [
        (record::PATH, &b"a"[..]),
        (record::PATH, b"./b"),
        (record::PATH, b"\xff"),
        (record::TRACED, b"\x01\x01\x01\x07"),
        (record::TRACED, b"\x01\x01\xff\xff\xff\xff\xff\x01"),
        (record::FORGET, b"\x01"),
        (record::FILE_HASH, b"\x00\x00"),
        (record::RUN_STARTED, b""),
        (record::DEFINITION, b"short"),
    ] {
        let mut log = good.clone();
        frame::put(&mut log, 2, kind, 100, |out| out.extend_from_slice(body)).unwrap();
        assert_eq!(scan(&log).end, good.len(), "type {kind}");
        assert_eq!(dump_of(&log), dump_of(&good));
    }
    let mut log = good.clone();
    frame::put(&mut log, 2, record::TRACED, 100, |out| out.extend_from_slice(&[1, 1, 1, 0])).unwrap();
    assert_eq!(scan(&log).view.trace(PathId(0)), None, "a trace cut short vouches for nothing");
}

#[test]
fn the_bytes_of_version_one() {
    let (paths, ids) = table(&["a", "b"]);
    let mut small = trace(&ids[..1], &ids[1..], 300, "5");
    small.results.clear();
    small.fingerprint.inputs[0].digest = Digest::from_bytes([9; 32]);
    small.fingerprint.definition = Digest::from_bytes([8; 32]);
    let sig = StatSig { kind: FileKind::Special, size: 128, mtime_ns: 1, ctime_ns: -2, inode: 3 };
    let hash = FileHash { sig, digest: Digest::from_bytes([7; 32]), settled: true };
    let log = log_of(
        &paths,
        &[
            Record::RunStarted { run: 300, boot_id: "x", time_ms: 2 },
            Record::JobStarted { run: 300, job: 1, outputs: &ids[1..] },
            Record::FileHash { path: ids[1], hash },
            Record::Traced(&small),
            Record::JobEnded { run: 300, job: 1, outputs: &ids[1..], outcome: "e" },
            Record::Definition { digest: Digest::from_bytes([6; 32]), text: "t" },
            Record::Forget { path: ids[1] },
            Record::RunEnded { run: 300 },
        ],
    );
    let digest = |n: u8| [n; 32];
    let expected: Vec<(u8, Vec<u8>)> = vec![
        (8, vec![0xac, 2, 2, 1, b'x']),
        (1, b"b".to_vec()),
        (5, vec![0xac, 2, 1, 1, 0]),
        (
            4,
            [
                &[0, 2, 1, 0x80, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 255, 255, 255, 255, 255, 255, 255, 3],
                &digest(7)[..],
            ]
            .concat(),
        ),
        (1, b"a".to_vec()),
        (
            3,
            [
                &[0xac, 2, 3, 1, 0, 0, 0xd2, 9, 4, b's', b'o', b'r', b't'],
                &digest(8)[..],
                &[1, 3, b'm', b'i', b'n', 1, b'5', 1, 1, b's', 3, b'a', b'\n', b'b', 1, 1, 1],
                &digest(9)[..],
                &[0],
            ]
            .concat(),
        ),
        (6, vec![0xac, 2, 1, 1, 0, 1, b'e']),
        (2, [&digest(6)[..], &[1, b't']].concat()),
        (7, vec![0]),
        (9, vec![0xac, 2]),
    ];
    let found: Vec<(u8, Vec<u8>)> = Frames::new(&log).map(|f| (f.kind, f.body.to_vec())).collect();
    assert_eq!(found, expected, "a change here needs a new version of the format");
}

#[test]
fn the_bytes_that_came_with_minor_version_one() {
    let (paths, ids) = table(&["d"]);
    let mut asked = trace(&[], &[], 1, "5");
    asked.fingerprint.required = vec![("o".into(), "non-empty".into())];
    let part = CodePart { kind: CodeKind::Conda, name: "e".into(), digest: Digest::from_bytes([5; 32]) };
    let coded = Fingerprint { required: Vec::new(), code: vec![part], ..asked.fingerprint.clone() };
    let coded = Trace { fingerprint: coded, ..asked.clone() };
    let mut shown = trace(&[], &[], 1, "5");
    shown.reported = vec![("o".into(), "{}".into())];
    let hash = |n| FileHash { digest: Digest::from_bytes([n; 32]), ..hash(2, true) };
    let entry = |path: &str, content| Entry { path: path.as_bytes().into(), content };
    let tree = Tree::new(vec![
        entry("ab", EntryContent::File { executable: false, hash: hash(7) }),
        entry("ac", EntryContent::File { executable: true, hash: hash(8) }),
        entry("d", EntryContent::Directory),
        entry("d/l", EntryContent::Link(Digest::from_bytes([9; 32]))),
    ]);
    let log = log_of(
        &paths,
        &[
            Record::Tree { path: ids[0], tree: &tree },
            Record::Traced(&asked),
            Record::Traced(&coded),
            Record::Traced(&shown),
        ],
    );
    let sig = [
        &[1, 2, 0xfb, 255, 255, 255, 255, 255, 255, 255, 0xfd, 255, 255, 255, 255, 255, 255, 0x7f][..],
        &[255; 9],
        &[1],
    ]
    .concat();
    let digest = |n: u8| [n; 32];
    let body = [
        &[0, 4, 0, 2, b'a', b'b', 0][..],
        &sig,
        &digest(7),
        &[1, 1, b'c', 1],
        &sig,
        &digest(8),
        &[0, 1, b'd', 2],
        &[1, 2, b'/', b'l', 3],
        &digest(9),
    ]
    .concat();
    let mut frames = Frames::new(&log);
    assert_eq!(frames.next().map(|f| f.kind), Some(record::PATH));
    assert_eq!(frames.next().map(|f| (f.kind, f.body.to_vec())), Some((0x80 | 10, body)));
    let trace = frames.next().unwrap();
    assert!(trace.body.ends_with(&[0, 1, 1, b'o', 9, b'n', b'o', b'n', b'-', b'e', b'm', b'p', b't', b'y']));
    let trace = frames.next().unwrap();
    assert!(trace.body.ends_with(&[&[0, 0, 1, 1, 1, b'e'][..], &digest(5)].concat()));
    let trace = frames.next().unwrap();
    assert!(trace.body.ends_with(&[0, 0, 0, 1, 1, b'o', 2, b'{', b'}']));
}

#[test]
fn hashes_of_a_run_that_never_ended_are_unsettled_after_a_reboot() {
    let (paths, ids) = table(&["a", "b", "c", "d"]);
    let settled = |n: usize| Record::FileHash { path: ids[n], hash: hash(n as u64, true) };
    let log = log_of(
        &paths,
        &[
            settled(0),
            Record::RunStarted { run: 1, boot_id: "old", time_ms: 0 },
            settled(1),
            Record::RunEnded { run: 1 },
            Record::RunStarted { run: 2, boot_id: "old", time_ms: 0 },
            settled(2),
            Record::RunStarted { run: 3, boot_id: "new", time_ms: 0 },
            settled(3),
        ],
    );
    let seen = |log: &[u8], boot: &str| {
        let scan = index::scan(log.to_vec(), boot).ok().unwrap();
        ["a", "b", "c", "d"].map(|name| scan.view.file_hash(scan.paths.find(name).unwrap()).unwrap().settled)
    };
    assert_eq!(seen(&log, "new"), [true, true, false, true], "run 2 died with the machine");
    assert_eq!(seen(&log, "old"), [true, true, true, false]);
    assert_eq!(seen(&log, ""), [true, true, false, false]);
    assert_eq!(seen(&log, "newest"), [true, true, false, false]);
    let small = compact::compacted(&scan(&log), [1; 16]).unwrap();
    for boot in ["new", "old", "", "newest"] {
        assert_eq!(seen(&small, boot), seen(&log, boot), "compaction keeps what a run encloses");
    }
}

#[test]
fn compaction_says_what_the_log_said() {
    let (_, log) = sample();
    for end in boundaries(&log) {
        let before = scan(&log[..end]);
        let small = compact::compacted(&before, [1; 16]).unwrap();
        let after = scan(&small);
        assert_eq!(after.end, small.len());
        let facts = |scan: &Scan| {
            let (paths, view) = (&scan.paths, &scan.view);
            let name = |id: PathId| paths.text(id).to_string();
            let mut facts: Vec<_> = (0..paths.len() as u32)
                .map(PathId)
                .map(|id| {
                    let trace = view.trace(id).map(|trace| {
                        let print = &trace.fingerprint;
                        let inputs: Vec<_> = print.inputs.iter().map(|input| name(input.path)).collect();
                        let outputs: Vec<_> = print.outputs.iter().copied().map(name).collect();
                        let text = view.definition(&print.definition).map(String::from);
                        format!("{inputs:?} {outputs:?} {text:?} {:?} {:?}", print.params, trace.results)
                    });
                    let attempt = (view.interrupted(id), view.failed(id));
                    (name(id), trace, attempt, view.file_hash(id))
                })
                .filter(|(_, trace, attempt, hash)| {
                    trace.is_some() || hash.is_some() || *attempt != (None, None)
                })
                .collect();
            facts.sort_by(|a, b| a.0.cmp(&b.0));
            (facts, view.next_run(), view.in_flight())
        };
        assert_eq!(facts(&after), facts(&before), "log of {end} bytes");
        let twice = compact::compacted(&after, [1; 16]).unwrap();
        assert_eq!(twice.len(), small.len(), "nothing left to drop");
    }
}

fn bloated(dir: &Path) {
    let (mut loaded, mut writer) = open(dir, LockWait::Fail, "test").unwrap();
    let id = loaded.paths.intern("kept");
    let kept = trace(&[], &[id], 1, "kept");
    writer.append(&loaded.paths, &[Record::Traced(&kept)]).unwrap();
    let again: Vec<Record<'_>> =
        (0..10_001).map(|n| Record::FileHash { path: id, hash: hash(n, true) }).collect();
    writer.append(&loaded.paths, &again).unwrap();
}

#[test]
fn a_log_of_mostly_superseded_records_is_compacted_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    bloated(dir.path());
    let log = dir.path().join("state.log");
    let before = fs::metadata(&log).unwrap().len();
    fs::write(dir.path().join("state.log.new"), "left by a compaction that died").unwrap();
    assert_eq!(read(dir.path()).unwrap().view.made().count(), 1, "half a new log counts for nothing");
    let (loaded, mut writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
    assert!(fs::metadata(&log).unwrap().len() * 100 < before);
    assert!(!dir.path().join("state.log.new").exists());
    let id = loaded.paths.find("kept").unwrap();
    assert_eq!(loaded.view.file_hash(id), Some(hash(10_000, true)));
    writer.append(&loaded.paths, &[Record::Forget { path: id }]).unwrap();
    assert_eq!(read(dir.path()).unwrap().view.made().count(), 0, "the new log can be extended");
}

#[test]
fn a_compaction_that_cannot_be_written_leaves_the_old_log() {
    let dir = tempfile::tempdir().unwrap();
    bloated(dir.path());
    fs::create_dir(dir.path().join("state.log.new")).unwrap();
    let (mut loaded, mut writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
    assert_eq!(loaded.view.made().count(), 1);
    let id = loaded.paths.intern("more");
    writer.append(&loaded.paths, &[Record::Traced(&trace(&[], &[id], 2, ""))]).unwrap();
    assert_eq!(read(dir.path()).unwrap().view.made().count(), 2);
}

fn arbitrary_trace() -> impl Strategy<Value = (Vec<String>, Trace)> {
    let text = || any::<String>();
    let bound = || prop::collection::vec((text(), text()), 0..4);
    let digest = || any::<[u8; 32]>().prop_map(Digest::from_bytes);
    let inputs = prop::collection::vec((any::<u16>(), 0..6u32, digest()), 0..6);
    let outputs = prop::collection::vec((0..6u32, digest()), 0..6);
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>());
    let names = prop::collection::vec("[a-zäöü \n]{1,9}", 6);
    (text(), digest(), [bound(), bound(), bound(), bound()], inputs, outputs, numbers, names).prop_map(
        |(rule, definition, bounds, inputs, outputs, (run, job, duration_ms, accepted), names)| {
            let [params, wildcards, required, reported] = bounds;
            let arcs = |list: Vec<(String, String)>| {
                list.into_iter().map(|(name, value)| (Arc::from(name), Arc::from(value))).collect()
            };
            let names = names.iter().enumerate().map(|(n, name)| format!("{n}{name}")).collect();
            let fingerprint = Fingerprint {
                definition,
                params: arcs(params),
                wildcards: arcs(wildcards),
                code: outputs
                    .iter()
                    .map(|&(n, digest)| CodePart {
                        kind: CodeKind::ALL[n as usize % 4],
                        name: n.to_string().into(),
                        digest,
                    })
                    .collect(),
                inputs: inputs
                    .iter()
                    .map(|&(slot, id, digest)| InputState { slot, path: PathId(id), digest })
                    .collect(),
                outputs: outputs.iter().map(|&(id, _)| PathId(id)).collect(),
                required: arcs(required),
            };
            let results = outputs.iter().map(|&(_, digest)| digest).collect();
            let reported = arcs(reported);
            let origin = if accepted { Origin::Accepted } else { Origin::Executed };
            (
                names,
                Trace {
                    rule: Arc::from(rule),
                    fingerprint,
                    results,
                    run,
                    job,
                    duration_ms,
                    origin,
                    reported,
                },
            )
        },
    )
}

proptest! {
    #[test]
    fn traces_survive((names, trace) in arbitrary_trace()) {
        let mut paths = PathTable::default();
        names.iter().for_each(|name| { paths.intern(name); });
        // Used in order first, so that log numbers and ids coincide.
        let all: Vec<PathId> = (0..6).map(PathId).collect();
        let order = Record::JobStarted { run: 0, job: 0, outputs: &all };
        let log = log_of(&paths, &[order, Record::Traced(&trace)]);
        let frame = Frames::new(&log).last().unwrap();
        prop_assert_eq!(record::decode_trace(frame.body, 6), Some(trace.clone()));
        for cut in 0..frame.body.len() {
            let part = record::decode_trace(&frame.body[..cut], 6);
            let is_older = part.is_some_and(|part| {
                // Each field that was added later is missing with all behind it.
                let mut older = trace.clone();
                older.reported.clear();
                let with_code = older.clone();
                older.fingerprint.code.clear();
                let with_required = older.clone();
                older.fingerprint.required.clear();
                ![older, with_required, with_code].contains(&part)
            });
            prop_assert!(!is_older, "a part is no trace, or one of a version that knew no more");
        }
    }

    #[test]
    fn signatures_survive(size: u64, mtime_ns: i64, ctime_ns: i64, inode: u64, settled: bool) {
        let (paths, ids) = table(&["a"]);
        let sig = StatSig { kind: FileKind::File, size, mtime_ns, ctime_ns, inode };
        let hash = FileHash { sig, digest: Digest::of(b""), settled };
        let view = scan(&log_of(&paths, &[Record::FileHash { path: ids[0], hash }])).view;
        prop_assert_eq!(view.file_hash(ids[0]), Some(hash));
    }

    #[test]
    fn trees_survive(files in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 1..6), 0..4u8, 0..12)) {
        let entries = files.iter().enumerate().map(|(n, (path, kind))| {
            let hash = hash(n as u64, n % 2 == 0);
            let content = match kind {
                2 => EntryContent::Directory,
                3 => EntryContent::Link(hash.digest),
                executable => EntryContent::File { executable: *executable == 1, hash },
            };
            Entry { path: path.as_slice().into(), content }
        });
        let tree = Tree::new(entries.collect());
        let (paths, ids) = table(&["a"]);
        let log = log_of(&paths, &[Record::Tree { path: ids[0], tree: &tree }]);
        prop_assert_eq!(scan(&log).view.tree(ids[0]), Some(tree));
        let frame = Frames::new(&log).last().unwrap();
        for cut in 0..frame.body.len() {
            prop_assert_eq!(record::decode_tree(&frame.body[..cut], 1), None);
        }
    }

    #[test]
    fn garbage_is_never_believed(garbage: Vec<u8>) {
        let mut log = frame::header([3; 16]).to_vec();
        log.extend_from_slice(&garbage);
        prop_assert_eq!(scan(&log).end, HEADER_LEN);
        frame::good_frame_after(&log, HEADER_LEN, 0);
    }

    /// With right checksums every body reaches its decoder.
    #[test]
    fn garbage_bodies_never_panic(bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(0..20u8, 0..60)), 0..30)) {
        let mut log = frame::header([3; 16]).to_vec();
        for (seq, (kind, body)) in bodies.iter().enumerate() {
            frame::put(&mut log, seq as u32, if *kind == 0 { record::TREE } else { kind % 10 + 1 }, 1000, |out| out.extend_from_slice(body)).unwrap();
        }
        if let Ok(scan) = index::scan(log, BOOT) {
            dump(&scan.paths, &scan.view);
            let small = compact::compacted(&scan, [0; 16]).unwrap();
            prop_assert!(small.len() <= scan.end + 20 * bodies.len(), "compaction never grows a log much");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_boot_is_known_on_linux() {
    let id = boot_id();
    assert!(!id.is_empty() && !id.contains(char::is_whitespace));
}

#[test]
fn jobs_in_flight_are_known_whatever_is_known_of_their_outputs() {
    let (paths, ids) = table(&["a", "b"]);
    let start = |job, outputs| Record::JobStarted { run: 2, job, outputs };
    let done = trace(&[], &ids[1..], 1, "");
    let done = Trace { run: 2, job: 1, ..done };
    let mut records = vec![
        Record::RunStarted { run: 1, boot_id: "b", time_ms: 0 },
        Record::JobStarted { run: 1, job: 9, outputs: &[] },
        Record::RunStarted { run: 2, boot_id: "b", time_ms: 0 },
        start(u32::MAX, &[]),
        Record::JobEnded { run: 2, job: u32::MAX, outputs: &[], outcome: "success" },
        start(0, &ids[..1]),
        start(1, &ids[1..]),
        Record::Traced(&done),
        start(3, &[]),
        Record::Forget { path: ids[0] },
    ];
    let before = scan(&log_of(&paths, &records));
    assert_eq!(before.view.in_flight(), [(2, 0), (2, 3)]);
    let small = scan(&compact::compacted(&before, [1; 16]).unwrap());
    assert_eq!(small.view.in_flight(), [(2, 0), (2, 3)], "compaction comes before they are ended");
    assert_eq!(small.view.interrupted_paths().count(), 0, "and brings nothing back that was forgotten");
    records.push(Record::RunEnded { run: 2 });
    assert!(scan(&log_of(&paths, &records)).view.in_flight().is_empty());
}
