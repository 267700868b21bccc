//! `PartnerConsentService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::name::PersonName;
use lutong_kernel::{Fault, PartnerCode, PartnerConsentId, Timestamp, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::identity::v1::PartnerConsentHandler;
use lutong_transport::access::{AnyPermit, SelfPermit};
use lutong_transport::reply;
use wire::verify_partner_consent_request::Person;

use super::domain::{PartnerConsent, State, Use};
use super::service::{Named, Outcome, PartnerConsents, Whose, etag};
use crate::fault;
use crate::people::rpc::stated_document;

const COLLECTION: &str = "partner-consents";

pub struct PartnerConsentRpc(pub PartnerConsents);

impl PartnerConsentHandler for PartnerConsentRpc {
    async fn create_partner_consent(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreatePartnerConsentRequest,
    ) -> Result<wire::CreatePartnerConsentResponse, Fault> {
        let id = message.partner.strip_prefix("partners/").unwrap_or_default();
        let partner = partner(id)?;
        let uses = message.uses().map(read_use).enumerate();
        let uses = uses.map(|(row, one)| {
            one.ok_or_else(|| reply::wrong(fault::consent_use_unknown(format!("uses[{row}]"))))
        });
        let uses = uses.collect::<Result<_, _>>()?;
        let days = i64::from(message.days);
        let consent = self.0.create(call, partner, uses, days).await?;
        Ok(wire::CreatePartnerConsentResponse {
            partner_consent: Some(self.shown(&consent)),
        })
    }

    async fn list_partner_consents(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListPartnerConsentsRequest,
    ) -> Result<wire::ListPartnerConsentsResponse, Fault> {
        let (found, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListPartnerConsentsResponse {
            partner_consents: found.iter().map(|one| self.shown(one)).collect(),
            next_page_token,
        })
    }

    async fn end_partner_consent(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::EndPartnerConsentRequest,
    ) -> Result<wire::EndPartnerConsentResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION).map(PartnerConsentId::from_uuid)?;
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndPartnerConsentResponse {
            partner_consent: Some(self.shown(&ended)),
        })
    }

    async fn verify_partner_consent(
        &self,
        call: Query<AnyPermit>,
        message: wire::VerifyPartnerConsentRequest,
    ) -> Result<wire::VerifyPartnerConsentResponse, Fault> {
        let partner = partner(&message.partner)?;
        let wanted = read_use(message.r#use());
        let wanted = wanted.ok_or_else(|| reply::wrong(fault::consent_use_unknown("use".to_owned())))?;
        let whose = match message.person {
            Some(Person::SubjectId(id)) => {
                Whose::Subject(reply::subject_id(&id, "subject_id").map_err(reply::wrong)?)
            }
            named => Whose::Named(self.named(match named {
                Some(Person::Named(named)) => named,
                _ => wire::NamedPerson::default(),
            })?),
        };
        let outcome = self.0.verify(call.permit, &partner, wanted, whose).await?;
        let (outcome, subject_id) = match outcome {
            Outcome::Consented(subject) => (wire::PartnerConsentOutcome::Consented, subject.to_string()),
            Outcome::NotConsented => (wire::PartnerConsentOutcome::NotConsented, String::new()),
            Outcome::NameMismatch => (wire::PartnerConsentOutcome::NameMismatch, String::new()),
        };
        Ok(wire::VerifyPartnerConsentResponse {
            outcome: outcome.into(),
            subject_id,
        })
    }

    async fn verify_named_person(
        &self,
        call: Query<AnyPermit>,
        message: wire::VerifyNamedPersonRequest,
    ) -> Result<wire::VerifyNamedPersonResponse, Fault> {
        let named = self.named(message.named.unwrap_or_default())?;
        Ok(wire::VerifyNamedPersonResponse {
            has_other_name: self.0.has_other_name(call.permit, &named).await?,
        })
    }
}

impl PartnerConsentRpc {
    fn named(&self, stated: wire::NamedPerson) -> Result<Named, Fault> {
        let within = |wrong: Violation| reply::wrong(wrong.within("named"));
        let name = PersonName::parse(&stated.full_name).map_err(|error| within(fault::full_name(&error)))?;
        let document = stated.document.unwrap_or_default();
        let document = self.0.registry().document_index(stated_document(&document));
        let document = document.map_err(|wrong| within(wrong.within("document")))?;
        Ok(Named { name, document })
    }

    fn shown(&self, consent: &PartnerConsent) -> wire::PartnerConsent {
        let now = self.0.now();
        wire::PartnerConsent {
            name: format!("{COLLECTION}/{}", consent.id),
            partner_consent_id: consent.id.to_string(),
            state: state(consent, now).into(),
            etag: etag(consent, now).into(),
            partner: format!("partners/{}", consent.partner.as_str()),
            uses: consent.uses.iter().map(|one| shown_use(*one).into()).collect(),
            create_time: Some(instant(consent.created_at)),
            expire_time: Some(instant(consent.expires_at)),
            end_time: consent.ended_at.map(instant),
        }
    }
}

fn partner(id: &str) -> Result<PartnerCode, Fault> {
    PartnerCode::parse(id).ok_or_else(|| reply::wrong(fault::partner_shape()))
}

const fn read_use(wanted: wire::PartnerConsentUse) -> Option<Use> {
    match wanted {
        wire::PartnerConsentUse::Unspecified => None,
        wire::PartnerConsentUse::Records => Some(Use::Records),
        wire::PartnerConsentUse::Code => Some(Use::Code),
    }
}

const fn shown_use(one: Use) -> wire::PartnerConsentUse {
    match one {
        Use::Records => wire::PartnerConsentUse::Records,
        Use::Code => wire::PartnerConsentUse::Code,
    }
}

fn state(consent: &PartnerConsent, now: Timestamp) -> wire::PartnerConsentState {
    match consent.state(now) {
        State::Active => wire::PartnerConsentState::Active,
        State::Ended => wire::PartnerConsentState::Ended,
        State::Expired => wire::PartnerConsentState::Expired,
    }
}
