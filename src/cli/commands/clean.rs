//! `rulemake clean`: removes what jobs made. Shows it first; removes only with `--yes`.

use super::Place;
use crate::exit::{Exit, Failure};
use rulemake::report::printable;

pub(crate) fn clean(place: &Place, named: &[String], remove: bool) -> Result<Exit, Failure> {
    let mut session = place.open()?;
    let targets = place.targets(named, session.workflow());
    let made = session.made_files(&targets)?;
    let (files, changed, protected) = (made.files, made.changed, made.protected);
    let output = &place.output;
    let removed =
        if remove && !files.is_empty() { session.remove(&files).map_err(Place::hurried)? } else { 0 };
    let kept: String = [(changed.len(), "accepted, or changed by hand"), (protected.len(), "protected")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("; {count} kept: {why}"))
        .collect();
    if output.json {
        output.answer_json(&serde_json::json!({
            "v": 1, "files": files, "changed": changed, "protected": protected, "removed": removed
        }))?;
    } else if files.is_empty() {
        output.remark(&format!("nothing to remove{kept}"));
    } else if remove {
        let left = files.len().saturating_sub(removed);
        let why = "; left alone, because they are gone or lie outside of the root, by name or by a link: ";
        let left = if left == 0 { String::new() } else { format!("{why}{}", count(left)) };
        output.remark(&format!("removed {}{left}{kept}", count(removed)));
    } else {
        let line = |path: &String| format!("{}\n", printable(&place.project.for_user(path)));
        let lines: String = files.iter().map(line).collect();
        output.answer(&lines)?;
        let command = place.project.clean(named);
        output.remark(&format!("would remove {}: `{command}` does it{kept}", count(files.len())));
    }
    Ok(Exit::Success)
}

fn count(files: usize) -> String {
    format!("{files} file{}", if files == 1 { "" } else { "s" })
}
