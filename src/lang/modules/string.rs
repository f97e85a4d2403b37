//! The module `string`: letters, and templates with `$name`.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::{text, wrong};
use crate::lang::index;
use crate::lang::methods::containers::entries;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, DictMap, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "string",
    functions: &[Builtin { name: "capwords", call: capwords }],
    values: || {
        vec![
            ("Template", Value::Type(Type::Host(&TEMPLATE))),
            ("ascii_letters", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".into()),
            ("ascii_lowercase", "abcdefghijklmnopqrstuvwxyz".into()),
            ("ascii_uppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ".into()),
            ("digits", "0123456789".into()),
            ("hexdigits", "0123456789abcdefABCDEF".into()),
            ("octdigits", "01234567".into()),
            ("printable", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\r\x0b\x0c".into()),
            ("punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".into()),
            ("whitespace", " \t\n\r\x0b\x0c".into()),
        ]
    },
    refused: &[(
        "Formatter",
        "use `text.format(...)`; the names in a pattern are what `glob_wildcards` and `expand` use",
    )],
};

fn capwords(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [whole, separator] = args.take("capwords", ["s", "sep"], 1)?;
    let whole = text(&whole.unwrap_or(Value::None), "capwords")?;
    vm.budget.allocate(3 * whole.len() as u64)?;
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        first + &chars.as_str().to_lowercase()
    };
    let words: Vec<String> = match &separator {
        None | Some(Value::None) => whole.split_whitespace().map(capital).collect(),
        Some(separator) => whole.split(&*text(separator, "capwords")?).map(capital).collect(),
    };
    let between = match &separator {
        None | Some(Value::None) => " ".into(),
        Some(separator) => text(separator, "capwords")?,
    };
    Ok(words.join(&between).into())
}

static TEMPLATE: HostType = HostType {
    name: "Template",
    construct: |_, args| Ok(Value::object(Template(text(&args.one("Template")?, "Template")?))),
    methods: &[
        Method { name: "safe_substitute", call: |vm, me, args| substitute(vm, me, args, true) },
        Method { name: "substitute", call: |vm, me, args| substitute(vm, me, args, false) },
    ],
    ..HostType::PLAIN
};

/// A text with `$name` and `${name}`.
#[derive(Debug)]
struct Template(Arc<str>);

impl Object for Template {
    fn type_name(&self) -> &'static str {
        TEMPLATE.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&TEMPLATE)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok((name == "template").then(|| Value::Str(self.0.clone())))
    }
}

/// The name after a `$`, and how many bytes it takes; `None` when there is none.
fn name_after(rest: &str) -> Option<(&str, usize)> {
    let (inside, braces) = match rest.strip_prefix('{') {
        Some(inside) => (inside, true),
        None => (rest, false),
    };
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let name = &inside[..end];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match braces {
        _ if !starts => None,
        true if !inside[end..].starts_with('}') => None,
        true => Some((name, end + 2)),
        false => Some((name, end)),
    }
}

fn substitute(vm: &mut Vm, me: &Value, args: Args, safe: bool) -> Result<Value, Raise> {
    let Some(Template(template)) = me.downcast::<Template>() else {
        return Err(wrong(me, "substitute", "a template"));
    };
    let mut map: DictMap = match args.positional.first() {
        Some(mapping) => entries(vm, mapping)?.into_iter().collect(),
        None => DictMap::default(),
    };
    map.extend(args.named.into_iter().map(|(name, value)| (Key::text(name), value)));
    let mapping = Value::dict(map);
    let mut out = String::new();
    let mut rest = &**template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
            continue;
        }
        let Some((name, length)) = name_after(after) else {
            if !safe {
                return Err(Raise::value_error(format!(
                    "invalid placeholder in the template at `${}`",
                    after.chars().take(10).collect::<String>()
                )));
            }
            out.push('$');
            rest = after;
            continue;
        };
        match index::get_item(vm, &mapping, &Value::from(name)) {
            Ok(value) => {
                let value = vm.text(&value)?;
                vm.budget.allocate(value.len() as u64)?;
                out.push_str(&value);
            }
            Err(raise) if safe && raise.kind() == Exc::KeyError => out.push_str(&rest[at..at + 1 + length]),
            Err(raise) => return Err(raise),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    vm.budget.allocate(out.len() as u64)?;
    Ok(out.into())
}
