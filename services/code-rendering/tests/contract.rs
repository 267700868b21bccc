//! What code-rendering promises over its contract, on both engines. Identity is away unless a test says otherwise.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lutong_code_rendering::Migrations;
use lutong_kernel::{Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1::AppliedDecision;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use wire::VerificationOutcome as Outcome;

on_both_engines!(
    a_shown_code_verifies_until_its_minute_and_the_tolerance_have_passed,
    a_new_decision_is_shown_and_supersedes_what_was_shown_before,
    an_older_or_repeated_decision_changes_nothing,
    nobody_has_a_code_before_a_decision_and_nobody_sees_anothers,
    a_green_code_due_to_change_is_neither_shown_nor_confirmed,
    a_forged_or_foreign_token_has_its_own_outcome,
    published_keys_verify_without_a_connection,
    every_image_format_is_drawn,
    a_restart_keeps_keys_and_codes,
    what_cannot_be_asked_for_is_named,
);

struct Codes(Bed);

async fn start(bed: Bed) -> Codes {
    let storage = bed.storage::<Migrations>(ServiceName::CodeRendering).await;
    build(&bed, &storage).await;
    Codes(bed)
}

async fn build(bed: &Bed, storage: &lutong_storage::StorageConfig) {
    let identity = bed.channel(ServiceName::Identity, Caller::CodeRendering);
    let risk_rules = bed.channel(ServiceName::RiskRules, Caller::CodeRendering);
    let component = lutong_code_rendering::build(&bed.foundation, storage, identity, risk_rules).await;
    bed.bind(component.unwrap());
}

fn subject(n: u32) -> SubjectId {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

fn decision(n: u32, colour: Colour, version: i64) -> AppliedDecision {
    let at = Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap();
    AppliedDecision {
        decision_id: format!("00000000-0000-7000-9000-{version:012}"),
        subject_id: subject(n).to_string(),
        colour: colour.into(),
        version,
        evaluate_time: Some(time::from_micros(at.micros())),
        next_change_time: None,
    }
}

fn fault(status: &tonic::Status) -> Fault {
    lutong_transport::status::to_fault(status, "code-rendering")
}

impl Codes {
    async fn apply(&self, decisions: Vec<AppliedDecision>) -> i64 {
        self.try_to_apply(decisions).await.unwrap()
    }

    async fn try_to_apply(&self, decisions: Vec<AppliedDecision>) -> Result<i64, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::RiskRules);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::ApplyDecisionsRequest { decisions });
        let answer = CodeServiceClient::new(channel).apply_decisions(request).await;
        answer
            .map(|answer| answer.into_inner().applied)
            .map_err(|status| fault(&status))
    }

    async fn show_of(
        &self,
        n: u32,
        subject_id: &str,
        format: wire::ImageFormat,
    ) -> Result<wire::ShowCodeResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        let call = self.0.call_as(&lutong_testing::citizen("wx-1", Some(subject(n))));
        let request = call.request(wire::ShowCodeRequest {
            subject_id: subject_id.to_owned(),
            image_format: format.into(),
        });
        let answer = CodeServiceClient::new(channel).show_code(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn show(&self, n: u32) -> Result<wire::ShowCodeResponse, Fault> {
        self.show_of(n, "", wire::ImageFormat::Unspecified).await
    }

    async fn verify(&self, token: &str) -> Result<wire::VerifyTokenResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        let mut checkpoint = lutong_testing::citizen("door-1", None);
        checkpoint.roles = lutong_transport::access::Roles::of(&[Role::Checkpoint]);
        let request = self.0.call_as(&checkpoint).request(wire::VerifyTokenRequest {
            token: token.to_owned(),
        });
        let answer = VerificationServiceClient::new(channel)
            .verify_token(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn outcome(&self, token: &str) -> Outcome {
        self.verify(token).await.unwrap().outcome()
    }
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

async fn a_new_decision_is_shown_and_supersedes_what_was_shown_before(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let green = codes.show(1).await.unwrap();
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    assert_eq!(codes.show(1).await.unwrap().colour(), Colour::Red);
    let verified = codes.verify(&green.token).await.unwrap();
    assert_eq!(
        (verified.outcome(), verified.colour()),
        (Outcome::Superseded, Colour::Red)
    );
}

async fn an_older_or_repeated_decision_changes_nothing(bed: Bed) {
    let codes = start(bed).await;
    let (old, new) = (decision(1, Colour::Green, 1), decision(1, Colour::Red, 2));
    assert_eq!(codes.apply(vec![new.clone(), old.clone()]).await, 1);
    assert_eq!(codes.apply(vec![old]).await, 0);
    assert_eq!(codes.apply(vec![new]).await, 0);
    let shown = codes.show(1).await.unwrap();
    assert_eq!((shown.colour(), shown.version), (Colour::Red, 2));
}

async fn nobody_has_a_code_before_a_decision_and_nobody_sees_anothers(bed: Bed) {
    let codes = start(bed).await;
    assert_eq!(codes.show(1).await.unwrap_err().reason, "CODE_NOT_FOUND");
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    codes.show(1).await.unwrap();
    let other = codes
        .show_of(1, &subject(2).to_string(), wire::ImageFormat::Unspecified)
        .await;
    assert_eq!(other.unwrap_err().reason, "CODE_NOT_FOUND");
}

async fn a_green_code_due_to_change_is_neither_shown_nor_confirmed(bed: Bed) {
    let codes = start(bed).await;
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let shown = codes.show(1).await.unwrap();
    codes.0.clock.set(due);
    assert_eq!(codes.show(1).await.unwrap_err().reason, "CODE_REFRESHING");
    assert_eq!(
        codes.verify(&shown.token).await.unwrap_err().reason,
        "CODE_REFRESHING"
    );
    codes.apply(vec![decision(1, Colour::Yellow, 2)]).await;
    assert_eq!(codes.show(1).await.unwrap().colour(), Colour::Yellow);
}

async fn a_forged_or_foreign_token_has_its_own_outcome(bed: Bed) {
    use lutong_token::{Algorithm, Claims, Issuer, SigningKey};
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let shown = codes.show(1).await.unwrap();
    // The last character but one belongs to the signature.
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

async fn published_keys_verify_without_a_connection(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let shown = codes.show(1).await.unwrap();
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    let request = codes
        .0
        .call_as(&lutong_transport::access::Principal::public())
        .request(wire::ListKeysRequest::default());
    let mut client = KeyServiceClient::new(channel);
    let keys = client.list_keys(request).await.unwrap().into_inner().keys;
    let [key] = &keys[..] else { panic!("one key") };
    assert_eq!((key.algorithm, key.issuer.as_str()), (-8, "37"));
    assert_eq!(key.name, format!("keys/{}", key.key_id));
    let mut get = async |name: &str| {
        let request = codes
            .0
            .call_as(&lutong_transport::access::Principal::public())
            .request(wire::GetKeyRequest {
                name: name.to_owned(),
            });
        let found = client.get_key(request).await;
        found
            .map(|found| found.into_inner().key.unwrap())
            .map_err(|status| fault(&status).reason)
    };
    assert_eq!(get(&key.name).await.unwrap(), *key);
    assert_eq!(get("keys/0000000000000000").await.unwrap_err(), "KEY_NOT_FOUND");
    assert_eq!(get("0000000000000000").await.unwrap_err(), "INVALID_FIELDS");
    let foreign = codes
        .0
        .call_as(&lutong_transport::access::Principal::public())
        .request(wire::ListKeysRequest {
            page_size: 1,
            page_token: "x".to_owned(),
        });
    let refused = fault(&client.list_keys(foreign).await.unwrap_err());
    assert_eq!(refused.violations[0].reason, "PAGE_TOKEN_FOREIGN");
    // The last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key (RFC 8410).
    let raw = &key.public_key[key.public_key.len() - 32..];
    let public = lutong_token::VerifyingKey::from_raw(lutong_token::Algorithm::Ed25519, raw).unwrap();
    assert_eq!(public.kid().to_string(), key.key_id);
    let mut trusted = lutong_token::VerifyingKeys::new();
    trusted
        .insert(lutong_token::TrustedKey {
            key: public,
            issuers: vec![lutong_token::Issuer::SHANDONG],
            not_before: Timestamp::from_seconds(0),
            not_after: None,
            revoked_at: None,
        })
        .unwrap();
    let now = codes.0.foundation.now();
    let anything = lutong_token::Expectations::anything();
    let claims = lutong_token::verify(&shown.token, &trusted, now, &anything).unwrap();
    assert_eq!(claims.colour(), lutong_kernel::Colour::Green);
}

async fn every_image_format_is_drawn(bed: Bed) {
    use wire::ImageFormat::{Png, Svg, Terminal};
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    for (format, media_type, begins) in [
        (Svg, "image/svg+xml", &b"<svg"[..]),
        (Png, "image/png", b"\x89PNG"),
        (Terminal, "text/plain; charset=utf-8", "█".as_bytes()),
    ] {
        let image = codes.show_of(1, "", format).await.unwrap().image.unwrap();
        assert_eq!(image.media_type, media_type);
        assert!(image.data.starts_with(begins), "{media_type}");
    }
}

async fn a_restart_keeps_keys_and_codes(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::CodeRendering).await;
    build(&bed, &storage).await;
    let before = Codes(bed);
    before.apply(vec![decision(1, Colour::Yellow, 1)]).await;
    let shown = before.show(1).await.unwrap();
    let again = before.0.reopened();
    build(&again, &storage).await;
    let after = Codes(again);
    assert_eq!(after.outcome(&shown.token).await, Outcome::Valid);
    assert_eq!(after.show(1).await.unwrap().colour(), Colour::Yellow);
}

async fn what_cannot_be_asked_for_is_named(bed: Bed) {
    let codes = start(bed).await;
    let wrong = |refused: Fault| {
        let one = &refused.violations[0];
        format!("{} {} {}", refused.reason, one.field, one.reason)
    };
    let mut nobody = decision(1, Colour::Green, 1);
    nobody.subject_id.clear();
    for (decisions, named) in [
        (
            vec![decision(1, Colour::Green, 1); 1_001],
            "INVALID_FIELDS decisions TOO_MANY",
        ),
        (
            vec![decision(1, Colour::Green, 1), decision(2, Colour::Unspecified, 1)],
            "INVALID_FIELDS decisions[1].colour MISSING",
        ),
        (vec![nobody], "INVALID_FIELDS decisions[0].subject_id MISSING"),
    ] {
        assert_eq!(wrong(codes.try_to_apply(decisions).await.unwrap_err()), named);
    }
    // A thousand of the longest are none too many.
    let mut longest = decision(3, Colour::Green, 1);
    longest.version = i64::MAX;
    longest.next_change_time = longest.evaluate_time;
    assert_eq!(codes.apply(vec![longest; 1_000]).await, 1);
    // A bad decision among good ones brought none of them into force.
    assert_eq!(codes.show(1).await.unwrap_err().reason, "CODE_NOT_FOUND");
    let refused = codes
        .show_of(1, "1", wire::ImageFormat::Unspecified)
        .await
        .unwrap_err();
    assert_eq!(wrong(refused), "INVALID_FIELDS subject_id UUID_SHAPE");
}
