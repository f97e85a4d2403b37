//! Sections of rules that run Python, that concern other programs, or that mean nothing on one machine.
//!
//! What rulemake does not do is no mistake while nothing needs the rule: it is kept with the rule and told when a
//! target does.

use crate::diag::{Problem, Span};
use crate::lang::load::Loader;
use crate::lang::load::sections::{Item, Parts};
use crate::lang::value::Value;
use crate::model::draft::DraftAction;
use crate::model::dynamic::Dynamic;
use crate::syntax::ast::Section;

/// The sections of this room.
pub(super) const SECTIONS: &[&str] =
    &["cache", "containerized", "cwl", "handover", "run", "template_engine", "wrapper"];

/// Values of `cache:` in Snakemake.
const CACHE_MODES: [&str; 3] = ["all", "omit-software", "omit-storage-content"];

impl Loader {
    /// Reads a section of [`SECTIONS`].
    pub(super) fn keyword(&mut self, parts: &mut Parts, section: &Section, items: &[Item]) {
        let (word, place) = (&*section.name.text, section.name.span);
        if let Some(code) = &section.code {
            parts.draft.action = DraftAction::Run(self.code(code));
            return;
        }
        let [item @ Item { name: None, .. }] = items else {
            // An item that failed was reported.
            if !items.is_empty() || section.args.is_empty() {
                self.refuse("bad-section-value", format!("`{word}` takes exactly one value"), place);
            }
            return;
        };
        let draft = &mut parts.draft;
        match (word, &item.value) {
            ("handover", Value::Bool(false) | Value::None) => draft.refused = None,
            ("handover" | "wrapper" | "cwl" | "template_engine", _) => {
                draft.refused = Some(Box::new(refusal(word, place)));
            }
            ("containerized", value) if value.is_callable() => {
                draft.environment.container = self.function(item, "container").map(Dynamic::Function);
            }
            ("containerized", Value::Str(_)) => {
                let container = self.constant(item);
                parts.draft.environment.container = container;
            }
            ("cache", Value::Bool(cached)) => draft.cached = *cached,
            ("cache", Value::None) => draft.cached = true,
            // What the modes leave out of the key in Snakemake counts here.
            ("cache", Value::Str(mode)) if is_cache_mode(mode) => draft.cached = true,
            ("cache", _) => {
                let problem = Problem::error("bad-section-value", "`cache` is `True`, `False` or a mode");
                let help = format!("the modes are: {}", CACHE_MODES.join(", "));
                self.problems.push(problem.at(item.span, "").help(help));
            }
            (word, value) => {
                let message = format!("`{word}` takes a text, not `{}`", value.type_name());
                self.refuse("bad-section-value", message, item.span);
            }
        }
    }
}

fn is_cache_mode(mode: &str) -> bool {
    CACHE_MODES.contains(&mode) || mode.starts_with("hash-")
}

/// Why a rule with this section cannot be run, and what to do about it.
fn refusal(word: &str, place: Span) -> Problem {
    let (message, help) = match word {
        "handover" => (
            "a rule with `handover` starts jobs of its own, of which rulemake would know neither threads nor outputs",
            "remove `handover`: then the job runs like any other, with the `threads` and `resources` of its rule",
        ),
        "wrapper" => (
            "wrappers are programs that Snakemake downloads when the rule runs; rulemake downloads nothing",
            "write the wrapper's command in `shell:`, with its `environment.yaml` in `conda:`",
        ),
        "cwl" => (
            "rulemake runs no CWL tools",
            "run the tool in `shell:`: `cwltool tool.cwl ...`, with the inputs and outputs of the rule",
        ),
        _ => (
            "rulemake renders no templates",
            "write a `script:` that renders the template, or call the renderer in `shell:`",
        ),
    };
    Problem::error("unsupported-section", message).at(place, "").help(help)
}
