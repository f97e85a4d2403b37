//! Directives at statement level: files that are read into the load, and settings for all rules.

use crate::base::digest::Digest;
use crate::base::path::normalise;
use crate::diag::{Problem, SourceId, SourceMap, Span};
use crate::lang::config;
use crate::lang::load::actions::beside;
use crate::lang::load::around::python_of;
use crate::lang::load::objects::reported;
use crate::lang::load::workflow::Place;
use crate::lang::load::{File, Loader, absolute, home_of, unsaved};
use crate::lang::raise::Raise;
use crate::lang::reads::open_regular;
use crate::lang::value::{Dict, Value};
use crate::lang::vm::Vm;
use crate::model::pattern::check_constraint;
use crate::syntax::ast::{Directive, Stmt};
use crate::syntax::words::{DIRECTIVES, meant};
use crate::syntax::{parse_file, plain_includes};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Files that include one another, including the first.
const MAX_INCLUDES: usize = 20;
const MAX_FILE_BYTES: u64 = 256 << 20;

const SUPPORTED: &[&str] = &[
    "conda",
    "configfile",
    "container",
    "containerized",
    "envvars",
    "include",
    "inputflags",
    "localrules",
    "outputflags",
    "pathvars",
    "report",
    "resource_scopes",
    "ruleorder",
    "scattergather",
    "singularity",
    "wildcard_constraints",
    "workdir",
];

impl Loader {
    pub(super) fn run_directive(&mut self, vm: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        let place = directive.name.span;
        match &*directive.name.text {
            "include" => {
                for (path, span) in self.texts(vm, directive)? {
                    self.include(vm, &path, span)?;
                }
            }
            "configfile" => {
                for (path, span) in self.texts(vm, directive)? {
                    self.configfile(vm, &path, span)?;
                }
            }
            "wildcard_constraints" => {
                let items = self.items(vm, &directive.args)?;
                for (name, regex, span) in self.constraints_of(&items) {
                    if let Err(message) = check_constraint(&regex) {
                        let message = format!("the constraint of wildcard `{name}`: {message}");
                        self.refuse("bad-constraint", message, span.unwrap_or(place));
                        continue;
                    }
                    self.constraints.retain(|(n, ..)| *n != name);
                    self.constraints.push((name, regex, span));
                }
            }
            "pathvars" => {
                let items = self.items(vm, &directive.args)?;
                self.pathvars_directive(&items);
            }
            word @ ("inputflags" | "outputflags") => {
                let items = self.items(vm, &directive.args)?;
                self.default_flags(vm, word, &items)?;
            }
            "scattergather" => {
                let items = self.items(vm, &directive.args)?;
                self.scattergather(vm, &items)?;
            }
            "resource_scopes" => {
                let items = self.items(vm, &directive.args)?;
                self.resource_scopes(&items);
            }
            "conda" | "container" | "containerized" | "singularity" => {
                let items = self.items(vm, &directive.args)?;
                self.default_environment(directive, &items);
            }
            "ruleorder" => self.ruleorder(directive),
            "envvars" => self.envvars(vm, directive)?,
            "workdir" => {
                for (path, _) in self.texts(vm, directive)? {
                    self.workdir(vm, &path);
                }
            }
            "report" => {
                for (path, _) in self.texts(vm, directive)? {
                    self.report = Some(beside(&self.home(), &path));
                }
            }
            // All rules run on this machine; the names are not looked at.
            "localrules" => {}
            word => self.problems.push(refused_directive(word, place)),
        }
        Ok(())
    }

    /// The texts (or paths) of a directive, with their places.
    fn texts(&mut self, vm: &mut Vm, directive: &Directive) -> Result<Vec<(Arc<str>, Span)>, Raise> {
        let word = &directive.name.text;
        let before = self.problems.len();
        let items = self.items(vm, &directive.args)?;
        let mut texts = Vec::new();
        for item in items {
            match item.value {
                Value::Str(text) if item.name.is_none() && !text.is_empty() => texts.push((text, item.span)),
                Value::Object(object)
                    if item.name.is_none() && object.items().is_none() && !object.is_callable() =>
                {
                    texts.push((object.text().into(), item.span));
                }
                other => {
                    let found = match &other {
                        Value::Str(text) if text.is_empty() => "an empty text".to_string(),
                        other => format!("`{}`", other.type_name()),
                    };
                    let message = format!("`{word}:` takes the path of a file, not {found}");
                    self.refuse("bad-directive", message, item.span);
                }
            }
        }
        if directive.args.is_empty() {
            self.refuse("bad-directive", format!("`{word}:` needs the path of a file"), directive.name.span);
        }
        // What the file would have defined is missing from here on.
        if self.problems.len() > before { Err(reported()) } else { Ok(texts) }
    }

    fn include(&mut self, vm: &mut Vm, path: &str, span: Span) -> Result<(), Raise> {
        let Some(current) = self.files.last() else { return Err(reported()) };
        let full = current.dir.join(path);
        let name = Path::new(&current.name).parent().unwrap_or(Path::new("")).join(path);
        let name = normalise(&name.to_string_lossy()).into_owned();
        let key = normalise(&full.to_string_lossy()).into_owned();
        if let Some(at) = self.files.iter().position(|file| file.key == key) {
            let mut chain: Vec<&str> = self.files[at..].iter().map(|f| f.name.as_str()).collect();
            chain.push(&name);
            let message = format!("`{name}` includes itself");
            let problem =
                Problem::error("include-cycle", message).at(span, "").note(chain.join(" includes "));
            return self.stop(problem);
        }
        if !self.included.insert(key.clone()) {
            return Ok(());
        }
        if self.files.len() >= MAX_INCLUDES {
            let message = format!("more than {MAX_INCLUDES} files include one another");
            return self.stop(Problem::error("include-too-deep", message).at(span, ""));
        }
        let text = match self.read_text(&full) {
            Ok(text) => text,
            Err(message) => {
                let problem = Problem::error(
                    "include-not-read",
                    format!("cannot read the included file `{name}`: {message}"),
                );
                let problem = problem.at(span, "");
                return self.stop(if Path::new(path).is_absolute() {
                    problem
                } else if path.contains("://") {
                    problem.help("rulemake fetches nothing: copy the file beside this one")
                } else {
                    problem.help("the path starts from the directory of the file that includes it")
                });
            }
        };
        vm.reads.record_file(&name, &full, Some(Digest::of(text.as_bytes())));
        let dir = full.parent().unwrap_or(Path::new(".")).to_path_buf();
        let home = home_of(vm.root(), &dir);
        self.files.push(File { name, key, dir, home });
        let result = self.run_file(vm, text);
        self.files.pop();
        result
    }

    /// Parses and runs the text of the innermost file.
    pub(super) fn run_file(&mut self, vm: &mut Vm, text: String) -> Result<(), Raise> {
        let Some(file) = self.files.last() else { return Err(reported()) };
        vm.add_import_folder(&file.dir)?;
        let place = Place { name: file.name.clone(), dir: absolute(&file.dir) };
        let outer = std::mem::replace(&mut vm.folder, file.dir.clone());
        let source = self.sources.add(&file.name, text.as_str());
        self.rulefiles.push(source);
        let workflow = self.workflow.clone();
        let before = workflow.as_ref().map(|workflow| workflow.enter(place));
        let result = self.run_text(vm, source, &text);
        if let (Some(workflow), Some(before)) = (workflow, before) {
            workflow.enter(before);
        }
        vm.folder = outer;
        result
    }

    fn run_text(&mut self, vm: &mut Vm, source: SourceId, text: &str) -> Result<(), Raise> {
        match parse_file(source, text) {
            Ok(block) => {
                for (number, stmt) in (1..).zip(&block) {
                    // Before it runs: what an included file says comes after the statements above it.
                    if let Some(python) = python_of(text, stmt) {
                        let around = &mut self.homes[self.home].around;
                        around.push_str(python.trim_end());
                        around.push('\n');
                    }
                    if let Err(raise) = vm.exec_block(std::slice::from_ref(stmt), self) {
                        self.read_rest(block.get(number..).unwrap_or_default());
                        return Err(raise);
                    }
                }
                Ok(())
            }
            Err(problems) => {
                self.problems.extend(problems);
                Err(reported())
            }
        }
    }

    /// After a failure the files that would have come next are not run, but what cannot even be read in them is told.
    fn read_rest(&mut self, rest: &[Stmt]) {
        let Some(current) = self.files.last() else { return };
        let (dir, above) = (current.dir.clone(), Path::new(&current.name).parent().map(Path::to_path_buf));
        for path in plain_includes(rest) {
            let full = dir.join(&path);
            if !self.included.insert(normalise(&full.to_string_lossy()).into_owned()) {
                continue;
            }
            let Ok(text) = self.read_text(&full) else { continue };
            let name = above.as_deref().unwrap_or(Path::new("")).join(&path);
            let source = self.sources.add(normalise(&name.to_string_lossy()), text.as_str());
            self.problems.extend(parse_file(source, &text).err().into_iter().flatten());
        }
    }

    /// The text of a file, or why there is none.
    pub(super) fn read_text(&self, path: &Path) -> Result<String, String> {
        match unsaved(&self.unsaved, path) {
            Some(text) => Ok(text.to_string()),
            None => read_text(path),
        }
    }

    fn stop(&mut self, problem: Problem) -> Result<(), Raise> {
        self.problems.push(problem);
        Err(reported())
    }

    fn configfile(&mut self, vm: &mut Vm, path: &str, span: Span) -> Result<(), Raise> {
        if self.skip_config || self.replace_config {
            return Ok(());
        }
        let full = vm.root().join(path);
        let dict = match self.read_text(&full) {
            Ok(text) => {
                vm.reads.record_file(path, &full, Some(Digest::of(text.as_bytes())));
                self.parse_config(path, &text)
            }
            // Config files that were given from outside stand in for one that is not there.
            Err(_) if self.has_config_files && !full.exists() => {
                vm.reads.record_file(path, &full, None);
                Ok(config::empty())
            }
            Err(message) => {
                let message = format!("cannot read the config file `{path}`: {message}");
                let problem = Problem::error("config-not-read", message).at(span, "");
                Err(Box::new(match full.exists() {
                    true => problem,
                    false => problem.help("the path starts from the directory that rulemake works in"),
                }))
            }
        };
        let dict = match dict {
            Ok(dict) => dict,
            Err(problem) if problem.labels.is_empty() => return self.stop(problem.at(span, "")),
            Err(problem) => return self.stop(*problem),
        };
        let Some(Value::Dict(target)) = vm.get_global("config") else {
            let message = "`config` is not a dict any more: the config file cannot be merged into it";
            return self.stop(Problem::error("bad-directive", message).at(span, ""));
        };
        if let Some(workflow) = &self.workflow {
            workflow.add_config_file(path);
        }
        config::merge(&target, &dict)?;
        config::merge(&target, &self.overrides)?;
        self.pathvars_of_config(vm, span);
        Ok(())
    }

    /// Parses a config file, as a source of its own so that mistakes in it have their place.
    pub(super) fn parse_config(&mut self, path: &str, text: &str) -> Result<Arc<Dict>, Box<Problem>> {
        let source: SourceId = self.sources.add(path, text);
        match config::format_of(Path::new(path)) {
            Some(format) => config::parse(source, text, format),
            None => {
                let message = format!("`{path}` is not a config file by its name");
                Err(Box::new(
                    Problem::error("bad-config", message).help("call it `.yaml`, `.json` or `.toml`"),
                ))
            }
        }
    }
}

/// How a Rulefile takes `config` as a whole: then every key may count.
const WHOLE_CONFIG: [&str; 8] = [
    "config.items(",
    "config.keys(",
    "config.values(",
    "in config",
    "**config",
    "(config)",
    "(config,",
    "= config",
];

/// Warnings for settings whose key no text of the load holds: most likely it is misspelt.
pub(super) fn unused_settings(settings: &[String], sources: &SourceMap) -> Vec<Problem> {
    if sources.texts().any(|text| WHOLE_CONFIG.iter().any(|use_| text.contains(use_))) {
        return Vec::new();
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let words = || sources.texts().flat_map(move |text| text.split(move |c| !is_word(c)));
    let keys = settings.iter().filter_map(|setting| setting.split_once('=')).map(|(key, _)| key.trim());
    let part = |key: &'_ str| key.split('.').find(|part| words().all(|word| word != *part)).map(String::from);
    let mut warnings = Vec::new();
    for (key, part) in keys.filter_map(|key| Some((key, part(key)?))) {
        let message = format!("nothing in the Rulefile or its config files mentions the setting `{key}`");
        let problem = Problem::warning("unused-setting", message);
        let known: Vec<&str> = sources.texts().flat_map(config_keys).collect();
        warnings.push(match meant(&part, known) {
            Some(question) => problem.help(question),
            None => problem,
        });
    }
    warnings
}

/// What a text says about keys: `config["key"]`, `config.get("key")`, and `key:` at the start of a line.
fn config_keys(text: &str) -> impl Iterator<Item = &str> {
    let subscripts = ["config[", "config.get("].into_iter().flat_map(|start| text.split(start).skip(1));
    let quoted = subscripts.filter_map(|rest| {
        let mark = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(mark).next()
    });
    let labels = text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key.trim());
    let labels = labels.filter(|key| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_'));
    quoted.chain(labels)
}

fn read_text(path: &Path) -> Result<String, String> {
    let describe = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_string(),
        std::io::ErrorKind::Other => format!("it is {e}"),
        _ => e.to_string().split(" (os error").next().unwrap_or_default().to_string(),
    };
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(describe)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    String::from_utf8(bytes)
        .map_err(|e| format!("it is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
}

fn refused_directive(word: &str, span: Span) -> Problem {
    if !DIRECTIVES.contains(&word) {
        let problem = Problem::error("unknown-directive", format!("unknown directive `{word}`")).at(span, "");
        return match meant(word, SUPPORTED.iter().copied().chain(DIRECTIVES.iter().copied())) {
            Some(question) => problem.help(question),
            None => problem.help(format!("the directives are: {}", SUPPORTED.join(", "))),
        };
    }
    let help = match word {
        "subworkflow" => "use `module`: it was taken out of Snakemake, too",
        "pepfile" | "pepschema" => "read the table of samples with `pandas` or `csv`",
        "storage" => "fetch remote files in a rule of its own",
        _ => "remove it, or write what it stands for",
    };
    let shown = if word == "use" { "use rule" } else { word };
    Problem::error("unsupported-directive", format!("`{shown}` isn't supported yet")).at(span, "").help(help)
}
