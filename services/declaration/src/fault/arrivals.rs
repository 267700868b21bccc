//! Faults of arrivals. Fields of an itinerary are relative to its leg.

use lutong_kernel::{Fault, FaultCode, Violation};

use crate::arrivals::domain::pending_step::NoNationalCode;

/// An arrival from abroad before all steps of the entry are reported. Each missing step is a violation.
pub fn entry_incomplete(steps: Vec<Violation>) -> Fault {
    let zh: Vec<_> = steps.iter().map(|step| step.zh.as_str()).collect();
    let en: Vec<_> = steps.iter().map(|step| step.en.as_str()).collect();
    let fault = Fault::new(
        FaultCode::FailedPrecondition,
        "ENTRY_INCOMPLETE",
        format!("境外来鲁须隔离期满且检测合格：{}", zh.join("；")),
        format!(
            "arrivals from abroad need quarantine ended and a test passed: {}",
            en.join("; ")
        ),
    );
    steps.into_iter().fold(fault, Fault::violation)
}

/// The national platform has no colour for the person who arrives, for this reason.
pub fn national_code_refused(why: NoNationalCode) -> Fault {
    let zh = match why {
        NoNationalCode::NoCode => "全国一体化政务服务平台显示您尚未申领健康码",
        NoNationalCode::NotFound => "全国一体化政务服务平台未查到您的健康码",
        NoNationalCode::NameMismatch => "全国一体化政务服务平台登记的姓名与您申报的不一致",
        NoNationalCode::UnknownValue => "全国一体化政务服务平台的答复无法识别",
    };
    let outcome = why.into_str();
    let fault = Fault::new(
        FaultCode::FailedPrecondition,
        "NATIONAL_CODE_REFUSED",
        format!("{zh}；请出示来源地的健康码，或申请山东省健康通行码"),
        format!(
            "the national platform gives no colour ({outcome}): show the code of the province of origin, or apply for a code here"
        ),
    );
    fault.with("outcome", outcome.to_owned())
}

/// The province of a national code is none, or Shandong.
pub fn no_other_province(field: &'static str) -> Violation {
    Violation::new(
        field,
        "NO_OTHER_PROVINCE",
        "请填写来源省份的两位行政区划代码（不含山东）",
        "is GB/T 2260 two digits of a province other than Shandong",
    )
}

/// A step of [`entry_incomplete`]: the border has not reported the entry.
pub fn border_record_missing() -> Violation {
    Violation::new(
        "entry.border_record",
        "BORDER_RECORD_MISSING",
        "口岸尚无入境记录",
        "the border has reported no entry",
    )
}

/// A step of [`entry_incomplete`]: the quarantine has not ended.
pub fn quarantine_end_missing() -> Violation {
    Violation::new(
        "entry.quarantine_completed_at",
        "QUARANTINE_END_MISSING",
        "隔离期未满或尚未报送",
        "the end of quarantine has not been reported, or lies ahead",
    )
}

/// A step of [`entry_incomplete`]: no negative test since the entry.
pub fn negative_test_missing() -> Violation {
    Violation::new(
        "entry.negative_test",
        "NEGATIVE_TEST_MISSING",
        "入境后尚无核酸检测阴性结果",
        "no negative test sampled after the entry has been reported",
    )
}

/// The destination is no county, district or street of Shandong.
pub fn destination_outside() -> Violation {
    Violation::new(
        "division",
        "DESTINATION_OUTSIDE",
        "目的地应为山东省内的县（市、区）或街道",
        "is a county, district or street of Shandong",
    )
}

/// The arrival lies more than 14 days back or more than a day ahead.
pub fn arrive_time_outside() -> Violation {
    Violation::new(
        "arrive_time",
        "ARRIVE_TIME_OUTSIDE",
        "到达时间应在此前14天至此后1天之内",
        "lies within the 14 days before today, or at most a day ahead",
    )
}

/// A leg without an instant that it needs.
pub fn leg_time_missing(field: &'static str) -> Violation {
    Violation::new(field, "MISSING", "请填写到达和离开时间", "is required")
}

/// A leg that ends before it begins.
pub fn leg_backwards() -> Violation {
    Violation::new(
        "leave_time",
        "LEG_BACKWARDS",
        "离开时间不能早于到达时间",
        "lies before the arrival",
    )
}

/// A leg that begins before the one before it has ended.
pub fn leg_overlapping() -> Violation {
    Violation::new(
        "arrive_time",
        "LEG_OVERLAPPING",
        "行程应按时间顺序填写，且不能重叠",
        "legs are in order and do not overlap",
    )
}

/// A leg that lies more than 14 days back or more than a day ahead.
pub fn leg_outside() -> Violation {
    Violation::new(
        "arrive_time",
        "LEG_OUTSIDE_14_DAYS",
        "行程仅限此前14天至此后1天",
        "an itinerary is of the 14 days before today, and at most a day ahead",
    )
}
