//! Numbers for everybody: of months that are over, without small counts.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::public_number_service_client::PublicNumberServiceClient;
use lutong_proto::policy::Caller;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use wire::CaseKind::{Appeal, Feedback, Place};

use crate::appeals::{refused, upheld};
use crate::fakes::{CLINIC, fact};
use crate::{Act, Complaint, all_roles, case_name, fault, officer, start};

on_both_engines!(
    the_numbers_of_a_month_are_published_once_it_is_over_and_do_not_change,
    a_month_is_that_of_shandong,
    small_counts_and_those_from_which_they_follow_are_left_out,
    the_share_of_upheld_appeals_is_published_with_both_of_its_parts,
    what_became_overdue_counts_and_times_are_of_first_answers,
    which_month_and_what_is_wrong_with_it_is_named,
    numbers_are_listed_by_division_in_pages,
);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn of_month(month: &str) -> wire::ListPublicNumbersRequest {
    wire::ListPublicNumbersRequest {
        month: month.to_owned(),
        ..Default::default()
    }
}

impl Complaint {
    async fn numbers(
        &self,
        request: wire::ListPublicNumbersRequest,
    ) -> Result<wire::ListPublicNumbersResponse, Fault> {
        let channel = self
            .0
            .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway);
        let request = self.0.call_as(&Principal::public()).request(request);
        let answer = PublicNumberServiceClient::new(channel)
            .list_public_numbers(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    /// The numbers of a kind in a division and month.
    async fn number(&self, month: &str, division: &str, kind: wire::CaseKind) -> wire::KindNumbers {
        let found = self.numbers(of_month(month)).await.unwrap().public_numbers;
        let found = found.into_iter().find(|one| one.division == division);
        let kinds = found.map(|one| one.kinds).unwrap_or_default();
        let found = kinds.into_iter().find(|one| one.case_kind() == kind);
        found.unwrap_or_default()
    }

    /// Files complaints about places of a division; returns their names as cases.
    async fn file_places(&self, division: &str, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(case_name(&self.file_place("wx-1", division).await));
        }
        names
    }

    async fn answer(&self, who: &Principal, name: &str) {
        for act in [Act::TakeUp, Act::Answer] {
            self.act(who, name, act).await.unwrap();
        }
    }
}

const fn counts(numbers: &wire::KindNumbers) -> [Option<i64>; 4] {
    [
        numbers.filed_count,
        numbers.answered_count,
        numbers.closed_count,
        numbers.overdue_count,
    ]
}

async fn the_numbers_of_a_month_are_published_once_it_is_over_and_do_not_change(bed: Bed) {
    let complaint = start(bed).await;
    let boss = all_roles("boss", "370000");
    complaint.0.clock.set(at("2022-10-10T12:00:00+08:00"));
    let names = complaint.file_places("370202", 7).await;
    for name in &names[..6] {
        complaint.answer(&boss, name).await;
    }
    for name in &names[..5] {
        complaint.act(&boss, name, Act::Close).await.unwrap();
    }
    complaint.0.clock.set(at("2022-10-31T23:59:59+08:00"));
    let refused = complaint.numbers(of_month("2022-10")).await.unwrap_err();
    assert_eq!(
        (refused.code, violations(&refused)),
        (
            FaultCode::InvalidArgument,
            vec!["month MONTH_NOT_OVER".to_owned()]
        )
    );
    complaint.0.clock.set(at("2022-11-01T00:00:00+08:00"));
    let published = complaint.numbers(of_month("2022-10")).await.unwrap();
    let one = &published.public_numbers[2];
    assert_eq!(
        [&*one.name, &*one.public_number_id, &*one.division, &*one.month],
        [
            "public-numbers/370202-2022-10",
            "370202-2022-10",
            "370202",
            "2022-10"
        ]
    );
    let kinds: Vec<_> = one.kinds.iter().map(wire::KindNumbers::case_kind).collect();
    assert_eq!(kinds, [Feedback, Appeal, Place]);
    assert_eq!(counts(&one.kinds[0]), [Some(0); 4]);
    let place = complaint.number("2022-10", "370202", Place).await;
    assert_eq!(counts(&place)[..3], [Some(7), Some(6), Some(5)]);
    // What happens to the same cases later belongs to later, also where another division has them by then.
    for name in &names[..5] {
        complaint.act(&boss, name, Act::Reopen).await.unwrap();
        complaint
            .act(&boss, name, Act::Assign("370102", ""))
            .await
            .unwrap();
        complaint.answer(&boss, name).await;
    }
    assert_eq!(complaint.numbers(of_month("2022-10")).await.unwrap(), published);
    complaint.0.clock.set(at("2022-12-01T00:00:00+08:00"));
    assert_eq!(complaint.numbers(of_month("2022-10")).await.unwrap(), published);
    let place = complaint.number("2022-11", "370202", Place).await;
    assert_eq!(counts(&place)[..3], [Some(0), Some(5), Some(0)]);
    // They had been answered before.
    assert_eq!(place.median_first_answer, None);
}

async fn a_month_is_that_of_shandong(bed: Bed) {
    let complaint = start(bed).await;
    for (instant, count) in [
        ("2022-09-30T23:59:59+08:00", 9),
        ("2022-10-01T00:00:00+08:00", 5),
        ("2022-10-31T23:59:59+08:00", 6),
        ("2022-11-01T00:00:00+08:00", 8),
    ] {
        complaint.0.clock.set(at(instant));
        complaint.file_places("370202", count).await;
    }
    complaint.0.clock.set(at("2022-12-01T00:00:00+08:00"));
    for (month, filed) in [("2022-09", 9), ("2022-10", 11), ("2022-11", 8)] {
        let place = complaint.number(month, "370202", Place).await;
        assert_eq!(place.filed_count, Some(filed), "{month}");
    }
}

async fn small_counts_and_those_from_which_they_follow_are_left_out(bed: Bed) {
    let complaint = start(bed).await;
    complaint.0.clock.set(at("2022-10-10T12:00:00+08:00"));
    for (division, count) in [
        ("370202", 3),
        ("370203", 6),
        ("370211", 9),
        ("370102", 1),
        ("370302", 7),
        ("370403", 12),
    ] {
        complaint.file_places(division, count).await;
    }
    complaint.0.clock.set(at("2022-11-01T00:00:00+08:00"));
    let found = complaint
        .numbers(of_month("2022-10"))
        .await
        .unwrap()
        .public_numbers;
    let filed: Vec<_> = found
        .iter()
        .map(|one| (one.division.as_str(), one.kinds[2].filed_count))
        .collect();
    assert_eq!(
        filed,
        [
            ("370000", Some(38)),
            ("370100", None),
            ("370102", None),
            ("370200", Some(18)),
            ("370202", None),
            ("370203", None),
            ("370211", Some(9)),
            ("370300", None),
            ("370302", None),
            ("370400", Some(12)),
            ("370403", Some(12)),
        ]
    );
}

async fn the_share_of_upheld_appeals_is_published_with_both_of_its_parts(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    complaint.0.clock.set(at("2022-09-10T12:00:00+08:00"));
    for (month, upheld_count, refused_count) in [("2022-09", 6, 0), ("2022-10", 5, 2)] {
        complaint.0.clock.set(at(&format!("{month}-10T12:00:00+08:00")));
        for n in 0..upheld_count + refused_count {
            let account = format!("wx-{}", 100 * (upheld_count + refused_count) + n);
            let (_, name, review) = complaint.asked(&account).await;
            let decision = if n < upheld_count {
                complaint.correct(CLINIC, &review).await.unwrap();
                upheld(&name, &[fact(&account, 1)])
            } else {
                complaint.confirm(CLINIC, &review).await.unwrap();
                refused(&name)
            };
            complaint.decide(&district, decision).await.unwrap();
        }
    }
    complaint.0.clock.set(at("2022-11-01T00:00:00+08:00"));
    for (month, filed, answered, share) in [("2022-09", 6, Some(6), Some(1.0)), ("2022-10", 7, None, None)] {
        let appeals = complaint.number(month, "370202", Appeal).await;
        assert_eq!(appeals.filed_count, Some(filed), "{month}");
        assert_eq!((appeals.answered_count, appeals.upheld_share), (answered, share));
    }
}

async fn what_became_overdue_counts_and_times_are_of_first_answers(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    complaint.0.clock.set(at("2022-10-10T12:00:00+08:00"));
    let names = complaint.file_places("370202", 10).await;
    // A question after seven minutes, which is the first that five filers hear.
    complaint.0.clock.advance(Duration::from_secs(7 * 60));
    for name in &names[..5] {
        for act in [Act::TakeUp, Act::Ask(wire::WaitingFor::Filer)] {
            complaint.act(&district, name, act).await.unwrap();
        }
    }
    complaint.0.clock.advance(Duration::from_secs(3_600));
    for name in &names[..9] {
        complaint.answer(&district, name).await;
    }
    // Whoever acts on an overdue case lets its clocks fire first.
    complaint.0.clock.set(at("2022-10-20T12:00:00+08:00"));
    let late = complaint.file_places("370202", 5).await;
    complaint.0.clock.set(at("2022-10-30T12:00:00+08:00"));
    for name in late.iter().chain(&names[9..]) {
        complaint.answer(&district, name).await;
    }
    complaint.0.clock.set(at("2022-11-01T00:00:00+08:00"));
    let place = complaint.number("2022-10", "370202", Place).await;
    assert_eq!(counts(&place), [Some(15), Some(15), Some(0), Some(6)]);
    let seconds = |span: Option<prost_types::Duration>| span.map(|span| span.seconds);
    // Five within ten minutes, four within 70, five within ten days and one within twenty.
    assert_eq!(seconds(place.median_first_answer), Some(70 * 60));
    assert_eq!(seconds(place.ninetieth_first_answer), Some(10 * 86_400));
}

async fn which_month_and_what_is_wrong_with_it_is_named(bed: Bed) {
    let complaint = start(bed).await;
    for (month, reason) in [
        ("", "month MISSING"),
        ("2022-13", "month MONTH_SHAPE"),
        ("2022-1", "month MONTH_SHAPE"),
        ("2022-10-01", "month TOO_LONG"),
        ("2022-11", "month MONTH_NOT_OVER"),
        ("2999-01", "month MONTH_NOT_OVER"),
    ] {
        let refused = complaint.numbers(of_month(month)).await.unwrap_err();
        assert_eq!(violations(&refused), [reason], "{month}");
    }
    for (division, page_token, reason) in [
        ("37", "", "division DIVISION_SHAPE"),
        ("", "x", "page_token PAGE_TOKEN_FOREIGN"),
    ] {
        let request = wire::ListPublicNumbersRequest {
            division: division.to_owned(),
            page_token: page_token.to_owned(),
            ..of_month("2022-10")
        };
        let refused = complaint.numbers(request).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
    }
    let nothing = complaint.numbers(of_month("2022-10")).await.unwrap();
    assert!(nothing.public_numbers.is_empty() && nothing.next_page_token.is_empty());
}

async fn numbers_are_listed_by_division_in_pages(bed: Bed) {
    let complaint = start(bed).await;
    complaint.0.clock.set(at("2022-10-10T12:00:00+08:00"));
    for division in ["370202", "370203", "370102"] {
        complaint.file_places(division, 5).await;
    }
    // Without a division: the province's own desk.
    for n in 0..5 {
        let filed = complaint.file("wx-1", n, wire::FeedbackCategory::Technical, "x");
        filed.await.unwrap();
    }
    complaint.0.clock.set(at("2022-11-01T00:00:00+08:00"));
    let all = ["370000", "370100", "370102", "370200", "370202", "370203"];
    for size in [1, 4, 10] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListPublicNumbersRequest {
                page_size: size,
                page_token,
                ..of_month("2022-10")
            };
            let page = complaint.numbers(request).await.unwrap();
            seen.extend(page.public_numbers.into_iter().map(|one| one.division));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all, "pages of {size}");
    }
    for (division, found) in [
        ("370200", &all[3..]),
        ("370203", &all[5..]),
        ("370300", &[]),
        ("110101", &[]),
    ] {
        let request = wire::ListPublicNumbersRequest {
            division: division.to_owned(),
            ..of_month("2022-10")
        };
        let page = complaint.numbers(request).await.unwrap();
        let seen: Vec<_> = page.public_numbers.iter().map(|one| &one.division).collect();
        assert_eq!(seen, found, "{division}");
    }
    let as_csv = wire::ListPublicNumbersRequest {
        division: "370203".to_owned(),
        csv: true,
        ..of_month("2022-10")
    };
    let page = complaint.numbers(as_csv).await.unwrap();
    let lines: Vec<&str> = page.csv.split_terminator("\r\n").collect();
    let kinds = &page.public_numbers[0].kinds;
    assert!(
        lines[0].starts_with("division,month,case_kind,filed_count"),
        "{}",
        page.csv
    );
    assert_eq!(lines.len(), 1 + kinds.len());
    let columns = lines[0].split(',').count();
    assert!(
        lines.iter().all(|line| line.split(',').count() == columns),
        "{}",
        page.csv
    );
    assert!(lines.contains(&"370203,2022-10,place,5,0,0,0,,,"), "{}", page.csv);
    let without = complaint.numbers(of_month("2022-10")).await.unwrap();
    assert_eq!(without.csv, "", "only where it is wanted");
    let feedback = complaint.number("2022-10", "370000", Feedback).await;
    assert_eq!(feedback.filed_count, Some(5));
    assert_eq!(
        complaint.number("2022-10", "370200", Place).await.filed_count,
        Some(10)
    );
}
