//! Wire to domain and back.

use lutong_kernel::document::{DocumentType, Normalisation};
use lutong_kernel::{SubjectId, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_transport::access::FeedGrant;

use crate::domain::account::Account;
use crate::domain::person::{StatedDocument, StatedPerson};
use crate::service::registry::Registered;

/// The contract spells a document type as the code table does, with a prefix.
fn document_type(value: i32) -> Option<DocumentType> {
    let name = types::DocumentType::try_from(value).ok()?.as_str_name();
    name.strip_prefix("DOCUMENT_TYPE_")?.parse().ok()
}

pub fn stated_document(document: &types::Document) -> StatedDocument<'_> {
    let types::Document {
        r#type,
        number,
        issuing_country,
    } = document;
    StatedDocument {
        kind: document_type(*r#type),
        number,
        issuing_country,
    }
}

pub fn stated_person(person: &types::PersonItems) -> StatedPerson<'_> {
    let types::PersonItems {
        full_name,
        document,
        mobile,
        nationality,
        home_address,
    } = person;
    StatedPerson {
        full_name,
        document: document.as_ref().map(stated_document),
        mobile,
        nationality,
        home: home_address
            .as_ref()
            .map(|home| (home.division.as_str(), home.detail.as_str())),
    }
}

pub fn resolution(outcome: Result<SubjectId, Violation>) -> wire::Resolution {
    let outcome = match outcome {
        Ok(subject) => wire::resolution::Outcome::SubjectId(subject.to_string()),
        Err(wrong) => {
            let wrong = wrong.within("document");
            wire::resolution::Outcome::Error(wrong.into())
        }
    };
    wire::Resolution {
        outcome: Some(outcome),
    }
}

const fn normalisation(note: Normalisation) -> types::Normalisation {
    match note {
        Normalisation::HalfWidth => types::Normalisation::HalfWidth,
        Normalisation::SeparatorsRemoved => types::Normalisation::SeparatorsRemoved,
        Normalisation::UpperCase => types::Normalisation::UpperCase,
        Normalisation::FifteenToEighteen => types::Normalisation::FifteenToEighteen,
    }
}

impl From<Registered> for wire::RegisterPersonResponse {
    fn from(registered: Registered) -> Self {
        let notes = registered.normalisations.into_iter();
        Self {
            subject_id: registered.subject.to_string(),
            normalisations: notes.map(|note| normalisation(note).into()).collect(),
        }
    }
}

pub fn feed(feed: FeedGrant) -> wire::FeedGrant {
    wire::FeedGrant {
        source: feed.source,
        kinds: feed.kinds,
        divisions: feed.divisions.iter().map(ToString::to_string).collect(),
    }
}

impl From<Account> for wire::Account {
    fn from(account: Account) -> Self {
        let Account {
            id,
            roles,
            subject,
            division,
            feed,
            version,
        } = account;
        Self {
            account_id: id.as_str().to_owned(),
            subject_id: subject.map(|subject| subject.to_string()).unwrap_or_default(),
            roles: roles.iter().map(i32::from).collect(),
            division: division.map(|division| division.to_string()).unwrap_or_default(),
            feed: feed.map(self::feed),
            version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_type_of_the_contract_is_one_of_the_code_table_and_the_other_way_round() {
        let named: Vec<_> = (1..=16).map(document_type).collect();
        for kind in DocumentType::ALL {
            assert!(named.contains(&Some(kind)), "{kind:?}");
        }
        assert!(named.iter().all(Option::is_some));
        assert_eq!((document_type(0), document_type(17)), (None, None));
    }
}
