//! A plan's graph as a picture. The layout is that of `dagre` (layers by distance, few crossings); here is what it looks
//! like: text in the reader's font, colours for light and dark pages, nothing from elsewhere.

use crate::exit::{Exit, Failure};
use dagre::graph::Graph;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Point, layout};
use rulemake::report::{GraphState, PlanGraph};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// The layout of more takes too long, and nobody can read it.
const MOST_NODES: usize = 1_000;
const MOST_EDGES: usize = 5_000;
const CHARACTER: f64 = 7.6;
const LINE: f64 = 18.0;
const PADDING: f64 = 12.0;
const MARGIN: f64 = 16.0;

const STYLE: &str = "\
.node rect { fill: #f4f7fb; stroke: #3867d6; stroke-width: 1.5 }
.may rect { stroke-dasharray: 2 4 }
.fresh rect { stroke: #8a94a6; stroke-dasharray: 6 4 }
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1d2433; text-anchor: middle }
.more { fill: #5b6475; font-size: 12px }
path { fill: none; stroke: #8a94a6; stroke-width: 1.3; marker-end: url(#arrow) }
marker path { fill: #8a94a6; stroke: none; marker-end: none }
@media (prefers-color-scheme: dark) {
  .node rect { fill: #1c2433; stroke: #7aa2ff }
  .fresh rect { stroke: #6b7688 }
  text { fill: #e6eaf2 }
  .more { fill: #a3adbf }
}
";

/// The picture, as a document of its own.
///
/// # Errors
/// The graph is too large to be laid out and read.
pub(crate) fn drawn(graph: &PlanGraph) -> Result<String, Failure> {
    if graph.nodes.len() > MOST_NODES || graph.edges.len() > MOST_EDGES {
        let size = format!("{} nodes and {} edges", graph.nodes.len(), graph.edges.len());
        let failure = Failure::new(Exit::Usage, format!("a picture of {size} cannot be read"));
        return Err(failure.help("draw it by rule (`--by rule`), name fewer targets, or take `--format dot`"));
    }
    let mut laid: Graph<NodeLabel, EdgeLabel> = Graph::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let columns = node.lines.iter().map(|line| line.width()).max().unwrap_or(0);
        let label = NodeLabel {
            width: (columns as f64).mul_add(CHARACTER, 2.0 * PADDING),
            height: (node.lines.len() as f64).mul_add(LINE, PADDING),
            ..NodeLabel::default()
        };
        laid.set_node(index.to_string(), Some(label));
    }
    for (from, to) in &graph.edges {
        laid.set_edge(from.to_string(), to.to_string(), Some(EdgeLabel::default()), None);
    }
    layout(
        &mut laid,
        Some(LayoutOptions {
            nodesep: 24.0,
            ranksep: 44.0,
            edgesep: 12.0,
            tie_keep_first: true,
            ..Default::default()
        }),
    );
    Ok(document(graph, &laid))
}

fn document(graph: &PlanGraph, laid: &Graph<NodeLabel, EdgeLabel>) -> String {
    let (mut width, mut height): (f64, f64) = (0.0, 0.0);
    let mut body = String::new();
    for (from, to) in &graph.edges {
        if let Some(edge) = laid.edge(&from.to_string(), &to.to_string(), None) {
            for point in &edge.points {
                (width, height) = (width.max(point.x), height.max(point.y));
            }
            let _ = writeln!(body, "<path d=\"{}\"/>", curve(&edge.points));
        }
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(place) = laid.node(&index.to_string()) else { continue };
        let (x, y) = (place.x.unwrap_or(0.0), place.y.unwrap_or(0.0));
        (width, height) = (width.max(x + place.width / 2.0), height.max(y + place.height / 2.0));
        let class = match node.state {
            GraphState::May => "node may",
            GraphState::UpToDate => "node fresh",
            _ => "node",
        };
        let (left, top) = (x - place.width / 2.0, y - place.height / 2.0);
        let _ = writeln!(body, "<g class=\"{class}\"><title>{}</title>", escaped(&node.lines.join("\n")));
        let _ = writeln!(
            body,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
            place.width, place.height
        );
        for (number, line) in node.lines.iter().enumerate() {
            let class = if number == 0 { "" } else { " class=\"more\"" };
            let base = (number as f64).mul_add(LINE, top + PADDING / 2.0 + 13.0);
            let _ = writeln!(body, "<text x=\"{x:.1}\" y=\"{base:.1}\"{class}>{}</text>", escaped(line));
        }
        body.push_str("</g>\n");
    }
    let (w, h) = (2.0f64.mul_add(MARGIN, width), 2.0f64.mul_add(MARGIN, height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{:.1} {:.1} {w:.1} {h:.1}\" width=\"{w:.0}\" height=\"{h:.0}\">\n\
         <style>\n{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n{body}</svg>\n",
        -MARGIN, -MARGIN
    )
}

/// A smooth line through the points: straight to the middle between two of them, and round at each.
fn curve(points: &[Point]) -> String {
    let mut out = String::new();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return out };
    let _ = write!(out, "M{:.1} {:.1}", first.x, first.y);
    for pair in points.windows(2).skip(1) {
        let [corner, next] = pair else { continue };
        let (x, y) = (corner.x.midpoint(next.x), corner.y.midpoint(next.y));
        let _ = write!(out, "Q{:.1} {:.1} {x:.1} {y:.1}", corner.x, corner.y);
    }
    let _ = write!(out, "L{:.1} {:.1}", last.x, last.y);
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
