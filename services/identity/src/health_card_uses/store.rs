//! The table `health_card_uses`.

use lutong_kernel::{Fault, HealthCardUseId, MedicalInstitutionId, MedicalTerminalId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::ReadyCipher;
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::health_card_use::{ActiveModel, Column, Entity, Model};
use super::domain::{Content, HealthCardUse};
use crate::medical_steps::domain::MedicalStep;

pub mod health_card_use {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "health_card_uses")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub use_id: Vec<u8>,
        pub institution_id: Vec<u8>,
        pub terminal_id: Vec<u8>,
        /// Encrypted: step, department and payment, a line each.
        pub content: Vec<u8>,
        pub used_at: i64,
        /// When it is to be passed on to the card platform, or again.
        pub due_at: Option<i64>,
        pub reported_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn context(subject: SubjectId, id: HealthCardUseId) -> Vec<u8> {
    format!("health_card_uses/content/{subject}/{id}").into_bytes()
}

fn damaged(what: &str) -> Fault {
    StorageError::Damaged(format!("health_card_uses.{what}")).into()
}

fn open(cipher: &ReadyCipher, row: &Model) -> Result<HealthCardUse, Fault> {
    let id = |bytes: &[u8], column: &str| read_uuid(bytes, &format!("health_card_uses.{column}"));
    let subject = read_subject(&row.subject_id, "health_card_uses.subject_id")?;
    let use_id = HealthCardUseId::from_uuid(id(&row.use_id, "use_id")?);
    let content = cipher.decrypt_text(&row.content, &context(subject, use_id))?;
    let [step, department, payment] = content.splitn(3, '\n').collect::<Vec<_>>()[..] else {
        return Err(damaged("content"));
    };
    Ok(HealthCardUse {
        id: use_id,
        subject,
        institution: MedicalInstitutionId::from_uuid(id(&row.institution_id, "institution_id")?),
        terminal: MedicalTerminalId::from_uuid(id(&row.terminal_id, "terminal_id")?),
        content: Content {
            step: MedicalStep::parse(step).ok_or_else(|| damaged("content"))?,
            department: department.to_owned(),
            payment: payment.to_owned(),
        },
        at: Timestamp::from_micros(row.used_at),
        reported_at: row.reported_at.map(Timestamp::from_micros),
    })
}

/// Adds a use, which is passed on to the card platform from `due_at` on.
pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    new: HealthCardUse,
    due_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let Content {
        step,
        department,
        payment,
    } = &new.content;
    let content = format!("{}\n{department}\n{payment}", step.code());
    let row = ActiveModel {
        subject_id: Set(subject_bytes(new.subject)),
        use_id: Set(uuid_bytes(new.id.uuid())),
        institution_id: Set(uuid_bytes(new.institution.uuid())),
        terminal_id: Set(uuid_bytes(new.terminal.uuid())),
        content: Set(cipher.encrypt(content.as_bytes(), &context(new.subject, new.id))?),
        used_at: Set(new.at.micros()),
        due_at: Set(due_at.map(Timestamp::micros)),
        reported_at: Set(None),
    };
    Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

/// The uses of a person's card, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    subject: PermittedSubject,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<HealthCardUse>, Fault> {
    let mut rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .order_by_desc(Column::UseId)
        .limit(limit);
    if let Some(before) = before {
        rows = rows.filter(Column::UseId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await.map_err(StorageError::from)?;
    rows.iter().map(|row| open(cipher, row)).collect()
}

/// Whether a use is to be passed on.
pub async fn is_any_due(connection: &impl ConnectionTrait, now: Timestamp) -> Result<bool, StorageError> {
    let row = Entity::find().filter(Column::DueAt.lte(now.micros()));
    Ok(row.one(connection).await?.is_some())
}

/// Takes uses that are due, which are put off to `retry_at` with it: another worker leaves them alone until then.
pub async fn take_due(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    now: Timestamp,
    retry_at: Timestamp,
    limit: u64,
) -> Result<Vec<HealthCardUse>, Fault> {
    let rows = Entity::find()
        .filter(Column::DueAt.lte(now.micros()))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::UseId)
        .limit(limit)
        .lock_exclusive()
        .all(transaction)
        .await
        .map_err(StorageError::from)?;
    for row in &rows {
        Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(retry_at.micros()))
            .filter(Column::SubjectId.eq(row.subject_id.clone()))
            .filter(Column::UseId.eq(row.use_id.clone()))
            .exec(transaction)
            .await
            .map_err(StorageError::from)?;
    }
    rows.iter().map(|row| open(cipher, row)).collect()
}

/// Notes that the card platform has taken a report, or refuses it for good (`None`).
pub async fn settle(
    transaction: &DatabaseTransaction,
    (subject, id): (SubjectId, HealthCardUseId),
    reported_at: Option<Timestamp>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(Option::<i64>::None))
        .col_expr(
            Column::ReportedAt,
            Expr::value(reported_at.map(Timestamp::micros)),
        )
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::UseId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}
