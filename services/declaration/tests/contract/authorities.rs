//! Each authority of the order reports its own kinds and nothing else, and names no place that is not its own.

use lutong_chassis::access::Principal;
use lutong_chassis::on_both_engines;
use lutong_chassis::testing::{self, Bed};
use lutong_declaration::domain::feed::{Authority, REPORTABLE};
use lutong_kernel::DivisionCode;
use lutong_proto::declaration::v1 as wire;
use prost_types::value::Kind;
use wire::ImportMode;

use crate::feed::{counts, errors, options, rows, send, text};
use crate::{Declaration, NUMBER, document, start};

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
    testing::feed(authority.as_str(), authority.kinds())
}

fn row(source: &str, kind: &str) -> wire::FactRow {
    wire::FactRow {
        source: source.to_owned(),
        key: kind.to_owned(),
        document: Some(document(NUMBER)),
        kind: kind.to_owned(),
        ..wire::FactRow::default()
    }
}

/// Every kind that there is.
fn kinds() -> Vec<&'static str> {
    [&REPORTABLE[..], &["designation", "partner_code"]].concat()
}

async fn reports_only(declaration: &Declaration, authority: Authority, own: &[&str]) {
    let (who, source) = (principal(authority), authority.as_str());
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
        .map(|(n, _)| format!("{n} kind KIND_NOT_GRANTED"))
        .collect();
    assert_eq!(errors(&answer), expected, "{source}");
    assert_eq!(counts(&answer).0, i64::try_from(own.len()).unwrap());
    let stored = declaration.risk_rules.stored();
    let stored: Vec<_> = stored
        .iter()
        .filter(|one| one.source == source)
        .map(|one| &*one.kind)
        .collect();
    assert_eq!(stored, own);
    // A correction is of a kind too, and one bad row refuses all where the caller asks so.
    let mut correction = row(source, "case");
    "9".clone_into(&mut correction.key);
    own[0].clone_into(&mut correction.replaces_key);
    if !own.contains(&"case") {
        let chunk = vec![row(source, own[0]), correction];
        let messages = vec![options(ImportMode::AllOrNothing), rows(chunk)];
        let refused = crate::fault(&send(declaration, &who, messages).await.unwrap_err());
        assert_eq!(crate::wrong(&refused), ["rows[1].kind KIND_NOT_GRANTED"]);
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
    // An account that was granted more than a feed can have.
    let who = testing::feed("cdc-370200", &kinds());
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
        ["1 kind KIND_NOT_GRANTED", "2 kind KIND_NOT_GRANTED"]
    );
}

async fn a_feed_names_no_place_outside_its_divisions_however_it_writes_it(bed: Bed) {
    let declaration = start(bed).await;
    let mut who = principal(Authority::Telecom);
    let own = ["370200", "370102001"].map(|code| DivisionCode::parse(code).unwrap());
    who.feed.as_mut().unwrap().divisions = own.to_vec();
    let stay = |key: &str, division: prost_types::Value| {
        let mut stay = row("telecom", "stay");
        key.clone_into(&mut stay.key);
        stay.attributes
            .get_or_insert_default()
            .fields
            .insert("division".to_owned(), division);
        stay
    };
    let number = prost_types::Value {
        kind: Some(Kind::NumberValue(370_102.0)),
    };
    let chunk = vec![
        stay("city", text("370200")),
        stay("county", text("370202")),
        stay("street", text("370202001")),
        stay("one street", text("370102001")),
        stay("its county", text("370102")),
        stay("province", text("370000")),
        stay("other", text("320100")),
        stay("blank", text(" 370102")),
        stay("number", number),
        row("telecom", "stay"),
    ];
    let answer = send(
        &declaration,
        &who,
        vec![options(ImportMode::GoodRows), rows(chunk)],
    )
    .await
    .unwrap();
    let expected: Vec<_> = (5..=9)
        .map(|n| format!("{n} attributes.division DIVISION_NOT_GRANTED"))
        .collect();
    assert_eq!(errors(&answer), expected);
}
