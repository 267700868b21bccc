//! `federation message-records`: what crossed the border.

use clap::{Args, Subcommand};
use lutong_client::Failure;
use lutong_client::noun::{ListArgs, Noun, Query, Show, at, text};

pub const NOUN: Noun = Noun {
    collection: "message-records",
    many: "message_records",
    one: "message_record",
    columns: &[
        ("编号", "NUMBER", |one| text(&one["message_record_id"])),
        ("时间", "TIME", |one| at(&one["record_time"])),
        ("发送方", "SENDER", |one| text(&one["sender"])),
        ("接收方", "AUDIENCE", |one| text(&one["audience"])),
        ("方法", "METHOD", |one| {
            let method = text(&one["method"]);
            method.rsplit('/').next().unwrap_or_default().to_owned()
        }),
        ("答复", "ANSWER", |one| text(&one["outcome"])),
        ("报文摘要", "BODY DIGEST", |one| text(&one["body_digest"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum MessageRecords {
    /// List recorded messages, the newest first.
    List(List),
    /// Show one record.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those of this partner: two digits, 00 for the national platform.
    #[arg(long)]
    partner: Option<String>,
    /// Only those recorded at this instant (RFC 3339) or later.
    #[arg(long)]
    from: Option<String>,
    /// Only those recorded before this instant (RFC 3339).
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

impl MessageRecords {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let filters = Query::default()
                    .with(
                        "partner",
                        list.partner.map(|partner| format!("partners/{partner}")),
                    )
                    .with("start_time", list.from)
                    .with("end_time", list.until);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
        }
    }
}
