//! The module `hashlib`: the checksums that files are published with.

use super::{HostType, ModuleDef};
use crate::base::checksum::{Checksum, ChecksumHasher};
use crate::lang::builtins::args::{text, wrong};
use crate::lang::bytes::Bytes;
use crate::lang::object::Object;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Method, Value};
use crate::lang::vm::Vm;
use std::sync::{Mutex, MutexGuard, PoisonError};

const OTHERS: &str = "use `md5`, `sha1` or `sha256`, or compute it in the `shell:` of a rule";

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "hashlib",
    functions: &[
        Builtin { name: "md5", call: |vm, args| start(vm, Checksum::Md5, args) },
        Builtin { name: "new", call: new },
        Builtin { name: "sha1", call: |vm, args| start(vm, Checksum::Sha1, args) },
        Builtin { name: "sha256", call: |vm, args| start(vm, Checksum::Sha256, args) },
    ],
    values: super::no_values,
    refused: &[
        ("blake2b", OTHERS),
        ("blake2s", OTHERS),
        ("sha224", OTHERS),
        ("sha384", OTHERS),
        ("sha3_256", OTHERS),
        ("sha512", OTHERS),
    ],
};

static HASH: HostType = HostType {
    name: "_hashlib.HASH",
    methods: &[
        Method {
            name: "copy",
            call: |_, me, args| {
                args.none("copy").and_then(|()| Ok(Hash::value(this(me)?.state().clone(), this(me)?.kind)))
            },
        },
        Method {
            name: "digest",
            call: |_, me, args| {
                args.none("digest").and_then(|()| Ok(Bytes::value(this(me)?.state().finish())))
            },
        },
        Method {
            name: "hexdigest",
            call: |_, me, args| {
                args.none("hexdigest").and_then(|()| Ok(this(me)?.state().finish_hex().into()))
            },
        },
        Method { name: "update", call: update },
    ],
    ..HostType::PLAIN
};

struct Hash {
    kind: Checksum,
    hasher: Mutex<ChecksumHasher>,
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.name())
    }
}

impl Hash {
    fn value(hasher: ChecksumHasher, kind: Checksum) -> Value {
        Value::object(Hash { kind, hasher: Mutex::new(hasher) })
    }

    fn state(&self) -> MutexGuard<'_, ChecksumHasher> {
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Hash {
    fn type_name(&self) -> &'static str {
        HASH.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&HASH)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "block_size" => Some(Value::Int(64)),
            "digest_size" => Some(Value::Int(self.kind.size() as i64)),
            "name" => Some(self.kind.name().into()),
            _ => None,
        })
    }
}

fn this(me: &Value) -> Result<&Hash, Raise> {
    me.downcast::<Hash>().ok_or_else(|| wrong(me, "hashlib", "a hash"))
}

fn add(vm: &mut Vm, hasher: &mut ChecksumHasher, data: &Value) -> Result<(), Raise> {
    let Some(bytes) = data.downcast::<Bytes>() else {
        let raise = wrong(data, "hashlib", "bytes");
        return Err(if data.as_str().is_some() { raise.help("write `text.encode()`") } else { raise });
    };
    vm.budget.spend(bytes.0.len() as u64 / 64)?;
    hasher.update(&bytes.0);
    Ok(())
}

fn start(vm: &mut Vm, kind: Checksum, args: Args) -> Result<Value, Raise> {
    let [data, _] = args.take(kind.name(), ["/string", "*usedforsecurity"], 0)?;
    let mut hasher = kind.hasher();
    if let Some(data) = data {
        add(vm, &mut hasher, &data)?;
    }
    Ok(Hash::value(hasher, kind))
}

fn new(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [name, data, _] = args.take("new", ["name", "data", "*usedforsecurity"], 1)?;
    let name = text(&name.unwrap_or(Value::None), "new")?.to_ascii_lowercase().replace('-', "");
    match Checksum::ALL.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => start(vm, kind, Args::positional(data.into_iter().collect())),
        None => Err(Raise::unsupported(format!("checksum `{name}` is not available in Rulefiles"), OTHERS)),
    }
}

fn update(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let data = args.one("update")?;
    add(vm, &mut this(me)?.state(), &data)?;
    Ok(Value::None)
}
