//! Issues, lists and ends codes that are bound to a device. Only for oneself: what somebody else's telephone showed could not be taken from it
//! when their binding ends.

use lutong_chassis::skin::Page;
use lutong_kernel::{Colour, Fault, Timestamp};
use lutong_storage::idempotency::RequestKey;
use lutong_token::{Claims, ClaimsError, Issuer, Mask, SignError, SigningKey, UnverifiedToken, VerifyingKey};
use lutong_transport::access::SelfPermit;
use uuid::Uuid;

use super::domain;
use crate::issued_codes::domain::{IssuedCode, IssuedKind, IssuedTokenId, State};
use crate::issued_codes::service::{Issue, IssuedCodes, OpenedCode, TokenKind, damaged_token};
use crate::issued_codes::store::Of;

/// All codes that are bound to a device; cheap to clone.
#[derive(Clone)]
pub struct DeviceBoundCodes(pub IssuedCodes);

/// A code that is bound to a device.
#[derive(Debug, Clone)]
pub struct View {
    pub code: IssuedCode,
    pub state: State,
    pub device_key: VerifyingKey,
    pub mask: Option<Mask>,
    /// What the device signs when it shows the code.
    pub token: Vec<u8>,
}

struct DeviceToken {
    device_key: VerifyingKey,
}

impl TokenKind for DeviceToken {
    const KIND: IssuedKind = IssuedKind::Device;

    fn expires_at(&self, issued_at: Timestamp, next_change_at: Option<Timestamp>) -> Timestamp {
        domain::expires_at(issued_at, next_change_at)
    }

    fn claims(
        &self,
        issuer: Issuer,
        times: (Timestamp, Timestamp),
        token_id: IssuedTokenId,
        shown: (Colour, Option<Mask>),
    ) -> Result<Claims, ClaimsError> {
        Claims::device(issuer, times, token_id, self.device_key.clone(), shown)
    }

    fn sign(&self, key: &SigningKey, claims: &Claims) -> Result<Vec<u8>, SignError> {
        key.sign_for_device(claims)
    }
}

fn of(permit: &SelfPermit) -> Result<Of, Fault> {
    let kind = DeviceToken::KIND;
    permit.reach().map(|holder| Of { holder, kind })
}

impl DeviceBoundCodes {
    /// Issues a code with the colour in force for the key of a device. With `end_earlier` it replaces those that are valid.
    pub async fn create(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        device_key: VerifyingKey,
        end_earlier: bool,
    ) -> Result<View, Fault> {
        let issue = Issue {
            holder: permit.reach()?,
            request,
            kind: DeviceToken { device_key },
            end_earlier,
        };
        self.0.create(issue).await?.try_into()
    }

    /// A code of the caller.
    pub async fn get(&self, permit: &SelfPermit, id: Uuid) -> Result<View, Fault> {
        self.0.find(of(permit)?, id).await?.try_into()
    }

    /// The caller's codes on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &SelfPermit, page: &Page) -> Result<(Vec<View>, String), Fault> {
        let (opened, next) = self.0.list(of(permit)?, page).await?;
        let views = opened.into_iter().map(View::try_from).collect::<Result<_, _>>()?;
        Ok((views, next))
    }

    /// Ends a code before it expires.
    pub async fn end(&self, permit: &SelfPermit, request: RequestKey, id: Uuid) -> Result<View, Fault> {
        self.0.end(of(permit)?, request, id).await?.try_into()
    }
}

impl TryFrom<OpenedCode> for View {
    type Error = Fault;

    fn try_from(opened: OpenedCode) -> Result<Self, Fault> {
        let OpenedCode { code, state, token } = opened;
        let read = UnverifiedToken::parse_for_device(&token).map_err(|_| damaged_token())?;
        Ok(Self {
            code,
            state,
            device_key: read.claims().holder_key().ok_or_else(damaged_token)?.clone(),
            mask: read.claims().mask().cloned(),
            token,
        })
    }
}
