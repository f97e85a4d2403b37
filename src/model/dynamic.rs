//! Values that are known only per job: input, params, threads and resources functions, whoever wrote them.

use crate::diag::Problem;
use crate::model::flags::Flags;
use crate::model::slots::NamedPaths;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use crate::model::workflow::Read;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What a function of a rule may look at. Parts that are not known yet are empty.
///
/// ```
/// use rulemake::{CallContext, Rule, Value};
/// fn memory(job: &CallContext<'_>) -> Result<Value, rulemake::BoxError> {
///     Ok(Value::from(job.inputs().len() as i64 * 500 * i64::from(job.attempt)))
/// }
/// let rule = Rule::builder("join").inputs(["a", "b"]).output("ab").resource_fn("mem_mb", memory).shell("cat {input} > {output}");
/// # rulemake::Workflow::builder().rule(rule).build()?;
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallContext<'a> {
    /// The job's wildcards.
    pub wildcards: &'a Wildcards,
    /// The attempt, from 1; above 1 only when a failed job is tried again.
    pub attempt: u32,
    pub(crate) rule: &'a str,
    pub(crate) root: &'a Path,
    pub(crate) input: NamedPaths<'a>,
    pub(crate) output: NamedPaths<'a>,
    pub(crate) threads: u32,
    pub(crate) resources: &'a [(Arc<str>, Value)],
    /// Which checkpoints can be asked; `None`: none of them is final.
    pub(crate) checkpoints: Option<&'a dyn Checkpoints>,
}

impl<'a> CallContext<'a> {
    /// Name of the rule.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").input("b").output("a").param_fn("from", |cx| Ok(cx.rule().into())).shell("touch a");
    /// ```
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.rule
    }

    /// The session's root directory, absolute: where paths of the job start.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").output("a").param_fn("list", |cx| Ok(cx.root().join("list").display().to_string().into())).shell("touch a");
    /// ```
    #[must_use]
    pub fn root(&self) -> &'a Path {
        self.root
    }

    /// The inputs in order, from the root, as far as they are known: for params, threads and resources.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").input("b").output("a").param_fn("count", |cx| Ok((cx.inputs().len() as i64).into())).shell("touch a");
    /// ```
    #[must_use]
    pub fn inputs(&self) -> Vec<&'a str> {
        self.input.paths.iter().map(|path| &**path).collect()
    }

    /// The outputs in order, from the root, as far as they are known.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").input("b").output("a").param_fn("first", |cx| Ok(cx.outputs().first().copied().unwrap_or("none").into())).shell("touch a");
    /// ```
    #[must_use]
    pub fn outputs(&self) -> Vec<&'a str> {
        self.output.paths.iter().map(|path| &**path).collect()
    }

    /// Threads of the job, once they are known: for resources and params.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").input("b").output("a").resource_fn("mem_mb", |cx| Ok((500 * cx.threads()).into())).shell("touch a");
    /// ```
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// What is known of a job before anything else: its rule and its wildcards.
    pub(crate) fn naming(rule: &'a str, wildcards: &'a Wildcards) -> CallContext<'a> {
        CallContext {
            wildcards,
            attempt: 1,
            rule,
            root: Path::new("."),
            input: NamedPaths::EMPTY,
            output: NamedPaths::EMPTY,
            threads: 1,
            resources: &[],
            checkpoints: None,
        }
    }
}

/// Which jobs of checkpoints have ended, so that what they made can be looked at.
pub(crate) trait Checkpoints: Sync + fmt::Debug {
    /// Whether the job is final. `wildcards` are those of the rule, by name, in any order.
    fn is_final(&self, checkpoint: &str, wildcards: &[(Arc<str>, Arc<str>)]) -> bool;
}

/// What the functions of a workflow looked at and printed when they were called.
pub(crate) trait CallReads: Send + Sync + fmt::Debug {
    /// Rule and read, each pair once, sorted.
    fn reads(&self) -> Vec<(Arc<str>, Read)>;

    /// Texts of `print`, in order, since the last call of this.
    fn take_printed(&self) -> Vec<String>;

    /// A value that was taken from a file and is another one there now, as people say it.
    fn moved(&self) -> Option<String>;
}

/// Why a function of a rule gave no value.
#[derive(Debug)]
pub(crate) enum CallError {
    /// A mistake with a place in the Rulefile.
    Problem(Box<Problem>),
    /// A Rust closure returned this message.
    Message(String),
    /// It looks at this input of the job, which is not there: no error before the run, for it may still be made.
    Absent(Arc<str>),
    /// It needs what a checkpoint makes, and that is not final yet: to be called again when it is.
    Pending { checkpoint: Arc<str>, wildcards: Vec<(Arc<str>, Arc<str>)> },
}

/// What an input function gives: paths, in groups.
#[derive(Clone, Debug)]
pub(crate) enum PathTree {
    One(Arc<str>, Flags),
    /// A list, also with one element.
    Many(Vec<PathTree>),
    /// Entries with names of their own, for `unpack`.
    Named(Vec<(Arc<str>, PathTree)>),
    /// Something that is no path: what it is instead, for the message.
    NoPath(String),
}

impl PathTree {
    /// Plain values as paths without flags.
    pub(crate) fn of(value: &Value) -> PathTree {
        if let Some(items) = value.items() {
            return PathTree::Many(items.iter().map(PathTree::of).collect());
        }
        match value {
            Value::Str(text) => PathTree::One(text.clone(), Flags::default()),
            Value::Record(items) => PathTree::Many(items.iter().map(|(_, v)| PathTree::of(v)).collect()),
            Value::Map(entries) => PathTree::Named(
                entries.iter().map(|(name, value)| (name.clone(), PathTree::of(value))).collect(),
            ),
            Value::None => PathTree::NoPath("`None`".into()),
            other => PathTree::NoPath(format!("`{}`, which is no text", other.canonical())),
        }
    }
}

/// A function from a job's context to a value. Pure: the same context gives the same value.
pub(crate) trait JobFunction: Send + Sync + fmt::Debug {
    /// Name for messages: `lambda` or the name of the `def`.
    fn name(&self) -> &str;

    /// Evaluates the function.
    fn call(&self, cx: &CallContext<'_>) -> Result<Value, CallError>;

    /// Whether its value may follow from threads or resources, which differ between machines and attempts and are no
    /// reason to run.
    fn is_local(&self) -> bool {
        false
    }

    /// What is known to be wrong with it, whatever the job is.
    fn mistake(&self) -> Option<Problem> {
        None
    }

    /// Evaluates an input function: paths with their flags.
    fn paths(&self, cx: &CallContext<'_>) -> Result<PathTree, CallError> {
        self.call(cx).map(|value| PathTree::of(&value))
    }
}

/// A value that is constant or computed per job.
#[derive(Clone, Debug)]
pub(crate) enum Dynamic {
    Const(Value),
    Function(Arc<dyn JobFunction>),
}

impl Dynamic {
    pub(crate) fn evaluate(&self, cx: &CallContext<'_>) -> Result<Value, CallError> {
        match self {
            Dynamic::Const(value) => Ok(value.clone()),
            Dynamic::Function(function) => function.call(cx),
        }
    }
}
