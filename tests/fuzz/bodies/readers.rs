//! Readers of JSON, YAML and CSV: any file is read or refused, and what was read and written again is read the same.

use super::{Source, load, soup};
use std::fs;
use std::path::Path;

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"a\":",
    "1",
    "-",
    "0",
    ".5",
    "e9",
    "1e999",
    "true",
    "null",
    "NaN",
    "Infinity",
    "\\u00e9",
    "\\ud800",
    "\\",
    " ",
    "\n",
    "12345678901234567890",
    "[[",
    "{\"b\":1}",
];
const YAML: &[&str] = &[
    "a",
    "b:",
    ": ",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\n    ",
    "? ",
    "&x ",
    "*x",
    "!!str ",
    "!!set ",
    "!t ",
    "|",
    ">",
    "|-\n",
    "'",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "#c",
    "---",
    "...",
    "%YAML 1.1",
    "<<: ",
    "1",
    "0x1f",
    "1_0",
    "0o7",
    "1:30",
    "yes",
    "~",
    "null",
    ".nan",
    ".inf",
    "2020-01-01",
    "\t",
    "@",
    "`",
    "é",
    "\r\n",
    "=",
];
const CSV: &[&str] = &[
    "a",
    "b",
    ",",
    "\t",
    ";",
    "\"",
    "\"\"",
    "\n",
    "\r\n",
    "\r",
    "1",
    "-2.5",
    "1e5",
    "NA",
    "",
    " ",
    "#",
    "True",
    "é",
    "\0",
    "\u{feff}",
    "2020-01-01",
    "0x1",
    "inf",
    "'",
];

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let (kind, raw) = (source.below(3), source.once_in(4));
    let words = [JSON, YAML, CSV][kind];
    let data = if raw { source.rest().to_vec() } else { soup(&mut source, words, 80).into_bytes() };
    let (file, body) = match kind {
        0 => (
            "d.json",
            "import json\nt = open('d.json').read()\ntry:\n    x = json.loads(t)\nexcept (ValueError, RecursionError, OverflowError):\n    x = None\n\
             if 'NaN' not in t:\n    assert json.loads(json.dumps(x)) == x\n    assert json.loads(json.dumps(x, indent=1)) == x\n",
        ),
        1 => (
            "d.yaml",
            "import yaml\nt = open('d.yaml').read()\ntry:\n    x = yaml.safe_load(t)\nexcept yaml.YAMLError:\n    x = None\n\
             if 'nan' not in t.lower():\n    d = yaml.dump(x)\n    assert yaml.safe_load(d) == x, d\n",
        ),
        _ => (
            "d.csv",
            "import csv\nimport pandas as pd\n\
             for q in [dict(), dict(delimiter='\\t'), dict(quoting=csv.QUOTE_NONE, escapechar='a'), dict(strict=True)]:\n    \
             try:\n        rows = list(csv.reader(open('d.csv'), **q))\n    except csv.Error as e: str(e)\n    \
             try:\n        rows = [dict(r) for r in csv.DictReader(open('d.csv'))]\n    except csv.Error as e: str(e)\n\
             for q in [dict(), dict(sep='\\t', dtype=str), dict(comment='#', index_col=0), dict(header=None, skiprows=1), dict(sep=None, engine='python')]:\n    \
             try:\n        f = pd.read_csv('d.csv', **q)\n    except Exception as e:\n        str(e)\n        continue\n    \
             str(f), f.to_dict(orient='records'), list(f.itertuples()), f.dtypes\n",
        ),
    };
    fs::write(root.join(file), &data).unwrap_or_else(|error| panic!("{error}"));
    let rule = "rule all:\n    output: 'o'\n    shell: 'true'\n";
    let refused = load(root, &format!("{body}{rule}")).is_none();
    // Only a file that is no text may be refused as a whole.
    assert!(!refused || std::str::from_utf8(&data).is_err(), "{:?}", String::from_utf8_lossy(&data));
    if kind < 2 {
        load(root, &format!("configfile: '{file}'\n{rule}    params: config\n"));
    }
}
