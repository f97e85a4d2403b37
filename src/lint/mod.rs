//! L6: what is probably not as its author meant, though the workflow can be used. Looks at the checked workflow and,
//! once more, at the text of its Rulefiles; runs nothing and writes nothing.
//!
//! One function finds the places of one lint, or of two that are two sides of one question. What it says must hold for
//! every workflow: where something cannot be known (a function, a computed name) it says nothing.

mod allow;
mod ambiguous;
mod command;
mod config;
mod files;
mod layout;
mod literals;
mod overlap;
mod python;
mod reach;
mod scope;
mod shell;
mod table;
mod unused;

pub use table::{LINTS, Lint, LintLevel};

use crate::diag::{Diagnostic, Problem, Severity};
use crate::model::workflow::Workflow;
use allow::Allowed;
use rustc_hash::FxHashSet;
use scope::Scope;
use std::path::PathBuf;

/// Which lints count, and how much.
///
/// ```
/// let mut options = rulemake::lint::LintOptions::default();
/// options.pedantic = true;
/// options.allow = vec!["no-log".into()];
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LintOptions {
    /// The lints that only some people want, too.
    pub pedantic: bool,
    /// Directory that the paths of the workflow start from: to tell files of the project in commands. Without it no
    /// file is looked at.
    pub root: Option<PathBuf>,
    /// Names of lints that are not wanted.
    pub allow: Vec<String>,
    /// Names of lints whose findings are errors, pedantic ones included.
    pub deny: Vec<String>,
    /// All findings are errors.
    pub strict: bool,
}

impl LintOptions {
    fn wants(&self, name: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|other| other == name);
        let is_on = |lint: &Lint| self.pedantic || lint.level != LintLevel::Pedantic || named(&self.deny);
        !named(&self.allow) && LINTS.iter().find(|lint| lint.name == name).is_none_or(is_on)
    }

    fn severity(&self, name: &str) -> Severity {
        let is_mistake = LINTS.iter().any(|lint| lint.name == name && lint.level == LintLevel::Error);
        match is_mistake || self.strict || self.deny.iter().any(|denied| denied == name) {
            true => Severity::Error,
            false => Severity::Warning,
        }
    }
}

impl Workflow {
    /// What is probably not as meant: the warnings of the load and the findings of all lints that are wanted, in the
    /// order of their places. [`LINTS`] tells what is looked for. A comment `# rulemake: allow(lint-name)` in the
    /// Rulefile, on the line or above it, silences a finding.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse(
    ///     "Rulefile",
    ///     "rule a:\n    output: 'x'\n    params: depth=3\n    shell: 'touch {output}'\n",
    /// )?;
    /// let found = workflow.lints(&rulemake::lint::LintOptions::default());
    /// assert_eq!(found[0].code, "unused-param");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn lints(&self, options: &LintOptions) -> Vec<Diagnostic> {
        let files = scope::parsed(self);
        let scope = Scope::new(self, &files, options.root.as_deref());
        let (allowed, unknown) = Allowed::read(&scope);
        let mut problems = self.warnings.clone();
        problems.extend(unknown);
        for find in [
            ambiguous::ambiguous_outputs,
            ambiguous::overlapping_outputs,
            config::unused_config_key,
            files::missing_code,
            files::output_outside_root,
            files::undeclared_file,
            layout::no_log,
            layout::tabs_and_blanks,
            literals::joined_paths,
            python::is_literal,
            python::unsupported_python,
            reach::unreachable_rule,
            shell::nested_shell,
            unused::unused_constraint,
            unused::unused_input,
            unused::unused_param,
            unused::unused_wildcard,
        ] as [fn(&Scope<'_>, &mut Finder<'_>); 17]
        {
            find(&scope, &mut Finder { options, problems: &mut problems });
        }
        problems.retain(|problem| options.wants(problem.code) && !allowed.silences(problem, self));
        for problem in &mut problems {
            problem.severity = options.severity(problem.code);
        }
        problems.sort_by_key(|problem| problem.labels.first().map(|(span, _)| (span.source, span.start)));
        let mut seen = FxHashSet::default();
        let found = problems.iter().map(|problem| problem.resolve(&self.sources));
        // A module that is used twice is read twice.
        found
            .filter(|found| {
                let place = found.labels.first().map(|label| (label.file.clone(), label.line, label.column));
                seen.insert((place, found.code.clone(), found.message.clone()))
            })
            .collect()
    }
}

/// Where findings go.
struct Finder<'a> {
    options: &'a LintOptions,
    problems: &'a mut Vec<Problem>,
}

impl Finder<'_> {
    /// Whether it is worth looking for this lint.
    fn wants(&self, name: &str) -> bool {
        self.options.wants(name)
    }

    fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
