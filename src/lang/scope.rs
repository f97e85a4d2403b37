//! Which names of a function are its own, and which it takes from around. Python's rules: a name that is
//! assigned anywhere in a function is local everywhere in it.
//!
//! Knows no values. Iterative inside one function, since a long `a + b + …` is a deep tree.

use crate::syntax::ast::{
    Block, Clause, DictItem, Expr, ExprKind, FPart, FunctionBody, FunctionDef, Ident, Stmt, StmtKind,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Parameters in order, then the other local names.
    pub(crate) locals: Vec<Arc<str>>,
    /// Names that are not local: from a function around, or global.
    pub(crate) free: Vec<Arc<str>>,
    /// Names declared `nonlocal`.
    pub(crate) nonlocals: Vec<Arc<str>>,
    /// What is imported inside, in inner functions, too: the module and the names taken of it.
    pub(crate) imports: Vec<(Ident, Vec<Ident>)>,
    /// Whether there is a `yield` in it.
    pub(crate) is_generator: bool,
    globals: FxHashSet<Arc<str>>,
    by_name: FxHashMap<Arc<str>, usize>,
    free_by_name: FxHashMap<Arc<str>, usize>,
    /// Functions defined inside, by the address of their definition, which the outer definition keeps alive.
    children: FxHashMap<usize, Arc<Scope>>,
}

/// Up to so many names are compared one by one: faster than hashing.
const FEW: usize = 8;

impl Scope {
    pub(crate) fn of(def: &FunctionDef) -> Arc<Scope> {
        let mut walk = Walk::default();
        for param in &def.params {
            walk.bind(&param.name.text);
        }
        match &def.body {
            FunctionBody::Expr(expr) => walk.todo.push(Node::Expr(expr)),
            FunctionBody::Block(block) => walk.block(block),
        }
        walk.run();
        Arc::new(walk.finish())
    }

    pub(crate) fn local(&self, name: &str) -> Option<usize> {
        find(&self.locals, &self.by_name, name)
    }

    pub(crate) fn free(&self, name: &str) -> Option<usize> {
        find(&self.free, &self.free_by_name, name)
    }

    /// Whether `global name` is declared.
    pub(crate) fn is_global(&self, name: &str) -> bool {
        !self.globals.is_empty() && self.globals.contains(name)
    }

    /// The scope of a function defined inside, if it was seen.
    pub(crate) fn child(&self, def: &Arc<FunctionDef>) -> Option<&Arc<Scope>> {
        self.children.get(&Arc::as_ptr(def).addr())
    }
}

fn find(names: &[Arc<str>], by_name: &FxHashMap<Arc<str>, usize>, name: &str) -> Option<usize> {
    if names.len() <= FEW {
        return names.iter().position(|n| **n == *name);
    }
    by_name.get(name).copied()
}

enum Node<'a> {
    Expr(&'a Expr),
    Stmt(&'a Stmt),
    /// An assignment target: its names are bound.
    Target(&'a Expr),
    /// A target of a comprehension: its names belong to the comprehension.
    InnerTarget(&'a Expr),
}

#[derive(Default)]
struct Walk<'a> {
    todo: Vec<Node<'a>>,
    bound: Vec<Arc<str>>,
    is_bound: FxHashSet<Arc<str>>,
    used: Vec<Arc<str>>,
    is_used: FxHashSet<Arc<str>>,
    globals: FxHashSet<Arc<str>>,
    nonlocals: FxHashSet<Arc<str>>,
    children: FxHashMap<usize, Arc<Scope>>,
    imports: Vec<(Ident, Vec<Ident>)>,
    is_generator: bool,
}

impl<'a> Walk<'a> {
    fn bind(&mut self, name: &Arc<str>) {
        if self.is_bound.insert(name.clone()) {
            self.bound.push(name.clone());
        }
    }

    fn name_used(&mut self, name: &Arc<str>) {
        if self.is_used.insert(name.clone()) {
            self.used.push(name.clone());
        }
    }

    fn block(&mut self, block: &'a Block) {
        self.todo.extend(block.iter().map(Node::Stmt));
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        self.todo.extend(exprs.into_iter().map(Node::Expr));
    }

    fn run(&mut self) {
        while let Some(node) = self.todo.pop() {
            match node {
                Node::Expr(expr) => self.expr(expr),
                Node::Stmt(stmt) => self.stmt(stmt),
                Node::Target(target) => self.target(target, true),
                Node::InnerTarget(target) => self.target(target, false),
            }
        }
    }

    fn finish(self) -> Scope {
        let Walk { bound, used, globals, nonlocals, children, imports, is_generator, .. } = self;
        let is_outer = |name: &Arc<str>| globals.contains(name) || nonlocals.contains(name);
        let (outer, locals): (Vec<_>, Vec<_>) = bound.into_iter().partition(is_outer);
        let by_name: FxHashMap<_, _> = locals.iter().cloned().zip(0..).collect();
        let mut nonlocals: Vec<Arc<str>> = nonlocals.into_iter().collect();
        nonlocals.sort_unstable();
        let candidates = used.into_iter().chain(outer).chain(nonlocals.iter().cloned());
        let mut free: Vec<Arc<str>> = Vec::new();
        let mut free_by_name = FxHashMap::default();
        for name in candidates.filter(|n| !by_name.contains_key(n) && !globals.contains(n)) {
            free_by_name.entry(name.clone()).or_insert_with(|| {
                free.push(name);
                free.len() - 1
            });
        }
        Scope { locals, free, nonlocals, imports, is_generator, globals, by_name, free_by_name, children }
    }

    fn target(&mut self, target: &'a Expr, binds: bool) {
        let node = if binds { Node::Target } else { Node::InnerTarget };
        match &target.kind {
            ExprKind::Name(name) if binds => self.bind(name),
            ExprKind::Name(_) => {}
            ExprKind::Tuple(items) | ExprKind::List(items) => self.todo.extend(items.iter().map(node)),
            ExprKind::Starred(inner) => self.todo.push(node(inner)),
            _ => self.todo.push(Node::Expr(target)),
        }
    }

    fn function(&mut self, def: &'a Arc<FunctionDef>) {
        self.exprs(def.params.iter().filter_map(|p| p.default.as_ref()).chain(&def.decorators));
        let child = Scope::of(def);
        for name in &child.free {
            self.name_used(name);
        }
        self.imports.extend(child.imports.iter().cloned());
        self.children.insert(Arc::as_ptr(def).addr(), child);
    }

    fn clauses(&mut self, clauses: &'a [Clause]) {
        for clause in clauses {
            self.todo.push(Node::InnerTarget(&clause.target));
            self.exprs([&clause.iter].into_iter().chain(&clause.conditions));
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.exprs([expr]),
            StmtKind::Assign { targets, value } => {
                self.todo.extend(targets.iter().map(Node::Target));
                self.exprs([value]);
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.todo.push(Node::Target(target));
                self.exprs([target, value]);
            }
            StmtKind::AnnAssign { target, value } => {
                self.todo.push(Node::Target(target));
                self.exprs(value);
            }
            StmtKind::If { arms, orelse } => {
                for (test, block) in arms {
                    self.exprs([test]);
                    self.block(block);
                }
                self.block(orelse);
            }
            StmtKind::For { target, iter, body, orelse } => {
                self.todo.push(Node::Target(target));
                self.exprs([iter]);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.exprs([test]);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::With { items, body } => {
                for (value, target) in items {
                    self.exprs([value]);
                    self.todo.extend(target.as_ref().map(Node::Target));
                }
                self.block(body);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                for handler in handlers {
                    self.exprs(&handler.kind);
                    if let Some(name) = &handler.name {
                        self.bind(&name.text);
                    }
                    self.block(&handler.body);
                }
                [body, orelse, finally].into_iter().for_each(|block| self.block(block));
            }
            StmtKind::Def(def) => {
                self.bind(&def.name.text);
                self.function(def);
            }
            StmtKind::Return(value) | StmtKind::Raise(value) => self.exprs(value),
            StmtKind::Assert { test, message } => self.exprs([test].into_iter().chain(message)),
            StmtKind::Del(targets) => {
                self.todo.extend(targets.iter().map(Node::Target));
            }
            StmtKind::Global(names) => self.globals.extend(names.iter().map(|n| n.text.clone())),
            StmtKind::Nonlocal(names) => self.nonlocals.extend(names.iter().map(|n| n.text.clone())),
            StmtKind::Import { module, alias, names } => {
                let taken = names.iter().flatten().map(|(name, _)| name.clone()).collect();
                self.imports.push((module.clone(), taken));
                self.import(module, alias.as_ref(), names.as_deref());
            }
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Opaque(opaque) => opaque.name.iter().for_each(|name| self.bind(&name.text)),
            StmtKind::Rule(_)
            | StmtKind::Module(_)
            | StmtKind::UseRule(_)
            | StmtKind::Hook(_)
            | StmtKind::Directive(_) => {}
        }
    }

    fn import(&mut self, module: &Ident, alias: Option<&Ident>, names: Option<&[(Ident, Option<Ident>)]>) {
        match (names, alias) {
            (Some(names), _) => {
                for (name, alias) in names {
                    self.bind(&alias.as_ref().unwrap_or(name).text);
                }
            }
            (None, Some(alias)) => self.bind(&alias.text),
            (None, None) => self.bind(&root_of(&module.text).into()),
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.name_used(name),
            ExprKind::FString(parts) => self.fstring(parts),
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Set(items) => self.exprs(items),
            ExprKind::Dict(items) => {
                for item in items {
                    match item {
                        DictItem::Pair(key, value) => self.exprs([key, value]),
                        DictItem::Spread(value) => self.exprs([value]),
                    }
                }
            }
            ExprKind::Unary { operand, .. } => self.exprs([&**operand]),
            ExprKind::Binary { left, right, .. } | ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.exprs([&**left, &**right]);
            }
            ExprKind::Compare { first, rest } => {
                self.exprs([&**first].into_iter().chain(rest.iter().map(|(_, e)| e)));
            }
            ExprKind::Conditional { test, then, orelse } => self.exprs([&**test, &**then, &**orelse]),
            ExprKind::Lambda(def) => self.function(def),
            ExprKind::Call { callee, args } => {
                self.exprs([&**callee].into_iter().chain(args.iter().map(|a| &a.value)));
            }
            ExprKind::Attribute { value, .. } | ExprKind::Starred(value) => self.exprs([&**value]),
            ExprKind::Index { value, index } => self.exprs([&**value, &**index]),
            ExprKind::Slice { value, start, stop, step } => {
                let ends = [start, stop, step].into_iter().flatten().map(|e| &**e);
                self.exprs([&**value].into_iter().chain(ends));
            }
            ExprKind::SliceItem { start, stop, step } => {
                self.exprs([start, stop, step].into_iter().flatten().map(|e| &**e));
            }
            ExprKind::Comprehension { element, clauses, .. } => {
                self.exprs([&**element]);
                self.clauses(clauses);
            }
            ExprKind::DictComprehension { key, value, clauses } => {
                self.exprs([&**key, &**value]);
                self.clauses(clauses);
            }
            ExprKind::Walrus { name, value } => {
                self.bind(&name.text);
                self.exprs([&**value]);
            }
            ExprKind::Yield(value) => {
                self.is_generator = true;
                self.exprs(value.as_deref());
            }
            ExprKind::YieldFrom(value) => {
                self.is_generator = true;
                self.exprs([&**value]);
            }
            ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_) => {}
        }
    }

    fn fstring(&mut self, parts: &'a [FPart]) {
        for part in parts {
            if let FPart::Field { expr, spec, .. } = part {
                self.exprs([expr]);
                self.fstring(spec);
            }
        }
    }
}

/// `a` of `a.b.c`: the name that `import a.b.c` binds.
pub(crate) fn root_of(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}
