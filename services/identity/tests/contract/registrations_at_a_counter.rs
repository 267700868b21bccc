//! `ConfirmRegistration` and `RegisterAtCounter`: a person shows the document at a counter.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::identity::v1::registration_service_client::RegistrationServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_stand_ins::Fault as Broken;
use lutong_testing::{Bed, on_both_engines, rows};
use lutong_transport::access::Principal;
use types::MissingProof;
use wire::RegistrationState;

use crate::bindings::family::{Family, counter, named};
use crate::proving::{Proving, WANG, items_of};
use crate::{Identity, ONE, TWO, document, items, reason, request_id};

on_both_engines!(
    a_counter_confirms_a_second_account_and_the_first_is_told,
    a_counter_confirms_while_the_authority_is_away,
    a_confirmation_is_of_the_officers_division_only,
    a_confirmation_names_everything_that_is_wrong,
    another_document_confirms_nothing_and_five_end_it,
    what_is_decided_is_confirmed_no_more,
    an_account_that_holds_somebody_else_is_not_confirmed,
    a_confirmation_sent_again_is_answered_alike,
    a_person_at_a_counter_is_registered_and_held_by_nobody,
    somebody_who_is_registered_is_stated_anew_and_the_earlier_mobile_is_told,
    a_document_of_another_name_is_not_registered_at_a_counter,
    a_home_elsewhere_is_not_registered_at_a_counter,
    a_registration_at_a_counter_sent_again_is_answered_alike,
);

const LINKED: &str = "另一账号已通过验证";
const UPDATED: &str = "服务窗口已更新";

/// What an officer has before them.
struct Shown<'a> {
    registration: &'a str,
    number: &'a str,
    full_name: &'a str,
}

impl Identity {
    async fn confirm(&self, who: &Principal, n: u32, shown: Shown<'_>) -> Result<wire::Registration, Fault> {
        let request = self.0.call_as(who).request(wire::ConfirmRegistrationRequest {
            request_id: request_id(n),
            name: format!("registrations/{}", shown.registration),
            document: Some(document(shown.number)),
            full_name: shown.full_name.to_owned(),
            purpose: Some(types::Purpose {
                code: types::PurposeCode::Assistance.into(),
                reference: String::new(),
            }),
        });
        let channel = self.0.channel(ServiceName::Identity, Caller::Gateway);
        let answer = RegistrationServiceClient::new(channel)
            .confirm_registration(request)
            .await;
        answer
            .map(|answer| answer.into_inner().registration.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn at_counter(&self, who: &Principal, n: u32, person: types::PersonItems) -> Result<String, Fault> {
        let request = self.0.call_as(who).request(wire::RegisterAtCounterRequest {
            request_id: request_id(n),
            person: Some(person),
        });
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let answer = IdentityServiceClient::new(channel)
            .register_at_counter(request)
            .await;
        answer
            .map(|answer| answer.into_inner().subject_id)
            .map_err(|status| reason(&status))
    }

    /// What became of registrations, as the log says it: subject, registration.
    async fn decisions(&self, count: usize) -> Vec<(String, String)> {
        let events = self.published_events(count).await;
        let decided = events.into_iter().filter_map(|(subject, payload)| match payload {
            Payload::RegistrationDecided(decided) => Some((subject, decided.registration_id)),
            _ => None,
        });
        decided.collect()
    }
}

const WRONG: Shown<'static> = Shown {
    registration: "",
    number: TWO,
    full_name: "王小明",
};

fn shown(registration: &str) -> Shown<'_> {
    Shown {
        registration,
        number: ONE,
        full_name: "王小明",
    }
}

/// A value of a refusal's metadata.
fn detail<'a>(refused: &'a Fault, key: &str) -> &'a str {
    let found = refused.metadata.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value.as_str())
}

fn living_in(division: &str) -> types::PersonItems {
    let mut person = items("王小明", ONE);
    division.clone_into(&mut person.home_address.as_mut().unwrap().division);
    person
}

fn staff() -> Principal {
    counter(Some("370202"))
}

/// A person whom `wx-1` holds, and the registration of `wx-2` that waits.
async fn second_account(family: &Family) -> (String, String) {
    let identity = &family.identity;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let mut again = items("王小明", ONE);
    "13900139000".clone_into(&mut again.mobile);
    let waits = identity.registered("wx-2", 2, again).await.unwrap();
    assert_eq!(waits.waiting_for(), MissingProof::KnownMobileOrCounter);
    (subject, waits.registration_id)
}

async fn a_counter_confirms_a_second_account_and_the_first_is_told(bed: Bed) {
    let family = Family::start(bed).await;
    let (subject, registration) = second_account(&family).await;
    let identity = &family.identity;
    let confirmed = identity.confirm(&staff(), 3, shown(&registration)).await.unwrap();
    assert_eq!(confirmed.state(), RegistrationState::Proved);
    assert_eq!(confirmed.registration_id, registration);
    assert!(confirmed.create_time.is_some() && confirmed.end_time.is_some());
    for account in ["wx-1", "wx-2"] {
        assert_eq!(identity.account(account).await.subject_id, subject);
    }
    let told = family.messages_until(LINKED, 1).await;
    assert!(told[0].contains("+8613800138000"), "the first: {told:?}");
    assert_eq!(identity.decisions(1).await, [(subject, registration)]);
    let items = "CASE WHEN coalesce(full_name, document, mobile, home) IS NULL THEN 'erased' ELSE 'kept' END";
    let items = lutong_testing::texts(&identity.1, "registrations", items, "created_at").await;
    assert_eq!(items, ["erased"]);
}

async fn a_counter_confirms_while_the_authority_is_away(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let code = world.code("wechat:01", 1, WANG).await;
    let waits = world
        .register("wechat:01", 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert_eq!(waits.waiting_for(), MissingProof::RealNameCheck);
    let seen = Shown {
        registration: &waits.registration_id,
        number: WANG.resident_id,
        full_name: WANG.full_name,
    };
    let identity = &world.identity;
    let confirmed = identity.confirm(&staff(), 3, seen).await.unwrap();
    assert_eq!(confirmed.state(), RegistrationState::Proved);
    let subject = identity.account("wechat:01").await.subject_id;
    let linked = [(subject, waits.registration_id)];
    assert_eq!(identity.decisions(1).await, linked);
    // The authority's word comes too late, and changes nothing.
    world.stand_ins.faults.turn_off(Broken::RealNameUnavailable);
    world.bed().clock.advance(Duration::from_secs(30));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(identity.decisions(1).await, linked);
    assert!(
        !world.is_told(WANG, "account-linked").await,
        "nobody held the person"
    );
}

async fn a_confirmation_is_of_the_officers_division_only(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let waits = identity.registered("wx-2", 2, living_in("370102")).await.unwrap();
    let registration = waits.registration_id;
    let elsewhere = identity
        .confirm(&counter(Some("370300")), 3, shown(&registration))
        .await;
    assert_eq!(elsewhere.unwrap_err().reason, "REGISTRATION_NOT_FOUND");
    let unknown = identity.confirm(&staff(), 3, shown(&request_id(99))).await;
    assert_eq!(unknown.unwrap_err().reason, "REGISTRATION_NOT_FOUND");
    let nowhere = identity.confirm(&counter(None), 3, shown(&registration)).await;
    assert_eq!(nowhere.unwrap_err().reason, "DIVISION_MISSING");
    // Where the person is known to live; what is known then is what the second account stated, and a repeated request is answered.
    for n in [4, 4] {
        let confirmed = identity.confirm(&staff(), n, shown(&registration)).await.unwrap();
        assert_eq!(confirmed.state(), RegistrationState::Proved);
    }
    let gone = identity.confirm(&staff(), 5, shown(&registration)).await;
    assert_eq!(gone.unwrap_err().reason, "REGISTRATION_NOT_FOUND");
}

async fn a_confirmation_names_everything_that_is_wrong(bed: Bed) {
    let family = Family::start(bed).await;
    let (_, registration) = second_account(&family).await;
    let hidden = Shown {
        registration: &registration,
        number: "110105194912310021",
        full_name: "王\u{202e}小明",
    };
    let refused = family.identity.confirm(&staff(), 3, hidden).await.unwrap_err();
    assert_eq!(
        named(&refused),
        [
            "document.number RESIDENT_ID_CHECK_CHARACTER",
            "full_name NAME_CHARACTERS"
        ]
    );
    for (name, full_name, wrong) in [
        ("nonsense", "王小明", "name NAME_SHAPE"),
        (registration.as_str(), "", "full_name MISSING"),
    ] {
        let asked = Shown {
            registration: name,
            full_name,
            ..WRONG
        };
        let refused = family.identity.confirm(&staff(), 3, asked).await.unwrap_err();
        assert_eq!(named(&refused), [wrong]);
    }
}

async fn another_document_confirms_nothing_and_five_end_it(bed: Bed) {
    let family = Family::start(bed).await;
    let (_, registration) = second_account(&family).await;
    let identity = &family.identity;
    let attempts = [
        (TWO, "王小明", "4"),
        (ONE, "王大明", "3"),
        (TWO, "王大明", "2"),
        (TWO, "王小明", "1"),
        (TWO, "王小明", "0"),
    ];
    for (n, (number, full_name, left)) in (10..).zip(attempts) {
        let other = Shown {
            registration: &registration,
            number,
            full_name,
        };
        let officer = counter(Some(if n % 2 == 0 { "370202" } else { "370200" }));
        let refused = identity.confirm(&officer, n, other).await.unwrap_err();
        assert_eq!(refused.reason, "REGISTRATION_DOCUMENT_DIFFERS");
        assert_eq!(detail(&refused, "tries_left"), left);
        assert!(!format!("{refused:?}").contains(ONE), "{refused:?}");
    }
    for number in [ONE, TWO] {
        let last = Shown {
            registration: &registration,
            number,
            full_name: "王小明",
        };
        let refused = identity.confirm(&staff(), 20, last).await.unwrap_err();
        assert_eq!(refused.reason, "REGISTRATION_NOT_CONFIRMABLE");
    }
    assert_eq!(identity.account("wx-2").await.subject_id, "");
    // The person applies again.
    let again = identity
        .registered("wx-2", 3, items("王小明", ONE))
        .await
        .unwrap();
    let confirmed = identity
        .confirm(&staff(), 21, shown(&again.registration_id))
        .await;
    assert_eq!(confirmed.unwrap().state(), RegistrationState::Proved);
}

async fn what_is_decided_is_confirmed_no_more(bed: Bed) {
    let family = Family::start(bed).await;
    let (_, registration) = second_account(&family).await;
    let identity = &family.identity;
    let replacing = identity
        .registered("wx-2", 3, items("王小明", ONE))
        .await
        .unwrap();
    let replaced = identity
        .confirm(&staff(), 4, shown(&registration))
        .await
        .unwrap_err();
    assert_eq!(replaced.reason, "WRONG_STATE");
    assert_eq!(detail(&replaced, "state"), "REPLACED");
    let latest = &replacing.registration_id;
    identity.confirm(&staff(), 5, shown(latest)).await.unwrap();
    let again = identity.confirm(&staff(), 6, shown(latest)).await.unwrap_err();
    assert_eq!(again.reason, "WRONG_STATE");
    assert_eq!(detail(&again, "state"), "PROVED");
}

async fn an_account_that_holds_somebody_else_is_not_confirmed(bed: Bed) {
    let family = Family::start(bed).await;
    let (_, registration) = second_account(&family).await;
    let identity = &family.identity;
    let other = identity.register("wx-3", 3, items("李四", TWO)).await.unwrap();
    // As an operator might repair an account by hand.
    let linked = "INSERT INTO accounts (account_id, subject_id, roles, version) SELECT 'wx-2', subject_id, roles, 0 FROM accounts WHERE account_id = 'wx-3'";
    lutong_testing::tamper(&identity.1, linked).await;
    let refused = identity
        .confirm(&staff(), 4, shown(&registration))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ACCOUNT_BOUND_DIFFERENTLY");
    assert_eq!(identity.account("wx-2").await.subject_id, other);
}

async fn a_confirmation_sent_again_is_answered_alike(bed: Bed) {
    let family = Family::start(bed).await;
    let (_, registration) = second_account(&family).await;
    let identity = &family.identity;
    let officer = staff();
    // Twice at once, as after a lost answer.
    let (one, two) = tokio::join!(
        identity.confirm(&officer, 3, shown(&registration)),
        identity.confirm(&officer, 3, shown(&registration)),
    );
    assert_eq!(one.unwrap(), two.unwrap());
    let first = identity.confirm(&officer, 3, shown(&registration)).await.unwrap();
    assert_eq!(first.state(), RegistrationState::Proved);
    let reused = Shown {
        registration: &registration,
        ..WRONG
    };
    let reused = identity.confirm(&officer, 3, reused).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(identity.decisions(1).await.len(), 1);
}

async fn a_person_at_a_counter_is_registered_and_held_by_nobody(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    let subject = identity
        .at_counter(&staff(), 1, items("王小明", ONE))
        .await
        .unwrap();
    let by = lutong_testing::texts(&identity.1, "people", "registered_by", "subject_id").await;
    assert_eq!(by, ["counter-1"]);
    assert_eq!(rows(&identity.1, "accounts").await, 0);
    assert_eq!(identity.masks(&[&subject]).await[0].mask, "*明");
    // A document that a feed has named keeps its subject.
    let outcomes = identity.resolve(vec![document(TWO)]).await;
    let wire::resolution::Outcome::SubjectId(placeholder) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    let named = identity
        .at_counter(&staff(), 2, items("李四", TWO))
        .await
        .unwrap();
    assert_eq!(&named, placeholder);
    // What somebody says is no proof.
    let claimed = identity.registered("wx-1", 3, living_in("370202")).await.unwrap();
    assert_eq!(claimed.waiting_for(), MissingProof::KnownMobileOrCounter);
}

async fn somebody_who_is_registered_is_stated_anew_and_the_earlier_mobile_is_told(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    let own = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let mut moved = items("王小明", ONE);
    "13900139000".clone_into(&mut moved.mobile);
    let subject = identity.at_counter(&staff(), 2, moved.clone()).await.unwrap();
    assert_eq!(subject, own);
    let told = family.messages_until(UPDATED, 1).await;
    assert!(told[0].contains("+8613800138000"), "{told:?}");
    // The account keeps the person, and nobody else is noted.
    assert_eq!(identity.account("wx-1").await.subject_id, own);
    let column = "coalesce(registered_by, 'nobody')";
    let by = lutong_testing::texts(&identity.1, "people", column, "subject_id").await;
    assert_eq!(by, ["nobody"]);
    // Somebody whom a counter registered is of the last counter that stated them.
    identity
        .at_counter(&staff(), 3, items("李四", TWO))
        .await
        .unwrap();
    let other = Principal {
        account: "counter-2".to_owned(),
        ..staff()
    };
    identity.at_counter(&other, 4, items("李四", TWO)).await.unwrap();
    let by = lutong_testing::texts(&identity.1, "people", column, "registered_by").await;
    assert!(by.contains(&"counter-2".to_owned()), "{by:?}");
}

async fn a_document_of_another_name_is_not_registered_at_a_counter(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let before = lutong_testing::bytes(&identity.1, "people", "mobile").await;
    let refused = identity.at_counter(&staff(), 2, items("王大明", ONE)).await;
    assert_eq!(refused.unwrap_err().reason, "PERSON_NAME_DIFFERS");
    assert_eq!(
        lutong_testing::bytes(&identity.1, "people", "mobile").await,
        before
    );
    let hidden = identity
        .at_counter(&staff(), 3, items("王\u{202e}小明", TWO))
        .await
        .unwrap_err();
    assert_eq!(named(&hidden), ["person.full_name NAME_CHARACTERS"]);
    assert_eq!(rows(&identity.1, "people").await, 1);
}

async fn a_home_elsewhere_is_not_registered_at_a_counter(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    for division in ["370203", "110101"] {
        let refused = identity.at_counter(&staff(), 1, living_in(division)).await;
        assert_eq!(
            named(&refused.unwrap_err()),
            ["person.home_address.division HOME_OUTSIDE_DIVISION"]
        );
    }
    let nowhere = identity.at_counter(&counter(None), 1, items("王小明", ONE)).await;
    assert_eq!(nowhere.unwrap_err().reason, "DIVISION_MISSING");
    assert_eq!(rows(&identity.1, "people").await, 0);
    let street = identity.at_counter(&staff(), 1, living_in("370202001")).await;
    assert!(street.is_ok(), "{street:?}");
}

async fn a_registration_at_a_counter_sent_again_is_answered_alike(bed: Bed) {
    let family = Family::start(bed).await;
    let identity = &family.identity;
    let first = identity
        .at_counter(&staff(), 1, items("王小明", ONE))
        .await
        .unwrap();
    let again = identity
        .at_counter(&staff(), 1, items("王小明", ONE))
        .await
        .unwrap();
    assert_eq!(first, again);
    let reused = identity.at_counter(&staff(), 1, items("李四", TWO)).await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
    assert_eq!(rows(&identity.1, "people").await, 1);
}
