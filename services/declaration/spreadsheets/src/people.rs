//! Rows of people: the names of the columns, and the cells of each row by its column.

use lutong_kernel::document::DocumentType;
use lutong_kernel::{FreeText, TextError, TextRule, Violation};

use crate::MAX_CELL;
use crate::cell::Cell;
use crate::error::FileError;
use crate::table::{Row, Table};

/// The nationality of a row that states none.
const CHINA: &str = "CHN";

/// A column of a file of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    /// In the header, in Chinese.
    zh: &'static str,
    /// In the header, in English.
    en: &'static str,
    /// The field of an application that it is.
    field: &'static str,
    is_required: bool,
}

const fn required(zh: &'static str, en: &'static str, field: &'static str) -> Column {
    Column {
        zh,
        en,
        field,
        is_required: true,
    }
}

const fn optional(zh: &'static str, en: &'static str, field: &'static str) -> Column {
    Column {
        is_required: false,
        ..required(zh, en, field)
    }
}

const FULL_NAME: usize = 0;
const DOCUMENT_TYPE: usize = 1;
const DOCUMENT_NUMBER: usize = 2;
const ISSUING_COUNTRY: usize = 3;
const MOBILE: usize = 4;
const NATIONALITY: usize = 5;
const HOME_DIVISION: usize = 6;
const HOME_DETAIL: usize = 7;

const COLUMNS: [Column; 8] = [
    required("姓名", "full_name", "full_name"),
    required("证件类型", "document_type", "document.type"),
    required("证件号码", "document_number", "document.number"),
    optional("签发国家", "issuing_country", "document.issuing_country"),
    required("手机号码", "mobile", "mobile"),
    optional("国籍", "nationality", "nationality"),
    required("住址区划", "home_division", "home_address.division"),
    required("详细住址", "home_detail", "home_address.detail"),
];

/// The types of documents as the code table names them (GA/T 517).
const DOCUMENT_TYPES: [(&str, DocumentType); 16] = [
    ("居民身份证", DocumentType::ResidentId),
    ("临时居民身份证", DocumentType::TempResidentId),
    ("户口簿", DocumentType::HouseholdBook),
    ("中国人民解放军军官证", DocumentType::MilitaryOfficer),
    ("中国人民武装警察部队警官证", DocumentType::ArmedPoliceOfficer),
    ("出生医学证明", DocumentType::BirthCert),
    ("普通护照", DocumentType::PassportOrdinary),
    ("外交护照", DocumentType::PassportDiplomatic),
    ("公务护照", DocumentType::PassportService),
    ("旅行证", DocumentType::TravelDoc),
    ("台湾居民来往大陆通行证", DocumentType::TwTravelPermit),
    (
        "台湾居民来往大陆通行证(一次有效)",
        DocumentType::TwTravelPermitOnce,
    ),
    ("港澳居民来往内地通行证", DocumentType::HkmoHomeReturn),
    ("外国人永久居留证", DocumentType::ForeignPermanentResident),
    ("外国人居留证", DocumentType::ForeignResidence),
    ("其他", DocumentType::Other),
];

/// A person as a row states them. Texts are in NFC and in one line; nothing else of them is checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct StatedPerson {
    pub full_name: String,
    pub document_type: DocumentType,
    pub document_number: String,
    /// GB/T 2659 alpha-3; empty where the number is unique without it.
    pub issuing_country: String,
    pub mobile: String,
    pub nationality: String,
    pub home_division: String,
    pub home_detail: String,
}

/// Personal data is not shown.
impl std::fmt::Debug for StatedPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatedPerson(***)")
    }
}

/// A row of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Its line in the file.
    pub line: u64,
    /// The person, or everything that is wrong with the row, by fields of the contract.
    pub person: Result<StatedPerson, Vec<Violation>>,
}

/// Reads a file of people.
pub fn read(bytes: &[u8]) -> Result<Vec<PersonRow>, FileError> {
    let Table { header, rows } = crate::read(bytes)?;
    let positions = positions(&header)?;
    let width = header.cells.len();
    Ok(rows
        .iter()
        .map(|row| person_row(row, &positions, width))
        .collect())
}

/// The position of each of [`COLUMNS`] in the file.
fn positions(header: &Row) -> Result<[Option<usize>; COLUMNS.len()], FileError> {
    let mut positions = [None; COLUMNS.len()];
    for (position, cell) in header.cells.iter().enumerate() {
        let known = match cell {
            Cell::Text(name) => COLUMNS
                .iter()
                .position(|column| column.zh == name || column.en.eq_ignore_ascii_case(name)),
            Cell::Unusable(_) => None,
        };
        let known = known.ok_or(FileError::ColumnUnknown(position + 1))?;
        if positions[known].replace(position).is_some() {
            return Err(FileError::ColumnTwice(position + 1));
        }
    }
    for (column, position) in COLUMNS.iter().zip(positions) {
        if column.is_required && position.is_none() {
            return Err(FileError::ColumnMissing(column.zh));
        }
    }
    Ok(positions)
}

fn person_row(row: &Row, positions: &[Option<usize>; COLUMNS.len()], width: usize) -> PersonRow {
    PersonRow {
        line: row.line,
        person: person(row, positions, width),
    }
}

fn person(
    row: &Row,
    positions: &[Option<usize>; COLUMNS.len()],
    width: usize,
) -> Result<StatedPerson, Vec<Violation>> {
    if row.cells.len() > width {
        return Err(vec![Violation::new(
            "",
            "ROW_TOO_WIDE",
            "该行列数多于表头",
            "has more cells than the header",
        )]);
    }
    let mut wrong = Vec::new();
    let mut texts: [String; COLUMNS.len()] = Default::default();
    for ((column, position), text) in COLUMNS.iter().zip(positions).zip(&mut texts) {
        let cell = position.and_then(|position| row.cells.get(position));
        match checked(column, cell) {
            Ok(found) => *text = found,
            Err(violation) => wrong.push(violation),
        }
    }
    let kind = document_type(&texts[DOCUMENT_TYPE]);
    if kind.is_none() && !wrong.iter().any(|one| one.field == COLUMNS[DOCUMENT_TYPE].field) {
        wrong.push(Violation::new(
            COLUMNS[DOCUMENT_TYPE].field,
            "DOCUMENT_TYPE_UNKNOWN",
            "没有此证件类型",
            "is no type of the list",
        ));
    }
    let (Some(document_type), true) = (kind, wrong.is_empty()) else {
        return Err(wrong);
    };
    let mut take = |column: usize| std::mem::take(&mut texts[column]);
    let nationality = take(NATIONALITY);
    Ok(StatedPerson {
        full_name: take(FULL_NAME),
        document_type,
        document_number: take(DOCUMENT_NUMBER),
        issuing_country: take(ISSUING_COUNTRY),
        mobile: take(MOBILE),
        nationality: if nationality.is_empty() {
            CHINA.to_owned()
        } else {
            nationality
        },
        home_division: take(HOME_DIVISION),
        home_detail: take(HOME_DETAIL),
    })
}

/// The text of a cell, checked by the kernel's rules for one line.
fn checked(column: &Column, cell: Option<&Cell>) -> Result<String, Violation> {
    let text = match cell {
        None => "",
        Some(Cell::Text(text)) => text,
        Some(Cell::Unusable(error)) => return Err(error.violation(column.field)),
    };
    match FreeText::parse(text, TextRule::line(MAX_CELL)) {
        Ok(text) => Ok(text.into_string()),
        Err(TextError::Empty) if !column.is_required => Ok(String::new()),
        Err(error) => Err(error.violation(column.field)),
    }
}

/// A type by its Chinese name, or by its name in the contract with or without the prefix.
fn document_type(text: &str) -> Option<DocumentType> {
    let named = DOCUMENT_TYPES.iter().find(|(zh, _)| *zh == text);
    let upper = text.to_ascii_uppercase();
    let constant = upper.strip_prefix("DOCUMENT_TYPE_").unwrap_or(&upper);
    named.map(|(_, kind)| *kind).or_else(|| constant.parse().ok())
}
