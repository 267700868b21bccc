//! The event log.

use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};

use crate::mesh::Mesh;

on_both_engines!(the_log_is_read_on_and_says_what_it_keeps_no_more,);

async fn the_log_is_read_on_and_says_what_it_keeps_no_more(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2, 3]).await;
    mesh.until("three events", async || {
        mesh.events("", 0).await.unwrap().0.len() == 3
    })
    .await;
    let (_, first) = mesh.events("", 1).await.unwrap();
    let (second, second_cursor) = mesh.events(&first, 1).await.unwrap();
    assert_eq!(second[0].sequence, 2);
    let refused = mesh.events("1", 0).await.unwrap_err();
    assert_eq!(violations(&refused), ["cursor CURSOR_FOREIGN"]);
    lutong_testing::tamper(&mesh.storage, "DELETE FROM outbox WHERE sequence < 3").await;
    assert_eq!(mesh.events("", 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
    assert_eq!(mesh.events(&second_cursor, 0).await.unwrap().0.len(), 1);
    lutong_testing::tamper(&mesh.storage, "DELETE FROM outbox").await;
    assert_eq!(
        mesh.events(&second_cursor, 0).await.unwrap_err().reason,
        "LOG_REPLACED"
    );
}
