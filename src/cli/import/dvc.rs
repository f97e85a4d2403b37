//! `dvc.yaml`: each stage is a rule, and each instance of a `foreach` or a `matrix`. Values of `params.yaml` stay where they
//! are: the Rulefile reads them, so that a change of one runs what uses it.

mod stages;

use super::interpolate::{Scopes, command_text, keys, path_expression, shown};
use super::make::several;
use super::{Draft, Imported, Names, Note, assembled, quoted};
use crate::exit::{Exit, Failure};
use rulemake::Value;
use serde_json::{Map, Value as Json};
pub(crate) use stages::{File, Stage as ResolvedStage, stages};
use std::collections::BTreeMap;
use std::path::Path;

/// More instances than anybody wants to read.
const MAX_INSTANCES: usize = 10_000;

/// What is put before each command: DVC's go on after an unset variable and a failure in a pipe.
pub(crate) const PREFIX: &str = "set +uo pipefail; ";

/// The options of an output that matter here.
const PLAIN_OPTIONS: [&str; 12] =
    ["cache", "desc", "type", "labels", "meta", "remote", "push", "x", "y", "x_label", "y_label", "title"];

/// `name` is what messages call the file, `dir` is where it lies.
pub(crate) fn import(name: &str, text: &str, dir: &Path) -> Result<Imported, Failure> {
    let (mut reader, file) = reader(name, text, dir)?;
    let stages = file.get("stages").and_then(Json::as_object);
    for key in file.keys().filter(|key| !["stages", "vars", "schema"].contains(&key.as_str())) {
        let line = reader.line(&format!("{key}:"));
        reader.notes.push(Note::changed(line, format!("`{key}` is for DVC's own displays: left out")));
    }
    for (stage, body) in stages.into_iter().flatten() {
        reader.stage(stage, body)?;
    }
    Ok(reader.finish())
}

/// What reads the file, and its content.
fn reader<'t>(name: &str, text: &'t str, dir: &'t Path) -> Result<(Reader<'t>, Map<String, Json>), Failure> {
    let Json::Object(file) = parsed(name, text)? else {
        return Err(wrong(format!("{name} is no mapping")));
    };
    let mut reader = Reader {
        text,
        dir,
        notes: Vec::new(),
        scopes: Scopes::default(),
        files: BTreeMap::new(),
        drafts: Vec::new(),
        names: Names::default(),
    };
    reader.vars(file.get("vars"))?;
    if !file.get("stages").is_some_and(Json::is_object) {
        return Err(
            wrong(format!("{name} has no `stages`")).help("what DVC tracks without a stage is a source here")
        );
    }
    Ok((reader, file))
}

fn wrong(message: String) -> Failure {
    Failure::new(Exit::Workflow, message)
}

fn parsed(name: &str, text: &str) -> Result<Json, Failure> {
    let value = Value::from_yaml_core(name, text)?;
    serde_json::to_value(&value).map_err(|error| wrong(format!("{name} cannot be read: {error}")))
}

struct Stage {
    /// As DVC names it: `train@a`.
    name: String,
    draft: Draft,
    outputs: Vec<Output>,
}

/// The name of an instance, what stands in it, and what `${...}` is there.
type Instance = (String, Map<String, Json>, Scopes);

struct Output {
    /// From the root, as it is now.
    path: String,
    expression: String,
    is_metrics: bool,
}

struct Reader<'t> {
    text: &'t str,
    dir: &'t Path,
    notes: Vec<Note>,
    scopes: Scopes,
    /// Files of params that the Rulefile reads: what they hold now, and their name there.
    files: BTreeMap<String, (String, Json)>,
    drafts: Vec<Stage>,
    names: Names,
}

impl Reader<'_> {
    /// Where a piece of text stands first.
    fn line(&self, wanted: &str) -> usize {
        self.text.lines().position(|line| line.trim_start().starts_with(wanted)).map_or(1, |at| at + 1)
    }

    /// The content of a file of params, which the Rulefile will read, too.
    fn file(&mut self, path: &str) -> Result<(String, Json), String> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        let text = text_of(&self.dir.join(path)).ok_or_else(|| format!("{path} cannot be read"))?;
        let content = match path.rsplit('.').next() {
            Some("json") => {
                serde_json::from_str(&text).map_err(|error| format!("{path} is not JSON: {error}"))?
            }
            Some("toml") => {
                toml::from_str::<Json>(&text).map_err(|error| format!("{path} is not TOML: {error}"))?
            }
            Some("py") => {
                return Err(format!("{path} is Python, which is not read: move its params to a YAML file"));
            }
            _ => parsed(path, &text).map_err(|_| format!("{path} is not YAML"))?,
        };
        let stem = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or(path);
        let name = self.names.unique(&stem.to_uppercase());
        self.files.insert(path.into(), (name.clone(), content.clone()));
        Ok((name, content))
    }

    fn vars(&mut self, vars: Option<&Json>) -> Result<(), Failure> {
        if self.dir.join("params.yaml").is_file() {
            match self.file("params.yaml") {
                Ok((name, Json::Object(values))) => self.scopes.push(values, Some(&name)),
                Ok(_) => {}
                Err(what) => return Err(wrong(what)),
            }
        }
        let mut scopes = std::mem::take(&mut self.scopes);
        let result = self.more_vars(vars, &mut scopes);
        self.scopes = scopes;
        result.map_err(wrong)
    }

    fn more_vars(&mut self, vars: Option<&Json>, scopes: &mut Scopes) -> Result<(), String> {
        for entry in vars.and_then(Json::as_array).into_iter().flatten() {
            match entry {
                Json::Object(values) => {
                    let Json::Object(values) = scopes.value(&Json::Object(values.clone()))? else { continue };
                    scopes.push(values, None);
                }
                Json::String(path) => {
                    let (path, wanted) =
                        path.split_once(':').map_or((path.as_str(), None), |(p, k)| (p, Some(k)));
                    let (name, content) = self.file(path)?;
                    let Json::Object(mut values) = content else { continue };
                    if let Some(wanted) = wanted {
                        let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
                        values.retain(|key, _| wanted.contains(&key.as_str()));
                    }
                    scopes.push(values, Some(&name));
                }
                _ => return Err("an entry of `vars` is neither a file nor a mapping".into()),
            }
        }
        Ok(())
    }

    fn stage(&mut self, name: &str, body: &Json) -> Result<(), Failure> {
        let line = self.line(&format!("{name}:"));
        let instances = match self.instances(name, body) {
            Ok(instances) => instances,
            Err(what) => {
                self.notes.push(Note::missing(line, format!("the stage `{name}` is left out: {what}")));
                return Ok(());
            }
        };
        if instances.len() > 1 || instances.first().is_some_and(|(instance, ..)| instance != name) {
            let message = format!(
                "`{name}` is written out, for each of its {} instances: commands have the values of now, later ones are not seen",
                instances.len()
            );
            self.notes.push(Note::changed(line, message));
        }
        for (instance, body, scopes) in instances {
            match self.instance(&instance, &body, scopes, line) {
                Ok(stage) => self.drafts.push(stage),
                Err(what) => {
                    self.notes
                        .push(Note::missing(line, format!("the stage `{instance}` is left out: {what}")));
                }
            }
        }
        Ok(())
    }

    /// The instances of a stage: names, bodies and what `${...}` is in them.
    fn instances(&self, name: &str, body: &Json) -> Result<Vec<Instance>, String> {
        let body = body.as_object().ok_or("it is no mapping")?;
        let with = |pairs: Vec<(&str, Json)>| {
            let mut scopes = self.scopes.clone();
            scopes.push(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect(), None);
            scopes
        };
        if let Some(each) = body.get("foreach") {
            let inner = body.get("do").and_then(Json::as_object).ok_or("its `foreach` has no `do`")?;
            return Ok(match self.scopes.value(each)? {
                Json::Array(items) => {
                    let by_value = items.iter().all(|item| !item.is_object() && !item.is_array());
                    let named = |(at, item): (usize, Json)| {
                        let key = if by_value { shown(&item) } else { at.to_string() };
                        (format!("{name}@{key}"), inner.clone(), with(vec![("item", item)]))
                    };
                    items.into_iter().enumerate().map(named).collect()
                }
                Json::Object(map) => map
                    .into_iter()
                    .map(|(key, item)| {
                        let scopes = with(vec![("key", key.clone().into()), ("item", item)]);
                        (format!("{name}@{key}"), inner.clone(), scopes)
                    })
                    .collect(),
                _ => return Err("its `foreach` is neither a list nor a mapping".into()),
            });
        }
        let Some(matrix) = body.get("matrix") else {
            return Ok(vec![(name.to_string(), body.clone(), self.scopes.clone())]);
        };
        let Json::Object(axes) = self.scopes.value(matrix)? else {
            return Err("its `matrix` is no mapping".into());
        };
        let mut all: Vec<(Vec<String>, Map<String, Json>)> = vec![(Vec::new(), Map::new())];
        for (axis, values) in &axes {
            let values = values.as_array().ok_or_else(|| format!("`{axis}` of its matrix is no list"))?;
            if all.len().saturating_mul(values.len()) > MAX_INSTANCES {
                return Err(format!("it has more than {MAX_INSTANCES} instances"));
            }
            let mut next = Vec::new();
            for (names, item) in &all {
                for (at, value) in values.iter().enumerate() {
                    let key = if value.is_object() || value.is_array() {
                        format!("{axis}{at}")
                    } else {
                        shown(value)
                    };
                    let (mut names, mut item) = (names.clone(), item.clone());
                    names.push(key);
                    item.insert(axis.clone(), value.clone());
                    next.push((names, item));
                }
            }
            all = next;
        }
        let mut inner = body.clone();
        inner.shift_remove("matrix");
        Ok(all
            .into_iter()
            .map(|(names, item)| {
                let key = names.join("-");
                let scopes = with(vec![("key", key.clone().into()), ("item", Json::Object(item))]);
                (format!("{name}@{key}"), inner.clone(), scopes)
            })
            .collect())
    }

    fn instance(
        &mut self,
        name: &str,
        body: &Map<String, Json>,
        mut scopes: Scopes,
        line: usize,
    ) -> Result<Stage, String> {
        self.more_vars(body.get("vars"), &mut scopes)?;
        let wdir = self.wdir(body, &scopes)?;
        let mut draft = Draft { name: self.names.unique(name), ..Draft::default() };
        self.notes.extend(Note::of_name(line, &draft.name));
        draft.doc = body.get("desc").and_then(Json::as_str).map(|text| text.trim().replace('\n', " "));
        for (key, is) in [
            ("frozen", "DVC does not run it until it is unfrozen"),
            ("always_changed", "DVC runs it each time"),
        ] {
            if body.get(key) == Some(&Json::Bool(true)) {
                draft.comments.push(format!("{key}: {is}"));
                let instead = if key == "frozen" { "rulemake accept" } else { "rulemake --force-from" };
                let message = format!(
                    "`{name}` is {key}: {is}, and rulemake when it is stale; `{instead}` does so by hand"
                );
                self.notes.push(Note::changed(line, message));
            }
        }
        for dep in items(body.get("deps")) {
            let (path, _) = entry(dep);
            if path.contains("://") {
                self.notes.push(Note::missing(
                    line,
                    format!("`{path}` is not on this machine: fetch it in a rule of its own"),
                ));
                continue;
            }
            draft.input.push(self.path(&scopes, path, &wdir)?.expression);
        }
        let mut outputs = Vec::new();
        for kind in ["outs", "metrics", "plots"] {
            for out in items(body.get(kind)) {
                let (path, options) = entry(out);
                if options.and_then(|options| options.get("persist")) == Some(&Json::Bool(true)) {
                    self.notes.push(Note::missing(line, format!("`{path}` is kept between runs (persist): `update(...)` does so, if the command changes it in place")));
                }
                let unknown = options.into_iter().flat_map(Map::keys).find(|key| {
                    !PLAIN_OPTIONS.contains(&key.as_str()) && *key != "persist" && kind != "plots"
                });
                if let Some(key) = unknown {
                    self.notes.push(Note::changed(line, format!("`{key}` of `{path}` means nothing here")));
                }
                let output = self.path(&scopes, path, &wdir)?;
                outputs.push(Output { is_metrics: kind == "metrics", ..output });
            }
        }
        self.params(body.get("params"), &scopes, &wdir, &mut draft)?;
        let commands = match body.get("cmd") {
            Some(Json::String(text)) => vec![text.as_str()],
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).collect(),
            _ => return Err("it has no `cmd`".into()),
        };
        let mut lines: Vec<String> = Vec::new();
        let last = commands.len().saturating_sub(1);
        if !wdir.is_empty() {
            lines.push(format!("cd {}", word(&wdir).replace('{', "{{").replace('}', "}}")));
        }
        for (at, command) in commands.into_iter().enumerate() {
            for expression in scopes.fixed(command) {
                let message =
                    format!("`${{{expression}}}` is written in as it is now: its later values are not seen");
                self.notes.push(Note::changed(line, message));
            }
            let text = command_text(&scopes.pieces(command.trim(), true)?);
            lines.push(match (several(&text), at == last) {
                (false, _) => text,
                (true, true) => format!("set +e\n{text}"),
                (true, false) => format!("(\nset +e\n{text}\n)"),
            });
        }
        draft.shell = Some(lines.join("\n"));
        Ok(Stage { name: name.into(), draft, outputs })
    }

    fn wdir(&self, body: &Map<String, Json>, scopes: &Scopes) -> Result<String, String> {
        match body.get("wdir") {
            Some(Json::String(text)) => {
                joined(&scopes.now(text)?, "").ok_or_else(|| "its `wdir` leads out of the project".into())
            }
            _ => Ok(String::new()),
        }
    }

    fn path(&self, scopes: &Scopes, text: &str, wdir: &str) -> Result<Output, String> {
        let now = scopes.now(text)?;
        let path = if now.starts_with('/') {
            now.clone()
        } else {
            joined(&now, wdir).ok_or_else(|| format!("`{now}` leads out of the project"))?
        };
        let plain =
            !text.contains("..") && !text.starts_with("./") && wdir.is_empty() && !text.ends_with('/');
        // What had to be rewritten is written as it is now.
        let expression = if plain {
            path_expression(&scopes.pieces(text, false)?)
        } else {
            quoted(&path.replace('{', "{{").replace('}', "}}"))
        };
        Ok(Output { path, expression, is_metrics: false })
    }

    /// Adds what is tracked of files of params.
    fn params(
        &mut self,
        params: Option<&Json>,
        scopes: &Scopes,
        wdir: &str,
        draft: &mut Draft,
    ) -> Result<(), String> {
        let mut names = Names::default();
        for entry in items(params) {
            let of_files: Vec<(String, Option<Vec<String>>)> = match entry {
                Json::String(key) => vec![("params.yaml".into(), Some(vec![scopes.now(key)?]))],
                Json::Object(files) => {
                    let mut all = Vec::new();
                    for (file, wanted) in files {
                        let wanted = items(Some(wanted)).iter().filter_map(|key| key.as_str());
                        let wanted: Vec<String> =
                            wanted.map(|key| scopes.now(key)).collect::<Result<_, _>>()?;
                        all.push((scopes.now(file)?, Some(wanted).filter(|wanted| !wanted.is_empty())));
                    }
                    all
                }
                _ => return Err("an entry of `params` is neither a name nor a file".into()),
            };
            for (file, wanted) in of_files {
                let file = joined(&file, wdir).ok_or_else(|| format!("`{file}` leads out of the project"))?;
                let Some(wanted) = wanted else {
                    // All of it: its content.
                    draft.input.push(quoted(&file));
                    continue;
                };
                let (_, content) = self.file(&file)?;
                for key in wanted {
                    let keys = keys(&key).ok_or_else(|| format!("the param `{key}` is not understood"))?;
                    let value = inside(&content, &keys);
                    value.ok_or_else(|| format!("{file} has no `{key}`"))?;
                    let arguments = format!("{}, {}", quoted(&file), quoted(&keys.join(".")));
                    draft.params.push((names.unique(&key), from_file(&file, &arguments)));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Imported {
        let mut head = format!(
            "\n# DVC's commands go on after an unset variable and a failure in a pipe.\nshell.prefix({})\n\n",
            quoted(PREFIX)
        );
        for (path, (name, _)) in &self.files {
            let stands_in = |text: &String| text.contains(&format!("{name}["));
            let is_used = self.drafts.iter().any(|Stage { draft, outputs, .. }| {
                let outputs = outputs.iter().map(|output| &output.expression);
                draft.shell.iter().chain(&draft.input).chain(outputs).any(stands_in)
            });
            if is_used {
                head.push_str(&format!("{name} = {}\n", from_file(path, &quoted(path))));
            }
        }
        let locked = self.locked_directories();
        let inputs: Vec<String> = self.drafts.iter().flat_map(|stage| stage.draft.input.clone()).collect();
        let mut all = Draft { name: self.names.unique("all"), ..Draft::default() };
        all.doc = Some("All stages, as `dvc repro` runs them.".into());
        let mut drafts = Vec::new();
        for stage in std::mem::take(&mut self.drafts) {
            let Stage { name, mut draft, outputs } = stage;
            if outputs.is_empty() {
                let stamp = stamp(&name);
                let line = self.line(&format!("{}:", name.split('@').next().unwrap_or(&name)));
                let when = if draft.input.is_empty() && draft.params.is_empty() {
                    "runs once"
                } else {
                    "runs when what it needs changed"
                };
                self.notes.push(Note::changed(
                    line,
                    format!("`{name}` makes no file: it {when}, and leaves `{stamp}`"),
                ));
                draft.output.push(format!("touch({})", quoted(&stamp)));
                all.input.push(quoted(&stamp));
            }
            for output in outputs {
                let inside = format!("\"{}/", output.path);
                let is_directory = self.dir.join(&output.path).is_dir()
                    || locked.contains(&output.path)
                    || inputs.iter().any(|input| input.starts_with(&inside));
                let unsure = !is_directory
                    && !self.dir.join(&output.path).exists()
                    && !output.path.rsplit('/').next().unwrap_or_default().contains('.');
                if unsure {
                    let line = self.line(&format!("- {}", output.path));
                    let message = format!(
                        "`{}` is taken for a file: if it is a directory, write `directory(...)` around it",
                        output.path
                    );
                    self.notes.push(Note::changed(line, message));
                }
                all.input.push(output.expression.clone());
                if output.is_metrics {
                    draft.metrics.push(output.expression);
                    continue;
                }
                draft.output.push(if is_directory {
                    format!("directory({})", output.expression)
                } else {
                    output.expression
                });
            }
            drafts.push(draft);
        }
        drafts.insert(0, all);
        self.notes.sort_by_key(|note| note.line);
        self.notes.dedup();
        let rules = drafts.iter().map(|draft| draft.name.clone()).collect();
        Imported { text: assembled(&head, &drafts, ""), rules, notes: self.notes }
    }

    /// Outputs that were directories when DVC made them.
    fn locked_directories(&self) -> Vec<String> {
        let text = text_of(&self.dir.join("dvc.lock")).unwrap_or_default();
        let lock = parsed("dvc.lock", &text).unwrap_or(Json::Null);
        let stages = lock.get("stages").and_then(Json::as_object).into_iter().flat_map(Map::values);
        let outs = stages.filter_map(|stage| stage.get("outs")?.as_array()).flatten();
        let is_directory =
            |out: &&Json| out.get("md5").and_then(Json::as_str).is_some_and(|md5| md5.ends_with(".dir"));
        outs.filter(is_directory).filter_map(|out| Some(out.get("path")?.as_str()?.to_string())).collect()
    }
}

/// The call of the Rulefile that reads a file, in whatever format.
fn from_file(path: &str, arguments: &str) -> String {
    match path.rsplit('.').next() {
        Some("yaml" | "yml" | "json" | "toml") => format!("from_file({arguments})"),
        // As DVC has it.
        _ => format!("from_file({arguments}, format=\"yaml\")"),
    }
}

/// What a stage leaves that makes no file.
pub(crate) fn stamp(stage: &str) -> String {
    format!(".stamps/{stage}")
}

/// The value to which keys lead.
fn inside<'j>(content: &'j Json, keys: &[String]) -> Option<&'j Json> {
    keys.iter().try_fold(content, |value, part| match value {
        Json::Object(map) => map.get(part),
        Json::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    })
}

/// One or several.
fn items(value: Option<&Json>) -> &[Json] {
    match value {
        Some(Json::Array(items)) => items,
        Some(Json::Null) | None => &[],
        Some(one) => std::slice::from_ref(one),
    }
}

/// A path with its options, if it has some.
fn entry(value: &Json) -> (&str, Option<&Map<String, Json>>) {
    match value {
        Json::Object(map) => match map.iter().next() {
            Some((path, options)) => (path, options.as_object()),
            None => ("", None),
        },
        other => (other.as_str().unwrap_or_default(), None),
    }
}

/// `path` from the directory `base`, without `.` and `..`; nothing when it leads out.
fn joined(path: &str, base: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn word(text: &str) -> String {
    crate::project::quoted(text)
}

fn text_of(path: &Path) -> Option<String> {
    String::from_utf8(crate::read::whole(path).ok()?).ok()
}
