//! What a change of one's own data has to prove: a code to the new mobile, the authority's word for a new document.

use std::time::Duration;

use lutong_proto::identity::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_stand_ins::Fault as Broken;
use lutong_testing::{Bed, on_both_engines, rows, violations};
use wire::OneTimeCodePurpose as Purpose;

use super::documents::replacement;
use super::update;
use crate::document;
use crate::proving::{Code, LI, Proving, WANG, items_of, mobile};

on_both_engines!(
    a_new_mobile_is_proved_by_a_code_to_it_and_the_old_one_is_told,
    a_mobile_of_an_edited_application_is_told_to_the_old_one,
    every_account_of_a_person_sees_a_change,
    a_new_document_is_proved_as_a_registration_is,
    a_document_that_the_channel_has_verified_needs_no_code,
    an_organisations_wrong_mobile_keeps_nobody_out,
);

const WECHAT: &str = "wechat:00000000000000000000000000000001";
const ALIPAY: &str = "alipay:00000000000000000000000000000002";

impl Proving {
    async fn code_for(&self, account: &str, n: u32, number: &str, purpose: Purpose) -> Code {
        // A number gets one code a minute.
        self.bed().clock.advance(Duration::from_secs(60));
        let created = self.create_code(account, n, number, purpose).await.unwrap();
        Code {
            name: created.name,
            digits: self.stand_ins.last_code(&format!("+86{number}")).unwrap(),
        }
    }
}

fn to_mobile(n: u32, number: &str, code: Option<&Code>) -> wire::UpdatePersonRequest {
    let mut asked = update(n, &["mobile"]);
    number.clone_into(&mut asked.person.as_mut().unwrap().mobile);
    asked.mobile_proof = code.map(Code::proof);
    asked
}

fn wrong(code: &Code) -> Code {
    let digits = if code.digits == "000000" {
        "000001"
    } else {
        "000000"
    };
    Code {
        digits: digits.to_owned(),
        ..code.clone()
    }
}

async fn a_new_mobile_is_proved_by_a_code_to_it_and_the_old_one_is_told(bed: Bed) {
    let world = Proving::start(bed).await;
    let subject = world.proved(WECHAT, 1, WANG).await;
    let identity = &world.identity;
    let new = "13900139000";
    let unproved = identity
        .update(WECHAT, to_mobile(2, new, None))
        .await
        .unwrap_err();
    assert_eq!(violations(&unproved), ["mobile_proof MISSING"]);
    // A code to the old number, one for another purpose and one of another account prove nothing about the new number.
    let old = world
        .code_for(WECHAT, 3, WANG.mobile, Purpose::ChangeMobile)
        .await;
    let apply = world.code_for(WECHAT, 4, new, Purpose::Apply).await;
    let theirs = world.code_for(ALIPAY, 5, new, Purpose::ChangeMobile).await;
    for void in [&old, &apply, &theirs] {
        let refused = identity
            .update(WECHAT, to_mobile(6, new, Some(void)))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "ONE_TIME_CODE_VOID");
    }
    let code = world.code_for(WECHAT, 7, new, Purpose::ChangeMobile).await;
    let refused = identity
        .update(WECHAT, to_mobile(8, new, Some(&wrong(&code))))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ONE_TIME_CODE_WRONG");
    assert_eq!(identity.person(WECHAT).await.unwrap().mobile, mobile(WANG));
    let changed = identity
        .update(WECHAT, to_mobile(9, new, Some(&code)))
        .await
        .unwrap();
    assert_eq!(
        (changed.mobile.as_str(), changed.subject_id),
        ("+8613900139000", subject)
    );
    assert!(world.is_told(WANG, "mobile-changed").await);
    assert_eq!(
        identity.history(WECHAT).await,
        [format!("{} -> +8613900139000", mobile(WANG))]
    );
    // The number that is known now is the new one: a second account with the old one waits.
    let code = world.code(ALIPAY, 10, WANG).await;
    let second = world
        .register(ALIPAY, 11, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert_eq!(second.waiting_for(), types::MissingProof::KnownMobileOrCounter);
}

async fn a_mobile_of_an_edited_application_is_told_to_the_old_one(bed: Bed) {
    let world = Proving::start(bed).await;
    let opened = world
        .open(types::Channel::Wechat, "openid-1", Some(WANG))
        .await
        .unwrap();
    let account = opened.account_id;
    world.register(&account, 1, items_of(WANG), None).await.unwrap();
    let mut edited = items_of(WANG);
    LI.mobile.clone_into(&mut edited.mobile);
    world.register(&account, 2, edited, None).await.unwrap();
    assert!(world.is_told(WANG, "mobile-changed").await);
    assert_eq!(
        world.identity.history(&account).await,
        [format!("{} -> {}", mobile(WANG), mobile(LI))]
    );
}

async fn every_account_of_a_person_sees_a_change(bed: Bed) {
    let world = Proving::start(bed).await;
    let subject = world.proved(WECHAT, 1, WANG).await;
    world.bed().clock.advance(Duration::from_secs(60));
    assert_eq!(world.proved(ALIPAY, 2, WANG).await, subject);
    let identity = &world.identity;
    let changed = identity
        .update(WECHAT, update(3, &["home_address"]))
        .await
        .unwrap();
    assert_eq!(identity.person(ALIPAY).await.unwrap(), changed);
    let channels: Vec<_> = changed
        .account_links
        .iter()
        .map(wire::AccountLink::channel)
        .collect();
    assert_eq!(channels, [types::Channel::Wechat, types::Channel::Alipay]);
    let linked_at = |link: &wire::AccountLink| link.link_time.map(|at| lutong_proto::time::to_micros(&at));
    assert!(linked_at(&changed.account_links[0]) < linked_at(&changed.account_links[1]));
    assert_eq!(identity.history(ALIPAY).await, identity.history(WECHAT).await);
}

async fn a_new_document_is_proved_as_a_registration_is(bed: Bed) {
    let world = Proving::start(bed).await;
    // Registered before a correction of name and number, through a channel that verified them.
    let before = lutong_stand_ins::StandInPerson {
        full_name: "王旧名",
        resident_id: "440524188001010014",
        ..*WANG
    };
    let opened = world
        .open(types::Channel::Wechat, "openid-1", Some(&before))
        .await
        .unwrap();
    let account = opened.account_id;
    let registered = world
        .register(&account, 1, items_of(&before), None)
        .await
        .unwrap();
    let identity = &world.identity;
    let asked = |n, code: Option<&Code>| wire::ReplaceDocumentRequest {
        mobile_proof: code.map(Code::proof),
        ..replacement(n, WANG.full_name, document(WANG.resident_id))
    };
    let unproved = identity.replace(&account, asked(2, None)).await.unwrap_err();
    assert_eq!(violations(&unproved), ["mobile_proof MISSING"]);
    // The code goes to the registered number and is for this purpose.
    let other = world
        .code_for(&account, 3, LI.mobile, Purpose::ReplaceDocument)
        .await;
    let apply = world.code_for(&account, 4, WANG.mobile, Purpose::Apply).await;
    for void in [&other, &apply] {
        let refused = identity
            .replace(&account, asked(5, Some(void)))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "ONE_TIME_CODE_VOID");
    }
    let code = world
        .code_for(&account, 6, WANG.mobile, Purpose::ReplaceDocument)
        .await;
    let refused = identity
        .replace(&account, asked(7, Some(&wrong(&code))))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ONE_TIME_CODE_WRONG");
    // Somebody else's document, registered or not, is answered alike to whom the authority does not confirm it.
    let stolen = |n| wire::ReplaceDocumentRequest {
        mobile_proof: Some(code.proof()),
        ..replacement(n, LI.full_name, document(LI.resident_id))
    };
    let unknown = identity.replace(&account, stolen(8)).await.unwrap_err();
    assert_eq!(unknown.reason, "REAL_NAME_MISMATCH");
    world.proved(ALIPAY, 9, LI).await;
    assert_eq!(identity.replace(&account, stolen(10)).await.unwrap_err(), unknown);
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let refused = identity
        .replace(&account, asked(11, Some(&code)))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "REAL_NAME_CHECK_UNAVAILABLE");
    assert!(refused.retry_after.is_some());
    for (table, count) in [("person_changes", 0), ("registrations", 0), ("people", 2)] {
        assert_eq!(rows(&identity.1, table).await, count, "{table}");
    }
    world.stand_ins.faults.turn_off(Broken::RealNameUnavailable);
    let replaced = identity.replace(&account, asked(12, Some(&code))).await.unwrap();
    assert_eq!(replaced.subject_id, registered.subject_id);
    assert_eq!(replaced.full_name, WANG.full_name);
    assert_eq!(rows(&identity.1, "person_changes").await, 2);
}

async fn a_document_that_the_channel_has_verified_needs_no_code(bed: Bed) {
    let world = Proving::start(bed).await;
    let before = lutong_stand_ins::StandInPerson {
        full_name: "王旧名",
        ..*WANG
    };
    let opened = world
        .open(types::Channel::Wechat, "openid-1", Some(&before))
        .await
        .unwrap();
    let account = opened.account_id;
    world
        .register(&account, 1, items_of(&before), None)
        .await
        .unwrap();
    // The channel has a newer name, and what it had before proves nothing any more.
    world
        .open(types::Channel::Wechat, "openid-1", Some(WANG))
        .await
        .unwrap();
    let asked = |n, name| replacement(n, name, document(WANG.resident_id));
    let replaced = world
        .identity
        .replace(&account, asked(2, WANG.full_name))
        .await
        .unwrap();
    assert_eq!(replaced.full_name, WANG.full_name);
    let refused = world
        .identity
        .replace(&account, asked(3, "王旧名"))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["mobile_proof MISSING"]);
}

async fn an_organisations_wrong_mobile_keeps_nobody_out(bed: Bed) {
    let world = Proving::start(bed).await;
    let mut stated = items_of(WANG);
    LI.mobile.clone_into(&mut stated.mobile);
    let subjects = world.identity.batch_subjects(1, vec![stated]).await;
    // The person proves to be themself with their own telephone.
    assert_eq!(world.proved(WECHAT, 2, WANG).await, subjects[0]);
    assert_eq!(world.identity.person(WECHAT).await.unwrap().mobile, mobile(WANG));
    assert_eq!(
        world.identity.history(WECHAT).await,
        [format!("{} -> {}", mobile(LI), mobile(WANG))]
    );
    // Nothing is told to the number that was wrong, and from now on the known mobile is needed.
    let told = world.stand_ins.messages_to(&mobile(LI));
    assert!(told.is_empty(), "{told:?}");
    let mut other = items_of(WANG);
    "13900139000".clone_into(&mut other.mobile);
    let code = world.code_for(ALIPAY, 3, "13900139000", Purpose::Apply).await;
    let refused = world
        .register(ALIPAY, 4, other, Some(code.proof()))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "REAL_NAME_MISMATCH");
}
