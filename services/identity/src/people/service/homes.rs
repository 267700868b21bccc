//! Publishes in which division people live.

use std::collections::BTreeMap;

use lutong_kernel::{DivisionCode, Fault, SubjectId, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::outbox::Outbox;
use sea_orm::DatabaseTransaction;

use crate::events::{SubjectChange, event};
use crate::people::store::homes;

/// Publishes the division of those `subjects` whose published division is missing or differs. The caller wakes the outbox after the commit.
pub async fn publish(
    transaction: &DatabaseTransaction,
    outbox: &Outbox,
    cipher: &ReadyCipher,
    subjects: &[SubjectId],
    now: Timestamp,
) -> Result<(), Fault> {
    let homes = homes::of(transaction, subjects).await?;
    publish_homes(transaction, outbox, cipher, homes, now).await
}

/// The same of those who have a published division already: a person is published when they are confirmed.
pub async fn publish_again(
    transaction: &DatabaseTransaction,
    outbox: &Outbox,
    cipher: &ReadyCipher,
    subject: SubjectId,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut homes = homes::of(transaction, &[subject]).await?;
    homes.retain(|home| home.published.is_some());
    publish_homes(transaction, outbox, cipher, homes, now).await
}

async fn publish_homes(
    transaction: &DatabaseTransaction,
    outbox: &Outbox,
    cipher: &ReadyCipher,
    homes: Vec<homes::Home>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut moved: BTreeMap<DivisionCode, Vec<SubjectId>> = BTreeMap::new();
    for home in homes {
        let division = home.division(cipher)?;
        if home.published != Some(i64::from(division.number())) {
            moved.entry(division).or_default().push(home.subject);
        }
    }
    let mut events = Vec::new();
    for (division, subjects) in moved {
        homes::publish(transaction, division, &subjects).await?;
        let placed = |subject| event(subject, now, SubjectChange::Placed(division));
        events.extend(subjects.into_iter().map(placed));
    }
    outbox.seal(now, events).await?.append(transaction).await?;
    Ok(())
}
