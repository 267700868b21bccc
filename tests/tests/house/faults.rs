//! The catalogues of errors: what a service answers is made in its `fault.rs` and nowhere else, and its reasons are those of the
//! contract.

mod catalogue;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lutong_proto::{errors, policy};

use crate::imports::of_crate;
use catalogue::{Catalogue, catalogue, constructions, made_here};

const SERVICES: [&str; 6] = [
    "code-rendering",
    "complaint",
    "declaration",
    "federation",
    "identity",
    "risk-rules",
];

/// Reasons that no RPC answers: operators' commands that change a database themselves show them.
const OF_COMMANDS: [(&str, &str); 2] = [("identity", "ACCOUNT_NOT_FOUND"), ("identity", "ACCOUNT_EXISTS")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn source_of(part: &str) -> PathBuf {
    match part {
        "gateway" => root().join("gateway/src"),
        service => root().join("services").join(service).join("src"),
    }
}

/// The files of a folder that are no tests, parsed, by their path within it.
fn parsed(folder: &Path) -> BTreeMap<String, syn::File> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    files
}

fn collect(source: &Path, folder: &Path, files: &mut BTreeMap<String, syn::File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            collect(source, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            let within = path.strip_prefix(source).unwrap().display().to_string();
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{within}: {error}"));
            files.insert(within, parsed);
        }
    }
}

fn is_catalogue(file: &str) -> bool {
    file == "fault.rs" || file.starts_with("fault/")
}

fn catalogue_of(part: &str) -> Catalogue {
    let files = parsed(&source_of(part));
    catalogue(
        files
            .iter()
            .filter(|(file, _)| is_catalogue(file))
            .map(|(_, file)| file),
    )
}

/// The reasons of the faults that the kernel and the chassis make for every service.
fn shared() -> BTreeSet<String> {
    let folders = ["services/kernel/src", "services/chassis/src"];
    let chassis = ["storage", "transport", "operating"].map(|one| format!("services/chassis/{one}/src"));
    let mut found = BTreeSet::new();
    for folder in folders.into_iter().map(str::to_owned).chain(chassis) {
        for file in parsed(&root().join(folder)).values() {
            found.extend(made_here(file));
        }
    }
    found
}

fn service_of(package: &str) -> String {
    let name = package.split('.').nth(1).unwrap_or_default();
    name.replace('_', "-")
}

/// The reasons that the contract lists for the RPCs of a service.
fn listed(service: &str) -> BTreeSet<&'static str> {
    let ledger = errors::ledger().unwrap();
    let own = ledger.iter().filter(|line| service_of(line.rpc) == service);
    own.map(|line| line.reason).collect()
}

/// The reasons of the RPCs that a service may call, which it may pass on.
fn passed_on(service: &str) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    for rpc in policy::rpcs(lutong_proto::descriptor_pool()).unwrap() {
        let callers = rpc.access.callers().map(|caller| caller.as_str_name());
        let names: Vec<_> = callers
            .map(|name| {
                name.trim_start_matches("CALLER_")
                    .to_lowercase()
                    .replace('_', "-")
            })
            .collect();
        if service_of(&rpc.package) != service && names.iter().any(|name| name == service) {
            reasons.extend(errors::listed(&rpc.method).unwrap());
        }
    }
    reasons
}

/// What is wrong with the catalogue of a service whose RPCs list `listed`; `others` are the reasons that others make.
fn compare(catalogue: &Catalogue, listed: &BTreeSet<&str>, others: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for reason in listed {
        if !catalogue.faults.contains_key(*reason) && !others.contains(*reason) {
            wrong.push(format!("{reason} is listed and not in the catalogue"));
        }
    }
    for (reason, times) in &catalogue.faults {
        if *times != 1 {
            wrong.push(format!("{reason} is written {times} times"));
        }
        if !listed.contains(&**reason) {
            wrong.push(format!("{reason} is in the catalogue and not listed"));
        }
    }
    let stray = catalogue.stray.iter();
    wrong.extend(stray.map(|reason| format!("{reason} is of no fault and of no violation")));
    wrong
}

#[test]
fn errors_are_made_in_the_catalogues_and_nowhere_else() {
    let mut wrong = Vec::new();
    let mut made = 0;
    for part in SERVICES.into_iter().chain(["gateway"]) {
        for (file, parsed) in parsed(&source_of(part)) {
            match constructions(&parsed) {
                count if is_catalogue(&file) => made += count,
                0 => {}
                count => wrong.push(format!("{part}: {file} makes {count}")),
            }
        }
    }
    assert!(made > 100, "only {made} were read");
    assert!(
        wrong.is_empty(),
        "faults and violations outside fault.rs: {wrong:#?}"
    );
}

#[test]
fn the_catalogue_of_a_service_has_the_reasons_of_its_rpcs() {
    let common = errors::common().into_iter().map(str::to_owned);
    let shared: BTreeSet<String> = common.chain(shared()).collect();
    let mut wrong = Vec::new();
    for service in SERVICES {
        let others = shared.union(&passed_on(service)).cloned().collect();
        let mut listed = listed(service);
        assert!(!listed.is_empty(), "{service}");
        let of_commands = OF_COMMANDS.iter().filter(|(one, _)| *one == service);
        listed.extend(of_commands.map(|(_, reason)| *reason));
        let catalogue = catalogue_of(service);
        wrong.extend(
            compare(&catalogue, &listed, &others)
                .into_iter()
                .map(|what| format!("{service}: {what}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reasons_of_the_edge_are_those_of_its_description() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let described = read("gateway/README.md") + &read("gateway/src/openapi/errors.rs");
    let catalogue = catalogue_of("gateway");
    let words: BTreeSet<&str> = described
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .collect();
    let listed: BTreeSet<&str> = words.into_iter().chain(errors::common()).collect();
    assert!(catalogue.faults.len() > 15, "{catalogue:?}");
    // The description has the reasons of services, too: only one direction holds.
    let wrong = compare(
        &catalogue,
        &listed,
        &listed.iter().map(|one| (*one).to_owned()).collect(),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_catalogue_names_domains_only() {
    let mut wrong = Vec::new();
    for part in SERVICES.into_iter().chain(["gateway"]) {
        let graph = of_crate(&source_of(part));
        let own = |module: &str| module.split("::").next() == Some("fault");
        assert!(graph.keys().any(|module| own(module)), "{part} has no catalogue");
        for (module, named) in graph.iter().filter(|(module, _)| own(module)) {
            let others = named
                .iter()
                .filter(|other| !own(other) && !other.split("::").any(|segment| segment == "domain"));
            wrong.extend(others.map(|other| format!("{part}: {module} names {other}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_fault_outside_a_catalogue_is_found_wherever_it_stands() {
    let count = |text: &str| constructions(&syn::parse_file(text).unwrap());
    assert_eq!(count("fn a() { Err(Fault::new(code, \"A\", zh, en)) }"), 1);
    assert_eq!(
        count("fn a() { f(|| lutong_kernel::Violation::new(a, b, c, d)) }"),
        1
    );
    assert_eq!(
        count("fn a() { Fault::invalid(vec![Violation::new(a, b, c, d), x]) }"),
        1
    );
    assert_eq!(count("fn a() { Violation { field, reason, zh, en } }"), 1);
    assert_eq!(
        count("fn a() { let Fault { reason, .. } = fault; Problem::new(fault) }"),
        0
    );
    assert_eq!(
        count("#[cfg(test)] mod tests { fn a() { Fault::new(a, b, c, d) } }"),
        0
    );
}

#[test]
fn a_reason_that_is_missing_repeated_unlisted_or_stray_is_found() {
    let read = |text: &str| catalogue([syn::parse_file(text).unwrap()].iter());
    let right = "fn a() -> Fault { Fault::new(FaultCode::NotFound, \"A_NOT_FOUND\", \"没有\", \"no\") }
        fn b() -> Violation { Violation::new(\"b\", \"B_SHAPE\", \"错\", \"wrong\") }
        fn c() -> Fault { both(\"C_LARGE\").violation(Violation::new(\"c\", \"C_LARGE\", \"大\", \"large\")) }";
    let others = BTreeSet::from(["STALE".to_owned()]);
    let listed = BTreeSet::from(["A_NOT_FOUND", "C_LARGE", "STALE"]);
    let wrong = |text: &str| compare(&read(text), &listed, &others);
    assert_eq!(wrong(right), Vec::<String>::new());
    assert_eq!(read(right).fields.len(), 2);
    let planted = |text: &str| wrong(&format!("{right} {text}"));
    assert_eq!(
        planted("fn d() -> Fault { Fault::new(FaultCode::NotFound, \"A_NOT_FOUND\", \"\", \"\") }"),
        ["A_NOT_FOUND is written 2 times"]
    );
    assert_eq!(
        planted("fn d() -> Fault { Fault::new(FaultCode::NotFound, \"D_NOT_FOUND\", \"\", \"\") }"),
        ["D_NOT_FOUND is in the catalogue and not listed"]
    );
    assert_eq!(
        planted("const D: &str = \"D_SHAPE\";"),
        ["D_SHAPE is of no fault and of no violation"]
    );
    assert_eq!(
        wrong(&right.replace("A_NOT_FOUND", "a")),
        ["A_NOT_FOUND is listed and not in the catalogue"]
    );
}
