//! Cases in which places are held to account: what supervisors and officers do with them, and what everybody reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{AccountabilityCaseId, Clock, Fault, PlaceId, Random, Timestamp};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use crate::domain::accountability::case::{AccountabilityCase, Command, Refusal, State};
use crate::domain::accountability::rules::Rules;
use crate::domain::calendar::Calendar;
use crate::fault::accountability_cases as fault;
use crate::store::accountability_cases::{self as store, Filter, PublicFilter};
use crate::store::{place_voices, places};

/// All cases; cheap to clone.
#[derive(Clone)]
pub struct AccountabilityCases {
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) rules: Arc<Rules>,
    pub(super) calendar: Arc<Calendar>,
}

/// What is done with a case.
#[derive(Debug, Clone)]
pub enum Deed {
    Open,
    Do(Command),
}

/// Somebody of staff who does something with a case.
#[derive(Debug, Clone)]
pub struct Step {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub account: String,
    pub id: AccountabilityCaseId,
    /// Of the state that they have seen; may be empty.
    pub etag: String,
    pub deed: Deed,
}

/// A case with the name of its place.
#[derive(Debug, Clone)]
pub struct Named {
    pub case: AccountabilityCase,
    pub place_name: String,
}

/// The tag of a case.
pub fn etag(case: &AccountabilityCase) -> Etag {
    Etag::of(&case.id.to_string(), [case.version.to_be_bytes()])
}

impl AccountabilityCases {
    pub fn new(store: &Store, foundation: &Foundation, calendar: Calendar, rules: Arc<Rules>) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            rules,
            calendar: Arc::new(calendar),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// By when the outcome of a case is published that is opened at an instant.
    pub(super) fn due(&self, opened_at: Timestamp) -> Timestamp {
        self.calendar
            .end_of_working_days(opened_at, self.rules.due_working_days)
    }

    /// Takes an action. A repeated request gets the case as it stands.
    pub async fn act(&self, step: Step) -> Result<Named, Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        let case = self
            .database
            .write(move |transaction| async move { this.act_in(transaction, step, now).await }.boxed());
        let named = self.named(vec![case.await?]).await?.into_iter().next();
        named.ok_or_else(fault::accountability_case_not_found)
    }

    async fn act_in(
        &self,
        transaction: &DatabaseTransaction,
        step: Step,
        now: Timestamp,
    ) -> Result<AccountabilityCase, Fault> {
        let found = store::lock(transaction, step.permit, step.id).await?;
        let case = found.ok_or_else(fault::accountability_case_not_found)?;
        let own = step.id.uuid();
        if idempotency::claim(transaction, &step.request, own.as_bytes(), now).await? != Claim::Fresh {
            return Ok(case);
        }
        etag(&case).check(&step.etag, case.state.into_str())?;
        let command = match step.deed {
            Deed::Open => Command::Open(self.due(now)),
            Deed::Do(command) => command,
        };
        let next = case.apply(&command, &step.account, now).map_err(refused)?;
        store::save(transaction, &next).await?;
        match command {
            Command::Dismiss => place_voices::dismiss(transaction, case.place).await?,
            Command::Approve => place_voices::settle(transaction, case.place).await?,
            Command::Open(_) | Command::Take | Command::Publish(..) | Command::Reject => {}
        }
        Ok(next)
    }

    /// A case whose outcome is published.
    pub async fn find(&self, id: AccountabilityCaseId) -> Result<Named, Fault> {
        let found = store::find_published(self.database.reader(), id).await?;
        let named = self.named(found.into_iter().collect()).await?.into_iter().next();
        named.ok_or_else(fault::accountability_case_not_found)
    }

    /// Cases whose outcome is published, the last opened first, and the token of the next page.
    pub async fn published(&self, filter: PublicFilter, page: &Page) -> Result<(Vec<Named>, String), Fault> {
        let before = page.after_id()?;
        let found = store::list_published(self.database.reader(), filter, before, page.limit()).await?;
        let (found, next) = page.cut(found, place)?;
        Ok((self.named(found).await?, next))
    }

    /// Cases of the division of the permit, the last opened first, and the token of the next page.
    pub async fn opened(
        &self,
        permit: DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<Named>, String), Fault> {
        let before = page.after_id()?;
        let found = store::list(self.database.reader(), permit, filter, before, page.limit()).await?;
        let (found, next) = page.cut(found, place)?;
        Ok((self.named(found).await?, next))
    }

    async fn named(&self, cases: Vec<AccountabilityCase>) -> Result<Vec<Named>, Fault> {
        let ids = cases.iter().map(|case| case.place);
        let names: BTreeMap<PlaceId, String> = places::names_of(self.database.reader(), ids).await?;
        let named = |case: AccountabilityCase| Named {
            place_name: names.get(&case.place).cloned().unwrap_or_default(),
            case,
        };
        Ok(cases.into_iter().map(named).collect())
    }
}

fn place(last: &AccountabilityCase) -> Vec<u8> {
    last.id.uuid().as_bytes().to_vec()
}

fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::NotOwner => fault::not_owner(),
        Refusal::OwnProposal => crate::fault::own_proposal(),
        Refusal::WrongState(state, action) => {
            let allowed: Vec<&str> = action.from().iter().map(State::into_str).collect();
            reply::wrong_state(state.into_str(), &allowed)
        }
    }
}
