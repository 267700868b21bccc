//! Files as people send them, and files made to harm.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::people::{self, PersonRow};
use super::*;

const HEADER: &str = "姓名,证件类型,证件号码,手机号码,国籍,住址区划,详细住址";
const ROW: &str = "王小明,居民身份证,11010519491231002X,13800138000,,370202,香港中路1号";
const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>"#;
const PACKAGE: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;

fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn workbook(sheet_data: &str, shared: &str, more: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let sheet = format!(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{sheet_data}</sheetData></worksheet>"#
    );
    let shared =
        format!(r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{shared}</sst>"#);
    let mut entries = vec![
        ("_rels/.rels", PACKAGE.as_bytes().to_vec()),
        ("xl/workbook.xml", WORKBOOK.as_bytes().to_vec()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes().to_vec()),
        ("xl/worksheets/sheet1.xml", sheet.into_bytes()),
        ("xl/sharedStrings.xml", shared.into_bytes()),
    ];
    entries.extend(more.iter().cloned());
    archive(&entries)
}

fn inline(reference: &str, text: &str) -> String {
    format!(r#"<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

/// Rows of inline texts, beginning in the first row.
fn sheet(rows: &[&str]) -> String {
    let mut xml = String::new();
    for (number, row) in (1..).zip(rows) {
        xml.push_str(&format!(r#"<row r="{number}">"#));
        for (column, text) in ('A'..).zip(row.split(',')) {
            if !text.is_empty() {
                xml.push_str(&inline(&format!("{column}{number}"), text));
            }
        }
        xml.push_str("</row>");
    }
    xml
}

fn refused(bytes: &[u8]) -> &'static str {
    read(bytes).unwrap_err().reason()
}

/// `line field reason` of everything that is wrong.
fn wrong(rows: &[PersonRow]) -> Vec<String> {
    let of_row = |row: &PersonRow| {
        let wrong = row.person.as_ref().err().cloned().unwrap_or_default();
        let named = wrong
            .into_iter()
            .map(|one| format!("{} {} {}", row.line, one.field, one.reason));
        named.collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_row).collect()
}

#[test]
fn the_same_people_are_read_from_every_form_and_encoding() {
    let csv = format!("{HEADER}\n{ROW}\n");
    let expected = people::read(csv.as_bytes()).unwrap();
    let person = expected[0].person.as_ref().unwrap();
    assert_eq!(
        (person.full_name.as_str(), person.nationality.as_str()),
        ("王小明", "CHN")
    );
    assert_eq!(
        (expected[0].line, person.document_number.as_str()),
        (2, "11010519491231002X")
    );
    let english = "full_name,Document_Type,document_number,mobile,nationality,home_division,home_detail";
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&csv);
    for bytes in [
        format!("\u{feff}{csv}").into_bytes(),
        csv.replace('\n', "\r\n").into_bytes(),
        format!("{english}\n{}\n", ROW.replace("居民身份证", "RESIDENT_ID")).into_bytes(),
        gb18030.into_owned(),
        workbook(&sheet(&[HEADER, ROW]), "", &[]),
    ] {
        assert_eq!(people::read(&bytes).unwrap(), expected);
    }
}

#[test]
fn each_wrong_cell_is_named_with_its_own_reason() {
    let rows = [
        ROW.replace("王小明", "王\u{202e}小明"),
        ROW.replace("王小明", "王\u{200b}小明"),
        ROW.replace("王小明", "王\u{7}小明"),
        ROW.replace("王小明", "王\u{e0041}小明"),
        ROW.replace("王小明", ""),
        ROW.replace("居民身份证", "工作证"),
        ROW.replace("香港中路1号", &"长".repeat(400)),
        ROW.replace("香港中路1号", "路\u{2066}1"),
        format!("{ROW},x"),
        ROW.replace("13800138000", "").replace("370202", ""),
        ROW.to_owned(),
    ];
    let read = people::read(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes()).unwrap();
    assert_eq!(
        wrong(&read),
        [
            "2 full_name TEXT_BIDI",
            "3 full_name TEXT_INVISIBLE",
            "4 full_name TEXT_CONTROL",
            "5 full_name TEXT_TAG",
            "6 full_name MISSING",
            "7 document.type DOCUMENT_TYPE_UNKNOWN",
            "8 home_address.detail CELL_TOO_LONG",
            "9 home_address.detail TEXT_BIDI",
            "10  ROW_TOO_WIDE",
            "11 mobile MISSING",
            "11 home_address.division MISSING",
        ]
    );
    let shown = format!("{read:?}");
    assert!(!shown.contains('王') && !shown.contains("1380013"), "{shown}");
}

#[test]
fn a_number_that_the_spreadsheet_has_rounded_is_no_document() {
    let rows = sheet(&[HEADER]);
    let cells = [
        inline("A2", "王小明"),
        inline("B2", "居民身份证"),
        r#"<c r="C2"><v>1.1010519491231E+17</v></c>"#.to_owned(),
        r#"<c r="D2"><v>13800138000</v></c>"#.to_owned(),
        r#"<c r="F2"><v>370202</v></c>"#.to_owned(),
        r#"<c r="G2" t="e"><v>#N/A</v></c>"#.to_owned(),
    ];
    let rows = format!(r#"{rows}<row r="2">{}</row>"#, cells.concat());
    let read = people::read(&workbook(&rows, "", &[])).unwrap();
    assert_eq!(
        wrong(&read),
        [
            "2 document.number CELL_ROUNDED",
            "2 home_address.detail CELL_FORMULA_ERROR"
        ]
    );
}

#[test]
fn a_header_says_what_there_is() {
    let of = |header: &str| {
        people::read(format!("{header}\n{ROW}\n").as_bytes())
            .unwrap_err()
            .reason()
    };
    assert_eq!(of(&HEADER.replace("国籍", "工号")), "COLUMN_UNKNOWN");
    assert_eq!(of(&HEADER.replace("国籍", "姓名")), "COLUMN_TWICE");
    assert_eq!(of("姓名,证件类型"), "COLUMN_MISSING");
    assert_eq!(of(ROW), "COLUMN_UNKNOWN");
    assert_eq!(
        people::read(HEADER.as_bytes()).unwrap_err().reason(),
        "FILE_EMPTY"
    );
}

#[test]
fn a_text_in_another_encoding_is_refused_and_never_repaired() {
    let utf_16: Vec<u8> = format!("\u{feff}{HEADER}\n{ROW}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let truncated = &format!("{HEADER}\n{ROW}").into_bytes()[..5];
    let marked = [b"\xef\xbb\xbf".as_slice(), b"\xff\n"].concat();
    for bytes in [&utf_16[..], &[0xff, 0xff, b'\n'], truncated, &marked] {
        assert_eq!(refused(bytes), "FILE_ENCODING", "{bytes:?}");
    }
}

#[test]
fn content_decides_what_a_file_is() {
    let with = |name: &'static str| archive(&[(name, b"x".to_vec())]);
    let plain = sheet(&[HEADER, ROW]);
    for (bytes, reason) in [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more".to_vec(),
            "FILE_OLD_OR_ENCRYPTED_EXCEL",
        ),
        (with("xl/workbook.bin"), "FILE_BINARY_EXCEL"),
        (with("content.xml"), "FILE_OPEN_DOCUMENT"),
        (with("word/document.xml"), "FILE_TYPE_UNKNOWN"),
        (b"%PDF-1.7\0".to_vec(), "FILE_TYPE_UNKNOWN"),
        (
            workbook(&plain, "", &[("xl/vbaProject.bin", b"x".to_vec())]),
            "FILE_MACROS",
        ),
        (
            workbook(&plain, "", &[("xl/macrosheets/sheet1.xml", b"x".to_vec())]),
            "FILE_MACROS",
        ),
        (
            workbook(&plain, "", &[("xl/embeddings/a.bin", with("a"))]),
            "FILE_NESTED_ARCHIVE",
        ),
        (
            workbook(&plain, "", &[("../a", b"x".to_vec())]),
            "FILE_ENTRY_NAME",
        ),
        (workbook(&plain, "", &[("/a", b"x".to_vec())]), "FILE_ENTRY_NAME"),
        (b"PK\x03\x04".to_vec(), "FILE_DAMAGED"),
        (Vec::new(), "FILE_EMPTY"),
    ] {
        assert_eq!(refused(&bytes), reason);
    }
}

#[test]
fn an_encrypted_entry_is_refused() {
    let mut bytes = workbook(&sheet(&[HEADER, ROW]), "", &[]);
    // The flag of the last entry of the central directory.
    let at = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    bytes[at + 8] |= 1;
    assert_eq!(refused(&bytes), "FILE_ENCRYPTED");
}

#[test]
fn a_bomb_is_refused_before_it_is_opened() {
    let plain = sheet(&[HEADER, ROW]);
    let zeros = |mib: usize| vec![b' '; mib * 1024 * 1024];
    assert_eq!(
        refused(&workbook(&plain, "", &[("xl/media/a.xml", zeros(2))])),
        "FILE_INFLATES_TOO_FAST"
    );
    // Each of them small enough that its ratio is not asked.
    let names: Vec<String> = (0..65).map(|n| format!("xl/{n}.xml")).collect();
    let small: Vec<_> = names.iter().map(|name| (name.as_str(), zeros(1))).collect();
    assert_eq!(refused(&workbook(&plain, "", &small)), "FILE_INFLATES_TOO_MUCH");
    let names: Vec<String> = (0..200).map(|n| format!("xl/{n}.xml")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    assert_eq!(refused(&workbook(&plain, "", &many)), "FILE_TOO_MANY_ENTRIES");
}

/// Two cells at the ends of a sheet: its bounding rectangle has 17 billion cells.
#[test]
fn far_cells_cost_nothing() {
    let far = format!("{}{}", inline("A1", "a"), inline("XFD1048576", "b"));
    assert_eq!(refused(&workbook(&far, "", &[])), "FILE_TOO_MANY_ROWS");
    let wide = format!("{}{}", inline("A1", "a"), inline("XFD1", "b"));
    assert_eq!(refused(&workbook(&wide, "", &[])), "FILE_TOO_MANY_COLUMNS");
}

/// A text of one kilobyte that is stored once and referred to by every cell.
#[test]
fn a_shared_text_cannot_fill_the_memory() {
    let shared = format!("<si><t>{}</t></si>", "a".repeat(1_024));
    let mut rows = String::new();
    for row in 1..=1_100 {
        rows.push_str(&format!(r#"<row r="{row}">"#));
        for _ in 0..64 {
            rows.push_str(r#"<c t="s"><v>0</v></c>"#);
        }
        rows.push_str("</row>");
    }
    // Noise, lest the ratio of the sheet is what refuses it.
    let noise: String = (0..40_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_string())
        .collect();
    let bytes = workbook(&format!("{rows}<!--{noise}-->"), &shared, &[]);
    assert_eq!(refused(&bytes), "FILE_TOO_MUCH_TEXT");
}

#[test]
fn too_many_rows_are_refused_in_a_text_too() {
    let rows = format!("{HEADER}\n{}", "x\n".repeat(MAX_ROWS + 1));
    assert_eq!(refused(rows.as_bytes()), "FILE_TOO_MANY_ROWS");
    let wide = format!("{HEADER}\n{}\n", ["x"; MAX_COLUMNS + 1].join(","));
    assert_eq!(refused(wide.as_bytes()), "FILE_TOO_MANY_COLUMNS");
    assert_eq!(refused(&vec![b'x'; MAX_FILE + 1]), "FILE_TOO_LARGE");
}

#[test]
fn rows_that_do_not_ascend_are_damage() {
    let back = format!("{}{}", inline("A3", "a"), inline("A1", "b"));
    assert_eq!(refused(&workbook(&back, "", &[])), "FILE_DAMAGED");
}

#[test]
fn every_refusal_has_its_own_reason_and_both_texts() {
    let all = [
        FileError::TooLarge,
        FileError::OldOrEncryptedExcel,
        FileError::BinaryExcel,
        FileError::OpenDocument,
        FileError::Unknown,
        FileError::Macros,
        FileError::Encrypted,
        FileError::NestedArchive,
        FileError::EntryName,
        FileError::TooManyEntries,
        FileError::InflatesTooMuch,
        FileError::InflatesTooFast,
        FileError::Damaged,
        FileError::Encoding,
        FileError::Empty,
        FileError::TooManyRows,
        FileError::TooManyColumns,
        FileError::TooMuchText,
        FileError::ColumnUnknown(1),
        FileError::ColumnTwice(1),
        FileError::ColumnMissing("姓名"),
    ];
    let reasons: std::collections::BTreeSet<_> = all.iter().map(|error| error.reason()).collect();
    assert_eq!(reasons.len(), all.len());
    assert!(
        all.iter()
            .all(|error| !error.zh().is_empty() && !error.to_string().is_empty())
    );
}
