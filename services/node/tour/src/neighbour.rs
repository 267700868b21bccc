//! Jiangsu's own system: another installation of the same software, in a folder of its own, with which the demo mesh comes to an agreement.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lutong_composition::config::NodeConfig;
use lutong_composition::{Running, one_process};
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_kernel::{Clock as _, ManualClock, Timestamp};
use lutong_operating::entropy::Entropy;
use lutong_proto::policy::Role;
use lutong_token::{Algorithm, Issuer, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::demo_mesh::{DemoMesh, request_id, write_root};
use crate::staff::{OPERATORS, StaffAccount, add_accounts};
use lutong_client::Failure;
use lutong_client::client::Gateway;

/// The feed of a city there.
pub const CDC: &str = "cdc-320100";
const STAFF: [StaffAccount; 3] = [
    (OPERATORS[0], Role::Operator, &[]),
    (OPERATORS[1], Role::Operator, &[]),
    (CDC, Role::AuthorityFeed, &["close_contact"]),
];
/// Since when keys are good.
const SINCE: &str = "2022-01-01T00:00:00+08:00";

/// A system of a province, as the other one comes to know it.
struct System<'a> {
    province: Issuer,
    name: &'static str,
    gateway: &'a Gateway,
    base: &'a str,
    /// Signs whom it trusts.
    root: &'a SigningKey,
}

/// Jiangsu's system.
pub struct Neighbour {
    pub gateway: Gateway,
    running: Running,
    _folder: tempfile::TempDir,
}

impl Neighbour {
    /// Starts it with the clock of the demo mesh; both trust each other then.
    pub async fn start(mesh: &DemoMesh) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let province = mesh.partner_province;
        let root = SigningKey::generate(Algorithm::Ed25519, &Entropy)?;
        let mut config = NodeConfig {
            data: folder.path().join("data"),
            ..NodeConfig::default()
        };
        config.gateway.dev = true;
        config.gateway.listen.set_port(0);
        config.federation.province = province.to_string();
        config.federation.trust_list = Some(first_list(folder.path(), province)?);
        config.federation.trust_root = Some(write_root(folder.path(), &root)?);
        add_accounts(&config, &mesh.clock, &STAFF).await?;
        let clock: Arc<ManualClock> = Arc::new(mesh.clock.clone());
        let running = one_process::start(&config, clock, Arc::new(Entropy), String::new).await?;
        let base = format!("http://{}", running.address);
        let gateway = Gateway::at(&base)?;
        let here = System {
            province: Issuer::SHANDONG,
            name: "山东省",
            gateway: &mesh.gateway,
            base: mesh.base(),
            root: &mesh.trust_root,
        };
        let there = System {
            province,
            name: "江苏省",
            gateway: &gateway,
            base: &base,
            root: &root,
        };
        here.trust(&there, &mesh.clock).await?;
        there.trust(&here, &mesh.clock).await?;
        Ok(Self {
            gateway,
            running,
            _folder: folder,
        })
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// The list with which Jiangsu begins: it knows Shandong, and no key of it that anybody has.
fn first_list(folder: &Path, own: Issuer) -> Result<std::path::PathBuf, Failure> {
    let nobody = SigningKey::generate(Algorithm::Ed25519, &Entropy)?;
    let since = Timestamp::parse(SINCE)?;
    let shandong = (Issuer::SHANDONG, "山东省");
    let list = of_one_partner("first", shandong, nobody.verifying_key(), since)?;
    let file = folder.join("trust-list.toml");
    std::fs::write(&file, format!("audience = \"{own}\"\n{list}"))?;
    Ok(file)
}

impl System<'_> {
    /// Two operators bring a list into force that trusts the other system: its keys of codes, of messages and of batches.
    async fn trust(&self, other: &System<'_>, clock: &ManualClock) -> Result<(), Failure> {
        let (from, until) = (
            clock.now().plus_seconds(-60),
            clock.now().plus_seconds(90 * 86_400),
        );
        let list = format!(
            "version = \"tour\"\naudience = \"{}\"\nsequence = 1\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n\n{}",
            self.province,
            other.entry().await?
        );
        let document = sign(self.root, &list, clock.now()).map_err(Failure::Because)?;
        let body = json!({"request_id": request_id(clock), "document": STANDARD.encode(document)});
        let staged = self.operate(OPERATORS[0], "/v1/trust-lists", &body).await?;
        let name = staged["trust_list"]["name"].as_str().unwrap_or_default();
        let body = json!({"request_id": request_id(clock)});
        let path = format!("/v1/{name}:activate");
        self.operate(OPERATORS[1], &path, &body).await.map(drop)
    }

    async fn operate(&self, operator: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let session = self.gateway.api().sign_in(operator).await?;
        self.gateway.api().with_session(session).post(path, body).await
    }

    /// What a list says of it.
    async fn entry(&self) -> Result<String, Failure> {
        let api = self.gateway.api();
        let codes = api.get("/v1/keys").await?;
        let messages = api.get("/v1/message-key").await?;
        let codes = codes["keys"][0]["public_key"].as_str().unwrap_or_default();
        let codes = format!("-----BEGIN PUBLIC KEY-----\n{codes}\n-----END PUBLIC KEY-----\n");
        let mut text = format!(
            "[[partner]]\nprovince = \"{}\"\nname = \"{}\"\naddress = \"{}\"\ndirections = [\"INBOUND\", \"OUTBOUND\"]\n\
             modes = [\"CONVERSION\", \"SHARED_DATA\"]\nquota = {{ requests_per_minute = 600, requests_per_day = 100000 }}\n",
            self.province, self.name, self.base
        );
        for (pem, purpose) in [
            (codes.as_str(), "CODES"),
            (messages["public_key"].as_str().unwrap_or_default(), "MESSAGES"),
            (
                messages["batch_public_key"].as_str().unwrap_or_default(),
                "BATCHES",
            ),
        ] {
            // In the one spelling of a key.
            let pem = VerifyingKey::from_pem(pem.trim())?.to_pem()?;
            text += &format!(
                "\n[[partner.key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"{purpose}\"]\nnot_before = \"{SINCE}\"\n"
            );
        }
        Ok(text)
    }
}
