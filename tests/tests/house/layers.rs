//! Checks the layers of the services, and that no modules depend on each other cyclically.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::imports::{Module, of_crate};

/// The layers of a service from the lowest to the highest. A module names modules of its own layer and of lower ones. The errors
/// (`fault`) lie beside the domain, so that a domain answers them and they name what a domain found wrong. Clients of other services
/// (`peers`) and a service's own events lie below the use cases (`service`); the RPC handlers are the highest.
const LAYERS: [&[&str]; 8] = [
    &["fault", "domain"],
    &["store"],
    &["events"],
    &["peers"],
    &["https"],
    &["config"],
    &["service"],
    &["rpc"],
];

fn position(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The source folders of all product crates, by folder name: `identity`, `risk-rules`, `risk-rules/engine`.
fn crates() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in ["services", "gateway", "proto"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() >= 15, "only {found:?} were found");
    found
}

/// The crates below a folder; crates may be nested.
fn collect(folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    if folder.join("Cargo.toml").exists() {
        let name = folder.strip_prefix(root()).unwrap().display().to_string();
        let name = name.trim_start_matches("services/").to_owned();
        found.insert(name, folder.join("src"));
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "src") {
            collect(&path, found);
        }
    }
}

/// The layer of a module: the first segment of its path that names one. In a service organised by layer that is the
/// first segment (`store::areas`), in one organised by capability the segment after the capability
/// (`areas::store::notices`).
fn layer_of(module: &str) -> Option<usize> {
    module.split("::").find_map(position)
}

/// Whether the crate has the layers of a service: at least a store and a domain.
fn is_layered(graph: &BTreeMap<Module, BTreeSet<Module>>) -> bool {
    let has = |layer: &str| {
        graph
            .keys()
            .any(|module| module.split("::").any(|part| part == layer))
    };
    has("store") && has("domain")
}

#[test]
fn a_layer_is_found_by_its_segment_whichever_comes_first() {
    for (module, layer) in [
        ("store", Some("store")),
        ("store::areas", Some("store")),
        ("areas::store", Some("store")),
        ("areas::store::notices", Some("store")),
        ("areas::rpc::places", Some("rpc")),
        ("peers::feeds", Some("peers")),
        ("fault::areas", Some("domain")),
        ("migrations::m0001_first", None),
        ("areas", None),
    ] {
        assert_eq!(layer_of(module), layer.and_then(position), "{module}");
    }
}

#[test]
fn every_layer_of_a_service_names_only_those_below_it() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for (service, source) in crates() {
        let graph = of_crate(&source);
        if !is_layered(&graph) {
            continue;
        }
        for (module, named) in graph {
            let Some(own) = layer_of(&module) else { continue };
            for other in named {
                let Some(layer) = layer_of(&other) else { continue };
                arrows += 1;
                if layer > own {
                    wrong.push(format!("{service}: {module} names {other}"));
                }
            }
        }
    }
    assert!(arrows > 200, "only {arrows} arrows were read");
    assert!(wrong.is_empty(), "these name a higher layer: {wrong:#?}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles: Vec<_> = crates()
        .into_iter()
        .flat_map(|(name, source)| {
            let circles = circles_of(&of_crate(&source)).into_iter();
            circles.map(move |circle| (name.clone(), circle))
        })
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// Whether one module contains the other: a module and its submodules belong together.
fn are_one_room(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with("::"))
    };
    within(one, other) || within(other, one)
}

fn reached(graph: &BTreeMap<Module, BTreeSet<Module>>, from: &str) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        for other in graph.get(&module).into_iter().flatten() {
            if !are_one_room(&module, other) && found.insert(other.clone()) {
                next.push(other.clone());
            }
        }
    }
    found
}

/// The cycles: groups of modules that reach each other.
fn circles_of(graph: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Vec<Module>> {
    let all: BTreeMap<_, _> = graph
        .keys()
        .map(|module| (module.clone(), reached(graph, module)))
        .collect();
    let in_circle = all.iter().filter(|(module, reached)| reached.contains(*module));
    in_circle
        .map(|(module, reached)| {
            let back = |other: &&Module| all[*other].contains(module);
            reached.iter().filter(back).cloned().collect()
        })
        .collect()
}

#[test]
fn a_circle_is_found_and_a_line_is_none() {
    let graph = |arrows: &[(&str, &str)]| {
        let mut graph: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (from, to) in arrows {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        graph
    };
    assert!(circles_of(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert!(circles_of(&graph(&[("a", "a::b"), ("a::b", "a")])).is_empty());
    let circle = circles_of(&graph(&[("a", "b"), ("b", "c"), ("c", "b")]));
    assert_eq!(circle.into_iter().collect::<Vec<_>>(), [["b", "c"]]);
}
