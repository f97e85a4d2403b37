//! Software environments of jobs: conda environments that are made once, container images, modules.
//!
//! A job's program is wrapped word by word, so nothing is quoted for a shell on the way. Invariant: an environment is
//! used only when its making succeeded; what a broken attempt left is removed before the next.

use super::job::Around;
use super::process::{self, Control, Launch, LogIs, Words};
use crate::exec::executor::{JobRequest, Outcome, SoftwareUse, Work};
use crate::exec::variables::Env;
use crate::files::programs::Programs;
use crate::model::environment::{CONDA, CONTAINER, Conda, NO_CONDA, NO_CONTAINER, Software};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the jobs of a run share.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) programs: Programs,
    /// Where environments and images are kept: absolute.
    pub(crate) store: PathBuf,
    /// Per environment: whether it is ready, once somebody tried. The lock is held while it is made.
    made: Mutex<FxHashMap<PathBuf, Slot>>,
}

type Slot = Arc<Mutex<Option<Result<(), String>>>>;

impl Deployment {
    pub(crate) fn new(programs: Programs, store: PathBuf) -> Deployment {
        Deployment { programs, store, made: Mutex::default() }
    }
}

/// A program around that of the job.
type Argv = Vec<OsString>;

/// Makes what the job's environment needs, unless it is there.
pub(super) fn provide(
    wanted: &SoftwareUse,
    request: &JobRequest,
    control: &Control,
    around: Around<'_>,
) -> Result<(), Outcome> {
    let log = match &request.work {
        Work::Shell { log, .. } => log,
        Work::Script(work) => &work.log,
        Work::Run(work) => &work.log,
        Work::Function { .. } | Work::Interpreted(_) => return Ok(()),
    };
    let env = Env::of(&request.env);
    let advice = "install it";
    let (dir, log_is) = (&*request.root, LogIs::GoneOn);
    let launch = Launch { dir, log, around, log_is, env, advice, meter: None, ready: None };
    let site = Site { wanted, root: &request.root, dir: &request.root };
    if let Some(image) = site.image_to_pull()? {
        once(wanted, &image.file, control, || image.pull(&launch, control))?;
    }
    if let Some(Conda::File { path, .. }) = &wanted.software.conda {
        let prefix = site.conda_prefix();
        let source = request.root.join(&**path);
        once(wanted, &prefix, control, || site.create_conda(&prefix, &source, &launch, control))?;
    }
    let modules = &wanted.software.modules;
    if !modules.is_empty() && wanted.software.container.is_none() {
        let names = modules.join(" ");
        once(wanted, Path::new(&names), control, || try_modules(modules, &launch, control))?;
    }
    Ok(())
}

/// Loads modules for nothing: whether they are there is known before a job begins.
fn try_modules(names: &[Arc<str>], launch: &Launch<'_>, control: &Control) -> Result<(), Outcome> {
    let argv = with_modules(names, words(["true"]));
    match process::run(&borrowed(&argv), launch, control) {
        Outcome::Success => Ok(()),
        stopped @ (Outcome::Signal(_) | Outcome::NotStarted(_)) => Err(stopped),
        _ => Err(Outcome::Around(format!("could not load the modules `{}`", names.join(" ")))),
    }
}

/// Makes something once, whoever of the jobs comes first.
fn once(
    wanted: &SoftwareUse,
    key: &Path,
    control: &Control,
    make: impl FnOnce() -> Result<(), Outcome>,
) -> Result<(), Outcome> {
    let slot = {
        let mut made = wanted.deployment.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key.to_path_buf()).or_default().clone()
    };
    let mut state = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signal) = control.asked() {
        return Err(Outcome::Signal(signal.number()));
    }
    if let Some(known) = &*state {
        return known.clone().map_err(Outcome::Around);
    }
    let result = make();
    *state = match &result {
        Ok(()) => Some(Ok(())),
        // Another job may still be allowed to make it.
        Err(Outcome::Signal(_)) => None,
        Err(Outcome::Around(message) | Outcome::NotStarted(message)) => Some(Err(message.clone())),
        Err(_) => None,
    };
    result
}

/// Runs the job's program in its environment.
pub(super) fn run(
    wanted: &SoftwareUse,
    words: &[Cow<'_, OsStr>],
    root: &Path,
    launch: &Launch<'_>,
    control: &Control,
) -> Outcome {
    let site = Site { wanted, root, dir: launch.dir };
    let wrapped = match site.wrap(words, launch.env) {
        Ok(wrapped) => wrapped,
        Err(message) => return Outcome::NotStarted(message),
    };
    let launch = Launch { advice: "install it, or run without `--env`", ..*launch };
    let outcome = process::run(&borrowed(&wrapped), &launch, control);
    if outcome != Outcome::Success {
        site.remove_container();
    }
    outcome
}

fn borrowed(words: &[OsString]) -> Words<'_> {
    words.iter().map(|word| Cow::Borrowed(&**word)).collect()
}

fn words<const N: usize>(words: [&str; N]) -> Argv {
    words.map(OsString::from).into()
}

/// One job's environment at its place.
#[derive(Clone, Copy)]
struct Site<'a> {
    wanted: &'a SoftwareUse,
    root: &'a Path,
    /// Where the program works.
    dir: &'a Path,
}

/// An image that is fetched once, for programs that would otherwise convert it for each job.
struct Image<'a> {
    tool: &'a str,
    source: &'a str,
    file: PathBuf,
}

impl Site<'_> {
    fn software(&self) -> &Software {
        &self.wanted.software
    }

    fn wrap(&self, inner: &[Cow<'_, OsStr>], env: Env<'_>) -> Result<Argv, String> {
        let mut argv: Argv = inner.iter().map(|word| word.to_os_string()).collect();
        if !self.software().modules.is_empty() {
            argv = with_modules(&self.software().modules, argv);
        }
        if self.software().conda.is_some() {
            argv = self.in_conda(argv)?;
        }
        if let Some(image) = &self.software().container {
            argv = self.in_container(image, argv, env)?;
        }
        Ok(argv)
    }

    /// The program that manages conda environments: that of the container, if there is one.
    fn conda_tool(&self) -> Result<&'static str, String> {
        if self.software().container.is_some() {
            return Ok("conda");
        }
        self.wanted.deployment.programs.first(&CONDA).ok_or_else(|| NO_CONDA.into())
    }

    fn in_conda(&self, inner: Argv) -> Result<Argv, String> {
        let Some(conda) = &self.software().conda else { return Ok(inner) };
        let tool = self.conda_tool()?;
        let mut argv = words([tool, "run"]);
        if tool != "micromamba" {
            argv.push("--no-capture-output".into());
        }
        match conda {
            Conda::Name(name) => argv.extend(words(["--name", name])),
            Conda::Directory(path) => {
                argv.extend(["--prefix".into(), self.root.join(&**path).into_os_string()])
            }
            Conda::File { .. } => argv.extend(["--prefix".into(), self.conda_prefix().into_os_string()]),
        }
        argv.extend(inner);
        Ok(argv)
    }

    /// Where the environment of a file lives; another content is another environment.
    fn conda_prefix(&self) -> PathBuf {
        let name = match (&self.software().conda, &self.software().container) {
            (Some(Conda::File { digest, .. }), None) => digest.short(),
            (Some(Conda::File { digest, .. }), Some(image)) => {
                format!("{}-{}", digest.short(), name_of(image))
            }
            _ => String::new(),
        };
        self.wanted.deployment.store.join("conda").join(name)
    }

    fn create_conda(
        &self,
        prefix: &Path,
        source: &Path,
        launch: &Launch<'_>,
        control: &Control,
    ) -> Result<(), Outcome> {
        let around = |message: String| Outcome::Around(message);
        let done = prefix.with_extension("done");
        if done.exists() && prefix.exists() {
            return Ok(());
        }
        let tool = self.conda_tool().map_err(around)?;
        let cannot = |what: &str, path: &Path, error: std::io::Error| {
            Outcome::Around(format!("cannot {what} `{}`: {error}", path.display()))
        };
        let _ = fs::remove_file(&done);
        if prefix.exists() {
            fs::remove_dir_all(prefix).map_err(|error| cannot("remove", prefix, error))?;
        }
        let dir = prefix.parent().unwrap_or(prefix);
        fs::create_dir_all(dir).map_err(|error| cannot("create", dir, error))?;
        // Beside the environment, so that people see what is in it.
        let (file, pinned) = match companion(source, &format!("{}.pin.txt", platform())) {
            Some(pin) => (pin, true),
            None => (source.to_path_buf(), false),
        };
        let copy = prefix.with_extension(if pinned { "pin.txt" } else { "yaml" });
        fs::copy(&file, &copy).map_err(|error| cannot("copy", &file, error))?;
        let mut argv = match (tool, pinned) {
            ("micromamba", _) => words([tool, "create", "--yes", "--quiet"]),
            (_, true) => words([tool, "create", "--yes", "--quiet", "--no-default-packages"]),
            (_, false) => words([tool, "env", "create", "--quiet"]),
        };
        argv.extend(["--file".into(), copy.into_os_string(), "--prefix".into(), prefix.into()]);
        self.provide_by(argv, "make the conda environment", source, launch, control)?;
        if let Some(script) = companion(source, "post-deploy.sh") {
            let mut argv = interpreter(&script);
            argv.push(script.clone().into_os_string());
            let argv = self.in_conda(argv).map_err(around)?;
            self.provide_by(argv, "run", &script, launch, control)?;
        }
        fs::write(&done, "").map_err(|error| cannot("write", &done, error))
    }

    /// Runs a program that makes a part of the environment.
    fn provide_by(
        &self,
        argv: Argv,
        what: &str,
        source: &Path,
        launch: &Launch<'_>,
        control: &Control,
    ) -> Result<(), Outcome> {
        let argv = match &self.software().container {
            Some(image) => self.in_container(image, argv, launch.env).map_err(Outcome::Around)?,
            None => argv,
        };
        match process::run(&borrowed(&argv), launch, control) {
            Outcome::Success => Ok(()),
            stopped @ (Outcome::Signal(_) | Outcome::NotStarted(_)) => Err(stopped),
            _ => {
                let tool = argv.first().map(|tool| tool.to_string_lossy().into_owned()).unwrap_or_default();
                Err(Outcome::Around(format!("`{tool}` could not {what} `{}`", source.display())))
            }
        }
    }

    fn container_tool(&self) -> Result<&'static str, String> {
        self.wanted.deployment.programs.first(&CONTAINER).ok_or_else(|| NO_CONTAINER.into())
    }

    /// The image, when it must be fetched into a file first.
    fn image_to_pull(&self) -> Result<Option<Image<'_>>, Outcome> {
        let Some(image) = &self.software().container else { return Ok(None) };
        let tool = self.container_tool().map_err(Outcome::NotStarted)?;
        let pulls = matches!(tool, "apptainer" | "singularity") && image.contains("://");
        Ok(pulls.then(|| Image { tool, source: image, file: self.image_file(image) }))
    }

    fn image_file(&self, image: &str) -> PathBuf {
        self.wanted.deployment.store.join("container").join(format!("{}.sif", name_of(image)))
    }

    fn in_container(&self, image: &str, inner: Argv, env: Env<'_>) -> Result<Argv, String> {
        let tool = self.container_tool()?;
        let bind = |path: &Path| {
            let mut pair = path.as_os_str().to_os_string();
            pair.push(":");
            pair.push(path);
            pair
        };
        if matches!(tool, "apptainer" | "singularity") {
            let image = match image.contains("://") {
                true => self.image_file(image).into_os_string(),
                false => self.root.join(image).into_os_string(),
            };
            let mut argv = words([tool, "exec", "--bind"]);
            argv.extend([
                bind(self.root),
                "--home".into(),
                self.root.into(),
                "--pwd".into(),
                self.dir.into(),
                image,
            ]);
            argv.extend(inner);
            return Ok(argv);
        }
        let mut argv = words([tool, "run", "--rm", "--init", "--name", &self.wanted.name]);
        argv.extend(user(tool));
        argv.extend(["--volume".into(), bind(self.root), "--workdir".into(), self.dir.into()]);
        // A user without an entry in the image has no home.
        argv.extend(words(["--env", "HOME=/tmp"]));
        for (name, value) in env.iter().filter(|(name, _)| !TEMPORARY.contains(&name.as_str())) {
            argv.extend(["--env".into(), format!("{name}={value}").into()]);
        }
        let mut inner = inner.into_iter();
        argv.extend(["--entrypoint".into(), inner.next().unwrap_or_default()]);
        argv.push(image.strip_prefix("docker://").unwrap_or(image).into());
        argv.extend(inner);
        Ok(argv)
    }

    /// A container outlives its client when that was killed.
    fn remove_container(&self) {
        let Some(_) = &self.software().container else { return };
        let Ok(tool @ ("docker" | "podman")) = self.container_tool() else { return };
        let mut command = std::process::Command::new(tool);
        command.args(["rm", "--force", &self.wanted.name]);
        let quiet = std::process::Stdio::null;
        // It is gone, most often: then this fails.
        let _ = command.stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    }
}

/// Directories for temporary files of this machine, which a container does not have.
const TEMPORARY: [&str; 4] = ["TMPDIR", "TMP", "TEMP", "TEMPDIR"];

/// Files that a container writes belong to who started the run.
fn user(tool: &str) -> Argv {
    if tool == "podman" {
        return words(["--userns", "keep-id"]);
    }
    #[cfg(unix)]
    {
        let (user, group) = crate::sys::user();
        words(["--user", &format!("{user}:{group}")])
    }
    #[cfg(not(unix))]
    Vec::new()
}

impl Image<'_> {
    fn pull(&self, launch: &Launch<'_>, control: &Control) -> Result<(), Outcome> {
        if self.file.exists() {
            return Ok(());
        }
        let dir = self.file.parent().unwrap_or(&self.file);
        fs::create_dir_all(dir)
            .map_err(|error| Outcome::Around(format!("cannot create `{}`: {error}", dir.display())))?;
        let part = self.file.with_extension("part");
        let _ = fs::remove_file(&part);
        let argv: Argv = vec![self.tool.into(), "pull".into(), part.clone().into(), self.source.into()];
        match process::run(&borrowed(&argv), launch, control) {
            Outcome::Success => fs::rename(&part, &self.file)
                .map_err(|error| Outcome::Around(format!("`{}` did not fetch an image: {error}", self.tool))),
            stopped @ (Outcome::Signal(_) | Outcome::NotStarted(_)) => Err(stopped),
            _ => Err(Outcome::Around(format!("`{}` could not fetch the image `{}`", self.tool, self.source))),
        }
    }
}

/// `module` is a function of login shells; in others it is defined by a file of the system.
const MODULES: &str = "\
for init in /etc/profile.d/modules.sh /etc/profile.d/lmod.sh /etc/profile.d/z00_lmod.sh; do
    type module >/dev/null 2>&1 || { [ -r \"$init\" ] && . \"$init\"; }
done
type module >/dev/null 2>&1 || {
    echo 'the rule names modules, but `module` was not found: install environment modules, or run without `--env modules`' >&2
    exit 127
}
names=$1
shift
module purge && MODULES_VERBOSITY=concise module load $names || exit
exec \"$@\"";

fn with_modules(names: &[Arc<str>], inner: Argv) -> Argv {
    let mut argv = words(["bash", "-c", MODULES, "bash", &names.join(" ")]);
    argv.extend(inner);
    argv
}

/// A file beside an environment file: `env.pin.txt` beside `env.yaml`.
fn companion(source: &Path, end: &str) -> Option<PathBuf> {
    let mut path = source.with_extension("").into_os_string();
    path.push(".");
    path.push(end);
    let path = PathBuf::from(path);
    path.is_file().then_some(path)
}

/// This machine as conda calls it.
fn platform() -> &'static str {
    match (cfg!(target_os = "macos"), cfg!(target_arch = "aarch64")) {
        (false, false) => "linux-64",
        (false, true) => "linux-aarch64",
        (true, false) => "osx-64",
        (true, true) => "osx-arm64",
    }
}

/// The program that a script names in its first line; `sh` when it names none.
fn interpreter(script: &Path) -> Argv {
    let text = fs::read(script).unwrap_or_default();
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let named = line.strip_prefix(b"#!").map(String::from_utf8_lossy);
    let named: Argv = named.as_deref().unwrap_or("").split_whitespace().map(OsString::from).collect();
    if named.is_empty() { words(["sh"]) } else { named }
}

/// A name for the file of an image.
fn name_of(image: &str) -> String {
    crate::base::digest::Digest::of(image.as_bytes()).short()
}
