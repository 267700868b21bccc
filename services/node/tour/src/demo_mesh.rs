//! A temporary mesh with its own folder and clock, and a partner province with a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lutong_composition::config::NodeConfig;
use lutong_composition::keys::MeshKeys;
use lutong_composition::{Running, one_process};
use lutong_federation::trust_list::of_one_partner;
use lutong_kernel::{Clock as _, ManualClock, RequestId, ServiceName, Timestamp};
use lutong_operating::entropy::Entropy;
use lutong_proto::policy::Role;
use lutong_risk_engine::notice::{BUNDLED_2022_11_26_GZ, Notice};
use lutong_stand_ins::{StandInPerson, StandIns};
use lutong_token::{Algorithm, Issuer, SigningKey};

use crate::staff::{OPERATORS, StaffAccount, add_accounts};
use lutong_client::Failure;
use lutong_client::areas::unzip;
use lutong_client::client::Gateway;

/// The URL that the providers know the gateway by. Nothing is sent there.
const PUBLIC_URL: &str = "http://127.0.0.1:8080";

pub struct DemoMesh {
    pub clock: ManualClock,
    pub gateway: Gateway,
    base: String,
    /// The providers of the channels.
    stand_ins: StandIns,
    /// The bundled notice, as published and parsed.
    pub notice_json: Vec<u8>,
    pub notice: Notice,
    /// The partner province's key.
    pub partner: SigningKey,
    pub partner_province: Issuer,
    /// Signs trust lists.
    pub trust_root: SigningKey,
    config: NodeConfig,
    running: Running,
    _folder: tempfile::TempDir,
}

const STAFF: [StaffAccount; 10] = [
    (OPERATORS[0], Role::Operator, &[]),
    (OPERATORS[1], Role::Operator, &[]),
    ("officer-1", Role::HealthOfficer, &[]),
    ("supervisor-1", Role::Supervisor, &[]),
    ("epidemiologist-1", Role::Epidemiologist, &[]),
    ("checkpoint-1", Role::Checkpoint, &[]),
    ("his-1", Role::Hospital, &[]),
    (
        "cdc-370200",
        Role::AuthorityFeed,
        &["case", "close_contact", "fever_clinic_visit", "test"],
    ),
    ("border-370000", Role::AuthorityFeed, &["entry"]),
    ("laboratory-370000", Role::AuthorityFeed, &["test"]),
];

impl DemoMesh {
    pub async fn start() -> Result<Self, Failure> {
        let notice_json = unzip(BUNDLED_2022_11_26_GZ.to_vec())?;
        let notice = Notice::parse(&notice_json)?;
        let clock = ManualClock::at(notice.published_at);
        let folder = tempfile::tempdir()?;
        let partner = SigningKey::generate(Algorithm::Es256, &Entropy)?;
        let partner_province = Issuer::parse("32")?;
        let since = Timestamp::parse("2022-01-01T00:00:00+08:00")?;
        let list = of_one_partner(
            "2022-11",
            (partner_province, "江苏省"),
            partner.verifying_key(),
            since,
        )?;
        let list_file = folder.path().join("trust-list.toml");
        std::fs::write(&list_file, list)?;
        let mut config = NodeConfig {
            data: folder.path().join("data"),
            ..NodeConfig::default()
        };
        config.gateway.dev = true;
        config.gateway.listen.set_port(0);
        config.federation.trust_list = Some(list_file);
        let trust_root = SigningKey::generate(Algorithm::Ed25519, &Entropy)?;
        config.federation.trust_root = Some(write_root(folder.path(), &trust_root)?);
        let stand_ins = StandIns::start(0, Arc::new(clock.clone()), Arc::new(Entropy)).await?;
        let channels = stand_ins.channels(PUBLIC_URL, folder.path())?;
        config.gateway.channels = serde_json::from_value(channels).map_err(std::io::Error::from)?;
        let identity = stand_ins.identity(folder.path())?;
        config.identity = serde_json::from_value(identity).map_err(std::io::Error::from)?;
        add_accounts(&config, &clock, &STAFF).await?;
        let running =
            one_process::start(&config, Arc::new(clock.clone()), Arc::new(Entropy), String::new).await?;
        let base = format!("http://{}", running.address);
        Ok(Self {
            gateway: Gateway::at(&base)?,
            base,
            stand_ins,
            clock,
            notice_json,
            notice,
            partner,
            partner_province,
            trust_root,
            config,
            running,
            _folder: folder,
        })
    }

    /// The gateway's URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The time of the injected clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The id of a new request.
    pub fn request_id(&self) -> String {
        request_id(&self.clock)
    }

    /// The signing keys, as `lutong keys list` reads them.
    pub async fn keys(&self) -> Result<Vec<lutong_code_rendering::KeyStatus>, Failure> {
        let data = &self.config.data;
        let keys = MeshKeys::open(&one_process::keys(data), &Entropy)?;
        let clock = Arc::new(self.clock.clone());
        let foundation = one_process::foundation(&self.config, clock, Arc::new(Entropy), &keys)?;
        let storage = one_process::storage(data, ServiceName::CodeRendering);
        let keys =
            lutong_code_rendering::open_keys(&foundation, &storage, &self.config.code_rendering()).await?;
        Ok(keys.statuses().await?)
    }

    /// Signs somebody in over the pages of a channel, like a browser; returns the session.
    pub async fn sign_in_through(&self, channel: &str, who: &StandInPerson) -> Result<String, Failure> {
        let urls = (self.base.as_str(), PUBLIC_URL);
        Ok(self.stand_ins.sign_in(urls, channel, who).await?)
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// The public root key in a file.
pub fn write_root(folder: &Path, root: &SigningKey) -> Result<PathBuf, Failure> {
    let file = folder.join("trust-root.pem");
    std::fs::write(&file, root.verifying_key().to_pem()?)?;
    Ok(file)
}

/// The id of a new request.
pub fn request_id(clock: &ManualClock) -> String {
    RequestId::new(clock.now(), &Entropy).to_string()
}
