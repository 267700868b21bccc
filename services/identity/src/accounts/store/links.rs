//! Which accounts are linked to a person.

use lutong_kernel::{Channel, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::subject_bytes;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::account::{Column, Entity};

/// An account that is linked to a person, without its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLink {
    /// None for an account of no channel.
    pub channel: Option<Channel>,
    /// None for a link that is older than its record.
    pub linked_at: Option<Timestamp>,
}

/// The most links that are read of one person.
const MOST: u64 = 100;

/// The accounts that are linked to a person, the earliest first.
pub async fn of_person(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<Vec<AccountLink>, StorageError> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::AccountId, Column::LinkedAt])
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .order_by_asc(Column::LinkedAt)
        .order_by_asc(Column::AccountId)
        .limit(MOST)
        .into_tuple::<(String, Option<i64>)>()
        .all(connection)
        .await?;
    let link = |(account, linked_at): (String, Option<i64>)| AccountLink {
        channel: Channel::of_account(&account),
        linked_at: linked_at.map(Timestamp::from_micros),
    };
    let mut links: Vec<_> = rows.into_iter().map(link).collect();
    // The engines order what is absent differently.
    links.sort_by_key(|link| link.linked_at);
    Ok(links)
}

/// Whether any account is linked to a person.
pub async fn is_linked(connection: &impl ConnectionTrait, subject: SubjectId) -> Result<bool, StorageError> {
    let linked = Entity::find()
        .select_only()
        .column(Column::AccountId)
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .into_tuple::<String>()
        .one(connection)
        .await?;
    Ok(linked.is_some())
}
