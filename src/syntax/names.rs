//! Names that are bound: parameters of functions, targets of assignments and loops.

use crate::diag::Problem;
use crate::syntax::ast::{Expr, ExprKind, Ident, Param, ParamKind};
use crate::syntax::expr::{Built, Node, Piece};
use crate::syntax::grammar::expr::Rule;

impl<'t> Piece<'t> {
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

    pub(super) fn param_list(&self, nodes: Vec<Node<'t>>, depth: usize) -> Built<Vec<Param>> {
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

    pub(super) fn targets(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
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
