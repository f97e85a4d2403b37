//! What the settings files hold that can be named on the command line.

use super::{begun, project::options_of_the_line};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{PathCompleter, ValueCompleter};
use std::ffi::OsStr;

/// The profiles that can be chosen by their names, and directories, which may hold one.
pub(super) fn profiles(start: &OsStr) -> Vec<CompletionCandidate> {
    let directory = options_of_the_line().directory;
    let names = match crate::here() {
        Some(here) => {
            let from = directory.map_or(here.clone(), |directory| here.join(directory));
            crate::settings::profiles(&from, crate::config_home().as_deref())
        }
        None => Vec::new(),
    };
    let named = begun(names.iter().map(|name| (name.as_str(), "a profile")), start);
    named.into_iter().chain(PathCompleter::dir().complete(start)).collect()
}
