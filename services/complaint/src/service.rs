//! Files and reads complaints.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, FaultCode, Random};
use lutong_storage::crypto::{FieldCipher, Key, ReadyCipher, keyed_hash};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::CasePermit;
use sea_orm::DatabaseTransaction;

use crate::domain::feedback::Feedback;
use crate::domain::tracking::TrackingNumber;
use crate::store::{self, Complaint, ListPosition};

/// The complaints of accounts; cheap to clone.
#[derive(Clone)]
pub struct Complaints {
    database: Database,
    fields: FieldCipher,
    account_key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Complaints {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            account_key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    fn account_hash(&self, permit: &CasePermit) -> [u8; 32] {
        keyed_hash(&self.account_key, permit.account().as_bytes())
    }

    /// Files feedback under a new tracking number.
    pub async fn file(
        &self,
        permit: &CasePermit,
        request: RequestKey,
        feedback: Feedback,
    ) -> Result<Complaint, Fault> {
        let now = self.clock.now();
        let filed = Complaint {
            number: TrackingNumber::new(now.local_day(), &*self.random),
            account: self.account_hash(permit),
            created_at: now,
            feedback,
        };
        let cipher = self.fields.ready().await?;
        self.database
            .write(move |transaction| {
                async move { file(transaction, &request, &cipher, filed).await }.boxed()
            })
            .await
    }

    /// An own complaint by its number. Another account's complaint is not found.
    pub async fn find(&self, permit: &CasePermit, number: &TrackingNumber) -> Result<Complaint, Fault> {
        let cipher = self.fields.ready().await?;
        let found = store::find(self.database.reader(), &cipher, number).await?;
        found
            .filter(|one| one.account == self.account_hash(permit))
            .ok_or_else(not_found)
    }

    /// Own complaints, the newest first, and the token of the next page.
    pub async fn list(&self, permit: &CasePermit, page: &Page) -> Result<(Vec<Complaint>, String), Fault> {
        let after = page.after(ListPosition::read)?;
        let cipher = self.fields.ready().await?;
        let account = self.account_hash(permit);
        let found = store::list(self.database.reader(), &cipher, &account, after, page.limit()).await?;
        page.cut(found, |last| ListPosition::of(last).bytes())
    }
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "COMPLAINT_NOT_FOUND",
        "未找到本账号的该条投诉或反馈",
        "there is no such complaint of this account",
    )
}

async fn file(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    cipher: &ReadyCipher,
    filed: Complaint,
) -> Result<Complaint, Fault> {
    let answer = filed.number.as_str().as_bytes();
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, answer, filed.created_at).await? {
        let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
        let number = String::from_utf8(answer)
            .ok()
            .and_then(|text| TrackingNumber::parse(&text).ok());
        let number = number.ok_or_else(damaged)?;
        return store::find(transaction, cipher, &number)
            .await?
            .ok_or_else(damaged);
    }
    // A collision has a probability of one in 27 billion a day; the caller repeats the request.
    if !store::insert(transaction, cipher, &filed).await? {
        return Err(StorageError::Contended.into());
    }
    Ok(filed)
}
