//! The cache on a file system whose files can share their blocks: XFS and Btrfs, made in a file and mounted for the test.
//! That needs root and the tools of the file system; where it cannot be had, the test says so and looks at nothing.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::Case;
use tempfile::TempDir;

/// A mounted file system; it goes with the test.
struct Disk {
    root: PathBuf,
    _image: TempDir,
}

impl Disk {
    /// `None` where it cannot be had.
    fn new(kind: &str, format: &[&str]) -> Option<Disk> {
        let image = TempDir::new().unwrap();
        let (file, root) = (image.path().join("image"), image.path().join("disk"));
        fs::File::create(&file).unwrap().set_len(400 << 20).unwrap();
        fs::create_dir(&root).unwrap();
        let done = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let (program, options) = format.split_first().unwrap();
        let is_there = done(Command::new(program).args(options).arg(&file))
            && done(Command::new("mount").args(["-t", kind, "-o", "loop"]).arg(&file).arg(&root));
        if !is_there {
            eprintln!("skipped: no {kind} can be made and mounted here (it needs root and {program})");
            return None;
        }
        Some(Disk { root, _image: image })
    }

    /// Bytes that are in use.
    fn used(&self) -> u64 {
        let _ = Command::new("sync").arg("-f").arg(&self.root).status();
        let output = Command::new("df").args(["--output=used", "-B1"]).arg(&self.root).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.root).status();
    }
}

const SIZE: u64 = 40 << 20;

const RULES: &str = "\
shell.prefix('set +o pipefail; ')\n\
rule all:
    input: 'big', 'dir', 'tool'
rule big:
    input: 'seed'
    output: 'big'
    shell: 'yes \"$(cat {input})\" | head -c 41943040 > {output}'
rule dir:
    input: 'seed'
    output: directory('dir')
    shell: 'mkdir {output}; yes dir | head -c 1000000 > {output}/a; echo small > {output}/b'
rule tool:
    output: 'tool'
    shell: '(echo \"#!/bin/sh\"; yes \"# more\" | head -c 500000) > {output}; chmod +x {output}'
";

/// A project on the disk, as a case beside it sees it through a link.
fn on(disk: &Disk) -> Case {
    let case = Case::new();
    let place = disk.root.join("project");
    fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink(&place, case.path("p")).unwrap();
    case.file("p/Rulefile", RULES).file("p/seed", "one\n")
}

fn remove_results(place: &Path) {
    fs::remove_file(place.join("big")).unwrap();
    fs::remove_file(place.join("tool")).unwrap();
    fs::remove_dir_all(place.join("dir")).unwrap();
}

/// Promise: where blocks can be shared, results are kept and restored without room and without being read, as files of
/// their own that may be written to; and what is damaged in the cache is made again.
fn blocks_are_shared(disk: &Disk, link: &str) {
    let case = on(disk);
    let place = disk.root.join("project");
    let args = ["-C", "p", "--cache", "cache", "--cache-link", link];
    let empty = disk.used();
    let case = case.run(&args).ran(&["big big", "dir dir", "tool tool"]);
    let once = disk.used() - empty;
    assert!(once < SIZE * 3 / 2, "{link}: keeping took the room a second time: {once}");
    let expected = fs::read(place.join("big")).unwrap();
    remove_results(&place);
    let case = case.run(&args).ran(&[]).restored(&["big big", "dir dir", "tool tool"]);
    let twice = disk.used() - empty;
    assert!(twice < SIZE * 3 / 2, "{link}: restoring took the room a second time: {twice}");
    assert!(fs::read(place.join("big")).unwrap() == expected, "{link}: other bytes");
    for (file, executable) in [("big", false), ("dir/a", false), ("tool", true)] {
        let meta = fs::metadata(place.join(file)).unwrap();
        assert_eq!(meta.nlink(), 1, "{link}: {file} is a file of its own");
        assert!(!meta.permissions().readonly(), "{link}: {file} may be written to");
        assert_eq!(meta.mode() & 0o100 != 0, executable, "{link}: {file}");
    }
    // What is written to one of them reaches neither the cache nor what else came of it.
    let mut edited = expected.clone();
    edited[5000] ^= 1;
    fs::write(place.join("big"), &edited).unwrap();
    let case = case.call(&["-C", "p", "cache", "verify", "--cache", "cache"]);
    fs::remove_file(place.join("big")).unwrap();
    let case = case.run(&args).ran(&[]).restored(&["big big"]);
    assert!(fs::read(place.join("big")).unwrap() == expected, "{link}: an edit came back");
    // A flipped bit in the cache, under the time that the object had.
    let object = largest(&place.join("cache/v1/cas"));
    let time = filetime::FileTime::from_last_modification_time(&fs::metadata(&object).unwrap());
    let mut permissions = fs::metadata(&object).unwrap().permissions();
    permissions.set_mode(0o644);
    fs::set_permissions(&object, permissions).unwrap();
    let mut bytes = fs::read(&object).unwrap();
    bytes[20_000_000] ^= 4;
    fs::write(&object, &bytes).unwrap();
    filetime::set_file_mtime(&object, time).unwrap();
    fs::remove_file(place.join("big")).unwrap();
    let case = case.run(&args).ran(&["big big"]).warned("damaged");
    assert!(fs::read(place.join("big")).unwrap() == expected, "{link}: damage came out");
    case.run(&args).ran(&[]).up_to_date(3);
    fs::remove_dir_all(place).unwrap();
}

fn largest(dir: &Path) -> PathBuf {
    let mut found: Option<(u64, PathBuf)> = None;
    let mut todo = vec![dir.to_path_buf()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let (path, meta) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            if meta.is_dir() {
                todo.push(path);
            } else if found.as_ref().is_none_or(|(size, _)| meta.len() > *size) {
                found = Some((meta.len(), path));
            }
        }
    }
    found.unwrap().1
}

#[test]
fn on_xfs() {
    let Some(disk) = Disk::new("xfs", &["mkfs.xfs", "-q", "-m", "reflink=1"]) else { return };
    blocks_are_shared(&disk, "reflink");
    blocks_are_shared(&disk, "auto");
}

#[test]
fn on_btrfs() {
    let Some(disk) = Disk::new("btrfs", &["mkfs.btrfs", "-q"]) else { return };
    blocks_are_shared(&disk, "reflink");
    blocks_are_shared(&disk, "auto");
}

/// Promise: where they cannot be shared, `reflink` copies, and between two disks `auto` does.
#[test]
fn without_shared_blocks_files_are_copied() {
    let Some(disk) = Disk::new("ext4", &["mkfs.ext4", "-q"]) else { return };
    let case = on(&disk);
    let place = disk.root.join("project");
    let args = ["-C", "p", "--cache", "cache", "--cache-link", "reflink"];
    let case = case.run(&args);
    remove_results(&place);
    let case = case.run(&args).ran(&[]).restored(&["big big", "dir dir", "tool tool"]);
    let beside = case.path("beside").display().to_string();
    let args = ["-C", "p", "--cache", &beside, "--cache-link", "auto", "--force-all"];
    let case = case.run(&args);
    remove_results(&place);
    let case = case.run(&args[..6]).ran(&[]).restored(&["big big", "dir dir", "tool tool"]);
    let meta = fs::metadata(place.join("big")).unwrap();
    assert!(meta.nlink() == 1 && !meta.permissions().readonly() && meta.len() == SIZE);
    drop(case);
}
