use lutong_kernel::Colour;
use lutong_kernel::random::SeededRandom;
use proptest::prelude::*;

use super::part::PartSource;
use super::*;
use crate::algorithm::Algorithm;
use crate::claims::{Claims, Kind};
use crate::issuer::Issuer;
use crate::key::SigningKey;
use crate::trust::TrustedKey;
use crate::verify::{Expectations, OfflineOutcome, Outcome, verify_offline};

const MAX_AGE: u32 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_650_000_000 + second)
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

fn trusted(key: &SigningKey) -> TrustedKey {
    TrustedKey {
        key: key.verifying_key().clone(),
        issuers: vec![Issuer::SHANDONG],
        not_before: at(-1_000_000),
        not_after: None,
        revoked_at: None,
    }
}

fn ring(keys: &[TrustedKey]) -> VerifyingKeys {
    let mut ring = VerifyingKeys::new();
    for key in keys {
        ring.insert(key.clone()).unwrap();
    }
    ring
}

/// The list key of these tests.
fn lists() -> SigningKey {
    key(1)
}

fn list_ring() -> VerifyingKeys {
    ring(&[trusted(&lists())])
}

fn id(number: u32) -> [u8; 16] {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id
}

fn paper(number: u32) -> Claims {
    let times = (at(-10), at(14 * 86_400));
    Claims::paper(Issuer::SHANDONG, times, id(number), Colour::Green, None).unwrap()
}

fn has(list: &Revocations, number: u32) -> bool {
    list.has_token(paper(number).token_id())
}

fn source(after: i64, through: i64, last: i64, tokens: &[[u8; 16]]) -> PartSource<'_> {
    PartSource {
        salt: [9; 16],
        after,
        through,
        last,
        issued_at: at(0),
        max_age_seconds: MAX_AGE,
        tokens,
        keys: &[],
    }
}

fn part(after: i64, through: i64, last: i64, tokens: &[[u8; 16]]) -> Vec<u8> {
    source(after, through, last, tokens).sign(&lists()).unwrap()
}

fn take(list: &mut Revocations, bytes: &[u8], second: i64) -> Result<Progress, TakeInError> {
    list.take_in(bytes, &list_ring(), at(second))
}

#[test]
fn a_list_is_taken_in_part_by_part_and_may_be_relied_on_when_it_is_complete() {
    let mut list = Revocations::new();
    assert!(!list.is_current(at(0)) && list.is_empty());
    assert_eq!(
        take(&mut list, &part(0, 2, 3, &[id(1), id(2)]), 1),
        Ok(Progress::More(2))
    );
    assert!(!list.is_current(at(1)));
    // What is known already is refused already.
    assert!(has(&list, 1) && has(&list, 2) && !has(&list, 3));
    assert_eq!(
        take(&mut list, &part(2, 3, 3, &[id(3)]), 1),
        Ok(Progress::Complete)
    );
    assert!(list.is_current(at(1)) && has(&list, 3));
    assert_eq!((list.sequence(), list.len()), (3, 3));
    // A heartbeat: nothing was revoked, and the list is as new as its issue.
    let mut beat = source(3, 3, 3, &[]);
    beat.issued_at = at(3_000);
    assert_eq!(
        take(&mut list, &beat.sign(&lists()).unwrap(), 3_000),
        Ok(Progress::Complete)
    );
    assert!(list.is_current(at(6_600)) && has(&list, 1));
}

#[test]
fn a_list_may_be_relied_on_for_its_age_and_by_a_clock_that_was_not_set_back() {
    let mut list = Revocations::new();
    take(&mut list, &part(0, 1, 1, &[id(1)]), 0).unwrap();
    for (second, current) in [
        (-31, false),
        (-30, true),
        (0, true),
        (3_629, true),
        (3_630, false),
    ] {
        assert_eq!(list.is_current(at(second)), current, "{second}");
    }
}

#[test]
fn a_part_out_of_its_place_or_time_changes_nothing() {
    let mut list = Revocations::new();
    take(&mut list, &part(0, 5, 5, &[id(1)]), 0).unwrap();
    let mut salted = source(5, 6, 6, &[]);
    salted.salt = [8; 16];
    let salted = salted.sign(&lists()).unwrap();
    for (bytes, second, refused) in [
        (part(6, 7, 7, &[id(2)]), 0, TakeInError::Gap(5)),
        (part(3, 4, 9, &[id(2)]), 0, TakeInError::Older),
        (part(0, 4, 4, &[]), 0, TakeInError::Older),
        (salted, 0, TakeInError::OtherSalt),
        (part(5, 6, 6, &[id(2)]), -31, TakeInError::FromTheFuture),
        (part(5, 6, 6, &[id(2)]), 3_630, TakeInError::TooOld),
    ] {
        assert_eq!(take(&mut list, &bytes, second), Err(refused));
        assert!(has(&list, 1) && !has(&list, 2));
        assert_eq!(list.sequence(), 5);
    }
    // A part that overlaps what stands is taken in.
    assert_eq!(
        take(&mut list, &part(3, 6, 6, &[id(2)]), 0),
        Ok(Progress::Complete)
    );
    assert!(has(&list, 2));
}

#[test]
fn a_list_that_starts_anew_counts_besides_the_old_one_until_it_is_complete() {
    let mut list = Revocations::new();
    take(&mut list, &part(0, 5, 5, &[id(1), id(2)]), 0).unwrap();
    assert_eq!(
        take(&mut list, &part(0, 4, 6, &[id(2)]), 0),
        Ok(Progress::More(4))
    );
    assert_eq!(list.sequence(), 4);
    assert!(has(&list, 1) && has(&list, 2) && list.is_current(at(0)));
    assert_eq!(
        take(&mut list, &part(4, 6, 6, &[id(3)]), 0),
        Ok(Progress::Complete)
    );
    // The first token had expired, and is forgotten.
    assert!(!has(&list, 1) && has(&list, 2) && has(&list, 3));
    assert_eq!((list.sequence(), list.len()), (6, 2));
}

#[test]
fn an_earlier_list_that_is_played_again_forgets_no_revoked_key() {
    let (stolen, mut list) = (key(5), Revocations::new());
    let kid = stolen.kid();
    let mut newer = source(0, 1, 1, &[]);
    let keys = [(kid, at(5))];
    (newer.issued_at, newer.keys) = (at(10), &keys);
    let older = part(0, 1, 1, &[]);
    take(&mut list, &older, 10).unwrap();
    assert!(!list.has_key(kid, at(10)));
    take(&mut list, &newer.sign(&lists()).unwrap(), 10).unwrap();
    assert!(list.has_key(kid, at(10)) && !list.has_key(key(6).kid(), at(10)));
    // From the instant of the revocation on, with the tolerance for clocks.
    assert!(list.has_key(kid, at(-25)) && !list.has_key(kid, at(-26)));
    assert_eq!(take(&mut list, &older, 10), Err(TakeInError::Older));
    let mut later = source(0, 2, 2, &[]);
    later.issued_at = at(20);
    take(&mut list, &later.sign(&lists()).unwrap(), 20).unwrap();
    assert!(list.has_key(kid, at(20)));
}

#[test]
fn a_part_of_another_key_is_refused_whoever_it_is() {
    let signed = |key: &SigningKey| source(0, 1, 1, &[id(1)]).sign(key).unwrap();
    let document = |key: &SigningKey, ring: &VerifyingKeys| {
        Revocations::new().take_in(&signed(key), ring, at(0)).unwrap_err()
    };
    let limits = |change: fn(&mut TrustedKey)| {
        let mut limited = trusted(&lists());
        change(&mut limited);
        ring(&[limited])
    };
    for (ring, refused) in [
        (ring(&[]), DocumentError::WrongKey),
        (ring(&[trusted(&key(2))]), DocumentError::WrongKey),
        (
            limits(|key| key.revoked_at = Some(at(0))),
            DocumentError::KeyRevoked,
        ),
        (limits(|key| key.not_before = at(31)), DocumentError::WrongKey),
        (
            limits(|key| key.not_after = Some(at(-30))),
            DocumentError::WrongKey,
        ),
    ] {
        assert_eq!(document(&lists(), &ring), TakeInError::Document(refused));
    }
    assert!(
        Revocations::new()
            .take_in(&signed(&lists()), &list_ring(), at(0))
            .is_ok()
    );
}

/// Never: a door that accepts a revoked paper code after the list that it has taken in.
#[test]
fn a_door_without_a_connection_refuses_what_its_list_has_and_nothing_else() {
    let (tokens, stolen) = (key(3), key(4));
    let keys = ring(&[trusted(&tokens), trusted(&stolen)]);
    let mut list = Revocations::new();
    let check = |list: &Revocations, key: &SigningKey, claims: &Claims, second: i64| {
        let text = key.sign(claims).unwrap();
        let accepted = verify_offline(&text, &keys, list, at(second), &Expectations::anything());
        accepted.map(|claims| claims.kind())
    };
    let refused = |outcome| Err(OfflineOutcome::Refused(outcome));
    // Without a list a paper code proves nothing, and a code on a screen does.
    let dynamic = Claims::dynamic(Issuer::SHANDONG, at(0), [7; 24], Colour::Green, None).unwrap();
    assert_eq!(
        check(&list, &tokens, &paper(1), 0),
        Err(OfflineOutcome::ListTooOld)
    );
    assert_eq!(check(&list, &tokens, &dynamic, 0), Ok(Kind::Dynamic));
    let revoked_keys = [(stolen.kid(), at(-100))];
    let ids = [id(1)];
    let mut source = source(0, 1, 1, &ids);
    source.keys = &revoked_keys;
    take(&mut list, &source.sign(&lists()).unwrap(), 0).unwrap();
    assert_eq!(check(&list, &tokens, &paper(1), 0), refused(Outcome::Revoked));
    assert_eq!(check(&list, &tokens, &paper(2), 0), Ok(Kind::Paper));
    assert_eq!(check(&list, &tokens, &dynamic, 0), Ok(Kind::Dynamic));
    // Whatever the stolen key signed.
    assert_eq!(check(&list, &stolen, &paper(2), 0), refused(Outcome::Revoked));
    assert_eq!(check(&list, &stolen, &dynamic, 0), refused(Outcome::Revoked));
    // A list that is too old answers for nobody, and still refuses what it has.
    assert_eq!(
        check(&list, &tokens, &paper(2), 4_000),
        Err(OfflineOutcome::ListTooOld)
    );
    assert_eq!(check(&list, &tokens, &paper(1), 4_000), refused(Outcome::Revoked));
    assert_eq!(check(&list, &key(9), &paper(2), 0), refused(Outcome::WrongKey));
}

#[test]
fn a_part_does_not_pass_for_a_token_nor_a_token_for_a_part() {
    let text = lists().sign(&paper(1)).unwrap();
    let token = base45::decode(text.trim_start_matches("LT1:")).unwrap();
    let refused = take(&mut Revocations::new(), &token, 0);
    assert_eq!(refused, Err(TakeInError::Document(DocumentError::BadSignature)));
    let bytes = part(0, 1, 1, &[id(1)]);
    let text = format!("LT1:{}", base45::encode(&bytes));
    let accepted = crate::verify(&text, &list_ring(), at(0), &Expectations::anything());
    assert_eq!(accepted, Err(Outcome::Unreadable));
}

#[test]
fn parts_that_contradict_themselves_are_not_read() {
    for (after, through, last) in [(-1, 1, 1), (2, 1, 3), (0, 2, 1)] {
        let refused = take(&mut Revocations::new(), &part(after, through, last, &[id(1)]), 0);
        let unreadable = matches!(refused, Err(TakeInError::Document(DocumentError::Unreadable(_))));
        assert!(unreadable, "{after} {through} {last}: {refused:?}");
    }
}

proptest! {
    #[test]
    fn every_flipped_bit_and_every_truncation_of_a_part_is_refused(bit in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let bytes = part(0, 3, 3, &[id(1), id(2), id(3)]);
        let mut flipped = bytes.clone();
        let bit = bit.index(bytes.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut list = Revocations::new();
        prop_assert!(take(&mut list, &flipped, 0).is_err(), "bit {}", bit);
        prop_assert!(take(&mut list, &bytes[..cut.index(bytes.len())], 0).is_err());
        prop_assert!(list.is_empty() && !list.is_current(at(0)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(take(&mut Revocations::new(), &bytes, 0).is_err());
    }

    /// However the revocations are cut into parts, the door has all of them and, at this size, nobody else's.
    #[test]
    fn the_parts_of_a_list_have_every_revocation(cuts in proptest::collection::btree_set(1_i64..60, 0..8)) {
        let ids: Vec<_> = (0..60).map(id).collect();
        let (mut list, mut after) = (Revocations::new(), 0);
        for through in cuts.into_iter().chain([60]) {
            let range = usize::try_from(after).unwrap()..usize::try_from(through).unwrap();
            let bytes = part(after, through, 60, &ids[range]);
            let progress = take(&mut list, &bytes, 0);
            let expected = if through == 60 { Progress::Complete } else { Progress::More(through) };
            prop_assert_eq!(progress, Ok(expected));
            after = through;
        }
        prop_assert!((0..60).all(|number| has(&list, number)));
        prop_assert!((60..2_000).all(|number| !has(&list, number)));
    }
}
