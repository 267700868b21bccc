//! `ImportFacts`: a feed reports its own kinds, within its divisions, under its own name.

mod authorities;

use futures::stream;
use lutong_kernel::{DivisionCode, Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::facts::{FactKind, Given, Shape};
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use types::EffectState;
use types::fact::Kind;
use wire::ImportMode;
use wire::fact_row::{Statement, Subject};
use wire::import_facts_request::Content;

use crate::fakes::BAD_NUMBER;
use crate::{Declaration, NUMBER, alone, document, start};

on_both_engines!(
    chunks_are_imported_one_by_one_and_rows_counted_over_all,
    good_rows_are_stored_and_each_bad_one_says_line_field_and_reason,
    all_or_nothing_stores_nothing_for_one_bad_row,
    a_bad_row_found_by_risk_rules_is_named_as_the_feed_knows_it,
    a_feed_speaks_in_its_own_name_of_its_own_kinds_and_places,
    rows_sent_again_are_unchanged_and_other_content_is_a_conflict,
    options_come_first_and_once,
    there_are_no_more_than_a_thousand_rows_to_a_message,
    a_message_that_is_too_large_is_refused_unread,
    without_identity_or_risk_rules_the_import_can_be_sent_again,
    an_account_without_a_grant_is_no_feed,
);

fn cdc() -> Principal {
    lutong_testing::feed("cdc-370200", &["case", "close_contact", "stay"])
}

/// A fact of this kind with its required attributes, named as in rule sets.
pub fn fact(kind: FactKind) -> types::Fact {
    let values = kind.attributes().iter().map(|attribute| match attribute.shape {
        _ if !attribute.required => None,
        Shape::Instant => Some(Given::Instant(1_669_000_000_000_000)),
        Shape::Word(_) => Some(Given::Word(1)),
        Shape::Division => Some(Given::Text("370202".into())),
        Shape::CountryAbroad => Some(Given::Text("DEU".into())),
        Shape::Province => Some(Given::Text("32".into())),
        _ => Some(Given::Text("A1".into())),
    });
    lutong_proto::facts::fact(kind, values)
}

pub fn row_of(source: &str, key: &str, fact: types::Fact) -> wire::FactRow {
    wire::FactRow {
        source: source.to_owned(),
        key: key.to_owned(),
        subject: Some(Subject::Document(document(NUMBER))),
        statement: Some(Statement::Fact(fact)),
    }
}

fn row(key: &str) -> wire::FactRow {
    row_of("cdc-370200", key, fact(FactKind::Case))
}

/// A case, modified by `change`.
fn case(key: &str, change: impl FnOnce(&mut types::Case)) -> wire::FactRow {
    let Some(Kind::Case(mut case)) = fact(FactKind::Case).kind else {
        panic!("a case")
    };
    change(&mut case);
    let kind = Some(Kind::Case(case));
    row_of("cdc-370200", key, types::Fact { kind })
}

/// A case that risk-rules refuses: closed, without a closing time.
pub fn closed(key: &str) -> wire::FactRow {
    case(key, |case| case.set_closure(types::CaseClosure::Released))
}

pub fn stay(source: &str, key: &str, division: &str) -> wire::FactRow {
    let stay = types::Stay {
        division: division.to_owned(),
        arrived_at: Some(lutong_proto::time::from_micros(1_669_000_000_000_000)),
        ..types::Stay::default()
    };
    let kind = Some(Kind::Stay(stay));
    row_of(source, key, types::Fact { kind })
}

pub fn options(mode: ImportMode) -> Content {
    Content::Options(wire::ImportOptions { mode: mode.into() })
}

pub fn rows(rows: Vec<wire::FactRow>) -> Content {
    Content::Rows(wire::FactRows { rows })
}

pub async fn send(
    declaration: &Declaration,
    who: &Principal,
    messages: Vec<Content>,
) -> Result<wire::ImportFactsResponse, tonic::Status> {
    let channel = declaration.bed.channel(ServiceName::Declaration, Caller::Gateway);
    let messages = messages.into_iter().map(|content| wire::ImportFactsRequest {
        content: Some(content),
    });
    let request = declaration
        .bed
        .call_as(who)
        .request(stream::iter(messages.collect::<Vec<_>>()));
    let answer = FeedServiceClient::new(channel).import_facts(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn import(
    declaration: &Declaration,
    mode: ImportMode,
    chunks: &[&[wire::FactRow]],
) -> Result<wire::ImportFactsResponse, Fault> {
    let chunks = chunks.iter().map(|chunk| rows(chunk.to_vec()));
    let messages = std::iter::once(options(mode)).chain(chunks).collect();
    let answer = send(declaration, &cdc(), messages).await;
    answer.map_err(|status| crate::fault(&status))
}

/// `line field reason` of each refused row.
pub fn errors(answer: &wire::ImportFactsResponse) -> Vec<String> {
    let told = answer.errors.iter().map(|one| {
        let wrong = one.error.as_ref().unwrap();
        let message = wrong.message.as_ref().unwrap();
        assert!(!message.zh.is_empty() && !message.en.is_empty());
        format!("{} {} {}", one.row, wrong.field, wrong.reason)
    });
    told.collect()
}

pub fn counts(answer: &wire::ImportFactsResponse) -> (i64, i64, i64) {
    (answer.accepted, answer.unchanged, answer.refused)
}

pub fn state(answer: &wire::ImportFactsResponse) -> EffectState {
    answer.effect.as_ref().unwrap().state()
}

async fn chunks_are_imported_one_by_one_and_rows_counted_over_all(bed: Bed) {
    let declaration = start(bed).await;
    let chunks: [&[_]; 3] = [&[row("1"), row("2")], &[], &[row("3"), closed("4")]];
    let answer = import(&declaration, ImportMode::GoodRows, &chunks).await.unwrap();
    assert_eq!(counts(&answer), (3, 0, 1));
    assert_eq!(errors(&answer), ["4 fact.case.closed_at CLOSED_AT_MISSING"]);
    assert_eq!(state(&answer), EffectState::InForce);
    assert_eq!(declaration.identity.resolved(), [2, 2], "a chunk is one call");
    let stored = declaration.risk_rules.stored();
    let subject = declaration.identity.subject(NUMBER);
    assert!(
        stored
            .iter()
            .all(|one| one.subject_id == subject && one.source == "cdc-370200")
    );
    // Documents are not stored, and an import leaves nothing here but its audit record.
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "audit_records").await,
        1
    );
    // Decisions not yet delivered to code-rendering are reported as pending.
    declaration.risk_rules.code_rendering_is_away(true);
    let answer = import(&declaration, ImportMode::Unspecified, &[&[row("5")]])
        .await
        .unwrap();
    assert_eq!(
        (counts(&answer), state(&answer)),
        ((1, 0, 0), EffectState::Pending)
    );
}

async fn good_rows_are_stored_and_each_bad_one_says_line_field_and_reason(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad_twice = case("2", |case| {
        case.stage = 99;
        case.diagnosed_at = None;
    });
    bad_twice.key = "k".repeat(101);
    let mut neither = row("3");
    neither.subject = None;
    let mut bad_document = row("4");
    bad_document.subject = Some(Subject::Document(document(BAD_NUMBER)));
    let mut by_subject = row("6");
    by_subject.subject = Some(Subject::SubjectId(declaration.identity.subject(NUMBER)));
    let chunk = [
        row("1"),
        bad_twice,
        neither,
        bad_document,
        closed("5"),
        by_subject,
    ];
    let answer = import(&declaration, ImportMode::GoodRows, &[&chunk])
        .await
        .unwrap();
    assert_eq!(counts(&answer), (2, 0, 4));
    assert_eq!(
        errors(&answer),
        [
            "2 key TOO_LONG",
            "2 fact.case.stage UNKNOWN_VALUE",
            "2 fact.case.diagnosed_at MISSING",
            "3 subject MISSING",
            "4 document.number RESIDENT_ID_CHECK_CHARACTER",
            "5 fact.case.closed_at CLOSED_AT_MISSING",
        ]
    );
    assert!(!format!("{answer:?}").contains(BAD_NUMBER));
    let keys: Vec<_> = declaration
        .risk_rules
        .stored()
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(keys, ["1", "6"]);
}

async fn all_or_nothing_stores_nothing_for_one_bad_row(bed: Bed) {
    let declaration = start(bed).await;
    let bad_kind = row_of("cdc-370200", "3", fact(FactKind::Designation));
    let mut bad_document = row("4");
    bad_document.subject = Some(Subject::Document(document(BAD_NUMBER)));
    let chunks: [&[_]; 2] = [&[row("1"), row("2")], &[bad_kind, bad_document]];
    let refused = import(&declaration, ImportMode::AllOrNothing, &chunks)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::InvalidArgument, "ROWS_REFUSED")
    );
    assert_eq!(
        violations(&refused),
        [
            "rows[2].fact.designation KIND_NOT_GRANTED",
            "rows[3].document.number RESIDENT_ID_CHECK_CHARACTER"
        ]
    );
    assert_eq!(declaration.risk_rules.calls(), 0);
    let good = import(
        &declaration,
        ImportMode::AllOrNothing,
        &[&[row("1")], &[row("2")]],
    )
    .await;
    assert_eq!(counts(&good.unwrap()), (2, 0, 0));
    assert_eq!(declaration.risk_rules.calls(), 1, "one transaction");
}

async fn a_bad_row_found_by_risk_rules_is_named_as_the_feed_knows_it(bed: Bed) {
    let declaration = start(bed).await;
    let chunks: [&[_]; 2] = [&[row("1")], &[row("2"), closed("3")]];
    let refused = import(&declaration, ImportMode::AllOrNothing, &chunks)
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "ROWS_REFUSED");
    assert_eq!(
        violations(&refused),
        ["rows[2].fact.case.closed_at CLOSED_AT_MISSING"]
    );
    assert!(declaration.risk_rules.stored().is_empty());
}

async fn a_feed_speaks_in_its_own_name_of_its_own_kinds_and_places(bed: Bed) {
    let declaration = start(bed).await;
    let mut qingdao = cdc();
    qingdao.feed.as_mut().unwrap().divisions = vec![DivisionCode::parse("370200").unwrap()];
    let mut others_name = row("1");
    "cdc-370100".clone_into(&mut others_name.source);
    let mut own_name_in_other_case = row("2");
    "CDC-370200".clone_into(&mut own_name_in_other_case.source);
    let others_kind = row_of("cdc-370200", "3", fact(FactKind::Entry));
    let no_kind = row_of("cdc-370200", "4", types::Fact::default());
    let stay = |key: &str, division: &str| stay("cdc-370200", key, division);
    let mut retraction = row("9");
    retraction.statement = Some(Statement::Retraction(types::Retraction {
        retracts_key: "8".to_owned(),
        reason: "误报".to_owned(),
    }));
    let mut others_kind_corrected = row("10");
    others_kind_corrected.statement = Some(Statement::Correction(types::Correction {
        replaces_key: "8".to_owned(),
        fact: Some(fact(FactKind::Entry)),
    }));
    let chunk = vec![
        others_name,
        own_name_in_other_case,
        others_kind,
        no_kind,
        stay("5", "370102"),
        stay("6", "370202"),
        stay("7", "370202001"),
        row("8"),
        retraction,
        others_kind_corrected,
    ];
    let messages = vec![options(ImportMode::GoodRows), rows(chunk)];
    let answer = send(&declaration, &qingdao, messages).await.unwrap();
    assert_eq!(
        errors(&answer),
        [
            "1 source SOURCE_NOT_OWN",
            "2 source SOURCE_NOT_OWN",
            "3 fact.entry KIND_NOT_GRANTED",
            "4 fact.kind MISSING",
            "5 fact.stay.division DIVISION_NOT_GRANTED",
            "10 correction.fact.entry KIND_NOT_GRANTED",
        ]
    );
    let keys: Vec<_> = declaration
        .risk_rules
        .stored()
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(keys, ["6", "7", "8", "9"]);
    assert_eq!(
        declaration.identity.resolved(),
        [4],
        "what is refused is not looked up"
    );
}

async fn rows_sent_again_are_unchanged_and_other_content_is_a_conflict(bed: Bed) {
    let declaration = start(bed).await;
    let chunk = [row("1"), row("2")];
    for (mode, expected) in [
        (ImportMode::GoodRows, (2, 0, 0)),
        (ImportMode::GoodRows, (0, 2, 0)),
        (ImportMode::AllOrNothing, (0, 2, 0)),
    ] {
        let answer = import(&declaration, mode, &[&chunk]).await.unwrap();
        assert_eq!(
            (counts(&answer), state(&answer)),
            (expected, EffectState::InForce)
        );
    }
    let other = [
        case("1", |case| case.set_stage(types::CaseStage::Suspected)),
        row("2"),
        row("3"),
    ];
    let answer = import(&declaration, ImportMode::GoodRows, &[&other])
        .await
        .unwrap();
    assert_eq!(counts(&answer), (1, 1, 1));
    assert_eq!(errors(&answer), ["1 key KEY_REUSED"]);
}

async fn options_come_first_and_once(bed: Bed) {
    let declaration = start(bed).await;
    let first = || options(ImportMode::GoodRows);
    for messages in [
        vec![],
        vec![rows(vec![row("1")])],
        vec![first(), first(), rows(vec![row("1")])],
    ] {
        let refused = crate::fault(&send(&declaration, &cdc(), messages).await.unwrap_err());
        assert_eq!(&*refused.reason, "OPTIONS_MISSING");
        assert_eq!(violations(&refused), ["options OPTIONS_MISSING"]);
    }
    assert!(declaration.risk_rules.stored().is_empty());
    let nothing = send(&declaration, &cdc(), vec![first()]).await.unwrap();
    assert_eq!(
        (counts(&nothing), state(&nothing)),
        ((0, 0, 0), EffectState::InForce)
    );
}

async fn there_are_no_more_than_a_thousand_rows_to_a_message(bed: Bed) {
    let declaration = start(bed).await;
    let many: Vec<_> = (0..1_001).map(|n| row(&n.to_string())).collect();
    for (mode, chunks) in [
        (ImportMode::GoodRows, &[&many[..]][..]),
        (ImportMode::AllOrNothing, &[&many[..600], &many[600..]]),
    ] {
        let refused = import(&declaration, mode, chunks).await.unwrap_err();
        assert_eq!(&*refused.reason, "TOO_MANY_ROWS");
        assert_eq!(violations(&refused), ["rows TOO_MANY_ROWS"]);
    }
    assert!(declaration.risk_rules.stored().is_empty());
    let chunks = [&many[..1_000], &many[1_000..]];
    let answer = import(&declaration, ImportMode::GoodRows, &chunks).await.unwrap();
    assert_eq!(counts(&answer), (1_001, 0, 0));
}

async fn a_message_that_is_too_large_is_refused_unread(bed: Bed) {
    let declaration = start(bed).await;
    let large = row(&"院".repeat(400_000));
    let messages = vec![options(ImportMode::GoodRows), rows(vec![large])];
    let refused = send(&declaration, &cdc(), messages).await.unwrap_err();
    assert_eq!(crate::fault(&refused).reason, "MESSAGE_TOO_LARGE");
    assert!(!refused.message().contains('院'));
    assert!(declaration.risk_rules.stored().is_empty());
}

async fn without_identity_or_risk_rules_the_import_can_be_sent_again(bed: Bed) {
    let declaration = alone(bed).await;
    let chunk = [row("1")];
    let refused = import(&declaration, ImportMode::GoodRows, &[&chunk])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(refused.metadata, [("part".into(), "identity".to_owned())]);
    declaration.bind_identity();
    let refused = import(&declaration, ImportMode::GoodRows, &[&chunk])
        .await
        .unwrap_err();
    assert_eq!(refused.metadata, [("part".into(), "risk-rules".to_owned())]);
    assert!(refused.retry_after.is_some());
    declaration.bind_risk_rules();
    let answer = import(&declaration, ImportMode::GoodRows, &[&chunk])
        .await
        .unwrap();
    assert_eq!(counts(&answer), (1, 0, 0));
}

async fn an_account_without_a_grant_is_no_feed(bed: Bed) {
    let declaration = start(bed).await;
    let mut nobody = cdc();
    nobody.feed = None;
    let messages = || vec![options(ImportMode::GoodRows), rows(vec![row("1")])];
    let refused = send(&declaration, &nobody, messages()).await.unwrap_err();
    assert_eq!(crate::fault(&refused).reason, "FEED_NOT_REGISTERED");
    let citizen = lutong_testing::citizen("wx-1", None);
    let refused = send(&declaration, &citizen, messages()).await.unwrap_err();
    assert_eq!(crate::fault(&refused).reason, "NOT_PERMITTED");
    assert!(declaration.identity.resolved().is_empty());
}
