//! A workflow from files and texts.

use super::{LoadOptions, recall};
use crate::diag::Diagnostic;
use crate::error::Result;
use crate::lang::load::{LoadFailure, LoadRequest, Settings, load, load_file};
use crate::model::workflow::Workflow;
use std::path::{Path, PathBuf};

impl Workflow {
    /// What rulemake does not do of what the rules ask for, such as `wrapper:`. The workflow can be used; a plan that holds a
    /// job of such a rule fails.
    ///
    /// ```
    /// use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'x'\n    wrapper: 'v1/bio/bwa'\n")?;
    /// assert_eq!(workflow.unsupported().len(), 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn unsupported(&self) -> Vec<Diagnostic> {
        let refused = self.rules.iter().filter_map(|rule| rule.refused.as_ref());
        refused.map(|problem| problem.resolve(&self.sources)).collect()
    }

    /// Loads a Rulefile; relative paths of the workflow start from its directory, which is also the root of a
    /// [`Session`](crate::Session) that is given no other.
    ///
    /// ```
    /// let error = rulemake::Workflow::load("no-such/Rulefile").unwrap_err();
    /// assert_eq!(error.kind(), rulemake::ErrorKind::Environment);
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Environment`](crate::ErrorKind::Environment) when a file cannot be read, [`ErrorKind::Workflow`](crate::ErrorKind::Workflow) with all mistakes found.
    pub fn load(path: impl AsRef<Path>) -> Result<Workflow> {
        Workflow::load_with(path, &LoadOptions::default())
    }

    /// Loads a Rulefile with options.
    ///
    /// ```
    /// # use rulemake::{LoadOptions, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-load-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// std::fs::write(root.join("Rulefile"), "rule a:\n    output: config['name']\n    shell: 'touch {output}'\n")?;
    /// let mut options = LoadOptions::default();
    /// options.config = vec!["name=a.txt".into()];
    /// let workflow = Workflow::load_with(root.join("Rulefile"), &options)?;
    /// assert_eq!(workflow.rule("a").unwrap().outputs().collect::<Vec<_>>(), ["a.txt"]);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Workflow> {
        let path = path.as_ref();
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = options.root.as_deref().unwrap_or(dir);
        let mut workflow = load_file(path, root, options.settings())?;
        workflow.request = recall::request(path, options);
        workflow.home = std::path::absolute(root).ok();
        Ok(workflow)
    }

    /// Loads a Rulefile from a text. `name` stands in messages; relative paths start from the process's directory.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "rule hello:\n    output: 'hi'\n    shell: 'echo hi > {output}'\n")?;
    /// assert_eq!(workflow.default_rule().unwrap().name(), "hello");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn parse(name: &str, text: &str) -> Result<Workflow> {
        let request = LoadRequest {
            name: name.to_string(),
            text: text.to_string(),
            dir: PathBuf::from("."),
            root: PathBuf::from("."),
            settings: Settings::default(),
        };
        load(request).map_err(LoadFailure::into_error)
    }
}
