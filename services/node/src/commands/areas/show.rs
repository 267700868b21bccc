//! `areas show` and `areas unplaced`: what is listed, and what waits for an officer.

use clap::Args;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;
use lutong_proto::risk_rules::v1::{
    Area, ListAreasRequest, ListUnplacedAreasRequest, PlacementReason, RiskLevel, UnplacedArea,
    UnplacedAreaState,
};
use prost_types::Timestamp;
use serde_json::Value;

use super::{Failure, instant};
use crate::commands::client::{Target, failed, to_json, when};

/// Of one answer.
const PAGE: i32 = 1_000;

#[derive(Debug, Args)]
pub struct Show {
    /// Those within a division: its code, `370200`.
    #[arg(long, default_value = "")]
    division: String,
    /// Ended ones too.
    #[arg(long)]
    all: bool,
    /// As they were known then: `2022-11-26T12:00:00+08:00`.
    #[arg(long, value_parser = instant)]
    known_at: Option<Timestamp>,
    /// For machines: a line each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Unplaced {
    /// Placed ones too, and those that no notice lists any more.
    #[arg(long)]
    all: bool,
    /// For machines: a line each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let mut request = ListAreasRequest {
            division: self.division,
            open_only: !self.all,
            known_time: self.known_at,
            page_size: PAGE,
            ..ListAreasRequest::default()
        };
        let mut count = 0;
        loop {
            let answer = client.list_areas(request.clone()).await;
            let answer = answer.map_err(|status| failed(&status))?.into_inner();
            count += answer.areas.len();
            for area in &answer.areas {
                if self.json {
                    say!("{}", to_json("lutong.risk_rules.v1.Area", area));
                } else {
                    say!("{}", said(area));
                }
            }
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        if !self.json {
            say!("共 {count} 处 listed");
        }
        Ok(())
    }
}

impl Unplaced {
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let mut request = ListUnplacedAreasRequest {
            state: if self.all {
                UnplacedAreaState::Unspecified.into()
            } else {
                UnplacedAreaState::Waiting.into()
            },
            page_size: PAGE,
            ..ListUnplacedAreasRequest::default()
        };
        let mut count = 0;
        loop {
            let answer = client.list_unplaced_areas(request.clone()).await;
            let answer = answer.map_err(|status| failed(&status))?.into_inner();
            count += answer.unplaced_areas.len();
            for row in &answer.unplaced_areas {
                if self.json {
                    say!("{}", unplaced_json(row));
                } else {
                    say!("{}", unplaced_said(row));
                }
            }
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        if !self.json {
            say!("共 {count} 条 rows");
        }
        Ok(())
    }
}

fn unplaced_json(row: &UnplacedArea) -> Value {
    to_json("lutong.risk_rules.v1.UnplacedArea", row)
}

/// One listing, for a person.
pub fn said(area: &Area) -> String {
    let place = if area.community.is_empty() {
        "全域"
    } else {
        &area.community
    };
    format!(
        "{} {} {place} {} 起{}",
        level_zh(area.level()),
        area.division,
        when(area.start_time.as_ref()),
        until(area.end_time.as_ref())
    )
}

pub fn until(to: Option<&Timestamp>) -> String {
    to.map(|to| format!("，{} 止", when(Some(to))))
        .unwrap_or_default()
}

fn unplaced_said(row: &UnplacedArea) -> String {
    let placed = row.placement.as_ref().map(|placement| {
        format!(
            "，已由 {} 确定为 {} {}",
            placement.officer, placement.division, placement.community
        )
    });
    format!(
        "{} {} {} {}（{}）{} 起{}{}",
        row.name,
        level_zh(row.level()),
        row.place,
        row.community,
        reason_zh(row.reason()),
        when(row.start_time.as_ref()),
        until(row.end_time.as_ref()),
        placed.unwrap_or_default()
    )
}

const fn level_zh(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Unspecified => "？",
        RiskLevel::Key => "重点",
        RiskLevel::High => "高风险",
        RiskLevel::Medium => "中风险",
        RiskLevel::Low => "低风险",
    }
}

const fn reason_zh(reason: PlacementReason) -> &'static str {
    match reason {
        PlacementReason::Unspecified => "？",
        PlacementReason::Complement => "除外表述 complement",
        PlacementReason::WholeArea => "全域 whole area",
        PlacementReason::PlaceUnknown => "地点不明 place unknown",
    }
}
