//! Code of jobs that lies outside of the Rulefile: scripts with what they import, and software environments.
//!
//! It is known by content: touching it changes nothing, and an older file with other content is another one.

use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::normalise;
use crate::diag::Problem;
use crate::graph::job::Job;
use crate::model::action::{Action, Code, ScriptAction, ScriptLanguage, Way};
use crate::model::dynamic::Dynamic;
use crate::model::environment::{Conda, Environments, Software};
use crate::model::pattern::Pattern;
use crate::model::rule::Rule;
use crate::model::value::Value;
use crate::plan::context::Context;
use crate::plan::imports::{ConfigUse, Scanner};
use crate::plan::instance::{Instance, Trouble, explain};
use crate::trace::fingerprint::{Bound, CodeKind, CodePart};
use rustc_hash::FxHashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Code files that were read in this run, so that each is read once.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    scanner: OnceLock<Option<Scanner>>,
    scripts: Mutex<FxHashMap<Arc<str>, Arc<Script>>>,
    /// What bodies of rules import, by rule.
    modules: Mutex<FxHashMap<Arc<str>, Arc<[CodePart]>>>,
    files: Mutex<FxHashMap<Arc<str>, Option<Digest>>>,
    /// Programs that were looked for, and whether they lack.
    programs: Mutex<FxHashMap<&'static str, bool>>,
    /// Which of some programs is there, by the first of their names.
    choices: Mutex<FxHashMap<&'static str, Option<&'static str>>>,
    /// Every file that was read or looked for, with what was in it.
    looked: Mutex<FxHashMap<Arc<str>, Option<Digest>>>,
}

/// What a script consists of.
#[derive(Debug)]
struct Script {
    /// It and the files beside it that it imports; or why it cannot be read.
    parts: Result<Vec<CodePart>, String>,
    config: ConfigUse,
}

/// What a job's code adds to its fingerprint.
#[derive(Debug, Default)]
pub(crate) struct JobCode {
    pub(crate) parts: Vec<CodePart>,
    /// Values of `config` that the script looks at.
    pub(crate) config: Vec<Bound>,
}

/// The code of `job`, which has an action.
pub(crate) fn job_code(cx: &Context, job: &Job, rule: &Rule) -> Result<JobCode, Trouble> {
    let mut code = JobCode::default();
    if let Action::Script(action) = &rule.action {
        let path = script_path(cx, job, rule, action)?;
        let script = cx.code.script(cx, &path);
        match &script.parts {
            Ok(parts) => code.parts.extend(parts.iter().cloned()),
            Err(message) => return Err(no_script(rule, action, &path, message)),
        }
        code.config = script.config.values(&rule.config);
    }
    if let Action::Interpreted(action) = &rule.action
        && cx.interpreters.get(&action.kind).is_none()
    {
        let message = format!(
            "rule `{}` needs an interpreter of `{}`, and the session has none",
            rule.name, action.kind
        );
        let help = Some("give it to the session with `SessionBuilder::interpreter`".into());
        return Err(Trouble { message, help });
    }
    if let Action::Run(body) = &rule.action
        && let Way::Python { .. } = body.way
    {
        code.parts.extend(cx.code.modules(cx, &rule.name, body).iter().cloned());
    }
    if cx.environments != Environments::default() && !rule.environment.is_empty() {
        code.parts.extend(software(cx, job, rule)?.1);
    }
    Ok(code)
}

/// Says so when the program is not there that a job needs although its rule does not name it.
pub(crate) fn require_program(cx: &Context, job: &Job, rule: &Rule) -> Result<(), Trouble> {
    if let Some(message) = lacking_software(cx, job, rule)? {
        return Err(Trouble::new(message));
    }
    let (program, advice, because) = match &rule.action {
        Action::Script(action) => {
            let path = script_path(cx, job, rule, action)?;
            if cx.interpreters.for_file(&path).is_some() {
                return Ok(());
            }
            let Some(language) = ScriptLanguage::of(&path) else { return Ok(()) };
            (language.program(), language.advice(), None)
        }
        Action::Run(code) => match &code.way {
            Way::Python { because } => ("python3", "install Python 3", Some(because)),
            Way::InProcess(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    let brings_its_own = cx.environments != Environments::default()
        && software(cx, job, rule).is_ok_and(|(software, _)| !software.is_empty());
    if brings_its_own || !cx.code.lacks(cx, program) {
        return Ok(());
    }
    Err(Trouble {
        message: format!("rule `{}` needs `{program}`, which was not found: {advice}", rule.name),
        help: because.map(|because| format!("its `run:` needs Python itself: {because}")),
    })
}

/// What is said when a program is not there that the environment of a job needs.
pub(crate) fn lacking_software(
    cx: &Context,
    job: &Job,
    rule: &Rule,
) -> Result<Option<&'static str>, Trouble> {
    if cx.environments == Environments::default() || rule.environment.is_empty() {
        return Ok(None);
    }
    Ok(software(cx, job, rule)?.0.lack(|names| cx.code.first(cx, names)))
}

/// Scripts of needed rules that cannot be read and that no job makes: the jobs before them would run for nothing. Each rule
/// is looked at once; a path with wildcards is a matter of each job.
pub(crate) fn missing_scripts(cx: &Context) -> Vec<Problem> {
    let mut seen = vec![false; cx.workflow.rules.len()];
    let mut problems = Vec::new();
    for job in &cx.graph.jobs {
        if std::mem::replace(&mut seen[job.rule as usize], true) {
            continue;
        }
        let rule = cx.rule(job);
        let Action::Script(action) = &rule.action else { continue };
        let path = action.path.literal().and_then(|_| script_path(cx, job, rule, action).ok());
        let Some(path) = path else { continue };
        // What a job makes is looked at when it is made: what is read once is not read again.
        if cx.paths.find(&path).is_some_and(|path| cx.graph.producer(path).is_some()) {
            continue;
        }
        let Err(trouble) = job_code(cx, job, rule) else { continue };
        let mut problem = Problem::error("script-not-read", trouble.message);
        if let Some(place) = rule.place {
            problem = problem.at(place, "needed by this rule");
        }
        problems.push(trouble.help.into_iter().fold(problem, Problem::help));
    }
    problems
}

/// Path of a job's script, from the root or absolute.
pub(crate) fn script_path(
    cx: &Context,
    job: &Job,
    rule: &Rule,
    action: &ScriptAction,
) -> Result<Arc<str>, Trouble> {
    let text = match action.path.literal() {
        Some(text) => text,
        None => Instance::of(cx, job, 1)?.plain(rule, &action.path, "the path of the script")?,
    };
    let path = text.strip_prefix("file://").unwrap_or(&text);
    if path.contains("://") {
        return Err(Trouble {
            message: format!("rule `{}` takes its script from `{path}`, which is no file", rule.name),
            help: Some("download it, and name the file".into()),
        });
    }
    let path = from(&action.dir, path);
    if !action.notebook && cx.interpreters.for_file(&path).is_some() {
        return Ok(path);
    }
    match (ScriptLanguage::of(&path), action.notebook) {
        (Some(ScriptLanguage::Notebook), true) => Ok(path),
        (Some(language), false) if language != ScriptLanguage::Notebook => Ok(path),
        (_, notebook) => Err(unknown_language(rule, &path, notebook)),
    }
}

fn unknown_language(rule: &Rule, path: &str, notebook: bool) -> Trouble {
    let (section, help) = match notebook {
        true => ("notebook", "a notebook ends in `.ipynb`; other programs belong to `script:`"),
        false if path.ends_with(".ipynb") => ("script", "notebooks belong to `notebook:`"),
        false => ("script", "a script ends in .py, .R, .Rmd, .jl, .rs or .sh; call others with `shell:`"),
    };
    Trouble {
        message: format!("`{path}` of rule `{}` cannot be run by `{section}:`", rule.name),
        help: Some(help.into()),
    }
}

fn no_script(rule: &Rule, action: &ScriptAction, path: &str, message: &str) -> Trouble {
    let what = if action.notebook { "notebook" } else { "script" };
    Trouble {
        message: format!("the {what} `{path}` of rule `{}` {message}", rule.name),
        help: Some("its path starts from the directory of the Rulefile that names it".into()),
    }
}

/// `path` seen from `dir`.
fn from(dir: &str, path: &str) -> Arc<str> {
    if path.starts_with('/') || matches!(dir, "" | ".") {
        return normalise(path).into();
    }
    normalise(&format!("{dir}/{path}")).into()
}

/// The environment of a job as far as the run uses it, and what it adds to the fingerprint.
pub(crate) fn software(cx: &Context, job: &Job, rule: &Rule) -> Result<(Software, Vec<CodePart>), Trouble> {
    let (mut software, mut parts) = (Software::default(), Vec::new());
    let wanted = &rule.environment;
    let mut part = |kind, name: &Arc<str>, digest| parts.push(CodePart { kind, name: name.clone(), digest });
    if let Some(image) = wanted.container.as_ref().filter(|_| cx.environments.container)
        && let Some(image) = environment_text(cx, job, rule, image, "container")?
    {
        part(CodeKind::Container, &image, Digest::of(image.as_bytes()));
        software.container = Some(image);
    }
    if let Some(conda) = wanted.conda.as_ref().filter(|_| cx.environments.conda)
        && let Some(text) = environment_text(cx, job, rule, conda, "conda")?
    {
        let conda = cx.code.conda(cx, rule, &text)?;
        match &conda {
            Conda::File { path, digest } => part(CodeKind::Conda, path, *digest),
            Conda::Name(name) | Conda::Directory(name) => {
                part(CodeKind::Conda, name, Digest::of(name.as_bytes()));
            }
        }
        software.conda = Some(conda);
    }
    if cx.environments.modules && !wanted.envmodules.is_empty() {
        let names: Arc<str> = wanted.envmodules.join(" ").into();
        part(CodeKind::Modules, &names, Digest::of(names.as_bytes()));
        software.modules = wanted.envmodules.clone();
    }
    Ok((software, parts))
}

/// The text of `conda:` or `container:` for a job; `None` when a function gives none.
fn environment_text(
    cx: &Context,
    job: &Job,
    rule: &Rule,
    value: &Dynamic,
    section: &str,
) -> Result<Option<Arc<str>>, Trouble> {
    let instance = Instance::naming(cx, job);
    let value =
        instance.evaluate(value, rule).map_err(|error| explain(cx, rule, &format!("`{section}`"), error))?;
    let text = match value {
        Value::None => return Ok(None),
        Value::Str(text) => text,
        other => {
            let message =
                format!("`{section}` of rule `{}` must be a text, not {}", rule.name, other.canonical());
            return Err(Trouble::new(message));
        }
    };
    if !text.contains('{') {
        return Ok(Some(text));
    }
    let bad = |message: String| Trouble::new(format!("`{section}` of rule `{}`: {message}", rule.name));
    let pattern = Pattern::parse_text(&text).map_err(|error| bad(error.message))?;
    let pattern = pattern
        .bind(&rule.wildcards)
        .map_err(|name| bad(format!("wildcard `{name}` of `{text}` stands in no output")))?;
    let mut out = String::new();
    pattern.render(&job.wildcards, &mut out);
    Ok(Some(out.into()))
}

impl CodeCache {
    /// The digest of a code file; `None` when it cannot be read.
    pub(crate) fn digest(&self, cx: &Context, path: &Arc<str>) -> Option<Digest> {
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        known.unwrap_or_else(|| {
            let digest = self.read(cx, path).ok().map(|bytes| Digest::of(&bytes));
            self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), digest);
            digest
        })
    }

    fn read(&self, cx: &Context, path: &Arc<str>) -> io::Result<Vec<u8>> {
        let read = crate::files::read_code(&cx.root, path);
        let digest = read.as_ref().ok().map(|bytes| Digest::of(bytes));
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), digest);
        read
    }

    /// Every file that was read or looked for, from the root, with what was in it.
    pub(crate) fn looked(&self) -> Vec<(Arc<str>, Option<Digest>)> {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = looked.iter().map(|(path, digest)| (path.clone(), *digest)).collect();
        all.sort_unstable();
        all
    }

    fn lacks(&self, cx: &Context, program: &'static str) -> bool {
        let mut known = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(program).or_insert_with(|| cx.programs.lack(program))
    }

    fn first(&self, cx: &Context, names: &[&'static str]) -> Option<&'static str> {
        let mut known = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(names.first()?).or_insert_with(|| cx.programs.first(names))
    }

    fn script(&self, cx: &Context, path: &Arc<str>) -> Arc<Script> {
        if let Some(known) = self.scripts.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return known.clone();
        }
        // Two threads may read one script at once; both find the same.
        let script = Arc::new(read_script(cx, path));
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), script.clone());
        script
    }

    /// The modules of the project that the body of a rule imports when Python runs it.
    fn modules(&self, cx: &Context, rule: &Arc<str>, body: &Code) -> Arc<[CodePart]> {
        if let Some(known) = self.modules.lock().unwrap_or_else(PoisonError::into_inner).get(rule) {
            return known.clone();
        }
        let file = cx.workflow.sources.file(body.place.source).name.clone();
        let dirs = ["", file.rsplit_once('/').map_or("", |(dir, _)| dir)];
        let mut parts: Vec<CodePart> = Vec::new();
        for dir in dirs.iter().enumerate().filter(|(n, dir)| *n == 0 || !dir.is_empty()).map(|(_, dir)| dir) {
            let main: Arc<str> =
                if dir.is_empty() { "body.py".into() } else { format!("{dir}/body.py").into() };
            // What cannot be read is for Python to say: the body may never import it.
            let _ = follow(cx, &main, body.text.as_bytes(), &mut parts);
        }
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        let parts: Arc<[CodePart]> = parts.into();
        self.modules.lock().unwrap_or_else(PoisonError::into_inner).insert(rule.clone(), parts.clone());
        parts
    }

    /// What `conda:` names: a file that describes an environment, a directory with one, or a name.
    fn conda(&self, cx: &Context, rule: &Rule, text: &Arc<str>) -> Result<Conda, Trouble> {
        let is_file = text.ends_with(".yaml") || text.ends_with(".yml");
        let path = from(&rule.environment.dir, text);
        if !is_file {
            let is_dir = text.contains('/') && crate::files::is_directory(&cx.root.join(&*path));
            return Ok(if is_dir { Conda::Directory(path) } else { Conda::Name(text.clone()) });
        }
        let Some(content) = self.digest(cx, &path) else {
            return Err(Trouble {
                message: format!("the conda environment `{path}` of rule `{}` cannot be read", rule.name),
                help: Some("its path starts from the directory of the Rulefile that names it".into()),
            });
        };
        let mut hasher = DigestHasher::new("rulemake conda environment");
        hasher.text(&content.to_string());
        for beside in conda_companions(&path) {
            if let Some(digest) = self.digest(cx, &beside) {
                hasher.text(&beside).text(&digest.to_string());
            }
        }
        Ok(Conda::File { path, digest: hasher.finish() })
    }
}

/// Files beside an environment file that belong to it: exact packages, and commands to run once.
fn conda_companions(path: &str) -> Vec<Arc<str>> {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    vec![format!("{stem}.{CONDA_PLATFORM}.pin.txt").into(), format!("{stem}.post-deploy.sh").into()]
}

/// This machine as conda calls it.
pub(crate) const CONDA_PLATFORM: &str = match (cfg!(target_os = "macos"), cfg!(target_arch = "aarch64")) {
    (false, false) => "linux-64",
    (false, true) => "linux-aarch64",
    (true, false) => "osx-64",
    (true, true) => "osx-arm64",
};

/// At most so many files are followed from one script.
const MAX_IMPORTED: usize = 200;

fn read_script(cx: &Context, path: &Arc<str>) -> Script {
    let bytes = match cx.code.read(cx, path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Script { parts: Err(describe(&error)), config: ConfigUse::Nothing };
        }
    };
    let mut parts = vec![part(path, &bytes)];
    let config = match follow(cx, path, &bytes, &mut parts) {
        Ok(config) => config,
        Err(message) => return Script { parts: Err(message), config: ConfigUse::Nothing },
    };
    // The script first, the others in an order that does not depend on how they were found.
    if let Some((_, rest)) = parts.split_first_mut() {
        rest.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Script { parts: Ok(parts), config }
}

fn part(path: &Arc<str>, bytes: &[u8]) -> CodePart {
    CodePart { kind: CodeKind::Script, name: path.clone(), digest: Digest::of(bytes) }
}

/// Adds the files that `main`, whose content is `bytes`, imports, and those that these import; returns the settings that
/// all of them read, or why one of them cannot be a module.
fn follow(
    cx: &Context,
    main: &Arc<str>,
    bytes: &[u8],
    parts: &mut Vec<CodePart>,
) -> Result<ConfigUse, String> {
    let scanner = cx.code.scanner.get_or_init(Scanner::new).as_ref();
    let imports =
        |file: &Arc<str>, bytes: &[u8]| scanner.map(|s| s.imports(main, file, bytes)).unwrap_or_default();
    let settings = |bytes: &[u8]| scanner.map_or(ConfigUse::All, |s| s.config_use(bytes));
    let mut config = settings(bytes);
    let mut todo = imports(main, bytes);
    while let Some(next) = todo.pop() {
        if parts.len() >= MAX_IMPORTED || parts.iter().any(|part| part.name == next) {
            continue;
        }
        let bytes = match cx.code.read(cx, &next) {
            Ok(bytes) => bytes,
            // Its interpreter would wait for ever to read it.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return Err(format!("imports `{next}`, which is not a regular file"));
            }
            Err(_) => continue,
        };
        parts.push(part(&next, &bytes));
        config = config.and(settings(&bytes));
        todo.extend(imports(&next, &bytes));
    }
    Ok(config)
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        io::ErrorKind::Unsupported => "is not a regular file".into(),
        _ => format!("cannot be read: {error}"),
    }
}
