//! `IdentityService`: parse, call, map.

use lutong_chassis::skin::{Mutation, Query};
use lutong_kernel::document::{Document, DocumentType, Normalisation};
use lutong_kernel::{Fault, SubjectId, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::identity::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::IdentityHandler;
use lutong_transport::access::{AnyPermit, DivisionPermit, SelfPermit};
use lutong_transport::reply;

use super::domain::{StatedDocument, StatedPerson};
use super::service::Registry;
use crate::bindings::service::Bindings;
use crate::one_time_codes;
use crate::registrations::service::{Outcome, Registered, Registrations};

pub struct IdentityRpc {
    pub registry: Registry,
    pub registrations: Registrations,
    pub bindings: Bindings,
}

impl IdentityHandler for IdentityRpc {
    async fn register_person(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::RegisterPersonRequest,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let person = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let stated = stated_person(person);
        let shown = message.mobile_proof.as_ref().map(one_time_codes::rpc::shown);
        let shown = shown
            .transpose()
            .map_err(|wrong| reply::wrong(wrong.within("mobile_proof")))?;
        let registered = self
            .registrations
            .register(&call.permit, call.request, stated, shown)
            .await?;
        Ok(registered.into())
    }

    async fn register_batch(
        &self,
        call: Mutation<AnyPermit>,
        message: wire::RegisterBatchRequest,
    ) -> Result<wire::RegisterBatchResponse, Fault> {
        let today = self.registrations.clock.now().local_day();
        let people = message.people.iter().map(|person| {
            // The contract leaves the bounds of each person to this service.
            person.check().map_err(|fault| fault.violations)?;
            let checked = stated_person(person).check(today);
            checked
                .map(|(person, _)| person)
                .map_err(|fault| fault.violations)
        });
        let registered = self
            .registrations
            .register_batch(
                call.permit,
                call.request,
                message.organisation_account,
                people.collect(),
            )
            .await?;
        Ok(wire::RegisterBatchResponse {
            registrations: registered.into_iter().map(batch_registration).collect(),
        })
    }

    async fn register_at_counter(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RegisterAtCounterRequest,
    ) -> Result<wire::RegisterAtCounterResponse, Fault> {
        let person = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let staff = call.grant.principal().account.clone();
        let registered =
            self.registrations
                .register_at_counter(call.permit, call.request, staff, stated_person(person));
        let (subject, notes) = registered.await?;
        Ok(wire::RegisterAtCounterResponse {
            subject_id: subject.to_string(),
            normalisations: notes.into_iter().map(|note| normalisation(note).into()).collect(),
        })
    }

    async fn get_ward(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetWardRequest,
    ) -> Result<wire::GetWardResponse, Fault> {
        let binding = reply::uuid_in("binding", &message.binding, "bindings")?;
        let ward = self.bindings.ward_to_apply_for(&call.permit, binding).await?;
        Ok(wire::GetWardResponse {
            subject_id: ward.to_string(),
        })
    }

    async fn resolve_documents(
        &self,
        call: Query<AnyPermit>,
        message: wire::ResolveDocumentsRequest,
    ) -> Result<wire::ResolveDocumentsResponse, Fault> {
        let stated: Vec<_> = message.documents.iter().map(stated_document).collect();
        let resolutions = self.registry.resolve(call.permit, &stated).await?;
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
        let masks = self.registry.name_masks(call.permit, &subjects).await?;
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

/// The contract's document type of a name in the code table.
pub fn document_type_named(name: &str) -> Option<types::DocumentType> {
    types::DocumentType::from_str_name(&format!("DOCUMENT_TYPE_{name}"))
}

/// A document as it is registered.
pub fn document(document: &Document) -> types::Document {
    let kind = document_type_named(document.kind().into_str());
    let country = document.issuing_country().map(|country| country.to_string());
    types::Document {
        r#type: kind.unwrap_or_default().into(),
        number: document.number().to_owned(),
        issuing_country: country.unwrap_or_default(),
    }
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

fn batch_registration(outcome: Result<SubjectId, Vec<Violation>>) -> wire::BatchRegistration {
    match outcome {
        Ok(subject) => wire::BatchRegistration {
            subject_id: subject.to_string(),
            errors: Vec::new(),
        },
        Err(wrong) => wire::BatchRegistration {
            subject_id: String::new(),
            errors: wrong.into_iter().map(Into::into).collect(),
        },
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

/// As the contract names it.
pub const fn normalisation(note: Normalisation) -> types::Normalisation {
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
        let answer = Self {
            normalisations: notes.map(|note| normalisation(note).into()).collect(),
            ..Self::default()
        };
        match registered.outcome {
            Outcome::Linked(subject) => Self {
                subject_id: subject.to_string(),
                ..answer
            },
            Outcome::Waiting {
                registration,
                missing,
            } => Self {
                registration_id: registration.to_string(),
                waiting_for: types::MissingProof::from(missing).into(),
                ..answer
            },
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
            assert!(named.contains(&Some(*kind)), "{kind:?}");
        }
        assert!(named.iter().all(Option::is_some));
        assert_eq!((document_type(0), document_type(17)), (None, None));
    }
}
