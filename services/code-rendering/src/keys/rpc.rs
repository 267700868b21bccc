//! `KeyService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_skin::code_rendering::v1::KeyHandler;
use lutong_token::TrustedKey;
use lutong_transport::access::NoPermit;

use super::service::Keys;
use crate::fault;

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
            .find(|trusted| key_name(trusted) == message.name);
        let key = public_key(found.ok_or_else(fault::key_not_found)?)?;
        Ok(wire::GetKeyResponse { key: Some(key) })
    }

    async fn list_keys(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListKeysRequest,
    ) -> Result<wire::ListKeysResponse, Fault> {
        let ring = self.0.ring().await?;
        let after = call.page.after(|name| Some(name.to_vec()))?;
        // A ring has a handful of keys. When the last key of the page before is gone, the list starts again.
        let skipped = after.map_or(0, |last| {
            let place = ring
                .published
                .iter()
                .position(|key| key_name(key).as_bytes() == last);
            place.map_or(0, |place| place + 1)
        });
        let rows: Vec<_> = ring.published.iter().skip(skipped).collect();
        let place = |last: &&_| key_name(last).into_bytes();
        let (rows, next_page_token) = call.page.cut(rows, place)?;
        let keys = rows.into_iter().map(public_key);
        Ok(wire::ListKeysResponse {
            keys: keys.collect::<Result<_, _>>()?,
            next_page_token,
        })
    }

    async fn get_key_list(
        &self,
        _: Query<NoPermit>,
        _: wire::GetKeyListRequest,
    ) -> Result<wire::GetKeyListResponse, Fault> {
        let (data, issued_at, reliable_until) = self.0.list().await?;
        Ok(wire::GetKeyListResponse {
            data,
            issue_time: Some(time::from_micros(issued_at.micros())),
            expire_time: Some(time::from_micros(reliable_until.micros())),
        })
    }
}

/// `keys/{key}`.
pub fn key_name(trusted: &TrustedKey) -> String {
    format!("keys/{}", trusted.key.kid())
}

pub fn public_key(trusted: &TrustedKey) -> Result<wire::Key, Fault> {
    let der = trusted.key.to_spki_der().map_err(|error| {
        Fault::internal(format_args!(
            "the public key {} cannot be encoded: {error}",
            trusted.key.kid()
        ))
    })?;
    let issuer = trusted.issuers.first().map(ToString::to_string);
    Ok(wire::Key {
        name: key_name(trusted),
        key_id: trusted.key.kid().to_string(),
        algorithm: i32::try_from(trusted.key.algorithm().cose_number()).unwrap_or_default(),
        public_key: der,
        issuer: issuer.unwrap_or_default(),
        start_time: Some(time::from_micros(trusted.not_before.micros())),
        end_time: trusted.not_after.map(|end| time::from_micros(end.micros())),
    })
}
