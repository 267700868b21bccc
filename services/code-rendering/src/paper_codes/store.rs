//! The table `paper_codes`. Whatever ends a paper code that is valid also writes its revocation, in the same transaction.

use lutong_kernel::{Colour, SubjectId, Timestamp};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::{StorageError, one_of};
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::paper_code::{ActiveModel, Column, Entity, Model};
use super::domain::{End, EndReason, PaperCode, PaperTokenId};
use crate::revocations::store as revocations;

pub mod paper_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "paper_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub paper_code_id: Vec<u8>,
        pub token_id: Vec<u8>,
        /// Encrypted: the token has the name mask.
        pub token: Vec<u8>,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        pub version: i64,
        pub created_at: i64,
        pub expires_at: i64,
        pub ended_at: Option<i64>,
        pub end_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A paper code with its encrypted token.
#[derive(Debug, Clone)]
pub struct StoredPaperCode {
    pub paper_code: PaperCode,
    pub sealed_token: Vec<u8>,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("paper_codes.{what}"))
}

impl TryFrom<Model> for StoredPaperCode {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let Model {
            subject_id,
            paper_code_id,
            token_id,
            token,
            colour,
            version,
            created_at,
            expires_at,
            ended_at,
            end_reason,
        } = row;
        let colour = u8::try_from(colour).ok().and_then(Colour::from_wire_code);
        let end = match (ended_at, end_reason) {
            (Some(at), Some(reason)) => Some(End {
                at: Timestamp::from_micros(at),
                reason: reason.parse().map_err(|_| damaged("end_reason"))?,
            }),
            (None, None) => None,
            _ => return Err(damaged("ended_at")),
        };
        Ok(Self {
            paper_code: PaperCode {
                id: read_uuid(&paper_code_id, "paper_codes.paper_code_id")?,
                subject: read_subject(&subject_id, "paper_codes.subject_id")?,
                token_id: token_id.try_into().map_err(|_| damaged("token_id"))?,
                colour: colour.ok_or_else(|| damaged("colour"))?,
                version,
                created_at: Timestamp::from_micros(created_at),
                expires_at: Timestamp::from_micros(expires_at),
                end,
            },
            sealed_token: token,
        })
    }
}

/// Paper codes that are neither over nor ended.
fn active(now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.micros()))
}

pub async fn find(
    connection: &impl ConnectionTrait,
    holder: PermittedSubject,
    id: Uuid,
) -> Result<Option<StoredPaperCode>, StorageError> {
    let row = Entity::find_by_id((subject_bytes(holder.id()), uuid_bytes(id)))
        .one(connection)
        .await?;
    row.map(StoredPaperCode::try_from).transpose()
}

/// The paper code of a token. Only for the verification of the token itself.
pub async fn find_by_token(
    connection: &impl ConnectionTrait,
    token_id: PaperTokenId,
) -> Result<Option<PaperCode>, StorageError> {
    let row = Entity::find()
        .filter(Column::TokenId.eq(token_id.to_vec()))
        .one(connection)
        .await?;
    let stored = row.map(StoredPaperCode::try_from).transpose()?;
    Ok(stored.map(|stored| stored.paper_code))
}

/// The paper codes of a holder after one of them, the newest first: ids are ordered by the time of their creation.
pub async fn list(
    connection: &impl ConnectionTrait,
    holder: PermittedSubject,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<StoredPaperCode>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(holder.id())))
        .order_by_desc(Column::PaperCodeId)
        .limit(limit);
    if let Some(after) = after {
        rows = rows.filter(Column::PaperCodeId.lt(uuid_bytes(after)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredPaperCode::try_from).collect()
}

/// How many paper codes of a holder are valid.
pub async fn count_active(
    transaction: &DatabaseTransaction,
    holder: PermittedSubject,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let rows = active(now).filter(Column::SubjectId.eq(subject_bytes(holder.id())));
    Ok(rows.count(transaction).await?)
}

pub async fn insert(transaction: &DatabaseTransaction, new: StoredPaperCode) -> Result<(), StorageError> {
    let StoredPaperCode {
        paper_code,
        sealed_token,
    } = new;
    let row = ActiveModel {
        subject_id: Set(subject_bytes(paper_code.subject)),
        paper_code_id: Set(uuid_bytes(paper_code.id)),
        token_id: Set(paper_code.token_id.to_vec()),
        token: Set(sealed_token),
        colour: Set(i32::from(paper_code.colour.wire_code())),
        version: Set(paper_code.version),
        created_at: Set(paper_code.created_at.micros()),
        expires_at: Set(paper_code.expires_at.micros()),
        ended_at: Set(None),
        end_reason: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Ends one paper code of a holder; returns whether it was valid.
pub async fn end(
    transaction: &DatabaseTransaction,
    holder: PermittedSubject,
    id: Uuid,
    end: End,
) -> Result<bool, StorageError> {
    let rows = active(end.at)
        .filter(Column::SubjectId.eq(subject_bytes(holder.id())))
        .filter(Column::PaperCodeId.eq(uuid_bytes(id)));
    Ok(end_rows(transaction, rows, end).await? > 0)
}

/// Ends every valid paper code of a holder.
pub async fn end_all(
    transaction: &DatabaseTransaction,
    holder: PermittedSubject,
    end: End,
) -> Result<(), StorageError> {
    let rows = active(end.at).filter(Column::SubjectId.eq(subject_bytes(holder.id())));
    end_rows(transaction, rows, end).await?;
    Ok(())
}

/// Revokes the valid paper codes of `subjects` whose colour is not that of the code in force. The codes must have been written, and are
/// locked, in this transaction.
pub async fn revoke_differing(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
    now: Timestamp,
) -> Result<u64, StorageError> {
    let keys = subjects.iter().map(|subject| subject_bytes(*subject)).collect();
    let differs = Expr::cust(
        "EXISTS (SELECT 1 FROM codes WHERE codes.subject_id = paper_codes.subject_id AND codes.colour <> paper_codes.colour)",
    );
    let rows = active(now)
        .filter(one_of(
            Column::SubjectId,
            transaction.get_database_backend(),
            keys,
        ))
        .filter(differs);
    let end = End {
        at: now,
        reason: EndReason::ColourChanged,
    };
    end_rows(transaction, rows, end).await
}

async fn end_rows(
    transaction: &DatabaseTransaction,
    rows: Select<Entity>,
    end: End,
) -> Result<u64, StorageError> {
    // Locked in one order, so that two transactions never wait for each other. A row that another one has ended meanwhile is not returned.
    let rows = rows
        .order_by_asc(Column::SubjectId)
        .order_by_asc(Column::PaperCodeId)
        .select_only()
        .columns([Column::TokenId, Column::ExpiresAt])
        .lock_exclusive();
    let ended: Vec<(Vec<u8>, i64)> = rows.into_tuple().all(transaction).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    let keys = ended.iter().map(|(token_id, _)| token_id.clone()).collect();
    let updated = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(end.at.micros()))
        .col_expr(Column::EndReason, Expr::value(end.reason.into_str()))
        .filter(one_of(Column::TokenId, transaction.get_database_backend(), keys))
        .exec(transaction)
        .await?;
    let revoked = ended.into_iter().map(|(token_id, expires_at)| {
        let token_id = token_id.try_into().map_err(|_| damaged("token_id"))?;
        Ok((token_id, Timestamp::from_micros(expires_at)))
    });
    let revoked = revoked.collect::<Result<Vec<(PaperTokenId, Timestamp)>, StorageError>>()?;
    revocations::append(transaction, revoked).await?;
    Ok(updated.rows_affected)
}
