//! `federation quality`: how well partners serve and are served.

use clap::{Args, Subcommand};

use lutong_client::Failure;
use lutong_client::noun::{ListArgs, Noun, Query, Show, at, text};
use serde_json::Value;

const NOUN: Noun = Noun {
    collection: "partner-qualities",
    many: "partner_qualities",
    one: "partner_quality",
    columns: &[
        ("伙伴", "PARTNER", |one| text(&one["partner_quality_id"])),
        ("自", "SINCE", |one| at(&one["start_time"])),
        ("调用", "CALLS", |one| text(&one["calls"])),
        ("应答", "ANSWERED", |one| text(&one["answered"])),
        ("拒收报文", "REFUSED", |one| text(&one["refused_messages"])),
        ("拒收码", "CODES", |one| text(&one["refused_codes"])),
        ("中断次数", "OUTAGES", |one| text(&one["outages"])),
        ("中断自", "AWAY SINCE", |one| at(&one["outage_start_time"])),
        ("生效变更", "CHANGES", |one| text(&one["changes"])),
        ("中位时延", "MEDIAN", |one| {
            seconds(&one["median_delay_seconds"])
        }),
        ("P99时延", "P99", |one| seconds(&one["p99_delay_seconds"])),
    ],
    details: |_| {},
};

fn seconds(value: &Value) -> String {
    format!("{:.1} s", value.as_f64().unwrap_or(0.0))
}

#[derive(Debug, Subcommand)]
pub enum Quality {
    /// List the numbers of all partners.
    List(List),
    /// Show the numbers of one partner over the last day.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// Over this many hours, the present one included.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    #[command(flatten)]
    listing: ListArgs,
}

impl Quality {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let filters = Query::default().with("hours", Some(list.hours.to_string()));
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
        }
    }
}
