//! Fact files: NDJSON (a proto-JSON `FactRow` a line) and CSV (columns `attributes.<name>`, lists separated by `;`).

use std::path::Path;

use lutong_proto::declaration::v1::FactRow;
use lutong_proto::identity::v1::{Document, DocumentType};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

/// Lists in CSV are of these attributes, numbers of these.
const LISTS: [&str; 1] = ["symptoms"];
const NUMBERS: [&str; 1] = ["temperature_c"];

pub fn read(path: &Path) -> Result<Vec<FactRow>, String> {
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

fn ndjson(text: &str) -> Result<Vec<FactRow>, String> {
    let pool = lutong_proto::descriptor_pool();
    let row = pool
        .get_message_by_name("lutong.declaration.v1.FactRow")
        .ok_or("the contract has no FactRow")?;
    let mut rows = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let at = |error: &dyn std::fmt::Display| format!("line {}: {error}", number + 1);
        let mut json = serde_json::Deserializer::from_str(line);
        let message = DynamicMessage::deserialize(row.clone(), &mut json).map_err(|error| at(&error))?;
        json.end().map_err(|error| at(&error))?;
        rows.push(FactRow::decode(&*message.encode_to_vec()).map_err(|error| at(&error))?);
    }
    Ok(rows)
}

fn csv(text: &str) -> Result<Vec<FactRow>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = FactRow::default();
        for (column, cell) in header
            .iter()
            .zip(record.iter())
            .filter(|(_, cell)| !cell.is_empty())
        {
            set(&mut row, column, cell).map_err(|error| format!("line {line}: {column}: {error}"))?;
        }
        rows.push(row);
    }
    Ok(rows)
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
    known.ok_or_else(|| format!("there is no document type {cell:?}"))
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
        let number = cell.parse().map_err(|_| format!("{cell:?} is no number"))?;
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

    #[test]
    fn the_same_rows_are_read_from_both_forms_and_both_encodings() {
        let rows = csv(CSV).unwrap();
        assert_eq!(rows, ndjson(NDJSON).unwrap());
        let (gb, _, _) = encoding_rs::GB18030.encode(CSV);
        assert_eq!(csv(&text(&gb).unwrap()).unwrap(), rows);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        assert!(
            ndjson(&format!("{NDJSON}\n{{\"sourc\":1}}"))
                .unwrap_err()
                .starts_with("line 2")
        );
        assert!(
            csv(&CSV.replace(",kind,", ",kinds,"))
                .unwrap_err()
                .contains("kinds")
        );
        assert!(
            csv(&CSV.replace("37.5", "warm"))
                .unwrap_err()
                .starts_with("line 2: attributes.temperature_c")
        );
    }
}
