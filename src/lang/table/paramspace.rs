//! `snakemake.utils.Paramspace`: the rows of a table as directories and file names.

use crate::lang::builtins::args::text;
use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::{MISSING, is_missing};
use crate::lang::table::data_frame::columns_of;
use crate::lang::table::dtype::{self, DType, as_text};
use crate::lang::table::frame::Frame;
use crate::lang::table::methods::shared::given;
use crate::lang::table::objects::{DataFrame, frame_of};
use crate::lang::value::{Args, DictMap, HostType, Key, Native, Object, Value};
use crate::lang::vm::Vm;
use regex::Regex;
use std::sync::Arc;

pub(crate) static PARAMSPACE: HostType = HostType { name: "Paramspace", construct, ..HostType::PLAIN };

#[derive(Clone, Debug)]
struct Paramspace {
    /// Columns in the order in which they stand in paths.
    frame: Arc<Frame>,
    /// Columns that are directories of their own; the others make the last part.
    folders: usize,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    param_sep: Arc<str>,
    filename_sep: Arc<str>,
    single_wildcard: Option<Arc<str>>,
}

fn construct(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["dataframe", "filename_params", "param_sep", "filename_sep", "single_wildcard"];
    let [table, in_name, param_sep, filename_sep, single] = args.take("Paramspace", names, 1)?;
    let table = table.unwrap_or(Value::None);
    let Some(frame) = frame_of(&table) else {
        return Err(Raise::type_error(format!("`Paramspace` needs a table, not `{}`", table.type_name())));
    };
    let separator = |value: Option<Value>, default: &str| match given(value) {
        Some(value) => text(&value, "Paramspace"),
        None => Ok(default.into()),
    };
    let settings = Settings {
        param_sep: separator(param_sep, "~")?,
        filename_sep: separator(filename_sep, "_")?,
        single_wildcard: match given(single) {
            Some(single) => Some(text(&single, "Paramspace")?),
            None => None,
        },
    };
    let in_name = match given(in_name) {
        None => Vec::new(),
        Some(Value::Str(all)) if &*all == "*" => frame.columns.labels(),
        Some(names) => vm.collect(&names)?,
    };
    let (frame, folders) = ordered(&frame, &in_name)?;
    Ok(Value::object(Paramspace { frame: Arc::new(frame), folders, settings }))
}

/// The table with the columns of the file name last, and how many stand before them.
fn ordered(frame: &Frame, in_name: &[Value]) -> Result<(Frame, usize), Raise> {
    let last = columns_of(frame, in_name)?;
    if let Some(twice) = last.iter().enumerate().find(|(at, place)| last[..*at].contains(place)) {
        let name = frame.columns.label(*twice.1).repr();
        return Err(Raise::value_error(format!("`filename_params` names the column {name} twice")));
    }
    let first: Vec<usize> = (0..frame.data.len()).filter(|at| !last.contains(at)).collect();
    let folders = first.len();
    let all: Vec<usize> = first.into_iter().chain(last).collect();
    Ok((frame.select(&all), folders))
}

impl Paramspace {
    fn names(&self) -> Vec<Arc<str>> {
        self.frame.columns.labels().iter().map(Value::display).collect()
    }

    /// A path of the parts of all columns.
    fn path(&self, parts: &[String]) -> String {
        let (folders, name) = parts.split_at(self.folders.min(parts.len()));
        let name = name.join(&self.settings.filename_sep);
        let last = if self.folders == parts.len() { None } else { Some(name) };
        folders.iter().cloned().chain(last).collect::<Vec<_>>().join("/")
    }

    fn wildcard_path(&self) -> String {
        let part = |name: &Arc<str>| format!("{name}{}{{{name}}}", self.settings.param_sep);
        self.path(&self.names().iter().map(part).collect::<Vec<_>>())
    }

    fn wildcard_pattern(&self) -> String {
        match &self.settings.single_wildcard {
            Some(name) => format!("{{{name}}}"),
            None => self.wildcard_path(),
        }
    }

    /// The path of every row.
    fn instance_patterns(&self) -> Vec<Value> {
        let names = self.names();
        let value = |cell: &Value| if is_missing(cell) { "NA".into() } else { as_text(cell) };
        let row = |row: usize| {
            let cells = self.frame.cells(row);
            let parts = names.iter().zip(&cells);
            let parts = parts.map(|(name, cell)| format!("{name}{}{}", self.settings.param_sep, value(cell)));
            Value::from(self.path(&parts.collect::<Vec<_>>()))
        };
        (0..self.frame.rows()).map(row).collect()
    }

    /// The values of the columns that the wildcards of a job say.
    fn instance(&self, vm: &mut Vm, wildcards: &Value) -> Result<Value, Raise> {
        let mut found: DictMap = DictMap::default();
        if let Some(single) = &self.settings.single_wildcard {
            let value = index::get_item(vm, wildcards, &Value::Str(single.clone())).map_err(|_| {
                Raise::new(
                    Exc::WorkflowError,
                    format!("the rule has no wildcard `{single}` for the `Paramspace`"),
                )
            })?;
            let value = text(&value, "Paramspace")?;
            for (at, part) in self.split(&value)?.into_iter().enumerate() {
                found.insert(Key::new(self.frame.columns.label(at))?, self.cell(at, &part)?);
            }
            return Ok(Value::dict(found));
        }
        for (name, value) in vm.pairs(wildcards)? {
            if let Some(at) = self.frame.position(name.get()) {
                let value = text(&value, "Paramspace")?;
                found.insert(name, self.cell(at, &value)?);
            }
        }
        Ok(Value::dict(found))
    }

    /// The values in a path, one per column.
    fn split(&self, path: &str) -> Result<Vec<String>, Raise> {
        let part = |name: &Arc<str>| {
            format!("{}{}(.+)", regex::escape(name), regex::escape(&self.settings.param_sep))
        };
        let parts: Vec<String> = self.names().iter().map(part).collect();
        let separated = Paramspace {
            settings: Settings {
                filename_sep: regex::escape(&self.settings.filename_sep).into(),
                ..self.settings.clone()
            },
            ..self.clone()
        };
        let pattern = separated.path(&parts);
        let regex = Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|_| Raise::value_error("the table has too many columns for one wildcard"))?;
        let captures = regex.captures(path).ok_or_else(|| {
            let wanted = self.wildcard_path();
            Raise::new(Exc::WorkflowError, format!("`{path}` does not look like `{wanted}`"))
        })?;
        Ok((1..captures.len())
            .map(|at| captures.get(at).map_or("", |found| found.as_str()).to_string())
            .collect())
    }

    /// A text from a path as a value of its column.
    fn cell(&self, at: usize, value: &str) -> Result<Value, Raise> {
        match self.frame.data[at].dtype() {
            _ if value == "NA" => Ok(MISSING),
            DType::Bool if value == "False" => Ok(Value::Bool(false)),
            dtype => dtype::cast(&value.into(), DType::Str, dtype),
        }
    }

    /// A part of the table as a space of its own; all else as it is.
    fn wrapped(value: Value) -> Value {
        match frame_of(&value) {
            Some(frame) => {
                let settings =
                    Settings { param_sep: "~".into(), filename_sep: "_".into(), single_wildcard: None };
                let folders = frame.data.len();
                Value::object(Paramspace { frame, folders, settings })
            }
            None => value,
        }
    }
}

impl Object for Paramspace {
    fn type_name(&self) -> &'static str {
        "Paramspace"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&PARAMSPACE)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(Some(match name {
            "wildcard_pattern" => self.wildcard_pattern().into(),
            "instance_patterns" => Value::iterator("generator", self.instance_patterns()),
            "instance" => {
                let space = self.clone();
                Value::object(Native {
                    name: "instance",
                    parameters: vec!["wildcards".into()],
                    inner: vec![DataFrame::value((*self.frame).clone())],
                    call: Box::new(move |vm, args| space.instance(vm, &args.one("instance")?)),
                })
            }
            "dataframe" => DataFrame::value((*self.frame).clone()),
            "param_sep" => Value::Str(self.settings.param_sep.clone()),
            "filename_sep" => Value::Str(self.settings.filename_sep.clone()),
            "single_wildcard" => self.settings.single_wildcard.clone().map_or(Value::None, Value::Str),
            "ordered_columns" => Value::list(self.frame.columns.labels()),
            name => {
                let table = DataFrame::value((*self.frame).clone());
                let Value::Object(object) = &table else { return Ok(None) };
                match object.attribute(name)? {
                    Some(value) => Paramspace::wrapped(value),
                    None => match crate::lang::methods::find(table.type_of(), name) {
                        Some(method) => Value::native("method", move |vm, args| {
                            (method.call)(vm, &table, args).map(Paramspace::wrapped)
                        }),
                        None => return Ok(None),
                    },
                }
            }
        }))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let own = ["wildcard_pattern", "instance_patterns", "instance", "dataframe"];
        own.into_iter().map(Arc::from).chain(self.names()).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        let table = DataFrame::value((*self.frame).clone());
        index::get_item(vm, &table, key).map(Paramspace::wrapped)
    }

    fn inner(&self) -> Vec<Value> {
        vec![DataFrame::value((*self.frame).clone())]
    }
}
