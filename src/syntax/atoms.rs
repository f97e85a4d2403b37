//! Atoms of expressions: names, numbers, strings, displays in brackets.

use crate::diag::Span;
use crate::syntax::ast::{ComprehensionKind, DictItem, Expr, ExprKind, FPart};
use crate::syntax::expr::{Built, Node, Piece};
use crate::syntax::grammar::expr::Rule;
use crate::syntax::strings::{self, Escapes};
use std::sync::Arc;

impl<'t> Piece<'t> {
    pub(super) fn atom(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let kind = match node.as_rule() {
            Rule::strings => return self.strings(node, depth),
            Rule::number => self.number(node.as_str(), span)?,
            Rule::ident => match node.as_str() {
                "None" => ExprKind::None,
                "True" => ExprKind::Bool(true),
                "False" => ExprKind::Bool(false),
                name => ExprKind::Name(name.into()),
            },
            Rule::paren => return self.paren(node, depth),
            Rule::list => {
                let depth = self.deeper(depth, 1, &node)?;
                let (mut items, clauses) = split_clauses(node);
                if clauses.is_empty() {
                    ExprKind::List(items.into_iter().map(|i| self.item(i, depth)).collect::<Built<_>>()?)
                } else {
                    let Some(element) = items.pop() else { return self.broken(span) };
                    return self.maybe_comprehension(element, clauses, ComprehensionKind::List, span, depth);
                }
            }
            Rule::brace => self.brace(node, depth)?,
            Rule::ellipsis => ExprKind::Ellipsis,
            _ => return self.broken(span),
        };
        Ok(Expr { kind, span })
    }

    fn paren(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let span = self.node_span(&node);
        let depth = self.deeper(depth, 1, &node)?;
        let (mut items, clauses) = split_clauses(node);
        if !clauses.is_empty() {
            let Some(element) = items.pop() else { return self.broken(span) };
            return self.maybe_comprehension(element, clauses, ComprehensionKind::Generator, span, depth);
        }
        let tuple = items.last().is_none_or(|i| i.as_rule() == Rule::trailing) || items.len() > 1;
        items.retain(|i| i.as_rule() != Rule::trailing);
        let mut items = items.into_iter().map(|i| self.item(i, depth)).collect::<Built<Vec<Expr>>>()?;
        match (tuple, items.pop()) {
            (false, Some(only)) if matches!(only.kind, ExprKind::Starred(_)) => self.lone_star(only.span),
            (false, Some(only)) => Ok(Expr { span, ..only }),
            (_, last) => {
                items.extend(last);
                Ok(Expr { span, kind: ExprKind::Tuple(items) })
            }
        }
    }

    fn brace(&self, node: Node<'t>, depth: usize) -> Built<ExprKind> {
        let span = self.node_span(&node);
        let depth = self.deeper(depth, 1, &node)?;
        let (entries, clauses) = split_clauses(node);
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        for entry in entries {
            let mut parts = entry.into_inner();
            match (parts.next(), parts.next()) {
                (Some(star), Some(value)) if star.as_rule() == Rule::dstar => {
                    pairs.push(DictItem::Spread(self.expr(value, depth)?));
                }
                (Some(key), Some(value)) => {
                    pairs.push(DictItem::Pair(self.item(key, depth)?, self.expr(value, depth)?));
                }
                (Some(item), None) => items.push(self.item(item, depth)?),
                _ => return self.broken(span),
            }
        }
        if !pairs.is_empty() && !items.is_empty() {
            let at = items.first().map_or(span, |e| e.span);
            return self.fail("unexpected-text", "a dict needs `key: value` for every item", at);
        }
        if clauses.is_empty() {
            return Ok(if items.is_empty() { ExprKind::Dict(pairs) } else { ExprKind::Set(items) });
        }
        let clauses = self.clauses(clauses, depth)?;
        match (pairs.pop(), items.pop()) {
            (Some(DictItem::Pair(key, value)), _) => {
                Ok(ExprKind::DictComprehension { key: Box::new(key), value: Box::new(value), clauses })
            }
            (None, Some(element)) => {
                let kind = ComprehensionKind::Set;
                Ok(ExprKind::Comprehension { kind, element: Box::new(element), clauses })
            }
            _ => self.fail("unexpected-text", "`**` cannot stand in a comprehension", span),
        }
    }

    fn number(&self, text: &str, span: Span) -> Built<ExprKind> {
        let plain: String = text.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
        let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(p, _)| plain.starts_with(p));
        if let Some((prefix, radix)) = radix {
            let digits = &plain[prefix.len()..];
            if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
                return self.fail("bad-number", format!("`{text}` is not a number"), span);
            }
            return match i64::from_str_radix(digits, radix) {
                Ok(n) => Ok(ExprKind::Int(n)),
                Err(_) => self.fail(
                    "bad-number",
                    format!("`{text}` is too large: whole numbers have 64 bits"),
                    span,
                ),
            };
        }
        if plain.chars().all(|c| c.is_ascii_digit()) {
            if plain.len() > 1 && plain.starts_with('0') && plain.chars().any(|c| c != '0') {
                let message = format!("`{text}`: a number cannot start with 0");
                return self
                    .fail("bad-number", message, span)
                    .map_err(|p| Box::new(p.help("write 0o... for an octal number, or a string")));
            }
            return match plain.parse() {
                Ok(n) => Ok(ExprKind::Int(n)),
                Err(_) => self.fail(
                    "bad-number",
                    format!("`{text}` is too large: whole numbers have 64 bits"),
                    span,
                ),
            };
        }
        let numeric = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-'));
        match plain.parse::<f64>() {
            Ok(x) if numeric => Ok(ExprKind::Float(x)),
            _ if plain.ends_with('j') => self.fail("bad-number", "complex numbers aren't supported", span),
            _ => self.fail("bad-number", format!("`{text}` is not a number"), span),
        }
    }

    // ---- strings

    /// Adjacent literals, joined.
    fn strings(&self, node: Node<'t>, depth: usize) -> Built<Expr> {
        let depth = self.deeper(depth, 1, &node)?;
        let whole = self.node_span(&node);
        let (mut parts, mut text, mut formatted) = (Vec::new(), String::new(), false);
        let (mut start, mut end, mut bytes, mut count) = (None, whole, 0, 0);
        for literal in node.into_inner() {
            let span = self.node_span(&literal);
            start.get_or_insert(span);
            end = span;
            count += 1;
            if literal.as_rule() == Rule::plain {
                let split = strings::split(literal.as_str());
                bytes += usize::from(split.bytes);
                let offset = literal.as_span().start() + split.offset;
                self.unescape(split.body, Escapes::of(&split), offset, &mut text)?;
                if split.bytes && !split.body.is_ascii() {
                    return self.fail("bad-string", "a bytes literal can only hold ASCII characters", span);
                }
            } else {
                formatted = true;
                let raw = literal.as_rule() == Rule::fraw;
                self.fparts(literal, raw, &mut text, &mut parts, depth)?;
            }
        }
        let span = start.unwrap_or(whole).to(end);
        if bytes > 0 && bytes < count {
            return self.fail("bad-string", "bytes and text literals cannot be joined", span);
        }
        let kind = if bytes > 0 {
            // Escapes are bytes of the same number; of a number above, Python too keeps the lower eight bits.
            ExprKind::Bytes(text.chars().map(|c| c as u8).collect())
        } else if formatted {
            flush(&mut text, &mut parts);
            ExprKind::FString(parts)
        } else {
            ExprKind::Str(text.into())
        };
        Ok(Expr { kind, span })
    }

    fn unescape(&self, body: &str, escapes: Escapes, offset: usize, out: &mut String) -> Built<()> {
        strings::unescape(body, escapes, out).or_else(|error| {
            self.fail("bad-escape", error.message, self.span(offset + error.at.start, offset + error.at.end))
        })
    }

    /// Text and fields of an f-string or of a format spec.
    fn fparts(
        &self,
        node: Node<'t>,
        raw: bool,
        text: &mut String,
        parts: &mut Vec<FPart>,
        depth: usize,
    ) -> Built<()> {
        let escapes = if raw { Escapes::None } else { Escapes::Text };
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::ftext | Rule::frtext => {
                    let (mut rest, mut offset) = (part.as_str(), part.as_span().start());
                    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("}}")).min() {
                        self.unescape(&rest[..at], escapes, offset, text)?;
                        text.push_str(&rest[at..=at]);
                        (rest, offset) = (&rest[at + 2..], offset + at + 2);
                    }
                    self.unescape(rest, escapes, offset, text)?;
                }
                Rule::spec_text => self.unescape(part.as_str(), escapes, part.as_span().start(), text)?,
                Rule::field => {
                    flush(text, parts);
                    parts.push(self.field(part, raw, depth)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn field(&self, node: Node<'t>, raw: bool, depth: usize) -> Built<FPart> {
        let depth = self.deeper(depth, 1, &node)?;
        let span = self.node_span(&node);
        let open = node.as_span().start() + 1;
        let (mut expr, mut debug, mut conversion, mut spec) = (None, None, None, Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::field_exprs => expr = Some(self.exprs(part, depth)?),
                Rule::debug => debug = self.text.get(open..part.as_span().end()).map(Arc::from),
                Rule::conversion => {
                    conversion = match part.as_str() {
                        "!r" => Some('r'),
                        "!s" => Some('s'),
                        "!a" => Some('a'),
                        other => {
                            let message = format!("`{other}` is not a conversion");
                            let at = self.node_span(&part);
                            return self
                                .fail("bad-conversion", message, at)
                                .map_err(|p| Box::new(p.help("use `!r`, `!s` or `!a`")));
                        }
                    }
                }
                Rule::spec => {
                    let mut text = String::new();
                    self.fparts(part, raw, &mut text, &mut spec, depth)?;
                    flush(&mut text, &mut spec);
                }
                _ => {}
            }
        }
        match expr {
            Some(expr) => Ok(FPart::Field { expr, debug, conversion, spec }),
            None => self.broken(span),
        }
    }
}

fn split_clauses(node: Node<'_>) -> (Vec<Node<'_>>, Vec<Node<'_>>) {
    node.into_inner().partition(|p| p.as_rule() != Rule::clause)
}

fn flush(text: &mut String, parts: &mut Vec<FPart>) {
    if !text.is_empty() {
        parts.push(FPart::Text(std::mem::take(text).into()));
    }
}
