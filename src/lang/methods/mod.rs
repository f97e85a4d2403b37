//! Methods of the built-in types, by type and name.

pub(crate) mod containers;
mod list;
mod numbers;
mod str;
mod strsearch;

use crate::lang::value::{Method, Type};

/// Methods of a type, sorted by name.
fn table(of: Type) -> &'static [Method] {
    match of {
        Type::Str => str::METHODS,
        Type::List => list::LIST,
        Type::Tuple => list::TUPLE,
        Type::Range => list::RANGE,
        Type::Dict => containers::DICT,
        Type::Set => containers::SET,
        Type::FrozenSet => containers::FROZENSET,
        Type::View(_) => containers::VIEW,
        Type::Int | Type::Bool => numbers::INT,
        Type::Float => numbers::FLOAT,
        Type::Host(host) => host.methods,
        _ => &[],
    }
}

/// The method `name` of a type.
pub(crate) fn find(of: Type, name: &str) -> Option<&'static Method> {
    let table = table(of);
    let own = table.binary_search_by(|method| method.name.cmp(name)).ok().map(|index| &table[index]);
    match of {
        // The parents end somewhere: they are written down in tables.
        Type::Host(host) if own.is_none() => find(host.parent?, name),
        _ => own,
    }
}

/// Names of the methods of a type, for "did you mean".
pub(crate) fn names(of: Type) -> impl Iterator<Item = &'static str> {
    let parent = |of: &Type| match of {
        Type::Host(host) => host.parent,
        _ => None,
    };
    std::iter::successors(Some(of), parent).flat_map(|of| table(of).iter().map(|method| method.name))
}

/// Whether the method belongs to the type and needs no value: `dict.fromkeys`, `str.maketrans`.
pub(crate) fn is_static(of: Type, name: &str) -> bool {
    matches!((of, name), (Type::Dict, "fromkeys") | (Type::Str, "maketrans"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_binary_search() {
        let types = [
            Type::Str,
            Type::List,
            Type::Tuple,
            Type::Range,
            Type::Dict,
            Type::Set,
            Type::FrozenSet,
            Type::View("dict_keys"),
            Type::Int,
            Type::Float,
        ];
        for of in types {
            assert!(table(of).is_sorted_by(|a, b| a.name < b.name), "{}", of.name());
        }
    }
}
