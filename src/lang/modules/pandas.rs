//! The module `pandas`: tables.

use crate::lang::modules::ModuleDef;
use crate::lang::table;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "pandas",
    functions: table::FUNCTIONS,
    values: table::module_values,
    refused: &[
        ("Categorical", "use a column of texts"),
        ("Timestamp", "keep dates as texts"),
        ("cut", "use a function: `df[\"x\"].map(lambda x: ...)`"),
        ("date_range", "keep dates as texts"),
        ("get_dummies", "let a rule compute it with a program, and read its table"),
        ("melt", "use `groupby`, `concat` or a dict, or prepare the table in a rule"),
        ("pivot_table", "use `groupby`, `concat` or a dict, or prepare the table in a rule"),
        ("qcut", "use a function: `df[\"x\"].map(lambda x: ...)`"),
        ("read_excel", "save the sheet as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_feather", "save the table as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_fwf", "read it with `pd.read_csv(path, sep=r\"\\s+\")`"),
        ("read_hdf", "save the table as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_html", "save the table as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_json", "read it with `json.load(open(path))`, and make a table: `pd.DataFrame(records)`"),
        ("read_parquet", "save the table as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_pickle", "save the table as text (CSV or TSV) and read it with `pd.read_csv`"),
        ("read_sql", "let a rule write the table as text, and read it with `pd.read_csv`"),
        ("to_datetime", "keep dates as texts"),
    ],
};
