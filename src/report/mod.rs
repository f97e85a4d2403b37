//! L6: pure views of plans and events: graphs, tables, explanations.
