//! `AuditService`: the audit log of declaration.

use lutong_testing::{Bed, on_both_engines};

use crate::alone;

on_both_engines!(the_audit_log_is_an_auditors_and_wrong_questions_are_named,);

async fn the_audit_log_is_an_auditors_and_wrong_questions_are_named(bed: Bed) {
    let declaration = alone(bed).await;
    lutong_testing::audit_contract!(lutong_proto::declaration::v1, Declaration, &declaration.bed);
}
