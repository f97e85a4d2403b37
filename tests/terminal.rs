//! The live area as a terminal shows it, at 40, 48, 80 and 200 columns, and the keys that people type under it.
//! With tmux, which is a terminal that tells what is on its screen; without it there is nothing to look at.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Case, PATIENCE, program};

struct Terminal {
    socket: String,
    /// Where the socket lies: it must outlast the case, or nobody could end the server.
    _directory: tempfile::TempDir,
}

impl Terminal {
    /// A shell in a terminal of so many columns, in the case's directory; `None` without tmux.
    fn open(case: &Case, columns: u32) -> Option<Terminal> {
        Terminal::of_size(case, columns, 20)
    }

    fn of_size(case: &Case, columns: u32, rows: u32) -> Option<Terminal> {
        let is_there =
            Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
        if !is_there {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("terminal").to_string_lossy().into_owned();
        let terminal = Terminal { socket, _directory: directory };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_rulemake")).parent().unwrap();
        let shell = format!(
            "env -u CI -u NO_COLOR -u MAKEFLAGS -u RULEMAKE_JOBS PS1='> ' PATH='{}':\"$PATH\" bash --norc --noprofile",
            binary.display()
        );
        let root = case.root().to_string_lossy();
        let words =
            ["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, "-c", &root, &shell];
        terminal.tmux(&words);
        terminal.until(|screen| screen.starts_with('>'));
        Some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = program("tmux").args(["-S", &self.socket]).args(words).output().unwrap();
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn key(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.key("Enter");
    }

    /// The screen once it is as it should be, with times that are the same each time.
    #[track_caller]
    fn until(&self, holds: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let screen = settled(self.tmux(&["capture-pane", "-p"]).trim_end());
            if holds(&screen) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "the screen stays\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).output();
    }
}

/// `3 s` and `0.05 s` as `0 s`, in their columns where jobs are listed.
fn settled(screen: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let is_time = |i: usize| {
            let unit = words.get(i + 1).is_some_and(|unit| matches!(unit.trim_end_matches(')'), "s" | "ms"));
            unit && words[i].parse::<f64>().is_ok()
        };
        let words = (0..words.len()).map(|i| match words[i] {
            _ if is_time(i) => "0".into(),
            "ms" => "s".into(),
            word => word.into(),
        });
        let line = words.collect::<Vec<String>>().join(" ");
        // Longer times stand further left.
        match line.trim_start() {
            job if job.starts_with("0 s  ") => format!("     {job}"),
            _ => line,
        }
    };
    screen.lines().map(str::trim_end).map(line).collect::<Vec<_>>().join("\n")
}

/// Jobs that last until they are told to go on, and one that fails.
fn case() -> Case {
    Case::new().rulefile(
        "rule all:\n    input: expand('out/a/rather/deep/directory/of/samples/{n}_filtered_sorted_deduplicated.txt', n=range(3)), 'bad'\n\
         rule align:\n    output: 'out/a/rather/deep/directory/of/samples/{n}_filtered_sorted_deduplicated.txt'\n    \
             shell: \"trap '' INT TERM; while [ ! -e go ]; do sleep 0.05; done; touch {output}\"\n\
         rule bad:\n    output: 'bad'\n    shell: 'sleep 0.3; echo oh; exit 3'\n",
    )
}

const AREA_80: &str = "\
> rulemake -j9 -k
[1/4] FAILED bad bad: exit 3
     0 s  align out/a/rather/dee.../samples/0_filtered_sorted_deduplicated.txt
     0 s  align out/a/rather/dee.../samples/1_filtered_sorted_deduplicated.txt
     0 s  align out/a/rather/dee.../samples/2_filtered_sorted_deduplicated.txt
======>                  1/4  3 running, 1 failed";

const AREA_48: &str = "\
> rulemake -j9 -k
[1/4] FAILED bad bad: exit 3
     0 s  align n=0
     0 s  align n=1
     0 s  align n=2
=====>                 1/4  3 running, 1 failed";

const AREA_40: &str = "\
> rulemake -j9 -k
[1/4] FAILED bad bad: exit 3
     0 s  align n=0
     0 s  align n=1
     0 s  align n=2
===>           1/4  3 running, 1 failed";

const AREA_200: &str = "\
> rulemake -j9 -k
[1/4] FAILED bad bad: exit 3
     0 s  align out/a/rather/deep/directory/of/samples/0_filtered_sorted_deduplicated.txt
     0 s  align out/a/rather/deep/directory/of/samples/1_filtered_sorted_deduplicated.txt
     0 s  align out/a/rather/deep/directory/of/samples/2_filtered_sorted_deduplicated.txt
======>                  1/4  3 running, 1 failed";

const END: &str = "

error: bad bad failed: exit 3
  command:
    sleep 0.3; echo oh; exit 3
  end of its log:
    oh
  log: .rulemake/runs/1/jobs/4.log
  rerun: rulemake bad

3 ran, 1 failed in 0 s
>";

#[test]
fn the_live_area_fits_the_terminal_and_leaves_nothing_behind() {
    for (columns, area) in [(40, AREA_40), (48, AREA_48), (80, AREA_80), (200, AREA_200)] {
        let case = case();
        let Some(terminal) = Terminal::open(&case, columns) else { return };
        terminal.line("rulemake -j9 -k");
        terminal.until(|screen| screen == area);
        let _case = case.file("go", "");
        let screen = terminal.until(|screen| screen.ends_with("\n>"));
        if columns < 80 {
            // Lines that stay are not cut: they go on in the next row.
            assert!(screen.ends_with("3 ran, 1 failed in 0 s\n>"), "{screen}");
            continue;
        }
        assert!(screen.ends_with(END), "{screen}");
        // The line that was typed, the one that failed, and nothing of the area.
        assert_eq!(screen.strip_suffix(END), Some("> rulemake -j9 -k\n[1/4] FAILED bad bad: exit 3"));
    }
}

/// Lines that the terminal broke when it was made narrower go with the others, and nothing that stays goes with them.
#[test]
fn the_area_survives_other_sizes_of_the_terminal() {
    let case = case();
    let Some(terminal) = Terminal::open(&case, 120) else { return };
    terminal.line("clear; seq 30; rulemake -j9 -k");
    terminal.until(|screen| screen.contains("1 failed"));
    let jobs = |screen: &str| screen.lines().filter(|line| line.contains(" 0 s  align")).count();
    for (columns, area) in
        [("48", AREA_48), ("100", AREA_200), ("40", AREA_40), ("80", AREA_80), ("200", AREA_200)]
    {
        terminal.tmux(&["resize-window", "-x", columns]);
        let last: Vec<&str> = area.lines().skip(1).collect();
        let expected = format!("30\n{}", last.join("\n"));
        let screen = terminal.until(|screen| screen.ends_with(&expected));
        assert_eq!(jobs(&screen), 3, "{columns}: {screen}");
    }
    // Back before anything was drawn anew.
    for columns in ["45", "100", "60", "200"] {
        terminal.tmux(&["resize-window", "-x", columns]);
    }
    std::thread::sleep(Duration::from_millis(700));
    let last: Vec<&str> = AREA_200.lines().skip(1).collect();
    let expected = format!("30\n{}", last.join("\n"));
    let screen = terminal.until(|screen| screen.ends_with(&expected));
    assert_eq!(jobs(&screen), 3, "{screen}");
    let _case = case.file("go", "");
    terminal.until(|screen| screen.ends_with("3 ran, 1 failed in 0 s\n>"));
}

/// However low it is, the bar stays.
#[test]
fn a_low_terminal_shows_the_bar_and_as_many_jobs_as_have_room() {
    let case = case().edit("Rulefile", "range(3)", "range(9)");
    let Some(terminal) = Terminal::of_size(&case, 80, 8) else { return };
    terminal.line("clear; rulemake -j12 -k");
    let job =
        |n| format!("     0 s  align out/a/rather/dee.../samples/{n}_filtered_sorted_deduplicated.txt\n");
    let jobs: String = (0..5).map(job).collect();
    let bar = "==>                      1/10  9 running, 1 failed";
    let failed = "[1/10] FAILED bad bad: exit 3";
    let expected = format!("{failed}\n{jobs}          and 4 more\n{bar}");
    terminal.until(|screen| screen == expected.replace("[1/10]", "[ 1/10]"));
    terminal.tmux(&["resize-window", "-x", "60", "-y", "4"]);
    terminal.until(|screen| screen.ends_with(&format!("     0 s  align n=0\n          and 8 more\n{bar}")));
    terminal.tmux(&["resize-window", "-x", "18", "-y", "3"]);
    terminal.until(|screen| screen.ends_with("\n1/10  1 failed") || screen == "1/10  1 failed");
    let _case = case.file("go", "");
    terminal.until(|screen| screen.ends_with("\n>"));
}

/// Who has the terminal now is not written over.
#[test]
fn nothing_is_drawn_while_the_run_is_in_the_background() {
    let case = case();
    let Some(terminal) = Terminal::open(&case, 80) else { return };
    terminal.line("rulemake -j9 -k &");
    terminal.until(|screen| screen.contains("FAILED"));
    std::thread::sleep(Duration::from_millis(400));
    terminal.line("echo mine");
    let screen = terminal.until(|screen| screen.contains("\nmine\n>"));
    assert!(!screen.contains("running") && !screen.contains(" 0 s  align"), "{screen}");
    terminal.line("fg");
    let last: Vec<&str> = AREA_80.lines().skip(2).collect();
    terminal.until(|screen| screen.ends_with(&last.join("\n")));
    terminal.key("C-z");
    terminal.until(|screen| screen.ends_with("\n>"));
    terminal.line("bg");
    std::thread::sleep(Duration::from_millis(600));
    terminal.line("echo again");
    let screen = terminal.until(|screen| screen.ends_with("\nagain\n>"));
    assert!(!screen.contains("running"), "{screen}");
    let _case = case.file("go", "");
    terminal.until(|screen| screen.contains("3 ran, 1 failed in"));
}

#[test]
fn more_is_told_above_the_area_and_in_ci_there_is_none() {
    let case = case().edit("Rulefile", "range(3)", "range(1)");
    let Some(terminal) = Terminal::open(&case, 200) else { return };
    terminal.line("clear; CI=true rulemake -j9 -k");
    terminal.until(|screen| screen == "[1/2] FAILED bad bad: exit 3");
    std::thread::sleep(Duration::from_millis(400));
    terminal.until(|screen| screen == "[1/2] FAILED bad bad: exit 3");
    terminal.key("C-c");
    terminal.key("C-c");
    terminal.until(|screen| screen.ends_with("\n>"));
    terminal.line("clear; rulemake -j9 -k -v");
    let title = "align out/a/rather/deep/directory/of/samples/0_filtered_sorted_deduplicated.txt";
    let screen = terminal.until(|screen| screen.contains("FAILED") && screen.contains("running, 1 failed"));
    let lines: Vec<&str> = screen.lines().collect();
    let [starts @ .., failed, job, bar] = lines.as_slice() else { panic!("{screen}") };
    assert!(starts.len() == 2 && starts.iter().all(|line| line.starts_with("start ")), "{screen}");
    assert_eq!(*failed, "[1/2] FAILED bad bad: exit 3");
    assert_eq!(*job, format!("     0 s  {title}"));
    assert_eq!(*bar, "============>            1/2  1 running, 1 failed");
    let _case = case.file("go", "");
    terminal.until(|screen| screen.contains("1 ran, 1 failed in"));
}

#[test]
fn ctrl_z_clears_the_area_and_fg_brings_it_back() {
    let case = case();
    let Some(terminal) = Terminal::open(&case, 80) else { return };
    terminal.line("rulemake -j9 -k");
    terminal.until(|screen| screen.contains("1 failed"));
    terminal.key("C-z");
    let stopped = terminal.until(|screen| screen.ends_with("\n>"));
    let expected =
        "> rulemake -j9 -k\n[1/4] FAILED bad bad: exit 3\n\n[1]+  Stopped                 rulemake -j9 -k\n>";
    assert_eq!(stopped, expected);
    terminal.line("fg");
    let last: Vec<&str> = AREA_80.lines().skip(2).collect();
    terminal.until(|screen| screen.ends_with(&last.join("\n")));
    let _case = case.file("go", "");
    terminal.until(|screen| screen.contains("3 ran, 1 failed in") && screen.ends_with("\n>"));
}

#[test]
fn ctrl_c_asks_and_a_second_one_kills() {
    let case = case().edit("Rulefile", ", 'bad'", "");
    let Some(terminal) = Terminal::open(&case, 80) else { return };
    terminal.line("rulemake -j9; echo code $?");
    let jobs: Vec<&str> = AREA_80.lines().skip(2).take(3).collect();
    let area = format!("{}\n                         0/3  3 running", jobs.join("\n"));
    terminal.until(|screen| screen.ends_with(&area));
    terminal.key("C-c");
    let asked = "stopping: 3 jobs asked to end (Ctrl-C again kills them)\n";
    terminal.until(|screen| screen.ends_with(&format!("{asked}{area}")));
    terminal.key("C-c");
    let end = format!("{asked}killing 3 jobs\n0 ran, 3 stopped in 0 s\ncode 130\n>");
    let screen = terminal.until(|screen| screen.ends_with("\n>"));
    assert!(screen.ends_with(&end), "{screen}");
}
