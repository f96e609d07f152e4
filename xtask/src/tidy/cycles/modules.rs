//! The module tree of a crate, and the names that each module binds.

use std::collections::BTreeMap;

use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, Item, ItemMod, ItemUse, Lit, Meta, Token, UseTree, Visibility,
};

use super::super::violation::Violation;

/// The modules of a library or a program, the root first.
pub struct Crate {
    /// Paths of its files.
    pub files: Vec<String>,
    /// All modules except those of tests.
    pub modules: Vec<Module>,
    /// The files that define each `macro_rules!` macro.
    pub macros: BTreeMap<String, Vec<usize>>,
}

/// A module, in a file of its own or inline.
#[derive(Default)]
pub struct Module {
    /// The file that its items are in.
    pub file: usize,
    /// The parent module; the root is its own parent.
    pub parent: usize,
    /// Bindings of each name: more than one if it is in several namespaces, or depends on the
    /// configuration.
    pub names: BTreeMap<String, Vec<Binding>>,
    /// Paths of glob imports.
    pub globs: Vec<Vec<String>>,
    /// The parsed items, without those of tests.
    pub items: Vec<Item>,
}

/// The meaning of a name in a module.
pub enum Binding {
    /// An item that the module's file defines.
    Item,
    /// A module.
    Module(usize),
    /// The item or module of this path.
    Import(Vec<String>),
}

/// A name that a `use` declaration imports.
pub struct Import {
    /// The path, without `*`.
    pub path: Vec<String>,
    /// The name that it is bound to; `None` if all names of the path are imported.
    pub name: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
}

/// Reader of the modules of a crate.
struct Reader<'a> {
    sources: &'a BTreeMap<&'a str, &'a str>,
    found: Crate,
}

impl Crate {
    /// Parses the file `root` of `sources` and the modules below it.
    ///
    /// # Errors
    /// Returns an error if a file is missing or is not Rust.
    pub fn parse(root: &str, sources: &BTreeMap<&str, &str>) -> Result<Self, Violation> {
        let found = Self { files: vec![], modules: vec![], macros: BTreeMap::new() };
        let mut reader = Reader { sources, found };
        reader.file(root, folder_of(root), 0)?;
        Ok(reader.found)
    }
}

impl Reader<'_> {
    /// Reads the module in the file `path`, whose children lie in `folder`.
    fn file(&mut self, path: &str, folder: &str, parent: usize) -> Result<usize, Violation> {
        let text = self.sources.get(path).ok_or_else(|| Violation::new(path, "is missing"))?;
        let parsed = syn::parse_file(text).map_err(|error| {
            Violation::new(path, format!("line {}: {error}", error.span().start().line))
        })?;
        let file = self.found.files.len();
        self.found.files.push(path.to_owned());
        self.module(file, parsed.items, folder, parent)
    }

    fn module(
        &mut self,
        file: usize,
        mut items: Vec<Item>,
        folder: &str,
        parent: usize,
    ) -> Result<usize, Violation> {
        let this = self.found.modules.len();
        self.found.modules.push(Module { file, parent, ..Module::default() });
        items.retain(|item| !is_test(attributes(item)));
        for item in &mut items {
            self.item(this, item, folder)?;
        }
        self.found.modules[this].items = items;
        Ok(this)
    }

    fn item(&mut self, this: usize, item: &mut Item, folder: &str) -> Result<(), Violation> {
        let file = self.found.modules[this].file;
        match item {
            Item::Mod(child) => {
                let name = child.ident.to_string();
                for module in self.children(this, child, folder)? {
                    self.found.modules[this].bind(name.clone(), Binding::Module(module));
                }
            }
            Item::Use(import) => {
                for Import { path, name, .. } in imports(import) {
                    match name {
                        Some(name) => self.found.modules[this].bind(name, Binding::Import(path)),
                        None => self.found.modules[this].globs.push(path),
                    }
                }
            }
            Item::Macro(definition) => {
                if let Some(name) = &definition.ident {
                    self.found.macros.entry(name.to_string()).or_default().push(file);
                }
            }
            item => {
                if let Some(name) = defined_name(item) {
                    self.found.modules[this].bind(name, Binding::Item);
                }
            }
        }
        Ok(())
    }

    /// Reads the module that `child` declares: more than one file if its path is conditional.
    fn children(
        &mut self,
        this: usize,
        child: &mut ItemMod,
        folder: &str,
    ) -> Result<Vec<usize>, Violation> {
        let file = self.found.modules[this].file;
        let inner = format!("{folder}{}/", child.ident);
        if let Some((_, items)) = child.content.take() {
            return Ok(vec![self.module(file, items, &inner, this)?]);
        }
        let paths: Vec<String> = child.attrs.iter().filter_map(path_attribute).collect();
        if !paths.is_empty() {
            let beside = folder_of(&self.found.files[file]).to_owned();
            let paths = paths.iter().map(|path| format!("{beside}{path}"));
            return paths.map(|path| self.file(&path, folder_of(&path), this)).collect();
        }
        let simple = format!("{folder}{}.rs", child.ident);
        let path = match self.sources.contains_key(simple.as_str()) {
            true => simple,
            false => format!("{inner}mod.rs"),
        };
        Ok(vec![self.file(&path, &inner, this)?])
    }
}

/// Returns the folder of a file, with a slash at its end.
fn folder_of(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..=slash])
}

/// Returns the file that `#[path = "…"]` names, also inside `#[cfg_attr(…)]`.
fn path_attribute(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            parts.ok()?.iter().skip(1).find_map(path_value)
        }
        meta => path_value(meta),
    }
}

fn path_value(meta: &Meta) -> Option<String> {
    let Meta::NameValue(named) = meta else { return None };
    match &named.value {
        Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) if named.path.is_ident("path") => {
            Some(path.value())
        }
        _ => None,
    }
}

impl Module {
    fn bind(&mut self, name: String, binding: Binding) {
        self.names.entry(name).or_default().push(binding);
    }
}

/// Returns true if a `use` re-exports its names to other modules.
pub fn is_reexport(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

/// Returns what a `use` declaration imports from this crate or from its scope.
pub fn imports(item: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    if item.leading_colon.is_none() {
        add_imports(&item.tree, &mut Vec::new(), &mut found);
    }
    found
}

fn add_imports(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Import>) {
    let mut add = |path: &[String], name: Option<String>, line| match path {
        // `use a::{self}` binds the name of the module.
        [before @ .., _, last] if last == "self" => {
            let path = [before, &path[path.len() - 2..path.len() - 1]].concat();
            let name = name.filter(|name| name != "self").or(path.last().cloned());
            found.push(Import { path, name, line });
        }
        path => found.push(Import { path: path.to_vec(), name, line }),
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            add_imports(&part.tree, path, found);
            path.pop();
        }
        UseTree::Name(last) => {
            let name = last.ident.to_string();
            path.push(name.clone());
            add(path, Some(name), last.ident.span().start().line);
            path.pop();
        }
        UseTree::Rename(last) => {
            path.push(last.ident.to_string());
            add(path, Some(last.rename.to_string()), last.ident.span().start().line);
            path.pop();
        }
        UseTree::Glob(star) => add(path, None, star.star_token.spans[0].start().line),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| add_imports(tree, path, found));
        }
    }
}

/// Returns true if an item is compiled for tests only.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return attribute.path().is_ident("test");
        };
        let condition = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
    })
}

/// Returns the attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns the name that an item defines in its module.
fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
