//! Stores and lists who looked at whose data.

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_chassis::lookups::LookupSink;
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, LookupId, SubjectId};
use lutong_proto::identity::v1::InspectedLookup;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{AnyPermit, PermittedSubject, SelfPermit};
use prost::Message as _;

use super::store::{self, StoredLookup};
use crate::fault::lookups as fault;
use crate::merges;

/// Cheap to clone.
#[derive(Clone)]
pub struct Lookups {
    database: Database,
    fields: FieldCipher,
}

impl Lookups {
    pub fn new(store: &Store) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
        }
    }

    /// Stores lookups; storing one again has no effect.
    pub async fn store(&self, lookups: Vec<InspectedLookup>) -> Result<(), Fault> {
        if lookups.is_empty() {
            return Ok(());
        }
        let cipher = self.fields.ready().await?;
        let mut sealed = Vec::with_capacity(lookups.len());
        for (index, lookup) in lookups.into_iter().enumerate() {
            let wrong =
                |field: &str| Fault::invalid(vec![fault::id_shape(format!("lookups[{index}].{field}"))]);
            let subject = lookup.subject_id.parse().map_err(|_| wrong("subject_id"))?;
            let id = lookup.lookup.as_ref().map_or("", |shown| &shown.lookup_id);
            let id: LookupId = id.parse().map_err(|_| wrong("lookup.lookup_id"))?;
            sealed.push(StoredLookup {
                subject,
                id,
                content: cipher.encrypt(&lookup.encode_to_vec(), &context(subject, id))?,
            });
        }
        let stored: Result<(), StorageError> = self
            .database
            .write(move |transaction| async move { store::insert(transaction, &sealed).await }.boxed())
            .await;
        Ok(stored?)
    }

    /// Who looked at the caller's own data, the newest first.
    pub async fn of_caller(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<InspectedLookup>, String), Fault> {
        self.list(permit.reach()?, page).await
    }

    /// Who looked at anybody's data, the newest first.
    pub async fn of_anybody(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        page: &Page,
    ) -> Result<(Vec<InspectedLookup>, String), Fault> {
        self.list(permit.reach(subject), page).await
    }

    /// Those of all subjects that are the same person.
    async fn list(
        &self,
        subject: PermittedSubject,
        page: &Page,
    ) -> Result<(Vec<InspectedLookup>, String), Fault> {
        let reader = self.database.reader();
        let person = merges::store::same_person(reader, subject.id()).await?;
        let before = page.after_id()?.map(LookupId::from_uuid);
        let rows = store::list(reader, person, before, page.limit()).await?;
        let (rows, next) = page.cut(rows, |row| row.id.uuid().as_bytes().to_vec())?;
        let cipher = self.fields.ready().await?;
        let read = rows.into_iter().map(|row| {
            let content = cipher.decrypt(&row.content, &context(row.subject, row.id))?;
            InspectedLookup::decode(&*content).map_err(Fault::internal)
        });
        Ok((read.collect::<Result<_, Fault>>()?, next))
    }
}

#[async_trait::async_trait]
impl LookupSink for Lookups {
    async fn record(&self, lookups: Vec<InspectedLookup>) -> Result<(), Fault> {
        self.store(lookups).await
    }
}

fn context(subject: SubjectId, id: LookupId) -> Vec<u8> {
    [
        b"lookups/".as_slice(),
        subject.uuid().as_bytes(),
        id.uuid().as_bytes(),
    ]
    .concat()
}
