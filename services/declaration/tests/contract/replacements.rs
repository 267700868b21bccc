//! Applications that are edited and submitted again: one takes the place of another.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::types::v1::MissingProof;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, citizen, violations};
use lutong_transport::access::Principal;
use wire::DeclarationState::{InForce, Pending, Replaced};

use crate::{Declaration, NUMBER, alone, form, request_id, start, stay};

on_both_engines!(
    an_edited_application_takes_the_place_of_the_earlier_one,
    what_is_edited_twice_is_stated_once,
    only_ones_own_standing_application_is_replaced,
    a_repeated_edit_is_answered_alike,
    of_edits_at_once_one_takes_the_place,
    an_edit_reaches_risk_rules_after_what_it_corrects,
    an_edit_counts_once_it_is_proved,
    what_waited_and_was_replaced_is_stated_to_nobody,
    edits_of_a_day_are_limited,
);

async fn edit_as(
    declaration: &Declaration,
    who: &Principal,
    n: u32,
    replaces: &str,
    history: Vec<wire::ContactEntry>,
) -> Result<wire::Application, Fault> {
    let mut form = form();
    form.contact_history = history;
    let request = wire::CreateApplicationRequest {
        request_id: request_id(n),
        form: Some(form),
        replaces: replaces.to_owned(),
    };
    let call = declaration.bed.call_as(who);
    let answer = declaration
        .client()
        .create_application(call.request(request))
        .await;
    answer
        .map(|answer| answer.into_inner().application.unwrap())
        .map_err(|status| crate::fault(&status))
}

async fn edit(
    declaration: &Declaration,
    n: u32,
    replaces: &str,
    history: Vec<wire::ContactEntry>,
) -> Result<wire::Application, Fault> {
    edit_as(declaration, &citizen("wx-1", None), n, replaces, history).await
}

fn contact(day: &str) -> wire::ContactEntry {
    wire::ContactEntry {
        r#type: wire::ContactType::KnownCaseContact.into(),
        division: String::new(),
        ..stay(day)
    }
}

fn key(application: &wire::Application, n: u32) -> String {
    format!("{}/{n}", application.application_id)
}

fn retracts(statement: &FactStatement) -> String {
    match statement.statement.as_ref().unwrap() {
        fact_statement::Statement::Retraction(retraction) => retraction.retracts_key.clone(),
        _ => String::new(),
    }
}

async fn state(declaration: &Declaration, name: &str) -> wire::Application {
    let person = declaration.person("wx-1");
    declaration.application(&person, name).await.unwrap()
}

async fn an_edited_application_takes_the_place_of_the_earlier_one(bed: Bed) {
    let declaration = start(bed).await;
    let history = vec![stay("2022-11-20"), stay("2022-11-21"), contact("2022-11-22")];
    let first = edit(&declaration, 1, "", history).await.unwrap();
    let history = vec![stay("2022-11-21"), stay("2022-11-25")];
    let second = edit(&declaration, 2, &first.name, history).await.unwrap();
    assert_eq!((second.state(), &second.replaces), (InForce, &first.name));
    let told = declaration.published_events(2).await;
    let [repeated, corrected, retracted] = &told[1].statements[..] else {
        panic!("{:?}", told[1].statements)
    };
    assert_eq!(repeated, &told[0].statements[1], "stated once, as before");
    assert_eq!(corrected.key, key(&second, 1));
    assert_eq!(crate::replaces(corrected), key(&first, 0));
    assert_eq!(retracts(retracted), key(&first, 2), "a contact that was none");
    let first = state(&declaration, &first.name).await;
    assert_eq!((first.state(), &first.replaced_by), (Replaced, &second.name));
    // The person's items are registered anew.
    assert_eq!(declaration.identity.registered(), 2);
}

async fn what_is_edited_twice_is_stated_once(bed: Bed) {
    let declaration = start(bed).await;
    let first = edit(&declaration, 1, "", vec![stay("2022-11-20")]).await.unwrap();
    let second = edit(&declaration, 2, &first.name, vec![stay("2022-11-20")])
        .await
        .unwrap();
    let third = edit(&declaration, 3, &second.name, Vec::new()).await.unwrap();
    assert_eq!(third.state(), InForce);
    let told = declaration.published_events(3).await;
    assert_eq!(told[1].statements, told[0].statements);
    assert_eq!(retracts(&told[2].statements[0]), key(&first, 0));
    // Both edits state what the first did or take it back, under two keys in all.
    assert_eq!(declaration.risk_rules.stored().len(), 2);
}

async fn only_ones_own_standing_application_is_replaced(bed: Bed) {
    let declaration = start(bed).await;
    let first = edit(&declaration, 1, "", Vec::new()).await.unwrap();
    edit(&declaration, 2, &first.name, Vec::new()).await.unwrap();
    let refused = edit(&declaration, 3, &first.name, Vec::new()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "DECLARATION_NOT_REPLACEABLE")
    );
    assert_eq!(refused.metadata, [("state".into(), "REPLACED".to_owned())]);
    let theirs = edit_as(&declaration, &citizen("wx-2", None), 1, "", Vec::new())
        .await
        .unwrap();
    let unknown = "applications/00000000-0000-7000-9000-000000000009";
    for name in [theirs.name.as_str(), unknown] {
        let refused = edit(&declaration, 4, name, Vec::new()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "DECLARATION_NOT_FOUND")
        );
    }
    for name in ["applications/1", "arrivals/00000000-0000-7000-9000-000000000009"] {
        let refused = edit(&declaration, 5, name, Vec::new()).await.unwrap_err();
        assert_eq!(violations(&refused), ["replaces NAME_SHAPE"], "{name}");
    }
    assert_eq!(declaration.stored().await, [3, 3, 3]);
}

async fn a_repeated_edit_is_answered_alike(bed: Bed) {
    let declaration = start(bed).await;
    let first = edit(&declaration, 1, "", vec![stay("2022-11-20")]).await.unwrap();
    let second = edit(&declaration, 2, &first.name, Vec::new()).await.unwrap();
    let again = edit(&declaration, 2, &first.name, Vec::new()).await.unwrap();
    assert_eq!(again, second);
    let refused = edit(&declaration, 2, "", Vec::new()).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
}

async fn of_edits_at_once_one_takes_the_place(bed: Bed) {
    let declaration = start(bed).await;
    let first = edit(&declaration, 1, "", vec![stay("2022-11-20")]).await.unwrap();
    let sent = (2..8).map(|n| edit(&declaration, n, &first.name, Vec::new()));
    let answers = futures::future::join_all(sent).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for fault in refused {
        assert_eq!(fault.unwrap_err().reason, "DECLARATION_NOT_REPLACEABLE");
    }
    let by = &state(&declaration, &first.name).await.replaced_by;
    assert_eq!(by, &done[0].as_ref().unwrap().name);
    assert_eq!(declaration.stored().await, [2, 2, 2]);
}

async fn an_edit_reaches_risk_rules_after_what_it_corrects(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_identity();
    let first = edit(&declaration, 1, "", vec![stay("2022-11-20")]).await.unwrap();
    declaration.bind_risk_rules();
    let history = vec![stay("2022-11-21")];
    let second = edit(&declaration, 2, &first.name, history).await.unwrap();
    assert_eq!(second.state(), Pending, "what it corrects is not there yet");
    let told = declaration.published_events(2).await;
    assert_eq!(
        (&told[0].declaration, &told[1].declaration),
        (&first.name, &second.name)
    );
    assert_eq!(crate::replaces(&told[1].statements[0]), told[0].statements[0].key);
}

async fn an_edit_counts_once_it_is_proved(bed: Bed) {
    let declaration = start(bed).await;
    let first = edit(&declaration, 1, "", vec![stay("2022-11-20")]).await.unwrap();
    declaration.identity.waits_for(Some(MissingProof::RealNameCheck));
    let history = vec![stay("2022-11-21")];
    let second = edit(&declaration, 2, &first.name, history).await.unwrap();
    assert_eq!((second.state(), &second.replaces), (Pending, &first.name));
    assert_eq!(state(&declaration, &first.name).await.state(), InForce);
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    let told = declaration.published_events(2).await;
    assert_eq!(crate::replaces(&told[1].statements[0]), key(&first, 0));
    let first = state(&declaration, &first.name).await;
    assert_eq!((first.state(), first.replaced_by), (Replaced, second.name));
}

async fn what_waited_and_was_replaced_is_stated_to_nobody(bed: Bed) {
    let declaration = start(bed).await;
    declaration
        .identity
        .waits_for(Some(MissingProof::KnownMobileOrCounter));
    let first = edit(&declaration, 1, "", vec![contact("2022-11-20")])
        .await
        .unwrap();
    // Applied again with a code to the mobile that is known.
    declaration.identity.waits_for(None);
    let history = vec![stay("2022-11-21")];
    let second = edit(&declaration, 2, &first.name, history).await.unwrap();
    assert_eq!(second.state(), InForce);
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    let settled = async {
        while lutong_testing::texts(
            &declaration.storage,
            "declarations",
            "coalesce(waiting_for, 'settled')",
            "declaration_id",
        )
        .await
            != ["settled", "settled"]
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), settled)
        .await
        .unwrap();
    assert_eq!(state(&declaration, &first.name).await.state(), Replaced);
    let told = declaration.published_events(1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].declaration, second.name);
    let [statement] = &declaration.risk_rules.stored()[..] else {
        panic!("one statement")
    };
    assert_eq!(statement.key, key(&second, 0));
}

async fn edits_of_a_day_are_limited(bed: Bed) {
    let declaration = start(bed).await;
    let mut name = declaration.apply(1, form()).await.unwrap().name;
    for n in 2..=21 {
        name = edit(&declaration, n, &name, Vec::new()).await.unwrap().name;
    }
    let registered = declaration.identity.registered();
    let refused = edit(&declaration, 22, &name, Vec::new()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::ResourceExhausted, "TOO_MANY_EDITS")
    );
    assert!(refused.retry_after.is_some());
    assert_eq!(
        declaration.identity.registered(),
        registered,
        "nobody is registered for it"
    );
    declaration
        .bed
        .clock
        .advance(std::time::Duration::from_secs(86_400));
    edit(&declaration, 22, &name, Vec::new()).await.unwrap();
}
