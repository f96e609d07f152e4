//! The guards over files. Each returns the violations of its rule in the tree.

use super::tree::Tree;
use super::violation::Violation;

/// All guards.
pub const ALL: [fn(&Tree) -> Vec<Violation>; 10] = [
    unsafety,
    unsafe_lint,
    cfg,
    module_docs,
    readmes,
    packages,
    lengths,
    public_names,
    fixtures_size,
    foreign_places,
];

const KERNELS: &str = "crates/qwen3-tts-kernels/";
const MMAP: &str = "crates/qwen3-tts-nn/src/mmap.rs";
const FIXTURES_LIMIT: u64 = 20_000_000;
const LINES_LIMIT: usize = 600;
const PIPELINE: &str = "crates/qwen3-tts-pipeline/src/lib.rs";
const PUBLIC_NAMES_LIMIT: usize = 40;

/// Allows unsafe code in the kernels and in one file of nn only.
fn unsafety(tree: &Tree) -> Vec<Violation> {
    let elsewhere = tree.rust().filter(|(path, _)| !path.starts_with(KERNELS) && *path != MMAP);
    let guilty = elsewhere.filter(|(_, text)| code(text).any(|line| has_word(line, "unsafe")));
    guilty.map(|(path, _)| Violation::new(path, "unsafe code: it belongs in the kernels")).collect()
}

/// Requires the lint against unsafe code in every crate except the kernels.
fn unsafe_lint(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for name in tree.crates() {
        let lint = match name {
            "qwen3-tts-kernels" => continue,
            "qwen3-tts-nn" => "#![deny(unsafe_code)]",
            _ => "#![forbid(unsafe_code)]",
        };
        for root in ["lib.rs", "main.rs"] {
            let path = format!("crates/{name}/src/{root}");
            if tree.text(&path).is_some_and(|text| !code(text).any(|line| line.trim() == lint)) {
                violations.push(Violation::new(path, format!("add {lint}")));
            }
        }
    }
    violations
}

/// Allows conditional compilation in kernels and backends, for the pipeline's hub and for the
/// command's audio playback only. Tests may check for MLX, whose tensors stay on one thread.
fn cfg(tree: &Tree) -> Vec<Violation> {
    let allowed = |path: &str, line: &str| {
        let device = ["tensor/dispatch.rs", "mlx/"].map(|part| format!("nn/src/{part}"));
        path.starts_with(KERNELS)
            || device.iter().any(|part| path.contains(part))
            || path.starts_with("crates/qwen3-tts-pipeline/") && line.contains("feature = \"hub\"")
            || path == "crates/qwen3-tts-cli/src/main.rs" && line.contains("feature = \"play\"")
            || path.contains("/tests/") && line.contains("feature = \"mlx\"")
    };
    let is_conditional = |line: &str| {
        let conditional =
            line.contains("cfg(") || line.contains("cfg_attr(") || line.contains("cfg!(");
        conditional && (line.contains("feature =") || line.contains("target_"))
    };
    let files = tree
        .rust()
        .filter(|(path, text)| code(text).any(|line| is_conditional(line) && !allowed(path, line)));
    let reason = "cfg of a feature or target: it belongs in kernels or nn's backends";
    files.map(|(path, _)| Violation::new(path, reason)).collect()
}

/// Requires module docs at the top of every Rust file.
fn module_docs(tree: &Tree) -> Vec<Violation> {
    let starts = ["//!", "#![doc"];
    let silent =
        tree.rust().filter(|(_, text)| !starts.iter().any(|start| text.starts_with(start)));
    silent.map(|(path, _)| Violation::new(path, "begins without module docs")).collect()
}

/// Requires a README with a heading in every crate.
fn readmes(tree: &Tree) -> Vec<Violation> {
    let path = |name: &&str| format!("crates/{name}/README.md");
    let paths = tree.crates().into_iter().map(|name| path(&name));
    let missing = paths.filter(|path| !tree.text(path).is_some_and(|text| text.contains("# ")));
    missing.map(|path| Violation::new(path, "a crate needs a README with a heading")).collect()
}

/// Requires every published crate to name the files of its package and to contain the licences.
/// They are copies because git on Windows checks out symbolic links as text files by default.
fn packages(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for name in tree.crates() {
        let manifest = format!("crates/{name}/Cargo.toml");
        let Some(text) = tree.text(&manifest).filter(|text| !text.contains("publish = false"))
        else {
            continue;
        };
        if !text.lines().any(|line| line.starts_with("include")) {
            let reason = "a published crate says which files it packs: include.workspace = true";
            violations.push(Violation::new(manifest, reason));
        }
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let copy = format!("crates/{name}/{licence}");
            if tree.text(&copy) != tree.text(licence) {
                let reason = format!("a published crate has a copy of the root's {licence}");
                violations.push(Violation::new(copy, reason));
            }
        }
    }
    violations
}

/// Limits the length of Rust files, which should hold one concept each.
fn lengths(tree: &Tree) -> Vec<Violation> {
    let long = tree.rust().filter(|(_, text)| text.lines().count() > LINES_LIMIT);
    long.map(|(path, text)| {
        let lines = text.lines().count();
        Violation::new(path, format!("{lines} lines; the limit is {LINES_LIMIT}: split it"))
    })
    .collect()
}

/// Limits the number of public names of the pipeline, all of them at its root.
fn public_names(tree: &Tree) -> Vec<Violation> {
    let Some(text) = tree.text(PIPELINE) else { return Vec::new() };
    let lines: String = code(text).map(|line| format!("{line} ")).collect();
    let statements = lines.split(';').filter_map(|statement| statement.split_once("pub "));
    let mut names = 0;
    for (_, statement) in statements {
        match statement.trim().strip_prefix("use ") {
            Some(path) if !path.contains('*') => names += imported(path),
            _ => {
                let reason = "a public item or a glob: write it elsewhere, and `pub use` its name";
                return vec![Violation::new(PIPELINE, reason)];
            }
        }
    }
    let reason = format!("{names} public names; the limit is {PUBLIC_NAMES_LIMIT}: fold some");
    (names > PUBLIC_NAMES_LIMIT).then(|| Violation::new(PIPELINE, reason)).into_iter().collect()
}

/// Returns the number of names that the path of a `use` imports, without nested braces.
fn imported(path: &str) -> usize {
    path.rsplit(['{', '}'])
        .find(|names| !names.trim().is_empty())
        .map_or(0, |names| names.split(',').filter(|name| !name.trim().is_empty()).count())
}

/// Limits the size of the fixtures, which every clone downloads.
fn fixtures_size(tree: &Tree) -> Vec<Violation> {
    let fixtures = tree.files.iter().filter(|file| file.path.starts_with("fixtures/"));
    let bytes: u64 = fixtures.map(|file| file.bytes).sum();
    let reason = format!("{bytes} bytes; the limit is {FIXTURES_LIMIT}");
    (bytes > FIXTURES_LIMIT).then(|| Violation::new("fixtures", reason)).into_iter().collect()
}

/// Refuses absolute paths of one machine in any text.
fn foreign_places(tree: &Tree) -> Vec<Violation> {
    // Assembled here, so that this file does not contain them.
    let places = ["work", "tmp", "root", "home"].map(|folder| format!("/{folder}"));
    let texts = tree.files.iter().filter_map(|file| Some((file, file.text.as_deref()?)));
    let mut violations = Vec::new();
    for (file, text) in texts {
        for (number, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| names_place(line, place)) {
                let at = format!("{}:{}", file.path, number + 1);
                violations.push(Violation::new(at, format!("names {place}, outside the project")));
            }
        }
    }
    violations
}

/// Returns true if `line` has an absolute path that begins with `place`.
fn names_place(line: &str, place: &str) -> bool {
    let continues = |letter: char| letter.is_alphanumeric() || "_-.~/}".contains(letter);
    line.match_indices(place).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + place.len()..].chars().next();
        !before.is_some_and(continues) && after == Some('/')
    })
}

/// Returns the lines of a Rust file without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.find("//").map_or(line, |comment| &line[..comment]))
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |&(path, text): &(&str, &str)| File {
            path: path.to_owned(),
            bytes: text.len() as u64,
            text: Some(text.to_owned()),
        };
        Tree { files: files.iter().map(file).collect() }
    }

    /// Asserts that a guard fails on each of the `bad` files alone, and on none of the `good`.
    fn assert_guard(
        guard: fn(&Tree) -> Vec<Violation>,
        good: &[(&str, &str)],
        bad: &[(&str, &str)],
    ) {
        assert_eq!(guard(&tree(good)), []);
        for file in bad {
            assert_eq!(guard(&tree(&[*file])).len(), 1, "{file:?}");
        }
    }

    const TALKER: &str = "crates/qwen3-tts-talker/src/lib.rs";

    #[test]
    fn unsafe_code_is_found_outside_its_places() {
        let good = [
            ("crates/qwen3-tts-kernels/src/dot.rs", "unsafe { load() }"),
            (MMAP, "unsafe { map() }"),
            (TALKER, "#![forbid(unsafe_code)]\n// unsafe is not here"),
        ];
        let bad = [(TALKER, "let x = unsafe { y() };"), (TALKER, "unsafe impl Send for X {}")];
        assert_guard(unsafety, &good, &bad);
    }

    #[test]
    fn a_missing_lint_is_found() {
        let nn = "crates/qwen3-tts-nn/src/lib.rs";
        let good = [(TALKER, "#![forbid(unsafe_code)]"), (nn, "#![deny(unsafe_code)]")];
        let bad = [(TALKER, ""), (TALKER, "// #![forbid(unsafe_code)]"), (nn, "mod x;")];
        assert_guard(unsafe_lint, &good, &bad);
    }

    #[test]
    fn cfg_is_found_outside_its_places() {
        let good = [
            ("crates/qwen3-tts-kernels/src/isa.rs", "#[cfg(target_arch = \"x86_64\")]"),
            ("crates/qwen3-tts-nn/src/tensor/dispatch.rs", "#[cfg(feature = \"mlx\")]"),
            ("crates/qwen3-tts-pipeline/src/lib.rs", "#[cfg(feature = \"hub\")]"),
            ("crates/qwen3-tts-cli/src/main.rs", "#[cfg(feature = \"play\")]"),
            (TALKER, "#[cfg(test)]"),
            ("crates/qwen3-tts-talker/tests/requests.rs", "#[cfg(not(feature = \"mlx\"))]"),
        ];
        let bad = [
            (TALKER, "#[cfg(feature = \"mlx\")]"),
            ("crates/qwen3-tts-nn/src/tensor/device.rs", "#[cfg(feature = \"mlx\")]"),
            (TALKER, "if cfg!(target_os = \"linux\") {}"),
            ("crates/qwen3-tts-pipeline/src/lib.rs", "#[cfg(feature = \"mlx\")]"),
            ("crates/qwen3-tts-cli/src/speak.rs", "#[cfg(feature = \"play\")]"),
        ];
        assert_guard(cfg, &good, &bad);
    }

    #[test]
    fn missing_module_docs_are_found() {
        let good = [(TALKER, "//! The talker.\n"), (TALKER, "#![doc = include_str!(\"a\")]")];
        assert_guard(module_docs, &good, &[(TALKER, "mod x;"), (TALKER, "\n//! Late.")]);
    }

    #[test]
    fn a_missing_readme_is_found() {
        let readme = ("crates/qwen3-tts-talker/README.md", "# Talker");
        assert_guard(readmes, &[(TALKER, ""), readme], &[(TALKER, "")]);
    }

    #[test]
    fn incomplete_packages_are_found() {
        let manifest = "crates/qwen3-tts-talker/Cargo.toml";
        let files = [
            ("LICENSE-APACHE", "Apache"),
            ("LICENSE-MIT", "MIT"),
            ("crates/qwen3-tts-talker/LICENSE-APACHE", "Apache"),
            ("crates/qwen3-tts-talker/LICENSE-MIT", "MIT"),
            (manifest, "[package]\ninclude.workspace = true\n"),
        ];
        assert_eq!(packages(&tree(&files)), []);
        let changed = |index: usize, text| {
            let mut files = files;
            files[index].1 = text;
            packages(&tree(&files))
        };
        assert_eq!(changed(4, "[package]\ninclude = [\"/src/\"]\n"), []);
        assert_eq!(changed(4, "[package]\n")[0].place, manifest);
        assert_eq!(changed(3, "MIT, changed")[0].place, files[3].0);
        let without_copies = packages(&tree(&[files[0], files[1], files[4]]));
        assert_eq!(without_copies.len(), 2);
        let unpublished = [files[0], files[1], (manifest, "publish = false\n")];
        assert_eq!(packages(&tree(&unpublished)), []);
    }

    #[test]
    fn long_files_are_found() {
        let (limit, over) = ("\n".repeat(LINES_LIMIT), "\n".repeat(LINES_LIMIT + 1));
        assert_guard(lengths, &[(TALKER, &limit)], &[(TALKER, &over)]);
    }

    #[test]
    fn too_many_public_names_are_found() {
        let uses = |n: usize| {
            let names: Vec<String> = (0..n).map(|i| format!("Name{i}")).collect();
            format!("mod a;\npub use b::One;\npub use a::{{\n    {},\n}};\n", names.join(", "))
        };
        let limit = (PIPELINE, &*uses(PUBLIC_NAMES_LIMIT - 1));
        let (over, module) = (uses(PUBLIC_NAMES_LIMIT), "mod a;\npub mod b;\npub use a::B;");
        let bad = [(PIPELINE, &*over), (PIPELINE, module), (PIPELINE, "pub use a::*;")];
        assert_guard(public_names, &[limit], &bad);
        assert_guard(public_names, &[(TALKER, &*over), (PIPELINE, "pub use a::{B, C};")], &[]);
    }

    #[test]
    fn large_fixtures_are_found() {
        let mut tree = tree(&[("fixtures/a", ""), ("fixtures/b", ""), ("docs/c", "")]);
        tree.files[0].bytes = FIXTURES_LIMIT;
        tree.files[2].bytes = FIXTURES_LIMIT;
        assert_eq!(fixtures_size(&tree), []);
        tree.files[1].bytes = 1;
        assert_eq!(fixtures_size(&tree).len(), 1);
    }

    #[test]
    fn places_of_one_machine_are_found() {
        let text = |folder: &str| format!("see `/{folder}/x`");
        let good = ["crates/tmp/x", "a/work/b", "/workspace/x", "{root}/home/x", "cat ./tmp/x"];
        let good: Vec<(&str, &str)> = good.iter().map(|text| ("docs/a.md", *text)).collect();
        let bad: Vec<String> = ["work", "tmp", "root", "home"].map(text).to_vec();
        let bad: Vec<(&str, &str)> = bad.iter().map(|text| ("docs/a.md", text.as_str())).collect();
        assert_guard(foreign_places, &good, &bad);
    }
}
