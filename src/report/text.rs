//! Small pieces of text that several views share.

use crate::diag::style::printable;
use crate::graph::info::JobInfo;
use unicode_width::UnicodeWidthStr;

/// A time in milliseconds as people read it: `4 ms`, `0.25 s`, `3.2 s`, `2 min 05 s`, `1 h 02 min`.
///
/// ```
/// assert_eq!(rulemake::report::duration(125_000), "2 min 05 s");
/// ```
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..10 => format!("{ms} ms"),
        10..1_000 => format!("{:.2} s", ms as f64 / 1000.0),
        1_000..60_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How long something may still take, no more exactly than it is known: `about 40 s left`.
///
/// ```
/// # use rulemake::report::time_left;
/// assert_eq!(time_left(4_200), "about 5 s left");
/// assert_eq!(time_left(38_000), "about 40 s left");
/// assert_eq!(time_left(3 * 60_000), "about 3 min left");
/// ```
#[must_use]
pub fn time_left(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    match seconds {
        0..10 => format!("about {} s left", seconds.max(1)),
        10..60 => format!("about {} s left", seconds.div_ceil(5) * 5),
        60..5400 => format!("about {} min left", seconds.div_ceil(60)),
        _ => format!("about {:.1} h left", seconds as f64 / 3600.0),
    }
}

/// At most so many characters of `text`, and how many more there are.
pub(super) fn cut(text: &str, most: usize) -> String {
    // Most texts are short, and bytes are quickly counted.
    let Some((at, _)) = text.char_indices().nth(most).filter(|_| text.len() > most) else {
        return text.to_string();
    };
    format!("{} ... and {}", &text[..at], count(text[at..].chars().count(), "more character"))
}

/// As [`cut`], with the end of the text and not only its start.
pub(super) fn cut_middle(text: &str, most: usize) -> String {
    let half = most / 2;
    let left_out = text.chars().count().saturating_sub(2 * half);
    if left_out == 0 || text.chars().count() <= most {
        return text.to_string();
    }
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(half + left_out).collect();
    format!("{start} ... {} ... {end}", count(left_out, "character"))
}

/// `1 job`, `2 jobs`.
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

pub(super) fn title(job: &JobInfo) -> String {
    printable(&job.title()).into_owned()
}

/// `text` with blanks up to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
pub(super) mod testing {
    //! Plans and jobs for the tests of this room.

    use crate::diag::Diagnostic;
    use crate::graph::info::JobInfo;
    use crate::plan::orphans::Orphan;
    use crate::plan::plan::{Foreseen, Plan, PlanRead, ReportedFile, Verdict};
    use crate::trace::reason::Reason;
    use std::sync::Arc;

    /// A job of a plan that a test makes up.
    pub(in crate::report) struct Given {
        job: JobInfo,
        verdict: Verdict,
        pub(in crate::report) has_action: bool,
        needs: Vec<u32>,
    }

    pub(in crate::report) fn job(id: u32, rule: &str, output: &str) -> JobInfo {
        let outputs = if output.is_empty() { vec![] } else { vec![output.to_string()] };
        JobInfo { id, rule: rule.into(), outputs, wildcards: vec![] }
    }

    pub(in crate::report) fn run(reasons: &[Reason]) -> Verdict {
        Verdict::Run { reasons: reasons.to_vec() }
    }

    pub(in crate::report) fn changed(path: &str) -> Reason {
        let digest = crate::base::digest::Digest::of;
        Reason::InputChanged { path: path.into(), old: digest(b"old"), new: digest(b"new"), by: None }
    }

    pub(in crate::report) fn planned(job: JobInfo, verdict: Verdict, needs: &[u32]) -> Given {
        Given { job, verdict, has_action: true, needs: needs.to_vec() }
    }

    pub(in crate::report) fn plan(jobs: Vec<Given>) -> Plan {
        Plan::new(Arc::new(Jobs(jobs)))
    }

    struct Jobs(Vec<Given>);

    impl Foreseen for Jobs {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn info(&self, index: usize) -> JobInfo {
            self.0[index].job.clone()
        }

        fn rule(&self, index: usize) -> &str {
            &self.0[index].job.rule
        }

        fn inputs(&self, _: usize) -> Vec<&str> {
            Vec::new()
        }

        fn verdict(&self, index: usize) -> &Verdict {
            &self.0[index].verdict
        }

        fn command(&self, index: usize) -> Option<String> {
            Some(format!("make-{}", self.rule(index)))
        }

        fn has_action(&self, index: usize) -> bool {
            self.0[index].has_action
        }

        fn needs(&self, index: usize) -> Vec<u32> {
            self.0[index].needs.clone()
        }

        fn reported(&self, _: usize) -> Vec<ReportedFile> {
            Vec::new()
        }

        fn sources(&self) -> Vec<&str> {
            Vec::new()
        }

        fn reads(&self) -> Vec<PlanRead> {
            Vec::new()
        }

        fn orphans(&self) -> Vec<Orphan> {
            Vec::new()
        }

        fn warnings(&self) -> Vec<Diagnostic> {
            Vec::new()
        }

        fn report(&self) -> Option<&str> {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_says_how_much_is_left_out() {
        assert_eq!(cut("日本", 2), "日本");
        assert_eq!(cut("日本語", 2), "日本 ... and 1 more character");
        assert_eq!(cut(&"x".repeat(60_000), 4), "xxxx ... and 59996 more characters");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (ms, text) in [
            (4, "4 ms"),
            (34, "0.03 s"),
            (999, "1.00 s"),
            (3_249, "3.2 s"),
            (59_999, "59.9 s"),
            (125_000, "2 min 05 s"),
            (3_720_000, "1 h 02 min"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }
}
