//! Which files a Rulefile includes, as far as its text alone says it.

use crate::diag::SourceMap;
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{ArgKind, Block, ExprKind, StmtKind};

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
/// assert_eq!(rulemake::included_files(text)?, ["rules/a.smk", "b.smk"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
pub fn included_files(text: &str) -> Result<Vec<String>> {
    let mut sources = SourceMap::default();
    let source = sources.add("Rulefile", text);
    let block = super::parse_file(source, text)
        .map_err(|problems| Error::problems(ErrorKind::Workflow, &problems, &sources))?;
    let mut found = Vec::new();
    collect(&block, &mut found);
    Ok(found)
}

fn collect(block: &Block, found: &mut Vec<String>) {
    for stmt in block {
        match &stmt.kind {
            StmtKind::Directive(directive) if &*directive.name.text == "include" => {
                for arg in &directive.args {
                    match (&arg.kind, &arg.value.kind) {
                        (ArgKind::Positional, ExprKind::Str(path)) if !path.contains("://") => {
                            found.push(path.to_string());
                        }
                        _ => {}
                    }
                }
            }
            StmtKind::If { arms, orelse } => {
                arms.iter().for_each(|(_, body)| collect(body, found));
                collect(orelse, found);
            }
            StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                collect(body, found);
                collect(orelse, found);
            }
            StmtKind::With { body, .. } => collect(body, found),
            StmtKind::Try { body, handlers, orelse, finally } => {
                collect(body, found);
                handlers.iter().for_each(|handler| collect(&handler.body, found));
                collect(orelse, found);
                collect(finally, found);
            }
            _ => {}
        }
    }
}
