//! What lets somebody in and may stand in an address: it is shown nowhere.

use std::borrow::Cow;

/// An address with nothing of what lets somebody in: `https://...@host/path?...`. What is none comes back as it is.
pub(crate) fn hidden(value: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = value.split_once("://") else { return value.into() };
    let (rest, has_more) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, true),
        None => (rest, false),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let user = authority.rsplit_once('@');
    if user.is_none() && !has_more {
        return value.into();
    }
    let host = user.map_or_else(|| authority.to_string(), |(_, host)| format!("...@{host}"));
    let more = if has_more { "?..." } else { "" };
    format!("{scheme}://{host}{path}{more}").into()
}

/// Whether a part behind the `?` of an address, such as `token=...`, is something that lets somebody in.
pub(crate) fn is_secret(part: &str) -> bool {
    let Some((name, value)) = part.split_once('=') else { return false };
    let name = name.to_ascii_lowercase();
    let words = ["token", "sig", "key", "password", "passwd", "secret", "auth", "credential"];
    !value.is_empty() && words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_what_lets_somebody_in() {
        for (value, shown) in [
            ("https://me:secret@host:80/a@b", "https://...@host:80/a@b"),
            ("https://token@host", "https://...@host"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://host/a?token=secret", "https://host/a?..."),
            ("https://host?sig=a/b@c", "https://host?..."),
            ("https://me:secret@host/a#token=secret", "https://...@host/a?..."),
            ("a@b/c://d", "a@b/c://d"),
            ("what?is=this", "what?is=this"),
        ] {
            assert_eq!(hidden(value), shown);
        }
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        assert!(
            ["token=x", "X-Amz-Signature=x", "access_token=x", "apiKey=x"].iter().all(|part| is_secret(part))
        );
        assert!(!["page=1", "token=", "token", ""].iter().any(|part| is_secret(part)));
    }
}
