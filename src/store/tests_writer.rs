//! What a writer promises when all goes well and when it does not.

use super::frame::{self, Frames, HEADER_LEN};
use super::record::{self, Record};
use super::store::{LockWait, Sink, Writer, open, read};
use super::tests::{log_of, scan, table, trace};
use crate::base::digest::Digest;
use crate::base::path::PathTable;
use crate::error::ErrorKind;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[test]
fn two_writers_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".rulemake");
    let (_, first) = open(&state, LockWait::Fail, "rulemake run all").unwrap();
    let error = open(&state, LockWait::Fail, "second").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("`rulemake run all`"), "{error}");
    assert!(read(&state).is_ok(), "readers need no lock");
    drop(first);
    assert!(open(&state, LockWait::Fail, "second").is_ok());
}

#[test]
fn a_writer_without_a_lock_notices_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let (mut loaded, mut writer) = open(dir.path(), LockWait::Fail, "first").unwrap();
    let id = loaded.paths.intern("a");
    writer.append(&loaded.paths, &[Record::Forget { path: id }]).unwrap();
    let log = dir.path().join("state.log");
    let mut foreign = fs::read(&log).unwrap();
    foreign.extend_from_slice(b"xx");
    fs::write(&log, foreign).unwrap();
    for _ in 0..2 {
        let error = writer.append(&loaded.paths, &[Record::Forget { path: id }]).unwrap_err();
        assert!(error.to_string().contains("another process has changed it"), "{error}");
    }
}

#[test]
fn reading_writes_nothing_and_nothing_is_an_empty_state() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("none");
    let loaded = read(&state).unwrap();
    assert_eq!((loaded.paths.len(), loaded.lost, loaded.view.next_run()), (0, None, 1));
    assert!(!state.exists());
    fs::create_dir(&state).unwrap();
    read(&state).unwrap();
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    fs::write(dir.path().join("file"), "").unwrap();
    let error = open(&dir.path().join("file"), LockWait::Fail, "test").err().unwrap();
    assert!(error.path().is_some(), "{error}");
}

#[cfg(unix)]
#[test]
fn the_state_is_private_and_ignored_by_git() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".rulemake");
    open(&state, LockWait::Fail, "test").unwrap();
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn run_numbers_survive_a_lost_log() {
    let dir = tempfile::tempdir().unwrap();
    super::runs::run_dir(dir.path(), 41).unwrap();
    assert_eq!(
        read(dir.path()).unwrap().view.next_run(),
        42,
        "or the logs of two runs would share a directory"
    );
}

#[test]
fn paths_of_several_batches_and_sessions_keep_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3u32 {
        let (mut loaded, mut writer) = open(dir.path(), LockWait::Fail, "test").unwrap();
        for n in 0..20 {
            // Interned, never recorded: session ids and log numbers drift apart.
            loaded.paths.intern(&format!("unused {round} {n}"));
            let out = loaded.paths.intern(&format!("out {round} {n}"));
            let input = loaded.paths.intern("shared");
            let new = trace(&[input], &[out], round, &format!("{round} {n}"));
            let text = "text";
            let definition = Record::Definition { digest: new.fingerprint.definition, text };
            writer.append(&loaded.paths, &[definition, Record::Traced(&new)]).unwrap();
        }
    }
    let loaded = read(dir.path()).unwrap();
    assert_eq!(loaded.paths.len(), 61);
    for round in 0..3 {
        for n in 0..20 {
            let id = loaded.paths.find(&format!("out {round} {n}")).unwrap();
            let found = loaded.view.trace(id).unwrap();
            assert_eq!(*found.fingerprint.params[0].1, format!("{round} {n}"));
            assert_eq!(loaded.paths.text(found.fingerprint.inputs[0].path), "shared");
        }
    }
    let log = fs::read(dir.path().join("state.log")).unwrap();
    let definitions = Frames::new(&log).filter(|frame| frame.kind == record::DEFINITION).count();
    assert_eq!(definitions, 1, "a definition is written once");
}

/// Shared memory that fails and stutters as told.
#[derive(Clone, Default)]
struct Faulty(Arc<Mutex<Faults>>);

#[derive(Default)]
struct Faults {
    written: Vec<u8>,
    room: Option<usize>,
    at_most: Option<usize>,
    interrupts: bool,
    sync_fails: bool,
    calls: usize,
    syncs: usize,
}

impl Sink for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut faults = self.0.lock().unwrap();
        faults.calls += 1;
        if faults.interrupts && faults.calls.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let room = faults.room.map_or(usize::MAX, |room| room.saturating_sub(faults.written.len()));
        let n = bytes.len().min(room).min(faults.at_most.unwrap_or(usize::MAX));
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        faults.written.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut faults = self.0.lock().unwrap();
        faults.syncs += 1;
        if faults.sync_fails { Err(io::Error::other("I/O error")) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().written.len() as u64)
    }
}

impl Faulty {
    /// Writes and syncs.
    fn counts(&self) -> (usize, usize) {
        let faults = self.0.lock().unwrap();
        (faults.calls, faults.syncs)
    }
}

fn faulty_writer(set: impl FnOnce(&mut Faults)) -> (Faulty, Writer) {
    let header = frame::header([1; 16]);
    let sink = Faulty::default();
    {
        let mut faults = sink.0.lock().unwrap();
        faults.written = header.to_vec();
        set(&mut faults);
    }
    let writer = Writer::new(Box::new(sink.clone()), Path::new("s/state.log").into(), &scan(&header), None);
    (sink, writer)
}

#[test]
fn a_full_disk_stops_all_writing_and_costs_only_the_last_batch() {
    let (paths, ids) = table(&["a", "b"]);
    let (one, two) = (trace(&[], &ids[..1], 1, ""), trace(&[], &ids[1..], 1, ""));
    let first = log_of(&paths, &[Record::Traced(&one)]);
    let whole = log_of(&paths, &[Record::Traced(&one), Record::Traced(&two)]);
    for room in first.len()..whole.len() {
        let (sink, mut writer) = faulty_writer(|faults| faults.room = Some(room));
        writer.append(&paths, &[Record::Traced(&one)]).unwrap();
        let error = writer.append(&paths, &[Record::Traced(&two)]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot write the state to s/state.log: "), "{text}");
        assert_eq!(error.kind(), ErrorKind::Environment);
        sink.0.lock().unwrap().room = None;
        let again = writer.append(&paths, &[Record::Forget { path: ids[0] }]).unwrap_err();
        assert_eq!(again.to_string(), text, "room came back, but the end of the log is not what we think");
        assert!(writer.sync().is_err());
        let written = sink.0.lock().unwrap().written.clone();
        let made = scan(&written).view.made().count();
        assert_eq!(made, 1, "room for {room}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error_that_names_it() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    struct Full(fs::File);
    impl Sink for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut self.0, bytes)
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn len(&self) -> io::Result<u64> {
            Ok(HEADER_LEN as u64)
        }
    }
    let scan = scan(&frame::header([1; 16]));
    let mut writer = Writer::new(Box::new(Full(full)), Path::new("/dev/full").into(), &scan, None);
    let error = writer.append(&PathTable::default(), &[Record::RunEnded { run: 1 }]).unwrap_err();
    assert!(error.to_string().contains("/dev/full") && error.path().is_some(), "{error}");
}

#[test]
fn short_and_interrupted_writes_are_finished() {
    let (paths, ids) = table(&["a"]);
    let one = trace(&[], &ids, 1, "");
    let (sink, mut writer) = faulty_writer(|faults| (faults.at_most, faults.interrupts) = (Some(3), true));
    writer.append(&paths, &[Record::Traced(&one)]).unwrap();
    assert_eq!(sink.0.lock().unwrap().written, log_of(&paths, &[Record::Traced(&one)]));
}

#[test]
fn a_batch_is_one_write_and_the_end_of_a_run_is_on_disk() {
    let (paths, ids) = table(&["a", "b"]);
    let one = trace(&ids[..1], &ids[1..], 1, "");
    let (sink, mut writer) = faulty_writer(|_| {});
    writer
        .append(&paths, &[Record::RunStarted { run: 1, boot_id: "", time_ms: 0 }, Record::Traced(&one)])
        .unwrap();
    assert_eq!(sink.counts(), (1, 0));
    writer.append(&paths, &[Record::RunEnded { run: 1 }]).unwrap();
    writer.sync().unwrap();
    assert_eq!(sink.counts(), (2, 1), "nothing new, no sync");
    writer.append(&paths, &[]).unwrap();
    assert_eq!(sink.0.lock().unwrap().calls, 2);
}

#[test]
fn after_a_failed_sync_nothing_is_trusted() {
    let (sink, mut writer) = faulty_writer(|faults| faults.sync_fails = true);
    let paths = PathTable::default();
    assert!(writer.append(&paths, &[Record::RunEnded { run: 1 }]).is_err());
    sink.0.lock().unwrap().sync_fails = false;
    assert!(writer.sync().is_err(), "the kernel reports a lost page once");
    assert!(writer.append(&paths, &[Record::RunEnded { run: 1 }]).is_err());
}

#[test]
fn a_record_that_is_too_long_is_refused_without_a_trace() {
    let (paths, ids) = table(&["a", "b"]);
    let (sink, mut writer) = faulty_writer(|_| {});
    writer.encoder().set_limit(300);
    let text = "x".repeat(400);
    let long = trace(&ids[..1], &ids[1..], 1, &text);
    let (short, digest) = (trace(&ids[..1], &ids[1..], 1, "x"), Digest::of(b"d"));
    let definition = Record::Definition { digest, text: "d" };
    assert!(writer.append(&paths, &[definition, Record::Traced(&long)]).is_err());
    assert_eq!(sink.0.lock().unwrap().calls, 0);
    writer.append(&paths, &[definition, Record::Traced(&short)]).unwrap();
    let written = sink.0.lock().unwrap().written.clone();
    assert_eq!(written, log_of(&paths, &[definition, Record::Traced(&short)]), "numbers were given back");
}
