//! The CWT: claims as deterministic CBOR. Written by hand, because it stands on the path of every shown code;
//! read through coset's CBOR.

use coset::cbor::Value;
use lutong_kernel::{Colour, Timestamp};

use super::{Claims, DYNAMIC_LIFE_SECONDS, Kind};
use crate::envelope::{Unreadable, read_deterministic};
use crate::issuer::Issuer;
use crate::mask::Mask;

const ISSUER: i64 = 1;
const EXPIRES: i64 = 4;
const NOT_BEFORE: i64 = 5;
const TOKEN_ID: i64 = 7;
const KIND: i64 = -65_001;
const COLOUR: i64 = -65_002;
const MASK: i64 = -65_003;

impl Claims {
    /// The CWT, keys ascending in the order of RFC 8949, 4.2.1.
    pub(crate) fn to_cwt(&self) -> Vec<u8> {
        let carries_not_before = !self.is_plain_dynamic();
        let count = 5 + u8::from(carries_not_before) + u8::from(self.mask.is_some());
        let mut out = Vec::with_capacity(80);
        out.push(0xA0 | count);
        out.extend_from_slice(&[0x01, 0x62]);
        out.extend_from_slice(&self.issuer.digits());
        out.push(0x04);
        write_seconds(&mut out, self.expires_at);
        if carries_not_before {
            out.push(0x05);
            write_seconds(&mut out, self.not_before);
        }
        out.push(0x07);
        write_head(&mut out, 0x40, u32::from(self.token_id.length));
        out.extend_from_slice(self.token_id.as_bytes());
        write_key(&mut out, KIND);
        out.push(self.kind.wire_code());
        write_key(&mut out, COLOUR);
        out.push(self.colour.wire_code());
        if let Some(mask) = &self.mask {
            write_key(&mut out, MASK);
            let text = mask.expose().as_bytes();
            // A mask has at most five bytes.
            write_head(&mut out, 0x60, u32::try_from(text.len()).unwrap_or(0));
            out.extend_from_slice(text);
        }
        out
    }

    /// A dynamic token of the usual life says nothing by "not before".
    fn is_plain_dynamic(&self) -> bool {
        self.kind == Kind::Dynamic && self.not_before == self.expires_at.plus_seconds(-DYNAMIC_LIFE_SECONDS)
    }

    pub(crate) fn from_cwt(bytes: &[u8]) -> Result<Self, Unreadable> {
        let Value::Map(claims) = read_deterministic(bytes)? else {
            return Err(Unreadable("the payload is not a map of claims"));
        };
        let mut found = Found::default();
        let mut previous = Vec::new();
        for (key, value) in claims {
            let mut encoded = Vec::new();
            coset::cbor::into_writer(&key, &mut encoded).map_err(|_| Unreadable("a claim's key"))?;
            if encoded <= previous {
                return Err(Unreadable("claims do not ascend, or one stands twice"));
            }
            previous = encoded;
            if let Some(key) = key.as_integer().and_then(|key| i64::try_from(key).ok()) {
                found.take(key, value)?;
            }
        }
        found.into_claims()
    }
}

/// The claims of the table as they were met.
#[derive(Default)]
struct Found {
    issuer: Option<Issuer>,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    token_id: Option<Vec<u8>>,
    kind: Option<Kind>,
    colour: Option<Colour>,
    mask: Option<Mask>,
}

impl Found {
    fn take(&mut self, key: i64, value: Value) -> Result<(), Unreadable> {
        match key {
            ISSUER => {
                let text = value.into_text().map_err(|_| Unreadable("claim 1 is not text"))?;
                self.issuer = Some(Issuer::parse(&text).map_err(|_| Unreadable("claim 1 is no province"))?);
            }
            EXPIRES => self.expires_at = Some(seconds(&value)?),
            NOT_BEFORE => self.not_before = Some(seconds(&value)?),
            TOKEN_ID => {
                self.token_id = Some(
                    value
                        .into_bytes()
                        .map_err(|_| Unreadable("claim 7 is not bytes"))?,
                );
            }
            KIND => {
                let kind = small(&value).and_then(Kind::from_wire_code);
                self.kind = Some(kind.ok_or(Unreadable("claim -65001 is no kind"))?);
            }
            COLOUR => {
                let colour = small(&value).and_then(Colour::from_wire_code);
                self.colour = Some(colour.ok_or(Unreadable("claim -65002 is no colour"))?);
            }
            MASK => {
                let text = value
                    .into_text()
                    .map_err(|_| Unreadable("claim -65003 is not text"))?;
                self.mask = Some(Mask::try_new(&text).map_err(|_| Unreadable("claim -65003 is no mask"))?);
            }
            _ => {}
        }
        Ok(())
    }

    fn into_claims(self) -> Result<Claims, Unreadable> {
        let kind = self.kind.ok_or(Unreadable("claim -65001 is missing"))?;
        let expires_at = self.expires_at.ok_or(Unreadable("claim 4 is missing"))?;
        let not_before = match (self.not_before, kind) {
            (Some(given), _) => given,
            (None, Kind::Dynamic) => expires_at.plus_seconds(-DYNAMIC_LIFE_SECONDS),
            (None, Kind::Paper | Kind::Card) => return Err(Unreadable("claim 5 is missing")),
        };
        Claims::try_new(
            self.issuer.ok_or(Unreadable("claim 1 is missing"))?,
            not_before,
            expires_at,
            &self.token_id.ok_or(Unreadable("claim 7 is missing"))?,
            kind,
            self.colour.ok_or(Unreadable("claim -65002 is missing"))?,
            self.mask,
        )
        .map_err(|_| Unreadable("the claims contradict one another"))
    }
}

fn seconds(value: &Value) -> Result<Timestamp, Unreadable> {
    let seconds = value.as_integer().and_then(|number| u32::try_from(number).ok());
    seconds
        .map(|seconds| Timestamp::from_seconds(seconds.into()))
        .ok_or(Unreadable("a time is whole seconds between 1970 and 2106"))
}

fn small(value: &Value) -> Option<u8> {
    value.as_integer().and_then(|number| u8::try_from(number).ok())
}

fn write_seconds(out: &mut Vec<u8>, at: Timestamp) {
    // `Claims::try_new` admits only seconds of 32 bits.
    write_head(out, 0x00, u32::try_from(at.seconds()).unwrap_or(0));
}

/// The private claims' keys: negative numbers of two bytes.
fn write_key(out: &mut Vec<u8>, key: i64) {
    write_head(out, 0x20, u32::try_from(-1 - key).unwrap_or(0));
}

/// A CBOR head in its shortest form: `major` is the three high bits in place.
#[allow(clippy::cast_possible_truncation)] // each arm holds what it casts
fn write_head(out: &mut Vec<u8>, major: u8, number: u32) {
    match number {
        0..=23 => out.push(major | number as u8),
        24..=0xFF => out.extend_from_slice(&[major | 0x18, number as u8]),
        0x100..=0xFFFF => {
            out.push(major | 0x19);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        _ => {
            out.push(major | 0x1A);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}
