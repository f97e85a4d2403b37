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

impl Software {
    pub(crate) fn is_empty(&self) -> bool {
        self.conda.is_none() && self.container.is_none() && self.modules.is_empty()
    }
}
