//! Shares changes with partners: answers what they ask about our codes, and reads what they tell of theirs.

mod notices;
mod pulling;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault};
use lutong_proto::federation::v1 as wire;
use lutong_storage::{Database, StorageError};
use lutong_token::BatchTag;
use tokio::sync::Notify;

use super::domain::{MAX_REFERENCES, Standing};
use super::store;
use crate::batches::service::{Batches, Next};
use crate::batches::store as batches;
use crate::conversions::service::{Conversions, Progress};
use crate::exchanges::domain::{Connection, Message, Method, RefusedMessage};
use crate::exchanges::service::{Accepted, Exchanges};
use crate::fault;
use crate::partners::domain::PartnerId;
use crate::trust_lists::service::current::CurrentTrust;

/// Subscriptions with partners; cheap to clone.
#[derive(Clone)]
pub struct Subscriptions {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    exchanges: Exchanges,
    batches: Batches,
    conversions: Conversions,
    /// A partner has said that there is a newer batch.
    noticed: Arc<Notify>,
}

/// A subscription as an operator sees it.
#[derive(Debug)]
pub struct Shown {
    pub partner: PartnerId,
    pub standing: Standing,
    pub progress: Progress,
    pub head: Option<BatchTag>,
    pub unacknowledged: u64,
}

impl Subscriptions {
    pub fn new(
        (store, foundation): (&Store, &Foundation),
        current: CurrentTrust,
        exchanges: Exchanges,
        batches: Batches,
        conversions: Conversions,
    ) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            exchanges,
            batches,
            conversions,
            noticed: Arc::default(),
        }
    }

    /// The batch after the last one that a partner has taken in.
    pub async fn pull(&self, message: &Message, from: &Connection) -> Result<Message, Fault> {
        let (accepted, query) = self
            .accept::<wire::ChangeQuery>(Method::PullChanges, message, from)
            .await?;
        let after = match query.after_tag.as_str() {
            "" => None,
            tag => Some(tag.parse().map_err(|_| unreadable())?),
        };
        let partner = accepted.partner();
        let head = self.batches.head(partner).await?;
        let next = match after {
            None => Next::None,
            Some(after) => self.batches.after(partner, after).await?,
        };
        let (batch, is_gone) = match next {
            Next::Batch(batch) => (Some(batch), false),
            Next::None => (None, false),
            Next::Gone => (None, true),
        };
        let answer = wire::ChangeQueryResult {
            has_more: batch.as_ref().is_some_and(|batch| batch.tag != head),
            batch: batch.map(|batch| wire::SignedBatch {
                header: batch.header,
                body: batch.body,
            }),
            is_gone,
            head_tag: head.to_string(),
        };
        self.answer(&accepted, &answer).await
    }

    /// How codes stand that were verified for a partner.
    pub async fn compare(&self, message: &Message, from: &Connection) -> Result<Message, Fault> {
        let (accepted, query) = self
            .accept::<wire::CodeComparison>(Method::CompareCodes, message, from)
            .await?;
        if query.code_references.len() > MAX_REFERENCES {
            return Err(unreadable());
        }
        let changes = self
            .batches
            .compare(accepted.partner(), query.code_references)
            .await?;
        self.answer(&accepted, &wire::CodeComparisonResult { changes })
            .await
    }

    /// A partner says up to which batch everything is in force with it.
    pub async fn acknowledge(&self, message: &Message, from: &Connection) -> Result<Message, Fault> {
        let (accepted, said) = self
            .accept::<wire::BatchAcknowledgement>(Method::AcknowledgeChanges, message, from)
            .await?;
        let tag: BatchTag = said.tag.parse().map_err(|_| unreadable())?;
        let (partner, now) = (accepted.partner(), self.clock.now());
        let acknowledged = self.database.write(move |transaction| {
            async move {
                let Some(batch) = batches::of_tag(transaction, partner, tag).await? else {
                    // Of a batch that is no longer kept nobody asks.
                    return Ok(());
                };
                let standing = store::lock(transaction, partner).await?;
                let before = standing.acknowledged_number;
                if before.is_none_or(|before| before < batch.number) {
                    store::set_acknowledged(transaction, partner, (batch.number, tag), now).await?;
                }
                Ok(())
            }
            .boxed()
        });
        acknowledged
            .await
            .map_err(|error: StorageError| Fault::from(error))?;
        self.answer(&accepted, &wire::Receipt {}).await
    }

    /// A partner says that there is a newer batch of its own.
    pub async fn notice(&self, message: &Message, from: &Connection) -> Result<Message, Fault> {
        let (accepted, _) = self
            .accept::<wire::ChangeNotice>(Method::NotifyChanges, message, from)
            .await?;
        self.noticed.notify_one();
        self.answer(&accepted, &wire::Receipt {}).await
    }

    async fn accept<B: prost::Message + Default>(
        &self,
        method: Method,
        message: &Message,
        from: &Connection,
    ) -> Result<(Accepted, B), Fault> {
        let body = B::decode(&*message.body);
        let accepted = self.exchanges.accept(method, message, from).await?;
        Ok((accepted, body.map_err(|_| unreadable())?))
    }

    async fn answer(&self, accepted: &Accepted, body: &impl prost::Message) -> Result<Message, Fault> {
        self.exchanges
            .answer(accepted, body.encode_to_vec(), "ANSWERED")
            .await
    }

    pub async fn find(&self, partner: PartnerId) -> Result<Shown, Fault> {
        let standing = store::find(self.database.reader(), partner).await?;
        let shown = self.shown(partner, standing).await?;
        let is_there = self.current.get().agreement(partner).is_some()
            || shown.standing.pulled_at.is_some()
            || shown.head.is_some();
        is_there.then_some(shown).ok_or_else(fault::partner_not_found)
    }

    /// Subscriptions in the order of the partners' ids, and the token of the next page.
    pub async fn list(&self, page: &Page) -> Result<(Vec<Shown>, String), Fault> {
        let after = page.after(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned))?;
        let after = after.and_then(|id| PartnerId::parse(&id).ok());
        let stored = store::all(self.database.reader()).await?;
        let mut all: std::collections::BTreeMap<PartnerId, Standing> = stored.into_iter().collect();
        for partner in self.current.get().list.partners.keys() {
            all.entry(*partner).or_default();
        }
        let found = all
            .into_iter()
            .filter(|(id, _)| after.is_none_or(|after| after < *id));
        let most = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let (found, token) = page.cut(found.take(most).collect(), |(last, _): &(PartnerId, Standing)| {
            last.to_string().into_bytes()
        })?;
        let mut shown = Vec::with_capacity(found.len());
        for (partner, standing) in found {
            shown.push(self.shown(partner, standing).await?);
        }
        Ok((shown, token))
    }

    async fn shown(&self, partner: PartnerId, standing: Standing) -> Result<Shown, Fault> {
        let reader = self.database.reader();
        let head = batches::newest(reader, partner).await?.map(|batch| batch.tag);
        let acknowledged = i64::from(standing.acknowledged_number.unwrap_or(0));
        Ok(Shown {
            partner,
            progress: self.conversions.progress(partner).await?,
            head,
            unacknowledged: batches::count_after(reader, partner, acknowledged).await?,
            standing,
        })
    }
}

fn unreadable() -> Fault {
    let error = lutong_token::MessageError::Unreadable("its body is not what the method asks for");
    fault::message_refused(RefusedMessage::Message(error))
}
