//! The table `declarations`: acknowledged applications and arrivals.

use std::collections::HashSet;

use lutong_kernel::{ApplicationId, Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::Serialize;
use uuid::Uuid;

use self::declaration::{ActiveModel, Column, Entity, Model};
use super::domain::{Declaration, DeclarationKind};

pub mod declaration {
    use sea_orm::entity::prelude::*;

    /// An acknowledged application or arrival.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "declarations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub declaration_id: Vec<u8>,
        /// `application` or `arrival`.
        pub kind: String,
        /// Keyed hash of the account that made it.
        pub account: Vec<u8>,
        pub created_at: i64,
        pub commitment_version: String,
        /// What was stated, as JSON, encrypted.
        pub statements: Vec<u8>,
        /// Names of the contract, blank-separated.
        pub normalisations: String,
        /// Days abroad, blank-separated.
        pub abroad_days: String,
        /// The provenance of a converted code, as JSON.
        pub provenance: Option<String>,
        pub in_force_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn context(id: ApplicationId) -> Vec<u8> {
    format!("declarations/statements/{id}").into_bytes()
}

fn json(value: &impl Serialize) -> String {
    // Plain data: it always serialises.
    serde_json::to_string(value).unwrap_or_default()
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declarations: &[&Declaration],
) -> Result<(), CipherError> {
    let rows = declarations.iter().map(|declaration| row(cipher, declaration));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

fn row(cipher: &ReadyCipher, declaration: &Declaration) -> Result<ActiveModel, CipherError> {
    Ok(ActiveModel {
        subject_id: Set(subject_bytes(declaration.subject)),
        declaration_id: Set(uuid_bytes(declaration.id.uuid())),
        kind: Set(declaration.kind.into_str().to_owned()),
        account: Set(declaration.account.to_vec()),
        created_at: Set(declaration.created_at.micros()),
        commitment_version: Set(declaration.commitment_version.clone()),
        statements: Set(cipher.encrypt(json(&declaration.statements).as_bytes(), &context(declaration.id))?),
        normalisations: Set(declaration.normalisations.clone()),
        abroad_days: Set(declaration.abroad_days.clone()),
        provenance: Set(declaration.provenance.as_ref().map(json)),
        in_force_at: Set(declaration.in_force_at.map(Timestamp::micros)),
    })
}

fn read(cipher: &ReadyCipher, row: Model) -> Result<Declaration, Fault> {
    let damaged = |what: &str| Fault::from(StorageError::Damaged(format!("declarations.{what}")));
    let id = ApplicationId::from_uuid(read_uuid(&row.declaration_id, "declarations.declaration_id")?);
    let statements = cipher.decrypt(&row.statements, &context(id))?;
    let provenance = row.provenance.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Declaration {
        id,
        subject: read_subject(&row.subject_id, "declarations.subject_id")?,
        kind: row.kind.parse().map_err(|_| damaged("kind"))?,
        account: row.account.try_into().map_err(|_| damaged("account"))?,
        created_at: Timestamp::from_micros(row.created_at),
        commitment_version: row.commitment_version,
        statements: serde_json::from_slice(&statements).map_err(|_| damaged("statements"))?,
        normalisations: row.normalisations,
        abroad_days: row.abroad_days,
        provenance: provenance.map_err(|_| damaged("provenance"))?,
        in_force_at: row.in_force_at.map(Timestamp::from_micros),
    })
}

pub async fn find(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    subject: PermittedSubject,
    id: ApplicationId,
) -> Result<Option<Declaration>, Fault> {
    first_answer(connection, cipher, subject.id(), id).await
}

/// The declaration that answered a request before.
pub async fn first_answer(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    subject: SubjectId,
    id: ApplicationId,
) -> Result<Option<Declaration>, Fault> {
    let key = (subject_bytes(subject), uuid_bytes(id.uuid()));
    let row = Entity::find_by_id(key)
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    row.map(|row| read(cipher, row)).transpose()
}

/// Selects the declarations of one kind of a subject and an account.
#[derive(Debug, Clone, Copy)]
pub struct OwnDeclarations {
    pub subject: PermittedSubject,
    pub account: [u8; 32],
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
        .filter(Column::SubjectId.eq(subject_bytes(own.subject.id())))
        .filter(Column::Account.eq(own.account.to_vec()))
        .filter(Column::Kind.eq(own.kind.into_str()))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::DeclarationId)
        .limit(limit);
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

/// Arrivals that are read to find the one that no other replaces. The last one stored need not be the last one received, when several
/// arrive at once.
const ARRIVALS_READ: u64 = 32;

/// The statement key of the subject's converted code that no other code has replaced. On PostgreSQL an advisory lock serialises the
/// arrivals of one subject, so that each replaces the one stored before it.
pub async fn current_partner_code(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
) -> Result<Option<String>, Fault> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let (high, low) = subject.uuid().as_u64_pair();
        #[allow(clippy::cast_possible_wrap)] // any 64 bits will do
        let lock = format!("SELECT pg_advisory_xact_lock({})", (high ^ low) as i64);
        transaction
            .execute_unprepared(&lock)
            .await
            .map_err(StorageError::from)?;
    }
    let rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::Provenance.is_not_null())
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::DeclarationId)
        .limit(ARRIVALS_READ)
        .all(transaction)
        .await
        .map_err(StorageError::from)?;
    let (mut keys, mut replaced) = (Vec::with_capacity(rows.len()), HashSet::new());
    for row in rows {
        let declaration = read(cipher, row)?;
        replaced.extend(declaration.statements.into_iter().filter_map(|one| one.replaces));
        keys.extend(declaration.provenance.map(|from| from.statement_key));
    }
    Ok(keys.into_iter().find(|key| !replaced.contains(key)))
}

/// Records that declarations are in force.
pub async fn set_in_force(
    transaction: &DatabaseTransaction,
    declarations: &[(SubjectId, ApplicationId)],
    at: Timestamp,
) -> Result<(), StorageError> {
    for (subject, id) in declarations {
        Entity::update_many()
            .col_expr(Column::InForceAt, Expr::value(at.micros()))
            .filter(Column::SubjectId.eq(subject_bytes(*subject)))
            .filter(Column::DeclarationId.eq(uuid_bytes(id.uuid())))
            .filter(Column::InForceAt.is_null())
            .exec(transaction)
            .await?;
    }
    Ok(())
}
