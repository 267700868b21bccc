//! The same journeys through the public gateway in both shapes: one process on SQLite, and seven processes with mTLS,
//! PostgreSQL and Redis. They run on the real clock; facts are dated relative to now.

// All journeys have the same async signature, and helpers take JSON by value.
#![allow(clippy::unwrap_used, clippy::unused_async, clippy::needless_pass_by_value)]

mod appeals;
mod cards;
mod codes;
mod complaints;
mod national;
mod own_data;
mod places;
mod provinces;
mod two_provinces;
mod wards;

use std::io::Write as _;

use lutong_kernel::Colour;
use lutong_risk_engine::notice::{BUNDLED_2022_11_26_GZ, Notice};
use lutong_tests::feed::fact_json;
use lutong_tests::in_both_shapes;
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Answer, Person, request_id};
use lutong_token::{Claims, Issuer};
use serde_json::{Value, json};

use appeals::an_appeal_is_upheld_once_its_source_has_taken_the_fact_back;
use cards::a_hospital_reads_a_patients_code_and_the_patient_sees_it;
use codes::{
    a_paper_code_passes_a_door_until_the_colour_turns,
    a_telephone_without_a_network_shows_its_code_until_the_colour_turns,
    whoever_turns_red_is_told_without_the_reason_and_reports_themself,
};
use complaints::{
    a_refusal_of_recognition_is_published_by_two_with_its_basis_until_it_ends,
    an_order_of_the_hotline_is_answered_and_told_back_without_its_secret_caller,
};
use own_data::{
    a_person_moves_and_a_second_account_sees_nothing_of_it,
    a_second_account_waits_until_a_counter_has_seen_the_document,
    somebody_without_a_phone_applies_at_a_counter,
    whoever_looks_at_a_persons_decisions_is_in_the_persons_ledger,
};
use places::a_place_is_held_to_account_and_a_campaign_from_one_network_waits_for_a_human;
use provinces::{
    what_a_partner_said_wrongly_is_rolled_back_by_two_operators,
    what_is_declared_elsewhere_counts_and_what_is_told_there_is_consented_to,
};
use wards::{
    a_child_of_the_household_is_shown_by_a_parent_until_the_binding_ends,
    a_parent_applies_for_a_child_who_has_no_account,
};

in_both_shapes!(
    a_resident_who_applies_is_green_and_passes_a_door,
    contact_with_a_known_case_is_red_and_says_why,
    an_application_is_followed_by_its_name_and_only_by_its_account,
    wrong_items_are_named_and_nothing_is_stored,
    a_repeated_request_is_answered_alike_and_another_body_is_a_conflict,
    a_confirmed_case_turns_a_green_code_red_and_supersedes_what_was_shown,
    an_entry_turns_yellow_and_back_when_quarantine_and_test_are_reported,
    a_contact_reported_before_registration_waits_for_the_person,
    a_feed_speaks_in_its_own_name_of_its_own_kinds_and_places,
    one_bad_row_stores_nothing_when_all_or_nothing_is_asked,
    a_partners_code_is_converted_with_its_provenance,
    the_real_notice_makes_a_listed_stay_red,
    a_broken_notice_is_refused_and_imports_nothing,
    feedback_is_found_by_its_number_and_only_by_its_account,
    a_child_of_the_household_is_shown_by_a_parent_until_the_binding_ends,
    a_parent_applies_for_a_child_who_has_no_account,
    symptoms_of_a_daily_report_turn_yellow_and_recovery_ends_it,
    an_edited_application_takes_back_what_it_said,
    an_officer_sees_who_arrives_and_a_leg_counts,
    an_arrival_from_abroad_waits_and_is_accepted_by_itself,
    a_person_moves_and_a_second_account_sees_nothing_of_it,
    a_second_account_waits_until_a_counter_has_seen_the_document,
    somebody_without_a_phone_applies_at_a_counter,
    whoever_looks_at_a_persons_decisions_is_in_the_persons_ledger,
    an_appeal_is_upheld_once_its_source_has_taken_the_fact_back,
    a_place_is_held_to_account_and_a_campaign_from_one_network_waits_for_a_human,
    an_order_of_the_hotline_is_answered_and_told_back_without_its_secret_caller,
    a_refusal_of_recognition_is_published_by_two_with_its_basis_until_it_ends,
    a_telephone_without_a_network_shows_its_code_until_the_colour_turns,
    a_paper_code_passes_a_door_until_the_colour_turns,
    whoever_turns_red_is_told_without_the_reason_and_reports_themself,
    a_hospital_reads_a_patients_code_and_the_patient_sees_it,
    what_a_partner_said_wrongly_is_rolled_back_by_two_operators,
    what_is_declared_elsewhere_counts_and_what_is_told_there_is_consented_to,
    everybody_is_compared_and_every_decision_is_proven_and_made_again,
);

const DAY: i64 = 86_400;

fn destination() -> Value {
    json!({"division": "370202", "detail": "香港中路1号"})
}

fn today() -> String {
    now().local_day().to_string()
}

fn row(source: &str, key: &str, person: &Person, kind: &str, attributes: Value) -> Value {
    json!({"source": source, "key": key, "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": person.number},
        "fact": fact_json(kind, &attributes)})
}

/// Runs `lutong facts import` as a feed; returns exit status, answer and error output.
fn import(mesh: &Mesh, account: &str, rows: &[Value], more: &[&str]) -> (Option<i32>, Value, String) {
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    for row in rows {
        writeln!(file, "{row}").unwrap();
    }
    let path = file.path().display().to_string();
    let output = mesh.command(&[&["facts", "import", &path, "--json", "--account", account], more].concat());
    let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (
        output.status.code(),
        said,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn imported(mesh: &Mesh, account: &str, rows: &[Value]) {
    let (status, said, error) = import(mesh, account, rows, &[]);
    assert_eq!(
        (status, &said["refused"]),
        (Some(0), &json!("0")),
        "{said} {error}"
    );
}

async fn verify(mesh: &Mesh, token: &str) -> Value {
    let session = mesh.gateway.session("checkpoint-1").await;
    let body = json!({"token": token});
    let answer = mesh
        .gateway
        .call(
            http::Method::POST,
            "/v1/tokens:verify",
            Some(&session),
            Some(body),
        )
        .await;
    answer.unwrap().expect()
}

async fn token(person: &Person) -> String {
    person.get("/v1/code").await.expect()["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn a_resident_who_applies_is_green_and_passes_a_door(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    assert_eq!(person.colour().await, "CODE_NOT_FOUND");
    let application = person.apply().await;
    assert_eq!(application["state"], "DECLARATION_STATE_IN_FORCE");
    let code = person
        .get("/v1/code?image_format=IMAGE_FORMAT_SVG")
        .await
        .expect();
    assert_eq!(
        (&code["colour"], &code["name_mask"]),
        (&json!("COLOUR_GREEN"), &json!("*明"))
    );
    assert_eq!(code["image"]["media_type"], "image/svg+xml");
    let verified = verify(mesh, code["token"].as_str().unwrap()).await;
    assert_eq!(verified["outcome"], "VERIFICATION_OUTCOME_VALID");
    assert!(person.rules().await.is_empty());
}

async fn contact_with_a_known_case_is_red_and_says_why(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let mut form = person.form();
    form["contact_history"] = json!([
        {"contact_date": today(), "type": "CONTACT_TYPE_KNOWN_CASE_CONTACT"},
        {"contact_date": today(), "type": "CONTACT_TYPE_ABROAD", "country": "HKG"},
    ]);
    let application = person.apply_with(form).await.expect()["application"].clone();
    assert_eq!(application["abroad_dates"], json!([today()]));
    assert_eq!(person.colour().await, "red");
    let decision = person.get("/v1/decision").await.expect();
    assert_eq!(decision["effect_state"], "EFFECT_STATE_IN_FORCE");
    let citation = &decision["decision"]["citations"][0];
    assert_eq!(citation["rule_id"], "red.close-contact");
    assert_eq!(citation["facts"][0]["source"], "self");
    assert!(citation["end_time"].is_string() && citation["reason"]["zh"].is_string());
    assert!(
        decision["decision"]["guidance"]["zh"]
            .as_str()
            .unwrap()
            .contains("报告")
    );
}

async fn an_application_is_followed_by_its_name_and_only_by_its_account(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let application = person.apply().await;
    let path = format!("/v1/{}", application["name"].as_str().unwrap());
    let found = person.get(&path).await.expect();
    assert_eq!(found["application"]["create_time"], application["create_time"]);
    let other = mesh.gateway.person().await;
    assert_eq!(other.get(&path).await.reason(), "DECLARATION_NOT_FOUND");
    other.apply().await;
    assert_eq!(other.get(&path).await.reason(), "DECLARATION_NOT_FOUND");
    assert_eq!(
        person.get("/v1/applications/7").await.violations(),
        ["name NAME_SHAPE"]
    );
}

async fn wrong_items_are_named_and_nothing_is_stored(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let refused = async |change: fn(&mut Value)| {
        let mut form = person.form();
        change(&mut form);
        let answer = person.apply_with(form).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.body);
        answer.violations().join("; ")
    };
    let number = "form.person.document.number";
    for (expected, change) in [
        (
            format!("{number} RESIDENT_ID_CHECK_CHARACTER"),
            (|form| {
                form["person"]["document"]["number"] = json!("110105194912310021");
            }) as fn(&mut Value),
        ),
        (format!("{number} RESIDENT_ID_FUTURE_BIRTH_DATE"), |form| {
            form["person"]["document"]["number"] = json!("370202209901010014");
        }),
        ("form.person.nationality COUNTRY_UNKNOWN".to_owned(), |form| {
            form["person"]["nationality"] = json!("XYZ");
        }),
        (
            "form.contact_history[0].contact_date DATE_OUTSIDE_14_DAYS".to_owned(),
            |form| {
                form["contact_history"] = json!([{"contact_date": "2022-01-01", "type": "CONTACT_TYPE_AREA_STAY", "division": "370202"}]);
            },
        ),
        ("form.commitment.accepted MISSING".to_owned(), |form| {
            form["commitment"] = json!({"accepted": false, "text_version": "2020-02"});
        }),
        ("form.person.full_name TOO_LONG".to_owned(), |form| {
            form["person"]["full_name"] = json!("长".repeat(5_000));
        }),
    ] {
        assert_eq!(refused(change).await, expected);
    }
    let mut form = person.form();
    form["person"]["full_name"] = json!("长".repeat(350_000));
    let huge = person.apply_with(form).await;
    assert_eq!(huge.status.as_u16(), 413, "{}", huge.body);
    assert_eq!(person.colour().await, "CODE_NOT_FOUND");
    // Full-width digits are normalised, and the answer says so.
    let mut form = person.form();
    let full_width = |c: char| char::from_u32(u32::from(c) + 0xFEE0).unwrap();
    form["person"]["document"]["number"] = json!(person.number.chars().map(full_width).collect::<String>());
    let application = person.apply_with(form).await.expect()["application"].clone();
    assert_eq!(application["normalisations"], json!(["NORMALISATION_HALF_WIDTH"]));
}

async fn a_repeated_request_is_answered_alike_and_another_body_is_a_conflict(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let mut body = json!({"request_id": request_id(), "form": person.form()});
    let first = person.post("/v1/applications", body.clone()).await.expect();
    let again = person.post("/v1/applications", body.clone()).await.expect();
    assert_eq!(first["application"]["name"], again["application"]["name"]);
    body["form"]["person"]["mobile"] = json!("13900139000");
    let conflict = person.post("/v1/applications", body).await;
    assert_eq!(
        (conflict.status.as_u16(), conflict.reason()),
        (409, "REQUEST_ID_REUSED")
    );
}

async fn a_confirmed_case_turns_a_green_code_red_and_supersedes_what_was_shown(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let green = token(&person).await;
    let case = row(
        "cdc-370200",
        &request_id(),
        &person,
        "case",
        json!({"stage": "confirmed", "diagnosed_at": ago(60)}),
    );
    let (_, said, _) = import(mesh, "cdc-370200", std::slice::from_ref(&case), &[]);
    assert_eq!(
        (&said["accepted"], &said["effect"]["state"]),
        (&json!("1"), &json!("EFFECT_STATE_IN_FORCE")),
        "{said}"
    );
    // In force: no later token and no later verification is green.
    assert_eq!(person.colour().await, "red");
    let verified = verify(mesh, &green).await;
    assert_eq!(verified["outcome"], "VERIFICATION_OUTCOME_SUPERSEDED");
    assert_eq!(verified["colour"], "COLOUR_RED");
    assert_eq!(person.rules().await, ["red.confirmed"]);
    let (_, said, _) = import(mesh, "cdc-370200", &[case], &[]);
    assert_eq!(
        said["unchanged"], "1",
        "the same statement again changes nothing: {said}"
    );
}

async fn an_entry_turns_yellow_and_back_when_quarantine_and_test_are_reported(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let (key, entered) = (request_id(), ago(10 * DAY));
    let mut entry = row(
        "border-370000",
        &key,
        &person,
        "entry",
        json!({"entered_at": entered, "country": "DEU"}),
    );
    imported(mesh, "border-370000", std::slice::from_ref(&entry));
    assert_eq!(person.colour().await, "yellow");
    let arrival = async || {
        let form = json!({"application": person.form(), "overseas": {"country": "DEU"}, "destination": destination()});
        person
            .post("/v1/arrivals", json!({"request_id": request_id(), "form": form}))
            .await
    };
    let refused: Answer = arrival().await;
    assert_eq!(refused.reason(), "ENTRY_INCOMPLETE");
    assert_eq!(
        refused.violations(),
        [
            "entry.quarantine_completed_at QUARANTINE_END_MISSING",
            "entry.negative_test NEGATIVE_TEST_MISSING"
        ]
    );
    entry["key"] = json!(request_id());
    let mut fact = entry.as_object_mut().unwrap().remove("fact").unwrap();
    fact["entry"]["quarantine_completed_at"] = json!(ago(DAY));
    entry["correction"] = json!({"replaces_key": key, "fact": fact});
    let test = row(
        "border-370000",
        &request_id(),
        &person,
        "test",
        json!({"sampled_at": ago(DAY), "result": "negative"}),
    );
    imported(mesh, "border-370000", &[test, entry]);
    assert_eq!(person.colour().await, "green");
    arrival().await.expect();
}

async fn an_arrival_from_abroad_waits_and_is_accepted_by_itself(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let form =
        json!({"application": person.form(), "overseas": {"country": "DEU"}, "destination": destination()});
    let body = json!({"request_id": request_id(), "form": form, "wait_for_entry": true});
    let waits = person.post("/v1/arrivals", body).await.expect()["arrival"].clone();
    assert_eq!(waits["state"], "DECLARATION_STATE_PENDING", "{waits}");
    assert_eq!(waits["pending_step"], "ARRIVAL_STEP_ENTRY", "{waits}");
    let border = |kind, attributes| row("border-370000", &request_id(), &person, kind, attributes);
    let entry =
        json!({"entered_at": ago(20 * DAY), "country": "DEU", "quarantine_completed_at": ago(2 * DAY)});
    let test = json!({"sampled_at": ago(DAY), "result": "negative"});
    imported(
        mesh,
        "border-370000",
        &[border("entry", entry), border("test", test)],
    );
    let path = format!("/v1/{}", waits["name"].as_str().unwrap());
    let accepted = async {
        loop {
            let arrival = person.get(&path).await.expect()["arrival"].clone();
            if arrival["state"] == "DECLARATION_STATE_IN_FORCE" {
                return arrival;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let waiting = tokio::time::timeout(std::time::Duration::from_secs(60), accepted);
    let accepted = waiting.await.unwrap();
    assert_eq!(accepted["pending_step"], Value::Null, "{accepted}");
    person.becomes("green").await;
}

async fn symptoms_of_a_daily_report_turn_yellow_and_recovery_ends_it(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    assert_eq!(person.colour().await, "green");
    let report = async |symptoms: Value, cleared: bool| {
        let body = json!({"request_id": request_id(), "report_date": today(), "symptoms": symptoms, "cleared": cleared});
        person.post("/v1/daily-reports", body).await.expect()["daily_report"].clone()
    };
    let unwell = report(json!(["SYMPTOM_DRY_COUGH"]), false).await;
    assert_eq!(unwell["state"], "DECLARATION_STATE_IN_FORCE", "{unwell}");
    assert_eq!(person.colour().await, "yellow");
    assert_eq!(person.rules().await, ["yellow.symptoms"]);
    let well = report(json!([]), true).await;
    assert_eq!(well["ended_count"], 1, "{well}");
    assert_eq!(person.colour().await, "green");
}

async fn an_edited_application_takes_back_what_it_said(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let apply = async |history: Value, replaces: &str| {
        let mut form = person.form();
        form["contact_history"] = history;
        let body = json!({"request_id": request_id(), "form": form, "replaces": replaces});
        person.post("/v1/applications", body).await.expect()["application"].clone()
    };
    let contact = json!([{"contact_date": today(), "type": "CONTACT_TYPE_KNOWN_CASE_CONTACT"}]);
    let first = apply(contact, "").await;
    assert_eq!(person.colour().await, "red");
    let second = apply(json!([]), first["name"].as_str().unwrap()).await;
    assert_eq!(second["state"], "DECLARATION_STATE_IN_FORCE", "{second}");
    assert_eq!(person.colour().await, "green");
}

async fn an_officer_sees_who_arrives_and_a_leg_counts(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let jiangsu = Issuer::parse("32").unwrap();
    let claims = Claims::dynamic(jiangsu, now(), [7; 24], Colour::Green, None).unwrap();
    let token = mesh.partner.sign(&claims).unwrap();
    let leg =
        json!({"division": "320102", "arrive_time": ago(2 * DAY), "leave_time": ago(DAY), "transport": "G2"});
    let form = json!({"application": person.form(), "partner_code": {"token": token}, "destination": destination(),
        "itinerary": [leg]});
    let body = json!({"request_id": request_id(), "form": form});
    let arrival = person.post("/v1/arrivals", body).await.expect()["arrival"].clone();
    assert_eq!(arrival["state"], "DECLARATION_STATE_IN_FORCE", "{arrival}");
    assert_eq!(person.colour().await, "green", "green travels freely");
    let officer = mesh.gateway.session("officer-1").await;
    let path = "/v1/divisions/370202/arrivals?purpose.code=PURPOSE_CODE_MANAGEMENT";
    let mut listed = Value::Null;
    for _ in 0..50 {
        let answer = mesh
            .gateway
            .call(http::Method::GET, path, Some(&officer), None)
            .await;
        listed = answer.unwrap().expect();
        let arrivals = listed["arrivals"].as_array().unwrap().iter();
        if arrivals
            .clone()
            .any(|one| one["subject_id"] == arrival["subject_id"])
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the officers were told of nobody: {listed}");
}

async fn a_contact_reported_before_registration_waits_for_the_person(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let key = request_id();
    let contact = row(
        "cdc-370200",
        &key,
        &person,
        "close_contact",
        json!({"last_contact_at": ago(DAY)}),
    );
    imported(mesh, "cdc-370200", &[contact]);
    assert_eq!(person.colour().await, "CODE_NOT_FOUND");
    person.apply().await;
    assert_eq!(person.colour().await, "red");
    let retraction = json!({"source": "cdc-370200", "key": request_id(), "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID",
        "number": person.number}, "retraction": {"retracts_key": key, "reason": "误报"}});
    imported(mesh, "cdc-370200", &[retraction]);
    assert_eq!(person.colour().await, "green");
}

async fn a_feed_speaks_in_its_own_name_of_its_own_kinds_and_places(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let stay = |division: &str| json!({"division": division, "arrived_at": ago(DAY)});
    let rows = [
        row("cdc-370200", "1", &person, "stay", stay("370702")),
        row(
            "cdc-370700",
            "2",
            &person,
            "case",
            json!({"stage": "confirmed", "diagnosed_at": ago(60)}),
        ),
        row("cdc-370700", "3", &person, "stay", stay("370202")),
        row("cdc-370700", &request_id(), &person, "stay", stay("370702")),
    ];
    let (status, said, _) = import(mesh, "cdc-370700", &rows, &[]);
    assert_eq!(
        (status, &said["accepted"], &said["refused"]),
        (Some(1), &json!("1"), &json!("3")),
        "{said}"
    );
    let reasons: Vec<_> = said["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["row"].clone(), one["error"]["reason"].clone()))
        .collect();
    assert_eq!(
        reasons,
        [
            (json!("1"), json!("SOURCE_NOT_OWN")),
            (json!("2"), json!("KIND_NOT_GRANTED")),
            (json!("3"), json!("DIVISION_NOT_GRANTED")),
        ]
    );
    let (status, _, error) = import(mesh, &person.account, &rows, &[]);
    assert_eq!(status, Some(1), "a citizen is no feed: {error}");
}

async fn one_bad_row_stores_nothing_when_all_or_nothing_is_asked(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let good = row(
        "cdc-370200",
        &request_id(),
        &person,
        "case",
        json!({"stage": "confirmed", "diagnosed_at": ago(60)}),
    );
    let mut bad = good.clone();
    bad["key"] = json!(request_id());
    bad["fact"]["case"]["stage"] = json!(99);
    let (status, _, error) = import(mesh, "cdc-370200", &[good, bad], &["--all-or-nothing"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(
        error.contains("ROWS_REFUSED") && error.contains("rows[1].fact.case.stage"),
        "{error}"
    );
    assert_eq!(person.colour().await, "green");
}

async fn a_partners_code_is_converted_with_its_provenance(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let jiangsu = Issuer::parse("32").unwrap();
    let arrive = async |issuer: Issuer, colour: Colour| {
        let claims = Claims::dynamic(issuer, now(), [7; 24], colour, None).unwrap();
        let token = mesh.partner.sign(&claims).unwrap();
        let form = json!({"application": person.form(), "partner_code": {"token": token}, "destination": destination()});
        person
            .post("/v1/arrivals", json!({"request_id": request_id(), "form": form}))
            .await
    };
    let refused = arrive(Issuer::parse("33").unwrap(), Colour::Green).await;
    assert_eq!(refused.reason(), "PARTNER_CODE_REFUSED");
    assert_eq!(refused.body["metadata"]["outcome"], "WRONG_ISSUER");
    assert_eq!(person.colour().await, "CODE_NOT_FOUND");
    let red = arrive(jiangsu, Colour::Red).await.expect();
    assert_eq!(red["arrival"]["provenance"]["province"], "32");
    assert_eq!(person.rules().await, ["red.partner-code"]);
    // The newer code replaces the older one.
    arrive(jiangsu, Colour::Green).await.expect();
    assert_eq!(person.colour().await, "green");
}

async fn the_real_notice_makes_a_listed_stay_red(mesh: &Mesh) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notice.json.gz");
    std::fs::write(&file, BUNDLED_2022_11_26_GZ).unwrap();
    let mut json = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(BUNDLED_2022_11_26_GZ),
        &mut json,
    )
    .unwrap();
    let notice = Notice::parse(&json).unwrap();
    let listed = notice
        .listings
        .iter()
        .find(|one| one.code.province() == 37)
        .unwrap();
    let stay = |person: &Person| {
        let mut form = person.form();
        form["contact_history"] = json!([{"contact_date": today(), "type": "CONTACT_TYPE_AREA_STAY", "division": listed.code.to_string(),
            "community": listed.community}]);
        form
    };
    let before = mesh.gateway.person().await;
    before.apply_with(stay(&before)).await.expect();
    assert_eq!(before.colour().await, "green");
    let path = file.display().to_string();
    let import = || {
        mesh.command(&[
            "areas",
            "import",
            &path,
            "--json",
            "--account",
            "epidemiologist-1",
        ])
    };
    let output = import();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(said["opened"], notice.listings.len().to_string(), "{said}");
    assert_eq!(said["effect"]["state"], "EFFECT_STATE_IN_FORCE");
    assert_eq!(
        before.colour().await,
        "red",
        "who was there before the listing is decided anew"
    );
    let after = mesh.gateway.person().await;
    after.apply_with(stay(&after)).await.expect();
    assert_eq!(after.rules().await, ["red.high-risk-area"]);
    let again: Value = serde_json::from_slice(&import().stdout).unwrap();
    assert_eq!(
        (&again["opened"], &again["unchanged"]),
        (&json!("0"), &said["opened"])
    );
}

async fn a_broken_notice_is_refused_and_imports_nothing(mesh: &Mesh) {
    let mut json = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(BUNDLED_2022_11_26_GZ),
        &mut json,
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notice.json");
    let counts =
        String::from_utf8(json.clone())
            .unwrap()
            .replacen("\"hcount\": 23046", "\"hcount\": 23047", 1);
    assert!(counts.as_bytes() != json, "the count was not found");
    let cut = json[..100_000].to_vec();
    for (broken, expected) in [
        (cut, "byte 100000"),
        (
            counts.into_bytes(),
            "data.hcount states 23047, the list has 23046",
        ),
    ] {
        std::fs::write(&file, broken).unwrap();
        let path = file.display().to_string();
        let output = mesh.command(&["areas", "import", &path, "--account", "epidemiologist-1"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

async fn feedback_is_found_by_its_number_and_only_by_its_account(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let body = json!({
        "request_id": request_id(),
        "feedback": {"category": "FEEDBACK_CATEGORY_TECHNICAL", "text": "绿码刷新较慢"},
    });
    let filed = person.post("/v1/complaints", body.clone()).await.expect()["complaint"].clone();
    let again = person.post("/v1/complaints", body).await.expect()["complaint"].clone();
    assert_eq!(filed["complaint_id"], again["complaint_id"]);
    let path = format!("/v1/{}", filed["name"].as_str().unwrap());
    assert_eq!(
        person.get(&path).await.expect()["complaint"]["feedback"]["text"],
        "绿码刷新较慢"
    );
    let own = person.get("/v1/complaints").await.expect();
    assert_eq!(own["complaints"].as_array().unwrap().len(), 1);
    let other = mesh.gateway.person().await;
    assert_eq!(other.get(&path).await.reason(), "COMPLAINT_NOT_FOUND");
    assert!(
        other
            .get("/v1/complaints")
            .await
            .expect()
            .get("complaints")
            .is_none_or(|list| *list == json!([]))
    );
    let empty = json!({"request_id": request_id(), "feedback": {"text": " "}});
    assert_eq!(
        person.post("/v1/complaints", empty).await.violations(),
        ["feedback.category MISSING", "feedback.text MISSING"]
    );
}

/// Runs a command with JSON output; returns exit status and output.
fn asked(mesh: &Mesh, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = mesh.command(&[arguments, &["--json"]].concat());
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code(), said)
}

async fn everybody_is_compared_and_every_decision_is_proven_and_made_again(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let attributes = json!({"stage": "suspected", "diagnosed_at": ago(3_600)});
    imported(
        mesh,
        "cdc-370200",
        &[row("cdc-370200", &person.number, &person, "case", attributes)],
    );
    assert_eq!(person.colour().await, "red");
    let (status, run) = asked(mesh, &["recomparisons", "start", "--account", "operator-1"]);
    let run = run["recomparison"].clone();
    assert_eq!(
        (status, &run["state"]),
        (Some(0), &json!("RECOMPARISON_STATE_COMPLETE")),
        "{run}"
    );
    assert_eq!(run["expected"], run["seen"]);
    let listed = person.get("/v1/decisions").await.expect()["decisions"].clone();
    let subject = listed[0]["subject_id"].as_str().unwrap();
    assert_eq!(
        (&listed[0]["colour"], &listed[1]["colour"]),
        (&json!("COLOUR_RED"), &json!("COLOUR_GREEN"))
    );
    let auditor = ["--account", "auditor-1"];
    let (status, shown) = asked(mesh, &[&["decisions", "list", subject], &auditor[..]].concat());
    assert_eq!(
        (status, shown["decisions"].as_array().unwrap().len()),
        (Some(0), 2)
    );
    for decision in shown["decisions"].as_array().unwrap() {
        let replay = ["decisions", "replay", decision["name"].as_str().unwrap()];
        let (status, replayed) = asked(mesh, &[&replay[..], &auditor[..]].concat());
        assert_eq!(
            (status, &replayed["identical"]),
            (Some(0), &json!(true)),
            "{replayed}"
        );
    }
    let verify = ["history-verifications", "start", "--subject", subject];
    let (status, verified) = asked(mesh, &[&verify[..], &auditor[..]].concat());
    let verified = verified["history_verification"].clone();
    assert_eq!(
        (status, &verified["intact"], &verified["state"]),
        (Some(0), &json!("2"), &json!("HISTORY_VERIFICATION_STATE_INTACT"))
    );
    // Roles that may run comparisons may not read decisions, and vice versa.
    let refused = mesh.command(&["decisions", "list", subject, "--account", "operator-1"]);
    assert_eq!(refused.status.code(), Some(1));
}
