//! What all lints look at: the rules of a workflow with the sections that they were written in.

use crate::diag::{Problem, SourceId, Span};
use crate::files::stat::stat;
use crate::matching::index::{Candidate, PatternIndex, Scratch};
use crate::model::action::{Action, ShellAction};
use crate::model::rule::{InputSource, Rule};
use crate::model::workflow::Workflow;
use crate::syntax::ast::{Arg, ArgKind, Block, RuleDef, Section, Stmt, StmtKind, UseRule};
use crate::syntax::parse_file;
use crate::syntax::walk::{Node, walk};
use crate::trace::identity::FileKind;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A Rulefile, parsed once more.
pub(super) struct File {
    pub(super) source: SourceId,
    pub(super) text: Arc<str>,
    pub(super) block: Block,
}

/// The Rulefiles of the workflow; they were parsed before, so there are no mistakes.
pub(super) fn parsed(workflow: &Workflow) -> Vec<File> {
    let parse = |source: &SourceId| {
        let text = workflow.sources.file(*source).text.clone();
        Some(File { source: *source, block: parse_file(*source, &text).ok()?, text })
    };
    workflow.rulefiles.iter().filter_map(parse).collect()
}

/// Where a rule is written.
#[derive(Clone, Copy)]
pub(super) enum Written<'w> {
    Rule(&'w RuleDef),
    /// `use rule a as b with:`: what it does not say was said elsewhere.
    Use(&'w UseRule),
    /// In Rust.
    Nowhere,
}

/// One rule with its place.
#[derive(Clone, Copy)]
pub(super) struct Site<'w> {
    pub(super) number: u32,
    pub(super) rule: &'w Rule,
    pub(super) written: Written<'w>,
}

/// What the lints look at.
pub(super) struct Scope<'w> {
    pub(super) workflow: &'w Workflow,
    pub(super) files: &'w [File],
    pub(super) sites: Vec<Site<'w>>,
    /// Statements that define rules, each from its start to its end.
    pub(super) definitions: Vec<Span>,
    pub(super) index: PatternIndex,
    root: Option<PathBuf>,
}

impl<'w> Scope<'w> {
    pub(super) fn new(workflow: &'w Workflow, files: &'w [File], root: Option<&Path>) -> Scope<'w> {
        let mut written: FxHashMap<Span, Written<'w>> = FxHashMap::default();
        let mut definitions = Vec::new();
        each_stmt(files, |stmt| {
            let (head, found) = match &stmt.kind {
                StmtKind::Rule(def) => (def.head, Written::Rule(def)),
                StmtKind::UseRule(def) => (def.head, Written::Use(def)),
                _ => return,
            };
            definitions.push(stmt.span);
            written.insert(head, found);
        });
        let site = |(number, rule): (u32, &'w Arc<Rule>)| {
            let written = rule.place.and_then(|head| written.get(&head).copied());
            Site { number, rule, written: written.unwrap_or(Written::Nowhere) }
        };
        let root = root.map(|root| match &workflow.workdir {
            Some(workdir) => root.join(workdir),
            None => root.to_path_buf(),
        });
        Scope {
            workflow,
            files,
            sites: (0..).zip(&workflow.rules).map(site).collect(),
            definitions,
            // What cannot be compiled is an error of the plan; here it makes nothing.
            index: PatternIndex::of(&workflow.rules).unwrap_or_default(),
            root,
        }
    }

    /// Calls `visit` for each node of all Rulefiles; what is in a node is left out when it says `false`.
    pub(super) fn walk(&self, mut visit: impl FnMut(Node<'w>) -> bool) {
        self.files.iter().for_each(|file| walk(&file.block, &mut visit));
    }

    /// The rules that run a command of the shell.
    pub(super) fn commands(&self) -> impl Iterator<Item = (&Site<'w>, &'w ShellAction)> {
        self.sites.iter().filter_map(|site| match &site.rule.action {
            Action::Shell(shell) => Some((site, &**shell)),
            _ => None,
        })
    }

    /// Whether there is such a file, not a directory, in the project.
    pub(super) fn is_file(&self, path: &str) -> bool {
        let found = self.root.as_ref().and_then(|root| stat(&root.join(path)).ok().flatten());
        found.is_some_and(|found| found.sig.kind == FileKind::File)
    }

    /// Whether some rule makes this file.
    pub(super) fn makes(&self, path: &str) -> bool {
        let (mut found, mut scratch) = (false, Scratch::default());
        let mut visit = |_: Candidate<'_>| found = true;
        self.index.candidates(path, &mut scratch, &mut visit);
        self.index.above(path, &mut scratch, &mut visit);
        found
    }

    /// Whether nothing lies at a path, which may be absolute. Without a root that is not known.
    pub(super) fn is_absent(&self, path: &str) -> bool {
        self.root.as_ref().is_some_and(|root| matches!(stat(&root.join(path)), Ok(None)))
    }

    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The exact place of `needle` in an item of a section; its first item or its name, or the rule.
    pub(super) fn find(&self, site: &Site<'w>, section: &str, needle: &str) -> Option<Span> {
        let args = || site.section(section).into_iter().flat_map(|section| &section.args);
        let within = |arg: &Arg| {
            let span = arg.value.span;
            let offset = self.workflow.sources.snippet(span).find(needle)?;
            let start = span.start as usize + offset;
            Some(Span::new(span.source, start, start + needle.len()))
        };
        let found = args().find_map(within).filter(|_| !needle.is_empty());
        let first = || {
            let span = args().next()?.value.span;
            // Of a text over several lines the first one says nothing.
            let is_short = !self.workflow.sources.snippet(span).contains('\n');
            if is_short { Some(span) } else { site.section(section).map(|section| section.name.span) }
        };
        found.or_else(first).or(site.head())
    }

    /// The name of a rule, as it is shown beside its place.
    pub(super) fn rule(&self, number: u32) -> &'w Rule {
        &self.workflow.rules[number as usize]
    }
}

impl<'w> Site<'w> {
    pub(super) fn head(&self) -> Option<Span> {
        self.rule.place
    }

    /// What is written of the rule here.
    pub(super) fn sections(&self) -> &'w [Section] {
        match self.written {
            Written::Rule(def) => &def.sections,
            Written::Use(def) => &def.sections,
            Written::Nowhere => &[],
        }
    }

    /// The section, if it is written here and not where the rule was taken from.
    pub(super) fn section(&self, word: &str) -> Option<&'w Section> {
        self.sections().iter().find(|section| &*section.name.text == word)
    }

    /// The item of a section with this name.
    pub(super) fn named_item(&self, section: &str, name: &str) -> Option<Span> {
        self.section(section)?.args.iter().find_map(|arg| match &arg.kind {
            ArgKind::Keyword(key) if *key.text == *name => Some(key.span),
            _ => None,
        })
    }

    /// Whether the rule is another one with changes: what it does not say itself was looked at there.
    pub(super) fn is_inherited(&self) -> bool {
        matches!(self.written, Written::Use(_))
    }

    /// Whether some of its inputs are known only for a job.
    pub(super) fn has_input_functions(&self) -> bool {
        self.rule.inputs.iter().any(|item| matches!(item.source, InputSource::Function(_)))
    }

    /// A warning at `span`, or at the rule.
    pub(super) fn warning(
        &self,
        code: &'static str,
        message: impl Into<String>,
        span: Option<Span>,
    ) -> Problem {
        let problem = Problem::warning(code, message);
        match span.or(self.head()) {
            Some(span) => problem.at(span, ""),
            None => problem.note(format!("in rule `{}`", self.rule.name)),
        }
    }
}

/// Calls `visit` for each statement, wherever it stands.
pub(super) fn each_stmt<'w>(files: &'w [File], mut visit: impl FnMut(&'w Stmt)) {
    for file in files {
        walk(&file.block, |node| match node {
            Node::Stmt(stmt) => {
                visit(stmt);
                true
            }
            _ => false,
        });
    }
}
