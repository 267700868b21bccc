//! Bringing decisions into force at code-rendering.

use lutong_failpoint::Broken;
use lutong_kernel::SubjectId;
use lutong_transport::client::Call;
use moka::sync::Cache;

use crate::decisions::domain::Decision;
use crate::peers::code_rendering::CodeRendering;

/// People whose decision in force is remembered, of those whom this process decided about or was asked about last.
const REMEMBERED: u64 = 50_000;
/// A longer batch is work over many people, of whom hardly anybody asks next.
const SHORT: usize = 16;

/// Delivers decisions to code-rendering. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery {
    code_rendering: CodeRendering,
    /// The latest version that is known to be in force: it stays so, since versions only grow.
    in_force: Cache<SubjectId, i64>,
}

impl Delivery {
    pub fn new(code_rendering: CodeRendering) -> Self {
        Self {
            code_rendering,
            in_force: Cache::new(REMEMBERED),
        }
    }

    /// Whether a person's latest decision is in force. Where that is not known it is found out by applying it again, which has
    /// no further effect.
    pub async fn is_in_force(&self, call: &Call, latest: &Decision) -> bool {
        let known = self.in_force.get(&latest.subject);
        known.is_some_and(|version| version >= latest.version)
            || self.bring_into_force(call, std::slice::from_ref(latest)).await
    }

    /// Brings decisions into force; `false` if code-rendering is unavailable. The event log delivers them in that case.
    pub async fn bring_into_force(&self, call: &Call, decisions: &[Decision]) -> bool {
        if decisions.is_empty() {
            return true;
        }
        if lutong_failpoint::broken(Broken::InForceUnapplied) {
            return true;
        }
        let applied = self.code_rendering.apply(call, decisions).await;
        lutong_failpoint::hit("risk_rules.applied");
        if let Err(fault) = &applied {
            tracing::info!(decisions = decisions.len(), %fault, "decisions are pending; the log delivers them");
        }
        if applied.is_ok() && decisions.len() <= SHORT {
            self.remember(decisions);
        }
        applied.is_ok()
    }

    fn remember(&self, applied: &[Decision]) {
        for decision in applied {
            // Not kept at the greatest version in one step, which costs as much as all else here: where an older version lands last, the
            // newer one is applied once more, which has no further effect.
            self.in_force.insert(decision.subject, decision.version);
        }
    }
}
