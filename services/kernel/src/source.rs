//! Names of whoever states facts.

/// First words of the sources that are no feed's: people themselves, other provinces' codes, officers. Each of them has a
/// way of its own to take back what it stated.
const RESERVED: [&str; 4] = ["self", "federation", "partner", "officer"];

/// The reserved word that a source's name begins with, if it is no feed's.
pub fn reserved(source: &str) -> Option<&'static str> {
    let first = source.split('-').next().unwrap_or_default();
    RESERVED.into_iter().find(|word| *word == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_partners_and_officers_are_no_feeds() {
        for source in ["self", "federation", "partner-32", "officer-370202"] {
            assert!(reserved(source).is_some(), "{source}");
        }
        for source in ["cdc-370200", "selfservice-1", "epidemic-database"] {
            assert_eq!(reserved(source), None);
        }
    }
}
