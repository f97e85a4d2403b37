//! A path of a rule built in Rust, with what is said of it.

use crate::base::checksum::Checksum;
use crate::model::draft::DraftText;
use crate::model::dynamic::Dynamic;
use crate::model::flags::{Ensure, Flag, Flags};
use std::sync::Arc;

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
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("a.txt")).shell("touch {output}");
    /// ```
    pub fn new(pattern: impl Into<String>) -> PathPattern {
        PathPattern { text: pattern.into(), flags: Flags::default() }
    }

    fn with(mut self, flag: Flag) -> PathPattern {
        self.flags.set(flag);
        self
    }

    /// Of an output: it is removed when no job needs it any more.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("a.tmp").temp()).shell("touch {output}");
    /// ```
    pub fn temp(self) -> PathPattern {
        self.with(Flag::Temp)
    }

    /// Of an output: it is made read-only when it is done.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("a.txt").protected()).shell("touch {output}");
    /// ```
    pub fn protected(self) -> PathPattern {
        self.with(Flag::Protected)
    }

    /// Of an output: it is a directory, and all that is in it is the result.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("parts").directory()).shell("mkdir {output}");
    /// ```
    pub fn directory(self) -> PathPattern {
        self.with(Flag::Directory)
    }

    /// Of an output: a marker that is made, or whose time is set, when the job has succeeded.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("a.done").touch()).shell("true");
    /// ```
    pub fn touch(self) -> PathPattern {
        self.with(Flag::Touch)
    }

    /// Of an output: the job changes the file that is there, so it is not removed before.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("index").update()).shell("echo a >> {output}");
    /// ```
    pub fn update(self) -> PathPattern {
        self.with(Flag::Update)
    }

    /// Of an output: a named pipe. Its job and the one that reads it run at the same time.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("numbers").output(PathPattern::new("numbers").pipe()).shell("seq 100 > {output}");
    /// ```
    pub fn pipe(self) -> PathPattern {
        self.with(Flag::Pipe)
    }

    /// Of an output: it is there as long as its job runs, which is ended with the last job that reads it.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("server").output(PathPattern::new("socket").service()).shell("serve {output}");
    /// ```
    pub fn service(self) -> PathPattern {
        self.with(Flag::Service)
    }

    fn ensured(mut self, non_empty: bool, checksum: Option<(Checksum, Dynamic)>) -> PathPattern {
        let before = self.flags.ensure.take();
        let (was_non_empty, was) =
            before.map_or((false, None), |before| (before.non_empty, before.checksum.clone()));
        let ensure = Ensure { non_empty: non_empty || was_non_empty, checksum: checksum.or(was) };
        self.flags.ensure = Some(Arc::new(ensure));
        self
    }

    /// Of an output: an empty file is a failure of its job.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").output(PathPattern::new("a").non_empty()).shell("echo > {output}");
    /// ```
    pub fn non_empty(self) -> PathPattern {
        self.ensured(true, None)
    }

    /// Of an output: another SHA-256 than this one, in hexadecimal digits, is a failure of its job.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    /// let rule = Rule::builder("a").output(PathPattern::new("a").sha256(digest)).shell("touch {output}");
    /// ```
    pub fn sha256(self, digest: impl Into<String>) -> PathPattern {
        self.ensured(false, Some((Checksum::Sha256, Dynamic::Const(digest.into().into()))))
    }

    /// Of an input: the file as it is before a job with an [`PathPattern::update`] output changes it.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("count").input(PathPattern::new("log").before_update()).output("n").shell("wc -l < {input} > {output}");
    /// ```
    pub fn before_update(self) -> PathPattern {
        self.with(Flag::BeforeUpdate)
    }

    /// Of an input: it has to be there, and its content is no reason to run.
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("a").input(PathPattern::new("reference.fa").ancient()).output("a").shell("touch a");
    /// ```
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
