//! `rulemake clean`: removes what jobs made. Shows it first; removes only with `--yes`.

use super::Place;
use crate::exit::{Exit, Failure};
use rulemake::report::printable;

pub(crate) fn clean(place: &Place, targets: &[String], remove: bool) -> Result<Exit, Failure> {
    let mut session = place.open()?;
    let targets = place.targets(targets, session.workflow());
    let files = session.made_files(&targets)?;
    let output = &place.output;
    let removed = if remove && !files.is_empty() { session.remove(&files)? } else { 0 };
    if output.json {
        output.answer_json(&serde_json::json!({"v": 1, "files": files, "removed": removed}))?;
    } else if files.is_empty() {
        output.remark("nothing to remove");
    } else if remove {
        let left = files.len().saturating_sub(removed);
        let why = "; left alone, because they are gone or lie outside of the root, by name or by a link: ";
        let left = if left == 0 { String::new() } else { format!("{why}{}", count(left)) };
        output.remark(&format!("removed {}{left}", count(removed)));
    } else {
        let lines: String = files.iter().map(|path| format!("{}\n", printable(path))).collect();
        output.answer(&lines)?;
        output.remark(&format!("would remove {}; `rulemake clean --yes` removes them", count(files.len())));
    }
    Ok(Exit::Success)
}

fn count(files: usize) -> String {
    format!("{files} file{}", if files == 1 { "" } else { "s" })
}
