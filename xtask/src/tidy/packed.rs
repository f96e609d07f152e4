//! The files of a published crate's package, which builds and tests itself where it is unpacked.

use super::tree::Tree;
use super::violation::Violation;

/// Refuses Rust files that are packed and use the unpublished testkit, or files outside the package.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in tree.crates().into_iter().filter_map(|name| Package::read(tree, name)) {
        for (path, text) in tree.rust() {
            let inside = path.strip_prefix(&package.root).filter(|inside| package.packs(inside));
            if let Some(reason) = inside.and_then(|inside| package.fault(inside, text)) {
                violations.push(Violation::new(path, reason));
            }
        }
    }
    violations
}

/// Beginnings of paths out of the package; other text with `../..` is the input of a test.
const OUTWARD: [&str; 4] =
    ["Path::new(\"../..", "PathBuf::from(\"../..", "join(\"../..", "\"/../.."];

/// A published crate.
struct Package<'a> {
    /// Folder in the workspace, with `/` at the end.
    root: String,
    /// Beginnings of the paths in it that are packed.
    packed: Vec<&'a str>,
}

impl<'a> Package<'a> {
    /// Returns the package of a crate, or `None` if the crate is not published.
    fn read(tree: &'a Tree, name: &str) -> Option<Self> {
        let root = format!("crates/{name}/");
        let manifest = tree.text(&format!("{root}Cargo.toml"))?;
        if manifest.contains("publish = false") {
            return None;
        }
        let manifest = match manifest.contains("include.workspace = true") {
            true => tree.text("Cargo.toml")?,
            false => manifest,
        };
        let list = manifest.split_once("\ninclude = [")?.1.split_once(']')?.0;
        let entries = list.split('"').skip(1).step_by(2);
        let packed = entries.map(|entry| entry.trim_start_matches('/').trim_end_matches('*'));
        Some(Self { root, packed: packed.collect() })
    }

    fn packs(&self, inside: &str) -> bool {
        self.packed.iter().any(|beginning| inside.starts_with(beginning))
    }

    /// Returns why the file `inside` the package would not build where it is unpacked.
    fn fault(&self, inside: &str, text: &str) -> Option<String> {
        for word in ["qwen3_tts_testkit", "fixtures"] {
            if text.contains(word) {
                let advice = "which no package has: move the test to the crate's tests/";
                return Some(format!("names {word}, {advice}"));
            }
        }
        let is_packed =
            |relative: &&str| resolve(inside, relative).is_some_and(|path| self.packs(&path));
        if let Some(missing) = included(text).find(|relative| !is_packed(relative)) {
            return Some(format!("includes {missing}, which is not packed"));
        }
        let leads_out = OUTWARD.iter().any(|path| text.contains(path));
        leads_out.then(|| "names a path outside its package".to_owned())
    }
}

/// Returns the first literal of each `include!`, `include_str!` and `include_bytes!`.
fn included(text: &str) -> impl Iterator<Item = &str> {
    let calls = ["include!(", "include_str!(", "include_bytes!("];
    let arguments = calls.into_iter().flat_map(move |call| text.split(call).skip(1));
    arguments.filter_map(|argument| argument.split('"').nth(1))
}

/// Returns the path in the package that a file of it calls `relative`; `None` if it leads out.
fn resolve(file: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    const ROOT: (&str, &str) =
        ("Cargo.toml", "[workspace.package]\ninclude = [\"/src/\", \"/README.md\"]\n");
    const SHARED: &str = "[package]\ninclude.workspace = true\n";

    /// Returns what is wrong with a file of a crate with this manifest.
    fn faults(manifest: &str, path: &str, text: &str) -> Vec<Violation> {
        let path = format!("crates/qwen3-tts-nn/{path}");
        let files = [ROOT, ("crates/qwen3-tts-nn/Cargo.toml", manifest), (&path, text)];
        let file = |(path, text): (&str, &str)| File {
            path: path.to_owned(),
            bytes: 0,
            text: Some(text.to_owned()),
        };
        check(&Tree { files: files.map(file).into() })
    }

    #[test]
    fn what_a_package_lacks_is_found() {
        for (path, text) in [
            ("src/lib.rs", "use qwen3_tts_testkit::Golden;"),
            ("src/lib.rs", "//! # use qwen3_tts_testkit::Golden;"),
            ("src/a.rs", "let dir = Path::new(env!(\"CARGO_MANIFEST_DIR\")).join(\"fixtures\");"),
            ("src/a.rs", "include_bytes!(\"../../qwen3-tts-demo/data/model.safetensors\")"),
            ("src/a.rs", "include_str!(\n    \"../tests/data/config.json\"\n)"),
            ("src/a/b.rs", "include!(\"../../../x.rs\")"),
            ("src/a.rs", "Path::new(\"../../README.md\")"),
            ("src/a.rs", "concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../docs\")"),
        ] {
            let found = faults(SHARED, path, text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].place, format!("crates/qwen3-tts-nn/{path}"));
        }
    }

    #[test]
    fn what_a_package_has_is_allowed() {
        for (path, text) in [
            ("src/lib.rs", "#![doc = include_str!(\"../README.md\")]"),
            ("src/a/b.rs", "include_bytes!(concat!(\"../../src/\", $path))"),
            ("src/a.rs", "refuse(\"../secret\"); symlink(\"../../blobs/0\", link)"),
            // Neither of these is packed.
            ("tests/a.rs", "use qwen3_tts_testkit::Golden;"),
            ("benches/a.rs", "use qwen3_tts_testkit::Golden;"),
        ] {
            assert_eq!(faults(SHARED, path, text), [], "{text}");
        }
    }

    #[test]
    fn a_crate_may_pack_more_and_an_unpublished_one_nothing() {
        let own = "[package]\ninclude = [\"/src/\", \"/tests/\"]\n";
        let data = "include_str!(\"../tests/data/config.json\")";
        assert_eq!(faults(own, "src/lib.rs", data), []);
        assert_eq!(faults(own, "tests/a.rs", "use qwen3_tts_testkit::Golden;").len(), 1);
        let unpublished = "[package]\npublish = false\n";
        assert_eq!(faults(unpublished, "src/lib.rs", "use qwen3_tts_testkit::Golden;"), []);
    }
}
