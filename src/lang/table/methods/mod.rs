//! Methods of tables and columns, by name.

pub(crate) mod apply;
pub(crate) mod cells;
pub(crate) mod compute;
pub(crate) mod export;
pub(crate) mod missing;
pub(crate) mod order;
mod relabel;
pub(crate) mod shared;

use crate::lang::table::methods::compute::Summary;
use crate::lang::table::{group_by, join, query};
use crate::lang::value::Method;

macro_rules! summaries {
    ($function:path: $($summary:ident)*) => {
        [$(|vm, me, args| $function(vm, me, args, Summary::$summary)),*]
    };
}

type Call = crate::lang::value::MethodCall;

const FRAME_SUMMARIES: [Call; 9] =
    summaries!(compute::frame_summary: All Any Count Max Mean Median Min Std Sum);
const SERIES_SUMMARIES: [Call; 11] =
    summaries!(compute::series_summary: All Any Count Max Mean Median Min Prod Std Sum Var);

/// Of `DataFrame`, sorted by name.
pub(crate) static FRAME: &[Method] = &[
    Method { name: "add_prefix", call: |vm, me, args| relabel::affix(vm, me, args, true) },
    Method { name: "add_suffix", call: |vm, me, args| relabel::affix(vm, me, args, false) },
    Method { name: "agg", call: apply::frame_agg },
    Method { name: "aggregate", call: apply::frame_agg },
    Method { name: "all", call: FRAME_SUMMARIES[0] },
    Method { name: "any", call: FRAME_SUMMARIES[1] },
    Method { name: "apply", call: apply::frame_apply },
    Method { name: "assign", call: cells::assign },
    Method { name: "astype", call: cells::frame_astype },
    Method { name: "copy", call: export::copy },
    Method { name: "count", call: FRAME_SUMMARIES[2] },
    Method { name: "drop", call: relabel::frame_drop },
    Method { name: "drop_duplicates", call: order::frame_drop_duplicates },
    Method { name: "droplevel", call: relabel::droplevel },
    Method { name: "dropna", call: missing::frame_dropna },
    Method { name: "duplicated", call: order::frame_duplicated },
    Method { name: "equals", call: cells::equals },
    Method { name: "explode", call: export::frame_explode },
    Method { name: "fillna", call: missing::frame_fillna },
    Method { name: "filter", call: cells::frame_filter },
    Method { name: "get", call: export::frame_get },
    Method { name: "groupby", call: group_by::group_by },
    Method { name: "head", call: |vm, me, args| order::frame_ends(vm, me, args, false) },
    Method { name: "insert", call: export::insert },
    Method { name: "isin", call: cells::frame_isin },
    Method { name: "isna", call: |vm, me, args| missing::frame_missing(vm, me, args, true) },
    Method { name: "isnull", call: |vm, me, args| missing::frame_missing(vm, me, args, true) },
    Method { name: "items", call: export::frame_items },
    Method { name: "iterrows", call: export::iterrows },
    Method { name: "itertuples", call: export::itertuples },
    Method { name: "join", call: join::join_method },
    Method { name: "keys", call: export::frame_keys },
    Method { name: "map", call: apply::frame_map },
    Method { name: "max", call: FRAME_SUMMARIES[3] },
    Method { name: "mean", call: FRAME_SUMMARIES[4] },
    Method { name: "median", call: FRAME_SUMMARIES[5] },
    Method { name: "merge", call: join::merge_method },
    Method { name: "min", call: FRAME_SUMMARIES[6] },
    Method { name: "nlargest", call: |vm, me, args| cells::extremes(vm, me, args, true) },
    Method { name: "notna", call: |vm, me, args| missing::frame_missing(vm, me, args, false) },
    Method { name: "notnull", call: |vm, me, args| missing::frame_missing(vm, me, args, false) },
    Method { name: "nsmallest", call: |vm, me, args| cells::extremes(vm, me, args, false) },
    Method { name: "nunique", call: order::frame_nunique },
    Method { name: "pipe", call: apply::pipe },
    Method { name: "pop", call: export::frame_pop },
    Method { name: "query", call: query::method },
    Method { name: "reindex", call: relabel::frame_reindex },
    Method { name: "rename", call: relabel::frame_rename },
    Method { name: "rename_axis", call: relabel::frame_rename_axis },
    Method { name: "replace", call: cells::frame_replace },
    Method { name: "reset_index", call: relabel::frame_reset_index },
    Method { name: "set_axis", call: relabel::set_axis },
    Method { name: "set_index", call: relabel::set_index },
    Method { name: "sort_index", call: order::frame_sort_index },
    Method { name: "sort_values", call: order::frame_sort_values },
    Method { name: "squeeze", call: export::frame_squeeze },
    Method { name: "std", call: FRAME_SUMMARIES[7] },
    Method { name: "sum", call: FRAME_SUMMARIES[8] },
    Method { name: "tail", call: |vm, me, args| order::frame_ends(vm, me, args, true) },
    Method { name: "to_dict", call: export::frame_to_dict },
    Method { name: "to_numpy", call: export::frame_to_numpy },
    Method { name: "to_string", call: export::to_string },
    Method { name: "transpose", call: export::transpose },
    Method { name: "value_counts", call: order::frame_value_counts },
    Method { name: "xs", call: relabel::xs },
];

/// Of `Series`, sorted by name.
pub(crate) static SERIES: &[Method] = &[
    Method { name: "abs", call: compute::series_abs },
    Method { name: "agg", call: apply::series_agg },
    Method { name: "aggregate", call: apply::series_agg },
    Method { name: "all", call: SERIES_SUMMARIES[0] },
    Method { name: "any", call: SERIES_SUMMARIES[1] },
    Method { name: "apply", call: apply::series_apply },
    Method { name: "astype", call: cells::series_astype },
    Method { name: "between", call: cells::between },
    Method { name: "copy", call: export::copy },
    Method { name: "count", call: SERIES_SUMMARIES[2] },
    Method { name: "cumsum", call: compute::series_cumsum },
    Method { name: "drop", call: relabel::series_drop },
    Method { name: "drop_duplicates", call: order::series_drop_duplicates },
    Method { name: "droplevel", call: relabel::droplevel },
    Method { name: "dropna", call: missing::series_dropna },
    Method { name: "duplicated", call: order::series_duplicated },
    Method { name: "equals", call: cells::equals },
    Method { name: "explode", call: export::series_explode },
    Method { name: "fillna", call: missing::series_fillna },
    Method { name: "get", call: export::series_get },
    Method { name: "groupby", call: group_by::group_by },
    Method { name: "head", call: |vm, me, args| order::series_ends(vm, me, args, false) },
    Method { name: "idxmax", call: |vm, me, args| compute::extreme_label(vm, me, args, true) },
    Method { name: "idxmin", call: |vm, me, args| compute::extreme_label(vm, me, args, false) },
    Method { name: "isin", call: cells::series_isin },
    Method { name: "isna", call: |vm, me, args| missing::series_missing(vm, me, args, true) },
    Method { name: "isnull", call: |vm, me, args| missing::series_missing(vm, me, args, true) },
    Method { name: "item", call: export::item },
    Method { name: "items", call: export::series_items },
    Method { name: "keys", call: export::series_keys },
    Method { name: "map", call: apply::series_map },
    Method { name: "mask", call: |vm, me, args| cells::series_where(vm, me, args, false) },
    Method { name: "max", call: SERIES_SUMMARIES[3] },
    Method { name: "mean", call: SERIES_SUMMARIES[4] },
    Method { name: "median", call: SERIES_SUMMARIES[5] },
    Method { name: "min", call: SERIES_SUMMARIES[6] },
    Method { name: "nlargest", call: |vm, me, args| cells::extremes(vm, me, args, true) },
    Method { name: "notna", call: |vm, me, args| missing::series_missing(vm, me, args, false) },
    Method { name: "notnull", call: |vm, me, args| missing::series_missing(vm, me, args, false) },
    Method { name: "nsmallest", call: |vm, me, args| cells::extremes(vm, me, args, false) },
    Method { name: "nunique", call: order::series_nunique },
    Method { name: "pipe", call: apply::pipe },
    Method { name: "prod", call: SERIES_SUMMARIES[7] },
    Method { name: "reindex", call: relabel::series_reindex },
    Method { name: "rename", call: relabel::series_rename },
    Method { name: "rename_axis", call: relabel::series_rename_axis },
    Method { name: "replace", call: cells::series_replace },
    Method { name: "reset_index", call: relabel::series_reset_index },
    Method { name: "round", call: compute::series_round },
    Method { name: "sort_index", call: order::series_sort_index },
    Method { name: "sort_values", call: order::series_sort_values },
    Method { name: "squeeze", call: export::series_squeeze },
    Method { name: "std", call: SERIES_SUMMARIES[8] },
    Method { name: "sum", call: SERIES_SUMMARIES[9] },
    Method { name: "tail", call: |vm, me, args| order::series_ends(vm, me, args, true) },
    Method { name: "to_dict", call: export::series_to_dict },
    Method { name: "to_frame", call: export::to_frame },
    Method { name: "to_list", call: export::tolist },
    Method { name: "to_numpy", call: export::series_to_numpy },
    Method { name: "tolist", call: export::tolist },
    Method { name: "unique", call: order::series_unique },
    Method { name: "value_counts", call: order::series_value_counts },
    Method { name: "var", call: SERIES_SUMMARIES[10] },
    Method { name: "where", call: |vm, me, args| cells::series_where(vm, me, args, true) },
    Method { name: "xs", call: relabel::xs },
];
