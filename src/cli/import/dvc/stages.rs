//! The stages of a `dvc.yaml` as DVC itself resolves them: each instance with its command, files and params as they are now.

use super::{Reader, Scopes, entry, items, joined, keys, reader, wdir};
use crate::exit::Failure;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::Path;

/// What DVC calls a file of params where a name of a param stands alone.
const PARAMS: &str = "params.yaml";

/// Values of params, by file.
type Params = Vec<(String, Map<String, Json>)>;

/// A stage, or why it cannot be resolved.
type Resolved = Result<Stage, String>;

/// A stage, or an instance of one.
#[derive(Debug)]
pub(crate) struct Stage {
    /// A text, or a list of them.
    pub(crate) cmd: Json,
    pub(crate) deps: Vec<File>,
    /// By file, as they are sorted in a lock file.
    pub(crate) params: Params,
    pub(crate) outs: Vec<File>,
}

/// A file or directory of a stage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// As it is called in the stage.
    pub(crate) name: String,
    /// From the root.
    pub(crate) path: String,
    /// Whether DVC keeps it in its cache.
    pub(crate) is_cached: bool,
}

/// All stages by their names, in order; of one that cannot be resolved, why.
///
/// # Errors
/// The file is no `dvc.yaml`.
pub(crate) fn stages(name: &str, text: &str, dir: &Path) -> Result<Vec<(String, Resolved)>, Failure> {
    let (mut reader, file) = reader(name, text, dir)?;
    let mut all = Vec::new();
    for (name, body) in file.get("stages").and_then(Json::as_object).into_iter().flatten() {
        match reader.instances(name, body) {
            Ok(instances) => {
                let resolved = instances.into_iter().map(|(name, body, scopes)| {
                    let stage = reader.resolved(&body, scopes);
                    (name, stage)
                });
                all.extend(resolved);
            }
            Err(what) => all.push((name.clone(), Err(what))),
        }
    }
    Ok(all)
}

impl Reader<'_> {
    fn resolved(&mut self, body: &Map<String, Json>, mut scopes: Scopes) -> Resolved {
        let wdir = wdir(body, &scopes)?;
        self.more_vars(items(body.get("vars")).iter(), &wdir, &mut scopes)?;
        let command = |text: &Json| {
            let text = text.as_str().ok_or("its `cmd` is no text")?;
            Ok::<Json, String>(scopes.in_command(text)?.into())
        };
        let cmd = match body.get("cmd") {
            Some(Json::Array(all)) => Json::Array(all.iter().map(command).collect::<Result<_, _>>()?),
            Some(one) => command(one)?,
            None => return Err("it has no `cmd`".into()),
        };
        let file = |value: &Json| {
            let (name, options) = entry(value);
            let name = scopes.now(name)?;
            if name.contains("://") {
                return Err(format!("`{name}` is not on this machine"));
            }
            let path = match name.starts_with('/') {
                true => name.clone(),
                false => joined(&name, &wdir).ok_or_else(|| format!("`{name}` leads out of the project"))?,
            };
            let is_cached = options.and_then(|options| options.get("cache")) != Some(&Json::Bool(false));
            Ok(File { name, path, is_cached })
        };
        let mut deps = items(body.get("deps")).iter().map(file).collect::<Result<Vec<_>, String>>()?;
        let outs = ["outs", "metrics", "plots"].into_iter().flat_map(|kind| items(body.get(kind)));
        let mut outs = outs.map(file).collect::<Result<Vec<_>, String>>()?;
        deps.sort_by(|a, b| a.name.cmp(&b.name));
        outs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Stage { cmd, deps, params: self.values(body.get("params"), &scopes, &wdir)?, outs })
    }

    fn values(&mut self, params: Option<&Json>, scopes: &Scopes, wdir: &str) -> Result<Params, String> {
        let mut files: BTreeMap<String, BTreeMap<String, Json>> = BTreeMap::new();
        for entry in items(params) {
            let wanted: Vec<(String, Vec<String>)> = match entry {
                Json::String(key) => vec![(PARAMS.into(), vec![scopes.now(key)?])],
                Json::Object(files) => {
                    let of_file = |(file, wanted): (&String, &Json)| {
                        let wanted = items(Some(wanted)).iter().filter_map(Json::as_str);
                        let wanted: Result<Vec<String>, String> = wanted.map(|key| scopes.now(key)).collect();
                        Ok((scopes.now(file)?, wanted?))
                    };
                    files.iter().map(of_file).collect::<Result<_, String>>()?
                }
                _ => return Err("an entry of `params` is neither a name nor a file".into()),
            };
            for (file, wanted) in wanted {
                let path = joined(&file, wdir).ok_or_else(|| format!("`{file}` leads out of the project"))?;
                let (_, content) = self.file(&path)?;
                let values = files.entry(file).or_default();
                if let (true, Json::Object(all)) = (wanted.is_empty(), &content) {
                    values.extend(all.clone());
                }
                for key in wanted {
                    let parts = keys(&key).ok_or_else(|| format!("the param `{key}` is not understood"))?;
                    let value =
                        super::inside(&content, &parts).ok_or_else(|| format!("{path} has no `{key}`"))?;
                    values.insert(key, value.clone());
                }
            }
        }
        let mut files: Vec<_> =
            files.into_iter().map(|(file, values)| (file, values.into_iter().collect())).collect();
        // The one without a name comes first; the others are sorted.
        files.sort_by_key(|(file, _): &(String, _)| file != PARAMS);
        Ok(files)
    }
}
