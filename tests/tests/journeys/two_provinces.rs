//! Two whole systems federate over mutual TLS, as two provinces with roots and authorities of their own, over a network that fails: what one
//! origin says of a code that was recognised is in force in the other once the network is whole again, once, and nothing green slips through.

mod attacks;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_https::{Authorities, ClientTls, HttpsClient, Settings};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{ServiceName, Timestamp};
use lutong_operating::tls::development::{write_development_certificates, write_partner_certificate};
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::message_wires::{MessageState, MessageWire};
use lutong_tests::people::{Person, request_id};
use lutong_tests::process::free_port;
use lutong_tests::wires::{WireState, Wires};
use lutong_token::{Algorithm, Issuer, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::{destination, imported, row, token};

/// The longest that a change may take after the network is whole: a chain is read every ten seconds, and a breaker opens again.
const HEALED: Duration = Duration::from_secs(60);
/// For how long the network is as it is while the origin changes a code.
const UNWELL: Duration = Duration::from_secs(3);
const DAY: Duration = Duration::from_secs(86_400);

/// The hosts that certificates name.
const SHANDONG: &str = "federation.sd.example";
const JIANGSU: &str = "federation.js.example";
const ZHEJIANG: &str = "federation.zj.example";

/// One of the two, and the key that signs whom it trusts.
struct Province {
    code: &'static str,
    name: &'static str,
    host: &'static str,
    mesh: Mesh,
    root: SigningKey,
    authority: Authority,
    /// Of the listener for partners.
    port: u16,
}

/// The authority of a province's partners: it signs the certificate of the province's own listener, and those with which partners come.
struct Authority(tempfile::TempDir);

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_development_certificates(folder.path()).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A certificate and its key for a host; the same each time.
    fn certificate(&self, host: &str) -> [PathBuf; 2] {
        let files = ["pem", "key"].map(|ending| self.file(&format!("partner-{host}.{ending}")));
        if files[0].exists() {
            return files;
        }
        write_partner_certificate(self.0.path(), host, now(), DAY).unwrap()
    }

    /// A client of whoever has a certificate of this authority for a host, or none.
    fn client(&self, host: Option<&str>) -> HttpsClient {
        let ca = self.file("partners-ca.pem");
        let authorities = Authorities::File(&ca);
        let tls = match host.map(|host| self.certificate(host)) {
            None => ClientTls::new(authorities),
            Some([certificate, key]) => ClientTls::with_certificate(authorities, &certificate, &key),
        };
        let settings = Settings {
            name: "test".to_owned(),
            timeout: Duration::from_secs(5),
            max_bytes: 1 << 20,
            ca: None,
        };
        HttpsClient::with_tls(settings, &tls.unwrap())
    }
}

/// The settings of a province: its listener for partners, with its own authority, and how it comes to its partner's, with the certificate
/// that the partner's authority gave it.
fn connections(own: &Authority, port: u16, (host, partner): (&str, &Authority)) -> Vec<(String, String)> {
    let [certificate, key] = partner.certificate(host);
    let files = [
        ("GATEWAY__PARTNER_TLS__CA", own.file("partners-ca.pem")),
        (
            "GATEWAY__PARTNER_TLS__CERTIFICATE",
            own.file("gateway-partners.pem"),
        ),
        ("GATEWAY__PARTNER_TLS__KEY", own.file("gateway-partners.key")),
        ("FEDERATION__PARTNER_TLS__CA", partner.file("partners-ca.pem")),
        ("FEDERATION__PARTNER_TLS__CERTIFICATE", certificate),
        ("FEDERATION__PARTNER_TLS__KEY", key),
    ];
    let listen = ("GATEWAY__PARTNER_LISTEN".to_owned(), format!("127.0.0.1:{port}"));
    let files = files.map(|(name, file)| (name.to_owned(), file.display().to_string()));
    let all = files.into_iter().chain([listen]);
    all.map(|(name, value)| (format!("LUTONG_{name}"), value))
        .collect()
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

/// The province 37 in a shape, and the province 32, whose system is another installation of the same software.
async fn provinces(shape: Shape, folder: &Path) -> (Province, Province) {
    let (here, there) = (Authority::new(), Authority::new());
    let (port, port_there) = (free_port(), free_port());
    let setting = Setting {
        environment: connections(&here, port, (SHANDONG, &there)),
        ..Setting::default()
    };
    let jiangsu = jiangsu(folder, connections(&there, port_there, (JIANGSU, &here))).await;
    (
        Province {
            code: "37",
            name: "山东省",
            host: SHANDONG,
            mesh: Mesh::start_with(shape, setting).await,
            root: key(37),
            authority: here,
            port,
        },
        Province {
            code: "32",
            name: "江苏省",
            host: JIANGSU,
            mesh: jiangsu,
            root: key(77),
            authority: there,
            port: port_there,
        },
    )
}

async fn jiangsu(folder: &Path, connections: Vec<(String, String)>) -> Mesh {
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let shandong = (Issuer::SHANDONG, "山东省");
    let list = of_one_partner("first", shandong, key(78).verifying_key(), since).unwrap();
    let files = [
        ("trust-list.toml", format!("audience = \"32\"\n{list}")),
        ("trust-root.pem", key(77).verifying_key().to_pem().unwrap()),
    ];
    let [list, pem] = files.map(|(name, text)| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    });
    let mut environment = vec![
        ("LUTONG_FEDERATION__PROVINCE".to_owned(), "32".to_owned()),
        ("LUTONG_FEDERATION__TRUST_LIST".to_owned(), list),
        ("LUTONG_FEDERATION__TRUST_ROOT".to_owned(), pem),
    ];
    environment.extend(connections);
    let setting = Setting {
        environment,
        ..Setting::default()
    };
    Mesh::start_with(Shape::OneProcess, setting).await
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

    /// What another province's list says of this one, reached at an address.
    async fn as_partner(&self, address: &str) -> String {
        let codes = self.get("/v1/keys").await["keys"][0]["public_key"]
            .as_str()
            .unwrap()
            .to_owned();
        let codes = format!("-----BEGIN PUBLIC KEY-----\n{codes}\n-----END PUBLIC KEY-----\n");
        let keys = self.get("/v1/message-key").await;
        let pem = |name: &str| keys[name].as_str().unwrap().to_owned();
        let keys = [
            (codes, "CODES"),
            (pem("public_key"), "MESSAGES"),
            (pem("batch_public_key"), "BATCHES"),
        ];
        entry((self.code, self.name, self.host), Some(address), &keys)
    }

    /// Two operators bring a list into force that trusts partners.
    async fn trust(&self, sequence: u32, partners: &str) {
        let (from, until) = (now().plus_seconds(-60), now().plus_seconds(90 * 86_400));
        let list = format!(
            "version = \"together\"\naudience = \"{}\"\nsequence = {sequence}\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n\n{partners}",
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

/// An entry of a trust list.
fn entry((code, name, host): (&str, &str, &str), address: Option<&str>, keys: &[(String, &str)]) -> String {
    let mut text = format!(
        "[[partner]]\nprovince = \"{code}\"\nname = \"{name}\"\ntls_names = [\"{host}\"]\ndirections = [\"INBOUND\", \"OUTBOUND\"]\n\
         modes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
         quota = {{ requests_per_minute = 6000, requests_per_day = 1000000 }}\n"
    );
    if let Some(address) = address {
        text += &format!("address = \"{address}\"\n");
    }
    for (pem, purpose) in keys {
        text += &format!(
            "\n[[partner.key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"{purpose}\"]\nnot_before = \"2022-01-01T00:00:00+08:00\"\n"
        );
    }
    text + "\n"
}

fn pem(key: &VerifyingKey) -> String {
    key.to_pem().unwrap()
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

/// Travellers who are here when their origin's authority reports a contact while the network is unwell: they are red here once it is whole.
struct Travels<'a> {
    here: &'a Province,
    there: &'a Province,
    turned: Vec<Traveller>,
}

impl Travels<'_> {
    async fn through(&mut self, why: &str, unwell: impl FnOnce(), whole: impl AsyncFnOnce()) {
        eprintln!("{why}");
        let traveller = arrive(self.there, self.here).await;
        unwell();
        contact(self.there, &traveller);
        becomes(&traveller.at_home, "red", why).await;
        tokio::time::sleep(UNWELL).await;
        whole().await;
        becomes(&traveller.away, "red", why).await;
        self.turned.push(traveller);
    }
}

async fn federate(shape: Shape) {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = provinces(shape, folder.path()).await;
    let mut wires = Wires::default();
    let (out, back) = (
        (ServiceName::Federation, ServiceName::Gateway),
        (ServiceName::Gateway, ServiceName::Federation),
    );
    let to_there = wires.lay(out.0, out.1, there.port).await;
    let to_here = wires.lay(back.0, back.1, here.port).await;
    let (to_there, to_here) = (
        format!("https://127.0.0.1:{to_there}"),
        format!("https://127.0.0.1:{to_here}"),
    );
    let zhejiang = attacks::zhejiang();
    here.trust(1, &(there.as_partner(&to_there).await + &zhejiang))
        .await;
    there.trust(1, &here.as_partner(&to_here).await).await;
    let stays = arrive(&there, &here).await;
    let returns = arrive(&here, &there).await;
    let mut travels = Travels {
        here: &here,
        there: &there,
        turned: Vec::new(),
    };
    let slow = WireState::Slow(Duration::from_millis(300));
    for (state, one_way, why) in [
        (WireState::Clear, false, "a whole network"),
        (WireState::Cut, false, "a partition"),
        (WireState::Cut, true, "a partition in one direction"),
        (slow, false, "a slow network"),
        (
            WireState::Failing(3),
            false,
            "connections that are reset, and lost answers",
        ),
        // TLS ends the connection.
        (WireState::Corrupting(3), false, "changed bits"),
    ] {
        let unwell = || wires.set(state, |from, _| !one_way || from == out.0);
        travels.through(why, unwell, async || wires.clear()).await;
    }
    // What TLS lets nobody do on the way, whoever ends it may: the province's own outgoing gateway.
    let gateway = MessageWire::lay(there.authority.client(Some(SHANDONG)), &to_there).await;
    let address = format!("http://127.0.0.1:{}", gateway.port);
    here.trust(2, &(there.as_partner(&address).await + &zhejiang))
        .await;
    for (state, why) in [
        (MessageState::Duplicating, "messages that arrive twice"),
        (MessageState::Reordering, "messages that arrive after later ones"),
        (MessageState::Corrupting, "messages that somebody changed"),
    ] {
        let whole = async || {
            gateway.has_carried(2, HEALED).await;
            gateway.set(MessageState::Clear);
        };
        travels.through(why, || gateway.set(state), whole).await;
    }
    // The other way round, through the same network.
    contact(&here, &returns);
    becomes(&returns.away, "red", "the other way round").await;
    for traveller in &travels.turned {
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
    assert_eq!(
        conversions.len(),
        travels.turned.len() + 1,
        "one for each code: {listed}"
    );
    attacks::nobody_speaks_for_another(&here).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_provinces_of_one_process_each_agree_once_the_network_is_whole() {
    federate(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_province_of_seven_processes_agrees_with_another_once_the_network_is_whole() {
    federate(Shape::Mesh).await;
}
