//! Daily reports: symptoms and fever become a fact, recovery ends it, nothing is lost.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{Symptom, Symptoms};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use wire::DeclarationState::{InForce, Pending};
use wire::daily_report_service_client::DailyReportServiceClient;

use crate::{Declaration, alone, form, request_id, start};

on_both_engines!(
    a_daily_report_of_symptoms_becomes_a_fact,
    a_daily_report_without_symptoms_and_fever_states_nothing,
    recovery_ends_every_report_of_symptoms_that_is_open_and_no_other,
    what_is_wrong_with_a_daily_report_is_named_at_once,
    an_account_without_a_person_reports_nothing,
    a_repeated_daily_report_is_answered_alike,
    a_daily_report_waits_in_the_log_for_risk_rules,
    daily_reports_are_listed_page_by_page_and_only_by_their_account,
    recoveries_at_once_end_a_report_once,
    what_somebody_feels_is_stored_encrypted,
    daily_reports_of_a_day_are_limited,
    daily_reports_at_once_are_limited_alike,
);

fn client(declaration: &Declaration) -> DailyReportServiceClient<lutong_transport::client::MeshChannel> {
    DailyReportServiceClient::new(declaration.bed.channel(ServiceName::Declaration, Caller::Gateway))
}

fn today(n: u32, symptoms: &[Symptom], temperature_c: Option<f64>) -> wire::CreateDailyReportRequest {
    wire::CreateDailyReportRequest {
        request_id: request_id(n),
        report_date: "2022-11-26".to_owned(),
        symptoms: symptoms.iter().map(|one| i32::from(*one)).collect(),
        temperature_c,
        cleared: false,
    }
}

fn recovered(n: u32) -> wire::CreateDailyReportRequest {
    wire::CreateDailyReportRequest {
        cleared: true,
        ..today(n, &[], None)
    }
}

async fn report_as(
    declaration: &Declaration,
    who: &Principal,
    report: wire::CreateDailyReportRequest,
) -> Result<wire::DailyReport, Fault> {
    let request = declaration.bed.call_as(who).request(report);
    let answer = client(declaration).create_daily_report(request).await;
    answer
        .map(|answer| answer.into_inner().daily_report.unwrap())
        .map_err(|status| crate::fault(&status))
}

async fn report(
    declaration: &Declaration,
    report: wire::CreateDailyReportRequest,
) -> Result<wire::DailyReport, Fault> {
    report_as(declaration, &declaration.person("wx-1"), report).await
}

async fn get(declaration: &Declaration, who: &Principal, name: &str) -> Result<wire::DailyReport, Fault> {
    let request = wire::GetDailyReportRequest {
        name: name.to_owned(),
    };
    let request = declaration.bed.call_as(who).request(request);
    let answer = client(declaration).get_daily_report(request).await;
    answer
        .map(|answer| answer.into_inner().daily_report.unwrap())
        .map_err(|status| crate::fault(&status))
}

fn symptoms(statement: &FactStatement) -> &Symptoms {
    let fact = match statement.statement.as_ref().unwrap() {
        fact_statement::Statement::Fact(fact) => fact,
        fact_statement::Statement::Correction(correction) => correction.fact.as_ref().unwrap(),
        fact_statement::Statement::Retraction(_) => panic!("nothing is retracted"),
    };
    match fact.kind.as_ref().unwrap() {
        Kind::Symptoms(symptoms) => symptoms,
        other => panic!("{other:?}"),
    }
}

async fn a_daily_report_of_symptoms_becomes_a_fact(bed: Bed) {
    let declaration = start(bed).await;
    let sent = today(
        1,
        &[Symptom::Fever, Symptom::DryCough, Symptom::Fever],
        Some(38.2),
    );
    let reported = report(&declaration, sent).await.unwrap();
    assert!(reported.name.starts_with("daily-reports/"), "{}", reported.name);
    assert_eq!(reported.state(), InForce);
    assert_eq!(reported.subject_id, declaration.identity.subject(crate::NUMBER));
    assert_eq!(
        (reported.report_date.as_str(), reported.temperature_c),
        ("2022-11-26", Some(38.2))
    );
    let named: Vec<_> = reported.symptoms().collect();
    assert_eq!(named, [Symptom::DryCough, Symptom::Fever], "each once");
    let [statement] = &declaration.risk_rules.stored()[..] else {
        panic!("one statement")
    };
    assert_eq!(statement.source, "self");
    assert_eq!(
        statement.key,
        format!("{}/symptoms", reported.daily_report_id),
        "the key is the report's"
    );
    let fact = symptoms(statement);
    assert_eq!(fact.symptoms, reported.symptoms);
    assert_eq!((fact.temperature_c, fact.cleared_at), (Some(38.2), None));
    assert_eq!(
        declaration.published_events(1).await[0].declaration,
        reported.name
    );
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn a_daily_report_without_symptoms_and_fever_states_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let reported = report(&declaration, today(1, &[], Some(36.5))).await.unwrap();
    assert_eq!(reported.state(), InForce, "nothing is left to be done");
    let person = declaration.person("wx-1");
    assert_eq!(
        get(&declaration, &person, &reported.name).await.unwrap(),
        reported
    );
    assert_eq!(
        declaration.risk_rules.calls(),
        0,
        "nobody gets a code by reporting nothing"
    );
    assert_eq!(declaration.stored().await, [1, 1, 0]);
    // Fever alone is a fact, at the order's 37.3 °C.
    let fever = report(&declaration, today(2, &[], Some(37.3))).await.unwrap();
    assert!(fever.symptoms.is_empty());
    let stored = declaration.risk_rules.stored();
    assert_eq!(symptoms(&stored[0]).temperature_c, Some(37.3));
}

async fn recovery_ends_every_report_of_symptoms_that_is_open_and_no_other(bed: Bed) {
    let declaration = start(bed).await;
    let first = report(&declaration, today(1, &[Symptom::Fever], None))
        .await
        .unwrap();
    declaration.bed.clock.advance(Duration::from_secs(60));
    let second = report(&declaration, today(2, &[Symptom::Fatigue], Some(37.9)))
        .await
        .unwrap();
    // Another person's symptoms last.
    let other = lutong_testing::citizen(
        "wx-9",
        Some("00000000-0000-7000-8000-000000000099".parse().unwrap()),
    );
    report_as(&declaration, &other, today(3, &[Symptom::Fever], None))
        .await
        .unwrap();
    declaration.bed.clock.advance(Duration::from_secs(60));
    // The same person by another account.
    let by_another = declaration.person("wx-2");
    let ended = report_as(&declaration, &by_another, recovered(4)).await.unwrap();
    assert!(ended.cleared);
    assert_eq!((ended.ended_count, ended.state()), (2, InForce));
    let stored = declaration.risk_rules.stored();
    let corrections: Vec<_> = stored
        .iter()
        .filter(|one| !crate::replaces(one).is_empty())
        .collect();
    let mut replaced: Vec<_> = corrections.iter().map(|one| crate::replaces(one)).collect();
    replaced.sort();
    let key = |report: &wire::DailyReport| format!("{}/symptoms", report.daily_report_id);
    let mut open = [key(&first), key(&second)];
    open.sort();
    assert_eq!(replaced, open);
    for correction in corrections {
        let original = stored
            .iter()
            .find(|one| one.key == crate::replaces(correction))
            .unwrap();
        let (before, after) = (symptoms(original), symptoms(correction));
        assert_eq!(
            (&after.observed_at, &after.symptoms, after.temperature_c),
            (&before.observed_at, &before.symptoms, before.temperature_c)
        );
        assert_eq!(after.cleared_at, ended.create_time);
    }
    // Nothing is open now; a later report is a fact of its own.
    let again = report(&declaration, recovered(5)).await.unwrap();
    assert_eq!((again.ended_count, again.state()), (0, InForce));
    report(&declaration, today(6, &[Symptom::DryCough], None))
        .await
        .unwrap();
    let last = report(&declaration, recovered(7)).await.unwrap();
    assert_eq!(last.ended_count, 1);
}

async fn what_is_wrong_with_a_daily_report_is_named_at_once(bed: Bed) {
    let declaration = start(bed).await;
    for date in ["2022-11-27", "2022-11-24"] {
        let bad = wire::CreateDailyReportRequest {
            report_date: date.to_owned(),
            cleared: true,
            ..today(1, &[Symptom::Fever], Some(36.55))
        };
        let refused = report(&declaration, bad).await.unwrap_err();
        assert_eq!(
            violations(&refused),
            [
                "report_date REPORT_DATE_OUTSIDE",
                "temperature_c TEMPERATURE_DECIMALS",
                "cleared CLEARED_WITH_SYMPTOMS",
            ]
        );
    }
    for (bad, named) in [
        (today(1, &[], Some(33.9)), "temperature_c OUT_OF_RANGE"),
        (today(1, &[], Some(43.1)), "temperature_c OUT_OF_RANGE"),
        (
            wire::CreateDailyReportRequest {
                report_date: String::new(),
                ..today(1, &[], None)
            },
            "report_date MISSING",
        ),
        (
            wire::CreateDailyReportRequest {
                report_date: "26.11.2022".to_owned(),
                ..today(1, &[], None)
            },
            "report_date DATE_SHAPE",
        ),
        (
            wire::CreateDailyReportRequest {
                symptoms: vec![99],
                ..today(1, &[], None)
            },
            "symptoms[0] UNKNOWN_VALUE",
        ),
        (
            today(1, &[Symptom::Unspecified], None),
            "symptoms[0] UNKNOWN_VALUE",
        ),
    ] {
        let refused = report(&declaration, bad).await.unwrap_err();
        assert_eq!(violations(&refused), [named]);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    // Yesterday is still open.
    let yesterday = wire::CreateDailyReportRequest {
        report_date: "2022-11-25".to_owned(),
        ..today(2, &[], None)
    };
    assert_eq!(
        report(&declaration, yesterday).await.unwrap().report_date,
        "2022-11-25"
    );
}

async fn an_account_without_a_person_reports_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let nobody = lutong_testing::citizen("wx-1", None);
    let refused = report_as(&declaration, &nobody, today(1, &[Symptom::Fever], None))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::NotFound, "CODE_NOT_FOUND")
    );
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn a_repeated_daily_report_is_answered_alike(bed: Bed) {
    let declaration = start(bed).await;
    let sent = today(1, &[Symptom::Fever], None);
    let first = report(&declaration, sent.clone()).await.unwrap();
    // Its day lies too far back by now.
    declaration.bed.clock.advance(Duration::from_secs(23 * 3_600));
    assert_eq!(report(&declaration, sent).await.unwrap(), first);
    let ended = report(
        &declaration,
        wire::CreateDailyReportRequest {
            report_date: "2022-11-27".to_owned(),
            ..recovered(2)
        },
    );
    let ended = ended.await.unwrap();
    let again = report(
        &declaration,
        wire::CreateDailyReportRequest {
            report_date: "2022-11-27".to_owned(),
            ..recovered(2)
        },
    );
    assert_eq!(again.await.unwrap(), ended);
    assert_eq!(ended.ended_count, 1);
    let refused = report(&declaration, today(1, &[], None)).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::AlreadyExists, "REQUEST_ID_REUSED")
    );
    assert_eq!(declaration.stored().await, [2, 2, 2]);
}

async fn a_daily_report_waits_in_the_log_for_risk_rules(bed: Bed) {
    let declaration = alone(bed).await;
    let reported = report(&declaration, today(1, &[Symptom::Fever], None))
        .await
        .unwrap();
    assert_eq!(reported.state(), Pending, "never in force by default");
    let ended = report(&declaration, recovered(2)).await.unwrap();
    assert_eq!((ended.state(), ended.ended_count), (Pending, 1));
    let told = declaration.published_events(2).await;
    assert_eq!(told[0].declaration, reported.name);
    assert_eq!(crate::replaces(&told[1].statements[0]), told[0].statements[0].key);
    declaration.bind_risk_rules();
    let person = declaration.person("wx-1");
    // A correction before what it corrects is not in force.
    let early = get(&declaration, &person, &ended.name).await.unwrap();
    assert_eq!(early.state(), Pending);
    for name in [&reported.name, &ended.name] {
        let asked = get(&declaration, &person, name).await.unwrap();
        assert_eq!(asked.state(), InForce);
    }
}

async fn daily_reports_are_listed_page_by_page_and_only_by_their_account(bed: Bed) {
    let declaration = start(bed).await;
    let mut names = Vec::new();
    for n in 1..=3 {
        let reported = report(&declaration, today(n, &[], None)).await.unwrap();
        names.insert(0, reported.name);
        declaration.bed.clock.advance(Duration::from_secs(1));
    }
    // An application of the same account is in a list of its own.
    let application = declaration.apply(9, form()).await.unwrap();
    let list = async |account: &str, page_token: &str| {
        let asked = wire::ListDailyReportsRequest {
            page_size: 2,
            page_token: page_token.to_owned(),
        };
        let call = declaration.bed.call_as(&declaration.person(account));
        let answer = client(&declaration).list_daily_reports(call.request(asked)).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| {
                let names = answer.daily_reports.into_iter().map(|one| one.name);
                (names.collect::<Vec<_>>(), answer.next_page_token)
            })
            .map_err(|status| crate::fault(&status))
    };
    let (first, next) = list("wx-1", "").await.unwrap();
    let (second, last) = list("wx-1", &next).await.unwrap();
    assert_eq!(
        (first, second, last.as_str()),
        (names[..2].to_vec(), names[2..].to_vec(), "")
    );
    assert!(list("wx-2", "").await.unwrap().0.is_empty());
    let refused = list("wx-1", "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    for (account, name) in [
        ("wx-2", names[0].as_str()),
        ("wx-1", "daily-reports/00000000-0000-7000-9000-000000000009"),
    ] {
        let refused = get(&declaration, &declaration.person(account), name)
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "DECLARATION_NOT_FOUND")
        );
    }
    let person = declaration.person("wx-1");
    let as_report = application.name.replace("applications", "daily-reports");
    let refused = get(&declaration, &person, &as_report).await.unwrap_err();
    assert_eq!(refused.reason, "DECLARATION_NOT_FOUND");
    let refused = get(&declaration, &person, &application.name).await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
}

async fn recoveries_at_once_end_a_report_once(bed: Bed) {
    let declaration = start(bed).await;
    report(&declaration, today(1, &[Symptom::Fever], None))
        .await
        .unwrap();
    let sent = (2..8).map(|n| report(&declaration, recovered(n)));
    let answers = futures::future::join_all(sent).await;
    let ended: i32 = answers.iter().map(|one| one.as_ref().unwrap().ended_count).sum();
    assert_eq!(ended, 1);
    assert!(answers.iter().all(|one| one.as_ref().unwrap().state() == InForce));
}

async fn what_somebody_feels_is_stored_encrypted(bed: Bed) {
    let declaration = start(bed).await;
    report(&declaration, today(1, &[Symptom::Fever], Some(38.8)))
        .await
        .unwrap();
    for column in ["details", "statements"] {
        let stored = lutong_testing::bytes(&declaration.storage, "declarations", column).await;
        assert!(stored.len() > 40, "{column}");
        assert!(!stored.windows(5).any(|five| five == b"fever"), "{column}");
    }
}

async fn daily_reports_of_a_day_are_limited(bed: Bed) {
    let declaration = start(bed).await;
    for n in 1..=10 {
        report(&declaration, today(n, &[Symptom::Fatigue], None))
            .await
            .unwrap();
    }
    for one_more in [
        today(11, &[Symptom::Fatigue], None),
        recovered(12),
        today(13, &[], None),
    ] {
        let refused = report(&declaration, one_more).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::ResourceExhausted, "TOO_MANY_DAILY_REPORTS")
        );
        let until_midnight = declaration.bed.foundation.now().local_day().end();
        let wait = until_midnight.since(declaration.bed.foundation.now());
        assert!(refused.retry_after.unwrap().abs_diff(wait) < Duration::from_secs(1));
    }
    // A report that was made is answered again, and another person may report.
    report(&declaration, today(10, &[Symptom::Fatigue], None))
        .await
        .unwrap();
    let other = declaration.identity.subject("440524188001010014");
    let other = lutong_testing::citizen("wx-2", Some(other.parse().unwrap()));
    report_as(&declaration, &other, today(20, &[], None))
        .await
        .unwrap();
    assert_eq!(declaration.stored().await, [11, 11, 10]);
    declaration.bed.clock.advance(Duration::from_secs(86_400));
    let mut tomorrow = today(11, &[Symptom::Fatigue], None);
    "2022-11-27".clone_into(&mut tomorrow.report_date);
    report(&declaration, tomorrow).await.unwrap();
}

async fn daily_reports_at_once_are_limited_alike(bed: Bed) {
    let declaration = start(bed).await;
    let reports = (1..=16).map(|n| report(&declaration, today(n, &[Symptom::Fatigue], None)));
    let made = futures::future::join_all(reports).await;
    assert_eq!(made.iter().filter(|one| one.is_ok()).count(), 10);
    assert_eq!(declaration.stored().await, [10, 10, 10]);
}
