//! A disk that is really full: a small file system of its own, with room for so much and no more when a run starts.
//! Promises: the run says that there is no space and where; what it says it made is right; and once there is room again,
//! the next run without a flag ends in the right result.
//!
//! Needs `unshare` and a machine that lets users mount; else it says so.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use support::{Case, program};

/// Outputs of three pages, one that is changed in place, one that is edited, one in a directory of its own.
const RULEFILE: &str = "\
rule all:
    input: expand('big/{i}', i=range(4)), 'sum', 'edited', 'apart'

rule big:
    input: 'in'
    output: 'big/{i}'
    shell: 'cat {input} big.txt > {output}'

rule sum:
    input: 'in'
    output: update('sum')
    shell: 'cat {input} big.txt >> {output}'

rule edited:
    input: 'in'
    output: 'edited'
    shell: 'cat {input} big.txt > {output}'

rule apart:
    input: 'in', 'big.txt'
    output: 'apart'
    shadow: 'copy-minimal'
    shell: 'cat {input} > {output}'
";

/// For each limit: a new file system, filled up to the limit, a run, room, two runs. `$1` is the binary, `$2` the place
/// to mount at, `$3` what to copy, `$4` where to write, `$5` what is limited, and then the limits.
const SCRIPT: &str = r#"
bin=$1 mnt=$2 from=$3 to=$4 what=$5; shift 5
for room; do
    mount -t tmpfs -o size=8m tmpfs "$mnt" || exit 77
    cp -a "$from/." "$mnt/" && cd "$mnt"
    if [ "$what" = size ]; then
        used=$(df -k --output=used . | tail -n 1)
        mount -o "remount,size=$((used + room))k" "$mnt" || exit 77
    else
        used=$(df --output=iused . | tail -n 1)
        mount -o "remount,nr_inodes=$((used + room))" "$mnt" || exit 77
    fi
    "$bin" -k -j2 > /dev/null 2> "$to/$room.full"; echo "$?" > "$to/$room.code"
    mount -o remount,size=8m,nr_inodes=10000 "$mnt" || exit 77
    "$bin" --json > "$to/$room.next" 2>&1 || echo "next failed" >> "$to/$room.bad"
    for file in big/0 big/1 big/2 big/3 edited apart; do
        cat in big.txt | cmp - $file >> "$to/$room.bad" 2>&1
    done
    { echo start; echo 0; cat big.txt; cat in big.txt; } | cmp - sum >> "$to/$room.bad" 2>&1
    grep -rqx mine . || echo "what the user wrote is lost" >> "$to/$room.bad"
    "$bin" --json > "$to/$room.further" 2>&1 || echo "further failed" >> "$to/$room.bad"
    ! grep -q job-started "$to/$room.further" || echo "further did something" >> "$to/$room.bad"
    cd / && umount "$mnt" || exit 77
done
"#;

fn before() -> Case {
    let case = Case::new().rulefile(RULEFILE).file("in", "0\n").file("sum", "start\n");
    let case = case.file("big.txt", &"0123456789abcde\n".repeat(700)).run(&[]);
    case.file("in", "1\n").file("edited", "mine\n")
}

/// By limit: exit code and words of the run that had no room. Panics when what followed was not right.
#[track_caller]
fn all_limits(what: &str, limits: impl Iterator<Item = u32>) -> Option<BTreeMap<u32, (i32, String)>> {
    let case = before();
    let [mnt, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let limits: Vec<String> = limits.map(|limit| limit.to_string()).collect();
    let mut command = program("unshare");
    command.args(["-Urm", "sh", "-c", SCRIPT, "sh", env!("CARGO_BIN_EXE_rulemake")]);
    command.args([mnt.path(), case.root(), to.path()]).arg(what).args(&limits).env("NO_COLOR", "1");
    let output = command.output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && fs::read_dir(to.path()).unwrap().next().is_none() {
        eprintln!("nothing can be mounted here: {said}");
        return None;
    }
    assert!(output.status.success(), "{said}");
    let read = |room: &str, name: &str| fs::read_to_string(to.path().join(format!("{room}.{name}"))).unwrap();
    let one = |room: &String| {
        let bad = read(room, "bad");
        let (full, next, further) = (read(room, "full"), read(room, "next"), read(room, "further"));
        assert!(
            bad.is_empty(),
            "{what} {room}: {bad}\n-- full: {full}\n-- next: {next}\n-- further: {further}"
        );
        assert!(!full.contains("panicked"), "{what} {room}: {full}");
        (room.parse().unwrap(), (read(room, "code").trim().parse().unwrap(), full))
    };
    Some(limits.iter().map(one).collect())
}

/// Whoever ran out of room is told so, and whoever did not made all.
#[track_caller]
fn told(what: &str, limits: &BTreeMap<u32, (i32, String)>) {
    for (room, (code, said)) in limits {
        let is_said = ["No space left on device", "the disk is full"].iter().any(|part| said.contains(part));
        assert_eq!(*code != 0, is_said, "{what} {room}: {code}\n{said}");
    }
    assert!(limits.values().next().is_some_and(|(code, _)| *code != 0), "the least room is too little");
    assert!(
        limits.values().next_back().is_some_and(|(code, _)| *code == 0),
        "the most is enough: {limits:?}"
    );
}

#[test]
fn a_run_without_room_says_so_and_the_next_with_room_is_right() {
    if let Some(limits) = all_limits("size", (0..=160).step_by(8)) {
        told("size", &limits);
    }
}

#[test]
fn a_run_without_room_for_names_says_so_and_the_next_with_room_is_right() {
    if let Some(limits) = all_limits("inodes", 0..=40) {
        told("inodes", &limits);
    }
}
