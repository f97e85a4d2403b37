//! rulemake inside another tool's build script: sources are generated where the tool says, only when something changed,
//! and the tool is told what to look after.
//!
//! `OUT_DIR=/tmp/out cargo run --example build_step` does what a `build.rs` would do with `rulemake` as a build dependency.
//! The library reads no variables, so `main` does. `--sources=DIR` says where `limits.txt` is, of which code is made; without
//! it one is written below `OUT_DIR`.

use rulemake::{BoxError, JobContext, Rule, RunOptions, Session, TextStyle, Workflow, report};
use std::path::{Path, PathBuf};

/// A module of constants from lines of `name = value`.
fn constants(job: &JobContext) -> Result<(), BoxError> {
    let mut code = String::from("// Generated.\n");
    for (number, line) in (1..).zip(job.read_to_string(job.input(0)?)?.lines()) {
        let (name, value) =
            line.split_once('=').ok_or_else(|| format!("line {number} has no `=`: {line}"))?;
        let (name, value) = (name.trim().to_uppercase(), value.trim());
        code.push_str(&format!("pub const {name}: &str = {value:?};\n"));
    }
    Ok(job.write(job.output(0)?, code)?)
}

fn main() -> Result<(), BoxError> {
    #[expect(clippy::disallowed_methods, reason = "a build script is told by variables")]
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let option = std::env::args().find_map(|arg| arg.strip_prefix("--sources=").map(PathBuf::from));
    let out = variable("OUT_DIR").unwrap_or_else(|| std::env::temp_dir().join("rulemake-build-step"));
    let sources = option.unwrap_or_else(|| out.join("sources"));
    std::fs::create_dir_all(&out)?;
    if !sources.exists() {
        std::fs::create_dir_all(&sources)?;
        std::fs::write(sources.join("limits.txt"), "depth = 12\nname = leaf\n")?;
    }
    let mut session = Session::builder(workflow(&sources)?).root(&out).open()?;
    let result = session.run(&["limits.rs"], &RunOptions::default())?;
    for failure in &result.failures {
        eprintln!("{}", report::failure_text(failure, None, TextStyle::Plain));
    }
    for file in session.watched(&["limits.rs"], &RunOptions::default())?.files {
        println!("cargo::rerun-if-changed={file}");
    }
    println!("cargo::warning={} generated, {} as they were", result.summary.ran, result.summary.up_to_date);
    if result.success() { Ok(()) } else { Err("the sources could not be generated".into()) }
}

fn workflow(sources: &Path) -> rulemake::Result<Workflow> {
    let source = format!("{}/{{name}}.txt", sources.display());
    Workflow::builder()
        .rule(Rule::builder("constants").input(source).output("{name}.rs").action("1", constants))
        .build()
}
