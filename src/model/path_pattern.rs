//! A path of a rule built in Rust, with what is said of it.

use crate::model::draft::DraftText;
use crate::model::flags::{Flag, Flags};

/// A pattern of paths with what is said of the files, for [`RuleBuilder`](crate::RuleBuilder). A text is a pattern
/// without any.
///
/// ```
/// use rulemake::{PathPattern, Rule, RunOptions, Session, Workflow};
/// # let root = std::env::temp_dir().join(format!("rulemake-doc-pattern-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let workflow = Workflow::builder()
///     .rule(Rule::builder("end").input("middle").output("end").shell("cp {input} {output}"))
///     .rule(Rule::builder("middle").output(PathPattern::new("middle").temp()).shell("echo 1 > {output}"))
///     .build()?;
/// let mut session = Session::builder(workflow).root(&root).open()?;
/// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
/// assert!(root.join("end").exists() && !root.join("middle").exists());
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PathPattern {
    text: String,
    flags: Flags,
}

impl PathPattern {
    /// A pattern of which nothing is said yet.
    pub fn new(pattern: impl Into<String>) -> PathPattern {
        PathPattern { text: pattern.into(), flags: Flags::default() }
    }

    fn with(mut self, flag: Flag) -> PathPattern {
        self.flags.set(flag);
        self
    }

    /// Of an output: it is removed when no job needs it any more.
    pub fn temp(self) -> PathPattern {
        self.with(Flag::Temp)
    }

    /// Of an output: it is made read-only when it is done.
    pub fn protected(self) -> PathPattern {
        self.with(Flag::Protected)
    }

    /// Of an output: it is a directory, and all that is in it is the result.
    pub fn directory(self) -> PathPattern {
        self.with(Flag::Directory)
    }

    /// Of an output: a marker that is made, or whose time is set, when the job has succeeded.
    pub fn touch(self) -> PathPattern {
        self.with(Flag::Touch)
    }

    /// Of an output: the job changes the file that is there, so it is not removed before.
    pub fn update(self) -> PathPattern {
        self.with(Flag::Update)
    }

    /// Of an input: it has to be there, and its content is no reason to run.
    pub fn ancient(self) -> PathPattern {
        self.with(Flag::Ancient)
    }

    pub(super) fn into_draft(self) -> DraftText {
        DraftText { text: self.text.into(), span: None, flags: self.flags }
    }
}

impl From<&str> for PathPattern {
    fn from(pattern: &str) -> PathPattern {
        PathPattern::new(pattern)
    }
}

impl From<&String> for PathPattern {
    fn from(pattern: &String) -> PathPattern {
        PathPattern::new(pattern)
    }
}

impl From<String> for PathPattern {
    fn from(pattern: String) -> PathPattern {
        PathPattern::new(pattern)
    }
}
