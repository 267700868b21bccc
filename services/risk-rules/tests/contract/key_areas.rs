//! Key areas, proposed by one officer and approved by another.

use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Colour, Effect};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::areas::{self, import, notice, redecided, stamp, stay};
use crate::mesh::{Mesh, answered, fresh_id, staff, staff_of};
use crate::unplaced_areas::request_id;

on_both_engines!(
    a_key_area_is_listed_once_a_second_officer_approves_and_lifted_by_its_end,
    a_key_area_is_of_its_division_and_waits_in_a_list,
    a_key_area_is_rejected_by_another_and_withdrawn_by_its_own,
    a_proposal_that_is_wrong_is_not_stored,
    a_key_area_lies_in_shandong_and_exists,
);

fn officer(account: &str) -> Principal {
    staff(account, Role::HealthOfficer)
}

pub fn proposal(n: u32) -> wire::ProposeKeyAreaRequest {
    wire::ProposeKeyAreaRequest {
        request_id: request_id(n),
        division: "370202".to_owned(),
        start_time: Some(stamp("2022-11-25T00:00:00+08:00")),
        end_time: None,
        legal_basis: wire::LegalBasisCode::Picl43.into(),
    }
}

pub async fn propose(
    mesh: &Mesh,
    who: &Principal,
    proposal: wire::ProposeKeyAreaRequest,
) -> Result<wire::KeyArea, Fault> {
    let request = mesh.asking(who, proposal);
    let answer = answered(mesh.key_areas().propose_key_area(request).await)?;
    Ok(answer.key_area.unwrap())
}

pub async fn get(mesh: &Mesh, who: &Principal, name: &str) -> Result<wire::KeyArea, Fault> {
    let request = wire::GetKeyAreaRequest {
        name: name.to_owned(),
    };
    let answer = answered(mesh.key_areas().get_key_area(mesh.asking(who, request)).await)?;
    Ok(answer.key_area.unwrap())
}

pub async fn list(
    mesh: &Mesh,
    who: &Principal,
    request: wire::ListKeyAreasRequest,
) -> Result<(Vec<String>, String), Fault> {
    let answer = answered(mesh.key_areas().list_key_areas(mesh.asking(who, request)).await)?;
    let names = answer.key_areas.into_iter().map(|one| one.name);
    Ok((names.collect(), answer.next_page_token))
}

type Acted = Result<(wire::KeyArea, Option<Effect>), Fault>;

pub async fn act(mesh: &Mesh, who: &Principal, action: &str, name: &str, etag: &str) -> Acted {
    act_as(mesh, who, &fresh_id(), action, (name, etag)).await
}

/// Performs one of the four actions on a key area.
async fn act_as(mesh: &Mesh, who: &Principal, id: &str, action: &str, (name, etag): (&str, &str)) -> Acted {
    let (request_id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
    let mut client = mesh.key_areas();
    let (area, effect) = match action {
        "approve" => {
            let request = wire::ApproveKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.approve_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, answer.effect)
        }
        "reject" => {
            let request = wire::RejectKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.reject_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, None)
        }
        "withdraw" => {
            let request = wire::WithdrawKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.withdraw_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, None)
        }
        _ => {
            let request = wire::EndKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.end_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, answer.effect)
        }
    };
    Ok((area.unwrap(), effect))
}

const ACTIONS: [&str; 4] = ["approve", "reject", "withdraw", "end"];

fn reason(acted: Acted) -> String {
    acted.unwrap_err().reason.into_owned()
}

async fn a_key_area_is_listed_once_a_second_officer_approves_and_lifted_by_its_end(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区")], &[1]).await;
    let (one, two) = (officer("officer-1"), officer("officer-2"));
    let proposed = propose(&mesh, &one, proposal(1)).await.unwrap();
    assert_eq!(propose(&mesh, &one, proposal(1)).await.unwrap(), proposed);
    let name = &proposed.name;
    assert_eq!(
        (proposed.state(), proposed.area.as_str()),
        (wire::KeyAreaState::Proposed, "")
    );
    assert_eq!(
        reason(act(&mesh, &one, "approve", name, "").await),
        "OWN_PROPOSAL"
    );
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let id = fresh_id();
    let approve = async || act_as(&mesh, &two, &id, "approve", (name, &proposed.etag)).await;
    let (approved, effect) = approve().await.unwrap();
    assert_eq!(redecided(effect), 1);
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    let approval = approved.approval.clone().unwrap();
    assert_eq!(
        (approval.proposer.as_str(), approval.approver.as_str()),
        ("officer-1", "officer-2")
    );
    assert_eq!(approve().await.unwrap().0, approved);
    // A notice does not lift it.
    import(&mesh, notice("2022-11-26 14时", &[])).await;
    let open = wire::ListAreasRequest {
        open_only: true,
        ..wire::ListAreasRequest::default()
    };
    let listed = areas::list(&mesh, open.clone()).await.unwrap();
    assert_eq!(
        (listed.areas[0].level(), &listed.areas[0].name),
        (wire::RiskLevel::Key, &approved.area)
    );
    for action in ["approve", "reject"] {
        assert_eq!(
            reason(act(&mesh, &two, action, name, "").await),
            "WRONG_STATE",
            "{action}"
        );
    }
    for (who, action) in [
        (&two, "approve"),
        (&two, "reject"),
        (&one, "withdraw"),
        (&two, "end"),
    ] {
        let stale = act(&mesh, who, action, name, &proposed.etag).await;
        assert_eq!(reason(stale), "STALE", "{action}");
    }
    // The same listing is not opened twice, because ending one would lift the other.
    let same = propose(&mesh, &one, proposal(2)).await.unwrap().name;
    assert_eq!(
        reason(act(&mesh, &two, "approve", &same, "").await),
        "KEY_AREA_LISTED"
    );
    let (ended, effect) = act(&mesh, &one, "end", name, &approved.etag).await.unwrap();
    assert_eq!((ended.state(), redecided(effect)), (wire::KeyAreaState::Ended, 1));
    assert_eq!(ended.approval.unwrap().closer, "officer-1");
    assert!(areas::list(&mesh, open).await.unwrap().areas.is_empty());
    assert_eq!(reason(act(&mesh, &one, "end", name, "").await), "WRONG_STATE");
    act(&mesh, &two, "approve", &same, "").await.unwrap();
}

async fn a_key_area_is_of_its_division_and_waits_in_a_list(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let of = |account: &str, division: &str| staff_of(account, Role::HealthOfficer, division);
    let (one, city, elsewhere) = (
        of("officer-1", "370202"),
        of("officer-2", "370200"),
        of("officer-3", "370100"),
    );
    let mut proposed = Vec::new();
    for n in 1..=3 {
        proposed.insert(0, propose(&mesh, &one, proposal(n)).await.unwrap().name);
        mesh.bed.clock.advance(std::time::Duration::from_secs(60));
    }
    let waiting = wire::ListKeyAreasRequest {
        state: wire::KeyAreaState::Proposed.into(),
        ..wire::ListKeyAreasRequest::default()
    };
    assert_eq!(list(&mesh, &city, waiting.clone()).await.unwrap().0, proposed);
    assert!(
        list(&mesh, &elsewhere, waiting.clone())
            .await
            .unwrap()
            .0
            .is_empty()
    );
    let first = wire::ListKeyAreasRequest {
        page_size: 2,
        ..waiting.clone()
    };
    let (page, token) = list(&mesh, &one, first.clone()).await.unwrap();
    let second = wire::ListKeyAreasRequest {
        page_token: token.clone(),
        ..first
    };
    let (rest, last) = list(&mesh, &one, second).await.unwrap();
    assert_eq!(([page, rest].concat(), last.as_str()), (proposed.clone(), ""));
    let foreign = wire::ListKeyAreasRequest {
        page_token: token,
        ..wire::ListKeyAreasRequest::default()
    };
    let refused = list(&mesh, &one, foreign).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let beside = wire::ListKeyAreasRequest {
        division: "370203".to_owned(),
        ..waiting
    };
    let refused = list(&mesh, &one, beside).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let (nobodys, theirs) = (format!("key-areas/{}", request_id(99)), &proposed[0]);
    let refused = get(&mesh, &elsewhere, theirs).await.unwrap_err();
    assert_eq!(refused.reason, "KEY_AREA_NOT_FOUND");
    assert_eq!(refused, get(&mesh, &elsewhere, &nobodys).await.unwrap_err());
    assert_eq!(
        violations(&get(&mesh, &one, "key-areas/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
    for action in ACTIONS {
        assert_eq!(
            reason(act(&mesh, &elsewhere, action, theirs, "").await),
            "KEY_AREA_NOT_FOUND"
        );
        let refused = act(&mesh, &one, action, "key-areas/1", "").await.unwrap_err();
        assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    }
}

async fn a_key_area_is_rejected_by_another_and_withdrawn_by_its_own(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let (one, two) = (officer("officer-1"), officer("officer-2"));
    let first = propose(&mesh, &one, proposal(1)).await.unwrap().name;
    let second = propose(&mesh, &one, proposal(2)).await.unwrap().name;
    assert_eq!(
        reason(act(&mesh, &one, "reject", &first, "").await),
        "OWN_PROPOSAL"
    );
    assert_eq!(
        reason(act(&mesh, &two, "withdraw", &first, "").await),
        "NOT_YOUR_PROPOSAL"
    );
    for (who, action, name, state) in [
        (&two, "reject", &first, wire::KeyAreaState::Rejected),
        (&one, "withdraw", &second, wire::KeyAreaState::Withdrawn),
    ] {
        let id = fresh_id();
        let (closed, _) = act_as(&mesh, who, &id, action, (name, "")).await.unwrap();
        assert_eq!(closed.state(), state);
        assert_eq!(
            act_as(&mesh, who, &id, action, (name, "")).await.unwrap().0,
            closed
        );
        let other = act_as(&mesh, who, &id, action, (name, "x")).await;
        assert_eq!(reason(other), "REQUEST_ID_REUSED");
        assert_eq!(reason(act(&mesh, who, action, name, "").await), "WRONG_STATE");
    }
    let third = propose(&mesh, &one, proposal(3)).await.unwrap().name;
    for (who, action) in [(&two, "approve"), (&one, "end")] {
        let id = fresh_id();
        act_as(&mesh, who, &id, action, (&third, "")).await.unwrap();
        let other = act_as(&mesh, who, &id, action, (&first, "")).await;
        assert_eq!(reason(other), "REQUEST_ID_REUSED");
    }
}

async fn a_proposal_that_is_wrong_is_not_stored(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let one = officer("officer-1");
    let wrong = wire::ProposeKeyAreaRequest {
        division: "37".to_owned(),
        start_time: None,
        legal_basis: 0,
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "division DIVISION_SHAPE",
            "start_time MISSING",
            "legal_basis MISSING"
        ]
    );
    let wrong = wire::ProposeKeyAreaRequest {
        end_time: Some(stamp("2022-11-24T00:00:00+08:00")),
        legal_basis: wire::LegalBasisCode::Erl49.into(),
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["end_time END_BEFORE_START", "legal_basis LEGAL_BASIS"]
    );
    let elsewhere = staff_of("officer-3", Role::HealthOfficer, "370100");
    let refused = propose(&mesh, &elsewhere, proposal(1)).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let all = wire::ListKeyAreasRequest::default;
    assert!(list(&mesh, &one, all()).await.unwrap().0.is_empty());
    propose(&mesh, &one, proposal(1)).await.unwrap();
    let other = wire::ProposeKeyAreaRequest {
        division: "370203".to_owned(),
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, other).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    assert_eq!(list(&mesh, &one, all()).await.unwrap().0.len(), 1);
}

async fn a_key_area_lies_in_shandong_and_exists(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let province = staff("officer-1", Role::HealthOfficer);
    for (division, refusal) in [
        ("110000", "OUTSIDE_DIVISION"),
        ("110101", "OUTSIDE_DIVISION"),
        ("999999", "OUTSIDE_DIVISION"),
        ("370299", "division DIVISION_UNKNOWN"),
        ("370299001", "division DIVISION_UNKNOWN"),
    ] {
        let proposal = wire::ProposeKeyAreaRequest {
            division: division.to_owned(),
            ..proposal(1)
        };
        let refused = propose(&mesh, &province, proposal).await.unwrap_err();
        let said = violations(&refused)
            .pop()
            .unwrap_or_else(|| refused.reason.to_string());
        assert_eq!(said, refusal, "{division}");
    }
    for (n, division) in [(2, "370000"), (3, "370200"), (4, "370202"), (5, "370202001")] {
        let proposal = wire::ProposeKeyAreaRequest {
            division: division.to_owned(),
            ..proposal(n)
        };
        propose(&mesh, &province, proposal).await.unwrap();
    }
}
