//! Officers' actions on resources that need two officers, and the faults of refused steps. Each reason has one code and one meaning
//! for all resources.

use lutong_kernel::Fault;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::DivisionPermit;
pub use lutong_transport::reply::wrong_state;

use super::domain::{Refusal, Step};
use crate::fault::proposals;

/// An officer's action on a resource of their division.
#[derive(Debug, Clone)]
pub struct OfficerAction {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub account: String,
    /// The etag of the state that the officer has seen; may be empty.
    pub etag: String,
}

/// The fault of a refusal. `allowed` are the steps that the account may take instead.
pub fn refused(error: Refusal, allowed: &[Step]) -> Fault {
    match error {
        Refusal::OwnProposal => proposals::proposed_by_caller(),
        Refusal::NotYourProposal => proposals::proposed_by_another(),
        Refusal::WrongState(state) => {
            let allowed: Vec<_> = allowed.iter().map(Step::into_str).collect();
            wrong_state(state.into_str(), &allowed)
        }
    }
}
