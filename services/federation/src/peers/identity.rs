//! Client of identity: whether a person lets a partner have what is held about them here.

use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::partner_consent_service_client::PartnerConsentServiceClient;
use lutong_proto::identity::v1::verify_partner_consent_request::Person;
pub use lutong_proto::identity::v1::{NamedPerson, PartnerConsentUse};
use lutong_transport::client::{self, Call};

use super::{DEADLINE, Peers};
use crate::partners::domain::PartnerId;

/// Whom a partner asks about.
#[derive(Debug, Clone)]
pub enum Whose {
    Named(NamedPerson),
    /// Somebody whose consent was found before.
    Subject(SubjectId),
}

/// Whether a partner may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given(SubjectId),
    /// Nobody is registered with this document, or they have not consented.
    Missing,
    /// They have consented, and have another name.
    NameMismatch,
}

impl Peers {
    /// Whether a person lets a partner have something now.
    pub async fn consent(
        &self,
        partner: PartnerId,
        wanted: PartnerConsentUse,
        whose: Whose,
    ) -> Result<Consent, Fault> {
        let person = match whose {
            Whose::Named(named) => Person::Named(named),
            Whose::Subject(subject) => Person::SubjectId(subject.to_string()),
        };
        let request = wire::VerifyPartnerConsentRequest {
            partner: partner.to_string(),
            r#use: wanted.into(),
            person: Some(person),
        };
        let answer = PartnerConsentServiceClient::new(self.identity.clone())
            .verify_partner_consent(Call::background(DEADLINE).request(request))
            .await
            .map_err(|status| relay(&status))?
            .into_inner();
        match answer.outcome() {
            wire::PartnerConsentOutcome::Consented => {
                let violated =
                    |error| Fault::internal(format_args!("an answer of identity about nobody: {error}"));
                answer.subject_id.parse().map(Consent::Given).map_err(violated)
            }
            wire::PartnerConsentOutcome::NameMismatch => Ok(Consent::NameMismatch),
            // What a later version of the contract may add is no consent.
            wire::PartnerConsentOutcome::NotConsented | wire::PartnerConsentOutcome::Unspecified => {
                Ok(Consent::Missing)
            }
        }
    }

    /// Whether somebody with another name is registered with the document of a person.
    pub async fn has_other_name(&self, named: NamedPerson) -> Result<bool, Fault> {
        let request = wire::VerifyNamedPersonRequest { named: Some(named) };
        let answer = PartnerConsentServiceClient::new(self.identity.clone())
            .verify_named_person(Call::background(DEADLINE).request(request))
            .await
            .map_err(|status| relay(&status))?;
        Ok(answer.into_inner().has_other_name)
    }
}

/// The person is `named` there and `person` in the body of a message.
fn relay(status: &tonic::Status) -> Fault {
    let mut fault = client::relay(status, ServiceName::Identity, "");
    for wrong in &mut fault.violations {
        if let Some(rest) = wrong.field.strip_prefix("named") {
            wrong.field = format!("person{rest}");
        }
    }
    fault
}
