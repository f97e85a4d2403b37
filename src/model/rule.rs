//! A rule: the template of jobs.

use crate::diag::{Problem, Span};
use crate::model::action::Action;
use crate::model::dynamic::{Dynamic, JobFunction};
use crate::model::flags::{Flag, Flags};
use crate::model::pattern::Pattern;
use crate::model::slots::Slot;
use crate::model::template::Template;
use crate::model::value::Value;
use std::sync::Arc;

/// A rule as it stands after all checks. Made by [`RuleBuilder`](crate::RuleBuilder) or by a Rulefile.
///
/// ```
/// use rulemake::Workflow;
/// let text = "rule a:\n    output: '{x}.txt'\n    shell: 'touch {output}'\n";
/// let workflow = Workflow::parse("Rulefile", text)?;
/// let rule = workflow.rule("a").expect("it is there");
/// assert_eq!(rule.wildcards().collect::<Vec<_>>(), ["x"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Debug)]
pub struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) doc: Option<Arc<str>>,
    /// Where it is defined; `None` for a rule built in Rust.
    pub(crate) place: Option<Span>,
    /// Wildcard names in the order of the first output (or log, or none).
    pub(crate) wildcards: Arc<[Arc<str>]>,
    pub(crate) inputs: Box<[InputItem]>,
    /// Bound patterns, flat in slot order; `output_slots` groups them.
    pub(crate) outputs: Box<[Pattern]>,
    pub(crate) output_slots: Arc<[Slot]>,
    /// One per output.
    pub(crate) output_flags: Box<[Flags]>,
    pub(crate) logs: Box<[Pattern]>,
    pub(crate) log_slots: Arc<[Slot]>,
    pub(crate) params: Box<[ParamItem]>,
    pub(crate) threads: Dynamic,
    pub(crate) resources: Box<[(Arc<str>, Dynamic)]>,
    pub(crate) priority: Dynamic,
    pub(crate) retries: Option<u32>,
    pub(crate) message: Option<Template>,
    pub(crate) action: Action,
    /// Its outputs decide what other jobs need: their input functions wait for it.
    pub(crate) checkpoint: bool,
    pub(crate) benchmark: Option<Benchmark<Pattern>>,
    /// Seconds after which a job is ended; `None`: never.
    pub(crate) timeout: Option<Dynamic>,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) environment: Environment,
    /// Whether its results may be kept and restored.
    pub(crate) cached: bool,
    /// `config` as its file left it.
    pub(crate) config: Arc<Value>,
    /// Why no job of the rule can run: told only when one is needed.
    pub(crate) refused: Option<Box<Problem>>,
}

/// A file with the wall time, memory and I/O of a job's executions.
#[derive(Clone, Debug)]
pub(crate) struct Benchmark<P> {
    pub(crate) path: P,
    /// How often the command is executed.
    pub(crate) repeat: u32,
}

/// Where a job works instead of in the root: a directory of its own, from which its outputs are moved. See
/// [`RuleBuilder::shadow`](crate::RuleBuilder::shadow).
///
/// ```
/// # use rulemake::{Rule, Shadow};
/// let rule = Rule::builder("a").output("a").shadow(Shadow::Minimal).shell("touch a scratch");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Shadow {
    /// Only the inputs, as symbolic links.
    Minimal,
    /// Only the inputs, copied.
    CopyMinimal,
    /// The top-level entries of the root, as symbolic links.
    Shallow,
    /// The whole tree: directories anew, files as symbolic links.
    Full,
}

/// The software a job asks for. Used only when the run enables it (`--env`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// A file that describes an environment, a name or a directory; relative files start from `dir`.
    pub(crate) conda: Option<Dynamic>,
    pub(crate) container: Option<Dynamic>,
    pub(crate) envmodules: Box<[Arc<str>]>,
    /// Directory of the Rulefile that defines the rule.
    pub(crate) dir: Arc<str>,
}

impl Environment {
    pub(crate) fn is_empty(&self) -> bool {
        self.conda.is_none() && self.container.is_none() && self.envmodules.is_empty()
    }
}

/// One item of `input:`.
#[derive(Debug)]
pub(crate) struct InputItem {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) source: InputSource,
}

#[derive(Debug)]
pub(crate) enum InputSource {
    /// One path, or a list of paths (`list` even with one element).
    Patterns {
        patterns: Box<[Pattern]>,
        /// One per pattern.
        flags: Box<[Flags]>,
        list: bool,
    },
    /// A function that gives a path or a list of paths, or nothing (`[]`).
    Function(Arc<dyn JobFunction>),
}

/// One item of `params:`.
#[derive(Debug)]
pub(crate) struct ParamItem {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) source: ParamSource,
    /// Whether it counts although the command does not name it: the program reads the file that it comes from.
    pub(crate) counts: bool,
}

#[derive(Debug)]
pub(crate) enum ParamSource {
    Const(Value),
    /// A string in which wildcards are replaced.
    Text(Pattern),
    /// A list with strings in which wildcards are replaced; its elements are constants and texts.
    List(Box<[ParamSource]>),
    Function(Arc<dyn JobFunction>),
}

impl Rule {
    /// Whether something of its jobs is known only by calling a function, which takes its time. Functions of inputs were
    /// called when the jobs came to be.
    pub(crate) fn calls_functions(&self) -> bool {
        let is_call = |value: &Dynamic| matches!(value, Dynamic::Function(_));
        let Environment { conda, container, .. } = &self.environment;
        [&self.threads, &self.priority].into_iter().any(is_call)
            || self.timeout.iter().chain(conda).chain(container).any(is_call)
            || self.resources.iter().any(|(_, value)| is_call(value))
            || self.params.iter().any(|param| matches!(param.source, ParamSource::Function(_)))
    }

    /// A rule that makes nothing from nothing.
    #[cfg(test)]
    pub(crate) fn blank(name: &str) -> Rule {
        Rule {
            name: name.into(),
            doc: None,
            place: None,
            wildcards: Arc::default(),
            inputs: Box::default(),
            outputs: Box::default(),
            output_slots: Arc::default(),
            output_flags: Box::default(),
            logs: Box::default(),
            log_slots: Arc::default(),
            params: Box::default(),
            threads: Dynamic::Const(Value::Int(1)),
            resources: Box::default(),
            priority: Dynamic::Const(Value::Int(0)),
            retries: None,
            message: None,
            action: Action::None,
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

    /// The patterns of all that a job makes, numbered: outputs, then logs, then the benchmark.
    pub(crate) fn products(&self) -> impl Iterator<Item = (u16, &Pattern)> {
        let benchmark = self.benchmark.as_ref().map(|benchmark| &benchmark.path);
        (0..).zip(self.outputs.iter().chain(&self.logs).chain(benchmark))
    }

    /// The patterns of directories among the outputs, with their numbers.
    pub(crate) fn directories(&self) -> impl Iterator<Item = (u16, &Pattern)> {
        let flagged = self.products().zip(&self.output_flags);
        flagged.filter(|(_, flags)| flags.has(Flag::Directory)).map(|(product, _)| product)
    }

    /// The rule's name.
    ///
    /// ```
    /// fn names(workflow: &rulemake::Workflow) -> Vec<&str> {
    ///     workflow.rules().map(|rule| rule.name()).collect()
    /// }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rule's docstring.
    ///
    /// ```
    /// fn undocumented(workflow: &rulemake::Workflow) -> usize {
    ///     workflow.rules().filter(|rule| rule.doc().is_none()).count()
    /// }
    /// ```
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.doc.as_deref()
    }

    /// The output patterns as written (normalised).
    ///
    /// ```
    /// fn all(workflow: &rulemake::Workflow) -> Vec<&str> {
    ///     workflow.rules().flat_map(|rule| rule.outputs()).collect()
    /// }
    /// ```
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.outputs.iter().map(|p| &*p.text)
    }

    /// The names of its wildcards.
    ///
    /// ```
    /// fn fixed(workflow: &rulemake::Workflow) -> usize {
    ///     workflow.rules().filter(|rule| rule.wildcards().len() == 0).count()
    /// }
    /// ```
    pub fn wildcards(&self) -> impl ExactSizeIterator<Item = &str> {
        self.wildcards.iter().map(|n| &**n)
    }
}

#[cfg(test)]
mod tests {
    use crate::{BoxError, CallContext, Rule, RuleBuilder, Value, Workflow};

    /// Promise: who asks whether a check may call something hears of each place where it does.
    #[test]
    fn functions_that_a_job_calls_are_found_wherever_they_stand() {
        let one = |_: &CallContext<'_>| -> Result<Value, BoxError> { Ok(Value::Int(1)) };
        let calls = |rule: RuleBuilder| {
            let rule = rule.output("a").shell("touch {output}");
            Workflow::builder().rule(rule).build().unwrap().rules[0].calls_functions()
        };
        let rule = || Rule::builder("a").threads(2).priority(1).resource("mem", 3).param("p", 4);
        assert!(!calls(rule()));
        assert!(calls(rule().threads_fn(one)) && calls(rule().resource_fn("disk", one)));
        assert!(calls(rule().param_fn("q", one)));
        assert!(!calls(rule().input_fn(|_| Ok(Value::List(vec![].into())))), "called before there is a job");
    }
}
