//! Python that does something else than it seems to, or nothing.

use super::Finder;
use super::scope::Scope;
use crate::diag::{Problem, Span};
use crate::lang::builtins;
use crate::lang::modules;
use crate::syntax::ast::{CompareOp, Expr, ExprKind, Ident, Stmt, StmtKind};
use crate::syntax::walk::Node;
use rustc_hash::{FxHashMap, FxHashSet};

/// `is-literal`: `is` compares identity, which nobody promises for numbers and texts.
pub(super) fn is_literal(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    scope.walk(|node| {
        if let Node::Expr(Expr { kind: ExprKind::Compare { first, rest }, .. }) = node {
            let mut left: &Expr = first;
            for (op, right) in rest {
                let operator = match op {
                    CompareOp::Is => Some(("is", "==")),
                    CompareOp::IsNot => Some(("is not", "!=")),
                    _ => None,
                };
                let literal = [left, right].into_iter().find_map(|side| Some((side, kind_of(side)?)));
                if let (Some((is, equal)), Some((side, kind))) = (operator, literal) {
                    let message = format!("`{is}` with {kind} compares which object it is, not its value");
                    finder.push(
                        Problem::warning("is-literal", message)
                            .at(side.span, "")
                            .help(format!("write `{equal}`")),
                    );
                }
                left = right;
            }
        }
        true
    });
}

/// What kind of literal an expression is; the only ones of their kind, such as `None`, are right.
fn kind_of(expr: &Expr) -> Option<&'static str> {
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::Float(_) => Some("a number"),
        ExprKind::Str(_) | ExprKind::FString(_) => Some("a text"),
        ExprKind::Bytes(_) => Some("bytes"),
        ExprKind::Tuple(_) => Some("a tuple"),
        ExprKind::List(_) => Some("a new list"),
        ExprKind::Dict(_) => Some("a new dict"),
        ExprKind::Set(_) => Some("a new set"),
        ExprKind::Unary { operand, .. } => kind_of(operand).filter(|kind| *kind == "a number"),
        _ => None,
    }
}

/// `unsupported-python`: what would be an error if it was executed. Bodies of `run:` are Python's own.
pub(super) fn unsupported_python<'w>(scope: &Scope<'w>, finder: &mut Finder<'_>) {
    if !finder.wants("unsupported-python") {
        return;
    }
    // What only bodies of `run:` use is Python's own, too.
    let mut used: FxHashSet<&str> = FxHashSet::default();
    scope.walk(|node| {
        if let Node::Expr(Expr { kind: ExprKind::Name(name), .. }) = node {
            used.insert(name);
        }
        !matches!(node, Node::Code(_))
    });
    // Names of modules that we have, as the file calls them.
    let mut ours: FxHashMap<&str, &str> = FxHashMap::default();
    let mut warn = |message: String, place: Span, help: &str| {
        let problem = Problem::warning("unsupported-python", message).at(place, "").help(help);
        finder.push(problem.note("it is an error only where it is used"));
    };
    scope.walk(|node| {
        match node {
            Node::Code(_) => return false,
            Node::Stmt(Stmt { kind: StmtKind::Opaque(opaque), .. }) => {
                let (_, message, help) = opaque.kind.reason();
                warn(message.into(), opaque.head, help);
            }
            Node::Stmt(Stmt { kind: StmtKind::Import { module, alias, names }, .. }) => {
                let name = &*module.text;
                let bound = |name: &'w Ident, alias: &'w Option<Ident>| &*alias.as_ref().unwrap_or(name).text;
                if name != "__future__" && !name.starts_with('.') && !modules::is_known(name) {
                    let is_used = match names {
                        Some(names) => names.iter().any(|(name, alias)| used.contains(bound(name, alias))),
                        None => {
                            let first = name.split('.').next().unwrap_or(name);
                            used.contains(alias.as_ref().map_or(first, |alias| &*alias.text))
                        }
                    };
                    if is_used && !is_of_project(scope, name) {
                        warn(not_available(name), module.span, modules::advice(name));
                    }
                    return true;
                }
                match names {
                    None => {
                        let known = alias.as_ref().map_or(name, |alias| &alias.text);
                        ours.insert(known, name);
                    }
                    Some(names) => names.iter().for_each(|(member, alias)| {
                        if used.contains(bound(member, alias))
                            && let Some(help) = modules::refused_member(name, &member.text)
                        {
                            warn(not_available(&format!("{name}.{}", member.text)), member.span, help);
                        }
                    }),
                }
            }
            Node::Expr(expr) => match &expr.kind {
                ExprKind::Attribute { value, name: Ident { text, .. } } => {
                    if let Some(module) = dotted(value).and_then(|path| ours.get(path.as_str()).copied())
                        && let Some(help) = modules::refused_member(module, text)
                    {
                        warn(not_available(&format!("{module}.{text}")), expr.span, help);
                    }
                }
                ExprKind::Call { callee, .. } => {
                    if let ExprKind::Name(name) = &callee.kind
                        && builtins::is_refused(name)
                    {
                        warn(not_available(name), callee.span, "move it to a `run:` or a script");
                    }
                }
                _ => {}
            },
            _ => {}
        }
        true
    });
}

fn not_available(name: &str) -> String {
    format!("`{name}` is not available in Rulefiles")
}

/// `os.path` of `os.path.join`.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.to_string()),
        ExprKind::Attribute { value, name } => Some(format!("{}.{}", dotted(value)?, name.text)),
        _ => None,
    }
}

/// Whether a module is a file beside the Rulefiles: it was read when it was imported, or is there.
fn is_of_project(scope: &Scope<'_>, name: &str) -> bool {
    let path = name.replace('.', "/");
    let ends = [format!("{path}.py"), format!("{path}/__init__.py")];
    let first = path.split('/').next().unwrap_or_default();
    let of = |read: &str| {
        ends.iter().any(|end| read == *end || read.ends_with(&format!("/{end}")))
            || read.starts_with(&format!("{first}/"))
            || read.contains(&format!("/{first}/"))
    };
    scope.workflow.sources.names().any(of)
}
