//! What is known of the rule at a place.

use super::navigate::{View, is_rule};
use rulemake::source::OutlineItem;

/// A rule in words, as Markdown: its docstring, its wildcards, what it makes.
pub(super) fn of_rule(view: &View<'_>, name: &str) -> Option<String> {
    let mut found: Option<OutlineItem> = None;
    view.each_item(|item| {
        if found.is_none() && is_rule(item) && item.name == name {
            found = Some(item.clone());
        }
    });
    let known = view.loaded.rules.iter().find(|rule| rule.name == name);
    if found.is_none() && known.is_none() {
        return None;
    }
    let doc = known.and_then(|rule| rule.doc.clone()).or_else(|| found.as_ref()?.doc.clone());
    let wildcards = match (&known, &found) {
        (Some(rule), _) => rule.wildcards.clone(),
        (None, Some(item)) => item.wildcards.clone(),
        (None, None) => Vec::new(),
    };
    let mut text = format!("**rule `{name}`**");
    if let Some(doc) = doc.as_deref().map(str::trim).filter(|doc| !doc.is_empty()) {
        text.push_str(&format!("\n\n{doc}"));
    }
    let quoted =
        |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(rule) = known.filter(|rule| !rule.outputs.is_empty()) {
        text.push_str(&format!("\n\nMakes {}", quoted(&rule.outputs)));
    }
    if !wildcards.is_empty() {
        text.push_str(&format!("\n\nWildcards: {}", quoted(&wildcards)));
    }
    Some(text)
}
