//! Client of partners' own systems, over HTTPS: JSON of `lutong.federation.v1`. Each partner has its own connections, circuit breaker and places,
//! so that one that is slow or away costs the others nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use lutong_https::{AdmittedCall, ClientTls, HttpsClient, OutsideUrl, Settings};
use lutong_kernel::Timestamp;
use lutong_proto::federation::v1::{HealthCodeVerification, HealthCodeVerificationResult};
use lutong_proto::time::timestamp;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::{Message, Method};
use crate::outcomes::read_outcome;
use crate::partners::domain::PartnerId;
use crate::peers::unanswered;

/// From the first byte that is sent to the last that is read: somebody stands at a counter.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of an answer: a batch of a thousand changes has some 60 KiB, and a third more in JSON, twice.
const MAX_ANSWER: usize = 256 * 1024;
/// Characters of a reference; ours have 32.
const MAX_REFERENCE: usize = 64;
/// Requests to one partner that are under way.
const PLACES: usize = 32;

#[derive(Serialize, Deserialize)]
struct JsonMessage {
    header: String,
    body: String,
}

#[derive(Serialize)]
struct JsonRequest {
    message: JsonMessage,
}

#[derive(Deserialize)]
struct JsonAnswer {
    answer: JsonMessage,
}

#[derive(Clone)]
struct PartnerClient {
    address: Arc<str>,
    https: HttpsClient,
    places: Arc<Semaphore>,
}

/// Clients of all partners; cheap to clone.
#[derive(Clone)]
pub struct PartnerClients {
    /// What is believed of their servers and shown to them.
    tls: ClientTls,
    /// Whether any server is believed.
    has_authorities: bool,
    clients: Arc<Mutex<HashMap<PartnerId, PartnerClient>>>,
}

impl PartnerClients {
    pub fn new(tls: ClientTls, has_authorities: bool) -> Self {
        Self {
            tls,
            has_authorities,
            clients: Arc::default(),
        }
    }

    /// A call to a partner, or why there can be none now: whoever answers slowly fills its own places, and who does not answer for a while is not
    /// asked. A call that is dropped was not made.
    pub fn admit(&self, partner: PartnerId, address: &str) -> Result<PartnerCall, RecognitionOutcome> {
        let client = self.client(partner, address);
        let place = client.places.try_acquire_owned();
        let place = place.map_err(|_| RecognitionOutcome::Throttled)?;
        Ok(PartnerCall {
            call: client.https.admit().map_err(unanswered)?,
            address: client.address,
            _place: place,
        })
    }

    /// The client of a partner; a new one when its address has changed.
    fn client(&self, partner: PartnerId, address: &str) -> PartnerClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(&partner).filter(|known| *known.address == *address) {
            return known.clone();
        }
        if !self.has_authorities && address.starts_with("https://") {
            tracing::warn!(
                %partner,
                "no authority of partners' servers is configured, so that this partner cannot be called: set federation.partner_tls.ca"
            );
        }
        let settings = Settings {
            name: format!("partner-{partner}"),
            timeout: TIMEOUT,
            max_bytes: MAX_ANSWER,
            ca: None,
        };
        let client = PartnerClient {
            address: address.into(),
            https: HttpsClient::with_tls(settings, &self.tls),
            places: Arc::new(Semaphore::new(PLACES)),
        };
        clients.insert(partner, client.clone());
        client
    }
}

/// A call that may be made to a partner; holds one of its places.
#[must_use]
pub struct PartnerCall {
    call: AdmittedCall,
    address: Arc<str>,
    _place: OwnedSemaphorePermit,
}

impl PartnerCall {
    /// Calls a method at the partner's address. Without a readable answer it says why there is none, which is never a colour.
    pub async fn send(self, method: Method, message: &Message) -> Result<Message, RecognitionOutcome> {
        let unreachable = RecognitionOutcome::Unreachable;
        let request = request(&self.address, method.path(), message).ok_or(unreachable)?;
        let answer = self.call.send(request).await.map_err(unanswered)?;
        match answer.status() {
            StatusCode::OK => read(answer.body()).ok_or(RecognitionOutcome::UnknownValue),
            StatusCode::TOO_MANY_REQUESTS => Err(RecognitionOutcome::Throttled),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(unreachable)
            }
            _ => Err(RecognitionOutcome::UnknownValue),
        }
    }
}

/// The body of a question about a code.
pub fn question(token: &str) -> Vec<u8> {
    let body = HealthCodeVerification {
        token: token.to_owned(),
    };
    body.encode_to_vec()
}

/// What a partner says about one of its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginAnswer {
    pub outcome: RecognitionOutcome,
    /// Which check the code failed there; empty for a colour.
    pub refusal: String,
    /// Under what it tells later changes of the code, and when it said this, by its clock. Absent when it tells none.
    pub followed: Option<(String, Timestamp)>,
}

/// What the body of the answer to it says; `None` for what cannot be read.
pub fn answer(body: &[u8]) -> Option<OriginAnswer> {
    let said = HealthCodeVerificationResult::decode(body).ok()?;
    let is_reference = !said.code_reference.is_empty() && said.code_reference.len() <= MAX_REFERENCE;
    let said_at = said.verify_time.as_ref().map(timestamp).filter(|_| is_reference);
    Some(OriginAnswer {
        outcome: read_outcome(said.outcome)?,
        refusal: said.refusal,
        followed: said_at.map(|at| (said.code_reference, at)),
    })
}

fn request(address: &str, path: &str, message: &Message) -> Option<Request<Full<Bytes>>> {
    let url = OutsideUrl::parse(&format!("{address}{path}")).ok()?;
    let json = JsonRequest {
        message: JsonMessage {
            header: STANDARD.encode(&message.header),
            body: STANDARD.encode(&message.body),
        },
    };
    let body = serde_json::to_vec(&json).ok()?;
    Request::post(url.uri().clone())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .ok()
}

fn read(body: &[u8]) -> Option<Message> {
    let JsonAnswer { answer } = serde_json::from_slice(body).ok()?;
    Some(Message {
        header: STANDARD.decode(answer.header).ok()?,
        body: STANDARD.decode(answer.body).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use lutong_https::Authorities;
    use lutong_kernel::Random as _;
    use lutong_kernel::random::SeededRandom;

    use super::*;

    /// A partner that answers whatever it is sent with the same message.
    async fn listen() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = || async { r#"{"answer": {"header": "AQI=", "body": "Aw=="}}"# };
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_partner_whose_places_are_taken_leaves_the_others_theirs() {
        let clients = PartnerClients::new(ClientTls::new(Authorities::Nobody).unwrap(), false);
        let [full, free] = ["32", "33"].map(|id| PartnerId::parse(id).unwrap());
        let (full_address, free_address) = (listen().await, listen().await);
        let message = Message {
            header: vec![1],
            body: vec![2],
        };
        let places = clients.client(full, &full_address).places;
        let taken = u32::try_from(PLACES).unwrap();
        let held = places.acquire_many_owned(taken).await.unwrap();
        let send = async |partner, address: &str| {
            let call = clients.admit(partner, address)?;
            let answer = call.send(Method::VerifyHealthCode, &message).await?;
            Ok(answer.body)
        };
        assert_eq!(
            send(full, &full_address).await,
            Err(RecognitionOutcome::Throttled)
        );
        for _ in 0..2 * PLACES {
            assert_eq!(send(free, &free_address).await, Ok(vec![3]));
        }
        drop(held);
        assert_eq!(send(full, &full_address).await, Ok(vec![3]));
    }

    #[test]
    fn a_message_is_read_as_it_was_sent_and_noise_is_none() {
        let good = br#"{"answer": {"header": "AQI=", "body": "Aw=="}}"#;
        let read_good = read(good).unwrap();
        assert_eq!((read_good.header, read_good.body), (vec![1, 2], vec![3]));
        for bad in [
            &b""[..],
            b"{}",
            br#"{"answer": "{\"header\": \"AQI=\"}"}"#,
            br#"{"answer": {"header": "AQI", "body": "Aw=="}}"#,
            br#"{"answer": {"header": "AQI="}}"#,
        ] {
            assert_eq!(read(bad), None);
        }
        assert_eq!(read("[".repeat(60_000).as_bytes()), None, "deep nesting");
        let random = SeededRandom::new(8);
        for _ in 0..2_000 {
            let mut noise = good.to_vec();
            let mut draw = [0; 3];
            random.fill(&mut draw);
            let place = usize::from(draw[0]) % noise.len();
            noise[place] = draw[1];
            noise.truncate(noise.len() - usize::from(draw[2]) % noise.len());
            let _ = read(&noise);
        }
    }
}
