//! Expression text to tree: what `expr.pest` matched becomes `ast::Expr`.
//!
//! Recursion follows brackets, which `scan` has limited; chains are loops. The depth of the tree is limited
//! here, because a chain of operators is a deep tree as well, and everything that walks the tree recurses.

use crate::diag::{Problem, SourceId, Span};
use crate::syntax::ast::{
    Arg, ArgKind, BinaryOp, Clause, CompareOp, ComprehensionKind, Expr, ExprKind, FunctionBody, FunctionDef,
    Ident, Param, UnaryOp,
};
use crate::syntax::diagnose::{Context, diagnose};
use crate::syntax::grammar::expr::{ExprParser, Rule};
use crate::syntax::scan::MAX_NESTING;
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;
use std::sync::Arc;

pub(super) type Built<T> = Result<T, Box<Problem>>;
pub(super) type Node<'t> = Pair<'t, Rule>;
/// An end of a slice; nothing where nothing is written.
type End = Option<Box<Expr>>;

/// A piece of a source text and where it starts.
#[derive(Clone, Copy)]
pub(super) struct Piece<'t> {
    pub(super) source: SourceId,
    pub(super) base: usize,
    pub(super) text: &'t str,
}

impl<'t> Piece<'t> {
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, self.base + start, self.base + end)
    }

    pub(super) fn node_span(&self, node: &Node<'_>) -> Span {
        self.span(node.as_span().start(), node.as_span().end())
    }

    pub(super) fn fail<T>(&self, code: &'static str, message: impl Into<String>, at: Span) -> Built<T> {
        Err(Box::new(Problem::error(code, message).at(at, "")))
    }

    /// Matches the whole text; the children of the entry without the end mark.
    pub(super) fn parse(&self, goal: Rule, context: Context<'_>) -> Built<Vec<Node<'t>>> {
        match ExprParser::parse(goal, self.text) {
            Ok(pairs) => Ok(pairs.flat_map(Pair::into_inner).filter(|p| p.as_rule() != Rule::EOI).collect()),
            Err(error) => {
                let pos = match error.location {
                    InputLocation::Pos(pos) | InputLocation::Span((pos, _)) => pos,
                };
                let expected = match &error.variant {
                    ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
                    ErrorVariant::CustomError { .. } => &[],
                };
                Err(Box::new(diagnose(self, pos, expected, context)))
            }
        }
    }

    /// `a, b`: an expression on its own.
    pub(super) fn whole(&self, context: Context<'_>) -> Built<Expr> {
        self.single(Rule::whole_expr, context)
    }

    /// The condition of `if` or `while`.
    pub(super) fn test(&self, word: &'static str) -> Built<Expr> {
        self.single(Rule::whole_test, Context::Head(word))
    }

    fn single(&self, goal: Rule, context: Context<'_>) -> Built<Expr> {
        match self.parse(goal, context)?.into_iter().next() {
            Some(node) => self.item(node, 0),
            None => self.fail("missing-expression", "an expression is missing here", self.span(0, 0)),
        }
    }

    /// The items of a section or directive.
    pub(super) fn items(&self, section: &str) -> Built<Vec<Arg>> {
        let nodes = self.parse(Rule::whole_args, Context::Items(section))?;
        nodes.into_iter().map(|node| self.arg(node, 0)).collect()
    }

    /// `target in iterable`
    pub(super) fn for_head(&self) -> Built<(Expr, Expr)> {
        let mut nodes = self.parse(Rule::whole_for, Context::Head("for"))?.into_iter();
        let (Some(target), _, Some(iter)) = (nodes.next(), nodes.next(), nodes.next()) else {
            return self.fail(
                "missing-expression",
                "`for` needs a name, `in` and what to go through",
                self.span(0, 0),
            );
        };
        Ok((self.targets(target, 0)?, self.item(iter, 0)?))
    }

    /// `a as b, c as d`
    pub(super) fn with_head(&self) -> Built<Vec<(Expr, Option<Expr>)>> {
        let nodes = self.parse(Rule::whole_with, Context::Head("with"))?;
        let item = |node: Node<'t>| -> Built<(Expr, Option<Expr>)> {
            let mut value = None;
            let mut target = None;
            for part in node.into_inner() {
                match part.as_rule() {
                    Rule::k_as => {}
                    Rule::expr => value = Some(self.expr(part, 0)?),
                    _ => target = Some(self.target(part, 0)?),
                }
            }
            match value {
                Some(value) => Ok((value, target)),
                None => self.fail("missing-expression", "`with` needs an expression", self.span(0, 0)),
            }
        };
        nodes.into_iter().map(item).collect()
    }

    /// `Kind as name`
    pub(super) fn except_head(&self) -> Built<(Option<Expr>, Option<Ident>)> {
        let (mut kind, mut name) = (None, None);
        for part in self.parse(Rule::whole_except, Context::Head("except"))? {
            match part.as_rule() {
                Rule::expr => kind = Some(self.expr(part, 0)?),
                Rule::ident => name = Some(self.name(&part)?),
                _ => {}
            }
        }
        Ok((kind, name))
    }

    /// `(a, b=1, *args)`
    pub(super) fn params(&self) -> Built<Vec<Param>> {
        let nodes = self.parse(Rule::whole_params, Context::Params)?;
        self.param_list(nodes, 0)
    }

    /// `type = value` after `name:`; the value.
    pub(super) fn annotation(&self) -> Built<Option<Expr>> {
        let mut value = None;
        for part in self.parse(Rule::whole_label, Context::Line)? {
            match part.as_rule() {
                Rule::exprs | Rule::yielded => value = Some(self.item(part, 0)?),
                Rule::expr => {
                    self.expr(part, 0)?;
                }
                _ => {}
            }
        }
        Ok(value)
    }

    // ---- expressions

    pub(super) fn deeper(&self, depth: usize, by: usize, node: &Node<'_>) -> Built<usize> {
        if depth + by > MAX_NESTING {
            let message = format!(
                "this expression is too deep: more than {MAX_NESTING} levels or operations in a chain"
            );
            let start = node.as_span().start();
            return self
                .fail("nested-too-deeply", message, self.span(start, start + 1))
                .map_err(|p| Box::new(p.help("build it in steps, with variables or a loop")));
        }
        Ok(depth + by)
    }

    /// Any node that stands for one expression.
    pub(super) fn item(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        match node.as_rule() {
            Rule::exprs => self.exprs(node, depth),
            Rule::starred => {
                let span = self.node_span(&node);
                let depth = self.deeper(depth, 1, &node)?;
                let Some(inner) = node.into_inner().nth(1) else { return self.broken(span) };
                let value = self.arith(inner, depth)?;
                let span = Span { end: value.span.end, ..span };
                Ok(Expr { span, kind: ExprKind::Starred(Box::new(value)) })
            }
            Rule::walrus => {
                let depth = self.deeper(depth, 1, &node)?;
                let span = self.node_span(&node);
                let mut parts = node.into_inner();
                let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
                    return self.broken(span);
                };
                let name = self.name(&name)?;
                let value = self.expr(value, depth)?;
                Ok(Expr {
                    span: name.span.to(value.span),
                    kind: ExprKind::Walrus { name, value: Box::new(value) },
                })
            }
            Rule::yielded => self.yielded(node, depth),
            _ => self.expr(node, depth),
        }
    }

    /// `yield`, `yield a, b`, `yield from a`
    fn yielded(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let depth = self.deeper(depth, 1, &node)?;
        let mut span = self.node_span(&node);
        let (mut word_end, mut from, mut value) = (span, false, None);
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::k_yield => word_end = self.node_span(&part),
                Rule::k_from => from = true,
                _ => value = Some(Box::new(self.item(part, depth)?)),
            }
        }
        span.end = value.as_ref().map_or(word_end, |value| value.span).end;
        let kind = match value {
            Some(value) if from => ExprKind::YieldFrom(value),
            value => ExprKind::Yield(value),
        };
        Ok(Expr { kind, span })
    }

    /// The grammar and this builder disagree: an error, not a panic.
    pub(super) fn broken<T>(&self, at: Span) -> Built<T> {
        self.fail("unexpected-text", "this text is not understood", at)
    }

    pub(super) fn exprs(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let mut items = Vec::new();
        let mut end = None;
        let inner_depth = self.deeper(depth, 1, &node)?;
        let whole = self.node_span(&node);
        for part in node.into_inner() {
            if part.as_rule() == Rule::trailing {
                end = Some(self.node_span(&part));
            } else {
                items.push(self.item(part, inner_depth)?);
            }
        }
        match (items.len(), end) {
            (0, _) => self.broken(whole),
            (1, None) => {
                let Some(only) = items.pop() else { return self.broken(whole) };
                if matches!(only.kind, ExprKind::Starred(_)) {
                    return self.lone_star(only.span);
                }
                Ok(only)
            }
            _ => {
                let first = items.first().map_or(whole, |e| e.span);
                let last = end.or(items.last().map(|e| e.span)).unwrap_or(first);
                Ok(Expr { span: first.to(last), kind: ExprKind::Tuple(items) })
            }
        }
    }

    pub(super) fn lone_star<T>(&self, at: Span) -> Built<T> {
        self.fail("unexpected-text", "a starred expression must stand in a list, a tuple or a call", at)
    }

    /// `lambda...: a if b else c`, right to left.
    pub(super) fn expr(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let parts: Vec<Node<'t>> = node.clone().into_inner().collect();
        let heads = parts.iter().filter(|p| matches!(p.as_rule(), Rule::lambda_head | Rule::k_if)).count();
        let depth = self.deeper(depth, heads, &node)?;
        let mut parts = parts.into_iter().rev().peekable();
        let Some(last) = parts.next() else { return self.broken(span) };
        let mut result = self.disjunction(last, depth)?;
        while let Some(part) = parts.next() {
            match part.as_rule() {
                Rule::lambda_head => result = self.lambda(part, result, depth)?,
                // then `if` test `else` result
                Rule::k_else => {
                    let (Some(test), _, Some(then)) = (parts.next(), parts.next(), parts.next()) else {
                        return self.broken(span);
                    };
                    let test = Box::new(self.disjunction(test, depth)?);
                    let then = Box::new(self.disjunction(then, depth)?);
                    let span = then.span.to(result.span);
                    let orelse = Box::new(result);
                    result = Expr { span, kind: ExprKind::Conditional { test, then, orelse } };
                }
                _ => return self.broken(span),
            }
        }
        Ok(result)
    }

    fn lambda(&self, head: Node<'t>, body: Expr, depth: usize) -> Built<Expr> {
        let start = self.node_span(&head);
        let mut parts = head.into_inner();
        let keyword = parts.next().map_or(start, |k| self.node_span(&k));
        let params = self.param_list(parts.collect(), depth)?;
        let span = start.to(body.span);
        let name = Ident { text: "<lambda>".into(), span: keyword };
        let def = FunctionDef { name, params, decorators: Vec::new(), body: FunctionBody::Expr(body) };
        Ok(Expr { span, kind: ExprKind::Lambda(Arc::new(def)) })
    }

    fn disjunction(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let whole = self.node_span(&node);
        let count = node.clone().into_inner().count();
        if count == 1 {
            let Some(only) = node.into_inner().next() else { return self.broken(whole) };
            return self.comparison(only, depth);
        }
        let nots = node.clone().into_inner().filter(|p| p.as_rule() == Rule::k_not).count();
        let halvings = 2 * (usize::BITS - count.leading_zeros()) as usize;
        let depth = self.deeper(depth, nots + halvings, &node)?;
        let (mut alternatives, mut group, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::k_not => pending.push(self.node_span(&part)),
                Rule::k_and => {}
                Rule::k_or => alternatives.extend(join(std::mem::take(&mut group), ExprKind::And)),
                _ => {
                    let mut operand = self.comparison(part, depth)?;
                    while let Some(not) = pending.pop() {
                        let span = not.to(operand.span);
                        let kind = ExprKind::Unary { op: UnaryOp::Not, operand: Box::new(operand) };
                        operand = Expr { span, kind };
                    }
                    group.push(operand);
                }
            }
        }
        alternatives.extend(join(group, ExprKind::And));
        join(alternatives, ExprKind::Or).map_or_else(|| self.broken(whole), Ok)
    }

    fn comparison(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let whole = self.node_span(&node);
        let mut parts = node.clone().into_inner();
        let Some(first) = parts.next() else { return self.broken(whole) };
        if node.clone().into_inner().nth(1).is_none() {
            return self.arith(first, depth);
        }
        let depth = self.deeper(depth, 1, &node)?;
        let first = self.arith(first, depth)?;
        let mut rest = Vec::new();
        while let (Some(op), Some(operand)) = (parts.next(), parts.next()) {
            rest.push((compare_op(op), self.arith(operand, depth)?));
        }
        let end = rest.last().map_or(first.span, |(_, e)| e.span);
        Ok(Expr { span: first.span.to(end), kind: ExprKind::Compare { first: Box::new(first), rest } })
    }

    /// Operators by precedence: operands and operators on two stacks.
    fn arith(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let whole = self.node_span(&node);
        let operators = node.clone().into_inner().filter(|p| p.as_rule() != Rule::primary).count();
        let depth = self.deeper(depth, operators, &node)?;
        let mut operands: Vec<Expr> = Vec::new();
        let mut waiting: Vec<Operator> = Vec::new();
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::un_op => {
                    let op = match part.as_str() {
                        "-" => UnaryOp::Neg,
                        "+" => UnaryOp::Pos,
                        _ => UnaryOp::Invert,
                    };
                    waiting.push(Operator::Unary(op, self.node_span(&part)));
                }
                Rule::bin_op => {
                    let op = binary_op(part.as_str());
                    while waiting.last().is_some_and(|top| top.binds_before(op)) {
                        reduce(&mut operands, &mut waiting);
                    }
                    waiting.push(Operator::Binary(op));
                }
                _ => operands.push(self.primary(part, depth)?),
            }
        }
        while !waiting.is_empty() {
            reduce(&mut operands, &mut waiting);
        }
        operands.pop().map_or_else(|| self.broken(whole), Ok)
    }

    pub(super) fn primary(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let whole = self.node_span(&node);
        let mut parts = node.clone().into_inner();
        let Some(atom) = parts.next() else { return self.broken(whole) };
        let depth = self.deeper(depth, parts.len(), &node)?;
        let mut value = self.atom(atom, depth)?;
        for part in parts {
            let span = value.span.to(self.node_span(&part));
            let boxed = Box::new(value);
            let kind = match part.as_rule() {
                Rule::call => {
                    let depth = self.deeper(depth, 1, &part)?;
                    let args = part.into_inner().map(|a| self.arg(a, depth)).collect::<Built<Vec<Arg>>>()?;
                    ExprKind::Call { callee: boxed, args }
                }
                Rule::subscript => self.subscript(boxed, part, depth)?,
                _ => {
                    let Some(name) = part.into_inner().next() else { return self.broken(span) };
                    ExprKind::Attribute { value: boxed, name: self.ident(&name) }
                }
            };
            value = Expr { span, kind };
        }
        Ok(value)
    }

    fn subscript(&self, value: Box<Expr>, node: Node<'t>, depth: usize) -> Built<ExprKind> {
        let depth = self.deeper(depth, 1, &node)?;
        let span = self.node_span(&node);
        let mut tuple = false;
        let mut subs = Vec::new();
        for part in node.into_inner() {
            if part.as_rule() == Rule::trailing {
                tuple = true;
            } else {
                subs.push(part);
            }
        }
        if subs.len() == 1 && !tuple {
            let Some(sub) = subs.pop() else { return self.broken(span) };
            return match self.sub(sub, depth)? {
                (start, Some((stop, step))) => Ok(ExprKind::Slice { value, start, stop, step }),
                (Some(index), None) => Ok(ExprKind::Index { value, index }),
                (None, None) => self.broken(span),
            };
        }
        let mut items = Vec::new();
        for sub in subs {
            let at = self.node_span(&sub);
            items.push(match self.sub(sub, depth)? {
                (Some(item), None) => *item,
                (start, Some((stop, step))) => {
                    Expr { span: at, kind: ExprKind::SliceItem { start, stop, step } }
                }
                (None, None) => return self.broken(at),
            });
        }
        let start = items.first().map_or(span, |e: &Expr| e.span);
        let end = items.last().map_or(span, |e| e.span);
        let index = Box::new(Expr { span: start.to(end), kind: ExprKind::Tuple(items) });
        Ok(ExprKind::Index { value, index })
    }

    /// One index: what stands before the first colon, and what follows it when there is one.
    fn sub(&self, node: Node<'t>, depth: usize) -> Built<(End, Option<(End, End)>)> {
        let (mut start, mut bounds) = (None, None);
        for part in node.into_inner() {
            if part.as_rule() == Rule::slice {
                let part_of = |p: Node<'t>| {
                    p.into_inner().next().map(|e| self.expr(e, depth).map(Box::new)).transpose()
                };
                let mut parts = part.into_inner().map(part_of);
                bounds = Some((parts.next().transpose()?.flatten(), parts.next().transpose()?.flatten()));
            } else {
                start = Some(Box::new(self.item(part, depth)?));
            }
        }
        Ok((start, bounds))
    }

    pub(super) fn arg(&self, node: Node<'t>, depth: usize) -> Built<Arg> {
        let span = self.node_span(&node);
        let mut parts = node.into_inner();
        let Some(first) = parts.next() else { return self.broken(span) };
        let kind = match first.as_rule() {
            Rule::dstar => ArgKind::DoubleStar,
            Rule::star => ArgKind::Star,
            Rule::kwarg => {
                let mut inner = first.into_inner();
                let (Some(name), _, Some(value)) = (inner.next(), inner.next(), inner.next()) else {
                    return self.broken(span);
                };
                return Ok(Arg {
                    kind: ArgKind::Keyword(self.name(&name)?),
                    value: self.expr(value, depth)?,
                });
            }
            _ => {
                let rest: Vec<Node<'t>> = parts.collect();
                let value =
                    self.maybe_comprehension(first, rest, ComprehensionKind::Generator, span, depth)?;
                return Ok(Arg { kind: ArgKind::Positional, value });
            }
        };
        match parts.next() {
            Some(value) => Ok(Arg { kind, value: self.expr(value, depth)? }),
            None => self.broken(span),
        }
    }

    pub(super) fn maybe_comprehension(
        &self,
        element: Node<'t>,
        clauses: Vec<Node<'t>>,
        kind: ComprehensionKind,
        span: Span,
        depth: usize,
    ) -> Built<Expr> {
        if clauses.is_empty() {
            return self.item(element, depth);
        }
        let depth = self.deeper(depth, 1, &element)?;
        let element = Box::new(self.item(element, depth)?);
        if matches!(element.kind, ExprKind::Starred(_)) {
            return self.lone_star(element.span);
        }
        let clauses = self.clauses(clauses, depth)?;
        Ok(Expr { span, kind: ExprKind::Comprehension { kind, element, clauses } })
    }

    pub(super) fn clauses(&self, nodes: Vec<Node<'t>>, depth: usize) -> Built<Vec<Clause>> {
        let mut clauses = Vec::new();
        for node in nodes {
            let span = self.node_span(&node);
            let (mut target, mut iter, mut conditions) = (None, None, Vec::new());
            for part in node.into_inner() {
                match part.as_rule() {
                    Rule::targets => target = Some(self.targets(part, depth)?),
                    Rule::disjunction if iter.is_none() => iter = Some(self.disjunction(part, depth)?),
                    Rule::disjunction => conditions.push(self.disjunction(part, depth)?),
                    _ => {}
                }
            }
            let (Some(target), Some(iter)) = (target, iter) else { return self.broken(span) };
            clauses.push(Clause { target, iter, conditions });
        }
        Ok(clauses)
    }
}

/// Joins operands pairwise, so that a long chain is a shallow tree: `and` and `or` are associative.
fn join(mut items: Vec<Expr>, make: fn(Box<Expr>, Box<Expr>) -> ExprKind) -> Option<Expr> {
    while items.len() > 1 {
        let mut next = Vec::with_capacity(items.len().div_ceil(2));
        let mut rest = items.into_iter();
        while let Some(left) = rest.next() {
            next.push(match rest.next() {
                Some(right) => {
                    Expr { span: left.span.to(right.span), kind: make(Box::new(left), Box::new(right)) }
                }
                None => left,
            });
        }
        items = next;
    }
    items.pop()
}

enum Operator {
    Unary(UnaryOp, Span),
    Binary(BinaryOp),
}

impl Operator {
    /// Whether this waiting operator takes its operands before `next` does.
    fn binds_before(&self, next: BinaryOp) -> bool {
        match self {
            Operator::Unary(..) => next != BinaryOp::Pow,
            Operator::Binary(BinaryOp::Pow) => next != BinaryOp::Pow,
            Operator::Binary(op) => precedence(*op) >= precedence(next),
        }
    }
}

fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp::{
        Add, BitAnd, BitOr, BitXor, Div, FloorDiv, MatMul, Mod, Mul, Pow, ShiftLeft, ShiftRight, Sub,
    };
    match op {
        BitOr => 1,
        BitXor => 2,
        BitAnd => 3,
        ShiftLeft | ShiftRight => 4,
        Add | Sub => 5,
        Mul | Div | FloorDiv | Mod | MatMul => 6,
        Pow => 8,
    }
}

fn reduce(operands: &mut Vec<Expr>, waiting: &mut Vec<Operator>) {
    let (Some(operator), Some(right)) = (waiting.pop(), operands.pop()) else { return };
    let expr = match operator {
        Operator::Unary(op, span) => {
            Expr { span: span.to(right.span), kind: ExprKind::Unary { op, operand: Box::new(right) } }
        }
        Operator::Binary(op) => {
            let Some(left) = operands.pop() else { return };
            let span = left.span.to(right.span);
            Expr { span, kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) } }
        }
    };
    operands.push(expr);
}

pub(super) fn binary_op(text: &str) -> BinaryOp {
    match text {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "//" => BinaryOp::FloorDiv,
        "%" => BinaryOp::Mod,
        "**" => BinaryOp::Pow,
        "@" => BinaryOp::MatMul,
        "&" => BinaryOp::BitAnd,
        "|" => BinaryOp::BitOr,
        "^" => BinaryOp::BitXor,
        "<<" => BinaryOp::ShiftLeft,
        _ => BinaryOp::ShiftRight,
    }
}

fn compare_op(node: Node<'_>) -> CompareOp {
    let text = node.as_str();
    let words: Vec<Rule> = node.into_inner().map(|p| p.as_rule()).collect();
    match (words.as_slice(), text) {
        ([Rule::k_in], _) => CompareOp::In,
        ([Rule::k_not, ..], _) => CompareOp::NotIn,
        ([Rule::k_is], _) => CompareOp::Is,
        ([Rule::k_is, ..], _) => CompareOp::IsNot,
        (_, "==") => CompareOp::Eq,
        (_, "!=") => CompareOp::Ne,
        (_, "<=") => CompareOp::Le,
        (_, ">=") => CompareOp::Ge,
        (_, "<") => CompareOp::Lt,
        _ => CompareOp::Gt,
    }
}
