//! The tokens of `vectors/outcomes.json`, which another implementation made: see `vectors/SOURCE.md`.

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use serde_json::Value;
use strum::VariantArray as _;

use crate::{
    Algorithm, Claims, Expectations, Issuer, Kind, Mask, Outcome, TrustedKey, VerifyingKey, VerifyingKeys,
    verify,
};

fn seconds(value: &Value) -> Option<Timestamp> {
    value.as_i64().map(Timestamp::from_seconds)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    let listed = value.as_array()?.iter();
    Some(listed.map(|one| one.as_str().unwrap()).collect())
}

fn trusted(key: &Value) -> TrustedKey {
    let named = |algorithm: &Algorithm| Some(algorithm.into_str()) == key["algorithm"].as_str();
    let algorithm = Algorithm::VARIANTS.iter().copied().find(named).unwrap();
    let issuers = texts(&key["issuers"]).unwrap().into_iter();
    let public = VerifyingKey::from_raw(algorithm, &bytes(&key["public"])).unwrap();
    assert_eq!(public.kid().to_string(), key["kid"].as_str().unwrap());
    TrustedKey {
        key: public,
        issuers: issuers.map(|issuer| Issuer::parse(issuer).unwrap()).collect(),
        not_before: seconds(&key["not_before"]).unwrap(),
        not_after: seconds(&key["not_after"]),
        revoked_at: seconds(&key["revoked_at"]),
    }
}

fn expectations(case: &Value) -> Expectations {
    let kind = |word: &str| {
        let mut kinds = Kind::VARIANTS.iter().copied();
        kinds.find(|kind| kind.into_str() == word).unwrap()
    };
    let issuers = texts(&case["issuers"]);
    Expectations {
        kinds: texts(&case["kinds"]).map(|words| words.into_iter().map(kind).collect()),
        issuers: issuers.map(|all| all.into_iter().map(|one| Issuer::parse(one).unwrap()).collect()),
    }
}

fn assert_claims(claims: &Claims, expected: &Value, name: &str) {
    let shown = (
        claims.issuer().to_string(),
        claims.kind().into_str(),
        claims.colour().as_str().to_lowercase(),
        claims.mask().map(Mask::expose),
        Some(claims.not_before()),
        Some(claims.expires_at()),
        claims.token_id().as_bytes(),
        claims.holder_key().map(VerifyingKey::raw),
    );
    let holder_key = expected.get("holder_key").map(bytes);
    let expected = (
        expected["issuer"].as_str().unwrap().to_owned(),
        expected["kind"].as_str().unwrap(),
        expected["colour"].as_str().unwrap().to_owned(),
        expected["mask"].as_str(),
        seconds(&expected["not_before"]),
        seconds(&expected["expires_at"]),
        &bytes(&expected["token_id"])[..],
        holder_key.as_deref(),
    );
    assert_eq!(shown, expected, "{name}");
}

#[test]
fn every_token_of_another_implementation_has_the_outcome_that_it_must_have() {
    let vectors: Value = serde_json::from_str(include_str!("../../../vectors/outcomes.json")).unwrap();
    let mut keys = VerifyingKeys::new();
    for key in vectors["keys"].as_array().unwrap() {
        keys.insert(trusted(key)).unwrap();
    }
    let mut seen = BTreeMap::new();
    for case in vectors["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (text, now) = (case["text"].as_str().unwrap(), seconds(&case["now"]).unwrap());
        let verified = verify(text, &keys, now, &expectations(case));
        let outcome = verified.as_ref().err().copied().unwrap_or(Outcome::Valid);
        assert_eq!(outcome.into_str(), case["outcome"].as_str().unwrap(), "{name}");
        if let Ok(claims) = &verified {
            assert_claims(claims, &case["claims"], name);
        }
        *seen.entry(outcome.into_str()).or_insert(0) += 1;
    }
    // Every outcome that needs no store.
    let expected = [
        ("BAD_SIGNATURE", 529),
        ("EXPIRED", 7),
        ("NOT_YET_VALID", 5),
        ("REVOKED", 3),
        ("UNREADABLE", 469),
        ("VALID", 83),
        ("WRONG_ISSUER", 4),
        ("WRONG_KEY", 38),
        ("WRONG_KIND", 7),
    ];
    assert_eq!(seen, BTreeMap::from(expected));
}
