//! Options that several commands share: of every command, of a run, and those of Snakemake that are taken and hidden.

use crate::cache::CacheArgs;
use crate::snakemake;
use crate::values::{batch, name_value, processors, resource, rule_number, rule_resource, setting};
use clap::ValueEnum;
use std::path::PathBuf;

/// Options that every command understands.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// Use this Rulefile; paths start from this directory
    #[arg(short, long, value_name = "FILE", short_alias = 's', alias = "snakefile")]
    pub(crate) file: Option<PathBuf>,
    /// Do as if started in DIR
    #[arg(short = 'C', long, value_name = "DIR", short_alias = 'd')]
    pub(crate) directory: Option<PathBuf>,
    /// Set a config value, such as `min=5` or `a.b=1`
    ///
    /// The value is read as YAML, and dots lead into nested settings. Repeat it for more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) config: Vec<String>,
    /// Read config values from files, over those of the Rulefile, the last one first
    ///
    /// More files may follow if their names end in `.yaml` or `.yml`; or repeat the option.
    #[arg(long, value_name = "FILE", alias = "configfiles", hide_short_help = true)]
    pub(crate) configfile: Vec<PathBuf>,
    /// Take config from the command line alone, not from what the Rulefile names
    #[arg(long, hide_short_help = true)]
    pub(crate) replace_workflow_config: bool,
    /// Read options from a profile: a directory with `config.yaml`, or its name in the user's configuration
    ///
    /// Each line is an option of this command without its dashes, such as `jobs: 8`. What stands on the command line
    /// itself wins. Repeat it for more. Profiles of Snakemake are understood: `use-conda: true` is `env: conda`, options
    /// without effect here are named, and those that ask for a cluster are an error.
    #[arg(long, value_name = "PROFILE", hide_short_help = true)]
    pub(crate) profile: Vec<String>,
    /// Read options from this profile of the workflow instead of `profiles/default`; `none` for no such profile
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) workflow_profile: Option<String>,
    /// Set the threads of a rule. Repeat it for more
    #[arg(long, value_name = "RULE=N", value_parser = rule_number, hide_short_help = true)]
    pub(crate) set_threads: Vec<(String, u32)>,
    /// Set a resource of a rule, such as `sort:mem_mb=2000`. Repeat it for more
    #[arg(long, value_name = "RULE:NAME=VALUE", value_parser = rule_resource, hide_short_help = true)]
    pub(crate) set_resources: Vec<(String, String, String)>,
    /// Set a resource for rules that do not set it. Repeat it for more
    ///
    /// The value is a number, a size or time such as `2GB` or `1h`, or an expression with `input`, `threads`, `attempt`
    /// and `wildcards`, such as `mem_mb=2*input.size_mb`.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value, alias = "default-res", hide_short_help = true)]
    pub(crate) default_resources: Vec<(String, String)>,
    /// Set into how many parts a process of `scattergather` is cut. Repeat it for more
    #[arg(long, value_name = "NAME=N", value_parser = rule_number, hide_short_help = true)]
    pub(crate) set_scatter: Vec<(String, u32)>,
    /// Read variables for the Rulefile and its jobs from FILE, such as `.env`, in lines `NAME=value`
    ///
    /// What the environment holds already stays as it is.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) dotenv: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Bring Rulefile.lock up to date when a run has ended; `rulemake lock` writes it alone
    #[arg(long, hide_short_help = true)]
    pub(crate) lock: bool,
    /// Take no notice of Rulefile.lock, whatever the settings say
    #[arg(long, hide_short_help = true)]
    pub(crate) no_lock: bool,
    /// Print only what went wrong
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print each job; twice: also its command
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Colour the output
    #[arg(long, value_name = "WHEN", hide_short_help = true)]
    pub(crate) color: Option<Color>,
    /// Whether the file was named by `-f`.
    #[arg(skip)]
    pub(crate) by_letter: bool,
    /// Words of the line that a command for the same workflow has to repeat.
    #[arg(skip)]
    pub(crate) repeat: Vec<String>,
}

/// Options of a run and of its plan.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct RunArgs {
    /// Use at most N processors; all of them by default
    ///
    /// All of them also with 0 or `all`. Without -j a run below GNU make (`+rulemake` in its Makefile) or below another
    /// rulemake uses the slots of that; below `make -j1` or a make without -j it runs one job at a time. Programs in jobs
    /// find the slots of this run in MAKEFLAGS: make, cargo, ninja and rulemake take those that are free, in a job of N
    /// threads those N.
    #[arg(short, long, value_name = "N", value_parser = processors, allow_negative_numbers = true, short_alias = 'c', alias = "cores")]
    pub(crate) jobs: Option<usize>,
    /// After a failure go on with what does not need it
    #[arg(short, long)]
    pub(crate) keep_going: bool,
    /// Show what would run and why, and run nothing
    #[arg(short = 'n', long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    /// Run the jobs of the targets even if up to date
    #[arg(long, hide_short_help = true)]
    pub(crate) force: bool,
    /// Run all jobs even if they are up to date
    #[arg(long, alias = "forceall", short_alias = 'F', hide_short_help = true)]
    pub(crate) force_all: bool,
    /// Run the jobs of this rule or file and of all that needs it, even if up to date. Repeat it for more
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) force_from: Vec<String>,
    /// Make files that are gone again only if they are targets, or if a job that runs reads them
    #[arg(long, hide_short_help = true)]
    pub(crate) only_needed: bool,
    /// Take outputs that were edited as they are, instead of making them again
    ///
    /// What reads them is made anew. `rulemake accept` does the same for files that you name.
    #[arg(long, hide_short_help = true)]
    pub(crate) keep_edited: bool,
    /// Let this source, or those that fit a pattern, be absent: what is on record of it counts. Repeat it for more
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) assume_inputs: Vec<String>,
    /// Make this rule or file and what it needs, and nothing after it. Repeat it for more
    #[arg(long, value_name = "NAME", short_alias = 'U', hide_short_help = true)]
    pub(crate) until: Vec<String>,
    /// Leave out this rule or file and what needs it. Repeat it for more
    #[arg(long, value_name = "NAME", short_alias = 'O', hide_short_help = true)]
    pub(crate) omit_from: Vec<String>,
    /// Make one part of the inputs of a rule, such as `all=1/3`; the last part makes the rest and the rule itself
    #[arg(long, value_name = "RULE=I/N", value_parser = batch, hide_short_help = true)]
    pub(crate) batch: Option<(String, u32, u32)>,
    /// Limit a resource, such as `mem_mb=16000` or `mem=16GB`. Repeat it for more
    #[arg(long, value_name = "NAME=N", value_parser = resource, hide_short_help = true)]
    pub(crate) resources: Vec<(String, u64)>,
    /// Try a failed job again so often, unless its rule says otherwise
    #[arg(long, value_name = "N", alias = "restart-times", short_alias = 'T', hide_short_help = true)]
    pub(crate) retries: Option<u32>,
    /// Use the software environments that rules name: `conda`, `container`, `modules`, with commas between them
    ///
    /// Without it jobs run with the programs that are there.
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        aliases = ["sdm", "software-deployment-method", "deployment-method", "deployment"],
        hide_short_help = true
    )]
    pub(crate) env: Vec<EnvKind>,
    /// When another run is at work in this directory, wait for it
    #[arg(long, hide_short_help = true)]
    pub(crate) wait: bool,
    /// Keep temporary files that are made
    #[arg(long, aliases = ["nt", "no-temp"], hide_short_help = true)]
    pub(crate) notemp: bool,
    /// Nothing runs: `rulemake pull`.
    #[arg(skip)]
    pub(crate) only_restore: bool,
    #[command(flatten)]
    pub(crate) foreign: Foreign,
}

/// Options of Snakemake that are taken, and hidden: some have another name here, the others have no effect.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Foreign {
    #[arg(long, hide = true)]
    use_conda: bool,
    #[arg(long, alias = "use-apptainer", hide = true)]
    use_singularity: bool,
    #[arg(long, hide = true)]
    use_envmodules: bool,
    #[arg(long, hide = true, value_parser = snakemake::executor)]
    executor: Option<String>,
    #[arg(short, long, hide = true)]
    printshellcmds: bool,
    #[arg(short, long, hide = true)]
    reason: bool,
    #[arg(long, alias = "ri", hide = true)]
    rerun_incomplete: bool,
    #[arg(long, hide = true)]
    show_failed_logs: bool,
    #[arg(short = 'w', long, alias = "output-wait", value_name = "N", hide = true)]
    latency_wait: Option<String>,
}

impl Foreign {
    /// The names of those that are given and have no effect.
    pub(crate) fn without_effect(&self) -> impl Iterator<Item = String> {
        let all = [
            ("printshellcmds", self.printshellcmds),
            ("reason", self.reason),
            ("rerun-incomplete", self.rerun_incomplete),
            ("show-failed-logs", self.show_failed_logs),
            ("latency-wait", self.latency_wait.is_some()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name.to_string())
    }

    pub(crate) fn and(self, after: Foreign) -> Foreign {
        Foreign {
            use_conda: self.use_conda || after.use_conda,
            use_singularity: self.use_singularity || after.use_singularity,
            use_envmodules: self.use_envmodules || after.use_envmodules,
            executor: after.executor.or(self.executor),
            printshellcmds: self.printshellcmds || after.printshellcmds,
            reason: self.reason || after.reason,
            rerun_incomplete: self.rerun_incomplete || after.rerun_incomplete,
            show_failed_logs: self.show_failed_logs || after.show_failed_logs,
            latency_wait: after.latency_wait.or(self.latency_wait),
        }
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// A kind of software environment, also as Snakemake calls it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EnvKind {
    Conda,
    #[value(aliases = ["apptainer", "singularity", "docker", "podman"])]
    Container,
    #[value(aliases = ["env-modules", "envmodules"])]
    Modules,
}

impl Common {
    /// What decides how the workflow is loaded, as words. The Rulefile and the directory are the project's.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        // With a sign between them, for what follows would else be taken for another value.
        let mut push = |option: &str, value: String| words.push(format!("--{option}={value}"));
        self.profile.iter().for_each(|name| push("profile", name.clone()));
        self.workflow_profile.iter().for_each(|dir| push("workflow-profile", dir.clone()));
        self.configfile.iter().for_each(|file| push("configfile", file.display().to_string()));
        self.config.iter().for_each(|setting| push("config", setting.clone()));
        self.set_threads.iter().for_each(|(rule, n)| push("set-threads", format!("{rule}={n}")));
        for (rule, name, value) in &self.set_resources {
            push("set-resources", format!("{rule}:{name}={value}"));
        }
        for (name, value) in &self.default_resources {
            push("default-resources", format!("{name}={value}"));
        }
        self.set_scatter.iter().for_each(|(name, n)| push("set-scatter", format!("{name}={n}")));
        self.dotenv.iter().for_each(|file| push("dotenv", file.display().to_string()));
        if self.replace_workflow_config {
            words.push("--replace-workflow-config".into());
        }
        words
    }

    /// The options before the command together with those after it, which win where only one can.
    pub(crate) fn and(mut self, after: Common) -> Common {
        self.config.extend(after.config);
        self.configfile.extend(after.configfile);
        self.profile.extend(after.profile);
        self.set_threads.extend(after.set_threads);
        self.set_resources.extend(after.set_resources);
        self.default_resources.extend(after.default_resources);
        self.set_scatter.extend(after.set_scatter);
        self.dotenv.extend(after.dotenv);
        Common {
            file: after.file.or(self.file),
            directory: after.directory.or(self.directory),
            config: self.config,
            configfile: self.configfile,
            replace_workflow_config: self.replace_workflow_config || after.replace_workflow_config,
            profile: self.profile,
            workflow_profile: after.workflow_profile.or(self.workflow_profile),
            set_threads: self.set_threads,
            set_resources: self.set_resources,
            default_resources: self.default_resources,
            set_scatter: self.set_scatter,
            dotenv: self.dotenv,
            cache: self.cache.and(after.cache),
            lock: self.lock || after.lock,
            no_lock: self.no_lock || after.no_lock,
            quiet: self.quiet || after.quiet,
            verbose: self.verbose.saturating_add(after.verbose),
            json: self.json || after.json,
            color: after.color.or(self.color),
            by_letter: self.by_letter || after.by_letter,
            repeat: if after.repeat.is_empty() { self.repeat } else { after.repeat },
        }
    }
}

impl RunArgs {
    pub(crate) fn and(mut self, after: RunArgs) -> RunArgs {
        self.resources.extend(after.resources);
        self.env.extend(after.env);
        self.until.extend(after.until);
        self.omit_from.extend(after.omit_from);
        self.force_from.extend(after.force_from);
        self.assume_inputs.extend(after.assume_inputs);
        RunArgs {
            until: self.until,
            omit_from: self.omit_from,
            force_from: self.force_from,
            assume_inputs: self.assume_inputs,
            only_needed: self.only_needed || after.only_needed,
            keep_edited: self.keep_edited || after.keep_edited,
            batch: after.batch.or(self.batch),
            jobs: after.jobs.or(self.jobs),
            keep_going: self.keep_going || after.keep_going,
            dry_run: self.dry_run || after.dry_run,
            force: self.force || after.force,
            force_all: self.force_all || after.force_all,
            resources: self.resources,
            retries: after.retries.or(self.retries),
            env: self.env,
            wait: self.wait || after.wait,
            notemp: self.notemp || after.notemp,
            only_restore: self.only_restore || after.only_restore,
            foreign: self.foreign.and(after.foreign),
        }
    }

    /// What decides how a job is run, as words.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let kinds = EnvKind::value_variants().iter().filter(|kind| self.uses(**kind));
        let kinds: Vec<String> =
            kinds.filter_map(EnvKind::to_possible_value).map(|value| value.get_name().to_string()).collect();
        if !kinds.is_empty() {
            words.push(format!("--env={}", kinds.join(",")));
        }
        words.extend(self.resources.iter().map(|(name, n)| format!("--resources={name}={n}")));
        words.extend(self.assume_inputs.iter().map(|file| format!("--assume-inputs={file}")));
        words
    }

    /// Whether this kind of environment is to be used, by whatever name it was asked for.
    pub(crate) fn uses(&self, kind: EnvKind) -> bool {
        self.env.contains(&kind)
            || match kind {
                EnvKind::Conda => self.foreign.use_conda,
                EnvKind::Container => self.foreign.use_singularity,
                EnvKind::Modules => self.foreign.use_envmodules,
            }
    }
}
