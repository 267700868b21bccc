//! Who calls: the first credential of a request, in the order bearer, cookie, certificate; without any, anybody.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, Method};
use lutong_kernel::Fault;
use lutong_operating::tls::{PeerAccount, PeerPartner};
use lutong_transport::peer::PeerAddress;

use super::account_versions::AccountVersions;
use super::accounts::Accounts;
use super::certificates::{Certificates, Sources};
use super::cookie::Cookie;
use super::cross_site::RequestSite;
use super::csrf::CsrfTokens;
use super::networks::NetworkHashes;
use super::session_id::SessionId;
use super::tokens::{SessionTokens, VerifiedPrincipal, bearer};
use crate::limits::rate::RateLimits;

/// Everything that a credential is checked with.
pub struct Identification {
    pub accounts: Accounts,
    pub tokens: SessionTokens,
    pub versions: AccountVersions,
    pub certificates: Certificates,
    pub limits: RateLimits,
    pub cookie: Cookie,
    pub csrf: CsrfTokens,
    /// Absent where the network is not stated.
    pub networks: Option<NetworkHashes>,
}

/// Where a request comes from, as far as the listener knows.
pub struct Connection {
    pub address: Option<PeerAddress>,
    /// The account that the certificate of the connection names.
    account: Option<PeerAccount>,
    /// What the certificate of the connection names, at the listener for partners.
    partner: Option<PeerPartner>,
}

impl Connection {
    pub fn of(extensions: &Extensions) -> Self {
        Self {
            address: extensions.get::<PeerAddress>().copied(),
            account: extensions.get::<PeerAccount>().cloned(),
            partner: extensions.get::<PeerPartner>().cloned(),
        }
    }

    /// What the certificate of a partner names.
    pub const fn partner(&self) -> Option<&PeerPartner> {
        self.partner.as_ref()
    }
}

/// Whether a call may be made by cookie. A browser adds its cookies to every request, whichever page sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieUse {
    /// gRPC and gRPC-Web: a cookie is not read.
    Ignored,
    /// JSON: a cookie counts; what changes something needs the token of the session in a header.
    Accepted,
}

/// Who calls.
pub struct Caller {
    /// None without a session.
    pub session: Option<SessionId>,
    /// Whether it is an account, rather than anybody.
    pub is_account: bool,
    pub verified: Arc<VerifiedPrincipal>,
}

/// The session of a browser that asks for a page or posts a form.
pub struct PageSession {
    pub id: SessionId,
    pub verified: Arc<VerifiedPrincipal>,
    /// What forms and scripts of the page send with each change.
    pub csrf_token: String,
}

impl Identification {
    /// Who makes a call. A credential that is there and wrong is refused, also where none is needed, and never passed
    /// over for the next one.
    ///
    /// A session comes before the certificate of the connection, so that whatever stands before several people may have
    /// a certificate of its own. A bearer comes before a cookie: a script chose to send it, and a browser added the other.
    pub async fn identify(
        &self,
        head: &Parts,
        connection: &Connection,
        cookies: CookieUse,
    ) -> Result<Caller, Fault> {
        if let Some(partner) = &connection.partner {
            // Partners have no session. Who asks, the message proves; federation compares it with the certificate.
            self.certificates.check(partner.until)?;
            return self.admit_anybody(connection).await;
        }
        if let Some(peer) = &connection.account {
            self.certificates.check(peer.until)?;
        }
        if let Some(credential) = head.headers.get(AUTHORIZATION) {
            return self.admit_session(self.tokens.verify(bearer(credential)?)?).await;
        }
        if cookies == CookieUse::Accepted
            && let Some(session) = self.cookie.read(&head.headers)?
        {
            let session = self.tokens.verify(session)?;
            if head.method != Method::GET {
                RequestSite::of(head).check()?;
                self.csrf.check_header(&session.0, &head.headers)?;
            }
            return self.admit_session(session).await;
        }
        match &connection.account {
            Some(peer) => {
                // A browser shows the certificate by itself, whichever page sends the request.
                if cookies == CookieUse::Accepted && head.method != Method::GET {
                    RequestSite::of(head).check()?;
                }
                self.admit_certificate(peer).await
            }
            None => self.admit_anybody(connection).await,
        }
    }

    /// The session of a browser that asks for a page or posts a form. One that has ended is none: the page says how to
    /// sign in. Also while identity is away: signing out needs nobody; a call made for the page is admitted as any other.
    pub async fn page_session(
        &self,
        head: &Parts,
        connection: &Connection,
    ) -> Result<Option<PageSession>, Fault> {
        let cookie = self.cookie.read(&head.headers).ok().flatten();
        let session = cookie.and_then(|session| self.tokens.verify(session).ok());
        let Some((id, verified)) = session else {
            self.limits.anonymous(connection.address).await?;
            return Ok(None);
        };
        self.limits.account(&verified.principal.account).await?;
        let is_current = self
            .versions
            .is_current(&verified.principal.account, verified.version);
        Ok(is_current.then(|| PageSession {
            csrf_token: self.csrf.of(&id),
            id,
            verified,
        }))
    }

    async fn admit_session(
        &self,
        (id, verified): (SessionId, Arc<VerifiedPrincipal>),
    ) -> Result<Caller, Fault> {
        self.limits.account(&verified.principal.account).await?;
        self.versions.check(&verified.principal, verified.version).await?;
        Ok(Caller {
            session: Some(id),
            is_account: true,
            verified,
        })
    }

    async fn admit_certificate(&self, peer: &PeerAccount) -> Result<Caller, Fault> {
        // Before identity is asked: nobody may ask it more often than that.
        self.limits.account(&peer.account).await?;
        let sources = Sources {
            accounts: &self.accounts,
            tokens: &self.tokens,
            versions: &self.versions,
        };
        let verified = self.certificates.principal(peer, sources).await?;
        self.versions.check(&verified.principal, verified.version).await?;
        Ok(Caller {
            session: None,
            is_account: true,
            verified,
        })
    }

    async fn admit_anybody(&self, connection: &Connection) -> Result<Caller, Fault> {
        match connection.partner() {
            Some(partner) => self.limits.partner(partner).await?,
            None => self.limits.anonymous(connection.address).await?,
        }
        Ok(Caller {
            session: None,
            is_account: false,
            verified: self.tokens.anybody(),
        })
    }
}
