//! Tokens that are bound to a device, with the signature of the device around them.

use super::*;
use crate::MAX_DEVICE_LIFE_SECONDS;
use crate::document::{self, Purpose};
use crate::presentation;
use crate::revocation::part::PartSource;

fn phone(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap()
}

/// A token for the key of a phone, for a day.
fn claims(phone: &SigningKey) -> Claims {
    let times = (at(0), at(MAX_DEVICE_LIFE_SECONDS));
    let holder_key = phone.verifying_key().clone();
    Claims::device(
        Issuer::SHANDONG,
        times,
        [5; 16],
        holder_key,
        (Colour::Green, None),
    )
    .unwrap()
}

fn issued(phone: &SigningKey) -> Vec<u8> {
    key(1).sign_for_device(&claims(phone)).unwrap()
}

fn trusted() -> VerifyingKeys {
    trusting(trust(&key(1)))
}

#[test]
fn a_phone_shows_what_was_bound_to_it_for_a_minute_at_a_time() {
    let (phone, keys) = (phone(2), trusted());
    let shown = phone.present(&issued(&phone), at(1_000)).unwrap();
    let verified = verify(&shown, &keys, at(1_000), &Expectations::anything());
    assert_eq!(verified, Ok(claims(&phone)));
    let outcome = |now| plain(&shown, &keys, now);
    assert_eq!(outcome(at(970).plus_micros(-1)), Outcome::NotYetValid);
    assert_eq!(outcome(at(970)), Outcome::Valid);
    assert_eq!(outcome(at(1_090).plus_micros(-1)), Outcome::Valid);
    assert_eq!(outcome(at(1_090)), Outcome::Expired);
    assert!(shown.len() <= 3 + 450, "{}", shown.len());
}

#[test]
fn the_phone_prolongs_nothing() {
    let (phone, keys) = (phone(2), trusted());
    let (early, late) = (at(-60), at(MAX_DEVICE_LIFE_SECONDS));
    let shown = phone.present(&issued(&phone), early).unwrap();
    assert_eq!(plain(&shown, &keys, at(-31)), Outcome::NotYetValid);
    let shown = phone.present(&issued(&phone), late).unwrap();
    assert_eq!(plain(&shown, &keys, late.plus_seconds(30)), Outcome::Expired);
}

#[test]
fn a_token_that_another_phone_shows_or_none_has_a_bad_signature() {
    let (phone, other, keys) = (phone(2), phone(3), trusted());
    let token = issued(&phone);
    let copied = other.present(&token, at(0)).unwrap();
    assert_eq!(plain(&copied, &keys, at(1)), Outcome::BadSignature);
    let bare = format!("LT1:{}", base45::encode(&token));
    assert_eq!(plain(&bare, &keys, at(1)), Outcome::BadSignature);
    // The one who signed it does not have the phone.
    let by_issuer = key(1).present(&token, at(0)).unwrap();
    assert_eq!(plain(&by_issuer, &keys, at(1)), Outcome::BadSignature);
    // The other phone names the first one.
    let shown = UnverifiedToken::parse(&phone.present(&token, at(0)).unwrap()).unwrap();
    assert_eq!(shown.kid(), key(1).kid());
    let forged = base45::decode(&copied[4..]).unwrap();
    let (mine, theirs) = (phone.kid(), other.kid());
    let place = forged
        .windows(8)
        .position(|window| window == theirs.as_bytes())
        .unwrap();
    let mut named = forged.clone();
    named[place..place + 8].copy_from_slice(mine.as_bytes());
    let named = format!("LT1:{}", base45::encode(&named));
    assert_eq!(plain(&named, &keys, at(1)), Outcome::BadSignature);
}

#[test]
fn a_phone_presents_neither_another_kind_nor_what_another_key_signed() {
    let (phone, keys) = (phone(2), trusted());
    let paper = Claims::paper(Issuer::SHANDONG, (at(0), at(60)), [5; 16], Colour::Green, None).unwrap();
    let paper = key(1).sign_for_device(&paper).unwrap();
    let shown = phone.present(&paper, at(0)).unwrap();
    assert_eq!(plain(&shown, &keys, at(1)), Outcome::Unreadable);
    let own = phone.sign_for_device(&claims(&phone)).unwrap();
    let shown = phone.present(&own, at(0)).unwrap();
    assert_eq!(plain(&shown, &keys, at(1)), Outcome::WrongKey);
    // A presentation in a presentation.
    let inner = base45::decode(&phone.present(&issued(&phone), at(0)).unwrap()[4..]).unwrap();
    let shown = phone.present(&inner, at(0)).unwrap();
    assert_eq!(plain(&shown, &keys, at(1)), Outcome::Unreadable);
}

#[test]
fn a_door_without_a_connection_refuses_a_revoked_one_and_one_that_its_old_list_does_not_know() {
    let (phone, keys) = (phone(2), trusted());
    let shown = phone.present(&issued(&phone), at(100)).unwrap();
    let offline = |revocations: &Revocations, now| {
        verify_offline(&shown, &keys, revocations, now, &Expectations::anything()).map(|_| ())
    };
    assert_eq!(
        offline(&Revocations::new(), at(100)),
        Err(OfflineOutcome::ListTooOld)
    );
    for (tokens, expected) in [
        (vec![], Ok(())),
        (vec![[5; 16]], Err(OfflineOutcome::Refused(Outcome::Revoked))),
    ] {
        let through = i64::try_from(tokens.len()).unwrap();
        let part = PartSource {
            salt: [1; 16],
            after: 0,
            through,
            last: through,
            issued_at: at(90),
            max_age_seconds: 3_600,
            tokens: &tokens,
            keys: &[],
        };
        let mut revocations = Revocations::new();
        revocations
            .take_in(&part.sign(&key(1)).unwrap(), &keys, at(90))
            .unwrap();
        assert_eq!(offline(&revocations, at(100)), expected);
    }
}

/// A device signs minutes of its own tokens: its key makes no list and no list passes for what it shows.
#[test]
fn a_signed_list_is_no_presentation() {
    let phone = phone(2);
    let payload = presentation::payload(&issued(&phone), at(60));
    let list = document::sign(&phone, Purpose::Keys, &payload).unwrap();
    let text = format!("LT1:{}", base45::encode(&list));
    assert_eq!(plain(&text, &trusted(), at(1)), Outcome::BadSignature);
}

proptest! {
    #[test]
    fn no_damaged_presentation_is_valid(place: usize, flip in 1_u8..=255) {
        let phone = phone(2);
        let text = phone.present(&issued(&phone), at(0)).unwrap();
        let mut bytes = base45::decode(&text[4..]).unwrap();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        let damaged = format!("LT1:{}", base45::encode(bytes));
        let outcome = plain(&damaged, &trusted(), at(1));
        prop_assert!(matches!(outcome, Outcome::Unreadable | Outcome::WrongKey | Outcome::BadSignature), "{outcome}");
    }
}
