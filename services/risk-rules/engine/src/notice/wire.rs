//! The JSON structure of a notice.

use lutong_kernel::Timestamp;
use serde::Deserialize;

use super::NoticeError;

#[derive(Deserialize)]
struct File {
    data: Data,
}

#[derive(Deserialize)]
pub struct Data {
    /// `2022-11-26 08时`.
    pub end_update_time: String,
    hcount: i64,
    mcount: i64,
    /// Absent, with its list, in notices before June 2022, when the low level was introduced.
    #[serde(default)]
    lcount: i64,
    pub highlist: Vec<Row>,
    pub middlelist: Vec<Row>,
    #[serde(default)]
    pub lowlist: Vec<Row>,
}

#[derive(Deserialize)]
pub struct Row {
    pub province: String,
    pub city: String,
    pub county: String,
    pub communitys: Vec<String>,
}

pub fn read(json: &[u8]) -> Result<Data, NoticeError> {
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| NoticeError::Unreadable {
        offset: offset(json, error.line(), error.column()),
        reason: error.to_string(),
    })?;
    let File { data } = serde_path_to_error::deserialize(value).map_err(|error| NoticeError::Shape {
        path: error.path().to_string(),
        reason: error.inner().to_string(),
    })?;
    for (path, stated, rows) in [
        ("data.hcount", data.hcount, &data.highlist),
        ("data.mcount", data.mcount, &data.middlelist),
        ("data.lcount", data.lcount, &data.lowlist),
    ] {
        let listed: usize = rows.iter().map(|row| row.communitys.len()).sum();
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        if stated != listed {
            return Err(NoticeError::CountsDiffer {
                path: path.to_owned(),
                stated,
                listed,
            });
        }
    }
    Ok(data)
}

/// The byte offset of an error. serde_json counts lines from 1 and columns in bytes.
fn offset(json: &[u8], line: usize, column: usize) -> usize {
    let before: usize = json
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column).min(json.len())
}

/// The hour of publication, in local time.
pub fn published_at(text: &str) -> Result<Timestamp, NoticeError> {
    let parsed = text
        .strip_suffix('时')
        .and_then(|text| text.split_once(' '))
        .and_then(|(day, hour)| Timestamp::parse(&format!("{day}T{hour:0>2}:00:00+08:00")).ok());
    parsed.ok_or_else(|| NoticeError::Shape {
        path: "data.end_update_time".to_owned(),
        reason: format!("{text:?} is not of the form 2022-11-26 08时"),
    })
}
