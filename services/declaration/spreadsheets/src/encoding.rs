//! Decodes the text of a file, never with a replacement character.

use crate::error::FileError;

/// Byte order marks of UTF-16, whose bytes could pass for GB18030.
const UTF_16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// Decodes UTF-8 or GB18030. Some GB18030 is valid UTF-8 by chance (医院 reads as ҽԺ): a text that has Chinese characters only when
/// decoded as GB18030 is taken as GB18030.
pub fn decode(bytes: &[u8]) -> Result<String, FileError> {
    if UTF_16.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(FileError::Encoding);
    }
    if bytes.contains(&0) {
        return Err(FileError::Unknown);
    }
    let marked = bytes.strip_prefix("\u{feff}".as_bytes());
    let utf_8 = std::str::from_utf8(marked.unwrap_or(bytes));
    if marked.is_some() {
        return utf_8.map(str::to_owned).map_err(|_| FileError::Encoding);
    }
    let gb18030 = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
    match (utf_8, gb18030) {
        (Ok(text), Some(other)) if !has_han(text) && has_han(&other) => Ok(other.into_owned()),
        (Ok(text), _) => Ok(text.to_owned()),
        (Err(_), Some(text)) => Ok(text.into_owned()),
        (Err(_), None) => Err(FileError::Encoding),
    }
}

fn has_han(text: &str) -> bool {
    text.chars()
        .any(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}'))
}
