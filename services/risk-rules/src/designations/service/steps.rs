//! The steps of a designation, taken in a transaction.

use lutong_chassis::etag::Etag;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::access::DivisionPermit;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::approval::domain::{Closing, Signature, State, Step};
use crate::approval::service::{OfficerAction, refused};
use crate::designations::domain::{Designation, source};
use crate::designations::store as designations;
use crate::facts::store::statements::{self, Name};
use crate::fault::proposals;

/// `designations/{designation}`.
pub const COLLECTION: &str = "designations";

/// A designation with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingDesignation {
    pub designation: Designation,
    pub state: State,
}

impl StandingDesignation {
    pub fn name(&self) -> String {
        format!("{COLLECTION}/{}", self.designation.id)
    }

    /// The tag of everything that an action may change.
    pub fn etag(&self) -> Etag {
        let until = self.designation.until.micros().to_string();
        Etag::of(&self.name(), [self.state.into_str(), &until])
    }

    /// Checks that an officer may take a step of the state that they have seen.
    fn check(&self, action: &OfficerAction, step: Step) -> Result<(), Fault> {
        self.etag().check(&action.etag, self.state.into_str())?;
        let approval = &self.designation.approval;
        let checked = approval.check(step, self.state, &action.account);
        checked.map_err(|error| refused(error, &approval.allowed(self.state, &action.account)))
    }
}

/// A designation with its state, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: &DivisionPermit,
    id: Uuid,
    now: Timestamp,
) -> Result<StandingDesignation, Fault> {
    let one = designations::lock(transaction, permit, id).await?;
    let designation = one.ok_or_else(proposals::designation_not_found)?;
    let stated = statements::by_names(transaction, &[name(&designation)].into()).await?;
    let is_retracted = stated.iter().all(|row| row.superseded_at.is_some());
    Ok(StandingDesignation {
        state: designation.state(now, is_retracted),
        designation,
    })
}

/// Takes a step and returns the designation; `None` if the request is repeated.
pub async fn step_in(
    transaction: &DatabaseTransaction,
    action: &OfficerAction,
    id: Uuid,
    step: Step,
    now: Timestamp,
) -> Result<Option<StandingDesignation>, Fault> {
    let StandingDesignation {
        mut designation,
        state,
    } = lock(transaction, &action.permit, id, now).await?;
    let claim = idempotency::claim(transaction, &action.request, id.as_bytes(), now).await?;
    if claim != Claim::Fresh {
        return Ok(None);
    }
    let seen = StandingDesignation {
        designation: designation.clone(),
        state,
    };
    seen.check(action, step)?;
    let signed = Signature {
        officer: action.account.clone(),
        at: now,
    };
    match step.closing() {
        None => {
            designations::approve(transaction, &designation, &signed).await?;
            designation.approval.approved = Some(signed);
        }
        Some(how) => {
            if how == Closing::Ended {
                designation.until = now.max(designation.from);
            }
            designations::close(transaction, &designation, (how, &signed)).await?;
            designation.approval.closed = Some((how, signed));
        }
    }
    Ok(Some(StandingDesignation {
        state: designation.state(now, false),
        designation,
    }))
}

/// The name of the fact of an approved designation.
pub fn name(one: &Designation) -> Name {
    Name::of(&source(one.division), &one.id.to_string())
}
