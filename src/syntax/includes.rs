//! Which files a Rulefile includes, as far as its text alone says it.

use crate::diag::SourceMap;
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{ArgKind, ExprKind, Stmt, StmtKind};
use crate::syntax::walk::{Node, walk};

/// The paths that `include:` names as plain texts, in order, wherever they stand; relative to the file's directory.
///
/// Paths that are computed, and URLs, are not among them.
///
/// # Errors
///
/// [`ErrorKind::Workflow`] with all mistakes that the text has.
///
/// ```
/// let text = "include: 'rules/a.smk'\nif config:\n    include: f'rules/{name}.smk'\n    include: 'b.smk'\n";
/// assert_eq!(rulemake::source::included_files(text)?, ["rules/a.smk", "b.smk"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
pub fn included_files(text: &str) -> Result<Vec<String>> {
    let mut sources = SourceMap::default();
    let source = sources.add("Rulefile", text);
    let block = super::parse_file(source, text)
        .map_err(|problems| Error::problems(ErrorKind::Workflow, &problems, &sources))?;
    Ok(plain_includes(&block))
}

/// The same of a file that is parsed.
pub(crate) fn plain_includes(block: &[Stmt]) -> Vec<String> {
    let mut found = Vec::new();
    walk(block, |node| {
        let Node::Stmt(stmt) = node else { return false };
        if let StmtKind::Directive(directive) = &stmt.kind
            && &*directive.name.text == "include"
        {
            found.extend(directive.args.iter().filter_map(|arg| match (&arg.kind, &arg.value.kind) {
                (ArgKind::Positional, ExprKind::Str(path)) if !path.contains("://") => Some(path.to_string()),
                _ => None,
            }));
        }
        // A function has no includes.
        !matches!(stmt.kind, StmtKind::Def(_))
    });
    found
}
