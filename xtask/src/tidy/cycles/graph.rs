//! Cycles of a directed graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A dependency of one file on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The file that names the item.
    pub from: usize,
    /// The file that defines it.
    pub to: usize,
    /// The line of `from`, counted from 1.
    pub line: usize,
    /// The path as written.
    pub name: String,
}

/// Returns the groups of more than one node in which each node reaches every other, each sorted.
pub fn knots(n: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..n).map(|node| reachable(node, edges)).collect();
    let mut knots = BTreeSet::new();
    for node in 0..n {
        let knot: Vec<usize> =
            reached[node].iter().copied().filter(|other| reached[*other].contains(&node)).collect();
        if knot.len() > 1 {
            knots.insert(knot);
        }
    }
    knots.into_iter().collect()
}

/// Returns the nodes that edges lead to from `start`.
fn reachable(start: usize, edges: &[Edge]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        let next = edges.iter().filter(|edge| edge.from == node).map(|edge| edge.to);
        open.extend(next.filter(|next| found.insert(*next)));
    }
    found
}

/// Returns the edges of a shortest cycle inside a knot.
pub fn shortest_cycle<'a>(knot: &[usize], edges: &'a [Edge]) -> Vec<&'a Edge> {
    knot.iter()
        .filter_map(|start| cycle_through(*start, edges))
        .min_by_key(Vec::len)
        .expect("a knot has a cycle")
}

/// Returns the edges of a shortest cycle that begins and ends at `start`.
fn cycle_through(start: usize, edges: &[Edge]) -> Option<Vec<&Edge>> {
    let mut arrived: BTreeMap<usize, &Edge> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for edge in edges.iter().filter(|edge| edge.from == node) {
            if arrived.contains_key(&edge.to) {
                continue;
            }
            arrived.insert(edge.to, edge);
            if edge.to == start {
                let mut cycle = vec![edge];
                while cycle[0].from != start {
                    cycle.insert(0, arrived[&cycle[0].from]);
                }
                return Some(cycle);
            }
            open.push_back(edge.to);
        }
    }
    None
}
