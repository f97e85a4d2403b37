//! What `ensure` asks of the outputs of a job.

use crate::base::checksum::Checksum;
use crate::graph::job::Job;
use crate::model::value::Value;
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble, explain};
use crate::trace::fingerprint::Bound;
use std::sync::Arc;

/// One thing that must hold of an output when its job is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Required {
    pub(crate) path: Arc<str>,
    pub(crate) what: Requirement,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Requirement {
    NonEmpty,
    /// Lower-case hexadecimal digits.
    Checksum(Checksum, Arc<str>),
}

impl Required {
    /// As it enters the fingerprint.
    pub(crate) fn bound(&self) -> Bound {
        let what = match &self.what {
            Requirement::NonEmpty => "non-empty".into(),
            Requirement::Checksum(algorithm, sum) => format!("{} {sum}", algorithm.name()).into(),
        };
        (self.path.clone(), what)
    }
}

/// All that is asked of the outputs of `job`, checksum functions evaluated.
pub(crate) fn of(cx: &Context, job: &Job) -> Result<Vec<Required>, Trouble> {
    let rule = cx.rule(job);
    let mut all = Vec::new();
    for (output, flags) in job.outputs.iter().zip(&rule.output_flags) {
        let Some(ensure) = &flags.ensure else { continue };
        let path: Arc<str> = cx.paths.text(*output).into();
        if ensure.non_empty {
            all.push(Required { path: path.clone(), what: Requirement::NonEmpty });
        }
        if let Some((algorithm, sum)) = &ensure.checksum {
            let what = format!("the {} that `ensure` asks for", algorithm.name());
            let sum =
                Instance::naming(cx, job).evaluate(sum, rule).map_err(|e| explain(cx, rule, &what, e))?;
            let Value::Str(sum) = sum else {
                let found = sum.canonical();
                return Err(Trouble::new(format!(
                    "{what} in rule `{}` must be a text, not {found}",
                    rule.name
                )));
            };
            let sum = sum.trim().to_ascii_lowercase().into();
            all.push(Required { path, what: Requirement::Checksum(*algorithm, sum) });
        }
    }
    Ok(all)
}
