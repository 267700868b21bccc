//! Who is at the other end of a connection, as the transport knows it.

mod probe;

use std::net::{IpAddr, Ipv6Addr};

use lutong_proto::policy::Caller;

pub use probe::Probe;

/// The mesh caller of a connection: named by the composition root in one process, by the subject alternative name
/// of the client certificate between processes. Request extensions are the chassis' own: a client cannot set them
/// over a network, and the in-process channel overwrites them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCaller(pub Caller);

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
