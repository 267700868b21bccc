//! Filing feedback and following it.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::access::AccountPermit;
use lutong_chassis::crypto::{FieldCipher, Key, ReadyCipher, keyed_hash};
use lutong_chassis::idempotency::{self, Claim, Idempotency, RequestKey};
use lutong_chassis::storage::{Database, StorageError};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::fault::Violations;
use lutong_kernel::{Clock, Fault, FaultCode, Random, RequestId, Violation};
use sea_orm::DatabaseTransaction;

use crate::domain::feedback::{Category, check_text};
use crate::domain::tracking::TrackingNumber;
use crate::store::feedback::{self, Feedback};

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    database: Database,
    fields: FieldCipher,
    idempotency: Idempotency,
    account_key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Desk {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            idempotency: store.idempotency.clone(),
            account_key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    fn account_hash(&self, permit: &AccountPermit) -> [u8; 32] {
        keyed_hash(&self.account_key, permit.account().as_bytes())
    }

    /// Files feedback and gives it its number. `body` is the request as sent, for its fingerprint.
    pub async fn file(
        &self,
        permit: AccountPermit,
        request_id: RequestId,
        body: &[u8],
        category: Option<Category>,
        text: &str,
    ) -> Result<Feedback, Fault> {
        let mut wrong = Violations::new();
        let category = wrong.take(category.ok_or_else(|| {
            Violation::new(
                "category",
                "CATEGORY_UNKNOWN",
                "请选择反馈类别",
                "a category of the list is required",
            )
        }));
        let text = wrong.take(check_text(text));
        wrong.finish()?;
        let (Some(category), Some(text)) = (category, text) else {
            // Whatever is missing was noted as wrong.
            return Err(Fault::internal());
        };
        let now = self.clock.now();
        let filed = Feedback {
            number: TrackingNumber::new(now.local_day(), &*self.random),
            account: self.account_hash(&permit),
            category,
            created_at: now,
            text,
        };
        let request = self
            .idempotency
            .key(permit.account(), "CreateFeedback", request_id, body);
        let cipher = self.fields.ready().await?;
        self.database
            .write(move |transaction| {
                async move { file(transaction, &request, &cipher, filed).await }.boxed()
            })
            .await
    }

    /// Own feedback by its number. Somebody else's is answered as if there were none.
    pub async fn find(&self, permit: AccountPermit, number: &TrackingNumber) -> Result<Feedback, Fault> {
        let cipher = self.fields.ready().await?;
        let found = feedback::find(self.database.reader(), &cipher, number).await?;
        found
            .filter(|one| one.account == self.account_hash(&permit))
            .ok_or_else(|| {
                Fault::new(
                    FaultCode::NotFound,
                    "FEEDBACK_NOT_FOUND",
                    "未找到本账号的该条反馈",
                    "there is no such feedback of this account",
                )
            })
    }
}

async fn file(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    cipher: &ReadyCipher,
    filed: Feedback,
) -> Result<Feedback, Fault> {
    let answer = filed.number.as_str().as_bytes();
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, answer, filed.created_at).await? {
        let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
        let number = String::from_utf8(answer)
            .ok()
            .and_then(|text| TrackingNumber::parse(&text).ok());
        let number = number.ok_or_else(damaged)?;
        return feedback::find(transaction, cipher, &number)
            .await?
            .ok_or_else(damaged);
    }
    // One in 27 billion a day; whoever meets it sends the request again.
    if !feedback::insert(transaction, cipher, &filed).await? {
        return Err(StorageError::Contended.into());
    }
    Ok(filed)
}
