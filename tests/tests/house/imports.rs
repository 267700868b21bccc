//! The import graph of a crate's modules, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The path of a module in its crate: `service::history`.
pub type Module = String;

/// The modules of a crate that are files, and the modules that each one refers to.
pub fn of_crate(source: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut files = Vec::new();
    collect(source, &mut files);
    let modules: BTreeMap<Module, &PathBuf> = files
        .iter()
        .map(|file| (module_of(file.strip_prefix(source).unwrap()), file))
        .collect();
    modules
        .iter()
        .map(|(module, file)| {
            let text = std::fs::read_to_string(file).unwrap();
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut names = Names {
                within: parts(module),
                found: BTreeSet::new(),
            };
            names.visit_file(&parsed);
            let known = |path: &Vec<String>| deepest(path, &modules);
            let named = names
                .found
                .iter()
                .filter_map(known)
                .filter(|other| other != module);
            (module.clone(), named.collect())
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Imports of tests do not count.
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            files.push(path);
        }
    }
}

fn module_of(file: &Path) -> Module {
    let parts: Vec<_> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .filter(|part| part != "lib" && part != "main")
        .collect();
    parts.join("::")
}

fn parts(module: &str) -> Vec<String> {
    let parts = module.split("::").filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The file that defines what a path refers to; `None` for the crate's root.
fn deepest(path: &[String], modules: &BTreeMap<Module, &PathBuf>) -> Option<Module> {
    let prefixes = (1..=path.len()).rev().map(|length| path[..length].join("::"));
    prefixes.into_iter().find(|prefix| modules.contains_key(prefix))
}

/// The paths that a file refers to, from the crate's root.
struct Names {
    within: Vec<String>,
    found: BTreeSet<Vec<String>>,
}

impl Names {
    /// Resolves `crate::a`, `super::b`, `self::c`; other paths leave the crate or are imported names.
    fn note(&mut self, path: &[String]) {
        let absolute = match path.first().map(String::as_str) {
            Some("crate") => path[1..].to_vec(),
            Some("self") => [&self.within, &path[1..]].concat(),
            Some("super") => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let Some(left) = self.within.len().checked_sub(ups) else {
                    return;
                };
                [&self.within[..left], &path[ups..]].concat()
            }
            _ => return,
        };
        self.found.insert(absolute);
    }

    fn note_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        match tree {
            syn::UseTree::Path(path) => {
                let longer = [before, &[path.ident.to_string()]].concat();
                self.note_tree(&path.tree, &longer);
            }
            syn::UseTree::Name(name) => self.note(&[before, &[name.ident.to_string()]].concat()),
            syn::UseTree::Rename(name) => self.note(&[before, &[name.ident.to_string()]].concat()),
            syn::UseTree::Glob(_) => self.note(before),
            syn::UseTree::Group(group) => {
                for one in &group.items {
                    self.note_tree(one, before);
                }
            }
        }
    }
}

/// Whether an item is compiled for tests only.
pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.note_tree(&item.tree, &[]);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            self.within.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.within.pop();
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.note(&parts);
        visit::visit_path(self, path);
    }
}
