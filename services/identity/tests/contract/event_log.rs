//! `ListEvents`: the event log as a follower reads it.

use lutong_kernel::FaultCode;
use lutong_proto::identity::v1 as wire;
use lutong_testing::{Bed, on_both_engines};

use crate::merges::by_id;
use crate::start;

on_both_engines!(
    identitys_log_is_read_on_page_by_page,
    a_follower_of_identity_that_comes_too_late_is_told,
    a_follower_whose_log_was_replaced_is_told,
);

async fn identitys_log_is_read_on_page_by_page(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let merge = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    identity.undo(11, &merge.name).await.unwrap();
    identity.published_events(2).await;
    let sequences = |events: Vec<wire::Event>| events.iter().map(|event| event.sequence).collect::<Vec<_>>();
    let (first, cursor) = identity.list("", 1).await.unwrap();
    assert_eq!(sequences(first), [1]);
    let (second, cursor) = identity.list(&cursor, 0).await.unwrap();
    assert_eq!(sequences(second), [2]);
    let (none, cursor) = identity.list(&cursor, -1).await.unwrap();
    assert_eq!(sequences(none), [0_i64; 0]);
    // The cursor of another log, a modified one, and an invalid one.
    let (_, of_accounts) = identity.changes("", 0).await.unwrap();
    let mut altered = cursor.clone();
    altered.replace_range(8..9, if &altered[8..9] == "A" { "B" } else { "A" });
    for foreign in [&of_accounts, &altered, "2"] {
        let refused = identity.list(foreign, 0).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert_eq!(refused.violations[0].reason, "CURSOR_FOREIGN");
    }
}

async fn a_follower_of_identity_that_comes_too_late_is_told(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let merge = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    identity.undo(11, &merge.name).await.unwrap();
    identity.published_events(2).await;
    lutong_testing::tamper(&identity.1, "DELETE FROM outbox WHERE sequence = 1").await;
    assert_eq!(identity.list("", 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
}

/// After restoring a backup another event has the follower's sequence, or none yet.
async fn a_follower_whose_log_was_replaced_is_told(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let merge = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    identity.undo(11, &merge.name).await.unwrap();
    identity.published_events(2).await;
    let (_, cursor) = identity.list("", 0).await.unwrap();
    for replacing in [
        "UPDATE outbox SET created_at = created_at + 1",
        "DELETE FROM outbox",
    ] {
        lutong_testing::tamper(&identity.1, replacing).await;
        let refused = identity.list(&cursor, 0).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.reason.as_ref()),
            (FaultCode::FailedPrecondition, "LOG_REPLACED")
        );
    }
}
