//! A workflow: rules that were checked together.

use crate::base::digest::Digest;
use crate::diag::{Diagnostic, Label, Problem, SourceId, SourceMap, Span, label};
use crate::model::action::Code;
use crate::model::dynamic::CallReads;
use crate::model::order::RuleOrder;
use crate::model::rule::Rule;
use crate::model::value::Value;
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// An immutable set of rules. Loaded from a Rulefile or built in Rust; can be shared between threads. Clones share the rules,
/// so several sessions can be opened on one load.
///
/// ```
/// use rulemake::Workflow;
/// let text = "rule all:\n    input: 'a.txt'\nrule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let workflow = Workflow::parse("Rulefile", text)?;
/// assert_eq!(workflow.rules().map(|rule| rule.name()).collect::<Vec<_>>(), ["all", "a"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) by_name: FxHashMap<Arc<str>, u32>,
    /// What is built when no target is given.
    pub(crate) default_rule: Option<u32>,
    pub(crate) order: RuleOrder,
    /// The root that it was loaded for, absolute; `None` when it was not loaded from a file.
    pub(crate) home: Option<PathBuf>,
    /// Directory below the root that all paths start from.
    pub(crate) workdir: Option<PathBuf>,
    pub(crate) sources: Arc<SourceMap>,
    /// Which of the sources are Rulefiles, in order of reading.
    pub(crate) rulefiles: Vec<SourceId>,
    /// Files and listings that the evaluation looked at.
    pub(crate) reads: Vec<Read>,
    /// What functions of rules looked at since.
    pub(crate) called: Option<Arc<dyn CallReads>>,
    /// The text for the front page of a report, from the root.
    pub(crate) report: Option<Arc<str>>,
    pub(crate) warnings: Vec<Problem>,
    /// Lines that `print` made during the load.
    pub(crate) printed: Vec<String>,
    /// What is to be done at moments of a run.
    pub(crate) hooks: Vec<Hook>,
    /// Stands for the Rulefile and the options that it was loaded with.
    pub(crate) request: Option<Digest>,
}

/// Code that belongs to a moment of a run: `onstart:`.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) moment: Moment,
    pub(crate) place: Span,
    pub(crate) code: Arc<Code>,
    pub(crate) config: Arc<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Before the first job.
    Start,
    Success,
    Error,
}

impl Moment {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Moment::Start => "onstart",
            Moment::Success => "onsuccess",
            Moment::Error => "onerror",
        }
    }
}

/// One thing that evaluating the Rulefile looked at, and what it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// `file`, `glob`, `exists`…; `variable` of the environment, `host` for what else the machine says.
    pub(crate) kind: &'static str,
    pub(crate) what: String,
    /// What `kind` and `what` leave open of how it was looked at.
    pub(crate) how: How,
    /// Digest of what was seen; `None` when it was absent.
    pub(crate) digest: Option<Digest>,
}

/// How something was looked at, so that it can be looked at again in the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum How {
    /// By its name, from the root.
    #[default]
    Named,
    /// A file that is called otherwise than where it lies.
    At(PathBuf),
    /// By `glob_wildcards`.
    Wildcards { follow: bool },
    /// By `glob` or its like, from a directory.
    Pattern { base: String, pattern: String, recursive: bool, hidden: bool, directories: bool },
    /// Several times, and not the same was seen.
    Unsteady,
}

impl Workflow {
    /// Puts checked rules together.
    ///
    /// # Errors
    /// Rules of one name, each with both places.
    pub(crate) fn assemble(
        rules: Vec<Arc<Rule>>,
        default_rule: Option<u32>,
        sources: Arc<SourceMap>,
        reads: Vec<Read>,
        warnings: Vec<Problem>,
    ) -> Result<Workflow, Vec<Problem>> {
        let mut by_name: FxHashMap<Arc<str>, u32> = FxHashMap::default();
        let mut problems = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let Some(first) = by_name.insert(rule.name.clone(), index as u32) else { continue };
            let mut problem =
                Problem::error("duplicate-rule", format!("two rules are called `{}`", rule.name));
            if let Some(span) = rule.place {
                problem = problem.at(span, "defined again here");
            }
            if let Some(span) = rules[first as usize].place {
                problem = problem.at(span, "first defined here");
            }
            problems.push(problem.help("rename one of them"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Workflow {
            rules,
            by_name,
            default_rule,
            order: RuleOrder::default(),
            home: None,
            workdir: None,
            sources,
            rulefiles: Vec::new(),
            reads,
            called: None,
            report: None,
            warnings,
            printed: Vec::new(),
            hooks: Vec::new(),
            request: None,
        })
    }

    /// The rules in order of definition.
    ///
    /// ```
    /// # use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// assert_eq!(workflow.rules().map(|rule| rule.name()).collect::<Vec<_>>(), ["a"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter().map(|r| &**r)
    }

    /// The rule called `name`.
    ///
    /// ```
    /// # use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// assert!(workflow.rule("a").is_some() && workflow.rule("b").is_none());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.by_name.get(name).map(|&i| &*self.rules[i as usize])
    }

    /// The rule that is built when no target is given.
    ///
    /// ```
    /// # use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// assert_eq!(workflow.default_rule().unwrap().name(), "a");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn default_rule(&self) -> Option<&Rule> {
        self.default_rule.map(|i| &*self.rules[i as usize])
    }

    /// The Rulefiles that were read, the first one and all that it includes or takes as modules, by the names that
    /// messages call them.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "rule a:\n    output: 'x'\n    shell: 'touch x'\n")?;
    /// assert_eq!(workflow.rulefiles().collect::<Vec<_>>(), ["Rulefile"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn rulefiles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rulefiles.iter().map(|source| self.sources.file(*source).name.as_str())
    }

    /// Where a rule is defined; nothing for an unknown one, or one that was built in Rust.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "\nrule a:\n    output: 'x'\n    shell: 'touch x'\n")?;
    /// assert_eq!(workflow.place_of("a").unwrap().line, 2);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn place_of(&self, rule: &str) -> Option<Label> {
        self.rule(rule)?.place.map(|span| label(span, "", &self.sources))
    }

    /// The files, listings and existence tests that evaluating the Rulefile looked at, in order: what to watch
    /// besides the sources of a plan.
    ///
    /// ```
    /// # use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "import os\nrule a:\n    output: 'b' if os.path.exists('no-such') else 'a'\n    shell: 'touch {output}'\n")?;
    /// assert_eq!(workflow.reads().collect::<Vec<_>>(), ["no-such"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let is_file = |read: &&Read| !matches!(read.kind, "variable" | "host");
        self.reads.iter().filter(is_file).map(|read| read.what.as_str())
    }

    /// The files that say what the workflow is: the Rulefile, what it includes, config files and helpers, in order of
    /// reading, as they were named.
    ///
    /// ```
    /// # use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// assert_eq!(workflow.files().collect::<Vec<_>>(), ["Rulefile"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.names()
    }

    /// What `print` wrote while the Rulefile was loaded, in order: the library itself writes nothing.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "print('two', 2)\nrule a:\n    output: 'x'\n    shell: 'touch x'\n")?;
    /// assert_eq!(workflow.printed(), ["two 2"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// What is probably not as meant, though the workflow can be used.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "rule a:\n    output: 'x'\n    shell: 'touch x'\n")?;
    /// for warning in workflow.warnings() {
    ///     println!("{}", warning.render(rulemake::TextStyle::Plain));
    /// }
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.warnings.iter().map(|problem| problem.resolve(&self.sources)).collect()
    }
}
