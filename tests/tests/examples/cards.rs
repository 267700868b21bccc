//! Calls about electronic health cards: an officer registers a hospital, a patient's card is read, used and bound.

use std::sync::Arc;

use lutong_kernel::random::SeededRandom;
use lutong_operating::wall_clock::WallClock;
use lutong_stand_ins::StandIns;
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::citizens::{applied, number};

const OFFICER: &str = "officer-1";
const HIS: &str = "his-1";
const CITIZEN: &str = "wx-patient";

/// The card platform that the mesh is told of.
pub struct CardPlatform {
    stand_ins: StandIns,
    folder: TempDir,
}

impl CardPlatform {
    pub async fn start() -> Self {
        let random = Arc::new(SeededRandom::new(1));
        Self {
            stand_ins: StandIns::start(0, Arc::new(WallClock), random).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The setting `identity.card_platform` as an environment variable takes it.
    pub fn config(&self) -> String {
        let config = self
            .stand_ins
            .card_platform("open-platform", self.folder.path())
            .unwrap();
        lutong_tests::mesh::of_members(&config)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn last_segment(name: &Value) -> String {
    text(name).rsplit('/').next().unwrap().to_owned()
}

pub async fn walk(walk: &mut Walk<'_>) {
    let (institution, terminal) = register(walk).await;
    applied(walk, CITIZEN, &number(61)).await;
    let asked = RequestParts::body(json!({"request_id": request_id()}));
    let is_active = |answer: &Value| answer["health_card"]["state"] == "HEALTH_CARD_STATE_ACTIVE";
    walk.call_until("createHealthCard", CITIZEN, asked, is_active)
        .await;
    walk.call("getHealthCard", CITIZEN, RequestParts::nothing()).await;
    let shown = walk.call("showCode", CITIZEN, RequestParts::nothing()).await;
    let reading = json!({
        "request_id": request_id(),
        "code": shown["token"],
        "medical_terminal": format!("medical-terminals/{terminal}"),
        "step": "0101012",
        "purpose": {"code": "PURPOSE_CODE_CARE", "reference": ""},
    });
    let read = walk
        .call("readHealthCard", HIS, RequestParts::body(reading))
        .await;
    let used = json!({
        "request_id": request_id(),
        "health_card_read": read["health_card_read"],
        "step": "0101012",
        "department": "内科",
    });
    walk.call("createHealthCardUse", HIS, RequestParts::body(used))
        .await;
    let is_passed_on = |answer: &Value| answer["health_card_uses"][0]["report_time"].is_string();
    walk.call_until(
        "listHealthCardUses",
        CITIZEN,
        RequestParts::nothing(),
        is_passed_on,
    )
    .await;
    let bound = json!({
        "request_id": request_id(),
        "health_card_read": read["health_card_read"],
        "patient_number": "MZ20221126001",
    });
    let bound = walk
        .call("createPatientBinding", HIS, RequestParts::body(bound))
        .await;
    walk.call("listPatientBindings", CITIZEN, RequestParts::nothing())
        .await;
    let end = || RequestParts::body(json!({"request_id": request_id()}));
    let binding = text(&bound["patient_binding"]["patient_binding_id"]);
    walk.call(
        "endPatientBinding",
        CITIZEN,
        end().with("patient_binding", binding),
    )
    .await;
    let consent = json!({
        "request_id": request_id(),
        "partner": "partners/32",
        "uses": ["PARTNER_CONSENT_USE_RECORDS", "PARTNER_CONSENT_USE_CODE"],
        "days": 14,
    });
    let consent = walk
        .call("createPartnerConsent", CITIZEN, RequestParts::body(consent))
        .await;
    walk.call("listPartnerConsents", CITIZEN, RequestParts::nothing())
        .await;
    let consent = text(&consent["partner_consent"]["partner_consent_id"]);
    walk.call(
        "endPartnerConsent",
        CITIZEN,
        end().with("partner_consent", consent),
    )
    .await;
    walk.call("suspendHealthCard", CITIZEN, end()).await;
    walk.call("resumeHealthCard", CITIZEN, end()).await;
    walk.call(
        "endMedicalTerminal",
        OFFICER,
        end().with("medical_terminal", terminal),
    )
    .await;
    let named = end().with("medical_institution", institution);
    walk.call("endMedicalInstitution", OFFICER, named).await;
}

/// Registers a hospital with a terminal; returns their ids.
async fn register(walk: &mut Walk<'_>) -> (String, String) {
    let new = json!({
        "request_id": request_id(),
        "institution_code": "12370200427401234X",
        "title": "青岛市立医院",
        "division": "370202",
        "account": HIS,
    });
    let made = walk
        .call("createMedicalInstitution", OFFICER, RequestParts::body(new))
        .await;
    let name = &made["medical_institution"]["name"];
    let id = last_segment(name);
    let named = RequestParts::nothing().with("medical_institution", &id);
    walk.call("getMedicalInstitution", OFFICER, named).await;
    walk.call("listMedicalInstitutions", OFFICER, RequestParts::nothing())
        .await;
    let new = json!({
        "request_id": request_id(),
        "medical_institution": name,
        "terminal_code": "GH-01",
        "kind": "MEDICAL_TERMINAL_KIND_COUNTER",
        "steps": ["010101", "010105"],
    });
    let added = walk
        .call("createMedicalTerminal", OFFICER, RequestParts::body(new))
        .await;
    let listed = RequestParts::nothing().with("medical_institution", text(name));
    walk.call("listMedicalTerminals", OFFICER, listed).await;
    (id, text(&added["medical_terminal"]["medical_terminal_id"]))
}
