//! The grant of an admitted call, and the permits made from it.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::policy::{Caller, Scope};
use tonic::metadata::{Ascii, MetadataValue};

use super::principal::Principal;
use super::table::RpcPolicy;
use crate::client::Call;
use crate::deadline::Deadline;

/// A call that the guard admitted: who calls, on whose behalf, until when. It does not yet allow access to anybody's
/// data; that takes a permit, made from it and consumed by the use case.
#[derive(Debug, Clone)]
pub struct Grant(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rpc: Arc<RpcPolicy>,
    caller: Caller,
    principal: Principal,
    token: Option<MetadataValue<Ascii>>,
    deadline: Deadline,
    origin: Origin,
}

/// Where an outside call came in, as the gateway states it; nobody else is at the edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The keyed hash of the network; `None` where that is not known.
    pub network: Option<String>,
    /// The hosts that the verified certificate of a partner names; `None` for a call that did not come over the listener for partners.
    pub partner: Option<Vec<String>>,
}

/// Permission to access anybody's data: for mesh-internal work and registered feeds only.
#[derive(Debug, Clone, Copy)]
pub struct AnyPermit(());

impl Grant {
    pub(crate) fn new(
        rpc: Arc<RpcPolicy>,
        caller: Caller,
        principal: Principal,
        token: Option<MetadataValue<Ascii>>,
        deadline: Deadline,
        origin: Origin,
    ) -> Self {
        Self(Arc::new(Inner {
            rpc,
            caller,
            principal,
            token,
            deadline,
            origin,
        }))
    }

    /// The grant of a request, inserted by the server stack. Without one the call is refused.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| {
            crate::status::from_fault(Fault::internal(
                "a request reached its handler without passing the server stack",
            ))
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

    /// The keyed hash of the network from which the call came in; `None` where that is not known. It says whether two calls came from one
    /// network, and nothing else.
    pub fn network(&self) -> Option<&str> {
        self.0.origin.network.as_deref()
    }

    /// The hosts that the verified certificate of a partner names, in lower case; `None` for a call that did not come over the gateway's
    /// listener for partners.
    pub fn partner(&self) -> Option<&[String]> {
        self.0.origin.partner.as_deref()
    }

    /// A call to another service on behalf of the same principal, within the remaining deadline.
    pub fn call(&self) -> Call {
        Call::on_behalf(self.0.token.clone(), self.0.deadline)
    }

    /// A call to another service in this service's own name, within the remaining deadline.
    pub fn own_call(&self) -> Call {
        Call::on_behalf(None, self.0.deadline)
    }

    /// The permit of the scope ANY.
    pub fn any(&self) -> Result<AnyPermit, Fault> {
        self.expect_scope(&[Scope::Any])?;
        Ok(AnyPermit(()))
    }

    fn expect_scope(&self, scopes: &[Scope]) -> Result<(), Fault> {
        if scopes.contains(&self.0.rpc.scope) {
            return Ok(());
        }
        // A use case that asks for a wider permit than its RPC declares is a defect, not the caller's fault.
        let declared = self.0.rpc.scope;
        Err(Fault::internal(format_args!(
            "a permit of {scopes:?} was requested where the RPC declares {declared:?}"
        )))
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
