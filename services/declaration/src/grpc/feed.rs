//! Imports: options first, then rows.

use lutong_chassis::access::FeedPermit;
use lutong_chassis::server::stream_ended;
use lutong_chassis::skin::Query;
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode};
use lutong_skin::declaration::v1::FeedHandler;
use tonic::Streaming;

use crate::service::declaring::Declaring;
use crate::service::feed::{Imported, MAX_ROWS};

#[derive(Clone)]
pub struct Handler {
    declaring: Declaring,
}

impl Handler {
    pub const fn new(declaring: Declaring) -> Self {
        Self { declaring }
    }

    async fn import(
        &self,
        call: &Query<FeedPermit>,
        mut messages: Streaming<ImportFactsRequest>,
    ) -> Result<ImportFactsResponse, Fault> {
        let Some(Content::Options(options)) = next(&mut messages).await? else {
            return Err(options_missing());
        };
        let all_or_nothing = options.mode() == ImportMode::AllOrNothing;
        let mut imported = Imported::default();
        let mut together: Vec<FactRow> = Vec::new();
        while let Some(content) = next(&mut messages).await? {
            let Content::Rows(FactRows { rows }) = content else {
                return Err(options_missing());
            };
            if rows.len() > MAX_ROWS || together.len() + rows.len() > MAX_ROWS {
                return Err(too_many_rows());
            }
            if all_or_nothing {
                together.extend(rows);
            } else {
                self.declaring
                    .import(&call.permit, &call.grant.call(), rows, false, &mut imported)
                    .await?;
            }
        }
        if all_or_nothing {
            self.declaring
                .import(&call.permit, &call.grant.call(), together, true, &mut imported)
                .await?;
        }
        Ok(imported.into())
    }
}

/// A message that is too large or cannot be read is refused as it is at every other RPC before the handler is reached.
async fn next(messages: &mut Streaming<ImportFactsRequest>) -> Result<Option<Content>, Fault> {
    let message = messages.message().await;
    match message.map_err(|status| stream_ended(&status))? {
        None => Ok(None),
        Some(message) => message.content.map(Some).ok_or_else(options_missing),
    }
}

fn invalid(field: &str, reason: &'static str, zh: &str, en: &str) -> Fault {
    let mut fault = Fault::new(FaultCode::InvalidArgument, reason, zh, en);
    fault.violations = vec![Violation::new(field, reason, zh, en)];
    fault
}

fn options_missing() -> Fault {
    invalid(
        "options",
        "OPTIONS_MISSING",
        "首条消息须为导入选项，其后为记录",
        "the first message carries the options, the following ones rows",
    )
}

fn too_many_rows() -> Fault {
    invalid(
        "rows",
        "TOO_MANY_ROWS",
        "每条消息最多1000行；全部成功或全部失败的导入总计最多1000行",
        "at most 1,000 rows in a message, and in all of an all-or-nothing import",
    )
}

impl FeedHandler for Handler {
    async fn import_facts(
        &self,
        call: Query<FeedPermit>,
        rows: Streaming<ImportFactsRequest>,
    ) -> Result<ImportFactsResponse, Fault> {
        self.import(&call, rows).await
    }
}
