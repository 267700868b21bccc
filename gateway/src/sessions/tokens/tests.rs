use super::*;
use lutong_kernel::ManualClock;
use lutong_transport::access::Roles;

fn tokens(clock: &ManualClock, dev: bool) -> SessionTokens {
    let config = GatewayConfig {
        session_cache: 100,
        dev,
        ..GatewayConfig::default()
    };
    SessionTokens::new(
        PrincipalKey::session([1; 32]),
        PrincipalKey::internal([2; 32]),
        Arc::new(clock.clone()),
        &config,
    )
}

fn sessions() -> (SessionTokens, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_seconds(1_000_000));
    (tokens(&clock, true), clock)
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

fn verify(sessions: &SessionTokens, credential: &str) -> Result<Arc<VerifiedPrincipal>, Fault> {
    let credential: HeaderValue = credential.parse().unwrap();
    let (_, verified) = sessions.verify(bearer(&credential)?)?;
    Ok(verified)
}

fn reason(result: Result<Arc<VerifiedPrincipal>, Fault>) -> String {
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
        let verified = verify(&sessions, &format!("{scheme} {session}")).unwrap();
        assert_eq!(verified.version, 3);
        assert_eq!(opened(&verified.token(), clock.now()), Ok(citizen()));
    }
}

#[test]
fn nobody_is_anybody_and_a_bad_session_is_nobody() {
    let (sessions, clock) = sessions();
    let anybody = sessions.anybody();
    assert_eq!(opened(&anybody.token(), clock.now()), Ok(Principal::public()));
    let internal = anybody.token();
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
        assert_eq!(reason(verify(&sessions, &bad)), "SESSION_INVALID", "{bad}");
    }
}

#[test]
fn a_session_ends_when_it_says_so_remembered_or_not() {
    let (sessions, clock) = sessions();
    let credential =
        |s: &SessionTokens| format!("Bearer {}", s.issue(&citizen(), DEV, Duration::from_secs(60)).0);
    let (seen, unseen) = (credential(&sessions), credential(&sessions));
    assert!(verify(&sessions, &seen).is_ok());
    clock.advance(Duration::from_secs(60));
    assert_eq!(reason(verify(&sessions, &seen)), "SESSION_EXPIRED");
    assert_eq!(reason(verify(&sessions, &unseen)), "SESSION_EXPIRED");
}

#[test]
fn a_session_of_development_is_worth_nothing_outside_it() {
    let (sessions, clock) = sessions();
    let (session, _) = sessions.issue(&citizen(), DEV, Duration::from_secs(3_600));
    assert!(sessions.verify(&session).is_ok());
    // The same keys, started again without `--dev`.
    let outside = tokens(&clock, false);
    let refused = outside.verify(&session).map(|(_, verified)| verified);
    assert_eq!(reason(refused), "SESSION_INVALID");
}

#[test]
fn a_call_never_gets_an_internal_token_that_is_about_to_end() {
    let (sessions, clock) = sessions();
    let (session, _) = sessions.issue(&citizen(), DEV, Duration::from_secs(86_400));
    for _ in 0..30 {
        clock.advance(Duration::from_secs(47));
        for verified in [sessions.verify(&session).unwrap().1, sessions.anybody()] {
            assert!(opened(&verified.token(), clock.now().plus_seconds(59)).is_ok());
            assert!(opened(&verified.token(), clock.now().plus_seconds(301)).is_err());
        }
    }
    let (_, verified) = sessions.verify(&session).unwrap();
    let stream = sessions.token_for_stream(&verified);
    assert!(opened(&stream, clock.now().plus_seconds(600)).is_ok());
}

#[test]
fn a_session_that_was_signed_out_is_over_and_its_account_gets_another_in_the_same_second() {
    let (sessions, _) = sessions();
    let hour = Duration::from_secs(3_600);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..5 {
        let (session, _) = sessions.issue(&citizen(), DEV, hour);
        let (id, _) = sessions.verify(&session).unwrap();
        assert!(seen.insert(session.clone()), "the same session again");
        sessions.end(id);
        let refused = sessions.verify(&session).map(|(_, verified)| verified);
        assert_eq!(reason(refused), "SESSION_ENDED");
    }
    let other = Principal {
        account: "b".to_owned(),
        ..citizen()
    };
    let (session, ends_at) = sessions.issue(&other, DEV, hour);
    assert_eq!(ends_at, Timestamp::from_seconds(1_003_600));
    assert!(
        sessions.verify(&session).is_ok(),
        "another account's session goes on"
    );
}

#[test]
fn a_session_has_one_spelling_so_that_its_end_cannot_be_evaded() {
    let (sessions, clock) = sessions();
    let (session, _) = sessions.issue(&citizen(), DEV, Duration::from_secs(3_600));
    let sealed = URL_SAFE_NO_PAD.decode(&session).unwrap();
    // The MAC does not cover the unprotected header, which is the empty map after the protected one.
    assert_eq!(sealed[..6], [0x84, 0x43, 0xa1, 0x01, 0x05, 0xa0]);
    let with_header = [&sealed[..5], &[0xa1, 0x04, 0x41, 0x00], &sealed[6..]].concat();
    let opened = PrincipalKey::session([1; 32]).open_session(&with_header, clock.now());
    assert!(opened.is_ok(), "the key alone would take it");
    let padded = format!("{session}=");
    for other in [URL_SAFE_NO_PAD.encode(with_header), padded] {
        let refused = sessions.verify(&other).map(|(_, verified)| verified);
        assert_eq!(reason(refused), "SESSION_INVALID");
    }
    assert!(sessions.verify(&session).is_ok());
}
