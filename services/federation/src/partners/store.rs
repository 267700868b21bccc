//! The table `partners`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryOrder as _};

use self::partner::{ActiveModel, Column, Entity, Model};
use super::domain::{Closed, Partner, PartnerId, PartnerState, Proposal, Signature};
use crate::seal::RowSeal;

const TABLE: &str = "partners";
const APPROVED: &str = "APPROVED";
const REJECTED: &str = "REJECTED";

pub mod partner {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "partners")]
    pub struct Model {
        /// Two digits.
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        pub state: String,
        pub removed_at: Option<i64>,
        pub proposed_state: Option<String>,
        pub proposal_reason: Option<String>,
        /// Of the proposal, also of one that has ended.
        pub proposed_by: Option<String>,
        pub proposed_at: Option<i64>,
        /// How the last proposal ended: `APPROVED` or `REJECTED`.
        pub decision: Option<String>,
        pub decided_by: Option<String>,
        pub decided_at: Option<i64>,
        pub seal: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl Model {
    fn seal<'a>(&'a self, seal: &RowSeal) -> Vec<u8> {
        let numbers = [self.removed_at, self.proposed_at, self.decided_at].map(|n| n.map(i64::to_be_bytes));
        let [removed_at, proposed_at, decided_at] =
            numbers.each_ref().map(|n| n.as_ref().map(<[u8; 8]>::as_slice));
        let text = |text: &'a Option<String>| text.as_deref().map(str::as_bytes);
        let columns = [
            Some(self.partner.as_bytes()),
            Some(self.state.as_bytes()),
            removed_at,
            proposed_at,
            decided_at,
            text(&self.proposed_state),
            text(&self.proposal_reason),
            text(&self.proposed_by),
            text(&self.decision),
            text(&self.decided_by),
        ];
        seal.of(TABLE, &columns)
    }

    fn write(partner: &Partner, seal: &RowSeal) -> Self {
        let (proposal, closed) = (partner.proposal.as_ref(), partner.closed.as_ref());
        let proposed = proposal.map(|one| &one.by).or(closed.map(|one| &one.proposed));
        let decision = closed.map(|one| if one.was_approved { APPROVED } else { REJECTED });
        let mut row = Self {
            partner: partner.id.to_string(),
            state: partner.state.into_str().to_owned(),
            removed_at: partner.removed_at.map(Timestamp::micros),
            proposed_state: proposal.map(|one| one.state.into_str().to_owned()),
            proposal_reason: proposal.map(|one| one.reason.clone()),
            proposed_by: proposed.map(|by| by.account.clone()),
            proposed_at: proposed.map(|by| by.at.micros()),
            decision: decision.map(str::to_owned),
            decided_by: closed.map(|one| one.by.account.clone()),
            decided_at: closed.map(|one| one.by.at.micros()),
            seal: Vec::new(),
        };
        row.seal = row.seal(seal);
        row
    }

    /// The partner of a row. Of one that is not as it was written nothing is believed but that it is there.
    fn read(self, seal: &RowSeal) -> Result<Partner, StorageError> {
        let id = PartnerId::parse(&self.partner)
            .map_err(|_| StorageError::Damaged(format!("{TABLE}.partner {}", self.partner)))?;
        if self.seal != self.seal(seal) {
            tracing::error!(partner = %id, "the row of a partner was changed outside this service: the partner is not trusted");
            metrics::counter!("lutong_federation_damaged_rows_total", "table" => TABLE).increment(1);
            return Ok(Partner::new(id, PartnerState::Damaged));
        }
        let signature = |account: Option<String>, at: Option<i64>| {
            let at = at.map(Timestamp::from_micros);
            account.zip(at).map(|(account, at)| Signature { account, at })
        };
        let proposed = signature(self.proposed_by, self.proposed_at);
        let decided = signature(self.decided_by, self.decided_at);
        let proposed_state = self.proposed_state.and_then(|state| state.parse().ok());
        let was_approved = self.decision.as_deref() == Some(APPROVED);
        let proposal = proposed_state.zip(proposed.clone()).map(|(state, by)| Proposal {
            state,
            reason: self.proposal_reason.unwrap_or_default(),
            by,
        });
        let closed = proposed.zip(decided).map(|(proposed, by)| Closed {
            proposed,
            was_approved,
            by,
        });
        Ok(Partner {
            id,
            // The seal is of this service, which writes no other.
            state: self.state.parse().unwrap_or(PartnerState::Damaged),
            removed_at: self.removed_at.map(Timestamp::from_micros),
            proposal,
            closed,
        })
    }
}

/// Stores how a partner stands now.
pub async fn save(
    transaction: &DatabaseTransaction,
    seal: &RowSeal,
    partner: &Partner,
) -> Result<(), StorageError> {
    let row: ActiveModel = Model::write(partner, seal).into();
    let columns = [
        Column::State,
        Column::RemovedAt,
        Column::ProposedState,
        Column::ProposalReason,
        Column::ProposedBy,
        Column::ProposedAt,
        Column::Decision,
        Column::DecidedBy,
        Column::DecidedAt,
        Column::Seal,
    ];
    let conflict = OnConflict::column(Column::Partner)
        .update_columns(columns)
        .to_owned();
    Entity::insert(row)
        .on_conflict(conflict)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    seal: &RowSeal,
    id: PartnerId,
) -> Result<Option<Partner>, StorageError> {
    let row = Entity::find_by_id(id.to_string()).one(connection).await?;
    row.map(|row| row.read(seal)).transpose()
}

/// All partners, also the removed ones: there are no more than provinces.
pub async fn all(connection: &impl ConnectionTrait, seal: &RowSeal) -> Result<Vec<Partner>, StorageError> {
    let rows = Entity::find()
        .order_by_asc(Column::Partner)
        .all(connection)
        .await?;
    rows.into_iter().map(|row| row.read(seal)).collect()
}
