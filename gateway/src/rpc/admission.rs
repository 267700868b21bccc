//! Letting a call in by its head and its connection alone: who calls, their limits, and the token with which the call goes
//! on. Who calls is decided before anything is said about what they sent.

use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use lutong_kernel::{Fault, ServiceName};
use lutong_operating::tls::PeerPartner;
use lutong_proto::policy::Scope;
use lutong_transport::access::Refusal;

use super::Calls;
use super::contract::EdgeRpc;
use super::forwarding::OurMetadata;
use super::pools::Work;
use crate::fault::sessions::session_ended;
use crate::limits::concurrency::CallPlaces;
use crate::sessions::accounts::is_away;
use crate::sessions::identification::{Caller, Connection, CookieUse, Identification};
use crate::sessions::tokens::VerifiedPrincipal;

/// A call that was let in.
pub struct AdmittedCall {
    /// With which it goes on.
    pub ours: OurMetadata,
    pub verified: Arc<VerifiedPrincipal>,
    /// Its share of what its account, address and connection may have under way.
    _places: CallPlaces,
}

impl Calls {
    pub async fn admit(
        &self,
        rpc: &EdgeRpc,
        head: &Parts,
        cookies: CookieUse,
    ) -> Result<AdmittedCall, Fault> {
        let connection = Connection::of(&head.extensions);
        let caller = self.identification.identify(head, &connection, cookies).await?;
        let account = caller
            .is_account
            .then_some(caller.verified.principal.account.as_str());
        if account.is_none() && !rpc.public {
            return Err(Refusal::NotSignedIn.fault());
        }
        if rpc.sends_message {
            self.identification.limits.message(connection.address).await?;
        }
        let is_import = rpc.work == Work::Import;
        let places = self.concurrency.enter(is_import, account, connection.address)?;
        let verified = self.with_person(rpc, caller).await?;
        let token = if rpc.streams {
            self.identification.tokens.token_for_stream(&verified)
        } else {
            verified.token()
        };
        // The service that weighs complaints; no other learns of it.
        let weighs = rpc.part == ServiceName::Complaint;
        let address = connection.address.filter(|_| weighs);
        let networks = self.identification.networks.as_ref();
        let network = address
            .zip(networks)
            .and_then(|(from, networks)| networks.header(from));
        Ok(AdmittedCall {
            ours: OurMetadata {
                token,
                network,
                partner: connection.partner().map(partner_header),
            },
            verified,
            _places: places,
        })
    }

    /// The caller, with the person that their account has got since the session was opened.
    async fn with_person(&self, rpc: &EdgeRpc, caller: Caller) -> Result<Arc<VerifiedPrincipal>, Fault> {
        let Caller {
            session, verified, ..
        } = caller;
        let Some(id) = session.filter(|_| verified.awaits_subject()) else {
            return Ok(verified);
        };
        if rpc.public || rpc.scope == Scope::None {
            return Ok(verified);
        }
        let Identification { accounts, tokens, .. } = &*self.identification;
        match accounts.principal(&verified.principal.account).await {
            Ok((_, version)) if version != verified.version => Err(session_ended()),
            Ok((now, _)) if now.subject.is_some() => Ok(tokens.replace(id, &verified, now)),
            Ok(_) => Ok(verified),
            // What belongs to the account can go on without the person. What belongs to the person cannot: the caller
            // would be told that there is none.
            Err(fault) if rpc.scope == Scope::Case && is_away(&fault) => Ok(verified),
            Err(fault) => Err(fault),
        }
    }
}

/// Metadata `lutong-partner`. What would not be a header's value names no host: the call is then nobody's, and not one without a
/// certificate.
fn partner_header(partner: &PeerPartner) -> HeaderValue {
    HeaderValue::try_from(partner.names.join(",")).unwrap_or(HeaderValue::from_static(""))
}
