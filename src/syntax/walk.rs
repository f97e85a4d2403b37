//! A walk over all that a file holds, in the order of writing: statements, expressions, sections and bodies of code.
//!
//! Iterative, with one stack, so that no file is too deep for it.

use crate::syntax::ast::{
    Arg, Block, Clause, Code, DictItem, Expr, ExprKind, FPart, FunctionBody, FunctionDef, Section, Stmt,
    StmtKind,
};

/// One piece of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'t> {
    Stmt(&'t Stmt),
    Expr(&'t Expr),
    /// Of a rule or a module.
    Section(&'t Section),
    /// The body of `run:` or of a hook.
    Code(&'t Code),
}

/// Calls `visit` for each node, outer nodes first; what is in a node is left out when it says `false`.
pub(crate) fn walk<'t>(block: &'t [Stmt], visit: impl FnMut(Node<'t>) -> bool) {
    walk_from(block.iter().rev().map(Node::Stmt).collect(), visit);
}

/// As [`walk`], of one expression.
pub(crate) fn walk_expr<'t>(expr: &'t Expr, visit: impl FnMut(Node<'t>) -> bool) {
    walk_from(vec![Node::Expr(expr)], visit);
}

/// `stack` has the first node last.
fn walk_from<'t>(mut stack: Vec<Node<'t>>, mut visit: impl FnMut(Node<'t>) -> bool) {
    while let Some(node) = stack.pop() {
        if !visit(node) {
            continue;
        }
        let start = stack.len();
        inside(node, &mut stack);
        stack[start..].reverse();
    }
}

fn inside<'t>(node: Node<'t>, out: &mut Vec<Node<'t>>) {
    match node {
        Node::Stmt(stmt) => of_stmt(stmt, out),
        Node::Expr(expr) => of_expr(expr, out),
        Node::Section(section) => {
            of_args(&section.args, out);
            out.extend(section.code.as_deref().map(Node::Code));
        }
        Node::Code(code) => {
            if let Ok(body) = &code.block {
                of_block(body, out);
            }
        }
    }
}

fn of_block<'t>(block: &'t Block, out: &mut Vec<Node<'t>>) {
    out.extend(block.iter().map(Node::Stmt));
}

fn of_args<'t>(args: &'t [Arg], out: &mut Vec<Node<'t>>) {
    out.extend(args.iter().map(|arg| Node::Expr(&arg.value)));
}

fn of_stmt<'t>(stmt: &'t Stmt, out: &mut Vec<Node<'t>>) {
    match &stmt.kind {
        StmtKind::Expr(expr) => out.push(Node::Expr(expr)),
        StmtKind::Assign { targets, value } => {
            out.extend(targets.iter().chain([value]).map(Node::Expr));
        }
        StmtKind::AugAssign { target, value, .. } => out.extend([target, value].map(Node::Expr)),
        StmtKind::AnnAssign { target, value } => {
            out.extend(std::iter::once(target).chain(value).map(Node::Expr));
        }
        StmtKind::If { arms, orelse } => {
            for (test, body) in arms {
                out.push(Node::Expr(test));
                of_block(body, out);
            }
            of_block(orelse, out);
        }
        StmtKind::For { target, iter, body, orelse } => {
            out.extend([target, iter].map(Node::Expr));
            of_block(body, out);
            of_block(orelse, out);
        }
        StmtKind::While { test, body, orelse } => {
            out.push(Node::Expr(test));
            of_block(body, out);
            of_block(orelse, out);
        }
        StmtKind::With { items, body } => {
            out.extend(
                items.iter().flat_map(|(value, name)| [value].into_iter().chain(name)).map(Node::Expr),
            );
            of_block(body, out);
        }
        StmtKind::Try { body, handlers, orelse, finally } => {
            of_block(body, out);
            for handler in handlers {
                out.extend(handler.kind.as_ref().map(Node::Expr));
                of_block(&handler.body, out);
            }
            of_block(orelse, out);
            of_block(finally, out);
        }
        StmtKind::Def(def) => of_function(def, out),
        StmtKind::Return(value) | StmtKind::Raise(value) => out.extend(value.as_ref().map(Node::Expr)),
        StmtKind::Assert { test, message } => {
            out.extend(std::iter::once(test).chain(message).map(Node::Expr));
        }
        StmtKind::Del(targets) => out.extend(targets.iter().map(Node::Expr)),
        StmtKind::Rule(rule) => out.extend(rule.sections.iter().map(Node::Section)),
        StmtKind::Module(module) => out.extend(module.sections.iter().map(Node::Section)),
        StmtKind::UseRule(used) => out.extend(used.sections.iter().map(Node::Section)),
        StmtKind::Hook(hook) => out.push(Node::Code(&hook.code)),
        StmtKind::Directive(directive) => of_args(&directive.args, out),
        StmtKind::Global(_)
        | StmtKind::Nonlocal(_)
        | StmtKind::Import { .. }
        | StmtKind::Pass
        | StmtKind::Break
        | StmtKind::Continue
        | StmtKind::Opaque(_) => {}
    }
}

fn of_expr<'t>(expr: &'t Expr, out: &mut Vec<Node<'t>>) {
    match &expr.kind {
        ExprKind::None
        | ExprKind::Ellipsis
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Str(_)
        | ExprKind::Bytes(_)
        | ExprKind::Name(_) => {}
        ExprKind::FString(parts) => of_parts(parts, out),
        ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Set(items) => {
            out.extend(items.iter().map(Node::Expr));
        }
        ExprKind::Dict(items) => {
            for item in items {
                match item {
                    DictItem::Pair(key, value) => out.extend([key, value].map(Node::Expr)),
                    DictItem::Spread(value) => out.push(Node::Expr(value)),
                }
            }
        }
        ExprKind::Unary { operand, .. } => out.push(Node::Expr(operand)),
        ExprKind::Binary { left, right, .. } | ExprKind::And(left, right) | ExprKind::Or(left, right) => {
            out.extend([&**left, &**right].map(Node::Expr));
        }
        ExprKind::Compare { first, rest } => {
            out.push(Node::Expr(first));
            out.extend(rest.iter().map(|(_, operand)| Node::Expr(operand)));
        }
        ExprKind::Conditional { test, then, orelse } => {
            out.extend([&**then, &**test, &**orelse].map(Node::Expr));
        }
        ExprKind::Lambda(def) => of_function(def, out),
        ExprKind::Call { callee, args } => {
            out.push(Node::Expr(callee));
            of_args(args, out);
        }
        ExprKind::Attribute { value, .. } => out.push(Node::Expr(value)),
        ExprKind::Index { value, index } => out.extend([&**value, &**index].map(Node::Expr)),
        ExprKind::Slice { value, start, stop, step } => {
            out.push(Node::Expr(value));
            out.extend([start, stop, step].into_iter().flatten().map(|part| Node::Expr(part)));
        }
        ExprKind::SliceItem { start, stop, step } => {
            out.extend([start, stop, step].into_iter().flatten().map(|part| Node::Expr(part)));
        }
        ExprKind::Comprehension { element, clauses, .. } => {
            out.push(Node::Expr(element));
            of_clauses(clauses, out);
        }
        ExprKind::DictComprehension { key, value, clauses } => {
            out.extend([&**key, &**value].map(Node::Expr));
            of_clauses(clauses, out);
        }
        ExprKind::Starred(value) | ExprKind::YieldFrom(value) | ExprKind::Walrus { value, .. } => {
            out.push(Node::Expr(value));
        }
        ExprKind::Yield(value) => out.extend(value.as_deref().map(Node::Expr)),
    }
}

fn of_parts<'t>(parts: &'t [FPart], out: &mut Vec<Node<'t>>) {
    // A format may hold fields, and those a format: the grammar bounds how deep.
    for part in parts {
        if let FPart::Field { expr, spec, .. } = part {
            out.push(Node::Expr(expr));
            of_parts(spec, out);
        }
    }
}

fn of_clauses<'t>(clauses: &'t [Clause], out: &mut Vec<Node<'t>>) {
    for clause in clauses {
        out.extend([&clause.target, &clause.iter].into_iter().chain(&clause.conditions).map(Node::Expr));
    }
}

fn of_function<'t>(def: &'t FunctionDef, out: &mut Vec<Node<'t>>) {
    out.extend(def.decorators.iter().map(Node::Expr));
    out.extend(def.params.iter().filter_map(|param| param.default.as_ref()).map(Node::Expr));
    match &def.body {
        FunctionBody::Expr(expr) => out.push(Node::Expr(expr)),
        FunctionBody::Block(block) => of_block(block, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceId;
    use crate::syntax::parse_file;

    /// The names in a text, in the order of the walk.
    fn names(text: &str, into: impl Fn(Node<'_>) -> bool) -> String {
        let block = parse_file(SourceId(0), text).unwrap();
        let mut found = Vec::new();
        walk(&block, |node| {
            if let Node::Expr(Expr { kind: ExprKind::Name(name), .. }) = node {
                found.push(name.to_string());
            }
            into(node)
        });
        found.join(" ")
    }

    #[test]
    fn every_kind_of_statement_and_expression_is_walked_in_order() {
        let text = "\
a = [b, (c, {d: e, **f}), {g}]\nh: int = i if j else k\nl += m.x[n:o:p, ...] + -q\n\
if r and s or not t:\n    u(v, *w, x=y, **z)\nelif A < B <= C:\n    pass\nelse:\n    D\n\
for E in F:\n    G\nelse:\n    H\nwhile I:\n    J\nwith K as L:\n    M\n\
try:\n    N\nexcept O:\n    P\nelse:\n    Q\nfinally:\n    R\n\
@S\ndef fn(x=T):\n    return U\n    yield V\n    raise W\nassert X, Y\ndel Z\n\
aa = f'{ab:{ac}}'\n(ad := ae)\nlambda x=af: ag\n[ah for ai in aj if ak]\n{al: am for an in ao}\n";
        let found = names(text, |_| true);
        let expected = "\
a b c d e f g h i j k l m n o p q r s t u v w y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z aa ab ac ae \
af ag ah ai aj ak al am an ao";
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(String::from).collect();
            words.sort_unstable();
            words
        };
        assert_eq!(sorted(&found), sorted(expected));
        assert!(found.starts_with("a b c d e f g"), "{found}");
    }

    #[test]
    fn rules_hooks_modules_and_directives_are_walked() {
        let text = "\
configfile: a\nmodule m:\n    snakefile: b\nuse rule x from m with:\n    input: c\n\
onstart:\n    d\nrule r:\n    input: e, f=g\n    run:\n        h\n";
        assert_eq!(names(text, |_| true), "a b c d e g h");
        assert_eq!(names(text, |node| !matches!(node, Node::Code(_))), "a b c e g", "left out");
    }

    #[test]
    fn a_deep_file_needs_no_stack() {
        let text = format!("x = {}1{}\n", "[".repeat(90), "]".repeat(90));
        let mut lists = 0;
        walk(&parse_file(SourceId(0), &text).unwrap(), |node| {
            lists += usize::from(matches!(node, Node::Expr(Expr { kind: ExprKind::List(_), .. })));
            true
        });
        assert_eq!(lists, 90);
    }
}
