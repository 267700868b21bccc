//! Sends one-time codes and checks them.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store, pause};
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Clock, Fault, Random};
use lutong_storage::crypto::{Key, keyed_hash};
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::SelfPermit;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::domain::{self, Digits, LONGEST, OneTimeCode, PER_ACCOUNT, PER_NUMBER, Purpose};
use super::store::{self, Addressee};
use crate::fault;
use crate::messages::{Message, Messages};

/// Sends and checks codes; cheap to clone.
#[derive(Debug, Clone)]
pub struct OneTimeCodes {
    database: Database,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    messages: Messages,
}

/// A code that somebody shows.
#[derive(Debug, Clone)]
pub struct ShownCode {
    pub id: Uuid,
    pub digits: Digits,
}

/// What became of a shown code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    Proved,
    Wrong {
        tries_left: i64,
    },
    /// Unknown, expired, of another account or number, or its tries are used up.
    Void {
        is_last_try: bool,
    },
}

impl OneTimeCodes {
    pub fn new(store: &Store, foundation: &Foundation, messages: Messages) -> Self {
        Self {
            database: store.database.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            messages,
        }
    }

    /// The blind index of a number.
    pub fn mobile_index(&self, mobile: &Mobile) -> [u8; 32] {
        keyed_hash(&self.key, format!("mobile\n{}", mobile.expose()).as_bytes())
    }

    fn addressee(&self, account: &str, mobile: &Mobile) -> Addressee {
        Addressee {
            mobile: self.mobile_index(mobile),
            account: keyed_hash(&self.key, format!("one-time-code account\n{account}").as_bytes()),
        }
    }

    fn hash(&self, code: &OneTimeCode, addressee: &Addressee, digits: &Digits) -> [u8; 32] {
        let mut text = format!(
            "one-time-code\n{}\n{}\n{}\n",
            code.id,
            code.purpose.into_str(),
            digits.expose()
        )
        .into_bytes();
        text.extend(addressee.mobile);
        keyed_hash(&self.key, &text)
    }

    /// Sends a code. A repeated request is answered as before, and nothing is sent again.
    pub async fn create(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        mobile: Mobile,
        purpose: Purpose,
    ) -> Result<OneTimeCode, Fault> {
        let now = self.clock.now();
        let addressee = self.addressee(permit.account(), &mobile);
        let new = OneTimeCode {
            id: Uuid::from_bytes(self.random.bytes()),
            purpose,
            created_at: now,
        };
        let digits = Digits::draw(&*self.random);
        let (code, is_new) = self.store(request, new, addressee, digits.clone()).await?;
        if !is_new {
            return Ok(code);
        }
        let message = Message::OneTimeCode { digits, purpose };
        if self.messages.send(&mobile, &message).await.is_err() {
            // Nobody got it: it counts against no limit, and the same request sends another one.
            let id = code.id;
            let deleted = self
                .database
                .write(move |transaction| store::delete(transaction, id).boxed());
            deleted.await.map_err(|error: StorageError| Fault::from(error))?;
            return Err(fault::message_not_sent());
        }
        Ok(code)
    }

    /// The code of a request: the new one, or the one that it made before.
    async fn store(
        &self,
        request: RequestKey,
        new: OneTimeCode,
        addressee: Addressee,
        digits: Digits,
    ) -> Result<(OneTimeCode, bool), Fault> {
        let this = self.clone();
        let stored = self.database.write(move |transaction| {
            async move {
                let mut new = new;
                let claim =
                    idempotency::claim(transaction, &request, new.id.as_bytes(), new.created_at).await?;
                if let Claim::Replay(answer) = claim {
                    new.id = idempotency::answered_id(&answer)?;
                    if let Some(earlier) = store::find(transaction, new.id).await? {
                        return Ok((earlier.code, false));
                    }
                }
                let since = new.created_at.minus(LONGEST);
                let numbers = store::sent_to(transaction, &addressee.mobile, since).await?;
                let accounts = store::sent_for(transaction, &addressee.account, since).await?;
                let waits = [
                    domain::wait(&PER_NUMBER, &numbers, new.created_at),
                    domain::wait(&PER_ACCOUNT, &accounts, new.created_at),
                ];
                if let Some(wait) = waits.into_iter().flatten().max() {
                    return Err(fault::too_many_codes(wait));
                }
                let hash = this.hash(&new, &addressee, &digits);
                store::insert(transaction, new, addressee, hash).await?;
                Ok::<_, Fault>((new, true))
            }
            .boxed()
        });
        stored.await
    }

    /// Checks a code that was sent to this number for this account. One that was proved before, by the same account, is proved again
    /// until it expires: an application may be sent twice.
    pub async fn check(
        &self,
        account: &str,
        mobile: &Mobile,
        purpose: Purpose,
        shown: ShownCode,
    ) -> Result<(), Fault> {
        let (addressee, this, now) = (self.addressee(account, mobile), self.clone(), self.clock.now());
        let checked = self.database.write(move |transaction| {
            async move {
                let Some(stored) = store::find(transaction, shown.id).await? else {
                    return Ok::<_, StorageError>(Checked::Void { is_last_try: false });
                };
                let is_void = stored.addressee != addressee
                    || stored.code.purpose != purpose
                    || stored.code.expires_at() <= now
                    || stored.is_used_up;
                if is_void || !store::count_try(transaction, shown.id).await? {
                    return Ok(Checked::Void { is_last_try: false });
                }
                let hash = this.hash(&stored.code, &addressee, &shown.digits);
                if bool::from(hash.ct_eq(&*stored.digits)) {
                    store::prove(transaction, shown.id, now).await?;
                    return Ok(Checked::Proved);
                }
                // The row is locked since it was counted.
                let counted = store::find(transaction, shown.id).await?;
                let tries_left = counted.map_or(0, |counted| counted.tries_left);
                Ok(match tries_left {
                    0 => Checked::Void { is_last_try: true },
                    tries_left => Checked::Wrong { tries_left },
                })
            }
            .boxed()
        });
        match checked.await? {
            Checked::Proved => Ok(()),
            Checked::Wrong { tries_left } => Err(fault::code_wrong(tries_left)),
            Checked::Void { is_last_try } => {
                if is_last_try {
                    self.messages.notify(mobile.clone(), Message::TriesUsedUp);
                }
                Err(fault::code_void())
            }
        }
    }

    /// Deletes codes that no limit counts any more, at an interval.
    pub async fn delete_old(self, foundation: Foundation) {
        const INTERVAL: Duration = Duration::from_secs(3_600);
        while !pause(INTERVAL, &foundation.stop).await {
            let before = self.clock.now().minus(LONGEST);
            let deleted = self
                .database
                .write(move |transaction| store::delete_before(transaction, before).boxed());
            if let Err(error) = deleted.await {
                let error: StorageError = error;
                tracing::warn!(%error, "one-time codes are deleted with the next round");
            }
        }
    }
}
