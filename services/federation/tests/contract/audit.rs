//! `AuditService`: the audit log of federation.

use lutong_testing::{Bed, on_both_engines};

use crate::start;

on_both_engines!(the_audit_log_is_an_auditors_and_wrong_questions_are_named);

async fn the_audit_log_is_an_auditors_and_wrong_questions_are_named(bed: Bed) {
    let federation = start(bed).await;
    lutong_testing::audit_contract!(lutong_proto::federation::v1, Federation, &federation.bed);
}
