//! Files that a body opens. They are read and written piece by piece: nobody knows how large they are.

use super::body::io_raise;
use crate::lang::builtins::args::{optional_int, text};
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Native, Value};
use crate::lang::vm::Vm;
use crate::model::action::Opening;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// `open(path, mode)` in code that runs as a job.
pub(crate) fn open(vm: &mut Vm, path: &Arc<str>, mode: &str) -> Result<Value, Raise> {
    let Some(acts) = vm.acts else { return Err(Raise::unsupported("nothing can be opened here", "")) };
    let opening = match mode {
        "r" | "rt" | "tr" => {
            let file = acts.effects.read(path).map_err(|error| io_raise(&error, "read", path))?;
            let state = Source { file: BufReader::new(file), lines: VecDeque::new(), closed: false };
            return Ok(Value::object(TextFile { path: path.clone(), state: Arc::new(Mutex::new(state)) }));
        }
        "w" | "wt" | "tw" => Opening::Truncate,
        "a" | "at" | "ta" => Opening::Append,
        "x" | "xt" | "tx" => Opening::New,
        other => {
            return Err(Raise::unsupported(
                format!("`{other}` is not a mode that is known here"),
                "use `r` or `w`",
            ));
        }
    };
    let file = acts.effects.open(path, opening).map_err(|error| io_raise(&error, "write to", path))?;
    let open = Open { path: path.clone(), file: Some(BufWriter::new(file)), lost: acts.unsaved.lost.clone() };
    let file = Arc::new(Mutex::new(open));
    locked(&acts.unsaved.files).push(Arc::downgrade(&file));
    Ok(Value::object(Writer { path: path.clone(), file }))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files that a body has opened for writing and did not close.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    files: Mutex<Vec<Weak<Mutex<Open>>>>,
    /// The error of a file that was closed because nobody had it any more.
    lost: Arc<Mutex<Option<Raise>>>,
}

impl Unsaved {
    /// Writes out what is in memory, and tells whether anything was lost.
    pub(super) fn close_all(&self) -> Result<(), Raise> {
        let files = std::mem::take(&mut *locked(&self.files));
        for file in files.iter().filter_map(Weak::upgrade) {
            locked(&file).close()?;
        }
        locked(&self.lost).take().map_or(Ok(()), Err)
    }
}

/// A file that is written.
struct Open {
    path: Arc<str>,
    file: Option<BufWriter<Box<dyn Write + Send>>>,
    lost: Arc<Mutex<Option<Raise>>>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.path)
    }
}

impl Open {
    fn write(&mut self, text: &str) -> Result<(), Raise> {
        let Some(file) = &mut self.file else { return Err(Raise::value_error("the file is closed")) };
        file.write_all(text.as_bytes()).map_err(|error| io_raise(&error, "write to", &self.path))
    }

    fn flush(&mut self) -> Result<(), Raise> {
        let Some(file) = &mut self.file else { return Err(Raise::value_error("the file is closed")) };
        file.flush().map_err(|error| io_raise(&error, "write to", &self.path))
    }

    fn close(&mut self) -> Result<(), Raise> {
        match self.file.take() {
            Some(mut file) => file.flush().map_err(|error| io_raise(&error, "write to", &self.path)),
            None => Ok(()),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Err(raise) = self.close() {
            locked(&self.lost).get_or_insert(raise);
        }
    }
}

#[derive(Debug)]
struct Writer {
    path: Arc<str>,
    file: Arc<Mutex<Open>>,
}

type WriterMethod = fn(&mut Vm, &Arc<Mutex<Open>>, Args) -> Result<Value, Raise>;

const WRITER: &[(&str, WriterMethod)] = &[
    ("close", |_, file, args| {
        args.none("close")?;
        locked(file).close().map(|()| Value::None)
    }),
    ("flush", |_, file, args| {
        args.none("flush")?;
        locked(file).flush().map(|()| Value::None)
    }),
    ("writable", |_, _, _| Ok(Value::Bool(true))),
    ("write", |vm, file, args| {
        let text = text(&args.one("write")?, "write")?;
        vm.budget.spend(1 + text.len() as u64 / 256)?;
        locked(file).write(&text)?;
        Ok(Value::Int(text.chars().count() as i64))
    }),
    ("writelines", |vm, file, args| {
        let lines = vm.collect(&args.one("writelines")?)?;
        for line in lines {
            vm.budget.spend(1)?;
            locked(file).write(&text(&line, "writelines")?)?;
        }
        Ok(Value::None)
    }),
];

impl Object for Writer {
    fn type_name(&self) -> &'static str {
        "TextIOWrapper"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match name {
            "closed" => return Ok(Some(Value::Bool(locked(&self.file).file.is_none()))),
            "name" => return Ok(Some(Value::Str(self.path.clone()))),
            _ => {}
        }
        let Some((name, method)) = WRITER.iter().find(|(n, _)| *n == name) else { return Ok(None) };
        let file = self.file.clone();
        Ok(Some(Value::native(name, move |vm, args| method(vm, &file, args))))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        WRITER.iter().map(|(name, _)| Arc::from(*name)).collect()
    }

    fn truth(&self) -> bool {
        true
    }

    fn repr(&self) -> String {
        format!("<file '{}'>", self.path)
    }

    fn is_context(&self) -> bool {
        true
    }

    fn exit(&self) -> Result<(), Raise> {
        locked(&self.file).close()
    }
}

/// A file that is read.
struct Source {
    file: BufReader<Box<dyn Read + Send>>,
    /// What was read of it and not given yet: whole lines, but for the last one of the file.
    lines: VecDeque<String>,
    closed: bool,
}

impl Source {
    fn check(&self) -> Result<(), Raise> {
        if self.closed { Err(Raise::value_error("the file is closed")) } else { Ok(()) }
    }

    /// All line ends become `\n`, as Python reads texts.
    fn line(&mut self, path: &str) -> Result<Option<String>, Raise> {
        if let Some(line) = self.lines.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        self.file.read_until(b'\n', &mut bytes).map_err(|error| io_raise(&error, "read", path))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Raise::new(Exc::UnicodeDecodeError, format!("`{path}` is not UTF-8 text")))?;
        if !text.contains('\r') {
            return Ok(Some(text));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.lines.extend(text.split_inclusive('\n').map(String::from));
        Ok(self.lines.pop_front())
    }

    fn read(&mut self, path: &str, most: Option<usize>) -> Result<String, Raise> {
        let mut out = String::new();
        let mut left = most.unwrap_or(usize::MAX);
        while left > 0 {
            let Some(line) = self.line(path)? else { break };
            let length = line.chars().count();
            if length <= left {
                left -= length;
                out.push_str(&line);
                continue;
            }
            let at = line.char_indices().nth(left).map_or(line.len(), |(at, _)| at);
            out.push_str(&line[..at]);
            self.lines.push_front(line[at..].to_string());
            left = 0;
        }
        Ok(out)
    }
}

/// A file opened for reading.
struct TextFile {
    path: Arc<str>,
    state: Arc<Mutex<Source>>,
}

impl std::fmt::Debug for TextFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextFile({})", self.path)
    }
}

type ReaderMethod = fn(&mut Vm, &mut Source, &str, Args) -> Result<Value, Raise>;

const READER: &[(&str, ReaderMethod)] = &[
    ("close", |_, source, _, args| {
        args.none("close")?;
        source.closed = true;
        Ok(Value::None)
    }),
    ("read", |vm, source, path, args| {
        let [size] = args.take("read", ["/size"], 0)?;
        source.check()?;
        let most = optional_int(size.as_ref(), "read")?.and_then(|n| usize::try_from(n).ok());
        let text = source.read(path, most)?;
        vm.budget.spend(1 + text.len() as u64 / 256)?;
        Ok(Value::from(text))
    }),
    ("readable", |_, _, _, _| Ok(Value::Bool(true))),
    ("readline", |_, source, path, args| {
        args.none("readline")?;
        source.check()?;
        Ok(source.line(path)?.map_or_else(|| Value::from(""), Value::from))
    }),
    ("readlines", |vm, source, path, args| {
        args.none("readlines")?;
        source.check()?;
        let mut lines = Vec::new();
        while let Some(line) = source.line(path)? {
            vm.budget.spend(1)?;
            lines.push(Value::from(line));
        }
        Ok(Value::list(lines))
    }),
];

impl Object for TextFile {
    fn type_name(&self) -> &'static str {
        "TextIOWrapper"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match name {
            "closed" => return Ok(Some(Value::Bool(locked(&self.state).closed))),
            "name" => return Ok(Some(Value::Str(self.path.clone()))),
            _ => {}
        }
        let Some((name, method)) = READER.iter().find(|(n, _)| *n == name) else { return Ok(None) };
        let (state, path) = (self.state.clone(), self.path.clone());
        let call = move |vm: &mut Vm, args: Args| method(vm, &mut locked(&state), &path, args);
        let native = Native { name, parameters: Vec::new(), inner: Vec::new(), call: Box::new(call) };
        Ok(Some(Value::object(native)))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        READER.iter().map(|(name, _)| Arc::from(*name)).collect()
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn next(&self) -> Result<Option<Value>, Raise> {
        let mut state = locked(&self.state);
        state.check()?;
        Ok(state.line(&self.path)?.map(Value::from))
    }

    fn truth(&self) -> bool {
        true
    }

    fn repr(&self) -> String {
        format!("<file '{}'>", self.path)
    }

    fn is_context(&self) -> bool {
        true
    }

    fn exit(&self) -> Result<(), Raise> {
        locked(&self.state).closed = true;
        Ok(())
    }
}
