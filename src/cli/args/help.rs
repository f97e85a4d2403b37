//! The helps. The short one of a command shows its own options and fits a screen; the long one explains all.

use super::Args;
use crate::cache;
use crate::options::RunArgs;
use clap::error::ErrorKind;
use clap::{Args as _, CommandFactory};

pub(super) const EXAMPLES: &str = "\
Examples:
  rulemake                       make the first rule's files
  rulemake -n results/a.tsv      show what would run for one file, and why
  rulemake why results/a.tsv     explain one file, down to the root cause
  rulemake -j4 -k all            four jobs at once, go on after failures";

/// The short help of all: one screen of 24 lines and 80 columns.
const SHORT: &str = "\
Makes files from files by rules, and only those that could come out different

#Usage:# rulemake [OPTIONS] [TARGET]...   files or rules; else the first rule
       rulemake [OPTIONS] <COMMAND>

#Commands:#
  init   Begin a project, from a template
  watch  Make the targets, and again whenever a source or the Rulefile changes
  why    Explain why a file will or will not be made again
  list   List the rules, or the files that would be made
  log    Print the log of the job that made a file, or failed to
  check  Look for mistakes in the Rulefile, and run nothing
  clean  Remove files that jobs made; shows them first
  and run plan import export accept status graph diff metrics summary fmt lsp
  lock archive unpack cache push pull config completions man help

#Options:# (`rulemake --help` has all, `rulemake help NAME` those of a command)
  -j N  at most N processors     -n      show what would run, and why
  -k    go on after a failure    -q, -v  print less, or each job
  -f FILE, -C DIR  another Rulefile, directory    --config KEY=VALUE  a setting

#Examples:#
  rulemake -j4 -k all            four jobs at once, go on after failures
  rulemake why results/a.tsv     explain one file, down to the root cause";

/// The help of `help`.
const OF_HELP: &str = "\
Print the help of rulemake, or of a command

#Usage:# rulemake help [COMMAND]

#Examples:#
  rulemake help        all options, where paths start, exit codes
  rulemake help cache  all of one command; `rulemake cache -h` is shorter";

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
  The Rulefile is looked for in this directory and then in those above it
  (`Rulefile`, `rulefile`). All paths in it start from its own directory, the
  root. A target that is a file is relative to the directory where you are, so
  that completion works in any place; the names of rules are the same
  everywhere.
  With -f the root is the directory where you are, wherever the file lies.
  -C DIR does the same as starting in DIR.

Exit codes:
  0  done, or nothing to do            5    another run is at work here
  1  a job or a check failed           7    the machine refused: disk, rights
  2  the command line is wrong         70   a bug in rulemake
  3  the Rulefile is wrong or missing  130  stopped by Ctrl-C
  4  no such target, or no plan        143  stopped by SIGTERM

Output:
  Answers (plan, why, graph, list, log) go to standard output; progress,
  warnings and errors to standard error. With --json standard output holds JSON
  and nothing else.";

/// Said once below the help of a command, in place of its common options.
pub(super) const COMMON_HELP: &str =
    "Also: -f -C --config --configfile -q -v --json --color (see `rulemake --help`)";
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

impl Args {
    /// The definitions with short helps of the commands: their own options alone.
    pub(super) fn short(long: bool) -> clap::Command {
        let all = Args::command();
        let names: Vec<String> =
            all.get_subcommands().map(|command| command.get_name().to_string()).collect();
        let all = all.mut_subcommand("watch", of_watch);
        names.into_iter().fold(all, |all, name| {
            all.mut_subcommand(name, |command| {
                let hidden = |command: clap::Command, id| command.mut_arg(id, |arg| arg.hide(true));
                let own = command.get_after_help().map(|own| format!("{own}\n\n")).unwrap_or_default();
                let command = if long { command } else { shortened(command) };
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
        let command = Args::short(long);
        if long { command } else { command.override_help(styled(SHORT)) }
    }

    /// What is said of `help` itself.
    pub(super) fn help_of_help() -> clap::Error {
        let help = clap::Command::new("help").override_help(styled(OF_HELP));
        let shown = help.clone().try_get_matches_from(["help", "--help"]);
        shown.err().unwrap_or_else(|| clap::Error::new(ErrorKind::DisplayHelp).with_cmd(&help))
    }
}

/// Headings stand between `#`.
fn styled(text: &str) -> clap::builder::StyledStr {
    let heading = *clap::builder::Styles::styled().get_header();
    let mut styled = String::new();
    for (number, piece) in text.split('#').enumerate() {
        match number % 2 {
            0 => styled.push_str(piece),
            _ => styled.push_str(&format!("{heading}{piece}{heading:#}")),
        }
    }
    styled.into()
}

/// Shorter words of arguments that need a line each; the long help has room for theirs.
fn shortened(command: clap::Command) -> clap::Command {
    let words: &[(&str, &str)] = match command.get_name() {
        "cache" => &[
            ("what", "info (the default), init, add, gc or verify"),
            ("targets", "add: files or rules; init: the directory"),
            ("max_size", "gc: remove what was of no use, down to SIZE: `10GB`"),
            ("max_age", "gc: remove what was of no use for so long: `30d`"),
            ("keep_last", "gc: keep the last N results of each output"),
            ("min_age", "gc: leave what was written within AGE (`1h`)"),
        ],
        "archive" => &[
            ("results", "`all` (the default), those of the `targets`, or `none`"),
            ("with", "Also this file or directory. Repeat it for more"),
            ("output", "Write it there, `-` for standard output"),
        ],
        "init" => &[
            ("words", "The project's directory, and values of variables"),
            ("template", "one by its name, a directory, zip, gh:USER/REPO"),
            ("checkout", "Take this branch, tag or commit of it"),
            ("subdirectory", "Where in it the template lies"),
            ("replay_file", "Take the answers from a file of Cookiecutter"),
            ("allow_hooks", "Let the template run its programs"),
        ],
        _ => &[],
    };
    let command = match command.get_name() {
        "cache" => command.about("Show the cache of results, add to it, make room in it, verify it"),
        _ => command,
    };
    // In their places: what is changed alone is put behind the others, and then means another word of the line.
    command.mut_args(|arg| {
        let Some((_, help)) = words.iter().find(|(id, _)| arg.get_id() == *id) else { return arg };
        let takes_values = arg.get_action().takes_values();
        arg.help(*help).hide_possible_values(takes_values).hide_default_value(takes_values)
    })
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
    use crate::args::parts::PARTS;

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
            let wide = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{command}");
            let most = if command == "watch" { 40 } else { 60 };
            assert!(text.lines().count() <= most, "{} lines\n{text}", text.lines().count());
        }
    }

    /// The promise is made for a terminal of 80 columns and 24 lines.
    #[test]
    fn helps_fit_a_screen_and_show_examples_that_can_be_typed() {
        let mut examples = 0;
        let of_commands = COMMANDS.into_iter().filter(|name| *name != "help").chain([""]);
        let mut all: Vec<(&str, String)> = of_commands.map(|command| (command, help(command))).collect();
        for part in &PARTS {
            for name in part.names {
                let of =
                    |line: &[&str]| Args::from_line(line.iter().map(Into::into)).unwrap_err().to_string();
                let text = of(&["rulemake", part.command, name, "-h"]);
                assert_eq!(of(&["rulemake", part.command, name, "--help"]), text);
                assert_eq!(of(&["rulemake", "help", part.command, name]), text);
                let narrow = Args::helping(false).term_width(80);
                let narrow = narrow.mut_subcommand(part.command, |command| part.help(command));
                let narrow = narrow.try_get_matches_from(["rulemake", part.command, name, "-h"]);
                all.push((name, narrow.unwrap_err().to_string()));
            }
        }
        for (command, text) in all {
            assert!(text.lines().count() <= 24, "{} lines\n{text}", text.lines().count());
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

    /// Promise: the short help names each command, and what it tells of options is so.
    #[test]
    fn the_help_of_all_knows_each_command() {
        let text = help("");
        let names = COMMANDS.iter().filter(|name| !text.split([' ', '\n']).any(|word| word == **name));
        assert_eq!(names.collect::<Vec<_>>(), [&""; 0], "{text}");
        let line = [
            "rulemake", "-j", "1", "-n", "-k", "-q", "-v", "-f", "x", "-C", ".", "--config", "a=1", "--json",
        ];
        assert!(Args::from_line(line.map(Into::into)).is_ok());
        for line in [["help", "help"], ["help", "-h"]] {
            let text = Args::from_line(["rulemake"].into_iter().chain(line).map(Into::into))
                .unwrap_err()
                .to_string();
            assert!(text.contains("rulemake help cache"), "{text}");
        }
        for long in ["run", "plan", ""] {
            let line = ["rulemake", long, "--help"].into_iter().filter(|word| !word.is_empty());
            let text = Args::helping(true).term_width(80).try_get_matches_from(line).unwrap_err().to_string();
            assert_eq!(text.lines().find(|line| line.chars().count() > 80), None);
        }
    }
}
