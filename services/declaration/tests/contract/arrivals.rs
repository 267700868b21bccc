//! Arrivals: from another province with its code, and from abroad with complete records.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::risk_rules::v1::MissingEntryStep;
use lutong_proto::risk_rules::v1::fact_statement::Statement;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{Colour, Fact};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use wire::arrival_form::Origin;

use crate::{Declaration, alone, form, start, stay};

on_both_engines!(
    a_partners_code_becomes_a_fact_with_its_provenance,
    a_later_code_replaces_the_one_before,
    what_the_origin_changes_is_stated_and_confirmed_once_it_is_in_force,
    a_change_of_a_code_that_a_later_arrival_replaced_changes_nothing,
    codes_replace_each_other_in_the_order_in_which_they_were_stored,
    arrivals_at_once_replace_each_other_one_by_one,
    a_statement_that_is_refused_is_not_in_force,
    a_refused_code_says_why_and_stores_nothing,
    from_abroad_everything_that_is_missing_is_named,
    from_abroad_with_nothing_missing_is_accepted,
    an_arrival_needs_an_origin_that_makes_sense,
    a_repeated_arrival_needs_its_code_no_more,
    without_the_part_that_judges_nothing_is_stored,
    an_arrival_is_followed_by_its_account_only,
    what_identity_refuses_of_an_arrival_stores_nothing,
);

pub fn code(token: &str) -> Origin {
    Origin::PartnerCode(wire::PartnerCodeOrigin {
        token: token.to_owned(),
    })
}

pub fn abroad(country: &str) -> Origin {
    Origin::Overseas(wire::OverseasOrigin {
        country: country.to_owned(),
    })
}

pub async fn arrival(declaration: &Declaration, account: &str, name: &str) -> Result<wire::Arrival, Fault> {
    let request = wire::GetArrivalRequest {
        name: name.to_owned(),
    };
    let call = declaration.bed.call_as(&declaration.person(account));
    let answer = declaration.arrivals().get_arrival(call.request(request)).await;
    answer
        .map(|answer| answer.into_inner().arrival.unwrap())
        .map_err(|status| crate::fault(&status))
}

async fn a_partners_code_becomes_a_fact_with_its_provenance(bed: Bed) {
    let declaration = start(bed).await;
    let mut form = form();
    form.contact_history = vec![stay("2022-11-26")];
    let arrived = declaration.arrive(1, code("red"), form).await.unwrap();
    assert!(arrived.name.starts_with("arrivals/"), "{}", arrived.name);
    assert_eq!(arrived.state(), wire::DeclarationState::InForce);
    let provenance = arrived.provenance.unwrap();
    assert_eq!(
        (
            provenance.province.as_str(),
            provenance.key_id.as_str(),
            provenance.trust_list_version.as_str()
        ),
        ("32", "0011223344556677", "2022-11")
    );
    assert!(provenance.verify_time.is_some());
    let stated = declaration.risk_rules.stored();
    let kinds: Vec<_> = stated
        .iter()
        .map(|one| (one.source.as_str(), crate::kind_of(one)))
        .collect();
    assert_eq!(kinds, [("federation", "partner_code"), ("self", "stay")]);
    let Some(Statement::Fact(Fact {
        kind: Some(Kind::PartnerCode(code)),
    })) = &stated[0].statement
    else {
        panic!("a partner's code")
    };
    assert_eq!((code.province.as_str(), code.colour()), ("32", Colour::Red));
    assert!(code.expires_at.is_none(), "a code on a screen says nothing of it");
    // The code itself is not stored.
    assert!(
        declaration.published_events(1).await[0]
            .statements
            .iter()
            .all(|one| !format!("{one:?}").contains("token"))
    );
}

async fn a_later_code_replaces_the_one_before(bed: Bed) {
    let declaration = start(bed).await;
    declaration.arrive(1, code("red"), form()).await.unwrap();
    declaration.arrive(2, code("green"), form()).await.unwrap();
    let told = declaration.published_events(2).await;
    let codes: Vec<_> = told.iter().map(|one| &one.statements[0]).collect();
    assert_eq!(crate::replaces(codes[0]), "");
    assert_eq!(crate::replaces(codes[1]), codes[0].key);
}

/// The colour that is stated of the converted code, and how often it was replaced.
fn stated_code(declaration: &Declaration) -> Vec<Colour> {
    let stated = declaration.risk_rules.stored();
    let codes = stated.iter().filter(|one| one.source == "federation");
    codes
        .map(|one| match one.statement.clone().unwrap() {
            Statement::Fact(fact) => fact,
            Statement::Correction(correction) => correction.fact.unwrap(),
            Statement::Retraction(_) => panic!("nothing is taken back"),
        })
        .map(|fact| match fact.kind {
            Some(Kind::PartnerCode(code)) => code.colour(),
            other => panic!("{other:?} of federation"),
        })
        .collect()
}

async fn until(what: &str, is_true: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !is_true() {
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn what_the_origin_changes_is_stated_and_confirmed_once_it_is_in_force(bed: Bed) {
    let declaration = start(bed).await;
    declaration.arrive(1, code("green"), form()).await.unwrap();
    let red = declaration.federation.change(Colour::Red, 1_669_435_300);
    until("the red code is stated", || {
        declaration.federation.confirmed() == [red.clone()]
    })
    .await;
    assert_eq!(stated_code(&declaration), [Colour::Green, Colour::Red]);
    // Not in force: not confirmed, and tried until it is.
    declaration.risk_rules.code_rendering_is_away(true);
    let yellow = declaration.federation.change(Colour::Yellow, 1_669_435_400);
    until("the yellow code is stated", || {
        stated_code(&declaration).len() == 3
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(declaration.federation.confirmed(), std::slice::from_ref(&red));
    declaration.risk_rules.code_rendering_is_away(false);
    until("the yellow code is confirmed", || {
        declaration.federation.confirmed() == [red.clone(), yellow.clone()]
    })
    .await;
    assert_eq!(
        stated_code(&declaration),
        [Colour::Green, Colour::Red, Colour::Yellow]
    );
    // A later arrival takes the place of what the code means now.
    declaration.arrive(2, code("green"), form()).await.unwrap();
    let told = declaration.published_events(4).await;
    let code = told[3].statements.iter().find(|one| one.source == "federation");
    let replaced = crate::replaces(code.unwrap());
    assert!(replaced.ends_with(&format!("partner-{yellow}")), "{replaced}");
}

async fn a_change_of_a_code_that_a_later_arrival_replaced_changes_nothing(bed: Bed) {
    let declaration = start(bed).await;
    declaration.arrive(1, code("green"), form()).await.unwrap();
    // The fake names both conversions alike: the first arrival is the one that it belongs to.
    declaration.arrive(2, code("green"), form()).await.unwrap();
    let change = declaration.federation.change(Colour::Red, 1_669_435_300);
    until("the change is confirmed", || {
        declaration.federation.confirmed() == [change.clone()]
    })
    .await;
    assert_eq!(stated_code(&declaration), [Colour::Green, Colour::Green]);
}

/// Key and replaced key of the converted codes, in the order of the log.
fn chain(told: &[wire::DeclarationAccepted]) -> Vec<(String, String)> {
    let codes = told.iter().map(|one| &one.statements[0]);
    codes
        .map(|code| (code.key.clone(), crate::replaces(code)))
        .collect()
}

fn assert_one_after_the_other(chain: &[(String, String)]) {
    let mut before = "";
    for (key, replaced) in chain {
        assert_eq!(replaced, before, "{chain:?}");
        before = key;
    }
}

async fn codes_replace_each_other_in_the_order_in_which_they_were_stored(bed: Bed) {
    let declaration = start(bed).await;
    let noon = declaration.bed.foundation.now();
    // The second was received before the first but stored after it, as with concurrent calls.
    for (n, seconds) in [(1, 0), (2, -1), (3, 1)] {
        declaration.bed.clock.set(noon.plus_seconds(seconds));
        declaration.arrive(n, code("green"), form()).await.unwrap();
    }
    assert_one_after_the_other(&chain(&declaration.published_events(3).await));
}

async fn arrivals_at_once_replace_each_other_one_by_one(bed: Bed) {
    let declaration = start(bed).await;
    let arrivals = (1..=8).map(|n| declaration.arrive(n, code("green"), form()));
    for arrived in futures::future::join_all(arrivals).await {
        arrived.unwrap();
    }
    assert_one_after_the_other(&chain(&declaration.published_events(8).await));
}

async fn a_statement_that_is_refused_is_not_in_force(bed: Bed) {
    use wire::DeclarationState::{InForce, Pending};
    let declaration = alone(bed).await;
    declaration.bind_identity();
    declaration.bind_federation();
    let first = declaration.arrive(1, code("green"), form()).await.unwrap();
    declaration.bind_risk_rules();
    // The fact that the second code replaces has not reached risk-rules.
    let second = declaration.arrive(2, code("red"), form()).await.unwrap();
    assert_eq!((first.state(), second.state()), (Pending, Pending));
    for name in [first.name, second.name] {
        let asked = arrival(&declaration, "wx-1", &name).await.unwrap();
        assert_eq!(asked.state(), InForce, "each once the one before it is there");
    }
    assert_eq!(declaration.risk_rules.stored().len(), 2);
}

async fn a_refused_code_says_why_and_stores_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let refused = declaration.arrive(1, code("old"), form()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "PARTNER_CODE_REFUSED")
    );
    assert_eq!(refused.metadata, [("outcome".into(), "EXPIRED".to_owned())]);
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(
        declaration.identity.registered(),
        0,
        "a refused code registers nobody"
    );
}

async fn from_abroad_everything_that_is_missing_is_named(bed: Bed) {
    use MissingEntryStep::{BorderRecord, NegativeTest, QuarantineEnd};
    let declaration = start(bed).await;
    for (n, (missing, named)) in (1..).zip([
        (
            &[BorderRecord, QuarantineEnd, NegativeTest][..],
            &[
                "entry.border_record BORDER_RECORD_MISSING",
                "entry.quarantine_completed_at QUARANTINE_END_MISSING",
                "entry.negative_test NEGATIVE_TEST_MISSING",
            ][..],
        ),
        (&[NegativeTest], &["entry.negative_test NEGATIVE_TEST_MISSING"]),
    ]) {
        declaration.risk_rules.entry_lacks(missing);
        let refused = declaration.arrive(n, abroad("DEU"), form()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "ENTRY_INCOMPLETE")
        );
        assert_eq!(violations(&refused), named);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.risk_rules.calls(), 0, "nobody is enrolled");
}

async fn from_abroad_with_nothing_missing_is_accepted(bed: Bed) {
    let declaration = start(bed).await;
    // Hong Kong counts as abroad.
    let arrived = declaration.arrive(1, abroad("HKG"), form()).await.unwrap();
    assert_eq!(arrived.state(), wire::DeclarationState::InForce);
    assert_eq!(arrived.provenance, None);
    assert!(
        declaration.risk_rules.stored().is_empty(),
        "the colour comes from the databases"
    );
    assert_eq!(declaration.risk_rules.enrolled(), [arrived.subject_id]);
}

async fn an_arrival_needs_an_origin_that_makes_sense(bed: Bed) {
    let declaration = start(bed).await;
    let refused = declaration.arrive(1, None, form()).await.unwrap_err();
    assert_eq!(violations(&refused), ["form.origin MISSING"]);
    for (origin, named) in [
        (code(""), "form.partner_code.token MISSING"),
        (code(&"x".repeat(1_025)), "form.partner_code.token TOO_LONG"),
        (abroad("CHN"), "form.overseas.country COUNTRY_NOT_ABROAD"),
        (abroad("XYZ"), "form.overseas.country COUNTRY_UNKNOWN"),
    ] {
        let refused = declaration.arrive(1, origin, form()).await.unwrap_err();
        assert_eq!(violations(&refused), [named]);
    }
    let mut uncommitted = form();
    uncommitted.commitment = None;
    let refused = declaration
        .arrive(1, code("green"), uncommitted)
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["form.application.commitment MISSING"]);
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.identity.registered(), 0);
}

async fn a_repeated_arrival_needs_its_code_no_more(bed: Bed) {
    let declaration = start(bed).await;
    let mut history = form();
    history.contact_history = vec![stay("2022-11-12")];
    let first = declaration
        .arrive(1, code("green"), history.clone())
        .await
        .unwrap();
    declaration
        .bed
        .clock
        .advance(std::time::Duration::from_secs(13 * 3_600));
    declaration.identity.refuses(Fault::unavailable("identity"));
    assert_eq!(
        declaration.arrive(1, code("green"), history).await.unwrap(),
        first
    );
    let refused = declaration.arrive(1, code("red"), form()).await.unwrap_err();
    assert_eq!(&*refused.reason, "REQUEST_ID_REUSED");
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn without_the_part_that_judges_nothing_is_stored(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_identity();
    let refused = declaration.arrive(1, abroad("DEU"), form()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(refused.metadata, [("part".into(), "risk-rules".to_owned())]);
    assert!(refused.retry_after.is_some());
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn an_arrival_is_followed_by_its_account_only(bed: Bed) {
    let declaration = start(bed).await;
    let arrived = declaration.arrive(1, code("green"), form()).await.unwrap();
    assert_eq!(
        arrival(&declaration, "wx-1", &arrived.name).await.unwrap(),
        arrived
    );
    let refused = arrival(&declaration, "wx-2", &arrived.name).await.unwrap_err();
    assert_eq!(&*refused.reason, "DECLARATION_NOT_FOUND");
    let as_application = arrived.name.replace("arrivals", "applications");
    let refused = arrival(&declaration, "wx-1", &as_application).await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    // The id of an application is not an arrival.
    let application = declaration.apply(2, form()).await.unwrap();
    let as_arrival = application.name.replace("applications", "arrivals");
    let refused = arrival(&declaration, "wx-1", &as_arrival).await.unwrap_err();
    assert_eq!(&*refused.reason, "DECLARATION_NOT_FOUND");
}

async fn what_identity_refuses_of_an_arrival_stores_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = form();
    let document = bad.person.as_mut().unwrap().document.as_mut().unwrap();
    crate::fakes::BAD_NUMBER.clone_into(&mut document.number);
    let refused = declaration.arrive(1, code("green"), bad).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["form.application.person.document.number RESIDENT_ID_CHECK_CHARACTER"]
    );
    for reason in [
        "ONE_TIME_CODE_WRONG",
        "ONE_TIME_CODE_VOID",
        "REAL_NAME_MISMATCH",
        "ACCOUNT_BOUND_DIFFERENTLY",
    ] {
        declaration.identity.refuses(Fault::new(
            FaultCode::FailedPrecondition,
            reason,
            "不符",
            "differs",
        ));
        let refused = declaration.arrive(1, code("green"), form()).await.unwrap_err();
        assert_eq!(&*refused.reason, reason);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(lutong_testing::rows(&declaration.storage, "outbox").await, 0);
}
