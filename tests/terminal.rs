//! The live area as a terminal shows it, at 40, 48, 80 and 200 columns, and the keys that people type under it.
//! With tmux, which is a terminal that tells what is on its screen; without it there is nothing to look at.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Case;

const PATIENCE: Duration = Duration::from_secs(30);

struct Terminal {
    socket: String,
    /// Where the socket lies: it must outlast the case, or nobody could end the server.
    _directory: tempfile::TempDir,
}

impl Terminal {
    /// A shell in a terminal of so many columns, in the case's directory; `None` without tmux.
    fn open(case: &Case, columns: u32) -> Option<Terminal> {
        let is_there =
            Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
        if !is_there {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("terminal").to_string_lossy().into_owned();
        let terminal = Terminal { socket, _directory: directory };
        let columns = columns.to_string();
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_rulemake")).parent().unwrap();
        let shell = format!(
            "env -u NO_COLOR -u MAKEFLAGS -u RULEMAKE_JOBS PS1='> ' PATH='{}':\"$PATH\" bash --norc --noprofile",
            binary.display()
        );
        let root = case.root().to_string_lossy();
        let words = ["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", "20", "-c", &root, &shell];
        terminal.tmux(&words);
        terminal.until(|screen| screen.starts_with('>'));
        Some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = Command::new("tmux").args(["-S", &self.socket]).args(words).output().unwrap();
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
     0 s  align out/a/...rted_deduplicated.txt
     0 s  align out/a/...rted_deduplicated.txt
     0 s  align out/a/...rted_deduplicated.txt
=====>                 1/4  3 running, 1 failed";

const AREA_40: &str = "\
> rulemake -j9 -k
[1/4] FAILED bad bad: exit 3
     0 s  align out...deduplicated.txt
     0 s  align out...deduplicated.txt
     0 s  align out...deduplicated.txt
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
        assert_eq!(terminal.until(|screen| screen.contains("1 failed")), area);
        let _case = case.file("go", "");
        let screen = terminal.until(|screen| screen.ends_with("\n>"));
        if columns < 80 {
            // Lines that stay are not cut: they go on in the next row.
            assert!(screen.ends_with("3 ran, 1 failed in 0 s\n>"), "{screen}");
            continue;
        }
        assert!(screen.ends_with(END), "{screen}");
        // The line that was typed, four of jobs, and nothing of the area.
        let starts =
            ["> rulemake", "[1/4] FAILED bad", "[2/4] done align", "[3/4] done align", "[4/4] done align"];
        let above: Vec<&str> = screen.strip_suffix(END).unwrap().lines().collect();
        let is_start = |(line, start): (&&str, &str)| line.starts_with(start);
        // Where they do not fit they go on in the next row.
        assert!(columns == 80 || above.iter().zip(starts).all(is_start) && above.len() == 5, "{screen}");
    }
}

#[test]
fn a_narrower_terminal_gets_shorter_lines() {
    let case = case();
    let Some(terminal) = Terminal::open(&case, 120) else { return };
    terminal.line("rulemake -j9 -k");
    terminal.until(|screen| screen.contains("1 failed"));
    terminal.tmux(&["resize-window", "-x", "80"]);
    let last: Vec<&str> = AREA_80.lines().skip(2).collect();
    terminal.until(|screen| screen.ends_with(&last.join("\n")));
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
