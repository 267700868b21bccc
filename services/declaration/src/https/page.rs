//! A page: records, where the next one begins, whether there is more.

use lutong_kernel::Violation;
use lutong_proto::declaration::v1::FactRow;
use lutong_proto::facts::read_row;
use serde::Deserialize;
use serde_json::Value;

use crate::fault;
use crate::pulls::domain::PullFailure;

/// Bytes of a cursor.
const MAX_CURSOR: usize = 1_000;

/// What a database answered.
#[derive(Debug)]
pub struct Page {
    /// Each as it would stand in a fact file, or what is wrong with it.
    pub rows: Vec<Result<FactRow, Violation>>,
    pub next: String,
    pub more: bool,
}

/// Members that are not named here are left for later versions.
#[derive(Deserialize)]
struct Document {
    records: Vec<Value>,
    next: String,
    more: bool,
}

impl Page {
    pub fn parse(bytes: &[u8]) -> Result<Self, PullFailure> {
        let document: Document = serde_json::from_slice(bytes).map_err(|error| refused(&error))?;
        if document.next.len() > MAX_CURSOR || document.next.chars().any(char::is_control) {
            return Err(page_shape());
        }
        let first = |wrong: Vec<Violation>| wrong.into_iter().next().unwrap_or_else(fault::row_unreadable);
        Ok(Self {
            rows: document
                .records
                .iter()
                .map(|record| read_row(record).map_err(first))
                .collect(),
            next: document.next,
            more: document.more,
        })
    }
}

fn refused(error: &serde_json::Error) -> PullFailure {
    if error.is_data() {
        return page_shape();
    }
    let (line, column) = (error.line(), error.column());
    PullFailure::new(
        "NOT_JSON",
        format!("对方返回的不是JSON（第{line}行第{column}列）"),
        format!("the answer is not JSON (line {line}, column {column})"),
    )
}

fn page_shape() -> PullFailure {
    PullFailure::new(
        "PAGE_SHAPE",
        "应为{records, next, more}，游标最多1000字节",
        "an answer is {records, next, more}, with a cursor of at most 1,000 bytes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        Page::parse(text.as_bytes()).unwrap_err().reason.into_owned()
    }

    #[test]
    fn a_page_is_read_and_a_bad_record_spoils_itself_only() {
        let text = r#"{"records": [
            {"source": "epidemic-database", "key": "1", "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": "11010519491231002X"},
             "fact": {"database_anomaly": {"observed_at": "2022-11-26T08:00:00+08:00", "code": "A1"}}},
            {"source": "epidemic-database", "name": "王小明"}, 7
        ], "next": "42", "more": true, "generated": "2022"}"#;
        let page = Page::parse(text.as_bytes()).unwrap();
        assert_eq!((page.next.as_str(), page.more), ("42", true));
        assert_eq!(page.rows[0].as_ref().unwrap().key, "1");
        for (bad, reason) in page.rows[1..].iter().zip(["UNKNOWN_FIELD", "NOT_AN_OBJECT"]) {
            let wrong = bad.as_ref().unwrap_err();
            assert_eq!(wrong.reason, reason);
            assert!(!format!("{wrong:?}").contains("王小明"));
        }
    }

    #[test]
    fn an_answer_that_is_no_page_is_refused_without_repeating_it() {
        assert_eq!(reason("<html>王小明</html>"), "NOT_JSON");
        assert_eq!(reason(r#"{"records": [], "next": "1""#), "NOT_JSON");
        for wrong in [
            "[]",
            "null",
            r#"{"records": [], "next": "1"}"#,
            r#"{"records": {}, "next": "1", "more": false}"#,
            r#"{"records": [], "next": 1, "more": false}"#,
            r#"{"records": [], "next": "1", "more": "no"}"#,
            "{\"records\": [], \"next\": \"a\\nb\", \"more\": false}",
        ] {
            assert_eq!(reason(wrong), "PAGE_SHAPE", "{wrong}");
        }
        let long = format!(
            r#"{{"records": [], "next": "{}", "more": false}}"#,
            "a".repeat(1_001)
        );
        assert_eq!(reason(&long), "PAGE_SHAPE");
    }
}
