//! Applications that counter staff enter: the person gets a code, staff of the division see who entered it, and the person that a counter
//! did.

use std::time::Duration;

use lutong_kernel::{DivisionCode, Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::assisted_application_service_client::AssistedApplicationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use wire::DeclarationState;

use crate::fakes::BAD_NUMBER;
use crate::{Declaration, NUMBER, alone, document, form, request_id, start, stay};

on_both_engines!(
    an_assisted_person_has_a_code_and_who_entered_it_is_kept,
    the_person_finds_what_a_counter_entered_and_no_name_of_staff,
    everything_that_is_wrong_with_an_assisted_form_is_named_at_once,
    what_identity_refuses_at_a_counter_stores_nothing,
    an_assisted_application_sent_again_is_answered_alike,
    without_identity_nothing_is_entered_and_a_delay_is_named,
    a_pending_assisted_application_is_pushed_by_asking,
    staff_see_what_was_entered_for_their_division_page_by_page,
);

type CallResult<T> = Result<T, Fault>;

fn staff(account: &str, division: Option<&str>) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[Role::CounterStaff]),
        subject: None,
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn counter() -> Principal {
    staff("counter-1", Some("370202"))
}

fn purpose() -> types::Purpose {
    types::Purpose {
        code: types::PurposeCode::Assistance.into(),
        reference: String::new(),
    }
}

fn form_of(number: &str) -> wire::ApplicationForm {
    let mut form = form();
    form.person.as_mut().unwrap().document = Some(document(number));
    form
}

fn living_in(division: &str) -> wire::ApplicationForm {
    let mut form = form();
    let home = form.person.as_mut().unwrap().home_address.as_mut().unwrap();
    division.clone_into(&mut home.division);
    form
}

impl Declaration {
    fn assisted(&self) -> AssistedApplicationServiceClient<MeshChannel> {
        AssistedApplicationServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    async fn enter(
        &self,
        who: &Principal,
        n: u32,
        form: wire::ApplicationForm,
        document_shown: bool,
    ) -> CallResult<wire::AssistedApplication> {
        let request = wire::CreateAssistedApplicationRequest {
            request_id: request_id(n),
            form: Some(form),
            document_shown,
            purpose: Some(purpose()),
        };
        let request = self.bed.call_as(who).request(request);
        let answer = self.assisted().create_assisted_application(request).await;
        answer
            .map(|answer| answer.into_inner().assisted_application.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn entered(&self, who: &Principal, name: &str) -> CallResult<wire::AssistedApplication> {
        let request = wire::GetAssistedApplicationRequest {
            name: name.to_owned(),
            purpose: Some(purpose()),
        };
        let request = self.bed.call_as(who).request(request);
        let answer = self.assisted().get_assisted_application(request).await;
        answer
            .map(|answer| answer.into_inner().assisted_application.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn list_entered(
        &self,
        who: &Principal,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<(Vec<wire::AssistedApplication>, String)> {
        let request = wire::ListAssistedApplicationsRequest {
            page_size,
            page_token: page_token.to_owned(),
            purpose: Some(purpose()),
        };
        let request = self.bed.call_as(who).request(request);
        let answer = self.assisted().list_assisted_applications(request).await;
        let answer = answer.map_err(|status| crate::fault(&status))?.into_inner();
        Ok((answer.assisted_applications, answer.next_page_token))
    }
}

async fn an_assisted_person_has_a_code_and_who_entered_it_is_kept(bed: Bed) {
    let declaration = start(bed).await;
    let mut form = form();
    form.contact_history = vec![stay("2022-11-20")];
    let entered = declaration.enter(&counter(), 1, form, true).await.unwrap();
    assert_eq!(entered.state(), DeclarationState::InForce);
    assert_eq!(entered.subject_id, declaration.identity.subject(NUMBER));
    assert_eq!(entered.entered_by, "counter-1");
    assert!(entered.create_time.is_some());
    assert_eq!(
        entered.name,
        format!("assisted-applications/{}", entered.assisted_application_id)
    );
    // As any application: enrolled, with what was stated, and said in the log.
    assert_eq!(
        declaration.risk_rules.enrolled(),
        std::slice::from_ref(&entered.subject_id)
    );
    assert_eq!(declaration.risk_rules.stored().len(), 1);
    let events = declaration.published_events(1).await;
    assert_eq!(
        events[0].declaration,
        format!("applications/{}", entered.assisted_application_id)
    );
    assert_eq!(declaration.identity.staff(), ["counter-1"]);
    assert_eq!(declaration.identity.registered(), 0, "no account is linked");
}

async fn the_person_finds_what_a_counter_entered_and_no_name_of_staff(bed: Bed) {
    let declaration = start(bed).await;
    let entered = declaration.enter(&counter(), 1, form(), true).await.unwrap();
    let nobody = lutong_testing::citizen("wx-1", None);
    assert!(declaration.own_applications(&nobody).await.is_empty());
    let person = declaration.person("wx-1");
    let listed = declaration.own_applications(&person).await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].assisted && listed[0].commitment_version == "2020-02");
    assert_eq!(listed[0].application_id, entered.assisted_application_id);
    assert!(!format!("{listed:?}").contains("counter-1"));
    let found = declaration.application(&person, &listed[0].name).await.unwrap();
    assert!(found.assisted);
    let own = declaration.apply(2, form()).await.unwrap();
    assert!(!own.assisted);
    // Another person finds nothing, and whoever enters for others has no declarations of their own by it.
    let other = declaration.identity.subject("another").parse().unwrap();
    let other = lutong_testing::citizen("wx-2", Some(other));
    let refused = declaration.application(&other, &listed[0].name).await;
    assert_eq!(refused.unwrap_err().reason, "DECLARATION_NOT_FOUND");
    assert!(declaration.own_applications(&other).await.is_empty());
}

async fn everything_that_is_wrong_with_an_assisted_form_is_named_at_once(bed: Bed) {
    let declaration = start(bed).await;
    let mut wrong = living_in("370203");
    wrong.contact_history = vec![stay("2022-10-01")];
    wrong.mobile_proof = Some(types::OneTimeCodeProof {
        one_time_code: format!("one-time-codes/{}", request_id(9)),
        code: "012345".to_owned(),
    });
    let refused = declaration.enter(&counter(), 1, wrong, true).await.unwrap_err();
    let named = violations(&refused);
    assert_eq!(
        named[..2],
        [
            "form.person.home_address.division HOME_OUTSIDE_DIVISION",
            "form.mobile_proof MOBILE_PROOF_UNEXPECTED"
        ]
    );
    assert!(
        named[2].starts_with("form.contact_history[0].contact_date"),
        "{named:?}"
    );
    let unseen = declaration.enter(&counter(), 1, form(), false).await.unwrap_err();
    assert_eq!(violations(&unseen), ["document_shown MISSING"]);
    let nowhere = declaration
        .enter(&staff("counter-1", None), 1, form(), true)
        .await;
    assert_eq!(nowhere.unwrap_err().reason, "DIVISION_MISSING");
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert!(declaration.identity.staff().is_empty());
}

async fn what_identity_refuses_at_a_counter_stores_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let mut hidden = form();
    "王\u{202e}小明".clone_into(&mut hidden.person.as_mut().unwrap().full_name);
    for (form, named) in [
        (hidden, "form.person.full_name NAME_CHARACTERS"),
        (
            form_of(BAD_NUMBER),
            "form.person.document.number RESIDENT_ID_CHECK_CHARACTER",
        ),
    ] {
        let refused = declaration.enter(&counter(), 1, form, true).await.unwrap_err();
        assert_eq!(violations(&refused), [named]);
    }
    declaration.identity.refuses(Fault::new(
        FaultCode::FailedPrecondition,
        "PERSON_NAME_DIFFERS",
        "姓名不一致",
        "another name",
    ));
    let refused = declaration.enter(&counter(), 1, form(), true).await;
    assert_eq!(refused.unwrap_err().reason, "PERSON_NAME_DIFFERS");
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn an_assisted_application_sent_again_is_answered_alike(bed: Bed) {
    let declaration = start(bed).await;
    let officer = counter();
    // Twice at once, as after a lost answer.
    let (one, two) = tokio::join!(
        declaration.enter(&officer, 1, form(), true),
        declaration.enter(&officer, 1, form(), true),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.name, two.name);
    let reused = declaration
        .enter(&officer, 1, form_of("440524188001010014"), true)
        .await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
    // Also while identity is away.
    declaration.identity.refuses(Fault::unavailable("identity"));
    let again = declaration.enter(&officer, 1, form(), true).await.unwrap();
    assert_eq!(again.name, one.name);
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn without_identity_nothing_is_entered_and_a_delay_is_named(bed: Bed) {
    let declaration = alone(bed).await;
    let refused = declaration.enter(&counter(), 1, form(), true).await.unwrap_err();
    assert_eq!(refused.reason, "PART_UNAVAILABLE");
    assert!(refused.retry_after.is_some());
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn a_pending_assisted_application_is_pushed_by_asking(bed: Bed) {
    let declaration = start(bed).await;
    declaration.risk_rules.code_rendering_is_away(true);
    let entered = declaration.enter(&counter(), 1, form(), true).await.unwrap();
    assert_eq!(entered.state(), DeclarationState::Pending);
    declaration.risk_rules.code_rendering_is_away(false);
    let asked = declaration.entered(&counter(), &entered.name).await.unwrap();
    assert_eq!(asked.state(), DeclarationState::InForce);
    let (listed, _) = declaration.list_entered(&counter(), 0, "").await.unwrap();
    assert_eq!(listed, [asked]);
}

async fn staff_see_what_was_entered_for_their_division_page_by_page(bed: Bed) {
    let declaration = start(bed).await;
    let city = staff("counter-2", Some("370200"));
    let first = declaration.enter(&counter(), 1, form(), true).await.unwrap();
    declaration.bed.clock.advance(Duration::from_secs(1));
    let second = declaration.enter(&city, 2, form_of("2"), true).await.unwrap();
    declaration.bed.clock.advance(Duration::from_secs(1));
    let mut third = living_in("370203001");
    third.person.as_mut().unwrap().document = Some(document("3"));
    let third = declaration.enter(&city, 3, third, true).await.unwrap();
    // The colleague's of the same division as well; another division's not.
    let (listed, _) = declaration.list_entered(&counter(), 0, "").await.unwrap();
    let names = |listed: &[wire::AssistedApplication]| -> Vec<String> {
        listed.iter().map(|one| one.name.clone()).collect()
    };
    assert_eq!(names(&listed), [second.name.clone(), first.name.clone()]);
    let refused = declaration.entered(&counter(), &third.name).await;
    assert_eq!(refused.unwrap_err().reason, "ASSISTED_APPLICATION_NOT_FOUND");
    let street = staff("counter-3", Some("370203001"));
    assert_eq!(
        declaration.entered(&street, &third.name).await.unwrap().name,
        third.name
    );
    // Page by page.
    let (page, next) = declaration.list_entered(&city, 2, "").await.unwrap();
    assert_eq!(names(&page), [third.name, second.name]);
    let (page, next) = declaration.list_entered(&city, 2, &next).await.unwrap();
    assert_eq!((names(&page), next.as_str()), (vec![first.name], ""));
    // Wrong questions.
    let refused = declaration.list_entered(&city, 2, "nonsense").await.unwrap_err();
    assert_eq!(refused.reason, "INVALID_FIELDS");
    let refused = declaration.entered(&city, "nonsense").await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    let nowhere = staff("counter-1", None);
    for refused in [
        declaration.list_entered(&nowhere, 0, "").await.unwrap_err(),
        declaration.entered(&nowhere, &listed[0].name).await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "DIVISION_MISSING");
    }
}
