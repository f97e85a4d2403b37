//! The name `workflow` in a Rulefile: where its files are, and what the run was given.

use crate::base::path::normalise;
use crate::lang::builtins::path;
use crate::lang::load::objects::locked;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A file as it is being run: its name in messages, and its directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) dir: PathBuf,
}

#[derive(Debug)]
struct State {
    main: Place,
    /// The file whose statements run; the main one for functions that are called later.
    current: Place,
    config_files: Vec<Arc<str>>,
    /// Those from outside.
    overwriting: Vec<Arc<str>>,
    cores: i64,
}

/// One for all files and modules of a load.
#[derive(Clone, Debug)]
pub(super) struct WorkflowObject {
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

fn texts(texts: &[Arc<str>]) -> Value {
    Value::list(texts.iter().map(|text| Value::Str(text.clone())).collect())
}

const NAMES: [&str; 9] = [
    "basedir",
    "configfiles",
    "cores",
    "current_basedir",
    "main_snakefile",
    "overwrite_configfiles",
    "snakefile",
    "source_path",
    "workdir_init",
];

impl WorkflowObject {
    pub(super) fn new(root: &Path, main: Place, overwriting: &[PathBuf], cores: i64) -> WorkflowObject {
        let overwriting = overwriting.iter().map(|file| file.to_string_lossy().into()).collect();
        let state = State { current: main.clone(), main, config_files: Vec::new(), overwriting, cores };
        WorkflowObject { root: root.to_path_buf(), state: Arc::new(Mutex::new(state)) }
    }

    /// Makes a file the present one; gives the one before.
    pub(super) fn enter(&self, place: Place) -> Place {
        std::mem::replace(&mut locked(&self.state).current, place)
    }

    pub(super) fn add_config_file(&self, path: &str) {
        locked(&self.state).config_files.push(path.into());
    }

    /// From the root, which may be `.`: an empty text in a command would turn `{workflow.basedir}/x` into `/x`.
    fn full(&self, path: &Path) -> Value {
        Value::from(normalise(&self.root.join(path).to_string_lossy()).into_owned())
    }

    /// A file beside the Rulefile that names it, as paths of the workflow are written.
    fn source_path(&self, args: Args) -> Result<Value, Raise> {
        let [file] = args.take("source_path", ["rel_path"], 1)?;
        let file = path(&file.unwrap_or(Value::None), "source_path")?;
        if file.contains("://") {
            return Err(Raise::unsupported(
                format!("`{file}` is not on this machine"),
                "rulemake fetches nothing: download it in a rule",
            ));
        }
        let dir = self.root.join(&locked(&self.state).current.dir);
        let full = normalise(&dir.join(&*file).to_string_lossy()).into_owned();
        let root = normalise(&self.root.to_string_lossy()).into_owned();
        let inside = full.strip_prefix(&root).and_then(|rest| rest.strip_prefix('/'));
        Ok(Value::from(inside.unwrap_or(&full)))
    }
}

/// The file of a place, from the root: its name may start elsewhere.
fn file_of(place: &Place) -> PathBuf {
    let name = Path::new(place.name.as_str()).file_name().unwrap_or_default();
    Path::new(&place.dir).join(name)
}

impl Object for WorkflowObject {
    fn type_name(&self) -> &'static str {
        "Workflow"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let state = locked(&self.state);
        Ok(Some(match name {
            "basedir" => self.full(&state.main.dir),
            "current_basedir" => self.full(&state.current.dir),
            "main_snakefile" => self.full(&file_of(&state.main)),
            "snakefile" => self.full(&file_of(&state.current)),
            "workdir_init" => self.full(Path::new("")),
            "cores" => Value::Int(state.cores),
            "configfiles" => texts(&state.config_files),
            "overwrite_configfiles" => texts(&state.overwriting),
            "source_path" => {
                let workflow = self.clone();
                Value::native("source_path", move |_: &mut Vm, args| workflow.source_path(args))
            }
            _ => {
                return Err(Raise::new(Exc::AttributeError, format!("`workflow` has no `{name}`"))
                    .help(format!("it has: {}", NAMES.join(", ")))
                    .did_you_mean(name, NAMES));
            }
        }))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        NAMES.map(Arc::from).to_vec()
    }
}
