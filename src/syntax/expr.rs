//! Expression text to tree: what `expr.pest` matched becomes `ast::Expr`.
//!
//! Recursion follows brackets, which `scan` has limited; chains are loops. The depth of the tree is limited
//! here, because a chain of operators is a deep tree as well, and everything that walks the tree recurses.

use crate::diag::{Problem, SourceId, Span};
use crate::syntax::ast::{
    Arg, ArgKind, BinaryOp, Clause, CompareOp, ComprehensionKind, DictItem, Expr, ExprKind, FPart,
    FunctionBody, FunctionDef, Ident, Param, ParamKind, UnaryOp,
};
use crate::syntax::diagnose::{Context, diagnose};
use crate::syntax::grammar::expr::{ExprParser, Rule};
use crate::syntax::scan::MAX_NESTING;
use crate::syntax::strings;
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;
use std::sync::Arc;

pub(super) type Built<T> = Result<T, Box<Problem>>;
pub(super) type Node<'t> = Pair<'t, Rule>;

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
                Rule::exprs => value = Some(self.exprs(part, 0)?),
                Rule::expr => {
                    self.expr(part, 0)?;
                }
                _ => {}
            }
        }
        Ok(value)
    }

    // ---- expressions

    fn deeper(&self, depth: usize, by: usize, node: &Node<'_>) -> Built<usize> {
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
            _ => self.expr(node, depth),
        }
    }

    /// The grammar and this builder disagree: an error, not a panic.
    pub(super) fn broken<T>(&self, at: Span) -> Built<T> {
        self.fail("unexpected-text", "this text is not understood", at)
    }

    fn exprs(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
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

    fn lone_star<T>(&self, at: Span) -> Built<T> {
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
        let def = FunctionDef { name, params, body: FunctionBody::Expr(body), span };
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
            return match subs.pop() {
                Some(sub) => self.sub(value, sub, depth),
                None => self.broken(span),
            };
        }
        let mut items = Vec::new();
        for sub in subs {
            let at = self.node_span(&sub);
            let mut parts = sub.into_inner();
            match (parts.next(), parts.next()) {
                (Some(item), None) if item.as_rule() != Rule::slice => items.push(self.item(item, depth)?),
                _ => {
                    return self.fail(
                        "unsupported-slice",
                        "a slice among several indices isn't supported",
                        at,
                    );
                }
            }
        }
        let start = items.first().map_or(span, |e: &Expr| e.span);
        let end = items.last().map_or(span, |e| e.span);
        let index = Box::new(Expr { span: start.to(end), kind: ExprKind::Tuple(items) });
        Ok(ExprKind::Index { value, index })
    }

    fn sub(&self, value: Box<Expr>, node: Node<'t>, depth: usize) -> Built<ExprKind> {
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
        match (start, bounds) {
            (start, Some((stop, step))) => Ok(ExprKind::Slice { value, start, stop, step }),
            (Some(index), None) => Ok(ExprKind::Index { value, index }),
            (None, None) => self.broken(value.span),
        }
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

    fn maybe_comprehension(
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

    fn clauses(&self, nodes: Vec<Node<'t>>, depth: usize) -> Built<Vec<Clause>> {
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

    fn atom(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let kind = match node.as_rule() {
            Rule::strings => return self.strings(node, depth),
            Rule::number => self.number(node.as_str(), span)?,
            Rule::ident => match node.as_str() {
                "None" => ExprKind::None,
                "True" => ExprKind::Bool(true),
                "False" => ExprKind::Bool(false),
                name => ExprKind::Name(name.into()),
            },
            Rule::paren => return self.paren(node, depth),
            Rule::list => {
                let depth = self.deeper(depth, 1, &node)?;
                let (mut items, clauses) = split_clauses(node);
                if clauses.is_empty() {
                    ExprKind::List(items.into_iter().map(|i| self.item(i, depth)).collect::<Built<_>>()?)
                } else {
                    let Some(element) = items.pop() else { return self.broken(span) };
                    return self.maybe_comprehension(element, clauses, ComprehensionKind::List, span, depth);
                }
            }
            Rule::brace => self.brace(node, depth)?,
            Rule::ellipsis => ExprKind::Ellipsis,
            _ => return self.broken(span),
        };
        Ok(Expr { kind, span })
    }

    fn paren(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let depth = self.deeper(depth, 1, &node)?;
        let (mut items, clauses) = split_clauses(node);
        if !clauses.is_empty() {
            let Some(element) = items.pop() else { return self.broken(span) };
            return self.maybe_comprehension(element, clauses, ComprehensionKind::Generator, span, depth);
        }
        let tuple = items.last().is_none_or(|i| i.as_rule() == Rule::trailing) || items.len() > 1;
        items.retain(|i| i.as_rule() != Rule::trailing);
        let mut items = items.into_iter().map(|i| self.item(i, depth)).collect::<Built<Vec<Expr>>>()?;
        match (tuple, items.pop()) {
            (false, Some(only)) if matches!(only.kind, ExprKind::Starred(_)) => self.lone_star(only.span),
            (false, Some(only)) => Ok(Expr { span, ..only }),
            (_, last) => {
                items.extend(last);
                Ok(Expr { span, kind: ExprKind::Tuple(items) })
            }
        }
    }

    fn brace(&self, node: Node<'t>, depth: usize) -> Built<ExprKind> {
        let span = self.node_span(&node);
        let depth = self.deeper(depth, 1, &node)?;
        let (entries, clauses) = split_clauses(node);
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        for entry in entries {
            let mut parts = entry.into_inner();
            match (parts.next(), parts.next()) {
                (Some(star), Some(value)) if star.as_rule() == Rule::dstar => {
                    pairs.push(DictItem::Spread(self.expr(value, depth)?));
                }
                (Some(key), Some(value)) => {
                    pairs.push(DictItem::Pair(self.item(key, depth)?, self.expr(value, depth)?));
                }
                (Some(item), None) => items.push(self.item(item, depth)?),
                _ => return self.broken(span),
            }
        }
        if !pairs.is_empty() && !items.is_empty() {
            let at = items.first().map_or(span, |e| e.span);
            return self.fail("unexpected-text", "a dict needs `key: value` for every item", at);
        }
        if clauses.is_empty() {
            return Ok(if items.is_empty() { ExprKind::Dict(pairs) } else { ExprKind::Set(items) });
        }
        let clauses = self.clauses(clauses, depth)?;
        match (pairs.pop(), items.pop()) {
            (Some(DictItem::Pair(key, value)), _) => {
                Ok(ExprKind::DictComprehension { key: Box::new(key), value: Box::new(value), clauses })
            }
            (None, Some(element)) => {
                let kind = ComprehensionKind::Set;
                Ok(ExprKind::Comprehension { kind, element: Box::new(element), clauses })
            }
            _ => self.fail("unexpected-text", "`**` cannot stand in a comprehension", span),
        }
    }

    fn number(&self, text: &str, span: Span) -> Built<ExprKind> {
        let plain: String = text.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
        let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(p, _)| plain.starts_with(p));
        if let Some((prefix, radix)) = radix {
            let digits = &plain[prefix.len()..];
            if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
                return self.fail("bad-number", format!("`{text}` is not a number"), span);
            }
            return match i64::from_str_radix(digits, radix) {
                Ok(n) => Ok(ExprKind::Int(n)),
                Err(_) => self.fail(
                    "bad-number",
                    format!("`{text}` is too large: whole numbers have 64 bits"),
                    span,
                ),
            };
        }
        if plain.chars().all(|c| c.is_ascii_digit()) {
            if plain.len() > 1 && plain.starts_with('0') && plain.chars().any(|c| c != '0') {
                let message = format!("`{text}`: a number cannot start with 0");
                return self
                    .fail("bad-number", message, span)
                    .map_err(|p| Box::new(p.help("write 0o... for an octal number, or a string")));
            }
            return match plain.parse() {
                Ok(n) => Ok(ExprKind::Int(n)),
                Err(_) => self.fail(
                    "bad-number",
                    format!("`{text}` is too large: whole numbers have 64 bits"),
                    span,
                ),
            };
        }
        let numeric = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-'));
        match plain.parse::<f64>() {
            Ok(x) if numeric => Ok(ExprKind::Float(x)),
            _ if plain.ends_with('j') => self.fail("bad-number", "complex numbers aren't supported", span),
            _ => self.fail("bad-number", format!("`{text}` is not a number"), span),
        }
    }

    // ---- strings

    /// Adjacent literals, joined.
    fn strings(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let depth = self.deeper(depth, 1, &node)?;
        let whole = self.node_span(&node);
        let (mut parts, mut text, mut formatted) = (Vec::new(), String::new(), false);
        let (mut start, mut end, mut bytes, mut count) = (None, whole, 0, 0);
        for literal in node.into_inner() {
            let span = self.node_span(&literal);
            start.get_or_insert(span);
            end = span;
            count += 1;
            if literal.as_rule() == Rule::plain {
                let split = strings::split(literal.as_str());
                bytes += usize::from(split.bytes);
                let offset = literal.as_span().start() + split.offset;
                self.unescape(split.body, split.raw, offset, &mut text)?;
                if split.bytes && !split.body.is_ascii() {
                    return self.fail("bad-string", "a bytes literal can only hold ASCII characters", span);
                }
            } else {
                formatted = true;
                let raw = literal.as_rule() == Rule::fraw;
                self.fparts(literal, raw, &mut text, &mut parts, depth)?;
            }
        }
        let span = start.unwrap_or(whole).to(end);
        if bytes > 0 && bytes < count {
            return self.fail("bad-string", "bytes and text literals cannot be joined", span);
        }
        let kind = if bytes > 0 {
            // Escapes up to `\xff` are bytes of the same number.
            ExprKind::Bytes(text.chars().map(|c| u32::from(c) as u8).collect())
        } else if formatted {
            flush(&mut text, &mut parts);
            ExprKind::FString(parts)
        } else {
            ExprKind::Str(text.into())
        };
        Ok(Expr { kind, span })
    }

    fn unescape(&self, body: &str, raw: bool, offset: usize, out: &mut String) -> Built<()> {
        strings::unescape(body, raw, out).or_else(|error| {
            self.fail("bad-escape", error.message, self.span(offset + error.at.start, offset + error.at.end))
        })
    }

    /// Text and fields of an f-string or of a format spec.
    fn fparts(
        &self,
        node: Node<'t>,
        raw: bool,
        text: &mut String,
        parts: &mut Vec<FPart>,
        depth: usize,
    ) -> Built<()> {
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::ftext | Rule::frtext => {
                    let (mut rest, mut offset) = (part.as_str(), part.as_span().start());
                    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("}}")).min() {
                        self.unescape(&rest[..at], raw, offset, text)?;
                        text.push_str(&rest[at..=at]);
                        (rest, offset) = (&rest[at + 2..], offset + at + 2);
                    }
                    self.unescape(rest, raw, offset, text)?;
                }
                Rule::spec_text => self.unescape(part.as_str(), raw, part.as_span().start(), text)?,
                Rule::field => {
                    flush(text, parts);
                    parts.push(self.field(part, raw, depth)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn field(&self, node: Node<'t>, raw: bool, depth: usize) -> Built<FPart> {
        let depth = self.deeper(depth, 1, &node)?;
        let span = self.node_span(&node);
        let open = node.as_span().start() + 1;
        let (mut expr, mut debug, mut conversion, mut spec) = (None, None, None, Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::field_exprs => expr = Some(self.exprs(part, depth)?),
                Rule::debug => debug = self.text.get(open..part.as_span().end()).map(Arc::from),
                Rule::conversion => {
                    conversion = match part.as_str() {
                        "!r" => Some('r'),
                        "!s" => Some('s'),
                        "!a" => Some('a'),
                        other => {
                            let message = format!("`{other}` is not a conversion");
                            let at = self.node_span(&part);
                            return self
                                .fail("bad-conversion", message, at)
                                .map_err(|p| Box::new(p.help("use `!r`, `!s` or `!a`")));
                        }
                    }
                }
                Rule::spec => {
                    let mut text = String::new();
                    self.fparts(part, raw, &mut text, &mut spec, depth)?;
                    flush(&mut text, &mut spec);
                }
                _ => {}
            }
        }
        match expr {
            Some(expr) => Ok(FPart::Field { expr, debug, conversion, spec }),
            None => self.broken(span),
        }
    }

    // ---- names, parameters, targets

    pub(super) fn ident(&self, node: &Node<'_>) -> Ident {
        Ident { text: node.as_str().into(), span: self.node_span(node) }
    }

    /// A name that can be bound.
    pub(super) fn name(&self, node: &Node<'_>) -> Built<Ident> {
        let ident = self.ident(node);
        if matches!(&*ident.text, "None" | "True" | "False") {
            return self.fail("bad-target", format!("`{}` cannot be a name", ident.text), ident.span);
        }
        Ok(ident)
    }

    fn param_list(&self, nodes: Vec<Node<'t>>, depth: usize) -> Built<Vec<Param>> {
        let mut params: Vec<Param> = Vec::new();
        let mut keyword_only = false;
        for node in nodes {
            let span = self.node_span(&node);
            let (mut kind, mut name, mut default, mut marker) = (None, None, None, None);
            for part in node.into_inner() {
                match part.as_rule() {
                    Rule::dstar => kind = Some(ParamKind::DoubleStar),
                    Rule::star => (kind, marker) = (Some(ParamKind::Star), Some('*')),
                    Rule::slash => marker = Some('/'),
                    Rule::ident => name = Some(self.name(&part)?),
                    Rule::expr => default = Some(self.expr(part, depth)?),
                    _ => {}
                }
            }
            let last = params.last().map(|p| p.kind);
            if last == Some(ParamKind::DoubleStar) {
                return self.fail("bad-parameter", "nothing may follow the `**` parameter", span);
            }
            if kind == Some(ParamKind::Star) && keyword_only {
                return self.fail("bad-parameter", "only one `*` parameter is possible", span);
            }
            keyword_only |= marker == Some('*');
            let Some(name) = name else { continue };
            let kind =
                kind.unwrap_or(if keyword_only { ParamKind::KeywordOnly } else { ParamKind::Positional });
            if let Some(twin) = params.iter().find(|p| p.name.text == name.text) {
                let message = format!("parameter `{}` is there twice", name.text);
                let problem = Problem::error("bad-parameter", message)
                    .at(name.span, "")
                    .at(twin.name.span, "the first");
                return Err(Box::new(problem));
            }
            let defaults = params.iter().any(|p| p.kind == ParamKind::Positional && p.default.is_some());
            if kind == ParamKind::Positional && default.is_none() && defaults {
                let message = format!("parameter `{}` has no default but follows one that has", name.text);
                return self.fail("bad-parameter", message, name.span);
            }
            params.push(Param { name, kind, default });
        }
        Ok(params)
    }

    fn targets(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let mut items = Vec::new();
        let mut tuple = false;
        for part in node.into_inner() {
            if part.as_rule() == Rule::trailing {
                tuple = true;
            } else {
                items.push(self.target(part, depth)?);
            }
        }
        match items.pop() {
            Some(only) if items.is_empty() && !tuple => {
                if matches!(only.kind, ExprKind::Starred(_)) {
                    self.lone_star(only.span)
                } else {
                    Ok(only)
                }
            }
            Some(last) => {
                let start = items.first().map_or(last.span, |e| e.span);
                let span = start.to(last.span);
                items.push(last);
                Ok(Expr { span, kind: ExprKind::Tuple(items) })
            }
            None => self.broken(span),
        }
    }

    pub(super) fn target(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let expr = if node.as_rule() == Rule::star_target {
            let span = self.node_span(&node);
            let depth = self.deeper(depth, 1, &node)?;
            let Some(inner) = node.into_inner().nth(1) else { return self.broken(span) };
            let value = self.primary(inner, depth)?;
            Expr { span: span.to(value.span), kind: ExprKind::Starred(Box::new(value)) }
        } else {
            self.primary(node, depth)?
        };
        self.check_target(&expr, true)?;
        Ok(expr)
    }

    /// Whether something can be assigned to; `many` allows tuples and lists.
    pub(super) fn check_target(&self, expr: &Expr, many: bool) -> Built<()> {
        let what = match &expr.kind {
            ExprKind::Name(_)
            | ExprKind::Attribute { .. }
            | ExprKind::Index { .. }
            | ExprKind::Slice { .. } => {
                return Ok(());
            }
            ExprKind::Tuple(items) | ExprKind::List(items) if many => {
                return items.iter().try_for_each(|item| self.check_target(item, true));
            }
            ExprKind::Starred(inner) if many => return self.check_target(inner, true),
            ExprKind::Call { .. } => "the result of a call",
            ExprKind::Str(_) | ExprKind::FString(_) | ExprKind::Bytes(_) => "a string",
            ExprKind::Int(_) | ExprKind::Float(_) => "a number",
            ExprKind::None | ExprKind::Bool(_) | ExprKind::Ellipsis => "a constant",
            ExprKind::Tuple(_) | ExprKind::List(_) => "several targets here",
            ExprKind::Compare { .. } => "a comparison",
            _ => "this expression",
        };
        self.fail("bad-target", format!("cannot assign to {what}"), expr.span)
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

fn split_clauses(node: Node<'_>) -> (Vec<Node<'_>>, Vec<Node<'_>>) {
    node.into_inner().partition(|p| p.as_rule() != Rule::clause)
}

fn flush(text: &mut String, parts: &mut Vec<FPart>) {
    if !text.is_empty() {
        parts.push(FPart::Text(std::mem::take(text).into()));
    }
}
