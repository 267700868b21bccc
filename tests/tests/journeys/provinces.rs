//! Another province's code system: what people declare there, what it is told with their consent, and what it said wrongly.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_kernel::{Colour, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1::{Document, DocumentType, Symptom, Symptoms};
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Answer, Person, request_id};
use lutong_token::{Claims, Issuer, MessageHeader, body_digest};
use prost::Message;
use serde_json::{Value, json};
use wire::ExchangeReturnCode as Code;
use wire::RecognitionOutcome as Outcome;

use crate::destination;

/// Calls the gateway as an account.
async fn call(mesh: &Mesh, account: &str, path: &str, body: Value) -> Answer {
    let session = mesh.gateway.session(account).await;
    let answer = mesh.gateway.call(Method::POST, path, Some(&session), Some(body));
    answer.await.unwrap()
}

/// Two operators bring a list into force in which Jiangsu is answered, shares data and is believed.
async fn agree(mesh: &Mesh) {
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏省");
    let list = of_one_partner("2022-11-27", jiangsu, mesh.partner.verifying_key(), since).unwrap();
    let agreed = "directions = [\"INBOUND\", \"OUTBOUND\"]\nmodes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
        quota = { requests_per_minute = 600, requests_per_day = 100000 }\nname = ";
    let list = list.replacen("name = ", agreed, 1) + "purposes = [\"CODES\", \"MESSAGES\"]\n";
    let (from, until) = (now().plus_seconds(-60), now().plus_seconds(90 * 86_400));
    let list = format!("sequence = 1\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{list}");
    let document = STANDARD.encode(sign(&mesh.trust_root, &list, now()).unwrap());
    let staged = json!({"request_id": request_id(), "document": document});
    let staged = call(mesh, "operator-1", "/v1/trust-lists", staged).await.expect();
    let name = staged["trust_list"]["name"].as_str().unwrap();
    let body = json!({"request_id": request_id()});
    call(mesh, "operator-2", &format!("/v1/{name}:activate"), body)
        .await
        .expect();
}

/// A signed message of Jiangsu, and what we answer.
async fn say<B: Message, A: Message + Default>(mesh: &Mesh, (verb, rpc): (&str, &str), body: &B) -> A {
    let body = body.encode_to_vec();
    let nonce = uuid::Uuid::parse_str(&request_id()).unwrap().into_bytes();
    let header = MessageHeader {
        method: format!("lutong.federation.v1.ExchangeService/{rpc}"),
        sender: "32".to_owned(),
        audience: "37".to_owned(),
        sent_at: now(),
        nonce,
        body_digest: body_digest(&body),
        in_reply_to: None,
    };
    let header = header.sign(&mesh.partner).unwrap();
    let message = json!({"message": {"header": STANDARD.encode(header), "body": STANDARD.encode(body)}});
    let path = format!("/v1/exchanges:{verb}");
    let answer = mesh.gateway.call(Method::POST, &path, None, Some(message));
    let answer = answer.await.unwrap().expect();
    let body = STANDARD
        .decode(answer["answer"]["body"].as_str().unwrap())
        .unwrap();
    A::decode(&*body).unwrap()
}

fn named(person: &Person) -> wire::ExchangedPerson {
    let name = person.form()["person"]["full_name"].as_str().unwrap().to_owned();
    wire::ExchangedPerson {
        salt: vec![7; 16],
        full_name: name,
        document: Some(Document {
            r#type: DocumentType::ResidentId.into(),
            number: person.number.clone(),
            issuing_country: String::new(),
        }),
    }
}

pub async fn what_is_declared_elsewhere_counts_and_what_is_told_there_is_consented_to(mesh: &Mesh) {
    agree(mesh).await;
    let person = mesh.gateway.person().await;
    person.apply().await;
    assert_eq!(person.colour().await, "green");
    let key = request_id();
    let declared = wire::HealthDeclaration {
        person: Some(named(&person)),
        declaration_key: key.clone(),
        symptoms: Some(Symptoms {
            observed_at: Some(instant(now().plus_seconds(-60))),
            symptoms: vec![Symptom::DryCough.into()],
            ..Symptoms::default()
        }),
    };
    let receipt: wire::DeclarationReceipt = say(mesh, ("declare", "DeclareHealth"), &declared).await;
    assert_eq!(
        (receipt.return_code(), receipt.is_in_force),
        (Code::Done, true),
        "{receipt:?}"
    );
    assert_eq!(person.colour().await, "yellow");
    assert_eq!(person.rules().await, ["yellow.symptoms"]);

    let question = wire::HealthRecordQuery {
        person: Some(named(&person)),
    };
    let ask = async || -> wire::HealthRecords { say(mesh, ("query", "QueryHealthRecords"), &question).await };
    assert_eq!(ask().await.return_code(), Code::NotConsented);
    let consent = json!({"request_id": request_id(), "partner": "partners/32", "days": 1,
        "uses": ["PARTNER_CONSENT_USE_RECORDS", "PARTNER_CONSENT_USE_CODE"]});
    let consent = person.post("/v1/partner-consents", consent).await.expect()["partner_consent"].clone();
    let records = ask().await;
    assert_eq!(
        (records.return_code(), records.outcome()),
        (Code::Done, Outcome::Yellow)
    );
    assert_eq!((records.records.len(), &*records.records[0].province), (1, "37"));

    let withdrawn = wire::DeclarationCorrection {
        person: Some(named(&person)),
        declaration_key: request_id(),
        corrected_key: key,
        corrected_stay: 0,
        statement: Some(wire::declaration_correction::Statement::Withdrawal(
            "误报".to_owned(),
        )),
    };
    let receipt: wire::DeclarationReceipt = say(mesh, ("correct", "CorrectDeclaration"), &withdrawn).await;
    assert_eq!(
        (receipt.return_code(), receipt.is_in_force),
        (Code::Done, true),
        "{receipt:?}"
    );
    assert_eq!(person.colour().await, "green");

    let making = wire::HealthCodeMaking {
        person: Some(named(&person)),
    };
    let made: wire::ShownHealthCode = say(mesh, ("make", "MakeHealthCode"), &making).await;
    assert_eq!((made.return_code(), made.outcome()), (Code::Done, Outcome::Green));
    let calling = wire::HealthCodeCall {
        code_reference: made.code_reference,
    };
    let called: wire::ShownHealthCode = say(mesh, ("call", "CallHealthCode"), &calling).await;
    assert!(called.token.starts_with("LT1:"), "{}", called.token);

    // Each of the three stands in the person's ledger; after the end of the consent nothing is told.
    let mut looks = Value::Null;
    for _ in 0..200 {
        looks = person.get("/v1/subjects/me/lookups").await.expect()["lookups"].clone();
        if looks.as_array().is_some_and(|looks| looks.len() == 3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(looks.as_array().map(Vec::len), Some(3), "{looks}");
    assert_eq!(looks[0]["purpose"]["code"], "PURPOSE_CODE_RECOGNITION", "{looks}");
    let name = consent["name"].as_str().unwrap();
    let body = json!({"request_id": request_id()});
    person.post(&format!("/v1/{name}:end"), body).await.expect();
    assert_eq!(ask().await.return_code(), Code::NotConsented);
    let called: wire::ShownHealthCode = say(mesh, ("call", "CallHealthCode"), &calling).await;
    assert_eq!((called.return_code(), &*called.token), (Code::NotConsented, ""));
}

/// Runs `lutong federation conversions rollback` as an operator.
fn rollback(mesh: &Mesh, operator: &str, arguments: &[&str]) -> Value {
    let command = ["federation", "conversions", "rollback"];
    let output = mesh.command(&[&command, arguments, &["--json", "--account", operator]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["conversion_rollback"].clone()
}

pub async fn what_a_partner_said_wrongly_is_rolled_back_by_two_operators(mesh: &Mesh) {
    let jiangsu = Issuer::parse("32").unwrap();
    let arrive = async || {
        let person = mesh.gateway.person().await;
        let claims = Claims::dynamic(jiangsu, now(), [7; 24], Colour::Green, None).unwrap();
        let token = mesh.partner.sign(&claims).unwrap();
        let form = json!({"application": person.form(), "partner_code": {"token": token}, "destination": destination()});
        let body = json!({"request_id": request_id(), "form": form});
        person.post("/v1/arrivals", body).await.expect();
        assert_eq!(person.colour().await, "green");
        person
    };
    let pause = || tokio::time::sleep(Duration::from_millis(1_100));
    let before = arrive().await;
    pause().await;
    let from = ago(0);
    let wrong = arrive().await;
    pause().await;
    let until = ago(0);
    let after = arrive().await;
    let span = [
        "propose",
        "32",
        "--from",
        &from,
        "--until",
        &until,
        "--reason",
        "批次有误",
    ];
    let counted = rollback(mesh, "operator-1", &[&span[..], &["--dry-run"]].concat());
    assert_eq!(counted["conversions"], "1", "{counted}");
    let proposed = rollback(mesh, "operator-1", &span);
    let name = proposed["name"].as_str().unwrap();
    let done = rollback(mesh, "operator-2", &["approve", name]);
    assert_eq!(
        (&done["state"], &done["conversions"]),
        (&json!("CONVERSION_ROLLBACK_STATE_DONE"), &json!("1"))
    );
    wrong.becomes("yellow").await;
    assert_eq!(wrong.rules().await, ["yellow.partner-code"]);
    for other in [before, after] {
        assert_eq!(other.colour().await, "green");
    }
}
