//! Which cache a command uses: what its options say, as the library takes it.

use crate::exit::{Exit, Failure};
use clap::ValueEnum;
use rulemake::{Cache, CacheLink, Value};
use std::path::{Path, PathBuf};

/// Options for the cache of results.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct CacheArgs {
    /// Keep results in DIR, and restore them from it instead of making them again
    ///
    /// Without it nothing is kept. Several projects may use one directory. In `rulemake.toml`: `[cache]` with `dir` and
    /// `link`.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) cache: Option<PathBuf>,
    /// Neither keep results nor restore any, whatever the settings say
    #[arg(long, hide_short_help = true)]
    pub(crate) no_cache: bool,
    /// How files come out of the cache: `auto`, `reflink`, `hardlink` or `copy`
    #[arg(long, value_name = "HOW", hide_short_help = true)]
    pub(crate) cache_link: Option<Link>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// Shared blocks where the file system can, else hard links that may not be written to; small files are copied
    Auto,
    /// Shared blocks, else copies
    Reflink,
    /// Hard links that may not be written to
    Hardlink,
    Copy,
}

/// The ids of the options, for those who list them.
pub(crate) const IDS: [&str; 3] = ["cache", "no_cache", "cache_link"];

impl CacheArgs {
    pub(crate) fn and(self, after: CacheArgs) -> CacheArgs {
        CacheArgs {
            cache: after.cache.or(self.cache),
            no_cache: self.no_cache || after.no_cache,
            cache_link: after.cache_link.or(self.cache_link),
        }
    }

    /// The cache, if one is to be used; its path starts from `start`, that of a home directory from `home`.
    pub(crate) fn open(&self, start: &Path, home: Option<&str>) -> Option<Cache> {
        let dir = self.directory(start, home).filter(|_| !self.no_cache)?;
        Some(Cache::new(dir).link(match self.cache_link {
            None | Some(Link::Auto) => CacheLink::Auto,
            Some(Link::Reflink) => CacheLink::Reflink,
            Some(Link::Hardlink) => CacheLink::Hardlink,
            Some(Link::Copy) => CacheLink::Copy,
        }))
    }

    /// The directory that is named.
    pub(crate) fn directory(&self, start: &Path, home: Option<&str>) -> Option<PathBuf> {
        let dir = self.cache.as_ref()?;
        match (dir.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => Some(Path::new(home).join(rest)),
            _ => Some(start.join(dir)),
        }
    }
}

/// The table `[cache]` of a settings file as options; paths in it start from the file's directory.
pub(crate) fn settings(table: &Value, file: &str) -> Result<Vec<(std::sync::Arc<str>, Value)>, Failure> {
    let Value::Map(entries) = table else { return Ok(Vec::new()) };
    let beside = Path::new(file).parent().unwrap_or(Path::new(""));
    let option = |(key, value): &(std::sync::Arc<str>, Value)| match (&**key, value) {
        ("dir", Value::Str(dir)) if dir.starts_with('~') => Ok(("cache".into(), value.clone())),
        ("dir", Value::Str(dir)) => {
            Ok(("cache".into(), Value::Str(beside.join(&**dir).to_string_lossy().as_ref().into())))
        }
        ("link", value) => Ok(("cache-link".into(), value.clone())),
        (key, _) => {
            let message = format!("`{key}` in the table [cache] of `{file}` says nothing about a cache");
            Err(Failure::new(Exit::Usage, message).help("it may have `dir = \"...\"` and `link = \"...\"`"))
        }
    };
    entries.iter().map(option).collect()
}
