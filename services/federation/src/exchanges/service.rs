//! Answers partners: who asks is proven by the signature, whether it is served says the trust list, and both messages are recorded.

mod asking;
pub mod declaring;
pub mod disclosing;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, Timestamp};
use lutong_operating::pause::pause;
use lutong_storage::crypto::{FieldCipher, keyed_hash};
use lutong_storage::{Database, StorageError, advisory};
use lutong_token::document::{self, Purpose};
use lutong_token::{MessageExpectations, MessageHeader, Nonce, SigningKey, VerifyingKey, body_digest};
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;

use super::domain::{Connection, Message, Method, RefusedMessage, ReturnCode, is_agreed, is_served, owner};
use super::store::{self, MessageRecord};
use crate::fault;
use crate::followed_codes::service::FollowedCodes;
use crate::partner_qualities::domain::Happened;
use crate::partner_qualities::service::PartnerQualities;
use crate::partners::domain::{PartnerId, PartnerState};
use crate::peers::partner::PartnerClients;
use crate::peers::{Peers, VerifiedCode};
use crate::trust_lists::domain::Quota;
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// The advisory lock of the chain of records.
const CHAIN_LOCK: i64 = 0x6c74_7265_636f_7264;
/// How often nonces are forgotten.
const FORGET_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// A request that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    partner: PartnerId,
    method: Method,
    nonce: Nonce,
}

impl Accepted {
    /// Whose it is.
    pub const fn partner(&self) -> PartnerId {
        self.partner
    }
}

/// Exchanges with partners; cheap to clone.
#[derive(Clone)]
pub struct Exchanges {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    current: CurrentTrust,
    key: Arc<SigningKey>,
    peers: Peers,
    followed: FollowedCodes,
    partners: PartnerClients,
    qualities: PartnerQualities,
    /// Whether a partner with `tls_names` may come without a certificate.
    accepts_public: bool,
}

/// How partners are called, and how they may call.
#[derive(Clone)]
pub struct PartnerConnections {
    pub clients: PartnerClients,
    /// Whether a partner with `tls_names` may come without a certificate.
    pub accepts_public: bool,
}

impl Exchanges {
    /// The key of our messages is derived from a key that is never rotated.
    pub fn new(
        (store, foundation): (&Store, &Foundation),
        (current, qualities): (CurrentTrust, PartnerQualities),
        followed: FollowedCodes,
        (peers, connections): (Peers, PartnerConnections),
    ) -> Self {
        let seed = keyed_hash(&store.index_key, b"lutong-federation-messages/1");
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            current,
            key: Arc::new(SigningKey::from_seed(&seed)),
            peers,
            followed,
            partners: connections.clients,
            accepts_public: connections.accepts_public,
            qualities,
        }
    }

    /// Ourselves, as sender and audience.
    pub fn own(&self) -> String {
        self.current.own().to_string()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the exchange of an accepted message is agreed with the partner, and counts now.
    fn is_agreed(&self, accepted: &Accepted) -> Result<(), ReturnCode> {
        let trust = self.current.get();
        let partner = accepted.partner;
        is_agreed(accepted.method, trust.agreement(partner), trust.state(partner))
    }

    /// The key that signs our messages.
    pub fn key(&self) -> &VerifyingKey {
        self.key.verifying_key()
    }

    /// Signs a document with the key of our messages.
    pub fn sign_document(&self, purpose: Purpose, payload: &[u8]) -> Result<Vec<u8>, Fault> {
        document::sign(&self.key, purpose, payload).map_err(Fault::internal)
    }

    /// Accepts a message of a partner that is served, once, and counts and records it.
    pub async fn accept(
        &self,
        method: Method,
        message: &Message,
        connection: &Connection,
    ) -> Result<Accepted, Fault> {
        let now = self.clock.now();
        let trust = self.current.get();
        if trust.has_expired(now) {
            return Err(fault::trust_list_expired());
        }
        let opened = open(&trust, (method, &self.own()), message, now);
        let (header, partner) = opened.map_err(|(reason, signer)| {
            if let Some(signer) = signer {
                self.qualities.note(signer, Happened::RefusedMessage);
            }
            fault::message_refused(reason)
        })?;
        self.check_connection(&trust, partner, connection)?;
        let state = trust.state(partner);
        if !is_served(&trust.list, partner, state) {
            return Err(fault::partner_not_served(state));
        }
        let quota = trust
            .agreement(partner)
            .map_or_else(Quota::default, |agreed| agreed.quota);
        let admission = Admission {
            partner,
            state,
            quota,
            nonce: header.nonce,
            forgettable_at: header.forgettable_at(),
            now,
        };
        let record = MessageRecord {
            recorded_at: now,
            partner,
            is_answer: false,
            header: message.header.clone(),
            outcome: String::new(),
        };
        let admitted = self
            .database
            .write(move |transaction| async move { admit(transaction, admission, record).await }.boxed())
            .await;
        match &admitted {
            Ok(()) => self.qualities.note(partner, Happened::AcceptedMessage),
            Err(fault) if matches!(fault.reason.as_ref(), "MESSAGE_REFUSED" | "QUOTA_EXHAUSTED") => {
                self.qualities.note(partner, Happened::RefusedMessage);
            }
            Err(_) => {}
        }
        admitted?;
        Ok(Accepted {
            partner,
            method,
            nonce: header.nonce,
        })
    }

    /// Refuses a message that came over a connection of somebody else. Its nonce is not used up: whoever replays a message takes nothing from
    /// its sender. Counted against whose certificate it is: that the sender had to do with it, nobody has proven.
    fn check_connection(
        &self,
        trust: &Trust,
        sender: PartnerId,
        connection: &Connection,
    ) -> Result<(), Fault> {
        let Some(agreed) = trust.agreement(sender) else {
            // Not on the list any more: it is not served.
            return Ok(());
        };
        connection.check(agreed, self.accepts_public).map_err(|refused| {
            let owner = connection.owner(&trust.list);
            tracing::info!(
                partner = %sender,
                outcome = refused.into_str(),
                certificate_of = owner.map(|id| id.to_string()),
                "a message came over a connection that is not its sender's"
            );
            if let Some(owner) = owner {
                self.qualities.note(owner, Happened::RefusedMessage);
            }
            fault::partner_certificate_refused(refused)
        })
    }

    /// Verifies one of our codes for a partner, which is told of its later changes under the reference that is returned, too. It is empty for a
    /// code that failed.
    pub async fn verify_code(
        &self,
        accepted: &Accepted,
        token: &str,
    ) -> Result<(VerifiedCode, String, Timestamp), Fault> {
        let at = self.clock.now();
        let verified = self.peers.verify_token(accepted.partner, token).await?;
        let reference = match verified.subject {
            Some(subject) => self.followed.follow(accepted.partner, subject).await?,
            None => String::new(),
        };
        Ok((verified, reference, at))
    }

    /// Signs and records the answer to a request.
    pub async fn answer(
        &self,
        accepted: &Accepted,
        body: Vec<u8>,
        outcome: &'static str,
    ) -> Result<Message, Fault> {
        let (method, partner) = (accepted.method, accepted.partner);
        let (message, _) = self.sign(method, partner, body, Some(accepted.nonce))?;
        self.record(MessageRecord {
            recorded_at: self.clock.now(),
            partner,
            is_answer: true,
            header: message.header.clone(),
            outcome: outcome.to_owned(),
        })
        .await?;
        Ok(message)
    }

    /// Signs a message to a partner; with its nonce.
    fn sign(
        &self,
        method: Method,
        audience: PartnerId,
        body: Vec<u8>,
        in_reply_to: Option<Nonce>,
    ) -> Result<(Message, Nonce), Fault> {
        let nonce = self.random.bytes();
        let header = MessageHeader {
            method: method.name().to_owned(),
            sender: self.own(),
            audience: audience.to_string(),
            sent_at: self.clock.now(),
            nonce,
            body_digest: body_digest(&body),
            in_reply_to,
        };
        let header = header.sign(&self.key).map_err(Fault::internal)?;
        Ok((Message { header, body }, nonce))
    }

    /// Appends a record to the chain.
    async fn record(&self, record: MessageRecord) -> Result<(), Fault> {
        let recorded = self.database.write(move |transaction| {
            async move {
                advisory::lock(transaction, CHAIN_LOCK).await?;
                store::append(transaction, record).await
            }
            .boxed()
        });
        recorded.await.map_err(|error: StorageError| Fault::from(error))
    }

    /// Forgets nonces that nobody needs.
    pub async fn forget(self, stop: CancellationToken) {
        while !pause(FORGET_EVERY, &stop).await {
            let now = self.clock.now();
            let forgotten: Result<u64, StorageError> = self
                .database
                .write(move |transaction| store::forget_nonces(transaction, now).boxed())
                .await;
            if let Err(error) = forgotten {
                tracing::warn!(%error, "nonces could not be forgotten; the next round catches up");
            }
        }
    }
}

/// The header of a message that is what it should be, and whose it is; or why it is refused, and whose key signed it.
fn open(
    trust: &Trust,
    (method, own): (Method, &str),
    message: &Message,
    now: Timestamp,
) -> Result<(MessageHeader, PartnerId), (RefusedMessage, Option<PartnerId>)> {
    let opened = MessageHeader::open(&message.header, &trust.list.message_keys, now);
    // Whose key it names, nobody has proven.
    let (header, kid) = opened.map_err(|error| (RefusedMessage::Message(error), None))?;
    let signer = owner(&trust.list, kid);
    let partner = signer.filter(|id| id.to_string() == header.sender);
    let partner = partner.ok_or((RefusedMessage::WrongSender, signer))?;
    let expected = MessageExpectations {
        method: method.name(),
        audience: own,
        body: &message.body,
        in_reply_to: None,
        now,
    };
    let checked = header.check(&expected);
    checked.map_err(|error| (RefusedMessage::Message(error), signer))?;
    Ok((header, partner))
}

struct Admission {
    partner: PartnerId,
    state: PartnerState,
    quota: Quota,
    nonce: Nonce,
    forgettable_at: Timestamp,
    now: Timestamp,
}

/// Remembers, counts and records a message, or none of these.
async fn admit(
    transaction: &DatabaseTransaction,
    admission: Admission,
    record: MessageRecord,
) -> Result<(), Fault> {
    let Admission {
        partner,
        state,
        quota,
        nonce,
        forgettable_at,
        now,
    } = admission;
    // One after the other: the chain and the counts have an order.
    advisory::lock(transaction, CHAIN_LOCK).await?;
    if !store::claim_nonce(transaction, partner, &nonce, forgettable_at).await? {
        return Err(fault::message_refused(RefusedMessage::Replayed));
    }
    let used = store::find_usage(transaction, partner).await?;
    let used = used
        .with_one(quota, state, now)
        .map_err(|exhausted| fault::quota_exhausted(exhausted.0))?;
    store::save_usage(transaction, partner, used).await?;
    store::append(transaction, record).await?;
    Ok(())
}
