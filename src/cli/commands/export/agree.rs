//! Whether the rules of the Rulefile do what the stages of `dvc.yaml` do: a result is DVC's only if DVC's command makes it.
//!
//! What is on record of a job is held against the stage as `rulemake import` would write it now, so that whatever counts for
//! being up to date counts here. Beyond that a rule may be written otherwise, and may need and make more, as long as its command
//! comes out the same.

use crate::commands::Place;
use crate::exit::Failure;
use crate::import::dvc::{PREFIX, import};
use crate::options::RunArgs;
use rulemake::inspect::OutputState;
use rulemake::{LoadOptions, Reason, RunOptions, Session, Verdict, Workflow};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Commands by the outputs that they make.
type Commands = BTreeMap<String, String>;

/// The stages of a `dvc.yaml` as rules.
pub(super) struct Stages<'s> {
    /// The Rulefile's.
    own: &'s Session,
    imported: Session,
    options: RunOptions,
    /// Of all outputs, where one plan has them all; of the others it is asked one by one.
    outputs: BTreeMap<String, OutputState>,
    commands: OnceCell<(Commands, Commands)>,
}

impl<'s> Stages<'s> {
    /// `name` is what the text is called.
    pub(super) fn new(place: &Place, own: &'s Session, name: &str, text: &str) -> Result<Self, Failure> {
        let root = &place.project.root;
        let rulefile = root.join(format!("{name} as a Rulefile"));
        let mut load = LoadOptions::default();
        load.root = Some(root.clone());
        load.variables = place.options.variables.clone();
        load.texts = vec![(rulefile.clone(), import(name, text, root)?.text)];
        let workflow = Workflow::load_with(&rulefile, &load)?;
        let options = place.run_options(&RunArgs::default(), &workflow);
        let imported = place.session(workflow, &RunArgs::default()).open()?;
        let outputs = imported.outputs::<&str>(&[], &options).unwrap_or_default();
        let outputs = outputs.into_iter().map(|output| (output.path.clone(), output)).collect();
        Ok(Stages { own, imported, options, outputs, commands: OnceCell::new() })
    }

    /// Whether what made `path` is what its stage does, too.
    ///
    /// # Errors
    /// What is different.
    pub(super) fn agree(&self, path: &str) -> Result<(), String> {
        let verdict = match self.outputs.get(path) {
            Some(output) => output.verdict.clone(),
            None => self.asked(path)?,
        };
        let reasons = match verdict {
            // Of what it reads, something may be made anew: that is another stage's.
            Verdict::UpToDate | Verdict::May { .. } => return Ok(()),
            Verdict::Run { reasons } | Verdict::Restore { reasons } => reasons,
            _ => return Err(format!("whether dvc.yaml makes {path} as the Rulefile does cannot be told")),
        };
        if self.is_other_command(path) {
            return Err(format!("dvc.yaml makes {path} by another command than the Rulefile"));
        }
        reasons.iter().find_map(difference).map_or(Ok(()), |difference| {
            Err(format!("dvc.yaml makes {path} otherwise than the Rulefile: {difference}"))
        })
    }

    fn asked(&self, path: &str) -> Result<Verdict, String> {
        let outputs = self.imported.outputs(&[path], &self.options).map_err(|error| {
            let error = error.to_string();
            format!("dvc.yaml alone does not make {path}: {}", error.lines().next().unwrap_or_default())
        })?;
        let found = outputs.into_iter().find(|output| output.path == path);
        found.map(|output| output.verdict).ok_or_else(|| format!("no stage that is understood makes {path}"))
    }

    fn is_other_command(&self, path: &str) -> bool {
        let (own, imported) = self.commands.get_or_init(|| (commands(self.own), commands(&self.imported)));
        // What the plan of all has not is not known to be the same.
        own.get(path).is_none_or(|command| imported.get(path) != Some(command))
    }
}

fn commands(session: &Session) -> Commands {
    let mut options = RunOptions::default();
    options.force_all = true;
    let Ok(plan) = session.plan::<&str>(&[], &options) else { return Commands::new() };
    let jobs = plan.jobs().filter_map(|job| Some((job.info().outputs, bare(&job.command()?))));
    jobs.flat_map(|(outputs, command)| outputs.into_iter().map(move |output| (output, command.clone())))
        .collect()
}

/// A command without what an import puts before it: what succeeds as strictly as a Rulefile has it does the same.
fn bare(command: &str) -> String {
    let command = command.strip_prefix(PREFIX).unwrap_or(command).trim();
    command.strip_prefix("set +e\n").unwrap_or(command).trim().to_string()
}

/// What a stage has that the rule has not, where both run the same command.
fn difference(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::CommandChanged { .. }
        | Reason::WildcardChanged { .. }
        | Reason::ParamRemoved { .. }
        | Reason::InputRemoved { .. }
        | Reason::InputsReordered => return None,
        Reason::InputAdded { path } => format!("there it needs {path}, too"),
        Reason::InputCounts { path } => format!("there the content of {path} counts"),
        Reason::ParamAdded { name, new } => format!("there it has the param {name}, {new}"),
        Reason::ParamChanged { name, old, new } => format!("there the param {name} is {new}, here {old}"),
        Reason::OutputSetChanged { path } => format!("not both make {path} with it"),
        other => other.to_string(),
    })
}
