//! What is promised about the user's files, checked on real ones.

use super::effect::{Fault as Injected, each_fault};
use super::hash::FileHasher;
use super::observe::{HashCache, Observer, Seen};
use super::outputs::{PrepareOutput, prepare, quarantine, quarantine_up_to, remove_made};
use super::results::{self, Due, Fault, Kind, look};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::trace::identity::{FileHash, Known};
use crate::trace::tree::Tree;
use proptest::prelude::*;
use rustc_hash::FxHashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

#[derive(Default)]
struct Cache(FxHashMap<PathId, FileHash>, FxHashMap<PathId, Tree>);

impl HashCache for Cache {
    fn file_hash(&self, path: PathId) -> Option<FileHash> {
        self.0.get(&path).copied()
    }

    fn tree(&self, path: PathId) -> Option<Tree> {
        self.1.get(&path).cloned()
    }
}

impl Cache {
    fn learn(&mut self, observer: &Observer) -> Vec<PathId> {
        let found = observer.take_refreshed();
        for (id, known) in &found {
            match known {
                Known::File(hash) => drop(self.0.insert(*id, *hash)),
                Known::Tree { tree, .. } => drop(self.1.insert(*id, Tree::clone(tree))),
            }
        }
        found.into_iter().map(|(id, _)| id).collect()
    }
}

fn due(id: u32, path: &str) -> Due<'_> {
    Due { id: PathId(id), path, kind: Kind::File }
}

const ID: PathId = PathId(70);

fn file(text: &str) -> Seen {
    Seen::File(Digest::of(text.as_bytes()))
}

fn settle() {
    std::thread::sleep(Duration::from_millis(45));
}

fn write(root: &Path, path: &str, text: &str) {
    let full = root.join(path);
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    fs::write(full, text).unwrap();
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

/// Every entry below `dir`, links not followed.
fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            found.push(entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_string());
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn collect(
    root: &Path,
    dues: &[Due<'_>],
    hasher: &FileHasher,
) -> crate::error::Result<Option<Vec<(PathId, Known)>>> {
    results::collect(root, dues, &look(root, dues)?, hasher)
}

fn faults<'a>(root: &Path, dues: &[Due<'a>]) -> crate::error::Result<Vec<(&'a str, Fault)>> {
    results::faults(root, dues, &look(root, dues)?)
}

#[test]
fn a_file_is_read_once_while_it_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "state/x", "");
    write(dir.path(), "in put\n", "one");
    let mut cache = Cache::default();
    let observer = || Observer::new(dir.path().into(), Some(dir.path().join("state")));
    let first = observer();
    assert_eq!(first.look(ID, "in put\n", &cache).unwrap(), file("one"));
    assert_eq!(cache.learn(&first), [ID]);
    // As if it had been written in the tick of that reading.
    cache.0.get_mut(&ID).unwrap().settled = false;
    settle();
    let second = observer();
    assert_eq!(second.look(ID, "in put\n", &cache).unwrap(), file("one"));
    assert_eq!(cache.learn(&second), [ID], "read once more, and now settled");
    assert!(cache.0[&ID].settled);

    // A cache that lies shows whether the file was read.
    let entry = cache.0.get_mut(&ID).unwrap();
    entry.digest = Digest::of(b"from the cache");
    let third = observer();
    assert_eq!(third.look(ID, "in put\n", &cache).unwrap(), file("from the cache"));
    assert_eq!(cache.learn(&third), []);
    cache.0.get_mut(&ID).unwrap().settled = false;
    assert_eq!(observer().look(ID, "in put\n", &cache).unwrap(), file("one"), "unsettled is not believed");
}

/// Promise: a new output in a directory that is not there, or holds little, costs no look of its own; in others it is looked
/// for.
#[test]
fn nothing_new_is_looked_for_where_no_directory_was() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "old/there", "one");
    let (cache, observer) = (Cache::default(), Observer::new(dir.path().into(), None));
    let look_new = |id, path| observer.look_new(PathId(id), path, &cache).unwrap();
    assert_eq!(look_new(1, "new/deep/a"), Seen::Missing);
    write(dir.path(), "new/deep/b", "by a job of this run");
    assert_eq!(look_new(2, "new/deep/b"), Seen::Missing, "its directory was not there");
    assert_eq!(observer.look(PathId(3), "new/deep/b", &cache).unwrap(), file("by a job of this run"));
    assert_eq!(look_new(3, "new/deep/b"), file("by a job of this run"), "what is known stays");
    assert_eq!((look_new(4, "old/gone"), look_new(5, "old/there")), (Seen::Missing, file("one")));
    write(dir.path(), "old/later", "by a job of this run");
    assert_eq!(look_new(9, "old/later"), Seen::Missing, "it was not in the list");
    (0..65).for_each(|n| write(dir.path(), &format!("full/{n}"), "one"));
    assert_eq!((look_new(10, "full/gone"), look_new(11, "full/64")), (Seen::Missing, file("one")));
    write(dir.path(), "full/gone too", "two");
    assert_eq!(look_new(12, "full/gone too"), file("two"), "too many to list");
    write(dir.path(), "top", "two");
    assert_eq!(look_new(6, "top"), file("two"));
    let is_there = |id, path| observer.stat_new(PathId(id), path).unwrap().is_some();
    assert_eq!(
        (is_there(7, "new/c"), is_there(8, "old/there"), is_there(3, "new/deep/b")),
        (false, true, true)
    );
}

#[test]
fn a_replacement_of_the_same_size_and_time_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x", "old");
    settle();
    let mut cache = Cache::default();
    let observer = || Observer::new(dir.path().into(), Some(dir.path().into()));
    let first = observer();
    first.look(ID, "x", &cache).unwrap();
    cache.learn(&first);
    assert!(cache.0[&ID].settled);
    let time = filetime::FileTime::from_last_modification_time(&fs::metadata(dir.path().join("x")).unwrap());
    write(dir.path(), "y", "new");
    filetime::set_file_mtime(dir.path().join("y"), time).unwrap();
    fs::rename(dir.path().join("y"), dir.path().join("x")).unwrap();
    assert_eq!(observer().look(ID, "x", &cache).unwrap(), file("new"));

    write(dir.path(), "x", "xxx");
    filetime::set_file_mtime(dir.path().join("x"), time).unwrap();
    assert_eq!(observer().look(ID, "x", &cache).unwrap(), file("xxx"), "in place, with the time set back");
}

#[test]
fn a_touched_file_is_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x", "same");
    let mut cache = Cache::default();
    let observer = || Observer::new(dir.path().into(), Some(dir.path().into()));
    let first = observer();
    first.look(ID, "x", &cache).unwrap();
    cache.learn(&first);
    filetime::set_file_mtime(dir.path().join("x"), filetime::FileTime::from_unix_time(5, 0)).unwrap();
    let second = observer();
    assert_eq!(second.look(ID, "x", &cache).unwrap(), file("same"));
    assert_eq!(cache.learn(&second), [ID], "the new signature is worth recording");
}

#[test]
fn a_plan_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x", "x");
    settle();
    let observer = Observer::new(dir.path().into(), None);
    assert_eq!(observer.look(ID, "x", &Cache::default()).unwrap(), file("x"));
    assert_eq!(listing(dir.path()), ["x"]);
    let settled = |known: &Known| matches!(known, Known::File(hash) if hash.settled);
    assert!(!observer.take_refreshed().iter().any(|(_, known)| settled(known)));
}

#[test]
fn what_is_known_stays_until_it_is_forgotten_or_published() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::default();
    let observer = Observer::new(dir.path().into(), Some(dir.path().into()));
    assert_eq!(observer.stat(ID, "x").unwrap(), None);
    assert_eq!(observer.look(ID, "x", &cache).unwrap(), Seen::Missing);
    write(dir.path(), "x", "made");
    assert_eq!(observer.look(ID, "x", &cache).unwrap(), Seen::Missing, "once per run");
    assert!(observer.restat("x").unwrap().is_some_and(|sig| sig.size == 4), "but this asks anew");
    assert_eq!(observer.signature(ID), None);
    let collected = collect(dir.path(), &[due(ID.0, "x")], observer.hasher()).unwrap().unwrap();
    observer.publish(ID, &collected[0].1);
    assert_eq!(observer.look(ID, "x", &cache).unwrap(), file("made"));
    assert_eq!(observer.signature(ID), observer.restat("x").unwrap());
    assert_eq!(observer.take_refreshed(), [], "the caller records what a job made");
    fs::remove_file(dir.path().join("x")).unwrap();
    observer.forget(ID);
    assert_eq!(observer.look(ID, "x", &cache).unwrap(), Seen::Missing);
}

#[test]
fn a_stat_before_a_look_is_used_by_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "d/x", "x");
    let observer = Observer::new(dir.path().into(), None);
    assert!(observer.stat(ID, "d/x").unwrap().is_some());
    assert_eq!(observer.look(ID, "d/x", &Cache::default()).unwrap(), file("x"));
    assert!(observer.stat(PathId(1), "d").unwrap().is_some());
    assert_eq!(observer.look(PathId(1), "d", &Cache::default()).unwrap(), Seen::Directory);
    assert_eq!(observer.look(PathId(2), "d/x/y", &Cache::default()).unwrap(), Seen::Missing);
    assert_eq!(observer.look(PathId(3), "/dev/null", &Cache::default()).unwrap(), Seen::Special);
}

#[test]
fn many_threads_see_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..200).map(|n| format!("f{n}")).collect();
    names.iter().for_each(|name| write(dir.path(), name, name));
    let observer = Observer::new(dir.path().into(), Some(dir.path().into()));
    let cache = Cache::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (n, name) in names.iter().enumerate() {
                    assert_eq!(observer.look(PathId(n as u32), name, &cache).unwrap(), file(name));
                }
            });
        }
    });
    let found: Vec<u32> = observer.take_refreshed().iter().map(|(id, _)| id.0).collect();
    assert_eq!(found, (0..200).collect::<Vec<_>>(), "sorted, each once");
}

fn remove(path: &str) -> PrepareOutput<'_> {
    PrepareOutput { keep: false, ..PrepareOutput::moved(path) }
}

fn keep(path: &str) -> PrepareOutput<'_> {
    PrepareOutput::moved(path)
}

#[test]
fn old_outputs_are_removed_and_foreign_ones_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (root, save) = (dir.path().join("root"), dir.path().join("save"));
    write(&root, "out/old", "made by us");
    write(&root, "out/ed ited\nü", "by hand");
    let outputs = [remove("out/old"), keep("out/ed ited\nü"), remove("new/deep/x"), keep("none")];
    let saved = prepare(&root, &outputs, &save).unwrap();
    assert_eq!(listing(&root), ["new", "new/deep", "out"]);
    assert_eq!(saved.len(), 1);
    assert_eq!(
        (saved[0].path.as_str(), fs::read_to_string(&saved[0].to).unwrap()),
        ("out/ed ited\nü", "by hand".into())
    );
    assert!(saved[0].to.starts_with(&save));
    write(&root, "out/ed ited\nü", "by hand again");
    let again = prepare(&root, &outputs, &save).unwrap();
    assert_eq!(fs::read_to_string(&again[0].to).unwrap(), "by hand again");
    assert_eq!(fs::read_to_string(&saved[0].to).unwrap(), "by hand", "never overwritten");
}

#[test]
fn what_is_not_ours_to_remove_stops_the_job_before_anything_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (root, save) = (dir.path().join("root"), dir.path().join("save"));
    write(&root, "old", "x");
    write(&root, "dir/precious", "x");
    let before = listing(&root);
    for (path, message) in [
        ("dir", "output `dir` is a directory"),
        ("old/below/x", "because `old` is not a directory"),
        ("/dev/null", "output `/dev/null` is a device"),
        (".", "output `.` is a directory"),
    ] {
        for keep in [false, true] {
            let error =
                prepare(&root, &[remove("old"), PrepareOutput { keep, ..remove(path) }], &save).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.to_string().contains("move it away or change the output"), "{error}");
            assert!(error.path().is_some());
            assert_eq!(listing(&root), before);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_unlinked_or_kept_as_a_link_and_never_followed() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(dir.path(), "outside/precious", "x");
    fs::create_dir(&root).unwrap();
    for target in ["../outside/precious", "../outside", "nowhere"] {
        for output in [keep("out"), remove("out")] {
            symlink(target, root.join("out")).unwrap();
            let saved = prepare(&root, &[output], &dir.path().join("save")).unwrap();
            let is_kept = output.keep || target == "nowhere";
            assert_eq!(saved.len(), usize::from(is_kept), "{target}");
            for saved in saved {
                assert_eq!(fs::read_link(saved.to).unwrap().to_str(), Some(target));
            }
            assert_eq!(listing(&root), Vec::<String>::new());
            assert_eq!(read(dir.path(), "outside/precious"), "x");
        }
    }
    symlink("nowhere", root.join("d")).unwrap();
    let error = prepare(&root, &[remove("d/x")], &dir.path().join("save")).unwrap_err();
    assert!(error.to_string().contains("`d` is a link to nowhere"), "{error}");
    symlink("../outside", root.join("scratch")).unwrap();
    prepare(&root, &[remove("scratch/x/y")], &dir.path().join("save")).unwrap();
    assert!(dir.path().join("outside/x").is_dir(), "a linked directory for outputs is the user's wish");
}

#[test]
fn outputs_that_are_not_there_or_no_files_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "empty", "");
    write(dir.path(), "dir/x", "x");
    let hasher = FileHasher::new(Some(dir.path()));
    let outputs = [due(0, "empty"), due(1, "none"), due(2, "dir"), due(3, "/dev/null")];
    let found = faults(dir.path(), &outputs).unwrap();
    let expected =
        [("none", Fault::Missing), ("dir", Fault::Directory), ("/dev/null", Fault::Special("a device"))];
    assert_eq!(found, expected);
    assert_eq!(collect(dir.path(), &outputs, &hasher).unwrap(), None, "not all are there");
    let good = collect(dir.path(), &outputs[..1], &hasher).unwrap().unwrap();
    assert_eq!((good[0].0, good[0].1.digest()), (PathId(0), Digest::of(b"")));

    let directory = |path| Due { kind: Kind::Directory, ..due(4, path) };
    assert_eq!(
        faults(dir.path(), &[directory("dir"), directory("empty")]).unwrap(),
        [("empty", Fault::File)]
    );
    let tree = collect(dir.path(), &[directory("dir")], &hasher).unwrap().unwrap();
    assert!(matches!(&tree[0].1, Known::Tree { tree, .. } if tree.find(b"x").is_some()));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
        let dangling = Fault::Dangling { to: "nowhere".into() };
        assert_eq!(faults(dir.path(), &[due(5, "link")]).unwrap(), [("link", dangling)]);
    }
}

#[test]
fn old_directories_are_removed_or_saved_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (root, save) = (dir.path().join("root"), dir.path().join("save"));
    write(&root, "ours/a/x", "1");
    write(&root, "theirs/a/x", "2");
    write(&root, "file", "3");
    let directory = |output: PrepareOutput<'static>| PrepareOutput { directory: true, ..output };
    let outputs = [
        directory(remove("ours")),
        directory(keep("theirs")),
        directory(remove("file")),
        directory(keep("new/d")),
    ];
    let saved = prepare(&root, &outputs, &save).unwrap();
    assert_eq!(listing(&root), ["new"]);
    assert_eq!(saved.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(fs::read_to_string(saved[0].to.join("a/x")).unwrap(), "2");
    for path in [".", "..", "new/.."] {
        let error = prepare(&root, &[directory(remove(path))], &save).unwrap_err();
        assert!(error.to_string().contains("or above it"), "{error}");
    }
    assert_eq!(listing(&root), ["new"]);
}

#[cfg(unix)]
#[test]
fn an_old_directory_is_not_removed_through_a_link() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(dir.path(), "outside/precious", "x");
    fs::create_dir_all(root.join("made")).unwrap();
    symlink("../../outside", root.join("made/inner")).unwrap();
    symlink("../outside", root.join("out")).unwrap();
    let directory = |path| PrepareOutput { directory: true, ..remove(path) };
    prepare(&root, &[directory("made"), directory("out")], &dir.path().join("save")).unwrap();
    assert_eq!(listing(&root), Vec::<String>::new());
    assert_eq!(read(dir.path(), "outside/precious"), "x");
}

#[test]
fn a_tree_is_looked_at_once_and_not_read_while_it_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "state/x", "");
    write(dir.path(), "d/a/x", "one");
    settle();
    let mut cache = Cache::default();
    let observer = || Observer::new(dir.path().into(), Some(dir.path().join("state")));
    let tree = |observer: &Observer, cache: &Cache| observer.tree(ID, "d", cache).unwrap().unwrap();
    let first = observer();
    assert_eq!(first.look(ID, "d", &cache).unwrap(), Seen::Directory);
    let one = tree(&first, &cache);
    assert_eq!(cache.learn(&first), [ID]);
    let second = observer();
    assert_eq!(tree(&second, &cache).digest(), one.digest());
    assert_eq!(cache.learn(&second), [], "nothing new to record");
    write(dir.path(), "d/a/y", "two");
    assert_eq!(tree(&second, &cache).digest(), one.digest(), "once per run");
    second.forget(ID);
    let two = tree(&second, &cache);
    assert_ne!(two.digest(), one.digest());
    assert_eq!(cache.learn(&second), [ID]);
    fs::remove_dir_all(dir.path().join("d")).unwrap();
    assert_eq!(observer().tree(ID, "d", &cache).unwrap(), None);
}

#[test]
fn partial_outputs_are_moved_away_and_large_ones_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (root, dest) = (dir.path().join("root"), dir.path().join("dest"));
    write(&root, "a/part", "par");
    write(&root, "a/large", "more than ten bytes");
    write(&root, "tree/x", "x");
    write(dir.path(), "beside", "b");
    let outputs = ["a/part", "a/large", "none", "tree", "../beside", ".", "..", "/dev/null"];
    let moved = quarantine_up_to(&root, &dest, &outputs, 10).unwrap();
    assert_eq!(moved, ["a/part", "tree", "../beside"]);
    assert_eq!(listing(&root), ["a"]);
    assert_eq!(listing(&dest), ["a", "a/part", "outside%..%beside", "tree", "tree/x"]);
    assert_eq!(read(&dest, "a/part"), "par");
    assert!(Path::new("/dev/null").exists());
    assert_eq!(quarantine(&root, &dest, &outputs[..6]).unwrap(), Vec::<String>::new());
}

#[test]
fn one_output_that_cannot_be_moved_does_not_keep_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(&root, "state/x", "");
    write(&root, "b", "b");
    let error = quarantine(&root, &root.join("state/q"), &["state", "b"]).unwrap_err();
    assert!(error.to_string().contains("state"), "a directory does not fit into itself: {error}");
    assert_eq!(read(&root, "state/q/b"), "b");
}

#[test]
fn made_files_and_their_empty_directories_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    for path in ["a/b/c/x", "a/b/y", "a/b-c/z", "a-b/x", "top", "kept/x", "kept/source", "dir/inner/x"] {
        write(&root, path, "x");
    }
    write(dir.path(), "outside", "x");
    let paths =
        ["a/b/c/x", "a/b/y", "a/b-c/z", "a-b/x", "top", "kept/x", "none/x", "dir/inner", "../outside", "."];
    let removed = remove_made(&root, &paths, |_| Ok(false)).unwrap();
    assert_eq!(removed.files, 6);
    assert_eq!(removed.skipped, ["dir/inner", "../outside", "."]);
    assert_eq!(listing(&root), ["dir", "dir/inner", "dir/inner/x", "kept", "kept/source"]);
    assert!(root.exists() && dir.path().join("outside").exists());
    fs::remove_dir_all(&root).unwrap();
    write(&root, "x", "x");
    write(&root, "d/e/x", "x");
    let removed = remove_made(&root, &["x", "d/e", "."], |path| Ok(path != "x")).unwrap();
    assert_eq!((removed.files, removed.skipped), (2, vec![".".to_string()]), "the root is nobody's output");
    assert_eq!(listing(&root), Vec::<String>::new(), "whole directories that jobs made");
    assert!(root.exists(), "the root stays");
}

#[cfg(unix)]
#[test]
fn cleaning_does_not_leave_the_root_through_a_link() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(&root, "real/x", "x");
    write(dir.path(), "outside/sub/x", "x");
    symlink("../outside", root.join("out")).unwrap();
    symlink("real", root.join("in")).unwrap();
    symlink(dir.path().join("outside/sub/x"), root.join("link")).unwrap();
    let removed = remove_made(&root, &["out/sub/x", "in/x", "link"], |_| Ok(true)).unwrap();
    assert_eq!((removed.files, removed.skipped), (2, vec!["out/sub/x".to_string()]));
    assert_eq!(read(dir.path(), "outside/sub/x"), "x");
    assert_eq!(listing(&root), ["in", "out", "real"], "a link to a directory is not an empty directory");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever an output is called, moving it away stays inside the destination and loses nothing.
    #[test]
    fn quarantine_never_escapes(parts in prop::collection::vec(prop_oneof![Just("..".to_string()), Just("a".to_string()), "[ -~ü\n]{1,12}"], 1..6)) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("w/x/y/z/q/root");
        fs::create_dir_all(&root).unwrap();
        let path = crate::base::path::normalise(&parts.join("/")).into_owned();
        prop_assume!(!path.starts_with('/') && fs::symlink_metadata(root.join(&path)).is_err());
        let full = root.join(&path);
        if fs::create_dir_all(full.parent().unwrap()).is_err() || fs::write(&full, "text").is_err() {
            return Ok(());
        }
        let dest = dir.path().join("dest");
        prop_assert_eq!(quarantine(&root, &dest, &[&path]).unwrap(), [path.clone()]);
        prop_assert!(fs::symlink_metadata(&full).is_err());
        let files: Vec<String> = listing(dir.path()).into_iter().filter(|p| dir.path().join(p).is_file()).collect();
        prop_assert_eq!(files.len(), 1);
        prop_assert!(files[0].starts_with("dest/"));
    }
}

/// Whether some file under `dir` has this content.
fn is_anywhere(dir: &Path, content: &str) -> bool {
    let mut todo = vec![dir.to_path_buf()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if fs::read_to_string(path).is_ok_and(|text| text == content) {
            return true;
        }
    }
    false
}

#[test]
fn at_whatever_effect_clearing_the_way_fails_or_dies_nothing_of_the_user_is_lost() {
    each_fault(|fault, under| {
        let dir = tempfile::tempdir().unwrap();
        let (root, saved) = (dir.path().join("root"), dir.path().join("saved"));
        fs::create_dir_all(root.join("a")).unwrap();
        for (path, text) in [("a/mine", "mine"), ("a/made", "made")] {
            fs::write(root.join(path), text).unwrap();
        }
        let output = |path, keep| PrepareOutput { keep, ..PrepareOutput::moved(path) };
        let outputs = [output("a/made", false), output("a/mine", true), output("new/deep/x", false)];
        let mut is_clear = false;
        under(&mut || is_clear = prepare(&root, &outputs, &saved).is_ok());
        assert!(is_anywhere(dir.path(), "mine"), "{fault:?}");
        // Whether it says so or not, the next attempt clears what is left.
        if !is_clear {
            prepare(&root, &outputs, &saved).unwrap();
        }
        assert!(is_anywhere(&saved, "mine") && root.join("new/deep").is_dir(), "{fault:?}");
        assert!(!root.join("a/made").exists() && !root.join("a/mine").exists(), "{fault:?}");
    });
}

#[test]
fn at_whatever_effect_taking_away_fails_or_dies_what_is_said_to_be_away_is() {
    each_fault(|fault, under| {
        let dir = tempfile::tempdir().unwrap();
        let (root, away) = (dir.path().join("root"), dir.path().join("away"));
        for (path, text) in [("a/x", "x"), ("d/y", "y"), ("z", "z")] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        let outputs = ["a/x", "d", "z"];
        let mut is_said = false;
        under(&mut || is_said = quarantine(&root, &away, &outputs).is_ok());
        let left: Vec<&str> = outputs.into_iter().filter(|path| root.join(path).exists()).collect();
        assert!(!is_said || left.is_empty(), "{fault:?}: {left:?}");
        if fault == Injected::Once {
            assert!(left.len() <= 1, "one that fails keeps no other from going: {left:?}");
        }
        assert!(["x", "y", "z"].iter().all(|text| is_anywhere(dir.path(), text)), "{fault:?}");
    });
}
