//! Undoing a feed's span, on the wire.

mod convert;

use lutong_chassis::access::Grant;
use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, RequestId, Violation};
use lutong_proto::risk_rules::v1 as wire;
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use wire::rollback_service_server::RollbackService;

use super::recomparison::page_limit;
use crate::domain::rollback::State;
use crate::service::rollback::{Asked, Rollbacks};

/// Rollbacks in one answer.
const PAGE: u32 = 1_000;

#[derive(Clone)]
pub struct Handler(Rollbacks);

impl Handler {
    pub const fn new(rollbacks: Rollbacks) -> Self {
        Self(rollbacks)
    }

    async fn propose(
        &self,
        request: Request<wire::ProposeRollbackRequest>,
    ) -> Result<wire::ProposeRollbackResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let validate_only = message.validate_only;
        let mut wrong = Violations::new();
        let request_id = if validate_only {
            None
        } else {
            wrong.take(reply::request_id(&message.request_id))
        };
        let span = convert::span(&message, &mut wrong);
        wrong.finish()?;
        let span = span.ok_or_else(Fault::internal)?;
        let (officer, call) = (grant.principal(), grant.own_call());
        let proposal = match request_id {
            Some(request_id) => {
                let asked = asked(&grant, request_id, &body);
                convert::rollback(self.0.propose(permit, &call, asked, span).await?)
            }
            None => wire::Rollback {
                name: String::new(),
                rollback_id: String::new(),
                ..convert::rollback(self.0.preview(permit, &call, officer, span).await?)
            },
        };
        Ok(wire::ProposeRollbackResponse {
            rollback: Some(proposal),
        })
    }

    async fn approve(
        &self,
        request: Request<wire::ApproveRollbackRequest>,
    ) -> Result<wire::ApproveRollbackResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let (request_id, id) = named(&message.request_id, &message.rollback_id)?;
        let asked = asked(&grant, request_id, &body);
        let (rollback, in_force) = self.0.approve(permit, &grant.own_call(), asked, id).await?;
        Ok(wire::ApproveRollbackResponse {
            rollback: Some(convert::rollback(rollback)),
            in_force,
        })
    }

    async fn reject(
        &self,
        request: Request<wire::RejectRollbackRequest>,
    ) -> Result<wire::RejectRollbackResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let (request_id, id) = named(&message.request_id, &message.rollback_id)?;
        let asked = asked(&grant, request_id, &body);
        let rollback = self.0.refuse(permit, asked, id, State::Rejected).await?;
        Ok(wire::RejectRollbackResponse {
            rollback: Some(convert::rollback(rollback)),
        })
    }

    async fn withdraw(
        &self,
        request: Request<wire::WithdrawRollbackRequest>,
    ) -> Result<wire::WithdrawRollbackResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let (request_id, id) = named(&message.request_id, &message.rollback_id)?;
        let asked = asked(&grant, request_id, &body);
        let rollback = self.0.refuse(permit, asked, id, State::Withdrawn).await?;
        Ok(wire::WithdrawRollbackResponse {
            rollback: Some(convert::rollback(rollback)),
        })
    }

    async fn get(
        &self,
        request: Request<wire::GetRollbackRequest>,
    ) -> Result<wire::GetRollbackResponse, Fault> {
        let grant = reply::grant(&request)?;
        let id = rollback_id(&request.get_ref().rollback_id).map_err(reply::wrong)?;
        let rollback = self.0.find(grant.principal(), id).await?;
        Ok(wire::GetRollbackResponse {
            rollback: Some(convert::rollback(rollback)),
        })
    }

    async fn list(
        &self,
        request: Request<wire::ListRollbacksRequest>,
    ) -> Result<wire::ListRollbacksResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let mut wrong = Violations::new();
        let state = wrong.take(convert::state(message.state));
        let before = wrong.take(convert::page_token(&message.page_token));
        wrong.finish()?;
        let limit = u64::from(page_limit(message.page_size, PAGE)?);
        let (state, before) = (state.flatten(), before.flatten());
        let (page, next) = self.0.list(grant.principal(), state, before, limit).await?;
        Ok(wire::ListRollbacksResponse {
            rollbacks: page.into_iter().map(convert::rollback).collect(),
            next_page_token: next.map(|id| id.to_string()).unwrap_or_default(),
        })
    }
}

fn asked<'a>(grant: &'a Grant, request_id: RequestId, body: &'a [u8]) -> Asked<'a> {
    Asked {
        officer: grant.principal(),
        request_id,
        body,
    }
}

fn named(request_id: &str, id: &str) -> Result<(RequestId, Uuid), Fault> {
    let mut wrong = Violations::new();
    let request_id = wrong.take(reply::request_id(request_id));
    let id = wrong.take(rollback_id(id));
    wrong.finish()?;
    request_id.zip(id).ok_or_else(Fault::internal)
}

fn rollback_id(text: &str) -> Result<Uuid, Violation> {
    text.parse().map_err(|error: uuid::Error| {
        Violation::new("rollback_id", "ROLLBACK_ID_SHAPE", "应为UUID", error.to_string())
    })
}

#[tonic::async_trait]
impl RollbackService for Handler {
    async fn propose_rollback(
        &self,
        request: Request<wire::ProposeRollbackRequest>,
    ) -> Result<Response<wire::ProposeRollbackResponse>, Status> {
        reply::answer(self.propose(request).await)
    }

    async fn approve_rollback(
        &self,
        request: Request<wire::ApproveRollbackRequest>,
    ) -> Result<Response<wire::ApproveRollbackResponse>, Status> {
        reply::answer(self.approve(request).await)
    }

    async fn reject_rollback(
        &self,
        request: Request<wire::RejectRollbackRequest>,
    ) -> Result<Response<wire::RejectRollbackResponse>, Status> {
        reply::answer(self.reject(request).await)
    }

    async fn withdraw_rollback(
        &self,
        request: Request<wire::WithdrawRollbackRequest>,
    ) -> Result<Response<wire::WithdrawRollbackResponse>, Status> {
        reply::answer(self.withdraw(request).await)
    }

    async fn get_rollback(
        &self,
        request: Request<wire::GetRollbackRequest>,
    ) -> Result<Response<wire::GetRollbackResponse>, Status> {
        reply::answer(self.get(request).await)
    }

    async fn list_rollbacks(
        &self,
        request: Request<wire::ListRollbacksRequest>,
    ) -> Result<Response<wire::ListRollbacksResponse>, Status> {
        reply::answer(self.list(request).await)
    }
}
