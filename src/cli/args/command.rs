//! The commands, each with its own arguments, its doc and its examples.

use crate::commands::archive::{ArchiveArgs, UnpackArgs};
use crate::commands::cache::CacheUpkeep;
use crate::commands::check::CheckArgs;
use crate::commands::export::ExportArgs;
use crate::commands::fmt::FmtArgs;
use crate::commands::import::ImportArgs;
use crate::commands::init::InitArgs;
use crate::commands::lock::LockArgs;
use crate::commands::lsp::LspArgs;
use crate::commands::metrics::MetricsArgs;
use crate::options::{Common, RunArgs};
use clap::{Subcommand, ValueEnum};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Begin a project, from a template
    ///
    /// Nothing that is there is overwritten. Besides the built-in templates any of Cookiecutter will do; the variables of
    /// one are asked for on a terminal.
    Init {
        #[command(flatten)]
        init: InitArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Make a Rulefile of a Makefile or a dvc.yaml, or see what a Snakefile needs
    ///
    /// What is not understood is kept as a comment and told of; nothing that is there is overwritten. A Snakefile is used as it
    /// is: what has to be changed in it is shown.
    Import {
        #[command(flatten)]
        import: ImportArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Write dvc.lock, so that DVC finds nothing to do
    ///
    /// For a project that was imported from a dvc.yaml: of each stage whose outputs are up to date dvc.lock says what DVC would
    /// say had it run the stage. The outputs are put into DVC's cache, where there is a `.dvc`.
    Export {
        #[command(flatten)]
        export: ExportArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Make the targets (the same as no command)
    #[command(after_help = "\
Examples:
  rulemake run -j4 results/a.tsv  make one file, four jobs at once
  rulemake run -k                 go on after a failure
  rulemake run -- plan            a target that is called like a command")]
    Run {
        /// Files or rules to make; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Show what would run, and why (the same as -n)
    #[command(after_help = "\
Examples:
  rulemake plan                   what would run to make the first rule's files
  rulemake plan -v results/a.tsv  each job with its reasons, for one file
  rulemake plan --json            the same for programs")]
    Plan {
        /// Files or rules to plan; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Make the targets, and again whenever a source or the Rulefile changes
    ///
    /// What then has to run is decided by content, so a touch runs nothing. Changes by the jobs themselves do not count.
    #[command(after_help = "\
Examples:
  rulemake watch                   build, and again after each change
  rulemake watch --restart report  begin again at once when something changes")]
    Watch {
        /// Files or rules to make; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Stop a run as soon as something changes, and begin again
        #[arg(long)]
        restart: bool,
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Show what a run in this directory is doing, or how the last one ended
    #[command(after_help = "\
Examples:
  rulemake status                     in a second terminal, while a run goes on
  watch -n1 rulemake status -C study  of a project elsewhere, every second")]
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Explain why a file will or will not be made again
    ///
    /// A pattern stands for all files that fit it, up to 20. With --json the answers to several files are a list.
    #[command(after_help = "\
Examples:
  rulemake why results/a.tsv         every reason, down to the root cause
  rulemake why plots/*.svg           of several files, one after the other
  rulemake why --json results/a.tsv  the same for programs")]
    Why {
        /// The files, or rules
        #[arg(value_name = "FILE", required = true)]
        paths: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show what changed since the last run, each change once
    ///
    /// Sources with other content, rules with another command or other params, outputs that are missing or edited, and how
    /// many jobs each makes run.
    #[command(after_help = "\
Examples:
  rulemake diff                what changed since the last run
  rulemake diff results/a.tsv  as far as it concerns one file")]
    Diff {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show each output with its state, size, last run and log
    #[command(after_help = "\
Examples:
  rulemake summary               a table of the outputs
  rulemake summary --json plots  the same for programs, of another rule")]
    Summary {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show the metrics that rules make, or what changed of them
    ///
    /// Metrics are the values in the files below `metrics:`. `diff` compares with the last run that left others, unless a run
    /// or a revision of git is named.
    #[command(after_help = "\
Examples:
  rulemake metrics            the values as they are
  rulemake metrics diff       what changed, since the last run that left others
  rulemake metrics diff main  since a revision of git; --md for a comment")]
    Metrics {
        #[command(flatten)]
        metrics: MetricsArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Print the graph of rules or jobs
    #[command(after_help = "\
Examples:
  rulemake graph | dot -Tpdf > graph.pdf        by rule, drawn by Graphviz
  rulemake graph --format svg > graph.svg       drawn here
  rulemake graph --by job --format mermaid all  each job, for a Markdown file")]
    Graph {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Language of the graph
        #[arg(long, value_name = "FORMAT", default_value = "dot")]
        format: GraphFormat,
        /// What one node is
        #[arg(long, value_name = "WHAT", default_value = "rule")]
        by: GraphNode,
        #[command(flatten)]
        common: Common,
    },
    /// List the rules, or the files that would be made
    #[command(after_help = "\
Examples:
  rulemake list                  the rules with what they make
  rulemake list --outputs        the files of the first rule
  rulemake list --outputs plots  the files of another one")]
    List {
        /// Files or rules whose outputs are listed; the first rule when none is given
        #[arg(value_name = "TARGET", requires = "outputs")]
        targets: Vec<String>,
        /// List the rules with what they make (the default)
        #[arg(long, conflicts_with = "outputs")]
        rules: bool,
        /// List the files of the plan, one per line; on a terminal with their state
        #[arg(long)]
        outputs: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Print the log of the job that made a file, or failed to
    #[command(after_help = "\
Examples:
  rulemake log                       of the job that failed in the last run
  rulemake log results/a.tsv         what its job printed
  rulemake log results/a.tsv | less  page by page")]
    Log {
        /// The file, or a rule; the job that failed in the last run when none is given
        #[arg(value_name = "FILE")]
        path: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Look for mistakes in the Rulefile, and run nothing
    ///
    /// All mistakes are shown, then what is probably one and what keeps the first rule from being planned: missing inputs,
    /// cycles, ambiguous rules. A comment `# rulemake: allow(LINT)` on a line or above it silences what a lint finds there.
    #[command(after_help = "\
Examples:
  rulemake check           mistakes, and what is probably one
  rulemake check --strict  for CI: what is probably a mistake fails, too")]
    Check {
        #[command(flatten)]
        check: CheckArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Take files as they are for what their rules make
    ///
    /// Nothing runs. From then on they are up to date, until something changes. For files from elsewhere or made before, for edits
    /// that are to stay, and for changes of a rule that change no result.
    #[command(after_help = "\
Examples:
  rulemake accept -n             which files would be accepted
  rulemake accept results/a.tsv  an edit of one file stays
  rulemake accept                what another tool has built is taken over")]
    Accept {
        /// Files, or rules for all files that they make; all files of the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Only show which
        #[arg(short = 'n', long)]
        dry_run: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Write the Rulefile and its includes in one style
    ///
    /// Comments are kept, and what the file means stays the same. Files whose `include:` is computed are named by hand.
    #[command(after_help = "\
Examples:
  rulemake fmt               lay out the Rulefile and its includes
  rulemake fmt --check       for CI: change nothing, fail if it would
  rulemake fmt - < Rulefile  as a filter, for editors")]
    Fmt {
        #[command(flatten)]
        fmt: FmtArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Serve editors: mistakes while typing, definitions, completion, renaming, formatting
    ///
    /// The editor starts it and speaks the Language Server Protocol with it over standard input and output. What is not
    /// saved yet counts. Nothing runs and nothing is written. `grammar/editors/README.md` says how to set up VS Code,
    /// Neovim and Helix.
    #[command(after_help = "\
Examples:
  rulemake lsp               as the editor starts it
  rulemake lsp -f Snakefile  for a Rulefile with another name")]
    Lsp {
        #[command(flatten)]
        lsp: LspArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Remove files that jobs made; shows them first
    ///
    /// The files that a target is made from are included, as far as jobs made them, and the logs and benchmarks of their
    /// rules. Files that were accepted or changed by hand are kept.
    #[command(after_help = "\
Examples:
  rulemake clean              show what would be removed
  rulemake clean --yes plots  remove the plots and what they are made from")]
    Clean {
        /// Files or rules, with all made files upstream; all files that jobs made when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Remove them
        #[arg(short, long)]
        yes: bool,
        /// Only show them, even with --yes
        #[arg(short = 'n', long)]
        dry_run: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Put results into the place that others share; runs nothing
    ///
    /// Those of all jobs that the targets need and that are up to date, also those that were made while no cache was on. Of
    /// what is made from the same the first result stays there. The place is named by `--cache-shared` or the settings. With
    /// `--cache-push` each run does it by itself.
    #[command(after_help = "\
Examples:
  rulemake push --cache-shared /team/results        results of the first rule
  rulemake push --cache-shared https://host/team x  and of one file
  rulemake push -n                                  how much that would be
  rulemake push --verify                            mend what is damaged there")]
    Push {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Only show how many results, and how much
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Also read what the place has of them, and replace what is damaged
        #[arg(long, conflicts_with = "dry_run")]
        verify: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Restore what the cache or the place that others share holds; runs nothing
    ///
    /// Where Rulefile.lock has another result than the one that is here, made from the same, the recorded one takes its
    /// place; what was here is kept in the cache, and what was edited by hand in `.rulemake/saved`. Exits with 1 when something
    /// is in no cache.
    #[command(after_help = "\
Examples:
  rulemake pull --cache-shared https://host/team    what others made
  rulemake pull --cache ~/results results/a.tsv     one file, from your own
  rulemake pull -n                                  which, and how much")]
    Pull {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Only show what would be restored, and how much would come
        #[arg(short = 'n', long)]
        dry_run: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Write Rulefile.lock: what each output is and what it was made from
    ///
    /// For git: one line for each output, sorted, without times and hosts. Whoever has the file gets these results from a
    /// shared cache, also where a command gives another one each time; a file that holds what is locked is up to date, wherever
    /// it came from. With `--lock`, or `lock = true` in `rulemake.toml`, each run writes it. A result that is another one than the
    /// locked one of the same stays, and is told of, until `rulemake pull` takes the locked one or `rulemake lock` locks it. Of the
    /// conflict of a merge the lines stay that are true of what is here.
    #[command(after_help = "\
Examples:
  rulemake lock          lock what is up to date
  rulemake lock --check  for CI: tell what differs, fail if something does
  rulemake --lock all    make it, and lock it")]
    Lock {
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Write the project into one file, with its results
    ///
    /// A tar behind zstd with the Rulefile and all that it reads, the sources, the results, and a Rulefile.lock that says what
    /// these were made from: where it is unpacked, they are up to date. The same content gives the same bytes.
    #[command(after_help = "\
Examples:
  rulemake archive                         all that the first rule needs
  rulemake archive --results none          without results
  rulemake archive --with README.md plots  one rule, and a file more")]
    Archive {
        #[command(flatten)]
        archive: ArchiveArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Unpack what `archive` wrote, never outside of its directory
    ///
    /// Nothing that is there is overwritten, and an archive that would write elsewhere, by its paths or by links, is refused as
    /// a whole.
    #[command(after_help = "\
Examples:
  rulemake unpack study.tar.zst       into the directory `study`
  rulemake unpack study.tar.zst copy  into another one")]
    Unpack {
        #[command(flatten)]
        unpack: UnpackArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Show what the cache of results holds, add to it, make room in it, or look whether it is right
    ///
    /// Nothing is removed without --yes. The cache is the one that `--cache`, the settings or RULEMAKE_CACHE name.
    #[command(after_help = "\
Examples:
  rulemake cache                           what is kept, by rule
  rulemake cache add                       keep also what is built already
  rulemake cache init /team/results        a directory to share
  rulemake cache gc --max-size 50GB        what would go; with --yes it goes")]
    Cache {
        #[command(flatten)]
        upkeep: CacheUpkeep,
        #[command(flatten)]
        common: Common,
    },
    /// Show the options that are set outside the command line
    ///
    /// From the weakest to the strongest: `~/.config/rulemake/config.toml`, `rulemake.toml` in this directory or above it,
    /// `--profile`, the workflow's profile, variables such as RULEMAKE_JOBS=4 and RULEMAKE_KEEP_GOING=1; the
    /// command line wins. A file sets options by their names (`jobs = 4`, `keep-going = true`,
    /// `resources = { mem_mb = 16000 }`), and sets for `--profile NAME` in tables `[profile.NAME]`.
    #[command(after_help = "\
Examples:
  rulemake config                what is set
  rulemake config --show-origin  and where")]
    Config {
        /// Also show where each comes from, and what is overridden
        #[arg(long)]
        show_origin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Print the script that makes a shell complete commands, options, rules and files
    ///
    /// For bash, `source <(rulemake completions bash)` in ~/.bashrc; for zsh the same in ~/.zshrc; for fish,
    /// `rulemake completions fish | source` in ~/.config/fish/config.fish.
    #[command(after_help = "\
Examples:
  source <(rulemake completions bash)  in ~/.bashrc; for zsh the same
  rulemake completions fish | source   in ~/.config/fish/config.fish")]
    Completions {
        /// bash, zsh, fish, elvish or powershell
        #[arg(value_name = "SHELL")]
        shell: String,
        #[command(flatten)]
        common: Common,
    },
    /// Print the manual page, or that of a command
    ///
    /// To read it: `rulemake man | man -l -`.
    #[command(after_help = "\
Examples:
  rulemake man | man -l -            read the manual
  rulemake man fmt > rulemake-fmt.1  write the page of a command")]
    Man {
        /// A command
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// A picture, laid out
    Svg,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GraphNode {
    Rule,
    Job,
}

impl Command {
    pub(crate) fn common(&self) -> &Common {
        match self {
            Command::Init { common, .. }
            | Command::Import { common, .. }
            | Command::Run { common, .. }
            | Command::Plan { common, .. }
            | Command::Why { common, .. }
            | Command::Watch { common, .. }
            | Command::Status { common, .. }
            | Command::Diff { common, .. }
            | Command::Summary { common, .. }
            | Command::Metrics { common, .. }
            | Command::Graph { common, .. }
            | Command::List { common, .. }
            | Command::Log { common, .. }
            | Command::Accept { common, .. }
            | Command::Check { common, .. }
            | Command::Fmt { common, .. }
            | Command::Lsp { common, .. }
            | Command::Clean { common, .. }
            | Command::Push { common, .. }
            | Command::Pull { common, .. }
            | Command::Lock { common, .. }
            | Command::Archive { common, .. }
            | Command::Unpack { common, .. }
            | Command::Export { common, .. }
            | Command::Cache { common, .. }
            | Command::Config { common, .. }
            | Command::Completions { common, .. }
            | Command::Man { common, .. } => common,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Command::Init { .. } => "init",
            Command::Import { .. } => "import",
            Command::Run { .. } => "run",
            Command::Plan { .. } => "plan",
            Command::Why { .. } => "why",
            Command::Watch { .. } => "watch",
            Command::Status { .. } => "status",
            Command::Diff { .. } => "diff",
            Command::Summary { .. } => "summary",
            Command::Metrics { .. } => "metrics",
            Command::Graph { .. } => "graph",
            Command::List { .. } => "list",
            Command::Log { .. } => "log",
            Command::Accept { .. } => "accept",
            Command::Check { .. } => "check",
            Command::Fmt { .. } => "fmt",
            Command::Lsp { .. } => "lsp",
            Command::Clean { .. } => "clean",
            Command::Push { .. } => "push",
            Command::Pull { .. } => "pull",
            Command::Lock { .. } => "lock",
            Command::Archive { .. } => "archive",
            Command::Unpack { .. } => "unpack",
            Command::Export { .. } => "export",
            Command::Cache { .. } => "cache",
            Command::Config { .. } => "config",
            Command::Completions { .. } => "completions",
            Command::Man { .. } => "man",
        }
    }
}
