//! The tables `attachments` and `attachment_pieces`.

use lutong_kernel::{AttachmentId, Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::domain::attachment::{Attachment, Kept, Progress};
use crate::domain::tracking::TrackingNumber;

pub mod attachment {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attachments")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub attachment_id: Vec<u8>,
        pub tracking_number: String,
        pub created_at: i64,
        pub by_staff: bool,
        /// Absent of one that is complete.
        pub expires_at: Option<i64>,
        pub upload_size: i64,
        pub next_offset: i64,
        /// These three are there together, once it is complete.
        pub media_type: Option<String>,
        pub size: Option<i64>,
        pub digest: Option<Vec<u8>>,
        /// When its case, or the one that went on in its place, was closed.
        pub closed_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod piece {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attachment_pieces")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub attachment_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub start_at: i64,
        /// Encrypted.
        pub content: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Bytes as they are uploaded and as they are kept are never taken for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Upload,
    Kept,
}

fn context(stage: Stage, id: AttachmentId, start: u64) -> Vec<u8> {
    let stage = match stage {
        Stage::Upload => "upload",
        Stage::Kept => "kept",
    };
    format!("attachment_pieces/content/{stage}/{id}/{start}").into_bytes()
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("attachments.{what}"))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl TryFrom<attachment::Model> for Attachment {
    type Error = StorageError;

    fn try_from(row: attachment::Model) -> Result<Self, StorageError> {
        let count = |stored: i64, column| u64::try_from(stored).map_err(|_| damaged(column));
        let progress = match (row.expires_at, row.media_type, row.size, row.digest) {
            (Some(until), None, None, None) => Progress::Uploading(Timestamp::from_micros(until)),
            (None, Some(media_type), Some(size), Some(digest)) => Progress::Ready(Kept {
                media_type: media_type.parse().map_err(|_| damaged("media_type"))?,
                size: count(size, "size")?,
                digest: digest.try_into().map_err(|_| damaged("digest"))?,
            }),
            _ => return Err(damaged("expires_at")),
        };
        let id = read_uuid(&row.attachment_id, "attachments.attachment_id")?;
        Ok(Self {
            id: AttachmentId::from_uuid(id),
            number: TrackingNumber::parse(&row.tracking_number).map_err(|_| damaged("tracking_number"))?,
            created_at: Timestamp::from_micros(row.created_at),
            is_by_staff: row.by_staff,
            upload_size: count(row.upload_size, "upload_size")?,
            next_offset: count(row.next_offset, "next_offset")?,
            progress,
        })
    }
}

/// Stores a file that is begun.
pub async fn insert(
    transaction: &DatabaseTransaction,
    attachment: &Attachment,
    until: Timestamp,
) -> Result<(), StorageError> {
    let row = attachment::ActiveModel {
        attachment_id: Set(uuid_bytes(attachment.id.uuid())),
        tracking_number: Set(attachment.number.as_str().to_owned()),
        created_at: Set(attachment.created_at.micros()),
        by_staff: Set(attachment.is_by_staff),
        expires_at: Set(Some(until.micros())),
        upload_size: Set(number(attachment.upload_size)),
        next_offset: Set(number(attachment.next_offset)),
        media_type: Set(None),
        size: Set(None),
        digest: Set(None),
        closed_at: Set(None),
    };
    attachment::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Files of a complaint that are complete, or may still be: of its filer, or of staff.
pub async fn count(
    transaction: &DatabaseTransaction,
    of: &TrackingNumber,
    is_by_staff: bool,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let lives = Condition::any()
        .add(attachment::Column::ExpiresAt.is_null())
        .add(attachment::Column::ExpiresAt.gt(now.micros()));
    let found = attachment::Entity::find()
        .filter(attachment::Column::TrackingNumber.eq(of.as_str()))
        .filter(attachment::Column::ByStaff.eq(is_by_staff))
        .filter(lives);
    Ok(found.count(transaction).await?)
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: AttachmentId,
) -> Result<Option<Attachment>, StorageError> {
    let row = attachment::Entity::find_by_id(uuid_bytes(id.uuid()))
        .one(connection)
        .await?;
    row.map(Attachment::try_from).transpose()
}

/// A file, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: AttachmentId,
) -> Result<Option<Attachment>, StorageError> {
    let row = attachment::Entity::find_by_id(uuid_bytes(id.uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(Attachment::try_from).transpose()
}

/// Files of a complaint after an id, the oldest first: for staff all that are complete, for its filer all of their own.
pub async fn list(
    connection: &impl ConnectionTrait,
    of: &TrackingNumber,
    is_for_staff: bool,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Attachment>, StorageError> {
    let mut query = attachment::Entity::find().filter(attachment::Column::TrackingNumber.eq(of.as_str()));
    query = if is_for_staff {
        query.filter(attachment::Column::ExpiresAt.is_null())
    } else {
        query.filter(attachment::Column::ByStaff.eq(false))
    };
    if let Some(after) = after {
        query = query.filter(attachment::Column::AttachmentId.gt(uuid_bytes(after)));
    }
    let rows = query
        .order_by_asc(attachment::Column::AttachmentId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Attachment::try_from).collect()
}

/// Adds a piece to a locked file, which then has `next_offset` bytes.
pub async fn append(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    id: AttachmentId,
    start: u64,
    bytes: &[u8],
) -> Result<(), Fault> {
    insert_piece(transaction, cipher, (Stage::Upload, id), start, bytes).await?;
    let next = start + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    attachment::Entity::update_many()
        .col_expr(attachment::Column::NextOffset, Expr::value(number(next)))
        .filter(attachment::Column::AttachmentId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

async fn insert_piece(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    (stage, id): (Stage, AttachmentId),
    start: u64,
    bytes: &[u8],
) -> Result<(), Fault> {
    let row = piece::ActiveModel {
        attachment_id: Set(uuid_bytes(id.uuid())),
        start_at: Set(number(start)),
        content: Set(cipher.encrypt(bytes, &context(stage, id, start))?),
    };
    piece::Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

/// The piece that begins there, and where it begins.
pub async fn piece_at(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    (stage, id): (Stage, AttachmentId),
    start: u64,
) -> Result<Option<Vec<u8>>, Fault> {
    let row = piece::Entity::find_by_id((uuid_bytes(id.uuid()), number(start)))
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    let opened = row.map(|row| cipher.decrypt(&row.content, &context(stage, id, start)));
    Ok(opened.transpose()?)
}

/// Keeps of a locked file these bytes in place of what was uploaded.
pub async fn keep(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    id: AttachmentId,
    kept: &Kept,
    pieces: impl Iterator<Item = &[u8]> + Send,
) -> Result<(), Fault> {
    delete_pieces(transaction, id).await?;
    let mut start = 0;
    for piece in pieces {
        insert_piece(transaction, cipher, (Stage::Kept, id), start, piece).await?;
        start += u64::try_from(piece.len()).unwrap_or(u64::MAX);
    }
    let media_type: &str = kept.media_type.into_str();
    attachment::Entity::update_many()
        .col_expr(attachment::Column::ExpiresAt, Expr::value(Option::<i64>::None))
        .col_expr(attachment::Column::MediaType, Expr::value(media_type))
        .col_expr(attachment::Column::Size, Expr::value(number(kept.size)))
        .col_expr(attachment::Column::Digest, Expr::value(kept.digest.to_vec()))
        .filter(attachment::Column::AttachmentId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

/// Deletes a file that is still being uploaded, with its pieces. Returns `false` where it is complete, or gone.
pub async fn drop_upload(transaction: &DatabaseTransaction, id: AttachmentId) -> Result<bool, StorageError> {
    let deleted = attachment::Entity::delete_many()
        .filter(attachment::Column::AttachmentId.eq(uuid_bytes(id.uuid())))
        .filter(attachment::Column::ExpiresAt.is_not_null())
        .exec(transaction)
        .await?;
    if deleted.rows_affected == 0 {
        return Ok(false);
    }
    delete_pieces(transaction, id).await?;
    Ok(true)
}

async fn delete_pieces(transaction: &DatabaseTransaction, id: AttachmentId) -> Result<(), StorageError> {
    piece::Entity::delete_many()
        .filter(piece::Column::AttachmentId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Files whose time to be uploaded is over.
pub async fn expired(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<AttachmentId>, StorageError> {
    let rows = attachment::Entity::find()
        .filter(attachment::Column::ExpiresAt.lte(now.micros()))
        .select_only()
        .column(attachment::Column::AttachmentId)
        .limit(limit)
        .into_tuple::<Vec<u8>>()
        .all(connection)
        .await?;
    let ids = rows.iter().map(|id| read_uuid(id, "attachments.attachment_id"));
    ids.map(|id| id.map(AttachmentId::from_uuid)).collect()
}

/// Notes of the files of these complaints when their case was closed; `None`: it is open again.
pub async fn set_closed(
    transaction: &DatabaseTransaction,
    of: Vec<String>,
    at: Option<Timestamp>,
) -> Result<(), StorageError> {
    attachment::Entity::update_many()
        .col_expr(
            attachment::Column::ClosedAt,
            Expr::value(at.map(Timestamp::micros)),
        )
        .filter(attachment::Column::TrackingNumber.is_in(of))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The numbers, as stored, after one, of complaints with files whose case was closed by an instant.
pub async fn closed_by(
    connection: &impl ConnectionTrait,
    at: Timestamp,
    after: &str,
    limit: u64,
) -> Result<Vec<String>, StorageError> {
    let found = attachment::Entity::find()
        .select_only()
        .column(attachment::Column::TrackingNumber)
        .distinct()
        .filter(attachment::Column::ClosedAt.lte(at.micros()))
        .filter(attachment::Column::TrackingNumber.gt(after))
        .order_by_asc(attachment::Column::TrackingNumber)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(found)
}

/// Deletes the files of a complaint whose case was closed by an instant, with their pieces; returns how many there were.
pub async fn delete_closed(
    transaction: &DatabaseTransaction,
    of: &TrackingNumber,
    at: Timestamp,
) -> Result<usize, StorageError> {
    let ids: Vec<Vec<u8>> = attachment::Entity::find()
        .select_only()
        .column(attachment::Column::AttachmentId)
        .filter(attachment::Column::TrackingNumber.eq(of.as_str()))
        .filter(attachment::Column::ClosedAt.lte(at.micros()))
        .into_tuple()
        .all(transaction)
        .await?;
    let count = ids.len();
    piece::Entity::delete_many()
        .filter(piece::Column::AttachmentId.is_in(ids.clone()))
        .exec(transaction)
        .await?;
    attachment::Entity::delete_many()
        .filter(attachment::Column::AttachmentId.is_in(ids))
        .exec(transaction)
        .await?;
    Ok(count)
}
