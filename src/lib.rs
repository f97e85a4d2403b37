//! A build engine for data: Snakemake's rules, decided by content digests. To embed, or as a command.
//!
//! ```
//! use rulemake::{EventKind, Rule, RunOptions, Session, Workflow};
//! # let root = std::env::temp_dir().join(format!("rulemake-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&root)?;
//! # std::fs::write(root.join("words.txt"), "pear\napple\npear\n")?;
//!
//! let workflow = Workflow::builder()
//!     .rule(Rule::builder("count").input("{name}.sorted").output("{name}.count").action("1", |job| {
//!         let lines = job.read_to_string(job.input(0)?)?.lines().count();
//!         Ok(job.write(job.output(0)?, format!("{lines} different words\n"))?)
//!     }))
//!     .rule(Rule::builder("sort").input("{name}.txt").output("{name}.sorted").shell("sort -u {input} > {output}"))
//!     .build()?;
//! let mut session = Session::builder(workflow)
//!     .root(&root)
//!     .observer(|event| {
//!         if let EventKind::JobStarted { job, reasons, .. } = &event.kind {
//!             println!("{}: {}", job.title(), reasons[0]);
//!         }
//!     })
//!     .open()?;
//! let report = session.run(&["words.count"], &RunOptions::default())?;
//! assert!(report.success());
//! assert_eq!(report.summary.ran, 2);
//! assert_eq!(session.run(&["words.count"], &RunOptions::default())?.summary.ran, 0);
//! # std::fs::remove_dir_all(&root)?;
//! # Ok::<(), rulemake::BoxError>(())
//! ```
//!
//! A [`Workflow`] is built in Rust, loaded from a Rulefile ([`Workflow::load`]), or both. A [`Session`] puts it on a directory: it
//! plans, explains and runs. What happens is told as [`Event`]s; what happened is a [`RunReport`], in which a failed job is data.
//!
//! The library prints nothing, ends nothing, installs no signal handler, reads no environment variable and has no
//! global state; several sessions may run at once. A run blocks its thread; a [`CancelToken`] stops it from another.
//!
//! Where to go on: [`guide`] (concepts, staleness, embedding, events, the state directory, what is promised), [`language`]
//! (Rulefiles), [`architecture`] (how it is built).
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `archive` | with `cli` | a project as one file, with its results: `archive` |
//! | `cache-http` | yes | results shared by HTTP: `cache::HttpCache` |
//! | `cache-s3` | no | results shared in S3-compatible storage: `cache::S3Cache` |
//! | `cli` | yes | the `rulemake` command; without it no command-line crate is built |
//! | `tracing` | no | runs and jobs as spans of the `tracing` crate |
//! | `test-support` | no | files in memory, a fake executor and a manual clock, for tests of your rules: `test_support` |
#![deny(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::exit)]

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("language/index.md")]
pub mod language {
    #[doc = include_str!("language/keywords.md")]
    pub mod keywords {}
    #[doc = include_str!("language/directives.md")]
    pub mod directives {}
    #[doc = include_str!("language/flags.md")]
    pub mod flags {}
    #[doc = include_str!("language/functions.md")]
    pub mod functions {}
    #[doc = include_str!("language/commands.md")]
    pub mod commands {}
    #[doc = include_str!("language/lints.md")]
    pub mod lints {}
    #[doc = include_str!("language/python.md")]
    pub mod python {}
    #[doc = include_str!("language/results.md")]
    pub mod results {}
}

#[doc = include_str!("guide/index.md")]
pub mod guide {
    #[doc = include_str!("guide/concepts.md")]
    pub mod concepts {}
    #[doc = include_str!("guide/embedding.md")]
    pub mod embedding {}
    #[doc = include_str!("guide/events.md")]
    pub mod events {}
    #[doc = include_str!("guide/format.md")]
    pub mod format {}
    #[doc = include_str!("guide/stability.md")]
    pub mod stability {}
    #[doc = include_str!("guide/staleness.md")]
    pub mod staleness {}
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "archive")]
mod archives;
mod base;
pub mod cache;
mod diag;
mod disk;
mod engine;
mod error;
mod exec;
mod files;
mod graph;
mod lang;
pub mod lint;
mod matching;
mod model;
mod plan;
pub mod report;
mod session;
mod store;
mod syntax;
#[cfg(unix)]
mod sys;
#[cfg(feature = "test-support")]
pub mod test_support;
mod trace;

/// Executors of the host: where jobs are executed that are not executed here.
pub mod executor {
    pub use crate::exec::host::{Executor, NotBegun, Task, TaskCommand, TaskEnd, TaskId, TaskSignal};
}

/// Events in detail: what only some of them carry.
pub mod event {
    pub use crate::engine::event::{CriticalPath, CriticalStep, FORMAT, RuleJobs, SCHEMA, channel};
}

/// What a [`Session`] answers beyond plans and reports: states of outputs, logs, the run that is going on.
pub mod inspect {
    pub use crate::plan::orphans::Orphan;
    pub use crate::plan::plan::{PlanCounts, PlanRead, ReportedFile};
    pub use crate::session::{
        Accepted, Added, EndedJob, JobEnd, JobLog, LastRun, LeftOut, MadeFiles, MetricChange, Metrics,
        MetricsDiff, OutputState, PassedOver, PushOptions, Pushed, RunningJob, Status, Survivor, Watched,
    };
}

/// A project as one file, with results and what these were made from.
#[cfg(feature = "archive")]
pub mod archive {
    pub use crate::archives::{ArchiveLeft, Archived, UnpackOptions, Unpacked, unpack};
    pub use crate::session::{ArchiveOptions, ArchiveResults};
}

/// `Rulefile.lock`: which results are those of a project, for git. [`guide::staleness`] says what it means.
pub mod lock {
    pub use crate::session::{LockCheck, LockDifference, LockMismatch, LockUse, LockWritten};
}

/// The texts of Rulefiles, without what they mean: formatting, outlines, and the words of the language. For editors.
pub mod source {
    pub use crate::model::units::resource_amount;
    pub use crate::syntax::{
        FileMention, FormatOptions, Outline, OutlineItem, OutlineKind, OutlineSection, RuleMention, Word,
        WordKind, format_source, included_files, words_of_the_language,
    };
}

pub use base::clock::Clock;
pub use base::digest::Digest;
pub use diag::style::TextStyle;
pub use diag::{Diagnostic, Label, Severity};
pub use engine::cancel::{CancelGuard, CancelLevel, CancelToken};
pub use engine::event::{Event, EventKind, JobFailure, SkipCause, Summary};
pub use engine::slots::{JobSlots, SlotSource};
pub use error::{Error, ErrorKind, Result};
pub use graph::info::JobInfo;
pub use model::action::Interpreter;
pub use model::build::{BoxError, WorkflowBuilder};
pub use model::dynamic::CallContext;
pub use model::environment::Environments;
pub use model::job_context::{FileKey, JobContext};
pub use model::path_pattern::PathPattern;
pub use model::rule::{Rule, Shadow};
pub use model::rule_builder::RuleBuilder;
pub use model::value::Value;
pub use model::wildcards::Wildcards;
pub use model::workflow::Workflow;
pub use plan::plan::{Plan, PlannedJob, Verdict};
pub use session::{LoadOptions, RunOptions, RunReport, Session, SessionBuilder, Why, WhyStep};
pub use trace::reason::Reason;
