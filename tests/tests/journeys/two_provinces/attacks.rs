//! What somebody may try who can reach the listener for partners: without a certificate, with one of another partner, with the right one and
//! another key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use lutong_https::HttpsClient;
use lutong_proto::federation::v1::exchange_service_client::ExchangeServiceClient;
use lutong_proto::federation::v1::subscription_service_client::SubscriptionServiceClient;
use lutong_proto::federation::v1::{GetMessageKeyRequest, NotifyChangesRequest, SignedMessage};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use lutong_token::{MessageHeader, SigningKey, body_digest};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use super::{JIANGSU, Province, ZHEJIANG, entry, key, pem};

const NOTIFY: &str = "lutong.federation.v1.SubscriptionService/NotifyChanges";

/// Zhejiang, of which nobody else knows the key.
fn zhejiang_key() -> SigningKey {
    key(33)
}

/// The entry of Zhejiang, a partner that only sends.
pub fn zhejiang() -> String {
    let zhejiang = [(pem(zhejiang_key().verifying_key()), "MESSAGES")];
    entry(("33", "浙江省", ZHEJIANG), None, &zhejiang)
}

fn notice(sender: &str, key: &SigningKey) -> SignedMessage {
    let header = MessageHeader {
        method: NOTIFY.to_owned(),
        sender: sender.to_owned(),
        audience: "37".to_owned(),
        sent_at: now(),
        nonce: uuid::Uuid::parse_str(&request_id()).unwrap().into_bytes(),
        body_digest: body_digest(b""),
        in_reply_to: None,
    };
    SignedMessage {
        header: header.sign(key).unwrap(),
        body: Vec::new(),
    }
}

fn json_of(message: &SignedMessage) -> Value {
    json!({"message": {"header": STANDARD.encode(&message.header), "body": STANDARD.encode(&message.body)}})
}

/// Sends a message to the listener for partners; `None` if nobody answers.
async fn send(to: &Province, client: &HttpsClient, message: &SignedMessage) -> Option<(StatusCode, Value)> {
    let url = format!("https://127.0.0.1:{}/v1/subscriptions:notify", to.port);
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json_of(message).to_string())))
        .unwrap();
    let answer = client.send(request).await.ok()?;
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    Some((answer.status(), body))
}

fn assert_refused(answer: Option<(StatusCode, Value)>, reason: &str, outcome: &str) {
    let (status, body) = answer.unwrap();
    assert_eq!(
        (status, &body["reason"], &body["metadata"]["outcome"]),
        (StatusCode::UNAUTHORIZED, &json!(reason), &json!(outcome)),
        "{body}"
    );
}

async fn channel(to: &Province, host: &str) -> Channel {
    let read = |file| std::fs::read(file).unwrap();
    let [certificate, key] = to.authority.certificate(host);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(to.authority.file("partners-ca.pem"))))
        .identity(Identity::from_pem(read(certificate), read(key)))
        .domain_name("localhost");
    let endpoint = Channel::from_shared(format!("https://127.0.0.1:{}", to.port)).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

/// Zhejiang is the partner here whose keys the test has; Jiangsu is who it would like to be.
pub async fn nobody_speaks_for_another(here: &Province) {
    let own = zhejiang_key();
    let zhejiang = here.authority.client(Some(ZHEJIANG));
    let jiangsu = here.authority.client(Some(JIANGSU));
    // Its own message over its own connection.
    let (status, body) = send(here, &zhejiang, &notice("33", &own)).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    // No certificate; one of another authority, as of the province's own mesh.
    let message = notice("33", &own);
    for nobody in [
        here.authority.client(None),
        super::Authority::new().client(Some(ZHEJIANG)),
    ] {
        assert_eq!(send(here, &nobody, &message).await, None);
    }
    // A good message that somebody else has got hold of, over their own good connection, and without any.
    let refused = "PARTNER_CERTIFICATE_REFUSED";
    assert_refused(send(here, &jiangsu, &message).await, refused, "WRONG_CERTIFICATE");
    let gateway = &here.mesh.gateway;
    let body = Some(json_of(&message));
    let plain = gateway.call(Method::POST, "/v1/subscriptions:notify", None, body);
    let plain = plain.await.unwrap();
    assert_refused(Some((plain.status, plain.body)), refused, "NO_CERTIFICATE");
    // It was not used up: its sender loses nothing.
    let (status, body) = send(here, &zhejiang, &message).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    let again = send(here, &zhejiang, &message).await;
    assert_refused(again, "MESSAGE_REFUSED", "REPLAYED");
    // The name of another, with the own key; the right certificate with a key that is not its own, and with one that is nobody's.
    let claims = send(here, &zhejiang, &notice("32", &own)).await;
    assert_refused(claims, "MESSAGE_REFUSED", "WRONG_SENDER");
    let wrong_key = send(here, &jiangsu, &notice("32", &own)).await;
    assert_refused(wrong_key, "MESSAGE_REFUSED", "WRONG_SENDER");
    let unknown_key = send(here, &jiangsu, &notice("32", &key(999))).await;
    assert_refused(unknown_key, "MESSAGE_REFUSED", "WRONG_KEY");
    // The same over gRPC.
    let notify = async |host: &str, message: &SignedMessage| {
        let request = NotifyChangesRequest {
            message: Some(message.clone()),
        };
        let mut client = SubscriptionServiceClient::new(channel(here, host).await);
        client.notify_changes(request).await
    };
    let message = notice("33", &own);
    let other = notify(JIANGSU, &message).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::Unauthenticated, "{other:?}");
    notify(ZHEJIANG, &message).await.unwrap();
    let key = ExchangeServiceClient::new(channel(here, ZHEJIANG).await)
        .get_message_key(GetMessageKeyRequest {})
        .await;
    assert_eq!(
        json!(key.unwrap().into_inner().key_id),
        here.get("/v1/message-key").await["key_id"]
    );
}
