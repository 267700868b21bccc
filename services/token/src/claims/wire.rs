//! The CWT (RFC 8392): the claims as a CBOR map.

use coset::cbor::Value;
use lutong_kernel::{Colour, Timestamp};

use super::{Claims, DYNAMIC_LIFE_SECONDS, Kind};
use crate::cbor::{self, UnreadableToken};
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
    /// The CWT in deterministic CBOR.
    pub(crate) fn to_cwt(&self) -> Vec<u8> {
        let has_not_before = !self.has_default_lifetime();
        let count = 5 + u32::from(has_not_before) + u32::from(self.mask.is_some());
        let mut out = Vec::with_capacity(80);
        cbor::write_head(&mut out, cbor::MAP, count);
        cbor::write_integer(&mut out, ISSUER);
        cbor::write_text(&mut out, &self.issuer.to_string());
        cbor::write_integer(&mut out, EXPIRES);
        cbor::write_integer(&mut out, self.expires_at.seconds());
        if has_not_before {
            cbor::write_integer(&mut out, NOT_BEFORE);
            cbor::write_integer(&mut out, self.not_before.seconds());
        }
        cbor::write_integer(&mut out, TOKEN_ID);
        cbor::write_bytes(&mut out, self.token_id.as_bytes());
        cbor::write_integer(&mut out, KIND);
        cbor::write_integer(&mut out, self.kind.wire_code().into());
        cbor::write_integer(&mut out, COLOUR);
        cbor::write_integer(&mut out, self.colour.wire_code().into());
        if let Some(mask) = &self.mask {
            cbor::write_integer(&mut out, MASK);
            cbor::write_text(&mut out, mask.expose());
        }
        out
    }

    /// Whether "not before" follows from "expires" and is not written.
    fn has_default_lifetime(&self) -> bool {
        self.kind == Kind::Dynamic && self.not_before == self.expires_at.plus_seconds(-DYNAMIC_LIFE_SECONDS)
    }

    /// Reads a CWT. Claims that the format does not define are ignored.
    pub(crate) fn from_cwt(bytes: &[u8]) -> Result<Self, UnreadableToken> {
        let Value::Map(claims) = cbor::read_deterministic(bytes)? else {
            return Err(UnreadableToken("the payload is not a map of claims"));
        };
        let mut table = ClaimTable::default();
        let mut previous = Vec::new();
        for (key, value) in claims {
            let encoded = cbor::encode(&key)?;
            if encoded <= previous {
                return Err(UnreadableToken("claims do not ascend, or one occurs twice"));
            }
            previous = encoded;
            if let Some(key) = key.as_integer().and_then(|key| i64::try_from(key).ok()) {
                table.set(key, value)?;
            }
        }
        table.into_claims()
    }
}

/// The claims that were read so far.
#[derive(Default)]
struct ClaimTable {
    issuer: Option<Issuer>,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    token_id: Option<Vec<u8>>,
    kind: Option<Kind>,
    colour: Option<Colour>,
    mask: Option<Mask>,
}

impl ClaimTable {
    fn set(&mut self, key: i64, value: Value) -> Result<(), UnreadableToken> {
        match key {
            ISSUER => {
                let text = value
                    .into_text()
                    .map_err(|_| UnreadableToken("claim 1 is not text"))?;
                self.issuer =
                    Some(Issuer::parse(&text).map_err(|_| UnreadableToken("claim 1 is not a province"))?);
            }
            EXPIRES => self.expires_at = Some(seconds(&value)?),
            NOT_BEFORE => self.not_before = Some(seconds(&value)?),
            TOKEN_ID => {
                self.token_id = Some(
                    value
                        .into_bytes()
                        .map_err(|_| UnreadableToken("claim 7 is not bytes"))?,
                );
            }
            KIND => {
                let kind = small(&value).and_then(Kind::from_wire_code);
                self.kind = Some(kind.ok_or(UnreadableToken("claim -65001 is not a kind"))?);
            }
            COLOUR => {
                let colour = small(&value).and_then(Colour::from_wire_code);
                self.colour = Some(colour.ok_or(UnreadableToken("claim -65002 is not a colour"))?);
            }
            MASK => {
                let text = value
                    .into_text()
                    .map_err(|_| UnreadableToken("claim -65003 is not text"))?;
                self.mask =
                    Some(Mask::try_new(&text).map_err(|_| UnreadableToken("claim -65003 is not a mask"))?);
            }
            _ => {}
        }
        Ok(())
    }

    fn into_claims(self) -> Result<Claims, UnreadableToken> {
        let kind = self.kind.ok_or(UnreadableToken("claim -65001 is missing"))?;
        let expires_at = self.expires_at.ok_or(UnreadableToken("claim 4 is missing"))?;
        let not_before = match (self.not_before, kind) {
            (Some(given), _) => given,
            (None, Kind::Dynamic) => expires_at.plus_seconds(-DYNAMIC_LIFE_SECONDS),
            (None, Kind::Paper | Kind::Card) => return Err(UnreadableToken("claim 5 is missing")),
        };
        Claims::try_new(
            self.issuer.ok_or(UnreadableToken("claim 1 is missing"))?,
            not_before,
            expires_at,
            &self.token_id.ok_or(UnreadableToken("claim 7 is missing"))?,
            kind,
            self.colour.ok_or(UnreadableToken("claim -65002 is missing"))?,
            self.mask,
        )
        .map_err(|_| UnreadableToken("the claims contradict one another"))
    }
}

fn seconds(value: &Value) -> Result<Timestamp, UnreadableToken> {
    let seconds = value.as_integer().and_then(|number| u32::try_from(number).ok());
    seconds
        .map(|seconds| Timestamp::from_seconds(seconds.into()))
        .ok_or(UnreadableToken("a time is whole seconds between 1970 and 2106"))
}

fn small(value: &Value) -> Option<u8> {
    value.as_integer().and_then(|number| u8::try_from(number).ok())
}
