//! `df.query("sample == 'a' and n > 3")`: conditions on the columns of a table, in pandas' notation.
//!
//! The text is an expression of the language after a few replacements, as in pandas: `&` and `|` bind like `and`
//! and `or`, a name in backticks is a column, one after `@` a variable of the caller.

use crate::diag::SourceId;
use crate::lang::compare;
use crate::lang::index;
use crate::lang::methods as type_methods;
use crate::lang::ops;
use crate::lang::raise::{Exc, Raise, closest};
use crate::lang::table::column::Column;
use crate::lang::table::data_frame::take_rows;
use crate::lang::table::elementwise::{self, Side};
use crate::lang::table::frame::Frame;
use crate::lang::table::methods::cells::among;
use crate::lang::table::methods::shared::{frame, give_frame};
use crate::lang::table::objects::{Array, Labels, Series, as_column, column_of, frame_of, mask_of};
use crate::lang::table::pick::Pick;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::{ArgKind, BinaryOp, CompareOp, Expr, ExprKind, UnaryOp};
use crate::syntax::parse_expression;
use std::sync::Arc;

/// Longer queries are refused.
const MAX_LENGTH: usize = 1 << 16;

/// Variables that a query may name after `@`.
pub(crate) type Variables = [(Arc<str>, Value)];

/// `df.query(text)`
pub(crate) fn method(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["expr", "*inplace", "*engine", "*parser", "*local_dict"];
    let [text, in_place, ..] = args.take("query", names, 1)?;
    let text = crate::lang::builtins::args::text(&text.unwrap_or(Value::None), "query")?;
    let variables = vm.caller.take().unwrap_or_default();
    let found = rows(vm, &frame(me), &text, &variables)?;
    let taken = take_rows(vm, &frame(me), &Pick::many(found))?;
    match frame_of(&taken) {
        Some(frame) => give_frame(me, (*frame).clone(), in_place.as_ref()),
        None => Ok(taken),
    }
}

/// The rows for which a query holds.
pub(crate) fn rows(
    vm: &mut Vm,
    frame: &Frame,
    text: &str,
    variables: &Variables,
) -> Result<Vec<usize>, Raise> {
    if text.len() > MAX_LENGTH {
        return Err(Raise::value_error("the query is too long"));
    }
    vm.budget.allocate(8 * text.len() as u64)?;
    let translated = translate(text)?;
    let expr = parse_expression(SourceId(0), &translated.text).map_err(|problem| {
        Raise::new(Exc::SyntaxError, format!("the query `{text}` cannot be read: {}", problem.message))
            .help("a query is a condition on columns: `sample == 'a' and n > 3`")
    })?;
    let mut parts = Vec::new();
    conjuncts(&expr, &mut parts);
    // What a hash can answer goes first, and the others look only at the rows that it left.
    let (quick, slow): (Vec<&Expr>, Vec<&Expr>) = parts.into_iter().partition(|part| is_quick(part));
    let query = Query { frame, names: &translated.names, variables };
    let Some(found) = query.all(vm, &quick)? else {
        return Ok(query.all(vm, &slow)?.map(|column| column.true_rows()).unwrap_or_default());
    };
    let rows = found.true_rows();
    if slow.is_empty() {
        return Ok(rows);
    }
    vm.budget.allocate_items((rows.len() as u64).saturating_mul(frame.data.len() as u64 + 1))?;
    let rest = frame.take(&rows);
    let query = Query { frame: &rest, ..query };
    let left = query.all(vm, &slow)?.map(|column| column.true_rows()).unwrap_or_default();
    Ok(left.into_iter().map(|row| rows[row]).collect())
}

/// A query as an expression of the language.
struct Translated {
    text: String,
    /// Names that stand for texts in backticks.
    names: Vec<(String, String)>,
}

/// Replaces what the language writes otherwise; texts in quotes stay as they are.
fn translate(text: &str) -> Result<Translated, Raise> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\'' | '"' => {
                let end = quoted_end(after, c).unwrap_or(after.len());
                let (quoted, tail) = after.split_at(end);
                out.push(c);
                out.push_str(quoted);
                rest = tail;
                continue;
            }
            '`' => {
                let Some((name, tail)) = after.split_once('`') else {
                    return Err(Raise::new(
                        Exc::SyntaxError,
                        format!("a backtick in the query `{text}` is never closed"),
                    ));
                };
                let stand_in = format!("backtick_{}_", names.len());
                out.push_str(&stand_in);
                names.push((stand_in, name.to_string()));
                rest = tail;
                continue;
            }
            '@' => out.push_str(VARIABLE),
            '&' => out.push_str(" and "),
            '|' => out.push_str(" or "),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
        rest = after;
    }
    Ok(Translated { text: out.trim().to_string(), names })
}

/// What stands before the name of a variable.
const VARIABLE: &str = "local_variable_";

/// The place after the quote that ends a text.
fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The parts of `a and b and c`.
fn conjuncts<'e>(expr: &'e Expr, parts: &mut Vec<&'e Expr>) {
    let mut queue = vec![expr];
    while let Some(expr) = queue.pop() {
        match &expr.kind {
            ExprKind::And(left, right) => queue.extend([&**right, &**left]),
            _ => parts.push(expr),
        }
    }
}

/// Whether a part compares a column with a text or number.
fn is_quick(expr: &Expr) -> bool {
    let ExprKind::Compare { first, rest } = &expr.kind else { return false };
    let [(CompareOp::Eq, right)] = rest.as_slice() else { return false };
    let is_name = |expr: &Expr| matches!(expr.kind, ExprKind::Name(_));
    let is_plain = |expr: &Expr| matches!(expr.kind, ExprKind::Str(_) | ExprKind::Int(_));
    (is_name(first) && is_plain(right)) || (is_plain(first) && is_name(right))
}

struct Query<'q> {
    frame: &'q Frame,
    names: &'q [(String, String)],
    variables: &'q Variables,
}

impl Query<'_> {
    /// The rows for which all parts hold; `None` without parts.
    fn all(&self, vm: &mut Vm, parts: &[&Expr]) -> Result<Option<Column>, Raise> {
        let mut found: Option<Column> = None;
        for part in parts {
            let value = self.eval(vm, part)?;
            let column = self.condition(&value)?;
            found = Some(match found {
                None => column,
                Some(found) => {
                    elementwise::binary(vm, BinaryOp::BitAnd, Side::Column(&found), Side::Column(&column))?
                }
            });
        }
        Ok(found)
    }

    /// The value of a condition: true or false for every row.
    fn condition(&self, value: &Value) -> Result<Column, Raise> {
        let rows = self.frame.rows();
        match (value, mask_of(value)) {
            (Value::Bool(true), _) => Ok(Column::mask(rows, (0..rows).collect())),
            (Value::Bool(false), _) => Ok(Column::mask(rows, Vec::new())),
            (_, Some(mask)) if mask.len() == rows => Ok(Column::mask(rows, mask.true_rows())),
            _ if rows == 0 => Ok(Column::mask(0, Vec::new())),
            _ => Err(Raise::value_error("a query must be a condition, true or false for every row")
                .help("compare the column: `sample == 'a'`, `n > 3`")),
        }
    }

    fn eval(&self, vm: &mut Vm, expr: &Expr) -> Result<Value, Raise> {
        vm.budget.check_stack()?;
        vm.budget.spend(1)?;
        Ok(match &expr.kind {
            ExprKind::None => Value::None,
            ExprKind::Bool(b) => Value::Bool(*b),
            ExprKind::Int(n) => Value::Int(*n),
            ExprKind::Float(x) => Value::Float(*x),
            ExprKind::Str(text) => Value::Str(text.clone()),
            ExprKind::Name(name) => self.name(vm, name)?,
            ExprKind::List(items) => Value::list(self.each(vm, items)?),
            ExprKind::Tuple(items) => Value::tuple(self.each(vm, items)?),
            ExprKind::Unary { op, operand } => {
                let value = self.eval(vm, operand)?;
                self.unary(vm, *op, value)?
            }
            ExprKind::Binary { op, left, right } => {
                let (a, b) = (self.eval(vm, left)?, self.eval(vm, right)?);
                ops::binary(vm, *op, &a, &b)?
            }
            ExprKind::And(left, right) => self.both(vm, BinaryOp::BitAnd, left, right)?,
            ExprKind::Or(left, right) => self.both(vm, BinaryOp::BitOr, left, right)?,
            ExprKind::Compare { first, rest } => self.compare(vm, first, rest)?,
            ExprKind::Attribute { value, name } => {
                let value = self.eval(vm, value)?;
                vm.get_attr(&value, &name.text)?
            }
            ExprKind::Index { value, index } => {
                let (value, key) = (self.eval(vm, value)?, self.eval(vm, index)?);
                index::get_item(vm, &value, &key)?
            }
            ExprKind::Slice { value, start, stop, step } => {
                let value = self.eval(vm, value)?;
                let mut ends = [Value::None, Value::None, Value::None];
                for (end, expr) in ends.iter_mut().zip([start, stop, step]) {
                    if let Some(expr) = expr {
                        *end = self.eval(vm, expr)?;
                    }
                }
                index::get_item(vm, &value, &Value::object(index::Slice(ends)))?
            }
            ExprKind::Call { callee, args } => self.call(vm, callee, args)?,
            _ => {
                return Err(Raise::unsupported(
                    "this cannot be part of a query",
                    "a query has comparisons, `and`, `or`, `not`, `in`, and methods of columns",
                ));
            }
        })
    }

    fn each(&self, vm: &mut Vm, exprs: &[Expr]) -> Result<Vec<Value>, Raise> {
        exprs.iter().map(|expr| self.eval(vm, expr)).collect()
    }

    /// A column, a level of the index, the index, or a variable after `@`.
    fn name(&self, vm: &mut Vm, name: &str) -> Result<Value, Raise> {
        if let Some(variable) = name.strip_prefix(VARIABLE) {
            let local = self.variables.iter().rev().find(|(known, _)| **known == *variable);
            let found = local.map(|(_, value)| value.clone());
            return found.or_else(|| vm.lookup_global(vm.current_space(), variable).cloned()).ok_or_else(
                || {
                    Raise::new(
                        Exc::NameError,
                        format!("the query names a variable `@{variable}` that is not defined"),
                    )
                },
            );
        }
        let stands_for = self.names.iter().find(|(stand_in, _)| stand_in == name);
        let name = stands_for.map_or(name, |(_, column)| column);
        let label: Value = name.into();
        if let Some(at) = self.frame.position(&label) {
            return Ok(Series::value(self.frame.series(at)));
        }
        let index = &self.frame.index;
        if let Some(level) = index.names().iter().position(|level| level.is_same(&label)) {
            let single = crate::lang::table::index::Index::single(index.levels()[level].clone(), label);
            return Ok(Labels::value(single));
        }
        match name {
            "index" => Ok(Labels::value(index.clone())),
            "columns" => Ok(Labels::value(self.frame.columns.clone())),
            name => {
                let known = self.frame.columns.labels();
                let texts: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
                let raise = Raise::new(
                    Exc::NameError,
                    format!("the query names `{name}`, but the table has no such column"),
                );
                Err(match closest(name, texts.iter().copied()) {
                    Some(near) => raise.help(format!("did you mean `{near}`? A text is written in quotes")),
                    None => raise
                        .help(format!("its columns are: {}; a text is written in quotes", texts.join(", "))),
                })
            }
        }
    }

    fn unary(&self, vm: &mut Vm, op: UnaryOp, value: Value) -> Result<Value, Raise> {
        let op = match (op, column_of(&value)) {
            (UnaryOp::Not, Some(_)) => UnaryOp::Invert,
            (op, _) => op,
        };
        ops::unary(vm, op, &value)
    }

    /// `a and b` or `a or b`, row by row.
    fn both(&self, vm: &mut Vm, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Value, Raise> {
        let (a, b) = (self.eval(vm, left)?, self.eval(vm, right)?);
        ops::binary(vm, op, &a, &b)
    }

    /// Comparisons in a chain hold when each of them does.
    fn compare(&self, vm: &mut Vm, first: &Expr, rest: &[(CompareOp, Expr)]) -> Result<Value, Raise> {
        let mut left = self.eval(vm, first)?;
        let mut result: Option<Value> = None;
        for (op, expr) in rest {
            let right = self.eval(vm, expr)?;
            let part = compared(vm, *op, &left, &right)?;
            result = Some(match result {
                None => part,
                Some(result) => ops::binary(vm, BinaryOp::BitAnd, &result, &part)?,
            });
            left = right;
        }
        Ok(result.unwrap_or(Value::Bool(true)))
    }

    fn call(&self, vm: &mut Vm, callee: &Expr, args: &[crate::syntax::ast::Arg]) -> Result<Value, Raise> {
        let mut values = Args::default();
        for arg in args {
            let value = self.eval(vm, &arg.value)?;
            match &arg.kind {
                ArgKind::Positional => values.positional.push(value),
                ArgKind::Keyword(name) => values.named.push((name.text.clone(), value)),
                _ => {
                    return Err(Raise::unsupported(
                        "`*` and `**` cannot be part of a query",
                        "write the arguments out",
                    ));
                }
            }
        }
        if let ExprKind::Attribute { value, name } = &callee.kind {
            let receiver = self.eval(vm, value)?;
            if let Some(method) = type_methods::find(receiver.type_of(), &name.text) {
                return (method.call)(vm, &receiver, values);
            }
            let function = vm.get_attr(&receiver, &name.text)?;
            return vm.call_value(&function, values, None);
        }
        let function = self.eval(vm, callee)?;
        vm.call_value(&function, values, None)
    }
}

/// One comparison; `==` with a list is `in`, as in pandas.
fn compared(vm: &mut Vm, op: CompareOp, left: &Value, right: &Value) -> Result<Value, Raise> {
    let is_list = matches!(right, Value::List(_) | Value::Tuple(_) | Value::Set(_));
    let contains = match op {
        CompareOp::Eq if is_list => Some(true),
        CompareOp::Ne if is_list => Some(false),
        CompareOp::In => Some(true),
        CompareOp::NotIn => Some(false),
        _ => None,
    };
    let (Some(wanted), Some(column)) = (contains, column_of(left)) else {
        return compare::compare(vm, op, left, right);
    };
    let values = match right {
        // A single text is one value here, not its characters.
        Value::Str(_) => Arc::new(Column::infer(vec![right.clone()])),
        other => as_column(vm, other)?,
    };
    vm.budget.allocate_items(column.len() as u64)?;
    let found = among(&column, &values)?;
    let found = if wanted { found } else { elementwise::unary(vm, UnaryOp::Invert, &found)? };
    Ok(match crate::lang::table::objects::labelled_of(left) {
        Some(labelled) => Series::value(labelled.with_column(found)),
        None => Array::value(found),
    })
}
