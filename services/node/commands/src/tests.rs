//! Checks the whole command tree against the rules that all commands follow.

use clap::{Command as Clap, CommandFactory as _};

use super::Command;

/// Nouns of the API.
const NOUNS: [&str; 16] = [
    "areas",
    "audit",
    "decisions",
    "designations",
    "fact-kinds",
    "facts",
    "history-verifications",
    "key-areas",
    "merges",
    "operations",
    "pulls",
    "recomparisons",
    "rollbacks",
    "rule-sets",
    "unplaced-areas",
    "accounts",
];

/// Read-only verbs.
const ASKING: [&str; 8] = [
    "list", "show", "count", "inspect", "watch", "replay", "diff", "kinds",
];

/// Verbs that work on local files.
const LOCAL: [(&str, &str); 4] = [
    ("channels", "check"),
    ("rule-sets", "test"),
    ("rule-sets", "lint"),
    ("areas", "diff"),
];

/// Streamed imports, whose rows are idempotent by themselves.
const STREAMS: [(&str, &str); 2] = [("areas", "import"), ("facts", "import")];

/// Mutations of resources without an etag, or that create a resource.
const WITHOUT_ETAG: [(&str, &str); 9] = [
    ("designations", "propose"),
    ("key-areas", "propose"),
    ("rollbacks", "propose"),
    ("rule-sets", "announce"),
    ("merges", "create"),
    ("recomparisons", "start"),
    ("history-verifications", "start"),
    ("pulls", "start"),
    ("operations", "cancel"),
];

fn has(command: &Clap, option: &str) -> bool {
    command
        .get_arguments()
        .any(|argument| argument.get_long() == Some(option))
}

/// Every action of every noun: `(noun, verb, command)`.
fn actions() -> Vec<(String, String, Clap)> {
    let mut root = Command::command();
    root.build();
    let mut all = Vec::new();
    for noun in root
        .get_subcommands()
        .filter(|noun| NOUNS.contains(&noun.get_name()))
    {
        for verb in noun.get_subcommands().filter(|verb| verb.get_name() != "help") {
            all.push((
                noun.get_name().to_owned(),
                verb.get_name().to_owned(),
                verb.clone(),
            ));
        }
    }
    all
}

fn is_one_of(all: &[(&str, &str)], noun: &str, verb: &str) -> bool {
    all.contains(&(noun, verb))
}

#[test]
fn the_tree_is_one_that_clap_accepts() {
    Command::command().debug_assert();
}

#[test]
fn every_noun_is_there_and_lists_shows_and_then_acts() {
    let actions = actions();
    for noun in NOUNS {
        let verbs: Vec<&str> = actions
            .iter()
            .filter(|(of, ..)| of == noun)
            .map(|(_, verb, _)| verb.as_str())
            .collect();
        assert!(!verbs.is_empty(), "{noun}");
        // Facts are only sent; there is no RPC for a single audit record or past decision.
        match noun {
            "facts" => {}
            "audit" | "decisions" => assert_eq!(verbs[0], "list", "{noun}"),
            _ => assert_eq!(verbs[..2], ["list", "show"], "{noun}"),
        }
    }
}

#[test]
fn every_list_has_pages_and_is_json_if_so_asked() {
    let mut count = 0;
    for (noun, verb, command) in actions() {
        if !["list", "inspect"].contains(&verb.as_str()) {
            continue;
        }
        for option in ["page-size", "page-token", "json"] {
            assert!(has(&command, option), "lutong {noun} {verb}: no --{option}");
        }
        count += 1;
    }
    assert_eq!(count, 16);
}

#[test]
fn every_change_can_be_sent_again_and_says_what_it_is_about() {
    for (noun, verb, command) in actions() {
        let asks = ASKING.contains(&verb.as_str()) || is_one_of(&LOCAL, &noun, &verb);
        if asks || noun == "accounts" || is_one_of(&STREAMS, &noun, &verb) {
            assert!(!has(&command, "request-id"), "lutong {noun} {verb}");
            continue;
        }
        assert!(
            has(&command, "request-id"),
            "lutong {noun} {verb}: no --request-id"
        );
        assert!(has(&command, "json"), "lutong {noun} {verb}: no --json");
        let is_new = is_one_of(&WITHOUT_ETAG, &noun, &verb) || (&*noun, &*verb) == ("audit", "verify");
        assert_eq!(has(&command, "etag"), !is_new, "lutong {noun} {verb}: --etag");
    }
}

#[test]
fn every_action_explains_itself_and_each_of_its_options() {
    for (noun, verb, mut command) in actions() {
        let help = command.render_help().to_string();
        assert!(
            command.get_about().is_some() && help.contains("Usage:"),
            "lutong {noun} {verb}"
        );
        for argument in command.get_arguments() {
            let is_told = argument.get_help().is_some() || !argument.get_possible_values().is_empty();
            assert!(is_told, "lutong {noun} {verb}: {}", argument.get_id());
        }
    }
}
