//! Fact files: NDJSON (a proto-JSON `FactRow` a line) and CSV (columns `attributes.<name>`, lists separated by `;`). A line
//! that cannot be read spoils itself only; a file whose encoding or header is wrong is refused whole.

use std::collections::BTreeSet;
use std::path::Path;

use csv::StringRecord;
use lutong_proto::declaration::v1::FactRow;
use lutong_proto::types::v1::{Document, DocumentType};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

/// Columns besides the attributes'.
const COLUMNS: [&str; 10] = [
    "source",
    "key",
    "document.type",
    "document.number",
    "document.issuing_country",
    "subject_id",
    "kind",
    "replaces_key",
    "retract_key",
    "reason",
];
/// Lists in CSV are of these attributes, numbers of these.
const LISTS: [&str; 1] = ["symptoms"];
const NUMBERS: [&str; 1] = ["temperature_c"];

/// One row and where it stands.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Of the file, from 1.
    pub number: u64,
    pub row: Result<FactRow, Unreadable>,
}

/// Why a line is no row.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The column; empty where it is the whole line.
    pub field: String,
    pub message: String,
}

pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if path
        .extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("csv"))
    {
        return csv(&text(&bytes)?);
    }
    ndjson(std::str::from_utf8(&bytes).map_err(|error| format!("byte {}: not UTF-8", error.valid_up_to()))?)
}

/// UTF-8 or GB18030. Some GB18030 is valid UTF-8 by chance (医院 reads as ҽԺ): what has Chinese characters only when it
/// is read as GB18030 is that.
fn text(bytes: &[u8]) -> Result<String, String> {
    let marked = bytes.strip_prefix("\u{feff}".as_bytes());
    let utf_8 = std::str::from_utf8(marked.unwrap_or(bytes));
    let (gb, _, broken) = encoding_rs::GB18030.decode(bytes);
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}');
    match utf_8 {
        Ok(text) if marked.is_some() || broken || text.chars().any(is_han) || !gb.chars().any(is_han) => {
            Ok(text.to_owned())
        }
        _ if broken => Err("neither UTF-8 nor GB18030".to_owned()),
        _ => Ok(gb.into_owned()),
    }
}

fn ndjson(text: &str) -> Result<Vec<Line>, String> {
    let pool = lutong_proto::descriptor_pool();
    let shape = pool
        .get_message_by_name("lutong.declaration.v1.FactRow")
        .ok_or("the contract has no FactRow")?;
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let row = |(number, line): (u64, &str)| Line {
        number,
        row: from_json(&shape, line).map_err(|message| Unreadable {
            field: String::new(),
            message,
        }),
    };
    Ok(lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(row)
        .collect())
}

fn from_json(shape: &MessageDescriptor, line: &str) -> Result<FactRow, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let message = DynamicMessage::deserialize(shape.clone(), &mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    FactRow::decode(&*message.encode_to_vec()).map_err(|error| error.to_string())
}

fn csv(text: &str) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut columns = BTreeSet::new();
    for column in &header {
        let is_attribute = column
            .strip_prefix("attributes.")
            .is_some_and(|name| !name.is_empty());
        if !is_attribute && !COLUMNS.contains(&column) {
            return Err(format!("{column}: there is no such column"));
        }
        if !columns.insert(column) {
            return Err(format!("{column}: the column is there twice"));
        }
    }
    let mut lines = Vec::new();
    for (nth, record) in reader.records().enumerate() {
        lines.push(match record {
            Ok(record) => Line {
                number: line_of(record.position(), nth),
                row: from_cells(&header, &record),
            },
            Err(error) => Line {
                number: line_of(error.position(), nth),
                row: Err(Unreadable {
                    field: String::new(),
                    message: "does not have as many columns as the header".to_owned(),
                }),
            },
        });
    }
    Ok(lines)
}

/// A record's line; counted where the reader does not know it.
fn line_of(position: Option<&csv::Position>, nth: usize) -> u64 {
    position.map_or(nth as u64 + 2, csv::Position::line)
}

fn from_cells(header: &StringRecord, record: &StringRecord) -> Result<FactRow, Unreadable> {
    let mut row = FactRow::default();
    for (column, cell) in header.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        set(&mut row, column, cell).map_err(|error| Unreadable {
            field: column.to_owned(),
            message: error,
        })?;
    }
    Ok(row)
}

fn set(row: &mut FactRow, column: &str, cell: &str) -> Result<(), String> {
    if let Some(name) = column.strip_prefix("attributes.") {
        let attributes = row.attributes.get_or_insert_with(Struct::default);
        attributes.fields.insert(name.to_owned(), value(name, cell)?);
        return Ok(());
    }
    if let Some(part) = column.strip_prefix("document.") {
        let document = row.document.get_or_insert_with(Document::default);
        match part {
            "type" => document.r#type = document_type(cell)?.into(),
            "number" => cell.clone_into(&mut document.number),
            "issuing_country" => cell.clone_into(&mut document.issuing_country),
            _ => return Err("there is no such column".to_owned()),
        }
        return Ok(());
    }
    let field = match column {
        "source" => &mut row.source,
        "key" => &mut row.key,
        "subject_id" => &mut row.subject_id,
        "kind" => &mut row.kind,
        "replaces_key" => &mut row.replaces_key,
        "retract_key" => &mut row.retract_key,
        "reason" => &mut row.reason,
        _ => return Err("there is no such column".to_owned()),
    };
    cell.clone_into(field);
    Ok(())
}

fn document_type(cell: &str) -> Result<DocumentType, String> {
    let whole = format!("DOCUMENT_TYPE_{cell}");
    let known = DocumentType::from_str_name(cell).or_else(|| DocumentType::from_str_name(&whole));
    known.ok_or_else(|| "there is no such document type".to_owned())
}

fn value(name: &str, cell: &str) -> Result<Value, String> {
    let text = |cell: &str| Value {
        kind: Some(Kind::StringValue(cell.trim().to_owned())),
    };
    if LISTS.contains(&name) {
        let values = cell
            .split(';')
            .filter(|one| !one.trim().is_empty())
            .map(text)
            .collect();
        return Ok(Value {
            kind: Some(Kind::ListValue(ListValue { values })),
        });
    }
    if NUMBERS.contains(&name) {
        let number = cell.parse().map_err(|_| "is no number".to_owned())?;
        return Ok(Value {
            kind: Some(Kind::NumberValue(number)),
        });
    }
    Ok(text(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "source,key,document.type,document.number,kind,attributes.observed_at,attributes.symptoms,attributes.temperature_c\n\
        医院,1,RESIDENT_ID,11010519491231002X,symptoms,2022-11-26T08:00:00+08:00,fever;dry_cough,37.5\n";
    const NDJSON: &str = r#"{"source":"医院","key":"1","document":{"type":"DOCUMENT_TYPE_RESIDENT_ID","number":"11010519491231002X"},"kind":"symptoms","attributes":{"observed_at":"2022-11-26T08:00:00+08:00","symptoms":["fever","dry_cough"],"temperature_c":37.5}}"#;

    fn rows(lines: Vec<Line>) -> Vec<FactRow> {
        lines.into_iter().map(|line| line.row.unwrap()).collect()
    }

    /// `line field` of what cannot be read.
    fn unreadable(lines: &[Line]) -> Vec<String> {
        let wrong = |line: &Line| Some(format!("{} {}", line.number, line.row.as_ref().err()?.field));
        lines.iter().filter_map(wrong).collect()
    }

    #[test]
    fn the_same_rows_are_read_from_both_forms_and_both_encodings() {
        let expected = rows(csv(CSV).unwrap());
        assert_eq!(rows(ndjson(NDJSON).unwrap()), expected);
        let (gb, _, _) = encoding_rs::GB18030.encode(CSV);
        assert_eq!(rows(csv(&text(&gb).unwrap()).unwrap()), expected);
        let marked = format!("\u{feff}{NDJSON}");
        assert_eq!(rows(ndjson(&marked).unwrap()), expected);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_spoils_itself_only() {
        let mixed = format!("{NDJSON}\n\n{{\"sourc\":1}}\nno json\n{NDJSON} {NDJSON}\n{NDJSON}\n");
        let read = ndjson(&mixed).unwrap();
        assert_eq!(unreadable(&read), ["3 ", "4 ", "5 "]);
        assert_eq!(read.len(), 5);
        let row = CSV.lines().nth(1).unwrap();
        let mixed = [
            CSV.trim_end(),
            &row.replace("37.5", "warm"),
            &row.replace("RESIDENT_ID", "CARD"),
            "too,short",
            row,
        ];
        let read = csv(&mixed.join("\n")).unwrap();
        assert_eq!(
            unreadable(&read),
            ["3 attributes.temperature_c", "4 document.type", "5 "]
        );
        assert_eq!((read[0].number, read[4].number), (2, 6));
        assert!(read[4].row.is_ok());
        let joined = mixed.join("\n");
        let (gb, _, _) = encoding_rs::GB18030.encode(&joined);
        assert_eq!(unreadable(&csv(&text(&gb).unwrap()).unwrap()), unreadable(&read));
    }

    #[test]
    fn what_was_typed_is_not_repeated() {
        let wrong = csv(&CSV.replace("37.5", "王小明")).unwrap();
        assert!(!format!("{:?}", wrong[0].row.as_ref().unwrap_err()).contains('王'));
    }

    #[test]
    fn a_file_with_a_wrong_header_or_encoding_is_refused_whole() {
        assert!(
            csv(&CSV.replace(",kind,", ",kinds,"))
                .unwrap_err()
                .starts_with("kinds: ")
        );
        assert!(
            csv(&CSV.replace(",kind,", ",key,"))
                .unwrap_err()
                .contains("twice")
        );
        assert!(csv(&CSV.replace("attributes.observed_at", "attributes.")).is_err());
        assert!(text(&[0xff, 0xff, b'\n']).is_err());
    }
}
