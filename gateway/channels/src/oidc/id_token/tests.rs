use lutong_stand_ins::oidc::Signer;
use serde_json::json;

use super::*;

const NOW: i64 = 1_669_424_400;

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://p",
        client_id: "lutong",
        nonce: "n1",
        access_token: "at",
        algorithms: &[
            Algorithm::Rs256,
            Algorithm::Es256,
            Algorithm::EdDsa,
            Algorithm::Ps256,
        ],
        now: NOW,
    }
}

fn claims() -> Value {
    json!({"iss": "https://p", "aud": "lutong", "sub": "1", "exp": NOW + 300, "iat": NOW, "nonce": "n1"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn checked(signer: &Signer, header: &Value, claims: &Value) -> Result<(), Refusal> {
    let keys = Keys::parse(signer.key_set().to_string().as_bytes()).unwrap();
    verify(&signer.sign(header, claims), &expected(), &keys).map(drop)
}

fn refused(claims: &Value) -> Refusal {
    let signer = Signer::es256("k1");
    checked(&signer, &json!({"alg": "ES256", "kid": "k1"}), claims).unwrap_err()
}

#[test]
fn a_token_of_every_algorithm_is_verified() {
    for (signer, alg) in [
        (Signer::es256("k1"), "ES256"),
        (Signer::ed25519("k1"), "EdDSA"),
        (Signer::rs256("k1"), "RS256"),
        (Signer::ps256("k1"), "PS256"),
    ] {
        assert_eq!(
            checked(&signer, &json!({"alg": alg, "kid": "k1"}), &claims()),
            Ok(()),
            "{alg}"
        );
        assert_eq!(
            checked(
                &signer,
                &json!({"alg": alg, "kid": "k1", "typ": "JWT"}),
                &claims()
            ),
            Ok(())
        );
        assert_eq!(
            checked(&signer, &json!({"alg": alg}), &claims()),
            Ok(()),
            "the only key"
        );
    }
}

#[test]
fn no_algorithm_and_shared_keys_are_refused() {
    let signer = Signer::es256("k1");
    for alg in ["none", "None", "HS256", "HS384", "ES384", "RS1", ""] {
        let refused = checked(&signer, &json!({"alg": alg, "kid": "k1"}), &claims());
        assert_eq!(refused, Err(Refusal::Part("alg")), "{alg}");
    }
    // An algorithm of the list that the channel does not accept.
    let keys = Keys::parse(signer.key_set().to_string().as_bytes()).unwrap();
    let only_rsa = Expected {
        algorithms: &[Algorithm::Rs256],
        ..expected()
    };
    let token = signer.sign(&json!({"alg": "ES256", "kid": "k1"}), &claims());
    assert_eq!(verify(&token, &only_rsa, &keys), Err(Refusal::Part("alg")));
}

#[test]
fn a_header_that_brings_keys_or_conditions_is_refused() {
    let signer = Signer::es256("k1");
    for member in ["crit", "jku", "jwk", "x5u"] {
        let mut header = json!({"alg": "ES256", "kid": "k1"});
        header[member] = json!(["x"]);
        assert_eq!(
            checked(&signer, &header, &claims()),
            Err(Refusal::Part("header")),
            "{member}"
        );
    }
    let other = json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"});
    assert_eq!(checked(&signer, &other, &claims()), Err(Refusal::Part("header")));
}

#[test]
fn another_key_is_no_key() {
    let (own, foreign) = (Signer::es256("k1"), Signer::es256("k1"));
    let keys = Keys::parse(own.key_set().to_string().as_bytes()).unwrap();
    let header = json!({"alg": "ES256", "kid": "k1"});
    let token = foreign.sign(&header, &claims());
    assert_eq!(
        verify(&token, &expected(), &keys),
        Err(Refusal::Part("signature"))
    );
    let unknown = own.sign(&json!({"alg": "ES256", "kid": "k2"}), &claims());
    assert_eq!(
        verify(&unknown, &expected(), &keys),
        Err(Refusal::UnknownKey("k2".to_owned()))
    );
    // The key is for another algorithm.
    let confused = own.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims());
    assert_eq!(
        verify(&confused, &expected(), &keys),
        Err(Refusal::UnknownKey("k1".to_owned()))
    );
}

#[test]
fn every_claim_is_held_to_what_was_asked() {
    for (claims, part) in [
        (with("iss", json!("https://p/")), "iss"),
        (without("iss"), "iss"),
        (with("aud", json!("other")), "aud"),
        (with("aud", json!([])), "aud"),
        (without("aud"), "aud"),
        (with("aud", json!(["lutong", "other"])), "azp"),
        (with("azp", json!("other")), "azp"),
        (with("exp", json!(NOW - 60)), "exp"),
        (with("exp", json!("later")), "exp"),
        (without("exp"), "exp"),
        (with("iat", json!(NOW + 61)), "iat"),
        (with("iat", json!(NOW - 601)), "iat"),
        (without("iat"), "iat"),
        (with("nbf", json!(NOW + 61)), "nbf"),
        (with("nonce", json!("n2")), "nonce"),
        (with("nonce", json!("")), "nonce"),
        (without("nonce"), "nonce"),
        (with("at_hash", json!("AAAA")), "at_hash"),
    ] {
        assert_eq!(refused(&claims), Refusal::Part(part), "{claims}");
    }
}

#[test]
fn clocks_may_be_a_minute_apart() {
    let signer = Signer::es256("k1");
    let header = json!({"alg": "ES256", "kid": "k1"});
    for claims in [
        with("exp", json!(NOW - 59)),
        with("iat", json!(NOW + 60)),
        with("nbf", json!(NOW + 60)),
        with("exp", json!(300.5 + 1_669_424_400.0)),
    ] {
        assert_eq!(checked(&signer, &header, &claims), Ok(()), "{claims}");
    }
}

#[test]
fn several_audiences_need_the_authorised_party() {
    let signer = Signer::es256("k1");
    let mut claims = with("aud", json!(["other", "lutong"]));
    claims["azp"] = json!("lutong");
    assert_eq!(checked(&signer, &json!({"alg": "ES256"}), &claims), Ok(()));
}

#[test]
fn the_hash_of_the_access_token_is_its_left_half() {
    let signer = Signer::es256("k1");
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest("at")[..16]);
    assert_eq!(
        checked(&signer, &json!({"alg": "ES256"}), &with("at_hash", json!(hash))),
        Ok(())
    );
}

#[test]
fn what_is_no_token_is_refused() {
    let signer = Signer::es256("k1");
    let keys = Keys::parse(signer.key_set().to_string().as_bytes()).unwrap();
    let good = signer.sign(&json!({"alg": "ES256"}), &claims());
    let long = "a".repeat(LONGEST + 1);
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
    for token in [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "....",
        &long,
        &unsigned,
        &format!("{unsigned}."),
        &format!("{good}="),
        &format!(" {good}"),
    ] {
        assert!(verify(token, &expected(), &keys).is_err(), "{token:.40}");
    }
    // Every character of a token counts.
    for position in (0..good.len()).step_by(7) {
        let mut changed = good.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        if changed != good {
            assert!(verify(&changed, &expected(), &keys).is_err(), "{position}");
        }
    }
}
