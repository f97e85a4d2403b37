//! The life of one job in one run, and which steps of it are legal.

/// Where a job stands.
///
/// ```text
/// Waiting(n) -> Ready -> Checking -> UpToDate
///    |            |         `-> Queued -> Running -> Done
///    |            |               |          |-> Queued   (tried again, or a rider that was taken back)
///    |            |               |          |-> Failed | Cancelled
///    `------------`---------------`-> Skipped
///    `-> Failed   (what it needs cannot be had)
///
/// Part   has no life of its own: it belongs to a unit that is known by another number
///
/// Waiting <-> Running          it rides on the one producer that it waits for, and was taken back
/// Running -> Waiting           it was to be restored, and is not in the cache any more
/// UpToDate | Done -> Waiting   its temporary file is gone and needed, or an input of it was made anew;
/// Ready | Checking | Queued | Running (a failed attempt) -> Waiting   a producer of it was
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
    /// The number stands for nothing.
    Part,
}

impl JobState {
    pub(crate) fn is_final(self) -> bool {
        use JobState::{Cancelled, Done, Failed, Part, Skipped, UpToDate};
        matches!(self, UpToDate | Done | Failed | Cancelled | Skipped | Part)
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
            (Waiting, Ready | Running | Failed | Skipped)
                | (Ready, Checking | Waiting | Skipped)
                | (Checking, UpToDate | Queued | Failed | Waiting | Skipped)
                | (Queued, Running | Waiting | Skipped)
                | (Running, Done | Failed | Cancelled | Queued | Waiting)
                | (UpToDate | Done, Waiting)
        )
    }
}
