//! Statements and calls.

use crate::diag::Span;
use crate::lang::action;
use crate::lang::builtins;
use crate::lang::eval::{Binding, fits};
use crate::lang::frame::{Frame, Slot};
use crate::lang::index;
use crate::lang::iter::Walk;
use crate::lang::methods;
use crate::lang::modules;
use crate::lang::ops;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, DictMap, Function, Key, Type, Value};
use crate::lang::vm::{Host, NoHost, Vm};
use crate::syntax::ast::{
    BinaryOp, Block, Expr, ExprKind, FunctionBody, FunctionDef, Handler, Opaque, ParamKind, Stmt, StmtKind,
};
use std::sync::Arc;

/// A statement that is text to us.
#[inline(never)]
fn not_run(opaque: &Opaque) -> Raise {
    let (_, message, help) = opaque.kind.reason();
    Raise::unsupported(message, help).at(opaque.head)
}

/// How a block ended.
pub(crate) enum Flow {
    Next,
    Break(Span),
    Continue(Span),
    Return(Value, Span),
}

impl Vm<'_> {
    pub(crate) fn exec(
        &mut self,
        frame: &mut Frame,
        block: &[Stmt],
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        self.budget.check_stack()?;
        for stmt in block {
            match self.exec_stmt(frame, stmt, host).map_err(|raise| raise.at(stmt.span))? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn exec_stmt(&mut self, frame: &mut Frame, stmt: &Stmt, host: &mut dyn Host) -> Result<Flow, Raise> {
        match &stmt.kind {
            StmtKind::Expr(expr) => drop(self.eval_in(frame, expr)?),
            StmtKind::Assign { targets, value } => {
                let value = self.eval_in(frame, value)?;
                for target in targets {
                    self.assign(frame, target, value.clone(), Binding::Variable)?;
                }
            }
            StmtKind::AugAssign { target, op, value } => self.aug_assign(frame, target, *op, value)?,
            StmtKind::AnnAssign { target, value: Some(value) } => {
                let value = self.eval_in(frame, value)?;
                self.assign(frame, target, value, Binding::Variable)?;
            }
            StmtKind::If { arms, orelse } => {
                for (test, body) in arms {
                    if self.eval_in(frame, test)?.condition()? {
                        return self.exec(frame, body, host);
                    }
                }
                return self.exec(frame, orelse, host);
            }
            StmtKind::For { target, iter, body, orelse } => {
                return self.exec_for(frame, target, iter, body, orelse, host);
            }
            StmtKind::While { test, body, orelse } => {
                return self.exec_while(frame, test, body, orelse, host);
            }
            StmtKind::With { items, body } => {
                return self.exec_with(frame, items, body, host);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                return self.exec_try(frame, body, handlers, orelse, finally, host);
            }
            StmtKind::Def(def) => {
                let function = self.decorated(frame, def)?;
                self.store(frame, &def.name.text, Some(function))?;
            }
            StmtKind::Return(value) => {
                let value = match value {
                    Some(expr) => self.eval_in(frame, expr)?,
                    None => Value::None,
                };
                return Ok(Flow::Return(value, stmt.span));
            }
            StmtKind::Raise(value) => return Err(self.raised(frame, value.as_ref())?.at(stmt.span)),
            StmtKind::Assert { test, message } => self.exec_assert(frame, test, message.as_ref())?,
            StmtKind::Del(targets) => targets.iter().try_for_each(|target| self.delete(frame, target))?,
            StmtKind::Import { module, alias, names } => {
                self.import(frame, module, alias.as_ref(), names.as_deref())?;
            }
            StmtKind::Global(_) | StmtKind::Nonlocal(_) | StmtKind::Pass => {}
            StmtKind::AnnAssign { value: None, .. } => {}
            StmtKind::Break => return Ok(Flow::Break(stmt.span)),
            StmtKind::Continue => return Ok(Flow::Continue(stmt.span)),
            StmtKind::Rule(def) => host.rule(self, def)?,
            StmtKind::Module(def) => host.module(self, def)?,
            StmtKind::UseRule(def) => host.use_rule(self, def)?,
            StmtKind::Hook(hook) => host.hook(self, hook)?,
            StmtKind::Directive(directive) => host.directive(self, directive)?,
            StmtKind::Opaque(opaque) => match &opaque.name {
                // A class or an async function: an error when it is used.
                Some(name) => {
                    self.store(frame, &name.text, Some(modules::opaque(&name.text, opaque.kind)))?
                }
                None => return Err(not_run(opaque)),
            },
        }
        Ok(Flow::Next)
    }

    /// The function after its decorators, the innermost first.
    #[inline(never)]
    fn decorated(&mut self, frame: &mut Frame, def: &Arc<FunctionDef>) -> Result<Value, Raise> {
        let decorators = def.decorators.iter().map(|d| Ok((self.eval_in(frame, d)?, d.span)));
        let decorators = decorators.collect::<Result<Vec<(Value, Span)>, Raise>>()?;
        let function = self.function(frame, def)?;
        decorators.into_iter().rev().try_fold(function, |function, (decorator, span)| {
            let args = Args { positional: vec![function], named: Vec::new() };
            self.call_value(&decorator, args, None).map_err(|raise| raise.at(span))
        })
    }

    fn exec_for(
        &mut self,
        frame: &mut Frame,
        target: &Expr,
        iter: &Expr,
        body: &Block,
        orelse: &Block,
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        let source = self.eval_in(frame, iter)?;
        let mut walk = Walk::over(&source).map_err(|raise| raise.at(iter.span))?;
        while let Some(item) = walk.next().map_err(|raise| raise.at(iter.span))? {
            self.budget.spend(1)?;
            self.assign(frame, target, item, Binding::Variable)?;
            match self.exec(frame, body, host)? {
                Flow::Next | Flow::Continue(_) => {}
                Flow::Break(_) => return Ok(Flow::Next),
                flow @ Flow::Return(..) => return Ok(flow),
            }
        }
        self.exec(frame, orelse, host)
    }

    fn exec_while(
        &mut self,
        frame: &mut Frame,
        test: &Expr,
        body: &Block,
        orelse: &Block,
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        while self.eval_in(frame, test)?.condition()? {
            self.budget.spend(1)?;
            match self.exec(frame, body, host)? {
                Flow::Next | Flow::Continue(_) => {}
                Flow::Break(_) => return Ok(Flow::Next),
                flow @ Flow::Return(..) => return Ok(flow),
            }
        }
        self.exec(frame, orelse, host)
    }

    fn exec_with(
        &mut self,
        frame: &mut Frame,
        items: &[(Expr, Option<Expr>)],
        body: &Block,
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        let mut contexts = Vec::with_capacity(items.len());
        let entered = items.iter().try_for_each(|(expr, target)| {
            let value = self.eval_in(frame, expr)?;
            let Value::Object(object) = &value else { return Err(no_context(&value).at(expr.span)) };
            if !object.is_context() {
                return Err(no_context(&value).at(expr.span));
            }
            contexts.push(object.clone());
            match target {
                Some(target) => self.assign(frame, target, value, Binding::Variable),
                None => Ok(()),
            }
        });
        let result = entered.and_then(|()| self.exec(frame, body, host));
        contexts.iter().rev().fold(result, |result, context| {
            let closed = context.exit();
            result.and_then(|flow| closed.map(|()| flow))
        })
    }

    fn exec_try(
        &mut self,
        frame: &mut Frame,
        body: &Block,
        handlers: &[Handler],
        orelse: &Block,
        finally: &Block,
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        let result = match self.exec(frame, body, host) {
            Ok(Flow::Next) => self.exec(frame, orelse, host),
            Err(raise) if !self.is_beyond(&raise) => self.handle(frame, handlers, raise, host),
            other => other,
        };
        if matches!(&result, Err(raise) if self.is_beyond(raise)) {
            return result;
        }
        match self.exec(frame, finally, host)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    /// Whether no handler may catch it. In code that runs as a job, neither what only we lack: Python would go on.
    fn is_beyond(&self, raise: &Raise) -> bool {
        let kind = raise.kind();
        kind.is_fatal() || (self.acts.is_some() && action::is_ours(kind))
    }

    fn handle(
        &mut self,
        frame: &mut Frame,
        handlers: &[Handler],
        raise: Raise,
        host: &mut dyn Host,
    ) -> Result<Flow, Raise> {
        for handler in handlers {
            let catches = match &handler.kind {
                None => true,
                Some(expr) => {
                    let kind = self.eval_in(frame, expr)?;
                    catches(&kind, raise.kind()).map_err(|error| error.at(expr.span))?
                }
            };
            if !catches {
                continue;
            }
            if let Some(name) = &handler.name {
                self.store(frame, &name.text, Some(raise.to_value()))?;
            }
            frame.handling.push(raise);
            let result = self.exec(frame, &handler.body, host);
            frame.handling.pop();
            if let Some(name) = &handler.name {
                // As in Python, the name ends with the handler.
                self.store(frame, &name.text, None)?;
            }
            return result;
        }
        Err(raise)
    }

    /// The exception of a `raise` statement.
    fn raised(&mut self, frame: &mut Frame, value: Option<&Expr>) -> Result<Raise, Raise> {
        let Some(expr) = value else {
            return Ok(frame
                .handling
                .last()
                .cloned()
                .unwrap_or_else(|| Raise::new(Exc::RuntimeError, "no exception to raise again")));
        };
        match self.eval_in(frame, expr)? {
            Value::Exception(exception) => Ok(Raise::with_args(exception.kind, exception.args.clone())),
            Value::Type(Type::Exception(kind)) => Ok(Raise::with_args(kind, Vec::new())),
            other => {
                let message = format!("exceptions must be raised, not `{}`", other.type_name());
                Err(Raise::type_error(message).help("write `raise ValueError(\"...\")`"))
            }
        }
    }

    fn exec_assert(&mut self, frame: &mut Frame, test: &Expr, message: Option<&Expr>) -> Result<(), Raise> {
        if self.eval_in(frame, test)?.condition()? {
            return Ok(());
        }
        let args = match message {
            Some(expr) => vec![self.eval_in(frame, expr)?],
            None => Vec::new(),
        };
        Err(Raise::with_args(Exc::AssertionError, args).at(test.span))
    }

    /// Gives `target` the value: a name, an item, a slice, or a pattern of them.
    pub(crate) fn assign(
        &mut self,
        frame: &mut Frame,
        target: &Expr,
        value: Value,
        binding: Binding,
    ) -> Result<(), Raise> {
        let result = match &target.kind {
            ExprKind::Name(name) => match binding {
                Binding::Variable => self.store(frame, name, Some(value)),
                Binding::Inner(base) => Vm::store_inner(frame, base, name, value),
            },
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                self.unpack(frame, targets, &value, binding)
            }
            ExprKind::Index { value: container, index } => {
                let container = self.eval_in(frame, container)?;
                let key = self.eval_in(frame, index)?;
                index::set_item(self, &container, &key, value)
            }
            ExprKind::Slice { value: container, start, stop, step } => {
                let container = self.eval_in(frame, container)?;
                if let Value::Object(object) = &container {
                    let slice = self.slice_value(frame, [start, stop, step])?;
                    return object.set(self, &slice, value).map_err(|raise| raise.at(target.span));
                }
                let ends = self.slice_ends(frame, [start, stop, step])?;
                index::set_slice(self, &container, &ends, &value)
            }
            ExprKind::Attribute { value: owner, name } => {
                let owner = self.eval_in(frame, owner)?;
                if let Value::Object(object) = &owner {
                    return object.set_attribute(self, &name.text, value).map_err(|r| r.at(target.span));
                }
                let message = format!("attribute `{}` of `{}` cannot be set", name.text, owner.type_name());
                Err(Raise::new(Exc::AttributeError, message).help("use a dict: `x[\"name\"] = value`"))
            }
            _ => Err(Raise::new(Exc::SyntaxError, "cannot assign to this expression")),
        };
        result.map_err(|raise| raise.at(target.span))
    }

    fn unpack(
        &mut self,
        frame: &mut Frame,
        targets: &[Expr],
        value: &Value,
        binding: Binding,
    ) -> Result<(), Raise> {
        self.budget.check_stack()?;
        let items = self.collect(value).map_err(|raise| {
            if raise.kind() == Exc::TypeError {
                return Raise::type_error(format!("cannot unpack `{}`", value.type_name()));
            }
            raise
        })?;
        let star = targets.iter().position(|target| matches!(target.kind, ExprKind::Starred(_)));
        let fixed = targets.len() - usize::from(star.is_some());
        if items.len() < fixed || (star.is_none() && items.len() > fixed) {
            let at_least = if star.is_some() { "at least " } else { "" };
            let message = format!("cannot unpack {} values into {at_least}{fixed} names", items.len());
            return Err(Raise::value_error(message));
        }
        let extra = items.len() - fixed;
        let mut items = items.into_iter();
        for target in targets {
            match &target.kind {
                ExprKind::Starred(inner) => {
                    let rest = Value::list(items.by_ref().take(extra).collect());
                    self.assign(frame, inner, rest, binding)?;
                }
                _ => self.assign(frame, target, items.next().unwrap_or(Value::None), binding)?,
            }
        }
        Ok(())
    }

    fn aug_assign(
        &mut self,
        frame: &mut Frame,
        target: &Expr,
        op: BinaryOp,
        value: &Expr,
    ) -> Result<(), Raise> {
        match &target.kind {
            ExprKind::Index { value: container, index } => {
                let container = self.eval_in(frame, container)?;
                let key = self.eval_in(frame, index)?;
                let old = index::get_item(self, &container, &key).map_err(|raise| raise.at(target.span))?;
                let value = self.eval_in(frame, value)?;
                let new = ops::in_place(self, op, old, &value)?;
                index::set_item(self, &container, &key, new)
            }
            _ => {
                let old = self.eval_in(frame, target)?;
                let value = self.eval_in(frame, value)?;
                let at = old.address();
                let new = ops::in_place(self, op, old, &value)?;
                // A list that was changed in place needs no new home: `sys.path += [...]`.
                if matches!(target.kind, ExprKind::Attribute { .. }) && at.is_some() && new.address() == at {
                    return Ok(());
                }
                self.assign(frame, target, new, Binding::Variable)
            }
        }
    }

    fn delete(&mut self, frame: &mut Frame, target: &Expr) -> Result<(), Raise> {
        let result = match &target.kind {
            ExprKind::Name(name) => {
                if !self.is_set(frame, name) {
                    let message = format!("name `{name}` is not defined");
                    return Err(Raise::new(Exc::NameError, message).at(target.span));
                }
                self.store(frame, name, None)
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                targets.iter().try_for_each(|target| self.delete(frame, target))
            }
            ExprKind::Index { value, index } => {
                let container = self.eval_in(frame, value)?;
                let key = self.eval_in(frame, index)?;
                index::delete_item(self, &container, &key)
            }
            ExprKind::Slice { value, start, stop, step } => {
                let container = self.eval_in(frame, value)?;
                let ends = self.slice_ends(frame, [start, stop, step])?;
                index::delete_slice(self, &container, &ends)
            }
            _ => Err(Raise::type_error("this cannot be deleted")),
        };
        result.map_err(|raise| raise.at(target.span))
    }

    /// Calls a callable; `span` is the place of the call.
    pub(crate) fn call_value(
        &mut self,
        callee: &Value,
        mut args: Args,
        span: Option<Span>,
    ) -> Result<Value, Raise> {
        self.budget.check_stack()?;
        match callee {
            Value::Function(function) => self.call_function(function, args, span),
            Value::Builtin(builtin) => {
                self.budget.spend(1)?;
                (builtin.call)(self, args)
            }
            Value::Method(method) => {
                self.budget.spend(1)?;
                if let Some(receiver) = &method.receiver {
                    return (method.method.call)(self, receiver, args);
                }
                // A classmethod such as `dict.fromkeys` takes its type for a receiver.
                if methods::is_static(method.of, method.method.name) {
                    return (method.method.call)(self, &Value::Type(method.of), args);
                }
                if args.positional.is_empty() || !fits(&args.positional[0], method.of) {
                    let (of, name) = (method.of.name(), method.method.name);
                    return Err(Raise::type_error(format!("`{of}.{name}` needs a `{of}` first")));
                }
                let receiver = args.positional.remove(0);
                (method.method.call)(self, &receiver, args)
            }
            Value::Type(of) => {
                self.budget.spend(1)?;
                builtins::construct(self, *of, args)
            }
            Value::Object(object) if object.is_callable() => {
                self.budget.enter()?;
                let result = object.call(self, args);
                self.budget.leave();
                result
            }
            other => Err(Raise::type_error(format!("`{}` object is not callable", other.type_name()))),
        }
    }

    fn call_function(
        &mut self,
        function: &Arc<Function>,
        args: Args,
        span: Option<Span>,
    ) -> Result<Value, Raise> {
        let slots = bind(function, args)?;
        self.budget.enter()?;
        let result = self.run_body(function, slots);
        self.budget.leave();
        result.map_err(|mut raise| {
            raise.leave(&function.def.name.text, span);
            raise
        })
    }

    /// Runs a function with `yield` to its end: what it yields is there at once.
    #[inline(never)]
    fn run_generator(&mut self, function: &Function, mut frame: Frame) -> Result<Value, Raise> {
        frame.yields = Some(Vec::new());
        match &function.def.body {
            FunctionBody::Block(block) => drop(self.exec(&mut frame, block, &mut NoHost)?),
            FunctionBody::Expr(expr) => drop(self.eval_in(&mut frame, expr)?),
        }
        Ok(Value::iterator("generator", frame.yields.unwrap_or_default()))
    }

    fn run_body(&mut self, function: &Function, slots: Vec<Slot>) -> Result<Value, Raise> {
        let mut frame = Frame::call(function, slots);
        if function.scope.is_generator {
            return self.run_generator(function, frame);
        }
        match &function.def.body {
            FunctionBody::Expr(expr) => self.eval_in(&mut frame, expr),
            FunctionBody::Block(block) => match self.exec(&mut frame, block, &mut NoHost)? {
                Flow::Return(value, _) => Ok(value),
                Flow::Next => Ok(Value::None),
                Flow::Break(span) | Flow::Continue(span) => {
                    Err(Raise::new(Exc::SyntaxError, "`break` or `continue` outside of a loop").at(span))
                }
            },
        }
    }
}

fn no_context(value: &Value) -> Raise {
    Raise::type_error(format!("`{}` object cannot be used with `with`", value.type_name()))
}

/// Whether `except kind:` catches an exception of kind `raised`.
fn catches(kind: &Value, raised: Exc) -> Result<bool, Raise> {
    let kinds = match kind {
        Value::Tuple(kinds) => kinds.0.as_slice(),
        one => std::slice::from_ref(one),
    };
    for kind in kinds {
        let Value::Type(Type::Exception(kind)) = kind else {
            let message = format!("`except` needs exception types, not `{}`", kind.type_name());
            return Err(Raise::type_error(message));
        };
        if raised.is_a(*kind) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The variables of a call, parameters filled.
fn bind(function: &Function, args: Args) -> Result<Vec<Slot>, Raise> {
    let def = &function.def;
    let mut slots = Vec::with_capacity(function.scope.locals.len());
    let simple = args.named.is_empty()
        && args.positional.len() == def.params.len()
        && def.params.iter().all(|p| p.kind == ParamKind::Positional);
    if simple {
        slots.extend(args.positional.into_iter().map(Slot::Value));
    } else {
        slots.extend(bind_general(function, args)?.into_iter().map(Slot::Value));
    }
    slots.resize_with(function.scope.locals.len(), || Slot::Unbound);
    Ok(slots)
}

fn bind_general(function: &Function, args: Args) -> Result<Vec<Value>, Raise> {
    let def = &*function.def;
    let mut given: Vec<Option<Value>> = vec![None; def.params.len()];
    let mut positional = args.positional.into_iter();
    for (param, value) in def.params.iter().zip(&mut given) {
        if param.kind == ParamKind::Positional {
            *value = positional.next();
        }
    }
    let rest: Vec<Value> = positional.collect();
    let mut extra = DictMap::default();
    let takes_extra = def.params.iter().any(|p| p.kind == ParamKind::DoubleStar);
    for (name, value) in args.named {
        let by_name = |p: &crate::syntax::ast::Param| {
            p.name.text == name && matches!(p.kind, ParamKind::Positional | ParamKind::KeywordOnly)
        };
        match def.params.iter().position(by_name) {
            Some(index) if given[index].is_some() => {
                return Err(call_error(def, format!("argument `{name}` is given twice")));
            }
            Some(index) => given[index] = Some(value),
            None if takes_extra => drop(extra.insert(Key::text(name), value)),
            None => {
                let known = def.params.iter().map(|p| &*p.name.text);
                return Err(
                    call_error(def, format!("there is no parameter `{name}`")).did_you_mean(&name, known)
                );
            }
        }
    }
    if !rest.is_empty() && !def.params.iter().any(|p| p.kind == ParamKind::Star) {
        let most = def.params.iter().filter(|p| p.kind == ParamKind::Positional).count();
        let message = format!("takes {most} positional arguments, {} were given", most + rest.len());
        return Err(call_error(def, message));
    }
    let (mut rest, mut extra) = (Some(rest), Some(extra));
    let mut values = Vec::with_capacity(def.params.len());
    for ((param, value), default) in def.params.iter().zip(given).zip(&function.defaults) {
        values.push(match param.kind {
            ParamKind::Star => Value::tuple(rest.take().unwrap_or_default()),
            ParamKind::DoubleStar => Value::dict(extra.take().unwrap_or_default()),
            _ => value
                .or_else(|| default.clone())
                .ok_or_else(|| call_error(def, format!("argument `{}` is missing", param.name.text)))?,
        });
    }
    Ok(values)
}

fn call_error(def: &FunctionDef, message: String) -> Raise {
    Raise::type_error(format!("`{}`: {message}", def.name.text))
}
