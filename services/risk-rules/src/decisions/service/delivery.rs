//! Bringing decisions into force at code-rendering.

use lutong_failpoint::Broken;
use lutong_transport::client::Call;

use crate::decisions::domain::Decision;
use crate::peers::code_rendering::CodeRendering;

/// Delivers decisions to code-rendering. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery(CodeRendering);

impl Delivery {
    pub const fn new(code_rendering: CodeRendering) -> Self {
        Self(code_rendering)
    }

    /// Brings decisions into force; `false` if code-rendering is unavailable. The event log delivers them in that case.
    pub async fn bring_into_force(&self, call: &Call, decisions: &[Decision]) -> bool {
        if decisions.is_empty() {
            return true;
        }
        if lutong_failpoint::broken(Broken::InForceUnapplied) {
            return true;
        }
        let applied = self.0.apply(call, decisions).await;
        lutong_failpoint::hit("risk_rules.applied");
        if let Err(fault) = &applied {
            tracing::info!(decisions = decisions.len(), %fault, "decisions are pending; the log delivers them");
        }
        applied.is_ok()
    }
}
