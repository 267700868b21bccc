//! Faults of daily reports.

use std::time::Duration;

use lutong_kernel::time::TimeError;
use lutong_kernel::{Fault, FaultCode, Violation};

/// The day of a report is not a date.
pub fn report_date_shape(error: &TimeError) -> Violation {
    Violation::new(
        "report_date",
        "DATE_SHAPE",
        "日期应为YYYY-MM-DD",
        error.to_string(),
    )
}

/// A report of another day than today or yesterday.
pub fn report_date_outside() -> Violation {
    Violation::new(
        "report_date",
        "REPORT_DATE_OUTSIDE",
        "健康申报仅限今天或昨天",
        "a daily report is of today or yesterday",
    )
}

/// A temperature with more than one decimal.
pub fn temperature_decimals() -> Violation {
    Violation::new(
        "temperature_c",
        "TEMPERATURE_DECIMALS",
        "体温最多一位小数",
        "has at most one decimal",
    )
}

/// A symptom that is none of the list.
pub fn symptom_unknown(n: usize) -> Violation {
    Violation::new(
        format!("symptoms[{n}]"),
        "UNKNOWN_VALUE",
        "请从列表中选择症状",
        "is a symptom of the list",
    )
}

/// A recovery together with symptoms or fever.
pub fn cleared_with_symptoms() -> Violation {
    Violation::new(
        "cleared",
        "CLEARED_WITH_SYMPTOMS",
        "仍有症状或发热，不能申报已痊愈",
        "symptoms or fever contradict that they are gone",
    )
}

/// The person has as many reports of today as somebody may make.
pub fn too_many_daily_reports(most: u32, wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_DAILY_REPORTS",
        format!("每人每天最多提交{most}次健康申报，请明天再试"),
        format!("at most {most} daily reports a person and day; try again tomorrow"),
    )
    .retry_after(wait)
}
