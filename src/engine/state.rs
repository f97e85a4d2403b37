//! The life of one job in one run, and which steps of it are legal.

/// Where a job stands.
///
/// ```text
/// Waiting(n) -> Ready -> Checking -> UpToDate
///    |            |         `-> Queued -> Running -> Done
///    |            |               |          |-> Queued   (tried again)
///    |            |               |          |-> Failed | Cancelled
///    `------------`---------------`-> Skipped
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JobState {
    /// Producers are not final yet.
    Waiting,
    /// Every producer is final and good; not checked yet.
    Ready,
    Checking,
    /// Must run, waits for its resources.
    Queued,
    Running,
    UpToDate,
    Done,
    Failed,
    Cancelled,
    Skipped,
}

impl JobState {
    pub(crate) fn is_final(self) -> bool {
        use JobState::{Cancelled, Done, Failed, Skipped, UpToDate};
        matches!(self, UpToDate | Done | Failed | Cancelled | Skipped)
    }

    /// Whether consumers may rely on the outputs.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, JobState::UpToDate | JobState::Done)
    }

    pub(crate) fn may_become(self, next: JobState) -> bool {
        use JobState::{
            Cancelled, Checking, Done, Failed, Queued, Ready, Running, Skipped, UpToDate, Waiting,
        };
        matches!(
            (self, next),
            (Waiting, Ready | Skipped)
                | (Ready, Checking | Skipped)
                | (Checking, UpToDate | Queued | Failed | Skipped)
                | (Queued, Running | Skipped)
                | (Running, Done | Failed | Cancelled | Queued)
        )
    }
}
