//! Code that does not run with its file but later: the bodies of `run:` and of hooks. What it means is known at the end
//! of the load, when all names have their values.

use crate::diag::Span;
use crate::lang::action::{self, Place};
use crate::lang::load::Loader;
use crate::lang::vm::{SpaceId, Vm};
use crate::model::action::{Code, Way};
use crate::model::draft::{DraftAction, RuleDraft};
use crate::model::value::Value;
use crate::model::workflow::{Hook, Moment};
use crate::syntax::ast;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The trees of bodies, by their place.
#[derive(Default)]
pub(super) struct Bodies(FxHashMap<Key, Arc<ast::Code>>);

type Key = (u32, u32);

fn key(place: Span) -> Key {
    (place.source.0, place.start)
}

impl Loader {
    /// The body as the rule has it until the load ends.
    pub(super) fn code(&mut self, body: &Arc<ast::Code>) -> Code {
        self.bodies.0.insert(key(body.span), body.clone());
        Code {
            text: body.text.clone(),
            place: body.span,
            around: Arc::default(),
            refers: Arc::default(),
            shell: self.shell.settings(),
            way: Way::Python { because: "it was not looked at".into() },
        }
    }

    /// Keeps what is to be done at a moment of the run; of several the last one counts. Those of modules do not.
    pub(super) fn add_hook(&mut self, hook: &Arc<ast::Hook>) {
        let moment = match &*hook.name.text {
            "onstart" => Moment::Start,
            "onsuccess" => Moment::Success,
            _ => Moment::Error,
        };
        if self.home == 0 {
            let code = self.code(&hook.code);
            self.hooks.retain(|known| known.moment != moment);
            self.hooks.push(Hook {
                moment,
                place: hook.name.span,
                code: Arc::new(code),
                config: Arc::new(Value::None),
            });
        }
    }

    /// Finds out for every body what it uses and who can run it.
    pub(super) fn finish_bodies(&mut self, vm: &mut Vm<'static>) {
        let (shell, runner) = (self.shell.settings(), self.runner());
        let homes: Vec<(SpaceId, Arc<str>)> =
            self.homes.iter().map(|home| (home.space, home.around.as_str().into())).collect();
        let mut complete = |code: &mut Code, home: usize, parameters: &'static [&'static str]| {
            let body = self.bodies.0.get(&key(code.place));
            let (Some(body), Some((space, around))) = (body, homes.get(home)) else { return };
            let place = Place {
                space: *space,
                sources: &self.sources,
                around,
                parameters,
                shell: &shell,
                runner: &runner,
            };
            let meaning = action::meaning(vm, place, body);
            self.roots.extend(meaning.root);
            code.around = around.clone();
            code.refers = meaning.refers;
            code.shell = shell.clone();
            code.way = meaning.way;
        };
        for (draft, defined) in self.rules.iter_mut().zip(&self.defined) {
            if let Some(RuleDraft { action: DraftAction::Run(code), .. }) = draft {
                complete(code, defined.home, action::OF_RULES);
            }
        }
        for hook in &mut self.hooks {
            let mut code = (*hook.code).clone();
            complete(&mut code, 0, action::OF_HOOKS);
            hook.code = Arc::new(code);
        }
    }
}
