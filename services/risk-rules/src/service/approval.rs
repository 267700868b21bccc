//! Who acts on what two persons stand behind, and how a step that is not theirs to take is refused. One reason, one code, one
//! meaning, whatever the resource is.

use lutong_kernel::{Fault, FaultCode};
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::DivisionPermit;
pub use lutong_transport::reply::wrong_state;

use crate::domain::approval::{Refusal, Step};

/// An officer's action on a resource of their division.
#[derive(Debug, Clone)]
pub struct Acting {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub account: String,
    /// The tag of the state that the officer has seen; may be empty.
    pub etag: String,
}

/// A refusal as a fault; `allowed` are the steps that could be taken by this account.
pub fn refused(error: Refusal, allowed: &[Step]) -> Fault {
    let (reason, zh) = match error {
        Refusal::OwnProposal => ("OWN_PROPOSAL", "须由另一名人员批准或驳回"),
        Refusal::NotYourProposal => ("NOT_YOUR_PROPOSAL", "只能由提出人撤回"),
        Refusal::WrongState(state) => {
            let allowed: Vec<_> = allowed.iter().map(|step| step.as_str()).collect();
            return wrong_state(state.as_str(), &allowed);
        }
    };
    Fault::new(FaultCode::FailedPrecondition, reason, zh, error.to_string())
}
