//! Reads the chains of partners, has what they tell come into force here, and then tells them so.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_storage::StorageError;
use lutong_token::{BatchHeader, BatchTag, OpenedBatch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Subscriptions;
use crate::colour_maps::domain::RecognitionOutcome;
use crate::conversions::domain::Told;
use crate::conversions::store as conversions;
use crate::exchanges::domain::Method;
use crate::partners::domain::PartnerId;
use crate::subscriptions::domain::{
    MAX_REFERENCES, Place, RefusedBatch, Standing, check_place, read_batch, read_change,
};
use crate::subscriptions::store::{self, TakenBatch};
use crate::trust_lists::domain::{Agreement, Direction, KeyPurpose, Mode};
use crate::trust_lists::service::current::Trust;

/// How often a partner's chain is read without a notice.
const PULL_EVERY: Duration = Duration::from_secs(10);
/// Batches of one partner that are read before the others have their turn.
const BATCHES_IN_A_ROW: usize = 64;

/// Why a partner's chain could not be read on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It did not answer, or not so that it could be read.
    #[error("it answered {0:?}")]
    Unanswered(RecognitionOutcome),
    #[error("its batch is refused: {0:?}")]
    Refused(RefusedBatch),
    #[error("{0}")]
    Fault(Fault),
}

impl Failure {
    /// As an operator sees it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Unanswered(outcome) => outcome.into_str(),
            Self::Refused(reason) => reason.into_str(),
            Self::Fault(_) => "PART_UNAVAILABLE",
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

impl Subscriptions {
    /// Reads the chains of all partners until `stop`, each in a task of its own: one that is slow or away delays nobody else.
    pub async fn pull_all(self, stop: CancellationToken) {
        let mut rounds = Rounds::default();
        loop {
            let trust = self.current.get();
            for partner in trust.list.partners.keys().copied() {
                if is_read(&trust, partner) {
                    rounds.begin(&self, partner);
                }
            }
            loop {
                tokio::select! {
                    () = self.noticed.notified() => break,
                    () = self.conversions.wait() => break,
                    () = tokio::time::sleep(PULL_EVERY) => break,
                    () = rounds.end_one(&self) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }

    async fn round(&self, partner: PartnerId) {
        let read = async {
            let read = self.read_chain(partner).await;
            // What came into force meanwhile is acknowledged also while the chain cannot be read.
            self.confirm(partner).await?;
            read
        };
        let failure = match read.await {
            Ok(()) => "",
            Err(failure) => {
                tracing::info!(%partner, %failure, "the changes of a partner were not read; the next round tries again");
                metrics::counter!(
                    "lutong_federation_pull_failures_total",
                    "partner" => partner.to_string(), "failure" => failure.name()
                )
                .increment(1);
                failure.name()
            }
        };
        let now = self.clock.now();
        let noted: Result<(), StorageError> = self
            .database
            .write(move |transaction| store::set_pulled(transaction, partner, now, failure).boxed())
            .await;
        if let Err(error) = noted {
            tracing::warn!(%partner, %error, "the reading of a partner's changes was not noted");
        }
    }

    /// Reads a partner's chain to its end, or as far as its turn goes.
    async fn read_chain(&self, partner: PartnerId) -> Result<(), Failure> {
        for _ in 0..BATCHES_IN_A_ROW {
            let trust = self.current.get();
            let standing = store::find(self.database.reader(), partner).await?;
            let Some(tag) = standing.taken else {
                return self.enter_chain(&trust, partner).await;
            };
            let place = Place {
                tag,
                number: standing.taken_number,
            };
            let page = self.ask_for_changes(&trust, partner, Some(tag)).await?;
            if page.is_gone {
                tracing::warn!(%partner, "the batches after our place are no longer kept: the codes are compared");
                return self.enter_chain(&trust, partner).await;
            }
            let Some(batch) = page.batch else {
                return Ok(());
            };
            let now = self.clock.now();
            let opened = open_batch(&trust, partner, &batch, now).map_err(Failure::Refused)?;
            check_place(&opened, (partner, &self.current.own().to_string()), place)
                .map_err(Failure::Refused)?;
            let told = read_batch(&batch.body, now).map_err(Failure::Refused)?;
            self.take_in(partner, (opened, batch.header), told, place).await?;
            if !page.has_more {
                return Ok(());
            }
        }
        // The others have their turn, and then this one again.
        self.noticed.notify_one();
        Ok(())
    }

    async fn ask_for_changes(
        &self,
        trust: &Trust,
        partner: PartnerId,
        after: Option<BatchTag>,
    ) -> Result<wire::ChangeQueryResult, Failure> {
        let query = wire::ChangeQuery {
            after_tag: after.map(|tag| tag.to_string()).unwrap_or_default(),
        };
        self.ask(trust, partner, Method::PullChanges, &query).await
    }

    async fn ask<A: prost::Message + Default>(
        &self,
        trust: &Trust,
        partner: PartnerId,
        method: Method,
        body: &impl prost::Message,
    ) -> Result<A, Failure> {
        let body = body.encode_to_vec();
        let asked = self.exchanges.ask(trust, partner, method, body).await?;
        let answer = asked.map_err(Failure::Unanswered)?;
        A::decode(&*answer).map_err(|_| Failure::Unanswered(RecognitionOutcome::UnknownValue))
    }

    /// Goes to the end of a partner's chain, and compares all codes: what happened to them before, nobody told.
    async fn enter_chain(&self, trust: &Trust, partner: PartnerId) -> Result<(), Failure> {
        let page = self.ask_for_changes(trust, partner, None).await?;
        let unreadable = |_| Failure::Unanswered(RecognitionOutcome::UnknownValue);
        let head: BatchTag = page.head_tag.parse().map_err(unreadable)?;
        let mut after = String::new();
        loop {
            let references = self
                .conversions
                .references(partner, &after, MAX_REFERENCES as u64)
                .await?;
            let Some(last) = references.last().cloned() else {
                break;
            };
            let comparison = wire::CodeComparison {
                code_references: references.clone(),
            };
            let compared: wire::CodeComparisonResult = self
                .ask(trust, partner, Method::CompareCodes, &comparison)
                .await?;
            self.take_comparison(partner, &references, &compared).await?;
            after = last;
        }
        let place = Place {
            tag: head,
            number: (head == BatchTag::BEGINNING).then_some(0),
        };
        let entered = self
            .database
            .write(move |transaction| store::set_entered(transaction, partner, place).boxed());
        entered.await.map_err(|error: StorageError| Failure::from(error))
    }

    async fn take_comparison(
        &self,
        partner: PartnerId,
        references: &[String],
        compared: &wire::CodeComparisonResult,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let changes = compared.changes.iter().map(|change| read_change(change, now));
        let read: Option<Vec<Told>> = changes.collect();
        let told = read.filter(|told| {
            let mut pairs = told.iter().zip(references);
            told.len() == references.len() && pairs.all(|(told, asked)| told.reference == *asked)
        });
        let told = told.ok_or(Failure::Unanswered(RecognitionOutcome::UnknownValue))?;
        // What the partner no longer follows stays as it was said last.
        let (told, silent): (Vec<Told>, Vec<Told>) = told
            .into_iter()
            .partition(|told| told.outcome != RecognitionOutcome::NotFound);
        let silent: Vec<String> = silent.into_iter().map(|told| told.reference).collect();
        self.conversions.prepare().await?;
        let this = self.clone();
        self.database
            .write(move |transaction| {
                async move {
                    conversions::unfollow(transaction, partner, &silent).await?;
                    this.conversions.apply(transaction, partner, told, None).await
                }
                .boxed()
            })
            .await?;
        self.conversions.wake();
        Ok(())
    }

    /// Takes in a batch: all that it tells, and that it was read, or nothing of it.
    async fn take_in(
        &self,
        partner: PartnerId,
        (opened, header): (OpenedBatch, Vec<u8>),
        told: Vec<Told>,
        place: Place,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let source = conversions::Source {
            number: opened.header.number,
            key_id: opened.kid.to_string(),
        };
        let kept = self.conversions.keep_told(partner, told.clone(), source.clone());
        kept.await?;
        self.conversions.prepare().await?;
        let (this, next) = (self.clone(), opened.tag);
        self.database
            .write(move |transaction| {
                async move {
                    let standing = store::lock(transaction, partner).await?;
                    if standing.taken != Some(place.tag) {
                        // Another replica was faster.
                        return Ok(());
                    }
                    let applied = this.conversions.apply(transaction, partner, told, Some(&source));
                    applied.await?;
                    let number = Some(source.number);
                    let batch = TakenBatch {
                        number: source.number,
                        tag: next,
                        key_id: source.key_id,
                        header,
                    };
                    store::append_taken(transaction, partner, batch, now).await?;
                    store::set_taken(transaction, partner, Place { tag: next, number }).await?;
                    lutong_failpoint::hit("federation.before_take_in_commit");
                    Ok::<_, Fault>(())
                }
                .boxed()
            })
            .await?;
        self.conversions.wake();
        Ok(())
    }

    /// Tells a partner up to which of its batches everything is in force here.
    async fn confirm(&self, partner: PartnerId) -> Result<(), Failure> {
        let reader = self.database.reader();
        let standing = store::find(reader, partner).await?;
        let Some(taken) = standing.taken_number else {
            return self.confirm_entry(partner, &standing).await;
        };
        let waiting = self.conversions.first_unconfirmed(partner).await?;
        let number = waiting.map_or(taken, |first| taken.min(first.saturating_sub(1)));
        if number == 0 || standing.confirmed_number.is_some_and(|before| number <= before) {
            return Ok(());
        }
        let Some(tag) = store::taken_tag(reader, partner, number).await? else {
            return Ok(());
        };
        self.acknowledge_to(partner, tag, number).await
    }

    /// The same for a chain that was entered in its middle, once everything that was compared is in force.
    async fn confirm_entry(&self, partner: PartnerId, standing: &Standing) -> Result<(), Failure> {
        let entered = standing.taken.filter(|_| standing.confirmed_number.is_none());
        let Some(tag) = entered else {
            return Ok(());
        };
        if self.conversions.progress(partner).await?.unconfirmed > 0 {
            return Ok(());
        }
        self.acknowledge_to(partner, tag, 0).await
    }

    async fn acknowledge_to(&self, partner: PartnerId, tag: BatchTag, number: u32) -> Result<(), Failure> {
        let trust = self.current.get();
        let said = wire::BatchAcknowledgement { tag: tag.to_string() };
        let _: wire::Receipt = self
            .ask(&trust, partner, Method::AcknowledgeChanges, &said)
            .await?;
        let noted = self
            .database
            .write(move |transaction| store::set_confirmed(transaction, partner, number).boxed());
        noted.await.map_err(|error: StorageError| Failure::from(error))
    }
}

/// The chains that are being read. Ended with it, none of them is left half taken in.
#[derive(Default)]
struct Rounds {
    tasks: JoinSet<()>,
    under_way: HashMap<tokio::task::Id, PartnerId>,
    /// Those to be read once more: something happened while they were being read.
    again: BTreeSet<PartnerId>,
}

impl Rounds {
    fn begin(&mut self, subscriptions: &Subscriptions, partner: PartnerId) {
        if self.under_way.values().any(|other| *other == partner) {
            self.again.insert(partner);
            return;
        }
        let this = subscriptions.clone();
        let task = self.tasks.spawn(async move { this.round(partner).await });
        self.under_way.insert(task.id(), partner);
    }

    /// Waits until one has ended, also by a panic; never when none is under way.
    async fn end_one(&mut self, subscriptions: &Subscriptions) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(failed)) => failed.id(),
            None => std::future::pending().await,
        };
        let ended = self.under_way.remove(&id);
        if let Some(partner) = ended.filter(|partner| self.again.remove(partner)) {
            self.begin(subscriptions, partner);
        }
    }
}

/// Whether a partner's chain is read: what it says counts, by agreement, and it has an address.
fn is_read(trust: &Trust, id: PartnerId) -> bool {
    let is_agreed = |agreed: &Agreement| {
        let shares = [Mode::SharedData, Mode::Conversion];
        agreed.address.is_some()
            && agreed.directions.contains(&Direction::Inbound)
            && shares.iter().any(|mode| agreed.modes.contains(mode))
            && !agreed.keys_for(KeyPurpose::Batches).is_empty()
    };
    trust.state(id).counts() && trust.agreement(id).is_some_and(is_agreed)
}

/// A batch that the partner itself signed.
fn open_batch(
    trust: &Trust,
    partner: PartnerId,
    batch: &wire::SignedBatch,
    now: Timestamp,
) -> Result<OpenedBatch, RefusedBatch> {
    let agreed = trust.agreement(partner);
    let keys = agreed.map(|agreed| agreed.keys_for(KeyPurpose::Batches));
    Ok(BatchHeader::open(
        &batch.header,
        &batch.body,
        &keys.unwrap_or_default(),
        now,
    )?)
}
