//! Programs of many small expressions over a handful of values. Each stands in a `try`, so one that fails hides nothing.

use super::{Source, literal, soup};
use std::fmt::Write as _;

const HEAD: &str = "\
import collections, copy, csv, fnmatch, functools, glob, hashlib, itertools, json, math, operator, os, random, re
import shlex, statistics, string, textwrap, urllib.parse, yaml, heapq, bisect, io
import numpy as np
import pandas as pd
from pathlib import Path
";

const ATOMS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "255",
    "10**18",
    "-2**63",
    "2**63",
    "1.5",
    "-0.0",
    "1e300",
    "float('nan')",
    "float('inf')",
    "True",
    "None",
    "...",
    "''",
    "'a'",
    "'b c'",
    "'é\\u0130ß'",
    "'{}{x}'",
    "'%s %d'",
    "'a,b\\n1,2\\n'",
    "b'x'",
    "[]",
    "[1, 2, 3]",
    "['a', 'b']",
    "[[1], [2, [3]]]",
    "()",
    "(1,)",
    "('a', 2)",
    "{}",
    "{'a': 1, 'b': [2]}",
    "{1, 2}",
    "set()",
    "frozenset([1])",
    "range(5)",
    "range(10, 0, -3)",
    "slice(1, None)",
    "Path('a/b.tar.gz')",
    "re.compile('(a)(?P<n>b)?')",
    "collections.Counter('aab')",
    "collections.deque([1, 2], maxlen=3)",
    "collections.defaultdict(list)",
    "pd.DataFrame({'s': ['a', 'b'], 'n': [1, 2]})",
    "pd.Series([1, None, 3])",
    "np.array([1, 2, 3])",
    "lambda x: x",
    "lambda x, y=1: (x, y)",
    "len",
    "str",
    "int",
    "sorted",
    "iter([1, 2])",
    "(x for x in range(3))",
    "random.Random(1)",
    "io.StringIO('a\\nb')",
    "config",
];

const FUNCTIONS: &[&str] = &[
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "branch",
    "bytes",
    "chr",
    "collect",
    "dict",
    "divmod",
    "enumerate",
    "evaluate",
    "expand",
    "filter",
    "flatten",
    "float",
    "format",
    "frozenset",
    "getattr",
    "glob_wildcards",
    "hasattr",
    "hash",
    "hex",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "lookup",
    "map",
    "max",
    "min",
    "multiext",
    "next",
    "oct",
    "ord",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "subpath",
    "sum",
    "tuple",
    "type",
    "zip",
    "temp",
    "directory",
    "ancient",
    "protected",
    "ensure",
    "unpack",
    "report",
    "bisect.bisect",
    "collections.ChainMap",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.deque",
    "collections.namedtuple",
    "copy.deepcopy",
    "csv.DictReader",
    "csv.reader",
    "fnmatch.filter",
    "fnmatch.fnmatch",
    "functools.partial",
    "functools.reduce",
    "hashlib.md5",
    "heapq.nlargest",
    "itertools.accumulate",
    "itertools.batched",
    "itertools.chain",
    "itertools.combinations",
    "itertools.groupby",
    "itertools.islice",
    "itertools.permutations",
    "itertools.product",
    "itertools.zip_longest",
    "json.dumps",
    "json.loads",
    "math.comb",
    "math.factorial",
    "math.gcd",
    "math.isqrt",
    "math.log",
    "math.perm",
    "math.sqrt",
    "operator.attrgetter",
    "operator.itemgetter",
    "os.path.basename",
    "os.path.commonpath",
    "os.path.join",
    "os.path.normpath",
    "os.path.relpath",
    "os.path.splitext",
    "Path",
    "pd.DataFrame",
    "pd.Series",
    "pd.concat",
    "pd.isna",
    "np.arange",
    "np.array",
    "np.linspace",
    "np.unique",
    "np.where",
    "re.escape",
    "re.findall",
    "re.fullmatch",
    "re.search",
    "re.split",
    "re.sub",
    "shlex.quote",
    "shlex.split",
    "statistics.mean",
    "statistics.mode",
    "string.Template",
    "textwrap.dedent",
    "textwrap.fill",
    "textwrap.indent",
    "textwrap.shorten",
    "textwrap.wrap",
    "urllib.parse.parse_qs",
    "urllib.parse.quote",
    "urllib.parse.urljoin",
    "urllib.parse.urlparse",
    "yaml.dump",
    "yaml.safe_load",
];

const METHODS: &[&str] = &[
    "append",
    "capitalize",
    "casefold",
    "center",
    "copy",
    "count",
    "difference",
    "encode",
    "decode",
    "endswith",
    "expandtabs",
    "extend",
    "find",
    "format",
    "format_map",
    "get",
    "index",
    "insert",
    "intersection",
    "isalpha",
    "isdigit",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "pop",
    "popitem",
    "removeprefix",
    "removesuffix",
    "replace",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "setdefault",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "symmetric_difference",
    "title",
    "translate",
    "union",
    "update",
    "upper",
    "values",
    "zfill",
    "add",
    "discard",
    "remove",
    "clear",
    "isdisjoint",
    "bit_length",
    "is_integer",
    "as_integer_ratio",
    "hex",
    "to_bytes",
    "conjugate",
    "with_suffix",
    "with_name",
    "relative_to",
    "joinpath",
    "match",
    "search",
    "fullmatch",
    "findall",
    "finditer",
    "sub",
    "subn",
    "group",
    "groups",
    "span",
    "most_common",
    "elements",
    "appendleft",
    "rotate",
    "sort_values",
    "groupby",
    "merge",
    "set_index",
    "reset_index",
    "query",
    "loc",
    "iloc",
    "apply",
    "assign",
    "astype",
    "drop",
    "drop_duplicates",
    "dropna",
    "fillna",
    "head",
    "tail",
    "iterrows",
    "itertuples",
    "rename",
    "to_dict",
    "to_list",
    "tolist",
    "unique",
    "nunique",
    "value_counts",
    "str",
    "isin",
    "agg",
    "sum",
    "mean",
    "std",
    "median",
    "quantile",
    "cumsum",
    "shift",
    "diff",
    "explode",
    "squeeze",
    "reindex",
    "at",
    "iat",
    "columns",
    "index",
    "shape",
    "dtypes",
    "T",
    "read",
    "readline",
    "readlines",
    "choice",
    "sample",
    "shuffle",
    "uniform",
    "parts",
    "parent",
    "stem",
    "suffixes",
    "name",
];

const ARGUMENTS: &[&str] = &[
    "key",
    "default",
    "reverse",
    "sep",
    "maxsplit",
    "start",
    "strict",
    "repeat",
    "r",
    "n",
    "by",
    "on",
    "how",
    "axis",
    "index",
    "columns",
    "inplace",
    "ascending",
    "orient",
    "indent",
    "sort_keys",
    "width",
    "allow_missing",
    "sample",
    "count",
    "flags",
    "func",
    "fillvalue",
    "initial",
    "base",
    "ndigits",
    "delimiter",
    "newline",
    "end",
    "maxlen",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "@",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "in",
    "not in",
    "is",
    "is not",
    "and",
    "or",
    "if True else",
];

const SPECS: &[&str] = &[
    ":", ">", "<", "^", "=", "+", "-", " ", "0", "1", "5", "20", ",", "_", ".", "2", "d", "f", "e", "g", "%",
    "x", "b", "s", "n", "#", "!r", "{", "}", "z", "c", "99",
];

pub(super) fn program(source: &mut Source<'_>) -> String {
    let mut text = String::from(HEAD);
    let atoms = 2 + source.below(4);
    for index in 0..atoms {
        let _ = writeln!(text, "v{index} = {}", source.pick(ATOMS));
    }
    let mut count = atoms;
    while !source.is_empty() && count < 40 {
        let expression = expression(source, count, 2);
        let _ = match source.below(8) {
            0 => writeln!(
                text,
                "try:\n    v{} {}= {expression}\nexcept Exception as e: str(e)",
                source.below(count),
                source.pick(&OPERATORS[..13])
            ),
            1 => writeln!(
                text,
                "try:\n    v{}[{}] = {expression}\nexcept Exception as e: str(e)",
                source.below(count),
                source.pick(ATOMS)
            ),
            2 => writeln!(
                text,
                "try:\n    del v{}[{expression}]\nexcept Exception as e: str(e)",
                source.below(count)
            ),
            3 => writeln!(
                text,
                "try:\n    for a, *b in {expression}:\n        a, b\nexcept Exception as e: str(e)"
            ),
            _ => {
                count += 1;
                writeln!(
                    text,
                    "v{0} = None\ntry:\n    v{0} = {expression}\n    repr(v{0}); str(v{0}); v{0} == v0\nexcept Exception as e: str(e)",
                    count - 1
                )
            }
        };
    }
    let (a, b) = (source.below(count), source.below(count));
    let _ = writeln!(
        text,
        "rule all:\n    output: 'out'\n    params: a=v{a}, b=lambda wildcards: v{b}, c=config\n    shell: 'true {{params.a}} {{params}}'"
    );
    text
}

fn value(source: &mut Source<'_>, count: usize) -> String {
    match source.below(6) {
        0 => source.pick(ATOMS).to_string(),
        1 => literal(&soup(source, SPECS, 6)),
        _ => format!("v{}", source.below(count)),
    }
}

fn arguments(source: &mut Source<'_>, count: usize, depth: usize) -> String {
    let mut list = Vec::new();
    for _ in 0..source.below(4) {
        let item = expression(source, count, depth);
        list.push(match source.below(8) {
            0 => format!("{}={item}", source.pick(ARGUMENTS)),
            1 if list.is_empty() => format!("*{item}"),
            2 if list.is_empty() => format!("**{item}"),
            _ if list.iter().any(|before: &String| before.starts_with("**") || before.contains('=')) => {
                format!("k{}={item}", list.len())
            }
            _ => item,
        });
    }
    list.join(", ")
}

fn expression(source: &mut Source<'_>, count: usize, depth: usize) -> String {
    if depth == 0 {
        return value(source, count);
    }
    let next = depth - 1;
    match source.below(12) {
        0 => value(source, count),
        1 | 2 => format!("{}({})", source.pick(FUNCTIONS), arguments(source, count, next)),
        3..=5 => {
            let of = value(source, count);
            let name = source.pick(METHODS);
            if source.once_in(4) {
                format!("({of}).{name}")
            } else {
                format!("({of}).{name}({})", arguments(source, count, next))
            }
        }
        6 => {
            let (a, b) = (expression(source, count, next), expression(source, count, next));
            format!("({a}) {} ({b})", source.pick(OPERATORS))
        }
        7 => {
            let (of, a, b) = (value(source, count), value(source, count), value(source, count));
            match source.below(4) {
                0 => format!("({of})[{a}:{b}]"),
                1 => format!("({of})[::{a}]"),
                2 => format!("({of})[{a}, {b}]"),
                _ => format!("({of})[{a}]"),
            }
        }
        8 => format!("format({}, {})", value(source, count), literal(&soup(source, SPECS, 6))),
        9 => format!(
            "{} % ({},)",
            literal(&(String::from("%") + &soup(source, SPECS, 4))),
            value(source, count)
        ),
        10 => {
            let (of, item) = (value(source, count), expression(source, count, next));
            match source.below(3) {
                0 => format!("[({item}) for x in ({of}) if x]"),
                1 => format!("{{x: ({item}) for x in ({of})}}"),
                _ => format!("sorted(({of}), key=lambda x: ({item}))"),
            }
        }
        _ => format!("{}({})", value(source, count), arguments(source, count, next)),
    }
}
