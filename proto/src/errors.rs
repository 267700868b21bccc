//! The error reasons that the contract promises: those that the comment of an RPC lists, those that every RPC may answer,
//! and the ledger of the tests that produce them. The test bed of the chassis holds every answer to them.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DescriptorPool, MethodDescriptor};

/// Begins the paragraph of an RPC's comment that lists its reasons.
const MARK: &str = "Errors:";
/// What the paragraph says of an RPC that has no reason of its own.
const NONE: &str = "none of its own";

/// Where the reasons of every RPC are listed.
const README: &str = include_str!("../README.md");
/// Which code the other reasons have.
const CODES: &str = include_str!("../codes.txt");
/// Which test produces which reason.
const LEDGER: &str = include_str!("../reasons.txt");

/// What is wrong with a comment, the README or the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListError {
    /// The RPC, or the line of the file.
    pub place: String,
    pub what: String,
}

impl std::fmt::Display for ListError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for ListError {}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// `lutong.identity.v1.IdentityService/RegisterPerson`.
    pub rpc: &'static str,
    pub reason: &'static str,
    pub by: Producer,
}

/// Who produces a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Producer {
    /// A contract test, by its package and name.
    Test {
        package: &'static str,
        name: &'static str,
    },
    /// Nobody yet, and why.
    Nobody { why: &'static str },
}

/// The reasons that the comment of an RPC lists: every item of its `Errors:` paragraph, without what stands in
/// parentheses. An item is a reason, `as <another RPC of the service>`, or `none of its own`; anything else is an error.
pub fn listed(method: &MethodDescriptor) -> Result<BTreeSet<String>, ListError> {
    let wrong = |what: String| ListError {
        place: method.full_name().to_owned(),
        what,
    };
    let comment = comment_of(method);
    let mut paragraphs = comment
        .split("\n\n")
        .filter_map(|paragraph| paragraph.trim().strip_prefix(MARK));
    let (Some(list), None) = (paragraphs.next(), paragraphs.next()) else {
        return Err(wrong(format!(
            "the comment has not exactly one paragraph `{MARK} …`"
        )));
    };
    let list = without_parentheses(list).ok_or_else(|| wrong("parentheses do not match".to_owned()))?;
    let list = list
        .trim()
        .strip_suffix('.')
        .ok_or_else(|| wrong("the list does not end with a full stop".to_owned()))?;
    let mut reasons = BTreeSet::new();
    for item in list.split(';').map(str::trim) {
        if let Some(name) = item.strip_prefix("as ") {
            let service = method.parent_service();
            let other = service
                .methods()
                .find(|other| other.name() == name && other != method);
            let other =
                other.ok_or_else(|| wrong(format!("there is no other RPC {name:?} in the service")))?;
            reasons.extend(listed(&other)?);
        } else if is_reason(item) {
            reasons.insert(item.to_owned());
        } else if item != NONE {
            return Err(wrong(format!("{item:?} is no reason")));
        }
    }
    Ok(reasons)
}

/// The reasons that every RPC may answer without listing them.
pub fn common() -> BTreeSet<&'static str> {
    common_in(README).collect()
}

/// The first cells of the table below the README's heading `Reasons of every RPC`.
fn common_in(readme: &str) -> impl Iterator<Item = &str> {
    let section = readme
        .split_once("## Reasons of every RPC")
        .map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(reason, _)| reason)
}

/// The gRPC code that a reason has wherever it is answered, as `google.rpc.Code` names it; none when no list has the reason.
pub fn code(reason: &str) -> Option<&'static str> {
    static ALL: std::sync::OnceLock<BTreeMap<&'static str, &'static str>> = std::sync::OnceLock::new();
    let all = ALL.get_or_init(|| codes_in(CODES).chain(common_codes_in(README)).collect());
    all.get(reason).copied()
}

fn codes_in(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
}

/// The first two cells of the same table.
fn common_codes_in(readme: &str) -> impl Iterator<Item = (&str, &str)> {
    let section = readme
        .split_once("## Reasons of every RPC")
        .map_or("", |(_, rest)| rest);
    section.lines().filter_map(|line| {
        let (reason, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((reason, rest.split_once(" |")?.0))
    })
}

/// Every line of the ledger: RPC, reason, then package and test, or `-` and why nobody produces it yet.
pub fn ledger() -> Result<Vec<Produced>, ListError> {
    let lines = LEDGER.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, number)| entry(line, number)).collect()
}

fn entry(line: &'static str, number: u32) -> Result<Produced, ListError> {
    let words: Vec<&'static str> = line.splitn(4, ' ').collect();
    let by = match words[..] {
        [_, _, "-", why] => Producer::Nobody { why },
        [_, _, package, name] => Producer::Test { package, name },
        _ => {
            return Err(ListError {
                place: format!("reasons.txt:{number}"),
                what: "a line is: rpc reason package test".to_owned(),
            });
        }
    };
    Ok(Produced {
        rpc: words[0],
        reason: words[1],
        by,
    })
}

/// An RPC by its name in the ledger.
pub fn method(pool: &DescriptorPool, rpc: &str) -> Option<MethodDescriptor> {
    let (service, name) = rpc.split_once('/')?;
    let service = pool.get_service_by_name(service)?;
    service.methods().find(|method| method.name() == name)
}

/// `UPPER_SNAKE`.
fn is_reason(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn without_parentheses(text: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut outside = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    (depth == 0).then_some(outside)
}

/// The comment above an RPC; paragraphs stay apart, lines are joined.
fn comment_of(method: &MethodDescriptor) -> String {
    let file = method.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|one| one.path == method.path()));
    let comment = location.map_or("", |location| location.leading_comments());
    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty()).map(|lines| lines.join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rpc: &str) -> Vec<String> {
        let method = method(crate::descriptor_pool(), rpc).unwrap();
        listed(&method).unwrap().into_iter().collect()
    }

    #[test]
    fn every_rpc_of_the_contract_lists_its_reasons() {
        for rpc in crate::policy::rpcs(crate::descriptor_pool()).unwrap() {
            listed(&rpc.method).unwrap();
        }
        assert_eq!(
            of("lutong.complaint.v1.ComplaintService/GetComplaint"),
            ["COMPLAINT_NOT_FOUND", "INVALID_FIELDS"]
        );
        assert!(of("lutong.risk_rules.v1.DesignationService/CountDesignations").is_empty());
    }

    #[test]
    fn every_listed_reason_has_exactly_one_code() {
        let mut listed_somewhere = common();
        let rpcs = crate::policy::rpcs(crate::descriptor_pool()).unwrap();
        let listed: BTreeSet<String> = rpcs.iter().flat_map(|rpc| listed(&rpc.method).unwrap()).collect();
        let without: Vec<&String> = listed.iter().filter(|reason| code(reason).is_none()).collect();
        assert!(
            without.is_empty(),
            "without a line in proto/codes.txt: {without:?}"
        );
        listed_somewhere.extend(listed.iter().map(String::as_str));
        let mut seen = BTreeSet::new();
        for (reason, code) in codes_in(CODES).chain(common_codes_in(README)) {
            assert!(seen.insert(reason), "{reason} has two codes");
            assert!(
                listed_somewhere.contains(reason),
                "{reason} is listed nowhere: take its line away"
            );
            assert!(is_reason(code), "{reason} {code}");
        }
    }

    #[test]
    fn what_stands_in_parentheses_is_an_explanation() {
        assert_eq!(without_parentheses("A (b; c (d)); E").as_deref(), Some("A ; E"));
        for bad in ["A (b", "A) b"] {
            assert_eq!(without_parentheses(bad), None, "{bad}");
        }
        assert!(is_reason("INVALID_FIELDS") && !is_reason("Invalid") && !is_reason("") && !is_reason("A B"));
    }

    #[test]
    fn the_common_reasons_are_those_of_the_table() {
        let readme =
            "| `NO` | x |\n## Reasons of every RPC\n| reason |\n| --- |\n| `A_B` | x |\n## Other\n| `NO` |";
        assert_eq!(common_in(readme).collect::<Vec<_>>(), ["A_B"]);
        assert!(common().contains("NOT_PERMITTED"));
    }
}
