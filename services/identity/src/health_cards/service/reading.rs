//! Reads the card that a patient shows at a registered terminal.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::Foundation;
use lutong_chassis::pause;
use lutong_chassis::skin::Mutation;
use lutong_kernel::{Fault, HealthCardReadId, MedicalInstitutionId, MedicalTerminalId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;

use super::HealthCards;
use crate::fault::health_cards as fault;
use crate::health_cards::domain::{CardNumber, CodeKind, Shown, State};
use crate::health_cards::store::reads::{self, StoredRead};
use crate::health_cards::store::{self, StoredCard};
use crate::medical_institutions::store as institutions;
use crate::medical_steps::domain::MedicalStep;
use crate::medical_terminals::domain::Place;
use crate::patient_bindings::store as patients;
use crate::peers::card_platform::Answer;
use crate::people::domain::Person;
use crate::people::store::registered;

/// How long a report of use and a patient binding may refer to a reading.
const REFERABLE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How often readings that nothing may refer to are deleted.
const SWEEP: Duration = Duration::from_secs(3_600);

/// What is read, where and for what.
#[derive(Debug)]
pub struct Reading {
    pub shown: Shown,
    pub terminal: MedicalTerminalId,
    pub step: MedicalStep,
}

/// Who the patient is.
#[derive(Debug)]
pub struct Patient {
    pub read: StoredRead,
    pub number: Option<CardNumber>,
    pub person: Person,
    /// That the institution has bound to the card.
    pub bound_number: Option<String>,
}

/// Whose card was shown.
struct Holder {
    subject: SubjectId,
    code_kind: CodeKind,
    card: Option<StoredCard>,
}

impl HealthCards {
    /// Reads a card.
    pub async fn read(&self, call: Mutation<DivisionPermit>, reading: Reading) -> Result<Patient, Fault> {
        let now = self.clock.now();
        let account = &call.grant.principal().account;
        let place = self
            .terminals
            .place(call.permit, account, reading.terminal, reading.step)
            .await?;
        // A reading whose answer was lost is answered again, although a code of 60 seconds has expired meanwhile.
        let answered = idempotency::stored_answer(self.database.reader(), &call.request).await?;
        if let Some(answer) = answered {
            let id = HealthCardReadId::from_uuid(idempotency::answered_id(&answer)?);
            return self.patient_of(place.institution.id, id).await;
        }
        let holder = self.holder(&call, &reading, &place).await?;
        if holder.card.is_some_and(|card| card.state == State::Suspended) {
            return Err(fault::card_suspended());
        }
        let read = StoredRead {
            id: HealthCardReadId::new(now, &*self.random),
            subject: holder.subject,
            institution: place.institution.id,
            terminal: place.terminal.id,
            code_kind: holder.code_kind,
            at: now,
        };
        let request = call.request;
        let stored = self.database.write(move |transaction| {
            async move {
                let answer = read.id.uuid();
                match idempotency::claim(transaction, &request, answer.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh => {
                        reads::insert(transaction, read).await?;
                        Ok(answer)
                    }
                }
            }
            .boxed()
        });
        let id = HealthCardReadId::from_uuid(stored.await?);
        self.patient_of(place.institution.id, id).await
    }

    /// A reading of the institution for which an account signs in, that may be referred to, and where it was read.
    pub async fn find_read(
        &self,
        permit: DivisionPermit,
        account: &str,
        id: HealthCardReadId,
    ) -> Result<StoredRead, Fault> {
        let reader = self.database.reader();
        let institution = institutions::of_account(reader, permit, account).await?;
        let institution = institution.ok_or_else(fault::read_not_found)?;
        let read = reads::find(reader, institution.id, id, self.oldest()).await?;
        read.ok_or_else(fault::read_not_found)
    }

    /// Deletes readings that nothing may refer to, until the process stops.
    pub async fn delete_old_reads(self, foundation: Foundation) {
        while !pause(SWEEP, &foundation.stop).await {
            // Ids are ordered by time: the least one of an instant.
            let least = least_id(self.oldest());
            let deleted = self
                .database
                .write(move |transaction| reads::delete_before(transaction, least).boxed());
            let deleted: Result<u64, StorageError> = deleted.await;
            if let Err(error) = deleted {
                tracing::warn!(%error, "old readings of health cards are deleted with the next round");
            }
        }
    }

    fn oldest(&self) -> Timestamp {
        self.clock.now().minus(REFERABLE)
    }

    /// Whose the code is that was shown.
    async fn holder(
        &self,
        call: &Mutation<DivisionPermit>,
        reading: &Reading,
        place: &Place,
    ) -> Result<Holder, Fault> {
        let reader = self.database.reader();
        let (number, code_kind) = match &reading.shown {
            Shown::PassCode(token) => {
                let resolved = self.code_rendering.resolve(&call.grant.call(), token).await?;
                let (subject, code_kind) = resolved.map_err(|outcome| fault::code_refused(&outcome))?;
                return Ok(Holder {
                    subject,
                    code_kind,
                    card: store::find(reader, subject).await?,
                });
            }
            Shown::PlatformStatic(number) => (number.clone(), CodeKind::PlatformStatic),
            Shown::PlatformDynamic(code) => match self.platform.verify(code, place, reading.step).await {
                Answer::Good(number) => (number, CodeKind::PlatformDynamic),
                Answer::Refused => return Err(fault::code_refused("PLATFORM_REFUSED")),
                Answer::Unavailable => return Err(fault::platform_unavailable(self.retry)),
            },
        };
        let card = store::by_index(reader, &store::index(&self.key, &number)).await?;
        let card = card.ok_or_else(fault::card_not_found)?;
        Ok(Holder {
            subject: card.subject,
            code_kind,
            card: Some(card),
        })
    }

    /// Who was read, as they are now.
    async fn patient_of(
        &self,
        institution: MedicalInstitutionId,
        id: HealthCardReadId,
    ) -> Result<Patient, Fault> {
        let reader = self.database.reader();
        let read = reads::find(reader, institution, id, self.oldest()).await?;
        let read = read.ok_or_else(fault::read_not_found)?;
        let card = store::find(reader, read.subject).await?;
        let cipher = self.fields.ready().await?;
        let stored = registered::by_subject(reader, read.subject).await?;
        let stored = stored.ok_or_else(fault::card_not_found)?;
        let person = stored.sealed.open(&cipher, read.subject, read.at.local_day())?;
        let number = match card {
            Some(card) => card.number(&cipher)?,
            None => None,
        };
        let bound = patients::of_person(reader, read.institution, read.subject).await?;
        let bound_number = bound.map(|bound| bound.number(&cipher)).transpose()?.flatten();
        Ok(Patient {
            read,
            number,
            person,
            bound_number,
        })
    }
}

/// The least id that could have been made at an instant.
fn least_id(at: Timestamp) -> HealthCardReadId {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    HealthCardReadId::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
}
