//! `federation subscriptions`: how far partners and we have told each other of changes.

use clap::{Args, Subcommand};
use lutong_client::Failure;
use lutong_client::noun::{ListArgs, Noun, Query, Show, at, text};

pub const NOUN: Noun = Noun {
    collection: "subscriptions",
    many: "subscriptions",
    one: "subscription",
    columns: &[
        ("伙伴", "PARTNER", |one| text(&one["partner_id"])),
        ("读取时间", "READ", |one| at(&one["pull_time"])),
        ("失败原因", "FAILURE", |one| text(&one["failure"])),
        ("未生效", "NOT IN FORCE", |one| {
            text(&one["unconfirmed_changes"])
        }),
        ("最长延迟（秒）", "LONGEST DELAY (S)", |one| {
            text(&one["longest_delay_seconds"])
        }),
        ("对方未确认批次", "UNACKNOWLEDGED", |one| {
            text(&one["unacknowledged_batches"])
        }),
        ("对方确认时间", "ACKNOWLEDGED", |one| {
            at(&one["acknowledge_time"])
        }),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum Subscriptions {
    /// List subscriptions in the order of the partners.
    List(List),
    /// Show the subscription of one partner.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    listing: ListArgs,
}

impl Subscriptions {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => NOUN.list(&list.listing, Query::default()).await.map(drop),
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
        }
    }
}
