//! `ListEvents`: in order, page by page; events that were deleted are an error, never a gap.

use lutong_kernel::FaultCode;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};

use crate::{form, start};

on_both_engines!(
    the_log_is_read_on_page_by_page_without_gaps,
    a_follower_that_comes_too_late_is_told,
);

async fn the_log_is_read_on_page_by_page_without_gaps(bed: Bed) {
    let declaration = start(bed).await;
    for n in 1..=3 {
        declaration.apply(n, form()).await.unwrap();
    }
    declaration.published_events(3).await;
    let sequences = |events: Vec<lutong_proto::declaration::v1::Event>| -> Vec<i64> {
        events.iter().map(|event| event.sequence).collect()
    };
    let (first, cursor) = declaration.events("", 2).await.unwrap();
    assert_eq!(sequences(first), [1, 2]);
    let (second, cursor) = declaration.events(&cursor, 2).await.unwrap();
    assert_eq!(sequences(second), [3]);
    let (none, _) = declaration.events(&cursor, 0).await.unwrap();
    assert!(none.is_empty());
    let refused = declaration.events("3", 0).await.unwrap_err();
    assert_eq!(violations(&refused), ["cursor CURSOR_FOREIGN"]);
}

async fn a_follower_that_comes_too_late_is_told(bed: Bed) {
    let declaration = start(bed).await;
    for n in 1..=3 {
        declaration.apply(n, form()).await.unwrap();
    }
    declaration.published_events(3).await;
    let (_, first) = declaration.events("", 1).await.unwrap();
    let (_, second) = declaration.events("", 2).await.unwrap();
    // A week later.
    lutong_testing::tamper(&declaration.storage, "DELETE FROM outbox WHERE sequence < 3").await;
    for after in ["", &first] {
        let refused = declaration.events(after, 0).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "EVENTS_EXPIRED")
        );
    }
    assert_eq!(declaration.events(&second, 0).await.unwrap().0.len(), 1);
    lutong_testing::tamper(&declaration.storage, "DELETE FROM outbox").await;
    let refused = declaration.events(&second, 0).await.unwrap_err();
    assert_eq!(refused.reason, "LOG_REPLACED");
}
