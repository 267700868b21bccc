//! What a device signs around a token that is bound to its key: the token as it is, and until when the device shows it.
//!
//! ```text
//! {4: expires, -65004: COSE_Sign1 of the token}
//! ```
//!
//! The signature of the device proves that whoever shows the token has the device, and for which minute.

use coset::cbor::Value;
use lutong_kernel::Timestamp;

use crate::cbor::{self, UnreadableToken};

const EXPIRES: i64 = 4;
const TOKEN: i64 = -65_004;

/// The payload under the signature of the device.
pub(crate) fn payload(token: &[u8], expires_at: Timestamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(token.len() + 16);
    cbor::write_head(&mut out, cbor::MAP, 2);
    cbor::write_integer(&mut out, EXPIRES);
    cbor::write_integer(&mut out, expires_at.seconds());
    cbor::write_integer(&mut out, TOKEN);
    cbor::write_bytes(&mut out, token);
    out
}

/// The token and the end of its minute, or `None` for the payload of a token that stands by itself.
pub(crate) fn read(payload: &[u8]) -> Result<Option<(Vec<u8>, Timestamp)>, UnreadableToken> {
    // A token that stands by itself has five claims at least.
    if payload.first() != Some(&(cbor::MAP + 2)) {
        return Ok(None);
    }
    let wrong = UnreadableToken("what a device signs is a time and a token");
    let claims = cbor::read_deterministic(payload)?.into_map().map_err(|_| wrong)?;
    let [(expires, at), (label, token)] = <[_; 2]>::try_from(claims).map_err(|_| wrong)?;
    if [expires, label] != [EXPIRES, TOKEN].map(Value::from) {
        return Err(wrong);
    }
    let at = at.as_integer().and_then(|at| u32::try_from(at).ok());
    let expires_at = Timestamp::from_seconds(at.ok_or(wrong)?.into());
    Ok(Some((token.into_bytes().map_err(|_| wrong)?, expires_at)))
}
