//! Family bindings: `CreateBinding`, `GetBinding`, `ListBindings`, `ConsentBinding`, `EndBinding`, `ConfirmBinding`, their events, and
//! what code-rendering is told. Code-rendering is a fake that can be away or lose its answers.

pub mod family;

use std::time::Duration;

use lutong_kernel::Timestamp;
use lutong_proto::identity::v1 as wire;
use lutong_testing::{Bed, on_both_engines};
use wire::create_binding_request::Proof;
use wire::event::Payload;
use wire::{BindingAction, BindingEndReason, BindingSide, BindingState};

use self::family::{Family, Someone, counter, named};
use crate::{items, request_id};

on_both_engines!(
    a_child_of_the_household_is_bound_at_once,
    a_child_whom_nobody_registered_is_registered_with_the_household_or_waits,
    an_adult_consents_by_their_own_account,
    an_adult_consents_by_a_code_to_the_mobile_that_is_known,
    no_answer_tells_whether_somebody_is_registered,
    what_cannot_be_bound_is_named_and_nothing_is_stored,
    a_ward_has_two_binders_at_the_most,
    the_limit_holds_for_requests_at_the_same_time,
    an_end_is_acknowledged_once_code_rendering_knows_it,
    an_end_that_nobody_asks_for_again_is_delivered,
    either_side_ends_what_waits,
    a_counter_confirms_with_the_wards_document,
    a_counter_registers_a_child_and_refuses_another_name,
    a_binding_ends_with_the_eighteenth_birthday_and_both_are_told,
    what_nobody_consents_to_in_a_week_is_over,
    own_bindings_are_listed_page_by_page_and_nobody_elses,
    a_request_sent_again_is_answered_alike,
    only_the_binder_of_an_active_binding_applies_for_a_ward_without_an_account,
);

async fn only_the_binder_of_an_active_binding_applies_for_a_ward_without_an_account(bed: Bed) {
    let family = Family::start(bed).await;
    let parent = family.adult("wx-1", "李芳", "19850101", "13800138000").await;
    let stranger = family.adult("wx-3", "赵六", "19750101", "13800138002").await;
    let child = Someone::new("", "李小明", "20120401");
    let binding = family.bind(&parent, 10, &child, Family::household()).await;
    let binding = binding.unwrap();
    let ward = family.ward(&parent, &binding.name).await.unwrap();
    assert_eq!(ward, binding.ward_subject_id);
    for name in [&binding.name, &format!("bindings/{}", request_id(99))] {
        let refused = family.ward(&stranger, name).await.unwrap_err();
        assert_eq!(refused.reason, "BINDING_NOT_FOUND");
    }
    let refused = family.ward(&parent, "nonsense").await.unwrap_err();
    assert_eq!(named(&refused), ["binding NAME_SHAPE"]);
    // The ward applies for nobody by it, and not before the consent does the binder. With an account the ward applies with it.
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let waits = family.bind(&parent, 11, &mother, None).await.unwrap();
    let refused = family.ward(&parent, &waits.name).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    let state = ("state".into(), "PENDING_CONSENT".to_owned());
    assert!(refused.metadata.contains(&state), "{refused:?}");
    family.consent(&mother, 12, &waits.name, "").await.unwrap();
    let refused = family.ward(&mother, &waits.name).await.unwrap_err();
    assert_eq!(refused.reason, "BINDING_NOT_FOUND");
    let refused = family.ward(&parent, &waits.name).await.unwrap_err();
    assert_eq!(refused.reason, "WARD_HAS_ACCOUNT");
    // Nobody's any more.
    family.end(&parent, 13, &binding.name, "").await.unwrap();
    let refused = family.ward(&parent, &binding.name).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
}

async fn a_child_of_the_household_is_bound_at_once(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    assert_eq!(binding.state(), BindingState::Active);
    assert_eq!(binding.side(), BindingSide::Binder);
    assert_eq!(binding.ward_subject_id, child.subject);
    assert_eq!(binding.ward_name_mask, "*明");
    assert_eq!(binding.binder_name_mask, "");
    assert_eq!(
        binding.allowed_actions().collect::<Vec<_>>(),
        [BindingAction::End]
    );
    assert!(binding.of_age_time.is_some() && binding.expire_time.is_none());
    assert!(family.codes.is_active(&binding.binding_id));
    // The ward sees who is bound, and no subject.
    let seen = family.get(&child, &binding.name).await.unwrap();
    assert_eq!(
        (seen.side(), seen.state()),
        (BindingSide::Ward, BindingState::Active)
    );
    assert_eq!(
        (seen.ward_subject_id.as_str(), seen.binder_name_mask.as_str()),
        ("", "*芳")
    );
    // The log says it, with subjects only.
    let told = family.events().await;
    let active = told.iter().find_map(|(subject, payload)| match payload {
        Payload::BindingActivated(active) => Some((subject.clone(), active.clone())),
        _ => None,
    });
    let (ward, active) = active.unwrap();
    assert_eq!((ward, active.binder_subject_id), (child.subject, parent.subject));
    assert_eq!((active.binding_id, active.version), (binding.binding_id, 1));
}

async fn a_child_whom_nobody_registered_is_registered_with_the_household_or_waits(bed: Bed) {
    let family = Family::start(bed).await;
    let parent = family.adult("wx-1", "李芳", "19850101", "13800138000").await;
    let child = Someone::new("", "李小明", "20120401");
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    assert_eq!(binding.state(), BindingState::Active);
    let masks = family.identity.masks(&[&binding.ward_subject_id]).await;
    assert_eq!(masks[0].mask, "*明");
    // Not so for an account of a channel, which nobody believes without a proof: it waits, and nobody is registered.
    let other = Someone::new("", "李小红", "20130401");
    let through_channel = Someone {
        account: "wechat:01".to_owned(),
        ..parent.clone()
    };
    let waits = family
        .bind(&through_channel, 11, &other, Family::household())
        .await
        .unwrap();
    assert_eq!(waits.state(), BindingState::PendingConsent);
    assert_eq!(waits.ward_subject_id, "");
}

async fn an_adult_consents_by_their_own_account(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let stranger = family.adult("wx-3", "赵六", "19750101", "13800138002").await;
    let binding = family.bind(&son, 10, &mother, None).await.unwrap();
    assert_eq!(binding.state(), BindingState::PendingConsent);
    assert!(binding.ward_subject_id.is_empty() && !family.codes.is_active(&binding.binding_id));
    let seen = family.get(&mother, &binding.name).await.unwrap();
    assert_eq!(seen.side(), BindingSide::Ward);
    let allowed: Vec<_> = seen.allowed_actions().collect();
    assert_eq!(allowed, [BindingAction::Consent, BindingAction::End]);
    // Neither the binder nor anybody else consents.
    for who in [&son, &stranger] {
        let refused = family.consent(who, 11, &binding.name, "").await.unwrap_err();
        assert_eq!(refused.reason, "BINDING_NOT_FOUND");
    }
    for refused in [
        family.get(&stranger, &binding.name).await.unwrap_err(),
        family.end(&stranger, 12, &binding.name, "").await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "BINDING_NOT_FOUND");
    }
    let stale = family.consent(&mother, 13, &binding.name, "stale").await;
    assert_eq!(stale.unwrap_err().reason, "STALE");
    let consented = family
        .consent(&mother, 14, &binding.name, &seen.etag)
        .await
        .unwrap();
    assert_eq!(consented.state(), BindingState::Active);
    assert!(family.codes.is_active(&binding.binding_id));
    let again = family
        .consent(&mother, 14, &binding.name, &seen.etag)
        .await
        .unwrap();
    assert_eq!(again, consented);
    let refused = family.consent(&mother, 15, &binding.name, "").await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    let reused = family.consent(&mother, 14, &binding.name, "").await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let malformed = family.consent(&mother, 16, "bindings/1", "").await.unwrap_err();
    assert_eq!(named(&malformed), ["name NAME_SHAPE"]);
    let unknown = family.get(&mother, "bindings/1").await.unwrap_err();
    assert_eq!(named(&unknown), ["name NAME_SHAPE"]);
}

async fn an_adult_consents_by_a_code_to_the_mobile_that_is_known(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let (code, digits) = family.code(&son, 10, "13800138001").await;
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    let refused = family
        .bind(&son, 11, &mother, Family::consent_by("13800138001", &code, wrong))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ONE_TIME_CODE_WRONG");
    // A code to another number says nothing about the ward.
    let void = family
        .bind(
            &son,
            12,
            &mother,
            Family::consent_by("13800138009", &code, &digits),
        )
        .await
        .unwrap_err();
    assert_eq!(void.reason, "ONE_TIME_CODE_VOID");
    let proof = Family::consent_by("13800138001", &code, &digits);
    let binding = family.bind(&son, 13, &mother, proof.clone()).await.unwrap();
    assert_eq!(binding.state(), BindingState::Active);
    assert_eq!(binding.ward_subject_id, mother.subject);
    // Sent again when the code has expired: the proof was of that moment.
    family.identity.0.clock.advance(Duration::from_secs(600));
    let again = family.bind(&son, 13, &mother, proof).await.unwrap();
    assert_eq!(again, binding);
    // A code to a number of the binder's own does not bind somebody who has another.
    let father = family.adult("wx-4", "李刚", "19540101", "13800138003").await;
    let (code, digits) = family.code(&son, 14, "13800138000").await;
    let proof = Family::consent_by("13800138000", &code, &digits);
    let waits = family.bind(&son, 15, &father, proof).await.unwrap();
    assert_eq!(waits.state(), BindingState::PendingConsent);
}

async fn no_answer_tells_whether_somebody_is_registered(bed: Bed) {
    let family = Family::start(bed).await;
    let asking = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let registered = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let other_name = Someone {
        name: "王红".to_owned(),
        ..family.adult("wx-3", "王芳", "19560101", "13800138002").await
    };
    let unregistered = Someone::new("", "王芳", "19570101");
    let mut answers = Vec::new();
    for (n, ward) in [&registered, &other_name, &unregistered].into_iter().enumerate() {
        let n = u32::try_from(n).unwrap();
        let made = family.bind(&asking, 10 + n, ward, None).await.unwrap();
        let read = family.get(&asking, &made.name).await.unwrap();
        assert_eq!(made, read);
        let mut told = made;
        for differs in [
            &mut told.name,
            &mut told.binding_id,
            &mut told.etag,
            &mut told.ward_name_mask,
        ] {
            differs.clear();
        }
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    // Whoever has the document by another name is not asked.
    let listed = family.list(&other_name, 0, "").await.unwrap();
    assert!(listed.bindings.is_empty(), "{listed:?}");
}

async fn what_cannot_be_bound_is_named_and_nothing_is_stored(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    let mother = family.adult("wx-5", "王芳", "19550101", "13800138001").await;
    let refused = async |who: &Someone, n: u32, ward: &Someone, proof: Option<Proof>| {
        let before = lutong_testing::rows(&family.identity.1, "bindings").await;
        let refused = family.bind(who, n, ward, proof).await.unwrap_err();
        assert_eq!(lutong_testing::rows(&family.identity.1, "bindings").await, before);
        named(&refused)
    };
    assert_eq!(
        refused(&parent, 10, &parent, None).await,
        ["document BINDING_TO_ONESELF"]
    );
    let consent = Family::consent_by(
        "13800138000",
        &format!("one-time-codes/{}", request_id(1)),
        "123456",
    );
    assert_eq!(
        refused(&parent, 11, &child, Some(consent)).await,
        ["mobile_consent GUARDIAN_NEEDED"]
    );
    assert_eq!(
        refused(&parent, 12, &mother, Some(Family::household())).await,
        ["household_book WARD_OF_AGE"]
    );
    let nameless = Someone {
        name: "3".to_owned(),
        number: "110105194912310021".to_owned(),
        ..child.clone()
    };
    assert_eq!(
        refused(&parent, 13, &nameless, None).await,
        [
            "full_name NAME_CHARACTERS",
            "document.number RESIDENT_ID_CHECK_CHARACTER"
        ]
    );
    family
        .bind(&parent, 14, &child, Family::household())
        .await
        .unwrap();
    assert_eq!(
        refused(&parent, 15, &child, None).await,
        ["document ALREADY_BOUND"]
    );
    // The ward of somebody is not their binder.
    assert_eq!(
        refused(&child, 16, &parent, None).await,
        ["document BINDING_CIRCLE"]
    );
    for n in 0..7 {
        let ward = Someone::new("", "王芳", &format!("195{n}0202"));
        family.bind(&parent, 20 + n, &ward, None).await.unwrap();
    }
    assert_eq!(
        refused(&parent, 30, &mother, None).await,
        ["document TOO_MANY_BINDINGS"]
    );
    let nobody = Someone::new("wx-9", "赵六", "19750101");
    let refused = family.bind(&nobody, 31, &mother, None).await.unwrap_err();
    assert_eq!(refused.reason, "BINDER_NOT_REGISTERED");
    let read = family.get(&nobody, &format!("bindings/{}", request_id(1))).await;
    assert_eq!(read.unwrap_err().reason, "BINDING_NOT_FOUND");
    assert!(family.list(&nobody, 0, "").await.unwrap().bindings.is_empty());
}

async fn a_ward_has_two_binders_at_the_most(bed: Bed) {
    let family = Family::start(bed).await;
    let grandmother = family.adult("wx-1", "王芳", "19550101", "13800138001").await;
    let mut names = Vec::new();
    for n in 2..=4 {
        let child = family
            .adult(
                &format!("wx-{n}"),
                "李强",
                &format!("198{n}0101"),
                &format!("1380013800{n}"),
            )
            .await;
        names.push((
            child.clone(),
            family
                .bind(&child, 10 + n, &grandmother, None)
                .await
                .unwrap()
                .name,
        ));
    }
    for (n, (_, name)) in (20..).zip(&names[..2]) {
        family.consent(&grandmother, n, name, "").await.unwrap();
    }
    let refused = family
        .consent(&grandmother, 22, &names[2].1, "")
        .await
        .unwrap_err();
    assert_eq!(named(&refused), ["name TOO_MANY_BINDERS"]);
    let waits = family.get(&grandmother, &names[2].1).await.unwrap();
    assert_eq!(waits.state(), BindingState::PendingConsent);
    // The same request succeeds once one of the two has ended: nothing of it was stored.
    family.end(&names[0].0, 23, &names[0].1, "").await.unwrap();
    family.consent(&grandmother, 22, &names[2].1, "").await.unwrap();
    // By a code the answer is the same, and nothing is stored.
    let last = family.adult("wx-5", "李强", "19890101", "13800138005").await;
    let (code, digits) = family.code(&last, 24, "13800138001").await;
    let proof = Family::consent_by("13800138001", &code, &digits);
    let refused = family.bind(&last, 25, &grandmother, proof).await.unwrap_err();
    assert_eq!(named(&refused), ["document TOO_MANY_BINDERS"]);
    assert!(family.list(&last, 0, "").await.unwrap().bindings.is_empty());
    // A binder who became the ward of their ward meanwhile is refused at the consent.
    let asked = family.bind(&grandmother, 26, &last, None).await.unwrap();
    let back = family.bind(&last, 27, &grandmother, None).await.unwrap();
    family.consent(&last, 28, &asked.name, "").await.unwrap();
    let refused = family
        .consent(&grandmother, 29, &back.name, "")
        .await
        .unwrap_err();
    assert_eq!(named(&refused), ["name BINDING_CIRCLE"]);
}

async fn the_limit_holds_for_requests_at_the_same_time(bed: Bed) {
    let family = Family::start(bed).await;
    let parent = family.adult("wx-1", "李芳", "19850101", "13800138000").await;
    let wards: Vec<_> = (10..22)
        .map(|n| Someone::new("", "王芳", &format!("19550{}{n}", n % 9 + 1)))
        .collect();
    let asked = wards
        .iter()
        .zip(10..)
        .map(|(ward, n)| family.bind(&parent, n, ward, None));
    let answers = futures::future::join_all(asked).await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    let refused: Vec<_> = refused.flat_map(named).collect();
    assert_eq!(refused, ["document TOO_MANY_BINDINGS"; 4]);
    assert_eq!(lutong_testing::rows(&family.identity.1, "bindings").await, 8);
}

async fn an_end_is_acknowledged_once_code_rendering_knows_it(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    family.identity.0.kill_background_work();
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    let id = &binding.binding_id;
    family.codes.set_away(true);
    let refused = family
        .end(&child, 11, &binding.name, &binding.etag)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "UNBINDING_UNDER_WAY");
    assert!(refused.retry_after.is_some());
    // Stored, and not said to be over: the binder may still be shown the code.
    assert!(family.codes.is_active(id));
    for who in [&parent, &child] {
        let seen = family.get(who, &binding.name).await.unwrap();
        assert_eq!(seen.state(), BindingState::Ending);
        assert!(seen.end_time.is_none() && seen.ward_subject_id.is_empty());
        assert_eq!(seen.end_reason(), BindingEndReason::Unspecified);
    }
    family.codes.set_away(false);
    // Taken in, but the answer is lost.
    family.codes.lose_answers(true);
    let refused = family
        .end(&child, 11, &binding.name, &binding.etag)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "UNBINDING_UNDER_WAY");
    assert!(!family.codes.is_active(id));
    family.codes.lose_answers(false);
    let ended = family
        .end(&child, 11, &binding.name, &binding.etag)
        .await
        .unwrap();
    assert_eq!(ended.state(), BindingState::Ended);
    assert_eq!(ended.end_reason(), BindingEndReason::UnboundByWard);
    assert!(ended.end_time.is_some() && ended.ward_name_mask.is_empty());
    assert_eq!(
        family
            .end(&child, 11, &binding.name, &binding.etag)
            .await
            .unwrap(),
        ended
    );
    let over = family.end(&parent, 12, &binding.name, "").await.unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    let stale = family
        .end(&parent, 13, &binding.name, &binding.etag)
        .await
        .unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let reused = family.end(&child, 11, &binding.name, "").await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let malformed = family.end(&child, 14, "bindings/1", "").await.unwrap_err();
    assert_eq!(named(&malformed), ["name NAME_SHAPE"]);
    // Bound again it is another binding.
    let again = family
        .bind(&parent, 15, &child, Family::household())
        .await
        .unwrap();
    assert_eq!(again.state(), BindingState::Active);
    assert!(family.codes.is_active(&again.binding_id) && !family.codes.is_active(id));
}

async fn an_end_that_nobody_asks_for_again_is_delivered(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    family.codes.set_away(true);
    family.end(&parent, 11, &binding.name, "").await.unwrap_err();
    // The log says it, once.
    let told = family
        .events_until(|payload| matches!(payload, Payload::BindingEnded(_)))
        .await;
    let ended = told.iter().filter_map(|(subject, payload)| match payload {
        Payload::BindingEnded(ended) => Some((subject.as_str(), ended.version)),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [(child.subject.as_str(), 2)]);
    family.codes.set_away(false);
    let ended = family.until(&parent, &binding.name, BindingState::Ended).await;
    assert_eq!(ended.end_reason(), BindingEndReason::UnboundByBinder);
    assert!(!family.codes.is_active(&binding.binding_id));
}

async fn either_side_ends_what_waits(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    for (n, who, reason) in [
        (10, &mother, BindingEndReason::Rejected),
        (20, &son, BindingEndReason::UnboundByBinder),
    ] {
        let binding = family.bind(&son, n, &mother, None).await.unwrap();
        // Code-rendering never knew it, and is not asked.
        family.codes.set_away(true);
        let ended = family.end(who, n + 1, &binding.name, "").await.unwrap();
        family.codes.set_away(false);
        assert_eq!((ended.state(), ended.end_reason()), (BindingState::Ended, reason));
        let consented = family
            .consent(&mother, n + 2, &binding.name, "")
            .await
            .unwrap_err();
        assert_eq!(consented.reason, "WRONG_STATE");
    }
}

async fn a_counter_confirms_with_the_wards_document(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let binding = family.bind(&son, 10, &mother, None).await.unwrap();
    let confirm = async |division: Option<&str>, n, number: &str, etag: &str| {
        let who = counter(division);
        family.confirm(&who, n, &binding.name, number, etag).await
    };
    let elsewhere = confirm(Some("370100"), 11, &mother.number, "").await.unwrap_err();
    assert_eq!(elsewhere.reason, "BINDING_NOT_FOUND");
    let nowhere = confirm(None, 11, &mother.number, "").await.unwrap_err();
    assert_eq!(nowhere.reason, "DIVISION_MISSING");
    let differs = confirm(Some("370202"), 12, &son.number, "").await.unwrap_err();
    assert_eq!(named(&differs), ["document DOCUMENT_DIFFERS"]);
    let stale = confirm(Some("370202"), 13, &mother.number, "stale")
        .await
        .unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let confirmed = confirm(Some("370202"), 14, &mother.number, &binding.etag)
        .await
        .unwrap();
    assert_eq!(confirmed.state(), BindingState::Active);
    assert_eq!(confirmed.side(), BindingSide::Counter);
    // The counter helps: it is told no subject, and may do nothing more.
    assert!(confirmed.ward_subject_id.is_empty() && confirmed.allowed_actions.is_empty());
    assert_eq!(
        (
            confirmed.ward_name_mask.as_str(),
            confirmed.binder_name_mask.as_str()
        ),
        ("*芳", "*强")
    );
    let again = confirm(Some("370202"), 14, &mother.number, &binding.etag)
        .await
        .unwrap();
    assert_eq!(again, confirmed);
    let reused = confirm(Some("370202"), 14, &mother.number, "").await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let over = confirm(Some("370202"), 15, &mother.number, "").await.unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    assert!(family.codes.is_active(&binding.binding_id));
}

async fn a_counter_registers_a_child_and_refuses_another_name(bed: Bed) {
    let family = Family::start(bed).await;
    let parent = family.adult("wx-1", "李芳", "19850101", "13800138000").await;
    let child = Someone::new("wx-2", "李小明", "20120401");
    let binding = family.bind(&parent, 10, &child, None).await.unwrap();
    let staff = counter(Some("370202"));
    let confirmed = family
        .confirm(&staff, 11, &binding.name, &child.number, "")
        .await
        .unwrap();
    assert_eq!(confirmed.state(), BindingState::Active);
    let seen = family.get(&parent, &binding.name).await.unwrap();
    assert_eq!(
        family.identity.masks(&[&seen.ward_subject_id]).await[0].mask,
        "*明"
    );
    assert!(seen.of_age_time.is_some());
    // Another child, whose document is registered with another name.
    let other = family.adult("wx-3", "李小红", "20130401", "13800138009").await;
    let misnamed = Someone {
        name: "李小兰".to_owned(),
        ..other
    };
    let binding = family.bind(&parent, 12, &misnamed, None).await.unwrap();
    let refused = family
        .confirm(&staff, 13, &binding.name, &misnamed.number, "")
        .await;
    assert_eq!(refused.unwrap_err().reason, "WARD_NAME_DIFFERS");
    // A minor cannot consent.
    let right = Someone {
        name: "李小红".to_owned(),
        ..misnamed
    };
    family.end(&parent, 14, &binding.name, "").await.unwrap();
    let binding = family.bind(&parent, 15, &right, None).await.unwrap();
    let refused = family.consent(&right, 16, &binding.name, "").await.unwrap_err();
    assert_eq!(refused.reason, "WARD_IS_MINOR");
    let seen = family.get(&right, &binding.name).await.unwrap();
    assert_eq!(seen.allowed_actions().collect::<Vec<_>>(), [BindingAction::End]);
}

async fn a_binding_ends_with_the_eighteenth_birthday_and_both_are_told(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    let birthday = Timestamp::parse("2030-04-01T00:00:00+08:00").unwrap();
    let of_age = lutong_proto::time::from_micros(birthday.micros());
    assert_eq!(binding.of_age_time, Some(of_age));
    // The child has a telephone of their own by now.
    let child_items = lutong_proto::types::v1::PersonItems {
        mobile: "13800138007".to_owned(),
        ..items(&child.name, &child.number)
    };
    family
        .identity
        .register(&child.account, 11, child_items)
        .await
        .unwrap();
    family.identity.0.clock.set(birthday.plus_micros(-1));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        family.get(&child, &binding.name).await.unwrap().state(),
        BindingState::Active
    );
    family.identity.0.clock.set(birthday);
    let ended = family.until(&child, &binding.name, BindingState::Ended).await;
    assert_eq!(ended.end_reason(), BindingEndReason::CameOfAge);
    assert!(!family.codes.is_active(&binding.binding_id));
    let told = family.messages_until("18周岁", 2).await;
    for mobile in ["+8613800138000", "+8613800138007"] {
        assert_eq!(
            told.iter().filter(|line| line.contains(mobile)).count(),
            1,
            "{told:?}"
        );
    }
    assert!(
        told.iter()
            .all(|line| !line.contains("李") && !line.contains(&child.number))
    );
}

async fn what_nobody_consents_to_in_a_week_is_over(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let binding = family.bind(&son, 10, &mother, None).await.unwrap();
    family.identity.0.clock.advance(Duration::from_secs(7 * 86_400));
    // Before the task has noted it, a consent comes too late already.
    let late = family.consent(&mother, 11, &binding.name, "").await.unwrap_err();
    assert_eq!(late.reason, "WRONG_STATE");
    let ended = family.until(&son, &binding.name, BindingState::Ended).await;
    assert_eq!(ended.end_reason(), BindingEndReason::ConsentExpired);
    let names = lutong_testing::texts(&family.identity.1, "bindings", "state", "binding_id").await;
    assert_eq!(names, ["ENDED"]);
}

async fn own_bindings_are_listed_page_by_page_and_nobody_elses(bed: Bed) {
    let family = Family::start(bed).await;
    let son = family.adult("wx-1", "李强", "19850101", "13800138000").await;
    let mother = family.adult("wx-2", "王芳", "19550101", "13800138001").await;
    let stranger = family.adult("wx-3", "赵六", "19750101", "13800138002").await;
    let mut made = Vec::new();
    for n in 0..3 {
        family.identity.0.clock.advance(Duration::from_secs(1));
        let ward = Someone::new("", "王芳", &format!("195{n}0202"));
        made.push(family.bind(&son, 10 + n, &ward, None).await.unwrap());
    }
    family.identity.0.clock.advance(Duration::from_secs(1));
    made.push(family.bind(&son, 20, &mother, None).await.unwrap());
    family.identity.0.clock.advance(Duration::from_secs(1));
    made.push(family.bind(&stranger, 21, &son, None).await.unwrap());
    made.reverse();
    let first = family.list(&son, 2, "").await.unwrap();
    let second = family.list(&son, 2, &first.next_page_token).await.unwrap();
    let third = family.list(&son, 2, &second.next_page_token).await.unwrap();
    assert_eq!(third.next_page_token, "");
    let listed: Vec<_> = [first.bindings, second.bindings, third.bindings].concat();
    let ids = |bindings: &[wire::Binding]| bindings.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&made));
    assert_eq!(listed[0].side(), BindingSide::Ward);
    assert!(listed[1..].iter().all(|one| one.side() == BindingSide::Binder));
    let hers = family.list(&mother, 0, "").await.unwrap().bindings;
    assert_eq!(ids(&hers), ids(&made[1..2]));
    let foreign = family.list(&son, 2, "x").await.unwrap_err();
    assert_eq!(named(&foreign), ["page_token PAGE_TOKEN_FOREIGN"]);
}

async fn a_request_sent_again_is_answered_alike(bed: Bed) {
    let family = Family::start(bed).await;
    let (parent, child) = family.parent_and_child().await;
    let binding = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    let again = family
        .bind(&parent, 10, &child, Family::household())
        .await
        .unwrap();
    assert_eq!(again, binding);
    let reused = family.bind(&parent, 10, &child, None).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(lutong_testing::rows(&family.identity.1, "bindings").await, 1);
    let told = family.events().await;
    let active = told
        .iter()
        .filter(|(_, payload)| matches!(payload, Payload::BindingActivated(_)));
    assert_eq!(active.count(), 1);
}
