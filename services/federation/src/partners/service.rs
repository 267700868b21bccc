//! Partners: their states are proposed, approved, rejected.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::{Database, advisory};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use super::domain::{Action, Partner, PartnerId, PartnerState, Refused, Signature};
use super::store;
use crate::fault;
use crate::seal::TRUST_LOCK;
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// All partners; cheap to clone.
#[derive(Clone)]
pub struct Partners {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
}

/// An operator who does something with a partner.
#[derive(Debug, Clone)]
pub struct Step {
    pub request: RequestKey,
    pub account: String,
    pub id: PartnerId,
    /// Of the state that the operator has seen; may be empty.
    pub etag: String,
    pub action: Action,
}

/// The tag of a partner.
pub fn etag(partner: &Partner) -> Etag {
    let proposal = partner.proposal.as_ref();
    let proposed = proposal.map_or("", |proposal| proposal.state.into_str());
    let at = proposal.map_or_else(String::new, |proposal| proposal.by.at.micros().to_string());
    let removed = if partner.removed_at.is_some() {
        "removed"
    } else {
        ""
    };
    Etag::of(
        &partner.id.to_string(),
        [partner.state.into_str(), proposed, &at, removed],
    )
}

impl Partners {
    pub fn new(store: &Store, foundation: &Foundation, current: CurrentTrust) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
        }
    }

    /// What is trusted now.
    pub fn trust(&self) -> Arc<Trust> {
        self.current.get()
    }

    /// Proposes, approves or rejects a state. A repeated request gets the partner as it stands.
    pub async fn act(&self, step: Step) -> Result<Partner, Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        let done = self
            .database
            .write(move |transaction| {
                async move {
                    advisory::lock(transaction, TRUST_LOCK).await?;
                    this.act_in(transaction, step, now).await
                }
                .boxed()
            })
            .await?;
        // In force here before it is acknowledged; the other replicas notice within two seconds.
        self.current.reload().await?;
        Ok(done)
    }

    async fn act_in(
        &self,
        transaction: &DatabaseTransaction,
        step: Step,
        now: Timestamp,
    ) -> Result<Partner, Fault> {
        let found = self.current.partner_in(transaction, step.id).await?;
        let partner = found.ok_or_else(fault::partner_not_found)?;
        let answer = step.id.to_string();
        if idempotency::claim(transaction, &step.request, answer.as_bytes(), now).await? != Claim::Fresh {
            return Ok(partner);
        }
        etag(&partner).check(&step.etag, partner.state.into_str())?;
        let by = Signature {
            account: step.account,
            at: now,
        };
        let moved = partner.act(step.action, by).map_err(refused)?;
        store::save(transaction, self.current.seal(), &moved).await?;
        Ok(moved)
    }

    pub async fn find(&self, id: PartnerId) -> Result<Partner, Fault> {
        let found = self.current.partner_in(self.database.reader(), id).await?;
        found.ok_or_else(fault::partner_not_found)
    }

    /// Partners in the order of their ids, and the token of the next page.
    pub async fn list(
        &self,
        state: Option<PartnerState>,
        page: &Page,
    ) -> Result<(Vec<Partner>, String), Fault> {
        let after = after(page)?;
        let found = self.current.partners().await?.into_iter();
        let found = found
            .filter(|one| after.is_none_or(|after| after < one.id))
            .filter(|one| state.is_none_or(|state| one.state == state));
        let most = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        page.cut(found.take(most).collect(), |last: &Partner| {
            last.id.to_string().into_bytes()
        })
    }
}

/// The partner after which a page begins.
pub fn after(page: &Page) -> Result<Option<PartnerId>, Fault> {
    let after = page.after(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned))?;
    Ok(after.and_then(|id| PartnerId::parse(&id).ok()))
}

fn refused(reason: Refused) -> Fault {
    match reason {
        Refused::OwnProposal => fault::own_proposal(),
        Refused::NothingProposed => fault::proposal_not_found(),
        Refused::WrongState(state) => {
            let allowed: Vec<&str> = state.next().iter().map(PartnerState::into_str).collect();
            reply::wrong_state(state.into_str(), &allowed)
        }
    }
}
