//! Arguments of native functions, taken apart by name and position.

use crate::lang::ops;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Value};
use std::sync::Arc;

impl Args {
    /// The values of the parameters `names`, of which the first `required` must be given. A name that starts
    /// with `/` can be given by position only, one with `*` by name only.
    pub(crate) fn take<const N: usize>(
        self,
        function: &str,
        names: [&str; N],
        required: usize,
    ) -> Result<[Option<Value>; N], Raise> {
        let mut values = [const { None }; N];
        let by_position = names.iter().take_while(|name| !name.starts_with('*')).count();
        if self.positional.len() > by_position {
            let given = self.positional.len();
            let message = format!("`{function}` takes at most {by_position} arguments, {given} were given");
            return Err(Raise::type_error(message));
        }
        for (slot, value) in values.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            let Some(index) = names.iter().position(|n| n.trim_start_matches('*') == &*name) else {
                let known = names.iter().map(|n| n.trim_start_matches('*'));
                let raise = Raise::type_error(format!("`{function}` has no parameter `{name}`"));
                return Err(raise.did_you_mean(&name, known));
            };
            if values[index].is_some() {
                return Err(Raise::type_error(format!("`{function}`: argument `{name}` is given twice")));
            }
            values[index] = Some(value);
        }
        if let Some(missing) = values.iter().take(required).position(Option::is_none) {
            let name = names[missing].trim_start_matches(['/', '*']);
            return Err(Raise::type_error(format!("`{function}`: argument `{name}` is missing")));
        }
        Ok(values)
    }

    /// The only argument.
    pub(crate) fn one(self, function: &str) -> Result<Value, Raise> {
        let [value] = self.take(function, ["/value"], 1)?;
        Ok(value.unwrap_or(Value::None))
    }

    /// No argument is allowed.
    pub(crate) fn none(self, function: &str) -> Result<(), Raise> {
        self.take::<0>(function, [], 0).map(|_| ())
    }

    /// Any number of positional arguments and no named one.
    pub(crate) fn all_positional(self, function: &str) -> Result<Vec<Value>, Raise> {
        match self.named.first() {
            Some((name, _)) => Err(Raise::type_error(format!("`{function}` has no parameter `{name}`"))),
            None => Ok(self.positional),
        }
    }
}

/// The text of an argument.
pub(crate) fn text(value: &Value, function: &str) -> Result<Arc<str>, Raise> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        // A text with flags.
        Value::Object(object) if object.type_name() == "str" => match object.stand_in() {
            Some(Value::Str(text)) => Ok(text),
            _ => Err(wrong(value, function, "a text")),
        },
        other => Err(wrong(other, function, "a text")),
    }
}

/// The whole number of an argument.
pub(crate) fn int(value: &Value, function: &str) -> Result<i64, Raise> {
    ops::as_int(value).ok_or_else(|| wrong(value, function, "a whole number"))
}

/// The whole number of an argument that may be missing or `None`.
pub(crate) fn optional_int(value: Option<&Value>, function: &str) -> Result<Option<i64>, Raise> {
    match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => int(value, function).map(Some),
    }
}

pub(crate) fn wrong(value: &Value, function: &str, wanted: &str) -> Raise {
    Raise::type_error(format!("`{function}` needs {wanted}, not `{}`", value.type_name()))
}
