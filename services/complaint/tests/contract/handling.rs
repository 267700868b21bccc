//! Cases: handled from filing to closing.

use lutong_proto::complaint::v1 as wire;
use lutong_testing::{Bed, on_both_engines};
use wire::ComplaintState::{Answered, Assigned, Closed, Filed, Returned, TakenUp, Waiting};

use crate::{Act, case_name, officer, start, supervisor};

on_both_engines!(a_complaint_is_handled_from_filing_to_closing);

async fn a_complaint_is_handled_from_filing_to_closing(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    let (city, district) = (supervisor("370200"), officer("370202"));
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!((case.state(), case.division.as_str()), (Filed, "370202"));
    assert_eq!(case.case_kind(), wire::CaseKind::Place);
    for (who, act, state) in [
        (&city, Act::Assign("370202", "officer-370202"), Assigned),
        (&district, Act::Return, Returned),
        (&city, Act::Assign("370202", ""), Assigned),
        (&district, Act::TakeUp, TakenUp),
        (&district, Act::Extend(3), TakenUp),
        (&district, Act::Ask(wire::WaitingFor::Filer), Waiting),
        (&district, Act::Answer, Answered),
        (&city, Act::Revisit(true), Closed),
    ] {
        let done = complaint.act(who, &name, act.clone()).await.unwrap();
        assert_eq!(done.state(), state, "{act:?}");
    }
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    let said: Vec<_> = seen
        .messages
        .iter()
        .map(|one| (one.author(), one.text.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (wire::MessageAuthor::Question, "请补充说明"),
            (wire::MessageAuthor::Answer, "答复")
        ]
    );
    assert_eq!((seen.state(), seen.due_time), (Closed, None));
    let events = complaint.events(&district, &name).await.unwrap();
    let logged: Vec<&str> = events.iter().map(|one| one.event.as_str()).collect();
    assert_eq!(
        logged,
        [
            "file", "assign", "return", "assign", "take_up", "extend", "ask", "answer", "revisit"
        ]
    );
    assert!(events.iter().map(|one| one.sequence).eq(1..=9));
}
