//! What a contest found: a row for each contender, the first of which is ours.

use super::child::Cost;
use super::goals::Goal;

pub(crate) struct Row {
    pub(crate) name: String,
    is_bare: bool,
    runs: usize,
    /// Milliseconds.
    pub(crate) wall: f64,
    /// Milliseconds.
    pub(crate) cpu: f64,
    peak_mib: Option<f64>,
    pub(crate) written: Option<f64>,
}

impl Row {
    /// The medians of `costs`; none without any.
    pub(crate) fn of(name: String, is_bare: bool, costs: &[Cost]) -> Option<Row> {
        let median = |of: fn(&Cost) -> Option<f64>| {
            let mut all: Vec<f64> = costs.iter().filter_map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        Some(Row {
            name,
            is_bare,
            runs: costs.len(),
            wall: median(|cost| Some(cost.wall.as_secs_f64() * 1e3))?,
            cpu: median(|cost| Some(cost.cpu.as_secs_f64() * 1e3))?,
            peak_mib: median(|cost| cost.peak_kib.map(|kib| kib as f64 / 1024.0)),
            written: median(|cost| cost.written.map(|bytes| bytes as f64)),
        })
    }
}

pub(crate) struct Figures(pub(crate) Vec<Row>);

impl Figures {
    pub(crate) fn ours(&self) -> &Row {
        &self.0[0]
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.name == name)
    }

    /// Our wall time beside that of `name`.
    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        self.find(name).map(|row| self.ours().wall / row.wall)
    }

    /// Peers are those who neither are bare nor are ourselves.
    fn peers(&self) -> impl Iterator<Item = &Row> {
        self.0.iter().filter(|row| !row.is_bare && !row.name.starts_with(&self.ours().name))
    }

    /// Ours takes less wall time than each peer.
    pub(crate) fn ahead_of_peers(&self) -> Goal {
        let best = self.peers().min_by(|a, b| a.wall.total_cmp(&b.wall));
        let ratio = best.map(|best| (self.ours().wall / best.wall, &best.name));
        let because = ratio.map_or("nobody took part".into(), |(ratio, name)| format!("{ratio:.2} x {name}"));
        Goal::new("ahead of every peer", ratio.map(|(ratio, _)| ratio < 1.0), because)
    }

    /// Our wall time is at most `limit` times that of `name`.
    pub(crate) fn within(&self, limit: f64, name: &str) -> Goal {
        let what = format!("x {name}");
        match self.ratio(name) {
            Some(ratio) => Goal::at_most(limit, &what, ratio),
            None => Goal::new(format!("<= {limit} {what}"), None, "it took no part"),
        }
    }

    /// Our peak memory is at most so many megabytes.
    pub(crate) fn within_megabytes(&self, limit: f64) -> Goal {
        Goal::at_most(limit, "MB", self.ours().peak_mib.unwrap_or_default() * 1.048_576)
    }

    pub(crate) fn print(&self, with_written: bool) {
        let floors: Vec<&Row> = self.0.iter().filter(|row| row.is_bare).collect();
        print!("{:<22} {:>4} {:>11} {:>11} {:>9}", "", "runs", "wall ms", "CPU ms", "peak MiB");
        if with_written {
            print!(" {:>11}", "written KiB");
        }
        print!(" {:>10}", "ours / it");
        floors.iter().for_each(|floor| print!(" {:>20}", format!("x {}", floor.name)));
        println!();
        let told = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1}"));
        for row in &self.0 {
            print!("{:<22} {:>4} {:>11.1} {:>11.1}", row.name, row.runs, row.wall, row.cpu);
            print!(" {:>9}", told(row.peak_mib));
            if with_written {
                print!(" {:>11}", told(row.written.map(|bytes| bytes / 1024.0)));
            }
            print!(" {:>10.3}", self.ours().wall / row.wall);
            floors.iter().for_each(|floor| print!(" {:>20.2}", row.wall / floor.wall));
            println!();
        }
    }
}
