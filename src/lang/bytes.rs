//! `bytes`: texts encoded and decoded, and the methods that bytes share with texts.

use crate::lang::builtins::args::{int, text, wrong};
use crate::lang::index::{self, Slice};
use crate::lang::methods;
use crate::lang::object::{HostType, Object};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

pub(crate) static BYTES: HostType = HostType {
    name: "bytes",
    construct,
    statics: &[Builtin { name: "fromhex", call: fromhex }],
    methods: &[
        Method { name: "capitalize", call: |vm, me, args| as_text(vm, me, args, "capitalize") },
        Method { name: "center", call: |vm, me, args| as_text(vm, me, args, "center") },
        Method { name: "count", call: |vm, me, args| as_text(vm, me, args, "count") },
        Method { name: "decode", call: decode },
        Method { name: "endswith", call: |vm, me, args| as_text(vm, me, args, "endswith") },
        Method { name: "expandtabs", call: |vm, me, args| as_text(vm, me, args, "expandtabs") },
        Method { name: "find", call: |vm, me, args| as_text(vm, me, args, "find") },
        Method { name: "hex", call: hex },
        Method { name: "index", call: |vm, me, args| as_text(vm, me, args, "index") },
        Method { name: "isalnum", call: |vm, me, args| as_text(vm, me, args, "isalnum") },
        Method { name: "isalpha", call: |vm, me, args| as_text(vm, me, args, "isalpha") },
        Method { name: "isascii", call: isascii },
        Method { name: "isdigit", call: |vm, me, args| as_text(vm, me, args, "isdigit") },
        Method { name: "islower", call: |vm, me, args| as_text(vm, me, args, "islower") },
        Method { name: "isspace", call: |vm, me, args| as_text(vm, me, args, "isspace") },
        Method { name: "istitle", call: |vm, me, args| as_text(vm, me, args, "istitle") },
        Method { name: "isupper", call: |vm, me, args| as_text(vm, me, args, "isupper") },
        Method { name: "join", call: |vm, me, args| as_text(vm, me, args, "join") },
        Method { name: "ljust", call: |vm, me, args| as_text(vm, me, args, "ljust") },
        Method { name: "lower", call: |vm, me, args| as_text(vm, me, args, "lower") },
        Method { name: "lstrip", call: |vm, me, args| as_text(vm, me, args, "lstrip") },
        Method { name: "partition", call: |vm, me, args| as_text(vm, me, args, "partition") },
        Method { name: "removeprefix", call: |vm, me, args| as_text(vm, me, args, "removeprefix") },
        Method { name: "removesuffix", call: |vm, me, args| as_text(vm, me, args, "removesuffix") },
        Method { name: "replace", call: |vm, me, args| as_text(vm, me, args, "replace") },
        Method { name: "rfind", call: |vm, me, args| as_text(vm, me, args, "rfind") },
        Method { name: "rindex", call: |vm, me, args| as_text(vm, me, args, "rindex") },
        Method { name: "rjust", call: |vm, me, args| as_text(vm, me, args, "rjust") },
        Method { name: "rpartition", call: |vm, me, args| as_text(vm, me, args, "rpartition") },
        Method { name: "rsplit", call: |vm, me, args| as_text(vm, me, args, "rsplit") },
        Method { name: "rstrip", call: |vm, me, args| as_text(vm, me, args, "rstrip") },
        Method { name: "split", call: |vm, me, args| as_text(vm, me, args, "split") },
        Method { name: "splitlines", call: |vm, me, args| as_text(vm, me, args, "splitlines") },
        Method { name: "startswith", call: |vm, me, args| as_text(vm, me, args, "startswith") },
        Method { name: "strip", call: |vm, me, args| as_text(vm, me, args, "strip") },
        Method { name: "swapcase", call: |vm, me, args| as_text(vm, me, args, "swapcase") },
        Method { name: "title", call: |vm, me, args| as_text(vm, me, args, "title") },
        Method { name: "upper", call: |vm, me, args| as_text(vm, me, args, "upper") },
        Method { name: "zfill", call: |vm, me, args| as_text(vm, me, args, "zfill") },
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

    fn contains(&self, _: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        let found = match (item.downcast::<Bytes>(), item) {
            (Some(part), _) if part.0.is_empty() => true,
            (Some(part), _) => shown(&self.0).contains(&shown(&part.0)),
            (None, Value::Int(_) | Value::Bool(_)) => match byte(item) {
                Ok(byte) => self.0.contains(&byte),
                Err(raise) => return Some(Err(raise)),
            },
            _ => return Some(Err(wrong(item, "in", "bytes"))),
        };
        Some(Ok(found))
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        match (op, other) {
            (BinaryOp::Add, other) if !reflected => {
                let other = other.downcast::<Bytes>()?;
                let length = self.0.len() + other.0.len();
                Some(vm.budget.allocate(length as u64).map(|()| Bytes::value([&*self.0, &*other.0].concat())))
            }
            (BinaryOp::Mul, Value::Int(times)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                let length = self.0.len().saturating_mul(times);
                Some(vm.budget.allocate(length as u64).map(|()| Bytes::value(self.0.repeat(times))))
            }
            _ => None,
        }
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

fn isascii(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("isascii")?;
    Ok(Value::Bool(this(me)?.0.is_ascii()))
}

fn fromhex(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let digits = text(&args.one("fromhex")?, "fromhex")?;
    vm.budget.allocate(digits.len() as u64)?;
    let bad = || Raise::value_error("`fromhex` takes pairs of hexadecimal digits");
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for part in digits.split_ascii_whitespace() {
        for pair in part.as_bytes().chunks(2) {
            let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
            let (high, low) = digit(0).zip(digit(1)).ok_or_else(bad)?;
            bytes.push((high << 4 | low) as u8);
        }
    }
    Ok(Bytes::value(bytes))
}

// ---- methods of texts

/// First of the private characters that stand for bytes beyond ASCII.
const PRIVATE: u32 = 0xe000;

/// One character per byte, so that the methods of texts do the same to it: what only texts take for a letter, white
/// space or the end of a line becomes a character that is none of these.
fn shown(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        0x1c..=0x1f | 0x80.. => char::from_u32(PRIVATE + u32::from(*byte)).unwrap_or('\0'),
        byte => char::from(*byte),
    };
    bytes.iter().map(shown).collect()
}

fn unshown(text: &str) -> Vec<u8> {
    // The lower eight bits are the byte in both cases.
    text.chars().map(|c| c as u8).collect()
}

/// A method that bytes share with texts.
fn as_text(vm: &mut Vm, me: &Value, args: Args, name: &'static str) -> Result<Value, Raise> {
    let bytes = &this(me)?.0;
    vm.budget.allocate(3 * bytes.len() as u64)?;
    let mut whole = shown(bytes);
    if name == "splitlines" {
        // Both end a line of a text only; the private ones stand for the same bytes.
        whole = whole.replace('\u{b}', "\u{e00b}").replace('\u{c}', "\u{e00c}");
    }
    let Some(method) = methods::find(Type::Str, name) else {
        return Err(Raise::type_error(format!("bytes have no method `{name}`")));
    };
    // A single byte may be given as a number where a part is looked for.
    let number = matches!(name, "count" | "find" | "index" | "rfind" | "rindex");
    let mut positional = Vec::with_capacity(args.positional.len());
    for (at, value) in args.positional.into_iter().enumerate() {
        positional.push(match value {
            Value::Int(_) if number && at == 0 => shown(&[byte(&value)?]).into(),
            value => given(vm, value, name)?,
        });
    }
    let named = args.named.into_iter().map(|(key, value)| Ok((key, given(vm, value, name)?)));
    let args = Args { positional, named: named.collect::<Result<_, Raise>>()? };
    let value = (method.call)(vm, &whole.into(), args)?;
    result(vm, value)
}

/// An argument as the method of texts takes it.
fn given(vm: &mut Vm, value: Value, name: &str) -> Result<Value, Raise> {
    if let Some(bytes) = value.downcast::<Bytes>() {
        vm.budget.allocate(3 * bytes.0.len() as u64)?;
        return Ok(shown(&bytes.0).into());
    }
    match &value {
        Value::Str(_) => Err(wrong(&value, name, "bytes")),
        Value::Tuple(items) if matches!(name, "startswith" | "endswith") => {
            let items = items.0.iter().map(|item| given(vm, item.clone(), name));
            items.collect::<Result<_, Raise>>().map(Value::tuple)
        }
        _ if name == "join" => {
            let mut items = Vec::new();
            for item in vm.collect(&value)? {
                let Some(bytes) = item.downcast::<Bytes>() else { return Err(wrong(&item, name, "bytes")) };
                vm.budget.allocate(3 * bytes.0.len() as u64)?;
                items.push(shown(&bytes.0).into());
            }
            Ok(Value::list(items))
        }
        _ => Ok(value),
    }
}

fn result(vm: &mut Vm, value: Value) -> Result<Value, Raise> {
    Ok(match &value {
        Value::Str(text) => {
            vm.budget.allocate(text.len() as u64)?;
            Bytes::value(unshown(text))
        }
        Value::List(_) | Value::Tuple(_) => {
            let items = value.snapshot().unwrap_or_default();
            let items = items.into_iter().map(|item| result(vm, item)).collect::<Result<_, Raise>>()?;
            if matches!(value, Value::List(_)) { Value::list(items) } else { Value::tuple(items) }
        }
        _ => value,
    })
}

fn byte(value: &Value) -> Result<u8, Raise> {
    u8::try_from(int(value, "bytes")?).map_err(|_| Raise::value_error("a byte is a number from 0 to 255"))
}

/// The type as a name of the language.
pub(crate) fn named() -> (&'static str, Value) {
    (BYTES.name, Value::Type(Type::Host(&BYTES)))
}
