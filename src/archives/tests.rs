//! Archives that somebody made to do harm, and those that we make.

use super::pack::{Content, Packer};
use super::{UnpackOptions, unpack};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// Kind, path, text of a link, content.
type Raw<'a> = (EntryType, &'a [u8], &'a [u8], &'a [u8]);

/// An archive of entries as they are, without any of the care that is taken when one is packed.
fn raw(dir: &Path, entries: &[Raw<'_>]) -> PathBuf {
    let mut tar = Builder::new(Vec::new());
    for (kind, path, link, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..path.len()].copy_from_slice(path);
        gnu.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    written(dir, &tar.into_inner().unwrap())
}

fn written(dir: &Path, tar: &[u8]) -> PathBuf {
    let path = dir.join("a.tar.zst");
    fs::write(&path, zstd::encode_all(tar, 1).unwrap()).unwrap();
    path
}

/// All that is below a directory, links not followed.
fn all(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_string());
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;
const DIRECTORY: EntryType = EntryType::Directory;

/// The promise: nothing is written outside, and of an archive that tries nothing is written at all.
#[test]
fn what_would_write_elsewhere_is_refused_as_a_whole() {
    let good = (FILE, &b"good"[..], &b""[..], &b"x"[..]);
    let cases: Vec<(&str, Vec<Raw<'_>>)> = vec![
        ("leads out", vec![(FILE, b"../x", b"", b"x")]),
        ("leads out", vec![(FILE, b"a/../../x", b"", b"x")]),
        ("leads out", vec![(DIRECTORY, b"..", b"", b"")]),
        ("absolute", vec![(FILE, b"/tmp/x", b"", b"x")]),
        ("no plain path", vec![(FILE, b"a//x", b"", b"x")]),
        ("no plain path", vec![(FILE, b"./x", b"", b"x")]),
        ("no plain path", vec![(FILE, b"a/", b"", b"x")]),
        ("not UTF-8", vec![(FILE, b"\xff", b"", b"x")]),
        ("leads out", vec![(LINK, b"l", b"/etc", b"")]),
        ("leads out", vec![(LINK, b"l", b"..", b"")]),
        ("leads out", vec![(LINK, b"a/l", b"../../x", b"")]),
        ("leads out", vec![(LINK, b"l", b"", b"")]),
        ("below l", vec![(LINK, b"l", b"a", b""), (FILE, b"l/x", b"", b"x")]),
        ("twice", vec![(DIRECTORY, b"l", b"", b""), (LINK, b"l", b"a", b"")]),
        ("twice", vec![(LINK, b"l", b"a", b""), (FILE, b"l", b"", b"x")]),
        ("twice", vec![(FILE, b"d/x", b"", b"x"), (LINK, b"d", b"a", b"")]),
        ("below f", vec![(FILE, b"f", b"", b"x"), (FILE, b"f/x", b"", b"x")]),
        // A link within, and another through it: by their texts both stay inside.
        ("through another link", vec![(LINK, b"a/b", b"..", b""), (LINK, b"c", b"a/b/..", b"")]),
        ("through another link", vec![(LINK, b"c", b"a/b/../x", b""), (LINK, b"a/b", b"..", b"")]),
        ("hard link", vec![(EntryType::Link, b"h", b"/etc/passwd", b"")]),
        ("hard link", vec![(EntryType::Link, b"h", b"good", b"")]),
        ("device", vec![(EntryType::Char, b"d", b"", b"")]),
        ("device", vec![(EntryType::Block, b"d", b"", b"")]),
        ("named pipe", vec![(EntryType::Fifo, b"p", b"", b"")]),
        ("unknown kind", vec![(EntryType::GNUSparse, b"s", b"", b"")]),
        ("a header of PAX", vec![(EntryType::XHeader, b"s", b"", b"12 path=../x\n")]),
        (".rulemake", vec![(FILE, b".rulemake/state.log", b"", b"x")]),
        (".GIT", vec![(FILE, b"sub/.GIT/hooks/x", b"", b"x")]),
    ];
    for (wanted, entries) in cases {
        let dir = TempDir::new().unwrap();
        let place = dir.path().join("in");
        fs::create_dir(&place).unwrap();
        let entries: Vec<_> = std::iter::once(good).chain(entries).collect();
        let archive = raw(dir.path(), &entries);
        for to in [place.join("new"), place.clone()] {
            let error = unpack(&archive, &to, &UnpackOptions::default()).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains("is refused"), "{wanted}: {error}");
            assert_eq!(all(dir.path()), ["a.tar.zst", "in"], "{wanted}");
        }
    }
}

/// What is there when somebody unpacks: a link to elsewhere in the place of a directory.
#[test]
#[cfg(unix)]
fn nothing_is_written_through_links_that_are_there() {
    let dir = TempDir::new().unwrap();
    let (to, outside) = (dir.path().join("to"), dir.path().join("outside"));
    fs::create_dir(&to).unwrap();
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, to.join("d")).unwrap();
    let options = UnpackOptions { overwrite: true, ..UnpackOptions::default() };
    for entries in [
        vec![(FILE, &b"d/x"[..], &b""[..], &b"x"[..])],
        vec![(DIRECTORY, b"d/x", b"", b"")],
        vec![(DIRECTORY, b"d", b"", b"")],
    ] {
        let error = unpack(raw(dir.path(), &entries), &to, &options).unwrap_err().to_string();
        assert!(error.contains("is no directory"), "{error}");
        assert_eq!(all(&outside), [""; 0]);
    }
    // A file that is a link is replaced, and what it leads to stays.
    fs::write(outside.join("kept"), "kept").unwrap();
    std::os::unix::fs::symlink(outside.join("kept"), to.join("f")).unwrap();
    let archive = raw(dir.path(), &[(FILE, b"f", b"", b"new")]);
    assert!(unpack(&archive, &to, &UnpackOptions::default()).is_err());
    assert_eq!(unpack(&archive, &to, &options).unwrap().overwritten, 1);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(to.join("f")).unwrap(), "new");
    assert!(!fs::symlink_metadata(to.join("f")).unwrap().is_symlink());
}

#[test]
fn nothing_is_overwritten_without_consent() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("to");
    let archive = raw(dir.path(), &[(FILE, b"a", b"", b"new"), (FILE, b"d/b", b"", b"new")]);
    fs::create_dir_all(to.join("d")).unwrap();
    fs::write(to.join("d/b"), "old").unwrap();
    let error = unpack(&archive, &to, &UnpackOptions::default()).unwrap_err();
    assert!(error.to_string().contains("d/b is there already"), "{error}");
    assert_eq!(all(&to), ["d", "d/b"]);
    let options = UnpackOptions { overwrite: true, ..UnpackOptions::default() };
    assert_eq!(unpack(&archive, &to, &options).unwrap().overwritten, 1);
    assert_eq!((all(&to).len(), fs::read_to_string(to.join("d/b")).unwrap().as_str()), (3, "new"));
    // A directory is not removed to make room for a file.
    let archive = raw(dir.path(), &[(FILE, b"d", b"", b"new")]);
    assert!(unpack(&archive, &to, &options).unwrap_err().to_string().contains("is a directory"));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(unpack(&archive, dir.path().join("file"), &options).is_err());
}

#[test]
fn what_would_fill_the_disk_or_the_memory_is_refused() {
    let dir = TempDir::new().unwrap();
    let zeros = vec![0u8; 3 << 20];
    let archive = raw(dir.path(), &[(FILE, b"a", b"", &zeros), (FILE, b"b", b"", &zeros)]);
    let options = UnpackOptions { max_bytes: Some(5 << 20), ..UnpackOptions::default() };
    let error = unpack(&archive, dir.path().join("to"), &options).unwrap_err();
    assert!(error.to_string().contains("more than 5242880 bytes"), "{error}");
    assert!(unpack(&archive, dir.path().join("to"), &UnpackOptions::default()).is_ok());
    // A header that promises more than there is.
    let mut header = Header::new_gnu();
    header.set_path("a").unwrap();
    header.set_entry_type(FILE);
    header.set_size(u64::MAX >> 2);
    header.set_cksum();
    let error =
        unpack(written(dir.path(), header.as_bytes()), dir.path().join("x"), &UnpackOptions::default());
    assert!(error.unwrap_err().to_string().contains("would come out"));
    // And a name without end.
    let archive = raw(dir.path(), &[(EntryType::GNULongName, b"L", b"", &zeros), (FILE, b"a", b"", b"")]);
    let error = unpack(archive, dir.path().join("x"), &UnpackOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a name in it is too long"), "{error}");
    assert!(!dir.path().join("x").exists());
}

#[test]
fn what_is_no_archive_or_damaged_is_told() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("to");
    let mut whole = Vec::new();
    let mut packer = Packer::new(&mut whole).unwrap();
    packer.add("a", &Content::Text(&"text\n".repeat(1000))).unwrap();
    packer.add("b", &Content::Text("more")).unwrap();
    packer.finish().unwrap();
    let path = dir.path().join("a.tar.zst");
    let check = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let result = unpack(&path, &to, &UnpackOptions::default());
        if result.is_err() {
            assert!(!to.exists());
        } else {
            assert_eq!(fs::read_to_string(to.join("a")).unwrap(), "text\n".repeat(1000));
            fs::remove_dir_all(&to).unwrap();
        }
        result.map(|done| done.files.len()).map_err(|error| error.to_string())
    };
    assert_eq!(check(&whole), Ok(2));
    for (what, bytes) in
        [("text", &b"no archive at all"[..]), ("nothing", b""), ("half", &whole[..whole.len() / 2])]
    {
        let error = check(bytes).unwrap_err();
        assert!(error.contains("is no archive, or damaged"), "{what}: {error}");
    }
    // No bit counts for nothing: what comes out is what went in, or nothing.
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let _ = check(&flipped);
    }
    assert!(unpack(dir.path().join("none"), &to, &UnpackOptions::default()).is_err());
    assert!(unpack(dir.path(), &to, &UnpackOptions::default()).is_err());
}

#[test]
#[cfg(unix)]
fn what_is_packed_comes_out_as_it_was_and_the_same_bytes_each_time() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4711)).unwrap();
    let long = format!("{}/file", ["long name"; 30].join("/"));
    let target = format!("../{}", ["x"; 90].join("/"));
    let key = dir.path().join("key");
    fs::write(&key, "secret").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let pack = || {
        let mut bytes = Vec::new();
        let mut packer = Packer::new(&mut bytes).unwrap();
        packer.add("dir", &Content::Directory(false)).unwrap();
        packer.add("dir/key", &Content::File(&key, None)).unwrap();
        packer.add("dir/link", &Content::Link(&target)).unwrap();
        packer.add("dir/own", &Content::Directory(true)).unwrap();
        packer.add("dir/own/x", &Content::Text("")).unwrap();
        packer.add("dir/run", &Content::File(&program, None)).unwrap();
        packer.add(&long, &Content::Text("é")).unwrap();
        packer.add("odd\nname %", &Content::Text("")).unwrap();
        packer.finish().unwrap();
        bytes
    };
    let bytes = pack();
    fs::File::options().write(true).open(&program).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(pack(), bytes, "neither times nor anything else of the day is in it");
    let path = dir.path().join("a.tar.zst");
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let to = dir.path().join("to");
    let done = unpack(&path, &to, &UnpackOptions::default()).unwrap();
    assert_eq!(done.files, ["dir/key", "dir/link", "dir/own/x", "dir/run", &long, "odd\nname %"]);
    assert_eq!(fs::read_link(to.join("dir/link")).unwrap().to_str(), Some(&*target));
    assert_eq!(fs::metadata(to.join("dir/run")).unwrap().permissions().mode() & 0o7111, 0o111 & !umask());
    assert_eq!(fs::read_to_string(to.join(&long)).unwrap(), "é");
    // What was its owner's alone stays so, also where the place is there already.
    let there = dir.path().join("there");
    fs::create_dir(&there).unwrap();
    unpack(&path, &there, &UnpackOptions::default()).unwrap();
    for to in [&to, &there] {
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("dir/key"), mode("dir/own"), mode("dir")), (0o600, 0o700, 0o777 & !umask()));
    }
    // What changes while it is read is no archive.
    let mut bytes = Vec::new();
    let mut packer = Packer::new(&mut bytes).unwrap();
    let other = crate::base::digest::Digest::of(b"other");
    assert!(
        packer.add("x", &Content::File(&program, Some(other))).unwrap_err().to_string().contains("changed")
    );
}

#[cfg(unix)]
fn umask() -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let probe = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o777)).tempfile().unwrap();
    0o777 & !probe.as_file().metadata().unwrap().permissions().mode()
}
