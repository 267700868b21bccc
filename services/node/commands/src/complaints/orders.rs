//! Files of hotline orders: NDJSON (one `HotlineOrder` of the API per line) and CSV (the columns below). A line that cannot be read spoils
//! itself only; a file with a wrong encoding or header is refused as a whole.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

/// The columns of a CSV file. `issue` is of a place, `category` of feedback; one of both is set.
pub const COLUMNS: [&str; 12] = [
    "hotline_number",
    "city_number",
    "division",
    "issue",
    "category",
    "place",
    "text",
    "caller_name",
    "caller_mobile",
    "secret_caller",
    "repeat_caller",
    "call_time",
];

/// An order and its line.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    pub order: Result<Value, Wrong>,
}

/// Why a line cannot be read: Chinese and English.
#[derive(Debug, PartialEq)]
pub struct Wrong {
    pub field: String,
    pub zh: String,
    pub en: String,
}

fn wrong(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Wrong {
    Wrong {
        field: field.to_owned(),
        zh: zh.into(),
        en: en.into(),
    }
}

pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv {
        let text = lutong_spreadsheets::decode(&bytes).map_err(|error| error.to_string())?;
        return csv(&text);
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| format!("byte {}: not UTF-8", error.valid_up_to()))?;
    Ok(ndjson(text))
}

fn ndjson(text: &str) -> Vec<Line> {
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let read = |(number, line): (u64, &str)| Line {
        number,
        order: serde_json::from_str(line)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| wrong("", "不是JSON对象", "is no JSON object")),
    };
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(read)
        .collect()
}

fn csv(text: &str) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut columns = BTreeSet::new();
    for column in &header {
        if !COLUMNS.contains(&column) {
            return Err(format!("{column}: there is no such column"));
        }
        if !columns.insert(column) {
            return Err(format!("{column}: the column is there twice"));
        }
    }
    let mut lines = Vec::new();
    for (nth, record) in (2_u64..).zip(reader.records()) {
        lines.push(match record {
            Ok(record) => Line {
                number: record.position().map_or(nth, csv::Position::line),
                order: order(&header.iter().zip(&record).collect()),
            },
            Err(error) => Line {
                number: error.position().map_or(nth, csv::Position::line),
                order: Err(wrong(
                    "",
                    "列数与表头不符",
                    "does not have as many columns as the header",
                )),
            },
        });
    }
    Ok(lines)
}

/// The order of a row, by its columns.
fn order(row: &std::collections::BTreeMap<&str, &str>) -> Result<Value, Wrong> {
    let cell = |column: &str| row.get(column).copied().unwrap_or_default();
    let mut order = Map::new();
    for column in ["hotline_number", "city_number", "division"] {
        order.insert(column.to_owned(), json!(cell(column)));
    }
    match (cell("issue"), cell("category")) {
        ("", "") => {
            return Err(wrong(
                "issue",
                "issue与category须填写一项",
                "either issue or category is required",
            ));
        }
        (issue, "") => {
            let place = json!({
                "issue": super::constant("PLACE_ISSUE", issue),
                "place": cell("place"),
                "text": cell("text"),
            });
            order.insert("place".to_owned(), place);
        }
        ("", category) => {
            let feedback =
                json!({"category": super::constant("FEEDBACK_CATEGORY", category), "text": cell("text")});
            order.insert("feedback".to_owned(), feedback);
        }
        (_, _) => {
            return Err(wrong(
                "category",
                "issue与category只能填写一项",
                "issue and category exclude each other",
            ));
        }
    }
    let (name, mobile) = (cell("caller_name"), cell("caller_mobile"));
    if !name.is_empty() || !mobile.is_empty() {
        order.insert("caller".to_owned(), json!({"name": name, "mobile": mobile}));
    }
    for column in ["secret_caller", "repeat_caller"] {
        order.insert(column.to_owned(), json!(flag(column, cell(column))?));
    }
    if !cell("call_time").is_empty() {
        order.insert("call_time".to_owned(), json!(cell("call_time")));
    }
    Ok(Value::Object(order))
}

/// `true`, `1`, `是` or `yes`; `false`, `0`, `否`, `no` or nothing. Whatever else might be a secret caller is refused.
fn flag(column: &str, text: &str) -> Result<bool, Wrong> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "是" | "yes" => Ok(true),
        "" | "false" | "0" | "否" | "no" => Ok(false),
        _ => Err(wrong(column, "应为是或否", "is yes or no")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "hotline_number,city_number,division,issue,place,text,caller_name,caller_mobile,secret_caller,repeat_caller,call_time\n\
        SD1,QD1,370202,refusing-green,海景酒店,持绿码不让进,王小明,13800138000,是,0,2022-11-26T08:00:00+08:00\n";

    fn orders(lines: Vec<Line>) -> Vec<Value> {
        lines.into_iter().map(|line| line.order.unwrap()).collect()
    }

    #[test]
    fn the_same_order_is_read_from_both_forms_and_both_encodings() {
        let from_csv = orders(csv(CSV).unwrap());
        let line = from_csv[0].to_string();
        assert_eq!(orders(ndjson(&format!("\u{feff}{line}\n\n"))), from_csv);
        let (gb, _, _) = encoding_rs::GB18030.encode(CSV);
        assert_eq!(
            orders(csv(&lutong_spreadsheets::decode(&gb).unwrap()).unwrap()),
            from_csv
        );
        assert_eq!(from_csv[0]["place"]["issue"], "PLACE_ISSUE_REFUSING_GREEN");
        assert_eq!(from_csv[0]["secret_caller"], true);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_spoils_itself_only() {
        let row = CSV.lines().nth(1).unwrap();
        let mixed = [
            CSV.trim_end(),
            "too,short",
            &row.replace("是", "maybe"),
            &row.replace("refusing-green", ""),
            row,
        ];
        let lines = csv(&mixed.join("\n")).unwrap();
        let named: Vec<(u64, String)> = lines
            .iter()
            .filter_map(|line| Some((line.number, line.order.as_ref().err()?.field.clone())))
            .collect();
        assert_eq!(
            named,
            [
                (3, String::new()),
                (4, "secret_caller".to_owned()),
                (5, "issue".to_owned())
            ]
        );
        assert_eq!(lines.len(), 5);
        let lines = ndjson("{\"hotline_number\":\"1\"}\n[]\nno\n");
        assert_eq!(lines.iter().filter(|line| line.order.is_err()).count(), 2);
    }

    #[test]
    fn a_file_with_another_header_is_refused() {
        for header in ["number,text\n1,x", "hotline_number,hotline_number\n1,1"] {
            assert!(csv(header).is_err(), "{header}");
        }
    }
}
