//! The contract of code-rendering: parse, call, map.

mod convert;

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_proto::code_rendering::v1 as wire;
use lutong_skin::code_rendering::v1::{CodeHandler, KeyHandler, VerificationHandler};
use lutong_transport::access::{AnyPermit, BearerPermit, NoPermit, WardPermit};
use lutong_transport::reply;

use crate::events::decided;
use crate::service::codes::Codes;
use crate::service::keys::Keys;
use crate::service::showing::Showing;
use crate::service::verification::Verification;

pub struct CodeRpc {
    pub codes: Codes,
    pub showing: Showing,
}

impl CodeHandler for CodeRpc {
    async fn apply_decisions(
        &self,
        _: Query<AnyPermit>,
        message: wire::ApplyDecisionsRequest,
    ) -> Result<wire::ApplyDecisionsResponse, Fault> {
        let codes = message.decisions.iter().enumerate().map(|(row, decision)| {
            let within = |wrong: Violation| reply::wrong(wrong.within(&format!("decisions[{row}]")));
            decided::code(decision).map_err(within)
        });
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let applied = self.codes.apply(codes).await?;
        Ok(wire::ApplyDecisionsResponse {
            applied: i64::try_from(applied).unwrap_or(i64::MAX),
        })
    }

    async fn show_code(
        &self,
        call: Query<WardPermit>,
        message: wire::ShowCodeRequest,
    ) -> Result<wire::ShowCodeResponse, Fault> {
        let shown = self.showing.show(&call.permit).await?;
        let image = convert::image(&shown.token, message.image_format())?;
        Ok(convert::shown(shown, image))
    }
}

pub struct VerificationRpc(pub Verification);

impl VerificationHandler for VerificationRpc {
    async fn verify_token(
        &self,
        call: Query<BearerPermit>,
        message: wire::VerifyTokenRequest,
    ) -> Result<wire::VerifyTokenResponse, Fault> {
        Ok(self.0.verify(call.permit, &message.token).await?.into())
    }
}

pub struct KeyRpc(pub Keys);

impl KeyHandler for KeyRpc {
    async fn get_key(
        &self,
        _: Query<NoPermit>,
        message: wire::GetKeyRequest,
    ) -> Result<wire::GetKeyResponse, Fault> {
        let ring = self.0.ring().await?;
        let found = ring
            .published
            .iter()
            .find(|trusted| convert::key_name(trusted) == message.name);
        let key = convert::public_key(found.ok_or_else(key_not_found)?)?;
        Ok(wire::GetKeyResponse { key: Some(key) })
    }

    async fn list_keys(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListKeysRequest,
    ) -> Result<wire::ListKeysResponse, Fault> {
        let ring = self.0.ring().await?;
        let after = call.page.after.as_deref();
        // A ring has a handful of keys; one that went meanwhile leaves the rest where it was.
        let skipped = after.map_or(0, |last| {
            let place = ring
                .published
                .iter()
                .position(|key| convert::key_name(key).as_bytes() == last);
            place.map_or(0, |place| place + 1)
        });
        let rows: Vec<_> = ring.published.iter().skip(skipped).collect();
        let place = |last: &&_| convert::key_name(last).into_bytes();
        let (rows, next_page_token) = call.page.cut(rows, place)?;
        let keys = rows.into_iter().map(convert::public_key);
        Ok(wire::ListKeysResponse {
            keys: keys.collect::<Result<_, _>>()?,
            next_page_token,
        })
    }
}

fn key_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "KEY_NOT_FOUND",
        "没有此公钥，或其已失效",
        "there is no such key, or it is in force no longer",
    )
}
