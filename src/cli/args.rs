//! The arguments. Options may stand before or after the name of a command; both places count.
//!
//! No option takes more than one value, so that none can swallow the targets that follow it.

mod command;
mod help;
mod parts;

use crate::options::{Common, RunArgs};
use crate::settings::Layer;
use crate::words::spread;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser};
pub(crate) use command::{Command, GraphFormat, GraphNode};
use help::{EXAMPLES, LONG_EXAMPLES};
use std::ffi::OsString;

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
    /// The line as it was typed.
    #[arg(skip)]
    pub(crate) typed: Vec<OsString>,
}

/// A line without a command, as most are. To describe what all commands take lasts longer than a small run.
#[derive(Parser, Debug)]
#[command(name = "rulemake", version, args_override_self = true)]
struct Plain {
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    run: RunArgs,
}

/// The names of all commands, sorted.
pub(crate) const COMMANDS: [&str; 29] = [
    "accept",
    "archive",
    "cache",
    "check",
    "clean",
    "completions",
    "config",
    "diff",
    "export",
    "fmt",
    "graph",
    "help",
    "import",
    "init",
    "list",
    "lock",
    "log",
    "lsp",
    "man",
    "metrics",
    "plan",
    "pull",
    "push",
    "run",
    "status",
    "summary",
    "unpack",
    "watch",
    "why",
];

pub(crate) fn is_command(word: &str) -> bool {
    COMMANDS.contains(&word)
}

impl Args {
    pub(crate) fn from_line(words: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
        let words = spread(words);
        if let Some(plain) = Args::plain(&words) {
            return Ok(plain);
        }
        let of_help = words.get(1).is_some_and(|word| word == "help");
        if of_help
            && words.get(2).is_some_and(|word| ["help", "-h", "--help"].iter().any(|help| word == help))
        {
            return Err(Args::help_of_help());
        }
        let mut command = Args::command();
        let words = of_its_command(&command, words)?;
        let mut matches = command.try_get_matches_from_mut(&words);
        // The helps are made only when somebody wants to read one: they take longer than a small run.
        if matches.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp) {
            let part = parts::meant(&words);
            let is_long = words.iter().any(|word| word == "--help" || word == "help");
            command = Args::helping(is_long && part.is_none());
            matches = match part {
                None => command.try_get_matches_from_mut(&words),
                Some(part) => {
                    command = command.mut_subcommand(part.command, |command| part.help(command));
                    command.try_get_matches_from_mut(parts::asked_shortly(&words))
                }
            };
        }
        Args::from_arg_matches(&matches?).map_err(|error| error.format(&mut command)).and_then(Args::checked)
    }

    /// A line that names no command, if nothing is wrong with it and nothing is asked about.
    fn plain(words: &[OsString]) -> Option<Args> {
        if words.iter().skip(1).any(|word| word.to_str().is_some_and(is_command)) {
            return None;
        }
        let Plain { targets, common, run } = Plain::try_parse_from(words).ok()?;
        let (without_effect, layers, typed) = Default::default();
        Some(Args { targets, common, run, command: None, without_effect, layers, typed })
    }

    /// Whether a file is named by the letter that means "force" in Snakemake and elsewhere.
    pub(crate) fn names_file_by_letter(typed: &[OsString]) -> bool {
        typed.iter().any(|word| word.to_string_lossy().starts_with("-f"))
    }

    /// Whether an option stands on the line as it was typed, by its whole name.
    pub(crate) fn names(typed: &[OsString], option: &str) -> bool {
        typed.iter().any(|word| word.to_string_lossy().split('=').next() == Some(option))
    }

    /// The options that every command understands, from both places where they may stand.
    pub(crate) fn all_common(&self) -> Common {
        let after = self.command.as_ref().map(|command| command.common().clone()).unwrap_or_default();
        self.common.clone().and(after)
    }

    /// What a run was asked for, in both places where it may stand.
    fn all_run(&self) -> RunArgs {
        let after = match &self.command {
            Some(Command::Run { run, .. } | Command::Plan { run, .. } | Command::Watch { run, .. }) => {
                run.clone()
            }
            _ => RunArgs::default(),
        };
        self.run.clone().and(after)
    }

    fn words(&self) -> Vec<String> {
        let mut words = self.all_common().words();
        words.extend(self.all_run().words());
        words
    }

    /// The words that a command line must hold to load the same workflow with the same settings, and to run a job of it as it
    /// would have been run: those of this line. What is set elsewhere is so for the other line, too.
    pub(crate) fn repeated(&self) -> Vec<String> {
        let set = self.layers.iter().flat_map(|layer| &layer.words).map(OsString::from);
        let set = Args::from_line(std::iter::once("rulemake".into()).chain(set));
        let set = set.map_or_else(|_| Vec::new(), |args| args.words());
        let mut words = self.words();
        for word in set {
            // The first of equal words is the one from elsewhere: it stands before the line.
            if let Some(at) = words.iter().position(|known| *known == word) {
                words.remove(at);
            }
        }
        words
    }

    /// Whether the line itself says how many jobs run at once, and not only a setting.
    pub(crate) fn names_jobs(line: Vec<OsString>) -> bool {
        let Ok(Args { run, command, .. }) = Args::from_line(line) else { return false };
        let after = match &command {
            Some(Command::Run { run, .. } | Command::Plan { run, .. } | Command::Watch { run, .. }) => {
                run.jobs
            }
            _ => None,
        };
        run.jobs.or(after).is_some()
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

/// `help cache gc` as `cache gc --help`.
fn of_its_command(all: &clap::Command, words: Vec<OsString>) -> Result<Vec<OsString>, clap::Error> {
    let [program, help, name, part, ..] = words.as_slice() else { return Ok(words) };
    let command = name.to_str().and_then(|name| all.find_subcommand(name));
    let (Some("help"), Some(command), Some(part)) = (help.to_str(), command, part.to_str()) else {
        return Ok(words);
    };
    let first = command.get_positionals().next();
    let known = first.map(clap::Arg::get_possible_values).unwrap_or_default();
    if known.iter().any(|known| known.matches(part, false)) {
        return Ok(vec![program.clone(), name.clone(), part.into(), "--help".into()]);
    }
    let known: Vec<String> = known.iter().map(|known| format!("`{}`", known.get_name())).collect();
    let name = command.get_name();
    let message = match known.as_slice() {
        [] => format!("`{name}` has no parts: `rulemake help {name}` is its help"),
        known => format!("`{name}` has no part `{part}`: those are {}", known.join(", ")),
    };
    Err(Args::command().error(ErrorKind::InvalidSubcommand, message))
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
        Args::short(true).debug_assert();
        Args::short(false).debug_assert();
    }

    #[test]
    fn the_list_of_commands_is_complete() {
        let all = Args::command();
        let names = all.get_subcommands().flat_map(|command| command.get_name_and_visible_aliases());
        let mut names: Vec<&str> = names.chain(["help"]).collect();
        names.sort_unstable();
        assert_eq!(names, COMMANDS);
        assert!(all.get_subcommands().all(|command| command.get_all_aliases().count() == 0));
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
        // How a job is run, too; how many there are is another thing.
        let line =
            "--env=conda -j2 -k run --sdm modules --resources mem=2GB --use-singularity --assume-inputs a x";
        let words = parse(line).unwrap().repeated();
        let resources = words.iter().find(|word| word.starts_with("--resources=")).unwrap();
        assert_eq!(words, ["--env=conda,container,modules", resources, "--assume-inputs=a"]);
        assert_eq!(parse(&words.join(" ")).unwrap().repeated(), words);
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
    fn parts_of_commands_have_the_help_of_their_command() {
        for line in ["help cache gc", "help metrics diff"] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{line}: {error}");
            let name = line.split(' ').nth(1).unwrap();
            assert!(error.to_string().contains(&format!("Usage: rulemake {name} ")), "{error}");
        }
        let text = parse("help cache gone").unwrap_err().to_string();
        assert!(text.contains("no part `gone`: those are `info`, `init`, `add`, `gc`, `verify`"), "{text}");
        let text = parse("help run gc").unwrap_err().to_string();
        assert!(text.contains("`rulemake help run` is its help"), "{text}");
    }

    #[test]
    fn flags_may_be_repeated() {
        let args = parse("-k -k -q -q -j1 -j3").unwrap();
        assert_eq!((args.run.keep_going, args.run.jobs), (true, Some(3)));
    }

    #[test]
    fn the_long_help_tells_exit_codes_and_where_paths_start() {
        let text = Args::command().render_long_help().to_string();
        for words in ["Exit codes:", "143  stopped by SIGTERM", "With -f the root is"] {
            assert!(text.contains(words), "{words}");
        }
    }
}
