//! Which cases test a clause, as a table that is kept beside the code (`coverage.csv`): what changes in it is seen in a review.

use strum::VariantArray as _;

use crate::cases::Case;
use crate::clauses::Clause;

/// The table, CSV: a line a clause.
pub fn table() -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["clause", "source", "text", "must", "should", "untested"])?;
    for clause in Clause::VARIANTS {
        let about = clause.about();
        let of = |level| {
            let cases = Case::VARIANTS.iter().map(|case| case.about());
            let cases = cases.filter(|case| case.level == level && case.clauses.contains(clause));
            cases.map(|case| case.id).collect::<Vec<_>>().join(" ")
        };
        let (must, should) = (of(crate::cases::Level::Must), of(crate::cases::Level::Should));
        table.write_record([about.id, about.source, about.text, &must, &should, about.untested])?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `LUTONG_TEST_RECORD=1` writes it anew.
    #[test]
    fn the_table_of_clauses_and_cases_is_the_one_that_was_reviewed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/coverage.csv");
        let now = String::from_utf8(table().unwrap()).unwrap();
        if std::env::var_os("LUTONG_TEST_RECORD").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), now);
    }

    #[test]
    fn each_clause_is_tested_or_says_why_not() {
        let mut ids = BTreeSet::new();
        for clause in Clause::VARIANTS {
            let about = clause.about();
            let is_tested = Case::VARIANTS
                .iter()
                .any(|case| case.about().clauses.contains(clause));
            assert_eq!(is_tested, about.untested.is_empty(), "{}", about.id);
            assert!(ids.insert(about.id), "{} is there twice", about.id);
        }
    }

    /// What the contract calls an exchange is what the kit sends.
    #[test]
    fn each_exchange_is_a_method_of_the_contract_at_its_path() {
        let pool = lutong_proto::descriptor_pool();
        for exchange in crate::exchange::Exchange::VARIANTS {
            let (service, method) = exchange.method().rsplit_once('/').unwrap();
            let service = pool.get_service_by_name(service).unwrap();
            let method = service.methods().find(|one| one.name() == method);
            let method = method.unwrap_or_else(|| panic!("{}", exchange.method()));
            let named = heck_of(method.name());
            let name: &str = exchange.into_str();
            assert_eq!(named, name);
        }
    }

    /// `PullChanges` as `PULL_CHANGES`.
    fn heck_of(name: &str) -> String {
        let mut words = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !words.is_empty() {
                words.push('_');
            }
            words.push(c.to_ascii_uppercase());
        }
        words
    }
}
