//! Changes of mobile, nationality and home.

use futures::FutureExt as _;
use lutong_kernel::Fault;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::SelfPermit;

use super::{NamedSubject, Persons, STATE, View, account_of, etag_of, own_subject};
use crate::fault;
use crate::messages::{Message, Notice};
use crate::one_time_codes::domain::Purpose;
use crate::one_time_codes::service::ShownCode;
use crate::person_changes::domain::StatedUpdate;
use crate::person_changes::store::ChangeAction;

/// An update as asked for.
pub struct Update<'a> {
    pub key: RequestKey,
    pub named: NamedSubject,
    pub stated: StatedUpdate<'a>,
    pub mask: Vec<String>,
    pub shown: Option<ShownCode>,
    pub etag: String,
}

impl Persons {
    /// Changes the items that the mask names. A new mobile is proved by a code to it, and the old one is told.
    pub async fn update(&self, permit: &SelfPermit, update: Update<'_>) -> Result<View, Fault> {
        let Update {
            key,
            named,
            stated,
            mask,
            shown,
            etag,
        } = update;
        // Proofs are of the moment: a repeated request is answered without them.
        if idempotency::stored_answer(self.database.reader(), &key)
            .await?
            .is_some()
        {
            return self.get(permit, named).await;
        }
        let update = stated.check(&mask)?;
        let account = account_of(permit)?;
        own_subject(self.database.reader(), &account, named).await?;
        if let Some(mobile) = &update.mobile {
            let shown = shown.ok_or_else(|| Fault::invalid(vec![fault::mobile_proof_missing()]))?;
            self.registrations
                .codes
                .check(account.as_str(), mobile, Purpose::ChangeMobile, shown)
                .await?;
        }
        let action = ChangeAction {
            by: account,
            at: self.clock.now(),
        };
        let cipher = self.fields.ready().await?;
        let this = self.clone();
        let updated = self.database.write(move |transaction| {
            async move {
                let (subject, before) = this.locked(transaction, &cipher, &action.by, named).await?;
                let answer = subject.uuid();
                if let Claim::Replay(_) =
                    idempotency::claim(transaction, &key, answer.as_bytes(), action.at).await?
                {
                    return Ok::<_, Fault>(None);
                }
                etag_of(transaction, subject).await?.check(&etag, STATE)?;
                let after = update.apply(&before);
                this.store_items(transaction, &cipher, subject, (&before, &after), &action)
                    .await?;
                Ok((before.mobile != after.mobile).then_some(Notice {
                    to: before.mobile,
                    message: Message::MobileChanged,
                }))
            }
            .boxed()
        });
        let notice = updated.await?;
        self.outbox.wake();
        self.registrations.tell(notice);
        self.get(permit, named).await
    }
}
