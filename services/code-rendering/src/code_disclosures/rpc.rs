//! `CodeDisclosureService`: parse, call, map.

use std::sync::Arc;

use lutong_chassis::skin::Query;
use lutong_kernel::{Clock, Fault};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_skin::code_rendering::v1::CodeDisclosureHandler;
use lutong_transport::access::AnyPermit;
use lutong_transport::reply;

use crate::showing::service::Showing;

pub struct CodeDisclosureRpc {
    pub showing: Showing,
    pub clock: Arc<dyn Clock>,
}

impl CodeDisclosureHandler for CodeDisclosureRpc {
    async fn show_code_to_partner(
        &self,
        call: Query<AnyPermit>,
        message: wire::ShowCodeToPartnerRequest,
    ) -> Result<wire::ShowCodeToPartnerResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let mut answer = wire::ShowCodeToPartnerResponse {
            subject_id: subject.to_string(),
            ..wire::ShowCodeToPartnerResponse::default()
        };
        let permitted = call.permit.reach(subject);
        let shown = self.showing.show_permitted(permitted, self.clock.now()).await;
        match shown {
            Ok(issued) => {
                answer.colour = Some(Colour::from(issued.code.colour).into());
                answer.decide_time = Some(time::from_micros(issued.code.evaluated_at.micros()));
                if message.with_token {
                    answer.token = issued.token;
                    answer.expire_time = Some(time::from_micros(issued.expires_at.micros()));
                }
            }
            Err(fault) if fault.reason == "CODE_NOT_FOUND" => {}
            Err(fault) if fault.reason == "CODE_REFRESHING" => answer.is_refreshing = true,
            Err(fault) => return Err(fault),
        }
        Ok(answer)
    }
}
