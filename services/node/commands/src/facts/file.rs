//! Fact files: NDJSON (one proto-JSON `FactRow` per line) and CSV (a column `kind` and one per attribute, named as in
//! rule sets; lists separated by `;`). An unreadable line affects only itself; a file with a wrong encoding or header
//! is refused as a whole.

mod cells;

use std::collections::BTreeSet;
use std::path::Path;

use lutong_kernel::Violation;
use lutong_proto::declaration::v1::FactRow;
use lutong_proto::facts::{FactKind, read_row_text};

/// Columns besides the attributes.
const COLUMNS: [&str; 10] = [
    "source",
    "key",
    "document.type",
    "document.number",
    "document.issuing_country",
    "subject_id",
    "kind",
    "replaces_key",
    "retracts_key",
    "reason",
];

/// One row and its position.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Line number in the file, from 1.
    pub number: u64,
    /// The row, or everything that is wrong with it.
    pub row: Result<FactRow, Vec<Violation>>,
}

pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if path
        .extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("csv"))
    {
        return csv(&text(&bytes)?);
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| format!("byte {}: not UTF-8", error.valid_up_to()))?;
    Ok(ndjson(text))
}

/// Decodes UTF-8 or GB18030.
fn text(bytes: &[u8]) -> Result<String, String> {
    lutong_spreadsheets::decode(bytes).map_err(|error| error.to_string())
}

fn ndjson(text: &str) -> Vec<Line> {
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let row = |(number, line): (u64, &str)| Line {
        number,
        row: read_row_text(line),
    };
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(row)
        .collect()
}

/// Whether some kind has an attribute of this name.
fn is_attribute(column: &str) -> bool {
    FactKind::ALL.iter().any(|kind| kind.index_of(column).is_some())
}

fn csv(text: &str) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut columns = BTreeSet::new();
    for column in &header {
        if !is_attribute(column) && !COLUMNS.contains(&column) {
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
                row: cells::read(header.iter().zip(&record)),
            },
            Err(error) => Line {
                number: line_of(error.position(), nth),
                row: Err(vec![Violation::new(
                    "",
                    "LINE_UNREADABLE",
                    "列数与表头不符",
                    "does not have as many columns as the header",
                )]),
            },
        });
    }
    Ok(lines)
}

/// The line number of a record; counted if the reader does not know it.
fn line_of(position: Option<&csv::Position>, nth: usize) -> u64 {
    position.map_or(nth as u64 + 2, csv::Position::line)
}

#[cfg(test)]
mod tests {
    use lutong_proto::declaration::v1::fact_row::{Statement, Subject};

    use super::*;

    const CSV: &str = "source,key,document.type,document.number,kind,observed_at,symptoms,temperature_c\n\
        医院,1,RESIDENT_ID,11010519491231002X,symptoms,2022-11-26T08:00:00+08:00,fever;dry_cough,37.5\n";
    const NDJSON: &str = r#"{"source":"医院","key":"1","document":{"type":"DOCUMENT_TYPE_RESIDENT_ID","number":"11010519491231002X"},"fact":{"symptoms":{"observed_at":"2022-11-26T08:00:00+08:00","symptoms":["SYMPTOM_FEVER","SYMPTOM_DRY_COUGH"],"temperatureC":37.5}}}"#;

    fn rows(lines: Vec<Line>) -> Vec<FactRow> {
        lines.into_iter().map(|line| line.row.unwrap()).collect()
    }

    /// `line field` of each unreadable row.
    fn unreadable(lines: &[Line]) -> Vec<String> {
        let named = |line: &Line| {
            let wrong = line.row.as_ref().err()?;
            let fields: Vec<_> = wrong.iter().map(|one| one.field.as_str()).collect();
            Some(format!("{} {}", line.number, fields.join(",")))
        };
        lines.iter().filter_map(named).collect()
    }

    #[test]
    fn the_same_rows_are_read_from_both_forms_and_both_encodings() {
        let expected = rows(csv(CSV).unwrap());
        assert_eq!(rows(ndjson(NDJSON)), expected);
        let (gb, _, _) = encoding_rs::GB18030.encode(CSV);
        assert_eq!(rows(csv(&text(&gb).unwrap()).unwrap()), expected);
        let marked = format!("\u{feff}{NDJSON}");
        assert_eq!(rows(ndjson(&marked)), expected);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_spoils_itself_only() {
        let mixed = format!("{NDJSON}\n\n{{\"sourc\":1}}\nno json\n{NDJSON} {NDJSON}\n{NDJSON}\n");
        let read = ndjson(&mixed);
        assert_eq!(unreadable(&read), ["3 sourc", "4 ", "5 "]);
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
            ["3 fact.symptoms.temperature_c", "4 document.type", "5 "]
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
    fn corrections_retractions_and_subjects_are_read_and_choices_are_named() {
        let header = "source,key,subject_id,document.number,kind,stage,diagnosed_at,country,replaces_key,retracts_key,reason";
        let read = |cells: &str| csv(&format!("{header}\n{cells}\n")).unwrap().remove(0).row;
        let day = "2022-11-26T08:00:00+08:00";
        let corrected = read(&format!("a,1,s,,case,confirmed,{day},,0,,")).unwrap();
        let Some(Statement::Correction(correction)) = corrected.statement else {
            panic!("a correction")
        };
        assert_eq!(correction.fact.unwrap().fact_kind(), Some(FactKind::Case));
        assert_eq!(corrected.subject, Some(Subject::SubjectId("s".to_owned())));
        let retracted = read("a,1,s,,,,,,,0,误报").unwrap();
        assert!(matches!(retracted.statement, Some(Statement::Retraction(one)) if one.retracts_key == "0"));
        assert_eq!(
            read("a,1,s,,,,,,,,").unwrap().statement,
            None,
            "the service says that it states nothing"
        );
        for (cells, expected) in [
            ("a,1,s,1,case,,,,,,", "subject_id ONE_OF"),
            ("a,1,s,,rumour,,,,,,", "kind UNKNOWN_VALUE"),
            ("a,1,s,,,confirmed,,,,,", "kind MISSING"),
            ("a,1,s,,,,,,0,,", "kind MISSING"),
            ("a,1,s,,case,,,,,0,r", "retracts_key ONE_OF"),
            (
                "a,1,s,,case,ill,,DEU,,,",
                "fact.case.country UNKNOWN_FIELD,fact.case.stage UNKNOWN_VALUE",
            ),
            (
                "a,1,s,,case,,yesterday,,0,,",
                "correction.fact.case.diagnosed_at INSTANT_SHAPE",
            ),
            ("a,1,s,,case,,,,,,because", "reason UNKNOWN_FIELD"),
        ] {
            let wrong = read(cells).unwrap_err();
            let named: Vec<_> = wrong
                .iter()
                .map(|one| format!("{} {}", one.field, one.reason))
                .collect();
            assert_eq!(named.join(","), expected, "{cells}");
        }
    }

    #[test]
    fn the_examples_of_the_format_are_rows() {
        let format = include_str!("../../../../declaration/formats/facts.md");
        let block = |begin: &str| format.split(begin).nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(rows(ndjson(block("```json\n"))).len(), 3);
        assert_eq!(rows(csv(block("```csv\n")).unwrap()).len(), 2);
        assert!(
            COLUMNS
                .iter()
                .all(|column| format.contains(&format!("`{column}`")))
        );
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
        assert!(csv(&CSV.replace("observed_at", "attributes.observed_at")).is_err());
        assert!(text(&[0xff, 0xff, b'\n']).is_err());
    }
}
