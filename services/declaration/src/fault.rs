//! Every reason that this service answers, with its code, its two texts and its fields. Reasons of the kernel and the chassis,
//! and those that identity, risk-rules and federation answer and this service passes on, are not repeated.

use std::time::Duration;

use lutong_kernel::division::DivisionError;
use lutong_kernel::time::TimeError;
use lutong_kernel::{Fault, FaultCode, Violation};

pub mod arrivals;
pub mod assisted_applications;
pub mod daily_reports;

// Applications and arrivals.

/// No declaration of the account has this name.
pub fn declaration_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECLARATION_NOT_FOUND",
        "未找到本账号的该项申报",
        "there is no such declaration of this account",
    )
}

/// The name is not `{collection}/{uuid}`.
pub fn name_shape(field: &'static str, collection: &str) -> Violation {
    Violation::new(
        field,
        "NAME_SHAPE",
        format!("名称应为{collection}/编号"),
        format!("a name is {collection}/ and a UUID"),
    )
}

/// A form without the person.
pub fn person_missing() -> Violation {
    Violation::new("person", "MISSING", "请填写个人信息", "is required")
}

/// The commitment is accepted, and its version is none that is published and not withdrawn.
pub fn commitment_unknown() -> Violation {
    Violation::new(
        "commitment.text_version",
        "COMMITMENT_UNKNOWN",
        "没有该版本的承诺书，或该版本已停用",
        "is no version that is published and not withdrawn",
    )
}

/// No version of the commitment has this name.
pub fn commitment_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "COMMITMENT_NOT_FOUND",
        "没有该版本的承诺书",
        "there is no such version of the commitment",
    )
}

/// The application to be replaced was replaced or refused before.
pub fn declaration_not_replaceable(state: &'static str) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DECLARATION_NOT_REPLACEABLE",
        "该申请已被更正或未通过，不能再次更正",
        "the application was replaced or refused already",
    )
    .with("state", state)
}

/// The account has edited as many applications today as it may.
pub fn too_many_edits(most: u32, wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_EDITS",
        format!("每天最多更正申请{most}次，请明天再试"),
        format!("at most {most} edits of applications a day; try again tomorrow"),
    )
    .retry_after(wait)
}

/// The commitment is absent or not accepted.
pub fn commitment_missing() -> Violation {
    Violation::new(
        "commitment.accepted",
        "COMMITMENT_MISSING",
        "请阅读并承诺所填信息真实；隐瞒或虚报须承担法律责任",
        "the commitment that all is true must be accepted; hiding or false reporting carries legal liability",
    )
}

// Contact history. Fields are relative to the entry.

/// More than 100 entries.
pub fn too_many_entries() -> Violation {
    Violation::new(
        "contact_history",
        "TOO_MANY_ENTRIES",
        "接触史最多100条",
        "at most 100 entries",
    )
}

/// An entry without a contact type of the list.
pub fn contact_type_unknown() -> Violation {
    Violation::new(
        "type",
        "CONTACT_TYPE_UNKNOWN",
        "请选择接触类型",
        "a contact type of the list is required",
    )
}

/// A stay in an area without its division.
pub fn stay_without_division() -> Violation {
    Violation::new("division", "MISSING", "请选择到访地区", "is required for a stay")
}

/// The division of an entry is not a division code.
pub fn division_shape(error: &DivisionError) -> Violation {
    Violation::new(
        "division",
        "DIVISION_SHAPE",
        "行政区划代码应为6位（街道为9位）数字",
        error.to_string(),
    )
}

/// The community of an entry is longer than 200 characters.
pub fn community_shape() -> Violation {
    Violation::new(
        "community",
        "COMMUNITY_SHAPE",
        "小区名称最多200个字符",
        "a community has at most 200 characters",
    )
}

/// A country is unknown, or China where one abroad is required.
pub fn country_not_abroad(field: &str) -> Violation {
    Violation::new(
        field,
        "COUNTRY_NOT_ABROAD",
        "应为GB/T 2659三位字母代码，且不为CHN",
        "is a GB/T 2659 alpha-3 code other than CHN",
    )
}

/// An entry that is not about a stay abroad names a country.
pub fn country_of_stay_at_home() -> Violation {
    Violation::new(
        "country",
        "NOT_ABROAD",
        "仅境外旅居须填写国家或地区",
        "only for ABROAD",
    )
}

/// The date of an entry is not a date.
pub fn contact_date_shape(error: &TimeError) -> Violation {
    Violation::new(
        "contact_date",
        "DATE_SHAPE",
        "日期应为YYYY-MM-DD",
        error.to_string(),
    )
}

/// The date of an entry lies in the future or more than 14 days back.
pub fn contact_date_outside() -> Violation {
    Violation::new(
        "contact_date",
        "DATE_OUTSIDE_14_DAYS",
        "接触史仅限今天及此前14天",
        "contact history is of today and the 14 days before",
    )
}

// Rows of feeds.

/// An all-or-nothing import with `refused` wrong rows, whose violations name the rows.
pub fn rows_refused(refused: usize, violations: Vec<Violation>) -> Fault {
    let fault = Fault::new(
        FaultCode::InvalidArgument,
        "ROWS_REFUSED",
        format!("{refused}行有误，均未保存"),
        format!("{refused} rows are wrong and nothing was stored"),
    );
    violations.into_iter().fold(fault, Fault::violation)
}

/// A stream of rows that does not begin with its options, or repeats them.
pub fn options_missing() -> Fault {
    let (zh, en) = (
        "首条消息须为导入选项，其后为记录",
        "the first message carries the options, the following ones rows",
    );
    Fault::new(FaultCode::InvalidArgument, "OPTIONS_MISSING", zh, en).violation(Violation::new(
        "options",
        "OPTIONS_MISSING",
        zh,
        en,
    ))
}

/// A message of more than 1,000 rows, or more rows in all of an all-or-nothing stream.
pub fn too_many_rows_of_stream() -> Fault {
    let (zh, en) = (
        "每条消息最多1000行；全部成功或全部失败的导入总计最多1000行",
        "at most 1,000 rows in a message, and in all of an all-or-nothing import",
    );
    too_many_rows((zh, en), (zh, en))
}

/// More than 1,000 rows in the calls of an all-or-nothing import.
pub fn too_many_rows_of_import() -> Fault {
    too_many_rows(
        (
            "全部成功或全部失败的导入总计最多1000行",
            "an all-or-nothing import has at most 1,000 rows in all",
        ),
        ("总计最多1000行", "at most 1,000 rows in all"),
    )
}

fn too_many_rows((zh, en): (&str, &str), (field_zh, field_en): (&str, &str)) -> Fault {
    Fault::new(FaultCode::InvalidArgument, "TOO_MANY_ROWS", zh, en).violation(Violation::new(
        "rows",
        "TOO_MANY_ROWS",
        field_zh,
        field_en,
    ))
}

/// A row names another source than the feed that sends it.
pub fn source_not_own() -> Violation {
    Violation::new(
        "source",
        "SOURCE_NOT_OWN",
        "来源须为本数据源的登记名称",
        "is not the caller's own registered name",
    )
}

/// A row of a kind that the feed may not report.
pub fn kind_not_granted(field: String) -> Violation {
    Violation::new(
        field,
        "KIND_NOT_GRANTED",
        "本数据源无权报送该类记录",
        "the feed may not report facts of this kind",
    )
}

/// A row names a place outside the divisions of the feed.
pub fn division_not_granted(field: String) -> Violation {
    Violation::new(
        field,
        "DIVISION_NOT_GRANTED",
        "该地区不在本数据源的报送范围内",
        "lies outside the feed's divisions",
    )
}

/// A record of a database is not a row.
pub fn row_unreadable() -> Violation {
    Violation::new(
        "",
        "ROW_UNREADABLE",
        "该记录不是FactRow的JSON形式",
        "is not the JSON form of a FactRow",
    )
}

/// The refusal of a row of its own as a violation of that row.
pub fn of_row(fault: Fault) -> Violation {
    Violation::new("subject_id", fault.reason, fault.zh, fault.en)
}

/// A violation of a row as it was stored.
pub fn stored(field: String, reason: String, zh: String, en: String) -> Violation {
    Violation::new(field, reason, zh, en)
}

// Imports in several calls.

/// The feed has no import of this name.
pub fn fact_import_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "FACT_IMPORT_NOT_FOUND",
        "没有该导入任务",
        "this feed has no such import",
    )
}

/// Rows for an import that has ended.
pub fn fact_import_ended() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_IMPORT_ENDED",
        "该导入已结束，请新建导入",
        "the import has ended: begin another",
    )
}

/// Rows that leave a gap after the rows received so far.
pub fn rows_missing(next_row: i64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ROWS_MISSING",
        format!("此前的行尚未收到，请从第{next_row}行继续"),
        format!("rows before these have not come: go on with row {next_row}"),
    )
    .with("next_row", next_row.to_string())
}

// Imports of applications.

/// The account has no import of this name.
pub fn application_import_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "APPLICATION_IMPORT_NOT_FOUND",
        "没有该导入任务",
        "this account has no such import",
    )
}

/// More rows than an import of applications may have.
pub fn too_many_rows_of_applications() -> Fault {
    let (zh, en) = ("每次导入最多20万行", "an import has at most 200,000 rows in all");
    too_many_rows((zh, en), (zh, en))
}

/// A home outside the division of the import or of its account.
pub fn home_not_granted(field: &str) -> Violation {
    Violation::new(
        field,
        "DIVISION_NOT_GRANTED",
        "住址不在本次导入的辖区内",
        "lies outside the division of the import",
    )
}

/// A row that waited when its import was cancelled.
pub fn import_cancelled() -> Violation {
    Violation::new("", "IMPORT_CANCELLED", "导入已取消", "the import was cancelled")
}

/// A row that waited when its import was given up.
pub fn import_expired() -> Violation {
    Violation::new(
        "",
        "IMPORT_EXPIRED",
        "导入未能在7天内完成",
        "the import did not end within seven days",
    )
}

// Pulls.

/// No source of this name is configured.
pub fn pull_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PULL_NOT_FOUND",
        "没有配置该数据源",
        "no such source is configured",
    )
}

/// A text that names no partner.
pub fn partner_shape() -> Violation {
    Violation::new(
        "partner",
        "PARTNER_SHAPE",
        "应为两位省级代码（GB/T 2260）",
        "is two digits of GB/T 2260",
    )
}
