//! Wire form of history verifications.

use lutong_proto::risk_rules::v1 as wire;

use super::store::{HistoryBreak, Verification};
use crate::history::domain::Break;
use crate::wire::instant;

/// The collection in a resource name.
pub const COLLECTION: &str = "history-verifications";

fn broken(one: &HistoryBreak) -> wire::HistoryBreak {
    let kind = match one.what {
        Break::Changed => wire::HistoryBreakKind::Changed,
        Break::Gap => wire::HistoryBreakKind::Gap,
        Break::Head => wire::HistoryBreakKind::Head,
    };
    wire::HistoryBreak {
        subject_id: one.subject.to_string(),
        version: one.version,
        kind: kind.into(),
    }
}

impl From<Verification> for wire::HistoryVerification {
    fn from(one: Verification) -> Self {
        let state = match (one.is_cancelled, one.finished_at, one.counts.broken) {
            (true, ..) => wire::HistoryVerificationState::Cancelled,
            (_, None, _) => wire::HistoryVerificationState::Running,
            (_, Some(_), 0) => wire::HistoryVerificationState::Intact,
            (_, Some(_), _) => wire::HistoryVerificationState::Broken,
        };
        Self {
            name: one.name(),
            history_verification_id: one.id.to_string(),
            subject_id: one.subject.map(|subject| subject.to_string()).unwrap_or_default(),
            state: state.into(),
            create_time: Some(instant(one.created_at)),
            finish_time: one.finished_at.map(instant),
            subjects: one.counts.subjects,
            intact: one.counts.intact,
            erased: one.counts.erased,
            broken: one.counts.broken,
            breaks: one.counts.breaks.iter().map(broken).collect(),
        }
    }
}
