//! Registers people for accounts, as far as these have proved who they are.

pub mod claimant;
mod registration;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lutong_chassis::{Foundation, Store};
use lutong_kernel::document::Normalisation;
use lutong_kernel::{Clock, Fault, MissingProof, Random, SubjectId};
use lutong_storage::batch::Batcher;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency::{self, RequestKey};
use lutong_storage::outbox::Outbox;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::SelfPermit;
use uuid::Uuid;

use self::claimant::Claimant;
use self::registration::Registration;
use super::domain::{Evidence, RealName, Requirement};
use super::store::{self, WaitingRegistration};
use crate::accounts::domain::AccountId;
use crate::fault;
use crate::messages::{Messages, Notice};
use crate::one_time_codes::domain::Purpose;
use crate::one_time_codes::service::{OneTimeCodes, ShownCode};
use crate::peers::real_name::RealNameCheck;
use crate::people::domain::{Person, StatedPerson};
use crate::people::service::Registry;
use crate::people::store::DocumentIndex;

/// What registrations are decided with; cheap to clone.
#[derive(Clone)]
pub struct Registrations {
    pub database: Database,
    pub fields: FieldCipher,
    pub clock: Arc<dyn Clock>,
    pub check: RealNameCheck,
    pub messages: Messages,
    /// When the authority is asked again that did not answer.
    pub retry: Duration,
    pub outbox: Outbox,
    pub registry: Registry,
    pub codes: OneTimeCodes,
    pub random: Arc<dyn Random>,
    /// Whether accounts of no channel are those of the development identity provider.
    is_development: bool,
    batcher: Arc<OnceLock<Batcher<Registration, Result<Decided, Fault>>>>,
}

/// What registrations are built of.
pub struct Parts {
    pub registry: Registry,
    pub codes: OneTimeCodes,
    pub check: RealNameCheck,
    pub messages: Messages,
    /// When the authority is asked again that did not answer.
    pub retry: Duration,
    pub outbox: Outbox,
    pub is_development: bool,
}

/// Whom the account is linked to, or what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Linked(SubjectId),
    Waiting {
        registration: Uuid,
        missing: MissingProof,
    },
}

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub outcome: Outcome,
    pub normalisations: Vec<Normalisation>,
}

/// What a transaction decided, and whom to tell afterwards.
#[derive(Debug, Clone)]
pub struct Decided {
    pub outcome: Outcome,
    tell: Option<Notice>,
}

impl Registrations {
    pub fn new(store: &Store, foundation: &Foundation, parts: Parts) -> Self {
        let Parts {
            registry,
            codes,
            check,
            messages,
            retry,
            outbox,
            is_development,
        } = parts;
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            check,
            messages,
            retry,
            outbox,
            registry,
            codes,
            is_development,
            batcher: Arc::default(),
        }
    }

    /// Registers the person, or finds the one with the same document, and links the caller's account to them or says what is missing.
    pub async fn register(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        stated: StatedPerson<'_>,
        shown: Option<ShownCode>,
    ) -> Result<Registered, Fault> {
        let now = self.clock.now();
        let (person, normalisations) = stated.check(now.local_day()).map_err(in_person)?;
        let account = AccountId::parse(permit.account()).map_err(|wrong| Fault::invalid(vec![wrong]))?;
        // Proofs are of the moment: a repeated request is answered without them.
        if let Some(answer) = idempotency::stored_answer(self.database.reader(), &request).await? {
            let outcome = Outcome::read(&answer)?;
            return Ok(Registered {
                outcome,
                normalisations,
            });
        }
        let index = self.registry.index(&person.document);
        let evidence = self.evidence(&account, &person, &index, shown).await?;
        let registration = Registration {
            request,
            claimant: Claimant {
                account,
                mobile_index: self.codes.mobile_index(&person.mobile),
                person,
                index,
                evidence,
            },
            cipher: self.fields.ready().await?,
            new_id: SubjectId::new(now, &*self.random).uuid(),
            now,
            retry: self.retry,
            outbox: self.outbox.clone(),
        };
        let batcher = self
            .batcher
            .get_or_init(|| Batcher::transactions(self.database.clone()));
        let decided = batcher.call(registration).await??;
        lutong_failpoint::hit("identity.registered");
        self.outbox.wake();
        self.tell(decided.tell);
        Ok(Registered {
            outcome: decided.outcome,
            normalisations,
        })
    }

    /// What the account has shown, as its channel asks for.
    async fn evidence(
        &self,
        account: &AccountId,
        person: &Person,
        index: &DocumentIndex,
        shown: Option<ShownCode>,
    ) -> Result<Evidence, Fault> {
        if self.is_verified_by_channel(account, person, index).await? {
            return Ok(Evidence::Channel);
        }
        let requirement = self.requirement(account);
        let Some(shown) = shown else {
            return match requirement {
                Requirement::Stated => Ok(Evidence::Stated { mobile_proved: false }),
                Requirement::RealNameAndMobile => Err(Fault::invalid(vec![fault::mobile_proof_missing()])),
            };
        };
        self.codes
            .check(account.as_str(), &person.mobile, Purpose::Apply, shown)
            .await?;
        match requirement {
            Requirement::Stated => Ok(Evidence::Stated { mobile_proved: true }),
            Requirement::RealNameAndMobile => Ok(Evidence::Mobile(self.check.check(person).await)),
        }
    }

    /// What an account must prove.
    pub fn requirement(&self, account: &AccountId) -> Requirement {
        Requirement::of(account.as_str(), self.is_development)
    }

    /// Whether the account's channel has verified this name and document.
    pub async fn is_verified_by_channel(
        &self,
        account: &AccountId,
        person: &Person,
        index: &DocumentIndex,
    ) -> Result<bool, Fault> {
        let identity = store::identity_of(self.database.reader(), account).await?;
        let Some(identity) = identity.filter(|identity| identity.index == *index) else {
            return Ok(false);
        };
        let cipher = self.fields.ready().await?;
        let name = cipher.decrypt_text(&identity.sealed_name, &store::name_context(account))?;
        Ok(name == person.name.expose())
    }

    pub fn tell(&self, notice: Option<Notice>) {
        if let Some(Notice { to, message }) = notice {
            self.messages.notify(to, message);
        }
    }
}

impl Outcome {
    /// As the idempotent answer stores it: ids, and a byte for what is missing.
    fn write(self) -> Vec<u8> {
        match self {
            Self::Linked(subject) => subject.uuid().as_bytes().to_vec(),
            Self::Waiting {
                registration,
                missing,
            } => {
                let mut bytes = registration.as_bytes().to_vec();
                bytes.push(match missing {
                    MissingProof::RealNameCheck => 1,
                    MissingProof::KnownMobileOrCounter => 2,
                });
                bytes
            }
        }
    }

    fn read(answer: &[u8]) -> Result<Self, StorageError> {
        let damaged = idempotency::damaged_answer;
        let (id, missing) = answer.split_at_checked(16).ok_or_else(damaged)?;
        let id = idempotency::answered_id(id)?;
        let waiting = |missing| Self::Waiting {
            registration: id,
            missing,
        };
        match missing {
            [] => Ok(Self::Linked(SubjectId::from_uuid(id))),
            [1] => Ok(waiting(MissingProof::RealNameCheck)),
            [2] => Ok(waiting(MissingProof::KnownMobileOrCounter)),
            _ => Err(damaged()),
        }
    }
}

pub fn in_person(mut fault: Fault) -> Fault {
    fault.violations = fault
        .violations
        .into_iter()
        .map(|wrong| wrong.within("person"))
        .collect();
    fault
}

/// What an account has shown of a registration that waited for the authority, with what that answers now.
pub const fn evidence_now(waiting: &WaitingRegistration, answer: RealName) -> Evidence {
    if waiting.mobile_proved {
        Evidence::Mobile(answer)
    } else {
        Evidence::Stated { mobile_proved: false }
    }
}
