//! The software that a job runs with, when the run uses environments at all.

use crate::base::digest::Digest;
use std::sync::Arc;

/// Which software environments of rules a run uses; none by default.
///
/// ```
/// let mut options = rulemake::RunOptions::default();
/// options.environments.conda = true;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environments {
    /// `conda:`
    pub conda: bool,
    /// `container:`
    pub container: bool,
    /// `envmodules:`
    pub modules: bool,
}

/// The environment of one job: what of its rule the run uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Software {
    pub(crate) conda: Option<Conda>,
    /// The image as the rule names it.
    pub(crate) container: Option<Arc<str>>,
    pub(crate) modules: Box<[Arc<str>]>,
}

/// A conda environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conda {
    /// A file that describes it, and the digest of what it says.
    File {
        path: Arc<str>,
        digest: Digest,
    },
    Name(Arc<str>),
    Directory(Arc<str>),
}

/// What manages conda environments, and what runs containers: the first that is there is used.
pub(crate) const CONDA: [&str; 3] = ["micromamba", "mamba", "conda"];
pub(crate) const CONTAINER: [&str; 4] = ["apptainer", "singularity", "docker", "podman"];

impl Software {
    /// What is said when no program is there that the environment needs. `first` finds the first of some programs.
    pub(crate) fn lack(
        &self,
        first: impl Fn(&[&'static str]) -> Option<&'static str>,
    ) -> Option<&'static str> {
        match (&self.container, &self.conda) {
            (Some(_), _) if first(&CONTAINER).is_none() => Some(NO_CONTAINER),
            // A container brings its own.
            (None, Some(_)) if first(&CONDA).is_none() => Some(NO_CONDA),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.conda.is_none() && self.container.is_none() && self.modules.is_empty()
    }
}

pub(crate) const NO_CONDA: &str = "its rule names a conda environment, but none of micromamba, mamba and conda was found: \
     install one of them, or run without `--env conda`";
pub(crate) const NO_CONTAINER: &str = "its rule names a container, but none of apptainer, singularity, docker and podman was \
     found: install one of them, or run without `--env container`";
