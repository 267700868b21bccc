//! Key areas: proposed, approved, rejected, withdrawn and ended. Approving and ending change the listings, and everybody whom they
//! concern is decided about again.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, DecisionId, Fault, Random, Timestamp};
use lutong_storage::Database;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{KeyArea, Proposal};
use super::store::{self as key_areas, Filter};
use crate::approval::domain::{Approval, Closing, Signature, State, Step};
use crate::approval::service::{OfficerAction, refused};
use crate::areas::service::stays::StayRedecider;
use crate::areas::store as areas;
use crate::basis::service::BasisBook;
use crate::fault::proposals;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};

/// A key area with its state.
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

    /// The tag of everything that an action may change.
    pub fn etag(&self) -> Etag {
        let to = self.area.proposal.to.map(|to| to.micros().to_string());
        Etag::of(
            &self.area.name(),
            [self.state.into_str(), &to.unwrap_or_default()],
        )
    }

    /// Checks that an officer may take a step of the state that they have seen.
    fn check(&self, action: &OfficerAction, step: Step) -> Result<(), Fault> {
        self.etag().check(&action.etag, self.state.into_str())?;
        let approval = &self.area.approval;
        let checked = approval.check(step, self.state, &action.account);
        checked.map_err(|error| refused(error, &approval.allowed(self.state, &action.account)))
    }
}

/// Changes and reads key areas.
pub struct KeyAreas {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    book: BasisBook,
    stays: StayRedecider,
    effects: Effects,
}

impl KeyAreas {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        book: BasisBook,
        stays: StayRedecider,
        effects: Effects,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            book,
            stays,
            effects,
        }
    }

    /// Stores a proposal. Repeating the request has no effect.
    pub async fn propose(&self, action: OfficerAction, proposal: Proposal) -> Result<StandingKeyArea, Fault> {
        let now = self.clock.now();
        let proposed = Signature {
            officer: action.account.clone(),
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
                    idempotency::claim(transaction, &action.request, answer, now).await?
                {
                    let id = idempotency::answered_id(&answer)?;
                    return find(transaction, &action.permit, id, now).await;
                }
                key_areas::insert(transaction, &area).await?;
                Ok(StandingKeyArea::new(area, now))
            }
            .boxed()
        });
        stored.await
    }

    /// Approves a key area and opens its listing, or ends both. Repeating the request has no effect.
    pub async fn act(
        &self,
        call: &Call,
        action: OfficerAction,
        id: Uuid,
        step: Step,
    ) -> Result<(StandingKeyArea, Effect), Fault> {
        self.book.ready().await?;
        let (book, account) = (self.book.clone(), action.account.clone());
        let one = self
            .book
            .change(move |transaction| {
                async move {
                    // Every decision is made entirely without or entirely with this listing.
                    book.exclusive(transaction).await?;
                    let now = book.instant_of_change(transaction).await?;
                    step_in(transaction, &action, id, step, now).await
                }
                .boxed()
            })
            .await?;
        // Also for a repeated request, so that work that a crash interrupted is done.
        let entry = one.area.entry(one.area.approval.proposed.at);
        let mut effect = self.effects.collect(call);
        self.stays.redecide(&mut effect, std::iter::once(&entry)).await?;
        let effect = effect
            .finish(PendingOperation::new(&account, one.area.name()))
            .await?;
        Ok((one, effect))
    }

    /// Rejects or withdraws a proposal.
    pub async fn refuse(
        &self,
        action: OfficerAction,
        id: Uuid,
        how: Closing,
    ) -> Result<StandingKeyArea, Fault> {
        let now = self.clock.now();
        let refused = self.database.write(move |transaction| {
            async move { step_in(transaction, &action, id, how.step(), now).await }.boxed()
        });
        refused.await
    }

    pub async fn find(&self, permit: &DivisionPermit, id: Uuid) -> Result<StandingKeyArea, Fault> {
        find(self.database.reader(), permit, id, self.clock.now()).await
    }

    /// A page of the key areas of the jurisdiction, the newest first, and the next page token.
    pub async fn list(
        &self,
        permit: &DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<StandingKeyArea>, String), Fault> {
        let before = page.after_id()?;
        let now = self.clock.now();
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
    let area = found.ok_or_else(proposals::key_area_not_found)?;
    Ok(StandingKeyArea::new(area, now))
}

/// Takes a step with its change of the listing, unless the request is repeated, and returns the key area.
async fn step_in(
    transaction: &DatabaseTransaction,
    action: &OfficerAction,
    id: Uuid,
    step: Step,
    now: Timestamp,
) -> Result<StandingKeyArea, Fault> {
    let one = find(transaction, &action.permit, id, now).await?;
    let claim = idempotency::claim(transaction, &action.request, id.as_bytes(), now).await?;
    if claim != Claim::Fresh {
        return Ok(one);
    }
    one.check(action, step)?;
    let mut area = one.area;
    let signed = Signature {
        officer: action.account.clone(),
        at: now,
    };
    if let Some(how) = step.closing() {
        if how == Closing::Ended {
            area.proposal.to = Some(now.max(area.proposal.from));
            areas::insert(transaction, &[area.entry(now)]).await?;
        }
        key_areas::close(transaction, &area, (how, &signed)).await?;
        area.approval.closed = Some((how, signed));
    } else {
        if key_areas::is_listed(transaction, &area.proposal).await? {
            return Err(proposals::key_area_listed());
        }
        areas::insert(transaction, &[area.entry(now)]).await?;
        key_areas::approve(transaction, id, &signed).await?;
        area.approval.approved = Some(signed);
    }
    Ok(StandingKeyArea::new(area, now))
}
