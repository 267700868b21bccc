//! `VerifyToken`: an outcome for every token.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use wire::VerificationOutcome as Outcome;

use crate::{Codes, decision, fault, start, subject};

on_both_engines!(
    a_shown_code_verifies_until_its_minute_and_the_tolerance_have_passed,
    a_forged_or_foreign_token_has_its_own_outcome,
    a_token_is_resolved_whatever_its_colour_and_to_nobody_where_it_proves_nothing,
);

impl Codes {
    /// Whose a token is, as identity asks for a hospital.
    async fn resolve(&self, token: &str) -> Result<wire::ResolveTokenResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Identity);
        let mut hospital = lutong_testing::citizen("his-1", None);
        hospital.roles = lutong_transport::access::Roles::of(&[Role::Hospital]);
        let request = self.0.call_as(&hospital).request(wire::ResolveTokenRequest {
            token: token.to_owned(),
        });
        let answer = VerificationServiceClient::new(channel)
            .resolve_token(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }
}

async fn a_token_is_resolved_whatever_its_colour_and_to_nobody_where_it_proves_nothing(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let shown = codes.show(1).await.unwrap().token;
    let own = subject(1).to_string();
    let valid = codes.resolve(&shown).await.unwrap();
    assert_eq!(
        (valid.outcome(), &valid.subject_id, valid.on_paper),
        (Outcome::Valid, &own, false)
    );
    let paper = codes.citizen(1).create(1).await;
    let printed = codes.citizen(1).token(&paper.name).await;
    assert!(codes.resolve(&printed).await.unwrap().on_paper);
    // A colour that has changed revokes the paper for a door; whose it is, it still says.
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    for token in [&shown, &printed] {
        let changed = codes.resolve(token).await.unwrap();
        assert_eq!(
            (changed.outcome(), &changed.subject_id),
            (Outcome::Superseded, &own)
        );
    }
    codes.0.clock.advance(Duration::from_secs(91));
    for (token, outcome) in [
        (shown.as_str(), Outcome::Expired),
        ("https://example.org", Outcome::Unreadable),
    ] {
        let refused = codes.resolve(token).await.unwrap();
        assert_eq!((refused.outcome(), refused.subject_id.as_str()), (outcome, ""));
    }
    assert_eq!(codes.resolve("").await.unwrap_err().reason, "INVALID_FIELDS");
}

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
