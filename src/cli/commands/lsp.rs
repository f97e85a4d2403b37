//! `rulemake lsp`: the language server that editors start.

use super::{here, load_options};
use crate::exit::{Exit, Failure};
use crate::lsp::{End, Setup, serve};
use crate::options::Common;
use crate::output::Output;
use crate::project::Project;
use std::io::{BufReader, IsTerminal, stdin, stdout};

/// How `lsp` was started.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LspArgs {
    /// Also show what is a matter of taste, or often wanted so
    #[arg(long)]
    pedantic: bool,
    /// When formatting, break lines that are longer
    #[arg(long, value_name = "COLUMNS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    line_length: u16,
    /// Talk over standard input and output (the default, and the only way)
    #[arg(long, hide_short_help = true)]
    stdio: bool,
}

pub(crate) fn lsp(common: &Common, output: &Output, args: &LspArgs) -> Result<Exit, Failure> {
    let here = here()?;
    let main = match &common.file {
        Some(_) => {
            let project = Project::find(&here, common)?;
            Some((here.join(&project.rulefile), project.root))
        }
        None => None,
    };
    let start = common.directory.as_ref().map_or(here.clone(), |directory| here.join(directory));
    let (options, _) = load_options(common, &here, &start)?;
    #[expect(clippy::disallowed_methods, reason = "the library looks for programs where it is told")]
    let search_path = std::env::var_os("PATH");
    let setup = Setup {
        options,
        main,
        pedantic: args.pedantic,
        line_length: usize::from(args.line_length),
        here,
        search_path,
    };
    if stdin().is_terminal() {
        output.remark(
            "this is for editors, which start it themselves; to look for mistakes there is `rulemake check`",
        );
    }
    let cannot = |error: &std::io::Error| {
        Failure::new(Exit::Environment, format!("the connection to the editor is broken: {error}"))
    };
    match serve(setup, BufReader::new(stdin()), stdout().lock()) {
        Ok(End::Orderly) => Ok(Exit::Success),
        Ok(End::Abrupt) => {
            output.remark("the editor left without saying `shutdown`");
            Ok(Exit::Found)
        }
        Ok(End::Broken(error)) => Err(cannot(&error)
            .help("editors start this command; to look for mistakes by hand there is `rulemake check`")),
        Err(error) => Err(cannot(&error)),
    }
}
