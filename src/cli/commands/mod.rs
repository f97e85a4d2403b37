//! One file for each command; here what they share: the project, the workflow, the session.

mod accept;
pub(crate) mod archive;
mod ask;
pub(crate) mod cache;
pub(crate) mod check;
mod clean;
mod config;
pub(crate) mod export;
pub(crate) mod fmt;
pub(crate) mod import;
pub(crate) mod init;
mod list;
pub(crate) mod lock;
pub(crate) mod lsp;
pub(crate) mod metrics;
mod run;
mod share;
mod shell;
mod status;
mod watch;

pub(crate) use list::size_text;

use crate::args::is_command;
use crate::args::{Args, COMMANDS, Command};
use crate::cache::{Around, CacheArgs};
use crate::exit::{Exit, Failure};
use crate::github;
use crate::habits;
use crate::jobserver;
use crate::meant;
use crate::options::{Common, EnvKind, RunArgs};
use crate::output::{Output, say};
use crate::project::{Project, shown};
use crate::settings;
use crate::snakemake;
use rulemake::inspect::PushOptions;
use rulemake::lock::LockUse;
use rulemake::report::printable;
use rulemake::{LoadOptions, RunOptions, RunReport, Session, SessionBuilder, Workflow};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Does what the arguments say and shows what went wrong.
pub(crate) fn dispatch(args: Args, started: Instant) -> Exit {
    let without_effect = args.without_effect();
    let repeat = args.repeated();
    let Args { targets, common, run, command, layers, typed, .. } = args;
    let command =
        command.unwrap_or(Command::Run { targets, run: RunArgs::default(), common: Common::default() });
    let by_letter = Args::names_file_by_letter(&typed);
    let common = Common { repeat, by_letter, ..common.and(command.common().clone()) };
    let output = Output::new(&common);
    if let Some(remark) = snakemake::remark(&without_effect) {
        output.remark(&printable(&remark));
    }
    let place = || Place::find(common.clone(), output);
    let result = match command {
        Command::Run { targets, run: after, .. } => {
            let mut run = run.and(after);
            let slots = jobserver::slots(&mut run, || Args::names_jobs(typed), &output);
            let place = place().map_err(|failure| with_command_meant(failure, &targets));
            place.and_then(|place| match run.dry_run {
                true => ask::plan(&place, &targets, &run),
                false => run::run(&place, &targets, &run, started, slots),
            })
        }
        Command::Plan { targets, run: after, .. } => {
            let mut run = RunArgs { dry_run: true, ..run.and(after) };
            jobserver::slots(&mut run, || Args::names_jobs(typed), &output);
            place().and_then(|place| ask::plan(&place, &targets, &run))
        }
        Command::Watch { targets, run: after, restart, .. } => {
            let mut run = run.and(after);
            if run.dry_run {
                return done(&output, Err(watch::only_to_look()));
            }
            let slots = jobserver::slots(&mut run, || Args::names_jobs(typed), &output);
            watch::watch(&common, output, &targets, &run, restart, slots)
        }
        Command::Why { paths, .. } => place().and_then(|place| ask::why(&place, &paths)),
        Command::Status { .. } => place().and_then(|place| status::status(&place)),
        Command::Diff { targets, .. } => place().and_then(|place| ask::diff(&place, &targets)),
        Command::Summary { targets, .. } => place().and_then(|place| list::summary(&place, &targets)),
        Command::Metrics { metrics, .. } => place().and_then(|place| metrics::metrics(&place, &metrics)),
        Command::Graph { targets, format, by, .. } => {
            place().and_then(|place| ask::graph(&place, &targets, format, by))
        }
        Command::List { targets, outputs: true, .. } => {
            place().and_then(|place| list::outputs(&place, &targets))
        }
        Command::List { .. } => place().and_then(|place| list::rules(&place)),
        Command::Push { targets, dry_run, verify, .. } => {
            let mut how = PushOptions::default();
            (how.dry, how.verify) = (dry_run || run.dry_run, verify);
            place().and_then(|place| share::push(&place, &targets, &how))
        }
        Command::Pull { targets, dry_run, .. } => place().and_then(|place| match dry_run || run.dry_run {
            true => share::would_pull(&place, &targets),
            false => share::pull(&place, &targets, started),
        }),
        Command::Cache { upkeep, .. } => {
            here().and_then(|here| cache::cache(&common, &output, &upkeep, &here, &typed))
        }
        Command::Export { export, .. } => place().and_then(|place| export::export(&place, &export)),
        Command::Archive { archive, .. } => place().and_then(|place| archive::archive(&place, &archive)),
        Command::Unpack { unpack, .. } => archive::unpack(&common, &output, &unpack),
        Command::Lock { lock, .. } => place().and_then(|place| lock::lock(&place, &lock)),
        Command::Log { path, .. } => place().and_then(|place| ask::log(&place, path.as_deref())),
        Command::Accept { targets, dry_run, .. } => {
            place().and_then(|place| accept::accept(&place, &targets, dry_run || run.dry_run))
        }
        Command::Clean { targets, yes, dry_run, .. } => {
            let for_good = yes && !dry_run && !run.dry_run;
            place().and_then(|place| clean::clean(&place, &targets, for_good))
        }
        // These need no project, or not always.
        Command::Init { init, .. } => init::init(&common, &output, &init),
        Command::Import { import, .. } => import::import(&common, &output, &import),
        Command::Fmt { fmt, .. } => fmt::fmt(&common, &output, &fmt),
        Command::Check { check, .. } => check::check(&common, output, &check),
        Command::Lsp { lsp, .. } => lsp::lsp(&common, &output, &lsp),
        Command::Config { show_origin, .. } => config::config(&output, &layers, &typed, show_origin),
        Command::Completions { shell, .. } => shell::completions(&output, &shell),
        Command::Man { command, .. } => shell::man(&output, command.as_deref()),
    };
    done(&output, result)
}

fn done(output: &Output, result: Result<Exit, Failure>) -> Exit {
    result.unwrap_or_else(|failure| {
        output.failure(&failure);
        if github::is_there() {
            github::annotate_diagnostics(failure.diagnostics());
        }
        failure.exit()
    })
}

/// The directory where the command was started.
fn here() -> Result<PathBuf, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the command learns where it was started"
    )]
    std::env::current_dir().map_err(|error| {
        Failure::new(Exit::Environment, format!("cannot find the current directory: {error}"))
    })
}

/// The environment, as far as it is text.
pub(crate) fn variables() -> Vec<(String, String)> {
    #[expect(clippy::disallowed_methods, reason = "the one place where the command learns its environment")]
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Whether bash does nothing but what a command says: modules of clusters, for one, change it by variables.
fn bash_is_plain(more: &[(String, String)]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "asked for the library, which reads no environment")]
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut names = names.chain(more.iter().map(|(name, _)| name.clone()));
    !names.any(|name| name == "BASH_ENV" || name.starts_with("BASH_FUNC_"))
}

/// What the command line says of a load, and variables that jobs get besides those of the environment. Paths start from
/// `start`, and are shown from `here`.
fn load_options(
    common: &Common,
    here: &Path,
    start: &Path,
) -> Result<(LoadOptions, Vec<(String, String)>), Failure> {
    let mut options = LoadOptions::default();
    options.config_files = common.configfile.iter().map(|file| shown(here, &start.join(file))).collect();
    options.config = common.config.clone();
    options.replace_config = common.replace_workflow_config;
    options.threads = common.set_threads.clone();
    options.resources = common.set_resources.clone();
    options.default_resources = common.default_resources.clone();
    options.scatter = common.set_scatter.clone();
    options.variables = variables();
    let mut extra: Vec<(String, String)> = Vec::new();
    for file in &common.dotenv {
        extra.extend(settings::dotenv(&start.join(file))?);
    }
    // Who calls knows better than a file, and a later file than an earlier one.
    extra.retain(|(name, _)| !options.variables.iter().any(|(known, _)| known == name));
    options.variables.extend(extra.iter().cloned());
    options.keep_root = common.directory.is_some();
    Ok((options, extra))
}

/// A project with the options that hold for every command.
pub(crate) struct Place {
    pub(crate) project: Project,
    pub(crate) output: Output,
    options: LoadOptions,
    /// Variables that jobs get besides those of the environment.
    variables: Vec<(String, String)>,
    cache: CacheArgs,
    lock: LockUse,
    /// Where paths on the command line start.
    start: PathBuf,
}

impl Place {
    pub(crate) fn find(common: Common, output: Output) -> Result<Place, Failure> {
        let here = here()?;
        let project = Project::find(&here, &common)?;
        let start = common.directory.as_ref().map_or(here.clone(), |directory| here.join(directory));
        let (mut options, variables) = load_options(&common, &here, &start)?;
        options.root = Some(project.root.clone());
        let lock = match (common.no_lock, common.lock) {
            (true, _) => LockUse::Ignore,
            (false, true) => LockUse::Keep,
            (false, false) => LockUse::Read,
        };
        let place = Place { project, output, options, variables, cache: common.cache, lock, start };
        place.cache.open(&place.around())?;
        Ok(place)
    }

    /// Whether results are kept or restored.
    pub(crate) fn has_cache(&self) -> bool {
        matches!(self.cache.open(&self.around()), Ok(Some(_)))
    }

    /// Whether there is a place that others share.
    pub(crate) fn has_shared_cache(&self) -> bool {
        self.has_cache() && self.cache.cache_shared.is_some()
    }

    /// Where paths on the command line start.
    pub(crate) fn start(&self) -> &Path {
        &self.start
    }

    fn around(&self) -> Around<'_> {
        Around { start: &self.start, root: &self.project.root, variables: &self.options.variables }
    }

    /// What is to be told when nothing is to do, if that is known without a look at the workflow.
    pub(crate) fn recall(&self, targets: &[String], args: &RunArgs) -> Option<RunReport> {
        // Who asks for events or for all that happens wants to hear of each job.
        let wants_all = self.output.json || self.output.verbose > 0;
        if wants_all || !self.project.calls_as_typed(targets) {
            return None;
        }
        let mut load = self.options.clone();
        load.cores = args.jobs;
        Session::recall(
            &self.project.rulefile,
            &load,
            targets,
            &self.options_of(args, |names| names.to_vec()),
        )
    }

    /// Loads the workflow and shows its warnings.
    pub(crate) fn load(&self, cores: Option<usize>) -> Result<Workflow, Failure> {
        let workflow = self.load_silently(cores)?;
        if !self.output.quiet {
            let style = self.output.stderr_style();
            workflow.warnings().iter().for_each(|warning| say(&warning.render(style)));
        }
        Ok(workflow)
    }

    /// Loads the workflow for the shell, which wants candidates and nothing else.
    pub(crate) fn load_for_completion(&self) -> rulemake::Result<Workflow> {
        Workflow::load_with(&self.project.rulefile, &self.options)
    }

    /// Loads the workflow; only what it prints itself is shown.
    pub(crate) fn load_silently(&self, cores: Option<usize>) -> Result<Workflow, Failure> {
        let mut options = self.options.clone();
        options.cores = cores;
        let loaded = Workflow::load_with(&self.project.rulefile, &options);
        // Its author wants to see it, of a load that fails above all.
        let printed = loaded.as_ref().map_or_else(rulemake::Error::printed, Workflow::printed);
        if loaded.is_err() {
            show(printed);
        } else {
            self.show_printed(printed);
        }
        Ok(loaded?)
    }

    /// Says how the files are called in what was told, unless the user calls them the same.
    pub(crate) fn say_names(&self) {
        if let Some(note) = self.project.names_note() {
            self.output.remark(&note);
        }
    }

    /// Shows what the code of the Rulefile printed.
    pub(crate) fn show_printed(&self, printed: &[String]) {
        if !self.output.quiet {
            show(printed);
        }
    }

    /// The start of a session on the project. A plan needs the limits of the run, too: commands may name them.
    pub(crate) fn session(&self, workflow: Workflow, args: &RunArgs) -> SessionBuilder {
        let mut builder = Session::builder(workflow)
            .root(&self.project.root)
            .jobs(args.jobs.unwrap_or(0))
            .temp_dir(std::env::temp_dir().to_string_lossy());
        builder =
            builder.direct_commands(bash_is_plain(&self.variables)).variables(self.variables.iter().cloned());
        #[expect(clippy::disallowed_methods, reason = "the library looks for programs where it is told")]
        if let Some(path) = std::env::var_os("PATH") {
            builder = builder.search_path(path);
        }
        // What is wrong with it was said when the place was found.
        if let Ok(Some(cache)) = self.cache.open(&self.around()) {
            builder = builder.cache(cache);
        }
        args.resources.iter().fold(builder, |builder, (name, amount)| builder.resource(name, *amount))
    }

    /// A session for questions.
    pub(crate) fn open(&self) -> Result<Session, Failure> {
        Ok(self.session(self.load(None)?, &RunArgs::default()).open()?)
    }

    /// What the user calls these, as the workflow calls them.
    pub(crate) fn targets(&self, targets: &[String], workflow: &Workflow) -> Vec<String> {
        let absolute = workflow.rules().any(|rule| rule.outputs().any(|path| path.starts_with('/')));
        let made = |target: &str| workflow.rules().any(|rule| rule.outputs().any(|path| path == target));
        targets
            .iter()
            .map(|target| {
                // A rule may make a file of the project by its way out and in again.
                let is_name = workflow.rule(target).is_some()
                    || target.starts_with("../") && self.project.is_at_root() && made(target);
                self.project.to_root(target, is_name, absolute)
            })
            .collect()
    }

    /// The library's form of the options of a run.
    pub(crate) fn run_options(&self, run: &RunArgs, workflow: &Workflow) -> RunOptions {
        self.options_of(run, |names| self.targets(names, workflow))
    }

    /// As [`Place::run_options`]; `called` tells what the workflow calls files and rules that the user names.
    fn options_of(&self, run: &RunArgs, called: impl Fn(&[String]) -> Vec<String>) -> RunOptions {
        let mut options = RunOptions::default();
        options.keep_going = run.keep_going;
        options.force = run.force;
        options.force_all = run.force_all;
        options.force_from = called(&run.force_from);
        options.only_needed = run.only_needed;
        options.keep_edited = run.keep_edited;
        options.assume_inputs = called(&run.assume_inputs);
        options.retries = run.retries.unwrap_or(0);
        options.wait = run.wait;
        options.keep_temps = run.notemp;
        options.only_restore = run.only_restore;
        options.lock = self.lock;
        options.environments.conda = run.uses(EnvKind::Conda);
        options.environments.container = run.uses(EnvKind::Container);
        options.environments.modules = run.uses(EnvKind::Modules);
        options.until = called(&run.until);
        options.omit_from = called(&run.omit_from);
        options.batch = run.batch.clone();
        options
    }

    /// An error of a command that does not wait for other runs.
    pub(crate) fn hurried(error: rulemake::Error) -> Failure {
        match error.kind() {
            rulemake::ErrorKind::Locked => {
                Failure::Noted(error, "nothing was done: call this again when the other run has ended".into())
            }
            _ => error.into(),
        }
    }

    /// An unknown target below the root that is one when it is read from the root, and what the user calls that.
    fn meant_from_root<'t>(
        &self,
        error: &rulemake::Error,
        targets: &'t [String],
    ) -> Option<(&'t str, String)> {
        let is_unknown = |target: &&String| {
            let named = format!("`{target}`");
            error.diagnostics().iter().any(|d| d.code == "no-such-target" && d.message.contains(&named))
        };
        let target = targets.iter().find(is_unknown)?;
        let typed = self.project.for_user(target);
        if typed == *target {
            return None;
        }
        // The workflow of the failed attempt is gone with its session.
        let workflow = self.load_for_completion().ok()?;
        let session = self.session(workflow, &RunArgs::default()).open().ok()?;
        let found = session.check(&[&typed]).ok()?;
        let is_known = found.iter().all(|d| d.code != "no-such-target");
        is_known.then(|| (target.as_str(), self.project.for_user(&typed)))
    }

    /// An unknown target that is nearly the name of a command was probably meant as one.
    pub(crate) fn explained(&self, error: rulemake::Error, targets: &[String]) -> Failure {
        if let Some(note) = self.project.elsewhere()
            && error.diagnostics().iter().any(|d| d.code == "missing-input")
        {
            return Failure::Noted(error, note);
        }
        if let Some((target, above)) = self.meant_from_root(&error, targets) {
            let named = format!("`{target}`");
            return match error.diagnostics() {
                [only] if only.message.contains(&named) => Failure::new(Exit::Plan, only.message.clone())
                    .note("targets start from the directory where rulemake is called")
                    .help(format!("did you mean `{above}`?")),
                _ => Failure::Noted(error, format!("for {named}, did you mean `{above}`?")),
            };
        }
        if let [only] = error.diagnostics()
            && let Some(name) = only.help.iter().find_map(|help| command_meant(help))
        {
            let rule = self.project.rerun(name, true);
            return Failure::new(Exit::Plan, only.message.clone())
                .help(format!("did you mean `{rule}`? `rulemake {name}` is a command"));
        }
        let unknown = |target: &&String| {
            let named = format!("`{target}`");
            let about = |d: &&rulemake::Diagnostic| d.code == "no-such-target" && d.message.contains(&named);
            error.diagnostics().iter().find(about).filter(|d| d.help.is_empty()).is_some()
        };
        // With several unknown targets the first is the misspelt command, and the others are its own.
        let several = error.diagnostics().len() > 1;
        let Some(target) = targets.iter().take(if several { 1 } else { usize::MAX }).find(unknown) else {
            return error.into();
        };
        let Some(only) = error.diagnostics().first() else { return error.into() };
        let failure = Failure::new(Exit::Plan, only.message.clone());
        // Behind `--` nothing is a command.
        if is_command(target) && std::env::args_os().any(|word| word == "--") {
            return error.into();
        }
        if is_command(target) {
            return failure.help(format!("the command comes first: rulemake {target} ..."));
        }
        match tip_for_word(target) {
            Some(tip) => failure.help(tip),
            None => error.into(),
        }
    }
}

/// What a target that is none was meant to be, if not a file. What a word means elsewhere is nearer than what it looks like:
/// `ls` is not `lsp`.
fn tip_for_word(word: &str) -> Option<String> {
    if let Some(tip) = habits::word(word) {
        return Some(tip.to_string());
    }
    match *meant::nearest(word, COMMANDS, |_| 1) {
        [] => None,
        [one] => Some(format!("did you mean the command `{one}`?")),
        [one, two, ..] => Some(format!("did you mean the command `{one}` or `{two}`?")),
    }
}

/// Where there is no Rulefile, a target is most likely a misspelt command.
fn with_command_meant(failure: Failure, targets: &[String]) -> Failure {
    let is_missing = matches!(&failure, Failure::Own { exit: Exit::Workflow, .. });
    match targets.first().filter(|_| is_missing).and_then(|target| tip_for_word(target)) {
        Some(tip) => failure.help_first(tip),
        None => failure,
    }
}

/// The name that a help proposes, when a command is called the same.
fn command_meant(help: &str) -> Option<&str> {
    help.strip_prefix("did you mean `")?.strip_suffix("`?").filter(|name| is_command(name))
}

fn show(printed: &[String]) {
    printed.iter().flat_map(|text| text.split('\n')).for_each(|line| say(&printable(line)));
}
