//! `RevocationService`: parse, call, map.

use lutong_chassis::skin::Listing;
use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_skin::code_rendering::v1::RevocationHandler;
use lutong_transport::access::NoPermit;

use super::service::{RevocationList, SignedPart};

pub struct RevocationRpc(pub RevocationList);

impl RevocationHandler for RevocationRpc {
    async fn list_revocations(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListRevocationsRequest,
    ) -> Result<wire::ListRevocationsResponse, Fault> {
        let SignedPart {
            bytes,
            through,
            last,
            issued_at,
            reliable_until,
            next_page_token,
        } = self.0.part(message.after_sequence, &call.page).await?;
        Ok(wire::ListRevocationsResponse {
            data: bytes,
            through_sequence: through,
            last_sequence: last,
            issue_time: Some(time::from_micros(issued_at.micros())),
            expire_time: Some(time::from_micros(reliable_until.micros())),
            next_page_token,
        })
    }
}
