//! Staff and feeds who are authenticated by the certificate of their connection: each of their calls is made by the
//! account that it names. What identity says of the account is cached for a short time, and no longer than until an
//! operator changes the account ([`AccountVersions`]).

use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_operating::tls::PeerAccount;
use lutong_proto::policy::Role;
use lutong_transport::access::Principal;
use moka::sync::Cache;
use tokio::time::Instant;

use super::account_versions::AccountVersions;
use super::accounts::{Accounts, is_away};
use super::tokens::{SessionTokens, VerifiedPrincipal};
use crate::fault::sessions::{certificate_expired, certificate_of_no_staff};

/// How old an answer of identity may be before identity is asked again.
const ASK_AFTER: Duration = Duration::from_secs(60);
/// How long it is kept in case identity is away; whose it may then be used for is decided by [`AccountVersions`].
const KEPT: Duration = Duration::from_secs(12 * 3_600);
/// Accounts kept at the most; one more costs a question to identity.
const MOST: u64 = 10_000;

/// The accounts that have called by certificate.
pub struct Certificates {
    clock: Arc<dyn Clock>,
    cached: Cache<Arc<str>, CachedAccount>,
}

#[derive(Clone)]
struct CachedAccount {
    verified: Arc<VerifiedPrincipal>,
    asked: Instant,
}

/// What an account is looked up with.
pub struct Sources<'a> {
    pub accounts: &'a Accounts,
    pub tokens: &'a SessionTokens,
    pub versions: &'a AccountVersions,
}

impl Certificates {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let cached = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        Self { clock, cached }
    }

    /// Refuses a connection that has outlived its certificate.
    pub fn check(&self, until: Timestamp) -> Result<(), Fault> {
        if self.clock.now() < until {
            Ok(())
        } else {
            Err(certificate_expired())
        }
    }

    /// The account that a certificate names. A change of the account takes effect at once and needs no new connection.
    pub async fn principal(
        &self,
        peer: &PeerAccount,
        from: Sources<'_>,
    ) -> Result<Arc<VerifiedPrincipal>, Fault> {
        let cached = self.cached.get(&peer.account);
        let still_holds = cached.as_ref().filter(|one| {
            one.asked.elapsed() < ASK_AFTER && from.versions.is_current(&peer.account, one.verified.version)
        });
        if let Some(one) = still_holds {
            return Ok(self.renewed(peer, one, from.tokens));
        }
        match from.accounts.principal(&peer.account).await {
            Ok((principal, _)) if !is_staff_or_feed(&principal) => {
                self.cached.invalidate(&peer.account);
                Err(certificate_of_no_staff())
            }
            Ok((principal, version)) => {
                let verified = from.tokens.of_account(principal, version);
                Ok(self.store(peer, verified, Instant::now()))
            }
            Err(fault) if is_away(&fault) => {
                let last = cached.ok_or(fault)?;
                Ok(self.renewed(peer, &last, from.tokens))
            }
            Err(fault) => {
                self.cached.invalidate(&peer.account);
                Err(fault)
            }
        }
    }

    /// With a token that holds long enough for a call.
    fn renewed(
        &self,
        peer: &PeerAccount,
        one: &CachedAccount,
        tokens: &SessionTokens,
    ) -> Arc<VerifiedPrincipal> {
        if one.verified.is_fresh(self.clock.now()) {
            return Arc::clone(&one.verified);
        }
        let verified = tokens.of_account(one.verified.principal.clone(), one.verified.version);
        self.store(peer, verified, one.asked)
    }

    fn store(
        &self,
        peer: &PeerAccount,
        verified: VerifiedPrincipal,
        asked: Instant,
    ) -> Arc<VerifiedPrincipal> {
        let verified = Arc::new(verified);
        let cached = CachedAccount {
            verified: Arc::clone(&verified),
            asked,
        };
        self.cached.insert(Arc::clone(&peer.account), cached);
        verified
    }
}

/// Whether an operator has made the account: whoever identity has never seen is a citizen.
fn is_staff_or_feed(principal: &Principal) -> bool {
    let of_people = [Role::Public, Role::Citizen, Role::Guardian];
    principal.roles.iter().any(|role| !of_people.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_transport::access::Roles;

    #[test]
    fn doors_staff_and_feeds_may_and_people_may_not() {
        let with = |roles: &[Role]| Principal {
            account: "a".to_owned(),
            roles: Roles::of(roles),
            ..Principal::public()
        };
        for roles in [&[][..], &[Role::Citizen], &[Role::Citizen, Role::Guardian]] {
            assert!(!is_staff_or_feed(&with(roles)), "{roles:?}");
        }
        for role in [Role::Checkpoint, Role::AuthorityFeed, Role::Operator] {
            assert!(is_staff_or_feed(&with(&[role])), "{role:?}");
            assert!(is_staff_or_feed(&with(&[Role::Citizen, role])), "{role:?}");
        }
    }
}
