//! Simple statements: what `expr.pest` matched on a logical line becomes `ast::Stmt`.

use crate::diag::Span;
use crate::syntax::ast::{Expr, ExprKind, Ident, Stmt, StmtKind};
use crate::syntax::diagnose::Context;
use crate::syntax::expr::{Built, Node, Piece, binary_op};
use crate::syntax::grammar::expr::Rule;

impl<'t> Piece<'t> {
    /// `a = 1; b()`: the simple statements of one logical line.
    pub(super) fn simple(&self) -> Built<Vec<Stmt>> {
        let mut statements = Vec::new();
        for node in self.parse(Rule::whole_lines, Context::Line)? {
            self.statement(node, &mut statements)?;
        }
        Ok(statements)
    }

    fn statement(&self, node: Node<'t>, out: &mut Vec<Stmt>) -> Built<()> {
        let span = self.trimmed(&node);
        let rule = node.as_rule();
        let kind = match rule {
            Rule::s_pass => StmtKind::Pass,
            Rule::s_break => StmtKind::Break,
            Rule::s_continue => StmtKind::Continue,
            Rule::s_return => StmtKind::Return(self.values(node)?.into_iter().next()),
            Rule::s_raise => StmtKind::Raise(self.values(node)?.into_iter().next()),
            Rule::s_assert => {
                let mut values = self.values(node)?.into_iter();
                let Some(test) = values.next() else { return self.broken(span) };
                StmtKind::Assert { test, message: values.next() }
            }
            Rule::s_del => {
                let targets = self.values(node)?;
                targets.iter().try_for_each(|t| self.check_target(t, true))?;
                StmtKind::Del(targets)
            }
            Rule::s_global | Rule::s_nonlocal => {
                let names =
                    node.into_inner().skip(1).map(|n| self.name(&n)).collect::<Built<Vec<Ident>>>()?;
                if rule == Rule::s_global { StmtKind::Global(names) } else { StmtKind::Nonlocal(names) }
            }
            Rule::s_import => {
                for part in node.into_inner().filter(|p| p.as_rule() == Rule::dotted_as) {
                    let span = self.trimmed(&part);
                    let mut idents = part.into_inner().filter(|p| p.as_rule() != Rule::k_as);
                    let Some(module) = idents.next() else { return self.broken(span) };
                    let alias = idents.next().map(|n| self.name(&n)).transpose()?;
                    let module = self.ident(&module);
                    out.push(Stmt { span, kind: StmtKind::Import { module, alias, names: None } });
                }
                return Ok(());
            }
            Rule::s_from => self.import_from(node, span)?,
            _ => self.expression_statement(node, span)?,
        };
        out.push(Stmt { kind, span });
        Ok(())
    }

    /// The span without white space and comments that an optional end of the production took along.
    fn trimmed(&self, node: &Node<'t>) -> Span {
        let span = self.node_span(node);
        let end = node.clone().into_inner().last().map_or(span, |last| self.node_span(&last));
        let text = self.text.get(node.as_span().start()..(end.end as usize).saturating_sub(self.base));
        let length = text.map_or(0, |t| t.trim_end().len());
        Span { end: span.start + length as u32, ..span }
    }

    fn values(&self, node: Node<'t>) -> Built<Vec<Expr>> {
        node.into_inner()
            .filter(|p| matches!(p.as_rule(), Rule::expr | Rule::exprs | Rule::primary))
            .map(|p| if p.as_rule() == Rule::primary { self.primary(p, 0) } else { self.item(p, 0) })
            .collect()
    }

    fn import_from(&self, node: Node<'t>, span: Span) -> Built<StmtKind> {
        let (mut module, mut names) = (None, Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::from_module => module = Some(self.ident(&part)),
                Rule::star => names.push((self.ident(&part), None)),
                Rule::from_name => {
                    let mut idents = part.into_inner().filter(|p| p.as_rule() != Rule::k_as);
                    let Some(name) = idents.next() else { return self.broken(span) };
                    let alias = idents.next().map(|n| self.name(&n)).transpose()?;
                    names.push((self.name(&name)?, alias));
                }
                _ => {}
            }
        }
        match module {
            Some(module) => Ok(StmtKind::Import { module, alias: None, names: Some(names) }),
            None => self.broken(span),
        }
    }

    /// An expression, an assignment, an augmented assignment or an annotation.
    fn expression_statement(&self, node: Node<'t>, span: Span) -> Built<StmtKind> {
        let mut parts = node.into_inner();
        let Some(first) = parts.next() else { return self.broken(span) };
        let Some(operator) = parts.next() else { return Ok(StmtKind::Expr(self.item(first, 0)?)) };
        match operator.as_rule() {
            Rule::aug_op => {
                let op = binary_op(operator.as_str().trim_end_matches('='));
                let Some(value) = parts.next() else { return self.broken(span) };
                let (target, value) = (self.item(first, 0)?, self.item(value, 0)?);
                self.check_target(&target, false)?;
                Ok(StmtKind::AugAssign { target, op, value })
            }
            Rule::ann_colon => {
                let target = self.item(first, 0)?;
                self.check_target(&target, false)?;
                let mut value = None;
                for part in parts {
                    match part.as_rule() {
                        Rule::expr => drop(self.expr(part, 0)?),
                        Rule::exprs | Rule::yielded => value = Some(self.item(part, 0)?),
                        _ => {}
                    }
                }
                Ok(StmtKind::AnnAssign { target, value })
            }
            _ => {
                let mut nodes: Vec<Node<'t>> = parts.filter(|p| p.as_rule() != Rule::eq).collect();
                let Some(value) = nodes.pop() else { return self.broken(span) };
                let mut targets = Vec::new();
                for target in std::iter::once(first).chain(nodes) {
                    let target = self.assigned(target)?;
                    targets.push(target);
                }
                Ok(StmtKind::Assign { targets, value: self.item(value, 0)? })
            }
        }
    }

    fn assigned(&self, node: Node<'t>) -> Built<Expr> {
        let target = self.item(node, 0)?;
        if let ExprKind::Compare { .. } | ExprKind::Binary { .. } = target.kind {
            return self
                .fail("bad-target", "cannot assign to this expression", target.span)
                .map_err(|p| Box::new(p.help("use `==` to compare")));
        }
        self.check_target(&target, true)?;
        Ok(target)
    }
}
