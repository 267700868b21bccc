//! `IdentityService`: parse, call, map.

use lutong_chassis::skin::{Mutation, Query};
use lutong_kernel::document::{DocumentType, Normalisation};
use lutong_kernel::{Fault, SubjectId, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::IdentityHandler;
use lutong_transport::access::{AnyPermit, SelfPermit};
use lutong_transport::reply;

use super::domain::{StatedDocument, StatedPerson};
use super::service::{RegistrationOutcome, Registry};

pub struct IdentityRpc(pub Registry);

impl IdentityHandler for IdentityRpc {
    async fn register_person(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::RegisterPersonRequest,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let person = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let stated = stated_person(person);
        let registered = self.0.register(&call.permit, call.request, stated).await?;
        Ok(registered.into())
    }

    async fn resolve_documents(
        &self,
        call: Query<AnyPermit>,
        message: wire::ResolveDocumentsRequest,
    ) -> Result<wire::ResolveDocumentsResponse, Fault> {
        let stated: Vec<_> = message.documents.iter().map(stated_document).collect();
        let resolutions = self.0.resolve(call.permit, &stated).await?;
        Ok(wire::ResolveDocumentsResponse {
            resolutions: resolutions.into_iter().map(resolution).collect(),
        })
    }

    async fn get_name_masks(
        &self,
        call: Query<AnyPermit>,
        message: wire::GetNameMasksRequest,
    ) -> Result<wire::GetNameMasksResponse, Fault> {
        let subjects = message.subject_ids.iter().enumerate();
        let subjects: Vec<SubjectId> = subjects
            .map(|(row, text)| reply::subject_id(text, &format!("subject_ids[{row}]")).map_err(reply::wrong))
            .collect::<Result<_, _>>()?;
        let masks = self.0.name_masks(call.permit, &subjects).await?;
        let masks = masks.into_iter().map(|(subject, mask)| wire::NameMask {
            subject_id: subject.to_string(),
            mask,
        });
        Ok(wire::GetNameMasksResponse {
            masks: masks.collect(),
        })
    }
}

/// The document type of the kernel. The contract spells it as the code table does, with a prefix.
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

fn stated_person(person: &types::PersonItems) -> StatedPerson<'_> {
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

fn resolution(outcome: Result<SubjectId, Violation>) -> wire::Resolution {
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

impl From<RegistrationOutcome> for wire::RegisterPersonResponse {
    fn from(registered: RegistrationOutcome) -> Self {
        let notes = registered.normalisations.into_iter();
        Self {
            subject_id: registered.subject.to_string(),
            normalisations: notes.map(|note| normalisation(note).into()).collect(),
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
