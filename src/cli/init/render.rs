//! Names and contents with their values: files in memory, all inside of the project's directory or none at all.

use super::filters::environment;
use super::tags::{Delimiters, with_calls};
use super::template::{Content, Template, broken, delimiters};
use super::{Entry, File, io_failure};
use crate::exit::{Exit, Failure};
use glob::Pattern;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error};
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// The template engine with the settings of one template.
pub(crate) struct Renderer {
    env: Environment<'static>,
    delimiters: Delimiters,
}

impl Renderer {
    /// `dirs` is where `{% include %}` finds files.
    pub(crate) fn new(context: &Map<String, Json>, dirs: Option<Vec<PathBuf>>) -> Result<Renderer, Failure> {
        let delimiters = delimiters(context);
        let mut env = environment();
        env.set_syntax(syntax(context, &delimiters)?);
        let within = delimiters.clone();
        env.set_loader(move |name| {
            // A name that leads elsewhere finds nothing.
            let plain =
                Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
            let mut found = dirs.iter().flatten().filter(|_| plain).filter_map(|dir| {
                let file = std::fs::canonicalize(dir.join(name)).ok()?;
                let inside = file.starts_with(std::fs::canonicalize(dir).ok()?);
                inside.then(|| std::fs::read_to_string(file).ok())?
            });
            Ok(found.next().map(|text| with_calls(&unix_lines(&text), &within)))
        });
        Ok(Renderer { env, delimiters })
    }

    /// A value of `cookiecutter.json`, from those before it.
    pub(crate) fn variable(&self, source: &str, found: &Map<String, Json>) -> Result<String, Error> {
        let context =
            minijinja::context! { cookiecutter => minijinja::Value::from(minijinja::value::Serde(found)) };
        self.env.render_str(&with_calls(source, &self.delimiters), context)
    }

    pub(crate) fn text(&self, name: &str, source: &str, context: &Json) -> Result<String, Failure> {
        let source = with_calls(source, &self.delimiters);
        self.env
            .render_named_str(name, &source, minijinja::Value::from(minijinja::value::Serde(context)))
            .map_err(|error| mistake(name, &error))
    }

    /// A path, piece by piece: a piece that comes out empty leaves out what is there.
    fn path(&self, raw: &str, context: &Json) -> Result<Option<String>, Failure> {
        let mut parts: Vec<String> = Vec::new();
        for piece in raw.split('/') {
            let text = self.text(raw, piece, context)?;
            if text.is_empty() {
                return Ok(None);
            }
            parts.push(text);
        }
        inside(&parts.join("/")).map(Some).map_err(|why| broken(Path::new(raw), &why))
    }
}

/// `path` without `.` and double slashes, if it stays where it starts.
pub(super) fn inside(path: &str) -> Result<String, String> {
    let shown = rulemake::report::printable(path);
    if path.starts_with('/') || Path::new(path).is_absolute() {
        return Err(format!("`{shown}` would be made outside of the project"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(format!("`{shown}` would be made outside of the project"));
    }
    if path.contains('\0') {
        return Err("its name holds a NUL character".into());
    }
    if parts.is_empty() {
        return Err("its name comes out empty".into());
    }
    Ok(parts.join("/"))
}

fn syntax(context: &Map<String, Json>, delimiters: &Delimiters) -> Result<SyntaxConfig, Failure> {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    let settings = context.get("_jinja2_env_vars").and_then(Json::as_object);
    for (name, value) in settings.into_iter().flatten() {
        let yes = value.as_bool().unwrap_or(false);
        match name.as_str() {
            "trim_blocks" => {
                builder.trim_blocks(yes);
            }
            "lstrip_blocks" => {
                builder.lstrip_blocks(yes);
            }
            "keep_trailing_newline" => {
                builder.keep_trailing_newline(yes);
            }
            "line_statement_prefix" | "line_comment_prefix" => {
                if let Some(text) = value.as_str() {
                    if name == "line_comment_prefix" {
                        builder.line_comment_prefix(text.to_string());
                    } else {
                        builder.line_statement_prefix(text.to_string());
                    }
                }
            }
            _ if name.ends_with("_start_string") || name.ends_with("_end_string") => {}
            _ => {
                let message = format!("the template sets `{name}` of Jinja, which rulemake cannot");
                return Err(
                    Failure::new(Exit::Workflow, message).help("use `cookiecutter` itself for this one")
                );
            }
        }
    }
    let Delimiters { block, variable, comment } = delimiters.clone();
    builder.block_delimiters(block.0, block.1);
    builder.variable_delimiters(variable.0, variable.1);
    builder.comment_delimiters(comment.0, comment.1);
    builder.build().map_err(|error| mistake("`_jinja2_env_vars`", &error))
}

/// A mistake of a template, with its place.
pub(super) fn mistake(name: &str, error: &Error) -> Failure {
    // What was included has a name of its own.
    let name = error.name().filter(|own| *own != "<string>").unwrap_or(name);
    let line = error.line().map(|line| format!(" line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let failure = Failure::new(
        Exit::Workflow,
        format!("the template cannot be rendered: {name}{line}: {}{detail}", error.kind()),
    );
    match error.kind() {
        minijinja::ErrorKind::UndefinedError => {
            failure.help("it names a variable that cookiecutter.json does not have")
        }
        minijinja::ErrorKind::OutOfFuel => failure.help("it takes too many steps: is there an endless loop?"),
        _ => failure,
    }
}

/// What a template comes out as.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The name that the template has for the project's directory.
    pub(crate) top: String,
    pub(crate) entries: Vec<Entry>,
}

/// `context` is what templates see: `cookiecutter` and `_cookiecutter`.
pub(crate) fn render(template: &Template, renderer: &Renderer, context: &Json) -> Result<Rendered, Failure> {
    let top = renderer.path(&template.top, context)?;
    let Some(top) = top else {
        return Err(broken(Path::new(&template.top), "the name of the project's directory comes out empty"));
    };
    let values = context.get("cookiecutter");
    let patterns: Vec<Pattern> = values
        .and_then(|values| values.get("_copy_without_render"))
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .filter_map(|pattern| Pattern::new(&single_stars(pattern)).ok())
        .collect();
    let copied = |path: &str| patterns.iter().any(|pattern| pattern.matches(path));
    let new_lines = values.and_then(|values| values.get("_new_lines")).and_then(Json::as_str);
    let mut entries: Vec<Entry> = Vec::new();
    // Directories that are copied as a whole: as they are called in the template, and in the project.
    let mut whole: Option<(String, String)> = None;
    let mut left_out: Option<String> = None;
    for node in &template.nodes {
        let below =
            |dir: &String| node.path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if left_out.as_ref().is_some_and(below) {
            continue;
        }
        if let Some((from, to)) = whole.as_ref().filter(|(from, _)| below(from)) {
            let path = format!("{to}{}", &node.path[from.len()..]);
            entries.push(Entry { path, file: copy(&node.content)? });
            continue;
        }
        let Some(path) = renderer.path(&node.path, context)? else {
            left_out = Some(node.path.clone());
            continue;
        };
        let file = match &node.content {
            Content::Directory => {
                if copied(&node.path) {
                    whole = Some((node.path.clone(), path.clone()));
                }
                None
            }
            content if copied(&node.path) => copy(content)?,
            content => Some(rendered(renderer, &node.path, content, context, new_lines)?),
        };
        entries.push(Entry { path, file });
    }
    Ok(Rendered { top, entries: unique(entries)? })
}

/// A pattern as Python's `fnmatch` reads it: a star crosses directories, two are as one.
fn single_stars(pattern: &str) -> String {
    let mut out = String::new();
    for c in pattern.chars() {
        if c != '*' || !out.ends_with('*') {
            out.push(c);
        }
    }
    out
}

/// Each once, and none in a place that belongs to git or to rulemake: what a template writes there is executed or believed.
fn unique(entries: Vec<Entry>) -> Result<Vec<Entry>, Failure> {
    let mut found: indexmap::IndexMap<String, Entry> = indexmap::IndexMap::new();
    for entry in entries {
        let own = |part: &str| [".git", ".rulemake"].iter().any(|own| part.eq_ignore_ascii_case(own));
        if entry.path.split('/').any(own) {
            return Err(broken(Path::new(&entry.path), "a template may not write there"));
        }
        match found.get(&entry.path).map(|old| (&old.file, &entry.file)) {
            None | Some((None, None)) => {}
            Some((Some(_), Some(_))) => {
                return Err(broken(Path::new(&entry.path), "two of its files would be this one"));
            }
            Some(_) => {
                return Err(broken(Path::new(&entry.path), "it would be both a file and a directory"));
            }
        }
        found.insert(entry.path.clone(), entry);
    }
    Ok(found.into_values().collect())
}

fn copy(content: &Content) -> Result<Option<File>, Failure> {
    Ok(match content {
        Content::Directory => None,
        Content::Text(text) => Some(File { bytes: text.as_bytes().to_vec(), executable: false }),
        Content::File(path) => Some(read(path)?),
    })
}

fn read(path: &Path) -> Result<File, Failure> {
    let bytes = std::fs::read(path).map_err(|error| io_failure("read", path, &error))?;
    #[cfg(unix)]
    let executable = {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|kind| kind.permissions().mode() & 0o111 != 0)
    };
    #[cfg(not(unix))]
    let executable = false;
    Ok(File { bytes, executable })
}

fn rendered(
    renderer: &Renderer,
    name: &str,
    content: &Content,
    context: &Json,
    new_lines: Option<&str>,
) -> Result<File, Failure> {
    let file = copy(content)?.unwrap_or(File { bytes: Vec::new(), executable: false });
    // What is no text is copied.
    let Some(source) = std::str::from_utf8(&file.bytes).ok().filter(|text| !text.contains('\0')) else {
        return Ok(file);
    };
    let line_end = new_lines.unwrap_or_else(|| first_line_end(source));
    let text = renderer.text(name, &unix_lines(source), context)?;
    let text = if line_end == "\n" { text } else { text.replace('\n', line_end) };
    Ok(File { bytes: text.into_bytes(), ..file })
}

fn first_line_end(text: &str) -> &'static str {
    match text.find(['\r', '\n']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::template::Node;

    fn made(nodes: &[(&str, Option<&'static str>)], cookiecutter: Json) -> Result<Rendered, Failure> {
        let context = cookiecutter.as_object().unwrap().clone();
        let mut nodes: Vec<Node> = nodes
            .iter()
            .map(|(path, text)| Node {
                path: (*path).into(),
                content: text.map_or(Content::Directory, Content::Text),
            })
            .collect();
        nodes.sort_by(|a, b| Path::new(&a.path).cmp(Path::new(&b.path)));
        let renderer = Renderer::new(&context, None)?;
        let top = "{{ cookiecutter.p }}".into();
        let template = Template { name: "t".into(), dir: None, context, top, nodes, remarks: Vec::new() };
        render(&template, &renderer, &serde_json::json!({"cookiecutter": cookiecutter}))
    }

    fn files(rendered: &Rendered) -> Vec<(String, String)> {
        let text = |file: &File| String::from_utf8(file.bytes.clone()).unwrap();
        rendered
            .entries
            .iter()
            .map(|entry| (entry.path.clone(), entry.file.as_ref().map_or("/".into(), text)))
            .collect()
    }

    #[test]
    fn names_and_contents_are_rendered() {
        let rendered = made(
            &[
                ("{{cookiecutter.x}}", None),
                ("{{cookiecutter.x}}/a-{{cookiecutter.x}}.txt", Some("v={{cookiecutter.x}}\r\nw\r\n")),
                ("{% if cookiecutter.no %}gone{% endif %}", None),
                ("{% if cookiecutter.no %}gone{% endif %}/b", Some("{{ broken")),
                ("{% if cookiecutter.no %}c{% endif %}", Some("")),
                ("raw", None),
                ("raw/{{name}}", Some("{{x}}")),
                ("d.html", Some("{{x}}")),
                ("e.bin", Some("\0{{x}}")),
            ],
            serde_json::json!({"p": "P", "x": "X/Y", "no": false, "_copy_without_render": ["raw", "*.html"]}),
        )
        .unwrap();
        assert_eq!(rendered.top, "P");
        let expected = [
            ("d.html", "{{x}}"),
            ("e.bin", "\0{{x}}"),
            ("raw", "/"),
            ("raw/{{name}}", "{{x}}"),
            ("X/Y", "/"),
            ("X/Y/a-X/Y.txt", "v=X/Y\r\nw\r\n"),
        ];
        assert_eq!(files(&rendered), expected.map(|(path, text)| (path.to_string(), text.to_string())));
    }

    #[test]
    fn nothing_leaves_the_project() {
        for evil in ["..", "../x", "/etc", "a/../../b", "a/.."] {
            let nodes = [("{{cookiecutter.x}}", Some("x"))];
            let failure = made(&nodes, serde_json::json!({"p": "P", "x": evil})).unwrap_err();
            let Failure::Own { message, exit, .. } = failure else { panic!("own") };
            assert!(message.contains("outside of the project") && exit == Exit::Workflow, "{message}");
        }
        assert!(made(&[], serde_json::json!({"p": "../P"})).is_err());
        assert!(made(&[], serde_json::json!({"p": "."})).is_err());
        assert!(made(&[("{{cookiecutter.x}}", Some(""))], serde_json::json!({"p": "P", "x": "\0"})).is_err());
    }

    #[test]
    fn settings_of_the_engine_count() {
        let rendered = made(
            &[("a", Some("  <% if true %>\n<< cookiecutter.p >> {{ x }}\n  <% endif %>\n"))],
            serde_json::json!({"p": "P", "_jinja2_env_vars": {
                "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<",
                "variable_end_string": ">>", "trim_blocks": true, "lstrip_blocks": true
            }}),
        );
        // The name of the directory uses the usual ones here.
        assert_eq!(rendered.unwrap().entries[0].file.as_ref().unwrap().bytes, b"P {{ x }}\n");
    }

    #[test]
    fn mistakes_have_a_place() {
        let failure =
            made(&[("a", Some("x\n{{ cookiecutter.q }}"))], serde_json::json!({"p": "P"})).unwrap_err();
        let Failure::Own { message, .. } = failure else { panic!("own") };
        assert!(message.contains("a line 2: undefined value"), "{message}");
    }
}
