//! The table `patient_bindings`.

use lutong_kernel::{MedicalInstitutionId, PatientBindingId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::{CipherError, Key, ReadyCipher, keyed_hash};
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::patient_binding::{ActiveModel, Column, Entity, Model};
use super::domain::PatientBinding;

pub mod patient_binding {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "patient_bindings")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub binding_id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub institution_id: Vec<u8>,
        /// Keyed hash of the number at the institution.
        pub patient_index: Vec<u8>,
        /// Encrypted; erased with the end.
        pub patient_number: Option<Vec<u8>>,
        pub created_at: i64,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A stored binding.
#[derive(Debug, Clone)]
pub struct StoredBinding {
    pub binding: PatientBinding,
    sealed_number: Option<Vec<u8>>,
}

impl StoredBinding {
    /// The patient number; none once it has ended.
    pub fn number(&self, cipher: &ReadyCipher) -> Result<Option<String>, CipherError> {
        let sealed = self.sealed_number.as_ref();
        sealed
            .map(|sealed| cipher.decrypt_text(sealed, &context(self.binding.id)))
            .transpose()
    }
}

fn context(id: PatientBindingId) -> Vec<u8> {
    format!("patient_bindings/patient_number/{id}").into_bytes()
}

impl TryFrom<Model> for StoredBinding {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let institution = read_uuid(&row.institution_id, "patient_bindings.institution_id")?;
        let id = read_uuid(&row.binding_id, "patient_bindings.binding_id")?;
        Ok(Self {
            binding: PatientBinding {
                id: PatientBindingId::from_uuid(id),
                subject: read_subject(&row.subject_id, "patient_bindings.subject_id")?,
                institution: MedicalInstitutionId::from_uuid(institution),
                created_at: Timestamp::from_micros(row.created_at),
                ended_at: row.ended_at.map(Timestamp::from_micros),
            },
            sealed_number: row.patient_number,
        })
    }
}

/// A patient number, encrypted for its binding.
#[derive(Debug, Clone)]
pub struct SealedPatientNumber {
    index: [u8; 32],
    sealed: Vec<u8>,
}

impl SealedPatientNumber {
    pub fn seal(
        cipher: &ReadyCipher,
        key: &Key,
        binding: &PatientBinding,
        number: &str,
    ) -> Result<Self, CipherError> {
        let text = format!("patient number\n{}\n{number}", binding.institution);
        Ok(Self {
            index: keyed_hash(key, text.as_bytes()),
            sealed: cipher.encrypt(number.as_bytes(), &context(binding.id))?,
        })
    }
}

/// The active binding of a person at an institution.
pub async fn of_person(
    connection: &impl ConnectionTrait,
    institution: MedicalInstitutionId,
    subject: SubjectId,
) -> Result<Option<StoredBinding>, StorageError> {
    let row = Entity::find()
        .filter(Column::InstitutionId.eq(uuid_bytes(institution.uuid())))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::EndedAt.is_null());
    row.one(connection)
        .await?
        .map(StoredBinding::try_from)
        .transpose()
}

/// A binding of a person, locked until the end of the transaction.
pub async fn lock_own(
    transaction: &DatabaseTransaction,
    subject: PermittedSubject,
    id: PatientBindingId,
) -> Result<Option<StoredBinding>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .lock_exclusive();
    row.one(transaction)
        .await?
        .map(StoredBinding::try_from)
        .transpose()
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: PatientBindingId,
) -> Result<Option<StoredBinding>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(StoredBinding::try_from).transpose()
}

/// The bindings of a person, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<StoredBinding>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .order_by_desc(Column::BindingId)
        .limit(limit);
    if let Some(before) = before {
        rows = rows.filter(Column::BindingId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredBinding::try_from).collect()
}

/// Adds a binding, in place of the one that the institution had of the person. Returns `false` where another person has the number.
pub async fn insert(
    transaction: &DatabaseTransaction,
    new: PatientBinding,
    number: SealedPatientNumber,
) -> Result<bool, StorageError> {
    let taken = Entity::find()
        .filter(Column::InstitutionId.eq(uuid_bytes(new.institution.uuid())))
        .filter(Column::PatientIndex.eq(number.index.to_vec()))
        .filter(Column::EndedAt.is_null())
        .filter(Column::SubjectId.ne(subject_bytes(new.subject)));
    if taken.one(transaction).await?.is_some() {
        return Ok(false);
    }
    if let Some(before) = of_person(transaction, new.institution, new.subject).await? {
        end(transaction, before.binding.id, new.created_at).await?;
    }
    let row = ActiveModel {
        binding_id: Set(uuid_bytes(new.id.uuid())),
        subject_id: Set(subject_bytes(new.subject)),
        institution_id: Set(uuid_bytes(new.institution.uuid())),
        patient_index: Set(number.index.to_vec()),
        patient_number: Set(Some(number.sealed)),
        created_at: Set(new.created_at.micros()),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(true)
}

/// Ends a binding and erases its number.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: PatientBindingId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .col_expr(Column::PatientNumber, Expr::value(Option::<Vec<u8>>::None))
        .filter(Column::BindingId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}
