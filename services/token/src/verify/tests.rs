mod presentations;
mod vectors;

use lutong_kernel::Colour;
use lutong_kernel::random::SeededRandom;
use proptest::prelude::*;

use strum::VariantArray as _;

use super::*;
use crate::algorithm::Algorithm;
use crate::key::SigningKey;
use crate::trust::TrustedKey;

const JIANGSU: &str = "32";

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_650_000_000 + second)
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

fn trust(key: &SigningKey) -> TrustedKey {
    TrustedKey {
        key: key.verifying_key().clone(),
        issuers: vec![Issuer::SHANDONG],
        not_before: at(-1_000),
        not_after: Some(at(100_000)),
        revoked_at: None,
    }
}

fn trusting(trusted: TrustedKey) -> VerifyingKeys {
    let mut keys = VerifyingKeys::new();
    keys.insert(trusted).unwrap();
    keys
}

fn dynamic(issuer: Issuer) -> Claims {
    Claims::dynamic(issuer, at(0), [9; 24], Colour::Green, None).unwrap()
}

fn outcome(text: &str, keys: &VerifyingKeys, now: Timestamp, expectations: &Expectations) -> Outcome {
    verify(text, keys, now, expectations).map_or_else(|outcome| outcome, |_| Outcome::Valid)
}

fn plain(text: &str, keys: &VerifyingKeys, now: Timestamp) -> Outcome {
    outcome(text, keys, now, &Expectations::anything())
}

#[test]
fn a_good_token_gives_its_claims_under_every_algorithm() {
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let key = SigningKey::generate(algorithm, &SeededRandom::new(1)).unwrap();
        let claims = dynamic(Issuer::SHANDONG);
        let text = key.sign(&claims).unwrap();
        assert_eq!(
            verify(&text, &trusting(trust(&key)), at(1), &Expectations::anything()),
            Ok(claims)
        );
    }
}

#[test]
fn whoever_signed_a_token_verifies_it_and_each_with_a_flipped_bit_as_everybody_else_does() {
    let anything = Expectations::anything();
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let [own, other] =
            [1, 2].map(|seed| SigningKey::generate(algorithm, &SeededRandom::new(seed)).unwrap());
        let mut keys = trusting(trust(&own));
        keys.insert(trust(&other)).unwrap();
        for signer in [&own, &other] {
            let text = signer.sign(&dynamic(Issuer::SHANDONG)).unwrap();
            let good = verify_own(&text, (&keys, &own), at(1), &anything);
            assert_eq!(good, Ok(dynamic(Issuer::SHANDONG)));
            let bytes = base45::decode(&text[4..]).unwrap();
            // The others take long without optimisation.
            let step = if algorithm == Algorithm::Ed25519 { 1 } else { 8 };
            for bit in (0..bytes.len() * 8).step_by(step) {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let text = format!("LT1:{}", base45::encode(flipped));
                let by_everybody = verify(&text, &keys, at(1), &anything);
                assert!(by_everybody.is_err());
                assert_eq!(verify_own(&text, (&keys, &own), at(1), &anything), by_everybody);
            }
        }
    }
}

#[test]
fn thirty_seconds_are_tolerated_on_both_sides_and_not_one_microsecond_more() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    let keys = trusting(trust(&key(1)));
    let outcome = |now| plain(&text, &keys, now);
    assert_eq!(outcome(at(-30).plus_micros(-1)), Outcome::NotYetValid);
    assert_eq!(outcome(at(-30)), Outcome::Valid);
    assert_eq!(outcome(at(90).plus_micros(-1)), Outcome::Valid);
    assert_eq!(outcome(at(90)), Outcome::Expired);
}

#[test]
fn an_unknown_kid_is_a_wrong_key_and_a_foreign_signature_a_bad_one() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    assert_eq!(plain(&text, &trusting(trust(&key(2))), at(1)), Outcome::WrongKey);
    assert_eq!(plain(&text, &VerifyingKeys::new(), at(1)), Outcome::WrongKey);
    let tampered = tampered(&text);
    assert_eq!(
        plain(&tampered, &trusting(trust(&key(1))), at(1)),
        Outcome::BadSignature
    );
}

/// The same token with its colour changed from green to red.
fn tampered(text: &str) -> String {
    let mut bytes = base45::decode(&text[4..]).unwrap();
    let place = bytes
        .windows(4)
        .position(|w| w == [0x39, 0xFD, 0xE9, 0x00])
        .unwrap();
    bytes[place + 3] = 10;
    format!("LT1:{}", base45::encode(bytes))
}

#[test]
fn a_token_that_names_another_algorithm_than_its_key_has_a_bad_signature() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    let mut bytes = base45::decode(&text[4..]).unwrap();
    assert_eq!(bytes[5], 0x27);
    bytes[5] = 0x26;
    let text = format!("LT1:{}", base45::encode(bytes));
    assert_eq!(
        plain(&text, &trusting(trust(&key(1))), at(1)),
        Outcome::BadSignature
    );
}

#[test]
fn a_revoked_key_refuses_what_it_signed_before_too() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    let keys = trusting(TrustedKey {
        revoked_at: Some(at(10)),
        ..trust(&key(1))
    });
    assert_eq!(plain(&text, &keys, at(10).plus_micros(-1)), Outcome::Valid);
    assert_eq!(plain(&text, &keys, at(10)), Outcome::Revoked);
}

#[test]
fn a_key_signs_for_its_own_provinces_only() {
    let jiangsu = Issuer::parse(JIANGSU).unwrap();
    let text = key(1).sign(&dynamic(jiangsu)).unwrap();
    assert_eq!(
        plain(&text, &trusting(trust(&key(1))), at(1)),
        Outcome::WrongIssuer
    );
    let both = TrustedKey {
        issuers: vec![Issuer::SHANDONG, jiangsu],
        ..trust(&key(1))
    };
    assert_eq!(plain(&text, &trusting(both.clone()), at(1)), Outcome::Valid);
    let only_ours = Expectations::anything().from_issuers(&[Issuer::SHANDONG]);
    assert_eq!(
        outcome(&text, &trusting(both), at(1), &only_ours),
        Outcome::WrongIssuer
    );
}

#[test]
fn a_kind_that_is_not_accepted_here_is_a_wrong_kind() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    let keys = trusting(trust(&key(1)));
    let card_only = Expectations::kinds(&[Kind::Card]);
    assert_eq!(outcome(&text, &keys, at(1), &card_only), Outcome::WrongKind);
    let either = Expectations::kinds(&[Kind::Card, Kind::Dynamic]);
    assert_eq!(outcome(&text, &keys, at(1), &either), Outcome::Valid);
}

#[test]
fn a_retired_key_cannot_sign_a_token_with_an_earlier_date() {
    let old = Claims::paper(
        Issuer::SHANDONG,
        (at(0), at(1_000_000)),
        [1; 16],
        Colour::Green,
        None,
    )
    .unwrap();
    let text = key(1).sign(&old).unwrap();
    let keys = trusting(trust(&key(1)));
    assert_eq!(plain(&text, &keys, at(100_030).plus_micros(-1)), Outcome::Valid);
    assert_eq!(plain(&text, &keys, at(100_030)), Outcome::WrongKey);
}

#[test]
fn a_token_that_begins_before_its_key_has_a_wrong_key() {
    let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
    for (begins, expected) in [(at(30), Outcome::Valid), (at(31), Outcome::WrongKey)] {
        let keys = trusting(TrustedKey {
            not_before: begins,
            ..trust(&key(1))
        });
        assert_eq!(plain(&text, &keys, at(1)), expected);
    }
}

#[test]
fn texts_that_are_no_token_are_unreadable() {
    let keys = trusting(trust(&key(1)));
    for text in [
        "",
        "LT1:",
        "LT2:ABC",
        "HC1:6BF",
        "https://example.cn/q",
        "LT1:LT1:",
    ] {
        assert_eq!(plain(text, &keys, at(1)), Outcome::Unreadable, "{text}");
    }
}

/// Each step breaks one more rule: the outcome hides those of the steps before it.
#[test]
fn the_checks_come_in_the_order_that_is_documented() {
    let jiangsu = Issuer::parse(JIANGSU).unwrap();
    let text = key(1).sign(&dynamic(jiangsu)).unwrap();
    let late = at(200_000);
    let mut trusted = TrustedKey {
        issuers: vec![jiangsu],
        not_after: None,
        ..trust(&key(1))
    };
    let mut accepted = Expectations::anything();
    assert_eq!(
        outcome(&text, &trusting(trusted.clone()), late, &accepted),
        Outcome::Expired
    );
    accepted.kinds = Some(vec![Kind::Paper]);
    assert_eq!(
        outcome(&text, &trusting(trusted.clone()), late, &accepted),
        Outcome::WrongKind
    );
    trusted.not_after = Some(at(100));
    assert_eq!(
        outcome(&text, &trusting(trusted.clone()), late, &accepted),
        Outcome::WrongKey
    );
    trusted.issuers.clear();
    assert_eq!(
        outcome(&text, &trusting(trusted.clone()), late, &accepted),
        Outcome::WrongIssuer
    );
    trusted.revoked_at = Some(at(0));
    assert_eq!(
        outcome(&text, &trusting(trusted.clone()), late, &accepted),
        Outcome::Revoked
    );
    assert_eq!(
        outcome(&tampered(&text), &trusting(trusted), late, &accepted),
        Outcome::BadSignature
    );
    assert_eq!(
        outcome(&tampered(&text), &VerifyingKeys::new(), late, &accepted),
        Outcome::WrongKey
    );
    assert_eq!(
        outcome(&text[..50], &VerifyingKeys::new(), late, &accepted),
        Outcome::Unreadable
    );
}

#[test]
fn outcomes_are_written_with_the_words_of_the_format() {
    let words: Vec<_> = Outcome::VARIANTS.iter().map(Outcome::into_str).collect();
    let words = words.join(", ");
    assert_eq!(
        words,
        "VALID, EXPIRED, NOT_YET_VALID, REVOKED, SUPERSEDED, WRONG_KEY, BAD_SIGNATURE, WRONG_KIND, WRONG_ISSUER, \
         UNREADABLE"
    );
}

/// Made with Python, from the text of the format alone: see `vectors/SOURCE.md`.
#[test]
fn tokens_that_another_implementation_made_are_verified() {
    let public = |pem| TrustedKey {
        key: crate::VerifyingKey::from_pem(pem).unwrap(),
        not_after: None,
        ..trust(&key(1))
    };
    let mut keys = VerifyingKeys::new();
    keys.insert(public(include_str!("../../vectors/ed25519.pub.pem")))
        .unwrap();
    keys.insert(public(include_str!("../../vectors/es256.pub.pem")))
        .unwrap();
    let mut count = 0;
    for line in include_str!("../../vectors/tokens.txt").lines() {
        let (kind, text) = line.split_once('\t').unwrap();
        let claims = verify(text, &keys, at(1), &Expectations::anything()).unwrap();
        assert_eq!(claims.kind().into_str(), kind);
        assert_eq!(claims.mask().unwrap().expose(), "*明");
        assert_eq!(claims.colour(), Colour::Yellow);
        count += 1;
    }
    assert_eq!(count, 8);
}

proptest! {
    #[test]
    fn no_damaged_token_is_valid(place in 0_usize..135, flip in 1_u8..=255) {
        let text = key(1).sign(&dynamic(Issuer::SHANDONG)).unwrap();
        let mut bytes = base45::decode(&text[4..]).unwrap();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        let damaged = format!("LT1:{}", base45::encode(bytes));
        let outcome = plain(&damaged, &trusting(trust(&key(1))), at(1));
        prop_assert!(matches!(outcome, Outcome::Unreadable | Outcome::WrongKey | Outcome::BadSignature), "{outcome}");
    }
}
