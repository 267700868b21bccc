//! `federation trust`: trust lists. Signing and inspecting need no running mesh: the root key stays on a machine without a network.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::{Args, Subcommand};
use lutong_federation::trust_list::{Roots, SignedList, TrustList, sign};
use lutong_kernel::Clock as _;
use lutong_operating::entropy::Entropy;
use lutong_operating::private;
use lutong_operating::wall_clock::WallClock;
use lutong_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{
    ActArgs, ChangeArgs, ListArgs, Noun, Query, Show, at, constant, items, text, word,
};
use lutong_client::output::in_language;

const NOUN: Noun = Noun {
    collection: "trust-lists",
    many: "trust_lists",
    one: "trust_list",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "TRUST_LIST_STATE")),
        ("版本", "VERSION", |one| text(&one["version"])),
        ("失效时间", "EXPIRES", |one| at(&one["expire_time"])),
        ("伙伴数", "PARTNERS", |one| {
            items(one, "partners").len().to_string()
        }),
        ("提交人", "STAGED BY", |one| text(&one["approval"]["proposer"])),
        ("启用人", "ACTIVATED BY", |one| {
            text(&one["approval"]["approver"])
        }),
    ],
    details,
};

/// Prints how a list differs from the one that stood.
fn details(list: &Value) {
    for (field, zh, en) in [
        ("added_partners", "新增伙伴", "partners added"),
        ("removed_partners", "移除伙伴", "partners removed"),
        (
            "silenced_partners",
            "失去有效密钥的伙伴",
            "partners without a key",
        ),
        ("added_keys", "新增密钥", "keys added"),
        ("removed_keys", "移除密钥", "keys removed"),
    ] {
        let all: Vec<String> = items(&list["comparison"], field).iter().map(text).collect();
        if !all.is_empty() {
            say!("{}: {}", in_language(zh, en), all.join(", "));
        }
    }
    let named = |field: &str| items(list, field).iter().map(text).collect();
    warn_of_quotas(
        named("partners_without_quota"),
        named("partners_without_trial_quota"),
    );
}

/// Says whose messages a list lets nothing through of: a partner that is answered and has no quota is refused for ever.
fn warn_of_quotas(without: Vec<String>, without_trial: Vec<String>) {
    for partner in without {
        lutong_client::output::complain(format_args!(
            "{}",
            lang!(
                "警告：伙伴 {partner} 未设配额（quota），其每份报文都会被拒绝（QUOTA_EXHAUSTED）",
                "warning: partner {partner} has no quota, so that each of its messages is refused as QUOTA_EXHAUSTED"
            )
        ));
    }
    for partner in without_trial {
        lutong_client::output::complain(format_args!(
            "{}",
            lang!(
                "警告：伙伴 {partner} 的配额不足 10，转为 LIVE 之前（仅有配额的十分之一）其每份报文都会被拒绝（QUOTA_EXHAUSTED）",
                "warning: partner {partner} has a quota of less than 10, of which the tenth that it has before it is LIVE is nothing: until then each of its messages is refused as QUOTA_EXHAUSTED"
            )
        ));
    }
}

fn ids(partners: &[impl ToString]) -> Vec<String> {
    partners.iter().map(ToString::to_string).collect()
}

#[derive(Debug, Subcommand)]
pub enum Trust {
    /// List trust lists.
    List(List),
    /// Show one trust list and how it differs from the one before.
    Show(Show),
    /// Send a signed list: it is verified, compared and kept for its activation.
    Stage(Stage),
    /// Put a staged list in the place of the one that stands.
    Activate(Activate),
    /// Put a staged list away.
    Reject(ActArgs),
    /// Make a root key. Keep it offline.
    NewRoot(NewRoot),
    /// Sign a list (TOML) with the root key.
    Sign(Sign),
    /// Verify a signed list and print it.
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: staged, active, superseded or rejected.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Stage {
    /// The signed list, as `sign` writes it.
    file: PathBuf,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct Activate {
    #[command(flatten)]
    act: ActArgs,
    /// Say that partners are meant to be removed or left without a key. Takes another operator than the one who staged the list.
    #[arg(long)]
    accept_shrunken: bool,
}

#[derive(Debug, Args)]
pub struct NewRoot {
    /// File of the private key (PEM, mode 0600); the public key is written beside it, with `.pub`.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The list, TOML.
    list: PathBuf,
    /// File of the private root key.
    #[arg(long)]
    root: PathBuf,
    /// File to write.
    #[arg(long, short)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// The signed list.
    file: PathBuf,
    /// File of the public root keys.
    #[arg(long)]
    root: PathBuf,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Trust {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("TRUST_LIST_STATE", &state));
                let filters = Query::default().with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Stage(stage) => stage.run().await,
            Self::Activate(activate) => {
                let mut body = activate.act.body();
                body["accept_shrunken"] = json!(activate.accept_shrunken);
                NOUN.act(&activate.act, "activate", body).await
            }
            Self::Reject(act) => NOUN.act(&act, "reject", act.body()).await,
            Self::NewRoot(new) => new.run(),
            Self::Sign(sign) => sign.run(),
            Self::Inspect(inspect) => inspect.run(),
        }
    }
}

impl Stage {
    async fn run(self) -> Result<(), Failure> {
        let document = read(&self.file)?;
        let document = base64::engine::general_purpose::STANDARD.encode(document);
        let answer = self
            .change
            .post("/v1/trust-lists", json!({"document": document}))
            .await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}

impl NewRoot {
    fn run(self) -> Result<(), Failure> {
        if self.file.exists() {
            let file = self.file.display();
            return Err(Failure::Input(format!(
                "{file} 已存在：不覆盖密钥 / {file} exists: a key is not overwritten"
            )));
        }
        let key = SigningKey::generate(Algorithm::Ed25519, &Entropy)?;
        let pem = key.to_pkcs8_pem()?;
        private::write(&self.file, pem.expose().as_bytes())?;
        let mut public = self.file.clone().into_os_string();
        public.push(".pub");
        std::fs::write(&public, key.verifying_key().to_pem()?)?;
        tell!(
            "根密钥 {} 已生成：离线保存；将 {} 配置为 federation.trust_root",
            "root key {} made: keep it offline, and configure {} as federation.trust_root",
            key.kid(),
            public.display()
        );
        Ok(())
    }
}

impl Sign {
    fn run(self) -> Result<(), Failure> {
        let wrong = |path: &Path, reason: &dyn std::fmt::Display| {
            Failure::Input(format!("{}: {reason}", path.display()))
        };
        let pem = String::from_utf8(read(&self.root)?).map_err(|error| wrong(&self.root, &error))?;
        let key = SigningKey::from_pkcs8_pem(&pem).map_err(|error| wrong(&self.root, &error))?;
        let list = String::from_utf8(read(&self.list)?).map_err(|error| wrong(&self.list, &error))?;
        let signed = sign(&key, &list, WallClock.now()).map_err(|error| wrong(&self.list, &error))?;
        let list = TrustList::parse(&list).map_err(|error| wrong(&self.list, &error))?;
        std::fs::write(&self.out, signed)?;
        warn_of_quotas(ids(&list.without_quota()), ids(&list.without_trial_quota()));
        tell!("已签名：{}", "signed: {}", self.out.display());
        Ok(())
    }
}

impl Inspect {
    fn run(self) -> Result<(), Failure> {
        let pem = String::from_utf8_lossy(&read(&self.root)?).into_owned();
        let roots = Roots::parse(&pem)
            .map_err(|error| Failure::Input(format!("{}: {error}", self.root.display())))?;
        let now = WallClock.now();
        let found = SignedList::open(&read(&self.file)?, &roots, now)
            .and_then(|found| found.check_time(now).map(|()| found));
        let found = found.map_err(|error| Failure::Because(format!("{}: {error}", self.file.display())))?;
        let partners: Vec<Value> = found
            .list
            .partners
            .iter()
            .map(|(id, agreed)| {
                let keys = agreed.keys.iter().map(|key| key.trusted.key.kid().to_string());
                json!({"partner": id.to_string(), "name": agreed.name, "keys": keys.collect::<Vec<_>>()})
            })
            .collect();
        let list = &found.list;
        warn_of_quotas(ids(&list.without_quota()), ids(&list.without_trial_quota()));
        if self.json {
            let shown = json!({
                "sequence": found.list.sequence,
                "version": found.list.version,
                "issue_time": found.issued_at.to_string(),
                "expire_time": found.expires_at.to_string(),
                "root_key_id": found.root.to_string(),
                "partners": partners,
                "partners_without_quota": ids(&list.without_quota()),
                "partners_without_trial_quota": ids(&list.without_trial_quota()),
            });
            say!("{shown}");
            return Ok(());
        }
        tell!(
            "第 {} 号清单，版本 {}，有效至 {}，根密钥 {}",
            "list {}, version {}, valid until {}, root key {}",
            found.list.sequence,
            found.list.version,
            found.expires_at,
            found.root
        );
        for partner in &partners {
            let keys: Vec<String> = items(partner, "keys").iter().map(text).collect();
            say!(
                "{}  {}  {}",
                text(&partner["partner"]),
                text(&partner["name"]),
                keys.join(" ")
            );
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}
