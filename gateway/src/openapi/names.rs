//! How operations, schemas, path variables and tags are called.

use std::collections::{BTreeMap, BTreeSet};

use crate::rpc::contract::EdgeRpc;

/// The methods that more than one service has: their operations carry the service's name.
#[derive(Debug)]
pub struct OperationNames(BTreeSet<String>);

impl OperationNames {
    pub fn of(rpcs: &[&EdgeRpc]) -> Self {
        let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for rpc in rpcs {
            let service = rpc.method.parent_service().full_name().to_owned();
            services
                .entry(rpc.method.name().to_owned())
                .or_default()
                .insert(service);
        }
        services.retain(|_, services| services.len() > 1);
        Self(services.into_keys().collect())
    }

    /// `createApplication`; `identityListAuditRecords` where other services have a method of this name; `getDecision2` for
    /// the second binding of an RPC.
    pub fn id(&self, rpc: &EdgeRpc, number: u32) -> String {
        let method = rpc.method.name();
        let name = if self.0.contains(method) {
            let package = rpc
                .method
                .parent_service()
                .parent_file()
                .package_name()
                .to_owned();
            format!("{}{method}", upper_camel(service_of(&package)))
        } else {
            method.to_owned()
        };
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        if number == 1 {
            name
        } else {
            format!("{name}{number}")
        }
    }
}

/// `risk_rules` of `lutong.risk_rules.v1`.
pub fn service_of(package: &str) -> &str {
    package.split('.').nth(1).unwrap_or_default()
}

/// `risk_rules` is `RiskRules`; `key-areas` is `KeyAreas`.
pub fn upper_camel(name: &str) -> String {
    let words = name.split(['_', '-']).filter(|word| !word.is_empty());
    words
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters)
        })
        .collect()
}

/// The noun of a collection, as a variable: `key-areas` is `key_area`.
pub fn noun_of(collection: &str) -> String {
    let noun = collection.replace('-', "_");
    let plural =
        |ending: &str, singular: &str| noun.strip_suffix(ending).map(|stem| format!("{stem}{singular}"));
    plural("ies", "y")
        .or_else(|| plural("ches", "ch"))
        .or_else(|| plural("sses", "ss"))
        .or_else(|| plural("xes", "x"))
        .or_else(|| plural("s", ""))
        .unwrap_or(noun)
}

/// A collection as a heading: `key-areas` is `Key areas`.
pub fn heading_of(collection: &str) -> String {
    let words = collection.replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_has_a_noun_and_a_heading() {
        for (collection, noun) in [
            ("complaints", "complaint"),
            ("key-areas", "key_area"),
            ("batches", "batch"),
            ("supplies", "supply"),
            ("addresses", "address"),
            ("rule-sets", "rule_set"),
            ("code", "code"),
        ] {
            assert_eq!(noun_of(collection), noun);
        }
        assert_eq!(heading_of("key-areas"), "Key areas");
        assert_eq!(upper_camel("risk_rules"), "RiskRules");
    }
}
