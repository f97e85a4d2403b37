//! The plan as a graph, for Graphviz and Mermaid. The same plan gives the same bytes.

use super::text::count;
use crate::diag::style::printable;
use crate::graph::info::JobInfo;
use crate::plan::plan::{Plan, Verdict};
use indexmap::{IndexMap, IndexSet};
use std::fmt::Write;

/// What is one node of a graph.
///
/// ```
/// use rulemake::{Plan, report};
/// fn picture(plan: &Plan) -> String {
///     let by = if plan.jobs().len() > 50 { report::GraphBy::Rule } else { report::GraphBy::Job };
///     report::graph_dot(plan, by)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum GraphBy {
    /// A rule, with the number of its jobs.
    #[default]
    Rule,
    /// A job.
    Job,
}

/// The plan as a graph for Graphviz (`dot -Tsvg`). Jobs that are up to date are dashed, those that may run dotted.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, report};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch a.txt'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let plan = session.plan(&["a.txt"], &RunOptions::default())?;
/// assert!(report::graph_dot(&plan, report::GraphBy::Job).starts_with("digraph"));
/// # Ok::<(), rulemake::Error>(())
/// ```
#[must_use]
pub fn graph_dot(plan: &Plan, by: GraphBy) -> String {
    let graph = PlanGraph::of(plan, by);
    let mut out = String::from("digraph rulemake {\n    node [shape=box, fontname=\"sans-serif\"];\n");
    for (i, node) in graph.nodes.iter().enumerate() {
        let label: Vec<String> = node.lines.iter().map(|line| dot_escaped(line)).collect();
        let style = match node.state {
            GraphState::Run => "rounded",
            GraphState::May => "rounded,dotted",
            GraphState::UpToDate => "rounded,dashed",
        };
        let _ = writeln!(out, "    n{i} [label=\"{}\", style=\"{style}\"];", label.join("\\n"));
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(out, "    n{from} -> n{to};");
    }
    out.push_str("}\n");
    out
}

/// The plan as a Mermaid flowchart, as README files on code hosts show it.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, report};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch a.txt'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let plan = session.plan(&["a.txt"], &RunOptions::default())?;
/// assert!(report::graph_mermaid(&plan, report::GraphBy::Rule).starts_with("flowchart TD"));
/// # Ok::<(), rulemake::Error>(())
/// ```
#[must_use]
pub fn graph_mermaid(plan: &Plan, by: GraphBy) -> String {
    let graph = PlanGraph::of(plan, by);
    let mut out = String::from("flowchart TD\n");
    for (i, node) in graph.nodes.iter().enumerate() {
        let label: Vec<String> = node.lines.iter().map(|line| mermaid_escaped(line)).collect();
        let class = match node.state {
            GraphState::Run => "",
            GraphState::May => ":::may",
            GraphState::UpToDate => ":::fresh",
        };
        let _ = writeln!(out, "    n{i}[\"{}\"]{class}", label.join("<br/>"));
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(out, "    n{from} --> n{to}");
    }
    for (state, class) in
        [(GraphState::May, "may stroke-dasharray:2 4"), (GraphState::UpToDate, "fresh stroke-dasharray:6 4")]
    {
        if graph.nodes.iter().any(|n| n.state == state) {
            let _ = writeln!(out, "    classDef {class}");
        }
    }
    out
}

/// What is known of a node. Ordered so that the state of a rule is that of its most urgent job.
///
/// ```
/// use rulemake::report::GraphState;
/// fn colour(state: GraphState) -> &'static str {
///     match state {
///         GraphState::Run => "red",
///         GraphState::May => "yellow",
///         _ => "green",
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum GraphState {
    /// Nothing of it runs.
    UpToDate,
    /// It may run.
    May,
    /// It will run.
    Run,
}

/// A node of a [`PlanGraph`].
///
/// ```
/// use rulemake::report::GraphNode;
/// fn label(node: &GraphNode) -> String {
///     node.lines.join("\n")
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GraphNode {
    /// What stands in it, printable.
    pub lines: Vec<String>,
    /// What is known of it.
    pub state: GraphState,
}

/// A plan as a graph, for who draws it.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, report::{GraphBy, PlanGraph}};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch a.txt'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let graph = PlanGraph::of(&session.plan(&["a.txt"], &RunOptions::default())?, GraphBy::Job);
/// assert_eq!(graph.nodes[0].lines, ["a", "a.txt"]);
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PlanGraph {
    /// The nodes, producers first.
    pub nodes: Vec<GraphNode>,
    /// From producer to consumer by their places in `nodes`, in order of the consumers.
    pub edges: Vec<(usize, usize)>,
}

impl PlanGraph {
    /// The graph of `plan`.
    ///
    /// ```
    /// # use rulemake::report::{GraphBy, PlanGraph};
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(PlanGraph::of(&plan, GraphBy::Job).nodes[0].lines, ["a", "no-such.txt"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn of(plan: &Plan, by: GraphBy) -> PlanGraph {
        match by {
            GraphBy::Job => PlanGraph::of_jobs(plan),
            GraphBy::Rule => PlanGraph::of_rules(plan),
        }
    }

    fn of_jobs(plan: &Plan) -> PlanGraph {
        let nodes = plan.jobs().map(|j| GraphNode { lines: job_lines(&j.info()), state: state(j.verdict()) });
        let edges = plan
            .jobs()
            .enumerate()
            .flat_map(|(to, job)| job.needs().into_iter().map(move |from| (from as usize, to)));
        let edges: IndexSet<(usize, usize)> = edges.collect();
        PlanGraph { nodes: nodes.collect(), edges: edges.into_iter().collect() }
    }

    fn of_rules(plan: &Plan) -> PlanGraph {
        let mut rules: IndexMap<&str, (usize, GraphState)> = IndexMap::new();
        for job in plan.jobs() {
            let (jobs, urgency) = rules.entry(job.rule()).or_insert((0, GraphState::UpToDate));
            *jobs += 1;
            *urgency = (*urgency).max(state(job.verdict()));
        }
        let index_of = |job: u32| rules.get_index_of(plan.job(job as usize)?.rule());
        let mut edges = IndexSet::new();
        for job in plan.jobs() {
            let to = rules.get_index_of(job.rule());
            for from in job.needs().into_iter().filter_map(index_of) {
                edges.extend(to.map(|to| (from, to)));
            }
        }
        let nodes = rules.iter().map(|(rule, (jobs, state))| {
            let mut lines = vec![printable(rule).into_owned()];
            if *jobs > 1 {
                lines.push(count(*jobs, "job"));
            }
            GraphNode { lines, state: *state }
        });
        PlanGraph { nodes: nodes.collect(), edges: edges.into_iter().collect() }
    }
}

fn job_lines(job: &JobInfo) -> Vec<String> {
    let texts = std::iter::once(&job.rule).chain(job.outputs.first());
    let mut lines: Vec<String> = texts.map(|text| printable(text).into_owned()).collect();
    if job.outputs.len() > 1 {
        lines.push(format!("and {}", count(job.outputs.len() - 1, "more output")));
    }
    lines
}

fn state(verdict: &Verdict) -> GraphState {
    match verdict {
        Verdict::Run { .. } => GraphState::Run,
        Verdict::May { .. } | Verdict::AfterCheckpoint { .. } => GraphState::May,
        Verdict::UpToDate | Verdict::Restore { .. } => GraphState::UpToDate,
    }
}

/// In a label a backslash begins an escape of its own (`\N` is the node's name), so it is doubled.
fn dot_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Inside quotes Mermaid reads entity codes, HTML and, between backticks, Markdown.
fn mermaid_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' | '[' | ']' | '{' | '}' => {
                let _ = write!(out, "#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{changed, job, plan, planned, run};
    use super::*;

    fn small() -> Plan {
        let may = Verdict::May { inputs: vec!["a.txt".into()] };
        plan(vec![
            planned(job(0, "make", "a.txt"), run(&[changed("raw")]), &[]),
            planned(job(1, "make", "b.txt"), Verdict::UpToDate, &[]),
            planned(job(2, "join", "c.txt"), may, &[0, 1]),
        ])
    }

    #[test]
    fn a_graph_by_job_has_one_node_for_each_job() {
        assert_eq!(
            graph_dot(&small(), GraphBy::Job),
            r#"digraph rulemake {
    node [shape=box, fontname="sans-serif"];
    n0 [label="make\na.txt", style="rounded"];
    n1 [label="make\nb.txt", style="rounded,dashed"];
    n2 [label="join\nc.txt", style="rounded,dotted"];
    n0 -> n2;
    n1 -> n2;
}
"#
        );
    }

    #[test]
    fn a_graph_by_rule_merges_jobs_and_edges() {
        assert_eq!(
            graph_mermaid(&small(), GraphBy::Rule),
            "flowchart TD\n    n0[\"make<br/>2 jobs\"]\n    n1[\"join\"]:::may\n    n0 --> n1\n    classDef may stroke-dasharray:2 4\n"
        );
    }

    #[test]
    fn names_cannot_break_out_of_their_label() {
        let plan = plan(vec![planned(job(0, "r", "a\"]; x [\\N\n<b>`#"), Verdict::UpToDate, &[])]);
        let dot = graph_dot(&plan, GraphBy::Job);
        assert!(dot.contains(r#"[label="r\na\"]; x [\\N\\n<b>`#", style"#), "{dot}");
        let mermaid = graph_mermaid(&plan, GraphBy::Job);
        assert!(
            mermaid.contains("n0[\"r<br/>a#34;#93;#59; x #91;#92;N#92;n#60;b#62;#96;#35;\"]"),
            "{mermaid}"
        );
    }
}
