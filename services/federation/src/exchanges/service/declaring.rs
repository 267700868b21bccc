//! What people declare for this province at a partner: its statements count as the partner does, and it takes back nothing but its own.

use lutong_kernel::{Fault, Timestamp, Violation};

use super::{Accepted, Exchanges};
use crate::exchanges::domain::ReturnCode;
use crate::peers::declaration::FactRow;
use crate::peers::identity::NamedPerson;

/// What became of a declaration.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub code: ReturnCode,
    /// What is wrong with the body; the fields are those of the rows.
    pub errors: Vec<Violation>,
    pub is_in_force: bool,
    pub at: Timestamp,
}

impl Exchanges {
    /// Takes in what somebody declared at the partner, all of it or nothing.
    pub async fn declare(
        &self,
        accepted: &Accepted,
        named: NamedPerson,
        rows: Vec<FactRow>,
    ) -> Result<Receipt, Fault> {
        let receipt = |code, errors, is_in_force| Receipt {
            code,
            errors,
            is_in_force,
            at: self.clock.now(),
        };
        if let Err(code) = self.is_agreed(accepted) {
            return Ok(receipt(code, Vec::new(), false));
        }
        let partner = accepted.partner();
        let done = async {
            // A slip in a number must not concern somebody else.
            if self.peers.has_other_name(named).await? {
                return Ok(None);
            }
            self.peers.append_declaration(partner, rows).await.map(Some)
        };
        match done.await {
            Ok(None) => Ok(receipt(ReturnCode::NameMismatch, Vec::new(), false)),
            Ok(Some(taken)) if taken.is_new => Ok(receipt(ReturnCode::Done, Vec::new(), taken.is_in_force)),
            Ok(Some(taken)) => Ok(receipt(ReturnCode::Unchanged, Vec::new(), taken.is_in_force)),
            Err(fault) if is_of_body(&fault) => Ok(receipt(ReturnCode::Invalid, fault.violations, false)),
            Err(fault) => Err(fault),
        }
    }
}

/// Whether another service found the body wrong.
pub fn is_of_body(fault: &Fault) -> bool {
    matches!(fault.reason.as_ref(), "INVALID_FIELDS" | "ROWS_REFUSED") && !fault.violations.is_empty()
}
