//! What the text of a script says about other code that it runs and about settings that it reads. Pure; works on the
//! text alone and knows no language completely: what is found is there, and a missed import is a missed rerun, no error.

use crate::base::digest::Digest;
use crate::base::path::normalise;
use crate::model::action::ScriptLanguage;
use crate::model::value::Value;
use crate::trace::fingerprint::Bound;
use regex::Regex;
use std::sync::Arc;

/// Which settings a script reads through `snakemake.config`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ConfigUse {
    Nothing,
    /// Only the values under these keys.
    Keys(Vec<Arc<str>>),
    All,
}

/// Longer values are known by their digest.
const MAX_VALUE: usize = 200;

impl ConfigUse {
    /// What both read.
    pub(crate) fn and(self, other: ConfigUse) -> ConfigUse {
        match (self, other) {
            (ConfigUse::All, _) | (_, ConfigUse::All) => ConfigUse::All,
            (ConfigUse::Nothing, other) | (other, ConfigUse::Nothing) => other,
            (ConfigUse::Keys(mut keys), ConfigUse::Keys(others)) => {
                keys.extend(others);
                keys.sort_unstable();
                keys.dedup();
                ConfigUse::Keys(keys)
            }
        }
    }

    /// The values, under names as people write them.
    pub(crate) fn values(&self, config: &Value) -> Vec<Bound> {
        let bound = |name: String, value: &Value| -> Bound {
            let text = value.canonical();
            let shown = match text.len() > MAX_VALUE {
                true => format!("content {}", Digest::of(text.as_bytes())),
                false => text,
            };
            (name.into(), shown.into())
        };
        match self {
            ConfigUse::Nothing => Vec::new(),
            ConfigUse::All => vec![bound("config".into(), config)],
            ConfigUse::Keys(keys) => keys
                .iter()
                .map(|key| bound(format!("config[{key}]"), config.get(key).unwrap_or(&Value::None)))
                .collect(),
        }
    }
}

/// Finds what texts say; made once per run.
#[derive(Debug)]
pub(crate) struct Scanner {
    config: Regex,
    whole: Regex,
    python: Regex,
    python_path: Regex,
    r_source: Regex,
}

/// `snakemake.config["key"]`, `snakemake@config[["key"]]`, `snakemake@config$key`, `snakemake_config[key]`,
/// `snakemake.config.get("key")`; the name alone stands for all settings.
const CONFIG: &str = r#"\bsnakemake[.@_]config\b(?:\s*\.\s*get\s*\(\s*|\s*\[\[?\s*|\s*\$\s*)?(?:"([^"{}$]*)"|'([^'{}$]*)'|(\w+)\b)?"#;

/// The object itself, passed on or called otherwise: `main(snakemake)`, `job = snakemake`, `return snakemake`. What is read
/// of it then cannot be seen.
const WHOLE: &str = r#"(?m)(?:[=(,\[{]|<-|\breturn|\byield)\s*snakemake[ \t]*(?:[),\]};#\\"]|\r?$)|:[ \t]*snakemake[ \t]*[,}]"#;

/// `from a.b import c as d`, `import a, b.c`
const PYTHON: &str = r"(?m)^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+\(?([\w, \t]*)|import[ \t]+([.\w]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[.\w]+(?:[ \t]+as[ \t]+\w+)?)*))";

/// `sys.path.insert(0, "lib")`, `sys.path.append('lib')`
const PYTHON_PATH: &str =
    r#"\bsys\.path\.(?:insert\s*\([^,()]*,|append\s*\(|extend\s*\(\s*[\[(])\s*["']([^"']+)["']"#;

const R_SOURCE: &str = r#"\bsnakemake@source\(\s*["']([^"']+)["']"#;

impl Scanner {
    pub(crate) fn new() -> Option<Scanner> {
        let regex = |pattern| Regex::new(pattern).ok();
        Some(Scanner {
            config: regex(CONFIG)?,
            whole: regex(WHOLE)?,
            python: regex(PYTHON)?,
            python_path: regex(PYTHON_PATH)?,
            r_source: regex(R_SOURCE)?,
        })
    }

    /// Which settings the text reads.
    pub(crate) fn config_use(&self, text: &[u8]) -> ConfigUse {
        let text = String::from_utf8_lossy(text);
        if self.whole.is_match(&text) {
            return ConfigUse::All;
        }
        let mut found = ConfigUse::Nothing;
        for captures in self.config.captures_iter(&text) {
            let group = |n: usize| captures.get(n).map(|m| m.as_str());
            let whole = group(0).unwrap_or("");
            // A bare word is a key after `$` and in bash, elsewhere it is a variable.
            let is_key = whole.contains('$') || whole.starts_with("snakemake_config[");
            let key = group(1).or(group(2)).or(group(3).filter(|_| is_key));
            found = found.and(match key {
                Some(key) => ConfigUse::Keys(vec![key.into()]),
                None => ConfigUse::All,
            });
        }
        found
    }

    /// Paths of files that `text`, the content of `file`, may import: those beside the script `main`. Which of them
    /// exist is not known here.
    pub(crate) fn imports(&self, main: &str, file: &str, text: &[u8]) -> Vec<Arc<str>> {
        let text = String::from_utf8_lossy(text);
        let mut paths: Vec<Arc<str>> = match ScriptLanguage::of(file) {
            Some(ScriptLanguage::Python) => {
                let modules = self.python_modules(&text);
                // They start from where the job runs: the root.
                let folders: Vec<&str> =
                    self.python_path.captures_iter(&text).filter_map(|c| Some(c.get(1)?.as_str())).collect();
                let elsewhere = |name: &String| -> Vec<Arc<str>> {
                    let path = name.replace('.', "/");
                    let in_folder = |folder: &&str| {
                        let folder = folder.trim_end_matches('/');
                        [".py", "/__init__.py"].map(|end| normalise(&format!("{folder}/{path}{end}")).into())
                    };
                    folders.iter().filter(|_| !name.starts_with('.')).flat_map(in_folder).collect()
                };
                let path = |name: &String| {
                    // `.x` starts from the importing file, everything else from the script's directory.
                    let from = if name.starts_with('.') { file } else { main };
                    let path = name.trim_start_matches('.').replace('.', "/");
                    [".py", "/__init__.py"].map(|end| beside(from, &format!("{path}{end}")))
                };
                let named = || modules.iter().filter(|name| name.bytes().any(|b| b != b'.'));
                named().flat_map(path).chain(named().flat_map(elsewhere)).collect()
            }
            Some(ScriptLanguage::R | ScriptLanguage::RMarkdown) => {
                let named = self.r_source.captures_iter(&text).filter_map(|c| c.get(1));
                named.map(|path| beside(main, path.as_str())).collect()
            }
            _ => Vec::new(),
        };
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Modules that Python code names: `a` and `a.b` of `import a.b`; of `from a import b` also `a.b`.
    fn python_modules(&self, text: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut push = |name: &str| {
            // The packages on the way are imported, too.
            let inner = name.match_indices('.').filter(|(at, _)| !name[..*at].ends_with('.') && *at > 0);
            names.extend(inner.map(|(at, _)| name[..at].to_string()));
            names.push(name.to_string());
        };
        let words = |list: &str| -> Vec<String> {
            list.split(',').filter_map(|item| item.split_whitespace().next()).map(str::to_string).collect()
        };
        for captures in self.python.captures_iter(text) {
            let group = |n: usize| captures.get(n).map_or("", |m| m.as_str());
            words(group(3)).iter().for_each(|name| push(name));
            let module = group(1);
            if !module.is_empty() {
                push(module);
                let dot = if module.ends_with('.') { "" } else { "." };
                words(group(2)).iter().for_each(|name| push(&format!("{module}{dot}{name}")));
            }
        }
        names
    }
}

/// A path that is written relative to the directory of `file`.
fn beside(file: &str, path: &str) -> Arc<str> {
    match file.rsplit_once('/') {
        Some((dir, _)) if !path.starts_with('/') => normalise(&format!("{dir}/{path}")).into(),
        _ => normalise(path).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        match Scanner::new().unwrap().config_use(text.as_bytes()) {
            ConfigUse::Nothing => vec![],
            ConfigUse::All => vec!["*".into()],
            ConfigUse::Keys(keys) => keys.iter().map(|k| k.to_string()).collect(),
        }
    }

    #[test]
    fn settings_that_are_named_literally_are_found_alone() {
        for (text, expected) in [
            ("x = snakemake.config['a']\ny = snakemake.config[\"b\"][0]", vec!["a", "b"]),
            ("x = snakemake.config.get('a', 3)", vec!["a"]),
            ("x <- snakemake@config[['a']]; y <- snakemake@config$b$c\n", vec!["a", "b"]),
            ("echo ${snakemake_config[a]} \"${snakemake_config[b]}\"", vec!["a", "b"]),
            ("config = snakemake.config\n", vec!["*"]),
            ("x = snakemake.config[key]", vec!["*"]),
            ("x = snakemake.config[f'{key}']", vec!["*"]),
            ("f(snakemake.config)", vec!["*"]),
            ("config = yaml.load(open(snakemake.input[0]))", vec![]),
            ("snakemake.configuration", vec![]),
            ("job = snakemake\nx = job.config['a']", vec!["*"]),
            ("main(snakemake)", vec!["*"]),
            ("main(\n    1, snakemake\n)", vec!["*"]),
            ("job <- snakemake", vec!["*"]),
            ("    return snakemake  # all of it", vec!["*"]),
            ("jobs = {'a': snakemake}", vec!["*"]),
            ("if 'snakemake' not in globals():\n    snakemake = mock_snakemake('a')", vec![]),
            ("from snakemake.script import snakemake\n# Is called by snakemake\n", vec![]),
            ("open(snakemake.output[0])", vec![]),
        ] {
            assert_eq!(keys(text), expected, "{text}");
        }
    }

    #[test]
    fn imports_beside_the_script_are_found() {
        let found = |file: &str, text: &str| -> Vec<String> {
            let found = Scanner::new().unwrap().imports("scripts/main.py", file, text.as_bytes());
            found.iter().map(|path| path.to_string()).filter(|path| !path.contains("__init__")).collect()
        };
        assert_eq!(
            found("scripts/main.py", "import os, helper as h, other\n"),
            ["scripts/helper.py", "scripts/os.py", "scripts/other.py"]
        );
        assert_eq!(
            found("scripts/main.py", "  from lib.tools import (a, b as c\n"),
            ["scripts/lib.py", "scripts/lib/tools.py", "scripts/lib/tools/a.py", "scripts/lib/tools/b.py"]
        );
        assert_eq!(
            found("scripts/lib/tools.py", "from . import x\nfrom .y import z\n"),
            ["scripts/lib/x.py", "scripts/lib/y.py", "scripts/lib/y/z.py"]
        );
        assert_eq!(
            found("scripts/main.py", "import sys\nsys.path.insert(0, 'lib/')\nimport a.b\n")[..3],
            ["lib/a.py", "lib/a/b.py", "lib/sys.py"]
        );
        assert_eq!(
            found("scripts/main.R", "snakemake@source(\"common.R\")\nsource('other.R')"),
            ["scripts/common.R"]
        );
    }
}
