//! The example that the README shows, as its readers will try it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

const ALL: [&str; 10] = [
    "tidy results/tidy/2012.csv",
    "tidy results/tidy/2013.csv",
    "tidy results/tidy/2014.csv",
    "tidy results/tidy/2015.csv",
    "months results/months/2012.csv",
    "months results/months/2013.csv",
    "months results/months/2014.csv",
    "months results/months/2015.csv",
    "merge results/monthly.csv",
    "chart results/chart.svg",
];

fn weather() -> Case {
    let case = Case::new().copy_of("examples/weather").run(&[]).ran(&ALL);
    let table = case.read("results/monthly.csv");
    assert_eq!(table.lines().count(), 1 + 48, "a head and twelve months of four years:\n{table}");
    assert!(case.read("results/chart.svg").starts_with("<svg"));
    case
}

#[test]
fn the_second_run_is_one_line() {
    let case = weather().call(&[]).stderr_has("nothing to do: 10 jobs up to date");
    assert_eq!((case.last().stderr.lines().count(), case.last().stdout.as_str()), (1, ""));
}

#[test]
fn a_changed_cell_runs_what_depends_on_it() {
    weather()
        .edit("raw/2013.csv", "2013/01/03,4.1,6.7", "2013/01/03,4.1,9.7")
        .run(&[])
        .ran(&[
            "tidy results/tidy/2013.csv",
            "months results/months/2013.csv",
            "merge results/monthly.csv",
            "chart results/chart.svg",
        ])
        .ran_in_order(&["tidy results/tidy/2013.csv", "merge results/monthly.csv", "chart results/chart.svg"])
        .run(&[])
        .ran(&[]);
}

#[test]
fn a_cell_that_cleaning_drops_stops_after_cleaning() {
    weather()
        .append("raw/2013.csv", "2013/12/32,1.0,,,1.0,rain\n")
        .run(&[])
        .ran(&["tidy results/tidy/2013.csv"]);
}

#[test]
fn a_comment_in_a_script_runs_one_job() {
    weather()
        .append("scripts/merge.awk", "# A remark.\n")
        .run(&[])
        .ran(&["merge results/monthly.csv"])
        .unchanged(&["merge results/monthly.csv"]);
}

#[test]
fn a_param_runs_what_uses_it_and_the_chart_comes_out_the_same() {
    weather()
        .edit("Rulefile", "wet_from=1.0", "wet_from=5.0")
        .run(&[])
        .ran(&ALL[4..])
        .because("months results/months/2012.csv", "param-changed")
        .unchanged(&["chart results/chart.svg"]);
}

#[test]
fn another_year_is_one_chain_more() {
    weather()
        .file(
            "raw/2016.csv",
            "date,precipitation,temp_max,temp_min,wind,weather\n2016/01/01,0.0,5.0,-2.8,2.7,sun\n",
        )
        .run(&[])
        .ran(&[
            "tidy results/tidy/2016.csv",
            "months results/months/2016.csv",
            "merge results/monthly.csv",
            "chart results/chart.svg",
        ]);
}
