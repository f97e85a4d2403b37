//! What users of Cookiecutter have said before: the defaults in their configuration, and the answers of an earlier call.

use super::context::set;
use crate::exit::{Exit, Failure};
use crate::read;
use rulemake::Value;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// Somebody wrote it.
const MAX_FILE: u64 = 1 << 20;

/// Where Cookiecutter looks for its user's configuration.
#[expect(clippy::disallowed_methods, reason = "the command looks here for its user's settings")]
fn configuration() -> Option<PathBuf> {
    match std::env::var_os("COOKIECUTTER_CONFIG") {
        Some(path) => Some(path.into()),
        None => {
            Some(Path::new(&std::env::var_os("HOME")?).join(".cookiecutterrc")).filter(|path| path.exists())
        }
    }
}

/// Puts the user's own defaults (`default_context`) over those of the template, where it knows them. What does not fit is
/// told, and left out.
///
/// # Errors
/// The file cannot be read, or is not YAML.
pub(crate) fn set_defaults(context: &mut Map<String, Json>) -> Result<Vec<String>, Failure> {
    let Some(path) = configuration() else { return Ok(Vec::new()) };
    let shown = path.display().to_string();
    let all = Value::from_yaml(&shown, &text(&path, &path)?)?;
    let Some(Value::Map(defaults)) = all.get("default_context") else { return Ok(Vec::new()) };
    let mut remarks = Vec::new();
    for (name, value) in defaults.iter() {
        let Ok(value) = serde_json::to_value(value) else { continue };
        if let Err(failure) = set(context, &known(context, [(&**name, &value)])) {
            remarks.push(format!("{shown}: {}", failure.message()));
        }
    }
    Ok(remarks)
}

/// Takes the answers, from a file as seen from `start`, that Cookiecutter wrote down for `--replay-file`, or any JSON object of them.
///
/// # Errors
/// The file cannot be read, is no such object, or an answer does not fit.
pub(crate) fn replay(start: &Path, path: &Path, context: &mut Map<String, Json>) -> Result<(), Failure> {
    let broken =
        |why: &str| Failure::new(Exit::Usage, format!("`{}` holds no answers: {why}", path.display()));
    let Json::Object(all) =
        serde_json::from_str(&text(&start.join(path), path)?).map_err(|error| broken(&error.to_string()))?
    else {
        return Err(broken("it is no JSON object"));
    };
    let answers = match all.get("cookiecutter") {
        Some(Json::Object(answers)) => answers,
        _ => &all,
    };
    set(context, &known(context, answers.iter().map(|(name, value)| (name.as_str(), value))))
}

/// Those that are variables of the template, as on the command line.
fn known<'a>(
    context: &Map<String, Json>,
    values: impl IntoIterator<Item = (&'a str, &'a Json)>,
) -> Vec<(String, String)> {
    let is_known = |name: &str| !name.starts_with('_') && context.contains_key(name);
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    values
        .into_iter()
        .filter(|(name, _)| is_known(name))
        .map(|(name, value)| (name.into(), text(value)))
        .collect()
}

fn text(path: &Path, shown: &Path) -> Result<String, Failure> {
    let cannot = |why: String| Failure::new(Exit::Usage, format!("cannot read `{}`: {why}", shown.display()));
    let bytes = read::at_most(path, MAX_FILE).map_err(|error| cannot(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8".into()))
}
