//! The module `urllib.parse`: addresses taken apart and put together. Nothing is fetched.

use super::ModuleDef;
use super::collections::record;
use crate::lang::builtins::args::{text, wrong};
use crate::lang::methods::containers::entries;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, BoundMethod, Builtin, DictMap, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "urllib.parse",
    functions: &[
        Builtin { name: "parse_qs", call: parse_qs },
        Builtin {
            name: "parse_qsl",
            call: |vm, args| {
                pairs(vm, args).map(|pairs| {
                    Value::list(pairs.into_iter().map(|(k, v)| Value::tuple(vec![k, v])).collect())
                })
            },
        },
        Builtin { name: "quote", call: |vm, args| quote(vm, args, "quote", "/") },
        Builtin { name: "quote_plus", call: |vm, args| quote(vm, args, "quote_plus", "") },
        Builtin { name: "unquote", call: |vm, args| unquote(vm, args, false) },
        Builtin { name: "unquote_plus", call: |vm, args| unquote(vm, args, true) },
        Builtin { name: "urlencode", call: urlencode },
        Builtin { name: "urljoin", call: urljoin },
        Builtin { name: "urlparse", call: |vm, args| parse(vm, args, true) },
        Builtin { name: "urlsplit", call: |vm, args| parse(vm, args, false) },
        Builtin { name: "urlunparse", call: urlunparse },
        Builtin { name: "urlunsplit", call: urlunparse },
    ],
    values: super::no_values,
    refused: &[],
};

/// `urllib` itself has no members of use but `parse`.
pub(super) static PACKAGE: ModuleDef = ModuleDef {
    name: "urllib",
    functions: &[],
    values: super::no_values,
    refused: &[("request", "download files in a rule"), ("error", "download files in a rule")],
};

/// Every byte that is not plain as `%XX`.
pub(super) fn quoted(text: &str, safe: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || (c.is_ascii() && safe.contains(c)) {
            out.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        }
    }
    out
}

fn quote(vm: &mut Vm, args: Args, name: &str, safe: &str) -> Result<Value, Raise> {
    let [string, given] = args.take(name, ["string", "safe"], 1)?;
    let string = text(&string.unwrap_or(Value::None), name)?;
    let safe = given.map_or(Ok(safe.into()), |given| text(&given, name))?;
    vm.budget.allocate(3 * string.len() as u64)?;
    Ok(quoted_as(&string, &safe, name == "quote_plus").into())
}

fn quoted_as(string: &str, safe: &str, plus: bool) -> String {
    if plus && string.contains(' ') {
        return quoted(string, &format!("{safe} ")).replace(' ', "+");
    }
    quoted(string, safe)
}

fn unquoted(string: &str) -> String {
    let mut bytes = Vec::with_capacity(string.len());
    let mut rest = string.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let code = digits.filter(|_| *first == b'%').and_then(|pair| {
            let plain = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            if plain { u8::from_str_radix(pair, 16).ok() } else { None }
        });
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unquote(vm: &mut Vm, args: Args, plus: bool) -> Result<Value, Raise> {
    let string = text(&args.one("unquote")?, "unquote")?;
    vm.budget.allocate(2 * string.len() as u64)?;
    Ok(unquoted(&if plus { string.replace('+', " ") } else { string.to_string() }).into())
}

fn urlencode(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [query, doseq] = args.take("urlencode", ["query", "doseq"], 1)?;
    let several = doseq.is_some_and(|value| value.truth());
    let mut parts = Vec::new();
    for (key, value) in entries(vm, &query.unwrap_or(Value::None))? {
        let key = quoted_as(&vm.text(key.get())?, "", true);
        let values = match &value {
            Value::List(_) | Value::Tuple(_) if several => vm.collect(&value)?,
            _ => vec![value],
        };
        for value in values {
            let value = quoted_as(&vm.text(&value)?, "", true);
            vm.budget.allocate((key.len() + value.len()) as u64)?;
            parts.push(format!("{key}={value}"));
        }
    }
    Ok(parts.join("&").into())
}

fn pairs(vm: &mut Vm, args: Args) -> Result<Vec<(Value, Value)>, Raise> {
    let [query, blank] = args.take("parse_qs", ["qs", "keep_blank_values"], 1)?;
    let query = text(&query.unwrap_or(Value::None), "parse_qs")?;
    let blank = blank.is_some_and(|value| value.truth());
    vm.budget.allocate(64 + 8 * query.len() as u64)?;
    let decode = |text: &str| Value::from(unquoted(&text.replace('+', " ")));
    let parts = query.split('&').filter(|part| !part.is_empty());
    let fields = parts.filter_map(|part| match part.split_once('=') {
        Some((name, value)) if blank || !value.is_empty() => Some((decode(name), decode(value))),
        None if blank => Some((decode(part), "".into())),
        _ => None,
    });
    Ok(fields.collect())
}

fn parse_qs(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut map: Vec<(Value, Vec<Value>)> = Vec::new();
    for (name, value) in pairs(vm, args)? {
        vm.budget.spend(1 + map.len() as u64 / 64)?;
        match map.iter_mut().find(|(known, _)| known.is_same(&name)) {
            Some((_, values)) => values.push(value),
            None => map.push((name, vec![value])),
        }
    }
    let pairs = map.into_iter().map(|(name, values)| Ok((Key::new(name)?, Value::list(values))));
    pairs.collect::<Result<DictMap, Raise>>().map(Value::dict)
}

/// An address in its parts.
#[derive(Default, Clone)]
struct Url {
    scheme: String,
    /// `None` when there is no `//`.
    host: Option<String>,
    path: String,
    query: String,
    fragment: String,
}

impl Url {
    fn parse(url: &str) -> Url {
        let url: String =
            url.trim_matches(|c: char| c <= ' ').chars().filter(|c| !"\t\r\n".contains(*c)).collect();
        let mut rest = url.as_str();
        let mut parsed = Url::default();
        if let Some((scheme, after)) = rest.split_once(':')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            parsed.scheme = scheme.to_ascii_lowercase();
            rest = after;
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find(['/', '?', '#']).unwrap_or(after.len());
            parsed.host = Some(after[..end].to_string());
            rest = &after[end..];
        }
        if let Some((before, fragment)) = rest.split_once('#') {
            parsed.fragment = fragment.to_string();
            rest = before;
        }
        if let Some((before, query)) = rest.split_once('?') {
            parsed.query = query.to_string();
            rest = before;
        }
        parsed.path = rest.to_string();
        parsed
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        let host = self.host.as_deref().unwrap_or("");
        if !host.is_empty() {
            out.push_str("//");
            out.push_str(host);
            if !self.path.is_empty() && !self.path.starts_with('/') {
                out.push('/');
            }
        } else if self.path.starts_with("//") || (self.scheme == "file" && self.path.starts_with('/')) {
            out.push_str("//");
        }
        out.push_str(&self.path);
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if !part.is_empty() {
                out.push(mark);
                out.push_str(part);
            }
        }
        out
    }
}

/// Path and parameters: `a;b`, of the last part only.
fn split_params(path: &str) -> (&str, &str) {
    let start = path.rfind('/').unwrap_or(0);
    match path[start..].find(';') {
        Some(at) => (&path[..start + at], &path[start + at + 1..]),
        None => (path, ""),
    }
}

fn parse(_: &mut Vm, args: Args, with_params: bool) -> Result<Value, Raise> {
    let [url, scheme, _] = args.take("urlparse", ["url", "scheme", "allow_fragments"], 1)?;
    let parsed = Url::parse(&text(&url.unwrap_or(Value::None), "urlparse")?);
    let given = scheme.map_or(Ok("".into()), |scheme| text(&scheme, "urlparse"))?;
    let scheme = if parsed.scheme.is_empty() { given.to_string() } else { parsed.scheme.clone() };
    let host = parsed.host.clone().unwrap_or_default();
    let (account, place) = match host.rsplit_once('@') {
        Some((account, place)) => (Some(account), place),
        None => (None, host.as_str()),
    };
    let bare = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, after)) => (inside, after.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(name, port)| (name, Some(port))),
    };
    let port = match bare.1.filter(|port| !port.is_empty()) {
        Some(port) => match port.parse::<u16>() {
            Ok(port) => Value::Int(port.into()),
            Err(_) => return Err(Raise::value_error(format!("`{port}` is not the number of a port"))),
        },
        None => Value::None,
    };
    let or_none = |text: &str| if text.is_empty() { Value::None } else { Value::from(text.to_lowercase()) };
    let (user, password) = match account {
        Some(account) => match account.split_once(':') {
            Some((user, password)) => (user.into(), password.into()),
            None => (account.into(), Value::None),
        },
        None => (Value::None, Value::None),
    };
    let (path, params) = if with_params { split_params(&parsed.path) } else { (parsed.path.as_str(), "") };
    let mut fields: Vec<(&str, Value)> =
        vec![("scheme", scheme.into()), ("netloc", host.as_str().into()), ("path", path.into())];
    if with_params {
        fields.push(("params", params.into()));
    }
    fields.extend([("query", parsed.query.as_str().into()), ("fragment", parsed.fragment.as_str().into())]);
    let plain = Value::tuple(fields.iter().map(|(_, value)| value.clone()).collect());
    let geturl = BoundMethod { receiver: Some(plain), of: Type::Tuple, method: &GETURL };
    let more = vec![
        ("geturl", Value::Method(Arc::new(geturl))),
        ("hostname", or_none(bare.0)),
        ("password", password),
        ("port", port),
        ("username", user),
    ];
    Ok(record::with_more(if with_params { "ParseResult" } else { "SplitResult" }, fields, more))
}

static GETURL: Method =
    Method { name: "geturl", call: |vm, me, _| urlunparse(vm, Args::positional(vec![me.clone()])) };

fn urlunparse(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let parts = vm.collect(&args.one("urlunparse")?)?;
    let parts: Vec<Arc<str>> = parts.iter().map(|part| text(part, "urlunparse")).collect::<Result<_, _>>()?;
    let mut url = Url::default();
    let (path, params, query, fragment) = match parts.as_slice() {
        [_, _, path, params, query, fragment] => (path, &**params, query, fragment),
        [_, _, path, query, fragment] => (path, "", query, fragment),
        _ => return Err(Raise::value_error("an address has 5 or 6 parts")),
    };
    url.scheme = parts[0].to_string();
    url.host = Some(parts[1].to_string());
    url.path = if params.is_empty() { path.to_string() } else { format!("{path};{params}") };
    url.query = query.to_string();
    url.fragment = fragment.to_string();
    Ok(url.text().into())
}

fn urljoin(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [base, url, _] = args.take("urljoin", ["base", "url", "allow_fragments"], 2)?;
    let (Some(base), Some(url)) = (base, url) else {
        return Err(wrong(&Value::None, "urljoin", "two texts"));
    };
    let (base, url) = (text(&base, "urljoin")?, text(&url, "urljoin")?);
    vm.budget.allocate(2 * (base.len() + url.len()) as u64)?;
    if base.is_empty() || url.is_empty() {
        return Ok(Value::Str(if url.is_empty() { base } else { url }));
    }
    let (base, mut new) = (Url::parse(&base), Url::parse(&url));
    const RELATIVE: [&str; 8] = ["", "http", "https", "ftp", "file", "sftp", "imap", "shttp"];
    if (!new.scheme.is_empty() && new.scheme != base.scheme) || !RELATIVE.contains(&base.scheme.as_str()) {
        return Ok(Value::Str(url));
    }
    new.scheme = base.scheme.clone();
    if new.host.as_deref().is_some_and(|host| !host.is_empty()) {
        return Ok(new.text().into());
    }
    new.host = base.host.clone();
    if new.path.is_empty() {
        new.path = base.path.clone();
        if new.query.is_empty() {
            new.query = base.query.clone();
        }
        return Ok(new.text().into());
    }
    new.path = resolved(&base.path, &new.path);
    Ok(new.text().into())
}

/// A path that starts from another one, without `.` and `..`.
fn resolved(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if !path.starts_with('/') {
        parts.extend(base.split('/'));
        parts.pop();
    }
    parts.extend(path.split('/'));
    let last = parts.len().saturating_sub(1);
    let parts: Vec<&str> = parts
        .iter()
        .enumerate()
        .filter(|(i, part)| *i == 0 || *i == last || !part.is_empty())
        .map(|(_, part)| *part)
        .collect();
    let mut kept: Vec<&str> = Vec::new();
    for part in &parts {
        match *part {
            ".." => drop(if kept.len() > 1 || kept.first().is_some_and(|p| !p.is_empty()) {
                kept.pop()
            } else {
                None
            }),
            "." => {}
            part => kept.push(part),
        }
    }
    if matches!(parts.last(), Some(&"." | &"..")) {
        kept.push("");
    }
    let joined = kept.join("/");
    if joined.is_empty() { "/".into() } else { joined }
}
