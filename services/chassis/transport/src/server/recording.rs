//! Audit records of RPCs marked `recorded`: made here for all of them from request and answer; handlers write none.

use http::{Request, Response};
use lutong_kernel::Fault;
use lutong_proto::policy::Caller;
use tonic::Code;
use tonic::body::Body;

use super::body_capture::{self, CapturedBytes};
use super::guard::Guard;
use crate::access::{Grant, PRINCIPAL_HEADER, Principal, RpcPolicy};
use crate::peer::PeerCaller;
use crate::record::objects::Objects;
use crate::record::{CallRecord, outcome_of};
use crate::status;

impl Guard {
    /// Whether calls to `path` are recorded.
    pub(super) fn records(&self, path: &str) -> bool {
        self.config.audit.is_some() && self.config.table.get(path).is_some_and(|rpc| rpc.recorded)
    }

    /// Captures the beginning of a recorded request while its handler reads it.
    pub(super) fn capture_request(
        &self,
        rpc: &RpcPolicy,
        request: &mut Request<Body>,
    ) -> Option<CapturedBytes> {
        if self.config.audit.is_none() || !rpc.objects.reads_requests() {
            return None;
        }
        let (body, captured) = body_capture::tap(std::mem::take(request.body_mut()));
        *request.body_mut() = body;
        Some(captured)
    }

    pub(super) async fn record(
        &self,
        rpc: &RpcPolicy,
        grant: &Grant,
        captured: Option<CapturedBytes>,
        response: Response<Body>,
    ) -> Response<Body> {
        let (true, Some(audit)) = (rpc.recorded, &self.config.audit) else {
            return response;
        };
        let (principal, outcome) = (grant.principal(), outcome_of(&response));
        // A shed call had no effect; recording all of them would add to the overload.
        let shed = outcome == Code::ResourceExhausted;
        let unrecorded = if shed {
            let Some(unrecorded) = self.refusals.take(&principal.account, self.config.clock.now()) else {
                return response;
            };
            unrecorded
        } else {
            0
        };
        let mut objects = Objects::default();
        let mut purpose = None;
        if let Some(captured) = captured {
            let bytes = captured.bytes();
            rpc.objects.request.read_frame(&bytes, &mut objects);
            purpose = rpc.objects.purpose(&bytes);
        }
        let mut response = response;
        if !rpc.objects.response.is_empty() {
            let bytes;
            (response, bytes) = body_capture::whole(response).await;
            rpc.objects.response.read_frame(&bytes, &mut objects);
        }
        let mut record = self.call_record(rpc, Some(grant.caller()), principal, objects);
        record.unrecorded = unrecorded;
        record.purpose = purpose;
        record.outcome = outcome;
        record.reason = body_capture::reason_of(&response);
        match audit.record(record).await {
            Ok(()) => response,
            Err(fault) => {
                tracing::error!(rpc = rpc.name, reason = %fault.reason, "a call could not be recorded and was not answered");
                status::from_fault(fault).into_http()
            }
        }
    }

    /// Records a call that the policy refused, within the [`RefusalBudget`](crate::record::refusals::RefusalBudget).
    /// The refusal stands even if it cannot be recorded.
    pub(super) async fn record_refusal(&self, rpc: &RpcPolicy, request: Request<Body>, fault: &Fault) {
        let (true, Some(audit)) = (rpc.recorded, &self.config.audit) else {
            return;
        };
        let headers = request.headers();
        let caller = request.extensions().get::<PeerCaller>().map(|peer| peer.0);
        let token = headers.get(PRINCIPAL_HEADER);
        let principal = match (token.map(|token| self.open(token.as_bytes())), caller) {
            (Some(Ok(principal)), _) => principal,
            (None, Some(caller)) => Principal::service(caller.as_str_name()),
            // The identity that it claims is not proven.
            (Some(Err(_)), _) | (None, None) => Principal::public(),
        };
        let Some(unrecorded) = self.refusals.take(&principal.account, self.config.clock.now()) else {
            return;
        };
        let mut purpose = None;
        let mut objects = Objects::default();
        if rpc.objects.reads_requests() {
            let bytes = body_capture::first_bytes(request.into_body()).await;
            rpc.objects.request.read_frame(&bytes, &mut objects);
            purpose = rpc.objects.purpose(&bytes);
        }
        let mut record = self.call_record(rpc, caller, &principal, objects);
        record.purpose = purpose;
        record.outcome = status::code_of(fault.code);
        record.reason = fault.reason.clone().into_owned();
        record.unrecorded = unrecorded;
        if let Err(fault) = audit.record(record).await {
            tracing::error!(rpc = rpc.name, %fault, "a refused call could not be recorded");
        }
    }

    fn call_record(
        &self,
        rpc: &RpcPolicy,
        caller: Option<Caller>,
        principal: &Principal,
        mut objects: Objects,
    ) -> CallRecord {
        if let Some(feed) = &principal.feed {
            objects.add("feed.source", &feed.source);
        }
        CallRecord {
            at: self.config.clock.now(),
            rpc: rpc.name,
            caller,
            account: principal.account.clone(),
            roles: principal.roles,
            division: principal.division,
            purpose: None,
            outcome: Code::Ok,
            reason: String::new(),
            objects: objects.finish(),
            unrecorded: 0,
        }
    }
}
