//! Signing in through the channels and proving who one is, in both shapes, with stand-ins for the providers, the authority and the
//! gateway of messages.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_stand_ins::{Fault, PEOPLE, StandInPerson, StandIns};
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::people::{Answer, request_id};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

const WANG: &StandInPerson = &PEOPLE[0];
const LI: &StandInPerson = &PEOPLE[1];
/// Where the providers send browsers back to; the test goes to the gateway instead.
const PUBLIC_URL: &str = "http://127.0.0.1:1";

struct World {
    mesh: Mesh,
    stand_ins: StandIns,
    _folder: TempDir,
}

impl World {
    async fn start(shape: Shape) -> Self {
        let stand_ins = StandIns::start(0, Arc::new(WallClock), Arc::new(Entropy))
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut identity = stand_ins.identity(folder.path()).unwrap();
        identity["real_name"]["retry_s"] = json!(1);
        let config = json!({
            "gateway": {"channels": stand_ins.channels(PUBLIC_URL, folder.path()).unwrap()},
            "identity": identity,
        });
        let file = folder.path().join("lutong.toml");
        std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
        let setting = Setting {
            environment: vec![("LUTONG_CONFIG".to_owned(), file.display().to_string())],
            ..Setting::default()
        };
        Self {
            mesh: Mesh::start_with(shape, setting).await,
            stand_ins,
            _folder: folder,
        }
    }

    /// A session of the mini-program.
    async fn session(&self, person: &StandInPerson) -> String {
        let code = self.stand_ins.login_code(person);
        let answer = self
            .call(
                Method::POST,
                "/v1/wechat-mini/sessions",
                None,
                Some(json!({"code": code})),
            )
            .await;
        answer.expect()["token"].as_str().unwrap().to_owned()
    }

    async fn call(&self, method: Method, path: &str, session: Option<&str>, body: Option<Value>) -> Answer {
        self.mesh.gateway.call(method, path, session, body).await.unwrap()
    }

    /// A one-time code to the person's telephone, asked for by a session.
    async fn proof(&self, session: &str, person: &StandInPerson) -> Value {
        let body = json!({"request_id": request_id(), "mobile": person.mobile, "purpose": "ONE_TIME_CODE_PURPOSE_APPLY"});
        let created = self
            .call(Method::POST, "/v1/one-time-codes", Some(session), Some(body))
            .await
            .expect();
        let digits = self
            .stand_ins
            .last_code(&format!("+86{}", person.mobile))
            .unwrap();
        json!({"one_time_code": created["one_time_code"]["name"], "code": digits})
    }

    /// An application with these items and this telephone.
    async fn apply(
        &self,
        session: &str,
        person: &StandInPerson,
        mobile: &str,
        proof: Option<Value>,
    ) -> Answer {
        let mut form = json!({
            "person": {
                "full_name": person.full_name,
                "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": person.resident_id},
                "mobile": mobile,
                "nationality": "CHN",
                "home_address": {"division": "370202", "detail": "香港中路1号"},
            },
            "contact_history": [],
            "commitment": {"accepted": true, "text_version": "2020-02"},
        });
        if let Some(proof) = proof {
            form["mobile_proof"] = proof;
        }
        let body = json!({"request_id": request_id(), "form": form});
        self.call(Method::POST, "/v1/applications", Some(session), Some(body))
            .await
    }

    /// A browser's request to the gateway.
    async fn browse(&self, path: &str, cookie: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let mut request = Request::get(format!("{}{path}", self.mesh.gateway.base));
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        let answer = client
            .request(request.body(Full::default()).unwrap())
            .await
            .unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status,
            head.headers,
            String::from_utf8_lossy(&body).into_owned(),
        )
    }

    /// The cookie of a session that a browser gets through a channel.
    async fn signed_in(&self, channel: &str, person: &StandInPerson) -> String {
        let (status, sent, text) = self
            .browse(&format!("/sign-in/{channel}?return_to=/docs"), None)
            .await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let provider = sent[LOCATION].to_str().unwrap();
        let back = self.stand_ins.agree(provider, Some(person)).await.unwrap();
        let path = back.strip_prefix(PUBLIC_URL).unwrap().to_owned();
        let (status, answered, text) = self
            .browse(&path, Some(&cookie(&sent, "lutong-dev-attempt")))
            .await;
        assert_eq!(
            (status, &answered[LOCATION]),
            (StatusCode::SEE_OTHER, &"/docs".parse().unwrap()),
            "{text}"
        );
        cookie(&answered, "lutong-dev")
    }
}

/// The pair of a cookie that an answer sets.
fn cookie(headers: &HeaderMap, name: &str) -> String {
    let pairs = headers.get_all(SET_COOKIE).iter();
    let mut pairs = pairs.map(|header| header.to_str().unwrap().split(';').next().unwrap());
    pairs
        .find(|pair| pair.starts_with(&format!("{name}=")))
        .unwrap()
        .to_owned()
}

async fn a_person_through_two_channels_has_one_code(shape: Shape) {
    let world = World::start(shape).await;
    let session = world.session(WANG).await;
    let nothing = world.call(Method::GET, "/v1/code", Some(&session), None).await;
    assert_eq!(nothing.reason(), "CODE_NOT_FOUND");
    let without = world.apply(&session, WANG, WANG.mobile, None).await;
    assert_eq!(without.violations(), ["form.mobile_proof MISSING"]);
    let proof = world.proof(&session, WANG).await;
    let application = world
        .apply(&session, WANG, WANG.mobile, Some(proof))
        .await
        .expect();
    assert_eq!(
        application["application"]["state"], "DECLARATION_STATE_IN_FORCE",
        "{application}"
    );
    let shown = world
        .call(Method::GET, "/v1/code", Some(&session), None)
        .await
        .expect();
    assert_eq!(
        (&shown["colour"], &shown["name_mask"]),
        (&json!("COLOUR_GREEN"), &json!("*明"))
    );
    // 爱山东 has verified the same person: a browser shows the same code without a form.
    let browser = world.signed_in("aishandong", WANG).await;
    let (status, _, text) = world.browse("/v1/code", Some(&browser)).await;
    let also: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (status, &also["version"], &also["name_mask"]),
        (StatusCode::OK, &shown["version"], &shown["name_mask"])
    );
    // Alipay recognises somebody and vouches for nobody.
    let alipay = world.signed_in("alipay", WANG).await;
    let (status, _, text) = world.browse("/v1/code", Some(&alipay)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    let told = world.stand_ins.messages_to(&format!("+86{}", WANG.mobile));
    assert!(
        told.iter().any(|message| message.template == "account-linked"),
        "{told:?}"
    );
}

async fn whoever_knows_a_name_and_a_number_gets_nobodys_code(shape: Shape) {
    let world = World::start(shape).await;
    let owner = world.session(WANG).await;
    let proof = world.proof(&owner, WANG).await;
    world.apply(&owner, WANG, WANG.mobile, Some(proof)).await.expect();
    // The attacker holds the telephone that they state, which is their own.
    let attacker = world.session(LI).await;
    let proof = world.proof(&attacker, LI).await;
    let of_registered = world.apply(&attacker, WANG, LI.mobile, Some(proof.clone())).await;
    assert_eq!(
        of_registered.reason(),
        "REAL_NAME_MISMATCH",
        "{}",
        of_registered.body
    );
    let nobody = StandInPerson {
        resident_id: "370202199901010010",
        ..*WANG
    };
    let of_nobody = world.apply(&attacker, &nobody, LI.mobile, Some(proof)).await;
    assert_eq!(
        of_nobody.reason(),
        of_registered.reason(),
        "the same whether somebody is registered or not"
    );
    let shown = world.call(Method::GET, "/v1/code", Some(&attacker), None).await;
    assert_eq!(shown.reason(), "CODE_NOT_FOUND");
    let own = world
        .call(Method::GET, "/v1/code", Some(&owner), None)
        .await
        .expect();
    assert_eq!(
        own["colour"], "COLOUR_GREEN",
        "nothing that was stated about them counts"
    );
}

async fn while_the_authority_is_away_the_code_waits_and_comes_by_itself(shape: Shape) {
    let world = World::start(shape).await;
    world.stand_ins.faults.turn_on(Fault::RealNameUnavailable);
    let session = world.session(LI).await;
    let proof = world.proof(&session, LI).await;
    let waits = world.apply(&session, LI, LI.mobile, Some(proof)).await.expect()["application"].clone();
    assert_eq!(
        (&waits["state"], &waits["waiting_for"], &waits["subject_id"]),
        (
            &json!("DECLARATION_STATE_PENDING"),
            &json!("MISSING_PROOF_REAL_NAME_CHECK"),
            &json!("")
        )
    );
    let shown = world.call(Method::GET, "/v1/code", Some(&session), None).await;
    assert_eq!(shown.reason(), "CODE_NOT_FOUND", "nothing is green by default");
    world.stand_ins.faults.turn_off(Fault::RealNameUnavailable);
    let path = format!("/v1/{}", waits["name"].as_str().unwrap());
    let started = Instant::now();
    loop {
        let application = world.call(Method::GET, &path, Some(&session), None).await;
        if application.body["application"]["state"] == "DECLARATION_STATE_IN_FORCE" {
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{}",
            application.body
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shown = world
        .call(Method::GET, "/v1/code", Some(&session), None)
        .await
        .expect();
    assert_eq!(
        (&shown["colour"], &shown["name_mask"]),
        (&json!("COLOUR_GREEN"), &json!("*华"))
    );
}

mod one_process {
    use super::Shape::OneProcess;

    #[tokio::test]
    async fn a_person_through_two_channels_has_one_code() {
        super::a_person_through_two_channels_has_one_code(OneProcess).await;
    }

    #[tokio::test]
    async fn whoever_knows_a_name_and_a_number_gets_nobodys_code() {
        super::whoever_knows_a_name_and_a_number_gets_nobodys_code(OneProcess).await;
    }

    #[tokio::test]
    async fn while_the_authority_is_away_the_code_waits_and_comes_by_itself() {
        super::while_the_authority_is_away_the_code_waits_and_comes_by_itself(OneProcess).await;
    }
}

mod mesh {
    use super::Shape::Mesh;

    #[tokio::test]
    async fn a_person_through_two_channels_has_one_code() {
        super::a_person_through_two_channels_has_one_code(Mesh).await;
    }

    #[tokio::test]
    async fn whoever_knows_a_name_and_a_number_gets_nobodys_code() {
        super::whoever_knows_a_name_and_a_number_gets_nobodys_code(Mesh).await;
    }

    #[tokio::test]
    async fn while_the_authority_is_away_the_code_waits_and_comes_by_itself() {
        super::while_the_authority_is_away_the_code_waits_and_comes_by_itself(Mesh).await;
    }
}
