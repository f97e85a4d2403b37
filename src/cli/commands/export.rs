//! `rulemake export`: what is up to date, as DVC has it.

mod agree;

use super::Place;
use crate::exit::{Exit, Failure};
use crate::export::dvc;
use crate::export::ignore::{self, Ignored};
use crate::import::dvc::{ResolvedStage, stages};
use crate::init::io_failure;
use crate::options::RunArgs;
use rulemake::inspect::OutputState;
use rulemake::report::printable;
use rulemake::{Session, Value, Verdict};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What `export` was asked to do.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  rulemake export           write dvc.lock: `dvc status` finds nothing to do
  rulemake export dvc.lock  the same")]
pub(crate) struct ExportArgs {
    /// What to write: dvc.lock, beside the dvc.yaml in the directory of the Rulefile
    #[arg(value_name = "FILE", default_value = "dvc.lock")]
    to: PathBuf,
}

const LOCK: &str = "dvc.lock";
const STAGES: &str = "dvc.yaml";

/// A stage that is not written, and why.
struct Left {
    stage: String,
    because: String,
}

pub(crate) fn export(place: &Place, args: &ExportArgs) -> Result<Exit, Failure> {
    if args.to != Path::new(LOCK) {
        let message = format!("`{}` is nothing that can be exported", args.to.display());
        return Err(Failure::new(Exit::Usage, message).help("the one thing that can be is `dvc.lock`"));
    }
    let root = &place.project.root;
    let text = std::fs::read_to_string(root.join(STAGES)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let message = format!("there is no {STAGES} in {}, and {LOCK} belongs to one", root.display());
            Failure::new(Exit::Usage, message).help("`rulemake lock` writes what needs no DVC")
        }
        _ => io_failure("read", &root.join(STAGES), &error),
    })?;
    let stages = stages(STAGES, &text, root)?;
    let session = session(place)?;
    let outputs = outputs(place, &session)?;
    let agreed = agree::Stages::new(place, &session, STAGES, &text)?;

    let mut left = Vec::new();
    let mut ready: Vec<(String, ResolvedStage)> = Vec::new();
    for (name, stage) in stages {
        let is_right = |stage: &ResolvedStage| {
            let made = made(&name, stage);
            made.iter().try_for_each(|path| is_up_to_date(path, &outputs))?;
            made.iter().try_for_each(|path| agreed.agree(path))
        };
        match stage.and_then(|stage| is_right(&stage).map(|()| stage)) {
            Ok(stage) => ready.push((name, stage)),
            Err(because) => left.push(Left { stage: name, because }),
        }
    }
    let known = dvc::hashed(root, ready.iter().map(|(_, stage)| stage));
    let before = before(root)?;
    let mut written = Map::new();
    let (mut count, mut kept) = (0, 0);
    let cache = dvc::cache_of(root);
    for (name, stage) in &ready {
        match dvc::locked(stage, &known) {
            Ok(entry) => {
                let cached = stage.outs.iter().filter(|out| out.is_cached && !out.path.starts_with('/'));
                for out in cached {
                    let (Some(cache), Some(Ok(hashed))) = (&cache, known.get(&out.path)) else { continue };
                    kept += dvc::keep(cache, &root.join(&out.path), hashed).map_err(|error| {
                        let message = format!("cannot put {} into {}: {error}", out.path, cache.display());
                        Failure::new(Exit::Environment, message)
                    })?;
                }
                count += 1;
                written.insert(name.clone(), entry);
            }
            Err(because) => left.push(Left { stage: name.clone(), because }),
        }
    }
    // What DVC itself knows of the others stays.
    for left in &left {
        if let Some(entry) = before.get(&left.stage) {
            written.insert(left.stage.clone(), entry.clone());
        }
    }
    // A lock file without stages says nothing, and DVC does not write one either.
    if !written.is_empty() {
        write(&root.join(LOCK), &dvc::document(&written))?;
    }
    let cached: Vec<&str> = ready
        .iter()
        .filter(|(name, _)| written.contains_key(name))
        .flat_map(|(_, stage)| stage.outs.iter())
        .filter(|out| out.is_cached && !out.path.starts_with('/'))
        .map(|out| out.path.as_str())
        .collect();
    let ignored = match dvc::is_with_git(root) {
        true => ignore::name(root, &cached)?,
        false => Ignored::default(),
    };
    tell(place, Written { count, kept, cache: cache.as_deref(), ignored }, &left)
}

/// What was written.
struct Written<'a> {
    /// Stages.
    count: usize,
    /// New objects in DVC's cache.
    kept: usize,
    cache: Option<&'a Path>,
    ignored: Ignored,
}

fn session(place: &Place) -> Result<Session, Failure> {
    let workflow = place.load(None)?;
    Ok(place.session(workflow, &RunArgs::default()).open()?)
}

/// The outputs that the default rule needs, by path.
fn outputs(place: &Place, session: &Session) -> Result<BTreeMap<String, OutputState>, Failure> {
    let options = place.run_options(&RunArgs::default(), session.workflow());
    let outputs = session.outputs::<&str>(&[], &options);
    place.show_printed(&session.take_printed());
    let outputs = outputs.map_err(|error| place.explained(error, &[]))?;
    Ok(outputs.into_iter().map(|output| (output.path.clone(), output)).collect())
}

/// What the job of a stage makes.
fn made(name: &str, stage: &ResolvedStage) -> Vec<String> {
    match &stage.outs[..] {
        [] => vec![crate::import::dvc::stamp(name)],
        outs => outs.iter().map(|out| out.path.clone()).collect(),
    }
}

/// Whether a job of the Rulefile made what is there.
fn is_up_to_date(path: &str, outputs: &BTreeMap<String, OutputState>) -> Result<(), String> {
    match outputs.get(path) {
        None => Err(format!("the first rule does not need {path}")),
        Some(output) if output.verdict != Verdict::UpToDate => Err(format!("{path} is not up to date")),
        Some(output) if !output.exists => Err(format!("{path} is not there")),
        Some(_) => Ok(()),
    }
}

/// What the lock file says that is there.
fn before(root: &Path) -> Result<Map<String, Json>, Failure> {
    let text = match std::fs::read_to_string(root.join(LOCK)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(io_failure("read", &root.join(LOCK), &error)),
    };
    let value = Value::from_yaml_core(LOCK, &text)?;
    let stages = serde_json::to_value(&value).ok().and_then(|mut value| match value["stages"].take() {
        Json::Object(stages) => Some(stages),
        _ => None,
    });
    Ok(stages.unwrap_or_default())
}

fn write(to: &Path, text: &str) -> Result<(), Failure> {
    if std::fs::read_to_string(to).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let fresh = to.with_file_name(format!(".{LOCK}.{}.tmp", std::process::id()));
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, to));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&fresh);
        io_failure("write", to, &error)
    })
}

fn tell(place: &Place, written: Written<'_>, left: &[Left]) -> Result<Exit, Failure> {
    let Written { count, kept, cache, ignored } = written;
    let output = &place.output;
    let exit = if left.is_empty() { Exit::Success } else { Exit::Found };
    if output.json {
        let left: Vec<Json> = left
            .iter()
            .map(|left| serde_json::json!({"stage": left.stage, "because": left.because}))
            .collect();
        output.answer_json(&serde_json::json!({
            "v": 1, "to": LOCK, "stages": count, "cache": cache, "new_objects": kept, "left": left,
            "gitignore": ignored.files, "tracked": ignored.tracked
        }))?;
        return Ok(exit);
    }
    let lines =
        left.iter().map(|left| format!("left {}: {}\n", printable(&left.stage), printable(&left.because)));
    output.answer(&lines.collect::<String>())?;
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let kept = match cache {
        None => "no .dvc here, so nothing was put into a cache".to_string(),
        Some(cache) => {
            let cache = cache.strip_prefix(&place.project.root).unwrap_or(cache);
            format!("{kept} new file{} in {}", s(kept), cache.display())
        }
    };
    output.remark(&printable(&match count {
        0 => format!("nothing to write into {LOCK}"),
        _ => format!("{LOCK} now has the results of {count} stage{} of {STAGES}; {kept}", s(count)),
    }));
    if !ignored.files.is_empty() {
        let files: Vec<String> = ignored.files.iter().map(|file| file.display().to_string()).collect();
        output.remark(&printable(&format!(
            "{} name{} what DVC keeps, so that git does not",
            files.join(", "),
            if files.len() == 1 { "s" } else { "" }
        )));
    }
    if let Some(first) = ignored.tracked.first() {
        output.remark(&printable(&format!(
            "warning: git tracks {}, and DVC refuses what git tracks: `git rm -r --cached {}`",
            ignored.tracked.join(", "),
            crate::project::quoted(first)
        )));
    }
    if !left.is_empty() {
        output.remark(
            "help: `rulemake` makes what is not up to date; `rulemake import dvc.yaml -o -` prints the rules that dvc.yaml stands \
             for: where the Rulefile is to do the same, take them over, else write its command into dvc.yaml",
        );
    }
    Ok(exit)
}
