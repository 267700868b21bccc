//! Trust lists, staged and activated, and partners, whose states two operators move.

use base64::Engine as _;
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_kernel::Timestamp;
use lutong_proto::federation::v1::declaration_correction::Statement;
use lutong_proto::federation::v1::{
    BatchAcknowledgement, ChangeNotice, ChangeQuery, CodeComparison, DeclarationCorrection, ExchangedPerson,
    HealthCodeCall, HealthCodeMaking, HealthDeclaration, HealthRecordQuery, ItineraryDeclaration,
};
use lutong_proto::time::instant;
use lutong_proto::types::v1::{Document, DocumentType, Stay, Symptom, Symptoms};
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use lutong_token::{Issuer, MessageHeader, body_digest};
use serde_json::json;

const OPERATOR: &str = "operator-1";
const SECOND_OPERATOR: &str = "operator-2";

/// A signed list that trusts the partner of the walk, in Base64.
fn document(walk: &Walk<'_>, sequence: i64) -> String {
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏省");
    let list = of_one_partner("2022-11-26", jiangsu, walk.mesh.partner.verifying_key(), since).unwrap();
    let agreed = "directions = [\"INBOUND\", \"OUTBOUND\"]\nquota = { requests_per_minute = 600, requests_per_day = 100000 }\nname = ";
    let list = list.replacen("name = ", agreed, 1) + "purposes = [\"CODES\", \"MESSAGES\"]\n";
    let (from, until) = (now().plus_seconds(-60), now().plus_seconds(90 * 86_400));
    let list = format!("sequence = {sequence}\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{list}");
    let signed = sign(&walk.mesh.trust_root, &list, now()).unwrap();
    base64::engine::general_purpose::STANDARD.encode(signed)
}

pub async fn walk(walk: &mut Walk<'_>) {
    let root = walk.mesh.trust_root.kid().to_string();
    walk.placeholders.note(&root, "00-1");
    for sequence in [1, 2] {
        let stage = json!({"request_id": request_id(), "document": document(walk, sequence)});
        walk.call("createTrustList", OPERATOR, RequestParts::body(stage))
            .await;
    }
    let of = |sequence: &str| RequestParts::nothing().with("trust_list", sequence);
    let action = || json!({"request_id": request_id()});
    walk.call("activateTrustList", OPERATOR, of("1").and_body(action()))
        .await;
    walk.call("rejectTrustList", SECOND_OPERATOR, of("2").and_body(action()))
        .await;
    walk.call("getTrustList", OPERATOR, of("1")).await;
    let active = RequestParts::nothing().with("state", "TRUST_LIST_STATE_ACTIVE");
    walk.call("listTrustLists", OPERATOR, active).await;
    let partner = || RequestParts::nothing().with("partner", "32");
    let propose = || {
        json!({
            "request_id": request_id(),
            "proposed_state": "PARTNER_STATE_PILOT",
            "reason": "接口升级，先行试运行",
        })
    };
    for end in ["rejectPartner", "approvePartner"] {
        walk.call("proposePartner", OPERATOR, partner().and_body(propose()))
            .await;
        walk.call(end, SECOND_OPERATOR, partner().and_body(action()))
            .await;
    }
    walk.call("getPartner", OPERATOR, partner()).await;
    walk.call("listPartners", OPERATOR, RequestParts::nothing()).await;
    let map = RequestParts::nothing().with("colour_map", "alipay-1");
    walk.call("getColourMap", OPERATOR, map).await;
    let page = RequestParts::nothing().with("page_size", "1");
    walk.call("listColourMaps", OPERATOR, page).await;
    exchange(walk).await;
}

/// The partner asks about a code.
async fn exchange(walk: &mut Walk<'_>) {
    let gateway = &walk.mesh.gateway;
    let key = gateway.call(http::Method::GET, "/v1/message-key", None, None);
    let key = key.await.unwrap().expect();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    walk.placeholders.note(&text("key_id"), "37-2");
    let public = text("public_key");
    let lines: Vec<&str> = public.lines().collect();
    let zeros = "A".repeat(lines[1].len());
    walk.placeholders.note(lines[1], &zeros);
    walk.placeholders.note(&text("batch_key_id"), "37-3");
    let batch_key = text("batch_public_key");
    walk.placeholders.note(batch_key.lines().nth(1).unwrap(), &zeros);
    walk.call("getMessageKey", "", RequestParts::nothing()).await;
    let asked = lutong_proto::federation::v1::HealthCodeVerification {
        token: "LT1:".to_owned(),
    };
    let body = prost::Message::encode_to_vec(&asked);
    let method = "lutong.federation.v1.ExchangeService/VerifyHealthCode".to_owned();
    let message = signed(walk, method, 7, &body);
    walk.call("verifyHealthCode", "", RequestParts::body(message))
        .await;
    about_people(walk).await;
    subscription(walk).await;
    conversions(walk).await;
    let page = RequestParts::nothing().with("page_size", "2");
    let newest = walk.call("listMessageRecords", OPERATOR, page).await;
    let newest = newest["message_records"][0]["message_record_id"]
        .as_str()
        .unwrap();
    let of = || RequestParts::nothing().with("message_record", newest);
    walk.call("getMessageRecord", OPERATOR, of()).await;
    walk.call("getEvidence", OPERATOR, of()).await;
}

/// A message of the partner, signed.
fn signed(walk: &Walk<'_>, method: String, nonce: u8, body: &[u8]) -> serde_json::Value {
    let header = MessageHeader {
        method,
        sender: "32".to_owned(),
        audience: "37".to_owned(),
        sent_at: now(),
        nonce: [nonce; 16],
        body_digest: body_digest(body),
        in_reply_to: None,
    };
    let header = header.sign(&walk.mesh.partner).unwrap();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({"message": {"header": base64(&header), "body": base64(body)}})
}

/// What somebody declares at the partner for this province, and what the partner asks about them.
async fn about_people(walk: &mut Walk<'_>) {
    let person = || {
        Some(ExchangedPerson {
            salt: vec![7; 16],
            full_name: "赵六".to_owned(),
            document: Some(Document {
                r#type: DocumentType::ResidentId.into(),
                number: "440524188001010014".to_owned(),
                issuing_country: String::new(),
            }),
        })
    };
    let symptoms = |symptoms| Symptoms {
        observed_at: Some(instant(now().plus_seconds(-60))),
        symptoms,
        ..Symptoms::default()
    };
    let stay = Stay {
        division: "320100".to_owned(),
        arrived_at: Some(instant(now().plus_seconds(-86_400))),
        left_at: Some(instant(now().plus_seconds(-60))),
        ..Stay::default()
    };
    let health = HealthDeclaration {
        person: person(),
        declaration_key: "h-1".to_owned(),
        symptoms: Some(symptoms(vec![Symptom::DryCough.into()])),
    };
    let itinerary = ItineraryDeclaration {
        person: person(),
        declaration_key: "i-1".to_owned(),
        stays: vec![stay],
    };
    let query = HealthRecordQuery { person: person() };
    let call = HealthCodeCall {
        code_reference: "bm9ib2R5".to_owned(),
    };
    let making = HealthCodeMaking { person: person() };
    let correction = DeclarationCorrection {
        person: person(),
        declaration_key: "h-2".to_owned(),
        corrected_key: "h-1".to_owned(),
        corrected_stay: 0,
        statement: Some(Statement::Symptoms(symptoms(Vec::new()))),
    };
    let bodies = [
        ("declareHealth", prost::Message::encode_to_vec(&health)),
        ("declareItinerary", prost::Message::encode_to_vec(&itinerary)),
        ("queryHealthRecords", prost::Message::encode_to_vec(&query)),
        ("callHealthCode", prost::Message::encode_to_vec(&call)),
        ("makeHealthCode", prost::Message::encode_to_vec(&making)),
        ("correctDeclaration", prost::Message::encode_to_vec(&correction)),
    ];
    for (nonce, (operation, body)) in (20..).zip(bodies) {
        let (first, rest) = operation.split_at(1);
        let method = format!(
            "lutong.federation.v1.ExchangeService/{}{rest}",
            first.to_uppercase()
        );
        let message = signed(walk, method, nonce, &body);
        walk.call(operation, "", RequestParts::body(message)).await;
    }
}

/// The partner reads the changes of codes that were verified for it, and says how far it has come.
async fn subscription(walk: &mut Walk<'_>) {
    let zeros = "00".repeat(16);
    let bodies = [
        (
            "pullChanges",
            prost::Message::encode_to_vec(&ChangeQuery::default()),
        ),
        (
            "compareCodes",
            prost::Message::encode_to_vec(&CodeComparison {
                code_references: vec![zeros.clone()],
            }),
        ),
        (
            "acknowledgeChanges",
            prost::Message::encode_to_vec(&BatchAcknowledgement { tag: zeros.clone() }),
        ),
        (
            "notifyChanges",
            prost::Message::encode_to_vec(&ChangeNotice { head_tag: zeros }),
        ),
    ];
    for (nonce, (operation, body)) in (8..).zip(bodies) {
        let (first, rest) = operation.split_at(1);
        let method = format!(
            "lutong.federation.v1.SubscriptionService/{}{rest}",
            first.to_uppercase()
        );
        let message = signed(walk, method, nonce, &body);
        walk.call(operation, "", RequestParts::body(message)).await;
    }
    let of = RequestParts::nothing().with("subscription", "32");
    walk.call("getSubscription", OPERATOR, of).await;
    walk.call("listSubscriptions", OPERATOR, RequestParts::nothing())
        .await;
}

/// What was converted of the partner's codes.
async fn conversions(walk: &mut Walk<'_>) {
    let page = RequestParts::nothing().with("page_size", "1");
    let newest = walk.call("listConversions", OPERATOR, page).await;
    let id = newest["conversions"][0]["conversion_id"].as_str().unwrap();
    let of = RequestParts::nothing().with("conversion", id);
    walk.call("getConversion", OPERATOR, of).await;
    // A day in which nothing was converted: the rest of the walk keeps its codes.
    let propose = |reason: &str| {
        json!({
            "request_id": request_id(),
            "partner_id": "32",
            "start_time": now().plus_seconds(-2 * 86_400).to_rfc3339(),
            "end_time": now().plus_seconds(-86_400).to_rfc3339(),
            "reason": reason,
        })
    };
    for (action, reason) in [("approve", "对方批次有误"), ("reject", "重复提出")] {
        let proposed = walk
            .call(
                "proposeConversionRollback",
                OPERATOR,
                RequestParts::body(propose(reason)),
            )
            .await;
        let id = proposed["conversion_rollback"]["conversion_rollback_id"]
            .as_str()
            .unwrap();
        let of = RequestParts::nothing().with("conversion_rollback", id);
        let body = json!({"request_id": request_id()});
        let operation = format!("{action}ConversionRollback");
        walk.call(&operation, SECOND_OPERATOR, of.and_body(body)).await;
        let of = RequestParts::nothing().with("conversion_rollback", id);
        walk.call("getConversionRollback", OPERATOR, of).await;
    }
    let page = RequestParts::nothing().with("page_size", "1");
    walk.call("listConversionRollbacks", OPERATOR, page).await;
    let of = RequestParts::nothing().with("partner_quality", "32");
    walk.call("getPartnerQuality", OPERATOR, of).await;
    walk.call("listPartnerQualities", OPERATOR, RequestParts::nothing())
        .await;
}
