//! Checks the services' schemas: released steps do not change, and both engines have the same tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Digests of the released steps, `SHA-256  path`: a new step adds a line, and no line changes.
const RELEASED: &str = include_str!("released-steps.txt");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files of all steps, by path from the root.
fn steps() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&root().join("services"), &mut found);
    assert!(found.len() >= 24, "{found:?}");
    found
}

/// Collects the files below every folder named `migrations`.
fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if path.is_dir() {
            collect(&path, found);
        } else if name.contains("/migrations/") && !name.contains("/src/") {
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn digest(path: &str) -> String {
    let output = Command::new("sha256sum").arg(root().join(path)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_released_step_is_never_edited() {
    let released: BTreeMap<&str, &str> = RELEASED
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(digest, path)| (path, digest))
        .collect();
    for path in steps().keys() {
        let known = released.get(path.as_str());
        let known = known.unwrap_or_else(|| panic!("{path}: a new step has a line in released-steps.txt"));
        assert_eq!(
            digest(path),
            *known,
            "{path} was released: what changes is a step of its own"
        );
    }
    for path in released.keys() {
        assert!(root().join(path).exists(), "{path} was released and is gone");
    }
}

/// The tables with their columns, without partitions.
fn tables(sql: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::new();
    let mut lines = sql.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line
            .strip_prefix("CREATE TABLE ")
            .and_then(|rest| rest.strip_suffix(" ("))
        else {
            continue;
        };
        let body = lines.by_ref().take_while(|line| !line.starts_with(')'));
        let words = body.filter_map(|line| line.split_whitespace().next());
        // A column named like a keyword is quoted.
        let words = words.map(|word| word.trim_matches('"'));
        let columns = words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        tables.insert(name.to_owned(), columns.map(str::to_owned).collect());
    }
    tables
}

#[test]
fn both_engines_have_the_same_steps_tables_and_columns() {
    let steps = steps();
    for (path, sql) in &steps {
        let (one, other) = if path.contains("/sqlite/") {
            ("/sqlite/", "/postgres/")
        } else {
            ("/postgres/", "/sqlite/")
        };
        let twin = path.replace(one, other);
        let twin_sql = steps.get(&twin).unwrap_or_else(|| panic!("{path} has no {twin}"));
        let found = tables(sql);
        assert!(!found.is_empty() || !sql.contains("CREATE TABLE"), "{path}");
        assert_eq!(found, tables(twin_sql), "{path}");
    }
}
