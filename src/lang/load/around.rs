//! The Python of a Rulefile without its rules: what the code of `run:` needs when Python itself runs it.

use crate::syntax::ast::{Block, Ident, Stmt, StmtKind};

/// The text of a statement with `pass` in place of rules and directives inside it; `None` when it is one of these.
pub(super) fn python_of(text: &str, stmt: &Stmt) -> Option<String> {
    // `import a, b` is two statements.
    if let StmtKind::Import { module, alias, names } = &stmt.kind {
        return Some(import(module, alias.as_ref(), names.as_deref()));
    }
    let mut gaps = Vec::new();
    find_gaps(stmt, &mut gaps);
    let (start, end) = (stmt.span.start as usize, stmt.span.end as usize);
    if gaps.first().is_some_and(|gap| gap.0 == start) {
        return None;
    }
    let (mut out, mut at) = (String::new(), start);
    for (from, to) in gaps {
        out.push_str(text.get(at..from)?);
        out.push_str("pass");
        at = to;
    }
    out.push_str(text.get(at..end)?);
    Some(out)
}

fn import(module: &Ident, alias: Option<&Ident>, names: Option<&[(Ident, Option<Ident>)]>) -> String {
    let named = |name: &Ident, alias: Option<&Ident>| match alias {
        Some(alias) => format!("{} as {}", name.text, alias.text),
        None => name.text.to_string(),
    };
    match names {
        None => format!("import {}", named(module, alias)),
        Some(names) => {
            let names: Vec<String> = names.iter().map(|(name, alias)| named(name, alias.as_ref())).collect();
            format!("from {} import {}", module.text, names.join(", "))
        }
    }
}

/// Places of what is not Python, in order.
fn find_gaps(stmt: &Stmt, gaps: &mut Vec<(usize, usize)>) {
    let mut inside = |blocks: &[&Block]| {
        blocks.iter().flat_map(|block| block.iter()).for_each(|stmt| find_gaps(stmt, gaps));
    };
    match &stmt.kind {
        StmtKind::If { arms, orelse } => {
            arms.iter().for_each(|(_, block)| inside(&[block]));
            inside(&[orelse]);
        }
        StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => inside(&[body, orelse]),
        StmtKind::With { body, .. } => inside(&[body]),
        StmtKind::Try { body, handlers, orelse, finally } => {
            inside(&[body]);
            handlers.iter().for_each(|handler| inside(&[&handler.body]));
            inside(&[orelse, finally]);
        }
        StmtKind::Rule(_)
        | StmtKind::Module(_)
        | StmtKind::UseRule(_)
        | StmtKind::Hook(_)
        | StmtKind::Directive(_) => gaps.push((stmt.span.start as usize, stmt.span.end as usize)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceId;
    use crate::syntax::parse_file;

    #[test]
    fn rules_and_directives_are_left_out_wherever_they_stand() {
        let text = "\
import os, os.path as p  # why
from .a.b import (c as d,
  e)
from f import *
x = [1,
  2]
configfile: 'c.yaml'
rule a:
    output: 'a'
    run:
        print(x)
@twice
@once(1)
def f(y):
    # doubled
    return y * 2
class K:
    a = 1
if x:
    z = 1
    rule b:
        output: 'b'
        shell: 'x'
    w = 2
else:
    include: 'y'
for i in x:
    rule:
        name: f'r{i}'
        output: f'{i}'
        shell: 'x'
print('end')
";
        let block = parse_file(SourceId(0), text).unwrap();
        let pieces: Vec<String> = block.iter().filter_map(|stmt| python_of(text, stmt)).collect();
        let wanted = [
            "import os",
            "import os.path as p",
            "from .a.b import c as d, e",
            "from f import *",
            "x = [1,\n  2]",
            "@twice\n@once(1)\ndef f(y):\n    # doubled\n    return y * 2",
            "class K:\n    a = 1",
            "if x:\n    z = 1\n    pass\n    w = 2\nelse:\n    pass",
            "for i in x:\n    pass",
            "print('end')",
        ];
        let trimmed: Vec<&str> = pieces.iter().map(|piece| piece.trim_end()).collect();
        assert_eq!(trimmed, wanted);
    }
}
