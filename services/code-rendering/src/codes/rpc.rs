//! The contract of `CodeService`: `ApplyDecisions` here, `ApplyBindings` in `bindings`, `ShowCode` in `showing`.

use lutong_chassis::skin::Query;
use lutong_kernel::{Fault, Violation};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::types::v1::Colour;
use lutong_skin::code_rendering::v1::CodeHandler;
use lutong_transport::access::{AnyPermit, WardPermit};
use lutong_transport::reply;

use super::service::Codes;
use crate::bindings::rpc::apply_bindings;
use crate::bindings::service::Bindings;
use crate::events;
use crate::showing::rpc::show_code;
use crate::showing::service::Showing;

pub struct CodeRpc {
    pub codes: Codes,
    pub bindings: Bindings,
    pub showing: Showing,
}

impl CodeHandler for CodeRpc {
    async fn apply_decisions(
        &self,
        _: Query<AnyPermit>,
        message: wire::ApplyDecisionsRequest,
    ) -> Result<wire::ApplyDecisionsResponse, Fault> {
        let codes = message.decisions.iter().enumerate().map(|(row, decision)| {
            let in_row = |wrong: Violation| reply::wrong(wrong.within(&format!("decisions[{row}]")));
            events::decided_code(decision).map_err(in_row)
        });
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let applied = self.codes.apply(codes).await?;
        Ok(wire::ApplyDecisionsResponse {
            applied: i64::try_from(applied).unwrap_or(i64::MAX),
        })
    }

    async fn apply_bindings(
        &self,
        _: Query<AnyPermit>,
        message: wire::ApplyBindingsRequest,
    ) -> Result<wire::ApplyBindingsResponse, Fault> {
        apply_bindings(&self.bindings, &message).await
    }

    async fn show_code(
        &self,
        call: Query<WardPermit>,
        message: wire::ShowCodeRequest,
    ) -> Result<wire::ShowCodeResponse, Fault> {
        show_code(&self.showing, &call.permit, &message).await
    }

    async fn batch_get_colours(
        &self,
        _: Query<AnyPermit>,
        message: wire::BatchGetColoursRequest,
    ) -> Result<wire::BatchGetColoursResponse, Fault> {
        let subjects = message
            .subject_ids
            .iter()
            .enumerate()
            .map(|(row, id)| reply::subject_id(id, &format!("subject_ids[{row}]")).map_err(reply::wrong));
        let subjects = subjects.collect::<Result<Vec<_>, _>>()?;
        let colours = self.codes.colours(&subjects).await?;
        let codes = subjects
            .iter()
            .zip(message.subject_ids)
            .map(|(subject, subject_id)| {
                let found = colours.get(subject);
                wire::CodeColour {
                    subject_id,
                    colour: found.and_then(|found| found.map(|colour| Colour::from(colour).into())),
                    is_refreshing: found.is_some_and(Option::is_none),
                }
            });
        Ok(wire::BatchGetColoursResponse {
            codes: codes.collect(),
        })
    }
}
