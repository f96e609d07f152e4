//! Tests of the guard against import cycles.

use super::super::tree::{File, Tree};
use super::check;

/// Returns the reasons of a crate with these files under `src/`.
fn reasons(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| File {
        path: format!("crates/a/src/{path}"),
        bytes: text.len() as u64,
        text: Some((*text).to_owned()),
    });
    check(&Tree { files: files.collect() }).into_iter().map(|found| found.reason).collect()
}

fn assert_cycle(files: &[(&str, &str)], steps: &[&str]) {
    let found = reasons(files);
    assert_eq!(found.len(), 1, "{found:?}");
    let steps: Vec<String> =
        steps.iter().map(|step| step.replace("src/", "crates/a/src/")).collect();
    let expected = format!(
        "import cycle ({} files depend on each other): {}; move the shared items into a file below",
        steps.len(),
        steps.join(", ")
    );
    assert_eq!(found[0], expected);
}

const ROOT: (&str, &str) = ("lib.rs", "mod b;\nmod c;\npub use b::B;\npub use c::C;\n");

#[test]
fn two_files_that_import_each_other_are_a_cycle() {
    let b = ("b.rs", "use crate::c::C;\npub struct B;\n");
    let c = ("c.rs", "\npub struct C;\npub fn b() -> crate::b::B { todo!() }\n");
    let steps = [
        "src/b.rs:1 names `crate::c::C` of src/c.rs",
        "src/c.rs:3 names `crate::b::B` of src/b.rs",
    ];
    assert_cycle(&[ROOT, b, c], &steps);
    assert_eq!(reasons(&[ROOT, b, ("c.rs", "pub struct C;")]), [""; 0]);
}

#[test]
fn a_cycle_of_three_is_named_file_by_file() {
    let root = ("lib.rs", "mod b; mod c; mod d;");
    let b = ("b.rs", "use crate::{c::{self, C}, other::X};\npub struct B(C);");
    let c = ("c.rs", "use super::d;\npub struct C;\nfn f() { d::run() }");
    let d = ("d.rs", "pub fn run() { let _ = super::b::B::new(); }");
    let steps = [
        "src/b.rs:1 names `crate::c::C` of src/c.rs",
        "src/c.rs:3 names `d::run` of src/d.rs",
        "src/d.rs:1 names `super::b::B::new` of src/b.rs",
    ];
    assert_cycle(&[root, b, c, d], &steps);
}

#[test]
fn reexports_lead_to_the_file_that_defines_the_item() {
    let b = ("b.rs", "use crate::C;\npub struct B;");
    let steps =
        ["src/b.rs:1 names `crate::C` of src/c.rs", "src/c.rs:1 names `super::B` of src/b.rs"];
    assert_cycle(&[ROOT, b, ("c.rs", "use super::B;\npub struct C;")], &steps);

    let globs = ("lib.rs", "mod b;\nmod c;\npub use self::b::*;\npub(crate) use c::*;\n");
    assert_cycle(&[globs, b, ("c.rs", "use super::B;\npub struct C;")], &steps);

    // The root only re-exports names.
    assert_eq!(reasons(&[ROOT, b, ("c.rs", "pub struct C;")]), [""; 0]);
}

#[test]
fn a_reexport_that_its_own_file_uses_counts() {
    let b = ("b/mod.rs", "mod inner;\npub use inner::Inner;\npub struct B;\nfn f(_: Inner) {}");
    let inner = ("b/inner.rs", "use super::B;\npub struct Inner(B);");
    let steps = [
        "src/b/inner.rs:1 names `super::B` of src/b/mod.rs",
        "src/b/mod.rs:4 names `Inner` of src/b/inner.rs",
    ];
    let found = reasons(&[("lib.rs", "mod b;"), b, inner]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(steps.iter().all(|step| found[0].contains(&step.replace("src/", "crates/a/src/"))));

    let facade = ("b/mod.rs", "mod inner;\npub use inner::Inner;\npub struct B;");
    assert_eq!(reasons(&[("lib.rs", "mod b;"), facade, inner]), [""; 0]);
}

#[test]
fn paths_in_macros_and_attributes_count() {
    let steps =
        ["src/b.rs:1 names `crate::C` of src/c.rs", "src/c.rs:2 names `crate::b::B` of src/b.rs"];
    let b = ("b.rs", "use crate::C;\npub struct B;");
    let called = ("c.rs", "pub struct C;\nfn f() { assert!(matches!(x.b, crate::b::B)) }");
    assert_cycle(&[ROOT, b, called], &steps);
    let defined = ("c.rs", "pub struct C;\nmacro_rules! m { ($b:ident) => { $crate::b::B } }");
    let found = reasons(&[ROOT, b, defined]);
    assert!(found[0].contains("names `crate::b::B`"), "{found:?}");
    let attribute = ("c.rs", "pub struct C;\n#[arg(parser = crate::b::B)] struct D;");
    assert_cycle(&[ROOT, b, attribute], &steps);

    let root = ("lib.rs", "#[macro_use]\nmod b;\nmod c;");
    let b = ("b.rs", "macro_rules! make { () => {} }\nuse crate::c::C;");
    let c = ("c.rs", "pub struct C;\nmake!();");
    let steps =
        ["src/b.rs:2 names `crate::c::C` of src/c.rs", "src/c.rs:2 names `make!` of src/b.rs"];
    assert_cycle(&[root, b, c], &steps);
}

#[test]
fn a_file_may_name_itself_and_others_may_share_one() {
    let inline = ("b.rs", "pub struct B;\nmod x { use super::B; use crate::b::B as Same; }");
    assert_eq!(reasons(&[("lib.rs", "mod b;"), inline]), [""; 0]);

    let root = ("lib.rs", "mod b; mod c; mod d; mod e;\nuse b::B;");
    let b = ("b.rs", "use crate::{c::C, d::D};\npub struct B;");
    let (c, d) =
        (("c.rs", "use crate::e::E;\npub struct C;"), ("d.rs", "use crate::e::E;\npub struct D;"));
    assert_eq!(reasons(&[root, b, c, d, ("e.rs", "pub struct E;")]), [""; 0]);
}

#[test]
fn comments_tests_variables_and_other_crates_do_not_count() {
    let b = ("b.rs", "use crate::C;\npub struct B;\npub fn c() {}");
    for text in [
        "#[cfg(test)]\nmod tests { use crate::b::B; }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(all(test, unix))]\nuse crate::b::B;",
        "#[test]\nfn t() { crate::b::c() }",
        "//! See [`crate::b::B`].\n/// use crate::b::B;\nfn f() {} // crate::b::B",
        "use ::b::B;",
        "use serde::B;",
        "fn f(b: u8) { b; x.b; }",
        "pub use crate::b::c;\nfn f() { let c = 1; c; g!(c, x.c, 'c); }",
        "pub(in crate::b) fn f() {}",
        "use crate::b;",
    ] {
        let c = format!("{text}\npub struct C;");
        assert_eq!(reasons(&[ROOT, b, ("c.rs", &c)]), [""; 0], "{text}");
    }
}

#[test]
fn conditional_paths_of_a_module_are_all_read() {
    let root = (
        "main.rs",
        "#[cfg_attr(unix, path = \"c/unix.rs\")]\n#[cfg_attr(not(unix), path = \"c/other.rs\")]\n\
         mod c;\nmod b;",
    );
    let b = ("b.rs", "pub struct B;\nuse crate::c::C;");
    let (with, without) = ("use crate::b::B;\npub struct C;", "pub struct C;");
    assert_eq!(reasons(&[root, b, ("c/unix.rs", without), ("c/other.rs", without)]), [""; 0]);
    for [unix, other] in [[with, without], [without, with]] {
        assert_eq!(reasons(&[root, b, ("c/unix.rs", unix), ("c/other.rs", other)]).len(), 1);
    }
}

#[test]
fn a_file_that_is_missing_or_not_rust_is_named() {
    assert_eq!(reasons(&[("lib.rs", "mod b;")]), ["is missing"]);
    let found = reasons(&[("lib.rs", "\nfn f( {}")]);
    assert!(found[0].starts_with("line 2: "), "{found:?}");
}
