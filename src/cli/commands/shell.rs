//! `rulemake completions` and `rulemake man`: what shells and manual readers take.

use crate::args::Args;
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::meant;
use crate::output::Output;
use clap::CommandFactory;

/// The script that makes a shell complete.
pub(crate) fn completions(output: &Output, shell: &str) -> Result<Exit, Failure> {
    let shell = complete::shell(shell).map_err(|message| Failure::new(Exit::Usage, message))?;
    output.answer_as_it_is(&complete::script(shell)?)?;
    Ok(Exit::Success)
}

/// The manual page of a command, or of all.
pub(crate) fn man(output: &Output, name: Option<&str>) -> Result<Exit, Failure> {
    // A page has room for all.
    let whole = |command: clap::Command| command.mut_args(|argument| argument.hide_short_help(false));
    let mut all = whole(Args::command());
    all.build();
    let page = match name {
        None => clap_mangen::Man::new(all),
        Some(name) => {
            let found = all.find_subcommand(name).cloned().ok_or_else(|| unknown(&all, name))?;
            let found = whole(found);
            // A page is called as `man` finds it.
            let title = format!("rulemake-{name}");
            clap_mangen::Man::new(found.display_name(title.clone())).title(title)
        }
    };
    let mut text = Vec::new();
    page.render(&mut text)?;
    output.answer_as_it_is(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Success)
}

fn unknown(all: &clap::Command, name: &str) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("there is no command `{name}`"));
    let names = all.get_subcommands().map(clap::Command::get_name);
    match meant::question(&meant::nearest(name, names, |_| 1)) {
        Some(question) => failure.help(question),
        None => failure,
    }
}
