//! `NationalCodeService`: a person's code by way of the national platform, over each signing profile, against a stand-in that verifies signatures.

use std::sync::Arc;
use std::time::Duration;

use lutong_federation::{FederationConfig, Migrations};
use lutong_kernel::{Fault, FaultCode, ServiceName, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_stand_ins::{Fault as Broken, PEOPLE, StandIns};
use lutong_testing::{Bed, on_both_engines, texts};
use lutong_transport::access::Principal;
use serde_json::{Value, json};
use wire::RecognitionOutcome as Outcome;
use wire::national_code_service_client::NationalCodeServiceClient;

use crate::{Federation, entry, fault, key, staff};

on_both_engines!(
    a_code_is_asked_over_every_signing_profile,
    several_records_become_one_outcome_and_all_are_kept,
    each_way_without_a_colour_stays_distinct_and_none_is_green,
    a_secret_is_renewed_before_its_end_and_once_when_it_is_refused,
    many_at_once_renew_a_secret_once,
    a_refusal_that_is_final_is_not_asked_again,
    a_slow_or_dead_platform_is_unreachable_soon,
    trust_is_not_transitive,
    a_platform_that_is_not_trusted_is_not_asked,
    wrong_questions_are_named,
    nothing_of_the_person_is_kept,
    a_wrong_setting_is_named_at_the_start,
);

const PROFILES: [&str; 4] = ["government-platform", "data-exchange", "tif", "app-secret-tiers"];

struct National {
    federation: Federation,
    stand_ins: StandIns,
    secrets: tempfile::TempDir,
}

/// Jiangsu and Shanghai by way of the platform, Zhejiang without it.
fn list(platform: &str) -> String {
    let by_way = "intermediaries = [\"00\"]\nmodes = [\"NATIONAL_CODE\"]\nname = ";
    let province = |code: &str, seed: u64| entry(code, "甲", &key(seed), "").replacen("name = ", by_way, 1);
    format!(
        "version = \"x\"\n{platform}{}{}{}",
        province("32", 32),
        province("31", 31),
        entry("33", "浙江", &key(33), ""),
    )
}

fn platform() -> String {
    let more = "purposes = [\"MESSAGES\"]";
    let national =
        entry("32", "国家平台", &key(100), more).replacen("province = \"32\"", "province = \"00\"", 1);
    national.replacen("name = ", "modes = [\"NATIONAL_CODE\"]\nname = ", 1)
}

async fn start(bed: Bed, profile: &str) -> National {
    start_with(bed, profile, &list(&platform()), |_| ()).await
}

async fn start_with(bed: Bed, profile: &str, list: &str, change: impl Fn(&mut Value)) -> National {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(33),
        henan: key(41),
    };
    let foundation = &federation.bed.foundation;
    let (clock, random) = (Arc::clone(&foundation.clock), Arc::clone(&foundation.random));
    let stand_ins = StandIns::start(0, clock, random).await.unwrap();
    let secrets = tempfile::tempdir().unwrap();
    let mut config = stand_ins.national(profile, secrets.path()).unwrap();
    config["gateway"]["timeout_ms"] = json!(500);
    change(&mut config);
    serve(&federation, list, config).await.unwrap();
    National {
        federation,
        stand_ins,
        secrets,
    }
}

async fn serve(federation: &Federation, list: &str, national: Value) -> Result<(), String> {
    let bed = &federation.bed;
    let file = bed.foundation.keys.path.with_file_name("trust-list.toml");
    std::fs::write(&file, list).unwrap();
    let config = FederationConfig {
        trust_list: Some(file),
        trust_root: None,
        national: serde_json::from_value(national).unwrap(),
        ..FederationConfig::default()
    };
    let peers = lutong_federation::Peers {
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Federation),
        identity: bed.channel(ServiceName::Identity, Caller::Federation),
        declaration: bed.channel(ServiceName::Declaration, Caller::Federation),
    };
    let component = lutong_federation::build(&bed.foundation, &federation.storage, &config, peers).await;
    bed.bind(component.map_err(|error| error.to_string())?);
    Ok(())
}

fn about(person: usize) -> wire::QueryNationalCodeRequest {
    let person = PEOPLE[person];
    wire::QueryNationalCodeRequest {
        full_name: person.full_name.to_owned(),
        document: Some(types::Document {
            r#type: types::DocumentType::ResidentId.into(),
            number: person.resident_id.to_owned(),
            issuing_country: String::new(),
        }),
        origin_province: "32".to_owned(),
    }
}

impl National {
    async fn query(
        &self,
        request: wire::QueryNationalCodeRequest,
    ) -> Result<wire::QueryNationalCodeResponse, Fault> {
        let bed = &self.federation.bed;
        let channel = bed.channel(ServiceName::Federation, Caller::Declaration);
        let request = bed.call_as(&citizen()).request(request);
        let answer = NationalCodeServiceClient::new(channel)
            .query_national_code(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn outcome(&self, person: usize) -> Outcome {
        self.query(about(person)).await.unwrap().outcome()
    }

    fn count(&self, part: &str) -> u64 {
        self.stand_ins
            .faults
            .counts()
            .get(part)
            .copied()
            .unwrap_or_default()
    }

    fn says(&self, records: &Value) {
        let report = json!({"person": {"desensitizeName": "*华"}, "healthyReport": records});
        self.stand_ins.national_says(PEOPLE[1].resident_id, report);
    }
}

impl Federation {
    /// What a question about a person is refused with.
    pub async fn asks_about_anybody(&self) -> Fault {
        let channel = self.bed.channel(ServiceName::Federation, Caller::Declaration);
        let request = self.bed.call_as(&citizen()).request(about(0));
        let mut client = NationalCodeServiceClient::new(channel);
        fault(&client.query_national_code(request).await.unwrap_err())
    }
}

fn citizen() -> Principal {
    staff("citizen-1", Role::Citizen)
}

fn record(province: &str, value: &str, days_ago: i64, now: Timestamp) -> Value {
    let updated = now.plus_seconds(-days_ago * 86_400).to_rfc3339();
    json!({"provinceCode": province, "healthyStaus": value, "zjgxsj": updated})
}

async fn a_code_is_asked_over_every_signing_profile(bed: Bed) {
    let mut bed = bed;
    for profile in PROFILES {
        let national = start(bed, profile).await;
        for _ in 0..2 {
            let said = national.query(about(0)).await.unwrap();
            assert_eq!(
                (said.outcome(), said.province.as_str()),
                (Outcome::Green, "32"),
                "{profile}"
            );
            assert_eq!((said.records.len(), said.untrusted_records), (1, 0));
            assert_eq!(said.record_policy, "worst-of-14-days");
        }
        assert_eq!(
            national.outcome(2).await,
            Outcome::Green,
            "a minority name, masked"
        );
        let fetched = u64::from(matches!(profile, "data-exchange" | "app-secret-tiers"));
        assert_eq!(
            (national.count("national"), national.count("national-secret")),
            (3, fetched),
            "{profile}"
        );
        bed = national.federation.bed.reopened();
    }
}

async fn several_records_become_one_outcome_and_all_are_kept(bed: Bed) {
    let national = start(bed, "government-platform").await;
    let now = national.federation.now();
    for (records, expected) in [
        (
            json!([record("32", "00", 0, now), record("31", "01", 3, now)]),
            (Outcome::Yellow, "31", 2),
        ),
        (
            json!([record("32", "00", 0, now), record("31", "10", 15, now)]),
            (Outcome::Green, "32", 2),
        ),
        (
            json!([record("32", "00", 0, now), record("31", "10", 14, now)]),
            (Outcome::Red, "31", 2),
        ),
        (
            json!([record("32", "00", 0, now), record("31", "1", 0, now)]),
            (Outcome::UnknownValue, "31", 2),
        ),
        (json!([]), (Outcome::NoCode, "", 0)),
        // Our own record of the person is decided here.
        (
            json!([record("37", "10", 0, now), record("32", "00", 0, now)]),
            (Outcome::Green, "32", 1),
        ),
    ] {
        national.says(&records);
        let said = national.query(about(1)).await.unwrap();
        assert_eq!(
            (said.outcome(), said.province.as_str(), said.records.len()),
            expected
        );
    }
    national.says(&json!([record("32", "01", 2, now)]));
    let said = national.query(about(1)).await.unwrap();
    let updated = lutong_proto::time::timestamp(said.records[0].update_time.as_ref().unwrap());
    assert_eq!(updated.seconds(), now.plus_seconds(-2 * 86_400).seconds());
}

async fn each_way_without_a_colour_stays_distinct_and_none_is_green(bed: Bed) {
    let national = start(bed, "government-platform").await;
    let faults = &national.stand_ins.faults;
    for (broken, expected) in [
        (Broken::Away, Outcome::Unreachable),
        (Broken::Garbage, Outcome::UnknownValue),
        (Broken::NationalThrottled, Outcome::Throttled),
        (Broken::NationalThrottledByStatus, Outcome::Throttled),
        (Broken::NationalRefuses, Outcome::UnknownValue),
        (Broken::NationalForbidden, Outcome::UnknownValue),
        (Broken::NationalClockAhead, Outcome::UnknownValue),
        (Broken::NationalEmpty, Outcome::UnknownValue),
        (Broken::NationalHuge, Outcome::UnknownValue),
        // Wrapped three times, it is still what it is.
        (Broken::NationalNested, Outcome::Green),
    ] {
        faults.turn_on(broken);
        assert_eq!(national.outcome(0).await, expected, "{broken:?}");
        faults.turn_off(broken);
    }
    let person = |report: Value| national.stand_ins.national_says(PEOPLE[1].resident_id, report);
    for (report, expected) in [
        (json!({"isHaveHealthCode": false}), Outcome::NoCode),
        (
            json!({"person": {"desensitizeName": "*明"}, "healthyReport": []}),
            Outcome::NameMismatch,
        ),
        (json!({"healthyReport": []}), Outcome::NameMismatch),
        (
            json!({"person": {"desensitizeName": "*华"}, "healthyReport": "x"}),
            Outcome::UnknownValue,
        ),
    ] {
        person(report);
        assert_eq!(national.outcome(1).await, expected);
    }
    let mut unknown = about(0);
    "370202199001010031".clone_into(&mut unknown.document.as_mut().unwrap().number);
    let said = national.query(unknown).await.map(|said| said.outcome());
    assert_eq!(said, Ok(Outcome::NotFound));
    let outcomes = texts(&national.federation.storage, "verifications", "outcome", "id").await;
    assert_eq!(
        (outcomes.len(), outcomes.last().map(String::as_str)),
        (15, Some("NOT_FOUND"))
    );
}

async fn a_secret_is_renewed_before_its_end_and_once_when_it_is_refused(bed: Bed) {
    let mut bed = bed;
    for profile in ["data-exchange", "app-secret-tiers"] {
        let national = start(bed, profile).await;
        assert_eq!(national.outcome(0).await, Outcome::Green);
        // A minute before its end the next one is fetched; the gateway never sees one that has expired.
        national.federation.bed.clock.advance(Duration::from_secs(850));
        assert_eq!(national.outcome(0).await, Outcome::Green);
        assert_eq!(
            (national.count("national"), national.count("national-secret")),
            (2, 2),
            "{profile}"
        );
        // The gateway has forgotten it: a second try with a new one. The tiers begin anew, as their refresh secret is gone, too.
        national.stand_ins.faults.turn_on(Broken::NationalSecretsLost);
        assert_eq!(national.outcome(0).await, Outcome::Green);
        let fetched = if profile == "data-exchange" { 3 } else { 4 };
        assert_eq!(
            (national.count("national"), national.count("national-secret")),
            (4, fetched),
            "{profile}"
        );
        // A clock that is an hour off helps no second try.
        national.stand_ins.faults.turn_on(Broken::NationalClockAhead);
        assert_ne!(national.outcome(0).await, Outcome::Green);
        national.stand_ins.faults.turn_off(Broken::NationalClockAhead);
        assert_eq!(national.outcome(0).await, Outcome::Green);
        bed = national.federation.bed.reopened();
    }
}

async fn many_at_once_renew_a_secret_once(bed: Bed) {
    let national = start(bed, "data-exchange").await;
    let all = futures::future::join_all((0..16).map(|_| national.outcome(0))).await;
    assert!(all.iter().all(|outcome| *outcome == Outcome::Green));
    assert_eq!(national.count("national-secret"), 1);
}

async fn a_refusal_that_is_final_is_not_asked_again(bed: Bed) {
    let national = start(bed, "data-exchange").await;
    national.outcome(0).await;
    national.stand_ins.faults.turn_on(Broken::NationalForbidden);
    assert_eq!(national.outcome(0).await, Outcome::UnknownValue);
    assert_eq!(
        (national.count("national"), national.count("national-secret")),
        (2, 1)
    );
}

async fn a_slow_or_dead_platform_is_unreachable_soon(bed: Bed) {
    let national = start(bed, "government-platform").await;
    national.stand_ins.faults.turn_on(Broken::Slow);
    let started = std::time::Instant::now();
    assert_eq!(national.outcome(0).await, Outcome::Unreachable);
    assert!(started.elapsed() < Duration::from_secs(5));
    // Its places are bounded: whoever comes beyond them is told at once.
    let all = futures::future::join_all((0..80).map(|_| national.outcome(0))).await;
    assert!(
        all.iter()
            .all(|outcome| matches!(outcome, Outcome::Unreachable | Outcome::Throttled))
    );
    assert!(all.contains(&Outcome::Throttled));
}

async fn trust_is_not_transitive(bed: Bed) {
    let national = start(bed, "government-platform").await;
    let now = national.federation.now();
    // Zhejiang is a partner, and not by way of the platform; Henan is none.
    for others in [["33", "41"], ["41", "33"]] {
        national.says(&json!([
            record("32", "01", 0, now),
            record(others[0], "10", 0, now),
            record(others[1], "00", 0, now)
        ]));
        let said = national.query(about(1)).await.unwrap();
        assert_eq!(
            (said.outcome(), said.records.len(), said.untrusted_records),
            (Outcome::Yellow, 1, 2)
        );
    }
    national.says(&json!([record("33", "00", 0, now)]));
    let said = national.query(about(1)).await.unwrap();
    assert_eq!((said.outcome(), said.records.len()), (Outcome::UnknownValue, 0));
}

async fn a_platform_that_is_not_trusted_is_not_asked(bed: Bed) {
    let without = list("").replace("intermediaries = [\"00\"]\n", "");
    let national = start_with(bed, "government-platform", &without, |_| ()).await;
    let refused = national.query(about(0)).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "NATIONAL_PLATFORM_NOT_RECOGNISED")
    );
    assert_eq!(national.count("national"), 0);
    let bed = national.federation.bed.reopened();
    let trusted = list(&platform());
    let off = start_with(bed, "government-platform", &trusted, |config| {
        config["gateway"] = json!({});
    });
    let refused = off.await.query(about(0)).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "NATIONAL_PLATFORM_OFF")
    );
}

type Change = fn(&mut wire::QueryNationalCodeRequest);

async fn wrong_questions_are_named(bed: Bed) {
    let national = start(bed, "government-platform").await;
    let changes: [(Change, &str); 5] = [
        (|request| "3".clone_into(&mut request.full_name), "full_name"),
        (|request| request.document = None, "document"),
        (
            |request| "1".clone_into(&mut request.document.as_mut().unwrap().number),
            "document.number",
        ),
        (
            |request| "3x".clone_into(&mut request.origin_province),
            "origin_province",
        ),
        (
            |request| "XXX".clone_into(&mut request.document.as_mut().unwrap().issuing_country),
            "document.issuing_country",
        ),
    ];
    for (change, field) in changes {
        let mut request = about(0);
        change(&mut request);
        let refused = national.query(request).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert_eq!(refused.violations[0].field, field);
    }
    assert_eq!(national.count("national"), 0);
}

async fn nothing_of_the_person_is_kept(bed: Bed) {
    let national = start(bed, "government-platform").await;
    national.outcome(1).await;
    for column in ["outcome", "trust_list_version", "province"] {
        let kept = texts(&national.federation.storage, "verifications", column, "id")
            .await
            .join(" ");
        assert!(!kept.contains("李华") && !kept.contains(PEOPLE[1].resident_id));
    }
    assert_eq!(
        lutong_testing::rows(&national.federation.storage, "message_records").await,
        0
    );
}

async fn a_wrong_setting_is_named_at_the_start(bed: Bed) {
    let national = start(bed, "data-exchange").await;
    let good = || {
        national
            .stand_ins
            .national("data-exchange", national.secrets.path())
            .unwrap()
    };
    for (member, value, named) in [
        (
            "url",
            json!("http://a.example/"),
            "federation.national.gateway.url",
        ),
        (
            "secret_file",
            Value::Null,
            "federation.national.gateway.secret_file",
        ),
        ("secret_url", json!(""), "federation.national.gateway.secret_url"),
        ("requester", json!(""), "federation.national.gateway.requester"),
        ("service", json!(""), "federation.national.gateway.service"),
        ("timeout_ms", json!(0), "federation.national.gateway.timeout_ms"),
        (
            "ca_file",
            json!("/nowhere"),
            "federation.national.gateway.ca_file",
        ),
    ] {
        let mut config = good();
        config["gateway"][member] = value;
        let error = serve(&national.federation, &list(&platform()), config)
            .await
            .unwrap_err();
        assert!(error.contains(named), "{error}");
    }
    for member in ["interface", "record_policy"] {
        let mut config = good();
        config[member] = json!("none");
        let error = serve(&national.federation, &list(&platform()), config)
            .await
            .unwrap_err();
        assert!(
            error.contains(&format!("federation.national.{member}")),
            "{error}"
        );
    }
}
