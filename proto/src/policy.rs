//! The access policy of every RPC, read out of the descriptor set.

use prost_reflect::{DescriptorPool, MethodDescriptor};

pub use crate::lutong::policy::v1::{Access, Caller, DataClass, Pool, Role, Scope};
use crate::options;

/// Full name of the option.
const ACCESS: &str = "lutong.policy.v1.access";
const PURPOSE: &str = "lutong.types.v1.Purpose";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// The RPC has no `access` option.
    Missing { method: String },
    /// The option is there and allows nobody, or names something unspecified.
    Empty { method: String, what: &'static str },
    /// It is written to the ledger, and not as `what` says: recorded, with a purpose in its request, and with classes of data.
    Ledger { method: String, what: &'static str },
    /// `subject_field` or `division_field` names no field of the request.
    NoSuchField { method: String, field: String },
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { method } => write!(f, "{method} has no access policy"),
            Self::Empty { method, what } => write!(f, "the access policy of {method} names no {what}"),
            Self::Ledger { method, what } => {
                write!(f, "{method} reads another person's data, and is without {what}")
            }
            Self::NoSuchField { method, field } => {
                write!(
                    f,
                    "the access policy of {method} names the field {field}, which its request does not have"
                )
            }
        }
    }
}

impl std::error::Error for PolicyError {}

/// One RPC of the mesh.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// As on the wire: `/lutong.identity.v1.IdentityService/RegisterPerson`.
    pub path: String,
    /// The package, for example `lutong.identity.v1`.
    pub package: String,
    pub access: Access,
    pub method: MethodDescriptor,
}

/// Every RPC of every `lutong.*` service with its policy, or the first thing that is wrong with one.
pub fn rpcs(pool: &DescriptorPool) -> Result<Vec<Rpc>, PolicyError> {
    let mut rpcs = Vec::new();
    for service in pool
        .services()
        .filter(|service| service.full_name().starts_with("lutong."))
    {
        for method in service.methods() {
            rpcs.push(Rpc {
                path: format!("/{}/{}", service.full_name(), method.name()),
                package: service.parent_file().package_name().to_owned(),
                access: access_of(pool, &method)?,
                method,
            });
        }
    }
    Ok(rpcs)
}

fn access_of(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<Access, PolicyError> {
    let name = || method.full_name().to_owned();
    let missing = || PolicyError::Missing { method: name() };
    let access: Access = options::read(pool, ACCESS, &method.options()).ok_or_else(missing)?;
    let empty = |what| PolicyError::Empty { method: name(), what };
    if access.callers.is_empty() || access.callers().any(|caller| caller == Caller::Unspecified) {
        return Err(empty("caller"));
    }
    if access.roles.is_empty() || access.roles().any(|role| role == Role::Unspecified) {
        return Err(empty("role"));
    }
    if access.scope() == Scope::Unspecified {
        return Err(empty("scope"));
    }
    if access.ledger && !access.recorded {
        return Err(PolicyError::Ledger {
            method: name(),
            what: "`recorded`",
        });
    }
    if access.ledger && !has_purpose(&method.input()) {
        return Err(PolicyError::Ledger {
            method: name(),
            what: "a required purpose in its request",
        });
    }
    if access.ledger
        && (access.classes.is_empty() || access.classes().any(|class| class == DataClass::Unspecified))
    {
        return Err(PolicyError::Ledger {
            method: name(),
            what: "classes of data",
        });
    }
    for field in [&access.subject_field, &access.division_field] {
        if !field.is_empty() && !has_path(&method.input(), field) {
            return Err(PolicyError::NoSuchField {
                method: name(),
                field: field.clone(),
            });
        }
    }
    Ok(access)
}

/// Whether whoever asks must say what for.
fn has_purpose(request: &prost_reflect::MessageDescriptor) -> bool {
    let Some(purpose) = request.get_field_by_name("purpose") else {
        return false;
    };
    let is_purpose = purpose
        .kind()
        .as_message()
        .is_some_and(|kind| kind.full_name() == PURPOSE);
    is_purpose && options::of_field(&purpose).required
}

fn has_path(message: &prost_reflect::MessageDescriptor, path: &str) -> bool {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    match (message.get_field_by_name(head), rest) {
        (Some(_), None) => true,
        (Some(field), Some(rest)) => field
            .kind()
            .as_message()
            .is_some_and(|inner| has_path(inner, rest)),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_of_the_contract_says_who_may_call_it() {
        let rpcs = rpcs(crate::descriptor_pool()).unwrap();
        assert!(rpcs.len() >= 15, "{}", rpcs.len());
        let show = rpcs
            .iter()
            .find(|rpc| rpc.path.ends_with("CodeService/ShowCode"))
            .unwrap();
        assert_eq!(show.access.callers().collect::<Vec<_>>(), [Caller::Gateway]);
        assert_eq!(show.access.scope(), Scope::Ward);
        assert_eq!(show.package, "lutong.code_rendering.v1");
    }

    #[test]
    fn what_inspects_others_is_in_the_ledger_recorded_and_with_a_purpose() {
        // What a service asks on behalf of somebody at the edge is in the ledger once, by the RPC that they called.
        let inspecting = |rpc: &Rpc| {
            let is_called_from_outside = rpc.access.callers().any(|caller| caller == Caller::Gateway);
            is_called_from_outside && rpc.method.name().starts_with("Inspect")
        };
        let rpcs = rpcs(crate::descriptor_pool()).unwrap();
        assert!(rpcs.iter().any(inspecting));
        for rpc in rpcs {
            assert!(!inspecting(&rpc) || rpc.access.ledger, "{}", rpc.path);
            // Reading the policy refuses the other two; here so that nobody takes that out.
            let is_whole = rpc.access.recorded && has_purpose(&rpc.method.input());
            assert!(!rpc.access.ledger || is_whole, "{}", rpc.path);
        }
    }
}
