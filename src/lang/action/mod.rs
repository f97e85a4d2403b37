//! Code that changes things: the bodies of `run:` and of hooks, which run while a job runs and not while a file is
//! evaluated. What a body refers to is a part of what it is; one that uses only what is known here runs here, with
//! functions that exist for it alone, and any other is left to Python.
//!
//! Invariant: a body that runs here does what Python would do with it. What may differ (an exception whose text is
//! shown, a generator that is not run to its end) is found before it runs, and Python runs it.

mod body;
mod effects;
mod files;
mod names;
mod own;
mod refers;
mod resolve;
mod shell;

use crate::diag::SourceMap;
use crate::lang::frame::Frame;
use crate::lang::raise::Exc;
use crate::lang::value::Value;
use crate::lang::vm::{Frozen, SpaceId, Vm};
use crate::model::action::{Effects, ShellUse, Way};
use crate::syntax::ast::{self, FunctionBody, FunctionDef, Ident, Param, ParamKind};
use body::{Body, Kind};
use files::Unsaved;
use std::sync::{Arc, OnceLock};

pub(crate) use effects::function;
pub(crate) use files::open;
pub(crate) use shell::shell;

/// Names that the body of a rule sees of its job, in the order of its parameters.
pub(crate) const OF_RULES: &[&str] =
    &["input", "output", "params", "wildcards", "resources", "log", "threads", "rule", "jobid"];

/// The same for a hook.
pub(crate) const OF_HOOKS: &[&str] = &["log"];

/// What bodies need when they run, known at the end of the load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runner {
    pub(crate) evaluator: Arc<OnceLock<Arc<Frozen>>>,
    pub(crate) sources: Arc<OnceLock<Arc<SourceMap>>>,
}

/// What a body means.
pub(crate) struct Meaning {
    /// What it uses of its file, as text.
    pub(crate) refers: Arc<str>,
    pub(crate) way: Way,
    /// The function that runs it here: it must be frozen with everything else.
    pub(crate) root: Option<Value>,
}

/// The namespace and the texts of a body's file.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) space: SpaceId,
    pub(crate) sources: &'a SourceMap,
    /// The statements of the file.
    pub(crate) around: &'a str,
    pub(crate) parameters: &'static [&'static str],
    pub(crate) shell: &'a ShellUse,
    pub(crate) runner: &'a Runner,
}

/// What the evaluator needs to act for a job.
pub(crate) struct Acts<'a> {
    pub(crate) effects: &'a dyn Effects,
    shell: &'a ShellUse,
    unsaved: Unsaved,
}

/// Finds out what a body uses and who can run it.
pub(crate) fn meaning(vm: &mut Vm<'static>, place: Place<'_>, body: &ast::Code) -> Meaning {
    let refers = refers::text(vm, place, &body.text).into();
    match here(vm, place, body) {
        Ok((root, body)) => Meaning { refers, way: Way::InProcess(Arc::new(body)), root: Some(root) },
        Err(because) => Meaning { refers, way: Way::Python { because: because.into() }, root: None },
    }
}

/// The body as a function that can be called here, or what stands in the way.
fn here(vm: &mut Vm<'static>, place: Place<'_>, body: &ast::Code) -> Result<(Value, Body), String> {
    let block = body.block.as_ref().map_err(|problems| {
        problems
            .first()
            .map_or_else(|| "it was not understood".to_string(), |problem| problem.message.clone())
    })?;
    let kind = if place.parameters == OF_HOOKS { Kind::Hook } else { Kind::Rule };
    let ident = |text: &str| Ident { text: text.into(), span: body.span };
    let params = kind.parameters().iter();
    let def = FunctionDef {
        name: ident(kind.name()),
        params: params
            .map(|name| Param { name: ident(name), kind: ParamKind::Positional, default: None })
            .collect(),
        decorators: Vec::new(),
        body: FunctionBody::Block(block.clone()),
    };
    let root = vm.function(&mut Frame::module(place.space), &Arc::new(def));
    let Ok(Value::Function(function)) = root else { return Err("of its form".into()) };
    let globals = resolve::resolve(vm, &function, kind.parameters())?;
    let root = Value::Function(function);
    let body = Body {
        kind,
        root: root.clone(),
        space: place.space,
        globals,
        shell: place.shell.clone(),
        runner: place.runner.clone(),
    };
    Ok((root, body))
}

/// Kinds of exceptions that may come of what we lack, and that Python would then not raise.
pub(crate) fn is_ours(kind: Exc) -> bool {
    matches!(
        kind,
        Exc::UnsupportedError
            | Exc::FrozenError
            | Exc::TypeError
            | Exc::AttributeError
            | Exc::NameError
            | Exc::UnboundLocalError
            | Exc::OverflowError
            | Exc::RecursionError
            | Exc::NotImplementedError
            | Exc::SyntaxError
            | Exc::BudgetExceeded
            | Exc::ImportError
            | Exc::ModuleNotFoundError
            | Exc::RegexError
    )
}
