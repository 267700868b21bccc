use coset::cbor::Value;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::key::SigningKey;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_650_000_000 + second)
}

fn mask() -> Mask {
    Mask::try_new("*明").unwrap()
}

fn dynamic() -> Claims {
    Claims::dynamic(Issuer::SHANDONG, at(0), [9; 24], Colour::Yellow, Some(mask())).unwrap()
}

fn paper() -> Claims {
    Claims::paper(
        Issuer::SHANDONG,
        (at(0), at(14 * 86_400)),
        [8; 16],
        Colour::Red,
        None,
    )
    .unwrap()
}

fn device_key(seed: u64) -> VerifyingKey {
    let key = SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap();
    key.verifying_key().clone()
}

fn device(life: i64) -> Result<Claims, ClaimsError> {
    let times = (at(0), at(life));
    Claims::device(
        Issuer::SHANDONG,
        times,
        [8; 16],
        device_key(1),
        (Colour::Green, None),
    )
}

type Entries = Vec<(Value, Value)>;

/// The claims as a CBOR library represents them.
fn table(claims: &Claims, with_not_before: bool) -> Entries {
    let mut table = vec![
        (1.into(), claims.issuer().to_string().into()),
        (4.into(), claims.expires_at().seconds().into()),
    ];
    if with_not_before {
        table.push((5.into(), claims.not_before().seconds().into()));
    }
    table.push((7.into(), Value::Bytes(claims.token_id().as_bytes().to_vec())));
    if let Some(key) = claims.holder_key() {
        let raw = key.raw();
        let key = vec![
            (1.into(), 2.into()),
            ((-1).into(), 1.into()),
            ((-2).into(), Value::Bytes(raw[1..33].to_vec())),
            ((-3).into(), Value::Bool(raw[64] % 2 == 1)),
        ];
        table.push((8.into(), Value::Map(vec![(1.into(), Value::Map(key))])));
    }
    table.push(((-65_001).into(), claims.kind().wire_code().into()));
    table.push(((-65_002).into(), claims.colour().wire_code().into()));
    if let Some(mask) = claims.mask() {
        table.push(((-65_003).into(), mask.expose().into()));
    }
    table
}

fn bytes(table: Entries) -> Vec<u8> {
    let mut out = Vec::new();
    coset::cbor::into_writer(&Value::Map(table), &mut out).unwrap();
    out
}

/// The paper claims with one replaced or removed.
fn with(key: i64, value: Option<Value>) -> Result<Claims, crate::UnreadableToken> {
    let mut table = table(&paper(), true);
    let place = table.iter().position(|(k, _)| *k == Value::from(key)).unwrap();
    match value {
        Some(value) => table[place].1 = value,
        None => {
            table.remove(place);
        }
    }
    Claims::from_cwt(&bytes(table))
}

#[test]
fn kinds_have_the_numbers_and_names_of_the_format() {
    let kinds = [
        (1, "dynamic", Kind::Dynamic),
        (2, "paper", Kind::Paper),
        (3, "card", Kind::Card),
        (4, "device", Kind::Device),
    ];
    for code in 0..=u8::MAX {
        let expected = kinds.iter().find(|(one, ..)| *one == code);
        assert_eq!(
            Kind::from_wire_code(code),
            expected.map(|(.., kind)| *kind),
            "{code}"
        );
    }
    for (code, name, kind) in kinds {
        assert_eq!(
            (kind.wire_code(), kind.into_str(), kind.to_string().as_str()),
            (code, name, name)
        );
    }
}

#[test]
fn claims_are_given_back_as_they_were_made() {
    assert_eq!(paper().mask(), None);
    let times = (at(1), at(9));
    let paper = Claims::paper(Issuer::SHANDONG, times, [8; 16], Colour::Red, Some(mask()));
    let card = Claims::card(Issuer::SHANDONG, times, [8; 16], Colour::Red, Some(mask()));
    for (claims, kind) in [(paper.unwrap(), Kind::Paper), (card.unwrap(), Kind::Card)] {
        assert_eq!(
            (claims.issuer(), claims.kind(), claims.colour()),
            (Issuer::SHANDONG, kind, Colour::Red)
        );
        assert_eq!((claims.not_before(), claims.expires_at()), (at(1), at(9)));
        assert_eq!(
            (claims.token_id().as_bytes(), claims.mask()),
            ([8; 16].as_slice(), Some(&mask()))
        );
    }
    assert_eq!(dynamic().token_id().as_bytes(), [9; 24]);
}

#[test]
fn the_hand_written_bytes_are_those_of_a_cbor_library() {
    assert_eq!(dynamic().to_cwt(), bytes(table(&dynamic(), false)));
    assert_eq!(paper().to_cwt(), bytes(table(&paper(), true)));
    let device = device(60).unwrap();
    assert_eq!(device.to_cwt(), bytes(table(&device, true)));
}

#[test]
fn a_dynamic_token_of_a_partner_may_carry_not_before() {
    assert_eq!(Claims::from_cwt(&bytes(table(&dynamic(), true))), Ok(dynamic()));
}

#[test]
fn every_claim_but_the_mask_is_required() {
    for key in [1, 4, 5, 7, -65_001, -65_002] {
        assert!(with(key, None).is_err(), "{key}");
    }
    assert_eq!(with(5, Some(at(0).seconds().into())), Ok(paper()));
}

#[test]
fn claims_of_another_type_or_outside_the_table_are_refused() {
    let bad: [(i64, Value); 16] = [
        (1, 37.into()),
        (1, "370202".into()),
        (4, Value::Float(1_650_000_100.0)),
        (4, (-1).into()),
        (4, 4_294_967_296_u64.into()),
        (4, at(0).seconds().into()),
        (5, "1650000000".into()),
        (5, at(14 * 86_400).seconds().into()),
        (7, "8888888888888888".into()),
        (7, Value::Bytes(vec![8; 15])),
        (7, Value::Bytes(vec![8; 17])),
        (7, Value::Bytes(vec![8; 33])),
        (-65_001, 0.into()),
        (-65_001, 4.into()),
        (-65_002, 2.into()),
        (-65_002, 256.into()),
    ];
    for (key, value) in bad {
        assert!(with(key, Some(value.clone())).is_err(), "{key}: {value:?}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_device_is_valid_for_a_day_at_most() {
    assert!(device(MAX_DEVICE_LIFE_SECONDS).is_ok());
    assert_eq!(device(MAX_DEVICE_LIFE_SECONDS + 1), Err(ClaimsError::TooLong));
}

/// Another form of the same key would be another text of the same token.
#[test]
fn the_key_of_a_device_is_one_of_p256_in_one_form_and_stands_in_no_other_kind() {
    let ed25519 = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(1)).unwrap();
    let (times, colour) = ((at(0), at(60)), (Colour::Green, None));
    let key = ed25519.verifying_key().clone();
    let made = Claims::device(Issuer::SHANDONG, times, [8; 16], key, colour);
    assert_eq!(made, Err(ClaimsError::HolderKey));
    let good = device(60).unwrap();
    let place = |label: i64| move |(key, _): &(Value, Value)| *key == Value::from(label);
    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut table = table(&good, true);
        let at = table.iter().position(place(8)).unwrap();
        let Value::Map(members) = &mut table[at].1 else {
            unreachable!()
        };
        let Value::Map(key) = &mut members[0].1 else {
            unreachable!()
        };
        change(key);
        Claims::from_cwt(&bytes(table))
    };
    assert_eq!(changed(&|_| ()), Ok(good.clone()));
    let y = good.holder_key().unwrap().raw()[33..].to_vec();
    assert!(changed(&|key| key[3].1 = Value::Bytes(y.clone())).is_err());
    assert!(changed(&|key| key[1].1 = 2.into()).is_err());
    assert!(changed(&|key| key[2].1 = Value::Bytes(vec![0xFF; 32])).is_err());
    assert!(changed(&|key| key[2].1 = Value::Bytes(vec![1; 31])).is_err());
    assert!(changed(&|key| key.truncate(3)).is_err());
    assert!(changed(&|key| key.push((3.into(), (-7).into()))).is_err());
    let mut without = table(&good, true);
    without.retain(|entry| !place(8)(entry));
    assert!(Claims::from_cwt(&bytes(without)).is_err());
    let mut on_paper = table(&good, true);
    let at = on_paper.iter().position(place(-65_001)).unwrap();
    on_paper[at].1 = 2.into();
    assert!(Claims::from_cwt(&bytes(on_paper)).is_err());
}

#[test]
fn a_dynamic_id_has_24_to_32_bytes() {
    for (length, good) in [(16, false), (23, false), (24, true), (32, true), (33, false)] {
        let mut table = table(&dynamic(), false);
        table[2].1 = Value::Bytes(vec![1; length]);
        assert_eq!(Claims::from_cwt(&bytes(table)).is_ok(), good, "{length}");
    }
}

#[test]
fn claims_that_the_format_does_not_define_are_ignored() {
    let mut table = table(&paper(), true);
    table.insert(3, (6.into(), at(0).seconds().into()));
    table.push((Value::Text("x".into()), Value::Array(vec![Value::Null])));
    assert_eq!(Claims::from_cwt(&bytes(table)), Ok(paper()));
}

#[test]
fn a_claim_twice_or_out_of_order_is_refused() {
    let mut twice = table(&paper(), true);
    twice.insert(1, twice[0].clone());
    assert!(Claims::from_cwt(&bytes(twice)).is_err());
    let mut swapped = table(&paper(), true);
    swapped.swap(0, 1);
    assert!(Claims::from_cwt(&bytes(swapped)).is_err());
}

#[test]
fn longer_forms_of_the_same_claims_are_refused() {
    let plain = paper().to_cwt();
    let mut indefinite = plain.clone();
    indefinite[0] = 0xBF;
    indefinite.push(0xFF);
    let mut long_head = vec![0xB8, plain[0] & 0x1F];
    long_head.extend_from_slice(&plain[1..]);
    let mut long_key = vec![plain[0], 0x18, 0x01];
    long_key.extend_from_slice(&plain[2..]);
    let mut trailing = plain.clone();
    trailing.push(0x00);
    for other in [indefinite, long_head, long_key, trailing] {
        assert!(Claims::from_cwt(&other).is_err(), "{other:02x?}");
    }
    assert_eq!(Claims::from_cwt(&plain), Ok(paper()));
}

#[test]
fn times_are_seconds_of_32_bits_and_the_end_is_after_the_beginning() {
    let make = |from, until| Claims::paper(Issuer::SHANDONG, (from, until), [8; 16], Colour::Green, None);
    assert_eq!(make(at(0), at(0)), Err(ClaimsError::Empty));
    // Rounded down to whole seconds both are one.
    assert_eq!(make(at(0), at(0).plus_micros(500_000)), Err(ClaimsError::Empty));
    assert_eq!(
        make(Timestamp::from_seconds(-1), at(0)),
        Err(ClaimsError::OutOfRange)
    );
    assert_eq!(make(at(0), Timestamp::MAX), Err(ClaimsError::OutOfRange));
    let last = Timestamp::from_seconds(u32::MAX.into());
    assert!(make(Timestamp::from_seconds(0), last).is_ok());
    assert_eq!(make(at(0), last.plus_seconds(1)), Err(ClaimsError::OutOfRange));
}

#[test]
fn a_dynamic_token_lives_sixty_seconds_from_the_second_of_its_issue() {
    let claims = Claims::dynamic(
        Issuer::SHANDONG,
        at(0).plus_micros(999_999),
        [9; 24],
        Colour::Green,
        None,
    )
    .unwrap();
    assert_eq!((claims.not_before(), claims.expires_at()), (at(0), at(60)));
}

prop_compose! {
    fn any_claims()(
        province in 10_u8..=99,
        from in 0..u32::MAX - 1_300_000,
        life in 1_u32..1_300_000,
        seed: u64,
        id in any::<[u8; 24]>(),
        kind in 0_usize..4,
        colour in 0_usize..3,
        mask in proptest::option::of("\\*?\\p{L}"),
    ) -> Claims {
        let issuer = Issuer::parse(&province.to_string()).unwrap();
        let (from, until) = (Timestamp::from_seconds(from.into()), Timestamp::from_seconds((from + life).into()));
        let kind = Kind::VARIANTS[kind];
        let length = if kind == Kind::Dynamic { 24 } else { 16 };
        let mask = mask.map(|text| Mask::try_new(&text).unwrap());
        let holder_key = (kind == Kind::Device).then(|| device_key(seed));
        let until = if kind == Kind::Device { until.min(from.plus_seconds(MAX_DEVICE_LIFE_SECONDS)) } else { until };
        Claims::try_new(issuer, from, until, &id[..length], kind, (Colour::ALL[colour], mask), holder_key).unwrap()
    }
}

proptest! {
    #[test]
    fn claims_read_back_from_their_bytes(claims in any_claims()) {
        prop_assert_eq!(Claims::from_cwt(&claims.to_cwt()), Ok(claims));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Claims::from_cwt(&bytes);
    }

    #[test]
    fn damaged_claims_read_as_written_or_not_at_all(place in 0_usize..60, byte: u8) {
        let mut bytes = paper().to_cwt();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(claims) = Claims::from_cwt(&bytes) {
            // Two claims have a second form: "not before" of a dynamic token may be written, an issuer may have six digits.
            prop_assert!(claims.kind() == Kind::Dynamic || claims.to_cwt() == bytes);
        }
    }
}
