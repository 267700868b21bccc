//! The table `health_cards`.

pub mod reads;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::crypto::{CipherError, Key, ReadyCipher, keyed_hash};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::health_card::{ActiveModel, Column, Entity, Model};
use super::domain::{CardNumber, State};

pub mod health_card {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "health_cards")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        pub state: String,
        /// Keyed hash of the number.
        pub card_index: Option<Vec<u8>>,
        /// Encrypted.
        pub card_number: Option<Vec<u8>>,
        pub created_at: i64,
        pub activated_at: Option<i64>,
        pub suspended_at: Option<i64>,
        /// When the platform is asked for it next.
        pub due_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The blind index of a number.
pub type CardIndex = [u8; 32];

/// A stored card.
#[derive(Debug, Clone)]
pub struct StoredCard {
    pub subject: SubjectId,
    pub state: State,
    sealed_number: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub suspended_at: Option<Timestamp>,
}

impl StoredCard {
    /// The number; none while the platform has given none.
    pub fn number(&self, cipher: &ReadyCipher) -> Result<Option<CardNumber>, StorageError> {
        let Some(sealed) = &self.sealed_number else {
            return Ok(None);
        };
        let damaged = || StorageError::Damaged("health_cards.card_number".to_owned());
        let text = cipher
            .decrypt_text(sealed, &context(self.subject))
            .map_err(|_| damaged())?;
        CardNumber::parse(&text).map(Some).ok_or_else(damaged)
    }
}

impl TryFrom<Model> for StoredCard {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |_| StorageError::Damaged("health_cards.state".to_owned());
        Ok(Self {
            subject: read_subject(&row.subject_id, "health_cards.subject_id")?,
            state: row.state.parse().map_err(damaged)?,
            sealed_number: row.card_number,
            created_at: Timestamp::from_micros(row.created_at),
            activated_at: row.activated_at.map(Timestamp::from_micros),
            suspended_at: row.suspended_at.map(Timestamp::from_micros),
        })
    }
}

fn context(subject: SubjectId) -> Vec<u8> {
    format!("health_cards/card_number/{subject}").into_bytes()
}

pub fn index(key: &Key, number: &CardNumber) -> CardIndex {
    keyed_hash(key, format!("health card\n{}", number.expose()).as_bytes())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<Option<StoredCard>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject)).one(connection).await?;
    row.map(StoredCard::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
) -> Result<Option<StoredCard>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject)).lock_exclusive();
    row.one(transaction).await?.map(StoredCard::try_from).transpose()
}

/// The card with a number.
pub async fn by_index(
    connection: &impl ConnectionTrait,
    index: &CardIndex,
) -> Result<Option<StoredCard>, StorageError> {
    let row = Entity::find().filter(Column::CardIndex.eq(index.to_vec()));
    row.one(connection).await?.map(StoredCard::try_from).transpose()
}

/// Asks for the cards of people who have none.
pub async fn add_pending(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
    now: Timestamp,
) -> Result<(), StorageError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let rows = subjects.iter().map(|subject| ActiveModel {
        subject_id: Set(subject_bytes(*subject)),
        state: Set(State::Pending.into_str().to_owned()),
        card_index: Set(None),
        card_number: Set(None),
        created_at: Set(now.micros()),
        activated_at: Set(None),
        suspended_at: Set(None),
        due_at: Set(Some(now.micros())),
    });
    Entity::insert_many(rows)
        .on_conflict(OnConflict::column(Column::SubjectId).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Asks once more for a card that the platform refused.
pub async fn ask_again(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    now: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Pending.into_str()))
        .col_expr(Column::DueAt, Expr::value(now.micros()))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::State.eq(State::Refused.into_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Takes cards that are due, which are put off to `retry_at` with it: another worker leaves them alone until then.
pub async fn take_due(
    transaction: &DatabaseTransaction,
    now: Timestamp,
    retry_at: Timestamp,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let due: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::DueAt.lte(now.micros()))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::SubjectId)
        .limit(limit)
        .lock_exclusive()
        .into_tuple()
        .all(transaction)
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let subjects = due.iter().map(|id| read_subject(id, "health_cards.subject_id"));
    let subjects = subjects.collect();
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(retry_at.micros()))
        .filter(one_of(Column::SubjectId, transaction.get_database_backend(), due))
        .exec(transaction)
        .await?;
    subjects
}

/// Whether a card is to be asked for.
pub async fn is_any_due(connection: &impl ConnectionTrait, now: Timestamp) -> Result<bool, StorageError> {
    let row = Entity::find().filter(Column::DueAt.lte(now.micros()));
    Ok(row.one(connection).await?.is_some())
}

/// A number that the platform gave, encrypted for its holder.
#[derive(Debug, Clone)]
pub struct SealedNumber {
    index: CardIndex,
    sealed: Vec<u8>,
}

impl SealedNumber {
    pub fn seal(
        cipher: &ReadyCipher,
        key: &Key,
        subject: SubjectId,
        number: &CardNumber,
    ) -> Result<Self, CipherError> {
        Ok(Self {
            index: index(key, number),
            sealed: cipher.encrypt(number.expose().as_bytes(), &context(subject))?,
        })
    }
}

/// Stores the number that the platform gave; a card that waited for it is active from then on. Returns `false` where another person's card
/// has it.
pub async fn take_number(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    number: SealedNumber,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let other = by_index(transaction, &number.index).await?;
    if other.is_some_and(|other| other.subject != subject) {
        return Ok(false);
    }
    let own = || Entity::update_many().filter(Column::SubjectId.eq(subject_bytes(subject)));
    own()
        .col_expr(Column::CardIndex, Expr::value(number.index.to_vec()))
        .col_expr(Column::CardNumber, Expr::value(number.sealed))
        .filter(Column::State.ne(State::Refused.into_str()))
        .exec(transaction)
        .await?;
    own()
        .col_expr(Column::State, Expr::value(State::Active.into_str()))
        .col_expr(Column::ActivatedAt, Expr::value(at.micros()))
        .filter(Column::State.eq(State::Pending.into_str()))
        .exec(transaction)
        .await?;
    Ok(true)
}

/// Notes that the platform refuses the data of somebody. A card that waits is refused; one that has its number keeps it.
pub async fn refuse(transaction: &DatabaseTransaction, subject: SubjectId) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Refused.into_str()))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::State.eq(State::Pending.into_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Notes that the platform has what it was told. What has become due since it was taken stays so.
pub async fn settle(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    retry_at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(Option::<i64>::None))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::DueAt.eq(retry_at.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Makes the card of somebody whose items have changed due: the platform is told. One that it refused waits for its holder to ask.
pub async fn tell_again(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    now: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now.micros()))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::State.ne(State::Refused.into_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Sets the state of a locked card, and since when it is suspended.
pub async fn set_state(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    state: State,
    suspended_at: Option<Timestamp>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.into_str()))
        .col_expr(
            Column::SuspendedAt,
            Expr::value(suspended_at.map(Timestamp::micros)),
        )
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .exec(transaction)
        .await?;
    Ok(())
}
