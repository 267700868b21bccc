//! Every RPC that answers a case, called by staff who do not reach it. The list is that of the contract: one more RPC without a line here
//! fails.

use std::collections::BTreeSet;

use lutong_kernel::{Desk, Fault};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_testing::{Bed, on_both_engines};
use lutong_transport::access::Principal;

use crate::appeals::{question, refused};
use crate::{Act, Complaint, agent, all_roles, case_name, fakes, officer, purpose, staff, start, supervisor};

on_both_engines!(
    staff_of_another_division_desk_or_hotline_are_answered_no_case_by_any_rpc,
    a_desk_reads_its_own_kinds_and_what_was_given_to_it,
);

/// What an answer holds a case in.
const OF_CASES: [&str; 5] = [
    "Case",
    "CaseEvent",
    "HotlineOrderStatus",
    "Attachment",
    "AppealGroup",
];
/// The filer's own, which other accounts are refused elsewhere, and what opens a case of the caller's.
const ELSEWHERE: [&str; 5] = [
    "CreateAttachment",
    "AppendAttachment",
    "ListAttachments",
    "DownloadAttachment",
    "FollowDoorReport",
];

/// The RPCs of the contract that answer a case.
fn answering() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for service in lutong_proto::descriptor_pool().services() {
        if service.parent_file().package_name() != "lutong.complaint.v1" {
            continue;
        }
        for method in service.methods() {
            let output = method.output();
            let mut names = output.fields().filter_map(|field| {
                let kind = field.kind();
                kind.as_message().map(|message| message.name().to_owned())
            });
            if names.any(|name| OF_CASES.contains(&&*name)) {
                found.insert(method.name().to_owned());
            }
        }
    }
    found
}

/// An answer in words, in which the numbers of cases are looked for.
fn words<T: std::fmt::Debug>(answer: Result<T, Fault>) -> Result<String, String> {
    answer
        .map(|answer| format!("{answer:?}"))
        .map_err(|refused| refused.reason.to_string())
}

/// What there is to be reached.
struct Targets {
    appeal: String,
    order: String,
    file: String,
    fact: String,
}

fn at_desks(who: Principal, desks: &[Desk]) -> Principal {
    Principal {
        account: format!("{}-limited", who.account),
        desks: desks.to_vec(),
        ..who
    }
}

impl Complaint {
    /// Calls an RPC for these.
    async fn probe(&self, rpc: &str, who: &Principal, to: &Targets) -> Result<String, String> {
        let place = async |act: Act| words(self.act(who, &to.order, act).await);
        match rpc {
            // A number that is there: its content is not answered.
            "CreateCase" => words(self.enter(who, "QD-1", "370202", false).await),
            "GetCase" => words(self.case(who, &to.appeal).await),
            "ListCaseEvents" => words(self.events(who, &to.appeal).await),
            "ListCases" => words(self.queue(who, wire::ListCasesRequest::default()).await),
            "ListCallerCases" => words(self.of_mobile(who, "13800138000").await),
            "ListHotlineOrders" => words(
                self.statuses(who, wire::ListHotlineOrdersRequest::default())
                    .await,
            ),
            "ListCaseAttachments" => words(self.attached_to_case(who, &to.appeal).await),
            "CreateCaseAttachment" => words(self.begin_as(who, &to.appeal, 10).await),
            "AppendCaseAttachment" => words(self.append_as(who, &to.file, 0, &[7]).await),
            "DownloadCaseAttachment" => words(self.download_of_case(who, &to.file).await),
            "InspectAppeal" => words(self.inspect(who, &to.appeal).await),
            "ListAppealGroups" => words(self.groups(who, 0, String::new()).await),
            "AskSource" => words(self.ask(who, question(&to.appeal, to.fact.clone())).await),
            "DecideAppeal" => words(self.decide(who, refused(&to.appeal)).await),
            "AssignCase" => place(Act::Assign("370202", "")).await,
            "TakeUpCase" => place(Act::TakeUp).await,
            "AskCase" => place(Act::Ask(wire::WaitingFor::Filer)).await,
            "AnswerCase" => place(Act::Answer).await,
            "ReturnCase" => place(Act::Return).await,
            "ExtendCase" => place(Act::Extend(1)).await,
            "ReopenCase" => place(Act::Reopen).await,
            "MergeCase" => place(Act::Merge(to.appeal.clone())).await,
            "RevisitCase" => place(Act::Revisit(true)).await,
            "CloseCase" => place(Act::Close).await,
            other => panic!("{other} answers a case, and nobody looks who reaches it"),
        }
    }

    async fn of_mobile(&self, who: &Principal, mobile: &str) -> Result<Vec<wire::Case>, Fault> {
        let request = wire::ListCallerCasesRequest {
            caller: Some(wire::CaseCaller {
                name: String::new(),
                mobile: mobile.to_owned(),
            }),
            purpose: purpose(),
            ..Default::default()
        };
        let answer = self
            .cases()
            .list_caller_cases(self.0.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().cases)
            .map_err(|status| crate::fault(&status))
    }
}

async fn staff_of_another_division_desk_or_hotline_are_answered_no_case_by_any_rpc(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.appeal("wx-1", false).await;
    let file = complaint
        .upload("wx-1", &filed.name, &crate::attachments::picture(8))
        .await
        .unwrap();
    let order = complaint.enter(&agent(), "QD-1", "370202", false).await.unwrap();
    // Two appeals about one source make a group.
    let district = officer("370202");
    let second = complaint.appeal("wx-2", false).await;
    for (account, appeal) in [("wx-1", &filed), ("wx-2", &second)] {
        let name = case_name(appeal);
        complaint.act(&district, &name, Act::TakeUp).await.unwrap();
        let asked = question(&name, fakes::fact(account, 1));
        complaint.ask(&district, asked).await.unwrap();
    }
    let to = Targets {
        appeal: case_name(&filed),
        order: order.name.clone(),
        file: file.name,
        fact: fakes::fact("wx-1", 2),
    };
    let numbers = [
        filed.complaint_id,
        second.complaint_id,
        order.case_id,
        "QD-1".to_owned(),
    ];
    let rpcs: Vec<String> = answering()
        .into_iter()
        .filter(|rpc| !ELSEWHERE.contains(&&**rpc))
        .collect();
    assert!(rpcs.len() > 20, "{rpcs:?}");
    let strangers = [
        officer("370203"),
        supervisor("370100"),
        // A street of the district: not the whole of it.
        officer("370202001"),
        all_roles("far", "370102"),
        staff("agent-2", Role::HotlineAgent, "370000"),
        staff("counter-1", Role::CounterStaff, "370202"),
        // Of the district, at the desk of another kind than either of the cases.
        at_desks(officer("370202"), &[Desk::Feedback, Desk::DoorReport]),
        at_desks(all_roles("desk-2", "370200"), &[Desk::DoorReport]),
    ];
    for who in &strangers {
        for rpc in &rpcs {
            let answered = complaint.probe(rpc, who, &to).await;
            let is_hidden = match &answered {
                // A list without any of them, or their own.
                Ok(words) => numbers.iter().all(|number| !words.contains(number.as_str())),
                Err(reason) => matches!(
                    &**reason,
                    "CASE_NOT_FOUND"
                        | "ATTACHMENT_NOT_FOUND"
                        | "NOT_PERMITTED"
                        | "OUTSIDE_DIVISION"
                        | "HOTLINE_NUMBER_KNOWN"
                        | "INVALID_FIELDS"
                ),
            };
            assert!(is_hidden, "{} {rpc}: {answered:?}", who.account);
        }
    }
    // Whoever reaches them is answered: the probes do look.
    let boss = all_roles("boss", "370000");
    for rpc in [
        "GetCase",
        "ListCaseEvents",
        "ListCases",
        "ListCallerCases",
        "ListHotlineOrders",
        "ListCaseAttachments",
        "InspectAppeal",
        "ListAppealGroups",
    ] {
        let answered = complaint.probe(rpc, &boss, &to).await.unwrap();
        assert!(
            rpc == "ListCaseEvents"
                || rpc == "ListCaseAttachments"
                || numbers.iter().any(|number| answered.contains(number.as_str())),
            "{rpc}"
        );
    }
    assert!(
        !complaint
            .download_of_case(&boss, &to.file)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_desk_reads_its_own_kinds_and_what_was_given_to_it(bed: Bed) {
    let complaint = start(bed).await;
    let appeal = case_name(&complaint.appeal("wx-1", false).await);
    let order = complaint
        .enter(&agent(), "QD-1", "370202", false)
        .await
        .unwrap()
        .name;
    let of_appeals = at_desks(officer("370202"), &[Desk::Appeal]);
    let listed = async |who: &Principal| {
        let queue = complaint
            .queue(who, wire::ListCasesRequest::default())
            .await
            .unwrap();
        queue.cases.into_iter().map(|case| case.name).collect::<Vec<_>>()
    };
    assert_eq!(listed(&of_appeals).await, std::slice::from_ref(&appeal));
    complaint.case(&of_appeals, &appeal).await.unwrap();
    let others = complaint.case(&of_appeals, &order).await.unwrap_err();
    assert_eq!(others.reason, "CASE_NOT_FOUND");
    let nobodys = complaint
        .case(&of_appeals, &format!("cases/{}", complaint.unknown_number()))
        .await
        .unwrap_err();
    assert_eq!(others, nobodys, "like one that is not there");
    // Whoever it is assigned to reads it, whatever the desk.
    let boss = supervisor("370202");
    let given = Act::Assign("370202", "officer-370202-limited");
    complaint.act(&boss, &order, given).await.unwrap();
    complaint.case(&of_appeals, &order).await.unwrap();
    assert_eq!(listed(&of_appeals).await.len(), 2);
    complaint.act(&of_appeals, &order, Act::TakeUp).await.unwrap();
    // Both kinds of one desk, and an officer without one.
    let both = at_desks(officer("370202"), &[Desk::Appeal, Desk::Place]);
    assert_eq!(listed(&both).await.len(), 2);
    assert_eq!(listed(&officer("370202")).await.len(), 2);
    // The ledger of places is the work of those who answer about places.
    let ledger = async |who: &Principal| {
        let asked = wire::ListPlaceLedgerRequest::default();
        complaint.ledger(who, asked).await.unwrap().entries.len()
    };
    assert_eq!((ledger(&both).await, ledger(&of_appeals).await), (1, 0));
    let matching = crate::places::matching(&order, "places/00000000-0000-7000-8000-000000000001");
    let refused = complaint.match_case(&of_appeals, matching).await.unwrap_err();
    assert_eq!(refused.reason, "CASE_NOT_FOUND");
}
