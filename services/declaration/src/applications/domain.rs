//! What becomes of the statements of an application that another one replaces.

use lutong_kernel::ApplicationId;
use serde_json::Map;

use crate::declarations::domain::statement::{SELF, Statement, key};

/// Has the statements of a new application take the place of those of an earlier one: what is repeated stays as it was stated, what
/// is new of the same kind corrects what is gone, and the rest of what is gone is retracted.
pub fn replace_statements(id: ApplicationId, earlier: Vec<Statement>, new: &mut Vec<Statement>) {
    let mut gone = Vec::new();
    let mut placed = vec![false; new.len()];
    for old in earlier.into_iter().filter(|one| one.retracts.is_none()) {
        let mut candidates = new.iter().zip(&placed);
        let is_repeated = |(one, placed): (&Statement, &bool)| !placed && one.states_the_same(&old);
        match candidates.position(is_repeated) {
            Some(n) => {
                placed[n] = true;
                new[n] = old;
            }
            None => gone.push(old),
        }
    }
    let mut retracted = Vec::new();
    for old in gone {
        let mut candidates = new.iter().zip(&placed);
        match candidates.position(|(one, placed)| !placed && one.kind == old.kind) {
            Some(n) => {
                placed[n] = true;
                new[n].replaces = Some(old.key);
            }
            None => retracted.push(old),
        }
    }
    let retraction = |(n, old): (usize, Statement)| Statement {
        source: SELF.to_owned(),
        key: key(id, format_args!("retraction-{n}")),
        kind: old.kind,
        attributes: Map::new(),
        replaces: None,
        retracts: Some(old.key),
    };
    new.extend(retracted.into_iter().enumerate().map(retraction));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(n: u128) -> ApplicationId {
        ApplicationId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn statement(declaration: u128, n: u32, kind: &str, place: &str) -> Statement {
        let mut attributes = Map::new();
        attributes.insert("division".to_owned(), json!(place));
        Statement {
            source: SELF.to_owned(),
            key: key(id(declaration), n),
            kind: kind.to_owned(),
            attributes,
            replaces: None,
            retracts: None,
        }
    }

    fn replaced(earlier: &[Statement], mut new: Vec<Statement>) -> Vec<Statement> {
        replace_statements(id(2), earlier.to_vec(), &mut new);
        new
    }

    #[test]
    fn what_is_repeated_is_stated_as_before() {
        let earlier = [statement(1, 0, "stay", "370202")];
        let new = replaced(&earlier, vec![statement(2, 5, "stay", "370202")]);
        assert_eq!(new, earlier);
    }

    #[test]
    fn what_is_gone_is_corrected_by_one_of_its_kind_or_retracted() {
        let earlier = [
            statement(1, 0, "stay", "370202"),
            statement(1, 1, "stay", "370203"),
            statement(1, 2, "close_contact", ""),
        ];
        let new = vec![
            statement(2, 0, "stay", "370285"),
            statement(2, 1, "stay", "370203"),
        ];
        let [corrected, repeated, retracted] = &replaced(&earlier, new)[..] else {
            panic!("three statements")
        };
        assert_eq!(corrected.key, key(id(2), 0));
        assert_eq!(corrected.replaces.as_ref(), Some(&earlier[0].key));
        assert_eq!(repeated, &earlier[1]);
        assert_eq!(retracted.retracts.as_ref(), Some(&earlier[2].key));
        assert_eq!(retracted.source, SELF);
    }

    #[test]
    fn what_was_retracted_before_is_not_retracted_again() {
        let gone = replaced(&[statement(1, 0, "stay", "370202")], Vec::new());
        assert_eq!(gone.len(), 1);
        let mut again = Vec::new();
        replace_statements(id(3), gone, &mut again);
        assert!(again.is_empty());
    }

    #[test]
    fn two_alike_stay_two() {
        let earlier = [
            statement(1, 0, "stay", "370202"),
            statement(1, 1, "stay", "370202"),
        ];
        let new = replaced(&earlier, vec![statement(2, 0, "stay", "370202")]);
        assert_eq!(new[0], earlier[0]);
        assert_eq!(new[1].retracts.as_ref(), Some(&earlier[1].key));
    }
}
