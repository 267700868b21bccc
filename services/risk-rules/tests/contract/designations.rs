//! Designations: people managed as high or medium risk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{
    Colour, Effect, EffectState, OperationKind, OperationState, Purpose, PurposeCode,
};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::areas::stay;
use crate::mesh::{Mesh, fact, fault, fresh_id, reason, request_id, staff, staff_of, subject};
use crate::operations;
use crate::people::placed;

on_both_engines!(
    a_designation_takes_two_officers_decides_and_is_counted_publicly,
    a_proposal_without_basis_end_or_subject_is_refused_naming_each,
    a_proposal_is_stored_once,
    an_action_sent_again_is_answered_alike_and_another_body_is_a_conflict,
    a_designation_is_of_its_division,
    what_waits_for_the_second_officer_is_listed_page_by_page,
    what_a_caller_may_do_is_said_with_the_designation,
    an_action_on_a_state_that_has_passed_is_stale,
    a_proposal_is_rejected_by_another_and_withdrawn_by_its_own,
    a_designation_whose_end_has_passed_is_not_approved,
    while_code_rendering_is_away_an_effect_is_pending_and_its_operation_succeeds_when_it_is_back,
    what_was_ended_before_it_began_decides_nothing,
    a_designation_whose_fact_was_taken_back_is_over,
    a_feed_cannot_designate,
    an_officer_designates_only_who_lives_or_stayed_in_the_division,
);

/// Subject 1 lives in 370202.
pub async fn resident(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    mesh.after_identity_events([placed(1, "370202")]).await;
    mesh
}

pub fn officer(account: &str, division: &str) -> Principal {
    staff_of(account, Role::HealthOfficer, division)
}

pub fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Management.into(),
        reference: "case 37".to_owned(),
    }
}

pub fn proposal(mesh: &Mesh, request: u32, days: i64) -> wire::ProposeDesignationRequest {
    let now = mesh.bed.foundation.now();
    wire::ProposeDesignationRequest {
        request_id: request_id(request),
        subject_id: subject(1).to_string(),
        level: wire::DesignationLevel::High.into(),
        start_time: Some(time::from_micros(now.micros())),
        end_time: Some(time::from_micros(now.plus_seconds(days * 86_400).micros())),
        legal_basis: wire::LegalBasisCode::Picl42.into(),
        purpose: Some(purpose()),
    }
}

/// Proposes and returns the name.
pub async fn propose(
    mesh: &Mesh,
    who: &Principal,
    request: wire::ProposeDesignationRequest,
) -> Result<String, Fault> {
    let answer = mesh
        .designations()
        .propose_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().designation.unwrap().name)
}

pub type Acted = Result<(wire::Designation, Option<Effect>), Fault>;

pub async fn approve(mesh: &Mesh, who: &Principal, name: &str) -> Acted {
    approve_seen(mesh, who, fresh_id(), (name, "")).await
}

async fn approve_seen(mesh: &Mesh, who: &Principal, request_id: String, (name, etag): (&str, &str)) -> Acted {
    let request = wire::ApproveDesignationRequest {
        request_id,
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .designations()
        .approve_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    Ok((answer.designation.unwrap(), answer.effect))
}

pub async fn end(mesh: &Mesh, who: &Principal, name: &str) -> Acted {
    let request = wire::EndDesignationRequest {
        request_id: fresh_id(),
        name: name.to_owned(),
        etag: String::new(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .designations()
        .end_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    Ok((answer.designation.unwrap(), answer.effect))
}

pub async fn reject(mesh: &Mesh, who: &Principal, name: &str, etag: &str) -> Acted {
    let request = wire::RejectDesignationRequest {
        request_id: fresh_id(),
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .designations()
        .reject_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    Ok((answer.designation.unwrap(), None))
}

pub async fn withdraw(mesh: &Mesh, who: &Principal, name: &str, etag: &str) -> Acted {
    let request = wire::WithdrawDesignationRequest {
        request_id: fresh_id(),
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .designations()
        .withdraw_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    Ok((answer.designation.unwrap(), None))
}

pub async fn get(mesh: &Mesh, who: &Principal, name: &str) -> Result<wire::Designation, Fault> {
    let request = wire::GetDesignationRequest {
        name: name.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .designations()
        .get_designation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().designation.unwrap())
}

/// The names on a page, and the next page's token.
async fn list(
    mesh: &Mesh,
    who: &Principal,
    mut request: wire::ListDesignationsRequest,
) -> Result<(Vec<String>, String), Fault> {
    request.purpose = Some(purpose());
    let answer = mesh
        .designations()
        .list_designations(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    let names = answer.designations.into_iter().map(|one| one.name);
    Ok((names.collect(), answer.next_page_token))
}

pub async fn list_all(mesh: &Mesh, who: &Principal) -> Result<Vec<String>, Fault> {
    let all = wire::ListDesignationsRequest::default();
    list(mesh, who, all).await.map(|(names, _)| names)
}

fn in_state(state: wire::DesignationState) -> wire::ListDesignationsRequest {
    wire::ListDesignationsRequest {
        state: state.into(),
        ..wire::ListDesignationsRequest::default()
    }
}

async fn counts(mesh: &Mesh) -> Vec<(String, wire::LegalBasisCode, i64)> {
    let request = mesh.asking(&Principal::public(), wire::CountDesignationsRequest {});
    let answer = mesh.designations().count_designations(request).await;
    let counts = answer.unwrap().into_inner().counts.into_iter();
    let count = |one: wire::DesignationCount| {
        let basis = one.legal_basis.unwrap();
        let text = basis.text.clone().unwrap();
        assert!(text.zh.contains('法') && text.en.contains("Law"), "{text:?}");
        (one.division, basis.code(), one.count)
    };
    counts.map(count).collect()
}

async fn a_designation_takes_two_officers_decides_and_is_counted_publicly(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370200"));
    let name = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    assert_eq!(
        (mesh.shown(1), counts(&mesh).await.len()),
        (Some(Colour::Green), 0)
    );
    assert_eq!(reason(approve(&mesh, &one, &name).await), "OWN_PROPOSAL");
    let (approved, effect) = approve(&mesh, &other, &name).await.unwrap();
    let effect = effect.unwrap();
    assert_eq!(
        (effect.redecided, effect.state(), effect.operation.as_str()),
        (1, EffectState::InForce, "")
    );
    let approval = approved.approval.clone().unwrap();
    assert_eq!(
        (
            approval.proposer.as_str(),
            approval.approver.as_str(),
            approval.closer.as_str()
        ),
        ("officer-1", "officer-2", "")
    );
    assert_eq!(approved.state(), wire::DesignationState::Approved);
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!(
        (decision.colour(), decision.citations[0].rule_id.as_str()),
        (Colour::Red, "red.designated")
    );
    assert_eq!(
        counts(&mesh).await,
        [("370202".to_owned(), wire::LegalBasisCode::Picl42, 1)]
    );
    let again = approve(&mesh, &other, &name).await.unwrap_err();
    assert_eq!(again.reason, "WRONG_STATE");
    let said: Vec<_> = again
        .metadata
        .iter()
        .map(|(key, value)| (&**key, &**value))
        .collect();
    assert!(
        said.contains(&("state", "APPROVED")) && said.contains(&("allowed", "end")),
        "{said:?}"
    );
    assert_eq!(mesh.decision(1).await.unwrap().version, decision.version);
    let (ended, effect) = end(&mesh, &one, &name).await.unwrap();
    assert_eq!(
        (ended.state(), effect.unwrap().redecided),
        (wire::DesignationState::Ended, 1)
    );
    assert_eq!(ended.approval.unwrap().closer, "officer-1");
    assert_eq!(reason(end(&mesh, &one, &name).await), "WRONG_STATE");
    assert_eq!(
        (mesh.shown(1), counts(&mesh).await.len()),
        (Some(Colour::Green), 0)
    );
}

async fn a_proposal_without_basis_end_or_subject_is_refused_naming_each(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let one = officer("officer-1", "370202");
    let bad = wire::ProposeDesignationRequest {
        request_id: String::new(),
        subject_id: "somebody".to_owned(),
        legal_basis: 0,
        end_time: None,
        level: 9,
        purpose: None,
        ..proposal(&mesh, 1, 14)
    };
    let refused = propose(&mesh, &one, bad).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "request_id MISSING",
            "subject_id UUID_SHAPE",
            "level UNKNOWN_VALUE",
            "end_time MISSING",
            "legal_basis MISSING",
            "purpose MISSING"
        ]
    );
    for (code, wrong) in [(0, "purpose.code MISSING"), (99, "purpose.code UNKNOWN_VALUE")] {
        let bad = wire::ProposeDesignationRequest {
            purpose: Some(Purpose {
                code,
                reference: String::new(),
            }),
            ..proposal(&mesh, 1, 14)
        };
        assert_eq!(violations(&propose(&mesh, &one, bad).await.unwrap_err()), [wrong]);
    }
    let refused = propose(&mesh, &one, proposal(&mesh, 1, 91)).await.unwrap_err();
    assert_eq!(violations(&refused), ["end_time TOO_LONG"]);
    for basis in [wire::LegalBasisCode::Picl43, wire::LegalBasisCode::RuleSet] {
        let bad = wire::ProposeDesignationRequest {
            legal_basis: basis.into(),
            ..proposal(&mesh, 1, 14)
        };
        assert_eq!(
            violations(&propose(&mesh, &one, bad).await.unwrap_err()),
            ["legal_basis LEGAL_BASIS"]
        );
    }
}

async fn a_proposal_is_stored_once(bed: Bed) {
    let mesh = resident(bed).await;
    let one = officer("officer-1", "370202");
    let name = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    assert_eq!(propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap(), name);
    let other = propose(&mesh, &one, proposal(&mesh, 1, 13)).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
}

async fn an_action_sent_again_is_answered_alike_and_another_body_is_a_conflict(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let [first, second] = [1, 2].map(|n| proposal(&mesh, n, 14));
    let first = propose(&mesh, &one, first).await.unwrap();
    let second = propose(&mesh, &one, second).await.unwrap();
    let (approved, _) = approve_seen(&mesh, &other, request_id(7), (&first, ""))
        .await
        .unwrap();
    let version = mesh.decision(1).await.unwrap().version;
    let (again, _) = approve_seen(&mesh, &other, request_id(7), (&first, ""))
        .await
        .unwrap();
    assert_eq!(again, approved);
    assert_eq!(mesh.decision(1).await.unwrap().version, version);
    let reused = approve_seen(&mesh, &other, request_id(7), (&second, "")).await;
    assert_eq!(reason(reused), "REQUEST_ID_REUSED");
    // Ended meanwhile: the repeated request is answered with the current state and has no effect.
    end(&mesh, &one, &first).await.unwrap();
    let (late, _) = approve_seen(&mesh, &other, request_id(7), (&first, ""))
        .await
        .unwrap();
    assert_eq!(late.state(), wire::DesignationState::Ended);
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    for (action, reused) in [
        ("reject", request_id(8)),
        ("withdraw", request_id(9)),
        ("end", request_id(10)),
    ] {
        let sent = async |name: &str| {
            let (request_id, name, etag) = (reused.clone(), name.to_owned(), String::new());
            let purpose = Some(purpose());
            let mut client = mesh.designations();
            let answer = match action {
                "reject" => {
                    let request = wire::RejectDesignationRequest {
                        request_id,
                        name,
                        etag,
                        purpose,
                    };
                    client
                        .reject_designation(mesh.asking(&other, request))
                        .await
                        .map(drop)
                }
                "withdraw" => {
                    let request = wire::WithdrawDesignationRequest {
                        request_id,
                        name,
                        etag,
                        purpose,
                    };
                    client
                        .withdraw_designation(mesh.asking(&one, request))
                        .await
                        .map(drop)
                }
                _ => {
                    let request = wire::EndDesignationRequest {
                        request_id,
                        name,
                        etag,
                        purpose,
                    };
                    client
                        .end_designation(mesh.asking(&other, request))
                        .await
                        .map(drop)
                }
            };
            answer.map_err(|status| fault(&status))
        };
        let fresh = wire::ProposeDesignationRequest {
            request_id: fresh_id(),
            ..proposal(&mesh, 1, 14)
        };
        let name = propose(&mesh, &one, fresh).await.unwrap();
        if action == "end" {
            approve(&mesh, &other, &name).await.unwrap();
        }
        sent(&name).await.unwrap();
        sent(&name).await.unwrap();
        assert_eq!(reason(sent(&second).await), "REQUEST_ID_REUSED", "{action}");
    }
}

async fn a_designation_is_of_its_division(bed: Bed) {
    let mesh = resident(bed).await;
    let name = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 14))
        .await
        .unwrap();
    let elsewhere = officer("officer-3", "370300");
    let nobodys = "designations/00000000-0000-7000-8000-000000000099";
    let theirs = get(&mesh, &elsewhere, &name).await.unwrap_err();
    assert_eq!(theirs.reason, "DESIGNATION_NOT_FOUND");
    assert_eq!(
        theirs,
        get(&mesh, &elsewhere, nobodys).await.unwrap_err(),
        "an answer does not tell whether there is one"
    );
    for refused in [
        approve(&mesh, &elsewhere, &name).await,
        end(&mesh, &elsewhere, &name).await,
        reject(&mesh, &elsewhere, &name, "").await,
        withdraw(&mesh, &elsewhere, &name, "").await,
    ] {
        assert_eq!(reason(refused), "DESIGNATION_NOT_FOUND");
    }
    for name in [
        "7",
        "designations/7",
        "designations/",
        "rollbacks/00000000-0000-7000-8000-000000000099",
    ] {
        for refused in [
            approve(&mesh, &elsewhere, name).await.map(drop),
            end(&mesh, &elsewhere, name).await.map(drop),
            reject(&mesh, &elsewhere, name, "").await.map(drop),
            withdraw(&mesh, &elsewhere, name, "").await.map(drop),
            get(&mesh, &elsewhere, name).await.map(drop),
        ] {
            assert_eq!(
                self::violations(&refused.unwrap_err()),
                ["name NAME_SHAPE"],
                "{name}"
            );
        }
    }
}

async fn what_waits_for_the_second_officer_is_listed_page_by_page(bed: Bed) {
    let mesh = resident(bed).await;
    let (one, city, elsewhere) = (
        officer("officer-1", "370202"),
        officer("officer-2", "370200"),
        officer("officer-3", "370300"),
    );
    let mut proposed = Vec::new();
    for n in 1..=5 {
        proposed.insert(0, propose(&mesh, &one, proposal(&mesh, n, 14)).await.unwrap());
        mesh.bed.clock.advance(Duration::from_secs(60));
    }
    let approved = proposed.remove(2);
    approve(&mesh, &city, &approved).await.unwrap();
    let waiting = in_state(wire::DesignationState::Proposed);
    for who in [&one, &city] {
        assert_eq!(
            list(&mesh, who, waiting.clone()).await.unwrap(),
            (proposed.clone(), String::new())
        );
    }
    assert!(
        list(&mesh, &elsewhere, waiting.clone())
            .await
            .unwrap()
            .0
            .is_empty()
    );
    for size in 1..=4 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = wire::ListDesignationsRequest {
                page_size: size,
                page_token: token,
                ..waiting.clone()
            };
            let (names, next) = list(&mesh, &one, page).await.unwrap();
            seen.extend(names);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, proposed, "pages of {size}");
    }
    let decided = in_state(wire::DesignationState::Approved);
    assert_eq!(list(&mesh, &city, decided).await.unwrap().0, [approved]);
    // By division: those within it that lie in the account's own.
    let inside = |division: &str| wire::ListDesignationsRequest {
        division: division.to_owned(),
        ..waiting.clone()
    };
    assert_eq!(list(&mesh, &city, inside("370202")).await.unwrap().0, proposed);
    assert!(list(&mesh, &city, inside("370203")).await.unwrap().0.is_empty());
    let refused = list(&mesh, &one, inside("370203")).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let refused = list(&mesh, &one, inside("3702")).await.unwrap_err();
    assert_eq!(violations(&refused), ["division DIVISION_SHAPE"]);
    // A page token is bound to one list and filter.
    let page = wire::ListDesignationsRequest {
        page_size: 1,
        ..waiting.clone()
    };
    let (_, token) = list(&mesh, &one, page).await.unwrap();
    let foreign = wire::ListDesignationsRequest {
        page_token: token,
        ..wire::ListDesignationsRequest::default()
    };
    let refused = list(&mesh, &one, foreign).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
}

async fn what_a_caller_may_do_is_said_with_the_designation(bed: Bed) {
    use wire::Action::{Approve, End, Reject, Withdraw};
    let mesh = resident(bed).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let supervisor = staff_of("chief-1", Role::Supervisor, "370200");
    let name = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    let allowed = async |who: &Principal| -> Vec<wire::Action> {
        get(&mesh, who, &name).await.unwrap().allowed_actions().collect()
    };
    assert_eq!(allowed(&one).await, [Withdraw]);
    assert_eq!(allowed(&other).await, [Approve, Reject]);
    assert_eq!(allowed(&supervisor).await, [Approve, Reject]);
    approve(&mesh, &supervisor, &name).await.unwrap();
    for who in [&one, &other, &supervisor] {
        assert_eq!(allowed(who).await, [End]);
    }
    mesh.bed.clock.advance(Duration::from_secs(15 * 86_400));
    let over = get(&mesh, &one, &name).await.unwrap();
    assert_eq!(over.state(), wire::DesignationState::Expired);
    assert!(over.allowed_actions.is_empty());
}

async fn an_action_on_a_state_that_has_passed_is_stale(bed: Bed) {
    let mesh = resident(bed).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let name = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    let seen = get(&mesh, &other, &name).await.unwrap().etag;
    let (approved, _) = approve_seen(&mesh, &other, fresh_id(), (&name, &seen))
        .await
        .unwrap();
    let stale = |refused: Acted| {
        let refused = refused.unwrap_err();
        let said: Vec<_> = refused
            .metadata
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        assert!(
            said.contains(&("state", "APPROVED")) && said.contains(&("etag", &approved.etag)),
            "{said:?}"
        );
        assert_eq!(refused.code, FaultCode::Aborted);
        assert_eq!(refused.reason, "STALE");
    };
    stale(approve_seen(&mesh, &other, fresh_id(), (&name, &seen)).await);
    stale(reject(&mesh, &other, &name, &seen).await);
    stale(withdraw(&mesh, &one, &name, &seen).await);
    let end_seen = async |etag: &str| -> Acted {
        let request = wire::EndDesignationRequest {
            request_id: fresh_id(),
            name: name.clone(),
            etag: etag.to_owned(),
            purpose: Some(purpose()),
        };
        let answer = mesh
            .designations()
            .end_designation(mesh.asking(&one, request))
            .await;
        let answer = answer.map_err(|status| fault(&status))?.into_inner();
        Ok((answer.designation.unwrap(), answer.effect))
    };
    stale(end_seen(&seen).await);
    end_seen(&approved.etag).await.unwrap();
}

async fn a_proposal_is_rejected_by_another_and_withdrawn_by_its_own(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let [first, second] = [1, 2].map(|n| proposal(&mesh, n, 14));
    let first = propose(&mesh, &one, first).await.unwrap();
    let second = propose(&mesh, &one, second).await.unwrap();
    assert_eq!(reason(reject(&mesh, &one, &first, "").await), "OWN_PROPOSAL");
    assert_eq!(
        reason(withdraw(&mesh, &other, &second, "").await),
        "NOT_YOUR_PROPOSAL"
    );
    let (rejected, _) = reject(&mesh, &other, &first, "").await.unwrap();
    assert_eq!(rejected.state(), wire::DesignationState::Rejected);
    assert_eq!(rejected.approval.unwrap().closer, "officer-2");
    let (withdrawn, _) = withdraw(&mesh, &one, &second, "").await.unwrap();
    assert_eq!(withdrawn.state(), wire::DesignationState::Withdrawn);
    for name in [&first, &second] {
        for refused in [
            approve(&mesh, &other, name).await,
            reject(&mesh, &other, name, "").await,
            withdraw(&mesh, &one, name, "").await,
            end(&mesh, &one, name).await,
        ] {
            assert_eq!(reason(refused), "WRONG_STATE");
        }
    }
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn a_designation_whose_end_has_passed_is_not_approved(bed: Bed) {
    let mesh = resident(bed).await;
    let name = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 1))
        .await
        .unwrap();
    mesh.bed.clock.advance(Duration::from_secs(2 * 86_400));
    let other = officer("officer-2", "370202");
    assert_eq!(reason(approve(&mesh, &other, &name).await), "WRONG_STATE");
    let expired = in_state(wire::DesignationState::Expired);
    assert_eq!(list(&mesh, &other, expired).await.unwrap().0, [name]);
}

async fn while_code_rendering_is_away_an_effect_is_pending_and_its_operation_succeeds_when_it_is_back(
    bed: Bed,
) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let other = officer("officer-2", "370202");
    let name = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 14))
        .await
        .unwrap();
    for (ended, colour) in [(false, Colour::Red), (true, Colour::Green)] {
        mesh.codes.away.store(true, Ordering::SeqCst);
        let acted = if ended {
            end(&mesh, &other, &name).await
        } else {
            approve(&mesh, &other, &name).await
        };
        let effect = acted.unwrap().1.unwrap();
        assert_eq!((effect.redecided, effect.state()), (1, EffectState::Pending));
        let operation = operations::get(&mesh, &other, &effect.operation).await.unwrap();
        assert_eq!(
            (operation.kind(), operation.state(), operation.target.as_str()),
            (
                OperationKind::BringIntoForce,
                OperationState::Running,
                name.as_str()
            )
        );
        mesh.codes.away.store(false, Ordering::SeqCst);
        let done = operations::ended(&mesh, &other, &effect.operation).await;
        assert_eq!(done.state(), OperationState::Succeeded);
        assert_eq!(mesh.shown(1), Some(colour));
    }
}

async fn what_was_ended_before_it_began_decides_nothing(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let now = mesh.bed.foundation.now();
    let later = wire::ProposeDesignationRequest {
        start_time: Some(time::from_micros(now.plus_seconds(86_400).micros())),
        ..proposal(&mesh, 1, 14)
    };
    let name = propose(&mesh, &one, later).await.unwrap();
    approve(&mesh, &other, &name).await.unwrap();
    end(&mesh, &one, &name).await.unwrap();
    mesh.bed.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(reason(approve(&mesh, &other, &name).await), "WRONG_STATE");
    assert!(counts(&mesh).await.is_empty());
    assert_eq!(mesh.decision(1).await.unwrap().colour(), Colour::Green);
}

async fn a_designation_whose_fact_was_taken_back_is_over(bed: Bed) {
    let mesh = resident(bed).await;
    mesh.stored(vec![], &[1]).await;
    let (one, other) = (officer("officer-1", "370202"), officer("officer-2", "370202"));
    let name = propose(&mesh, &one, proposal(&mesh, 1, 14)).await.unwrap();
    approve(&mesh, &other, &name).await.unwrap();
    assert_eq!(counts(&mesh).await.len(), 1);
    // However it was retracted: by a former feature, or by hand.
    let id = name.rsplit('/').next().unwrap();
    mesh.tamper(&format!(
        "UPDATE statements SET superseded_at = 1 WHERE key = '{id}'"
    ))
    .await;
    assert!(counts(&mesh).await.is_empty());
    let retracted = get(&mesh, &one, &name).await.unwrap();
    assert_eq!(retracted.state(), wire::DesignationState::Retracted);
    assert_eq!(reason(end(&mesh, &other, &name).await), "WRONG_STATE");
    for (state, names) in [
        (wire::DesignationState::Retracted, vec![name.clone()]),
        (wire::DesignationState::Approved, Vec::new()),
    ] {
        assert_eq!(list(&mesh, &one, in_state(state)).await.unwrap().0, names);
    }
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
    // Subject 2 has no known residence, but later a stay in 370202.
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
