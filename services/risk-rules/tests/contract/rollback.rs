//! Undoing what a feed reported wrongly.

use std::time::Duration;

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::Bed;
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, Colour};
use lutong_proto::time;

use crate::mesh::{Mesh, confirmed, fact, fault, fever, staff, subject};

on_both_engines!(
    a_bad_span_is_undone_and_everybody_has_the_colour_that_they_would_have,
    a_span_that_makes_no_sense_is_refused,
);

async fn roll_back(
    mesh: &Mesh,
    (from, until): (Timestamp, Timestamp),
    dry_run: bool,
) -> Result<wire::RollBackFeedResponse, Fault> {
    let request = wire::RollBackFeedRequest {
        source: "cdc-370200".to_owned(),
        from_time: Some(time::from_micros(from.micros())),
        until_time: Some(time::from_micros(until.micros())),
        reason: "wrong export".to_owned(),
        dry_run,
    };
    let request = mesh.purposeful(&staff("supervisor-1", Role::Supervisor), request);
    let answer = mesh.rollbacks().roll_back_feed(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
}

async fn a_bad_span_is_undone_and_everybody_has_the_colour_that_they_would_have(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let tick = || mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(
        vec![fever(1, "f1"), fever(2, "f2"), confirmed(4, "c4")],
        &[1, 2, 3, 4],
    )
    .await;
    tick();
    let from = mesh.bed.foundation.now();
    // The bad span: a correction that frees 1, a retraction that frees 2, a case about 3, and one about 4 put right later.
    let cleared = serde_json::json!({"visited_at": "2022-10-01T08:00:00+08:00"});
    let mut correction = fact(1, "f1b", "fever_clinic_visit", &cleared);
    "f1".clone_into(&mut correction.replaces_key);
    let retraction = wire::FactStatement {
        source: "cdc-370200".to_owned(),
        key: "r2".to_owned(),
        subject_id: subject(2).to_string(),
        retract_key: "f2".to_owned(),
        reason: "wrong export".to_owned(),
        ..wire::FactStatement::default()
    };
    mesh.stored(vec![correction, retraction, confirmed(3, "c3")], &[])
        .await;
    tick();
    let until = mesh.bed.foundation.now();
    mesh.stored(vec![fever(4, "f4")], &[]).await;
    let colours = || [1, 2, 3, 4].map(|n| mesh.shown(n).unwrap());
    assert_eq!(
        colours(),
        [Colour::Green, Colour::Green, Colour::Red, Colour::Red]
    );
    let counted = roll_back(&mesh, (from, until), true).await.unwrap();
    assert_eq!(
        (
            counted.subjects,
            counted.retracted,
            counted.restated,
            counted.redecided
        ),
        (3, 2, 2, 0)
    );
    assert_eq!(
        colours(),
        [Colour::Green, Colour::Green, Colour::Red, Colour::Red]
    );
    tick();
    let undone = roll_back(&mesh, (from, until), false).await.unwrap();
    assert_eq!(
        (
            undone.retracted,
            undone.restated,
            undone.redecided,
            undone.in_force
        ),
        (2, 2, 3, true)
    );
    assert_eq!(
        colours(),
        [Colour::Yellow, Colour::Yellow, Colour::Green, Colour::Red]
    );
    let again = roll_back(&mesh, (from, until), false).await.unwrap();
    assert_eq!((again.subjects, again.redecided), (0, 0));
}

async fn a_span_that_makes_no_sense_is_refused(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let now = mesh.bed.foundation.now();
    let refused = roll_back(&mesh, (now, now), false).await.unwrap_err();
    assert_eq!(refused.violations[0].field, "until_time");
}
