//! What may come out of an archive. Pure: it is told of entries and says yes or why not.
//!
//! Promise: of the entries that it lets through, made in any way that writes through no link, nothing lies outside of the
//! directory and nothing leads out of it.

use rustc_hash::FxHashMap;

/// What an entry says that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Directory,
    File,
    Link,
    Other(&'static str),
}

/// What came through so far.
#[derive(Default)]
pub(super) struct Gate {
    /// By path; directories that are only implied by what lies in them, too.
    seen: FxHashMap<String, Kind>,
    /// Links with their texts, to be looked at when all is known.
    links: Vec<(String, String)>,
}

/// Directories that are not a project's own: what is in them is run, or believed.
const FOREIGN: [&str; 2] = [".rulemake", ".git"];

/// The part of a path by which it is no project's own.
pub(super) fn foreign_part(path: &str) -> Option<&str> {
    let is_foreign = |part: &&str| FOREIGN.iter().any(|foreign| part.eq_ignore_ascii_case(foreign));
    path.split('/').find(is_foreign)
}

impl Gate {
    /// Lets an entry through; gives its path without a `/` at the end.
    ///
    /// # Errors
    /// Why not, as the end of a sentence that its path begins.
    pub(super) fn pass(&mut self, path: &[u8], kind: Kind, link: Option<&[u8]>) -> Result<String, String> {
        let path = std::str::from_utf8(path).map_err(|_| "is not UTF-8")?;
        let path = match kind {
            Kind::Directory => path.strip_suffix('/').unwrap_or(path),
            _ => path,
        };
        if let Kind::Other(what) = kind {
            return Err(format!("is {what}, and only files, directories and links are unpacked"));
        }
        if path.starts_with('/') {
            return Err("is an absolute path".into());
        }
        if path.split('/').any(|part| part == "..") {
            return Err("leads out of the directory".into());
        }
        let is_name = |part: &str| !matches!(part, "" | ".") && !has_odd(part);
        if !path.split('/').all(is_name) {
            return Err("is no plain path".into());
        }
        if let Some(part) = foreign_part(path) {
            return Err(format!("lies in {part}, which no archive of a project holds"));
        }
        for (at, _) in path.match_indices('/') {
            let above = path.get(..at).unwrap_or_default();
            match self.seen.get(above) {
                None => drop(self.seen.insert(above.to_string(), Kind::Directory)),
                Some(Kind::Directory) => {}
                Some(_) => return Err(format!("lies below {above}, which is no directory")),
            }
        }
        match self.seen.insert(path.to_string(), kind) {
            None => {}
            // Implied before.
            Some(Kind::Directory) if kind == Kind::Directory => {}
            Some(_) => return Err("is there twice".into()),
        }
        if kind == Kind::Link {
            let to =
                std::str::from_utf8(link.unwrap_or_default()).map_err(|_| "leads to what is not UTF-8")?;
            self.links.push((path.to_string(), to.to_string()));
        }
        Ok(path.to_string())
    }

    /// Looks at the links, when all entries are known.
    ///
    /// # Errors
    /// The first that leads out, and why.
    pub(super) fn end(&self) -> Result<(), (String, String)> {
        let bad = |(path, to): &(String, String)| self.leads_out(path, to).map(|why| (path.clone(), why));
        self.links.iter().find_map(bad).map_or(Ok(()), Err)
    }

    /// Why a link may not be. Its text counts only where no part before the last goes through another link: there `..` would
    /// mean another place than the text says.
    fn leads_out(&self, path: &str, to: &str) -> Option<String> {
        if to.is_empty() || to.starts_with('/') || has_odd(to) {
            return Some(format!("is a link to `{to}`, which leads out of the directory"));
        }
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let parts: Vec<&str> = to.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        for (number, part) in parts.iter().enumerate() {
            match *part {
                ".." if at.pop().is_none() => {
                    return Some(format!("is a link to `{to}`, which leads out of the directory"));
                }
                ".." => {}
                part => at.push(part),
            }
            let is_last = number + 1 == parts.len();
            if !is_last && self.seen.get(&at.join("/")) == Some(&Kind::Link) {
                return Some(format!("is a link to `{to}`, through another link"));
            }
        }
        None
    }
}

/// What ends a path, or means another thing than it says.
fn has_odd(text: &str) -> bool {
    text.contains('\0') || cfg!(windows) && text.contains(['\\', ':'])
}

/// Whether a link in a directory is one that the gate lets through as far as its own text says: relative, and not out of the
/// directory.
pub(super) fn stays_inside(path: &str, to: &str) -> bool {
    let mut gate = Gate::default();
    gate.pass(path.as_bytes(), Kind::Link, Some(to.as_bytes())).is_ok() && gate.end().is_ok()
}
