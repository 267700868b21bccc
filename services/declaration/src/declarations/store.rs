//! The table `declarations`: acknowledged applications, arrivals and daily reports.

use lutong_kernel::{ApplicationId, Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::Serialize;

use self::declaration::{ActiveModel, Column, Entity, Model};
use super::domain::Declaration;
use crate::commitments::domain::AcceptedCommitment;
use crate::conversions::store as conversions;

pub mod counts;
pub mod earlier;
pub mod own;
pub mod postponed;

pub mod declaration {
    use sea_orm::entity::prelude::*;

    /// An acknowledged application, arrival or daily report.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "declarations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub declaration_id: Vec<u8>,
        /// `application`, `arrival` or `daily_report`.
        pub kind: String,
        /// Keyed hash of the account that made it.
        pub account: Vec<u8>,
        pub created_at: i64,
        /// Empty for kinds that need no commitment.
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
        /// A missing proof; the subject is the id of the registration until then.
        pub waiting_for: Option<String>,
        pub refused_at: Option<i64>,
        /// What some kinds keep beside the statements, as JSON, encrypted.
        pub details: Option<Vec<u8>>,
        /// Absent for what was accepted before texts were published.
        pub commitment_digest: Option<String>,
        /// The id of the application whose place it takes.
        pub replaces: Option<Vec<u8>>,
        /// The id of the application that took its place.
        pub replaced_by: Option<Vec<u8>>,
        /// The account of the counter staff who entered it.
        pub entered_by: Option<String>,
        /// The step that it waits for, as JSON, encrypted.
        pub pending_step: Option<Vec<u8>>,
        /// When that step is tried; present while it can be tried.
        pub next_check_at: Option<i64>,
        /// Why a proved one was refused.
        pub refusal: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn context(id: ApplicationId) -> Vec<u8> {
    format!("declarations/statements/{id}").into_bytes()
}

fn details_context(id: ApplicationId) -> Vec<u8> {
    format!("declarations/details/{id}").into_bytes()
}

fn step_context(id: ApplicationId) -> Vec<u8> {
    format!("declarations/pending_step/{id}").into_bytes()
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
    for declaration in declarations {
        note_conversion(transaction, declaration).await?;
    }
    Ok(())
}

/// Notes which declaration a conversion belongs to.
async fn note_conversion(
    transaction: &DatabaseTransaction,
    declaration: &Declaration,
) -> Result<(), StorageError> {
    let provenance = declaration.provenance.as_ref();
    match provenance.and_then(|from| from.conversion) {
        Some(conversion) => {
            let arrival = (declaration.account, declaration.id);
            conversions::insert(transaction, conversion, arrival).await
        }
        None => Ok(()),
    }
}

/// Stores what a declaration states after the origin of its converted code changed it.
pub async fn save_revision(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &Declaration,
) -> Result<(), CipherError> {
    let statements = cipher.encrypt(json(&declaration.statements).as_bytes(), &context(declaration.id))?;
    Entity::update_many()
        .col_expr(Column::Statements, Expr::value(statements))
        .col_expr(
            Column::Provenance,
            Expr::value(declaration.provenance.as_ref().map(json)),
        )
        .col_expr(
            Column::InForceAt,
            Expr::value(declaration.in_force_at.map(Timestamp::micros)),
        )
        .filter(Column::SubjectId.eq(subject_bytes(declaration.subject)))
        .filter(Column::DeclarationId.eq(uuid_bytes(declaration.id.uuid())))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

fn encrypt_details(cipher: &ReadyCipher, declaration: &Declaration) -> Result<Option<Vec<u8>>, CipherError> {
    let details = declaration.details.as_ref();
    details
        .map(|one| cipher.encrypt(json(one).as_bytes(), &details_context(declaration.id)))
        .transpose()
}

fn encrypt_step(cipher: &ReadyCipher, declaration: &Declaration) -> Result<Option<Vec<u8>>, CipherError> {
    let step = declaration.pending_step.as_ref();
    step.map(|one| cipher.encrypt(json(one).as_bytes(), &step_context(declaration.id)))
        .transpose()
}

fn row(cipher: &ReadyCipher, declaration: &Declaration) -> Result<ActiveModel, CipherError> {
    let commitment = declaration.commitment.as_ref();
    let details = encrypt_details(cipher, declaration)?;
    Ok(ActiveModel {
        subject_id: Set(subject_bytes(declaration.subject)),
        declaration_id: Set(uuid_bytes(declaration.id.uuid())),
        kind: Set(declaration.kind.into_str().to_owned()),
        account: Set(declaration.account.to_vec()),
        created_at: Set(declaration.created_at.micros()),
        commitment_version: Set(commitment.map(|one| one.version.clone()).unwrap_or_default()),
        commitment_digest: Set(commitment.map(|one| one.digest.clone())),
        replaces: Set(declaration.replaces.map(|id| uuid_bytes(id.uuid()))),
        replaced_by: Set(declaration.replaced_by.map(|id| uuid_bytes(id.uuid()))),
        statements: Set(cipher.encrypt(json(&declaration.statements).as_bytes(), &context(declaration.id))?),
        normalisations: Set(declaration.normalisations.clone()),
        abroad_days: Set(declaration.abroad_days.clone()),
        provenance: Set(declaration.provenance.as_ref().map(json)),
        in_force_at: Set(declaration.in_force_at.map(Timestamp::micros)),
        waiting_for: Set(declaration
            .waiting_for
            .map(|missing| missing.into_str().to_owned())),
        refused_at: Set(declaration.refused_at.map(Timestamp::micros)),
        details: Set(details),
        entered_by: Set(declaration.entered_by.clone()),
        pending_step: Set(encrypt_step(cipher, declaration)?),
        next_check_at: Set(declaration.first_check_at().map(Timestamp::micros)),
        refusal: Set(declaration.refusal.clone()),
    })
}

fn read(cipher: &ReadyCipher, row: Model) -> Result<Declaration, Fault> {
    let damaged = |what: &str| Fault::from(StorageError::Damaged(format!("declarations.{what}")));
    let id = ApplicationId::from_uuid(read_uuid(&row.declaration_id, "declarations.declaration_id")?);
    let statements = cipher.decrypt(&row.statements, &context(id))?;
    let details = row
        .details
        .map(|sealed| cipher.decrypt(&sealed, &details_context(id)));
    let details = details.transpose()?;
    let details = details.map(|text| serde_json::from_slice(&text)).transpose();
    let step = row
        .pending_step
        .map(|sealed| cipher.decrypt(&sealed, &step_context(id)));
    let step = step.transpose()?.map(|text| serde_json::from_slice(&text));
    let waiting_for = row.waiting_for.map(|name| name.parse()).transpose();
    let provenance = row.provenance.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Declaration {
        id,
        subject: read_subject(&row.subject_id, "declarations.subject_id")?,
        kind: row.kind.parse().map_err(|_| damaged("kind"))?,
        account: row.account.try_into().map_err(|_| damaged("account"))?,
        created_at: Timestamp::from_micros(row.created_at),
        commitment: commitment(row.commitment_version, row.commitment_digest),
        statements: serde_json::from_slice(&statements).map_err(|_| damaged("statements"))?,
        normalisations: row.normalisations,
        abroad_days: row.abroad_days,
        provenance: provenance.map_err(|_| damaged("provenance"))?,
        details: details.map_err(|_| damaged("details"))?,
        in_force_at: row.in_force_at.map(Timestamp::from_micros),
        waiting_for: waiting_for.map_err(|_| damaged("waiting_for"))?,
        refused_at: row.refused_at.map(Timestamp::from_micros),
        refusal: row.refusal,
        pending_step: step.transpose().map_err(|_| damaged("pending_step"))?,
        replaces: other(row.replaces, "declarations.replaces")?,
        replaced_by: other(row.replaced_by, "declarations.replaced_by")?,
        entered_by: row.entered_by,
    })
}

fn commitment(version: String, digest: Option<String>) -> Option<AcceptedCommitment> {
    (!version.is_empty()).then(|| AcceptedCommitment {
        version,
        digest: digest.unwrap_or_default(),
    })
}

fn other(id: Option<Vec<u8>>, column: &'static str) -> Result<Option<ApplicationId>, StorageError> {
    id.map(|id| read_uuid(&id, column).map(ApplicationId::from_uuid))
        .transpose()
}

/// A declaration of one of these accounts.
pub async fn find(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    accounts: &[[u8; 32]],
    id: ApplicationId,
) -> Result<Option<Declaration>, Fault> {
    let row = Entity::find()
        .filter(Column::Account.is_in(accounts.iter().map(|account| account.to_vec())))
        .filter(Column::DeclarationId.eq(uuid_bytes(id.uuid())))
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    row.map(|row| read(cipher, row)).transpose()
}

/// The declarations with these keys, in no order.
pub async fn of_keys(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    keys: &[(SubjectId, ApplicationId)],
) -> Result<Vec<Declaration>, Fault> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find()
        .filter(Column::SubjectId.is_in(keys.iter().map(|(subject, _)| subject_bytes(*subject))))
        .filter(Column::DeclarationId.is_in(keys.iter().map(|(_, id)| uuid_bytes(id.uuid()))))
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// The declarations of a registration that waits for a proof.
pub async fn of_registration(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    registration: SubjectId,
) -> Result<Vec<Declaration>, Fault> {
    let rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(registration)))
        .filter(Column::WaitingFor.is_not_null())
        // Ids grow with time: what replaces another comes after it.
        .order_by_asc(Column::DeclarationId)
        // A concurrent replacement is waited for.
        .lock_exclusive()
        .all(transaction)
        .await
        .map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// Stores what became of a declaration that waited, which was of `subject` until now, and when its step is tried.
pub async fn settle(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
    declaration: &Declaration,
    next_check_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let statements = cipher.encrypt(json(&declaration.statements).as_bytes(), &context(declaration.id))?;
    let details = encrypt_details(cipher, declaration)?;
    Entity::update_many()
        .col_expr(Column::SubjectId, Expr::value(subject_bytes(declaration.subject)))
        .col_expr(Column::Statements, Expr::value(statements))
        .col_expr(Column::Details, Expr::value(details))
        .col_expr(
            Column::Replaces,
            Expr::value(declaration.replaces.map(|id| uuid_bytes(id.uuid()))),
        )
        .col_expr(
            Column::WaitingFor,
            Expr::value(declaration.waiting_for.map(|missing| missing.into_str())),
        )
        .col_expr(
            Column::RefusedAt,
            Expr::value(declaration.refused_at.map(Timestamp::micros)),
        )
        .col_expr(Column::Refusal, Expr::value(declaration.refusal.clone()))
        .col_expr(
            Column::Provenance,
            Expr::value(declaration.provenance.as_ref().map(json)),
        )
        .col_expr(
            Column::PendingStep,
            Expr::value(encrypt_step(cipher, declaration)?),
        )
        .col_expr(
            Column::NextCheckAt,
            Expr::value(next_check_at.map(Timestamp::micros)),
        )
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::DeclarationId.eq(uuid_bytes(declaration.id.uuid())))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    note_conversion(transaction, declaration).await?;
    Ok(())
}

/// Records which application took the place of another of its account. Returns false when that one was replaced or refused before.
pub async fn set_replaced(
    transaction: &DatabaseTransaction,
    account: &[u8; 32],
    replaced: ApplicationId,
    by: ApplicationId,
) -> Result<bool, StorageError> {
    let changed = Entity::update_many()
        .col_expr(Column::ReplacedBy, Expr::value(uuid_bytes(by.uuid())))
        .filter(Column::Account.eq(account.to_vec()))
        .filter(Column::DeclarationId.eq(uuid_bytes(replaced.uuid())))
        .filter(Column::ReplacedBy.is_null())
        .filter(Column::RefusedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
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
