//! The tables `registrations`, which wait for a proof, and `account_identities`, what channels have verified.

pub mod shown_documents;

use lutong_kernel::{MissingProof, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::registration::{ActiveModel, Column, Entity, Model};
use crate::accounts::domain::AccountId;
use crate::people::store::{DocumentIndex, SealedPerson};

pub mod registration {
    use sea_orm::entity::prelude::*;

    /// A registration that waits for a proof, or did. Its items are erased when it ends.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "registrations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub registration_id: Vec<u8>,
        pub account_id: String,
        pub document_index: Vec<u8>,
        pub full_name: Option<Vec<u8>>,
        pub document: Option<Vec<u8>>,
        pub mobile: Option<Vec<u8>>,
        pub nationality: Option<Vec<u8>>,
        pub home: Option<Vec<u8>>,
        pub mobile_index: Vec<u8>,
        /// Whether the account has shown a code that was sent to the mobile.
        pub mobile_proved: bool,
        /// A missing proof, or how it ended.
        pub state: String,
        pub created_at: i64,
        /// When the authority is asked again.
        pub next_check_at: Option<i64>,
        pub ended_at: Option<i64>,
        /// How many documents or names that differ were shown at counters.
        pub wrong_documents: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account_identity {
    use sea_orm::entity::prelude::*;

    /// The name and document that a channel has verified for an account.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_identities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: String,
        pub document_index: Vec<u8>,
        /// Encrypted.
        pub full_name: Vec<u8>,
        pub mobile_index: Option<Vec<u8>>,
        pub verified_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How a registration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum End {
    Proved,
    Refused,
    Expired,
    /// The account has registered again.
    Replaced,
}

/// A registration that waits.
#[derive(Debug, Clone)]
pub struct WaitingRegistration {
    pub id: Uuid,
    pub account: AccountId,
    pub index: DocumentIndex,
    pub sealed: SealedPerson,
    pub mobile_index: [u8; 32],
    pub mobile_proved: bool,
    pub missing: MissingProof,
    pub created_at: Timestamp,
}

impl WaitingRegistration {
    /// The subject under which its items are encrypted, which is nobody's.
    pub const fn seal_subject(&self) -> SubjectId {
        SubjectId::from_uuid(self.id)
    }
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("registrations.{what}"))
}

impl TryFrom<Model> for WaitingRegistration {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let sealed =
            SealedPerson::of_columns(row.full_name, row.document, row.mobile, row.nationality, row.home);
        Ok(Self {
            id: read_uuid(&row.registration_id, "registrations.registration_id")?,
            account: AccountId::stored(&row.account_id).map_err(|_| damaged("account_id"))?,
            index: row
                .document_index
                .try_into()
                .map_err(|_| damaged("document_index"))?,
            sealed: sealed.ok_or_else(|| damaged("full_name"))?,
            mobile_index: row.mobile_index.try_into().map_err(|_| damaged("mobile_index"))?,
            mobile_proved: row.mobile_proved,
            missing: row.state.parse().map_err(|_| damaged("state"))?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    new: WaitingRegistration,
    next_check_at: Option<Timestamp>,
) -> Result<(), StorageError> {
    let [full_name, document, mobile, nationality, home] = new.sealed.into_columns();
    let row = ActiveModel {
        registration_id: Set(uuid_bytes(new.id)),
        account_id: Set(new.account.as_str().to_owned()),
        document_index: Set(new.index.to_vec()),
        full_name: Set(Some(full_name)),
        document: Set(Some(document)),
        mobile: Set(Some(mobile)),
        nationality: Set(Some(nationality)),
        home: Set(Some(home)),
        mobile_index: Set(new.mobile_index.to_vec()),
        mobile_proved: Set(new.mobile_proved),
        state: Set(new.missing.into_str().to_owned()),
        created_at: Set(new.created_at.micros()),
        next_check_at: Set(next_check_at.map(Timestamp::micros)),
        ended_at: Set(None),
        wrong_documents: Set(0),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// The registrations of an account that wait.
pub async fn of_account(
    connection: &impl ConnectionTrait,
    account: &AccountId,
) -> Result<Vec<WaitingRegistration>, StorageError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.as_str()))
        .filter(Column::EndedAt.is_null())
        .all(connection)
        .await?;
    rows.into_iter().map(WaitingRegistration::try_from).collect()
}

/// Whether a registration of one of these accounts waits.
pub async fn any_waiting(
    connection: &impl ConnectionTrait,
    accounts: &[&AccountId],
) -> Result<bool, StorageError> {
    if accounts.is_empty() {
        return Ok(false);
    }
    let waiting = Entity::find()
        .select_only()
        .column(Column::RegistrationId)
        .filter(Column::AccountId.is_in(accounts.iter().map(|account| account.as_str())))
        .filter(Column::EndedAt.is_null())
        .into_tuple::<Vec<u8>>()
        .one(connection)
        .await?;
    Ok(waiting.is_some())
}

/// A registration that waits, which nobody else decides until the transaction ends.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: Uuid,
) -> Result<Option<WaitingRegistration>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id))
        .filter(Column::EndedAt.is_null())
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(WaitingRegistration::try_from).transpose()
}

/// Takes registrations whose check is due, the longest overdue first, and puts their next check off until `retry_at`: another worker
/// passes them over, and after a crash they are taken again.
pub async fn take_due(
    transaction: &DatabaseTransaction,
    now: Timestamp,
    retry_at: Timestamp,
    limit: u64,
) -> Result<Vec<WaitingRegistration>, StorageError> {
    let due = Entity::find()
        .filter(Column::NextCheckAt.lte(now.micros()))
        .order_by_asc(Column::NextCheckAt)
        .limit(limit)
        .all(transaction)
        .await?;
    let ids: Vec<_> = due.iter().map(|row| row.registration_id.clone()).collect();
    Entity::update_many()
        .col_expr(Column::NextCheckAt, Expr::value(retry_at.micros()))
        .filter(Column::RegistrationId.is_in(ids))
        .exec(transaction)
        .await?;
    due.into_iter().map(WaitingRegistration::try_from).collect()
}

/// Registrations that were made before an instant and still wait.
pub async fn older(
    connection: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, StorageError> {
    let ids: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::RegistrationId)
        .filter(Column::CreatedAt.lt(before.micros()))
        .filter(Column::EndedAt.is_null())
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    ids.iter()
        .map(|id| read_uuid(id, "registrations.registration_id"))
        .collect()
}

/// Records that a registration waits for another proof now, which no check gives.
pub async fn wait_for(
    transaction: &DatabaseTransaction,
    id: Uuid,
    missing: MissingProof,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(missing.into_str()))
        .col_expr(Column::NextCheckAt, Expr::value(Option::<i64>::None))
        .filter(Column::RegistrationId.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends registrations and erases their items. One that has ended already is passed over; returns how many were not.
pub async fn end(
    transaction: &DatabaseTransaction,
    ids: &[Uuid],
    end: End,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let nothing = || Expr::value(Option::<Vec<u8>>::None);
    let ended = Entity::update_many()
        .col_expr(Column::State, Expr::value(end.into_str()))
        .col_expr(Column::FullName, nothing())
        .col_expr(Column::Document, nothing())
        .col_expr(Column::Mobile, nothing())
        .col_expr(Column::Nationality, nothing())
        .col_expr(Column::Home, nothing())
        .col_expr(Column::NextCheckAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::EndedAt, Expr::value(now.micros()))
        .filter(Column::RegistrationId.is_in(ids.iter().map(|id| uuid_bytes(*id))))
        .filter(Column::EndedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(ended.rows_affected)
}

/// What a channel has verified for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountIdentity {
    pub index: DocumentIndex,
    /// Encrypted for the account.
    pub sealed_name: Vec<u8>,
    pub mobile_index: Option<[u8; 32]>,
}

/// What a verified name is encrypted for.
pub fn name_context(account: &AccountId) -> Vec<u8> {
    format!("account_identities/full_name/{}", account.as_str()).into_bytes()
}

pub async fn identity_of(
    connection: &impl ConnectionTrait,
    account: &AccountId,
) -> Result<Option<AccountIdentity>, StorageError> {
    let row = account_identity::Entity::find_by_id(account.as_str().to_owned())
        .one(connection)
        .await?;
    let damaged = |what: &str| StorageError::Damaged(format!("account_identities.{what}"));
    row.map(|row| {
        let mobile = row
            .mobile_index
            .map(|bytes| bytes.try_into().map_err(|_| damaged("mobile_index")));
        Ok(AccountIdentity {
            index: row
                .document_index
                .try_into()
                .map_err(|_| damaged("document_index"))?,
            sealed_name: row.full_name,
            mobile_index: mobile.transpose()?,
        })
    })
    .transpose()
}

/// Stores what a channel verifies now, in place of what it did before.
pub async fn save_identity(
    transaction: &DatabaseTransaction,
    account: &AccountId,
    identity: AccountIdentity,
    now: Timestamp,
) -> Result<(), StorageError> {
    use account_identity::Column;
    let row = account_identity::ActiveModel {
        account_id: Set(account.as_str().to_owned()),
        document_index: Set(identity.index.to_vec()),
        full_name: Set(identity.sealed_name),
        mobile_index: Set(identity.mobile_index.map(|index| index.to_vec())),
        verified_at: Set(now.micros()),
    };
    let replaced = OnConflict::column(Column::AccountId)
        .update_columns([
            Column::DocumentIndex,
            Column::FullName,
            Column::MobileIndex,
            Column::VerifiedAt,
        ])
        .to_owned();
    account_identity::Entity::insert(row)
        .on_conflict(replaced)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
