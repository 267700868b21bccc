//! The services of the contract, and the access policies of their RPCs.

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ServiceDescriptor, Value};

pub fn services(pool: &DescriptorPool) -> impl Iterator<Item = ServiceDescriptor> {
    pool.services()
        .filter(|service| service.full_name().starts_with("lutong."))
}

pub fn of(method: &MethodDescriptor) -> DynamicMessage {
    let access = method
        .parent_pool()
        .get_extension_by_name("lutong.policy.v1.access")
        .expect("the contract has the option access");
    match method.options().get_extension(&access).into_owned() {
        Value::Message(policy) => policy,
        _ => panic!("{} has no access policy", method.full_name()),
    }
}

/// Whether each call is written to the ledger.
pub fn is_of_ledger(policy: &DynamicMessage) -> bool {
    let ledger = policy.get_field_by_name("ledger");
    ledger.as_deref().and_then(Value::as_bool) == Some(true)
}
