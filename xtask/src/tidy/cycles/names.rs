//! The names that a crate's code uses, resolved to the files that define them.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemFn, ItemMod, ItemUse, Macro, PatIdent, TraitItemFn};

use super::graph::Edge;
use super::modules::{Binding, Crate, attributes, imports, is_reexport, is_test};

/// Returns one edge for each pair of files of which the first names an item of the second.
pub fn edges(parsed: &Crate) -> Vec<Edge> {
    let mut edges: BTreeMap<(usize, usize), Edge> = BTreeMap::new();
    for (module, content) in parsed.modules.iter().enumerate() {
        let mut names =
            Names { parsed, module, bound: vec![], local: BTreeMap::new(), edges: vec![] };
        content.items.iter().for_each(|item| names.visit_item(item));
        for edge in names.edges.into_iter().filter(|edge| edge.from != edge.to) {
            edges.entry((edge.from, edge.to)).or_insert(edge);
        }
    }
    edges.into_values().collect()
}

/// The target of a path.
#[derive(Clone, Copy)]
enum Target {
    /// An item of this file.
    Item(usize),
    /// A module.
    Module(usize),
}

/// Follows paths through modules and re-exports.
struct Resolver<'a> {
    parsed: &'a Crate,
    /// Names being followed, since imports can be circular.
    followed: BTreeSet<(usize, String)>,
}

impl Resolver<'_> {
    /// Returns the targets of a path in `module`: none if it leads to another crate.
    fn resolve(&mut self, module: usize, path: &[String]) -> Vec<Target> {
        let (mut targets, mut rest) = match path {
            [first, rest @ ..] => (self.first(module, first), rest),
            [] => return vec![],
        };
        while let [name, after @ ..] = rest {
            let next = |target| match target {
                // Variants and associated items belong to their type.
                Target::Item(file) => vec![Target::Item(file)],
                Target::Module(above) if name == "super" => vec![self.parent(above)],
                Target::Module(module) if name == "self" => vec![Target::Module(module)],
                Target::Module(module) => self.lookup(module, name),
            };
            targets = targets.into_iter().flat_map(next).collect();
            rest = after;
        }
        targets
    }

    fn first(&mut self, module: usize, name: &str) -> Vec<Target> {
        match name {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(module)],
            "super" => vec![self.parent(module)],
            name => self.lookup(module, name),
        }
    }

    fn parent(&self, module: usize) -> Target {
        Target::Module(self.parsed.modules[module].parent)
    }

    fn lookup(&mut self, module: usize, name: &str) -> Vec<Target> {
        let key = (module, name.to_owned());
        if !self.followed.insert(key.clone()) {
            return self.macros(name);
        }
        let parsed = self.parsed;
        let content = &parsed.modules[module];
        let targets = match content.names.get(name) {
            Some(bindings) => {
                let follow = |binding: &Binding| match binding {
                    Binding::Item => vec![Target::Item(content.file)],
                    Binding::Module(child) => vec![Target::Module(*child)],
                    Binding::Import(path) => self.resolve(module, path),
                };
                bindings.iter().flat_map(follow).collect()
            }
            None => {
                let globs = content.globs.iter().flat_map(|path| self.resolve(module, path));
                let modules: Vec<Target> = globs.collect();
                let names = modules.into_iter().flat_map(|target| match target {
                    Target::Module(module) => self.lookup(module, name),
                    Target::Item(_) => vec![],
                });
                names.collect()
            }
        };
        self.followed.remove(&key);
        targets
    }

    /// Returns the files of macros of this name.
    fn macros(&self, name: &str) -> Vec<Target> {
        let files = self.parsed.macros.get(name).into_iter().flatten();
        files.copied().map(Target::Item).collect()
    }
}

/// The uses of a module's code.
struct Names<'a> {
    parsed: &'a Crate,
    module: usize,
    /// Variables of the enclosing functions.
    bound: Vec<BTreeSet<String>>,
    /// Names that functions import.
    local: BTreeMap<String, Vec<String>>,
    edges: Vec<Edge>,
}

impl Names<'_> {
    /// Adds what a path depends on.
    fn add(&mut self, path: &[String], line: usize) {
        let [first, rest @ ..] = path else { return };
        let is_variable = self.bound.iter().any(|bound| bound.contains(first));
        if rest.is_empty() && is_variable {
            return;
        }
        let unknown = !self.parsed.modules[self.module].names.contains_key(first);
        let imported = self.local.get(first).filter(|_| unknown);
        let full = match imported {
            Some(imported) => [imported, rest].concat(),
            None => path.to_vec(),
        };
        let mut resolver = Resolver { parsed: self.parsed, followed: BTreeSet::new() };
        let targets = resolver.resolve(self.module, &full);
        self.add_targets(&targets, path, line);
    }

    fn add_targets(&mut self, targets: &[Target], path: &[String], line: usize) {
        let from = self.parsed.modules[self.module].file;
        let name = path.join("::");
        let files = targets.iter().filter_map(|target| match target {
            Target::Item(file) => Some(*file),
            // Naming a module alone is no dependency.
            Target::Module(_) => None,
        });
        let edge = |to| Edge { from, to, line, name: name.clone() };
        self.edges.extend(files.map(edge));
    }

    /// Adds the paths among the tokens of a macro or an attribute, including those of a single
    /// segment if `single`.
    fn add_tokens(&mut self, tokens: &TokenStream, single: bool) {
        let mut path: Vec<Ident> = vec![];
        // Trailing `::` of a path, and what comes before it.
        let (mut colons, mut before) = (0, ' ');
        for token in tokens.clone() {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_idents(&path, single, before);
                        path.clear();
                    }
                    path.push(ident.clone());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                _ => {}
            }
            self.add_idents(&path, single, before);
            path.clear();
            colons = 0;
            before = ' ';
            match &token {
                TokenTree::Punct(punct) => before = punct.as_char(),
                TokenTree::Group(group) => self.add_tokens(&group.stream(), single),
                _ => {}
            }
        }
        self.add_idents(&path, single, before);
    }

    /// Adds a path among tokens unless it is a field, a method, a lifetime or a macro's variable.
    fn add_idents(&mut self, path: &[Ident], single: bool, before: char) {
        let Some(first) = path.first() else { return };
        let is_crate = before == '$' && first == "crate";
        if is_crate || !".'$:".contains(before) && (single || path.len() > 1) {
            let line = line(first.span());
            let path: Vec<String> = path.iter().map(Ident::to_string).collect();
            self.add(&path, line);
        }
    }

    /// Visits a function, whose variables hide names of the module.
    fn with_bound(&mut self, bound: BTreeSet<String>, visit: impl FnOnce(&mut Self)) {
        self.bound.push(bound);
        visit(self);
        self.bound.pop();
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    /// Modules are visited on their own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if is_reexport(item) {
            return;
        }
        for import in imports(item) {
            self.add(&import.path, import.line);
            if let Some(name) = import.name {
                self.local.insert(name, import.path);
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let bound = variables(|names| names.visit_item_fn(item));
        self.with_bound(bound, |this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            let bound = variables(|names| names.visit_impl_item_fn(item));
            self.with_bound(bound, |this| visit::visit_impl_item_fn(this, item));
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        let bound = variables(|names| names.visit_trait_item_fn(item));
        self.with_bound(bound, |this| visit::visit_trait_item_fn(this, item));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let (None, Some(first)) = (&path.leading_colon, path.segments.first()) {
            let line = line(first.ident.span());
            let names: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&names, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        if let Some(name) = called.path.get_ident() {
            let name = name.to_string();
            let resolver = Resolver { parsed: self.parsed, followed: BTreeSet::new() };
            let targets = resolver.macros(&name);
            self.add_targets(&targets, &[name + "!"], line(called.path.segments[0].ident.span()));
        }
        self.add_tokens(&called.tokens, true);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Ok(list) = attribute.meta.require_list() {
            self.add_tokens(&list.tokens, false);
        }
    }
}

/// Returns the line of a token, counted from 1.
fn line(span: Span) -> usize {
    span.start().line
}

/// The variables that patterns bind.
struct Variables(BTreeSet<String>);

fn variables(visit: impl FnOnce(&mut Variables)) -> BTreeSet<String> {
    let mut variables = Variables(BTreeSet::new());
    visit(&mut variables);
    variables.0
}

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.0.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}
