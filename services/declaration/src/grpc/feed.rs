//! Imports: options first, then rows.

use lutong_chassis::{reply, status};
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_proto::declaration::v1::feed_service_server::FeedService;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{ImportFactsRequest, ImportFactsResponse, ImportMode};
use tonic::{Request, Response, Status, Streaming};

use super::convert;
use crate::service::declaring::Declaring;
use crate::service::feed::{Imported, MAX_ROWS, Row};

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
        request: Request<Streaming<ImportFactsRequest>>,
    ) -> Result<ImportFactsResponse, Status> {
        let grant = reply::grant(&request).map_err(status::from_fault)?;
        let mut messages = request.into_inner();
        let Some(Content::Options(options)) = next(&mut messages).await? else {
            return Err(status::from_fault(options_missing()));
        };
        let all_or_nothing = options.mode() == ImportMode::AllOrNothing;
        let mut imported = Imported::default();
        let mut together: Vec<Row> = Vec::new();
        while let Some(content) = next(&mut messages).await? {
            let Content::Rows(rows) = content else {
                return Err(status::from_fault(options_missing()));
            };
            if rows.rows.len() > MAX_ROWS || together.len() + rows.rows.len() > MAX_ROWS {
                return Err(status::from_fault(too_many_rows()));
            }
            let rows: Vec<Row> = rows.rows.into_iter().map(convert::row).collect();
            if all_or_nothing {
                together.extend(rows);
            } else {
                let stored = self.declaring.import(&grant, rows, false, &mut imported).await;
                stored.map_err(status::from_fault)?;
            }
        }
        if all_or_nothing {
            let stored = self.declaring.import(&grant, together, true, &mut imported).await;
            stored.map_err(status::from_fault)?;
        }
        Ok(imported.into())
    }
}

/// A message that is too large or cannot be read is refused by the transport in its own words, as it is at every other
/// RPC before the handler is reached.
async fn next(messages: &mut Streaming<ImportFactsRequest>) -> Result<Option<Content>, Status> {
    match messages.message().await? {
        None => Ok(None),
        Some(message) => message
            .content
            .map(Some)
            .ok_or_else(|| status::from_fault(options_missing())),
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

#[tonic::async_trait]
impl FeedService for Handler {
    async fn import_facts(
        &self,
        request: Request<Streaming<ImportFactsRequest>>,
    ) -> Result<Response<ImportFactsResponse>, Status> {
        self.import(request).await.map(Response::new)
    }
}
