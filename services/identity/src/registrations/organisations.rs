//! Registers people as an organisation states them. Nobody holds them until an account of their own has proved to be them, by the rules
//! of `domain`: what an organisation states is a name and a number without a proof.

use std::collections::{HashMap, HashSet};

use futures::FutureExt as _;
use lutong_kernel::{Fault, SubjectId, Timestamp, Violation};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, RequestKey};
use lutong_transport::access::AnyPermit;
use sea_orm::DatabaseTransaction;

use super::service::Registrations;
use crate::people::domain::Person;
use crate::people::store::{self as people, DocumentIndex, NewPerson, SealedPerson, documents};

/// A person whom an organisation states, checked.
struct Applicant {
    person: Person,
    index: DocumentIndex,
    mobile_index: [u8; 32],
    /// The subject, where nobody has the document yet.
    new_subject: SubjectId,
}

impl Registrations {
    /// Registers those people who are not registered, and returns the subject of each. Somebody who is registered stays as they are.
    pub async fn register_batch(
        &self,
        _permit: AnyPermit,
        request: RequestKey,
        organisation: String,
        rows: Vec<Result<Person, Vec<Violation>>>,
    ) -> Result<Vec<Result<SubjectId, Vec<Violation>>>, Fault> {
        let now = self.clock.now();
        let mut applicants = Vec::with_capacity(rows.len());
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            let person = match row {
                Ok(person) => person,
                Err(wrong) => {
                    outcomes.push(Err(wrong));
                    continue;
                }
            };
            let index = self.registry.index(&person.document);
            outcomes.push(Ok(index));
            applicants.push(Applicant {
                mobile_index: self.codes.mobile_index(&person.mobile),
                person,
                index,
                new_subject: SubjectId::new(now, &*self.random),
            });
        }
        let cipher = self.fields.ready().await?;
        let subjects: HashMap<DocumentIndex, SubjectId> = self
            .database
            .write(move |transaction| {
                async move {
                    // A repeated request finds those whom the first one registered.
                    idempotency::claim(transaction, &request, &[], now).await?;
                    register_all(transaction, &cipher, applicants, &organisation, now).await
                }
                .boxed()
            })
            .await?;
        let unknown = || Fault::internal("a person has no subject after their registration");
        let subject = |index: DocumentIndex| subjects.get(&index).copied().ok_or_else(unknown);
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(index) => subject(index).map(Ok),
                Err(wrong) => Ok(Err(wrong)),
            })
            .collect()
    }
}

/// Registers the applicants whose document nobody has registered, in one statement, and returns the subjects of all.
async fn register_all(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    applicants: Vec<Applicant>,
    organisation: &str,
    now: Timestamp,
) -> Result<HashMap<DocumentIndex, SubjectId>, Fault> {
    let indexes: Vec<_> = applicants.iter().map(|one| one.index).collect();
    let known = documents::find_all(transaction, &indexes).await?;
    let mut subjects: HashMap<_, _> = known.iter().map(|(index, one)| (*index, one.subject)).collect();
    let (mut new, mut placeholders, mut taken) = (Vec::new(), Vec::new(), HashSet::new());
    for applicant in applicants {
        let earlier = known.get(&applicant.index);
        // The first row of a document counts.
        if !taken.insert(applicant.index) || earlier.is_some_and(|one| one.is_registered) {
            continue;
        }
        let subject = earlier.map_or(applicant.new_subject, |one| one.subject);
        subjects.insert(applicant.index, subject);
        let person = applicant.seal(cipher, subject, organisation, now)?;
        if earlier.is_none() {
            new.push(person);
        } else {
            placeholders.push(person);
        }
    }
    if !new.is_empty() && !people::insert(transaction, new).await? {
        return Err(StorageError::Contended.into());
    }
    for person in placeholders {
        people::update(transaction, person).await?;
    }
    Ok(subjects)
}

impl Applicant {
    fn seal(
        self,
        cipher: &ReadyCipher,
        subject: SubjectId,
        organisation: &str,
        now: Timestamp,
    ) -> Result<NewPerson, Fault> {
        Ok(NewPerson {
            subject,
            index: self.index,
            mobile_index: self.mobile_index,
            sealed: SealedPerson::seal(cipher, subject, &self.person)?,
            registered_by: Some(organisation.to_owned()),
            now,
        })
    }
}
