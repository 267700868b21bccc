//! Each authority named in the order reports its own kinds only, and only about its own divisions.

use lutong_declaration::kinds_of;
use lutong_kernel::Authority;
use lutong_kernel::DivisionCode;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::FactKind;
use lutong_proto::types::v1 as types;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use wire::ImportMode;
use wire::fact_row::Statement;

use crate::feeds::{counts, errors, fact, options, row_of, rows, send, stay};
use crate::{Declaration, kind_of, start};

on_both_engines!(
    a_hospital_reports_fever_clinic_visits_and_nothing_else,
    a_cdc_reports_cases_and_contacts_and_nothing_else,
    the_border_reports_entries_and_nothing_else,
    a_laboratory_reports_tests_and_nothing_else,
    transport_and_telecom_report_stays_and_nothing_else,
    the_epidemic_database_reports_anomalies_and_nothing_else,
    nobody_reports_what_officers_or_other_provinces_decide,
    a_feed_names_no_place_outside_its_divisions_however_it_writes_it,
);

fn principal(authority: Authority) -> Principal {
    lutong_testing::feed(authority.into_str(), &kinds_of(authority))
}

fn row(source: &str, kind: &str) -> wire::FactRow {
    row_of(source, kind, fact(kind.parse().unwrap()))
}

/// All fact kinds.
fn kinds() -> Vec<&'static str> {
    FactKind::ALL.map(FactKind::as_str).to_vec()
}

async fn reports_only(declaration: &Declaration, authority: Authority, own: &[&str]) {
    let (who, source) = (principal(authority), authority.into_str());
    let chunk = kinds().iter().map(|kind| row(source, kind)).collect();
    let answer = send(
        declaration,
        &who,
        vec![options(ImportMode::GoodRows), rows(chunk)],
    )
    .await
    .unwrap();
    let others = (1..).zip(kinds()).filter(|(_, kind)| !own.contains(kind));
    let expected: Vec<_> = others
        .map(|(n, kind)| format!("{n} fact.{kind} KIND_NOT_GRANTED"))
        .collect();
    assert_eq!(errors(&answer), expected, "{source}");
    assert_eq!(counts(&answer).0, i64::try_from(own.len()).unwrap());
    let stored = declaration.risk_rules.stored();
    let stored: Vec<_> = stored
        .iter()
        .filter(|one| one.source == source)
        .map(|one| kind_of(one))
        .collect();
    assert_eq!(stored, own);
    // Corrections are checked too, and in ALL_OR_NOTHING mode one bad row refuses all.
    let mut correction = row(source, "case");
    "9".clone_into(&mut correction.key);
    correction.statement = Some(Statement::Correction(types::Correction {
        replaces_key: own[0].to_owned(),
        fact: Some(fact(FactKind::Case)),
    }));
    if !own.contains(&"case") {
        let chunk = vec![row(source, own[0]), correction];
        let messages = vec![options(ImportMode::AllOrNothing), rows(chunk)];
        let refused = crate::fault(&send(declaration, &who, messages).await.unwrap_err());
        assert_eq!(
            violations(&refused),
            ["rows[1].correction.fact.case KIND_NOT_GRANTED"]
        );
    }
}

async fn a_hospital_reports_fever_clinic_visits_and_nothing_else(bed: Bed) {
    reports_only(&start(bed).await, Authority::Hospital, &["fever_clinic_visit"]).await;
}

async fn a_cdc_reports_cases_and_contacts_and_nothing_else(bed: Bed) {
    reports_only(&start(bed).await, Authority::Cdc, &["case", "close_contact"]).await;
}

async fn the_border_reports_entries_and_nothing_else(bed: Bed) {
    reports_only(&start(bed).await, Authority::Border, &["entry"]).await;
}

async fn a_laboratory_reports_tests_and_nothing_else(bed: Bed) {
    reports_only(&start(bed).await, Authority::Laboratory, &["test"]).await;
}

async fn transport_and_telecom_report_stays_and_nothing_else(bed: Bed) {
    let declaration = start(bed).await;
    reports_only(&declaration, Authority::Transport, &["stay"]).await;
    reports_only(&declaration, Authority::Telecom, &["stay"]).await;
}

async fn the_epidemic_database_reports_anomalies_and_nothing_else(bed: Bed) {
    reports_only(
        &start(bed).await,
        Authority::EpidemicDatabase,
        &["database_anomaly"],
    )
    .await;
}

async fn nobody_reports_what_officers_or_other_provinces_decide(bed: Bed) {
    let declaration = start(bed).await;
    // An account with a grant that exceeds what a feed can have.
    let who = lutong_testing::feed("cdc-370200", &kinds());
    let chunk = vec![
        row("cdc-370200", "designation"),
        row("cdc-370200", "partner_code"),
        row("cdc-370200", "case"),
    ];
    let answer = send(
        &declaration,
        &who,
        vec![options(ImportMode::GoodRows), rows(chunk)],
    )
    .await
    .unwrap();
    assert_eq!(
        errors(&answer),
        [
            "1 fact.designation KIND_NOT_GRANTED",
            "2 fact.partner_code KIND_NOT_GRANTED"
        ]
    );
}

async fn a_feed_names_no_place_outside_its_divisions_however_it_writes_it(bed: Bed) {
    let declaration = start(bed).await;
    let mut who = principal(Authority::Telecom);
    let own = ["370200", "370102001"].map(|code| DivisionCode::parse(code).unwrap());
    who.feed.as_mut().unwrap().divisions = own.to_vec();
    let stay = |key: &str, division: &str| stay("telecom", key, division);
    let chunk = vec![
        stay("city", "370200"),
        stay("county", "370202"),
        stay("street", "370202001"),
        stay("one street", "370102001"),
        stay("its county", "370102"),
        stay("province", "370000"),
        stay("other", "320100"),
        stay("blank", " 370102"),
        stay("none", ""),
    ];
    let answer = send(
        &declaration,
        &who,
        vec![options(ImportMode::GoodRows), rows(chunk)],
    )
    .await
    .unwrap();
    assert_eq!(
        errors(&answer),
        [
            "5 fact.stay.division DIVISION_NOT_GRANTED",
            "6 fact.stay.division DIVISION_NOT_GRANTED",
            "7 fact.stay.division DIVISION_NOT_GRANTED",
            "8 fact.stay.division DIVISION_SHAPE",
            "9 fact.stay.division MISSING",
        ]
    );
}
