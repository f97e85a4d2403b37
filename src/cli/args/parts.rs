//! The helps of what a command does by its first word: `rulemake cache gc --help`.

use super::help::COMMON_HELP;
use std::ffi::OsString;

/// What a command does by one word.
pub(super) struct Part {
    pub(super) command: &'static str,
    /// The word, and others for the same.
    pub(super) names: &'static [&'static str],
    about: &'static str,
    usage: &'static str,
    /// The arguments that it knows: their ids, how their values are called, and what they are for it.
    own: &'static [(&'static str, &'static str, &'static str)],
    examples: &'static str,
}

pub(super) const PARTS: [Part; 7] = [
    Part {
        command: "cache",
        names: &["info"],
        about: "Show how much the cache holds, and of which rules",
        usage: "rulemake cache [info] [--cache DIR]",
        own: &[],
        examples: "\
rulemake cache                       the cache of this project
  rulemake cache info --cache ~/other  another one",
    },
    Part {
        command: "cache",
        names: &["init"],
        about: "Make a directory in which results are shared with others",
        usage: "rulemake cache init [DIR]",
        own: &[("targets", "DIR", "The directory; else the one that `--cache-shared` or the settings name")],
        examples: "\
rulemake cache init /team/results  for `--cache-shared /team/results`
  rulemake cache init                the one that the settings name",
    },
    Part {
        command: "cache",
        names: &["add"],
        about: "Keep results that were made while no cache was on; nothing runs",
        usage: "rulemake cache add [TARGET]...",
        own: &[("targets", "TARGET", "Files or rules; those of the first rule when none is given")],
        examples: "\
rulemake cache add                   all that the first rule needs
  rulemake cache add plots --cache ~/c  one rule, in this directory",
    },
    Part {
        command: "cache",
        names: &["gc", "prune", "clean"],
        about: "Make room in the cache; shows first what would go",
        usage: "rulemake cache gc [OPTIONS]",
        own: &[
            ("max_size", "SIZE", "Results that were of use last stay, up to SIZE, such as `10GB`"),
            ("max_age", "AGE", "Remove results that were of no use for so long, such as `30d`"),
            ("keep_last", "N", "Keep the last N results of each output in any case"),
            ("min_age", "AGE", "Leave what was written within AGE: `1h` unless given"),
            ("yes", "", "Remove what is shown"),
            ("dry_run", "", "Only show it, as without `--yes`"),
        ],
        examples: "\
rulemake cache gc                                 what is of no use
  rulemake cache gc --max-size 50GB --max-age 90d   what is beyond limits, too
  rulemake cache gc --keep-last 3 --yes             it goes",
    },
    Part {
        command: "cache",
        names: &["verify"],
        about: "Read all that a cache holds, and find what is damaged",
        usage: "rulemake cache verify [--cache DIR] [--yes]",
        own: &[("yes", "", "Remove what is damaged; it is made again when it is needed")],
        examples: "\
rulemake cache verify                        exits with 1 when something is
  rulemake cache verify --cache /team/results  a directory that is shared
  rulemake push --verify                       mend any shared place",
    },
    Part {
        command: "metrics",
        names: &["show"],
        about: "Show the values of the files below `metrics:` as they are",
        usage: "rulemake metrics [show] [OPTIONS] [FILE]...",
        own: &[
            ("names", "FILE", "Only these files, or patterns of such; all when none is given"),
            ("md", "", "Print a table in Markdown"),
        ],
        examples: "\
rulemake metrics                   all of them
  rulemake metrics show 'eval/*.json'  those of some files",
    },
    Part {
        command: "metrics",
        names: &["diff"],
        about: "Show which metrics changed, and by how much",
        usage: "rulemake metrics diff [OPTIONS] [RUN|REVISION] [RUN|REVISION]",
        own: &[
            (
                "names",
                "RUN|REVISION",
                "What to compare with: a run by its number, or a revision of git; a second one stands for the files as they are. None: the last run that left others",
            ),
            ("md", "", "Print a table in Markdown"),
            ("all", "", "Also what did not change"),
        ],
        examples: "\
rulemake metrics diff             since the last run that left others
  rulemake metrics diff main --md   since a revision of git, for a comment
  rulemake metrics diff 3 7         between two runs",
    },
];

/// What is done by a word behind the name of its command.
pub(super) fn meant(words: &[OsString]) -> Option<&'static Part> {
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str());
    let command = words.find(|word| PARTS.iter().any(|part| part.command == *word))?;
    words.find_map(|word| PARTS.iter().find(|part| part.command == command && part.names.contains(&word)))
}

impl Part {
    /// The help of a command as that of this part.
    pub(super) fn help(&self, command: clap::Command) -> clap::Command {
        let shown = |arg: clap::Arg| {
            let own = self.own.iter().find(|(id, ..)| arg.get_id() == *id);
            let Some((_, value, help)) = own else { return arg.hide(true) };
            let arg = if value.is_empty() { arg } else { arg.value_name(*value) };
            arg.help(*help).hide(false)
        };
        // There is no longer one that the usual words could tell of.
        let asking = clap::Arg::new("asking").short('h').long("help").action(clap::ArgAction::Help);
        command
            .about(self.about)
            .override_usage(self.usage)
            // In their places: what is changed alone is put behind the others.
            .mut_args(shown)
            .disable_help_flag(true)
            .arg(asking.help("Print help"))
            .after_help(format!("Examples:\n  {}\n\n{COMMON_HELP}", self.examples))
    }
}

/// The words, with the short help asked for: the only one of a part.
pub(super) fn asked_shortly(words: &[OsString]) -> Vec<OsString> {
    words.iter().map(|word| if word == "--help" { "-h".into() } else { word.clone() }).collect()
}
