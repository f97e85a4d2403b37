//! Rules from Rust: what a section of a Rulefile says is a method here, and goes through the same checks.

use crate::diag::Problem;
use crate::model::action::{FunctionAction, InterpretedAction};
use crate::model::build::BoxError;
use crate::model::closure::Closure;
use crate::model::draft::{
    DraftAction, DraftInput, DraftParam, DraftPaths, DraftText, METRICS, RuleDraft, default_shell,
};
use crate::model::dynamic::{CallContext, Dynamic};
use crate::model::flags::Flag;
use crate::model::job_context::JobContext;
use crate::model::path_pattern::PathPattern;
use crate::model::rule::{Benchmark, Rule, Shadow};
use crate::model::value::Value;
use std::sync::Arc;
use std::time::Duration;

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
    pub(super) draft: RuleDraft,
    /// What was said to be executed, by the methods that said so: the draft keeps the last.
    actions: Vec<&'static str>,
}

fn text(text: impl Into<String>) -> DraftText {
    DraftText { text: text.into().into(), span: None, flags: Default::default() }
}

fn one(name: Option<&str>, path: impl Into<PathPattern>) -> DraftPaths {
    DraftPaths { name: name.map(Arc::from), list: false, paths: vec![path.into().into_draft()] }
}

fn computed<F>(function: F) -> Dynamic
where
    F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
{
    Dynamic::Function(Arc::new(Closure(function)))
}

impl Rule {
    /// Starts the description of a rule.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = Rule::builder("sort").input("{x}.txt").output("{x}.sorted").shell("sort {input} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn builder(name: impl Into<String>) -> RuleBuilder {
        RuleBuilder { draft: RuleDraft::new(name.into(), None), actions: Vec::new() }
    }
}

impl RuleBuilder {
    /// The draft, unless it says two things to execute.
    pub(super) fn into_draft(self, problems: &mut Vec<Problem>) -> RuleDraft {
        if let [one, .., other] = self.actions.as_slice() {
            let what = match one == other {
                true => format!("`{one}` was called twice"),
                false => format!("both `{one}` and `{other}`"),
            };
            let message = format!("rule `{}` has two actions: {what}", self.draft.name);
            problems.push(Problem::error("two-actions", message).help("keep one of them, or make two rules"));
        }
        self.draft
    }

    fn executes(mut self, method: &'static str, action: DraftAction) -> RuleBuilder {
        self.actions.push(method);
        self.draft.action = action;
        self
    }

    /// Sets the docstring.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").doc("Touches a file.").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn doc(mut self, doc: impl Into<String>) -> RuleBuilder {
        self.draft.doc = Some(doc.into().into());
        self
    }

    /// Adds an input pattern.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").input("{x}.txt").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn input(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.inputs.push(DraftInput::Paths(one(None, pattern)));
        self
    }

    /// Adds an input pattern with a name: `{input.name}` in a command.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").input_named("table", "{x}.csv").output("{x}.out").shell("cp {input.table} {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn input_named(mut self, name: &str, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.inputs.push(DraftInput::Paths(one(Some(name), pattern)));
        self
    }

    /// Adds several input patterns.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").inputs(["a.txt", "b.txt"]).output("both").shell("cat {input} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn inputs<P: Into<PathPattern>>(mut self, patterns: impl IntoIterator<Item = P>) -> RuleBuilder {
        for pattern in patterns {
            self = self.input(pattern);
        }
        self
    }

    /// Adds inputs computed per job: a text or a list of texts. It is called when the graph is made, so what it returns as an
    /// error, and its panic, is an error of the plan, and no run begins.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").input_fn(|cx| Ok(format!("raw/{}.csv", cx.wildcards.get("x").unwrap_or("none")).into())).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn input_fn<F>(mut self, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        self.draft.inputs.push(DraftInput::Function { name: None, function: Arc::new(Closure(function)) });
        self
    }

    /// Adds inputs computed per job, with a name.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").input_fn_named("parts", |_| Ok(["a", "b"].into())).output("all").shell("cat {input.parts} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn input_fn_named<F>(mut self, name: &str, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        let function = Arc::new(Closure(function));
        self.draft.inputs.push(DraftInput::Function { name: Some(name.into()), function });
        self
    }

    /// Adds an output pattern.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output(PathPattern::new("{x}.out").temp()).shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn output(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.outputs.push(one(None, pattern));
        self
    }

    /// Adds several output patterns.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = Rule::builder("r").outputs(["{x}.sums", "{x}.index"]).shell("touch {output}");
    /// let workflow = Workflow::builder().rule(rule).build()?;
    /// assert_eq!(workflow.rule("r").unwrap().outputs().len(), 2);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn outputs<P: Into<PathPattern>>(mut self, patterns: impl IntoIterator<Item = P>) -> RuleBuilder {
        for pattern in patterns {
            self = self.output(pattern);
        }
        self
    }

    /// Adds an output pattern with a name.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output_named("index", "{x}.idx").shell("touch {output.index}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn output_named(mut self, name: &str, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.outputs.push(one(Some(name), pattern));
        self
    }

    /// Adds an output whose values are shown and compared: [`Session::metrics`](crate::Session::metrics). In the command it is
    /// `{output.metrics}`.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").metrics("{x}.json").shell("echo 0.9 > {output.metrics}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn metrics(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        let mut added = one(Some(METRICS), pattern);
        added.paths.iter_mut().for_each(|path| path.flags.set(Flag::Metrics));
        match self.draft.outputs.iter_mut().find(|outputs| outputs.is_metrics()) {
            Some(known) => {
                known.list = true;
                known.paths.append(&mut added.paths);
            }
            None => self.draft.outputs.push(added),
        }
        self
    }

    /// Adds a log: a file that the job writes, which stays when the job fails and is never a reason to run.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.out").log("logs/{x}.log").shell("touch {output} 2> {log}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn log(mut self, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.logs.push(one(None, pattern));
        self
    }

    /// Adds a log with a name.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.out").log_named("err", "logs/{x}.err").shell("touch {output} 2> {log.err}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn log_named(mut self, name: &str, pattern: impl Into<PathPattern>) -> RuleBuilder {
        self.draft.logs.push(one(Some(name), pattern));
        self
    }

    /// Adds a param. Its value enters the fingerprint if the action can see it.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").param("min", 3).output("{x}.out").shell("echo {params.min} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> RuleBuilder {
        let value = Dynamic::Const(value.into());
        self.draft.params.push(DraftParam { name: Some(name.into()), value, span: None, counts: false });
        self
    }

    /// Adds a param computed per job. It is called when the job is checked, so its error is the failure of that job.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").param_fn("size", |cx| Ok(cx.wildcards.get("x").map_or(0, |x| x.len() as i64).into())).output("{x}.out").shell("echo {params.size} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn param_fn<F>(mut self, name: &str, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        let value = computed(function);
        self.draft.params.push(DraftParam { name: Some(name.into()), value, span: None, counts: false });
        self
    }

    /// Restricts a wildcard to values that match a regular expression as a whole.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").constraint("x", "[a-z]+").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn constraint(mut self, wildcard: &str, regex: &str) -> RuleBuilder {
        self.draft.constraints.push((wildcard.into(), regex.into(), None));
        self
    }

    /// Sets how many of the session's job slots a job takes. Never a reason to run.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").threads(4).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn threads(mut self, threads: u32) -> RuleBuilder {
        self.draft.threads = Dynamic::Const(Value::Int(threads.into()));
        self
    }

    /// Computes the threads per job.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").threads_fn(|cx| Ok(cx.attempt.min(4).into())).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn threads_fn<F>(mut self, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        self.draft.threads = computed(function);
        self
    }

    /// Sets how much of a named resource a job takes: a number, or a text such as `"2 GB"`. Never a reason to run.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").resource("licences", 1).resource("mem", "2 GB").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn resource(mut self, name: &str, amount: impl Into<Value>) -> RuleBuilder {
        self.draft.resources.push((name.into(), Dynamic::Const(amount.into())));
        self
    }

    /// Computes a resource per job: a further attempt may ask for more.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").resource_fn("mem_mb", |cx| Ok((1000 * cx.attempt).into())).retries(2).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn resource_fn<F>(mut self, name: &str, function: F) -> RuleBuilder
    where
        F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync + 'static,
    {
        self.draft.resources.push((name.into(), computed(function)));
        self
    }

    /// Sets the priority: among waiting jobs the greater starts first.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").priority(10).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn priority(mut self, priority: i64) -> RuleBuilder {
        self.draft.priority = Dynamic::Const(Value::Int(priority));
        self
    }

    /// Sets how often a failed job is tried again.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").retries(2).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn retries(mut self, retries: u32) -> RuleBuilder {
        self.draft.retries = Some(retries);
        self
    }

    /// Sets whether results may be kept in a cache and restored from it. Default: `true`.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = Rule::builder("r").cache(false).output("huge.img").shell("truncate -s 1T {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn cache(mut self, cache: bool) -> RuleBuilder {
        self.draft.cached = cache;
        self
    }

    /// Ends a job that takes longer, as a failure. A closure cannot be ended: the flag is raised that
    /// [`JobContext::is_cancelled`] tells, and once it returns it has failed, whatever it returns.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").timeout(std::time::Duration::from_secs(60)).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn timeout(mut self, after: Duration) -> RuleBuilder {
        self.draft.timeout = Some(Dynamic::Const(Value::Float(after.as_secs_f64())));
        self
    }

    /// Sets what is said to people when a job starts, instead of its rule and files; `{wildcards.x}` and the like are replaced.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").message("touching {output}").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn message(mut self, message: impl Into<String>) -> RuleBuilder {
        self.draft.message = Some(text(message));
        self
    }

    /// Writes what a job took (time, memory, I/O) to a file; `repeat` executions, at least one.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.out").benchmark("bench/{x}.tsv", 3).shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn benchmark(mut self, pattern: impl Into<PathPattern>, repeat: u32) -> RuleBuilder {
        let path = pattern.into().into_draft();
        self.draft.benchmark = Some(Benchmark { path, repeat: repeat.max(1) });
        self
    }

    /// Lets jobs work in a directory of their own, from which their outputs are moved. A closure sees it as [`JobContext::root`].
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").shadow(Shadow::Minimal).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn shadow(mut self, mode: Shadow) -> RuleBuilder {
        self.draft.shadow = Some(mode);
        self
    }

    /// Names a conda environment: a file that describes one, a name or a directory. Used by runs whose [`RunOptions::environments`](crate::RunOptions::environments) say so.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").conda("envs/plot.yaml").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn conda(mut self, environment: impl Into<String>) -> RuleBuilder {
        self.draft.environment.conda = Some(Dynamic::Const(environment.into().into()));
        self
    }

    /// Names a container image. Used as with [`RuleBuilder::conda`].
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").container("docker://debian:12").output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn container(mut self, image: impl Into<String>) -> RuleBuilder {
        self.draft.environment.container = Some(Dynamic::Const(image.into().into()));
        self
    }

    /// Names environment modules. Used as with [`RuleBuilder::conda`].
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").env_modules(["samtools/1.20"]).output("{x}.out").shell("touch {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn env_modules<M: Into<String>>(mut self, modules: impl IntoIterator<Item = M>) -> RuleBuilder {
        self.draft.environment.envmodules = modules.into_iter().map(|module| module.into().into()).collect();
        self
    }

    /// Makes the rule a checkpoint: what it makes decides what other jobs need, whose functions wait for it with
    /// [`CallContext::after_checkpoint`].
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = Rule::builder("split").checkpoint().output("parts.txt").shell("ls parts > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn checkpoint(mut self) -> RuleBuilder {
        self.draft.checkpoint = true;
        self
    }

    /// Runs a command in `bash` strict mode. `{input}`, `{output.name}`, `{params.p}`, `{wildcards.w}` and `{threads}`
    /// are replaced, `{{` is a brace.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.out").shell("echo {wildcards.x} > {output}");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn shell(self, command: impl Into<String>) -> RuleBuilder {
        let (prefix, suffix): (Arc<str>, Arc<str>) = ("".into(), "".into());
        let command = text(command);
        self.executes("shell", DraftAction::Shell { command, shell: default_shell(), prefix, suffix })
    }

    /// Runs a program in the language that the end of its name tells, with its job as the object `snakemake`; other endings
    /// are those of [`SessionBuilder::interpreter`](crate::SessionBuilder::interpreter). Relative to the root.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.out").script("scripts/make.py");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn script(self, path: impl Into<String>) -> RuleBuilder {
        let (path, dir): (_, Arc<str>) = (text(path), ".".into());
        self.executes("script", DraftAction::Script { path, dir, notebook: false })
    }

    /// Runs a closure. A closure cannot be hashed, so `version` stands for its code: change it when the closure would make
    /// something else. It is called on a thread of its own and may block; its panic is the failure of its job. A rule executes
    /// one thing: with a second call of this, of `shell`, `script` or `interpreted` the workflow does not build.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").input("{x}.txt").output("{x}.out").action("1", |job| {
    ///     let text = job.read(job.input(0)?)?;
    ///     job.log(&format!("{} bytes", text.len()));
    ///     Ok(job.write(job.output(0)?, text)?)
    /// });
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn action<F>(self, version: &str, run: F) -> RuleBuilder
    where
        F: Fn(&JobContext) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        let action = FunctionAction { version: version.into(), run: Box::new(run) };
        self.executes("action", DraftAction::Function(Arc::new(action)))
    }

    /// Gives `code` to the interpreter of `kind`: see [`SessionBuilder::interpreter`](crate::SessionBuilder::interpreter). The
    /// code is part of the fingerprint as it is written here; what differs from job to job the interpreter takes from its job.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule, Shadow, Value, Workflow};
    /// let rule = Rule::builder("r").output("{x}.csv").interpreted("sql", "select * from samples");
    /// # Workflow::builder().rule(rule).build()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn interpreted(self, kind: &str, code: impl Into<String>) -> RuleBuilder {
        let action = InterpretedAction { kind: kind.into(), code: code.into().into() };
        self.executes("interpreted", DraftAction::Interpreted(Arc::new(action)))
    }
}
