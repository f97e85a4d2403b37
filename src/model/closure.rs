//! Closures as the functions of rules, and how they wait for checkpoints.

use crate::model::build::BoxError;
use crate::model::dynamic::{CallContext, CallError, JobFunction};
use crate::model::value::Value;
use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

/// A closure as a function of a rule.
pub(super) struct Closure<F>(pub(super) F);

/// Why a function cannot be answered yet.
#[derive(Clone, Debug, thiserror::Error)]
#[error("checkpoint `{checkpoint}` has not ended")]
struct NotEnded {
    checkpoint: Arc<str>,
    wildcards: Vec<(Arc<str>, Arc<str>)>,
}

impl CallContext<'_> {
    /// Makes sure that the job of a checkpoint has ended well, so that what it made can be looked at. `wildcards` are all
    /// those of the checkpoint's rule and no others, in any order.
    ///
    /// ```
    /// use rulemake::{Rule, Session, Value, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-checkpoint-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let list = root.join("list");
    /// let workflow = Workflow::builder()
    ///     .rule(Rule::builder("all").input_fn(move |cx| {
    ///         cx.after_checkpoint("split", &[])?;
    ///         let names = std::fs::read_to_string(&list)?;
    ///         Ok(Value::List(names.lines().map(Value::from).collect()))
    ///     }))
    ///     .rule(Rule::builder("split").checkpoint().output("list").shell("printf 'a\nb\n' > {output}"))
    ///     .rule(Rule::builder("make").output("{name}").constraint("name", "[ab]").shell("touch {output}"))
    ///     .build()?;
    /// let mut session = Session::builder(workflow).root(&root).open()?;
    /// assert_eq!(session.run::<&str>(&[], &Default::default())?.summary.ran, 3);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// While it has not ended: the function is to return this error, or one of its own that has this as its
    /// [`source`](std::error::Error::source), and is called again when the job has.
    pub fn after_checkpoint(&self, name: &str, wildcards: &[(&str, &str)]) -> Result<(), BoxError> {
        let wildcards: Vec<(Arc<str>, Arc<str>)> =
            wildcards.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        if self.checkpoints.is_some_and(|known| known.is_final(name, &wildcards)) {
            return Ok(());
        }
        Err(Box::new(NotEnded { checkpoint: name.into(), wildcards }))
    }
}

/// What a closure waits for, also when it says so in words of its own.
fn not_ended(error: &(dyn Error + 'static)) -> Option<NotEnded> {
    let mut next = Some(error);
    // A chain has an end, unless somebody made a ring of it.
    for _ in 0..MAX_SOURCES {
        let error = next?;
        if let Some(found) = error.downcast_ref::<NotEnded>() {
            return Some(found.clone());
        }
        // It hides what it wraps and names the source of that as its own.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// So many errors are looked at that are the sources of one another.
const MAX_SOURCES: usize = 100;

impl<F> fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closure")
    }
}

impl<F> JobFunction for Closure<F>
where
    F: Fn(&CallContext<'_>) -> Result<Value, BoxError> + Send + Sync,
{
    fn name(&self) -> &str {
        "closure"
    }

    fn call(&self, cx: &CallContext<'_>) -> Result<Value, CallError> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.0)(cx)));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(match not_ended(&*error) {
                Some(NotEnded { checkpoint, wildcards }) => CallError::Pending { checkpoint, wildcards },
                None => CallError::Message(error.to_string()),
            }),
            Err(panic) => {
                let said = panic.downcast_ref::<&str>().copied();
                let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                Err(CallError::Message(format!(
                    "the closure panicked: {}",
                    said.unwrap_or("without a message")
                )))
            }
        }
    }
}
