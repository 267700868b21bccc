//! Interim relief: red that rests on contested facts alone is shown as yellow, never over an open confirmed case, and never for longer than
//! it was given.

use std::time::Duration;

use lutong_kernel::{Clock as _, Fault, Timestamp};
use lutong_proto::facts::from_attributes;
use lutong_proto::policy::Caller;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{self as types, Colour};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use serde_json::json;
use wire::relief_service_client::ReliefServiceClient;

use crate::history::replay_named;
use crate::mesh::{Mesh, answered, confirmed, fact, fever, reason, retraction, stated, subject};

on_both_engines!(
    relief_shows_yellow_until_its_end_and_the_decision_says_so,
    a_confirmed_case_that_is_reported_under_relief_is_red_at_once,
    relief_ends_at_once_and_never_comes_back,
    a_source_that_corrects_its_fact_makes_relief_pointless,
    relief_is_given_once_for_an_appeal_and_a_fact,
    an_end_that_arrives_first_leaves_no_relief,
    relief_is_from_a_fact_about_the_person_that_stands,
    nobody_else_states_a_relief,
    a_relief_is_checked_before_anything_is_stored,
);

const DAY: i64 = 86_400;
const COMPLAINT: &str = "complaints/20221126-7GKQ-2M4X";
const POLICY: &str = "red,close_contact,yellow,48";

fn contact(n: u32, key: &str) -> wire::FactStatement {
    let given = json!({"last_contact_at": "2022-11-25T08:00:00+08:00"});
    fact(n, key, "close_contact", &given)
}

fn about(mesh: &Mesh, n: u32, contested: &str) -> wire::Relief {
    let now = mesh.bed.clock.now();
    wire::Relief {
        complaint: COMPLAINT.to_owned(),
        subject_id: subject(n).to_string(),
        contested_fact: contested.to_owned(),
        policy: POLICY.to_owned(),
        start_time: Some(time::instant(now)),
        end_time: Some(time::instant(now.plus_seconds(2 * DAY))),
    }
}

fn client(mesh: &Mesh) -> ReliefServiceClient<lutong_transport::client::MeshChannel> {
    ReliefServiceClient::new(
        mesh.bed
            .channel(lutong_kernel::ServiceName::RiskRules, Caller::Complaint),
    )
}

async fn give(mesh: &Mesh, relief: &wire::Relief) -> Result<types::Effect, Fault> {
    let call = lutong_transport::client::Call::background(Duration::from_secs(10));
    let request = wire::GiveReliefRequest {
        relief: Some(relief.clone()),
    };
    let given = answered(client(mesh).give_relief(call.request(request)).await)?;
    Ok(given.effect.unwrap())
}

async fn end(mesh: &Mesh, relief: &wire::Relief, at: Timestamp) -> Result<types::Effect, Fault> {
    let call = lutong_transport::client::Call::background(Duration::from_secs(10));
    let request = wire::EndReliefRequest {
        relief: Some(relief.clone()),
        cut_time: Some(time::instant(at)),
    };
    let ended = answered(client(mesh).end_relief(call.request(request)).await)?;
    Ok(ended.effect.unwrap())
}

/// Person 1 with a contact, and relief from it that is not given yet.
async fn contested(bed: Bed) -> (Mesh, wire::Relief) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![contact(1, "c1")], &[1]).await;
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!(decision.colour(), Colour::Red);
    let relief = about(&mesh, 1, &decision.citations[0].facts[0].fact_id);
    (mesh, relief)
}

async fn relief_shows_yellow_until_its_end_and_the_decision_says_so(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    let effect = give(&mesh, &relief).await.unwrap();
    assert_eq!(
        (effect.redecided, effect.state()),
        (1, types::EffectState::InForce)
    );
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!((decision.colour(), decision.version), (Colour::Yellow, 2));
    assert_eq!(crate::decisions::rules(&decision), ["red.close-contact"]);
    assert_eq!(decision.next_change_time, relief.end_time);
    let shown = decision.interim_relief.unwrap();
    assert_eq!(
        (shown.start_time, shown.end_time),
        (relief.start_time, relief.end_time)
    );
    assert_eq!(
        (shown.colour_of_rules(), &shown.complaints[..]),
        (Colour::Red, &[COMPLAINT.to_owned()][..])
    );
    assert_eq!(shown.policies, [POLICY]);
    let text = shown.explanation.unwrap();
    assert!(
        text.zh.contains("红码（规则red.close-contact）") && text.en.contains("red by red.close-contact"),
        "{text:?}"
    );
    // It ends by itself, and what was decided under it is replayed with it.
    mesh.bed.clock.advance(Duration::from_secs(2 * 86_400));
    mesh.until("red again", async || mesh.shown(1) == Some(Colour::Red))
        .await;
    let after = mesh.decision(1).await.unwrap();
    assert_eq!((after.colour(), after.interim_relief), (Colour::Red, None));
    for (version, colour) in [(1, Colour::Red), (2, Colour::Yellow), (3, Colour::Red)] {
        let name = format!("subjects/{}/decisions/{version}", subject(1));
        let replay = replay_named(&mesh, name).await.unwrap();
        let replayed = replay.replayed.unwrap();
        assert!(replay.identical, "version {version}");
        assert_eq!(replayed.colour(), colour);
        assert_eq!(replayed.interim_relief.is_some(), version == 2);
    }
}

async fn a_confirmed_case_that_is_reported_under_relief_is_red_at_once(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    give(&mesh, &relief).await.unwrap();
    assert!(mesh.stored(vec![confirmed(1, "case")], &[]).await);
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!(
        (decision.colour(), &decision.interim_relief),
        (Colour::Red, &None)
    );
    // Nor is relief given over one that was there before.
    mesh.stored(vec![contact(2, "c2"), confirmed(2, "case-2")], &[2])
        .await;
    let decision = mesh.decision(2).await.unwrap();
    let cited = decision
        .citations
        .iter()
        .find(|one| one.rule_id == "red.close-contact");
    let over = about(&mesh, 2, &cited.unwrap().facts[0].fact_id);
    assert_eq!(give(&mesh, &over).await.unwrap().redecided, 0);
    assert_eq!(mesh.shown(2), Some(Colour::Red));
    // Once it turns out to be none, the relief that still lasts is in force again.
    mesh.stored(vec![retraction(1, "no-case", "case")], &[]).await;
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}

async fn relief_ends_at_once_and_never_comes_back(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    give(&mesh, &relief).await.unwrap();
    mesh.bed.clock.advance(Duration::from_secs(3_600));
    let at = mesh.bed.clock.now();
    let effect = end(&mesh, &relief, at).await.unwrap();
    assert_eq!(effect.redecided, 1);
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    // Both calls sent again, as after a lost answer.
    assert_eq!(end(&mesh, &relief, at).await.unwrap().redecided, 0);
    assert_eq!(give(&mesh, &relief).await.unwrap().redecided, 0);
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    let later = end(&mesh, &relief, at.plus_seconds(60)).await;
    assert_eq!(reason(later), "RELIEF_CONFLICT");
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!((decision.version, decision.interim_relief), (3, None));
}

async fn a_source_that_corrects_its_fact_makes_relief_pointless(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    give(&mesh, &relief).await.unwrap();
    mesh.stored(vec![retraction(1, "c1-back", "c1")], &[]).await;
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!((decision.interim_relief, decision.citations.len()), (None, 0));
    assert_eq!(
        end(&mesh, &relief, mesh.bed.clock.now()).await.unwrap().redecided,
        0
    );
}

async fn relief_is_given_once_for_an_appeal_and_a_fact(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    assert_eq!(give(&mesh, &relief).await.unwrap().redecided, 1);
    assert_eq!(give(&mesh, &relief).await.unwrap().redecided, 0);
    let longer = wire::Relief {
        end_time: Some(time::instant(mesh.bed.clock.now().plus_seconds(3 * DAY))),
        ..relief.clone()
    };
    assert_eq!(reason(give(&mesh, &longer).await), "RELIEF_CONFLICT");
    assert_eq!(mesh.decision(1).await.unwrap().next_change_time, relief.end_time);
}

async fn an_end_that_arrives_first_leaves_no_relief(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    let at = mesh.bed.clock.now();
    assert_eq!(end(&mesh, &relief, at).await.unwrap().redecided, 0);
    assert_eq!(reason(give(&mesh, &relief).await), "RELIEF_CONFLICT");
    assert_eq!(mesh.shown(1), Some(Colour::Red));
}

async fn relief_is_from_a_fact_about_the_person_that_stands(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    mesh.stored(vec![], &[2]).await;
    let others = wire::Relief {
        subject_id: subject(2).to_string(),
        ..relief.clone()
    };
    assert_eq!(reason(give(&mesh, &others).await), "CONTESTED_FACT_NOT_FOUND");
    let now = mesh.bed.clock.now();
    assert_eq!(reason(end(&mesh, &others, now).await), "CONTESTED_FACT_NOT_FOUND");
    mesh.stored(vec![retraction(1, "c1-back", "c1")], &[]).await;
    assert_eq!(reason(give(&mesh, &relief).await), "FACT_WITHDRAWN");
}

async fn nobody_else_states_a_relief(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    let given = json!({"contested_fact": relief.contested_fact, "from": "2022-11-26T00:00:00+08:00",
        "until": "2022-12-03T00:00:00+08:00", "policy": POLICY});
    let stating = || fact(1, "relief", "relief", &given);
    let wrong = |results: Vec<wire::StatementResult>| match results.into_iter().next().unwrap().outcome {
        Some(wire::statement_result::Outcome::Error(wrong)) => format!("{} {}", wrong.field, wrong.reason),
        other => panic!("{other:?}"),
    };
    let by_feed = mesh.append(vec![stating()], &[]).await.unwrap();
    assert_eq!(wrong(by_feed.results), "fact.relief KIND_NOT_GRANTED");
    let correction = types::Correction {
        replaces_key: "c1".to_owned(),
        fact: Some(from_attributes("relief".parse().unwrap(), given.as_object().unwrap()).unwrap()),
    };
    let correcting = stated(1, "k", wire::fact_statement::Statement::Correction(correction));
    let by_feed = mesh.append(vec![correcting], &[]).await.unwrap();
    assert_eq!(wrong(by_feed.results), "correction.fact.relief KIND_NOT_GRANTED");
    let mut own = stating();
    "self".clone_into(&mut own.source);
    let by_person = mesh.enrol(1, vec![own]).await.unwrap();
    assert_eq!(wrong(by_person.results), "fact.relief KIND_NOT_GRANTED");
    let mut pulled = fever(1, "k");
    "complaint".clone_into(&mut pulled.source);
    let pulled = mesh.append_as_service(vec![pulled]).await.unwrap();
    assert_eq!(wrong(pulled.results), "source SOURCE_NOT_OWN");
    assert_eq!(mesh.shown(1), Some(Colour::Red));
}

async fn a_relief_is_checked_before_anything_is_stored(bed: Bed) {
    let (mesh, relief) = contested(bed).await;
    let now = mesh.bed.clock.now();
    let of = |start: i64, end: i64| wire::Relief {
        start_time: Some(time::instant(now.plus_seconds(start))),
        end_time: Some(time::instant(now.plus_seconds(end))),
        ..relief.clone()
    };
    for (wrong, expected) in [
        (of(0, 0), "relief.end_time END_BEFORE_START"),
        (of(0, 7 * DAY + 1), "relief.end_time RELIEF_TOO_LONG"),
        (
            wire::Relief {
                contested_fact: "x".to_owned(),
                ..relief.clone()
            },
            "relief.contested_fact UUID_SHAPE",
        ),
        (
            wire::Relief {
                complaint: "appeals/1".to_owned(),
                ..relief.clone()
            },
            "relief.complaint NAME_SHAPE",
        ),
    ] {
        let refused = give(&mesh, &wrong).await.unwrap_err();
        assert_eq!(violations(&refused), [expected]);
        let refused = end(&mesh, &wrong, now).await.unwrap_err();
        assert_eq!(violations(&refused), [expected]);
    }
    assert_eq!(mesh.decision(1).await.unwrap().version, 1);
}

/// What both calls answer about a person who has as many facts as anybody may have, one of them a visit under a key.
pub async fn at_the_limit(mesh: &Mesh, n: u32, key: &str) -> [Fault; 2] {
    let known = mesh.append(vec![fever(n, key)], &[]).await.unwrap();
    let Some(wire::statement_result::Outcome::UnchangedFactId(id)) = &known.results[0].outcome else {
        panic!("{known:?}")
    };
    let relief = about(mesh, n, id);
    let given = give(mesh, &relief).await.unwrap_err();
    let ended = end(mesh, &relief, mesh.bed.clock.now()).await.unwrap_err();
    [given, ended]
}
