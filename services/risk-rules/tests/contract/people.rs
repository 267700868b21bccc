//! Merged subjects: evaluated on the union of their facts, and unmerged without loss.

use std::time::Duration;

use lutong_kernel::ServiceName;
use lutong_proto::identity::v1 as identity;
use lutong_proto::types::v1::Colour;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;

use crate::areas::{import, notice, stay};
use crate::history;
use crate::history_verifications;
use crate::mesh::{Mesh, confirmed, fever, retraction, subject};
use crate::recomparisons::{self, finished};

on_both_engines!(
    one_person_has_the_worst_colour_of_all_their_subjects_and_each_its_own_again_when_unmerged,
    what_is_reported_of_one_subject_is_in_force_for_all_of_the_person,
    a_correction_about_one_subject_holds_for_all_of_the_person,
    facts_about_a_placeholder_hold_for_whom_it_was_merged_into,
    a_listing_concerns_whoever_is_one_person_with_one_who_stayed,
    steps_told_twice_or_too_late_change_nothing,
    every_decision_about_one_person_is_made_again_bit_for_bit,
    a_run_over_everyone_finds_nothing_amiss_with_one_person,
    where_somebody_lives_is_kept_and_changes_no_colour,
);

fn merged(n: u32, into: u32, version: i64) -> (u32, identity::event::Payload) {
    let merged = identity::SubjectMerged {
        into_subject_id: subject(into).to_string(),
        version,
    };
    (n, identity::event::Payload::SubjectMerged(merged))
}

fn unmerged(n: u32, version: i64) -> (u32, identity::event::Payload) {
    let unmerged = identity::SubjectUnmerged { version };
    (n, identity::event::Payload::SubjectUnmerged(unmerged))
}

pub fn placed(n: u32, division: &str) -> (u32, identity::event::Payload) {
    let placed = identity::SubjectPlaced {
        division: division.to_owned(),
    };
    (n, identity::event::Payload::SubjectPlaced(placed))
}

impl Mesh {
    /// Publishes events of identity and waits until this service has applied them.
    pub async fn after_identity_events(
        &self,
        events: impl IntoIterator<Item = (u32, identity::event::Payload)>,
    ) {
        let last = self.people.tell(events);
        self.bed.foundation.bell.ring(ServiceName::Identity, last).await;
        let followed = format!("followed WHERE producer = 'identity' AND sequence >= {last}");
        self.until("what identity told is taken", async || {
            lutong_testing::rows(&self.storage, &followed).await == 1
        })
        .await;
    }

    async fn shows(&self, n: u32, colour: Colour) {
        self.until(&format!("{n} is {colour:?}"), async || {
            self.shown(n) == Some(colour)
        })
        .await;
        assert_eq!(self.decision(n).await.unwrap().colour(), colour);
    }
}

async fn one_person_has_the_worst_colour_of_all_their_subjects_and_each_its_own_again_when_unmerged(
    bed: Bed,
) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1"), confirmed(3, "c3")], &[1, 2, 3, 4])
        .await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    mesh.shows(1, Colour::Yellow).await;
    mesh.shows(2, Colour::Yellow).await;
    // The explanation names the fact, whichever subject it is about.
    let cited = mesh.decision(2).await.unwrap().citations;
    assert_eq!(cited.len(), 1);
    assert_eq!(cited[0].facts[0].source, "cdc-370200");
    mesh.after_identity_events([merged(2, 3, 1)]).await;
    for n in [1, 2, 3] {
        mesh.shows(n, Colour::Red).await;
    }
    assert_eq!(mesh.decision(1).await.unwrap().citations.len(), 2);
    mesh.after_identity_events([unmerged(2, 2)]).await;
    mesh.shows(1, Colour::Yellow).await;
    mesh.shows(2, Colour::Yellow).await;
    mesh.shows(3, Colour::Red).await;
    mesh.after_identity_events([unmerged(1, 2)]).await;
    mesh.shows(1, Colour::Yellow).await;
    mesh.shows(2, Colour::Green).await;
    mesh.shows(4, Colour::Green).await;
    assert_eq!(
        mesh.decision(4).await.unwrap().version,
        1,
        "nobody else is touched"
    );
}

async fn what_is_reported_of_one_subject_is_in_force_for_all_of_the_person(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2]).await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    // Acknowledged as in force: both codes show it at once.
    assert!(mesh.stored(vec![confirmed(1, "c1")], &[]).await);
    assert_eq!(
        (mesh.shown(1), mesh.shown(2)),
        (Some(Colour::Red), Some(Colour::Red))
    );
}

async fn a_correction_about_one_subject_holds_for_all_of_the_person(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1, 2]).await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    mesh.shows(2, Colour::Yellow).await;
    let retraction = retraction(1, "r1", "f1");
    assert!(mesh.stored(vec![retraction], &[]).await);
    assert_eq!(
        (mesh.shown(1), mesh.shown(2)),
        (Some(Colour::Green), Some(Colour::Green))
    );
}

async fn facts_about_a_placeholder_hold_for_whom_it_was_merged_into(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![confirmed(1, "c1")], &[2]).await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    mesh.shows(2, Colour::Red).await;
    // The placeholder itself has declared nothing and has no code.
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    mesh.after_identity_events([merged(3, 4, 1)]).await;
    mesh.stored(vec![fever(3, "f3")], &[]).await;
    mesh.stored(vec![], &[4]).await;
    mesh.shows(4, Colour::Yellow).await;
}

async fn a_listing_concerns_whoever_is_one_person_with_one_who_stayed(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区")], &[1, 2, 3]).await;
    mesh.after_identity_events([merged(2, 1, 1)]).await;
    let listed = import(&mesh, notice("2022-11-26 12时", &["甲小区"])).await;
    assert_eq!(crate::areas::redecided(listed.effect), 2);
    mesh.shows(1, Colour::Red).await;
    mesh.shows(2, Colour::Red).await;
}

async fn steps_told_twice_or_too_late_change_nothing(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1, 2]).await;
    mesh.after_identity_events([merged(1, 2, 1), unmerged(1, 2), merged(1, 2, 1), unmerged(1, 2)])
        .await;
    mesh.shows(2, Colour::Green).await;
    mesh.after_identity_events([merged(1, 2, 3), merged(1, 2, 3), unmerged(1, 2)])
        .await;
    mesh.shows(2, Colour::Yellow).await;
    assert_eq!(lutong_testing::rows(&mesh.storage, "merges").await, 3);
}

async fn every_decision_about_one_person_is_made_again_bit_for_bit(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1, 2]).await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    mesh.stored(vec![confirmed(1, "c1")], &[]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.after_identity_events([unmerged(1, 2)]).await;
    mesh.stored(vec![fever(2, "f2")], &[]).await;
    for (n, version, colour) in [
        (1, 1, Colour::Yellow),
        (1, 2, Colour::Red),
        (2, 1, Colour::Green),
        (2, 2, Colour::Yellow),
        (2, 3, Colour::Red),
        (2, 4, Colour::Green),
        (2, 5, Colour::Yellow),
    ] {
        let name = format!("subjects/{}/decisions/{version}", subject(n));
        let replayed = history::replay_named(&mesh, name).await.unwrap();
        assert!(replayed.identical, "{n} {version}: {replayed:?}");
        assert_eq!(replayed.replayed.unwrap().colour(), colour, "{n} {version}");
    }
    let verified = history_verifications::verify(&mesh).await;
    assert_eq!((verified.intact, verified.breaks.len()), (7, 0));
}

async fn a_run_over_everyone_finds_nothing_amiss_with_one_person(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1, 2, 3]).await;
    mesh.after_identity_events([merged(1, 2, 1)]).await;
    let run = finished(&mesh, &recomparisons::start(&mesh).await).await;
    assert_eq!((run.seen, run.findings.len()), (3, 0), "{run:?}");
}

async fn where_somebody_lives_is_kept_and_changes_no_colour(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1]).await;
    // Also of a subject without any facts yet.
    mesh.after_identity_events([placed(1, "370202"), placed(2, "370203")])
        .await;
    mesh.after_identity_events([placed(2, "370211")]).await;
    mesh.stored(vec![], &[2]).await;
    let lives = async |n: u32, division: u32| {
        let row = format!(
            "subjects WHERE subject_id = {} AND division = {division}",
            mesh.literal(n)
        );
        lutong_testing::rows(&mesh.storage, &row).await == 1
    };
    assert!(lives(1, 370_202).await && lives(2, 370_211).await);
    assert_eq!(mesh.decision(1).await.unwrap().version, 1);
    mesh.shows(1, Colour::Yellow).await;
    mesh.shows(2, Colour::Green).await;
}
