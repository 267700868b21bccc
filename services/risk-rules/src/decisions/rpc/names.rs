//! Resource names of decisions. The bounds of the contract have checked their shape.

use lutong_kernel::{Fault, SubjectId};
use lutong_transport::reply;

use crate::fault;

/// `subjects/{subject_id}/decisions/{version}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionName {
    /// `None`: `me`.
    pub subject: Option<SubjectId>,
    /// `None`: `latest`.
    pub version: Option<i64>,
}

/// Parses the name of a decision.
pub fn decision_of(name: &str) -> Result<DecisionName, Fault> {
    let parse = || {
        let [collection, subject, of, version] =
            <[&str; 4]>::try_from(name.split('/').collect::<Vec<_>>()).ok()?;
        if (collection, of) != ("subjects", "decisions") {
            return None;
        }
        let subject = match subject {
            "me" => None,
            id => Some(id.parse::<SubjectId>().ok()?),
        };
        let version = match version {
            "latest" => None,
            // Only the canonical spelling is accepted.
            text => Some(
                text.parse::<i64>()
                    .ok()
                    .filter(|one| *one > 0 && one.to_string() == text)?,
            ),
        };
        Some(DecisionName { subject, version })
    };
    parse().ok_or_else(no_decision)
}

/// The fault of a name that is not the name of a decision.
pub fn no_decision() -> Fault {
    reply::wrong(fault::decisions::decision_name_shape())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_named_by_subject_and_version_in_one_spelling() {
        let id = "00000000-0000-7000-8000-000000000001";
        let named = decision_of(&format!("subjects/{id}/decisions/7")).unwrap();
        assert_eq!((named.subject, named.version), (id.parse().ok(), Some(7)));
        let own = decision_of("subjects/me/decisions/latest").unwrap();
        assert_eq!((own.subject, own.version), (None, None));
        for bad in [
            "",
            "7",
            "subjects/me",
            "subjects/me/decisions/0",
            "subjects/me/decisions/07",
            "subjects/me/decisions/-1",
            "subjects/x/decisions/1",
            "decisions/me/subjects/1",
            "subjects/me/decisions/1/2",
        ] {
            assert!(decision_of(bad).is_err(), "{bad}");
        }
    }
}
