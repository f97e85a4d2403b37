//! What was said of a path besides its name: `temp(...)`, `directory(...)`, `ancient(...)`.
//!
//! Only data: what a flag means is for the plan, the engine and the files to act on.

use crate::base::checksum::Checksum;
use crate::model::dynamic::Dynamic;
use std::fmt;
use std::sync::Arc;

/// One flag of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Flag {
    /// Input: only its existence and the order count, not its content.
    Ancient,
    /// Output: removed when its last consumer is final.
    Temp,
    /// Output: made read-only after success.
    Protected,
    /// Output: a directory.
    Directory,
    /// Output: created or touched after success.
    Touch,
    /// Output: changed in place, so not removed before the job.
    Update,
    /// Input: the state before an `update` job changed it; has no producer.
    BeforeUpdate,
    /// Output: a named pipe; its producer and its consumer run at the same time.
    Pipe,
    /// Output: its job is a service that runs as long as its consumers.
    Service,
    /// Stays on this machine's file system whatever the default storage is.
    Local,
    /// Output: its values are shown and compared. Said by the section `metrics:`.
    Metrics,
}

/// An output that is no file which stays: its job and those that read it run at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stream {
    Pipe,
    Service,
}

impl Stream {
    /// As its flag is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stream::Pipe => "pipe",
            Stream::Service => "service",
        }
    }
}

/// The flags of one path.
#[derive(Clone, Default)]
pub(crate) struct Flags {
    bits: u16,
    pub(crate) ensure: Option<Arc<Ensure>>,
    pub(crate) report: Option<Arc<ReportEntry>>,
    /// Input: the rule that makes it, where the Rulefile names it (`rules.a.output`).
    pub(crate) maker: Option<Arc<str>>,
}

/// What must hold of an output after its job.
#[derive(Clone, Debug)]
pub(crate) struct Ensure {
    pub(crate) non_empty: bool,
    pub(crate) checksum: Option<(Checksum, Dynamic)>,
}

/// How an output is to be shown in a report; recorded, never a reason to run.
#[derive(Clone, Debug)]
pub(crate) struct ReportEntry {
    /// `caption`, `category`, `labels`...
    pub(crate) fields: Box<[(Arc<str>, Said)]>,
}

/// One thing that is said of an output for a report.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    One(Dynamic),
    /// Labels, each perhaps a function.
    Entries(Box<[(Arc<str>, Dynamic)]>),
}

impl Flags {
    /// Whether nothing at all was said of the path.
    pub(crate) fn is_plain(&self) -> bool {
        self.bits == 0 && self.ensure.is_none() && self.report.is_none() && self.maker.is_none()
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.bits & (1 << flag as u8) != 0
    }

    pub(crate) fn set(&mut self, flag: Flag) {
        self.bits |= 1 << flag as u8;
    }

    pub(crate) fn clear(&mut self, flag: Flag) {
        self.bits &= !(1 << flag as u8);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits == 0 && self.ensure.is_none() && self.report.is_none() && self.maker.is_none()
    }

    /// The flags without what belongs to them; one number per path in a graph.
    pub(crate) fn bits(&self) -> u16 {
        self.bits
    }

    pub(crate) fn from_bits(bits: u16) -> Flags {
        Flags { bits, ..Flags::default() }
    }

    /// All flags that either has; `other` is the outer one and wins where both say something.
    pub(crate) fn add(&mut self, other: &Flags) {
        self.bits |= other.bits;
        self.ensure = other.ensure.clone().or(self.ensure.take());
        self.report = other.report.clone().or(self.report.take());
        self.maker = other.maker.clone().or(self.maker.take());
    }

    /// How the output reaches its readers, when not as a file.
    pub(crate) fn stream(&self) -> Option<Stream> {
        match (self.has(Flag::Pipe), self.has(Flag::Service)) {
            (true, _) => Some(Stream::Pipe),
            (_, true) => Some(Stream::Service),
            (false, false) => None,
        }
    }

    /// The flags that are set, in order of [`Flag`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(|flag| self.has(*flag))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Flag {
    pub(crate) const ALL: [Flag; 11] = [
        Flag::Ancient,
        Flag::Temp,
        Flag::Protected,
        Flag::Directory,
        Flag::Touch,
        Flag::Update,
        Flag::BeforeUpdate,
        Flag::Pipe,
        Flag::Service,
        Flag::Local,
        Flag::Metrics,
    ];

    /// The function (or section) that sets it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flag::Ancient => "ancient",
            Flag::Temp => "temp",
            Flag::Protected => "protected",
            Flag::Directory => "directory",
            Flag::Touch => "touch",
            Flag::Update => "update",
            Flag::BeforeUpdate => "before_update",
            Flag::Pipe => "pipe",
            Flag::Service => "service",
            Flag::Local => "local",
            Flag::Metrics => "metrics",
        }
    }

    /// Whether the two exclude each other.
    pub(crate) fn contradicts(self, other: Flag) -> bool {
        CONTRADICTIONS.iter().any(|(a, b)| (*a, *b) == (self, other) || (*a, *b) == (other, self))
    }

    /// Whether it can be said of an input.
    pub(crate) fn is_for_inputs(self) -> bool {
        matches!(self, Flag::Ancient | Flag::BeforeUpdate | Flag::Local)
    }

    /// Whether it can be said of an output.
    pub(crate) fn is_for_outputs(self) -> bool {
        !matches!(self, Flag::Ancient | Flag::BeforeUpdate)
    }
}

/// Flags that exclude each other.
pub(crate) const CONTRADICTIONS: &[(Flag, Flag)] = &[
    (Flag::Temp, Flag::Protected),
    (Flag::Pipe, Flag::Temp),
    (Flag::Pipe, Flag::Protected),
    (Flag::Pipe, Flag::Directory),
    (Flag::Pipe, Flag::Service),
    (Flag::Pipe, Flag::Touch),
    (Flag::Pipe, Flag::Update),
    (Flag::Service, Flag::Temp),
    (Flag::Service, Flag::Protected),
    (Flag::Service, Flag::Directory),
    (Flag::Service, Flag::Touch),
    (Flag::Service, Flag::Update),
    (Flag::Touch, Flag::Directory),
    (Flag::Update, Flag::Temp),
    (Flag::Metrics, Flag::Temp),
    (Flag::Metrics, Flag::Directory),
    (Flag::Metrics, Flag::Touch),
    (Flag::Metrics, Flag::Pipe),
    (Flag::Metrics, Flag::Service),
];
