//! The values of a template's variables: what the command line sets, what its user answers, and the defaults, in which
//! earlier values may stand.

use super::render::{Renderer, mistake};
use super::template::broken;
use crate::exit::{Exit, Failure};
use crate::meant;
use serde_json::{Map, Value as Json};
use std::path::Path;

/// One question; its default is an answer that holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) default: String,
    /// What can be chosen, by number.
    pub(crate) choices: Vec<String>,
    /// What was wrong with the answer before.
    pub(crate) problem: Option<String>,
}

/// Who answers questions.
pub(crate) trait Answers {
    /// Nothing for the default.
    fn answer(&mut self, question: &Question) -> Result<Option<String>, Failure>;
}

/// Nobody: all defaults.
pub(crate) struct Defaults;

impl Answers for Defaults {
    fn answer(&mut self, _: &Question) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

/// Extensions whose work is always done here, also under the names of the packages that they came from.
const EXTENSIONS: [&str; 9] = [
    "cookiecutter.extensions.JsonifyExtension",
    "cookiecutter.extensions.RandomStringExtension",
    "cookiecutter.extensions.SlugifyExtension",
    "cookiecutter.extensions.TimeExtension",
    "cookiecutter.extensions.UUIDExtension",
    "jinja2_time.TimeExtension",
    "jinja2.ext.do",
    "jinja2.ext.loopcontrols",
    "slugify.slugify",
];

/// Refuses what only Python can do.
pub(crate) fn check_extensions(context: &Map<String, Json>) -> Result<(), Failure> {
    let named = context.get("_extensions").and_then(Json::as_array).into_iter().flatten();
    let unknown = named.filter_map(Json::as_str).find(|name| !EXTENSIONS.contains(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Failure::new(
            Exit::Workflow,
            format!("the template needs the extension `{name}` of Jinja, which is Python code"),
        )
        .help("rulemake runs no Python of templates: use `cookiecutter` itself for this one")),
    }
}

/// Puts values of the command line over the defaults.
pub(crate) fn set(context: &mut Map<String, Json>, settings: &[(String, String)]) -> Result<(), Failure> {
    for (name, text) in settings {
        let known = context.get(name.as_str()).filter(|_| !name.starts_with('_'));
        let Some(known) = known else { return Err(unknown(context, name)) };
        let value = match known {
            Json::Array(choices) => {
                let at = choices.iter().position(|choice| as_text(choice) == *text);
                let Some(at) = at else {
                    let all: Vec<String> =
                        choices.iter().map(|choice| format!("`{}`", as_text(choice))).collect();
                    let message = format!("`{name}` cannot be `{text}`");
                    return Err(
                        Failure::new(Exit::Usage, message).help(format!("it is one of {}", all.join(", ")))
                    );
                };
                // The first is the default.
                let mut choices = choices.clone();
                let choice = choices.remove(at);
                choices.insert(0, choice);
                Json::Array(choices)
            }
            Json::Bool(_) => match boolean(text) {
                Some(value) => Json::Bool(value),
                None => {
                    let message = format!("`{name}` is yes or no, not `{text}`");
                    return Err(Failure::new(Exit::Usage, message));
                }
            },
            Json::Object(old) => match serde_json::from_str(text) {
                Ok(Json::Object(new)) => Json::Object(merged(old.clone(), new)),
                _ => {
                    let message = format!("`{name}` is a JSON object, and `{text}` is none");
                    return Err(Failure::new(Exit::Usage, message)
                        .help(format!("such as {name}='{{\"key\": \"value\"}}'")));
                }
            },
            _ => Json::String(text.clone()),
        };
        context.insert(name.clone(), value);
    }
    Ok(())
}

fn unknown(context: &Map<String, Json>, name: &str) -> Failure {
    let public: Vec<&String> = context.keys().filter(|key| !key.starts_with('_')).collect();
    let failure = Failure::new(Exit::Usage, format!("the template has no variable `{name}`"));
    let near = meant::nearest(name, public.iter().map(|key| key.as_str()), meant::a_third);
    match (meant::question(&near), public.is_empty()) {
        (Some(question), _) => failure.help(question),
        (None, false) => {
            let all: Vec<String> = public.iter().map(|key| format!("`{key}`")).collect();
            failure.help(format!("it has {}", all.join(", ")))
        }
        (None, true) => failure.help("it has none"),
    }
}

fn merged(mut old: Map<String, Json>, new: Map<String, Json>) -> Map<String, Json> {
    for (key, value) in new {
        let value = match (old.remove(&key), value) {
            // Two levels are as deep as anybody sets by hand.
            (Some(Json::Object(mut inner)), Json::Object(over)) => {
                inner.extend(over);
                Json::Object(inner)
            }
            (_, value) => value,
        };
        old.insert(key, value);
    }
    old
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// A value as text, as Python's `str()` has it.
fn as_text(value: &Json) -> String {
    super::text::shown(&minijinja::Value::from(minijinja::value::Serde(value)))
}

/// The value of each variable, in the order of the file; mappings come last, for they may name all others.
pub(crate) fn values(
    context: &Map<String, Json>,
    renderer: &Renderer,
    answers: &mut dyn Answers,
) -> Result<Map<String, Json>, Failure> {
    let prompts = context.get("__prompts__").cloned().unwrap_or(Json::Null);
    let count = context.keys().filter(|key| !key.starts_with('_')).count();
    let mut asked = 0;
    let mut found = Map::new();
    for later in [false, true] {
        for (key, raw) in context.iter().filter(|(key, _)| *key != "__prompts__") {
            let (private, rendered) = (key.starts_with('_'), !key.starts_with('_') || key.starts_with("__"));
            if raw.is_object() && rendered && !later && !private {
                continue;
            }
            // Private mappings are seen in both rounds: others may use them before they can name others.
            if later && !(raw.is_object() && rendered) {
                continue;
            }
            let value = match raw {
                _ if !rendered => raw.clone(),
                _ if private => rendered_value(renderer, key, raw, &found)?,
                _ => {
                    asked += 1;
                    let mut ask =
                        Ask { key, prompts: &prompts, number: (asked, count), answers: &mut *answers };
                    ask.value(renderer, raw, &found)?
                }
            };
            found.insert(key.clone(), value);
        }
    }
    Ok(found)
}

fn rendered_value(
    renderer: &Renderer,
    key: &str,
    raw: &Json,
    found: &Map<String, Json>,
) -> Result<Json, Failure> {
    let text = |text: &str| {
        renderer
            .variable(text, found)
            .map_err(|error| mistake(&format!("variable `{key}` of cookiecutter.json"), &error))
    };
    Ok(match raw {
        Json::Null | Json::Bool(_) => raw.clone(),
        Json::Array(items) => {
            let all = items.iter().map(|item| rendered_value(renderer, key, item, found));
            Json::Array(all.collect::<Result<_, _>>()?)
        }
        Json::Object(map) => {
            let pairs =
                map.iter().map(|(name, item)| Ok((text(name)?, rendered_value(renderer, key, item, found)?)));
            Json::Object(pairs.collect::<Result<_, Failure>>()?)
        }
        Json::String(source) => Json::String(text(source)?),
        Json::Number(_) => Json::String(text(&as_text(raw))?),
    })
}

/// One variable that is asked for.
struct Ask<'a> {
    key: &'a str,
    prompts: &'a Json,
    number: (usize, usize),
    answers: &'a mut dyn Answers,
}

impl Ask<'_> {
    fn value(&mut self, renderer: &Renderer, raw: &Json, found: &Map<String, Json>) -> Result<Json, Failure> {
        let default = rendered_value(renderer, self.key, raw, found)?;
        match &default {
            Json::Array(choices) => self.choice(choices),
            Json::Bool(yes) => {
                let word = if *yes { "y" } else { "n" };
                self.until(self.text(""), word.into(), Vec::new(), default.clone(), |answer| {
                    boolean(answer).map(Json::Bool).ok_or_else(|| "please answer y or n".into())
                })
            }
            Json::Object(_) => {
                let text = self.text("");
                self.until(text, "default".into(), Vec::new(), default.clone(), |answer| {
                    match serde_json::from_str(answer) {
                        Ok(Json::Object(map)) => Ok(Json::Object(map)),
                        _ => Err("please answer with a JSON object".into()),
                    }
                })
            }
            _ => {
                let shown = as_text(&default);
                self.until(self.text(""), shown, Vec::new(), default.clone(), |answer| {
                    Ok(Json::String(answer.into()))
                })
            }
        }
    }

    fn choice(&mut self, choices: &[Json]) -> Result<Json, Failure> {
        let Some(first) = choices.first() else {
            let why = format!("the choices of `{}` are none", self.key);
            return Err(broken(Path::new("cookiecutter.json"), &why));
        };
        let labels = choices.iter().map(|choice| {
            let value = as_text(choice);
            let label = self.prompts.get(self.key).and_then(|prompt| prompt.get(&value));
            label.map_or(value, as_text)
        });
        let labels: Vec<String> = labels.collect();
        self.until(self.text("Select "), "1".into(), labels, first.clone(), |answer| {
            let number: Option<usize> = answer.trim().parse().ok();
            let by_number = number.and_then(|number| choices.get(number.checked_sub(1)?));
            let by_name = || choices.iter().find(|choice| as_text(choice) == answer.trim());
            by_number.or_else(by_name).cloned().ok_or_else(|| format!("please answer 1 to {}", choices.len()))
        })
    }

    /// The question, in the template's words if it has some.
    fn text(&self, before: &str) -> String {
        let prompt = self.prompts.get(self.key);
        let own = match prompt {
            Some(Json::String(text)) if !text.is_empty() => Some(text.as_str()),
            Some(Json::Object(map)) => map.get("__prompt__").and_then(Json::as_str),
            _ => None,
        };
        let (number, count) = self.number;
        match own {
            Some(text) => format!("[{number}/{count}] {text}"),
            None => format!("[{number}/{count}] {before}{}", self.key),
        }
    }

    /// Asks until the answer holds.
    fn until(
        &mut self,
        text: String,
        default: String,
        choices: Vec<String>,
        value: Json,
        accept: impl Fn(&str) -> Result<Json, String>,
    ) -> Result<Json, Failure> {
        let mut question = Question { text, default, choices, problem: None };
        loop {
            let Some(answer) = self.answers.answer(&question)? else { return Ok(value) };
            match accept(&answer) {
                Ok(value) => return Ok(value),
                Err(problem) => question.problem = Some(problem),
            }
        }
    }
}

/// The template that a template of templates leads to: its directory, relative; nothing for an ordinary one.
pub(crate) fn nested(
    context: &Map<String, Json>,
    renderer: &Renderer,
    answers: &mut dyn Answers,
) -> Result<Option<String>, Failure> {
    let wrong = |why: &str| broken(Path::new("cookiecutter.json"), why);
    let (key, paths, labels): (&str, Vec<String>, Vec<String>) = if let Some(Json::Object(templates)) =
        context.get("templates")
    {
        let path = |item: &Json| item.get("path").and_then(Json::as_str).map(String::from);
        let paths: Option<Vec<String>> = templates.values().map(path).collect();
        let paths = paths.ok_or_else(|| wrong("one of `templates` has no path"))?;
        let label = |(name, item): (&String, &Json)| {
            let title = item.get("title").map_or_else(|| name.clone(), as_text);
            let description = item.get("description").map_or_else(|| name.clone(), as_text);
            if title == description { title } else { format!("{title} ({description})") }
        };
        ("templates", paths, templates.iter().map(label).collect())
    } else if let Some(Json::Array(templates)) = context.get("template") {
        let rendered = rendered_value(renderer, "template", &Json::Array(templates.clone()), &Map::new())?;
        let labels: Vec<String> = rendered.as_array().into_iter().flatten().map(as_text).collect();
        let inner = |label: &String| Some(label.split_once('(')?.1.rsplit_once(')')?.0.to_string());
        let paths: Option<Vec<String>> = labels.iter().map(inner).collect();
        ("template", paths.ok_or_else(|| wrong("a choice of `template` has no path in brackets"))?, labels)
    } else {
        return Ok(None);
    };
    let prompts = serde_json::json!({key: {"__prompt__": "Select a template"}});
    let choices: Vec<Json> = labels.into_iter().map(Json::String).collect();
    let chosen = Ask { key, prompts: &prompts, number: (1, 1), answers }.choice(&choices)?;
    let at = choices.iter().position(|choice| *choice == chosen).unwrap_or(0);
    let path = paths.get(at).cloned().unwrap_or_default();
    let plain = |part: std::path::Component| {
        matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir)
    };
    if path.is_empty() || !Path::new(&path).components().all(plain) {
        return Err(wrong(&format!("the path `{path}` leads out of the template")));
    }
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Vec<&'static str>, Vec<String>);

    impl Answers for Given {
        fn answer(&mut self, question: &Question) -> Result<Option<String>, Failure> {
            let problem = question.problem.as_deref().unwrap_or("");
            self.1.push(format!("{} {:?} ({}) {problem}", question.text, question.choices, question.default));
            let answer = self.0.remove(0);
            Ok(Some(answer.to_string()).filter(|answer| !answer.is_empty()))
        }
    }

    fn context() -> Map<String, Json> {
        let text = r#"{
            "name": "My Work", "slug": "{{ cookiecutter.name|lower|replace(' ', '-') }}", "n": 3,
            "kind": ["a", "{{ cookiecutter.slug }}"], "yes": true, "map": {"k": "{{ cookiecutter.later }}"},
            "later": "l", "_raw": "{{ x }}", "__hidden": "{{ cookiecutter.slug }}!",
            "__prompts__": {"name": "What name?", "kind": {"__prompt__": "Which?", "a": "The A"}}
        }"#;
        parsed(text)
    }

    fn parsed(text: &str) -> Map<String, Json> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn defaults_may_name_what_comes_before() {
        let context = context();
        let values = values(&context, &Renderer::new(&context, None).unwrap(), &mut Defaults).unwrap();
        let expected = r#"{"name": "My Work", "slug": "my-work", "n": "3", "kind": "a", "yes": true, "later": "l",
            "_raw": "{{ x }}", "__hidden": "my-work!", "map": {"k": "l"}}"#;
        assert_eq!(Json::Object(values), Json::Object(parsed(expected)));
    }

    #[test]
    fn questions_are_asked_until_an_answer_holds() {
        let context = context();
        let renderer = Renderer::new(&context, None).unwrap();
        let mut given = Given(vec!["X", "", "", "7", "2", "maybe", "no", "", "[]", "{\"a\": 1}"], Vec::new());
        let values = values(&context, &renderer, &mut given).unwrap();
        assert_eq!(
            given.1,
            [
                "[1/7] What name? [] (My Work) ",
                "[2/7] slug [] (x) ",
                "[3/7] n [] (3) ",
                "[4/7] Which? [\"The A\", \"x\"] (1) ",
                "[4/7] Which? [\"The A\", \"x\"] (1) please answer 1 to 2",
                "[5/7] yes [] (y) ",
                "[5/7] yes [] (y) please answer y or n",
                "[6/7] later [] (l) ",
                "[7/7] map [] (default) ",
                "[7/7] map [] (default) please answer with a JSON object",
            ]
        );
        assert_eq!(
            (&values["kind"], &values["yes"], &values["map"]["a"]),
            (&"x".into(), &false.into(), &1.into())
        );
    }

    #[test]
    fn what_is_set_must_fit() {
        let mut context = context();
        let mut set = |name: &str, value: &str| {
            let result = super::set(&mut context, &[(name.into(), value.into())]);
            result.err().map(|failure| match failure {
                Failure::Own { message, help, .. } => format!("{message}; {}", help.join(";")),
                other => format!("{other:?}"),
            })
        };
        assert_eq!(set("name", "New"), None);
        assert_eq!(set("yes", "off"), None);
        assert_eq!(set("map", r#"{"z": "1"}"#), None);
        assert_eq!(set("nam", "x").unwrap(), "the template has no variable `nam`; did you mean `name`?");
        assert_eq!(
            set("kind", "c").unwrap(),
            "`kind` cannot be `c`; it is one of `a`, `{{ cookiecutter.slug }}`"
        );
        assert_eq!(set("yes", "perhaps").unwrap(), "`yes` is yes or no, not `perhaps`; ");
        assert!(set("map", "1").unwrap().starts_with("`map` is a JSON object"));
        assert!(set("_raw", "1").unwrap().starts_with("the template has no variable `_raw`"));
        assert_eq!((&context["yes"], &context["map"]["z"]), (&false.into(), &"1".into()));
    }

    #[test]
    fn a_template_of_templates_leads_to_one_of_its_own() {
        let nested = |text: &str, answer: &'static str| {
            let context = parsed(text);
            let renderer = Renderer::new(&context, None).unwrap();
            super::nested(&context, &renderer, &mut Given(vec![answer], Vec::new()))
        };
        let new = r#"{"templates": {"a": {"path": "./x/a", "title": "A"}, "b": {"path": "b"}}}"#;
        assert_eq!(nested(new, "").unwrap(), Some("./x/a".into()));
        assert_eq!(nested(new, "2").unwrap(), Some("b".into()));
        assert_eq!(
            nested(r#"{"template": ["One (one)", "Two (x/two)"]}"#, "2").unwrap(),
            Some("x/two".into())
        );
        assert!(nested(r#"{"template": ["One (../one)"]}"#, "").is_err());
        assert_eq!(nested(r#"{"template": "a name"}"#, "").unwrap(), None);
    }
}
