//! `dvc.lock` and DVC's cache: what has to be there so that DVC finds nothing to do.
//!
//! Invariants: a stage is written only with what is on the disk now; an object of the cache is whole or not there, and has the
//! digest that it is called by.

use super::md5::{self, Hashed};
use super::yaml;
use crate::import::dvc::{File, ResolvedStage};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What files and directories are, by their paths from the root; why, where that cannot be told.
pub(crate) type Known = BTreeMap<String, Result<Hashed, String>>;

/// Hashes all that stages name, several at once.
pub(crate) fn hashed<'s>(root: &Path, stages: impl Iterator<Item = &'s ResolvedStage>) -> Known {
    let mut paths: Vec<&str> = stages
        .flat_map(|stage| stage.deps.iter().chain(&stage.outs))
        .map(|file| file.path.as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let known = Mutex::new(Known::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let hashed = md5::of(&root.join(path)).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => format!("{path} is not there"),
                _ => format!("{path} cannot be read: {error}"),
            });
            known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.to_string(), hashed);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where no thread is to be had, this one does it all.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    known.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The entry of a stage.
///
/// # Errors
/// A file of it is not there, or cannot be read.
pub(crate) fn locked(stage: &ResolvedStage, known: &Known) -> Result<Json, String> {
    let entry = |file: &File| {
        let hashed = known.get(&file.path).ok_or_else(|| format!("{} was not looked at", file.path))?;
        let Hashed { md5, size, is_program, files } = hashed.as_ref().map_err(String::clone)?;
        let mut entry = json!({"path": file.name, "hash": "md5", "md5": md5, "size": size});
        if let Some(files) = files {
            entry["nfiles"] = files.len().into();
        }
        if *is_program {
            entry["isexec"] = true.into();
        }
        Ok(entry)
    };
    let all = |files: &[File]| files.iter().map(entry).collect::<Result<Vec<Json>, String>>();
    let mut locked = Map::new();
    locked.insert("cmd".into(), stage.cmd.clone());
    let params: Map<String, Json> =
        stage.params.iter().map(|(file, values)| (file.clone(), Json::Object(values.clone()))).collect();
    for (key, value) in [
        ("deps", Json::from(all(&stage.deps)?)),
        ("params", params.into()),
        ("outs", all(&stage.outs)?.into()),
    ] {
        if !matches!(&value, Json::Array(items) if items.is_empty())
            && !matches!(&value, Json::Object(map) if map.is_empty())
        {
            locked.insert(key.into(), value);
        }
    }
    Ok(locked.into())
}

/// The text of a lock file.
pub(crate) fn document(stages: &Map<String, Json>) -> String {
    yaml::document(&json!({"schema": "2.0", "stages": stages}))
}

/// Where DVC keeps the content of outputs, for a project at `root`; `None` where there is no DVC.
pub(crate) fn cache_of(root: &Path) -> Option<PathBuf> {
    let dvc = directory(root)?;
    let set = set(&dvc, "cache", "dir");
    Some(set.map_or_else(|| dvc.join("cache"), |dir| dvc.join(dir)))
}

/// Whether DVC goes along with git here.
pub(crate) fn is_with_git(root: &Path) -> bool {
    let no_scm =
        |dvc: PathBuf| set(&dvc, "core", "no_scm").is_some_and(|set| set.eq_ignore_ascii_case("true"));
    directory(root).is_some_and(|dvc| !no_scm(dvc))
}

fn directory(root: &Path) -> Option<PathBuf> {
    root.ancestors().map(|dir| dir.join(".dvc")).find(|dir| dir.is_dir())
}

/// What is set; for this machine alone is the stronger.
fn set(dvc: &Path, section: &str, key: &str) -> Option<String> {
    ["config.local", "config"].into_iter().find_map(|name| {
        let bytes = crate::read::at_most(&dvc.join(name), 1 << 20).ok()?;
        in_section(&String::from_utf8_lossy(&bytes), section, key)
    })
}

/// `key = value` in `[section]`.
fn in_section(config: &str, section: &str, wanted: &str) -> Option<String> {
    let mut is_it = false;
    let mut found = None;
    for line in config.lines().map(str::trim) {
        match (line.strip_prefix('['), line.split_once('=')) {
            (Some(head), _) => {
                is_it = head.strip_suffix(']').is_some_and(|name| name.trim() == section);
            }
            (None, Some((key, value))) if is_it && key.trim() == wanted => {
                found = Some(value.trim().trim_matches(['"', '\'']).to_string());
            }
            _ => {}
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Puts an output into the cache; gives the number of objects that were not there.
///
/// # Errors
/// The cache cannot be written, or the output is not what it was any more.
pub(crate) fn keep(cache: &Path, from: &Path, hashed: &Hashed) -> io::Result<usize> {
    let Some(files) = &hashed.files else {
        return object(cache, &hashed.md5, hashed.size, |to| md5::poured(from, to));
    };
    let mut new = 0;
    for (path, md5) in files {
        let full = from.join(path);
        new += object(cache, md5, fs::metadata(&full)?.len(), |to| md5::poured(&full, to))?;
    }
    let list = md5::list(files);
    let digest = hashed.md5.trim_end_matches(".dir").to_string();
    let put = |to: &mut dyn Write| to.write_all(list.as_bytes()).map(|()| digest);
    Ok(new + object(cache, &hashed.md5, list.len() as u64, put)?)
}

fn object(
    cache: &Path,
    name: &str,
    size: u64,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<String>,
) -> io::Result<usize> {
    let Some((shard, rest)) = name.split_at_checked(2) else { return Ok(0) };
    let dir = cache.join("files").join("md5").join(shard);
    let place = dir.join(rest);
    if fs::metadata(&place).is_ok_and(|meta| meta.is_file() && meta.len() == size) {
        return Ok(0);
    }
    fs::create_dir_all(&dir)?;
    let fresh = dir.join(format!(".{rest}.{}.tmp", std::process::id()));
    let done = fs::File::create(&fresh).and_then(|mut file| {
        if fill(&mut file)? != name.trim_end_matches(".dir") {
            return Err(io::Error::other("an output changed while it was copied"));
        }
        set_read_only(&fresh)?;
        fs::rename(&fresh, &place)
    });
    if done.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    done.map(|()| 1)
}

/// As DVC does: what is linked to an object must not be written to.
fn set_read_only(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o444);
    #[cfg(not(unix))]
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_its_config_says() {
        assert_eq!(
            in_section("[core]\n  dir = a\n[cache]\n    dir = ../shared\n", "cache", "dir"),
            Some("../shared".into())
        );
        assert_eq!(in_section("['remote \"cache\"']\nurl = x\n[cache]\ntype = copy\n", "cache", "dir"), None);
    }
}
