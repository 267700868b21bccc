//! Finds subjects by their documents, and masks of names.

pub mod confirmation;
pub mod homes;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::document::Document;
use lutong_kernel::{Clock, Fault, Random, SubjectId, Timestamp, Violation};
use lutong_storage::crypto::{FieldCipher, Key, keyed_hash};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{AnyPermit, PermittedSubject};

use super::domain::{Person, StatedDocument};
use super::store::{self, DocumentIndex};

/// The register of people; cheap to clone.
#[derive(Clone)]
pub struct Registry {
    database: Database,
    fields: FieldCipher,
    index_key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Registry {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            index_key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    /// The blind index of a checked document.
    pub fn index(&self, document: &Document) -> DocumentIndex {
        keyed_hash(&self.index_key, document.index_text().as_bytes())
    }

    /// The blind index of a document.
    pub fn document_index(&self, document: StatedDocument<'_>) -> Result<DocumentIndex, Violation> {
        let (document, _) = document.check(self.clock.now().local_day())?;
        Ok(self.index(&document))
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
        let missing = || Fault::internal("a document has no subject after its placeholder was stored");
        let subject = |index: DocumentIndex| found.get(&index).copied().ok_or_else(missing);
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
            let name = lutong_kernel::name::PersonName::parse(&name)
                .map_err(|_| Fault::internal(format_args!("the stored name of {subject} is not a name")))?;
            masks.push((subject, name.mask()));
        }
        Ok(masks)
    }

    /// The person of a subject; `None` where nobody is registered by it.
    pub async fn person(&self, subject: PermittedSubject) -> Result<Option<Person>, Fault> {
        let found = store::registered::by_subject(self.database.reader(), subject.id()).await?;
        let Some(found) = found else { return Ok(None) };
        let cipher = self.fields.ready().await?;
        let today = self.clock.now().local_day();
        found.sealed.open(&cipher, found.subject, today).map(Some)
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
