//! Reporting rows of facts.

use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode, ImportOptions,
};
use lutong_proto::types::v1::{Effect, EffectState};

use crate::Failure;
use crate::client::{Calls, failed};

/// Rows per message: well below the size limit, and few enough for one transaction.
const ROWS: usize = 500;

/// The state of an import's effect.
pub fn state(imported: &ImportFactsResponse) -> &'static str {
    match imported.effect.as_ref().map(Effect::state) {
        Some(EffectState::InForce) => "IN_FORCE",
        Some(EffectState::Pending) => "PENDING",
        Some(EffectState::Unspecified) | None => "NOTHING_STORED",
    }
}

/// Imports rows in one stream.
pub async fn send(
    calls: Calls,
    mode: ImportMode,
    rows: Vec<FactRow>,
) -> Result<ImportFactsResponse, Failure> {
    let options = Content::Options(ImportOptions { mode: mode.into() });
    let rows = rows
        .chunks(ROWS)
        .map(|rows| Content::Rows(FactRows { rows: rows.to_vec() }));
    let messages: Vec<_> = std::iter::once(options)
        .chain(rows)
        .map(|content| ImportFactsRequest {
            content: Some(content),
        })
        .collect();
    let answer = FeedServiceClient::new(calls)
        .import_facts(tokio_stream::iter(messages))
        .await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}
