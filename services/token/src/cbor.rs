//! Deterministic CBOR (RFC 8949, section 4.2.1): the shortest form of every head, map keys in ascending order, nothing of
//! indefinite length. Written by hand, because signing is on the path of every code that is shown; read through coset.

use coset::cbor::Value;

/// The major types of RFC 8949, section 3.1, in the three high bits of a head.
pub(crate) const UNSIGNED: u8 = 0x00;
pub(crate) const NEGATIVE: u8 = 0x20;
pub(crate) const BYTES: u8 = 0x40;
pub(crate) const TEXT: u8 = 0x60;
pub(crate) const ARRAY: u8 = 0x80;
pub(crate) const MAP: u8 = 0xA0;
pub(crate) const TAG: u8 = 0xC0;

/// A text that is not a token, with the reason for an operator. The reason tells nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code token: {0}")]
pub struct UnreadableToken(pub(crate) &'static str);

/// Writes the head of an item: its major type and its number (a value, a length or a count) in the shortest form.
#[allow(clippy::cast_possible_truncation)] // each arm holds what it casts
pub(crate) fn write_head(out: &mut Vec<u8>, major: u8, number: u32) {
    match number {
        0..=0x17 => out.push(major + number as u8),
        0x18..=0xFF => out.extend_from_slice(&[major + 0x18, number as u8]),
        0x100..=0xFFFF => {
            out.push(major + 0x19);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        _ => {
            out.push(major + 0x1A);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Writes an integer between -2^32 and 2^32 - 1; the numbers of this format are smaller.
pub(crate) fn write_integer(out: &mut Vec<u8>, number: i64) {
    match u32::try_from(number) {
        Ok(number) => write_head(out, UNSIGNED, number),
        // The bits of -1 - n are the inverted bits of n.
        Err(_) => write_head(out, NEGATIVE, u32::try_from(!number).unwrap_or(u32::MAX)),
    }
}

/// Writes a byte string of at most 2^32 - 1 bytes; a token is much shorter.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_string(out, BYTES, bytes);
}

/// Writes a text of at most 2^32 - 1 bytes.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    write_string(out, TEXT, text.as_bytes());
}

/// Writes `false` or `true`.
pub(crate) fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(0xF4 + u8::from(value));
}

fn write_string(out: &mut Vec<u8>, major: u8, bytes: &[u8]) {
    write_head(out, major, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

/// Reads one item in its shortest form with nothing after it.
pub(crate) fn read_deterministic(bytes: &[u8]) -> Result<Value, UnreadableToken> {
    let value: Value = coset::cbor::from_reader(bytes).map_err(|_| UnreadableToken("it is not CBOR"))?;
    // Bytes after the item are missing from what is written here.
    if encode(&value)? != bytes {
        return Err(UnreadableToken("its CBOR is not one item in the shortest form"));
    }
    Ok(value)
}

/// The bytes of an item.
pub(crate) fn encode(value: &Value) -> Result<Vec<u8>, UnreadableToken> {
    let mut out = Vec::new();
    coset::cbor::into_writer(value, &mut out).map_err(|_| UnreadableToken("it is not CBOR"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    /// RFC 8949, appendix A.
    #[test]
    fn items_are_written_as_in_the_examples_of_rfc_8949() {
        for (number, bytes) in [
            (0, [0x00].as_slice()),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (255, &[0x18, 0xFF]),
            (256, &[0x19, 0x01, 0x00]),
            (1_000, &[0x19, 0x03, 0xE8]),
            (65_535, &[0x19, 0xFF, 0xFF]),
            (65_536, &[0x1A, 0x00, 0x01, 0x00, 0x00]),
            (1_000_000, &[0x1A, 0x00, 0x0F, 0x42, 0x40]),
            (-1, &[0x20]),
            (-100, &[0x38, 0x63]),
            (-1_000, &[0x39, 0x03, 0xE7]),
        ] {
            assert_eq!(written(|out| write_integer(out, number)), bytes, "{number}");
        }
        assert_eq!(written(|out| write_bytes(out, &[1, 2, 3, 4])), [0x44, 1, 2, 3, 4]);
        assert_eq!(
            written(|out| write_text(out, "IETF")),
            [0x64, 0x49, 0x45, 0x54, 0x46]
        );
    }

    #[test]
    fn only_one_item_in_its_shortest_form_is_read() {
        assert_eq!(read_deterministic(&[0x18, 0x18]), Ok(Value::from(24)));
        for bad in [
            [].as_slice(),
            // 23 in two bytes, 0 after an item, an array of indefinite length, a text without its end.
            &[0x18, 0x17],
            &[0x00, 0x00],
            &[0x9F, 0xFF],
            &[0x62, 0x41],
        ] {
            assert!(read_deterministic(bad).is_err(), "{bad:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_a_cbor_library_writes(number in -(1_i64 << 32)..1_i64 << 32, bytes: Vec<u8>, text in ".{0,300}") {
            prop_assert_eq!(Ok(written(|out| write_integer(out, number))), encode(&number.into()));
            prop_assert_eq!(Ok(written(|out| write_bytes(out, &bytes))), encode(&Value::Bytes(bytes.clone())));
            prop_assert_eq!(Ok(written(|out| write_text(out, &text))), encode(&Value::Text(text.clone())));
        }
    }
}
