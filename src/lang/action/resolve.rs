//! Whether a body uses only what means the same here and in Python. Goes over its tree, and over those of the functions
//! that it calls, before anything runs: what it cannot tell is left to Python.
//!
//! Iterative, since a long `a + b + …` is a deep tree.

use super::names;
use crate::lang::scope::Scope;
use crate::lang::value::{Function, Home, Module, Value};
use crate::lang::vm::{SpaceId, Vm};
use crate::model::imported::is_imported;
use crate::syntax::ast::{
    Arg, ArgKind, BinaryOp, Block, Clause, CompareOp, ComprehensionKind, DictItem, Expr, ExprKind, FPart,
    FunctionBody, FunctionDef, Handler, Ident, Stmt, StmtKind,
};
use rustc_hash::FxHashSet;
use std::sync::Arc;

const SET_ORDER: &str = "it uses a set, whose order is Python's own";

/// The globals that the body uses and that can be changed; or what it uses that we do not have.
pub(super) fn resolve(
    vm: &Vm<'static>,
    root: &Arc<Function>,
    parameters: &[&str],
) -> Result<Vec<(SpaceId, Arc<str>)>, String> {
    let mut found =
        Found { vm, globals: Vec::new(), seen: FxHashSet::default(), functions: vec![root.clone()] };
    let mut is_root = true;
    while let Some(function) = found.functions.pop() {
        let sections: &[&str] = if std::mem::take(&mut is_root) { parameters } else { &[] };
        Unit::of(&mut found, &function, sections).run()?;
    }
    Ok(found.globals)
}

/// What is known so far, over all functions.
struct Found<'v> {
    vm: &'v Vm<'static>,
    globals: Vec<(SpaceId, Arc<str>)>,
    seen: FxHashSet<usize>,
    functions: Vec<Arc<Function>>,
}

enum Node<'t> {
    Expr(&'t Expr, At),
    Stmt(&'t Stmt, At),
}

/// Where in the tree: the function around, and whether what stands here may be evaluated at another time than in Python.
#[derive(Clone, Copy)]
struct At {
    scope: usize,
    lazy: bool,
}

/// Whole numbers of Python have no end, ours have 64 bits. What grows so fast that it soon does not fit is Python's, unless
/// the result stands there or is no whole number.
fn fits(op: BinaryOp, left: Option<&Expr>, right: &Expr) -> Result<(), String> {
    if !matches!(op, BinaryOp::Pow | BinaryOp::ShiftLeft) {
        return Ok(());
    }
    let fits = match (left.map(|left| &left.kind), &right.kind) {
        (Some(ExprKind::Float(_)), _) | (_, ExprKind::Float(_)) => true,
        // Grows no faster than a product, which nobody asks about.
        (_, ExprKind::Int(0..=3)) if op == BinaryOp::Pow => true,
        (Some(ExprKind::Int(left)), ExprKind::Int(right)) => {
            let right = u32::try_from(*right).ok();
            let result = match op {
                BinaryOp::Pow => right.and_then(|right| left.checked_pow(right)),
                _ => right.filter(|right| *right < 63).and_then(|right| left.checked_mul(1 << right)),
            };
            result.is_some()
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err("its whole numbers may need more than 64 bits".into()) }
}

/// One function with those that are defined in it.
struct Unit<'t, 'f, 'v> {
    found: &'f mut Found<'v>,
    space: SpaceId,
    /// Names that are parameters of the job.
    sections: &'t [&'t str],
    scopes: Vec<(Arc<Scope>, Option<usize>)>,
    /// Variables of comprehensions, wherever in the function.
    inner: FxHashSet<Arc<str>>,
    todo: Vec<Node<'t>>,
}

impl<'t, 'f, 'v> Unit<'t, 'f, 'v> {
    fn of(found: &'f mut Found<'v>, function: &'t Arc<Function>, sections: &'t [&'t str]) -> Self {
        let mut unit = Unit {
            found,
            space: function.space,
            sections,
            scopes: vec![(function.scope.clone(), None)],
            inner: FxHashSet::default(),
            todo: Vec::new(),
        };
        unit.body(&function.def, At { scope: 0, lazy: false });
        unit
    }

    fn run(mut self) -> Result<(), String> {
        if self.scopes[0].0.is_generator {
            return Err("it uses a generator".into());
        }
        while let Some(node) = self.todo.pop() {
            match node {
                Node::Expr(expr, at) => self.expr(expr, at)?,
                Node::Stmt(stmt, at) => self.stmt(stmt, at)?,
            }
        }
        Ok(())
    }

    fn body(&mut self, def: &'t FunctionDef, at: At) {
        match &def.body {
            FunctionBody::Expr(expr) => self.todo.push(Node::Expr(expr, at)),
            FunctionBody::Block(block) => self.block(block, at),
        }
    }

    fn block(&mut self, block: &'t Block, at: At) {
        self.todo.extend(block.iter().map(|stmt| Node::Stmt(stmt, at)));
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'t Expr>, at: At) {
        self.todo.extend(exprs.into_iter().map(|expr| Node::Expr(expr, at)));
    }

    fn stmt(&mut self, stmt: &'t Stmt, at: At) -> Result<(), String> {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.exprs([expr], at),
            StmtKind::Assign { targets, value } => self.exprs(targets.iter().chain([value]), at),
            StmtKind::AugAssign { target, op, value } => {
                fits(*op, None, value)?;
                self.exprs([target, value], at);
            }
            StmtKind::AnnAssign { target, value } => self.exprs([target].into_iter().chain(value), at),
            StmtKind::If { arms, orelse } => {
                for (test, block) in arms {
                    self.exprs([test], at);
                    self.block(block, at);
                }
                self.block(orelse, at);
            }
            StmtKind::For { target, iter, body, orelse } => {
                self.exprs([target, iter], at);
                self.block(body, at);
                self.block(orelse, at);
            }
            StmtKind::While { test, body, orelse } => {
                self.exprs([test], at);
                self.block(body, at);
                self.block(orelse, at);
            }
            StmtKind::With { items, body } => {
                self.exprs(items.iter().flat_map(|(value, target)| [value].into_iter().chain(target)), at);
                self.block(body, at);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                for block in [body, orelse, finally] {
                    self.block(block, at);
                }
                handlers.iter().try_for_each(|handler| self.handler(handler, at))?;
            }
            StmtKind::Def(def) => self.inner_function(def, at)?,
            StmtKind::Return(value) => self.exprs(value, at),
            StmtKind::Raise(value) => self.exprs(value, at),
            StmtKind::Assert { test, message } => self.exprs([test].into_iter().chain(message), at),
            StmtKind::Del(targets) => self.exprs(targets, at),
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue | StmtKind::Nonlocal(_) => {}
            StmtKind::Import { module, names, .. } => imports(module, names.as_deref())?,
            StmtKind::Global(_) => return Err("it uses `global`".into()),
            StmtKind::Opaque(opaque) => return Err(opaque.kind.reason().1.to_string()),
            StmtKind::Rule(_)
            | StmtKind::Module(_)
            | StmtKind::UseRule(_)
            | StmtKind::Hook(_)
            | StmtKind::Directive(_) => return Err("it holds a directive".into()),
        }
        Ok(())
    }

    /// The text of an exception is ours, and broad handlers would catch what only we raise.
    fn handler(&mut self, handler: &'t Handler, at: At) -> Result<(), String> {
        let named = |expr: &Expr| match &expr.kind {
            ExprKind::Name(name) => names::EXCEPTIONS.contains(&&**name),
            _ => false,
        };
        let is_narrow = match handler.kind.as_ref().map(|kind| (&kind.kind, kind)) {
            Some((ExprKind::Tuple(kinds), _)) => kinds.iter().all(named),
            Some((_, kind)) => named(kind),
            None => false,
        };
        if !is_narrow || handler.name.is_some() {
            return Err("it looks at exceptions".into());
        }
        self.block(&handler.body, at);
        Ok(())
    }

    /// A function that the body defines: what it does is done when it is called.
    fn inner_function(&mut self, def: &'t Arc<FunctionDef>, at: At) -> Result<(), String> {
        if !def.decorators.is_empty() {
            return Err("it uses a decorator".into());
        }
        self.exprs(def.params.iter().filter_map(|param| param.default.as_ref()), at);
        let scope = self.scopes[at.scope].0.child(def).cloned().unwrap_or_else(|| Scope::of(def));
        if scope.is_generator {
            return Err("it uses a generator".into());
        }
        self.scopes.push((scope, Some(at.scope)));
        let scope = self.scopes.len() - 1;
        self.body(def, At { scope, ..at });
        Ok(())
    }

    fn expr(&mut self, expr: &'t Expr, at: At) -> Result<(), String> {
        match &expr.kind {
            ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_) => {}
            ExprKind::Bytes(_) => return Err("it uses bytes".into()),
            ExprKind::Yield(_) | ExprKind::YieldFrom(_) => return Err("it uses a generator".into()),
            ExprKind::FString(parts) => self.fstring(parts, at),
            ExprKind::Name(name) => self.name(name, at)?,
            ExprKind::Tuple(items) | ExprKind::List(items) => self.exprs(items, at),
            ExprKind::Set(_) | ExprKind::Comprehension { kind: ComprehensionKind::Set, .. } => {
                return Err(SET_ORDER.into());
            }
            ExprKind::Dict(items) => {
                for item in items {
                    match item {
                        DictItem::Pair(key, value) => self.exprs([key, value], at),
                        DictItem::Spread(value) => self.exprs([value], at),
                    }
                }
            }
            ExprKind::Unary { operand, .. } => self.exprs([&**operand], at),
            ExprKind::Binary { op, left, right } => {
                fits(*op, Some(left), right)?;
                self.exprs([&**left, &**right], at);
            }
            ExprKind::And(left, right) | ExprKind::Or(left, right) => self.exprs([&**left, &**right], at),
            ExprKind::Compare { first, rest } => self.compare(first, rest, at)?,
            ExprKind::Conditional { test, then, orelse } => self.exprs([&**test, &**then, &**orelse], at),
            ExprKind::Lambda(def) => self.inner_function(def, at)?,
            ExprKind::Call { callee, args } => self.call(callee, args, at)?,
            ExprKind::Attribute { value, name } => self.attribute(value, name, at)?,
            ExprKind::Index { value, index } => self.exprs([&**value, &**index], at),
            ExprKind::Slice { value, start, stop, step } => {
                let ends = [start, stop, step].into_iter().flatten();
                self.exprs([value].into_iter().chain(ends).map(|expr| &**expr), at);
            }
            ExprKind::SliceItem { .. } => return Err("it uses arrays".into()),
            ExprKind::Comprehension { kind, element, clauses } => {
                let lazy = at.lazy || *kind == ComprehensionKind::Generator;
                let at = At { lazy, ..at };
                self.exprs([&**element], at);
                self.clauses(clauses, at);
            }
            ExprKind::DictComprehension { key, value, clauses } => {
                self.exprs([&**key, &**value], at);
                self.clauses(clauses, at);
            }
            ExprKind::Starred(value) => self.exprs([&**value], at),
            ExprKind::Walrus { value, .. } => self.exprs([&**value], at),
        }
        Ok(())
    }

    fn fstring(&mut self, parts: &'t [FPart], at: At) {
        let mut todo: Vec<&'t FPart> = parts.iter().collect();
        while let Some(part) = todo.pop() {
            if let FPart::Field { expr, spec, .. } = part {
                self.exprs([expr], at);
                todo.extend(spec);
            }
        }
    }

    fn clauses(&mut self, clauses: &'t [Clause], at: At) {
        for clause in clauses {
            declare(&clause.target, &mut self.inner);
            self.exprs([&clause.target, &clause.iter].into_iter().chain(&clause.conditions), at);
        }
    }

    /// Lists of files are lists to Python, and something of their own to us.
    fn compare(&mut self, first: &'t Expr, rest: &'t [(CompareOp, Expr)], at: At) -> Result<(), String> {
        let operands = || [first].into_iter().chain(rest.iter().map(|(_, expr)| expr));
        let by_identity = rest.iter().any(|(op, _)| !matches!(op, CompareOp::In | CompareOp::NotIn));
        if by_identity && operands().any(|expr| self.is_section(expr, at)) {
            return Err("it compares a list of files".into());
        }
        if rest.iter().any(|(op, right)| {
            matches!(op, CompareOp::Is | CompareOp::IsNot)
                && !matches!(right.kind, ExprKind::None | ExprKind::Bool(_))
        }) {
            return Err("it uses `is`".into());
        }
        self.exprs([first], at);
        rest.iter().for_each(|(op, expr)| match op {
            CompareOp::In | CompareOp::NotIn => self.unordered(expr, at),
            _ => self.exprs([expr], at),
        });
        Ok(())
    }

    /// An expression whose order nobody can see: here it may be a set.
    fn unordered(&mut self, expr: &'t Expr, at: At) {
        match &expr.kind {
            ExprKind::Set(items) => self.exprs(items, at),
            ExprKind::Comprehension { kind: ComprehensionKind::Set, element, clauses } => {
                self.exprs([&**element], at);
                self.clauses(clauses, at);
            }
            ExprKind::Call { callee, args }
                if matches!(&callee.kind, ExprKind::Name(name)
                    if matches!(&**name, "set" | "frozenset") && !self.is_own(name, at)) =>
            {
                self.exprs(args.iter().map(|arg| &arg.value), at);
            }
            _ => self.exprs([expr], at),
        }
    }

    /// Whether this may be a section of the job as a whole, or a group of files in it.
    fn is_section(&self, expr: &Expr, at: At) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => self.is_parameter(name, at) && !matches!(&**name, "threads" | "rule"),
            ExprKind::Attribute { value, .. } => {
                matches!(&value.kind, ExprKind::Name(name)
                    if matches!(&**name, "input" | "output" | "log") && self.is_parameter(name, at))
            }
            _ => false,
        }
    }

    fn is_parameter(&self, name: &str, at: At) -> bool {
        self.sections.contains(&name) && self.owner(name, at).is_none_or(|scope| scope == 0)
    }

    /// The scope that a name belongs to, the innermost first; `None` when it is a global.
    fn owner(&self, name: &str, at: At) -> Option<usize> {
        let mut next = Some(at.scope);
        while let Some(scope) = next {
            let (known, around) = &self.scopes[scope];
            if known.local(name).is_some() {
                return Some(scope);
            }
            next = *around;
        }
        None
    }

    fn is_own(&self, name: &str, at: At) -> bool {
        self.inner.contains(name) || self.owner(name, at).is_some()
    }

    fn name(&mut self, name: &Arc<str>, at: At) -> Result<(), String> {
        if self.is_own(name, at) { Ok(()) } else { self.global(name, at) }
    }

    fn global(&mut self, name: &Arc<str>, at: At) -> Result<(), String> {
        let unknown = || format!("it uses `{name}`");
        if let Some(value) = self.found.vm.space(self.space).get(name).cloned() {
            return self.value(&value, self.space, name, at);
        }
        if is_imported(name)
            && let Some(value) = self.found.vm.lookup_builtin(name)
        {
            return self.value(&value, self.space, name, at);
        }
        let is_known = match &**name {
            "open" | "print" | "shell" if at.lazy => return Err("it uses a generator".into()),
            "open" | "print" | "shell" => true,
            other => {
                [names::BUILTINS, names::EXCEPTIONS, names::BROAD].iter().any(|list| list.contains(&other))
            }
        };
        if is_known && self.found.vm.lookup_builtin(name).is_some() { Ok(()) } else { Err(unknown()) }
    }

    /// A global, of this file or of an imported one.
    fn value(&mut self, value: &Value, space: SpaceId, name: &Arc<str>, at: At) -> Result<(), String> {
        if let Value::Function(function) = value {
            return self.function(function, name, at);
        }
        match names::plain(value) {
            Some(true) => {
                if !self.found.globals.iter().any(|(of, known)| *of == space && known == name) {
                    self.found.globals.push((space, name.clone()));
                }
                Ok(())
            }
            Some(false) => Ok(()),
            None if at.lazy => Err("it uses a generator".into()),
            None if names::is_known_member(self.found.vm, value) => Ok(()),
            None if is_shell(value) => Ok(()),
            None => Err(format!("it uses `{name}`")),
        }
    }

    fn function(&mut self, function: &Arc<Function>, name: &str, at: At) -> Result<(), String> {
        if at.lazy {
            return Err("it uses a generator".into());
        }
        let is_constant = |value: &Value| {
            matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_))
        };
        let defaults = function.defaults.iter().flatten().all(is_constant);
        if !defaults || !function.def.decorators.is_empty() || function.captured.iter().any(Option::is_some) {
            return Err(format!("it uses `{name}`, which has a state"));
        }
        if function.space != self.space && function.scope.free.iter().any(|free| &**free == "shell") {
            return Err(format!("it uses `{name}`, which runs commands for others"));
        }
        if self.found.seen.insert(Arc::as_ptr(function).addr()) {
            self.found.functions.push(function.clone());
        }
        Ok(())
    }

    /// The module that an expression names.
    fn module(&self, expr: &Expr, at: At) -> Option<Arc<Module>> {
        match &expr.kind {
            ExprKind::Name(name) if self.is_imported_here(name, at) => {
                match self.found.vm.lookup_module(name) {
                    Some(Value::Module(module)) => Some(module.clone()),
                    _ => None,
                }
            }
            ExprKind::Name(name) if self.is_own(name, at) => None,
            ExprKind::Name(name) => match self.found.vm.lookup_global(self.space, name) {
                Some(Value::Module(module)) => Some(module.clone()),
                _ => None,
            },
            ExprKind::Attribute { value, name } => {
                let owner = self.module(value, at)?;
                match self.found.vm.member(&owner, &name.text) {
                    Some(Value::Module(module)) => Some(module),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the name is a module that the function itself imports, under its own name.
    fn is_imported_here(&self, name: &str, at: At) -> bool {
        let imports = |scope: usize| {
            let (scope, _) = &self.scopes[scope];
            scope.imports.iter().any(|(module, _)| module.text.split('.').next() == Some(name))
        };
        self.owner(name, at).is_some_and(imports)
    }

    fn attribute(&mut self, value: &'t Expr, name: &'t Ident, at: At) -> Result<(), String> {
        if let Some(module) = self.module(value, at) {
            return self.member(&module, &name.text, at);
        }
        if let Some(root) = root(value)
            && !self.is_own(root, at)
            && !matches!(self.found.vm.lookup_global(self.space, root), Some(Value::Module(_)))
        {
            self.name(root, at)?;
        }
        let of_job = matches!(&value.kind, ExprKind::Name(root) if self.is_parameter(root, at));
        if !of_job && !names::is_attribute(&name.text) {
            return Err(format!("it uses `.{}`", name.text));
        }
        if at.lazy && names::CHANGING.contains(&&*name.text) {
            return Err("it uses a generator".into());
        }
        self.exprs([value], at);
        Ok(())
    }

    fn member(&mut self, module: &Arc<Module>, name: &Arc<str>, at: At) -> Result<(), String> {
        if let Home::Space(space) = module.home {
            let Some(value) = self.found.vm.member(module, name) else {
                return Err(format!("it uses `{}.{name}`", module.name));
            };
            return self.value(&value, space, name, at);
        }
        let changes = super::effects::function(&format!("{}.{name}", module.name)).is_some();
        match names::is_member(&module.name, name) {
            _ if at.lazy && changes => Err("it uses a generator".into()),
            true => Ok(()),
            // A module in a module is looked at with what is taken of it.
            false if names::is_module(&format!("{}.{name}", module.name)) => Ok(()),
            false => Err(format!("it uses `{}.{name}`", module.name)),
        }
    }

    fn call(&mut self, callee: &'t Expr, args: &'t [Arg], at: At) -> Result<(), String> {
        let mut inside = at;
        match &callee.kind {
            ExprKind::Name(name) if self.is_own(name, at) => in_order(at)?,
            ExprKind::Name(name) => match &**name {
                "open" => opens(args, 1)?,
                "print" => options(args, &["sep", "end", "file", "flush"], "print")?,
                "shell" => self.command(args, at)?,
                // They may do their work later, or never.
                "map" | "filter" => inside.lazy = true,
                // Of what they are given only the elements count.
                "sorted" | "len" => {
                    self.exprs([callee], at);
                    args.iter().for_each(|arg| self.unordered(&arg.value, at));
                    return Ok(());
                }
                "isinstance" if args.first().is_some_and(|arg| self.is_section(&arg.value, at)) => {
                    return Err("it asks for the type of a list of files".into());
                }
                _ => {}
            },
            ExprKind::Attribute { name, .. } if &*name.text == "open" => opens(args, 0)?,
            ExprKind::Attribute { name, .. } if &*name.text == "dumps" => {
                options(args, &["indent", "sort_keys", "ensure_ascii"], "dumps")?;
            }
            ExprKind::Attribute { name, .. } if matches!(&*name.text, "read_text" | "write_text") => {
                options(args, &["data"], &name.text)?;
            }
            _ => {}
        }
        self.exprs([callee], at);
        self.exprs(args.iter().map(|arg| &arg.value), inside);
        Ok(())
    }

    /// What a command names in braces is looked up when it runs.
    fn command(&mut self, args: &'t [Arg], at: At) -> Result<(), String> {
        for arg in args {
            match &arg.kind {
                ArgKind::Positional => {}
                ArgKind::Keyword(name) if matches!(&*name.text, "read" | "iterable") => {
                    if !matches!(arg.value.kind, ExprKind::Bool(_)) {
                        return Err("it does not say how `shell` is called".into());
                    }
                }
                ArgKind::Keyword(name) if matches!(&*name.text, "additional_envvars" | "bench_record") => {
                    return Err(format!("it uses `{}` of `shell`", name.text));
                }
                ArgKind::Keyword(_) => {}
                ArgKind::Star | ArgKind::DoubleStar => {
                    return Err("it does not say how `shell` is called".into());
                }
            }
        }
        let given =
            |name: &str| args.iter().any(|arg| matches!(&arg.kind, ArgKind::Keyword(n) if *n.text == *name));
        let mut todo: Vec<&Expr> = args.first().map(|arg| &arg.value).into_iter().collect();
        while let Some(expr) = todo.pop() {
            match &expr.kind {
                ExprKind::Str(text) => {
                    for name in fields(text).filter(|name| !given(name)) {
                        self.name(&name.into(), At { lazy: false, ..at })?;
                    }
                }
                ExprKind::Binary { left, right, .. } => todo.extend([&**left, &**right]),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The name that a chain of attributes and items starts from.
fn root(expr: &Expr) -> Option<&Arc<str>> {
    let mut expr = expr;
    loop {
        match &expr.kind {
            ExprKind::Name(name) => return Some(name),
            ExprKind::Attribute { value, .. } | ExprKind::Index { value, .. } => expr = value,
            _ => return None,
        }
    }
}

/// What does something must do it when Python would: in a generator it may do it later, or never.
fn in_order(at: At) -> Result<(), String> {
    if at.lazy { Err("it uses a generator".into()) } else { Ok(()) }
}

/// The names in the braces of a command.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices('{').map(|(at, _)| at);
    let is_doubled = |at: usize| {
        let before = text[..at].len() - text[..at].trim_end_matches('{').len();
        before % 2 == 1 || text[at + 1..].starts_with('{')
    };
    starts.filter(move |at| !is_doubled(*at)).filter_map(|at| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        (name.starts_with(|c: char| c.is_alphabetic() || c == '_')).then_some(name)
    })
}

fn is_shell(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.type_name() == "shell")
}

fn declare(target: &Expr, inner: &mut FxHashSet<Arc<str>>) {
    let mut todo = vec![target];
    while let Some(target) = todo.pop() {
        match &target.kind {
            ExprKind::Name(name) => drop(inner.insert(name.clone())),
            ExprKind::Tuple(items) | ExprKind::List(items) => todo.extend(items),
            ExprKind::Starred(item) => todo.push(item),
            _ => {}
        }
    }
}

/// Modules that a body imports itself: whole ones under their own name, or known members.
fn imports(module: &Ident, names: Option<&[(Ident, Option<Ident>)]>) -> Result<(), String> {
    let of = &*module.text;
    match names {
        None if names::is_module(of) => Ok(()),
        Some(names) => match names.iter().find(|(name, _)| !names::is_member(of, &name.text)) {
            Some((name, _)) => Err(format!("it uses `{of}.{}`", name.text)),
            None => Ok(()),
        },
        None => Err(format!("it uses `{of}`")),
    }
}

/// Only what a call can be given by these names.
fn options(args: &[Arg], known: &[&str], function: &str) -> Result<(), String> {
    for arg in args {
        match &arg.kind {
            ArgKind::Keyword(name) if !known.contains(&&*name.text) => {
                return Err(format!("it uses `{}` of `{function}`", name.text));
            }
            ArgKind::DoubleStar => return Err(format!("it does not say how `{function}` is called")),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a call of `open` says how, and in a way that is known: as text in UTF-8.
fn opens(args: &[Arg], mode: usize) -> Result<(), String> {
    let other = || Err("it opens files in a way of its own".to_string());
    for (index, arg) in args.iter().enumerate() {
        let is =
            |allowed: &[&str]| matches!(&arg.value.kind, ExprKind::Str(text) if allowed.contains(&&**text));
        const MODES: &[&str] = &["r", "rt", "w", "wt", "a", "at", "x", "xt"];
        let fits = match &arg.kind {
            ArgKind::Positional if index < mode => true,
            ArgKind::Positional => index == mode && is(MODES),
            ArgKind::Keyword(name) => match &*name.text {
                "mode" => is(MODES),
                "encoding" => is(&["utf-8", "utf8", "UTF-8"]),
                "file" => mode == 1,
                _ => false,
            },
            ArgKind::Star | ArgKind::DoubleStar => false,
        };
        if !fits {
            return other();
        }
    }
    Ok(())
}
