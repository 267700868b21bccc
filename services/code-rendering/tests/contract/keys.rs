//! `GetKey` and `ListKeys`: published keys verify tokens offline.

use lutong_code_rendering::{CodeRenderingConfig, KeyAlgorithm, KeyState, Migrations};
use lutong_kernel::ServiceName;
use lutong_kernel::Timestamp;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{Colour, Purpose, PurposeCode};
use lutong_testing::{Bed, on_both_engines};
use lutong_token::{Algorithm, KeyUse, OfflineOutcome};
use std::time::Duration;
use wire::VerificationOutcome as Outcome;

use crate::doors::principal;
use crate::revocations::Door;
use crate::{Codes, build_with, decision, fault, start, start_with_storage};

on_both_engines!(
    published_keys_verify_without_a_connection,
    a_key_is_rotated_with_notice_and_overlap,
    a_revoked_key_has_signed_nothing_and_another_signs_at_once,
    what_an_operator_does_with_keys_is_in_the_audit_log,
    the_codes_of_another_province_are_issued_in_its_name,
    a_province_that_chooses_sm2_signs_with_it_from_the_next_key_on,
);

/// The key that signed a token.
fn signer(token: &str) -> String {
    lutong_token::UnverifiedToken::parse(token)
        .unwrap()
        .kid()
        .to_string()
}

async fn a_key_is_rotated_with_notice_and_overlap(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let old = signer(&codes.show(1).await.unwrap().token);
    let paper = codes.citizen(1).create(1).await;
    let paper = codes.citizen(1).token(&paper.name).await;
    let mut door = Door::new(&codes, &storage).await;
    let keys =
        lutong_code_rendering::open_keys(&codes.0.foundation, &storage, &CodeRenderingConfig::default())
            .await
            .unwrap();
    let now = codes.0.foundation.now();
    let day = 24 * 3_600;
    let early = keys
        .rotate(KeyUse::Tokens, Some(now.plus_seconds(day - 1)))
        .await
        .unwrap_err();
    assert_eq!(early.violations[0].reason, "ACTIVATION_TOO_EARLY");
    assert_eq!(keys.statuses().await.unwrap().len(), 2);
    let new = keys.rotate(KeyUse::Tokens, None).await.unwrap();
    assert_eq!(
        (new.state, new.limits.not_before),
        (KeyState::Announced, now.plus_seconds(day))
    );
    let new = new.key.kid().to_string();
    codes.0.clock.advance(Duration::from_secs(60));
    // The door knows the key before it signs.
    door.take_in(&codes).await;
    assert_eq!(signer(&codes.show(1).await.unwrap().token), old);
    codes.0.clock.set(now.plus_seconds(day + 1));
    let shown = codes.show(1).await.unwrap().token;
    assert_eq!(signer(&shown), new);
    assert_eq!(door.check(&codes, &shown), Ok(()));
    assert_eq!(codes.outcome(&shown).await, Outcome::Valid);
    door.take_in(&codes).await;
    assert_eq!(codes.outcome(&paper).await, Outcome::Valid);
    assert_eq!(door.check(&codes, &paper), Ok(()));
    // The overlap is over: the earlier key verifies nothing, and is not published any more.
    codes.0.clock.set(now.plus_seconds(16 * day + 200));
    let ended = keys.statuses().await.unwrap();
    let ended = ended
        .iter()
        .find(|status| status.key.kid().to_string() == old)
        .unwrap();
    assert_eq!(ended.state, KeyState::Retired);
    assert_eq!(codes.outcome(&paper).await, Outcome::WrongKey);
    assert_eq!(
        codes.outcome(&codes.show(1).await.unwrap().token).await,
        Outcome::Valid
    );
}

async fn a_revoked_key_has_signed_nothing_and_another_signs_at_once(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let shown = codes.show(1).await.unwrap().token;
    let paper = codes.citizen(1).create(1).await;
    let paper = codes.citizen(1).token(&paper.name).await;
    let mut door = Door::new(&codes, &storage).await;
    door.take_in(&codes).await;
    assert_eq!(door.check(&codes, &paper), Ok(()));
    let keys =
        lutong_code_rendering::open_keys(&codes.0.foundation, &storage, &CodeRenderingConfig::default())
            .await
            .unwrap();
    assert_eq!(
        keys.revoke("0000000000000000").await.unwrap_err().reason,
        "KEY_NOT_FOUND"
    );
    let revoked = keys.revoke(&signer(&shown)).await.unwrap();
    assert_eq!(revoked.state, KeyState::Revoked);
    // Every process knows it within a minute.
    codes.0.clock.advance(Duration::from_secs(60));
    assert_eq!(codes.outcome(&shown).await, Outcome::Revoked);
    assert_eq!(codes.outcome(&paper).await, Outcome::Revoked);
    let again = codes.show(1).await.unwrap().token;
    assert_ne!(signer(&again), signer(&shown));
    assert_eq!(codes.outcome(&again).await, Outcome::Valid);
    let refused = Err(OfflineOutcome::Refused(lutong_token::Outcome::Revoked));
    // The revocation list alone says so; with the key list the door knows the new key.
    door.take_in_revocations(&codes).await;
    assert_eq!(door.check(&codes, &paper), refused);
    let unknown = Err(OfflineOutcome::Refused(lutong_token::Outcome::WrongKey));
    assert_eq!(door.check(&codes, &again), unknown);
    door.take_in(&codes).await;
    assert_eq!(door.check(&codes, &paper), refused);
    assert_eq!(door.check(&codes, &again), Ok(()));
    // Revoking it again changes nothing, and the service starts again with what is stored.
    assert_eq!(keys.revoke(&signer(&shown)).await.unwrap(), revoked);
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

async fn the_codes_of_another_province_are_issued_in_its_name(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::CodeRendering).await;
    let config = CodeRenderingConfig {
        province: "32".to_owned(),
        ..CodeRenderingConfig::default()
    };
    build_with(&bed, &storage, &config).await;
    let codes = Codes(bed);
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let theirs = codes.show(1).await.unwrap().token;
    let read = lutong_token::UnverifiedToken::parse(&theirs).unwrap();
    assert_eq!(read.claims().issuer().to_string(), "32");
    assert_eq!(codes.outcome(&theirs).await, Outcome::Valid);
    // What is no province is named at the start.
    let wrong = CodeRenderingConfig {
        province: "山东".to_owned(),
        ..CodeRenderingConfig::default()
    };
    let refused = lutong_code_rendering::open_keys(&codes.0.foundation, &storage, &wrong).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("federation.province")));
}

/// The keys that stand keep their algorithm, so that everything they signed stays good.
async fn a_province_that_chooses_sm2_signs_with_it_from_the_next_key_on(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let paper = codes.citizen(1).create(1).await;
    let paper = codes.citizen(1).token(&paper.name).await;
    let config = CodeRenderingConfig {
        key_algorithm: KeyAlgorithm::Sm2,
        ..CodeRenderingConfig::default()
    };
    build_with(&codes.0, &storage, &config).await;
    let mut door = Door::new(&codes, &storage).await;
    let keys = lutong_code_rendering::open_keys(&codes.0.foundation, &storage, &config)
        .await
        .unwrap();
    let new = keys.rotate(KeyUse::Tokens, None).await.unwrap();
    assert_eq!(new.key.algorithm(), Algorithm::Sm2);
    codes.0.clock.advance(Duration::from_secs(24 * 3_600 + 60));
    codes.apply(vec![decision(2, Colour::Green, 1)]).await;
    door.take_in(&codes).await;
    let shown = codes.show(2).await.unwrap().token;
    let printed = codes.citizen(2).create(2).await;
    let printed = codes.citizen(2).token(&printed.name).await;
    for token in [&shown, &printed] {
        assert_eq!(signer(token), new.key.kid().to_string());
    }
    for token in [&shown, &printed, &paper] {
        assert_eq!(codes.outcome(token).await, Outcome::Valid);
        assert_eq!(door.check(&codes, token), Ok(()));
    }
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    let everybody = codes.0.call_as(&lutong_transport::access::Principal::public());
    let listed = KeyServiceClient::new(channel)
        .list_keys(everybody.request(wire::ListKeysRequest::default()))
        .await;
    let algorithms = listed.unwrap().into_inner().keys.into_iter();
    assert_eq!(
        algorithms.map(|key| key.algorithm).collect::<Vec<_>>(),
        [-65_537, -8]
    );
}

async fn what_an_operator_does_with_keys_is_in_the_audit_log(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let keys =
        lutong_code_rendering::open_keys(&codes.0.foundation, &storage, &CodeRenderingConfig::default())
            .await
            .unwrap();
    let first = keys.statuses().await.unwrap()[0].key.kid().to_string();
    let created = keys.create(KeyUse::Lists, None).await.unwrap();
    let now = codes.0.foundation.now();
    keys.rotate(KeyUse::Tokens, Some(now)).await.unwrap_err();
    keys.revoke(&first).await.unwrap();
    keys.revoke("no key").await.unwrap_err();
    let auditor = codes.caller(principal("auditor-1", Role::Auditor, ""));
    let request = auditor.request(wire::ListAuditRecordsRequest {
        purpose: Some(Purpose {
            code: PurposeCode::Audit.into(),
            ..Purpose::default()
        }),
        ..wire::ListAuditRecordsRequest::default()
    });
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    let mut client = wire::audit_service_client::AuditServiceClient::new(channel);
    let listed = client.list_audit_records(request).await.unwrap().into_inner();
    let records: Vec<_> = listed
        .records
        .iter()
        .rev()
        .filter(|one| one.account == "local")
        .collect();
    let objects = |one: &lutong_proto::audit::v1::AuditRecord| {
        let all = one.objects.iter();
        all.map(|object| format!("{}={}", object.field, object.value))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let said: Vec<_> = records
        .iter()
        .map(|one| {
            (
                one.rpc.as_str(),
                one.outcome.as_str(),
                one.reason.as_str(),
                objects(one),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                "lutong keys create",
                "OK",
                "",
                format!("key={} signs=LISTS", created.key.kid())
            ),
            (
                "lutong keys rotate",
                "INVALID_ARGUMENT",
                "INVALID_FIELDS",
                "signs=TOKENS".to_owned()
            ),
            ("lutong keys revoke", "OK", "", format!("key={first}")),
            ("lutong keys revoke", "NOT_FOUND", "KEY_NOT_FOUND", String::new()),
        ]
    );
}
