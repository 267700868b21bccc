//! What goes wrong, and how often each part was asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

/// A fault of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Answers 503.
    Away,
    /// Answers after a minute.
    Slow,
    /// Answers what is none of its protocol.
    Garbage,
    /// WeChat: `-1`, system busy.
    WeChatBusy,
    /// WeChat: the page is a preview, its user virtual.
    WeChatSnapshot,
    /// WeChat: the person is blocked.
    WeChatBlocked,
    /// Alipay: the answer is not signed.
    AlipayUnsigned,
    /// Alipay: the answer is signed by another key.
    AlipayWrongKey,
    /// Alipay: members of the answer are ordered otherwise than they were signed.
    AlipayReordered,
    /// Alipay: an application that gets open ids.
    AlipayOpenId,
    /// OpenID: `alg: none`, without a signature.
    OidcAlgNone,
    /// OpenID: signed by a key that is not in the set.
    OidcOtherKey,
    /// OpenID: for another client.
    OidcWrongAudience,
    /// OpenID: of another issuer.
    OidcWrongIssuer,
    /// OpenID: expired an hour ago.
    OidcExpired,
    /// OpenID: issued an hour ahead.
    OidcClockAhead,
    /// OpenID: without the nonce.
    OidcNoNonce,
    /// OpenID: with the nonce of another attempt.
    OidcWrongNonce,
    /// The real-name check answers that it cannot say.
    RealNameUnavailable,
    /// The card platform is busy: its code says that one may ask again.
    CardBusy,
    /// The card platform refuses a person's data for good.
    CardRefused,
    /// The card platform has lost the tokens that it gave; once.
    CardTokensLost,
    /// The card platform gives everybody the same number.
    CardSameNumber,
    /// The national gateways have lost the secrets that they gave; once.
    NationalSecretsLost,
    /// The clock of the national gateways is an hour ahead.
    NationalClockAhead,
    /// The national gateways have had too many requests.
    NationalThrottled,
    /// The national gateways have had too many requests, and say so by the status alone.
    NationalThrottledByStatus,
    /// The national gateways answer 500 with a refusal, as TIF does with a wrong signature.
    NationalRefuses,
    /// The national gateways are not allowed to answer this system, whatever the secret.
    NationalForbidden,
    /// The national gateways wrap the answer three times, in strings.
    NationalNested,
    /// The national gateways answer 200, a good code, and nothing.
    NationalEmpty,
    /// The national gateways answer more than anybody reads.
    NationalHuge,
    /// The gateway of messages answers 503.
    MessagesAway,
}

/// How often each part answered, by name.
pub type Counts = HashMap<&'static str, u64>;

#[derive(Debug, Default)]
struct State {
    on: HashSet<Fault>,
    counts: Counts,
    /// How long every answer takes.
    delay: Duration,
}

/// Switches faults on and off; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn turn_on(&self, fault: Fault) {
        self.state().on.insert(fault);
    }

    pub fn turn_off(&self, fault: Fault) {
        self.state().on.remove(&fault);
    }

    pub fn is_on(&self, fault: Fault) -> bool {
        self.state().on.contains(&fault)
    }

    /// Has every provider answer after so long.
    pub fn answer_after(&self, delay: Duration) {
        self.state().delay = delay;
    }

    pub(crate) fn count(&self, part: &'static str) {
        *self.state().counts.entry(part).or_default() += 1;
    }

    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }
}

/// The faults that every provider may have.
pub(crate) async fn common(faults: &Faults) -> Option<Response> {
    let delay = faults.state().delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if faults.is_on(Fault::Slow) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    if faults.is_on(Fault::Away) {
        return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
    }
    faults
        .is_on(Fault::Garbage)
        .then(|| Html("<html>网络繁忙</html>").into_response())
}
