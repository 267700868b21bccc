//! Who may hold whose code: `RegisterPerson` and `OpenAccount` with proofs.

use std::time::Duration;

use lutong_proto::identity::v1::event::Payload;
use lutong_proto::types::v1 as types;
use lutong_stand_ins::Fault as Broken;
use lutong_testing::{Bed, on_both_engines, rows};
use types::{Channel, MissingProof};

use crate::proving::{LI, Proving, WANG, items_of};
use crate::{items, start};

on_both_engines!(
    a_name_and_a_number_alone_are_nobodys_code,
    a_person_is_registered_with_the_authoritys_word_and_a_code,
    a_repeated_registration_is_answered_while_everything_is_away,
    a_second_account_needs_the_mobile_that_is_known_and_the_first_is_told,
    a_stated_person_whom_another_account_holds_is_not_taken_and_nothing_is_told,
    while_the_authority_is_away_a_registration_waits_and_is_linked_by_itself,
    a_registration_that_waits_says_the_same_whether_somebody_is_registered_or_not,
    a_registration_that_the_authority_refuses_later_ends_and_is_erased,
    a_registration_that_waits_too_long_is_erased,
    a_later_registration_of_the_same_account_replaces_the_one_that_waits,
    whom_the_channel_has_verified_needs_no_code,
    one_person_through_two_channels_has_two_accounts_and_one_code,
    the_outside_id_of_an_account_is_stored_nowhere,
    a_channel_that_verifies_what_cannot_be_verifies_nobody,
    a_disabled_account_of_a_channel_opens_no_more,
);

const WECHAT: &str = "wechat:00000000000000000000000000000001";
const ALIPAY: &str = "alipay:00000000000000000000000000000002";

async fn a_name_and_a_number_alone_are_nobodys_code(bed: Bed) {
    let world = Proving::start(bed).await;
    let refused = world.register(WECHAT, 1, items_of(WANG), None).await.unwrap_err();
    assert_eq!(refused.violations[0].field, "mobile_proof");
    // The mobile is the attacker's own, and the code was really sent there.
    let mut stolen = items_of(WANG);
    LI.mobile.clone_into(&mut stolen.mobile);
    let code = world.code(WECHAT, 2, LI).await;
    let refused = world
        .register(WECHAT, 3, stolen, Some(code.proof()))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "REAL_NAME_MISMATCH");
    for table in ["people", "accounts", "registrations"] {
        assert_eq!(rows(&world.identity.1, table).await, 0, "{table}");
    }
}

async fn a_person_is_registered_with_the_authoritys_word_and_a_code(bed: Bed) {
    let world = Proving::start(bed).await;
    let subject = world.proved(WECHAT, 1, WANG).await;
    assert_eq!(world.identity.account(WECHAT).await.subject_id, subject);
    assert_eq!(world.stand_ins.faults.counts()["real-name"], 1);
    // Applying again, with everything away but the telephone.
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    world.bed().clock.advance(Duration::from_secs(60));
    assert_eq!(world.proved(WECHAT, 2, WANG).await, subject);
}

async fn a_repeated_registration_is_answered_while_everything_is_away(bed: Bed) {
    let world = Proving::start(bed).await;
    let code = world.code(WECHAT, 1, WANG).await;
    let first = world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    world.stand_ins.faults.turn_on(Broken::Away);
    world.bed().clock.advance(Duration::from_secs(600));
    let again = world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert_eq!(first, again);
}

async fn a_second_account_needs_the_mobile_that_is_known_and_the_first_is_told(bed: Bed) {
    let world = Proving::start(bed).await;
    let subject = world.proved(WECHAT, 1, WANG).await;
    assert!(!world.is_told(WANG, "account-linked").await);
    world.bed().clock.advance(Duration::from_secs(60));
    assert_eq!(world.proved(ALIPAY, 2, WANG).await, subject);
    assert!(world.is_told(WANG, "account-linked").await);
    for account in [WECHAT, ALIPAY] {
        assert_eq!(world.identity.account(account).await.subject_id, subject);
    }
}

/// On loopback accounts are believed; a person whom another account holds is not theirs for the asking.
async fn a_stated_person_whom_another_account_holds_is_not_taken_and_nothing_is_told(bed: Bed) {
    let identity = start(bed).await;
    let held = identity
        .register("wx-1", 1, items("王小明", crate::ONE))
        .await
        .unwrap();
    for (n, name) in [(2, "王小明"), (3, "王大明")] {
        let answer = identity
            .registered("wx-2", n, items(name, crate::ONE))
            .await
            .unwrap();
        assert_eq!(answer.subject_id, "");
        assert_eq!(answer.waiting_for(), MissingProof::KnownMobileOrCounter);
        assert_ne!(answer.registration_id, held);
    }
    assert_eq!(identity.account("wx-2").await.subject_id, "");
    let masks = identity.masks(&[&held]).await;
    assert_eq!(masks[0].mask, "*明", "the items are those of the first account");
}

async fn while_the_authority_is_away_a_registration_waits_and_is_linked_by_itself(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let code = world.code(WECHAT, 1, WANG).await;
    let waits = world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert_eq!(waits.waiting_for(), MissingProof::RealNameCheck);
    assert_eq!((waits.subject_id.as_str(), waits.registration_id.len()), ("", 36));
    assert_eq!(rows(&world.identity.1, "people").await, 0);
    world.stand_ins.faults.turn_off(Broken::RealNameUnavailable);
    world.bed().clock.advance(Duration::from_secs(30));
    let subject = world.linked(WECHAT).await;
    let events = world.identity.published_events(1).await;
    let Payload::RegistrationDecided(decided) = &events[0].1 else {
        panic!("{events:?}");
    };
    assert_eq!(
        (&events[0].0, &decided.registration_id),
        (&subject, &waits.registration_id)
    );
    assert_eq!(decided.waiting_for, 0);
    assert_eq!(world.identity.masks(&[&subject]).await[0].mask, "*明");
}

async fn a_registration_that_waits_says_the_same_whether_somebody_is_registered_or_not(bed: Bed) {
    let world = Proving::start(bed).await;
    world.proved(WECHAT, 1, WANG).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let mut answers = Vec::new();
    for (n, person) in [(10, WANG), (11, LI)] {
        // The attacker holds the telephone of neither, and states their own with both.
        let mut stolen = items_of(person);
        "13900139000".clone_into(&mut stolen.mobile);
        world.bed().clock.advance(Duration::from_secs(60));
        let purpose = lutong_proto::identity::v1::OneTimeCodePurpose::Apply;
        let code = world
            .create_code(ALIPAY, n + 100, "13900139000", purpose)
            .await
            .unwrap();
        let proof = types::OneTimeCodeProof {
            one_time_code: code.name,
            code: world.stand_ins.last_code("+8613900139000").unwrap(),
        };
        let mut answer = world.register(ALIPAY, n, stolen, Some(proof)).await.unwrap();
        answer.registration_id.clear();
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].waiting_for(), MissingProof::RealNameCheck);
}

async fn a_registration_that_the_authority_refuses_later_ends_and_is_erased(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let mut wrong = items_of(WANG);
    "王大明".clone_into(&mut wrong.full_name);
    let code = world.code(WECHAT, 1, WANG).await;
    let waits = world
        .register(WECHAT, 2, wrong, Some(code.proof()))
        .await
        .unwrap();
    world.stand_ins.faults.turn_off(Broken::RealNameUnavailable);
    world.bed().clock.advance(Duration::from_secs(30));
    let events = world.identity.published_events(1).await;
    let Payload::RegistrationDecided(decided) = &events[0].1 else {
        panic!("{events:?}");
    };
    assert_eq!(
        (events[0].0.as_str(), &decided.registration_id),
        ("", &waits.registration_id)
    );
    assert_eq!(world.identity.account(WECHAT).await.subject_id, "");
    assert_eq!(
        rows(&world.identity.1, "registrations WHERE full_name IS NOT NULL").await,
        0
    );
}

async fn a_registration_that_waits_too_long_is_erased(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let code = world.code(WECHAT, 1, WANG).await;
    world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    world.bed().clock.advance(Duration::from_secs(30 * 86_400 + 1));
    let events = world.identity.published_events(1).await;
    assert!(matches!(&events[0].1, Payload::RegistrationDecided(_)) && events[0].0.is_empty());
    assert_eq!(
        rows(&world.identity.1, "registrations WHERE document IS NOT NULL").await,
        0
    );
}

async fn a_later_registration_of_the_same_account_replaces_the_one_that_waits(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::RealNameUnavailable);
    let code = world.code(WECHAT, 1, WANG).await;
    world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    world.stand_ins.faults.turn_off(Broken::RealNameUnavailable);
    let registered = world
        .register(WECHAT, 3, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert!(!registered.subject_id.is_empty());
    let states = lutong_testing::texts(&world.identity.1, "registrations", "state", "state").await;
    assert_eq!(states, ["replaced"]);
}

async fn whom_the_channel_has_verified_needs_no_code(bed: Bed) {
    let world = Proving::start(bed).await;
    let account = world
        .open(Channel::Aishandong, "sub-wang", Some(WANG))
        .await
        .unwrap();
    assert_eq!(account.subject_id, "");
    let registered = world
        .register(&account.account_id, 1, items_of(WANG), None)
        .await
        .unwrap();
    assert!(!registered.subject_id.is_empty());
    // Of somebody else the channel has verified nothing.
    let refused = world
        .register(&account.account_id, 2, items_of(LI), None)
        .await
        .unwrap_err();
    assert_eq!(refused.violations[0].field, "mobile_proof");
    assert!(!world.stand_ins.faults.counts().contains_key("real-name"));
}

async fn one_person_through_two_channels_has_two_accounts_and_one_code(bed: Bed) {
    let world = Proving::start(bed).await;
    let wechat = world.open(Channel::Wechat, "o6_wang", None).await.unwrap();
    let subject = world.proved(&wechat.account_id, 1, WANG).await;
    let verified = world
        .open(Channel::Aishandong, "sub-wang", Some(WANG))
        .await
        .unwrap();
    assert_eq!(verified.subject_id, subject, "linked by the channel's word");
    assert_ne!(verified.account_id, wechat.account_id);
    assert!(world.is_told(WANG, "account-linked").await);
    assert_eq!(rows(&world.identity.1, "people").await, 1);
    let again = world.open(Channel::Wechat, "o6_wang", None).await.unwrap();
    assert_eq!((again.account_id, again.subject_id), (wechat.account_id, subject));
}

async fn the_outside_id_of_an_account_is_stored_nowhere(bed: Bed) {
    let world = Proving::start(bed).await;
    let account = world
        .open(Channel::Aishandong, "sub-wang", Some(WANG))
        .await
        .unwrap();
    assert!(account.account_id.starts_with("aishandong:") && !account.account_id.contains("wang"));
    let names = lutong_testing::bytes(&world.identity.1, "account_identities", "full_name").await;
    let holds = |text: &str| names.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!names.is_empty() && !holds(WANG.full_name) && !holds("sub-wang"));
    let other = world.open(Channel::Wechat, "sub-wang", None).await.unwrap();
    assert_ne!(
        account.account_id.split(':').nth(1),
        other.account_id.split(':').nth(1)
    );
}

async fn a_channel_that_verifies_what_cannot_be_verifies_nobody(bed: Bed) {
    let world = Proving::start(bed).await;
    for wrong in [
        lutong_stand_ins::StandInPerson {
            resident_id: "110105194912310021",
            ..*WANG
        },
        lutong_stand_ins::StandInPerson {
            full_name: "<b>",
            ..*WANG
        },
    ] {
        let account = world
            .open(Channel::Aishandong, "sub-wang", Some(&wrong))
            .await
            .unwrap();
        assert_eq!(account.subject_id, "");
    }
    assert_eq!(rows(&world.identity.1, "account_identities").await, 0);
    let refused = world.open(Channel::Unspecified, "x", None).await.unwrap_err();
    assert_eq!(refused.violations[0].field, "channel");
}

async fn a_disabled_account_of_a_channel_opens_no_more(bed: Bed) {
    let world = Proving::start(bed).await;
    let wechat = world.open(Channel::Wechat, "o6_wang", None).await.unwrap();
    world.proved(&wechat.account_id, 1, WANG).await;
    let accounts = world.identity.accounts().await;
    let id = lutong_identity::AccountId::parse(&wechat.account_id).unwrap();
    accounts.set_disabled(id, true, "uid 7").await.unwrap();
    let refused = world.open(Channel::Wechat, "o6_wang", None).await.unwrap_err();
    assert_eq!(refused.reason, "ACCOUNT_DISABLED");
}
