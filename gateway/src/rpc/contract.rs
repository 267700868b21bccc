//! The part of the contract that is reachable from outside, read from the descriptor set: the RPCs that list the gateway
//! among their callers, and their `google.api.http` rules.

mod http_rule;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use lutong_chassis::BuildError;
use lutong_kernel::ServiceName;
use lutong_proto::policy::{self, Access, Caller, Pool, Role, Scope};
use lutong_transport::client::MeshChannel;
use prost_reflect::{DescriptorPool, MethodDescriptor};

use super::pools::Work;
use crate::config::refused;
use crate::peers::Peers;

pub use http_rule::{HttpRule, http_rules};

/// One RPC that can be called from outside.
#[derive(Debug)]
pub struct EdgeRpc {
    /// `/lutong.complaint.v1.ComplaintService/GetComplaint`.
    pub path: String,
    /// The path as the URI to which a call is sent.
    pub uri: Uri,
    /// The label in metrics: `gateway/` and the name, so that the service's own count of the same call stays apart.
    pub label: &'static str,
    pub part: ServiceName,
    /// Absent where this process has no channel to the service, which is then unavailable.
    pub channel: Option<MeshChannel>,
    pub scope: Scope,
    pub roles: Vec<Role>,
    /// Whether anybody may call it, signed in or not.
    pub public: bool,
    /// Whether the client sends a stream; such a call lasts as long as rows arrive.
    pub streams: bool,
    pub work: Work,
    pub served_at: ServedAt,
    /// Whether each call sends a text message to a number that the caller chooses.
    pub sends_message: bool,
    /// How long an answer may wait for something to happen, beyond what a call otherwise may take.
    pub waits: Duration,
    /// Its place in the contract.
    pub order: usize,
    pub method: MethodDescriptor,
}

/// At which listeners of the gateway an RPC is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedAt {
    AllListeners,
    /// Not at the listener for partners.
    AllButPartners,
}

/// Every RPC that can be called from outside, by path.
#[derive(Debug)]
pub struct Contract(HashMap<String, Arc<EdgeRpc>>);

impl Contract {
    pub fn read(pool: &DescriptorPool, peers: &Peers) -> Result<Self, BuildError> {
        let mut table = HashMap::new();
        let rpcs = policy::rpcs(pool).map_err(|error| refused(error.to_string()))?;
        for (order, rpc) in rpcs.into_iter().enumerate() {
            // What only services may call, in their own name, is never called for somebody outside.
            let for_users = rpc.access.roles().any(|role| role != Role::Service);
            if !for_users || !rpc.access.callers().any(|caller| caller == Caller::Gateway) {
                continue;
            }
            let part = ServiceName::of_package(&rpc.package)
                .ok_or_else(|| refused(format!("no service serves {}", rpc.path)))?;
            let uri = Uri::try_from(rpc.path.as_str())
                .map_err(|error| refused(format!("{} is no path: {error}", rpc.path)))?;
            let edge = EdgeRpc {
                uri,
                // Leaked once in a process: metrics need labels that live as long as it does.
                label: Box::leak(format!("gateway{}", rpc.path).into_boxed_str()),
                part,
                channel: peers.get(part),
                scope: rpc.access.scope(),
                roles: rpc.access.roles().collect(),
                public: rpc.access.roles().any(|role| role == Role::Public),
                streams: rpc.method.is_client_streaming(),
                work: work_of(&rpc.access, &rpc.method),
                served_at: if rpc.access.partners {
                    ServedAt::AllListeners
                } else {
                    ServedAt::AllButPartners
                },
                sends_message: rpc.access.sends_message,
                waits: Duration::from_secs(rpc.access.waits_s.into()),
                order,
                method: rpc.method,
                path: rpc.path.clone(),
            };
            table.insert(rpc.path, Arc::new(edge));
        }
        Ok(Self(table))
    }

    /// What is served at the listener for partners.
    #[must_use]
    pub fn for_partners(&self) -> Self {
        let served = self
            .0
            .iter()
            .filter(|(_, rpc)| rpc.served_at == ServedAt::AllListeners);
        Self(
            served
                .map(|(path, rpc)| (path.clone(), Arc::clone(rpc)))
                .collect(),
        )
    }

    pub fn get(&self, path: &str) -> Option<&Arc<EdgeRpc>> {
        self.0.get(path)
    }

    /// In the contract's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<EdgeRpc>> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|rpc| rpc.order);
        all.into_iter()
    }
}

/// The pool of the policy. An RPC without one changes something; a stream without one is an import.
fn work_of(access: &Access, method: &MethodDescriptor) -> Work {
    match access.pool() {
        Pool::Show => Work::Show,
        Pool::Report => Work::Report,
        Pool::Import => Work::Import,
        Pool::Unspecified if method.is_client_streaming() => Work::Import,
        Pool::Write | Pool::Unspecified => Work::Write,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn contract() -> Contract {
        Contract::read(lutong_proto::descriptor_pool(), &Peers::new()).unwrap()
    }

    fn work(name: &str) -> Work {
        contract()
            .iter()
            .find(|rpc| rpc.path.ends_with(name))
            .map(|rpc| rpc.work)
            .unwrap()
    }

    #[test]
    fn only_what_lists_the_gateway_and_is_for_users_is_reachable() {
        let contract = contract();
        for path in [
            "/lutong.identity.v1.IdentityService/RegisterPerson",
            "/lutong.identity.v1.AccountService/GetAccount",
            "/lutong.code_rendering.v1.CodeService/ApplyDecisions",
            "/lutong.declaration.v1.EventLogService/ListEvents",
        ] {
            assert!(contract.get(path).is_none(), "{path}");
        }
        for path in [
            "/lutong.code_rendering.v1.CodeService/ShowCode",
            "/lutong.declaration.v1.FeedService/ImportFacts",
            "/lutong.risk_rules.v1.DecisionService/GetDecision",
        ] {
            assert!(contract.get(path).is_some(), "{path}");
        }
    }

    #[test]
    fn partners_reach_the_exchanges_and_subscriptions_and_nothing_that_takes_a_session() {
        let served = contract().for_partners();
        let paths: Vec<&str> = served.iter().map(|rpc| &*rpc.path).collect();
        assert_eq!(paths.len(), 12, "{paths:?}");
        for path in &paths {
            let service = path.rsplit_once('/').map(|(service, _)| service);
            let exchanges = Some("/lutong.federation.v1.ExchangeService");
            let subscriptions = Some("/lutong.federation.v1.SubscriptionService");
            assert!([exchanges, subscriptions].contains(&service), "{path}");
        }
        assert!(served.iter().all(|rpc| rpc.public && !rpc.streams));
    }

    #[test]
    fn a_call_works_in_the_pool_that_its_policy_says() {
        let shapes = crate::testing::contract();
        let work = |name: &str| {
            shapes
                .iter()
                .find(|rpc| rpc.path.ends_with(name))
                .map(|rpc| rpc.work)
        };
        assert_eq!(work("/CreateThing"), Some(Work::Write), "what says nothing");
        assert_eq!(work("/ListThings"), Some(Work::Show));
        assert_eq!(work("/EndThing"), Some(Work::Report));
    }

    #[test]
    fn showing_and_verifying_never_wait_for_anything_else() {
        for name in ["/ShowCode", "/VerifyToken", "/ListKeys"] {
            assert_eq!(work(name), Work::Show, "{name}");
        }
        for name in ["/CreateApplication", "/CreateArrival", "/CreateComplaint"] {
            assert_eq!(work(name), Work::Write, "{name}");
        }
        assert!(
            contract()
                .iter()
                .all(|rpc| !rpc.streams || rpc.work == Work::Import)
        );
    }
}
