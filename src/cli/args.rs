//! The arguments. Options may stand before or after the name of a command; both places count.
//!
//! No option takes more than one value, so that none can swallow the targets that follow it.

use crate::cache;
use crate::commands::cache::CacheUpkeep;
use crate::commands::check::CheckArgs;
use crate::commands::fmt::FmtArgs;
use crate::commands::import::ImportArgs;
use crate::commands::init::InitArgs;
use crate::commands::lsp::LspArgs;
use crate::options::{Common, RunArgs};
use crate::settings::Layer;
use crate::words::spread;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  rulemake                       make the first rule's files
  rulemake -n results/a.tsv      show what would run for one file, and why
  rulemake why results/a.tsv     explain one file, down to the root cause
  rulemake -j4 -k all            four jobs at once, go on after failures";

const LONG_EXAMPLES: &str = "\
Examples:
  rulemake                       make the first rule's files
  rulemake -n results/a.tsv      show what would run for one file, and why
  rulemake why results/a.tsv     explain one file, down to the root cause
  rulemake -j4 -k all            four jobs at once, go on after failures
  rulemake --config min=5 all    with another setting
  rulemake -- plan               a target that is called like a command
  rulemake --json all > run.log  the events of a run, one JSON object per line

Paths:
  The Rulefile is looked for in this directory and then in those above it (`Rulefile`, `rulefile`).
  All paths in it start from its own directory, the root. A target that is a file is relative to
  the directory where you are, so that completion works in any place; the names of rules are the
  same everywhere.
  With -f the root is the directory where you are, wherever the file lies.
  -C DIR does the same as starting in DIR.

Exit codes:
  0    done, or nothing to do             5    another run is at work in this directory
  1    a job or a check failed            7    the machine refused: disk, permissions, programs
  2    the command line is wrong          70   a bug in rulemake
  3    the Rulefile is wrong or missing   130  stopped by Ctrl-C
  4    no such target, or no plan for it  143  stopped by SIGTERM

Output:
  Answers (plan, why, graph, list, log) go to standard output; progress, warnings and errors to
  standard error. With --json standard output holds JSON and nothing else.";

/// Makes files from files by rules, and only those that could come out different.
#[derive(Parser, Debug)]
#[command(
    name = "rulemake",
    version,
    args_override_self = true,
    subcommand_help_heading = "Commands",
    override_usage = "rulemake [OPTIONS] [TARGET]...\n       rulemake [OPTIONS] <COMMAND>",
    after_help = EXAMPLES,
    after_long_help = LONG_EXAMPLES
)]
pub(crate) struct Args {
    /// Files or rules to make; the first rule when none is given
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Options of profiles that have no effect here.
    #[arg(skip)]
    pub(crate) without_effect: Vec<String>,
    /// What is set elsewhere, and stands in the line already.
    #[arg(skip)]
    pub(crate) layers: Vec<Layer>,
}

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
    /// Make the targets (the same as no command)
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
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Explain why a file will or will not be made again
    Why {
        /// The file
        #[arg(value_name = "FILE")]
        path: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show what changed since the last run, each change once
    ///
    /// Sources with other content, rules with another command or other params, outputs that are missing or edited, and how
    /// many jobs each makes run.
    Diff {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show each output with its state, size, last run and log
    Summary {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Print the graph of rules or jobs
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
    Log {
        /// The file
        #[arg(value_name = "FILE")]
        path: String,
        #[command(flatten)]
        common: Common,
    },
    /// Look for mistakes in the Rulefile, and run nothing
    ///
    /// All mistakes are shown, then what is probably one and what keeps the first rule from being planned: missing inputs,
    /// cycles, ambiguous rules. A comment `# rulemake: allow(LINT)` on a line or above it silences what a lint finds there.
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
    Lsp {
        #[command(flatten)]
        lsp: LspArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Remove files that jobs made; shows them first
    ///
    /// The files that a target is made from are included, as far as jobs made them. Files that were changed by
    /// hand are kept.
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
    /// Those of all jobs that the targets need and that are up to date. The place is named by `--cache-shared` or the
    /// settings. With `--cache-push` each run does it by itself.
    Push {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Restore what the cache or the place that others share holds; runs nothing
    Pull {
        /// Files or rules; the first rule when none is given
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show what the cache of results holds, make room in it, or look whether it is still right
    ///
    /// Nothing is removed without --yes. The cache is the one that `--cache`, the settings or RULEMAKE_CACHE name.
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

/// Said once below the help of a command, in place of its common options.
const COMMON_HELP: &str = "\
Also the options of every command: -f -C --config --configfile -q -v --json --color
(`rulemake --help` explains them)";
const COMMON: [&str; 16] = [
    "dotenv",
    "file",
    "directory",
    "config",
    "configfile",
    "replace_workflow_config",
    "profile",
    "workflow_profile",
    "set_threads",
    "set_resources",
    "default_resources",
    "set_scatter",
    "quiet",
    "verbose",
    "json",
    "color",
];

/// Commands that the short help only names.
const LESS_USED: [&str; 14] = [
    "import",
    "accept",
    "status",
    "graph",
    "diff",
    "summary",
    "fmt",
    "lsp",
    "cache",
    "push",
    "pull",
    "config",
    "completions",
    "man",
];

/// The names of all commands.
pub(crate) fn command_names() -> Vec<String> {
    let all = Args::command();
    all.get_subcommands().map(|command| command.get_name().to_string()).chain(["help".into()]).collect()
}

pub(crate) fn is_command(word: &str) -> bool {
    word == "help" || Args::command().find_subcommand(word).is_some()
}

impl Args {
    /// The definitions with short helps of the commands: their own options alone.
    fn short() -> clap::Command {
        let all = Args::command();
        let names: Vec<String> =
            all.get_subcommands().map(|command| command.get_name().to_string()).collect();
        names.into_iter().fold(all, |all, name| {
            all.mut_subcommand(name, |command| {
                let hidden = |command: clap::Command, id| command.mut_arg(id, |arg| arg.hide(true));
                let own = command.get_after_help().map(|own| format!("{own}\n\n")).unwrap_or_default();
                COMMON
                    .into_iter()
                    .chain(cache::IDS)
                    .fold(command, hidden)
                    .after_help(format!("{own}{COMMON_HELP}"))
            })
        })
    }

    pub(crate) fn from_line(words: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
        let words = spread(words);
        let mut command = Args::command();
        let mut matches = command.try_get_matches_from_mut(&words);
        // The helps are made only when somebody wants to read one: they take longer than a small run.
        if matches.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp) {
            command = Args::helping(words.iter().any(|word| word == "--help" || word == "help"));
            matches = command.try_get_matches_from_mut(&words);
        }
        Args::from_arg_matches(&matches?).map_err(|error| error.format(&mut command)).and_then(Args::checked)
    }

    /// The definitions as a help shows them: the long one has room for all commands.
    fn helping(long: bool) -> clap::Command {
        let command = Args::short();
        if long {
            return command;
        }
        LESS_USED
            .into_iter()
            .fold(command, |all, name| all.mut_subcommand(name, |command| command.hide(true)))
            .after_help(format!("{EXAMPLES}\n\nMore: {} (--help)", LESS_USED.join(", ")))
    }

    /// The options that every command understands, from both places where they may stand.
    pub(crate) fn all_common(&self) -> Common {
        let after = self.command.as_ref().map(|command| command.common().clone()).unwrap_or_default();
        self.common.clone().and(after)
    }

    /// The words that a command line must hold to load the same workflow with the same settings: those of this line. What is
    /// set elsewhere is so for the other line, too.
    pub(crate) fn repeated(&self) -> Vec<String> {
        let set = self.layers.iter().flat_map(|layer| &layer.words).map(OsString::from);
        let set = Args::from_line(std::iter::once("rulemake".into()).chain(set));
        let set = set.map_or_else(|_| Vec::new(), |args| args.all_common().words());
        let mut words = self.all_common().words();
        for word in set {
            // The first of equal words is the one from elsewhere: it stands before the line.
            if let Some(at) = words.iter().position(|known| *known == word) {
                words.remove(at);
            }
        }
        words
    }

    /// The options without effect that a run was given, on its line and in profiles.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let after = match &self.command {
            None => RunArgs::default(),
            Some(Command::Run { run, .. } | Command::Plan { run, .. }) => run.clone(),
            // Nothing runs: what a profile says of runs does not matter.
            Some(_) => return Vec::new(),
        };
        let given = self.run.foreign.clone().and(after.foreign);
        self.without_effect.iter().cloned().chain(given.without_effect()).collect()
    }

    /// What clap cannot say: a target before a command would be taken for nothing.
    pub(crate) fn checked(self) -> Result<Args, clap::Error> {
        let (Some(command), Some(target)) = (&self.command, self.targets.first()) else { return Ok(self) };
        let name = command.name();
        let message = format!(
            "`{name}` is a command, and the target `{target}` stands before it\n\n\
             To make both, write `rulemake run {target} {name}`; for the command, put the target after it."
        );
        Err(Args::command().error(ErrorKind::ArgumentConflict, message))
    }
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
            | Command::Cache { common, .. }
            | Command::Config { common, .. }
            | Command::Completions { common, .. }
            | Command::Man { common, .. } => common,
        }
    }
}

impl Command {
    fn name(&self) -> &'static str {
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
            Command::Cache { .. } => "cache",
            Command::Config { .. } => "config",
            Command::Completions { .. } => "completions",
            Command::Man { .. } => "man",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::from_line(std::iter::once("rulemake").chain(line.split_whitespace()).map(Into::into))
    }

    #[test]
    fn clap_finds_the_definitions_sound() {
        Args::short().debug_assert();
    }

    #[test]
    fn no_option_swallows_a_target() {
        let args = parse("-f Snakefile -j2 -q all").unwrap();
        assert_eq!(args.common.file, Some("Snakefile".into()));
        assert_eq!((args.run.jobs, args.common.quiet), (Some(2), true));
        assert_eq!(args.targets, ["all"]);
        let args = parse("--config a=b target -n all").unwrap();
        assert_eq!(args.common.config, ["a=b"]);
        assert_eq!(
            (args.targets.as_slice(), args.run.dry_run),
            (["target", "all"].map(String::from).as_slice(), true)
        );
        let args = parse("--resources mem_mb=4 --configfile c.yaml x").unwrap();
        assert_eq!(
            (args.run.resources.as_slice(), args.targets.len()),
            ([("mem_mb".into(), 4)].as_slice(), 1)
        );
    }

    #[test]
    fn options_of_snakemake_are_understood() {
        let args = parse("-s Snakefile -c 4 --configfiles x.yaml --forceall --dryrun").unwrap();
        assert_eq!(args.common.file, Some("Snakefile".into()));
        assert_eq!(args.run.jobs, Some(4));
        assert!(args.run.force_all && args.run.dry_run);
        let args = parse("--snakefile S --cores all").unwrap();
        assert_eq!((args.common.file, args.run.jobs), (Some("S".into()), Some(0)));
    }

    #[test]
    fn options_before_and_after_a_command_both_count() {
        let args = parse("-v --config a=1 -j2 run --config b=2 -v -k x").unwrap();
        let Some(Command::Run { targets, run, common }) = args.command else { panic!("not a run") };
        let (common, run) = (args.common.and(common), args.run.and(run));
        assert_eq!((common.config, common.verbose), (vec!["a=1".to_string(), "b=2".into()], 2));
        assert_eq!((run.jobs, run.keep_going, targets), (Some(2), true, vec!["x".to_string()]));
    }

    /// Profiles and variables hold for the next line, too; what stands on this one does not.
    #[test]
    fn the_words_of_the_line_itself_are_repeated() {
        let line = "--config=a=1 --set-threads=r=2 --config a=1 --profile ci clean --configfile c.yaml x";
        let layer =
            Layer { origin: "p".into(), words: vec!["--config=a=1".into(), "--set-threads=r=2".into()] };
        let args = Args { layers: vec![layer], ..parse(line).unwrap() };
        assert_eq!(args.repeated(), ["--profile=ci", "--configfile=c.yaml", "--config=a=1"]);
        let line = "--set-resources r:mem=2GB --default-resources x=1 --set-scatter s=3 --dotenv e --replace-workflow-config";
        let words = parse(line).unwrap().repeated();
        assert_eq!(parse(&words.join(" ")).unwrap().repeated(), words, "they are read as they were");
        assert_eq!(words.len(), 5);
    }

    #[test]
    fn several_settings_follow_one_option() {
        let args = parse("--config a=1 b=2 target --resources mem_mb=1 disk_mb=2 -n").unwrap();
        assert_eq!(args.common.config, ["a=1", "b=2"]);
        assert_eq!(args.targets, ["target"]);
        assert_eq!(args.run.resources.len(), 2);
        let args = parse("--configfile a.yaml b.yml out.json -n c.yaml").unwrap();
        assert_eq!(args.common.configfile, [PathBuf::from("a.yaml"), "b.yml".into()]);
        assert_eq!(args.targets, ["out.json", "c.yaml"]);
        assert!(args.run.dry_run);
        assert_eq!(parse("--config a=1 -- b=2").unwrap().targets, ["b=2"]);
        assert_eq!(parse("--config a=1 out/x=1.txt").unwrap().targets, ["out/x=1.txt"]);
    }

    #[test]
    fn a_target_that_is_called_like_a_command_can_be_reached() {
        assert_eq!(parse("-- plan").unwrap().targets, ["plan"]);
        let Some(Command::Run { targets, .. }) = parse("run plan list").unwrap().command else {
            panic!("not a run")
        };
        assert_eq!(targets, ["plan", "list"]);
        assert_eq!(parse("a.txt plan").unwrap().targets, ["a.txt", "plan"]);
        let error = parse("a.txt -k plan").unwrap_err();
        assert!(error.to_string().contains("rulemake run a.txt plan"), "{error}");
    }

    #[test]
    fn wrong_values_are_named() {
        for (line, what) in [
            ("-j many", "expected a number, or `all`"),
            ("--config x", "expected KEY=VALUE"),
            ("--resources mem=lots", "`lots` is not a size"),
            ("--colour", "--color"),
        ] {
            let text = parse(line).unwrap_err().to_string();
            assert!(text.contains(what), "{line}: {text}");
        }
    }

    #[test]
    fn flags_may_be_repeated() {
        let args = parse("-k -k -q -q -j1 -j3").unwrap();
        assert_eq!((args.run.keep_going, args.run.jobs), (true, Some(3)));
    }

    #[test]
    fn the_short_help_fits_a_screen() {
        let text = parse("-h").unwrap_err().to_string();
        assert!(text.lines().count() <= 40, "{} lines\n{text}", text.lines().count());
    }

    #[test]
    fn the_long_help_tells_exit_codes_and_where_paths_start() {
        let text = Args::command().render_long_help().to_string();
        for words in ["Exit codes:", "143  stopped by SIGTERM", "With -f the root is"] {
            assert!(text.contains(words), "{words}");
        }
    }
}
