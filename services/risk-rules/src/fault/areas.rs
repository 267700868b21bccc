//! Risk areas, notices and tables of areas, and rows that officers place.

use lutong_kernel::division::DivisionError;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Violation};
use lutong_risk_engine::notice::NoticeError;
use lutong_risk_engine::notice::intervals::{CellError, IntervalError};

use super::outside_division;

/// No listing has this id, or it was not known at that instant.
pub fn area_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "AREA_NOT_FOUND",
        "没有该风险地区，或当时尚未列入",
        "there is no such listing, or it was not known then",
    )
}

/// An import by an account that does not act for the whole province.
pub fn import_outside_division() -> Fault {
    outside_division(
        "导入风险地区名单需要全省权限",
        "a list of risk areas concerns every division: importing it takes the province-wide grant",
    )
}

// Files.

/// A notice, or a chunk of it, is too large.
pub fn notice_too_large() -> Fault {
    file_too_large("NOTICE_TOO_LARGE", "通告", "notice")
}

/// A table, or a chunk of it, is too large.
pub fn intervals_too_large() -> Fault {
    file_too_large("INTERVALS_TOO_LARGE", "表格", "table")
}

fn file_too_large(reason: &'static str, zh: &str, en: &str) -> Fault {
    let en = format!("a chunk has at most 64 KiB and a {en} at most 16 MiB");
    let zh = format!("每块最多64 KiB，{zh}最多16 MiB");
    Fault::new(FaultCode::InvalidArgument, reason, zh, en.clone()).violation(Violation::new(
        "chunk",
        "TOO_LARGE",
        "过大",
        en,
    ))
}

/// A notice is older than one that was imported.
pub fn notice_older() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOTICE_OLDER",
        "已导入更新的风险地区通告",
        "a newer notice is in already",
    )
}

/// A notice that cannot be read, or whose counts differ from its lists.
pub fn notice_refused(error: NoticeError) -> Fault {
    let en = error.to_string();
    match error {
        NoticeError::CountsDiffer { path, stated, listed } => {
            let zh = format!("通告所载数量{stated}与列表{listed}不符");
            Fault::new(
                FaultCode::InvalidArgument,
                "NOTICE_COUNTS_DIFFER",
                zh.clone(),
                en.clone(),
            )
            .violation(Violation::new(path, "COUNT_DIFFERS", zh, en))
        }
        NoticeError::Unreadable { offset, reason } => notice_unreadable(format!("byte {offset}"), &reason),
        NoticeError::Shape { path, reason } => notice_unreadable(path, &reason),
    }
}

fn notice_unreadable(field: String, reason: &str) -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "NOTICE_UNREADABLE",
        format!("通告无法读取（{field}），未导入任何内容"),
        format!("the notice cannot be read at {field}: {reason}; nothing was imported"),
    )
    .violation(Violation::new(field, "UNREADABLE", "无法读取", reason))
}

/// A table that cannot be read.
pub fn intervals_unreadable(error: IntervalError) -> Fault {
    let IntervalError {
        line,
        column,
        problem,
    } = error;
    let zh = match problem {
        CellError::ColumnMissing => "缺少该列",
        CellError::Unreadable => "该行不是UTF-8文本或列数与表头不符",
        CellError::Level => "风险等级应为high、medium或low；重点地区只能由人员申报",
        CellError::Code => "区划代码应为六位",
        CellError::Instant => "时间应为带时区的RFC 3339格式",
        CellError::EndsBeforeItBegins => "结束早于开始",
    };
    let field = format!("line {line}.{column}");
    Fault::new(
        FaultCode::InvalidArgument,
        "INTERVALS_UNREADABLE",
        format!("表格第{line}行{column}列：{zh}；未导入任何内容"),
        format!("{error}; nothing was imported"),
    )
    .violation(Violation::new(field, "UNREADABLE", zh, problem.to_string()))
}

// Places in requests.

/// The division is not a division code.
pub fn division_shape(error: &DivisionError) -> Violation {
    Violation::new(
        "division",
        "DIVISION_SHAPE",
        "区划代码应为六位或九位",
        error.to_string(),
    )
}

/// No division has this code.
pub fn division_unknown() -> Violation {
    Violation::new(
        "division",
        "DIVISION_UNKNOWN",
        "没有该区划代码",
        "there is no division of this code",
    )
}

/// A row is placed in a whole city.
pub fn division_too_wide() -> Violation {
    Violation::new(
        "division",
        "DIVISION_TOO_WIDE",
        "应为县（区）或街道，不得为整个城市",
        "is a county or a street, never a whole city",
    )
}

/// A community that the engine refuses, for its reason.
pub fn community((reason, zh, en): (&'static str, String, String)) -> Violation {
    Violation::new("community", reason, zh, en)
}

// Rows that officers place.

/// No such row waits for a place.
pub fn unplaced_area_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "UNPLACED_AREA_NOT_FOUND",
        "没有这条待定地点",
        "there is no such row",
    )
}

/// The notice names a place outside the province.
pub fn place_outside_division() -> Fault {
    outside_division(
        "该地点不在您的辖区内",
        "the place lies outside the officer's division",
    )
}

/// A row is placed outside the region that the notice names.
pub fn division_not_of_row(region: DivisionCode) -> Violation {
    Violation::new(
        "division",
        "DIVISION_NOT_OF_ROW",
        format!("应位于通告所列地区{region}内"),
        format!("lies outside {region}, which the notice names"),
    )
}
