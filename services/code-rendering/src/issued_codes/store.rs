//! The table `issued_codes`. Whatever ends a code that is valid also writes its revocation, in the same transaction.

use lutong_kernel::{Colour, SubjectId, Timestamp};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::{StorageError, one_of};
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use strum::VariantArray as _;
use uuid::Uuid;

use self::issued_code::{ActiveModel, Column, Entity, Model};
use super::domain::{End, EndReason, IssuedCode, IssuedKind, IssuedTokenId};
use crate::revocations::store as revocations;

pub mod issued_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "issued_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub code_id: Vec<u8>,
        pub kind: String,
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

/// A code with its encrypted token.
#[derive(Debug, Clone)]
pub struct SealedCode {
    pub code: IssuedCode,
    pub sealed_token: Vec<u8>,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("issued_codes.{what}"))
}

impl TryFrom<Model> for SealedCode {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let Model {
            subject_id,
            code_id,
            kind,
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
            code: IssuedCode {
                id: read_uuid(&code_id, "issued_codes.code_id")?,
                subject: read_subject(&subject_id, "issued_codes.subject_id")?,
                kind: kind.parse().map_err(|_| damaged("kind"))?,
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

/// The codes of one kind and holder.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    pub holder: PermittedSubject,
    pub kind: IssuedKind,
}

impl Of {
    fn restrict(self, rows: Select<Entity>) -> Select<Entity> {
        rows.filter(Column::SubjectId.eq(subject_bytes(self.holder.id())))
            .filter(Column::Kind.eq(self.kind.into_str()))
    }
}

/// Codes that are neither over nor ended.
fn active(now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.micros()))
}

pub async fn find(
    connection: &impl ConnectionTrait,
    of: Of,
    id: Uuid,
) -> Result<Option<SealedCode>, StorageError> {
    let row = of
        .restrict(Entity::find())
        .filter(Column::CodeId.eq(uuid_bytes(id)));
    let row = row.one(connection).await?;
    row.map(SealedCode::try_from).transpose()
}

/// The code of a token. Only for the verification of the token itself.
pub async fn find_by_token(
    connection: &impl ConnectionTrait,
    token_id: IssuedTokenId,
) -> Result<Option<IssuedCode>, StorageError> {
    let row = Entity::find()
        .filter(Column::TokenId.eq(token_id.to_vec()))
        .one(connection)
        .await?;
    let stored = row.map(SealedCode::try_from).transpose()?;
    Ok(stored.map(|stored| stored.code))
}

/// The codes of one kind and holder after one of them, the newest first: ids are ordered by the time of their creation.
pub async fn list(
    connection: &impl ConnectionTrait,
    of: Of,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<SealedCode>, StorageError> {
    let mut rows = of
        .restrict(Entity::find())
        .order_by_desc(Column::CodeId)
        .limit(limit);
    if let Some(after) = after {
        rows = rows.filter(Column::CodeId.lt(uuid_bytes(after)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(SealedCode::try_from).collect()
}

/// The valid codes of one kind of several holders, the newest first.
pub async fn active_of(
    connection: &impl ConnectionTrait,
    kind: IssuedKind,
    holders: &[PermittedSubject],
    now: Timestamp,
) -> Result<Vec<SealedCode>, StorageError> {
    let holders = holders.iter().map(|holder| subject_bytes(holder.id()));
    let rows = active(now)
        .filter(Column::SubjectId.is_in(holders))
        .filter(Column::Kind.eq(kind.into_str()))
        .order_by_desc(Column::CodeId)
        .all(connection)
        .await?;
    rows.into_iter().map(SealedCode::try_from).collect()
}

/// How many codes of one kind and holder are valid.
pub async fn count_active(
    transaction: &DatabaseTransaction,
    of: Of,
    now: Timestamp,
) -> Result<u64, StorageError> {
    Ok(of.restrict(active(now)).count(transaction).await?)
}

pub async fn insert(transaction: &DatabaseTransaction, new: SealedCode) -> Result<(), StorageError> {
    let SealedCode { code, sealed_token } = new;
    let row = ActiveModel {
        subject_id: Set(subject_bytes(code.subject)),
        code_id: Set(uuid_bytes(code.id)),
        kind: Set(code.kind.into_str().to_owned()),
        token_id: Set(code.token_id.to_vec()),
        token: Set(sealed_token),
        colour: Set(i32::from(code.colour.wire_code())),
        version: Set(code.version),
        created_at: Set(code.created_at.micros()),
        expires_at: Set(code.expires_at.micros()),
        ended_at: Set(None),
        end_reason: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Ends one code; returns whether it was valid.
pub async fn end(
    transaction: &DatabaseTransaction,
    of: Of,
    id: Uuid,
    end: End,
) -> Result<bool, StorageError> {
    let rows = of
        .restrict(active(end.at))
        .filter(Column::CodeId.eq(uuid_bytes(id)));
    Ok(end_rows(transaction, rows, end).await? > 0)
}

/// Ends every valid code of one kind and holder.
pub async fn end_all(transaction: &DatabaseTransaction, of: Of, end: End) -> Result<(), StorageError> {
    end_rows(transaction, of.restrict(active(end.at)), end).await?;
    Ok(())
}

/// Revokes the valid codes of `subjects` that follow the colour and whose colour is not that of the code in force. The codes must have been
/// written, and are locked, in this transaction.
pub async fn revoke_differing(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
    now: Timestamp,
) -> Result<u64, StorageError> {
    let keys = subjects.iter().map(|subject| subject_bytes(*subject)).collect();
    let differs = Expr::cust(
        "EXISTS (SELECT 1 FROM codes WHERE codes.subject_id = issued_codes.subject_id AND codes.colour <> issued_codes.colour)",
    );
    let following = IssuedKind::VARIANTS.iter().filter(|kind| kind.follows_colour());
    let rows = active(now)
        .filter(Column::Kind.is_in(following.map(IssuedKind::into_str)))
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
        .order_by_asc(Column::CodeId)
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
    let revoked = revoked.collect::<Result<Vec<(IssuedTokenId, Timestamp)>, StorageError>>()?;
    revocations::append(transaction, revoked).await?;
    Ok(updated.rows_affected)
}
