//! Declarations of accounts that have not proved to be the person.

use lutong_proto::declaration::v1 as wire;
use lutong_proto::types::v1::MissingProof;
use lutong_testing::{Bed, citizen, on_both_engines};
use wire::DeclarationState::{InForce, Pending, Refused};

use crate::{Declaration, NUMBER, form, start, stay};

on_both_engines!(
    what_an_account_has_not_proved_goes_nowhere_until_it_has,
    what_is_never_proved_is_refused_and_erased,
    a_request_that_waits_is_answered_alike_before_and_after_the_proof,
);

async fn waiting(bed: Bed) -> (Declaration, wire::Application) {
    let declaration = start(bed).await;
    declaration.identity.waits_for(Some(MissingProof::RealNameCheck));
    let mut form = form();
    form.contact_history = vec![stay("2022-11-20")];
    let application = declaration.apply(1, form).await.unwrap();
    (declaration, application)
}

/// The application once it has left a state.
async fn left(
    declaration: &Declaration,
    name: &str,
    state: wire::DeclarationState,
    as_person: bool,
) -> wire::Application {
    let nobody = citizen("wx-1", None);
    for _ in 0..400 {
        let who = if as_person {
            declaration.person("wx-1")
        } else {
            nobody.clone()
        };
        if let Ok(application) = declaration.application(&who, name).await
            && application.state() != state
        {
            return application;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{name} was {state:?} for 10 s");
}

async fn what_an_account_has_not_proved_goes_nowhere_until_it_has(bed: Bed) {
    let (declaration, application) = waiting(bed).await;
    assert_eq!(
        (application.state(), application.subject_id.as_str()),
        (Pending, "")
    );
    assert_eq!(application.waiting_for(), MissingProof::RealNameCheck);
    // What the person says at a counter.
    assert_eq!(
        application.registration,
        format!("registrations/{}", crate::fakes::REGISTRATION)
    );
    let nobody = citizen("wx-1", None);
    let asked = declaration.application(&nobody, &application.name).await.unwrap();
    assert_eq!(asked, application);
    let stranger = declaration
        .application(&citizen("wx-2", None), &application.name)
        .await;
    assert_eq!(stranger.unwrap_err().reason, "DECLARATION_NOT_FOUND");
    assert_eq!(declaration.risk_rules.calls(), 0);
    assert_eq!(lutong_testing::rows(&declaration.storage, "outbox").await, 0);
    // Another proof is missing now, then none.
    declaration
        .identity
        .decides("", Some(MissingProof::KnownMobileOrCounter));
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    let settled = left(&declaration, &application.name, Pending, true).await;
    assert_eq!((settled.state(), &settled.subject_id), (InForce, &subject));
    assert_eq!((settled.waiting_for, settled.registration.as_str()), (0, ""));
    assert_eq!(lutong_testing::rows(&declaration.storage, "outbox").await, 1);
    assert_eq!(declaration.risk_rules.calls(), 1);
}

async fn what_is_never_proved_is_refused_and_erased(bed: Bed) {
    let (declaration, application) = waiting(bed).await;
    let before = lutong_testing::bytes(&declaration.storage, "declarations", "statements").await;
    declaration.identity.decides("", None);
    let refused = left(&declaration, &application.name, Pending, false).await;
    assert_eq!((refused.state(), refused.waiting_for), (Refused, 0));
    assert_eq!(refused.registration, "");
    let after = lutong_testing::bytes(&declaration.storage, "declarations", "statements").await;
    assert!(after.len() < before.len(), "nothing is left of what was stated");
    assert_eq!(declaration.risk_rules.calls(), 0);
}

async fn a_request_that_waits_is_answered_alike_before_and_after_the_proof(bed: Bed) {
    let (declaration, application) = waiting(bed).await;
    let mut form = form();
    form.contact_history = vec![stay("2022-11-20")];
    let again = declaration.apply(1, form.clone()).await.unwrap();
    assert_eq!(again, application);
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    left(&declaration, &application.name, Pending, true).await;
    let after = declaration.apply(1, form).await.unwrap();
    assert_eq!((after.name, after.subject_id), (application.name, subject));
}
