//! Key areas: one officer proposes, another approves or rejects, either may end it, and everybody whom it concerns is decided
//! about anew.

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{DecisionId, Fault, FaultCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::approval::{Acting, refused};
use super::deciding::Decider;
use super::effect::{Bringing, Effect, LeftTo};
use crate::domain::approval::{Approval, Closing, Signature, State, Step};
use crate::domain::key_area::{KeyArea, Proposal};
use crate::store::areas;
use crate::store::key_areas::{self, Filter};

/// A key area and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingKeyArea {
    pub area: KeyArea,
    pub state: State,
}

impl StandingKeyArea {
    fn new(area: KeyArea, now: Timestamp) -> Self {
        Self {
            state: area.state(now),
            area,
        }
    }

    /// Of what an action may change.
    pub fn etag(&self) -> Etag {
        let to = self.area.proposal.to.map(|to| to.micros().to_string());
        Etag::of(&self.area.name(), [self.state.as_str(), &to.unwrap_or_default()])
    }

    fn check(&self, acting: &Acting, step: Step) -> Result<(), Fault> {
        self.etag().check(&acting.etag, self.state.as_str())?;
        let approval = &self.area.approval;
        let checked = approval.check(step, self.state, &acting.account);
        checked.map_err(|error| refused(error, &approval.allowed(self.state, &acting.account)))
    }
}

impl Decider {
    /// Stores a proposal once.
    pub async fn propose_key_area(
        &self,
        acting: Acting,
        proposal: Proposal,
    ) -> Result<StandingKeyArea, Fault> {
        let now = self.clock.now();
        let proposed = Signature {
            officer: acting.account.clone(),
            at: now,
        };
        let area = KeyArea {
            id: DecisionId::new(now, &*self.random).uuid(),
            proposal,
            approval: Approval::proposed(proposed),
        };
        let stored = self.database.write(move |transaction| {
            async move {
                let answer = area.id.as_bytes();
                if let Claim::Replay(answer) =
                    idempotency::claim(transaction, &acting.request, answer, now).await?
                {
                    let damaged = |_| StorageError::Damaged("idempotency.answer".to_owned());
                    let id = Uuid::from_slice(&answer).map_err(damaged)?;
                    return find(transaction, &acting.permit, id, now).await;
                }
                key_areas::insert(transaction, &area).await?;
                Ok(StandingKeyArea::new(area, now))
            }
            .boxed()
        });
        stored.await
    }

    /// Approves or ends: the listing is opened or lifted with it. The same request again changes nothing.
    pub async fn act_on_key_area(
        &self,
        call: &Call,
        acting: Acting,
        id: Uuid,
        step: Step,
    ) -> Result<(StandingKeyArea, Effect), Fault> {
        self.book.ready().await?;
        let (this, account) = (self.clone(), acting.account.clone());
        let one = self
            .book
            .change(move |transaction| {
                async move {
                    // Nobody decides meanwhile: every decision is wholly without this listing or with it.
                    this.book.alone(transaction).await?;
                    let now = this.instant_after_all(transaction).await?;
                    step_in(transaction, &acting, id, step, now).await
                }
                .boxed()
            })
            .await?;
        // Done again for a request sent again: what a crash left undone is done.
        let entry = one.area.entry(one.area.approval.proposed.at);
        let mut bringing = Bringing::new(self, call);
        self.redecide_stays(&mut bringing, std::iter::once(&entry))
            .await?;
        let effect = bringing
            .finish(LeftTo::its_own(&account, one.area.name()))
            .await?;
        Ok((one, effect))
    }

    /// Rejects or withdraws: nothing has followed from it.
    pub async fn refuse_key_area(
        &self,
        acting: Acting,
        id: Uuid,
        how: Closing,
    ) -> Result<StandingKeyArea, Fault> {
        let now = self.clock.now();
        let refused = self.database.write(move |transaction| {
            async move { step_in(transaction, &acting, id, how.step(), now).await }.boxed()
        });
        refused.await
    }

    pub async fn key_area(&self, permit: &DivisionPermit, id: Uuid) -> Result<StandingKeyArea, Fault> {
        find(self.database.reader(), permit, id, self.clock.now()).await
    }

    /// A page of those that the permit reaches, the newest first, and the next page's token.
    pub async fn list_key_areas(
        &self,
        permit: &DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<StandingKeyArea>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(Uuid::from_slice).transpose();
        let (before, now) = (before.map_err(damaged)?, self.clock.now());
        let (reader, own) = (self.database.reader(), permit.jurisdiction());
        let found = key_areas::list(reader, own, (filter, now), before, page.limit()).await?;
        let found = found.into_iter().map(|area| StandingKeyArea::new(area, now));
        page.cut(found.collect(), |last| last.area.id.as_bytes().to_vec())
    }
}

async fn find(
    connection: &impl sea_orm::ConnectionTrait,
    permit: &DivisionPermit,
    id: Uuid,
    now: Timestamp,
) -> Result<StandingKeyArea, Fault> {
    let found = key_areas::find(connection, permit.jurisdiction(), id).await?;
    let area = found.ok_or_else(not_found)?;
    Ok(StandingKeyArea::new(area, now))
}

/// Takes a step once, with what it does to the listing: as it stands afterwards.
async fn step_in(
    transaction: &DatabaseTransaction,
    acting: &Acting,
    id: Uuid,
    step: Step,
    now: Timestamp,
) -> Result<StandingKeyArea, Fault> {
    let one = find(transaction, &acting.permit, id, now).await?;
    let claim = idempotency::claim(transaction, &acting.request, id.as_bytes(), now).await?;
    if claim != Claim::Fresh {
        return Ok(one);
    }
    one.check(acting, step)?;
    let mut area = one.area;
    let signed = Signature {
        officer: acting.account.clone(),
        at: now,
    };
    let how = match step {
        Step::Approve => None,
        Step::Reject => Some(Closing::Rejected),
        Step::Withdraw => Some(Closing::Withdrawn),
        Step::End => Some(Closing::Ended),
    };
    if let Some(how) = how {
        if how == Closing::Ended {
            area.proposal.to = Some(now.max(area.proposal.from));
            areas::insert(transaction, &[area.entry(now)]).await?;
        }
        key_areas::close(transaction, &area, (how, &signed)).await?;
        area.approval.closed = Some((how, signed));
    } else {
        if key_areas::is_listed(transaction, &area.proposal).await? {
            return Err(listed());
        }
        areas::insert(transaction, &[area.entry(now)]).await?;
        key_areas::approve(transaction, id, &signed).await?;
        area.approval.approved = Some(signed);
    }
    Ok(StandingKeyArea::new(area, now))
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "KEY_AREA_NOT_FOUND",
        "本辖区没有这条重点地区申报",
        "there is no such key area in your division",
    )
}

fn listed() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "KEY_AREA_LISTED",
        "同一区划、同一起始时间的重点地区已生效，请先结束该条",
        "another key area of the same division and beginning is approved: end that first",
    )
}
