//! A traveller arrives with the national code: the national platform is asked, and what it says is in force and explained.

use std::sync::Arc;

use lutong_federation::trust_list::of_one_partner;
use lutong_kernel::Timestamp;
use lutong_kernel::random::SeededRandom;
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_stand_ins::{Fault, StandIns};
use lutong_tests::instants::now;
use lutong_tests::mesh::{Mesh, Setting, Shape, of_members};
use lutong_tests::people::{Person, request_id};
use lutong_token::{Algorithm, Issuer, SigningKey};
use serde_json::json;

use crate::destination;

/// Jiangsu, whose codes come by way of the platform, and the platform.
fn trust_list() -> String {
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let entry = |code: &str, name: &str, seed: u64, more: &str| {
        let key = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap();
        let partner = (Issuer::parse("32").unwrap(), name);
        let list = of_one_partner("2022-11-27", partner, key.verifying_key(), since).unwrap();
        let list = list.replacen("province = \"32\"", &format!("province = \"{code}\""), 1);
        list.replacen(
            "name = ",
            &format!("{more}\nmodes = [\"NATIONAL_CODE\"]\nname = "),
            1,
        )
    };
    let platform = entry("00", "国家政务服务平台", 100, "") + "purposes = [\"MESSAGES\"]\n";
    let (_, platform) = platform.split_at(platform.find("[[partner]]").unwrap());
    entry("32", "江苏省", 32, "intermediaries = [\"00\"]") + platform
}

fn says(stand_ins: &StandIns, person: &Person, value: &str) {
    let updated = now().plus_seconds(-60).to_rfc3339();
    let records = json!([{"provinceCode": "32", "healthyStaus": value, "zjgxsj": updated}]);
    let name = person.form()["person"]["full_name"].clone();
    let report = json!({"person": {"desensitizeName": name}, "healthyReport": records});
    stand_ins.national_says(&person.number, report);
}

async fn arrive(person: &Person) -> lutong_tests::people::Answer {
    let form = json!({"application": person.form(), "destination": destination(),
        "national_code": {"province": "32"}});
    let body = json!({"request_id": request_id(), "form": form});
    person.post("/v1/arrivals", body).await
}

async fn travel(shape: Shape) {
    let stand_ins = StandIns::start(0, Arc::new(WallClock), Arc::new(Entropy))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("trust-list.toml");
    std::fs::write(&list, trust_list()).unwrap();
    let national = stand_ins.national("data-exchange", folder.path()).unwrap();
    let setting = Setting {
        environment: vec![
            (
                "LUTONG_FEDERATION__TRUST_LIST".to_owned(),
                list.display().to_string(),
            ),
            ("LUTONG_FEDERATION__NATIONAL".to_owned(), of_members(&national)),
        ],
        ..Setting::default()
    };
    let mesh = Mesh::start_with(shape, setting).await;

    let green = mesh.gateway.person().await;
    says(&stand_ins, &green, "00");
    let arrived = arrive(&green).await.expect()["arrival"].clone();
    assert_eq!(arrived["state"], "DECLARATION_STATE_IN_FORCE", "{arrived}");
    assert_eq!(
        (
            &arrived["provenance"]["province"],
            &arrived["provenance"]["intermediary"]
        ),
        (&json!("32"), &json!("partners/00"))
    );
    assert_eq!(green.colour().await, "green");
    // Whoever was asked about sees it.
    let mut lookups = Vec::new();
    for _ in 0..100 {
        let ledger = green.get("/v1/subjects/me/lookups").await.expect();
        lookups = ledger["lookups"].as_array().cloned().unwrap_or_default();
        if !lookups.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(lookups[0]["purpose"]["code"], "PURPOSE_CODE_RECOGNITION");

    let red = mesh.gateway.person().await;
    says(&stand_ins, &red, "10");
    arrive(&red).await.expect();
    assert_eq!(red.colour().await, "red");
    assert_eq!(red.rules().await, ["red.partner-code"]);

    let unknown = mesh.gateway.person().await;
    let refused = arrive(&unknown).await;
    assert_eq!(refused.reason(), "NATIONAL_CODE_REFUSED");
    assert_eq!(
        refused.body["metadata"]["outcome"], "NOT_FOUND",
        "{}",
        refused.body
    );

    // While the platform is away the traveller is acknowledged and waits.
    let waiting = mesh.gateway.person().await;
    says(&stand_ins, &waiting, "01");
    stand_ins.faults.turn_on(Fault::Away);
    let arrived = arrive(&waiting).await.expect()["arrival"].clone();
    assert_eq!(arrived["pending_step"], "ARRIVAL_STEP_NATIONAL_CODE", "{arrived}");
    assert_eq!(
        waiting.colour().await,
        "CODE_NOT_FOUND",
        "nothing is green by default"
    );
    stand_ins.faults.turn_off(Fault::Away);
    waiting.becomes("yellow").await;
    assert_eq!(waiting.rules().await, ["yellow.partner-code"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traveller_arrives_with_the_national_code_in_one_process() {
    travel(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traveller_arrives_with_the_national_code_in_a_mesh() {
    travel(Shape::Mesh).await;
}
