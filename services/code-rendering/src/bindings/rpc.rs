//! `ApplyBindings`: parse, call, map.

use lutong_kernel::{Fault, Violation};
use lutong_proto::code_rendering::v1 as wire;
use lutong_transport::reply;

use super::service::Bindings;
use crate::events;

pub async fn apply_bindings(
    bindings: &Bindings,
    message: &wire::ApplyBindingsRequest,
) -> Result<wire::ApplyBindingsResponse, Fault> {
    let copies = message.bindings.iter().enumerate().map(|(row, binding)| {
        let in_row = |wrong: Violation| reply::wrong(wrong.within(&format!("bindings[{row}]")));
        events::applied_binding(binding).map_err(in_row)
    });
    let copies = copies.collect::<Result<Vec<_>, _>>()?;
    let applied = bindings.apply(copies).await?;
    Ok(wire::ApplyBindingsResponse {
        applied: i64::try_from(applied).unwrap_or(i64::MAX),
    })
}
