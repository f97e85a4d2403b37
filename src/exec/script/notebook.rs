//! Notebooks, by `jupyter nbconvert`: the job stands in a cell of its own before all others.

use super::describe::Description;
use super::{python, r};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The tag of the cell; one that a notebook still has from an earlier execution is replaced.
const TAG: &str = "snakemake-job-properties";

/// The notebook with the job in it.
///
/// # Errors
/// What is wrong with the notebook, or cannot be written.
pub(super) fn with_job(
    source: &[u8],
    job: &Description,
    dir: &Path,
    scriptdir: &str,
    place: &Place<'_>,
) -> Result<String, String> {
    let mut notebook: Value =
        serde_json::from_slice(source).map_err(|error| format!("is no notebook: {error}"))?;
    let language = language(&notebook).ok_or("does not say its language: save it in jupyter once")?;
    let work_dir = dir.to_string_lossy();
    let code = match &*language {
        "python" => {
            let file = place.file("job.json");
            let fields = python::job_fields(job);
            let text = format!("{{\"scriptdir\": {},\n{fields}}}\n", python::text(scriptdir));
            fs::write(&file, text).map_err(|error| format!("cannot be handed its job: {error}"))?;
            let quoted = |path: &str| python::text(path);
            format!(
                "import os, sys\nsys.path.insert(0, {})\nimport rulemake_job\nsnakemake = rulemake_job.for_notebook({})\nos.chdir({})",
                quoted(&place.support.to_string_lossy()),
                quoted(&file.to_string_lossy()),
                quoted(&work_dir),
            )
        }
        "r" => format!("{}setwd({})", r::preamble(job, scriptdir), r::text(&work_dir)),
        other => return Err(format!("is written in `{other}`: notebooks can be in Python or R")),
    };
    let minor = notebook.get("nbformat_minor").and_then(Value::as_u64).unwrap_or(0);
    let mut cell = json!({
        "cell_type": "code",
        "execution_count": null,
        "metadata": { "tags": [TAG] },
        "outputs": [],
        "source": code,
    });
    if minor >= 5 {
        cell["id"] = json!("snakemake-job");
    }
    let cells = notebook.get_mut("cells").and_then(Value::as_array_mut);
    let cells = cells.ok_or("has no cells: notebooks must have format 4")?;
    cells.retain(|cell| !is_job(cell));
    cells.insert(0, cell);
    Ok(notebook.to_string())
}

/// Where files for one notebook go.
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    pub(super) support: &'a Path,
}

impl Place<'_> {
    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.join(name)
    }
}

fn language(notebook: &Value) -> Option<String> {
    let metadata = notebook.get("metadata")?;
    let name =
        metadata.pointer("/language_info/name").or_else(|| metadata.pointer("/kernelspec/language"))?;
    name.as_str().map(str::to_ascii_lowercase)
}

fn is_job(cell: &Value) -> bool {
    let tags = cell.pointer("/metadata/tags").and_then(Value::as_array);
    tags.is_some_and(|tags| tags.iter().any(|tag| tag == TAG))
}
