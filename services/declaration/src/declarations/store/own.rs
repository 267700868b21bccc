//! The declarations of an account, page by page.

use lutong_kernel::Fault;
use lutong_storage::StorageError;
use lutong_storage::column::{subject_bytes, uuid_bytes};
use lutong_storage::crypto::ReadyCipher;
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::declaration::{Column, Entity};
use super::read;
use crate::declarations::domain::{Declaration, DeclarationKind};

/// Selects the declarations of one kind of an account: about the person whom it holds now, about nobody yet, or about a ward.
#[derive(Debug, Clone)]
pub struct OwnDeclarations {
    pub person: Option<PermittedSubject>,
    /// The account, and that of what counters entered for its person.
    pub accounts: Vec<[u8; 32]>,
    pub kind: DeclarationKind,
}

/// The position of a declaration in the list, which has the newest first: the key of a page token.
#[derive(Debug, Clone, Copy)]
pub struct ListPosition {
    created_at: i64,
    id: Uuid,
}

impl ListPosition {
    pub const fn of(declaration: &Declaration) -> Self {
        Self {
            created_at: declaration.created_at.micros(),
            id: declaration.id.uuid(),
        }
    }

    pub fn write(self) -> Vec<u8> {
        [&self.created_at.to_be_bytes()[..], self.id.as_bytes()].concat()
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (created_at, id) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            created_at: i64::from_be_bytes(*created_at),
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

/// Own declarations after a position, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    own: &OwnDeclarations,
    after: Option<ListPosition>,
    limit: u64,
) -> Result<Vec<Declaration>, Fault> {
    let mut rows = Entity::find()
        .filter(Column::Account.is_in(own.accounts.iter().map(|account| account.to_vec())))
        .filter(Column::Kind.eq(own.kind.into_str()))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::DeclarationId)
        .limit(limit);
    if own.kind.is_about_oneself() {
        let mut readable = Column::WaitingFor
            .is_not_null()
            .or(Column::RefusedAt.is_not_null());
        if let Some(person) = own.person {
            readable = readable.or(Column::SubjectId.eq(subject_bytes(person.id())));
        }
        rows = rows.filter(readable);
    }
    if let Some(after) = after {
        let same_instant = Column::CreatedAt.eq(after.created_at);
        let beyond = Column::CreatedAt
            .lt(after.created_at)
            .or(same_instant.and(Column::DeclarationId.lt(uuid_bytes(after.id))));
        rows = rows.filter(beyond);
    }
    let rows = rows.all(connection).await.map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}
