//! From the credential that somebody outside shows to the short-lived internal token that the services read. A
//! session is stateless: its MAC is checked once, then it is remembered.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use lutong_kernel::{Clock, Fault, FaultCode, Timestamp};
use lutong_proto::policy::Role;
use lutong_transport::access::Principal;
use lutong_transport::access::{Channel, PrincipalKey, SessionClaims, TokenError};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

/// How long an internal token holds, and how much of that must be left when it is given to a call.
const INTERNAL_TTL: Duration = Duration::from_secs(300);
const INTERNAL_LEFT: Duration = Duration::from_secs(60);
/// An import may last ten minutes and shows its token at every chunk.
const STREAM_TTL: Duration = Duration::from_secs(900);
/// No session is longer, in characters.
const LONGEST: usize = 8_192;

/// Somebody whose credential was verified, with the token for the services.
#[derive(Debug)]
pub struct Known {
    pub principal: Principal,
    /// Of the account when the session was opened.
    pub version: i64,
    /// When the session ends; none for everybody without one.
    ends_at: Option<Timestamp>,
    token: HeaderValue,
    token_ends_at: Timestamp,
}

/// The key under which a verified session is remembered: its hash, so that no session lies about in memory.
pub type SessionId = [u8; 32];

pub struct Sessions {
    session_key: PrincipalKey,
    internal_key: PrincipalKey,
    clock: Arc<dyn Clock>,
    /// Whether sessions of the development identity provider are worth anything.
    dev: bool,
    known: Cache<SessionId, Arc<Known>>,
    public: ArcSwapOption<Known>,
}

impl Known {
    /// Metadata `lutong-principal`.
    pub fn token(&self) -> HeaderValue {
        self.token.clone()
    }

    /// Whether its token holds long enough for a call.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.plus(INTERNAL_LEFT) < self.token_ends_at
    }

    /// A citizen's account that has no person yet, as far as is known here.
    pub fn awaits_subject(&self) -> bool {
        self.principal.subject.is_none() && self.principal.roles.has(Role::Citizen)
    }
}

impl Sessions {
    pub fn new(
        session_key: PrincipalKey,
        internal_key: PrincipalKey,
        clock: Arc<dyn Clock>,
        remembered: u64,
        dev: bool,
    ) -> Self {
        let known = Cache::builder()
            .max_capacity(remembered)
            .time_to_idle(Duration::from_secs(900))
            .build();
        Self {
            session_key,
            internal_key,
            clock,
            dev,
            known,
            public: ArcSwapOption::empty(),
        }
    }

    /// A session for somebody whom the sign-in has recognised, and when it ends.
    pub fn issue(&self, principal: &Principal, claims: SessionClaims, ttl: Duration) -> (String, Timestamp) {
        // Whole seconds, as the token keeps them.
        let ends_at = Timestamp::from_seconds(self.clock.now().plus(ttl).seconds());
        let sealed = self.session_key.seal_session(principal, ends_at, claims);
        (URL_SAFE_NO_PAD.encode(sealed), ends_at)
    }

    /// Who calls: the session in `authorization`, or anybody. A bad session is refused, also where none is needed.
    pub fn of(&self, headers: &HeaderMap) -> Result<(Option<SessionId>, Arc<Known>), Fault> {
        let now = self.clock.now();
        let Some(credential) = headers.get(AUTHORIZATION) else {
            return Ok((None, self.public(now)));
        };
        let session = bearer(credential).ok_or_else(not_a_session)?;
        let id: SessionId = Sha256::digest(session).into();
        if let Some(known) = self.known.get(&id) {
            if known.ends_at.is_some_and(|end| now >= end) {
                self.known.invalidate(&id);
                return Err(session_ended());
            }
            if known.is_fresh(now) {
                return Ok((Some(id), known));
            }
            let (principal, version) = (known.principal.clone(), known.version);
            return Ok((
                Some(id),
                self.remember(id, (principal, version), known.ends_at, now),
            ));
        }
        let sealed = URL_SAFE_NO_PAD.decode(session).map_err(|_| not_a_session())?;
        let opened = self.session_key.open_session(&sealed, now);
        let (principal, claims, ends_at) = opened.map_err(|error| match error {
            TokenError::Expired => session_ended(),
            TokenError::Unreadable | TokenError::Forged => not_a_session(),
        })?;
        if !self.takes(claims.channel) {
            return Err(not_a_session());
        }
        let bearer = (principal, claims.version);
        Ok((Some(id), self.remember(id, bearer, Some(ends_at), now)))
    }

    /// Whoever said a name to a gateway of development is nobody to another.
    const fn takes(&self, channel: Channel) -> bool {
        match channel {
            Channel::Development => self.dev,
        }
    }

    /// The same session with what has become known since about the person behind it.
    pub fn replace(&self, id: SessionId, known: &Known, principal: Principal) -> Arc<Known> {
        self.remember(id, (principal, known.version), known.ends_at, self.clock.now())
    }

    /// Whoever the certificate of a connection names: no session, so none is remembered.
    pub fn known_as(&self, principal: Principal, version: i64) -> Known {
        self.known((principal, version), None, self.clock.now())
    }

    /// A token that outlives an import.
    pub fn token_for_stream(&self, known: &Known) -> HeaderValue {
        let ends_at = self.clock.now().plus(STREAM_TTL);
        self.seal(&known.principal, ends_at)
    }

    fn remember(
        &self,
        id: SessionId,
        bearer: (Principal, i64),
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Arc<Known> {
        let known = Arc::new(self.known(bearer, ends_at, now));
        self.known.insert(id, Arc::clone(&known));
        known
    }

    fn public(&self, now: Timestamp) -> Arc<Known> {
        if let Some(known) = self.public.load_full().filter(|known| known.is_fresh(now)) {
            return known;
        }
        let known = Arc::new(self.known((Principal::public(), 0), None, now));
        self.public.store(Some(Arc::clone(&known)));
        known
    }

    fn known(
        &self,
        (principal, version): (Principal, i64),
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Known {
        let token_ends_at = now.plus(INTERNAL_TTL);
        Known {
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
fn bearer(credential: &HeaderValue) -> Option<&str> {
    let (scheme, session) = credential.to_str().ok()?.split_once(' ')?;
    let session = session.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !session.is_empty() && session.len() <= LONGEST)
        .then_some(session)
}

fn not_a_session() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_INVALID",
        "登录凭证无效，请重新登录",
        "the session is not one of this system: sign in again",
    )
}

fn session_ended() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_EXPIRED",
        "登录已过期，请重新登录",
        "the session has expired: sign in again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::ManualClock;
    use lutong_transport::access::Roles;

    fn sessions() -> (Sessions, ManualClock) {
        let clock = ManualClock::at(Timestamp::from_seconds(1_000_000));
        let sessions = Sessions::new(
            PrincipalKey::session([1; 32]),
            PrincipalKey::internal([2; 32]),
            Arc::new(clock.clone()),
            100,
            true,
        );
        (sessions, clock)
    }

    fn citizen() -> Principal {
        Principal {
            account: "a".to_owned(),
            roles: Roles::of(&[Role::Citizen]),
            ..Principal::public()
        }
    }

    const DEV: SessionClaims = SessionClaims {
        version: 3,
        channel: Channel::Development,
    };

    fn headers(credential: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, credential.parse().unwrap());
        headers
    }

    fn reason(result: Result<(Option<SessionId>, Arc<Known>), Fault>) -> String {
        result.map(|_| ()).unwrap_err().reason.into_owned()
    }

    fn opened(token: &HeaderValue, at: Timestamp) -> Result<Principal, TokenError> {
        let sealed = URL_SAFE_NO_PAD.decode(token.as_bytes()).unwrap();
        PrincipalKey::internal([2; 32])
            .open(&sealed, at)
            .map(|(principal, _)| principal)
    }

    #[test]
    fn a_session_becomes_an_internal_token_of_the_same_principal() {
        let (sessions, clock) = sessions();
        let (session, ends_at) = sessions.issue(&citizen(), DEV, Duration::from_secs(3_600));
        assert_eq!(ends_at, Timestamp::from_seconds(1_003_600));
        for scheme in ["Bearer", "bearer"] {
            let (id, known) = sessions.of(&headers(&format!("{scheme} {session}"))).unwrap();
            assert!(id.is_some());
            assert_eq!(known.version, 3);
            assert_eq!(opened(&known.token(), clock.now()), Ok(citizen()));
        }
    }

    #[test]
    fn nobody_is_anybody_and_a_bad_session_is_nobody() {
        let (sessions, clock) = sessions();
        let (id, known) = sessions.of(&HeaderMap::new()).unwrap();
        assert!(id.is_none());
        assert_eq!(opened(&known.token(), clock.now()), Ok(Principal::public()));
        let internal = known.token();
        for bad in [
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            "Basic dXNlcjpwYXNz".to_owned(),
            "Bearer !!!".to_owned(),
            "Bearer AAAA".to_owned(),
            // An internal token is no session.
            format!("Bearer {}", internal.to_str().unwrap()),
            format!("Bearer {}", "A".repeat(LONGEST + 1)),
        ] {
            assert_eq!(reason(sessions.of(&headers(&bad))), "SESSION_INVALID", "{bad}");
        }
    }

    #[test]
    fn a_session_ends_when_it_says_so_remembered_or_not() {
        let (sessions, clock) = sessions();
        let credential =
            |s: &Sessions| format!("Bearer {}", s.issue(&citizen(), DEV, Duration::from_secs(60)).0);
        let (seen, unseen) = (credential(&sessions), credential(&sessions));
        assert!(sessions.of(&headers(&seen)).is_ok());
        clock.advance(Duration::from_secs(60));
        assert_eq!(reason(sessions.of(&headers(&seen))), "SESSION_EXPIRED");
        assert_eq!(reason(sessions.of(&headers(&unseen))), "SESSION_EXPIRED");
    }

    #[test]
    fn a_session_of_development_is_worth_nothing_outside_it() {
        let (sessions, clock) = sessions();
        let (session, _) = sessions.issue(&citizen(), DEV, Duration::from_secs(3_600));
        let session = headers(&format!("Bearer {session}"));
        assert!(sessions.of(&session).is_ok());
        // The same keys, started again without `--dev`.
        let outside = Sessions::new(
            PrincipalKey::session([1; 32]),
            PrincipalKey::internal([2; 32]),
            Arc::new(clock),
            100,
            false,
        );
        assert_eq!(reason(outside.of(&session)), "SESSION_INVALID");
    }

    #[test]
    fn a_call_never_gets_an_internal_token_that_is_about_to_end() {
        let (sessions, clock) = sessions();
        let credential = headers(&format!(
            "Bearer {}",
            sessions.issue(&citizen(), DEV, Duration::from_secs(86_400)).0
        ));
        for _ in 0..30 {
            clock.advance(Duration::from_secs(47));
            for known in [
                sessions.of(&credential).unwrap().1,
                sessions.of(&HeaderMap::new()).unwrap().1,
            ] {
                assert!(opened(&known.token(), clock.now().plus_seconds(59)).is_ok());
                assert!(opened(&known.token(), clock.now().plus_seconds(301)).is_err());
            }
        }
        let (_, known) = sessions.of(&credential).unwrap();
        let stream = sessions.token_for_stream(&known);
        assert!(opened(&stream, clock.now().plus_seconds(600)).is_ok());
    }
}
