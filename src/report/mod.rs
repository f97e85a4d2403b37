//! L6: pure views of plans, explanations and events, as text for people and as graphs. Prints nothing, runs nothing.
//!
//! Uses the data that plans, explanations and runs give out, never the rooms that make them, so that a program
//! that embeds rulemake can show the same texts as the `rulemake` command.
//!
//! ```
//! use rulemake::{Session, Workflow, RunOptions, TextStyle, report};
//! # let dir = std::env::temp_dir().join(format!("rulemake-doc-report-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")?;
//! let session = Session::builder(workflow).root(&dir).open()?;
//! let plan = session.plan(&["a.txt"], &RunOptions::default())?;
//! let text = report::plan_text(&plan, report::Detail::Normal, TextStyle::Plain);
//! assert!(text.contains("will run  a a.txt"), "{text}");
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod diff;
mod eta;
mod forecast;
mod graph;
mod metrics;
mod narrate;
mod run;
mod text;
mod why;

pub use crate::diag::style::printable;
pub use changes::{ChangeFound, Changes};
pub use diff::unified_diff;
pub use forecast::plan_text;
pub use graph::{GraphBy, GraphNode, GraphState, PlanGraph, graph_dot, graph_mermaid};
pub use metrics::{metrics_diff_markdown, metrics_diff_text, metrics_markdown, metrics_text};
pub use narrate::{Detail, Narrator};
pub use run::{failure_text, summary_text};
pub use text::{duration, time_left};
pub use why::why_text;
