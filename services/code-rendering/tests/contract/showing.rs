//! `ShowCode`: whose code is shown, and when it is not.

use std::time::Duration;

use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};

use crate::{decision, start, subject};

on_both_engines!(
    nobody_has_a_code_before_a_decision_and_nobody_sees_anothers,
    a_green_code_due_to_change_is_neither_shown_nor_confirmed,
);

async fn nobody_has_a_code_before_a_decision_and_nobody_sees_anothers(bed: Bed) {
    let codes = start(bed).await;
    assert_eq!(codes.show(1).await.unwrap_err().reason, "CODE_NOT_FOUND");
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    codes.show(1).await.unwrap();
    let other = codes
        .show_of(1, &subject(2).to_string(), wire::ImageFormat::Unspecified)
        .await;
    assert_eq!(other.unwrap_err().reason, "CODE_NOT_FOUND");
}

async fn a_green_code_due_to_change_is_neither_shown_nor_confirmed(bed: Bed) {
    let codes = start(bed).await;
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let shown = codes.show(1).await.unwrap();
    codes.0.clock.set(due);
    // The holder learns when to try again, when the last colour was decided, and since when it is not shown.
    let refreshing = codes.show(1).await.unwrap_err();
    assert_eq!(refreshing.reason, "CODE_REFRESHING");
    assert_eq!(refreshing.retry_after, Some(Duration::from_secs(1)));
    for (name, at) in [
        ("decide_time", "2022-11-26T12:00:00+08:00".to_owned()),
        ("due_time", due.to_rfc3339()),
    ] {
        assert!(refreshing.metadata.contains(&(name.into(), at)), "{refreshing:?}");
    }
    // A door learns nothing of the person.
    let refreshing = codes.verify(&shown.token).await.unwrap_err();
    assert_eq!(refreshing.reason, "CODE_REFRESHING");
    assert!(refreshing.metadata.is_empty(), "{refreshing:?}");
    codes.apply(vec![decision(1, Colour::Yellow, 2)]).await;
    assert_eq!(codes.show(1).await.unwrap().colour(), Colour::Yellow);
}
