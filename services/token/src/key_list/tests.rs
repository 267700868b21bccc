use lutong_kernel::Colour;
use lutong_kernel::random::SeededRandom;

use super::*;
use crate::claims::Claims;
use crate::verify::{Expectations, Outcome, verify};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_650_000_000 + second)
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

fn listed(key: &SigningKey, signs: KeyUse, not_before: i64, not_after: Option<i64>) -> ListedKey {
    ListedKey {
        signs,
        trusted: TrustedKey {
            key: key.verifying_key().clone(),
            issuers: vec![Issuer::SHANDONG],
            not_before: at(not_before),
            not_after: not_after.map(at),
            revoked_at: None,
        },
    }
}

/// A list of a token key and a list key, issued at a second.
fn list(second: i64, tokens: &SigningKey, lists: &SigningKey) -> KeyList {
    KeyList {
        issued_at: at(second),
        max_age_seconds: 86_400,
        keys: vec![
            listed(tokens, KeyUse::Tokens, -1_000, None),
            listed(lists, KeyUse::Lists, -1_000, None),
        ],
    }
}

fn door(key: &SigningKey) -> TrustedLists {
    let mut anchors = VerifyingKeys::new();
    anchors
        .insert(listed(key, KeyUse::Lists, -1_000, None).trusted)
        .unwrap();
    TrustedLists::new(anchors)
}

fn outcome(door: &TrustedLists, key: &SigningKey, second: i64) -> Result<Colour, Outcome> {
    let claims = Claims::dynamic(Issuer::SHANDONG, at(second), [7; 24], Colour::Green, None).unwrap();
    let text = key.sign(&claims).unwrap();
    verify(&text, door.tokens(), at(second), &Expectations::anything()).map(|claims| claims.colour())
}

#[test]
fn a_list_is_read_as_it_was_signed() {
    let (tokens, lists, es256) = (
        key(1),
        key(2),
        SigningKey::generate(Algorithm::Es256, &SeededRandom::new(3)).unwrap(),
    );
    let mut written = list(0, &tokens, &lists);
    let mut other = listed(&es256, KeyUse::Tokens, 100, Some(200));
    other.trusted.revoked_at = Some(at(150));
    other.trusted.issuers.push(Issuer::parse("11").unwrap());
    written.keys.push(other);
    for signer in [&lists, &es256] {
        let bytes = written.sign(signer).unwrap();
        let mut anchors = VerifyingKeys::new();
        anchors
            .insert(listed(signer, KeyUse::Lists, 0, None).trusted)
            .unwrap();
        assert_eq!(KeyList::open(&bytes, &anchors, at(0)), Ok(written.clone()));
    }
}

#[test]
fn a_door_takes_its_token_keys_from_the_list_and_only_those() {
    let (tokens, lists) = (key(1), key(2));
    let mut door = door(&lists);
    assert!(!door.is_current(at(0)));
    assert_eq!(outcome(&door, &tokens, 0), Err(Outcome::WrongKey));
    door.take_in(&list(0, &tokens, &lists).sign(&lists).unwrap(), at(0))
        .unwrap();
    assert!(door.is_current(at(0)) && !door.is_current(at(86_430)) && !door.is_current(at(-31)));
    assert_eq!(outcome(&door, &tokens, 0), Ok(Colour::Green));
    // A list key signs no token, and a token key no list.
    assert_eq!(outcome(&door, &lists, 0), Err(Outcome::WrongKey));
    let forged = list(1, &key(9), &lists).sign(&tokens).unwrap();
    let refused = KeyListError::Document(DocumentError::WrongKey);
    assert_eq!(door.take_in(&forged, at(1)), Err(refused));
}

#[test]
fn a_key_that_is_announced_is_accepted_from_its_activation_on_beside_the_earlier_one() {
    let (old, new, lists) = (key(1), key(3), key(2));
    let mut door = door(&lists);
    let mut announced = list(0, &old, &lists);
    announced.keys[0] = listed(&old, KeyUse::Tokens, -1_000, Some(5_000));
    announced.keys.push(listed(&new, KeyUse::Tokens, 1_000, None));
    door.take_in(&announced.sign(&lists).unwrap(), at(0)).unwrap();
    for (second, old_key, new_key) in [
        (900, Ok(Colour::Green), Err(Outcome::WrongKey)),
        (1_000, Ok(Colour::Green), Ok(Colour::Green)),
        (4_999, Ok(Colour::Green), Ok(Colour::Green)),
        (5_030, Err(Outcome::WrongKey), Ok(Colour::Green)),
    ] {
        assert_eq!(outcome(&door, &old, second), old_key, "{second}");
        assert_eq!(outcome(&door, &new, second), new_key, "{second}");
    }
}

#[test]
fn a_new_list_key_signs_once_the_old_one_has_announced_it() {
    let (tokens, old, new) = (key(1), key(2), key(4));
    let mut door = door(&old);
    let by_new = list(10, &tokens, &new).sign(&new).unwrap();
    let refused = KeyListError::Document(DocumentError::WrongKey);
    assert_eq!(door.take_in(&by_new, at(10)), Err(refused));
    let mut both = list(0, &tokens, &old);
    both.keys.push(listed(&new, KeyUse::Lists, 0, None));
    door.take_in(&both.sign(&old).unwrap(), at(0)).unwrap();
    door.take_in(&by_new, at(10)).unwrap();
    // The list that the new key signed does not have the old one any more.
    let by_old = list(20, &tokens, &old).sign(&old).unwrap();
    assert_eq!(door.take_in(&by_old, at(20)), Err(refused));
}

#[test]
fn a_list_out_of_its_time_or_without_a_key_in_force_changes_nothing() {
    let (tokens, lists) = (key(1), key(2));
    let mut door = door(&lists);
    let signed = |list: &KeyList| list.sign(&lists).unwrap();
    door.take_in(&signed(&list(100, &tokens, &lists)), at(100))
        .unwrap();
    let mut without_tokens = list(200, &tokens, &lists);
    without_tokens.keys.remove(0);
    let mut without_lists = list(200, &tokens, &lists);
    without_lists.keys.remove(1);
    let mut revoked = list(200, &tokens, &lists);
    revoked.keys[0].trusted.revoked_at = Some(at(150));
    let mut empty = list(200, &tokens, &lists);
    empty.keys.clear();
    for (list, second, refused) in [
        (list(99, &tokens, &lists), 100, KeyListError::Older),
        (list(200, &tokens, &lists), 169, KeyListError::FromTheFuture),
        (list(200, &tokens, &lists), 86_630, KeyListError::TooOld),
        (without_tokens, 200, KeyListError::Empty),
        (without_lists, 200, KeyListError::Empty),
        (revoked, 200, KeyListError::Empty),
        (empty, 200, KeyListError::Empty),
    ] {
        assert_eq!(door.take_in(&signed(&list), at(second)), Err(refused));
        assert_eq!(outcome(&door, &tokens, 100), Ok(Colour::Green));
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_a_list_is_refused() {
    let (tokens, lists) = (key(1), key(2));
    let bytes = list(0, &tokens, &lists).sign(&lists).unwrap();
    let refused = |bytes: &[u8]| door(&lists).take_in(bytes, at(0)).is_err();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&flipped), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(refused(&bytes[..length]), "{length} bytes");
    }
    assert!(!refused(&bytes));
}
