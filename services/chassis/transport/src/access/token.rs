//! The internal token: a short-lived CWT (RFC 8392) in a COSE_Mac0 with HMAC-SHA-256, made by the gateway and forwarded
//! by the services. A MAC suffices because every verifier is inside the mesh, and is cheap to check at each hop.

use ciborium::Value;
use coset::{CborSerializable as _, CoseMac0, CoseMac0Builder, HeaderBuilder, iana};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lutong_kernel::{Channel, Desk, DivisionCode, Secret, SubjectId, Timestamp};
use lutong_proto::policy::Role;
use sha2::Sha256;

use super::principal::{FeedGrant, Principal, Roles};

/// Claim numbers: 2 sub and 4 exp are registered, the others are private to the mesh.
const SUB: i64 = 2;
const EXP: i64 = 4;
const SUBJECT: i64 = -70_001;
const ROLES: i64 = -70_002;
const DIVISION: i64 = -70_003;
const FEED: i64 = -70_004;
const DESKS: i64 = -70_008;
/// The use of the token, so that a session token is never accepted as an internal token.
const USE: i64 = -70_005;

/// The account's version when the session was opened, and how the bearer was authenticated; sessions only.
const VERSION: i64 = -70_006;
const CHANNEL: i64 = -70_007;

/// What a session says besides its principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionClaims {
    /// The account's version when the session was opened; a later version ends the session.
    pub version: i64,
    pub channel: Channel,
}

/// The claims of a token.
struct Claims {
    principal: Principal,
    purpose: String,
    expires_at: Timestamp,
    session: Option<SessionClaims>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not a token of this mesh")]
    Unreadable,
    #[error("the token was not made with this mesh's key")]
    Forged,
    #[error("the token has expired")]
    Expired,
}

/// The key that makes and checks tokens of one use (`internal`, `session`).
#[derive(Clone, Debug)]
pub struct PrincipalKey {
    key: Secret<[u8; 32]>,
    purpose: &'static str,
}

impl PrincipalKey {
    pub const fn internal(key: [u8; 32]) -> Self {
        Self {
            key: Secret::new(key),
            purpose: "internal",
        }
    }

    /// For the gateway's sessions: the same format, never accepted inside the mesh.
    pub const fn session(key: [u8; 32]) -> Self {
        Self {
            key: Secret::new(key),
            purpose: "session",
        }
    }

    fn mac(&self, data: &[u8]) -> Vec<u8> {
        match Hmac::<Sha256>::new_from_slice(self.key.expose()) {
            Ok(mut mac) => {
                mac.update(data);
                mac.finalize().into_bytes().to_vec()
            }
            // HMAC takes a key of any length; an empty tag never verifies.
            Err(_) => Vec::new(),
        }
    }

    /// The encoded token of `principal`, valid until `expires_at`.
    pub fn seal(&self, principal: &Principal, expires_at: Timestamp) -> Vec<u8> {
        self.seal_with(principal, expires_at, None)
    }

    /// The encoded token of a session.
    pub fn seal_session(
        &self,
        principal: &Principal,
        expires_at: Timestamp,
        session: SessionClaims,
    ) -> Vec<u8> {
        self.seal_with(principal, expires_at, Some(session))
    }

    fn seal_with(
        &self,
        principal: &Principal,
        expires_at: Timestamp,
        session: Option<SessionClaims>,
    ) -> Vec<u8> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut claims = vec![
            (Value::from(SUB), text(&principal.account)),
            (Value::from(EXP), Value::from(expires_at.seconds())),
            (Value::from(USE), text(self.purpose)),
            (
                Value::from(ROLES),
                Value::Array(principal.roles.iter().map(|r| Value::from(r as i32)).collect()),
            ),
        ];
        if let Some(subject) = principal.subject {
            claims.push((
                Value::from(SUBJECT),
                Value::Bytes(subject.uuid().as_bytes().to_vec()),
            ));
        }
        if let Some(division) = principal.division {
            claims.push((Value::from(DIVISION), Value::from(division.number())));
        }
        if let Some(feed) = &principal.feed {
            let kinds = feed.kinds.iter().map(|kind| text(kind)).collect();
            let divisions = feed
                .divisions
                .iter()
                .map(|division| Value::from(division.number()))
                .collect();
            let feed = vec![text(&feed.source), Value::Array(kinds), Value::Array(divisions)];
            claims.push((Value::from(FEED), Value::Array(feed)));
        }
        if !principal.desks.is_empty() {
            let desks = principal.desks.iter().map(|desk| text(desk.into_str()));
            claims.push((Value::from(DESKS), Value::Array(desks.collect())));
        }
        if let Some(session) = session {
            claims.push((Value::from(VERSION), Value::from(session.version)));
            claims.push((Value::from(CHANNEL), text(session.channel.into_str())));
        }
        let mut payload = Vec::with_capacity(160);
        // Writing CBOR to memory does not fail.
        let _ = ciborium::into_writer(&Value::Map(claims), &mut payload);
        let header = HeaderBuilder::new()
            .algorithm(iana::Algorithm::HMAC_256_256)
            .build();
        let mac0 = CoseMac0Builder::new()
            .protected(header)
            .payload(payload)
            .create_tag(&[], |data| self.mac(data))
            .build();
        mac0.to_vec().unwrap_or_default()
    }

    /// Verifies a token (key, use, expiry) and returns its principal and expiry.
    pub fn open(&self, token: &[u8], now: Timestamp) -> Result<(Principal, Timestamp), TokenError> {
        let claims = self.open_claims(token, now)?;
        Ok((claims.principal, claims.expires_at))
    }

    /// Like [`Self::open`], for a session; a token without session claims is refused.
    pub fn open_session(
        &self,
        token: &[u8],
        now: Timestamp,
    ) -> Result<(Principal, SessionClaims, Timestamp), TokenError> {
        let claims = self.open_claims(token, now)?;
        let session = claims.session.ok_or(TokenError::Unreadable)?;
        Ok((claims.principal, session, claims.expires_at))
    }

    fn open_claims(&self, token: &[u8], now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > 8_192 {
            return Err(TokenError::Unreadable);
        }
        let mac0 = CoseMac0::from_slice(token).map_err(|_| TokenError::Unreadable)?;
        let payload = mac0.payload.as_deref().ok_or(TokenError::Unreadable)?;
        mac0.verify_payload_tag(
            &[],
            || TokenError::Unreadable,
            |tag, data| {
                let same = subtle::ConstantTimeEq::ct_eq(self.mac(data).as_slice(), tag);
                if bool::from(same) {
                    Ok(())
                } else {
                    Err(TokenError::Forged)
                }
            },
        )?;
        let claims = read_claims(payload).ok_or(TokenError::Unreadable)?;
        if claims.purpose != self.purpose {
            return Err(TokenError::Forged);
        }
        if now >= claims.expires_at {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

fn read_claims(payload: &[u8]) -> Option<Claims> {
    let Value::Map(claims) = ciborium::from_reader(payload).ok()? else {
        return None;
    };
    let mut principal = Principal {
        account: String::new(),
        roles: Roles::default(),
        subject: None,
        division: None,
        feed: None,
        desks: Vec::new(),
    };
    let (mut purpose, mut expires_at) = (None, None);
    let (mut version, mut channel) = (None, None);
    for (key, value) in claims {
        match i64::try_from(key.as_integer()?).ok()? {
            SUB => principal.account = value.into_text().ok()?,
            EXP => expires_at = Some(Timestamp::from_seconds(i64::try_from(value.as_integer()?).ok()?)),
            USE => purpose = Some(value.into_text().ok()?),
            ROLES => principal.roles = read_roles(&value)?,
            SUBJECT => {
                let bytes = value.into_bytes().ok()?;
                principal.subject = Some(SubjectId::from_uuid(uuid::Uuid::from_slice(&bytes).ok()?));
            }
            DIVISION => principal.division = Some(read_division(&value)?),
            FEED => principal.feed = Some(read_feed(value)?),
            DESKS => principal.desks = read_desks(&value)?,
            VERSION => version = Some(i64::try_from(value.as_integer()?).ok()?),
            CHANNEL => channel = Some(value.as_text()?.parse().ok()?),
            _ => {}
        }
    }
    let session = version.zip(channel);
    Some(Claims {
        principal,
        purpose: purpose?,
        expires_at: expires_at?,
        session: session.map(|(version, channel)| SessionClaims { version, channel }),
    })
}

fn read_roles(value: &Value) -> Option<Roles> {
    let mut roles = Roles::default();
    for role in value.as_array()? {
        let number = i32::try_from(i128::from(role.as_integer()?)).ok()?;
        roles = roles.with(Role::try_from(number).ok()?);
    }
    Some(roles)
}

fn read_division(value: &Value) -> Option<DivisionCode> {
    DivisionCode::from_number(u32::try_from(value.as_integer()?).ok()?).ok()
}

/// A desk that this process does not know refuses the token: left out, it would lift the limit.
fn read_desks(value: &Value) -> Option<Vec<Desk>> {
    let desks = value.as_array()?.iter();
    desks.map(|desk| desk.as_text()?.parse().ok()).collect()
}

fn read_feed(value: Value) -> Option<FeedGrant> {
    let [source, kinds, divisions] = <[Value; 3]>::try_from(value.into_array().ok()?).ok()?;
    let kinds = kinds
        .into_array()
        .ok()?
        .into_iter()
        .map(|kind| kind.into_text().ok());
    let divisions = divisions.into_array().ok()?;
    Some(FeedGrant {
        source: source.into_text().ok()?,
        kinds: kinds.collect::<Option<_>>()?,
        divisions: divisions.iter().map(read_division).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Principal {
        Principal {
            account: "cdc".to_owned(),
            roles: Roles::of(&[Role::AuthorityFeed, Role::Citizen]),
            subject: Some(SubjectId::from_uuid(uuid::Uuid::from_u128(7))),
            division: Some(DivisionCode::SHANDONG),
            feed: Some(FeedGrant {
                source: "cdc-370200".to_owned(),
                kinds: vec!["close_contact".to_owned()],
                divisions: vec![DivisionCode::SHANDONG],
            }),
            desks: vec![Desk::Appeal, Desk::Place],
        }
    }

    #[test]
    fn a_token_opens_to_what_was_sealed_until_it_expires() {
        let key = PrincipalKey::internal([7; 32]);
        let end = Timestamp::from_seconds(1_000);
        let token = key.seal(&principal(), end);
        assert_eq!(
            key.open(&token, Timestamp::from_seconds(999)),
            Ok((principal(), end))
        );
        assert_eq!(key.open(&token, end), Err(TokenError::Expired));
    }

    #[test]
    fn a_session_says_of_which_version_it_is_and_how_its_bearer_was_recognised() {
        let key = PrincipalKey::session([7; 32]);
        let (end, now) = (Timestamp::from_seconds(1_000), Timestamp::from_seconds(999));
        let said = SessionClaims {
            version: 3,
            channel: Channel::Development,
        };
        let session = key.seal_session(&principal(), end, said);
        assert_eq!(key.open_session(&session, now), Ok((principal(), said, end)));
        assert_eq!(key.open_session(&session, end), Err(TokenError::Expired));
        let bare = key.seal(&principal(), end);
        assert_eq!(key.open_session(&bare, now), Err(TokenError::Unreadable));
    }

    #[test]
    fn another_key_another_use_and_a_changed_byte_are_refused() {
        let key = PrincipalKey::internal([7; 32]);
        let now = Timestamp::from_seconds(1);
        let token = key.seal(&principal(), Timestamp::from_seconds(1_000));
        assert_eq!(
            PrincipalKey::internal([8; 32]).open(&token, now),
            Err(TokenError::Forged)
        );
        assert_eq!(
            PrincipalKey::session([7; 32]).open(&token, now),
            Err(TokenError::Forged)
        );
        for position in 0..token.len() {
            let mut bad = token.clone();
            bad[position] ^= 1;
            assert!(key.open(&bad, now).is_err(), "byte {position}");
        }
    }
}
