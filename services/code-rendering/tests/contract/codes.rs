//! `ApplyDecisions`: which decisions come into force, and persistence over a restart.

use lutong_code_rendering::Migrations;
use lutong_kernel::Fault;
use lutong_kernel::ServiceName;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use wire::VerificationOutcome as Outcome;

use crate::{Codes, build, decision, start};

on_both_engines!(
    a_new_decision_is_shown_and_supersedes_what_was_shown_before,
    an_older_or_repeated_decision_changes_nothing,
    a_restart_keeps_keys_and_codes,
    what_cannot_be_asked_for_is_named,
);

async fn a_new_decision_is_shown_and_supersedes_what_was_shown_before(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let green = codes.show(1).await.unwrap();
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    assert_eq!(codes.show(1).await.unwrap().colour(), Colour::Red);
    let verified = codes.verify(&green.token).await.unwrap();
    assert_eq!(
        (verified.outcome(), verified.colour()),
        (Outcome::Superseded, Colour::Red)
    );
}

async fn an_older_or_repeated_decision_changes_nothing(bed: Bed) {
    let codes = start(bed).await;
    let (old, new) = (decision(1, Colour::Green, 1), decision(1, Colour::Red, 2));
    assert_eq!(codes.apply(vec![new.clone(), old.clone()]).await, 1);
    assert_eq!(codes.apply(vec![old]).await, 0);
    assert_eq!(codes.apply(vec![new]).await, 0);
    let shown = codes.show(1).await.unwrap();
    assert_eq!((shown.colour(), shown.version), (Colour::Red, 2));
}

async fn a_restart_keeps_keys_and_codes(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::CodeRendering).await;
    build(&bed, &storage).await;
    let before = Codes(bed);
    before.apply(vec![decision(1, Colour::Yellow, 1)]).await;
    let shown = before.show(1).await.unwrap();
    let again = before.0.reopened();
    build(&again, &storage).await;
    let after = Codes(again);
    assert_eq!(after.outcome(&shown.token).await, Outcome::Valid);
    assert_eq!(after.show(1).await.unwrap().colour(), Colour::Yellow);
}

async fn what_cannot_be_asked_for_is_named(bed: Bed) {
    let codes = start(bed).await;
    let wrong = |refused: Fault| {
        let one = &refused.violations[0];
        format!("{} {} {}", refused.reason, one.field, one.reason)
    };
    let mut nobody = decision(1, Colour::Green, 1);
    nobody.subject_id.clear();
    for (decisions, named) in [
        (
            vec![decision(1, Colour::Green, 1); 1_001],
            "INVALID_FIELDS decisions TOO_MANY",
        ),
        (
            vec![decision(1, Colour::Green, 1), decision(2, Colour::Unspecified, 1)],
            "INVALID_FIELDS decisions[1].colour MISSING",
        ),
        (vec![nobody], "INVALID_FIELDS decisions[0].subject_id MISSING"),
    ] {
        assert_eq!(wrong(codes.try_to_apply(decisions).await.unwrap_err()), named);
    }
    // A thousand decisions of maximum length are accepted.
    let mut longest = decision(3, Colour::Green, 1);
    longest.version = i64::MAX;
    longest.next_change_time = longest.evaluate_time;
    assert_eq!(codes.apply(vec![longest; 1_000]).await, 1);
    // One bad decision kept the good ones of the batch from coming into force.
    assert_eq!(codes.show(1).await.unwrap_err().reason, "CODE_NOT_FOUND");
    let refused = codes
        .show_of(1, "1", wire::ImageFormat::Unspecified)
        .await
        .unwrap_err();
    assert_eq!(wrong(refused), "INVALID_FIELDS subject_id UUID_SHAPE");
}
