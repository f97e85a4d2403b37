//! Settings that nothing reads.

use super::Finder;
use super::scope::Scope;
use crate::diag::{Problem, SourceId, Span};
use crate::files::read_code;
use crate::lang::config::{format_of, parse};
use crate::model::action::Action;
use crate::syntax::ast::{Arg, CompareOp, Expr, ExprKind};
use crate::syntax::walk::Node;
use rustc_hash::FxHashSet;
use std::path::Path;

/// Keys that rulemake itself reads.
const OWN: [&str; 1] = ["pathvars"];

/// `unused-config-key`: a key of a config file that no Rulefile and no script mentions.
pub(super) fn unused_config_key(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    if !finder.wants("unused-config-key") {
        return;
    }
    let Some(used) = Used::of(scope) else { return };
    let sources = &scope.workflow.sources;
    for (number, name) in (0..).zip(sources.names()) {
        let source = SourceId(number);
        let Some(format) = format_of(Path::new(name)) else { continue };
        if scope.workflow.rulefiles.contains(&source) {
            continue;
        }
        let text = &sources.file(source).text;
        let Ok(config) = parse(source, text, format) else { continue };
        let keys: Vec<String> =
            config.0.read(|map| map.keys().map(|key| key.0.display().to_string()).collect());
        for key in keys.iter().filter(|key| !OWN.contains(&key.as_str()) && !used.has(key)) {
            // A table that was read is no config.
            let is_config = scope.sites.iter().any(|site| site.rule.config.get(key).is_some());
            if let (true, Some(place)) = (is_config, place_of(source, text, key)) {
                let message = format!("nothing reads the setting `{key}`");
                finder.push(
                    Problem::warning("unused-config-key", message)
                        .at(place, "")
                        .help("remove it, or correct the name"),
                );
            }
        }
    }
}

/// Where a key of the top level stands: at the start of its line, or in quotes.
fn place_of(source: SourceId, text: &str, key: &str) -> Option<Span> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches([' ', '\t', '{', '[', '"', '\'', ',']);
        if let Some(rest) = bare.strip_prefix(key)
            && rest.trim_start_matches(['"', '\'', ' ', '\t']).starts_with([':', '=', ']', '.'])
        {
            let at = start + line.len() - bare.len();
            return Some(Span::new(source, at, at + key.len()));
        }
        start += line.len();
    }
    // In a mapping on one line.
    let quoted = format!("\"{key}\"");
    text.find(&quoted).map(|at| Span::new(source, at + 1, at + 1 + key.len()))
}

/// The keys that are read.
struct Used {
    keys: FxHashSet<String>,
    /// Texts in which every word counts.
    texts: Vec<String>,
}

impl Used {
    /// `None` when the config is handed on as a whole: then any key may count.
    fn of(scope: &Scope<'_>) -> Option<Used> {
        let mut used = Used { keys: FxHashSet::default(), texts: Vec::new() };
        let mut known: FxHashSet<Span> = FxHashSet::default();
        let mut is_whole = false;
        scope.walk(|node| {
            match node {
                Node::Expr(expr) => is_whole |= !used.expr(expr, &mut known),
                // Python that is not ours.
                Node::Code(code) if code.block.is_err() => used.texts.push(code.text.to_string()),
                Node::Stmt(stmt) if matches!(stmt.kind, crate::syntax::ast::StmtKind::Opaque(_)) => {
                    used.texts.push(scope.workflow.sources.snippet(stmt.span).to_string());
                }
                _ => {}
            }
            !is_whole
        });
        if is_whole {
            return None;
        }
        for site in &scope.sites {
            let Action::Script(script) = &site.rule.action else { continue };
            // Which script it is may depend on the job.
            let path = script.path.literal()?;
            let bytes = read_code(scope.root()?, &format!("{}/{path}", script.dir)).ok()?;
            used.texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Some(used)
    }

    /// Takes note of what an expression reads; `false` when it takes the whole config.
    fn expr(&mut self, expr: &Expr, known: &mut FxHashSet<Span>) -> bool {
        match &expr.kind {
            ExprKind::Index { value, index } => {
                if let (true, ExprKind::Str(key)) = (is_config(value), &index.kind) {
                    self.keys.insert(key.to_string());
                    known.insert(value.span);
                }
            }
            ExprKind::Call { callee, args } => {
                if let (ExprKind::Attribute { value, .. }, Some(Arg { value: first, .. })) =
                    (&callee.kind, args.first())
                    && let (true, ExprKind::Str(key)) = (is_config(value), &first.kind)
                {
                    self.keys.insert(key.to_string());
                    known.insert(value.span);
                }
                // That a schema allows a key does not use it.
                if matches!(&callee.kind, ExprKind::Name(name) if &**name == "validate") {
                    known.extend(args.iter().map(|arg| arg.value.span));
                }
            }
            ExprKind::Compare { first, rest } => {
                for (op, operand) in rest {
                    if let (CompareOp::In | CompareOp::NotIn, true, ExprKind::Str(key)) =
                        (op, is_config(operand), &first.kind)
                    {
                        self.keys.insert(key.to_string());
                        known.insert(operand.span);
                    }
                }
            }
            // `{config[key]}` in a command.
            ExprKind::Str(text) if text.contains("config") => {
                self.texts.push(text.to_string());
                return !text.contains("{config}");
            }
            ExprKind::Name(_) => return !is_config(expr) || known.contains(&expr.span),
            _ => {}
        }
        true
    }

    fn has(&self, key: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        self.keys.contains(key)
            || self.texts.iter().any(|text| {
                text.match_indices(key).any(|(at, _)| {
                    let ends = text[at + key.len()..].chars().next().is_none_or(|c| !is_word(c));
                    ends && text[..at].chars().next_back().is_none_or(|c| !is_word(c))
                })
            })
    }
}

fn is_config(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Name(name) if &**name == "config")
}
