//! `GetKey` and `ListKeys`: published keys verify tokens offline.

use lutong_kernel::ServiceName;
use lutong_kernel::Timestamp;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};

use crate::{decision, fault, start};

on_both_engines!(published_keys_verify_without_a_connection,);

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
