//! Workflows and rules from Rust: the programmatic twin of a Rulefile, through the same checks.

use crate::diag::{Problem, SourceMap};
use crate::error::{Error, ErrorKind, Result};
use crate::model::action::{FunctionAction, JobContext};
use crate::model::draft::{
    DraftAction, DraftInput, DraftParam, DraftPaths, DraftText, RuleDraft, default_shell,
};
use crate::model::dynamic::{CallContext, CallError, Dynamic, JobFunction};
use crate::model::path_pattern::PathPattern;
use crate::model::rule::Rule;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use std::fmt;
use std::sync::Arc;

/// What closures of rules return on failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Describes a rule; made by [`Rule::builder`].
///
/// ```
/// use rulemake::{Rule, Workflow};
/// let sort = Rule::builder("sort")
///     .input("raw/{s}.csv")
///     .output("sorted/{s}.csv")
///     .constraint("s", "[a-z]+")
///     .threads(2)
///     .shell("sort --parallel {threads} {input} > {output}");
/// let workflow = Workflow::builder().rule(sort).build()?;
/// assert_eq!(workflow.rule("sort").unwrap().wildcards().collect::<Vec<_>>(), ["s"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct RuleBuilder {
    draft: RuleDraft,
}

/// Collects rules; made by [`Workflow::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct WorkflowBuilder {
    rules: Vec<RuleBuilder>,
    constraints: Vec<(Arc<str>, Arc<str>)>,
    default_rule: Option<String>,
}

struct Closure<F>(F);

/// Why a function cannot be answered yet.
#[derive(Debug, thiserror::Error)]
#[error("checkpoint `{checkpoint}` has not ended")]
struct NotEnded {
    checkpoint: Arc<str>,
    wildcards: Vec<(Arc<str>, Arc<str>)>,
}

impl CallContext<'_> {
    /// Makes sure that the job of a checkpoint has ended well, so that what it made can be looked at. `wildcards` are
    /// those of the checkpoint's rule, in their order.
    ///
    /// ```
    /// use rulemake::{Rule, Session, Value, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-checkpoint-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let list = root.join("list");
    /// let workflow = Workflow::builder()
    ///     .rule(Rule::builder("all").input_fn(move |cx| {
    ///         cx.after_checkpoint("split", &[])?;
    ///         let names = std::fs::read_to_string(&list)?;
    ///         Ok(Value::List(names.lines().map(Value::from).collect()))
    ///     }))
    ///     .rule(Rule::builder("split").checkpoint().output("list").shell("printf 'a\nb\n' > {output}"))
    ///     .rule(Rule::builder("make").output("{name}").constraint("name", "[ab]").shell("touch {output}"))
    ///     .build()?;
    /// let mut session = Session::builder(workflow).root(&root).open()?;
    /// assert_eq!(session.run::<&str>(&[], &Default::default())?.summary.ran, 3);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// While it has not ended: the function is to return this error, and is called again when the job has.
    pub fn after_checkpoint(&self, name: &str, wildcards: &[(&str, &str)]) -> Result<(), BoxError> {
        let wildcards: Vec<(Arc<str>, Arc<str>)> =
            wildcards.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        if self.checkpoints.is_some_and(|known| known.is_final(name, &wildcards)) {
            return Ok(());
        }
        Err(Box::new(NotEnded { checkpoint: name.into(), wildcards }))
    }
}

impl<F> fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closure")
    }
}

impl<F> JobFunction for Closure<F>
where
    F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync,
{
    fn name(&self) -> &str {
        "closure"
    }

    fn call(&self, cx: &CallContext<'_>) -> Result<Value, CallError> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.0)(cx)));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(match error.downcast::<NotEnded>() {
                Ok(waits) => CallError::Pending { checkpoint: waits.checkpoint, wildcards: waits.wildcards },
                Err(error) => CallError::Message(error.to_string()),
            }),
            Err(_) => Err(CallError::Message("the closure panicked".into())),
        }
    }
}

fn text(text: impl Into<String>) -> DraftText {
    DraftText { text: text.into().into(), span: None, flags: Default::default() }
}

fn one(name: Option<&str>, path: impl Into<PathPattern>) -> DraftPaths {
    DraftPaths { name: name.map(Arc::from), list: false, paths: vec![path.into().into_draft()] }
}

impl Rule {
    /// Starts the description of a rule.
    pub fn builder(name: impl Into<String>) -> RuleBuilder {
        RuleBuilder { draft: RuleDraft::new(name.into(), None) }
    }
}

impl RuleBuilder {
    /// Sets the docstring.
    pub fn doc(mut self, doc: impl Into<String>) -> RuleBuilder {
        self.draft.doc = Some(doc.into().into());
        self
    }

    /// Adds an input pattern.
    pub fn input(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.inputs.push(DraftInput::Paths(one(None, pattern)));
        self
    }

    /// Adds an input pattern with a name.
    pub fn input_named(mut self, name: &str, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.inputs.push(DraftInput::Paths(one(Some(name), pattern)));
        self
    }

    /// Adds several input patterns.
    pub fn inputs<P: Into<PathPattern>>(mut self, patterns: impl IntoIterator<Item = P>) -> RuleBuilder {
        for pattern in patterns {
            self = self.input(pattern);
        }
        self
    }

    /// Adds inputs computed per job: a text or a list of texts.
    pub fn input_fn<F>(mut self, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        self.draft.inputs.push(DraftInput::Function { name: None, function: Arc::new(Closure(function)) });
        self
    }

    /// Adds an output pattern.
    pub fn output(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.outputs.push(one(None, pattern));
        self
    }

    /// Adds an output pattern with a name.
    pub fn output_named(mut self, name: &str, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.outputs.push(one(Some(name), pattern));
        self
    }

    /// Adds a param. Its value enters the fingerprint if the action can see it.
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> RuleBuilder {
        let value = Dynamic::Const(value.into());
        self.draft.params.push(DraftParam { name: Some(name.into()), value, span: None });
        self
    }

    /// Adds a param computed per job.
    pub fn param_fn<F>(mut self, name: &str, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        let value = Dynamic::Function(Arc::new(Closure(function)));
        self.draft.params.push(DraftParam { name: Some(name.into()), value, span: None });
        self
    }

    /// Restricts a wildcard to values that match a regular expression as a whole.
    pub fn constraint(mut self, wildcard: &str, regex: &str) -> RuleBuilder {
        self.draft.constraints.push((wildcard.into(), regex.into(), None));
        self
    }

    /// Sets how many of the session's job slots a job takes. Never a reason to run.
    pub fn threads(mut self, threads: u32) -> RuleBuilder {
        self.draft.threads = Dynamic::Const(Value::Int(threads.into()));
        self
    }

    /// Sets how much of a named resource a job takes. Never a reason to run.
    pub fn resource(mut self, name: &str, amount: u32) -> RuleBuilder {
        self.draft.resources.push((name.into(), Dynamic::Const(Value::Int(amount.into()))));
        self
    }

    /// Sets the priority: among waiting jobs the greater starts first.
    pub fn priority(mut self, priority: i64) -> RuleBuilder {
        self.draft.priority = Dynamic::Const(Value::Int(priority));
        self
    }

    /// Sets how often a failed job is tried again.
    pub fn retries(mut self, retries: u32) -> RuleBuilder {
        self.draft.retries = Some(retries);
        self
    }

    /// Sets whether results may be kept in a cache and restored from it. Default: `true`.
    pub fn cache(mut self, cache: bool) -> RuleBuilder {
        self.draft.cached = cache;
        self
    }

    /// Makes the rule a checkpoint: what it makes decides what other jobs need, whose functions wait for it with
    /// [`CallContext::after_checkpoint`].
    pub fn checkpoint(mut self) -> RuleBuilder {
        self.draft.checkpoint = true;
        self
    }

    /// Runs a command in `bash` strict mode. `{input}`, `{output.name}`, `{params.p}`, `{wildcards.w}` and
    /// `{threads}` are replaced, `{{` is a brace.
    pub fn shell(mut self, command: impl Into<String>) -> RuleBuilder {
        let (prefix, suffix): (Arc<str>, Arc<str>) = ("".into(), "".into());
        self.draft.action =
            DraftAction::Shell { command: text(command), shell: default_shell(), prefix, suffix };
        self
    }

    /// Runs a closure. A closure cannot be hashed, so `version` stands for its code: change it when the
    /// closure would make something else.
    pub fn action<F>(mut self, version: &str, run: F) -> RuleBuilder
    where
        F: Fn(&JobContext) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        let action = FunctionAction { version: version.into(), run: Box::new(run) };
        self.draft.action = DraftAction::Function(Arc::new(action));
        self
    }
}

impl Workflow {
    /// Starts a workflow without a Rulefile.
    pub fn builder() -> WorkflowBuilder {
        WorkflowBuilder::default()
    }
}

impl WorkflowBuilder {
    /// Adds a rule. The first rule is the default target.
    pub fn rule(mut self, rule: RuleBuilder) -> WorkflowBuilder {
        self.rules.push(rule);
        self
    }

    /// Restricts a wildcard in all rules that do not restrict it themselves.
    pub fn constraint(mut self, wildcard: &str, regex: &str) -> WorkflowBuilder {
        self.constraints.push((wildcard.into(), regex.into()));
        self
    }

    /// Sets what is built when no target is given.
    pub fn default_rule(mut self, name: impl Into<String>) -> WorkflowBuilder {
        self.default_rule = Some(name.into());
        self
    }

    /// Checks the rules, as a Rulefile's are checked.
    ///
    /// # Errors
    /// [`ErrorKind::Workflow`] with all mistakes found.
    pub fn build(self) -> Result<Workflow> {
        let sources = Arc::new(SourceMap::default());
        let globals: Vec<_> = self.constraints.into_iter().map(|(name, regex)| (name, regex, None)).collect();
        let mut problems = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        for builder in self.rules {
            if rules.iter().any(|r| r.name == builder.draft.name) {
                let message = format!("two rules are called `{}`", builder.draft.name);
                problems.push(Problem::error("duplicate-rule", message));
            }
            rules.extend(builder.draft.finish(&globals, &mut |_| None, &sources, &mut problems));
        }
        let default_rule = match &self.default_rule {
            None => (!rules.is_empty()).then_some(0),
            Some(name) => {
                let found = rules.iter().position(|r| *r.name == **name).map(|i| i as u32);
                if found.is_none() {
                    problems.push(Problem::error(
                        "unknown-rule",
                        format!("the default rule `{name}` does not exist"),
                    ));
                }
                found
            }
        };
        let warnings = Problem::take_warnings(&mut problems);
        if problems.is_empty() {
            match Workflow::assemble(rules, default_rule, sources.clone(), Vec::new(), warnings) {
                Ok(workflow) => return Ok(workflow),
                Err(found) => problems = found,
            }
        }
        Err(Error::problems(ErrorKind::Workflow, &problems, &sources))
    }
}
