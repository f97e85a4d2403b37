//! The module `typing`: names for annotations, which nothing evaluates but the names of types themselves.

use super::{HostType, ModuleDef};
use crate::lang::object::Object;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "typing",
    functions: &[
        Builtin { name: "NewType", call: |_, _| Ok(Value::Builtin(&IDENTITY)) },
        Builtin { name: "TypeVar", call: |_, _| Ok(Value::object(Annotation)) },
        Builtin { name: "cast", call: cast },
        Builtin { name: "overload", call: |_, args| args.one("overload") },
    ],
    values: || {
        let names = [
            "AbstractSet",
            "Annotated",
            "Any",
            "AnyStr",
            "Callable",
            "ClassVar",
            "Collection",
            "Container",
            "Counter",
            "DefaultDict",
            "Deque",
            "Dict",
            "Final",
            "FrozenSet",
            "Generator",
            "Generic",
            "Hashable",
            "Iterable",
            "Iterator",
            "List",
            "Literal",
            "Mapping",
            "MutableMapping",
            "MutableSequence",
            "MutableSet",
            "NoReturn",
            "Optional",
            "OrderedDict",
            "Pattern",
            "Self",
            "Sequence",
            "Set",
            "Sized",
            "TextIO",
            "Tuple",
            "Type",
            "TypeAlias",
            "Union",
        ];
        let names = names.into_iter().map(|name| (name, Value::object(Annotation)));
        names.chain([("TYPE_CHECKING", Value::Bool(false))]).collect()
    },
    refused: &[
        ("NamedTuple", "use `collections.namedtuple`"),
        ("Protocol", "Rulefiles have no classes"),
        ("TypedDict", "use a dict"),
    ],
};

static IDENTITY: Builtin = Builtin { name: "NewType", call: |_, args| args.one("NewType") };

static TYPE: HostType = HostType { name: "typing", ..HostType::PLAIN };

/// `List[str]` and its like: anything can be made of it, and it is nothing.
#[derive(Debug)]
struct Annotation;

impl Object for Annotation {
    fn type_name(&self) -> &'static str {
        TYPE.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&TYPE)
    }

    fn item(&self, _: &Value) -> Result<Value, Raise> {
        Ok(Value::object(Annotation))
    }

    fn binary(&self, _: &mut Vm, op: BinaryOp, _: &Value, _: bool) -> Option<Result<Value, Raise>> {
        (op == BinaryOp::BitOr).then(|| Ok(Value::object(Annotation)))
    }
}

fn cast(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [_, value] = args.take("cast", ["/typ", "/val"], 2)?;
    Ok(value.unwrap_or(Value::None))
}
