//! Clients of the services that complaint calls, and the channels to them.

pub mod code_rendering;
pub mod declaration;
pub mod risk_rules;

use lutong_kernel::{Fault, ServiceName};
use lutong_transport::client::MeshChannel;

/// Channels to the other services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Keeps who read whose data.
    pub identity: MeshChannel,
    /// Takes what a source takes back.
    pub declaration: MeshChannel,
    /// Has what doors reported.
    pub code_rendering: MeshChannel,
    /// Has the decisions that people appeal against.
    pub risk_rules: MeshChannel,
}

fn contract_violation(part: ServiceName, error: &dyn std::fmt::Display) -> Fault {
    Fault::internal(format_args!("an answer of {part} outside the contract: {error}"))
}
