//! `federation conversions`: codes of partners that were converted, and how their origins stand by them.

use clap::{Args, Subcommand};
use lutong_client::Failure;
use lutong_client::noun::{ListArgs, Noun, Query, Show, at, text};

use super::conversion_rollbacks::ConversionRollbacks;

pub const NOUN: Noun = Noun {
    collection: "conversions",
    many: "conversions",
    one: "conversion",
    columns: &[
        ("编号", "ID", |one| text(&one["conversion_id"])),
        ("来源", "ORIGIN", |one| text(&one["partner_id"])),
        ("转码时间", "CONVERTED", |one| at(&one["convert_time"])),
        ("状态", "STATE", |one| {
            let state = text(&one["state"]);
            state.trim_start_matches("CONVERSION_STATE_").to_owned()
        }),
        ("来源结果", "OUTCOME", |one| {
            let outcome = text(&one["outcome"]);
            outcome.trim_start_matches("RECOGNITION_OUTCOME_").to_owned()
        }),
        ("变更时间", "SINCE", |one| at(&one["change_time"])),
        ("签名公钥", "KEY", |one| text(&one["key_id"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum Conversions {
    /// List conversions, the newest first.
    List(List),
    /// Show one conversion.
    Show(Show),
    /// Roll back what a partner said wrongly within a period: one operator proposes, another approves.
    #[command(subcommand)]
    Rollback(ConversionRollbacks),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those of this partner: two digits.
    #[arg(long)]
    partner: Option<String>,
    /// Only those in this state: STANDING, WITHDRAWN or ROLLED_BACK.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

impl Conversions {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| format!("CONVERSION_STATE_{state}"));
                let filters = Query::default()
                    .with("partner_id", list.partner)
                    .with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Rollback(rollbacks) => rollbacks.run().await,
        }
    }
}
