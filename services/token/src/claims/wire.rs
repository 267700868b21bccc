//! The CWT (RFC 8392): the claims as a CBOR map.

use coset::cbor::Value;
use lutong_kernel::{Colour, Timestamp};

use super::{Claims, DYNAMIC_LIFE_SECONDS, Kind};
use crate::cbor::{self, UnreadableToken};
use crate::issuer::Issuer;
use crate::mask::Mask;
use crate::verifying_key::VerifyingKey;

const ISSUER: i64 = 1;
const EXPIRES: i64 = 4;
const NOT_BEFORE: i64 = 5;
const TOKEN_ID: i64 = 7;
/// `cnf`, the key of the holder (RFC 8747).
const CONFIRMATION: i64 = 8;
const KIND: i64 = -65_001;
const COLOUR: i64 = -65_002;
const MASK: i64 = -65_003;

/// The member of `cnf` with a `COSE_Key` (RFC 8747, section 3.2), and the parameters of a key of P-256 (RFC 9053, section 7.1.1).
const COSE_KEY: i64 = 1;
const KEY_TYPE: i64 = 1;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const EC2: i64 = 2;
const P_256: i64 = 1;

impl Claims {
    /// The CWT in deterministic CBOR.
    pub(crate) fn to_cwt(&self) -> Vec<u8> {
        let has_not_before = !self.has_default_lifetime();
        let optional = [has_not_before, self.holder_key.is_some(), self.mask.is_some()];
        let count = optional.into_iter().map(u32::from).fold(5, std::ops::Add::add);
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
        if let Some(key) = &self.holder_key {
            write_confirmation(&mut out, key);
        }
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
    holder_key: Option<VerifyingKey>,
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
            CONFIRMATION => {
                let key = read_confirmation(value).ok_or(UnreadableToken("claim 8 is not a key of P-256"))?;
                self.holder_key = Some(key);
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
            (None, Kind::Paper | Kind::Card | Kind::Device) => {
                return Err(UnreadableToken("claim 5 is missing"));
            }
        };
        Claims::try_new(
            self.issuer.ok_or(UnreadableToken("claim 1 is missing"))?,
            not_before,
            expires_at,
            &self.token_id.ok_or(UnreadableToken("claim 7 is missing"))?,
            kind,
            (
                self.colour.ok_or(UnreadableToken("claim -65002 is missing"))?,
                self.mask,
            ),
            self.holder_key,
        )
        .map_err(|_| UnreadableToken("the claims contradict one another"))
    }
}

/// Claim 8 with a key of P-256: its x coordinate, and of y only the sign, which gives the same key in 31 bytes less.
fn write_confirmation(out: &mut Vec<u8>, key: &VerifyingKey) {
    let (x, y_is_odd) = key.compressed();
    cbor::write_integer(out, CONFIRMATION);
    cbor::write_head(out, cbor::MAP, 1);
    cbor::write_integer(out, COSE_KEY);
    cbor::write_head(out, cbor::MAP, 4);
    for (parameter, value) in [(KEY_TYPE, EC2), (CURVE, P_256)] {
        cbor::write_integer(out, parameter);
        cbor::write_integer(out, value);
    }
    cbor::write_integer(out, X);
    cbor::write_bytes(out, x);
    cbor::write_integer(out, Y);
    cbor::write_bool(out, y_is_odd);
}

/// Reads what [`write_confirmation`] writes, and no other form: a key has one.
fn read_confirmation(value: Value) -> Option<VerifyingKey> {
    let [(member, key)] = <[_; 1]>::try_from(value.into_map().ok()?).ok()?;
    let parameters = key.into_map().ok()?;
    let [(key_type, ec2), (curve, p256), (x_label, x), (y_label, y)] = <[_; 4]>::try_from(parameters).ok()?;
    let labels = [member, key_type, ec2, curve, p256, x_label, y_label];
    if labels != [COSE_KEY, KEY_TYPE, EC2, CURVE, P_256, X, Y].map(Value::from) {
        return None;
    }
    VerifyingKey::from_compressed(&x.into_bytes().ok()?, y.into_bool().ok()?).ok()
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
