//! `dvc.yaml`: each stage is a rule; those of a `foreach` or a `matrix` have a rule with wildcards, or one in a loop. Values of
//! `params.yaml` stay where they are: the Rulefile reads them, so that a change of one runs what uses it.

mod each;
mod stages;

use super::interpolate::{OPTIONS, Params, Scopes, TEXT, command_text, keys, path_expression};
use super::make::several;
use super::{Draft, Imported, Names, Note, assembled, quoted};
use crate::exit::{Exit, Failure};
use each::{Each, Said};
use rulemake::Value;
use serde_json::{Map, Value as Json};
pub(crate) use stages::{File, Stage as ResolvedStage, stages};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is put before each command: DVC's go on after an unset variable and a failure in a pipe.
pub(crate) const PREFIX: &str = "set +uo pipefail; ";

/// The function of a Rulefile for what a wildcard may be.
const ONE_OF: &str = r#"def one_of(values):
    """A wildcard that is one of these, and nothing else."""
    return "|".join(re.escape(str(value)) for value in values)
"#;

/// The options of an output that matter here.
const PLAIN_OPTIONS: [&str; 12] =
    ["cache", "desc", "type", "labels", "meta", "remote", "push", "x", "y", "x_label", "y_label", "title"];

/// `name` is what messages call the file, `dir` is where it lies.
pub(crate) fn import(name: &str, text: &str, dir: &Path) -> Result<Imported, Failure> {
    let (mut reader, file) = reader(name, text, dir)?;
    let stages = file.get("stages").and_then(Json::as_object);
    for key in file.keys().filter(|key| !["stages", "vars", "schema"].contains(&key.as_str())) {
        let is_it = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        let line = text.lines().position(is_it).map_or(1, |at| at + 1);
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
        constants: Map::new(),
        constants_name: None,
        defined: Vec::new(),
        deps: BTreeSet::new(),
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
    /// As DVC names it, without what is behind an `@`.
    name: String,
    draft: Draft,
    said: Said,
    is_once: bool,
    /// The names of its instances.
    instances: Vec<String>,
    outputs: Vec<Output>,
}

/// The name of an instance, what stands in it, and what `${...}` is there.
type Instance = (String, Map<String, Json>, Scopes);

struct Output {
    /// From the root, as it is now, in each instance.
    paths: Vec<String>,
    expression: String,
    is_metrics: bool,
    is_directory: bool,
}

/// `${...}` of a stage: in all its instances at once, and in each as it is now.
struct Values {
    all: Scopes,
    now: Vec<Scopes>,
}

struct Reader<'t> {
    text: &'t str,
    dir: &'t Path,
    notes: Vec<Note>,
    scopes: Scopes,
    /// Files of params that the Rulefile reads: what they hold now, and their name there.
    files: BTreeMap<String, (String, Json)>,
    /// `vars` that stand in the file itself, and what the Rulefile calls them.
    constants: Map<String, Json>,
    constants_name: Option<String>,
    /// What the Rulefile names besides.
    defined: Vec<(String, String)>,
    /// All paths that stages depend on, as they are now.
    deps: BTreeSet<String>,
    drafts: Vec<Stage>,
    names: Names,
}

impl Reader<'_> {
    /// Where a piece of text stands first.
    fn line(&self, wanted: &str) -> usize {
        self.text.lines().position(|line| line.trim_start().starts_with(wanted)).map_or(1, |at| at + 1)
    }

    /// The line of an item of the stage at `stage`, or that of the stage: a list in brackets has none for each item.
    fn line_of_item(&self, stage: usize, item: &str) -> usize {
        let depth = |line: &str| line.len() - line.trim_start().len();
        let mut lines = self.text.lines().skip(stage.saturating_sub(1));
        let outside = lines.next().map_or(0, depth);
        let mut own = lines.take_while(|line| line.trim().is_empty() || depth(line) > outside);
        let is_it = |line: &str| {
            let found = line.trim().strip_prefix("- ").map(|found| found.trim_end_matches(':'));
            found.is_some_and(|found| found.trim_matches(['"', '\'']) == item)
        };
        own.position(is_it).map_or(stage, |at| stage + 1 + at)
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
        let constants = vars.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object);
        self.constants = constants.flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        if !self.constants.is_empty() {
            let name = self.names.unique("VARS");
            scopes.push(self.constants.clone(), Some(&name));
            self.constants_name = Some(name);
        }
        let files = vars.and_then(Json::as_array).into_iter().flatten().filter(|entry| !entry.is_object());
        let (unread, files): (Vec<&Json>, Vec<&Json>) = files.partition(|entry| {
            entry.as_str().is_some_and(|path| is_python(path.split(':').next().unwrap_or(path)))
        });
        for path in unread.into_iter().filter_map(Json::as_str) {
            let line = self.line(&format!("- {path}"));
            self.notes.push(Note::missing(
                line,
                format!(
                    "`{path}` is Python, which is not read: move what `${{...}}` takes from it to a YAML file"
                ),
            ));
        }
        let result = self.more_vars(files.into_iter(), "", &mut scopes);
        self.scopes = scopes;
        result.map_err(wrong)
    }

    /// Adds what `vars` have; the files among them start from `wdir`.
    fn more_vars<'j>(
        &mut self,
        vars: impl Iterator<Item = &'j Json>,
        wdir: &str,
        scopes: &mut Scopes,
    ) -> Result<(), String> {
        for entry in vars {
            match entry {
                Json::Object(values) => scopes.push(values.clone(), None),
                Json::String(path) => {
                    let (path, wanted) =
                        path.split_once(':').map_or((path.as_str(), None), |(p, k)| (p, Some(k)));
                    let path =
                        joined(path, wdir).ok_or_else(|| format!("`{path}` leads out of the project"))?;
                    let (name, content) = self.file(&path)?;
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
        match self.drafted(name, body, line) {
            Ok(stage) => self.drafts.push(stage),
            Err(what) => {
                self.notes.push(Note::missing(line, format!("the stage `{name}` is left out: {what}")));
            }
        }
        Ok(())
    }

    /// The instances of a stage: names, bodies and what `${...}` is in them.
    fn instances(&self, name: &str, body: &Json) -> Result<Vec<Instance>, String> {
        let body = body.as_object().ok_or("it is no mapping")?;
        let (each, inner) = Each::of(&self.scopes, body)?;
        if each.is_once() {
            return Ok(vec![(name.to_string(), inner.into_owned(), self.scopes.clone())]);
        }
        let named = each.instances.iter().zip(each.values()).map(|((key, _), values)| {
            let mut scopes = self.scopes.clone();
            scopes.push(values, None);
            (format!("{name}@{key}"), inner.clone().into_owned(), scopes)
        });
        Ok(named.collect())
    }

    fn drafted(&mut self, name: &str, body: &Json, line: usize) -> Result<Stage, String> {
        let instances = self.instances(name, body)?;
        let (each, body) = Each::of(&self.scopes, body.as_object().ok_or("it is no mapping")?)?;
        let body = body.as_ref();
        let said = each.said(body, &name.to_uppercase());
        let said = match &said.defined {
            // Its name must be free, and stand in all that is made of it.
            Some((wanted, _)) => each.said(body, &self.names.unique(wanted)),
            None => said,
        };
        let mut values = Values { all: self.scopes.clone(), now: Vec::new() };
        if !each.is_once() {
            values.all.push_each(each.values(), said.symbols.clone());
        }
        let instance_names: Vec<String> = instances.iter().map(|(name, ..)| name.clone()).collect();
        values.now = instances.into_iter().map(|(.., scopes)| scopes).collect();
        let wdir_now = values.now.first().map_or(Ok(String::new()), |scopes| wdir(body, scopes))?;
        for scopes in std::iter::once(&mut values.all).chain(&mut values.now) {
            self.more_vars(items(body.get("vars")).iter(), &wdir_now, scopes)?;
        }
        let mut draft = Draft { name: self.names.unique(name), ..Draft::default() };
        let outputs = self.filled(&mut draft, name, body, &values, line)?;
        draft.each = said.looped.clone();
        draft.constraints =
            said.wildcards.iter().map(|(name, all)| (name.clone(), format!("one_of({all})"))).collect();
        self.defined.extend(said.defined.clone());
        Ok(Stage {
            name: name.into(),
            draft,
            said,
            is_once: each.is_once(),
            instances: instance_names,
            outputs,
        })
    }

    /// Puts into a draft what stands in a stage, and says what it makes.
    fn filled(
        &mut self,
        draft: &mut Draft,
        name: &str,
        body: &Map<String, Json>,
        values: &Values,
        line: usize,
    ) -> Result<Vec<Output>, String> {
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
        let wdir = body.get("wdir").and_then(Json::as_str).unwrap_or_default();
        for dep in items(body.get("deps")) {
            let (path, _) = entry(dep);
            if path.contains("://") {
                self.notes.push(Note::missing(
                    line,
                    format!("`{path}` is not on this machine: fetch it in a rule of its own"),
                ));
                continue;
            }
            let (expression, paths) = path_of(values, path, wdir)?;
            draft.input.push(expression);
            self.deps.extend(paths);
        }
        let mut outputs = Vec::new();
        for kind in ["outs", "metrics", "plots"] {
            for out in items(body.get(kind)) {
                let (path, options) = entry(out);
                self.told_of_options(kind, path, options, line);
                let (expression, paths) = path_of(values, path, wdir)?;
                let is_directory = path.ends_with('/') || is_made_as_directory(path, body.get("cmd"));
                let is_metrics = kind == "metrics";
                outputs.push(Output { paths, expression, is_metrics, is_directory });
            }
        }
        let mut params = Params::default();
        self.params(body.get("params"), values, (wdir, line), draft, &mut params)?;
        draft.shell = Some(self.command(body, values, line, &mut params)?);
        draft.params = params.all;
        Ok(outputs)
    }

    fn told_of_options(&mut self, kind: &str, path: &str, options: Option<&Map<String, Json>>, line: usize) {
        if options.and_then(|options| options.get("persist")) == Some(&Json::Bool(true)) {
            self.notes.push(Note::missing(line, format!("`{path}` is kept between runs (persist): `update(...)` does so, if the command changes it in place")));
        }
        let unknown = options
            .into_iter()
            .flat_map(Map::keys)
            .find(|key| !PLAIN_OPTIONS.contains(&key.as_str()) && *key != "persist" && kind != "plots");
        if let Some(key) = unknown {
            self.notes.push(Note::changed(line, format!("`{key}` of `{path}` means nothing here")));
        }
    }

    fn command(
        &mut self,
        body: &Map<String, Json>,
        values: &Values,
        line: usize,
        params: &mut Params,
    ) -> Result<String, String> {
        let commands = match body.get("cmd") {
            Some(Json::String(text)) => vec![text.as_str()],
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).collect(),
            _ => return Err("it has no `cmd`".into()),
        };
        let mut lines: Vec<String> = Vec::new();
        let last = commands.len().saturating_sub(1);
        let wdir = body.get("wdir").and_then(Json::as_str).and_then(|wdir| joined(wdir, ""));
        if let Some(wdir) = wdir.filter(|wdir| !wdir.is_empty()) {
            let text = command_text(&values.all.pieces(&wdir, false)?, params);
            // What may be anything is quoted.
            lines.push(match wdir.contains("${") {
                true => format!("cd \"{text}\""),
                false => format!("cd {}", word(&text)),
            });
        }
        for (at, command) in commands.into_iter().enumerate() {
            for expression in values.all.fixed(command) {
                let message = format!(
                    "`${{{expression}}}` is in several files and is written in as it is now: its later values are not seen"
                );
                self.notes.push(Note::changed(line, message));
            }
            values.now.iter().try_for_each(|scopes| scopes.in_command(command).map(drop))?;
            let text = command_text(&values.all.pieces(command.trim(), true)?, params);
            lines.push(match (several(&text), at == last) {
                (false, _) => text,
                (true, true) => format!("set +e\n{text}"),
                (true, false) => format!("(\nset +e\n{text}\n)"),
            });
        }
        Ok(lines.join("\n"))
    }

    /// Adds what is tracked of files of params.
    fn params(
        &mut self,
        tracked: Option<&Json>,
        values: &Values,
        (wdir, line): (&str, usize),
        draft: &mut Draft,
        params: &mut Params,
    ) -> Result<(), String> {
        for entry in items(tracked) {
            let of_files: Vec<(&str, Vec<&str>)> = match entry {
                Json::String(key) => vec![("params.yaml", vec![key])],
                Json::Object(files) => {
                    let wanted = |wanted| items(Some(wanted)).iter().filter_map(Json::as_str).collect();
                    files.iter().map(|(file, keys)| (file.as_str(), wanted(keys))).collect()
                }
                _ => return Err("an entry of `params` is neither a name nor a file".into()),
            };
            for (file, wanted) in of_files {
                let (file_expression, files) = path_of(values, file, wdir)?;
                if is_python(file) && !wanted.is_empty() {
                    let (params, file) = (wanted.join("`, `"), files.first().map_or(file, String::as_str));
                    self.notes.push(Note::changed(line, format!("`{params}` in `{file}` are Python, which is not read: any change of that file counts; move them to a YAML file")));
                }
                if wanted.is_empty() || is_python(file) {
                    // All of it: its content.
                    draft.input.push(file_expression);
                    continue;
                }
                for wanted in wanted {
                    let mut key = Vec::new();
                    for (scopes, file) in values.now.iter().zip(&files) {
                        let now = scopes.now(wanted)?;
                        key = keys(&now).ok_or_else(|| format!("the param `{now}` is not understood"))?;
                        let (_, content) = self.file(file)?;
                        inside(&content, &key).ok_or_else(|| format!("{file} has no `{now}`"))?;
                    }
                    let expression = match wanted.contains("${") {
                        true => path_expression(&values.all.pieces(wanted, false)?),
                        false => quoted(&key.join(".")),
                    };
                    let call = from_file(file, &format!("{file_expression}, {expression}"));
                    params.add(wanted, call);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Imported {
        let locked = self.locked_directories();
        let mut all = Draft { name: self.names.unique("all"), ..Draft::default() };
        all.doc = Some("All stages, as `dvc repro` runs them.".into());
        let mut drafts = Vec::new();
        for stage in std::mem::take(&mut self.drafts) {
            drafts.push(self.finished(stage, &locked, &mut all));
        }
        drafts.insert(0, all);
        self.notes.sort_by_key(|note| note.line);
        self.notes.dedup();
        let rules = drafts.iter().map(|draft| draft.name.clone()).collect();
        let rest = assembled("", &drafts, "");
        Imported { text: assembled(&self.head(&rest), &drafts, ""), rules, notes: self.notes }
    }

    /// The rule of a stage, and what the first rule wants of it.
    fn finished(&mut self, stage: Stage, locked: &BTreeSet<String>, all: &mut Draft) -> Draft {
        let Stage { name, mut draft, said, is_once, instances, outputs } = stage;
        let line = self.line(&format!("{name}:"));
        if outputs.is_empty() {
            let stamp = if is_once { stamp(&name) } else { stamp(&format!("{name}@{}", said.key)) };
            let when = if draft.input.is_empty() && draft.params.is_empty() {
                "runs once"
            } else {
                "runs when what it needs changed"
            };
            self.notes.push(Note::changed(
                line,
                format!("`{name}` makes no file: it {when}, and leaves `{stamp}`"),
            ));
            let stamp = match said.looped {
                Some(_) => format!("f{}", quoted(&stamp)),
                None => quoted(&stamp),
            };
            draft.output.push(format!("touch({stamp})"));
            all.input.push(said.all_of(&stamp));
        }
        if let (false, Some(instance)) = (is_once, instances.first()) {
            self.notes.push(Note::changed(line, match &said.looped {
                Some(_) => format!("`{name}` is a loop that makes a rule for each of its instances, now {}: `{instance}` is the rule `{}_...`", instances.len(), draft.name),
                None => format!("`{name}` is one rule for all of its instances, now {}: instead of `{instance}` ask for what it makes", instances.len()),
            }));
        }
        for output in outputs {
            let is_directory = output.is_directory
                || output.paths.iter().any(|path| {
                    let inside = format!("{path}/");
                    let first = self.deps.range(inside.clone()..).next();
                    self.dir.join(path).is_dir()
                        || locked.contains(path)
                        || first.is_some_and(|dep| dep.starts_with(&inside))
                });
            let unsure = output.paths.iter().find(|path| {
                !self.dir.join(path).exists() && !path.rsplit('/').next().unwrap_or_default().contains('.')
            });
            if let (false, Some(path)) = (is_directory, unsure) {
                let line = self.line_of_item(line, path);
                let message = format!(
                    "`{path}` is taken for a file: if it is a directory, write `directory(...)` around it"
                );
                self.notes.push(Note::changed(line, message));
            }
            all.input.push(said.all_of(&output.expression));
            if output.is_metrics {
                draft.metrics.push(output.expression);
                continue;
            }
            draft.output.push(match is_directory {
                true => format!("directory({})", output.expression),
                false => output.expression,
            });
        }
        draft
    }

    /// What stands before the rules: whatever of it `rest`, the rules, or what comes after it needs.
    fn head(&self, rest: &str) -> String {
        let mut needed = rest.to_string();
        let mut definitions = Vec::new();
        for (name, code) in self.defined.iter().rev() {
            if has_word(&needed, name) {
                definitions.push(format!("{name} = {code}\n"));
                needed.push_str(code);
            }
        }
        definitions.reverse();
        let mut read = String::new();
        for (path, (name, _)) in &self.files {
            if has_word(&needed, name) {
                read.push_str(&format!("{name} = {}\n", from_file(path, &quoted(path))));
            }
        }
        if let Some(name) = self.constants_name.as_ref().filter(|name| has_word(&needed, name)) {
            let values = Scopes::default().python(&Json::Object(self.constants.clone()));
            read.push_str(&format!("{name} = {}\n", values.unwrap_or_default()));
        }
        let calls = |name: &str| has_word(&needed, name) && needed.contains(&format!("{name}("));
        let mut functions = String::new();
        for (name, code) in [("one_of", ONE_OF), ("text", TEXT), ("options", OPTIONS)] {
            if calls(name) {
                functions.push_str(&format!("{code}\n\n"));
            }
        }
        let mut head = String::from("\n");
        for (module, used) in [("re", "re."), ("shlex", "shlex.")] {
            if functions.contains(used) || (module == "re" && needed.contains("re.sub(r")) {
                head.push_str(&format!("import {module}\n"));
            }
        }
        head.push_str(&format!(
            "\n# DVC's commands go on after an unset variable and a failure in a pipe.\nshell.prefix({})\n\n",
            quoted(PREFIX)
        ));
        head.push_str(&format!("{read}\n{functions}{}", definitions.concat()));
        head
    }

    /// Outputs that were directories when DVC made them.
    fn locked_directories(&self) -> BTreeSet<String> {
        let text = text_of(&self.dir.join("dvc.lock")).unwrap_or_default();
        let lock = parsed("dvc.lock", &text).unwrap_or(Json::Null);
        let stages = lock.get("stages").and_then(Json::as_object).into_iter().flat_map(Map::values);
        let outs = stages.filter_map(|stage| stage.get("outs")?.as_array()).flatten();
        let is_directory =
            |out: &&Json| out.get("md5").and_then(Json::as_str).is_some_and(|md5| md5.ends_with(".dir"));
        let paths = outs.filter(is_directory).filter_map(|out| out.get("path")?.as_str());
        paths.map(|path| path.trim_end_matches('/').to_string()).collect()
    }
}

/// The directory of a stage, from the root.
fn wdir(body: &Map<String, Json>, scopes: &Scopes) -> Result<String, String> {
    match body.get("wdir") {
        Some(Json::String(text)) => {
            joined(&scopes.now(text)?, "").ok_or_else(|| "its `wdir` leads out of the project".into())
        }
        _ => Ok(String::new()),
    }
}

/// A path of a stage as the Rulefile says it, and what it is now in each instance.
fn path_of(values: &Values, text: &str, wdir: &str) -> Result<(String, Vec<String>), String> {
    let from_root = |path: &str, wdir: &str| match path.starts_with('/') {
        true => Some(path.to_string()),
        false => joined(path, wdir),
    };
    let said = from_root(text, wdir);
    let mut now = Vec::new();
    for scopes in &values.now {
        let path = scopes.now(text)?;
        let path = from_root(&path, &scopes.now(wdir)?)
            .ok_or_else(|| format!("`{path}` leads out of the project"))?;
        // What is put in may lead up, or be a whole path.
        let is_same = said.as_ref().is_some_and(|said| {
            scopes.now(said).is_ok_and(|said| from_root(&said, "").as_ref() == Some(&path))
        });
        if !is_same {
            return Err(format!("where `{text}` leads depends on what is put in"));
        }
        now.push(path);
    }
    let said = said.ok_or_else(|| format!("`{text}` leads out of the project"))?;
    Ok((path_expression(&values.all.pieces(&said, false)?), now))
}

/// Whether a name stands in it by itself.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
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
pub(super) fn inside<'j>(content: &'j Json, keys: &[String]) -> Option<&'j Json> {
    keys.iter().try_fold(content, |value, part| match value {
        Json::Object(map) => map.get(part),
        Json::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    })
}

/// Whether a command makes a directory of this name, or something in it.
/// Whether a file of params has to be executed to be known.
fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}

fn is_made_as_directory(path: &str, commands: Option<&Json>) -> bool {
    let ends = |c: char| c.is_whitespace() || "'\"<>|;&=()".contains(c);
    let texts = items(commands).iter().filter_map(Json::as_str);
    texts.flat_map(|text| text.split(['\n', ';', '&', '|'])).any(|command| {
        let mut words =
            command.split(ends).filter(|word| !word.is_empty()).map(|word| word.trim_start_matches("./"));
        let makes = words.clone().next() == Some("mkdir");
        words.any(|word| match word.strip_prefix(path) {
            Some(rest) => rest.starts_with('/') || makes && rest.is_empty(),
            None => false,
        })
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
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
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
