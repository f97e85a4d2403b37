//! `bytes`, as far as texts are encoded and decoded.

use crate::lang::builtins::args::{int, text, wrong};
use crate::lang::index::{self, Slice};
use crate::lang::object::{HostType, Object};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

pub(crate) static BYTES: HostType = HostType {
    name: "bytes",
    construct,
    methods: &[
        Method { name: "decode", call: decode },
        Method { name: "endswith", call: |_, me, args| affix(me, args, <[u8]>::ends_with) },
        Method { name: "hex", call: hex },
        Method { name: "startswith", call: |_, me, args| affix(me, args, <[u8]>::starts_with) },
    ],
    ..HostType::PLAIN
};

/// `bytes`
#[derive(Debug)]
pub(crate) struct Bytes(pub(crate) Arc<[u8]>);

impl Bytes {
    pub(crate) fn value(bytes: Vec<u8>) -> Value {
        Value::object(Bytes(bytes.into()))
    }
}

impl Object for Bytes {
    fn type_name(&self) -> &'static str {
        BYTES.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&BYTES)
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        let at = index::index_in(key, self.0.len(), "bytes")?;
        Ok(Value::Int(self.0[at].into()))
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        let Some(slice) = key.downcast::<Slice>() else { return self.item(key) };
        vm.budget.allocate(self.0.len() as u64)?;
        let ends = slice.ends()?;
        let picked = index::slice_indices(&ends, self.0.len())?;
        Ok(Bytes::value(picked.map(|at| self.0[at]).collect()))
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(|byte| Value::Int((*byte).into())).collect())
    }

    fn truth(&self) -> bool {
        !self.0.is_empty()
    }

    fn repr(&self) -> String {
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') { '"' } else { '\'' };
        let mut out = format!("b{quote}");
        for byte in self.0.iter() {
            match byte {
                b'\\' => out.push_str("\\\\"),
                b'\n' => out.push_str("\\n"),
                b'\r' => out.push_str("\\r"),
                b'\t' => out.push_str("\\t"),
                byte if char::from(*byte) == quote => out.extend(['\\', quote]),
                0x20..=0x7e => out.push(char::from(*byte)),
                byte => out.push_str(&format!("\\x{byte:02x}")),
            }
        }
        out.push(quote);
        out
    }

    fn stand_in(&self) -> Option<Value> {
        Some(Value::tuple(self.items().unwrap_or_default()))
    }

    fn binary(
        &self,
        _: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let other = other.downcast::<Bytes>().filter(|_| op == BinaryOp::Add && !reflected)?;
        Some(Ok(Bytes::value([&*self.0, &*other.0].concat())))
    }
}

fn construct(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, encoding, errors] = args.take("bytes", ["/source", "encoding", "errors"], 0)?;
    match source {
        None => Ok(Bytes::value(Vec::new())),
        Some(Value::Str(text)) if encoding.is_some() => {
            encoded(vm, &text, encoding.as_ref(), errors.as_ref())
        }
        Some(Value::Str(_)) => {
            Err(Raise::type_error("`bytes` of a text needs an encoding").help("write `text.encode()`"))
        }
        Some(source) if source.downcast::<Bytes>().is_some() => Ok(source),
        Some(Value::Int(count)) => {
            let count = usize::try_from(count).map_err(|_| Raise::value_error("negative count"))?;
            vm.budget.allocate(count as u64)?;
            Ok(Bytes::value(vec![0; count]))
        }
        Some(source) => {
            let items = vm.collect(&source)?;
            let byte = |item: &Value| {
                u8::try_from(int(item, "bytes")?)
                    .map_err(|_| Raise::value_error("a byte is a number from 0 to 255"))
            };
            Ok(Bytes::value(items.iter().map(byte).collect::<Result<_, Raise>>()?))
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Ascii,
    Latin1,
}

fn encoding_of(value: Option<&Value>) -> Result<Encoding, Raise> {
    let Some(value) = value else { return Ok(Encoding::Utf8) };
    let name = text(value, "encode")?;
    match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => Ok(Encoding::Utf8),
        "ascii" | "us-ascii" => Ok(Encoding::Ascii),
        "latin-1" | "latin1" | "iso-8859-1" => Ok(Encoding::Latin1),
        _ => Err(Raise::unsupported(
            format!("encoding `{name}` is not supported"),
            "use `utf-8`, `ascii` or `latin-1`",
        )),
    }
}

/// `text.encode(...)`
pub(crate) fn encode(vm: &mut Vm, whole: &str, args: Args) -> Result<Value, Raise> {
    let [encoding, errors] = args.take("encode", ["encoding", "errors"], 0)?;
    encoded(vm, whole, encoding.as_ref(), errors.as_ref())
}

fn encoded(
    vm: &mut Vm,
    whole: &str,
    encoding: Option<&Value>,
    errors: Option<&Value>,
) -> Result<Value, Raise> {
    vm.budget.allocate(whole.len() as u64)?;
    let encoding = encoding_of(encoding)?;
    if encoding == Encoding::Utf8 {
        return Ok(Bytes::value(whole.as_bytes().to_vec()));
    }
    let errors = handler(errors)?;
    let most = if encoding == Encoding::Ascii { 0x7f } else { 0xff };
    let mut bytes = Vec::with_capacity(whole.len());
    for c in whole.chars() {
        match u8::try_from(c as u32).ok().filter(|byte| *byte <= most) {
            Some(byte) => bytes.push(byte),
            None if &*errors == "ignore" => {}
            None if &*errors == "replace" => bytes.push(b'?'),
            None => {
                return Err(Raise::new(Exc::UnicodeEncodeError, format!("`{c}` is not in this encoding")));
            }
        }
    }
    Ok(Bytes::value(bytes))
}

fn handler(value: Option<&Value>) -> Result<Arc<str>, Raise> {
    let Some(value) = value else { return Ok("strict".into()) };
    let name = text(value, "errors")?;
    match &*name {
        "strict" | "ignore" | "replace" => Ok(name),
        _ => Err(Raise::unsupported(
            format!("`errors=\"{name}\"` is not supported"),
            "use `strict`, `ignore` or `replace`",
        )),
    }
}

fn this(me: &Value) -> Result<&Bytes, Raise> {
    me.downcast::<Bytes>().ok_or_else(|| wrong(me, "bytes", "bytes"))
}

fn decode(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [encoding, errors] = args.take("decode", ["encoding", "errors"], 0)?;
    let bytes = &this(me)?.0;
    vm.budget.allocate(3 * bytes.len() as u64)?;
    let encoding = encoding_of(encoding.as_ref())?;
    if encoding == Encoding::Latin1 {
        return Ok(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into());
    }
    let errors = handler(errors.as_ref())?;
    let fits = |c: char| encoding == Encoding::Utf8 || c.is_ascii();
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(fits) => Ok(text.into()),
        _ if &*errors == "strict" => {
            Err(Raise::new(Exc::UnicodeDecodeError, "these bytes are no text in this encoding"))
        }
        _ if &*errors == "replace" => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
        _ => {
            let kept = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).filter(|c| fits(*c));
            Ok(kept.collect::<String>().into())
        }
    }
}

fn hex(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("hex")?;
    let bytes = &this(me)?.0;
    vm.budget.allocate(2 * bytes.len() as u64)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

fn affix(me: &Value, args: Args, test: fn(&[u8], &[u8]) -> bool) -> Result<Value, Raise> {
    let affix = args.one("startswith")?;
    Ok(Value::Bool(test(&this(me)?.0, &this(&affix)?.0)))
}

/// The type as a name of the language.
pub(crate) fn named() -> (&'static str, Value) {
    (BYTES.name, Value::Type(Type::Host(&BYTES)))
}
