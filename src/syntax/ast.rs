//! The syntax tree: what was written, with spans. No meaning, no files.
//!
//! Statements and expressions are Python's; [`RuleDef`] and [`Directive`] are Snakemake's structure on top.

use crate::diag::{Problem, Span};
use std::sync::Arc;

/// A name with its place.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) text: Arc<str>,
    pub(crate) span: Span,
}

/// Statements in order.
pub(crate) type Block = Vec<Stmt>;

#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum StmtKind {
    Expr(Expr),
    /// `a = b = value`: every target gets the value.
    Assign {
        targets: Vec<Expr>,
        value: Expr,
    },
    /// `target += value`
    AugAssign {
        target: Expr,
        op: BinaryOp,
        value: Expr,
    },
    /// `name: type = value`; the annotation is parsed and ignored.
    AnnAssign {
        target: Expr,
        value: Option<Expr>,
    },
    /// `if`/`elif` arms in order, then `else`.
    If {
        arms: Vec<(Expr, Block)>,
        orelse: Block,
    },
    For {
        target: Expr,
        iter: Expr,
        body: Block,
        orelse: Block,
    },
    While {
        test: Expr,
        body: Block,
        orelse: Block,
    },
    With {
        items: Vec<(Expr, Option<Expr>)>,
        body: Block,
    },
    Try {
        body: Block,
        handlers: Vec<Handler>,
        orelse: Block,
        finally: Block,
    },
    Def(Arc<FunctionDef>),
    Return(Option<Expr>),
    Raise(Option<Expr>),
    Assert {
        test: Expr,
        message: Option<Expr>,
    },
    Del(Vec<Expr>),
    Global(Vec<Ident>),
    Nonlocal(Vec<Ident>),
    /// `import a.b as c` (names empty) or `from a.b import c as d, *`.
    Import {
        module: Ident,
        alias: Option<Ident>,
        names: Option<Vec<(Ident, Option<Ident>)>>,
    },
    Pass,
    Break,
    Continue,
    Rule(Arc<RuleDef>),
    Module(Arc<ModuleDef>),
    UseRule(Arc<UseRule>),
    Hook(Arc<Hook>),
    Directive(Directive),
    /// Python that is kept as text alone: an error when it is used, not when it is read.
    Opaque(Opaque),
}

/// `except Kind as name:`
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) kind: Option<Expr>,
    pub(crate) name: Option<Ident>,
    pub(crate) body: Block,
}

/// A `def` or a `lambda`.
#[derive(Debug)]
pub(crate) struct FunctionDef {
    /// `<lambda>` for a lambda.
    pub(crate) name: Ident,
    pub(crate) params: Vec<Param>,
    /// `@f` lines, outermost first; none for a lambda.
    pub(crate) decorators: Vec<Expr>,
    pub(crate) body: FunctionBody,
}

/// A statement that is not looked into.
#[derive(Clone, Debug)]
pub(crate) struct Opaque {
    pub(crate) kind: OpaqueKind,
    /// The name that it binds, for a class or an async function.
    pub(crate) name: Option<Ident>,
    /// Its keyword: the place to point at.
    pub(crate) head: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpaqueKind {
    Class,
    AsyncDef,
    /// `async for`, `async with`
    AsyncBlock,
    Match,
}

impl OpaqueKind {
    /// A stable code, what is wrong, and what to write instead.
    pub(crate) fn reason(self) -> (&'static str, &'static str, &'static str) {
        match self {
            OpaqueKind::Class => (
                "unsupported-class",
                "`class` isn't supported in Rulefiles",
                "use a dict, or move the class to a script that the rule runs",
            ),
            OpaqueKind::AsyncDef | OpaqueKind::AsyncBlock => (
                "unsupported-async",
                "`async` isn't supported in Rulefiles",
                "drop it: functions of a Rulefile are called directly",
            ),
            OpaqueKind::Match => (
                "unsupported-match",
                "`match` isn't supported in Rulefiles",
                "use `if` and `elif`, or a dict",
            ),
        }
    }
}

#[derive(Debug)]
pub(crate) enum FunctionBody {
    Expr(Expr),
    Block(Block),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParamKind {
    /// May be given by position (and by name, unless before `/`).
    Positional,
    /// After `*` or `*args`.
    KeywordOnly,
    /// `*args`
    Star,
    /// `**kwargs`
    DoubleStar,
}

#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Ident,
    pub(crate) kind: ParamKind,
    pub(crate) default: Option<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Adjacent plain literals are joined here already; escapes are resolved, `\r\n` is `\n`.
    Str(Arc<str>),
    /// `b"..."`: parsed so that the evaluator can say that it is not supported.
    Bytes(Arc<[u8]>),
    /// A string with at least one f-string part (adjacent literals joined).
    FString(Vec<FPart>),
    Name(Arc<str>),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Set(Vec<Expr>),
    Dict(Vec<DictItem>),
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `a and b`, `a or b`, short-circuit.
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `a < b <= c`: evaluated pairwise, each operand once.
    Compare {
        first: Box<Expr>,
        rest: Vec<(CompareOp, Expr)>,
    },
    /// `then if test else orelse`
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        orelse: Box<Expr>,
    },
    Lambda(Arc<FunctionDef>),
    Call {
        callee: Box<Expr>,
        args: Vec<Arg>,
    },
    Attribute {
        value: Box<Expr>,
        name: Ident,
    },
    Index {
        value: Box<Expr>,
        index: Box<Expr>,
    },
    Slice {
        value: Box<Expr>,
        start: Option<Box<Expr>>,
        stop: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    /// A slice among several indices, `x[:, 1]`: only inside the tuple of an `Index`.
    SliceItem {
        start: Option<Box<Expr>>,
        stop: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    /// A list, set or generator comprehension (a generator is evaluated to a list).
    Comprehension {
        kind: ComprehensionKind,
        element: Box<Expr>,
        clauses: Vec<Clause>,
    },
    DictComprehension {
        key: Box<Expr>,
        value: Box<Expr>,
        clauses: Vec<Clause>,
    },
    /// `*x` in a list, tuple, set or assignment target.
    Starred(Box<Expr>),
    /// `name := value`
    Walrus {
        name: Ident,
        value: Box<Expr>,
    },
    Yield(Option<Box<Expr>>),
    YieldFrom(Box<Expr>),
}

/// A part of an f-string.
#[derive(Clone, Debug)]
pub(crate) enum FPart {
    Text(Arc<str>),
    /// `{expr=!r:spec}`; `spec` may hold fields itself; `debug` is the source text before `=`.
    Field {
        expr: Expr,
        debug: Option<Arc<str>>,
        conversion: Option<char>,
        spec: Vec<FPart>,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum DictItem {
    Pair(Expr, Expr),
    /// `**mapping`
    Spread(Expr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ComprehensionKind {
    List,
    Set,
    Generator,
}

/// `for target in iter if a if b`
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) target: Expr,
    pub(crate) iter: Expr,
    pub(crate) conditions: Vec<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UnaryOp {
    Not,
    Neg,
    Pos,
    Invert,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Is,
    IsNot,
}

/// An argument of a call, or an item of a section.
#[derive(Clone, Debug)]
pub(crate) struct Arg {
    pub(crate) kind: ArgKind,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) enum ArgKind {
    Positional,
    /// `name=value`
    Keyword(Ident),
    /// `*value`
    Star,
    /// `**value`
    DoubleStar,
}

/// `rule NAME:` or `checkpoint NAME:` with its sections. Names are checked by `lang`, not here.
#[derive(Debug)]
pub(crate) struct RuleDef {
    pub(crate) checkpoint: bool,
    /// `None` for an anonymous rule.
    pub(crate) name: Option<Ident>,
    pub(crate) doc: Option<Arc<str>>,
    /// Sections in the order of writing; duplicates and unknown names are kept for `lang` to report.
    pub(crate) sections: Vec<Section>,
    /// `rule NAME` up to the colon: the place to point at.
    pub(crate) head: Span,
}

/// `module NAME:` with its sections.
#[derive(Debug)]
pub(crate) struct ModuleDef {
    /// `None` when the section `name:` gives it.
    pub(crate) name: Option<Ident>,
    pub(crate) sections: Vec<Section>,
    /// `module NAME` up to the colon.
    pub(crate) head: Span,
}

/// `use rule a, b from m exclude c as p_* with:`; the parts are checked for being together only, not for existing.
#[derive(Debug)]
pub(crate) struct UseRule {
    /// `None` for `*`: all rules of the module.
    pub(crate) rules: Option<Vec<Ident>>,
    /// `None` for a rule of the same file; then there is an alias.
    pub(crate) module: Option<Ident>,
    pub(crate) exclude: Vec<Ident>,
    /// The new name; `*` in it stands for the old one.
    pub(crate) alias: Option<Ident>,
    pub(crate) doc: Option<Arc<str>>,
    /// The sections below `with:`, which replace those of the rule. Never there with `*`.
    pub(crate) sections: Vec<Section>,
    /// Up to `with:` or the end of the line.
    pub(crate) head: Span,
}

/// `onstart:`, `onsuccess:` or `onerror:` with what is to be done then.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) name: Ident,
    pub(crate) code: Arc<Code>,
}

/// A body of Python that runs outside of the evaluation of the file.
#[derive(Debug)]
pub(crate) struct Code {
    /// The source text without the common indentation, comments included; lines inside strings as they are.
    pub(crate) text: Arc<str>,
    /// What `text` was made of, from the start of its first line.
    pub(crate) span: Span,
    /// The body as statements, or why they are not ours: it may still be Python for Python itself.
    pub(crate) block: Result<Block, Vec<Problem>>,
}

/// `name: items` in a rule.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) name: Ident,
    pub(crate) args: Vec<Arg>,
    /// The body of `run:`, which has no items.
    pub(crate) code: Option<Arc<Code>>,
}

/// `name: items` at statement level: `include:`, `configfile:`, `wildcard_constraints:`...
#[derive(Clone, Debug)]
pub(crate) struct Directive {
    pub(crate) name: Ident,
    /// The name before the colon: `storage TAG:`.
    pub(crate) tag: Option<Ident>,
    pub(crate) args: Vec<Arg>,
}
