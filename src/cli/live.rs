//! Lines at the end of what a terminal shows that change in place, with lines that stay above them.
//!
//! Between two drawings the cursor rests at the beginning of the last of these lines: so it is known where they begin even
//! after the terminal was made narrower and has broken them, and what the terminal echoes of a key goes over a line
//! that is drawn again anyway. Nothing is drawn while somebody else has the terminal.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr;

/// What a terminal has that does not say it.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };
/// So long the terminal has one size before anything is drawn in it: while it is changed by a mouse, it may be
/// narrower than it says.
const SETTLES: Duration = Duration::from_millis(350);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

pub(crate) struct Live {
    /// The columns that each of the lines takes that are on the screen.
    drawn: Vec<usize>,
    /// As they are on the screen.
    text: String,
    /// Lines that stay and are not there yet.
    above: Vec<String>,
    size: Size,
    resized: Option<Instant>,
    /// Whether lines that are too wide go on in the next row when the terminal gets narrower.
    reflows: bool,
    rests: bool,
}

impl Live {
    pub(crate) fn new() -> Live {
        Live {
            drawn: Vec::new(),
            text: String::new(),
            above: Vec::new(),
            size: size(),
            resized: None,
            reflows: reflows(),
            rests: false,
        }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Lines that stay, from the next drawing on.
    pub(crate) fn above(&mut self, lines: &[String]) {
        self.above.extend(lines.iter().cloned());
    }

    /// Whether the terminal is ours and has come to rest; looks how large it is.
    pub(crate) fn is_ready(&mut self) -> bool {
        let now = size();
        if now != self.size {
            self.size = now;
            self.resized = Some(Instant::now());
        }
        if self.resized.is_some_and(|at| at.elapsed() < SETTLES) || self.rests {
            return false;
        }
        if self.resized.take().is_some() {
            // What is on the screen is not what was drawn.
            self.text.clear();
        }
        true
    }

    /// Shows these lines instead of those before, when it is ready.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        if !self.is_ready() {
            return;
        }
        if lines.is_empty() {
            return self.clear();
        }
        if !is_in_foreground() {
            // Who has the terminal now may have written below.
            self.drawn.clear();
            self.text.clear();
            return self.flush();
        }
        let text = lines.join("\x1b[K\r\n");
        if text == self.text && self.above.is_empty() {
            return;
        }
        // Where the same rows are written again nothing is removed first: that would be seen.
        let is_same = !self.text.is_empty() && self.drawn.len() == lines.len() && self.above.is_empty();
        let mut out = if is_same { up(lines.len() - 1) } else { self.erased() };
        for line in self.above.drain(..) {
            out.push_str(&line);
            out.push('\n');
        }
        // A line that is wider than the terminal is cut by it.
        out.push_str("\x1b[?7l");
        out.push_str(&text);
        out.push_str("\x1b[K\r\x1b[?7h");
        write(&out);
        self.drawn =
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string().width()).collect();
        self.text = text;
    }

    /// Removes the lines until they are drawn again, and says what is to stay.
    pub(crate) fn clear(&mut self) {
        self.size = size();
        let out = self.erased();
        write(&out);
        self.flush();
    }

    /// Draws nothing until [`Live::go_on`].
    pub(crate) fn rest(&mut self) {
        self.clear();
        self.rests = true;
    }

    pub(crate) fn go_on(&mut self) {
        self.rests = false;
    }

    fn flush(&mut self) {
        let lines: String = self.above.drain(..).map(|line| line + "\n").collect();
        write(&lines);
    }

    /// What removes the lines from the screen, and leads to where they began.
    fn erased(&mut self) -> String {
        self.text.clear();
        let columns = if self.reflows { self.size.columns.max(1) } else { usize::MAX };
        let rows =
            |widths: &[usize]| widths.iter().map(|width| width.div_ceil(columns).max(1)).sum::<usize>();
        let drawn = std::mem::take(&mut self.drawn);
        let Some((_, before)) = drawn.split_last() else { return String::new() };
        // Row by row: what is removed from the first row of the screen on in one go, some terminals keep.
        let (before, all) = (rows(before), rows(&drawn));
        let removed = vec!["\x1b[2K"; all].join("\x1b[1B");
        up(before) + &removed + &up(all - 1)
    }
}

/// To the beginning of the row so many above.
fn up(rows: usize) -> String {
    match rows {
        0 => "\r".into(),
        rows => format!("\r\x1b[{rows}A"),
    }
}

#[cfg(unix)]
fn is_in_foreground() -> bool {
    crate::sys::is_in_foreground()
}

/// There are no jobs of a terminal.
#[cfg(not(unix))]
fn is_in_foreground() -> bool {
    true
}

fn write(text: &str) {
    if !text.is_empty() {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

fn size() -> Size {
    let found = terminal_size::terminal_size_of(io::stderr());
    found.map_or(USUAL_SIZE, |(width, height)| Size { columns: width.0.into(), rows: height.0.into() })
}

/// Nearly all terminals do; of those that do not some can be told.
#[expect(clippy::disallowed_methods, reason = "what the terminal can do is said only by the environment")]
fn reflows() -> bool {
    let is_set = |name| std::env::var_os(name).is_some();
    let is = |term: &str| std::env::var_os("TERM").is_some_and(|value| value == *term);
    let in_screen = is_set("STY") && !is_set("TMUX");
    is_set("TMUX") || !(is_set("XTERM_VERSION") || in_screen || is("linux"))
}
