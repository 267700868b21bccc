//! `VerifyToken`: an outcome for every token.

use std::time::Duration;

use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use wire::VerificationOutcome as Outcome;

use crate::{decision, start};

on_both_engines!(
    a_shown_code_verifies_until_its_minute_and_the_tolerance_have_passed,
    a_forged_or_foreign_token_has_its_own_outcome,
);

async fn a_shown_code_verifies_until_its_minute_and_the_tolerance_have_passed(bed: Bed) {
    let codes = start(bed).await;
    assert_eq!(codes.apply(vec![decision(1, Colour::Green, 1)]).await, 1);
    let shown = codes.show(1).await.unwrap();
    assert_eq!((shown.colour(), shown.shape.as_str()), (Colour::Green, "circle"));
    assert_eq!(codes.outcome(&shown.token).await, Outcome::Valid);
    codes.0.clock.advance(Duration::from_secs(89));
    assert_eq!(codes.outcome(&shown.token).await, Outcome::Valid);
    codes.0.clock.advance(Duration::from_secs(1));
    assert_eq!(codes.outcome(&shown.token).await, Outcome::Expired);
}

async fn a_forged_or_foreign_token_has_its_own_outcome(bed: Bed) {
    use lutong_token::{Algorithm, Claims, Issuer, SigningKey};
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let shown = codes.show(1).await.unwrap();
    // The second to last character belongs to the signature.
    let mut forged = shown.token.clone().into_bytes();
    let at = forged.len() - 3;
    forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
    assert_eq!(
        codes.outcome(&String::from_utf8(forged).unwrap()).await,
        Outcome::BadSignature
    );
    let stranger =
        SigningKey::generate(Algorithm::Ed25519, &lutong_kernel::random::SeededRandom::new(9)).unwrap();
    let now = codes.0.foundation.now();
    let claims = Claims::dynamic(Issuer::SHANDONG, now, [7; 24], lutong_kernel::Colour::Green, None).unwrap();
    assert_eq!(
        codes.outcome(&stranger.sign(&claims).unwrap()).await,
        Outcome::WrongKey
    );
    assert_eq!(codes.outcome("https://example.org").await, Outcome::Unreadable);
    assert_eq!(codes.verify("").await.unwrap_err().violations[0].field, "token");
}
