//! `ListEvents`: whose code has changed, and nothing of how.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use wire::event_log_service_client::EventLogServiceClient;

use crate::{Codes, decision, fault, start, start_with_storage, subject};

on_both_engines!(
    a_code_of_another_colour_is_said_once_and_without_its_colour,
    the_log_of_changed_codes_is_read_on_and_says_what_it_keeps_no_more,
);

impl Codes {
    async fn events(&self, cursor: &str, page_size: i32) -> Result<(Vec<wire::Event>, String), Fault> {
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::ListEventsRequest {
            cursor: cursor.to_owned(),
            page_size,
        });
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Identity);
        let answer = EventLogServiceClient::new(channel).list_events(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.events, answer.next_cursor))
            .map_err(|status| fault(&status))
    }

    /// The subjects and versions of so many events, once they are published.
    async fn published(&self, count: usize) -> Vec<(String, i64)> {
        let mut events = Vec::new();
        for _ in 0..200 {
            events = self.events("", 0).await.unwrap().0;
            if events.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = events.into_iter().map(|event| match event.payload {
            Some(wire::event::Payload::CodeChanged(changed)) => (event.subject_id, changed.version),
            None => (event.subject_id, 0),
        });
        said.collect()
    }
}

async fn a_code_of_another_colour_is_said_once_and_without_its_colour(bed: Bed) {
    let codes = start(bed).await;
    // The first code is no change, nor is a decision of the same colour, nor an older one, nor the same again.
    codes
        .apply(vec![decision(1, Colour::Red, 1), decision(2, Colour::Green, 3)])
        .await;
    codes
        .apply(vec![decision(1, Colour::Red, 2), decision(2, Colour::Red, 2)])
        .await;
    codes.apply(vec![decision(1, Colour::Green, 3)]).await;
    codes.apply(vec![decision(1, Colour::Green, 3)]).await;
    codes.apply(vec![decision(2, Colour::Yellow, 4)]).await;
    let (one, two) = (subject(1).to_string(), subject(2).to_string());
    assert_eq!(codes.published(2).await, [(one, 3), (two, 4)]);
}

async fn the_log_of_changed_codes_is_read_on_and_says_what_it_keeps_no_more(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let people = || 1..=3_u32;
    codes
        .apply(people().map(|n| decision(n, Colour::Green, 1)).collect())
        .await;
    codes
        .apply(people().map(|n| decision(n, Colour::Red, 2)).collect())
        .await;
    assert_eq!(codes.published(3).await.len(), 3);
    let (_, first) = codes.events("", 1).await.unwrap();
    let (second, cursor) = codes.events(&first, 1).await.unwrap();
    assert_eq!(second[0].sequence, 2);
    let refused = codes.events("1", 0).await.unwrap_err();
    assert_eq!(lutong_testing::violations(&refused), ["cursor CURSOR_FOREIGN"]);
    lutong_testing::tamper(&storage, "DELETE FROM outbox WHERE sequence < 3").await;
    assert_eq!(codes.events("", 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
    assert_eq!(codes.events(&cursor, 0).await.unwrap().0.len(), 1);
    lutong_testing::tamper(&storage, "DELETE FROM outbox").await;
    let refused = codes.events(&cursor, 0).await.unwrap_err();
    assert_eq!(refused.reason, "LOG_REPLACED");
}
