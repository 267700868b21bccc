//! The policy of every RPC, keyed by path, and the decision on one call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::policy::{self, Caller, DataClass, PolicyError, Scope};

use super::principal::{Principal, Roles};
use crate::record::objects::ExtractionPlan;

/// One RPC's policy, ready to be checked.
#[derive(Debug)]
pub struct RpcPolicy {
    /// `/lutong.identity.v1.IdentityService/RegisterPerson`.
    pub path: String,
    /// `lutong.identity.v1.IdentityService/RegisterPerson`: the label in logs and metrics.
    pub name: &'static str,
    pub service: ServiceName,
    pub scope: Scope,
    pub recorded: bool,
    /// What a call of the ledger reads; empty for all other calls.
    pub classes: Vec<DataClass>,
    /// Whether the client streams: the call lasts as long as messages arrive.
    pub streams: bool,
    /// Whether the server streams: the call lasts as long as there are answers.
    pub watches: bool,
    /// How long an answer may wait for something to happen, beyond what a call otherwise may take.
    pub waits: Duration,
    /// Which fields of a recorded call identify whom and what it is about; empty if the RPC is not recorded.
    pub objects: ExtractionPlan,
    callers: u32,
    roles: Roles,
}

/// Why a call was refused. The answer does not reveal who would be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NotSignedIn,
    Caller,
    Role,
}

impl Refusal {
    pub fn fault(self) -> Fault {
        match self {
            Self::NotSignedIn => Fault::new(
                FaultCode::Unauthenticated,
                "NOT_SIGNED_IN",
                "请先登录",
                "sign in first: this call needs a session",
            ),
            Self::Caller | Self::Role => Fault::new(
                FaultCode::PermissionDenied,
                "NOT_PERMITTED",
                "您没有权限进行此操作",
                "this call is not permitted to you",
            ),
        }
    }
}

impl RpcPolicy {
    pub fn check(&self, caller: Caller, principal: &Principal) -> Result<(), Refusal> {
        if self.callers & caller_bit(caller) == 0 {
            return Err(Refusal::Caller);
        }
        let public = self.roles.has(policy::Role::Public);
        if !public && !self.roles.intersects(principal.roles) {
            let anonymous = principal.roles == Roles::of(&[policy::Role::Public]);
            return Err(if anonymous {
                Refusal::NotSignedIn
            } else {
                Refusal::Role
            });
        }
        Ok(())
    }
}

impl RpcPolicy {
    /// The first role of the principal that the policy admits.
    pub fn acting_role(&self, principal: &Principal) -> policy::Role {
        let admitted = principal.roles.iter().find(|role| self.roles.has(*role));
        admitted.unwrap_or(policy::Role::Public)
    }
}

fn caller_bit(caller: Caller) -> u32 {
    1_u32
        .checked_shl(u32::try_from(caller as i32).unwrap_or(0))
        .unwrap_or(0)
}

/// Every RPC of the contract.
#[derive(Debug, Clone)]
pub struct AccessTable(Arc<HashMap<String, Arc<RpcPolicy>>>);

impl AccessTable {
    /// Reads the policies out of the contract. An RPC without one is an error, and nothing starts.
    pub fn from_contract() -> Result<Self, PolicyError> {
        let mut table = HashMap::new();
        for rpc in policy::rpcs(lutong_proto::descriptor_pool())? {
            let Some(service) = ServiceName::of_package(&rpc.package) else {
                return Err(PolicyError::Empty {
                    method: rpc.path,
                    what: "service that serves its package",
                });
            };
            let access = &rpc.access;
            let entry = RpcPolicy {
                // Leaked once per process: metric labels must be `'static`.
                name: Box::leak(rpc.path.trim_start_matches('/').to_owned().into_boxed_str()),
                service,
                scope: access.scope(),
                recorded: access.recorded,
                classes: if access.ledger {
                    access.classes().collect()
                } else {
                    Vec::new()
                },
                streams: rpc.method.is_client_streaming(),
                watches: rpc.method.is_server_streaming(),
                waits: Duration::from_secs(access.waits_s.into()),
                objects: if access.recorded {
                    ExtractionPlan::of(&rpc.method, access)
                } else {
                    ExtractionPlan::default()
                },
                callers: access.callers().fold(0, |set, caller| set | caller_bit(caller)),
                roles: Roles::of(&access.roles().collect::<Vec<_>>()),
                path: rpc.path.clone(),
            };
            table.insert(rpc.path, Arc::new(entry));
        }
        Ok(Self(Arc::new(table)))
    }

    pub fn get(&self, path: &str) -> Option<&Arc<RpcPolicy>> {
        self.0.get(path)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<RpcPolicy>> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_proto::policy::Role;

    fn with_roles(roles: &[Role]) -> Principal {
        Principal {
            roles: Roles::of(roles),
            ..Principal::public()
        }
    }

    /// Every RPC × every caller × every role.
    #[test]
    fn each_rpc_lets_in_exactly_the_callers_and_roles_that_the_contract_lists() {
        let table = AccessTable::from_contract().unwrap();
        let callers: Vec<Caller> = (1..=8).map(|n| Caller::try_from(n).unwrap()).collect();
        let roles: Vec<Role> = (1..=18).map(|n| Role::try_from(n).unwrap()).collect();
        let mut checked = 0;
        for rpc in policy::rpcs(lutong_proto::descriptor_pool()).unwrap() {
            let entry = table.get(&rpc.path).unwrap();
            for caller in &callers {
                for role in &roles {
                    let listed = rpc.access.callers().any(|c| c == *caller)
                        && rpc.access.roles().any(|r| r == *role || r == Role::Public);
                    let allowed = entry.check(*caller, &with_roles(&[*role])).is_ok();
                    assert_eq!(allowed, listed, "{} {caller:?} {role:?}", rpc.path);
                    checked += 1;
                }
            }
        }
        assert!(checked > 2_000, "{checked}");
    }

    #[test]
    fn a_refusal_does_not_recite_who_would_be_let_in() {
        for refusal in [Refusal::Caller, Refusal::Role] {
            let text = refusal.fault().to_string();
            assert!(!text.contains("ROLE_") && !text.contains("CALLER_"), "{text}");
        }
    }
}
