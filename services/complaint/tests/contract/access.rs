//! Who reaches which case.

use lutong_kernel::FaultCode;
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;

use crate::{
    Act, Complaint, EVERY_OWN, agent, all_roles, case_name, every_act, officer, staff, start, supervisor,
};

on_both_engines!(
    an_officer_reaches_their_division_and_what_they_were_given,
    a_case_out_of_reach_is_answered_like_one_that_is_not_there,
    a_case_out_of_reach_is_not_even_read,
    staff_without_a_division_reach_nothing,
    a_queue_has_what_is_reached_and_is_paged_by_when_it_is_due,
    a_role_takes_its_own_actions_only,
    the_account_that_filed_a_case_is_shown_to_nobody,
);

async fn listed(complaint: &Complaint, who: &Principal) -> Vec<String> {
    let page = complaint
        .queue(who, wire::ListCasesRequest::default())
        .await
        .unwrap();
    let mut names: Vec<_> = page.cases.into_iter().map(|case| case.name).collect();
    names.sort();
    names
}

async fn an_officer_reaches_their_division_and_what_they_were_given(bed: Bed) {
    let complaint = start(bed).await;
    let mut names = Vec::new();
    for division in ["370202", "370203", "370102", "370202001"] {
        names.push(case_name(&complaint.file_place("wx-1", division).await));
    }
    let entered = complaint
        .enter(&agent(), "QD-1", "370202", false)
        .await
        .unwrap()
        .name;
    names.push(entered.clone());
    let given = staff("officer-far", Role::HealthOfficer, "370102");
    complaint
        .act(
            &supervisor("370200"),
            &names[1],
            Act::Assign("370203", "officer-far"),
        )
        .await
        .unwrap();
    let other_agent = staff("agent-2", Role::HotlineAgent, "370000");
    let counter = staff("counter-1", Role::CounterStaff, "370202");
    // By the indices of the names.
    let matrix: [(&Principal, &[usize]); 10] = [
        (&officer("370202"), &[0, 3, 4]),
        (&officer("370203"), &[1]),
        (&officer("370102"), &[2]),
        (&officer("370203001"), &[]),
        (&supervisor("370200"), &[0, 1, 3, 4]),
        (&supervisor("370000"), &[0, 1, 2, 3, 4]),
        (&given, &[1, 2]),
        (&agent(), &[4]),
        (&other_agent, &[]),
        (&counter, &[]),
    ];
    for (who, reached) in matrix {
        let mut expected: Vec<_> = reached.iter().map(|index| names[*index].clone()).collect();
        expected.sort();
        assert_eq!(listed(&complaint, who).await, expected, "{}", who.account);
        for (index, name) in names.iter().enumerate() {
            let found = complaint.case(who, name).await;
            assert_eq!(found.is_ok(), reached.contains(&index), "{} {index}", who.account);
            let events = complaint.events(who, name).await;
            assert_eq!(
                events.is_ok(),
                reached.contains(&index),
                "{} {index}",
                who.account
            );
        }
    }
    // Taken from them again.
    complaint
        .act(&supervisor("370200"), &names[1], Act::Assign("370203", ""))
        .await
        .unwrap();
    assert!(complaint.case(&given, &names[1]).await.is_err());
}

async fn a_case_out_of_reach_is_answered_like_one_that_is_not_there(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let theirs = case_name(&filed);
    let nobodys = format!("cases/{}", complaint.unknown_number());
    let far = all_roles("far", "370102");
    let own = case_name(&complaint.file_place("wx-1", "370102").await);
    for act in every_act(&own) {
        // A district of their own, so that nothing else is wrong.
        let act = match act {
            Act::Assign(..) => Act::Assign("370102", ""),
            act => act,
        };
        let refused = complaint.act(&far, &theirs, act.clone()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "CASE_NOT_FOUND")
        );
        assert_eq!(refused, complaint.act(&far, &nobodys, act).await.unwrap_err());
    }
    let refused = complaint.case(&far, &theirs).await.unwrap_err();
    assert_eq!(refused, complaint.case(&far, &nobodys).await.unwrap_err());
    assert_eq!(
        violations(&complaint.case(&far, "cases/1").await.unwrap_err()),
        ["name TRACKING_NUMBER"]
    );
    let refused = complaint.events(&far, &theirs).await.unwrap_err();
    assert_eq!(refused, complaint.events(&far, &nobodys).await.unwrap_err());
    assert_eq!(
        violations(&complaint.events(&far, "cases/1").await.unwrap_err()),
        ["name TRACKING_NUMBER"]
    );
    for own in EVERY_OWN {
        let refused = complaint.own("wx-2", &filed.name, own).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "COMPLAINT_NOT_FOUND")
        );
        let nobodys = format!("complaints/{}", complaint.unknown_number());
        assert_eq!(refused, complaint.own("wx-2", &nobodys, own).await.unwrap_err());
    }
    assert_eq!(
        complaint.events(&officer("370202"), &theirs).await.unwrap().len(),
        1
    );
}

/// What cannot be read fails for those who reach it, and is not there for all others: nothing of a foreign case is decrypted or parsed, so that
/// neither time nor failure tells it from a number that nobody has.
async fn a_case_out_of_reach_is_not_even_read(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let file = complaint
        .upload("wx-1", &filed.name, &crate::attachments::picture(8))
        .await
        .unwrap();
    let theirs = case_name(&filed);
    let nobodys = complaint.unknown_number();
    lutong_testing::tamper(
        &complaint.1,
        "UPDATE complaints SET state = 'LOST', category = 'LOST'",
    )
    .await;
    let far = all_roles("far", "370102");
    let unread = complaint.case(&officer("370202"), &theirs).await.unwrap_err();
    assert_eq!(unread.code, FaultCode::Internal, "who reaches it is told");
    assert_eq!(
        complaint.find("wx-1", &filed.name).await.unwrap_err().code,
        FaultCode::Internal
    );
    let unknown = complaint
        .case(&far, &format!("cases/{nobodys}"))
        .await
        .unwrap_err();
    assert_eq!(complaint.case(&far, &theirs).await.unwrap_err(), unknown);
    assert_eq!(
        complaint.act(&far, &theirs, Act::TakeUp).await.unwrap_err(),
        unknown
    );
    assert_eq!(complaint.events(&far, &theirs).await.unwrap_err(), unknown);
    let unknown = complaint
        .find("wx-2", &format!("complaints/{nobodys}"))
        .await
        .unwrap_err();
    assert_eq!(complaint.find("wx-2", &filed.name).await.unwrap_err(), unknown);
    assert_eq!(
        complaint
            .own("wx-2", &filed.name, EVERY_OWN[0])
            .await
            .unwrap_err(),
        unknown
    );
    let file = complaint.download_of_case(&far, &file.name).await.unwrap_err();
    assert_eq!(
        (file.code, &*file.reason),
        (FaultCode::NotFound, "ATTACHMENT_NOT_FOUND")
    );
}

async fn staff_without_a_division_reach_nothing(bed: Bed) {
    let complaint = start(bed).await;
    let name = case_name(&complaint.file_place("wx-1", "370202").await);
    let nowhere = Principal {
        division: None,
        ..all_roles("nowhere", "370202")
    };
    let mut refused = vec![
        complaint.case(&nowhere, &name).await.unwrap_err(),
        complaint.events(&nowhere, &name).await.unwrap_err(),
        complaint
            .queue(&nowhere, wire::ListCasesRequest::default())
            .await
            .unwrap_err(),
        complaint
            .enter(&nowhere, "QD-1", "370202", false)
            .await
            .unwrap_err(),
    ];
    for act in every_act(&name) {
        refused.push(complaint.act(&nowhere, &name, act).await.unwrap_err());
    }
    for fault in refused {
        assert_eq!(
            (fault.code, &*fault.reason),
            (FaultCode::PermissionDenied, "DIVISION_MISSING")
        );
    }
}

async fn a_queue_has_what_is_reached_and_is_paged_by_when_it_is_due(bed: Bed) {
    let complaint = start(bed).await;
    let city = all_roles("boss", "370200");
    let mut names = Vec::new();
    for n in 0..5 {
        let filed = complaint.file_place("wx-1", "370202").await;
        names.push(case_name(&filed));
        // Two of them due at the same instant.
        if n != 2 {
            complaint.0.clock.advance(std::time::Duration::from_secs(86_400));
        }
    }
    let appeal = case_name(&complaint.appeal("wx-1", false).await);
    names[2..4].sort();
    names.insert(0, appeal.clone());
    let answered = names[1].clone();
    for act in [Act::TakeUp, Act::Answer] {
        complaint.act(&city, &answered, act).await.unwrap();
    }
    // What is answered comes last.
    names.remove(1);
    names.push(answered.clone());
    for size in [1, 2, 4, 10] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListCasesRequest {
                page_size: size,
                page_token,
                ..Default::default()
            };
            let page = complaint.queue(&city, request).await.unwrap();
            assert!(
                page.cases
                    .iter()
                    .all(|case| case.kind.is_none() && case.caller.is_none())
            );
            seen.extend(page.cases.into_iter().map(|case| case.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, names, "pages of {size}");
    }
    let due_before = complaint.0.foundation.now().plus_seconds(86_400);
    let filtered: [(wire::ListCasesRequest, Vec<&String>); 5] = [
        (
            wire::ListCasesRequest {
                state: wire::ComplaintState::Answered.into(),
                ..Default::default()
            },
            vec![&answered],
        ),
        (
            wire::ListCasesRequest {
                case_kind: wire::CaseKind::Appeal.into(),
                ..Default::default()
            },
            vec![&appeal],
        ),
        (
            wire::ListCasesRequest {
                division: "370203".to_owned(),
                ..Default::default()
            },
            vec![],
        ),
        (
            wire::ListCasesRequest {
                due_before: Some(lutong_proto::time::from_micros(due_before.micros())),
                ..Default::default()
            },
            vec![&appeal],
        ),
        (
            wire::ListCasesRequest {
                assigned_to_me: true,
                ..Default::default()
            },
            vec![&answered],
        ),
    ];
    for (request, expected) in filtered {
        let page = complaint.queue(&city, request.clone()).await.unwrap();
        let seen: Vec<_> = page.cases.iter().map(|case| &case.name).collect();
        assert_eq!(seen, expected, "{request:?}");
    }
    let wrong = wire::ListCasesRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    let refused = complaint.queue(&city, wrong).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let outside = wire::ListCasesRequest {
        division: "370102".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        &*complaint.queue(&city, outside).await.unwrap_err().reason,
        "OUTSIDE_DIVISION"
    );
}

async fn a_role_takes_its_own_actions_only(bed: Bed) {
    let complaint = start(bed).await;
    let entered = complaint.enter(&agent(), "QD-1", "370202", false).await.unwrap();
    for act in [Act::TakeUp, Act::Answer, Act::Close, Act::Extend(1), Act::Return] {
        let refused = complaint
            .act(&agent(), &entered.name, act.clone())
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::PermissionDenied, "NOT_PERMITTED"),
            "{act:?}"
        );
    }
    let district = officer("370202");
    for act in [Act::Reopen, Act::Revisit(true)] {
        let refused = complaint
            .act(&district, &entered.name, act.clone())
            .await
            .unwrap_err();
        assert_eq!(&*refused.reason, "NOT_PERMITTED", "{act:?}");
    }
    for act in [Act::TakeUp, Act::Answer] {
        complaint.act(&district, &entered.name, act).await.unwrap();
    }
    let revisited = complaint
        .act(&agent(), &entered.name, Act::Revisit(true))
        .await
        .unwrap();
    assert_eq!(revisited.state(), wire::ComplaintState::Closed);
    let citizen = lutong_testing::citizen("wx-1", None);
    assert_eq!(
        &*complaint.case(&citizen, &entered.name).await.unwrap_err().reason,
        "NOT_PERMITTED"
    );
}

async fn the_account_that_filed_a_case_is_shown_to_nobody(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-secret-account", "370202").await;
    let boss = all_roles("boss", "370000");
    let name = case_name(&filed);
    for act in [Act::TakeUp, Act::Ask(wire::WaitingFor::Filer)] {
        complaint.act(&boss, &name, act).await.unwrap();
    }
    complaint
        .own("wx-secret-account", &filed.name, crate::Own::Reply)
        .await
        .unwrap();
    let case = complaint.case(&boss, &name).await.unwrap();
    let events = complaint.events(&boss, &name).await.unwrap();
    assert!(!format!("{case:?}{events:?}").contains("wx-secret"));
    assert_eq!(events.last().unwrap().actor, "filer");
    let stored = lutong_testing::texts(&complaint.1, "case_events", "actor", "sequence").await;
    assert_eq!(stored, ["filer", "staff:boss", "staff:boss", "filer"]);
}
