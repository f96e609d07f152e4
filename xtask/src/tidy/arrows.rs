//! The allowed dependencies between crates.

use serde_json::Value;

use super::violation::Violation;

/// Crates of the workspace that each crate may depend on.
const ARROWS: [(&str, &[&str]); 18] = [
    ("qwen3-tts-kernels", &[]),
    ("qwen3-tts-files", &[]),
    ("qwen3-tts-nn", &["kernels", "files"]),
    ("qwen3-tts-config", &["files"]),
    ("qwen3-tts-dsp", &[]),
    ("qwen3-tts-audio", &["dsp"]),
    ("qwen3-tts-talker", &["nn", "config"]),
    ("qwen3-tts-codec", &["nn", "config"]),
    ("qwen3-tts-speaker", &["nn", "config", "dsp"]),
    ("qwen3-tts-pipeline", &["files", "nn", "config", "dsp", "talker", "codec", "speaker"]),
    ("qwen3-tts-convert", &["kernels", "files"]),
    ("qwen3-tts-demo-codec", &[]),
    ("qwen3-tts-demo", &["demo-codec"]),
    ("qwen3-tts-server", &["files", "config", "audio", "pipeline"]),
    ("qwen3-tts-cli", &["kernels", "files", "audio", "pipeline", "convert", "demo", "server"]),
    ("qwen3-tts-python", &["config", "audio", "pipeline", "demo"]),
    ("qwen3-tts-testkit", &[]),
    ("xtask", &["kernels", "nn", "config", "talker", "pipeline", "demo"]),
];

/// Crates that the tests, examples and benches of every crate may use in addition.
const FOR_TESTS: [&str; 2] = ["testkit", "demo"];

/// Crates that the tests of one crate may use in addition: to load converted checkpoints, to read the
/// files that were written, and to write those that are read.
const FOR_ITS_TESTS: [(&str, &[&str]); 3] = [
    ("qwen3-tts-convert", &["nn", "config", "talker", "speaker"]),
    ("qwen3-tts-audio", &["pipeline"]),
    ("qwen3-tts-pipeline", &["audio"]),
];

const PREFIX: &str = "qwen3-tts-";

/// Returns the dependencies that are not in the table.
pub fn check(metadata: &Value) -> Vec<Violation> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<Violation> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![Violation::new(
            name,
            "a crate without arrows: add it to the table and the architecture",
        )];
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let forbidden = dependencies.filter_map(|dependency| {
        let target = dependency["name"].as_str()?.strip_prefix(PREFIX)?;
        let for_its_tests = FOR_ITS_TESTS.iter().find(|(tested, _)| *tested == name);
        let for_tests = dependency["kind"] == "dev"
            && (FOR_TESTS.contains(&target)
                || for_its_tests.is_some_and(|(_, crates)| crates.contains(&target)));
        (!for_tests && !allowed.contains(&target)).then_some(target)
    });
    forbidden
        .map(|target| {
            let reason = format!("depends on {PREFIX}{target}; it may depend on {allowed:?} only");
            Violation::new(name, reason)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependency: &str, kind: Value) -> Value {
        let dependencies = json!([{"name": dependency, "kind": kind}, {"name": "serde"}]);
        json!({"packages": [{"name": name, "dependencies": dependencies}]})
    }

    #[test]
    fn arrows_of_the_table_are_allowed() {
        assert!(check(&package("qwen3-tts-talker", "qwen3-tts-nn", Value::Null)).is_empty());
        assert!(check(&package("qwen3-tts-talker", "qwen3-tts-testkit", json!("dev"))).is_empty());
        assert!(check(&package("qwen3-tts-pipeline", "qwen3-tts-demo", json!("dev"))).is_empty());
        assert!(check(&package("qwen3-tts-convert", "qwen3-tts-nn", json!("dev"))).is_empty());
    }

    #[test]
    fn other_arrows_are_not() {
        for (name, dependency) in [
            ("qwen3-tts-talker", "qwen3-tts-codec"),
            ("qwen3-tts-talker", "qwen3-tts-kernels"),
            ("qwen3-tts-convert", "qwen3-tts-nn"),
            ("qwen3-tts-kernels", "qwen3-tts-nn"),
            ("qwen3-tts-talker", "qwen3-tts-testkit"),
            ("qwen3-tts-pipeline", "qwen3-tts-demo"),
            ("qwen3-tts-testkit", "qwen3-tts-nn"),
            ("qwen3-tts-cli", "qwen3-tts-nn"),
        ] {
            let found = check(&package(name, dependency, Value::Null));
            assert_eq!(found.len(), 1, "{name} on {dependency}");
        }
    }

    #[test]
    fn an_unknown_crate_is_named() {
        let found = check(&package("qwen3-tts-new", "serde", Value::Null));
        assert_eq!(found[0].place, "qwen3-tts-new");
    }
}
