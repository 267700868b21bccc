//! Scenes of objections: an appeal that is upheld, and a place that is held to account.

use lutong_client::Failure;
use lutong_client::api::Api;
use serde_json::{Value, json};

use super::calls::Holder;
use crate::demo_mesh::DemoMesh;
use crate::people as cast;
use crate::report::{Report, TourStep};

const HOTEL: &str = "海景酒店";
/// How often something that a worker does is looked for, a tenth of a second apart.
const LOOKS: usize = 100;

/// Somebody who calls the public API.
struct Desk<'m> {
    mesh: &'m DemoMesh,
    api: Api,
}

impl<'m> Desk<'m> {
    async fn of(mesh: &'m DemoMesh, account: &str) -> Result<Self, Failure> {
        let api = mesh.gateway.api();
        let session = api.sign_in(account).await?;
        let api = api.clone().with_session(session);
        Ok(Self { mesh, api })
    }

    /// Sends a change with what every change of staff needs.
    async fn act(&self, path: &str, mut body: Value) -> Result<Value, Failure> {
        body["request_id"] = json!(self.mesh.request_id());
        self.api.post(path, &body).await
    }

    /// The same with the purpose that what concerns a person needs.
    async fn handle(&self, path: &str, mut body: Value) -> Result<Value, Failure> {
        body["purpose"] = json!({"code": "PURPOSE_CODE_COMPLAINT_REVIEW"});
        self.act(path, body).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A red code rests on a report that was wrong: its holder appeals, the source takes it back, and the code is green again.
pub async fn appeal_is_upheld(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let who = cast::SECOND_CONTACT;
    let (holder, citizen) = (
        Holder::sign_in(mesh, who).await?,
        Desk::of(mesh, who.account).await?,
    );
    let (officer, cdc) = (
        Desk::of(mesh, "officer-1").await?,
        Desk::of(mesh, "cdc-370200").await?,
    );
    let decision = citizen.api.get("/v1/decision").await?;
    let appeal = json!({
        "decision": format!("decisions/{}", text(&decision["decision"]["version"])),
        "colour": "COLOUR_RED",
        "text": "我当天不在现场，不是密接",
    });
    let filed = citizen.act("/v1/complaints", json!({"appeal": appeal, "division": "370202"}));
    let number = text(&filed.await?["complaint"]["complaint_id"]);
    let case = format!("/v1/cases/{number}");
    officer.handle(&format!("{case}:take"), json!({})).await?;
    let query = "purpose.code=PURPOSE_CODE_COMPLAINT_REVIEW";
    let appeal = format!("/v1/appeals/{number}");
    let seen = officer.api.get(&format!("{appeal}?{query}")).await?;
    let fact = text(&seen["facts"][0]["fact_id"]);
    let question = json!({"fact_id": fact, "question": "请核实该密接记录"});
    let asked = officer.handle(&format!("{appeal}:consult"), question).await?;
    report.add(&TourStep {
        name: "appeal",
        asked: format!(
            "{} appeals, and the officer asks the source of the fact",
            who.name
        ),
        expected: "FACT_REVIEW_STATE_REQUESTED".to_owned(),
        got: text(&asked["fact_review"]["state"]),
        shown: String::new(),
    });
    let review = text(&asked["fact_review"]["name"]);
    let taken_back = json!({"reason": "核对流调记录，登记有误"});
    cdc.act(&format!("/v1/{review}:correct"), taken_back).await?;
    let verdict = json!({
        "verdict": "APPEAL_VERDICT_UPHELD",
        "fact_ids": [fact],
        "basis": "APPEAL_BASIS_DATA_CORRECTION",
        "reason": "来源已更正",
    });
    let decided = officer.handle(&format!("{appeal}:decide"), verdict).await?;
    let outcome = text(&decided["case"]["outcome"]["verdict"]);
    report.add(&TourStep {
        name: "upheld",
        asked: "the source takes the fact back, and the officer upholds the appeal".to_owned(),
        expected: "APPEAL_VERDICT_UPHELD, green".to_owned(),
        got: format!("{outcome}, {}", holder.colour().await?),
        shown: holder.explain().await?,
    });
    Ok(())
}

/// Three people complain of a place, an officer finds it to be so, and the place is held to account.
pub async fn place_is_held_to_account(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let officer = Desk::of(mesh, "officer-1").await?;
    let place = json!({"division": "370202", "kind": "PLACE_KIND_HOTEL", "display_name": HOTEL});
    officer.act("/v1/places", place).await?;
    for who in [
        cast::RESIDENT,
        cast::VISITOR_OF_LISTED_PLACE,
        cast::SECOND_CONTACT,
    ] {
        let about = json!({
            "issue": "PLACE_ISSUE_REFUSING_GREEN",
            "place": format!("{HOTEL}，香港中路1号"),
            "text": "持绿码仍不让进入",
        });
        let citizen = Desk::of(mesh, who.account).await?;
        let filed = citizen.act("/v1/complaints", json!({"place": about, "division": "370202"}));
        let case = format!("/v1/cases/{}", text(&filed.await?["complaint"]["complaint_id"]));
        officer.handle(&format!("{case}:take"), json!({})).await?;
        let answer = json!({"text": "经核查属实", "finding": "PLACE_FINDING_CONFIRMED"});
        officer.handle(&format!("{case}:answer"), answer).await?;
    }
    let case = opened(&officer).await?;
    report.add(&TourStep {
        name: "place complained of",
        asked: "three people complain of a hotel, and all of it is found to be so".to_owned(),
        expected: format!("{HOTEL}, three-confirmed"),
        got: format!("{}, {}", text(&case["place_name"]), text(&case["rule"])),
        shown: String::new(),
    });
    let path = format!("/v1/{}", text(&case["name"]));
    officer.act(&format!("{path}:take"), json!({})).await?;
    let outcome = json!({
        "outcome": "ACCOUNTABILITY_OUTCOME_CORRECTED",
        "summary": "该酒店拒绝持绿码人员进入，已责令整改。",
    });
    officer.act(&format!("{path}:publish"), outcome).await?;
    let second = Desk::of(mesh, "supervisor-1").await?;
    second.act(&format!("{path}:approve"), json!({})).await?;
    let read = mesh.gateway.api().get(&path).await?;
    report.add(&TourStep {
        name: "held to account",
        asked: "an officer states what came of it, a second person signs it, and anybody reads it".to_owned(),
        expected: "ACCOUNTABILITY_OUTCOME_CORRECTED".to_owned(),
        got: text(&read["accountability_case"]["outcome"]),
        shown: String::new(),
    });
    Ok(())
}

/// The case that a worker has opened; nothing where it has not.
async fn opened(officer: &Desk<'_>) -> Result<Value, Failure> {
    for _ in 0..LOOKS {
        let all = officer.api.get("/v1/accountability-cases:opened").await?;
        let case = &all["accountability_cases"][0];
        if case.is_object() {
            return Ok(case.clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(Value::Null)
}
