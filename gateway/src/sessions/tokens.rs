//! From a session to the short-lived internal token that the services read. A session is stateless: its MAC is checked
//! once, then it is remembered.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use lutong_kernel::{Channel, Clock, Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_transport::access::Principal;
use lutong_transport::access::{PrincipalKey, SessionClaims, TokenError};
use moka::sync::Cache;

use super::ended::EndedSessions;
use super::session_id::SessionId;
use crate::config::GatewayConfig;
use crate::fault::sessions::{session_ended, session_expired, session_invalid};

/// How long an internal token holds, and how much of that must be left when it is given to a call.
const INTERNAL_TTL: Duration = Duration::from_secs(300);
const INTERNAL_LEFT: Duration = Duration::from_secs(60);
/// An import may last ten minutes and shows its token at every chunk.
const STREAM_TTL: Duration = Duration::from_secs(900);
/// The longest session, in characters.
const LONGEST: usize = 8_192;

/// Sessions of one account that would end in the same second are the same text. One that was signed out is not issued
/// again: the next one ends a second earlier, up to so many.
const LATEST_ENDS: i64 = 60;

/// Whoever a credential was verified to be, with the token for the services.
#[derive(Debug)]
pub struct VerifiedPrincipal {
    pub principal: Principal,
    /// Of the account when the session was opened.
    pub version: i64,
    /// When the session ends; none without a session.
    ends_at: Option<Timestamp>,
    token: HeaderValue,
    token_ends_at: Timestamp,
}

/// Issues, verifies and ends sessions, and makes internal tokens.
pub struct SessionTokens {
    session_key: PrincipalKey,
    internal_key: PrincipalKey,
    clock: Arc<dyn Clock>,
    /// Whether sessions of the development identity provider are accepted.
    dev: bool,
    verified: Cache<SessionId, Arc<VerifiedPrincipal>>,
    ended: EndedSessions,
    public: ArcSwapOption<VerifiedPrincipal>,
}

impl VerifiedPrincipal {
    /// Metadata `lutong-principal`.
    pub fn token(&self) -> HeaderValue {
        self.token.clone()
    }

    /// Whether its token holds long enough for a call.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.plus(INTERNAL_LEFT) < self.token_ends_at
    }

    /// Whether it is a citizen's account that has no person yet, as far as this process knows.
    pub fn awaits_subject(&self) -> bool {
        self.principal.subject.is_none() && self.principal.roles.has(Role::Citizen)
    }
}

impl SessionTokens {
    pub fn new(
        session_key: PrincipalKey,
        internal_key: PrincipalKey,
        clock: Arc<dyn Clock>,
        config: &GatewayConfig,
    ) -> Self {
        let verified = Cache::builder()
            .max_capacity(config.session_cache)
            .time_to_idle(Duration::from_secs(900))
            .build();
        Self {
            session_key,
            internal_key,
            clock,
            dev: config.dev,
            verified,
            ended: EndedSessions::new(Duration::from_secs(config.session_ttl_s)),
            public: ArcSwapOption::empty(),
        }
    }

    /// A session for somebody whom the sign-in has recognised, and when it ends.
    pub fn issue(&self, principal: &Principal, claims: SessionClaims, ttl: Duration) -> (String, Timestamp) {
        // Whole seconds, as the token keeps them.
        let latest = self.clock.now().plus(ttl).seconds();
        let seal = |earlier: i64| {
            let ends_at = Timestamp::from_seconds(latest - earlier);
            let sealed = self.session_key.seal_session(principal, ends_at, claims);
            (URL_SAFE_NO_PAD.encode(sealed), ends_at)
        };
        let is_new = |session: &str| !self.ended.contains(&SessionId::of(session));
        let mut sessions = (0..LATEST_ENDS).map(seal);
        sessions
            .find(|(session, _)| is_new(session))
            .unwrap_or_else(|| seal(0))
    }

    /// Who a session is of.
    pub fn verify(&self, session: &str) -> Result<(SessionId, Arc<VerifiedPrincipal>), Fault> {
        if session.is_empty() || session.len() > LONGEST {
            return Err(session_invalid());
        }
        let now = self.clock.now();
        let id = SessionId::of(session);
        if self.ended.contains(&id) {
            return Err(session_ended());
        }
        if let Some(verified) = self.verified.get(&id) {
            return self.renewed(id, verified, now).map(|verified| (id, verified));
        }
        let sealed = URL_SAFE_NO_PAD.decode(session).map_err(|_| session_invalid())?;
        let opened = self.session_key.open_session(&sealed, now);
        let (principal, claims, ends_at) = opened.map_err(|error| match error {
            TokenError::Expired => session_expired(),
            TokenError::Unreadable | TokenError::Forged => session_invalid(),
        })?;
        // The seal does not cover every byte of its envelope: of the spellings that it takes, only the one that was issued
        // is a session. Another one would have another id, and would outlive the sign-out of the first.
        let is_as_issued = sealed == self.session_key.seal_session(&principal, ends_at, claims);
        if !is_as_issued || !self.accepts(claims.channel) {
            return Err(session_invalid());
        }
        let bearer = (principal, claims.version);
        Ok((id, self.remember(id, bearer, Some(ends_at), now)))
    }

    /// A remembered session with an internal token that holds long enough for a call.
    fn renewed(
        &self,
        id: SessionId,
        verified: Arc<VerifiedPrincipal>,
        now: Timestamp,
    ) -> Result<Arc<VerifiedPrincipal>, Fault> {
        if verified.ends_at.is_some_and(|end| now >= end) {
            self.verified.invalidate(&id);
            return Err(session_expired());
        }
        if verified.is_fresh(now) {
            return Ok(verified);
        }
        let bearer = (verified.principal.clone(), verified.version);
        Ok(self.remember(id, bearer, verified.ends_at, now))
    }

    /// Ends a session before its time, in this process.
    pub fn end(&self, id: SessionId) {
        self.ended.add(id);
        self.verified.invalidate(&id);
    }

    /// Anybody: whoever shows no credential.
    pub fn anybody(&self) -> Arc<VerifiedPrincipal> {
        let now = self.clock.now();
        if let Some(public) = self.public.load_full().filter(|public| public.is_fresh(now)) {
            return public;
        }
        let public = Arc::new(self.with_token((Principal::public(), 0), None, now));
        self.public.store(Some(Arc::clone(&public)));
        public
    }

    /// A session of the development identity provider proves nothing where that provider is off.
    const fn accepts(&self, channel: Channel) -> bool {
        match channel {
            Channel::Development => self.dev,
            Channel::WeChat
            | Channel::WeChatMini
            | Channel::Alipay
            | Channel::AiShandong
            | Channel::Device => true,
        }
    }

    /// Replaces the remembered principal of a session by its present one.
    pub fn replace(
        &self,
        id: SessionId,
        verified: &VerifiedPrincipal,
        principal: Principal,
    ) -> Arc<VerifiedPrincipal> {
        let bearer = (principal, verified.version);
        self.remember(id, bearer, verified.ends_at, self.clock.now())
    }

    /// The account that the certificate of a connection names: no session, so none is remembered.
    pub fn of_account(&self, principal: Principal, version: i64) -> VerifiedPrincipal {
        self.with_token((principal, version), None, self.clock.now())
    }

    /// A token that outlives an import.
    pub fn token_for_stream(&self, verified: &VerifiedPrincipal) -> HeaderValue {
        let ends_at = self.clock.now().plus(STREAM_TTL);
        self.seal(&verified.principal, ends_at)
    }

    fn remember(
        &self,
        id: SessionId,
        bearer: (Principal, i64),
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Arc<VerifiedPrincipal> {
        let verified = Arc::new(self.with_token(bearer, ends_at, now));
        self.verified.insert(id, Arc::clone(&verified));
        verified
    }

    fn with_token(
        &self,
        (principal, version): (Principal, i64),
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> VerifiedPrincipal {
        let token_ends_at = now.plus(INTERNAL_TTL);
        VerifiedPrincipal {
            token: self.seal(&principal, token_ends_at),
            token_ends_at,
            principal,
            version,
            ends_at,
        }
    }

    fn seal(&self, principal: &Principal, ends_at: Timestamp) -> HeaderValue {
        let sealed = self.internal_key.seal(principal, ends_at);
        let mut value = HeaderValue::try_from(URL_SAFE_NO_PAD.encode(sealed))
            // Base64url is ASCII; an empty value would be refused by the services, not taken for anybody.
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// The session inside `Bearer …` (RFC 6750).
pub fn bearer(credential: &HeaderValue) -> Result<&str, Fault> {
    let parts = credential.to_str().ok().and_then(|text| text.split_once(' '));
    match parts {
        Some((scheme, session)) if scheme.eq_ignore_ascii_case("bearer") => Ok(session.trim()),
        _ => Err(session_invalid()),
    }
}

#[cfg(test)]
mod tests;
