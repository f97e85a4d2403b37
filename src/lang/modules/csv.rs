//! The module `csv`: rows of open files or of lists of lines.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::{int, text, wrong};
use crate::lang::iter::Walk;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::teardown::Held;
use crate::lang::value::{Args, Builtin, DictMap, Key, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

const NO_FILES: &str = "evaluating a Rulefile changes no files: write them in a script that a rule runs";

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "csv",
    functions: &[
        Builtin { name: "field_size_limit", call: |_, _| Ok(Value::Int(131_072)) },
        Builtin { name: "reader", call: reader },
    ],
    values: || {
        vec![
            ("DictReader", Value::Type(Type::Host(&DICT_READER))),
            ("Error", Value::Type(Type::Exception(Exc::CsvError))),
            ("QUOTE_ALL", Value::Int(1)),
            ("QUOTE_MINIMAL", Value::Int(0)),
            ("QUOTE_NONE", Value::Int(QUOTE_NONE)),
            ("QUOTE_NONNUMERIC", Value::Int(QUOTE_NONNUMERIC)),
            ("excel", "excel".into()),
            ("excel_tab", "excel-tab".into()),
            ("unix_dialect", "unix".into()),
        ]
    },
    refused: &[
        ("DictWriter", NO_FILES),
        ("Sniffer", "say how the file is written: `csv.reader(f, delimiter=\"\\t\")`"),
        ("writer", NO_FILES),
    ],
};

const QUOTE_NONNUMERIC: i64 = 2;
const QUOTE_NONE: i64 = 3;

static DICT_READER: HostType = HostType { name: "DictReader", construct: dict_reader, ..HostType::PLAIN };

/// How a file is written.
struct Dialect {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    double_quote: bool,
    skip_space: bool,
    quoting: i64,
    strict: bool,
}

impl Dialect {
    fn parse(dialect: Option<Value>, named: Vec<(Arc<str>, Value)>) -> Result<Dialect, Raise> {
        let mut known = Dialect {
            delimiter: ',',
            quote: Some('"'),
            escape: None,
            double_quote: true,
            skip_space: false,
            quoting: 0,
            strict: false,
        };
        if let Some(dialect) = dialect {
            match dialect.as_str() {
                Some("excel" | "unix") => {}
                Some("excel-tab") => known.delimiter = '\t',
                _ => {
                    let message = format!("unknown dialect {}", dialect.repr());
                    return Err(
                        Raise::new(Exc::CsvError, message).help("there are `excel`, `excel-tab` and `unix`")
                    );
                }
            }
        }
        for (name, value) in named {
            match &*name {
                "delimiter" => {
                    known.delimiter =
                        char_of(&value, &name)?.ok_or_else(|| wrong(&value, &name, "a character"))?
                }
                "quotechar" => known.quote = char_of(&value, &name)?,
                "escapechar" => known.escape = char_of(&value, &name)?,
                "doublequote" => known.double_quote = value.truth(),
                "skipinitialspace" => known.skip_space = value.truth(),
                "quoting" => known.quoting = int(&value, &name)?,
                "strict" => known.strict = value.truth(),
                "lineterminator" => {}
                _ => return Err(Raise::type_error(format!("`{name}` is not a parameter of `csv.reader`"))),
            }
        }
        if known.quoting == QUOTE_NONE {
            known.quote = None;
        }
        Ok(known)
    }
}

fn char_of(value: &Value, name: &str) -> Result<Option<char>, Raise> {
    if matches!(value, Value::None) {
        return Ok(None);
    }
    let text = text(value, name)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Some(c)),
        _ => Err(Raise::type_error(format!("`{name}` must be a single character"))),
    }
}

#[derive(PartialEq)]
enum State {
    FieldStart,
    Field,
    Quoted,
    /// After a quote inside a quoted field.
    QuoteInQuoted,
}

/// Takes rows out of lines.
struct Parser {
    dialect: Dialect,
    state: State,
    row: Vec<Value>,
    field: String,
    was_quoted: bool,
}

impl Parser {
    fn field_done(&mut self) -> Result<(), Raise> {
        let field = std::mem::take(&mut self.field);
        let number = self.dialect.quoting == QUOTE_NONNUMERIC && !self.was_quoted;
        self.row.push(match field.trim().parse::<f64>() {
            Ok(x) if number => Value::Float(x),
            Err(_) if number && !field.is_empty() => {
                return Err(Raise::value_error(format!("`{field}` is not a number")));
            }
            _ => Value::from(field),
        });
        self.state = State::FieldStart;
        self.was_quoted = false;
        Ok(())
    }

    /// Reads one line; true when the row is complete.
    fn line(&mut self, line: &str) -> Result<bool, Raise> {
        let mut chars = line.chars().peekable();
        let mut any = self.state == State::Quoted;
        while let Some(c) = chars.next() {
            let ends = matches!(c, '\n' | '\r') && self.state != State::Quoted;
            if ends {
                if chars.any(|c| !matches!(c, '\n' | '\r')) {
                    return Err(Raise::new(Exc::CsvError, "new-line character seen in unquoted field")
                        .help("open the file as text: `open(path)`"));
                }
                break;
            }
            any = true;
            if Some(c) == self.dialect.escape {
                self.field.extend(chars.next());
                if self.state == State::FieldStart {
                    self.state = State::Field;
                }
                continue;
            }
            match self.state {
                State::FieldStart if Some(c) == self.dialect.quote => {
                    self.state = State::Quoted;
                    self.was_quoted = true;
                }
                State::FieldStart if c == ' ' && self.dialect.skip_space => {}
                State::FieldStart | State::Field if c == self.dialect.delimiter => self.field_done()?,
                State::FieldStart | State::Field => {
                    self.field.push(c);
                    self.state = State::Field;
                }
                State::Quoted if Some(c) == self.dialect.quote => {
                    self.state = if self.dialect.double_quote { State::QuoteInQuoted } else { State::Field };
                }
                State::Quoted => self.field.push(c),
                State::QuoteInQuoted if Some(c) == self.dialect.quote => {
                    self.field.push(c);
                    self.state = State::Quoted;
                }
                State::QuoteInQuoted if c == self.dialect.delimiter => self.field_done()?,
                State::QuoteInQuoted if self.dialect.strict => {
                    let (delimiter, quote) = (self.dialect.delimiter, self.dialect.quote.unwrap_or('"'));
                    return Err(Raise::new(Exc::CsvError, format!("`{delimiter}` expected after `{quote}`")));
                }
                State::QuoteInQuoted => {
                    self.field.push(c);
                    self.state = State::Field;
                }
            }
        }
        if self.state == State::Quoted {
            return Ok(false);
        }
        if any {
            self.field_done()?;
        }
        Ok(true)
    }
}

fn rows(vm: &mut Vm, source: &Value, dialect: Dialect) -> Result<Vec<Value>, Raise> {
    let mut walk = Walk::over(source)?;
    let strict = dialect.strict;
    let mut parser = Parser {
        dialect,
        state: State::FieldStart,
        row: Vec::new(),
        field: String::new(),
        was_quoted: false,
    };
    let mut rows = Vec::new();
    while let Some(line) = walk.next()? {
        let line = text(&line, "csv.reader")?;
        vm.budget.spend(1)?;
        // Each field is a value and an allocation of its own.
        vm.budget.allocate(64 + 4 * line.len() as u64)?;
        if parser.line(&line)? {
            rows.push(Value::list(std::mem::take(&mut parser.row)));
        }
    }
    if parser.state == State::Quoted {
        if strict {
            return Err(Raise::new(Exc::CsvError, "unexpected end of data"));
        }
        parser.field_done()?;
        rows.push(Value::list(std::mem::take(&mut parser.row)));
    }
    Ok(rows)
}

fn reader(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut positional = args.positional.into_iter();
    let Some(source) = positional.next() else { return Err(Raise::type_error("`csv.reader` needs lines")) };
    let (dialect, named) = dialect_of(positional.next(), args.named);
    let rows = rows(vm, &source, Dialect::parse(dialect, named)?)?;
    Ok(Value::iterator("_csv.reader", rows))
}

type Named = Vec<(Arc<str>, Value)>;

fn dialect_of(dialect: Option<Value>, named: Named) -> (Option<Value>, Named) {
    let (given, rest): (Named, Named) = named.into_iter().partition(|(name, _)| &**name == "dialect");
    (dialect.or(given.into_iter().next().map(|(_, value)| value)), rest)
}

/// `csv.DictReader`: an iterator over dicts that knows the names of the columns.
#[derive(Debug)]
struct DictReader {
    /// The names and the rows that are left.
    held: Held,
}

impl Object for DictReader {
    fn type_name(&self) -> &'static str {
        DICT_READER.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&DICT_READER)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(if name == "fieldnames" { self.held.0.first().cloned() } else { None })
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn next(&self) -> Result<Option<Value>, Raise> {
        match self.held.0.get(1) {
            Some(Value::Iter(rows)) => rows.rest.write(|rest| rest.next())?,
            _ => Ok(None),
        }
    }

    fn inner(&self) -> Vec<Value> {
        self.held.0.clone()
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.held.0)
    }
}

fn dict_reader(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (own, rest): (Named, Named) = args
        .named
        .into_iter()
        .partition(|(name, _)| matches!(&**name, "f" | "fieldnames" | "restkey" | "restval" | "dialect"));
    let own = Args { positional: args.positional, named: own };
    let [source, names, rest_key, rest_value, dialect] =
        own.take("DictReader", ["f", "fieldnames", "restkey", "restval", "dialect"], 1)?;
    let mut rows = rows(vm, &source.unwrap_or(Value::None), Dialect::parse(dialect, rest)?)?.into_iter();
    let names = match names {
        None | Some(Value::None) => match rows.next() {
            Some(first) => first,
            None => {
                return Ok(Value::object(DictReader {
                    held: Held(vec![Value::None, Value::iterator("rows", Vec::new())]),
                }));
            }
        },
        Some(names) => Value::list(vm.collect(&names)?),
    };
    let (rest_key, rest_value) = (rest_key.unwrap_or(Value::None), rest_value.unwrap_or(Value::None));
    let keys: Vec<Key> = vm.collect(&names)?.into_iter().map(Key::new).collect::<Result<_, _>>()?;
    let mut dicts = Vec::new();
    for row in rows {
        let cells = vm.collect(&row)?;
        if cells.is_empty() {
            continue;
        }
        vm.budget.allocate_items(2 * keys.len() as u64)?;
        let mut map = DictMap::default();
        for (at, key) in keys.iter().enumerate() {
            map.insert(key.clone(), cells.get(at).unwrap_or(&rest_value).clone());
        }
        if let Some(more) = cells.get(keys.len()..).filter(|more| !more.is_empty()) {
            map.insert(Key::new(rest_key.clone())?, Value::list(more.to_vec()));
        }
        dicts.push(Value::dict(map));
    }
    Ok(Value::object(DictReader { held: Held(vec![names, Value::iterator("rows", dicts)]) }))
}
