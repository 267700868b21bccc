//! Why somebody was not recognised, by who can do something about it.

use std::time::Duration;

use lutong_https::CallFailure;

/// Texts of the provider are not in it: an Alipay error repeats what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInFailure {
    /// The person did not agree at the provider's page.
    #[error("was refused by the person")]
    Declined,
    /// The code is unknown, used or expired, or the attempt is: sign in again.
    #[error("took too long, or was used before")]
    Expired,
    /// What came back has no such part, or one of another attempt.
    #[error("came back without a valid `{0}`")]
    Incomplete(&'static str),
    /// WeChat's preview of a page shows a virtual user, who is nobody.
    #[error("is a preview of the page, whose user is not a person")]
    SnapshotUser,
    /// The provider has blocked this person.
    #[error("was blocked by the provider")]
    Blocked,
    /// The provider asks for fewer calls.
    #[error("exceeds the provider's quota")]
    Throttled(Duration),
    /// The provider is away, or says that it is busy.
    #[error("finds the provider away")]
    Away,
    /// Keys, application, clock or callback: only the operator can mend it.
    #[error("was refused by the provider because of our configuration ({0})")]
    Misconfigured(Misconfiguration),
    /// What claims to be the provider's answer is not signed by it, or is not for us.
    #[error("got an answer that is not to be believed ({0})")]
    Forged(&'static str),
    /// The answer is none of this protocol.
    #[error("got an answer that is none of its protocol")]
    Unreadable,
}

/// What the provider refuses of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Misconfiguration {
    /// The application's id, or that it is not this provider's.
    Application,
    /// The application's secret or key.
    Secret,
    /// The time of this machine.
    Clock,
    /// What the application was granted at the provider.
    Permission,
    /// The callback's address.
    Callback,
    /// What the provider publishes about itself.
    Discovery,
    /// Something else in the request.
    Request,
}

impl From<CallFailure> for SignInFailure {
    fn from(_: CallFailure) -> Self {
        Self::Away
    }
}

/// How long somebody waits where the provider does not say.
pub(crate) const RETRY: Duration = Duration::from_secs(10);
