//! Designations: proposed, approved, rejected, withdrawn and ended. An approved designation is in force as a fact.

pub mod facts;
pub mod scope;
pub mod steps;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, DecisionId, DivisionCode, Fault, Random, Timestamp};
use lutong_risk_engine::legal_basis::LegalBasis;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{Designation, DesignationProposal};
use super::store::{self as designations, Filter};
use crate::approval::domain::{Approval, Closing, Signature, Step};
use crate::approval::service::OfficerAction;
use crate::facts::store::statements::{self, Name};
use crate::fault::proposals;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};
use facts::DesignationFacts;
use scope::DesignationScope;
use steps::{StandingDesignation, lock, name, step_in};

/// Changes and reads designations.
pub struct Designations {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    scope: DesignationScope,
    facts: DesignationFacts,
    effects: Effects,
}

impl Designations {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        scope: DesignationScope,
        facts: DesignationFacts,
        effects: Effects,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            scope,
            facts,
            effects,
        }
    }

    /// The current instant, by which the period of a proposal is checked.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stores a proposal. Repeating the request has no effect.
    pub async fn propose(
        &self,
        action: OfficerAction,
        proposal: DesignationProposal,
    ) -> Result<StandingDesignation, Fault> {
        self.scope.check(&action.permit, proposal.subject).await?;
        let now = self.clock.now();
        let DesignationProposal {
            subject,
            level,
            from,
            until,
            basis,
        } = proposal;
        let one = Designation {
            id: DecisionId::new(now, &*self.random).uuid(),
            subject,
            level,
            from,
            until,
            basis,
            division: action.permit.jurisdiction().division(),
            approval: Approval::proposed(Signature {
                officer: action.account.clone(),
                at: now,
            }),
        };
        self.database
            .write(move |transaction| async move { propose(transaction, &action, one, now).await }.boxed())
            .await
    }

    /// Approves a designation, which is in force from its beginning, or ends it now. Both are stated as a fact.
    pub async fn act(
        &self,
        call: &Call,
        action: OfficerAction,
        id: Uuid,
        step: Step,
    ) -> Result<(StandingDesignation, Effect), Fault> {
        let account = action.account.clone();
        let acted = self.facts.act(&self.database, action, id, step);
        let (one, made, standing) = acted.await?;
        let mut effect = self.effects.collect(call);
        effect.made(&made).await;
        effect.standing(&standing).await;
        let effect = effect.finish(PendingOperation::new(&account, one.name())).await?;
        Ok((one, effect))
    }

    /// Rejects or withdraws a proposal.
    pub async fn refuse(
        &self,
        action: OfficerAction,
        id: Uuid,
        how: Closing,
    ) -> Result<StandingDesignation, Fault> {
        let now = self.clock.now();
        let refused = self.database.write(move |transaction| {
            async move {
                match step_in(transaction, &action, id, how.step(), now).await? {
                    Some(one) => Ok(one),
                    None => lock(transaction, &action.permit, id, now).await,
                }
            }
            .boxed()
        });
        refused.await
    }

    pub async fn find(&self, permit: &DivisionPermit, id: Uuid) -> Result<StandingDesignation, Fault> {
        let found = designations::find(self.database.reader(), permit, id).await?;
        let one = found.ok_or_else(proposals::designation_not_found)?;
        let standing = self.standing_of(vec![one]).await?;
        standing
            .into_iter()
            .next()
            .ok_or_else(proposals::designation_not_found)
    }

    /// A page of the designations of the jurisdiction, the newest first, and the next page token.
    pub async fn list(
        &self,
        permit: &DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<StandingDesignation>, String), Fault> {
        let mut after = page.after_id()?;
        let (mut found, now) = (Vec::new(), self.clock.now());
        loop {
            let reader = self.database.reader();
            let rows = designations::list(reader, permit, (filter, now), after, page.limit()).await?;
            let was_last = (rows.len() as u64) < page.limit();
            after = rows.last().map(|one| one.id);
            let standing = self.standing_of(rows).await?.into_iter();
            found.extend(standing.filter(|one| filter.state.is_none_or(|state| one.state == state)));
            if was_last || found.len() > page.size {
                break;
            }
        }
        page.cut(found, |last| last.designation.id.as_bytes().to_vec())
    }

    /// The states of designations, which for approved ones depend on their facts.
    async fn standing_of(&self, rows: Vec<Designation>) -> Result<Vec<StandingDesignation>, Fault> {
        let current = self.current_facts(&rows).await?;
        let now = self.clock.now();
        let standing = rows.into_iter().map(|designation| StandingDesignation {
            state: designation.state(now, !current.contains(&name(&designation))),
            designation,
        });
        Ok(standing.collect())
    }

    /// The names of the facts of approved designations that are current.
    async fn current_facts(&self, rows: &[Designation]) -> Result<HashSet<Name>, StorageError> {
        let approved = rows.iter().filter(|one| one.approval.approved.is_some());
        let names: Vec<Name> = approved.map(name).collect();
        let standing = statements::standing(self.database.reader(), &names).await?;
        Ok(standing.into_iter().collect())
    }

    /// The number of designations in force now, by division and legal basis.
    pub async fn count(&self) -> Result<Vec<((DivisionCode, LegalBasis), i64)>, Fault> {
        let running = designations::running(self.database.reader(), self.clock.now()).await?;
        let current = self.current_facts(&running).await?;
        let mut counts = BTreeMap::new();
        for one in running.iter().filter(|one| current.contains(&name(one))) {
            *counts.entry((one.division, one.basis)).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }
}

async fn propose(
    transaction: &DatabaseTransaction,
    action: &OfficerAction,
    one: Designation,
    now: Timestamp,
) -> Result<StandingDesignation, Fault> {
    let answer = one.id.as_bytes();
    if let Claim::Replay(answer) = idempotency::claim(transaction, &action.request, answer, now).await? {
        let id = idempotency::answered_id(&answer)?;
        return lock(transaction, &action.permit, id, now).await;
    }
    designations::insert(transaction, &action.permit, &one).await?;
    Ok(StandingDesignation {
        state: one.state(now, false),
        designation: one,
    })
}
