//! Who is at the other end of a connection, as the transport knows it.

mod probe;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use lutong_kernel::{ServiceName, Timestamp};
use lutong_proto::policy::Caller;

use crate::access::caller_of;

pub use probe::Probe;

/// Suffix of the names in mesh certificates: `declaration.lutong.internal`.
pub const MESH_DOMAIN: &str = "lutong.internal";

/// The mesh caller of a connection: named by the composition root in one process, by the subject alternative name
/// of the client certificate between processes. Request extensions are the chassis' own: a client cannot set them
/// over a network, and the in-process channel overwrites them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCaller(pub Caller);

/// The account that the certificate of a connection names, at the gateway's listener for staff and feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAccount {
    pub account: Arc<str>,
    /// When the certificate ends. The connection may outlive it, so each call looks.
    pub until: Timestamp,
}

/// The network address at the other end of a connection: what limits are counted by for callers without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub std::net::SocketAddr);

impl PeerAddress {
    /// Who is likely one household: an IPv4 address, or the first 64 bits of an IPv6 address.
    pub fn network(self) -> IpAddr {
        match self.0.ip().to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

/// The name a service's certificate carries.
pub fn mesh_name(service: ServiceName) -> String {
    format!("{}.{MESH_DOMAIN}", service.as_str())
}

/// The caller that a name in a certificate stands for.
pub fn caller_of_name(name: &str) -> Option<Caller> {
    let host = name.strip_suffix(MESH_DOMAIN)?.strip_suffix('.')?;
    if host == "operator" {
        return Some(Caller::Operator);
    }
    host.parse::<ServiceName>().ok().map(caller_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_mesh_are_callers() {
        assert_eq!(
            caller_of_name("risk-rules.lutong.internal"),
            Some(Caller::RiskRules)
        );
        assert_eq!(caller_of_name("operator.lutong.internal"), Some(Caller::Operator));
        for bad in [
            "risk-rules",
            "x.lutong.internal",
            "lutong.internal",
            "gateway.lutong.internal.evil",
            "",
        ] {
            assert_eq!(caller_of_name(bad), None, "{bad}");
        }
    }
}
