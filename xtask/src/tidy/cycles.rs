//! Import cycles between the files of a crate.
//!
//! A file that names an item of its own crate depends on the file that defines the item, even
//! through re-exports. The files of a crate must form no cycle of such dependencies.

mod graph;
mod modules;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::graph::Edge;
use self::modules::Crate;
use super::tree::Tree;
use super::violation::Violation;

/// Finds the import cycles of every crate under `crates/` and of xtask.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let files: BTreeMap<&str, &str> = tree
        .files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
        .collect();
    let mut violations = Vec::new();
    for root in files.keys().filter(|path| is_root(path)) {
        match Crate::parse(root, &files) {
            Ok(parsed) => violations.extend(check_crate(&parsed)),
            Err(violation) => violations.push(violation),
        }
    }
    violations
}

/// Returns whether a file is the root of a library or a program.
fn is_root(path: &str) -> bool {
    let Some((package, source)) = path.split_once("/src/") else { return false };
    let of_workspace = package == "xtask"
        || package.strip_prefix("crates/").is_some_and(|name| !name.contains('/'));
    let program = source.strip_prefix("bin/").is_some_and(|name| {
        !name.contains('/') || name.split_once('/').is_some_and(|(_, file)| file == "main.rs")
    });
    of_workspace && (matches!(source, "lib.rs" | "main.rs") || program)
}

fn check_crate(parsed: &Crate) -> Vec<Violation> {
    let edges = names::edges(parsed);
    let knots = graph::knots(parsed.files.len(), &edges);
    knots.iter().map(|knot| describe(parsed, knot, &graph::shortest_cycle(knot, &edges))).collect()
}

/// Names the shortest cycle of files that all depend on each other.
fn describe(parsed: &Crate, knot: &[usize], cycle: &[&Edge]) -> Violation {
    let steps: Vec<String> = cycle
        .iter()
        .map(|edge| {
            let (from, to) = (&parsed.files[edge.from], &parsed.files[edge.to]);
            format!("{from}:{} names `{}` of {to}", edge.line, edge.name)
        })
        .collect();
    let reason = format!(
        "import cycle ({} files depend on each other): {}; move the shared items into a file below",
        knot.len(),
        steps.join(", ")
    );
    Violation::new(parsed.files[cycle[0].from].clone(), reason)
}
