//! Staff and feeds that are known by the certificate of their connection: each of their calls is made by the account
//! that it names. Identity says what the account may; that is remembered for a short time, and no longer than until an
//! operator changes the account ([`Standing`]).

use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Clock, Fault, FaultCode};
use lutong_operating::tls::PeerAccount;
use lutong_proto::policy::Role;
use lutong_transport::access::Principal;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::sessions::{Known, Sessions};
use crate::sign_in::{Accounts, is_away};
use crate::standing::Standing;

/// How long what identity said holds before it is asked again.
const ASK_AFTER: Duration = Duration::from_secs(60);
/// How long it is kept for a time in which identity is away; for whom it may then be used is decided by [`Standing`].
const KEPT: Duration = Duration::from_secs(12 * 3_600);
/// Accounts kept at the most; one more costs a question to identity.
const MOST: u64 = 10_000;

/// The accounts that have called by certificate.
pub struct Certificates {
    clock: Arc<dyn Clock>,
    remembered: Cache<Arc<str>, Remembered>,
}

#[derive(Clone)]
struct Remembered {
    known: Arc<Known>,
    asked: Instant,
}

/// What an account is looked up with.
pub struct Sources<'a> {
    pub accounts: &'a Accounts,
    pub sessions: &'a Sessions,
    pub standing: &'a Standing,
}

impl Certificates {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let remembered = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        Self { clock, remembered }
    }

    /// Refuses a connection that has outlived its certificate.
    pub fn check(&self, peer: &PeerAccount) -> Result<(), Fault> {
        if self.clock.now() < peer.until {
            Ok(())
        } else {
            Err(expired())
        }
    }

    /// The account that a certificate names. A change of the account takes effect at once and needs no new connection.
    pub async fn known(&self, peer: &PeerAccount, from: Sources<'_>) -> Result<Arc<Known>, Fault> {
        let remembered = self.remembered.get(&peer.account);
        let still_holds = remembered.as_ref().filter(|one| {
            one.asked.elapsed() < ASK_AFTER && from.standing.holds(&peer.account, one.known.version)
        });
        if let Some(one) = still_holds {
            return Ok(self.renewed(peer, one, from.sessions));
        }
        match from.accounts.principal(&peer.account).await {
            Ok((principal, _)) if !is_staff_or_feed(&principal) => {
                self.remembered.invalidate(&peer.account);
                Err(not_for_citizens())
            }
            Ok((principal, version)) => {
                let known = from.sessions.known_as(principal, version);
                Ok(self.remember(peer, known, Instant::now()))
            }
            Err(fault) if is_away(&fault) => {
                let last = remembered.ok_or(fault)?;
                Ok(self.renewed(peer, &last, from.sessions))
            }
            Err(fault) => {
                self.remembered.invalidate(&peer.account);
                Err(fault)
            }
        }
    }

    /// With a token that holds long enough for a call.
    fn renewed(&self, peer: &PeerAccount, one: &Remembered, sessions: &Sessions) -> Arc<Known> {
        if one.known.is_fresh(self.clock.now()) {
            return Arc::clone(&one.known);
        }
        let known = sessions.known_as(one.known.principal.clone(), one.known.version);
        self.remember(peer, known, one.asked)
    }

    fn remember(&self, peer: &PeerAccount, known: Known, asked: Instant) -> Arc<Known> {
        let known = Arc::new(known);
        let remembered = Remembered {
            known: Arc::clone(&known),
            asked,
        };
        self.remembered.insert(Arc::clone(&peer.account), remembered);
        known
    }
}

/// Whether an operator has made the account: whoever identity has never seen is a citizen.
fn is_staff_or_feed(principal: &Principal) -> bool {
    let of_people = [Role::Public, Role::Citizen, Role::Guardian];
    principal.roles.iter().any(|role| !of_people.contains(&role))
}

fn expired() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "CERTIFICATE_EXPIRED",
        "账号证书已过期，请换发后重新连接",
        "the certificate of the account has expired: have it issued anew, and connect again",
    )
}

fn not_for_citizens() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "CERTIFICATE_OF_NO_STAFF",
        "证书所示账号不是人员或数据源账号：请用 `lutong accounts add` 添加",
        "the certificate names no account of staff or a feed: add it with `lutong accounts add`",
    )
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
