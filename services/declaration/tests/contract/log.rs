//! The log: in order, page by page, and honest about what it keeps no more.

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::{self, Bed};
use lutong_kernel::FaultCode;

use crate::{form, start, wrong};

on_both_engines!(
    the_log_is_read_on_page_by_page_without_gaps,
    a_follower_that_comes_too_late_is_told,
);

async fn the_log_is_read_on_page_by_page_without_gaps(bed: Bed) {
    let declaration = start(bed).await;
    for n in 1..=3 {
        declaration.apply(n, form()).await.unwrap();
    }
    declaration.told(3).await;
    let sequences = |events: Vec<lutong_proto::declaration::v1::Event>| -> Vec<i64> {
        events.iter().map(|event| event.sequence).collect()
    };
    assert_eq!(sequences(declaration.events(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(sequences(declaration.events(2, 2).await.unwrap()), [3]);
    assert!(declaration.events(3, 0).await.unwrap().is_empty());
    for (after, page, named) in [
        (-1, 0, "after_sequence PAGE_RANGE"),
        (0, -1, "page_size PAGE_RANGE"),
        (0, 501, "page_size PAGE_RANGE"),
    ] {
        let refused = declaration.events(after, page).await.unwrap_err();
        assert_eq!(wrong(&refused), [named]);
    }
}

async fn a_follower_that_comes_too_late_is_told(bed: Bed) {
    let declaration = start(bed).await;
    for n in 1..=3 {
        declaration.apply(n, form()).await.unwrap();
    }
    declaration.told(3).await;
    // A week later.
    testing::meddle(&declaration.storage, "DELETE FROM outbox WHERE sequence < 3").await;
    for after in [0, 1] {
        let refused = declaration.events(after, 0).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "EVENTS_EXPIRED")
        );
    }
    assert_eq!(declaration.events(2, 0).await.unwrap().len(), 1);
}
