//! The identity of a connection's peer, as the transport knows it.

mod probe;

use std::net::{IpAddr, Ipv6Addr};

use lutong_proto::policy::Caller;

pub use probe::Probe;

/// The mesh caller of a connection: named by the composition root in one process, by the subject alternative name of
/// the client certificate between processes. Request extensions are trustworthy: a client cannot set them over a
/// network, and the in-process channel overwrites them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCaller(pub Caller);

/// The peer's network address, by which anonymous callers are rate limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub std::net::SocketAddr);

impl PeerAddress {
    /// The address range likely shared by one household: an IPv4 address, or an IPv6 /64.
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
