//! Workflows from Rust: the programmatic twin of a Rulefile, alone or around one.

use crate::diag::{Problem, SourceMap};
use crate::error::{Error, ErrorKind, Result};
use crate::model::rule::Rule;
use crate::model::rule_builder::RuleBuilder;
use crate::model::workflow::Workflow;
use std::sync::Arc;

/// What closures of rules return on failure.
///
/// ```
/// fn check(text: &str) -> Result<(), rulemake::BoxError> {
///     if text.is_empty() { Err("it is empty".into()) } else { Ok(()) }
/// }
/// assert_eq!(check("").unwrap_err().to_string(), "it is empty");
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Collects rules; made by [`Workflow::builder`].
///
/// ```
/// use rulemake::{Rule, Workflow};
/// let workflow = Workflow::builder()
///     .constraint("sample", "[a-z]+")
///     .rule(Rule::builder("all").input("a.txt"))
///     .rule(Rule::builder("make").output("{sample}.txt").shell("echo {wildcards.sample} > {output}"))
///     .build()?;
/// assert_eq!(workflow.default_rule().unwrap().name(), "all");
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct WorkflowBuilder {
    base: Option<Workflow>,
    rules: Vec<RuleBuilder>,
    constraints: Vec<(Arc<str>, Arc<str>)>,
    default_rule: Option<String>,
}

impl Workflow {
    /// Starts a workflow without a Rulefile.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let workflow = Workflow::builder().rule(Rule::builder("a").output("a").shell("touch a")).build()?;
    /// assert_eq!(workflow.rules().len(), 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn builder() -> WorkflowBuilder {
        WorkflowBuilder::default()
    }
}

impl WorkflowBuilder {
    /// Begins with the rules of a Rulefile and with all that it says besides: its default rule, the order of its rules,
    /// `workdir:`, hooks. Rules that are added read its files and make files for it. Global constraints of either side
    /// count for the rules of that side.
    ///
    /// ```
    /// use rulemake::{Rule, Workflow};
    /// let text = "rule all:\n    input: 'b.txt'\nrule b:\n    input: 'a.txt'\n    output: 'b.txt'\n    shell: 'cp {input} {output}'\n";
    /// let workflow = Workflow::builder()
    ///     .rulefile(Workflow::parse("Rulefile", text)?)
    ///     .rule(Rule::builder("a").output("a.txt").action("1", |job| Ok(job.write(job.output(0)?, "a")?)))
    ///     .build()?;
    /// assert_eq!(workflow.default_rule().unwrap().name(), "all");
    /// assert_eq!(workflow.rules().len(), 3);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn rulefile(mut self, workflow: Workflow) -> WorkflowBuilder {
        self.base = Some(workflow);
        self
    }

    /// Adds a rule. The first rule is the default target, unless a Rulefile says another.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let builder = Workflow::builder().rule(Rule::builder("a").output("a").shell("touch a"));
    /// assert!(builder.build()?.rule("a").is_some());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn rule(mut self, rule: RuleBuilder) -> WorkflowBuilder {
        self.rules.push(rule);
        self
    }

    /// Restricts a wildcard in all rules that do not restrict it themselves.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = Rule::builder("a").output("{x}.txt").shell("touch {output}");
    /// assert!(Workflow::builder().constraint("x", "[a-z]+").rule(rule).build().is_ok());
    /// ```
    pub fn constraint(mut self, wildcard: &str, regex: &str) -> WorkflowBuilder {
        self.constraints.push((wildcard.into(), regex.into()));
        self
    }

    /// Sets what is built when no target is given.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let rule = |name: &str| Rule::builder(name).output(name).shell("touch {output}");
    /// let workflow = Workflow::builder().rule(rule("a")).rule(rule("b")).default_rule("b").build()?;
    /// assert_eq!(workflow.default_rule().unwrap().name(), "b");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn default_rule(mut self, name: impl Into<String>) -> WorkflowBuilder {
        self.default_rule = Some(name.into());
        self
    }

    /// Checks the rules, as a Rulefile's are checked.
    ///
    /// ```
    /// # use rulemake::{Rule, Workflow};
    /// let error = Workflow::builder().rule(Rule::builder("a").output("a")).build().unwrap_err();
    /// assert_eq!(error.code(), "no-action");
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Workflow`] with all mistakes found.
    pub fn build(self) -> Result<Workflow> {
        let sources =
            self.base.as_ref().map_or_else(|| Arc::new(SourceMap::default()), |base| base.sources.clone());
        let globals: Vec<_> = self.constraints.into_iter().map(|(name, regex)| (name, regex, None)).collect();
        let mut problems = Vec::new();
        let mut rules: Vec<Arc<Rule>> = self.base.as_ref().map(|base| base.rules.clone()).unwrap_or_default();
        for builder in self.rules {
            let draft = builder.into_draft(&mut problems);
            let rule = draft.finish(&globals, &mut |_| None, &sources, &mut problems);
            rules.extend(rule.map(Arc::new));
        }
        let own =
            self.base.as_ref().map_or_else(|| (!rules.is_empty()).then_some(0), |base| base.default_rule);
        let default_rule = match &self.default_rule {
            None => own,
            Some(name) => {
                let found = rules.iter().position(|r| *r.name == **name).map(|i| i as u32);
                if found.is_none() {
                    let message = format!("the default rule `{name}` does not exist");
                    problems.push(Problem::error("unknown-rule", message));
                }
                found
            }
        };
        let mut warnings = Problem::take_warnings(&mut problems);
        let assembled = Workflow::assemble(rules, default_rule, sources.clone(), Vec::new(), Vec::new());
        match assembled {
            Ok(workflow) if problems.is_empty() => Ok(match self.base {
                None => Workflow { warnings, ..workflow },
                Some(mut base) => {
                    warnings.splice(0..0, std::mem::take(&mut base.warnings));
                    let Workflow { rules, by_name, default_rule, .. } = workflow;
                    Workflow { rules, by_name, default_rule, warnings, ..base }
                }
            }),
            Ok(_) => Err(Error::problems(ErrorKind::Workflow, &problems, &sources)),
            Err(found) => {
                problems.extend(found);
                Err(Error::problems(ErrorKind::Workflow, &problems, &sources))
            }
        }
    }
}
