//! `keys list`, `create`, `rotate`, `revoke`: the keys that sign tokens and lists.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use lutong_code_rendering::{KeyStatus, OperatorKeys, use_text};
use lutong_composition::keys::MeshKeys;
use lutong_composition::one_process;
use lutong_kernel::{ServiceName, Timestamp};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_token::KeyUse;
use serde_json::{Value, json};

use crate::data::{DataFolder, ServiceData};
use lutong_client::Failure;
use lutong_client::output::in_language;

#[derive(Debug, Args)]
pub struct List {
    /// For machines; with the public keys.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct Announce {
    /// What the key signs.
    #[arg(value_enum)]
    signs: Signs,
    /// From when on it signs, for example 2022-12-01T00:00:00+08:00: at least 24 hours ahead, which is the default.
    #[arg(long)]
    at: Option<String>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id, as `keys list` prints it and tokens carry it: 16 hexadecimal digits.
    key: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Signs {
    Tokens,
    Lists,
}

impl From<Signs> for KeyUse {
    fn from(signs: Signs) -> Self {
        match signs {
            Signs::Tokens => Self::Tokens,
            Signs::Lists => Self::Lists,
        }
    }
}

async fn open(folder: &DataFolder) -> Result<OperatorKeys, Failure> {
    let ServiceData {
        config,
        storage,
        keys,
    } = folder.open(ServiceName::CodeRendering)?;
    let mesh_keys = MeshKeys::open(&keys, &Entropy)?;
    let mut foundation =
        one_process::foundation(&config, Arc::new(WallClock), Arc::new(Entropy), &mesh_keys)?;
    if !config.storage.url.expose().is_empty() {
        foundation.keys = keys;
    }
    Ok(lutong_code_rendering::open_keys(&foundation, &storage, &config.code_rendering()).await?)
}

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        let keys = open(&self.folder).await?.statuses().await?;
        if self.json {
            let keys = keys.iter().map(as_json).collect::<Result<Vec<_>, _>>()?;
            say!("{}", json!({"keys": keys}));
        } else {
            table(&keys);
        }
        Ok(())
    }
}

impl Announce {
    pub async fn run(self, replaces: bool) -> Result<(), Failure> {
        let at = self.at.as_deref().map(Timestamp::parse).transpose();
        let at = at.map_err(|error| Failure::Input(format!("--at: {error}")))?;
        let keys = open(&self.folder).await?;
        let announced = if replaces {
            keys.rotate(self.signs.into(), at).await?
        } else {
            keys.create(self.signs.into(), at).await?
        };
        print(&announced, self.json)
    }
}

impl Revoke {
    pub async fn run(self) -> Result<(), Failure> {
        let revoked = open(&self.folder).await?.revoke(&self.key).await?;
        print(&revoked, self.json)
    }
}

fn print(status: &KeyStatus, is_json: bool) -> Result<(), Failure> {
    if is_json {
        say!("{}", as_json(status)?);
    } else {
        table(std::slice::from_ref(status));
    }
    Ok(())
}

fn as_json(status: &KeyStatus) -> Result<Value, Failure> {
    let pem = status.key.to_pem();
    let pem = pem.map_err(|error| Failure::Input(error.to_string()))?;
    Ok(json!({
        "key_id": status.key.kid().to_string(),
        "signs": use_text(status.signs),
        "state": status.state.into_str(),
        "start_time": status.limits.not_before.to_rfc3339(),
        "end_time": status.limits.not_after.map(Timestamp::to_rfc3339),
        "revoke_time": status.limits.revoked_at.map(Timestamp::to_rfc3339),
        "public_key": pem,
    }))
}

fn table(keys: &[KeyStatus]) {
    let heading = [
        in_language("密钥", "KEY"),
        in_language("用途", "SIGNS"),
        in_language("状态", "STATE"),
        in_language("启用", "FROM"),
        in_language("停用", "UNTIL"),
    ];
    let row = |status: &KeyStatus| {
        let end = status.limits.revoked_at.or(status.limits.not_after);
        vec![
            status.key.kid().to_string(),
            use_text(status.signs).to_owned(),
            status.state.into_str().to_owned(),
            status.limits.not_before.to_rfc3339(),
            end.map(Timestamp::to_rfc3339).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    lutong_client::output::table(&heading, &rows);
}
