//! Expressions to values, by walking the tree. Statements are next door in `exec`.
//!
//! Invariant: whatever the tree, evaluation ends and never overflows the stack: loops and calls pay from the
//! budget, and every level checks the room on the stack.

use crate::diag::Span;
use crate::lang::builtins;
use crate::lang::bytes::Bytes;
use crate::lang::compare;
use crate::lang::format;
use crate::lang::frame::{Frame, Peek, Slot};
use crate::lang::index;
use crate::lang::iter::Walk;
use crate::lang::methods;
use crate::lang::modules::collections;
use crate::lang::ops;
use crate::lang::raise::{Exc, Raise};
use crate::lang::scope::Scope;
use crate::lang::value::{
    Args, BoundMethod, DictMap, Flavour, Function, Key, SetItems, TextKey, Type, Value,
};
use crate::lang::vm::Vm;
use crate::syntax::ast::{
    Arg, ArgKind, BinaryOp, Clause, CompareOp, ComprehensionKind, DictItem, Expr, ExprKind, FPart,
    FunctionDef, UnaryOp,
};
use std::sync::Arc;

/// Where the names of a target live.
#[derive(Clone, Copy)]
pub(crate) enum Binding {
    Variable,
    /// In the comprehension whose variables start at this index.
    Inner(usize),
}

impl Vm<'_> {
    pub(crate) fn eval_in(&mut self, frame: &mut Frame, expr: &Expr) -> Result<Value, Raise> {
        match &expr.kind {
            ExprKind::None => Ok(Value::None),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Int(n) => Ok(Value::Int(*n)),
            ExprKind::Str(text) => Ok(Value::Str(text.clone())),
            ExprKind::Name(name) => self.load(frame, name).map_err(|raise| raise.at(expr.span)),
            _ => {
                self.budget.check_stack().map_err(|raise| raise.at(expr.span))?;
                self.eval_node(frame, expr).map_err(|raise| raise.at(expr.span))
            }
        }
    }

    fn eval_node(&mut self, frame: &mut Frame, expr: &Expr) -> Result<Value, Raise> {
        match &expr.kind {
            ExprKind::None => Ok(Value::None),
            ExprKind::Ellipsis => Ok(Value::Ellipsis),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Int(n) => Ok(Value::Int(*n)),
            ExprKind::Float(x) => Ok(Value::Float(*x)),
            ExprKind::Str(text) => Ok(Value::Str(text.clone())),
            ExprKind::Bytes(bytes) => Ok(Value::object(Bytes(bytes.clone()))),
            ExprKind::FString(parts) => self.fstring(frame, parts).map(Value::from),
            ExprKind::Name(name) => self.load(frame, name),
            ExprKind::Tuple(items) => self.elements(frame, items).map(Value::tuple),
            ExprKind::List(items) => self.elements(frame, items).map(Value::list),
            ExprKind::Set(items) => {
                let items = self.elements(frame, items)?;
                items.into_iter().map(Key::new).collect::<Result<SetItems, Raise>>().map(Value::set)
            }
            ExprKind::Dict(items) => self.dict(frame, items),
            ExprKind::Unary { op, operand } => self.unary(frame, *op, operand),
            ExprKind::Binary { op, left, right } => self.binary(frame, *op, left, right),
            ExprKind::And(left, right) => {
                let value = self.eval_in(frame, left)?;
                if value.condition()? { self.eval_in(frame, right) } else { Ok(value) }
            }
            ExprKind::Or(left, right) => {
                let value = self.eval_in(frame, left)?;
                if value.condition()? { Ok(value) } else { self.eval_in(frame, right) }
            }
            ExprKind::Compare { first, rest } => self.compare(frame, first, rest),
            ExprKind::Conditional { test, then, orelse } => {
                let branch = if self.eval_in(frame, test)?.condition()? { then } else { orelse };
                self.eval_in(frame, branch)
            }
            ExprKind::Lambda(def) => self.function(frame, def),
            ExprKind::Call { callee, args } => self.eval_call(frame, callee, args, expr.span),
            ExprKind::Attribute { value, name } => self.attribute(frame, value, &name.text),
            ExprKind::Index { value, index } => self.index(frame, value, index),
            ExprKind::Slice { value, start, stop, step } => self.sliced(frame, value, [start, stop, step]),
            ExprKind::SliceItem { start, stop, step } => self.slice_value(frame, [start, stop, step]),
            ExprKind::Comprehension { kind, element, clauses } => {
                self.comprehension(frame, *kind, element, clauses)
            }
            ExprKind::DictComprehension { key, value, clauses } => {
                self.dict_comprehension(frame, key, value, clauses)
            }
            ExprKind::Starred(_) => {
                Err(Raise::new(Exc::SyntaxError, "`*x` can stand only in a list, a call or a target"))
            }
            ExprKind::Walrus { name, value } => {
                let value = self.eval_in(frame, value)?;
                self.store(frame, &name.text, Some(value.clone()))?;
                Ok(value)
            }
            ExprKind::Yield(value) => self.yielded(frame, value.as_deref(), false),
            ExprKind::YieldFrom(value) => self.yielded(frame, Some(value), true),
        }
    }

    /// `yield value`, `yield from values`: kept until the function is over. Nothing can be sent in, so it is None.
    #[inline(never)]
    fn yielded(&mut self, frame: &mut Frame, value: Option<&Expr>, from: bool) -> Result<Value, Raise> {
        let value = match value {
            Some(expr) => self.eval_in(frame, expr)?,
            None => Value::None,
        };
        let values = if from { self.collect(&value)? } else { vec![value] };
        self.budget.spend(1)?;
        self.budget.allocate_items(values.len() as u64)?;
        match &mut frame.yields {
            Some(yields) => yields.extend(values),
            None => return Err(Raise::new(Exc::SyntaxError, "`yield` outside of a function")),
        }
        Ok(Value::None)
    }

    fn load(&mut self, frame: &Frame, name: &Arc<str>) -> Result<Value, Raise> {
        let found = match frame.peek(name) {
            Peek::Slot(slot) => slot.get(),
            Peek::Cell(cell) => cell.0.read(Option::clone),
            Peek::Global => match self.lookup_global(frame.space, name) {
                Some(value) => return Ok(value.clone()),
                None => return Err(self.undefined(name, frame.space, frame.local_names())),
            },
        };
        found.ok_or_else(|| {
            let message = format!("variable `{name}` is used before it has a value");
            Raise::new(Exc::UnboundLocalError, message)
        })
    }

    /// The value of a name without touching its reference count: many threads read the same globals.
    fn peek<'v>(&'v self, frame: &'v Frame, expr: &Expr) -> Option<&'v Value> {
        let ExprKind::Name(name) = &expr.kind else { return None };
        match frame.peek(name) {
            Peek::Slot(Slot::Value(value)) => Some(value),
            Peek::Global => self.lookup_global(frame.space, name),
            _ => None,
        }
    }

    /// Sets a variable by Python's rules, or unsets it.
    pub(crate) fn store(
        &mut self,
        frame: &mut Frame,
        name: &Arc<str>,
        value: Option<Value>,
    ) -> Result<(), Raise> {
        if let Some(function) = frame.function {
            if let Some(index) = function.scope.local(name) {
                return frame.slots[index].set(value);
            }
            if !function.scope.is_global(name)
                && let Some(cell) = function.scope.free(name).and_then(|i| function.captured[i].as_ref())
            {
                let old = cell.0.write(|content| std::mem::replace(content, value))?;
                drop(old);
                return Ok(());
            }
        }
        match value {
            Some(value) => self.set_in(frame.space, name.clone(), value),
            None => self.unset_in(frame.space, name).map(|_| ()),
        }
    }

    /// Whether a variable has a value; for `del`.
    pub(crate) fn is_set(&self, frame: &Frame, name: &str) -> bool {
        match frame.peek(name) {
            Peek::Slot(slot) => slot.get().is_some(),
            Peek::Cell(cell) => cell.0.read(Option::is_some),
            Peek::Global => self.space(frame.space).contains_key(name),
        }
    }

    /// Elements of a list, tuple or set display, with `*x` spread.
    fn elements(&mut self, frame: &mut Frame, exprs: &[Expr]) -> Result<Vec<Value>, Raise> {
        let mut items = Vec::with_capacity(exprs.len());
        self.budget.allocate_items(exprs.len() as u64)?;
        for expr in exprs {
            if let ExprKind::Starred(inner) = &expr.kind {
                let value = self.eval_in(frame, inner)?;
                items.extend(self.collect(&value).map_err(|raise| raise.at(inner.span))?);
            } else {
                items.push(self.eval_in(frame, expr)?);
            }
        }
        Ok(items)
    }

    fn dict(&mut self, frame: &mut Frame, items: &[DictItem]) -> Result<Value, Raise> {
        let mut map = DictMap::default();
        self.budget.allocate_items(items.len() as u64 * 2)?;
        for item in items {
            match item {
                DictItem::Pair(key_expr, value) => {
                    let key = self.eval_in(frame, key_expr)?;
                    let value = self.eval_in(frame, value)?;
                    map.insert(Key::new(key).map_err(|raise| raise.at(key_expr.span))?, value);
                }
                DictItem::Spread(expr) => {
                    let value = self.eval_in(frame, expr)?;
                    map.extend(self.pairs(&value).map_err(|raise| raise.at(expr.span))?);
                }
            }
        }
        Ok(Value::dict(map))
    }

    /// The entries of a mapping, for `**x` and `dict.update`.
    pub(crate) fn pairs(&mut self, value: &Value) -> Result<Vec<(Key, Value)>, Raise> {
        match value {
            Value::Dict(dict) => {
                self.budget.allocate_items(dict.0.read(|map| map.len()) as u64 * 2)?;
                Ok(dict.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
            }
            Value::Object(object) => match object.entries() {
                Some(entries) => Ok(entries.into_iter().map(|(k, v)| (Key::text(k), v)).collect()),
                None => Err(not_a_mapping(value)),
            },
            other => Err(not_a_mapping(other)),
        }
    }

    fn unary(&mut self, frame: &mut Frame, op: UnaryOp, operand: &Expr) -> Result<Value, Raise> {
        let value = self.eval_in(frame, operand)?;
        ops::unary(self, op, &value)
    }

    fn binary(&mut self, frame: &mut Frame, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Value, Raise> {
        // Literals are used in place: cloning their `Arc` from many threads bounces a cache line.
        if op == BinaryOp::Add {
            if let ExprKind::Str(text) = &right.kind {
                let value = self.eval_in(frame, left)?;
                return match &value {
                    Value::Str(first) => ops::concat(self, first, text),
                    other => ops::binary(self, op, other, &Value::Str(text.clone())),
                };
            }
            if let ExprKind::Str(text) = &left.kind {
                let value = self.eval_in(frame, right)?;
                return match &value {
                    Value::Str(second) => ops::concat(self, text, second),
                    other => ops::binary(self, op, &Value::Str(text.clone()), other),
                };
            }
        }
        let a = self.eval_in(frame, left)?;
        let b = self.eval_in(frame, right)?;
        ops::binary(self, op, &a, &b)
    }

    fn compare(
        &mut self,
        frame: &mut Frame,
        first: &Expr,
        rest: &[(CompareOp, Expr)],
    ) -> Result<Value, Raise> {
        if let [(CompareOp::In | CompareOp::NotIn, right)] = rest
            && let ExprKind::Str(text) = &first.kind
            && let Some(Value::Dict(dict)) = self.peek(frame, right)
        {
            let found = dict.0.read(|map| map.contains_key(&TextKey(text)));
            return Ok(Value::Bool(found == (rest[0].0 == CompareOp::In)));
        }
        let mut left = self.eval_in(frame, first)?;
        let mut result = Value::Bool(true);
        for (i, (op, expr)) in rest.iter().enumerate() {
            if i > 0 && !result.condition()? {
                break;
            }
            let right = self.eval_in(frame, expr)?;
            result = compare::compare(self, *op, &left, &right)?;
            left = right;
        }
        Ok(result)
    }

    /// Makes the function that `def` defines here.
    pub(crate) fn function(&mut self, frame: &mut Frame, def: &Arc<FunctionDef>) -> Result<Value, Raise> {
        let known = frame.function.and_then(|function| function.scope.child(def)).cloned();
        let scope = known.unwrap_or_else(|| Scope::of(def));
        let mut defaults = Vec::with_capacity(def.params.len());
        for param in &def.params {
            defaults.push(match &param.default {
                Some(expr) => Some(self.eval_in(frame, expr)?),
                None => None,
            });
        }
        let captured: Vec<_> = scope.free.iter().map(|name| frame.share(name)).collect();
        if let Some(name) =
            scope.nonlocals.iter().find(|n| scope.free(n).is_none_or(|i| captured[i].is_none()))
        {
            return Err(Raise::new(Exc::SyntaxError, format!("no function around has a variable `{name}`")));
        }
        self.budget.allocate(size_of::<Function>() as u64)?;
        let space = frame.space;
        let function =
            Value::Function(Arc::new(Function { def: def.clone(), scope, defaults, captured, space }));
        if frame.function.is_none() {
            self.note_imports(&function);
        }
        Ok(function)
    }

    fn eval_call(
        &mut self,
        frame: &mut Frame,
        callee: &Expr,
        args: &[Arg],
        span: Span,
    ) -> Result<Value, Raise> {
        if let ExprKind::Attribute { value, name } = &callee.kind {
            let receiver = self.eval_in(frame, value)?;
            let method = match &receiver {
                // A field of a namedtuple goes before a method of tuples.
                Value::Tuple(tuple) if tuple.1.is_some() => None,
                _ => methods::find(receiver.type_of(), &name.text),
            };
            if let Some(method) = method {
                let args = self.args(frame, args)?;
                if method.name == "query" {
                    self.caller = frame.variables();
                }
                self.at = Some(span);
                return (method.call)(self, &receiver, args);
            }
            let function = self.get_attr(&receiver, &name.text).map_err(|raise| raise.at(callee.span))?;
            let args = self.args(frame, args)?;
            self.note_caller(frame, &function);
            self.at = Some(span);
            return self.call_value(&function, args, Some(span));
        }
        let function = self.eval_in(frame, callee)?;
        let args = self.args(frame, args)?;
        self.note_caller(frame, &function);
        self.at = Some(span);
        self.call_value(&function, args, Some(span))
    }

    /// Keeps the variables of the caller for what looks at them by name: `df.query("x == @wildcards.x")`.
    fn note_caller(&mut self, frame: &Frame, callee: &Value) {
        let looks = match callee {
            Value::Builtin(builtin) => matches!(builtin.name, "format" | "locals"),
            Value::Object(object) => self.acts.is_some() && object.type_name() == "shell",
            _ => false,
        };
        if looks {
            self.caller = frame.variables();
        }
    }

    /// Evaluates the arguments of a call, or the items of a section.
    fn args(&mut self, frame: &mut Frame, args: &[Arg]) -> Result<Args, Raise> {
        let mut values = Args { positional: Vec::with_capacity(args.len()), named: Vec::new() };
        for arg in args {
            let value = self.eval_in(frame, &arg.value)?;
            match &arg.kind {
                ArgKind::Positional => values.positional.push(value),
                ArgKind::Keyword(name) => add_named(&mut values.named, name.text.clone(), value)?,
                ArgKind::Star => {
                    values.positional.extend(self.collect(&value).map_err(|r| r.at(arg.value.span))?);
                }
                ArgKind::DoubleStar => {
                    for (key, value) in self.pairs(&value).map_err(|r| r.at(arg.value.span))? {
                        let Value::Str(name) = key.get() else {
                            return Err(Raise::type_error("keywords must be strings"));
                        };
                        add_named(&mut values.named, name.clone(), value)?;
                    }
                }
            }
        }
        Ok(values)
    }

    /// The items of a section, in the current namespace.
    #[cfg(test)]
    pub(crate) fn eval_args(&mut self, args: &[Arg]) -> Result<Args, Raise> {
        let old = self.budget.enter_stack();
        let space = self.current_space();
        let result = self.args(&mut Frame::module(space), args);
        self.budget.restore_stack(old);
        result
    }

    fn attribute(&mut self, frame: &mut Frame, value: &Expr, name: &str) -> Result<Value, Raise> {
        if let Some(Value::Object(object)) = self.peek(frame, value)
            && let Some(found) = object.attribute(name)?
        {
            return Ok(found);
        }
        let value = self.eval_in(frame, value)?;
        self.get_attr(&value, name)
    }

    /// `value.name`
    pub(crate) fn get_attr(&mut self, value: &Value, name: &str) -> Result<Value, Raise> {
        let found = match value {
            Value::Object(object) => object.attribute(name)?,
            Value::Module(module) => self.member(module, name),
            Value::Exception(exception) if name == "args" => Some(Value::tuple(exception.args.clone())),
            Value::Function(function) if name == "__name__" => {
                Some(Value::Str(function.def.name.text.clone()))
            }
            Value::Tuple(tuple) => tuple.1.as_ref().and_then(|_| collections::field(tuple, value, name)),
            Value::Dict(dict) => match (&dict.1, name) {
                (Flavour::Default(function), "default_factory") => Some(function.clone()),
                _ => None,
            },
            Value::Type(of) if name == "__name__" || name == "__qualname__" => {
                // A module's types are told with the module elsewhere.
                Some(of.name().rsplit('.').next().unwrap_or("").into())
            }
            Value::Type(Type::Host(host)) if host.statics.iter().any(|f| f.name == name) => {
                host.statics.iter().find(|f| f.name == name).map(Value::Builtin)
            }
            Value::Type(of) => methods::find(*of, name)
                .map(|method| Value::Method(Arc::new(BoundMethod { receiver: None, of: *of, method }))),
            Value::Int(_) | Value::Float(_) if name == "real" => Some(value.clone()),
            Value::Bool(b) if name == "real" => Some(Value::Int(i64::from(*b))),
            Value::Range(range) => match name {
                "start" => Some(Value::Int(range.start)),
                "stop" => Some(Value::Int(range.stop)),
                "step" => Some(Value::Int(range.step)),
                _ => None,
            },
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let of = value.type_of();
        if let Some(method) = methods::find(of, name) {
            return Ok(Value::Method(Arc::new(BoundMethod { receiver: Some(value.clone()), of, method })));
        }
        Err(no_attribute(value, name))
    }

    fn index(&mut self, frame: &mut Frame, value: &Expr, index: &Expr) -> Result<Value, Raise> {
        if let ExprKind::Str(text) = &index.kind
            && let Some(Value::Dict(dict)) = self.peek(frame, value)
            && let Some(found) = dict.0.read(|map| map.get(&TextKey(text)).cloned())
        {
            return Ok(found);
        }
        let container = self.eval_in(frame, value)?;
        let key = self.eval_in(frame, index)?;
        index::get_item(self, &container, &key).map_err(|raise| match (&container, &value.kind) {
            (Value::Dict(dict), ExprKind::Name(name)) => raise.in_dict(dict, name),
            _ => raise,
        })
    }

    fn sliced(
        &mut self,
        frame: &mut Frame,
        value: &Expr,
        ends: [&Option<Box<Expr>>; 3],
    ) -> Result<Value, Raise> {
        let value = self.eval_in(frame, value)?;
        if let Value::Object(_) = value {
            let slice = self.slice_value(frame, ends)?;
            return index::get_item(self, &value, &slice);
        }
        let ends = self.slice_ends(frame, ends)?;
        index::slice(self, &value, &ends)
    }

    /// The three ends of a slice; `None` where nothing is written.
    pub(crate) fn slice_ends(
        &mut self,
        frame: &mut Frame,
        ends: [&Option<Box<Expr>>; 3],
    ) -> Result<[Option<i64>; 3], Raise> {
        let mut numbers = [None; 3];
        for (number, end) in numbers.iter_mut().zip(ends) {
            if let Some(expr) = end {
                *number = match self.eval_in(frame, expr)? {
                    Value::None => None,
                    Value::Int(n) => Some(n),
                    Value::Bool(b) => Some(i64::from(b)),
                    other => {
                        let message = format!("slice indices must be integers, not `{}`", other.type_name());
                        return Err(Raise::type_error(message).at(expr.span));
                    }
                };
            }
        }
        Ok(numbers)
    }

    /// A slice as a value: the ends are what the container takes for places.
    pub(crate) fn slice_value(
        &mut self,
        frame: &mut Frame,
        ends: [&Option<Box<Expr>>; 3],
    ) -> Result<Value, Raise> {
        let mut values = [Value::None, Value::None, Value::None];
        for (value, end) in values.iter_mut().zip(ends) {
            if let Some(expr) = end {
                *value = self.eval_in(frame, expr)?;
            }
        }
        Ok(Value::object(index::Slice(values)))
    }

    fn fstring(&mut self, frame: &mut Frame, parts: &[FPart]) -> Result<String, Raise> {
        let mut out = String::new();
        for part in parts {
            match part {
                FPart::Text(text) => out.push_str(text),
                FPart::Field { expr, debug, conversion, spec } => {
                    out.push_str(debug.as_deref().unwrap_or(""));
                    let value = self.eval_in(frame, expr).map_err(|raise| maybe_wildcard(raise, expr))?;
                    let spec = self.fstring(frame, spec)?;
                    // `{x=}` shows the repr, unless a conversion or a format asks for something else.
                    let conversion = conversion.or((debug.is_some() && spec.is_empty()).then_some('r'));
                    format::field(self, &value, conversion, &spec, &mut out)
                        .map_err(|raise| raise.at(expr.span))?;
                }
            }
        }
        self.budget.allocate(out.len() as u64)?;
        Ok(out)
    }

    fn comprehension(
        &mut self,
        frame: &mut Frame,
        kind: ComprehensionKind,
        element: &Expr,
        clauses: &[Clause],
    ) -> Result<Value, Raise> {
        let mut items = Vec::new();
        self.for_clauses(frame, clauses, &mut |vm, frame| {
            let value = vm.eval_in(frame, element)?;
            vm.budget.allocate(size_of::<Value>() as u64)?;
            items.push(value);
            Ok(())
        })?;
        match kind {
            ComprehensionKind::List => Ok(Value::list(items)),
            ComprehensionKind::Generator => Ok(Value::iterator("generator", items)),
            ComprehensionKind::Set => {
                let keys = items.into_iter().map(Key::new).collect::<Result<SetItems, Raise>>();
                keys.map(Value::set).map_err(|raise| raise.at(element.span))
            }
        }
    }

    fn dict_comprehension(
        &mut self,
        frame: &mut Frame,
        key: &Expr,
        value: &Expr,
        clauses: &[Clause],
    ) -> Result<Value, Raise> {
        let mut map = DictMap::default();
        self.for_clauses(frame, clauses, &mut |vm, frame| {
            let name = Key::new(vm.eval_in(frame, key)?).map_err(|raise| raise.at(key.span))?;
            let value = vm.eval_in(frame, value)?;
            vm.budget.allocate(2 * size_of::<Value>() as u64)?;
            map.insert(name, value);
            Ok(())
        })?;
        Ok(Value::dict(map))
    }

    /// Runs `emit` for every combination of the clauses, with their variables in a scope of their own.
    fn for_clauses<'f>(
        &mut self,
        frame: &mut Frame<'f>,
        clauses: &[Clause],
        emit: &mut Emit<'_, Self, Frame<'f>>,
    ) -> Result<(), Raise> {
        let Some(first) = clauses.first() else { return Ok(()) };
        // As in Python, the first iterable is evaluated outside.
        let source = self.eval_in(frame, &first.iter)?;
        let base = frame.inner.len();
        clauses.iter().for_each(|clause| declare(&clause.target, &mut frame.inner));
        let result = self.for_clause(frame, clauses, &source, base, emit);
        frame.inner.truncate(base);
        result
    }

    fn for_clause<'f>(
        &mut self,
        frame: &mut Frame<'f>,
        clauses: &[Clause],
        source: &Value,
        base: usize,
        emit: &mut Emit<'_, Self, Frame<'f>>,
    ) -> Result<(), Raise> {
        let Some((clause, rest)) = clauses.split_first() else { return Ok(()) };
        self.budget.check_stack()?;
        let mut walk = Walk::over(source).map_err(|raise| raise.at(clause.iter.span))?;
        'items: while let Some(item) = walk.next()? {
            self.budget.spend(1)?;
            self.assign(frame, &clause.target, item, Binding::Inner(base))?;
            for condition in &clause.conditions {
                if !self.eval_in(frame, condition)?.condition()? {
                    continue 'items;
                }
            }
            match rest.first() {
                Some(next) => {
                    let source = self.eval_in(frame, &next.iter)?;
                    self.for_clause(frame, rest, &source, base, emit)?;
                }
                None => emit(self, frame)?,
            }
        }
        Ok(())
    }

    /// Binds a name inside a comprehension.
    pub(crate) fn store_inner(frame: &mut Frame, base: usize, name: &str, value: Value) -> Result<(), Raise> {
        let inner = frame.inner.get_mut(base..).unwrap_or_default();
        match inner.iter_mut().find(|(n, _)| **n == *name) {
            Some((_, slot)) => slot.set(Some(value)),
            None => Ok(()),
        }
    }
}

type Emit<'e, V, F> = dyn FnMut(&mut V, &mut F) -> Result<(), Raise> + 'e;

/// Adds the names of a comprehension's target as unbound variables.
fn declare(target: &Expr, inner: &mut Vec<(Arc<str>, Slot)>) {
    match &target.kind {
        ExprKind::Name(name) => inner.push((name.clone(), Slot::Unbound)),
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| declare(item, inner)),
        ExprKind::Starred(item) => declare(item, inner),
        _ => {}
    }
}

fn add_named(named: &mut Vec<(Arc<str>, Value)>, name: Arc<str>, value: Value) -> Result<(), Raise> {
    if named.iter().any(|(n, _)| *n == name) {
        return Err(Raise::type_error(format!("argument `{name}` is given twice")));
    }
    named.push((name, value));
    Ok(())
}

fn not_a_mapping(value: &Value) -> Raise {
    Raise::type_error(format!("`{}` is not a mapping", value.type_name()))
}

fn no_attribute(value: &Value, name: &str) -> Raise {
    let names: Vec<Arc<str>> = match value {
        Value::Object(object) => object.attribute_names(),
        Value::Module(module) => module.members.keys().cloned().collect(),
        Value::Type(of) => methods::names(*of).map(Arc::from).collect(),
        other => methods::names(other.type_of()).map(Arc::from).collect(),
    };
    let owner = match value {
        Value::Module(module) => format!("module `{}`", module.name),
        Value::Type(of) => format!("type `{}`", of.name()),
        other => format!("`{}` object", other.type_name()),
    };
    let raise = Raise::new(Exc::AttributeError, format!("{owner} has no attribute `{name}`"));
    match value {
        Value::Dict(dict) if dict.0.read(|map| map.contains_key(&TextKey(name))) => {
            raise.help(format!("entries of a dict are written `[\"{name}\"]`"))
        }
        _ => raise.did_you_mean(name, names.iter().map(|n| &**n)),
    }
}

/// Whether a receiver fits an unbound method such as `str.lower`.
pub(crate) fn fits(value: &Value, of: Type) -> bool {
    builtins::has_type(value, of)
}

/// A name that an f-string does not know may be a wildcard, which it would have to leave alone.
fn maybe_wildcard(raise: Raise, field: &Expr) -> Raise {
    match &field.kind {
        ExprKind::Name(name) if raise.kind() == Exc::NameError => {
            raise.also_help(format!("in an f-string a wildcard is written `{{{{{name}}}}}`"))
        }
        _ => raise,
    }
}
