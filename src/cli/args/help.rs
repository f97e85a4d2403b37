//! The helps. The short one of a command shows its own options and fits a screen; the long one explains all.

use super::Args;
use crate::cache;
use crate::options::RunArgs;
use clap::{Args as _, CommandFactory};

pub(super) const EXAMPLES: &str = "\
Examples:
  rulemake                       make the first rule's files
  rulemake -n results/a.tsv      show what would run for one file, and why
  rulemake why results/a.tsv     explain one file, down to the root cause
  rulemake -j4 -k all            four jobs at once, go on after failures";

pub(super) const LONG_EXAMPLES: &str = "\
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

/// Said once below the help of a command, in place of its common options.
const COMMON_HELP: &str = "\
Also, as everywhere: -f -C --config --configfile -q -v --json --color
(`rulemake --help` explains them)";
const COMMON: [&str; 18] = [
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
    "lock",
    "no_lock",
    "quiet",
    "verbose",
    "json",
    "color",
];

/// Commands that the short help only names.
const LESS_USED: [&str; 21] = [
    "run",
    "plan",
    "import",
    "export",
    "accept",
    "status",
    "graph",
    "diff",
    "metrics",
    "summary",
    "fmt",
    "lsp",
    "lock",
    "archive",
    "unpack",
    "cache",
    "push",
    "pull",
    "config",
    "completions",
    "man",
];

impl Args {
    /// The definitions with short helps of the commands: their own options alone.
    pub(super) fn short() -> clap::Command {
        let all = Args::command();
        let names: Vec<String> =
            all.get_subcommands().map(|command| command.get_name().to_string()).collect();
        let all = all.mut_subcommand("watch", of_watch);
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

    /// The definitions as a help shows them: the long one has room for all commands.
    pub(super) fn helping(long: bool) -> clap::Command {
        let command = Args::short();
        if long {
            return command;
        }
        LESS_USED
            .into_iter()
            .fold(command, |all, name| all.mut_subcommand(name, |command| command.hide(true)))
            .after_help(format!("{EXAMPLES}\n\nMore: {} (--help)", LESS_USED.join(", ")))
    }
}

/// Only what is its own, and what is of most use: it takes all options of a run besides, and those are explained there.
fn of_watch(watch: clap::Command) -> clap::Command {
    let of_runs = RunArgs::augment_args(clap::Command::new("run"));
    let hidden = of_runs.get_arguments().map(|arg| arg.get_id().clone());
    let hidden = hidden.filter(|id| !["jobs", "keep_going"].contains(&id.as_str()));
    let watch = hidden.fold(watch, |watch, id| watch.mut_arg(id, |arg| arg.hide(true)));
    let own = watch.get_after_help().map(|own| format!("{own}\n\n")).unwrap_or_default();
    watch
        .mut_arg("jobs", |arg| arg.long_help(None))
        .after_help(format!("{own}Also what `rulemake run` takes (`rulemake run --help` explains it)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::COMMANDS;

    fn help(command: &str) -> String {
        let line = ["rulemake", command, "-h"].into_iter().filter(|word| !word.is_empty());
        Args::helping(false).term_width(80).try_get_matches_from(line).unwrap_err().to_string()
    }

    /// Those that make something explain all options of a run; the others have a few of their own.
    #[test]
    fn long_helps_are_not_long_either() {
        for command in COMMANDS.into_iter().filter(|name| !["help", "run", "plan"].contains(name)) {
            let line = ["rulemake", command, "--help"];
            let text = Args::helping(true).term_width(80).try_get_matches_from(line).unwrap_err().to_string();
            let most = if command == "watch" { 40 } else { 60 };
            assert!(text.lines().count() <= most, "{} lines\n{text}", text.lines().count());
        }
    }

    /// The promise is made for a terminal of 80 columns and 40 lines.
    #[test]
    fn helps_fit_a_screen_and_show_examples_that_can_be_typed() {
        let mut examples = 0;
        for command in COMMANDS.into_iter().filter(|name| *name != "help").chain([""]) {
            let text = help(command);
            assert!(text.lines().count() <= 40, "{} lines\n{text}", text.lines().count());
            let wide = text.lines().find(|line| line.len() > 80);
            assert_eq!(wide, None, "{text}");
            let shown =
                text.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|l| !l.is_empty());
            let shown: Vec<&str> = shown.collect();
            assert!(shown.len() >= 2, "{command} shows no examples\n{text}");
            for line in shown {
                assert!(line.contains("rulemake "), "{line:?} is no example: was one too long?\n{text}");
                let words = line.trim_start().split("  ").next().unwrap();
                let words = words.split(['<', '>', '|', '(', ')']).map(str::trim);
                for words in words.filter_map(|part| part.find("rulemake ").map(|at| &part[at..])) {
                    examples += 1;
                    let parsed = Args::from_line(words.split_whitespace().map(Into::into));
                    assert!(parsed.is_ok(), "`{words}` cannot be typed: {}", parsed.unwrap_err());
                }
            }
        }
        assert!(examples > 40, "{examples} examples are found");
    }
}
