//! What needs two officers: key areas, designations and rollbacks.

use lutong_kernel::{Fault, FaultCode, Violation};

use super::{not_your_proposal, outside_division, own_proposal};

/// An officer approves or rejects their own proposal.
pub fn proposed_by_caller() -> Fault {
    own_proposal(
        "须由另一名人员批准或驳回",
        "whoever proposed it neither approves nor rejects it: they may withdraw it",
    )
}

/// An officer withdraws the proposal of another account.
pub fn proposed_by_another() -> Fault {
    not_your_proposal(
        "只能由提出人撤回",
        "another account proposed it: it can be rejected",
    )
}

/// A legal basis that the resource does not accept; `accepted` lists those that it does.
pub fn legal_basis(accepted: &str) -> Violation {
    Violation::new(
        "legal_basis",
        "LEGAL_BASIS",
        format!("须为以下依据之一：{accepted}"),
        format!("is one of {accepted}"),
    )
}

// Key areas.

/// No key area has this name in the officer's jurisdiction.
pub fn key_area_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "KEY_AREA_NOT_FOUND",
        "本辖区没有这条重点地区申报",
        "there is no such key area in your division",
    )
}

/// A key area of the same division and start is approved already.
pub fn key_area_listed() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "KEY_AREA_LISTED",
        "同一区划、同一起始时间的重点地区已生效，请先结束该条",
        "another key area of the same division and beginning is approved: end that first",
    )
}

// Designations.

/// No designation has this name in the officer's jurisdiction.
pub fn designation_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DESIGNATION_NOT_FOUND",
        "本辖区没有该管理决定",
        "there is no such designation in your division",
    )
}

/// A designation of a person who neither lives nor stayed in the officer's jurisdiction.
pub fn person_outside_division() -> Fault {
    outside_division(
        "该人员不在本辖区居住，也没有在本辖区停留的记录",
        "the person neither lives in your division nor is known to have stayed there",
    )
}

/// A designation that ends in the past.
pub fn end_passed() -> Violation {
    Violation::new("end_time", "END_PASSED", "结束时间已过", "lies in the past")
}

/// A designation of more than ninety days.
pub fn span_too_long() -> Violation {
    Violation::new(
        "end_time",
        "TOO_LONG",
        "最长九十天",
        "lies more than 90 days after start_time",
    )
}

// Rollbacks.

/// No rollback has this name in the officer's jurisdiction.
pub fn rollback_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ROLLBACK_NOT_FOUND",
        "本辖区没有该撤销申请",
        "there is no such rollback in your division",
    )
}

/// A rollback of a feed that reports for more than the officer's jurisdiction.
pub fn feed_outside_division() -> Fault {
    outside_division(
        "该数据源的报送范围超出本辖区",
        "the feed reports for more than your division",
    )
}

/// A rollback of a feed that is not registered.
pub fn feed_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "FEED_NOT_FOUND",
        "没有登记该数据源",
        "no such feed is registered",
    )
}

/// A rollback of statements that are yet to come.
pub fn begins_later() -> Violation {
    Violation::new("start_time", "BEGINS_LATER", "晚于当前时间", "lies in the future")
}

/// A rollback of statements of people, officers or partners.
pub fn source_not_a_feed() -> Violation {
    Violation::new(
        "source",
        "SOURCE_NOT_A_FEED",
        "只能撤销登记数据源报送的内容",
        "names no feed: only what a registered feed reported is rolled back",
    )
}
