//! `VerifyToken`: an outcome for every token.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::code_disclosure_service_client::CodeDisclosureServiceClient;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time;
use lutong_proto::types::v1::{Colour, Purpose, PurposeCode};
use lutong_testing::{Bed, on_both_engines};
use lutong_transport::access::Principal;
use wire::VerificationOutcome as Outcome;

use crate::{Codes, decision, fault, start, start_with_storage, subject};

on_both_engines!(
    a_shown_code_verifies_until_its_minute_and_the_tolerance_have_passed,
    a_forged_or_foreign_token_has_its_own_outcome,
    a_token_is_resolved_whatever_its_colour_and_to_nobody_where_it_proves_nothing,
    a_token_is_verified_for_a_partner_and_its_holder_sees_it,
    a_code_is_shown_to_a_partner_and_its_holder_sees_it,
    colours_are_told_one_to_one_in_order,
);

impl Codes {
    /// Whose a token is, as identity asks for a hospital.
    pub async fn resolve(&self, token: &str) -> Result<wire::ResolveTokenResponse, Fault> {
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

impl Codes {
    /// What federation learns of a token for a partner.
    async fn verify_for(
        &self,
        partner: &str,
        token: &str,
    ) -> Result<wire::VerifyTokenForPartnerResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Federation);
        let call = self.0.call_as(&Principal::service("federation"));
        let request = call.request(wire::VerifyTokenForPartnerRequest {
            token: token.to_owned(),
            purpose: Some(Purpose {
                code: PurposeCode::Recognition.into(),
                reference: partner.to_owned(),
            }),
        });
        let answer = VerificationServiceClient::new(channel)
            .verify_token_for_partner(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    /// What federation shows to a partner of somebody's code.
    async fn show_to(
        &self,
        partner: &str,
        subject_id: &str,
        with_token: bool,
    ) -> Result<wire::ShowCodeToPartnerResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Federation);
        let call = self.0.call_as(&Principal::service("federation"));
        let request = call.request(wire::ShowCodeToPartnerRequest {
            subject_id: subject_id.to_owned(),
            purpose: Some(Purpose {
                code: PurposeCode::Recognition.into(),
                reference: partner.to_owned(),
            }),
            with_token,
        });
        let answer = CodeDisclosureServiceClient::new(channel)
            .show_code_to_partner(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn colours(&self, subjects: &[String]) -> Result<Vec<wire::CodeColour>, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Federation);
        let call = self.0.call_as(&Principal::service("federation"));
        let request = call.request(wire::BatchGetColoursRequest {
            subject_ids: subjects.to_vec(),
        });
        let answer = CodeServiceClient::new(channel).batch_get_colours(request).await;
        answer
            .map(|answer| answer.into_inner().codes)
            .map_err(|status| fault(&status))
    }
}

async fn a_code_is_shown_to_a_partner_and_its_holder_sees_it(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let holder = subject(1).to_string();
    let told = codes.show_to("partners/32", &holder, false).await.unwrap();
    assert_eq!((told.colour(), &*told.token), (Colour::Green, ""));
    assert!(told.decide_time.is_some() && told.expire_time.is_none());
    let shown = codes.show_to("partners/32", &holder, true).await.unwrap();
    let verified = codes.verify_for("partners/32", &shown.token).await.unwrap();
    assert_eq!(
        (verified.outcome(), verified.subject_id),
        (Outcome::Valid, holder.clone())
    );
    assert_eq!(
        lutong_testing::rows(&storage, "lookups_to_deliver").await,
        3,
        "each of them is in the ledger"
    );
    codes.0.clock.set(due);
    let refreshing = codes.show_to("partners/32", &holder, true).await.unwrap();
    assert_eq!(
        (refreshing.colour, refreshing.is_refreshing, &*refreshing.token),
        (None, true, "")
    );
    let nobody = codes
        .show_to("partners/32", &subject(9).to_string(), true)
        .await
        .unwrap();
    assert_eq!(
        (nobody.colour, nobody.is_refreshing, &*nobody.token),
        (None, false, "")
    );
    let refused = codes.show_to("partners/32", "x", true).await.unwrap_err();
    assert_eq!(lutong_testing::violations(&refused), ["subject_id UUID_SHAPE"]);
}

async fn a_token_is_verified_for_a_partner_and_its_holder_sees_it(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let shown = codes.show(1).await.unwrap().token;
    let verified = codes.verify_for("partners/32", &shown).await.unwrap();
    assert_eq!(
        (verified.outcome(), verified.colour(), verified.subject_id),
        (Outcome::Valid, Colour::Green, subject(1).to_string())
    );
    assert_eq!(
        lutong_testing::rows(&storage, "lookups_to_deliver").await,
        1,
        "it is in the ledger"
    );
    let refused = codes.verify_for("partners/32", "LT1:X").await.unwrap();
    assert_eq!(
        (refused.outcome(), refused.subject_id.as_str()),
        (Outcome::Unreadable, "")
    );
    assert_eq!(refused.colour, None);
    assert_eq!(
        lutong_testing::rows(&storage, "lookups_to_deliver").await,
        1,
        "about nobody"
    );
    codes.0.clock.set(due);
    let refreshing = codes.verify_for("partners/32", &shown).await.unwrap_err();
    assert_eq!(refreshing.reason, "CODE_REFRESHING");
    assert_eq!(
        codes.verify_for("partners/32", "").await.unwrap_err().reason,
        "INVALID_FIELDS"
    );
}

async fn colours_are_told_one_to_one_in_order(bed: Bed) {
    let codes = start(bed).await;
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(2, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![decision(1, Colour::Red, 1), green]).await;
    let asked = [3, 2, 1, 2].map(|n| subject(n).to_string());
    let told = codes.colours(&asked).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.subject_id.clone(), one.colour()))
        .collect();
    let colours = [Colour::Unspecified, Colour::Green, Colour::Red, Colour::Green];
    assert_eq!(told, asked.clone().into_iter().zip(colours).collect::<Vec<_>>());
    codes.0.clock.set(due);
    let told = codes.colours(&asked).await.unwrap();
    let refreshing: Vec<_> = told.iter().map(|one| (one.is_refreshing, one.colour)).collect();
    let red = Some(Colour::Red.into());
    assert_eq!(
        refreshing,
        [(false, None), (true, None), (false, red), (true, None)]
    );
    let refused = codes.colours(&["x".to_owned()]).await.unwrap_err();
    assert!(
        lutong_testing::violations(&refused)[0].starts_with("subject_ids[0] "),
        "{refused:?}"
    );
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
