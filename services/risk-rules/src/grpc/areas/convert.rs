//! Areas between domain and wire.

use lutong_chassis::access::Grant;
use lutong_chassis::reply;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Timestamp, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;

use crate::domain::area::{AreaEntry, AreaKey, DivisionPrefix, NoPrefix, RiskLevel};
use crate::domain::attributes::parse_text_community;
use crate::domain::key_area::{Basis, KeyArea};
use crate::domain::notice::Reason;
use crate::domain::notice::place::is_issued;
use crate::service::intervals::ImportedIntervals;
use crate::store::unplaced::UnplacedRow;

/// 1900 to 9999, in seconds.
const SECONDS: std::ops::RangeInclusive<i64> = -2_208_988_800..=253_402_271_999;

pub fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn stamp(at: Timestamp) -> prost_types::Timestamp {
    time::from_micros(at.micros())
}

pub fn area(area: &AreaEntry) -> wire::Area {
    wire::Area {
        division: area.code.to_string(),
        community: area.community.clone().unwrap_or_default(),
        level: level(area.level).into(),
        from_time: Some(stamp(area.from)),
        to_time: area.to.map(stamp),
        record_time: Some(stamp(area.recorded_at)),
    }
}

const fn level(level: RiskLevel) -> wire::RiskLevel {
    match level {
        RiskLevel::Key => wire::RiskLevel::Key,
        RiskLevel::High => wire::RiskLevel::High,
        RiskLevel::Medium => wire::RiskLevel::Medium,
        RiskLevel::Low => wire::RiskLevel::Low,
    }
}

pub fn unplaced(row: &UnplacedRow) -> wire::UnplacedArea {
    let placement = row.placement.as_ref().map(|placement| wire::Placement {
        division: placement.code.to_string(),
        community: placement.community.clone().unwrap_or_default(),
        officer: placement.officer.clone(),
        place_time: Some(stamp(placement.at)),
    });
    wire::UnplacedArea {
        unplaced_area_id: row.id,
        publish_time: Some(stamp(row.span.from)),
        end_time: row.span.to.map(stamp),
        place: row.row.place.clone(),
        community: row.row.community.clone(),
        level: level(row.row.level).into(),
        reason: reason(row.row.reason).into(),
        placement,
    }
}

const fn reason(reason: Reason) -> wire::PlacementReason {
    match reason {
        Reason::Complement => wire::PlacementReason::Complement,
        Reason::WholeArea => wire::PlacementReason::WholeArea,
        Reason::PlaceUnknown => wire::PlacementReason::PlaceUnknown,
    }
}

pub fn key_area(area: &KeyArea) -> wire::KeyArea {
    let basis = match area.proposal.basis {
        Basis::EmergencyMeasures => wire::KeyAreaBasis::EmergencyMeasures,
        Basis::EpidemicArea => wire::KeyAreaBasis::EpidemicArea,
        Basis::JointMechanism => wire::KeyAreaBasis::JointMechanism,
    };
    let approved = area.approved.as_ref();
    wire::KeyArea {
        key_area_id: area.id,
        division: area.proposal.code.to_string(),
        from_time: Some(stamp(area.proposal.from)),
        to_time: area.proposal.to.map(stamp),
        legal_basis: basis.into(),
        proposer: area.proposed.officer.clone(),
        propose_time: Some(stamp(area.proposed.at)),
        approver: approved.map(|one| one.officer.clone()).unwrap_or_default(),
        approve_time: approved.map(|one| stamp(one.at)),
    }
}

impl From<ImportedIntervals> for wire::ImportIntervalsResponse {
    fn from(imported: ImportedIntervals) -> Self {
        Self {
            rows: count(imported.rows),
            listed: count(imported.listed),
            opened: count(imported.opened),
            ended: count(imported.ended),
            unchanged: count(imported.unchanged),
            needs_placement: count(imported.needs_placement),
            low: count(imported.low),
            redecided: count(imported.redecided),
            in_force: imported.in_force,
        }
    }
}

pub fn basis(basis: wire::KeyAreaBasis) -> Result<Basis, Violation> {
    match basis {
        wire::KeyAreaBasis::EmergencyMeasures => Ok(Basis::EmergencyMeasures),
        wire::KeyAreaBasis::EpidemicArea => Ok(Basis::EpidemicArea),
        wire::KeyAreaBasis::JointMechanism => Ok(Basis::JointMechanism),
        wire::KeyAreaBasis::Unspecified => Err(Violation::new(
            "legal_basis",
            "LEGAL_BASIS",
            "请从清单中选择法律依据",
            "a legal basis of the list is required",
        )),
    }
}

pub fn instant(field: &str, stated: &prost_types::Timestamp) -> Result<Timestamp, Violation> {
    let there = SECONDS.contains(&stated.seconds) && (0..1_000_000_000).contains(&stated.nanos);
    let wrong = || Violation::new(field, "INSTANT", "时间超出范围", "lies in the years 1900 to 9999");
    there
        .then(|| Timestamp::from_micros(time::to_micros(stated)))
        .ok_or_else(wrong)
}

pub fn division(text: &str) -> Result<DivisionCode, Violation> {
    DivisionCode::parse(text).map_err(|error| {
        Violation::new(
            "division",
            "DIVISION_SHAPE",
            "区划代码应为六位或九位",
            error.to_string(),
        )
    })
}

/// A code that exists.
fn issued_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = division(text)?;
    if is_issued(code) {
        return Ok(code);
    }
    Err(Violation::new(
        "division",
        "DIVISION_UNKNOWN",
        "没有该区划代码",
        "there is no division of this code",
    ))
}

/// What may become a key area: a place of Shandong that exists.
pub fn key_area_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = issued_division(text)?;
    if DivisionCode::SHANDONG.contains(code) {
        return Ok(code);
    }
    Err(Violation::new(
        "division",
        "DIVISION_NOT_SHANDONG",
        "重点地区应位于山东省内",
        "lies outside Shandong, whose officers declare no key areas elsewhere",
    ))
}

/// A notice and a table list the whole country: who imports one changes every division at once.
pub fn province_wide(grant: &Grant) -> Result<(), Fault> {
    if grant.principal().jurisdiction()?.is_province_wide() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "导入风险地区名单需要全省权限",
        "a list of risk areas concerns every division: importing it takes the province-wide grant",
    ))
}

/// A county or a street.
pub fn place_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = issued_division(text)?;
    if code.is_above_county() {
        return Err(Violation::new(
            "division",
            "DIVISION_TOO_WIDE",
            "应为县（区）或街道，不得为整个城市",
            "is a county or a street, never a whole city",
        ));
    }
    Ok(code)
}

pub fn division_prefix(text: &str) -> Result<DivisionPrefix, Violation> {
    text.parse().map_err(|error: NoPrefix| {
        Violation::new(
            "division",
            "DIVISION_PREFIX",
            "应为区划代码的前若干位",
            error.to_string(),
        )
    })
}

/// Empty: all of the division.
pub fn community(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let named = parse_text_community(text).map(Some);
    named.map_err(|(reason, zh, en)| Violation::new("community", reason, zh, en))
}

/// The key of the page's last listing; the community stands last, whatever is in it.
pub fn next_area(last: &AreaEntry) -> String {
    let from = last.from.micros();
    let named = last.community.as_ref().map(|name| format!(" {name}"));
    format!("{} {} {from}{}", last.code, last.level, named.unwrap_or_default())
}

pub fn area_token(token: &str) -> Result<Option<AreaKey>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let mut parts = token.splitn(4, ' ');
    let mut next = || parts.next();
    let key = (|| {
        let code = DivisionCode::parse(next()?).ok()?;
        let level = next()?.parse().ok()?;
        let from = Timestamp::from_micros(next()?.parse().ok()?);
        Some((code, next().map(str::to_owned), level, from))
    })();
    key.map(Some).ok_or_else(foreign_token)
}

/// 0 at first.
pub fn id_token(token: &str) -> Result<i64, Fault> {
    if token.is_empty() {
        return Ok(0);
    }
    token.parse().map_err(|_| reply::wrong(foreign_token()))
}

/// Empty after the last page.
pub fn next_id<T>(found: &[T], limit: u32, id: impl Fn(&T) -> i64) -> String {
    let full = found.len() == limit as usize;
    let next = found.last().filter(|_| full).map(|last| id(last).to_string());
    next.unwrap_or_default()
}

fn foreign_token() -> Violation {
    Violation::new(
        "page_token",
        "PAGE_TOKEN",
        "不是本服务给出的翻页标记",
        "is none that this service gave",
    )
}
