//! Which cache a command uses: what its options say, as the library takes it. What lets us in comes from the environment and
//! from `.netrc`, and is shown nowhere.

use crate::exit::{Exit, Failure};
use clap::ValueEnum;
use rulemake::Value;
use rulemake::cache::{Cache, CacheBackend, CacheDirectory, CacheLink};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Options for the cache of results.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct CacheArgs {
    /// Keep results in DIR, and restore them from it instead of making them again
    ///
    /// Without it nothing is kept; with it each result is kept when it is made, and `rulemake cache add` keeps those that were made before. Several projects may use one directory. In `rulemake.toml`: `[cache]` with `dir`,
    /// `link`, `shared`, `push` and `timeout`; `~` and variables such as `$HOME` are understood in paths.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) cache: Option<PathBuf>,
    /// Neither keep results nor restore any, whatever the settings say
    #[arg(long, hide_short_help = true)]
    pub(crate) no_cache: bool,
    /// How files come out of the cache: `auto`, `reflink`, `hardlink` or `copy`
    #[arg(long, value_name = "HOW", hide_short_help = true)]
    pub(crate) cache_link: Option<Link>,
    /// Look for results in a place that others share, too: a directory, `https://...` or `s3://...`
    ///
    /// A directory has to be made as one: `rulemake cache init DIR`. They are taken over into the cache, which is `.rulemake/cache` unless `--cache` names another. Servers of Bazel's HTTP
    /// cache will do. They are asked with RULEMAKE_CACHE_TOKEN or the entry of the host in `~/.netrc`; S3 with AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL.
    #[arg(long, value_name = "PLACE", hide_short_help = true)]
    pub(crate) cache_shared: Option<String>,
    /// How long a server of the shared place may take to answer before it is left alone for the rest of the run: 5 unless given
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600), hide_short_help = true)]
    pub(crate) cache_timeout: Option<u64>,
    /// Put new results into the shared place, too; `rulemake push` does it later
    #[arg(long, hide_short_help = true)]
    pub(crate) cache_push: bool,
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
pub(crate) const IDS: [&str; 6] =
    ["cache", "no_cache", "cache_link", "cache_shared", "cache_timeout", "cache_push"];

/// Where paths start, and what the environment says.
pub(crate) struct Around<'a> {
    /// Paths on the command line.
    pub(crate) start: &'a Path,
    /// The project.
    pub(crate) root: &'a Path,
    pub(crate) variables: &'a [(String, String)],
}

impl Around<'_> {
    /// The directory that is used with a shared place, when none is named.
    pub(crate) fn own(&self) -> PathBuf {
        self.root.join(".rulemake/cache")
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A path as somebody wrote it, with `~` and variables, which no shell has seen where it comes from a file.
    pub(crate) fn path(&self, text: &Path) -> Result<PathBuf, Failure> {
        let Some(written) = text.to_str().filter(|text| text.starts_with('~') || text.contains('$')) else {
            return Ok(plain(self.start.join(text)));
        };
        let unknown = |what: &str| {
            let message = format!("the cache `{written}`: {what}");
            Failure::new(Exit::Usage, message).help("write the whole path, or begin it with `~/` or `$HOME/`")
        };
        let home = || self.variable("HOME").ok_or_else(|| unknown("the variable HOME is not set"));
        let mut path = match written.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => home()?.to_string() + rest,
            Some(_) => return Err(unknown("the directories of other users are not known")),
            None => written.to_string(),
        };
        while let Some((before, rest)) = path.split_once('$') {
            let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
            let (name, after) = match rest.strip_prefix('{') {
                Some(rest) => rest.split_once('}').unwrap_or(("", "")),
                None => rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len())),
            };
            if name.is_empty() {
                return Err(unknown("no variable follows the `$`"));
            }
            let value = self.variable(name).filter(|value| !value.contains('$'));
            let value = value.ok_or_else(|| unknown(&format!("the variable {name} is not set")))?;
            path = format!("{before}{value}{after}");
        }
        Ok(plain(self.start.join(path)))
    }
}

/// A path without `..`, as far as it can be had: what is before one may be a link, and then the text alone does not say where
/// it leads.
fn plain(path: PathBuf) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return path };
    let (up, rest) = parts.split_at(last + 1);
    match std::fs::canonicalize(up.iter().collect::<PathBuf>()) {
        Ok(up) => up.join(rest.iter().collect::<PathBuf>()),
        Err(_) => path,
    }
}

impl CacheArgs {
    pub(crate) fn and(self, after: CacheArgs) -> CacheArgs {
        CacheArgs {
            cache: after.cache.or(self.cache),
            no_cache: self.no_cache || after.no_cache,
            cache_link: after.cache_link.or(self.cache_link),
            cache_shared: after.cache_shared.or(self.cache_shared),
            cache_timeout: after.cache_timeout.or(self.cache_timeout),
            cache_push: self.cache_push || after.cache_push,
        }
    }

    /// The cache, if one is to be used.
    pub(crate) fn open(&self, around: &Around<'_>) -> Result<Option<Cache>, Failure> {
        let Some(dir) = self.directory(around)?.filter(|_| !self.no_cache) else { return Ok(None) };
        let cache = Cache::new(dir).link(match self.cache_link {
            None | Some(Link::Auto) => CacheLink::Auto,
            Some(Link::Reflink) => CacheLink::Reflink,
            Some(Link::Hardlink) => CacheLink::Hardlink,
            Some(Link::Copy) => CacheLink::Copy,
        });
        Ok(Some(match &self.cache_shared {
            Some(place) => {
                let timeout = self.cache_timeout.map(Duration::from_secs);
                cache.shared(shared(place, around, timeout)?, self.cache_push)
            }
            None => cache,
        }))
    }

    /// The directory that is named, or the one that belongs to a shared place.
    pub(crate) fn directory(&self, around: &Around<'_>) -> Result<Option<PathBuf>, Failure> {
        let own = || self.cache_shared.as_ref().map(|_| around.own());
        self.cache.as_ref().map(|dir| around.path(dir)).transpose().map(|dir| dir.or_else(own))
    }
}

/// The place that an address or a path names.
fn shared(
    place: &str,
    around: &Around<'_>,
    timeout: Option<Duration>,
) -> Result<Arc<dyn CacheBackend>, Failure> {
    match place.split_once("://") {
        Some(("http" | "https", _)) => http(place, around, timeout),
        Some(("s3", _)) => s3(place, around, timeout),
        Some((scheme, _)) => {
            Err(Failure::new(Exit::Usage, format!("a shared cache at {scheme}:// is not known"))
                .help("it is a directory, https://..., http://... or s3://..."))
        }
        None => {
            no_broken_address(place)?;
            Ok(Arc::new(CacheDirectory::new(around.path(Path::new(place))?)))
        }
    }
}

/// An address with a mistake in it is no directory: it would be told as one, perhaps with a password in it.
pub(crate) fn no_broken_address(place: &str) -> Result<(), Failure> {
    let is_scheme = |scheme: &str| ["http:", "https:", "s3:"].iter().any(|known| scheme.contains(known));
    let start = place.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let names_user = place.split_once('@').is_some_and(|(user, _)| user.contains(':'));
    if !names_user && !is_scheme(start) {
        return Ok(());
    }
    let message =
        "the shared cache is neither an address nor a directory: there is a mistake before its host";
    Err(Failure::new(Exit::Usage, message).help("it is a directory, https://..., http://... or s3://..."))
}

#[cfg(feature = "cache-http")]
fn http(
    place: &str,
    around: &Around<'_>,
    timeout: Option<Duration>,
) -> Result<Arc<dyn CacheBackend>, Failure> {
    let cache = rulemake::cache::HttpCache::new(place)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let cache = match timeout {
        Some(timeout) => cache.timeout(timeout),
        None => cache,
    };
    // A name in the address is meant.
    if place.contains('@') {
        return Ok(Arc::new(cache));
    }
    Ok(Arc::new(match (around.variable("RULEMAKE_CACHE_TOKEN"), netrc(place, around)) {
        (Some(token), _) => cache.bearer(token),
        (None, Some((name, password))) => cache.basic(&name, &password),
        (None, None) => cache,
    }))
}

#[cfg(not(feature = "cache-http"))]
fn http(_: &str, _: &Around<'_>, _: Option<Duration>) -> Result<Arc<dyn CacheBackend>, Failure> {
    Err(Failure::new(Exit::Usage, "this rulemake was built without the feature `cache-http`"))
}

#[cfg(feature = "cache-s3")]
fn s3(place: &str, around: &Around<'_>, timeout: Option<Duration>) -> Result<Arc<dyn CacheBackend>, Failure> {
    let variable = |names: &[&str]| names.iter().find_map(|name| around.variable(name));
    let region = variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or("us-east-1");
    let endpoint = variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let cache = rulemake::cache::S3Cache::new(place, endpoint, region)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let cache = match timeout {
        Some(timeout) => cache.timeout(timeout),
        None => cache,
    };
    let pair = variable(&["AWS_ACCESS_KEY_ID"]).zip(variable(&["AWS_SECRET_ACCESS_KEY"]));
    Ok(Arc::new(match pair {
        Some((key, secret)) => cache.credentials(key, secret, variable(&["AWS_SESSION_TOKEN"])),
        None => cache,
    }))
}

#[cfg(not(feature = "cache-s3"))]
fn s3(_: &str, _: &Around<'_>, _: Option<Duration>) -> Result<Arc<dyn CacheBackend>, Failure> {
    let failure = Failure::new(Exit::Usage, "this rulemake was built without the feature `cache-s3`");
    Err(failure.help("cargo install rulemake --features cache-s3"))
}

/// Name and password for the host of an address.
#[cfg(feature = "cache-http")]
fn netrc(place: &str, around: &Around<'_>) -> Option<(String, String)> {
    let own = || Some(Path::new(around.variable("HOME")?).join(".netrc"));
    let path = around.variable("NETRC").map(PathBuf::from).or_else(own)?;
    let bytes = crate::read::at_most(&path, 1 << 20).ok()?;
    let host = place.split_once("://")?.1.split(['/', ':']).next()?;
    in_netrc(&String::from_utf8_lossy(&bytes), host)
}

#[cfg(feature = "cache-http")]
fn in_netrc(text: &str, host: &str) -> Option<(String, String)> {
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let (mut is_it, mut login, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if is_it && password.is_some() => break,
            "machine" => (is_it, login, password) = (words.next() == Some(host), None, None),
            "default" => (is_it, login, password) = (true, None, None),
            "login" => login = words.next(),
            "password" => password = words.next(),
            _ => {}
        }
    }
    is_it.then_some((login.unwrap_or_default().to_string(), password?.to_string()))
}

/// The table `[cache]` of a settings file as options; paths in it start from the file's directory.
pub(crate) fn settings(table: &Value, file: &str) -> Result<Vec<(Arc<str>, Value)>, Failure> {
    let Value::Map(entries) = table else { return Ok(Vec::new()) };
    let beside = Path::new(file).parent().unwrap_or(Path::new(""));
    let is_absolute = |path: &str| path.starts_with(['~', '$']) || path.contains("://");
    let path = |text: &Arc<str>| match is_absolute(text) {
        true => Value::Str(text.clone()),
        false => Value::Str(beside.join(&**text).to_string_lossy().as_ref().into()),
    };
    let option = |(key, value): &(Arc<str>, Value)| match (&**key, value) {
        ("dir", Value::Str(dir)) => Ok(("cache".into(), path(dir))),
        ("shared", Value::Str(place)) => Ok(("cache-shared".into(), path(place))),
        ("link", value) => Ok(("cache-link".into(), value.clone())),
        ("push", value) => Ok(("cache-push".into(), value.clone())),
        ("timeout", value) => Ok(("cache-timeout".into(), value.clone())),
        (key @ ("dir" | "shared"), _) => {
            let message = format!("`{key}` in the table [cache] of `{file}` has to be a text");
            Err(Failure::new(Exit::Usage, message)
                .help(format!("write it in quotes: `{key} = \"/team/results\"`")))
        }
        (key, _) => {
            let message = format!("`{key}` in the table [cache] of `{file}` says nothing about a cache");
            let help = "it may have `dir = \"...\"`, `link = \"...\"`, `shared = \"...\"`, `push = true` and `timeout = 5`";
            Err(Failure::new(Exit::Usage, message).help(help))
        }
    };
    entries.iter().map(option).collect()
}

#[cfg(test)]
#[cfg(feature = "cache-http")]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_host_is_found_in_netrc() {
        let text = "# machine a login no password no\nmachine a\n login me\n password secret\nmachine b login you password other\n";
        assert_eq!(in_netrc(text, "a"), Some(("me".into(), "secret".into())));
        assert_eq!(in_netrc(text, "b"), Some(("you".into(), "other".into())));
        assert_eq!(in_netrc(text, "c"), None);
        assert_eq!(in_netrc("default login x password y", "c"), Some(("x".into(), "y".into())));
        assert_eq!(in_netrc("machine a login x", "a"), None);
    }
}
