//! A rule as it was written, before it is checked: the one gate through which Rulefile rules and built rules
//! become a [`Rule`](crate::model::rule::Rule). `finish.rs` beside it holds the checks.

use crate::diag::{Problem, Span};
use crate::model::action::{Code, FunctionAction, InterpretedAction};
use crate::model::dynamic::{Dynamic, JobFunction};
use crate::model::flags::{Flag, Flags};
use crate::model::rule::{Benchmark, Environment, Shadow};
use crate::model::value::Value;
use std::sync::Arc;

/// A text with the place it came from.
#[derive(Clone, Debug)]
pub(crate) struct DraftText {
    pub(crate) text: Arc<str>,
    pub(crate) span: Option<Span>,
    /// Of a path.
    pub(crate) flags: Flags,
}

/// An item of `output:` or `log:`, or of `input:` when it is not a function.
#[derive(Clone, Debug)]
pub(crate) struct DraftPaths {
    pub(crate) name: Option<Arc<str>>,
    /// Written as a list.
    pub(crate) list: bool,
    pub(crate) paths: Vec<DraftText>,
}

impl DraftPaths {
    /// Whether it stands below `metrics:`.
    pub(crate) fn is_metrics(&self) -> bool {
        self.paths.iter().any(|path| path.flags.has(Flag::Metrics))
    }
}

/// What outputs below `metrics:` are called that have no name.
pub(crate) const METRICS: &str = "metrics";

#[derive(Clone, Debug)]
pub(crate) enum DraftInput {
    Paths(DraftPaths),
    Function { name: Option<Arc<str>>, function: Arc<dyn JobFunction> },
}

#[derive(Clone, Debug)]
pub(crate) struct DraftParam {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) value: Dynamic,
    pub(crate) span: Option<Span>,
    /// Whether it counts although the command does not name it.
    pub(crate) counts: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum DraftAction {
    None,
    Shell {
        command: DraftText,
        shell: Arc<[Arc<str>]>,
        prefix: Arc<str>,
        suffix: Arc<str>,
    },
    /// A program in another language; `notebook` when it is run through jupyter.
    Script {
        path: DraftText,
        dir: Arc<str>,
        notebook: bool,
    },
    Run(Code),
    Function(Arc<FunctionAction>),
    Interpreted(Arc<InterpretedAction>),
}

/// A constraint: wildcard name, regex, place.
pub(crate) type Constraint = (Arc<str>, Arc<str>, Option<Span>);

/// A rule before its checks.
#[derive(Clone, Debug)]
pub(crate) struct RuleDraft {
    pub(crate) name: Arc<str>,
    pub(crate) doc: Option<Arc<str>>,
    /// The head of the rule: what messages about the rule as a whole point at.
    pub(crate) place: Option<Span>,
    pub(crate) inputs: Vec<DraftInput>,
    pub(crate) outputs: Vec<DraftPaths>,
    pub(crate) logs: Vec<DraftPaths>,
    pub(crate) params: Vec<DraftParam>,
    pub(crate) threads: Dynamic,
    pub(crate) resources: Vec<(Arc<str>, Dynamic)>,
    pub(crate) priority: Dynamic,
    pub(crate) retries: Option<u32>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) message: Option<DraftText>,
    pub(crate) action: DraftAction,
    /// Its outputs decide what other jobs need.
    pub(crate) checkpoint: bool,
    pub(crate) benchmark: Option<Benchmark<DraftText>>,
    /// Seconds after which a job is ended.
    pub(crate) timeout: Option<Dynamic>,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) environment: Environment,
    /// Whether its results may be kept and restored.
    pub(crate) cached: bool,
    /// `config` as its file left it.
    pub(crate) config: Arc<Value>,
    /// Why no job of the rule can run.
    pub(crate) refused: Option<Box<Problem>>,
}

impl RuleDraft {
    /// An empty rule.
    pub(crate) fn new(name: impl Into<Arc<str>>, place: Option<Span>) -> RuleDraft {
        RuleDraft {
            name: name.into(),
            doc: None,
            place,
            inputs: Vec::new(),
            outputs: Vec::new(),
            logs: Vec::new(),
            params: Vec::new(),
            threads: Dynamic::Const(Value::Int(1)),
            resources: Vec::new(),
            priority: Dynamic::Const(Value::Int(0)),
            retries: None,
            constraints: Vec::new(),
            message: None,
            action: DraftAction::None,
            checkpoint: false,
            benchmark: None,
            timeout: None,
            shadow: None,
            environment: Environment::default(),
            cached: true,
            config: Arc::new(Value::None),
            refused: None,
        }
    }
}

/// `bash` in strict mode, what Snakemake uses: a failing command, an unset variable or a failing part of a
/// pipe ends the job.
pub(crate) fn default_shell() -> Arc<[Arc<str>]> {
    ["bash", "-euo", "pipefail", "-c"].map(Arc::from).into()
}
