//! A build engine for data.
#![expect(dead_code, unused_imports, reason = "skeleton: the rooms are being furnished")]

mod base;
mod diag;
mod engine;
mod error;
mod exec;
mod files;
mod graph;
mod lang;
mod matching;
mod model;
mod plan;
pub mod report;
mod session;
mod store;
mod syntax;
#[cfg(unix)]
mod sys;
mod trace;

pub use base::digest::Digest;
pub use diag::style::TextStyle;
pub use diag::{Diagnostic, Label, Severity};
pub use engine::cancel::{CancelLevel, CancelToken};
pub use engine::event::{Event, EventKind, JobFailure, SkipCause, Summary};
pub use error::{Error, ErrorKind, Result};
pub use graph::info::JobInfo;
pub use model::action::JobContext;
pub use model::build::{BoxError, RuleBuilder, WorkflowBuilder};
pub use model::dynamic::CallContext;
pub use model::rule::Rule;
pub use model::value::Value;
pub use model::wildcards::Wildcards;
pub use model::workflow::Workflow;
pub use plan::plan::{Plan, PlannedJob, Verdict};
pub use session::{
    LastRun, LoadOptions, PassedOver, RunOptions, RunReport, Session, SessionBuilder, Why, WhyStep,
};
pub use trace::reason::Reason;
