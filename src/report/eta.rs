//! How long a run may still take, from its events: what the rules took in earlier runs and in this one.

use crate::engine::event::{Event, EventKind};
use rustc_hash::FxHashMap;

/// The first seconds of a run say little about its rest.
const SILENT_MS: u64 = 2_000;

/// A fold over the events of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Eta {
    rules: FxHashMap<String, Share>,
    /// Rule and begin of what runs.
    running: FxHashMap<u32, (String, u64)>,
    /// Most jobs that ran at a time.
    at_once: usize,
    started_ms: u64,
}

/// What is known of the jobs of a rule.
#[derive(Clone, Debug, Default)]
struct Share {
    /// Jobs of which it is not decided whether they run.
    open: usize,
    up_to_date: usize,
    started: usize,
    /// Jobs that ended well in this run, and what they took.
    ended: u64,
    total_ms: u64,
    earlier_ms: Option<u64>,
}

impl Share {
    fn mean(&self) -> Option<u64> {
        self.total_ms.checked_div(self.ended).or(self.earlier_ms)
    }

    fn decided(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

impl Eta {
    pub(super) fn take(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { rules, .. } => {
                self.started_ms = event.time_ms;
                for rule in rules {
                    let share = Share { open: rule.jobs, earlier_ms: rule.earlier_ms, ..Share::default() };
                    self.rules.insert(rule.rule.clone(), share);
                }
            }
            // It took no time, as far as anybody waits for it.
            EventKind::JobUpToDate { job } | EventKind::JobRestored { job, .. } => {
                let share = self.share(&job.rule);
                share.decided();
                share.up_to_date += 1;
            }
            EventKind::JobStarted { job, attempt, .. } => {
                if *attempt == 1 {
                    let share = self.share(&job.rule);
                    share.decided();
                    share.started += 1;
                }
                self.running.insert(job.id, (job.rule.clone(), event.time_ms));
                self.at_once = self.at_once.max(self.running.len());
            }
            EventKind::JobFinished { job, duration_ms, .. } => {
                self.running.remove(&job.id);
                let share = self.share(&job.rule);
                share.ended += 1;
                share.total_ms += duration_ms;
            }
            EventKind::JobFailed { failure, .. } => {
                self.running.remove(&failure.job.id);
            }
            EventKind::JobSkipped { job, .. } => self.share(&job.rule).decided(),
            EventKind::JobReopened { job, .. } => self.share(&job.rule).open += 1,
            _ => {}
        }
    }

    fn share(&mut self, rule: &str) -> &mut Share {
        if !self.rules.contains_key(rule) {
            self.rules.insert(rule.to_string(), Share::default());
        }
        self.rules.entry(rule.to_string()).or_default()
    }

    /// Milliseconds that the run may still take at `now_ms`, or `None` while nobody can tell.
    pub(super) fn left(&self, now_ms: u64) -> Option<u64> {
        if now_ms.saturating_sub(self.started_ms) < SILENT_MS {
            return None;
        }
        let shares = || self.rules.values();
        let (known, total) = shares().fold((0, 0), |(n, ms), share| (n + share.ended, ms + share.total_ms));
        let of_all = total.checked_div(known);
        let (up_to_date, started) =
            shares().fold((0, 0), |(a, b), share| (a + share.up_to_date, b + share.started));
        let mut work = 0.0;
        for share in shares().filter(|share| share.open > 0) {
            let mean = share.mean().or(of_all)? as f64;
            // Of jobs like these so many had to run; without any, as many as of all.
            let (idle, busy) = match share.up_to_date + share.started {
                0 => (up_to_date, started),
                _ => (share.up_to_date, share.started),
            };
            let part = if idle + busy == 0 { 1.0 } else { busy as f64 / (idle + busy) as f64 };
            work += share.open as f64 * part * mean;
        }
        let mut longest: f64 = 0.0;
        for (rule, since) in self.running.values() {
            let mean = self.rules.get(rule).and_then(Share::mean).or(of_all)?;
            let rest = mean.saturating_sub(now_ms.saturating_sub(*since)) as f64;
            longest = longest.max(rest);
            work += rest;
        }
        Some((work / self.at_once.max(1) as f64).max(longest) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::job;
    use super::*;
    use crate::engine::event::RuleJobs;

    fn at(time_ms: u64, kind: EventKind) -> Event {
        Event { v: 1, seq: 0, time_ms, kind }
    }

    fn started(time_ms: u64, id: u32, rule: &str) -> Event {
        let (reasons, command, message, log) = (vec![], None, None, None);
        at(
            time_ms,
            EventKind::JobStarted { job: job(id, rule, ""), reasons, command, message, attempt: 1, log },
        )
    }

    fn finished(time_ms: u64, id: u32, rule: &str, duration_ms: u64) -> Event {
        at(time_ms, EventKind::JobFinished { job: job(id, rule, ""), duration_ms, unchanged: false })
    }

    fn eta(rules: &[(&str, usize, Option<u64>)], events: &[Event]) -> Eta {
        let rules = rules.iter().map(|(rule, jobs, earlier_ms)| RuleJobs {
            rule: rule.to_string(),
            jobs: *jobs,
            earlier_ms: *earlier_ms,
        });
        let jobs = 0;
        let mut eta = Eta::default();
        eta.take(&at(0, EventKind::RunStarted { run: 1, jobs, rules: rules.collect() }));
        events.iter().for_each(|event| eta.take(event));
        eta
    }

    #[test]
    fn what_rules_took_before_counts_until_this_run_knows_better() {
        let eta = eta(
            &[("fast", 2, Some(1_000)), ("slow", 1, Some(60_000))],
            &[started(0, 1, "fast"), started(0, 2, "fast"), finished(2_000, 1, "fast", 2_000)],
        );
        // One of two seconds was begun at 0, one of sixty is to come, and two ran at a time.
        assert_eq!(eta.left(2_000), Some(30_000));
    }

    #[test]
    fn a_run_is_not_over_before_its_longest_job() {
        let eta = eta(&[("slow", 2, Some(60_000))], &[started(0, 1, "slow"), started(0, 2, "slow")]);
        assert_eq!(eta.left(10_000), Some(50_000));
        assert_eq!(eta.left(90_000), Some(0));
    }

    #[test]
    fn jobs_that_are_mostly_up_to_date_are_not_waited_for() {
        let mut events: Vec<Event> =
            (0..9).map(|id| at(0, EventKind::JobUpToDate { job: job(id, "r", "") })).collect();
        events.extend([started(0, 9, "r"), finished(2_000, 9, "r", 2_000)]);
        assert_eq!(eta(&[("r", 110, None)], &events).left(2_000), Some(20_000));
    }

    #[test]
    fn nobody_can_tell_at_first() {
        assert_eq!(eta(&[("r", 5, None)], &[started(0, 1, "r")]).left(5_000), None);
        assert_eq!(eta(&[("r", 5, Some(9))], &[]).left(100), None);
    }
}
