//! Registers people and finds subjects by their documents.

pub mod confirmation;

use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::document::{Document, Normalisation};
use lutong_kernel::{Clock, Fault, FaultCode, Random, SubjectId, Timestamp, Violation};
use lutong_storage::crypto::{FieldCipher, Key, ReadyCipher, keyed_hash};
use lutong_storage::gather::{Apart, Gatherer, Together};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{AnyPermit, SelfPermit};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{Person, StatedDocument, StatedPerson};
use super::store::{self, DocumentIndex, NewPerson, SealedPerson};
use crate::accounts::domain::AccountId;
use crate::accounts::store as accounts;

/// The register of people; cheap to clone.
#[derive(Clone)]
pub struct Registry {
    database: Database,
    fields: FieldCipher,
    index_key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    gatherer: Arc<OnceLock<Gatherer<Registration, Result<SubjectId, Fault>>>>,
}

/// The subject of a registration, and how its document number was normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationOutcome {
    pub subject: SubjectId,
    pub normalisations: Vec<Normalisation>,
}

/// What a registration needs inside its transaction.
#[derive(Clone)]
struct Registration {
    request: RequestKey,
    account: AccountId,
    person: Person,
    index: DocumentIndex,
    cipher: ReadyCipher,
    new_subject: SubjectId,
    now: Timestamp,
}

impl Registry {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            index_key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            gatherer: Arc::default(),
        }
    }

    fn index(&self, document: &Document) -> DocumentIndex {
        keyed_hash(&self.index_key, document.index_text().as_bytes())
    }

    /// The blind index of a document.
    pub fn document_index(&self, document: StatedDocument<'_>) -> Result<DocumentIndex, Violation> {
        let (document, _) = document.check(self.clock.now().local_day())?;
        Ok(self.index(&document))
    }

    /// Registers the person, or finds the one with the same document, and binds the caller's account to them.
    pub async fn register(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        stated: StatedPerson<'_>,
    ) -> Result<RegistrationOutcome, Fault> {
        let now = self.clock.now();
        let (person, normalisations) = stated.check(now.local_day()).map_err(in_person)?;
        let account = AccountId::parse(permit.account()).map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let registration = Registration {
            request,
            account,
            index: self.index(&person.document),
            person,
            cipher: self.fields.ready().await?,
            new_subject: SubjectId::new(now, &*self.random),
            now,
        };
        let gatherer = self
            .gatherer
            .get_or_init(|| Gatherer::transactions(self.database.clone()));
        let subject = gatherer.call(registration).await.ok_or_else(Fault::internal)??;
        lutong_failpoint::hit("identity.registered");
        Ok(RegistrationOutcome {
            subject,
            normalisations,
        })
    }

    /// The subject of each document, or what is wrong with the document. A document without a subject gets a placeholder.
    pub async fn resolve(
        &self,
        _permit: AnyPermit,
        documents: &[StatedDocument<'_>],
    ) -> Result<Vec<Result<SubjectId, Violation>>, Fault> {
        let now = self.clock.now();
        let indexes: Vec<Result<DocumentIndex, Violation>> = documents
            .iter()
            .map(|document| {
                document
                    .check(now.local_day())
                    .map(|(document, _)| self.index(&document))
            })
            .collect();
        let mut wanted: Vec<DocumentIndex> = indexes
            .iter()
            .filter_map(|index| index.as_ref().ok().copied())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = store::find_all(self.database.reader(), &wanted).await?;
        if found.len() < wanted.len() {
            let missing: Vec<_> = wanted
                .iter()
                .filter(|index| !found.contains_key(*index))
                .map(|index| (*index, SubjectId::new(now, &*self.random)))
                .collect();
            found = self
                .database
                .write(move |transaction| {
                    async move {
                        store::insert_placeholders(transaction, missing).await?;
                        store::find_all(transaction, &wanted).await
                    }
                    .boxed()
                })
                .await
                .map_err(|error: StorageError| Fault::from(error))?;
        }
        let subject = |index: DocumentIndex| found.get(&index).copied().ok_or_else(Fault::internal);
        indexes
            .into_iter()
            .map(|index| index.map_or_else(|wrong| Ok(Err(wrong)), |index| subject(index).map(Ok)))
            .collect()
    }

    /// The name masks, which a checkpoint may see, of those `subjects` that are registered.
    pub async fn name_masks(
        &self,
        _permit: AnyPermit,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, String)>, Fault> {
        let cipher = self.fields.ready().await?;
        let mut masks = Vec::with_capacity(subjects.len());
        for (subject, sealed) in store::names(self.database.reader(), subjects).await? {
            let name = store::open_name(&cipher, subject, &sealed)?;
            let name = lutong_kernel::name::PersonName::parse(&name).map_err(|_| damaged_name(subject))?;
            masks.push((subject, name.mask()));
        }
        Ok(masks)
    }

    /// Erases registrations older than `before` that no declaration followed.
    pub async fn erase_unconfirmed(&self, before: Timestamp) -> Result<usize, Fault> {
        const BATCH: u64 = 500;
        let erased = self
            .database
            .write(move |transaction| store::erase_unconfirmed(transaction, before, BATCH).boxed());
        Ok(erased.await?)
    }
}

impl Together for Registration {
    type Output = SubjectId;

    fn together(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<SubjectId>, Apart>> {
        run_together(transaction, batch).boxed()
    }

    fn alone(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<SubjectId, Fault>> {
        self.run(transaction).boxed()
    }
}

async fn run_together(
    transaction: &DatabaseTransaction,
    batch: Vec<Registration>,
) -> Result<Vec<SubjectId>, Apart> {
    let now = batch.iter().map(|one| one.now).min().ok_or(Apart)?;
    let claims = batch
        .iter()
        .map(|one| (&one.request, one.new_subject.uuid().as_bytes().to_vec()));
    if !idempotency::claim_all(transaction, claims, now).await? {
        return Err(Apart);
    }
    let mut new = Vec::with_capacity(batch.len());
    for one in &batch {
        new.push(NewPerson {
            subject: one.new_subject,
            index: one.index,
            sealed: SealedPerson::seal(&one.cipher, one.new_subject, &one.person)?,
            now: one.now,
        });
    }
    // A batch with a document that has a subject already, also as a placeholder, is run one registration at a time.
    let bindings = batch.iter().map(|one| (&one.account, one.new_subject));
    if !store::insert(transaction, new).await? || !accounts::bind_new(transaction, bindings).await? {
        return Err(Apart);
    }
    Ok(batch.into_iter().map(|one| one.new_subject).collect())
}

impl Registration {
    async fn run(self, transaction: &DatabaseTransaction) -> Result<SubjectId, Fault> {
        let known = store::find(transaction, &self.index).await?;
        let subject = known.as_ref().map_or(self.new_subject, |known| known.subject);
        let answer = subject.uuid();
        match idempotency::claim(transaction, &self.request, answer.as_bytes(), self.now).await? {
            Claim::Fresh => {}
            Claim::Replay(answer) => {
                return Uuid::from_slice(&answer)
                    .map(SubjectId::from_uuid)
                    .map_err(|error| {
                        StorageError::Damaged(format!("a stored answer is not a subject id: {error}")).into()
                    });
            }
        }
        let sealed = SealedPerson::seal(&self.cipher, subject, &self.person)?;
        match known {
            None => {
                let new = NewPerson {
                    subject,
                    index: self.index,
                    sealed,
                    now: self.now,
                };
                if !store::insert(transaction, vec![new]).await? {
                    return Err(StorageError::Contended.into());
                }
            }
            Some(known) => {
                if let Some(name) = &known.sealed_name
                    && store::open_name(&self.cipher, subject, name)? != self.person.name.expose()
                {
                    return Err(registered_differently());
                }
                store::update(transaction, subject, sealed, self.now).await?;
            }
        }
        if !accounts::bind(transaction, &self.account, subject).await? {
            return Err(bound_differently());
        }
        Ok(subject)
    }
}

fn in_person(mut fault: Fault) -> Fault {
    fault.violations = fault
        .violations
        .into_iter()
        .map(|wrong| wrong.within("person"))
        .collect();
    fault
}

fn damaged_name(subject: SubjectId) -> Fault {
    tracing::error!(%subject, "a stored name is not a name");
    Fault::internal()
}

fn registered_differently() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DOCUMENT_REGISTERED_DIFFERENTLY",
        "该证件已由其他姓名登记，请核对姓名与证件号码；如有疑问请提交反馈",
        "the document is registered with another name; check both, or file feedback",
    )
}

fn bound_differently() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ACCOUNT_BOUND_DIFFERENTLY",
        "该账号已绑定其他人员；为家人代办请使用代办功能",
        "the account belongs to another person",
    )
}
