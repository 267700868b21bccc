//! What of a PDF is counted before it is read, so that a few bytes cannot stand for millions of objects.

use crate::Refusal;

/// White space and delimiters. In packed data about one byte in 16 looks like one.
const MAX_TOKENS: usize = 700_000;
/// Streams that hold objects.
const MAX_OBJECT_STREAMS: usize = 32;
/// Bytes that one of them, or a table of references, may inflate to.
pub const MAX_INFLATED: usize = 128 * 1024;

pub fn check(file: &[u8]) -> Result<(), Refusal> {
    let tokens = file.iter().filter(|byte| is_delimiter(**byte)).count();
    if tokens > MAX_TOKENS {
        return Err(Refusal::TooComplex);
    }
    let names = file.split(|byte| *byte == b'/').skip(1);
    let object_streams = names.filter(|rest| is_object_stream(rest)).count();
    if object_streams > MAX_OBJECT_STREAMS {
        return Err(Refusal::TooComplex);
    }
    Ok(())
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'\0'
            | b'\t'
            | b'\n'
            | b'\x0c'
            | b'\r'
            | b' '
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'/'
            | b'%'
    )
}

/// Whether a name, whose characters may be written as `#` and two digits, begins with `ObjStm`.
fn is_object_stream(rest: &[u8]) -> bool {
    let mut bytes = rest.iter().copied();
    b"ObjStm".iter().all(|wanted| match bytes.next() {
        Some(b'#') => {
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let (high, low) = (digit(bytes.next()), digit(bytes.next()));
            high.zip(low)
                .is_some_and(|(high, low)| high * 16 + low == u32::from(*wanted))
        }
        byte => byte == Some(*wanted),
    })
}
