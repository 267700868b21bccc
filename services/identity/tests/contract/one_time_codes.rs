//! One-time codes: `CreateOneTimeCode`, and what guessing them comes to.

use std::time::Duration;

use lutong_proto::identity::v1::OneTimeCodePurpose;
use lutong_stand_ins::Fault as Broken;
use lutong_testing::{Bed, on_both_engines, rows};

use crate::proving::{Code, LI, Proving, WANG, items_of, mobile};

on_both_engines!(
    a_code_is_sent_once_and_its_digits_are_stored_nowhere,
    a_code_asked_for_again_is_answered_alike_and_sent_once,
    a_number_gets_one_code_a_minute_whoever_asks,
    a_code_that_was_not_sent_counts_for_nothing,
    a_wrong_number_or_purpose_is_named,
    of_a_thousand_guesses_side_by_side_five_are_compared_and_the_owner_is_told,
    a_code_is_void_for_another_account_number_or_purpose_and_after_five_minutes,
    a_code_that_was_shown_holds_for_the_same_form_until_it_expires,
);

const WECHAT: &str = "wechat:00000000000000000000000000000001";
const OTHER: &str = "wechat:00000000000000000000000000000002";
const APPLY: OneTimeCodePurpose = OneTimeCodePurpose::Apply;

async fn a_code_is_sent_once_and_its_digits_are_stored_nowhere(bed: Bed) {
    let world = Proving::start(bed).await;
    let code = world.code(WECHAT, 1, WANG).await;
    let sent = world.stand_ins.messages_to(&mobile(WANG));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].text.contains("申请健康通行码") && sent[0].text.contains(&code.digits));
    let stored = lutong_testing::bytes(&world.identity.1, "one_time_codes", "digits").await;
    let number = lutong_testing::bytes(&world.identity.1, "one_time_codes", "mobile_index").await;
    let stored = [stored, number].concat();
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(&code.digits) && !holds(WANG.mobile) && stored.len() >= 64);
}

async fn a_code_asked_for_again_is_answered_alike_and_sent_once(bed: Bed) {
    let world = Proving::start(bed).await;
    let first = world.create_code(WECHAT, 1, WANG.mobile, APPLY).await.unwrap();
    let again = world.create_code(WECHAT, 1, WANG.mobile, APPLY).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(world.stand_ins.messages_to(&mobile(WANG)).len(), 1);
    let other = world.create_code(WECHAT, 1, LI.mobile, APPLY).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
}

async fn a_number_gets_one_code_a_minute_whoever_asks(bed: Bed) {
    let world = Proving::start(bed).await;
    world.create_code(WECHAT, 1, WANG.mobile, APPLY).await.unwrap();
    world.bed().clock.advance(Duration::from_secs(20));
    for (n, account) in [(2, WECHAT), (3, OTHER)] {
        let refused = world
            .create_code(account, n, WANG.mobile, APPLY)
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "TOO_MANY_CODES");
        assert_eq!(refused.retry_after, Some(Duration::from_secs(40)));
    }
    world.create_code(WECHAT, 4, LI.mobile, APPLY).await.unwrap();
    world.bed().clock.advance(Duration::from_secs(40));
    world.create_code(OTHER, 3, WANG.mobile, APPLY).await.unwrap();
    assert_eq!(world.stand_ins.messages_to(&mobile(WANG)).len(), 2);
}

async fn a_code_that_was_not_sent_counts_for_nothing(bed: Bed) {
    let world = Proving::start(bed).await;
    world.stand_ins.faults.turn_on(Broken::MessagesAway);
    let refused = world
        .create_code(WECHAT, 1, WANG.mobile, APPLY)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "MESSAGE_NOT_SENT");
    assert!(refused.retry_after.is_some());
    assert_eq!(rows(&world.identity.1, "one_time_codes").await, 0);
    world.stand_ins.faults.turn_off(Broken::MessagesAway);
    let code = world.code(WECHAT, 1, WANG).await;
    let registered = world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await;
    assert!(registered.is_ok(), "{registered:?}");
}

async fn a_wrong_number_or_purpose_is_named(bed: Bed) {
    let world = Proving::start(bed).await;
    for (mobile, purpose, field) in [
        ("12345", APPLY, "mobile"),
        ("", APPLY, "mobile"),
        (WANG.mobile, OneTimeCodePurpose::Unspecified, "purpose"),
    ] {
        let refused = world.create_code(WECHAT, 1, mobile, purpose).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert_eq!(refused.violations[0].field, field);
    }
    assert_eq!(rows(&world.identity.1, "one_time_codes").await, 0);
}

async fn of_a_thousand_guesses_side_by_side_five_are_compared_and_the_owner_is_told(bed: Bed) {
    let world = Proving::start(bed).await;
    let code = world.code(WECHAT, 1, WANG).await;
    let guesses = (0..1_000_u32).map(|n| {
        let guess = Code {
            digits: format!("{:06}", (code.digits.parse::<u32>().unwrap() + 1 + n) % 1_000_000),
            ..code.clone()
        };
        let world = &world;
        async move {
            world
                .register(WECHAT, 100 + n, items_of(WANG), Some(guess.proof()))
                .await
        }
    });
    let answers = futures::future::join_all(guesses).await;
    let of = |reason: &str| {
        answers
            .iter()
            .filter(|answer| answer.as_ref().is_err_and(|fault| fault.reason == reason))
            .count()
    };
    // On a busy machine some are turned away unread.
    assert!(answers.iter().all(Result::is_err));
    assert!(
        of("ONE_TIME_CODE_WRONG") <= 4 && of("ONE_TIME_CODE_VOID") > 0,
        "{answers:?}"
    );
    // The right digits come too late.
    let refused = world
        .register(WECHAT, 2, items_of(WANG), Some(code.proof()))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ONE_TIME_CODE_VOID");
    assert!(world.is_told(WANG, "tries-used-up").await);
    assert_eq!(rows(&world.identity.1, "people").await, 0);
}

async fn a_code_is_void_for_another_account_number_or_purpose_and_after_five_minutes(bed: Bed) {
    let world = Proving::start(bed).await;
    let code = world.code(WECHAT, 1, WANG).await;
    let void = async |account: &str, n, items, code: &Code| {
        let refused = world
            .register(account, n, items, Some(code.proof()))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "ONE_TIME_CODE_VOID", "{n}");
    };
    void(OTHER, 10, items_of(WANG), &code).await;
    let mut of_li = items_of(WANG);
    LI.mobile.clone_into(&mut of_li.mobile);
    void(WECHAT, 11, of_li, &code).await;
    let unknown = Code {
        name: "one-time-codes/00000000-0000-0000-0000-000000000001".to_owned(),
        ..code.clone()
    };
    void(WECHAT, 12, items_of(WANG), &unknown).await;
    let bind = world
        .create_code(WECHAT, 2, LI.mobile, OneTimeCodePurpose::Bind)
        .await
        .unwrap();
    let bind = Code {
        name: bind.name,
        digits: world.stand_ins.last_code(&mobile(LI)).unwrap(),
    };
    void(WECHAT, 13, items_of(LI), &bind).await;
    // None of these used up a try of the right one.
    world.bed().clock.advance(Duration::from_secs(299));
    let wrong = Code {
        digits: if code.digits == "000000" {
            "000001"
        } else {
            "000000"
        }
        .to_owned(),
        ..code.clone()
    };
    let refused = world
        .register(WECHAT, 14, items_of(WANG), Some(wrong.proof()))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ONE_TIME_CODE_WRONG");
    assert!(refused.metadata.contains(&("tries_left".into(), "4".to_owned())));
    world.bed().clock.advance(Duration::from_secs(1));
    void(WECHAT, 15, items_of(WANG), &code).await;
    for (proof, field) in [
        ("one-time-codes/x", "mobile_proof.one_time_code"),
        (&*code.name, "mobile_proof.code"),
    ] {
        let proof = lutong_proto::types::v1::OneTimeCodeProof {
            one_time_code: proof.to_owned(),
            code: "12345".to_owned(),
        };
        let refused = world
            .register(WECHAT, 16, items_of(WANG), Some(proof))
            .await
            .unwrap_err();
        assert_eq!(refused.violations[0].field, field);
    }
}

async fn a_code_that_was_shown_holds_for_the_same_form_until_it_expires(bed: Bed) {
    let world = Proving::start(bed).await;
    let code = world.code(WECHAT, 1, WANG).await;
    let mut wrong_name = items_of(WANG);
    "王大明".clone_into(&mut wrong_name.full_name);
    let refused = world
        .register(WECHAT, 2, wrong_name, Some(code.proof()))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "REAL_NAME_MISMATCH");
    let registered = world
        .register(WECHAT, 3, items_of(WANG), Some(code.proof()))
        .await
        .unwrap();
    assert!(!registered.subject_id.is_empty());
}
