//! Functions of a Rulefile as functions of jobs.

use crate::base::path::normalise;
use crate::diag::{Problem, Span};
use crate::lang::builtins::flags::Flagged;
use crate::lang::builtins::from_file;
use crate::lang::builtins::later::EXTRAS;
use crate::lang::load::checkpoints;
use crate::lang::load::objects::{JobWildcards, Named};
use crate::lang::load::paths::PathRules;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::Absent;
use crate::lang::value::{Args, Value};
use crate::lang::vm::{Frozen, Vm};
use crate::model;
use crate::model::dynamic::{CallContext, CallError, JobFunction, PathTree};
use crate::model::flags::Flags;
use crate::syntax::ast::ParamKind;
use crate::syntax::words::meant;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// How many functions may follow each other for one value.
const MAX_HANDOVERS: usize = 10;

/// The workflow's evaluator, once the load is over.
pub(super) type Evaluator = Arc<OnceLock<Arc<Frozen>>>;

/// A `lambda`, `def` or other callable in a section of a rule.
pub(super) struct RuleFunction {
    name: Arc<str>,
    function: Value,
    extras: Vec<&'static str>,
    span: Span,
    section: &'static str,
    /// What happens to the paths that it gives, if it is an input function.
    paths: Arc<PathRules>,
    evaluator: Evaluator,
}

impl fmt::Debug for RuleFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleFunction({})", self.name)
    }
}

impl RuleFunction {
    /// Checks that a job can give what the function asks for.
    pub(super) fn new(
        function: Value,
        section: &'static str,
        span: Span,
        paths: Arc<PathRules>,
        evaluator: Evaluator,
    ) -> Result<RuleFunction, Box<Problem>> {
        let mut extras = Vec::new();
        let name: Arc<str> = match &function {
            Value::Function(f) if &*f.def.name.text != "<lambda>" => f.def.name.text.clone(),
            Value::Function(_) => "lambda".into(),
            other => other.type_name().into(),
        };
        let Value::Function(code) = &function else {
            for asked in function.parameters().iter().skip(1).filter_map(|p| extra(p)) {
                if !available(asked, section) {
                    return Err(Box::new(unavailable(asked, true, section, span)));
                }
                extras.push(asked);
            }
            return Ok(RuleFunction { name, function, extras, span, section, paths, evaluator });
        };
        let params = &code.def.params;
        if !params.iter().any(|p| matches!(p.kind, ParamKind::Positional | ParamKind::Star)) {
            let message = format!(
                "a function in `{section}:` gets the wildcards of the job, but this one takes no argument"
            );
            let problem = Problem::error("bad-function", message).at(span, "");
            return Err(Box::new(problem.help("write `lambda wildcards: ...`")));
        }
        for param in params.iter().skip(1) {
            if matches!(param.kind, ParamKind::Star | ParamKind::DoubleStar) {
                continue;
            }
            let known = extra(&param.name.text);
            match known {
                Some(extra) if available(extra, section) => extras.push(extra),
                _ if param.default.is_some() => {}
                _ => {
                    return Err(Box::new(unavailable(
                        &param.name.text,
                        known.is_some(),
                        section,
                        param.name.span,
                    )));
                }
            }
        }
        Ok(RuleFunction { name, function, extras, span, section, paths, evaluator })
    }

    fn evaluate(&self, cx: &CallContext<'_>, vm: &mut Vm) -> Result<Value, Raise> {
        let wildcards = Value::object(JobWildcards(cx.wildcards.clone()));
        let root: Arc<Path> = vm.root().into();
        let mut call = |function: &Value, extras: &mut dyn Iterator<Item = &'static str>| {
            let named = extras.map(|name| (name.into(), argument(name, cx, &root))).collect();
            vm.call(function, Args { positional: vec![wildcards.clone()], named })
        };
        let mut value = call(&self.function, &mut self.extras.iter().copied())?;
        // A function may hand over to another one; the bound is Snakemake's.
        let mut handovers = 0;
        while value.is_callable() {
            handovers += 1;
            if handovers > MAX_HANDOVERS {
                let message =
                    format!("{MAX_HANDOVERS} functions in a row returned a function instead of a value");
                return Err(Raise::new(Exc::RecursionError, message));
            }
            let wanted = value.parameters();
            value = call(&value, &mut self.known_extras(&wanted))?;
        }
        Ok(value)
    }

    fn called<T>(
        &self,
        cx: &CallContext<'_>,
        take: impl FnOnce(&Value) -> Result<T, Raise>,
    ) -> Result<T, CallError> {
        let Some(evaluator) = self.evaluator.get() else {
            return Err(CallError::Message("the workflow is not loaded completely".into()));
        };
        let value = evaluator.with_vm(cx.rule, cx.checkpoints, |vm| self.evaluate(cx, vm));
        value.and_then(|value| take(&value)).map_err(|raise| {
            if let Some(pending) = checkpoints::pending(&raise) {
                let (checkpoint, wildcards) = (pending.checkpoint.clone(), pending.wildcards.clone());
                return CallError::Pending { checkpoint, wildcards };
            }
            match absent_input(&raise, cx) {
                Some(path) => CallError::Absent(path),
                // Who called it, and for which job, is said by the caller.
                None => CallError::Problem(Box::new(raise.at(self.span).to_problem())),
            }
        })
    }

    /// What of the extras a further function asks for.
    fn known_extras<'w>(&self, wanted: &'w [Arc<str>]) -> impl Iterator<Item = &'static str> + use<'w> {
        let section = self.section;
        wanted.iter().skip(1).filter_map(|p| extra(p)).filter(move |e| available(e, section))
    }
}

/// The input of the job that a function looked at in vain.
fn absent_input(raise: &Raise, cx: &CallContext<'_>) -> Option<Arc<str>> {
    let Absent(path) = raise.payload()?.downcast_ref()?;
    let path = normalise(path);
    cx.input.paths.iter().find(|input| ***input == *path).cloned()
}

fn extra(name: &str) -> Option<&'static str> {
    EXTRAS.iter().find(|e| **e == name).copied()
}

/// What is known of a job when a section of its rule is evaluated. Inputs are known before everything else: a function
/// for them sees only what names the job.
fn available(extra: &str, section: &str) -> bool {
    let known: &[&str] = match section {
        "input" | "output" | "log" | "group" => &["attempt"],
        "threads" | "priority" => &["input", "attempt"],
        "resources" => &["input", "threads", "attempt"],
        "conda" | "container" => &[],
        _ => &["input", "output", "threads", "resources", "attempt"],
    };
    known.contains(&extra) || matches!(extra, "rule" | "rulename")
}

fn unavailable(name: &str, known: bool, section: &str, span: Span) -> Problem {
    let given: Vec<&str> =
        EXTRAS.iter().copied().filter(|e| available(e, section) && *e != "rulename").collect();
    let message = if known {
        format!("`{name}` is not known yet when `{section}:` is evaluated")
    } else {
        format!("a function in `{section}:` cannot get an argument `{name}`")
    };
    let problem = Problem::error("unavailable-argument", message).at(span, "");
    match meant(name, given.iter().copied()) {
        Some(question) => problem.help(question),
        None => {
            problem.help(format!("the first argument is the wildcards; others can be: {}", given.join(", ")))
        }
    }
}

fn argument(name: &str, cx: &CallContext<'_>, root: &Arc<Path>) -> Value {
    match name {
        "input" => Value::object(Named {
            files: Some(root.clone()),
            ..Named::paths("InputFiles", "the input of this job", cx.input)
        }),
        "output" => Value::object(Named::paths("OutputFiles", "the output of this job", cx.output)),
        "threads" => Value::Int(cx.threads.into()),
        "attempt" => Value::Int(cx.attempt.into()),
        "resources" => {
            let named: Vec<(Arc<str>, Value)> =
                cx.resources.iter().map(|(n, v)| (n.clone(), Value::from_model(v))).collect();
            let flat = named.iter().map(|(_, v)| v.clone()).collect();
            Value::object(Named {
                type_name: "Resources",
                what: "resources of this job".into(),
                flat,
                named,
                files: None,
            })
        }
        _ => cx.rule.into(),
    }
}

impl JobFunction for RuleFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn call(&self, cx: &CallContext<'_>) -> Result<model::value::Value, CallError> {
        self.called(cx, Value::to_model)
    }

    fn is_local(&self) -> bool {
        self.extras.iter().any(|extra| matches!(*extra, "threads" | "resources" | "attempt"))
    }

    fn mistake(&self) -> Option<Problem> {
        from_file::mistake(&self.function).map(Raise::to_problem)
    }

    fn paths(&self, cx: &CallContext<'_>) -> Result<PathTree, CallError> {
        self.called(cx, |value| path_tree(value, &self.paths, 0))
    }
}

/// Lists in lists that an input function may give.
const MAX_NESTING: usize = 100;

/// What an input function gave, as paths with their flags.
fn path_tree(value: &Value, rules: &PathRules, depth: usize) -> Result<PathTree, Raise> {
    if depth > MAX_NESTING {
        return Err(Raise::new(Exc::RecursionError, "lists of paths are nested too deeply"));
    }
    let items = match value {
        Value::Str(text) if rules.leave(text) => return Ok(PathTree::One(text.clone(), Flags::default())),
        Value::Str(_) => return one_path(value, rules),
        Value::Dict(dict) => {
            let pairs =
                dict.0.read(|map| map.iter().map(|(k, v)| (k.0.display(), v.clone())).collect::<Vec<_>>());
            let trees =
                pairs.into_iter().map(|(name, value)| Ok((name, path_tree(&value, rules, depth + 1)?)));
            return trees.collect::<Result<_, Raise>>().map(PathTree::Named);
        }
        Value::Object(object) if object.stand_in().is_some() => return one_path(value, rules),
        Value::Object(object) => object.items(),
        other => other.snapshot(),
    };
    match items {
        Some(items) => {
            let trees = items.iter().map(|item| path_tree(item, rules, depth + 1));
            trees.collect::<Result<_, Raise>>().map(PathTree::Many)
        }
        None => Ok(PathTree::of(&value.to_model()?)),
    }
}

fn one_path(value: &Value, rules: &PathRules) -> Result<PathTree, Raise> {
    let value = rules.apply(value).map_err(Raise::value_error)?;
    Ok(match value.downcast::<Flagged>() {
        // As in Snakemake, what a function gives may come from any rule.
        Some(flagged) => {
            let mut flags = flagged.marks.flags.clone();
            flags.maker = None;
            PathTree::One(flagged.path.display(), flags)
        }
        None => PathTree::One(value.display(), Flags::default()),
    })
}
