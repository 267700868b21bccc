//! What the layer leaves for the use case, and the permits made of it.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::policy::{Caller, Scope};
use tonic::metadata::{Ascii, MetadataValue};

use super::principal::Principal;
use super::table::RpcPolicy;
use crate::client::Call;
use crate::deadline::Deadline;

/// A call that the layer has let in: who calls, for whom, until when. Not yet leave to touch anybody's data; that
/// is a permit, made here and consumed by the use case.
#[derive(Debug, Clone)]
pub struct Grant(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rpc: Arc<RpcPolicy>,
    caller: Caller,
    principal: Principal,
    token: Option<MetadataValue<Ascii>>,
    deadline: Deadline,
}

/// Leave to work on anybody's data: mesh-internal work and registered feeds only.
#[derive(Debug, Clone, Copy)]
pub struct AnyPermit(());

impl Grant {
    pub(crate) fn new(
        rpc: Arc<RpcPolicy>,
        caller: Caller,
        principal: Principal,
        token: Option<MetadataValue<Ascii>>,
        deadline: Deadline,
    ) -> Self {
        Self(Arc::new(Inner {
            rpc,
            caller,
            principal,
            token,
            deadline,
        }))
    }

    /// The grant of a request. Only the server stack puts one there; without it the call is refused.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a request reached its handler without passing the server stack");
            crate::status::from_fault(Fault::internal())
        })
    }

    pub fn rpc(&self) -> &RpcPolicy {
        &self.0.rpc
    }

    pub fn caller(&self) -> Caller {
        self.0.caller
    }

    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Going on with this call to another service: the same principal, what is left of the deadline.
    pub fn call(&self) -> Call {
        Call::on_behalf(self.0.token.clone(), self.0.deadline)
    }

    /// Going on in the service's own name, within this call's deadline.
    pub fn own_call(&self) -> Call {
        Call::on_behalf(None, self.0.deadline)
    }

    /// ANY.
    pub fn any(&self) -> Result<AnyPermit, Fault> {
        self.expect_scope(&[Scope::Any])?;
        Ok(AnyPermit(()))
    }

    fn expect_scope(&self, scopes: &[Scope]) -> Result<(), Fault> {
        if scopes.contains(&self.0.rpc.scope) {
            return Ok(());
        }
        // A use case that asks for a wider permit than its RPC declares is a defect, not the caller's fault.
        tracing::error!(rpc = self.0.rpc.name, scope = ?self.0.rpc.scope, "a permit was asked for outside the declared scope");
        Err(Fault::internal())
    }
}

pub(super) fn no_code() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CODE_NOT_FOUND",
        "尚未申请健康通行码，请先申请或申报",
        "there is no code yet: apply or declare an arrival first",
    )
}
