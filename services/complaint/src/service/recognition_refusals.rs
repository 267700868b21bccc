//! Reported refusals of recognition: reported, published, ended, and read by everybody while they are in force.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, RecognitionRefusalId, Timestamp};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::{DivisionPermit, outside};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use crate::domain::divisions::Divisions;
use crate::domain::recognition_refusal::{Action, RecognitionRefusal, Refused, Report, Signature, State};
use crate::fault::recognition_refusals as fault;
use crate::store::recognition_refusals::{self as store, Filter, PublicFilter};

/// All reported refusals; cheap to clone.
#[derive(Clone)]
pub struct RecognitionRefusals {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    divisions: Arc<Divisions>,
}

/// A supervisor who does something with a refusal.
#[derive(Debug, Clone)]
pub struct Step {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub account: String,
    pub id: RecognitionRefusalId,
    /// Of the state that the supervisor has seen; may be empty.
    pub etag: String,
    pub action: Action,
}

/// The tag of a refusal at an instant.
pub fn etag(refusal: &RecognitionRefusal, now: Timestamp) -> Etag {
    Etag::of(&refusal.id.to_string(), [refusal.state(now).into_str()])
}

impl RecognitionRefusals {
    pub fn new(store: &Store, foundation: &Foundation, divisions: Arc<Divisions>) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            divisions,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn divisions(&self) -> &Divisions {
        &self.divisions
    }

    /// Stores what a supervisor reports. A repeated request gets the refusal as it stands.
    pub async fn report(
        &self,
        permit: DivisionPermit,
        request: RequestKey,
        account: String,
        report: Report,
    ) -> Result<RecognitionRefusal, Fault> {
        // A street was taken for its district, which the permit need not cover.
        if !permit.jurisdiction().covers(report.division) {
            return Err(outside());
        }
        let now = self.clock.now();
        let refusal = RecognitionRefusal {
            id: RecognitionRefusalId::new(now, &*self.random),
            report,
            proposed: Signature { account, at: now },
            approved: None,
            ended: None,
        };
        self.database
            .write(move |transaction| {
                async move { report_in(transaction, permit, &request, refusal).await }.boxed()
            })
            .await
    }

    /// Publishes or ends a refusal. A repeated request gets it as it stands.
    pub async fn act(&self, step: Step) -> Result<RecognitionRefusal, Fault> {
        let now = self.clock.now();
        self.database
            .write(move |transaction| async move { act_in(transaction, step, now).await }.boxed())
            .await
    }

    /// A refusal that is in force.
    pub async fn find(&self, id: RecognitionRefusalId) -> Result<RecognitionRefusal, Fault> {
        let found = store::find_in_force(self.database.reader(), id, self.clock.now()).await?;
        found.ok_or_else(fault::recognition_refusal_not_found)
    }

    /// Refusals in force, the last reported first, and the token of the next page.
    pub async fn published(
        &self,
        filter: PublicFilter,
        page: &Page,
    ) -> Result<(Vec<RecognitionRefusal>, String), Fault> {
        let (reader, now, before) = (self.database.reader(), self.clock.now(), page.after_id()?);
        let found = store::list_in_force(reader, filter, now, before, page.limit()).await?;
        page.cut(found, place)
    }

    /// Refusals of the division of the permit, the last reported first, and the token of the next page.
    pub async fn reported(
        &self,
        permit: DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<RecognitionRefusal>, String), Fault> {
        let (reader, now, before) = (self.database.reader(), self.clock.now(), page.after_id()?);
        let found = store::list(reader, permit, (filter, now), before, page.limit()).await?;
        page.cut(found, place)
    }
}

fn place(last: &RecognitionRefusal) -> Vec<u8> {
    last.id.uuid().as_bytes().to_vec()
}

async fn report_in(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    request: &RequestKey,
    refusal: RecognitionRefusal,
) -> Result<RecognitionRefusal, Fault> {
    let (id, now) = (refusal.id.uuid(), refusal.proposed.at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, id.as_bytes(), now).await? {
        let id = RecognitionRefusalId::from_uuid(idempotency::answered_id(&answer)?);
        return lock(transaction, permit, id).await;
    }
    store::insert(transaction, &refusal).await?;
    Ok(refusal)
}

async fn act_in(
    transaction: &DatabaseTransaction,
    step: Step,
    now: Timestamp,
) -> Result<RecognitionRefusal, Fault> {
    let mut refusal = lock(transaction, step.permit, step.id).await?;
    let own = step.id.uuid();
    if idempotency::claim(transaction, &step.request, own.as_bytes(), now).await? != Claim::Fresh {
        return Ok(refusal);
    }
    etag(&refusal, now).check(&step.etag, refusal.state(now).into_str())?;
    refusal.check(step.action, &step.account, now).map_err(refused)?;
    let signed = Signature {
        account: step.account,
        at: now,
    };
    match step.action {
        Action::Approve => {
            store::approve(transaction, refusal.id, &signed).await?;
            refusal.approved = Some(signed);
        }
        Action::End => {
            store::end(transaction, refusal.id, &signed).await?;
            refusal.ended = Some(signed);
        }
    }
    Ok(refusal)
}

async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: RecognitionRefusalId,
) -> Result<RecognitionRefusal, Fault> {
    let found = store::lock(transaction, permit, id).await?;
    found.ok_or_else(fault::recognition_refusal_not_found)
}

fn refused(reason: Refused) -> Fault {
    match reason {
        Refused::OwnProposal => crate::fault::own_proposal(),
        Refused::WrongState(state, action) => {
            let allowed: Vec<&str> = action.from().iter().map(State::into_str).collect();
            reply::wrong_state(state.into_str(), &allowed)
        }
    }
}
