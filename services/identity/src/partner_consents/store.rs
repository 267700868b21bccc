//! The table `partner_consents`.

use lutong_kernel::{PartnerCode, PartnerConsentId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_transport::access::PermittedSubject;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::partner_consent::{ActiveModel, Column, Entity, Model};
use super::domain::{PartnerConsent, Use};

pub mod partner_consent {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "partner_consents")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub consent_id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub partner: String,
        /// Names, blank-separated.
        pub uses: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("partner_consents.{what}"))
}

impl TryFrom<Model> for PartnerConsent {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let uses = row.uses.split(' ').map(str::parse::<Use>);
        Ok(Self {
            id: PartnerConsentId::from_uuid(read_uuid(&row.consent_id, "partner_consents.consent_id")?),
            subject: read_subject(&row.subject_id, "partner_consents.subject_id")?,
            partner: PartnerCode::parse(&row.partner).ok_or_else(|| damaged("partner"))?,
            uses: uses.collect::<Result<_, _>>().map_err(|_| damaged("uses"))?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
        })
    }
}

/// The consent of a person for a partner that was not ended; it may have expired.
pub async fn of_person(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
    partner: &PartnerCode,
) -> Result<Option<PartnerConsent>, StorageError> {
    let row = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::Partner.eq(partner.as_str()))
        .filter(Column::EndedAt.is_null());
    row.one(connection)
        .await?
        .map(PartnerConsent::try_from)
        .transpose()
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: PartnerConsentId,
) -> Result<Option<PartnerConsent>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(PartnerConsent::try_from).transpose()
}

/// A consent of a person, locked until the end of the transaction.
pub async fn lock_own(
    transaction: &DatabaseTransaction,
    subject: PermittedSubject,
    id: PartnerConsentId,
) -> Result<Option<PartnerConsent>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .lock_exclusive();
    row.one(transaction)
        .await?
        .map(PartnerConsent::try_from)
        .transpose()
}

/// The consents of a person, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<PartnerConsent>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .order_by_desc(Column::ConsentId)
        .limit(limit);
    if let Some(before) = before {
        rows = rows.filter(Column::ConsentId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(PartnerConsent::try_from).collect()
}

/// Adds a consent, in place of the one that the person had given for the partner.
pub async fn insert(transaction: &DatabaseTransaction, new: &PartnerConsent) -> Result<(), StorageError> {
    if let Some(before) = of_person(transaction, new.subject, &new.partner).await? {
        end(transaction, before.id, new.created_at).await?;
    }
    let uses: Vec<&str> = new.uses.iter().map(Use::into_str).collect();
    let row = ActiveModel {
        consent_id: Set(uuid_bytes(new.id.uuid())),
        subject_id: Set(subject_bytes(new.subject)),
        partner: Set(new.partner.as_str().to_owned()),
        uses: Set(uses.join(" ")),
        created_at: Set(new.created_at.micros()),
        expires_at: Set(new.expires_at.micros()),
        ended_at: Set(new.ended_at.map(Timestamp::micros)),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn end(
    transaction: &DatabaseTransaction,
    id: PartnerConsentId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::ConsentId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}
