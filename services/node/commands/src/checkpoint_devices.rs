//! `checkpoint-devices`: the devices of a door. Their credentials change with every use, by the devices themselves; a device that has lost
//! its own is ended, and another one registered.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::checkpoints::silent;
use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ChangeArgs, ListArgs, Noun, Query, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "checkpoint-devices",
    many: "checkpoint_devices",
    one: "checkpoint_device",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| {
            word(&one["state"], "CHECKPOINT_DEVICE_STATE")
        }),
        ("标签", "LABEL", |one| text(&one["label"])),
        ("登记", "SINCE", |one| at(&one["create_time"])),
        ("最近联系", "HEARD", |one| at(&one["heard_time"])),
        ("失联", "SILENT", |one| silent(one)),
        ("停用原因", "ENDED BY", |one| {
            word(&one["end_reason"], "CHECKPOINT_DEVICE_END_REASON")
        }),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum CheckpointDevices {
    /// List the devices of a door, newest first.
    List(List),
    /// Register a device at a door; prints the credential that it signs in with first, once.
    Create(Create),
    /// End a device: whatever it asks from then on is refused.
    End(ActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// The door, as `lutong checkpoints list` names it.
    checkpoint: String,
    /// Only this state: active or ended.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    page: ListArgs,
}

#[derive(Debug, Args)]
pub struct Create {
    /// The door, as `lutong checkpoints list` names it.
    checkpoint: String,
    /// How the staff of the place call the device.
    #[arg(long)]
    label: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The resource name of a door, of which the last segment may be given alone.
pub fn checkpoint(given: String) -> String {
    if given.contains('/') {
        given
    } else {
        format!("checkpoints/{given}")
    }
}

impl CheckpointDevices {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list
                    .state
                    .map(|state| constant("CHECKPOINT_DEVICE_STATE", &state));
                let filters = Query::default()
                    .with("checkpoint", Some(checkpoint(list.checkpoint)))
                    .with("state", state);
                NOUN.list(&list.page, filters).await.map(drop)
            }
            Self::Create(create) => create.run().await,
            Self::End(act) => NOUN.act(&act, "end", act.body()).await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({"checkpoint": checkpoint(self.checkpoint), "label": self.label});
        let answer = self.change.post("/v1/checkpoint-devices", body).await?;
        NOUN.say(&answer, self.change.call.json);
        if self.change.call.json {
            return Ok(());
        }
        match text(&answer["credential"]) {
            credential if credential.is_empty() => tell!(
                "凭证已在首次应答中给出，不再显示：若未收到，请停用该设备并重新登记",
                "the credential was in the first answer: if that was lost, end the device and register another one"
            ),
            credential => tell!(
                "凭证（仅显示一次）：{credential}",
                "credential, shown once: {credential}"
            ),
        }
        Ok(())
    }
}
