//! What a row is to reach, and whether the figures say so. Nothing fails: a bench tells.

/// One thing to reach.
pub(crate) struct Goal {
    what: String,
    /// `None`: there is nothing to judge it by.
    is_met: Option<bool>,
    because: String,
}

impl Goal {
    pub(crate) fn new(what: impl Into<String>, is_met: Option<bool>, because: impl Into<String>) -> Goal {
        Goal { what: what.into(), is_met, because: because.into() }
    }

    /// `what` is to be at most `limit`.
    pub(crate) fn at_most(limit: f64, what: &str, value: f64) -> Goal {
        Goal::new(format!("<= {limit} {what}"), Some(value <= limit), rounded(value))
    }

    /// `what` is to be at least `limit`.
    pub(crate) fn at_least(limit: f64, what: &str, value: f64) -> Goal {
        Goal::new(format!(">= {limit} {what}"), Some(value >= limit), rounded(value))
    }
}

fn rounded(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// The line under a table.
pub(crate) fn tell(goals: impl IntoIterator<Item = Goal>) {
    let verdict = |is_met| match is_met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "not judged",
    };
    let told = goals
        .into_iter()
        .map(|Goal { what, is_met, because }| format!("{what}: {} ({because})", verdict(is_met)));
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        println!("goal: {}", told.join("; "));
    }
}
