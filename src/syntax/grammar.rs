//! The two parsers that pest derives from `grammar/*.pest`. They stand alone: deriving them is what takes long
//! to compile, so nothing that changes often lives here.

pub(super) mod rulefile {
    #[derive(pest_derive::Parser)]
    #[grammar = "grammar/rulefile.pest"]
    pub(in crate::syntax) struct RulefileParser;
}

pub(super) mod expr {
    #[derive(pest_derive::Parser)]
    #[grammar = "grammar/expr.pest"]
    pub(in crate::syntax) struct ExprParser;
}
