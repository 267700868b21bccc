//! Applications: accepted or refused as a whole, acknowledged once, never lost.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::types::v1::Normalisation;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use wire::DeclarationState::{InForce, Pending};

use crate::{alone, form, start, stay};

on_both_engines!(
    own_declarations_are_listed_page_by_page_and_nobody_elses,
    an_application_is_acknowledged_with_everything_it_stated_and_nothing_that_identity_holds,
    the_same_request_is_answered_alike_even_a_day_later_or_without_identity,
    the_same_request_many_times_at_once_is_done_once,
    a_request_id_with_another_body_is_a_conflict_and_changes_nothing,
    without_identity_nothing_is_stored_and_a_delay_is_named,
    without_risk_rules_it_is_accepted_and_the_log_tells_of_it,
    what_identity_refuses_is_refused_with_the_callers_field_names,
    an_application_is_followed_by_its_account_only,
    what_is_not_in_force_yet_is_pushed_when_asked_for,
    what_is_in_force_is_noted_and_asking_for_it_asks_nobody_else,
);

async fn an_application_is_acknowledged_with_everything_it_stated_and_nothing_that_identity_holds(bed: Bed) {
    let declaration = start(bed).await;
    let mut form = form();
    let person = form.person.as_mut().unwrap();
    let document = person.document.as_mut().unwrap();
    "11010519491231002x".clone_into(&mut document.number);
    let mut contact = stay("2022-11-26");
    contact.r#type = wire::ContactType::KnownCaseContact.into();
    let mut abroad = stay("2022-11-12");
    abroad.r#type = wire::ContactType::Abroad.into();
    abroad.division.clear();
    "HKG".clone_into(&mut abroad.country);
    form.contact_history = vec![stay("2022-11-20"), contact, abroad];
    let application = declaration.apply(1, form).await.unwrap();
    assert!(
        application.name.starts_with("applications/"),
        "{}",
        application.name
    );
    assert_eq!(
        application.subject_id,
        declaration.identity.subject(crate::NUMBER)
    );
    assert_eq!(application.state(), InForce);
    assert_eq!(application.commitment_version, "2020-02");
    assert_eq!(application.normalisations, [i32::from(Normalisation::UpperCase)]);
    assert_eq!(application.abroad_dates, ["2022-11-12"]);
    // Neither a stay abroad nor the home address becomes a fact.
    let stated = declaration.risk_rules.stored();
    let kinds: Vec<_> = stated
        .iter()
        .map(|one| (one.source.as_str(), crate::kind_of(one)))
        .collect();
    assert_eq!(kinds, [("self", "stay"), ("self", "close_contact")]);
    assert!(stated.iter().all(|one| one.subject_id == application.subject_id));
    assert_eq!(declaration.risk_rules.enrolled(), [application.subject_id]);
    assert_eq!(declaration.published_events(1).await[0].statements, stated);
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn the_same_request_is_answered_alike_even_a_day_later_or_without_identity(bed: Bed) {
    let declaration = start(bed).await;
    let mut form = form();
    // The earliest day that is accepted today and no longer tomorrow.
    form.contact_history = vec![stay("2022-11-12")];
    let first = declaration.apply(1, form.clone()).await.unwrap();
    declaration.bed.clock.advance(Duration::from_secs(13 * 3_600));
    let tomorrow = declaration.apply(2, form.clone()).await.unwrap_err();
    assert_eq!(
        violations(&tomorrow),
        ["form.contact_history[0].contact_date DATE_OUTSIDE_14_DAYS"]
    );
    assert_eq!(declaration.apply(1, form.clone()).await.unwrap(), first);
    declaration.identity.refuses(Fault::unavailable("identity"));
    assert_eq!(declaration.apply(1, form).await.unwrap(), first);
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn the_same_request_many_times_at_once_is_done_once(bed: Bed) {
    let declaration = start(bed).await;
    let sent = (0..8).map(|_| declaration.apply(1, form()));
    let answers = futures::future::join_all(sent).await;
    let first = answers[0].as_ref().unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn a_request_id_with_another_body_is_a_conflict_and_changes_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let first = declaration.apply(1, form()).await.unwrap();
    let mut other = form();
    other.contact_history = vec![stay("2022-11-26")];
    let mut wrong = form();
    "12345".clone_into(&mut wrong.person.as_mut().unwrap().mobile);
    for body in [other, wrong] {
        let refused = declaration.apply(1, body).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::AlreadyExists, "REQUEST_ID_REUSED")
        );
    }
    assert_eq!(declaration.stored().await, [1, 1, 1]);
    assert!(declaration.risk_rules.stored().is_empty());
    // Another account's request of the same id is another request.
    let theirs = declaration.apply_as("wx-2", 1, form()).await.unwrap();
    assert_ne!(theirs.name, first.name);
}

async fn without_identity_nothing_is_stored_and_a_delay_is_named(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_risk_rules();
    let refused = declaration.apply(1, form()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(refused.metadata, [("part".into(), "identity".to_owned())]);
    assert!(refused.retry_after.is_some_and(|after| !after.is_zero()));
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.risk_rules.calls(), 0);
    // The same request succeeds once identity is back.
    declaration.bind_identity();
    assert_eq!(declaration.apply(1, form()).await.unwrap().state(), InForce);
}

async fn without_risk_rules_it_is_accepted_and_the_log_tells_of_it(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_identity();
    let mut form = form();
    form.contact_history = vec![stay("2022-11-20")];
    let application = declaration.apply(1, form).await.unwrap();
    assert_eq!(application.state(), Pending, "never in force by default");
    let told = declaration.published_events(1).await;
    assert_eq!(told[0].declaration, application.name);
    let [statement] = &told[0].statements[..] else {
        panic!("one statement")
    };
    assert_eq!(
        (
            statement.source.as_str(),
            crate::kind_of(statement),
            statement.subject_id.as_str()
        ),
        ("self", "stay", application.subject_id.as_str())
    );
    let person = declaration.person("wx-1");
    let asked = declaration.application(&person, &application.name).await.unwrap();
    assert_eq!(asked.state(), Pending);
    declaration.bind_risk_rules();
    let asked = declaration.application(&person, &application.name).await.unwrap();
    assert_eq!(asked.state(), InForce);
    assert_eq!(declaration.risk_rules.stored(), told[0].statements);
}

async fn what_identity_refuses_is_refused_with_the_callers_field_names(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = form();
    let document = bad.person.as_mut().unwrap().document.as_mut().unwrap();
    crate::fakes::BAD_NUMBER.clone_into(&mut document.number);
    let refused = declaration.apply(1, bad).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["form.person.document.number RESIDENT_ID_CHECK_CHARACTER"]
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
        let refused = declaration.apply(1, form()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, reason)
        );
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.risk_rules.calls(), 0);
}

async fn an_application_is_followed_by_its_account_only(bed: Bed) {
    let declaration = start(bed).await;
    let application = declaration.apply(1, form()).await.unwrap();
    let own = declaration.person("wx-1");
    assert_eq!(
        declaration.application(&own, &application.name).await.unwrap(),
        application
    );
    // Another account of the same person, another person, an account without a person, and names of another kind or
    // without a resource.
    let unknown = "applications/00000000-0000-7000-9000-000000000009";
    let stranger = lutong_testing::citizen(
        "wx-1",
        Some("00000000-0000-7000-8000-000000000009".parse().unwrap()),
    );
    for (who, name) in [
        (declaration.person("wx-2"), application.name.as_str()),
        (stranger, &application.name),
        (lutong_testing::citizen("wx-1", None), &application.name),
        (own.clone(), unknown),
    ] {
        let refused = declaration.application(&who, name).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "DECLARATION_NOT_FOUND")
        );
    }
    let arrival = application.name.replace("applications", "arrivals");
    for (name, reason) in [
        (arrival.as_str(), "NAME_SHAPE"),
        ("applications/1", "NAME_SHAPE"),
        ("", "MISSING"),
    ] {
        let refused = declaration.application(&own, name).await.unwrap_err();
        assert_eq!(violations(&refused), [format!("name {reason}")], "{name}");
    }
}

async fn what_is_not_in_force_yet_is_pushed_when_asked_for(bed: Bed) {
    let declaration = start(bed).await;
    declaration.risk_rules.code_rendering_is_away(true);
    let application = declaration.apply(1, form()).await.unwrap();
    assert_eq!(application.state(), Pending);
    let person = declaration.person("wx-1");
    declaration.risk_rules.code_rendering_is_away(false);
    for _ in 0..2 {
        let asked = declaration.application(&person, &application.name).await.unwrap();
        assert_eq!(asked.state(), InForce);
    }
    assert_eq!(
        declaration.risk_rules.calls(),
        2,
        "what is in force is not pushed again"
    );
}

async fn what_is_in_force_is_noted_and_asking_for_it_asks_nobody_else(bed: Bed) {
    let declaration = start(bed).await;
    let application = declaration.apply(1, form()).await.unwrap();
    assert_eq!(application.state(), InForce);
    assert_eq!(declaration.risk_rules.calls(), 1);
    // It is noted in the background.
    let column = "CASE WHEN in_force_at IS NULL THEN 'pending' ELSE 'noted' END";
    let noted = async || {
        while lutong_testing::texts(&declaration.storage, "declarations", column, "1").await != ["noted"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noted())
        .await
        .unwrap();
    let person = declaration.person("wx-1");
    for _ in 0..2 {
        let asked = declaration.application(&person, &application.name).await.unwrap();
        assert_eq!(asked.state(), InForce);
    }
    assert_eq!(declaration.risk_rules.calls(), 1);
}

async fn own_declarations_are_listed_page_by_page_and_nobody_elses(bed: Bed) {
    let declaration = start(bed).await;
    let mut names = Vec::new();
    for n in 1..=3 {
        names.insert(0, declaration.apply(n, form()).await.unwrap().name);
        declaration.bed.clock.advance(std::time::Duration::from_secs(1));
    }
    let list = async |account: &str, page_token: &str| {
        let asked = wire::ListApplicationsRequest {
            page_size: 2,
            page_token: page_token.to_owned(),
        };
        let call = declaration.bed.call_as(&declaration.person(account));
        let answer = declaration.client().list_applications(call.request(asked)).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| {
                let names = answer.applications.into_iter().map(|one| one.name);
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
    // A second account of the same person has declared nothing itself.
    assert_eq!(list("wx-2", "").await.unwrap().0, [""; 0]);
    let refused = list("wx-1", "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    // The token does not belong to the list of arrivals.
    let asked = wire::ListArrivalsRequest {
        page_size: 2,
        page_token: next,
    };
    let call = declaration.bed.call_as(&declaration.person("wx-1"));
    let refused = declaration
        .arrivals()
        .list_arrivals(call.request(asked))
        .await
        .unwrap_err();
    assert_eq!(
        violations(&crate::fault(&refused)),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    let call = declaration.bed.call_as(&lutong_testing::citizen("wx-3", None));
    let nobody = wire::ListArrivalsRequest::default();
    let listed = declaration
        .arrivals()
        .list_arrivals(call.request(nobody))
        .await
        .unwrap();
    assert!(listed.into_inner().arrivals.is_empty());
}
