//! Links to files in texts for a terminal (OSC 8): a click opens the log.
//!
//! The format is in "Hyperlinks in terminal emulators" by E. Koblinger. Terminals that do not know it are left alone, since some
//! show it as it is.

use std::fmt::Write as _;
use std::path::Path;

/// Terminals that follow links, as they call themselves.
const KNOWN: [&str; 6] = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"];

/// Whether the terminal follows links. `variable` gives variables of the environment.
pub(crate) fn are_followed(variable: impl Fn(&str) -> Option<String>) -> bool {
    if let Some(forced) = variable("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let is_new_vte = || {
        let version = variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
        version.is_some_and(|version| version >= 5000)
    };
    variable("TERM_PROGRAM").is_some_and(|name| KNOWN.contains(&&*name))
        || ["KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION"]
            .into_iter()
            .any(|name| variable(name).is_some())
        || is_new_vte()
}

/// `text` with the first `path` in it as a link to that file below `root`.
pub(crate) fn linked(text: &str, path: &str, root: &Path) -> String {
    match text.find(path) {
        Some(at) if !path.is_empty() => {
            let target = url(&root.join(path).to_string_lossy());
            let (before, after) = (&text[..at], &text[at + path.len()..]);
            format!("{before}\u{1b}]8;;{target}\u{1b}\\{path}\u{1b}]8;;\u{1b}\\{after}")
        }
        _ => text.to_string(),
    }
}

/// The address of a file on this machine.
fn url(path: &str) -> String {
    let mut out = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into())
            }
            other => drop(write!(out, "%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_link_that_shows_the_same() {
        let text = linked("  log: .rulemake/runs/1/a b.log\n", ".rulemake/runs/1/a b.log", Path::new("/p"));
        assert_eq!(
            text,
            "  log: \u{1b}]8;;file:///p/.rulemake/runs/1/a%20b.log\u{1b}\\.rulemake/runs/1/a b.log\u{1b}]8;;\u{1b}\\\n"
        );
        assert_eq!(linked("nothing", "x.log", Path::new("/p")), "nothing");
    }

    #[test]
    fn only_terminals_that_say_so_get_links() {
        let with = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| value.to_string())
        };
        assert!(are_followed(with("TERM_PROGRAM", "WezTerm")));
        assert!(are_followed(with("VTE_VERSION", "6800")));
        assert!(!are_followed(with("VTE_VERSION", "4900")));
        assert!(!are_followed(with("TERM", "xterm")));
        assert!(!are_followed(with("FORCE_HYPERLINK", "0")));
    }
}
