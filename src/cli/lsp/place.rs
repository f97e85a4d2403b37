//! Where files are: URIs to paths, and which Rulefile a file belongs to.

use crate::project::lexical;
use lsp_types::Uri;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Names of Rulefiles that stand for themselves.
const MAIN: [&str; 3] = ["Rulefile", "rulefile", "Snakefile"];
/// Where the Rulefile of a directory is, in order.
const BELOW: [&str; 4] = ["Rulefile", "rulefile", "Snakefile", "workflow/Snakefile"];
/// Ends of names that files of rules have.
const ENDS: [&str; 4] = ["smk", "rules", "rule", "rulefile"];

/// The Rulefile that a load starts with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Main {
    pub(super) file: PathBuf,
    /// The directory that paths start from.
    pub(super) root: PathBuf,
}

impl Main {
    /// The Rulefile that `file` belongs to, or that it is. `is_there` also knows what is not saved yet.
    pub(super) fn of(file: &Path, is_there: &dyn Fn(&Path) -> bool) -> Option<Main> {
        let named = |names: &[&str]| file.file_name().is_some_and(|name| names.iter().any(|n| name == *n));
        if named(&MAIN) {
            let dir = file.parent()?;
            let root = match dir.file_name().is_some_and(|name| name == "workflow") && named(&["Snakefile"]) {
                true => dir.parent().unwrap_or(dir),
                false => dir,
            };
            return Some(Main { file: file.to_path_buf(), root: root.to_path_buf() });
        }
        let mut found = file.ancestors().skip(1).flat_map(|dir| BELOW.map(|name| dir.join(name)));
        // What it stands for itself, it stands for here.
        Main::of(&found.find(|file| is_there(file))?, is_there)
    }
}

/// Whether a file holds rules, by what the client calls its language, or by its name.
pub(super) fn is_rulefile(language: &str, path: Option<&Path>) -> bool {
    let by_name = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        MAIN.contains(&name) || ENDS.contains(&end)
    };
    let by_language = ["rulefile", "rulemake", "snakemake"].contains(&language.to_lowercase().as_str());
    by_language || path.is_some_and(by_name)
}

/// The path of a file, without `.` and `..`.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let decoded = decoded(rest)?;
    // `/C:/x` is a path of a drive.
    let drive = decoded.as_bytes().get(2) == Some(&b':') && cfg!(windows);
    let path = PathBuf::from(if drive { decoded.get(1..)?.to_string() } else { decoded });
    path.is_absolute().then(|| lexical(&path))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// A URI with all that cannot stand in one escaped.
pub(super) fn escaped(uri: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte);
    let mut text = String::with_capacity(uri.len());
    for byte in uri.bytes() {
        match is_plain(byte) {
            true => text.push(byte.into()),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let path = path.to_str()?.replace('\\', if cfg!(windows) { "/" } else { "\\" });
    let mut text = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    Uri::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_paths_are_one_to_one() {
        for path in ["/a/b", "/with blank/é🦀", "/100%/#x?", "/a:b"] {
            let uri = uri_of(Path::new(path)).unwrap();
            assert_eq!(path_of(&uri).unwrap(), Path::new(path), "{}", uri.as_str());
        }
        let path = |text: &str| path_of(&Uri::from_str(text).unwrap());
        assert_eq!(path("file://localhost/a/./b/../c"), Some("/a/c".into()));
        assert_eq!(path("untitled:Untitled-1"), None);
        assert_eq!(path("file:///a%FF"), None);
    }

    #[test]
    fn a_file_belongs_to_the_rulefile_above_it() {
        let there =
            |path: &Path| ["/p/Rulefile", "/q/workflow/Snakefile"].iter().any(|p| Path::new(p) == path);
        let main = |path: &str| {
            Main::of(Path::new(path), &there).map(|main| (main.file.display().to_string(), main.root))
        };
        assert_eq!(main("/p/rules/a.smk"), Some(("/p/Rulefile".into(), "/p".into())));
        assert_eq!(main("/p/sub/Rulefile"), Some(("/p/sub/Rulefile".into(), "/p/sub".into())));
        assert_eq!(main("/q/workflow/rules/a.smk"), Some(("/q/workflow/Snakefile".into(), "/q".into())));
        assert_eq!(main("/q/workflow/Snakefile"), Some(("/q/workflow/Snakefile".into(), "/q".into())));
        assert_eq!(main("/r/a.smk"), None);
    }
}
