//! Messages as bytes: a header with the length, then JSON. Whatever comes, the place in the stream is kept while the
//! header can be read at all.

use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};

/// Bytes of one message. Larger ones are passed over and refused.
const LONGEST: u64 = 64 << 20;
const LONGEST_HEADER: u64 = 8 << 10;

pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const NOT_INITIALIZED: i64 = -32002;
pub(super) const REQUEST_CANCELLED: i64 = -32800;
pub(super) const REQUEST_FAILED: i64 = -32803;

/// What the client says.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// An answer; nothing is asked of the client that needs one.
    Response,
    /// Not a message of the protocol: what to answer.
    Wrong {
        id: Value,
        code: i64,
        message: String,
    },
}

/// The next message; `None` at the end of the stream.
///
/// # Errors
/// The stream fails, or there is no telling where the next message begins.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = header(input)? else { return Ok(None) };
    if length > LONGEST {
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        return Ok(Some(wrong(Value::Null, INVALID_REQUEST, "the message is too long")));
    }
    let mut body = Vec::new();
    if input.by_ref().take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(value) => message(value),
        Err(error) => wrong(Value::Null, PARSE_ERROR, &format!("not JSON: {error}")),
    }))
}

fn header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let broken = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    let mut length = None;
    let mut first = true;
    loop {
        let mut line = Vec::new();
        input.by_ref().take(LONGEST_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return if first { Ok(None) } else { broken("the stream ends within a header".into()) };
        }
        first = false;
        let text = String::from_utf8_lossy(&line);
        if !text.ends_with('\n') {
            return broken("a header without an end".into());
        }
        let text = text.trim();
        if text.is_empty() {
            return match length {
                Some(length) => Ok(Some(length)),
                None => broken("a header without Content-Length".into()),
            };
        }
        let Some((name, value)) = text.split_once(':') else {
            return broken(format!("`{text}` is no header of a message"));
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            match value.trim().parse() {
                Ok(value) => length = Some(value),
                Err(_) => return broken(format!("`{}` is no length of a message", value.trim())),
            }
        }
    }
}

fn wrong(id: Value, code: i64, message: &str) -> Incoming {
    Incoming::Wrong { id, code, message: message.into() }
}

fn message(value: Value) -> Incoming {
    let Value::Object(mut fields) = value else {
        return wrong(Value::Null, INVALID_REQUEST, "a message is one object");
    };
    let id = fields.remove("id");
    let method = fields.remove("method");
    let params = fields.remove("params").unwrap_or(Value::Null);
    match (id, method) {
        (Some(id @ (Value::Number(_) | Value::String(_))), Some(Value::String(method))) => {
            Incoming::Request { id, method, params }
        }
        (None, Some(Value::String(method))) => Incoming::Notification { method, params },
        (Some(_), None) if fields.contains_key("result") || fields.contains_key("error") => {
            Incoming::Response
        }
        (id, _) => {
            let id = id.filter(|id| id.is_number() || id.is_string()).unwrap_or(Value::Null);
            wrong(id, INVALID_REQUEST, "a request has a method and an id")
        }
    }
}

/// An answer with a result.
pub(super) fn result(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// An answer that says what went wrong.
pub(super) fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

pub(super) fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<io::Result<Incoming>> {
        let mut found = Vec::new();
        loop {
            match read(&mut bytes) {
                Ok(Some(message)) => found.push(Ok(message)),
                Ok(None) => return found,
                Err(error) => {
                    found.push(Err(error));
                    return found;
                }
            }
        }
    }

    fn code(message: &io::Result<Incoming>) -> i64 {
        match message {
            Ok(Incoming::Wrong { code, .. }) => *code,
            other => panic!("{other:?}"),
        }
    }

    /// Promise: what is no message is refused, and the next one is read all the same.
    #[test]
    fn wrong_messages_do_not_lose_the_place() {
        let bodies = ["{", "[]", "{\"id\":1}", "\u{e9}", "{\"method\":\"exit\"}"];
        let text: String =
            bodies.iter().map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len())).collect();
        let found = all(text.as_bytes());
        assert_eq!(
            found[..4].iter().map(code).collect::<Vec<_>>(),
            [PARSE_ERROR, INVALID_REQUEST, INVALID_REQUEST, PARSE_ERROR]
        );
        assert!(matches!(&found[4], Ok(Incoming::Notification { method, .. }) if method == "exit"));
    }

    /// Promise: a header takes no memory by its word, and a stream without headers ends.
    #[test]
    fn lengths_are_not_believed() {
        assert!(
            all(b"Content-Length: 18446744073709551615\r\n\r\nabc").iter().map(code).eq([INVALID_REQUEST])
        );
        assert!(all(b"Content-Length: 50\r\n\r\nabc").is_empty());
        for text in ["Content-Length: -1\r\n\r\n", "nonsense\r\n\r\n", "\r\n\r\n", "Content-Length: 3"] {
            assert!(all(text.as_bytes())[0].is_err(), "{text}");
        }
        assert!(all(&vec![b'x'; 1 << 20])[0].is_err());
    }
}
