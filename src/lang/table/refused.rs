//! What pandas has and Rulefiles do not, each with the way out.

use crate::lang::raise::Raise;
use crate::lang::value::Value;

const FILES: &str = "evaluating a Rulefile changes no files: write tables in the actions of a rule";
const RULE: &str = "let a rule compute it with a program, and read its table";
const RESHAPE: &str = "use `groupby`, `concat` or a dict, or prepare the table in a rule";

const REFUSED: &[(&str, &str)] = &[
    ("append", "use `pd.concat([a, b])`"),
    ("applymap", "use `df.map(function)`"),
    ("asfreq", RULE),
    ("cat", "categories are not supported: a column of texts does the same"),
    ("corr", RULE),
    ("cov", RULE),
    ("describe", RULE),
    ("dt", "dates are texts here: use `.str`"),
    ("eval", "write the operators: `df[\"a\"] + df[\"b\"]`"),
    ("expanding", RULE),
    ("hist", RULE),
    ("info", "print what you need: `df.shape`, `df.dtypes`"),
    ("interpolate", RULE),
    ("iteritems", "use `.items()`"),
    ("ix", "use `.loc` for labels, `.iloc` for places"),
    ("lookup", "use `.loc[row, column]`"),
    ("melt", RESHAPE),
    ("pivot", RESHAPE),
    ("pivot_table", RESHAPE),
    ("plot", RULE),
    ("resample", RULE),
    ("rolling", RULE),
    ("sample", "a Rulefile gives the same workflow every time: choose rows with `head` or `iloc`"),
    ("stack", RESHAPE),
    ("style", RULE),
    ("to_clipboard", FILES),
    ("to_csv", FILES),
    ("to_excel", FILES),
    ("to_feather", FILES),
    ("to_hdf", FILES),
    ("to_html", FILES),
    ("to_json", FILES),
    ("to_latex", FILES),
    ("to_markdown", FILES),
    ("to_parquet", FILES),
    ("to_pickle", FILES),
    ("to_sql", FILES),
    ("unstack", RESHAPE),
];

/// An error for a name that only pandas has; nothing for a name that nobody has.
pub(crate) fn check(of: &str, name: &str) -> Result<Option<Value>, Raise> {
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, help)) => {
            Err(Raise::unsupported(format!("`{of}.{name}` is not available in Rulefiles"), *help))
        }
        None => Ok(None),
    }
}
