//! `FeedService`: `ImportFacts` and `ListFactKinds` here, imports in several calls in `fact_imports`.

mod fact_kinds;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode};
use lutong_proto::types::v1::RowError;
use lutong_skin::declaration::v1::FeedHandler;
use lutong_transport::access::{FeedPermit, NoPermit};
use lutong_transport::server::stream_ended;
use tonic::Streaming;

use super::domain::MAX_ROWS;
use super::service::{Feeds, ImportSummary};
use crate::fact_imports::rpc::{self as fact_imports, effect};
use crate::fact_imports::service::FactImports;
use crate::fault;

pub struct FeedRpc {
    pub feeds: Feeds,
    pub imports: FactImports,
}

impl FeedRpc {
    /// Options come first, then rows.
    async fn import(
        &self,
        call: &Query<FeedPermit>,
        mut messages: Streaming<ImportFactsRequest>,
    ) -> Result<ImportFactsResponse, Fault> {
        let Some(Content::Options(options)) = next(&mut messages).await? else {
            return Err(fault::options_missing());
        };
        let all_or_nothing = options.mode() == ImportMode::AllOrNothing;
        let mut summary = ImportSummary::default();
        let mut together: Vec<FactRow> = Vec::new();
        while let Some(content) = next(&mut messages).await? {
            let Content::Rows(FactRows { rows }) = content else {
                return Err(fault::options_missing());
            };
            if rows.len() > MAX_ROWS || together.len() + rows.len() > MAX_ROWS {
                return Err(fault::too_many_rows_of_stream());
            }
            if all_or_nothing {
                together.extend(rows);
            } else {
                self.feeds
                    .import(&call.permit, &call.grant.call(), rows, false, &mut summary)
                    .await?;
            }
        }
        if all_or_nothing {
            self.feeds
                .import(&call.permit, &call.grant.call(), together, true, &mut summary)
                .await?;
        }
        Ok(summary.into())
    }
}

/// The next message. One that is too large or cannot be read is refused with the fault of every other RPC.
async fn next(messages: &mut Streaming<ImportFactsRequest>) -> Result<Option<Content>, Fault> {
    let message = messages.message().await;
    match message.map_err(|status| stream_ended(&status))? {
        None => Ok(None),
        Some(message) => message.content.map(Some).ok_or_else(fault::options_missing),
    }
}

impl FeedHandler for FeedRpc {
    async fn import_facts(
        &self,
        call: Query<FeedPermit>,
        rows: Streaming<ImportFactsRequest>,
    ) -> Result<ImportFactsResponse, Fault> {
        self.import(&call, rows).await
    }

    async fn create_fact_import(
        &self,
        call: Mutation<FeedPermit>,
        message: wire::CreateFactImportRequest,
    ) -> Result<wire::CreateFactImportResponse, Fault> {
        fact_imports::create_fact_import(&self.imports, call, message).await
    }

    async fn append_fact_import_rows(
        &self,
        call: Query<FeedPermit>,
        message: wire::AppendFactImportRowsRequest,
    ) -> Result<wire::AppendFactImportRowsResponse, Fault> {
        fact_imports::append_fact_import_rows(&self.imports, &call, message).await
    }

    async fn finish_fact_import(
        &self,
        call: Mutation<FeedPermit>,
        message: wire::FinishFactImportRequest,
    ) -> Result<wire::FinishFactImportResponse, Fault> {
        fact_imports::finish_fact_import(&self.imports, call, message).await
    }

    async fn get_fact_import(
        &self,
        call: Query<FeedPermit>,
        message: wire::GetFactImportRequest,
    ) -> Result<wire::GetFactImportResponse, Fault> {
        fact_imports::get_fact_import(&self.imports, &call, message).await
    }

    async fn list_fact_imports(
        &self,
        call: Listing<FeedPermit>,
        _: wire::ListFactImportsRequest,
    ) -> Result<wire::ListFactImportsResponse, Fault> {
        fact_imports::list_fact_imports(&self.imports, &call).await
    }

    async fn list_fact_import_errors(
        &self,
        call: Listing<FeedPermit>,
        message: wire::ListFactImportErrorsRequest,
    ) -> Result<wire::ListFactImportErrorsResponse, Fault> {
        fact_imports::list_fact_import_errors(&self.imports, &call, message).await
    }

    async fn list_fact_kinds(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListFactKindsRequest,
    ) -> Result<wire::ListFactKindsResponse, Fault> {
        fact_kinds::list(&call.page)
    }
}

impl From<ImportSummary> for wire::ImportFactsResponse {
    fn from(summary: ImportSummary) -> Self {
        let errors = summary.errors.into_iter().map(|(row, wrong)| RowError {
            row,
            error: Some(wrong.into()),
        });
        Self {
            accepted: summary.accepted,
            unchanged: summary.unchanged,
            refused: summary.refused,
            errors: errors.collect(),
            effect: Some(effect(summary.redecided, summary.pending)),
        }
    }
}
