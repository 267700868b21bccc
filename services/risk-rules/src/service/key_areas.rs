//! Key areas: one officer proposes, another approves, and everybody whom it concerns is decided anew.

use futures::FutureExt as _;
use lutong_chassis::client::Call;
use lutong_chassis::idempotency::{self, Claim, RequestKey};
use lutong_chassis::storage::StorageError;
use lutong_kernel::{Fault, FaultCode};
use sea_orm::DatabaseTransaction;

use super::deciding::Decider;
use super::placement::{Asked, Listed};
use crate::domain::key_area::{KeyArea, NotApproved, Proposal, Signature};
use crate::store::{areas, key_areas};

impl Decider {
    pub async fn propose_key_area(&self, asked: Asked<'_>, proposal: Proposal) -> Result<KeyArea, Fault> {
        asked.within(proposal.code)?;
        let request = self
            .idempotency
            .key(asked.officer, "ProposeKeyArea", asked.request_id, asked.body);
        let proposed = Signature {
            officer: asked.officer.to_owned(),
            at: self.clock.now(),
        };
        self.database
            .write(move |transaction| {
                async move { propose(transaction, &request, proposal, proposed).await }.boxed()
            })
            .await
    }

    /// Lists a key area that another officer proposed. The same request again changes nothing.
    pub async fn approve_key_area(
        &self,
        call: &Call,
        asked: Asked<'_>,
        id: i64,
    ) -> Result<Listed<KeyArea>, Fault> {
        let found = key_areas::find(self.database.reader(), id).await?;
        asked.within(found.ok_or_else(not_found)?.proposal.code)?;
        let request = self
            .idempotency
            .key(asked.officer, "ApproveKeyArea", asked.request_id, asked.body);
        self.book.ready().await?;
        let (this, officer) = (self.clone(), asked.officer.to_owned());
        let area = self
            .book
            .change(move |transaction| {
                async move { this.approve_in(transaction, &request, id, officer).await }.boxed()
            })
            .await?;
        let entry = area.entry(area.proposed.at);
        self.listed(call, area, entry).await
    }

    async fn approve_in(
        &self,
        transaction: &DatabaseTransaction,
        request: &RequestKey,
        id: i64,
        officer: String,
    ) -> Result<KeyArea, Fault> {
        self.book.alone(transaction).await?;
        let at = self.instant_after_all(transaction).await?;
        let claim = idempotency::claim(transaction, request, &id.to_le_bytes(), at).await?;
        let area = key_areas::find(transaction, id).await?;
        let mut area = area.ok_or_else(not_found)?;
        if claim == Claim::Fresh {
            let approved = Signature { officer, at };
            let entry = area.approve(approved.clone()).map_err(refused)?;
            areas::insert(transaction, &[entry]).await?;
            key_areas::approve(transaction, id, &approved).await?;
        }
        Ok(area)
    }

    /// A page of them, by id.
    pub async fn list_key_areas(&self, after: i64, limit: u64) -> Result<Vec<KeyArea>, Fault> {
        Ok(key_areas::list(self.database.reader(), after, limit).await?)
    }
}

async fn propose(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    proposal: Proposal,
    proposed: Signature,
) -> Result<KeyArea, Fault> {
    if let Some(answer) = idempotency::earlier(transaction, request).await? {
        let id = answer.try_into().map(i64::from_le_bytes);
        let id = id.map_err(|_| StorageError::Damaged("idempotency.answer is no id".to_owned()))?;
        return key_areas::find(transaction, id).await?.ok_or_else(not_found);
    }
    let id = key_areas::insert(transaction, &proposal, &proposed).await?;
    let claim = idempotency::claim(transaction, request, &id.to_le_bytes(), proposed.at).await?;
    if claim != Claim::Fresh {
        // The same request at the same time: the other one stored it.
        return Err(StorageError::Contended.into());
    }
    Ok(KeyArea {
        id,
        proposal,
        proposed,
        approved: None,
    })
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "KEY_AREA_NOT_FOUND",
        "没有这条重点地区申报",
        "there is no such proposal",
    )
}

fn refused(error: NotApproved) -> Fault {
    let (reason, zh) = match error {
        NotApproved::OwnProposal => ("OWN_PROPOSAL", "须由另一名人员批准"),
        NotApproved::Already => ("ALREADY_APPROVED", "该重点地区已批准"),
    };
    Fault::new(FaultCode::FailedPrecondition, reason, zh, error.to_string())
}
