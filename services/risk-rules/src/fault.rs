//! Every reason that this service answers, with its code, its two texts and its fields, a file a group of capabilities. Reasons of
//! the kernel, the chassis and the engine are not repeated.

pub mod areas;
pub mod decisions;
pub mod facts;
pub mod proposals;
pub mod reliefs;
pub mod rule_sets;

use lutong_kernel::{Fault, FaultCode, Violation};

/// An action reaches beyond the jurisdiction of the officer.
fn outside_division(zh: &str, en: &str) -> Fault {
    Fault::new(FaultCode::PermissionDenied, "OUTSIDE_DIVISION", zh, en)
}

/// An account decides about what it proposed itself.
fn own_proposal(zh: &str, en: &str) -> Fault {
    Fault::new(FaultCode::FailedPrecondition, "OWN_PROPOSAL", zh, en)
}

/// An account withdraws what another account proposed.
fn not_your_proposal(zh: &str, en: &str) -> Fault {
    Fault::new(FaultCode::FailedPrecondition, "NOT_YOUR_PROPOSAL", zh, en)
}

/// A period that does not end after its start.
pub fn end_before_start() -> Violation {
    Violation::new(
        "end_time",
        "END_BEFORE_START",
        "应晚于start_time",
        "does not lie after start_time",
    )
}
