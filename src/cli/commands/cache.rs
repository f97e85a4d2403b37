//! `rulemake cache`: what the cache of results holds, and what may go. Shows it first; removes only with `--yes`.

use super::{Place, variables};
use crate::args::Args;
use crate::cache::{Around, no_broken_address};
use crate::exit::{Exit, Failure};
use crate::options::{Common, RunArgs};
use crate::output::{Output, say};
use crate::project::Project;
use crate::secrets::hidden;
use crate::values::{age, bytes};
use clap::ValueEnum;
use rulemake::cache::{CacheDirectory, CacheLimits, CacheRemoved};
use rulemake::report::printable;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct CacheUpkeep {
    /// What to do
    #[arg(value_name = "WHAT", default_value = "info")]
    what: What,
    /// add: files or rules whose results are added, those of the first rule when none is given; init: the directory
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// gc: remove results that were of no use last, until the others take no more than SIZE, such as `10GB`
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_size: Option<u64>,
    /// gc: remove results that were of no use for so long, such as `30d`
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<u64>,
    /// gc: keep the last N results of each output in any case
    #[arg(long, value_name = "N")]
    keep_last: Option<usize>,
    /// gc: leave what was written within AGE, for others may be at it: `1h` unless given
    #[arg(long, value_name = "AGE", value_parser = age)]
    min_age: Option<u64>,
    /// Remove what is shown
    #[arg(short, long)]
    yes: bool,
    /// Only show what would go, as without `--yes`
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// Show how much is kept, and of which rules
    Info,
    /// Make a directory that is to be shared, or the one that `--cache-shared` or the settings name
    Init,
    /// Keep results that were made while no cache was on; their files are read, and nothing runs
    Add,
    /// Make room: find what is of no use and what is beyond the limits
    #[value(aliases = ["prune", "clean"])]
    Gc,
    /// Read everything, and find what is damaged
    Verify,
}

pub(crate) fn cache(
    common: &Common,
    output: &Output,
    upkeep: &CacheUpkeep,
    here: &Path,
    typed: &[OsString],
) -> Result<Exit, Failure> {
    if matches!(upkeep.what, What::Gc | What::Verify)
        && let Some(place) = &common.cache.cache_shared
        && Args::names(typed, "--cache-shared")
    {
        return Err(not_the_shared_one(upkeep.what, place));
    }
    if !matches!(upkeep.what, What::Add | What::Init) && !upkeep.targets.is_empty() {
        return Err(Failure::new(Exit::Usage, "targets are for `rulemake cache add`"));
    }
    let start = common.directory.as_ref().map_or(here.to_path_buf(), |directory| here.join(directory));
    let variables = variables();
    // Without a project there is none of its own.
    let root = Project::find(here, common).map_or(start.clone(), |project| project.root);
    let around = Around { start: &start, root: &root, variables: &variables };
    if upkeep.what == What::Init {
        return init(common, output, &upkeep.targets, &around);
    }
    let named = common.cache.directory(&around)?;
    // Runs with `--cache-shared` leave one, also where nothing else says so.
    let own = Some(around.own()).filter(|own| upkeep.what != What::Add && own.is_dir());
    let Some(dir) = named.or(own) else {
        return Err(Failure::new(Exit::Usage, "there is no cache").help(
            "name one with `--cache DIR`, with `dir` below `[cache]` in rulemake.toml, or with the variable RULEMAKE_CACHE",
        ));
    };
    let limits_given = upkeep.max_size.is_some()
        || upkeep.max_age.is_some()
        || upkeep.keep_last.is_some()
        || upkeep.min_age.is_some();
    if upkeep.what != What::Gc && limits_given {
        return Err(Failure::new(Exit::Usage, "limits are for `rulemake cache gc`"));
    }
    if upkeep.what != What::Add && dir.exists() && !dir.is_dir() {
        let message = format!("the cache {} is a file, not a directory", dir.display());
        return Err(Failure::new(Exit::Environment, message));
    }
    // The own one of a project comes with its first run.
    if upkeep.what == What::Verify && !dir.exists() && dir != around.own() {
        let message = format!(
            "the cache {} does not exist: nothing was verified",
            printable(&dir.display().to_string())
        );
        return Err(Failure::new(Exit::Environment, message)
            .help("perhaps a disk is not mounted, or there is a mistake in the name"));
    }
    let cache = CacheDirectory::new(dir);
    let failed = |error: io::Error| {
        Failure::new(Exit::Environment, format!("the cache {}: {error}", cache.path().display()))
    };
    match upkeep.what {
        What::Info => info(&cache, output, common),
        What::Init => Ok(Ok(Exit::Success)),
        What::Add => return add(&Place::find(common.clone(), *output)?, &upkeep.targets),
        What::Gc => gc(&cache, output, upkeep),
        What::Verify => verify(&cache, output, upkeep.yes),
    }
    .unwrap_or_else(|error| Err(failed(error)))
}

/// Who names the shared place means it; and what others have put there does not go in passing.
fn not_the_shared_one(what: What, place: &str) -> Failure {
    let word = what.to_possible_value().map_or_else(String::new, |word| word.get_name().to_string());
    let message =
        format!("`--cache-shared` is for what runs, and `rulemake cache {word}` is about one directory");
    let failure = Failure::new(Exit::Usage, message);
    match place.contains("://") {
        true => failure.help(format!(
            "a server looks after {} itself; of your own cache: `rulemake cache {word}`",
            hidden(place)
        )),
        false => failure.help(format!(
            "of the shared one: `rulemake cache {word} --cache {}`; of your own: `rulemake cache {word}`",
            crate::project::quoted(place)
        )),
    }
}

type Done = io::Result<Result<Exit, Failure>>;

fn info(cache: &CacheDirectory, output: &Output, common: &Common) -> Done {
    let usage = cache.usage()?;
    if output.json {
        let mut json = crate::output::versioned(&usage);
        json["directory"] = cache.path().display().to_string().into();
        return Ok(output.answer_json(&json).map(|()| Exit::Success));
    }
    let mut text = String::new();
    let _ = writeln!(text, "directory  {}", printable(&cache.path().display().to_string()));
    if !cache.path().is_dir() {
        text += "           does not exist yet\n";
    }
    let link = common.cache.cache_link.and_then(|link| link.to_possible_value());
    let link = link.map_or("auto".into(), |link| link.get_name().to_string());
    let _ = writeln!(text, "files      by `{link}`");
    let _ = writeln!(text, "results    {}", usage.results);
    let linked = match usage.linked_bytes {
        0 => String::new(),
        bytes => format!("; {} of it are files of projects, too, and take no room of their own", size(bytes)),
    };
    let _ = writeln!(text, "objects    {}, {}{linked}", usage.objects, size(usage.bytes));
    for rule in &usage.rules {
        let _ =
            writeln!(text, "  {:<24} {:>6}  {:>9}", printable(&rule.rule), rule.results, size(rule.bytes));
    }
    Ok(output.answer(&text).map(|()| Exit::Success))
}

/// Makes a place to share. Only that: who goes on writing somewhere else has a mistake in a name.
fn init(common: &Common, output: &Output, named: &[String], around: &Around<'_>) -> Result<Exit, Failure> {
    let named = match named {
        [] => common.cache.cache_shared.as_deref(),
        [place] => Some(place.as_str()),
        _ => return Err(Failure::new(Exit::Usage, "one directory is made at a time")),
    };
    let Some(place) = named else {
        let failure = Failure::new(Exit::Usage, "which directory is to be made?");
        return Err(failure.help("`rulemake cache init PLACE`, such as `rulemake cache init /team/results`"));
    };
    if place.contains("://") {
        let message = format!("`{}` is no directory: a server makes its places itself", hidden(place));
        return Err(Failure::new(Exit::Usage, message));
    }
    no_broken_address(place)?;
    let dir = around.path(Path::new(place))?;
    let is_new = fs::read_dir(&dir).map_or(true, |mut listing| listing.next().is_none());
    CacheDirectory::new(&dir).create().map_err(|error| {
        let message = format!("`{}` cannot be a shared cache: {error}", dir.display());
        match error.kind() {
            io::ErrorKind::AlreadyExists if dir.is_dir() => Failure::new(Exit::Usage, message).help(format!(
                "a directory of its own: `rulemake cache init {}`",
                dir.join("cache").display()
            )),
            _ => Failure::new(Exit::Environment, message),
        }
    })?;
    let shown = printable(&dir.display().to_string()).into_owned();
    // What is in it stays read-only: objects are one file with outputs of projects.
    output.remark(&match is_new {
        true => format!(
            "made {shown}; for a group: chgrp -R GROUP {shown}; find {shown} -type d -exec chmod g+rwxs {{}} +"
        ),
        false => format!("{shown} is there"),
    });
    Ok(Exit::Success)
}

fn add(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    if !place.has_cache() {
        return Err(Failure::new(Exit::Usage, "the cache is turned off by `--no-cache`"));
    }
    let workflow = place.load(None)?;
    let options = place.run_options(&RunArgs::default(), &workflow);
    let session = place.session(workflow, &RunArgs::default()).open()?;
    let targets = place.targets(targets, session.workflow());
    let added = session.add_to_cache(&targets, &options);
    place.show_printed(&session.take_printed());
    let added = added.map_err(|error| place.explained(error, &targets))?;
    let output = &place.output;
    let exit = if added.not_kept == 0 { Exit::Success } else { Exit::Environment };
    if output.json {
        let json = crate::output::versioned(&added);
        output.answer_json(&json)?;
        return Ok(exit);
    }
    added.warnings.iter().for_each(|warning| say(&format!("warning: {}", printable(warning))));
    let left = match added.left {
        0 => String::new(),
        1 => "; 1 is not up to date or not for the cache".to_string(),
        n => format!("; {n} are not up to date or not for the cache"),
    };
    let before = added.results - added.added;
    let before = if before == 0 { String::new() } else { format!(", {before} were in it") };
    output.remark(&format!("{} added to the cache{before}{left}", count(added.added, "result")));
    super::share::tell_left(output, &added.left_out);
    Ok(exit)
}

fn gc(cache: &CacheDirectory, output: &Output, upkeep: &CacheUpkeep) -> Done {
    let mut limits = CacheLimits::default();
    limits.max_bytes = upkeep.max_size;
    limits.max_age = upkeep.max_age.map(Duration::from_secs);
    limits.keep_last = upkeep.keep_last;
    limits.min_age = upkeep.min_age.map(Duration::from_secs);
    let removed = cache.make_room(&limits, upkeep.yes)?;
    if output.json {
        let mut json = crate::output::versioned(removed);
        json["removed"] = upkeep.yes.into();
        return Ok(output.answer_json(&json).map(|()| Exit::Success));
    }
    let stay = if removed.kept == 1 { "stays" } else { "stay" };
    let what = format!(
        "{} and {} ({}){}; {} {stay}",
        count(removed.results, "result"),
        count(removed.objects, "object"),
        size(removed.bytes),
        match removed.leftovers {
            0 => String::new(),
            n =>
                format!(", {} of broken-off writes ({})", count(n, "leftover"), size(removed.leftover_bytes)),
        },
        removed.kept
    );
    output.remark(&match (upkeep.yes, removed.results + removed.objects + removed.leftovers) {
        (_, 0) => format!("nothing to remove; {} {stay}", count(removed.kept, "result")),
        (true, _) => format!("removed {what}"),
        (false, _) => format!("would remove {what}; with --yes they go"),
    });
    if let Some(later) = later(&removed, upkeep.min_age) {
        output.remark(&later);
    }
    Ok(Ok(Exit::Success))
}

/// Why not all went that is of no use, or beyond the limits.
fn later(removed: &CacheRemoved, min_age: Option<u64>) -> Option<String> {
    let counted = [(removed.young_objects, "object"), (removed.young_leftovers, "unfinished file")];
    let parts: Vec<String> =
        counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(n, noun)).collect();
    if parts.is_empty() {
        return None;
    }
    let (are, go) =
        if removed.young_objects + removed.young_leftovers == 1 { ("is", "goes") } else { ("are", "go") };
    let (age, way_out) = match min_age {
        None => ("an hour", "; when nobody else uses the cache, `--min-age 0s` takes them, too"),
        Some(_) => ("`--min-age`", ""),
    };
    let what = parts.join(" and ");
    Some(format!("{what} ({}) {are} younger than {age} and {go} later{way_out}", size(removed.young_bytes)))
}

fn verify(cache: &CacheDirectory, output: &Output, remove: bool) -> Done {
    let faults = cache.check(remove)?;
    let is_good = faults.damaged.is_empty() && faults.incomplete == 0;
    let exit = if is_good || remove { Exit::Success } else { Exit::JobFailed };
    if output.json {
        let mut json = crate::output::versioned(&faults);
        json["removed"] = remove.into();
        return Ok(output.answer_json(&json).map(|()| exit));
    }
    let read = format!("{} ({})", count(faults.objects, "object"), size(faults.bytes));
    if is_good {
        output.remark(&format!("all is right: {read}"));
        return Ok(Ok(exit));
    }
    let lines: String = faults.damaged.iter().map(|object| format!("damaged: {object}\n")).collect();
    let verb = if remove { "removed" } else { "found; with --yes they go, and are made again when needed" };
    let what = format!(
        "{} and {} that cannot be restored {verb}; read: {read}",
        count(faults.damaged.len(), "damaged object"),
        count(faults.incomplete, "result")
    );
    let answered = output.answer(&lines);
    output.remark(&what);
    Ok(answered.map(|()| exit))
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn size(bytes: u64) -> String {
    super::list::size_text(bytes)
}
