//! Bytes as one word of text: whatever a format takes for something else is `%` and two hexadecimal digits.

use std::fmt::Write as _;

/// Writes bytes as they are escaped.
pub(crate) fn escape(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        let _ = write!(text, "%{byte:02x}");
    }
}

/// The bytes that a word stands for; `None` when it is none, or stands for nothing.
pub(crate) fn plain(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                // `+f` would be read, too.
                let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
                u8::from_str_radix(std::str::from_utf8(&digits).ok().filter(|_| is_hex)?, 16).ok()?
            }
            byte => byte,
        });
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back_and_what_is_no_word_does_not() {
        let mut text = String::from("a");
        escape(b"% \n\xff", &mut text);
        assert_eq!(text, "a%25%20%0a%ff");
        assert_eq!(plain(&text).unwrap(), b"a% \n\xff");
        for bad in ["", "%", "%2", "%+f", "%zz", "%\u{e9}"] {
            assert_eq!(plain(bad), None, "{bad}");
        }
    }
}
