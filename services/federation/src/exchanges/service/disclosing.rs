//! What is given to a partner about a person: with the person's consent, and no more than was asked for. Each time stands in their ledger.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Fault, SubjectId, Timestamp, Violation};

use super::declaring::is_of_body;
use super::{Accepted, Exchanges};
use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::{Method, ReturnCode};
use crate::partners::domain::PartnerId;
use crate::peers::disclosure::DisclosedCode;
use crate::peers::identity::{Consent, NamedPerson, PartnerConsentUse, Whose};

/// What a partner is told.
#[derive(Debug, Clone)]
pub struct Disclosure {
    pub code: ReturnCode,
    /// What is wrong with the body.
    pub errors: Vec<Violation>,
    /// Absent unless the message was answered.
    pub outcome: Option<RecognitionOutcome>,
    pub decided_at: Option<Timestamp>,
    pub token: Option<(String, Timestamp)>,
    /// Under what the code is called later, by this partner alone.
    pub reference: String,
    pub at: Timestamp,
}

impl Exchanges {
    /// What the message asks of somebody whom the partner names: what is held about them, or their code.
    pub async fn disclose_named(
        &self,
        accepted: &Accepted,
        named: Result<NamedPerson, Vec<Violation>>,
    ) -> Result<Disclosure, Fault> {
        match named {
            Ok(named) => self.disclose(accepted, Whose::Named(named)).await,
            Err(wrong) => Ok(self.invalid(wrong)),
        }
    }

    /// A code that was made for the partner, as it stands now.
    pub async fn call(&self, accepted: &Accepted, reference: &str) -> Result<Disclosure, Fault> {
        match self.open_reference(accepted.partner(), reference).await? {
            Some(subject) => self.disclose(accepted, Whose::Subject(subject)).await,
            None => Ok(self.nothing(ReturnCode::ReferenceUnknown)),
        }
    }

    async fn disclose(&self, accepted: &Accepted, whose: Whose) -> Result<Disclosure, Fault> {
        if let Err(code) = self.is_agreed(accepted) {
            return Ok(self.nothing(code));
        }
        let partner = accepted.partner();
        let (wanted, is_code) = match accepted.method {
            Method::QueryHealthRecords => (PartnerConsentUse::Records, false),
            _ => (PartnerConsentUse::Code, true),
        };
        let subject = match self.peers.consent(partner, wanted, whose).await {
            Ok(Consent::Given(subject)) => subject,
            Ok(Consent::Missing) => return Ok(self.nothing(ReturnCode::NotConsented)),
            Ok(Consent::NameMismatch) => {
                return Ok(Disclosure {
                    outcome: Some(RecognitionOutcome::NameMismatch),
                    ..self.nothing(ReturnCode::Done)
                });
            }
            Err(fault) if is_of_body(&fault) => {
                return Ok(self.invalid(fault.violations));
            }
            Err(fault) => return Err(fault),
        };
        let DisclosedCode {
            outcome,
            decided_at,
            token,
        } = self.peers.disclose(partner, subject, is_code).await?;
        let reference = if is_code {
            self.reference(partner, subject).await?
        } else {
            String::new()
        };
        Ok(Disclosure {
            outcome: Some(outcome),
            decided_at,
            token,
            reference,
            ..self.nothing(ReturnCode::Done)
        })
    }

    /// The body of the message is not what it must be.
    pub fn invalid(&self, errors: Vec<Violation>) -> Disclosure {
        Disclosure {
            errors,
            ..self.nothing(ReturnCode::Invalid)
        }
    }

    fn nothing(&self, code: ReturnCode) -> Disclosure {
        Disclosure {
            code,
            errors: Vec::new(),
            outcome: None,
            decided_at: None,
            token: None,
            reference: String::new(),
            at: self.clock.now(),
        }
    }

    /// Under what a partner calls somebody's code: encrypted, so that nothing is kept, and only this partner's.
    async fn reference(&self, partner: PartnerId, subject: SubjectId) -> Result<String, Fault> {
        let cipher = self.fields.ready().await?;
        let sealed = cipher.encrypt(subject.uuid().as_bytes(), &context(partner))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    async fn open_reference(&self, partner: PartnerId, reference: &str) -> Result<Option<SubjectId>, Fault> {
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(reference) else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        let opened = cipher.decrypt(&sealed, &context(partner)).ok();
        let uuid = opened.and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok());
        Ok(uuid.map(SubjectId::from_uuid))
    }
}

fn context(partner: PartnerId) -> Vec<u8> {
    format!("exchanges/code-reference/{partner}").into_bytes()
}
