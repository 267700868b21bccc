//! Arrivals with the national code: the national platform is asked for it, with what identity has registered.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::federation::v1::RecognitionOutcome as Outcome;
use lutong_proto::risk_rules::v1::fact_statement::Statement;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{Colour, Fact, MissingProof};
use lutong_testing::{Bed, on_both_engines, violations};
use wire::ArrivalStep;
use wire::DeclarationState::{InForce, Pending, Refused};
use wire::arrival_form::Origin;

use crate::arrivals::code;
use crate::postponed::{becomes, is_refused_after};
use crate::{Declaration, NUMBER, form, start};

on_both_engines!(
    the_colour_of_the_national_code_becomes_a_fact_by_way_of_the_platform,
    each_way_without_a_colour_at_the_national_platform_is_named_and_stores_nothing,
    a_platform_that_is_not_asked_refuses_the_arrival,
    while_the_platform_has_no_answer_the_arrival_waits_and_is_never_green,
    what_the_platform_refuses_in_the_end_ends_the_wait,
    a_platform_without_an_answer_for_fourteen_days_refuses_the_arrival,
    nobodys_code_is_asked_for_before_the_proof,
    the_province_of_a_national_code_is_another_one,
    a_signed_code_replaces_the_national_one,
);

const DAY: u64 = 86_400;

fn of(province: &str) -> Origin {
    Origin::NationalCode(wire::NationalCodeOrigin {
        province: province.to_owned(),
    })
}

/// Colour and province of the codes that are stated, in the order of their keys.
fn stated(declaration: &Declaration) -> Vec<(Colour, String)> {
    let facts = declaration.risk_rules.stored().into_iter();
    let codes = facts.filter_map(|one| match one.statement {
        Some(Statement::Fact(Fact {
            kind: Some(Kind::PartnerCode(code)),
        })) => Some((code.colour(), code.province)),
        _ => None,
    });
    codes.collect()
}

async fn the_colour_of_the_national_code_becomes_a_fact_by_way_of_the_platform(bed: Bed) {
    let declaration = start(bed).await;
    for (n, outcome, colour) in [
        (1, Outcome::Red, Colour::Red),
        (2, Outcome::Yellow, Colour::Yellow),
        (3, Outcome::Green, Colour::Green),
    ] {
        declaration.federation.platform_says(Ok(outcome));
        let arrived = declaration.arrive(n, of("32"), form()).await.unwrap();
        assert_eq!(arrived.state(), InForce, "{outcome:?}");
        let provenance = arrived.provenance.unwrap();
        assert_eq!(
            (provenance.province.as_str(), provenance.intermediary.as_str()),
            ("32", "partners/00")
        );
        assert_eq!(provenance.key_id, "", "the platform signs nothing");
        assert_eq!(provenance.trust_list_version, "2022-11");
        let told = declaration.published_events(n as usize).await;
        let last = told.last().unwrap();
        assert!(format!("{:?}", last.statements).contains(&format!("{:?}", i32::from(colour))));
    }
    assert_eq!(stated(&declaration)[0], (Colour::Red, "32".to_owned()));
    let asked = declaration.federation.platform_asked();
    assert_eq!(asked.len(), 3);
    for question in asked {
        assert_eq!(question.full_name, "王小明");
        assert_eq!(question.document.unwrap().number, NUMBER);
        assert_eq!(question.origin_province, "32");
    }
}

async fn each_way_without_a_colour_at_the_national_platform_is_named_and_stores_nothing(bed: Bed) {
    let declaration = start(bed).await;
    for (outcome, named) in [
        (Outcome::NoCode, "NO_CODE"),
        (Outcome::NotFound, "NOT_FOUND"),
        (Outcome::NameMismatch, "NAME_MISMATCH"),
        (Outcome::UnknownValue, "UNKNOWN_VALUE"),
    ] {
        declaration.federation.platform_says(Ok(outcome));
        let refused = declaration.arrive(1, of("32"), form()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "NATIONAL_CODE_REFUSED")
        );
        assert_eq!(refused.metadata, [("outcome".into(), named.to_owned())]);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn a_platform_that_is_not_asked_refuses_the_arrival(bed: Bed) {
    let declaration = start(bed).await;
    for reason in ["NATIONAL_PLATFORM_OFF", "NATIONAL_PLATFORM_NOT_RECOGNISED"] {
        let fault = Fault::new(FaultCode::FailedPrecondition, reason, "不可用", "is not asked");
        declaration.federation.platform_says(Err(fault));
        let refused = declaration.arrive(1, of("32"), form()).await.unwrap_err();
        assert_eq!(&*refused.reason, reason);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn while_the_platform_has_no_answer_the_arrival_waits_and_is_never_green(bed: Bed) {
    let declaration = start(bed).await;
    let away = Fault::unavailable("federation");
    let expired = Fault::new(
        FaultCode::Unavailable,
        "TRUST_LIST_EXPIRED",
        "已过期",
        "has expired",
    );
    let without = [
        Ok(Outcome::Unreachable),
        Ok(Outcome::Throttled),
        Ok(Outcome::UnderReview),
        Err(away),
        Err(expired),
    ];
    for (n, answer) in (1..).zip(without) {
        declaration.federation.platform_says(answer.clone());
        let waiting = declaration.arrive(n, of("32"), form()).await.unwrap();
        assert_eq!(
            (waiting.state(), waiting.pending_step()),
            (Pending, ArrivalStep::NationalCode),
            "{answer:?}"
        );
        assert!(waiting.provenance.is_none());
        let before = declaration.risk_rules.calls();
        declaration.bed.clock.advance(Duration::from_secs(600));
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(declaration.risk_rules.calls(), before, "{answer:?}");
        declaration.federation.platform_says(Ok(Outcome::Yellow));
        let done = becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
        assert_eq!(done.provenance.unwrap().intermediary, "partners/00");
    }
    assert!(
        stated(&declaration)
            .iter()
            .all(|(colour, _)| *colour == Colour::Yellow)
    );
}

async fn what_the_platform_refuses_in_the_end_ends_the_wait(bed: Bed) {
    let declaration = start(bed).await;
    declaration.federation.platform_says(Ok(Outcome::Unreachable));
    let waiting = declaration.arrive(1, of("32"), form()).await.unwrap();
    declaration.federation.platform_says(Ok(Outcome::NameMismatch));
    let refused = becomes(&declaration, &waiting.name, |one| one.state() != Pending).await;
    assert_eq!(
        (refused.state(), refused.refusal.as_str()),
        (Refused, "NAME_MISMATCH")
    );
    assert_eq!(declaration.risk_rules.calls(), 0);
}

async fn a_platform_without_an_answer_for_fourteen_days_refuses_the_arrival(bed: Bed) {
    let declaration = start(bed).await;
    declaration.federation.platform_says(Ok(Outcome::UnderReview));
    let waiting = declaration.arrive(1, of("32"), form()).await.unwrap();
    is_refused_after(&declaration, &waiting.name, 14, "NATIONAL_CODE_UNANSWERED").await;
}

async fn nobodys_code_is_asked_for_before_the_proof(bed: Bed) {
    let declaration = start(bed).await;
    declaration.federation.platform_says(Ok(Outcome::Green));
    declaration.identity.waits_for(Some(MissingProof::RealNameCheck));
    let waiting = declaration.arrive(1, of("32"), form()).await.unwrap();
    assert_eq!(
        (waiting.state(), waiting.pending_step()),
        (Pending, ArrivalStep::NationalCode)
    );
    declaration.bed.clock.advance(Duration::from_secs(DAY));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(
        declaration.federation.platform_asked().is_empty(),
        "an account would learn the colour of whoever's number it states"
    );
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
    assert_eq!(declaration.federation.platform_asked().len(), 1);
}

async fn the_province_of_a_national_code_is_another_one(bed: Bed) {
    let declaration = start(bed).await;
    for (province, reason) in [
        ("", "MISSING"),
        ("37", "NO_OTHER_PROVINCE"),
        ("00", "NO_OTHER_PROVINCE"),
        ("3", "NO_OTHER_PROVINCE"),
        ("ab", "NO_OTHER_PROVINCE"),
        ("320", "TOO_LONG"),
    ] {
        let refused = declaration.arrive(1, of(province), form()).await.unwrap_err();
        assert_eq!(
            violations(&refused),
            [format!("form.national_code.province {reason}")]
        );
    }
    assert_eq!(declaration.identity.registered(), 0);
}

async fn a_signed_code_replaces_the_national_one(bed: Bed) {
    let declaration = start(bed).await;
    declaration.federation.platform_says(Ok(Outcome::Green));
    declaration.arrive(1, of("32"), form()).await.unwrap();
    declaration.arrive(2, code("red"), form()).await.unwrap();
    let told = declaration.published_events(2).await;
    let codes: Vec<_> = told.iter().map(|one| &one.statements[0]).collect();
    assert_eq!(crate::replaces(codes[1]), codes[0].key);
}
