//! Others to be managed as high or medium risk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use lutong_chassis::testing::Bed;
use lutong_chassis::{Principal, on_both_engines};
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;

use crate::areas::stay;
use crate::mesh::{Mesh, fact, fault, staff, staff_of, subject};
use crate::people::placed;

on_both_engines!(
    a_designation_takes_two_officers_decides_and_is_counted_publicly,
    a_proposal_without_basis_end_or_subject_is_refused_naming_each,
    a_proposal_is_stored_once,
    a_designation_is_of_its_division,
    a_designation_whose_end_has_passed_is_not_approved,
    while_code_rendering_is_away_an_approval_is_to_be_sent_again,
    what_was_ended_is_neither_counted_nor_approved_again,
    what_was_ended_before_it_began_is_not_approved,
    a_designation_whose_fact_was_taken_back_is_over,
    a_feed_cannot_designate,
    an_officer_designates_only_who_lives_or_stayed_in_the_division,
);

/// Subject 1 lives in 370202.
async fn resident(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    mesh.told([placed(1, "370202")]).await;
    mesh
}

pub fn officer(account: &str, division: &str) -> Principal {
    staff_of(account, Role::HealthOfficer, division)
}

pub fn proposal(mesh: &Mesh, request: u32, days: i64) -> wire::ProposeDesignationRequest {
    let now = mesh.bed.foundation.now();
    wire::ProposeDesignationRequest {
        request_id: format!("00000000-0000-7000-8000-00000000000{request}"),
        subject_id: subject(1).to_string(),
        level: wire::DesignationLevel::High.into(),
        from_time: Some(time::from_micros(now.micros())),
        until_time: Some(time::from_micros(now.plus_seconds(days * 86_400).micros())),
        legal_basis: "PICL-42".to_owned(),
    }
}

pub async fn propose(
    mesh: &Mesh,
    who: &Principal,
    request: wire::ProposeDesignationRequest,
) -> Result<String, Fault> {
    let answer = mesh
        .designations()
        .propose_designation(mesh.purposeful(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().designation.unwrap().designation_id)
}

pub async fn approve(mesh: &Mesh, who: &Principal, id: &str) -> Result<bool, Fault> {
    let request = wire::ApproveDesignationRequest {
        designation_id: id.to_owned(),
    };
    let answer = mesh
        .designations()
        .approve_designation(mesh.purposeful(who, request))
        .await;
    answer
        .map(|answer| answer.into_inner().designation.unwrap().approved)
        .map_err(|status| fault(&status))
}

pub async fn end(mesh: &Mesh, who: &Principal, id: &str) -> Result<(), Fault> {
    let request = wire::EndDesignationRequest {
        designation_id: id.to_owned(),
    };
    let answer = mesh
        .designations()
        .end_designation(mesh.purposeful(who, request))
        .await;
    answer.map(|_| ()).map_err(|status| fault(&status))
}

async fn counts(mesh: &Mesh) -> Vec<(String, String, i64)> {
    let request = mesh.purposeful(&Principal::public(), wire::CountDesignationsRequest {});
    let counts = mesh
        .designations()
        .count_designations(request)
        .await
        .unwrap()
        .into_inner()
        .counts;
    counts
        .into_iter()
        .map(|one| (one.division, one.legal_basis, one.count))
        .collect()
}

async fn a_designation_takes_two_officers_decides_and_is_counted_publicly(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370200"));
    let id = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    assert_eq!(
        (mesh.shown(1), counts(&mesh).await.len()),
        (Some(Colour::Green), 0)
    );
    assert_eq!(
        approve(&mesh, &one, &id).await.unwrap_err().reason,
        "OWN_PROPOSAL"
    );
    assert!(approve(&mesh, &other, &id).await.unwrap());
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!(
        (decision.colour(), decision.citations[0].rule_id.as_str()),
        (Colour::Red, "red.designated")
    );
    assert_eq!(
        counts(&mesh).await,
        [("370202".to_owned(), "PICL-42".to_owned(), 1)]
    );
    assert!(
        approve(&mesh, &other, &id).await.unwrap(),
        "approving again changes nothing"
    );
    assert_eq!(mesh.decision(1).await.unwrap().version, decision.version);
    end(&mesh, &one, &id).await.unwrap();
    end(&mesh, &one, &id).await.unwrap();
    assert_eq!(
        (mesh.shown(1), counts(&mesh).await.len()),
        (Some(Colour::Green), 0)
    );
}

async fn a_proposal_without_basis_end_or_subject_is_refused_naming_each(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let bad = wire::ProposeDesignationRequest {
        subject_id: "somebody".to_owned(),
        legal_basis: "because".to_owned(),
        until_time: None,
        level: 0,
        ..proposal(&mesh, 1, 14)
    };
    let refused = propose(&mesh, &officer("officer-1", "370202"), bad)
        .await
        .unwrap_err();
    let fields: Vec<_> = refused.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["subject_id", "level", "until_time", "legal_basis"]);
    let refused = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 91))
        .await
        .unwrap_err();
    assert_eq!(refused.violations[0].reason, "TOO_LONG");
}

async fn a_proposal_is_stored_once(bed: Bed) {
    let mesh = resident(bed).await;
    let one = officer("officer-1", "370202");
    let id = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    assert_eq!(propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap(), id);
    let other = propose(&mesh, &one, proposal(&mesh, 1, 13)).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
}

async fn a_designation_is_of_its_division(bed: Bed) {
    let mesh = resident(bed).await;
    let id = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 14))
        .await
        .unwrap();
    let elsewhere = officer("officer-3", "370300");
    assert_eq!(
        approve(&mesh, &elsewhere, &id).await.unwrap_err().reason,
        "DESIGNATION_NOT_FOUND"
    );
    assert_eq!(
        end(&mesh, &elsewhere, &id).await.unwrap_err().reason,
        "DESIGNATION_NOT_FOUND"
    );
    assert_eq!(
        approve(&mesh, &elsewhere, "7").await.unwrap_err().violations[0].field,
        "designation_id"
    );
    assert_eq!(
        end(&mesh, &elsewhere, "7").await.unwrap_err().violations[0].field,
        "designation_id"
    );
}

async fn a_designation_whose_end_has_passed_is_not_approved(bed: Bed) {
    let mesh = resident(bed).await;
    let id = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 1))
        .await
        .unwrap();
    mesh.bed.clock.advance(Duration::from_secs(2 * 86_400));
    let refused = approve(&mesh, &officer("officer-2", "370202"), &id)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "DESIGNATION_OVER");
}

async fn while_code_rendering_is_away_an_approval_is_to_be_sent_again(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let other = officer("officer-2", "370202");
    let id = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 14))
        .await
        .unwrap();
    mesh.codes.away.store(true, Ordering::SeqCst);
    assert_eq!(
        approve(&mesh, &other, &id).await.unwrap_err().reason,
        "PART_UNAVAILABLE"
    );
    mesh.codes.away.store(false, Ordering::SeqCst);
    assert!(approve(&mesh, &other, &id).await.unwrap());
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    mesh.codes.away.store(true, Ordering::SeqCst);
    assert_eq!(
        end(&mesh, &other, &id).await.unwrap_err().reason,
        "PART_UNAVAILABLE"
    );
    mesh.codes.away.store(false, Ordering::SeqCst);
    end(&mesh, &other, &id).await.unwrap();
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn what_was_ended_is_neither_counted_nor_approved_again(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let approved = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    approve(&mesh, &other, &approved).await.unwrap();
    let waiting = propose(&mesh, &one, proposal(&mesh, 2, 14)).await.unwrap();
    for id in [&approved, &waiting] {
        end(&mesh, &one, id).await.unwrap();
        let refused = approve(&mesh, &other, id).await.unwrap_err();
        assert_eq!(refused.reason, "DESIGNATION_OVER");
    }
    assert!(counts(&mesh).await.is_empty());
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn what_was_ended_before_it_began_is_not_approved(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let now = mesh.bed.foundation.now();
    let later = wire::ProposeDesignationRequest {
        from_time: Some(time::from_micros(now.plus_seconds(86_400).micros())),
        ..proposal(&mesh, 1, 14)
    };
    let id = propose(&mesh, &one, later).await.unwrap();
    end(&mesh, &one, &id).await.unwrap();
    let refused = approve(&mesh, &other, &id).await.unwrap_err();
    assert_eq!(refused.reason, "DESIGNATION_OVER");
    mesh.bed.clock.advance(Duration::from_secs(2 * 86_400));
    let refused = approve(&mesh, &other, &id).await.unwrap_err();
    assert_eq!(refused.reason, "DESIGNATION_OVER");
    assert!(counts(&mesh).await.is_empty());
}

async fn a_designation_whose_fact_was_taken_back_is_over(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let id = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    approve(&mesh, &other, &id).await.unwrap();
    assert_eq!(counts(&mesh).await.len(), 1);
    // However that came about: by a way that is gone, or by hand.
    mesh.tamper(&format!(
        "UPDATE statements SET superseded_at = 1 WHERE key = '{id}'"
    ))
    .await;
    assert!(counts(&mesh).await.is_empty());
    let refused = approve(&mesh, &other, &id).await.unwrap_err();
    assert_eq!(refused.reason, "DESIGNATION_OVER");
}

async fn a_feed_cannot_designate(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let given = serde_json::json!({"level": "high", "from": "2022-11-26T08:00:00+08:00", "until": "2022-12-26T08:00:00+08:00",
        "legal_basis": "PICL-42"});
    let answer = mesh
        .append(vec![fact(1, "d1", "designation", &given)], &[1])
        .await
        .unwrap();
    let Some(wire::statement_result::Outcome::Error(error)) = &answer.results[0].outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(error.reason, "KIND_NOT_GRANTED");
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn an_officer_designates_only_who_lives_or_stayed_in_the_division(bed: Bed) {
    let mesh = resident(bed).await;
    let about = |request, n| wire::ProposeDesignationRequest {
        subject_id: subject(n).to_string(),
        ..proposal(&mesh, request, 14)
    };
    let (own, city, elsewhere, province) = (
        officer("officer-1", "370202"),
        officer("officer-2", "370200"),
        officer("officer-3", "370203"),
        staff("officer-4", Role::HealthOfficer),
    );
    let refused = propose(&mesh, &elsewhere, about(1, 1)).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    propose(&mesh, &own, about(2, 1)).await.unwrap();
    propose(&mesh, &city, about(3, 1)).await.unwrap();
    // Of subject 2 nothing is known but, later, a stay in 370202.
    for (request, who) in [(4, &own), (5, &elsewhere)] {
        let refused = propose(&mesh, who, about(request, 2)).await.unwrap_err();
        assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    }
    propose(&mesh, &province, about(6, 2)).await.unwrap();
    mesh.stored(vec![stay(2, "甲小区")], &[]).await;
    propose(&mesh, &own, about(7, 2)).await.unwrap();
    let refused = propose(&mesh, &elsewhere, about(8, 2)).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
}
