//! What DVC knows files and directories by: MD5, of a directory that of a list of what is in it.

use md5::{Digest as _, Md5};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file or directory as a lock file of DVC names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) md5: String,
    pub(crate) size: u64,
    /// Of a file: whether it may be executed.
    pub(crate) is_program: bool,
    /// Of a directory: the files in it, by their paths from there, with their digests; sorted.
    pub(crate) files: Option<Vec<(String, String)>>,
}

/// What DVC does not see in a directory.
const IGNORED: [&str; 3] = [".dvc", ".git", ".hg"];

/// Hashes what is at `path`.
pub(crate) fn of(path: &Path) -> io::Result<Hashed> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return directory(path);
    }
    if !meta.is_file() {
        return Err(io::Error::other("it is neither a file nor a directory"));
    }
    Ok(Hashed { md5: of_file(path)?, size: meta.len(), is_program: is_program(&meta), files: None })
}

fn is_program(meta: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let is_program = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0;
    #[cfg(not(unix))]
    let is_program = {
        let _ = meta;
        false
    };
    is_program
}

fn directory(path: &Path) -> io::Result<Hashed> {
    let mut found = Vec::new();
    let mut size = 0;
    let mut todo: Vec<(PathBuf, String)> = vec![(path.to_path_buf(), String::new())];
    while let Some((dir, below)) = todo.pop() {
        for item in fs::read_dir(dir)? {
            let item = item?;
            let name = item.file_name().into_string().map_err(|name| {
                io::Error::other(format!("the name {name:?} in it is not UTF-8, which DVC does not know"))
            })?;
            let (full, relative) = (item.path(), format!("{below}{name}"));
            // A link to a directory is not followed, one to a file counts as that.
            if item.file_type()?.is_dir() {
                if !IGNORED.contains(&&*name) {
                    todo.push((full, format!("{relative}/")));
                }
                continue;
            }
            let meta = fs::metadata(&full)?;
            if meta.is_file() {
                size += meta.len();
                found.push((relative, of_file(&full)?));
            }
        }
    }
    found.sort_unstable();
    let md5 = format!("{}.dir", hex(&Md5::digest(list(&found))));
    Ok(Hashed { md5, size, is_program: false, files: Some(found) })
}

/// The list of a directory, byte for byte as DVC writes it.
pub(crate) fn list(files: &[(String, String)]) -> String {
    let one =
        |(path, md5): &(String, String)| format!("{{\"md5\": \"{md5}\", \"relpath\": {}}}", ascii(path));
    format!("[{}]", files.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// A text of JSON without any character beyond ASCII.
fn ascii(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.encode_utf16() {
        match u8::try_from(unit).ok().filter(|byte| *byte < 0x80) {
            Some(b'"') => out.push_str("\\\""),
            Some(b'\\') => out.push_str("\\\\"),
            Some(b'\n') => out.push_str("\\n"),
            Some(b'\r') => out.push_str("\\r"),
            Some(b'\t') => out.push_str("\\t"),
            Some(0x08) => out.push_str("\\b"),
            Some(0x0c) => out.push_str("\\f"),
            // Python writes this one as it is.
            Some(byte @ (b' '..=b'~' | 0x7f)) => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
    out
}

fn of_file(path: &Path) -> io::Result<String> {
    poured(path, &mut io::sink())
}

/// Copies a file, and tells what was copied.
pub(crate) fn poured(path: &Path, to: &mut dyn Write) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        to.write_all(bytes)?;
    }
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests are those that DVC itself gives for such a directory.
    #[test]
    fn a_directory_has_the_digest_that_dvc_gives() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("sub/.git")).unwrap();
        fs::write(dir.path().join("x"), "a\nb\n0.001 7\n").unwrap();
        fs::write(dir.path().join("sub/y"), "1\n").unwrap();
        fs::write(dir.path().join("sub/é"), "").unwrap();
        fs::write(dir.path().join("sub/.git/z"), "not seen").unwrap();
        let hashed = of(dir.path()).unwrap();
        assert_eq!((hashed.md5.as_str(), hashed.size), ("af9024d3879013d145ece694ea2de8fb.dir", 14));
        assert_eq!(hashed.files.as_ref().map(Vec::len), Some(3));
        assert_eq!(of(&dir.path().join("sub/y")).unwrap().md5, "b026324c6904b2a9cb4b88d6d61c81d1");
    }

    #[test]
    fn names_are_written_as_python_does() {
        assert_eq!(ascii("a\"\\\n\u{7f}\u{1}é😀"), "\"a\\\"\\\\\\n\u{7f}\\u0001\\u00e9\\ud83d\\ude00\"");
        assert_eq!(list(&[]), "[]");
    }
}
