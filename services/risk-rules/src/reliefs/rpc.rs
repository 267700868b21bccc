//! The RPCs of relief.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1 as wire;
use lutong_skin::risk_rules::v1::ReliefHandler;
use lutong_transport::access::AnyPermit;
use lutong_transport::reply;

use super::domain::{Relief, SpanError};
use super::service::Reliefs;
use crate::fault::reliefs as fault;
use crate::operations::rpc::effect;
use crate::wire::timestamp;

pub struct Handler(pub Reliefs);

impl ReliefHandler for Handler {
    async fn give_relief(
        &self,
        call: Query<AnyPermit>,
        message: wire::GiveReliefRequest,
    ) -> Result<wire::GiveReliefResponse, Fault> {
        let relief = read(message.relief)?;
        let done = self.0.give(call.permit, &call.grant.own_call(), &relief).await?;
        Ok(wire::GiveReliefResponse {
            effect: Some(effect(&done)),
        })
    }

    async fn end_relief(
        &self,
        call: Query<AnyPermit>,
        message: wire::EndReliefRequest,
    ) -> Result<wire::EndReliefResponse, Fault> {
        let relief = read(message.relief)?;
        let cut = message.cut_time.as_ref().map(timestamp);
        let cut = relief.clone().cut(cut.unwrap_or(relief.from));
        let done = self
            .0
            .end(call.permit, &call.grant.own_call(), &relief, cut)
            .await?;
        Ok(wire::EndReliefResponse {
            effect: Some(effect(&done)),
        })
    }
}

/// A relief of the wire; the bounds of the contract have checked its shape.
fn read(relief: Option<wire::Relief>) -> Result<Relief, Fault> {
    let wire::Relief {
        complaint,
        subject_id,
        contested_fact,
        policy,
        start_time,
        end_time,
    } = relief.unwrap_or_default();
    let shape = |field: &str| reply::wrong(fault::relief_shape(field));
    let number = complaint.strip_prefix("complaints/");
    let relief = Relief {
        complaint: number.ok_or_else(|| shape("relief.complaint"))?.to_owned(),
        subject: subject_id.parse().map_err(|_| shape("relief.subject_id"))?,
        contested: contested_fact
            .parse()
            .map_err(|_| shape("relief.contested_fact"))?,
        policy,
        from: start_time
            .as_ref()
            .map(timestamp)
            .ok_or_else(|| shape("relief.start_time"))?,
        until: end_time
            .as_ref()
            .map(timestamp)
            .ok_or_else(|| shape("relief.end_time"))?,
    };
    match relief.check_span() {
        Ok(()) => Ok(relief),
        Err(SpanError::EndBeforeStart) => Err(reply::wrong(fault::end_before_start())),
        Err(SpanError::TooLong) => Err(reply::wrong(fault::relief_too_long())),
    }
}
