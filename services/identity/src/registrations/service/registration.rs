//! One registration inside its transaction, alone or with others.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::{Fault, MissingProof, SubjectId, Timestamp};
use lutong_storage::batch::{BatchedCall, NotBatchable};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::outbox::Outbox;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::claimant::Claimant;
use super::{Decided, Outcome};
use crate::accounts::store as accounts;
use crate::events::registration_decided;
use crate::fault;
use crate::people::store::{self as people, SealedPerson};
use crate::registrations::domain::{Evidence, Holder, Linking, decide};
use crate::registrations::store::{self, End, WaitingRegistration};

/// What a registration needs inside its transaction.
#[derive(Clone)]
pub struct Registration {
    pub request: RequestKey,
    pub claimant: Claimant,
    pub cipher: ReadyCipher,
    pub new_id: Uuid,
    pub now: Timestamp,
    pub retry: Duration,
    pub outbox: Outbox,
}

impl BatchedCall for Registration {
    type Output = Decided;

    /// Whether it makes a new person at once where nobody has the document.
    fn can_batch(&self) -> bool {
        decide(self.claimant.evidence, Holder::Nobody) == Linking::Link
    }

    fn run_batch(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<Decided>, NotBatchable>> {
        run_all(transaction, batch).boxed()
    }

    fn run_one(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<Decided, Fault>> {
        self.run(transaction).boxed()
    }
}

async fn run_all(
    transaction: &DatabaseTransaction,
    batch: Vec<Registration>,
) -> Result<Vec<Decided>, NotBatchable> {
    let now = batch.iter().map(|one| one.now).min().ok_or(NotBatchable)?;
    let claims = batch
        .iter()
        .map(|one| (&one.request, one.new_id.as_bytes().to_vec()));
    if !idempotency::claim_all(transaction, claims, now).await? {
        return Err(NotBatchable);
    }
    // What an account registered before is settled by its next registration, which tells declaration.
    let proving = batch.iter().map(|one| &one.claimant);
    let proving = proving.filter(|claimant| !matches!(claimant.evidence, Evidence::Stated { .. }));
    let proving: Vec<_> = proving.map(|claimant| &claimant.account).collect();
    if store::any_waiting(transaction, &proving).await? {
        return Err(NotBatchable);
    }
    let mut new = Vec::with_capacity(batch.len());
    for one in &batch {
        new.push(
            one.claimant
                .new_person(&one.cipher, SubjectId::from_uuid(one.new_id), one.now)?,
        );
    }
    // A batch with a document that has a subject already, also as a placeholder, is run one registration at a time.
    let bindings = batch
        .iter()
        .map(|one| (&one.claimant.account, SubjectId::from_uuid(one.new_id)));
    if !people::insert(transaction, new).await? || !accounts::bind_new(transaction, bindings, now).await? {
        return Err(NotBatchable);
    }
    let linked = |one: Registration| Decided {
        outcome: Outcome::Linked(SubjectId::from_uuid(one.new_id)),
        tell: None,
    };
    Ok(batch.into_iter().map(linked).collect())
}

/// Ends what the account registered before and waits for a proof. Where it was about the same document, it is linked with this one; the
/// rest counts no more.
async fn replace_earlier(
    transaction: &DatabaseTransaction,
    outbox: &Outbox,
    claimant: &Claimant,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Fault> {
    let earlier = store::of_account(transaction, &claimant.account).await?;
    if earlier.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = earlier.iter().map(|one| one.id).collect();
    store::end(transaction, &ids, End::Replaced, now).await?;
    let event = |one: &WaitingRegistration| {
        let subject = match outcome {
            Outcome::Linked(subject) if one.index == claimant.index => Some(subject),
            Outcome::Linked(_) | Outcome::Waiting { .. } => None,
        };
        registration_decided(one.id, subject, None, now)
    };
    let events = earlier.iter().map(event).collect();
    outbox.seal(now, events).await?.append(transaction).await?;
    Ok(())
}

impl Registration {
    async fn run(self, transaction: &DatabaseTransaction) -> Result<Decided, Fault> {
        let Self {
            request,
            claimant,
            cipher,
            new_id,
            now,
            retry,
            outbox,
        } = self;
        let known = people::find(transaction, &claimant.index).await?;
        claimant.check_account(transaction, known.as_ref()).await?;
        let linking = claimant.decide(transaction, &cipher, known.as_ref()).await?;
        let subject = known
            .as_ref()
            .map_or(SubjectId::from_uuid(new_id), |known| known.subject);
        let outcome = match linking {
            Linking::Link | Linking::LinkAndTell => Outcome::Linked(subject),
            Linking::Wait(missing) => Outcome::Waiting {
                registration: new_id,
                missing,
            },
            Linking::Refuse => return Err(fault::real_name_mismatch()),
        };
        if let Claim::Replay(answer) =
            idempotency::claim(transaction, &request, &outcome.write(), now).await?
        {
            return Ok(Decided {
                outcome: Outcome::read(&answer)?,
                tell: None,
            });
        }
        replace_earlier(transaction, &outbox, &claimant, outcome, now).await?;
        let Outcome::Waiting {
            registration,
            missing,
        } = outcome
        else {
            let tell = claimant
                .link(transaction, &cipher, known.as_ref(), subject, linking, now)
                .await?;
            return Ok(Decided { outcome, tell });
        };
        let sealed = SealedPerson::seal(&cipher, SubjectId::from_uuid(registration), &claimant.person)?;
        let waiting = WaitingRegistration {
            id: registration,
            account: claimant.account,
            index: claimant.index,
            sealed,
            mobile_index: claimant.mobile_index,
            mobile_proved: !matches!(claimant.evidence, Evidence::Stated { mobile_proved: false }),
            missing,
            created_at: now,
        };
        let next_check_at = (missing == MissingProof::RealNameCheck).then(|| now.plus(retry));
        store::insert(transaction, waiting, next_check_at).await?;
        Ok(Decided { outcome, tell: None })
    }
}
