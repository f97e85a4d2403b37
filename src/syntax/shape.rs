//! A tree as text without its places: operators by name, everything in brackets. Two texts with the same shape mean
//! the same.

use crate::syntax::ast::{
    Arg, ArgKind, Block, Clause, Code, DictItem, Expr, ExprKind, FPart, FunctionBody, Ident, Param,
    ParamKind, Section, Stmt, StmtKind,
};

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn opt(e: &Option<Box<Expr>>) -> String {
    e.as_ref().map_or("_".into(), |e| expr(e))
}

pub(super) fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::None => "None".into(),
        ExprKind::Ellipsis => "...".into(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Int(n) => n.to_string(),
        ExprKind::Float(x) => format!("{x:?}"),
        ExprKind::Str(s) => format!("{s:?}"),
        ExprKind::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        ExprKind::FString(parts) => format!("f[{}]", fparts(parts)),
        ExprKind::Name(n) => n.to_string(),
        ExprKind::Tuple(items) => format!("(tuple {})", list(items, expr)),
        ExprKind::List(items) => format!("[{}]", list(items, expr)),
        ExprKind::Set(items) => format!("(set {})", list(items, expr)),
        ExprKind::Dict(items) => format!(
            "{{{}}}",
            list(items, |i| match i {
                DictItem::Pair(k, v) => format!("{}:{}", expr(k), expr(v)),
                DictItem::Spread(v) => format!("**{}", expr(v)),
            })
        ),
        ExprKind::Unary { op, operand } => format!("({op:?} {})", expr(operand)),
        ExprKind::Binary { op, left, right } => format!("({op:?} {} {})", expr(left), expr(right)),
        ExprKind::And(a, b) => format!("(and {} {})", expr(a), expr(b)),
        ExprKind::Or(a, b) => format!("(or {} {})", expr(a), expr(b)),
        ExprKind::Compare { first, rest } => {
            format!("(cmp {} {})", expr(first), list(rest, |(op, e)| format!("{op:?} {}", expr(e))))
        }
        ExprKind::Conditional { test, then, orelse } => {
            format!("(if {} {} {})", expr(test), expr(then), expr(orelse))
        }
        ExprKind::Lambda(def) => match &def.body {
            FunctionBody::Expr(body) => format!("(lambda ({}) {})", list(&def.params, param), expr(body)),
            FunctionBody::Block(body) => {
                format!("(lambda ({}) {{{}}})", list(&def.params, param), block(body))
            }
        },
        ExprKind::Call { callee, args } => format!("{}({})", expr(callee), list(args, arg)),
        ExprKind::Attribute { value, name } => format!("{}.{}", expr(value), name.text),
        ExprKind::Index { value, index } => format!("{}[{}]", expr(value), expr(index)),
        ExprKind::Slice { value, start, stop, step } => {
            format!("{}[{}:{}:{}]", expr(value), opt(start), opt(stop), opt(step))
        }
        ExprKind::SliceItem { start, stop, step } => {
            format!("{}:{}:{}", opt(start), opt(stop), opt(step))
        }
        ExprKind::Comprehension { kind, element, clauses } => {
            format!("({kind:?} {} {})", expr(element), list(clauses, clause))
        }
        ExprKind::DictComprehension { key, value, clauses } => {
            format!("(Dict {}:{} {})", expr(key), expr(value), list(clauses, clause))
        }
        ExprKind::Starred(e) => format!("*{}", expr(e)),
        ExprKind::Walrus { name, value } => format!("({} := {})", name.text, expr(value)),
        ExprKind::Yield(value) => format!("(yield {})", opt(value)),
        ExprKind::YieldFrom(value) => format!("(yield from {})", expr(value)),
    }
}

fn fparts(parts: &[FPart]) -> String {
    list(parts, |part| match part {
        FPart::Text(text) => format!("{text:?}"),
        FPart::Field { expr: e, debug, conversion, spec } => {
            let debug = debug.as_ref().map_or(String::new(), |d| format!(" ={d:?}"));
            let conversion = conversion.map_or(String::new(), |c| format!(" !{c}"));
            let spec = if spec.is_empty() { String::new() } else { format!(" :{}", fparts(spec)) };
            format!("<{}{debug}{conversion}{spec}>", expr(e))
        }
    })
}

fn clause(c: &Clause) -> String {
    let conditions: String = c.conditions.iter().map(|e| format!(" if {}", expr(e))).collect();
    format!("for {} in {}{conditions}", expr(&c.target), expr(&c.iter))
}

fn arg(a: &Arg) -> String {
    match &a.kind {
        ArgKind::Positional => expr(&a.value),
        ArgKind::Keyword(name) => format!("{}={}", name.text, expr(&a.value)),
        ArgKind::Star => format!("*{}", expr(&a.value)),
        ArgKind::DoubleStar => format!("**{}", expr(&a.value)),
    }
}

fn param(p: &Param) -> String {
    let mark = match p.kind {
        ParamKind::Positional => "",
        ParamKind::KeywordOnly => "kw ",
        ParamKind::Star => "*",
        ParamKind::DoubleStar => "**",
    };
    let default = p.default.as_ref().map_or(String::new(), |d| format!("={}", expr(d)));
    format!("{mark}{}{default}", p.name.text)
}

pub(super) fn block(b: &Block) -> String {
    b.iter().map(stmt).collect::<Vec<_>>().join("; ")
}

fn ident(i: &Ident) -> String {
    i.text.to_string()
}

fn stmt(s: &Stmt) -> String {
    let orelse = |b: &Block| if b.is_empty() { String::new() } else { format!(" else {{{}}}", block(b)) };
    match &s.kind {
        StmtKind::Expr(e) => expr(e),
        StmtKind::Assign { targets, value } => {
            format!("{} = {}", targets.iter().map(expr).collect::<Vec<_>>().join(" = "), expr(value))
        }
        StmtKind::AugAssign { target, op, value } => format!("{} {op:?}= {}", expr(target), expr(value)),
        StmtKind::AnnAssign { target, value } => {
            format!(
                "{}: _{}",
                expr(target),
                value.as_ref().map_or(String::new(), |v| format!(" = {}", expr(v)))
            )
        }
        StmtKind::If { arms, orelse: o } => {
            let arms = list(arms, |(test, body)| format!("if {} {{{}}}", expr(test), block(body)));
            format!("{arms}{}", orelse(o))
        }
        StmtKind::For { target, iter, body, orelse: o } => {
            format!("for {} in {} {{{}}}{}", expr(target), expr(iter), block(body), orelse(o))
        }
        StmtKind::While { test, body, orelse: o } => {
            format!("while {} {{{}}}{}", expr(test), block(body), orelse(o))
        }
        StmtKind::With { items, body } => {
            let items = list(items, |(e, t)| {
                format!("{}{}", expr(e), t.as_ref().map_or(String::new(), |t| format!(" as {}", expr(t))))
            });
            format!("with {items} {{{}}}", block(body))
        }
        StmtKind::Try { body, handlers, orelse: o, finally } => {
            let handlers: String = handlers
                .iter()
                .map(|h| {
                    let kind = h.kind.as_ref().map_or(String::new(), |k| format!(" {}", expr(k)));
                    let name = h.name.as_ref().map_or(String::new(), |n| format!(" as {}", n.text));
                    format!(" except{kind}{name} {{{}}}", block(&h.body))
                })
                .collect();
            let finally =
                if finally.is_empty() { String::new() } else { format!(" finally {{{}}}", block(finally)) };
            format!("try {{{}}}{handlers}{}{finally}", block(body), orelse(o))
        }
        StmtKind::Def(def) => match &def.body {
            FunctionBody::Block(body) => {
                let decorators: String = def.decorators.iter().map(|d| format!("@{} ", expr(d))).collect();
                format!("{decorators}def {}({}) {{{}}}", def.name.text, list(&def.params, param), block(body))
            }
            FunctionBody::Expr(body) => {
                format!("def {}({}) {}", def.name.text, list(&def.params, param), expr(body))
            }
        },
        StmtKind::Return(e) => {
            format!("return{}", e.as_ref().map_or(String::new(), |e| format!(" {}", expr(e))))
        }
        StmtKind::Raise(e) => {
            format!("raise{}", e.as_ref().map_or(String::new(), |e| format!(" {}", expr(e))))
        }
        StmtKind::Assert { test, message } => {
            format!(
                "assert {}{}",
                expr(test),
                message.as_ref().map_or(String::new(), |m| format!(", {}", expr(m)))
            )
        }
        StmtKind::Del(items) => format!("del {}", list(items, expr)),
        StmtKind::Global(names) => format!("global {}", list(names, ident)),
        StmtKind::Nonlocal(names) => format!("nonlocal {}", list(names, ident)),
        StmtKind::Import { module, alias: whole, names } => {
            let alias = |a: &Option<Ident>| a.as_ref().map_or(String::new(), |a| format!(" as {}", a.text));
            match names {
                None => format!("import {}{}", module.text, alias(whole)),
                Some(names) => {
                    format!(
                        "from {} import {}",
                        module.text,
                        list(names, |(n, a)| format!("{}{}", n.text, alias(a)))
                    )
                }
            }
        }
        StmtKind::Pass => "pass".into(),
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Opaque(o) => {
            format!("<{:?} {}>", o.kind, o.name.as_ref().map_or("_".into(), ident))
        }
        StmtKind::Module(m) => {
            format!("module {} {{{}}}", m.name.as_ref().map_or("_".into(), ident), list(&m.sections, section))
        }
        StmtKind::UseRule(u) => {
            let rules = u.rules.as_ref().map_or("*".into(), |names| list(names, ident));
            let module = u.module.as_ref().map_or(String::new(), |m| format!(" from {}", m.text));
            let exclude = if u.exclude.is_empty() {
                String::new()
            } else {
                format!(" but {}", list(&u.exclude, ident))
            };
            let alias = u.alias.as_ref().map_or(String::new(), |a| format!(" as {}", a.text));
            let doc = u.doc.as_ref().map_or(String::new(), |d| format!("{d:?} "));
            format!("use {rules}{module}{exclude}{alias} {{{doc}{}}}", list(&u.sections, section))
        }
        StmtKind::Hook(h) => format!("{} {}", h.name.text, code(&h.code)),
        StmtKind::Rule(rule) => {
            let kind = if rule.checkpoint { "checkpoint" } else { "rule" };
            let name = rule.name.as_ref().map_or("_", |n| &n.text);
            let doc = rule.doc.as_ref().map_or(String::new(), |d| format!("{d:?} "));
            format!("{kind} {name} {{{doc}{}}}", list(&rule.sections, section))
        }
        StmtKind::Directive(d) => {
            let tag = d.tag.as_ref().map_or(String::new(), |t| format!(" {}", t.text));
            format!("@{}{tag}({})", d.name.text, list(&d.args, arg))
        }
    }
}

fn section(s: &Section) -> String {
    match &s.code {
        Some(c) => format!("{} {}", s.name.text, code(c)),
        None => format!("{}({})", s.name.text, list(&s.args, arg)),
    }
}

/// Code of another time: its text counts as well as what it is.
fn code(c: &Code) -> String {
    match &c.block {
        Ok(b) => format!("{:?} {{{}}}", c.text, block(b)),
        Err(problems) => format!("{:?} {}", c.text, list(problems, |p| p.code.to_string())),
    }
}
