//! Earlier declarations of a person whose statements a new one corrects.

use std::collections::HashSet;

use lutong_kernel::{Fault, SubjectId};
use lutong_storage::column::subject_bytes;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::{StorageError, advisory};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use super::declaration::{Column, Entity};
use super::read;
use crate::declarations::domain::statement::Statement;
use crate::declarations::domain::{Declaration, DeclarationKind};

/// Arrivals that are read to find the one that no other replaces. The last one stored need not be the last one received, when several
/// arrive at once.
const ARRIVALS_READ: u64 = 32;
/// Daily reports that are read to find symptoms that are not over. Older ones ended by themselves under every rule set.
const REPORTS_READ: u64 = 100;

/// Serialises the declarations of one subject that correct or count earlier ones, so that each sees those stored before it.
pub(super) async fn lock(transaction: &DatabaseTransaction, subject: SubjectId) -> Result<(), StorageError> {
    let (high, low) = subject.uuid().as_u64_pair();
    advisory::lock(transaction, (high ^ low).cast_signed()).await
}

/// The newest `limit` of these declarations of a subject.
async fn newest(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    rows: Select<Entity>,
    limit: u64,
) -> Result<Vec<Declaration>, Fault> {
    let rows = rows
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::DeclarationId)
        .limit(limit)
        .all(transaction)
        .await
        .map_err(StorageError::from)?;
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// The statement key of the subject's converted code that no other code has replaced.
pub async fn current_partner_code(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
) -> Result<Option<String>, Fault> {
    lock(transaction, subject).await?;
    let rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::Provenance.is_not_null());
    let arrivals = newest(transaction, cipher, rows, ARRIVALS_READ).await?;
    let (mut keys, mut replaced) = (Vec::with_capacity(arrivals.len()), HashSet::new());
    for arrival in arrivals {
        replaced.extend(arrival.statements.into_iter().filter_map(|one| one.replaces));
        keys.extend(arrival.provenance.map(|from| from.statement_key));
    }
    Ok(keys.into_iter().find(|key| !replaced.contains(key)))
}

/// The subject's statements of symptoms that no recovery has ended.
pub async fn open_symptoms(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
) -> Result<Vec<Statement>, Fault> {
    lock(transaction, subject).await?;
    let rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::Kind.eq(DeclarationKind::DailyReport.into_str()));
    let reports = newest(transaction, cipher, rows, REPORTS_READ).await?;
    let (mut stated, mut ended) = (Vec::new(), HashSet::new());
    for statement in reports.into_iter().flat_map(|report| report.statements) {
        match statement.replaces {
            Some(key) => _ = ended.insert(key),
            None => stated.push(statement),
        }
    }
    stated.retain(|one| !ended.contains(&one.key));
    Ok(stated)
}
