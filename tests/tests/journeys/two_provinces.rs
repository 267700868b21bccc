//! Two whole systems federate, as two provinces with roots of their own, over a network that fails: what one origin says of a code that was
//! recognised is in force in the other once the network is whole again, once, and nothing green slips through.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{ServiceName, Timestamp};
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::people::{Person, request_id};
use lutong_tests::wires::{WireState, Wires};
use lutong_token::{Algorithm, Issuer, SigningKey};
use serde_json::{Value, json};

use crate::{destination, imported, row, token};

/// The longest that a change may take after the network is whole: a chain is read every ten seconds, and a breaker opens again.
const HEALED: Duration = Duration::from_secs(60);
/// For how long the network is as it is while the origin changes a code.
const UNWELL: Duration = Duration::from_secs(3);

/// One of the two, and the key that signs whom it trusts.
struct Province {
    code: &'static str,
    name: &'static str,
    mesh: Mesh,
    root: SigningKey,
}

/// The province 32, whose system is another installation of the same software.
async fn jiangsu(folder: &Path) -> Province {
    let root = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(77)).unwrap();
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let shandong = (Issuer::SHANDONG, "山东省");
    let nobody = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(78)).unwrap();
    let list = of_one_partner("first", shandong, nobody.verifying_key(), since).unwrap();
    let files = [
        ("trust-list.toml", format!("audience = \"32\"\n{list}")),
        ("trust-root.pem", root.verifying_key().to_pem().unwrap()),
    ];
    let [list, pem] = files.map(|(name, text)| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    });
    let setting = Setting {
        environment: vec![
            ("LUTONG_FEDERATION__PROVINCE".to_owned(), "32".to_owned()),
            ("LUTONG_FEDERATION__TRUST_LIST".to_owned(), list),
            ("LUTONG_FEDERATION__TRUST_ROOT".to_owned(), pem),
        ],
        ..Setting::default()
    };
    Province {
        code: "32",
        name: "江苏省",
        mesh: Mesh::start_with(Shape::OneProcess, setting).await,
        root,
    }
}

impl Province {
    async fn get(&self, path: &str) -> Value {
        let answer = self.mesh.gateway.call(Method::GET, path, None, None).await;
        answer.unwrap().expect()
    }

    async fn operate(&self, operator: &str, path: &str, body: Value) -> Value {
        let session = self.mesh.gateway.session(operator).await;
        let answer = self
            .mesh
            .gateway
            .call(Method::POST, path, Some(&session), Some(body));
        answer.await.unwrap().expect()
    }

    fn port(&self) -> u16 {
        self.mesh
            .gateway
            .base
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// What another province's list says of this one, reached at a port.
    async fn as_partner(&self, port: u16) -> String {
        let codes = self.get("/v1/keys").await["keys"][0]["public_key"]
            .as_str()
            .unwrap()
            .to_owned();
        let codes = format!("-----BEGIN PUBLIC KEY-----\n{codes}\n-----END PUBLIC KEY-----\n");
        let keys = self.get("/v1/message-key").await;
        let mut text = format!(
            "[[partner]]\nprovince = \"{}\"\nname = \"{}\"\ndirections = [\"INBOUND\", \"OUTBOUND\"]\n\
             modes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
             quota = {{ requests_per_minute = 6000, requests_per_day = 1000000 }}\naddress = \"http://127.0.0.1:{port}\"\n",
            self.code, self.name
        );
        for (pem, purpose) in [
            (codes.as_str(), "CODES"),
            (keys["public_key"].as_str().unwrap(), "MESSAGES"),
            (keys["batch_public_key"].as_str().unwrap(), "BATCHES"),
        ] {
            text += &format!(
                "\n[[partner.key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"{purpose}\"]\nnot_before = \"2022-01-01T00:00:00+08:00\"\n"
            );
        }
        text
    }

    /// Two operators bring a list into force that trusts a partner.
    async fn trust(&self, partner: &str) {
        let (from, until) = (now().plus_seconds(-60), now().plus_seconds(90 * 86_400));
        let list = format!(
            "version = \"together\"\naudience = \"{}\"\nsequence = 1\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n\n{partner}",
            self.code
        );
        let document = STANDARD.encode(sign(&self.root, &list, now()).unwrap());
        let staged = json!({"request_id": request_id(), "document": document});
        let staged = self.operate("operator-1", "/v1/trust-lists", staged).await;
        let name = staged["trust_list"]["name"].as_str().unwrap();
        let body = json!({"request_id": request_id()});
        self.operate("operator-2", &format!("/v1/{name}:activate"), body)
            .await;
    }
}

/// Somebody who travels: as they are at home, and where they have arrived.
struct Traveller {
    at_home: Person,
    away: Person,
}

/// Shows the code of home where they arrive.
async fn arrive(home: &Province, away: &Province) -> Traveller {
    let here = away.mesh.gateway.person().await;
    let mut at_home = home.mesh.gateway.person().await;
    at_home.number.clone_from(&here.number);
    at_home.apply().await;
    let shown = token(&at_home).await;
    let form =
        json!({"application": here.form(), "partner_code": {"token": shown}, "destination": destination()});
    let body = json!({"request_id": request_id(), "form": form});
    let arrival = here.post("/v1/arrivals", body).await.expect();
    assert_eq!(arrival["arrival"]["provenance"]["province"], json!(home.code));
    assert_eq!(here.colour().await, "green");
    Traveller { at_home, away: here }
}

async fn becomes(person: &Person, colour: &str, why: &str) {
    let started = Instant::now();
    loop {
        let seen = person.colour().await;
        if seen == colour {
            return;
        }
        assert!(started.elapsed() < HEALED, "{why}: {seen} in place of {colour}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The authority of a traveller's home reports that they met a patient.
fn contact(home: &Province, traveller: &Traveller) {
    let met = json!({"last_contact_at": ago(3_600)});
    let reported = row(
        "cdc-370200",
        &request_id(),
        &traveller.at_home,
        "close_contact",
        met,
    );
    imported(&home.mesh, "cdc-370200", &[reported]);
}

async fn federate(shape: Shape) {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (
        Province {
            code: "37",
            name: "山东省",
            mesh: Mesh::start(shape).await,
            root: SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(37)).unwrap(),
        },
        jiangsu(folder.path()).await,
    );
    let mut wires = Wires::default();
    let (out, back) = (
        (ServiceName::Federation, ServiceName::Gateway),
        (ServiceName::Gateway, ServiceName::Federation),
    );
    let to_there = wires.lay(out.0, out.1, there.port()).await;
    let to_here = wires.lay(back.0, back.1, here.port()).await;
    here.trust(&there.as_partner(to_there).await).await;
    there.trust(&here.as_partner(to_here).await).await;
    let stays = arrive(&there, &here).await;
    let returns = arrive(&here, &there).await;
    let mut turned = Vec::new();
    for (state, one_way, why) in [
        (WireState::Clear, false, "a whole network"),
        (WireState::Cut, false, "a partition"),
        (WireState::Cut, true, "a partition in one direction"),
        (
            WireState::Slow(Duration::from_millis(300)),
            false,
            "a slow network",
        ),
        (
            WireState::Failing(3),
            false,
            "connections that are reset, and lost answers",
        ),
        (WireState::Corrupting(3), false, "changed bits"),
    ] {
        let traveller = arrive(&there, &here).await;
        wires.set(state, |from, _| !one_way || from == out.0);
        contact(&there, &traveller);
        becomes(&traveller.at_home, "red", why).await;
        tokio::time::sleep(UNWELL).await;
        wires.clear();
        becomes(&traveller.away, "red", why).await;
        turned.push(traveller);
    }
    // The other way round, through the same network.
    contact(&here, &returns);
    becomes(&returns.away, "red", "the other way round").await;
    for traveller in &turned {
        assert_eq!(traveller.away.rules().await, ["red.partner-code"]);
    }
    assert_eq!(
        stays.away.colour().await,
        "green",
        "nobody said anything of this code"
    );
    let session = here.mesh.gateway.session("operator-1").await;
    let listed = here
        .mesh
        .gateway
        .call(Method::GET, "/v1/conversions?page_size=100", Some(&session), None);
    let listed = listed.await.unwrap().expect();
    let conversions = listed["conversions"].as_array().unwrap();
    assert_eq!(conversions.len(), turned.len() + 1, "one for each code: {listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_provinces_of_one_process_each_agree_once_the_network_is_whole() {
    federate(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_province_of_seven_processes_agrees_with_another_once_the_network_is_whole() {
    federate(Shape::Mesh).await;
}
