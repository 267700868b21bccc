//! The table `fact_reviews`: what the sources of facts are asked, and what they say.

use lutong_kernel::{FactId, Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::fact_review::{ActiveModel, Column, Entity, Model};
use crate::domain::relief::{Relief, ReliefState};
use crate::domain::review::{ColourEffect, FactReview, ReviewState};
use crate::domain::tracking::TrackingNumber;

pub mod fact_review {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_reviews")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub review_id: Vec<u8>,
        pub tracking_number: String,
        pub source: String,
        pub fact_id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub kind: String,
        /// Encrypted: the source's own id of the fact.
        pub source_key: Vec<u8>,
        pub recorded_at: i64,
        /// Encrypted.
        pub question: Vec<u8>,
        pub state: String,
        pub asked_at: i64,
        pub due_at: i64,
        pub answered_at: Option<i64>,
        /// Encrypted.
        pub reason: Option<Vec<u8>>,
        pub redecided: i64,
        pub in_force: bool,
        pub effect_operation: String,
        /// How relief from the fact stands; absent where none was offered.
        pub relief_state: Option<String>,
        pub relief_policy: Option<String>,
        pub relief_from: Option<i64>,
        pub relief_until: Option<i64>,
        pub relief_ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn context(column: &str, id: Uuid) -> Vec<u8> {
    format!("fact_reviews/{column}/{id}").into_bytes()
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("fact_reviews.{what}"))
}

/// The columns that an answer changes.
fn changed(cipher: &ReadyCipher, review: &FactReview) -> Result<ActiveModel, Fault> {
    let (reason, relief) = (review.reason.as_ref(), review.relief.as_ref());
    let reason =
        reason.map(|reason| cipher.encrypt(reason.expose().as_bytes(), &context("reason", review.id)));
    Ok(ActiveModel {
        state: Set(review.state.into_str().to_owned()),
        answered_at: Set(review.answered_at.map(Timestamp::micros)),
        reason: Set(reason.transpose()?),
        redecided: Set(review.effect.redecided),
        in_force: Set(review.effect.is_in_force),
        effect_operation: Set(review.effect.operation.clone()),
        relief_state: Set(relief.map(|relief| relief.state.into_str().to_owned())),
        relief_policy: Set(relief.map(|relief| relief.policy.clone())),
        relief_from: Set(relief.map(|relief| relief.from.micros())),
        relief_until: Set(relief.map(|relief| relief.until.micros())),
        relief_ended_at: Set(relief.and_then(|relief| relief.ended_at).map(Timestamp::micros)),
        ..ActiveModel::default()
    })
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    review: &FactReview,
) -> Result<(), Fault> {
    let seal = |column: &str, text: &Secret<String>| {
        cipher.encrypt(text.expose().as_bytes(), &context(column, review.id))
    };
    let row = ActiveModel {
        review_id: Set(uuid_bytes(review.id)),
        tracking_number: Set(review.case.as_str().to_owned()),
        source: Set(review.source.clone()),
        fact_id: Set(uuid_bytes(review.fact.uuid())),
        subject_id: Set(subject_bytes(review.subject)),
        kind: Set(review.kind.clone()),
        source_key: Set(seal("source_key", &review.key)?),
        recorded_at: Set(review.recorded_at.micros()),
        question: Set(seal("question", &review.question)?),
        asked_at: Set(review.asked_at.micros()),
        due_at: Set(review.due_at.micros()),
        ..changed(cipher, review)?
    };
    Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

/// Stores what became of a question. Its case is locked by the transaction.
pub async fn save(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    review: &FactReview,
) -> Result<(), Fault> {
    Entity::update_many()
        .set(changed(cipher, review)?)
        .filter(Column::ReviewId.eq(uuid_bytes(review.id)))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    id: Uuid,
) -> Result<Option<FactReview>, Fault> {
    let row = Entity::find_by_id(uuid_bytes(id))
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    row.map(|row| read(cipher, row)).transpose()
}

/// What was asked about a case, the oldest first.
pub async fn of_case(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
) -> Result<Vec<FactReview>, Fault> {
    let rows = Entity::find()
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .order_by_asc(Column::ReviewId)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// Which questions to a source.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    pub source: &'a str,
    pub state: Option<ReviewState>,
    /// A question that has expired need not have been noted as such.
    pub now: Timestamp,
}

/// Questions to a source from before an id on, the newest first.
pub async fn of_source(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    filter: Filter<'_>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<FactReview>, Fault> {
    let mut query = Entity::find().filter(Column::Source.eq(filter.source));
    let requested = Column::State.eq(ReviewState::Requested.into_str());
    let is_over = Column::DueAt.lte(filter.now.micros());
    query = match filter.state {
        None => query,
        Some(ReviewState::Requested) => query
            .filter(requested)
            .filter(Column::DueAt.gt(filter.now.micros())),
        Some(ReviewState::Expired) => query.filter(
            Column::State
                .eq(ReviewState::Expired.into_str())
                .or(requested.and(is_over)),
        ),
        Some(state) => query.filter(Column::State.eq(state.into_str())),
    };
    if let Some(before) = before {
        query = query.filter(Column::ReviewId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::ReviewId)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// Questions whose time was over before an instant: the ids, with the cases as stored.
pub async fn over(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(Uuid, String)>, StorageError> {
    let found = Entity::find()
        .filter(Column::State.eq(ReviewState::Requested.into_str()))
        .filter(Column::DueAt.lte(now.micros()))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::ReviewId)
        .select_only()
        .columns([Column::ReviewId, Column::TrackingNumber])
        .limit(limit)
        .into_tuple::<(Vec<u8>, String)>()
        .all(connection)
        .await?;
    found.into_iter().map(read_position).collect()
}

/// Reliefs about which risk-rules is to be told something, or whose time is over: the ids of their questions, with the cases as stored.
pub async fn reliefs_to_move(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<(Uuid, String)>, StorageError> {
    let given = Column::ReliefState.eq(ReliefState::Given.into_str());
    let is_over = Column::ReliefUntil.lte(now.micros());
    let to_tell = [ReliefState::Wanted, ReliefState::Ending].map(|state| state.into_str());
    let mut query = Entity::find()
        .filter(Column::ReliefState.is_not_null())
        .filter(Column::ReliefState.is_in(to_tell).or(given.and(is_over)));
    if let Some(after) = after {
        query = query.filter(Column::ReviewId.gt(uuid_bytes(after)));
    }
    let found = query
        .order_by_asc(Column::ReviewId)
        .select_only()
        .columns([Column::ReviewId, Column::TrackingNumber])
        .limit(limit)
        .into_tuple::<(Vec<u8>, String)>()
        .all(connection)
        .await?;
    found.into_iter().map(read_position).collect()
}

/// Begins to end the reliefs of an appeal that is over. Its case is locked by the transaction.
pub async fn end_reliefs(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
    now: Timestamp,
) -> Result<(), StorageError> {
    let running = [ReliefState::Wanted, ReliefState::Given].map(|state| state.into_str());
    Entity::update_many()
        .col_expr(Column::ReliefState, Expr::value(ReliefState::Ending.into_str()))
        .col_expr(Column::ReliefEndedAt, Expr::value(now.micros()))
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .filter(Column::ReliefState.is_in(running))
        .filter(Column::ReliefUntil.gt(now.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

fn read_position((id, number): (Vec<u8>, String)) -> Result<(Uuid, String), StorageError> {
    Ok((read_uuid(&id, "fact_reviews.review_id")?, number))
}

fn read_relief(row: &Model) -> Result<Option<Relief>, StorageError> {
    let Some(state) = &row.relief_state else {
        return Ok(None);
    };
    let state = state.parse().map_err(|_| damaged("relief_state"))?;
    let (Some(policy), Some(from), Some(until)) = (&row.relief_policy, row.relief_from, row.relief_until)
    else {
        return Err(damaged("relief_policy"));
    };
    Ok(Some(Relief {
        state,
        policy: policy.clone(),
        from: Timestamp::from_micros(from),
        until: Timestamp::from_micros(until),
        ended_at: row.relief_ended_at.map(Timestamp::from_micros),
    }))
}

fn read(cipher: &ReadyCipher, row: Model) -> Result<FactReview, Fault> {
    let relief = read_relief(&row)?;
    let id = read_uuid(&row.review_id, "fact_reviews.review_id")?;
    let open = |column: &str, sealed: &[u8]| {
        let text = cipher.decrypt_text(sealed, &context(column, id));
        text.map(Secret::new)
    };
    let reason = row.reason.as_deref();
    let reason = reason.map(|reason| open("reason", reason));
    Ok(FactReview {
        id,
        case: TrackingNumber::parse(&row.tracking_number).map_err(|_| damaged("tracking_number"))?,
        key: open("source_key", &row.source_key)?,
        question: open("question", &row.question)?,
        reason: reason.transpose()?,
        source: row.source,
        fact: FactId::from_uuid(read_uuid(&row.fact_id, "fact_reviews.fact_id")?),
        subject: read_subject(&row.subject_id, "fact_reviews.subject_id")?,
        kind: row.kind,
        recorded_at: Timestamp::from_micros(row.recorded_at),
        state: row.state.parse().map_err(|_| damaged("state"))?,
        asked_at: Timestamp::from_micros(row.asked_at),
        due_at: Timestamp::from_micros(row.due_at),
        answered_at: row.answered_at.map(Timestamp::from_micros),
        effect: ColourEffect {
            redecided: row.redecided,
            is_in_force: row.in_force,
            operation: row.effect_operation,
        },
        relief,
    })
}
