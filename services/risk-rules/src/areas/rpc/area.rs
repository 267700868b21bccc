//! Wire form of listings and risk levels.

use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::area::{AreaEntry, RiskLevel};

use crate::wire::instant;

pub fn area(area: &AreaEntry) -> wire::Area {
    wire::Area {
        name: area.name(),
        area_id: area.id().to_string(),
        division: area.code.to_string(),
        community: area.community.clone().unwrap_or_default(),
        level: level(area.level).into(),
        start_time: Some(instant(area.from)),
        end_time: area.to.map(instant),
        record_time: Some(instant(area.recorded_at)),
    }
}

pub const fn level(level: RiskLevel) -> wire::RiskLevel {
    match level {
        RiskLevel::Key => wire::RiskLevel::Key,
        RiskLevel::High => wire::RiskLevel::High,
        RiskLevel::Medium => wire::RiskLevel::Medium,
        RiskLevel::Low => wire::RiskLevel::Low,
    }
}
