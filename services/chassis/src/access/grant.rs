//! What the layer leaves for the use case, and the permits made of it.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode, SubjectId, Violation};
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
    purpose: Option<String>,
    deadline: Deadline,
}

/// Leave to work on one subject's data.
#[derive(Debug, Clone, Copy)]
pub struct SubjectPermit(SubjectId);

/// Leave to work on what belongs to one account.
#[derive(Debug, Clone)]
pub struct AccountPermit {
    account: String,
    subject: Option<SubjectId>,
}

/// Leave to work on anybody's data: mesh-internal work and registered feeds only.
#[derive(Debug, Clone, Copy)]
pub struct AnyPermit(());

impl SubjectPermit {
    pub const fn subject(&self) -> SubjectId {
        self.0
    }
}

impl AccountPermit {
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The person behind the account, once there is one.
    pub const fn subject(&self) -> Option<SubjectId> {
        self.subject
    }
}

impl Grant {
    pub(crate) fn new(
        rpc: Arc<RpcPolicy>,
        caller: Caller,
        principal: Principal,
        token: Option<MetadataValue<Ascii>>,
        purpose: Option<String>,
        deadline: Deadline,
    ) -> Self {
        Self(Arc::new(Inner {
            rpc,
            caller,
            principal,
            token,
            purpose,
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

    pub fn purpose(&self) -> Option<&str> {
        self.0.purpose.as_deref()
    }

    /// Going on with this call to another service: the same principal, what is left of the deadline.
    pub fn call(&self) -> Call {
        Call::on_behalf(self.0.token.clone(), self.0.deadline)
    }

    /// Going on in the service's own name, within this call's deadline.
    pub fn own_call(&self) -> Call {
        Call::on_behalf(None, self.0.deadline)
    }

    /// SELF: the caller's own data. `asked` is the request's subject field; empty means one's own. Somebody else's
    /// is answered as if there were none.
    pub fn own(&self, asked: &str) -> Result<SubjectPermit, Fault> {
        self.expect_scope(&[Scope::Self_, Scope::Ward])?;
        let asked = match asked {
            "" => None,
            text => Some(text.parse::<SubjectId>().map_err(|error| {
                Fault::invalid(vec![Violation::new(
                    "subject_id",
                    "SUBJECT_ID_SHAPE",
                    "编号应为小写UUID",
                    error.to_string(),
                )])
            })?),
        };
        match (self.0.principal.subject, asked) {
            (Some(own), None) => Ok(SubjectPermit(own)),
            (Some(own), Some(asked)) if own == asked => Ok(SubjectPermit(own)),
            (None, None) => Err(no_code()),
            (_, Some(_)) => Err(not_yours()),
        }
    }

    /// SELF or CASE: what belongs to the caller's account.
    pub fn account(&self) -> Result<AccountPermit, Fault> {
        self.expect_scope(&[Scope::Self_, Scope::Ward, Scope::Case])?;
        Ok(AccountPermit {
            account: self.0.principal.account.clone(),
            subject: self.0.principal.subject,
        })
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

pub(super) fn not_yours() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "NOT_YOURS",
        "只能查询本人信息",
        "only one's own data can be asked for",
    )
}

pub(super) fn no_code() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CODE_NOT_FOUND",
        "尚未申请健康通行码，请先申请或申报",
        "there is no code yet: apply or declare an arrival first",
    )
}
